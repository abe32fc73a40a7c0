package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/webhook"
)

func notification() adapters.Notification {
	return adapters.Notification{
		ID: "ab12/breakglass/questura", Occasion: adapters.OccasionBreakglass, Realm: "exercise", Code: "SV-7F3K2", Number: 1,
		Released: time.Date(2026, 3, 14, 2, 11, 0, 0, time.UTC), Text: map[string]string{"it": "Emissione d'emergenza SV-7F3K2-1"},
	}
}

// TestNotifyPostsOnce looks at the one request that a recipient gets.
func TestNotifyPostsOnce(t *testing.T) {
	t.Parallel()
	var got []*http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	h, err := webhook.New(webhook.Config{Name: "questura", URL: s.URL + "/avvisi", Token: "segreto-lungo", AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Notify(t.Context(), notification()); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Method != http.MethodPost || got[0].Header.Get("Authorization") != "Bearer segreto-lungo" ||
		got[0].Header.Get("Idempotency-Key") != "ab12/breakglass/questura" || got[0].Header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d requests, the last with %v", len(got), got[len(got)-1].Header)
	}
	var n map[string]any
	if err := json.Unmarshal(body, &n); err != nil || n["occasion"] != "breakglass" || n["code"] != "SV-7F3K2" || n["released"] != "2026-03-14T02:11:00Z" {
		t.Errorf("got %s (%v)", body, err)
	}
}

// TestNotifyFails has the other side answer something else: each is an error, and none
// shows the token or the address's path, which may hold a key.
func TestNotifyFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		private bool
		kind    adapters.Kind
	}{
		"refused":  {http.StatusUnauthorized, true, adapters.Auth},
		"redirect": {http.StatusTemporaryRedirect, true, adapters.NotSent},
		"broken":   {http.StatusInternalServerError, true, adapters.Unknown},
		"gone":     {0, true, adapters.NotSent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				w.Header().Set("Location", "/altrove")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, "no: "+r.URL.Path+" "+r.Header.Get("Authorization"))
			}))
			defer s.Close()
			if tt.status == 0 {
				s.Close()
			}
			h, err := webhook.New(webhook.Config{Name: "questura", URL: s.URL + "/chiave-nel-percorso?k=altra-chiave", Token: "segreto-lungo", AllowPrivate: tt.private})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			err = h.Notify(t.Context(), notification())
			if err == nil || adapters.KindOf(err) != tt.kind {
				t.Fatalf("got %v, want an error of kind %v", err, tt.kind)
			}
			for _, secret := range []string{"segreto-lungo", "chiave-nel-percorso", "altra-chiave"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows %s: %v", secret, err)
				}
			}
			if calls > 1 {
				t.Errorf("%d requests", calls)
			}
		})
	}
}

// TestPrivateAddressesAreRefused calls this machine without leave to do so.
func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	called := false
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer s.Close()
	h, err := webhook.New(webhook.Config{Name: "questura", URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Notify(t.Context(), notification()); err == nil || called || !strings.Contains(err.Error(), "private") {
		t.Errorf("got %v, called %t", err, called)
	}
}

func TestNewRefusesWhatCannotBeCalled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]webhook.Config{
		"no_name":    {URL: "https://sala.example.it/"},
		"clear_text": {Name: "questura", URL: "http://sala.example.it/"},
		"no_host":    {Name: "questura", URL: "https:///x"},
		"user":       {Name: "questura", URL: "https://io:segreto-lungo@sala.example.it/"},
		"file":       {Name: "questura", URL: "file:///etc/passwd", AllowPrivate: true},
		"fragment":   {Name: "questura", URL: "https://sala.example.it/#a"},
		"no_address": {Name: "questura", URL: "https://sala.example.it:segreto-lungo"},
	} {
		h, err := webhook.New(c)
		if err == nil {
			h.Close()
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), "segreto-lungo") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}
