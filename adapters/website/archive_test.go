package website_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
)

// TestImagesGoWhenTheirTimeIsOver hosts images for whoever fetches them: they take
// room until their alert expires, and no longer, but for one that a post shows.
func TestImagesGoWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	early, late, shown := card(t), drawing(t), described("image/jpeg", ".jpg", append(card(t).Data, 0))
	host := func(m *adapters.Image, d time.Duration) {
		t.Helper()
		if err := st.site.Host(t.Context(), *m, st.now.Add(d)); err != nil {
			t.Fatal(err)
		}
	}
	host(early, time.Hour)
	host(late, time.Hour)
	host(late, 3*time.Hour)
	host(late, 2*time.Hour) // the latest moment counts
	host(shown, time.Hour)
	p := message("SV-7F3K2", 1, "Alert")
	p.Image = shown
	st.mustPut(p)
	host(shown, time.Hour)
	for _, step := range []struct {
		after             time.Duration
		early, late, post int
	}{
		{0, 200, 200, 200},
		{time.Hour - time.Nanosecond, 200, 200, 200},
		{time.Hour, 404, 200, 200},
		{3*time.Hour - time.Nanosecond, 404, 200, 200},
		{3 * time.Hour, 404, 404, 200},
	} {
		st.now = noon.Add(step.after)
		for m, want := range map[*adapters.Image]int{early: step.early, late: step.late, shown: step.post} {
			if w := st.get(strings.TrimPrefix(m.URL, public)); w.Code != want {
				t.Errorf("after %v: %s has status %d, want %d", step.after, m.URL, w.Code, want)
			}
		}
	}
	st.now = noon
	if err := st.site.Host(t.Context(), *early, noon); adapters.KindOf(err) != adapters.Permanent {
		t.Errorf("an image whose time is over: %v, want a refusal", err)
	}
}

// TestWhatIsAwaitedIsNotDenied asks for alerts that the site is still to be handed.
func TestWhatIsAwaitedIsNotDenied(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p, q := message("SV-7F3K2", 1, "Alert"), message("SV-7F3K2", 2, "Update")
	st.site.Expect([]adapters.Past{{Code: "SV-7F3K2", Identifiers: []string{p.Notice.Identifier, q.Notice.Identifier}}})
	of := []string{
		"/a/SV-7F3K2", "/a/sv7f3k2", "/a/SV-7F3K2-1", "/verifica?codice=SV-7F3K2", "/verifica?codice=%5BSV-7F3K2-1%5D", "/verifica?codice=sv7f3k2",
	}
	files := []string{"/cap/" + p.Notice.Identifier + ".xml", "/media/" + strings.Repeat("0", 64) + ".jpg"}
	check := func(when string, want int, paths ...string) {
		t.Helper()
		for _, path := range paths {
			if w := st.get(path); w.Code != want || want == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %s has status %d, want %d", when, path, w.Code, want)
			}
		}
	}
	check("before", http.StatusServiceUnavailable, append(files, of...)...)
	check("before", http.StatusNotFound, "/a/SV-XXXXX", "/cap/none.xml", "/nothing")
	check("before", http.StatusOK, "/", "/verifica?codice=SV-XXXXX", "/verifica", "/feed.atom", "/alerts/current.json")
	// One of two bulletins: a page without the newest would be untrue.
	st.mustPut(p)
	check("with the first bulletin", http.StatusServiceUnavailable, of...)
	st.mustPut(q)
	st.site.Arrived("SV-7F3K2")
	check("after", http.StatusOK, "/a/SV-7F3K2", "/verifica?codice=SV-7F3K2", files[0])
	check("after", http.StatusNotFound, files[1])
	holds(t, "the page", st.page("/a/SV-7F3K2"), "SV-7F3K2-2")
}

// TestASiteInDoubtDeniesNothing: what may be missing is neither an all-clear nor a forgery.
func TestASiteInDoubtDeniesNothing(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	st.site.Doubt()
	unknown := []string{"/a/SV-XXXXX", "/cap/none.xml", "/media/" + strings.Repeat("0", 64) + ".jpg", "/verifica?codice=SV-XXXXX"}
	check := func(when string, want int, paths ...string) {
		t.Helper()
		for _, path := range paths {
			w := st.get(path)
			if w.Code != want || want == http.StatusServiceUnavailable && (!strings.Contains(w.Body.String(), "112") || w.Header().Get("Cache-Control") != "no-store") {
				t.Errorf("%s: %s has status %d, want %d", when, path, w.Code, want)
			}
		}
	}
	lists := []string{"/", "/alerts/current.json", "/feed.atom"}
	check("without an alert", http.StatusServiceUnavailable, append(unknown, lists...)...)
	check("without an alert", http.StatusOK, "/verifica")
	// Of what was revoked or ended the lists say that it is not in force.
	ended := message("SV-33333", 2, "Update")
	ended.Notice.CAP = document("verde", `<responseType>AllClear</responseType>`)
	st.mustPut(message("SV-22222", 1, "Alert"), message("SV-22222", 2, "Cancel"), message("SV-33333", 1, "Alert"), ended)
	check("with a revoked and an ended alert", http.StatusServiceUnavailable, append(unknown, lists...)...)
	check("with a revoked and an ended alert", http.StatusOK, "/a/SV-22222", "/a/SV-33333")
	st.mustPut(p)
	check("with an alert", http.StatusOK, append(lists, "/a/SV-7F3K2", "/verifica?codice=SV-7F3K2")...)
	check("with an alert", http.StatusServiceUnavailable, unknown...)
	st.now = p.Notice.Expires
	check("when it is over", http.StatusServiceUnavailable, lists...)
	check("when it is over", http.StatusOK, "/a/SV-7F3K2")
}
