package wording_test

import (
	"strings"
	"testing"

	"tocsin/templates/wording"
)

func TestList(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lang  string
		names []string
		want  string
	}{
		{"it", nil, ""},
		{"it", []string{"Savona"}, "Savona"},
		{"it", []string{"Savona", "Vado Ligure", "Quiliano"}, "Savona, Vado Ligure e Quiliano"},
		{"it", []string{"Savona", "Erli"}, "Savona ed Erli"},
		{"en", []string{"Savona", "Erli"}, "Savona and Erli"},
		{"de", []string{"Savona", "Noli"}, "Savona und Noli"},
		{"fr", []string{"Savona", "Noli"}, "Savona et Noli"},
	} {
		if got := wording.For(tt.lang).List(tt.names); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.lang, got, tt.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string][3]string{
		"it": {"12.000", "4,5", "1500"}, "en": {"12,000", "4.5", "1500"}, "de": {"12.000", "4,5", "1500"}, "fr": {"12 000", "4,5", "1500"},
	} {
		w := wording.For(lang)
		if got := [3]string{w.Number("12000"), w.Number("4.5"), w.Number("1500")}; got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

// TestNamesAreComplete holds that every language has its own words for all of them.
func TestNamesAreComplete(t *testing.T) {
	t.Parallel()
	for _, lang := range wording.Languages() {
		w := wording.For(lang)
		for l := wording.Green; l <= wording.Red; l++ {
			if w.Colour(l) == "" || !strings.Contains(strings.ToLower(w.Level(l, true)), strings.ToLower(w.Colour(l))[:3]) {
				t.Errorf("%s: colour %d is %q, and its alert %q", lang, l, w.Colour(l), w.Level(l, true))
			}
		}
		if w.Colour(wording.Unrated)+w.Colour(99)+w.Phase("altro")+w.OtherMunicipalities(0)+w.DrillProviso(wording.Real) != "" {
			t.Errorf("%s: what is nothing has a name", lang)
		}
		for _, p := range wording.Phases() {
			if w.Phase(p) == "" {
				t.Errorf("%s: the phase %s has no name", lang, p)
			}
		}
		if w.OtherMunicipalities(1) == "" || !strings.Contains(w.OtherMunicipalities(7), "7") {
			t.Errorf("%s: others are %q and %q", lang, w.OtherMunicipalities(1), w.OtherMunicipalities(7))
		}
		for _, d := range []wording.Drill{wording.Exercise, wording.Test} {
			if !strings.HasPrefix(w.DrillProviso(d), w.DrillWord(d)) {
				t.Errorf("%s: %q does not begin with %q", lang, w.DrillProviso(d), w.DrillWord(d))
			}
		}
	}
}
