package scenario_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// TestMessage compares the message of the example with one that a person has read.
// TOCSIN_UPDATE_GOLDEN=1 writes it anew.
func TestMessage(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	for name, inputs := range map[string][]scenario.Input{"example": s.Example, "longest": s.Longest} {
		for d, mark := range map[wording.Drill]string{wording.Real: "real", wording.Exercise: "exercise"} {
			m, _ := message(t, s, w, d, inputs...)
			raw, err := m.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for line := range strings.Lines(string(raw)) {
				if !strings.Contains(line, "<polygon>") {
					lines = append(lines, line)
				}
			}
			got := []byte(strings.Join(lines, ""))
			file := filepath.Join("testdata", name+"-"+mark+".cap.xml")
			if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is another message; read it, then run with TOCSIN_UPDATE_GOLDEN=1:\n%s", file, got)
			}
			for _, f := range alert.Check(m) {
				if name == "example" {
					t.Error(f)
				}
			}
		}
	}
}

// TestMessageIsDeterministic makes the same message twice.
func TestMessageIsDeterministic(t *testing.T) {
	t.Parallel()
	s := parsed(t, "frana")
	first, _ := message(t, s, world(t), wording.Real, s.Example...)
	again, _ := message(t, parsed(t, "frana"), world(t), wording.Real, s.Example...)
	if !bytes.Equal(first.Raw, again.Raw) {
		t.Error("the same file, values and frame gave other bytes")
	}
}

// TestColourIsNotThePhase holds that no colour sets a phase.
func TestColourIsNotThePhase(t *testing.T) {
	t.Parallel()
	s := parsed(t, "frana")
	for level, want := range map[string]string{"gialla": "2; yellow; Moderate", "arancione": "3; orange; Severe", "rossa": "4; red; Extreme"} {
		in := []scenario.Input{{Field: "area", Text: "Savona"}, {Field: "level", Text: level}}
		m, _ := message(t, s, world(t), wording.Real, in...)
		if phase, ok := m.Infos[0].Parameter("fase_operativa"); ok {
			t.Errorf("%s sets the phase %s", level, phase)
		}
		if got, _ := m.Infos[0].Parameter("awareness_level"); got != want {
			t.Errorf("%s gives awareness_level %q, want %q", level, got, want)
		}
		if got, _ := m.Infos[0].Parameter("livello_allerta"); got != level {
			t.Errorf("%s gives livello_allerta %q", level, got)
		}
		m, _ = message(t, s, world(t), wording.Real, append(in, scenario.Input{Field: "phase", Text: "preallarme"})...)
		if phase, _ := m.Infos[3].Parameter("fase_operativa"); phase != "preallarme" {
			t.Errorf("the phase is %q", phase)
		}
	}
}

// TestLevelChangesTheMessage holds what the red level says that others do not.
func TestLevelChangesTheMessage(t *testing.T) {
	t.Parallel()
	s := parsed(t, "frana")
	red, _ := message(t, s, world(t), wording.Real, scenario.Input{Field: "area", Text: "Noli"}, scenario.Input{Field: "level", Text: "red"})
	in := red.Info("it-IT")
	if in.Severity != alert.SeverityExtreme || !slices.Equal(in.ResponseTypes, []alert.ResponseType{alert.ResponseShelter, alert.ResponseAvoid}) {
		t.Errorf("red is %s, %v", in.Severity, in.ResponseTypes)
	}
	if !strings.Contains(in.Instruction, "Resta ai piani alti e non metterti in viaggio.") {
		t.Error("the step of the red level is missing")
	}
	if strings.Contains(in.Description, "Causa") || strings.Contains(in.Description, "strada") {
		t.Errorf("a line stands whose optional field is empty: %s", in.Description)
	}
}

// TestAreasAreWhole holds every area against its geocodes and outlines, and that each
// polygon is sound.
func TestAreasAreWhole(t *testing.T) {
	t.Parallel()
	s := parsed(t, "frana")
	for area, want := range map[string]struct {
		desc         string
		codes, rings int
		zones        []string
	}{
		"Savona":      {"Savona", 1, 2, []string{"Ligu-B"}},
		"zona B":      {"zona B della provincia di Savona", 10, 0, []string{"Ligu-B"}},
		"Ligu-D":      {"zona D della provincia di Savona", 23, 0, []string{"Ligu-D"}},
		"provincia":   {"Provincia di Savona", 69, 3, []string{"Ligu-A", "Ligu-B", "Ligu-D"}},
		"erli, noli":  {"Erli", 1, 1, []string{"Ligu-A"}},
		"Dego,zona D": {"zona D della provincia di Savona", 23, 0, []string{"Ligu-D"}},
	} {
		m, _ := message(t, s, world(t), wording.Real, scenario.Input{Field: "area", Text: area}, scenario.Input{Field: "level", Text: "gialla"})
		in := m.Infos[0]
		a := in.Areas[0]
		codes := 0
		for _, g := range a.Geocodes {
			if g.Name == "ISTAT" {
				codes++
			}
		}
		if a.Desc != want.desc || codes != want.codes || want.rings > 0 && len(a.Polygons) != want.rings {
			t.Errorf("%s: %q with %d municipalities and %d polygons", area, a.Desc, codes, len(a.Polygons))
		}
		if got, ok := a.Geocode("EMMA_ID"); ok {
			t.Errorf("%s: the area has EMMA_ID %q, which is all of the region", area, got)
		}
		if got, _ := in.Parameter("EMMA_ID"); got != "IT007" {
			t.Errorf("%s: the message is said to be of the region %q", area, got)
		}
		var zones []string
		for _, p := range in.Parameters {
			if p.Name == "zona_allerta" {
				zones = append(zones, p.Value)
			}
		}
		if !slices.Equal(zones, want.zones) {
			t.Errorf("%s: the zones are %v, want %v", area, zones, want.zones)
		}
		for _, a := range in.Areas {
			for _, p := range a.Polygons {
				if err := p.Check(); err != nil || len(p) > 100 {
					t.Errorf("%s: a polygon of %d points: %v", area, len(p), err)
				}
			}
		}
	}
}

// TestExerciseIsMarked holds that a drill says so in headline and instruction, and is
// no real message.
func TestExerciseIsMarked(t *testing.T) {
	t.Parallel()
	s := parsed(t, "frana")
	m, shorter := message(t, s, world(t), wording.Exercise, s.Example...)
	if m.Status != alert.StatusExercise || !strings.HasPrefix(m.Note, "Esercitazione") {
		t.Errorf("status %s, note %q", m.Status, m.Note)
	}
	for _, in := range m.Infos {
		word := wording.For(in.Language).DrillWord(wording.Exercise)
		if !strings.HasPrefix(in.Headline, word+": ") || !strings.HasPrefix(in.Instruction, word) {
			t.Errorf("%s: %q, %q", in.Language, in.Headline, in.Instruction)
		}
		if len(shorter[in.Language][strings.TrimPrefix(in.Headline, word+": ")]) != 1 {
			t.Errorf("%s: no shorter headline belongs to %q", in.Language, in.Headline)
		}
	}
}

func TestWordings(t *testing.T) {
	t.Parallel()
	s := parsed(t, "frana")
	_, shorter := message(t, s, world(t), wording.Real, s.Example...)
	got := shorter["it-IT"]
	for text, want := range map[string][]string{
		"Allerta arancione per frane e allagamenti: Savona, Vado Ligure e Quiliano":        {"Allerta arancione per frane: Savona e altri 2 comuni"},
		"Stai lontano da torrenti, ponti, argini e sottopassi, anche se adesso non piove.": {"Stai lontano da torrenti e ponti.", "Via dai torrenti."},
	} {
		if !slices.Equal(got[text], want) {
			t.Errorf("%q has the shorter wordings %q, want %q", text, got[text], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("there are %d texts with shorter wordings: %q", len(got), got)
	}
}
