package adapters

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ContainsMark reports whether text holds mark as a word of its own, letter for
// letter: not as part of a longer one, so that bulletin 1 is not found in
// "SV-7F3K2-12", nor the bare code in "SV-7F3K2-1". An address may hold it:
// "/a/SV-7F3K2-1?x" does. An empty mark stands nowhere.
//
// The broker asks it of every text before anyone signs, and channels of what
// their platform shows: what the one accepts, the others find.
func ContainsMark(text, mark string) bool {
	if mark == "" {
		return false
	}
	for from := 0; ; {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return false
		}
		i += from
		if !joinsBefore(text[:i]) && !joinsAfter(text[i+len(mark):]) {
			return true
		}
		from = i + 1
	}
}

// joinsBefore reports whether the word that follows s begins in s.
func joinsBefore(s string) bool {
	s = strings.TrimRightFunc(s, unseen)
	r, size := utf8.DecodeLastRuneInString(s)
	if hyphen(r) {
		r, _ = utf8.DecodeLastRuneInString(strings.TrimRightFunc(s[:len(s)-size], unseen))
	}
	return inWord(r)
}

// joinsAfter reports whether the word that precedes s goes on in s.
func joinsAfter(s string) bool {
	s = strings.TrimLeftFunc(s, unseen)
	r, size := utf8.DecodeRuneInString(s)
	if hyphen(r) {
		r, _ = utf8.DecodeRuneInString(strings.TrimLeftFunc(s[size:], unseen))
	}
	return inWord(r)
}

// unseen reports whether r takes no room: with a joiner or a direction mark in it,
// "SV-7F3K2-12" reads the same. Platforms put such marks in.
func unseen(r rune) bool { return unicode.Is(unicode.Cf, r) }

// hyphen reports whether a reader takes r for the hyphen of a mark.
func hyphen(r rune) bool { return strings.ContainsRune("-\u2010\u2011\u2212\ufe63\uff0d", r) }

// inWord reports whether r would make a mark that it touches a longer word. At the
// ends of a text, and for bytes that are not UTF-8, r is utf8.RuneError.
func inWord(r rune) bool {
	return r == '_' || r == '\uff3f' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}
