package simulator_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
)

// A quietBuffer is a buffer for concurrent writers.
type quietBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *quietBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *quietBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestSecretsStay makes every channel do all it can, well and badly, and looks for a
// credential in everything that the simulator tells.
func TestSecretsStay(t *testing.T) {
	t.Parallel()
	log := &quietBuffer{}
	sim := start(t, simulator.Config{Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for _, kind := range simulator.Kinds() {
		ch, p := open(t, sim.Accounts(), kind), post(t, kind)
		r := publish(t, ch, p)
		_ = ch.ReadBack(t.Context(), p, r)
		_, _ = ch.Find(t.Context(), p, adapters.Attempt{N: 2})
		fail(t, sim, kind, adapterstest.ApplyDrop, 0)
		_, _ = ch.Publish(t.Context(), markedPost(t, kind, "SV-OTHER-1"), adapters.Attempt{N: 1})
		for _, secret := range secrets(sim.Accounts()) {
			for _, path := range []string{"/", "/x/", "/bot", "/bot" + secret + "/", "/v25.0/1/feed?access_token=", "/a/b/c/d/e/f/g/h/i/"} {
				do(t, http.MethodPost, baseURL(sim.Accounts(), kind)+path+secret, secret, "Authorization", "Bearer "+secret)
			}
		}
	}
	told := log.String()
	pages := []string{"/", "/api/requests", "/api/live"}
	for _, kind := range simulator.Kinds() {
		pages = append(pages, "/"+kind)
	}
	for _, page := range pages {
		told += do(t, http.MethodGet, sim.URL()+page, "").body
	}
	for i, secret := range secrets(sim.Accounts()) {
		if strings.Contains(told, secret) {
			t.Errorf("credential %d is told", i)
		}
	}
	if !strings.Contains(told, "/bot[redacted]/sendMessage") || !strings.Contains(told, "/v25.0/61550000000001/feed") {
		t.Error("the record does not say which calls were made")
	}
}

// TestRequests tells each request in order, with what became of it.
func TestRequests(t *testing.T) {
	t.Parallel()
	began := time.Now()
	sim := start(t, simulator.Config{})
	fail(t, sim, simulator.Facebook, adapterstest.Refuse, 0)
	_, _ = open(t, sim.Accounts(), simulator.Facebook).Publish(t.Context(), post(t, simulator.Facebook), adapters.Attempt{N: 1})
	publish(t, open(t, sim.Accounts(), simulator.X), post(t, simulator.X))
	do(t, http.MethodGet, sim.Accounts().Telegram.BaseURL+"/nothing", "")

	var all []simulator.Request
	// An answer can be read before the record says so.
	eventually(t, "the end of all requests", func() bool {
		all = requests(t, sim)
		return len(all) == 3 && all[2].State != simulator.Open
	})
	for i, want := range []simulator.Request{
		{N: 1, Kind: "facebook", Method: "POST", Path: "/v25.0/61550000000001/feed", State: simulator.Dropped},
		{N: 2, Kind: "x", Method: "POST", Path: "/2/tweets", State: simulator.Answered, Status: 201},
		{N: 3, Kind: "telegram", Method: "GET", Path: "/nothing", State: simulator.Answered, Status: 404},
	} {
		got := all[i]
		if got.At.Before(began.Add(-time.Second)) || got.At.After(time.Now().Add(time.Second)) || got.Took <= 0 {
			t.Errorf("request %d came at %v and took %v", got.N, got.At, got.Took)
		}
		got.At, got.Took = want.At, want.Took
		if got != want {
			t.Errorf("request %+v, want %+v", got, want)
		}
	}
	var newer []simulator.Request
	decode(t, do(t, http.MethodGet, sim.URL()+"/api/requests?after=2", ""), &newer)
	if len(newer) != 1 || newer[0].N != 3 {
		t.Errorf("after the second there are %+v, want the third alone", newer)
	}
	if a := do(t, http.MethodGet, sim.URL()+"/api/requests?after=x", ""); a.status != http.StatusBadRequest {
		t.Errorf("after=x: status %d, want 400", a.status)
	}
}

// TestRecordForgets keeps the newest requests alone, in order, with their outcomes.
func TestRecordForgets(t *testing.T) {
	t.Parallel()
	record := simulator.NewRecord(3)
	status := http.StatusOK
	h := record.Around("x", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	for n := range 8 {
		status = 200 + n
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/2/tweets", nil))
		got := record.After(0)
		if want := min(n+1, 3); len(got) != want {
			t.Fatalf("after %d requests %d are kept, want %d", n+1, len(got), want)
		}
		for i, q := range got {
			if want := int64(n + 1 - len(got) + 1 + i); q.N != want || q.Status != int(199+want) {
				t.Errorf("after %d requests the one at %d is %+v, want number %d", n+1, i, q, want)
			}
		}
	}
	for after, want := range map[int64]int{6: 2, 7: 1, 8: 0, 9: 0, 1 << 62: 0} {
		if got := record.After(after); len(got) != want || got == nil {
			t.Errorf("after %d there are %v, want %d", after, got, want)
		}
	}
}

// TestRecordOutlived lets a request end when its place belongs to a newer one.
func TestRecordOutlived(t *testing.T) {
	t.Parallel()
	record := simulator.NewRecord(2)
	var h http.Handler
	h = record.Around("x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			for range 2 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/fast", nil))
			}
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PURGE", "/slow", nil))
	kept := record.After(0)
	if len(kept) != 2 {
		t.Errorf("%d requests are kept, want 2", len(kept))
	}
	for i, q := range kept {
		if q.N != int64(i+2) || q.Path != "/fast" || q.Method != http.MethodGet {
			t.Errorf("the record has %+v at %d, want the newer requests untouched", q, i)
		}
	}
}

// TestRedactPath keeps what names a call, and cuts the rest.
func TestRedactPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"":                                    "",
		"/":                                   "/",
		"/2/users/1730000000000000001/tweets": "/2/users/1730000000000000001/tweets",
		"/v25.0/debug_token":                  "/v25.0/debug_token",
		"/v25.0/61550000000001_1221/feed":     "/v25.0/61550000000001_1221/feed",
		"/bot123:AAabc-d/sendMessage":         "/bot[redacted]/sendMessage",
		"/bot123:AAabc-d":                     "/bot[redacted]",
		"/123:AAabc-d/getMe":                  "/[redacted]/getMe",
		"/EAAB1x2y/feed":                      "/[redacted]/feed",
		"/" + strings.Repeat("a", 41):         "/[redacted]",
		"/" + strings.Repeat("1", 65):         "/[redacted]",
		"/v1234567.0":                         "/[redacted]",
		"/città":                              "/[redacted]",
		"/a/b/c/d/e/f/g/h/i/j":                "/a/b/c/d/e/f/g/[redacted]",
	} {
		if got := simulator.RedactPath(path); got != want {
			t.Errorf("%q is told as %q, want %q", path, got, want)
		}
	}
}

// FuzzRedactPath hides a token in any path: it never comes out, and what comes out
// is short.
func FuzzRedactPath(f *testing.F) {
	const token = "7001000001:AAE4-secret_0"
	f.Add("/bot", "/sendMessage")
	f.Add("/", "")
	f.Add("/v", ".0/me")
	f.Add("bot:", "//")
	f.Fuzz(func(t *testing.T, before, after string) {
		got := simulator.RedactPath(before + token + after)
		if strings.Contains(got, "AAE4") || strings.Contains(got, "secret_0") || len(got) > 9*65 {
			t.Errorf("%q is told as %q", fmt.Sprint(before, token, after), got)
		}
	})
}
