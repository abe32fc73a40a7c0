package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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

func TestASignedAlertReachesEveryChannelOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a")
	h.run("one/a", quick(x), quick(tg))
	b := h.release(newAlert(t, "x-a", "telegram-a").Next(t, alert.MsgAlert))
	for _, p := range []*platform{x, tg} {
		got := h.await(b, p.name, ledger.StateVerified)
		want(t, p, "1/1")
		if got.Attempts != 1 || got.PostID != "1" || got.Reconciled || got.ReleasedAt.IsZero() {
			t.Errorf("%s: %+v, want one attempt, post 1, answered, with the moment of release", p.name, got)
		}
	}
	// Both first attempts stand in one record.
	var attempts int64
	h.ledger.View(func(s *ledger.State) { attempts = s.Last["ledger.alert."+string(b.Alert)+".attempt"] })
	if p := h.part(b, "x-a"); p.ClaimSeq != attempts {
		t.Errorf("the attempt on x-a is record %d, the last attempt record is %d", p.ClaimSeq, attempts)
	}
}

// TestAPostIsLocatedWhenItIsReadBack has a platform that tells a post's address only
// of a post that is public: the record of its publication waits for nothing.
func TestAPostIsLocatedWhenItIsReadBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	x.hidden = 1
	h.run("one/a", patient(quick(locator{x})))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	if p := h.await(b, "x-a", ledger.StatePosted); p.PostID != "1" || p.URL != "https://fake.example/1" {
		t.Errorf("posted: %+v, want post 1 at the address of the receipt", p)
	}
	if p := h.await(b, "x-a", ledger.StateVerified); p.URL != "https://fake.example/posts/1" {
		t.Errorf("verified: it is at %s, want the post's own address", p.URL)
	}
}

// TestNothingIsSentWithoutTheSignatures hands in what lacks one thing each.
func TestNothingIsSentWithoutTheSignatures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))

	alone := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(alone)
	h.sign(alone, h.officer)

	twice := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(twice)
	h.sign(twice, h.officer, h.officer)

	// The police signed another bulletin, and the record says that it was this one.
	other := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	swapped := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(swapped)
	h.sign(swapped, h.officer)
	h.append(ledger.Record{
		Type: ledger.Signature, Alert: string(swapped.Alert), Number: 1, SHA256: swapped.SHA256(), Principal: h.police.Principal,
		Namespace: signing.Namespace(h.police.Role, alert.RealmExercise), Armor: string(h.police.Sign(t, alert.RealmExercise, other.Bytes())),
	})
	// A live signature on an exercise.
	live := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(live)
	h.sign(live, h.officer)
	h.append(ledger.Record{
		Type: ledger.Signature, Alert: string(live.Alert), Number: 1, SHA256: live.SHA256(), Principal: h.police.Principal,
		Namespace: signing.Namespace(h.police.Role, alert.RealmLive), Armor: string(h.police.Sign(t, alert.RealmLive, live.Bytes())),
	})
	// What comes last is released: the others had their chance before it.
	good := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(good, "x-a", ledger.StateVerified)
	want(t, x, "1/1")

	// The two signatures that do not hold are refused in the ledger, once each.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		changed := h.ledger.Changed()
		var rejected int
		h.ledger.View(func(s *ledger.State) { rejected = s.Rejected })
		if rejected == 2 {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d refusals are in the ledger, want 2", rejected)
		case <-changed:
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	type script = func(*platform, context.Context, adapters.Post) (adapters.Receipt, error)
	for name, c := range map[string]struct {
		script     []script
		set        func(*platform)
		late       bool // it comes to light, if not at once
		policy     delivery.Unsearchable
		state      ledger.DeliveryState
		attempts   int
		reconciled bool
		live       []string
	}{
		"throttled_twice_then_taken": {script: []script{refuse(adapters.NotSent, 10*time.Millisecond), refuse(adapters.NotSent, 0)}, state: ledger.StateVerified, attempts: 3, live: []string{"1/1"}},
		"kept_and_the_answer_lost":   {script: []script{keepAndLose}, late: true, state: ledger.StateVerified, attempts: 1, reconciled: true, live: []string{"1/1"}},
		"kept_lost_and_shown_late":   {script: []script{keepAndLose}, set: func(p *platform) { p.hidden = 2 }, late: true, state: ledger.StateVerified, attempts: 1, reconciled: true, live: []string{"1/1"}},
		"request_and_answer_lost":    {script: []script{loseBoth}, state: ledger.StateVerified, attempts: 2, live: []string{"1/1"}},
		"the_platform_says_duplicate": {script: []script{func(p *platform, ctx context.Context, q adapters.Post) (adapters.Receipt, error) {
			p.keep(q)
			return refuse(adapters.Duplicate, 0)(p, ctx, q)
		}}, state: ledger.StateVerified, attempts: 1, reconciled: true, live: []string{"1/1"}},
		"an_error_that_nobody_classified": {script: []script{func(p *platform, _ context.Context, q adapters.Post) (adapters.Receipt, error) {
			p.keep(q)
			return adapters.Receipt{}, errors.New("?")
		}}, state: ledger.StateVerified, attempts: 1, reconciled: true, live: []string{"1/1"}},
		"refused_for_good":           {script: []script{refuse(adapters.Permanent, 0)}, state: ledger.StateFailed, attempts: 1},
		"the_credential_is_gone":     {script: []script{refuse(adapters.Auth, 0)}, state: ledger.StateHeld, attempts: 1},
		"the_budget_is_gone":         {script: []script{refuse(adapters.Quota, 0)}, state: ledger.StateHeld, attempts: 1},
		"the_budget_comes_back":      {script: []script{refuse(adapters.Quota, 30*time.Millisecond)}, state: ledger.StateVerified, attempts: 2, live: []string{"1/1"}},
		"shown_late":                 {set: func(p *platform) { p.hidden = 2 }, late: true, state: ledger.StateVerified, attempts: 1, live: []string{"1/1"}},
		"altered_by_the_platform":    {set: func(p *platform) { p.altered = true }, state: ledger.StateFailed, attempts: 1, live: []string{"1/1"}},
		"never_shown":                {set: func(p *platform) { p.hidden = 1000 }, state: ledger.StateFailed, attempts: 1, live: []string{"1/1"}},
		"nobody_can_look_hold":       {script: []script{keepAndLose}, set: func(p *platform) { p.blind = true }, state: ledger.StateHeld, attempts: 1, live: []string{"1/1"}},
		"nobody_can_look_post_again": {script: []script{loseBoth}, set: func(p *platform) { p.blind = true }, policy: delivery.PostAgain, state: ledger.StatePosted, attempts: 2, live: []string{"1/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x := newPlatform("x-a")
			for _, s := range c.script {
				x.then(s)
			}
			if c.set != nil {
				c.set(x)
			}
			ch := quick(x)
			ch.Unsearchable = c.policy
			if c.late {
				ch = patient(ch)
			}
			h.run("one/a", ch)
			b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
			got := h.until(b, "x-a", "the end", func(p ledger.PartState) bool { return p.Final() })
			if got.State != c.state || got.Attempts != c.attempts || got.Reconciled != c.reconciled {
				t.Errorf("ended as %s after %d attempts, reconciled %v (%s); want %s after %d, %v",
					got.State, got.Attempts, got.Reconciled, got.Reason, c.state, c.attempts, c.reconciled)
			}
			want(t, x, c.live...)
			var voids []ledger.Void
			h.ledger.View(func(s *ledger.State) { voids = s.Voids })
			if len(voids) > 0 {
				t.Errorf("records without effect: %+v", voids)
			}
		})
	}
}

func TestAHangingChannelDelaysNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a").then(hang)
	stuck := quick(tg)
	stuck.PublishTimeout = time.Minute
	stop := h.run("one/a", quick(x), stuck)
	for range 3 {
		b := h.release(newAlert(t, "x-a", "telegram-a").Next(t, alert.MsgAlert))
		h.await(b, "x-a", ledger.StateVerified)
	}
	if got := x.published(); got != 3 {
		t.Errorf("x-a was called %d times, want 3", got)
	}
	stop()
}

// TestARetryIsNotLostBehindAQueue has an alert wait for its next attempt while
// another one waits for the only worker.
func TestARetryIsNotLostBehindAQueue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(refuse(adapters.NotSent, 0)).then(refuse(adapters.NotSent, 0)).then(refuse(adapters.NotSent, 0))
	alone := quick(x)
	alone.Workers = 1
	var all []*bulletin.Bulletin
	for range 4 {
		all = append(all, h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)))
	}
	h.run("one/a", alone)
	for _, b := range all {
		h.await(b, "x-a", ledger.StateVerified)
	}
}

// TestANewerBulletinSupersedesAnUndeliveredOne has a channel down while the
// update is released.
func TestANewerBulletinSupersedesAnUndeliveredOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(refuse(adapters.NotSent, 2*time.Second))
	h.run("one/a", quick(x))
	a := newAlert(t, "x-a")
	first := h.release(a.Next(t, alert.MsgAlert))
	h.until(first, "x-a", "one attempt in vain", func(p ledger.PartState) bool { return p.State == ledger.StatePending && p.Attempts == 1 })
	second := h.release(a.Next(t, alert.MsgUpdate))
	h.await(first, "x-a", ledger.StateSuperseded)
	h.await(second, "x-a", ledger.StateVerified)
	want(t, x, "2/1")
}

// TestACancelNeverOvertakes holds the alert's fate open while the cancel is
// released: the cancel waits until it is known that the alert is public.
// TestEachBulletinAnswersTheOneBeforeIt has an alert, an update and a revocation on two
// channels, one of which did not show the update.
func TestEachBulletinAnswersTheOneBeforeIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a")
	ok := func(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
		return p.keep(post), nil
	}
	tg.then(ok).then(refuse(adapters.Permanent, 0))
	h.run("one/a", quick(x), quick(tg))
	alerts := newAlert(t, "x-a", "telegram-a")
	for _, kind := range []alert.MsgType{alert.MsgAlert, alert.MsgUpdate, alert.MsgCancel} {
		b := h.release(alerts.Next(t, kind))
		h.await(b, "x-a", ledger.StateVerified)
		h.until(b, "telegram-a", "an end", func(p ledger.PartState) bool { return p.Final() })
	}
	other := h.release(newAlert(t, "x-a", "telegram-a").Next(t, alert.MsgAlert))
	h.await(other, "x-a", ledger.StateVerified)
	h.await(other, "telegram-a", ledger.StateVerified)
	for p, want := range map[*platform][]string{x: {"", "1", "2", ""}, tg: {"", "1", "1", ""}} {
		p.mu.Lock()
		if !slices.Equal(p.answers, want) {
			t.Errorf("%s: the posts answer %q, want %q", p.name, p.answers, want)
		}
		p.mu.Unlock()
	}
}

func TestACancelNeverOvertakes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(keepAndLose)
	x.hidden = 1 << 20
	h.run("one/a", patient(quick(x)))
	a := newAlert(t, "x-a")
	first := h.release(a.Next(t, alert.MsgAlert))
	h.await(first, "x-a", ledger.StateUnknown)
	cancel := h.release(a.Next(t, alert.MsgCancel))
	x.show()
	h.await(cancel, "x-a", ledger.StateVerified)
	if p := h.part(first, "x-a"); p.PostID == "" || !p.Reconciled {
		t.Errorf("the alert is %+v, want found", p)
	}
	want(t, x, "1/1", "2/1")
}

func TestAnExpiredAlertIsNeverPosted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := newAlert(t, "x-a")
	var c clock
	x := newPlatform("x-a").then(func(p *platform, ctx context.Context, post adapters.Post) (adapters.Receipt, error) {
		c.reach(a.Expires.Add(-500 * time.Millisecond))
		return refuse(adapters.NotSent, time.Hour)(p, ctx, post)
	})
	h.runWith("one/a", delivery.Config{Channels: []delivery.Channel{quick(x)}, Now: c.now})
	b := h.release(a.Next(t, alert.MsgAlert))
	got := h.await(b, "x-a", ledger.StateExpired)
	if got.Attempts != 1 {
		t.Errorf("%d attempts, want 1", got.Attempts)
	}
	want(t, x)
}

// TestARestartTakesUpWhatWasLeft stops a node that hangs in the middle of a post
// and starts it again.
func TestARestartTakesUpWhatWasLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kept     bool
		attempts int
	}{"the_platform_had_it": {true, 1}, "the_platform_had_it_not": {false, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x := newPlatform("x-a")
			b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
			h.release(b)
			// A node that died: its intent is on disk, and nothing after it.
			h.intend("one/a", b, time.Now().Add(time.Hour))
			if c.kept {
				x.keep(b.For("x-a")[0])
			}
			h.run("one/b", quick(x))
			got := h.await(b, "x-a", ledger.StateVerified)
			if got.Attempts != c.attempts || got.Reconciled != c.kept {
				t.Errorf("%d attempts, reconciled %v; want %d, %v", got.Attempts, got.Reconciled, c.attempts, c.kept)
			}
			want(t, x, "1/1")
		})
	}
}

func TestWhatWasHeldIsTriedAgainAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(refuse(adapters.Auth, 0))
	stop := h.run("one/a", quick(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateHeld)
	stop()
	h.run("one/b", quick(x))
	h.await(b, "x-a", ledger.StateVerified)
	want(t, x, "1/1")
}

// TestWhatMayBePublicStaysHeldAfterARestart has a post whose fate nobody can find
// out: a restart is no answer, and must not send it a second time.
func TestWhatMayBePublicStaysHeldAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(keepAndLose)
	x.blind = true
	stop := h.run("one/a", quick(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateHeld)
	stop()
	h.run("one/b", quick(x))
	// A later alert has been through all of it when the older one could have been.
	later := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.until(later, "x-a", "an end", func(p ledger.PartState) bool { return p.Final() })
	if p := h.part(b, "x-a"); p.State != ledger.StateHeld || p.Attempts != 1 {
		t.Errorf("%+v, want it held after one attempt", p)
	}
}

// TestWhatMayBePublicIsNeverCalledUnpublished has a post whose fate nobody could find
// out, and then its time ends. Whether the policy held it or sent it again in vain,
// the ledger does not say that it was not published: a person has to look.
func TestWhatMayBePublicIsNeverCalledUnpublished(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy delivery.Unsearchable
		waits  ledger.DeliveryState // what the post is when its time ends
		newer  bool                 // a newer bulletin ends it, not the clock
		says   string
	}{
		"held_and_a_newer_bulletin":       {delivery.Hold, ledger.StateHeld, true, "a newer bulletin of this alert was released since"},
		"held_and_expired":                {delivery.Hold, ledger.StateHeld, false, "the alert has expired since"},
		"sent_again_and_a_newer_bulletin": {delivery.PostAgain, ledger.StatePending, true, "a newer bulletin of this alert was released since"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x := newPlatform("x-a").then(keepAndLose).then(refuse(adapters.NotSent, time.Minute))
			x.blind = true
			ch := quick(x)
			ch.Unsearchable = c.policy
			stop := h.run("one/a", ch)
			a := newAlert(t, "x-a")
			b := h.release(a.Next(t, alert.MsgAlert))
			h.until(b, "x-a", "its wait", func(p ledger.PartState) bool { return p.State == c.waits && p.Doubtful })
			if c.newer {
				h.release(a.Next(t, alert.MsgUpdate))
			} else {
				stop()
				var c clock
				c.reach(a.Expires)
				h.runWith("one/b", delivery.Config{Channels: []delivery.Channel{ch}, Now: c.now})
			}
			got := h.await(b, "x-a", ledger.StateFailed)
			if got.Class != adapters.Unknown.String() || !strings.Contains(got.Reason, c.says) || !strings.Contains(got.Reason, "look at the channel by hand") {
				t.Errorf("it ended as %s: %s; want unknown, and %q", got.Class, got.Reason, c.says)
			}
		})
	}
}

// TestAChannelThatCameLaterIsSaidToGetNothing has a node with a channel that the
// bulletin in force does not address: its log says so, once.
func TestAChannelThatCameLaterIsSaidToGetNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a")
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	said := &journal{said: make(chan string, 100)}
	h.log = slog.New(slog.NewTextHandler(said, nil))
	h.run("one/a", quick(x), quick(tg))
	h.await(b, "x-a", ledger.StateVerified)
	for line := range said.said {
		if strings.Contains(line, "gets nothing of an alert in force") {
			if !strings.Contains(line, "channel=telegram-a") || !strings.Contains(line, string(b.Code)) {
				t.Errorf("it says %q, want the channel and the code", line)
			}
			break
		}
	}
	want(t, tg)
}

// TestAPostThatIsNeverSentAsksForAPersonOnce has a platform that keeps nothing of the first
// attempts: after some of them the log asks for a person, once, and they go on.
func TestAPostThatIsNeverSentAsksForAPersonOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	for range delivery.Patience {
		x.then(refuse(adapters.NotSent, 0))
	}
	x.then(loseBoth).then(refuse(adapters.NotSent, 0))
	said := &journal{said: make(chan string, 1000)}
	h.log = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelError}))
	stop := h.run("one/a", quick(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	if got := h.await(b, "x-a", ledger.StateVerified); got.Attempts != delivery.Patience+3 {
		t.Errorf("%d attempts, want %d", got.Attempts, delivery.Patience+3)
	}
	stop()
	close(said.said)
	asked := 0
	for line := range said.said {
		if asked++; !strings.Contains(line, "needs a person") || !strings.Contains(line, "refused by the script") {
			t.Errorf("the log says %q, want that a person is needed and why", line)
		}
	}
	if asked != 1 {
		t.Errorf("a person was asked for %d times, want once", asked)
	}
}

// A journal is a log whose lines a test waits for.
type journal struct{ said chan string }

func (j *journal) Write(line []byte) (int, error) {
	j.said <- string(line)
	return len(line), nil
}

// TestTwoNodesPostOnce has two nodes work the same channels.
func TestTwoNodesPostOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a")
	h.run("one/a", quick(x), quick(tg))
	h.run("two/b", quick(x), quick(tg))
	for range 10 {
		b := h.release(newAlert(t, "x-a", "telegram-a").Next(t, alert.MsgAlert))
		h.await(b, "x-a", ledger.StateVerified)
		h.await(b, "telegram-a", ledger.StateVerified)
	}
	for _, p := range []*platform{x, tg} {
		if got := p.published(); got != 10 {
			t.Errorf("%s was called %d times for 10 alerts", p.name, got)
		}
	}
}

// TestAnAlertThatAnotherNodeTookIsNotLost has another node take some of the
// reminders and do nothing: as one that died with them.
func TestAnAlertThatAnotherNodeTookIsNotLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("two/b", quick(x))
	other, err := h.open("one/a").Reminder(t.Context(), "deliver-x-a")
	if err != nil {
		t.Fatal(err)
	}
	var all []*bulletin.Bulletin
	for range 8 {
		all = append(all, h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)))
		if err := other.Take(t.Context(), func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range all {
		h.await(b, "x-a", ledger.StateVerified)
	}
	if got := x.published(); got != len(all) {
		t.Errorf("x-a was called %d times for %d alerts", got, len(all))
	}
}

// TestTheOtherNodeWaitsForAnAttemptUnderWay has one node hang in a post: the other
// one may not touch it before the attempt has run out.
func TestTheOtherNodeWaitsForAnAttemptUnderWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.release(b)
	until := time.Now().Add(700 * time.Millisecond)
	h.intend("one/a", b, until)
	h.run("two/b", quick(x))
	h.await(b, "x-a", ledger.StateVerified)
	if p := h.part(b, "x-a"); p.Attempts != 2 || p.Claimant != "two/b" || p.FirstTry.After(until) {
		t.Errorf("%+v, want a second attempt by two/b", p)
	}
	if time.Now().Before(until) {
		t.Error("the other node did not wait")
	}
	want(t, x, "1/1")
}

// TestWhatAGoneNodeLeftIsTakenOverAtOnce has a node that sends nothing more, as the
// ledger says: nobody waits until its attempt would have run out.
func TestWhatAGoneNodeLeftIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]ledger.Record{
		"it_said_that_it_stopped": {Type: ledger.NodeStopped, Node: "one/a"},
		"it_was_started_again":    {Type: ledger.NodeStarted, Node: "one/b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x := newPlatform("x-a")
			b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
			h.release(b)
			h.intend("one/a", b, time.Now().Add(time.Hour))
			x.keep(b.For("x-a")[0])
			h.run("two/b", quick(x))
			// It has looked at the one and left it alone when it has ended the other.
			h.await(h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)), "x-a", ledger.StateVerified)
			if p := h.part(b, "x-a"); p.State != ledger.StateAttempting {
				t.Fatalf("%+v, want the other node's attempt left alone", p)
			}
			h.append(last)
			if p := h.await(b, "x-a", ledger.StateVerified); p.Attempts != 1 || !p.Reconciled {
				t.Errorf("%+v, want the post of the only attempt found", p)
			}
		})
	}
}

// TestAStoppedNodeHandsOver stops a node in order while a platform keeps it waiting.
func TestAStoppedNodeHandsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	called := make(chan struct{})
	x := newPlatform("x-a").then(func(p *platform, ctx context.Context, post adapters.Post) (adapters.Receipt, error) {
		close(called)
		return hang(p, ctx, post)
	})
	slow := quick(x)
	slow.PublishTimeout = time.Hour
	stop := h.run("one/a", slow)
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	<-called
	h.run("two/b", slow)
	stop()
	if p := h.await(b, "x-a", ledger.StateVerified); p.Attempts != 2 || p.Claimant != "two/b" {
		t.Errorf("%+v, want a second attempt by two/b", p)
	}
	want(t, x, "1/1")
}

func TestPartsGoInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a").then(refuse(adapters.NotSent, 0)).then(keepAndLose)
	h.run("one/a", quick(x))
	a := newAlert(t, "x-a")
	a.Parts = 3
	b := h.release(a.Next(t, alert.MsgAlert))
	for part := 1; part <= 3; part++ {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		for {
			changed := h.ledger.Changed()
			var p ledger.PartState
			h.ledger.View(func(s *ledger.State) { p = s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Part("x-a", part) })
			if p.State == ledger.StateVerified {
				break
			}
			select {
			case <-ctx.Done():
				t.Fatalf("part %d is %+v", part, p)
			case <-changed:
			}
		}
		cancel()
	}
	want(t, x, "1/1", "1/2", "1/3")
}

// TestAnUntrustedLedgerReleasesNothing has an alert released that is in force, and one that
// has expired, to many channels, each of which asks whether the ledger is to be trusted:
// nothing is sent, and nothing is concluded.
func TestAnUntrustedLedgerReleasesNothing(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]time.Duration{"in_force": 0, "expired": 3 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			const channels = 20
			var names []string
			var all []delivery.Channel
			var platforms []*platform
			for i := range channels {
				names = append(names, fmt.Sprintf("x-%d", i))
				platforms = append(platforms, newPlatform(names[i]))
				all = append(all, quick(platforms[i]))
			}
			asked := make(chan struct{}, 1000)
			stop := h.runWith("one/a", delivery.Config{
				Channels: all, Now: func() time.Time { return time.Now().Add(later) },
				Trusted: func() error { asked <- struct{}{}; return errors.New("a record is missing") },
			})
			b := h.release(newAlert(t, names...).Next(t, alert.MsgAlert))
			for range 3 * channels { // each one asks again and again, and sends nothing in between
				<-asked
			}
			stop()
			for i, p := range platforms {
				if part := h.part(b, names[i]); part.State != ledger.StatePending || part.Attempts != 0 || p.published() != 0 {
					t.Errorf("%s is %s: %d attempts are in the ledger, %d were made", names[i], part.State, part.Attempts, p.published())
				}
			}
		})
	}
}

// TestAnUntrustedLedgerGetsNoRefusals hands in what would be refused.
func TestAnUntrustedLedgerGetsNoRefusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	asked := make(chan struct{}, 1000)
	stop := h.runWith("one/a", delivery.Config{
		Channels: []delivery.Channel{quick(newPlatform("x-a"))}, Trusted: func() error { asked <- struct{}{}; return errors.New("a record is missing") },
	})
	b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(b)
	h.signature(b, signingtest.NewPerson(t, "eva@pc.example", signing.Officer), signing.Officer)
	<-asked // nothing is released: only refusals are asked for
	// Somebody else's record, which comes after the first look, has it look once more.
	h.append(ledger.Record{Type: ledger.Expired, Node: "two/b", Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Channel: "x-a", Part: 1})
	<-asked
	stop()
	h.ledger.View(func(s *ledger.State) {
		if s.Rejected != 0 {
			t.Errorf("%d refusals were written", s.Rejected)
		}
	})
}
