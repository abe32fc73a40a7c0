package ledger_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// startOpenServer starts a broker for a crew, whose adapter is of the channel x-a.
func startOpenServer(t *testing.T) (*ledger.Server, *ledgertest.Crew) {
	t.Helper()
	crew := ledgertest.NewCrew(t, "x-a")
	s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", Users: crew.Users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s, crew
}

// openAs opens the ledger over the network.
func openAs(t *testing.T, s *ledger.Server, o ledger.Options) *ledger.Ledger {
	t.Helper()
	o.URL = s.Addr()
	l, err := ledger.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func signature(id string) ledger.Record {
	return ledger.Record{
		Type: ledger.Signature, Alert: id, Number: 1, SHA256: digest, Principal: "a@b.example", Namespace: "officer@exercise.tocsin", Armor: "-",
	}
}

func TestCommandsHandInAndRead(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	s, crew := startOpenServer(t)
	node := open(t, s, "one/a")
	l := openAs(t, s, ledger.Options{Credentials: crew.As("officer"), Name: "tocsin publish"})
	sum, err := l.PutBlob(t.Context(), []byte("a bulletin"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := l.Blob(t.Context(), sum); err != nil || string(b) != "a bulletin" {
		t.Errorf("the bytes came back as %q, %v", b, err)
	}
	add(t, l, bulletinRecord(id))
	add(t, l, signature(id))
	seq := add(t, l, ledger.Record{Type: ledger.Rejected, Reason: "said by the test"})
	if err := node.WaitApplied(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	// What the node writes reaches whoever watches.
	changed := l.Changed()
	if _, err := node.Append(t.Context(), attempt(id, "x-a")); err != nil {
		t.Fatal(err)
	}
	<-changed
	if got := part(l, id, "x-a"); got.State != ledger.StateAttempting {
		t.Errorf("whoever watches sees the post %s, want attempting", got.State)
	}
}

// TestReadersGetEveryRecord reads more than one answer holds.
func TestReadersGetEveryRecord(t *testing.T) {
	t.Parallel()
	s, crew := startOpenServer(t)
	node := open(t, s, "one/a")
	var last int64
	for range 1500 {
		seq, err := node.Append(t.Context(), ledger.Record{Type: ledger.Rejected, Reason: "said by the test"})
		if err != nil {
			t.Fatal(err)
		}
		last = seq
	}
	var seen []int64
	l := openAs(t, s, ledger.Options{Credentials: crew.As("officer"), Name: "tocsin status", Observe: func(e *ledger.Entry, err error) {
		if err != nil || e.Time.IsZero() || e.Subject == "" {
			t.Errorf("record %d on %q of %v: %v", e.Seq, e.Subject, e.Time, err)
		}
		seen = append(seen, e.Seq)
	}})
	l.Close()
	if int64(len(seen)) != last || seen[last-1] != last {
		t.Errorf("%d records were read, want %d", len(seen), last)
	}
}

// TestARecordCannotForgeItsPlace has a record bear headers like those in which the
// broker says where a record stands.
func TestARecordCannotForgeItsPlace(t *testing.T) {
	t.Parallel()
	s, crew := startOpenServer(t)
	open(t, s, "one/a")
	nc := ledgertest.Dial(t, s.Addr(), crew.As("officer")[0], nil)
	m := nats.NewMsg("ledger.rejected")
	m.Data = record(t, ledger.Record{Type: ledger.Rejected, Reason: "said by the test"})
	for _, h := range []string{"Nats-Sequence: 7", "Nats-Subject: ledger.genesis", "Nats-Time-Stamp: 2001-01-01T00:00:00Z", "Status: 204", "Nats-Num-Pending: 0"} {
		name, value, _ := strings.Cut(h, ": ")
		m.Header.Set(name, value)
	}
	if _, err := nc.RequestMsgWithContext(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var got []ledger.Entry
	l := openAs(t, s, ledger.Options{Credentials: crew.As("officer"), Name: "tocsin audit", Observe: func(e *ledger.Entry, _ error) { got = append(got, *e) }})
	l.Close()
	if len(got) != 2 || got[1].Seq != 2 || got[1].Subject != "ledger.rejected" || got[1].Time.Year() < 2020 {
		t.Errorf("it was read as %+v", got)
	}
}

// record returns the bytes of a record.
func record(t *testing.T, r ledger.Record) []byte {
	t.Helper()
	r.Schema, r.ID, r.At = ledger.Schema, uuid.NewString(), time.Now().UTC()
	if r.Node == "" {
		r.Node = "one/forged"
	}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCommandsWriteNoOtherRecords has a command append what nodes alone may write: it is
// told at once.
func TestCommandsWriteNoOtherRecords(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	s, crew := startOpenServer(t)
	node := open(t, s, "one/a")
	seq := add(t, node, bulletinRecord(id))
	l := openAs(t, s, ledger.Options{Credentials: crew.As("officer"), Name: "tocsin publish"})
	for _, kind := range recordTypes(t) {
		r := ledger.Record{
			Type: ledger.Type(kind), Alert: id, Number: 1, SHA256: digest, Channel: "x-a", Part: 1, Attempt: 2, PostID: "1", Prepared: "1",
			Reason: "said by the test", Until: time.Now().UTC(), Realm: "exercise", Epoch: "e", Node: "one/forged", Refers: 1,
			Whom: "questura", Occasion: "breakglass", State: ledger.StateDown, Class: "rights", RetryAt: time.Now().UTC(),
		}
		if kind == string(ledger.Watched) {
			r.State = ledger.ShownAltered
		}
		if kind == string(ledger.Foreign) {
			r.State = ledger.ForeignPublic
		}
		if !r.Delivery() && (r.Type == ledger.Bulletin || r.Type == ledger.Signature || r.Type == ledger.Refused || r.Type == ledger.Withdrawn || r.Type == ledger.Contact || r.Type == ledger.KeyRing || r.Type == ledger.Rejected) {
			continue
		}
		begun := time.Now()
		if _, err := l.Append(t.Context(), r); !errors.Is(err, ledger.ErrForbidden) {
			t.Errorf("%s: got %v, want ErrForbidden", kind, err)
		} else if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %v to say so", kind, took)
		}
	}
	if size, err := node.Size(t.Context()); err != nil || size != seq {
		t.Errorf("the ledger holds %d records (%v), want %d", size, err, seq)
	}
}

// TestAnswersStayWithWhoAsked has the broker answer, with its own rights, onto subjects on
// which the one who asks may not write.
func TestAnswersStayWithWhoAsked(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	s, crew := startOpenServer(t)
	node := open(t, s, "one/a")
	seq := add(t, node, bulletinRecord(id))
	l := openAs(t, s, ledger.Options{Credentials: crew.As("officer"), Name: "thief"})
	forged, err := l.PutBlob(t.Context(), record(t, ledger.Record{Type: ledger.NodeStarted}))
	if err != nil {
		t.Fatal(err)
	}
	update, err := l.PutBlob(t.Context(), []byte(`{"name":"LEDGER","subjects":["ledger.>"],"max_msgs":1,"discard":"old","storage":"file","num_replicas":1}`))
	if err != nil {
		t.Fatal(err)
	}
	nc := ledgertest.Dial(t, s.Addr(), crew.As("officer")[0], nil)
	question := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	last := func(sum string) []byte { return question(map[string]any{"last_by_subj": "blob." + sum}) }
	for _, q := range []struct {
		subject, reply string
		body           []byte
	}{
		{"$JS.API.DIRECT.GET.BLOBS.blob." + forged, "ledger.node.one", nil},
		{"$JS.API.DIRECT.GET.BLOBS.blob." + update, "$JS.API.STREAM.UPDATE.LEDGER", nil},
		{"$JS.API.DIRECT.GET.LEDGER", "ledger.alert." + id + ".channel.x-a", question(map[string]int{"seq": 1, "batch": 9})},
		{"$JS.API.STREAM.MSG.GET.BLOBS", "ledger.alert." + id + ".attempt", last(forged)},
		{"$JS.API.STREAM.INFO.LEDGER", "ledger.genesis", nil},
		{"$JS.API.STREAM.INFO.LEDGER", "$JS.API.STREAM.DELETE.LEDGER", nil},
		{"blob.x", "ledger.node.one", []byte("x")},
		{"ledger.alert." + id + ".decision.bulletin", "ledger.node.one", record(t, bulletinRecord(id))},
	} {
		if err := nc.PublishRequest(q.subject, q.reply, q.body); err != nil {
			t.Fatal(err)
		}
	}
	// A whole round behind them: they are done.
	if _, err := nc.RequestWithContext(t.Context(), "$JS.API.STREAM.INFO.LEDGER", nil); err != nil {
		t.Fatal(err)
	}
	seq = add(t, node, ledger.Record{Type: ledger.Rejected, Reason: "said by the test"}) - seq
	if seq != 2 { // the bulletin that a command may write, and this one
		t.Errorf("%d records were written, want 2", seq)
	}
	node.View(func(st *ledger.State) {
		for subject := range st.Last {
			if strings.HasPrefix(subject, "ledger.node.") || strings.Contains(subject, ".channel.") || strings.HasSuffix(subject, ".attempt") {
				t.Errorf("a record was written on %s", subject)
			}
		}
	})
	if err := node.Broken(); err != nil {
		t.Errorf("the ledger is %v", err)
	}
}

// TestAnotherNodeWorksOverTheNetwork has a second node do what nodes do.
func TestAnotherNodeWorksOverTheNetwork(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	s, crew := startOpenServer(t)
	first := open(t, s, "one/a")
	second := openAs(t, s, ledger.Options{Credentials: crew.As("node", "officer"), Realm: "exercise", Create: true, Name: "two/b"})
	add(t, second, ledger.Record{Type: ledger.NodeStarted})
	add(t, second, bulletinRecord(id))
	seq := add(t, second, attempt(id, "x-a"))
	if err := first.WaitApplied(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	// What others write reaches it at once, not at its next question.
	var waited time.Duration
	for range 20 {
		add(t, first, bulletinRecord(uuid.NewString()))
		size, err := first.Size(t.Context())
		begun := time.Now()
		if err == nil {
			err = second.WaitApplied(t.Context(), size)
		}
		if err != nil {
			t.Fatal(err)
		}
		waited += time.Since(begun)
	}
	if waited > 500*time.Millisecond { // a second, where it asks without being told
		t.Errorf("it waited %v for 20 records", waited)
	}
	broken := make(chan error, 1)
	nc := ledgertest.Dial(t, s.Addr(), crew.As("node")[0], broken)
	for _, subject := range []string{"$JS.API.STREAM.DELETE.LEDGER", "$JS.API.STREAM.UPDATE.LEDGER", "$JS.API.STREAM.PURGE.BLOBS", "$JS.API.STREAM.MSG.DELETE.LEDGER"} {
		if err := nc.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-broken; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v, want a violation of permissions", subject, err)
		}
	}
}

// TestANodeWithTheCommandsTokenIsTold opens the ledger as a node with the credential of
// commands: it hears that at once, and not that nobody answered.
func TestANodeWithTheCommandsTokenIsTold(t *testing.T) {
	t.Parallel()
	s, crew := startOpenServer(t)
	open(t, s, "one/a")
	_, err := ledger.Open(t.Context(), ledger.Options{URL: s.Addr(), Credentials: crew.As("officer"), Name: "two/b", Create: true})
	if !errors.Is(err, ledger.ErrForbidden) {
		t.Errorf("got %v, want ErrForbidden", err)
	}
}

// TestASlowConnectionIsWaitedFor has the broker's greeting take longer than the two seconds that
// the library gives it, as on a crowded network.
func TestASlowConnectionIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := embeddedBroker(t)
	broker := strings.TrimPrefix(b.url, "nats://")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	t.Cleanup(func() { _ = listener.Close() })
	slow := time.NewTimer(2500 * time.Millisecond)
	work.Go(func() {
		<-slow.C
		for {
			from, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			there, err := net.Dial("tcp", broker)
			if err != nil {
				_ = from.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{from, there}, {there, from}} {
				work.Go(func() {
					_, _ = io.Copy(way[0], way[1]) // until one of them is gone
					_ = way[0].Close()
				})
			}
		}
	})
	b.url = "nats://" + listener.Addr().String()
	b.open(t, ledger.Options{Name: "tocsin status"}, "auditor")
}
