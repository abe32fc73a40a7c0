package x

// This file counts what X counts: the weighted length of twitter-text's
// configuration v3 (github.com/twitter/twitter-text, config/v3.json).

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

const (
	// maxLen is the most units that a post may have.
	maxLen = 280
	// linkUnits is what a link weighs, whatever its length.
	linkUnits = 23
	// emojiUnits is what an emoji weighs, of however many code points it is made.
	emojiUnits = 2
)

// WeightedLength returns the length of text in X's units: after NFC, a link weighs
// 23, an emoji 2, a code point of the Latin, Greek, Cyrillic and other alphabets up
// to U+10FF and most punctuation 1, every other code point 2. X takes at most 280.
func WeightedLength(text string) int {
	runes := []rune(norm.NFC.String(text))
	links := findLinks(runes)
	units := 0
	for i := 0; i < len(runes); {
		if len(links) > 0 && links[0].Start == i {
			units += linkUnits
			i = links[0].End
			links = links[1:]
			continue
		}
		if n := emojiLen(runes[i:]); n > 0 {
			units += emojiUnits
			i += n
			continue
		}
		units += weight(runes[i])
		i++
	}
	return units
}

// weight returns the units of one code point.
func weight(r rune) int {
	switch {
	case r <= 4351, r >= 8192 && r <= 8205, r >= 8208 && r <= 8223, r >= 8242 && r <= 8247:
		return 1
	}
	return 2
}

// forbidden reports whether r is a code point that X takes in no text.
func forbidden(r rune) bool { return r == 0xfffe || r == 0xfeff || r == 0xffff }

// firstForbidden returns the first code point in text that X takes in no text.
func firstForbidden(text string) (r rune, found bool) {
	if i := strings.IndexFunc(text, forbidden); i >= 0 {
		for _, r := range text[i:] {
			return r, true
		}
	}
	return 0, false
}
