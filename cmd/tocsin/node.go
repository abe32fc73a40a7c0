package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/adapters/website"
	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/readiness"
	"tocsin/broker/signing"
	"tocsin/broker/telemetry"
)

// The files of a state folder, beside those of the ledger.
const (
	nodeFile = "node.json" // how commands reach the node
	keysCopy = "keys"      // the ring and policy in force, for auditors
)

// presence is how commands on this machine find a node's broker.
type presence struct {
	Broker string `json:"broker"` // nats://127.0.0.1:4250
	Config string `json:"config"` // path of the configuration
	Site   string `json:"site"`
	PID    int    `json:"pid"`
	// Untrusted is why the node does not trust its ledger, "" where it does.
	Untrusted string `json:"untrusted,omitempty"`
	// Stopped is why the node sends nothing though it trusts its ledger, "" where it
	// does.
	Stopped string `json:"stopped,omitempty"`
}

// A node is a running Tocsin: ledger, site, deliveries.
type node struct {
	c         *config
	log       *slog.Logger
	name      string // node and incarnation
	server    *ledger.Server
	lock      *os.File // of the state folder, where the broker is elsewhere
	ledger    *ledger.Ledger
	keeper    *audit.Keeper
	rings     *signing.History
	site      *website.Site
	siteURL   string
	access    siteAccess
	service   *delivery.Service
	watch     *readiness.Watch // nil where nobody asked for it
	telemetry *telemetry.Telemetry
	sync      string // whose word it is that the broker syncs every write
	work      sync.WaitGroup
	stop      context.CancelFunc
	servers   []*http.Server
	failed    chan error    // why a part of the node ended by itself
	restored  chan struct{} // closed when the site shows again what is in force

	// unwritable is why the ledger takes no more records, or nil; stopSending sets it.
	unwritable atomic.Pointer[error]
	// untold says that the start found no room for the presence: watchStore writes it.
	untold bool
	// notAccepted says that acceptLost named records, and no checkpoint was lost.
	notAccepted bool
	// staleRing is why the key ring of the ledger is older than one that this node has
	// seen, or nil.
	staleRing error
	// announced says that the ledger holds the start of this node, on the channels that speaks
	// lists, "" for all at once; speaks is set before and not changed after.
	announced atomic.Bool
	speaks    []string
}

// nodeOptions are what the demo and the benchmarks add to a configuration.
type nodeOptions struct {
	// command is what others are told works on the state folder; "" for the program's name.
	command string
	getenv  func(string) string
	log     *slog.Logger
	// front stands before the site's two addresses, for faults; nil for none.
	front func(*website.Site) (ingest, public http.Handler)
	// site is the listener of the public pages; nil to listen as configured.
	site net.Listener
	// now is the clock of deliveries and site; nil for the machine's.
	now func() time.Time
	// checkpoints is the interval of checkpoints; 0 for one second.
	checkpoints time.Duration
	// observe is given the ledger's entries, as [ledger.Options] hands them on; nil
	// for nobody.
	observe func(*ledger.Entry, error)
	// acceptLost is the number of records of a ledger that is to be trusted although
	// its checkpoint was lost; 0 for none.
	acceptLost int64
	// checks has the node look on a schedule whether its channels can do their job.
	checks bool
}

// startNode brings a node up: when it returns, the site shows what is in force and
// deliveries go on. What it has begun is ended by Close.
func startNode(ctx context.Context, c *config, o nodeOptions) (_ *node, err error) {
	n := &node{c: c, log: o.log, name: c.Node + "/" + incarnation(), failed: make(chan error, 8), restored: make(chan struct{})}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	ctx, n.stop = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			n.Close(context.WithoutCancel(ctx))
		}
	}()
	secured, err := c.serverTLS("telemetry.tls", c.Telemetry.TLS, tls.VersionTLS12)
	if err != nil {
		return nil, err
	}
	if n.telemetry, err = telemetry.Start(ctx, telemetry.Config{OTLP: c.Telemetry.OTLP, Prometheus: c.Telemetry.Prometheus, TLS: secured, Node: c.Node, Log: n.log}); err != nil {
		return nil, err
	}
	if n.rings, err = loadRings(c); err != nil {
		return nil, err
	}
	if err := n.openSite(ctx, o); err != nil {
		return nil, err
	}
	n.warnOfOpenSecrets(ctx)
	channels, err := n.openChannels(o)
	if err != nil {
		return nil, err
	}
	notifiers, err := n.openNotifiers(o)
	if err != nil {
		return nil, err
	}
	if err := n.openLedger(ctx, o); err != nil {
		return nil, err
	}
	if err := n.takeRings(ctx); err != nil {
		return nil, err
	}
	d := delivery.Config{
		Ledger: n.ledger, Rings: n.rings, Channels: channels, Notifiers: notifiers, Archive: n.site, Trusted: n.trusted, Restored: func() { close(n.restored) },
		Log: n.log, Tracers: n.telemetry.Tracers, Meters: n.telemetry.Meters, Now: o.now,
	}
	if c.Site.Listen != "" || o.site != nil {
		d.Host = n.site
	}
	n.service, err = delivery.New(d)
	if err != nil {
		return nil, err
	}
	if o.checks {
		if err := n.openWatch(channels); err != nil {
			return nil, err
		}
	}
	if err := n.begin(ctx, o); err != nil {
		if errors.Is(err, ledger.ErrForbidden) && c.Broker.URL != "" {
			err = fmt.Errorf("%w: the file under broker.credentials.node is to hold the credential of nodes", err)
		}
		return nil, err
	}
	// A node is up when the public is served.
	select {
	case <-n.restored:
		return n, nil
	case err := <-n.failed:
		return nil, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func incarnation() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	return hex.EncodeToString(b[:])
}

// openSite brings up the public pages and, on a loopback address of its own, the
// address on which channels write to them.
func (n *node) openSite(ctx context.Context, o nodeOptions) error {
	token := incarnation() + incarnation() + incarnation()
	s := website.SiteConfig{
		PublicURL: n.c.Site.PublicURL, Token: token, Issuer: n.c.Issuer.Office, Language: n.c.Issuer.Language, Zone: n.c.Issuer.TimeZone,
		PolicyURL: n.c.Site.Policy, Exercise: n.c.Realm == "exercise", Log: n.log, Now: o.now,
	}
	for i := range n.c.Channels {
		if account, ok := n.c.Channels[i].official(); ok {
			s.Channels = append(s.Channels, account)
		}
	}
	var err error
	if n.site, err = website.NewSite(s); err != nil {
		return fmt.Errorf("site: %w", err)
	}
	ingest, public := n.site.Ingest(), n.site.Public()
	if o.front != nil {
		ingest, public = o.front(n.site)
	}
	public = n.whenRestored(public)
	ingestURL, err := n.listen(ctx, "127.0.0.1:0", ingest, nil)
	if err != nil {
		return fmt.Errorf("site: %w", err)
	}
	n.siteURL = n.c.Site.PublicURL
	secured, err := n.c.serverTLS("site.tls", n.c.Site.TLS, tls.VersionTLS12) // old telephones
	if err != nil {
		return err
	}
	switch {
	case o.site != nil:
		n.serve(o.site, public, secured)
	case n.c.Site.Listen != "":
		if _, err = n.listen(ctx, n.c.Site.Listen, public, secured); err != nil {
			return fmt.Errorf("site: %w", listenError(err, "site.listen"))
		}
	}
	n.access = siteAccess{ingestURL: ingestURL, publicURL: n.c.Site.PublicURL, token: token}
	return nil
}

// whenRestored keeps the public from an empty site: until it shows again what is in
// force, a page without an alert would be a false all-clear.
func (n *node) whenRestored(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-n.restored:
			pages.ServeHTTP(w, r)
		default:
			website.Starting(w)
		}
	})
}

// listen serves a handler until Close, and returns its address.
func (n *node) listen(ctx context.Context, address string, h http.Handler, secured *tls.Config) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	n.serve(l, h, secured)
	return "http://" + l.Addr().String(), nil
}

// serve serves a handler on a listener until Close, with TLS where it is secured.
func (n *node) serve(l net.Listener, h http.Handler, secured *tls.Config) {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, TLSConfig: secured, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	n.servers = append(n.servers, s)
	n.work.Go(func() {
		begin := func() error { return s.Serve(l) }
		if secured != nil {
			begin = func() error { return s.ServeTLS(l, "", "") }
		}
		if err := begin(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			n.failed <- fmt.Errorf("serving %s: %w", l.Addr(), err)
		}
	})
}

func (n *node) openChannels(o nodeOptions) ([]delivery.Channel, error) {
	var out []delivery.Channel
	for i := range n.c.Channels {
		ch := &n.c.Channels[i]
		made, err := ch.open(n.c, o.getenv, n.access)
		if err != nil {
			return nil, err
		}
		out = append(out, ch.carried(made))
	}
	return out, nil
}

// warnOfOpenSecrets says which credentials other users of this machine can read.
func (n *node) warnOfOpenSecrets(ctx context.Context) {
	for path, mode := range n.c.openSecrets() {
		n.log.WarnContext(ctx, "other users of this machine can read a credential: take their rights away with chmod 600, and renew it if they may have read it",
			"file", path, "mode", mode)
	}
}

// openLedger starts the embedded broker or connects to the one elsewhere, reads
// the ledger whole and holds it against the newest checkpoint.
func (n *node) openLedger(ctx context.Context, with nodeOptions) error {
	state := n.c.abs(n.c.State)
	if err := os.MkdirAll(state, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	var err error
	if n.sync, err = n.syncs(ctx); err != nil {
		return err
	}
	if n.keeper, err = audit.OpenKeeper(state); err != nil {
		return err
	}
	o := ledger.Options{
		Realm: string(n.c.Realm), Create: true, Replicas: n.c.Broker.Replicas, MaxBytes: n.c.Broker.MaxBytes,
		Gaps: true, Known: n.keeper.Known(), Name: n.name, Observe: n.keeper.Observe, Log: n.log, URL: n.c.Broker.URL,
	}
	if with.observe != nil {
		o.Observe = func(e *ledger.Entry, err error) {
			n.keeper.Observe(e, err)
			with.observe(e, err)
		}
	}
	if n.c.Broker.URL == "" {
		users, err := n.c.users()
		if err != nil {
			return err
		}
		secured, err := n.c.serverTLS("broker.tls", n.c.Broker.TLS, tls.VersionTLS13)
		if err != nil {
			return err
		}
		if err := tryListen(ctx, n.c.Broker.Listen); err != nil {
			return fmt.Errorf("broker: %w", listenError(err, "broker.listen"))
		}
		n.server, err = ledger.StartServer(ctx, ledger.ServerOptions{
			Holder: with.command, Patience: 5 * time.Second,
			Dir: state, Listen: n.c.Broker.Listen, Users: users, TLS: secured, Known: o.Known, MaxBytes: n.c.storeBytes(), Log: n.log,
		})
		if err != nil {
			return inUse(err)
		}
		o.Server = n.server
	} else {
		if n.lock, err = ledger.LockFolder(ctx, state, with.command, 2*time.Second); err != nil {
			return inUse(err)
		}
		if o.Credentials, err = n.c.nodeCredentials(with.getenv); err != nil {
			return err
		}
		if o.TLS, err = n.c.brokerTLS(); err != nil {
			return err
		}
	}
	n.ledger, err = ledger.Open(ctx, o)
	return err
}

// inUse says what to do where another process works on the state folder.
func inUse(err error) error {
	if errors.Is(err, ledger.ErrInUse) {
		return fmt.Errorf("%w: end the other node first, or give this one another state folder", err)
	}
	return err
}

// syncs says whose word it is that the broker syncs every write before it
// acknowledges it. A broker elsewhere does not tell its clients: the operator does.
func (n *node) syncs(ctx context.Context) (string, error) {
	switch {
	case n.c.Broker.URL == "":
		return ledger.SyncEmbedded, nil
	case n.c.Broker.SyncAlways == syncConfirmed:
		return ledger.SyncConfirmed, nil
	case n.c.Realm == alert.RealmLive:
		return "", errors.New("broker: nobody says that the broker at broker.url writes to disk before it acknowledges (sync_interval: always), " +
			"and without that a power cut loses alerts: see to it on every server, then write broker.sync_always: confirmed")
	}
	n.log.WarnContext(ctx, "nobody says that the broker writes to disk before it acknowledges: a power cut can lose alerts; "+
		"set sync_interval: always on every server, then write broker.sync_always: confirmed; a live node would not start", "node", n.c.Node)
	return ledger.SyncUnconfirmed, nil
}

// tryListen returns why nobody can listen on the address, "" for none: the broker
// itself says it only in words.
func tryListen(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// writeWhole writes a private file so that, after a crash, it is there whole or not
// at all.
func writeWhole(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// acceptLoss trusts a ledger of that many records although its checkpoint was lost, where
// a person has said so, and returns the record that tells it; nil for none.
func (n *node) acceptLoss(ctx context.Context, records int64) (*ledger.Record, error) {
	if records == 0 {
		return nil, nil //nolint:nilnil // there is nothing to record
	}
	if !n.whole() {
		return nil, errors.New("--accept-lost-checkpoint: it is recorded in the ledger, and an adapter's node may not do that: give it at a node that carries all channels")
	}
	if err := n.ledger.Broken(); err != nil {
		n.notAccepted = true
		n.log.WarnContext(ctx, "no lost checkpoint was accepted: the ledger is not to be trusted for another reason", "records", records, "err", err)
		return nil, nil //nolint:nilnil // there is nothing to record
	}
	root, lost, err := n.keeper.Accept(records)
	if err != nil {
		return nil, fmt.Errorf("--accept-lost-checkpoint: %w", err)
	}
	if !lost {
		n.notAccepted = true
		n.log.WarnContext(ctx, "there is no lost checkpoint to accept, and nothing was accepted: leave --accept-lost-checkpoint out", "records", records)
		return nil, nil //nolint:nilnil // there is nothing to record
	}
	n.log.WarnContext(ctx, "the ledger is trusted without its checkpoint, as was asked for", "records", records, "root", root.String())
	return &ledger.Record{
		Type: ledger.LossAccepted, Refers: records,
		Reason: fmt.Sprintf("the checkpoint of this ledger was lost; whoever started this node accepted its %d records as they are, with root %s", records, root),
	}, nil
}

// errWholeNode is why a node with adapters' credentials alone does not start under the name of one
// that has that of nodes.
var errWholeNode = both("il nome di questo nodo è quello di un nodo che ha lavorato su questo registro con la credenziale dei nodi, e una credenziale di canale non parla per lui: dare a questo nodo un nome suo (node nella configurazione)",
	"the name of this node is that of one that has worked on this ledger with the credential of nodes, and a channel's credential does not speak for it: give this node a name of its own (node in the configuration)")

// tellStart records that the node has started, and what whoever started it accepted.
func (n *node) tellStart(ctx context.Context, accepted *ledger.Record) error {
	taken := false
	n.ledger.View(func(s *ledger.State) { taken = !n.whole() && s.Whole(n.c.Node) })
	if taken {
		return errWholeNode
	}
	var seq int64
	for _, channel := range n.speaksFor() {
		r := ledger.Record{Type: ledger.NodeStarted, Version: version(), Ring: hexSum(n.rings.Newest().Ring.SHA256()), Channel: channel, Sync: n.sync}
		if channel == "" {
			r.Channels = n.c.channelNames()
		}
		at, err := n.ledger.Append(ctx, r)
		if channel != "" && errors.Is(err, ledger.ErrForbidden) {
			n.log.WarnContext(ctx, "the broker does not let this channel's adapter say that its node came and went, so that others wait longer for what it leaves: renew nats-server.conf", "channel", channel, "err", err)
			continue
		}
		if err != nil {
			return err
		}
		n.speaks, seq = append(n.speaks, channel), at
	}
	if err := n.ledger.WaitApplied(ctx, seq); err != nil {
		return err
	}
	n.announced.Store(true)
	if accepted == nil {
		return nil
	}
	seq, err := n.ledger.Append(ctx, *accepted)
	if err != nil {
		return err
	}
	return n.ledger.WaitApplied(ctx, seq)
}

// announce records the first key ring of a ledger that has none and the start of the node,
// and signs a checkpoint.
func (n *node) announce(ctx context.Context, accepted *ledger.Record) error {
	if err := n.recordFirstRing(ctx); err != nil || n.trusted() != nil {
		return err
	}
	if err := n.tellStart(ctx, accepted); err != nil {
		return err
	}
	// A checkpoint at every start: a ledger that has grown has one, however
	// soon its node is killed each time. One that has no room is tried again by Run.
	if err := n.keeper.Write(); err != nil && !full(err) {
		return err
	}
	return nil
}

// begin announces the node and starts what works in the background.
func (n *node) begin(ctx context.Context, o nodeOptions) error {
	accepted, err := n.acceptLoss(ctx, o.acceptLost)
	if err != nil {
		return err
	}
	if n.distrusted() != nil {
		n.site.Doubt()
	}
	if n.trusted() == nil {
		// The public is served from a full disk too: a node that is started on one comes
		// up as one whose disk fills.
		if err := n.announce(ctx, accepted); full(err) {
			n.stopSending(ctx, err)
		} else if err != nil {
			return err
		}
	}
	if err := n.distrusted(); err != nil {
		n.log.ErrorContext(ctx, "the ledger is not to be trusted: what is public is served, nothing is released", "err", err)
	}
	if err := n.writePresence(n.distrusted()); full(err) {
		n.untold = true
	} else if err != nil {
		return err
	}
	if o.checkpoints == 0 {
		o.checkpoints = time.Second
	}
	n.work.Go(func() {
		said := "" // the same trouble is said once, not every second
		n.keeper.Run(ctx, o.checkpoints, func(err error) {
			if err.Error() != said && n.distrusted() == nil { // that is said already
				said = err.Error()
				n.log.ErrorContext(ctx, "no checkpoint could be written", "err", err)
			}
		})
	})
	n.work.Go(func() { n.watchStore(ctx) })
	n.work.Go(func() { n.watchTrust(ctx) })
	n.work.Go(func() {
		if err := n.service.Run(ctx); err != nil && ctx.Err() == nil { // a node may be stopped before it is up
			n.failed <- err
		}
	})
	n.work.Go(func() { n.watchRings(ctx) })
	if n.watch != nil {
		n.work.Go(func() { n.watchReadiness(ctx) })
	}
	return nil
}

// sayGoodbye records that the node was asked to stop, and seals that too.
func (n *node) sayGoodbye(ctx context.Context) error {
	speaks := n.spoken() // nothing is said of a node that is another one's
	if n.whole() {
		speaks = []string{""}
	}
	var seq int64
	for _, channel := range speaks {
		var err error
		if seq, err = n.ledger.Append(ctx, ledger.Record{Type: ledger.NodeStopped, Channel: channel}); err != nil {
			return err
		}
	}
	if err := n.ledger.WaitApplied(ctx, seq); err != nil {
		return err
	}
	return n.keeper.Write()
}

func hexSum(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

// Close ends the node. Closing twice is fine.
func (n *node) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	n.stop()
	// A connection that was opened and not used would hold up Shutdown for five
	// seconds: readers get one.
	polite, end := context.WithTimeout(ctx, time.Second)
	defer end()
	for _, s := range n.servers {
		if err := s.Shutdown(polite); err != nil {
			_ = s.Close()
		}
	}
	n.work.Wait()
	if n.ledger != nil {
		if err := n.trusted(); err == nil || errors.Is(err, errReplaced) && n.distrusted() == nil {
			if err := n.sayGoodbye(ctx); err != nil {
				n.log.WarnContext(ctx, "the node's end could not be recorded", "err", err)
			}
		}
		n.ledger.Close()
	}
	if n.server != nil {
		n.server.Stop()
	}
	if n.lock != nil {
		_ = n.lock.Close()
	}
	if n.telemetry != nil {
		if err := n.telemetry.Stop(ctx); err != nil {
			n.log.DebugContext(ctx, "the last telemetry could not be handed over", "err", err)
		}
	}
	n.servers, n.ledger, n.server, n.lock, n.telemetry = nil, nil, nil, nil, nil
}
