package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
)

// ends waits until the parts of a bulletin on a channel are where they should be.
func (h *house) ends(b *bulletin.Bulletin, channel string, want ...ledger.DeliveryState) {
	h.t.Helper()
	h.until(b, channel, fmt.Sprintf("parts %q", want), func(ledger.PartState) bool {
		var got []ledger.DeliveryState
		h.ledger.View(func(s *ledger.State) {
			for part := range b.For(channel) {
				got = append(got, s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Part(channel, part+1).State)
			}
		})
		return slices.Equal(got, want)
	})
}

// TestEachPartAnswersTheOneBeforeIt has a thread of three posts, and an update of it: the
// second part is taken and its answer is lost, so that the platform is asked for it.
func TestEachPartAnswersTheOneBeforeIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ok := func(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
		return p.keep(post), nil
	}
	x := newPlatform("x-a").then(ok).then(keepAndLose)
	h.run("one/a", patient(quick(x)))
	a := newAlert(t, "x-a")
	a.Parts = 3
	for _, kind := range []alert.MsgType{alert.MsgAlert, alert.MsgUpdate} {
		h.ends(h.release(a.Next(t, kind)), "x-a", ledger.StateVerified, ledger.StateVerified, ledger.StateVerified)
	}
	want(t, x, "1/1", "1/2", "1/3", "2/1", "2/2", "2/3")
	x.mu.Lock()
	defer x.mu.Unlock()
	if want := []string{"", "1", "2", "1", "4", "5"}; !slices.Equal(x.answers, want) {
		t.Errorf("the posts answer %q, want %q: the part before, and the first one of the bulletin before", x.answers, want)
	}
}

// TestWhatStopsAThreadBetweenItsParts has the alert end, or be replaced or revoked, when a
// part of its thread is public and the next one is not.
func TestWhatStopsAThreadBetweenItsParts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		next alert.MsgType // "" for the expiry
		want ledger.DeliveryState
	}{
		"expired":  {"", ledger.StateExpired},
		"replaced": {alert.MsgUpdate, ledger.StateSuperseded},
		"revoked":  {alert.MsgCancel, ledger.StateSuperseded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			a := newAlert(t, "x-a")
			a.Parts = 3
			var now clock
			refused := make(chan struct{})
			x := newPlatform("x-a").then(func(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
				return p.keep(post), nil
			}).then(func(p *platform, ctx context.Context, post adapters.Post) (adapters.Receipt, error) {
				if c.next == "" {
					now.reach(a.Expires.Add(-500 * time.Millisecond))
				}
				close(refused)
				return refuse(adapters.NotSent, time.Hour)(p, ctx, post)
			})
			h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(x)}, Now: now.now})
			first := h.release(a.Next(t, alert.MsgAlert))
			<-refused
			posts := []string{"1/1"}
			if c.next != "" {
				b := h.release(a.Next(t, c.next))
				h.ends(b, "x-a", ledger.StateVerified, ledger.StateVerified, ledger.StateVerified)
				posts = append(posts, "2/1", "2/2", "2/3")
			}
			h.ends(first, "x-a", ledger.StateVerified, c.want, c.want)
			want(t, x, posts...)
		})
	}
}

// TestAThreadWaitsForABudget has the account's budget end within a thread: what is public
// stays so, and the rest waits for a person, without a second attempt at anything.
func TestAThreadWaitsForABudget(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(func(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
		return p.keep(post), nil
	}).then(refuse(adapters.Quota, 0))
	stop := h.run("one/a", quick(x))
	a := newAlert(t, "x-a")
	a.Parts = 3
	b := h.release(a.Next(t, alert.MsgAlert))
	h.ends(b, "x-a", ledger.StateVerified, ledger.StateHeld, ledger.StatePending)
	stop()
	h.run("one/b", quick(x)) // a person has paid, and started it again
	h.ends(b, "x-a", ledger.StateVerified, ledger.StateVerified, ledger.StateVerified)
	want(t, x, "1/1", "1/2", "1/3")
}
