package x_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/x"
	"tocsin/adapters/x/xtest"
)

// TestAllowances has X tell of its budgets with the answer to a post: its clock is ten minutes
// behind, and the resets are by it.
func TestAllowances(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	theirs := now.Add(-10 * time.Minute)
	status, left := http.StatusForbidden, "2"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Date", theirs.Format(http.TimeFormat))
		h.Set("x-rate-limit-limit", "100")
		h.Set("x-rate-limit-remaining", left)
		h.Set("x-rate-limit-reset", strconv.FormatInt(theirs.Add(5*time.Minute).Unix(), 10))
		h.Set("x-user-limit-24hour-remaining", "nonsense")
		w.WriteHeader(status)
	}))
	defer server.Close()
	c := xtest.New(xtest.Config{}).Account("x-a", server.URL)
	c.AllowPrivate, c.Now = true, func() time.Time { return now }
	ch, err := x.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if all := ch.Allowances(); len(all) != 0 {
		t.Errorf("before the first post: %+v", all)
	}
	post := adapters.Post{Key: "k", Text: "Allerta", Lang: "it"}
	_, _ = ch.Publish(t.Context(), post, adapters.Attempt{N: 1})
	all := ch.Allowances()
	if len(all) != 1 || all[0].Left != 2 || all[0].Of != 100 || !all[0].Resets.Equal(now.Add(5*time.Minute)) || all[0].Spare() || !all[0].Known(now) {
		t.Fatalf("got %+v, want 2 of 100 until five minutes from now", all)
	}
	status, left = http.StatusPaymentRequired, "50"
	_, _ = ch.Publish(t.Context(), post, adapters.Attempt{N: 2})
	all = ch.Allowances()
	if len(all) != 2 || !all[0].Spare() && !all[1].Spare() {
		t.Errorf("got %+v, want the newest word on the window, and no credits", all)
	}
}
