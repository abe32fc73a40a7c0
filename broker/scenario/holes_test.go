package scenario_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// TestHolesAreCutOpen reads places with holes: what comes of them covers all of the place and
// nothing of its holes, in sound polygons that touch each other.
func TestHolesAreCutOpen(t *testing.T) {
	t.Parallel()
	around := func(lon, lat, size float64) string {
		return fmt.Sprintf("[[%[1]g,%[2]g],[%[1]g,%[4]g],[%[3]g,%[4]g],[%[3]g,%[2]g],[%[1]g,%[2]g]]", lon, lat, lon+size, lat+size)
	}
	// A place with the form of a U, whose arms the parallel through its hole crosses too.
	u := "[[8,44],[8.4,44],[8.4,44.4],[8.3,44.4],[8.3,44.1],[8.1,44.1],[8.1,44.4],[8,44.4],[8,44]]"
	for name, c := range map[string]struct {
		rings string
		size  float64 // in square degrees
		parts int
	}{
		"one":           {around(8, 44, 0.4) + "," + around(8.1, 44.1, 0.1), 0.16 - 0.01, 2},
		"two_beside":    {around(8, 44, 0.4) + "," + around(8.1, 44.1, 0.1) + "," + around(8.25, 44.1, 0.1), 0.16 - 0.02, 3},
		"two_above":     {around(8, 44, 0.4) + "," + around(8.1, 44.05, 0.1) + "," + around(8.1, 44.25, 0.1), 0.16 - 0.02, 3},
		"turned":        {"[[8,44],[8,44.4],[8.4,44.4],[8.4,44],[8,44]]," + around(8.1, 44.1, 0.1), 0.16 - 0.01, 2},
		"arms":          {u + "," + around(8.32, 44.2, 0.05), 0.16 - 0.06 - 0.0025, 4},
		"triangle_hole": {around(8, 44, 0.4) + ",[[8.1,44.1],[8.2,44.1],[8.15,44.3],[8.1,44.1]]", 0.16 - 0.01, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t)
			atlas, err := w.Atlas.With("hole.geojson", []byte(areas(polygon(diano, c.rings))))
			if err != nil {
				t.Fatal(err)
			}
			w.Atlas = atlas
			m, _ := message(t, parsed(t, "frana"), w, wording.Real, scenario.Input{Field: "area", Text: "Diano Marina"}, scenario.Input{Field: "level", Text: "gialla"})
			sum := 0.0
			for _, p := range m.Infos[0].Areas[0].Polygons {
				if p.Check() != nil || p.Crosses() {
					t.Errorf("a polygon is not sound: %v", p)
				}
				sum += size(p)
			}
			if n := len(m.Infos[0].Areas[0].Polygons); n < 2 || n > c.parts || math.Abs(sum-c.size) > 1e-6 {
				t.Errorf("there are %d polygons of %v square degrees, want %v", n, sum, c.size)
			}
		})
	}
	for name, rings := range map[string]string{
		"outside":  around(8, 44, 0.4) + "," + around(8.6, 44.1, 0.1),
		"across":   around(8, 44, 0.4) + "," + around(8.35, 44.1, 0.1),
		"in_hole":  around(8, 44, 0.4) + "," + around(8.1, 44.1, 0.2) + "," + around(8.15, 44.15, 0.1),
		"two_meet": around(8, 44, 0.4) + "," + around(8.1, 44.1, 0.1) + "," + around(8.15, 44.15, 0.1),
		"twice":    around(8, 44, 0.4) + "," + around(8.1, 44.1, 0.1) + "," + around(8.1, 44.1, 0.1),
		"whole":    around(8, 44, 0.4) + "," + around(8, 44, 0.4),
	} {
		if _, err := world(t).Atlas.With("hole.geojson", []byte(areas(polygon(diano, rings)))); err == nil || !strings.Contains(err.Error(), "part 1: its holes do not lie within it") {
			t.Errorf("%s: it is taken, or refused with %v", name, err)
		}
	}
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
