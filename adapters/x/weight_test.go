package x_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"

	"tocsin/adapters"
	"tocsin/adapters/x"
)

// TestItalianTexts holds the count to texts as our officers write them.
func TestItalianTexts(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/italian.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Text string
		Units      int
		Links      []string
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if got := x.WeightedLength(c.Text); got != c.Units {
				t.Errorf("%q has %d units, want %d", c.Text, got, c.Units)
			}
			if got := x.URLs(c.Text); !slices.Equal(got, c.Links) {
				t.Errorf("%q has the links %q, want %q", c.Text, got, c.Links)
			}
		})
	}
}

func TestWeightedLength(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"empty", "", 0},
		{"last_of_weight_one", "\u10ff", 1},
		{"first_of_weight_two", "\u1100", 2},
		{"spaces_of_typography", "\u2000\u200d", 2},
		{"between_the_ranges", "\u200e\u200f\u2020\u2031", 8},
		{"quotes_and_primes", "\u2010\u201f\u2032\u2037", 4},
		{"euro", "€", 2},
		{"england", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 2},
		{"no_such_region", "🏴\U000e0067\U000e0062\U000e0061\U000e007f", 10},
		{"trade_without_style_does_not_join", "👩\u200d⚕", 5},
		{"trade_with_style_joins", "👩\u200d⚕\ufe0f", 2},
		{"couple_with_heart", "👩\u200d❤\ufe0f\u200d👨", 2},
		{"couple_with_skin_tones_does_not_join", "👩🏽\u200d❤\ufe0f\u200d👨🏿", 8},
		{"kiss", "👩\u200d❤\ufe0f\u200d💋\u200d👨", 2},
		{"woman_running", "🏃🏽\u200d♀\ufe0f", 2},
		{"man_lifting_needs_a_style", "🏋\u200d♂\ufe0f🏋\ufe0f\u200d♂\ufe0f", 7},
		{"emoji_after_unicode_11_does_not_join", "🧑\u200d🚒", 5},
		{"eye_in_a_bubble", "👁\u200d🗨", 2},
		{"pirates", "🏴\u200d☠\ufe0f", 2},
		{"family_of_two_and_then_one", "👨\u200d👦\u200d👨", 5},
		{"nobody_joins_a_house", "👨\u200d🏠", 5},
		{"joiner_at_the_end", "👨\u200d", 3},
		{"heart_without_partner", "👨\u200d❤\ufe0f\u200d🏠", 8},
		{"rainbow_flag", "🏳\ufe0f\u200d🌈", 2},
		{"skin_tone_on_a_house", "🏠🏽", 4},
		{"digit_with_style_is_no_keycap", "1\ufe0f", 3},
		{"twelve_links", strings.Repeat("https://example.it/a ", 12), 12 * 24},
		{"too_long_for_links", strings.Repeat("a.it ", 1<<14), 5 << 14},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := x.WeightedLength(tt.text); got != tt.want {
				t.Errorf("%.60q has %d units, want %d", tt.text, got, tt.want)
			}
		})
	}
}

// TestLongTexts catches a search whose time explodes with the text: each of these
// takes some milliseconds.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	const bound = 5 * time.Second
	for _, unit := range []string{
		"a.", "a-", "a_", "a", "é", "あ", ".", "(", "a(", "http://", "http://a.it/(", "a.it", "a.it.", "a.it/a(b", "xn--", "www.a.it?a", "👨\u200d", "\u0301", "è.",
	} {
		text := strings.Repeat(unit, (1<<16)/len([]rune(unit)))
		start := time.Now()
		if n := x.WeightedLength(text); n < 1 {
			t.Errorf("%q, often: %d units", unit, n)
		}
		if d := time.Since(start); d > bound {
			t.Errorf("%q, often: took %v", unit, d)
		}
	}
}

func FuzzWeightedLength(f *testing.F) {
	for _, s := range []string{
		"Chiuse le scuole.Si raccomanda https://example.it/a_(b)?c=d#e, comune.it", "http://t.co/abc-", "1\ufe0f\u20e3👨\u200d👩\u200d👧 🇮🇹",
		"これは日本語です。example.com中国語t.co/abcde", "http://xn--ls8h.XN--ls8h.la/", "\xff\u202a\ufeff", "a@b.it #c.it $d.it",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		runes := []rune(norm.NFC.String(text))
		outside := len(runes)
		last := 0
		links := x.Links(text)
		for _, l := range links {
			if l.Start < last || l.End <= l.Start || l.End > len(runes) || string(runes[l.Start:l.End]) != l.URL {
				t.Fatalf("link %+v in %q", l, text)
			}
			if !strings.Contains(l.URL, ".") {
				t.Fatalf("link %q has no full stop", l.URL)
			}
			last = l.End
			outside -= l.End - l.Start
		}
		n := x.WeightedLength(text)
		if least := 23 * len(links); n < least || n > least+2*outside {
			t.Fatalf("%q has %d units with %d links", text, n, len(links))
		}
		if again := x.WeightedLength(norm.NFC.String(text)); again != n {
			t.Fatalf("%q has %d units, in NFC %d", text, n, again)
		}
	})
}

// vectors returns the folder of the third-party test data.
func vectors(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TOCSIN_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors") // beside the module's root
	}
	dir = filepath.Join(dir, "twitter-text", "conformance")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatalf("the vectors of twitter-text are required: %v", err)
		}
		t.Skip("the vectors of twitter-text are not here: set TOCSIN_VECTORS")
	}
	return dir
}

// load reads one file of vectors.
func load[T any](t *testing.T, name string) map[string][]T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectors(t), name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests map[string]any `yaml:"tests"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	tests := map[string][]T{}
	for section, values := range file.Tests {
		var cases []T
		raw, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(raw, &cases) == nil { // sections about other things have another form
			tests[section] = cases
		}
	}
	return tests
}

func TestConformanceOfWeights(t *testing.T) {
	t.Parallel()
	type vector struct {
		Description, Text string
		Expected          struct {
			WeightedLength int  `json:"weightedLength"`
			Valid          bool `yaml:"valid"`
		}
	}
	tests := load[vector](t, "validate.yml")
	limits := (&x.Channel{}).Limits()
	for section, want := range map[string]int{
		"WeightedTweetsWithDiscountedEmojiCounterTest": 22, "UnicodeDirectionalMarkerCounterTest": 2,
	} {
		if len(tests[section]) != want {
			t.Errorf("%s has %d cases, want %d", section, len(tests[section]), want)
		}
		for _, v := range tests[section] {
			if got := x.WeightedLength(v.Text); got != v.Expected.WeightedLength {
				t.Errorf("%s: %d units, want %d: %.200q", v.Description, got, v.Expected.WeightedLength, v.Text)
			}
			if strings.ContainsAny(v.Text, "\ufffe\uffff") {
				continue // forbidden apart from the length: see TestForbiddenCharacters
			}
			if got := limits.Check(adapters.Post{Text: v.Text}) == nil; got != v.Expected.Valid {
				t.Errorf("%s: valid is %t, want %t", v.Description, got, v.Expected.Valid)
			}
		}
	}
}

func TestConformanceOfLinks(t *testing.T) {
	t.Parallel()
	type vector struct {
		Description, Text string
		Expected          []string
	}
	tests := load[vector](t, "extract.yml")
	for section, want := range map[string]int{"urls": 91, "tco_urls_with_params": 5} {
		if len(tests[section]) != want {
			t.Errorf("%s has %d cases, want %d", section, len(tests[section]), want)
		}
		for _, v := range tests[section] {
			if got := x.URLs(v.Text); !slices.Equal(got, v.Expected) {
				t.Errorf("%s: %q, want %q", v.Description, got, v.Expected)
			}
		}
	}
}

func TestConformanceOfIndices(t *testing.T) {
	t.Parallel()
	type vector struct {
		Description, Text string
		Expected          []struct {
			URL     string `json:"url"`
			Indices [2]int `json:"indices"`
		}
	}
	tests := load[vector](t, "extract.yml")
	for section, want := range map[string]int{"urls_with_indices": 10, "urls_with_directional_markers": 2} {
		if len(tests[section]) != want {
			t.Errorf("%s has %d cases, want %d", section, len(tests[section]), want)
		}
		for _, v := range tests[section] {
			var expected []x.Link
			for _, e := range v.Expected {
				expected = append(expected, x.Link{Start: e.Indices[0], End: e.Indices[1], URL: e.URL})
			}
			if got := x.Links(v.Text); !slices.Equal(got, expected) {
				t.Errorf("%s: %+v, want %+v", v.Description, got, expected)
			}
		}
	}
}

// TestConformanceOfDomains allows for the brand domains that have left the root zone
// since the vectors were made: our list is today's.
func TestConformanceOfDomains(t *testing.T) {
	t.Parallel()
	type vector struct {
		Description, Text string
		Expected          []string
	}
	tests := load[vector](t, "tlds.yml")
	for _, section := range []struct {
		name        string
		cases, gone int
	}{{"country", 315, 0}, {"generic", 1259, 140}} {
		if len(tests[section.name]) != section.cases {
			t.Errorf("%s has %d cases, want %d", section.name, len(tests[section.name]), section.cases)
		}
		var missed []string
		for _, v := range tests[section.name] {
			if got := x.URLs(v.Text); !slices.Equal(got, v.Expected) {
				missed = append(missed, v.Text)
			}
		}
		if len(missed) > section.gone {
			t.Errorf("%s: %d domains are not known, at most %d may be: %q", section.name, len(missed), section.gone, missed)
		}
		t.Logf("%s: %d of %d not known", section.name, len(missed), section.cases)
	}
}
