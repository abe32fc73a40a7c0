package card

import (
	"image"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"tocsin/templates/wording"
)

// shape draws the sign of the level into box: the second carrier of what the
// colour says, besides the word.
func (p *page) shape(img *image.RGBA, box image.Rectangle) {
	pair := level(p.c.Level)
	sign, sides, turn, low := "i", 4, math.Pi/4, 0.0
	switch p.c.Level {
	case wording.Green:
		sides = 72 // a circle to the eye
	case wording.Yellow:
		sign, sides, turn, low = "!", 3, -math.Pi/2, 0.11
	case wording.Orange:
		sign, sides, turn = "!", 4, 0
	case wording.Red:
		sign, sides, turn = "!", 8, math.Pi/8
	}
	if p.c.Act == wording.Cancel {
		sign = "×"
	}
	polygon(img, box, sides, turn, low, pair)
	size := float64(box.Dy()) * 0.62
	if sides == 3 {
		size *= 0.85
	}
	at := newFace(p.r.bold, size)
	bounds, _ := font.BoundString(at, sign)
	middle := fixed.P((box.Min.X+box.Max.X)/2, (box.Min.Y+box.Max.Y)/2+int(low*float64(box.Dy())))
	dot := fixed.Point26_6{
		X: middle.X - (bounds.Min.X+bounds.Max.X)/2,
		Y: middle.Y - (bounds.Min.Y+bounds.Max.Y)/2,
	}
	d := font.Drawer{Dst: img, Src: image.NewUniform(pair.Ground), Face: at, Dot: dot}
	d.DrawString(sign)
}

// polygon fills a regular polygon in the ink of pair, its middle moved down by low
// of the height of box. The first corner stands at the angle turn.
func polygon(img *image.RGBA, box image.Rectangle, sides int, turn, low float64, pair Pair) {
	w := float64(box.Dx())
	radius := w / 2
	switch sides {
	case 3:
		radius = w * 0.62
	case 4:
		if turn != 0 {
			radius = w * 0.62 // a square of nearly the width of the others
		} else {
			radius = w * 0.56
		}
	}
	const edge = 16 // corners may stand out of the box
	r := vector.NewRasterizer(box.Dx()+2*edge, box.Dy()+2*edge)
	for i := range sides {
		angle := turn + 2*math.Pi*float64(i)/float64(sides)
		x := float32(edge + w/2 + radius*math.Cos(angle))
		y := float32(edge + float64(box.Dy())*(0.5+low) + radius*math.Sin(angle))
		if i == 0 {
			r.MoveTo(x, y)
			continue
		}
		r.LineTo(x, y)
	}
	r.ClosePath()
	r.Draw(img, box.Inset(-edge), image.NewUniform(pair.Ink), image.Point{})
}
