package card

import "image/color"

// A Piece is a thing that a card draws, as its layout placed it.
type Piece struct {
	Text           string // "" for what is no text
	Left, Top      float64
	Right, Bottom  float64
	Ink, Ground    color.RGBA // a shape has no ground
	Whole, Letters bool       // a filled rectangle; a line of text
}

// Pieces returns what a card draws, in the order in which it does.
func (r *Renderer) Pieces(c Card, s Size) ([]Piece, error) {
	p, err := r.compose(c, s)
	if err != nil {
		return nil, err
	}
	out := make([]Piece, len(p.pieces))
	for i, it := range p.pieces {
		out[i] = Piece{
			Text: it.text, Left: it.box.x0, Top: it.box.y0, Right: it.box.x1, Bottom: it.box.y1,
			Ink: it.pair.ink, Ground: it.pair.ground, Whole: it.whole, Letters: it.text != "",
		}
		if it.text == "" {
			continue
		}
		letters, err := p.set.letters(it.style, it.text, it.box.x0, it.base)
		if err != nil {
			return nil, err
		}
		out[i].Top, out[i].Bottom = letters.minY, letters.maxY // what is inked
		out[i].Left, out[i].Right = letters.minX, letters.maxX
	}
	return out, nil
}

// Alt returns what a card says in words, without the picture.
func (r *Renderer) Alt(c Card, s Size) (string, error) {
	p, err := r.compose(c, s)
	if err != nil {
		return "", err
	}
	return p.alt, nil
}

// Frame returns the width of the stripes of a drill and the margin of texts.
func Frame(s Size) (stripes, margin float64) {
	f := formOf(s)
	return f.frame, f.margin
}
