package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
)

// A marker is a platform whose posts can be marked.
type marker struct {
	*platform

	form    adapters.MarkForm
	made    []string // what was marked, on which post, in order
	scripts []func(m *marker, ctx context.Context, on adapters.Receipt, text string) error
}

func newMarker(name string, form adapters.MarkForm) *marker {
	return &marker{platform: newPlatform(name), form: form}
}

func (m *marker) Limits() adapters.Limits {
	l := m.platform.Limits()
	l.Marks, l.MaxMark = m.form, 10_000
	return l
}

func (m *marker) Mark(ctx context.Context, on adapters.Receipt, mark adapters.Mark) error {
	m.mu.Lock()
	var f func(*marker, context.Context, adapters.Receipt, string) error
	if len(m.scripts) > 0 {
		f, m.scripts = m.scripts[0], m.scripts[1:]
	}
	m.mu.Unlock()
	if f != nil {
		return f(m, ctx, on, mark.Text)
	}
	return m.bear(on, mark.Text)
}

// bear has a post bear a mark.
func (m *marker) bear(on adapters.Receipt, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := strconv.Atoi(on.ID)
	if err != nil || n < 1 || n > len(m.live) {
		return adapters.ErrNotPublished
	}
	m.made = append(m.made, fmt.Sprintf("%d: %s", n, text))
	return nil
}

func (m *marker) ReadMark(_ context.Context, on adapters.Receipt, mark adapters.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blind {
		return adapters.ErrCannotLook
	}
	if !slices.Contains(m.made, on.ID+": "+mark.Text) {
		return adapters.ErrNotPublished
	}
	return nil
}

// marks returns what the platform's posts were marked with.
func (m *marker) marks() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.made)
}

// next queues what the next call of Mark does.
func (m *marker) next(f func(m *marker, ctx context.Context, on adapters.Receipt, text string) error) *marker {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scripts = append(m.scripts, f)
	return m
}

// markedAlert returns an alert whose bulletins mark the posts on the platforms.
func markedAlert(t *testing.T, platforms ...*marker) *bulletintest.Alert {
	t.Helper()
	a := newAlert(t)
	a.Marks = map[string]adapters.MarkForm{}
	for _, m := range platforms {
		a.Channels = append(a.Channels, m.name)
		a.Marks[m.name] = m.form
	}
	return a
}

// awaitMark waits until the n-th mark of a bulletin on a channel has reached a state.
func (h *house) awaitMark(b *bulletin.Bulletin, channel string, n int, want ledger.DeliveryState) (p ledger.PartState) {
	h.t.Helper()
	h.eventually(fmt.Sprintf("mark %d of %s on %s as %s", n, b.Mark(), channel, want), func(s *ledger.State) bool {
		p = s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Mark(channel, n)
		return p.State == want
	})
	return p
}

// show releases a bulletin and waits until its posts on the channels have ended, so that a later one
// does not take its place before it is public.
func (h *house) show(b *bulletin.Bulletin) *bulletin.Bulletin {
	h.t.Helper()
	h.release(b)
	for _, c := range b.Channels() {
		h.until(b, c.Name, "an end", func(p ledger.PartState) bool { return p.Final() })
	}
	return b
}

// on returns the text of a mark behind the number of the post that bears it.
func on(b *bulletin.Bulletin, channel string, n, post int) string {
	return fmt.Sprintf("%d: %s", post, b.MarksFor(channel)[n-1].Text)
}

// TestWhatWasSaidIsMarked has an alert, an update and a revocation: each marks the post of the
// one before it, once, after its own is public.
func TestWhatWasSaidIsMarked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newMarker("x-a", adapters.MarkComment), newMarker("telegram-a", adapters.MarkEdit)
	h.run("one/a", quick(x), quick(tg))
	a := markedAlert(t, x, tg)
	first := h.show(a.Next(t, alert.MsgAlert))
	second := h.show(a.Next(t, alert.MsgUpdate))
	third := h.show(a.Next(t, alert.MsgCancel))
	for _, m := range []*marker{x, tg} {
		p := h.awaitMark(second, m.name, 1, ledger.StateVerified)
		if posted := h.part(second, m.name); p.PostID != "1" || p.ClaimSeq < posted.ClaimSeq || p.Attempts != 1 {
			t.Errorf("%s: the mark of the update is %+v, want one attempt on post 1 after the update's own, record %d", m.name, p, posted.ClaimSeq)
		}
		h.awaitMark(third, m.name, 1, ledger.StateVerified)
		if got, want := m.marks(), []string{on(second, m.name, 1, 1), on(third, m.name, 1, 2)}; !slices.Equal(got, want) {
			t.Errorf("%s: marked %q, want %q", m.name, got, want)
		}
		if p := h.part(first, m.name); p.State != ledger.StateVerified {
			t.Errorf("%s: the first post is %s, want verified: a mark is no alteration", m.name, p.State)
		}
	}
}

// TestWhatIsOverIsMarked lets an alert expire.
func TestWhatIsOverIsMarked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var c clock
	tg := newMarker("telegram-a", adapters.MarkEdit)
	h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(tg)}, Now: c.now})
	a := markedAlert(t, tg)
	b := h.release(a.Next(t, alert.MsgAlert))
	h.await(b, "telegram-a", ledger.StateVerified)
	if got := tg.marks(); len(got) > 0 {
		t.Fatalf("marked %q before it was over", got)
	}
	c.reach(a.Expires.Add(time.Second))
	h.append(ledger.Record{Type: ledger.NodeStarted, Node: "two/b"}) // all is looked at again
	h.awaitMark(b, "telegram-a", 1, ledger.StateVerified)
	if got, want := tg.marks(), []string{on(b, "telegram-a", 1, 1)}; !slices.Equal(got, want) {
		t.Errorf("marked %q, want %q", got, want)
	}
}

// TestWhatWasReplacedDoesNotExpire has an update take the place of an alert before it is over.
func TestWhatWasReplacedDoesNotExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var c clock
	tg := newMarker("telegram-a", adapters.MarkEdit)
	h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(tg)}, Now: c.now})
	a := markedAlert(t, tg)
	h.show(a.Next(t, alert.MsgAlert))
	b := h.release(a.Next(t, alert.MsgUpdate))
	h.awaitMark(b, "telegram-a", 1, ledger.StateVerified)
	c.reach(a.Expires.Add(time.Second))
	h.append(ledger.Record{Type: ledger.NodeStarted, Node: "two/b"})
	h.awaitMark(b, "telegram-a", 2, ledger.StateVerified)
	if got, want := tg.marks(), []string{on(b, "telegram-a", 1, 1), on(b, "telegram-a", 2, 2)}; !slices.Equal(got, want) {
		t.Errorf("marked %q, want %q", got, want)
	}
}

// TestWhatIsNotPublicIsNotMarked has the first post fail.
func TestWhatIsNotPublicIsNotMarked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tg := newMarker("telegram-a", adapters.MarkEdit)
	tg.then(refuse(adapters.Permanent, 0))
	h.run("one/a", quick(tg))
	a := markedAlert(t, tg)
	h.await(h.release(a.Next(t, alert.MsgAlert)), "telegram-a", ledger.StateFailed)
	h.await(h.release(a.Next(t, alert.MsgUpdate)), "telegram-a", ledger.StateVerified)
	last := h.release(a.Next(t, alert.MsgCancel))
	h.awaitMark(last, "telegram-a", 1, ledger.StateVerified)
	if got, want := tg.marks(), []string{on(last, "telegram-a", 1, 1)}; !slices.Equal(got, want) {
		t.Errorf("marked %q, want %q: the update's post alone, which is the platform's first", got, want)
	}
}

// TestAMarkWaitsForWhatIsHeld has the update held. The mark bears its code, by which it is looked
// for when a person has it sent after all.
func TestAMarkWaitsForWhatIsHeld(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tg := newMarker("telegram-a", adapters.MarkEdit)
	stop := h.run("one/a", quick(tg))
	a := markedAlert(t, tg)
	h.await(h.release(a.Next(t, alert.MsgAlert)), "telegram-a", ledger.StateVerified)
	tg.then(refuse(adapters.Auth, 0))
	b := h.release(a.Next(t, alert.MsgUpdate))
	h.await(b, "telegram-a", ledger.StateHeld)
	// What comes later is carried by then: the mark had its chance.
	h.await(h.release(markedAlert(t, tg).Next(t, alert.MsgAlert)), "telegram-a", ledger.StateVerified)
	stop()
	if got := tg.marks(); len(got) > 0 {
		t.Fatalf("marked %q while the update was held", got)
	}
	h.run("one/b", quick(tg))
	h.awaitMark(b, "telegram-a", 1, ledger.StateVerified)
	if p := h.part(b, "telegram-a"); p.State != ledger.StateVerified || p.Attempts != 2 {
		t.Errorf("the update is %+v, want verified at the second attempt", p)
	}
}

// TestMarksOfUnknownFate loses answers, with and without the mark.
func TestMarksOfUnknownFate(t *testing.T) {
	t.Parallel()
	keep := func(m *marker, _ context.Context, on adapters.Receipt, text string) error {
		_ = m.bear(on, text)
		return adapters.Fail(adapters.Unknown, "the answer was lost")
	}
	lose := func(*marker, context.Context, adapters.Receipt, string) error {
		return adapters.Fail(adapters.Unknown, "request and answer were lost")
	}
	later := func(*marker, context.Context, adapters.Receipt, string) error {
		return adapters.Fail(adapters.NotSent, "throttled")
	}
	gone := func(*marker, context.Context, adapters.Receipt, string) error { return adapters.ErrNotPublished }
	for name, c := range map[string]struct {
		form     adapters.MarkForm
		script   []func(*marker, context.Context, adapters.Receipt, string) error
		blind    bool
		state    ledger.DeliveryState
		attempts int
		times    int // that the post was marked
	}{
		"an_edit_that_was_made":       {adapters.MarkEdit, []func(*marker, context.Context, adapters.Receipt, string) error{keep}, false, ledger.StateVerified, 1, 1},
		"an_edit_that_was_not":        {adapters.MarkEdit, []func(*marker, context.Context, adapters.Receipt, string) error{lose}, false, ledger.StateVerified, 2, 1},
		"an_edit_that_nobody_sees":    {adapters.MarkEdit, []func(*marker, context.Context, adapters.Receipt, string) error{keep}, true, ledger.StatePosted, 2, 2},
		"a_comment_that_was_made":     {adapters.MarkComment, []func(*marker, context.Context, adapters.Receipt, string) error{keep}, false, ledger.StateVerified, 1, 1},
		"a_comment_that_was_not":      {adapters.MarkComment, []func(*marker, context.Context, adapters.Receipt, string) error{lose}, false, ledger.StateVerified, 2, 1},
		"a_comment_that_nobody_sees":  {adapters.MarkComment, []func(*marker, context.Context, adapters.Receipt, string) error{keep}, true, ledger.StateHeld, 1, 1},
		"a_mark_that_is_taken_later":  {adapters.MarkComment, []func(*marker, context.Context, adapters.Receipt, string) error{later, later}, false, ledger.StateVerified, 3, 1},
		"a_mark_on_what_is_gone":      {adapters.MarkEdit, []func(*marker, context.Context, adapters.Receipt, string) error{gone}, false, ledger.StateFailed, 1, 0},
		"a_mark_made_in_another_form": {adapters.MarkForm("edit"), nil, false, ledger.StateFailed, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			tg := newMarker("telegram-a", c.form)
			a := markedAlert(t, tg)
			for _, f := range c.script {
				tg.next(f)
			}
			if c.script == nil {
				tg.form = adapters.MarkComment // since it was signed
			}
			tg.blind = c.blind
			h.run("one/a", quick(tg))
			h.show(a.Next(t, alert.MsgAlert))
			b := h.release(a.Next(t, alert.MsgUpdate))
			var p ledger.PartState
			h.eventually("the end of the mark", func(s *ledger.State) bool {
				p = s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Mark("telegram-a", 1)
				return p.State == c.state && p.Final()
			})
			if got := len(tg.marks()); got != c.times || p.Attempts != c.attempts {
				t.Errorf("marked %d times in %d attempts, want %d in %d", got, p.Attempts, c.times, c.attempts)
			}
		})
	}
}

// TestAMarkHoldsUpNoPost has a platform that never answers a mark.
func TestAMarkHoldsUpNoPost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tg := newMarker("telegram-a", adapters.MarkEdit)
	hung := make(chan struct{}, 1)
	tg.next(func(_ *marker, ctx context.Context, _ adapters.Receipt, _ string) error {
		hung <- struct{}{}
		<-ctx.Done()
		return adapters.Fail(adapters.Unknown, "no answer: %w", ctx.Err())
	})
	one := quick(tg)
	one.Workers = 1
	one.PublishTimeout = time.Minute
	h.run("one/a", one)
	a := markedAlert(t, tg)
	h.show(a.Next(t, alert.MsgAlert))
	h.release(a.Next(t, alert.MsgUpdate))
	<-hung
	h.await(h.release(markedAlert(t, tg).Next(t, alert.MsgAlert)), "telegram-a", ledger.StateVerified)
	// Nor the next bulletin of the same alert.
	h.await(h.release(a.Next(t, alert.MsgCancel)), "telegram-a", ledger.StateVerified)
}

// TestARestartTakesUpAMark stops a node that hangs in the middle of a mark.
func TestARestartTakesUpAMark(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tg := newMarker("telegram-a", adapters.MarkComment)
	hung := make(chan struct{}, 1)
	tg.next(func(m *marker, ctx context.Context, on adapters.Receipt, text string) error {
		_ = m.bear(on, text)
		hung <- struct{}{}
		<-ctx.Done()
		return adapters.Fail(adapters.Unknown, "no answer: %w", ctx.Err())
	})
	stop := h.run("one/a", quick(tg))
	a := markedAlert(t, tg)
	h.show(a.Next(t, alert.MsgAlert))
	b := h.release(a.Next(t, alert.MsgUpdate))
	<-hung
	stop()
	h.run("one/b", quick(tg))
	h.awaitMark(b, "telegram-a", 1, ledger.StateVerified)
	if got := tg.marks(); len(got) != 1 {
		t.Errorf("marked %q, want once", got)
	}
}
