// Package card draws the picture of an alert for channels that show pictures: one
// JPEG of 1080 by 1350 pixels with the level, what happens, where, when, what to
// do, and the code and address by which anyone can check it.
//
// The picture says nothing that the post beside it does not say in words. The
// package takes texts as they are, chooses none and translates none. Nothing in
// a picture is ever cut off: what does not fit is drawn smaller, then left out
// whole in an order that [Renderer.Render] names, and what cannot be drawn,
// because the font lacks a letter, is left out and never shown as boxes.
package card

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"unicode/utf8"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"

	"tocsin/templates/wording"
)

// The size of a card in pixels: 4:5, the tallest that Instagram takes.
const (
	Width  = 1080
	Height = 1350
)

// MaxBytes is the most that the JPEG of a card has. People who need it are on a
// network that everybody uses at that moment.
const MaxBytes = 200_000

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
	Areas    []string // where
	Validity string   // when, in words
	Actions  []string // what to do; the first three are shown
	Issuer   string   // the office
	Mark     string   // the alert code with the bulletin's number; required, in ASCII
	Address  string   // of the full text; required, in ASCII
}

// A Picture is a card as it was drawn.
type Picture struct {
	JPEG []byte
	// Shown is the card without what was left out, for the description in words.
	// Where some areas were left out, the last of Areas says how many.
	Shown Card
}

// A Renderer draws cards. It holds the fonts, which are read once, and is safe for
// concurrent use.
type Renderer struct {
	regular, bold *sfnt.Font
}

// NewRenderer reads the fonts (the Go fonts, BSD licence, part of the program).
func NewRenderer() (*Renderer, error) {
	regular, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the regular font: %w", err)
	}
	bold, err := sfnt.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the bold font: %w", err)
	}
	return &Renderer{regular: regular, bold: bold}, nil
}

// Render draws c as a JPEG of at most [MaxBytes]. The same card gives the same
// bytes.
//
// What does not fit is first drawn in smaller letters. Then these are left out,
// one after another until the rest fits: areas after the eighth, areas after the
// third, the third action, the second, the first, the validity, all areas. The
// error wraps [ErrNoRoom] where even level, headline, issuer, code and address do
// not fit. Texts with letters that the font lacks are left out before.
func (r *Renderer) Render(c Card) (Picture, error) {
	img, shown, err := r.Draw(c)
	if err != nil {
		return Picture{}, err
	}
	// Text on flat grounds stays crisp down to 70; no card has needed it.
	for _, quality := range []int{90, 80, 70} {
		var out bytes.Buffer
		if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
			return Picture{}, fmt.Errorf("encode the card: %w", err)
		}
		if out.Len() <= MaxBytes {
			return Picture{JPEG: out.Bytes(), Shown: shown}, nil
		}
	}
	return Picture{}, fmt.Errorf("encode the card: it has more than %d bytes", MaxBytes)
}

// Draw draws c as Render does, without the losses of JPEG, and returns the card
// without what was left out.
func (r *Renderer) Draw(c Card) (*image.RGBA, Card, error) {
	tooLong := fmt.Errorf("draw the card: %w: shorten the headline (%d characters) or the issuer's name (%d)",
		ErrNoRoom, utf8.RuneCountInString(c.Headline), utf8.RuneCountInString(c.Issuer))
	if utf8.RuneCountInString(c.Headline) > mostRunes || utf8.RuneCountInString(c.Issuer) > mostRunes {
		return nil, Card{}, tooLong
	}
	c = r.drawable(c)
	if c.Mark == "" || c.Address == "" {
		return nil, Card{}, errors.New("draw the card: alert code or address is missing or not in ASCII; both are what makes a picture checkable")
	}
	for _, try := range reductions(c) {
		for _, scale := range scales() {
			p := newPage(r, try, scale)
			if p.layout() {
				return p.draw(), try, nil
			}
		}
	}
	return nil, Card{}, tooLong
}

// scales are the sizes of the body's letters, largest first, as a factor. At the
// smallest, letters are 20 pixels high: 7 points on a telephone.
func scales() []float64 { return []float64{1.25, 1.15, 1.05, 1, 0.93, 0.86, 0.8, 0.74, 0.68} }

// reductions returns c and then what is left of it after each step of leaving
// out.
func reductions(c Card) []Card {
	const some, few = 8, 3 // areas that are named before "and others"
	if len(c.Actions) > 3 {
		c.Actions = c.Actions[:3]
	}
	out := []Card{c}
	all := c.Areas
	for _, n := range []int{some, few} {
		if len(all) > n+1 {
			c.Areas = slices.Clone(all[:n])
			c.Areas[n-1] += " " + wording.For(c.Lang).Others(len(all)-n)
			out = append(out, c)
		}
	}
	for n := len(c.Actions) - 1; n >= 0; n-- {
		c.Actions = c.Actions[:n]
		out = append(out, c)
	}
	c.Validity = ""
	out = append(out, c)
	c.Areas = nil
	return append(out, c)
}
