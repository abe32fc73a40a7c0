// Package audit makes the ledger provable: a Merkle tree that is a pure function
// of the records, signed checkpoints of it, and the checks and accounts that an
// auditor asks for.
//
// It reads the ledger and never writes to it.
package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"math/bits"
	"strconv"
	"time"

	"tocsin/broker/ledger"
)

// A Hash is a node of the tree: SHA-256, RFC 6962 section 2.1.
type Hash [sha256.Size]byte

// String returns the hash in base64, as checkpoints write it.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// A Tree is the Merkle tree over the records of a ledger: leaf i is the record
// with sequence i+1. It keeps the right edge alone. The zero value is the empty
// tree. It has one owner.
type Tree struct {
	size int64
	edge []Hash // roots of the perfect subtrees, largest first
}

// Leaf returns the bytes of a leaf: sequence, the broker's time as it writes it, subject
// and payload, each but the last ended by a line feed. The time is what release, keys and
// expiry are judged by, and mirrors keep it. Headers are not part of it: mirrors strip
// them.
func Leaf(e *ledger.Entry) []byte {
	b := make([]byte, 0, len("9223372036854775807\n")+len(time.RFC3339Nano)+len("\n\n")+len(e.Subject)+len(e.Payload))
	b = append(strconv.AppendInt(b, e.Seq, 10), '\n')
	b = append(e.Time.UTC().AppendFormat(b, time.RFC3339Nano), '\n')
	b = append(append(b, e.Subject...), '\n')
	return append(b, e.Payload...)
}

// Add appends a leaf.
func (t *Tree) Add(leaf []byte) {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(leaf)
	t.edge = append(t.edge, Hash(h.Sum(nil)))
	// Each trailing one bit of the old size is a subtree that becomes part of a
	// larger one.
	for range bits.TrailingZeros64(^uint64(t.size)) { //nolint:gosec // never negative
		n := len(t.edge)
		t.edge = append(t.edge[:n-2], node(t.edge[n-2], t.edge[n-1]))
	}
	t.size++
}

func node(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// Size returns the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Root returns the tree's root; of the empty tree, the hash of nothing.
func (t *Tree) Root() Hash {
	if len(t.edge) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = node(t.edge[i], root)
	}
	return root
}
