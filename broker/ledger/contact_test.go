package ledger_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/alert"
	"tocsin/broker/ledger"
)

func contact(id string) ledger.Record {
	return ledger.Record{Type: ledger.Contact, Alert: id, Number: 1, SHA256: digest, Whom: "police", Way: alert.WayPhone, Reason: "non risponde"}
}

// TestContactsAreFolded holds that attempts to reach somebody are kept with the broker's
// time, whatever the writer's clock says, also across a restart.
func TestContactsAreFolded(t *testing.T) {
	t.Parallel()
	dir, id := t.TempDir(), uuid.NewString()
	s := startServer(t, dir)
	l := open(t, s, "one/a")
	add(t, l, bulletinRecord(id))
	begun := time.Now().Add(-time.Minute)
	old := contact(id)
	old.At = time.Now().UTC().Add(-24 * time.Hour)
	seq := add(t, l, old)
	l.Close()
	s.Stop()
	l = open(t, startServer(t, dir), "one/b")
	var got []ledger.ContactState
	l.View(func(s *ledger.State) { got = s.Alerts[id].Contacts })
	if len(got) != 1 || got[0].Seq != seq || got[0].At.Before(begun) || got[0].Whom != "police" || got[0].Way != alert.WayPhone || got[0].Result != "non risponde" || got[0].SHA256 != digest {
		t.Errorf("the contacts are %+v", got)
	}
}

// TestContactsOfNothingHaveNoEffect holds that an attempt belongs to a bulletin that was
// there to be signed, and that nobody fills the memory with them.
func TestContactsOfNothingHaveNoEffect(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	s := ledger.NewState()
	seq := int64(0)
	apply := func(r ledger.Record) error {
		seq++
		r.Schema, r.ID, r.At = ledger.Schema, uuid.NewString(), time.Now().UTC()
		return s.Apply(&ledger.Entry{Seq: seq, Subject: r.Subject(), Time: time.Now(), Record: r})
	}
	if err := apply(ledger.Record{Type: ledger.Genesis, Realm: "exercise", Epoch: "e"}); err != nil {
		t.Fatal(err)
	}
	if err := apply(contact(id)); err == nil {
		t.Error("a contact before its bulletin counts")
	}
	if err := apply(bulletinRecord(id)); err != nil {
		t.Fatal(err)
	}
	other := contact(id)
	other.Number = 2
	if err := apply(other); err == nil {
		t.Error("a contact with the number of another bulletin counts")
	}
	flood := func(change func(*ledger.Record)) (taken int) {
		for range 300 {
			r := contact(id)
			change(&r)
			if apply(r) == nil {
				taken++
			}
		}
		return taken
	}
	// What is with somebody else or under another name takes no room from the others.
	for name, change := range map[string]func(*ledger.Record){
		"whom": func(r *ledger.Record) { r.Whom = "officer" }, "writer": func(r *ledger.Record) { r.Node = "tocsin" }, "same": func(*ledger.Record) {},
	} {
		if taken := flood(change); taken != 64 {
			t.Errorf("%s: %d contacts were taken, want 64", name, taken)
		}
	}
	if n := len(s.Alerts[id].Contacts); n != 3*64 {
		t.Errorf("%d contacts are kept, want %d", n, 3*64)
	}
}

// TestContactsHaveTheirForm holds which records of contacts are none.
func TestContactsHaveTheirForm(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ledger.Record){
		"good": func(*ledger.Record) {},
		"whom": func(r *ledger.Record) { r.Whom = "Police" }, "nobody": func(r *ledger.Record) { r.Whom = "" },
		"way": func(r *ledger.Record) { r.Way = "smoke" }, "result": func(r *ledger.Record) { r.Reason = "" },
		"bulletin": func(r *ledger.Record) { r.SHA256 = "" },
	} {
		r := contact(uuid.NewString())
		r.Schema, r.ID, r.At = ledger.Schema, uuid.NewString(), time.Now().UTC()
		change(&r)
		if err := r.Validate(); (err == nil) != (name == "good") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
