package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// quietMetrics is quietSpans for metrics.
type quietMetrics struct {
	metric.Exporter
	log *slog.Logger
}

// Export hands metrics on and never fails.
func (q quietMetrics) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	if err := q.Exporter.Export(ctx, data); err != nil {
		q.log.DebugContext(ctx, "metrics could not be handed over", "err", err)
	}
	return nil
}
