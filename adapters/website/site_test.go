package website_test

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/website"
)

func TestNewSiteNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(c *website.SiteConfig)
		want   string
	}{
		"no_address":      {func(c *website.SiteConfig) { c.PublicURL = "" }, "public address"},
		"a_path":          {func(c *website.SiteConfig) { c.PublicURL = public + "/allerte" }, "nothing else"},
		"another_scheme":  {func(c *website.SiteConfig) { c.PublicURL = "ftp://example.it" }, "https://"},
		"a_user":          {func(c *website.SiteConfig) { c.PublicURL = "https://u:p@example.it" }, "nothing else"},
		"a_short_token":   {func(c *website.SiteConfig) { c.Token = "short-SECRET" }, "16"},
		"no_issuer":       {func(c *website.SiteConfig) { c.Issuer = " " }, "issuer"},
		"a_language":      {func(c *website.SiteConfig) { c.Language = "xx" }, `"xx"`},
		"a_zone":          {func(c *website.SiteConfig) { c.Zone = "Europe/Savona" }, "Europe/Savona"},
		"a_script_link":   {func(c *website.SiteConfig) { c.PolicyURL = "javascript:alert(1)" }, "policy"},
		"a_channel_link":  {func(c *website.SiteConfig) { c.Channels[1].URL = "t.me/x" }, "official channel 2"},
		"an_unnamed_kind": {func(c *website.SiteConfig) { c.Channels[0].Kind = "" }, "official channel 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := website.SiteConfig{
				PublicURL: public, Token: token, Issuer: "Provincia",
				Channels: []website.OfficialChannel{{Name: "a", Kind: "X", URL: "https://x.example"}, {Name: "b", Kind: "X", URL: "https://x.example"}},
			}
			c.change(&config)
			_, err := website.NewSite(config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error about %q", err, c.want)
			}
			lacks(t, "the error", err.Error(), "SECRET")
		})
	}
}

func TestNoAlert(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	page := st.page("/")
	holds(t, "the home page", page, "Nessuna allerta in corso", "Verifica un messaggio", "@ProvinciaSavona",
		"https://t.me/example", "https://www.provincia.example.it/policy", "112")
	if c := st.current(); c.Schema != website.CurrentSchema || c.Alerts == nil || len(c.Alerts) != 0 {
		t.Errorf("current.json is %+v, want an empty list", c)
	}
	for lang, want := range map[string]string{
		"en": "No alert in force", "de": "Keine Warnung in Kraft", "fr": "Aucune alerte en cours", "xx": "Nessuna allerta in corso",
	} {
		holds(t, "the home page in "+lang, st.page("/?lang="+lang), want)
	}
}

// TestTextIsShownByteForByte reads the text off the page by hand, without the
// channel's own reader.
func TestTextIsShownByteForByte(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	p.Text = "\n  Prima riga\t& <b>niente</b> \"markup\" 'né' {{.}} &amp; &lt; <!-- -->\n\n# titolo * _ `\nفيضان 👨‍👩‍👧‍👦 e\u0301  \n"
	st.mustPut(p)
	page := st.page("/a/SV-7F3K2")
	_, rest, ok := strings.Cut(page, `data-key="alert-SV-7F3K2/1/1"`)
	if !ok {
		t.Fatal("no element carries the post's key")
	}
	_, rest, _ = strings.Cut(rest, ">")
	escaped, _, _ := strings.Cut(rest, "</div>")
	if strings.Contains(escaped, "<") {
		t.Errorf("the text has markup in it: %q", escaped)
	}
	if got := html.UnescapeString(escaped); got != p.Text {
		t.Errorf("the page shows %q, want %q", got, p.Text)
	}
}

// TestLife follows one alert through its life, with what the public sees at each
// step.
func TestLife(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	st.mustPut(message("SV-7F3K2", 1, "Alert"))
	st.sees("in_force", 1)
	holds(t, "the page", st.page("/a/SV-7F3K2"), "Allerta gialla", "In vigore", "Bollettino 1 di SV-7F3K2",
		"dalle <time datetime=\"2026-11-22T16:00:00&#43;01:00\">16:00 di domenica 22 novembre 2026</time>",
		"fino alle <time datetime=\"2026-11-22T19:00:00&#43;01:00\">19:00 di domenica 22 novembre 2026</time>",
		"Costa &lt;ovest&gt;", "Sala operativa", message("SV-7F3K2", 1, "Alert").Notice.SHA256, "/cap/IT-SV-7F3K2-1.xml")
	holds(t, "the home page", st.page("/"), "Bollettino 1 di SV-7F3K2", "SV-7F3K2")

	st.now = st.now.Add(time.Hour)
	update := message("SV-7F3K2", 2, "Update")
	update.Notice.CAP = document("rossa", "")
	update.Notice.Expires = noon.Add(10 * time.Hour)
	st.mustPut(update)
	st.sees("in_force", 2)
	page := st.page("/a/SV-7F3K2")
	holds(t, "the page", page, "Allerta rossa", "Sostituito dal bollettino n. 2", "Testo del bollettino 1.", "Testo del bollettino 2.")
	if strings.Index(page, "Testo del bollettino 2.") > strings.Index(page, "Testo del bollettino 1.") {
		t.Error("the older bulletin stands above the newer one")
	}
	if got := st.current().Alerts[0]; got.Level != "rossa" || got.Headline != "Bollettino 2 di SV-7F3K2" {
		t.Errorf("current.json shows %+v, want the second bulletin", got)
	}

	cancel := message("SV-7F3K2", 3, "Cancel")
	cancel.Notice.Expires = noon.Add(8 * time.Hour)
	st.mustPut(cancel)
	st.sees("revoked", 3)
	page = st.page("/a/SV-7F3K2")
	holds(t, "the page", page, "Allerta revocata", "non tenerne conto", "Testo del bollettino 1.", "Testo del bollettino 2.")
	if got := strings.Count(page, `<span class="tag">Revocato</span>`); got != 2 {
		t.Errorf("%d earlier bulletins are marked as revoked, want 2", got)
	}
	holds(t, "the home page", st.page("/"), "Allerta revocata")

	st.now = noon.Add(8 * time.Hour)
	st.sees("", 0)
	holds(t, "the home page", st.page("/"), "Nessuna allerta in corso", "Concluse di recente", "SV-7F3K2")
	holds(t, "the page", st.page("/a/SV-7F3K2"), "Allerta revocata")

	st.now = noon.Add(8*time.Hour + 48*time.Hour)
	lacks(t, "the home page", st.page("/"), "SV-7F3K2</span></li>")
	holds(t, "the page", st.page("/a/SV-7F3K2"), "Testo del bollettino 1.")
}

// sees fails the test where current.json shows another state than want ("" for no
// alert) or another bulletin.
func (st *stage) sees(state string, bulletin int) {
	st.t.Helper()
	c := st.current()
	if state == "" {
		if len(c.Alerts) != 0 {
			st.t.Errorf("current.json shows %+v, want nothing", c.Alerts)
		}
		return
	}
	if len(c.Alerts) != 1 || c.Alerts[0].State != state || c.Alerts[0].Bulletin != bulletin {
		st.t.Errorf("current.json shows %+v, want bulletin %d %s", c.Alerts, bulletin, state)
	}
}

// TestExpiry steps over the moment of expiry without any write.
func TestExpiry(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	st.mustPut(message("SV-7F3K2", 1, "Alert"))
	expires := noon.Add(6 * time.Hour)

	st.now = expires.Add(-time.Nanosecond)
	st.sees("in_force", 1)
	lacks(t, "the page", st.page("/a/SV-7F3K2"), "la validità è terminata")

	st.now = expires
	st.sees("", 0)
	holds(t, "the page", st.page("/a/SV-7F3K2"), "Non più in vigore", "la validità è terminata", "Testo del bollettino 1.")
	holds(t, "the home page", st.page("/"), "Nessuna allerta in corso", "Concluse di recente")
	holds(t, "the feed", st.page("/feed.atom"), "IT-SV-7F3K2-1")

	st.now = expires.Add(48*time.Hour - time.Nanosecond)
	holds(t, "the feed", st.page("/feed.atom"), "IT-SV-7F3K2-1")
	st.now = expires.Add(48 * time.Hour)
	lacks(t, "the feed", st.page("/feed.atom"), "IT-SV-7F3K2-1", "<entry>")
	lacks(t, "the home page", st.page("/"), "Concluse di recente")

	// A clock that was set right again: what it says is what holds.
	st.now = noon
	st.sees("in_force", 1)
}

// TestExpiryOfSeveral lets alerts end in another order than the one they came in.
func TestExpiryOfSeveral(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	for i, hours := range []int{6, 2, 4} {
		p := message(fmt.Sprintf("SV-%d", i), 1, "Alert")
		p.Notice.Expires = noon.Add(time.Duration(hours) * time.Hour)
		st.mustPut(p)
	}
	for _, c := range []struct{ hours, want int }{{1, 3}, {2, 2}, {3, 2}, {4, 1}, {5, 1}, {6, 0}} {
		st.now = noon.Add(time.Duration(c.hours) * time.Hour)
		if got := len(st.current().Alerts); got != c.want {
			t.Errorf("after %d hours %d alerts are in force, want %d", c.hours, got, c.want)
		}
	}
}

func TestAllClear(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(n *adapters.Notice){
		"by_response_type": func(n *adapters.Notice) { n.CAP = document("verde", "<responseType>AllClear</responseType>") },
		"by_urgency":       func(n *adapters.Notice) { n.Urgency = "Past" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newStage(t, nil)
			st.mustPut(message("SV-7F3K2", 1, "Alert"))
			end := message("SV-7F3K2", 2, "Update")
			change(&end.Notice)
			st.mustPut(end)
			st.sees("ended", 2)
			holds(t, "the page", st.page("/a/SV-7F3K2"), "Fine allerta", "è cessato")
		})
	}
}

// TestLateBulletin lets an older bulletin arrive after a newer one, as happens
// when a site is filled again by several writers.
func TestLateBulletin(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	st.mustPut(message("SV-7F3K2", 2, "Cancel"), message("SV-7F3K2", 1, "Alert"))
	st.sees("revoked", 2)
	holds(t, "the page", st.page("/a/SV-7F3K2"), `<span class="tag">Revocato</span>`)
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	p := message("SV-7F3K2", 1, "Alert")
	st.mustPut(
		translated(p, 3, "ar", "فيضان", "اصعدوا إلى الطوابق العليا"),
		translated(p, 2, "en-GB", "Wind", "Strong wind."), p,
		translated(p, 4, "en-GB", "Wind, second part", "Stay away from the shore."),
	)
	page := st.page("/a/SV-7F3K2")
	for _, want := range []string{
		`<section class="text" id="it" lang="it" dir="auto">`, `<section class="text" id="en-GB" lang="en-GB" dir="auto">`,
		`<section class="text" id="en-GB_2" lang="en-GB" dir="auto">`, `<section class="text" id="ar" lang="ar" dir="auto">`,
		`href="#ar"`, `<html lang="it"`, `<h1 lang="it"`,
	} {
		holds(t, "the page", page, want)
	}
	inOrder(t, page, "Testo del bollettino 1.", "Strong wind.", "اصعدوا", "Stay away from the shore.")

	german := translated(p, 5, "de", "Wind", "Starker Wind.")
	german.Notice.Event, german.Notice.Areas = "Sturm", []string{"Küste"}
	st.mustPut(german)
	holds(t, "the German page", st.page("/a/SV-7F3K2?lang=de"), `<dd lang="de" dir="auto">Sturm</dd>`, `<dd lang="de" dir="auto">Küste</dd>`)
	page = st.page("/a/SV-7F3K2?lang=en")
	holds(t, "the English page", page, `<dd lang="it" dir="auto">Vento &amp; mare</dd>`) // the message has no facts in English
	holds(t, "the English page", page, `<html lang="en"`, `<h1 lang="en-GB" dir="auto">Wind</h1>`, "In force", "Yellow alert",
		`href="/verifica?lang=en"`, "from <time datetime=\"2026-11-22T16:00:00&#43;01:00\">16:00 on Sunday 22 November 2026</time>")
	inOrder(t, page, "Strong wind.", "Stay away from the shore.", "Testo del bollettino 1.", "اصعدوا")
}

// inOrder fails the test where the words do not stand in text in this order.
func inOrder(t *testing.T, text string, words ...string) {
	t.Helper()
	last := -1
	for _, w := range words {
		at := strings.Index(text, w)
		if at <= last {
			t.Errorf("%q stands at %d, want it after %d", w, at, last)
		}
		last = at
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		colour, severity string
		want, class      string
	}{
		{"rossa", "Unknown", "Allerta rossa", "red"},
		{"arancione", "Unknown", "Allerta arancione", "orange"},
		{"GIALLA", "Extreme", "Allerta gialla", "yellow"},
		{"verde", "Minor", "Allerta verde", "green"},
		{"", "Extreme", "Pericolo estremo", "red"},
		{"", "Severe", "Pericolo grave", "orange"},
		{"", "Moderate", "Pericolo moderato", "yellow"},
		{"", "Minor", "Pericolo lieve", "grey"},
		{"viola", "Unknown", "Avviso", "grey"},
		{"3; orange; Severe", "Minor", "Allerta arancione", "orange"},
	} {
		t.Run(c.colour+"_"+c.severity, func(t *testing.T) {
			t.Parallel()
			st := newStage(t, nil)
			p := message("SV-7F3K2", 1, "Alert")
			p.Notice.CAP, p.Notice.Severity = document(c.colour, ""), c.severity
			if strings.Contains(c.colour, ";") { // as MeteoAlarm writes it
				p.Notice.CAP = bytes.Replace(p.Notice.CAP, []byte("livello_allerta"), []byte("awareness_level"), 1)
			}
			st.mustPut(p)
			holds(t, "the page", st.page("/a/SV-7F3K2"), `<p class="band `+c.class+`"><svg`, "<strong>"+c.want+"</strong>")
			want, declared := strings.CutPrefix(c.want, "Allerta ")
			if !declared {
				want = "" // a severity is no colour
			}
			if got := st.current().Alerts[0].Level; got != want {
				t.Errorf("current.json says level %q, want %q", got, want)
			}
		})
	}
}

// TestDrills holds that an exercise is said in the first and the last line.
func TestDrills(t *testing.T) {
	t.Parallel()
	lines := func(page string) (first, last string) {
		_, body, _ := strings.Cut(page, "<body>\n")
		body, _, _ = strings.Cut(body, "\n</body>")
		all := strings.Split(body, "\n")
		return all[0], all[len(all)-1]
	}
	for status, want := range map[string]string{"Exercise": "ESERCITAZIONE – ", "Test": "TEST – "} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			st := newStage(t, nil)
			p := message("SV-7F3K2", 1, "Alert")
			p.Notice.Status = status
			st.mustPut(p)
			for _, path := range []string{"/", "/a/SV-7F3K2", "/verifica?codice=SV-7F3K2"} {
				page := st.page(path)
				first, last := lines(page)
				if !strings.HasPrefix(first, `<p class="drill">`+want) || !strings.HasPrefix(last, `<p class="drill">`+want) {
					t.Errorf("%s: the first line is %q and the last %q, want both to begin with %q", path, first, last, want)
				}
				holds(t, path, page, "<title>"+want)
				lacks(t, path, page, "In vigore")
			}
			if got := st.current().Alerts[0].Status; got != status {
				t.Errorf("current.json says status %q, want %q", got, status)
			}
			holds(t, "the feed", st.page("/feed.atom"), want+"Bollettino 1")

			// A real alert beside it: the page is real, the exercise is marked.
			st.mustPut(message("SV-9Q9Q9", 1, "Alert"))
			page := st.page("/")
			first, _ := lines(page)
			if strings.Contains(first, want) {
				t.Errorf("a page with a real alert begins with %q", first)
			}
			if got := strings.Count(page, `<p class="drill">`+strings.TrimSuffix(want, " – ")+"</p>"); got != 2 {
				t.Errorf("the exercise says so %d times, want 2", got)
			}
			inOrder(t, page, "Bollettino 1 di SV-9Q9Q9", "Bollettino 1 di SV-7F3K2")
		})
	}
}

func TestExerciseSite(t *testing.T) {
	t.Parallel()
	st := newStage(t, func(c *website.SiteConfig) { c.Exercise = true })
	for _, path := range []string{"/", "/verifica"} {
		holds(t, path, st.page(path), `<p class="drill">ESERCITAZIONE – `)
	}
	if w := st.put(message("SV-7F3K2", 1, "Alert")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a message of status Actual: status %d, want 422", w.Code)
	}
	if !st.current().Exercise {
		t.Error("current.json does not say that the site is one for exercises")
	}
}

// TestReadersSeeWholeChanges lets readers look while writers write: what is on the
// list is on its page, and a count of alerts only grows.
func TestReadersSeeWholeChanges(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	const n = 40
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for seen := 0; ; {
				c := st.current()
				if len(c.Alerts) < seen {
					t.Errorf("%d alerts after %d", len(c.Alerts), seen)
				}
				seen = len(c.Alerts)
				for _, a := range c.Alerts {
					if w := st.get(strings.TrimPrefix(a.URL, public)); w.Code != http.StatusOK {
						t.Errorf("%s is on the list and its page has status %d", a.Code, w.Code)
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			for i := range n / 2 {
				if got := st.put(message(fmt.Sprintf("SV-%d-%d", w, i), 1, "Alert")).Code; got != http.StatusCreated {
					t.Errorf("PUT: status %d, want 201", got)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if got := len(st.site.Posts()); got != n {
		t.Errorf("%d posts are shown, want %d", got, n)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, shown := range []int{0, 1000} {
		b.Run(fmt.Sprint(shown), func(b *testing.B) {
			st := newStage(b, nil)
			for i := range shown {
				st.mustPut(message(fmt.Sprintf("SV-A-%d", i), 1, "Alert"))
			}
			i := 0
			for b.Loop() {
				st.mustPut(message(fmt.Sprintf("SV-B-%d", i), 1, "Alert"))
				i++
			}
		})
	}
}

func BenchmarkAlertPage(b *testing.B) {
	st := newStage(b, nil)
	st.mustPut(message("SV-7F3K2", 1, "Alert"))
	for b.Loop() {
		if w := st.get("/a/SV-7F3K2", "Accept-Encoding", "gzip"); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

// BenchmarkReadBack publishes and reads the page once, as a delivery does.
func BenchmarkReadBack(b *testing.B) {
	st := newStage(b, nil)
	i := 0
	for b.Loop() {
		code := fmt.Sprintf("SV-B-%d", i)
		st.mustPut(message(code, 1, "Alert"))
		if w := st.get("/a/" + code); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
		i++
	}
}
