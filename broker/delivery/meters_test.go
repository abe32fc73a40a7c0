package delivery_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// A clocked channel has a platform with a clock.
type clocked struct {
	*platform
	ahead time.Duration
}

func (c clocked) ClockOffset() (time.Duration, bool) { return c.ahead, true }

// A lockedBuffer is a log that several may write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestOutcomesAreCountedByTheirClass has each end that the channel gives no class to:
// none of them is "ok" but a post that is public. The clock is measured by the way.
func TestOutcomesAreCountedByTheirClass(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	reader := sdkmetric.NewManualReader()
	var log lockedBuffer
	x := newPlatform("x-a").then(loseBoth)
	blind := newPlatform("telegram-a")
	blind.blind = true
	l := h.open("one/a")
	if _, err := l.Append(t.Context(), ledger.Record{Type: ledger.NodeStarted}); err != nil {
		t.Fatal(err)
	}
	held := newPlatform("facebook-a").then(refuse(adapters.NotSent, time.Minute))
	s, err := delivery.New(delivery.Config{
		Ledger: l, Rings: signing.Fixed(h.auth), Meters: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), Log: slog.New(slog.NewTextHandler(&log, nil)),
		Channels: []delivery.Channel{quick(clocked{x, 5 * time.Minute}), quick(clocked{blind, -20 * time.Second}), quick(held)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	a := newAlert(t, "x-a", "telegram-a")
	b := h.release(a.Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateVerified)
	h.until(b, "telegram-a", "its end", func(p ledger.PartState) bool { return p.Final() })
	// One is superseded while it waits, another one expires.
	newer := newAlert(t, "facebook-a")
	first := h.release(newer.Next(t, alert.MsgAlert))
	h.until(first, "facebook-a", "to wait", func(p ledger.PartState) bool { return !p.RetryAt.IsZero() })
	second := h.release(newer.Next(t, alert.MsgUpdate))
	h.await(first, "facebook-a", ledger.StateSuperseded)
	h.await(second, "facebook-a", ledger.StateVerified)
	held.then(refuse(adapters.NotSent, time.Minute))
	late := newAlert(t, "facebook-a")
	late.Composed, late.Expires = late.Composed.Add(-time.Minute), time.Now().Truncate(time.Second).Add(2*time.Second)
	h.await(h.release(late.Next(t, alert.MsgAlert)), "facebook-a", ledger.StateExpired)

	// A record is counted right after it is written.
	got, offsets := collect(t, reader)
	for end := time.Now().Add(10 * time.Second); got["expired"] == "" && time.Now().Before(end); {
		got, offsets = collect(t, reader)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for record, class := range map[string]string{
		"posted": "ok", "verified": "ok", "unknown": "unknown", "absent": "absent", "not_sent": "not_sent",
		"not_verifiable": "not_verifiable", "superseded": "superseded", "expired": "expired",
	} {
		if got[record] != class {
			t.Errorf("record %s counts as class %q, want %q", record, got[record], class)
		}
	}
	if offsets["x-a"] != 300 || offsets["telegram-a"] != -20 {
		t.Errorf("the clock offsets are %v, want 300 for x-a and -20 for telegram-a", offsets)
	}
	if n := strings.Count(log.String(), "clock and the platform's are too far apart"); n != 1 {
		t.Errorf("the log says %d times that a clock is off, want once:\n%s", n, log.String())
	}
}

// collect returns the class that each record counts as, and each channel's clock offset.
func collect(t *testing.T, reader sdkmetric.Reader) (classes map[string]string, offsets map[string]float64) {
	t.Helper()
	classes, offsets = map[string]string{}, map[string]float64{}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch points := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range points.DataPoints {
					record, _ := p.Attributes.Value("record")
					class, _ := p.Attributes.Value("class")
					if m.Name == "tocsin.delivery.outcomes" {
						classes[record.AsString()] = class.AsString()
					}
				}
			case metricdata.Gauge[float64]:
				for _, p := range points.DataPoints {
					channel, _ := p.Attributes.Value("channel")
					offsets[channel.AsString()] = p.Value
				}
			}
		}
	}
	return classes, offsets
}
