package alert

import (
	"math"
	"slices"
)

// A side is the line between two neighbours of a ring.
type side struct {
	from, to Point
	index    int // in the ring
	// low and high bound it along the axis of the sweep, left and right across.
	low, high, left, right float64
}

// Crosses reports whether the ring crosses or touches itself, as [Inspect] finds it.
func (p Polygon) Crosses() bool {
	all := math.MaxInt
	_, crosses := p.crossing(&all)
	return crosses
}

// crossing returns a place where the ring crosses or touches itself. It compares only
// sides that lie side by side along the axis in which they overlap least, and each
// comparison is taken from budget: when that falls below zero, nothing was found so far
// and the rest was not looked at.
//
// Coordinates are taken as a plane, as every map of a municipality or a region has them.
func (p Polygon) crossing(budget *int) (Point, bool) {
	sides := p.sides()
	slices.SortFunc(sides, func(a, b side) int {
		switch {
		case a.low < b.low:
			return -1
		case a.low > b.low:
			return 1
		}
		return a.index - b.index
	})
	var open []*side // those that the sweep has not yet left behind
	for i := range sides {
		s, kept := &sides[i], open[:0]
		for _, o := range open {
			if o.high < s.low {
				continue
			}
			kept = append(kept, o)
			if *budget--; *budget < 0 {
				return Point{}, false
			}
			if o.right < s.left || o.left > s.right {
				continue
			}
			if at, meets := o.meets(s, len(sides)); meets {
				return at, true
			}
		}
		open = append(kept, s)
	}
	return Point{}, false
}

// sides returns the sides of a closed ring that have a length.
func (p Polygon) sides() []side {
	sides := make([]side, 0, len(p))
	var north, east float64 // how much the sides overlap along each axis
	for i := 1; i < len(p); i++ {
		if p[i] != p[i-1] {
			sides = append(sides, side{from: p[i-1], to: p[i], index: len(sides)})
			north += math.Abs(p[i].Lat - p[i-1].Lat)
			east += math.Abs(p[i].Lon - p[i-1].Lon)
		}
	}
	low, high := Point{Lat: 90, Lon: 180}, Point{Lat: -90, Lon: -180}
	for _, q := range p {
		low = Point{Lat: min(low.Lat, q.Lat), Lon: min(low.Lon, q.Lon)}
		high = Point{Lat: max(high.Lat, q.Lat), Lon: max(high.Lon, q.Lon)}
	}
	byLat := north*(high.Lon-low.Lon) <= east*(high.Lat-low.Lat)
	for i := range sides {
		s := &sides[i]
		s.low, s.high = min(s.from.Lat, s.to.Lat), max(s.from.Lat, s.to.Lat)
		s.left, s.right = min(s.from.Lon, s.to.Lon), max(s.from.Lon, s.to.Lon)
		if !byLat {
			s.low, s.high, s.left, s.right = s.left, s.right, s.low, s.high
		}
	}
	return sides
}

// meets returns where two sides of a ring of n sides meet, if they do so other than
// at the corner that neighbours share.
func (s *side) meets(o *side, n int) (Point, bool) {
	if s.index > o.index {
		s, o = o, s
	}
	switch {
	case o.index == s.index+1:
		return o.from, folds(s.from, o.from, o.to)
	case s.index == 0 && o.index == n-1:
		return s.from, folds(o.from, s.from, s.to)
	}
	a, b := turn(s.from, s.to, o.from), turn(s.from, s.to, o.to)
	c, d := turn(o.from, o.to, s.from), turn(o.from, o.to, s.to)
	if a*b < 0 && c*d < 0 {
		return o.from, true
	}
	for _, touch := range []struct {
		turn  float64
		point Point
		on    *side
	}{{a, o.from, s}, {b, o.to, s}, {c, s.from, o}, {d, s.to, o}} {
		if touch.turn == 0 && touch.on.spans(touch.point) {
			return touch.point, true
		}
	}
	return Point{}, false
}

// folds reports whether the way from a over b to c turns back on itself.
func folds(a, b, c Point) bool {
	return turn(a, b, c) == 0 && (a.Lat-b.Lat)*(c.Lat-b.Lat)+(a.Lon-b.Lon)*(c.Lon-b.Lon) > 0
}

// turn is above zero where c lies to one side of the line from a to b, below where it
// lies to the other, and zero on it; its sign alone counts.
func turn(a, b, c Point) float64 {
	v := (b.Lat-a.Lat)*(c.Lon-a.Lon) - (b.Lon-a.Lon)*(c.Lat-a.Lat)
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// spans reports whether q, which lies on the line of s, lies between its ends.
func (s *side) spans(q Point) bool {
	return q.Lat >= min(s.from.Lat, s.to.Lat) && q.Lat <= max(s.from.Lat, s.to.Lat) &&
		q.Lon >= min(s.from.Lon, s.to.Lon) && q.Lon <= max(s.from.Lon, s.to.Lon)
}
