package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/telemetry"
)

// where says which ledger a command works on.
type where struct {
	config string // -c FILE
	state  string // --state DIR
	getenv func(string) string

	// warn is told once of each credential that other users can read; nil for nobody.
	warn func(path, mode string)

	// mending says that a ledger which begins with another key ring than the one that is
	// configured is no obstacle: this command puts it right.
	mending bool

	// patience is how long to wait for a node that has the folder and does not answer; 0 for
	// nodePatience.
	patience time.Duration
	// wait is told why nobody answers when the patience is over, and has open go on waiting;
	// nil to give up.
	wait func(error)
}

// nodePatience is enough for a node that is being ended or started.
const nodePatience = 5 * time.Second

func (w *where) flags(p *program, cmd *cobra.Command) {
	w.getenv = p.getenv
	warned := map[string]bool{}
	w.warn = func(path, mode string) {
		if warned[path] {
			return
		}
		warned[path] = true
		fmt.Fprintln(p.err, p.say("ATTENZIONE: altri utenti di questa macchina possono leggere la credenziale %s (modo %s): togliere loro i permessi con chmod 600, e rinnovarla se possono averla letta.",
			"ATTENTION: other users of this machine can read the credential %s (mode %s): take their rights away with chmod 600, and renew it if they may have read it.", path, mode))
	}
	cmd.Flags().StringVarP(&w.config, "config", "c", "", p.say("configurazione del nodo", "the node's configuration"))
	cmd.Flags().StringVar(&w.state, "state", "", p.say("cartella del nodo o del suo registro, anche quando nessun nodo è acceso", "folder of a node or of its ledger, also when no node runs on it"))
}

// nodeFlags are the flags of a command that needs a running node.
func (w *where) nodeFlags(p *program, cmd *cobra.Command) {
	w.flags(p, cmd)
	cmd.Flags().Lookup("state").Usage = p.say("cartella di un nodo acceso, o del suo registro", "folder of a running node, or of its ledger")
}

// folder returns the state folder that --state names: itself, or the one in the
// folder of a node or of a demonstration.
func (w *where) folder() string {
	inner := filepath.Join(w.state, "state")
	if info, err := os.Stat(inner); w.state != "" && err == nil && info.IsDir() {
		return inner // a state folder holds no folder of this name
	}
	return w.state
}

// hint returns the flags that name the same ledger to the next command.
func (w *where) hint() string {
	if w.config != "" {
		return "-c " + shellWord(w.config)
	}
	return "--state " + shellWord(w.state)
}

// shellWord is a path as a shell takes it for one word: what is printed is copied.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// A desk is where a command works: a ledger, and what it is judged by.
type desk struct {
	c         *config // nil where only a folder is known
	state     string
	ledger    *ledger.Ledger
	rings     *signing.History   // by which each record is judged
	authority *signing.Authority // in force
	guard     *audit.Guard       // holds the ledger against the folder's newest checkpoint
	running   bool               // a node works on the ledger
	contended bool               // somebody was seen to work on the folder
	presence  presence
	server    *ledger.Server
	telemetry *telemetry.Telemetry // nil where nothing is exported
	journal   *journal             // what can be told of deliveries, or nil
	getenv    func(string) string
}

// Close lets go of the ledger.
func (d *desk) Close() {
	if d.telemetry != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = d.telemetry.Stop(ctx) // a collector that is away is nobody's trouble
	}
	if d.ledger != nil {
		d.ledger.Close()
	}
	if d.server != nil {
		d.server.Stop()
	}
}

// configuration reads the configuration that the flags name, or nil where they
// name a folder that knows none.
func (w *where) configuration() (*config, error) {
	switch {
	case w.config != "" && w.state != "":
		return nil, usage("-c and --state exclude each other")
	case w.config != "":
		return loadConfig(w.config)
	case w.state != "":
		p, err := readPresence(w.folder())
		if err != nil || p.Config == "" {
			return nil, nil //nolint:nilnil // a folder without a configuration is enough for reading
		}
		// A copy of a folder names the configuration of the original: the folder
		// that was asked for is the one that is read.
		if c, err := loadConfig(p.Config); err == nil && sameFolder(c.abs(c.State), w.folder()) {
			return c, nil
		}
		return nil, nil //nolint:nilnil // a folder without a configuration is enough for reading
	}
	return nil, usage("say which ledger: -c FILE (a node's configuration) or --state DIR (a folder)")
}

// errNoFolder is returned by open where the folder of the ledger is not there. It adds
// no words.
var errNoFolder = errors.New("")

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func readPresence(state string) (p presence, err error) {
	b, err := os.ReadFile(filepath.Join(state, nodeFile))
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(b, &p)
}

// open opens the ledger: through the node that runs on it, or from a copy of the folder.
// observe gets every entry; who is the name that records bear. It waits a while for a
// node that has the folder and does not answer.
func (w *where) open(ctx context.Context, who string, observe func(*ledger.Entry, error), needNode bool) (*desk, error) {
	d := &desk{state: w.folder(), getenv: w.getenv}
	var err error
	if d.c, err = w.configuration(); err != nil {
		return nil, err
	}
	if d.c != nil {
		d.state = d.c.abs(d.c.State)
	}
	if d.c != nil && w.warn != nil {
		for path, mode := range d.c.openSecrets() {
			w.warn(path, mode)
		}
	}
	info, err := os.Stat(d.state)
	if err == nil && !info.IsDir() {
		return nil, usage("%s is a file and not the folder of a ledger: name the folder with --state, or the node's configuration with -c", d.state)
	}
	// A host of people has no folder where the broker is elsewhere, and no checkpoint in it.
	if atHome := d.c != nil && d.c.Broker.URL != "" && errors.Is(err, fs.ErrNotExist); err != nil && !atHome {
		return nil, fmt.Errorf("%w%w", errNoFolder, both("cartella del registro: %v: controllarne il nome, o accendere il nodo con tocsin serve",
			"ledger folder: %w: check its name, or start the node with tocsin serve", err))
	}
	if d.rings, err = d.loadRings(); err != nil {
		return nil, err
	}
	if d.c != nil && d.c.Telemetry.OTLP != "" && needNode {
		if d.telemetry, err = telemetry.Start(ctx, telemetry.Config{OTLP: d.c.Telemetry.OTLP, Node: who}); err != nil {
			return nil, err
		}
	}
	if err := w.reach(ctx, d, who, observe, needNode); err != nil {
		d.Close()
		return nil, err
	}
	if err := d.takeRings(ctx); err != nil {
		d.Close()
		return nil, err
	}
	trouble := d.rings.Trusted()
	mended := w.mending && d.guard.Trusted() == nil && (errors.Is(trouble, signing.ErrOtherRoot) || errors.Is(trouble, signing.ErrLostVersion) || errors.Is(trouble, signing.ErrNotUnderstood))
	if why := d.distrust(); why != "" && needNode && !mended {
		// Commands that need a node are those that write.
		d.Close()
		return nil, refusedError{both("il registro non è affidabile: %s. Non è stato scritto niente: spegnere il nodo, rimettere una copia intera della cartella %s (docs/operations.md), riaccenderlo e riprovare",
			"the ledger is not to be trusted: %s. Nothing was written: stop the node, put back a whole copy of the folder %s (docs/operations.md), start it and try again", errors.New(why), d.state)}
	}
	return d, nil
}

// takeRings takes the versions of the key ring that the ledger holds.
func (d *desk) takeRings(ctx context.Context) error {
	err := delivery.TakeRings(ctx, d.ledger, d.rings)
	d.authority = d.rings.Newest()
	return err
}

// An absentError says that whoever has the folder, or the broker elsewhere, does not answer:
// that may pass.
type absentError struct{ error }

// reach reads the ledger, once more while nobody answers.
func (w *where) reach(ctx context.Context, d *desk, who string, observe func(*ledger.Entry, error), needNode bool) error {
	patience := w.patience
	if patience == 0 {
		patience = nodePatience
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end, told := time.Now().Add(patience), false; ; {
		err := d.read(ctx, who, observe, needNode)
		absent, ok := err.(absentError) //nolint:errorlint // read wraps it in nothing
		if !ok {
			return err
		}
		if over := !time.Now().Before(end) || !d.contended; over {
			refuses := d.presence.Broker != "" && !ledger.Unreachable(absent.error)
			if w.wait == nil || refuses {
				return absent.error
			}
			if !told {
				w.wait(absent.error)
				told = true
			}
		}
		select {
		case <-ctx.Done():
			return absent.error
		case <-tick.C:
		}
	}
}

// read reads the ledger whole, or nothing of it.
func (d *desk) read(ctx context.Context, who string, observe func(*ledger.Entry, error), needNode bool) error {
	d.guard = audit.OpenGuard(d.state) // before the ledger is read: it may only have grown since
	entries := relay{to: observe}
	o := ledger.Options{Name: who, Gaps: true, Observe: func(e *ledger.Entry, err error) {
		d.guard.Observe(e, err)
		entries.observe(e, err)
	}}
	if d.c != nil {
		o.Realm = string(d.c.Realm)
	}
	err := d.connect(ctx, &o, needNode)
	if err != nil {
		return err
	}
	d.ledger, err = ledger.Open(ctx, o)
	switch {
	case err == nil:
		entries.open()
		return nil
	case errors.Is(err, ledger.ErrNoLedger) && d.guard.Known() && !d.contended:
		err = refusedError{ledger.ErrGone}
	case d.running && ctx.Err() == nil && (ledger.Unreachable(err) || d.contended && (ledger.NotAdmitted(err) || errors.Is(err, ledger.ErrNoLedger))):
		err = absentError{err}
	}
	if d.server != nil {
		d.server.Stop()
		d.server = nil
	}
	return err
}

// A relay keeps the entries of a ledger until it has been read whole, and then hands them
// on: a reading that was broken off begins anew.
type relay struct {
	to func(*ledger.Entry, error) // nil for nobody

	mu    sync.Mutex
	whole bool
	kept  []func()
}

// observe takes the next entry, as [ledger.Options] hands it on.
func (r *relay) observe(e *ledger.Entry, err error) {
	if r.to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.whole {
		r.to(e, err)
		return
	}
	r.kept = append(r.kept, func() { r.to(e, err) })
}

// open hands on what was kept, and from then on everything at once.
func (r *relay) open() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, hand := range r.kept {
		hand()
	}
	r.whole, r.kept = true, nil
}

// distrust returns in words why the ledger is not to be trusted, "" where it is.
func (d *desk) distrust() string {
	if d.guard == nil {
		return "" // the node's own
	}
	if err := d.ledger.Broken(); err != nil {
		return err.Error()
	}
	if err := d.guard.Trusted(); err != nil {
		return err.Error()
	}
	if err := d.rings.Trusted(); err != nil {
		return err.Error()
	}
	if !d.running {
		return ""
	}
	p, err := readPresence(d.state)
	if err != nil {
		return "" // a node that is only being started, or on another machine
	}
	return p.Untrusted
}

// warn says first of all where a ledger that is read is not to be trusted: on
// standard error where standard output is for a JSON object.
func (p *program) warn(ctx context.Context, d *desk, asJSON bool) {
	screen := p.out
	if asJSON {
		screen = p.err
	}
	if why := d.stopped(); why != "" {
		fmt.Fprintln(screen, p.say("ATTENZIONE: il nodo non invia niente: %s", "ATTENTION: the node sends nothing: %s", p.read(why)))
		fmt.Fprintln(screen, p.say("Quel che è pubblico può non essere ancora nel registro: un invio che era in corso può essere uscito anche se qui non risulta. Guardare il canale.",
			"What is public may not be recorded yet: a post that was under way may be out though it is not said here. Look at the channel."))
	}
	if v, _ := d.rings.Version(); v != nil {
		if notice := p.ringNotice(v, time.Now()); notice != "" {
			fmt.Fprintln(screen, notice)
		}
	}
	if why := p.scarce(ctx, d); why != "" {
		fmt.Fprintln(screen, p.say("ATTENZIONE: %s", "ATTENTION: %s", why))
	}
	why := d.distrust()
	if why == "" {
		return
	}
	fmt.Fprintln(screen, p.say("ATTENZIONE: il registro non è affidabile: %s", "ATTENTION: the ledger is not to be trusted: %s", p.read(why)))
}

// connect finds the broker: the one of the configuration, the one of the node
// that works on the folder, or one of our own on a copy of the folder.
func (d *desk) connect(ctx context.Context, o *ledger.Options, needNode bool) error {
	if d.c != nil && d.c.Broker.URL != "" {
		d.running = true
		o.URL = d.c.Broker.URL
		return d.admit(o)
	}
	d.running, d.presence = false, presence{}
	err := ledger.InUse(d.state)
	switch {
	case err == nil && needNode:
		err = both("nessun nodo acceso su %s: accenderlo con tocsin serve, poi riprovare", "no node runs on %s: start it with tocsin serve, then try again", d.state)
		if d.contended { // a moment ago one did: it is being started again
			err = absentError{err}
		}
		return err
	case err == nil:
		var most int64
		if d.c != nil {
			most = d.c.storeBytes()
		}
		if d.server, err = ledger.StartCopy(ctx, d.state, most); err == nil {
			o.Server = d.server
			return nil
		}
	}
	if !errors.Is(err, ledger.ErrInUse) {
		return err
	}
	d.running, d.contended = true, true
	if d.presence, err = readPresence(d.state); err != nil {
		return absentError{both("un nodo lavora su %s, ma non dice come raggiungerlo (%v): aspettare che sia acceso", "a node works on %s, but does not say how to reach it (%w): wait until it is up", d.state, err)}
	}
	if d.presence.Broker == "" {
		return fmt.Errorf("the node on %s listens to no other program: set broker.listen in its configuration", d.state)
	}
	o.URL = d.presence.Broker
	return d.admit(o)
}

// loadRings reads ring and policy from the configuration, or the copy that the
// node left beside its ledger.
func (d *desk) loadRings() (*signing.History, error) {
	if d.c != nil {
		return loadRings(d.c)
	}
	c := d.keysConfig()
	realm, err := os.ReadFile(filepath.Join(c.dir, "realm"))
	if err != nil {
		return nil, fmt.Errorf("the folder holds no copy of the key ring (%w): name the node's configuration with -c", err)
	}
	if err := c.Realm.UnmarshalText([]byte(strings.TrimSpace(string(realm)))); err != nil {
		return nil, err
	}
	return copiedRings(c.dir, c)
}

// keysConfig returns the configuration that says where ring and policy lie.
func (d *desk) keysConfig() *config {
	if d.c != nil {
		return d.c
	}
	dir := filepath.Join(d.state, keysCopy)
	return &config{dir: dir, path: dir, Keys: keysConfig{Ring: "allowed_signers", Revoked: "revoked", Policy: "policy.yaml"}}
}

// alert finds the alert that a person names: by its UUID, its code, or as the only
// or newest one where no name is given.
func (d *desk) alert(name string) (string, error) {
	var id string
	var codes []string
	d.ledger.View(func(s *ledger.State) {
		for _, known := range s.Order {
			bulletins := s.Alerts[known].Bulletins
			code := bulletins[0].Code
			codes = append(codes, code)
			if name == known {
				id = known
				return
			}
			// What was refused is shown to whoever asks for it, and hides nothing else.
			refused := bulletins[0].Refusal != nil && id != ""
			if !refused && (name == "" || strings.EqualFold(name, code) || bulletins[0].Identifier == name) {
				id = known
			}
		}
	})
	switch {
	case id != "":
		return id, nil
	case d.distrust() != "":
		return "", both("nel registro, che non è affidabile, questa allerta non si legge: se c'era non si sa", "the ledger, which is not to be trusted, does not show this alert: whether it held it is not known")
	case len(codes) == 0:
		return "", both("nel registro non c'è ancora nessuna allerta: consegnarne una con tocsin publish", "the ledger holds no alert yet: hand one in with tocsin publish")
	}
	return "", both("l'allerta %q non è nel registro: ci sono %s", "alert %q is not in the ledger: it holds %s", name, strings.Join(codes[max(0, len(codes)-10):], ", "))
}

// recordRefusal writes the refusal of something that did not reach the ledger into
// it, where a node runs on it, and returns it. Where none runs there is nobody to
// tell.
func (w *where) recordRefusal(ctx context.Context, who, class string, err error) error {
	if exitCode(err) != 3 {
		return err
	}
	d, noNode := w.open(ctx, who, nil, true)
	if noNode != nil {
		return err
	}
	defer d.Close()
	return d.reject(ctx, nil, class, err)
}

// maxRefusal bounds the words of a refusal in a record, in bytes.
const maxRefusal = 2000

// reject writes a refusal into the ledger and returns it as the command's error. b is
// the bulletin that it is about, or nil where none could be read.
func (d *desk) reject(ctx context.Context, b *bulletin.Bulletin, class string, err error) error {
	reason := err.Error()
	if len(reason) > maxRefusal {
		reason = strings.ToValidUTF8(reason[:maxRefusal], "") + "…"
	}
	r := ledger.Record{Type: ledger.Rejected, Class: class, Reason: reason}
	if refusal, ok := errors.AsType[*signing.RefusedError](err); ok {
		r.Key = refusal.Key
	}
	if b != nil {
		r.Alert, r.Number, r.SHA256 = string(b.Alert), b.Number, b.SHA256()
	}
	_, appendErr := d.ledger.Append(ctx, r)
	if appendErr != nil {
		return refusedError{fmt.Errorf("%w; the refusal could not be recorded: %w", err, appendErr)}
	}
	return refusedError{err}
}
