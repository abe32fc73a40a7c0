package website

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
)

// These targets reach the parsers themselves, which no door of the package does
// with any input.

func fuzzSite(t testing.TB) *Site {
	t.Helper()
	s, err := NewSite(SiteConfig{
		PublicURL: "https://allerte.example.it", Token: strings.Repeat("t", minToken), Issuer: "Provincia",
		Now: func() time.Time { return time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fuzzPost(text, title, alt string) adapters.Post {
	now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	return adapters.Post{
		Key: "a/1/1", Mark: "SV-1-1", Lang: "it", Text: text, Title: title,
		Notice: adapters.Notice{
			Identifier: "x", Sent: now, Expires: now.Add(time.Hour), Status: "Actual", MsgType: "Alert",
			Headline: alt, Areas: []string{title}, Event: alt, Code: "SV-1", Bulletin: 1,
		},
	}
}

// FuzzShownText holds that every text which the site takes comes out of its page
// as it went in.
func FuzzShownText(f *testing.F) {
	s := fuzzSite(f)
	for _, text := range []string{"a", "\n\na\t&amp; <b>'\"</b> {{.}}", "</div><div data-key=\"a/1/1\">b", "&#13;&lt", "<!--", "\u00a0\u2028\ufeffe\u0301", "</textarea></style>"} {
		f.Add(text, "title", "alt")
	}
	f.Fuzz(func(t *testing.T, text, title, alt string) {
		p := &stored{Post: fuzzPost(text, title, alt), at: s.c.Now(), facts: func() facts { return facts{} }}
		if checkPost(p.Post) != nil {
			t.Skip()
		}
		r := (*record)(nil).with(p)
		for _, lang := range []string{"it", "fr"} {
			page, err := s.pages.Alert(s.alertView(r, lang))
			if err != nil {
				t.Fatal(err)
			}
			got, err := readPage(page, "a/1/1")
			if err != nil || !got.found || got.text != text || !got.at.Equal(p.at) {
				t.Fatalf("the page shows %q (%v), want %q", got.text, err, text)
			}
		}
		v := s.with(s.first(), p, s.c.Now())
		if _, err := s.atom(v); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzReadPage feeds the reader of pages what no site of ours would show.
func FuzzReadPage(f *testing.F) {
	for _, page := range []string{
		"", "<html>", `<html data-site="tocsin"><div data-key="k">a</div></html>`,
		`<html data-site="tocsin"><section><div data-key="k" data-at="x">a<b>c</b></div><img src=x alt=y></section></html>`,
		`<html data-site="tocsin"><div data-key="k">a`, `<html data-site="tocsin"><script><div data-key="k">a</div></html>`,
	} {
		f.Add([]byte(page))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		got, err := readPage(page, "k")
		if err != nil && (got.found || got.text != "") {
			t.Fatalf("an error with a text: %+v", got)
		}
		lower := strings.ToLower(string(page))
		if err == nil && (!strings.Contains(lower, "tocsin") || !strings.Contains(lower, "</html")) {
			t.Fatalf("%q was taken for a whole page of the site", page)
		}
	})
}

// FuzzReadFacts feeds the reader of CAP facts broken documents.
func FuzzReadFacts(f *testing.F) {
	const space = `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">`
	for _, doc := range []string{
		"", "<alert/>", space + "<scope>Public</scope></alert>",
		space + "<info><parameter><valueName>livello_allerta</valueName><value>rossa</value></parameter></info></alert>",
		space + "<info><area><geocode><valueName>a</valueName><value>b</value></geocode></area></info></alert>",
		space + "<x:info xmlns:x='y'><effective>2026-11-22T12:00:00+01:00</effective></x:info></alert></alert>",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := readFacts(doc)
		if len(got.geocodes) > maxGeocodes {
			t.Fatalf("%d geocodes, want at most %d", len(got.geocodes), maxGeocodes)
		}
		for _, g := range got.geocodes {
			if g.name == "" || !strings.Contains(string(doc), "geocode") {
				t.Fatalf("the geocode %+v does not come from the document", g)
			}
		}
	})
}

// FuzzIngest feeds the writers' side any request; what it takes, it shows.
func FuzzIngest(f *testing.F) {
	good, err := json.Marshal(fuzzPost("text", "title", "alt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a/1/1", good)
	f.Add("a", []byte("{"))
	f.Add("../..", []byte(`{"Key":"../..","Image":{}}`))
	f.Fuzz(func(t *testing.T, key string, body []byte) {
		s := fuzzSite(t)
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPut, "/posts/k", strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+s.c.Token)
		r.URL.Path, r.URL.RawPath = "/posts/"+key, ""
		w := httptest.NewRecorder()
		s.Ingest().ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		for _, p := range s.Posts() {
			page := httptest.NewRecorder()
			s.Public().ServeHTTP(page, httptest.NewRequestWithContext(context.Background(), http.MethodGet, alertPath(p.Post.Notice.Code), nil))
			got, err := readPage(page.Body.Bytes(), string(p.Post.Key))
			if err != nil || got.text != p.Post.Text {
				t.Fatalf("status %d: the page shows %q (%v), want %q", page.Code, got.text, err, p.Post.Text)
			}
		}
	})
}

// FuzzAsked looks for alerts by what readers type.
func FuzzAsked(f *testing.F) {
	s := fuzzSite(f)
	p := &stored{Post: fuzzPost("text", "", ""), at: s.c.Now(), digest: sha256.Sum256(nil), facts: func() facts { return facts{} }}
	v := s.with(s.first(), p, s.c.Now())
	for _, typed := range []string{"", "SV-1", "sv 1", "SV-1-1", "SV-1-", "–", "SV-11", "code: SV-1-1", "https://example.it/a/SV-1?lang=de", "SV-1-9 //SV-1", "[::1/SV-1"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, _ := v.asked(clip(typed))
		if got != nil && !strings.HasPrefix(spoken(typed), "SV1") {
			t.Fatalf("%q was taken for SV-1", typed)
		}
		if q := s.seek(v, clip(typed)); q.record != nil && !strings.Contains(spoken(typed), "SV1") {
			t.Fatalf("%q was taken to speak of SV-1", typed)
		}
		view := s.checkView(v, "it", clip(typed))
		if _, err := s.pages.Check(view); err != nil {
			t.Fatal(err)
		}
	})
}
