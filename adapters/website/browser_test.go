package website_test

import (
	"context"
	"fmt"
	"math"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"tocsin/adapters/website"
)

// TestBrowser looks at the site as a reader's browser lays it out, without
// JavaScript, from the narrowest phone to a desk.
func TestBrowser(t *testing.T) {
	t.Parallel()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		missing(t, "chromium")
	}
	address := busySite(t)
	ctx := browser(t, program)
	var mu sync.Mutex
	var complaints, requests []string
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError && !strings.Contains(e.Entry.Text, "404") {
				complaints = append(complaints, e.Entry.Text)
			}
		case *network.EventRequestWillBeSent:
			requests = append(requests, e.Request.URL)
		}
	})
	if err := chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(true), network.Enable(), log.Enable()); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{320, 1280} {
		for _, path := range []string{"/", "/?lang=de", "/a/SV-RED", "/a/SV-RED?lang=fr", "/a/SV-DRILL", "/verifica?codice=SV-RED", "/verifica?codice=x&lang=de", "/verifica?codice=https%3A%2F%2Fexample.com%2Fa%2FSV-RED&lang=fr", "/nothing"} {
			looks(ctx, t, address, path, width)
		}
	}
	bands(ctx, t, address)
	reads(ctx, t, address)
	keyboard(ctx, t, address)
	mu.Lock()
	defer mu.Unlock()
	for _, c := range complaints {
		t.Errorf("the browser complains: %s", c)
	}
	for _, r := range requests {
		if !strings.HasPrefix(r, address+"/") && !strings.HasPrefix(r, "about:") {
			t.Errorf("the browser asked for %s, which is not of the site", r)
		}
	}
}

// browser starts a browser that ends with the test.
func browser(t *testing.T, program string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits for the browser; one that is gone has nothing to end
	return ctx
}

// busySite serves a site with an alert of each level, an exercise, and one alert
// in four languages with an image and a long word.
func busySite(t *testing.T) string {
	t.Helper()
	st := newStage(t, func(c *website.SiteConfig) {
		c.PublicURL = "http://127.0.0.1"
		c.Channels = []website.OfficialChannel{{Name: "@ProvinciaSavona", Kind: "Telegram", URL: "https://t.me/ProvinciaSavona"}}
	})
	for _, colour := range []string{"rossa", "arancione", "gialla", "verde", ""} {
		p := message("SV-"+strings.ToUpper(colour+"X"), 1, "Alert")
		p.Notice.CAP, p.Notice.Severity = document(colour, ""), "Unknown"
		st.mustPut(p)
	}
	drill := message("SV-DRILL", 1, "Alert")
	drill.Notice.Status, drill.Title = "Exercise", "ESERCITAZIONE: piena"
	p := message("SV-RED", 1, "Alert")
	p.Image = card(t)
	p.Text += "\nhttps://allerte.provincia.example.it/" + strings.Repeat("indirizzo-molto-lungo", 8)
	p.Notice.Areas = []string{strings.Repeat("Albissola", 12)}
	st.mustPut(drill, p, translated(p, 2, "en", "Red", "Go upstairs."), translated(p, 3, "ar", "أحمر", "اصعدوا"),
		message("SV-RED", 2, "Update"), message("SV-RED", 3, "Cancel"))
	server := httptest.NewServer(st.site.Public())
	t.Cleanup(server.Close)
	return server.URL
}

// looks checks one page at one width.
func looks(ctx context.Context, t *testing.T, address, path string, width int64) {
	t.Helper()
	var seen struct {
		Scroll, Inner            int
		H1, Unnamed, Small       int
		Lang, Wrap, Background   string
		Skipped, Repeated, Posts int
	}
	err := chromedp.Run(ctx,
		chromedp.EmulateViewport(width, 800),
		chromedp.Navigate(address+path),
		chromedp.Evaluate(`(() => {
			const all = s => [...document.querySelectorAll(s)];
			const levels = all('h1,h2,h3,h4').map(h => +h.tagName[1]);
			const ids = all('[id]').map(e => e.id);
			const post = document.querySelector('.post');
			return {
				Scroll: document.documentElement.scrollWidth, Inner: window.innerWidth,
				H1: all('h1').length,
				Lang: document.documentElement.lang,
				Unnamed: all('img:not([alt]),input:not([type=hidden]):not([id]),nav:not([aria-label]),section.text:not([lang])').length,
				Small: all('button,.more a').filter(e => e.getBoundingClientRect().height < 24).length,
				Skipped: levels.filter((l, i) => i > 0 && l > levels[i-1] + 1).length,
				Repeated: ids.length - new Set(ids).size,
				Posts: all('.post').length,
				Wrap: post ? getComputedStyle(post).whiteSpace : 'pre-wrap',
				Background: getComputedStyle(document.querySelector('header')).backgroundColor,
			};
		})()`, &seen))
	if err != nil {
		t.Fatalf("%s at %d: %v", path, width, err)
	}
	where := fmt.Sprintf("%s at %d pixels", path, width)
	if seen.Scroll > int(width) {
		t.Errorf("%s is %d pixels wide: it scrolls sideways", where, seen.Scroll)
	}
	if seen.H1 != 1 || seen.Skipped != 0 {
		t.Errorf("%s has %d first headings and skips %d levels, want 1 and 0", where, seen.H1, seen.Skipped)
	}
	if seen.Unnamed != 0 || seen.Repeated != 0 || seen.Small != 0 {
		t.Errorf("%s has %d elements without name or language, %d identifiers twice, %d targets that are too small", where, seen.Unnamed, seen.Repeated, seen.Small)
	}
	if want := "it"; !strings.Contains(path, "lang=") && seen.Lang != want {
		t.Errorf("%s is in %q, want %q", where, seen.Lang, want)
	}
	if strings.HasPrefix(path, "/a/SV-RED") && seen.Posts != 5 {
		t.Errorf("%s shows %d texts, want 5", where, seen.Posts)
	}
	if !strings.HasPrefix(seen.Wrap, "pre-wrap") && seen.Wrap != "preserve wrap" {
		t.Errorf("%s shows line breaks as %q, want pre-wrap", where, seen.Wrap)
	}
	if seen.Background != "rgb(23, 50, 77)" {
		t.Errorf("%s has a header of %s: its style was not allowed", where, seen.Background)
	}
}

// bands computes the contrast of every level's band as the browser paints it.
func bands(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	var painted []struct{ Class, Text, Behind, Word string }
	err := chromedp.Run(ctx, chromedp.Navigate(address+"/"), chromedp.Evaluate(`[...document.querySelectorAll('.band')].map(b => ({
		Class: b.className, Word: b.innerText.trim(), Text: getComputedStyle(b.querySelector('strong')).color, Behind: getComputedStyle(b).backgroundColor}))`, &painted))
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]bool{}
	for _, p := range painted {
		classes[p.Class] = true
		if got := ratio(t, p.Text, p.Behind); got < 4.5 || p.Word == "" {
			t.Errorf("%s (%q): %s on %s has a contrast of %.2f, want a word and at least 4.5", p.Class, p.Word, p.Text, p.Behind, got)
		}
	}
	for _, class := range []string{"band red", "band orange", "band yellow", "band green", "band grey"} {
		if !classes[class] {
			t.Errorf("no %s was seen", class)
		}
	}
}

// ratio is the contrast ratio of WCAG 2.1.
func ratio(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		var c [3]float64
		if _, err := fmt.Sscanf(colour, "rgb(%f, %f, %f)", &c[0], &c[1], &c[2]); err != nil {
			t.Fatalf("colour %q: %v", colour, err)
		}
		for i := range c {
			if c[i] /= 255; c[i] <= 0.04045 {
				c[i] /= 12.92
			} else {
				c[i] = math.Pow((c[i]+0.055)/1.055, 2.4)
			}
		}
		return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// reads checks what a reader is told beside the texts: the tab's title, the number of
// the bulletin, the official channels.
func reads(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	for path, want := range map[string][3]string{
		"/a/SV-DRILL":         {"ESERCITAZIONE: piena – Provincia di Savona", "n.\u00a01 –", "Telegram: @ProvinciaSavona"},
		"/a/SV-DRILL?lang=de": {"ÜBUNG – ESERCITAZIONE: piena – Provincia di Savona", "Nr.\u00a01 –", "Telegram: @ProvinciaSavona"},
		"/a/SV-DRILL?lang=fr": {"EXERCICE – ESERCITAZIONE: piena – Provincia di Savona", "n°\u00a01 –", "Telegram\u00a0: @ProvinciaSavona"},
	} {
		var title, record, channel string
		err := chromedp.Run(ctx, chromedp.Navigate(address+path), chromedp.Title(&title),
			chromedp.Text(".record dd", &record, chromedp.ByQuery), chromedp.Text("footer li", &channel, chromedp.ByQuery))
		if err != nil {
			t.Fatal(err)
		}
		if title != want[0] || !strings.HasPrefix(record, want[1]) || channel != want[2] {
			t.Errorf("%s: title %q, bulletin %q, channel %q; want %q", path, title, record, channel, want)
		}
	}
}

// keyboard checks that the first key leads past the header, and that the form can
// be sent with keys alone.
func keyboard(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	var focused, url string
	err := chromedp.Run(ctx,
		chromedp.Navigate(address+"/"),
		chromedp.KeyEvent("\t"),
		chromedp.Evaluate(`document.activeElement.className + ' ' + (document.activeElement.getBoundingClientRect().left >= 0)`, &focused),
		chromedp.Focus("#codice", chromedp.ByQuery),
		chromedp.KeyEvent("sv-red-1\r"),
		chromedp.WaitVisible(`input[value="sv-red-1"]`, chromedp.ByQuery),
		chromedp.Location(&url))
	if err != nil {
		t.Fatal(err)
	}
	if focused != "skip true" {
		t.Errorf("the first key leads to %q, want the link to the content, visible", focused)
	}
	if !strings.HasSuffix(url, "/verifica?codice=sv-red-1") {
		t.Errorf("the form leads to %s, want the answer", url)
	}
	for _, pasted := range []string{"Codice allerta / Alert code: SV-RED-3", "http://127.0.0.1/a/SV-RED?lang=de"} {
		var heading, warning string
		err := chromedp.Run(ctx,
			chromedp.Navigate(address+"/verifica"),
			chromedp.Focus("#codice", chromedp.ByQuery),
			input.InsertText(pasted), chromedp.KeyEvent("\r"),
			chromedp.WaitVisible(".cards", chromedp.ByQuery),
			chromedp.Text("h1", &heading, chromedp.ByQuery), chromedp.Text("main", &warning, chromedp.ByQuery))
		if err != nil || heading != "Il codice è autentico" || strings.Contains(warning, "non è di questo sito") {
			t.Errorf("pasted %q: the answer is %q (%v)", pasted, heading, err)
		}
	}
}
