package wording_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/templates/wording"
)

// TestBecame holds that each fate names the message that says so, or the end of the one that
// is over, once and whole.
func TestBecame(t *testing.T) {
	t.Parallel()
	const code = "SV-7F3K2-2"
	until := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	for _, lang := range wording.Languages() {
		w := wording.For(lang)
		seen := map[string]bool{}
		for f := wording.Replaced; f <= wording.Expired; f++ {
			said := w.Became(f, code, until)
			want := code
			if f == wording.Expired {
				want = w.Moment(until)
			}
			if strings.Count(said, want) != 1 || strings.Contains(said, "%!") || seen[said] {
				t.Errorf("%s, fate %d: %q, want a line of its own that says %q once", lang, f, said, want)
			}
			seen[said] = true
		}
	}
	if got, want := wording.For("it").Became(wording.Expired, code, until), "SCADUTO – Questo messaggio valeva fino alle 12:00 di martedì 24 novembre 2026."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
