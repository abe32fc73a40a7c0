package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// This file reads the ledger for whoever is no node: by asking for record after record.
// A consumer would be told of each new one, but whoever may make a consumer may have the
// broker write records to any subject; see access.go.

const (
	// directGet is where the broker is asked for records.
	directGet = "$JS.API.DIRECT.GET." + streamName

	// askEvery is the time between two questions for new records.
	askEvery = 100 * time.Millisecond
	// askFirst is the time after which a record that was told of is asked for.
	askFirst = 500 * time.Microsecond
	// askMost and askBytes bound the answer to one question.
	askMost  = 1024
	askBytes = 8 << 20
	// askPatience is how long the broker may take for one answer.
	askPatience = 10 * time.Second
)

// errNoStore is the broker's silence about a stream that it had a moment ago.
var errNoStore = errors.New("the broker has no ledger to read from")

// ask folds what the ledger holds, and then every record that comes, in its own
// goroutine, until Close. It is told that a record is being written, and asks for it.
func (l *Ledger) ask(ctx context.Context) error {
	if l.o.Server == nil {
		if _, err := l.reader.Subscribe(told+".ledger.>", func(*nats.Msg) { l.hint() }); err != nil {
			return err
		}
	}
	next, err := l.fetchAll(ctx, 1)
	if err != nil {
		return err
	}
	if l.o.Create {
		if err := l.warm(); err != nil {
			return err
		}
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	if l.o.Create {
		if err := l.watch(ctx); err != nil {
			return err
		}
	}
	l.reading.Go(func() { l.keepAsking(ctx, next) })
	return nil
}

// keepAsking folds every record from next on until ctx is done. What it is told of is not on
// disk yet: it asks soon, and again after twice the time until there is something new.
func (l *Ledger) keepAsking(ctx context.Context, next int64) {
	wait := askEvery
	timer := time.NewTimer(wait)
	defer timer.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.appended:
		case <-l.hinted:
			wait = askFirst / 2
		case <-timer.C:
		}
		before := next
		var err error
		if next, err = l.fetchAll(ctx, next); err != nil && ctx.Err() == nil && err.Error() != said {
			l.o.Log.WarnContext(ctx, "reading the ledger was interrupted", "err", err)
			said = err.Error() // the same trouble is said once
		} else if err == nil {
			said = ""
		}
		if wait = min(2*wait, askEvery); next != before || err != nil {
			wait = askEvery
		}
		timer.Reset(wait)
	}
}

// fetchAll folds the records from seq on, and returns the sequence of the first one
// that the broker has not.
func (l *Ledger) fetchAll(ctx context.Context, seq int64) (next int64, err error) {
	for more := true; more && err == nil; {
		seq, more, err = l.fetch(ctx, seq)
	}
	return seq, err
}

// fetch folds what the broker answers to one question for the records from seq on.
func (l *Ledger) fetch(ctx context.Context, seq int64) (next int64, more bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askPatience, errSilent)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	defer l.asking.add(giveUp)()
	inbox := l.reader.NewInbox()
	answers, err := l.reader.SubscribeSync(inbox)
	if err != nil {
		return seq, false, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	question, err := json.Marshal(map[string]int64{"seq": seq, "batch": askMost, "max_bytes": askBytes})
	if err != nil {
		return seq, false, err
	}
	if err := l.reader.PublishRequest(directGet, inbox, question); err != nil {
		return seq, false, err
	}
	for {
		m, err := answers.NextMsgWithContext(ctx)
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			return seq, false, errNoStore
		case err != nil && ctx.Err() != nil:
			return seq, false, context.Cause(ctx)
		case err != nil:
			return seq, false, err
		}
		e, err := entryOf(m)
		switch {
		case err != nil:
			return seq, false, err
		case e == nil:
			return seq, word(m.Header, "Nats-Num-Pending") != "" && word(m.Header, "Nats-Num-Pending") != "0", nil
		}
		l.fold(e)
		seq = e.Seq + 1
	}
}

// entryOf reads one record of an answer; nil where the answer ends. Whoever wrote the
// record may have given it headers like those of the broker, which stand after them.
func entryOf(m *nats.Msg) (*Entry, error) {
	if word(m.Header, "Nats-Sequence") == "" {
		switch status := word(m.Header, "Status"); status {
		case "204", "404": // no more, none
			return nil, nil //nolint:nilnil // the end of an answer is no record
		default:
			return nil, fmt.Errorf("the broker answers %s %s", status, word(m.Header, "Description"))
		}
	}
	seq, err := strconv.ParseInt(word(m.Header, "Nats-Sequence"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("a message of the ledger has no place in it: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, word(m.Header, "Nats-Time-Stamp"))
	if err != nil {
		return nil, fmt.Errorf("record %d has no time: %w", seq, err)
	}
	return &Entry{Seq: seq, Subject: word(m.Header, "Nats-Subject"), Payload: m.Data, Time: at.UTC(), Header: m.Header}, nil
}

// word returns the last value of a header, "" for none.
func word(h nats.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}
