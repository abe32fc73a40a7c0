package x

import (
	"net/http"
	"strconv"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

var _ adapters.Metered = (*Channel)(nil)

// Allowances lists the budgets for posts that the answer to the latest post told of. That the
// account has no credits X says only when they are gone.
func (ch *Channel) Allowances() []adapters.Allowance { return ch.allowances.All() }

// note keeps what the answer to a post tells of the budgets for posts.
func (ch *Channel) note(a wire.Answer) {
	now := ch.now()
	if a.Status == http.StatusPaymentRequired {
		ch.allowances.Note(adapters.Allowance{Name: "credits", At: now})
	}
	date, ok := wire.Date(a.Header)
	if !ok {
		date = now
	}
	for _, window := range []string{"x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour"} {
		left, err := strconv.Atoi(a.Header.Get(window + "-remaining"))
		if err != nil || left < 0 {
			continue
		}
		one := adapters.Allowance{Name: window, Left: left, At: now}
		if of, err := strconv.Atoi(a.Header.Get(window + "-limit")); err == nil && of > 0 {
			one.Of = of
		}
		// By X's clock, so it is counted from X's own time.
		if reset, err := strconv.ParseInt(a.Header.Get(window+"-reset"), 10, 64); err == nil && reset > 0 {
			one.Resets = now.Add(time.Unix(min(reset, date.Add(maxWait).Unix()), 0).Sub(date))
		}
		ch.allowances.Note(one)
	}
}
