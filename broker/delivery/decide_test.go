package delivery

import (
	"testing"
	"time"

	"tocsin/adapters"
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
				if in := got.when.Sub(now); tt.want == wait && in != tt.until {
					t.Errorf("it waits for %v, want %v", in, tt.until)
				}
			})
		}
	}
}

// TestTheExpiryIsJudgedByTheClockThatIsAhead has the node's and the broker's clocks differ.
func TestTheExpiryIsJudgedByTheClockThatIsAhead(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		clock, end time.Duration // of the broker and of the alert, from now by the node's clock
		want       verb
		in         time.Duration // the wait
	}{
		"before_both":    {4 * time.Minute, 5 * time.Minute, wait, time.Minute},
		"past_the_other": {4 * time.Minute, 4 * time.Minute, expire, 0},
		"past_ours":      {-4 * time.Minute, 0, expire, 0},
		"ours_is_ahead":  {-4 * time.Minute, time.Minute, wait, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := now.Add(tt.clock)
			p := ledger.PartState{State: ledger.StatePending, Attempts: 1, RetryAt: clock.Add(time.Hour)}
			items := []item{{b: &bulletin.Bulletin{Expires: now.Add(tt.end)}, parts: []ledger.PartState{p}, gone: []bool{false}}}
			got := decide(items, view{me: "one/a", now: now, clock: clock})
			if in := got.when.Sub(now); got.do != tt.want || got.do == wait && in != tt.in {
				t.Errorf("decide says %d in %v, want %d in %v", got.do, in, tt.want, tt.in)
			}
		})
	}
}

// TestWhoTakesAnAttemptOver holds who may touch an attempt that is under way.
func TestWhoTakesAnAttemptOver(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		claimant string
		mine     bool          // this process has it under way
		gone     bool          // the ledger says that its incarnation sends nothing more
		until    time.Duration // from now
		want     verb
	}{
		"ours":                              {"one/a", true, false, time.Minute, send},
		"ours_and_lost":                     {"one/a", false, false, time.Minute, forget},
		"of_our_earlier_life":               {"one/before", false, false, time.Minute, forget},
		"another_nodes":                     {"two/b", false, false, time.Nanosecond, wait},
		"another_nodes_and_its_time_is_up":  {"two/b", false, false, 0, forget},
		"another_nodes_and_the_node_is_not": {"two/b", false, true, time.Minute, forget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := ledger.PartState{State: ledger.StateAttempting, Attempts: 1, Claimant: tt.claimant, ClaimID: "c", Until: now.Add(tt.until)}
			items := []item{{b: &bulletin.Bulletin{Expires: now.Add(time.Hour)}, parts: []ledger.PartState{p}, gone: []bool{tt.gone}}}
			got := decide(items, view{me: "one/a", now: now, clock: now, claimed: func(string) bool { return tt.mine }})
			if got.do != tt.want || got.do == wait && !got.when.Equal(p.Until) {
				t.Errorf("decide says %d at %v, want %d", got.do, got.at, tt.want)
			}
		})
	}
}

// TestWaitsAreSpread holds that many alerts that a platform refuses at the same moment do
// not come back at the same moment.
func TestWaitsAreSpread(t *testing.T) {
	t.Parallel()
	const first = time.Second
	l := newLane(nil, Channel{Channel: nameless{}, RetryFirst: first, RetryMost: time.Minute}.withDefaults())
	waits := map[time.Duration]bool{}
	for part := range 50 {
		d := l.remember("digest", post(part+1)).retry.NextBackOff()
		waits[d] = true
		if d < first*7/10 || d > first*13/10 {
			t.Errorf("a wait of %v, want %v with three tenths of jitter", d, first)
		}
	}
	if len(waits) < 25 {
		t.Errorf("50 posts wait for %d different times, want them spread", len(waits))
	}
}

// nameless is a channel of which nothing but a lane is made.
type nameless struct{ adapters.Channel }

func (nameless) Name() string { return "" }

// TestEmptyListsAreNone holds that a channel without a moment to look gets the usual ones.
func TestEmptyListsAreNone(t *testing.T) {
	t.Parallel()
	c := Channel{Settle: []time.Duration{}, ReadBack: []time.Duration{}}.withDefaults()
	if len(c.Settle) == 0 || len(c.ReadBack) == 0 {
		t.Errorf("it looks at %v and reads back at %v, want the usual times", c.Settle, c.ReadBack)
	}
}
