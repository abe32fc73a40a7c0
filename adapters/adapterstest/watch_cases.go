package adapterstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/adapters"
)

const (
	noLister  = Exempt("this channel is not a Lister")
	noTrouble = Exempt("nobody can do that on this platform")
)

// watching adds the cases about what becomes of posts after they were verified, and about what
// others publish on the account.
func watching(add func(string, check)) {
	add("sees_that_somebody_edited_a_post", func(ctx context.Context, r Rig) error { return meddled(ctx, r, EditPost) })
	add("sees_that_somebody_hid_a_post", func(ctx context.Context, r Rig) error { return meddled(ctx, r, HidePost) })
	add("sees_that_somebody_deleted_a_post", func(ctx context.Context, r Rig) error { return meddled(ctx, r, DeletePost) })
	add("lists_what_stands_on_the_account", listsAll)
}

// trouble has somebody meddle with the account; the error is an Exempt where nobody can.
func (r Rig) trouble(t Trouble) error {
	p, ok := r.Platform.(Troubled)
	if !ok {
		return noTrouble
	}
	if err := p.Trouble(t); errors.Is(err, ErrNoTrouble) {
		return noTrouble
	} else if err != nil {
		return fmt.Errorf("the fake: %w", err)
	}
	return nil
}

func meddled(ctx context.Context, r Rig, kind TroubleKind) error {
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if err := r.readBack(ctx, r.Post, receipt); err != nil {
		return err
	}
	if err := r.trouble(Trouble{Kind: kind, Post: receipt.ID, Text: "Le scuole sono aperte"}); err != nil {
		return err
	}
	err = r.readBack(ctx, r.Post, receipt)
	_, altered := errors.AsType[*adapters.AlteredError](err)
	switch {
	case kind == EditPost && !altered:
		return fmt.Errorf("read-back: got %w, want an AlteredError", orNone(err))
	case kind == HidePost && !errors.Is(err, adapters.ErrHidden):
		return fmt.Errorf("read-back: got %w, want %w", orNone(err), adapters.ErrHidden)
	case kind == DeletePost && (!errors.Is(err, adapters.ErrNotPublished) || errors.Is(err, adapters.ErrHidden)):
		return fmt.Errorf("read-back: got %w, want %w, and not that it is hidden", orNone(err), adapters.ErrNotPublished)
	}
	return nil
}

func listsAll(ctx context.Context, r Rig) error {
	lister, ok := r.Channel.(adapters.Lister)
	if !ok {
		return noLister
	}
	if every := lister.ListEvery(); every < time.Minute {
		return fmt.Errorf("it wants to list the account every %v: no platform has a budget for that", every)
	}
	since := r.Clock.Now().Add(-time.Hour)
	before, err := lister.List(ctx, since)
	if errors.Is(err, adapters.ErrCannotLook) {
		return noLooking
	}
	if err != nil || len(before) > 0 {
		return fmt.Errorf("an empty account: it lists %d posts, %w", len(before), orNone(err))
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	const theirs = "Le scuole sono aperte"
	if err := r.trouble(Trouble{Kind: ForeignPost, Text: theirs}); err != nil {
		return err
	}
	all, err := lister.List(ctx, since)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if len(all) != 2 || !slices.ContainsFunc(all, func(l adapters.Listed) bool { return l.ID == receipt.ID }) ||
		!slices.ContainsFunc(all, func(l adapters.Listed) bool {
			return l.ID != receipt.ID && l.ID != "" && l.Text == theirs && !l.At.IsZero()
		}) {
		return fmt.Errorf("it lists %+v, want our post %s, and %q with a time and a name of its own", all, receipt.ID, theirs)
	}
	if err := r.trouble(Trouble{Kind: DeletePost, Post: receipt.ID}); err != nil {
		return err
	}
	if all, err = lister.List(ctx, since); err != nil || len(all) != 1 || all[0].Text != theirs {
		return fmt.Errorf("after our post was deleted it lists %+v (%w), want what is still there", all, orNone(err))
	}
	if all, err = lister.List(ctx, r.Clock.Now().Add(time.Hour)); err != nil || len(all) > 0 {
		return fmt.Errorf("since an hour from now it lists %+v (%w), want nothing", all, orNone(err))
	}
	return nil
}
