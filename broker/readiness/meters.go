package readiness

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// meters are what an operator watches.
type meters struct {
	state, expiry, left metric.Float64Gauge
}

func newMeters(provider metric.MeterProvider) (m meters, err error) {
	meter := provider.Meter("tocsin/broker/readiness")
	if m.state, err = meter.Float64Gauge("tocsin.readiness", metric.WithDescription("2 ready, 1 degraded, 0 down, by channel; of kind node for the node itself")); err != nil {
		return m, err
	}
	if m.expiry, err = meter.Float64Gauge("tocsin.readiness.expiry", metric.WithUnit("s"),
		metric.WithDescription("time until what a channel or the node needs ends, by aspect, as it was at the latest look; negative once it has ended")); err != nil {
		return m, err
	}
	m.left, err = meter.Float64Gauge("tocsin.readiness.left", metric.WithDescription("what is left of a budget, by channel and aspect"))
	return m, err
}

// standing measures how a subject stands.
func (m *meters) standing(ctx context.Context, s *Standing, now time.Time) {
	who := []attribute.KeyValue{attribute.String("channel", s.Name), attribute.String("kind", s.Kind)}
	m.state.Record(ctx, float64(s.State), metric.WithAttributes(who...))
	for _, f := range s.Findings {
		about := metric.WithAttributes(append(slices.Clone(who), attribute.String("aspect", string(f.Aspect)))...)
		if !f.Until.IsZero() && f.Need == 0 {
			m.expiry.Record(ctx, f.Until.Sub(now).Seconds(), about)
		}
		if f.Need > 0 {
			m.left.Record(ctx, float64(f.Left), about)
		}
	}
}
