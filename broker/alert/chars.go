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
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return "a byte that is not UTF-8"
			}
		}
		if name := hidden(r); name != "" {
			return fmt.Sprintf("%s (U+%04X)", name, r)
		}
	}
	return ""
}

// hidden names what is wrong with r in a text that people sign and read: it
// doesn't show, or it makes other characters show differently from what is
// signed. It returns "" for all that is fine, the joiners U+200C and U+200D
// included, which Persian, the Indian scripts and emoji need.
func hidden(r rune) string {
	switch {
	case r == '\t' || r == '\n':
		return ""
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
	case r == 0x200C || r == 0x200D || unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return ""
	case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "an invisible character"
	case r == 0x115F || r == 0x1160 || r == 0x3164 || r == 0xFFA0 || r == 0x034F:
		return "an invisible character"
	case unicode.Is(unicode.Co, r):
		return "a private character that only some fonts know"
	}
	return ""
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
