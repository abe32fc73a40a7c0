package preview_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"tocsin/templates/preview"
)

var tag = regexp.MustCompile(`<[^>]*>`)

// TestTextStandsExactly shows texts that would act on a page, and looks for them in what
// a reader sees.
func TestTextStandsExactly(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"markup":   "<script>alert(1)</script> & <b>\"'",
		"lines":    "\nPrima riga\n\n  rientro  due spazi\n",
		"links":    "Vedi https://allerte.example.it/a/SV-7F3K2?x=1&y=2 #Savona, poi esci.",
		"entities": "&lt; &#8203; {{.}}",
		"folded":   strings.Repeat("parola ", 40) + "fine",
		"no_blank": strings.Repeat("é", 300),
		"one":      "a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{"website", "telegram", "x", "facebook", "instagram", "other"} {
				post := preview.Post{Lang: "it-IT", LangName: "Italiano", Part: 1, Parts: 1, Title: text, Text: text, Seen: 125, Counts: []preview.Count{{What: text, N: 281, Most: 280}}}
				page, err := preview.View{
					Issuer: text, Mark: text, Headline: text, Act: text, Words: []string{text}, SHA256: text,
					Facts: []preview.Fact{{Label: text, Text: text}}, Warnings: []preview.Warning{{Label: text, Where: text, What: text, Advice: text}},
					Channels:    []preview.Channel{{Name: "a", Kind: kind, Platform: text, Stages: []preview.Stage{{Title: text, Issuer: text, Level: "red", LevelWord: text, Posts: []preview.Post{post}, LeftOut: text}}}},
					Cards:       []preview.Stage{{Title: text, Note: text, Pictures: []preview.Picture{{Title: text, MediaType: "image/png", Data: []byte("x"), Alt: text}}}},
					Differences: []preview.Difference{{Head: text, Lines: []preview.Line{{"old", text}, {"new", text}, {"", text}}}}, Since: text,
				}.Render()
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(string(page), preview.Mark) {
					t.Errorf("the page begins with %.60q", page)
				}
				if seen := html.UnescapeString(tag.ReplaceAllString(string(page), "")); strings.Count(seen, text) < 15 {
					t.Errorf("%s: the text stands %d times on the page", kind, strings.Count(seen, text))
				}
				if strings.Contains(string(page), "<script") || regexp.MustCompile(`(?:src|href)="(?:https?:|//)`).Match(page) {
					t.Errorf("%s: the page has a script or leads elsewhere", kind)
				}
			}
		})
	}
}

// TestFoldDividesNoWord holds what is seen at first to the number that a platform shows.
func TestFoldDividesNoWord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, before string
		seen         int
	}{
		{"uno due tre", "uno due", 9}, {"uno due tre", "uno due tre", 11}, {"uno due tre", "uno due tre", 0}, {"àèìòù", "àè", 2}, {"", "", 5},
	} {
		joined := func(runs []preview.Run) (s string) {
			for _, r := range runs {
				s += r.Text
			}
			return s
		}
		p := preview.Post{Text: tt.text, Seen: tt.seen}
		if got := joined(p.Before()); got != tt.before || got+joined(p.After()) != tt.text {
			t.Errorf("%q with %d seen: %q before and %q after, want %q before", tt.text, tt.seen, got, joined(p.After()), tt.before)
		}
	}
}
