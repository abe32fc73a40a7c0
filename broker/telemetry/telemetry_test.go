package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"tocsin/broker/telemetry"
	"tocsin/broker/telemetry/telemetrytest"
)

// mostToStop is how long Stop may take where nobody listens.
const mostToStop = 3 * time.Second

// childEnv marks the process in which nobody listens.
const childEnv = "TOCSIN_TEST_NOBODY_LISTENS"

func TestNothingConfigured(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Node: "savona-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := tel.Tracers.(tracenoop.TracerProvider); !ok {
		t.Errorf("the tracers are %T, want those that do nothing", tel.Tracers)
	}
	if _, ok := tel.Meters.(metricnoop.MeterProvider); !ok {
		t.Errorf("the meters are %T, want those that do nothing", tel.Meters)
	}
	work(t, tel, 1)
	for range 2 {
		if err := tel.Stop(t.Context()); err != nil {
			t.Errorf("Stop returns %v, want nothing", err)
		}
	}
}

func TestUnusableAddresses(t *testing.T) {
	t.Parallel()
	taken := listen(t)
	tests := map[string]struct {
		config telemetry.Config
		want   string
	}{
		"otlp_not_an_address":    {telemetry.Config{OTLP: "http://[::1"}, "telemetry.otlp"},
		"otlp_without_scheme":    {telemetry.Config{OTLP: "127.0.0.1:4318"}, "telemetry.otlp"},
		"otlp_name_and_port":     {telemetry.Config{OTLP: "localhost:4318"}, "telemetry.otlp"},
		"otlp_without_host":      {telemetry.Config{OTLP: "http://"}, "telemetry.otlp"},
		"otlp_with_credential":   {telemetry.Config{OTLP: "http://savona:s3cret@127.0.0.1:4318"}, "telemetry.otlp"},
		"otlp_other_scheme":      {telemetry.Config{OTLP: "grpc://127.0.0.1:4317"}, "telemetry.otlp"},
		"prometheus_no_port":     {telemetry.Config{Prometheus: "127.0.0.1"}, "telemetry.prometheus"},
		"prometheus_taken":       {telemetry.Config{Prometheus: taken.Addr().String()}, "telemetry.prometheus"},
		"otlp_beside_prometheus": {telemetry.Config{OTLP: "localhost:4318", Prometheus: "127.0.0.1:0"}, "telemetry.otlp"},
		"prometheus_beside_otlp": {telemetry.Config{OTLP: "http://127.0.0.1:1", Prometheus: taken.Addr().String()}, "telemetry.prometheus"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tel, err := telemetry.Start(t.Context(), tc.config)
			if err == nil {
				_ = tel.Stop(t.Context())
				t.Fatal("it starts, want an error")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %q, want one that names %s", err, tc.want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error %q tells the credential", err)
			}
		})
	}
}

// TestNobodyListens runs itself in a process of its own: what OpenTelemetry prints
// by itself goes to the standard error of the process.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	if os.Getenv(childEnv) == "1" {
		workInVain(t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestNobodyListens$")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("the process ends with %v:\n%s", err, stdout.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("standard error holds, want nothing:\n%s", stderr.String())
	}
	if !strings.Contains(stdout.String(), "PASS") {
		t.Errorf("the process proved nothing:\n%s", stdout.String())
	}
}

// workInVain starts, uses and stops exporters whose collector is not there.
func workInVain(t *testing.T) {
	t.Helper()
	log := &levels{}
	tel, err := telemetry.Start(t.Context(), telemetry.Config{OTLP: "http://" + vacant(t), Node: "savona-1", Log: slog.New(log)})
	if err != nil {
		t.Fatalf("Start returns %v, want nothing", err)
	}
	work(t, tel, 2000) // more than one batch, so that some go out during use
	begun := time.Now()
	if err := tel.Stop(t.Context()); err != nil {
		t.Errorf("Stop returns %v, want nothing", err)
	}
	if took := time.Since(begun); took > mostToStop {
		t.Errorf("Stop takes %v, the limit is %v", took, mostToStop)
	}
	debug, above := log.counts()
	if debug == 0 || above > 0 {
		t.Errorf("the log got %d lines for debugging and %d others, want some and none", debug, above)
	}
}

func TestStopEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	t.Cleanup(collector.Close)
	t.Cleanup(func() { close(hold) })
	tel, err := telemetry.Start(t.Context(), telemetry.Config{OTLP: collector.URL})
	if err != nil {
		t.Fatal(err)
	}
	work(t, tel, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := tel.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop returns %v, want at most that its time is over", err)
	}
	if took := time.Since(begun); took > mostToStop {
		t.Errorf("Stop takes %v with a collector that stalls, the limit is %v", took, mostToStop)
	}
}

func TestCollectorGetsAll(t *testing.T) {
	t.Parallel()
	for name, suffix := range map[string]string{"address": "", "address_with_slash": "/"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, address := collect(t)
			tel, err := telemetry.Start(t.Context(), telemetry.Config{OTLP: address + suffix, Node: "savona-1"})
			if err != nil {
				t.Fatal(err)
			}
			work(t, tel, 3)
			if err := tel.Stop(t.Context()); err != nil {
				t.Errorf("Stop returns %v, want nothing", err)
			}
			c.check("savona-1", 3)
		})
	}
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	tel, address := startPrometheus(t)
	work(t, tel, 3)
	status, page := telemetrytest.Get(t, "http://"+address+"/metrics")
	if status != http.StatusOK {
		t.Errorf("/metrics answers %d, want 200", status)
	}
	for _, want := range []string{`tocsin_delivery_outcomes_total{channel="x"`, `tocsin_delivery_released_to_posted_seconds_count{channel="x"`, `service_name="tocsin"`} {
		if !strings.Contains(page, want) {
			t.Errorf("/metrics lacks %s:\n%s", want, page)
		}
	}
	if status, _ := telemetrytest.Get(t, "http://"+address+"/"); status != http.StatusNotFound {
		t.Errorf("another path answers %d, want 404", status)
	}
	for range 2 {
		if err := tel.Stop(t.Context()); err != nil {
			t.Errorf("Stop returns %v, want nothing", err)
		}
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("somebody listens after Stop")
	}
}

// startPrometheus starts on a vacant port; where another program was faster, on the
// next one.
func startPrometheus(t *testing.T) (*telemetry.Telemetry, string) {
	t.Helper()
	for {
		address := vacant(t)
		tel, err := telemetry.Start(t.Context(), telemetry.Config{Prometheus: address, Node: "savona-1"})
		if err == nil {
			return tel, address
		}
		if t.Context().Err() != nil || !strings.Contains(err.Error(), "address already in use") {
			t.Fatal(err)
		}
	}
}

// work makes n spans and counts as the deliveries do.
func work(t *testing.T, tel *telemetry.Telemetry, n int) {
	t.Helper()
	meter := tel.Meters.Meter("tocsin/test")
	outcomes, err := meter.Int64Counter("tocsin.delivery.outcomes")
	if err != nil {
		t.Fatal(err)
	}
	posted, err := meter.Float64Histogram("tocsin.delivery.released_to_posted", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	on := metric.WithAttributes(attribute.String("channel", "x"))
	for range n {
		ctx, span := tel.Tracers.Tracer("tocsin/test").Start(t.Context(), "deliver")
		outcomes.Add(ctx, 1, on)
		posted.Record(ctx, 0.25, on)
		span.End()
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// vacant returns an address on loopback on which nobody listens.
func vacant(t *testing.T) string {
	t.Helper()
	l := listen(t)
	_ = l.Close()
	return l.Addr().String()
}

// A collector keeps what is exported.
type collector struct {
	t *testing.T

	// mu guards what has arrived.
	mu      sync.Mutex
	traces  []*tracepb.ExportTraceServiceRequest
	metrics []*metricspb.ExportMetricsServiceRequest
}

// collect returns a collector and its address.
func collect(t *testing.T) (*collector, string) {
	t.Helper()
	c := &collector{t: t}
	server := httptest.NewServer(&telemetrytest.Collector{
		T: t,
		Traces: func(m *tracepb.ExportTraceServiceRequest) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.traces = append(c.traces, m)
		},
		Metrics: func(m *metricspb.ExportMetricsServiceRequest) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.metrics = append(c.metrics, m)
		},
	})
	t.Cleanup(server.Close)
	return c, server.URL
}

// check looks for n spans and the metrics of work, all of the node.
func (c *collector) check(node string, n int) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := 0
	for _, m := range c.traces {
		for _, of := range m.GetResourceSpans() {
			if got := of.GetResource().String(); !strings.Contains(got, `"`+node+`"`) {
				c.t.Errorf("spans are of %s, want of %s", got, node)
			}
			for _, scope := range of.GetScopeSpans() {
				spans += len(scope.GetSpans())
			}
		}
	}
	if spans != n {
		c.t.Errorf("%d spans arrive, want %d", spans, n)
	}
	var counted, measured int
	for _, m := range c.metrics {
		for _, of := range m.GetResourceMetrics() {
			for _, scope := range of.GetScopeMetrics() {
				for _, metric := range scope.GetMetrics() {
					switch metric.GetName() {
					case "tocsin.delivery.outcomes":
						counted = int(metric.GetSum().GetDataPoints()[0].GetAsInt())
					case "tocsin.delivery.released_to_posted":
						measured = int(metric.GetHistogram().GetDataPoints()[0].GetCount()) //nolint:gosec // a handful
					}
				}
			}
		}
	}
	if counted != n || measured != n {
		c.t.Errorf("%d outcomes are counted and %d times measured, want %d of both", counted, measured, n)
	}
}

// levels counts log lines by their level.
type levels struct {
	// mu guards both counts.
	mu           sync.Mutex
	debug, above int
}

func (l *levels) Enabled(context.Context, slog.Level) bool { return true }

func (l *levels) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Level <= slog.LevelDebug {
		l.debug++
	} else {
		l.above++
	}
	return nil
}

func (l *levels) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *levels) WithGroup(string) slog.Handler      { return l }

func (l *levels) counts() (debug, above int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.debug, l.above
}
