package website_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/website"
	"tocsin/adapters/website/websitetest"
)

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := website.Config{Name: "site", IngestURL: "https://in.example", PublicURL: "https://out.example/", Token: token}
	if _, err := website.New(good); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(c *website.Config){
		"name":   func(c *website.Config) { c.Name = "" },
		"token":  func(c *website.Config) { c.Token = "" },
		"ingest": func(c *website.Config) { c.IngestURL = "in.example" },
		"public": func(c *website.Config) { c.PublicURL = "https://out.example/?x" },
	} {
		c := good
		change(&c)
		if _, err := website.New(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
			t.Errorf("got %v, want an error about the %s", err, want)
		}
	}
}

// answering returns a channel to a server that answers everything with f.
func answering(t *testing.T, f http.HandlerFunc) *website.Channel {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	ch, err := website.New(website.Config{
		Name: "site", IngestURL: server.URL, PublicURL: server.URL, Token: token, AllowPrivate: true, Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// TestAnswers is the table of what each answer to a write means.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const good = `{"key":"alert-SV-7F3K2/1/1","url":"https://a.example/a/SV-7F3K2","at":"2026-11-22T12:00:00Z"}`
	for _, c := range []struct {
		status int
		body   string
		want   adapters.Kind
	}{
		{201, strings.Replace(good, "SV-7F3K2/1", "SV-7F3K2/2", 1), adapters.Unknown},
		{200, strings.Replace(good, "https://", "javascript://", 1), adapters.Unknown},
		{200, `{"key":"alert-SV-7F3K2/1/1"}`, adapters.Unknown},
		{202, good, adapters.Unknown}, {204, "", adapters.Unknown},
		{301, "", adapters.NotSent}, {308, "", adapters.NotSent},
		{400, `{"error":"why"}`, adapters.Permanent}, {409, `{"error":"why"}`, adapters.Permanent},
		{413, "", adapters.Permanent}, {415, "", adapters.Permanent}, {422, `{"error":"why"}`, adapters.Permanent},
		{401, "", adapters.Auth}, {403, "", adapters.Auth}, {404, "", adapters.Auth}, {405, "", adapters.Auth},
		{402, "", adapters.Quota}, {507, "", adapters.Quota},
		{408, "", adapters.Unknown}, {425, "", adapters.Unknown}, {429, "", adapters.NotSent},
		{500, "", adapters.Unknown}, {502, "<html>", adapters.Unknown}, {503, "", adapters.Unknown}, {504, "", adapters.Unknown},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			t.Parallel()
			ch := answering(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Retry-After", "37")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := ch.Publish(t.Context(), message("SV-7F3K2", 1, "Alert"), adapters.Attempt{N: 1})
			f, ok := errors.AsType[*adapters.Failure](err)
			if !ok || f.Kind != c.want {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if c.status == 429 && f.After != 37*time.Second {
				t.Errorf("the wait is %v, want 37s", f.After)
			}
			if strings.Contains(c.body, "why") {
				holds(t, "the error", err.Error(), "why", fmt.Sprint(c.status))
			}
		})
	}
}

// TestPublishRefusesWithoutACall holds that what the site would refuse is not sent.
func TestPublishRefusesWithoutACall(t *testing.T) {
	t.Parallel()
	ch := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("a call was made") })
	for name, change := range map[string]func(p *adapters.Post){
		"a_carriage_return": func(p *adapters.Post) { p.Text += "\r" },
		"no_code":           func(p *adapters.Post) { p.Notice.Code = "" },
		"no_expiry":         func(p *adapters.Post) { p.Notice.Expires = time.Time{} },
	} {
		p := message("SV-7F3K2", 1, "Alert")
		change(&p)
		if _, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1}); adapters.KindOf(err) != adapters.Permanent {
			t.Errorf("%s: got %v, want Permanent", name, err)
		}
	}
}

// A connected is a channel with its platform.
type connected struct {
	*website.Channel
	platform *websitetest.Platform
	server   *adapterstest.Server
	clock    *adapterstest.Clock
}

func connect(t *testing.T) connected {
	t.Helper()
	r := rig(t, adapterstest.Sample())
	ch, ok := r.Channel.(*website.Channel)
	if !ok {
		t.Fatal("the rig's channel is not a website's")
	}
	platform, ok := r.Platform.(*websitetest.Platform)
	if !ok {
		t.Fatal("the rig's platform is not a website's")
	}
	return connected{Channel: ch, platform: platform, server: r.Server, clock: r.Clock}
}

func TestReadBackImage(t *testing.T) {
	t.Parallel()
	const noImage, altered = "not published", "altered"
	for name, c := range map[string]struct {
		between func(w http.ResponseWriter, r *http.Request, site http.Handler)
		want    string
	}{
		"all_well":            {nil, ""},
		"another_description": {edit(func(page string) string { return strings.Replace(page, "dintorni", "altrove", 1) }), altered},
		"no_image_on_the_page": {edit(func(page string) string {
			before, after, _ := strings.Cut(page, "<figure>")
			_, after, _ = strings.Cut(after, "</figure>")
			return before + after
		}), noImage},
		"image_gone":  {onMedia(func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }), noImage},
		"other_bytes": {onMedia(func(w http.ResponseWriter) { _, _ = io.WriteString(w, "another image") }), noImage},
		"front_end":   {onMedia(func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }), "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ch := connect(t)
			p := adapterstest.Sample()
			p.Image = card(t)
			receipt, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1})
			if err != nil {
				t.Fatal(err)
			}
			ch.server.Between(c.between)
			err = ch.ReadBack(t.Context(), p, receipt)
			got := ""
			switch _, isAltered := errors.AsType[*adapters.AlteredError](err); {
			case isAltered:
				got = altered
			case errors.Is(err, adapters.ErrNotPublished):
				got = noImage
			case err != nil:
				got = adapters.KindOf(err).String()
			}
			if got != c.want {
				t.Errorf("got %v (%q), want %q", err, got, c.want)
			}
		})
	}
}

// edit serves the site's pages changed by f.
func edit(f func(page string) string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, site http.Handler) {
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, r)
		w.WriteHeader(answer.Code)
		body := answer.Body.String()
		if !strings.HasPrefix(r.URL.Path, "/media/") {
			body = f(body)
		}
		_, _ = io.WriteString(w, body)
	}
}

// onMedia lets f answer for the site's images.
func onMedia(f func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, site http.Handler) {
		if strings.HasPrefix(r.URL.Path, "/media/") {
			f(w)
			return
		}
		site.ServeHTTP(w, r)
	}
}

// TestReadBackSeesWhatWasAdded lets somebody put markup into the signed text.
func TestReadBackSeesWhatWasAdded(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(page string) string{
		"a_link":      func(p string) string { return strings.Replace(p, "piani ALTI", `<a href="/x">piani ALTI</a>`, 1) },
		"an_element":  func(p string) string { return strings.Replace(p, "piani ALTI", `<b>piani ALTI</b>`, 1) },
		"a_comment":   func(p string) string { return strings.Replace(p, "piani ALTI", `piani <!-- --> ALTI`, 1) },
		"a_last_line": func(p string) string { return strings.Replace(p, "/SV-7F3K2</div>", "/SV-7F3K2\n</div>", 1) },
		"a_space":     func(p string) string { return strings.Replace(p, "piani ALTI", "piani  ALTI", 1) },
		"another_key": func(p string) string {
			return strings.Replace(p, "<div class=\"post\"", `<div data-key="x">x</div><div class="post"`, 1)
		},
		"cut_in_the_text": func(p string) string { before, _, _ := strings.Cut(p, "ALTI"); return before },
		"cut_after_it":    func(p string) string { before, _, _ := strings.Cut(p, "<footer>"); return before },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ch := connect(t)
			receipt, err := ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			if err != nil {
				t.Fatal(err)
			}
			ch.server.Between(edit(func(page string) string {
				edited := f(page)
				if edited == page {
					t.Error("the page holds nothing to edit")
				}
				return edited
			}))
			err = ch.ReadBack(t.Context(), adapterstest.Sample(), receipt)
			_, isAltered := errors.AsType[*adapters.AlteredError](err)
			switch {
			case name == "another_key":
				if err != nil {
					t.Errorf("got %v, want the post among others", err)
				}
			case strings.HasPrefix(name, "cut"):
				if err := adapterstest.Failed(err, adapters.Unknown); err != nil {
					t.Errorf("half a page proves nothing: %v", err)
				}
			case !isAltered:
				t.Errorf("got %v, want an AlteredError", err)
			}
		})
	}
}

// TestReadBackGoesPastCaches holds that no two looks have the same address, and
// that the token stays on the writers' side.
func TestReadBackGoesPastCaches(t *testing.T) {
	t.Parallel()
	ch := connect(t)
	receipt, err := ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	ch.server.Between(func(w http.ResponseWriter, r *http.Request, site http.Handler) {
		if seen[r.URL.String()] || r.URL.RawQuery == "" {
			t.Errorf("the address %s may come out of a cache", r.URL)
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("the token was sent to the readers' side")
		}
		seen[r.URL.String()] = true
		site.ServeHTTP(w, r)
	})
	for range 3 {
		if err := ch.ReadBack(t.Context(), adapterstest.Sample(), receipt); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d looks were made, want 3", len(seen))
	}
	if err := ch.ReadBack(t.Context(), adapterstest.Sample(), adapters.Receipt{ID: receipt.ID, URL: "https://elsewhere.example/"}); adapters.KindOf(err) != adapters.Permanent {
		t.Errorf("a receipt of another place: got %v, want Permanent", err)
	}
}

// TestRestore fills an empty site again.
func TestRestore(t *testing.T) {
	t.Parallel()
	ch := connect(t)
	p := adapterstest.Sample()
	before := adapters.Receipt{ID: string(p.Key), URL: "https://allerte.example.it/a/SV-7F3K2", At: time.Now().Add(-time.Hour).Round(0)}
	for range 2 {
		if err := ch.Restore(t.Context(), p, before); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ch.Find(t.Context(), p, adapters.Attempt{})
	if err != nil || !got.At.Equal(before.At) || got.ID != before.ID || got.URL != before.URL {
		t.Errorf("found %+v, %v, want the receipt %+v", got, err, before)
	}
	if err := ch.ReadBack(t.Context(), p, before); err != nil {
		t.Error(err)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	ch := connect(t)
	server, soon := strings.TrimSuffix(ch.server.URL, "/"), time.Now().Add(time.Hour)
	for _, m := range []*adapters.Image{card(t), drawing(t)} {
		m.URL = strings.Replace(m.URL, public, server, 1)
		for range 2 {
			if err := ch.Host(t.Context(), *m, soon); err != nil {
				t.Fatal(err)
			}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.Body.Close() != nil || string(body) != string(m.Data) {
			t.Errorf("the image at %s is not the one that was hosted (%v)", m.URL, err)
		}
	}
	m := *card(t) // announced at another site's address
	if err := ch.Host(t.Context(), m, soon); adapters.KindOf(err) != adapters.Permanent || !errors.Is(err, adapters.ErrOtherHost) {
		t.Errorf("an image of another site: got %v, want Permanent, another host's", err)
	}
	m.URL, m.SHA256 = "", strings.Repeat("0", 64)
	if err := ch.Host(t.Context(), m, soon); adapters.KindOf(err) != adapters.Permanent {
		t.Errorf("a false digest: got %v, want Permanent", err)
	}
	ch.server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, "{}") })
	err := ch.Host(t.Context(), adapters.Image{MediaType: m.MediaType, Data: m.Data, SHA256: card(t).SHA256}, soon)
	if err := adapterstest.Failed(err, adapters.Unknown); err != nil {
		t.Errorf("an answer without the digest: %v", err)
	}
}

// TestFindMeetsThrottling holds that a wait that the public address asks for is
// passed on.
func TestFindMeetsThrottling(t *testing.T) {
	t.Parallel()
	ch := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := ch.Find(t.Context(), adapterstest.Sample(), adapters.Attempt{})
	if f, ok := errors.AsType[*adapters.Failure](err); !ok || f.Kind != adapters.NotSent || f.After != 9*time.Second {
		t.Errorf("got %v, want NotSent with a wait of 9s", err)
	}
}
