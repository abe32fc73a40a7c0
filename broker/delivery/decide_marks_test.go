package delivery

import (
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// TestWhenAMarkIsMade holds what a mark waits for: the post that bears it, and the posts of its
// own bulletin.
func TestWhenAMarkIsMade(t *testing.T) {
	t.Parallel()
	now := time.Now()
	public := ledger.PartState{State: ledger.StateVerified, PostID: "1"}
	state := func(s ledger.DeliveryState) ledger.PartState { return ledger.PartState{State: s} }
	for name, c := range map[string]struct {
		bearer, own ledger.PartState
		mark        ledger.PartState
		over        time.Duration // since the bulletin expired
		want        verb
	}{
		"all_is_public":                      {public, public, state(ledger.StatePending), -time.Hour, attempt},
		"the_post_is_not_read_back":          {ledger.PartState{State: ledger.StatePosted, PostID: "1"}, public, state(ledger.StatePending), -time.Hour, nothing},
		"the_post_cannot_be_read_back":       {ledger.PartState{State: ledger.StatePosted, PostID: "1", Unreadable: true}, public, state(ledger.StatePending), -time.Hour, attempt},
		"the_post_is_gone":                   {ledger.PartState{State: ledger.StateFailed, PostID: "1"}, public, state(ledger.StatePending), -time.Hour, nothing},
		"the_post_was_never_public":          {state(ledger.StateSuperseded), public, state(ledger.StatePending), -time.Hour, nothing},
		"its_own_post_is_on_its_way":         {public, state(ledger.StateAttempting), state(ledger.StatePending), -time.Hour, nothing},
		"its_own_post_is_of_unknown_fate":    {public, state(ledger.StateUnknown), state(ledger.StatePending), -time.Hour, nothing},
		"its_own_post_is_held":               {public, state(ledger.StateHeld), state(ledger.StatePending), -time.Hour, nothing},
		"its_own_post_failed":                {public, state(ledger.StateFailed), state(ledger.StatePending), -time.Hour, attempt},
		"its_own_post_came_too_late":         {public, state(ledger.StateExpired), state(ledger.StatePending), time.Minute, attempt},
		"it_is_to_be_tried_later":            {public, public, ledger.PartState{State: ledger.StatePending, RetryAt: now.Add(time.Minute)}, -time.Hour, wait},
		"it_is_of_unknown_fate":              {public, public, state(ledger.StateUnknown), -time.Hour, look},
		"it_is_made":                         {public, public, ledger.PartState{State: ledger.StatePosted, PostID: "1"}, -time.Hour, readBack},
		"it_is_verified":                     {public, public, state(ledger.StateVerified), -time.Hour, nothing},
		"a_day_after_the_end_nobody_made_it": {public, public, state(ledger.StatePending), 25 * time.Hour, giveUp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := now.Add(-c.over)
			items := []item{
				{b: &bulletin.Bulletin{Number: 1, Expires: end}, parts: []ledger.PartState{c.bearer}, gone: []bool{false}},
				{b: &bulletin.Bulletin{Number: 2, Expires: end}, parts: []ledger.PartState{c.own}, gone: []bool{false}, marks: []mark{{
					Mark: bulletin.Mark{On: 1, Part: 1, When: bulletin.AtRelease, Form: adapters.MarkEdit}, state: c.mark,
				}}},
			}
			if got := decideMarks(items, view{me: "one/a", now: now, clock: now}); got.do != c.want {
				t.Errorf("decideMarks says %d, want %d", got.do, c.want)
			}
		})
	}
}
