package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// This file passes over records that are missing or can't be read: what is left is read
// for those who only look, and nobody may rely on it.

// A Gap is a row of records that are missing or can't be read.
type Gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"` // included
}

// String returns "10" or "10-12".
func (g Gap) String() string {
	if g.From == g.To {
		return fmt.Sprint(g.From)
	}
	return fmt.Sprintf("%d-%d", g.From, g.To)
}

// A GapError says which records are missing or can't be read. It is what [Ledger.Broken]
// returns of a ledger that was opened in spite of them.
type GapError struct{ Gaps []Gap }

// Error names the records, and what to do.
func (e *GapError) Error() string {
	all := make([]string, 0, len(e.Gaps))
	for _, g := range e.Gaps {
		all = append(all, g.String())
	}
	return fmt.Sprintf("records are missing or can't be read (%s), and what they said is not known; restore it from a copy", listed(all))
}

// pass notes a gap up to the record with the sequence. The caller holds mu.
func (l *Ledger) pass(to int64) {
	l.gaps = append(l.gaps, Gap{From: l.state.Seq + 1, To: to})
	l.state.Pass(to)
}

// gapPatience is how long nothing comes before the broker is asked whether there is more
// that can be read.
const gapPatience = time.Second

// readUpTo returns when all is folded up to the record with the sequence. Where gaps are
// passed over, and the last records can't be read, they are one.
func (l *Ledger) readUpTo(ctx context.Context, seq int64) error {
	for l.o.Gaps {
		waiting, cancel := context.WithTimeout(ctx, gapPatience)
		err := l.WaitApplied(waiting, seq)
		cancel()
		if err == nil || ctx.Err() != nil || waiting.Err() == nil {
			return err
		}
		last, err := l.lastReadable(ctx, seq)
		if err != nil {
			return err
		}
		l.mu.Lock()
		if last <= l.state.Seq && l.state.Seq < seq {
			l.pass(seq)
			l.tell()
		}
		l.mu.Unlock()
	}
	return l.WaitApplied(ctx, seq)
}

// lastReadable returns the last record up to seq that the broker can hand over, 0 for none.
func (l *Ledger) lastReadable(ctx context.Context, seq int64) (int64, error) {
	var folded int64
	l.View(func(s *State) { folded = s.Seq })
	for ; seq > folded; seq-- {
		_, err := l.stream.GetMsg(ctx, uint64(seq)) //nolint:gosec // never negative
		if _, answered := errors.AsType[jetstream.JetStreamError](err); err != nil && !answered {
			return 0, fmt.Errorf("ask for record %d: %w", seq, err)
		}
		if err == nil {
			return seq, nil
		}
	}
	return seq, nil
}
