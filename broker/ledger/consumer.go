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

// Wake calls wake with the alert of each decision (bulletin, signature) that
// comes after this moment, through a durable consumer of the given name, until
// the returned stop is called, which waits for it.
//
// A wake-up may come twice, and after a crash again: what is left to do stands in
// the state, never in the consumer.
func (l *Ledger) Wake(ctx context.Context, durable string, wake func(alert string, seq int64)) (stop func(), err error) {
	var next int64
	l.View(func(s *State) { next = s.Seq + 1 })
	consumer, err := l.js.CreateOrUpdateConsumer(ctx, streamName, jetstream.ConsumerConfig{
		Durable: durable, Description: "wakes the worker of a channel", FilterSubject: "ledger.alert.*.decision.>",
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(next), //nolint:gosec // never negative
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 5 * time.Second, MaxDeliver: -1, MaxAckPending: 256,
		Replicas: 1,
	})
	if isStartSeqChange(err) {
		// The consumer is from an earlier run, and begins where that one left.
		consumer, err = l.js.Consumer(ctx, streamName, durable)
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", durable, err)
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		if meta, err := m.Metadata(); err == nil {
			wake(alertOf(m.Subject()), int64(meta.Sequence.Stream)) //nolint:gosec // far below 2^63
		}
		_ = m.Ack() // an acknowledgement that is lost only wakes once more
	}, jetstream.PullExpiry(5*time.Second), jetstream.PullHeartbeat(time.Second), jetstream.PullMaxMessages(256),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			l.o.Log.Debug("a channel's consumer was interrupted", "consumer", durable, "err", err) //nolint:sloglint // a callback has no context
		}))
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", durable, err)
	}
	return func() {
		consuming.Stop()
		<-consuming.Closed()
	}, nil
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
