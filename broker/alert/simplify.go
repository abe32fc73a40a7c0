package alert

import "math"

// Simplified returns a line with the points alone that stand off the line between their
// neighbours by more than tolerance, in degrees of latitude (Douglas and Peucker). Both
// ends stay; of a ring at least a triangle. The same points in the other direction give the
// same line.
func Simplified(line []Point, tolerance float64) []Point {
	if len(line) < 3 {
		return line
	}
	keep := make([]bool, len(line))
	keep[0], keep[len(line)-1] = true, true
	spans := [][2]int{{0, len(line) - 1}}
	if line[0] == line[len(line)-1] {
		// The point that is farthest from the ends divides a ring in two lines, and the one that
		// stands off farthest makes a triangle.
		far, _ := farthest(line, 0, len(line)-1)
		spans = [][2]int{{0, far}, {far, len(line) - 1}}
		a, offA := farthest(line, 0, far)
		b, offB := farthest(line, far, len(line)-1)
		if offB > offA {
			a = b
		}
		keep[far], keep[a] = true, true
	}
	for len(spans) > 0 {
		s := spans[len(spans)-1]
		spans = spans[:len(spans)-1]
		if at, off := farthest(line, s[0], s[1]); off > tolerance {
			keep[at] = true
			spans = append(spans, [2]int{s[0], at}, [2]int{at, s[1]})
		}
	}
	var out []Point
	for i, p := range line {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

// farthest returns the point strictly between from and to that is farthest off the line
// between them, and how far, in degrees of latitude; from where there is none.
func farthest(line []Point, from, to int) (at int, off float64) {
	// A degree of longitude is shorter than one of latitude. Which end comes first must not
	// matter: neighbours walk along one border in opposite directions.
	narrow := math.Cos((line[from].Lat + line[to].Lat) / 2 * math.Pi / 180)
	ax, ay := line[from].Lon*narrow, line[from].Lat
	dx, dy := line[to].Lon*narrow-ax, line[to].Lat-ay
	long := math.Hypot(dx, dy)
	at = from
	for i := from + 1; i < to; i++ {
		px, py := line[i].Lon*narrow-ax, line[i].Lat-ay
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
