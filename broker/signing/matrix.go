package signing

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/signing/sshsig"
)

// A Case is one row of a policy's matrix: who signed, and under which
// circumstances. Its texts are for people.
type Case struct {
	Signed  []Role // who signed, in the order in which they did
	Persons string // "apart", "one_organisation", "one_person": how the signers stand to each other
	Trouble string // "" or what is the matter, one of Troubles
}

// Troubles lists what is the matter with the last signature, or with the bulletin,
// in the second part of a matrix.
func Troubles() []string {
	return []string{"other_realm", "key_expired", "expired_since", "not_yet_valid", "revoked", "not_in_ring", "same_key", "alert_expired"}
}

// BreakglassTroubles lists what else may be the matter with a break-glass bulletin.
func BreakglassTroubles() []string {
	return []string{"wait_not_over", "few_attempts", "not_recorded", "other_event", "other_channel", "too_long", "too_many"}
}

// A Subject is what is signed: a type of message, in words of one's own or, with Kind,
// as it was prepared inside another bulletin.
type Subject struct {
	MsgType    alert.MsgType
	Kind       bulletin.Kind
	Breakglass bool // in the place of an Alert that the other organisation has not signed
}

// Subjects lists what a policy has a rule for, in the order of a matrix.
func Subjects(p *Policy) []Subject {
	all := bulletinSubjects()
	if p.breakglass != nil {
		last := len(all) - 1 // what ratifies follows what it ratifies
		return append(all[:last:last], Subject{MsgType: alert.MsgAlert, Breakglass: true}, all[last])
	}
	return slices.DeleteFunc(all, func(s Subject) bool { return s.Kind == bulletin.Ratification })
}

// bulletinSubjects lists what every policy has a rule for, be it by leaving it out.
func bulletinSubjects() []Subject {
	return []Subject{
		{MsgType: alert.MsgAlert}, {MsgType: alert.MsgUpdate}, {MsgType: alert.MsgCancel},
		{MsgType: alert.MsgUpdate, Kind: bulletin.Correction}, {MsgType: alert.MsgCancel, Kind: bulletin.Revocation}, {MsgType: alert.MsgUpdate, Kind: bulletin.Ratification},
	}
}

// rule returns the rule for a subject.
func (p *Policy) rule(s Subject) Rule {
	if s.Breakglass {
		return oneHouse()
	}
	r, _ := p.Rule(s.MsgType, s.Kind)
	return r
}

// part names the part of a policy that rules a subject, as its file does.
func (s Subject) part() string {
	switch {
	case s.Breakglass:
		return "breakglass"
	case s.Kind != "":
		return "prepared." + string(s.Kind)
	}
	return strings.ToLower(string(s.MsgType))
}

// A Verdict is what Authorize says of a case for one subject; "" for released.
type Verdict struct {
	Subject
	Realm   alert.Realm
	Refused Reason
	Missing []Role
}

// A Row is a case and the verdicts on it, by subject and realm.
type Row struct {
	Case
	Verdicts []Verdict
}

// matrixTime is when the matrix is walked. What comes before and after is told by
// the troubles.
var matrixTime = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Matrix walks who signed × what is signed × realm × time through Authorize, with
// keys that are made for it and signatures that are verified, and returns what the
// policy lets happen: first every set of up to as many roles as the policy asks for
// (two at least), of people of different organisations, of one, and of one person;
// then what is the matter with the last of a set that would release.
func Matrix(p *Policy) ([]Row, error) {
	size := 2
	for _, s := range Subjects(p) {
		size = max(size, p.rule(s).Signatures())
	}
	var rows []Row
	for n := 1; n <= size; n++ {
		for _, set := range rolesOf(n) {
			for _, persons := range []string{"apart", "one_organisation", "one_person"} {
				if n > 1 || persons == "apart" {
					rows = append(rows, Row{Case: Case{Signed: set, Persons: persons}})
				}
			}
		}
	}
	// The first set of each subject that would release is what can be spoilt.
	var spoilt []Case
	for _, s := range Subjects(p) {
		c := Case{Persons: "apart"}
		for _, slot := range p.rule(s).slots() {
			c.Signed = append(c.Signed, slot[0])
		}
		if s.Breakglass {
			c.Persons = "one_organisation"
		}
		if !slices.ContainsFunc(spoilt, func(have Case) bool { return slices.Equal(have.Signed, c.Signed) && have.Persons == c.Persons }) {
			spoilt = append(spoilt, c)
		}
	}
	for _, c := range spoilt {
		troubles := Troubles()
		if c.Persons == "one_organisation" {
			troubles = append(troubles, BreakglassTroubles()...)
		}
		for _, t := range troubles {
			if t != "same_key" || len(c.Signed) > 1 {
				c.Trouble = t
				rows = append(rows, Row{Case: c})
			}
		}
	}
	for i := range rows {
		if err := rows[i].walk(p); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// rolesOf returns the sets of n roles that sign bulletins.
func rolesOf(n int) (sets [][]Role) {
	all := slices.DeleteFunc(Roles(), func(r Role) bool { return r == Keyring })
	var choose func(from int, set []Role)
	choose = func(from int, set []Role) {
		if len(set) == n {
			sets = append(sets, slices.Clone(set))
			return
		}
		for i := from; i < len(all); i++ {
			choose(i+1, append(set, all[i]))
		}
	}
	choose(0, nil)
	return sets
}

// walk has the case judged for each subject and realm.
func (r *Row) walk(p *Policy) error {
	for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
		for _, s := range Subjects(p) {
			v, err := r.judge(p, s, realm)
			if err != nil {
				return err
			}
			r.Verdicts = append(r.Verdicts, v)
		}
	}
	return nil
}

func (r *Row) judge(p *Policy, s Subject, realm alert.Realm) (Verdict, error) {
	req := Request{Bytes: []byte("bulletin of the matrix\n"), Realm: realm, MsgType: s.MsgType, Prepared: s.Kind, Expires: matrixTime.Add(time.Hour)}
	if s.Breakglass {
		p.fill(&req, r.Trouble)
	}
	var lines, revoked []string
	var statements []Statement
	var shared ssh.Signer
	for i, role := range r.Signed {
		trouble := ""
		if i == len(r.Signed)-1 {
			trouble = r.Trouble
		}
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return Verdict{}, err
		}
		key, err := ssh.NewSignerFromKey(private)
		if err != nil {
			return Verdict{}, err
		}
		name := fmt.Sprintf("p%d@o%d.example", i, i)
		switch r.Persons {
		case "one_organisation":
			name = fmt.Sprintf("p%d@o.example", i)
		case "one_person":
			name = "p@o.example"
		}
		at := matrixTime.Add(time.Duration(i-len(r.Signed)) * time.Minute)
		after, before, signsIn := troubled(trouble, realm, at)
		switch trouble {
		case "revoked":
			revoked = append(revoked, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey()))))
		case "same_key":
			key = shared
		case "alert_expired":
			req.Expires = matrixTime.Add(-time.Second)
		}
		shared = key
		if trouble != "not_in_ring" && trouble != "same_key" { // a ring gives each key to one person
			line, err := RingLine(name, role, []alert.Realm{alert.RealmLive, alert.RealmExercise}, after, before, key.PublicKey(), "")
			if err != nil {
				return Verdict{}, err
			}
			lines = append(lines, line)
		}
		armored, err := sshsig.Sign(key, Namespace(role, signsIn), req.Bytes)
		if err != nil {
			return Verdict{}, err
		}
		statements = append(statements, Statement{Principal: name, Namespace: Namespace(role, signsIn), Signature: armored, At: at})
	}
	if len(lines) == 0 {
		lines = []string{"# nobody"}
	}
	ring := &Ring{byKey: map[string][]int{}}
	if lines[0][0] != '#' {
		var err error
		if ring, err = ParseRing("matrix", []byte(strings.Join(lines, "\n")+"\n"), []byte(strings.Join(revoked, "\n")+"\n")); err != nil {
			return Verdict{}, err
		}
	}
	_, err := (&Authority{Ring: ring, Policy: p, Realm: realm}).Authorize(req, statements, matrixTime)
	v := Verdict{Subject: s, Realm: realm}
	if refusal, ok := err.(*RefusedError); ok { //nolint:errorlint // Authorize returns it unwrapped
		v.Refused, v.Missing = refusal.Reason, refusal.Missing
	}
	return v, nil
}

// fill makes the request one that the policy allows, but for the trouble.
func (p *Policy) fill(req *Request, trouble string) {
	g, whom := p.breakglass, Police
	for _, role := range p.rules[req.MsgType].Roles() {
		if role != Officer && role != Breakglass {
			whom = role
		}
	}
	req.Number, req.Composed = 1, matrixTime.Add(-time.Minute)
	req.Expires = req.Composed.Add(g.Life)
	req.NotAfter = req.Expires
	req.Events, req.Channels = [][]string{g.Events[len(g.Events)-1:]}, g.Channels
	// Those in a list of their own wait for nobody: the matrix is about the others.
	for _, code := range g.Events {
		if !slices.Contains(g.AtOnce, code) {
			req.Events = [][]string{{code}}
		}
	}
	first := matrixTime.Add(-time.Minute).Add(-g.Wait).Add(-time.Minute)
	req.Breakglass, req.Circumstances = &bulletin.Breakglass{InsteadOf: "0"}, &Circumstances{}
	for i := range g.Attempts {
		req.Breakglass.Contacts = append(req.Breakglass.Contacts, bulletin.Contact{Record: int64(i + 1), At: first, Way: alert.WayPhone, Whom: string(whom)})
		req.Circumstances.Contacts = append(req.Circumstances.Contacts, Contact{Record: int64(i + 1), At: first, Bulletin: "0", Number: 1, Way: alert.WayPhone, Whom: whom})
	}
	switch trouble {
	case "alert_expired":
		req.NotAfter = matrixTime.Add(-time.Second)
		req.Composed = req.NotAfter.Add(-g.Life)
	case "wait_not_over":
		for i := range req.Circumstances.Contacts {
			late := matrixTime.Add(-time.Second)
			req.Circumstances.Contacts[i].At, req.Breakglass.Contacts[i].At = late, late
		}
	case "few_attempts":
		req.Breakglass.Contacts = req.Breakglass.Contacts[1:]
	case "not_recorded":
		req.Circumstances.Contacts = nil
	case "other_event":
		req.Events = [][]string{{"?"}}
	case "other_channel":
		req.Channels = []string{"?"}
	case "too_long":
		req.Expires = req.Expires.Add(time.Second)
	case "too_many":
		for range g.PerDay {
			req.Circumstances.Earlier = append(req.Circumstances.Earlier, matrixTime.Add(-time.Hour))
		}
	}
}

func otherOf(realm alert.Realm) alert.Realm {
	if realm == alert.RealmLive {
		return alert.RealmExercise
	}
	return alert.RealmLive
}

// troubled returns from when to when a key of the matrix is enrolled, and for which realm
// it signs at that time, where a row has the trouble.
func troubled(trouble string, realm alert.Realm, at time.Time) (after, before time.Time, signsIn alert.Realm) {
	after, before, signsIn = matrixTime.AddDate(-1, 0, 0), matrixTime.AddDate(1, 0, 0), realm
	switch trouble {
	case "other_realm":
		signsIn = otherOf(realm)
	case "key_expired":
		before = at.Add(-time.Second)
	case "expired_since":
		before = at.Add(time.Second)
	case "not_yet_valid":
		after = at.Add(time.Second)
	}
	return after, before, signsIn
}
