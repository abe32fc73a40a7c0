package delivery_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// halt writes a person's refusal or withdrawal of a bulletin; change makes another record of
// it, nil for none.
func (h *house) halt(kind bulletin.HaltKind, b *bulletin.Bulletin, p *signingtest.Person, change func(*ledger.Record)) int64 {
	h.t.Helper()
	text, err := bulletin.NewHalt(kind, b, p.Principal, "La zona è sbagliata.", time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	r := ledger.Record{
		Type: ledger.Refused, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: p.Principal,
		Namespace: signing.Namespace(p.Role, b.Realm), Statement: string(text.Bytes()), Armor: string(p.Sign(h.t, b.Realm, text.Bytes())),
	}
	if kind == bulletin.Withdrawal {
		r.Type = ledger.Withdrawn
	}
	if change != nil {
		change(&r)
	}
	return h.append(r)
}

// audited returns what the auditor says of the ledger.
func (h *house) audited(rings *signing.History) audit.Report {
	h.t.Helper()
	v := audit.NewVerifier(rings, nil)
	l, err := ledger.Open(h.t.Context(), ledger.Options{Server: h.server, Realm: "exercise", Name: "auditor", Observe: v.Observe})
	if err != nil {
		h.t.Fatal(err)
	}
	var size int64
	l.View(func(s *ledger.State) { size = s.Seq })
	l.Close()
	report, err := v.Finish(h.t.Context(), size, h.ledger.Blob)
	if err != nil {
		h.t.Fatal(err)
	}
	return report
}

// TestHaltsCountInLedgerOrder hands in bulletins, signatures, refusals and withdrawals in
// many orders. Two that read the ledger, each anew and one of them at every step, come to
// the same verdict.
func TestHaltsCountInLedgerOrder(t *testing.T) {
	t.Parallel()
	const (
		hand = iota
		officer
		police
		refuse
		withdraw
		strangerRefuses  // whom nobody enrolled
		officerRefuses   // who may withdraw, and not refuse
		policeWithdraws  // who may refuse, and not withdraw
		forgedRefusal    // with the signature that the police made on the bulletin
		refuseOther      // the text is of another bulletin
		refuseAsLive     // signed for reality
		refuseWithdrawal // the text is a refusal, the record a withdrawal
	)
	for name, tt := range map[string]struct {
		steps    []int
		released bool
		halted   int // step of the halt that counts, from 1; 0 for none
		bad      int // halts that do not hold
	}{
		"nothing":                   {[]int{hand, officer, police}, true, 0, 0},
		"refused_unsigned":          {[]int{hand, refuse, officer, police}, false, 2, 0},
		"refused_between":           {[]int{hand, officer, refuse, police}, false, 3, 0},
		"refused_and_signed_before": {[]int{hand, police, refuse, officer}, false, 3, 0},
		"refused_last":              {[]int{hand, officer, refuse}, false, 3, 0},
		"withdrawn_between":         {[]int{hand, officer, withdraw, police}, false, 3, 0},
		"withdrawn_unsigned":        {[]int{hand, withdraw, officer, police}, false, 2, 0},
		"both":                      {[]int{hand, officer, withdraw, refuse, police}, false, 3, 0},
		"signed_again_and_again":    {[]int{hand, officer, refuse, police, officer, police}, false, 3, 0},
		"refused_too_late":          {[]int{hand, officer, police, refuse}, true, 0, 0},
		"withdrawn_too_late":        {[]int{hand, officer, police, withdraw, officer, police}, true, 0, 0},
		"by_a_stranger":             {[]int{hand, officer, strangerRefuses, police}, true, 0, 1},
		"by_the_wrong_role":         {[]int{hand, officer, officerRefuses, policeWithdraws, police}, true, 0, 2},
		"forged":                    {[]int{hand, officer, forgedRefusal, police}, true, 0, 1},
		"of_another_bulletin":       {[]int{hand, officer, refuseOther, police}, true, 0, 1},
		"of_the_other_realm":        {[]int{hand, officer, refuseAsLive, police}, true, 0, 1},
		"another_kind":              {[]int{hand, officer, refuseWithdrawal, police}, true, 0, 1},
		"forged_and_then_true":      {[]int{hand, officer, forgedRefusal, refuse, police}, false, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			stranger := signingtest.NewPerson(t, "eva@police.example", signing.Police)
			b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
			twin := newAlert(t, "x-a").Next(t, alert.MsgAlert)
			watching := signing.Fixed(h.auth)
			var want int64
			for i, step := range tt.steps {
				var seq int64
				switch step {
				case hand:
					h.hand(b)
				case officer:
					h.sign(b, h.officer)
				case police:
					h.sign(b, h.police)
				case refuse:
					seq = h.halt(bulletin.Refusal, b, h.police, nil)
				case withdraw:
					seq = h.halt(bulletin.Withdrawal, b, h.officer, nil)
				case strangerRefuses:
					h.halt(bulletin.Refusal, b, stranger, nil)
				case officerRefuses:
					h.halt(bulletin.Refusal, b, h.officer, nil)
				case policeWithdraws:
					h.halt(bulletin.Withdrawal, b, h.police, nil)
				case forgedRefusal:
					h.halt(bulletin.Refusal, b, h.police, func(r *ledger.Record) { r.Armor = string(h.police.Sign(t, b.Realm, b.Bytes())) })
				case refuseOther:
					h.halt(bulletin.Refusal, twin, h.police, func(r *ledger.Record) { r.Alert, r.SHA256 = string(b.Alert), b.SHA256() })
				case refuseAsLive:
					h.halt(bulletin.Refusal, b, h.police, func(r *ledger.Record) {
						r.Armor = string(h.police.Sign(t, alert.RealmLive, []byte(r.Statement)))
					})
				case refuseWithdrawal:
					h.halt(bulletin.Refusal, b, h.police, func(r *ledger.Record) { r.Type = ledger.Withdrawn })
				}
				if i+1 == tt.halted {
					want = seq
				}
				if _, err := delivery.Judge(t.Context(), h.ledger, watching, string(b.Alert)); err != nil {
					t.Fatal(err)
				}
			}
			for who, rings := range map[string]*signing.History{"who watched": watching, "who comes later": signing.Fixed(h.auth)} {
				verdicts, err := delivery.Judge(t.Context(), h.open(who), rings, string(b.Alert))
				v := verdicts[b.SHA256()]
				if err != nil || v.Refused != nil || v.Released != tt.released {
					t.Errorf("%s: released is %v (%v, %v), want %v", who, v.Released, v.Refused, err, tt.released)
				}
				if got := v.Halt; (got == nil) != (want == 0) || got != nil && got.Seq != want {
					t.Errorf("%s: it is halted by %+v, want record %d", who, got, want)
				}
			}
			chain, err := delivery.Released(t.Context(), h.ledger, watching, string(b.Alert))
			if err != nil || (len(chain) == 1) != tt.released {
				t.Errorf("%d bulletins are released (%v), want it to be %v", len(chain), err, tt.released)
			}
			stop := h.run("one/a") // refuses what does not hold
			all := h.refusals(tt.bad)
			stop()
			for _, r := range all {
				if r.Class != ledger.ClassHalt {
					t.Errorf("record %d is refused as %s: %s", r.Refers, r.Class, r.Reason)
				}
			}
			if report := h.audited(signing.Fixed(h.auth)); !report.OK || report.Refused != tt.bad || len(all) != tt.bad {
				t.Errorf("the ledger refuses %d, the auditor says %+v; want %d refusals", len(all), report, tt.bad)
			}
		})
	}
}

// TestHaltedIsNeverPosted has two nodes meet refused and withdrawn bulletins whose signatures
// come all the same: nothing of them is posted, not after a restart either, and what is
// composed in their place is.
func TestHaltedIsNeverPosted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	stop := h.run("one/a", quick(x))
	refused := newAlert(t, "x-a")
	before := *refused
	no := refused.Next(t, alert.MsgAlert)
	h.hand(no)
	h.sign(no, h.officer)
	h.halt(bulletin.Refusal, no, h.police, nil)
	h.sign(no, h.police)

	updated := newAlert(t, "x-a")
	first := h.release(updated.Next(t, alert.MsgAlert))
	rest := *updated
	back := updated.Next(t, alert.MsgUpdate)
	h.hand(back)
	h.sign(back, h.officer)
	h.halt(bulletin.Withdrawal, back, h.officer, nil)
	h.sign(back, h.police)
	h.await(first, "x-a", ledger.StateVerified)

	stop()
	h.run("one/b", quick(x))
	h.run("two/c", quick(x))
	h.sign(no, h.officer, h.police)
	before.Composed = before.Composed.Add(time.Second)
	instead := h.release(before.Next(t, alert.MsgAlert)) // number 1 once more
	rest.Composed = rest.Composed.Add(time.Second)
	second := h.release(rest.Next(t, alert.MsgUpdate)) // number 2 once more
	h.await(instead, "x-a", ledger.StateVerified)
	h.await(second, "x-a", ledger.StateVerified)
	h.halt(bulletin.Refusal, second, h.police, nil) // too late
	third := h.release(rest.Next(t, alert.MsgUpdate))
	h.await(third, "x-a", ledger.StateVerified)

	h.ledger.View(func(s *ledger.State) {
		for _, b := range []*bulletin.Bulletin{no, back} {
			if d := s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Deliveries["x-a"]; d != nil {
				t.Errorf("of a halted bulletin there is a delivery: %+v", d)
			}
		}
	})
	if n := x.published(); n != 4 {
		t.Errorf("%d posts are public, want those of the four bulletins that were released", n)
	}
	if report := h.audited(signing.Fixed(h.auth)); !report.OK || report.Halts != 3 || report.LateHalts != 1 || report.Posts != 4 {
		t.Errorf("the auditor says %+v", report)
	}
}

// TestHaltsDoNotStopWhatStops has somebody with the police's key refuse the revocation that
// lies prepared, before and after it is handed in: it goes out all the same.
func TestHaltsDoNotStopWhatStops(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	issue := newAlert(t, "x-a")
	issue.Prepared = true
	b := h.release(issue.Next(t, alert.MsgAlert))
	revocation := b.Prepared(bulletin.Revocation)
	early := h.halt(bulletin.Refusal, revocation, h.police, nil)
	h.hand(revocation)
	bad := h.halt(bulletin.Refusal, revocation, h.police, nil)
	h.sign(revocation, h.officer)
	h.await(revocation, "x-a", ledger.StateVerified)
	classes := map[int64]string{}
	for _, r := range h.refusals(2) {
		classes[r.Refers] = r.Class
	}
	if classes[early] != ledger.ClassRecord || classes[bad] != ledger.ClassHalt {
		t.Errorf("refused are %v, want record %d as a record and %d as a halt", classes, early, bad)
	}
}

// TestHaltsAreJudgedByTheRingInForce has people refuse who are enrolled only later, or not any
// more.
func TestHaltsAreJudgedByTheRingInForce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	late := signingtest.NewPerson(t, "giulia.verdi@police.example", signing.Police)
	first := signingtest.Version(t, alert.RealmExercise, nil, nil, h.officer, h.police)
	second := signingtest.Version(t, alert.RealmExercise, first, []*signingtest.Person{h.police}, h.officer, h.police, late)
	history := func() *signing.History {
		rings, err := signing.NewHistory(first, alert.RealmExercise)
		if err != nil {
			t.Fatal(err)
		}
		return rings
	}
	h.accept(first)
	stands := newAlert(t, "x-a").Next(t, alert.MsgAlert) // refused by one who is revoked later
	early := newAlert(t, "x-a").Next(t, alert.MsgAlert)  // refused by one who is enrolled later
	h.hand(stands)
	h.halt(bulletin.Refusal, stands, h.police, nil)
	h.hand(early)
	bad := h.halt(bulletin.Refusal, early, late, nil)
	h.accept(second)
	revoked := newAlert(t, "x-a").Next(t, alert.MsgAlert) // refused by one who was revoked
	h.hand(revoked)
	worse := h.halt(bulletin.Refusal, revoked, h.police, nil)
	for _, b := range []*bulletin.Bulletin{stands, early, revoked} {
		h.sign(b, h.officer, late)
	}
	for b, want := range map[*bulletin.Bulletin]bool{stands: false, early: true, revoked: true} {
		verdicts, err := delivery.Judge(t.Context(), h.ledger, history(), string(b.Alert))
		if v := verdicts[b.SHA256()]; err != nil || v.Released != want || (v.Halt == nil) != want {
			t.Errorf("%s: released is %v, halted by %+v (%v); want released %v", b.Code, v.Released, v.Halt, err, want)
		}
	}
	h.runWith("one/a", delivery.Config{Rings: history()})
	for _, r := range h.refusals(2) {
		if r.Class != ledger.ClassHalt || r.Refers != bad && r.Refers != worse || !strings.Contains(r.Reason, "key") {
			t.Errorf("refused is record %d as %s: %s", r.Refers, r.Class, r.Reason)
		}
	}
}
