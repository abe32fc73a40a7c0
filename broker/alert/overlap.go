package alert

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// overlapDeep is how far two shapes lie over each other, in degrees, before it counts: some ten
// metres. Borders that two maps draw with other points cross each other everywhere.
const overlapDeep = 1e-4

// A bound is what a ring lies in.
type bound struct{ south, west, north, east float64 }

func (p Polygon) bound() bound {
	b := bound{90, 180, -90, -180}
	for _, q := range p {
		b = bound{min(b.south, q.Lat), min(b.west, q.Lon), max(b.north, q.Lat), max(b.east, q.Lon)}
	}
	return b
}

func (b bound) apart(o bound) bool {
	return b.north-overlapDeep < o.south || o.north-overlapDeep < b.south || b.east-overlapDeep < o.west || o.east-overlapDeep < b.west
}

func (b bound) holds(q Point) bool {
	return q.Lat >= b.south && q.Lat <= b.north && q.Lon >= b.west && q.Lon <= b.east
}

// overlaps looks for polygons of an info that lie over each other: a place is then in two areas
// at once, and services that show them draw it twice.
func (c *checker) overlaps(in *Info, path string) {
	type shape struct {
		ring Polygon
		bound
		path string
	}
	var all []shape
	for i := range in.Areas {
		for k, p := range in.Areas[i].Polygons {
			if p.Check() == nil {
				all = append(all, shape{p, p.bound(), fmt.Sprintf("%s/area[%d]/polygon[%d]", path, i+1, k+1)})
			}
		}
	}
	for i := range all {
		for k := range i {
			a, b := &all[k], &all[i]
			if a.apart(b.bound) {
				continue
			}
			at, over := a.ring.over(b.ring, a.bound, b.bound, &c.comparisons)
			switch {
			case over:
				c.warn(RuleOverlap, b.path, fmt.Sprintf("lies over %s near %v, so that places there are in two areas", strings.TrimPrefix(a.path, path+"/"), at), "draw the areas side by side, or make one of them")
			case c.comparisons < 0:
				c.warn(RuleOverlap, b.path, "is too tangled to be looked at whole", "simplify it")
				c.comparisons = 0
				return
			}
		}
	}
}

// over returns a place where two rings lie over each other. Comparisons are taken from budget.
func (p Polygon) over(q Polygon, within, other bound, budget *int) (Point, bool) {
	for i := 1; i < len(p); i++ {
		for k := 1; k < len(q); k++ {
			if *budget--; *budget < 0 {
				return Point{}, false
			}
			if crossesDeep(p[i-1], p[i], q[k-1], q[k]) {
				return p[i], true
			}
		}
	}
	if slices.Equal(p, q) {
		return p[0], true
	}
	for _, one := range []struct {
		ring, in Polygon
		bound
	}{{p, q, other}, {q, p, within}} {
		for i := 1; i < len(one.ring); i++ {
			a, b := one.ring[i-1], one.ring[i]
			for _, point := range []Point{b, {Lat: (a.Lat + b.Lat) / 2, Lon: (a.Lon + b.Lon) / 2}} { // corners may all lie on the other's border
				if !one.holds(point) {
					continue
				}
				if *budget -= len(one.in); *budget < 0 {
					return Point{}, false
				}
				if one.in.deep(point) {
					return point, true
				}
			}
		}
	}
	return Point{}, false
}

// crossesDeep reports whether two sides cross, each end well off the other side.
func crossesDeep(a, b, c, d Point) bool {
	if max(a.Lat, b.Lat) < min(c.Lat, d.Lat) || max(c.Lat, d.Lat) < min(a.Lat, b.Lat) ||
		max(a.Lon, b.Lon) < min(c.Lon, d.Lon) || max(c.Lon, d.Lon) < min(a.Lon, b.Lon) {
		return false
	}
	return off(a, b, c)*off(a, b, d) < 0 && off(c, d, a)*off(c, d, b) < 0 &&
		min(math.Abs(off(a, b, c)), math.Abs(off(a, b, d)), math.Abs(off(c, d, a)), math.Abs(off(c, d, b))) > overlapDeep
}

// off returns how far q lies off the line from a to b, to one side above zero.
func off(a, b, q Point) float64 {
	long := math.Hypot(b.Lat-a.Lat, b.Lon-a.Lon)
	if long == 0 {
		return 0
	}
	return ((b.Lat-a.Lat)*(q.Lon-a.Lon) - (b.Lon-a.Lon)*(q.Lat-a.Lat)) / long
}

// deep reports whether q lies well inside of the ring.
func (p Polygon) deep(q Point) bool {
	inside := false
	for i := 1; i < len(p); i++ {
		a, b := p[i-1], p[i]
		if near(a, b, q) {
			return false
		}
		if (a.Lat > q.Lat) != (b.Lat > q.Lat) && q.Lon < (b.Lon-a.Lon)*(q.Lat-a.Lat)/(b.Lat-a.Lat)+a.Lon {
			inside = !inside
		}
	}
	return inside
}

// near reports whether q lies close to the side from a to b.
func near(a, b, q Point) bool {
	long := (b.Lat-a.Lat)*(b.Lat-a.Lat) + (b.Lon-a.Lon)*(b.Lon-a.Lon)
	t := 0.0
	if long > 0 {
		t = min(max(((q.Lat-a.Lat)*(b.Lat-a.Lat)+(q.Lon-a.Lon)*(b.Lon-a.Lon))/long, 0), 1)
	}
	return math.Hypot(q.Lat-a.Lat-t*(b.Lat-a.Lat), q.Lon-a.Lon-t*(b.Lon-a.Lon)) <= overlapDeep
}

// contradictions compares each info with those before it in its language, which it may add to
// and not override: CAP 1.2, 3.2.1, info.
func (c *checker) contradictions(m *Message) {
	for i := range m.Infos {
		in := &m.Infos[i]
		for k := range i {
			was := &m.Infos[k]
			if !strings.EqualFold(in.Language, was.Language) || !strings.EqualFold(strings.TrimSpace(in.Event), strings.TrimSpace(was.Event)) ||
				!at(m, in).meets(at(m, was)) || !somewhere(in, was) {
				continue
			}
			var differ []string
			for _, f := range []struct{ name, now, then string }{
				{"urgency", string(in.Urgency), string(was.Urgency)}, {"severity", string(in.Severity), string(was.Severity)}, {"certainty", string(in.Certainty), string(was.Certainty)},
			} {
				if f.now != f.then {
					differ = append(differ, f.name)
				}
			}
			if len(differ) > 0 {
				c.warn(RuleContradiction, fmt.Sprintf("alert/info[%d]", i+1), fmt.Sprintf("says another %s than info %d of the same event, place, time and language", strings.Join(differ, ", "), k+1), "say it in one info, or tell their places or times apart")
				break
			}
		}
	}
}

// A span is when an info holds; zero ends are open.
type span struct{ from, to time.Time }

func at(m *Message, in *Info) span {
	from := in.Onset
	if from.IsZero() {
		from = in.Effective
	}
	if from.IsZero() {
		from = m.Sent
	}
	return span{from, in.Expires}
}

func (s span) meets(o span) bool {
	return (s.to.IsZero() || o.from.Before(s.to)) && (o.to.IsZero() || s.from.Before(o.to))
}

// somewhere reports whether two infos name an area in common: by its name, a code or a ring.
func somewhere(a, b *Info) bool {
	for i := range a.Areas {
		for k := range b.Areas {
			x, y := &a.Areas[i], &b.Areas[k]
			if x.Desc == y.Desc || slices.ContainsFunc(x.Geocodes, func(v NamedValue) bool { return slices.Contains(y.Geocodes, v) }) ||
				slices.ContainsFunc(x.Polygons, func(p Polygon) bool {
					return slices.ContainsFunc(y.Polygons, func(q Polygon) bool { return slices.Equal(p, q) })
				}) {
				return true
			}
		}
	}
	return len(a.Areas)+len(b.Areas) == 0
}
