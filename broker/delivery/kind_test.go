package delivery_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/ledger"
)

// A moved channel has kept its name and is on another platform.
type moved struct {
	*platform
	kind string
}

func (m moved) Kind() string { return m.kind }

// TestAPostForAnotherKindIsHeld gives a channel to another platform under the same
// name, in each state in which a post can be met, and back again.
func TestAPostForAnotherKindIsHeld(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, fb := newPlatform("x-a"), newPlatform("facebook-a")
	stop := h.run("one/a", quick(moved{x, "telegram"}), quick(fb))
	b := h.release(newAlert(t, "facebook-a", "x-a").Next(t, alert.MsgAlert))
	p := h.await(b, "x-a", ledger.StateHeld)
	for _, words := range []string{"for a channel of kind x", "x-a is of kind telegram"} {
		if !strings.Contains(p.Reason, words) {
			t.Errorf("held: %q, want %q in it", p.Reason, words)
		}
	}
	if p.Attempts != 0 || p.Class != "permanent" {
		t.Errorf("it is %+v, want no attempt and class permanent", p)
	}
	h.await(b, "facebook-a", ledger.StateVerified)
	want(t, x)
	stop()

	// Started again with the same cause it is held again, with one record.
	var last int64
	records := func() int64 {
		var n int64
		h.ledger.View(func(s *ledger.State) {
			n = s.Last[(&ledger.Record{Type: ledger.Held, Alert: string(b.Alert), Channel: "x-a"}).Subject()]
		})
		return n
	}
	last = records()
	stop = h.run("one/b", quick(moved{x, "telegram"}))
	again := h.until(b, "x-a", "held once more", func(p ledger.PartState) bool { return p.State == ledger.StateHeld && records() > last })
	last = records()
	other := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(other, "x-a", ledger.StateHeld)
	if now := h.part(b, "x-a"); now.Since != again.Since || records() != last {
		t.Errorf("record %d follows %d: it is held over and over", records(), last)
	}
	stop()

	h.run("one/c", quick(x))
	h.await(b, "x-a", ledger.StateVerified)
	h.await(other, "x-a", ledger.StateVerified)
}

// TestAPostOnAnotherKindIsNotLookedFor: what one platform took is neither absent nor
// gone because another one does not show it.
func TestAPostOnAnotherKindIsNotLookedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(h *house, x *platform) // until the node is stopped
		state ledger.DeliveryState
		class string
	}{
		"unknown": {func(_ *house, x *platform) { x.then(keepAndLose).hidden = 1 << 20 }, ledger.StateHeld, "hold"},
		"posted":  {func(_ *house, x *platform) { x.hidden = 1 << 20 }, ledger.StatePosted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x, telegram := newPlatform("x-a"), newPlatform("x-a")
			c.do(h, x)
			patient := quick(x)
			patient.Settle, patient.ReadBack = []time.Duration{time.Hour}, []time.Duration{time.Hour}
			stop := h.run("one/a", patient)
			b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
			h.until(b, "x-a", name, func(p ledger.PartState) bool { return string(p.State) == name })
			stop()
			h.run("one/b", quick(moved{telegram, "telegram"}))
			p := h.until(b, "x-a", "an end", func(p ledger.PartState) bool { return p.State == ledger.StateHeld || p.Final() })
			if p.State != c.state || p.Class != c.class || !strings.Contains(p.Reason, "kind telegram") {
				t.Errorf("it is %+v, want state %s, class %q and why", p, c.state, c.class)
			}
			if telegram.finds+telegram.reads+telegram.calls > 0 {
				t.Error("the other platform was asked")
			}
		})
	}
}
