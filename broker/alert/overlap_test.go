package alert_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
)

// breaks reports whether a document breaks a rule.
func breaks(t *testing.T, document string, rule alert.Rule) bool {
	t.Helper()
	_, found := alert.Inspect([]byte(document))
	return slices.ContainsFunc(found, func(f alert.Finding) bool { return f.Rule == rule })
}

// TestOverlaps draws a second area beside, on and over the square from 0,0 to 1,1.
func TestOverlaps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ring string
		over bool
	}{
		"apart":            {"2,2 2,3 3,3 3,2 2,2", false},
		"side_by_side":     {"0,1 0,2 1,2 1,1 0,1", false},
		"one_corner":       {"1,1 1,2 2,2 2,1 1,1", false},
		"part_of_a_border": {"0.2,1 0.2,2 0.8,2 0.8,1 0.2,1", false},
		"a_few_metres":     {"0,0.99995 0,2 1,2 1,0.99995 0,0.99995", false},
		"a_hundred_metres": {"0,0.999 0,2 1,2 1,0.999 0,0.999", true},
		"a_cross":          {"0.4,-1 0.4,2 0.6,2 0.6,-1 0.4,-1", true},
		"inside":           {"0.4,0.4 0.4,0.6 0.6,0.6 0.6,0.4 0.4,0.4", true},
		"around":           {"-1,-1 -1,2 2,2 2,-1 -1,-1", true},
		"the_same":         {"0,0 0,1 1,1 1,0 0,0", true},
		"in_its_bay":       {"2,0.2 2,0.8 3,0.8 3,0.2 2,0.2", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			square := strings.Replace(sound12, "1,1 1,2 2,2 1,1", "0,0 0,1 1,1 1,0 0,0", 1)
			other := "</area><area><areaDesc>Vado</areaDesc><polygon>" + c.ring + "</polygon></area>"
			if got := breaks(t, strings.Replace(square, "</area>", other, 1), alert.RuleOverlap); got != c.over {
				t.Errorf("they overlap: got %v, want %v", got, c.over)
			}
		})
	}
}

// TestContradictions adds a second info that differs from the first in some of its elements.
func TestContradictions(t *testing.T) {
	t.Parallel()
	first := sound12[strings.Index(sound12, "<info><language>it-IT"):strings.LastIndex(sound12, "</alert>")]
	for name, c := range map[string]struct {
		change      []string // old and new
		contradicts bool
	}{
		"the_same":            {nil, false},
		"another_severity":    {[]string{"<severity>Severe<", "<severity>Minor<"}, true},
		"another_language":    {[]string{"<severity>Severe<", "<severity>Minor<", "it-IT", "de-DE"}, false},
		"another_event":       {[]string{"<severity>Severe<", "<severity>Minor<", "Piena</event>", "Vento</event>"}, false},
		"another_place":       {[]string{"<severity>Severe<", "<severity>Minor<", ">Savona<", ">Vado Ligure<", "1,1 1,2 2,2 1,1", "5,5 5,6 6,6 5,5"}, false},
		"another_description": {[]string{"<severity>Severe<", "<severity>Severe<", "</description>", " Cresce.</description>"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			second := strings.NewReplacer(c.change...).Replace(first)
			if len(c.change) > 0 && second == first && name != "another_description" {
				t.Fatalf("nothing of %q stands in %s", c.change, first)
			}
			if got := breaks(t, strings.Replace(sound12, "</alert>", second+"</alert>", 1), alert.RuleContradiction); got != c.contradicts {
				t.Errorf("it contradicts: got %v, want %v", got, c.contradicts)
			}
		})
	}
}
