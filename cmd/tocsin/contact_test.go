package main

import (
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/ledger"
)

// TestAContactThatDoesNotCountIsNoSuccess fills the ledger with contacts, as whoever has the
// officers' credential can: those with others leave room for the one that counts, and when
// there is none left the command says so.
func TestAContactThatDoesNotCountIsNoSuccess(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	_, b := pg.published("b")
	flood := func(whom string) {
		t.Helper()
		var seq int64
		for range 260 {
			var err error
			seq, err = n.ledger.Append(t.Context(), ledger.Record{
				Type: ledger.Contact, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Whom: whom, Way: alert.WayPhone, Reason: "x", Node: "tocsin contact",
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := n.ledger.WaitApplied(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	contact := []string{"contact", string(b.Code), "--by", "phone", "--result", "nobody answers", "-c", pg.config}
	flood("officer")
	if stdout, _ := expect(t, 0, contact...); !strings.HasPrefix(stdout, "Attempt recorded at ") {
		t.Errorf("it says %q", stdout)
	}
	flood("police")
	stdout, stderr := expect(t, 1, contact...)
	if stdout != "" || !strings.Contains(stderr, "does not count: ") || !strings.Contains(stderr, "withdraw the bulletin with tocsin withdraw") {
		t.Errorf("it says %q and %q, want that it does not count and what to do", stdout, stderr)
	}
}
