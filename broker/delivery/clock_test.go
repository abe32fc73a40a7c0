package delivery_test

import (
	"context"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
)

// off returns a clock that is off by d.
func off(d time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(d) }
}

// TestASlowCallIsLeftAlone has a node whose clock is minutes off hang in a call: the other
// one may not think that its time is over.
func TestASlowCallIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, clocks := range map[string][2]time.Duration{
		"it_is_behind":        {-4 * time.Minute, 0},
		"it_is_ahead":         {4 * time.Minute, 0},
		"the_other_is_ahead":  {0, 4 * time.Minute},
		"the_other_is_behind": {0, -4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			called, answer := make(chan struct{}), make(chan struct{})
			x := newPlatform("x-a").then(func(p *platform, ctx context.Context, post adapters.Post) (adapters.Receipt, error) {
				close(called)
				select {
				case <-answer:
				case <-ctx.Done():
				}
				return p.keep(post), nil
			})
			slow := quick(x)
			slow.PublishTimeout = time.Minute
			h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{slow}, Now: off(clocks[0])})
			b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
			<-called
			h.runWith("two/b", delivery.Config{Channels: []delivery.Channel{quick(x)}, Now: off(clocks[1])})
			// When these are carried, the other node has looked at the one and left it alone.
			for range 4 {
				h.await(h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)), "x-a", ledger.StateVerified)
			}
			if p := h.part(b, "x-a"); p.State != ledger.StateAttempting {
				t.Errorf("%+v, want the call under way left alone", p)
			}
			close(answer)
			p := h.await(b, "x-a", ledger.StateVerified)
			if p.Attempts != 1 || p.Claimant != "one/a" || p.Reconciled {
				t.Errorf("%+v, want the only attempt of one/a", p)
			}
			if p.PostedAt.Before(p.ReleasedAt) || p.VerifiedAt.Before(p.PostedAt) || p.VerifiedAt.Sub(p.ReleasedAt) > time.Minute {
				t.Errorf("released at %v, posted at %v, verified at %v: not in order, or by a clock that is off", p.ReleasedAt, p.PostedAt, p.VerifiedAt)
			}
			h.ledger.View(func(st *ledger.State) {
				if len(st.Voids) > 0 {
					t.Errorf("records without effect: %+v", st.Voids)
				}
			})
		})
	}
}

// TestALostNodesAttemptIsTakenOverInTime has nodes whose clocks are minutes apart, one of
// which is lost: the other one waits for as long as the attempt may last, no less and no more.
func TestALostNodesAttemptIsTakenOverInTime(t *testing.T) {
	t.Parallel()
	for name, clocks := range map[string][2]time.Duration{
		"the_lost_one_was_ahead":  {4 * time.Minute, 0},
		"the_lost_one_was_behind": {-4 * time.Minute, 0},
		"the_other_is_ahead":      {0, 4 * time.Minute},
		"the_other_is_behind":     {0, -4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x := newPlatform("x-a")
			b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
			begun := time.Now()
			const lasts = 1500 * time.Millisecond
			h.append(ledger.Record{Type: ledger.NodeStarted, Node: "one/a"})
			at := begun.Add(clocks[0]).UTC()
			h.append(ledger.Record{
				Type: ledger.Attempt, Node: "one/a", At: at, Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Channels: []string{"x-a"},
				Part: 1, Attempt: 1, Until: at.Add(lasts),
			})
			h.runWith("two/b", delivery.Config{Channels: []delivery.Channel{quick(x)}, Now: off(clocks[1])})
			p := h.await(b, "x-a", ledger.StateVerified)
			if p.Attempts != 2 || p.Claimant != "two/b" || time.Since(begun) < lasts {
				t.Errorf("after %v: %+v, want a second attempt by two/b after %v", time.Since(begun), p, lasts)
			}
			want(t, x, "1/1")
		})
	}
}

// TestANodeThatIsBehindPostsNothingExpired has an alert expire while its platform is busy, or
// takes its private first step, on a node whose clock is minutes behind.
func TestANodeThatIsBehindPostsNothingExpired(t *testing.T) {
	t.Parallel()
	// The broker's clock is known by its newest record, which was under way for as long as the
	// disk took.
	const lag = 5 * time.Second
	expiring := func(t *testing.T, channel string) *bulletintest.Alert {
		t.Helper()
		a := newAlert(t, channel)
		a.Expires = time.Now().Add(3 * time.Second).Truncate(time.Second)
		return a
	}
	ended := func(p ledger.PartState) bool {
		return p.State == ledger.StateExpired || p.State == ledger.StateVerified
	}
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		h, a := newHouse(t), expiring(t, "x-a")
		x := newPlatform("x-a")
		for range 1000 {
			x.then(func(p *platform, ctx context.Context, post adapters.Post) (adapters.Receipt, error) {
				if time.Now().Before(a.Expires.Add(lag)) {
					return refuse(adapters.NotSent, 0)(p, ctx, post)
				}
				return p.keep(post), nil
			})
		}
		h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(x)}, Now: off(-4 * time.Minute)})
		h.until(h.release(a.Next(t, alert.MsgAlert)), "x-a", "ended", ended)
		want(t, x)
	})
	t.Run("preparing", func(t *testing.T) {
		t.Parallel()
		h, a := newHouse(t), expiring(t, "instagram-a")
		p := &stagePlatform{platform: newPlatform("instagram-a")}
		p.preparer = func(ctx context.Context) error {
			select {
			case <-time.After(time.Until(a.Expires.Add(lag))):
			case <-ctx.Done():
			}
			return nil
		}
		h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(p)}, Now: off(-4 * time.Minute)})
		h.until(h.release(a.Next(t, alert.MsgAlert)), "instagram-a", "ended", ended)
		want(t, p.platform)
	})
}

// A dated platform dates its posts by the second.
type dated struct{ *platform }

func (d dated) Find(ctx context.Context, post adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	r, err := d.platform.Find(ctx, post, a)
	r.At = a.Since.Truncate(time.Second)
	return r, err
}

// TestAPostThatIsFoundIsDatedByItsAttempt has an answer lost, and the post found only after
// a while: that it was looked for so long is not how long it took.
func TestAPostThatIsFoundIsDatedByItsAttempt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(keepAndLose)
	x.hidden = 2 // it is found 120 ms after its fate became unknown
	h.run("one/a", quick(dated{x}))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	p := h.await(b, "x-a", ledger.StateVerified)
	if took := p.VerifiedAt.Sub(p.PostedAt); !p.Reconciled || p.PostedAt.Before(p.ReleasedAt) || took < 120*time.Millisecond {
		t.Errorf("released at %v, posted at %v, verified %v later: want it posted when it was sent", p.ReleasedAt, p.PostedAt, took)
	}
}
