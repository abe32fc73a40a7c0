package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"tocsin/adapters/simulator"
)

// TestTroublesByHTTP has somebody else publish on an account, and then meddle with that post.
func TestTroublesByHTTP(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	for _, tt := range []struct {
		body   string
		status int
		says   string
		live   string // on facebook, afterwards
	}{
		{`{"channel":"facebook","trouble":"delete"}`, http.StatusBadRequest, "no such post", ""},
		{`{"channel":"facebook","trouble":"foreign","text":"Scuole aperte"}`, http.StatusOK, "foreign", "Scuole aperte"},
		{`{"channel":"facebook","trouble":"edit","text":"Scuole chiuse"}`, http.StatusOK, "edit", "Scuole chiuse"},
		{`{"channel":"facebook","trouble":"hide"}`, http.StatusOK, "hide", ""},
		{`{"channel":"x","trouble":"hide"}`, http.StatusBadRequest, "nobody can do that", ""},
		{`{"channel":"facebook","trouble":"steal"}`, http.StatusBadRequest, "use one of edit, hide, delete, foreign", ""},
		{`{"channel":"facebook","trouble":"edit","why":"x"}`, http.StatusBadRequest, "unknown field", ""},
	} {
		a := do(t, http.MethodPost, sim.URL()+"/api/troubles", tt.body, "Content-Type", "application/json")
		if a.status != tt.status || !strings.Contains(string(a.body), tt.says) {
			t.Errorf("%s: got %d %s, want %d with %q", tt.body, a.status, a.body, tt.status, tt.says)
		}
		live, err := sim.Live("facebook")
		if err != nil {
			t.Fatal(err)
		}
		shown := ""
		for _, p := range live {
			shown += p.Text
		}
		if shown != tt.live {
			t.Errorf("%s: the page shows %q, want %q", tt.body, shown, tt.live)
		}
	}
}
