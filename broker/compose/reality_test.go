package compose_test

import (
	"errors"
	"strings"
	"testing"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/templates/scenarios"
)

// TestRealityIsNoDrill composes real alerts whose texts hold the words of a drill,
// as marks and as words like others.
func TestRealityIsNoDrill(t *testing.T) {
	t.Parallel()
	o := live(one(t, adapters.Limits{MaxLen: 4096, LinksInText: true}))
	tests := map[string]struct {
		text    string
		refused bool
	}{
		"mark":                {"ESERCITAZIONE: allerta arancione", true},
		"mark_alone":          {"ESERCITAZIONE", true},
		"small_mark":          {"Esercitazione, non c’è alcun pericolo reale", true},
		"quoted_mark":         {"«Esercitazione» del Ponente", true},
		"second_sentence":     {"Piove molto. ESERCITAZIONE. Salire ai piani alti.", true},
		"second_line":         {"Piove molto.\nESERCITAZIONE: adesso non devi fare nulla.", true},
		"entry":               {"Salire.\n- ESERCITAZIONE: adesso non devi fare nulla.", true},
		"after_colon":         {"Allerta arancione: TEST", true},
		"after_dash":          {"Allerta arancione – TEST", true},
		"after_hyphen":        {"Allerta arancione - PROVA", true},
		"in_brackets":         {"Allerta arancione (esercitazione)", true},
		"in_square_brackets":  {"[TEST] Allerta arancione", true},
		"english":             {"EXERCISE – There is no real danger.", true},
		"german":              {"ÜBUNG: Hochwasser", true},
		"german_plain":        {"UEBUNG Hochwasser", true},
		"french":              {"EXERCICE. Crue.", true},
		"test":                {"Test: allerta arancione", true},
		"english_confession":  {"Heavy rain. This is only a test.", true},
		"italian_confession":  {"Piove molto. Questa è un’esercitazione.", true},
		"german_confession":   {"Es regnet. Dies ist eine Übung.", true},
		"french_confession":   {"Il pleut. Ceci n’est qu’un exercice.", true},
		"school":              {"La scuola rinvia l’esercitazione antincendio.", false},
		"school_in_sentence":  {"Sospese le lezioni. La prova di evacuazione e il test sono rinviati.", false},
		"denied":              {"Questa non è un’esercitazione. This is not a drill.", false},
		"part_of_a_word":      {"Testimoni raccontano. TESTATA del ponte crollata. Provare a chiamare.", false},
		"verb":                {"Exercise extreme caution near rivers. EXERCISE CAUTION.", false},
		"other_verb":          {"Prova a chiamare chi abita solo. Test your radio.", false},
		"capitals_inside":     {"Chiuso il laboratorio TEST di Savona.", false},
		"hyphenated_capitals": {"Chiuso il reparto PRE-TEST.", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for field, set := range map[string]func(*alert.Message){
				"headline":    func(m *alert.Message) { m.Infos[0].Headline = strings.ReplaceAll(tt.text, "\n", " ") },
				"description": func(m *alert.Message) { m.Infos[0].Description = tt.text },
				"instruction": func(m *alert.Message) { m.Infos[0].Instruction = tt.text },
			} {
				if name == "second_line" || name == "entry" {
					if field == "headline" {
						continue
					}
				}
				_, err := compose.New(own(o, func(m *alert.Message) { actual(m); set(m) }), o, demoID, demoCode)
				found, _ := errors.AsType[compose.LintError](err)
				if got := len(found) > 0 && found[0].Rule == compose.RuleReality; got != tt.refused {
					t.Errorf("%s %q: refused is %t (%v), want %t", field, tt.text, got, err, tt.refused)
				} else if tt.refused && !strings.Contains(err.Error(), field) {
					t.Errorf("%s: the error does not name it: %v", field, err)
				}
			}
		})
	}
}

// TestDemonstrationIsNoReality gives the example of an exercise the status Actual.
func TestDemonstrationIsNoReality(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	m := demo(t, o)
	m.Status, m.Raw = alert.StatusActual, nil
	_, err := compose.New(m, live(o), demoID, demoCode)
	found, _ := errors.AsType[compose.LintError](err)
	if len(found) == 0 || found[0].Rule != compose.RuleReality {
		t.Errorf("New returned %v, want a LintError about drill words", err)
	}
}

// TestPostsOfRealityAreNoDrill alters a post of a real alert, as another composer
// might.
func TestPostsOfRealityAreNoDrill(t *testing.T) {
	t.Parallel()
	o := live(unpictured(t))
	clean := first(t, own(o, actual), o)
	b := rewritten(t, clean, func(p *bulletin.Post) { p.Text = "ESERCITAZIONE\n" + p.Text })
	found := compose.Lint(b, o)
	if len(found) == 0 || found[0].Rule != compose.RuleReality || found[0].Channel == "" {
		t.Errorf("Lint found %v, want posts that say they are a drill", found)
	}
}

// TestDrillSentAsRealityCanBeRevoked names the mistake in the reason.
func TestDrillSentAsRealityCanBeRevoked(t *testing.T) {
	t.Parallel()
	o := live(unpictured(t))
	b := first(t, own(o, actual), o)
	m, err := compose.Cancel(b, "ESERCITAZIONE inviata per errore come allerta reale.", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compose.Next(b, m, o); err != nil {
		t.Error(err)
	}
}

func TestUnfilled(t *testing.T) {
	t.Parallel()
	found := compose.Unfilled(scenarios.Draft())
	var names []string
	for _, b := range found {
		names = append(names, b.Element)
		line := strings.Split(string(scenarios.Draft()), "\n")[b.Line-1]
		if !strings.Contains(line, b.Text) {
			t.Errorf("line %d is %q, want %q in it", b.Line, line, b.Text)
		}
	}
	if got := strings.Join(names, " "); got != "identifier sender sent event onset expires senderName headline description instruction areaDesc value" {
		t.Errorf("the draft lacks %s", got)
	}
	if found := compose.Unfilled(scenarios.Demo()); len(found) > 0 {
		t.Errorf("the demonstration lacks %v", found)
	}
	if found := compose.Unfilled([]byte("<a>x</a>\n<!-- <headline>[inserire]</headline> -->\n")); len(found) > 0 {
		t.Errorf("a comment lacks %v", found)
	}
}
