package delivery_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
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

// A desk is where a recipient is told. It fails as often as it is told to.
type desk struct {
	name  string
	mu    sync.Mutex
	fails int
	told  []adapters.Notification
}

func (d *desk) Name() string { return d.name }

func (d *desk) Notify(_ context.Context, n adapters.Notification) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails > 0 {
		d.fails--
		return adapters.Fail(adapters.Unknown, "nobody there")
	}
	d.told = append(d.told, n)
	return nil
}

func (d *desk) heard() (all []adapters.Notification) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told)
}

// awaitTold waits for the record that a recipient was told of a bulletin.
func (h *glassHouse) awaitTold(b *bulletin.Bulletin, whom string) {
	h.t.Helper()
	for {
		changed, told := h.ledger.Changed(), false
		h.ledger.View(func(s *ledger.State) { told = s.Alerts[string(b.Alert)].WasTold(whom, b.SHA256()) })
		if told {
			return
		}
		select {
		case <-h.t.Context().Done():
			h.t.Fatalf("%s was not told", whom)
		case <-changed:
		}
	}
}

// TestWhoMustKnowIsToldAtOnce releases break-glass: whom the policy names is told, though
// nobody answers at first, and nobody else; a node that is started again tells nobody twice.
// Then the police stop it, and all are told.
func TestWhoMustKnowIsToldAtOnce(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t, signingtest.Breakglass)
	x := newPlatform("x-a")
	questura, room := &desk{name: "questura", fails: 1}, &desk{name: "sala"}
	node := delivery.Config{Channels: []delivery.Channel{quick(x)}, Notifiers: []adapters.Notifier{questura, room}}
	stop := h.runWith("one/a", node)
	ordinary, b := h.broken(alert.WayPhone)
	if h.sign(ordinary, h.director); len(questura.heard()) > 0 {
		t.Fatal("they were told of what was not released")
	}
	h.hand(b)
	h.sign(b, h.officer, h.director)
	h.awaitTold(b, "questura")
	told := questura.heard()
	if len(told) != 1 || told[0].Occasion != adapters.OccasionBreakglass || told[0].Why != b.Breakglass.Why || told[0].SHA256 != b.SHA256() || len(told[0].Signers) != 2 ||
		!strings.HasPrefix(told[0].Text["it"], "ESERCITAZIONE. Emissione d'emergenza "+b.Mark()) || !strings.HasPrefix(told[0].Text["en"], "EXERCISE. Break-glass "+b.Mark()) {
		t.Errorf("the police were told %+v", told)
	}
	h.await(b, "x-a", ledger.StateVerified)
	stop()
	h.runWith("one/b", node)
	revocation := b.Prepared(bulletin.Revocation)
	h.hand(revocation)
	h.sign(revocation, h.police)
	h.awaitTold(revocation, "questura")
	h.awaitTold(revocation, "sala")
	if told := room.heard(); len(told) != 1 || told[0].Occasion != adapters.OccasionStop || !strings.Contains(told[0].Text["it"], h.police.Principal) {
		t.Errorf("the room was told %+v, want of the revocation alone", told)
	}
	if told := questura.heard(); len(told) != 2 {
		t.Errorf("the police were told %d times, want once of each", len(told))
	}
	if r := h.read(); !r.OK {
		t.Errorf("the auditor says %+v", r)
	}
}

// TestTheReleasingPolicySaysWhoIsTold has a later version of the key ring name somebody else: who had to
// know of a release stays who had to.
func TestTheReleasingPolicySaysWhoIsTold(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t, signingtest.Breakglass)
	policy := string(signing.DefaultPolicy()) + "\n" + signingtest.Breakglass
	first := signingtest.VersionWith(t, alert.RealmExercise, nil, nil, []byte(policy), h.officer, h.director, h.police)
	second := signingtest.VersionWith(t, alert.RealmExercise, first, nil, []byte(strings.Replace(policy, "[questura]", "[sala]", 1)), h.officer, h.director, h.police)
	rings, err := signing.NewHistory(first, alert.RealmExercise)
	if err != nil {
		t.Fatal(err)
	}
	h.accept(first)
	_, b := h.broken(alert.WayPhone)
	h.hand(b)
	h.sign(b, h.officer, h.director)
	h.accept(second)
	verdicts, err := delivery.Judge(t.Context(), h.ledger, rings, string(b.Alert))
	if v := verdicts[b.SHA256()]; err != nil || !v.Released || !slices.Equal(v.ToBeTold, []string{"questura"}) {
		t.Errorf("released %v (%v), to be told %q; want questura", v.Released, err, v.ToBeTold)
	}
	if rules, _ := rings.Newest().Policy.Breakglass(); !slices.Equal(rules.Notify, []string{"sala"}) {
		t.Errorf("the version in force names %q, want sala", rules.Notify)
	}
}

// A deaf desk answers with an error at once, and says when it was asked for what.
type deafDesk struct{ asked chan string }

func (d *deafDesk) Name() string { return "questura" }

func (d *deafDesk) Notify(_ context.Context, n adapters.Notification) error {
	d.asked <- n.SHA256
	return adapters.Fail(adapters.NotSent, "nobody there")
}

// TestWhoIsNotThereIsAskedSeldom releases break-glass when a recipient answers with an error at
// once, and then stops it: of each they are told again after a while, and the failure of the
// one does not keep the other from being tried.
func TestWhoIsNotThereIsAskedSeldom(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t, signingtest.Breakglass)
	x := newPlatform("x-a")
	questura := &deafDesk{make(chan string)}
	h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(x)}, Notifiers: []adapters.Notifier{questura}})
	_, b := h.broken(alert.WayPhone)
	h.hand(b)
	h.sign(b, h.officer, h.director)
	revocation := b.Prepared(bulletin.Revocation)
	h.hand(revocation)
	h.sign(revocation, h.police)
	first := map[string]time.Time{}
	again := map[string]bool{}
	for len(again) < 2 {
		digest := <-questura.asked
		if at, ok := first[digest]; !ok {
			first[digest] = time.Now()
		} else if waited := time.Since(at); !again[digest] && waited < 600*time.Millisecond {
			t.Fatalf("they were asked again after %v", waited)
		} else {
			again[digest] = true
		}
	}
}

// TestNobodyIsCalledForALedgerThatIsNotTrusted releases an ordinary alert in a ledger that is
// not to be trusted: nothing says that somebody must be called.
func TestNobodyIsCalledForALedgerThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	calls := &callsForHelp{}
	h.log = slog.New(slog.NewJSONHandler(calls, nil))
	room := &desk{name: "sala"}
	stop := h.runWith("one/a", delivery.Config{
		Channels: []delivery.Channel{quick(newPlatform("x-a"))}, Notifiers: []adapters.Notifier{room}, Trusted: func() error { return errors.New("it was changed") },
	})
	for range 3 {
		if b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)); !h.released(b) {
			t.Fatal("it is not released")
		}
	}
	stop()
	if n := calls.Load(); n > 0 {
		t.Errorf("the log says %d times that somebody could not be told", n)
	}
}

// callsForHelp is a log that counts the lines which say that somebody could not be told.
type callsForHelp struct{ atomic.Int64 }

func (c *callsForHelp) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "could not be told") {
		c.Add(1)
	}
	return len(line), nil
}

// TestARatificationIsTold has the police ratify what was released without them.
func TestARatificationIsTold(t *testing.T) {
	t.Parallel()
	h := newGlassHouse(t, signingtest.Breakglass)
	x := newPlatform("x-a")
	room := &desk{name: "sala"}
	h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(x)}, Notifiers: []adapters.Notifier{room}})
	_, b := h.broken(alert.WayPhone)
	h.hand(b)
	h.sign(b, h.officer, h.director)
	h.await(b, "x-a", ledger.StateVerified)
	ratified := b.Prepared(bulletin.Ratification)
	h.hand(ratified)
	h.sign(ratified, h.police)
	h.awaitTold(ratified, "sala")
	if told := room.heard(); len(told) != 1 || told[0].Occasion != adapters.OccasionRatified {
		t.Errorf("told %+v, want of the ratification alone", told)
	}
}
