package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// This file writes the refusals: whatever was written to the ledger past our
// commands and has no effect gets one record that says why, whichever node sees it
// first.

const (
	// blobGrace is how long the bytes of a bulletin may come after its record: in a cluster
	// the two streams have leaders of their own.
	blobGrace = 5 * time.Second
	// missAgain is the first wait before bytes that were not there are asked for again.
	missAgain = 100 * time.Millisecond
	// damagedAgain is the wait before others than the right bytes are looked through again.
	damagedAgain = 30 * time.Second
	// refuseAgain is the wait before what could not be judged or recorded is looked
	// at once more.
	refuseAgain = time.Second
)

// A fault is a record of the ledger that has to be refused.
type fault struct {
	seq    int64
	at     time.Time // when the broker took it
	alert  string
	number int
	digest string
	class  string
	reason string
	key    string // fingerprint of the key that made a signature, "" for none
}

// refuse writes the refusals that the alerts, and what is no record of ours, still
// lack. It reports whether it has to be called again.
func (s *Service) refuse(ctx context.Context, ids []string) (again bool) {
	if s.Trusted() != nil {
		return false // nothing is written to such a ledger; at the next start it is judged anew
	}
	if !s.Ledger.May(&ledger.Record{Type: ledger.Rejected, Refers: 1}) {
		return false // an adapter's node: it judges for itself what it carries, and nodes record what is refused
	}
	faults := append(s.foreign(), s.badRings()...)
	for _, id := range s.sameCode(ids) {
		more, err := s.faults(ctx, id)
		if err != nil {
			s.Log.WarnContext(ctx, "what was handed in could not be judged; it is looked at again", "alert", id, "err", err)
			again = true
		}
		faults = append(faults, more...)
	}
	slices.SortStableFunc(faults, func(a, b fault) int { return cmp.Compare(a.seq, b.seq) })
	for i := range faults {
		if err := s.reject(ctx, &faults[i]); err != nil {
			s.Log.ErrorContext(ctx, "a refusal could not be recorded; it is taken up again", "record", faults[i].seq, "err", err)
			return true
		}
	}
	return again
}

// sameCode adds to ids the alerts that bear the code of one of them: the release of
// one is the refusal of the others.
func (s *Service) sameCode(ids []string) []string {
	all := slices.Clone(ids)
	s.Ledger.View(func(st *ledger.State) {
		for _, id := range ids {
			for _, b := range st.Alerts[id].Bulletins {
				if holders := st.Codes[b.Code]; len(holders) > 1 {
					all = append(all, holders...)
				}
			}
		}
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// foreign returns the records that no program of ours writes and that were not
// refused yet.
func (s *Service) foreign() (faults []fault) {
	s.Ledger.View(func(st *ledger.State) {
		for _, v := range st.Voids[s.voids:] {
			if v.Foreign && !st.Refused(v.Seq, v.At) {
				faults = append(faults, fault{seq: v.Seq, at: v.At, alert: v.Alert, class: ledger.ClassRecord, reason: v.Reason})
			}
		}
		if len(faults) == 0 {
			s.voids = len(st.Voids)
		}
	})
	return faults
}

// badRings returns the versions of the key ring that do not come into force, and were
// not refused yet.
func (s *Service) badRings() (faults []fault) {
	s.library.mu.Lock()
	defer s.library.mu.Unlock()
	s.Ledger.View(func(st *ledger.State) {
		for _, r := range st.Rings {
			if why := s.library.badRings[r.Seq]; why != nil && !st.Refused(r.Seq, r.At) {
				faults = append(faults, fault{seq: r.Seq, at: r.At, class: ledger.ClassKeyRing, reason: why.Error()})
			}
		}
	})
	return faults
}

// faults returns what has to be refused of an alert. An error says that something
// could not be judged yet.
func (s *Service) faults(ctx context.Context, id string) (faults []fault, err error) {
	var open []ledger.BulletinState // whose record was not refused yet
	refused := map[int64]bool{}
	states := s.library.states(id)
	s.Ledger.View(func(st *ledger.State) {
		for _, b := range states {
			// What was carried was released once: a changed key ring or a lost block of
			// the disk does not undo it.
			refused[b.Seq] = st.Refused(b.Seq, b.At) || b.Attempted()
			if !refused[b.Seq] || b.Attempted() && b.Seq > s.started && !st.Refused(b.Seq, b.At) {
				open = append(open, b)
			}
			for _, statement := range b.Statements {
				refused[statement.Seq] = st.Refused(statement.Seq, statement.At)
			}
			for i := range b.Halts {
				refused[b.Halts[i].Seq] = st.Refused(b.Halts[i].Seq, b.Halts[i].At)
			}
		}
	})
	about := func(b *ledger.BulletinState, class, reason string) fault {
		return fault{seq: b.Seq, at: b.At, alert: id, number: b.Number, digest: b.SHA256, class: class, reason: reason}
	}
	for i := range open {
		b := &open[i]
		s.library.mu.Lock()
		h, readErr := s.library.read(ctx, id, b)
		s.library.mu.Unlock()
		switch {
		case readErr == nil && h.b.Realm != s.Rings.Realm():
			faults = append(faults, about(b, ledger.ClassRealm, otherRealm(h.b, s.Rings).Error()))
		case readErr == nil:
		case !isVerdict(readErr), errors.Is(readErr, ledger.ErrNoBlob) && s.Ledger.Time().Before(b.At.Add(blobGrace)):
			err = readErr
		case refused[b.Seq] && !errors.Is(readErr, ledger.ErrNoBlob):
		default: // also of what is said to be carried, and came under our eyes without its bytes
			faults = append(faults, about(b, ledger.ClassBulletin, readErr.Error()))
		}
	}
	// Signatures are verified without the lock: a release must not wait for it.
	s.library.mu.Lock()
	places, placeErr := s.library.places(ctx, id)
	s.library.mu.Unlock()
	if placeErr != nil {
		return faults, placeErr
	}
	_, broken := bulletin.Chain(bulletins(places))
	for i, why := range broken {
		if b := places[i].state; !refused[b.Seq] {
			faults = append(faults, about(b, chainClass(why), why.Error()))
		}
	}
	for i := range places {
		faults = append(faults, s.badSignatures(&places[i], refused, about)...)
		faults = append(faults, s.badHalts(&places[i], refused, about)...)
	}
	return faults, err
}

func (s *Service) badSignatures(p *place, refused map[int64]bool, about func(*ledger.BulletinState, string, string) fault) (faults []fault) {
	for i := range p.state.Statements[:min(p.judged, len(p.state.Statements))] { // the others come again
		st := &p.state.Statements[i]
		if refused[st.Seq] {
			continue
		}
		if _, why := s.Rings.At(st.Seq).CheckOne(p.held.request(), StatementOf(st), st.At); why != nil {
			faults = append(faults, onSignature(about(p.state, ledger.ClassSignature, why.Error()), st.Seq, st.At, why))
		}
	}
	return faults
}

// onSignature has a fault be about the record of a signature, which does not hold.
func onSignature(f fault, seq int64, at time.Time, why error) fault {
	f.seq, f.at = seq, at
	if refusal, ok := errors.AsType[*signing.RefusedError](why); ok {
		f.key = refusal.Key
	}
	return f
}

// chainClass returns the class under which a bulletin is refused.
func chainClass(e *bulletin.ChainError) string {
	switch e.Break {
	case bulletin.BreakExpired:
		return ledger.ClassExpired
	case bulletin.BreakTaken:
		return ledger.ClassCode
	case bulletin.BreakFirst, bulletin.BreakPassed, bulletin.BreakGlass, bulletin.BreakRevoked, bulletin.BreakPrevious, bulletin.BreakCode, bulletin.BreakSender:
	}
	return ledger.ClassChain
}

// reject writes the refusal of a record, unless it is in the ledger: compare-and-set
// on the subject of refusals lets one of several nodes be first. Where much was
// refused within the hour, one record stands for all that is refused in the next.
func (s *Service) reject(ctx context.Context, f *fault) error {
	for ctx.Err() == nil {
		var done, flood bool
		r := ledger.Record{
			Type: ledger.Rejected, Refers: f.seq, Alert: f.alert, Number: f.number, SHA256: f.digest, Key: f.key, Class: f.class, Reason: truncateWords(f.reason, maxReason),
		}
		var last int64
		changed, clock := s.Ledger.Changed(), s.Ledger.Time()
		s.Ledger.View(func(st *ledger.State) {
			done, flood, last = st.Refused(f.seq, f.at), st.Flooded(clock), st.Last[r.Subject()]
		})
		if done {
			return nil
		}
		if flood {
			r = ledger.Record{
				Type: ledger.Rejected, Refers: f.seq, Class: ledger.ClassFlood,
				Reason: fmt.Sprintf("%d records were refused within an hour, and record %d is one more: somebody writes to the ledger past the commands. This record stands "+
					"for all before it that have no refusal of their own, and for what is refused within the next hour", ledger.RefusalsPerHour, f.seq),
			}
		}
		seq, err := s.Ledger.AppendAfter(ctx, r, last)
		switch {
		case errors.Is(err, ledger.ErrConflict):
			// Another refusal was first: it is on its way to us.
			s.awaitChange(ctx, changed)
			continue
		case err != nil:
			return err
		}
		s.Log.WarnContext(ctx, "a record of the ledger is refused", "class", r.Class, "record", f.seq, "reason", strings.TrimSpace(r.Reason))
		return s.Ledger.WaitApplied(ctx, seq)
	}
	return context.Cause(ctx)
}

// awaitChange waits for the next record, a short while at most.
func (s *Service) awaitChange(ctx context.Context, changed <-chan struct{}) {
	timer := time.NewTimer(50 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-timer.C:
	}
}
