package telegram

import "strings"

// normalise returns text as Telegram's server stores it, so that a text can be
// compared with what the server shows of it (tdlib/td: clean_input_string in misc.cpp,
// fix_formatted_text in MessageEntity.cpp). It is idempotent.
//
// The server removes carriage returns, U+2028 to U+202E (line separators and bidi
// controls) and the combining marks U+0333, U+033F and U+030A; turns every other
// control character but the line feed into a space; keeps only the last of several
// direction marks in a row, with non-joiners for the others; and trims.
func normalise(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case c == '\n':
			return c
		case c == '\r', c >= 0x2028 && c <= 0x202e, c == 0x0333, c == 0x033f, c == 0x030a:
			return -1
		case c < ' ':
			return ' '
		}
		return c
	}, text)
	return strings.Trim(lastMarks(text), " \n")
}

// lastMarks puts a non-joiner for every direction mark that another one follows.
func lastMarks(text string) string {
	const marks = "\u200e\u200f"
	if !strings.ContainsAny(text, marks) {
		return text
	}
	runes := []rune(text)
	for i, r := range runes[:len(runes)-1] {
		if strings.ContainsRune(marks, r) && strings.ContainsRune(marks, runes[i+1]) {
			runes[i] = '\u200c'
		}
	}
	return string(runes)
}

// resembles reports whether shown has more than half of want's words: what is left of
// a post when somebody edited it, and what another part of the same bulletin lacks.
func resembles(shown, want string) bool {
	left := map[string]int{}
	for w := range strings.FieldsSeq(shown) {
		left[w]++
	}
	common, total := 0, 0
	for w := range strings.FieldsSeq(want) {
		total++
		if left[w] > 0 {
			left[w]--
			common++
		}
	}
	return 2*common > total
}
