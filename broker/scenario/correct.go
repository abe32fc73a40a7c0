package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/templates/wording"
)

// This file is about a message that was wrong: what holds is said whole, in the words of the
// alert's own scenario, and before it that and what was wrong, in those of the scenario of
// corrections.

// Correcting returns the values by which s, a scenario of corrections, says of the alert that v
// tells of what was wrong: its area, period and level as they are right, and one of s's choices.
func (s *Scenario) Correcting(v *Values, wrong string) ([]Input, error) {
	out := []Input{{s.fieldOf(TypeArea).Name, value{places: v.places()}.written()}, {s.PeriodField(), v.Lasting(v.Ends())}}
	if f, of := s.fieldOf(TypeLevel), v.s.fieldOf(TypeLevel); f != nil && of != nil {
		if c := v.all[of.Name].choice; c != nil && slices.ContainsFunc(f.Choices, func(o Choice) bool { return o.Key == c.Key }) {
			out = append(out, Input{f.Name, c.Key})
		}
	}
	f := s.fieldOf(TypeChoice)
	if f == nil {
		return nil, fmt.Errorf("the scenario %s has no choice that says what was wrong: add one", s.Name)
	}
	if _, err := f.choice(wrong); err != nil {
		return nil, &FieldError{Field: f.Name, Err: err}
	}
	return append(out, Input{f.Name, wrong}), nil
}

// Correct puts the words of s, a scenario of corrections filled in as v, into m, which says
// what holds with the shorter wordings own: before each headline those of s that name no place,
// before the description that of s, and its first step before the others, its further ones
// behind them. It returns the shorter wordings of all of them. A language that s lacks stays.
func (s *Scenario) Correct(v *Values, m *alert.Message, own Wordings, f Frame) Wordings {
	said, shorter := s.Message(v, f)
	all := Wordings{}
	for i := range m.Infos {
		in := &m.Infos[i]
		at := slices.IndexFunc(said.Infos, func(c alert.Info) bool { return c.Language == in.Language })
		mine := map[string][]string{}
		all[in.Language] = mine
		for text, others := range own[in.Language] {
			mine[text] = others
		}
		if at < 0 {
			continue
		}
		for text, others := range shorter[in.Language] {
			mine[text] = others
		}
		s.headCorrection(v, in, mine, f)
		in.Description = said.Infos[at].Description + "\n\n" + in.Description
		in.Instruction = aroundSteps(said.Infos[at].Instruction, in.Instruction)
	}
	return all
}

// headCorrection puts what was wrong before the headline of in, in as many words as leave room.
func (s *Scenario) headCorrection(v *Values, in *alert.Info, shorter map[string][]string, f Frame) {
	t := &s.texts[slices.IndexFunc(s.texts, func(t texts) bool { return tag(t.lang) == in.Language })]
	p := printer{v, wording.For(t.lang), f.Sent, f.Location}
	placeless := slices.DeleteFunc(slices.Clone(t.headline), func(one template) bool {
		return slices.Contains(one.fields(), s.fieldOf(TypeArea).Name)
	})
	mark := ""
	if word := p.words.DrillWord(f.Drill); word != "" {
		mark = word + ": "
	}
	bare := strings.TrimPrefix(in.Headline, mark)
	var lines []string
	for _, head := range p.variants(placeless) {
		for _, line := range append([]string{bare}, shorter[bare]...) {
			lines = append(lines, head+": "+line)
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		return cmp.Compare(utf8.RuneCountInString(b), utf8.RuneCountInString(a))
	})
	at := slices.IndexFunc(lines, func(line string) bool { return utf8.RuneCountInString(mark+line) <= aimHeadline })
	if at < 0 {
		at = len(lines) - 1
	}
	in.Headline = mark + lines[at]
	shorter[lines[at]] = lines[at+1:]
}

// aroundSteps returns the steps of an instruction with those of a correction around them: its
// first one before them, the others behind. What they hold under stays at the front.
func aroundSteps(said, instruction string) string {
	isStep := func(line string) bool { return strings.HasPrefix(line, "- ") }
	steps := slices.DeleteFunc(strings.Split(said, "\n"), func(line string) bool { return !isStep(line) })
	lines := strings.Split(instruction, "\n")
	first := slices.IndexFunc(lines, isStep)
	if first < 0 || len(steps) == 0 {
		return instruction
	}
	return strings.Join(slices.Concat(lines[:first], steps[:1], lines[first:], steps[1:]), "\n")
}
