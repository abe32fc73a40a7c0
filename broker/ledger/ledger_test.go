package ledger_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// digest is of bulletinBytes, which only some tests keep.
var digest = fmt.Sprintf("%x", sha256.Sum256([]byte(bulletinBytes)))

const bulletinBytes = "a bulletin"

func startServer(t *testing.T, dir string) *ledger.Server {
	t.Helper()
	s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func open(t *testing.T, s *ledger.Server, name string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func add(t *testing.T, l *ledger.Ledger, r ledger.Record) int64 {
	t.Helper()
	seq, err := l.Append(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.WaitApplied(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	return seq
}

func bulletinRecord(id string) ledger.Record {
	return ledger.Record{Type: ledger.Bulletin, Alert: id, Number: 1, SHA256: digest, Bytes: 10, Code: "SV-7F3K2"}
}

func attempt(id string, channels ...string) ledger.Record {
	return ledger.Record{
		Type: ledger.Attempt, Alert: id, Number: 1, SHA256: digest,
		Channels: channels, Part: 1, Attempt: 1, Until: time.Now().UTC().Add(time.Minute),
	}
}

func part(l *ledger.Ledger, id, channel string) (p ledger.PartState) {
	l.View(func(s *ledger.State) { p = s.Alerts[id].Bulletin(digest).Part(channel, 1) })
	return p
}

func TestRecordsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir, id := t.TempDir(), uuid.NewString()
	s := startServer(t, dir)
	l := open(t, s, "one/a")
	if _, err := l.PutBlob(t.Context(), []byte(bulletinBytes)); err != nil {
		t.Fatal(err)
	}
	add(t, l, bulletinRecord(id))
	add(t, l, attempt(id, "telegram-a", "x-a"))
	l.Close()
	s.Stop()

	s = startServer(t, dir)
	l = open(t, s, "one/b")
	if got := part(l, id, "x-a"); got.State != ledger.StateAttempting || got.Claimant != "one/a" {
		t.Errorf("after the restart the delivery is %s of %s, want attempting of one/a", got.State, got.Claimant)
	}
	size, err := l.Size(t.Context())
	if err != nil || size != 3 {
		t.Errorf("the ledger has %d records (%v), want 3: genesis, bulletin, attempt", size, err)
	}
}

func TestOneOfTwoNodesGetsTheAttempt(t *testing.T) {
	t.Parallel()
	s, id := startServer(t, t.TempDir()), uuid.NewString()
	a, b := open(t, s, "one/a"), open(t, s, "two/b")
	seq := add(t, a, bulletinRecord(id))
	if err := b.WaitApplied(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 2)
	for _, l := range []*ledger.Ledger{a, b} {
		go func() {
			_, err := l.Append(t.Context(), attempt(id, "x-a"))
			errs <- err
		}()
	}
	var won, lost int
	for range 2 {
		switch err := <-errs; {
		case err == nil:
			won++
		case errors.Is(err, ledger.ErrConflict):
			lost++
		default:
			t.Error(err)
		}
	}
	// The loser may have seen the winner's record before it wrote its own: then
	// its record is in the ledger, without effect.
	if won == 2 {
		var voids int
		a.View(func(s *ledger.State) { voids = len(s.Voids) })
		if voids != 1 {
			t.Errorf("both attempts were taken and %d are without effect, want 1", voids)
		}
		return
	}
	if won != 1 || lost != 1 {
		t.Errorf("%d attempts were taken and %d refused, want one of each", won, lost)
	}
}

// TestAConclusionStandsOnItsState has a writer conclude from a state that has moved
// on in the meantime, which its ledger knows: it must not go in all the same.
func TestAConclusionStandsOnItsState(t *testing.T) {
	t.Parallel()
	s, id := startServer(t, t.TempDir()), uuid.NewString()
	l := open(t, s, "one/a")
	add(t, l, bulletinRecord(id))
	add(t, l, attempt(id, "x-a"))
	conclusion := func(r ledger.Record) ledger.Record {
		b := bulletinRecord(id)
		r.Alert, r.Number, r.SHA256, r.Channel, r.Part = id, b.Number, b.SHA256, "x-a", 1
		return r
	}
	posted := add(t, l, conclusion(ledger.Record{Type: ledger.Posted, PostID: "1"}))
	verified := conclusion(ledger.Record{Type: ledger.Verified})
	if _, err := l.AppendAfter(t.Context(), verified, 0); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a conclusion from before the post: error %v, want ErrConflict", err)
	}
	if _, err := l.AppendAfter(t.Context(), verified, posted); err != nil {
		t.Errorf("a conclusion from the post: %v", err)
	}
	if _, err := l.AppendAfter(t.Context(), verified, posted); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("the same conclusion again: error %v, want ErrConflict", err)
	}
}

// TestAnAttemptBelongsToItsNodeUntilItIsGone has another node speak of an attempt that
// has an hour left.
func TestAnAttemptBelongsToItsNodeUntilItIsGone(t *testing.T) {
	t.Parallel()
	started := func(node string) ledger.Record { return ledger.Record{Type: ledger.NodeStarted, Node: node} }
	stopped := func(node string) ledger.Record { return ledger.Record{Type: ledger.NodeStopped, Node: node} }
	for name, c := range map[string]struct {
		before []ledger.Record
		gone   bool
	}{
		"it_is_up":                          {nil, false},
		"it_stopped":                        {[]ledger.Record{stopped("one/a")}, true},
		"it_was_started_again":              {[]ledger.Record{started("one/b")}, true},
		"an_earlier_life_of_it_stopped":     {[]ledger.Record{stopped("one/0")}, false},
		"another_node_stopped":              {[]ledger.Record{stopped("two/a")}, false},
		"another_node_of_its_kind_is_begun": {[]ledger.Record{started("three/a")}, false},
		"it_stopped_and_was_started_again":  {[]ledger.Record{stopped("one/a"), started("one/b")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			p.must(t, started("two/a"))
			p.must(t, started("one/0"))
			p.must(t, started("one/a"))
			r := p.delivery(string(ledger.Attempt))
			r.Until = time.Now().Add(time.Hour)
			p.must(t, r)
			for _, r := range c.before {
				p.must(t, r)
			}
			word := p.delivery(string(ledger.Unknown))
			word.Node = "two/a"
			if err := p.apply(word); (err == nil) != c.gone {
				t.Errorf("another node's word: %v, want it to count: %v", err, c.gone)
			}
			if !c.gone {
				return
			}
			p.must(t, ledger.Record{Type: ledger.Absent, Node: "two/a", Alert: p.alert, Number: 1, SHA256: digest, Channel: "x-a", Part: 1})
			if err := p.apply(p.delivery(string(ledger.Attempt))); err == nil {
				t.Error("an incarnation that is gone may begin an attempt")
			}
		})
	}
}

// TestAnAdapterSpeaksForItsChannelAlone has the credentials of channels' adapters say that a node
// stopped, or was started again, whose attempt on x-a has an hour left.
func TestAnAdapterSpeaksForItsChannelAlone(t *testing.T) {
	t.Parallel()
	started := func(node, channel string) ledger.Record {
		return ledger.Record{Type: ledger.NodeStarted, Node: node, Channel: channel}
	}
	stopped := func(node, channel string) ledger.Record {
		return ledger.Record{Type: ledger.NodeStopped, Node: node, Channel: channel}
	}
	for name, c := range map[string]struct {
		start ledger.Record // of the node that has the attempt
		says  ledger.Record
		void  bool // that has no effect, and nobody of ours wrote it
		gone  bool
	}{
		"it_stopped":                     {started("one/a", "x-a"), stopped("one/a", "x-a"), false, true},
		"it_was_started_again":           {started("one/a", "x-a"), started("one/b", "x-a"), false, true},
		"as_a_node_for_all":              {started("one/a", "x-a"), started("one/b", ""), false, true},
		"another_channels_stop":          {started("one/a", "x-a"), stopped("one/a", "telegram"), false, false},
		"another_channels_start":         {started("one/a", "x-a"), started("one/b", "telegram"), false, false},
		"stop_of_a_node_for_all":         {started("one/a", ""), stopped("one/a", "x-a"), true, false},
		"start_of_a_node_for_all":        {started("one/a", ""), started("one/b", "x-a"), true, false},
		"start_of_it_by_another_channel": {started("one/a", ""), started("one/b", "telegram"), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			p.must(t, started("two/a", ""))
			p.must(t, c.start)
			r := p.delivery(string(ledger.Attempt))
			r.Until = time.Now().Add(time.Hour)
			p.must(t, r)
			err := p.apply(c.says)
			if void := len(p.state.Voids) > 0; void != c.void || void && !p.state.Voids[0].Foreign || (err != nil) != c.void {
				t.Fatalf("%v, %+v; want it without effect: %v", err, p.state.Voids, c.void)
			}
			word := p.delivery(string(ledger.Unknown))
			word.Node = "two/a"
			if err := p.apply(word); (err == nil) != c.gone {
				t.Errorf("another node's word: %v, want it to count: %v", err, c.gone)
			}
			if got := p.state.Gone("one/a", "x-a"); got != c.gone {
				t.Errorf("it is gone: %v, want %v", got, c.gone)
			}
		})
	}
}

// TestWhatNobodyOfOursWroteIsForeign has records without effect: those that a second
// writer may have written who had not read so far, and those that are nobody's of ours.
func TestWhatNobodyOfOursWroteIsForeign(t *testing.T) {
	t.Parallel()
	started := func(node string) ledger.Record { return ledger.Record{Type: ledger.NodeStarted, Node: node} }
	for name, c := range map[string]struct {
		way     []ledger.Type // by one/a
		then    []ledger.Type // without effect
		by      string
		foreign []bool // for each of then
	}{
		"attempt_at_the_same_moment":    {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Attempt, ledger.Attempt}, "two/b", []bool{false, true}},
		"conclusion_before_an_attempt":  {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Expired, ledger.Expired}, "two/b", []bool{false, true}},
		"preparation_before_an_attempt": {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Prepared}, "two/b", []bool{false}},
		"last_word_on_a_lost_attempt": {
			[]ledger.Type{ledger.Attempt, "gone", ledger.Unknown, ledger.Absent}, []ledger.Type{ledger.Posted, ledger.Posted}, "one/a", []bool{false, true},
		},
		"word_on_another_ones_attempt":         {[]ledger.Type{ledger.Attempt, ledger.NotSent}, []ledger.Type{ledger.Unknown}, "two/b", []bool{true}},
		"attempt_of_an_incarnation_that_ended": {[]ledger.Type{"gone"}, []ledger.Type{ledger.Attempt}, "one/a", []bool{false}},
		"absence_of_what_is_not_unknown":       {nil, []ledger.Type{ledger.Absent}, "two/b", []bool{true}},
		"absence_during_an_attempt":            {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Absent}, "two/b", []bool{true}},
		"proof_of_no_post":                     {nil, []ledger.Type{ledger.Verified}, "two/b", []bool{true}},
		"second_genesis":                       {nil, []ledger.Type{ledger.Genesis}, "two/b", []bool{true}},
		"conclusion_of_a_node_that_is_not":     {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Held}, "three/c", []bool{true}},
		"conclusion_of_no_incarnation":         {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Held}, "two/c", []bool{true}},
		"conclusion_of_another_channels_node":  {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Held}, "four/d", []bool{true}},
		"attempt_of_its_channels_node":         {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Attempt}, "five/e", []bool{false}},
		"attempt_of_a_node_that_is_not":        {[]ledger.Type{ledger.Attempt}, []ledger.Type{ledger.Attempt}, "three/c", []bool{true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			p.must(t, started("one/a"))
			p.must(t, started("two/b"))
			p.must(t, ledger.Record{Type: ledger.NodeStarted, Node: "four/d", Channel: "telegram"})
			p.must(t, ledger.Record{Type: ledger.NodeStarted, Node: "five/e", Channel: "x-a"})
			for _, kind := range c.way {
				switch kind {
				case "gone":
					p.must(t, started("one/next"))
				case ledger.Unknown, ledger.Absent:
					r := p.delivery(string(kind))
					r.Node = "one/next"
					p.must(t, r)
				default:
					p.must(t, p.delivery(string(kind)))
				}
			}
			for i, kind := range c.then {
				r := p.delivery(string(kind))
				if kind == ledger.Attempt { // decided on before the other one was there
					r = attempt(p.alert, "x-a")
				}
				r.Node = c.by
				if _, void := errors.AsType[*ledger.VoidError](p.apply(r)); !void {
					t.Fatalf("record %d, %s, has an effect", i, kind)
				}
				if v := p.state.Voids[i]; v.Foreign != c.foreign[i] {
					t.Errorf("record %d, %s (%s): foreign is %v, want %v", i, kind, v.Reason, v.Foreign, c.foreign[i])
				}
			}
		})
	}
}

// TestMissesInARowAreCounted has attempts that are not sent, one of unknown fate, one
// that is held, and one more. While the next attempt is under way the last one's reason still stands.
func TestMissesInARowAreCounted(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.must(t, ledger.Record{Type: ledger.NodeStarted, Node: "one/a"})
	for i, step := range []struct {
		kind   ledger.Type
		misses int
		reason string
	}{
		{ledger.Attempt, 0, ""},
		{ledger.NotSent, 1, "said by the test"},
		{ledger.Attempt, 1, "said by the test"},
		{ledger.Prepared, 1, "said by the test"},
		{ledger.NotSent, 2, "said by the test"},
		{ledger.Attempt, 2, "said by the test"},
		{ledger.Unknown, 2, "said by the test"},
		{ledger.Absent, 3, "said by the test"},
		{ledger.Attempt, 3, "said by the test"},
		{ledger.Held, 0, "said by the test"},
		{ledger.Attempt, 0, ""},
		{ledger.NotSent, 1, "said by the test"},
	} {
		r := p.delivery(string(step.kind))
		if step.kind == ledger.Prepared || step.kind == ledger.Attempt {
			r.Reason = ""
		}
		p.must(t, r)
		if got := p.part(); got.Misses != step.misses || got.Reason != step.reason {
			t.Errorf("step %d, %s: %d misses, reason %q; want %d, %q", i, step.kind, got.Misses, got.Reason, step.misses, step.reason)
		}
	}
}

// TestAnIncarnationThatIsGoneNoticesItSoon bounds its attempts that count as two writers
// that met.
func TestAnIncarnationThatIsGoneNoticesItSoon(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.must(t, ledger.Record{Type: ledger.NodeStarted, Node: "one/a"})
	p.must(t, ledger.Record{Type: ledger.NodeStarted, Node: "one/b"})
	for range 50 {
		_ = p.apply(p.delivery(string(ledger.Attempt)))
	}
	foreign := 0
	for _, v := range p.state.Voids {
		if v.Foreign {
			foreign++
		}
	}
	if len(p.state.Voids) != 50 || foreign != 50-16 {
		t.Errorf("%d of %d records without effect are foreign, want all of 50 but 16", foreign, len(p.state.Voids))
	}
}

func TestALedgerKeepsItsRealm(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	open(t, s, "one/a")
	_, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "live", Create: true, Name: "two/b"})
	if e, ok := errors.AsType[*ledger.RealmError](err); !ok || e.Have != "exercise" || e.Want != "live" {
		t.Errorf("got %v, want a RealmError of exercise and live", err)
	}
}

func TestOpenWithoutCreateMakesNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	_, err := ledger.Open(t.Context(), ledger.Options{Server: s, Name: "reader"})
	if !errors.Is(err, ledger.ErrNoLedger) {
		t.Errorf("got %v, want ErrNoLedger", err)
	}
}

// TestAKnownLedgerIsNotBegunAnew asks a broker elsewhere for a ledger that it had.
func TestAKnownLedgerIsNotBegunAnew(t *testing.T) {
	t.Parallel()
	s, crew := startOpenServer(t)
	_, err := ledger.Open(t.Context(), ledger.Options{URL: s.Addr(), Credentials: crew.As("node"), Realm: "exercise", Create: true, Known: true, Name: "one/a"})
	if !errors.Is(err, ledger.ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

func TestAFolderHasOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startServer(t, dir)
	_, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: dir})
	if !errors.Is(err, ledger.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	held, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the listener is the test's own
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = ledger.StartServer(ctx, ledger.ServerOptions{Dir: t.TempDir(), Listen: held.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "address already in use") || ctx.Err() != nil {
		t.Errorf("got %v, want an error at once that says that the address is in use", err)
	}
}

func TestBlobsAreKeptByTheirDigest(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	l := open(t, s, "one/a")
	want := strings.Repeat("Allerta arancione\n", 5000)
	for range 2 { // the second time is the same
		got, err := l.PutBlob(t.Context(), []byte(want))
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Blob(t.Context(), got)
		if err != nil || string(b) != want {
			t.Errorf("the bytes came back as %d bytes, %v", len(b), err)
		}
	}
	if _, err := l.Blob(t.Context(), digest); !errors.Is(err, ledger.ErrNoBlob) {
		t.Errorf("bytes that nobody kept: got %v, want ErrNoBlob", err)
	}
	if _, err := l.PutBlob(t.Context(), make([]byte, 5<<20)); err == nil {
		t.Error("5 MiB were taken")
	}
}

// TestBytesThatWereChangedAreNotHandedOut has somebody put other bytes under a digest.
func TestBytesThatWereChangedAreNotHandedOut(t *testing.T) {
	t.Parallel()
	b, admin := elsewhere(t)
	l := openAt(t, b, "one/a")
	if _, err := admin.Publish(t.Context(), "blob."+digest, []byte("Non c'è nessun pericolo.")); err != nil {
		t.Fatal(err)
	}
	if b, err := l.Blob(t.Context(), digest); !errors.Is(err, ledger.ErrDamaged) || b != nil {
		t.Errorf("got %q, %v, want ErrDamaged", b, err)
	}
	// Who hands the bytes in is not kept from it.
	if kept, err := l.PutBlob(t.Context(), []byte(bulletinBytes)); err != nil || kept != digest {
		t.Fatalf("kept as %q, %v", kept, err)
	}
	if b, err := l.Blob(t.Context(), digest); err != nil || string(b) != bulletinBytes {
		t.Errorf("got %q, %v, want the bytes", b, err)
	}
}

// TestBytesAreFoundAmongOthers has the police write others under the name of a bulletin's
// bytes, before and after: every role finds the bytes.
func TestBytesAreFoundAmongOthers(t *testing.T) {
	t.Parallel()
	s, crew := startOpenServer(t)
	node := open(t, s, "one/a")
	write := func(n int) {
		for i := range n {
			ledgertest.Write(t, s.Addr(), crew.As("police")[0], "blob."+digest, fmt.Appendf(nil, "others %d", i))
		}
	}
	write(3)
	if _, err := node.PutBlob(t.Context(), []byte(bulletinBytes)); err != nil {
		t.Fatal(err)
	}
	write(20)
	for _, who := range []string{"officer", "police", "auditor", "node", "adapter-x-a"} {
		l := openAs(t, s, ledger.Options{Credentials: crew.As(who), Name: "reader"})
		if b, err := l.Blob(t.Context(), digest); err != nil || string(b) != bulletinBytes {
			t.Errorf("%s got %q, %v", who, b, err)
		}
	}
	if _, err := node.PutBlob(t.Context(), []byte(bulletinBytes)); err != nil { // they are kept already
		t.Fatal(err)
	}
	if b, err := node.Blob(t.Context(), digest); err != nil || string(b) != bulletinBytes {
		t.Errorf("the node got %q, %v", b, err)
	}
}

// TestARecordThatIsSentAgainStandsOnce sends one record twice, as whoever did not hear
// that the first one was taken.
func TestARecordThatIsSentAgainStandsOnce(t *testing.T) {
	t.Parallel()
	l := open(t, startServer(t, t.TempDir()), "one/a")
	r := bulletinRecord(uuid.NewString())
	r.ID = uuid.NewString()
	first := add(t, l, r)
	if again := add(t, l, r); again != first {
		t.Errorf("the second time it is record %d, want %d still", again, first)
	}
	if size, err := l.Size(t.Context()); err != nil || size != first {
		t.Errorf("the ledger holds %d records (%v), want %d", size, err, first)
	}
}

// TestTheEmbeddedBrokerSyncsEveryWrite asks the broker itself: without that a power cut
// loses what was acknowledged.
func TestTheEmbeddedBrokerSyncsEveryWrite(t *testing.T) {
	t.Parallel()
	if !ledger.SyncsAlways(startServer(t, t.TempDir())) {
		t.Error("the broker acknowledges what is not on disk")
	}
}

// TestADeliveryHasSixteenPostsAtMost records a seventeenth part.
func TestADeliveryHasSixteenPostsAtMost(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	for part := 1; part <= 17; part++ {
		r := attempt(p.alert, "x-a")
		if r.Part = part; part > 1 {
			r.Channels, r.Channel = nil, "x-a"
		}
		err := p.apply(r)
		if part <= 16 && err != nil {
			t.Errorf("part %d: %v", part, err)
		}
		posted := p.delivery(string(ledger.Posted))
		if posted.Part = part; part <= 16 {
			p.must(t, posted)
		}
		if part == 17 && (err == nil || !strings.Contains(err.Error(), "part 17: a delivery has at most 16 posts")) {
			t.Errorf("part 17: %v, want it without effect", err)
		}
	}
}

func TestAFullStoreSaysSo(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Name: "one/a", MaxBytes: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	for range 100 {
		if _, err = l.Append(t.Context(), bulletinRecord(uuid.NewString())); err != nil {
			break
		}
	}
	if !errors.Is(err, ledger.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestAReminderTakesEachDecisionOnce(t *testing.T) {
	t.Parallel()
	s, id := startServer(t, t.TempDir()), uuid.NewString()
	l := open(t, s, "one/a")
	take := func(want ...string) {
		t.Helper()
		r, err := l.Reminder(t.Context(), "deliver-x-a") // as after a restart
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := r.Take(t.Context(), func(alert string) { got = append(got, alert) }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("reminded of %q, want %q", got, want)
		}
	}
	take()
	add(t, l, bulletinRecord(id))
	take(id)
	add(t, l, attempt(id, "x-a")) // no decision
	take()
	var many []string
	for range 300 { // more than one batch
		many = append(many, uuid.NewString())
		add(t, l, bulletinRecord(many[len(many)-1]))
	}
	take(many...)
}

// TestADamagedLedgerIsNoticed cuts records out of the store's file, as a failing
// disk does, and opens it again.
func TestADamagedLedgerIsNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir)
	l := open(t, s, "one/a")
	for range 50 {
		add(t, l, bulletinRecord(uuid.NewString()))
	}
	l.Close()
	s.Stop()

	blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "LEDGER", "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatalf("blocks: %v, %v", blocks, err)
	}
	b, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(blocks[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err = ledger.Open(ctx, ledger.Options{Server: s, Realm: "exercise", Create: true, Name: "one/b"})
	if err == nil {
		defer l.Close()
		// The broker may have cut the store off behind the damage: then fewer
		// records are there than a checkpoint says, which is the audit's to see.
		if size, err := l.Size(ctx); err != nil || size == 51 {
			t.Errorf("a flipped bit was not noticed: %d records, %v", size, err)
		}
	}
}
