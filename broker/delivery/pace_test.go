package delivery

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// TestWhatWaits draws which work waits, for what and how long, in each weather.
func TestWhatWaits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	clock := now.Add(3 * time.Minute) // the broker's, which is ahead
	const no = time.Duration(0)
	broken := func(ago time.Duration) ledger.Circuit {
		return ledger.Circuit{Failures: ledger.BrokenAfter, At: clock.Add(-ago)}
	}
	left := func(a adapters.Allowance) []adapters.Allowance {
		a.Name = "budget"
		return []adapters.Allowance{{Name: "another", Left: 1000, At: now}, a}
	}
	for name, tt := range map[string]struct {
		weather weather
		waits   map[tier]time.Duration // no: it does not
		class   string                 // of those that wait
	}{
		"fair": {weather{}, map[tier]time.Duration{stopping: no, alerting: no, drilling: no, marking: no}, ""},
		"asked_to_wait_a_little": {
			weather{asked: now, until: now.Add(20 * time.Second)},
			map[tier]time.Duration{stopping: 20 * time.Second, alerting: 20 * time.Second, drilling: 25 * time.Second, marking: 25 * time.Second}, ledger.ClassThrottle,
		},
		"asked_to_wait_for_hours": {
			weather{asked: now, until: now.Add(2 * time.Hour)},
			map[tier]time.Duration{stopping: time.Minute, alerting: 5 * time.Minute, drilling: 2*time.Hour + yield, marking: 2*time.Hour + yield}, ledger.ClassThrottle,
		},
		"the_wait_has_ended_for_what_must_not_wait": {
			weather{asked: now.Add(-time.Minute), until: now.Add(-time.Second)},
			map[tier]time.Duration{stopping: no, alerting: no, drilling: 4 * time.Second, marking: 4 * time.Second}, ledger.ClassThrottle,
		},
		"four_failures": {weather{circuit: ledger.Circuit{Failures: ledger.BrokenAfter - 1, At: clock}}, map[tier]time.Duration{alerting: no, drilling: no}, ""},
		"broken":        {weather{circuit: broken(20 * time.Second)}, map[tier]time.Duration{stopping: no, alerting: no, drilling: 40 * time.Second, marking: 40 * time.Second}, ledger.ClassCircuit},
		"half_open":     {weather{circuit: broken(time.Minute)}, map[tier]time.Duration{stopping: no, alerting: no, drilling: no, marking: no}, ""},
		"half_open_and_another_one_tries": {
			weather{circuit: broken(time.Minute), probed: now.Add(-10 * time.Second)},
			map[tier]time.Duration{stopping: no, alerting: no, drilling: 50 * time.Second, marking: 50 * time.Second}, ledger.ClassCircuit,
		},
		"one_life_left": {weather{allowances: left(adapters.Allowance{Left: 3, At: now})}, map[tier]time.Duration{stopping: no, alerting: no, drilling: askAgain, marking: askAgain}, ledger.ClassReserve},
		"one_more_left": {weather{allowances: left(adapters.Allowance{Left: 4, At: now})}, map[tier]time.Duration{drilling: no, marking: no}, ""},
		"nothing_left":  {weather{allowances: left(adapters.Allowance{At: now})}, map[tier]time.Duration{stopping: no, alerting: no, drilling: askAgain}, ledger.ClassReserve},
		"it_comes_back": {weather{allowances: left(adapters.Allowance{Left: 1, At: now, Resets: now.Add(time.Minute)})}, map[tier]time.Duration{alerting: no, drilling: time.Minute}, ledger.ClassReserve},
		"it_has_come_back": {
			weather{allowances: left(adapters.Allowance{Left: 1, At: now.Add(-time.Minute), Resets: now})}, map[tier]time.Duration{drilling: no}, "",
		},
		"told_long_ago": {weather{allowances: left(adapters.Allowance{Left: 1, At: now.Add(-adapters.AllowanceFresh)})}, map[tier]time.Duration{drilling: no}, ""},
		"percent_80_used": {
			weather{allowances: left(adapters.Allowance{Left: 20, Percent: true, At: now})}, map[tier]time.Duration{stopping: no, alerting: no, drilling: askAgain, marking: askAgain}, ledger.ClassReserve,
		},
		"percent_79_used": {weather{allowances: left(adapters.Allowance{Left: 21, Percent: true, At: now})}, map[tier]time.Duration{drilling: no, marking: no}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := tt.weather
			w.now, w.clock = now, clock
			for tier, want := range tt.waits {
				h := w.holds(tier)
				switch {
				case want == no && !h.until.IsZero():
					t.Errorf("tier %d waits until %v (%s), want that it does not", tier, h.until, h.why)
				case want != no && (!h.until.Equal(now.Add(want)) || h.class != tt.class || h.why == ""):
					t.Errorf("tier %d waits for %v by %q (%s), want %v by %q", tier, h.until.Sub(now), h.class, h.why, want, tt.class)
				}
			}
		})
	}
}

// TestWhoseTurnIsFirst sorts bulletins as a channel takes them.
func TestWhoseTurnIsFirst(t *testing.T) {
	t.Parallel()
	of := func(realm alert.Realm, status alert.Status, kind alert.MsgType, urgency alert.Urgency, severity alert.Severity, released int64) rank {
		m := &alert.Message{Status: status, MsgType: kind, Infos: []alert.Info{
			{Urgency: alert.UrgencyUnknown, Severity: alert.SeverityMinor}, {Urgency: urgency, Severity: severity}, // the most urgent one counts
		}}
		return rankOf(&item{b: &bulletin.Bulletin{Realm: realm, Message: m}, release: release{seq: released}})
	}
	live := func(kind alert.MsgType, urgency alert.Urgency, severity alert.Severity, released int64) rank {
		return of(alert.RealmLive, alert.StatusActual, kind, urgency, severity, released)
	}
	order := []rank{
		live(alert.MsgCancel, alert.UrgencyPast, alert.SeverityMinor, 9),
		live(alert.MsgAlert, alert.UrgencyImmediate, alert.SeverityExtreme, 7),
		live(alert.MsgUpdate, alert.UrgencyImmediate, alert.SeveritySevere, 2),
		live(alert.MsgUpdate, alert.UrgencyImmediate, alert.SeveritySevere, 8),
		live(alert.MsgAlert, alert.UrgencyExpected, alert.SeverityExtreme, 1),
		of(alert.RealmLive, alert.StatusTest, alert.MsgCancel, alert.UrgencyImmediate, alert.SeverityExtreme, 3),
		of(alert.RealmLive, alert.StatusExercise, alert.MsgAlert, alert.UrgencyExpected, alert.SeverityExtreme, 4),
	}
	shuffled := slices.Clone(order)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, func(a, b rank) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	if !slices.Equal(shuffled, order) {
		t.Errorf("got %+v, want %+v", shuffled, order)
	}
	if r := of(alert.RealmExercise, alert.StatusExercise, alert.MsgAlert, alert.UrgencyExpected, alert.SeverityExtreme, 1); r.tier != alerting {
		t.Errorf("within an exercise an exercise is of tier %d, want that of an alert", r.tier)
	}
}

// TestTheQueueOfALane has alerts wait for workers.
func TestTheQueueOfALane(t *testing.T) {
	t.Parallel()
	l := newLane(nil, Channel{Channel: nameless{}, Workers: 2}.withDefaults())
	for id, r := range map[string]rank{
		"drill": {tier: drilling}, "later": {tier: alerting, urgency: 1, released: 5}, "sooner": {tier: alerting, urgency: 1, released: 4},
		"urgent": {tier: alerting, released: 6}, "cancel": {tier: stopping, released: 7},
	} {
		l.ranked(id, r)
	}
	l.urgent["cancel"] = true
	for _, id := range []string{"drill", "later", "cancel", "sooner", "urgent", "later"} {
		l.enqueue(id)
	}
	if want := []string{"cancel", "urgent", "sooner", "later", "drill"}; !slices.Equal(l.queue, want) {
		t.Errorf("the queue is %v, want %v", l.queue, want)
	}
	for free, want := range map[int]string{0: "cancel", 1: "cancel later", 2: "cancel later drill"} {
		l.free = free
		var may []string
		for _, id := range []string{"cancel", "later", "drill"} {
			if l.available(id) {
				may = append(may, id)
			}
		}
		if got := strings.Join(may, " "); got != want {
			t.Errorf("with %d workers free, %q may begin, want %q: the last one is kept from exercises, and the spare one for revocations", free, got, want)
		}
	}
}

// TestNewestTruthFirst has bulletins of one alert wait on a channel until the newest one is
// released: only that one is sent.
func TestNewestTruthFirst(t *testing.T) {
	t.Parallel()
	now := time.Now()
	waiting := ledger.PartState{State: ledger.StatePending, Class: ledger.ClassReserve, RetryAt: now.Add(time.Hour)}
	tried := ledger.PartState{State: ledger.StatePending, Attempts: 2, RetryAt: now.Add(time.Hour)}
	held := ledger.PartState{State: ledger.StateHeld, Attempts: 1}
	var items []item
	for n, p := range []ledger.PartState{waiting, tried, held, {State: ledger.StatePending}} {
		kind := alert.MsgUpdate
		if n == 3 {
			kind = alert.MsgCancel
		}
		items = append(items, item{
			b: &bulletin.Bulletin{Number: n + 1, Expires: now.Add(time.Hour), Message: &alert.Message{MsgType: kind}}, parts: []ledger.PartState{p}, gone: []bool{false},
		})
	}
	v := view{me: "one/a", now: now, clock: now}
	for n := range 3 {
		s := decide(items, v)
		if s.do != supersede || s.item != n || !strings.Contains(s.why, "bulletin 4 of this alert (Cancel)") {
			t.Fatalf("bulletin %d: step %d on item %d (%s), want that it gives way to the revocation", n+1, s.do, s.item, s.why)
		}
		items[n].parts[0] = ledger.PartState{State: ledger.StateSuperseded}
	}
	if s := decide(items, v); s.do != attempt || s.item != 3 {
		t.Errorf("step %d on item %d, want the revocation sent", s.do, s.item)
	}
}
