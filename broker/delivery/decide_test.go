package delivery

import (
	"testing"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// TestWaitsAreCountedByTheBrokersClock has a node whose clock is minutes off meet what other
// nodes wrote.
func TestWaitsAreCountedByTheBrokersClock(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	foreign := ledger.PartState{State: ledger.StateAttempting, Attempts: 1, Claimant: "two/b", ClaimID: "1"}
	for name, tt := range map[string]struct {
		part    ledger.PartState
		until   time.Duration // of the attempt, from the broker's time; the end of the wait of others
		changed int64
		want    verb
	}{
		"attempt_under_way":       {foreign, 10 * time.Second, 7, wait},
		"attempt_that_is_over":    {foreign, -time.Millisecond, 7, forget},
		"wait_under_way":          {ledger.PartState{State: ledger.StatePending, Attempts: 1}, 10 * time.Second, 7, wait},
		"wait_that_is_over":       {ledger.PartState{State: ledger.StatePending, Attempts: 1}, -time.Millisecond, 7, attempt},
		"held_before_it_began":    {ledger.PartState{State: ledger.StateHeld, Attempts: 1}, -time.Millisecond, 5, attempt},
		"held_since_for_a_while":  {ledger.PartState{State: ledger.StateHeld, Attempts: 1}, 10 * time.Second, 7, wait},
		"held_since_for_a_person": {ledger.PartState{State: ledger.StateHeld, Attempts: 1}, 0, 7, nothing},
	} {
		for _, off := range []time.Duration{-4 * time.Minute, 0, 4 * time.Minute} {
			t.Run(name+"_"+off.String(), func(t *testing.T) {
				t.Parallel()
				now := clock.Add(off)
				p := tt.part
				p.Since, p.Changed = clock.Add(-time.Second), tt.changed
				if tt.until != 0 {
					p.Until, p.RetryAt = clock.Add(tt.until), clock.Add(tt.until)
				}
				items := []item{{b: &bulletin.Bulletin{Expires: now.Add(time.Hour)}, parts: []ledger.PartState{p}, gone: []bool{false}}}
				got := decide(items, view{me: "one/a", started: 5, now: now, clock: clock, claimed: func(string) bool { return false }})
				if got.do != tt.want {
					t.Errorf("decide says %d, want %d", got.do, tt.want)
				}
				if in := got.at.Sub(now); tt.want == wait && in != tt.until {
					t.Errorf("it waits for %v, want %v", in, tt.until)
				}
			})
		}
	}
}
