package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// A show is a demonstration that runs in this process until it is ended.
type show struct {
	t      *testing.T
	tell   *lines // progress, on standard error
	result chan *demoResult
	cancel context.CancelFunc
	done   chan error
}

// play starts tocsin demo --json with these arguments.
func play(t *testing.T, args ...string) *show {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &show{
		t: t, tell: &lines{changed: make(chan struct{})}, cancel: cancel,
		result: make(chan *demoResult, 1), done: make(chan error, 1),
	}
	out, w := io.Pipe()
	go func() {
		err := run(ctx, append([]string{"demo", "--json"}, args...), strings.NewReader(""), w, s.tell, english)
		_ = w.CloseWithError(io.EOF) // never fails
		s.done <- err
	}()
	go func() {
		d := json.NewDecoder(out)
		r := &demoResult{}
		if err := d.Decode(r); err == nil {
			s.result <- r
		}
		_, _ = io.Copy(io.Discard, out) // until the demonstration ends
	}()
	t.Cleanup(func() {
		cancel()
		<-s.done // it clears its temporary folder away
		if t.Failed() {
			t.Logf("the demonstration told:\n%s", s.story())
		}
	})
	return s
}

// story is what was told, without the texts for the public.
func (s *show) story() string {
	said := s.tell.String()
	if _, after, ok := strings.Cut(said, "Signed by the duty officer"); ok {
		return after
	}
	return said
}

// ended waits for the JSON object, which comes when every channel has ended.
func (s *show) ended() *demoResult {
	s.t.Helper()
	select {
	case r := <-s.result:
		return r
	case err := <-s.done:
		s.done <- err
		s.t.Fatalf("the demonstration ended before its channels did: %v", err)
	case <-time.After(time.Minute):
		s.t.Fatal("the channels did not end within a minute")
	}
	return nil
}

// says waits until the progress matches the pattern, and returns its first group.
func (s *show) says(pattern string) string {
	s.t.Helper()
	find := regexp.MustCompile(pattern)
	limit := time.After(time.Minute)
	for {
		said, changed := s.tell.now()
		if m := find.FindStringSubmatch(said); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-changed:
		case err := <-s.done:
			s.done <- err
			s.t.Fatalf("the demonstration ended (%v) before it said %q", err, pattern)
		case <-limit:
			s.t.Fatalf("the demonstration did not say %q", pattern)
		}
	}
}

// end interrupts the demonstration, which must take that well.
func (s *show) end() {
	s.t.Helper()
	s.cancel()
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil {
			s.t.Errorf("an interrupted demonstration ends with %v, want no error", err)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatal("the demonstration does not end")
	}
}

func (r *demoResult) channel(kind string) demoChannel {
	for _, c := range r.Channels {
		if c.Kind == kind {
			return c
		}
	}
	return demoChannel{}
}

// keysOf lists the fields of JSON objects with their places, arrays as their first
// element.
func keysOf(at string, v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, sub := range v {
			out = append(out, keysOf(strings.TrimPrefix(at+"."+k, "."), sub)...)
		}
	case []any:
		for _, sub := range v {
			out = append(out, keysOf(at+"[]", sub)...)
		}
	default:
		out = append(out, at)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestDemoPrintsOneObject(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	stdout, stderr := expect(t, 0, "demo", "--once", "--json", "--state", state)
	d := json.NewDecoder(strings.NewReader(stdout))
	var raw any
	if err := d.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("after the object comes %v, want the end", err)
	}
	want := strings.Fields(`alert.code alert.identifier alert.msgType alert.sender alert.sent alert.status bulletin.bytes bulletin.sha256
		channels[].attempts channels[].kind channels[].name channels[].post_id channels[].reconciled channels[].released_to_posted_ms
		channels[].released_to_verified_ms channels[].state channels[].url elapsed_ms ledger.entries ledger.root
		signatures[].key signatures[].namespace signatures[].principal signatures[].role urls.simulator urls.site`)
	if got := keysOf("", raw); !slices.Equal(got, want) {
		t.Errorf("the fields are\n%s\nwant\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
	var r demoResult
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	checkAlert(t, &r)
	checkSignatures(t, &r)
	checkChannels(t, &r)
	for _, text := range []string{"Public site     " + r.URLs.Site, r.Alert.Code, "Co-signed by the police liaison"} {
		if !strings.Contains(stderr, text) {
			t.Errorf("the progress on standard error does not say %q", text)
		}
	}
	checkKept(t, &r, filepath.Join(state, "state"))
}

func checkAlert(t *testing.T, r *demoResult) {
	t.Helper()
	for name, c := range map[string]struct{ got, form string }{
		"alert.identifier": {r.Alert.Identifier, `^\S+$`},
		"alert.sender":     {r.Alert.Sender, `^\S+\.example$`},
		"alert.sent":       {r.Alert.Sent, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$`},
		"alert.status":     {r.Alert.Status, `^Exercise$`},
		"alert.msgType":    {r.Alert.MsgType, `^Alert$`},
		"alert.code":       {r.Alert.Code, `^SV-[0-9A-Z]{5}$`},
		"bulletin.sha256":  {r.Bulletin.SHA256, `^[0-9a-f]{64}$`},
		"ledger.root":      {r.Ledger.Root, `^[A-Za-z0-9+/]{43}=$`},
		"urls.site":        {r.URLs.Site, `^http://127\.0\.0\.1:\d+$`},
		"urls.simulator":   {r.URLs.Simulator, `^http://127\.0\.0\.1:\d+$`},
	} {
		if !regexp.MustCompile(c.form).MatchString(c.got) {
			t.Errorf("%s is %q, want the form %s", name, c.got, c.form)
		}
	}
	if r.Bulletin.Bytes < 1000 || r.Ledger.Entries < 15 || r.ElapsedMS <= 0 {
		t.Errorf("bulletin of %d bytes, %d entries, %d ms: these can't be", r.Bulletin.Bytes, r.Ledger.Entries, r.ElapsedMS)
	}
}

func checkSignatures(t *testing.T, r *demoResult) {
	t.Helper()
	if len(r.Signatures) != 2 {
		t.Fatalf("%d signatures, want 2", len(r.Signatures))
	}
	for i, role := range []signing.Role{signing.Officer, signing.Police} {
		s := r.Signatures[i]
		if s.Role != string(role) || s.Namespace != string(role)+"@exercise.tocsin" || !strings.HasPrefix(s.Key, "SHA256:") || !strings.Contains(s.Principal, "@") {
			t.Errorf("signature %d is %+v, want one of %s", i, s, role)
		}
	}
	if r.Signatures[0].Key == r.Signatures[1].Key || r.Signatures[0].Principal == r.Signatures[1].Principal {
		t.Error("both signatures are by the same person or key")
	}
}

func checkChannels(t *testing.T, r *demoResult) {
	t.Helper()
	names := []string{"sito", "telegram", "x", "facebook", "instagram"}
	if len(r.Channels) != len(names) {
		t.Fatalf("%d channels, want %d", len(r.Channels), len(names))
	}
	for i, c := range r.Channels {
		if c.Name != names[i] || c.Kind != kinds()[i] {
			t.Errorf("channel %d is %s of kind %s, want %s of kind %s", i, c.Name, c.Kind, names[i], kinds()[i])
		}
		if c.State != string(ledger.StateVerified) || c.PostID == "" || !strings.HasPrefix(c.URL, "http") || c.Attempts < 1 || c.Reconciled {
			t.Errorf("channel %s is %+v, want it verified", c.Name, c)
		}
		if c.Kind == "instagram" && !strings.HasPrefix(c.URL, r.URLs.Simulator+"/instagram/p/") {
			t.Errorf("channel %s leads to %s, want the post's own address: it was read back", c.Name, c.URL)
		}
		if c.ReleasedToPosted == nil || c.ReleasedToVerified == nil || *c.ReleasedToPosted < 0 || *c.ReleasedToVerified < *c.ReleasedToPosted {
			t.Errorf("channel %s has the times %v and %v", c.Name, c.ReleasedToPosted, c.ReleasedToVerified)
		}
	}
}

// checkKept holds what was printed against the ledger that stays.
func checkKept(t *testing.T, r *demoResult, state string) {
	t.Helper()
	stdout, _ := expect(t, 0, "audit", "verify", "--state", state, "--json")
	var report struct {
		OK         bool
		Entries    int64
		Posts      int
		Checkpoint struct{ Size int64 }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if !report.OK || report.Entries < r.Ledger.Entries || report.Checkpoint.Size != report.Entries || report.Posts != 7 { // the site and X say two languages apart
		t.Errorf("the audit says %+v, the demonstration said %+v", report, r.Ledger)
	}
	stdout, _ = expect(t, 0, "status", r.Alert.Code, "--state", state, "--json")
	var status alertStatus
	if err := json.Unmarshal([]byte(stdout), &status); err != nil {
		t.Fatal(err)
	}
	if got := status.Bulletins[0].SHA256; got != r.Bulletin.SHA256 {
		t.Errorf("the ledger holds the bulletin %s, want %s", got, r.Bulletin.SHA256)
	}
}

func TestDemoGoesOnInTheSameFolder(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	var codes []string
	for range 2 {
		stdout, _ := expect(t, 0, "demo", "--once", "--json", "--state", state)
		var r demoResult
		if err := json.Unmarshal([]byte(stdout), &r); err != nil {
			t.Fatal(err)
		}
		codes = append(codes, r.Alert.Code)
	}
	stdout, _ := expect(t, 0, "status", "--state", filepath.Join(state, "state"))
	for _, code := range codes {
		if !strings.Contains(stdout, code) {
			t.Errorf("the ledger of both demonstrations does not hold %s", code)
		}
	}
}

// TestDemoGoesOnInAnOlderFolder has the folder of a demonstration whose key ring has no
// versions: its keys stay what they are.
func TestDemoGoesOnInAnOlderFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := fresh{Realm: alert.RealmExercise, Node: "demo", Site: "127.0.0.1:1", Broker: "127.0.0.1:2", Control: "127.0.0.1:3"}
	if err := errors.Join(f.write(t.Context(), dir, time.Now()), plainKeys(dir)); err != nil {
		t.Fatal(err)
	}
	expect(t, 0, "demo", "--once", "--state", dir)
	var report ringReport
	stdout, _ := expect(t, 0, "keys", "list", "--state", dir, "--json")
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || report.Version != 0 || len(report.Signers) != 2 {
		t.Errorf("the key ring is %s, want the two trial keys without a version (%v)", stdout, err)
	}
	if _, err := os.Stat(filepath.Join(dir, firstFolder)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the demonstration put a version beside the keys of before: %v", err)
	}
}

// TestDemoLeavesNodesAlone keeps the configuration and the credentials of a node.
func TestDemoLeavesNodesAlone(t *testing.T) {
	t.Parallel()
	for _, realm := range []string{"live", "exercise"} {
		t.Run(realm, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "node")
			expect(t, 0, "init", dir, "--realm", realm)
			before, err := os.ReadFile(filepath.Join(dir, "tocsin.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			_, stderr := expect(t, 1, "demo", "--once", "--state", dir)
			after, err := os.ReadFile(filepath.Join(dir, "tocsin.yaml"))
			if err != nil || !bytes.Equal(before, after) || !strings.Contains(stderr, "is the folder of a node") {
				t.Errorf("the configuration changed: %t (%v); it says %q", !bytes.Equal(before, after), err, stderr)
			}
		})
	}
}

func TestDemoRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	nonsense := filepath.Join(t.TempDir(), "nonsense.xml")
	if err := os.WriteFile(nonsense, []byte("<alert>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no_equals_sign":  {[]string{"--fault", "telegram"}, 2, "write CHANNEL=FAULT"},
		"no_such_channel": {[]string{"--fault", "pigeon=down"}, 2, "is not one of website, telegram"},
		"no_such_fault":   {[]string{"--fault", "x=sulk"}, 2, `fault "sulk": use one of`},
		"no_such_count":   {[]string{"--fault", "x=auth:0"}, 2, "a number from 1 to 1000"},
		"no_such_level":   {[]string{"--log", "loud"}, 2, "use debug, info, warn or error"},
		"no_such_file":    {[]string{"--cap", nonsense + ".gone"}, 1, "is not there"},
		"no_message":      {[]string{"--cap", nonsense}, 3, "import the CAP message"},
		"an_argument":     {[]string{"now"}, 2, "demo --help"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stderr := expect(t, c.status, append([]string{"demo", "--once"}, c.args...)...)
			if !strings.Contains(stderr, c.says) {
				t.Errorf("it says %q, want %q in it", stderr, c.says)
			}
		})
	}
}

func TestDemoExitStatus(t *testing.T) {
	t.Parallel()
	for fault, status := range map[string]int{"website=refuse": 0, "x=throttle:2": 0, "telegram=auth": 1, "facebook=credits": 1, "instagram=alter": 1} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			stdout, stderr := expect(t, status, "demo", "--once", "--fault", fault)
			if status != 0 && !strings.Contains(stderr, "not every channel was verified") {
				t.Errorf("standard error says %q", stderr)
			}
			if !strings.Contains(stdout, "Where to look") {
				t.Error("it does not say where to look")
			}
			if strings.Contains(stdout, os.TempDir()) || !strings.Contains(stdout, "it was temporary and is deleted") {
				t.Error("it names a folder that is gone, or does not say that its ledger is")
			}
		})
	}
}

// TestDemoPrintsTheAgreedObject has one channel fail: scripts get the keys that were
// agreed all the same, and people the reason.
func TestDemoPrintsTheAgreedObject(t *testing.T) {
	t.Parallel()
	stdout, stderr := expect(t, 1, "demo", "--once", "--json", "--fault", "telegram=auth")
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	keys := func(of any) []string {
		m, _ := of.(map[string]any)
		return slices.Sorted(maps.Keys(m))
	}
	check := func(what string, of any, want string) {
		if k := strings.Join(keys(of), " "); k != want {
			t.Errorf("%s has the keys %s, want %s", what, k, want)
		}
	}
	check("the object", any(got), "alert bulletin channels elapsed_ms ledger signatures urls")
	channels, _ := got["channels"].([]any)
	for _, c := range channels {
		check("a channel", c, "attempts kind name post_id reconciled released_to_posted_ms released_to_verified_ms state url")
	}
	if len(channels) != 5 || !strings.Contains(stderr, "telegram   held") {
		t.Errorf("%d channels; it tells\n%s", len(channels), stderr)
	}
	_, story, _ := strings.Cut(stderr, "telegram   held")
	if _, reason, _ := strings.Cut(story, "\n"); !strings.HasPrefix(reason, "    ") {
		t.Errorf("the story lacks the reason after the state:\n%.300s", story)
	}
}

// An outcome is what must become of a channel whose platform has a fault.
type outcome struct {
	fault      adapterstest.FaultKind
	state      ledger.DeliveryState
	reconciled bool // found by its alert code
	live       int  // public posts at the end
}

func outcomes() (quick, slow []outcome) {
	const verified, held, failed = ledger.StateVerified, ledger.StateHeld, ledger.StateFailed
	quick = []outcome{
		{adapterstest.Refuse, verified, false, 1},
		{adapterstest.ApplyDrop, verified, true, 1},
		{adapterstest.Apply500, verified, true, 1},
		{adapterstest.ApplyHTML, verified, true, 1},
		{adapterstest.Throttle, verified, false, 1},
		{adapterstest.Lag, verified, false, 1},
		{adapterstest.DuplicateOf, verified, true, 1},
		{adapterstest.AuthGone, held, false, 0},
		{adapterstest.Credits, held, false, 0},
		{adapterstest.Alter, failed, false, 1},
		{adapterstest.Delete, failed, false, 0},
		{adapterstest.Malformed, verified, true, 1},
		{adapterstest.Slow, verified, false, 1},
		{adapterstest.Discard, verified, false, 1},
		{adapterstest.ApplyRefuse, verified, true, 1},
	}
	// These last until a call is given up.
	slow = []outcome{
		{adapterstest.ApplyTimeout, verified, true, 1},
		{adapterstest.Stall, verified, false, 1},
	}
	return quick, slow
}

// TestEachFaultByItsName plays every fault by the command line, each kind of channel with another
// one, so that none may disturb another. What becomes of each fault on each platform is the
// matrix's.
func TestEachFaultByItsName(t *testing.T) {
	t.Parallel()
	quick, slow := outcomes()
	if got, want := len(quick)+len(slow)+2, len(adapterstest.FaultKinds()); got != want { // and down, below, and stuck, which takes five minutes
		t.Fatalf("the table has %d faults, there are %d", got, want)
	}
	for i, group := range [][]outcome{slow, quick} {
		for from := 0; from < len(group); from += len(kinds()) {
			t.Run(fmt.Sprint(i, "-", from), func(t *testing.T) {
				t.Parallel()
				var args []string
				wants := map[string]outcome{}
				for k, kind := range kinds() {
					o := group[(from+k)%len(group)]
					if kind == "x" && o.state != ledger.StateHeld {
						o.live++ // the fault meets the first language, and the second one follows
					}
					wants[kind] = o
					args = append(args, "--fault", kind+"="+string(o.fault))
				}
				s := play(t, args...)
				r := s.ended()
				for kind, want := range wants {
					checkOutcome(t, r, kind, want)
				}
				s.end()
			})
		}
	}
}

func checkOutcome(t *testing.T, r *demoResult, kind string, want outcome) {
	t.Helper()
	got := r.channel(kind)
	if got.State != string(want.state) || got.Reconciled != want.reconciled {
		t.Errorf("%s with %s: ended as %s, reconciled %t; want %s, %t", kind, want.fault, got.State, got.Reconciled, want.state, want.reconciled)
	}
	if kind == "website" {
		checkPage(t, r, want)
		return
	}
	posts, err := livePosts(t.Context(), r.URLs.Simulator, kind, r.Alert.Code)
	if want.fault == adapterstest.Alter && posts == 0 {
		posts, err = livePosts(t.Context(), r.URLs.Simulator, kind, "") // also the code may be what was altered
	}
	if err != nil || posts != want.live {
		t.Errorf("%s with %s: %d posts are public (%v), want %d", kind, want.fault, posts, err, want.live)
	}
}

// checkPage checks whether the site has the alert's page. It shows both languages: a
// deleted one leaves the other.
func checkPage(t *testing.T, r *demoResult, want outcome) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URLs.Site+"/a/"+r.Alert.Code, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	status := http.StatusOK
	if want.live == 0 && want.fault != adapterstest.Delete {
		status = http.StatusNotFound
	}
	if a.StatusCode != status {
		t.Errorf("website with %s: the alert's page answers %d, want %d", want.fault, a.StatusCode, status)
	}
}

// TestDownUntilRestarted takes platforms off the network: the others are verified,
// they themselves do not end, and go on when they are back.
func TestDownUntilRestarted(t *testing.T) {
	t.Parallel()
	for _, down := range [][]string{{"telegram", "x"}, {"facebook", "instagram"}} {
		t.Run(strings.Join(down, "_"), func(t *testing.T) {
			t.Parallel()
			var args []string
			for _, kind := range down {
				args = append(args, "--fault", kind+"=down")
			}
			s := play(t, args...)
			simulator := s.says(`Platforms +(http://\S+)`)
			for i, kind := range kinds() {
				if !slices.Contains(down, kind) {
					s.says([]string{"sito 2/2", "telegram", "x 2/2", "facebook", "instagram"}[i] + ` +verified`)
				}
			}
			select {
			case r := <-s.result:
				t.Fatalf("it ended although %v are down: %+v", down, r.Channels)
			default:
			}
			q, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, simulator+"/api/faults", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			a, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			r := s.ended()
			for _, kind := range kinds() {
				got := r.channel(kind)
				if got.State != string(ledger.StateVerified) {
					t.Errorf("%s is %s, want verified", kind, got.State)
				}
				if kind == "website" {
					continue
				}
				want := 1
				if kind == "x" {
					want = 2 // a post for each language
				}
				if posts, err := livePosts(t.Context(), r.URLs.Simulator, kind, r.Alert.Code); err != nil || posts != want {
					t.Errorf("%s shows %d posts (%v), want %d", kind, posts, err, want)
				}
			}
			s.end()
		})
	}
}

func TestSiteDownHoldsBackNoOther(t *testing.T) {
	t.Parallel()
	s := play(t, "--fault", "sito=down")
	for _, name := range []string{"telegram", "x 2/2", "facebook"} {
		s.says(name + ` +verified`)
	}
	select {
	case r := <-s.result:
		t.Fatalf("it ended although the site is down: %+v", r.Channels)
	default:
	}
	s.end()
	if len(s.result) > 0 {
		t.Error("an interrupted demonstration printed a result")
	}
}

// exerciseConfig is the configuration of a node as the demonstration has it.
func exerciseConfig(t *testing.T) *config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node")
	expect(t, 0, "init", dir)
	c, err := loadConfig(filepath.Join(dir, "tocsin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEveryValidMessageBecomesAnExercise composes a bulletin from each valid message
// that others wrote.
func TestEveryValidMessageBecomesAnExercise(t *testing.T) {
	t.Parallel()
	dir := vectors(t, "cap", "valid")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("no messages in %s: %v", dir, err)
	}
	c := exerciseConfig(t)
	if raceDetector { // composing is one goroutine's work, and takes ten times as long
		entries = entries[:5]
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			b, _, err := composeFirst(raw, c, now)
			if err != nil {
				t.Fatalf("exit status %d: %v", exitCode(err), err)
			}
			checkExercise(t, c, b, now)
		})
	}
}

func checkExercise(t *testing.T, c *config, b *bulletin.Bulletin, now time.Time) {
	t.Helper()
	again, err := bulletin.Parse(b.Bytes())
	if err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Fatalf("what was composed can't be read: %v", err)
	}
	m := b.Message
	if m.Sender != c.Issuer.Sender || m.Status != alert.StatusExercise || m.MsgType != alert.MsgAlert || m.Sent.After(now.Add(time.Second)) || !m.Expires().After(now) {
		t.Errorf("the message is by %s, %s %s, sent %v, expires %v", m.Sender, m.Status, m.MsgType, m.Sent, m.Expires())
	}
	seen := map[string]bool{}
	for _, p := range b.Posts {
		seen[p.Channel] = true
		if !strings.Contains(p.Text, fmt.Sprintf("%s-%d", b.Code, b.Number)) {
			t.Errorf("the post for %s lacks the alert code %s", p.Channel, b.Code)
		}
	}
	if len(seen) != len(c.Channels) {
		t.Errorf("it has posts for %d channels, want %d", len(seen), len(c.Channels))
	}
}

// TestDemoCarriesMessagesOfOthers plays the whole demonstration with a few messages
// that others wrote: another alphabet, several languages, a message without much.
func TestDemoCarriesMessagesOfOthers(t *testing.T) {
	t.Parallel()
	dir := vectors(t, "cap", "valid")
	for _, name := range []string{
		"farrel--earthquake.cap", "sahana--Maldives-Tsunami-MultiLanguage.xml", "alphagov--sample_cap_xml_documents.py-wainfleet_cancel_minimal.xml",
		"google--earthquake-iso8859-1.cap", "willglynn--v1dot2_appendix_adot4.xml",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, _ := expect(t, 0, "demo", "--once", "--json", "--cap", filepath.Join(dir, name))
			var r demoResult
			if err := json.Unmarshal([]byte(stdout), &r); err != nil {
				t.Fatal(err)
			}
			checkAlert(t, &r)
			checkSignatures(t, &r)
			checkChannels(t, &r)
		})
	}
}
