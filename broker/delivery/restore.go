package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

// shownAfter is how long after its end an alert is shown again before the node says
// that it is up. A site names what ended a short while ago on its front page and in
// its feed; what is older has its own page alone.
const shownAfter = 48 * time.Hour

// restore hands the channels that forget their posts what is public on them and not
// long over. It returns the alerts that are left, newest first, and has told the
// archive that they are to come: how long a start takes does not depend on them.
func (s *Service) restore(ctx context.Context) (archive []string, err error) {
	s.library.mu.Lock()
	err = s.library.takeRings(ctx) // before anything is judged
	s.library.mu.Unlock()
	if err != nil {
		return nil, err
	}
	current, archive := s.divide()
	s.hosting.host(ctx, s, current)
	distrust := s.Trusted()
	var lost []string // in force, perhaps, and not to be shown
	for _, id := range current {
		for _, l := range s.lanes {
			_, err := s.restoreAlert(ctx, l, id)
			if err != nil && (distrust == nil && !errors.Is(err, errLost) || ctx.Err() != nil) {
				return nil, err
			}
			if err == nil {
				err = s.lost(ctx, l, id, distrust)
			}
			if err == nil {
				continue
			}
			lost = append(lost, id)
			s.Log.ErrorContext(ctx, "an alert that was public can't be shown again: its bulletin or a record of it can't be read", "alert", id, "channel", l.name, "err", err)
		}
	}
	if s.Archive != nil {
		if len(lost) > 0 {
			s.Archive.Doubt()
		}
		var past []adapters.Past
		s.Ledger.View(func(st *ledger.State) {
			for _, id := range append(lost, archive...) {
				past = append(past, pastOf(st.Alerts[id]))
			}
		})
		s.Archive.Expect(past)
	}
	return archive, nil
}

// divide lists the alerts that may be in force or were a short while ago, or have
// something left to do, oldest first; and the others that are public on a channel
// which forgets, newest first.
func (s *Service) divide() (current, archive []string) {
	recent := s.Now().Add(-shownAfter)
	s.Ledger.View(func(st *ledger.State) {
		for _, id := range st.Order {
			over, shown := true, false
			for _, b := range st.Alerts[id].Bulletins {
				over = over && !b.Expires.After(recent) && !unfinished(b)
				shown = shown || s.shows(b)
			}
			switch {
			case !over:
				current = append(current, id)
			case shown:
				archive = append(archive, id)
			}
		}
	})
	slices.Reverse(archive)
	return current, archive
}

// shows reports whether a post of the bulletin is public on a channel that forgets.
func (s *Service) shows(b *ledger.BulletinState) bool {
	for _, l := range s.lanes {
		if _, ok := l.ch.Channel.(adapters.Volatile); !ok || b.Deliveries[l.name] == nil {
			continue
		}
		for _, p := range b.Deliveries[l.name].Parts {
			if p.PostID != "" {
				return true
			}
		}
	}
	return false
}

// lost returns nil, or why l, which forgets, was not handed a post of the alert of which the
// ledger says that it is public there: its bulletin can't be read or, where the ledger is not
// to be trusted, whatever else.
func (s *Service) lost(ctx context.Context, l *lane, id string, distrust error) error {
	if _, ok := l.ch.Channel.(adapters.Volatile); !ok {
		return nil
	}
	for _, b := range s.library.states(id) {
		unshown := false
		s.Ledger.View(func(*ledger.State) {
			if d := b.Deliveries[l.name]; d != nil {
				unshown = slices.ContainsFunc(d.Parts, func(p *ledger.PartState) bool { return p.PostID != "" && !l.shows(p.ClaimSeq) })
			}
		})
		if !unshown {
			continue
		}
		s.library.mu.Lock()
		_, err := s.library.read(ctx, id, &b)
		s.library.mu.Unlock()
		if err == nil {
			err = distrust
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func pastOf(a *ledger.AlertState) adapters.Past {
	p := adapters.Past{Code: a.Bulletins[0].Code}
	for _, b := range a.Bulletins {
		p.Identifiers = append(p.Identifiers, b.Identifier)
	}
	return p
}

// restoreArchive shows again what is long over, while deliveries are under way.
func (s *Service) restoreArchive(ctx context.Context, ids []string) {
	for _, id := range ids {
		whole := true
		for _, l := range s.lanes {
			restored, err := s.restoreAlert(ctx, l, id)
			if err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "an alert could not be read from the ledger: the site can't show it again", "alert", id, "channel", l.name, "err", err)
			}
			whole = whole && restored && err == nil
		}
		if ctx.Err() != nil {
			return
		}
		// Nobody works on it: its bytes need not stay in memory.
		s.library.forget(id)
		// What could not be shown stays expected: nobody may be told that a genuine
		// alert is none.
		if whole && s.Archive != nil {
			var code string
			s.Ledger.View(func(st *ledger.State) { code = pastOf(st.Alerts[id]).Code })
			s.Archive.Arrived(code)
		}
	}
}

// restoreAlert shows again on l what the ledger says is public of one alert, and
// reports whether all of it is shown.
func (s *Service) restoreAlert(ctx context.Context, l *lane, id string) (whole bool, err error) {
	volatile, ok := l.ch.Channel.(adapters.Volatile)
	if !ok {
		return true, nil
	}
	items, err := s.library.items(ctx, id, l.name)
	if err != nil {
		return false, err
	}
	whole = true
	for _, it := range items {
		for i, p := range it.parts {
			if p.PostID == "" || l.shows(p.ClaimSeq) {
				continue
			}
			if err := volatile.Restore(ctx, it.b.For(l.name)[i], adapters.Receipt{ID: p.PostID, URL: p.URL, At: p.PostedAt}); err != nil {
				s.Log.ErrorContext(ctx, "a post could not be shown again: the site lacks an alert that it showed before",
					"alert", id, "channel", l.name, "err", err)
				whole = false
				continue
			}
			l.showed(p.ClaimSeq)
		}
	}
	return whole, nil
}

// restoreForeign shows on a channel that forgets what other nodes have published
// there.
func (s *Service) restoreForeign(ctx context.Context, l *lane, id string) error {
	if _, ok := l.ch.Channel.(adapters.Volatile); !ok {
		return nil
	}
	foreign := false
	s.Ledger.View(func(st *ledger.State) {
		for _, b := range st.Alerts[id].Bulletins {
			if d := b.Deliveries[l.name]; d != nil {
				for _, p := range d.Parts {
					foreign = foreign || p.PostID != "" && p.Claimant != s.me && !l.shows(p.ClaimSeq)
				}
			}
		}
	})
	if !foreign {
		return nil
	}
	_, err := s.restoreAlert(ctx, l, id)
	return err
}
