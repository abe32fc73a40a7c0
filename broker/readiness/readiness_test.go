package readiness_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"tocsin/adapters"
	"tocsin/broker/ledger"
	"tocsin/broker/readiness"
)

// A thing is a subject whose findings the test sets.
type thing struct {
	mu    sync.Mutex
	found adapters.Finding
	looks int
	each  chan struct{} // gets one for each look
}

func newThing() *thing {
	return &thing{found: adapters.Finding{Aspect: adapters.AspectCredential, State: adapters.Ready}, each: make(chan struct{}, 1000)}
}

func (th *thing) set(f adapters.Finding) {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.found = f
}

func (th *thing) look(context.Context) []adapters.Finding {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.looks++
	select {
	case th.each <- struct{}{}:
	default:
	}
	return []adapters.Finding{{Aspect: adapters.AspectVersion, State: adapters.Ready}, th.found}
}

// looked waits for n more looks.
func (th *thing) looked(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-th.each:
		case <-t.Context().Done():
			t.Fatal("nobody looks any more")
		}
	}
}

func openLedger(t *testing.T) *ledger.Ledger {
	t.Helper()
	s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Name: "one/a"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// run runs a watch on a thing until the test ends.
func run(t *testing.T, th *thing, c readiness.Config) {
	t.Helper()
	c.Node, c.Again = "one", time.Millisecond
	c.Subjects = []readiness.Subject{{Name: "x-a", Kind: "x", Fate: "X", Every: time.Millisecond, Look: th.look}}
	w, err := readiness.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// awaitState waits until the ledger says a state of the channel.
func awaitState(t *testing.T, l *ledger.Ledger, want string) (got ledger.ReadinessState) {
	t.Helper()
	for {
		changed := l.Changed()
		l.View(func(s *ledger.State) { got, _ = s.Readiness("one", "x-a") })
		if got.State == want {
			return got
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("the ledger says %+v, want %s", got, want)
		}
	}
}

func records(l *ledger.Ledger) (n int64) {
	l.View(func(s *ledger.State) { n = s.Seq })
	return n
}

func TestAChangeIsRecordedOnce(t *testing.T) {
	t.Parallel()
	l, th := openLedger(t), newThing()
	var log bytes.Buffer
	run(t, th, readiness.Config{Ledger: l, Log: slog.New(slog.NewTextHandler(&log, nil))})
	first := records(l)
	th.looked(t, 5)
	if n := records(l); n != first {
		t.Fatalf("a channel that was always ready has %d records", n-first)
	}
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	th.set(adapters.Finding{Aspect: adapters.AspectCredential, State: adapters.Degraded, Reason: "it ends", Advice: "renew it", Until: end, Code: "190"})
	got := awaitState(t, l, ledger.StateDegraded)
	if got.Class != "credential" || got.Reason != "it ends; renew it" || !got.Until.Equal(end) || got.At.IsZero() {
		t.Errorf("the record says %+v", got)
	}
	th.looked(t, 5)
	th.set(adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Down, Reason: "it may not", Advice: "let it"})
	awaitState(t, l, ledger.StateDown)
	th.looked(t, 5)
	th.set(adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Ready})
	if got := awaitState(t, l, ledger.StateReady); got.Reason != "" || got.Class != "" {
		t.Errorf("the record says %+v, want nothing of a channel that is ready", got)
	}
	th.looked(t, 5)
	if n := records(l) - first; n != 3 {
		t.Errorf("three changes have %d records", n)
	}
}

// TestARestartIsNoChange: the ledger remembers, and since when.
func TestARestartIsNoChange(t *testing.T) {
	t.Parallel()
	l, th := openLedger(t), newThing()
	seq, err := l.Append(t.Context(), ledger.Record{Type: ledger.Readiness, Node: "one/a", Channel: "x-a", State: ledger.StateDown, Class: "rights", Reason: "it may not; let it"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.WaitApplied(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	th.set(adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Down, Reason: "it may not", Advice: "let it"})
	var mu sync.Mutex
	var last readiness.Report
	run(t, th, readiness.Config{Ledger: l, Report: func(r readiness.Report) {
		mu.Lock()
		defer mu.Unlock()
		last = r
	}})
	th.looked(t, 5)
	if n := records(l); n != seq {
		t.Errorf("a restart wrote %d records", n-seq)
	}
	var want time.Time
	l.View(func(s *ledger.State) { r, _ := s.Readiness("one", "x-a"); want = r.At })
	mu.Lock()
	defer mu.Unlock()
	if s := last.Subjects[0]; !s.Since.Equal(want) || s.State != adapters.Down || last.State != adapters.Down || s.Worst().Reason != "it may not" {
		t.Errorf("the report says %+v, want that it is down since %v", s, want)
	}
}

// TestOneLostAnswerIsNoChange: only the second silence in a row is.
func TestOneLostAnswerIsNoChange(t *testing.T) {
	t.Parallel()
	l := openLedger(t)
	silent := adapters.Finding{Aspect: adapters.AspectReach, State: adapters.Down, Reason: "no answer", Advice: "look"}
	looks, forGood := 0, make(chan struct{})
	c := readiness.Config{Node: "one", Again: time.Millisecond, Ledger: l, Subjects: []readiness.Subject{{Name: "x-a", Kind: "x", Every: time.Millisecond, Look: func(context.Context) []adapters.Finding {
		looks++
		if looks == 31 {
			close(forGood)
		}
		if looks%2 == 0 && looks < 20 || looks > 30 {
			return []adapters.Finding{silent}
		}
		return []adapters.Finding{{Aspect: adapters.AspectReach, State: adapters.Ready}}
	}}}}
	first := records(l)
	w, err := readiness.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	<-forGood
	awaitState(t, l, ledger.StateDown)
	cancel()
	<-done
	if n := records(l) - first; n != 1 {
		t.Errorf("a platform that was silent now and then, and at last for good, has %d records, want one", n)
	}
}

// TestAnUntrustedLedgerGetsNoRecord: the log is told all the same.
func TestAnUntrustedLedgerGetsNoRecord(t *testing.T) {
	t.Parallel()
	l, th := openLedger(t), newThing()
	th.set(adapters.Finding{Aspect: adapters.AspectRights, State: adapters.Down, Reason: "it may not", Advice: "let it"})
	first := records(l)
	log := &lines{}
	run(t, th, readiness.Config{Ledger: l, Trusted: func() error { return context.Canceled }, Log: slog.New(slog.NewTextHandler(log, nil))})
	th.looked(t, 5)
	if n := records(l); n != first {
		t.Errorf("%d records were written", n-first)
	}
	if text := log.String(); strings.Count(text, "not ready") != 1 || !strings.Contains(text, `reason="it may not" to_do="let it"`) {
		t.Errorf("the log says %q, want once that it is not ready, and why", text)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w, err := readiness.New(readiness.Config{
		Node: "one", Now: func() time.Time { return now }, Meters: provider, Report: func(readiness.Report) { cancel() },
		Subjects: []readiness.Subject{{Name: "x-a", Kind: "x", Every: time.Hour, Look: func(context.Context) []adapters.Finding {
			return []adapters.Finding{
				{Aspect: adapters.AspectCredential, State: adapters.Degraded, Reason: "it ends", Advice: "renew it", Until: now.Add(time.Hour)},
				{Aspect: adapters.AspectBudget, State: adapters.Ready, Left: 7, Need: 3, Until: now.Add(time.Hour)},
			}
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Run(ctx)
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			for _, p := range m.Data.(metricdata.Gauge[float64]).DataPoints {
				raw, _ := json.Marshal(p.Value)
				var about []string
				for _, kv := range p.Attributes.ToSlice() {
					about = append(about, string(kv.Key)+"="+kv.Value.AsString())
				}
				slices.Sort(about)
				got[m.Name+" "+strings.Join(about, " ")] = string(raw)
			}
		}
	}
	want := map[string]string{
		"tocsin.readiness channel=x-a kind=x":                          "1",
		"tocsin.readiness.expiry aspect=credential channel=x-a kind=x": "3600",
		"tocsin.readiness.left aspect=budget channel=x-a kind=x":       "7",
	}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s is %q, want %s", name, got[name], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the metrics are %v", got)
	}
}

func TestSharedFate(t *testing.T) {
	t.Parallel()
	of := func(name, fate string, s adapters.Readiness) readiness.Subject {
		return readiness.Subject{Name: name, Kind: "k", Fate: fate, Every: time.Hour, Look: func(context.Context) []adapters.Finding {
			return []adapters.Finding{{Aspect: adapters.AspectReach, State: adapters.Ready}, {Aspect: adapters.AspectRights, State: s, Reason: "r", Advice: "a"}}
		}}
	}
	r := readiness.Look(t.Context(), "one", []readiness.Subject{
		of("sito", "", adapters.Ready), of("facebook", "Meta", adapters.Ready), of("x", "X", adapters.Degraded), of("instagram", "Meta", adapters.Ready),
	}, time.Now)
	if len(r.Shared) != 1 || r.Shared[0].Fate != "Meta" || !slices.Equal(r.Shared[0].Channels, []string{"facebook", "instagram"}) {
		t.Errorf("the shared fates are %+v", r.Shared)
	}
	if r.State != adapters.Degraded || r.Subjects[2].Findings[0].State != adapters.Degraded {
		t.Errorf("the report says %+v, want degraded, with what is worst first", r)
	}
}

// TestABrokenChannelIsToldOf has attempts on a channel come to nothing.
func TestABrokenChannelIsToldOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	for failures, want := range map[int]adapters.Readiness{0: adapters.Ready, ledger.BrokenAfter - 1: adapters.Ready, ledger.BrokenAfter: adapters.Degraded} {
		f := readiness.CircuitFinding(ledger.Circuit{Failures: failures, At: at, Reason: "no route to host"}, at.Add(time.Hour))
		if f.State != want || f.State != adapters.Ready && (f.Advice == "" || !strings.Contains(f.Reason, "no route to host")) {
			t.Errorf("after %d failures: %+v, want %s", failures, f, want)
		}
	}
}
