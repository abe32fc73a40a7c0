package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// A stagePlatform is a platform whose posts are made in two steps. Its channel knows by the
// name of what was prepared for which post that was.
type stagePlatform struct {
	*platform

	stage    sync.Mutex
	made     int
	used     []string // what Publish was handed
	texts    map[string]string
	preparer func(context.Context) error
}

func (p *stagePlatform) Prepare(ctx context.Context, post adapters.Post) (string, error) {
	if p.preparer != nil {
		if err := p.preparer(ctx); err != nil {
			return "", err
		}
	}
	p.stage.Lock()
	defer p.stage.Unlock()
	p.made++
	name := fmt.Sprint("container-", p.made)
	if p.texts == nil {
		p.texts = map[string]string{}
	}
	p.texts[name] = post.Text
	return name, nil
}

func (p *stagePlatform) Publish(ctx context.Context, post adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	p.stage.Lock()
	p.used = append(p.used, a.Prepared)
	own := p.texts[a.Prepared] == post.Text
	p.stage.Unlock()
	if !own {
		return adapters.Receipt{}, adapters.Fail(adapters.NotSent, "another post's: %w", adapters.ErrPreparedDead)
	}
	return p.platform.Publish(ctx, post, a)
}

func (p *stagePlatform) seen() (made int, used string) {
	p.stage.Lock()
	defer p.stage.Unlock()
	return p.made, fmt.Sprint(p.used)
}

// TestTheFirstSignaturePrepares has the private step done while the co-signer reads,
// also by a node that was started in between, and nothing of it before a signature.
func TestTheFirstSignaturePrepares(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &stagePlatform{platform: newPlatform("instagram-a")}
	stop := h.run("one/a", quick(p))
	b := newAlert(t, "instagram-a").Next(t, alert.MsgAlert)
	h.hand(b)
	h.sign(b, h.officer)
	got := h.until(b, "instagram-a", "prepared", func(p ledger.PartState) bool { return p.Prepared != "" })
	if got.State != ledger.StatePending || got.Attempts != 0 {
		t.Errorf("%+v, want it pending without an attempt", got)
	}
	stop()
	h.run("one/b", quick(p))
	h.sign(b, h.police)
	h.await(b, "instagram-a", ledger.StateVerified)
	if made, used := p.seen(); made != 1 || used != "[container-1]" {
		t.Errorf("%d were prepared and %s published, want the first one alone", made, used)
	}
}

// TestNothingIsPreparedUnsigned hands in a bulletin and a signature that does not
// count, and then another alert, whose preparation shows that the node has been there.
func TestNothingIsPreparedUnsigned(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &stagePlatform{platform: newPlatform("instagram-a")}
	h.run("one/a", quick(p))
	unsigned, signed := newAlert(t, "instagram-a").Next(t, alert.MsgAlert), newAlert(t, "instagram-a").Next(t, alert.MsgAlert)
	h.hand(unsigned)
	h.append(ledger.Record{
		Type: ledger.Signature, Alert: string(unsigned.Alert), Number: 1, SHA256: unsigned.SHA256(), Principal: h.officer.Principal,
		Namespace: "officer@exercise.tocsin", Armor: string(h.officer.Sign(t, unsigned.Realm, signed.Bytes())),
	})
	h.hand(signed)
	h.sign(signed, h.officer)
	h.until(signed, "instagram-a", "prepared", func(p ledger.PartState) bool { return p.Prepared != "" })
	if got := h.part(unsigned, "instagram-a"); got.Prepared != "" {
		t.Errorf("%+v: it was prepared without a signature that counts", got)
	}
	if made, _ := p.seen(); made != 1 {
		t.Errorf("%d were prepared, want 1", made)
	}
}

// TestAPreparationThatFailsIsMadeAgain has the step before the release fail: the
// attempt makes it for itself.
func TestAPreparationThatFailsIsMadeAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tried := make(chan struct{}, 8)
	p := &stagePlatform{platform: newPlatform("instagram-a")}
	var once sync.Once
	p.preparer = func(context.Context) (err error) {
		once.Do(func() { err = adapters.Fail(adapters.NotSent, "not now") })
		tried <- struct{}{}
		return err
	}
	h.run("one/a", quick(p))
	b := newAlert(t, "instagram-a").Next(t, alert.MsgAlert)
	h.hand(b)
	h.sign(b, h.officer)
	<-tried
	h.sign(b, h.police)
	if got := h.await(b, "instagram-a", ledger.StateVerified); got.Attempts != 1 || got.Prepared != "container-1" {
		t.Errorf("%+v, want one attempt with container-1", got)
	}
}

// TestWhoeverIsRevokedMeanwhileSendsNothing revokes the key of one who signed while the
// first step of the attempt is under way: the second one is not taken.
func TestWhoeverIsRevokedMeanwhileSendsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := signingtest.Version(t, alert.RealmExercise, nil, nil, h.officer, h.police)
	second := signingtest.Version(t, alert.RealmExercise, first, []*signingtest.Person{h.police}, h.officer)
	rings, err := signing.NewHistory(first, alert.RealmExercise)
	if err != nil {
		t.Fatal(err)
	}
	h.accept(first)
	begun, goOn := make(chan struct{}, 8), make(chan struct{})
	p := &stagePlatform{platform: newPlatform("instagram-a")}
	p.preparer = func(ctx context.Context) error {
		begun <- struct{}{}
		select {
		case <-goOn:
			return nil
		case <-ctx.Done():
			return adapters.Fail(adapters.NotSent, "%w", ctx.Err())
		}
	}
	h.runWith("one/a", delivery.Config{Rings: rings, Channels: []delivery.Channel{quick(p)}})
	b := newAlert(t, "instagram-a").Next(t, alert.MsgAlert)
	h.release(b)
	<-begun
	h.until(b, "instagram-a", "an attempt", func(p ledger.PartState) bool { return p.Attempts == 1 })
	h.accept(second)
	h.versionInForce(rings, 2)
	close(goOn)
	h.until(b, "instagram-a", "not sent", func(p ledger.PartState) bool { return p.State != ledger.StateAttempting })
	if got := p.published(); got != 0 {
		t.Errorf("%d posts were sent with a signature that does not stand any more", got)
	}
}

// versionInForce waits until a node's history has come to a version.
func (h *house) versionInForce(rings *signing.History, number int) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 30_000 {
		if v, _ := rings.Version(); v.Meta.Version == number {
			return
		}
		<-tick.C
	}
	h.t.Fatalf("version %d does not come into force", number)
}

// TestAReleaseWaitsForThePreparationUnderWay releases while the first step is under
// way: no second one is begun.
func TestAReleaseWaitsForThePreparationUnderWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	p := &stagePlatform{platform: newPlatform("instagram-a")}
	p.preparer = func(ctx context.Context) error {
		close(begun) // a second call would panic
		select {
		case <-goOn:
			return nil
		case <-ctx.Done():
			return adapters.Fail(adapters.NotSent, "%w", ctx.Err())
		}
	}
	h.run("one/a", quick(p))
	b := newAlert(t, "instagram-a").Next(t, alert.MsgAlert)
	h.hand(b)
	h.sign(b, h.officer)
	<-begun
	h.sign(b, h.police)
	h.until(b, "instagram-a", "an attempt", func(p ledger.PartState) bool { return p.Attempts == 1 })
	close(goOn)
	h.await(b, "instagram-a", ledger.StateVerified)
	if made, used := p.seen(); made != 1 || used != "[container-1]" {
		t.Errorf("%d were prepared and %s published, want the first one alone", made, used)
	}
	h.ledger.View(func(s *ledger.State) {
		if len(s.Voids) > 0 {
			t.Errorf("records without effect: %+v", s.Voids)
		}
	})
}

// TestAnotherChannelsRecordFindsThePreparationUnderWay has another channel's record begin the
// attempt while the first step that was begun ahead is still under way, and before the channel's
// own worker has looked: what it publishes is what the ledger names as prepared, no other.
func TestAnotherChannelsRecordFindsThePreparationUnderWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun, goOn := make(chan struct{}, 8), make(chan struct{})
	prepares := &stagePlatform{platform: newPlatform("instagram-a")}
	prepares.preparer = func(context.Context) error {
		begun <- struct{}{}
		<-goOn
		return nil
	}
	free := make(chan struct{})
	records := newPlatform("telegram-a").then(func(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
		<-free
		return p.keep(post), nil
	})
	var armed atomic.Bool
	asked, answer := make(chan struct{}), make(chan error)
	slow := func(p adapters.Channel) delivery.Channel {
		ch := quick(p)
		ch.PublishTimeout, ch.Workers = time.Minute, 1
		return ch
	}
	h.runWith("one/a", delivery.Config{
		Channels: []delivery.Channel{slow(records), slow(prepares)},
		// A worker that is about to begin asks this; others who ask are let go.
		Trusted: func() error {
			if !bytes.Contains(debug.Stack(), []byte("(*lane).carry(")) || !armed.CompareAndSwap(true, false) {
				return nil
			}
			asked <- struct{}{}
			return <-answer
		},
	})
	earlier := h.release(newAlert(t, "telegram-a").Next(t, alert.MsgAlert)) // keeps the other channel's worker
	h.await(earlier, "telegram-a", ledger.StateAttempting)
	b := newAlert(t, "instagram-a", "telegram-a").Next(t, alert.MsgAlert)
	h.hand(b)
	h.sign(b, h.officer)
	<-begun
	armed.Store(true)
	h.sign(b, h.police)
	<-asked // the channel's own worker has read that nobody has begun
	close(free)
	h.await(earlier, "telegram-a", ledger.StateVerified)
	h.await(b, "telegram-a", ledger.StateVerified)
	if got := h.part(b, "instagram-a"); got.State != ledger.StateAttempting || got.Prepared != "" {
		t.Fatalf("%+v, want the other channel's record to begin the attempt", got)
	}
	armed.Store(true)
	answer <- errors.New("for once") // it looks again, and finds the attempt begun
	<-asked
	answer <- nil
	close(goOn)
	h.await(b, "instagram-a", ledger.StateVerified)
	if made, used := prepares.seen(); made != 1 || used != "[container-1]" {
		t.Errorf("%d were prepared and %s published, want the first one alone", made, used)
	}
}

// TestWhatWasOnlyPreparedIsRefused has two first bulletins of one alert wait, both
// prepared: when one is released, the other has no place any more, and the ledger says so.
func TestWhatWasOnlyPreparedIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.run("one/a", quick(&stagePlatform{platform: newPlatform("instagram-a")}))
	a := newAlert(t, "instagram-a")
	again := *a
	again.Composed = a.Composed.Add(-time.Second)
	first, second := a.Next(t, alert.MsgAlert), again.Next(t, alert.MsgAlert)
	for _, b := range []*bulletin.Bulletin{first, second} {
		h.hand(b)
		h.sign(b, h.officer)
		h.until(b, "instagram-a", "prepared", func(p ledger.PartState) bool { return p.Prepared != "" })
	}
	h.sign(first, h.police)
	h.await(first, "instagram-a", ledger.StateVerified)
	for refused := false; !refused; {
		changed := h.ledger.Changed()
		h.ledger.View(func(s *ledger.State) {
			r := s.Alerts[string(second.Alert)].Bulletin(second.SHA256()).Refusal
			refused = r != nil && r.Class == ledger.ClassChain
		})
		if !refused {
			select {
			case <-changed:
			case <-time.After(20 * time.Second):
				t.Fatal("the bulletin that was passed is not refused")
			}
		}
	}
}

// TestWhatOthersSayWasPreparedIsPreparedAnew has somebody with the credential of the channel's
// adapter write that what was prepared for one bulletin is another one's.
func TestWhatOthersSayWasPreparedIsPreparedAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &stagePlatform{platform: newPlatform("instagram-a")}
	stop := h.run("one/a", quick(p))
	refused, released := newAlert(t, "instagram-a").Next(t, alert.MsgAlert), newAlert(t, "instagram-a").Next(t, alert.MsgAlert)
	var names []string
	for _, b := range []*bulletin.Bulletin{refused, released} {
		h.hand(b)
		h.sign(b, h.officer)
		names = append(names, h.until(b, "instagram-a", "prepared", func(p ledger.PartState) bool { return p.Prepared != "" }).Prepared)
	}
	stop()
	h.append(ledger.Record{
		Type: ledger.Prepared, Alert: string(released.Alert), Number: 1, SHA256: released.SHA256(), Channel: "instagram-a", Part: 1, Prepared: names[0],
	})
	h.run("one/b", quick(p))
	h.sign(released, h.police)
	got := h.await(released, "instagram-a", ledger.StateVerified)
	if made, used := p.seen(); made != 3 || used != "[container-1 container-3]" || got.Attempts != 2 {
		t.Errorf("%d were prepared and %s handed over in %d attempts, want the forged one refused and a third one published", made, used, got.Attempts)
	}
}
