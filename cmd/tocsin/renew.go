package main

// This file holds the commands by which an alert goes on and ends: they begin from the
// newest released bulletin in the ledger, and write the next one to be signed.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// clearFor is how long the public is told that the danger is over.
const clearFor = 12 * time.Hour

// mostOn is how far ahead an alert may be extended that no scenario made.
const mostOn = 7 * 24 * time.Hour

// correctsOthers is the scenario whose words say that the message before was wrong.
const correctsOthers = "correzione"

// endsOthers is the scenario whose words end an alert that has none of its own for that.
const endsOthers = "cessato-allarme"

// A renewal is a command by which an alert goes on.
type renewal struct {
	p       *program
	where   where
	verb    string // update, extend, allclear
	until   string // a later end, as a person writes it
	wrong   string // what was wrong before, a choice of the scenario of corrections; "" for nothing
	capFile string // what holds from now on, for an alert that no scenario made
	output  string
	asJSON  bool

	fields   []scenario.Input
	c        *config
	now      time.Time
	previous *bulletin.Bulletin // the newest released one
	base     *bulletin.Bulletin // the newest one in words of the office's own, which tells what holds
	notes    []string
}

func (p *program) updateCommand() *cobra.Command {
	r := &renewal{p: p, verb: "update"}
	cmd := r.command(&cobra.Command{
		Use:   "update ALERT [FIELD=VALUE…] -o FILE -c FILE",
		Short: p.say("aggiorna un'allerta diffusa: scrive il bollettino che la sostituisce", "updates a released alert: writes the bulletin that takes its place"),
		Long: p.say(`Prende l'ultimo bollettino diffuso dell'allerta e ne scrive il successivo, con ciò che cambia: level=rossa, area=…, period=….
I campi che non si nominano restano. A terminale, senza campi, li chiede tutti e Invio conferma quello in vigore.
Se il livello sale o scende lo dice da sé (innalzamento, declassamento). Poi si firma e si consegna come ogni bollettino.
Se il messaggio precedente era sbagliato: --corrects orari period=… lo dice, con le parole dello scenario correzione.
Un'allerta nata da un messaggio CAP: scrive accanto a -o una bozza CAP da correggere; poi ripetere con --cap BOZZA.`,
			`Takes the newest released bulletin of the alert and writes the next one, with what changes: level=rossa, area=…, period=….
Fields that are not named stay. At a terminal, without fields, it asks for all of them, and Enter keeps what is in force.
Whether the level rises or falls it says by itself. The bulletin is then signed and handed in like any other.
Where the message before was wrong: --corrects orari period=… says so, in the words of the scenario correzione.
For an alert that was made of a CAP message it writes a CAP draft beside -o, to be corrected; then run it again with --cap DRAFT.`),
	})
	cmd.Flags().StringVar(&r.wrong, "corrects", "", p.say("il messaggio precedente era sbagliato: che cosa (luogo, orari, livello, luogo-orari); i valori giusti sono i campi", "the message before was wrong: in what (luogo, orari, livello, luogo-orari); the fields say what is right"))
	_ = cmd.RegisterFlagCompletionFunc("corrects", r.completeWrong)
	cmd.Flags().StringVar(&r.capFile, "cap", "", p.say("bozza CAP corretta, per un'allerta nata da un messaggio CAP; - per l'ingresso", "the corrected CAP draft, for an alert that was made of a CAP message; - for standard input"))
	return cmd
}

func (p *program) extendCommand() *cobra.Command {
	r := &renewal{p: p, verb: "extend"}
	cmd := r.command(&cobra.Command{
		Use:   "extend ALERT [--until TIME] -o FILE -c FILE",
		Short: p.say("proroga un'allerta diffusa: lo stesso contenuto, fino a più tardi", "extends a released alert: the same content, until later"),
		Long: p.say(`Prende l'ultimo bollettino diffuso dell'allerta e ne scrive uno uguale che vale più a lungo (proroga).
--until: 18:00 (la prima dopo la fine in vigore), domani 12:00, +6h (sei ore più della fine in vigore), 15/03/2026 06:00.`,
			`Takes the newest released bulletin of the alert and writes one that says the same and holds for longer.
--until: 18:00 (the first after the end in force), tomorrow 12:00, +6h (six hours more than the end in force), 2026-03-15 06:00.`),
	})
	r.untilFlag(cmd, "fino a quando vale", "until when it holds")
	return cmd
}

func (p *program) allClearCommand() *cobra.Command {
	r := &renewal{p: p, verb: "allclear"}
	cmd := r.command(&cobra.Command{
		Use:   "allclear ALERT -o FILE -c FILE",
		Short: p.say("scrive il cessato allarme di un'allerta diffusa: il pericolo è finito", "writes the all clear of a released alert: the danger is over"),
		Long: p.say(`Prende l'ultimo bollettino diffuso dell'allerta e scrive quello che la chiude, con le parole di fine allerta del suo scenario.
Chiude tutta l'allerta. Dove il pericolo resta, usare invece tocsin update area=…. Un'allerta emessa per errore si revoca: tocsin cancel.
Il messaggio resta visibile dodici ore, o fino a --until.`,
			`Takes the newest released bulletin of the alert and writes the one that ends it, in the words that its scenario has for that.
It ends all of the alert. Where the danger stays somewhere, use tocsin update area=…. An alert that was an error is revoked: tocsin cancel.
The message is shown for twelve hours, or until --until.`),
	})
	r.untilFlag(cmd, "fino a quando mostrare il messaggio", "until when to show the message")
	return cmd
}

func (r *renewal) command(cmd *cobra.Command) *cobra.Command {
	cmd.Args = args(cobra.MinimumNArgs(1))
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		err := r.run(cmd.Context(), a[0], a[1:])
		if err == nil || exitCode(err) == 2 {
			return err
		}
		return r.where.recordRefusal(cmd.Context(), "tocsin "+r.verb, "draft", err)
	}
	r.where.flags(r.p, cmd)
	r.p.jsonFlag(cmd, &r.asJSON)
	cmd.Flags().StringVarP(&r.output, "output", "o", "", r.p.say("dove scrivere il bollettino", "where to write the bulletin"))
	return cmd
}

func (r *renewal) untilFlag(cmd *cobra.Command, italian, english string) {
	cmd.Flags().StringVar(&r.until, "until", "", r.p.say(italian, english))
}

// renewed is what update, extend and allclear print with --json.
type renewed struct {
	composed

	// Act is what the bulletin does: aggiornamento, proroga, innalzamento, declassamento,
	// cessato-allarme; "" where only a draft was written.
	Act string `json:"act,omitempty"`
	// Draft is the CAP draft that is to be corrected; "" where a bulletin was written.
	Draft string `json:"draft,omitempty"`
}

func (r *renewal) run(ctx context.Context, name string, fields []string) error {
	if r.output == "" {
		return usageError{both("%s: dire con -o dove scrivere il bollettino", "%s: say with -o where to write the bulletin", r.verb)}
	}
	if err := checkNew(r.output); err != nil {
		return err
	}
	var err error
	if r.c, err = r.where.configuration(); err != nil {
		return err
	}
	if r.c == nil {
		return usageError{both("%s: nominare con -c la configurazione del nodo", "%s: name the node's configuration with -c", r.verb)}
	}
	if r.fields, err = inputsOf(fields); err != nil {
		return err
	}
	d, err := r.where.open(ctx, "tocsin "+r.verb, nil, false)
	if err != nil {
		return err
	}
	defer d.Close()
	r.now = time.Now()
	if err := r.begin(ctx, d, name); err != nil {
		return err
	}
	var b *bulletin.Bulletin
	switch {
	case r.verb == "allclear":
		b, err = r.allClear(ctx)
	case r.base.Form != nil && r.capFile == "":
		b, err = r.again(ctx)
	case r.verb == "extend":
		b, err = r.longer(ctx)
	case r.wrong != "":
		return usageError{both("update: --corrects prende le parole di uno scenario, e questa allerta viene da un messaggio CAP: scrivere nella bozza CAP che cosa era sbagliato", "update: --corrects takes the words of a scenario, and this alert was made of a CAP message: write into the CAP draft what was wrong")}
	case r.capFile != "":
		b, err = r.corrected()
	default:
		return r.draft()
	}
	if err != nil {
		return err
	}
	return r.done(b, d.background(ctx, r.p, b))
}

// begin finds what the alert's next bulletin begins from, or says why there is none.
func (r *renewal) begin(ctx context.Context, d *desk, name string) error {
	id, err := d.alert(name)
	if err != nil {
		return err
	}
	chain, err := d.releasedChain(ctx, id)
	if err != nil {
		return err
	}
	if len(chain) == 0 {
		return refusedError{both("l'allerta %s non è mai stata diffusa: non c'è niente da cui continuare. Se aspetta una firma: tocsin cosign; per fermarla: tocsin withdraw o tocsin refuse; vedere tocsin status",
			"alert %s was never released: there is nothing to go on from. Where it waits for a signature: tocsin cosign; to stop it: tocsin withdraw or tocsin refuse; see tocsin status", name)}
	}
	r.previous = chain[len(chain)-1]
	for _, b := range slices.Backward(chain) {
		if r.base = b; b.Kind == "" { // what is prepared says nothing of its own
			break
		}
	}
	p := r.previous
	switch {
	case p.Message.MsgType == alert.MsgCancel:
		return refusedError{both("l'allerta %s è stata revocata, dal bollettino %d: dopo una revoca non segue più nulla; comporre un'allerta nuova con tocsin compose",
			"alert %s was revoked, by bulletin %d, and nothing follows a revocation: compose a new alert with tocsin compose", p.Code, p.Number)}
	case compose.Ended(p):
		return refusedError{both("l'allerta %s è già finita: il cessato allarme è il bollettino %d, delle %s. Se il pericolo torna, comporre un'allerta nuova con tocsin compose; se il cessato allarme era un errore, tocsin correct o tocsin cancel",
			"alert %s is over already: the all clear is bulletin %d, of %s. If the danger returns, compose a new alert with tocsin compose; if the all clear was an error, tocsin correct or tocsin cancel", p.Code, p.Number, p.Composed.In(rome()).Format(clock))}
	case r.verb == "extend" && !p.Expires.After(r.now):
		return refusedError{both("l'allerta %s è scaduta alle %s, e ciò che è scaduto non si proroga: se il pericolo continua, tocsin update %s period=adesso/… o un'allerta nuova",
			"alert %s expired at %s, and what has expired is not extended: if the danger goes on, tocsin update %s period=now/… or a new alert", p.Code, p.Expires.In(rome()).Format(clock), p.Code)}
	}
	if p.Kind == bulletin.Correction && r.wrong == "" {
		r.note("L'allerta è in verifica (bollettino %d): questo bollettino la conferma.", "The alert is being verified (bulletin %d): this bulletin confirms it.", p.Number)
	}
	return r.first(ctx, d, id)
}

// first says who was faster, where another bulletin that follows the newest one waits for a
// signature: of two, one would be refused.
func (r *renewal) first(ctx context.Context, d *desk, id string) error {
	waiting, _, err := d.waitingOf(ctx, id)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if w.Previous != r.previous.SHA256() {
			continue
		}
		return refusedError{both("c'è già un bollettino %d dell'allerta %s, consegnato alle %s e firmato da %s, che aspetta una firma: due non possono seguire lo stesso. Se va bene: tocsin cosign %s. Se no, chi l'ha proposto lo ritira con tocsin withdraw %s, poi ripetere questo comando",
			"there is a bulletin %d of alert %s already, handed in on %s and signed by %s, which waits for a signature: two can't follow the same one. If it is right: tocsin cosign %s. If not, whoever proposed it takes it back with tocsin withdraw %s; then run this again",
			w.Number, w.Code, w.at.In(rome()).Format(clock), named(w.signers), w.Code, w.Code)}
	}
	return nil
}

func (r *renewal) note(italian, english string, args ...any) {
	r.notes = append(r.notes, r.p.say(italian, english, args...))
}

func (r *renewal) options() (compose.Options, error) { return composeOptions(r.c, r.now) }

// scenario opens the scenario that the alert was made of.
func (r *renewal) scenario() (*scenario.Scenario, scenario.Library, error) {
	l, err := r.c.library()
	if err != nil {
		return nil, l, err
	}
	f := r.base.Form
	s, err := l.Open(f.Scenario)
	if err != nil {
		return nil, l, both("lo scenario %s, da cui viene l'allerta, non si può usare: %v. Rimetterlo nella cartella degli scenari, oppure usare tocsin %s con --cap",
			"the scenario %s, of which the alert was made, can't be used: %w. Put it back into the folder of scenarios, or use tocsin %s with --cap", f.Scenario, err, "update")
	}
	if s.SHA256 != f.SHA256 {
		r.note("Lo scenario %s è cambiato da allora (versione %d, adesso %d): i testi sono quelli di adesso, rileggerli.", "The scenario %s has changed since (version %d, now %d): the texts are those of now, read them again.", s.Name, f.Version, s.Version)
	}
	return s, l, nil
}

// kept returns the values of the form.
func kept(f *bulletin.Form) []scenario.Input {
	out := make([]scenario.Input, len(f.Values))
	for i, v := range f.Values {
		out[i] = scenario.Input{Field: v.Field, Text: v.Text}
	}
	return out
}

// formOf is what a bulletin says of its scenario and the values.
func formOf(s *scenario.Scenario, v *scenario.Values) *bulletin.Form {
	f := &bulletin.Form{Scenario: s.Name, Version: s.Version, SHA256: s.SHA256}
	for _, in := range v.Inputs() {
		f.Values = append(f.Values, bulletin.FormValue{Field: in.Field, Text: in.Text})
	}
	return f
}

// form returns the form in which the values of an alert are filled in once more.
func (r *renewal) form(s *scenario.Scenario) (*form, error) {
	atlas, err := r.c.atlas()
	if err != nil {
		return nil, err
	}
	return &form{s: s, world: scenario.World{Atlas: atlas, Now: r.now, Location: r.c.Issuer.zone}, kept: kept(r.base.Form)}, nil
}

// again makes the message of the alert's scenario once more, with what changes.
func (r *renewal) again(ctx context.Context) (*bulletin.Bulletin, error) {
	s, l, err := r.scenario()
	if err != nil {
		return nil, err
	}
	f, err := r.form(s)
	if err != nil {
		return nil, err
	}
	ask := isTerminal(r.p.stdin)
	switch {
	case r.verb == "extend":
		if f.inputs, err = r.extended(ctx, f); err != nil {
			return nil, err
		}
	case len(r.fields) > 0:
		f.inputs = r.fields
	case ask:
		if err := r.p.fillIn(ctx, f); err != nil {
			return nil, err
		}
	default:
		return nil, usageError{both("update: nominare che cosa cambia, per esempio %s=…: qui non c'è un terminale per chiederlo. In vigore: %s", "update: name what changes, such as %s=…: there is no terminal to ask for it. In force: %s", s.Fields[0].Name, inForce(f.kept))}
	}
	f.world.Now = time.Now()
	r.now = f.world.Now
	v, err := s.Fill(scenario.Changed(f.kept, f.inputs), f.world)
	if err != nil {
		return nil, usageError{err}
	}
	form := formOf(s, v)
	if form.SHA256 == r.base.Form.SHA256 && slices.Equal(form.Values, r.base.Form.Values) && r.previous == r.base {
		return nil, usageError{both("niente cambia rispetto al bollettino %d: nominare un campo con un altro valore. In vigore: %s", "nothing changes against bulletin %d: name a field with another value. In force: %s", r.base.Number, inForce(f.kept))}
	}
	o, err := r.options()
	if err != nil {
		return nil, err
	}
	m, shorter, err := r.message(s, v, o)
	if err != nil {
		return nil, err
	}
	o.Shorter, o.Form = shorter, form
	if r.wrong != "" {
		m, err = r.put(l, f.world, v, m, &o)
	} else {
		m, _, err = compose.Renew(r.previous, m, r.verb == "extend", o)
	}
	if err != nil {
		return nil, err
	}
	return compose.Next(r.previous, m, o)
}

// put puts into a message that what was said before was wrong, in the words of the scenario of
// corrections. It completes o.
func (r *renewal) put(l scenario.Library, w scenario.World, v *scenario.Values, m *alert.Message, o *compose.Options) (*alert.Message, error) {
	s, err := l.Open(correctsOthers)
	if err != nil {
		return nil, err
	}
	inputs, err := s.Correcting(v, r.wrong)
	if err != nil {
		return nil, usageError{err}
	}
	said, err := s.Fill(inputs, w)
	if err != nil {
		return nil, usageError{err}
	}
	in, err := r.frame(*o)
	if err != nil {
		return nil, err
	}
	o.Shorter = s.Correct(said, m, o.Shorter, in)
	return compose.Correct(r.previous, m, *o)
}

// completeWrong offers what may have been wrong.
func (r *renewal) completeWrong(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	c, err := r.where.configuration()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	l, err := c.library()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := l.Open(correctsOthers)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for i := range s.Fields {
		for j := range s.Fields[i].Choices {
			if c := &s.Fields[i].Choices[j]; s.Fields[i].Type == scenario.TypeChoice {
				out = append(out, cobra.CompletionWithDesc(c.Key, c.Words[r.p.lang]))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// inForce says which values hold.
func inForce(values []scenario.Input) string {
	var out []string
	for _, in := range values {
		out = append(out, in.Field+"="+in.Text)
	}
	return strings.Join(out, "; ")
}

// frame is what a message of a scenario stands in.
func (r *renewal) frame(o compose.Options) (scenario.Frame, error) {
	own, _, err := compose.NewAlert(o) // the message has an identifier of its own
	return scenario.Frame{
		Identifier: string(own), Sender: r.c.Issuer.Sender, Office: r.c.Issuer.Office, Sent: o.Now, Location: r.c.Issuer.zone, Drill: drillOf(r.c.Realm),
	}, err
}

func (r *renewal) message(s *scenario.Scenario, v *scenario.Values, o compose.Options) (*alert.Message, scenario.Wordings, error) {
	f, err := r.frame(o)
	if err != nil {
		return nil, nil, err
	}
	m, shorter := s.Message(v, f)
	return m, shorter, nil
}

// extended returns the period that ends later.
func (r *renewal) extended(ctx context.Context, f *form) ([]scenario.Input, error) {
	field := f.s.PeriodField()
	for _, in := range r.fields {
		switch _, end, whole := strings.Cut(in.Text, "/"); {
		case in.Field != field:
			return nil, usageError{both("extend: cambia solo %s, con --until o %s=…: per %s usare tocsin update", "extend: only %s changes, by --until or %s=…: for %s use tocsin update", field, field, in.Field)}
		case r.until != "":
			return nil, usageError{both("extend: --until e %s=… dicono la stessa cosa: tenerne uno", "extend: --until and %s=… say the same: keep one", field)}
		case whole:
			r.until = end
		default:
			r.until = in.Text
		}
	}
	until, err := r.later(ctx, f.world)
	if err != nil {
		return nil, err
	}
	then := f.world
	then.Now = r.base.Message.Sent // a period that has begun is read as it was
	v, err := f.s.Fill(f.kept, then)
	if err != nil {
		return nil, usageError{err}
	}
	return []scenario.Input{{Field: field, Text: v.Lasting(until)}}, nil
}

// later returns the end that is asked for, later than the one in force.
func (r *renewal) later(ctx context.Context, w scenario.World) (time.Time, error) {
	ends := r.previous.Expires.In(w.Location)
	ask := r.until == ""
	if ask && !isTerminal(r.p.stdin) {
		return ends, usageError{both("extend: dire fino a quando con --until, per esempio --until +6h o --until \"domani 12:00\": ora vale fino alle %s", "extend: say until when with --until, such as --until +6h or --until \"tomorrow 12:00\": it holds until %s", ends.Format(clock))}
	}
	for {
		if ask {
			fmt.Fprint(r.p.err, r.p.say("Ora vale fino alle %s. Nuova fine (18:00, domani 12:00, +6h): ", "It holds until %s. New end (18:00, tomorrow 12:00, +6h): ", ends.Format(clock)))
			line, err := r.p.line()
			if err != nil {
				fmt.Fprintln(r.p.err)
				return ends, both("interrotto: non è stato scritto alcun bollettino", "it was broken off: no bulletin was written")
			}
			r.until = strings.TrimSpace(line)
		}
		until, err := w.Until(r.until, ends)
		if err == nil && until.Sub(r.now) > mostOn {
			err = errTooLate()
		}
		switch {
		case err == nil:
			return until, nil
		case !ask || ctx.Err() != nil:
			return ends, usageError{err}
		}
		fmt.Fprintln(r.p.err, r.p.words(err))
	}
}

func errTooLate() error {
	return both("la nuova fine è fra più di 168 ore: scriverne una più vicina", "the end is more than 168 h ahead: write an earlier one")
}

// longer extends an alert that no scenario made: its texts stay.
func (r *renewal) longer(ctx context.Context) (*bulletin.Bulletin, error) {
	if len(r.fields) > 0 {
		return nil, usageError{both("extend: l'allerta non viene da uno scenario e non ha campi: usare --until", "extend: the alert was not made of a scenario and has no fields: use --until")}
	}
	until, err := r.later(ctx, scenario.World{Now: r.now, Location: r.c.Issuer.zone})
	if err != nil {
		return nil, err
	}
	o, err := r.options()
	if err != nil {
		return nil, err
	}
	m, err := compose.Extend(r.previous, r.base, until, o)
	if err != nil {
		return nil, err
	}
	if langs := compose.Mentions(r.base.Message, r.base.Expires.In(r.c.Issuer.zone)); len(langs) > 0 {
		r.note("Il testo nomina l'ora della fine di prima (%s): controllarlo, e se serve usare tocsin update.", "The text names the hour of the former end (%s): check it, and use tocsin update where needed.", strings.Join(langs, ", "))
	}
	return compose.Next(r.previous, m, o)
}

// draft writes what holds as a CAP draft, in which an officer corrects what changes.
func (r *renewal) draft() error {
	if len(r.fields) > 0 {
		return usageError{both("update: l'allerta non viene da uno scenario e non ha campi: ripetere senza, e correggere la bozza CAP che viene scritta", "update: the alert was not made of a scenario and has no fields: run it without, and correct the CAP draft that is written")}
	}
	path := r.output + ".cap.xml"
	if err := checkNew(path); err != nil {
		return err
	}
	o, err := r.options()
	if err != nil {
		return err
	}
	raw, err := compose.Draft(r.previous, r.base, o)
	if err != nil {
		return err
	}
	if err := writeNew(path, raw); err != nil {
		return err
	}
	again := fmt.Sprintf("tocsin update %s --cap %s -o %s %s", r.previous.Code, shellWord(path), shellWord(r.output), r.where.hint())
	return r.p.report(r.asJSON, renewed{composed: composed{Alert: string(r.previous.Alert), Code: string(r.previous.Code)}, Draft: path},
		"Questa allerta viene da un messaggio CAP: la bozza del suo aggiornamento è in %s.\nCorreggervi testi, livello (severity, livello_allerta), zone e orari, e mettere che cosa cambia al posto di [inserire …], in ogni lingua.\nPoi: %s",
		"This alert was made of a CAP message: the draft of its update is in %s.\nCorrect texts, level (severity, livello_allerta), areas and times there, and write what changes in the place of [inserire …], in every language.\nThen: %s", path, again)
}

// corrected makes an update of a CAP draft that an officer corrected.
func (r *renewal) corrected() (*bulletin.Bulletin, error) {
	raw, err := readMessage(r.capFile, r.p.stdin)
	if err != nil {
		return nil, err
	}
	if err := unfilled(raw); err != nil {
		return nil, err
	}
	m, err := alert.Read(raw)
	switch {
	case err != nil:
		return nil, refusedError{both("il messaggio CAP non rispetta una regola: %v: correggerlo", "the CAP message breaks a rule: %w: correct it", err)}
	case m.Sender != r.c.Issuer.Sender:
		return nil, refusedError{both("il messaggio CAP è di %s, e questo nodo è %s: correggere sender", "the CAP message is of %s, and this node is %s: correct sender", m.Sender, r.c.Issuer.Sender)}
	case m.MsgType != alert.MsgUpdate:
		return nil, refusedError{both("il messaggio CAP è di tipo %s, e un aggiornamento è un Update: partire dalla bozza che scrive tocsin update senza --cap", "the CAP message is of type %s, and an update is an Update: begin from the draft that tocsin update writes without --cap", m.MsgType)}
	}
	o, err := r.options()
	if err != nil {
		return nil, err
	}
	if m, _, err = compose.Renew(r.previous, m, false, o); err != nil {
		return nil, err
	}
	return compose.Next(r.previous, m, o)
}

// allClear ends the alert, in the words of its scenario, in those of the scenario that ends
// others, or in prepared ones.
func (r *renewal) allClear(ctx context.Context) (*bulletin.Bulletin, error) {
	until := r.now.Add(clearFor).Truncate(time.Minute)
	w := scenario.World{Now: r.now, Location: r.c.Issuer.zone}
	if r.until != "" {
		var err error
		if until, err = w.Until(r.until, r.now); err != nil {
			return nil, usageError{err}
		}
	}
	if until.Sub(r.now) > mostOn {
		return nil, usageError{errTooLate()}
	}
	o, err := r.options()
	if err != nil {
		return nil, err
	}
	var m *alert.Message
	if r.base.Form != nil {
		if m, err = r.over(ctx, until, &o); err != nil {
			return nil, err
		}
	} else if len(r.fields) > 0 {
		return nil, usageError{both("allclear: l'allerta non viene da uno scenario e non ha campi", "allclear: the alert was not made of a scenario and has no fields")}
	}
	if m == nil {
		r.note("Le parole di fine allerta sono quelle già pronte, uguali per ogni rischio: rileggerle.", "The words of the all clear are the prepared ones, which are the same for every hazard: read them.")
	}
	if m, err = compose.AllClear(r.previous, m, until, o); err != nil {
		return nil, err
	}
	return compose.Next(r.previous, m, o)
}

// over returns the end of an alert in the words of its scenario, or of the one that ends
// others; nil where neither has any. It completes o.
func (r *renewal) over(ctx context.Context, until time.Time, o *compose.Options) (*alert.Message, error) {
	s, l, err := r.scenario()
	if err != nil {
		return nil, err
	}
	f, err := r.form(s)
	if err != nil {
		return nil, err
	}
	then := f.world
	then.Now = r.base.Message.Sent // what has passed is read as it was
	v, err := s.Fill(f.kept, then)
	if err != nil {
		return nil, usageError{err}
	}
	in, err := r.frame(*o)
	if err != nil {
		return nil, err
	}
	if s.HasAllClear() {
		if len(r.fields) > 0 {
			return nil, usageError{both("allclear: chiude l'allerta con i valori in vigore: togliere i campi; per chiuderne una parte usare tocsin update", "allclear: it ends the alert with the values in force: leave the fields out; for a part of it use tocsin update")}
		}
		m, shorter := s.AllClear(v, until, in)
		o.Shorter, o.Form = shorter, formOf(s, v)
		return m, nil
	}
	ends, err := l.Open(endsOthers)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // an office may do without it
	}
	last := &form{s: ends, world: f.world}
	last.inputs = scenario.Changed(ends.Ending(v, scenario.EventCode(r.base.Message)), r.fields)
	last.inputs = scenario.Changed(last.inputs, []scenario.Input{{Field: ends.PeriodField(), Text: "now/" + until.In(f.world.Location).Format("2006-01-02 15:04-07:00")}})
	over, err := ends.Fill(last.inputs, last.world)
	if missing, ok := errors.AsType[*scenario.MissingError](err); ok {
		if !isTerminal(r.p.stdin) {
			return nil, r.p.unfilledForm(ends, missing)
		}
		if err = r.p.fillIn(ctx, last); err == nil {
			over, err = ends.Fill(last.inputs, last.world)
		}
	}
	if err != nil {
		return nil, usageError{err}
	}
	m, shorter := ends.Message(over, in)
	o.Shorter, o.Form = shorter, formOf(ends, over)
	return m, nil
}

// done writes the bulletin and says what comes next.
func (r *renewal) done(b *bulletin.Bulletin, bg background) error {
	p := r.p
	for _, n := range r.notes {
		fmt.Fprintf(p.err, "tocsin: %s\n", n)
	}
	if err := writeNew(r.output, b.Bytes()); err != nil {
		return err
	}
	screen := p.out
	if r.asJSON {
		screen = p.err
	}
	p.leftOut(screen, b, "")
	if err := p.review(b, bg, "", nil).WriteWarnings(screen); err != nil {
		return err
	}
	out := renewed{composed: composed{
		Alert: string(b.Alert), Code: string(b.Code), Number: b.Number, File: r.output, SHA256: b.SHA256(), Bytes: len(b.Bytes()), Expires: b.Expires, Notes: r.notes,
		Warnings: previewOf(b, bg, "", nil).Warnings,
	}}
	if b.Form != nil {
		out.Scenario, out.ScenarioVersion = b.Form.Scenario, b.Form.Version
	}
	does := compose.ActOf(b.Message)
	if out.Act = does.Declared(); does == wording.AllClear {
		out.Act = "cessato-allarme"
	}
	return p.report(r.asJSON, out,
		"%s: bollettino %d dell'allerta %s scritto in %s (%d byte), vale fino alle %s.\nSHA-256 %s\nOra: tocsin preview %s %s, poi tocsin sign %s -k CHIAVE e tocsin publish %s %s",
		"%s: bulletin %d of alert %s written to %s (%d bytes), it holds until %s.\nSHA-256 %s\nNext: tocsin preview %s %s, then tocsin sign %s -k KEY and tocsin publish %s %s",
		cmp.Or(wording.For(p.lang).Act(does), r.verb), b.Number, b.Code, r.output, len(b.Bytes()), b.Expires.In(rome()).Format(clock), b.SHA256(),
		shellWord(r.output), r.where.hint(), shellWord(r.output), shellWord(r.output), r.where.hint())
}
