// Package telemetry sets up OpenTelemetry: where traces and metrics go, and a log
// handler that names the trace of what it logs.
//
// Nothing is exported unless it is asked for, and a collector that does not
// listen disturbs nobody.
package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Config says where telemetry goes. The zero value goes nowhere.
type Config struct {
	// OTLP is the base address of a collector that takes OTLP over HTTP,
	// "http://127.0.0.1:4318", without a credential; "" for none.
	OTLP string
	// Prometheus is the address on which /metrics is served; "" for none.
	Prometheus string
	// TLS is the certificate of that address; nil for without TLS.
	TLS *tls.Config
	// Node is the service instance in traces and metrics.
	Node string
	// Log takes the exporters' troubles; nil for none.
	Log *slog.Logger
}

// A Telemetry hands out providers and owns the exporters behind them.
type Telemetry struct {
	Tracers trace.TracerProvider
	Meters  metric.MeterProvider

	stops []func(context.Context) error
}

// Start sets the exporters up. An address that can't be used is an error; one
// where nobody listens is not.
func Start(ctx context.Context, c Config) (*Telemetry, error) {
	t := &Telemetry{Tracers: tracenoop.NewTracerProvider(), Meters: metricnoop.NewMeterProvider()}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	about := resource.NewSchemaless(attribute.String("service.name", "tocsin"), attribute.String("service.instance.id", c.Node))
	var readers []sdkmetric.Option
	// The page comes first: what fails after it is ended by Stop, whereas a reader
	// of metrics that no provider has yet could not be ended.
	if c.Prometheus != "" {
		option, err := t.servePrometheus(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("telemetry.prometheus: %w", err)
		}
		readers = append(readers, option)
	}
	if c.OTLP != "" {
		option, err := t.exportOTLP(ctx, c, about)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("telemetry.otlp: %w", err), t.Stop(ctx))
		}
		readers = append(readers, option)
	}
	if len(readers) > 0 {
		provider := sdkmetric.NewMeterProvider(append(readers, sdkmetric.WithResource(about))...)
		t.Meters = provider
		t.stops = append([]func(context.Context) error{provider.Shutdown}, t.stops...)
	}
	return t, nil
}

// exportOTLP sends spans to the collector, and returns the way of the metrics.
func (t *Telemetry) exportOTLP(ctx context.Context, c Config, about *resource.Resource) (sdkmetric.Option, error) {
	base, err := CollectorURL(c.OTLP)
	if err != nil {
		return nil, err
	}
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base.JoinPath("v1/traces").String()))
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(quietSpans{spans, c.Log}), sdktrace.WithResource(about))
	t.Tracers = provider
	t.stops = append(t.stops, provider.Shutdown)
	metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(base.JoinPath("v1/metrics").String()))
	if err != nil {
		return nil, err
	}
	return sdkmetric.WithReader(sdkmetric.NewPeriodicReader(quietMetrics{metrics, c.Log})), nil
}

// CollectorURL reads the base address of a collector, or says how it is written. The exporters would take one that
// they can't read for their own default, and only print that.
func CollectorURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	// The parser's error repeats the address, which may carry a credential.
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, errors.New("this is not the base address of a collector: write scheme, host and port, such as http://127.0.0.1:4318, and no credential")
	}
	return u, nil
}

func (t *Telemetry) servePrometheus(ctx context.Context, c Config) (sdkmetric.Option, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Prometheus)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, TLSConfig: c.TLS, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug)}
	done := make(chan error, 1)
	go func() {
		if c.TLS != nil {
			done <- server.ServeTLS(l, "", "")
			return
		}
		done <- server.Serve(l)
	}()
	t.stops = append(t.stops, func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if e := <-done; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	})
	return sdkmetric.WithReader(exporter), nil
}

// Stop hands over what is left and ends the exporters. Stopping twice is fine.
func (t *Telemetry) Stop(ctx context.Context) error {
	var errs []error
	for _, stop := range t.stops {
		errs = append(errs, stop(ctx))
	}
	t.stops = nil
	return errors.Join(errs...)
}

// quietSpans keeps a collector's absence out of everybody's way: it is a line for
// whoever debugs.
type quietSpans struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans hands spans on and never fails.
func (q quietSpans) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := q.SpanExporter.ExportSpans(ctx, spans); err != nil {
		q.log.DebugContext(ctx, "traces could not be handed over", "err", err)
	}
	return nil
}
