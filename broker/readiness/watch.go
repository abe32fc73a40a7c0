package readiness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

const (
	// againAfter is how soon a subject is looked at again that did not answer: one answer that
	// is lost is no change of state.
	againAfter = 30 * time.Second
	// maxReason bounds the words in a record, in bytes.
	maxReason = 1000
	// recordTime bounds the writing of a record.
	recordTime = 30 * time.Second
)

// Config is what a [Watch] works with.
type Config struct {
	// Node is the node's name, without its incarnation.
	Node     string
	Subjects []Subject
	// Ledger takes the changes of state; nil where nobody records them.
	Ledger *ledger.Ledger
	// Trusted returns why nothing may be written to the ledger, or nil; nil for always.
	Trusted func() error
	// Report is given the whole report after each look, one at a time; nil for nobody.
	Report func(Report)
	// Again is how soon a subject is looked at again that did not answer; 0 for 30 seconds.
	Again time.Duration
	// Jitter returns a number from 0 to 1, by which looks are spread; nil for a random one.
	Jitter func() float64
	Now    func() time.Time     // nil for time.Now
	Log    *slog.Logger         // nil for none
	Meters metric.MeterProvider // nil for none
}

// A Watch looks at the subjects of a node on a schedule. It begins with Run and ends with Run's
// context.
type Watch struct {
	Config

	meters meters

	// mu guards what follows, and is held while a report is handed on.
	mu        sync.Mutex
	standings []Standing // one for each subject; its At is zero before the first look
	told      []rest     // what the log was told of each
}

// A rest is a state and what it rests on.
type rest struct{ state, class string }

// New returns a watch that has not begun.
func New(c Config) (*Watch, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Meters == nil {
		c.Meters = metricnoop.NewMeterProvider()
	}
	if c.Trusted == nil {
		c.Trusted = func() error { return nil }
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Again == 0 {
		c.Again = againAfter
	}
	for _, s := range c.Subjects {
		if s.Every <= 0 || s.Look == nil {
			return nil, fmt.Errorf("readiness: %q: it is not said how, or how often, it is looked at", s.Name)
		}
	}
	w := &Watch{Config: c, standings: make([]Standing, len(c.Subjects)), told: make([]rest, len(c.Subjects))}
	var err error
	if w.meters, err = newMeters(c.Meters); err != nil {
		return nil, fmt.Errorf("readiness: %w", err)
	}
	return w, nil
}

// Run looks until ctx is done, and returns when every look has ended.
func (w *Watch) Run(ctx context.Context) {
	var work sync.WaitGroup
	for i := range w.Subjects {
		work.Go(func() { w.follow(ctx, i) })
	}
	work.Wait()
}

// follow looks at one subject again and again.
func (w *Watch) follow(ctx context.Context, i int) {
	s := &w.Subjects[i]
	silent := false // it did not answer the last time either
	for ctx.Err() == nil {
		found := s.stand(ctx, w.Now)
		if ctx.Err() != nil {
			return // a look that was broken off has found nothing
		}
		f := found.Worst()
		unsure := f.State != adapters.Ready && f.Aspect == adapters.AspectReach && !silent
		silent = f.State != adapters.Ready && f.Aspect == adapters.AspectReach
		w.take(ctx, i, found)
		wait := s.Every
		if unsure {
			wait = min(wait, w.Again)
		} else {
			w.settle(ctx, i)
		}
		// A tenth sooner or later, so that the nodes of a cluster do not ask all at once.
		wait = time.Duration(float64(wait) * (0.9 + 0.2*w.Jitter()))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// take keeps what was found, and hands the report on.
func (w *Watch) take(ctx context.Context, i int, found Standing) {
	if w.Ledger != nil {
		w.Ledger.View(func(s *ledger.State) {
			found.LastVerified = s.LastVerified(found.Name)
			if at, ok := s.Readiness(w.Node, found.Name); ok && at.State == found.State.String() {
				found.Since = at.At
			}
		})
	}
	w.meters.standing(ctx, &found, w.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.standings[i]
	switch {
	case !found.Since.IsZero():
	case !before.At.IsZero() && before.State == found.State:
		found.Since = before.Since
	case !before.At.IsZero() || found.State != adapters.Ready:
		found.Since = found.At
	}
	w.standings[i] = found
	if w.Report != nil {
		looked := slices.DeleteFunc(slices.Clone(w.standings), func(s Standing) bool { return s.At.IsZero() })
		r := NewReport(w.Node, found.At, looked)
		r.Pending = len(w.standings) - len(looked)
		w.Report(r)
	}
}

// settle tells the log and the ledger of a change: of the state, or of what it rests on.
// What the ledger says decides whether it is one, so that a restart is none. A subject of which
// the ledger says nothing counts as ready.
func (w *Watch) settle(ctx context.Context, i int) {
	w.mu.Lock()
	found := w.standings[i]
	w.mu.Unlock()
	worst := found.Worst()
	r := ledger.Record{Type: ledger.Readiness, Channel: found.Name, State: found.State.String()}
	if found.State != adapters.Ready {
		r.Class, r.Cause, r.Reason = string(worst.Aspect), worst.Code, words(worst)
		if !worst.Until.IsZero() {
			r.Until = worst.Until.UTC()
		}
	}
	was, now := rest{state: ledger.StateReady}, rest{r.State, r.Class}
	if w.Ledger != nil {
		w.Ledger.View(func(s *ledger.State) {
			if known, ok := s.Readiness(w.Node, found.Name); ok {
				was = rest{known.State, known.Class}
			}
		})
	}
	w.mu.Lock()
	told := w.told[i]
	w.told[i] = now
	w.mu.Unlock()
	if told != now && (told != rest{} || now.state != ledger.StateReady) {
		w.tell(ctx, &found, worst)
	}
	if w.Ledger == nil {
		return
	}
	r.Node = w.Ledger.Name()
	if was == now || !w.Ledger.May(&r) || w.Trusted() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	seq, err := w.Ledger.Append(ctx, r)
	if err == nil {
		err = w.Ledger.WaitApplied(ctx, seq)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		w.Log.WarnContext(ctx, "a change of readiness could not be recorded; it is tried again at the next look", "channel", found.Name, "err", err)
	}
}

// tell tells the log of a change.
func (w *Watch) tell(ctx context.Context, s *Standing, worst adapters.Finding) {
	args := []any{"channel", s.Name, "kind", s.Kind, "aspect", string(worst.Aspect), "reason", worst.Reason, "to_do", worst.Advice}
	if !worst.Until.IsZero() {
		args = append(args, "until", worst.Until)
	}
	switch s.State {
	case adapters.Down:
		w.Log.ErrorContext(ctx, "not ready: it can't do its job", args...)
	case adapters.Degraded:
		w.Log.WarnContext(ctx, "ready only for now: a person has to act", args...)
	case adapters.Ready:
		w.Log.InfoContext(ctx, "ready again", "channel", s.Name, "kind", s.Kind)
	}
}

// words returns a finding as a record has it: why, and what to do.
func words(f adapters.Finding) string {
	s := f.Reason + "; " + f.Advice
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}
