package main

// This file is `tocsin check`: can each channel and the node do their job now, and for how long.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tocsin/adapters"
	"tocsin/broker/ledger"
	"tocsin/broker/readiness"
)

// check is one call of the command.
type check struct {
	p          *program
	w          where
	watch, ask bool
	asJSON     bool
}

func (p *program) checkCommand() *cobra.Command {
	c := &check{p: p}
	cmd := &cobra.Command{
		Use:   "check",
		Short: p.say("dice se ogni canale e il nodo possono fare il loro lavoro, e fino a quando", "says whether each channel and the node can do their job, and for how long"),
		Long: p.say("Dice di ogni canale e del nodo se è pronto, a rischio o non pronto, da quando, fino a quando, e che cosa fare. Non pubblica niente.\n"+
			"Dove su questa macchina è acceso il nodo, mostra ciò che il nodo ha trovato: le piattaforme non si interrogano due volte. Dove non è acceso, o con --ask, le interroga\n"+
			"questo comando con le credenziali della configurazione. Dove il broker è altrove e qui non c'è un nodo, mostra ciò che dice il registro.\n"+
			"Stato di uscita: 0 tutto pronto, 1 qualcosa non lo è.",
			"Says of each channel and of the node whether it is ready, degraded or down, since when, until when, and what to do. It publishes nothing.\n"+
				"Where the node runs on this machine it shows what the node found: the platforms are not asked twice. Where none runs, or with --ask, this command\n"+
				"asks them with the credentials of the configuration. Where the broker is elsewhere and no node is here, it shows what the ledger says.\n"+
				"Exit status: 0 all is ready, 1 something is not."),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.w.config == "" && c.w.state == "" {
				return usage("check: name the configuration with -c")
			}
			return c.run(cmd.Context())
		},
	}
	c.w.flags(p, cmd)
	p.jsonFlag(cmd, &c.asJSON)
	cmd.Flags().BoolVar(&c.watch, "watch", false, p.say("resta acceso e dice ogni cambiamento", "stays up and says every change"))
	cmd.Flags().BoolVar(&c.ask, "ask", false, p.say("interroga le piattaforme adesso, anche se il nodo è acceso (X addebita ogni domanda)", "asks the platforms now, also where the node runs (X charges for each question)"))
	return cmd
}

func (c *check) run(ctx context.Context) error {
	conf, err := c.w.configuration()
	if err != nil {
		return err
	}
	state := c.w.folder()
	if conf != nil {
		state = conf.abs(conf.State)
	}
	running := errors.Is(ledger.InUse(state), ledger.ErrInUse)
	switch {
	case running && !c.ask:
		return c.follow(ctx, func(context.Context) (readiness.Report, error) {
			r, err := readReadiness(state)
			if err == nil && !errors.Is(ledger.InUse(state), ledger.ErrInUse) {
				r = off(r)
			}
			return r, err
		})
	case conf == nil:
		return both("nessun nodo acceso su %s: indicare la configurazione con -c", "no node runs on %s: name the configuration with -c", state)
	case conf.Broker.URL != "" && !c.ask && !exists(state):
		return c.follow(ctx, c.recorded)
	}
	return c.question(ctx, conf)
}

// notRunning is the finding on a node that is not up.
func notRunning() adapters.Finding {
	return finding(readiness.AspectLedger, adapters.Down, both("su questa macchina il nodo non è acceso", "the node does not run on this machine"), both("accenderlo con tocsin serve", "start it with tocsin serve"))
}

// off returns the report on a node that was up when it wrote it, and is not any more.
func off(r readiness.Report) readiness.Report {
	all := slices.DeleteFunc(slices.Clone(r.Subjects), func(s readiness.Standing) bool { return s.Kind == "node" })
	all = slices.Insert(all, 0, readiness.Standing{Kind: "node", State: adapters.Down, At: time.Now(), Findings: []adapters.Finding{notRunning()}})
	return readiness.NewReport(r.Node, time.Now(), all)
}

// exists reports whether something has the name.
func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// readRegular reads a small file that may be replaced at any time.
func readRegular(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

// question asks the platforms with the credentials of the configuration.
func (c *check) question(ctx context.Context, conf *config) error {
	subjects := []readiness.Subject{{Kind: "node", Every: selfEvery, Look: func(context.Context) []adapters.Finding {
		found := conf.lookAtCertificates(time.Now())
		if state := conf.abs(conf.State); exists(state) {
			found = append(found, diskFinding(state))
		}
		return append(found, notRunning())
	}}}
	if c.ask && errors.Is(ledger.InUse(conf.abs(conf.State)), ledger.ErrInUse) {
		subjects = nil // the node is up, and speaks for itself
	}
	for i := range conf.Channels {
		subjects = append(subjects, c.subject(conf, &conf.Channels[i]))
	}
	if !c.watch {
		return c.show(readiness.Look(ctx, conf.Node, subjects, time.Now))
	}
	var mu sync.Mutex // one report is shown at a time
	var last screen
	var failed error
	watch, err := readiness.New(readiness.Config{Node: conf.Node, Subjects: subjects, Report: func(r readiness.Report) {
		mu.Lock()
		defer mu.Unlock()
		if len(r.Subjects) == len(subjects) && failed == nil {
			failed = c.changed(&last, r)
		}
	}})
	if err != nil {
		return err
	}
	watch.Run(ctx)
	mu.Lock()
	defer mu.Unlock()
	return failed
}

// subject returns a channel as what is looked at. One that can't be opened here, such as for
// want of a credential, is a finding like any other.
func (c *check) subject(conf *config, ch *channelConfig) readiness.Subject {
	made, err := ch.open(conf, c.w.getenv, siteAccess{ingestURL: "http://127.0.0.1:1", publicURL: conf.Site.PublicURL, token: "none"})
	if err == nil {
		return readiness.Channel(made)
	}
	return readiness.Subject{Name: ch.Name, Kind: ch.Kind, Every: selfEvery, Look: func(context.Context) []adapters.Finding {
		return []adapters.Finding{finding(adapters.AspectCredential, adapters.Down, err, both("mettere la credenziale al suo posto, o eseguire il comando sulla macchina del nodo", "put the credential in its place, or run the command on the node's machine"))}
	}}
}

// recorded returns what the ledger says, for a host on which no node runs.
func (c *check) recorded(ctx context.Context) (r readiness.Report, err error) {
	d, err := c.w.open(ctx, "tocsin check", nil, false)
	if err != nil {
		return r, err
	}
	defer d.Close()
	var all []readiness.Standing
	d.ledger.View(func(s *ledger.State) { all = standingsOf(s) })
	return readiness.NewReport("", time.Now(), all), nil
}

// standingsOf returns the standings that the ledger has, of each node and of the channels that
// it carries. One of which it says nothing was never found other than ready.
func standingsOf(s *ledger.State) (all []readiness.Standing) {
	for _, r := range s.EveryReadiness() {
		at := readiness.Standing{Name: r.Channel, Kind: "channel", Node: r.Node, Since: r.At, At: r.At}
		if r.Channel == "" {
			at.Kind = "node"
		} else {
			at.LastVerified = s.LastVerified(r.Channel)
		}
		if err := at.State.UnmarshalText([]byte(r.State)); err != nil {
			at.State = adapters.Down
		}
		f := adapters.Finding{Aspect: adapters.Aspect(r.Class), State: at.State, Until: r.Until}
		f.Reason, f.Advice, _ = strings.Cut(r.Reason, "; ")
		if at.State != adapters.Ready {
			at.Findings = append(at.Findings, f)
		}
		all = append(all, at)
	}
	return all
}

// follow shows a report, and with --watch each one that differs from the one before.
func (c *check) follow(ctx context.Context, read func(context.Context) (readiness.Report, error)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last screen
	for end := time.Now().Add(nodePatience); ; {
		r, err := read(ctx)
		switch {
		case (errors.Is(err, fs.ErrNotExist) || err == nil && r.Pending > 0 && !c.watch) && time.Now().Before(end): // the node has just been started
		case errors.Is(err, fs.ErrNotExist):
			return both("il nodo è acceso e non ha ancora guardato niente: riprovare tra poco, o con --ask", "the node runs and has looked at nothing yet: try again soon, or with --ask")
		case err != nil:
			return err
		case !c.watch:
			return c.show(r)
		default:
			if err := c.changed(&last, r); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// show shows a report; its error says by the exit status whether all is ready.
func (c *check) show(r readiness.Report) error {
	if c.asJSON {
		if err := c.p.printJSON(r); err != nil {
			return err
		}
	} else {
		c.p.writeReadiness(c.p.out, &r)
	}
	if r.State != adapters.Ready || r.Pending > 0 {
		return errQuiet
	}
	return nil
}

// A screen remembers what was shown of a report.
type screen struct {
	shown bool
	lines map[string]string // by subject: what would make it another one
}

// changed shows the first report whole, and of each later one what has changed; as JSON it is
// the whole report each time.
func (c *check) changed(last *screen, r readiness.Report) error {
	now := map[string]string{}
	var changed []readiness.Standing
	for _, s := range r.Subjects {
		f := s.Worst()
		key := s.Node + "/" + s.Name
		now[key] = fmt.Sprint(s.State, f.Aspect, f.Reason)
		if last.lines[key] != now[key] {
			changed = append(changed, s)
		}
	}
	first := !last.shown
	last.shown, last.lines = true, now
	switch {
	case len(changed) == 0 && !first:
		return nil
	case c.asJSON:
		return c.p.printJSON(r)
	case first:
		c.p.writeReadiness(c.p.out, &r)
		return nil
	}
	fmt.Fprintf(c.p.out, "\n%s\n", r.At.In(rome()).Format("02-01-2006 15:04:05 (MST)"))
	c.p.writeStandings(c.p.out, changed)
	return nil
}

// writeReadiness writes a report for people.
func (p *program) writeReadiness(w io.Writer, r *readiness.Report) {
	at := r.At.In(rome()).Format("02-01-2006 15:04:05 (MST)")
	if r.Node != "" {
		fmt.Fprintln(w, p.say("Prontezza di %s, %s: %s", "Readiness of %s, %s: %s", r.Node, at, p.readinessWord(r.State)))
	} else {
		fmt.Fprintln(w, p.say("Prontezza secondo il registro, %s: %s", "Readiness as the ledger says it, %s: %s", at, p.readinessWord(r.State)))
	}
	fmt.Fprintln(w)
	p.writeStandings(w, r.Subjects)
	if r.Pending > 0 {
		fmt.Fprintln(w, p.say("Il nodo è appena stato acceso: %d non ancora guardati.", "The node has just been started: %d not looked at yet.", r.Pending))
	}
	for _, s := range r.Shared {
		fmt.Fprintln(w)
		fmt.Fprintln(w, p.say("%s: stessa piattaforma (%s). Un guasto lì li ferma insieme: non contare sull'uno come riserva dell'altro.",
			"%s: one platform (%s). A failure there takes them all: do not count on one as the other's reserve.", strings.Join(s.Channels, ", "), s.Fate))
	}
}

// readinessWord names a state.
func (p *program) readinessWord(s adapters.Readiness) string {
	switch s {
	case adapters.Ready:
		return p.say("pronto", "ready")
	case adapters.Degraded:
		return p.say("a rischio", "degraded")
	case adapters.Down:
	}
	return p.say("NON PRONTO", "DOWN")
}

// aspectWord names an aspect.
func (p *program) aspectWord(a adapters.Aspect) string {
	words := map[adapters.Aspect][2]string{
		adapters.AspectReach: {"raggiungibilità", "reach"}, adapters.AspectCredential: {"credenziale", "credential"}, adapters.AspectDataAccess: {"accesso ai dati", "data access"},
		adapters.AspectAccount: {"account", "account"}, adapters.AspectRights: {"permessi", "rights"}, adapters.AspectBudget: {"budget", "budget"},
		adapters.AspectVersion: {"versione dell'API", "API version"}, adapters.AspectReadBack: {"rilettura", "read-back"}, adapters.AspectImageHost: {"immagini", "pictures"},
		adapters.AspectCertificate: {"certificato", "certificate"}, readiness.AspectDisk: {"disco", "disk"}, readiness.AspectBroker: {"broker", "broker"},
		readiness.AspectLedger: {"registro", "ledger"}, readiness.AspectKeyRing: {"portachiavi", "key ring"}, readiness.AspectClock: {"orologio", "clock"},
		readiness.AspectTimeSource: {"fonte dell'ora", "time source"}, readiness.AspectCheck: {"controllo", "check"}, readiness.AspectCircuit: {"invii", "attempts"},
	}
	if w, ok := words[a]; ok {
		return p.say(w[0], w[1])
	}
	return string(a)
}

// writeStandings writes a line for each subject, and under it what a person should know.
func (p *program) writeStandings(w io.Writer, all []readiness.Standing) {
	width := 0
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
		switch {
		case s.Kind == "node" && s.Node == "":
			names[i] = p.say("nodo", "node")
		case s.Kind == "node":
			names[i] = p.say("nodo %s", "node %s", s.Node)
		case s.Node != "":
			names[i] = s.Node + "/" + s.Name
		}
		width = max(width, utf8.RuneCountInString(names[i]))
	}
	for i, s := range all {
		line := fmt.Sprintf("%-*s  %-10s", width, names[i], p.readinessWord(s.State))
		for _, note := range p.standingNotes(&s) {
			line += "  " + note
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, f := range s.Findings {
			p.writeFinding(w, &f)
		}
	}
}

// day is how the screen writes a day and a time of it.
func day(t time.Time) string { return t.In(rome()).Format("02-01-2006 15:04") }

// standingNotes returns what stands beside the state of a subject.
func (p *program) standingNotes(s *readiness.Standing) (notes []string) {
	if !s.Since.IsZero() {
		notes = append(notes, p.say("dal %s", "since %s", day(s.Since)))
	}
	if until := s.Until(); !until.IsZero() && s.State == adapters.Ready {
		notes = append(notes, p.say("fino al %s", "until %s", day(until)))
	}
	for _, f := range s.Findings {
		if f.Need > 0 && f.State == adapters.Ready {
			notes = append(notes, p.say("restano %d invii, un'allerta ne chiede %d", "%d posts are left, an alert takes %d", f.Left, f.Need))
		}
	}
	if s.Kind != "node" && !s.LastVerified.IsZero() {
		notes = append(notes, p.say("ultima verifica riuscita %s", "last verified %s", day(s.LastVerified)))
	}
	return notes
}

// writeFinding writes what a person should know of a finding, and nothing where there is
// nothing.
func (p *program) writeFinding(w io.Writer, f *adapters.Finding) {
	if f.Reason == "" {
		return
	}
	about := p.aspectWord(f.Aspect)
	if !f.Until.IsZero() {
		about = p.say("%s (fino al %s)", "%s (until %s)", about, day(f.Until))
	}
	fmt.Fprintf(w, "    %s: %s\n", about, p.read(f.Reason))
	if f.Need > 0 {
		fmt.Fprintln(w, "    "+p.say("restano %d invii, un'allerta con aggiornamento e revoca ne chiede %d", "%d posts are left, an alert with its update and revocation takes %d", f.Left, f.Need))
	}
	if f.Advice != "" {
		fmt.Fprintln(w, "    "+p.say("che cosa fare: %s", "what to do: %s", p.read(f.Advice)))
	}
}
