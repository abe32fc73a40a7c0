package review

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/broker/alert"
)

// A suspect is a place in a text at which what people see may not be what is there.
type suspect struct {
	kind     Kind
	severity Severity
	at, n    int    // bytes: where, and how much
	points   []rune // the characters that it is about
	looks    string // what the place reads as; "" for what does not read
	script   string // of the word, where that is the trouble
}

// scan looks through a text in a language, in its order. Addresses are looked at
// elsewhere.
func scan(text, lang string) []suspect {
	wide := contains(scriptsOf(lang), "Han")
	out := characters(text, wide)
	for _, w := range letters(text) {
		if s, ok := judge(text[w[0]:w[1]], lang); ok {
			s.at, s.n = w[0], w[1]-w[0]
			out = append(out, s)
		}
	}
	return out
}

// characters finds characters that do not show, or that pass for others by themselves.
func characters(text string, wide bool) (out []suspect) {
	for i, r := range text {
		if r < 0x7f && r >= ' ' || r == '\n' {
			continue
		}
		s := suspect{at: i, n: utf8.RuneLen(r), points: []rune{r}}
		switch {
		case unicode.Is(unicode.Bidi_Control, r):
			s.kind, s.severity = KindDirection, High
		case alert.Hidden(text, i) != "", r == 0x2800, r == 0xFFFC, r == 0x1D159, r == 0x13441, r == 0x13442:
			s.kind, s.severity = KindInvisible, High
		case r == 0xFE0E, r == 0xFE0F, r == 0x200C, r == 0x200D, r == 0xA0, r == 0x202F:
			s.kind, s.severity = KindInvisible, Note
		case unicode.Is(unicode.Zs, r) && r != 0x3000:
			s.kind, s.severity = KindInvisible, Caution
		case styled(r, wide):
			s.kind, s.severity = KindDisguised, High
		default:
			latin, ok := latinOf(signs, r)
			if !ok || wide && r >= 0x3000 || !between(text, i, s.n) {
				continue
			}
			s.kind, s.severity, s.looks = KindSign, High, string(latin)
		}
		out = append(out, s)
	}
	return out
}

// between reports whether letters or digits stand on both sides of a sign: in an
// address, or in what is meant to read as one.
func between(text string, at, n int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at+n:])
	inWord := func(r rune) bool {
		return unicode.IsLetter(r) && !stacked(scriptOf(r)) || unicode.IsDigit(r)
	}
	return inWord(before) && inWord(after)
}

// letters returns where the words of a text begin and end: letters, the marks on
// them, and digits among them. A script whose letters stand beside others ends a word.
func letters(text string) (out [][2]int) {
	start := -1
	end := func(at int) {
		if start >= 0 {
			out = append(out, [2]int{start, at})
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.IsLetter(r) && !stacked(scriptOf(r)):
			if start < 0 {
				start = i
			}
		case start >= 0 && (unicode.IsMark(r) || unicode.IsDigit(r)):
		default:
			end(i)
		}
	}
	end(len(text))
	return out
}

// judge says what is wrong with a word.
func judge(word, lang string) (suspect, bool) {
	if plain(word) {
		if r, ok := digitInside(word); ok {
			return suspect{kind: KindDisguised, severity: Caution, points: []rune{r}, looks: unDigit(word)}, true
		}
		return suspect{}, false
	}
	var scripts []string
	var odd, marks []rune
	seen := map[string]bool{}
	for _, r := range word {
		if unicode.IsMark(r) {
			marks = append(marks, r)
		}
		script := ""
		if unicode.IsLetter(r) {
			script = scriptOf(r)
		}
		if script == "" {
			continue
		}
		if !seen[script] {
			seen[script], scripts = true, append(scripts, script)
		}
		if script != "Latin" {
			odd = append(odd, r)
		}
	}
	reads, whole := skeleton(word)
	switch {
	case len(scripts) > 1:
		return suspect{kind: KindMixed, severity: High, points: odd, looks: reads, script: strings.Join(scripts, " + ")}, true
	case len(scripts) == 1 && !contains(scriptsOf(lang), scripts[0]) && whole:
		return suspect{kind: KindConfusable, severity: High, points: odd, looks: reads, script: scripts[0]}, true
	case len(scripts) == 1 && !contains(scriptsOf(lang), scripts[0]):
		return suspect{kind: KindForeign, severity: Caution, points: odd[:min(len(odd), 4)], script: scripts[0]}, true
	}
	if s, ok := disguise(word, lang); ok {
		return s, true
	}
	if len(scripts) == 1 && scripts[0] == "Latin" && len(marks) > 2 {
		return suspect{kind: KindDisguised, severity: High, points: marks[:min(len(marks), 4)]}, true
	}
	return suspect{}, false
}

// disguise finds letters of the Latin script that pass for plain ones.
func disguise(word, lang string) (suspect, bool) {
	var odd []rune
	turkish := strings.HasPrefix(lang, "tr") || strings.HasPrefix(lang, "az") || strings.HasPrefix(lang, "kk")
	reads := strings.Map(func(r rune) rune {
		if r == dotless && !turkish {
			odd = append(odd, r)
			return 'i'
		}
		if l, ok := latinOf(disguised, r); ok {
			odd = append(odd, r)
			return l
		}
		return r
	}, word)
	return suspect{kind: KindDisguised, severity: High, points: odd, looks: reads}, len(odd) > 0
}

func plain(word string) bool {
	for i := range len(word) {
		if word[i] >= 0x80 {
			return false
		}
	}
	return true
}

// digitInside finds a nought or a one between small letters: "all0gio".
func digitInside(word string) (rune, bool) {
	small := func(i int) bool { return word[i] >= 'a' && word[i] <= 'z' }
	for i := 1; i < len(word)-1; i++ {
		if (word[i] == '0' || word[i] == '1') && small(i-1) && small(i+1) {
			return rune(word[i]), true
		}
	}
	return 0, false
}

func unDigit(word string) string { return strings.NewReplacer("0", "o", "1", "l").Replace(word) }

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// codePoints names characters, each once, at most eight of them.
func codePoints(all []rune) (out []string) {
	for _, r := range all {
		name := fmt.Sprintf("U+%04X", r)
		if !contains(out, name) && len(out) < 8 {
			out = append(out, name)
		}
	}
	return out
}

// contextRunes is how many characters of the text are shown around a suspect.
const contextRunes = 20

// around returns the place in a text with what stands around it, on one line; what
// does not show is named.
func around(text string, at, n int) string {
	const half = contextRunes / 2
	from, to := at, at+n
	for range half {
		_, size := utf8.DecodeLastRuneInString(text[:from])
		from -= size
	}
	for range half {
		_, size := utf8.DecodeRuneInString(text[to:])
		to += size
	}
	head, tail := "", ""
	if from > 0 {
		head = "…"
	}
	if to < len(text) {
		tail = "…"
	}
	return head + visible(text[from:at]) + "›" + visible(text[at:at+n]) + "‹" + visible(text[at+n:to]) + tail
}

// visible writes a text so that each of its characters is seen: a line feed as a sign,
// what does not show as its code point.
func visible(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteRune('⏎')
		case r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r) && alert.Hidden(s, i) == "" && !unicode.IsMark(r):
			b.WriteRune(r)
		case unicode.IsMark(r) && i > 0 && r != 0xFE0F && r != 0xFE0E:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}
