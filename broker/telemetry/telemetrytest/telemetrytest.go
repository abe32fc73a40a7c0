// Package telemetrytest is a stand-in of an OpenTelemetry collector, and a reader of
// metrics, for tests of what is exported.
package telemetrytest

import (
	"io"
	"net/http"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Get asks for a page, and returns what is answered.
func Get(tb testing.TB, address string) (status int, body string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, address, nil)
	if err != nil {
		tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A Collector takes OTLP over HTTP, in protobuf, and hands on what has arrived. It
// fails the test for anything else. Both functions are called concurrently.
type Collector struct {
	T       testing.TB
	Traces  func(*tracepb.ExportTraceServiceRequest)
	Metrics func(*metricspb.ExportMetricsServiceRequest)
}

// ServeHTTP takes one export.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		c.T.Errorf("an export breaks off: %v", err)
	}
	switch r.URL.Path {
	case "/v1/traces":
		m := &tracepb.ExportTraceServiceRequest{}
		if err = proto.Unmarshal(body, m); err == nil {
			c.Traces(m)
		}
	case "/v1/metrics":
		m := &metricspb.ExportMetricsServiceRequest{}
		if err = proto.Unmarshal(body, m); err == nil {
			c.Metrics(m)
		}
	default:
		c.T.Errorf("something is exported to %s", r.URL.Path)
	}
	if err != nil {
		c.T.Errorf("%s gets what is not OTLP: %v", r.URL.Path, err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}
