package delivery

import (
	"testing"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// TestAWaitDoesNotGrowWithTheClock has the clock set back after a wait was recorded.
func TestAWaitDoesNotGrowWithTheClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		since time.Duration // of the record, from now
		want  verb
	}{
		"recorded_just_now":                  {-time.Second, wait},
		"by_a_clock_that_is_a_little_ahead":  {2 * time.Second, wait},
		"before_the_clock_was_set_back_half": {30 * time.Minute, attempt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := ledger.PartState{State: ledger.StatePending, Attempts: 1, Since: now.Add(tt.since), RetryAt: now.Add(tt.since + 10*time.Second)}
			items := []item{{b: &bulletin.Bulletin{Expires: now.Add(time.Hour)}, parts: []ledger.PartState{p}}}
			if got := decide(items, "one/a", now, now, func(string) bool { return false }); got.do != tt.want {
				t.Errorf("decide says %d, want %d", got.do, tt.want)
			}
		})
	}
}
