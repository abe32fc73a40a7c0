package places_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tocsin/templates/places"
)

func territory(tb testing.TB) *places.Territory {
	tb.Helper()
	savona, err := places.Savona()
	if err != nil {
		tb.Fatal(err)
	}
	return savona
}

func TestSavonaIsComplete(t *testing.T) {
	t.Parallel()
	savona := territory(t)
	if got := len(savona.Municipalities); got != 69 {
		t.Errorf("the province has %d municipalities, want 69", got)
	}
	codes := map[string]bool{}
	for _, m := range savona.Municipalities {
		if m.Name == "" || len(m.Code) != 6 || codes[m.Code] {
			t.Errorf("municipality %q, code %q: the name is missing, or the code is wrong or comes twice", m.Name, m.Code)
		}
		codes[m.Code] = true
		if got, ok := savona.Municipality(m.Code); !ok || got.Name != m.Name {
			t.Errorf("Municipality(%q) returned %q, %t", m.Code, got.Name, ok)
		}
		for _, ring := range m.Rings {
			if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
				t.Errorf("%s has a ring of %d points, or one that is open", m.Name, len(ring))
			}
		}
	}
	if !slices.IsSortedFunc(savona.Municipalities, func(a, b places.Municipality) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	}) {
		t.Error("the municipalities are not in the order of their codes")
	}
	if _, ok := savona.Municipality("010025"); ok {
		t.Error("Genoa is in the Province of Savona")
	}
	for _, name := range []string{"Savona", "Albenga", "Bergeggi"} { // each has an islet
		i := slices.IndexFunc(savona.Municipalities, func(m places.Municipality) bool { return m.Name == name })
		if i < 0 || len(savona.Municipalities[i].Rings) != 2 {
			t.Errorf("%s does not have two parts", name)
		}
	}
}

// TestAreasAgree holds the outlines against the size of the province, 1,546 square
// kilometres as ISTAT has it, and its outline against the sum of its parts.
func TestAreasAgree(t *testing.T) {
	t.Parallel()
	savona := territory(t)
	sum := 0.0
	for _, m := range savona.Municipalities {
		for _, ring := range m.Rings {
			sum += size(ring)
		}
	}
	outline := 0.0
	for _, ring := range savona.Outline {
		outline += size(ring)
	}
	if math.Abs(outline-sum) > 0.01 {
		t.Errorf("the outline holds %.2f square kilometres, its municipalities %.2f", outline, sum)
	}
	if math.Abs(outline-1546) > 8 {
		t.Errorf("the province has %.1f square kilometres, want 1,546", outline)
	}
}

// size returns the square kilometres in ring.
func size(ring places.Ring) float64 {
	const degree = 111.2 // kilometres
	sum, narrow := 0.0, math.Cos(44.25*math.Pi/180)
	for i := range len(ring) - 1 {
		sum += ring[i].Lon*ring[i+1].Lat - ring[i+1].Lon*ring[i].Lat
	}
	return math.Abs(sum) / 2 * degree * degree * narrow
}

// TestBordersDoNotCross compares every piece of border with every other: they may
// share ends, and be the same, and no more.
func TestBordersDoNotCross(t *testing.T) {
	t.Parallel()
	type piece struct{ a, b places.Point }
	known := map[piece]bool{}
	var pieces []piece
	for _, m := range territory(t).Municipalities {
		for _, ring := range m.Rings {
			for i := range len(ring) - 1 {
				p := piece{ring[i], ring[i+1]}
				if !known[p] && !known[piece{p.b, p.a}] {
					known[p] = true
					pieces = append(pieces, p)
				}
			}
		}
	}
	side := func(a, b, c places.Point) float64 {
		return (b.Lon-a.Lon)*(c.Lat-a.Lat) - (b.Lat-a.Lat)*(c.Lon-a.Lon)
	}
	for i, p := range pieces {
		for _, q := range pieces[i+1:] {
			if side(p.a, p.b, q.a)*side(p.a, p.b, q.b) < -1e-22 && side(q.a, q.b, p.a)*side(q.a, q.b, p.b) < -1e-22 {
				t.Errorf("the borders cross between %v and %v", p, q)
			}
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	savona := territory(t)
	for lang, want := range map[string]string{
		"it-IT": "Provincia di Savona", "EN": "Province of Savona", "de": "Provinz Savona", "fr-FR": "Province de Savone", "my": "Province of Savona",
	} {
		if got := savona.Name(lang); got != want {
			t.Errorf("in %s it is called %q, want %q", lang, got, want)
		}
	}
}

func TestCreditNamesTheSources(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ISTAT", "openpolis", "CC BY"} {
		if credit := territory(t).Credit; !strings.Contains(credit, name) {
			t.Errorf("the credit %q does not name %s", credit, name)
		}
	}
}

func TestBox(t *testing.T) {
	t.Parallel()
	savona := territory(t)
	box := places.BoxOf(savona.Outline)
	if box.South < 43.9 || box.North > 44.6 || box.West < 7.9 || box.East > 8.7 {
		t.Errorf("the province lies in %+v", box)
	}
	if genoa := (places.Box{South: 44.4, West: 8.9, North: 44.5, East: 9}); box.Holds(genoa) || !box.Grown(1).Holds(genoa) {
		t.Error("Genoa is in the box, or not in that of a degree more")
	}
}
