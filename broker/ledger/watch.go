package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// This file notices that the ledger is changed under a node that runs: whoever can
// administer the broker can delete, shorten or replace a stream, and no record says so.

// watchEvery is the time between two looks at the streams.
const watchEvery = 2 * time.Second

// lookTimeout bounds one look: a question that went down with its connection is never
// answered.
const lookTimeout = 3 * time.Second

// A ChangedError says that the streams are not any more what the node has read. It is
// what [Ledger.Broken] returns from then on.
type ChangedError struct{ What string }

// Error says what was changed, and what to do.
func (e *ChangedError) Error() string {
	return "the ledger was changed under the running node: " + e.What +
		"; stop the node, find out who can administer the broker, put back a whole copy of the ledger (docs/operations.md), and start the node again"
}

// A watched stream is one as it was when it was opened.
type watched struct {
	stream jetstream.Stream
	was    *jetstream.StreamInfo
	last   uint64 // sequence of the newest message that it has held
}

// watch looks at both streams until ctx is done or one has changed, and at once after
// the connection was lost.
func (l *Ledger) watch(ctx context.Context) error {
	var all []*watched
	for _, name := range []string{streamName, blobsName} {
		stream, err := l.js.Stream(ctx, name)
		if err != nil {
			return fmt.Errorf("watch %s: %w", name, err)
		}
		all = append(all, &watched{stream: stream, was: stream.CachedInfo(), last: stream.CachedInfo().State.LastSeq})
	}
	every := l.o.WatchEvery
	if every == 0 {
		every = watchEvery
	}
	l.reading.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-l.reconnected:
			case <-tick.C:
			}
			for _, w := range all {
				if what := l.look(ctx, w); what != "" && ctx.Err() == nil {
					l.breakOff(&ChangedError{What: fmt.Sprintf("%s: %s", w.was.Config.Name, what)})
					return
				}
			}
		}
	})
	return nil
}

// look says what has changed in a stream; "" where nothing has, and where the broker
// can't be asked.
func (l *Ledger) look(ctx context.Context, w *watched) string {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var newest *Entry // before the stream is asked, which may only have grown since
	if w.was.Config.Name == streamName {
		l.mu.RLock()
		newest = l.newest
		l.mu.RUnlock()
	}
	is, err := w.stream.Info(ctx)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return "the stream was deleted"
	case err != nil:
		return ""
	}
	if newest != nil {
		w.last = max(w.last, uint64(newest.Seq)) //nolint:gosec // never negative
	}
	if what := difference(w.was, is, w.last); what != "" {
		return what
	}
	w.last = is.State.LastSeq
	if newest == nil {
		return ""
	}
	// A stream that was put back from an altered copy is as old and as long as before.
	l.mu.RLock()
	all := append(slices.Clone(l.unfound), newest)
	l.mu.RUnlock()
	for _, e := range all {
		if what, err := gone(ctx, w.stream, e); what != "" || err != nil {
			return what
		}
	}
	l.mu.Lock()
	l.unfound = slices.DeleteFunc(l.unfound, func(e *Entry) bool { return slices.Contains(all, e) })
	l.mu.Unlock()
	return ""
}

// maxUnfound bounds the records that are looked for.
const maxUnfound = 16

// seek keeps the record that was the newest when the connection was lost, until a look
// has found it in the ledger again. What the node writes to another ledger as soon as
// it is back would hide that this one is missing. The caller holds mu.
func (l *Ledger) seek(e *Entry) {
	if e == nil || slices.Contains(l.unfound, e) {
		return
	}
	if len(l.unfound) == maxUnfound {
		l.unfound = slices.Delete(l.unfound, 1, 2)
	}
	l.unfound = append(l.unfound, e)
}

// gone says what became of a record, "" where it is as it was; its error is that the
// broker can't be asked.
func gone(ctx context.Context, stream jetstream.Stream, e *Entry) (string, error) {
	m, err := stream.GetMsg(ctx, uint64(e.Seq)) //nolint:gosec // never negative
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return fmt.Sprintf("record %d is not there any more", e.Seq), nil
	case err != nil:
		return "", err
	case m.Subject != e.Subject || !m.Time.Equal(e.Time) || !bytes.Equal(m.Data, e.Payload):
		return fmt.Sprintf("record %d is another one than it was", e.Seq), nil
	}
	return "", nil
}

// difference says how a stream that held the message with sequence last differs from
// what it was, "" where it has only grown.
func difference(was, is *jetstream.StreamInfo, last uint64) string {
	epoch := is.Config.Metadata["epoch"]
	switch {
	case !is.Created.Equal(was.Created):
		return fmt.Sprintf("the stream was deleted and made again on %s", is.Created.Format(time.RFC3339))
	case epoch != was.Config.Metadata["epoch"]:
		return fmt.Sprintf("its epoch is %q and was %q", epoch, was.Config.Metadata["epoch"])
	case is.State.LastSeq < last:
		return fmt.Sprintf("it ends at record %d and went on to %d", is.State.LastSeq, last)
	case is.State.FirstSeq > max(was.State.FirstSeq, 1):
		return fmt.Sprintf("it begins at record %d: those before it were removed", is.State.FirstSeq)
	case is.State.NumDeleted > was.State.NumDeleted:
		return fmt.Sprintf("%d records were removed from it", is.State.NumDeleted-was.State.NumDeleted)
	}
	return strings.Join(weakened(&was.Config, &is.Config), "; ")
}

// weakened lists the settings by which a stream could lose records now, or not take
// them, and could not before.
func weakened(was, is *jetstream.StreamConfig) (all []string) {
	must := func(ok bool, name string, is, was any) {
		if !ok {
			all = append(all, fmt.Sprintf("%s is %v and was %v", name, is, was))
		}
	}
	// Limits: no more than before, where -1 and 0 are none.
	atLeast := func(is, was int64) bool { return is <= 0 || was > 0 && is >= was }
	must(is.Storage == was.Storage, "storage", is.Storage, was.Storage)
	must(is.Retention == was.Retention, "retention", is.Retention, was.Retention)
	must(is.Discard == was.Discard, "discard", is.Discard, was.Discard)
	must(is.DenyDelete || !was.DenyDelete, "deny_delete", is.DenyDelete, was.DenyDelete)
	must(is.DenyPurge || !was.DenyPurge, "deny_purge", is.DenyPurge, was.DenyPurge)
	must(atLeast(is.MaxMsgs, was.MaxMsgs), "max_msgs", is.MaxMsgs, was.MaxMsgs)
	must(atLeast(is.MaxBytes, was.MaxBytes), "max_bytes", is.MaxBytes, was.MaxBytes)
	must(atLeast(int64(is.MaxAge), int64(was.MaxAge)), "max_age", is.MaxAge, was.MaxAge)
	must(atLeast(is.MaxMsgsPerSubject, was.MaxMsgsPerSubject), "max_msgs_per_subject", is.MaxMsgsPerSubject, was.MaxMsgsPerSubject)
	must(atLeast(int64(is.MaxMsgSize), int64(was.MaxMsgSize)), "max_msg_size", is.MaxMsgSize, was.MaxMsgSize)
	must(is.Duplicates >= was.Duplicates, "duplicate_window", is.Duplicates, was.Duplicates)
	must(is.Replicas >= was.Replicas, "num_replicas", is.Replicas, was.Replicas)
	must(slices.Equal(is.Subjects, was.Subjects), "subjects", is.Subjects, was.Subjects)
	must(is.Mirror == nil && len(is.Sources) == len(was.Sources) || was.Mirror != nil, "sources", len(is.Sources), len(was.Sources))
	must(is.SubjectTransform == nil || was.SubjectTransform != nil, "subject_transform", "set", "not")
	must(!is.NoAck || was.NoAck, "no_ack", is.NoAck, was.NoAck)
	must(!is.Sealed || was.Sealed, "sealed", is.Sealed, was.Sealed)
	must(!is.AllowRollup || was.AllowRollup, "allow_rollup_hdrs", is.AllowRollup, was.AllowRollup)
	must(!is.AllowMsgTTL || was.AllowMsgTTL, "allow_msg_ttl", is.AllowMsgTTL, was.AllowMsgTTL)
	must(is.PersistMode == was.PersistMode, "persist_mode", is.PersistMode, was.PersistMode)
	return all
}
