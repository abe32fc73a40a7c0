package scenario

import (
	"cmp"
	"slices"

	"tocsin/broker/alert"
)

// simplified returns closed rings with at most most points each that do not cross
// themselves, by leaving out those points that change their shapes least. A border that two
// of them share is simplified once, so that there is neither a gap between neighbours nor
// a strip that both have. Rings that have fewer points, and whose neighbours do, are returned
// as they are; so is, whole, one that no tolerance keeps sound.
func simplified(rings []alert.Polygon, most int) []alert.Polygon {
	m := meshOf(rings)
	for changed := true; changed; {
		changed = false
		for i := range m.rings {
			ring := m.ring(i)
			switch {
			case len(ring) <= most && (!m.altered(i) || len(ring) >= 4 && !ring.Crosses()), m.whole(i):
			case !m.coarsen(i):
				m.keep(i) // no tolerance leaves a sound ring: more points are better than a larger area
				changed = true
			default:
				changed = true
			}
		}
	}
	out := make([]alert.Polygon, len(rings))
	for i := range rings {
		if out[i] = rings[i]; m.altered(i) {
			out[i] = m.ring(i)
		}
	}
	return out
}

// A mesh is rings that are cut into borders where three of them meet, or where two part.
type mesh struct {
	borders []border
	rings   [][]int // of borders, in order; ^n is the border n the other way round
}

// A border is a line that belongs to one ring or to two.
type border struct {
	points    []alert.Point
	line      []alert.Point // points, simplified
	tolerance float64       // degrees of latitude; 0 for points as they are
	kept      bool          // it is not simplified, since a ring of it would not stay sound
}

const finest, coarsest = 1e-5, 1.0 // degrees: a metre, and more than any area has

// meshOf cuts rings into borders.
func meshOf(rings []alert.Polygon) *mesh {
	m := &mesh{rings: make([][]int, len(rings))}
	fork := forks(rings)
	type edge struct{ from, to alert.Point }
	known := map[edge]int{} // the first edge of each border, from either end
	add := func(i int, line []alert.Point) {
		if n, ok := known[edge{line[0], line[1]}]; ok {
			m.rings[i] = append(m.rings[i], n)
			return
		}
		last := len(line) - 1
		n := len(m.borders)
		known[edge{line[0], line[1]}], known[edge{line[last], line[last-1]}] = n, ^n
		m.borders = append(m.borders, border{points: line, line: line})
		m.rings[i] = append(m.rings[i], n)
	}
	for i, ring := range rings {
		open := ring[:len(ring)-1]
		start := slices.IndexFunc(open, func(p alert.Point) bool { return fork[p] })
		if start < 0 { // an island, or an enclave: both of its sides begin at the same point
			start = slices.Index(open, slices.MinFunc(open, func(a, b alert.Point) int {
				return cmp.Or(cmp.Compare(a.Lat, b.Lat), cmp.Compare(a.Lon, b.Lon))
			}))
		}
		turned := slices.Concat(open[start:], open[:start], open[start:start+1])
		from := 0
		for at := 1; at < len(turned); at++ {
			if fork[turned[at]] || at == len(turned)-1 {
				add(i, turned[from:at+1])
				from = at
			}
		}
	}
	return m
}

// forks returns the points at which more than two lines end, of more than one ring: one
// that touches itself alone is cut by nobody's border.
func forks(rings []alert.Polygon) map[alert.Point]bool {
	type meeting struct {
		ring    int // the first
		several bool
		others  []alert.Point
	}
	at := map[alert.Point]*meeting{}
	out := map[alert.Point]bool{}
	meet := func(i int, p, other alert.Point) {
		m := at[p]
		if m == nil {
			m = &meeting{ring: i}
			at[p] = m
		}
		m.several = m.several || m.ring != i
		if !slices.Contains(m.others, other) {
			m.others = append(m.others, other)
		}
		if m.several && len(m.others) > 2 {
			out[p] = true
		}
	}
	for i, ring := range rings {
		for j := range len(ring) - 1 {
			meet(i, ring[j], ring[j+1])
			meet(i, ring[j+1], ring[j])
		}
	}
	return out
}

func (m *mesh) border(n int) *border { return &m.borders[max(n, ^n)] }

// ring puts a ring together from its borders.
func (m *mesh) ring(i int) alert.Polygon {
	var out alert.Polygon
	for _, n := range m.rings[i] {
		line := m.border(n).line
		if n < 0 {
			line = slices.Clone(line)
			slices.Reverse(line)
		}
		if len(out) > 0 {
			line = line[1:]
		}
		out = append(out, line...)
	}
	return out
}

// altered reports whether a ring lost points.
func (m *mesh) altered(i int) bool {
	return slices.ContainsFunc(m.rings[i], func(n int) bool { return len(m.border(n).line) < len(m.border(n).points) })
}

// whole reports whether nothing of a ring may be simplified.
func (m *mesh) whole(i int) bool {
	return !slices.ContainsFunc(m.rings[i], func(n int) bool { return !m.border(n).kept })
}

// coarsen simplifies the borders of a ring more; false where there is no more to it.
func (m *mesh) coarsen(i int) bool {
	more := false
	for _, n := range m.rings[i] {
		if b := m.border(n); !b.kept && b.tolerance < coarsest {
			b.tolerance = max(finest, b.tolerance*1.3)
			b.line = alert.Simplified(b.points, b.tolerance)
			more = true
		}
	}
	return more
}

// keep leaves a ring as it is, and with it what its neighbours share with it.
func (m *mesh) keep(i int) {
	for _, n := range m.rings[i] {
		b := m.border(n)
		b.kept, b.line = true, b.points
	}
}
