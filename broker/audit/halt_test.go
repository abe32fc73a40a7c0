package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// halt adds a person's refusal or withdrawal of b; change makes another record of it, nil for
// none.
func (s *scene) halt(kind bulletin.HaltKind, b *bulletin.Bulletin, p *signingtest.Person, reason string, change func(*ledger.Record)) int64 {
	s.t.Helper()
	text, err := bulletin.NewHalt(kind, b, p.Principal, reason, s.start)
	if err != nil {
		s.t.Fatal(err)
	}
	r := of(b, ledger.Record{
		Type: ledger.Refused, Principal: p.Principal, Namespace: signing.Namespace(p.Role, b.Realm),
		Statement: string(text.Bytes()), Armor: string(p.Sign(s.t, b.Realm, text.Bytes())),
	})
	if kind == bulletin.Withdrawal {
		r.Type = ledger.Withdrawn
	}
	if change != nil {
		change(&r)
	}
	return s.add(r)
}

// borrowed has a record bear the signature that the person made on the bulletin.
func (s *scene) borrowed(b *bulletin.Bulletin, p *signingtest.Person) func(*ledger.Record) {
	return func(r *ledger.Record) { r.Armor = string(p.Sign(s.t, b.Realm, b.Bytes())) }
}

// awkward has all that JSON writes in another way, and what a shell could take for something
// else.
const awkward = "La zona \"Ponte\" è <sbagliata> & il \\n non c'è.\n`$(id)` $HOME %s\n--- end\nkind: withdrawal"

// TestVerifierHoldsHalts has the auditor read refusals and withdrawals in several places.
func TestVerifierHoldsHalts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		build       func(*scene)
		rule, text  string // of the one finding; "" for none
		halts, late int
	}{
		"in_time": {func(s *scene) {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			s.halt(bulletin.Refusal, s.b, s.police, "no", nil)
			s.sign(s.b, s.police)
		}, "", "", 1, 0},
		"too_late": {func(s *scene) {
			s.release(s.b)
			s.halt(bulletin.Withdrawal, s.b, s.officer, "no", nil)
			s.deliver(s.b)
		}, "", "", 1, 1},
		"sent_all_the_same": {func(s *scene) {
			s.hand(s.b)
			s.sign(s.b, s.officer)
			s.halt(bulletin.Refusal, s.b, s.police, "no", nil)
			s.sign(s.b, s.police)
			s.begin(s.b, "", "x-a")
		}, "release", "refused or withdrawn before its release, by record 5", 1, 0},
		"forged": {func(s *scene) {
			s.hand(s.b)
			s.halt(bulletin.Refusal, s.b, s.police, "no", s.borrowed(s.b, s.police))
		}, "halt", "the ledger holds no refusal of it", 0, 0},
		"forged_and_refused": {func(s *scene) {
			s.hand(s.b)
			seq := s.halt(bulletin.Refusal, s.b, s.police, "no", s.borrowed(s.b, s.police))
			s.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassHalt, Refers: seq, Reason: "it does not hold"})
			s.signBoth()
			s.deliver(s.b)
		}, "", "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tt.build(s)
			r := s.verify(nil)
			if r.Halts != tt.halts || r.LateHalts != tt.late {
				t.Errorf("%d halts hold, %d of them late; want %d and %d", r.Halts, r.LateHalts, tt.halts, tt.late)
			}
			switch {
			case tt.rule == "" && !r.OK:
				t.Errorf("findings: %+v", r.Findings)
			case tt.rule != "" && (len(r.Findings) != 1 || r.Findings[0].Rule != tt.rule || !strings.Contains(r.Findings[0].Text, tt.text)):
				t.Errorf("findings: %+v, want one of rule %s: %s", r.Findings, tt.rule, tt.text)
			}
		})
	}
}

// signBoth has both sign the bulletin, which is handed in.
func (s *scene) signBoth() {
	s.t.Helper()
	s.sign(s.b, s.officer)
	s.sign(s.b, s.police)
}

// TestTimelineTellsHalts holds the words for refusals and withdrawals.
func TestTimelineTellsHalts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hand(s.b)
	s.halt(bulletin.Refusal, s.b, s.police, "La zona è sbagliata.\nVia Roma manca.", nil)
	s.halt(bulletin.Withdrawal, s.b, s.officer, "Errore mio.", func(r *ledger.Record) { r.Statement = "nonsense" })
	for lang, want := range map[string][]string{
		"it": {"rifiutato il bollettino 1 come police@exercise.tocsin: La zona è sbagliata. / Via Roma manca.", "ritirato il bollettino 1 come officer@exercise.tocsin: il testo firmato non si legge"},
		"en": {"said no to bulletin 1 as police@exercise.tocsin: La zona è sbagliata. / Via Roma manca.", "withdrew bulletin 1 as officer@exercise.tocsin: the signed text can't be read"},
	} {
		tl := &audit.Timeline{Alert: string(s.b.Alert), Lang: lang}
		show(tl.Observe, s.entries)
		for i, w := range want {
			l := tl.Lines[len(tl.Lines)-2+i]
			if l.Text != w || l.Void != "" {
				t.Errorf("%s: it says %q (%s), want %q", lang, l.Text, l.Void, w)
			}
		}
	}
}

// TestScriptReadsHalts has alerts with refusals and withdrawals, of which the exporter tells
// the truth.
func TestScriptReadsHalts(t *testing.T) {
	t.Parallel()
	for name, tt := range some(map[string]struct {
		build func(*court)
		yes   bool
		words []string
	}{
		"update_refused": {func(c *court) {
			c.release(c.b)
			c.deliver(c.b)
			update := c.alert.Next(c.t, alert.MsgUpdate)
			c.hand(update)
			c.sign(update, c.officer)
			c.halt(bulletin.Refusal, update, c.police, awkward, nil)
			c.sign(update, c.police)
		}, true, []string{
			"Bulletin 1: RELEASED by record 5.", "NOT RELEASED: refused by lucia.bianchi@", "DOES NOT COUNT: the bulletin was refused by",
			"      | `$(id)` $HOME %s\n", "      | kind: withdrawal\n",
		}},
		"withdrawn_and_replaced": {func(c *court) {
			c.release(c.b)
			rest := *c.alert
			update := c.alert.Next(c.t, alert.MsgUpdate)
			c.hand(update)
			c.halt(bulletin.Withdrawal, update, c.officer, "no", nil)
			c.sign(update, c.officer)
			c.sign(update, c.police)
			c.release(rest.Next(c.t, alert.MsgCancel))
		}, true, []string{"NOT RELEASED: withdrawn by mario.rossi@", "Bulletin 2: RELEASED by record 12."}},
		"first_replaced": {func(c *court) {
			c.hand(c.b)
			c.sign(c.b, c.officer)
			c.halt(bulletin.Refusal, c.b, c.police, "no", nil)
			again := bulletintest.New(c.t, c.alert.Channels...)
			again.ID, again.Code, again.Composed = c.alert.ID, c.alert.Code, again.Composed.Add(-time.Minute)
			c.release(again.Next(c.t, alert.MsgAlert))
		}, true, []string{"Bulletin 1: RELEASED by record 8."}},
		"too_late": {func(c *court) {
			c.release(c.b)
			c.halt(bulletin.Refusal, c.b, c.police, "no", nil)
			c.deliver(c.b)
		}, true, []string{"record 6 came after the release: it has no effect", "Bulletin 1: RELEASED by record 5."}},
		"forged_and_refused": {func(c *court) {
			c.hand(c.b)
			seq := c.halt(bulletin.Refusal, c.b, c.police, "no", c.borrowed(c.b, c.police))
			c.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassHalt, Refers: seq, Reason: "it does not hold"})
			c.signBoth()
		}, true, []string{"DOES NOT COUNT: ssh-keygen: Signature verification failed", "RELEASED by record 7"}},
		"by_a_role_that_may_not": {func(c *court) {
			c.hand(c.b)
			seq := c.halt(bulletin.Refusal, c.b, c.officer, "no", nil)
			c.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassHalt, Refers: seq, Reason: "it does not hold"})
			c.signBoth()
		}, true, []string{"DOES NOT COUNT: the policy does not ask for this role", "RELEASED by record 7"}},
		"by_the_policys_own_rule": {func(c *court) {
			c.keys.Policy = []byte(strings.Replace(string(c.keys.Policy), "refusal:\n    any: [police, deputy]", "refusal:\n    any:\n      - officer", 1))
			c.release(c.b)
			update := c.alert.Next(c.t, alert.MsgUpdate)
			c.hand(update)
			c.halt(bulletin.Refusal, update, c.officer, "no", nil)
		}, true, []string{"NOT RELEASED: refused by mario.rossi@"}},
		"by_the_rule_of_a_silent_policy": {func(c *court) {
			before, after, _ := strings.Cut(string(c.keys.Policy), "halts:\n")
			_, after, _ = strings.Cut(after, "withdrawal:\n    any: [officer, deputy]\n")
			c.keys.Policy = []byte(before + after)
			c.release(c.b)
			update := c.alert.Next(c.t, alert.MsgUpdate)
			c.hand(update)
			c.halt(bulletin.Withdrawal, update, c.officer, "no", nil)
		}, true, []string{"NOT RELEASED: withdrawn by mario.rossi@"}},
		"prepared_is_not_refused": {func(c *court) {
			c.release(c.b)
			revocation := c.b.Prepared(bulletin.Revocation)
			c.hand(revocation)
			seq := c.halt(bulletin.Refusal, revocation, c.police, "no", nil)
			c.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassHalt, Refers: seq, Reason: "it does not hold"})
			c.sign(revocation, c.officer)
		}, true, []string{"what is prepared to stop an alert is neither refused nor withdrawn", "Bulletin 2: RELEASED by record 9."}},

		"refused_alone": {func(c *court) {
			c.hand(c.b)
			c.sign(c.b, c.officer)
			c.halt(bulletin.Refusal, c.b, c.police, "no", nil)
			c.sign(c.b, c.police)
		}, false, []string{"NOT RELEASED: refused by lucia.bianchi@", "no bulletin of this alert was released"}},
		"sent_all_the_same": {func(c *court) {
			c.hand(c.b)
			c.sign(c.b, c.officer)
			c.halt(bulletin.Refusal, c.b, c.police, "no", nil)
			c.sign(c.b, c.police)
			c.deliver(c.b)
		}, false, []string{"sends a bulletin that was not released"}},
		"forged_and_not_refused": {func(c *court) {
			c.hand(c.b)
			c.halt(bulletin.Refusal, c.b, c.police, "no", c.borrowed(c.b, c.police))
			c.signBoth()
		}, false, []string{"the refusal or withdrawal does not hold, and the ledger does not refuse it"}},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCourt(t, alert.RealmExercise)
			tt.build(c)
			c.export()
			c.want(tt.yes, tt.words...)
		})
	}
}

// TestScriptNoticesLiesAboutHalts alters an export in which an update was refused.
func TestScriptNoticesLiesAboutHalts(t *testing.T) {
	t.Parallel()
	const seq = 8 // of the refusal
	whole := newCourt(t, alert.RealmLive)
	whole.release(whole.b)
	update := whole.alert.Next(t, alert.MsgUpdate)
	whole.hand(update)
	whole.sign(update, whole.officer)
	if got := whole.halt(bulletin.Refusal, update, whole.police, "La zona è sbagliata.", nil); got != seq {
		t.Fatalf("the refusal is record %d, want %d", got, seq)
	}
	whole.sign(update, whole.police)
	whole.export()
	whole.want(true)
	text, sig := fmt.Sprintf("halts/%d.halt", seq), fmt.Sprintf("halts/%d.sig", seq)
	for name, tt := range some(map[string]struct {
		lie  func(*court, *bulletin.Bulletin)
		word string
	}{
		"said_to_be_released": {func(c *court, b *bulletin.Bulletin) { c.claim(b, 9) }, `the exporter says "released: 9", the signatures say "no"`},
		"not_said":            {func(c *court, _ *bulletin.Bulletin) { c.swap("export.txt", "halted: ", "x: ") }, `the exporter says "refused or withdrawn: no", the signatures say "8"`},
		"said_of_another": {func(c *court, b *bulletin.Bulletin) {
			c.swap("export.txt", "halted: "+b.SHA256(), "halted: "+c.b.SHA256())
		}, `the exporter says "refused or withdrawn: 8", the signatures say "no"`},
		"another_reason":    {func(c *court, _ *bulletin.Bulletin) { c.swap(text, "sbagliata", "giustissa") }, "the text is not what the ledger's record says"},
		"no_text":           {func(c *court, _ *bulletin.Bulletin) { c.remove(text) }, "the text is not what the ledger's record says"},
		"no_signature":      {func(c *court, _ *bulletin.Bulletin) { c.remove(sig) }, "the signature's file is missing"},
		"another_signature": {func(c *court, _ *bulletin.Bulletin) { c.write(sig, c.read(signature(4))) }, "the signature's file is not what the ledger's record says"},
		"text_and_record": {func(c *court, _ *bulletin.Bulletin) {
			c.swap(text, "sbagliata", "giustissa")
			c.swap(record(seq), "sbagliata", "giustissa")
		}, "ssh-keygen: "},
		"another_kind": {func(c *court, _ *bulletin.Bulletin) {
			c.swap(record(seq), `"type":"refused"`, `"type":"withdrawn"`)
			c.swap(record(seq), ".decision.refused.", ".decision.withdrawn.")
		}, "not that of a refusal or a withdrawal of this bulletin"},
		"an_extra_halt": {func(c *court, _ *bulletin.Bulletin) { c.write("halts/3.halt", c.read(text)) }, "no record has the refusal or withdrawal 3"},
		"another_ring": {func(c *court, _ *bulletin.Bulletin) {
			c.swap("keys/0/policy", "    any: [police, deputy]", "    any: [deputy]")
		}, "the policy does not ask for this role"},
		"halts_with_all": {func(c *court, _ *bulletin.Bulletin) {
			c.swap("keys/0/policy", "    any: [police, deputy]", "    all: [police, deputy]")
		}, "this script can't read"},
		"refusal_under_prepared": {func(c *court, _ *bulletin.Bulletin) { c.swap("keys/0/policy", "halts:\n", "") }, "this script can't read"},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := whole.copied(t)
			tt.lie(c, update)
			c.seal()
			c.want(false, tt.word)
		})
	}
}
