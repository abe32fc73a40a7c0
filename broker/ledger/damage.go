package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats.go/jetstream"
)

// This file keeps the embedded broker away from damaged files: it cuts a file off at the
// first record that does not hold, and the sound ones after it are gone from the disk.

// A DamageError says that records in the files of the embedded broker can't be read. It is
// what [Ledger.Broken] returns where it can't name the records.
type DamageError struct {
	// Places says where: "LEDGER/msgs/1.blk, bytes 9691 to 10439".
	Places []string
}

// Error names the places, and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the files of the ledger are damaged (%s); restore it from a copy", listed(e.Places))
}

// listed joins what is found, the first ones of many.
func listed(all []string) string {
	const most = 10
	if len(all) > most {
		all = append(slices.Clone(all[:most]), "…")
	}
	return strings.Join(all, ", ")
}

// ErrUnreadable is returned by StartServer and Open where nothing of a ledger can be read
// though its files are there.
var ErrUnreadable = errors.New("the files of the ledger are there, and nothing of it can be read: keep the folder as it is, and put a copy in its place (docs/operations.md, Backup and restore)")

const (
	storeFolder  = "jetstream"
	mendedFolder = "damaged"
)

// streamFolder is where the broker keeps a stream.
func streamFolder(dir, stream string) string {
	return filepath.Join(dir, storeFolder, "$G", "streams", stream)
}

// holdsRecords reports whether the files of the stream of records hold anything. Those of
// a node that was killed while it made its ledger for the first time do not.
func holdsRecords(dir string) bool {
	files, err := os.ReadDir(filepath.Join(streamFolder(dir, streamName), "msgs"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return slices.ContainsFunc(files, func(f fs.DirEntry) bool {
		info, err := f.Info()
		return strings.HasSuffix(f.Name(), ".blk") && (err != nil || info.Size() > 0)
	})
}

// soundStore returns the folder that the broker is to work on: dir itself where each record
// of it holds; else a copy in it with those that do, and what is damaged. Where the folder
// was emptied of its records, that is an empty one: nothing may be begun among what is left.
func soundStore(dir string, emptied bool) (string, *DamageError, error) {
	mended := filepath.Join(dir, mendedFolder)
	if err := os.RemoveAll(mended); err != nil {
		return "", nil, fmt.Errorf("ledger folder: %w", err)
	}
	if emptied {
		return mended, &DamageError{Places: []string{fmt.Sprintf("%s/msgs has no records, and had some", streamName)}}, nil
	}
	var damage DamageError
	written := false // a record of the ledger: then both streams were made
	var torn *block  // the last one of the bulletins' bytes, where what does not hold at its end is no damage by itself
	for _, stream := range []string{streamName, blobsName} {
		records := 0
		err := eachBlock(streamFolder(dir, stream), stream, func(b *block) error {
			records += len(b.sound)
			damage.Places = append(damage.Places, b.places()...)
			if b.torn != nil && stream == blobsName {
				torn = b
			}
			return nil
		})
		if err != nil {
			return "", nil, fmt.Errorf("ledger folder: %w", err)
		}
		if stream == streamName && len(damage.Places) > 0 && records == 0 {
			return "", nil, fmt.Errorf("%w: %s", ErrUnreadable, listed(damage.Places))
		}
		written = written || stream == streamName && records > 0
	}
	for _, stream := range []string{streamName, blobsName} {
		if written && !metaHolds(streamFolder(dir, stream), stream) {
			damage.Places = append(damage.Places, stream+"/meta.inf")
		}
	}
	if torn != nil {
		lost, err := tornOff(dir, torn)
		if err != nil {
			return "", nil, fmt.Errorf("ledger folder: %w", err)
		}
		if lost {
			torn.bad = []span{*torn.torn}
			damage.Places = append(damage.Places, torn.places()...)
		}
	}
	if len(damage.Places) == 0 {
		return dir, nil, nil
	}
	for _, stream := range []string{streamName, blobsName} {
		if err := copySound(dir, mended, stream); err != nil {
			return "", nil, fmt.Errorf("the files of the ledger are damaged (%s), and they are read from a copy, which could not be made: %w", listed(damage.Places), err)
		}
	}
	return mended, &damage, nil
}

// tornOff reports whether the bytes that do not hold at the end of those of the bulletins
// were acknowledged once: a record names them, which is written after them. No checkpoint
// tells that, as it does of the records.
func tornOff(dir string, b *block) (bool, error) {
	kept := map[string]bool{} // by digest: that the bytes are there
	err := eachBlock(streamFolder(dir, blobsName), blobsName, func(b *block) error {
		for _, s := range b.sound {
			subject, _ := message(b.raw[s.from:s.to])
			kept[strings.TrimPrefix(subject, "blob.")] = true
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	lost := map[string]bool{} // by digest: what a record names and is not there
	err = eachBlock(streamFolder(dir, streamName), streamName, func(b *block) error {
		for _, s := range b.sound {
			subject, payload := message(b.raw[s.from:s.to])
			r, bad := Decode(payload)
			if bad != nil || r.Subject() != subject {
				continue
			}
			var names []string
			switch r.Type { //nolint:exhaustive // no other record names bytes
			case Bulletin:
				names = []string{r.SHA256}
			case KeyRing:
				names = []string{r.Meta, r.Ring, r.Folder}
			}
			for _, digest := range names {
				if digest != "" && !kept[digest] {
					lost[digest] = true
				}
			}
		}
		return nil
	})
	subject, _ := message(b.raw[b.torn.from:])
	if digest := strings.TrimPrefix(subject, "blob."); isDigest(digest) {
		return lost[digest], err
	}
	return len(lost) > 0, err
}

// message returns the subject and the payload of a record as far as they are there.
func message(raw []byte) (subject string, payload []byte) {
	if len(raw) < recordHead {
		return "", nil
	}
	length, body := binary.LittleEndian.Uint32(raw), recordHead+int(binary.LittleEndian.Uint16(raw[recordHead-2:]))
	if len(raw) < body {
		return "", nil
	}
	subject = string(raw[recordHead:body])
	if length&headersBit != 0 {
		if len(raw) < body+4 {
			return subject, nil
		}
		body += 4 + int(binary.LittleEndian.Uint32(raw[body:]))
	}
	end := len(raw) - recordSum
	if end < body {
		return subject, nil
	}
	return subject, raw[body:end]
}

// dropReminders takes away what the broker keeps of a consumer where that was changed: the
// broker would not start on it, or would take it for another one. Nothing is lost with it,
// since what is left to do stands in the records. What it can't read at all it passes over
// by itself: a full disk leaves that, and is not made room on.
func dropReminders(dir string) error {
	for _, stream := range []string{streamName, blobsName} {
		all, err := os.ReadDir(remindersFolder(dir, stream))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, r := range all {
			folder := filepath.Join(remindersFolder(dir, stream), r.Name())
			if metaHolds(folder, stream+"/"+r.Name()) {
				continue
			}
			if meta, err := os.ReadFile(filepath.Join(folder, "meta.inf")); err != nil || !json.Valid(meta) {
				continue
			}
			if err := os.RemoveAll(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// remindersFolder is where the broker keeps the consumers of a stream.
func remindersFolder(dir, stream string) string {
	return filepath.Join(streamFolder(dir, stream), "obs")
}

// forget takes away what is kept of a consumer of the records that the broker can't read.
func (s *Server) forget(durable string) error {
	return os.RemoveAll(filepath.Join(remindersFolder(s.store, streamName), durable))
}

// copySound copies a stream without the records that do not hold, and without the broker's
// index of it.
func copySound(from, to, stream string) error {
	source, target := streamFolder(from, stream), streamFolder(to, stream)
	if err := os.MkdirAll(filepath.Join(target, "msgs"), 0o700); err != nil {
		return err
	}
	meta, err := os.ReadFile(filepath.Join(source, "meta.inf"))
	if !metaHolds(source, stream) {
		meta, err = newMeta(from, stream)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(target, "meta.inf"), meta, 0o600)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(target, "meta.sum"), []byte(metaSum(stream, meta)), 0o600)
	}
	if err != nil {
		return err
	}
	return eachBlock(source, stream, func(b *block) error {
		var whole []byte
		for _, s := range b.sound {
			whole = append(whole, b.raw[s.from:s.to]...)
		}
		return os.WriteFile(filepath.Join(target, "msgs", b.name), whole, 0o600)
	})
}

// metaHolds reports whether the file that says how a stream or a consumer is made is the one
// that the broker wrote.
func metaHolds(folder, name string) bool {
	meta, err := os.ReadFile(filepath.Join(folder, "meta.inf"))
	if err != nil {
		return false
	}
	sum, err := os.ReadFile(filepath.Join(folder, "meta.sum"))
	return err == nil && string(sum) == metaSum(name, meta)
}

// metaSum returns the checksum that the broker writes beside that file.
func metaSum(name string, meta []byte) string {
	key := sha256.Sum256([]byte(name))
	sum := highwayhash.Sum64(meta, key[:])
	return hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, sum))
}

// newMeta returns that file as we would have the broker write it, of the ledger that its
// first record names.
func newMeta(dir, stream string) ([]byte, error) {
	var first Record
	var at time.Time
	err := eachBlock(streamFolder(dir, streamName), streamName, func(b *block) error {
		if at.IsZero() && len(b.sound) > 0 {
			raw := b.raw[b.sound[0].from:b.sound[0].to]
			_, payload := message(raw)
			first, _ = Decode(payload)
			at = time.Unix(0, int64(binary.LittleEndian.Uint64(raw[12:]))).UTC() //nolint:gosec // of a record that holds
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if first.Type != Genesis {
		return nil, ErrUnreadable // whose ledger it is stands nowhere
	}
	l := &Ledger{o: Options{Realm: first.Realm}}
	config := l.blobsConfig()
	if stream == streamName {
		config = l.recordsConfig()
		config.Metadata["epoch"] = first.Epoch
	}
	return json.Marshal(struct {
		Created time.Time
		jetstream.StreamConfig
	}{at, config})
}

// A block is a file with records of a stream.
type block struct {
	stream, name string
	raw          []byte
	sound        []span // the records that hold
	bad          []span // all else, but for torn
	torn         *span  // what does not hold at the very end of the stream; nil for nothing
}

// A span is a piece of a file, up to the byte before to.
type span struct{ from, to int }

func (b *block) places() (all []string) {
	for _, s := range b.bad {
		all = append(all, fmt.Sprintf("%s/msgs/%s, bytes %d to %d", b.stream, b.name, s.from, s.to-1))
	}
	return all
}

// eachBlock reads the files of a stream in order. What does not hold at the very end of the
// last one is no damage by itself: a crash leaves that.
func eachBlock(dir, stream string, do func(*block) error) error {
	files, err := os.ReadDir(filepath.Join(dir, "msgs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var numbers []int
	for _, f := range files {
		if number, ok := strings.CutSuffix(f.Name(), ".blk"); ok {
			if n, err := strconv.Atoi(number); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		name := strconv.Itoa(n) + ".blk"
		raw, err := os.ReadFile(filepath.Join(dir, "msgs", name))
		if err != nil {
			return err
		}
		b := &block{stream: stream, name: name, raw: raw}
		if err := b.read(n); err != nil {
			return err
		}
		if last := len(b.bad) - 1; i == len(numbers)-1 && last >= 0 && b.bad[last].to == len(raw) {
			end := b.bad[last]
			b.bad, b.torn = b.bad[:last], &end
		}
		if err := do(b); err != nil {
			return err
		}
	}
	return nil
}

// The form of a record in a file (nats-server, server/filestore.go): the length of all of
// it, whose highest bit says that there are headers; sequence; time; the length of the subject;
// the subject; where there are headers, their length; headers and payload; a checksum.
const (
	recordHead = 4 + 8 + 8 + 2
	recordSum  = highwayhash.Size64
	headersBit = 1 << 31
)

// read finds the records that hold. After one that does not it looks for the next that does.
func (b *block) read(number int) error {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", b.stream, number))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return err
	}
	// holds returns the length of the record that begins the bytes, 0 where none does.
	holds := func(raw []byte) int {
		if len(raw) < recordHead+recordSum {
			return 0
		}
		length, subject := binary.LittleEndian.Uint32(raw), int(binary.LittleEndian.Uint16(raw[recordHead-2:]))
		body := recordHead + subject
		if length&headersBit != 0 {
			body += 4
		}
		size := int(length &^ headersBit)
		if size < body+recordSum || size > len(raw) {
			return 0
		}
		hash.Reset()
		for _, covered := range [][]byte{raw[4 : recordHead-2], raw[recordHead : recordHead+subject], raw[body : size-recordSum]} {
			_, _ = hash.Write(covered) // a hash does not fail
		}
		if !bytes.Equal(hash.Sum(nil), raw[size-recordSum:size]) {
			return 0
		}
		return size
	}
	bad := -1 // where what does not hold began
	for at := 0; at < len(b.raw); {
		size := holds(b.raw[at:])
		switch {
		case size == 0 && bad < 0:
			bad = at
			fallthrough
		case size == 0:
			at++
			continue
		case bad >= 0:
			b.bad, bad = append(b.bad, span{bad, at}), -1
		}
		b.sound = append(b.sound, span{at, at + size})
		at += size
	}
	if bad >= 0 {
		b.bad = append(b.bad, span{bad, len(b.raw)})
	}
	return nil
}
