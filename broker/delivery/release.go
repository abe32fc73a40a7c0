package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/broker/alert"
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
	// circumstances are what the ledger said then of a break-glass bulletin; nil for others.
	circumstances *signing.Circumstances
}

// A library keeps the bulletins that were parsed and the releases that were
// derived. Both are functions of the ledger and never change.
type library struct {
	ledger *ledger.Ledger
	rings  *signing.History

	mu       sync.Mutex       // held while a bulletin is fetched or verified first: once is enough
	now      func() time.Time // nil where nothing is waited for: what is missing is missing
	byDigest map[string]*held
	bad      map[int64]error // why the bulletin of a record can never be read
	missed   map[int64]*miss // records whose bytes were not there, and may come
	missing  chan struct{}   // says that missed has one more
	release  map[string]release

	ringsAt   int64           // up to this record, it is known which version judges
	ringsRead int             // records of State.Rings that were judged
	badRings  map[int64]error // why a version of the key ring did not come into force
	since     time.Time       // what the ledger held then is not waited for: a start must not be held up
	waitedFor []int64         // such records whose bytes were waited for, since one came into force
}

// held is a bulletin that was read, the digests of its bytes, and those of its
// signatures that hold. Each one is looked at once: a flood of others must not hold up
// a release.
type held struct {
	b       *bulletin.Bulletin
	message *sshsig.Message

	judged int // statements of the ledger that were looked at
	sound  []ledger.Statement

	haltsJudged int // halts of the ledger that were looked at
	halts       []Halt

	completed   int64 // record with which a break-glass bulletin had its signatures; 0 for none yet
	completedAt time.Time
}

// judge looks at the signatures that came since it was called last, as far as the
// versions of the key ring are known: what comes after may be judged by another one. The
// caller holds mu.
func (lib *library) judge(h *held, state *ledger.BulletinState) {
	lib.judgeHalts(h, state)
	for ; h.judged < len(state.Statements); h.judged++ {
		st := state.Statements[h.judged]
		if st.Seq > lib.ringsAt {
			return
		}
		if _, err := lib.rings.At(st.Seq).CheckOne(h.request(), StatementOf(&st), st.At); err == nil {
			h.sound = append(h.sound, st)
		}
	}
}

// request is signing.RequestOf with what is known already.
func (h *held) request() signing.Request {
	r := signing.RequestOf(h.b)
	r.Message = h.message
	return r
}

func newLibrary(l *ledger.Ledger, rings *signing.History) *library {
	return &library{ledger: l, rings: rings, byDigest: map[string]*held{}, bad: map[int64]error{}, missed: map[int64]*miss{}, missing: make(chan struct{}, 1), release: map[string]release{}, badRings: map[int64]error{}}
}

// TakeRings judges the records of versions of the key ring that the ledger holds, for
// whoever judges by the history: what follows is judged by what holds of them.
func TakeRings(ctx context.Context, l *ledger.Ledger, rings *signing.History) error {
	return newLibrary(l, rings).takeRings(ctx)
}

// TakeRings takes up the versions of the key ring that the ledger holds by now. An error
// says that one could not be judged yet: call it again.
func (s *Service) TakeRings(ctx context.Context) error {
	s.library.mu.Lock()
	defer s.library.mu.Unlock()
	return s.library.takeRings(ctx)
}

// takeRings judges the versions of the key ring that came since it was called last.
// The caller holds mu. An error says that one could not be judged yet:
// nothing that came after it may be judged before it is.
func (lib *library) takeRings(ctx context.Context) error {
	var fresh []ledger.RingState
	var at int64
	lib.ledger.View(func(st *ledger.State) { fresh, at = st.Rings[min(lib.ringsRead, len(st.Rings)):], st.Seq })
	inForce := func(r *ledger.RingState) (was bool) {
		lib.ledger.View(func(st *ledger.State) { was = st.WasInForce(r) })
		return was
	}
	for i := range fresh {
		r := &fresh[i]
		err := lib.rings.Take(ctx, signing.Claim{Seq: r.Seq, At: r.At, Version: r.Version, Meta: r.Meta, Ring: r.Ring, Folder: r.Folder}, lib.ledger.Blob)
		_, refused := errors.AsType[*signing.VersionError](err)
		switch gone := errors.Is(err, ledger.ErrNoBlob); {
		case err == nil:
			lib.waitedFor = nil
		case errors.Is(err, signing.ErrKnownVersion):
		case errors.Is(err, signing.ErrNoRoot), errors.Is(err, signing.ErrNotUnderstood): // from then on Trusted says why nothing is sent
		case gone && lib.waits(r): // also of one by which another node judges already
			return err
		case (gone || errors.Is(err, ledger.ErrDamaged)) && inForce(r):
			lib.rings.Lost(r.Version)
		case refused, errors.Is(err, ledger.ErrDamaged), gone:
			lib.badRings[r.Seq] = err
		default:
			return err
		}
		lib.ringsRead++
	}
	lib.ringsAt = at
	return nil
}

// maxRingWaits bounds how many records of versions in a row may have their bytes
// waited for: nothing is judged meanwhile, and whoever may write could go on for ever.
const maxRingWaits = 3

// waits reports whether the bytes of a version may still come. The caller holds mu.
func (lib *library) waits(r *ledger.RingState) bool {
	if lib.now == nil || !r.At.After(lib.since) || !lib.now().Before(r.At.Add(blobGrace)) {
		return false
	}
	if slices.Contains(lib.waitedFor, r.Seq) {
		return true
	}
	if len(lib.waitedFor) == maxRingWaits {
		return false
	}
	lib.waitedFor = append(lib.waitedFor, r.Seq)
	return true
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
func Released(ctx context.Context, l *ledger.Ledger, rings *signing.History, id string) ([]*bulletin.Bulletin, error) {
	items, err := newLibrary(l, rings).items(ctx, id, "")
	if err != nil {
		return nil, err
	}
	var out []*bulletin.Bulletin
	for _, it := range items {
		out = append(out, it.b)
	}
	return out, nil
}

// A Verdict is what the ledger makes of one bulletin.
type Verdict struct {
	Bulletin *bulletin.Bulletin // nil where it can't be read
	Released bool
	Refused  error // why it will never be released, or nil
	// Lost is why a bulletin can't be read that a channel began to send, or nil: what it
	// says is not known, and not what it revoked.
	Lost error
	// Sound are its signatures that held when they came, in ledger order.
	Sound []ledger.Statement
	// Halt is the refusal or withdrawal by which it will never be released, or nil; Halts
	// are all those that held when they came, in ledger order.
	Halt  *Halt
	Halts []Halt
	// ToBeTold lists who is told at once that it was released, where it is break-glass.
	ToBeTold []string
	// Request is the bulletin as it is judged now.
	Request signing.Request
}

// Judge returns the verdict on each bulletin of an alert, by its digest: what nodes
// post follows from it.
func Judge(ctx context.Context, l *ledger.Ledger, rings *signing.History, id string) (map[string]Verdict, error) {
	lib := newLibrary(l, rings)
	lib.mu.Lock()
	defer lib.mu.Unlock()
	all, err := lib.places(ctx, id) // first: it learns by which ring each signature is judged
	if err != nil {
		return nil, err
	}
	out := map[string]Verdict{}
	for _, state := range lib.states(id) {
		h, err := lib.read(ctx, id, &state)
		switch {
		case err == nil && h.b.Realm != rings.Realm():
			out[state.SHA256] = Verdict{Bulletin: h.b, Refused: otherRealm(h.b, rings)}
		case err == nil:
			lib.judge(h, &state)
			v := Verdict{Bulletin: h.b, Sound: slices.Clone(h.sound), Halts: slices.Clone(h.halts), Request: h.request()}
			if v.Request.Circumstances, err = lib.circumstances(ctx, h.b, math.MaxInt64); err != nil {
				return nil, err
			}
			out[state.SHA256] = v
		case lib.isLost(id, &state, err):
			out[state.SHA256] = Verdict{Lost: err}
		case isVerdict(err):
			out[state.SHA256] = Verdict{Refused: err}
		default:
			return nil, err
		}
	}
	chain, refused := bulletin.Chain(bulletins(all))
	for i, p := range all {
		v := out[p.state.SHA256]
		v.Released, v.Halt = slices.Contains(chain, i), p.halt
		if v.Released && v.Bulletin.Breakglass != nil {
			v.ToBeTold = toBeTold(rings, p.release)
		}
		if why := refused[i]; why != nil {
			v.Refused = why
		}
		out[p.state.SHA256] = v
	}
	for _, state := range lib.states(id) {
		if v := out[state.SHA256]; !v.Released && v.Refused == nil && v.Lost == nil && state.Refusal != nil && state.Refusal.Class == ledger.ClassBulletin {
			v.Refused = fmt.Errorf("%w: %s", errRefused, state.Refusal.Reason)
			out[state.SHA256] = v
		}
	}
	return out, nil
}

func otherRealm(b *bulletin.Bulletin, rings *signing.History) error {
	return fmt.Errorf("the bulletin is of realm %s, this ledger is of realm %s", b.Realm, rings.Realm())
}

// items returns the released bulletins of an alert in the order of their numbers,
// with the state of their posts on a channel. Where one of them is lost it fails: the
// others do not say how the alert stands.
func (lib *library) items(ctx context.Context, id, channel string) ([]item, error) {
	lib.mu.Lock()
	defer lib.mu.Unlock()
	all, err := lib.places(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, state := range lib.states(id) {
		if state.Unread() || !lib.attempted(id, &state) {
			continue
		}
		if _, err := lib.read(ctx, id, &state); err != nil && lib.isLost(id, &state, err) {
			return nil, fmt.Errorf("%w: %w", errLost, err)
		}
	}
	var items []item
	chain, _ := bulletin.Chain(bulletins(all))
	for _, i := range chain {
		items = append(items, item{held: all[i].held, b: all[i].held.b, release: all[i].release})
	}
	r := ledger.Record{Type: ledger.Verified, Alert: id, Channel: channel} // stands for all on its subject
	lib.ledger.View(func(st *ledger.State) {
		for i := range items {
			items[i].last = st.Last[r.Subject()]
			state := st.Alerts[id].Bulletin(items[i].b.SHA256())
			for _, c := range items[i].b.Channels() {
				for part := 1; c.Name == channel && part <= c.Parts; part++ {
					p := state.Part(channel, part)
					items[i].parts, items[i].gone = append(items[i].parts, p), append(items[i].gone, st.Gone(p.Claimant, channel))
				}
			}
			for n, m := range items[i].b.MarksFor(channel) {
				p := state.Mark(channel, n+1)
				items[i].marks = append(items[i].marks, mark{Mark: m, state: p, gone: st.Gone(p.Claimant, channel)})
			}
		}
	})
	return items, nil
}

// A place is a bulletin that can be read, where it stands in the ledger.
type place struct {
	state   *ledger.BulletinState
	held    *held
	release release // zero where it is not released
	judged  int     // statements that were looked at
	taken   int64   // record by which another alert with its code was released first
	halt    *Halt   // the refusal or withdrawal that keeps it from its release, or nil

	haltsJudged int // halts that were looked at
}

// places returns the bulletins of an alert that can be read, in ledger order. The
// caller holds mu.
func (lib *library) places(ctx context.Context, id string) ([]place, error) {
	if err := lib.takeRings(ctx); err != nil {
		return nil, err
	}
	var all []place
	for _, state := range lib.states(id) {
		h, r, err := lib.released(ctx, id, &state)
		switch {
		case isVerdict(err):
			continue
		case err != nil:
			return nil, err
		}
		p := place{state: &state, held: h, release: r, judged: h.judged, halt: h.halted(r), haltsJudged: h.haltsJudged}
		if h.b.Number == 1 {
			if p.taken, err = lib.taken(ctx, id, string(h.b.Code)); err != nil {
				return nil, err
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// states returns the bulletins of an alert as they are folded now.
func (lib *library) states(id string) (states []ledger.BulletinState) {
	lib.ledger.View(func(st *ledger.State) {
		if a := st.Alerts[id]; a != nil {
			for _, b := range a.Bulletins {
				// Statements only grow: the slice header is a snapshot.
				states = append(states, *b)
			}
		}
	})
	return states
}

func bulletins(all []place) []bulletin.Place {
	out := make([]bulletin.Place, 0, len(all))
	for _, p := range all {
		out = append(out, bulletin.Place{
			Bulletin: p.held.b, Seq: p.state.Seq, At: p.state.At, Released: p.release.seq, Taken: p.taken, Halted: p.halt != nil,
		})
	}
	return out
}

// taken returns the first record by which another alert with the code was released,
// 0 for none. The caller holds mu.
func (lib *library) taken(ctx context.Context, id, code string) (int64, error) {
	var holders []string
	lib.ledger.View(func(st *ledger.State) { holders = st.Codes[code] })
	if !slices.Contains(holders, id) {
		return 1, nil // the ledger has more alerts of this code than it can have by chance
	}
	var first int64
	for _, other := range holders {
		if other == id {
			continue
		}
		for _, state := range lib.states(other) {
			if state.Number != 1 || state.Code != code {
				continue
			}
			_, r, err := lib.released(ctx, other, &state)
			if err != nil && !isVerdict(err) {
				return 0, err
			}
			if r.seq > 0 && (first == 0 || r.seq < first) {
				first = r.seq
			}
		}
	}
	return first, nil
}

// released returns a bulletin and its release, which is zero where signatures are
// missing; the error says why it can't be read. The caller holds mu.
func (lib *library) released(ctx context.Context, id string, state *ledger.BulletinState) (*held, release, error) {
	if state.Refusal != nil && state.Refusal.Class == ledger.ClassBulletin && (len(state.Statements) == 0 || late(state, state.Statements[0].Seq)) {
		return nil, release{}, errRefused
	}
	h, err := lib.read(ctx, id, state)
	if err != nil {
		return nil, release{}, err
	}
	lib.judge(h, state)
	r, err := lib.releaseOf(ctx, h, state)
	return h, r, err
}

// late reports whether the record at a sequence comes after a bulletin was refused.
// Whoever refused it could not read it. What comes later mends nothing, on no node: what
// stands in the ledger as refused is never posted.
func late(state *ledger.BulletinState, seq int64) bool {
	return state.Refusal != nil && state.Refusal.Class == ledger.ClassBulletin && seq > state.Refusal.Seq
}

// releaseOf returns the release of a bulletin that was judged, zero where signatures are
// missing, or came after somebody who may had refused or withdrawn it. The caller holds mu.
func (lib *library) releaseOf(ctx context.Context, h *held, state *ledger.BulletinState) (release, error) {
	if r, ok := lib.release[state.SHA256]; ok {
		return r, nil
	}
	var statements []signing.Statement
	var repeats signing.Repeats
	for i := range h.sound {
		st := &h.sound[i]
		if late(state, st.Seq) || h.after(st.Seq) {
			break
		}
		statements = append(statements, StatementOf(st))
		if h.b.Breakglass == nil && repeats.Again(lib.rings.At(st.Seq), &statements[len(statements)-1]) {
			continue
		}
		request := h.request()
		var err error
		if request.Circumstances, err = lib.circumstances(ctx, h.b, st.Seq); err != nil {
			return release{}, err
		}
		if _, err := lib.rings.At(st.Seq).Authorize(request, statements, st.At); err == nil {
			r := release{seq: st.Seq, at: st.At, trace: st.Trace, circumstances: request.Circumstances}
			lib.release[state.SHA256] = r
			return r, nil
		}
	}
	return release{}, nil
}

var (
	// errOtherBulletin says that a record and the bulletin that it names disagree.
	errOtherBulletin = errors.New("the record and the bulletin do not agree")
	// errLost says that a bulletin which a channel began to send can't be read any more.
	errLost = errors.New("the ledger has lost a bulletin of this alert that was sent, and how the alert stands is not known: restore the ledger from a copy")
	// errRefused says that the ledger holds the refusal of a bulletin.
	errRefused = errors.New("it was refused when it was handed in")
)

// isVerdict reports whether the error is about the bulletin, and not about the way
// to it.
func isVerdict(err error) bool {
	_, malformed := errors.AsType[*bulletin.SyntaxError](err)
	return malformed || errors.Is(err, ledger.ErrNoBlob) || errors.Is(err, ledger.ErrDamaged) || errors.Is(err, errOtherBulletin) || errors.Is(err, errRefused)
}

// isGone reports whether the error says that bytes are not there.
func isGone(err error) bool {
	return errors.Is(err, ledger.ErrNoBlob) || errors.Is(err, ledger.ErrDamaged)
}

// isLost reports whether the error says that the bytes of a bulletin are gone which a
// channel began to send: that is about the ledger, since whoever sends it has read it
// before. Where a node was there when it was handed in, and its bytes never came, it is
// refused: then whoever says that they sent it has forged that. So they have where it lacks
// signatures in the roles that the policy asks for, and where it was prepared: its bytes stand
// in the bulletin around it, and of that one the same is asked.
func (lib *library) isLost(id string, state *ledger.BulletinState, err error) bool {
	if state.Unread() || !lib.attempted(id, state) || state.Kind != "" || !isGone(err) && !errors.Is(err, ledger.ErrNoBlobs) {
		return false
	}
	return state.Breakglass || lib.rings == nil || lib.signedInRoles(state)
}

// attempted reports whether a channel began to send a post of the bulletin by now: what a
// state that was copied says of deliveries goes on changing.
func (lib *library) attempted(id string, state *ledger.BulletinState) (was bool) {
	lib.ledger.View(func(st *ledger.State) { was = st.Alerts[id].Bulletin(state.SHA256).Attempted() })
	return was
}

// signedInRoles reports whether the ledger holds signatures, whether they hold or not, in as
// many of the roles as a policy asked for that was in force at one of them.
func (lib *library) signedInRoles(state *ledger.BulletinState) bool {
	var roles []signing.Role
	for i := range state.Statements {
		role, _, _ := strings.Cut(state.Statements[i].Namespace, "@")
		roles = append(roles, signing.Role(role))
		rule, ok := lib.rings.At(state.Statements[i].Seq).Policy.Rule(alert.MsgType(state.MsgType), "")
		if ok && rule.MayBeMet(roles) {
			return true
		}
	}
	return false
}

// read returns the bulletin of a record, or why it is none. The caller holds mu.
func (lib *library) read(ctx context.Context, id string, state *ledger.BulletinState) (*held, error) {
	if err := lib.bad[state.Seq]; err != nil {
		return nil, err
	}
	h := lib.byDigest[state.SHA256]
	if h == nil {
		if m := lib.missed[state.Seq]; m != nil && lib.now().Before(m.again) {
			return nil, m.err
		}
		b, err := lib.prepared(ctx, id, state)
		var raw []byte
		if b == nil && err == nil {
			raw, err = lib.ledger.Blob(ctx, state.SHA256)
		}
		if isGone(err) {
			lib.miss(id, state, err)
		}
		if err != nil {
			return nil, err
		}
		if b == nil {
			b, err = bulletin.Parse(raw)
		}
		if err != nil {
			lib.bad[state.Seq] = err
			return nil, err
		}
		delete(lib.missed, state.Seq)
		h = &held{b: b, message: sshsig.MessageOf(b.Bytes())}
		h.message.Hash() // while people still read: the last signature must not wait for it
		lib.byDigest[state.SHA256] = h
	}
	if err := h.b.Contradiction(state.Recorded(id)); err != nil {
		lib.bad[state.Seq] = fmt.Errorf("%w: %w", errOtherBulletin, err)
		return nil, lib.bad[state.Seq]
	}
	return h, nil
}

// A miss is a record whose bytes were not there when they were asked for.
type miss struct {
	alert string
	err   error
	again time.Time // they are not asked for before
	woken bool      // whoever waits for them was told that it is time
}

// miss notes that the bytes of a record are not there. They are asked for again while they
// may still come, less and less often: a flood of such records must not have each of them
// asked for at every step of an alert, and others wait. The caller holds mu.
func (lib *library) miss(id string, state *ledger.BulletinState, err error) {
	if lib.now == nil {
		lib.bad[state.Seq] = err
		return
	}
	now, end := lib.now(), state.At.Add(blobGrace)
	if !now.Before(end) {
		delete(lib.missed, state.Seq)
		if errors.Is(err, ledger.ErrDamaged) { // whoever hands it in once more puts right bytes beside them
			lib.missed[state.Seq] = &miss{alert: id, err: err, again: now.Add(damagedAgain), woken: true}
			return
		}
		lib.bad[state.Seq] = err
		return
	}
	if next := now.Add(max(now.Sub(state.At), missAgain)); next.Before(end) {
		end = next
	}
	lib.missed[state.Seq] = &miss{alert: id, err: err, again: end}
	select {
	case lib.missing <- struct{}{}:
	default:
	}
}

// due returns the alerts with bytes for which it is time to ask again, each once, and how
// long it is to the next time; nil where there is none.
func (lib *library) due() (ids []string, next *time.Duration) {
	lib.mu.Lock()
	defer lib.mu.Unlock()
	for _, m := range lib.missed {
		if m.woken {
			continue
		}
		wait := m.again.Sub(lib.now())
		if wait <= 0 {
			m.woken, ids = true, append(ids, m.alert)
		} else if next == nil || wait < *next {
			next = &wait
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), next
}

// prepared returns the bulletin of a record that says that it was prepared inside another one,
// cut out of that one, whatever is kept apart: stopping an alert takes no room in a store that
// is full. It is nil where none of the alert's bulletins holds it. The caller holds mu.
func (lib *library) prepared(ctx context.Context, id string, state *ledger.BulletinState) (*bulletin.Bulletin, error) {
	if state.Kind == "" {
		return nil, nil //nolint:nilnil // it stands for itself
	}
	var all []ledger.BulletinState // but those that are prepared: what is inside them stands in the one around them too
	lib.ledger.View(func(st *ledger.State) {
		if a := st.Alerts[id]; a != nil {
			for _, b := range a.Bulletins {
				if b.Kind == "" {
					all = append(all, *b)
				}
			}
		}
	})
	for _, around := range all {
		h, err := lib.read(ctx, id, &around)
		switch {
		case err == nil:
			if b := h.b.Inside(state.SHA256); b != nil {
				return b, nil
			}
		case !isVerdict(err) && !errors.Is(err, ledger.ErrNoBlobs):
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // it may be kept apart
}

// Kept returns the bulletin of an alert with the digest out of what the ledger keeps: its own
// bytes, or those of the bulletin in which it was prepared.
func Kept(ctx context.Context, l *ledger.Ledger, id, digest string) (*bulletin.Bulletin, error) {
	if b, err := Prepared(ctx, l, id, digest); b != nil || err != nil {
		return b, err
	}
	raw, err := l.Blob(ctx, digest)
	if err != nil {
		return nil, err
	}
	return bulletin.Parse(raw)
}

// Prepared returns the bulletin with the digest that was prepared inside one of an alert, nil
// where the ledger keeps no such bulletin: then its own bytes have to be kept.
func Prepared(ctx context.Context, l *ledger.Ledger, id, digest string) (*bulletin.Bulletin, error) {
	lib := newLibrary(l, nil)
	lib.mu.Lock()
	defer lib.mu.Unlock()
	return lib.prepared(ctx, id, &ledger.BulletinState{SHA256: digest, Kind: "prepared"})
}

// Statements returns the signatures that the ledger holds of a bulletin, in
// ledger order.
func Statements(state *ledger.BulletinState) []signing.Statement {
	var out []signing.Statement
	for i := range state.Statements {
		out = append(out, StatementOf(&state.Statements[i]))
	}
	return out
}

// StatementOf returns a signature of the ledger as it is judged.
func StatementOf(st *ledger.Statement) signing.Statement {
	return signing.Statement{Principal: st.Principal, Namespace: st.Namespace, Signature: []byte(st.Armor), At: st.At}
}

// sound returns the signatures of a bulletin that held when they came.
func (lib *library) sound(h *held) (out []signing.Statement) {
	lib.mu.Lock()
	defer lib.mu.Unlock()
	for i := range h.sound {
		out = append(out, StatementOf(&h.sound[i]))
	}
	return out
}

// A standing says what the signatures of a bulletin allow at a moment.
type standing uint8

// The standings. The zero one allows nothing.
const (
	unsigned standing = iota // nobody who may has signed it, or it was refused or withdrawn
	waiting                  // it has one signature that holds, and waits for others
	signed                   // it has those that the policy asks for
)

// stands reads a bulletin and says how it stands at a moment, by those of its
// signatures that held when they came; the error says why it can't be read. Nothing is
// posted by it: a release is what [library.items] says.
func (lib *library) stands(ctx context.Context, id string, state *ledger.BulletinState, now time.Time) (*held, standing, error) {
	lib.mu.Lock()
	h, err := lib.read(ctx, id, state)
	var halt *Halt
	if err == nil {
		lib.judge(h, state)
		var r release
		if r, err = lib.releaseOf(ctx, h, state); err == nil {
			halt = h.halted(r)
		}
	}
	lib.mu.Unlock()
	switch {
	case err != nil:
		return nil, unsigned, err
	case halt != nil:
		return h, unsigned, nil
	}
	statements := lib.sound(h)
	if _, err := lib.rings.Newest().Authorize(h.request(), statements, now); err == nil {
		return h, signed, nil
	}
	for _, st := range statements {
		if _, err := lib.rings.Newest().CheckOne(h.request(), st, now); err == nil {
			return h, waiting, nil
		}
	}
	return h, unsigned, nil
}

// authorize verifies a bulletin as it must be verified before every post: with
// the ring and the clock of this moment, and the policy that released it. It has expired when
// it has by this node's clock or by the broker's.
func (s *Service) authorize(it *item, at slot) (*signing.Authorized, error) {
	now := s.Now()
	if at.mark {
		now = it.release.at // what became of a post is true also when the alert is over
	} else if end := it.b.Expires; !end.IsZero() && !s.Ledger.Time().Before(end) {
		return nil, &signing.RefusedError{Reason: signing.ReasonExpiredAlert, When: end}
	}
	request := it.held.request()
	request.Circumstances = it.release.circumstances
	return s.Rings.Standing(it.release.seq).Authorize(request, s.library.sound(it.held), now)
}
