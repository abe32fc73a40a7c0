package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/sshsig"
)

// A Finding is something in a ledger that does not hold.
type Finding struct {
	Record int64  `json:"record"` // sequence; 0 where it is about the whole ledger
	Rule   string `json:"rule"`   // complete, root, record, time, transition, key_ring, bulletin, signature, halt, release, breakglass, coverage
	Text   string `json:"text"`
}

// A Report is the result of checking a whole ledger.
type Report struct {
	OK         bool           `json:"ok"`
	Untrusted  string         `json:"untrusted,omitempty"` // why a node would not trust the ledger, for whoever asked a [Guard]
	Realm      string         `json:"realm"`
	Epoch      string         `json:"epoch"`
	Entries    int64          `json:"entries"` // that could be read
	Root       string         `json:"root"`    // base64 of the Merkle tree's root over all records; "" where some are missing
	Checkpoint *CheckpointUse `json:"checkpoint,omitempty"`
	Alerts     int            `json:"alerts"`
	Bulletins  int            `json:"bulletins"`
	Signatures int            `json:"signatures"` // that hold
	Breakglass int            `json:"breakglass"` // bulletins that one organisation released, as the policy allowed
	Late       int            `json:"late"`       // of these, made when the key ring had expired
	Halts      int            `json:"halts"`      // refusals and withdrawals that hold
	LateHalts  int            `json:"late_halts"` // of these, without effect: the bulletin was released before
	Refused    int            `json:"refused"`    // bulletins, signatures, halts and records that do not hold, and are refused in the ledger
	Refusals   []Refusal      `json:"refusals"`   // what the ledger says was refused
	Uncounted  []Uncounted    `json:"uncounted"`  // signatures that were made, and counted for nothing
	Rings      int            `json:"key_rings"`  // versions of the key ring that came into force
	Posts      int            `json:"posts"`      // that became public, each covered by a released bulletin
	Marks      int            `json:"marks"`      // changes of posts that are public, each covered likewise
	Altered    []Altered      `json:"altered"`    // posts that stand in public with another text than was signed: the ledger says so, and is in order
	Races      int            `json:"races"`      // records without effect, where two writers met
	Missing    []ledger.Gap   `json:"missing"`    // records that are missing or can't be read
	Unjudged   int            `json:"unjudged"`   // that make no sense without records that are missing
	Accepted   []int64        `json:"accepted"`   // records that say that a person accepted the ledger without its checkpoint
	Findings   []Finding      `json:"findings"`
}

// A Refusal is what the ledger says of something that was refused.
type Refusal struct {
	Record int64     `json:"record"` // sequence of the refusal
	At     time.Time `json:"at"`     // when the broker took it
	Refers int64     `json:"refers,omitempty"`
	Alert  string    `json:"alert,omitempty"`
	Class  string    `json:"class,omitempty"`
	Reason string    `json:"reason"`
}

// An Altered is a post that was read back with another text than was signed.
type Altered struct {
	Record  int64  `json:"record"` // that says so, and ended the delivery
	Alert   string `json:"alert"`
	Code    string `json:"code"`
	Number  int    `json:"number"` // of the bulletin
	Channel string `json:"channel"`
	Part    int    `json:"part"`
	URL     string `json:"url,omitempty"`
}

// CheckpointUse says which checkpoint the ledger was held against.
type CheckpointUse struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
}

// A Verifier checks a ledger record by record: complete, the root recomputed, each
// record a record and each step one that the state allows, each bulletin there,
// each signature verified, each post covered by a bulletin that was released
// before it was sent. It believes the records, not the state of whoever wrote
// them. Where records are missing it says so once, and goes on with what can be
// judged without them. Observe is to be given to the ledger before its first
// record; it has one owner.
type Verifier struct {
	rings      *signing.History
	checkpoint *Checkpoint
	tree       Tree // of the records before the first gap
	last       int64
	clock      time.Time // the broker's latest
	gaps       []int64   // the first record after each gap, ascending
	state      *ledger.State
	report     Report
	attempts   []sent
	posts      []sent
	marks      []sent // changes of posts that are public
	unjudged   map[int64]bool
	lost       []ledger.RingState // versions by which nodes have judged, whose bytes are not there; set by Finish
	openRings  []int64            // records of versions that do not hold, and that nobody refused; set by Finish
	atSize     Hash
	proofs     map[string]*bulletinProof // by digest; set by Finish
}

// sent is a record that says that something was or is to be public.
type sent struct {
	seq      int64
	alert    string
	digest   string
	channels []string
	part     int
	mark     int       // in the place of part: of the bulletin's marks for the channel
	at       time.Time // of a post: when the platform took it
}

// NewVerifier returns a verifier that judges signatures by the history, which has
// taken nothing of the ledger yet, and the ledger by the checkpoint, nil for none.
func NewVerifier(rings *signing.History, checkpoint *Checkpoint) *Verifier {
	return &Verifier{rings: rings, checkpoint: checkpoint, state: ledger.NewState(), unjudged: map[int64]bool{}}
}

func (v *Verifier) find(seq int64, rule, format string, args ...any) {
	v.report.Findings = append(v.report.Findings, Finding{Record: seq, Rule: rule, Text: fmt.Sprintf(format, args...)})
}

// Observe takes the next entry, as [ledger.Options] hands it on.
func (v *Verifier) Observe(e *ledger.Entry, _ error) {
	if e.Seq <= v.last {
		v.find(e.Seq, "complete", "the ledger goes from record %d back to %d", v.last, e.Seq)
		return
	}
	if e.Seq > v.last+1 {
		v.miss(e.Seq - 1)
		v.gaps = append(v.gaps, e.Seq)
		v.state.Pass(e.Seq - 1)
	}
	v.last = e.Seq
	v.report.Entries++
	v.checkClocks(e)
	if len(v.gaps) == 0 {
		v.tree.Add(Leaf(e))
		if v.checkpoint != nil && e.Seq == v.checkpoint.Size {
			v.atSize = v.tree.Root()
		}
	}
	err := v.state.Apply(e)
	torn := err != nil && e.Bad == nil && e.Record.Alert != "" && v.torn(e.Record.Alert, e.Record.SHA256, e.Seq)
	switch {
	case torn: // that it has no effect says nothing; what it claims is still to be proven
		v.unjudged[e.Seq] = true
	case err != nil:
		v.void(e, err)
		return
	}
	v.claim(e)
}

// miss notes that the records after the last one are not there, up to one.
func (v *Verifier) miss(to int64) {
	gap := ledger.Gap{From: v.last + 1, To: to}
	v.report.Missing = append(v.report.Missing, gap)
	v.find(gap.From, "complete", "missing or not to be read: %s; what was said there is not known, and what comes after it is judged without it", gap)
}

// torn reports whether records are missing between the bulletin and the record at
// seq, or before both where the bulletin is not in the ledger.
func (v *Verifier) torn(id, digest string, seq int64) bool {
	var from int64
	if a := v.state.Alerts[id]; a != nil {
		if b := a.Bulletin(digest); b != nil {
			from = b.Seq
		}
	}
	return slices.ContainsFunc(v.gaps, func(after int64) bool { return from < after && after <= seq })
}

// gapBefore reports whether records before the one at seq are missing.
func (v *Verifier) gapBefore(seq int64) bool { return len(v.gaps) > 0 && v.gaps[0] <= seq }

// claim keeps what the record says that has to be proven in the end.
func (v *Verifier) claim(e *ledger.Entry) {
	r := &e.Record
	switch r.Type { //nolint:exhaustive // the other records claim nothing that has to be proven
	case ledger.Attempt:
		channels := r.Channels
		if r.Channel != "" {
			channels = []string{r.Channel}
		}
		v.attempts = append(v.attempts, sent{seq: e.Seq, alert: r.Alert, digest: r.SHA256, channels: channels, part: r.Part, mark: r.Mark})
	case ledger.Posted:
		s := sent{e.Seq, r.Alert, r.SHA256, []string{r.Channel}, r.Part, r.Mark, r.PostedAt}
		if r.Mark > 0 {
			v.marks = append(v.marks, s)
			return
		}
		v.posts = append(v.posts, s)
	case ledger.Rejected:
		v.report.Refusals = append(v.report.Refusals, Refusal{Record: e.Seq, At: e.Time, Refers: r.Refers, Alert: r.Alert, Class: r.Class, Reason: r.Reason})
	case ledger.LossAccepted:
		v.report.Accepted = append(v.report.Accepted, e.Seq)
	}
}

// void judges a record without effect. Where two writers meet, the second one's
// intent or preparation is without effect, and that is as it should be; a post or its
// proof without effect is not. What no program of ours writes is judged at the end: it has
// to be refused by then.
func (v *Verifier) void(e *ledger.Entry, err error) {
	if voids := v.state.Voids; len(voids) > 0 && voids[len(voids)-1].Seq == e.Seq && voids[len(voids)-1].Foreign {
		return
	}
	switch e.Record.Type {
	case ledger.Attempt, ledger.Bulletin, ledger.Genesis, ledger.Prepared, ledger.Expired, ledger.Superseded, ledger.Unknown, ledger.Absent, ledger.Held, ledger.Deferred, ledger.Watched, ledger.Foreign:
		v.report.Races++
	case ledger.NodeStarted, ledger.NodeStopped, ledger.LossAccepted, ledger.KeyRing, ledger.Readiness, ledger.Signature, ledger.Refused, ledger.Withdrawn, ledger.Contact, ledger.Notified, ledger.Rejected, ledger.NotSent, ledger.Posted,
		ledger.Verified, ledger.NotVerifiable, ledger.Failed:
		v.find(e.Seq, "transition", "%v", err)
	default:
		v.find(e.Seq, "transition", "%v", err)
	}
}

// Finish checks what the bytes of the bulletins and the whole ledger show, and
// returns the report. blobs returns a bulletin's bytes by their digest; size is
// the number of records that the broker says it holds. An error says that the bytes
// could not be asked for: then there is no report, since it would blame the ledger.
func (v *Verifier) Finish(ctx context.Context, size int64, blobs func(ctx context.Context, digest string) ([]byte, error)) (Report, error) {
	r := &v.report
	r.Realm, r.Epoch = v.state.Realm, v.state.Epoch
	if r.Realm == "" {
		r.Realm = string(v.rings.Realm()) // the record that says it is missing
	}
	if size > v.last {
		v.miss(size)
		v.last = size
	}
	if len(r.Missing) == 0 {
		r.Root = v.tree.Root().String()
	}
	r.Alerts = len(v.state.Alerts)
	v.checkCheckpoint()
	v.checkForeign()
	err := v.checkRings(ctx, blobs)
	if err == nil {
		v.proofs, err = v.checkBulletins(ctx, blobs)
	}
	if err != nil {
		return Report{}, fmt.Errorf("the ledger could not be read to the end; run it again: %w", err)
	}
	for _, p := range v.proofs {
		if p.bulletin.Breakglass != nil && p.released > 0 {
			r.Breakglass++
		}
	}
	v.checkSent(v.attempts, v.proofs, "an attempt")
	r.Posts = v.checkSent(v.posts, v.proofs, "a post")
	r.Marks = v.checkSent(v.marks, v.proofs, "a mark")
	r.Altered = altered(v.state)
	r.Unjudged = len(v.unjudged)
	if r.Accepted == nil {
		r.Accepted = []int64{}
	}
	if r.Missing == nil {
		r.Missing = []ledger.Gap{}
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	if r.Refusals == nil {
		r.Refusals = []Refusal{}
	}
	if r.Uncounted == nil {
		r.Uncounted = []Uncounted{}
	}
	slices.SortStableFunc(r.Uncounted, func(a, b Uncounted) int { return cmp.Compare(a.Record, b.Record) })
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return int(a.Record - b.Record) })
	r.OK = len(r.Findings) == 0
	return *r, nil
}

// altered lists the posts of which the ledger says that they show another text than was
// signed, in ledger order.
func altered(s *ledger.State) []Altered {
	out := []Altered{}
	for _, id := range s.Order {
		for _, b := range s.Alerts[id].Bulletins {
			for channel, d := range b.Deliveries {
				for i, p := range d.Parts {
					if p.State == ledger.StateFailed && p.Class == ledger.ClassAltered {
						out = append(out, Altered{Record: p.Changed, Alert: id, Code: b.Code, Number: b.Number, Channel: channel, Part: i + 1, URL: p.URL})
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Altered) int { return cmp.Compare(a.Record, b.Record) })
	return out
}

func (v *Verifier) checkCheckpoint() {
	c := v.checkpoint
	if c == nil {
		return
	}
	v.report.Checkpoint = &CheckpointUse{Size: c.Size, Root: c.Root.String()}
	nameless := v.state.Epoch == "" && (len(v.gaps) > 0 || v.tree.Size() == 0) // the record that names the ledger is missing
	switch origin := Origin(v.state.Realm, v.state.Epoch); {
	case c.Origin != origin && !nameless:
		v.find(0, "root", "the checkpoint is of ledger %s, this is %s", c.Origin, origin)
	case c.Size > v.last:
		v.find(0, "complete", "the checkpoint says %d records, the ledger holds %d: the last ones were lost", c.Size, v.last)
	case c.Size > v.tree.Size(): // without the missing records there is no root to compare
	case c.Size > 0 && c.Root != v.atSize:
		v.find(0, "root", "the first %d records have root %s, the checkpoint says %s: the ledger was altered", c.Size, v.atSize, c.Root)
	}
}

// checkForeign judges the records that no program of ours writes.
func (v *Verifier) checkForeign() {
	for _, void := range v.state.Voids {
		switch {
		case !void.Foreign || v.unjudged[void.Seq]:
		case v.state.Refused(void.Seq, void.At):
			v.report.Refused++
		case void.Type == "":
			v.find(void.Seq, "record", "%s; the ledger holds no refusal of it", void.Reason)
		default:
			v.find(void.Seq, "transition", "record %d has no effect: %s; the ledger holds no refusal of it", void.Seq, void.Reason)
		}
	}
}

// checkBulletins verifies the bytes and signatures of each bulletin, and its place in
// its alert. It returns, by digest, the sequence of the record that released it.
func (v *Verifier) checkBulletins(ctx context.Context, blobs func(context.Context, string) ([]byte, error)) (map[string]*bulletinProof, error) {
	proofs := map[string]*bulletinProof{}
	for _, id := range v.state.Order {
		for _, b := range v.state.Alerts[id].Bulletins {
			v.report.Bulletins++
			if b.Kind == "" {
				err := v.checkBytes(ctx, id, b, proofs, blobs)
				if err != nil {
					return nil, err
				}
			}
		}
		for _, b := range v.state.Alerts[id].Bulletins {
			if b.Kind != "" {
				err := v.checkBytes(ctx, id, b, proofs, blobs)
				if err != nil {
					return nil, err
				}
			}
		}
	}
	for _, id := range v.state.Order {
		for _, b := range v.state.Alerts[id].Bulletins {
			if p := proofs[b.SHA256]; p != nil {
				v.prove(p, id, b, proofs)
			}
		}
	}
	holders := firstHolders(v.state, proofs)
	for _, id := range v.state.Order {
		v.checkChain(id, proofs, holders)
	}
	for _, p := range proofs {
		v.checkInstead(p, proofs)
	}
	return proofs, nil
}

// checkBytes reads a bulletin: one that was prepared out of the one around it, as those who
// post it do, every other one from its own bytes. The error says that these could not be asked for.
func (v *Verifier) checkBytes(ctx context.Context, id string, b *ledger.BulletinState, proofs map[string]*bulletinProof,
	blobs func(context.Context, string) ([]byte, error),
) error {
	var raw []byte
	var err error
	if inside := v.prepared(id, b, proofs); inside != nil {
		raw = inside.Bytes()
	} else if raw, err = blobs(ctx, b.SHA256); err != nil && !isAnswer(err) {
		return err
	}
	var parsed *bulletin.Bulletin
	if err == nil {
		parsed, err = readBulletin(raw, id, b)
	}
	if err != nil {
		v.refusedOr(b.Seq, b.At, "bulletin", err)
		return nil
	}
	proofs[b.SHA256] = &bulletinProof{bulletin: parsed, completed: -1}
	return nil
}

// prepared returns the bulletin of a record that says that it was prepared inside another
// one of its alert, out of that one; nil where none of those that were read holds it.
func (v *Verifier) prepared(id string, b *ledger.BulletinState, proofs map[string]*bulletinProof) *bulletin.Bulletin {
	if b.Kind == "" {
		return nil
	}
	for _, around := range v.state.Alerts[id].Bulletins {
		if around.Kind != "" {
			continue
		}
		if p := proofs[around.SHA256]; p != nil {
			if inside := p.bulletin.Inside(b.SHA256); inside != nil {
				return inside
			}
		}
	}
	return nil
}

// isAnswer reports whether the error is what the ledger answers about a bulletin's
// bytes, and not that it could not be asked.
func isAnswer(err error) bool {
	return errors.Is(err, ledger.ErrNoBlob) || errors.Is(err, ledger.ErrDamaged) || errors.Is(err, ledger.ErrNoBlobs)
}

// checkRings puts into force the versions of the key ring that hold, before anything
// is judged by them. The error says that the ledger could not be asked for one.
func (v *Verifier) checkRings(ctx context.Context, blobs func(context.Context, string) ([]byte, error)) error {
	for i := range v.state.Rings {
		r := &v.state.Rings[i]
		err := v.rings.Take(ctx, signing.Claim{Seq: r.Seq, At: r.At, Version: r.Version, Meta: r.Meta, Ring: r.Ring, Folder: r.Folder}, blobs)
		switch {
		case err == nil:
			v.report.Rings++
		case errors.Is(err, signing.ErrKnownVersion):
			v.report.Races++
		case errors.Is(err, signing.ErrNoRoot), errors.Is(err, signing.ErrNotUnderstood):
			v.find(r.Seq, "key_ring", "%v", err)
		case isAnswer(err) && v.state.WasInForce(r):
			v.find(r.Seq, "key_ring", "version %d was in force, and %v: what was signed after it is judged by the version before", r.Version, err)
			v.lost = append(v.lost, *r)
		case isVersionError(err), isAnswer(err):
			v.refusedOr(r.Seq, r.At, "key_ring", err)
			if !v.state.Refused(r.Seq, r.At) {
				v.openRings = append(v.openRings, r.Seq)
			}
		default:
			return err
		}
	}
	return nil
}

func isVersionError(err error) bool {
	_, ok := errors.AsType[*signing.VersionError](err)
	return ok
}

// refusedOr counts what does not hold and is refused in the ledger; else it is a
// finding.
func (v *Verifier) refusedOr(seq int64, at time.Time, rule string, why error) {
	if v.state.Refused(seq, at) {
		v.report.Refused++
		return
	}
	v.find(seq, rule, "%v; the ledger holds no refusal of it", why)
}

// A holder is the alert that was released first with a code.
type holder struct {
	alert    string
	released int64
}

func firstHolders(s *ledger.State, proofs map[string]*bulletinProof) map[string]holder {
	first := map[string]holder{}
	for _, id := range s.Order {
		for _, b := range s.Alerts[id].Bulletins {
			p := proofs[b.SHA256]
			if p == nil || p.released == 0 || b.Number != 1 || !slices.Contains(s.Codes[b.Code], id) {
				continue
			}
			if h, ok := first[b.Code]; !ok || p.released < h.released {
				first[b.Code] = holder{id, p.released}
			}
		}
	}
	return first
}

// checkChain takes back the release of the bulletins that have no place in their
// alert.
func (v *Verifier) checkChain(id string, proofs map[string]*bulletinProof, holders map[string]holder) {
	var places []bulletin.Place
	var of []*bulletinProof
	for _, b := range v.state.Alerts[id].Bulletins {
		p := proofs[b.SHA256]
		if p == nil {
			continue
		}
		place := bulletin.Place{Bulletin: p.bulletin, Seq: b.Seq, At: b.At, Released: p.released, Halted: p.halted > 0}
		if h, ok := holders[b.Code]; ok && h.alert != id {
			place.Taken = h.released
		} else if !slices.Contains(v.state.Codes[b.Code], id) {
			place.Taken = 1 // as delivery judges it
		}
		places, of = append(places, place), append(of, p)
	}
	chain, broken := bulletin.Chain(places)
	for i := range places {
		if v.gapBefore(places[i].Seq) {
			continue // what it follows may be among the missing
		}
		if why := broken[i]; why != nil {
			v.refusedOr(places[i].Seq, places[i].At, "bulletin", why)
		} else if v.rings.Realm() != "" && places[i].Realm != v.rings.Realm() {
			v.refusedOr(places[i].Seq, places[i].At, "bulletin", fmt.Errorf("the bulletin is of realm %s, this ledger is of realm %s", places[i].Realm, v.rings.Realm()))
		}
		if !slices.Contains(chain, i) {
			of[i].released = 0
		}
	}
}

func readBulletin(raw []byte, id string, b *ledger.BulletinState) (*bulletin.Bulletin, error) {
	parsed, err := bulletin.Parse(raw)
	if err != nil {
		return nil, err
	}
	if parsed.SHA256() != b.SHA256 {
		return nil, fmt.Errorf("the bytes have SHA-256 %s, the record says %s", parsed.SHA256(), b.SHA256)
	}
	if err := parsed.Contradiction(b.Recorded(id)); err != nil {
		return nil, err
	}
	return parsed, nil
}

// A bulletinProof is what releases a bulletin.
type bulletinProof struct {
	bulletin *bulletin.Bulletin
	message  *sshsig.Message // digested once, for all signatures
	released int64           // sequence of the signature that completed the release; 0 if none did
	at       time.Time
	halted   int64   // sequence of the refusal or withdrawal that keeps it from its release; 0 for none
	halts    []int64 // all those that hold

	completed   int64 // of the signature that completed a break-glass bulletin; 0 if none did, -1 where it was not looked at
	completedAt time.Time
}

// asked returns the bulletin as it is judged.
func (p *bulletinProof) asked() signing.Request {
	r := signing.RequestOf(p.bulletin)
	if p.message == nil {
		p.message = sshsig.MessageOf(p.bulletin.Bytes())
	}
	r.Message = p.message
	return r
}

// prove finds what releases a bulletin. Of the others the bytes are known already.
func (v *Verifier) prove(p *bulletinProof, id string, state *ledger.BulletinState, others map[string]*bulletinProof) {
	request := p.asked()
	halts := v.checkHalts(p.bulletin, state)
	p.halts = halts
	var statements []signing.Statement
	var held []heldSignature
	var repeats signing.Repeats
	var release *signing.Authorized
	var unread int64
	if state.Refusal != nil && state.Refusal.Class == ledger.ClassBulletin {
		unread = state.Refusal.Seq
	}
	for i := range state.Statements {
		st := &state.Statements[i]
		s := signing.Statement{Principal: st.Principal, Namespace: st.Namespace, Signature: []byte(st.Armor), At: st.At}
		if _, err := v.rings.At(st.Seq).CheckOne(request, s, st.At); err != nil {
			v.refusedOr(st.Seq, st.At, "signature", err)
			if p.genuine(s) {
				v.vain(p, st, err.Error())
			}
			continue // it makes no difference to the others
		}
		v.report.Signatures++
		if v.rings.Late(st.Seq, st.At) {
			v.report.Late++
		}
		statements, held = append(statements, s), append(held, heldSignature{st, s})
		// A signature that comes after the refusal of a bulletin that could not be
		// read releases nothing.
		late := unread > 0 && st.Seq > unread
		halted := len(halts) > 0 && halts[0] < st.Seq // so does one that comes after somebody refused or withdrew it
		again := p.bulletin.Breakglass == nil && repeats.Again(v.rings.At(st.Seq), &s)
		if p.released == 0 && !late && !halted && !again {
			request.Circumstances = v.circumstances(p, id, st.Seq, others)
			if by, err := v.rings.At(st.Seq).Authorize(request, statements, st.At); err == nil {
				p.released, p.at, release = st.Seq, st.At, by
			}
		}
	}
	v.report.Halts += len(halts)
	if p.released > 0 {
		v.report.LateHalts += len(halts)
	} else if len(halts) > 0 {
		p.halted = halts[0]
	}
	v.noteVain(p, held, release, unread)
}

// checkHalts verifies the refusals and withdrawals of a bulletin, and returns the records
// of those that hold.
func (v *Verifier) checkHalts(b *bulletin.Bulletin, state *ledger.BulletinState) (sound []int64) {
	for i := range state.Halts {
		h := &state.Halts[i]
		sh := signing.SignedHalt{
			Statement: signing.Statement{Principal: h.Principal, Namespace: h.Namespace, Signature: []byte(h.Armor), At: h.At},
			Kind:      bulletin.Refusal, Text: []byte(h.Text),
		}
		if h.Type == ledger.Withdrawn {
			sh.Kind = bulletin.Withdrawal
		}
		if _, _, err := v.rings.At(h.Seq).CheckHalt(b, sh, h.At); err != nil {
			v.refusedOr(h.Seq, h.At, "halt", err)
			continue
		}
		sound = append(sound, h.Seq)
	}
	return sound
}

// checkSent checks that each record came after the release of its bulletin and
// that the bulletin has that post for the channel. It returns how many hold.
func (v *Verifier) checkSent(records []sent, released map[string]*bulletinProof, what string) (good int) {
	for _, s := range records {
		p := released[s.digest]
		torn := v.torn(s.alert, s.digest, s.seq) // its bulletin or a signature may be among the missing
		// What it relies on may be among the missing, wherever these are.
		torn = torn || p != nil && p.bulletin.Breakglass != nil && v.gapBefore(s.seq)
		switch {
		case p == nil && torn:
			v.unjudged[s.seq] = true
		case p == nil:
			v.find(s.seq, "coverage", "%s on %v is of a bulletin that can't be read", what, s.channels)
		case slices.ContainsFunc(s.channels, func(c string) bool { return len(p.bulletin.For(c)) < s.part }):
			v.find(s.seq, "coverage", "%s on %v, part %d: the signed bulletin has no such post", what, s.channels, s.part)
		case s.mark > 0 && slices.ContainsFunc(s.channels, func(c string) bool { return len(p.bulletin.MarksFor(c)) < s.mark }):
			v.find(s.seq, "coverage", "%s on %v, mark %d: the signed bulletin has no such mark", what, s.channels, s.mark)
		case p.released != 0 && p.released <= s.seq:
			good++
			if !s.at.IsZero() && s.at.Before(p.at.Add(-MaxClockDifference)) {
				v.find(s.seq, "time", "%s on %v is of %s, the bulletin was released at %s: a clock was wrong by more than %v, or the ledger was written anew",
					what, s.channels, s.at.Format(time.RFC3339Nano), p.at.Format(time.RFC3339Nano), MaxClockDifference)
			}
		case p.halted > 0:
			v.find(s.seq, "release", "%s on %v is of a bulletin that was refused or withdrawn before its release, by record %d", what, s.channels, p.halted)
		case torn:
			v.unjudged[s.seq] = true
		default:
			v.find(s.seq, "release", "%s on %v was made before the bulletin had its signatures", what, s.channels)
		}
	}
	return good
}
