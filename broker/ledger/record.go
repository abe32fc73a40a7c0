package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/broker/alert"
)

// Schema is the version of the record format that this package writes and reads.
const Schema = 1

// MaxRecord bounds one record in bytes: with its subject it stays below the
// 65,535 bytes that an entry of a tiled log may have (C2SP tlog-tiles).
const MaxRecord = 60 << 10

// A Type says what a record reports. Types are stored: append only.
type Type string

// The record types. Which record may follow which is said by [State.Apply].
const (
	Genesis     Type = "genesis"      // first of every ledger: realm and epoch
	NodeStarted Type = "node_started" // a node came up under a new incarnation
	NodeStopped Type = "node_stopped" // a node was asked to stop, and did
	Bulletin    Type = "bulletin"     // a bulletin was handed in to be signed
	Signature   Type = "signature"    // a person signed a bulletin
	Rejected    Type = "rejected"     // something was refused, and why
	Refused     Type = "refused"      // a person whose signature a bulletin waits for says no to it
	Withdrawn   Type = "withdrawn"    // a person takes back a bulletin that is not released
	Contact     Type = "contact"      // somebody tried to reach who is to sign a bulletin
	Notified    Type = "notified"     // somebody was told of a release for which one authority answers alone

	KeyRing Type = "key_ring" // a version of the key ring comes into force, where it holds

	LossAccepted Type = "loss_accepted" // a person accepted the ledger although its checkpoint was lost

	Readiness Type = "readiness" // a channel, or the node itself, can or can't do its job from here on

	Watched Type = "watched" // a public post was read again, and is not what it was found to be before
	Foreign Type = "foreign" // an account shows a post that no bulletin covers, or shows it no more

	Attempt       Type = "attempt"        // a node is about to send a post: intent, before the request leaves
	Prepared      Type = "prepared"       // the platform holds what will be published (not public)
	NotSent       Type = "not_sent"       // the post is certainly not public; to be tried again
	Unknown       Type = "unknown"        // the post may be public: to be looked for
	Absent        Type = "absent"         // looked for until it could not be late any more: not public
	Posted        Type = "posted"         // the platform says that the post is public
	Verified      Type = "verified"       // read back from the platform: exactly what was signed
	NotVerifiable Type = "not_verifiable" // public by the platform's word; this account gives no way to look
	Failed        Type = "failed"         // ended: a person must act
	Held          Type = "held"           // stopped until a person has acted (credential, budget, policy)
	Expired       Type = "expired"        // ended: the alert ran out before the post was public
	Superseded    Type = "superseded"     // ended: a newer bulletin of the alert took its place before it was public
	Deferred      Type = "deferred"       // kept back for others or for the platform; it goes on by itself
)

// A Record is one event: the JSON payload of one message of the ledger. Which
// fields a type has is checked by Validate; the others are absent.
type Record struct {
	Schema int    `json:"schema"`
	Type   Type   `json:"type"`
	ID     string `json:"id"` // unique; names the record across retries of its append
	// At is the writer's clock, UTC.
	At time.Time `json:"at"`
	// Node is the writing node and its incarnation, "savona-1/6f1c…", or the
	// program and person behind a command.
	Node string `json:"node,omitempty"`

	Realm string `json:"realm,omitempty"` // genesis
	Epoch string `json:"epoch,omitempty"` // genesis: random, tells a ledger from a re-created one

	Alert  string `json:"alert,omitempty"`    // UUID of the alert
	Number int    `json:"number,omitempty"`   // the bulletin's number within its alert, from 1; key_ring: the version, from 1
	SHA256 string `json:"bulletin,omitempty"` // of the bulletin's bytes, lower-case hexadecimal

	Code       string    `json:"code,omitempty"`       // bulletin: the alert code
	Bytes      int       `json:"bytes,omitempty"`      // bulletin: its size
	Identifier string    `json:"identifier,omitempty"` // bulletin: CAP identifier
	MsgType    string    `json:"msg_type,omitempty"`   // bulletin: CAP msgType
	Kind       string    `json:"kind,omitempty"`       // bulletin: as what it was prepared inside another one; "" for none, and in old records
	Expires    time.Time `json:"expires,omitzero"`     // bulletin: nothing is posted from then on

	Breakglass bool      `json:"breakglass,omitzero"` // bulletin: it says that one organisation issues it
	Whom       string    `json:"whom,omitempty"`      // contact: the role that was to be reached; notified: the recipient
	Way        alert.Way `json:"way,omitempty"`       // contact: how
	Occasion   string    `json:"occasion,omitempty"`  // notified: of what, "breakglass" or "stop"

	Principal string `json:"principal,omitempty"` // signature, refused, withdrawn: who signed, as in the key ring
	Namespace string `json:"namespace,omitempty"` // signature, refused, withdrawn: role and realm
	Key       string `json:"key,omitempty"`       // signature, refused, withdrawn: fingerprint of the public key, "SHA256:…"; rejected: of the one that made what is refused
	Armor     string `json:"signature,omitempty"` // signature, refused, withdrawn: the SSHSIG in its armour
	Statement string `json:"statement,omitempty"` // refused, withdrawn: what the person signed, byte for byte

	Channels []string  `json:"channels,omitempty"` // attempt: first attempts that begin together; node_started: what the node carries
	Channel  string    `json:"channel,omitempty"`  // delivery records; readiness: none for the node itself
	Part     int       `json:"part,omitempty"`     // which post of the delivery, from 1
	Mark     int       `json:"mark,omitempty"`     // in the place of part: which of the bulletin's marks for the channel, from 1
	Attempt  int       `json:"attempt,omitempty"`  // counts from 1
	Until    time.Time `json:"until,omitzero"`     // attempt: no request of it is under way after this; readiness: when what it rests on ends
	Released int64     `json:"released,omitempty"` // attempt: ledger sequence of the record that released the bulletin
	Prepared string    `json:"prepared,omitempty"` // the platform's name for what it holds
	Dead     bool      `json:"dead,omitempty"`     // not_sent: what was prepared can't be used any more

	PostID     string    `json:"post_id,omitempty"`   // the platform's name for the post
	URL        string    `json:"url,omitempty"`       // posted: where the public sees it; verified: its own address, where posted did not know it
	PostedAt   time.Time `json:"posted_at,omitzero"`  // when the platform took it
	Reconciled bool      `json:"reconciled,omitzero"` // posted: found by its alert code, not answered
	Evidence   string    `json:"evidence,omitempty"`  // the platform's answer, without secrets
	Lacks      string    `json:"lacks,omitempty"`     // posted, verified: why it is public without its image, in words

	State   string    `json:"state,omitempty"`    // readiness: ready, degraded or down; watched, foreign: what was found
	Class   string    `json:"class,omitempty"`    // outcome class of a failure; readiness: what it rests on
	Cause   string    `json:"cause,omitempty"`    // the platform's own code
	Reason  string    `json:"reason,omitempty"`   // in words, for a person
	RetryAt time.Time `json:"retry_at,omitzero"`  // not_sent, held, deferred: not before this moment
	Refers  int64     `json:"refers,omitempty"`   // rejected: ledger sequence of what was refused; loss_accepted: of the newest record
	Version string    `json:"version,omitempty"`  // node_started: of the program
	Ring    string    `json:"key_ring,omitempty"` // node_started, attempt: SHA-256 of the key ring in force; key_ring: of the one that the version brings
	Meta    string    `json:"meta,omitempty"`     // key_ring: SHA-256 of the version's meta, which ring managers have signed
	Folder  string    `json:"folder,omitempty"`   // key_ring: SHA-256 of the version's files, as one archive
	Sync    string    `json:"sync,omitempty"`     // node_started: whose word it is that the broker syncs every write
}

// The forms of identifiers are asked for at every record of every start: by loops, not
// by regular expressions.

// ValidChannel reports whether name can be a channel's name: lower-case letters,
// digits and hyphens, at most 63, since it becomes a token of a subject.
func ValidChannel(name string) bool {
	for i := range len(name) {
		if c := name[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' && i > 0) {
			return false
		}
	}
	return name != "" && len(name) <= 63
}

// isUUID reports whether s is a UUID in lower case.
func isUUID(s string) bool {
	const hyphens = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(s) != len(hyphens) {
		return false
	}
	for i := range len(s) {
		if hyphens[i] == '-' && s[i] != '-' || hyphens[i] != '-' && !isHex(s[i]) {
			return false
		}
	}
	return true
}

// isDigest reports whether s is a SHA-256 in lower-case hexadecimal.
func isDigest(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return len(s) == 2*sha256.Size
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// The classes of a Rejected record. Classes are stored: append only.
const (
	ClassDraft     = "draft"     // what was to be composed breaks a rule
	ClassBulletin  = "bulletin"  // a bulletin can't be read, or a command refused it
	ClassChain     = "chain"     // a bulletin does not take up where its alert stands
	ClassCode      = "code"      // another alert bears the bulletin's code
	ClassExpired   = "expired"   // a bulletin was handed in after its time
	ClassRealm     = "realm"     // a bulletin is of another realm
	ClassSignature = "signature" // a signature does not hold
	ClassKeyRing   = "key_ring"  // a version of the key ring does not come into force
	ClassRecord    = "record"    // what was written to the stream is no record of ours
	ClassHalt      = "halt"      // a refusal or a withdrawal does not hold
	ClassFlood     = "flood"     // more is refused than is recorded one by one
)

// The states of Watched and Foreign records. They are stored: append only.
const (
	ShownAltered  = "altered"  // it says something else than was signed
	ShownHidden   = "hidden"   // the account holds it, and the public does not see it
	ShownDeleted  = "deleted"  // it is gone
	ShownRestored = "restored" // it says what was signed again

	ForeignPublic = "public" // the account shows it
	ForeignGone   = "gone"   // it does so no more
)

// The states of Readiness records, as [tocsin/adapters.Readiness] writes them.
const (
	StateReady    = "ready"
	StateDegraded = "degraded"
	StateDown     = "down"
)

// The classes of a Deferred record: for what a post waits. Classes are stored: append only.
const (
	ClassReserve  = "reserve"  // what is left of the platform's budget is kept for an alert
	ClassThrottle = "throttle" // the platform has asked the whole account to wait
	ClassCircuit  = "circuit"  // the channel is broken, and what is tried next is another post
)

// ClassAltered is the class of a Failed record of a post that was read back with another
// text than was signed. It is stored.
const ClassAltered = "altered"

// Whose word it is that the broker syncs every write, in NodeStarted records.
const (
	SyncEmbedded    = "embedded"    // the node runs the broker, and has set it so
	SyncConfirmed   = "confirmed"   // the operator says so, in the node's configuration
	SyncUnconfirmed = "unconfirmed" // nobody says so
)

// Subject returns the subject on which the record stands. It panics on a type
// that is not listed above.
func (r *Record) Subject() string {
	switch r.Type {
	case Genesis:
		return "ledger.genesis"
	case NodeStarted, NodeStopped, LossAccepted:
		name, _, _ := strings.Cut(r.Node, "/")
		if r.Channel != "" && r.Type != LossAccepted {
			return "ledger.node." + name + ".channel." + r.Channel // this channel's adapter may write there
		}
		return "ledger.node." + name
	case Readiness:
		if r.Channel != "" {
			return "ledger.readiness.channel." + r.Channel
		}
		name, _, _ := strings.Cut(r.Node, "/")
		return "ledger.readiness.node." + name
	case Rejected:
		if r.Refers > 0 {
			return "ledger.rejected.record" // commands may not write there: what is refused for good is the nodes' word
		}
		return "ledger.rejected"
	case KeyRing:
		return "ledger.keyring"
	case Bulletin:
		if r.Kind != "" {
			return "ledger.alert." + r.Alert + ".decision.prepared" // police may write there: who stops an alert hands this in
		}
		return "ledger.alert." + r.Alert + ".decision.bulletin"
	case Contact:
		return "ledger.alert." + r.Alert + ".decision.contact"
	case Notified:
		return "ledger.alert." + r.Alert + ".notified"
	case Signature, Refused, Withdrawn:
		role, _, _ := strings.Cut(r.Namespace, "@")
		return "ledger.alert." + r.Alert + ".decision." + string(r.Type) + "." + role
	case Watched:
		return "ledger.alert." + r.Alert + ".watch." + r.Channel // not where deliveries are claimed
	case Foreign:
		return "ledger.watch." + r.Channel
	case Attempt:
		if r.Channel == "" {
			return "ledger.alert." + r.Alert + ".attempt"
		}
	case Prepared, NotSent, Unknown, Absent, Posted, Verified, NotVerifiable, Failed, Held, Expired, Superseded, Deferred:
	default:
		panic("ledger: record type " + string(r.Type))
	}
	return "ledger.alert." + r.Alert + ".channel." + r.Channel
}

// Link returns the record's address where it is one of the web, which a person may follow, and
// "" where there is none: whoever has a credential of a channel writes what they want.
func (r *Record) Link() string {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return r.URL
}

// Delivery reports whether the record is part of carrying a bulletin to channels.
func (r *Record) Delivery() bool {
	switch r.Type {
	case Attempt, Prepared, NotSent, Unknown, Absent, Posted, Verified, NotVerifiable, Failed, Held, Expired, Superseded, Deferred:
		return true
	case Genesis, NodeStarted, NodeStopped, LossAccepted, KeyRing, Readiness, Bulletin, Signature, Rejected, Refused, Withdrawn, Contact, Notified, Watched, Foreign:
		return false
	}
	return false
}

// Validate checks that the record has the fields of its type, in their forms.
func (r *Record) Validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	if r.Schema != Schema {
		need(false, fmt.Sprintf("schema is %d, this program reads %d", r.Schema, Schema))
	}
	need(isUUID(r.ID), "id is not a UUID")
	need(!r.At.IsZero() && r.At.Location() == time.UTC, "at is missing or not UTC")
	switch r.Type {
	case Genesis:
		need(r.Realm != "" && r.Epoch != "", "realm or epoch is missing")
	case NodeStarted, NodeStopped, LossAccepted:
		name, incarnation, _ := strings.Cut(r.Node, "/")
		need(ValidChannel(name) && incarnation != "", "node is not NAME/INCARNATION")
		need(r.Channel == "" || ValidChannel(r.Channel), "channel is not a channel's name")
		need(r.Type != LossAccepted || r.Refers > 0 && r.Reason != "", "refers or reason is missing")
	case Readiness:
		name, incarnation, _ := strings.Cut(r.Node, "/")
		need(ValidChannel(name) && incarnation != "", "node is not NAME/INCARNATION")
		need(r.Channel == "" || ValidChannel(r.Channel), "channel is not a channel's name")
		need(slices.Contains([]string{StateReady, StateDegraded, StateDown}, r.State), "state is not ready, degraded or down")
		need(r.State == StateReady || r.Class != "" && r.Reason != "", "class or reason is missing")
	case Watched:
		r.needBulletin(need)
		need(ValidChannel(r.Channel) && r.Part > 0, "channel or part is missing")
		need(slices.Contains([]string{ShownAltered, ShownHidden, ShownDeleted, ShownRestored}, r.State), "state is not altered, hidden, deleted or restored")
		need(r.State == ShownRestored || r.Reason != "", "reason is missing")
	case Foreign:
		need(ValidChannel(r.Channel) && r.PostID != "", "channel or post_id is missing")
		need(r.State == ForeignPublic && r.Reason != "" || r.State == ForeignGone, "state is not public or gone, or reason is missing")
	case Bulletin:
		r.needBulletin(need)
		need(r.Bytes > 0, "bytes is missing")
		need(r.Code != "", "code is missing")
	case Signature, Refused, Withdrawn:
		r.needBulletin(need)
		role, realm, ok := strings.Cut(r.Namespace, "@")
		need(ok && ValidChannel(role) && realm != "", "namespace is not ROLE@REALM")
		need(r.Armor != "" && r.Principal != "", "signature or principal is missing")
		need((r.Type == Signature) == (r.Statement == ""), "statement is missing, or stands where none belongs")
	case Contact:
		r.needBulletin(need)
		need(ValidChannel(r.Whom), "whom is not a role")
		need(slices.Contains(alert.Ways(), r.Way), "way is not one of those that are known")
		need(r.Reason != "", "reason is missing")
	case Notified:
		r.needBulletin(need)
		need(ValidChannel(r.Whom), "whom is not the name of a recipient")
		need(ValidChannel(r.Occasion), "occasion is missing")
	case KeyRing:
		need(r.Number > 0, "number is missing")
		for _, digest := range []string{r.Meta, r.Ring, r.Folder} {
			need(isDigest(digest), "meta, key_ring or folder is not a SHA-256 in lower-case hexadecimal")
		}
	case Rejected:
		need(r.Reason != "", "reason is missing")
	case Attempt, Prepared, NotSent, Unknown, Absent, Posted, Verified, NotVerifiable, Failed, Held, Expired, Superseded, Deferred:
		r.needBulletin(need)
		r.needDelivery(need)
	default:
		need(false, fmt.Sprintf("type %q is not known", r.Type))
	}
	return errors.Join(errs...)
}

func (r *Record) needBulletin(need func(bool, string)) {
	need(isUUID(r.Alert), "alert is not a UUID")
	need(r.Number > 0, "number is missing")
	need(isDigest(r.SHA256), "bulletin is not a SHA-256 in lower-case hexadecimal")
}

func (r *Record) needDelivery(need func(bool, string)) {
	need(r.Part >= 0 && r.Mark >= 0 && (r.Part > 0) != (r.Mark > 0), "part is missing, or stands beside mark")
	need(r.Mark == 0 || r.Type != Prepared && r.Type != Expired && r.Type != Superseded, "mark stands where none belongs")
	if r.Type == Attempt {
		need((r.Channel == "") != (len(r.Channels) == 0), "attempt names either one channel or several")
		for _, c := range r.Channels {
			if !ValidChannel(c) {
				need(false, fmt.Sprintf("channel %q is not a channel's name", c))
			}
		}
		need(r.Attempt > 0, "attempt is missing")
		need(!r.Until.IsZero(), "until is missing")
		need(len(r.Channels) == 0 || r.Part == 1 && r.Attempt == 1, "only first attempts at a first part begin together")
	}
	need(r.Channel == "" && r.Type == Attempt || ValidChannel(r.Channel), "channel is not a channel's name")
	need(r.Type != Posted || r.PostID != "", "post_id is missing")
	need(r.Type != Prepared || r.Prepared != "", "prepared is missing")
	need(r.Type != Failed && r.Type != Held && r.Type != Unknown && r.Type != NotSent && r.Type != Deferred || r.Reason != "", "reason is missing")
	need(r.Type != Deferred || r.Class != "" && !r.RetryAt.IsZero(), "class or retry_at is missing")
}

// Encode returns the record's JSON, or why it can't be a record.
func (r *Record) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("record %s: %w", r.Type, err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", r.Type, err)
	}
	if len(b) > MaxRecord {
		return nil, fmt.Errorf("record %s: %d bytes, the limit is %d", r.Type, len(b), MaxRecord)
	}
	return b, nil
}

// Decode reads a record strictly: unknown or repeated fields, other spellings,
// trailing data, wrong UTF-8 and missing fields are errors that name the place.
func Decode(b []byte) (Record, error) {
	return decode(b, func(b []byte, r *Record) error {
		if ordinary(b) && json.Unmarshal(b, r) == nil {
			return nil
		}
		*r = Record{}
		return decodeStrictly(b, r)
	})
}

func decode(b []byte, read func([]byte, *Record) error) (Record, error) {
	var r Record
	if len(b) > MaxRecord {
		return r, fmt.Errorf("record: %d bytes, the limit is %d", len(b), MaxRecord)
	}
	if !utf8.Valid(b) {
		return r, errors.New("record: not UTF-8")
	}
	if err := read(b, &r); err != nil {
		return r, err
	}
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("record %s: %w", r.Type, err)
	}
	return r, nil
}

// decodeStrictly reads any record there may be, and says what is wrong with one that is
// none.
func decodeStrictly(b []byte, r *Record) error {
	if err := checkFields(b); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// ordinary reports whether b, where it is JSON at all, is an object with fields of a
// record in their own spelling, each once: then nothing is left that [decodeStrictly]
// would refuse and encoding/json lets pass. All that [Record.Encode] writes is ordinary.
func ordinary(b []byte) bool {
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	var seen uint64 // fields, by their place in fields
	depth, name := 0, false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
			name = depth == 1
		case '}', ']':
			depth--
		case ',':
			name = depth == 1
		case '"':
			begin := i + 1
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if !name {
				continue
			}
			name = false
			field, ok := fields[string(b[begin:min(i, len(b))])]
			if !ok || seen&(1<<field) != 0 {
				return false
			}
			seen |= 1 << field
		}
	}
	return true
}

// fields numbers the names of a record's fields.
var fields = func() map[string]uint {
	all := map[string]uint{}
	for i := range reflect.TypeFor[Record]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Record]().Field(i).Tag.Get("json"), ",")
		all[name] = uint(i) //nolint:gosec // never negative
	}
	return all
}()

// checkFields refuses what encoding/json lets pass: repeated names, names in
// another case, and text after the object.
func checkFields(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("record: not a JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		name, _ := t.(string)
		if seen[name] {
			return fmt.Errorf("record: field %q stands twice", name)
		}
		if name != strings.ToLower(name) {
			return fmt.Errorf("record: field %q is not known", name)
		}
		seen[name] = true
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return fmt.Errorf("record: field %q: %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("record: text after the object at byte %d", d.InputOffset())
	}
	return nil
}
