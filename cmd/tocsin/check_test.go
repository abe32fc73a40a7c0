package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
	"tocsin/broker/ledger"
	"tocsin/broker/readiness"
	"tocsin/broker/telemetry/telemetrytest"
)

// boardAt is a report with each thing that the screen can show.
func boardAt(at time.Time) readiness.Report {
	return readiness.NewReport("savona-1", at, []readiness.Standing{
		{Kind: "node", State: adapters.Degraded, Since: at.Add(-time.Hour), At: at, Findings: []adapters.Finding{
			finding(readiness.AspectKeyRing, adapters.Degraded, both("il portachiavi scade presto", "the key ring expires soon"), both("preparare e firmare la prossima versione (tocsin keys draft)", "make and sign its next version (tocsin keys draft)")).
				Ending(at.Add(10*24*time.Hour), at),
			fine(readiness.AspectDisk),
			judgeClock([]time.Duration{time.Second}, timeUnkept)[1],
		}},
		{Name: "sito", Kind: "website", State: adapters.Ready, At: at, LastVerified: at.Add(-48 * time.Hour), Findings: []adapters.Finding{
			fine(adapters.AspectReach), adapters.Finding{Aspect: adapters.AspectCertificate, Reason: "x", Advice: "y"}.Ending(at.Add(80*24*time.Hour), at),
		}},
		{Name: "x", Kind: "x", State: adapters.Down, Since: at.Add(-2 * time.Hour), At: at, Fate: "X", Findings: []adapters.Finding{
			adapters.FindingOf(adapters.AspectCredential, adapters.Fail(adapters.Quota, "the X account has no credits left: buy credits in the developer console (X answered 402: credits depleted)")),
		}},
		{Name: "facebook", Kind: "facebook", State: adapters.Degraded, Since: at, At: at, Fate: "Meta", Findings: []adapters.Finding{
			adapters.Finding{Aspect: adapters.AspectDataAccess, Reason: "the app's access to the account's data ends soon, though the token does not", Advice: "the person who gave the app its access must log in to it again on the platform"}.
				Ending(at.Add(3*24*time.Hour), at),
		}},
		{Name: "instagram", Kind: "instagram", State: adapters.Ready, At: at, Fate: "Meta", Findings: []adapters.Finding{
			adapters.Finding{Aspect: adapters.AspectBudget, Reason: "x", Advice: "y"}.Spending(41, adapters.LifeCycle),
		}},
	})
}

// TestReadinessScreen holds the screen against golden files, in both languages.
func TestReadinessScreen(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"it", "en"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			r := boardAt(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
			var out bytes.Buffer
			(&program{lang: lang}).writeReadiness(&out, &r)
			path := filepath.Join("testdata", "readiness."+lang+".txt")
			if os.Getenv("TOCSIN_UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("the screen says\n%s\nwant\n%s", out.String(), want)
			}
			if lang == "it" {
				for line := range strings.Lines(out.String()) {
					if word := englishWords.FindString(quotedText.ReplaceAllString(line, `""`)); word != "" {
						t.Errorf("the Italian screen says %q: %s", word, line)
					}
				}
			}
		})
	}
}

// TestWatchSaysWhatChanged shows the first report whole, and then changes alone.
func TestWatchSaysWhatChanged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &check{p: &program{lang: "en", out: &out}}
	var last screen
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	show := func(r readiness.Report) string {
		out.Reset()
		if err := c.changed(&last, r); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := show(boardAt(at)); !strings.Contains(got, "Readiness of savona-1") || !strings.Contains(got, "instagram") {
		t.Errorf("first it says %q, want all", got)
	}
	if got := show(boardAt(at.Add(time.Minute))); got != "" {
		t.Errorf("nothing has changed, and it says %q", got)
	}
	r := boardAt(at.Add(2 * time.Minute))
	r.Subjects[2].State, r.Subjects[2].Findings = adapters.Ready, []adapters.Finding{fine(adapters.AspectCredential)}
	if got := show(r); !strings.Contains(got, "x ") || !strings.Contains(got, "ready") || strings.Contains(got, "facebook") {
		t.Errorf("of x alone something has changed, and it says %q", got)
	}
}

// TestWatchSaysThatTheNodeEnded: what it left behind says nothing of the node itself.
func TestWatchSaysThatTheNodeEnded(t *testing.T) {
	t.Parallel()
	r := off(boardAt(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)))
	if s := r.Subjects[0]; s.Kind != "node" || s.State != adapters.Down || s.Worst().Advice != "start it with tocsin serve" || len(r.Subjects) != 5 || r.State != adapters.Down {
		t.Errorf("the report says %+v", r)
	}
}

func TestJudgeClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		offsets       []time.Duration
		kept          timeSource
		clock, source adapters.Readiness
	}{
		"kept":                     {nil, timeKept, adapters.Ready, adapters.Ready},
		"nobody_knows":             {nil, timeUnknown, adapters.Ready, adapters.Ready},
		"unkept_and_alone":         {nil, timeUnkept, adapters.Ready, adapters.Degraded},
		"unkept_and_right":         {[]time.Duration{time.Second}, timeUnkept, adapters.Ready, adapters.Ready},
		"a_minute_behind":          {[]time.Duration{-time.Minute, -time.Minute}, timeKept, adapters.Degraded, adapters.Ready},
		"one_platform_is_wrong":    {[]time.Duration{time.Second, time.Hour, time.Second}, timeKept, adapters.Ready, adapters.Ready},
		"an_hour_ahead_everywhere": {[]time.Duration{time.Hour, time.Hour}, timeKept, adapters.Down, adapters.Ready},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := judgeClock(c.offsets, c.kept)
			if got[0].State != c.clock || got[1].State != c.source {
				t.Errorf("got %+v, want %s and %s", got, c.clock, c.source)
			}
		})
	}
}

// TestReadinessByTheLedger: a host on which no node runs is told what nodes recorded.
func TestReadinessByTheLedger(t *testing.T) {
	t.Parallel()
	s := ledger.NewState()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i, r := range []ledger.Record{
		{Type: ledger.Genesis, Realm: "exercise", Epoch: "e"},
		{Type: ledger.Readiness, Node: "savona-1/a", Channel: "x", State: ledger.StateDown, Class: "budget", Reason: "the X account has no credits left: buy credits in the developer console; look at the board"},
		{Type: ledger.Readiness, Node: "savona-1/a", State: ledger.StateDegraded, Class: "disk", Reason: "it is nearly full; make room", Until: at.Add(time.Hour)},
		{Type: ledger.Readiness, Node: "savona-2/a", Channel: "x", State: ledger.StateReady},
	} {
		if err := s.Apply(&ledger.Entry{Seq: int64(i + 1), Subject: r.Subject(), Record: r, Time: at}); err != nil {
			t.Fatal(err)
		}
	}
	r := readiness.NewReport("", at, standingsOf(s))
	var out bytes.Buffer
	(&program{lang: "en"}).writeReadiness(&out, &r)
	const want = `Readiness as the ledger says it, 22-11-2026 13:00:00 (CET): DOWN

node savona-1  degraded    since 22-11-2026 13:00
    disk (until 22-11-2026 14:00): it is nearly full
    what to do: make room
savona-1/x     DOWN        since 22-11-2026 13:00
    budget: the X account has no credits left: buy credits in the developer console
    what to do: look at the board
savona-2/x     ready       since 22-11-2026 13:00
`
	if out.String() != want {
		t.Errorf("the screen says\n%s\nwant\n%s", out.String(), want)
	}
}

// TestNodeLooksAtItself has a node that lacks something say so.
func TestNodeLooksAtItself(t *testing.T) {
	t.Parallel()
	first := newCountdown(2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	first.await(ctx, time.Hour) // who is stopped does not wait
	first.one()
	first.one()
	first.await(t.Context(), time.Hour)
	newCountdown(0).await(t.Context(), time.Hour)
	if f := diskFinding(t.TempDir() + "/none"); f.State != adapters.Degraded || f.Advice == "" {
		t.Errorf("of a folder that is not there: %+v", f)
	}
	c := &config{dir: t.TempDir(), Site: siteConfig{TLS: tlsConfig{Certificate: "none.crt", Key: "none.key"}}}
	if found := c.lookAtCertificates(time.Now()); len(found) != 1 || found[0].State != adapters.Degraded || !strings.Contains(found[0].Advice, "site.tls") {
		t.Errorf("of a certificate that is not there: %+v", found)
	}
}

// TestNodeRecordsAndMeasuresReadiness starts a node whose Telegram token was revoked: the ledger,
// the log and the metrics say so, and none of them holds the token.
func TestNodeRecordsAndMeasuresReadiness(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log strings.Builder
	s, metrics := observed(t, "", func(sim *simulator.Simulator, o *nodeOptions) {
		if err := sim.SetCondition(simulator.Telegram, adapterstest.Revoked); err != nil {
			t.Fatal(err)
		}
		o.checks, o.log = true, slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(b)
		}), nil))
	})
	var got ledger.ReadinessState
	for l := s.node.ledger; got.State != ledger.StateDown; {
		changed := l.Changed()
		l.View(func(st *ledger.State) { got, _ = st.Readiness(s.config.Node, "telegram") })
		if got.State == ledger.StateDown {
			break
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("the ledger says %+v of telegram", got)
		}
	}
	if got.Class != "credential" || !strings.Contains(got.Reason, "@BotFather") {
		t.Errorf("the ledger says %+v", got)
	}
	var found readiness.Report
	for tick := time.NewTicker(10 * time.Millisecond); len(found.Subjects) < 6; {
		select {
		case <-tick.C:
			found, _ = readReadiness(s.config.abs(s.config.State))
		case <-t.Context().Done():
			t.Fatal("the node does not look at everything")
		}
	}
	status, page := telemetrytest.Get(t, metrics)
	for _, want := range []string{
		`tocsin_readiness{channel="telegram",kind="telegram"`, `tocsin_readiness{channel="",kind="node"`,
		`tocsin_readiness_expiry_seconds{aspect="data_access",channel="facebook"`, `tocsin_readiness_left{aspect="budget",channel="instagram"`,
	} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("/metrics (%d) lacks %s", status, want)
		}
	}
	raw, err := os.ReadFile(filepath.Join(s.config.abs(s.config.State), readinessFile))
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(log.String(), "not ready") {
		t.Errorf("the log says %q", log.String())
	}
	a := s.simulator.Accounts()
	for _, secret := range []string{a.Telegram.Token, a.X.AccessToken, a.X.AccessSecret, a.X.ConsumerSecret, a.Facebook.Token, a.Facebook.AppSecret, a.Instagram.Token, a.Instagram.AppSecret} {
		if strings.Contains(log.String()+string(raw)+page+got.Reason, secret) {
			t.Error("a secret stands in what is said of readiness")
		}
	}
}

// writerFunc is a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
