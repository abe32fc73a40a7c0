package places_test

import (
	"slices"
	"testing"
)

// TestZonesDivideTheProvince holds that each municipality is in one zone, and that the
// zones have the size that the department's list gives, with Savona in B.
func TestZonesDivideTheProvince(t *testing.T) {
	t.Parallel()
	savona := territory(t)
	seen := map[string]string{}
	for _, z := range savona.Zones() {
		if want := map[string]int{"Ligu-A": 36, "Ligu-B": 10, "Ligu-D": 23}[z.Code]; len(z.Municipalities) != want {
			t.Errorf("%s has %d municipalities, want %d", z.Code, len(z.Municipalities), want)
		}
		if !slices.IsSorted(z.Municipalities) {
			t.Errorf("the municipalities of %s are not in the order of their codes", z.Code)
		}
		for _, code := range z.Municipalities {
			if _, ok := savona.Municipality(code); !ok || seen[code] != "" {
				t.Errorf("%s of %s is in no municipality, or in %q too", code, z.Code, seen[code])
			}
			seen[code] = z.Code
		}
		for _, lang := range []string{"it-IT", "en", "de", "fr"} {
			if z.Name(lang) == "" || lang != "en" && z.Name(lang) == z.Name("en") {
				t.Errorf("%s has no name in %s", z.Code, lang)
			}
		}
	}
	if len(seen) != 69 || seen["009056"] != "Ligu-B" {
		t.Errorf("the zones have %d municipalities, and Savona is in %q", len(seen), seen["009056"])
	}
}
