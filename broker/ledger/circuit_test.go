package ledger_test

import (
	"testing"
	"time"

	"tocsin/broker/ledger"
)

// TestTheCircuitOfAChannel folds what comes of attempts, and says whether the channel works.
func TestTheCircuitOfAChannel(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	fail := func(kind ledger.Type) {
		t.Helper()
		p.must(t, p.delivery("attempt"))
		p.must(t, p.delivery(string(kind)))
		if kind == ledger.Unknown {
			p.must(t, p.delivery("absent"))
		}
	}
	circuit := func() ledger.Circuit { return p.state.Circuit("x-a") }
	for n, kind := range []ledger.Type{ledger.NotSent, ledger.Unknown, ledger.NotSent, ledger.Held} {
		fail(kind)
		if c := circuit(); c.Failures != n+1 || c.State(c.At) != ledger.CircuitClosed || c.Reason == "" {
			t.Errorf("after %d failures: %+v, %s; want it closed", n+1, c, c.State(c.At))
		}
	}
	p.must(t, p.delivery("held")) // a node that was started again finds the same: no attempt was made
	p.must(t, p.delivery("deferred"))
	if c := circuit(); c.Failures != 4 {
		t.Errorf("%d failures, want 4: what is decided without a call is none", c.Failures)
	}
	fail(ledger.NotSent)
	c := circuit()
	for after, want := range map[time.Duration]ledger.CircuitState{0: ledger.CircuitOpen, ledger.ProbeEvery - 1: ledger.CircuitOpen, ledger.ProbeEvery: ledger.CircuitHalfOpen} {
		if got := c.State(c.At.Add(after)); got != want {
			t.Errorf("%v after the fifth failure it is %s, want %s", after, got, want)
		}
	}
	if other := p.state.Circuit("telegram-a"); other.Failures != 0 {
		t.Errorf("another channel has %d failures", other.Failures)
	}
	p.must(t, p.delivery("attempt"))
	p.must(t, p.delivery("posted"))
	if c := circuit(); c != (ledger.Circuit{}) {
		t.Errorf("after a post that went out: %+v, want it closed", c)
	}
}
