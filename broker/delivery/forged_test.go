package delivery_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"tocsin/broker/alert"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
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

// TestAForgedSendingWhileNoNodeIsUpHoldsUpNothing has two stolen credentials say, while no
// node is there to refuse it, that a bulletin without bytes was sent: one that says that it was
// prepared, by the police's, and one that stands for itself, by the officers'. The ledger is
// opened, and the alert is revoked.
func TestAForgedSendingWhileNoNodeIsUpHoldsUpNothing(t *testing.T) {
	t.Parallel()
	for who, kind := range map[string]string{"police": "correction", "officer": ""} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			x := newPlatform("x-a")
			stop := h.run("one/a", quick(x))
			a := newAlert(t, "x-a")
			b := h.release(a.Next(t, alert.MsgAlert))
			h.await(b, "x-a", ledger.StateVerified)
			stop()
			forged := bulletinRecord(b)
			forged.SHA256, forged.Kind, forged.Number = strings.Repeat("ab", 32), kind, 2
			h.forge(who, forged)
			for _, role := range map[string][]string{"police": {"police", "deputy"}, "officer": {"officer", "breakglass", "deputy"}}[who] {
				h.forge(who, ledger.Record{
					Type: ledger.Signature, Alert: string(b.Alert), Number: 2, SHA256: forged.SHA256, Principal: "eva@example", Namespace: role + "@exercise.tocsin", Armor: "none",
				})
			}
			h.forge("adapter-x-a", ledger.Record{
				Type: ledger.Attempt, Node: "zz/z", Alert: string(b.Alert), Number: 2, SHA256: forged.SHA256, Channel: "x-a", Part: 1, Attempt: 1, Until: time.Now().UTC().Add(time.Second),
			})
			l, err := ledger.Open(t.Context(), ledger.Options{Server: h.server, Realm: "exercise", Name: "one/b"})
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			h.run("one/b", quick(x))
			h.await(h.release(a.Next(t, alert.MsgCancel)), "x-a", ledger.StateVerified)
		})
	}
}

// TestJunkUnderADigestIsLookedThroughSeldom has the police's credential write junk under a
// digest, and a record that names it: a revocation of that alert goes its way meanwhile.
func TestJunkUnderADigestIsLookedThroughSeldom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	a := newAlert(t, "x-a")
	b := h.release(a.Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateVerified)
	conn := ledgertest.Dial(t, h.server.Addr(), h.crew.As("operator")[0], nil)
	var looks atomic.Int64
	if _, err := conn.Subscribe("$JS.API.*.MSG.GET.BLOBS", func(*nats.Msg) { looks.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Subscribe("$JS.API.DIRECT.GET.BLOBS", func(*nats.Msg) { looks.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	const junk = 300
	for i := range junk {
		ledgertest.Write(t, h.server.Addr(), h.crew.As("police")[0], "blob."+strings.Repeat("ab", 32), fmt.Append(nil, i))
	}
	forged := bulletinRecord(b)
	forged.SHA256, forged.Kind, forged.Number = strings.Repeat("ab", 32), "correction", 2
	h.forge("police", forged)
	h.refusals(1)
	h.await(h.release(a.Next(t, alert.MsgCancel)), "x-a", ledger.StateVerified)
	if got := looks.Load(); got > 4*junk {
		t.Errorf("%d messages were read for bytes that are not there", got)
	}
}

// TestAStolenAdapterStopsNoOtherNode has whoever stole the credential of one channel's adapter
// say that a node for all channels has stopped: it goes on. A node that has that credential
// itself leaves the channel to the one that was started since, and writes nothing more there.
func TestAStolenAdapterStopsNoOtherNode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a")
	stop := h.run("one/a", quick(x), quick(tg))
	h.forge("adapter-x-a", ledger.Record{Type: ledger.NodeStopped, Node: "one/a", Channel: "x-a"})
	a := newAlert(t, "x-a", "telegram-a")
	b := h.release(a.Next(t, alert.MsgAlert))
	for _, channel := range []string{"x-a", "telegram-a"} {
		if p := h.await(b, channel, ledger.StateVerified); p.Attempts != 1 || p.Claimant != "one/a" {
			t.Errorf("%s: %+v, want one attempt by one/a", channel, p)
		}
	}
	if r := h.refusals(1)[0]; r.Class != ledger.ClassRecord || !strings.Contains(r.Reason, "that of one channel's adapter says nothing of it") {
		t.Errorf("refused as %+v", r)
	}
	stop()

	h.run("three/c", quick(tg))
	h.adapterNode("two/b", quick(x))
	h.forge("adapter-x-a", ledger.Record{Type: ledger.NodeStarted, Node: "two/z", Channel: "x-a"})
	up := h.release(a.Next(t, alert.MsgUpdate))
	h.await(up, "telegram-a", ledger.StateVerified)
	h.adapterNode("two/z", quick(x))
	if p := h.await(up, "x-a", ledger.StateVerified); p.Attempts != 1 || p.Claimant != "two/z" {
		t.Errorf("%+v, want one attempt by two/z", p)
	}
	h.ledger.View(func(s *ledger.State) {
		if len(s.Voids) != 1 {
			t.Errorf("records without effect: %+v, want the forged one alone", s.Voids)
		}
	})
}
