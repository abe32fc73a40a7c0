package signing

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
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
	g.AtOnce, g.Events, g.Channels = slices.Clone(g.AtOnce), slices.Clone(g.Events), slices.Clone(g.Channels)
	return g, true
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
	}, "attempts", "wait_minutes", "at_once", "events", "channels", "life_minutes", "per_day")
	if err != nil {
		return err
	}
	for _, code := range g.AtOnce {
		if !slices.Contains(g.Events, code) {
			return refuseNode(n, "%.64q stands under at_once and not under events", code)
		}
	}
	if len(g.Events) == 0 || len(g.Channels) == 0 {
		return refuseNode(n, "events and channels must not be empty: leave breakglass out to allow nothing")
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
