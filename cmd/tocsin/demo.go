package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
	"tocsin/adapters/website"
	"tocsin/adapters/website/websitetest"
	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/templates/scenarios"
)

// A demo is the whole flow on this machine, on loopback.
type demo struct {
	p       *program
	once    bool
	asJSON  bool
	capFile string
	state   string
	faults  []string
	level   string
}

func (p *program) demoCommand() *cobra.Command {
	d := &demo{p: p}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: p.say("mostra tutto su questa macchina: un'esercitazione su cinque canali", "shows it all on this machine: an exercise on five channels"),
		Long: p.say(`Accende registro, sito e simulatore delle piattaforme su questa macchina, fa due chiavi di prova (protezione civile e polizia),
compone il bollettino da un messaggio CAP, lo mostra, lo firma, lo controfirma e segue ogni canale fino alla verifica.
Resta acceso fino a Ctrl-C, per guardare il sito e le pagine degli account.
I collegamenti stampati portano agli account simulati; --json ha quelli della ricevuta: di Telegram, X e Facebook hanno la forma delle
piattaforme vere e qui non portano a niente di nostro, quello di Instagram porta al simulatore.

Tracce e metriche vanno al collettore indicato da OTEL_EXPORTER_OTLP_ENDPOINT, per esempio http://127.0.0.1:4318.

Guasti: --fault CANALE=GUASTO[:N], per esempio --fault telegram=apply-drop --fault x=throttle:2
Canali: sito, telegram, x, facebook, instagram`,
			`Starts ledger, site and platform simulator on this machine, makes two trial keys (civil protection and police),
composes the bulletin from a CAP message, shows it, signs it, co-signs it and follows each channel to its verification.
It stays up until Ctrl-C, so that you can look at the site and the accounts' pages.
The links that it prints lead to the simulated accounts; --json has those of the receipts: of Telegram, X and Facebook they have the form of
the real platforms and lead to nothing of ours here, Instagram's leads to the simulator.

Traces and metrics go to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, such as http://127.0.0.1:4318.

Faults: --fault CHANNEL=FAULT[:N], for example --fault telegram=apply-drop --fault x=throttle:2
Channels: sito (or website), telegram, x, facebook, instagram`) + "\n" + p.say("Guasti possibili: ", "Possible faults: ") + adapterstest.FaultNames(),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&d.once, "once", false, p.say("finisce quando ogni canale è arrivato; stato 0 solo se tutti verificati", "ends when every channel has ended; exit status 0 only if all are verified"))
	cmd.Flags().BoolVar(&d.asJSON, "json", false, p.say("un oggetto JSON, il racconto sull'errore standard", "one JSON object, progress on standard error"))
	cmd.Flags().StringVar(&d.capFile, "cap", "", p.say("usa questo file CAP", "use this CAP file"))
	cmd.Flags().StringVar(&d.state, "state", "", p.say("tiene lo stato in questa cartella", "keep the state in this folder"))
	cmd.Flags().StringArrayVar(&d.faults, "fault", nil, p.say("un guasto su un canale, N volte; anche più opzioni", "a fault on a channel, N times; also several flags"))
	cmd.Flags().StringVar(&d.level, "log", "error", p.say("livello del diario: debug, info, warn, error", "log level: debug, info, warn, error"))
	return cmd
}

// A planned fault waits for a channel.
type plannedFault struct {
	kind  string
	fault adapterstest.Fault
}

func (d *demo) plan() ([]plannedFault, error) {
	var out []plannedFault
	for _, s := range d.faults {
		channel, name, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usage("--fault %q: write CHANNEL=FAULT, for example telegram=apply-drop", s)
		}
		if channel == "sito" {
			channel = "website"
		}
		known := false
		for _, k := range kinds() {
			known = known || k == channel
		}
		if !known {
			return nil, usage("--fault %q: channel %q is not one of %s", s, channel, strings.Join(kinds(), ", "))
		}
		f, err := adapterstest.ParseFault(name)
		if err != nil {
			return nil, usage("--fault: %w", err)
		}
		out = append(out, plannedFault{channel, f})
	}
	return out, nil
}

// demoResult is what --json prints.
type demoResult struct {
	Alert      demoAlert         `json:"alert"`
	Bulletin   demoBulletin      `json:"bulletin"`
	Signatures []signatureStatus `json:"signatures"`
	Channels   []demoChannel     `json:"channels"`
	Ledger     demoLedger        `json:"ledger"`
	URLs       demoURLs          `json:"urls"`
	ElapsedMS  int64             `json:"elapsed_ms"`
}

type demoAlert struct {
	Identifier string `json:"identifier"`
	Sender     string `json:"sender"`
	Sent       string `json:"sent"`
	Status     string `json:"status"`
	MsgType    string `json:"msgType"`
	Code       string `json:"code"`
}

// demoChannel is a channel as the demonstration's object was agreed: a status has more.
type demoChannel struct {
	Name               string `json:"name"`
	Kind               string `json:"kind"`
	State              string `json:"state"`
	PostID             string `json:"post_id"`
	URL                string `json:"url"`
	Attempts           int    `json:"attempts"`
	Reconciled         bool   `json:"reconciled"`
	ReleasedToPosted   *int64 `json:"released_to_posted_ms"`
	ReleasedToVerified *int64 `json:"released_to_verified_ms"`
}

type demoBulletin struct {
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
}

type demoLedger struct {
	Entries int64  `json:"entries"`
	Root    string `json:"root"`
}

type demoURLs struct {
	Site      string `json:"site"`
	Simulator string `json:"simulator"`
}

// run does the demonstration.
func (d *demo) run(ctx context.Context) error {
	begun := time.Now()
	planned, err := d.plan()
	if err != nil {
		return err
	}
	raw := scenarios.Demo()
	if d.capFile != "" {
		if raw, err = readMessage(d.capFile, d.p.stdin); err != nil {
			return err
		}
	}
	tell := d.p.out
	if d.asJSON {
		tell = d.p.err
	}
	stage, err := d.raise(ctx, planned)
	if err != nil {
		return err
	}
	defer stage.close(ctx)
	result, verified, err := stage.play(ctx, tell, raw, begun)
	switch {
	case errors.Is(err, errInterrupted) && !d.once:
		return nil
	case errors.Is(err, errInterrupted) && stage.temporary:
		return errCutShort
	case errors.Is(err, errInterrupted):
		return both("demo: interrotta prima che ogni canale fosse arrivato: vedere tocsin status --state %s", "demo: interrupted before every channel had ended: see tocsin status --state %s", d.state)
	case err != nil:
		return err
	}
	if d.asJSON {
		if err := d.p.printJSON(result); err != nil {
			return err
		}
	}
	if !d.once {
		fmt.Fprintln(tell, d.p.say("\nTutto resta acceso: Ctrl-C per finire.", "\nEverything stays up: Ctrl-C to end."))
		select {
		case <-ctx.Done():
		case err := <-stage.node.failed:
			return err
		}
		return nil
	}
	if !verified {
		return errNotVerified
	}
	return nil
}

var errNotVerified = both("demo: non tutti i canali sono verificati: gli stati sono qui sopra, e il motivo sotto ciascuno", "demo: not every channel was verified: see the states above, and the reason below each")

// errCutShort is returned by a demonstration that was interrupted, and that leaves
// nothing to look at.
var errCutShort = both("demo: interrotta prima che ogni canale fosse arrivato; il registro era temporaneo ed è cancellato: con --state DIR resta", "demo: interrupted before every channel had ended; its ledger was temporary and is deleted: with --state DIR it stays")

// A stage is what a demonstration plays on.
type stage struct {
	d         *demo
	dir       string
	temporary bool
	simulator *simulator.Simulator
	node      *node
	config    *config
	journal   *journal // of the node's ledger
}

// raise starts simulator and node in a folder of their own.
func (d *demo) raise(ctx context.Context, planned []plannedFault) (_ *stage, err error) {
	log, err := d.p.logger(d.level, false)
	if err != nil {
		return nil, err
	}
	s := &stage{d: d, dir: d.state, journal: &journal{}}
	defer func() {
		if err != nil {
			s.close(ctx)
		}
	}()
	if s.dir == "" {
		s.temporary = true
		if s.dir, err = os.MkdirTemp("", "tocsin-demo-"); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	if s.simulator, err = simulator.Start(ctx, simulator.Config{
		Names: simulator.Names{Telegram: "telegram", X: "x", Facebook: "facebook", Instagram: "instagram"}, Log: log,
	}); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	var lc net.ListenConfig
	site, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if s.config, err = s.configure(ctx, site.Addr().String()); err != nil {
		_ = site.Close()
		return nil, err
	}
	var siteFaults adapterstest.Faults
	s.node, err = startNode(ctx, s.config, nodeOptions{
		command: "tocsin demo", getenv: d.p.getenv, log: log, site: site, observe: s.journal.observe,
		front: func(w *website.Site) (http.Handler, http.Handler) {
			front := websitetest.WithFaults(w, &siteFaults, nil)
			return front.Ingest(), front.Public()
		},
	})
	if err != nil {
		_ = site.Close()
		return nil, fmt.Errorf("demo: %w", err)
	}
	for _, f := range planned {
		if f.kind == "website" {
			siteFaults.Fail(f.fault)
		} else if err := s.simulator.Fail(f.kind, f.fault); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	return s, nil
}

// configure writes the folder of a node whose addresses are those of this run. In
// a folder that held a demonstration before, ledger and keys stay.
func (s *stage) configure(ctx context.Context, site string) (*config, error) {
	f := fresh{
		Realm: alert.RealmExercise, Node: "demo", Site: site, Broker: "127.0.0.1:0", Accounts: s.simulator.Accounts(),
		Control: strings.TrimPrefix(s.simulator.URL(), "http://"), Quick: true,
	}
	path := filepath.Join(s.dir, "tocsin.yaml")
	if _, err := os.Stat(path); err == nil {
		if c, err := loadConfig(path); err != nil || c.Node != f.Node || c.Realm != f.Realm {
			return nil, both("demo: %s è la cartella di un nodo, non di una dimostrazione: sceglierne un'altra, qui niente è stato toccato", "demo: %s is the folder of a node, not of a demonstration: choose another one, nothing in it was touched", s.dir)
		}
		if err := f.renew(s.dir); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	} else if err := f.write(ctx, s.dir, time.Now()); err != nil {
		return nil, err
	}
	c, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	// The demonstration has no configuration that its user writes.
	if c.Telemetry.OTLP = s.d.p.getenv(collectorVariable); c.Telemetry.OTLP != "" && !absoluteURL(c.Telemetry.OTLP) {
		return nil, usage("%s: this is not the base address of a collector: write scheme, host and port, such as http://127.0.0.1:4318", collectorVariable)
	}
	return c, nil
}

// collectorVariable names the collector to which a demonstration sends its traces and
// metrics, as it does for every program with OpenTelemetry.
const collectorVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"

func (s *stage) close(ctx context.Context) {
	if s.node != nil {
		s.node.Close(ctx)
	}
	if s.simulator != nil {
		s.simulator.Close()
	}
	if s.temporary {
		_ = os.RemoveAll(s.dir)
	}
}

// desk is where the officer and the police liaison of the demonstration work: on
// the ledger of its node, with its telemetry, so that one trace holds all of it.
func (s *stage) desk() *desk {
	return &desk{
		c: s.config, state: s.config.abs(s.config.State), ledger: s.node.ledger, rings: s.node.rings, authority: s.node.rings.Newest(),
		running: true, journal: s.journal, telemetry: s.node.telemetry,
	}
}

// play composes, signs, co-signs and follows.
func (s *stage) play(ctx context.Context, tell io.Writer, raw []byte, begun time.Time) (*demoResult, bool, error) {
	p := s.d.p
	say := func(italian, english string, a ...any) { fmt.Fprintln(tell, p.say(italian, english, a...)) }
	say("Tocsin: esercitazione dimostrativa.", "Tocsin: demonstration exercise.")
	say("Sito pubblico   %s\nPiattaforme     %s (simulate su questa macchina)", "Public site     %s\nPlatforms       %s (simulated on this machine)", s.config.Site.PublicURL, s.simulator.URL())
	say("Registro        %s\n", "Ledger          %s\n", s.ledgerWords())

	b, notes, err := composeFirst(raw, s.config, time.Now())
	if err != nil {
		return nil, false, fmt.Errorf("demo: %w", err)
	}
	if n := p.reissued(raw, b); n != "" {
		fmt.Fprintln(tell, n)
	}
	for _, n := range p.readAll(notes) {
		fmt.Fprintf(tell, "  · %s\n", n)
	}
	fmt.Fprintln(tell)
	images := filepath.Join(s.dir, "images")
	if s.temporary && s.d.once {
		images = "" // nobody could look at them before they are gone
	}
	pictures, err := writePictures(b, images)
	if err != nil {
		return nil, false, fmt.Errorf("demo: %w", err)
	}
	if err := p.preview(tell, b, ofConfiguration(s.config), "", pictures); err != nil {
		return nil, false, err
	}
	desk := s.desk()
	if err := s.release(ctx, desk, b, say); err != nil {
		return nil, false, fmt.Errorf("demo: %w", err)
	}
	if err := (&teller{p: p, w: tell, d: desk, alert: string(b.Alert), link: s.shownAt}).follow(ctx); err != nil {
		return nil, false, err
	}
	result, verified := s.result(ctx, desk, b, begun)
	s.sayWhereToLook(say, b, result)
	return result, verified, nil
}

// ledgerWords says where the ledger is, and how long.
func (s *stage) ledgerWords() string {
	p, state := s.d.p, s.config.abs(s.config.State)
	switch {
	case !s.temporary:
		return state
	case s.d.once:
		return p.say("temporaneo, cancellato alla fine; con --state DIR resta", "temporary, deleted at the end; with --state DIR it stays")
	}
	return p.say("%s (temporaneo, cancellato alla fine; con --state DIR resta)", "%s (temporary, deleted at the end; with --state DIR it stays)", state)
}

// shownAt returns where a person looks at what a channel shows: the addresses that
// the simulated platforms give are those of strangers on the real ones.
func (s *stage) shownAt(channel, url string) string {
	for _, c := range s.config.Channels {
		if c.Name == channel && c.Kind != "website" {
			return s.simulator.URL() + "/" + c.Kind
		}
	}
	return url
}

// sayWhereToLook names the pages of the alert and of each account, and the ledger.
func (s *stage) sayWhereToLook(say func(string, string, ...any), b *bulletin.Bulletin, r *demoResult) {
	if s.d.once {
		say("\nDove guardare (senza --once: ora sito e account si spengono):", "\nWhere to look (without --once: site and accounts end now):")
	} else {
		say("\nDove guardare:", "\nWhere to look:")
	}
	row := func(italian, english, value string) {
		say("  %-21[1]s %[3]s", "  %-21[2]s %[3]s", italian, english, value)
	}
	row("pagina dell'allerta", "the alert's page", s.config.Site.PublicURL+"/a/"+string(b.Code))
	for _, c := range r.Channels {
		if c.Kind != "website" {
			row(c.Name+" (simulato)", c.Name+" (simulated)", s.shownAt(c.Name, ""))
		}
	}
	row("registro", "ledger", s.d.p.say("%d voci, radice %s", "%d records, root %s", r.Ledger.Entries, r.Ledger.Root))
	switch {
	case !s.temporary || !s.d.once:
		row("cronologia", "timeline", fmt.Sprintf("tocsin audit timeline %s --state %s", b.Code, s.dir))
		row("verifica", "check", "tocsin audit verify --state "+s.dir)
	default:
		row("", "", s.d.p.say("era temporaneo ed è cancellato; con --state DIR resta", "it was temporary and is deleted; with --state DIR it stays"))
	}
	say("I collegamenti delle ricevute sono in --json. Quelli di Telegram, X e Facebook hanno la forma delle piattaforme vere e qui non portano a niente di nostro.",
		"The links of the receipts are in --json. Those of Telegram, X and Facebook have the form of the real platforms and lead to nothing of ours here.")
}

// release signs as officer and as police with the trial keys.
func (s *stage) release(ctx context.Context, d *desk, b *bulletin.Bulletin, say func(string, string, ...any)) error {
	for _, who := range []struct {
		role signing.Role
		file string
	}{{signing.Officer, "officer"}, {signing.Police, "police"}} {
		key, err := signing.LoadKey(ctx, filepath.Join(s.dir, "keys", who.file), signing.KeyOptions{})
		if err != nil {
			return err
		}
		armored, err := key.Sign(ctx, signing.Namespace(who.role, b.Realm), b.Bytes())
		if err != nil {
			return err
		}
		if who.role == signing.Officer {
			if err := d.hand(ctx, b, armored); err != nil {
				return err
			}
			say("Firmato dal funzionario di turno e consegnato al registro.", "Signed by the duty officer and handed to the ledger.")
			continue
		}
		st, err := d.statement(b, who.role, armored)
		if err != nil {
			return err
		}
		if err := d.sign(ctx, b, st); err != nil {
			return err
		}
		released, err := d.releasedChain(ctx, string(b.Alert))
		if err != nil {
			return err
		}
		if len(released) == 0 {
			return both("il bollettino ha le due firme, ma non è diffuso: vedere tocsin status", "the bulletin has both signatures, but it is not released: see tocsin status")
		}
		say("Controfirmato dal referente di polizia: l'allerta è diffusa.\n", "Co-signed by the police liaison: the alert is released.\n")
	}
	return nil
}

// result sums up for --json.
func (s *stage) result(ctx context.Context, d *desk, b *bulletin.Bulletin, begun time.Time) (*demoResult, bool) {
	status := d.status(ctx, string(b.Alert))
	last := status.Bulletins[len(status.Bulletins)-1]
	verified := true
	channels := []demoChannel{}
	for _, c := range last.Channels {
		verified = verified && c.State == string(ledger.StateVerified)
		channels = append(channels, demoChannel{c.Name, c.Kind, c.State, c.PostID, c.URL, c.Attempts, c.Reconciled, c.ReleasedToPosted, c.ReleasedToVerified})
	}
	entries, root := s.node.keeper.Head()
	return &demoResult{
		Alert: demoAlert{
			Identifier: b.Message.Identifier, Sender: b.Message.Sender, Sent: b.Message.Sent.Format(time.RFC3339),
			Status: string(b.Message.Status), MsgType: string(b.Message.MsgType), Code: string(b.Code),
		},
		Bulletin:   demoBulletin{SHA256: b.SHA256(), Bytes: len(b.Bytes())},
		Signatures: last.Signatures, Channels: channels,
		Ledger: demoLedger{Entries: entries, Root: audit.Hash(root).String()},
		URLs:   demoURLs{Site: s.config.Site.PublicURL, Simulator: s.simulator.URL()}, ElapsedMS: time.Since(begun).Milliseconds(),
	}, verified
}
