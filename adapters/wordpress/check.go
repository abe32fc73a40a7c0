package wordpress

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/adapters"
)

// CheckEvery is every five minutes: the site is the office's own.
func (ch *Channel) CheckEvery() time.Duration { return 5 * time.Minute }

// Fate names the site's host: whoever else publishes there stands and falls with it.
func (ch *Channel) Fate() string { return ch.base.Host }

// Check asks as whom the site knows the password and what that user may do: GET users/me.
func (ch *Channel) Check(ctx context.Context) []adapters.Finding {
	var me struct {
		ID           int             `json:"id"`
		Slug         string          `json:"slug"`
		Username     string          `json:"username"`
		Capabilities map[string]bool `json:"capabilities"`
	}
	a, err := ch.call(ctx, http.MethodGet, "users/me", url.Values{"context": {"edit"}}, nil, &me)
	if err == nil && (me.ID <= 0 || me.Capabilities == nil) {
		err = ch.wire.Unreadable(a, nil)
	}
	if err != nil {
		return []adapters.Finding{adapters.FindingOf(adapters.AspectCredential, err)}
	}
	found := []adapters.Finding{{Aspect: adapters.AspectCredential, State: adapters.Ready}}
	account := adapters.Finding{Aspect: adapters.AspectAccount, State: adapters.Ready}
	if !strings.EqualFold(me.Username, ch.user) && me.Username != "" {
		account.State, account.Reason = adapters.Down, "the application password is another user's than the one that is configured"
		account.Advice = "make an application password for the configured user, or correct user in the configuration"
	}
	rights := adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Ready}
	if !me.Capabilities["publish_posts"] || !me.Capabilities["edit_published_posts"] {
		rights.State, rights.Reason = adapters.Down, "the user may not publish and change posts on the site"
		rights.Advice = "give the user the role Editor, on the site under Users"
	}
	return append(found, account, rights)
}
