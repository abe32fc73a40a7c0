package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/ledger"
)

// A tier is how much work is worth on a channel: the higher one goes first, and the lower ones
// wait where a platform sets a bound.
type tier uint8

// The tiers. The zero one goes last.
const (
	marking  tier = iota // what becomes of a post that is public
	drilling             // a test, or an exercise among real alerts
	alerting
	stopping // what revokes or corrects an alert
)

// A rank is whose turn is first on a channel.
type rank struct {
	tier     tier
	urgency  int   // place in the list of CAP, 0 for the most urgent
	severity int   // likewise
	released int64 // the record that released it
}

// before reports whether r goes before o: by tier, then by urgency and severity, then in the
// order of their releases.
func (r rank) before(o rank) bool {
	switch {
	case r.tier != o.tier:
		return r.tier > o.tier
	case r.urgency != o.urgency:
		return r.urgency < o.urgency
	case r.severity != o.severity:
		return r.severity < o.severity
	}
	return r.released < o.released
}

// rankOf returns the rank of a released bulletin. Within an exercise an exercise is what an
// alert is outside: the same way is tried that an alert takes.
func rankOf(it *item) rank {
	r := rank{tier: alerting, urgency: len(urgencies()), severity: len(severities()), released: it.release.seq}
	m := it.b.Message
	switch {
	case m.Status == alert.StatusTest, m.Status == alert.StatusExercise && it.b.Realm == alert.RealmLive:
		r.tier = drilling
	case it.b.Kind != "" || m.MsgType == alert.MsgCancel:
		r.tier = stopping
	}
	for i := range m.Infos {
		if n := slices.Index(urgencies(), m.Infos[i].Urgency); n >= 0 {
			r.urgency = min(r.urgency, n)
		}
		if n := slices.Index(severities(), m.Infos[i].Severity); n >= 0 {
			r.severity = min(r.severity, n)
		}
	}
	return r
}

func urgencies() []alert.Urgency {
	return []alert.Urgency{alert.UrgencyImmediate, alert.UrgencyExpected, alert.UrgencyFuture, alert.UrgencyPast, alert.UrgencyUnknown}
}

func severities() []alert.Severity {
	return []alert.Severity{alert.SeverityExtreme, alert.SeveritySevere, alert.SeverityModerate, alert.SeverityMinor, alert.SeverityUnknown}
}

const (
	// yield is by how much what may wait comes after a platform's wait has ended: what must not
	// wait goes in between.
	yield = 5 * time.Second
	// askAgain is when a budget is looked at again of which nobody knows when it comes back, and
	// at the latest.
	askAgain = 5 * time.Minute
	// sayAfter is the wait from which on the ledger is told of it.
	sayAfter = 10 * time.Second
)

// trust is how long a tier believes what the platform told another post: a wait that was asked
// for by mistake must not park an alert for an hour. After it, it asks for itself.
func (t tier) trust() time.Duration {
	switch t {
	case stopping:
		return time.Minute
	case alerting:
		return 5 * time.Minute
	case marking, drilling:
	}
	return 24 * time.Hour
}

// A weather is what is known of a channel and its platform.
type weather struct {
	now        time.Time // by this node's clock
	clock      time.Time // by the broker's, which dates the circuit
	asked      time.Time // when the platform asked the account to wait, and until when
	until      time.Time
	circuit    ledger.Circuit
	probed     time.Time // when something that may wait was last let through to a broken channel
	allowances []adapters.Allowance
}

// A hold says until when something waits, and for what. The zero one does not wait.
type hold struct {
	until      time.Time // by this node's clock
	class, why string
}

// holds says whether an attempt of a tier has to wait. It is a pure function.
//
// An alert waits for the platform's own word alone, and not long: neither a circuit nor a budget
// keeps it back. That is what the reserve is for.
func (w *weather) holds(t tier) hold {
	until := w.until
	if limit := w.asked.Add(t.trust()); limit.Before(until) {
		until = limit
	}
	if t < alerting && !until.IsZero() {
		until = until.Add(yield)
	}
	if w.now.Before(until) {
		return hold{until, ledger.ClassThrottle, fmt.Sprintf("the platform has asked this account to wait until %s", w.until.UTC().Format(time.RFC3339))}
	}
	if t >= alerting {
		return hold{}
	}
	if w.circuit.State(w.clock) != ledger.CircuitClosed {
		probe := w.now.Add(w.circuit.Probe().Sub(w.clock))
		if next := w.probed.Add(ledger.ProbeEvery); next.After(probe) {
			probe = next
		}
		if w.now.Before(probe) {
			return hold{probe, ledger.ClassCircuit, fmt.Sprintf("the latest %d attempts on this channel came to nothing; what may wait is tried one at a time", w.circuit.Failures)}
		}
	}
	for _, a := range w.allowances {
		if !a.Known(w.now) || a.Spare() {
			continue
		}
		until := w.now.Add(askAgain)
		if !a.Resets.IsZero() && a.Resets.Before(until) {
			until = a.Resets
		}
		return hold{until, ledger.ClassReserve, fmt.Sprintf("%s: they are kept for an alert with its update and its revocation", a.Words())}
	}
	return hold{}
}

// A pacer is what the lanes of one channel know together of their platform, beyond the
// ledger. After a restart it begins anew.
type pacer struct {
	mu           sync.Mutex
	asked, until time.Time
	probed       time.Time
}

// asks notes that the platform has asked the account to wait.
func (p *pacer) asks(now time.Time, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := now.Add(wait); until.After(p.until) {
		p.asked, p.until = now, until
	}
}

// tries notes that an attempt is made. On a broken channel it is the one that shows whether it
// still is, and what may wait waits for what comes of it.
func (p *pacer) tries(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probed = now
}

// hold says whether an attempt has to wait.
func (l *lane) hold(it *item, at slot) hold {
	t := rankOf(it).tier
	if at.mark {
		t = marking
	}
	w := weather{now: l.s.Now(), clock: l.s.Ledger.Time()}
	l.s.Ledger.View(func(st *ledger.State) { w.circuit = st.Circuit(l.name) })
	if m, ok := l.ch.Channel.(adapters.Metered); ok {
		w.allowances = m.Allowances()
	}
	l.pacer.mu.Lock()
	defer l.pacer.mu.Unlock()
	w.asked, w.until, w.probed = l.pacer.asked, l.pacer.until, l.pacer.probed
	return w.holds(t)
}

// keepBack has a post or mark wait. The ledger is told of it once, so that everyone sees what
// waits and for what.
func (l *lane) keepBack(ctx context.Context, id string, it *item, at slot, h hold) (time.Time, error) {
	if end := it.ends(at); end.Before(h.until) {
		h.until = end // then it is expired, by decide
	}
	p := it.state(at)
	if h.until.Sub(l.s.Now()) < sayAfter || p.State == ledger.StatePending && p.Class == h.class {
		return h.until, nil
	}
	l.s.Log.WarnContext(ctx, "a post is kept back; it goes on by itself", "alert", id, "channel", l.name, "for", h.class, "until", h.until, "reason", h.why)
	return time.Time{}, l.conclude(ctx, id, it, at, ledger.Record{Type: ledger.Deferred, Class: h.class, Reason: h.why, RetryAt: h.until.UTC()})
}
