package adapterstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"tocsin/adapters"
)

// preparing adds the cases about channels whose posts are made in two steps.
func preparing(add func(string, check)) {
	add("prepares_in_private", preparesInPrivate)
	add("prepares_without_doubt", preparesWithoutDoubt)
	add("publishes_a_preparation_once", preparedOnce)
	add("publishes_no_other_posts_preparation", preparedForAnother)
}

// prepared does the first step and returns the attempt for the second one. The
// error is an Exempt where the rig's post needs no first step.
func (r Rig) prepared(ctx context.Context) (adapters.Attempt, error) {
	a, err := r.prepare(ctx, r.Post)
	switch {
	case err != nil:
		return a, err
	case a.Prepared == "" && r.Post.Image != nil:
		return a, errors.New("what was prepared has no name")
	case a.Prepared == "":
		return a, Exempt("the rig's post has no image and needs no first step")
	}
	return a, nil
}

func preparesInPrivate(ctx context.Context, r Rig) error {
	pr, ok := r.Channel.(adapters.Preparer)
	if !ok {
		return noPreparer
	}
	for range 2 {
		if _, err := r.prepared(ctx); err != nil {
			return err
		}
		if err := r.public(); err != nil {
			return fmt.Errorf("after Prepare: %w", err)
		}
	}
	_, err := find(ctx, pr, r.Post, r.attempt())
	if _, ok := errors.AsType[Exempt](err); ok {
		return nil
	}
	return is(err, adapters.ErrNotPublished, "find what is only prepared")
}

// preparesWithoutDoubt lets the first step fail in every way that leaves a
// publication in doubt: nothing is public, so there is none.
func preparesWithoutDoubt(ctx context.Context, r Rig) error {
	pr, ok := r.Channel.(adapters.Preparer)
	if !ok {
		return noPreparer
	}
	if r.Server == nil {
		return noServer
	}
	if _, err := r.prepared(ctx); err != nil {
		return err
	}
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, between := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"a dropped connection": func(http.ResponseWriter, *http.Request, http.Handler) { Drop() },
		"nonsense":             answer(http.StatusOK, "<html>"),
		"an empty object":      answer(http.StatusOK, "{}"),
		"a server error":       answer(http.StatusInternalServerError, "{}"),
		"a front end's error":  answer(http.StatusBadGateway, "<html>"),
	} {
		r.Server.Between(between)
		_, err := pr.Prepare(ctx, r.Post)
		if err := Failed(err, adapters.NotSent, adapters.Auth, adapters.Permanent, adapters.Quota); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	r.Server.Between(nil)
	return r.public()
}

func preparedOnce(ctx context.Context, r Rig) error {
	if _, ok := r.Channel.(adapters.Preparer); !ok {
		return noPreparer
	}
	a, err := r.prepared(ctx)
	if err != nil {
		return err
	}
	if _, err := r.Channel.Publish(ctx, r.Post, a); err != nil {
		return err
	}
	a.N++
	_, err = r.Channel.Publish(ctx, r.Post, a)
	if err != nil {
		if err := Failed(err, adapters.Unknown, adapters.NotSent, adapters.Duplicate, adapters.Permanent); err != nil {
			return fmt.Errorf("the second time: %w", err)
		}
	}
	return r.public(r.Post)
}

// preparedForAnother hands Publish what was prepared for another post, as whoever can write
// to the caller's records would.
func preparedForAnother(ctx context.Context, r Rig) error {
	if _, ok := r.Channel.(adapters.Preparer); !ok {
		return noPreparer
	}
	a, err := r.prepared(ctx)
	if err != nil {
		return err
	}
	other := r.Post
	other.Key += "-other"
	other.Text += " other"
	for a.N = 1; a.N <= 2; a.N++ {
		_, err = r.Channel.Publish(ctx, other, a)
		if err := Failed(err, adapters.NotSent); err != nil {
			return fmt.Errorf("attempt %d: %w", a.N, err)
		}
		if err := is(err, adapters.ErrPreparedDead, "publish another post's preparation"); err != nil {
			return err
		}
	}
	return r.public()
}
