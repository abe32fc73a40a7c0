package adapterstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"tocsin/adapters"
)

// maxEvidence is the bound on a receipt's evidence, in bytes: the port's contract.
const maxEvidence = 4 << 10

// publishing adds the cases about a platform that behaves.
func publishing(add func(string, check)) {
	add("publishes_the_text_unchanged", unchanged)
	add("gives_a_full_receipt", fullReceipt)
	add("gives_its_receipt_at_once", immediate)
	add("locates_a_post", locates)
	add("takes_a_text_at_the_limit", atTheLimit)
	add("refuses_a_long_text_without_a_call", tooLong)
	add("refuses_a_bad_text_without_a_call", badText)
	add("a_cancelled_call_is_not_made", cancelled)
	add("publishes_at_the_same_time", atOnce)
	add("restores_a_post_once", restores)
	add("answers_the_post_that_it_follows", answers)
	add("publishes_where_what_it_follows_is_gone", answersNobody)
}

// prepare does the first step where the channel has one, and returns the attempt
// that the second step takes.
func (r Rig) prepare(ctx context.Context, p adapters.Post) (adapters.Attempt, error) {
	a := r.attempt()
	pr, ok := r.Channel.(adapters.Preparer)
	if !ok {
		return a, nil
	}
	prepared, err := pr.Prepare(ctx, p)
	if err != nil {
		return a, fmt.Errorf("prepare: %w", err)
	}
	a.Prepared = prepared
	return a, nil
}

// attempt returns a first attempt that began a minute ago.
func (r Rig) attempt() adapters.Attempt {
	return adapters.Attempt{N: 1, Since: r.Clock.Now().Add(-time.Minute)}
}

// publish does both steps as the delivery does.
func (r Rig) publish(ctx context.Context, p adapters.Post) (adapters.Receipt, error) {
	a, err := r.prepare(ctx, p)
	if err != nil {
		return adapters.Receipt{}, err
	}
	return r.Channel.Publish(ctx, p, a)
}

// public returns nil if just the posts in want are before the public, in any order.
func (r Rig) public(want ...adapters.Post) error {
	var texts, shown []string
	for _, p := range want {
		texts = append(texts, p.Text)
	}
	for _, l := range r.Platform.Live() {
		shown = append(shown, l.Text)
	}
	slices.Sort(texts)
	slices.Sort(shown)
	if !slices.Equal(shown, texts) {
		return fmt.Errorf("public: %q, want %q", shown, texts)
	}
	return nil
}

// live returns the one public post with p's text.
func (r Rig) live(p adapters.Post) (Live, error) {
	var found []Live
	for _, l := range r.Platform.Live() {
		if l.Text == p.Text {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		return Live{}, fmt.Errorf("the text is public %d times, want once", len(found))
	}
	return found[0], nil
}

// Failed returns nil if err is a Failure of one of the kinds in want, and what it is
// otherwise. [adapters.KindOf] alone is no check: it says Unknown of a nil error and
// of ErrNotPublished too.
func Failed(err error, want ...adapters.Kind) error {
	f, ok := errors.AsType[*adapters.Failure](err)
	switch {
	case err == nil:
		return fmt.Errorf("no error, want %v", want)
	case !ok || f.Err == nil:
		return fmt.Errorf("%w wraps no Failure with a cause", err)
	case !slices.Contains(want, f.Kind):
		return fmt.Errorf("the failure is %v, want %v: %w", f.Kind, want, f.Err)
	case errors.Is(err, adapters.ErrNotPublished) || errors.Is(err, adapters.ErrCannotLook):
		return fmt.Errorf("%w is a Failure and an answer at once", err)
	}
	return nil
}

func unchanged(ctx context.Context, r Rig) error {
	p := r.Post
	if _, err := r.publish(ctx, p); err != nil {
		return err
	}
	if err := r.public(p); err != nil {
		return err
	}
	shown := r.Platform.Live()[0]
	switch {
	case shown.Lang != "" && shown.Lang != p.Lang:
		return fmt.Errorf("the post is in %q, want %q", shown.Lang, p.Lang)
	case p.Image != nil && shown.Image != p.Image.SHA256:
		return fmt.Errorf("the image has SHA-256 %q, want %q", shown.Image, p.Image.SHA256)
	case p.Image != nil && shown.Alt != p.Image.Alt && !r.NoAlt:
		return fmt.Errorf("the image is described by %q, want %q", shown.Alt, p.Image.Alt)
	}
	return nil
}

func fullReceipt(ctx context.Context, r Rig) error {
	got, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if d := got.At.Sub(r.Clock.Now()); d > grace || d < -caseTime {
		return fmt.Errorf("the receipt's time is %v from now", d)
	}
	return r.names(got, r.Post)
}

// names returns nil if got names the one public post with p's text.
func (r Rig) names(got adapters.Receipt, p adapters.Post) error {
	want, err := r.live(p)
	switch {
	case err != nil:
		return err
	case got.ID == "" || got.ID != want.ID:
		return fmt.Errorf("the receipt's ID is %q, the platform's is %q", got.ID, want.ID)
	case got.URL != want.URL && !r.locator():
		return fmt.Errorf("the receipt's URL is %q, the platform's is %q", got.URL, want.URL)
	case got.At.IsZero():
		return errors.New("the receipt has no time")
	case len(got.Evidence) == 0 || len(got.Evidence) > maxEvidence:
		return fmt.Errorf("the evidence has %d bytes, want 1 to %d", len(got.Evidence), maxEvidence)
	case !utf8.Valid(got.Evidence):
		return fmt.Errorf("the evidence is not UTF-8: %q", bytes.ToValidUTF8(got.Evidence, []byte("?")))
	}
	return nil
}

// locator reports whether the channel knows addresses only afterwards.
func (r Rig) locator() bool {
	_, ok := r.Channel.(adapters.Locator)
	return ok
}

// immediate catches a channel that asks for more before it says that a post is
// public: a crash meanwhile would leave nobody who knows.
func immediate(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	var late atomic.Int32
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		if len(r.Platform.Live()) > 0 {
			late.Add(1)
		}
		platform.ServeHTTP(w, req)
	})
	if _, err := r.Channel.Publish(ctx, r.Post, a); err != nil {
		return err
	}
	if n := late.Load(); n > 0 {
		return fmt.Errorf("%d calls were made after the platform had the post and before the receipt", n)
	}
	return r.public(r.Post)
}

func locates(ctx context.Context, r Rig) error {
	l, ok := r.Channel.(adapters.Locator)
	if !ok {
		return Exempt("this channel's receipts hold the post's own address")
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	address, err := l.Locate(ctx, r.Post, receipt)
	if errors.Is(err, adapters.ErrCannotLook) {
		return noLooking
	}
	if err != nil {
		return err
	}
	if want, err := r.live(r.Post); err != nil || address != want.URL {
		return fmt.Errorf("the post is located at %q, the platform has it at %q (%w)", address, want.URL, orNone(err))
	}
	// It is a read-back: an address of a text that nobody signed is none.
	_, err = l.Locate(ctx, r.other(0), receipt)
	if _, ok := errors.AsType[*adapters.AlteredError](err); !ok {
		return fmt.Errorf("locate another text: got %w, want an AlteredError", orNone(err))
	}
	return nil
}

func atTheLimit(ctx context.Context, r Rig) error {
	p, ok := r.sized(0)
	if !ok {
		return Exempt("no text comes out at this channel's limit")
	}
	if _, err := r.publish(ctx, p); err != nil {
		return err
	}
	return r.public(p)
}

func tooLong(ctx context.Context, r Rig) error {
	p, ok := r.sized(1)
	if !ok {
		return Exempt("this channel has no limit")
	}
	return r.refused(ctx, p)
}

func badText(ctx context.Context, r Rig) error {
	for _, text := range []string{"", r.Post.Text + "\xff"} {
		p := r.Post
		p.Text = text
		if err := r.refused(ctx, p); err != nil {
			return fmt.Errorf("text of %d bytes: %w", len(text), err)
		}
	}
	return nil
}

// refused returns nil if both steps refuse p for ever, without a call.
func (r Rig) refused(ctx context.Context, p adapters.Post) error {
	before := r.calls()
	if pr, ok := r.Channel.(adapters.Preparer); ok {
		_, err := pr.Prepare(ctx, p)
		if err := Failed(err, adapters.Permanent); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	a := r.attempt()
	a.Prepared = "1"
	_, err := r.Channel.Publish(ctx, p, a)
	if err := Failed(err, adapters.Permanent); err != nil {
		return err
	}
	if n := r.calls() - before; n != 0 {
		return fmt.Errorf("%d calls were made, want none", n)
	}
	return r.public()
}

func cancelled(ctx context.Context, r Rig) error {
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	before := r.calls()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = r.Channel.Publish(gone, r.Post, a)
	if err := Failed(err, adapters.NotSent, adapters.Unknown); err != nil {
		return err
	}
	if n := r.calls() - before; n != 0 {
		return fmt.Errorf("%d calls were made under a cancelled context, want none", n)
	}
	return r.public()
}

func atOnce(ctx context.Context, r Rig) error {
	const n = 8
	var (
		wg       sync.WaitGroup
		posts    [n]adapters.Post
		receipts [n]adapters.Receipt
		errs     [n]error
	)
	for i := range n {
		posts[i] = r.other(i)
		wg.Go(func() { receipts[i], errs[i] = r.publish(ctx, posts[i]) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for i := range n {
		if err := r.names(receipts[i], posts[i]); err != nil {
			return fmt.Errorf("post %d of %d: %w", i+1, n, err)
		}
	}
	return r.public(posts[:]...)
}

func restores(ctx context.Context, r Rig) error {
	v, ok := r.Channel.(adapters.Volatile)
	if !ok {
		return noVolatile
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	for range 2 {
		if err := v.Restore(ctx, r.Post, receipt); err != nil {
			return err
		}
	}
	if err := r.names(receipt, r.Post); err != nil {
		return err
	}
	return r.readBack(ctx, r.Post, receipt)
}

// follow publishes the next bulletin of the rig's alert as an answer to the one before.
func (r Rig) follow(ctx context.Context, before adapters.Receipt) (adapters.Post, adapters.Receipt, error) {
	p := r.marked("SV-7F3K2-2")
	a, err := r.prepare(ctx, p)
	if err != nil {
		return p, adapters.Receipt{}, err
	}
	a.ReplyTo = before.ID
	receipt, err := r.Channel.Publish(ctx, p, a)
	return p, receipt, err
}

// answers catches a channel that says that its posts can answer, and loses what they answer, or
// one that answers where it says that it can't.
func answers(ctx context.Context, r Rig) error {
	before, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	p, receipt, err := r.follow(ctx, before)
	if err != nil {
		return err
	}
	got, err := r.live(p)
	want := before.ID
	if !r.Channel.Limits().Replies {
		want = ""
	}
	switch {
	case err != nil:
		return err
	case got.ReplyTo != want:
		return fmt.Errorf("the post answers %q, want %q", got.ReplyTo, want)
	}
	if err := r.names(receipt, p); err != nil {
		return err
	}
	return r.public(r.Post, p)
}

// answersNobody catches a channel whose update is lost with the post that it follows.
func answersNobody(ctx context.Context, r Rig) error {
	if !r.has(Delete) {
		return Exempt("nobody can delete a post of this platform")
	}
	r.Platform.Fail(Fault{Kind: Delete})
	before, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if err := r.public(); err != nil {
		return err
	}
	p, receipt, err := r.follow(ctx, before)
	if err != nil {
		return err
	}
	if err := r.names(receipt, p); err != nil {
		return err
	}
	return r.public(p)
}
