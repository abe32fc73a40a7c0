package website_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/website"
)

// maxPage is what a page may have, compressed, in bytes: the first round trips of
// a congested network.
const maxPage = 14 << 10

func TestHeaders(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	st.mustPut(message("SV-7F3K2", 1, "Alert"))
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/a/SV-7F3K2": "text/html; charset=utf-8",
		"/verifica": "text/html; charset=utf-8", "/verifica?codice=SV-7F3K2": "text/html; charset=utf-8",
		"/feed.atom": "application/atom+xml; charset=utf-8", "/alerts/current.json": "application/json; charset=utf-8",
		"/cap/IT-SV-7F3K2-1.xml": "application/cap+xml", "/icon.svg": "image/svg+xml", "/nothing": "text/html; charset=utf-8",
	} {
		w := st.get(path)
		h := w.Header()
		for name, want := range map[string]string{
			"Content-Type": kind, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cache-Control": "public, max-age=30, must-revalidate", "Strict-Transport-Security": "max-age=31536000",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		holds(t, "the policy of "+path, h.Get("Content-Security-Policy"),
			"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "img-src 'self'", "base-uri 'none'")
		lacks(t, "the policy of "+path, h.Get("Content-Security-Policy"), "unsafe", "script-src", "*")
		if h.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", path)
		}
		open := strings.HasPrefix(path, "/feed") || strings.HasPrefix(path, "/alerts") || strings.HasPrefix(path, "/cap")
		if got := h.Get("Access-Control-Allow-Origin") == "*"; got != open {
			t.Errorf("%s: open to scripts of other sites is %v, want %v", path, got, open)
		}
	}
	plain := newStage(t, func(c *website.SiteConfig) { c.PublicURL = "http://127.0.0.1:8080" })
	if got := plain.get("/").Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("a site without TLS says %q", got)
	}
}

// TestPagesAreSelfContained holds that a page runs no script, loads nothing from
// elsewhere, and that its policy allows its own style.
func TestPagesAreSelfContained(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	p.Image = card(t)
	st.mustPut(p)
	loads := regexp.MustCompile(`(?:src|srcset|action)="([^"]*)"|<link[^>]*rel="(?:icon|stylesheet|preload)"[^>]*href="([^"]*)"`)
	for _, path := range []string{"/", "/a/SV-7F3K2", "/a/SV-7F3K2?lang=fr", "/verifica?codice=x", "/nothing"} {
		w := st.get(path)
		page := w.Body.String()
		lacks(t, path, strings.ToLower(page), "<script", "javascript:", "style=\"", " onclick", "http-equiv", "@import", "url(")
		for _, m := range loads.FindAllStringSubmatch(page, -1) {
			if at := m[1] + m[2]; !strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") {
				t.Errorf("%s loads %q, which is not of the site", path, at)
			}
		}
		_, style, _ := strings.Cut(page, "<style>")
		style, _, found := strings.Cut(style, "</style>")
		sum := sha256.Sum256([]byte(style))
		source := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if !found || !strings.Contains(w.Header().Get("Content-Security-Policy"), source) {
			t.Errorf("%s: the policy does not allow the page's style %s", path, source)
		}
	}
}

// TestPageSize fills the pages as a long night does.
func TestPageSize(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	const paragraph = "Allerta rossa nella zona B dalle 19:00 di domenica alle 06:00 di lunedì. Il torrente Letimbro è oltre la soglia. " +
		"Sali ai piani alti, non scendere in cantina, non sostare sui ponti né vicino agli argini, non usare l’auto.\n\n"
	for bulletin := range 3 {
		p := message("SV-7F3K2", bulletin+1, map[bool]string{true: "Alert", false: "Update"}[bulletin == 0])
		p.Notice.CAP = document("rossa", "")
		for i, lang := range []string{"it", "en", "de", "fr"} {
			var text strings.Builder
			for j := range 6 {
				// Texts in different languages and bulletins do not compress each other.
				text.WriteString(rotate(paragraph, bulletin*100+i*10+j))
			}
			st.mustPut(translated(p, i+1, lang, "Titolo in "+lang, text.String()))
		}
	}
	for i := range 8 {
		st.mustPut(message("SV-A"+string(rune('A'+i)), 1, "Alert"))
	}
	for _, path := range []string{"/", "/a/SV-7F3K2", "/a/SV-7F3K2?lang=de", "/verifica?codice=SV-7F3K2", "/nothing"} {
		w := st.get(path, "Accept-Encoding", "br, gzip")
		if got := w.Body.Len(); w.Header().Get("Content-Encoding") != "gzip" || got > maxPage {
			t.Errorf("%s has %d bytes (%q), want at most %d compressed", path, got, w.Header().Get("Content-Encoding"), maxPage)
		} else {
			t.Logf("%s: %d bytes compressed", path, got)
		}
	}
}

// rotate moves the letters on by n, differently in each word.
func rotate(s string, n int) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		shift := (n*7 + i*n) % 26
		words[i] = strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' {
				return 'a' + (c-'a'+rune(shift))%26
			}
			return c
		}, w)
	}
	return strings.Join(words, " ")
}

func TestRevalidation(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	st.mustPut(message("SV-7F3K2", 1, "Alert"))
	for _, path := range []string{"/", "/a/SV-7F3K2", "/feed.atom", "/alerts/current.json", "/cap/IT-SV-7F3K2-1.xml"} {
		plain, packed := st.get(path), st.get(path, "Accept-Encoding", "gzip")
		tag, packedTag := plain.Header().Get("ETag"), packed.Header().Get("ETag")
		if tag == "" || tag == packedTag || packed.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: tags %s and %s, want two, and Vary", path, tag, packedTag)
		}
		if got := unpack(t, packed.Body.Bytes()); got != plain.Body.String() {
			t.Errorf("%s: what is compressed is another text", path)
		}
		for _, have := range []string{tag, packedTag, "W/" + tag, `"x", ` + tag, "*"} {
			if w := st.get(path, "If-None-Match", have); w.Code != http.StatusNotModified || w.Body.Len() != 0 || w.Header().Get("ETag") == "" {
				t.Errorf("%s with %s: status %d and %d bytes, want 304 and none", path, have, w.Code, w.Body.Len())
			}
		}
		if w := st.get(path, "If-None-Match", `"x"`); w.Code != http.StatusOK {
			t.Errorf("%s with another tag: status %d, want 200", path, w.Code)
		}
		head := st.request(http.MethodHead, path)
		if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != plain.Header().Get("Content-Length") || head.Header().Get("ETag") != tag {
			t.Errorf("HEAD %s: status %d, %d bytes, length %s, want what GET says and no body", path, head.Code, head.Body.Len(), head.Header().Get("Content-Length"))
		}
		if none := st.get(path, "Accept-Encoding", "gzip;q=0, br"); none.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed for a reader who takes no gzip", path)
		}
	}
	cap := st.get("/cap/IT-SV-7F3K2-1.xml")
	if got, want := cap.Header().Get("Last-Modified"), noon.Format(http.TimeFormat); got != want {
		t.Errorf("the CAP document is of %q, want %q", got, want)
	}
	if w := st.get("/cap/IT-SV-7F3K2-1.xml", "If-Modified-Since", noon.Format(http.TimeFormat)); w.Code != http.StatusNotModified {
		t.Errorf("If-Modified-Since: status %d, want 304", w.Code)
	}
	if !bytes.Equal(cap.Body.Bytes(), message("SV-7F3K2", 1, "Alert").Notice.CAP) {
		t.Error("the CAP document is not served byte for byte")
	}

	// The tag changes with a write, and with the clock.
	tag := st.get("/").Header().Get("ETag")
	st.mustPut(message("SV-9Q9Q9", 1, "Alert"))
	second := st.get("/").Header().Get("ETag")
	st.now = noon.Add(6 * time.Hour)
	if third := st.get("/").Header().Get("ETag"); tag == second || second == third {
		t.Errorf("the tags are %s, %s, %s, want three", tag, second, third)
	}
}

func unpack(t *testing.T, packed []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	st.mustPut(message("SV-7F3K2", 1, "Alert"), message("SV-7F3K2", 12, "Update"), message("SV-9Q", 1, "Alert"), message("SV-9Q", 2, "Cancel"))
	for _, c := range []struct{ typed, want string }{
		{"SV-7F3K2", "SV-7F3K2"}, {"sv-7f3k2", "SV-7F3K2"}, {" SV 7F3K2 ", "SV-7F3K2"}, {"sv7f3k2", "SV-7F3K2"},
		{"SV-7F3K2-12", "SV-7F3K2"}, {"[SV-7F3K2-1]", "SV-7F3K2"}, {"SV–7F3K2–1.", "SV-7F3K2"}, {"#SV-7F3K2", "SV-7F3K2"},
		{"SV-9Q-2", "SV-9Q"}, {"SV-9Q", "SV-9Q"},
		{"Codice allerta: SV-7F3K2-1", "SV-7F3K2"}, {"Codice allerta / Alert code: SV-7F3K2-12", "SV-7F3K2"}, {"codice sv 7f3k2.", "SV-7F3K2"},
		{"https://allerte.provincia.example.it/a/SV-7F3K2", "SV-7F3K2"}, {"https://allerte.provincia.example.it/a/SV-7F3K2?lang=de", "SV-7F3K2"}, {"allerte.provincia.example.it/a/sv-7f3k2,", "SV-7F3K2"},
		{"https://allerte.provincia.example.it/verifica?codice=SV-7F3K2-1&lang=fr", "SV-7F3K2"},
		{"ALLERTA ROSSA\tSali ai piani alti (SV-7F3K2-12): " + strings.Repeat("parole ", 20), "SV-7F3K2"},
		// A bulletin that was never issued makes the message doubtful, with whatever link.
		{"Codice allerta: SV-7F3K2-3 https://allerte.provincia.example.it/a/SV-7F3K2", ""}, {"https://allerte.provincia.example.it/a/SV-7F3K2 SV-9ZZZZ-1", ""},
		{"Codice allerta: SV-ZZZZZ", ""}, {"https://allerte.provincia.example.it/", ""},
		{"SV-7F3K", ""}, {"SV-7F3K22", ""}, {"SV-7F3K2-2", ""}, {"SV-7F3K2-99999999999999999999", ""}, {"XSV-7F3K2", ""}, {"<script>alert(1)</script>", ""}, {"---", ""}, {"-1", ""},
		{strings.Repeat("A", 5000), ""},
	} {
		page := st.page("/verifica?codice=" + url.QueryEscape(c.typed))
		if c.want == "" {
			holds(t, c.typed, page, "Codice sconosciuto", "potrebbe essere falso")
			lacks(t, c.typed, page, "Il codice è autentico", "<script>", strings.Repeat("A", 41))
			continue
		}
		holds(t, c.typed, page, "Il codice è autentico", `href="/a/`+c.want+`"`, "Sala operativa", "Confronta")
		lacks(t, c.typed, page, "Codice sconosciuto")
	}
	holds(t, "a code in a line", st.page("/verifica?codice=Codice+allerta:+SV-7F3K2-1"), `<span class="code">SV-7F3K2-1</span>`, `value="SV-7F3K2-1"`)
	holds(t, "an unknown code in a line", st.page("/verifica?codice=Codice+allerta:+SV-ZZZZZ"), `<span class="code">SV-ZZZZZ</span>`)
	const foreign = "non è di questo sito"
	for typed, warned := range map[string]bool{
		"https://allerte.provincia.example.it/a/SV-7F3K2": false, "Allerte.provincia.example.it/a/SV-7F3K2": false, "SV-7F3K2": false, "Codice allerta: SV-7F3K2-12": false,
		"https://allerte-example.it/a/SV-7F3K2": true, "https://allerte.provincia.example.it@example.com/a/SV-7F3K2": true, "example.com/a/SV-7F3K2": true,
		"(http://allerte.provincia.example.it.example.com/a/SV-7F3K2)": true, "https://example.com:x/a/SV-7F3K2": true,
		"http://x/a/SV-7F3K2": true, "x/a/SV-7F3K2": true, "https://аllerte.provincia.example.it/a/SV-7F3K2": true, "https://allerte.provincia.example.it:8443/a/SV-7F3K2": true,
		"allerte.provincia.example.it:8443/a/SV-7F3K2": true, "ftp://allerte.provincia.example.it/a/SV-7F3K2": true, "example.com?SV-7F3K2": true, `example.com\a\?SV-7F3K2`: true,
		"https://example.com/?u=https://allerte.provincia.example.it/a/SV-7F3K2": true, "example.com/?u=https://allerte.provincia.example.it/a/SV-7F3K2": true,
		"Codice allerta: SV-7F3K2-12 http://example.com/a/SV-7F3K2": true, "https://allerte.provincia.example.it/a/SV-7F3K2 https://example.com/a/SV-7F3K2": true,
		"https://allerte.provincia.example.it:443/a/SV-7F3K2": false, "http://allerte.provincia.example.it/a/SV-7F3K2": false, "http://allerte.provincia.example.it:443/a/SV-7F3K2": false,
		"Leggi anche https://example.com/ SV-7F3K2-12": false,
	} {
		page := st.page("/verifica?codice=" + url.QueryEscape(typed))
		if warned {
			holds(t, typed, page, "L’indirizzo non è nostro", "Il codice esiste", `<a href="/a/SV-7F3K2">https://allerte.provincia.example.it/a/SV-7F3K2</a>`)
			lacks(t, typed, page, "Il codice è autentico")
		} else {
			holds(t, typed, page, "Il codice è autentico")
			lacks(t, typed, page, "L’indirizzo non è nostro")
		}
		if strings.Contains(page, foreign) != warned {
			t.Errorf("%s: it warns of another site: %t, want %t", typed, !warned, warned)
		}
	}
	const stale = "non è più attuale: vale il bollettino n. 12"
	holds(t, "an older bulletin's answer", st.page("/verifica?codice=SV-7F3K2-1"), stale)
	lacks(t, "the newest bulletin's answer", st.page("/verifica?codice=SV-7F3K2-12"), "non è più attuale")
	holds(t, "the answer", st.page("/verifica?codice=SV-9Q"), "Allerta revocata", "non tenerne conto")
	holds(t, "the question", st.page("/verifica"), `<form action="/verifica" method="get"`, "Verifica un messaggio")
	holds(t, "the German answer", st.page("/verifica?codice=SV-9Q&lang=de"), "Der Code ist echt", `href="/a/SV-9Q?lang=de"`,
		`name="lang" value="de"`, `href="/verifica?codice=SV-9Q&amp;lang=en"`)
}

func TestWrongAddresses(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	st.mustPut(message("SV-7F3K2", 1, "Alert"))
	for _, path := range []string{"/nothing", "/a/SV-XXXXX", "/a/", "/cap/none.xml", "/cap/IT-SV-7F3K2-1", "/media/00.jpg", "/posts", "/a/SV-7F3K2/x", "/a/SV-7F3K2-2"} {
		w := st.get(path)
		if w.Code != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, w.Code)
		}
		holds(t, path, w.Body.String(), "Pagina non trovata", `<form action="/verifica"`, `href="/"`, "@ProvinciaSavona")
		lacks(t, path, w.Body.String(), "XXXXX")
	}
	for path, want := range map[string]string{
		"/a/sv-7f3k2": "/a/SV-7F3K2", "/a/SV-7F3K2-1": "/a/SV-7F3K2", "/a/sv7f3k2?lang=de": "/a/SV-7F3K2?lang=de",
	} {
		if w := st.get(path); w.Code != http.StatusFound || w.Header().Get("Location") != want {
			t.Errorf("GET %s: status %d to %q, want 302 to %q", path, w.Code, w.Header().Get("Location"), want)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		w := st.request(method, "/")
		if w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Header().Get("Allow"), "GET") {
			t.Errorf("%s /: status %d, Allow %q, want 405 and GET", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

// TestIdentifiersInAddresses takes what CAP allows in an identifier.
func TestIdentifiersInAddresses(t *testing.T) {
	t.Parallel()
	for identifier, path := range map[string]string{
		"urn:oid:2.49.0.0.380.1": "/cap/urn:oid:2.49.0.0.380.1.xml", "a/b?c#d%e": "/cap/a%2Fb%3Fc%23d%25e.xml",
		"..": "/cap/...xml", "è+\"": "/cap/%C3%A8+%22.xml",
	} {
		st := newStage(t, nil)
		p := message("SV-7F3K2", 1, "Alert")
		p.Notice.Identifier = identifier
		st.mustPut(p)
		if w := st.get(path); !bytes.Equal(w.Body.Bytes(), p.Notice.CAP) {
			t.Errorf("%q: status %d at %s, want the document", identifier, w.Code, path)
		}
		if got := st.current().Alerts[0].CAP; got != public+path {
			t.Errorf("%q: current.json names %s, want %s", identifier, got, public+path)
		}
		holds(t, "the page", st.page("/a/SV-7F3K2"), `type="application/cap+xml"`)
	}
}

func TestImageOnThePage(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	p.Image = card(t)
	st.mustPut(p)
	holds(t, "the page", st.page("/a/SV-7F3K2"), `<img src="/media/`+p.Image.SHA256+`.jpg" alt="Allerta rossa: &#34;alluvione&#34; &lt;Savona&gt; &amp; dintorni" width="120" height="63"`)
	if w := st.get("/media/" + p.Image.SHA256 + ".jpg"); !bytes.Equal(w.Body.Bytes(), p.Image.Data) {
		t.Error("the image is not served byte for byte")
	}
}

func TestCurrentAlert(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	st.mustPut(p, translated(p, 2, "en", "Wind", "Strong wind."))
	got := st.current().Alerts[0]
	for name, c := range map[string][2]string{
		"url": {got.URL, public + "/a/SV-7F3K2"}, "cap": {got.CAP, public + "/cap/IT-SV-7F3K2-1.xml"}, "level": {got.Level, "gialla"},
		"msg_type": {got.MsgType, "Alert"}, "severity": {got.Severity, "Moderate"}, "sha256": {got.SHA256, p.Notice.SHA256},
		"languages": {strings.Join(got.Languages, ","), "it,en"}, "areas": {strings.Join(got.Areas, ","), "Savona,Costa <ovest>"},
		"expires": {got.Expires.Format(time.RFC3339), "2026-11-22T19:00:00+01:00"}, "headline": {got.Headline, p.Title},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %q, want %q", name, c[0], c[1])
		}
	}
}
