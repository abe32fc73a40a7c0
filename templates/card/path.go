package card

import (
	"math"

	"tocsin/templates/places"
)

// A spot is a place on the card, in pixels from its upper left corner.
type spot struct{ x, y float64 }

// A path is what one stroke of ink fills: closed lines, straight or curved. What
// several of its lines go round in the same direction is filled once.
type path struct {
	steps                  []step
	minX, minY, maxX, maxY float64 // all its points lie between
	period                 float64 // of its diagonal stripes, in pixels along a row; 0 for none
}

// A step is one command of a path: a beginning, a line, a curve of second or third
// order, or a whole piece of a line of some width.
type step struct {
	kind byte // 'M', 'L', 'Q', 'C', 'W'
	at   [3]spot
	wide float64 // of the line
}

func (p *path) add(kind byte, at ...spot) {
	s := step{kind: kind}
	for i, a := range at {
		s.at[i] = a
		if len(p.steps) == 0 && i == 0 {
			p.minX, p.maxX, p.minY, p.maxY = a.x, a.x, a.y, a.y
		}
		p.minX, p.maxX = min(p.minX, a.x), max(p.maxX, a.x)
		p.minY, p.maxY = min(p.minY, a.y), max(p.maxY, a.y)
	}
	p.steps = append(p.steps, s)
}

// ring adds a closed line through at.
func (p *path) ring(at ...spot) {
	for i, a := range at {
		kind := byte('L')
		if i == 0 {
			kind = 'M'
		}
		p.add(kind, a)
	}
}

// disc adds a circle.
func (p *path) disc(middle spot, radius float64) {
	n := 12 + int(radius/3)
	p.polygon(middle, radius, n, 0)
}

// polygon adds a regular polygon whose first corner stands at the angle turn.
func (p *path) polygon(middle spot, radius float64, sides int, turn float64) {
	p.ring(polygonOf(middle, radius, sides, turn)...)
}

// line adds a line of some width through at, with round ends and corners.
func (p *path) line(wide float64, at ...spot) {
	half := wide / 2
	for i := range max(0, len(at)-1) {
		a, b := at[i], at[i+1]
		if len(p.steps) == 0 {
			p.minX, p.maxX, p.minY, p.maxY = a.x, a.x, a.y, a.y
		}
		p.minX, p.maxX = min(p.minX, a.x-half, b.x-half), max(p.maxX, a.x+half, b.x+half)
		p.minY, p.maxY = min(p.minY, a.y-half, b.y-half), max(p.maxY, a.y+half, b.y+half)
		p.steps = append(p.steps, step{kind: 'W', at: [3]spot{a, b}, wide: wide})
	}
}

// stroke calls ring with the closed lines that a piece of a line from a to b is made
// of. All turn the same way round, so that what they share is filled once.
func stroke(a, b spot, wide float64, ring func(at ...spot)) {
	half := wide / 2
	if wide > 2 { // in a hairline nobody sees corners
		sides := 6 + int(half)
		ring(polygonOf(a, half, sides, 0)...)
		ring(polygonOf(b, half, sides, 0)...)
	}
	long := math.Hypot(b.x-a.x, b.y-a.y)
	if long == 0 {
		return
	}
	dx, dy := (b.y-a.y)/long*half, (b.x-a.x)/long*half
	ring(spot{a.x + dx, a.y - dy}, spot{b.x + dx, b.y - dy}, spot{b.x - dx, b.y + dy}, spot{a.x - dx, a.y + dy})
}

// A projection puts places of the earth on the card.
type projection struct {
	west, north   float64
	narrow, scale float64 // degrees of longitude in those of latitude; pixels a degree
	x, y          float64
}

// project returns the projection that fits box into a frame of the card, in the middle
// of its height and at its left, where texts begin too.
func project(box places.Box, frame rect) projection {
	narrow := math.Cos((box.North + box.South) / 2 * math.Pi / 180)
	wide, high := max((box.East-box.West)*narrow, 1e-6), max(box.North-box.South, 1e-6)
	scale := min(frame.wide()/wide, frame.high()/high)
	return projection{
		west: box.West, north: box.North, narrow: narrow, scale: scale,
		x: frame.x0, y: frame.y0 + (frame.high()-high*scale)/2,
	}
}

func (pr projection) spot(p places.Point) spot {
	return spot{pr.x + (p.Lon-pr.west)*pr.narrow*pr.scale, pr.y + (pr.north-p.Lat)*pr.scale}
}

func (pr projection) ring(ring places.Ring) []spot {
	out := make([]spot, len(ring))
	for i, p := range ring {
		out[i] = pr.spot(p)
	}
	return out
}

// A rect is a rectangle on the card.
type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) wide() float64 { return r.x1 - r.x0 }
func (r rect) high() float64 { return r.y1 - r.y0 }
func (r rect) inset(by float64) rect {
	return rect{r.x0 + by, r.y0 + by, r.x1 - by, r.y1 - by}
}
func (r rect) path() path {
	var p path
	p.ring(spot{r.x0, r.y0}, spot{r.x1, r.y0}, spot{r.x1, r.y1}, spot{r.x0, r.y1})
	return p
}
