package adapterstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/adapters"
)

const (
	noMarker = Exempt("this channel is not a Marker")
	noPinner = Exempt("this channel is not a Pinner")
)

// living adds the cases about what becomes of a post after it is public.
func living(add func(string, check)) {
	add("says_how_it_marks", saysHow)
	add("marks_a_post", marks)
	add("marks_no_other_post", marksOne)
	add("a_long_mark_makes_no_call", longMark)
	add("tells_when_what_it_marks_is_gone", marksNothing)
	add("a_mark_whose_answer_is_lost_is_unknown", marksInDoubt)
	add("a_mark_that_was_not_made_is_not_sent", marksLater)
	add("pins_and_unpins", pins)
	add("tells_when_what_it_pins_is_gone", pinsNothing)
}

func saysHow(_ context.Context, r Rig) error {
	_, marker := r.Channel.(adapters.Marker)
	l := r.Channel.Limits()
	if marker != (l.Marks != adapters.MarkNone) || marker != (l.MaxMark > 0) {
		return fmt.Errorf("the channel is a Marker: %t; its limits say that it marks by %q, with %d units", marker, l.Marks, l.MaxMark)
	}
	return nil
}

// mark returns a mark for p that fits every form, the n-th of it.
func (r Rig) mark(p adapters.Post, n int) adapters.Mark {
	return adapters.Mark{
		Key: p.Key + adapters.Key(fmt.Sprintf("/mark%d", n)), Lang: p.Lang,
		Text: fmt.Sprintf("AGGIORNATO: leggi SV-7F3K2-%d & segui “quello” <nuovo>\n%s", n+1, p.Link),
	}
}

// bears returns nil if the public sees m on the one post with the receipt's ID, once, and
// nothing else has become of p.
func (r Rig) bears(p adapters.Post, on adapters.Receipt, m adapters.Mark) error {
	live := r.Platform.Live()
	i := slices.IndexFunc(live, func(l Live) bool { return l.ID == on.ID })
	if i < 0 {
		return fmt.Errorf("post %s is not public any more", on.ID)
	}
	text, comments := p.Text, []string(nil)
	if r.Channel.Limits().Marks == adapters.MarkEdit {
		text = m.Text
	} else {
		comments = []string{m.Text}
	}
	if l := live[i]; l.Text != text || !slices.Equal(l.Comments, comments) {
		return fmt.Errorf("the post says %q with the comments %q below it, want %q and %q", l.Text, l.Comments, text, comments)
	}
	return nil
}

func marks(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Marker)
	if !ok {
		return noMarker
	}
	on, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	m := r.mark(r.Post, 1)
	switch err := ch.ReadMark(ctx, on, m); {
	case errors.Is(err, adapters.ErrCannotLook):
	case err == nil:
		return errors.New("read the mark before it was made: got no error")
	case r.Channel.Limits().Marks == adapters.MarkComment && !errors.Is(err, adapters.ErrNotPublished):
		return fmt.Errorf("read the mark before it was made: got %w, want not published", err)
	}
	if err := ch.Mark(ctx, on, m); err != nil {
		return err
	}
	if err := r.bears(r.Post, on, m); err != nil {
		return err
	}
	if err := ch.ReadMark(ctx, on, m); err != nil && !errors.Is(err, adapters.ErrCannotLook) {
		return fmt.Errorf("read the mark: %w", err)
	}
	if err := ch.ReadMark(ctx, on, r.mark(r.Post, 2)); err == nil {
		return errors.New("read another mark: got no error")
	}
	if r.Channel.Limits().Marks == adapters.MarkComment {
		return nil // a second one would stand below the first
	}
	if err := ch.Mark(ctx, on, m); err != nil {
		return fmt.Errorf("mark once more: %w", err)
	}
	return r.bears(r.Post, on, m)
}

func marksOne(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Marker)
	if !ok {
		return noMarker
	}
	first, second := r.other(1), r.other(2)
	on, err := r.publish(ctx, first)
	if err != nil {
		return err
	}
	if _, err := r.publish(ctx, second); err != nil {
		return err
	}
	if err := ch.Mark(ctx, on, r.mark(first, 1)); err != nil {
		return err
	}
	if err := r.bears(first, on, r.mark(first, 1)); err != nil {
		return err
	}
	got, err := r.live(second)
	if err == nil && len(got.Comments) > 0 {
		err = fmt.Errorf("the other post has the comments %q", got.Comments)
	}
	return err
}

func longMark(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Marker)
	if !ok {
		return noMarker
	}
	on, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	before := r.calls()
	for _, text := range []string{"", "A\xff", strings.Repeat("a", ch.Limits().MaxMark+1)} {
		m := r.mark(r.Post, 1)
		m.Text = text
		if err := Failed(ch.Mark(ctx, on, m), adapters.Permanent); err != nil {
			return fmt.Errorf("a mark of %d characters: %w", utf8.RuneCountInString(text), err)
		}
	}
	if n := r.calls() - before; n != 0 {
		return fmt.Errorf("%d calls were made, want none", n)
	}
	return r.public(r.Post)
}

func marksNothing(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Marker)
	if !ok {
		return noMarker
	}
	r.Platform.Fail(Fault{Kind: Delete})
	on, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if err := ch.Mark(ctx, on, r.mark(r.Post, 1)); !errors.Is(err, adapters.ErrNotPublished) {
		return fmt.Errorf("mark: got %w, want not published", orNone(err))
	}
	if err := ch.ReadMark(ctx, on, r.mark(r.Post, 1)); !errors.Is(err, adapters.ErrNotPublished) && !errors.Is(err, adapters.ErrCannotLook) {
		return fmt.Errorf("read the mark: got %w, want not published", orNone(err))
	}
	return r.public()
}

// marksInDoubt has the platform take a mark and lose its answer, in every way.
func marksInDoubt(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Marker)
	if !ok {
		return noMarker
	}
	for i, k := range []FaultKind{ApplyDrop, Apply500, ApplyHTML, Malformed} {
		p := r.other(i)
		on, err := r.publish(ctx, p)
		if err != nil {
			return err
		}
		r.Platform.Fail(Fault{Kind: k})
		m := r.mark(p, 1)
		if err := Failed(ch.Mark(ctx, on, m), adapters.Unknown); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		if err := r.bears(p, on, m); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		if err := ch.ReadMark(ctx, on, m); err != nil && !errors.Is(err, adapters.ErrCannotLook) {
			return fmt.Errorf("%s: read the mark: %w", k, err)
		}
	}
	return nil
}

// marksLater has the platform refuse a mark for now.
func marksLater(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Marker)
	if !ok {
		return noMarker
	}
	on, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		fault FaultKind
		kind  adapters.Kind
	}{{Throttle, adapters.NotSent}, {AuthGone, adapters.Auth}} {
		r.Platform.Fail(Fault{Kind: c.fault, Wait: wait})
		if err := Failed(ch.Mark(ctx, on, r.mark(r.Post, 1)), c.kind); err != nil {
			return fmt.Errorf("%s: %w", c.fault, err)
		}
		if err := r.public(r.Post); err != nil {
			return fmt.Errorf("%s: %w", c.fault, err)
		}
	}
	return nil
}

func pins(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Pinner)
	if !ok {
		return noPinner
	}
	first, err := r.publish(ctx, r.other(1))
	if err != nil {
		return err
	}
	second, err := r.publish(ctx, r.other(2))
	if err != nil {
		return err
	}
	pinned := func() (ids []string) {
		for _, l := range r.Platform.Live() {
			if l.Pinned {
				ids = append(ids, l.ID)
			}
		}
		return ids
	}
	for i, step := range []struct {
		do   func(context.Context, adapters.Receipt) error
		on   adapters.Receipt
		want []string
	}{
		{ch.Unpin, first, nil},
		{ch.Pin, first, []string{first.ID}},
		{ch.Pin, first, []string{first.ID}},
		{ch.Unpin, second, []string{first.ID}},
		{ch.Unpin, first, nil},
		{ch.Unpin, first, nil},
	} {
		if err := step.do(ctx, step.on); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		if got := pinned(); !slices.Equal(got, step.want) {
			return fmt.Errorf("step %d: pinned are %q, want %q", i+1, got, step.want)
		}
	}
	return r.public(r.other(1), r.other(2))
}

func pinsNothing(ctx context.Context, r Rig) error {
	ch, ok := r.Channel.(adapters.Pinner)
	if !ok {
		return noPinner
	}
	r.Platform.Fail(Fault{Kind: Delete})
	on, err := r.publish(ctx, r.Post)
	if err != nil {
		return err
	}
	if err := ch.Pin(ctx, on); !errors.Is(err, adapters.ErrNotPublished) {
		return fmt.Errorf("pin: got %w, want not published", orNone(err))
	}
	if err := ch.Unpin(ctx, on); err != nil {
		return fmt.Errorf("unpin: %w", err)
	}
	return nil
}
