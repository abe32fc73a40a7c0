package x

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

var _ adapters.Checker = (*Channel)(nil)

// CheckEvery is every hour: X charges for each call.
func (ch *Channel) CheckEvery() time.Duration { return time.Hour }

// Fate names X.
func (ch *Channel) Fate() string { return "X" }

// Check asks whose token it is, with the one call GET /2/users/me. Its answer also says what
// the app may do, and what is left of the budgets of 24 hours where X counts them; how many
// credits are left X tells nobody before they are gone.
func (ch *Channel) Check(ctx context.Context) []adapters.Finding {
	a, err := ch.call(ctx, http.MethodGet, "/2/users/me", nil, nil)
	if f, ok := errors.AsType[*adapters.Failure](err); ok && f.Code != "" {
		// The clock was refused: the next call bears X's own time.
		a, err = ch.call(ctx, http.MethodGet, "/2/users/me", nil, nil)
	}
	if err == nil && a.Status != http.StatusOK {
		err = ch.failure(a)
	}
	if err != nil {
		return []adapters.Finding{adapters.FindingOf(adapters.AspectCredential, err)}
	}
	var me struct {
		Data struct {
			ID       string `json:"id"`
			Username string `json:"username"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.Body, &me); err != nil || !validID(me.Data.ID) {
		return []adapters.Finding{adapters.FindingOf(adapters.AspectReach, ch.wire.Unreadable(a, err))}
	}
	found := []adapters.Finding{{Aspect: adapters.AspectCredential, State: adapters.Ready}}
	account := adapters.Finding{Aspect: adapters.AspectAccount, State: adapters.Ready}
	switch {
	case me.Data.ID != ch.userID:
		account = adapters.Finding{
			Aspect: adapters.AspectAccount, Reason: fmt.Sprintf("the access token is of account %s, and this channel is account %s", me.Data.ID, ch.userID),
			Advice: "make the access token while you are logged in to the right account, or correct user_id in the configuration",
		}
	case !strings.EqualFold(me.Data.Username, ch.username) && validUsername(me.Data.Username):
		account = adapters.Finding{
			Aspect: adapters.AspectAccount, State: adapters.Degraded, Reason: fmt.Sprintf("the account is called @%s now, and the configuration calls it @%s", me.Data.Username, ch.username),
			Advice: "look on X who renamed it, and correct username in the configuration: the addresses of posts are made with it",
		}
	}
	found = append(found, account)
	if level := a.Header.Get("x-access-level"); level != "" {
		rights := adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Ready}
		if !strings.Contains(level, "write") {
			rights = adapters.Finding{
				Aspect: adapters.AspectRights, Reason: fmt.Sprintf("the app may only %.20q", level),
				Advice: "give the app the permission Read and write in the developer console, then make a new access token",
			}
		}
		found = append(found, rights)
	}
	return append(found, budgets(a.Header, ch.now())...)
}

// mostParts is how many posts a bulletin has at most, each in a language of its own.
const mostParts = 4

// budgets says what the headers of an answer tell of the budgets of 24 hours.
func budgets(h http.Header, now time.Time) (found []adapters.Finding) {
	for _, window := range []string{"x-app-limit-24hour", "x-user-limit-24hour"} {
		left, err := strconv.Atoi(h.Get(window + "-remaining"))
		if err != nil || left < 0 {
			continue
		}
		f := adapters.Finding{
			Aspect: adapters.AspectBudget, Reason: "the budget of calls for 24 hours is nearly used up",
			Advice: "look in the developer console who else calls with this app; meanwhile be ready to post by hand",
		}.Spending(left, mostParts*adapters.LifeCycle)
		if reset, err := strconv.ParseInt(h.Get(window+"-reset"), 10, 64); err == nil && reset > 0 && f.State != adapters.Ready {
			if date, ok := wire.Date(h); ok {
				now = date
			}
			f.Until = time.Unix(min(reset, now.Add(maxWait).Unix()), 0).UTC()
		}
		found = append(found, f)
	}
	return found
}
