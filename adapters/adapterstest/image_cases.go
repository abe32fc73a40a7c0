package adapterstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/adapters"
)

// illustrating adds the cases about posts with an image.
func illustrating(add func(string, check)) {
	add("refuses_an_image_that_was_not_signed", foreignImage)
	add("an_image_that_is_not_taken_stops_no_text", untakenImage)
	add("an_image_that_was_lost_stops_no_text", lostImage)
	add("says_when_the_image_is_gone", imageGone)
}

// A Disfiguring is a [Platform] on which somebody can take the image from a post.
type Disfiguring interface {
	Platform
	// TakeImage takes the image from the post id, and reports whether it had one.
	TakeImage(id string) bool
}

// kept is longer than any platform keeps an upload that no post has used.
const kept = 25 * time.Hour

// illustrated returns nil if the rig's post has an image without which it is worth publishing.
func (r Rig) illustrated() error {
	if r.Post.Image == nil || !r.Channel.Limits().Illustrated {
		return Exempt("the rig's post has no image that it can go without")
	}
	return nil
}

// foreignImage hands the channel other bytes than the digest stands for.
func foreignImage(ctx context.Context, r Rig) error {
	if r.Post.Image == nil {
		return Exempt("the rig's post has no image")
	}
	p, image := r.Post, *r.Post.Image
	image.Data = append(slices.Clone(image.Data), 0)
	p.Image = &image
	return r.refused(ctx, p)
}

// untakenImage publishes where the platform takes no image: the first step fails, and the text goes out.
func untakenImage(ctx context.Context, r Rig) error {
	if err := r.illustrated(); err != nil {
		return err
	}
	p, ok := r.Platform.(Conditioned)
	if !ok || p.SetCondition(NoPictures) != nil {
		return Exempt("this platform takes every image")
	}
	a := r.attempt()
	pr, prepares := r.Channel.(adapters.Preparer)
	if prepares {
		_, err := pr.Prepare(ctx, r.Post)
		if err := Failed(err, adapters.NotSent, adapters.Permanent, adapters.Auth, adapters.Quota); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	return r.bare(ctx, a, prepares)
}

// lostImage publishes what was prepared so long ago that the platform has thrown it away.
func lostImage(ctx context.Context, r Rig) error {
	if err := r.illustrated(); err != nil {
		return err
	}
	if _, ok := r.Channel.(adapters.Preparer); !ok {
		return noPreparer
	}
	a, err := r.prepared(ctx)
	if err != nil {
		return err
	}
	r.Clock.Advance(kept)
	return r.bare(ctx, a, true)
}

// bare publishes and returns nil if the text is public without its image; says is set where the
// channel has to know.
func (r Rig) bare(ctx context.Context, a adapters.Attempt, says bool) error {
	receipt, err := r.Channel.Publish(ctx, r.Post, a)
	if err != nil {
		return fmt.Errorf("the text was stopped with its image: %w", err)
	}
	shown, err := r.live(r.Post)
	switch {
	case err != nil:
		return err
	case shown.Image != "":
		return errors.New("the post has an image that the platform did not take")
	case says && strings.TrimSpace(receipt.Lacks) == "":
		return errors.New("the receipt does not say that the image is lacking")
	}
	if err := r.names(receipt, r.Post); err != nil {
		return err
	}
	if err := r.clean(receipt, nil); err != nil {
		return err
	}
	if err := r.readBack(ctx, r.Post, receipt); err != nil {
		return fmt.Errorf("read back what is known to lack its image: %w", err)
	}
	return r.public(r.Post)
}

// imageGone takes the image from a post that is public.
func imageGone(ctx context.Context, r Rig) error {
	if err := r.illustrated(); err != nil {
		return err
	}
	p, ok := r.Platform.(Disfiguring)
	if !ok {
		return Exempt("nobody can take the image from a post of this platform")
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if receipt.Lacks != "" {
		return fmt.Errorf("the receipt of a post with its image says that it lacks it: %s", receipt.Lacks)
	}
	if err := r.readBack(ctx, r.Post, receipt); err != nil {
		return err
	}
	if !p.TakeImage(receipt.ID) {
		return errors.New("the post has no image")
	}
	if err := is(r.readBack(ctx, r.Post, receipt), adapters.ErrWithoutImage, "read back without the image"); err != nil {
		return err
	}
	receipt.Lacks = "it is known"
	return r.readBack(ctx, r.Post, receipt)
}
