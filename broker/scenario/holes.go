package scenario

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"tocsin/broker/alert"
)

// withoutHoles returns an area with holes as polygons without any, which is all that CAP can
// say: it is cut along parallels through its holes. Nothing of it is lost, and nothing of
// a hole is alerted. Each ring alone is sound.
func withoutHoles(outer alert.Polygon, holes []alert.Polygon) ([]alert.Polygon, error) {
	parts, err := divided(outer, holes)
	if err != nil {
		return nil, err
	}
	// What is cut lies in the border or in a hole, and not in both. That is as large as the
	// border without the holes where these lie in it, apart from each other, and else larger.
	left := size(outer)
	for _, hole := range holes {
		left -= size(hole)
	}
	for _, p := range parts {
		left -= size(p)
	}
	if math.Abs(left) > 1e-9*size(outer) {
		return nil, errHole
	}
	return parts, nil
}

// size returns the area of a ring in square degrees.
func size(ring alert.Polygon) float64 {
	sum := 0.0
	for i := range len(ring) - 1 {
		a, b, o := ring[i], ring[i+1], ring[0]
		sum += (a.Lon-o.Lon)*(b.Lat-o.Lat) - (b.Lon-o.Lon)*(a.Lat-o.Lat)
	}
	return math.Abs(sum) / 2
}

func divided(outer alert.Polygon, holes []alert.Polygon) ([]alert.Polygon, error) {
	if len(holes) == 0 {
		return []alert.Polygon{outer}, nil
	}
	at, ok := parallelThrough(holes[0], append([]alert.Polygon{outer}, holes...))
	if !ok {
		return nil, errHole
	}
	var above, below []alert.Polygon // rings that the parallel leaves whole
	var cuts []cut
	for _, ring := range append([]alert.Polygon{outer}, holes...) {
		chains := chainsOf(ring, at)
		switch {
		case len(chains) > 0:
			cuts = append(cuts, chains...)
		case ring[0].Lat > at:
			above = append(above, ring)
		default:
			below = append(below, ring)
		}
	}
	var out []alert.Polygon
	for _, side := range []struct {
		above bool
		whole []alert.Polygon
	}{{true, above}, {false, below}} {
		pieces, err := joined(cuts, at, side.above)
		if err != nil {
			return nil, err
		}
		inside := make([][]alert.Polygon, len(pieces))
		for _, hole := range side.whole {
			i := slices.IndexFunc(pieces, func(p alert.Polygon) bool { return holds(p, hole[0]) })
			if i < 0 {
				return nil, errHole
			}
			inside[i] = append(inside[i], hole)
		}
		for i, p := range pieces {
			parts, err := divided(p, inside[i])
			if err != nil {
				return nil, err
			}
			out = append(out, parts...)
		}
	}
	return out, nil
}

var errHole = errors.New("its holes do not lie within it, or touch each other or its border: repair the geometry (in QGIS: Fix geometries)")

// parallelThrough returns a latitude that runs through a hole, near its middle, and through
// no point of the rings.
func parallelThrough(hole alert.Polygon, rings []alert.Polygon) (float64, bool) {
	low, high := hole[0].Lat, hole[0].Lat
	for _, p := range hole {
		low, high = min(low, p.Lat), max(high, p.Lat)
	}
	var all []float64
	for _, ring := range rings {
		for _, p := range ring {
			if p.Lat >= low && p.Lat <= high {
				all = append(all, p.Lat)
			}
		}
	}
	slices.Sort(all)
	best, found := 0.0, false
	for i := range len(all) - 1 {
		middle := all[i] + (all[i+1]-all[i])/2
		if middle <= all[i] || middle >= all[i+1] {
			continue
		}
		if off := func(x float64) float64 { return max(x-(low+high)/2, (low+high)/2-x) }; !found || off(middle) < off(best) {
			best, found = middle, true
		}
	}
	return best, found
}

// A cut is a piece of a ring between two of the places where a parallel crosses it.
type cut struct {
	line  []alert.Point
	above bool
}

// chainsOf cuts a ring where a parallel crosses it; nil where none does.
func chainsOf(ring alert.Polygon, at float64) []cut {
	open := ring[:len(ring)-1]
	start := -1
	for i := range open {
		if (ring[i].Lat > at) != (ring[i+1].Lat > at) {
			start = i
			break
		}
	}
	if start < 0 {
		return nil
	}
	turned := slices.Concat(open[start:], open[:start], open[start:min(start+2, len(open))])
	if start+2 > len(open) {
		turned = append(turned, open[0])
	}
	var out []cut
	var line []alert.Point
	for i := range len(turned) - 1 {
		a, b := turned[i], turned[i+1]
		if line != nil {
			line = append(line, a)
		}
		if (a.Lat > at) == (b.Lat > at) {
			continue
		}
		p := alert.Point{Lat: at, Lon: a.Lon + (b.Lon-a.Lon)*(at-a.Lat)/(b.Lat-a.Lat)}
		if line != nil {
			out = append(out, cut{append(line, p), a.Lat > at})
		}
		line = []alert.Point{p}
	}
	return out
}

// joined makes rings of the pieces on one side of a parallel: along it the inside lies
// between the first and the second place where it is crossed, the third and the fourth.
func joined(cuts []cut, at float64, above bool) ([]alert.Polygon, error) {
	var places []alert.Point
	for _, c := range cuts {
		if c.above == above {
			places = append(places, c.line[0], c.line[len(c.line)-1])
		}
	}
	slices.SortFunc(places, func(a, b alert.Point) int { return cmp.Compare(a.Lon, b.Lon) })
	partner := map[alert.Point]alert.Point{}
	for i := 0; i+1 < len(places); i += 2 {
		partner[places[i]], partner[places[i+1]] = places[i+1], places[i]
	}
	if len(partner) != len(places) {
		return nil, errHole // two rings cross the parallel at one place
	}
	lines := map[alert.Point][]alert.Point{} // by either end, from there on
	for _, c := range cuts {
		if c.above == above {
			back := slices.Clone(c.line)
			slices.Reverse(back)
			lines[c.line[0]], lines[back[0]] = c.line, back
		}
	}
	var out []alert.Polygon
	done := map[alert.Point]bool{}
	for _, first := range places {
		if done[first] {
			continue
		}
		var ring alert.Polygon
		for p := first; !done[p]; {
			line := lines[p]
			end := line[len(line)-1]
			done[p], done[end] = true, true
			ring = append(ring, line...)
			p = partner[end]
		}
		ring = append(ring, ring[0])
		if ring.Check() != nil || ring.Crosses() {
			return nil, errHole
		}
		out = append(out, ring)
	}
	return out, nil
}

// holds reports whether a point lies in a ring.
func holds(ring alert.Polygon, p alert.Point) bool {
	in := false
	for i := range len(ring) - 1 {
		a, b := ring[i], ring[i+1]
		if (a.Lat > p.Lat) != (b.Lat > p.Lat) && p.Lon < a.Lon+(b.Lon-a.Lon)*(p.Lat-a.Lat)/(b.Lat-a.Lat) {
			in = !in
		}
	}
	return in
}
