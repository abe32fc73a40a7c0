// Package card draws the picture of an alert for channels that show pictures: the
// level, what happens, where (in words and on a map), when, what to do, and the code
// and address by which anyone can check it.
//
// The picture says nothing that the post beside it does not say in words. The
// package takes texts as they are, chooses none and translates none: it knows no CAP
// and no scenario. Nothing in a picture is ever cut off: what does not fit is drawn
// smaller, then left out whole in an order that [Renderer.Render] names, and what
// cannot be drawn, because the fonts lack a letter, is left out and never shown as
// boxes. What is drawn stands in [Picture.Alt] too.
package card

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"

	"tocsin/templates/places"
	"tocsin/templates/wording"
)

// A Size is one of the sizes of a card.
type Size uint8

// The sizes in pixels.
const (
	Portrait  Size = iota // 1080 by 1350: 4:5, the tallest that Instagram takes
	Landscape             // 1200 by 675: 16:9, what X, Facebook and Telegram show whole
)

// A Format is how a card is packed.
type Format uint8

// The formats.
const (
	JPEG Format = iota // what every platform takes
	PNG                // without losses
)

const (
	// MaxBytes is the most that a card has in any format. People who need it are on a
	// network that everybody uses at that moment.
	MaxBytes = 300_000
	// MaxAlt is the most characters that a card has in words: X and Instagram take 1,000.
	MaxAlt = 1000
)

// ErrNoRoom is wrapped by the error of [Renderer.Render] for a card whose text
// does not fit even in the smallest letters and without what may be left out.
var ErrNoRoom = errors.New("it does not fit on the card")

// A Card is what a picture shows. Texts are plain and in Unicode form NFC; white
// space in them counts as one blank.
type Card struct {
	Lang   string // BCP 47, of all texts; chooses the labels
	Drill  wording.Drill
	Act    wording.Act
	Level  wording.Level
	Colour bool // Level is an alert colour that the issuer declared
	// Headline says what happens.
	Headline string
	Areas    []string // where, in words
	// Shape is where, as the borders of the whole area; nil for a card without a
	// map. A map of a part of the area would be a lie.
	Shape    []places.Ring
	Validity string // when, in words
	// Proviso is what the actions hold under, "" for nothing. It is shown with them,
	// or none of them is.
	Proviso string
	Actions []string // what to do; the first three are shown
	Issuer  string   // the office
	Mark    string   // the alert code with the bulletin's number; required, in ASCII
	Address string   // of the full text, as people read it; required, in ASCII
	// Check is the whole address at which the alert can be checked, for the QR code;
	// in ASCII, "" for a card without one.
	Check string
}

// A Picture is a card as it was drawn.
type Picture struct {
	Data []byte // in the format that was asked for
	// Shown is the card without what was left out. Where some areas were left out, the
	// last of Areas says how many.
	Shown Card
	// Alt says in words what the picture shows, for those who don't see it.
	Alt string
}

// A Renderer draws cards. It holds the fonts and the outlines of the territory,
// which are read once, and is safe for concurrent use.
type Renderer struct {
	families  []*family
	territory *places.Territory
	canvases  sync.Pool // of *canvas: pixels are reused
}

// NewRenderer reads the fonts and the outlines, which are part of the program.
func NewRenderer() (*Renderer, error) {
	families, err := readFamilies()
	if err != nil {
		return nil, err
	}
	savona, err := places.Savona()
	if err != nil {
		return nil, err
	}
	return &Renderer{families: families, territory: savona, canvases: sync.Pool{New: func() any { return new(canvas) }}}, nil
}

// Territory returns the territory whose borders cards show.
func (r *Renderer) Territory() *places.Territory { return r.territory }

// Render draws c in a size and packs it in a format, with at most [MaxBytes]. The
// same card gives the same bytes.
//
// What does not fit, or can't be said in [MaxAlt] characters, is first drawn in
// letters down to four fifths of their size. Then are left out: the map; areas after
// the eighth, and after the third, first with the map. Then letters shrink down to
// two thirds. Then are left out, one after another: the third action, the second, the
// first, the validity, all areas. The error wraps [ErrNoRoom] where even
// level, headline, issuer, code and address do not fit. Texts with letters that the
// fonts lack are left out before.
func (r *Renderer) Render(c Card, s Size, f Format) (Picture, error) {
	p, err := r.compose(c, s)
	if err != nil {
		return Picture{}, err
	}
	paper := r.canvases.Get().(*canvas) //nolint:forcetypeassert // the pool holds nothing else
	defer r.canvases.Put(paper)
	if err := p.draw(paper); err != nil {
		return Picture{}, err
	}
	data, err := paper.encode(f)
	if err != nil {
		return Picture{}, err
	}
	return Picture{Data: data, Shown: p.c, Alt: p.alt}, nil
}

// Lay puts everything in its place as [Renderer.Render] does, and draws nothing: Data of
// the result is nil. It takes a fiftieth of the time.
func (r *Renderer) Lay(c Card, s Size) (Picture, error) {
	p, err := r.compose(c, s)
	if err != nil {
		return Picture{}, err
	}
	return Picture{Shown: p.c, Alt: p.alt}, nil
}

// compose returns the page of c with everything in its place.
func (r *Renderer) compose(c Card, s Size) (*page, error) {
	tooLong := fmt.Errorf("draw the card: %w: shorten the headline (%d characters) or the issuer's name (%d)",
		ErrNoRoom, utf8.RuneCountInString(c.Headline), utf8.RuneCountInString(c.Issuer))
	if utf8.RuneCountInString(c.Headline) > mostRunes || utf8.RuneCountInString(c.Issuer) > mostRunes {
		return nil, tooLong
	}
	check := c.Check
	c = r.drawable(c)
	if c.Mark == "" || c.Address == "" || c.Check != check {
		return nil, errors.New("draw the card: the alert code or an address is missing or not in ASCII; they are what makes a picture checkable")
	}
	p := newPage(r, c, s)
	if !p.surround() {
		return nil, tooLong
	}
	for _, a := range attempts(c) {
		alt, ok := inWords(a.card, r.territory)
		for i := 0; ok && i < len(a.scales); i++ {
			if p.fill(a.card, a.scales[i]) {
				p.alt = alt
				return p, nil
			}
		}
	}
	return nil, tooLong
}

// An attempt is a card, perhaps with less on it, and the sizes of letters to try, as
// factors, largest first.
type attempt struct {
	card   Card
	scales []float64
}

// attempts returns what is tried for c, the best first: everything in letters that
// are easily read; less in such letters; less in smaller ones (at the smallest, 26
// pixels on the tall card: 9 points on a telephone); and even less in any.
func attempts(c Card) []attempt {
	easy := []float64{1.2, 1.14, 1.08, 1.04, 1, 0.96, 0.92, 0.88, 0.84, 0.8}
	small := []float64{0.76, 0.72, 0.68}
	if len(c.Actions) > 3 {
		c.Actions = c.Actions[:3]
	}
	maps := []Card{c}
	if c.Shape != nil {
		c.Shape = nil
		maps = append(maps, c)
	}
	cards := slices.Clone(maps)
	all := c.Areas
	for _, n := range []int{8, 3} { // areas that are named before "and others"
		if len(all) > n+1 {
			areas := slices.Clone(all[:n])
			areas[n-1] += " " + wording.For(c.Lang).Others(len(all)-n)
			for _, c := range maps {
				c.Areas = areas
				cards = append(cards, c)
			}
		}
	}
	var out []attempt
	for _, scales := range [][]float64{easy, small} {
		for _, c := range cards {
			out = append(out, attempt{c, scales})
		}
	}
	scales := append(slices.Clone(easy), small...)
	c = cards[len(cards)-1] // without the map, with the fewest areas
	for n := len(c.Actions) - 1; n >= 0; n-- {
		if c.Actions = c.Actions[:n]; n == 0 {
			c.Proviso = ""
		}
		out = append(out, attempt{c, scales})
	}
	c.Validity = ""
	out = append(out, attempt{c, scales})
	c.Areas = nil
	return append(out, attempt{c, scales})
}
