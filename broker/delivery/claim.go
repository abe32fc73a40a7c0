package delivery

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/ledger"
)

// claims lets the first attempts of all channels at a bulletin begin with one
// record: every write to the ledger is a sync of its own, and five of them in a
// row before the last channel may send would cost more than all the rest.
type claims struct {
	mu   sync.Mutex
	open map[string]*claim   // by bulletin digest: those whose record is being written
	mine map[owned]time.Time // the attempts that this process has under way, and when it ends them, by its clock
}

// owned is one channel's share of an attempt record.
type owned struct {
	record  string // identifier of the record
	channel string
}

type claim struct {
	channels map[string]bool
	done     chan struct{}
	record   string // identifier of the attempt record
	err      error
}

// first records the first attempt at the first part of a bulletin on lane l, and
// on every other lane of this node that is free for it, which is started. It
// returns the identifier of the attempt record.
func (s *Service) first(ctx context.Context, l *lane, id string, it *item) (string, error) {
	digest := it.b.SHA256()
	s.claims.mu.Lock()
	r := ledger.Record{
		Type: ledger.Attempt, Alert: id, Number: it.b.Number, SHA256: digest, Part: 1, Attempt: 1, Released: it.release.seq,
	}
	var last int64 // before the channels are looked at: what comes to one of them since is no conflict, and leaves it out
	s.Ledger.View(func(st *ledger.State) { last = st.Last[r.Subject()] })
	l.deciding(id, false)
	if c := s.claims.open[digest]; c != nil && c.channels[l.name] {
		s.claims.mu.Unlock()
		select {
		case <-c.done:
			return c.record, c.err
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	if p := s.state(id, digest, l.name); p.State != ledger.StatePending && p.State != ledger.StateHeld || p.Attempts > 0 {
		s.claims.mu.Unlock()
		return "", errStale
	}
	c := &claim{channels: map[string]bool{l.name: true}, done: make(chan struct{})}
	names := []string{l.name}
	until := l.ch.PublishTimeout
	var begin []*lane
	for _, other := range s.lanes {
		if other == l || !s.eligible(other, id, it) || !other.hold(it, post(1)).until.IsZero() {
			continue
		}
		joined, taken := other.join(id)
		if !joined {
			continue
		}
		if taken {
			begin = append(begin, other)
		}
		c.channels[other.name] = true
		names = append(names, other.name)
		until = max(until, other.ch.PublishTimeout)
	}
	if s.claims.open == nil {
		s.claims.open = map[string]*claim{}
	}
	s.claims.open[digest] = c
	s.claims.mu.Unlock()

	// The others begin to prepare while the record is on its way to disk.
	for _, other := range begin {
		other.start(id)
	}
	now := s.Now().UTC()
	r.Channels, r.At, r.Until = names, now, now.Add(until+claimMargin)
	c.record, c.err = s.attemptRecord(ctx, r, last)
	s.claims.mu.Lock()
	delete(s.claims.open, digest)
	s.claims.mu.Unlock()
	close(c.done)
	return c.record, c.err
}

// state returns the state of a bulletin's first post on a channel as it is folded
// now.
func (s *Service) state(id, digest, channel string) (p ledger.PartState) {
	s.Ledger.View(func(st *ledger.State) { p = st.Alerts[id].Bulletin(digest).Part(channel, 1) })
	return p
}

// errStale says that the state moved on since the decision: decide again.
var errStale = errors.New("the state has moved on")

// eligible reports whether the first attempt at a bulletin is what comes next on
// a lane, as far as the ledger shows it.
func (s *Service) eligible(l *lane, id string, it *item) bool {
	if l.kindOf(it) != l.ch.Channel.Kind() {
		return false // not addressed, or not as what the channel is
	}
	ready := true
	s.Ledger.View(func(st *ledger.State) {
		for _, b := range st.Alerts[id].Bulletins {
			p := b.Part(l.name, 1)
			if b.SHA256 == it.b.SHA256() {
				ready = ready && p.State == ledger.StatePending && p.Attempts == 0
			} else if d := b.Deliveries[l.name]; d != nil {
				for _, p := range d.Parts {
					// An older bulletin whose fate is open, or which still has to
					// be ended, goes first.
					ready = ready && (p.PostID != "" || p.Final() && p.State != ledger.StateHeld)
				}
			}
		}
	})
	return ready
}

// attemptRecord writes an attempt that was decided on when last was the newest record
// on its subject, and returns its identifier once it is folded.
//
// The attempt counts as under way from before it is written: once it is folded,
// any lane that it names may meet it.
func (s *Service) attemptRecord(ctx context.Context, r ledger.Record, last int64) (string, error) {
	r.Type, r.ID = ledger.Attempt, uuid.NewString()
	r.Ring = hexDigest(s.Rings.Newest().Ring.SHA256())
	names := r.Channels
	if r.Channel != "" {
		names = []string{r.Channel}
	}
	s.claims.mu.Lock()
	if s.claims.mine == nil {
		s.claims.mine = map[owned]time.Time{}
	}
	for _, name := range names {
		s.claims.mine[owned{r.ID, name}] = r.Until.Add(-claimMargin).Round(0) // by the wall clock: also when the machine slept
	}
	s.claims.mu.Unlock()
	seq, err := s.Ledger.AppendAfter(ctx, r, last)
	if err != nil {
		// Should the record be in the ledger all the same, it has no owner: its
		// fate is unknown, and nothing was sent.
		s.claims.mu.Lock()
		for _, name := range names {
			delete(s.claims.mine, owned{r.ID, name})
		}
		s.claims.mu.Unlock()
		return "", err
	}
	// It is on disk: it comes back to us, also while the node is being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return r.ID, s.Ledger.WaitApplied(ctx, seq)
}

// claimed reports whether this process has the lane's share of the attempt with
// this record under way.
func (l *lane) claimed(id string) bool {
	l.s.claims.mu.Lock()
	defer l.s.claims.mu.Unlock()
	_, ok := l.s.claims.mine[owned{id, l.name}]
	return ok
}

// deadline returns when this process ends its call of the attempt with this record, by its own
// clock: what the ledger says of its end is counted by the broker's. It is zero where
// the attempt is not this process's any more.
func (l *lane) deadline(id string) time.Time {
	l.s.claims.mu.Lock()
	defer l.s.claims.mu.Unlock()
	return l.s.claims.mine[owned{id, l.name}]
}

// disclaim forgets the lane's share of an attempt that has its outcome, or whose
// outcome could not be written: then its fate is unknown.
func (l *lane) disclaim(id string) {
	l.s.claims.mu.Lock()
	defer l.s.claims.mu.Unlock()
	delete(l.s.claims.mine, owned{id, l.name})
}

func hexDigest(sum [32]byte) string { return hex.EncodeToString(sum[:]) }
