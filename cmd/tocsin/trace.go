package main

import (
	"context"
	"crypto/rand"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// span begins a span of a bulletin's trace: one trace leads from the first hand-in
// over every signature to the last read-back, also where the commands export
// nothing themselves.
func (d *desk) span(ctx context.Context, name string, b *bulletin.Bulletin) (context.Context, trace.Span) {
	var parent string
	d.ledger.View(func(s *ledger.State) {
		if a := s.Alerts[string(b.Alert)]; a != nil {
			for _, known := range a.Bulletins {
				if known.Trace != "" {
					parent = known.Trace // an alert's later bulletins go on with its trace
				}
			}
		}
	})
	switch {
	case trace.SpanContextFromContext(ctx).IsValid():
	case parent != "":
		ctx = ledger.WithTrace(ctx, parent)
	default:
		var c trace.SpanContextConfig
		_, _ = rand.Read(c.TraceID[:]) // crypto/rand does not fail
		_, _ = rand.Read(c.SpanID[:])
		c.TraceFlags, c.Remote = trace.FlagsSampled, true
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(c))
	}
	tracers := trace.TracerProvider(tracenoop.NewTracerProvider())
	if d.telemetry != nil {
		tracers = d.telemetry.Tracers
	}
	return tracers.Tracer("tocsin/cmd").Start(ctx, name, trace.WithAttributes(
		attribute.String("tocsin.alert", string(b.Alert)), attribute.Int("tocsin.bulletin", b.Number)))
}
