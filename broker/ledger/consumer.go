package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/propagation"
)

// A Reminder is a durable consumer of decisions (bulletins, signatures). Its place
// in the ledger outlives the process, and anyone can ask the broker for it: how many
// decisions a channel has not taken yet.
//
// What is left to do stands in the state, never in a reminder. Several nodes share
// one: each decision goes to one of them, and again to another where that one died
// before it acknowledged.
type Reminder struct {
	ledger   *Ledger
	consumer jetstream.Consumer
}

// Reminder opens the durable consumer of the given name. A new one begins with the
// next decision. It is for the broker's own process: nobody else makes consumers, and for
// others it is a reminder of nothing.
func (l *Ledger) Reminder(ctx context.Context, durable string) (*Reminder, error) {
	if l.o.Server == nil {
		return &Reminder{ledger: l}, nil
	}
	var next int64
	l.View(func(s *State) { next = s.Seq + 1 })
	config := jetstream.ConsumerConfig{
		Durable: durable, Description: "reminds a channel of decisions", FilterSubject: "ledger.alert.*.decision.>",
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(next), //nolint:gosec // never negative
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 5 * time.Second, MaxDeliver: -1, MaxAckPending: 1024,
		Replicas: 1,
	}
	consumer, err := l.js.CreateOrUpdateConsumer(ctx, streamName, config)
	if isStartSeqChange(err) {
		// The consumer is from an earlier run, and begins where that one left.
		consumer, err = l.js.Consumer(ctx, streamName, durable)
	}
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		// The broker can't read what it kept of it, and lets no other take its place.
		if err = l.o.Server.forget(durable); err == nil {
			consumer, err = l.js.CreateConsumer(ctx, streamName, config)
		}
	}
	if _, said := errors.AsType[*jetstream.APIError](err); said {
		// On a full disk nothing is written for it. It only reminds: a node starts without.
		l.o.Log.WarnContext(ctx, "the broker keeps no consumer for a channel; it is reminded of nothing until the next start", "consumer", durable, "err", err)
		return &Reminder{ledger: l}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", durable, err)
	}
	return &Reminder{ledger: l, consumer: consumer}, nil
}

// Take calls remind with the alert of each decision that came since the last Take,
// without waiting for more, and acknowledges it.
func (r *Reminder) Take(ctx context.Context, remind func(alert string)) error {
	const most = 256
	if r.consumer == nil {
		return nil
	}
	for ctx.Err() == nil {
		batch, err := r.consumer.FetchNoWait(most)
		if err != nil {
			return fmt.Errorf("consumer %s: %w", r.consumer.CachedInfo().Name, err)
		}
		taken := 0
		for m := range batch.Messages() {
			taken++
			remind(alertOf(m.Subject()))
			_ = m.Ack() // an acknowledgement that is lost only reminds once more
		}
		if err := batch.Error(); err != nil {
			return fmt.Errorf("consumer %s: %w", r.consumer.CachedInfo().Name, err)
		}
		if taken < most {
			return nil
		}
	}
	return context.Cause(ctx)
}

// isStartSeqChange reports whether the broker refused to move the start of a
// consumer that exists.
func isStartSeqChange(err error) bool {
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && e.ErrorCode == codeConsumerCreate
}

const codeConsumerCreate jetstream.ErrorCode = 10012

// alertOf returns the alert of a subject "ledger.alert.<alert>.…".
func alertOf(subject string) string {
	const prefix = "ledger.alert."
	if len(subject) < len(prefix)+36 || subject[:len(prefix)] != prefix {
		return ""
	}
	return subject[len(prefix) : len(prefix)+36]
}

// carrier reads and writes trace headers without changing their case: the broker's
// headers are case-sensitive.
type carrier nats.Header

// Get returns the first value of key.
func (c carrier) Get(key string) string { return nats.Header(c).Get(key) }

// Set replaces the value of key.
func (c carrier) Set(key, value string) { nats.Header(c).Set(key, value) }

// Keys lists the names.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	return keys
}

func inject(ctx context.Context, h nats.Header) { propagation.TraceContext{}.Inject(ctx, carrier(h)) }

// WithTrace returns ctx as part of the trace that a record's traceparent names;
// ctx itself where there is none.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, carrier{traceHeader: {traceparent}})
}
