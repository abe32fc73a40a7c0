package delivery

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

// meters count what an operator watches.
type meters struct {
	outcomes   metric.Int64Counter
	retries    metric.Int64Counter
	toPosted   metric.Float64Histogram
	toVerified metric.Float64Histogram
	offset     metric.Float64Gauge
	breakglass metric.Int64Counter
	circuit    metric.Int64Gauge
	alarms     metric.Int64Counter
}

func newMeters(provider metric.MeterProvider) (m meters, err error) {
	meter := provider.Meter("tocsin/broker/delivery")
	seconds := metric.WithExplicitBucketBoundaries(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
	if m.outcomes, err = meter.Int64Counter("tocsin.delivery.outcomes",
		metric.WithDescription("delivery records, by channel, state reached and outcome class")); err != nil {
		return m, err
	}
	if m.retries, err = meter.Int64Counter("tocsin.delivery.retries",
		metric.WithDescription("attempts after the first, by channel")); err != nil {
		return m, err
	}
	if m.toPosted, err = meter.Float64Histogram("tocsin.delivery.released_to_posted", metric.WithUnit("s"), seconds,
		metric.WithDescription("time from the last signature to the platform's word that the post is public")); err != nil {
		return m, err
	}
	if m.breakglass, err = meter.Int64Counter("tocsin.delivery.breakglass",
		metric.WithDescription("bulletins that this node saw released by one organisation alone")); err != nil {
		return m, err
	}
	if m.circuit, err = meter.Int64Gauge("tocsin.delivery.circuit",
		metric.WithDescription("0 where the channel works, 1 where it is broken and the next attempt shows whether it still is, 2 where it is broken and what may wait waits")); err != nil {
		return m, err
	}
	if m.alarms, err = meter.Int64Counter("tocsin.watch.found",
		metric.WithDescription("what this node found on accounts after deliveries were done, by channel and what: altered, hidden, deleted, restored, public (a post that no bulletin covers), gone")); err != nil {
		return m, err
	}
	if m.offset, err = meter.Float64Gauge("tocsin.platform.clock_offset", metric.WithUnit("s"),
		metric.WithDescription("by how much this machine's clock is ahead of the platform's, as its latest answer showed it")); err != nil {
		return m, err
	}
	m.toVerified, err = meter.Float64Histogram("tocsin.delivery.released_to_verified", metric.WithUnit("s"), seconds,
		metric.WithDescription("time from the last signature to the read-back that matched"))
	return m, err
}

// recorded counts a delivery record.
func (m *meters) recorded(ctx context.Context, ch adapters.Channel, r *ledger.Record) {
	channel := attribute.String("channel", ch.Name())
	kind := attribute.String("kind", ch.Kind())
	m.outcomes.Add(ctx, 1, metric.WithAttributes(channel, kind, attribute.String("record", string(r.Type)), attribute.String("class", classOf(r))))
	switch r.Type { //nolint:exhaustive // the others measure nothing
	case ledger.NotSent, ledger.Absent:
		m.retries.Add(ctx, 1, metric.WithAttributes(channel, kind))
	}
}

// took measures how long after its release a post, which a record has brought to its present
// state, was there: by the ledger's times alone.
func (m *meters) took(ctx context.Context, ch adapters.Channel, record ledger.Type, released time.Time, p *ledger.PartState) {
	attributes := metric.WithAttributes(attribute.String("channel", ch.Name()), attribute.String("kind", ch.Kind()))
	switch record { //nolint:exhaustive // the others measure nothing
	case ledger.Posted:
		m.toPosted.Record(ctx, p.PostedAt.Sub(released).Seconds(), attributes)
	case ledger.Verified:
		m.toVerified.Record(ctx, p.VerifiedAt.Sub(released).Seconds(), attributes)
	}
}

// broken counts a bulletin that one organisation released alone.
func (m *meters) broken(ctx context.Context) { m.breakglass.Add(ctx, 1) }

// classOf returns what a record counts as: its own class; without one, ok where the
// post is public or was read back, else the record's own name. Whoever divides ok by
// all must not count an expired alert as a success.
func classOf(r *ledger.Record) string {
	switch {
	case r.Class != "":
		return r.Class
	case r.Type == ledger.Posted || r.Type == ledger.Verified:
		return "ok"
	}
	return string(r.Type)
}

// clock measures a clock.
func (m *meters) clock(ctx context.Context, ch adapters.Channel, offset time.Duration) {
	m.offset.Record(ctx, offset.Seconds(), metric.WithAttributes(attribute.String("channel", ch.Name()), attribute.String("kind", ch.Kind())))
}

// measureCircuit measures whether what is sent to the lane's channel arrives.
func (l *lane) measureCircuit(ctx context.Context) {
	var c ledger.Circuit
	l.s.Ledger.View(func(st *ledger.State) { c = st.Circuit(l.name) })
	level := map[ledger.CircuitState]int64{ledger.CircuitHalfOpen: 1, ledger.CircuitOpen: 2}[c.State(l.s.Ledger.Time())]
	l.s.meters.circuit.Record(ctx, level, metric.WithAttributes(attribute.String("channel", l.name), attribute.String("kind", l.ch.Channel.Kind())))
}

// watched counts what the watch found.
func (m *meters) watched(ctx context.Context, ch adapters.Channel, r *ledger.Record) {
	m.alarms.Add(ctx, 1, metric.WithAttributes(attribute.String("channel", ch.Name()), attribute.String("kind", ch.Kind()), attribute.String("found", r.State)))
}
