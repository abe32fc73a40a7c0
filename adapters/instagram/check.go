package instagram

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
	"tocsin/adapters/internal/wire"
)

var _ adapters.Checker = (*Channel)(nil)

// CheckEvery is every few minutes.
func (ch *Channel) CheckEvery() time.Duration { return graph.CheckEvery }

// Fate names Meta.
func (ch *Channel) Fate() string { return graph.Fate }

// Check asks what the platform knows of the token, reads the account and its quota of posts,
// and looks whether the address answers from which the platform fetches pictures.
func (ch *Channel) Check(ctx context.Context) []adapters.Finding {
	found := ch.graph.CheckToken(ctx, graph.Need{Scope: "instagram_basic", Target: ch.user},
		graph.Need{Scope: "instagram_content_publish", Target: ch.user}, graph.Need{Scope: "pages_read_engagement"},
		graph.Need{Scope: "instagram_manage_comments", Target: ch.user, For: "posts go out, and what becomes of them can't be said below them"})
	var out struct {
		ID       string `json:"id"`
		Username string `json:"username"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{Method: http.MethodGet, Path: ch.user, Params: url.Values{"fields": {"id,username"}}}, &out)
	account := adapters.Finding{Aspect: adapters.AspectAccount, State: adapters.Ready}
	switch {
	case err != nil:
		account = adapters.FindingOf(adapters.AspectAccount, err)
	case out.ID != ch.user:
		account = adapters.FindingOf(adapters.AspectAccount, ch.graph.Unreadable(a, "it names another account"))
	case !strings.EqualFold(out.Username, ch.username):
		account = adapters.Finding{
			Aspect: adapters.AspectAccount, Reason: fmt.Sprintf("the account is called %.40q, and the configuration calls it %q", out.Username, ch.username),
			Advice: "look on Instagram whether user_id is the right account, and correct user_id or username in the configuration",
		}
	}
	found = append(found, account)
	if err == nil {
		found = append(found, graph.CheckUsage(a.Header)...)
		found = append(found, ch.checkQuota(ctx))
	}
	if ch.imageHost != "" {
		found = append(found, ch.checkHost(ctx))
	}
	return found
}

// checkQuota says how many posts the platform still takes within its 24 hours.
func (ch *Channel) checkQuota(ctx context.Context) adapters.Finding {
	var out struct {
		Data []struct {
			Used   *int `json:"quota_usage"`
			Config struct {
				Total int `json:"quota_total"`
			} `json:"config"`
		} `json:"data"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{
		Method: http.MethodGet, Path: ch.user + "/" + quota, Params: url.Values{"fields": {"quota_usage,config"}},
	}, &out)
	switch {
	case err != nil:
		return adapters.FindingOf(adapters.AspectBudget, err)
	case len(out.Data) == 0 || out.Data[0].Used == nil || out.Data[0].Config.Total <= 0:
		return adapters.FindingOf(adapters.AspectBudget, ch.graph.Unreadable(a, "it does not say how many posts are left"))
	}
	left := max(out.Data[0].Config.Total-*out.Data[0].Used, 0)
	ch.graph.Allowances().Note(adapters.Allowance{Name: quota, Left: left, Of: out.Data[0].Config.Total, At: time.Now()})
	return adapters.Finding{
		Aspect: adapters.AspectBudget, Reason: "the posts that Instagram takes in 24 hours are nearly used up",
		Advice: "post nothing else on the account until they come back; meanwhile be ready to post by hand",
	}.Spending(left, adapters.LifeCycle)
}

// quota names the budget of posts of 24 hours.
const quota = "content_publishing_limit"

var _ adapters.Metered = (*Channel)(nil)

// Allowances tells what is left of the calls that Meta allows, as its latest answer said, and of
// the posts of 24 hours, as the latest [Channel.Check] found them less those made since.
func (ch *Channel) Allowances() []adapters.Allowance { return ch.graph.Allowances().All() }

// checkHost looks at the address from which the platform fetches pictures. From here that is
// no proof that it is reached from there; where it is not reached from here, it hardly is.
func (ch *Channel) checkHost(ctx context.Context) adapters.Finding {
	f := adapters.Finding{Aspect: adapters.AspectImageHost, State: adapters.Ready}
	client := wire.New(wire.Options{Timeout: hostTimeout, AllowPrivate: true}) // a name of ours may lead to this machine
	defer client.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, ch.imageHost, nil)
	if err != nil {
		return adapters.FindingOf(adapters.AspectImageHost, adapters.Fail(adapters.Permanent, "the address of pictures is not an address"))
	}
	a, err := client.Do(ctx, req)
	const advice = "see that site.public_url leads to the node from the internet: Instagram takes no post without a picture that it can fetch there"
	switch {
	case err != nil:
		f = adapters.FindingOf(adapters.AspectImageHost, err)
		f.Aspect, f.State, f.Advice = adapters.AspectImageHost, adapters.Down, advice
	case a.Status != http.StatusOK:
		f.State, f.Reason, f.Advice = adapters.Down, fmt.Sprintf("the address from which Instagram fetches pictures answers %d", a.Status), advice
	}
	return f
}

// hostTimeout bounds the look at the address of pictures.
const hostTimeout = 10 * time.Second
