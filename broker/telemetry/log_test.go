package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"tocsin/broker/telemetry"
)

func TestLogNamesTheTrace(t *testing.T) {
	t.Parallel()
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled})
	const traceID, spanID = "01020300000000000000000000000000", "0405000000000000"
	plain := func(l *slog.Logger) *slog.Logger { return l }
	tests := map[string]struct {
		derive func(*slog.Logger) *slog.Logger
		ctx    context.Context
		group  string // under which the attributes of a line stand
		want   bool
	}{
		"in_a_trace":       {plain, trace.ContextWithSpanContext(t.Context(), span), "", true},
		"with_attributes":  {func(l *slog.Logger) *slog.Logger { return l.With("node", "a") }, trace.ContextWithSpanContext(t.Context(), span), "", true},
		"with_a_group":     {func(l *slog.Logger) *slog.Logger { return l.WithGroup("g") }, trace.ContextWithSpanContext(t.Context(), span), "g", true},
		"group_and_with":   {func(l *slog.Logger) *slog.Logger { return l.WithGroup("g").With("node", "a") }, trace.ContextWithSpanContext(t.Context(), span), "g", true},
		"outside_of_spans": {plain, t.Context(), "", false},
		"derived_outside":  {func(l *slog.Logger) *slog.Logger { return l.With("node", "a").WithGroup("g") }, t.Context(), "g", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := tc.derive(slog.New(telemetry.NewLogHandler(slog.NewJSONHandler(&out, nil))))
			log.InfoContext(tc.ctx, "posted", "channel", "x")
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("the line is %q: %v", out.String(), err)
			}
			if tc.group != "" {
				line, _ = line[tc.group].(map[string]any)
			}
			if line["channel"] != "x" {
				t.Errorf("the line lost its own attribute: %s", out.String())
			}
			if !tc.want {
				if bytes.Contains(out.Bytes(), []byte("trace_id")) || bytes.Contains(out.Bytes(), []byte("span_id")) {
					t.Errorf("a line outside of every trace names one: %s", out.String())
				}
				return
			}
			if line["trace_id"] != traceID || line["span_id"] != spanID {
				t.Errorf("trace and span are %v and %v, want %s and %s", line["trace_id"], line["span_id"], traceID, spanID)
			}
		})
	}
}

func TestLogKeepsTheLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(telemetry.NewLogHandler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	log.InfoContext(t.Context(), "posted")
	if out.Len() > 0 {
		t.Errorf("a line below the level is written: %s", out.String())
	}
}
