package main

// This file holds the commands about scenarios, and what compose makes of one.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/scenario"
	"tocsin/templates/card"
	"tocsin/templates/scenarios"
	"tocsin/templates/wording"
)

// ownScenarios is the folder beside a configuration where an office keeps scenarios of
// its own, unless the configuration names another one.
const ownScenarios = "scenarios"

// library returns the scenarios that a configuration would use, or without one those
// that come with Tocsin.
func (c *config) library() (scenario.Library, error) {
	built := scenario.Shelf{FS: scenarios.FS}
	if c == nil {
		return scenario.Library{Shelves: []scenario.Shelf{built}}, nil
	}
	dir := c.abs(cmp.Or(c.Scenarios, ownScenarios))
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Scenarios == "":
		return scenario.Library{Shelves: []scenario.Shelf{built}}, nil
	case err != nil:
		return scenario.Library{}, fmt.Errorf("the folder of scenarios: %w", err)
	case !info.IsDir():
		return scenario.Library{}, both("scenarios: %s è un file: nominare una cartella", "scenarios: %s is a file: name a folder", dir)
	}
	return scenario.Library{Shelves: []scenario.Shelf{{Dir: dir, FS: os.DirFS(dir)}, built}}, nil
}

// atlas returns the places that can be picked: those that come with Tocsin, and those of
// the files that the configuration names, if there is one.
func (c *config) atlas() (*scenario.Atlas, error) {
	atlas, err := scenario.Savona()
	if err != nil || c == nil {
		return atlas, err
	}
	for _, file := range c.Areas {
		raw, err := readLimited(c.abs(file), nil, scenario.MaxAreasBytes)
		if err == nil {
			atlas, err = atlas.With(file, raw)
		}
		if err != nil {
			return nil, fmt.Errorf("areas: %w", err)
		}
	}
	return atlas, nil
}

// drillOf says how a realm's texts are marked.
func drillOf(r alert.Realm) wording.Drill {
	if r == alert.RealmLive {
		return wording.Real
	}
	return wording.Exercise
}

// A form is a scenario that is being filled in.
type form struct {
	s      *scenario.Scenario
	world  scenario.World
	inputs []scenario.Input
	kept   []scenario.Input // the values in force, of an alert that goes on
}

// offered returns what Enter takes for a field.
func (f *form) offered(field *scenario.Field) string {
	for _, in := range f.kept {
		if in.Field == field.Name {
			return in.Text
		}
	}
	if f.kept != nil && field.Optional {
		return "" // it was left empty
	}
	return field.Default
}

// composeScenario makes the first bulletin of an alert of a scenario and the values of
// its fields, which it asks for where a person sits at the terminal.
func (p *program) composeScenario(ctx context.Context, c *config, args []string, taken func(alert.Code) bool) (*bulletin.Bulletin, *scenario.Scenario, error) {
	l, err := c.library()
	if err != nil {
		return nil, nil, err
	}
	s, err := l.Open(args[0])
	if _, broken := errors.AsType[scenario.Findings](err); err != nil && !broken {
		err = usageError{err}
	}
	if err != nil {
		return nil, nil, err
	}
	if s.Follows() {
		return nil, nil, refusedError{both("lo scenario %s chiude o corregge un'allerta già diffusa, e questo comando ne comincia una: usare tocsin allclear, oppure tocsin update --corrects (in verifica, subito: tocsin correct)",
			"the scenario %s ends or corrects an alert that is in force, and this command begins one: use tocsin allclear, or tocsin update --corrects (in doubt, at once: tocsin correct)", s.Name)}
	}
	atlas, err := c.atlas()
	if err != nil {
		return nil, nil, err
	}
	f := &form{s: s, world: scenario.World{Atlas: atlas, Now: time.Now(), Location: c.Issuer.zone}}
	if f.inputs, err = inputsOf(args[1:]); err != nil {
		return nil, nil, err
	}
	v, err := s.Fill(f.inputs, f.world)
	if missing, ok := errors.AsType[*scenario.MissingError](err); ok {
		if !isTerminal(p.stdin) {
			return nil, nil, p.unfilledForm(s, missing)
		}
		if err = p.fillIn(ctx, f); err != nil {
			return nil, nil, err
		}
		f.world.Now = time.Now()
		v, err = s.Fill(f.inputs, f.world)
	}
	if err != nil {
		return nil, nil, usageError{err}
	}
	o, err := composeOptions(c, f.world.Now)
	if err != nil {
		return nil, nil, err
	}
	id, code, err := freeCode(o, taken)
	if err != nil {
		return nil, nil, err
	}
	own, _, err := compose.NewAlert(o) // the message has an identifier of its own
	if err != nil {
		return nil, nil, err
	}
	m, shorter := s.Message(v, scenario.Frame{
		Identifier: string(own), Sender: c.Issuer.Sender, Office: c.Issuer.Office, Sent: o.Now, Location: c.Issuer.zone, Drill: drillOf(c.Realm),
	})
	o.Shorter, o.Form = shorter, formOf(s, v)
	b, err := compose.New(m, o, id, code)
	return b, s, err
}

// inputsOf reads arguments of the form FIELD=VALUE.
func inputsOf(args []string) ([]scenario.Input, error) {
	var out []scenario.Input
	for _, a := range args {
		field, text, ok := strings.Cut(a, "=")
		if !ok || field == "" {
			return nil, usageError{both("%q non è CAMPO=VALORE: scrivere per esempio area=Savona, fra virgolette se ci sono spazi", "%q is not FIELD=VALUE: write such as area=Savona, in quotes where there are blanks", a)}
		}
		out = append(out, scenario.Input{Field: field, Text: text})
	}
	return out, nil
}

// unfilledForm says which fields are missing where nobody can be asked.
func (p *program) unfilledForm(s *scenario.Scenario, missing *scenario.MissingError) error {
	var fields []string
	for _, f := range missing.Fields {
		fields = append(fields, f.Name+"=… ("+f.Label[p.lang]+")")
	}
	return usageError{both("allo scenario %s mancano campi, e qui non c'è un terminale per chiederli: aggiungere %s", "the scenario %s lacks fields, and there is no terminal to ask for them: add %s", s.Name, strings.Join(fields, ", "))}
}

// fillIn asks for every field that has no value.
func (p *program) fillIn(ctx context.Context, f *form) error {
	fmt.Fprintln(p.err, f.s.Title[p.lang])
	fmt.Fprintln(p.err, p.say("Invio conferma il valore fra parentesi quadre; ? mostra che cosa si può scrivere; Ctrl-C interrompe.",
		"Enter takes the value in square brackets; ? shows what can be written; Ctrl-C breaks off."))
	for i := range f.s.Fields {
		field := &f.s.Fields[i]
		if slices.ContainsFunc(f.inputs, func(in scenario.Input) bool { return in.Field == field.Name }) {
			continue
		}
		text, err := p.ask(ctx, f, field)
		if err != nil {
			return err
		}
		if text != "" || f.offered(field) != "" {
			f.inputs = append(f.inputs, scenario.Input{Field: field.Name, Text: text}) // an empty text takes a value away
		}
	}
	return nil
}

// ask asks for one field until the answer can be taken; "" is left empty.
func (p *program) ask(ctx context.Context, f *form, field *scenario.Field) (string, error) {
	kept := f.offered(field)
	for {
		question := field.Label[p.lang]
		if field.Optional && kept == "" {
			question += p.say(" (facoltativo)", " (optional)")
		} else if field.Optional {
			question += p.say(" (facoltativo, - per toglierlo)", " (optional, - leaves it out)")
		}
		if len(field.Choices) > 0 {
			question += ", " + strings.Join(choiceKeys(field), " / ")
		}
		if kept != "" {
			question += " [" + kept + "]"
		}
		fmt.Fprint(p.err, question+": ")
		line, err := p.line()
		if err != nil {
			fmt.Fprintln(p.err)
			if ctx.Err() != nil || errors.Is(err, io.EOF) {
				return "", both("interrotto: non è stato scritto alcun bollettino", "it was broken off: no bulletin was written")
			}
			return "", err
		}
		answer := strings.TrimSpace(strings.ReplaceAll(line, "\t", "?"))
		if strings.HasPrefix(answer, ",") {
			answer = kept + answer
		}
		if strings.HasSuffix(answer, "?") {
			if whole := p.explain(f, field, strings.TrimRight(answer, "? ")); whole != "" {
				kept = whole
			}
			continue
		}
		if answer == "" {
			answer = kept
		}
		if (answer == "" || answer == "-") && field.Optional {
			return "", nil
		}
		err = f.s.Try(scenario.Input{Field: field.Name, Text: answer}, f.world)
		if err == nil {
			return answer, nil
		}
		fmt.Fprintln(p.err, p.words(errors.Unwrap(err)))
	}
}

// explain shows what can be written for a field. Where the answer so far, up to its
// last name, can go on in one way only, it returns the answer completed.
func (p *program) explain(f *form, field *scenario.Field, answer string) string {
	switch field.Type {
	case scenario.TypeArea:
		before, last := "", answer
		if i := strings.LastIndexAny(answer, ",;"); i >= 0 {
			before, last = strings.TrimSpace(answer[:i])+", ", strings.TrimSpace(answer[i+1:])
		}
		names := f.world.Atlas.Beginning(last, p.lang)
		if len(names) == 1 && last != "" {
			fmt.Fprintln(p.err, p.say("Trovato: %s. Invio per confermare, oppure una virgola e altri nomi.", "Found: %s. Enter takes it; or write a comma and more names.", names[0]))
			return before + names[0]
		}
		if len(names) == 0 {
			names = f.world.Atlas.Near(last, 5)
		}
		fmt.Fprintln(p.err, cmp.Or(strings.Join(names, ", "), p.say("Nessun nome comincia così.", "No name begins so.")))
	case scenario.TypePeriod:
		fmt.Fprintln(p.err, p.say("Inizio e fine con / in mezzo: 14:00/23:59, adesso/domani 12:00, now/+12h, 14/03/2026 15:00/15/03/2026 06:00.",
			"Beginning and end with / between: 14:00/23:59, now/tomorrow 12:00, now/+12h, 2026-03-14 15:00/2026-03-15 06:00."))
	case scenario.TypeLevel, scenario.TypePhase, scenario.TypeChoice:
		for _, c := range field.Choices {
			fmt.Fprintf(p.err, "  %s: %s\n", c.Key, c.Words[p.lang])
		}
	case scenario.TypePlace:
		fmt.Fprintln(p.err, p.say("Un nome come sta sui cartelli, al massimo %d caratteri.", "A name as it stands on signs, at most %d characters.", int(field.Most)))
	case scenario.TypeNumber:
		fmt.Fprintln(p.err, p.say("Un numero da %v a %v, in cifre.", "A number from %v to %v, in digits.", field.Least, field.Most))
	}
	return ""
}

func choiceKeys(f *scenario.Field) []string {
	var out []string
	for _, c := range f.Choices {
		out = append(out, c.Key)
	}
	return out
}

func (p *program) scenarioCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: p.say("i moduli già pronti per ogni rischio: elenco, testi, controllo", "the forms that are prepared for each hazard: list, texts, check"),
		Args:  args(none),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.scenarioListCommand(), p.scenarioShowCommand(), p.scenarioCheckCommand())
	return cmd
}

// optionalConfig returns the configuration that -c names, nil where it names none.
func optionalConfig(path string) (*config, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // what comes with Tocsin wants no configuration
	}
	return loadConfig(path)
}

// listedScenario is what scenario list and show print of a scenario.
type listedScenario struct {
	Name    string            `json:"name"`
	Version int               `json:"version"`
	Title   map[string]string `json:"title"`
	Own     bool              `json:"own"` // a file of the office, not one that comes with Tocsin
	Broken  bool              `json:"broken,omitempty"`
}

func (p *program) scenarioListCommand() *cobra.Command {
	var configFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: p.say("elenca gli scenari", "lists the scenarios"),
		Args:  args(none),
		RunE: func(*cobra.Command, []string) error {
			l, err := p.libraryOf(configFile)
			if err != nil {
				return err
			}
			names, err := l.Names()
			if err != nil {
				return err
			}
			list := []listedScenario{}
			for _, name := range names {
				s, err := l.Open(name)
				one := listedScenario{Name: name, Own: ownFile(l, name), Broken: err != nil}
				if err == nil {
					one.Version, one.Title = s.Version, s.Title
				}
				list = append(list, one)
			}
			if asJSON {
				return p.printJSON(map[string]any{"scenarios": list})
			}
			width := 0
			for _, s := range list {
				width = max(width, len(s.Name))
			}
			for _, s := range list {
				title := s.Title[p.lang]
				if s.Broken {
					title = p.say("da correggere: tocsin scenario check", "to be corrected: tocsin scenario check")
				}
				if s.Own {
					title += p.say(" (proprio)", " (own)")
				}
				fmt.Fprintf(p.out, "%-*s  %s\n", width, s.Name, title)
			}
			return nil
		},
	}
	p.scenarioFlags(cmd, &configFile, &asJSON)
	return cmd
}

func (p *program) scenarioFlags(cmd *cobra.Command, configFile *string, asJSON *bool) {
	cmd.Flags().StringVarP(configFile, "config", "c", "", p.say("configurazione del nodo: anche gli scenari propri, e i suoi canali", "the node's configuration: with the office's own scenarios, and its channels"))
	p.jsonFlag(cmd, asJSON)
}

func (p *program) libraryOf(configFile string) (scenario.Library, error) {
	c, err := optionalConfig(configFile)
	if err != nil {
		return scenario.Library{}, err
	}
	return c.library()
}

// ownFile reports whether the office has a scenario of that name of its own.
func ownFile(l scenario.Library, name string) bool {
	if l.Shelves[0].Dir == "" {
		return false
	}
	_, err := fs.Stat(l.Shelves[0].FS, name+".yaml")
	return err == nil
}

// shownScenario is what scenario show prints.
type shownScenario struct {
	listedScenario

	Source string       `json:"source"`
	Fields []shownField `json:"fields"`
	// Texts are those of its example.
	Texts []shownText `json:"texts"`
}

type shownField struct {
	Name     string            `json:"name"`
	Type     scenario.Type     `json:"type"`
	Label    map[string]string `json:"label"`
	Optional bool              `json:"optional"`
	Default  string            `json:"default,omitempty"`
	Choices  []string          `json:"choices,omitempty"`
	Example  string            `json:"example,omitempty"`
}

type shownText struct {
	Lang        string              `json:"lang"`
	Headline    string              `json:"headline"`
	Description string              `json:"description"`
	Instruction string              `json:"instruction"`
	Shorter     map[string][]string `json:"shorter,omitempty"`
	AllClear    string              `json:"all_clear,omitempty"`
}

func (p *program) scenarioShowCommand() *cobra.Command {
	var configFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: p.say("mostra i campi di uno scenario, e i testi con i valori d'esempio", "shows the fields of a scenario, and its texts with the values of its example"),
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error {
			l, err := p.libraryOf(configFile)
			if err != nil {
				return err
			}
			s, err := l.Open(a[0])
			if err != nil {
				return err
			}
			v := shownScenario{listedScenario: listedScenario{Name: s.Name, Version: s.Version, Title: s.Title, Own: ownFile(l, s.Name)}, Source: s.Source}
			for _, f := range s.Fields {
				shown := shownField{Name: f.Name, Type: f.Type, Label: f.Label, Optional: f.Optional, Default: f.Default, Choices: choiceKeys(&f)}
				for _, in := range s.Example {
					if in.Field == f.Name {
						shown.Example = in.Text
					}
				}
				v.Fields = append(v.Fields, shown)
			}
			c, err := optionalConfig(configFile)
			if err != nil {
				return err
			}
			atlas, err := c.atlas()
			if err != nil {
				return err
			}
			if v.Texts, err = sampleTexts(s, atlas); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(v)
			}
			p.showScenario(v)
			return nil
		},
	}
	cmd.ValidArgsFunction = p.completesScenario(&configFile)
	p.scenarioFlags(cmd, &configFile, &asJSON)
	return cmd
}

// sampleTexts returns the texts of a scenario with the values of its example.
func sampleTexts(s *scenario.Scenario, atlas *scenario.Atlas) ([]shownText, error) {
	v, now, err := s.Sample(s.Example, atlas, rome())
	if err != nil {
		return nil, err
	}
	f := scenario.Frame{Identifier: "EXAMPLE", Sender: "example", Office: "example", Sent: now, Location: rome()}
	m, shorter := s.Message(v, f)
	over, _ := s.AllClear(v, v.Ends(), f)
	var out []shownText
	for i := range m.Infos {
		in := &m.Infos[i]
		t := shownText{Lang: in.Language, Headline: in.Headline, Description: in.Description, Instruction: in.Instruction, Shorter: map[string][]string{}}
		for text, variants := range shorter[in.Language] {
			if len(variants) > 0 {
				t.Shorter[text] = variants
			}
		}
		if ends := over.Info(in.Language); ends != nil {
			t.AllClear = ends.Headline + "\n" + ends.Description + "\n" + ends.Instruction
		}
		out = append(out, t)
	}
	return out, nil
}

func (p *program) showScenario(v shownScenario) {
	p.print("%s (%s, versione %d)\nFonti: %s\n\nCAMPI", "%s (%s, version %d)\nSources: %s\n\nFIELDS", v.Title[p.lang], v.Name, v.Version, v.Source)
	for _, f := range v.Fields {
		line := "  " + f.Name + ": " + f.Label[p.lang]
		if f.Optional {
			line += p.say(" (facoltativo)", " (optional)")
		}
		if len(f.Choices) > 0 {
			line += ", " + strings.Join(f.Choices, " / ")
		}
		if f.Default != "" {
			line += " [" + f.Default + "]"
		}
		if f.Example != "" {
			line += p.say("; per esempio ", "; for example ") + f.Example
		}
		fmt.Fprintln(p.out, line)
	}
	for _, t := range v.Texts {
		fmt.Fprintf(p.out, "\n%s\n", strings.ToUpper(wording.LanguageName(t.Lang)))
		text := t.Headline + "\n\n" + t.Description + "\n\n" + t.Instruction
		for line := range strings.SplitSeq(text, "\n") {
			fmt.Fprintln(p.out, strings.TrimRight("  "+line, " "))
			for _, s := range t.Shorter[strings.TrimPrefix(line, "- ")] {
				fmt.Fprintln(p.out, "    "+p.say("più breve: ", "shorter: ")+s)
			}
		}
		if t.AllClear != "" {
			fmt.Fprintln(p.out, "  "+p.say("A fine allerta: ", "When it is over: ")+strings.ReplaceAll(t.AllClear, "\n", "\n    "))
		}
	}
}

// checkedScenario is what scenario check prints of one file.
type checkedScenario struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Findings []foundScenario `json:"findings"`
}

type foundScenario struct {
	Rule    scenario.Rule `json:"rule"`
	Level   string        `json:"level"`
	Line    int           `json:"line,omitempty"`
	Column  int           `json:"column,omitempty"`
	Message string        `json:"message"` // in the language of the screen
}

func (p *program) scenarioCheckCommand() *cobra.Command {
	var configFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [FILE…]",
		Short: p.say("controlla i file degli scenari, o tutti quelli in uso", "checks files of scenarios, or all that are in use"),
		Args:  args(cobra.ArbitraryArgs),
		RunE: func(_ *cobra.Command, files []string) error {
			c, err := optionalConfig(configFile)
			if err != nil {
				return err
			}
			k, err := newScenarioChecker(c)
			if err != nil {
				return err
			}
			if err := k.all(c, files); err != nil {
				return err
			}
			ok := true
			out := []checkedScenario{}
			for _, r := range k.results {
				one := checkedScenario{File: r.file, OK: r.found.Err() == nil, Findings: []foundScenario{}}
				ok = ok && one.OK
				for _, f := range r.found {
					one.Findings = append(one.Findings, foundScenario{f.Rule, f.Severity.String(), f.Line, f.Column, p.read(f.Message) + "; " + p.read(f.Advice)})
				}
				out = append(out, one)
				if !asJSON {
					p.printScenarioChecked(one, r.found)
				}
			}
			if asJSON {
				if err := p.printJSON(map[string]any{"ok": ok, "files": out}); err != nil {
					return err
				}
			}
			if !ok {
				return errQuiet
			}
			return nil
		},
	}
	p.scenarioFlags(cmd, &configFile, &asJSON)
	return cmd
}

func (p *program) printScenarioChecked(one checkedScenario, found scenario.Findings) {
	for i, f := range found {
		word := p.say("errore", "error")
		if f.Severity != alert.LevelError {
			word = p.say("avvertenza", "warning")
		}
		place := f.File
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
		}
		fmt.Fprintf(p.out, "%s: %s [%s]: %s\n", place, word, f.Rule, one.Findings[i].Message)
	}
	if one.OK {
		p.print("%s: in ordine", "%s: in order", one.File)
	}
}

// A scenarioChecker checks files of scenarios.
type scenarioChecker struct {
	atlas   *scenario.Atlas
	options compose.Options
	results []scenarioResult
}

type scenarioResult struct {
	file  string
	found scenario.Findings
}

// newScenarioChecker prepares for the channels of a configuration, or for one of each
// kind.
func newScenarioChecker(c *config) (*scenarioChecker, error) {
	atlas, err := c.atlas()
	if err != nil {
		return nil, err
	}
	k := &scenarioChecker{atlas: atlas}
	if c != nil {
		k.options, err = composeOptions(c, time.Time{})
	} else {
		// The site has a domain that there is: X counts a link as 23 units whatever its length,
		// and one under .example, which it takes for no link, letter by letter.
		k.options = compose.Options{
			Realm: alert.RealmLive, Issuer: "Provincia di Savona – Protezione civile", Sender: "allerte@protezionecivile.savona.example",
			CodePrefix: "SV", SiteURL: "https://allerte.example.org", Location: rome(),
		}
		for _, kind := range kinds() {
			limits, err := limitsOf(kind)
			if err != nil {
				return nil, err
			}
			k.options.Channels = append(k.options.Channels, compose.Channel{Name: kind, Kind: kind, Limits: limits})
		}
	}
	if err != nil {
		return nil, err
	}
	k.options.Cards, err = card.NewRenderer()
	return k, err
}

// all checks the files that are named, or all that a configuration would use.
func (k *scenarioChecker) all(c *config, files []string) error {
	for _, name := range files {
		shelf := scenario.Shelf{Dir: filepath.ToSlash(filepath.Dir(name)), FS: os.DirFS(filepath.Dir(name))}
		base, isYAML := strings.CutSuffix(filepath.Base(name), ".yaml")
		if _, err := os.Stat(name); err != nil {
			return fmt.Errorf("the scenario %s: %w", name, err)
		}
		if !isYAML {
			return usageError{both("%s non è un file di scenario: il suo nome finisce in .yaml", "%s is no file of a scenario: its name ends in .yaml", name)}
		}
		if err := k.one(scenario.Library{Shelves: []scenario.Shelf{shelf}}, base, name); err != nil {
			return err
		}
	}
	if len(files) > 0 {
		return nil
	}
	l, err := c.library()
	if err != nil {
		return err
	}
	names, err := l.Names()
	for _, name := range names {
		if err == nil {
			err = k.one(l, name, name)
		}
	}
	return err
}

func (k *scenarioChecker) one(l scenario.Library, name, shown string) error {
	s, found, err := l.Check(name)
	if err != nil {
		return err
	}
	if s != nil {
		found = append(found, k.tried(s, shown)...)
	}
	k.results = append(k.results, scenarioResult{shown, found})
	return nil
}

// tried composes a scenario with its own values, as reality, and with the longest as an
// exercise too, which says most, with every picture.
func (k *scenarioChecker) tried(s *scenario.Scenario, file string) scenario.Findings {
	var out scenario.Findings
	add := func(rule scenario.Rule, what, advice error) {
		out = append(out, scenario.Finding{Severity: alert.LevelError, Rule: rule, File: file, Message: what.Error(), Advice: advice.Error()})
	}
	shorten := errors.New("correct the values, or write shorter variants")
	for _, values := range []struct {
		name   string
		inputs []scenario.Input
		realms []alert.Realm
	}{{"example", s.Example, []alert.Realm{alert.RealmLive}}, {"longest", s.Longest, []alert.Realm{alert.RealmLive, alert.RealmExercise}}} {
		v, now, err := s.Sample(values.inputs, k.atlas, k.options.Location)
		if err != nil {
			add(scenario.RuleExample, fmt.Errorf("with the values of %s: %w", values.name, err), shorten)
			continue
		}
		for _, realm := range values.realms {
			b, shorter, err := k.composed(s, v, now, realm)
			if err != nil {
				add(scenario.RuleFit, fmt.Errorf("with the values of %s: %w", values.name, err), shorten)
				break
			}
			if err := k.goesOn(s, v, now, b); err != nil {
				add(scenario.RuleFit, fmt.Errorf("with the values of %s, when the alert goes on: %w", values.name, err), shorten)
			}
			in := &b.Message.Infos[0]
			if realm == alert.RealmLive && slices.Contains(shorter[in.Language][in.Headline], in.Event) {
				continue // what stands for a headline is one
			}
			for _, left := range compose.LeftOut(b) {
				if realm == alert.RealmLive && left.Piece == compose.PieceHeadline && left.Lang == in.Language {
					add(scenario.RuleFit, fmt.Errorf("with the values of %s no headline has room on channel %s", values.name, left.Channel), errors.New("write a shorter headline"))
				}
			}
		}
	}
	return out
}

// goesOn composes what may follow a bulletin of reality: an update, whose posts say so before
// the headline, and the scenario's own all clear.
func (k *scenarioChecker) goesOn(s *scenario.Scenario, v *scenario.Values, now time.Time, b *bulletin.Bulletin) error {
	if b.Realm != alert.RealmLive || s.Follows() {
		return nil
	}
	o := k.options
	o.Realm, o.Now = b.Realm, now
	o.Channels = unillustrated(o.Channels)
	f := scenario.Frame{Identifier: "EXAMPLE-2", Sender: o.Sender, Office: o.Issuer, Sent: now, Location: o.Location}
	m, shorter := s.Message(v, f)
	o.Shorter = shorter
	m, _, err := compose.Renew(b, m, false, o)
	if err == nil {
		_, err = compose.Next(b, m, o)
	}
	if err != nil || !s.HasAllClear() {
		return err
	}
	m, o.Shorter = s.AllClear(v, now.Add(clearFor), f)
	if m, err = compose.AllClear(b, m, now.Add(clearFor), o); err != nil {
		return err
	}
	_, err = compose.Next(b, m, o)
	return err
}

// unillustrated returns the channels without those that need a picture, and the others as if they took
// none: the card of a scenario is drawn once, for its exercise.
func unillustrated(channels []compose.Channel) []compose.Channel {
	out := slices.DeleteFunc(slices.Clone(channels), func(c compose.Channel) bool { return c.Limits.ImageRequired })
	for i := range out {
		out[i].Limits.Illustrated = false
	}
	return out
}

func (k *scenarioChecker) composed(s *scenario.Scenario, v *scenario.Values, now time.Time, realm alert.Realm) (*bulletin.Bulletin, scenario.Wordings, error) {
	o := k.options
	o.Realm, o.Now = realm, now
	if realm == alert.RealmLive {
		o.Channels = unillustrated(o.Channels)
	}
	m, shorter := s.Message(v, scenario.Frame{Identifier: "EXAMPLE", Sender: o.Sender, Office: o.Issuer, Sent: now, Location: o.Location, Drill: drillOf(realm)})
	o.Shorter = shorter
	b, err := compose.New(m, o, "00000000-0000-4000-8000-000000000001", alert.Code(cmp.Or(o.CodePrefix, "SV")+"-22222"))
	return b, shorter, err
}
