package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"tocsin/adapters"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// decideMarks says what comes next for the marks of an alert on a channel. It is a pure
// function, as [decide] is. Marks wait for posts: what is new is said before what was said is
// marked, and no mark changes a post that is still to be read back.
func decideMarks(items []item, v view) step {
	next := step{do: nothing}
	for i := range items {
		for n := range items[i].marks {
			s := decideMark(items, i, slot{n + 1, true}, &v)
			switch {
			case s.do == nothing:
			case s.do != wait:
				return s
			case next.do == nothing || s.when.Before(next.when):
				next = s
			}
		}
	}
	return next
}

func decideMark(items []item, i int, at slot, v *view) step {
	it := &items[i]
	p := it.state(at)
	s := step{item: i, at: at}
	open := func(retryAt time.Time) {
		switch due, when := it.due(items, at, v); {
		case due && v.over(it.ends(at)):
			s.do, s.why = giveUp, "it could not be made until a day after its bulletin had ended: look at the channel by hand"
		case !due && !when.IsZero():
			s.do, s.when = wait, when
		case due && v.clock.Before(retryAt):
			s.do, s.when = wait, v.at(retryAt)
		case due:
			s.do = attempt
		}
	}
	switch p.State {
	case ledger.StateAttempting, ledger.StateUnknown, ledger.StatePosted:
		return decidePart(items, i, at, v) // as for a post
	case ledger.StatePending:
		open(p.RetryAt)
	case ledger.StateHeld: // as for a post that is held, too
		if p.Changed <= v.started && !p.Doubtful {
			open(time.Time{})
		} else if !p.RetryAt.IsZero() {
			open(p.RetryAt)
		}
	case ledger.StateVerified, ledger.StateFailed, ledger.StateExpired, ledger.StateSuperseded:
	}
	return s
}

// due reports whether a mark is to be made now; else when to ask again, zero for when the
// ledger says more.
func (it *item) due(items []item, at slot, v *view) (due bool, when time.Time) {
	m := &it.marks[at.n-1]
	bearer := bears(items, m)
	last := items[len(items)-1].b == it.b
	switch {
	case bearer == nil || bearer.PostID == "" || !bearer.Final() || bearer.State == ledger.StateFailed:
		return false, time.Time{} // it is not public there, or not yet known to be as it was signed
	case m.When == bulletin.AtExpiry && !last:
		return false, time.Time{} // what takes its place has said what became of it
	case m.When == bulletin.AtExpiry && !v.over(it.b.Expires):
		return false, v.ends(it.b.Expires)
	}
	return !slices.ContainsFunc(it.parts, mayStillCome), time.Time{}
}

// mayStillCome reports whether a post may still become public. Until then nothing else may bear
// its alert code, by which it would be looked for: a mark does. So a post that is held keeps the marks
// waiting, since a person may have it sent after all.
func mayStillCome(p ledger.PartState) bool {
	switch p.State {
	case ledger.StateVerified, ledger.StatePosted, ledger.StateFailed, ledger.StateExpired, ledger.StateSuperseded:
		return false
	case ledger.StatePending, ledger.StateAttempting, ledger.StateUnknown, ledger.StateHeld:
	}
	return true
}

// bears returns the state of the post that bears a mark, nil where no released bulletin has it.
func bears(items []item, m *mark) *ledger.PartState {
	for i := range items {
		if items[i].b.Number == m.On && m.Part <= len(items[i].parts) {
			return &items[i].parts[m.Part-1]
		}
	}
	return nil
}

// errNeedless says that a mark is not to be made any more.
var errNeedless = errors.New("the post is not to be marked any more: it is not public, or a newer bulletin says what became of it")

// bearer returns the receipt of the post that bears a mark, as the ledger holds it now.
func (l *lane) bearer(ctx context.Context, id string, it *item, at slot) (adapters.Receipt, error) {
	items, err := l.s.library.items(ctx, id, l.name)
	if err != nil {
		return adapters.Receipt{}, err
	}
	v := view{me: l.s.me, now: l.s.Now(), clock: l.s.Ledger.Time()}
	for i := range items {
		if items[i].b != it.b || at.n > len(items[i].marks) {
			continue
		}
		if p := bears(items, &items[i].marks[at.n-1]); p != nil && p.PostID != "" {
			if due, _ := items[i].due(items, at, &v); due {
				return receiptOf(p), nil
			}
		}
	}
	return adapters.Receipt{}, errNeedless
}

// marker returns the channel as one that marks posts in the form of the signed mark.
func (l *lane) marker(m bulletin.Mark) (adapters.Marker, error) {
	ch, ok := l.ch.Channel.(adapters.Marker)
	if have := l.ch.Channel.Limits().Marks; !ok || have != m.Form {
		return nil, adapters.Fail(adapters.Permanent, "the mark was signed to be made as %q, and this channel marks posts as %q: look at the post by hand", m.Form, have)
	}
	return ch, nil
}

// makeMark makes the one call by which a mark becomes public. Its receipt is that of the post that
// bears it.
func (l *lane) makeMark(ctx context.Context, id string, it *item, at slot) (adapters.Receipt, error) {
	m := it.marks[at.n-1].Mark
	ch, err := l.marker(m)
	if err != nil {
		return adapters.Receipt{}, err
	}
	on, err := l.bearer(ctx, id, it, at)
	if err != nil {
		return adapters.Receipt{}, adapters.Fail(adapters.NotSent, "%w", err)
	}
	switch err := ch.Mark(ctx, on, it.b.Carried(m)); {
	case errors.Is(err, adapters.ErrNotPublished):
		return adapters.Receipt{}, adapters.Fail(adapters.Permanent, "the post that was to be marked is not there any more: somebody deleted it; look at the channel")
	case err != nil:
		return adapters.Receipt{}, err
	}
	on.At, on.Evidence = l.s.Now(), nil
	return on, nil
}

// findMark looks whether a mark of unknown fate is public.
func (l *lane) findMark(ctx context.Context, id string, it *item, at slot) (adapters.Receipt, error) {
	m := it.marks[at.n-1].Mark
	ch, err := l.marker(m)
	if err != nil {
		return adapters.Receipt{}, adapters.ErrCannotLook
	}
	items, err := l.s.library.items(ctx, id, l.name)
	if err != nil {
		return adapters.Receipt{}, err
	}
	p := bears(items, &it.marks[at.n-1])
	if p == nil || p.PostID == "" {
		return adapters.Receipt{}, adapters.ErrCannotLook
	}
	on := receiptOf(p)
	ctx, cancel := context.WithTimeout(ctx, l.ch.PublishTimeout)
	defer cancel()
	err = ch.ReadMark(ctx, on, it.b.Carried(m))
	if _, other := errors.AsType[*adapters.AlteredError](err); other {
		err = adapters.ErrNotPublished // the post says what it said before
	}
	if err != nil {
		return adapters.Receipt{}, err
	}
	on.At, on.Evidence = l.s.Now(), nil
	return on, nil
}

// readMark compares a mark with what the platform shows.
func (l *lane) readMark(ctx context.Context, it *item, at slot, on adapters.Receipt) error {
	m := it.marks[at.n-1].Mark
	ch, err := l.marker(m)
	if err != nil {
		return adapters.ErrCannotLook
	}
	return ch.ReadMark(ctx, on, it.b.Carried(m))
}

// markPatience is for how long after the end of its bulletin a mark is tried.
const markPatience = 24 * time.Hour

// ends returns until when what is in a slot is worked at.
func (it *item) ends(at slot) time.Time {
	if at.mark {
		return it.b.Expires.Add(markPatience)
	}
	return it.b.Expires
}

// repeatable reports whether what is in a slot is harmless to send twice: then nobody has to
// wait until it could not be late any more.
func (it *item) repeatable(at slot) bool {
	return at.mark && it.marks[at.n-1].Form == adapters.MarkEdit
}
