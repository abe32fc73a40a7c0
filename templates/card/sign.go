package card

import (
	"image/color"
	"math"

	"tocsin/templates/wording"
)

// sign places the sign of level and act into a square: what says without colour and
// without words what the colour says.
func (p *page) sign(box rect, colours pair) {
	middle := spot{(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2}
	half := box.wide() / 2
	switch p.c.Act {
	case wording.AllClear, wording.Cancel:
		var ring path // an open circle, unlike any level's sign
		ring.line(half*0.16, circle(middle, half*0.9)...)
		p.shape(&ring, colours.ink)
		var mark path
		if p.c.Act == wording.AllClear {
			mark.line(half*0.22, spot{middle.x - half*0.42, middle.y + half*0.02}, spot{middle.x - half*0.12, middle.y + half*0.34}, spot{middle.x + half*0.44, middle.y - half*0.34})
		} else {
			d := half * 0.36
			mark.line(half*0.22, spot{middle.x - d, middle.y - d}, spot{middle.x + d, middle.y + d})
			mark.line(half*0.22, spot{middle.x + d, middle.y - d}, spot{middle.x - d, middle.y + d})
		}
		p.shape(&mark, colours.ink)
		return
	case wording.Issue, wording.Update, wording.Extend, wording.Raise, wording.Lower:
	}
	sides, turn, radius, low := 4, math.Pi/4, 1.16, 0.0
	switch p.c.Level {
	case wording.Green:
		sides, turn, radius = 72, 0, 0.98 // a circle to the eye
	case wording.Yellow:
		sides, turn, radius, low = 3, -math.Pi/2, 1.1, 0.2
	case wording.Orange:
		turn, radius = 0, 1.04
	case wording.Red:
		sides, turn, radius = 8, math.Pi/8, 1
	case wording.Unrated:
	}
	const round = 0.14 // of the corners
	var body path
	centre := spot{middle.x, middle.y + half*low}
	corners := polygonOf(centre, half*(radius-round), sides, turn)
	body.ring(corners...)
	body.line(half*2*round, append(corners, corners[0])...)
	p.shape(&body, colours.ink)
	p.call(centre, half, colours.ground, p.c.Level == wording.Unrated || p.c.Level == wording.Green || p.c.Level > wording.Red)
}

// call places an exclamation mark, or an "i" where there is nothing to warn of.
func (p *page) call(middle spot, half float64, ink color.RGBA, quietly bool) {
	var mark path
	at := func(x, y float64) spot { return spot{middle.x + x*half, middle.y + y*half} }
	switch {
	case quietly:
		mark.line(half*0.2, at(0, -0.08), at(0, 0.42))
		mark.disc(at(0, -0.42), half*0.13)
	default:
		high := 0.0
		if p.c.Level == wording.Yellow {
			high = 0.07 // a triangle is narrow above
		}
		mark.ring(at(-0.12, -0.5+high), at(0.12, -0.5+high), at(0.075, 0.16), at(-0.075, 0.16))
		mark.disc(at(0, 0.4), half*0.125)
	}
	p.shape(&mark, ink)
}

// arrow places a circle that an arrow goes round: what was said is replaced.
func (p *page) arrow(middle spot, radius float64, ink color.RGBA) {
	const from, to, parts = -math.Pi * 0.25, math.Pi * 1.30, 32
	r := radius * 0.78
	var arc path
	points := make([]spot, parts+1)
	for i := range points {
		sin, cos := math.Sincos(from + (to-from)*float64(i)/parts)
		points[i] = spot{middle.x + r*cos, middle.y + r*sin}
	}
	arc.line(radius*0.24, points...)
	// The head stands on the end of the arc, along it.
	sin, cos := math.Sincos(to)
	end, along, out := points[parts], spot{-sin, cos}, spot{cos, sin}
	head := radius * 0.44
	base := spot{end.x + out.x*head, end.y + out.y*head}
	arc.ring(clockwise([]spot{
		base, {end.x + along.x*head*1.5, end.y + along.y*head*1.5}, {end.x - out.x*head, end.y - out.y*head}, base,
	})...)
	p.shape(&arc, ink)
}

func circle(middle spot, radius float64) []spot {
	out := polygonOf(middle, radius, 72, 0)
	return append(out, out[0])
}

func polygonOf(middle spot, radius float64, sides int, turn float64) []spot {
	out := make([]spot, sides)
	for i := range out {
		sin, cos := math.Sincos(turn + 2*math.Pi*float64(i)/float64(sides))
		out[i] = spot{middle.x + radius*cos, middle.y + radius*sin}
	}
	return out
}
