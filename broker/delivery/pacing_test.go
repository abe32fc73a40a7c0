package delivery_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/ledger"
)

// A metered platform tells what is left of its budget.
type metered struct {
	*platform

	left   atomic.Int64
	resets time.Time
}

func (m *metered) Allowances() []adapters.Allowance {
	return []adapters.Allowance{{Name: "posts", Left: int(m.left.Load()), At: time.Now(), Resets: m.resets}}
}

// TestABudgetIsKeptForAnAlert has a test message and an alert meet on a channel whose budget has
// room for one alert's life alone.
func TestABudgetIsKeptForAnAlert(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := &metered{platform: newPlatform("x-a")}
	x.left.Store(adapters.LifeCycle)
	h.run("one/a", quick(x))
	drill := newAlert(t, "x-a")
	drill.Status = alert.StatusTest
	first := h.release(drill.Next(t, alert.MsgAlert))
	kept := h.until(first, "x-a", "kept back", func(p ledger.PartState) bool { return p.Class == ledger.ClassReserve })
	if kept.State != ledger.StatePending || kept.Attempts != 0 || kept.RetryAt.IsZero() || kept.Reason == "" {
		t.Errorf("kept back: %+v, want it pending, with why and until when", kept)
	}
	alarm := newAlert(t, "x-a")
	for _, kind := range []alert.MsgType{alert.MsgAlert, alert.MsgUpdate, alert.MsgCancel} {
		b := h.release(alarm.Next(t, kind))
		h.await(b, "x-a", ledger.StateVerified)
		x.left.Add(-1)
	}
	want(t, x.platform, "1/1", "2/1", "3/1")
	if got := h.part(first, "x-a"); got.Changed != kept.Changed {
		t.Errorf("the test message is %+v, want it as it was: it waits, and the ledger is told once", got)
	}
}

// TestWhatIsKeptBackIsNotLost has a test message wait for a budget that comes back.
func TestWhatIsKeptBackIsNotLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := &metered{platform: newPlatform("x-a"), resets: time.Now().Add(2 * time.Second)}
	h.run("one/a", quick(x))
	drill := newAlert(t, "x-a")
	drill.Status = alert.StatusTest
	b := h.release(drill.Next(t, alert.MsgAlert))
	if p := h.await(b, "x-a", ledger.StateVerified); p.PostedAt.Before(x.resets.Add(-time.Second)) {
		t.Errorf("it was posted at %v, before the budget came back at %v", p.PostedAt, x.resets)
	}
	want(t, x.platform, "1/1")
}

// TestOneRefusalHoldsBackTheWholeAccount has the platform ask for a wait with one alert's post,
// and another alert released meanwhile: it is not tried before the wait is over.
func TestOneRefusalHoldsBackTheWholeAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const wait = 2 * time.Second
	x := newPlatform("x-a").then(func(*platform, context.Context, adapters.Post) (adapters.Receipt, error) {
		return adapters.Receipt{}, &adapters.Failure{Kind: adapters.NotSent, After: wait, Wide: true, Err: errors.New("too many calls")}
	})
	h.run("one/a", quick(x))
	first := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	refused := h.until(first, "x-a", "one attempt in vain", func(p ledger.PartState) bool { return p.State == ledger.StatePending && p.Attempts == 1 })
	second := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(first, "x-a", ledger.StateVerified)
	if p := h.await(second, "x-a", ledger.StateVerified); p.Attempts != 1 || p.FirstTry.Before(refused.Since.Add(wait*9/10)) {
		t.Errorf("the other alert was tried %d times, first %v after the platform had asked for %v", p.Attempts, p.FirstTry.Sub(refused.Since), wait)
	}
}
