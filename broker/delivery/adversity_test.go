package delivery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
	"tocsin/broker/signing/signingtest"
)

func keepIt(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
	return p.keep(post), nil
}

// TestAnAnswerOutlivesTheBroker has the broker die while the platform answers, for
// longer than a node that is stopped would wait. The channel can't be searched: only
// this process knows what the platform said.
func TestAnAnswerOutlivesTheBroker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy   delivery.Unsearchable
		answer   func(*platform, context.Context, adapters.Post) (adapters.Receipt, error)
		attempts int
	}{
		"taken":     {delivery.PostAgain, keepIt, 1},
		"not_taken": {delivery.Hold, refuse(adapters.NotSent, 0), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, fail := newFailingHouse(t)
			x := newPlatform("x-a").then(func(p *platform, ctx context.Context, post adapters.Post) (adapters.Receipt, error) {
				fail(6 * time.Second)
				return c.answer(p, ctx, post)
			})
			x.blind = true
			ch := quick(x)
			ch.Unsearchable = c.policy
			h.run("one/a", ch)
			b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
			got := h.until(b, "x-a", "an end", func(p ledger.PartState) bool { return p.Final() })
			if got.State != ledger.StatePosted || got.Attempts != c.attempts {
				t.Errorf("%+v, want it posted at attempt %d", got, c.attempts)
			}
			want(t, x, "1/1")
		})
	}
}

// newFailingHouse returns a house whose broker is a program of its own, as it were, and
// how to have it fail for a while.
func newFailingHouse(t *testing.T) (h *house, fail func(time.Duration)) {
	t.Helper()
	crew := ledgertest.NewCrew(t)
	options := ledger.ServerOptions{Dir: t.TempDir(), Listen: claimAddress(t), Users: crew.Users}
	server, err := ledger.StartServer(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards server
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		server.Stop()
	})
	h = &house{t: t, url: "nats://" + options.Listen, crew: crew, officer: signingtest.Officer(t), police: signingtest.Police(t)}
	h.auth = signingtest.Authority(t, alert.RealmExercise, h.officer, h.police)
	// Only the broker's own process may make the streams.
	first, err := ledger.Open(t.Context(), ledger.Options{Server: server, Realm: "exercise", Create: true, Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	h.ledger = h.open("writer")
	return h, func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		server.Stop()
		time.AfterFunc(d, func() {
			mu.Lock()
			defer mu.Unlock()
			again, err := ledger.StartServer(context.Background(), options)
			if err != nil {
				t.Error(err)
				return
			}
			server = again
		})
	}
}

// claimAddress returns an address on which a broker is started and stopped again. The
// port before its own stays bound until the end of the test: whoever else looks for one
// this way, in another run too, passes it over.
func claimAddress(t *testing.T) string {
	t.Helper()
	const lowest, blocks, size = 16_000, 2_000, 8 // below the ports that the system gives away
	begin := rand.IntN(blocks)
	for n := range blocks {
		base := lowest + (begin+n)%blocks*size
		claim, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base))
		if err != nil {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", base+1)
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			t.Cleanup(func() { _ = claim.Close() })
			return address
		}
		_ = claim.Close()
	}
	t.Fatal("there are no free ports between 16000 and 32000")
	return ""
}

// TestNothingIsSentAfterALongPreparation has an alert expire, or a newer bulletin come,
// while the platform takes its private first step.
func TestNothingIsSentAfterALongPreparation(t *testing.T) {
	t.Parallel()
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		a := newAlert(t, "instagram-a")
		var c clock
		goOn := make(chan struct{})
		p := &stagePlatform{platform: newPlatform("instagram-a")}
		p.preparer = func(context.Context) error {
			<-goOn
			return nil
		}
		h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(p)}, Now: c.now})
		b := h.release(a.Next(t, alert.MsgAlert))
		h.until(b, "instagram-a", "an attempt", func(p ledger.PartState) bool { return p.Attempts == 1 })
		c.reach(a.Expires)
		close(goOn)
		if got := h.await(b, "instagram-a", ledger.StateExpired); got.Attempts != 1 {
			t.Errorf("%+v, want it to end after the attempt that was under way", got)
		}
		want(t, p.platform)
	})
	t.Run("superseded", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		begun, goOn := make(chan struct{}), make(chan struct{})
		p := &stagePlatform{platform: newPlatform("instagram-a")}
		var once sync.Once
		p.preparer = func(ctx context.Context) error {
			once.Do(func() {
				close(begun)
				<-goOn
			})
			return ctx.Err()
		}
		h.run("one/a", quick(p), quick(newPlatform("x-a")))
		a := newAlert(t, "instagram-a", "x-a")
		first := h.release(a.Next(t, alert.MsgAlert))
		<-begun
		h.until(first, "instagram-a", "an attempt", func(p ledger.PartState) bool { return p.Attempts == 1 })
		second := h.release(a.Next(t, alert.MsgUpdate))
		h.await(second, "x-a", ledger.StateVerified) // then the node knows of it
		close(goOn)
		h.await(first, "instagram-a", ledger.StateSuperseded)
		h.await(second, "instagram-a", ledger.StateVerified)
		want(t, p.platform, "2/1")
	})
}

// TestALaterAttemptLooksAgain has a platform show a post only after the settling time,
// when the next attempt waits for a person: that attempt must not send it again.
func TestALaterAttemptLooksAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(keepAndLose).then(refuse(adapters.Auth, 0))
	x.hidden = 1 << 20
	stop := h.run("one/a", quick(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateHeld)
	stop()
	x.show()
	h.run("one/b", quick(x))
	if got := h.await(b, "x-a", ledger.StateVerified); !got.Reconciled {
		t.Errorf("%+v, want it found", got)
	}
	want(t, x, "1/1")
}

// TestWhatAPlatformSaidIsNotUnsaid has somebody who can write to the broker take the
// attempt under way for lost, in the node's own name.
func TestWhatAPlatformSaidIsNotUnsaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var b *bulletin.Bulletin
	x := newPlatform("x-a").then(func(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
		for _, forged := range []ledger.Type{ledger.Unknown, ledger.Absent} {
			h.append(ledger.Record{
				Type: forged, Node: "one/a", Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Channel: "x-a", Part: 1, Reason: "forged",
			})
		}
		return p.keep(post), nil
	})
	x.blind = true // a look would find it
	ch := quick(x)
	ch.Unsearchable = delivery.PostAgain
	h.run("one/a", ch)
	b = newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.release(b)
	h.until(b, "x-a", "an end", func(p ledger.PartState) bool { return p.Final() })
	want(t, x, "1/1")
}

// TestARevocationWaitsForNoOtherAlert has all workers of a channel hang with other
// alerts.
func TestARevocationWaitsForNoOtherAlert(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(keepIt).then(hang).then(hang)
	stuck := quick(x)
	stuck.PublishTimeout, stuck.Workers = time.Minute, 2
	h.run("one/a", stuck)
	a := newAlert(t, "x-a")
	h.await(h.release(a.Next(t, alert.MsgAlert)), "x-a", ledger.StateVerified)
	for range 2 {
		other := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
		h.await(other, "x-a", ledger.StateAttempting)
	}
	h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)) // waits for a worker
	h.await(h.release(a.Next(t, alert.MsgCancel)), "x-a", ledger.StateVerified)
	want(t, x, "1/1", "2/1")
}

// TestAnIncarnationThatWasFollowedDoesNotSpin has a second process of the same node's
// name come up: the ledger takes no attempt of the first one any more.
func TestAnIncarnationThatWasFollowedDoesNotSpin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	h.append(ledger.Record{Type: ledger.NodeStarted, Node: "one/b"})
	begun := time.Now()
	h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	// However slow the machine is, that makes them come later. Each signature and each refusal
	// may have the lane look once more, so that they come in pairs.
	h.eventually("six attempts without effect", func(s *ledger.State) bool { return len(s.Voids) >= 6 })
	if took := time.Since(begun); took < time.Second {
		t.Errorf("six attempts without effect came within %v, want half a second between pairs of them", took)
	}
	want(t, x)
}

// TestAFloodOfSignaturesHoldsUpNoRelease puts signatures that do not hold before the
// one that releases.
func TestAFloodOfSignaturesHoldsUpNoRelease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	b, other := newAlert(t, "x-a").Next(t, alert.MsgAlert), newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(b)
	h.sign(b, h.officer)
	forged := string(h.police.Sign(t, b.Realm, other.Bytes()))
	for range 300 {
		h.append(ledger.Record{
			Type: ledger.Signature, Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Principal: h.police.Principal,
			Namespace: "police@exercise.tocsin", Armor: forged,
		})
	}
	h.sign(b, h.police)
	h.await(b, "x-a", ledger.StateVerified)
	want(t, x, "1/1")
}

// slowLook is a platform whose first look takes longer than the settling time, and did
// not see what was published before it.
type slowLook struct {
	*platform

	first sync.Once
}

func (s *slowLook) Find(ctx context.Context, post adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	missed := false
	s.first.Do(func() {
		missed = true
		slow, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		<-slow.Done()
	})
	if missed {
		return adapters.Receipt{}, adapters.ErrNotPublished
	}
	return s.platform.Find(ctx, post, a)
}

// TestASlowLookProvesNothing has a look begin before the settling time is over and end
// after it: what it did not find may have come since.
func TestASlowLookProvesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := &slowLook{platform: newPlatform("x-a").then(keepAndLose)}
	h.run("one/a", quick(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	if p := h.await(b, "x-a", ledger.StateVerified); p.Attempts != 1 || !p.Reconciled {
		t.Errorf("%d attempts, found: %v; want one, which is found", p.Attempts, p.Reconciled)
	}
	want(t, x.platform, "1/1")
}
