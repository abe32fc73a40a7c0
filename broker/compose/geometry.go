package compose

import (
	"math"

	"tocsin/broker/alert"
)

// shrink returns the rings with at most most points in all, by leaving out those
// that change the shape least; false where the rings are too many for that. What
// has fewer points already is returned as it is.
//
// The time is bounded: rings of others have had 41,009 points, and a method that
// compares all with all would be a way to stop us.
func shrink(rings []alert.Polygon, most int) ([]alert.Polygon, bool) {
	if points(rings) <= most {
		return rings, true
	}
	if 4*len(rings) > most {
		return nil, false
	}
	const finest, coarsest = 1e-4, 90 // degrees: ten metres, and more than any ring
	for tolerance := finest; tolerance < coarsest; tolerance *= 1.6 {
		out := make([]alert.Polygon, len(rings))
		for i, ring := range rings {
			if out[i] = simplify(thin(ring, tolerance/2), tolerance); len(out[i]) < 4 { // a ring smaller than the tolerance: its triangle
				out[i] = simplify(ring, math.Inf(1))
			}
		}
		if points(out) <= most {
			return out, true
		}
	}
	return nil, false
}

func points(rings []alert.Polygon) int {
	n := 0
	for _, ring := range rings {
		n += len(ring)
	}
	return n
}

// thin leaves out points that are nearer than near, in degrees, to the last one
// that stayed, and with a greater distance again while more stay than simplify can
// compare in a moment.
func thin(ring alert.Polygon, near float64) alert.Polygon {
	const most = 4000
	for ; ; near *= 2 {
		out := alert.Polygon{ring[0]}
		for _, p := range ring[1 : len(ring)-1] {
			last := out[len(out)-1]
			if math.Hypot(p.Lat-last.Lat, p.Lon-last.Lon) >= near {
				out = append(out, p)
			}
		}
		if len(out) < most {
			return append(out, ring[len(ring)-1])
		}
	}
}

// simplify leaves out points of a closed ring ([alert.Simplified]). Coordinates are rounded
// to six decimals, ten centimetres.
func simplify(ring alert.Polygon, tolerance float64) alert.Polygon {
	return rounded(alert.Simplified(ring, tolerance))
}

func rounded(ring alert.Polygon) alert.Polygon {
	out := make(alert.Polygon, len(ring))
	for i, p := range ring {
		out[i] = alert.Point{Lat: math.Round(p.Lat*1e6) / 1e6, Lon: math.Round(p.Lon*1e6) / 1e6}
	}
	return out
}

// repaired returns the ring closed, or nil where it is none.
func repaired(ring alert.Polygon) alert.Polygon {
	if len(ring) >= 3 && !ring.Closed() {
		ring = append(ring[:len(ring):len(ring)], ring[0])
	}
	if ring.Check() != nil {
		return nil
	}
	return ring
}
