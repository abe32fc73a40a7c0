package telegramtest

import "strings"

const (
	maxStored = 35000 // bytes at which the server cuts a text

	zeroWidthNonJoiner = "\u200c"
)

// Stored returns text as the server stores it (tdlib/td, clean_input_string and
// fix_formatted_text): control characters become spaces and carriage returns go;
// U+2028 to U+202E and three combining marks go; of a run of direction marks only
// the last one stays as it is; what is over the limit goes, and the white space at
// both ends.
func Stored(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == '\r', c >= 0x2028 && c <= 0x202e, c == 0x0333, c == 0x033f, c == 0x030a:
			continue
		case c < 0x20 && c != '\n':
			c = ' '
		}
		if b.Len()+len(string(c)) > maxStored-3 {
			break
		}
		b.WriteRune(c)
	}
	return strings.Trim(separated(b.String()), " \n")
}

// separated returns text with each direction mark that another one follows turned
// into a zero width non-joiner.
func separated(text string) string {
	runes := []rune(text)
	var b strings.Builder
	for i, c := range runes {
		if isDirection(c) && i+1 < len(runes) && isDirection(runes[i+1]) {
			b.WriteString(zeroWidthNonJoiner)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

func isDirection(c rune) bool { return c == 0x200e || c == 0x200f }

// isEmpty reports whether a reader would see nothing of text.
func isEmpty(text string) bool {
	return strings.Trim(text, " \n\u00a0\u200b\u200c\u200d\u200e\u200f\u202e\ufeff") == ""
}
