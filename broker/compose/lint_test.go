package compose_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
)

// rewritten returns b with posts that change has altered, as if another composer
// had made it.
func rewritten(t *testing.T, b *bulletin.Bulletin, change func(*bulletin.Post)) *bulletin.Bulletin {
	t.Helper()
	d := bulletin.Draft{
		Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
		Previous: b.Previous, CAP: b.CAP, Posts: slices.Clone(b.Posts),
	}
	for i := range d.Posts {
		change(&d.Posts[i])
		if image := b.Image(d.Posts[i].Image); image != nil && d.Images == nil {
			d.Images = [][]byte{image.Data}
		}
	}
	out, err := bulletin.Write(d)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLintFinds breaks each rule once, in a bulletin that had nothing against it.
func TestLintFinds(t *testing.T) {
	t.Parallel()
	o := options(t)
	clean := first(t, own(o, nil), o)
	if found := compose.Lint(clean, o); len(found) > 0 {
		t.Fatalf("the bulletin had findings before: %v", found)
	}
	with := func(text string) func(*bulletin.Post) {
		return func(p *bulletin.Post) { p.Text = strings.Replace(p.Text, "\n", "\n"+text+"\n", 1) }
	}
	replace := func(old, text string) func(*bulletin.Post) {
		return func(p *bulletin.Post) { p.Text = strings.ReplaceAll(p.Text, old, text) }
	}
	link := "http://127.0.0.1:8080/a/SV-7F3K2"
	tests := map[string]struct {
		change  func(*bulletin.Post)
		options func(*compose.Options)
		rule    compose.Rule
		level   alert.Level
	}{
		"other_mark":        {with("Vedi SV-7F3K2-2."), nil, compose.RuleMark, alert.LevelError},
		"other_mark_as_tag": {with("Vedi #SV-7F3K2-2"), nil, compose.RuleMark, alert.LevelError},
		"other_mark_in_url": {with("Vedi https://comune.example/SV-7F3K2-2?x"), nil, compose.RuleMark, alert.LevelError},
		"no_link":           {replace(link, "sito"), nil, compose.RuleLink, alert.LevelError},
		"joined_link":       {replace(link, link+"."), nil, compose.RuleLink, alert.LevelError},
		"other_link":        {with("https://example.it/altro"), nil, compose.RuleOtherLink, alert.LevelWarning},
		"bare_link":         {with("www.example.it"), nil, compose.RuleOtherLink, alert.LevelWarning},
		"lost_space":        {with("Chiuse le scuole.Si attenda."), nil, compose.RuleLostSpace, alert.LevelError},
		"lost_space_number": {with("Dalle 18.Al mattino."), nil, compose.RuleLostSpace, alert.LevelError},
		"lost_space_small":  {with("Chiuse le scuole.si attenda."), nil, compose.RuleLostSpace, alert.LevelWarning},
		"domain":            {with("Tutto su comune.savona.it, oggi."), nil, compose.RuleLostSpace, alert.LevelWarning},
		"mention":           {with("Segui (@comune_savona)."), nil, compose.RuleMention, alert.LevelWarning},
		"telephone":         {with("Chiama lo 019 831 3333."), nil, compose.RuleTelephone, alert.LevelWarning},
		"telephone_abroad":  {with("Chiama +39 019 8313333."), nil, compose.RuleTelephone, alert.LevelWarning},
		"telephone_mobile":  {with("Chiama 347 123 4567."), nil, compose.RuleTelephone, alert.LevelWarning},
		"telephone_free":    {with("Chiama 800 123 456."), nil, compose.RuleTelephone, alert.LevelWarning},
		"first_line":        {func(p *bulletin.Post) { p.Text = "Attenzione\n" + p.Text }, nil, compose.RuleDrill, alert.LevelError},
		"last_line":         {func(p *bulletin.Post) { p.Text += "\nSaluti" }, nil, compose.RuleDrill, alert.LevelError},
		"title":             {func(p *bulletin.Post) { p.Title = "Piena" }, nil, compose.RuleDrill, alert.LevelError},
		"other_language":    {func(p *bulletin.Post) { p.Lang = "de" }, nil, compose.RuleDrill, alert.LevelError},
		"markup":            {with("Salire <b>subito</b>."), nil, compose.RuleMarkup, alert.LevelError},
		"markup_in_title":   {func(p *bulletin.Post) { p.Title = "ESERCITAZIONE: <i>piena</i>" }, nil, compose.RuleMarkup, alert.LevelError},
		"entity":            {with("Perch&eacute;"), nil, compose.RuleMarkup, alert.LevelError},
		"placeholder":       {with("Comune di [inserire comune]."), nil, compose.RulePlaceholder, alert.LevelWarning},
		"template":          {with("Comune di {{.Comune}}."), nil, compose.RulePlaceholder, alert.LevelWarning},
		"date_form":         {with("Il gg/mm/aaaa."), nil, compose.RulePlaceholder, alert.LevelWarning},
		"capitals":          {with("SALIRE TUTTI SUBITO AI PIANI ALTI."), nil, compose.RuleCapitals, alert.LevelWarning},
		"too_long":          {with(strings.Repeat("Salire. ", 4000)), nil, compose.RuleLimit, alert.LevelError},
		"long_title":        {func(p *bulletin.Post) { p.Title = "ESERCITAZIONE" + strings.Repeat(" a", 80) }, nil, compose.RuleLimit, alert.LevelError},
		"no_image":          {func(p *bulletin.Post) { p.Image, p.Alt, p.ImageURL = "", "", "" }, nil, compose.RuleLimit, alert.LevelError},
		"long_alt": {func(p *bulletin.Post) {
			if p.Image != "" {
				p.Alt = strings.Repeat("a", 1001)
			}
		}, nil, compose.RuleLimit, alert.LevelError},
		"not_whole":      {replace("Il Letimbro è a 2,10 metri e cresce.", "Piove."), nil, compose.RuleWhole, alert.LevelError},
		"expired":        {nil, func(o *compose.Options) { o.Now = o.Now.Add(6 * time.Hour) }, compose.RuleTimes, alert.LevelError},
		"channel_gone":   {nil, func(o *compose.Options) { o.Channels = o.Channels[1:] }, compose.RuleChannel, alert.LevelError},
		"channel_absent": {nil, func(o *compose.Options) { o.Channels = append(o.Channels, compose.Channel{Name: "b", Kind: "b"}) }, compose.RuleChannel, alert.LevelError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, o := clean, o
			o.Channels = slices.Clone(o.Channels)
			if tt.change != nil {
				b = rewritten(t, clean, tt.change)
			}
			if tt.options != nil {
				tt.options(&o)
			}
			found := compose.Lint(b, o)
			at := slices.IndexFunc(found, func(f compose.Finding) bool { return f.Rule == tt.rule })
			if at < 0 {
				t.Fatalf("Lint found %v, want the rule %s", found, tt.rule)
			}
			if f := found[at]; f.Severity != tt.level || f.Message == "" || f.Advice == "" {
				t.Errorf("the finding is %+v, want level %v, a message and an advice", f, tt.level)
			}
		})
	}
}

// TestLintIsSilent shows what looks like a breach and is none.
func TestLintIsSilent(t *testing.T) {
	t.Parallel()
	o := options(t)
	clean := first(t, own(o, nil), o)
	for name, text := range map[string]string{
		"other_alert":  "Vedi anche SV-23456-1.",
		"own_code":     "Codice SV-7F3K2.",
		"abbreviation": "Ore 18.30, via G. Verdi, art. 3, p.es. S.Maria.",
		"comparison":   "Livello <subito> e 3 < 4 & 5 > 2.",
		"mail":         "Scrivere a sala@example.it.",
		"short_shout":  "ALLERTA ROSSA ORA.",
		"acronyms":     "I VVF, il COC e la CRI sono al lavoro.",
		"dotted":       "Attendere… Salire.",
		"file":         "Modulo relazione.pdf, versione 2.10, dalle 18.30.",
		"digits":       "Dal 14-03-2026 o 14/03/2026 alle 08:00, 10 000 persone, chiama 0198313333 o 112.",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := rewritten(t, clean, func(p *bulletin.Post) {
				if p.Channel == "facebook-savona" {
					p.Text = strings.Replace(p.Text, "\n", "\n"+text+"\n", 1)
				}
			})
			if found := compose.Lint(b, o); len(found) > 0 {
				t.Errorf("Lint found %v in %q, want nothing", found, text)
			}
		})
	}
}

// TestPlaceholdersStopReality holds the one rule that is milder in an exercise.
func TestPlaceholdersStopReality(t *testing.T) {
	t.Parallel()
	o := live(options(t))
	m := own(o, func(m *alert.Message) { actual(m); m.Infos[0].Description = "Comune di {{.Comune}} [data]." })
	_, err := compose.New(m, o, demoID, demoCode)
	found, ok := errors.AsType[compose.LintError](err)
	if !ok || len(found) < 2 || found[0].Rule != compose.RulePlaceholder {
		t.Fatalf("New returned %v, want a LintError about placeholders", err)
	}
	if text := err.Error(); !strings.Contains(text, `"{{"`) || !strings.Contains(text, "fill it in") || !strings.Contains(text, "website-savona, part 1") {
		t.Errorf("the error says %q", text)
	}
	many := append(slices.Clone(found), found...)
	if text := many.Error(); !strings.Contains(text, "more") {
		t.Errorf("the error of many findings says %q", text)
	}
}

// TestLintReadsTheMessage breaks each rule for what the message itself says.
func TestLintReadsTheMessage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*alert.Message)
		rule   compose.Rule
		says   string
	}{
		"no_guidance": {func(m *alert.Message) { m.Infos[0].Instruction = "" }, compose.RuleGuidance, "info 1"},
		"language": {func(m *alert.Message) {
			m.Infos[0].Description = "Il fiume cresce.\nThe river is rising, and the water will come to your house."
		}, compose.RuleLanguage, "in en"},
		"times": {func(m *alert.Message) {
			in := m.Infos[0]
			in.Language, in.Event, in.Expires = "en-GB", "Flood", in.Expires.Add(time.Hour)
			m.Infos = append(m.Infos, in)
		}, compose.RuleTimes, "info 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := unpictured(t)
			b := first(t, own(o, tt.change), o)
			for _, found := range [][]compose.Finding{compose.Lint(b, o), compose.Texts(b)} {
				if i := slices.IndexFunc(found, func(f compose.Finding) bool { return f.Rule == tt.rule }); i < 0 || found[i].Severity != alert.LevelWarning || !strings.Contains(found[i].Message, tt.says) {
					t.Errorf("it found %v, want a warning of the rule %s that says %q", found, tt.rule, tt.says)
				}
			}
		})
	}
}

// TestLintAsksForTheFiveElements gives a real alert ever less room: what a post no longer
// says, of source, hazard, guidance and time, is found.
func TestLintAsksForTheFiveElements(t *testing.T) {
	t.Parallel()
	o := live(unpictured(t))
	found := map[compose.Rule]bool{}
	for limit := 300; limit > 60; limit -= 10 {
		o.Channels = []compose.Channel{{Name: "c", Kind: "c", Limits: adapters.Limits{MaxLen: limit, LinksInText: true}}}
		b, err := compose.New(own(o, actual), o, demoID, demoCode)
		if _, ok := errors.AsType[*compose.FitError](err); ok {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text := b.Posts[0].Text
		rules := map[compose.Rule]bool{}
		for _, f := range compose.Texts(b) {
			rules[f.Rule], found[f.Rule] = true, true
		}
		for rule, said := range map[compose.Rule]bool{
			compose.RuleSource: strings.Contains(text, o.Issuer), compose.RuleTimes: strings.Contains(text, "21:00"),
			compose.RuleGuidance: strings.Contains(text, "Salire"), compose.RuleHazard: strings.Contains(text, "Piena") || strings.Contains(text, "Alluvione"),
		} {
			if rules[rule] == said {
				t.Errorf("the rule %s is broken: %t, in the text\n%s", rule, rules[rule], text)
			}
		}
	}
	for _, rule := range []compose.Rule{compose.RuleSource, compose.RuleTimes, compose.RuleGuidance} {
		if !found[rule] {
			t.Errorf("no limit is so small that the rule %s is broken", rule)
		}
	}
}

// TestAlike holds which alerts in force are taken for one and the same.
func TestAlike(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	o.Channels = o.Channels[:1]
	b := first(t, own(o, nil), o)
	for name, tt := range map[string]struct {
		change func(*alert.Message)
		id     alert.ID
		alike  bool
	}{
		"same":        {nil, "", true},
		"by_code":     {func(m *alert.Message) { m.Infos[0].Areas = m.Infos[0].Areas[1:]; m.Infos[0].Areas[0].Desc = "Vado" }, "", true},
		"other_event": {func(m *alert.Message) { m.Infos[0].Event = "Vento" }, "", false},
		"event_code":  {func(m *alert.Message) { m.Infos[0].EventCodes = []alert.NamedValue{{Name: "RISCHIO", Value: "VENTO"}} }, "", true},
		"elsewhere": {func(m *alert.Message) {
			m.Infos[0].Areas = []alert.Area{{Desc: "Noli", Geocodes: []alert.NamedValue{{Name: "ISTAT", Value: "009042"}}}}
		}, "", false},
		"another_time": {func(m *alert.Message) {
			in := &m.Infos[0]
			in.Onset, in.Expires = in.Expires, in.Expires.Add(time.Hour)
		}, "", false},
		"itself": {nil, demoID, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := tt.id
			if id == "" {
				id = "7b0e1f62-0c7e-4b59-9a43-0d6c1e5fae22"
			}
			other, err := compose.New(own(o, tt.change), o, id, "SV-22222")
			if err != nil {
				t.Fatal(err)
			}
			found := compose.Alike(b, []*bulletin.Bulletin{other})
			if got := len(found) == 1 && found[0].Rule == compose.RuleDuplicate && strings.Contains(found[0].Message, "SV-22222"); got != tt.alike || !got && len(found) > 0 {
				t.Errorf("Alike found %v, want one finding: %t", found, tt.alike)
			}
		})
	}
}

// TestRulesAreDocumented holds that each rule stands in the one table of docs/review.md.
func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("lint.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "review.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`Rule = "([a-z-]+)"`).FindAllStringSubmatch(string(code), -1)
	if len(rules) < 20 {
		t.Fatalf("there are %d rules: this test no longer finds them", len(rules))
	}
	_, table, _ := strings.Cut(string(page), "| rule | what | severity |")
	for _, rule := range rules {
		if !strings.Contains(table, "`"+rule[1]+"`") {
			t.Errorf("docs/review.md does not name the rule %s", rule[1])
		}
	}
}
