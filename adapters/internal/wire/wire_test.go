package wire_test

import (
	"net/http"
	"net/http/httptest"
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
