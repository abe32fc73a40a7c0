package card

import (
	"math"
	"slices"
	"strconv"

	"tocsin/templates/places"
	"tocsin/templates/wording"
)

// legend returns what is written under the map of c: what its colour shows, and the
// territory with where its borders come from, or that there are none.
func legend(c Card, t *places.Territory) []string {
	w := wording.For(c.Lang)
	if within(c.Shape, t) {
		return []string{w.AreaOnMap, t.Name(c.Lang), w.Borders + " " + t.Credit}
	}
	return []string{w.AreaOnMap, w.ShapeAlone, scaleOf(c.Shape).label}
}

// within reports whether a shape can be shown on the map of a territory: none of it
// lies more than some kilometres outside the box around it.
func within(shape []places.Ring, t *places.Territory) bool {
	const near = 0.06 // degrees: what lies off the coast, and a little of the neighbours
	return places.BoxOf(t.Outline).Grown(near).Holds(places.BoxOf(shape))
}

// A bar is the scale of a map that has no borders to compare with.
type bar struct {
	degrees float64 // of latitude
	label   string  // "5 km"
}

// scaleOf returns a bar of a round length, between an eighth and a third of the
// shape.
func scaleOf(shape []places.Ring) bar {
	const degree = 111_200 // metres
	box := places.BoxOf(shape)
	wide := max(box.North-box.South, (box.East-box.West)*math.Cos((box.North+box.South)/2*math.Pi/180)) * degree
	most := wide / 3
	metres := math.Pow(10, math.Floor(math.Log10(max(most, 1))))
	for _, n := range []float64{5, 2} {
		if metres*n <= most {
			metres *= n
			break
		}
	}
	label := strconv.FormatFloat(metres, 'f', -1, 64) + " m"
	if metres >= 1000 {
		label = strconv.FormatFloat(metres/1000, 'f', -1, 64) + " km"
	}
	return bar{degrees: metres / degree, label: label}
}

// plan places the legend of the map into r and keeps the rest for the map; false
// where that is not enough.
func (p *page) plan(r rect) bool {
	base := within(p.c.Shape, p.r.territory)
	words, ok := p.legend(r.wide(), base)
	if !ok {
		return false
	}
	frame := rect{r.x0, r.y0, r.x1, r.y1 - words.high - p.f.small*0.5}
	if frame.high() < p.f.chart*0.5 {
		return false
	}
	if most := r.wide() * 1.12; frame.high() > most { // no taller than the map needs
		frame.y1 = frame.y0 + most
	}
	p.pieces = append(p.pieces, words.at(r.x0, frame.y1+p.f.small*0.5)...)
	p.chart = frame
	return true
}

// survey places the map itself.
func (p *page) survey() {
	frame := p.chart
	const air = 4 // pixels for the width of lines
	if within(p.c.Shape, p.r.territory) {
		pr := project(places.BoxOf(p.r.territory.Outline).Grown(0.004), frame)
		if box := places.BoxOf(append(slices.Clone(p.r.territory.Outline), p.c.Shape...)); !places.BoxOf(p.r.territory.Outline).Holds(box) {
			pr = project(box, frame.inset(air))
		}
		p.ground(pr)
		p.area(pr, true)
		return
	}
	p.rectangle(frame, land)
	inner := frame.inset(p.f.small)
	inner.y1 -= p.f.small // of the bar
	pr := project(places.BoxOf(p.c.Shape), inner)
	p.area(pr, false)
	p.bar(pr, frame)
}

// legend returns the lines under the map, with a sample of the area's colour before
// the first.
func (p *page) legend(wide float64, base bool) (flow, bool) {
	texts := legend(p.c, p.r.territory)
	if !base {
		texts = texts[:2] // the length stands at its bar
	}
	var out flow
	for i, text := range texts {
		w, size, indent := regular, p.f.small, 0.0
		switch i {
		case 0:
			w, indent = semibold, p.f.small*1.5
		case 2:
			size = p.f.small * 0.84
		}
		st, lines, ok := p.set.fit(w, text, size, size*0.8, wide-indent, 2)
		if !ok {
			return out, false
		}
		f := p.lines(lines, st, labelPair())
		if i == 0 {
			f.pieces = f.at(indent, 0)
			side := p.f.small
			y := f.pieces[0].base - st.size*capital/2 - side/2
			box := rect{1, y, 1 + side, y + side}
			sample := box.path()
			f.pieces = append(f.pieces, p.tint(&sample)...)
			var edge path
			edge.line(2.5, spot{box.x0, box.y0}, spot{box.x1, box.y0}, spot{box.x1, box.y1}, spot{box.x0, box.y1}, spot{box.x0, box.y0})
			f.pieces = append(f.pieces, pathPiece(&edge, night))
		}
		out.below(f, p.f.small*[...]float64{0, 0.3, 0}[i])
	}
	return out, true
}

// tint returns what fills a path as the area is filled: stripes where what was said
// is revoked.
func (p *page) tint(s *path) []piece {
	if p.c.Act != wording.Cancel {
		return []piece{pathPiece(s, areaColour(p.c))}
	}
	stripes := *s
	stripes.period = 12
	return []piece{pathPiece(s, paper), pathPiece(&stripes, areaColour(p.c))}
}

// ground places the territory: its land and the borders in it.
func (p *page) ground(pr projection) {
	var whole, inside, outline path
	for _, ring := range p.r.territory.Outline {
		whole.ring(clockwise(pr.ring(ring))...)
		outline.line(2.2, pr.ring(ring)...)
	}
	for _, m := range p.r.territory.Municipalities {
		for _, ring := range m.Rings {
			inside.line(1.3, pr.ring(ring)...)
		}
	}
	p.shape(&whole, land)
	p.shape(&inside, border)
	p.shape(&outline, coast)
}

// area places the area itself: filled, with a dark edge around all of it and thin
// lines between its parts, and a ring around what is too small to see.
func (p *page) area(pr projection, base bool) {
	type side struct{ a, b places.Point }
	sides := map[side]int{}
	key := func(a, b places.Point) side {
		if a.Lat < b.Lat || a.Lat == b.Lat && a.Lon < b.Lon {
			return side{a, b}
		}
		return side{b, a}
	}
	var whole, inside, edge path
	thick := 2.6
	for _, ring := range p.c.Shape {
		whole.ring(clockwise(pr.ring(ring))...)
		for i := range len(ring) - 1 {
			sides[key(ring[i], ring[i+1])]++
		}
	}
	small := base && max(whole.maxX-whole.minX, whole.maxY-whole.minY) < 1.5*p.f.small
	if small {
		thick = 1.2
	}
	for _, ring := range p.c.Shape {
		box := places.BoxOf([]places.Ring{ring})
		if max(box.North-box.South, box.East-box.West)*pr.scale < 8 && len(p.c.Shape) > 1 {
			continue // an islet would be nothing but edge
		}
		for i := range len(ring) - 1 {
			a, b := pr.spot(ring[i]), pr.spot(ring[i+1])
			if sides[key(ring[i], ring[i+1])] > 1 {
				inside.line(1.2, a, b)
			} else {
				edge.line(thick, a, b)
			}
		}
	}
	p.pieces = append(p.pieces, p.tint(&whole)...)
	p.shape(&inside, border)
	p.shape(&edge, night)
	if small {
		var ring path
		ring.line(4, circle(spot{(whole.minX + whole.maxX) / 2, (whole.minY + whole.maxY) / 2}, 1.25*p.f.small)...)
		p.shape(&ring, night)
	}
}

// bar places the scale in the lower left corner of a map without borders.
func (p *page) bar(pr projection, frame rect) {
	b := scaleOf(p.c.Shape)
	colours := pair{night, land}
	st := p.set.style(semibold, p.f.small, b.label)
	x, y := frame.x0+p.f.small*0.7, frame.y1-p.f.small*0.8
	var line path
	tick := p.f.small * 0.3
	end := x + b.degrees*pr.scale
	line.line(3, spot{x, y - tick}, spot{x, y}, spot{end, y}, spot{end, y - tick})
	p.shape(&line, night)
	p.line(b.label, st, colours, x+tick, y-tick*0.8)
}

// clockwise returns a closed line that turns clockwise, so that areas which share
// ground are filled once.
func clockwise(ring []spot) []spot {
	sum := 0.0
	for i := range len(ring) - 1 {
		sum += ring[i].x*ring[i+1].y - ring[i+1].x*ring[i].y
	}
	if sum < 0 {
		slices.Reverse(ring)
	}
	return ring
}
