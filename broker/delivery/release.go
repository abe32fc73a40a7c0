package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/sshsig"
)

// A release is the moment at which a bulletin had the signatures that the policy
// asks for. It is not a record: everyone derives it from the ledger.
type release struct {
	seq   int64     // of the signature that completed it
	at    time.Time // when the broker took that signature
	trace string
}

// A library keeps the bulletins that were parsed and the releases that were
// derived. Both are functions of the ledger and never change.
type library struct {
	ledger    *ledger.Ledger
	authority *signing.Authority

	mu       sync.Mutex // held while a bulletin is fetched or verified first: once is enough
	byDigest map[string]*held
	release  map[string]release
}

// held is a bulletin that was read, and the digests of its bytes.
type held struct {
	b       *bulletin.Bulletin
	message *sshsig.Message
}

// request is signing.RequestOf with what is known already.
func (h *held) request() signing.Request {
	r := signing.RequestOf(h.b)
	r.Message = h.message
	return r
}

func newLibrary(l *ledger.Ledger, a *signing.Authority) *library {
	return &library{ledger: l, authority: a, byDigest: map[string]*held{}, release: map[string]release{}}
}

// forget drops the bulletins of an alert from memory; they are read again when they are
// asked for.
func (lib *library) forget(id string) {
	lib.mu.Lock()
	defer lib.mu.Unlock()
	maps.DeleteFunc(lib.byDigest, func(_ string, h *held) bool { return string(h.b.Alert) == id })
}

// Released returns the released bulletins of an alert in the order of their
// numbers, as every adapter derives them from the ledger.
func Released(ctx context.Context, l *ledger.Ledger, a *signing.Authority, id string) ([]*bulletin.Bulletin, error) {
	items, err := newLibrary(l, a).items(ctx, id, "")
	if err != nil {
		return nil, err
	}
	var out []*bulletin.Bulletin
	for _, it := range items {
		out = append(out, it.b)
	}
	return out, nil
}

// maxStatements bounds the signatures of one bulletin that are looked at, newest
// last: a flood of them must not hold up a release.
const maxStatements = 256

// items returns the released bulletins of an alert in the order of their numbers,
// with the state of their posts on a channel.
func (lib *library) items(ctx context.Context, id, channel string) ([]item, error) {
	var states []ledger.BulletinState
	lib.ledger.View(func(st *ledger.State) {
		if a := st.Alerts[id]; a != nil {
			for _, b := range a.Bulletins {
				// Statements only grow: the slice header is a snapshot.
				states = append(states, *b)
			}
		}
	})
	lib.mu.Lock()
	defer lib.mu.Unlock()
	var items []item
	for i := range states {
		h, r, err := lib.released(ctx, id, &states[i])
		switch {
		case errors.Is(err, errNotReleased):
			continue
		case err != nil:
			return nil, err
		}
		items = append(items, item{held: h, b: h.b, release: r})
	}
	items = sequence(items)
	r := ledger.Record{Type: ledger.Verified, Alert: id, Channel: channel} // stands for all on its subject
	lib.ledger.View(func(st *ledger.State) {
		for i := range items {
			items[i].last = st.Last[r.Subject()]
			state := st.Alerts[id].Bulletin(items[i].b.SHA256())
			for _, c := range items[i].b.Channels() {
				for part := 1; c.Name == channel && part <= c.Parts; part++ {
					p := state.Part(channel, part)
					items[i].parts, items[i].gone = append(items[i].parts, p), append(items[i].gone, st.Gone(p.Claimant))
				}
			}
		}
	})
	return items, nil
}

// sequence drops what may not follow: numbers only go up in the order of release,
// and each bulletin follows the newest one released before it.
func sequence(items []item) []item {
	// Releases are few and nearly sorted.
	for i := 1; i < len(items); i++ {
		for j := i; j > 0 && items[j].release.seq < items[j-1].release.seq; j-- {
			items[j], items[j-1] = items[j-1], items[j]
		}
	}
	kept := items[:0]
	for _, it := range items {
		if n := len(kept); n > 0 && (it.b.Number <= kept[n-1].b.Number || it.b.Previous != kept[n-1].b.SHA256()) {
			continue
		}
		if len(kept) == 0 && it.b.Number != 1 {
			continue
		}
		kept = append(kept, it)
	}
	return kept
}

var errNotReleased = errors.New("not released")

// released returns a bulletin and its release, or errNotReleased. The caller
// holds mu.
func (lib *library) released(ctx context.Context, id string, state *ledger.BulletinState) (*held, release, error) {
	h, err := lib.read(ctx, id, state)
	if _, malformed := errors.AsType[*bulletin.SyntaxError](err); malformed || errors.Is(err, ledger.ErrNoBlob) || errors.Is(err, errOtherBulletin) {
		return nil, release{}, errNotReleased
	}
	if err != nil {
		return nil, release{}, err
	}
	if r, ok := lib.release[state.SHA256]; ok {
		return h, r, nil
	}
	statements := Statements(state)
	for n := 1; n <= len(statements); n++ {
		if _, err := lib.authority.Authorize(h.request(), statements[:n], statements[n-1].At); err == nil {
			last := state.Statements[n-1]
			r := release{seq: last.Seq, at: last.At, trace: last.Trace}
			lib.release[state.SHA256] = r
			return h, r, nil
		}
	}
	return nil, release{}, errNotReleased
}

// errOtherBulletin says that a record and the bulletin that it names disagree.
var errOtherBulletin = errors.New("the record and the bulletin do not agree")

// read returns the bulletin of a record, or why it is none. The caller holds mu.
func (lib *library) read(ctx context.Context, id string, state *ledger.BulletinState) (*held, error) {
	h := lib.byDigest[state.SHA256]
	if h == nil {
		raw, err := lib.ledger.Blob(ctx, state.SHA256)
		if err != nil {
			return nil, err
		}
		b, err := bulletin.Parse(raw)
		if err != nil {
			return nil, err
		}
		h = &held{b: b, message: sshsig.NewMessage(b.Bytes())}
		lib.byDigest[state.SHA256] = h
	}
	if string(h.b.Alert) != id || h.b.Number != state.Number {
		return nil, fmt.Errorf("%w: the record says bulletin %d of alert %s, the bulletin itself says %d of %s",
			errOtherBulletin, state.Number, id, h.b.Number, h.b.Alert)
	}
	return h, nil
}

// Statements returns the signatures that the ledger holds of a bulletin, in
// ledger order.
func Statements(state *ledger.BulletinState) []signing.Statement {
	var out []signing.Statement
	for _, st := range state.Statements[:min(len(state.Statements), maxStatements)] {
		out = append(out, signing.Statement{Principal: st.Principal, Namespace: st.Namespace, Signature: []byte(st.Armor), At: st.At})
	}
	return out
}

// authorize verifies a bulletin as it must be verified before every post: with
// the ring, the policy and the clock of this moment.
func (s *Service) authorize(id string, it *item) (*signing.Authorized, error) {
	var statements []signing.Statement
	s.Ledger.View(func(st *ledger.State) { statements = Statements(st.Alerts[id].Bulletin(it.b.SHA256())) })
	return s.Authority.Authorize(it.held.request(), statements, s.Now())
}

// refuse writes an entry for each signature of an alert that is not accepted, and
// each bulletin that can't be read. Nothing is dropped in silence.
func (s *Service) refuse(ctx context.Context, id string) {
	var states []ledger.BulletinState
	rejected := map[int64]bool{}
	s.Ledger.View(func(st *ledger.State) {
		for _, b := range st.Alerts[id].Bulletins {
			states = append(states, *b)
			rejected[b.Seq] = st.WasRejected(b.Seq)
			for _, statement := range b.Statements {
				rejected[statement.Seq] = st.WasRejected(statement.Seq)
			}
		}
	})
	for i := range states {
		state := &states[i]
		s.library.mu.Lock()
		h, err := s.library.read(ctx, id, state)
		s.library.mu.Unlock()
		if err != nil {
			if !rejected[state.Seq] && ctx.Err() == nil {
				s.reject(ctx, state, state.Seq, "bulletin", err.Error())
			}
			continue
		}
		for n, st := range Statements(state) {
			seq := state.Statements[n].Seq
			if rejected[seq] {
				continue
			}
			if _, err := s.Authority.CheckOne(h.request(), st, st.At); err != nil {
				s.reject(ctx, state, seq, "signature", err.Error())
			}
		}
	}
}

func (s *Service) reject(ctx context.Context, state *ledger.BulletinState, seq int64, class, reason string) {
	s.Log.WarnContext(ctx, "a record of the ledger is refused", "what", class, "record", seq, "reason", reason)
	_, err := s.Ledger.Append(ctx, ledger.Record{
		Type: ledger.Rejected, ID: recordID(state.SHA256, seq), Refers: seq, SHA256: state.SHA256, Number: state.Number,
		Class: class, Reason: reason,
	})
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "a refusal could not be recorded", "record", seq, "err", err)
	}
}
