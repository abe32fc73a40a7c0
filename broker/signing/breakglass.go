package signing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"tocsin/broker/alert"
)

// This file says what a policy allows where the other organisation cannot be reached:
// a bulletin that two people of one organisation release (docs/breakglass.md).

// The bounds of what a policy may allow.
const (
	maxAttempts = 9
	maxWait     = 60 // minutes
	maxLife     = 30 // minutes
	maxPerDay   = 24
	maxListed   = 64 // events or channels
)

// BreakglassRules say under which circumstances two people of one organisation may
// release a bulletin, the officer and another person in the role [Breakglass]. Every
// value is asked for in a policy: what is narrow must have been decided.
type BreakglassRules struct {
	Attempts int           // contact attempts in the ledger, at least
	Wait     time.Duration // from the first of them to the release
	// AtOnce lists events, out of Events, that begin suddenly: for these nobody waits.
	AtOnce []string
	// Events lists the CAP event codes, "NAME/VALUE", for which it is allowed.
	Events   []string
	Channels []string      // the only ones to which it may go
	Life     time.Duration // from when it was composed to its end, at most
	PerDay   int           // in any 24 hours, at most
	// Notify lists who is told at once when such a bulletin is released: recipients by
	// their names in the nodes' configuration.
	Notify []string
}

// WaitFor returns how long it takes from the first contact attempt to the release for
// a message whose infos have these event codes; false where they are not all allowed.
func (g *BreakglassRules) WaitFor(codes [][]string) (time.Duration, bool) {
	listed := func(list []string) bool {
		return len(codes) > 0 && !slices.ContainsFunc(codes, func(of []string) bool {
			return !slices.ContainsFunc(of, func(code string) bool { return slices.Contains(list, code) })
		})
	}
	switch {
	case listed(g.AtOnce):
		return 0, true
	case listed(g.Events):
		return g.Wait, true
	}
	return 0, false
}

// Breakglass returns what the policy allows where the other organisation cannot be
// reached; false where it allows nothing.
func (p *Policy) Breakglass() (BreakglassRules, bool) {
	if p.breakglass == nil {
		return BreakglassRules{}, false
	}
	g := *p.breakglass
	g.AtOnce, g.Events, g.Channels, g.Notify = slices.Clone(g.AtOnce), slices.Clone(g.Events), slices.Clone(g.Channels), slices.Clone(g.Notify)
	return g, true
}

// Circumstances is what the ledger says of a break-glass bulletin. Both lists are cut
// off where they do not concern it any more, so that it is judged alike by all.
type Circumstances struct {
	// Contacts are the attempts to reach somebody that were recorded for its alert before
	// it was handed in.
	Contacts []Contact
	// Earlier are the moments at which other break-glass bulletins had their signatures,
	// those in the ledger before this one has them.
	Earlier []time.Time
	// Halted says that the bulletin in whose place it stands was refused or withdrawn.
	Halted bool
}

// A Contact is an attempt to reach somebody, as the ledger recorded it.
type Contact struct {
	Record   int64
	At       time.Time // when the broker took the record
	Bulletin string    // SHA-256 of the one that they were to sign
	Number   int       // and its number
	Way      alert.Way
	Whom     Role
}

// breakglassRule returns who must sign a break-glass bulletin, or why the policy does
// not allow it, by what its bytes say.
func (p *Policy) breakglassRule(req *Request) (Rule, *RefusedError) {
	g := p.breakglass
	refuse := func(reason Reason, format string, args ...any) (Rule, *RefusedError) {
		return Rule{}, &RefusedError{Reason: reason, Err: fmt.Errorf(format, args...)}
	}
	if g == nil || req.Prepared != "" {
		return Rule{}, &RefusedError{Reason: ReasonGlassNotAllowed}
	}
	if _, ok := g.WaitFor(req.Events); !ok {
		return refuse(ReasonGlassEvent, "its event codes are %.256q, allowed are %q", req.Events, g.Events)
	}
	for _, c := range req.Channels {
		if !slices.Contains(g.Channels, c) {
			return refuse(ReasonGlassChannel, "it goes to %.64q, allowed are %q", c, g.Channels)
		}
	}
	switch end := req.Composed.Add(g.Life); {
	case req.Expires.IsZero() || req.Expires.After(end):
		return refuse(ReasonGlassLife, "it was composed at %s and ends at %s, allowed are %d minutes", req.Composed.UTC().Format(time.RFC3339), req.Expires.UTC().Format(time.RFC3339), int(g.Life.Minutes()))
	case req.NotAfter.IsZero() || req.NotAfter.After(end):
		return refuse(ReasonGlassLife, "it does not say by when it must be signed, or says a time after its longest life")
	}
	if n := len(req.Breakglass.Contacts); n < g.Attempts {
		return refuse(ReasonGlassContacts, "it relies on %d, at least %d are asked for", n, g.Attempts)
	}
	ordinary := p.rules[req.MsgType]
	for _, c := range req.Breakglass.Contacts {
		// Who is to sign with the officer, and not somebody of the same house.
		if whom := Role(c.Whom); whom == Officer || whom == Breakglass || !slices.Contains(ordinary.Roles(), whom) {
			return refuse(ReasonGlassContacts, "an attempt was to reach %.32q, who does not co-sign such a message", c.Whom)
		}
	}
	return oneHouse(), nil
}

// oneHouse is who signs a break-glass bulletin, whatever else a policy says.
func oneHouse() Rule { return Rule{All: []Role{Officer, Breakglass}} }

// RuleOf returns the rule for a request; false for what is not signed, or not allowed.
func (p *Policy) RuleOf(req Request) (Rule, bool) {
	if req.Breakglass == nil {
		return p.Rule(req.MsgType, req.Prepared)
	}
	r, refusal := p.breakglassRule(&req)
	return r, refusal == nil
}

// apart returns how those who sign must stand to each other, and for a break-glass
// bulletin what else must hold at its release.
func (a *Authority) apart(req *Request) (func(a, b *Signer) bool, func(at time.Time) *RefusedError) {
	if req.Breakglass == nil {
		return strangers, nil
	}
	return colleagues, func(at time.Time) *RefusedError {
		if why := a.Policy.timely(req, at); why != nil {
			return why
		}
		return a.Policy.within(req, at)
	}
}

// timely says why a break-glass bulletin may not be released at a moment, by its
// contact attempts in the ledger.
func (p *Policy) timely(req *Request, at time.Time) *RefusedError {
	g := p.breakglass
	refuse := func(format string, args ...any) *RefusedError {
		return &RefusedError{Reason: ReasonGlassContacts, Err: fmt.Errorf(format, args...)}
	}
	if req.Circumstances == nil {
		return refuse("the ledger was not asked")
	}
	if req.Circumstances.Halted {
		return &RefusedError{Reason: ReasonGlassHalted}
	}
	if ahead := req.Composed.Sub(at); ahead > maxAhead { // it would hold for longer than it says
		return &RefusedError{Reason: ReasonGlassLife, Err: fmt.Errorf("it was composed %v after it was signed", ahead)}
	}
	var first time.Time
	for _, c := range req.Breakglass.Contacts {
		i := slices.IndexFunc(req.Circumstances.Contacts, func(have Contact) bool {
			return have.Record == c.Record && have.At.UTC().Truncate(time.Second).Equal(c.At) && have.Way == c.Way && have.Whom == Role(c.Whom) &&
				have.Bulletin == req.Breakglass.InsteadOf && have.Number == req.Number
		})
		if i < 0 {
			return refuse("record %d is none of them for the bulletin that it stands for", c.Record)
		}
		if have := req.Circumstances.Contacts[i]; first.IsZero() || have.At.Before(first) {
			first = have.At
		}
	}
	wait, _ := g.WaitFor(req.Events)
	if over := first.Add(wait); at.Before(over) {
		// In whole seconds, as it is told: not one in which it is not over yet.
		return &RefusedError{Reason: ReasonGlassWait, Curable: true, When: over.Add(time.Second - 1).Truncate(time.Second)}
	}
	return nil
}

// perDay is how far back break-glass is counted. A day of the calendar would allow twice
// as much around midnight.
const perDay = 24 * time.Hour

// NearBreakglass reports whether a break-glass bulletin that expires at other may be one
// of those that count for one that expires at end: none holds for longer than maxLife,
// and a clock may be ahead by maxAhead. It spares reading all others.
func NearBreakglass(other, end time.Time) bool {
	const slack = 2 * (maxLife*time.Minute + maxAhead)
	return other.After(end.Add(-perDay-slack)) && other.Before(end.Add(slack))
}

// within says why a break-glass bulletin may not be released at a moment, by those that
// were before it.
func (p *Policy) within(req *Request, at time.Time) *RefusedError {
	var recent []time.Time
	for _, t := range req.Circumstances.Earlier {
		if t.After(at.Add(-perDay)) {
			recent = append(recent, t)
		}
	}
	if over := len(recent) - p.breakglass.PerDay; over >= 0 {
		slices.SortFunc(recent, time.Time.Compare)
		return &RefusedError{Reason: ReasonGlassLimit, When: recent[over].Add(perDay)}
	}
	return nil
}

// Completed returns when a break-glass bulletin had all that the policy asks for, but
// for how many there may be: what counts for those after it. It returns false for every
// other bulletin, and where something is missing.
func (a *Authority) Completed(req Request, sts []Statement, now time.Time) (time.Time, bool) {
	rule, refusal := a.checkRequest(&req, now)
	if refusal != nil || req.Breakglass == nil {
		return time.Time{}, false
	}
	approvals, _ := a.weigh(&req, req.Message.SHA256(), rule, sts, now)
	released, _ := release(rule, approvals, colleagues, func(at time.Time) *RefusedError { return a.Policy.timely(&req, at) })
	if released == nil || released[len(released)-1].At.After(req.NotAfter) {
		return time.Time{}, false
	}
	return released[len(released)-1].At, true
}

func (p *Policy) readBreakglass(n ast.Node) error {
	var g BreakglassRules
	var wait, life int
	err := eachKey(n, map[string]func(ast.Node) error{
		"attempts":     readCount(&g.Attempts, 1, maxAttempts),
		"wait_minutes": readCount(&wait, 0, maxWait),
		"at_once":      readListed(&g.AtOnce, isEventCode, "an event code; write it like RISCHIO/SISMICO, name and value of a CAP eventCode"),
		"events":       readListed(&g.Events, isEventCode, "an event code; write it like RISCHIO/IDROGEO, name and value of a CAP eventCode"),
		"channels":     readListed(&g.Channels, isChannelName, "a channel's name; write it as the configuration has it"),
		"life_minutes": readCount(&life, 1, maxLife),
		"per_day":      readCount(&g.PerDay, 1, maxPerDay),
		"notify":       readListed(&g.Notify, isChannelName, "a recipient's name; write it as the configuration has it under notify"),
	}, breakglassKeys()...)
	if err != nil {
		return err
	}
	for _, code := range g.AtOnce {
		if !slices.Contains(g.Events, code) {
			return refuseNode(n, "%.64q stands under at_once and not under events", code)
		}
	}
	if len(g.Events) == 0 || len(g.Channels) == 0 || len(g.Notify) == 0 {
		return refuseNode(n, "events, channels and notify must not be empty: leave breakglass out to allow nothing")
	}
	g.Wait, g.Life = time.Duration(wait)*time.Minute, time.Duration(life)*time.Minute
	p.breakglass = &g
	return nil
}

// readCount reads a whole number in plain digits.
func readCount(to *int, least, most int) func(ast.Node) error {
	return func(n ast.Node) error {
		v, ok := n.(*ast.IntegerNode)
		if !ok {
			return refuseNode(n, "a whole number from %d to %d is wanted here", least, most)
		}
		i, err := strconv.Atoi(v.Token.Value)
		if err != nil || i < least || i > most || strconv.Itoa(i) != v.Token.Value {
			return refuseNode(n, "a whole number from %d to %d is wanted here", least, most)
		}
		*to = i
		return nil
	}
}

// readListed reads a list of texts of a form, each once.
func readListed(to *[]string, form func(string) bool, what string) func(ast.Node) error {
	return func(n ast.Node) error {
		list, err := readStrings(n, maxListed)
		if err != nil {
			return err
		}
		for _, s := range list {
			if !form(s.Value) {
				return refuseNode(s, "%.64q is not "+what, s.Value)
			}
			if slices.Contains(*to, s.Value) {
				return refuseNode(s, "%.64q is given twice", s.Value)
			}
			*to = append(*to, s.Value)
		}
		return nil
	}
}

// isEventCode reports whether s is name and value of a CAP eventCode, in letters that
// the auditor's script can read.
func isEventCode(s string) bool {
	name, value, ok := strings.Cut(s, "/")
	return ok && name != "" && value != "" && len(s) <= 128 && only(s, lettersAndDigits+"ABCDEFGHIJKLMNOPQRSTUVWXYZ.:/_-")
}

// isChannelName reports whether s can be a channel's name.
func isChannelName(s string) bool {
	return s != "" && len(s) <= 63 && s[0] != '-' && only(s, lettersAndDigits+"-")
}
