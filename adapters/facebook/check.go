package facebook

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

var _ adapters.Checker = (*Channel)(nil)

// CheckEvery is every few minutes.
func (ch *Channel) CheckEvery() time.Duration { return graph.CheckEvery }

// Fate names Meta.
func (ch *Channel) Fate() string { return graph.Fate }

// Check asks what the platform knows of the token, and reads the page.
func (ch *Channel) Check(ctx context.Context) []adapters.Finding {
	found := ch.graph.CheckToken(ctx, graph.Need{Scope: "pages_manage_posts", Target: ch.page}, graph.Need{Scope: "pages_read_engagement", Target: ch.page})
	var out struct {
		ID        string `json:"id"`
		Published *bool  `json:"is_published"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{Method: http.MethodGet, Path: ch.page, Params: url.Values{"fields": {"id,name,is_published"}}}, &out)
	page := adapters.Finding{Aspect: adapters.AspectAccount, State: adapters.Ready}
	switch {
	case err != nil:
		page = adapters.FindingOf(adapters.AspectAccount, err)
	case out.ID != ch.page:
		page = adapters.FindingOf(adapters.AspectAccount, ch.graph.Unreadable(a, "it names another page"))
	case out.Published != nil && !*out.Published:
		page.State, page.Reason, page.Advice = adapters.Down, "the page is not published: nobody sees what stands on it", "publish the page in its settings on Facebook"
	}
	found = append(found, page)
	if err == nil {
		found = append(found, graph.CheckUsage(a.Header)...)
	}
	return found
}
