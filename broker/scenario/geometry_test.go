package scenario_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/scenario"
	"tocsin/templates/places"
	"tocsin/templates/wording"
)

// TestNeighboursTouch holds that where the source has a border between two municipalities,
// their polygons in a message have one as well: there is neither a gap, in which nobody
// would be warned, nor a strip that both have.
func TestNeighboursTouch(t *testing.T) {
	t.Parallel()
	territory, err := places.Savona()
	if err != nil {
		t.Fatal(err)
	}
	shore := map[alert.Point]bool{}
	for _, ring := range territory.Outline {
		for _, p := range ring {
			shore[alert.Point{Lat: p.Lat, Lon: p.Lon}] = true
		}
	}
	w := world(t)
	m, _ := message(t, parsed(t, "frana"), w, wording.Real, scenario.Input{Field: "area", Text: "zona A, zona B, zona D"}, scenario.Input{Field: "level", Text: "gialla"})
	var rings []alert.Polygon
	for _, a := range m.Infos[0].Areas {
		rings = append(rings, a.Polygons...)
	}
	if len(rings) < 69 {
		t.Fatalf("there are %d polygons", len(rings))
	}
	touching(t, rings, shore)
	raw, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, found := alert.Inspect(raw); slices.ContainsFunc(found, func(f alert.Finding) bool { return f.Rule == alert.RuleOverlap || f.Rule == alert.RuleContradiction }) {
		t.Errorf("neighbours overlap: %v", found)
	}
	if n := slices.MaxFunc(rings, func(a, b alert.Polygon) int { return len(a) - len(b) }); len(n) > 100 {
		t.Errorf("a polygon has %d points", len(n))
	}
}

// touching holds that every side of rings is one of a neighbour too, or lies outside, where
// shore has both of its ends.
func touching(t *testing.T, rings []alert.Polygon, shore map[alert.Point]bool) {
	t.Helper()
	type side struct{ a, b alert.Point }
	sides := map[side]int{}
	for _, ring := range rings {
		if ring.Check() != nil || ring.Crosses() {
			t.Errorf("a ring of %d points is not sound", len(ring))
		}
		for i := range len(ring) - 1 {
			a, b := ring[i], ring[i+1]
			if b.Lat < a.Lat || b.Lat == a.Lat && b.Lon < a.Lon {
				a, b = b, a
			}
			sides[side{a, b}]++
		}
	}
	alone, shared := 0, 0
	for s, n := range sides {
		switch {
		case n == 2:
			shared++
		case n > 2 || !shore[s.a] || !shore[s.b]:
			alone++
		}
	}
	if alone > 0 || shared == 0 {
		t.Errorf("%d sides within the territory belong to one polygon alone, %d to two", alone, shared)
	}
}

// TestBordersOfAFileTouch reads two places with a long border between them, of which one alone
// has too many points.
func TestBordersOfAFileTouch(t *testing.T) {
	t.Parallel()
	var border []string
	for i := range 90 {
		border = append(border, fmt.Sprintf("[%g,%g]", 8+0.01*math.Sin(float64(i)), 44+float64(i)/200))
	}
	var coast []string
	for i := range 60 {
		coast = append(coast, fmt.Sprintf("[%g,%g]", 8.3+0.02*math.Sin(float64(i)*1.7), 44.445-float64(i)/140))
	}
	back := slices.Clone(border)
	slices.Reverse(back)
	east := "[" + strings.Join(slices.Concat(border, coast, border[:1]), ",") + "]"
	west := "[" + strings.Join(slices.Concat(back, []string{"[7.8,44]", "[7.8,44.445]"}, back[:1]), ",") + "]"
	w := world(t)
	atlas, err := w.Atlas.With("two.geojson", []byte(areas(
		polygon(`"name":"Levante","istat":"999001"`, east), polygon(`"name":"Ponente","istat":"999002"`, west),
	)))
	if err != nil {
		t.Fatal(err)
	}
	w.Atlas = atlas
	m, _ := message(t, parsed(t, "frana"), w, wording.Real, scenario.Input{Field: "area", Text: "Levante, Ponente"}, scenario.Input{Field: "level", Text: "gialla"})
	in := m.Infos[0]
	if n := len(in.Areas[0].Polygons[0]); n > 100 {
		t.Errorf("the polygon has %d points", n)
	}
	shore := map[alert.Point]bool{}
	for _, a := range in.Areas {
		for _, p := range a.Polygons[0] {
			// Points are rounded to a metre; those of the border lie near 8 degrees.
			shore[p] = math.Abs(p.Lon-8) > 0.011 || p.Lat == 44 || p.Lat == 44.445
		}
	}
	touching(t, []alert.Polygon{in.Areas[0].Polygons[0], in.Areas[1].Polygons[0]}, shore)
}
