package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/alert"
	"tocsin/broker/ledger"
)

// forge writes a record with a role's credential, past our programs.
func (h *house) forge(role string, r ledger.Record) {
	h.t.Helper()
	r.Schema, r.ID, r.At = ledger.Schema, uuid.NewString(), time.Now().UTC()
	raw, err := r.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(role, r.Subject(), string(raw))
}

// TestWhoSaysThatTheySentHoldsUpNothing has the police hand in a bulletin without bytes, and
// an adapter say that it sends it: that is refused, an update reaches both channels, and so it
// does at a node that is started again.
func TestWhoSaysThatTheySentHoldsUpNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a")
	stop := h.run("one/a", quick(x), quick(tg))
	a := newAlert(t, "x-a", "telegram-a")
	b := h.release(a.Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateVerified)
	forged := bulletinRecord(b)
	forged.SHA256, forged.Kind, forged.Number = strings.Repeat("ab", 32), "correction", 2
	h.forge("police", forged)
	h.forge("adapter-x-a", ledger.Record{
		Type: ledger.Attempt, Node: "zz/z", Alert: string(b.Alert), Number: 2, SHA256: forged.SHA256, Channel: "x-a", Part: 1, Attempt: 1, Until: time.Now().UTC().Add(time.Second),
	})
	up := h.release(a.Next(t, alert.MsgUpdate))
	h.await(up, "x-a", ledger.StateVerified)
	h.await(up, "telegram-a", ledger.StateVerified)
	if r := h.refusals(1); r[0].Class != ledger.ClassBulletin {
		t.Errorf("refused as %+v, want the bulletin", r)
	}
	stop()
	h.run("one/b", quick(x), quick(tg))
	again := h.release(a.Next(t, alert.MsgUpdate))
	h.await(again, "x-a", ledger.StateVerified)
	h.await(again, "telegram-a", ledger.StateVerified)
}
