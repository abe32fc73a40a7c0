package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// check holds a scenario that was read against the rules that take all of it.
func (r *reader) check(s *Scenario) {
	r.checkFields(s)
	r.checkInputs(s)
	used := map[string]bool{}
	for _, set := range [][]texts{s.texts, s.allClear} {
		for i := range set {
			r.checkTexts(s, &set[i], used)
			r.same(&set[0], &set[i])
		}
	}
	if s.allClear != nil && !slices.EqualFunc(s.allClear, s.texts, func(a, b texts) bool { return a.lang == b.lang }) {
		r.add(RuleLanguage, s.lines["allclear"], 1, "allclear has other languages than texts", "write the same ones")
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		if always := []Type{TypeArea, TypePeriod, TypeLevel, TypePhase}; !used[f.Name] && !slices.Contains(always, f.Type) {
			r.add(RuleUnused, f.line, f.column, fmt.Sprintf("no text and no condition names the field %q", f.Name), "name it as {"+f.Name+"}, or delete the field")
		}
	}
}

func (r *reader) checkFields(s *Scenario) {
	count := map[Type]int{}
	for i := range s.Fields {
		f := &s.Fields[i]
		count[f.Type]++
		if f.Type == TypeChoice {
			for _, c := range f.Choices {
				for _, t := range s.texts {
					if c.Words[t.lang] == "" {
						r.add(RuleLanguage, f.line, f.column, fmt.Sprintf("the choice %q has no text in the language %s", c.Key, t.lang), "add it")
					}
				}
			}
		}
		if f.Type == TypeNumber && f.Least > f.Most {
			r.add(RuleValue, f.line, f.column, "the least is above the most", "correct one of them")
		}
	}
	for _, t := range []Type{TypeArea, TypePeriod} {
		if count[t] != 1 {
			r.add(RuleMissing, s.lines["fields"], 1, fmt.Sprintf("there are %d fields of type %s, and one is needed", count[t], t), "say where and when with one field each")
		}
	}
	for _, t := range []Type{TypeLevel, TypePhase} {
		if count[t] > 1 {
			r.add(RuleValue, s.lines["fields"], 1, fmt.Sprintf("there are %d fields of type %s, and one is the most", count[t], t), "delete the others")
		}
	}
}

// checkInputs looks at the names in example and longest; their values want a map.
func (r *reader) checkInputs(s *Scenario) {
	for key, inputs := range map[string][]Input{"example": s.Example, "longest": s.Longest} {
		for i := range s.Fields {
			f := &s.Fields[i]
			given := slices.ContainsFunc(inputs, func(in Input) bool { return in.Field == f.Name })
			if !given && !f.Optional && f.Default == "" {
				r.add(RuleExample, s.lines[key], 1, fmt.Sprintf("%s has no value for the field %q", key, f.Name), "add one")
			}
		}
		for _, in := range inputs {
			if s.field(in.Field) == nil {
				r.add(RuleExample, s.lines[key], 1, fmt.Sprintf("%s has a value for %q, which is no field", key, in.Field), "delete it, or correct its name")
			}
		}
	}
}

func (s *Scenario) field(name string) *Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

func (s *Scenario) fieldOf(t Type) *Field {
	for i := range s.Fields {
		if s.Fields[i].Type == t {
			return &s.Fields[i]
		}
	}
	return nil
}

func (r *reader) checkTexts(s *Scenario, t *texts, used map[string]bool) {
	r.variants(s, t.lang, t.event, used)
	if len(t.event) > 0 && !slices.ContainsFunc(t.event, func(v template) bool { return !optional(s, v) }) {
		r.add(RuleMissing, t.line, t.column, "every event names an optional field", "add one that always holds")
	}
	r.variants(s, t.lang, t.headline, used)
	if len(t.headline) == 0 || !slices.ContainsFunc(t.headline, func(v template) bool { return !optional(s, v) }) {
		r.add(RuleMissing, t.line, t.column, "every headline names an optional field, or there is none", "add one that always holds")
	}
	for _, lines := range [][]step{t.description, t.instruction} {
		for _, line := range lines {
			r.variants(s, t.lang, line.variants, used)
			r.conditions(s, line, used)
		}
	}
	if len(t.instruction) == 0 {
		r.add(RuleMissing, t.line, t.column, "there is no step of an instruction", "say what to do, the most important first")
	}
}

// optional reports whether t names a field that may be empty.
func optional(s *Scenario, t template) bool {
	return slices.ContainsFunc(t.fields(), func(name string) bool { f := s.field(name); return f != nil && f.Optional })
}

// variants checks the wordings of one text.
func (r *reader) variants(s *Scenario, lang string, all []template, used map[string]bool) {
	for i, t := range all {
		r.placeholders(s, t, used)
		r.wording(lang, t)
		if i > 0 && slices.Equal(t.fields(), all[i-1].fields()) && utf8.RuneCountInString(t.source) >= utf8.RuneCountInString(all[i-1].source) {
			r.warn(t.line, t.column, "the variant is not shorter than the one before it", "put the longest first")
		}
	}
}

func (r *reader) placeholders(s *Scenario, t template, used map[string]bool) {
	var names []string
	for i := range s.Fields {
		names = append(names, s.Fields[i].Name)
	}
	for _, p := range t.parts {
		if p.field == "" {
			continue
		}
		f := s.field(p.field)
		if f == nil {
			r.add(RulePlaceholder, t.line, t.column, fmt.Sprintf("there is no field %q", shortened(p.field)), "write one of "+strings.Join(names, ", "))
			continue
		}
		used[f.Name] = true
		facets := map[Type][]string{TypeArea: {"first", "count"}, TypePeriod: {"from", "to"}}[f.Type]
		if p.facet != "" && !slices.Contains(facets, p.facet) {
			r.add(RulePlaceholder, t.line, t.column, fmt.Sprintf("the field %q has no %q", f.Name, shortened(p.facet)), "write {area}, {area.first}, {area.count}, {period}, {period.from} or {period.to}")
		}
	}
}

func (r *reader) conditions(s *Scenario, line step, used map[string]bool) {
	at := template{}
	if len(line.variants) > 0 {
		at = line.variants[0]
	}
	for _, c := range line.when {
		f := s.field(c.field)
		if f == nil || len(f.Choices) == 0 {
			r.add(RuleValue, at.line, at.column, fmt.Sprintf("the condition names %q, which is no field with choices", shortened(c.field)), "name a field of type level, phase or choice")
			continue
		}
		used[f.Name] = true
		for _, key := range c.keys {
			if !slices.ContainsFunc(f.Choices, func(have Choice) bool { return have.Key == key }) {
				r.add(RuleValue, at.line, at.column, fmt.Sprintf("the condition names %q, which is no choice of the field %q", shortened(key), f.Name), "write one of "+strings.Join(keys(f), ", "))
			}
		}
	}
}

func keys(f *Field) []string {
	var out []string
	for _, c := range f.Choices {
		out = append(out, c.Key)
	}
	return out
}

// same holds that a language says as much as the first one.
func (r *reader) same(a, b *texts) {
	for _, part := range []struct {
		name string
		a, b []step
	}{{"description", a.description, b.description}, {"instruction", a.instruction, b.instruction}} {
		if len(part.a) != len(part.b) {
			r.add(RuleLanguage, b.line, b.column, fmt.Sprintf("the %s has %d lines in the language %s, and %d in %s", part.name, len(part.b), b.lang, len(part.a), a.lang), "say the same in both, line by line")
			continue
		}
		for i := range part.a {
			if !slices.EqualFunc(part.a[i].when, part.b[i].when, func(x, y condition) bool { return x.field == y.field && slices.Equal(x.keys, y.keys) }) {
				r.add(RuleLanguage, part.b[i].variants[0].line, part.b[i].variants[0].column, fmt.Sprintf("line %d of the %s holds under other conditions than in the language %s", i+1, part.name, a.lang), "write the same conditions")
			}
		}
	}
}

var (
	drillWords = regexp.MustCompile(`(?i)\b(?:esercitazione|exercice d.alerte)\b|\bTEST\b|(?i:übung)`)
	phone      = regexp.MustCompile(`\+\d{2}|\b\d{5,}\b|\b\d{3,4}[ /-]\d{4,}\b`)
	otherShort = regexp.MustCompile(`\b1\d\d\b`)
	capitals   = regexp.MustCompile(`\p{Lu}{4,}`)
)

// longSentence is the most words that a sentence should have.
const longSentence = 20

// wording holds a text against what public texts are like.
func (r *reader) wording(lang string, t template) {
	text := t.source
	fail := func(message, advice string) { r.add(RuleWording, t.line, t.column, message, advice) }
	switch {
	case strings.Contains(text, "!"):
		fail("there is an exclamation mark", "write a plain sentence")
	case strings.ContainsAny(text, "<>") || strings.Contains(text, "://") || strings.Contains(text, "www."):
		fail("there is an address or markup", "leave it out: every post has its link")
	case drillWords.MatchString(text):
		fail("the text says that it is an exercise", "leave that out: an exercise is marked by itself")
	case strings.ContainsFunc(text, func(c rune) bool { return unicode.Is(unicode.So, c) }):
		fail("there is a symbol or an emoji", "write it as a word")
	case strings.ContainsAny(text, "@#"):
		fail("there is a mention or a hashtag", "leave it out")
	}
	if phone.MatchString(text) || slices.ContainsFunc(otherShort.FindAllString(text, -1), func(n string) bool { return n != "112" }) {
		r.warn(t.line, t.column, "there seems to be a telephone number other than 112", "name 112 alone, and only where one must call")
	}
	if word := capitals.FindString(text); word != "" {
		r.warn(t.line, t.column, fmt.Sprintf("the word %q is in capitals, which are hard to read", word), "write it in small letters")
	}
	for _, sentence := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(".:;", c) }) {
		if n := len(strings.Fields(sentence)); n > longSentence {
			r.warn(t.line, t.column, fmt.Sprintf("a sentence in the language %s has %d words, and %d are the aim", lang, n, longSentence), "make two of it")
		}
	}
}
