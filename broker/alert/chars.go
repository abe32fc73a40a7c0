package alert

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isXMLChar reports whether XML 1.0 (production Char) can hold r.
func isXMLChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// firstHidden names the first character of s that has no place in a public
// text. It returns "" when there is none.
func firstHidden(s string) string {
	for i, r := range s {
		if name := Hidden(s, i); name != "" {
			return fmt.Sprintf("%s (U+%04X)", name, r)
		}
	}
	return ""
}

// Hidden names what is wrong with the character that begins at s[i], in a text that
// people sign and read: it does not show, or it makes other characters show
// differently from what is signed. It returns "" for all that is fine.
//
// What Unicode calls a format character or ignorable by default is hidden: a zero
// width space or a soft hyphen makes two texts that look the same, and a mark that
// nobody finds. Two kinds of them show where they belong, and are fine there alone:
// a variation selector that tells the style of an emoji or a keycap, and a joiner
// that makes one emoji of two, or one shape of two letters of the scripts that need it.
func Hidden(s string, i int) string {
	r, size := utf8.DecodeRuneInString(s[i:])
	switch {
	case r >= ' ' && r < 0x7f, r == '\t' || r == '\n':
		return ""
	case r == utf8.RuneError && size <= 1:
		return "a byte that is not UTF-8"
	case !isXMLChar(r):
		return "a character that XML can't hold"
	case unicode.IsControl(r):
		return "a control character"
	case unicode.Is(unicode.Bidi_Control, r):
		return "a character that turns the direction of writing"
	case r == 0x2028 || r == 0x2029:
		return "a hidden line break"
	case r == 0xFFFD:
		return "a replacement character, the trace of damaged text"
	case r == textStyle || r == emojiStyle:
		return unless(styles(s[:i], s[i+size:]))
	case r == nonJoiner || r == joiner:
		return unless(joins(r, s[:i], s[i+size:]))
	case unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point):
		return "an invisible character"
	case unicode.Is(unicode.Co, r):
		return "a private character that only some fonts know"
	}
	return ""
}

const (
	textStyle  = 0xFE0E // asks for the plain form of the emoji before it
	emojiStyle = 0xFE0F // asks for the coloured form
	keycap     = 0x20E3
	nonJoiner  = 0x200C
	joiner     = 0x200D
)

func unless(shows bool) string {
	if shows {
		return ""
	}
	return "an invisible character"
}

// styles reports whether a variation selector between before and after tells the style
// of an emoji: "⚠️", or of a digit in a box: "1️⃣".
func styles(before, after string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	if unicode.Is(pictographic, r) {
		return true
	}
	next, _ := utf8.DecodeRuneInString(after)
	return strings.ContainsRune("0123456789#*", r) && next == keycap
}

// joins reports whether the joiner r between before and after shows. Between emoji it
// joins two that may have a style or a skin tone (UAX #29, rule GB11); between
// letters it chooses their shape.
func joins(r rune, before, after string) bool {
	next, _ := utf8.DecodeRuneInString(after)
	last, size := utf8.DecodeLastRuneInString(before)
	if shaped(last) && shaped(next) {
		return true
	}
	for last == emojiStyle || last >= 0x1F3FB && last <= 0x1F3FF {
		before = before[:len(before)-size]
		last, size = utf8.DecodeLastRuneInString(before)
	}
	return r == joiner && unicode.Is(pictographic, last) && unicode.Is(pictographic, next)
}

// shaped reports whether r is a letter of a script whose letters a joiner shapes:
// Persian and its relatives, and the Indian scripts.
func shaped(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M) && unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Devanagari, unicode.Bengali,
		unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala)
}

// identityProblem returns why s can't be an identifier or a sender, or "".
func identityProblem(s string) string {
	const most = 256 // bytes, our own limit: it goes into references and addresses
	switch {
	case s == "":
		return "is empty"
	case len(s) > most:
		return fmt.Sprintf("has more than %d bytes", most)
	case strings.ContainsAny(s, ",<&"):
		return `holds a comma, "<" or "&", which CAP forbids there`
	case strings.ContainsFunc(s, unicode.IsSpace):
		return "holds white space, which CAP forbids there"
	}
	if name := firstHidden(s); name != "" {
		return "holds " + name
	}
	return ""
}

// sameLanguage compares two language tags without regard to case.
func sameLanguage(a, b string) bool { return strings.EqualFold(a, b) }

// isLanguage reports whether s is an xs:language: parts of 1 to 8 letters, or
// digits after the first part, joined by hyphens.
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 {
			return false
		}
		for _, r := range part {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
			if !letter && (i == 0 || r < '0' || r > '9') {
				return false
			}
		}
	}
	return true
}
