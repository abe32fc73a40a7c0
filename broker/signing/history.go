package signing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"tocsin/broker/alert"
)

// A History is by which key ring and policy each record of a ledger is judged: the
// first version, which people configured by hand, and those that the ledger's
// records put in its place since. It only grows: which version judges a record
// never changes. It is safe for use by several goroutines.
type History struct {
	realm alert.Realm

	// taking is held while a record is judged: two callers come to one verdict.
	taking sync.Mutex

	// mu guards what follows. It is not held while bytes are fetched.
	mu       sync.RWMutex
	first    *Version // nil for a ring without versions
	taken    []taken  // ascending by sequence; the first one is in force before it too
	standing map[[2]int]*Authority
	trouble  error           // why what it says is not to be relied on
	verdicts map[int64]error // of records that were judged
}

// taken is a version, and the record from which on it is in force.
type taken struct {
	seq       int64
	at        time.Time
	version   *Version // nil for a ring without versions
	authority *Authority
}

// Fixed returns the history of a ring that has no versions: what the authority says
// holds for the whole ledger.
func Fixed(a *Authority) *History {
	return &History{realm: a.Realm, taken: []taken{{authority: a}}}
}

// NewHistory returns a history that begins with the version that people configured
// by hand. Its error says that the version does not stand on its own, or is not the
// first one: judged by a later one, what the ledger holds from before it would be false.
func NewHistory(first *Version, realm alert.Realm) (*History, error) {
	if n := first.Meta.Version; n != 1 {
		return nil, refuseVersion("it is version %d, and a ledger's key ring begins with version 1: name the folder of version 1 under keys.folder, the node takes those after it from the ledger; "+
			"if it is not at hand, take it from a node that is up with tocsin keys fetch 1 DIR", n)
	}
	// The operator's word stands for when it was signed: managers whose lines have
	// ended since did sign it while they could.
	if _, err := first.Stands(realm, first.signedWithin(realm)); err != nil {
		return nil, err
	}
	return &History{realm: realm, first: first, taken: []taken{{version: first, authority: first.Authority(realm)}}}, nil
}

// signedWithin returns a moment at which the version stands, if there is one: the
// beginning of one of its managers' lines is one if any is.
func (v *Version) signedWithin(realm alert.Realm) (at time.Time) {
	for i := range v.root.lines {
		at = v.root.lines[i].ValidAfter
		if _, err := v.Stands(realm, at); err == nil {
			return at
		}
	}
	return at
}

// Realm returns the realm of the ledger.
func (h *History) Realm() alert.Realm { return h.realm }

// At returns the authority by which the record at a sequence is judged: that of the
// version in force when the ledger took it.
func (h *History) At(seq int64) *Authority { return h.at(seq).authority }

func (h *History) at(seq int64) *taken {
	h.mu.RLock()
	defer h.mu.RUnlock()
	in := &h.taken[0]
	for i := range h.taken {
		if h.taken[i].seq >= seq {
			break
		}
		in = &h.taken[i]
	}
	return in
}

// VersionAt returns the version by which the record at a sequence is judged; nil for a
// ring without versions.
func (h *History) VersionAt(seq int64) *Version { return h.at(seq).version }

// A Force is a version of the key ring, and the record that put it in force.
type Force struct {
	Seq     int64 // what comes after this record is judged by it; 0 where no record names it
	Version *Version
}

// Versions returns the versions by which the ledger is judged, in the order in which they
// came into force; none for a ring without versions. The first one judges what comes
// before its record too.
func (h *History) Versions() []Force {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var out []Force
	for i := range h.taken {
		if in := &h.taken[i]; in.version != nil {
			out = append(out, Force{Seq: in.seq, Version: in.version})
		}
	}
	return out
}

// Late reports whether the version by which the record at a sequence is judged had
// expired at a time: what it admits is still accepted, and has to be said.
func (h *History) Late(seq int64, at time.Time) bool {
	v := h.at(seq).version
	return v != nil && !at.Before(v.Meta.Expires)
}

// Newest returns the authority of the version in force.
func (h *History) Newest() *Authority {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.taken[len(h.taken)-1].authority
}

// First returns the version that people configured by hand, or nil.
func (h *History) First() *Version { return h.first }

// Version returns the version in force, and whether the ledger has a record of it;
// nil for a ring without versions.
func (h *History) Version() (v *Version, recorded bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	in := &h.taken[len(h.taken)-1]
	return in.version, in.seq > 0
}

// Standing returns the authority by which a bulletin that was released at a
// sequence may still be posted: the ring in force now, so that whoever is revoked
// stops it, and the policy that released it, so that a stricter one does not.
func (h *History) Standing(seq int64) *Authority {
	then := h.at(seq)
	h.mu.Lock()
	defer h.mu.Unlock()
	now := &h.taken[len(h.taken)-1]
	if then.authority.Policy.SHA256() == now.authority.Policy.SHA256() {
		return now.authority
	}
	key := [2]int{then.version.Meta.Version, now.version.Meta.Version}
	if h.standing[key] == nil {
		h.standing = map[[2]int]*Authority{key: {Ring: now.version.ring, Policy: then.version.policy, Realm: h.realm}}
	}
	return h.standing[key]
}

// Trusted returns why what the history says is not to be relied on, or nil: the
// ledger holds a version that can't be judged here.
func (h *History) Trusted() error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.trouble
}

// A Claim is what a record of the ledger says of a version that it puts in force.
type Claim struct {
	Seq     int64
	At      time.Time // when the broker took it
	Version int
	Meta    string // SHA-256 in hexadecimal digits, of the version's meta
	Ring    string // likewise, that of Ring.SHA256
	Folder  string // likewise, of the bytes of Version.Bundle
}

var (
	// ErrKnownVersion is returned by Take for a record of a version that is in force
	// already: another node wrote it too.
	ErrKnownVersion = errors.New("this version of the key ring is in force already")
	// ErrNoRoot is returned by Take where people have configured a ring without
	// versions, by which no version can be judged.
	ErrNoRoot = errors.New("the ledger holds a version of the key ring, and keys.folder names none here: name the folder of the first version there")
	// ErrLostVersion is the trouble of a history whose ledger has lost the bytes of a
	// version by which nodes have judged: whoever it revoked is not known any more.
	ErrLostVersion = errors.New("the ledger has lost the bytes of a version of the key ring that was in force: hand that version in again with tocsin keys accept and start the nodes again, or restore the ledger from a copy")
	// ErrOtherRoot is the trouble of a history whose first version the ledger does not
	// begin with.
	ErrOtherRoot = errors.New("the ledger's key ring begins with another version than the one that keys.folder names: name the first one of this ledger, " +
		"or put it in force with tocsin keys accept if it is not there")
)

// Take judges the next record of a version, and puts it in force from there on. A
// [*VersionError] says why it is not; ErrKnownVersion, ErrNoRoot and ErrNotUnderstood are as they say;
// any other error is fetch's, which returns the bytes with a digest.
//
// Records are taken in the order of the ledger. One that was judged before gets the
// same answer.
func (h *History) Take(ctx context.Context, c Claim, fetch func(ctx context.Context, digest string) ([]byte, error)) error {
	h.taking.Lock()
	defer h.taking.Unlock()
	h.mu.RLock()
	verdict, judged := h.verdicts[c.Seq]
	h.mu.RUnlock()
	if judged {
		return verdict
	}
	err := h.take(ctx, c, fetch)
	_, refused := errors.AsType[*VersionError](err)
	if err == nil || refused || errors.Is(err, ErrKnownVersion) || errors.Is(err, ErrNoRoot) || errors.Is(err, ErrNotUnderstood) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.verdicts == nil {
			h.verdicts = map[int64]error{}
		}
		h.verdicts[c.Seq] = err
	}
	return err
}

// Lost notes that the bytes of a version are lost which was in force: what the history
// says is not to be relied on any more.
func (h *History) Lost(version int) {
	h.distrust(fmt.Errorf("version %d: %w", version, ErrLostVersion))
}

func (h *History) distrust(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = err
}

func (h *History) take(ctx context.Context, c Claim, fetch func(ctx context.Context, digest string) ([]byte, error)) error {
	if h.first == nil {
		if raw, err := fetch(ctx, c.Folder); err != nil {
			return err
		} else if v, err := ParseVersion(raw); err != nil {
			return err
		} else if _, err := v.Stands(h.realm, c.At); err != nil {
			return err
		}
		h.distrust(ErrNoRoot)
		return ErrNoRoot
	}
	v, recorded := h.Version()
	old := v
	switch {
	case c.Version == old.Meta.Version && c.Meta == hexSum(old.SHA256()) && recorded:
		return ErrKnownVersion
	case c.Version == old.Meta.Version && c.Meta == hexSum(old.SHA256()):
	case !recorded:
		h.distrust(ErrOtherRoot)
		return refuseVersion("the ledger has no record yet of version %d, the first one that was configured here", old.Meta.Version)
	default:
		if c.Version != old.Meta.Version+1 { // before its bytes are fetched
			return refuseVersion("it is version %d, and version %d is in force: the next one is wanted", c.Version, old.Meta.Version)
		}
		raw, err := fetch(ctx, c.Folder)
		if err != nil {
			return err
		}
		if v, err = ParseVersion(raw); err != nil {
			if trouble := notUnderstood(raw, c, old, h.realm, err); trouble != nil {
				h.distrust(trouble)
				return trouble
			}
			return err
		}
		if _, _, err := v.Follows(old, h.realm, c.At); err != nil {
			return err
		}
	}
	if claim := v.Claim(); claim.Version != c.Version || claim.Meta != c.Meta || claim.Ring != c.Ring || recorded && claim.Folder != c.Folder {
		return refuseVersion("the record and the version do not agree")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	next := taken{seq: c.Seq, at: c.At, version: v, authority: v.Authority(h.realm)}
	if !recorded {
		next.authority = h.taken[0].authority
		h.taken, h.trouble = []taken{next}, nil // and in force before it too
		return nil
	}
	h.taken = append(h.taken, next)
	if errors.Is(h.trouble, ErrNotUnderstood) { // another one of its number has taken its place
		h.trouble = nil
	}
	return nil
}

// Claim returns what a record of the version says; place and time are the ledger's
// to give.
func (v *Version) Claim() Claim {
	return Claim{Version: v.Meta.Version, Meta: hexSum(v.SHA256()), Ring: hexSum(v.ring.SHA256()), Folder: hexSum(sha256.Sum256(v.Bundle()))}
}

func hexSum(sum [sha256.Size]byte) string { return fmt.Sprintf("%x", sum) }
