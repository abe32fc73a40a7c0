package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
)

// A listed platform can be asked for all that stands on its account.
type listed struct {
	*platform

	mu      sync.Mutex
	missing bool // somebody hid the post
	others  []adapters.Listed
}

func (l *listed) ReadBack(ctx context.Context, post adapters.Post, r adapters.Receipt) error {
	l.mu.Lock()
	hidden := l.missing
	l.mu.Unlock()
	if hidden {
		return adapters.ErrHidden
	}
	return l.platform.ReadBack(ctx, post, r)
}

func (l *listed) List(context.Context, time.Time) ([]adapters.Listed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.others)
	l.platform.mu.Lock()
	defer l.platform.mu.Unlock()
	for i, p := range l.live {
		all = append(all, adapters.Listed{ID: fmt.Sprint(i + 1), Text: p.Text, At: time.Now()})
	}
	return all, nil
}

func (l *listed) ListEvery() time.Duration { return time.Hour }

func (l *listed) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// watchful has a channel watched every few milliseconds.
func watchful(p adapters.Channel) delivery.Channel {
	ch := quick(p)
	ch.Watch, ch.WatchEvery = []time.Duration{20 * time.Millisecond}, 20*time.Millisecond
	ch.WatchAgain, ch.ListEvery = 10*time.Millisecond, 20*time.Millisecond
	return ch
}

// shown waits until the ledger says what the watch found of a post.
func (h *house) shown(b *bulletin.Bulletin, channel, want string) {
	h.t.Helper()
	h.eventually("that the post was found "+want, func(s *ledger.State) bool {
		return s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Part(channel, 1).Shown.State == want
	})
}

// TestWhatBecomesOfAPostIsNoticed has somebody change, hide and delete a post after it was
// verified, and put it right again: each is told once.
func TestWhatBecomesOfAPostIsNoticed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := &listed{platform: newPlatform("x-a")}
	h.run("one/a", watchful(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateVerified)
	alter := func(yes bool) {
		x.platform.mu.Lock()
		defer x.platform.mu.Unlock()
		x.altered = yes
	}
	alter(true)
	h.shown(b, "x-a", ledger.ShownAltered)
	alter(false)
	h.shown(b, "x-a", ledger.ShownRestored)
	x.set(func() { x.missing = true })
	h.shown(b, "x-a", ledger.ShownHidden)
	x.platform.mu.Lock()
	x.live = nil
	x.platform.mu.Unlock()
	x.set(func() { x.missing = false })
	h.shown(b, "x-a", ledger.ShownDeleted)
	if p := h.part(b, "x-a"); p.State != ledger.StateVerified || !p.Shown.Amiss() || p.Shown.Reason == "" {
		t.Errorf("it is %s, %+v; want it verified, as it was, and now amiss", p.State, p.Shown)
	}
	h.toldOnce()
	if x.published() != 1 {
		t.Errorf("the channel was called %d times, want that the watch sends nothing", x.published())
	}
}

// toldOnce fails the test where the ledger was told of something twice.
func (h *house) toldOnce() {
	h.t.Helper()
	h.ledger.View(func(s *ledger.State) {
		if len(s.Voids) > 0 {
			h.t.Errorf("records without effect: %+v, want each change told once", s.Voids)
		}
	})
}

// TestForeignPostsAreReported has somebody else publish on the account.
func TestForeignPostsAreReported(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"of_ours_alone": false, "that_others_use": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x := &listed{platform: newPlatform("x-a")}
			ch := watchful(x)
			ch.Shared = shared
			h.run("one/a", ch)
			b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
			h.await(b, "x-a", ledger.StateVerified)
			x.set(func() {
				x.others = []adapters.Listed{
					{ID: "700", URL: "https://fake.example/700", Text: "Scuole aperte", At: time.Now()},
					{ID: "701", Text: "Non è vero: " + string(b.Code), At: time.Now()},
				}
			})
			if shared {
				x.platform.mu.Lock()
				x.altered = true // the watch goes on by this
				x.platform.mu.Unlock()
				h.shown(b, "x-a", ledger.ShownAltered)
				h.ledger.View(func(s *ledger.State) {
					if got := s.ForeignPosts("x-a"); len(got) > 0 {
						t.Errorf("reported: %+v, want nothing of an account that others use", got)
					}
				})
				return
			}
			h.eventually("two foreign posts", func(s *ledger.State) bool { return len(s.ForeignPosts("x-a")) == 2 })
			x.set(func() { x.others = x.others[1:] })
			h.eventually("that one is gone", func(s *ledger.State) bool { return !s.ForeignPosts("x-a")[0].Gone.IsZero() })
			h.ledger.View(func(s *ledger.State) {
				got := s.ForeignPosts("x-a")
				if got[0].PostID != "700" || got[0].URL == "" || !strings.Contains(got[1].Reason, string(b.Code)) || !got[1].Gone.IsZero() {
					t.Errorf("reported: %+v, want both, the second with the code that it bears", got)
				}
			})
			h.toldOnce()
		})
	}
}

// TestTheWatchLeavesRoomForPosts has half of the platform's budget of calls used up.
func TestTheWatchLeavesRoomForPosts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := &frugal{listed{platform: newPlatform("x-a")}}
	h.run("one/a", watchful(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateVerified)
	x.set(func() { x.others = []adapters.Listed{{ID: "700", Text: "Scuole aperte", At: time.Now()}} })
	y := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(y, "x-a", ledger.StateVerified)
	h.ledger.View(func(s *ledger.State) {
		if got := s.ForeignPosts("x-a"); len(got) > 0 {
			t.Errorf("reported: %+v, want that nothing is read while posts need the budget", got)
		}
	})
}

// A frugal platform has little left of its budget of calls.
type frugal struct{ listed }

func (*frugal) Allowances() []adapters.Allowance {
	return []adapters.Allowance{{Name: "Graph", Left: 49, Of: 100, Percent: true, At: time.Now()}}
}
