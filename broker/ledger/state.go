package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"tocsin/broker/alert"
)

// A DeliveryState is where carrying one post to one channel stands.
type DeliveryState string

// The delivery states. Verified, Failed, Expired, Superseded and Held are ends,
// Held until a person has acted; so is Posted where nobody can look.
const (
	StatePending    DeliveryState = "pending"
	StateAttempting DeliveryState = "attempting"
	StateUnknown    DeliveryState = "unknown"
	StatePosted     DeliveryState = "posted"
	StateVerified   DeliveryState = "verified"
	StateFailed     DeliveryState = "failed"
	StateExpired    DeliveryState = "expired"
	StateSuperseded DeliveryState = "superseded"
	StateHeld       DeliveryState = "held"
)

// Final reports whether nothing more happens in this state by itself.
func (s DeliveryState) Final() bool {
	switch s {
	case StateVerified, StateFailed, StateExpired, StateSuperseded, StateHeld:
		return true
	case StatePending, StateAttempting, StateUnknown, StatePosted:
		return false
	}
	return false
}

// An Entry is one message of the ledger.
type Entry struct {
	Seq     int64
	Subject string
	Payload []byte
	Time    time.Time           // when the broker took it, by the broker's clock
	Header  map[string][]string // not covered by the Merkle tree: mirrors strip headers
	Record  Record              // zero where Bad is set
	Bad     error               // why the payload is not a record
}

// A Statement is one signature record.
type Statement struct {
	Seq       int64
	At        time.Time // when the broker took it
	Principal string
	Namespace string
	Key       string
	Armor     string
	Trace     string // traceparent of the record's message, "" for none
}

// A Halt is one record of a refusal or a withdrawal of a bulletin. Whether it holds is
// not known here.
type Halt struct {
	Seq       int64
	At        time.Time // when the broker took it
	Type      Type      // Refused or Withdrawn
	Principal string
	Namespace string
	Key       string
	Text      string // what the person signed
	Armor     string
}

// An AlertState is all that the ledger says of one alert.
type AlertState struct {
	ID        string
	Bulletins []*BulletinState // in ledger order
	Refusals  []Refusal        // of what names this alert, in ledger order: the first maxRefusals
	Contacts  []ContactState   // attempts to reach who is to sign, in ledger order: the first maxContacts of each kind
	Notified  []NotifiedState  // who was told of its bulletins, in ledger order

	contacted map[contactKind]int // how many of Contacts there are of each kind
}

// A contactKind is what contacts have in common that are counted together.
type contactKind struct{ sha256, whom, by string }

// A ContactState is one record of an attempt to reach somebody.
type ContactState struct {
	Seq    int64
	At     time.Time // when the broker took it: whoever writes it can't date it back
	SHA256 string    // of the bulletin that they were to sign
	Whom   string    // the role
	Way    alert.Way
	Result string
	By     string // who wrote it, as the record says
}

// A NotifiedState is one record of somebody who was told of a release.
type NotifiedState struct {
	Seq      int64
	At       time.Time // when the broker took it
	SHA256   string    // of the bulletin
	Whom     string    // the recipient's name
	Occasion string
}

// WasTold reports whether somebody was told of a bulletin.
func (a *AlertState) WasTold(whom, digest string) bool {
	return slices.ContainsFunc(a.Notified, func(n NotifiedState) bool { return n.Whom == whom && n.SHA256 == digest })
}

// maxContacts bounds the contacts of one bulletin that are with the same role and by the
// same writer: whoever may hand in can write many. Those of another bulletin, with somebody
// who does not sign, or under another name leave room for those on which a break-glass
// bulletin relies; and as many as that of the very kind would themselves be attempts.
const maxContacts = 64

// A Refusal is one record of something that was refused.
type Refusal struct {
	Seq    int64
	At     time.Time // when the broker took it
	Refers int64     // the record that is refused; 0 for what is not in the ledger
	Class  string
	Reason string
}

// A BulletinState is all that the ledger says of one bulletin.
type BulletinState struct {
	Number     int
	SHA256     string
	Bytes      int
	Code       string
	Identifier string
	MsgType    string
	Kind       string // as the record says it, "" for none
	Breakglass bool   // its record says that one organisation issues it
	Expires    time.Time
	Seq        int64
	At         time.Time
	Trace      string // traceparent of the record's message, "" for none
	Statements []Statement
	Halts      []Halt               // in ledger order
	Refusal    *Refusal             // the first one that refers to the bulletin's record, or nil
	Deliveries map[string]*Delivery // by channel; none until its first record
}

// Unread reports whether a node has refused the bulletin since it could not read it.
func (b *BulletinState) Unread() bool { return b.Refusal != nil && b.Refusal.Class == ClassBulletin }

// Recorded returns what the record of the bulletin says of it, under the alert to which
// the record belongs.
func (b *BulletinState) Recorded(id string) alert.Recorded {
	return alert.Recorded{
		Alert: id, Number: b.Number, Code: b.Code, Identifier: b.Identifier, MsgType: b.MsgType, Kind: b.Kind, Breakglass: b.Breakglass, Expires: b.Expires, Bytes: b.Bytes,
	}
}

// Attempted reports whether a channel began to send a post of the bulletin. What was
// only prepared before its release was not.
func (b *BulletinState) Attempted() bool {
	for _, d := range b.Deliveries {
		if d.Attempted() {
			return true
		}
	}
	return false
}

// Attempted reports whether the channel began to send a post.
func (d *Delivery) Attempted() bool {
	return d != nil && slices.ContainsFunc(d.Parts, func(p *PartState) bool { return p.Attempts > 0 })
}

// A Delivery is what the ledger says of carrying one bulletin to one channel.
type Delivery struct {
	Channel string
	Parts   []*PartState // by part, from 1
	Marks   []*PartState // by their place among the bulletin's marks for the channel, from 1
}

// A PartState is what the ledger says of one post on one channel.
type PartState struct {
	State    DeliveryState
	Attempts int
	Claimant string // node and incarnation of the newest attempt
	ClaimSeq int64  // ledger sequence of the newest attempt
	ClaimID  string // identifier of its record
	// Until is when no request of the newest attempt is under way any more, by the
	// broker's clock: the time that its writer gave itself, counted from when the broker
	// took the record. So no two nodes' clocks are compared.
	Until    time.Time
	FirstTry time.Time // when the first attempt was recorded: by the writer's clock or the broker's, whichever is earlier
	Since    time.Time // when the broker took the record of the present state
	Changed  int64     // newest record that had an effect on it
	Prepared string
	PostID   string
	URL      string
	// PostedAt is when it became public: as the record says, and not outside of the broker's
	// times of the attempt and of the record, whatever clock that was.
	PostedAt   time.Time
	VerifiedAt time.Time // when the broker took the record of it
	Reconciled bool
	Unreadable bool // posted, and this account gives no way to look
	Doubted    bool // the fate of an attempt was unknown once
	Misses     int  // attempts in a row that left nothing public: class and reason stay while the next one is under way
	// Doubtful says that it may be public: the fate of an attempt stayed unknown,
	// since nobody could look.
	Doubtful   bool
	RetryAt    time.Time // not before this moment, by the broker's clock; reckoned like Until
	Class      string
	Reason     string
	Evidence   string
	Lacks      string    // why it is public without its image; "" where it is with it, or has none
	ReleasedAt time.Time // when the broker took the record that released the bulletin
	Shown      Shown     // what was found since it was read back

	begun   time.Time // when the broker took the record of the first attempt
	claimed time.Time // when it took that of the newest one
	owing   []string  // whose attempt it was and who has not said what came of it, once for each; never changed in place
}

// Final reports whether nothing more happens by itself. A post that is held until a
// budget comes back is tried again then.
func (p *PartState) Final() bool {
	if p.State == StateHeld && !p.RetryAt.IsZero() {
		return false
	}
	return p.State.Final() || p.State == StatePosted && p.Unreadable
}

// A VoidError says why a record has no effect: at its place in the ledger it is
// not a step that the state allows. The record stays in the ledger.
type VoidError struct {
	Seq    int64
	Reason string

	foreign bool // see Void
}

// Error names the record by its sequence.
func (e *VoidError) Error() string {
	return fmt.Sprintf("record %d has no effect: %s", e.Seq, e.Reason)
}

// A Void is a record without effect, as [State] keeps it.
type Void struct {
	Seq    int64
	At     time.Time // when the broker took it
	Type   Type      // "" for what is not a record
	Alert  string    // by its subject
	Reason string
	// Foreign says that no program of ours wrote the record from what the ledger said
	// before it: it is to be refused. Of the others, each is the second of two writers
	// that met.
	Foreign bool
}

// A RingState is one record of a version of the key ring. Whether it holds is not
// known here: that takes the version's bytes.
type RingState struct {
	Seq     int64
	At      time.Time // when the broker took it
	Version int
	Meta    string
	Ring    string
	Folder  string
}

// A ReadinessState is what the ledger says of whether a channel, or a node itself, can do its
// job: the newest record, by whoever wrote it.
type ReadinessState struct {
	Seq     int64
	At      time.Time // when the broker took it: since when it is so
	Node    string    // name of the node that found it
	Channel string    // "" for the node itself
	State   string
	Class   string // what it rests on
	Reason  string
	Until   time.Time // as the record says; zero for none
}

// readinessOf names a channel, or with "" the node itself, as one node finds it.
type readinessOf struct{ node, channel string }

// maxReadiness bounds what is kept of channels and nodes: whoever has the credential of a
// channel may write under the name of any node.
const maxReadiness = 1024

// Readiness returns what the ledger says that a node found of a channel, or with "" of itself;
// false where it says nothing.
func (s *State) Readiness(node, channel string) (ReadinessState, bool) {
	found, ok := s.readiness[readinessOf{node, channel}]
	return found, ok
}

// EveryReadiness lists what the ledger says of the readiness of channels and nodes, by the
// names of nodes and channels.
func (s *State) EveryReadiness() []ReadinessState {
	all := slices.Collect(maps.Values(s.readiness))
	slices.SortFunc(all, func(a, b ReadinessState) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Channel, b.Channel))
	})
	return all
}

// LastVerified returns when a post was last read back on a channel as it was signed: the
// proof that the whole way to the public worked. Zero for never.
func (s *State) LastVerified(channel string) (at time.Time) {
	for _, a := range s.Alerts {
		for _, b := range a.Bulletins {
			d := b.Deliveries[channel]
			if d == nil {
				continue
			}
			for _, p := range d.Parts {
				if p.VerifiedAt.After(at) {
					at = p.VerifiedAt
				}
			}
		}
	}
	return at
}

// A State is the fold of a ledger up to Seq. It has one owner.
type State struct {
	Seq      int64
	Realm    string
	Epoch    string
	Began    time.Time // when the broker took the first record
	Alerts   map[string]*AlertState
	Order    []string            // alerts in order of their first bulletin
	Last     map[string]int64    // last sequence on each subject
	NodesAt  int64               // newest record by which an incarnation began or ended
	Rings    []RingState         // records of versions of the key ring, in ledger order
	JudgedBy map[string]int64    // by SHA-256 of a key ring: the newest record of a node that says it judges by it
	Carried  map[string][]string // by node: the channels that it has, as it said when it started last
	Voids    []Void
	Rejected int
	Codes    map[string][]string // alerts by the codes that their records bear, the first maxHolders of each

	early     []earlyRefusal           // of what names an alert of which there was no bulletin yet: the newest maxEarly
	times     map[int64]time.Time      // broker times of decision records, to date releases
	handed    map[int64]*BulletinState // by the sequence of the record that handed it in
	rejected  map[int64]bool           // sequences of records that were refused
	refusals  []Refusal                // of records, in ledger order
	recent    []time.Time              // broker times of the newest RefusalsPerHour refusals of records
	flood     Refusal                  // the newest record of a flood
	seats     map[seat]incarnation     // the newest incarnation of each node
	began     map[seat]int             // every "node/incarnation" that started, with its attempts after it was gone
	readiness map[readinessOf]ReadinessState
	circuits  map[string]Circuit
	foreign   map[string][]ForeignPost // by channel, in ledger order
	decisions []touch                  // ascending
	posts     []touch                  // ascending
}

// A seat is a node, or an incarnation of one, as far as a credential speaks for it: a node that
// has that of nodes for all that it does, one that has those of single channels' adapters for
// each of these channels on its own. So whoever stole an adapter's says of no node that it
// stopped, but of what nodes do that have this one too, on this channel.
type seat struct {
	node    string
	channel string // "" for all
}

// An incarnation is one run of a node.
type incarnation struct {
	name    string
	stopped bool // it has said so
}

// earlyRefusal is a refusal that names an alert.
type earlyRefusal struct {
	alert   string
	refusal Refusal
}

// touch says that an alert has news for those who watch decisions or posts.
type touch struct {
	seq   int64
	alert string
}

// Decided lists the alerts that got a decision after the record since, oldest first,
// each once.
func (s *State) Decided(since int64) []string { return after(s.decisions, since) }

// Published lists the alerts that got a post after the record since, oldest first,
// each once.
func (s *State) Published(since int64) []string { return after(s.posts, since) }

func after(touches []touch, since int64) (alerts []string) {
	i := sort.Search(len(touches), func(i int) bool { return touches[i].seq > since })
	for _, t := range touches[i:] {
		if !slices.Contains(alerts, t.alert) {
			alerts = append(alerts, t.alert)
		}
	}
	return alerts
}

const (
	// RefusalsPerHour is how many records of the ledger are refused by a record of
	// their own within an hour. Then one record of class [ClassFlood] stands for all
	// that are refused within the hour after it: whoever floods the ledger must not
	// make its nodes write without end.
	RefusalsPerHour = 64
	floodLasts      = time.Hour

	maxRefusals = 256 // of one alert, for whoever reads along
	maxEarly    = 1024
	maxHolders  = 16  // alerts with one code: codes are drawn by chance, and checked
	maxBelated  = 16  // attempts of one incarnation that is gone and does not know it yet
	maxReason   = 500 // bytes of the words on a record without effect
)

// Refused reports whether a refusal of the record with the sequence, which the
// broker took at a moment, is in the ledger: its own, or the record of a flood.
func (s *State) Refused(seq int64, at time.Time) bool {
	return s.rejected[seq] || s.flood.Seq > 0 && (seq < s.flood.Seq || at.Before(s.flood.At.Add(floodLasts)))
}

// Refusals returns the refusals of records that stand in the ledger, in ledger order.
// What commands refused before it came into the ledger is not among them.
func (s *State) Refusals() []Refusal { return slices.Clone(s.refusals) }

// Flooded reports whether one more refusal now has to be the record of a flood.
func (s *State) Flooded(now time.Time) bool {
	return len(s.recent) == RefusalsPerHour && now.Sub(s.recent[0]) < floodLasts
}

// NewState returns the fold of an empty ledger.
func NewState() *State {
	return &State{
		Alerts: map[string]*AlertState{}, Last: map[string]int64{}, Carried: map[string][]string{}, Codes: map[string][]string{}, JudgedBy: map[string]int64{},
		times: map[int64]time.Time{}, handed: map[int64]*BulletinState{}, rejected: map[int64]bool{}, seats: map[seat]incarnation{}, began: map[seat]int{},
		readiness: map[readinessOf]ReadinessState{}, circuits: map[string]Circuit{}, foreign: map[string][]ForeignPost{},
	}
}

// Pass has the fold go on after the record with the sequence, though some up to it are
// missing.
func (s *State) Pass(seq int64) { s.Seq = max(s.Seq, seq) }

// Apply folds the next entry. A [VoidError] says that the record is kept but has
// no effect; any other error says that the ledger can't be read on: a gap, or
// entries out of order.
func (s *State) Apply(e *Entry) error {
	if e.Seq != s.Seq+1 {
		return fmt.Errorf("the ledger goes from record %d to %d: records are missing", s.Seq, e.Seq)
	}
	before := s.Last[e.Subject]
	s.Seq = e.Seq
	s.Last[e.Subject] = e.Seq
	err := s.apply(e, before)
	if v, ok := err.(*VoidError); ok { //nolint:errorlint // apply returns it unwrapped
		reason := strings.ReplaceAll(v.Reason, "\n", "; ")
		if len(reason) > maxReason {
			reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
		}
		id := alertOf(e.Subject)
		if !isUUID(id) {
			id = ""
		}
		kind := e.Record.Type
		if e.Bad != nil {
			kind = "" // what it said before it could not be read on
		}
		s.Voids = append(s.Voids, Void{
			Seq: v.Seq, At: e.Time, Type: kind, Alert: id, Reason: reason,
			Foreign: v.foreign,
		})
	}
	return err
}

// apply folds an entry; before is the newest record that stood on its subject.
func (s *State) apply(e *Entry, before int64) error {
	foreign := func(format string, args ...any) error {
		return &VoidError{Seq: e.Seq, Reason: fmt.Sprintf(format, args...), foreign: true}
	}
	if e.Bad != nil {
		return foreign("%v", e.Bad)
	}
	r := &e.Record
	if want := r.Subject(); e.Subject != want {
		return foreign("it stands on subject %s, its content belongs on %s", e.Subject, want)
	}
	if (e.Seq == 1) != (r.Type == Genesis) {
		return foreign("a ledger begins with its one genesis record")
	}
	if r.Ring != "" && (r.Type == NodeStarted || r.Type == Attempt) {
		s.JudgedBy[r.Ring] = e.Seq
	}
	switch r.Type {
	case Genesis:
		s.Realm, s.Epoch, s.Began = r.Realm, r.Epoch, e.Time
	case NodeStarted, NodeStopped:
		return s.applyNode(e, foreign)
	case LossAccepted: // a fact for auditors
	case KeyRing:
		s.Rings = append(s.Rings, RingState{Seq: e.Seq, At: e.Time, Version: r.Number, Meta: r.Meta, Ring: r.Ring, Folder: r.Folder})
	case Readiness:
		return s.applyReadiness(e, foreign)
	case Rejected:
		s.applyRejected(e)
	case Bulletin:
		return s.applyBulletin(e)
	case Signature, Refused, Withdrawn:
		return s.applySignature(e, foreign)
	case Contact:
		return s.applyContact(e, foreign)
	case Notified:
		return s.applyNotified(e, foreign)
	case Watched:
		return s.applyWatched(e, foreign)
	case Foreign:
		return s.applyForeign(e, foreign)
	default:
		return s.applyDelivery(e, before, foreign)
	}
	return nil
}

// applyNode folds that an incarnation began or ended.
func (s *State) applyNode(e *Entry, foreign func(string, ...any) error) error {
	r := &e.Record
	name, run, _ := strings.Cut(r.Node, "/")
	at := seat{name, r.Channel}
	switch {
	case r.Channel != "" && s.Whole(name):
		return foreign("%s is a node with the credential of nodes: that of one channel's adapter says nothing of it", name)
	case r.Type == NodeStopped && s.seats[at].name != run:
		return nil // an earlier one of it
	case r.Type == NodeStopped:
		s.seats[at] = incarnation{run, true}
	default:
		s.seats[at] = incarnation{name: run}
		s.began[seat{r.Node, r.Channel}] += 0
		if r.Channel == "" {
			s.Carried[name] = r.Channels
		} else if !slices.Contains(s.Carried[name], r.Channel) {
			s.Carried[name] = append(s.Carried[name], r.Channel)
		}
	}
	s.NodesAt = e.Seq
	return nil
}

// Whole reports whether a node of the name has started with the credential of nodes: what it does
// is for no adapter's credential to say.
func (s *State) Whole(name string) bool {
	_, ok := s.seats[seat{node: name}]
	return ok
}

// seatOf returns as what an incarnation that started works on a channel.
func (s *State) seatOf(node, channel string) (at seat, ok bool) {
	at = seat{node: node}
	if _, ok = s.began[at]; !ok {
		at.channel = channel
		_, ok = s.began[at]
	}
	return at, ok
}

// WasInForce reports whether nodes have judged by the version of a record, as their own
// records after it say, it was not refused, and no later record brings the same one. A record
// that was refused may name the key ring of another version, which is the one they judged by.
func (s *State) WasInForce(r *RingState) bool {
	return s.JudgedBy[r.Ring] > r.Seq && !s.rejected[r.Seq] && !slices.ContainsFunc(s.Rings, func(o RingState) bool {
		return o.Seq > r.Seq && o.Version == r.Version && o.Ring == r.Ring
	})
}

func (s *State) applyReadiness(e *Entry, foreign func(string, ...any) error) error {
	r := &e.Record
	name, _, _ := strings.Cut(r.Node, "/")
	of := readinessOf{name, r.Channel}
	if _, known := s.readiness[of]; !known && len(s.readiness) >= maxReadiness {
		return foreign("the readiness of %d channels and nodes is kept already", maxReadiness)
	}
	s.readiness[of] = ReadinessState{Seq: e.Seq, At: e.Time, Node: name, Channel: r.Channel, State: r.State, Class: r.Class, Reason: r.Reason, Until: r.Until}
	return nil
}

func (s *State) applyRejected(e *Entry) {
	r := &e.Record
	s.Rejected++
	refusal := Refusal{Seq: e.Seq, At: e.Time, Refers: r.Refers, Class: r.Class, Reason: r.Reason}
	switch a := s.Alerts[r.Alert]; {
	case a != nil:
		a.refused(refusal)
	case r.Alert != "":
		s.early = append(s.early, earlyRefusal{r.Alert, refusal})
		s.early = s.early[max(0, len(s.early)-maxEarly):]
	}
	if r.Refers == 0 {
		return
	}
	s.refusals = append(s.refusals, refusal)
	if r.Class == ClassFlood {
		s.flood = refusal
		return
	}
	s.rejected[r.Refers] = true
	if b := s.handed[r.Refers]; b != nil && b.Refusal == nil {
		b.Refusal = &refusal
	}
	s.recent = append(s.recent, e.Time)
	s.recent = s.recent[max(0, len(s.recent)-RefusalsPerHour):]
}

// refused adds a refusal of what names the alert.
func (a *AlertState) refused(r Refusal) {
	if len(a.Refusals) < maxRefusals {
		a.Refusals = append(a.Refusals, r)
	}
}

// begin returns a new alert, with the refusals that named it before.
func (s *State) begin(id string) *AlertState {
	a := &AlertState{ID: id}
	for _, r := range s.early {
		if r.alert == id {
			a.refused(r.refusal)
		}
	}
	s.early = slices.DeleteFunc(s.early, func(r earlyRefusal) bool { return r.alert == id })
	s.Alerts[id] = a
	s.Order = append(s.Order, id)
	return a
}

func (s *State) applyBulletin(e *Entry) error {
	r := &e.Record
	a := s.Alerts[r.Alert]
	if a == nil {
		a = s.begin(r.Alert)
	}
	if a.Bulletin(r.SHA256) != nil {
		return &VoidError{Seq: e.Seq, Reason: "this bulletin was handed in before"}
	}
	s.times[e.Seq] = e.Time
	s.decisions = append(s.decisions, touch{e.Seq, r.Alert})
	b := &BulletinState{
		Number: r.Number, SHA256: r.SHA256, Bytes: r.Bytes, Code: r.Code, Identifier: r.Identifier, MsgType: r.MsgType, Kind: r.Kind, Breakglass: r.Breakglass,
		Expires: r.Expires, Seq: e.Seq, At: e.Time, Trace: trace(e), Deliveries: map[string]*Delivery{},
	}
	a.Bulletins = append(a.Bulletins, b)
	s.handed[e.Seq] = b
	if holders := s.Codes[r.Code]; len(holders) < maxHolders && !slices.Contains(holders, r.Alert) {
		s.Codes[r.Code] = append(holders, r.Alert)
	}
	return nil
}

func (s *State) applySignature(e *Entry, foreign func(string, ...any) error) error {
	r := &e.Record
	b := s.bulletin(r.Alert, r.SHA256)
	if b == nil {
		return foreign("the ledger holds no such bulletin")
	}
	s.times[e.Seq] = e.Time
	s.decisions = append(s.decisions, touch{e.Seq, r.Alert})
	if r.Type != Signature {
		b.Halts = append(b.Halts, Halt{
			Seq: e.Seq, At: e.Time, Type: r.Type, Principal: r.Principal, Namespace: r.Namespace, Key: r.Key, Text: r.Statement, Armor: r.Armor,
		})
		return nil
	}
	b.Statements = append(b.Statements, Statement{
		Seq: e.Seq, At: e.Time, Principal: r.Principal, Namespace: r.Namespace, Key: r.Key, Armor: r.Armor, Trace: trace(e),
	})
	return nil
}

func (s *State) applyContact(e *Entry, foreign func(string, ...any) error) error {
	r := &e.Record
	if b := s.bulletin(r.Alert, r.SHA256); b == nil || b.Number != r.Number {
		return foreign("the ledger holds no such bulletin")
	}
	a := s.Alerts[r.Alert]
	kind := contactKind{r.SHA256, r.Whom, r.Node}
	if a.contacted[kind] >= maxContacts {
		return foreign("the bulletin has %d records of contacts with %s by the same writer already", maxContacts, r.Whom)
	}
	if a.contacted == nil {
		a.contacted = map[contactKind]int{}
	}
	a.contacted[kind]++
	a.Contacts = append(a.Contacts, ContactState{Seq: e.Seq, At: e.Time, SHA256: r.SHA256, Whom: r.Whom, Way: r.Way, Result: r.Reason, By: r.Node})
	return nil
}

func (s *State) applyNotified(e *Entry, foreign func(string, ...any) error) error {
	r := &e.Record
	if b := s.bulletin(r.Alert, r.SHA256); b == nil || b.Number != r.Number {
		return foreign("the ledger holds no such bulletin")
	}
	// Two nodes may have told them: each record is a fact.
	a := s.Alerts[r.Alert]
	a.Notified = append(a.Notified, NotifiedState{Seq: e.Seq, At: e.Time, SHA256: r.SHA256, Whom: r.Whom, Occasion: r.Occasion})
	return nil
}

func trace(e *Entry) string {
	if v := e.Header[traceHeader]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// Bulletin returns the bulletin with the digest, or nil.
func (a *AlertState) Bulletin(sha256 string) *BulletinState {
	for _, b := range a.Bulletins {
		if b.SHA256 == sha256 {
			return b
		}
	}
	return nil
}

func (s *State) bulletin(id, sha256 string) *BulletinState {
	if a := s.Alerts[id]; a != nil {
		return a.Bulletin(sha256)
	}
	return nil
}

// Part returns the state of one post on one channel; a part without a record is
// pending.
func (b *BulletinState) Part(channel string, part int) PartState {
	if d := b.Deliveries[channel]; d != nil && part > 0 && part <= len(d.Parts) {
		return *d.Parts[part-1]
	}
	return PartState{State: StatePending}
}

// Mark returns the state of one mark on one channel; one without a record is pending.
func (b *BulletinState) Mark(channel string, mark int) PartState {
	if d := b.Deliveries[channel]; d != nil && mark > 0 && mark <= len(d.Marks) {
		return *d.Marks[mark-1]
	}
	return PartState{State: StatePending}
}

// about returns the state of what a delivery record is about, on one channel.
func (b *BulletinState) about(channel string, r *Record) PartState {
	if r.Mark > 0 {
		return b.Mark(channel, r.Mark)
	}
	return b.Part(channel, r.Part)
}

// kept returns the list in which a delivery keeps what a record is about, and its place there.
func (d *Delivery) kept(r *Record) (list *[]*PartState, place int) {
	if r.Mark > 0 {
		return &d.Marks, r.Mark
	}
	return &d.Parts, r.Part
}

func (s *State) applyDelivery(e *Entry, before int64, foreign func(string, ...any) error) error {
	r := &e.Record
	b := s.bulletin(r.Alert, r.SHA256)
	if b == nil || b.Number != r.Number {
		return foreign("the ledger holds no such bulletin")
	}
	if r.Part > maxParts {
		return foreign("part %d: a delivery has at most %d posts", r.Part, maxParts)
	}
	if r.Mark > maxMarks {
		return foreign("mark %d: a delivery has at most %d marks", r.Mark, maxMarks)
	}
	channels := r.Channels
	if r.Channel != "" {
		channels = []string{r.Channel}
	}
	if r.Type == Attempt && s.Gone(r.Node, r.Channel) {
		return &VoidError{
			Seq: e.Seq, Reason: fmt.Sprintf("%s has stopped, or its node was started again since: this incarnation may send nothing more", r.Node), foreign: !s.belated(r.Node, r.Channel),
		}
	}
	var refused []string
	met := true
	for _, c := range channels {
		p := b.about(c, r)
		if why := s.step(b, c, e); why != "" {
			refused = append(refused, c+": "+why)
			met = met && s.meets(&p, r, c, before)
		}
		b.said(c, r)
	}
	if len(refused) > 0 {
		return &VoidError{Seq: e.Seq, Reason: strings.Join(refused, "; "), foreign: !met}
	}
	return nil
}

// belated counts one more attempt of an incarnation that is gone, and reports whether
// it can be that incarnation's own, which has not read so far yet.
func (s *State) belated(node, channel string) bool {
	at, ok := s.seatOf(node, channel)
	if !ok {
		return false
	}
	n := s.began[at]
	s.began[at]++
	return n < maxBelated
}

// meets reports whether a node of ours may have written r for a post on a channel in state p,
// where it has no effect; before is the newest record that stood on r's subject. Every
// delivery record rests on what the subject of its channel says, or that of the
// alert's first attempts, up to before (compare-and-set). So it is without effect where the
// other one of the two subjects brought something since, or where it is the last word on an
// attempt that was given up by others in the meantime.
func (s *State) meets(p *PartState, r *Record, channel string, before int64) bool {
	if _, ok := s.seatOf(r.Node, channel); !ok {
		return false
	}
	switch r.Type {
	case Attempt:
		return p.Changed >= before
	case Expired, Superseded, Deferred:
		return p.ClaimSeq > before
	case Prepared, Held, Failed:
		return p.ClaimSeq > before || slices.Contains(p.owing, r.Node)
	case NotSent, Unknown, Posted:
		return slices.Contains(p.owing, r.Node)
	case Absent, Verified, NotVerifiable:
	case Genesis, NodeStarted, NodeStopped, LossAccepted, Readiness, Bulletin, Signature, Rejected, Refused, Withdrawn, Contact, Notified, Watched, Foreign:
	}
	return false
}

// said notes that whoever wrote r owes no word on an attempt at the post any more,
// whether r had an effect or not.
func (b *BulletinState) said(channel string, r *Record) {
	switch r.Type {
	case NotSent, Unknown, Posted, Held, Failed:
	default:
		return
	}
	d := b.Deliveries[channel]
	if d == nil {
		return
	}
	list, place := d.kept(r)
	if place > len(*list) {
		return
	}
	p := (*list)[place-1]
	if i := slices.Index(p.owing, r.Node); i >= 0 {
		p.owing = slices.Concat(p.owing[:i], p.owing[i+1:])
	}
}

// Gone reports whether the ledger says that "node/incarnation" sends nothing more on a channel,
// "" for all at once: it has said that it stopped, after its last request had ended, or its
// node was started again since.
func (s *State) Gone(node, channel string) bool {
	name, run, _ := strings.Cut(node, "/")
	newest, ok := s.seats[seat{node: name}]
	if !ok {
		newest, ok = s.seats[seat{name, channel}]
	}
	return ok && (newest.name != run || newest.stopped)
}

// maxParts and maxMarks bound the posts and the marks of one delivery.
const (
	maxParts = 16
	maxMarks = 256
)

// step moves one post on by the record, or says why the record does not apply.
func (s *State) step(b *BulletinState, channel string, e *Entry) string {
	r := &e.Record
	now := b.about(channel, r)
	if why := allowed(&now, e, s.Gone(now.Claimant, channel)); why != "" {
		return why
	}
	if r.Part > 1 && b.Part(channel, r.Part-1).PostID == "" && r.Type == Attempt {
		return "the part before it is not public"
	}
	d := b.Deliveries[channel]
	if d == nil {
		d = &Delivery{Channel: channel}
		b.Deliveries[channel] = d
	}
	list, place := d.kept(r)
	for len(*list) < place {
		*list = append(*list, &PartState{State: StatePending})
	}
	s.answered(channel, &now, e)
	(*list)[place-1].move(e, s.times)
	if r.Type == Posted && r.Mark == 0 {
		s.posts = append(s.posts, touch{e.Seq, r.Alert})
	}
	return ""
}

// from lists the states in which each record may stand. It is the whole state
// machine of a delivery.
func from(t Type) []DeliveryState {
	switch t {
	case Attempt:
		return []DeliveryState{StatePending, StateHeld}
	case Prepared:
		return []DeliveryState{StatePending, StateAttempting}
	case NotSent, Unknown:
		return []DeliveryState{StateAttempting}
	case Absent:
		return []DeliveryState{StateUnknown}
	case Posted:
		return []DeliveryState{StateAttempting, StateUnknown}
	case Verified, NotVerifiable:
		return []DeliveryState{StatePosted}
	case Failed:
		return []DeliveryState{StatePending, StateAttempting, StateUnknown, StatePosted, StateHeld}
	case Held:
		// Also once more: a node that was started again finds the same cause.
		return []DeliveryState{StatePending, StateAttempting, StateUnknown, StateHeld}
	case Expired, Superseded, Deferred:
		return []DeliveryState{StatePending, StateHeld}
	case Genesis, NodeStarted, NodeStopped, LossAccepted, KeyRing, Readiness, Bulletin, Signature, Rejected, Refused, Withdrawn, Contact, Notified, Watched, Foreign:
	}
	return nil
}

// untilSlack is how much sooner than an attempt's until others may speak of it. Who waited
// counted with a clock of its own, which runs a little faster or slower than the broker's.
// The claimant has ended long before: until is 5 seconds after its last possible moment.
const untilSlack = time.Second

// allowed says why e's record can't follow in state p, or ""; gone says whether the claimant
// sends nothing more.
func allowed(p *PartState, e *Entry, gone bool) string {
	r := &e.Record
	if !slices.Contains(from(r.Type), p.State) {
		return fmt.Sprintf("%s can't follow in state %s", r.Type, p.State)
	}
	if p.State == StatePosted && p.Unreadable {
		return "the delivery has ended"
	}
	if r.Type == Prepared && p.State == StatePending && p.Attempts > 0 {
		return "what is prepared ahead is prepared before the first attempt"
	}
	if r.Type == Attempt {
		switch {
		case r.Attempt != p.Attempts+1:
			return fmt.Sprintf("it is attempt %d, %d were made", r.Attempt, p.Attempts)
		}
		return ""
	}
	// Between an attempt and its end, the claimant alone may speak, until no
	// request of it can be under way any more: by the broker's times of both records.
	if p.State == StateAttempting && !gone && r.Node != p.Claimant && !SameNode(r.Node, p.Claimant) && e.Time.Before(p.Until.Add(-untilSlack)) {
		return fmt.Sprintf("the attempt belongs to %s until %s", p.Claimant, p.Until.Format(time.RFC3339))
	}
	return ""
}

// SameNode reports whether two "node/incarnation" are of one node: the later one knows
// that the earlier one is gone.
func SameNode(a, b string) bool {
	a, _, _ = strings.Cut(a, "/")
	b, _, _ = strings.Cut(b, "/")
	return a == b
}

// reckon returns a moment of a record in the broker's time: as long after the broker took the
// record as the writer had it after its own clock. The zero time stays zero.
func (e *Entry) reckon(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return e.Time.Add(max(t.Sub(e.Record.At), 0))
}

// between returns t, or the bound that it is beyond. The zero time stays zero.
func between(t, from, to time.Time) time.Time {
	switch {
	case t.IsZero():
		return t
	case t.After(to):
		return to
	case t.Before(from):
		return from
	}
	return t
}

func (p *PartState) move(e *Entry, times map[int64]time.Time) {
	r := &e.Record
	p.Changed = e.Seq
	again := r.Type == Attempt || r.Type == Prepared || r.Type == Deferred && p.Misses > 0
	if !again || p.Misses == 0 {
		p.Class, p.Reason = r.Class, r.Reason
	}
	p.RetryAt = e.reckon(r.RetryAt)
	if r.Type != Prepared {
		p.Since = e.Time
	}
	switch {
	case r.Type == NotSent, r.Type == Absent:
		p.Misses++
	case !again && r.Type != Unknown && r.Type != Deferred:
		p.Misses = 0
	}
	switch r.Type {
	case Attempt:
		p.State, p.Attempts = StateAttempting, r.Attempt
		p.Claimant, p.ClaimSeq, p.ClaimID, p.Until = r.Node, e.Seq, r.ID, e.reckon(r.Until)
		p.claimed = e.Time
		p.owing = append(p.owing[:len(p.owing):len(p.owing)], r.Node)
		if p.FirstTry.IsZero() {
			p.FirstTry, p.begun = r.At, e.Time
			if e.Time.Before(r.At) {
				p.FirstTry = e.Time
			}
		}
		if at, ok := times[r.Released]; ok {
			p.ReleasedAt = at
		}
	case Prepared:
		p.Prepared = r.Prepared
	case NotSent:
		p.State = StatePending
		if r.Dead {
			p.Prepared = ""
		}
	case Unknown:
		p.State, p.Doubted = StateUnknown, true
	case Absent:
		// With a class, nobody looked: the channel's policy went on without it.
		p.State, p.Doubtful = StatePending, p.Doubtful || r.Class != ""
	case Posted:
		p.Doubtful = false
		since := p.claimed
		if r.Reconciled { // it may be the post of an earlier attempt
			since = p.begun
		}
		p.State, p.PostID, p.URL, p.PostedAt = StatePosted, r.PostID, r.Link(), between(r.PostedAt, since, e.Time)
		p.Reconciled, p.Evidence, p.Lacks = r.Reconciled, r.Evidence, r.Lacks
	case Verified:
		p.State, p.VerifiedAt = StateVerified, e.Time
		if address := r.Link(); address != "" {
			p.URL = address
		}
		p.Lacks = cmp.Or(r.Lacks, p.Lacks)
	case NotVerifiable:
		p.Unreadable = true
	case Failed:
		p.State = StateFailed
	case Held:
		p.Doubtful = p.Doubtful || p.State == StateUnknown
		p.State = StateHeld
	case Expired:
		p.State = StateExpired
	case Superseded:
		p.State = StateSuperseded
	case Deferred:
		p.State = StatePending
	case Genesis, NodeStarted, NodeStopped, LossAccepted, KeyRing, Readiness, Bulletin, Signature, Rejected, Refused, Withdrawn, Contact, Notified, Watched, Foreign:
	}
}
