package compose

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
)

// A cleaner brings texts of others into the form that our messages have, and
// counts what it changed, so that a person is told.
type cleaner struct {
	hidden, composed, markup, joined int
}

// text returns s in NFC without what nobody sees, without markup, with a blank
// after each full stop that had lost it, tidy as [tidy] makes it.
func (c *cleaner) text(s string) string {
	s = c.plain(s)
	s = c.unmarked(s)
	spaced := lostSpace.ReplaceAllString(s, "$1$2 $3")
	if spaced != s {
		c.joined++
	}
	return tidy(spaced)
}

// line is text on one line.
func (c *cleaner) line(s string) string { return tidyLine(c.text(s)) }

// value cleans what machines read: no word is touched, only what our messages
// can't hold.
func (c *cleaner) value(s string) string { return tidyLine(c.plain(s)) }

// plain removes what has no place in a public text, and composes letters.
func (c *cleaner) plain(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\r' || r == 0x2028 || r == 0x2029 || r == 0x85:
			b.WriteByte('\n')
		case r == '\t':
			b.WriteByte(' ')
		case alert.Hidden(s, i) != "":
			c.hidden++
		default:
			b.WriteRune(r)
		}
	}
	s = b.String()
	if !norm.NFC.IsNormalString(s) {
		c.composed++
		s = norm.NFC.String(s)
	}
	return s
}

var (
	// tag finds HTML as it stands in messages of others: the tags that texts are
	// written in, not everything in angle brackets.
	tag = regexp.MustCompile(`(?i)</?(?:a|b|big|blockquote|br|center|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|script|small|span|strong|style|sub|sup|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>]*)?/?>`)

	// breaking finds those that end a line.
	breaking = regexp.MustCompile(`(?i)<(?:br|/p|/div|/li|/tr|/h[1-6]|hr)(?:\s[^<>]*)?/?>`)

	// entity finds character references that came through a second escaping.
	entity = regexp.MustCompile(`&(?:[a-zA-Z]{2,8}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});`)

	// lostSpace finds a sentence's end that would make a link: "scuole.Si" is an
	// address in Slovenia to a platform. Names of files and addresses, which go
	// on in lower case, are left alone.
	lostSpace = regexp.MustCompile(`([\p{Ll}\p{N})]{2})([.!?])(\p{Lu}\p{Ll})`)
)

// unmarked removes HTML: line ends stay line ends, and what an entity stands for
// stays. Escaping can be nested; three rounds are more than any producer needs.
func (c *cleaner) unmarked(s string) string {
	for range 3 {
		plain := entity.ReplaceAllStringFunc(s, func(e string) string {
			if decoded := html.UnescapeString(e); decoded != e {
				return decoded
			}
			return e
		})
		plain = tag.ReplaceAllString(breaking.ReplaceAllString(plain, "\n"), "")
		if plain == s {
			return s
		}
		c.markup++
		s = c.plain(plain)
	}
	return tag.ReplaceAllString(s, "")
}

// notes says what was changed.
func (c *cleaner) notes() []string {
	var out []string
	for _, n := range []struct {
		count int
		note  string
	}{
		{c.hidden, "Characters that nobody sees, or that turn the direction of writing, were removed from the texts."},
		{c.composed, "Letters whose accent was a character of its own were composed (Unicode NFC)."},
		{c.markup, "Markup (HTML) was removed from the texts."},
		{c.joined, "A blank was put after full stops that had none: platforms would have made links of them."},
	} {
		if n.count > 0 {
			out = append(out, n.note)
		}
	}
	return out
}

// tidy trims every line and the whole, makes one blank of several and at most one
// empty line of several, and joins lines that were broken for a narrow printer.
func tidy(s string) string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		line = strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' }), " ")
		line = strings.TrimSpace(line)
		last := len(lines) - 1
		switch {
		case line == "" && (last < 0 || lines[last] == ""):
		case last >= 0 && goesOn(lines[last], line):
			lines[last] += " " + line
		default:
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// goesOn reports whether next is the rest of a sentence that was broken because
// line was full.
func goesOn(line, next string) bool {
	const full = 45 // characters; lists and verses are shorter
	last, _ := utf8.DecodeLastRuneInString(line)
	first, _ := utf8.DecodeRuneInString(next)
	return utf8.RuneCountInString(line) >= full && unicode.IsLower(first) && (unicode.IsLetter(last) || unicode.IsDigit(last) || last == ',')
}

// tidyLine returns s on one line, with single blanks.
func tidyLine(s string) string { return strings.Join(strings.Fields(s), " ") }
