package delivery

import (
	"context"
	"time"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

const (
	// maxAhead bounds what lies prepared for bulletins that wait for their release:
	// platforms count it (Instagram: 400 containers a day), and one signature must
	// not use up what released alerts need.
	maxAhead = maxEarly
	// aheadFor is how long a bulletin counts against maxAhead, as long as platforms
	// keep what is prepared.
	aheadFor = 24 * time.Hour
	// aheadPatience is how long a released post waits for a preparation that is under
	// way: longer than one takes, and not long for an alert.
	aheadPatience = 5 * time.Second
)

// prepareAhead has the platforms that take a private first step take it for the
// bulletins of an alert that have their first valid signature and wait for the
// others. Nothing of it is public; a bulletin that is never released leaves nothing
// but what the platform throws away after a day.
func (s *Service) prepareAhead(ctx context.Context, id string) {
	if s.Trusted() != nil {
		return // the attempt says why
	}
	states := s.library.states(id)
	for i := range states {
		state := &states[i]
		h, stands, err := s.library.stands(ctx, id, state, s.Now())
		if err != nil || stands != waiting {
			continue // refuse says why it can't be read
		}
		for _, l := range s.lanes {
			l.prepareAhead(id, h)
		}
	}
}

// prepareAhead does the private first step for a bulletin's first post on the lane,
// where it has one and nothing was done yet, beside the lane's workers: a platform
// that hangs must not take one from an alert that is released.
func (l *lane) prepareAhead(id string, h *held) {
	if _, ok := l.ch.Channel.(adapters.Preparer); !ok || len(h.b.For(l.name)) == 0 {
		return
	}
	digest := h.b.SHA256()
	it := &item{held: h, b: h.b, parts: make([]ledger.PartState, 1)}
	prepared := 0
	l.s.Ledger.View(func(st *ledger.State) {
		it.parts[0] = st.Alerts[id].Bulletin(digest).Part(l.name, 1)
		it.release.trace = st.Alerts[id].Bulletin(digest).Trace
		r := ledger.Record{Type: ledger.Prepared, Alert: id, Channel: l.name}
		it.last = st.Last[r.Subject()]
		prepared = preparedAhead(st, l.name, l.s.Now().Add(-aheadFor))
	})
	if p := &it.parts[0]; p.State != ledger.StatePending || p.Attempts > 0 || p.Prepared != "" || prepared >= maxAhead {
		return
	}
	done := make(chan struct{})
	l.mu.Lock()
	_, under := l.ahead[digest]
	if !under && !l.stopped {
		l.ahead[digest] = done
		l.s.work.Go(func() {
			defer func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.ahead, digest)
				close(done)
			}()
			l.makeAhead(ledger.WithTrace(l.ctx, it.release.trace), id, it)
		})
	}
	l.mu.Unlock()
}

// preparedAhead counts the bulletins since a moment that are prepared on a channel
// and were not attempted.
func preparedAhead(st *ledger.State, channel string, since time.Time) (n int) {
	for i := len(st.Order) - 1; i >= 0; i-- {
		recent := false
		for _, b := range st.Alerts[st.Order[i]].Bulletins {
			if b.At.Before(since) {
				continue
			}
			recent = true
			if p := b.Part(channel, 1); p.Prepared != "" && p.Attempts == 0 {
				n++
			}
		}
		if !recent {
			return n
		}
	}
	return n
}

func (l *lane) makeAhead(ctx context.Context, id string, it *item) {
	ctx, span := l.span(ctx, "prepare", id, it, post(1))
	defer span.End()
	limited, cancel := context.WithTimeout(ctx, l.ch.PublishTimeout)
	ready := l.prepare(limited, it, post(1))
	cancel()
	if ready.err == nil && ready.lacks != nil {
		ready.err = ready.lacks
	}
	if ready.err != nil {
		// The attempt prepares again, and records what comes of it.
		l.s.Log.WarnContext(ctx, "a post could not be prepared before its release", "alert", id, "channel", l.name, "err", ready.err)
		return
	}
	p := l.s.state(id, it.b.SHA256(), l.name)
	waits := p.State == ledger.StatePending && p.Attempts == 0 || p.State == ledger.StateAttempting && p.Claimant == l.s.me
	if ready.name == "" || !waits {
		return // another node's attempt has what it prepared itself
	}
	if err := l.conclude(ctx, id, it, post(1), ledger.Record{Type: ledger.Prepared, Prepared: ready.name}); err != nil && ctx.Err() == nil {
		l.s.Log.DebugContext(ctx, "what was prepared before the release is not used", "alert", id, "channel", l.name, "err", err)
	}
}

// awaitAhead waits a little for what is being prepared ahead for a bulletin, and
// returns its name; "" where there is none, and whether it is under way still.
func (l *lane) awaitAhead(ctx context.Context, id string, it *item, at slot, patience time.Duration) (name string, under bool) {
	l.mu.Lock()
	done := l.ahead[it.b.SHA256()]
	l.mu.Unlock()
	if done == nil || at != post(1) {
		return "", false
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		return "", true
	case <-ctx.Done():
		return "", true
	}
	return l.s.state(id, it.b.SHA256(), l.name).Prepared, false
}
