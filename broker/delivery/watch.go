package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

// This file reads posts again after deliveries are done with them, and looks for posts on the
// account that no bulletin covers. It sends nothing and changes nothing: what it finds is for
// people.

const (
	// watchDrift is how far back the account's posts are listed: what is older is known.
	watchDrift = 48 * time.Hour
	// watchPause is the wait after a look that failed, or for which a platform's budget has no
	// room, and while a mark is under way.
	watchPause = 5 * time.Minute
	// watchSpare is what has to be left of a platform's budget of calls, in percent, for the
	// watch to read: posts go first.
	watchSpare = 50
)

// nextWatch returns when a post that was published at a moment is read again, where it was read
// last at another, zero for never: at the moments of the schedule, then every so often, and no
// more from end on, when the zero time is returned. What was missed while no node was up is made
// up for by one look. It is a pure function.
func nextWatch(posted, last, end time.Time, schedule []time.Duration, every time.Duration) (next time.Time) {
	if last.Before(posted) {
		last = posted
	}
	for _, d := range schedule {
		if at := posted.Add(d); at.After(last) {
			next = at
			break
		}
	}
	if next.IsZero() {
		next = last.Add(every)
	}
	if !next.Before(end) {
		return time.Time{}
	}
	return next
}

// A sight is what a watch knows of a post beyond the ledger. After a restart it begins anew.
type sight struct {
	last    time.Time // when it was read last
	not     time.Time // it is not read before
	suspect string    // what was found once, and is to be found twice before it counts
}

// A watcher watches what is public on one channel. It has one owner.
type watcher struct {
	l      *lane
	sights map[memoryKey]*sight
	listed time.Time // when the account was listed last
	// strange are posts that no bulletin covered when the account was listed last: they have to
	// be seen twice, since what became of our own may be on its way to the ledger.
	strange map[string]bool
}

// watchPosts watches the lane's channel until ctx is done.
func (l *lane) watchPosts(ctx context.Context) {
	w := &watcher{l: l, sights: map[memoryKey]*sight{}}
	for ctx.Err() == nil {
		next := w.turn(ctx)
		// What is published meanwhile is read for the first time long after the next turn.
		timer := time.NewTimer(max(min(next.Sub(l.s.Now()), l.ch.Watch[0]/4), time.Millisecond))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// turn reads what is due, and returns when something is due next.
func (w *watcher) turn(ctx context.Context) (next time.Time) {
	if w.l.trusted() != nil {
		return w.l.s.Now().Add(distrustRetry)
	}
	due, next := w.due(w.l.s.Now())
	for id := range due {
		items, err := w.l.s.library.items(ctx, id, w.l.name)
		if err != nil {
			continue // the lane says it
		}
		for i := range items {
			for n := range items[i].parts {
				w.watch(ctx, id, items, i, n)
			}
		}
	}
	if at := w.drift(ctx); !at.IsZero() && at.Before(next) {
		next = at
	}
	return next
}

// due returns the alerts with posts that are to be read now, and when the next one is. It asks
// the fold alone: bulletins are not fetched before there is something to do.
func (w *watcher) due(now time.Time) (ids map[string]bool, next time.Time) {
	next, ids = now.Add(w.l.ch.WatchEvery), map[string]bool{}
	known := map[memoryKey]bool{}
	w.l.s.Ledger.View(func(st *ledger.State) {
		for id, a := range st.Alerts {
			for _, b := range a.Bulletins {
				d := b.Deliveries[w.l.name]
				if d == nil || !now.Before(b.Expires) {
					continue
				}
				for n, p := range d.Parts {
					key := memoryKey{b.SHA256, post(n + 1)}
					known[key] = true
					switch at := w.next(p, b.Expires, key); {
					case at.IsZero():
					case !now.Before(at):
						ids[id] = true
					case at.Before(next):
						next = at
					}
				}
			}
		}
	})
	for key := range w.sights {
		if !known[key] {
			delete(w.sights, key)
		}
	}
	return ids, next
}

// next returns when a post is read next, zero for never.
func (w *watcher) next(p *ledger.PartState, end time.Time, key memoryKey) time.Time {
	if _, ok := watched(p); !ok {
		return time.Time{}
	}
	see := w.sights[key]
	if see == nil {
		return nextWatch(p.PostedAt, time.Time{}, end, w.l.ch.Watch, w.l.ch.WatchEvery)
	}
	at := nextWatch(p.PostedAt, see.last, end, w.l.ch.Watch, w.l.ch.WatchEvery)
	if !at.IsZero() && (see.suspect != "" || see.not.After(at)) {
		at = see.not
	}
	return at
}

// watched returns what the watch takes a post to show, [ledger.ShownRestored] where it is as it
// was signed; false where it is not watched.
func watched(p *ledger.PartState) (state string, ok bool) {
	if p.PostID == "" || !p.Final() || p.Unreadable {
		return "", false
	}
	switch {
	case p.Shown.Amiss():
		return p.Shown.State, true
	case p.Shown.State != "", p.State == ledger.StateVerified:
		return ledger.ShownRestored, true
	case p.Class == ledger.ClassAltered:
		return ledger.ShownAltered, true
	case p.Class == "gone":
		return ledger.ShownDeleted, true
	}
	return "", false
}

// watch reads one post where that is due.
func (w *watcher) watch(ctx context.Context, id string, items []item, i, n int) {
	it, p, now := &items[i], &items[i].parts[n], w.l.s.Now()
	key := memoryKey{it.b.SHA256(), post(n + 1)}
	if at := w.next(p, it.b.Expires, key); at.IsZero() || now.Before(at) {
		return
	}
	see := w.sights[key]
	if see == nil {
		see = &sight{}
		w.sights[key] = see
	}
	pause := min(watchPause, w.l.ch.WatchEvery)
	mark, settled := shownMark(items, i, n)
	if !settled || !w.spare(now) {
		see.not = now.Add(pause)
		return
	}
	state, reason, err := w.look(ctx, it, n, mark)
	now = w.l.s.Now()
	switch was, _ := watched(p); {
	case errors.Is(err, adapters.ErrCannotLook):
		see.not = it.b.Expires // it could be read when it was verified: the account changed since, and readiness says it
	case err != nil:
		w.l.s.Log.WarnContext(ctx, "a post could not be read again", "alert", id, "channel", w.l.name, "err", err)
		see.not = now.Add(max(pause, retryAfter(err)))
	case state == was:
		*see = sight{last: now}
	case see.suspect != state:
		// Platforms show a change late, or a copy that is out of date: it has to be seen twice.
		see.suspect, see.not = state, now.Add(w.l.ch.WatchAgain)
	default:
		*see = sight{last: now}
		w.found(ctx, id, it, n, state, reason)
	}
}

// shownMark returns the newest edit that a post bears, nil for none, and whether it is settled
// what the post shows: no edit of it is under way.
func shownMark(items []item, i, n int) (on *mark, settled bool) {
	for k := range items {
		for m := range items[k].marks {
			one := &items[k].marks[m]
			if one.On != items[i].b.Number || one.Part != n+1 || one.Form != adapters.MarkEdit {
				continue
			}
			switch {
			case one.state.State == ledger.StateVerified:
				on = one
			case one.state.Attempts > 0: // it may be public, or not
				return nil, false
			}
		}
	}
	return on, true
}

// spare reports whether the platform's budgets have room for reading.
func (w *watcher) spare(now time.Time) bool {
	m, ok := w.l.ch.Channel.(adapters.Metered)
	if ok && slices.ContainsFunc(m.Allowances(), func(a adapters.Allowance) bool { return a.Percent && a.Known(now) && a.Left < watchSpare }) {
		return false
	}
	w.l.pacer.mu.Lock()
	defer w.l.pacer.mu.Unlock()
	return !now.Before(w.l.pacer.until)
}

// look reads a post, and returns what it shows: [ledger.ShownRestored] for what was signed.
func (w *watcher) look(ctx context.Context, it *item, n int, on *mark) (state, reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.l.ch.PublishTimeout)
	defer cancel()
	receipt := receiptOf(&it.parts[n])
	if on == nil {
		_, err = w.l.locate(ctx, it, post(n+1), receipt)
	} else {
		var ch adapters.Marker
		if ch, err = w.l.marker(on.Mark); err == nil {
			err = ch.ReadMark(ctx, receipt, it.b.Carried(on.Mark))
		}
	}
	altered, isAltered := errors.AsType[*adapters.AlteredError](err)
	switch {
	case err == nil:
		return ledger.ShownRestored, "", nil
	case isAltered:
		return ledger.ShownAltered, altered.Error(), nil
	case errors.Is(err, adapters.ErrHidden):
		return ledger.ShownHidden, "the account holds the post, and the public does not see it", nil
	case errors.Is(err, adapters.ErrNotPublished):
		return ledger.ShownDeleted, "the platform shows the post no more", nil
	}
	return "", "", err
}

// toDo is what a person does about a post that is not as it was signed.
const toDo = "look at the post and at who may write on the account; change the account's credentials if it was none of yours; then put it right, or release a correction"

// found records a change, and tells the log.
func (w *watcher) found(ctx context.Context, id string, it *item, n int, state, reason string) {
	r := ledger.Record{Type: ledger.Watched, Alert: id, Number: it.b.Number, SHA256: it.b.SHA256(), Channel: w.l.name, Part: n + 1, State: state, Reason: truncateWords(reason, maxReason)}
	if state == ledger.ShownRestored {
		w.l.s.Log.InfoContext(ctx, "a post shows what was signed again", "alert", id, "channel", w.l.name, "url", it.parts[n].URL)
	} else {
		w.l.s.Log.ErrorContext(ctx, "ALARM: a public post is not as it was signed", "alert", id, "channel", w.l.name, "found", state, "url", it.parts[n].URL, "reason", reason, "to_do", toDo)
	}
	w.append(ctx, r)
}

// append writes what was found, where nobody else has written since what the ledger says now.
func (w *watcher) append(ctx context.Context, r ledger.Record) {
	if !w.l.s.Ledger.May(&r) {
		return
	}
	var last int64
	w.l.s.Ledger.View(func(st *ledger.State) { last = st.Last[r.Subject()] })
	seq, err := w.l.s.Ledger.AppendAfter(ctx, r, last)
	if err == nil {
		w.l.s.meters.watched(ctx, w.l.ch.Channel, &r)
		err = w.l.s.Ledger.WaitApplied(ctx, seq)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, ledger.ErrConflict) {
		w.l.s.Log.WarnContext(ctx, "what the watch found could not be recorded; it is found again at the next look", "channel", w.l.name, "err", err)
	}
}

// drift looks for posts on the account that no bulletin covers, where that is due, and returns
// when to come again; zero where the account can't be listed or others use it too.
func (w *watcher) drift(ctx context.Context) time.Time {
	lister, ok := w.l.ch.Channel.(adapters.Lister)
	if !ok || w.l.ch.Shared {
		return time.Time{}
	}
	now, every := w.l.s.Now(), w.l.ch.ListEvery
	if every == 0 {
		every = lister.ListEvery()
	}
	if w.listed.IsZero() { // what an earlier run left to do goes first
		w.listed = now.Add(min(w.l.ch.WatchAgain, every) - every)
	}
	if next := w.listed.Add(every); now.Before(next) {
		return next
	}
	w.listed = now
	next := now.Add(every)
	if !w.spare(now) {
		return next
	}
	since := now.Add(-watchDrift)
	w.l.s.Ledger.View(func(st *ledger.State) { since = later(since, st.Began) })
	limited, cancel := context.WithTimeout(ctx, w.l.ch.PublishTimeout)
	all, err := lister.List(limited, since)
	cancel()
	if errors.Is(err, adapters.ErrCannotLook) {
		return next
	}
	if err != nil {
		w.l.s.Log.WarnContext(ctx, "the account's posts could not be listed", "channel", w.l.name, "err", err)
		return next
	}
	found, suspects := w.strangers(all, since), map[string]bool{}
	found = slices.DeleteFunc(found, func(r ledger.Record) bool {
		suspects[r.PostID] = r.State == ledger.ForeignPublic
		return suspects[r.PostID] && !w.strange[r.PostID]
	})
	for id := range suspects {
		if suspects[id] && !w.strange[id] {
			next = now.Add(min(w.l.ch.WatchAgain, every))
			w.listed = next.Add(-every)
		}
	}
	w.strange = suspects
	for _, r := range found {
		if r.State == ledger.ForeignPublic {
			w.l.s.Log.ErrorContext(ctx, "ALARM: the account shows a post that no bulletin covers", "channel", w.l.name, "post", r.PostID, "url", r.URL, "reason", r.Reason,
				"to_do", "look at it and at who may write on the account; take it down if it is none of yours, and change the account's credentials")
		}
		w.append(ctx, r)
	}
	return next
}

// strangers returns the records on what the account shows, or shows no more, that the ledger
// does not cover and does not tell of yet.
func (w *watcher) strangers(all []adapters.Listed, since time.Time) (records []ledger.Record) {
	w.l.s.Ledger.View(func(st *ledger.State) {
		ours, known := st.PostIDs(w.l.name), st.ForeignPosts(w.l.name)
		open := openCodes(st, w.l.name)
		shown := map[string]bool{}
		for _, p := range all {
			shown[p.ID] = true
			i := slices.IndexFunc(known, func(f ledger.ForeignPost) bool { return f.PostID == p.ID })
			code := bearsCode(st, p.Text)
			if ours[p.ID] || i >= 0 && known[i].Gone.IsZero() || code != "" && open[code] {
				continue // covered, told, or still to be found by whoever sent it
			}
			reason := "no bulletin covers it"
			if code != "" {
				reason = fmt.Sprintf("no bulletin covers it, though it bears the code of alert %s: an imitation, or a post that was sent twice", code)
			}
			r := ledger.Record{Type: ledger.Foreign, Channel: w.l.name, PostID: p.ID, URL: p.URL, State: ledger.ForeignPublic, Reason: reason}
			if !p.At.IsZero() {
				r.PostedAt = p.At.UTC()
			}
			records = append(records, r)
		}
		for _, f := range known {
			if f.Gone.IsZero() && !shown[f.PostID] && f.PostedAt.After(since) {
				records = append(records, ledger.Record{Type: ledger.Foreign, Channel: w.l.name, PostID: f.PostID, State: ledger.ForeignGone})
			}
		}
	})
	return records
}

// openCodes returns the codes of alerts with a post on a channel of which the ledger does not say
// yet what became of it.
func openCodes(st *ledger.State, channel string) map[string]bool {
	open := map[string]bool{}
	for _, a := range st.Alerts {
		for _, b := range a.Bulletins {
			if d := b.Deliveries[channel]; d != nil {
				for _, p := range d.Parts {
					open[b.Code] = open[b.Code] || p.State == ledger.StateAttempting || p.State == ledger.StateUnknown || p.Doubtful
				}
			}
		}
	}
	return open
}

// bearsCode returns the alert code that stands in a text, "" for none.
func bearsCode(st *ledger.State, text string) string {
	for code := range st.Codes {
		if code != "" && strings.Contains(text, code) {
			return code
		}
	}
	return ""
}
