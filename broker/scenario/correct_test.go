package scenario_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tocsin/broker/scenario"
	"tocsin/templates/scenarios"
	"tocsin/templates/wording"
)

// TestEveryScenarioCanBeCorrected puts the words of the scenario of corrections into each
// scenario that begins an alert, with its longest values: nothing of the alert is lost, each
// language says that the message before was wrong, and what to do comes second.
func TestEveryScenarioCanBeCorrected(t *testing.T) {
	t.Parallel()
	w := world(t)
	l := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}
	fixes, err := l.Open("correzione")
	if err != nil {
		t.Fatal(err)
	}
	names, err := l.Names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s, err := l.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Follows() {
			continue
		}
		for _, drill := range []wording.Drill{wording.Real, wording.Exercise} {
			v, now, err := s.Sample(s.Longest, w.Atlas, w.Location)
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			then := w
			then.Now = now
			f := frame(then, drill)
			m, own := s.Message(v, f)
			bare := m.Clone()
			inputs, err := fixes.Correcting(v, "luogo-orari")
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			said, err := fixes.Fill(inputs, then)
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			shorter := fixes.Correct(said, m, own, f)
			for i := range m.Infos {
				in, was := &m.Infos[i], &bare.Infos[i]
				words := wording.For(in.Language)
				head := strings.TrimPrefix(in.Headline, words.DrillWord(drill)+": ")
				if !strings.HasPrefix(head, words.Act(wording.Update)+", ") || utf8.RuneCountInString(in.Headline) > 160 {
					t.Errorf("%s %s: the headline is %q", s.Name, in.Language, in.Headline)
				}
				if lines := shorter[in.Language][head]; len(lines) == 0 || !slices.IsSortedFunc(lines, func(a, b string) int { return utf8.RuneCountInString(b) - utf8.RuneCountInString(a) }) {
					t.Errorf("%s %s: the shorter headlines are %q", s.Name, in.Language, lines)
				}
				if !strings.HasSuffix(in.Description, "\n\n"+was.Description) || in.Event != was.Event || in.Severity != was.Severity {
					t.Errorf("%s %s: what the alert says is lost: %q", s.Name, in.Language, in.Description)
				}
				steps, before := strings.Split(in.Instruction, "\n"), strings.Split(was.Instruction, "\n")
				at := slices.IndexFunc(before, func(line string) bool { return strings.HasPrefix(line, "- ") })
				if !slices.Equal(steps[:at], before[:at]) || !slices.Equal(steps[at+1:len(before)+1], before[at:]) || len(steps) != len(before)+3 {
					t.Errorf("%s %s: the steps are %q, of the alert's %q", s.Name, in.Language, steps, before)
				}
			}
		}
	}
	landslides, err := l.Open("idrogeologico")
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := landslides.Sample(landslides.Longest, w.Atlas, w.Location)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fixes.Correcting(v, "tutto"); err == nil || !strings.Contains(err.Error(), "error") {
		t.Errorf("anything can have been wrong: %v", err)
	}
}
