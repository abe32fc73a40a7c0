package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/broker/alert"
	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// TestParseFinds breaks each rule once, in a file that has nothing against it.
func TestParseFinds(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join("testdata", "frana.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		old, new string
		rule     scenario.Rule
		want     string // place and words
	}{
		"no_yaml":          {"title: {it:", "title: [it:", scenario.RuleSyntax, "look at indentation"},
		"bad_indent":       {"  area:\n    type: area", "  area:\n   - type: area\n    label: x", scenario.RuleSyntax, "frana.yaml:1"},
		"anchor":           {"source: i test", "source: &a i test", scenario.RuleSyntax, "frana.yaml:5:9: \"&\" is YAML"},
		"alias":            {"source: i test", "source: *a", scenario.RuleSyntax, "is YAML that a scenario does not take"},
		"tag":              {"source: i test", "source: !!str i test", scenario.RuleSyntax, "is YAML that a scenario does not take"},
		"two_documents":    {"texts:\n  it:", "---\ntexts:\n  it:", scenario.RuleSyntax, "is YAML that a scenario does not take"},
		"merge":            {"source: i test", "<<: {source: i test}", scenario.RuleSyntax, "is YAML that a scenario does not take"},
		"infinity":         {"most: 43", "most: .inf", scenario.RuleSyntax, "is YAML that a scenario does not take"},
		"zero_width":       {"source: i test", "source: i\u200btest", scenario.RuleCharacter, "frana.yaml:5:10: there is an invisible character (U+200B)"},
		"not_utf8":         {"source: i test", "source: i\xfftest", scenario.RuleCharacter, "not UTF-8"},
		"accents_apart":    {"source: i test", "source: perche\u0301", scenario.RuleCharacter, "frana.yaml:5:1"},
		"unknown_key":      {"source: i test", "source: i test\ncolour: red", scenario.RuleKey, "frana.yaml:6:1: the key \"colour\" is not known here; write one of scenario, version"},
		"double_key":       {"source: i test", "source: i test\nsource: altri", scenario.RuleSyntax, "6:1"},
		"missing_key":      {"source: i test\n", "", scenario.RuleMissing, "the key \"source\" is missing"},
		"empty_key":        {"source: i test", "source:", scenario.RuleMissing, "the key \"source\" is missing"},
		"other_name":       {"scenario: frana", "scenario: valanga", scenario.RuleName, "its file \"frana\""},
		"no_name":          {"scenario: frana", "scenario: Frana 1", scenario.RuleName, "is no name"},
		"version":          {"version: 2", "version: 0.5", scenario.RuleValue, "no whole number"},
		"no_english_title": {"title: {it: Frana di prova, en: Test landslide}", "title: {it: Frana di prova}", scenario.RuleMissing, "\"en\" is missing"},
		"category":         {"category: [Geo, Met]", "category: [Geo, Meteo]", scenario.RuleValue, "frana.yaml:7:19: \"Meteo\" is no value of CAP"},
		"severity":         {"severity: Moderate", "severity: grave", scenario.RuleValue, "write one of Extreme"},
		"awareness":        {"awareness_type: 13", "awareness_type: 11", scenario.RuleValue, "MeteoAlarm"},
		"field_type":       {"type: place", "type: text", scenario.RuleValue, "\"text\" is no type of a field"},
		"strange_for_type": {"most: 43", "longest: 3h", scenario.RuleKey, "\"longest\" is not known here"},
		"level_colour":     {"gialla: {cap", "viola: {cap", scenario.RuleValue, "is no colour"},
		"no_choices":       {"    choices:\n      pioggia", "    scelte:\n      pioggia", scenario.RuleMissing, "the field has no choices"},
		"choice_language":  {"fr: de fortes pluies", "en2: x", scenario.RuleKey, "\"en2\""},
		"choice_no_french": {", fr: de fortes pluies", "", scenario.RuleLanguage, "the choice \"pioggia\" has no text in the language fr"},
		"optional_area":    {"    type: area\n", "    type: area\n    optional: true\n", scenario.RuleValue, "never optional"},
		"two_areas":        {"    type: place\n    label: {it: Strada chiusa, en: Closed road}\n    most: 43", "    type: area\n    label: {it: Strada chiusa, en: Closed road}\n    default: provincia\n  altra:\n    type: place\n    label: {it: Strada chiusa, en: Closed road}", scenario.RuleMissing, "there are 2 fields of type area"},
		"least_above_most": {"least: 1\n", "least: 9000\n", scenario.RuleValue, "the least is above the most"},
		"bad_duration":     {"longest: 48h", "longest: two days", scenario.RuleValue, "no duration"},
		"bad_truth":        {"optional: true", "optional: si", scenario.RuleValue, "neither true nor false"},
		"placeholder":      {"\"Causa: {cause}.\"", "\"Causa: {causa}.\"", scenario.RulePlaceholder, "frana.yaml:61:9: there is no field \"causa\""},
		"facet":            {"in {area.count} comuni", "in {area.size} comuni", scenario.RulePlaceholder, "has no \"size\""},
		"facet_of_choice":  {"\"Causa: {cause}.\"", "\"Causa: {cause.first}.\"", scenario.RulePlaceholder, "has no \"first\""},
		"lonely_brace":     {"\"Causa: {cause}.\"", "\"Causa: cause}.\"", scenario.RulePlaceholder, "a brace stands alone"},
		"condition_field":  {"when: {level: [rossa]}", "when: {road: [rossa]}", scenario.RuleValue, "no field with choices"},
		"condition_choice": {"when: {level: [rossa]}", "when: {level: [verde]}", scenario.RuleValue, "no choice of the field \"level\""},
		"other_condition":  {"when: {level: [rossa]}", "when: {level: [gialla]}", scenario.RuleLanguage, "under other conditions"},
		"fewer_lines":      {"      - \"Segui le indicazioni delle autorità.\"\n", "", scenario.RuleLanguage, "has 4 lines in the language en, and 3 in it"},
		"fewer_languages":  {"allclear:\n  it:", "allclear:\n  zz:", scenario.RuleKey, "\"zz\""},
		"only_optional":    {"\"Allerta {level} per frane e allagamenti: {area}\"\n      - \"Allerta {level} per frane: {area.first}\"", "\"Frana sulla {road}\"", scenario.RuleMissing, "every headline names an optional field"},
		"exclamation":      {"\"Via dai torrenti.\"", "\"Via dai torrenti!\"", scenario.RuleWording, "exclamation mark"},
		"address":          {"\"Via dai torrenti.\"", "\"Vedi www.it.\"", scenario.RuleWording, "address or markup"},
		"exercise":         {"\"Via dai torrenti.\"", "\"Esercitazione.\"", scenario.RuleWording, "says that it is an exercise"},
		"emoji":            {"\"Via dai torrenti.\"", "\"Via dai torrenti 🌊.\"", scenario.RuleWording, "symbol or an emoji"},
		"hashtag":          {"\"Via dai torrenti.\"", "\"#torrenti\"", scenario.RuleWording, "mention or a hashtag"},
		"two_lines":        {"source: i test", "source: \"i\\ntest\"", scenario.RuleValue, "several lines"},
		"list_for_text":    {"source: i test", "source: [i, test]", scenario.RuleValue, "a text is expected here"},
		"example_missing":  {"  level: arancione\n  cause: pioggia", "  cause: pioggia", scenario.RuleExample, "example has no value for the field \"level\""},
		"example_strange":  {"  cause: pioggia", "  wind: forte", scenario.RuleExample, "which is no field"},
		"deep":             {"source: i test", "source: [[[[[[[[[[[[i]]]]]]]]]]]]", scenario.RuleSize, "brackets in brackets"},
		"large":            {"source: i test", "source: " + strings.Repeat("i test ", 20_000), scenario.RuleSize, "more than 131072 bytes"},
		"many_lines":       {"source: i test", "source: i test" + strings.Repeat("\n", 4000), scenario.RuleSize, "the limit is 3000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := strings.Replace(string(src), tt.old, tt.new, 1)
			if broken == string(src) {
				t.Fatalf("the file does not hold %q", tt.old)
			}
			s, found := scenario.Parse("cartella/frana.yaml", []byte(broken))
			if s != nil || found.Err() == nil {
				t.Fatalf("it was taken; found %v", found)
			}
			for _, f := range found {
				if f.Rule == tt.rule && f.Severity == alert.LevelError && strings.Contains(f.String(), tt.want) {
					return
				}
			}
			t.Errorf("found %v, want rule %s that says %q", found, tt.rule, tt.want)
		})
	}
	s, found := scenario.Parse("frana.yaml", []byte(strings.ReplaceAll(strings.ReplaceAll(string(src), "{people}", "20"), "\r", "")))
	if s != nil || len(found) != 1 || found[0].Rule != scenario.RuleUnused || found[0].Line != 47 {
		t.Errorf("a field that nothing names: %v", found)
	}
}

// TestParseWarns holds what is taken with a warning.
func TestParseWarns(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join("testdata", "frana.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"Chiama il numero 115.":              "telephone number",
		"Chiama lo 019 831231.":              "telephone number",
		"Via dai TORRENTI.":                  "in capitals",
		strings.Repeat("via ", 20) + "oggi.": "21 words",
	} {
		s, found := scenario.Parse("frana.yaml", []byte(strings.Replace(string(src), "Via dai torrenti.", text, 1)))
		if s == nil || !strings.Contains(found[0].String(), want) || found.Err() != nil {
			t.Errorf("%q: %v", text, found)
		}
	}
	if _, found := scenario.Parse("frana.yaml", []byte(strings.Replace(string(src), "Via dai torrenti.", "Chiama il 112.", 1))); len(found) > 0 {
		t.Errorf("112: %v", found)
	}
}

// TestBraces holds that a doubled brace is one.
func TestBraces(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join("testdata", "frana.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s, found := scenario.Parse("frana.yaml", []byte(strings.Replace(string(src), "Causa: {cause}.", "Causa {{vera}}: {cause}.", 1)))
	if s == nil {
		t.Fatal(found)
	}
	m, _ := message(t, s, world(t), wording.Real, s.Example...)
	if got := m.Infos[0].Description; !strings.Contains(got, "Causa {vera}: piogge forti.") {
		t.Errorf("the description is %q", got)
	}
}

// TestLibrary opens scenarios by their names: the office's own come first.
func TestLibrary(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join("testdata", "frana.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	own := []byte(strings.Replace(string(src), "version: 2", "version: 3", 1))
	l := scenario.Library{Shelves: []scenario.Shelf{
		{Dir: "proprio", FS: fstest.MapFS{"frana.yaml": {Data: own}, "rotto.yaml": {Data: []byte("scenario: 7\n")}, "README.md": {}, "Altro.yaml": {}}},
		{FS: fstest.MapFS{"frana.yaml": {Data: src}, "neve.yaml": {Data: src}, "grande.yaml": {Data: make([]byte, scenario.MaxBytes+1)}}},
	}}
	names, err := l.Names()
	if err != nil || strings.Join(names, " ") != "frana grande neve rotto" {
		t.Errorf("the names are %v (%v)", names, err)
	}
	if s, err := l.Open("frana"); err != nil || s.Version != 3 {
		t.Errorf("the office's own scenario is not the one that counts: %v", err)
	}
	for name, want := range map[string]string{
		"rotto": "proprio/rotto.yaml:1:1", "grande": "more than", "frane": "did you mean frana", "altro": "see tocsin scenario list", "../frana": "there is no scenario", "neve": "its file \"neve\"",
	} {
		if s, err := l.Open(name); s != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// FuzzParse holds that no file stops the parser, and that a scenario that was taken can
// be filled in and written.
func FuzzParse(f *testing.F) {
	src, err := os.ReadFile(filepath.Join("testdata", "frana.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(src)
	f.Add([]byte("scenario: frana\nversion: [1]\ntexts: {it: {headline: {}}}\n"))
	f.Add([]byte("a: &b [*b]\n? c\n: d\n"))
	f.Add([]byte("fields: {area: , period: {type: period, longest: }}\n"))
	w := world(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		s, found := scenario.Parse("frana.yaml", src)
		if (s == nil) != (found.Err() != nil) {
			t.Fatalf("a scenario %t, and %v", s != nil, found)
		}
		if s == nil {
			return
		}
		v, now, err := s.Sample(s.Example, w.Atlas, w.Location)
		if err != nil {
			return
		}
		fr := frame(w, wording.Exercise)
		fr.Sent = now
		m, _ := s.Message(v, fr)
		ends, _ := s.AllClear(v, v.Ends(), fr)
		if len(m.Infos) != len(s.Languages()) || s.HasAllClear() != (len(ends.Infos) > 0) || len(ends.Infos) > len(m.Infos) {
			t.Errorf("%d infos for %v", len(m.Infos), s.Languages())
		}
	})
}

// FuzzFields holds that no value stops the reader of a field, and that one that was
// taken gives a message that can be written.
func FuzzFields(f *testing.F) {
	s, w := parsed(f, "frana"), world(f)
	for _, text := range []string{"14:00/23:59", "14/03/2026 15:00/15/03/2026 06:00", "now/+12h", "Savona, zona B", "rossa", "2026-10-25 02:30+01:00/+1h", "12,5", "SP 29"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, field := range s.Fields {
			inputs := []scenario.Input{{Field: field.Name, Text: text}}
			for _, in := range s.Example {
				if in.Field != field.Name {
					inputs = append(inputs, in)
				}
			}
			v, err := s.Fill(inputs, w)
			if err != nil {
				continue
			}
			m, _ := s.Message(v, frame(w, wording.Real))
			if _, err := m.Marshal(); err != nil {
				t.Errorf("%s=%q: %v", field.Name, text, err)
			}
		}
	})
}
