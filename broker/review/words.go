package review

import (
	_ "embed"
	"encoding/hex"
	"strings"
)

// parole.txt holds the 2048 words that are read aloud, sorted. The list is our own,
// chosen by these rules: ordinary Italian words for things, animals, plants, places,
// trades and plain actions; 4 to 8 letters of the Italian alphabet, without accents and
// ending in a vowel, so that whoever hears one can write it; the first four letters tell
// a word from all others; no two differ by one letter only, and no two sound alike on a
// bad line; no word of alerts and dangers, nothing that frightens or offends, no number,
// no level of an alert. TestWordList and TestWordsSoundDifferent hold what a machine can
// check. A word never moves: the code of an old bulletin must stay what it
// was.
//
//go:embed parole.txt
var wordList string

// ReadBackWords is how many words people read to each other.
const ReadBackWords = 6

// ReadBack returns the words that stand for a bulletin when two people compare it
// over the telephone: the first 66 bits of its SHA-256, in hexadecimal, 11 bits to a
// word, the first bits first. Of what is no SHA-256 it returns nil.
func ReadBack(sha256 string) []string {
	sum, err := hex.DecodeString(sha256)
	if err != nil || len(sum) != 32 {
		return nil
	}
	list := strings.Fields(wordList)
	var words []string
	for n := range ReadBackWords {
		index := 0
		for bit := n * 11; bit < n*11+11; bit++ {
			index = index<<1 | int(sum[bit/8]>>(7-bit%8)&1)
		}
		words = append(words, list[index])
	}
	return words
}
