package card

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

//go:embed fonts/*.ttf
var files embed.FS

// A weight is how bold letters are.
type weight uint8

const (
	regular weight = iota
	semibold
	bold
)

// A family is one typeface in all weights.
type family struct {
	fonts [3]*sfnt.Font // by weight
	// advances and kerned hold widths of letters, and how much wider pairs of them
	// stand than these say (mostly below zero), in parts of the size, by weight. Letters
	// that are not there are asked of the font.
	advances [3]map[rune]float64
	kerned   [3]map[[2]rune]float64
}

// lasting are the characters whose widths and kerning are read when the family is:
// what the languages of the frame are written in.
func lasting() []rune {
	var out []rune
	for r := ' '; r <= '~'; r++ {
		out = append(out, r)
	}
	return append(out, []rune("\u00a0ÀÈÉÌÒÙÄÖÜÂÊÎÔÛÇËÏŒàèéìòùäöüßâêîôûçëïœ–—’‘“”«»…·•×°")...)
}

// readFamilies reads Titillium Web, and the Go fonts for texts with letters that it
// lacks.
func readFamilies() ([]*family, error) {
	var titillium [3][]byte
	for i, name := range []string{"Regular", "SemiBold", "Bold"} {
		data, err := files.ReadFile("fonts/TitilliumWeb-" + name + ".ttf")
		if err != nil {
			return nil, fmt.Errorf("read the fonts: %w", err)
		}
		titillium[i] = data
	}
	var out []*family
	for _, data := range [][3][]byte{titillium, {goregular.TTF, gobold.TTF, gobold.TTF}} {
		f := &family{}
		for i := range data {
			parsed, err := sfnt.Parse(data[i])
			if err != nil {
				return nil, fmt.Errorf("read the fonts: %w", err)
			}
			f.fonts[i] = parsed
		}
		out = append(out, f)
	}
	out[0].read()
	return out, nil
}

// read fills the tables of widths and kerning.
func (f *family) read() {
	var buf sfnt.Buffer
	letters := slices.DeleteFunc(lasting(), func(r rune) bool { return !f.has(string(r)) })
	for w := range f.fonts {
		f.advances[w], f.kerned[w] = map[rune]float64{}, map[[2]rune]float64{}
		for _, a := range letters {
			f.advances[w][a] = f.advance(&buf, weight(w), a)
		}
		for _, a := range letters {
			for _, b := range letters {
				if k := f.kern(&buf, weight(w), a, b); k != 0 {
					f.kerned[w][[2]rune{a, b}] = k
				}
			}
		}
	}
}

// em is the size at which fonts are asked for lengths, which then scale.
const em = 1000

func (f *family) advance(buf *sfnt.Buffer, w weight, r rune) float64 {
	g, err := f.fonts[w].GlyphIndex(buf, r)
	if err != nil {
		return 0
	}
	a, err := f.fonts[w].GlyphAdvance(buf, g, fixed.I(em), font.HintingNone)
	if err != nil {
		return 0
	}
	return float64(a) / 64 / em
}

func (f *family) kern(buf *sfnt.Buffer, w weight, a, b rune) float64 {
	if unicode.IsSpace(a) || unicode.IsSpace(b) {
		return 0 // words are measured apart and must come out as measured
	}
	ga, erra := f.fonts[w].GlyphIndex(buf, a)
	gb, errb := f.fonts[w].GlyphIndex(buf, b)
	if erra != nil || errb != nil {
		return 0
	}
	k, err := f.fonts[w].Kern(buf, ga, gb, fixed.I(em), font.HintingNone)
	if err != nil {
		return 0 // no pair of the font
	}
	return float64(k) / 64 / em
}

// has reports whether the family can draw all of s.
func (f *family) has(s string) bool {
	var buf *sfnt.Buffer // few texts need one
	for _, r := range s {
		if _, ok := f.advances[regular][r]; ok {
			continue // of the letters that every weight has
		}
		if buf == nil {
			buf = new(sfnt.Buffer)
		}
		for w := range f.fonts {
			if g, err := f.fonts[w].GlyphIndex(buf, r); err != nil || g == 0 {
				return false
			}
		}
	}
	return true
}

// A style is a font in a size.
type style struct {
	family *family
	weight weight
	size   float64 // pixels
}

// lead is the distance between two base lines.
func (st style) lead() float64 {
	if st.size >= 44 {
		return st.size * 1.17
	}
	return st.size * 1.24
}

const (
	ascent  = 0.76 // of letters, accents on capitals apart, as a part of the size
	capital = 0.69 // of a capital
	descent = 0.24
)

// A type setter measures and breaks texts. It belongs to one call.
type setter struct {
	families []*family
	buf      sfnt.Buffer
	known    map[measured]float64
	steps    []step // of the letters that were drawn last
	rough    bool   // lines need not be about equally long: it is only tried what fits
}

type measured struct {
	family *family
	weight weight
	text   string
}

// style returns a style for text, in the first family that has all its letters.
func (s *setter) style(w weight, size float64, text string) style {
	for _, f := range s.families[:len(s.families)-1] {
		if f.has(text) {
			return style{f, w, size}
		}
	}
	return style{s.families[len(s.families)-1], w, size}
}

// walk calls visit with each letter of text and where it begins, in parts of the
// size, and returns where the last one ends.
func (s *setter) walk(f *family, w weight, text string, visit func(r rune, x float64)) float64 {
	x, before := 0.0, rune(-1)
	for _, r := range text {
		if before >= 0 {
			k, ok := f.kerned[w][[2]rune{before, r}]
			_, one := f.advances[w][before]
			_, two := f.advances[w][r]
			if !ok && (!one || !two) {
				k = f.kern(&s.buf, w, before, r)
			}
			x += k
		}
		if visit != nil {
			visit(r, x)
		}
		a, ok := f.advances[w][r]
		if !ok {
			a = f.advance(&s.buf, w, r)
		}
		x += a
		before = r
	}
	return x
}

// width returns the pixels that text takes on one line.
func (s *setter) width(st style, text string) float64 {
	key := measured{st.family, st.weight, text}
	w, ok := s.known[key]
	if !ok {
		w = s.walk(st.family, st.weight, text, nil)
		s.known[key] = w
	}
	return w * st.size
}

// letters returns the outlines of text, with its base line beginning at x, base. They
// hold until the next call.
func (s *setter) letters(st style, text string, x, base float64) (path, error) {
	p := path{steps: s.steps[:0]}
	defer func() { s.steps = p.steps }()
	var failed error
	f := st.family
	s.walk(f, st.weight, text, func(r rune, at float64) {
		g, err := f.fonts[st.weight].GlyphIndex(&s.buf, r)
		if err != nil {
			failed = err
			return
		}
		segments, err := f.fonts[st.weight].LoadGlyph(&s.buf, g, fixed.I(em), nil)
		if err != nil {
			failed = err
			return
		}
		for _, seg := range segments {
			put := func(i int) spot {
				a := seg.Args[i]
				return spot{x + (at+float64(a.X)/64/em)*st.size, base + float64(a.Y)/64/em*st.size}
			}
			switch seg.Op {
			case sfnt.SegmentOpMoveTo:
				p.add('M', put(0))
			case sfnt.SegmentOpLineTo:
				p.add('L', put(0))
			case sfnt.SegmentOpQuadTo:
				p.add('Q', put(0), put(1))
			case sfnt.SegmentOpCubeTo:
				p.add('C', put(0), put(1), put(2))
			}
		}
	})
	if failed != nil {
		return p, fmt.Errorf("draw %q: %w", text, failed)
	}
	return p, nil
}

// wrap breaks text at blanks into as few lines as go with width pixels, and makes
// these about equally long. It reports false where a single word is wider.
func (s *setter) wrap(st style, text string, width float64) ([]string, bool) {
	words := tied(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }))
	wide := make([]float64, len(words))
	widest := 0.0
	for i, word := range words {
		wide[i] = s.width(st, word)
		widest = max(widest, wide[i])
	}
	if widest > width {
		return nil, false
	}
	blank := s.width(st, " ")
	best := fillLines(words, wide, blank, width)
	if s.rough {
		return best, true
	}
	// The narrowest width with the same number of lines leaves no word alone.
	for low, high := widest, width; high-low > 1; {
		middle := (low + high) / 2
		if lines := fillLines(words, wide, blank, middle); len(lines) <= len(best) {
			best, high = lines, middle
		} else {
			low = middle
		}
	}
	return best, true
}

// tied returns words with those joined that no line may divide: "alle 12:00", "14:00
// Uhr", "23 novembre 2026", and in French "Letimbro :".
func tied(words []string) []string {
	var out []string
	for i, word := range words {
		if i > 0 && glued(words[i-1], word, words[min(i+1, len(words)-1)]) {
			out[len(out)-1] += " " + word
			continue
		}
		out = append(out, word)
	}
	return out
}

// glued reports whether word stays with the word before it; after is the next one.
func glued(before, word, after string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	parted := strings.ContainsRune(",.;:", rune(before[len(before)-1]))
	switch {
	case unicode.Is(unicode.Pd, first) || strings.ContainsRune(":;?!»", first):
		return true
	case day(before): // "23 novembre", "24. November"
		return !unicode.IsDigit(first)
	case word == "Uhr" || word == "Uhr,":
		return true
	case !unicode.IsDigit(first) || parted || day(word):
		return false
	}
	return !strings.HasPrefix(after, "Uhr") // "14:00 Uhr" goes by itself
}

// day reports whether word is the number of a day: "23", "24.", "1°", "1er".
func day(word string) bool {
	number := strings.TrimRight(word, ".°er")
	if len(number) == 0 || len(number) > 2 {
		return false
	}
	return strings.Trim(number, "0123456789") == ""
}

// fillLines fills lines of at most width pixels one after another with words, which
// are wide pixels each.
func fillLines(words []string, wide []float64, blank, width float64) []string {
	var lines []string
	from, used := 0, 0.0
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

// fit returns the largest style from size down to least in which text takes at most
// rows lines of width pixels, and the lines; false where none does.
func (s *setter) fit(w weight, text string, size, least, width float64, rows int) (style, []string, bool) {
	for ; size >= least; size *= 0.96 {
		st := s.style(w, size, text)
		if lines, ok := s.wrap(st, text, width); ok && len(lines) <= rows {
			return st, lines, true
		}
	}
	return style{}, nil, false
}

// drawable returns c with the texts spelled as the fonts can draw them, and
// without those that hold a letter which they lack. A list is kept or left out
// whole: half of the areas would be a lie.
func (r *Renderer) drawable(c Card) Card {
	c.Headline = r.spell(c.Headline)
	c.Validity = r.spell(c.Validity)
	c.Issuer = r.spell(c.Issuer)
	c.Areas = r.spellAll(c.Areas)
	c.Actions = r.spellAll(c.Actions)
	if proviso := r.spell(c.Proviso); proviso == "" && strings.TrimSpace(c.Proviso) != "" {
		c.Actions = nil // steps hold under words that can't be drawn
	} else {
		c.Proviso = proviso
	}
	if len(c.Actions) == 0 {
		c.Proviso = ""
	}
	c.Mark, c.Address, c.Check = ascii(c.Mark), ascii(c.Address), ascii(c.Check)
	return c
}

// mostRunes is the length of a text that fits on no card in any size.
const mostRunes = 3000

// spell returns s on one line in characters that one family has, or "" where none
// has them all or s is longer than any card holds.
func (r *Renderer) spell(s string) string {
	if utf8.RuneCountInString(s) > mostRunes {
		return ""
	}
	s = strings.Join(strings.Fields(s), " ")
	// The same to the eye: a hyphen that does not break, a narrow space.
	s = strings.NewReplacer("\u2011", "-", "\u202f", "\u00a0").Replace(s)
	if strings.ContainsFunc(s, func(c rune) bool { return unicode.Is(unicode.Cf, c) }) ||
		!slices.ContainsFunc(r.families, func(f *family) bool { return f.has(s) }) {
		return ""
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

// capitals returns s in capitals, where ß becomes SS.
func capitals(s string) string {
	return strings.ToUpper(strings.ReplaceAll(s, "ß", "ss"))
}
