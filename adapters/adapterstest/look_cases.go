package adapterstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"tocsin/adapters"
)

// looking adds the cases about reading back and finding.
func looking(add func(string, check)) {
	add("reads_back", readsBack)
	add("reports_a_deleted_post", deleted)
	add("reports_an_altered_post", altered)
	add("a_late_post_is_not_there_until_it_shows", late)
	add("looks_always_or_never", constant)
	add("finds_nothing_before_publishing", findsNothing)
	add("finds_after_a_restart", restarted)
	add("finds_with_a_clock_that_is_off", findsOff)
	add("tells_how_far_its_clock_is_off", tellsOff)
	add("tells_marks_apart", tellsMarks)
	add("tells_alerts_apart", tellsAlerts)
	add("tells_parts_apart", tellsParts)
	add("tells_like_parts_apart", tellsLikeParts)
	add("an_unreachable_platform_is_not_an_absent_post", unreachableLook)
	add("nonsense_is_not_an_absent_post", nonsenseLook)
	add("looking_returns_by_the_deadline", lookDeadline)
}

// readBack reads p back; the error is an Exempt where the account cannot look.
func (r Rig) readBack(ctx context.Context, p adapters.Post, receipt adapters.Receipt) error {
	err := r.Channel.ReadBack(ctx, p, receipt)
	if errors.Is(err, adapters.ErrCannotLook) {
		return noLooking
	}
	return err
}

// is returns nil if err is want, and err itself if it is an Exempt.
func is(err, want error, op string) error {
	if _, ok := errors.AsType[Exempt](err); ok {
		return err
	}
	if !errors.Is(err, want) {
		return fmt.Errorf("%s: got %w, want %w", op, orNone(err), want)
	}
	return nil
}

func readsBack(ctx context.Context, r Rig) error {
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if err := r.readBack(ctx, r.Post, receipt); err != nil {
		return err
	}
	// The same receipt does not stand for another text.
	err = r.readBack(ctx, r.other(0), receipt)
	if _, ok := errors.AsType[*adapters.AlteredError](err); !ok {
		return fmt.Errorf("another text: got %w, want an AlteredError", orNone(err))
	}
	return r.public(r.Post)
}

func deleted(ctx context.Context, r Rig) error {
	if !r.has(Delete) {
		return Exempt("nobody can delete a post on this platform")
	}
	r.Platform.Fail(Fault{Kind: Delete})
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if err := r.public(); err != nil {
		return err
	}
	if err := is(r.readBack(ctx, r.Post, receipt), adapters.ErrNotPublished, "read-back"); err != nil {
		return err
	}
	_, err = find(ctx, r.Channel, r.Post, r.attempt())
	return is(err, adapters.ErrNotPublished, "find")
}

func altered(ctx context.Context, r Rig) error {
	if !r.has(Alter) {
		return Exempt("this platform cannot change a text")
	}
	r.Platform.Fail(Fault{Kind: Alter})
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	err = r.readBack(ctx, r.Post, receipt)
	if _, ok := errors.AsType[Exempt](err); ok {
		return err
	}
	e, ok := errors.AsType[*adapters.AlteredError](err)
	if !ok {
		return fmt.Errorf("read-back: got %w, want an AlteredError", orNone(err))
	}
	if e.Shown == e.Want {
		return errors.New("the AlteredError shows no difference")
	}
	return nil
}

func late(ctx context.Context, r Rig) error {
	if !r.has(Lag) {
		return Exempt("this platform shows a post at once")
	}
	r.Platform.Fail(Fault{Kind: Lag, Wait: lag})
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	a := r.attempt()
	if err := is(r.readBack(ctx, r.Post, receipt), adapters.ErrNotPublished, "read-back"); err != nil {
		return err
	}
	_, isFinder := r.Channel.(adapters.Finder)
	if isFinder {
		_, err := find(ctx, r.Channel, r.Post, a)
		if err := is(err, adapters.ErrNotPublished, "find"); err != nil {
			return err
		}
	}
	r.Clock.Advance(lag)
	if err := r.readBack(ctx, r.Post, receipt); err != nil {
		return fmt.Errorf("read-back after the lag: %w", err)
	}
	if !isFinder {
		return nil
	}
	got, err := find(ctx, r.Channel, r.Post, a)
	if err != nil {
		return fmt.Errorf("find after the lag: %w", err)
	}
	return r.names(got, r.Post)
}

// constant catches an account that can look at one moment and not at another: the
// delivery decides by the first answer. (That a post was altered may be known without
// a look, from the platform's own answer.)
func constant(ctx context.Context, r Rig) error {
	var can, cannot int
	count := func(err error) {
		if errors.Is(err, adapters.ErrCannotLook) {
			cannot++
		} else {
			can++
		}
	}
	look := func(p adapters.Post, receipt adapters.Receipt) {
		count(r.Channel.ReadBack(ctx, p, receipt))
		if f, ok := r.Channel.(adapters.Finder); ok {
			_, err := f.Find(ctx, p, r.attempt())
			count(err)
		}
	}
	for _, k := range []FaultKind{Delete, ""} {
		if k != "" && r.has(k) {
			r.Platform.Fail(Fault{Kind: k})
		}
		p := r.other(can + cannot)
		receipt, err := r.publish(ctx, p)
		if err != nil {
			return err
		}
		look(p, receipt)
	}
	if can > 0 && cannot > 0 {
		return fmt.Errorf("ErrCannotLook was answered %d times of %d, want always or never", cannot, can+cannot)
	}
	return nil
}

func findsNothing(ctx context.Context, r Rig) error {
	_, err := find(ctx, r.Channel, r.Post, r.attempt())
	return is(err, adapters.ErrNotPublished, "find")
}

// restarted catches a channel that finds what it remembers and not what the
// platform shows.
func restarted(ctx context.Context, r Rig) error {
	if r.Open == nil {
		return noOpen
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	again, err := r.Open()
	if err != nil {
		return err
	}
	if r.Channel = again; r.Channel.Name() == "" {
		return errors.New("the channel opened anew has no name")
	}
	if err := r.readBack(ctx, r.Post, receipt); err != nil {
		return err
	}
	got, err := find(ctx, r.Channel, r.Post, r.attempt())
	if err != nil {
		return err
	}
	return r.names(got, r.Post)
}

// clockOff is how far the two clocks are apart in the cases about that: within
// [adapters.ClockSkew], and as far as the strictest platform (X) takes a signature.
const clockOff = 5 * time.Minute

// findsOff catches a look that begins at the attempt by this machine's clock, while
// the post bears the time of a platform that is minutes behind or ahead.
func findsOff(ctx context.Context, r Rig) error {
	for i, move := range []time.Duration{-clockOff, 2 * clockOff} { // behind, then ahead
		r.Clock.Advance(move)
		p := r.other(i)
		a, err := r.prepare(ctx, p)
		if err != nil {
			return err
		}
		a.Since = time.Now()
		if _, err := r.Channel.Publish(ctx, p, a); err != nil {
			return err
		}
		got, err := find(ctx, r.Channel, p, a)
		if _, ok := errors.AsType[Exempt](err); ok {
			return err
		}
		if err != nil {
			return fmt.Errorf("find, the platform's clock moved by %v: %w", move, err)
		}
		if err := r.names(got, p); err != nil {
			return err
		}
	}
	return nil
}

func tellsOff(ctx context.Context, r Rig) error {
	c, ok := r.Channel.(adapters.Clocked)
	if !ok {
		return Exempt("this channel is not Clocked")
	}
	if offset, known := c.ClockOffset(); known {
		return fmt.Errorf("the offset is %v before any answer", offset)
	}
	const good = 10 * time.Second // whole seconds, on a busy machine
	ahead := time.Duration(0)     // the platform's clock
	for i, move := range []time.Duration{-clockOff, 2 * clockOff} {
		r.Clock.Advance(move)
		ahead += move
		if _, err := r.publish(ctx, r.other(i)); err != nil {
			return err
		}
		if offset, known := c.ClockOffset(); !known || (offset+ahead).Abs() > good {
			return fmt.Errorf("the offset is %v (known: %v) where the platform's clock is %v ahead", offset, known, ahead)
		}
	}
	return nil
}

// tellsMarks catches a search for the mark as a part of a word: bulletin 1 is not
// bulletin 10.
func tellsMarks(ctx context.Context, r Rig) error {
	return r.tells(ctx, r.marked(r.Post.Mark+"0"), r.marked("X"+r.Post.Mark))
}

func tellsAlerts(ctx context.Context, r Rig) error { return r.tells(ctx, r.other(1), r.other(2)) }

// tellsParts catches a search for the mark alone: the parts of a bulletin share it.
func tellsParts(ctx context.Context, r Rig) error {
	p := r.part()
	if r.Channel.Limits().Check(p) != nil {
		return Exempt("another part does not fit this channel")
	}
	return r.tells(ctx, p)
}

// tellsLikeParts catches a search that takes a part for another one that an alteration could
// have made of it: a short text may be nearly the same in two languages.
func tellsLikeParts(ctx context.Context, r Rig) error {
	p := r.Post
	p.Key += "+like"
	p.Text = strings.Replace(p.Text, " ", ", ", 1)
	r.Post.Beside = []string{p.Text}
	if p.Text == r.Post.Text || r.Channel.Limits().Check(p) != nil {
		return Exempt("a like part does not fit this channel")
	}
	return r.tells(ctx, p)
}

// tells returns nil if Find takes none of others for the rig's post, whether they
// stand alone or on both sides of it.
func (r Rig) tells(ctx context.Context, others ...adapters.Post) error {
	for _, p := range others {
		if _, err := r.publish(ctx, p); err != nil {
			return err
		}
	}
	_, err := find(ctx, r.Channel, r.Post, r.attempt())
	if err := is(err, adapters.ErrNotPublished, "find among others"); err != nil {
		return err
	}
	for _, p := range []adapters.Post{r.Post, r.other(3)} {
		if _, err := r.publish(ctx, p); err != nil {
			return err
		}
	}
	got, err := find(ctx, r.Channel, r.Post, r.attempt())
	if err != nil {
		return err
	}
	return r.names(got, r.Post)
}

// looks returns nil if every way to look at the rig's post fails, without saying
// that the post is absent.
func (r Rig) looks(ctx context.Context, receipt adapters.Receipt) error {
	every := []adapters.Kind{adapters.Unknown, adapters.NotSent, adapters.Duplicate, adapters.Auth, adapters.Permanent, adapters.Quota}
	err := r.readBack(ctx, r.Post, receipt)
	if _, ok := errors.AsType[Exempt](err); ok {
		return err
	}
	if err := Failed(err, every...); err != nil {
		return fmt.Errorf("read-back: %w", err)
	}
	_, err = find(ctx, r.Channel, r.Post, r.attempt())
	if _, ok := errors.AsType[Exempt](err); ok {
		return nil
	}
	if err := Failed(err, every...); err != nil {
		return fmt.Errorf("find: %w", err)
	}
	return nil
}

func unreachableLook(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	r.Platform.Fail(Fault{Kind: Down})
	if err := r.looks(ctx, receipt); err != nil {
		return fmt.Errorf("down: %w", err)
	}
	r.Platform.Clear()
	r.Server.Unplug()
	return r.looks(ctx, receipt)
}

// nonsenseLook catches a channel to which an answer that it does not understand is
// an empty list.
func nonsenseLook(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		status int
		body   string
	}{
		{http.StatusOK, "<html>"}, {http.StatusOK, "{}"}, {http.StatusOK, "null"}, {http.StatusOK, ""},
		{http.StatusBadGateway, "<html>"}, {http.StatusInternalServerError, "{}"},
	} {
		r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		if err := r.looks(ctx, receipt); err != nil {
			if _, ok := errors.AsType[Exempt](err); ok {
				return err
			}
			return fmt.Errorf("answer %d %q: %w", c.status, c.body, err)
		}
	}
	return nil
}

func lookDeadline(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	receipt, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	r.Server.Between(func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, req.Body)
		<-req.Context().Done()
		Drop()
	})
	return inTime(ctx, func(ctx context.Context) error { return r.looks(ctx, receipt) })
}
