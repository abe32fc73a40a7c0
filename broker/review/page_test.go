package review_test

import (
	"context"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/review"
)

// illustrated returns a bulletin for every kind of channel.
func illustrated(tb testing.TB) (*bulletin.Bulletin, map[string]compose.Channel) {
	tb.Helper()
	o := options(tb, alert.RealmLive)
	o.Channels = append(o.Channels,
		compose.Channel{Name: "x", Kind: "x", Limits: adapters.Limits{MaxLen: 400, LinksInText: true}},
		compose.Channel{Name: "instagram", Kind: "instagram", Limits: adapters.Limits{MaxLen: 2200, ImageRequired: true, ImageMaxBytes: 8_000_000, MaxHashtags: 5}})
	limits := map[string]compose.Channel{}
	for i := range o.Channels {
		c := &o.Channels[i]
		switch c.Kind {
		case "telegram", "facebook":
			c.Limits.Marks, c.Limits.MaxMark = adapters.MarkEdit, c.Limits.MaxLen
		case "instagram":
			c.Limits.Marks, c.Limits.MaxMark = adapters.MarkComment, 300
		}
		limits[c.Kind] = *c
	}
	return first(tb, flood(tb, func(m *alert.Message) {
		english := m.Infos[0]
		english.Language, english.Event, english.Headline = "en-GB", "Flood", "Flood of the Letimbro in Savona: go upstairs & stay <there>"
		m.Infos = append(m.Infos, english)
	}), o), limits
}

// TestPageInABrowser lays the page out as a reader's browser does, without a network and
// without scripts, on a phone and on a desk, in light and in dark.
func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatal("chromium is missing, and TOCSIN_REQUIRE_ALL=1 asks for every test")
		}
		t.Skip("chromium is missing")
	}
	b, limits := illustrated(t)
	correction := b.Prepared(bulletin.Correction)
	page, err := review.New(correction, review.Options{Now: sunday(t), Site: siteURL, Previous: b}).Page(review.Looks{
		Limits: limits, LeftOut: func(*bulletin.Bulletin, string) string { return "tutto il messaggio" },
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := browser(t, program)
	var mu sync.Mutex
	var complaints []string
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			complaints = append(complaints, e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, "file://"+file) && !strings.HasPrefix(e.Request.URL, "data:") {
				complaints = append(complaints, "asked for "+e.Request.URL)
			}
		}
	})
	if err := chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(true), network.Enable(), log.Enable()); err != nil {
		t.Fatal(err)
	}
	laidOut(ctx, t, "file://"+file, 360, "dark", b)
	laidOut(ctx, t, "file://"+file, 1280, "light", b)
	mu.Lock()
	defer mu.Unlock()
	if len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

// TestPageSaysWhatBecomesOfPublicPosts holds that every mark of a bulletin and of what is
// prepared in it stands on the page, in its stage, and with it the text that follows.
func TestPageSaysWhatBecomesOfPublicPosts(t *testing.T) {
	t.Parallel()
	b, limits := illustrated(t)
	written, err := review.New(b, review.Options{Lang: "en", Now: sunday(t), Site: siteURL}).Page(review.Looks{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	page := html.UnescapeString(regexp.MustCompile(`</?span[^>]*>`).ReplaceAllString(string(written), ""))
	marks := 0
	for _, q := range []*bulletin.Bulletin{b, b.Prepared(bulletin.Correction), b.Prepared(bulletin.Revocation)} {
		for _, m := range q.Marks {
			marks++
			said := m.Text
			for _, post := range append(slices.Clone(b.Posts), q.Posts...) {
				if post.Channel == m.Channel && strings.HasSuffix(m.Text, post.Text) {
					said = strings.TrimRight(strings.TrimSuffix(m.Text, post.Text), "\n")
				}
			}
			if !strings.Contains(page, ">"+said+"</div>") {
				t.Errorf("%s of %s: the page lacks %q", m.Channel, q.Mark(), said)
			}
		}
	}
	// Telegram, Facebook: the expiry of this bulletin and of the correction, and both of what is
	// prepared say of this one. Instagram: the latter.
	if got := strings.Count(page, `<p class="when">`); got != marks || marks != 10 {
		t.Errorf("the page tells of %d changes of posts, the bulletins hold %d, want 10", got, marks)
	}
	if got := strings.Count(page, "then the text that the post has now, word for word"); got != 8 {
		t.Errorf("%d changed texts keep what the post said, want 8", got)
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

// looksOfPage returns what is to be known of the page as it was laid out. Pale lists the
// texts whose contrast with what is behind them is under 4.5 (WCAG 2.1).
const looksOfPage = `(() => {
	const all = s => [...document.querySelectorAll(s)];
	const parse = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
	const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c } return [255, 255, 255] };
	const texts = all('body *').filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
	const pale = texts.filter(e => { const a = light(parse(getComputedStyle(e).color).slice(0, 3)), b = light(behind(e).slice(0, 3)); return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5 });
	const levels = all('h1,h2,h3,h4').map(h => +h.tagName[1]);
	const ids = all('[id]').map(e => e.id);
	return {
		Scroll: document.documentElement.scrollWidth, H1: all('h1').length, Lang: document.documentElement.lang,
		Skipped: levels.filter((l, i) => i > 0 && l > levels[i - 1] + 1).length, Repeated: ids.length - new Set(ids).size,
		Unnamed: all('img:not([alt]),img[alt=""],nav:not([aria-label]),article:not([aria-label]),section:not([aria-labelledby]),.post .t:not([lang])').length,
		Broken: all('img').filter(i => !i.complete || !i.naturalWidth).length, Images: all('img').length,
		Lost: all('a[href^="#"]').filter(a => !document.getElementById(a.hash.slice(1))).length, Small: all('nav a').filter(a => a.getBoundingClientRect().height < 24).length,
		Pale: pale.map(e => e.className + ' ' + e.textContent.slice(0, 30)), Background: getComputedStyle(document.body).backgroundColor,
		Texts: all('.post .t').map(e => e.textContent), Wraps: all('.post .t').filter(e => !/^(pre-wrap|preserve wrap)/.test(getComputedStyle(e).whiteSpace)).length,
	};
})()`

// laidOut checks the page at one width in one scheme: b and what is prepared in it stand
// there, beside each other, to the byte.
func laidOut(ctx context.Context, t *testing.T, address string, width int64, scheme string, b *bulletin.Bulletin) {
	t.Helper()
	var seen struct {
		Scroll, H1, Skipped, Repeated, Unnamed, Broken, Images, Lost, Small, Wraps int
		Lang, Background                                                           string
		Pale, Texts                                                                []string
	}
	var focused string
	err := chromedp.Run(ctx, chromedp.EmulateViewport(width, 900),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Navigate(address), chromedp.Evaluate(looksOfPage, &seen), chromedp.KeyEvent("\t"),
		chromedp.Evaluate(`document.activeElement.className + ' ' + (document.activeElement.getBoundingClientRect().left >= 0)`, &focused))
	if err != nil {
		t.Fatal(err)
	}
	if seen.Scroll > int(width) {
		t.Errorf("at %d the page is %d pixels wide: it scrolls sideways", width, seen.Scroll)
	}
	if seen.H1 != 1 || seen.Skipped+seen.Repeated+seen.Unnamed+seen.Broken+seen.Lost+seen.Small+seen.Wraps != 0 || seen.Lang != "it" || seen.Images < 9 {
		text, _ := json.Marshal(seen)
		t.Errorf("at %d the page has something unnamed, twice, lost, broken, too small or without its line ends: %s", width, text)
	}
	if len(seen.Pale) > 0 {
		t.Errorf("in %s the contrast is under 4.5 of %q", scheme, seen.Pale)
	}
	if want := map[string]string{"light": "rgb(242, 244, 247)", "dark": "rgb(18, 24, 31)"}[scheme]; seen.Background != want {
		t.Errorf("in %s the background is %s: the style was not allowed", scheme, seen.Background)
	}
	if focused != "skip true" {
		t.Errorf("the first key leads to %q, want the link to the content, visible", focused)
	}
	correction := b.Prepared(bulletin.Correction)
	var want []string
	for _, c := range correction.Channels() {
		for _, stage := range []*bulletin.Bulletin{b, correction, correction.Prepared(bulletin.Revocation)} {
			for _, post := range stage.Posts {
				if post.Channel == c.Name {
					want = append(want, post.Text)
				}
			}
		}
	}
	if got := strings.Join(seen.Texts, "\x00"); got != strings.Join(want, "\x00") {
		t.Errorf("the page shows %d texts, which are not the %d of the bulletins to the byte", len(seen.Texts), len(want))
	}
}

// TestPageSaysWhatTheReviewSays looks for the counts, the differences, the warnings and
// the words, in both languages.
func TestPageSaysWhatTheReviewSays(t *testing.T) {
	t.Parallel()
	b, limits := illustrated(t)
	for lang, want := range map[string][]string{
		"it": {"Allerta: bollettino 1", "Già pronta: rettifica", "Già pronta: revoca", "unità di X: ", " su 400", "caratteri (punti di codice)", "È il primo bollettino", "Com&#39;è firmato", "Orizzontale", "Italiano, English", "… altro", "Pericolo estremo"},
		"en": {"Alert: bulletin 1", "Prepared: correction", "Prepared: revocation", "units of X: ", " of 400", "It is the first bulletin", "As it is signed", "Landscape", "… more"},
	} {
		r := review.New(b, review.Options{Lang: lang, Now: b.Expires.Add(time.Hour), Site: siteURL})
		page, err := r.Page(review.Looks{Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range append(want, b.SHA256(), r.Words[0], b.Mark(), r.Warnings[0].What) {
			if !strings.Contains(string(page), text) {
				t.Errorf("%s: the page does not say %q", lang, text)
			}
		}
	}
	correction := b.Prepared(bulletin.Correction)
	page, err := review.New(correction, review.Options{Now: sunday(t), Previous: b, Channel: "x"}).Page(review.Looks{})
	if err != nil {
		t.Fatal(err)
	}
	for text, there := range map[string]bool{"Prima: bollettino 1": true, "Aggiornamento: bollettino 2": true, "<del>": true, "<ins>": true, "-] [-": false, `<p class="line old" lang="en-GB"`: false, `<p class="line old" lang="it-IT"`: true, "[--]": false, `id="c-x"`: true, `id="c-telegram"`: false} {
		if strings.Contains(string(page), text) != there {
			t.Errorf("the page of one channel of the correction: %q is there: %v, want %v", text, !there, there)
		}
	}
}

// TestPageComparesWithTheScenario holds that page and screen say with which standing text a
// bulletin was compared, and what differs.
func TestPageComparesWithTheScenario(t *testing.T) {
	t.Parallel()
	o := options(t, alert.RealmLive)
	o.Form = &bulletin.Form{Scenario: "piena", Version: 3, SHA256: strings.Repeat("a", 64), Values: []bulletin.FormValue{{Field: "area", Text: "Savona"}}}
	named := first(t, flood(t, nil), o)
	same, other := flood(t, nil), flood(t, func(m *alert.Message) { m.Infos[0].Description = "Il Letimbro cresce." })
	for name, c := range map[string]struct {
		b        *bulletin.Bulletin
		standing *review.Standing
		says     []string
		changes  bool
	}{
		"demo":     {demo(t), nil, []string{"Con lo scenario savona-esercitazione (il più simile"}, false},
		"unlike":   {first(t, flood(t, nil), options(t, alert.RealmLive)), nil, []string{"somigliano a nessuno"}, false},
		"same":     {named, &review.Standing{Message: same}, []string{"Con lo scenario piena, versione 3, da cui viene, e gli stessi valori:", "nessuna"}, false},
		"other":    {named, &review.Standing{Message: other}, []string{"Con lo scenario piena, versione 3", "è a 2,10 metri"}, true},
		"newer":    {named, &review.Standing{Message: same, Version: 4}, []string{"è cambiato da allora: versione 3, adesso 4:"}, false},
		"absent":   {named, &review.Standing{Absent: "Il file non c’è."}, []string{"versione 3, da cui viene: non confrontato. Il file non c’è."}, false},
		"prepared": {named.Prepared(bulletin.Correction), nil, nil, false},
		"unlooked": {named, nil, []string{"da cui viene: non confrontato."}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := review.New(c.b, review.Options{Now: sunday(t), Site: siteURL, Standing: c.standing})
			raw, err := r.Page(review.Looks{})
			if err != nil {
				t.Fatal(err)
			}
			_, section, _ := strings.Cut(string(raw), `<section id="changes"`)
			screen := strings.Join(strings.Fields(rendered(t, r)), " ")
			if compared := strings.Contains(screen, "Con lo scenario"); compared != (c.says != nil) {
				t.Errorf("it is compared with a scenario: %v", compared)
			}
			for _, text := range c.says {
				if !strings.Contains(section, text) || !strings.Contains(screen, text) {
					t.Errorf("page or screen do not say %q:\n%s", text, section)
				}
			}
			if strings.Contains(section, "<ins>") != c.changes {
				t.Errorf("the page shows changes: %v, want %v", !c.changes, c.changes)
			}
		})
	}
}
