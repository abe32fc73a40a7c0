package pages_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/templates/pages"
	"tocsin/templates/wording"
)

func set(t *testing.T) *pages.Pages {
	t.Helper()
	p, err := pages.New("")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func frame(lang, path string) pages.Frame {
	return pages.Frame{
		Lang: lang, Issuer: "Provincia di Savona", Path: path, Home: "https://allerte.example.it",
		Channels:  []pages.Channel{{Name: "@Savona", Kind: "Telegram", URL: "https://t.me/example"}},
		PolicyURL: "https://www.example.it/policy",
	}
}

func at(hour int) time.Time {
	return time.Date(2026, time.November, 22, hour, 30, 0, 0, time.FixedZone("CET", 3600))
}

func alert(lang string) pages.Alert {
	text := func(anchor, lang, title, body string) pages.Text {
		return pages.Text{Anchor: anchor, Key: "a/2/" + anchor, Lang: lang, Title: title, Body: body, At: at(18)}
	}
	first := text("it", "it", "Allerta rossa", "Sali ai piani alti.\n<resta> & aspetta.")
	first.Image = &pages.Image{Path: "/media/00.jpg", Alt: "Allerta \"rossa\"", Width: 1200, Height: 630}
	return pages.Alert{
		Frame: frame(lang, "/a/SV-7F3K2"), Code: "SV-7F3K2",
		Bulletins: []pages.Bulletin{
			{
				Number: 2, Act: wording.Update, Level: wording.Red, Colour: true, Lang: "it", Headline: "Allerta rossa", FactsLang: "it",
				Event: "Alluvione", Areas: []string{"Savona", "Vado Ligure"}, From: at(19), Sent: at(18), Expires: at(23),
				Issuer: "Sala operativa", SHA256: strings.Repeat("5a", 32), CAPPath: "/cap/x.2.xml",
				Texts: []pages.Text{first, text("en", "en", "Red alert", "Go upstairs.")},
			},
			{
				Number: 1, Replaced: 2, Level: wording.Orange, Lang: "it", Headline: "Allerta arancione", FactsLang: "it", From: at(12), Sent: at(12),
				Expires: at(20), Texts: []pages.Text{text("b1-it", "it", "Allerta arancione", "Non sostare vicino ai fiumi.")},
			},
		},
	}
}

func summary(drill wording.Drill, state pages.State) pages.Summary {
	return pages.Summary{
		Code: "SV-7F3K2", Path: "/a/SV-7F3K2", Lang: "it", Headline: "Allerta rossa & grave", FactsLang: "it", Areas: []string{"Savona", "Vado"},
		Level: wording.Red, Colour: true, Drill: drill, State: state, Expires: at(23),
	}
}

// TestGolden compares whole pages, without their style, with those that were
// looked at and found good.
func TestGolden(t *testing.T) {
	t.Parallel()
	p := set(t)
	exercise := frame("it", "/")
	exercise.Drill = wording.Exercise
	found := summary(wording.Real, pages.Revoked)
	style := regexp.MustCompile(`(?s)<style>.*</style>`)
	for name, render := range map[string]func() ([]byte, error){
		"index_none": func() ([]byte, error) { return p.Index(pages.Index{Frame: frame("it", "/")}) },
		"index_exercise": func() ([]byte, error) {
			return p.Index(pages.Index{Frame: exercise, Current: []pages.Summary{summary(wording.Exercise, pages.InForce)}})
		},
		"index_recent_de": func() ([]byte, error) {
			return p.Index(pages.Index{Frame: frame("de", "/"), Recent: []pages.Summary{summary(wording.Real, pages.Expired)}})
		},
		"alert_it": func() ([]byte, error) { return p.Alert(alert("it")) },
		"alert_fr": func() ([]byte, error) { return p.Alert(alert("fr")) },
		"check_found": func() ([]byte, error) {
			return p.Check(pages.Check{Frame: frame("it", "/verifica"), Asked: "sv-7f3k2", Found: &found, Issuer: "Sala", Sent: at(18), Bulletin: 3})
		},
		"check_elsewhere": func() ([]byte, error) {
			return p.Check(pages.Check{Frame: frame("it", "/verifica"), Asked: "http://x/a/SV-7F3K2", Found: &found, Issuer: "Sala", Sent: at(18), Bulletin: 3, Elsewhere: true})
		},
		"check_unknown_en": func() ([]byte, error) {
			return p.Check(pages.Check{Frame: frame("en", "/verifica"), Asked: "\"><script>"})
		},
		"missing": func() ([]byte, error) { return p.Missing(pages.Missing{Frame: frame("it", "/")}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := render()
			if err != nil {
				t.Fatal(err)
			}
			got := style.ReplaceAllString(string(page), "<style></style>")
			file := filepath.Join("testdata", name+".golden.html")
			if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the page differs from %s; read it, then run with TOCSIN_UPDATE_GOLDEN=1:\n%s", file, got)
			}
		})
	}
}

func TestNewRefusesALanguage(t *testing.T) {
	t.Parallel()
	if _, err := pages.New("xx"); err == nil || !strings.Contains(err.Error(), "it, en, de, fr") {
		t.Errorf("got %v, want an error that names the languages", err)
	}
	p, err := pages.New("de")
	if err != nil || p.Language() != "de" {
		t.Fatalf("got %v, want pages in German", err)
	}
	page, err := p.Missing(pages.Missing{Frame: frame("", "/")})
	if err != nil || !strings.Contains(string(page), `<html lang="de"`) || !strings.Contains(string(page), `href="/?lang=it"`) {
		t.Errorf("the page (%v) is not in German, or Italian is not one click away", err)
	}
}

func TestAlertNeedsABulletin(t *testing.T) {
	t.Parallel()
	if _, err := set(t).Alert(pages.Alert{Code: "SV-7F3K2"}); err == nil || !strings.Contains(err.Error(), "SV-7F3K2") {
		t.Errorf("got %v, want an error that names the alert", err)
	}
}

func TestDrillTitle(t *testing.T) {
	t.Parallel()
	p := set(t)
	for _, c := range []struct {
		title string
		drill wording.Drill
		want  string
	}{
		{"Piena", wording.Real, "Piena"}, {"Piena", wording.Exercise, "ESERCITAZIONE – Piena"},
		{"Esercitazione: piena", wording.Exercise, "Esercitazione: piena"}, {"Piena", wording.Test, "TEST – Piena"},
		{"Protesta", wording.Test, "TEST – Protesta"},
	} {
		if got := p.DrillTitle(c.title, c.drill); got != c.want {
			t.Errorf("%q as %v: %q, want %q", c.title, c.drill, got, c.want)
		}
	}
}

// TestTitleSaysDrillOnce reads the title of a page whose headline names the drill.
func TestTitleSaysDrillOnce(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string]string{
		"it": "<title>ESERCITAZIONE: piena – Provincia di Savona</title>",
		"de": "<title>ÜBUNG – ESERCITAZIONE: piena – Provincia di Savona</title>",
	} {
		v := alert(lang)
		v.Drill, v.Bulletins[0].Headline = wording.Exercise, "ESERCITAZIONE: piena"
		page, err := set(t).Alert(v)
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%s (%v): the page lacks %s", lang, err, want)
		}
	}
}

// TestIndexTellsWhatIsInForce holds that what was revoked does not stand as current.
func TestIndexTellsWhatIsInForce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		states   []pages.State
		headings string
	}{
		"revoked":           {[]pages.State{pages.Revoked}, "Nessuna allerta in corso|Revocate o cessate"},
		"in_force":          {[]pages.State{pages.InForce}, "Allerte in corso"},
		"in_force_and_over": {[]pages.State{pages.InForce, pages.Ended, pages.Revoked}, "Allerte in corso|Revocate o cessate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := pages.Index{Frame: frame("it", "/")}
			for _, state := range c.states {
				v.Current = append(v.Current, summary(wording.Real, state))
			}
			page, err := set(t).Index(v)
			if err != nil {
				t.Fatal(err)
			}
			var headings []string
			for _, m := range regexp.MustCompile(`<h1>(?:<svg.*</svg>)?([^<]+)</h1>|<h2 id="closed">([^<]+)<`).FindAllStringSubmatch(strings.ReplaceAll(string(page), "\n", " "), -1) {
				headings = append(headings, m[1]+m[2])
			}
			if got := strings.Join(headings, "|"); got != c.headings {
				t.Errorf("the headings are %s, want %s", got, c.headings)
			}
			if got := strings.Count(string(page), `<h2 id="h-`); got != len(c.states) {
				t.Errorf("%d cards, want %d", got, len(c.states))
			}
		})
	}
}

// TestNumberOfABulletin looks for it as each language writes it.
func TestNumberOfABulletin(t *testing.T) {
	t.Parallel()
	found := summary(wording.Real, pages.InForce)
	for lang, want := range map[string]string{"it": "n.\u00a02", "en": "No.\u00a02", "de": "Nr.\u00a02", "fr": "n°\u00a02"} {
		page, err := set(t).Alert(alert(lang))
		if err != nil || !strings.Contains(string(page), "<dd>"+want+" – ") {
			t.Errorf("%s: the page of the alert (%v) lacks %q", lang, err, want)
		}
		page, err = set(t).Check(pages.Check{Frame: frame(lang, "/verifica"), Asked: "x", Found: &found, Issuer: "Sala", Sent: at(18), Bulletin: 2})
		if err != nil || !strings.Contains(string(page), want+", <time") {
			t.Errorf("%s: the answer (%v) lacks %q", lang, err, want)
		}
	}
}

// TestContrast computes the contrast of every pair of colours that the style sheet
// sets together (WCAG 2.1, success criterion 1.4.3; the formula is in its
// definition of contrast ratio).
func TestContrast(t *testing.T) {
	t.Parallel()
	page, err := set(t).Index(pages.Index{Frame: frame("it", "/")})
	if err != nil {
		t.Fatal(err)
	}
	pairs := regexp.MustCompile(`\.(red|orange|yellow|green|grey|drill)\{[^}]*background:(#[0-9a-f]{3,6});color:(#[0-9a-f]{3,6})`).FindAllStringSubmatch(string(page), -1)
	if len(pairs) != 6 {
		t.Fatalf("%d pairs of colours, want the five levels and the drill", len(pairs))
	}
	for _, m := range pairs {
		if got := contrast(t, m[2], m[3]); got < 4.5 {
			t.Errorf("%s: %s on %s has a contrast of %.2f, want at least 4.5", m[1], m[3], m[2], got)
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	hex := strings.TrimPrefix(colour, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}
