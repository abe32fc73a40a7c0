package ledgertest

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/minio/highwayhash"
)

// Block returns the first file with records of a stream in a state folder.
func Block(dir, stream string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", stream, "msgs", "1.blk")
}

// Index returns the broker's index of a stream in a state folder: it is lost with a crash.
func Index(dir, stream string) string {
	return filepath.Join(filepath.Dir(Block(dir, stream)), "index.db")
}

// Place returns where a record begins in the first file of its stream, and where it ends.
func Place(tb testing.TB, dir, stream string, seq int64) (from, to int64) {
	tb.Helper()
	raw, err := os.ReadFile(Block(dir, stream))
	if err != nil {
		tb.Fatal(err)
	}
	for from+22 < int64(len(raw)) {
		to = from + int64(binary.LittleEndian.Uint32(raw[from:])&^(1<<31))
		if int64(binary.LittleEndian.Uint64(raw[from+4:])) == seq { //nolint:gosec // far below 2^63
			return from, to
		}
		from = to
	}
	tb.Fatalf("the file has no record %d", seq)
	return 0, 0
}

// Flip turns one bit of a file of the broker.
func Flip(tb testing.TB, path string, at int64) {
	tb.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		raw[at] ^= 1
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Erase deletes a record of the ledger in a state folder on which nobody works, as a broker
// does: it marks the record, fills it with something else, and begins a new index.
func Erase(tb testing.TB, dir string, seq int64) {
	tb.Helper()
	from, to := Place(tb, dir, "LEDGER", seq)
	raw, err := os.ReadFile(Block(dir, "LEDGER"))
	if err != nil {
		tb.Fatal(err)
	}
	record := raw[from:to]
	binary.LittleEndian.PutUint32(record, uint32(len(record))) //nolint:gosec // without the mark of headers
	binary.LittleEndian.PutUint16(record[20:], 0)
	record[11] |= 1 << 7
	clear(record[22 : len(record)-8])
	key := sha256.Sum256([]byte("LEDGER-1"))
	hash, err := highwayhash.New64(key[:])
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = hash.Write(record[4:20])
	_, _ = hash.Write(record[22 : len(record)-8])
	hash.Sum(record[:len(record)-8])
	if err := os.WriteFile(Block(dir, "LEDGER"), raw, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Remove(Index(dir, "LEDGER")); err != nil {
		tb.Fatal(err)
	}
}
