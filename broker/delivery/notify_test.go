package delivery_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

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
