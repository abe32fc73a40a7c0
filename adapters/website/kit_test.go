package website_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/website"
)

const (
	token  = "0123456789abcdef-SECRET"
	public = "https://allerte.provincia.example.it"
)

// noon is when the tests' alerts begin: 13:00 in Savona.
var noon = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// A stage is a site with both its sides and a clock that is moved by hand.
type stage struct {
	t      testing.TB
	site   *website.Site
	now    time.Time
	ingest http.Handler
	public http.Handler
}

func newStage(t testing.TB, change func(c *website.SiteConfig)) *stage {
	t.Helper()
	st := &stage{t: t, now: noon}
	c := website.SiteConfig{
		PublicURL: public, Token: token, Issuer: "Provincia di Savona", Now: func() time.Time { return st.now },
		PolicyURL: "https://www.provincia.example.it/policy",
		Channels: []website.OfficialChannel{
			{Name: "@ProvinciaSavona", Kind: "Telegram", URL: "https://t.me/example"},
			{Name: "provincia.savona", Kind: "Instagram", URL: "https://instagram.example/savona"},
		},
	}
	if change != nil {
		change(&c)
	}
	site, err := website.NewSite(c)
	if err != nil {
		t.Fatal(err)
	}
	st.site, st.ingest, st.public = site, site.Ingest(), site.Public()
	return st
}

// call makes a request on the writers' side with the token.
func (st *stage) call(method, path string, body []byte, header ...string) *httptest.ResponseRecorder {
	st.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	st.ingest.ServeHTTP(w, r)
	return w
}

// put puts p on the site and returns the status.
func (st *stage) put(p adapters.Post) *httptest.ResponseRecorder {
	st.t.Helper()
	body, err := json.Marshal(p)
	if err != nil {
		st.t.Fatal(err)
	}
	return st.call(http.MethodPut, "/posts/"+url.PathEscape(string(p.Key)), body)
}

// mustPut puts every post on the site.
func (st *stage) mustPut(posts ...adapters.Post) {
	st.t.Helper()
	for _, p := range posts {
		if w := st.put(p); w.Code != http.StatusCreated {
			st.t.Fatalf("PUT %s: status %d, want 201: %s", p.Key, w.Code, w.Body)
		}
	}
}

// get reads a public address.
func (st *stage) get(path string, header ...string) *httptest.ResponseRecorder {
	st.t.Helper()
	return st.request(http.MethodGet, path, header...)
}

func (st *stage) request(method, path string, header ...string) *httptest.ResponseRecorder {
	st.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	st.public.ServeHTTP(w, r)
	return w
}

// page reads a page that must be there.
func (st *stage) page(path string) string {
	st.t.Helper()
	w := st.get(path)
	if w.Code != http.StatusOK {
		st.t.Fatalf("GET %s: status %d, want 200", path, w.Code)
	}
	return w.Body.String()
}

// current reads /alerts/current.json.
func (st *stage) current() website.Current {
	st.t.Helper()
	var c website.Current
	if err := json.Unmarshal([]byte(st.page("/alerts/current.json")), &c); err != nil {
		st.t.Fatal(err)
	}
	return c
}

// holds fails the test where text lacks one of the words.
func holds(t testing.TB, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not hold %q", what, w)
		}
	}
}

// lacks fails the test where text holds one of the words.
func lacks(t testing.TB, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("%s holds %q", what, w)
		}
	}
}

// message returns the Italian post of a bulletin that is sent at noon and expires
// six hours later.
func message(code string, bulletin int, msgType string) adapters.Post {
	p := adapterstest.Sample()
	p.Key = adapters.Key(fmt.Sprintf("alert-%s/%d/1", code, bulletin))
	p.Mark = fmt.Sprintf("%s-%d", code, bulletin)
	p.Title = fmt.Sprintf("Bollettino %d di %s", bulletin, code)
	p.Text = fmt.Sprintf("Testo del bollettino %d.\nNon usare l'ascensore & <resta> al sicuro.\n%s", bulletin, p.Mark)
	sum := sha256.Sum256([]byte(p.Mark))
	p.Notice = adapters.Notice{
		CAP: document("gialla", ""), Identifier: "IT-" + p.Mark, Sender: "allerte@provincia.example.it",
		Sent: noon, Expires: noon.Add(6 * time.Hour), Status: "Actual", MsgType: msgType,
		Event: "Vento & mare", Headline: p.Title, Urgency: "Expected", Severity: "Moderate", Certainty: "Likely",
		Areas: []string{"Savona", "Costa <ovest>"}, Code: code, Bulletin: bulletin,
		Issuer: "Sala operativa", SHA256: hex.EncodeToString(sum[:]),
	}
	return p
}

// translated returns p's text in another language, as another part.
func translated(p adapters.Post, part int, lang, title, text string) adapters.Post {
	p.Key = adapters.Key(fmt.Sprintf("%s%d", strings.TrimSuffix(string(p.Key), "1"), part))
	p.Lang, p.Title, p.Text = lang, title, text
	return p
}

// document returns a CAP document with an alert colour.
func document(colour, more string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><scope>Public</scope><info>` + more +
		`<effective>2026-11-22T15:30:00+01:00</effective><onset>2026-11-22T16:00:00+01:00</onset>
<parameter><valueName>livello_allerta</valueName><value>` + colour + `</value></parameter>
<area><areaDesc>Savona</areaDesc><geocode><valueName>ISTAT</valueName><value>009056</value></geocode></area></info>
<info><parameter><valueName>livello_allerta</valueName><value>verde</value></parameter></info></alert>`)
}

func picture() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 120, 63))
	for x := range 120 {
		for y := range 63 {
			m.Set(x, y, color.RGBA{R: 184, G: uint8(y), B: uint8(x), A: 255})
		}
	}
	return m
}

// card returns a small JPEG image.
func card(t testing.TB) *adapters.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(), nil); err != nil {
		t.Fatal(err)
	}
	return described("image/jpeg", ".jpg", b.Bytes())
}

// drawing returns a small PNG image.
func drawing(t testing.TB) *adapters.Image {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture()); err != nil {
		t.Fatal(err)
	}
	return described("image/png", ".png", b.Bytes())
}

func described(kind, ending string, data []byte) *adapters.Image {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	return &adapters.Image{
		MediaType: kind, Data: data, SHA256: digest, URL: public + "/media/" + digest + ending,
		Alt: "Allerta rossa: \"alluvione\" <Savona> & dintorni",
	}
}

// missing skips the test because a tool is not here, or fails it where
// everything is required.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
		t.Fatalf("%s is missing, and TOCSIN_REQUIRE_ALL=1 asks for every test", what)
	}
	t.Skipf("%s is missing", what)
}
