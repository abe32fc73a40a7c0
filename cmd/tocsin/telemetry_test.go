package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"tocsin/adapters/simulator"
	"tocsin/broker/ledger"
	"tocsin/broker/telemetry/telemetrytest"
	"tocsin/templates/scenarios"
)

// TestTelemetryOfOneAlert follows one alert from its hand-in to the last read-back.
func TestTelemetryOfOneAlert(t *testing.T) {
	t.Parallel()
	c, address := collect(t)
	s, prometheus := observed(t, address, nil)
	b, _, err := composeFirst(scenarios.Demo(), s.config, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := s.desk()
	if err := s.release(t.Context(), d, b, func(string, string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	if err := (&teller{p: s.d.p, w: io.Discard, d: d, alert: string(b.Alert)}).follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	var channels []string
	for _, ch := range s.config.Channels {
		channels = append(channels, ch.Name)
	}
	if len(channels) != 5 {
		t.Fatalf("the channels are %v, want five", channels)
	}
	trace := traceOfHandIn(t, s, string(b.Alert), channels)
	checkPrometheus(t, prometheus, channels)
	s.node.Close(t.Context()) // hands over the rest
	c.check(trace, channels)
}

// TestTelemetryOfTheDemo has a collector in the environment: the whole trace arrives
// there, with the commands of both people.
func TestTelemetryOfTheDemo(t *testing.T) {
	t.Parallel()
	c, address := collect(t)
	getenv := func(name string) string {
		if name == collectorVariable {
			return address
		}
		return english(name)
	}
	var out strings.Builder
	if err := run(t.Context(), []string{"demo", "--once", "--json"}, strings.NewReader(""), &out, io.Discard, getenv); err != nil {
		t.Fatal(err)
	}
	var r demoResult
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatal(err)
	}
	var channels []string
	for _, ch := range r.Channels {
		channels = append(channels, ch.Name)
	}
	c.mu.Lock()
	first := slices.Concat(c.spans["hand in"], []string{""})[0]
	c.mu.Unlock()
	if len(channels) != 5 || first == "" {
		t.Fatalf("the channels are %v and the trace of the hand-in is %q, want five and a trace", channels, first)
	}
	c.check(first, channels)
}

func TestDemoRefusesACollectorThatIsNone(t *testing.T) {
	t.Parallel()
	getenv := func(name string) string {
		if name == collectorVariable {
			return "127.0.0.1:4318"
		}
		return english(name)
	}
	err := run(t.Context(), []string{"demo", "--once"}, strings.NewReader(""), io.Discard, io.Discard, getenv)
	if exitCode(err) != 2 || !strings.Contains(err.Error(), collectorVariable+": this is not the base address") {
		t.Errorf("got %v, want words on %s and exit status 2", err, collectorVariable)
	}
}

// observed raises a stage whose node exports to the collector, and returns it with
// the address of its metrics. prepare is given what the node starts with; nil for nothing.
func observed(t *testing.T, collector string, prepare func(*simulator.Simulator, *nodeOptions)) (*stage, string) {
	t.Helper()
	s := &stage{d: &demo{p: &program{stdin: strings.NewReader(""), out: io.Discard, err: io.Discard, getenv: english, lang: "en"}}, dir: t.TempDir()}
	t.Cleanup(func() { s.close(t.Context()) })
	var err error
	if s.simulator, err = simulator.Start(t.Context(), simulator.Config{
		Names: simulator.Names{Telegram: "telegram", X: "x", Facebook: "facebook", Instagram: "instagram"},
	}); err != nil {
		t.Fatal(err)
	}
	site, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = site.Close() })
	if s.config, err = s.configure(t.Context(), site.Addr().String()); err != nil {
		t.Fatal(err)
	}
	metrics, _, _ := addresses(t)
	s.config.Telemetry = telemetryConfig{OTLP: collector, Prometheus: metrics}
	o := nodeOptions{getenv: english, site: site}
	if prepare != nil {
		prepare(s.simulator, &o)
	}
	if s.node, err = startNode(t.Context(), s.config, o); err != nil {
		t.Fatal(err)
	}
	return s, "http://" + metrics + "/metrics"
}

// traceOfHandIn reads the ledger as another program does, and returns the one trace
// that the alert's records bear, from the bulletin to the channels' read-backs.
func traceOfHandIn(t *testing.T, s *stage, alert string, channels []string) string {
	t.Helper()
	count := map[ledger.Type]int{}
	verified := map[string]bool{}
	var traces []string
	l, err := ledger.Open(t.Context(), ledger.Options{
		Server: s.node.server, Name: "test",
		Observe: func(e *ledger.Entry, _ error) {
			if e.Record.Alert != alert {
				return
			}
			count[e.Record.Type]++
			if e.Record.Type == ledger.Verified {
				verified[e.Record.Channel] = true
			}
			// 00-TRACE-SPAN-FLAGS: W3C Trace Context, traceparent.
			if parts := strings.Split(strings.Join(e.Header["traceparent"], ","), "-"); len(parts) == 4 {
				traces = append(traces, parts[1])
			} else {
				t.Errorf("record %d (%s) bears the trace %q, want one", e.Seq, e.Record.Type, e.Header["traceparent"])
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // from here on the variables above are ours again
	if count[ledger.Bulletin] != 1 || count[ledger.Signature] != 2 {
		t.Errorf("the alert's records are %v, want 1 bulletin and 2 signatures among them", count)
	}
	for _, name := range channels {
		if !verified[name] {
			t.Errorf("the channel %s has no read-back in the ledger", name)
		}
	}
	slices.Sort(traces)
	if traces = slices.Compact(traces); len(traces) != 1 {
		t.Fatalf("the alert's records are of the traces %v, want one", traces)
	}
	return traces[0]
}

func checkPrometheus(t *testing.T, address string, channels []string) {
	t.Helper()
	status, page := telemetrytest.Get(t, address)
	if status != http.StatusOK {
		t.Fatalf("%s answers %d, want 200", filepath.Base(address), status)
	}
	for _, name := range channels {
		for _, metric := range []string{
			"tocsin_delivery_outcomes_total", "tocsin_delivery_released_to_posted_seconds_count", "tocsin_delivery_released_to_verified_seconds_count",
		} {
			if want := metric + `{channel="` + name + `"`; !strings.Contains(page, want) {
				t.Errorf("/metrics lacks %s", want)
			}
		}
	}
}

// A collector notes what is exported.
type collector struct {
	t *testing.T

	// mu guards what has arrived.
	mu      sync.Mutex
	spans   map[string][]string // traces by the span's name and channel, "deliver x"
	metrics map[string][]string // channels by the metric's name
}

// collect returns a collector and its address.
func collect(t *testing.T) (*collector, string) {
	t.Helper()
	c := &collector{t: t, spans: map[string][]string{}, metrics: map[string][]string{}}
	server := httptest.NewServer(&telemetrytest.Collector{T: t, Traces: c.takeSpans, Metrics: c.takeMetrics})
	t.Cleanup(server.Close)
	return c, server.URL
}

// takeSpans notes spans.
func (c *collector) takeSpans(m *tracepb.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range m.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				name := strings.TrimSpace(span.GetName() + " " + valueOf(span.GetAttributes(), "tocsin.channel"))
				c.spans[name] = append(c.spans[name], hex.EncodeToString(span.GetTraceId()))
			}
		}
	}
}

// takeMetrics notes of which channels there are metrics.
func (c *collector) takeMetrics(m *metricspb.ExportMetricsServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range m.GetResourceMetrics() {
		for _, scope := range of.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				for _, p := range metric.GetSum().GetDataPoints() {
					c.metrics[metric.GetName()] = append(c.metrics[metric.GetName()], valueOf(p.GetAttributes(), "channel"))
				}
				for _, p := range metric.GetHistogram().GetDataPoints() {
					c.metrics[metric.GetName()] = append(c.metrics[metric.GetName()], valueOf(p.GetAttributes(), "channel"))
				}
			}
		}
	}
}

func valueOf(attributes []*commonpb.KeyValue, key string) string {
	for _, a := range attributes {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// check looks for what must have arrived, all of the one trace.
func (c *collector) check(trace string, channels []string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	want := []string{"hand in", "sign"}
	for _, name := range channels {
		want = append(want, "deliver "+name, "publish "+name, "read back "+name)
	}
	for _, name := range want {
		if len(c.spans[name]) == 0 {
			c.t.Errorf("the span %q did not arrive", name)
		}
	}
	for name, traces := range c.spans {
		for _, got := range traces {
			if got != trace {
				c.t.Errorf("a span %q is of the trace %s, want that of the hand-in, %s", name, got, trace)
			}
		}
	}
	for _, metric := range []string{"tocsin.delivery.outcomes", "tocsin.delivery.released_to_posted", "tocsin.delivery.released_to_verified"} {
		for _, name := range channels {
			if !slices.Contains(c.metrics[metric], name) {
				c.t.Errorf("the metric %s of the channel %s did not arrive", metric, name)
			}
		}
	}
}
