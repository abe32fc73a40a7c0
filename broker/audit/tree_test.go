package audit_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/broker/audit"
	"tocsin/broker/ledger"
)

// store keeps the hashes of another implementation's tree.
type store []tlog.Hash

// ReadHashes returns the hashes with these indexes.
func (s *store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 0, len(indexes))
	for _, i := range indexes {
		out = append(out, (*s)[i])
	}
	return out, nil
}

func TestRootIsThatOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	var tree audit.Tree
	var hashes store
	for n := range int64(301) {
		want, err := tlog.TreeHash(n, &hashes)
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.Root(); tlog.Hash(got) != want {
			t.Fatalf("the root of %d leaves is %s, want %s", n, got, want)
		}
		if tree.Size() != n {
			t.Fatalf("the tree says that it has %d leaves, want %d", tree.Size(), n)
		}
		leaf := fmt.Appendf(nil, "leaf %d", n)
		tree.Add(leaf)
		added, err := tlog.StoredHashes(n, leaf, &hashes)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, added...)
	}
}

func TestLeafIsSequenceTimeSubjectAndPayload(t *testing.T) {
	t.Parallel()
	e := &ledger.Entry{
		Seq: 42, Subject: "ledger.rejected", Payload: []byte("{\"a\":\n1}"),
		Header: map[string][]string{"traceparent": {"of no matter"}},
		Time:   time.Date(2026, 3, 29, 3, 0, 1, 120_000_000, time.FixedZone("", 7200)),
	}
	if got, want := string(audit.Leaf(e)), "42\n2026-03-29T01:00:01.12Z\nledger.rejected\n{\"a\":\n1}"; got != want {
		t.Errorf("the leaf is %q, want %q", got, want)
	}
}
