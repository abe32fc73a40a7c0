package signing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Severity says how much a finding matters.
type Severity string

// The severities, gravest first.
const (
	Broken Severity = "error"   // a node would not take it
	Weak   Severity = "warning" // it works, and it will fail somebody
	Noted  Severity = "note"
)

// A LintFinding is something that is wrong, weak or worth knowing about a key ring.
type LintFinding struct {
	Line     int // from 1; 0 for the ring as a whole
	Severity Severity
	Err      error  // of what is Broken; else nil
	Italian  string // of what is not Broken
	English  string
}

// The bounds beyond which a line is weak.
const (
	soonEnds = 30 * 24 * time.Hour
	longLife = 2 * 366 * 24 * time.Hour
)

// Lint names every line of a key ring that is wrong or weak at a moment, and what is
// weak about the ring as a whole. Unlike ParseRing it goes on after a line that is
// wrong. policy may be nil.
func Lint(text, revoked []byte, policy *Policy, now time.Time) []LintFinding {
	l := linter{ring: &Ring{byKey: map[string][]int{}, revoked: map[string]bool{}}, now: now}
	if err := eachLine("revoked", revoked, l.ring.addRevoked); err != nil {
		l.found = append(l.found, LintFinding{Severity: Broken, Err: err})
	}
	if len(text) > maxRingBytes {
		return append(l.found, LintFinding{Severity: Broken, Err: fmt.Errorf("it is longer than %d bytes", maxRingBytes)})
	}
	n := 0
	for raw := range bytes.SplitSeq(text, []byte("\n")) {
		n++
		line := strings.Trim(string(raw), " \t\r")
		err := checkText(raw)
		if err == nil && line != "" && line[0] != '#' {
			err = l.ring.addLine(n, line)
		}
		if err != nil {
			l.found = append(l.found, LintFinding{Line: n, Severity: Broken, Err: err})
		}
	}
	if len(l.ring.lines) == 0 {
		l.found = append(l.found, LintFinding{Severity: Broken, Err: errors.New("there is no signer in it; add a line for each person who may sign")})
	}
	l.lines()
	l.people()
	if policy != nil {
		l.roles(policy)
	}
	slices.SortStableFunc(l.found, func(a, b LintFinding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.English, b.English))
	})
	return l.found
}

type linter struct {
	ring  *Ring
	now   time.Time
	found []LintFinding
}

func (l *linter) say(line int, s Severity, italian, english string) {
	l.found = append(l.found, LintFinding{Line: line, Severity: s, Italian: italian, English: english})
}

func (l *linter) lines() {
	for i := range l.ring.lines {
		is := &l.ring.lines[i]
		ends := is.ValidBefore.Format("2006-01-02 15:04 UTC")
		switch {
		case l.ring.Revoked(is.Key):
			l.say(is.Line, Noted, "la chiave è revocata: la riga non vale più", "the key is revoked: the line is of no effect any more")
		case l.now.After(is.ValidBefore):
			l.say(is.Line, Noted, "scaduta il "+ends+"; resta per le firme fatte prima", "it ended on "+ends+"; it stays for what was signed before")
		case is.covers(l.now) && !is.covers(l.now.Add(soonEnds)) && !l.ring.renewed(is, l.now.Add(soonEnds)):
			l.say(is.Line, Weak, "scade il "+ends+" e nessun'altra riga la rinnova: tocsin keys rotate", "it ends on "+ends+" and no other line renews it: tocsin keys rotate")
		}
		if is.ValidBefore.Sub(is.ValidAfter) > longLife {
			l.say(is.Line, Weak, "vale per più di due anni: chi lascia il servizio resta nel portachiavi; accorciarla", "it holds for more than two years: who leaves the service stays in the ring; shorten it")
		}
		if is.Authority {
			l.say(is.Line, Noted, "è un'autorità: chi abilita le persone di "+is.Organisation+" lo decide chi ha questa chiave", "it is an authority: who holds this key enrols the people of "+is.Organisation)
		}
	}
}

// people looks for what hangs on one key or on one person: they are on leave when the
// river rises.
func (l *linter) people() {
	keys, people := map[string]map[string]bool{}, map[string]map[string]bool{}
	first, enrols := map[string]int{}, map[string]bool{}
	add := func(to map[string]map[string]bool, of, what string, line int) {
		if to[of] == nil {
			to[of], first[of] = map[string]bool{}, line
		}
		to[of][what] = true
	}
	for i := range l.ring.lines {
		is := &l.ring.lines[i]
		if !is.covers(l.now) || l.ring.Revoked(is.Key) {
			continue
		}
		team := string(is.Role) + " " + is.Organisation
		if is.Authority {
			enrols[team] = true
			continue
		}
		add(keys, is.Principal, is.Fingerprint, is.Line)
		add(people, team, is.Principal, is.Line)
	}
	for name, has := range keys {
		if len(has) == 1 {
			l.say(first[name], Weak, name+" ha una sola chiave: se la perde non può firmare; aggiungerne una di riserva", name+" has one key only: without it there is no signature; add a spare one")
		}
	}
	for team, has := range people {
		if role, organisation, _ := strings.Cut(team, " "); len(has) == 1 && !enrols[team] {
			l.say(first[team], Weak, "in "+organisation+" firma come "+Role(role).Title("it")+" una persona sola: aggiungerne un'altra", "of "+organisation+" one person only signs as "+Role(role).Title("en")+": add another")
		}
	}
}

// roles looks for what the policy asks for and nobody can give.
func (l *linter) roles(p *Policy) {
	can := map[Role]bool{}
	for i := range l.ring.lines {
		if is := &l.ring.lines[i]; is.covers(l.now) && !l.ring.Revoked(is.Key) {
			can[is.Role] = true
		}
	}
	said := map[Role]bool{}
	for _, rule := range p.rules {
		for _, slot := range rule.slots() {
			if slices.ContainsFunc(slot, func(r Role) bool { return can[r] || said[r] }) {
				continue
			}
			said[slot[0]] = true
			l.say(0, Weak, "le regole chiedono la firma di: "+slot[0].Title("it")+"; nessuno può darla", "the policy asks for the signature of: "+slot[0].Title("en")+"; nobody can give it")
		}
	}
	if p.breakglass != nil && !l.ring.canBreakGlass(l.now) {
		l.say(0, Weak, "le regole ammettono l'emissione d'emergenza e nessuna organizzazione ha sia un officer sia un breakglass, due persone",
			"the policy allows break-glass and no organisation has both an officer and a breakglass, two persons")
	}
}

// canBreakGlass reports whether two people of one organisation could release a
// bulletin at a moment. Whom an authority enrols is not known.
func (r *Ring) canBreakGlass(now time.Time) bool {
	for i := range r.lines {
		for j := range r.lines {
			a, b := &r.lines[i], &r.lines[j]
			if a.Role == Officer && b.Role == Breakglass && a.Organisation == b.Organisation && (a.Authority || b.Authority || a.Principal != b.Principal) &&
				a.covers(now) && b.covers(now) && !r.Revoked(a.Key) && !r.Revoked(b.Key) {
				return true
			}
		}
	}
	return false
}
