package wire_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters/internal/wire"
)

// TestClockOffsetIsThatOfTheLatestAnswer: ahead is positive, an answer that says
// nothing of the platform's time changes nothing.
func TestClockOffsetIsThatOfTheLatestAnswer(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
	}))
	t.Cleanup(server.Close)
	client := wire.New(wire.Options{AllowPrivate: true})
	t.Cleanup(client.Close)
	if offset, known := client.ClockOffset(); known {
		t.Errorf("the offset is %v before any answer", offset)
	}
	date := func(ahead time.Duration, layout string) []string {
		return []string{time.Now().Add(ahead).UTC().Format(layout)}
	}
	for _, c := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"ahead", http.Header{"Date": date(-time.Hour, http.TimeFormat)}, time.Hour},
		{"behind_as_x_writes_it", http.Header{"Date": date(time.Hour, time.RFC1123)}, -time.Hour},
		{"no_date", http.Header{"Date": nil}, -time.Hour},
		{"nonsense", http.Header{"Date": {"today"}}, -time.Hour},
		{"from_a_cache", http.Header{"Date": date(-2*time.Hour, http.TimeFormat), "Age": {"7200"}}, -time.Hour},
	} {
		header = c.header
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if got, known := client.ClockOffset(); !known || (got-c.want).Abs() > 30*time.Second {
			t.Errorf("%s: the offset is %v (known: %v), want about %v", c.name, got, known, c.want)
		}
	}
}

// TestRetryAfterDateIsByThePlatformsClock: a wait until 12:10 that is asked for at
// 12:00 is ten minutes, whatever this machine's clock says.
func TestRetryAfterDateIsByThePlatformsClock(t *testing.T) {
	t.Parallel()
	h := http.Header{"Date": {"Sat, 03 Oct 2026 12:00:00 GMT"}, "Retry-After": {"Sat, 03 Oct 2026 12:10:00 GMT"}}
	for _, ours := range []time.Duration{-time.Hour, 0, time.Hour} {
		now := time.Date(2026, time.October, 3, 12, 0, 0, 0, time.UTC).Add(ours)
		if got := wire.RetryAfter(h, now); got != 10*time.Minute {
			t.Errorf("clock off by %v: wait %v, want 10m", ours, got)
		}
	}
}

// TestSecretsAreCutOutAsTheyLookInAddresses writes a credential in each form in which a
// platform or a library may quote it.
func TestSecretsAreCutOutAsTheyLookInAddresses(t *testing.T) {
	t.Parallel()
	const secret = "7001|AAF very/secret+word"
	client := wire.New(wire.Options{Secrets: []string{"", secret}})
	t.Cleanup(client.Close)
	for name, form := range map[string]string{"plain": secret, "in_a_path": url.PathEscape(secret), "in_a_query": url.QueryEscape(secret)} {
		body := "the token " + form + " is wrong"
		for _, got := range []string{client.Redact(body), string(client.Evidence([]byte(body))), client.Excerpt([]byte(body))} {
			if got != "the token [redacted] is wrong" {
				t.Errorf("%s: %q, want it cut out", name, got)
			}
		}
	}
}

// TestCallsThatHangHoldUpNoOther has a platform leave calls without an answer.
func TestCallsThatHangHoldUpNoOther(t *testing.T) {
	t.Parallel()
	const hanging = 16
	arrived := make(chan struct{}, hanging)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, r.Body) // the server sees the end of the call only then
			arrived <- struct{}{}
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	client := wire.New(wire.Options{AllowPrivate: true, Timeout: time.Minute})
	t.Cleanup(client.Close)
	ctx, stop := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	defer calls.Wait()
	defer stop()
	call := func(ctx context.Context, method string) error {
		req, err := http.NewRequestWithContext(ctx, method, server.URL, strings.NewReader("post"))
		if err == nil {
			_, err = client.Do(ctx, req)
		}
		return err
	}
	for range hanging {
		calls.Go(func() { _ = call(ctx, http.MethodPost) })
	}
	limited, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for n := range hanging {
		select {
		case <-arrived:
		case <-limited.Done():
			t.Fatalf("%d posts reach the platform while they hang, want %d", n, hanging)
		}
	}
	if err := call(limited, http.MethodGet); err != nil {
		t.Errorf("another call: %v", err)
	}
}
