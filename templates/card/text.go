package card

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// drawable returns c with the texts spelled as the fonts can draw them, and
// without those that hold a letter which they lack. A list is kept or left out
// whole: half of the areas would be a lie.
func (r *Renderer) drawable(c Card) Card {
	c.Headline = r.spell(c.Headline)
	c.Validity = r.spell(c.Validity)
	c.Issuer = r.spell(c.Issuer)
	c.Areas = r.spellAll(c.Areas)
	c.Actions = r.spellAll(c.Actions)
	c.Mark, c.Address = ascii(c.Mark), ascii(c.Address)
	return c
}

// mostRunes is the length of a text that fits on no card in any size.
const mostRunes = 3000

// spell returns s on one line in characters that both fonts have, or "" where
// they lack one or s is longer than any card holds.
func (r *Renderer) spell(s string) string {
	if utf8.RuneCountInString(s) > mostRunes {
		return ""
	}
	s = strings.Join(strings.Fields(s), " ")
	// The same to the eye: a hyphen that does not break, a narrow space.
	s = strings.NewReplacer("\u2011", "-", "\u202f", "\u00a0").Replace(s)
	var buf sfnt.Buffer
	for _, c := range s {
		for _, f := range []*sfnt.Font{r.regular, r.bold} {
			if g, err := f.GlyphIndex(&buf, c); err != nil || g == 0 {
				return ""
			}
		}
		if unicode.Is(unicode.Cf, c) {
			return ""
		}
	}
	return s
}

func (r *Renderer) spellAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		spelled := r.spell(s)
		if spelled == "" && strings.TrimSpace(s) != "" {
			return nil
		}
		if spelled != "" {
			out = append(out, spelled)
		}
	}
	return out
}

// ascii returns s if it is printable ASCII without blanks, or "".
func ascii(s string) string {
	for _, c := range s {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return s
}

// A face measures and draws one font in one size. It belongs to one page.
type face struct {
	font.Face
	size float64 // pixels
}

// newFace never fails for a parsed font and a size above zero; a nil face would
// be a defect that every test shows.
func newFace(f *sfnt.Font, size float64) face {
	made, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return face{}
	}
	return face{Face: made, size: size}
}

func (f face) width(s string) int { return font.MeasureString(f, s).Ceil() }

// lead is the distance between two base lines.
func (f face) lead() int { return int(f.size*1.28 + 0.5) }

// wrap breaks text at blanks into as few lines as go with width pixels, and makes
// these about equally long. It reports false where a single word is wider.
func (f face) wrap(text string, width int) ([]string, bool) {
	words := tied(strings.Fields(text))
	wide := make([]int, len(words))
	widest := 0
	for i, word := range words {
		wide[i] = f.width(word)
		widest = max(widest, wide[i])
	}
	if widest > width {
		return nil, false
	}
	best := f.lines(words, wide, width)
	// The narrowest width with the same number of lines leaves no word alone.
	for low, high := widest, width; low < high; {
		middle := (low + high) / 2
		if lines := f.lines(words, wide, middle); len(lines) <= len(best) {
			best, high = lines, middle
		} else {
			low = middle + 1
		}
	}
	return best, true
}

// tied returns words with numbers, dashes and lone punctuation tied to the word
// before them: "alle 12:00" is one thing, and so is "Letimbro :" in French.
func tied(words []string) []string {
	var out []string
	for _, word := range words {
		first := []rune(word)[0]
		if len(out) > 0 && (unicode.IsDigit(first) || unicode.Is(unicode.Pd, first) || strings.ContainsRune(":;?!»", first)) {
			out[len(out)-1] += " " + word
			continue
		}
		out = append(out, word)
	}
	return out
}

// lines fills lines of at most width pixels one after another with words, which
// are wide pixels each.
func (f face) lines(words []string, wide []int, width int) []string {
	blank := f.width(" ")
	var lines []string
	from, used := 0, 0
	for i := range words {
		if i > from && used+blank+wide[i] > width {
			lines = append(lines, strings.Join(words[from:i], " "))
			from, used = i, 0
		}
		if i > from {
			used += blank
		}
		used += wide[i]
	}
	if from < len(words) {
		lines = append(lines, strings.Join(words[from:], " "))
	}
	return lines
}

// fit returns the largest face of f, from size down to least, in which text
// takes at most rows lines of width pixels, and the lines; false where none does.
func fit(f *sfnt.Font, text string, size, least float64, width, rows int) (face, []string, bool) {
	for ; size >= least; size *= 0.94 {
		at := newFace(f, size)
		if lines, ok := at.wrap(text, width); ok && len(lines) <= rows {
			return at, lines, true
		}
	}
	return face{}, nil, false
}
