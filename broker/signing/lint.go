package signing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
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
	File     string // of a version; "" where one ring alone was looked at
	Line     int    // from 1; 0 for the ring as a whole
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

func (l *linter) breaks(err error) {
	l.found = append(l.found, LintFinding{Severity: Broken, Err: err})
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

// roles looks for what the policy asks for and nobody can give, in each realm in which
// anybody may sign.
func (l *linter) roles(p *Policy) {
	live, exercise := l.ring.sides(alert.RealmLive, l.now), l.ring.sides(alert.RealmExercise, l.now)
	switch {
	case len(exercise) == 0, maps.EqualFunc(live, exercise, slices.Equal[[]string]):
		l.rolesOf(p, live, "")
	case len(live) == 0:
		l.rolesOf(p, exercise, "")
	default: // people are enrolled for one realm alone
		l.rolesOf(p, live, " ("+string(alert.RealmLive)+")")
		l.rolesOf(p, exercise, " ("+string(alert.RealmExercise)+")")
	}
	if p.breakglass != nil && !l.ring.canBreakGlass(l.now) {
		l.say(0, Weak, "le regole ammettono l'emissione d'emergenza e nessuna organizzazione ha sia un officer sia un breakglass, due persone",
			"the policy allows break-glass and no organisation has both an officer and a breakglass, two persons")
	}
}

func (l *linter) rolesOf(p *Policy, can sides, realm string) {
	said, unmet := map[Role]bool{}, map[string][]string{}
	for _, subject := range Subjects(p) {
		rule := p.rule(subject)
		if subject.Breakglass || can.give(rule) {
			continue
		}
		whole := true
		for _, slot := range rule.slots() {
			if slices.ContainsFunc(slot, func(r Role) bool { return len(can[r]) > 0 }) {
				continue
			}
			whole = false
			if !slices.ContainsFunc(slot, func(r Role) bool { return said[r] }) {
				said[slot[0]] = true
				l.say(0, Weak, "le regole chiedono la firma di: "+slot[0].Title("it")+"; nessuno può darla"+realm, "the policy asks for the signature of: "+slot[0].Title("en")+"; nobody can give it"+realm)
			}
		}
		if whole {
			unmet[rule.text()] = append(unmet[rule.text()], subject.part())
		}
	}
	for text, parts := range unmet {
		names := strings.Join(parts, ", ")
		l.say(0, Weak, names+": nessuno può soddisfare la regola "+text+": le firme devono venire da organizzazioni diverse, e quelle di chi può darle non bastano"+realm,
			names+": nobody can satisfy the rule "+text+": the signatures must come from different organisations, and those who can give them have too few"+realm)
	}
}

// sides has for each role the organisations whose people may sign in it.
type sides map[Role][]string

// sides returns who may sign in a realm at a moment. Whom an authority enrols is not
// known: it stands for its organisation.
func (r *Ring) sides(realm alert.Realm, at time.Time) sides {
	can := sides{}
	for i := range r.lines {
		l := &r.lines[i]
		if l.covers(at) && !r.Revoked(l.Key) && slices.Contains(l.Realms, realm) && !slices.Contains(can[l.Role], l.Organisation) {
			can[l.Role] = append(can[l.Role], l.Organisation)
		}
	}
	return can
}

// give reports whether people of these organisations can satisfy a rule: with the
// arithmetic that decides on each release.
func (can sides) give(rule Rule) bool {
	var people []Signer
	for _, role := range rule.Roles() {
		for i, organisation := range can[role] {
			if i == len(Roles()) { // as many as a rule has signatures, at most: more make no difference
				break
			}
			people = append(people, Signer{Organisation: organisation, Role: role})
		}
	}
	// People of two organisations are two, and a ring holds no key twice.
	_, ok := choose(rule.slots(), people, func(a, b *Signer) bool { return a.Organisation != b.Organisation })
	return ok
}

// CanRelease reports whether the people of the version could release an alert in a realm
// at a moment: without such people the service can begin nothing.
func (v *Version) CanRelease(realm alert.Realm, at time.Time) bool {
	return v.ring.sides(realm, at).give(v.policy.rules[alert.MsgAlert])
}

// Lint is [Lint] for both rings of a version, and for how many managers must sign what
// comes next.
func (v *Version) Lint(now time.Time) []LintFinding {
	signers := Lint(v.files[FileSigners], v.files[FileRevoked], v.policy, now)
	for i := range signers {
		signers[i].File = FileSigners
	}
	root := append(v.lintThreshold(now), Lint(v.files[FileRoot], v.files[FileRevoked], nil, now)...)
	for i := range root {
		root[i].File = FileRoot
	}
	return append(signers, root...)
}

func (v *Version) lintThreshold(now time.Time) []LintFinding {
	var l linter
	need := v.Meta.Threshold
	if need == 1 {
		l.say(0, Weak, "basta la firma di un responsabile solo (threshold 1): chi ha una sua chiave decide chi firma; chiederne due", "one manager alone is enough (threshold 1): whoever has their key decides who signs; ask for two")
	}
	live, exercise := v.managers(alert.RealmLive, now), v.managers(alert.RealmExercise, now)
	switch {
	case len(exercise) == 0, maps.Equal(live, exercise):
		l.managers(need, live, "")
	case len(live) == 0:
		l.managers(need, exercise, "")
	default: // each realm may lack what the other one has
		l.managers(need, live, " ("+string(alert.RealmLive)+")")
		l.managers(need, exercise, " ("+string(alert.RealmExercise)+")")
	}
	return l.found
}

// managers looks for what keeps these people, each of an organisation, from signing together what comes next.
func (l *linter) managers(need int, people map[string]string, realm string) {
	houses := map[string]bool{}
	for _, house := range people {
		houses[house] = true
	}
	switch {
	case len(people) < need:
		l.breaks(fmt.Errorf("%d managers must sign each version, and there are %d: lower --threshold, or add managers%s", need, len(people), realm))
	case need > 1 && len(houses) < 2:
		l.breaks(fmt.Errorf("more than one manager must sign, and all of them are of one organisation: add managers of another%s", realm))
	case need > 1 && len(people) == need:
		l.say(0, Weak, "devono firmare tutti i responsabili: se uno perde la chiave, il portachiavi non si cambia più; aggiungerne un altro"+realm,
			"all managers must sign: if one loses the key, the key ring can't be changed any more; add another"+realm)
	}
}

// managers returns who may sign versions in a realm at a moment, with the organisation of
// each.
func (v *Version) managers(realm alert.Realm, at time.Time) map[string]string {
	people := map[string]string{}
	for i := range v.root.lines {
		if l := &v.root.lines[i]; l.covers(at) && !v.root.Revoked(l.Key) && slices.Contains(l.Realms, realm) {
			people[l.Principal] = l.Organisation
		}
	}
	return people
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
