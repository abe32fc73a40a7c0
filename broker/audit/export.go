package audit

// This file writes what an auditor needs who checks one alert without us: the bytes
// that were signed, the signatures, what they are judged by, the alert's records with
// the proof of each, and a script that puts it all to the test with ssh-keygen.

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

//go:embed verify-alert.sh
var verifyScript []byte

//go:embed export-readme.txt
var exportReadme []byte

// Keys are the files of a key ring without versions, byte for byte.
type Keys struct {
	Signers, Revoked, Policy []byte
}

// ErrNotEmpty is returned by CheckTarget and Write for a folder that holds something
// already, or a name that is no folder's.
var ErrNotEmpty = errors.New("it is there already and not an empty folder")

// ErrKeyRing is returned by [Exporter.Finish] where it can't be told who could sign when the alert
// was signed: an export would judge by people who were in nobody's key ring any more.
var ErrKeyRing = errors.New("the key ring by which the alert is to be judged is not at hand")

// CheckTarget returns why an export can't be written to dir, nil where it can: it must
// not exist, or be an empty folder.
func CheckTarget(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return ErrNotEmpty
	}
	held, err := os.ReadDir(dir)
	if err == nil && len(held) > 0 {
		err = ErrNotEmpty
	}
	return err
}

// An Exporter collects what is to be exported of one alert. Observe is to be given to
// the ledger before its first record; it has one owner.
type Exporter struct {
	alert    string // UUID
	keys     Keys
	guard    *Guard
	verifier *Verifier

	kept    []*ledger.Entry // the records of the alert, in ledger order
	rings   []*ledger.Entry // those that bring a version of the key ring
	numbers map[int64]bool  // the sequences of kept
	effect  map[int64]bool  // those of them that have an effect
	read    int64           // records without a gap
	hashes  storedHashes    // of these, as far as the checkpoint covers them
}

// NewExporter returns an exporter of the alert with the UUID. Releases are judged by
// rings, which has taken no record yet; keys are what the export holds where rings has no
// versions, and proofs lead to the checkpoint of guard.
func NewExporter(rings *signing.History, keys Keys, guard *Guard, alert string) *Exporter {
	return &Exporter{
		alert: alert, keys: keys, guard: guard, verifier: NewVerifier(rings, guard.Checkpoint()),
		numbers: map[int64]bool{}, effect: map[int64]bool{},
	}
}

// Observe takes the next entry, as [ledger.Options] hands it on.
func (x *Exporter) Observe(e *ledger.Entry, err error) {
	x.verifier.Observe(e, err)
	if e.Seq == x.read+1 {
		x.read++
		if c := x.guard.Checkpoint(); c != nil && x.read <= c.Size {
			x.hashes.add(x.read-1, Leaf(e))
		}
	}
	if e.Bad == nil && e.Record.Type == ledger.KeyRing {
		x.rings = append(x.rings, e)
	}
	if x.concerns(e) {
		x.kept, x.numbers[e.Seq], x.effect[e.Seq] = append(x.kept, e), true, err == nil
	}
}

// concerns reports whether a record is part of the alert's history: its own records,
// also those without effect, what refuses them, and the record that names the ledger.
func (x *Exporter) concerns(e *ledger.Entry) bool {
	r := &e.Record
	switch {
	case e.Seq == 1, strings.HasPrefix(e.Subject, "ledger.alert."+x.alert+"."):
		return true
	case e.Bad != nil:
		return false
	}
	return r.Alert == x.alert || r.Type == ledger.Rejected && (r.Class == ledger.ClassFlood || x.numbers[r.Refers])
}

// An Export is one alert with all that proves it.
type Export struct {
	Alert      string             `json:"alert"`
	Code       string             `json:"code"`
	Realm      string             `json:"realm"`
	Ledger     string             `json:"ledger"` // its name in checkpoints
	Bulletins  []ExportedBulletin `json:"bulletins"`
	Records    int                `json:"records"`
	Signatures int                `json:"signatures"` // also those that do not hold
	Halts      int                `json:"halts"`      // refusals and withdrawals, also those that do not hold
	Proofs     int                `json:"proofs"`     // records whose place under the checkpoint's root is proven
	Unproven   []int64            `json:"unproven"`   // records that are newer than the checkpoint, or all where there is none
	Versions   []int              `json:"versions"`   // of the key ring, from the first to the newest one that judged; none for a ring without versions
	Checkpoint *CheckpointUse     `json:"checkpoint,omitempty"`

	files map[string][]byte
}

// An ExportedBulletin is one bulletin of an export.
type ExportedBulletin struct {
	Number   int    `json:"number"`
	SHA256   string `json:"sha256"`
	Released int64  `json:"released,omitempty"` // record that released it; 0 for none
	Halted   int64  `json:"halted,omitempty"`   // record that refused or withdrew it before its release; 0 for none
	Missing  bool   `json:"missing,omitempty"`  // its bytes could not be read
}

// Finish judges the alert as [Verifier] does, and returns what is to be written. size
// and blobs are as for [Verifier.Finish]. The error is [ErrKeyRing], with the reason, where that is so.
func (x *Exporter) Finish(ctx context.Context, size int64, blobs func(ctx context.Context, digest string) ([]byte, error)) (*Export, error) {
	if _, err := x.verifier.Finish(ctx, size, blobs); err != nil {
		return nil, err
	}
	state := x.verifier.state
	a := state.Alerts[x.alert]
	if a == nil {
		return nil, fmt.Errorf("alert %s is not in the ledger", x.alert)
	}
	out := &Export{
		Alert: x.alert, Code: a.Bulletins[0].Code, Realm: state.Realm, Ledger: Origin(state.Realm, state.Epoch),
		Unproven: []int64{}, Versions: []int{},
		files: map[string][]byte{"verify-alert.sh": verifyScript, "README.txt": exportReadme},
	}
	claims, err := x.addKeys(out)
	if err != nil {
		return nil, err
	}
	out.Records = len(x.kept)
	for _, b := range a.Bulletins {
		e := ExportedBulletin{Number: b.Number, SHA256: b.SHA256}
		raw, err := blobs(ctx, b.SHA256)
		p := x.verifier.proofs[b.SHA256]
		if err != nil && p != nil { // it stands inside another one, and nowhere else
			raw, err = p.bulletin.Bytes(), nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("bulletin %s: %w", b.SHA256, ctx.Err())
		case err != nil:
			e.Missing = true
		default:
			out.files["bulletins/"+b.SHA256+".bulletin"] = raw
		}
		if p != nil && p.released > 0 {
			e.Released, out.Code = p.released, b.Code
			claims += fmt.Sprintf("released: %s %d\n", b.SHA256, p.released)
		}
		if p != nil && p.halted > 0 {
			e.Halted = p.halted
			claims += fmt.Sprintf("halted: %s %d\n", b.SHA256, p.halted)
		}
		out.Bulletins = append(out.Bulletins, e)
	}
	for _, e := range x.kept {
		out.files[fmt.Sprintf("records/%d", e.Seq)] = Leaf(e)
		switch t := e.Record.Type; {
		case !x.effect[e.Seq]:
		case t == ledger.Refused || t == ledger.Withdrawn:
			out.files[fmt.Sprintf("halts/%d.halt", e.Seq)] = []byte(e.Record.Statement)
			out.files[fmt.Sprintf("halts/%d.sig", e.Seq)] = []byte(e.Record.Armor)
			out.Halts++
		case t == ledger.Signature:
			out.files[fmt.Sprintf("signatures/%d.sig", e.Seq)] = []byte(e.Record.Armor)
			out.Signatures++
		}
	}
	out.files["export.txt"] = fmt.Appendf(nil, "tocsin-export: 1\nalert: %s\ncode: %s\nrealm: %s\nledger: %s\n%s", out.Alert, out.Code, out.Realm, out.Ledger, claims)
	return out, x.prove(out)
}

// addKeys adds what the alert's signatures were judged by, with the records of the ledger
// that put it in force, and returns what the export claims of it. It adds every version from the
// first on: each one is approved by the managers of the one before it.
func (x *Exporter) addKeys(out *Export) (claims string, err error) {
	newest := x.judged()
	if err := x.untold(newest); err != nil {
		return "", fmt.Errorf("%w: %w", ErrKeyRing, err)
	}
	// What nobody refused is among the records too: the script says no to a version that the export
	// does not name.
	var brought []int64
	for _, seq := range x.verifier.openRings {
		if seq < newest {
			brought = append(brought, seq)
		}
	}
	versions := x.verifier.rings.Versions()
	if len(versions) == 0 {
		out.files["keys/0/signers"], out.files["keys/0/revoked"], out.files["keys/0/policy"] = x.keys.Signers, x.keys.Revoked, x.keys.Policy
	} else {
		out.files["verify-ring.sh"] = signing.VerifyRingScript()
	}
	for i, in := range versions {
		if i > 0 && in.Seq >= newest {
			break
		}
		n := in.Version.Meta.Version
		for name, content := range in.Version.Files() {
			out.files[fmt.Sprintf("keys/%d/%s", n, name)] = content
		}
		out.Versions, brought = append(out.Versions, n), append(brought, in.Seq)
		claims += strings.Join([]string{"key-ring:", strconv.Itoa(n), strconv.FormatInt(in.Seq, 10)}, " ") + "\n"
	}
	for _, e := range x.rings {
		if slices.Contains(brought, e.Seq) {
			x.kept = append(x.kept, e)
		}
	}
	slices.SortFunc(x.kept, func(a, b *ledger.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return claims, nil
}

// judged returns the sequence of the alert's newest record that a key ring judges.
func (x *Exporter) judged() (newest int64) {
	for _, e := range x.kept {
		switch e.Record.Type { //nolint:exhaustive // the others are judged by no key ring
		case ledger.Bulletin, ledger.Signature, ledger.Refused, ledger.Withdrawn:
			newest = e.Seq
		}
	}
	return newest
}

// untold returns why it can't be told by which versions of the key ring the records before the one at
// newest are to be judged, nil where it can.
func (x *Exporter) untold(newest int64) error {
	for i := range x.verifier.lost {
		if r := &x.verifier.lost[i]; r.Seq < newest {
			return fmt.Errorf("version %d: %w", r.Version, signing.ErrLostVersion)
		}
	}
	return x.verifier.rings.Trusted()
}

// prove adds the checkpoint and the proof of each record that it covers.
func (x *Exporter) prove(out *Export) error {
	c := x.guard.Checkpoint()
	if c != nil {
		out.Checkpoint = &CheckpointUse{Size: c.Size, Root: c.Root.String()}
		out.files["checkpoint"], out.files["ledger.vkey"] = x.guard.signed, []byte(x.guard.key)
	}
	covered := false
	if c != nil && x.read >= c.Size {
		root, err := tlog.TreeHash(c.Size, &x.hashes)
		if err != nil {
			return fmt.Errorf("root of the export: %w", err)
		}
		covered = Hash(root) == c.Root // of another ledger nothing can be proven
	}
	for _, e := range x.kept {
		if !covered || e.Seq > c.Size {
			out.Unproven = append(out.Unproven, e.Seq)
			continue
		}
		path, err := tlog.ProveRecord(c.Size, e.Seq-1, &x.hashes)
		if err != nil {
			return fmt.Errorf("proof of record %d: %w", e.Seq, err)
		}
		out.files[fmt.Sprintf("proofs/%d.tlog-proof", e.Seq)] = tlogProof(e.Seq-1, path, x.guard.signed)
		out.Proofs++
	}
	return nil
}

// tlogProof writes a proof as C2SP tlog-proof has it.
func tlogProof(index int64, path tlog.RecordProof, checkpoint []byte) []byte {
	b := fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nindex %d\n", index)
	for _, h := range path {
		b = fmt.Appendf(b, "%s\n", Hash(h))
	}
	return append(append(b, '\n'), checkpoint...)
}

// storedHashes are the hashes of a tree in the order in which package tlog numbers
// them.
type storedHashes []tlog.Hash

// add appends the hashes that leaf n, the next one, completes.
func (s *storedHashes) add(n int64, leaf []byte) {
	added, err := tlog.StoredHashesForRecordHash(n, tlog.RecordHash(leaf), s)
	if err != nil {
		panic(err) // what it asks for was added before
	}
	*s = append(*s, added...)
}

// ReadHashes returns the hashes with these numbers, as [tlog.HashReader] wants.
func (s *storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(*s)) {
			return nil, fmt.Errorf("hash %d of the tree is not there", at)
		}
		out[i] = (*s)[at]
	}
	return out, nil
}

// Write puts the export into dir, which must not exist or be empty: whole, or, where it
// fails, not at all.
func (e *Export) Write(dir string) (err error) {
	dir = filepath.Clean(dir)
	if err := CheckTarget(dir); err != nil {
		return fmt.Errorf("folder %s: %w", dir, err)
	}
	partial, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".partial-*")
	if err != nil {
		return fmt.Errorf("folder %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("folder %s: %w", dir, err), os.RemoveAll(partial))
		}
	}()
	var manifest bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(e.files)) {
		path := filepath.Join(partial, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, e.files[name], 0o600); err != nil {
			return err
		}
		fmt.Fprintf(&manifest, "%x  %s\n", sha256.Sum256(e.files[name]), name)
	}
	if err := os.WriteFile(filepath.Join(partial, "MANIFEST"), manifest.Bytes(), 0o600); err != nil {
		return err
	}
	// Only a folder that is still empty goes away here.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(partial, dir)
}
