package compose

import (
	"math"

	"tocsin/broker/alert"
	"tocsin/templates/places"
)

// istat is the name under which a geocode is the code of a municipality.
const istat = "ISTAT"

// outline returns the borders of all areas of st for the map of a card, or nil where
// one of them has none: a map that shows a part would say that the rest is safe.
func outline(t *places.Territory, st *story) []places.Ring {
	var out []places.Ring
	for _, a := range st.where {
		rings := drawn(t, a)
		if len(rings) == 0 {
			return nil
		}
		out = append(out, rings...)
	}
	return out
}

// drawn returns the borders of one area: its polygons and circles as they will be
// signed, even where a code beside them names more; the municipalities that its codes
// name where it has nothing else, or where its one polygon is the municipality but
// for details, which authors leave out.
func drawn(t *places.Territory, a alert.Area) []places.Ring {
	rings := borders(a)
	var named []places.Ring
	codes := 0
	for _, code := range a.Geocodes {
		if code.Name != istat {
			continue
		}
		m, ok := t.Municipality(code.Value)
		if !ok {
			return rings // of another territory
		}
		codes++
		named = append(named, m.Rings...)
	}
	if len(rings) == 0 || codes == 1 && len(a.Circles) == 0 && len(rings) <= len(named) && alike(rings, named) {
		return named
	}
	return rings
}

// borders returns polygons and circles of an area as rings.
func borders(a alert.Area) []places.Ring {
	var out []places.Ring
	for _, polygon := range a.Polygons {
		ring := make(places.Ring, len(polygon))
		for i, p := range polygon {
			ring[i] = places.Point{Lat: p.Lat, Lon: p.Lon}
		}
		out = append(out, ring)
	}
	const corners, degree = 48, 111.2 // of a circle; kilometres of a degree of latitude
	for _, c := range a.Circles {
		ring := make(places.Ring, corners+1)
		narrow := max(0.01, math.Cos(c.Center.Lat*math.Pi/180))
		for i := range ring {
			sin, cos := math.Sincos(2 * math.Pi * float64(i%corners) / corners)
			ring[i] = places.Point{Lat: c.Center.Lat + sin*c.RadiusKM/degree, Lon: c.Center.Lon + cos*c.RadiusKM/degree/narrow}
		}
		out = append(out, ring)
	}
	return out
}

// alike reports whether the largest of rings is the largest of others but for
// details: their boxes agree to a kilometre, their sizes to a tenth.
func alike(rings, others []places.Ring) bool {
	a, b := largest(rings), largest(others)
	const near = 0.01 // degrees
	x, y := places.BoxOf([]places.Ring{a}), places.BoxOf([]places.Ring{b})
	return x.Grown(near).Holds(y) && y.Grown(near).Holds(x) && math.Abs(size(a)-size(b)) <= size(b)/10
}

func largest(rings []places.Ring) places.Ring {
	var out places.Ring
	for _, ring := range rings {
		if size(ring) >= size(out) {
			out = ring
		}
	}
	return out
}

// size returns the area of a ring in square degrees.
func size(ring places.Ring) float64 {
	sum := 0.0
	for i := range max(0, len(ring)-1) {
		a, b, o := ring[i], ring[i+1], ring[0]
		sum += (a.Lon-o.Lon)*(b.Lat-o.Lat) - (b.Lon-o.Lon)*(a.Lat-o.Lat)
	}
	return math.Abs(sum) / 2
}
