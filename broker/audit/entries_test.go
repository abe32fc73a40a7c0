package audit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/audit"
	"tocsin/broker/ledger"
)

// A book is a ledger that was never in a broker: entries as a broker hands them
// on, one second apart.
type book struct {
	t       *testing.T
	start   time.Time
	entries []*ledger.Entry
}

// newBook returns a ledger with its first record.
func newBook(t *testing.T, epoch string) *book {
	t.Helper()
	b := &book{t: t, start: time.Now().UTC().Truncate(time.Second)}
	b.add(ledger.Record{Type: ledger.Genesis, Realm: "exercise", Epoch: epoch})
	return b
}

// add appends a record and returns its sequence.
func (b *book) add(r ledger.Record) int64 {
	b.t.Helper()
	at := b.start.Add(time.Duration(len(b.entries)) * time.Second)
	r.Schema, r.ID, r.At = ledger.Schema, uuid.NewString(), at
	if r.Node == "" {
		r.Node = "node-a/1"
	}
	payload, err := r.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.raw(r.Subject(), payload)
}

// raw appends a message as it is, which need not be a record.
func (b *book) raw(subject string, payload []byte) int64 {
	n := len(b.entries)
	e := &ledger.Entry{Seq: int64(n + 1), Subject: subject, Payload: payload, Time: b.start.Add(time.Duration(n) * time.Second)}
	e.Record, e.Bad = ledger.Decode(payload)
	b.entries = append(b.entries, e)
	return e.Seq
}

// fill appends records that concern no alert until there are n.
func (b *book) fill(n int) *book {
	b.t.Helper()
	for len(b.entries) < n {
		b.add(ledger.Record{Type: ledger.Rejected, Reason: fmt.Sprintf("refusal %d", len(b.entries))})
	}
	return b
}

// altered returns the ledger with another content of one record.
func (b *book) altered(seq int64, change func(*ledger.Record)) *book {
	b.t.Helper()
	c := &book{t: b.t, start: b.start, entries: slices.Clone(b.entries)}
	e := *c.entries[seq-1]
	change(&e.Record)
	payload, err := e.Record.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	e.Payload = payload
	c.entries[seq-1] = &e
	return c
}

// checkpoint returns the true checkpoint of the first n records.
func (b *book) checkpoint(n int) *audit.Checkpoint {
	var tree audit.Tree
	for _, e := range b.entries[:n] {
		tree.Add(audit.Leaf(e))
	}
	first := b.entries[0].Record
	return &audit.Checkpoint{Origin: audit.Origin(first.Realm, first.Epoch), Size: int64(n), Root: tree.Root()}
}

// show hands entries to an observer as a ledger does.
func show(observe func(*ledger.Entry, error), entries []*ledger.Entry) {
	state := ledger.NewState()
	for _, e := range entries {
		observe(e, state.Apply(e))
	}
}
