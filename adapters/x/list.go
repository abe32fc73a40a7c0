package x

import (
	"context"
	"time"

	"tocsin/adapters"
)

var _ adapters.Lister = (*Channel)(nil)

// List returns what the account posted since then, answers too. Posts of others that it only
// passes on are not its words, and not listed.
func (ch *Channel) List(ctx context.Context, since time.Time) ([]adapters.Listed, error) {
	all, next := []adapters.Listed{}, ""
	for range maxPages {
		page, err := ch.timeline(ctx, since, next)
		if err != nil {
			return nil, err
		}
		for _, got := range page.posts {
			r := ch.receipt(got.ID, nil)
			all = append(all, adapters.Listed{ID: got.ID, URL: r.URL, Text: got.shown(""), At: r.At})
		}
		if next = page.next; next == "" {
			return all, nil
		}
	}
	return nil, adapters.Fail(adapters.Unknown, "the account's timeline goes on after %d posts: look on X by hand", maxPages*pageSize)
}

// ListEvery is four times an hour: X charges for each post that it returns.
func (ch *Channel) ListEvery() time.Duration { return 15 * time.Minute }
