package websitetest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/website"
	"tocsin/adapters/website/websitetest"
)

func write(t *testing.T, h http.Handler, change func(body string) string) *httptest.ResponseRecorder {
	t.Helper()
	p := adapterstest.Sample()
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/posts/"+string(p.Key), bytes.NewBufferString(change(string(body))))
	r.Header.Set("Authorization", "Bearer "+websitetest.Token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func same(body string) string { return body }

// TestRefusedRequestsMeetNoFault holds that a fault waits for a write that the site
// would take.
func TestRefusedRequestsMeetNoFault(t *testing.T) {
	t.Parallel()
	p, err := websitetest.New(websitetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.Fail(adapterstest.Fault{Kind: adapterstest.Credits})
	if w := write(t, p, func(string) string { return "{}" }); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a request that is none: status %d, want the site's own 422", w.Code)
	}
	if w := write(t, p, same); w.Code != http.StatusInsufficientStorage {
		t.Errorf("status %d, want the fault's 507", w.Code)
	}
	if w := write(t, p, same); w.Code != http.StatusCreated || len(p.Live()) != 1 {
		t.Errorf("status %d and %d posts, want 201 and one", w.Code, len(p.Live()))
	}
}

// TestFrontOfTwoListeners uses a front as the demo does: each side on its own.
func TestFrontOfTwoListeners(t *testing.T) {
	t.Parallel()
	clock := new(adapterstest.Clock)
	site, err := website.NewSite(website.SiteConfig{
		PublicURL: "https://allerte.example.it", Token: websitetest.Token, Issuer: "Provincia", Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	faults := new(adapterstest.Faults)
	front := websitetest.WithFaults(site, faults, clock.Now)
	public, ingest := front.Public(), front.Ingest()
	look := func() int {
		w := httptest.NewRecorder()
		public.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a/SV-7F3K2", nil))
		return w.Code
	}
	faults.Fail(adapterstest.Fault{Kind: adapterstest.Lag, Wait: time.Hour})
	first := write(t, ingest, same)
	again := write(t, ingest, same) // a second attempt does not make it public earlier
	if first.Code != http.StatusOK || again.Code != http.StatusOK || look() != http.StatusNotFound {
		t.Errorf("status %d, %d and a page %d, want 200 twice and no page yet", first.Code, again.Code, look())
	}
	if live := front.Live(); len(live) != 1 || live[0].URL == "" {
		t.Errorf("live: %+v, want the late post", live)
	}
	clock.Advance(time.Hour)
	if got := look(); got != http.StatusOK {
		t.Errorf("after the lag the page has status %d, want 200", got)
	}
	if got := len(site.Posts()); got != 1 {
		t.Errorf("the site shows %d posts, want 1", got)
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := websitetest.New(websitetest.Options{PublicURL: "nowhere"}); err == nil {
		t.Error("no error for an address that is none")
	}
}
