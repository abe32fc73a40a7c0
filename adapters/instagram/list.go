package instagram

import (
	"context"
	"fmt"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

var _ adapters.Lister = (*Channel)(nil)

// List returns the account's posts since then. Stories and comments are not among them.
func (ch *Channel) List(ctx context.Context, since time.Time) ([]adapters.Listed, error) {
	all, err := ch.graph.List(ctx, graph.Search{Path: ch.user + "/media", Text: "caption", Time: "timestamp", Link: "permalink", Since: since})
	if err != nil {
		return nil, fmt.Errorf("instagram: list: %w", err)
	}
	return all, nil
}

// ListEvery is every few minutes.
func (ch *Channel) ListEvery() time.Duration { return graph.ListEvery }
