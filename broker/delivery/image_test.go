package delivery_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
)

// An illustrated platform uploads images before its posts, and publishes without one.
type illustrated struct {
	*platform
	upload func(context.Context) error
	bared  bool // somebody takes every image
}

func (p *illustrated) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: 10_000, ImageMaxBytes: 1 << 20, Illustrated: true}
}

func (p *illustrated) Prepare(ctx context.Context, _ adapters.Post) (string, error) {
	if err := p.upload(ctx); err != nil {
		return "", adapters.Fail(adapters.NotSent, "%w", err)
	}
	return "image-1", nil
}

func (p *illustrated) Publish(ctx context.Context, post adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	r, err := p.platform.Publish(ctx, post, a)
	if a.Prepared == "" {
		r.Lacks = "its image was not uploaded"
	}
	return r, err
}

func (p *illustrated) ReadBack(ctx context.Context, post adapters.Post, r adapters.Receipt) error {
	if err := p.platform.ReadBack(ctx, post, r); err != nil || r.Lacks != "" || !p.bared {
		return err
	}
	return adapters.ErrWithoutImage
}

// TestAnImageNeverStopsItsText lets the upload of an image fail in every way: the text is public
// with the first attempt, and the ledger says what it lacks.
func TestAnImageNeverStopsItsText(t *testing.T) {
	t.Parallel()
	fine := func(context.Context) error { return nil }
	for name, tt := range map[string]struct {
		upload func(context.Context) error
		bared  bool
		lacks  string // begins so; "" for nothing
	}{
		"taken":   {fine, false, ""},
		"refused": {func(context.Context) error { return adapters.Fail(adapters.Permanent, "no such picture") }, false, "permanent: no such picture"},
		"slow": {func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, false, "its image was not uploaded in time"},
		"taken_away": {fine, true, adapters.ErrWithoutImage.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := &illustrated{platform: newPlatform("x-a"), upload: tt.upload, bared: tt.bared}
			ch := quick(p)
			ch.ImageTimeout, ch.PublishTimeout = 50*time.Millisecond, time.Minute
			h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{ch}})
			a := newAlert(t, "x-a")
			a.Image = []byte("\xff\xd8\xff picture")
			b := a.Next(t, alert.MsgAlert)
			h.hand(b)
			h.sign(b, h.officer)
			h.sign(b, h.police)
			got := h.await(b, "x-a", ledger.StateVerified)
			if got.Attempts != 1 || p.published() != 1 || !strings.HasPrefix(got.Lacks, tt.lacks) || (got.Lacks == "") != (tt.lacks == "") {
				t.Errorf("%d attempts, %d calls, it lacks %q; want one of each, and %q", got.Attempts, p.published(), got.Lacks, tt.lacks)
			}
		})
	}
}
