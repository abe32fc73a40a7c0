package instagram

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

// Mark comments below the post of on, as the account that published it.
func (ch *Channel) Mark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	err := ch.Limits().CheckMark(m)
	if err == nil {
		err = isPost(on)
	}
	if err != nil {
		return fmt.Errorf("instagram: mark: %w", err)
	}
	var out struct {
		ID string `json:"id"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{Method: http.MethodPost, Path: on.ID + "/comments", Params: url.Values{"message": {m.Text}}, Rules: doubtful()}, &out)
	switch {
	case graph.IsAbsent(err):
		return fmt.Errorf("instagram: mark: %w", adapters.ErrNotPublished)
	case err == nil && !graph.IsID(out.ID):
		err = ch.graph.Unreadable(a, "it names no comment")
	}
	if err != nil {
		return fmt.Errorf("instagram: mark: %w", err)
	}
	return nil
}

// ReadMark looks for the mark among the comments below the post of on.
func (ch *Channel) ReadMark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	err := isPost(on)
	if err == nil {
		_, err = ch.graph.Find(ctx, graph.Search{Path: on.ID + "/comments", Text: "text", Time: "timestamp", Exactly: true}, adapters.Post{Text: m.Text})
	}
	if graph.IsAbsent(err) {
		err = adapters.ErrNotPublished
	}
	if err != nil {
		return fmt.Errorf("instagram: read mark: %w", err)
	}
	return nil
}

// isPost returns why a receipt names no post of Instagram.
func isPost(r adapters.Receipt) error {
	if !graph.IsID(r.ID) {
		return adapters.Fail(adapters.Permanent, "the receipt's identifier %q is not one of an Instagram post", r.ID)
	}
	return nil
}
