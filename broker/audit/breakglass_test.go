package audit_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// A night is a court whose alert two people of one organisation release.
type night struct {
	*court
	director *signingtest.Person
	section  string // of the policy
	ordinary *bulletin.Bulletin
	glass    *bulletin.Bulletin
	change   func(*bulletin.Breakglass) // of what the bulletin says
	life     time.Duration
	called   []int64
}

func newNight(t *testing.T) *night {
	t.Helper()
	director := signingtest.Director(t)
	n := &night{
		court: newCourt(t, alert.RealmLive, signingtest.Officer(t).Line(t), signingtest.Police(t).Line(t), director.Line(t)), director: director,
		section: "breakglass:\n  attempts: 2\n  wait_minutes: 1\n  at_once: [RISCHIO/SISMICO]\n  events: [RISCHIO/IDROGEO, RISCHIO/SISMICO]\n  channels: [telegram-a, x-a]\n  life_minutes: 30\n  per_day: 1\n  notify: [questura]\n",
		life:    30 * time.Minute, change: func(*bulletin.Breakglass) {}, called: []int64{},
	}
	n.ordinary = n.b
	n.hand(n.ordinary)
	n.sign(n.ordinary, n.officer)
	return n
}

// call records that the police were called for a bulletin.
func (n *night) call(b *bulletin.Bulletin, way alert.Way) {
	n.called = append(n.called, n.add(of(b, ledger.Record{Type: ledger.Contact, Whom: "police", Way: way, Reason: "non \"risponde\", dice \",\"whom\":\"police"})))
}

// compose writes the break-glass bulletin in the place of the ordinary one.
func (n *night) compose() {
	n.t.Helper()
	g := &bulletin.Breakglass{InsteadOf: n.ordinary.SHA256(), Cause: bulletin.CauseUnreachable, Why: "Nessuno risponde."}
	for _, seq := range n.called {
		e := n.entries[seq-1]
		g.Contacts = append(g.Contacts, bulletin.Contact{Record: seq, At: e.Time.Truncate(time.Second), Way: e.Record.Way, Whom: e.Record.Whom})
	}
	n.change(g)
	again := *n.alert
	again.Newest, again.Breakglass, again.Whole = nil, g, n.alert.Expires
	again.Composed = n.now()
	again.Expires = again.Composed.Add(n.life)
	n.glass = again.Next(n.t, alert.MsgAlert)
}

// now is the time of the next record.
func (n *night) now() time.Time { return n.start.Add(time.Duration(len(n.entries)) * time.Second) }

// wait lets seconds pass, with records of no alert.
func (n *night) wait(seconds int) { n.fill(len(n.entries) + seconds) }

// lawful is a release by one organisation as the policy allows it, to the second.
func (n *night) lawful() {
	n.call(n.ordinary, alert.WayPhone)
	n.call(n.ordinary, alert.WayRadio)
	n.compose()
	n.hand(n.glass)
	n.sign(n.glass, n.officer)
	n.wait(int(time.Minute/time.Second) - len(n.entries) + int(n.called[0]) - 1)
	n.sign(n.glass, n.director)
}

// judged exports the alert. A liar says that the last signature released the glass.
func (n *night) judged(lie bool) bool {
	n.t.Helper()
	n.keys.Policy = append(signing.DefaultPolicy(), "\n"+n.section...)
	e := n.export()
	released := false
	for _, b := range e.Bulletins {
		released = released || b.SHA256 == n.glass.SHA256() && b.Released > 0
	}
	if lie && !released {
		last := slices.IndexFunc(n.entries, func(e *ledger.Entry) bool {
			return e.Record.Type == ledger.Signature && e.Record.SHA256 == n.glass.SHA256()
		})
		for i, e := range n.entries {
			if e.Record.Type == ledger.Signature && e.Record.SHA256 == n.glass.SHA256() {
				last = i
			}
		}
		n.claim(n.glass, int64(last+1))
		n.seal()
	}
	return released
}

// TestScriptKnowsBreakglass has alerts that one organisation released as the policy allows:
// the script says yes, and that it was one.
func TestScriptKnowsBreakglass(t *testing.T) {
	t.Parallel()
	for name, tt := range some(map[string]struct {
		act   func(*night)
		words []string
	}{
		"lawful": {func(n *night) { n.lawful(); n.deliver(n.glass) }, []string{
			"the policy asks for: duty officer and emergency signer", "BREAK-GLASS: two signatures, two persons, two keys, ONE organisation (pc.example).",
			"ATTENTION: BREAK-GLASS, with the signatures of ONE organisation, as the policy allows: 1.", "Bulletin 1: RELEASED by record",
			"NOT CHECKED: how many there were in the 24 hours before (allowed: 1)",
		}},
		"after_many_contacts_with_others": {func(n *night) {
			for range 65 { // more than count: of another role, so that they take no room
				n.add(of(n.ordinary, ledger.Record{Type: ledger.Contact, Whom: "deputy", Way: alert.WayPhone, Reason: "x"}))
			}
			n.lawful()
		}, nil},
		"ratified": {func(n *night) {
			n.lawful()
			n.deliver(n.glass)
			r := n.glass.Prepared(bulletin.Ratification)
			n.hand(r)
			n.sign(r, n.police)
			n.deliver(r)
		}, []string{"the policy asks for: police liaison\n", "Bulletin 2: RELEASED by record", "Its bytes stand inside bulletin 1: "}},
		"revoked_by_the_police": {func(n *night) {
			n.lawful()
			r := n.glass.Prepared(bulletin.Revocation)
			n.hand(r)
			n.sign(r, n.police)
		}, []string{"Bulletin 2: RELEASED by record", "BREAK-GLASS: two signatures"}},
		"ratified_and_revoked": {func(n *night) {
			n.lawful()
			r := n.glass.Prepared(bulletin.Ratification)
			n.hand(r)
			n.sign(r, n.police)
			n.hand(r.Prepared(bulletin.Revocation))
			n.sign(r.Prepared(bulletin.Revocation), n.officer)
		}, []string{"Bulletin 3: RELEASED by record"}},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNight(t)
			tt.act(n)
			if !n.judged(false) {
				t.Fatal("the exporter does not call it released")
			}
			n.want(true, tt.words...)
		})
	}
}

// TestScriptRefusesBreakglass breaks each rule that the script can see, one at a time: an
// exporter who says that it was released all the same is told from one who does not lie.
func TestScriptRefusesBreakglass(t *testing.T) {
	t.Parallel()
	for name, tt := range some(map[string]struct {
		act  func(*night)
		want string
	}{
		"not_in_the_policy": {func(n *night) { n.section = ""; n.lawful() }, "the policy does not allow it"},
		"a_second_early": {func(n *night) {
			n.call(n.ordinary, alert.WayPhone)
			n.call(n.ordinary, alert.WayRadio)
			n.compose()
			n.hand(n.glass)
			n.sign(n.glass, n.officer)
			n.wait(int(time.Minute/time.Second) - len(n.entries) + int(n.called[0]) - 2)
			n.sign(n.glass, n.director)
		}, "the signatures came before the wait was over"},
		"early_and_recorded_again": {func(n *night) {
			n.call(n.ordinary, alert.WayPhone)
			n.call(n.ordinary, alert.WayRadio)
			n.compose()
			n.hand(n.glass)
			n.sign(n.glass, n.officer)
			seq := n.sign(n.glass, n.director)
			n.wait(100)
			again := n.entries[seq-1].Record
			n.statement(n.glass, again.Principal, again.Namespace, []byte(again.Armor))
		}, "the signatures came before the wait was over"},
		"one_attempt":            {func(n *night) { n.change = func(g *bulletin.Breakglass) { g.Contacts = g.Contacts[:1] }; n.lawful() }, "does not name the contact attempts that the policy asks for"},
		"attempt_to_a_colleague": {func(n *night) { n.change = func(g *bulletin.Breakglass) { g.Contacts[1].Whom = "officer" }; n.lawful() }, "does not name the contact attempts"},
		"attempts_beyond_those_that_count": {func(n *night) {
			for range 65 {
				n.call(n.ordinary, alert.WayPhone)
			}
			n.called = n.called[63:]
			n.compose()
			n.hand(n.glass)
			n.wait(60)
			n.sign(n.glass, n.officer)
			n.sign(n.glass, n.director)
		}, "is not in the ledger before it"},
		"attempt_made_up": {func(n *night) { n.change = func(g *bulletin.Breakglass) { g.Contacts[1].Record += 7 }; n.lawful() }, "is not in the ledger before it"},
		"attempt_another_way": {func(n *night) {
			n.change = func(g *bulletin.Breakglass) { g.Contacts[1].Way = alert.WayPerson }
			n.lawful()
		}, "is not the one that it names"},
		"attempt_at_another_time": {func(n *night) {
			n.change = func(g *bulletin.Breakglass) { g.Contacts[0].At = g.Contacts[0].At.Add(-time.Hour) }
			n.lawful()
		}, "is not the one that it names"},
		"instead_of_another": {func(n *night) {
			n.change = func(g *bulletin.Breakglass) { g.InsteadOf = strings.Repeat("ab", 32) }
			n.lawful()
		}, "is not the one that it names"},
		"too_long": {func(n *night) { n.life += time.Second; n.lawful() }, "it holds for longer than the 30 minutes"},
		"other_channel": {func(n *night) {
			n.section = strings.Replace(n.section, "[telegram-a, x-a]", "[telegram-a]", 1)
			n.lawful()
		}, "the policy does not allow it on channel x-a"},
		"other_event": {func(n *night) {
			n.section = strings.Replace(n.section, "[RISCHIO/IDROGEO, RISCHIO/SISMICO]", "[RISCHIO/SISMICO]", 1)
			n.lawful()
		}, "the policy does not allow it for this event"},
		"two_organisations": {func(n *night) {
			n.director = signingtest.NewPerson(n.t, "carla@police.example", signing.Breakglass)
			n.keys.Signers = append(n.keys.Signers, n.director.Line(n.t)+"\n"...)
			n.lawful()
		}, "the signatures of two persons of one organisation are missing"},
		"one_person": {func(n *night) {
			n.director = signingtest.NewPerson(n.t, n.officer.Principal, signing.Breakglass)
			n.keys.Signers = append(n.keys.Signers, n.director.Line(n.t)+"\n"...)
			n.lawful()
		}, "the signatures of two persons of one organisation are missing"},
		"one_key_under_two_names": {func(n *night) {
			key := newSigner(n.t)
			namespace := func(role signing.Role) string { return signing.Namespace(role, n.alert.Realm) }
			officer, first := certifiedAs(n.t, "anna.bruni@pc.example", signing.Officer, key)
			director, second := certifiedAs(n.t, "carla.neri@pc.example", signing.Breakglass, key)
			n.keys.Signers = append(n.keys.Signers, first+"\n"+second+"\n"...)
			n.call(n.ordinary, alert.WayPhone)
			n.call(n.ordinary, alert.WayRadio)
			n.compose()
			n.hand(n.glass)
			n.wait(60)
			n.statement(n.glass, "anna.bruni@pc.example", namespace(signing.Officer), signWith(n.t, officer, namespace(signing.Officer), n.glass.Bytes()))
			n.statement(n.glass, "carla.neri@pc.example", namespace(signing.Breakglass), signWith(n.t, director, namespace(signing.Breakglass), n.glass.Bytes()))
		}, "the signatures of two persons of one organisation are missing"},
		"police_instead":  {func(n *night) { n.director = n.police; n.lawful() }, "the policy does not ask for this role"},
		"officer_alone":   {func(n *night) { n.director = n.officer; n.lawful() }, "the signatures of two persons of one organisation are missing"},
		"two_on_ordinary": {func(n *night) { n.lawful(); n.glass = n.ordinary; n.sign(n.ordinary, n.director) }, "the policy does not ask for this role"},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNight(t)
			tt.act(n)
			if n.judged(true) {
				t.Fatal("the exporter calls it released")
			}
			n.want(false, tt.want)
		})
	}
}

// TestScriptReadsTheSentence holds that a bulletin which does not tell the public that one
// authority issued it is none for the script either, whoever signed its bytes.
func TestScriptReadsTheSentence(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.call(n.ordinary, alert.WayPhone)
	n.call(n.ordinary, alert.WayRadio)
	n.compose()
	text := bulletintest.Alone([]byte(strings.ReplaceAll(string(n.glass.Bytes()), "Emesso da una sola autorità\n", "Emesso da due sole autorità\n")))
	silent := fmt.Sprintf("%x", sha256.Sum256(text))
	n.blobs[silent] = text
	mute := func(r ledger.Record) int64 {
		r.Alert, r.Number, r.SHA256 = string(n.glass.Alert), 1, silent
		return n.add(r)
	}
	mute(ledger.Record{Type: ledger.Bulletin, Bytes: len(text), Code: string(n.glass.Code), Identifier: n.glass.Message.Identifier, MsgType: "Alert", Expires: n.glass.Expires.UTC(), Breakglass: true})
	n.wait(90)
	var last int64
	for _, p := range []*signingtest.Person{n.officer, n.director} {
		last = mute(ledger.Record{Type: ledger.Signature, Principal: p.Principal, Namespace: signing.Namespace(p.Role, alert.RealmLive), Armor: string(p.Sign(t, alert.RealmLive, text))})
	}
	n.keys.Policy = append(signing.DefaultPolicy(), "\n"+n.section...)
	n.export()
	n.write("export.txt", fmt.Sprintf("%sreleased: %s %d\n", n.read("export.txt"), silent, last))
	n.seal()
	n.want(false, "its bytes are not built as a bulletin is")
}
