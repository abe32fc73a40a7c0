package adapters_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/broker/alert"
)

// TestContainsMark finds a mark only as a word of its own.
func TestContainsMark(t *testing.T) {
	t.Parallel()
	const mark = "SV-7F3K2-1"
	for text, want := range map[string]bool{
		mark:                          true,
		"Codice " + mark + ".":        true,
		"[" + mark + "]":              true,
		"(" + mark + ")":              true,
		"«" + mark + "»":              true,
		mark + ":":                    true,
		mark + "\n":                   true,
		"#" + mark + "\nhttps":        true,
		mark + " - fine":              true,
		mark + "-":                    true,
		"- " + mark:                   true,
		"–" + mark + "–":              true, // a dash is no hyphen
		mark + "…":                    true,
		mark + "⚠️":                   true,
		mark + "2 poi " + mark:        true,
		mark + "0" + mark:             false,
		mark + mark:                   false,
		"\xff" + mark + "\xff":        true,
		mark + "\u200b ok":            true,
		"\u2068" + mark + "\u2069":    true, // isolated, as platforms do with a direction
		"\u200f" + mark + "\u200e.":   true,
		"SV-7F3K2-12":                 false,
		"SV-7F3K2-10":                 false,
		mark + "a":                    false,
		mark + "è":                    false,
		mark + "ق":                    false,
		mark + "٢":                    false, // a digit of another script
		mark + "²":                    false,
		mark + "\u0300":               false,
		mark + "\u20e3":               false, // the keycap 1
		mark + "-2":                   false,
		mark + "-a":                   false,
		mark + "_2":                   false,
		mark + "\uff12":               false, // full-width 2
		mark + "\uff3f2":              false, // full-width low line
		mark + "\uff0d2":              false, // full-width hyphen
		mark + "\u20112":              false, // the hyphen that does not break
		mark + "\u200d2":              false, // a joiner between digits
		mark + "\u200b\u200e2":        false,
		mark + "\u00ad-\u200b2":       false,
		"X" + mark:                    false,
		"X-" + mark:                   false,
		"X\u2011" + mark:              false,
		"X\u200b-\u200d" + mark:       false,
		"\uff38" + mark:               false, // full-width X
		"è" + mark:                    false,
		"_" + mark:                    false,
		"e\u0300" + mark:              false,
		"sv-7f3k2-1":                  false,
		"Sv-7F3K2-1":                  false,
		"ＳＶ－７Ｆ３Ｋ２－１":                  false, // all of it full-width
		"SV\u20117F3K2\u20111":        false, // other hyphens
		"SV-7F3K2-\u04cf":             false, // a letter that looks like 1
		"\u0405V-7F3K2-1":             false, // a letter that looks like S
		"SV-7F3\u200bK2-1":            false,
		"SV-7F3K2":                    false,
		"SV-7F3K2-":                   false,
		"":                            false,
		strings.Repeat(mark+"x", 1e3): false,

		"https://comune.example/a/" + mark:            true,
		"https://comune.example/a/" + mark + "?x":     true,
		"https://comune.example/a/" + mark + "/cap":   true,
		"https://comune.example/a/" + mark + ".xml":   true,
		"https://comune.example/?c=" + mark + "&l=it": true,
		"https://comune.example/#" + mark:             true,
		"https://comune.example/a/" + mark + "0":      false,
		"https://comune.example/a/SV-7F3K2":           false,
		"https://comune.example/a-" + mark:            false,
		"https://comune.example/%20" + mark:           false,
	} {
		if got := adapters.ContainsMark(text, mark); got != want {
			t.Errorf("mark in %+.60q: got %v, want %v", text, got, want)
		}
	}
	if adapters.ContainsMark("text", "") || adapters.ContainsMark("", "") {
		t.Error("an empty mark was found")
	}
	if adapters.ContainsMark(mark, "SV-7F3K2") {
		t.Error("a code was found in its mark")
	}
}

// FuzzContainsMark holds every answer against another way to say the rule, and
// against the form that codes have.
func FuzzContainsMark(f *testing.F) {
	f.Add("Codice SV-7F3K2-1.", "SV-7F3K2-1")
	f.Add("SV-7F3K2-12 SV-7F3K2-1", "SV-7F3K2-1")
	f.Add("X-\u200bSV-7F3K2-1\u2011a", "SV-7F3K2-1")
	f.Add("aa a", "a")
	f.Add("éé", "é")
	const letter, hyphen = `[\p{L}\p{N}\p{M}_\x{ff3f}]`, `[-\x{2010}\x{2011}\x{2212}\x{fe63}\x{ff0d}]?`
	before := regexp.MustCompile(letter + `\p{Cf}*` + hyphen + `\p{Cf}*$`)
	after := regexp.MustCompile(`^\p{Cf}*` + hyphen + `\p{Cf}*` + letter)
	f.Fuzz(func(t *testing.T, text, mark string) {
		if len(text) > 1<<10 || !utf8.ValidString(text) || !utf8.ValidString(mark) {
			t.Skip("the other way to say it is slow, and knows characters only")
		}
		want := false
		for i := range text {
			if mark != "" && strings.HasPrefix(text[i:], mark) {
				want = want || !before.MatchString(text[:i]) && !after.MatchString(text[i+len(mark):])
			}
		}
		if got := adapters.ContainsMark(text, mark); got != want {
			t.Fatalf("mark %q in %q: got %v, want %v", mark, text, got, want)
		}
		code, _, err := alert.ParseMark(mark)
		if err != nil {
			return
		}
		if !adapters.ContainsMark(text+" "+mark+".", mark) {
			t.Fatalf("not found: %q after %q", mark, text)
		}
		if adapters.ContainsMark(mark, string(code)) {
			t.Fatalf("found the code %q in its mark", code)
		}
	})
}
