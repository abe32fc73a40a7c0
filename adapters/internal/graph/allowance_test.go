package graph_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tocsin/adapters/internal/graph"
)

// TestUsageIsKept has the platform tell with its answers how much of its budget of calls is
// used up.
func TestUsageIsKept(t *testing.T) {
	t.Parallel()
	header, value := "", ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}))
	defer server.Close()
	client, err := graph.New(graph.Config{BaseURL: server.URL, Token: token, AppSecret: secret, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, c := range []struct {
		header, value string
		left          int
		resets        bool
	}{
		{"X-App-Usage", `{"call_count":28,"total_time":25,"total_cputime":25}`, 72, false},
		{"X-Page-Usage", `{"call_count":28,"total_time":85,"total_cputime":25}`, 15, false},
		{"", "", 15, false}, // says nothing new
		{"X-Business-Use-Case-Usage", `{"1":[{"type":"pages","call_count":95,"total_cputime":20,"total_time":20,"estimated_time_to_regain_access":7}]}`, 0, true},
		{"X-App-Usage", `{"call_count":1,"total_time":1,"total_cputime":1}`, 99, false},
	} {
		header, value = c.header, c.value
		var out struct{}
		if _, err := client.Do(t.Context(), graph.Call{Method: http.MethodGet, Path: "1"}, &out); err != nil {
			t.Fatal(err)
		}
		all := client.Allowances().All()
		if len(all) != 1 || all[0].Left != c.left || !all[0].Percent || all[0].Resets.IsZero() == c.resets || c.resets && time.Until(all[0].Resets) > 7*time.Minute {
			t.Errorf("%s: got %+v, want %d percent left", c.header, all, c.left)
		}
	}
}
