package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/broker/ledger"
)

// A Checkpoint is a statement on the ledger: at this size it had this root. Its
// text is a C2SP tlog-checkpoint, signed as a C2SP signed-note.
type Checkpoint struct {
	Origin string // names the ledger: "tocsin/REALM/EPOCH"
	Size   int64
	Root   Hash
}

// Origin returns the name of a ledger in checkpoints.
func Origin(realm, epoch string) string { return "tocsin/" + realm + "/" + epoch }

func (c Checkpoint) text() string { return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root) }

// ParseCheckpoint reads a signed checkpoint and returns it if key, a C2SP
// verifier key ("NAME+ID+BASE64"), has signed it.
func ParseCheckpoint(signed []byte, key string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the ledger's public key: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint's signature: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 {
		return Checkpoint{}, errors.New("the checkpoint has fewer than three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, rootErr := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] || rootErr != nil || len(root) != len(Hash{}) {
		return Checkpoint{}, errors.New("the checkpoint's size or root is not one")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: Hash(root)}, nil
}

// The files of a keeper's folder.
const (
	checkpointFile = "checkpoint"
	publicFile     = "ledger.vkey"
	secretFile     = "ledger.key"
	// firstFile holds the key until the first checkpoint is on disk, and then becomes
	// secretFile: a folder with that file has had a checkpoint, whatever crashed.
	firstFile = "ledger.key.first"
)

// CheckpointLost reports whether a folder holds no checkpoint although it had one: it has
// the key that signed it, or the store of a ledger, which no node begins without.
func CheckpointLost(dir string) bool {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	return !has(checkpointFile) && (has(secretFile) || !has(firstFile) && (has(publicFile) || ledger.HasStore(dir)))
}

// A Keeper follows a ledger with a tree, holds it against the newest checkpoint
// of its folder, and writes new ones there. It is how a node knows that its
// ledger is the one that it had before.
type Keeper struct {
	dir    string
	signer note.Signer

	// mu guards what follows.
	mu      sync.Mutex
	tree    Tree
	origin  string
	known   *Checkpoint // the newest one of the folder, until the tree has reached it
	written int64       // size of the newest checkpoint on disk
	missing bool        // the folder had a checkpoint and holds none, which nobody has accepted
	first   bool        // the key bears firstFile's name
	err     error
}

// OpenKeeper reads the folder's checkpoint and keys, which it makes where there
// are none. Its Observe is to be given to the ledger before the first record. Where they
// are damaged or one of them is missing, the ledger is not to be trusted, which Trusted
// says, and nothing is written: that is no reason to take what is public off the site.
func OpenKeeper(dir string) (*Keeper, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	lost := CheckpointLost(dir)
	secret, first, err := readKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		for _, name := range []string{checkpointFile, publicFile} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return &Keeper{err: fmt.Errorf("checkpoints: %s is there and %s is missing: put it back from a copy of the folder", name, secretFile)}, nil
			}
		}
		first = !lost
		secret, err = makeKeys(dir, first)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(secret)))
	if err != nil {
		return &Keeper{err: fmt.Errorf("checkpoints: the key in %s can't be used", filepath.Join(dir, secretFile))}, nil // the cause may quote the key
	}
	k := &Keeper{dir: dir, signer: signer, first: first, missing: lost}
	signed, key, err := ReadCheckpoint(dir)
	if errors.Is(err, ErrNoCheckpoint) {
		if err := publish(dir, strings.TrimSpace(string(secret))); err != nil {
			return nil, fmt.Errorf("checkpoints: %w", err)
		}
		return k, nil
	}
	var newest Checkpoint
	if err == nil {
		newest, err = ParseCheckpoint(signed, key)
	}
	if err != nil {
		k.err = fmt.Errorf("checkpoints: %s: %w", filepath.Join(dir, checkpointFile), err)
		return k, nil
	}
	k.known, k.written = &newest, newest.Size
	return k, k.nameKey()
}

// Known reports whether the ledger had records when the folder was opened: its checkpoint
// says so, or is lost.
func (k *Keeper) Known() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.written > 0 || k.missing || k.err != nil
}

// readKey reads the key, under its first name where the first checkpoint was not yet
// written or the crash came right after.
func readKey(dir string) (secret []byte, first bool, err error) {
	secret, err = os.ReadFile(filepath.Join(dir, secretFile))
	if errors.Is(err, fs.ErrNotExist) {
		secret, err = os.ReadFile(filepath.Join(dir, firstFile))
		return secret, true, err
	}
	return secret, false, err
}

// nameKey gives the key its name when a checkpoint is on disk.
func (k *Keeper) nameKey() error {
	if !k.first {
		return nil
	}
	if err := os.Rename(filepath.Join(k.dir, firstFile), filepath.Join(k.dir, secretFile)); err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	k.first = false
	return syncDir(k.dir)
}

// A Guard holds a ledger against the newest checkpoint of a folder, as a [Keeper]
// does, and writes nothing: it tells whoever reads a folder, or writes to a ledger
// beside its node, whether the ledger is to be trusted.
type Guard struct {
	keeper     Keeper
	checkpoint *Checkpoint
	signed     []byte // the checkpoint as the folder holds it
	key        string // the public key beside it
}

// OpenGuard reads the folder's checkpoint. What is wrong with that is said by
// Trusted.
func OpenGuard(dir string) *Guard {
	g := &Guard{}
	signed, key, err := ReadCheckpoint(dir)
	if errors.Is(err, ErrNoCheckpoint) {
		_, err = os.Stat(filepath.Join(dir, secretFile))
		g.keeper.missing = err == nil
		return g
	}
	if err == nil {
		var newest Checkpoint
		if newest, err = ParseCheckpoint(signed, key); err == nil {
			g.checkpoint, g.keeper.known, g.signed, g.key = &newest, &newest, signed, key
			return g
		}
	}
	g.keeper.err = err
	return g
}

// Checkpoint returns the newest checkpoint of the folder, or nil.
func (g *Guard) Checkpoint() *Checkpoint { return g.checkpoint }

// Known reports whether the ledger had records: its checkpoint says so, or is lost.
func (g *Guard) Known() bool { return g.checkpoint != nil || g.keeper.Known() }

// Observe takes the next entry of the ledger, as [ledger.Options] hands it on.
func (g *Guard) Observe(e *ledger.Entry, err error) { g.keeper.Observe(e, err) }

// Trusted returns why the ledger is not to be trusted, or nil. It is to be asked
// when the ledger has been read whole.
func (g *Guard) Trusted() error { return g.keeper.Trusted() }

// makeKeys makes the ledger's key and puts it on disk. OpenKeeper writes the public
// half after it, also where a crash came between the two.
func makeKeys(dir string, first bool) ([]byte, error) {
	secret, _, err := note.GenerateKey(rand.Reader, "tocsin-ledger")
	if err != nil {
		return nil, err
	}
	name := secretFile
	if first {
		name = firstFile
	}
	return []byte(secret), writeSynced(filepath.Join(dir, name), []byte(secret+"\n"), 0o600)
}

// publish writes the public half of a secret key that can be used, where it is
// missing: a checkpoint without it could not be verified at the next start.
func publish(dir, secret string) error {
	name := filepath.Join(dir, publicFile)
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// C2SP signed-note, as x/mod writes it: PRIVATE+KEY+NAME+ID+BASE64 of the
	// algorithm's byte and the seed.
	fields := strings.SplitN(secret, "+", 5)
	seed, err := base64.StdEncoding.DecodeString(fields[len(fields)-1])
	if err != nil || len(fields) != 5 || len(seed) != 1+ed25519.SeedSize {
		return fmt.Errorf("the key in %s can't be used", filepath.Join(dir, secretFile)) // the cause may quote the key
	}
	public, err := note.NewEd25519VerifierKey(fields[2], ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return fmt.Errorf("the public key: %w", err)
	}
	return writeSynced(name, []byte(public+"\n"), 0o644)
}

// ErrNoCheckpoint is returned by ReadCheckpoint where the folder holds none.
var ErrNoCheckpoint = errors.New("the folder holds no checkpoint")

// ReadCheckpoint returns the signed checkpoint of a folder and the public key
// that stands beside it, or [ErrNoCheckpoint].
func ReadCheckpoint(dir string) (signed []byte, key string, err error) {
	signed, err = os.ReadFile(filepath.Join(dir, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", ErrNoCheckpoint
	}
	if err != nil {
		return nil, "", err
	}
	public, err := os.ReadFile(filepath.Join(dir, publicFile))
	if err != nil {
		return nil, "", fmt.Errorf("the key that verifies the checkpoint: %w: put it back from a copy of the folder", err)
	}
	return signed, string(public), nil
}

// Observe takes the next entry of the ledger, as [ledger.Options] hands it on.
func (k *Keeper) Observe(e *ledger.Entry, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Seq != k.tree.Size()+1 {
		k.fail(fmt.Errorf("the ledger goes from record %d to %d: records are missing", k.tree.Size(), e.Seq)) // the first gap
		return
	}
	k.tree.Add(Leaf(e))
	if e.Record.Type == ledger.Genesis && e.Seq == 1 {
		k.origin = Origin(e.Record.Realm, e.Record.Epoch)
	}
	if k.known == nil || k.tree.Size() != k.known.Size {
		return
	}
	switch {
	case k.known.Origin != k.origin:
		k.fail(fmt.Errorf("the checkpoint is of ledger %s, this ledger is %s: it was made anew, or belongs elsewhere", k.known.Origin, k.origin))
	case k.known.Root != k.tree.Root():
		k.fail(fmt.Errorf("the first %d records are not those of the checkpoint: the ledger was altered, or its disk is damaged", k.known.Size))
	}
	k.known = nil
}

func (k *Keeper) fail(err error) {
	if k.err == nil {
		k.err = err
	}
}

// Trusted returns why the ledger is not to be trusted, or nil. It is to be asked
// when the ledger has been read whole.
func (k *Keeper) Trusted() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.err != nil:
		return fmt.Errorf("%w; restore it from a copy", k.err)
	case k.missing:
		size := k.tree.Size()
		return fmt.Errorf("the ledger holds %d records and its folder no checkpoint, though it had one: whether records are missing can't be told; "+
			"put it back from a copy of the folder, or, where there is none, look what the ledger says and accept it as it is with tocsin serve --accept-lost-checkpoint %d", size, size)
	case k.known != nil:
		return fmt.Errorf("the ledger holds %d records, its newest checkpoint says %d: the last ones were lost; restore it from a copy", k.tree.Size(), k.known.Size)
	}
	return nil
}

// Accept has the ledger trusted although the folder's checkpoint was lost, as a person
// has decided who has seen that it holds that many records. It returns the root that is
// accepted; false where no checkpoint is missing.
func (k *Keeper) Accept(records int64) (Hash, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case !k.missing:
		return Hash{}, false, nil
	case k.tree.Size() != records:
		return Hash{}, false, fmt.Errorf("the loss of the checkpoint was accepted for a ledger of %d records, this one holds %d: look at it again", records, k.tree.Size())
	}
	k.missing = false
	return k.tree.Root(), true, nil
}

// Head returns the tree's size and root.
func (k *Keeper) Head() (int64, Hash) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tree.Size(), k.tree.Root()
}

// Write signs a checkpoint of the tree as it is and puts it on disk, if the tree
// has grown and the ledger is to be trusted.
func (k *Keeper) Write() error {
	if err := k.Trusted(); err != nil {
		return err
	}
	k.mu.Lock()
	c := Checkpoint{Origin: k.origin, Size: k.tree.Size(), Root: k.tree.Root()}
	written := k.written
	k.mu.Unlock()
	if c.Size == written || c.Origin == "" {
		return nil
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return fmt.Errorf("sign a checkpoint: %w", err)
	}
	if err := writeSynced(filepath.Join(k.dir, checkpointFile), signed, 0o644); err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	if err := k.nameKey(); err != nil {
		return err
	}
	k.mu.Lock()
	k.written = max(k.written, c.Size)
	k.mu.Unlock()
	return nil
}

// Run writes a checkpoint whenever the ledger has grown, at most once in every
// interval, until ctx is done, and one at the end. It hands errors to report.
func (k *Keeper) Run(ctx context.Context, interval time.Duration, report func(error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := k.Write(); err != nil {
				report(err)
			}
			return
		case <-tick.C:
			if err := k.Write(); err != nil {
				report(err)
			}
		}
	}
}

// writeSynced replaces a file whole: after a crash it has the old or the new
// content.
func writeSynced(name string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return naming(name, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return naming(name, err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return naming(name, err)
	}
	return syncDir(filepath.Dir(name))
}

// naming says of an error which file could not be written. The name of the temporary one
// tells nobody anything, and is another one each time: the same trouble would look new.
func naming(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
