package website_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
)

func TestIngestAsksForTheToken(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	for _, header := range []string{"", "Bearer ", "Bearer " + token + "x", "Bearer " + token[1:], "Basic " + token, token} {
		for _, c := range [][2]string{{"GET", "/posts"}, {"PUT", "/posts/a%2F1%2F1"}, {"PUT", "/media/00"}, {"GET", "/"}} {
			w := st.call(c[0], c[1], nil, "Authorization", header)
			if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s %s with %q: status %d, want 401 and a challenge", c[0], c[1], header, w.Code)
			}
			lacks(t, "the answer", w.Body.String(), "SECRET")
		}
	}
}

// TestPutIsIdempotent puts the same post again, in other JSON, and then another
// one under the same key.
func TestPutIsIdempotent(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	first := st.put(p)
	if first.Code != http.StatusCreated {
		t.Fatalf("status %d, want 201: %s", first.Code, first.Body)
	}
	st.now = st.now.Add(time.Minute)
	spaced, err := json.MarshalIndent(p, "", "   ")
	if err != nil {
		t.Fatal(err)
	}
	again := st.call(http.MethodPut, "/posts/"+string(p.Key), spaced) // slashes as they are: some front ends undo %2F
	if again.Code != http.StatusOK || again.Body.String() != first.Body.String() {
		t.Errorf("again: status %d %s, want 200 with the first answer %s", again.Code, again.Body, first.Body)
	}
	for name, change := range map[string]func(p *adapters.Post){
		"text":   func(p *adapters.Post) { p.Text += "." },
		"expiry": func(p *adapters.Post) { p.Notice.Expires = p.Notice.Expires.Add(time.Second) },
		"cap":    func(p *adapters.Post) { p.Notice.CAP = document("rossa", "") },
		"image":  func(p *adapters.Post) { p.Image = card(t) },
	} {
		other := p
		change(&other)
		if w := st.put(other); w.Code != http.StatusConflict {
			t.Errorf("another %s under the same key: status %d, want 409", name, w.Code)
		}
	}
	posts := st.site.Posts()
	if len(posts) != 1 || posts[0].Post.Text != p.Text || !posts[0].At.Equal(noon) || posts[0].URL != public+"/a/SV-7F3K2" {
		t.Errorf("the site shows %+v, want the first post as it was taken at noon", posts)
	}
}

// TestFieldsThatNobodyKnowsAreRefused has a writer of another version say something that
// this site would drop in silence.
func TestFieldsThatNobodyKnowsAreRefused(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	more := append([]byte(`{"Colour":"red",`), body[1:]...)
	if w := st.call(http.MethodPut, "/posts/"+string(p.Key), more); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "Colour") {
		t.Errorf("status %d %s, want 400 that names the field", w.Code, w.Body)
	}
	if posts := st.site.Posts(); len(posts) != 0 {
		t.Errorf("the site shows %+v", posts)
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *adapters.Post){
		"another_alert_with_the_code": func(p *adapters.Post) { p.Key = "alert-other/1/2" },
		"another_bulletin_digest":     func(p *adapters.Post) { p.Notice.SHA256 = strings.Repeat("0", 64) },
		"another_cap_document":        func(p *adapters.Post) { p.Notice.CAP = document("rossa", "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newStage(t, nil)
			p := message("SV-7F3K2", 1, "Alert")
			st.mustPut(p)
			p = translated(p, 2, "en", "Wind", "Strong wind.")
			change(&p)
			if w := st.put(p); w.Code != http.StatusConflict {
				t.Errorf("status %d, want 409: %s", w.Code, w.Body)
			}
			if got := len(st.site.Posts()); got != 1 {
				t.Errorf("%d posts are shown, want 1", got)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	for name, c := range map[string]struct {
		change func(p *adapters.Post)
		want   int
	}{
		"no_text":         {func(p *adapters.Post) { p.Text = "" }, 422},
		"a_long_text":     {func(p *adapters.Post) { p.Text = strings.Repeat("è", 20_001) }, 422},
		"a_long_title":    {func(p *adapters.Post) { p.Title = strings.Repeat("è", 161) }, 422},
		"a_carriage":      {func(p *adapters.Post) { p.Text += "\r\n" }, 422},
		"a_nul":           {func(p *adapters.Post) { p.Text += "\x00" }, 422},
		"a_nul_in_title":  {func(p *adapters.Post) { p.Title += "\x00" }, 422},
		"a_noncharacter":  {func(p *adapters.Post) { p.Text += "\uffff" }, 422},
		"a_bad_key":       {func(p *adapters.Post) { p.Key = "a b" }, 422},
		"a_climbing_key":  {func(p *adapters.Post) { p.Key = "a/../b" }, 422},
		"a_long_key":      {func(p *adapters.Post) { p.Key = adapters.Key(strings.Repeat("a", 201)) }, 422},
		"no_language":     {func(p *adapters.Post) { p.Lang = "" }, 422},
		"a_markup_lang":   {func(p *adapters.Post) { p.Lang = `it"><script>` }, 422},
		"no_code":         {func(p *adapters.Post) { p.Notice.Code = "" }, 422},
		"a_small_code":    {func(p *adapters.Post) { p.Notice.Code = "sv-1" }, 422},
		"a_path_code":     {func(p *adapters.Post) { p.Notice.Code = "A/B" }, 422},
		"no_bulletin":     {func(p *adapters.Post) { p.Notice.Bulletin = 0 }, 422},
		"no_expiry":       {func(p *adapters.Post) { p.Notice.Expires = time.Time{} }, 422},
		"no_sent":         {func(p *adapters.Post) { p.Notice.Sent = time.Time{} }, 422},
		"a_draft":         {func(p *adapters.Post) { p.Notice.Status = "Draft" }, 422},
		"an_ack":          {func(p *adapters.Post) { p.Notice.MsgType = "Ack" }, 422},
		"no_identifier":   {func(p *adapters.Post) { p.Notice.Identifier = "" }, 422},
		"a_comma_in_it":   {func(p *adapters.Post) { p.Notice.Identifier = "a,b" }, 422},
		"a_huge_cap":      {func(p *adapters.Post) { p.Notice.CAP = make([]byte, 1<<20+1) }, 422},
		"a_bad_digest":    {func(p *adapters.Post) { p.Notice.SHA256 = "zz" }, 422},
		"many_areas":      {func(p *adapters.Post) { p.Notice.Areas = make([]string, 501) }, 422},
		"a_long_area":     {func(p *adapters.Post) { p.Notice.Areas = []string{strings.Repeat("a", 1001)} }, 422},
		"a_long_alt":      {func(p *adapters.Post) { p.Image = card(t); p.Image.Alt = strings.Repeat("a", 8001) }, 422},
		"a_false_digest":  {func(p *adapters.Post) { p.Image = card(t); p.Image.SHA256 = strings.Repeat("0", 64) }, 422},
		"another_type":    {func(p *adapters.Post) { p.Image = card(t); p.Image.MediaType = "image/png" }, 415},
		"no_image":        {func(p *adapters.Post) { p.Image = described("image/jpeg", ".jpg", []byte("<svg>")) }, 415},
		"a_large_image":   {func(p *adapters.Post) { p.Image = described("image/jpeg", ".jpg", make([]byte, 2<<20+1)) }, 422},
		"a_large_request": {func(p *adapters.Post) { p.Image = described("image/jpeg", ".jpg", make([]byte, 6<<20)) }, 413},
	} {
		p := message("SV-7F3K2", 1, "Alert")
		c.change(&p)
		w := st.put(p)
		var answer struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Error == "" {
			t.Errorf("%s: the answer %q does not say why", name, w.Body)
		}
		if w.Code != c.want {
			t.Errorf("%s: status %d (%s), want %d", name, w.Code, answer.Error, c.want)
		}
	}
	for name, body := range map[string]string{
		"empty": "", "null": "null", "list": "[]", "unknown_field": `{"Key":"a/1/1","Evil":1}`, "two": `{"Key":"a/1/1"}{}`, "half": `{"Key":`,
	} {
		if w := st.call(http.MethodPut, "/posts/a%2F1%2F1", []byte(body)); w.Code != 400 && w.Code != 422 {
			t.Errorf("%s: status %d, want 400 or 422", name, w.Code)
		}
	}
	if w := st.call(http.MethodPut, "/posts/another%2F1%2F1", encode(t, message("SV-7F3K2", 1, "Alert"))); w.Code != 422 {
		t.Errorf("a key that is not the address's: status %d, want 422", w.Code)
	}
	if w := st.call(http.MethodDelete, "/posts/alert-SV-7F3K2%2F1%2F1", nil); w.Code != http.StatusNotFound {
		t.Errorf("DELETE: status %d, want 404: nothing is ever taken off", w.Code)
	}
	if posts := st.site.Posts(); len(posts) != 0 {
		t.Errorf("the site shows %+v, want nothing", posts)
	}
}

func encode(t testing.TB, p adapters.Post) []byte {
	t.Helper()
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	w := st.call(http.MethodPut, "/posts/"+string(p.Key)+"?dry_run=1", encode(t, p))
	if w.Code != http.StatusOK || len(st.site.Posts()) != 0 {
		t.Fatalf("status %d and %d posts, want 200 and none", w.Code, len(st.site.Posts()))
	}
	would := w.Body.String()
	if w := st.put(p); w.Body.String() != would {
		t.Errorf("the answer is %s, the dry run said %s", w.Body, would)
	}
	p.Text += "."
	if w := st.call(http.MethodPut, "/posts/"+string(p.Key)+"?dry_run=1", encode(t, p)); w.Code != http.StatusConflict {
		t.Errorf("another text: status %d, want 409", w.Code)
	}
}

func TestPutAtAnEarlierTime(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	if w := st.call(http.MethodPut, "/posts/"+string(p.Key)+"?at=yesterday", encode(t, p)); w.Code != 422 {
		t.Errorf("a time that is none: status %d, want 422", w.Code)
	}
	w := st.call(http.MethodPut, "/posts/"+string(p.Key)+"?at=2026-11-22T11:30:00.5Z", encode(t, p))
	if want := noon.Add(-30*time.Minute + 500*time.Millisecond); w.Code != http.StatusCreated || !st.site.Posts()[0].At.Equal(want) {
		t.Errorf("status %d, taken at %v, want 201 and %v", w.Code, st.site.Posts()[0].At, want)
	}
}

func TestGetPosts(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	a := message("SV-7F3K2", 1, "Alert")
	b := translated(a, 2, "en", "Wind", "Strong wind.")
	st.mustPut(a, b, message("SV-9Q9Q9", 1, "Alert"))
	for mark, want := range map[string]string{
		"":            "alert-SV-7F3K2/1/1 alert-SV-7F3K2/1/2 alert-SV-9Q9Q9/1/1",
		"SV-7F3K2-1":  "alert-SV-7F3K2/1/1 alert-SV-7F3K2/1/2",
		"SV-7F3K2-10": "",
	} {
		var answer struct {
			Posts []struct {
				Key, URL string
				At       time.Time
			}
		}
		w := st.call(http.MethodGet, "/posts?mark="+mark, nil)
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Posts == nil {
			t.Fatalf("%s: %v, want a list", w.Body, err)
		}
		var got []string
		for _, p := range answer.Posts {
			got = append(got, p.Key)
			if !strings.HasPrefix(p.URL, public+"/a/SV-") || !p.At.Equal(noon) {
				t.Errorf("%+v does not say where it stands and since when", p)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("mark %q: %q, want %q", mark, s, want)
		}
	}
}

func TestMedia(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	const soon = "?until=2026-11-22T12:05:00Z"
	for _, m := range []*adapters.Image{card(t), drawing(t)} {
		path := strings.TrimPrefix(m.URL, public)
		if w := st.get(path); w.Code != http.StatusNotFound {
			t.Errorf("before: status %d, want 404", w.Code)
		}
		for _, want := range []int{http.StatusCreated, http.StatusOK} {
			w := st.call(http.MethodPut, "/media/"+m.SHA256+soon, m.Data, "Content-Type", m.MediaType)
			if w.Code != want || !strings.Contains(w.Body.String(), m.URL) {
				t.Errorf("status %d %s, want %d and the address", w.Code, w.Body, want)
			}
		}
		w := st.get(path, "Accept-Encoding", "gzip")
		if !bytes.Equal(w.Body.Bytes(), m.Data) || w.Header().Get("Content-Type") != m.MediaType {
			t.Errorf("%s is served as %s with %d bytes, want %s with %d", path, w.Header().Get("Content-Type"), w.Body.Len(), m.MediaType, len(m.Data))
		}
		holds(t, "Cache-Control", w.Header().Get("Cache-Control"), "immutable")
	}
	m := card(t)
	for name, c := range map[string]struct {
		digest, kind string
		data         []byte
		want         int
		until        string
	}{
		"for_ever":       {m.SHA256, "image/jpeg", m.Data, 422, "?"},
		"until_nonsense": {m.SHA256, "image/jpeg", m.Data, 422, "?until=noon"},
		"until_now":      {m.SHA256, "image/jpeg", m.Data, 422, "?until=2026-11-22T12:00:00Z"},
		"another_digest": {strings.Repeat("0", 64), "image/jpeg", m.Data, 422, ""},
		"another_type":   {m.SHA256, "image/png", m.Data, 415, ""},
		"no_type":        {m.SHA256, "", m.Data, 415, ""},
		"cut":            {described("", "", m.Data[:20]).SHA256, "image/jpeg", m.Data[:20], 415, ""},
		"a_page":         {described("", "", []byte("<html>")).SHA256, "image/jpeg", []byte("<html>"), 415, ""},
		"large":          {m.SHA256, "image/jpeg", make([]byte, 2<<20+1), 413, ""},
	} {
		if w := st.call(http.MethodPut, "/media/"+c.digest+cmp.Or(c.until, soon), c.data, "Content-Type", c.kind); w.Code != c.want {
			t.Errorf("%s: status %d %s, want %d", name, w.Code, w.Body, c.want)
		}
	}
}

// TestRefusedWritesAreNotRead holds that nobody without the token makes the site
// read a body.
func TestRefusedWritesAreNotRead(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/media/00", failing{})
	w := httptest.NewRecorder()
	st.ingest.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401 without a look at the body", w.Code)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("the body was read") }
