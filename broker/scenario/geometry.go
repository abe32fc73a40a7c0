package scenario

import (
	"math"

	"tocsin/broker/alert"
)

// simplified returns a closed ring with at most most points that does not cross
// itself, by leaving out those that change its shape least (Douglas and Peucker). A
// ring that has fewer, or that no tolerance keeps sound, is returned as it is.
func simplified(ring alert.Polygon, most int) alert.Polygon {
	if len(ring) <= most {
		return ring
	}
	const finest, coarsest = 1e-5, 1.0 // degrees: a metre, and more than any area has
	for tolerance := finest; tolerance < coarsest; tolerance *= 1.3 {
		if out := thinned(ring, tolerance); len(out) <= most && len(out) >= 4 && !out.Crosses() {
			return out
		}
	}
	return ring // no tolerance leaves a sound ring: more points are better than a larger area
}

func thinned(ring alert.Polygon, tolerance float64) alert.Polygon {
	keep := make([]bool, len(ring))
	far, _ := farthest(ring, 0, len(ring)-1)
	keep[0], keep[far], keep[len(ring)-1] = true, true, true
	for todo := [][2]int{{0, far}, {far, len(ring) - 1}}; len(todo) > 0; {
		span := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at, off := farthest(ring, span[0], span[1]); off > tolerance {
			keep[at] = true
			todo = append(todo, [2]int{span[0], at}, [2]int{at, span[1]})
		}
	}
	var out alert.Polygon
	for i, p := range ring {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

// farthest returns the point strictly between from and to that is farthest off the
// line between them, and how far, in degrees of latitude.
func farthest(ring alert.Polygon, from, to int) (at int, off float64) {
	narrow := math.Cos(ring[from].Lat * math.Pi / 180)
	ax, ay := ring[from].Lon*narrow, ring[from].Lat
	dx, dy := ring[to].Lon*narrow-ax, ring[to].Lat-ay
	long := math.Hypot(dx, dy)
	at = from
	for i := from + 1; i < to; i++ {
		px, py := ring[i].Lon*narrow-ax, ring[i].Lat-ay
		d := math.Hypot(px, py)
		if long > 0 {
			d = math.Abs(dx*py-dy*px) / long
		}
		if d > off {
			at, off = i, d
		}
	}
	return at, off
}
