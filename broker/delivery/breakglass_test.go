package delivery_test

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// glassHouse is a house whose policy allows break-glass, and its director.
type glassHouse struct {
	*house
	director *signingtest.Person
}

func newGlassHouse(t *testing.T, section string) *glassHouse {
	t.Helper()
	h := &glassHouse{house: newHouse(t), director: signingtest.Director(t)}
	h.auth = &signing.Authority{Ring: signingtest.Ring(t, h.officer, h.director, h.police), Policy: signingtest.PolicyWith(t, section), Realm: alert.RealmExercise}
	return h
}

// contact records that the police were called for a bulletin.
func (h *glassHouse) contact(b *bulletin.Bulletin, way alert.Way) bulletin.Contact {
	h.t.Helper()
	seq := h.append(ledger.Record{Type: ledger.Contact, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Whom: "police", Way: way, Reason: "non risponde"})
	c := bulletin.Contact{Record: seq, Way: way, Whom: "police"}
	h.ledger.View(func(s *ledger.State) {
		for _, have := range s.Alerts[string(b.Alert)].Contacts {
			if have.Seq == seq {
				c.At = have.At.UTC().Truncate(time.Second)
			}
		}
	})
	return c
}

// broken hands in an ordinary bulletin that only the officer signs, and returns the
// break-glass bulletin in its place, after calls in these ways.
func (h *glassHouse) broken(ways ...alert.Way) (ordinary, b *bulletin.Bulletin) {
	h.t.Helper()
	a := newAlert(h.t, "x-a")
	ordinary = a.Next(h.t, alert.MsgAlert)
	h.hand(ordinary)
	h.sign(ordinary, h.officer)
	g := &bulletin.Breakglass{InsteadOf: ordinary.SHA256(), Cause: bulletin.CauseUnreachable, Why: "Nessuno risponde."}
	for _, w := range ways {
		g.Contacts = append(g.Contacts, h.contact(ordinary, w))
	}
	return ordinary, glassOf(h.t, a, ordinary, g)
}

// glassOf writes the break-glass bulletin that stands in the place of an ordinary one.
func glassOf(t *testing.T, a *bulletintest.Alert, ordinary *bulletin.Bulletin, g *bulletin.Breakglass) *bulletin.Bulletin {
	t.Helper()
	again := *a
	again.Newest, again.Prepared, again.Breakglass, again.Whole = nil, true, g, ordinary.Expires
	again.Composed = time.Now().Truncate(time.Second)
	again.Expires = again.Composed.Add(20 * time.Minute)
	return again.Next(t, alert.MsgAlert)
}

// TestOtherWordsThanTheOrdinaryOnes has one organisation release a message that the police were never asked
// to sign: the policy allows its event, and the auditor finds what it says otherwise.
func TestOtherWordsThanTheOrdinaryOnes(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t, signingtest.Breakglass)
	a := newAlert(t, "x-a")
	ordinary := a.Next(t, alert.MsgAlert)
	h.hand(ordinary)
	h.sign(ordinary, h.officer)
	other := *a
	other.Sender = "altri@provincia.savona.example"
	b := glassOf(t, &other, ordinary, &bulletin.Breakglass{
		InsteadOf: ordinary.SHA256(), Cause: bulletin.CauseUnreachable, Why: "Nessuno risponde.", Contacts: []bulletin.Contact{h.contact(ordinary, alert.WayPhone)},
	})
	h.hand(b)
	h.sign(b, h.officer, h.director)
	if !h.released(b) {
		t.Fatal("it is not released")
	}
	r := h.read()
	if i := slices.IndexFunc(r.Findings, func(f audit.Finding) bool { return f.Rule == "breakglass" && strings.HasSuffix(f.Text, ", in: sender") }); i < 0 || r.OK {
		t.Errorf("the auditor says %+v", r.Findings)
	}
}

// read has an auditor read the ledger anew.
func (h *glassHouse) read() audit.Report { return h.audited(signing.Fixed(h.auth)) }

// released says what a reader makes of a bulletin.
func (h *house) released(b *bulletin.Bulletin) bool {
	h.t.Helper()
	verdicts, err := delivery.Judge(h.t.Context(), h.ledger, signing.Fixed(h.auth), string(b.Alert))
	if err != nil {
		h.t.Fatal(err)
	}
	return verdicts[b.SHA256()].Released
}

// TestBreakglassIsReleasedByTheLedgerAlone releases a bulletin of one organisation: two
// nodes post it once, a node that is started again changes nothing, it is loud, and the
// auditor agrees. Then the police ratify it alone.
func TestBreakglassIsReleasedByTheLedgerAlone(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t, signingtest.Breakglass)
	x := newPlatform("x-a")
	j := &journal{make(chan string, 1000)}
	h.log = slog.New(slog.NewJSONHandler(j, nil))
	stop := h.run("one/a", quick(x))
	h.run("two/a", quick(x))
	ordinary, b := h.broken(alert.WayPhone)
	h.hand(b)
	h.sign(b, h.officer)
	if h.released(b) {
		t.Fatal("the officer alone released it")
	}
	h.sign(b, h.director)
	h.await(b, "x-a", ledger.StateVerified)
	want(t, x, "1/1")
	x.mu.Lock()
	if !strings.Contains(x.live[0].Text, bulletin.OneAuthority("it")) {
		t.Errorf("the public reads %q", x.live[0].Text)
	}
	x.mu.Unlock()
	h.sign(ordinary, h.police) // too late: its place is taken
	if h.released(ordinary) {
		t.Error("both bulletins are released")
	}
	stop()
	h.run("one/b", quick(x))
	if !h.released(b) {
		t.Error("read anew, it is not released")
	}
	h.refusals(1) // of the ordinary one
	if r := h.read(); !r.OK || r.Breakglass != 1 || r.Posts != 1 {
		t.Errorf("the auditor says %+v", r)
	}
	ratified := b.Prepared(bulletin.Ratification)
	h.hand(ratified)
	h.sign(ratified, h.director) // who issued it alone ratifies nothing
	if h.released(ratified) {
		t.Fatal("the director ratified their own")
	}
	h.sign(ratified, h.police)
	h.await(ratified, "x-a", ledger.StateVerified)
	if ratified.Expires.Before(ordinary.Expires) {
		t.Errorf("it was ratified until %v, want %v", ratified.Expires, ordinary.Expires)
	}
	for loud := false; !loud; {
		select {
		case line := <-j.said:
			var entry struct{ Level, Msg string }
			if json.Unmarshal([]byte(line), &entry) == nil && strings.HasPrefix(entry.Msg, "BREAK-GLASS") {
				loud = true
				if entry.Level != "WARN" {
					t.Errorf("said as %s", entry.Level)
				}
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no node said that the glass was broken")
		}
	}
}

// TestBreakglassIsStoppedByThePolice has the police revoke what was released without them.
func TestBreakglassIsStoppedByThePolice(t *testing.T) {
	t.Parallel()
	for _, kind := range []bulletin.Kind{bulletin.Correction, bulletin.Revocation} {
		h := newGlassHouse(t, signingtest.Breakglass)
		x := newPlatform("x-a")
		h.run("one/a", quick(x))
		_, b := h.broken(alert.WayPhone)
		h.hand(b)
		h.sign(b, h.officer, h.director)
		h.await(b, "x-a", ledger.StateVerified)
		stop := b.Prepared(kind)
		h.hand(stop)
		h.sign(stop, h.police)
		h.await(stop, "x-a", ledger.StateVerified)
		if ratified := b.Prepared(bulletin.Ratification); true {
			h.hand(ratified)
			h.sign(ratified, h.police)
			if h.released(ratified) {
				t.Errorf("after the %s it is ratified", kind)
			}
		}
	}
}

// TestBreakglassStandsOnTheLedger breaks what a break-glass bulletin needs of the ledger,
// one at a time: nothing is posted, and the auditor finds nothing wrong.
func TestBreakglassStandsOnTheLedger(t *testing.T) {
	t.Parallel()
	waiting := strings.Replace(signingtest.Breakglass, "wait_minutes: 0", "wait_minutes: 1", 1)
	twice := strings.Replace(signingtest.Breakglass, "attempts: 1", "attempts: 2", 1)
	for name, tt := range map[string]struct {
		section string
		make    func(*glassHouse) *bulletin.Bulletin
	}{
		"not_in_the_policy": {"", func(h *glassHouse) *bulletin.Bulletin { _, b := h.broken(alert.WayPhone); h.hand(b); return b }},
		"before_the_wait":   {waiting, func(h *glassHouse) *bulletin.Bulletin { _, b := h.broken(alert.WayPhone); h.hand(b); return b }},
		"too_few_attempts":  {twice, func(h *glassHouse) *bulletin.Bulletin { _, b := h.broken(alert.WayPhone); h.hand(b); return b }},
		"attempts_of_another_alert": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			other, _ := h.broken(alert.WayPhone)
			a := newAlert(h.t, "x-a")
			ordinary := a.Next(h.t, alert.MsgAlert)
			h.hand(ordinary)
			b := glassOf(h.t, a, ordinary, &bulletin.Breakglass{InsteadOf: ordinary.SHA256(), Cause: bulletin.CauseSudden, Why: "x", Contacts: []bulletin.Contact{h.contact(other, alert.WayRadio)}})
			h.hand(b)
			return b
		}},
		"attempts_made_up": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			a := newAlert(h.t, "x-a")
			ordinary := a.Next(h.t, alert.MsgAlert)
			h.hand(ordinary)
			b := glassOf(h.t, a, ordinary, &bulletin.Breakglass{InsteadOf: ordinary.SHA256(), Cause: bulletin.CauseSudden, Why: "x", Contacts: []bulletin.Contact{{Record: 2, At: time.Now().UTC().Truncate(time.Second), Way: alert.WayPhone, Whom: "police"}}})
			h.hand(b)
			return b
		}},
		"attempts_recorded_after_it": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			a := newAlert(h.t, "x-a")
			ordinary := a.Next(h.t, alert.MsgAlert)
			h.hand(ordinary)
			var next int64
			h.ledger.View(func(s *ledger.State) { next = s.Seq + 2 })
			g := &bulletin.Breakglass{InsteadOf: ordinary.SHA256(), Cause: bulletin.CauseSudden, Why: "x", Contacts: []bulletin.Contact{{Record: next, At: time.Now().UTC().Truncate(time.Second), Way: alert.WayPhone, Whom: "police"}}}
			b := glassOf(h.t, a, ordinary, g)
			h.hand(b)
			h.contact(ordinary, alert.WayPhone)
			return b
		}},
		"record_says_it_is_ordinary": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			_, b := h.broken(alert.WayPhone)
			h.put(b)
			h.record(b, func(r *ledger.Record) { r.Breakglass = false })
			return b
		}},
		"one_too_many": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			_, first := h.broken(alert.WayPhone)
			h.hand(first)
			h.sign(first, h.officer, h.director)
			if !h.released(first) {
				h.t.Error("the first one of the day is not released")
			}
			_, b := h.broken(alert.WayPhone)
			h.hand(b)
			return b
		}},
		"ordinary_refused_by_the_police": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			ordinary, b := h.broken(alert.WayPhone)
			h.hand(b)
			h.halt(bulletin.Refusal, ordinary, h.police, nil)
			return b
		}},
		"of_two_organisations": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			h.director = signingtest.NewPerson(h.t, "carla@police.example", signing.Breakglass)
			h.auth.Ring = signingtest.Ring(h.t, h.officer, h.director, h.police)
			_, b := h.broken(alert.WayPhone)
			h.hand(b)
			return b
		}},
		"police_instead_of_director": {signingtest.Breakglass, func(h *glassHouse) *bulletin.Bulletin {
			_, b := h.broken(alert.WayPhone)
			h.hand(b)
			h.director = h.police
			return b
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newGlassHouse(t, tt.section)
			b := tt.make(h)
			x := newPlatform("x-a")
			h.run("one/a", quick(x))
			h.sign(b, h.officer, h.director)
			if h.released(b) {
				t.Error("it is released")
			}
			// What comes last is released: this one had its chance before it.
			good := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
			h.await(good, "x-a", ledger.StateVerified)
			x.mu.Lock()
			defer x.mu.Unlock()
			for _, p := range x.live {
				if strings.Contains(p.Text, string(b.Code)) {
					t.Errorf("it was posted: %q", p.Text)
				}
			}
			for _, f := range h.read().Findings {
				if f.Rule == "release" || f.Rule == "coverage" {
					t.Errorf("the auditor finds %+v", f)
				}
			}
		})
	}
}

// TestAuditorFindsABrokenGlass holds that a post of a bulletin which the policy did not
// allow is found: nothing in the auditor believes that a node has judged it.
func TestAuditorFindsABrokenGlass(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t, strings.Replace(signingtest.Breakglass, "wait_minutes: 0", "wait_minutes: 5", 1))
	_, b := h.broken(alert.WayPhone)
	h.hand(b)
	h.sign(b, h.officer, h.director)
	h.intend("evil/a", b, time.Now().Add(time.Minute))
	r := h.read()
	if r.OK || r.Breakglass != 0 || len(r.Findings) == 0 || r.Findings[len(r.Findings)-1].Rule != "release" {
		t.Errorf("the auditor says %+v", r)
	}
}
