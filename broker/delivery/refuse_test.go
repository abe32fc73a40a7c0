package delivery_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// refusals returns what the ledger says was refused, in ledger order, once there are
// n of them.
func (h *house) refusals(n int) []ledger.Refusal {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	for {
		changed := h.ledger.Changed()
		var all []ledger.Refusal
		h.ledger.View(func(s *ledger.State) { all = s.Refusals() })
		if len(all) >= n {
			return all
		}
		select {
		case <-ctx.Done():
			h.t.Fatalf("the ledger holds %d refusals, want %d: %+v", len(all), n, all)
		case <-changed:
		}
	}
}

// TestWhatIsWrittenPastTheCommandsIsRefused writes to the stream what the commands
// never would. Two nodes see it, and are started again: each record is refused once,
// with its class, and nothing of it is posted.
func TestWhatIsWrittenPastTheCommandsIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := newAlert(t, "x-a")
	first := a.Next(t, alert.MsgAlert)
	h.release(first)
	strayed := *a
	second := a.Next(t, alert.MsgUpdate)
	h.release(second)

	want := map[int64]string{} // class by the record
	handed := func(b *bulletin.Bulletin, class string) {
		h.t.Helper()
		if _, err := h.ledger.PutBlob(t.Context(), b.Bytes()); err != nil {
			t.Fatal(err)
		}
		want[h.record(b, nil)] = class
		h.sign(b, h.officer, h.police) // the signatures are good
	}
	strayed.Composed = strayed.Composed.Add(time.Second)
	handed(strayed.Next(t, alert.MsgUpdate), ledger.ClassChain) // sequence
	handed(strayed.Next(t, alert.MsgUpdate), ledger.ClassChain) // previous digest
	handed(newAlertUpdate(t), ledger.ClassChain)                // nothing to follow
	sender := *a
	sender.Sender = "somebody@else.example"
	handed(sender.Next(t, alert.MsgUpdate), ledger.ClassChain)
	coded := *a
	coded.Code = "SV-22222"
	handed(coded.Next(t, alert.MsgUpdate), ledger.ClassChain)
	double := newAlert(t, "x-a")
	double.Code = a.Code
	handed(double.Next(t, alert.MsgAlert), ledger.ClassCode)

	// Signatures of these are refused too: the alert is over, or of another realm.
	expired := newAlert(t, "x-a")
	expired.Composed, expired.Expires = expired.Composed.Add(-2*time.Hour), expired.Composed.Add(-time.Hour)
	b := expired.Next(t, alert.MsgAlert)
	h.put(b)
	want[h.record(b, nil)] = ledger.ClassExpired
	live := newAlert(t, "x-a")
	live.Realm = alert.RealmLive
	b = live.Next(t, alert.MsgAlert)
	h.put(b)
	want[h.record(b, nil)] = ledger.ClassRealm

	// Bytes that are no bulletin, or of another one than the record says.
	digest, err := h.ledger.PutBlob(t.Context(), []byte("good morning"))
	if err != nil {
		t.Fatal(err)
	}
	nonsense := ledger.Record{Type: ledger.Bulletin, Alert: uuid.NewString(), Number: 1, SHA256: digest, Bytes: 12, Code: "SV-33333"}
	want[h.append(nonsense)] = ledger.ClassBulletin
	lying := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.put(lying)
	want[h.record(lying, func(r *ledger.Record) { r.Code = "SV-44444" })] = ledger.ClassBulletin
	h.sign(lying, h.officer, h.police)
	longer := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.put(longer)
	want[h.record(longer, func(r *ledger.Record) { r.Expires = r.Expires.Add(-time.Hour) })] = ledger.ClassBulletin
	h.sign(longer, h.officer, h.police)

	// Signatures: by a stranger, by the wrong role, of a bulletin that there is not.
	open := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.hand(open)
	want[h.signature(open, signingtest.NewPerson(t, "eva@pc.example", signing.Officer), signing.Officer)] = ledger.ClassSignature
	want[h.signature(open, h.officer, signing.Police)] = ledger.ClassSignature
	missing := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	want[h.signature(missing, h.officer, signing.Officer)] = ledger.ClassRecord

	// What is no record at all, and a record where it does not belong.
	want[h.raw("ledger.alert."+string(open.Alert)+".decision.bulletin", "good evening")] = ledger.ClassRecord
	want[h.raw("ledger.elsewhere", `{"schema":1,"type":"node_stopped","id":"`+uuid.NewString()+`","at":"2026-11-22T08:00:00Z","node":"x/y"}`)] = ledger.ClassRecord

	x := newPlatform("x-a")
	stops := []func(){h.run("one/a", quick(x)), h.run("two/b", quick(x))}
	h.refusals(len(want))
	for _, stop := range stops {
		stop()
	}
	h.run("one/c", quick(x))
	h.run("two/d", quick(x))
	good := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(good, "x-a", ledger.StateVerified)
	h.await(second, "x-a", ledger.StateVerified)

	// A signature that does not hold comes last, so that all before it was judged.
	want[h.signature(good, h.officer, signing.Police)] = ledger.ClassSignature
	got := map[int64]string{}
	for _, r := range h.refusals(len(want)) {
		if got[r.Refers] != "" {
			t.Errorf("record %d was refused twice", r.Refers)
		}
		if got[r.Refers] = r.Class; strings.TrimSpace(r.Reason) == "" {
			t.Errorf("record %d was refused without a word", r.Refers)
		}
	}
	for seq, class := range want {
		if got[seq] != class {
			t.Errorf("record %d was refused as %q, want %q", seq, got[seq], class)
		}
	}
	for seq := range got {
		if want[seq] == "" {
			t.Errorf("record %d was refused as %q, and holds", seq, got[seq])
		}
	}
	for _, text := range x.texts() {
		if text != "1/1" && text != "2/1" {
			t.Errorf("x-a shows %q", text)
		}
	}
	if got := x.published(); got != 2 {
		t.Errorf("x-a was called %d times, want for the second bulletin and for the last alert", got)
	}
}

// TestABulletinThatWasRefusedStaysRefused has the bytes of a bulletin come when its
// record was refused for want of them: no node posts it, not even a new one.
func TestABulletinThatWasRefusedStaysRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	seq := h.record(b, nil)
	h.append(ledger.Record{Type: ledger.Rejected, Refers: seq, Class: ledger.ClassBulletin, Reason: "its bytes are missing"})
	h.put(b)
	h.sign(b, h.officer, h.police)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	good := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(good, "x-a", ledger.StateVerified)
	want(t, x, "1/1")
	if p := h.part(b, "x-a"); p.Attempts > 0 {
		t.Errorf("the refused bulletin is %+v, want it untouched", p)
	}
}

// TestASignatureAfterTheRefusalReleasesNothing has one signature come before the refusal of
// a bulletin whose bytes were missing, and the other one, as the bytes, after it.
func TestASignatureAfterTheRefusalReleasesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	seq := h.record(b, nil)
	h.sign(b, h.officer)
	h.append(ledger.Record{Type: ledger.Rejected, Refers: seq, Class: ledger.ClassBulletin, Reason: "its bytes are missing"})
	h.put(b)
	h.sign(b, h.police)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	h.await(h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)), "x-a", ledger.StateVerified)
	want(t, x, "1/1")
	if h.released(b) {
		t.Error("it is released, and the ledger says that it was refused")
	}
}

// TestACodeThatTooManyAlertsBearReleasesNone has as many alerts with one code in the ledger
// as it looks at, and one more: that one is refused, and the last that it looks at is not.
func TestACodeThatTooManyAlertsBearReleasesNone(t *testing.T) {
	t.Parallel()
	const most = 16 // of which the ledger keeps the names
	for name, c := range map[string]struct {
		others   int
		released bool
	}{"as_many": {most - 1, true}, "one_more": {most, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
			for i := range c.others {
				h.append(ledger.Record{
					Type: ledger.Bulletin, Alert: uuid.NewString(), Number: 1, SHA256: strings.Repeat("0", 64), Bytes: 12, Code: string(b.Code), Identifier: fmt.Sprint("i", i),
				})
			}
			h.release(b)
			if got := h.released(b); got != c.released {
				t.Errorf("released: %t, want %t", got, c.released)
			}
		})
	}
}

// TestAFloodIsRefusedInFewRecords writes more rubbish than two nodes refuse one by
// one. What people hand in goes its way meanwhile.
func TestAFloodIsRefusedInFewRecords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	h.run("two/b", quick(x))
	id := uuid.NewString()
	const rubbish = 3 * ledger.RefusalsPerHour
	for i := range rubbish {
		if i%2 == 0 {
			h.raw("ledger.nonsense", fmt.Sprint("good morning ", i))
			continue
		}
		digest, err := h.ledger.PutBlob(t.Context(), fmt.Appendf(nil, "no bulletin %d", i))
		if err != nil {
			t.Fatal(err)
		}
		h.append(ledger.Record{Type: ledger.Bulletin, Alert: id, Number: 1, SHA256: digest, Bytes: 12, Code: "SV-33333"})
	}
	good := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(good, "x-a", ledger.StateVerified)
	all := h.refusals(ledger.RefusalsPerHour + 1)
	// More rubbish, and then a sign that the nodes have seen it.
	h.raw("ledger.nonsense", "good night")
	h.await(h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)), "x-a", ledger.StateVerified)
	all = h.refusals(len(all))
	if len(all) != ledger.RefusalsPerHour+1 || all[len(all)-1].Class != ledger.ClassFlood {
		t.Errorf("%d refusals for %d records of rubbish, the last one %+v; want %d and the record of a flood", len(all), rubbish, all[len(all)-1], ledger.RefusalsPerHour+1)
	}
}

// TestStepsThatNobodyOfOursTookAreRefused has somebody with a node's token write
// deliveries in the name of nodes that there never were.
func TestStepsThatNobodyOfOursTookAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	b := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(b, "x-a", ledger.StateVerified)
	ghosts := map[int64]bool{}
	for range 50 {
		ghosts[h.append(ledger.Record{
			Type: ledger.Absent, Node: "ghost/1", Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Channel: "x-a", Part: 1,
		})] = true
	}
	for _, r := range h.refusals(len(ghosts)) {
		if r.Class != ledger.ClassRecord || !ghosts[r.Refers] {
			t.Errorf("refused: %+v, want a record of the ghost's", r)
		}
		delete(ghosts, r.Refers)
	}
	want(t, x, "1/1")
}

// TestNobodyRefusesForTheNodes has somebody with the commands' token write what looks
// like the refusals of nodes: of a good bulletin, of a signature that does not hold, and
// of a flood. None of it has an effect, and what has to be refused is, once by two nodes.
func TestNobodyRefusesForTheNodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	forge := func(refers int64, class string) int64 {
		h.t.Helper()
		r := ledger.Record{
			Schema: ledger.Schema, Type: ledger.Rejected, ID: uuid.NewString(), At: time.Now().UTC(), Node: "one/a", Refers: refers, Class: class, Reason: "so there",
		}
		payload, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return h.handIn("ledger.rejected", string(payload))
	}
	good := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.put(good)
	unmade := forge(h.record(good, nil), ledger.ClassBulletin)
	stranger := h.signature(good, signingtest.NewPerson(t, "eva@pc.example", signing.Officer), signing.Officer)
	want := map[int64]string{
		unmade: ledger.ClassRecord, stranger: ledger.ClassSignature,
		forge(stranger, ledger.ClassSignature): ledger.ClassRecord,
		forge(stranger, ledger.ClassFlood):     ledger.ClassRecord,
	}
	h.sign(good, h.officer, h.police)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	h.run("two/b", quick(x))
	h.await(good, "x-a", ledger.StateVerified)
	all := h.refusals(len(want))
	// A sign that both nodes have been through all of it.
	h.await(h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert)), "x-a", ledger.StateVerified)
	all = h.refusals(len(all))
	if len(all) != len(want) {
		t.Errorf("%d refusals, want %d: %+v", len(all), len(want), all)
	}
	for _, r := range all {
		if want[r.Refers] != r.Class {
			t.Errorf("record %d was refused as %q, want %q", r.Refers, r.Class, want[r.Refers])
		}
	}
}

// newAlertUpdate is the second bulletin of an alert whose first one nobody knows.
func newAlertUpdate(t *testing.T) *bulletin.Bulletin {
	t.Helper()
	a := newAlert(t, "x-a")
	a.Next(t, alert.MsgAlert)
	return a.Next(t, alert.MsgUpdate)
}

func (h *house) put(b *bulletin.Bulletin) {
	h.t.Helper()
	if _, err := h.ledger.PutBlob(h.t.Context(), b.Bytes()); err != nil {
		h.t.Fatal(err)
	}
}

// record writes the record of a bulletin without its bytes.
func (h *house) record(b *bulletin.Bulletin, change func(*ledger.Record)) int64 {
	h.t.Helper()
	r := ledger.Record{
		Type: ledger.Bulletin, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Bytes: len(b.Bytes()), Code: string(b.Code),
		Identifier: b.Message.Identifier, MsgType: string(b.Message.MsgType), Expires: b.Expires.UTC(),
		Breakglass: b.Breakglass != nil,
	}
	if change != nil {
		change(&r)
	}
	return h.append(r)
}

// signature writes a person's signature as of a role.
func (h *house) signature(b *bulletin.Bulletin, p *signingtest.Person, role signing.Role) int64 {
	h.t.Helper()
	return h.append(ledger.Record{
		Type: ledger.Signature, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: p.Principal,
		Namespace: signing.Namespace(role, b.Realm), Armor: string(p.Sign(h.t, b.Realm, b.Bytes())),
	})
}

// raw writes a message past the package that writes records, as the broker's administrator may.
func (h *house) raw(subject, payload string) int64 {
	h.t.Helper()
	return h.write("operator", subject, payload)
}

// handIn writes a message past the package that writes records, as commands may.
func (h *house) handIn(subject, payload string) int64 {
	h.t.Helper()
	return h.write("officer", subject, payload)
}

func (h *house) write(who, subject, payload string) int64 {
	h.t.Helper()
	seq := ledgertest.Write(h.t, h.server.Addr(), h.crew.As(who)[0], subject, []byte(payload))
	if err := h.ledger.WaitApplied(h.t.Context(), seq); err != nil {
		h.t.Fatal(err)
	}
	return seq
}

// TestBytesThatDoNotComeAreSeldomAskedFor has somebody write records of bulletins without
// their bytes, and more and more on the same alert: each step of it looks at all of them, and
// asks the broker for few.
func TestBytesThatDoNotComeAreSeldomAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	conn := ledgertest.Dial(t, h.server.Addr(), h.crew.As("operator")[0], nil)
	defer conn.Close()
	var asked atomic.Int64
	for _, subject := range []string{"$JS.API.STREAM.MSG.GET.BLOBS", "$JS.API.DIRECT.GET.BLOBS.>"} {
		if _, err := conn.Subscribe(subject, func(*nats.Msg) { asked.Add(1) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	good := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	id, code := string(good.Alert), string(good.Code)
	h.hand(good)
	const empty = 60
	for i := range empty {
		sum := sha256.Sum256(fmt.Appendf(nil, "nothing %d", i))
		h.append(ledger.Record{Type: ledger.Bulletin, Alert: id, Number: 1, SHA256: hex.EncodeToString(sum[:]), Bytes: 12, Code: code, Identifier: fmt.Sprint("i", i)})
	}
	h.sign(good, h.officer, h.police)
	h.await(good, "x-a", ledger.StateVerified)
	for range empty {
		h.append(ledger.Record{Type: ledger.Contact, Alert: id, SHA256: good.SHA256(), Number: 1, Way: alert.Ways()[0], Whom: "police", Reason: "no answer"})
	}
	other := h.release(newAlert(t, "x-a").Next(t, alert.MsgAlert))
	h.await(other, "x-a", ledger.StateVerified)
	if got := asked.Load(); got == 0 || got > 10*empty {
		t.Errorf("the broker was asked %d times for the bytes of %d records, want each a few times", got, empty)
	}
}

// TestAnAdaptersNodeReadsBytesThatComeLate has the bytes of a bulletin come after its record to a
// node that may refuse nothing, before its signatures and after them.
func TestAnAdaptersNodeReadsBytesThatComeLate(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]bool{"before_the_signatures": false, "after_the_signatures": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.adapterNode("two/b", quick(newPlatform("x-a")))
			b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
			asked := h.asksFor(b)
			h.record(b, nil)
			<-asked // it looked, and found nothing
			if !last {
				h.put(b)
			}
			h.sign(b, h.officer, h.police)
			if last {
				h.put(b)
			}
			h.await(b, "x-a", ledger.StateVerified)
		})
	}
}

// asksFor returns a channel that says when the broker is asked for the bytes of a bulletin.
func (h *house) asksFor(b *bulletin.Bulletin) <-chan struct{} {
	h.t.Helper()
	asked := make(chan struct{}, 1)
	conn := ledgertest.Dial(h.t, h.server.Addr(), h.crew.As("operator")[0], nil)
	for _, subject := range []string{"$JS.API.STREAM.MSG.GET.BLOBS", "$JS.API.DIRECT.GET.BLOBS.>"} {
		if _, err := conn.Subscribe(subject, func(m *nats.Msg) {
			if strings.Contains(m.Subject+string(m.Data), b.SHA256()) {
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		}); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		h.t.Fatal(err)
	}
	return asked
}

// TestBytesThatComeLateAreRead has the bytes of a bulletin come after its signatures, as
// from a copy that lags, when nothing else wakes a channel: it is posted without any other
// record.
func TestBytesThatComeLateAreRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x := newPlatform("x-a")
	h.run("one/a", quick(x))
	js, err := jetstream.New(ledgertest.Dial(t, h.server.Addr(), h.crew.As("operator")[0], nil))
	if err != nil {
		t.Fatal(err)
	}
	b := newAlert(t, "x-a").Next(t, alert.MsgAlert)
	h.record(b, nil)
	h.sign(b, h.officer, h.police)
	for reminded := false; !reminded; {
		reminders, err := js.Consumer(t.Context(), "LEDGER", "deliver-x-a")
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			t.Fatal(err)
		}
		reminded = err == nil && reminders.CachedInfo().NumPending == 0 && reminders.CachedInfo().NumAckPending == 0
	}
	h.put(b)
	h.eventually("the post, or the refusal of a bulletin whose bytes this machine was too slow to bring", func(st *ledger.State) bool {
		state := st.Alerts[string(b.Alert)].Bulletin(b.SHA256())
		return state.Refusal != nil || state.Part("x-a", 1).State == ledger.StateVerified
	})
}

// TestACopyThatLagsRefusesNothing has a node ask a broker whose copy of the bulletins lags, for
// longer than bytes may come after their record: it asks the leader, sends what it has to, and
// refuses nothing that another node has read. It passes over no revocation either.
func TestACopyThatLagsRefusesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, tg := newPlatform("x-a"), newPlatform("telegram-a")
	h.run("one/a", quick(tg))
	behind := *h
	behind.server, behind.url = nil, ledgertest.Lagging(t, h.server.Addr())
	behind.run("two/b", quick(x))
	a := newAlert(t, "x-a", "telegram-a")
	for _, kind := range []alert.MsgType{alert.MsgAlert, alert.MsgCancel} {
		b := h.release(a.Next(t, kind))
		h.await(b, "telegram-a", ledger.StateVerified)
		h.await(b, "x-a", ledger.StateVerified)
	}
	h.ledger.View(func(s *ledger.State) {
		if all := s.Refusals(); len(all) > 0 {
			t.Errorf("refused was %+v", all)
		}
	})
}
