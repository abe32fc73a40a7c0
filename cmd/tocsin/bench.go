package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
	"tocsin/adapters/website"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/templates/card"
	"tocsin/templates/scenarios"
)

func (p *program) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: p.say("misura su questa macchina", "measures on this machine"),
		Args:  args(none),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	b := &bench{p: p}
	fanout := &cobra.Command{
		Use:   "fanout",
		Short: p.say("dalla controfirma all'ultima piattaforma che ha il post", "from the co-signature to the last platform that has the post"),
		Long: p.say(`Nello stesso giro, alternati: il pavimento (2 KiB scritti e sincronizzati, poi cinque POST insieme) e un'allerta vera,
con firme verificate, intenti e ricevute su disco, cinque adattatori e il simulatore. Poi un giro in cui un canale su cinque
non risponde, e quante allerte al secondo. Si leggono i rapporti, non i tempi: la macchina è rumorosa.`,
			`In one run, in turn: the floor (2 KiB appended and synced, then five POSTs at once) and a real alert, with signatures
verified, intents and receipts on disk, five adapters and the simulator. Then a run in which one channel of five hangs, and
how many alerts a second. Read the ratios, not the times: machines are noisy.`),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	fanout.Flags().IntVar(&b.alerts, "alerts", 100, p.say("allerte per giro", "alerts in each run"))
	fanout.Flags().IntVar(&b.channels, "channels", 5, p.say("account sui canali", "channel accounts"))
	p.jsonFlag(fanout, &b.asJSON)
	fanout.Flags().StringVar(&b.dir, "dir", "", p.say("cartella di lavoro, sul disco da misurare", "working folder, on the disk to be measured"))
	cmd.AddCommand(fanout)
	return cmd
}

// A bench measures the fan-out.
type bench struct {
	p        *program
	alerts   int
	channels int
	asJSON   bool
	dir      string
}

// benchResult is what bench prints. Times are milliseconds.
type benchResult struct {
	Alerts       int        `json:"alerts"`
	Channels     int        `json:"channels"`
	Floor        quantiles  `json:"floor_ms"`
	Fanout       quantiles  `json:"fanout_ms"`
	RatioP50     float64    `json:"ratio_p50"`
	RatioP99     float64    `json:"ratio_p99"`
	Healthy      *quantiles `json:"healthy_ms,omitempty"` // each post of the four, all channels well
	OneHangs     *quantiles `json:"one_hangs_ms,omitempty"`
	HangRatioP99 float64    `json:"hang_ratio_p99,omitempty"`
	ExtraCopies  int        `json:"extra_copies"`
	PerSecond    float64    `json:"alerts_per_second"`
	CPUDelivery  float64    `json:"cpu_ms_per_delivery"` // of the whole process, simulator included
	CPUFloor     float64    `json:"cpu_ms_per_floor_post"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func quantilesOf(d []time.Duration) quantiles {
	d = slices.Sorted(slices.Values(d))
	if len(d) == 0 {
		return quantiles{}
	}
	at := func(q float64) float64 {
		return float64(d[min(int(q*float64(len(d))), len(d)-1)].Microseconds()) / 1000
	}
	return quantiles{P50: at(0.50), P99: at(0.99)}
}

func (b *bench) run(ctx context.Context) error {
	if b.alerts < 1 || b.channels < 5 || b.channels > 2000 {
		return usage("bench: --alerts must be at least 1, --channels from 5 to 2000")
	}
	dir, err := os.MkdirTemp(b.dir, "tocsin-bench-")
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	rig, err := b.raise(ctx, dir)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	defer rig.close(ctx)
	result, err := rig.measure(ctx)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if b.asJSON {
		return b.p.printJSON(result)
	}
	b.write(result)
	return nil
}

func (b *bench) write(r *benchResult) {
	p := b.p
	p.print("%d allerte per giro, %d canali. Millisecondi.", "%d alerts in each run, %d channels. Milliseconds.", r.Alerts, r.Channels)
	p.print("pavimento  p50 %7.2f  p99 %7.2f   (2 KiB + fsync, poi %d POST insieme)", "floor      p50 %7.2f  p99 %7.2f   (2 KiB + fsync, then %d POSTs at once)", r.Floor.P50, r.Floor.P99, r.Channels)
	p.print("diffusione p50 %7.2f  p99 %7.2f   (ultima firma su disco → ultima piattaforma)", "fan-out    p50 %7.2f  p99 %7.2f   (last signature on disk → last platform)", r.Fanout.P50, r.Fanout.P99)
	p.print("rapporto   p50 %7.2f  p99 %7.2f", "ratio      p50 %7.2f  p99 %7.2f", r.RatioP50, r.RatioP99)
	if r.OneHangs != nil {
		p.print("un canale fermo: gli altri p99 %.2f contro %.2f, rapporto %.2f, copie in più %d",
			"one channel hangs: the others' p99 %.2f against %.2f, ratio %.2f, extra copies %d", r.OneHangs.P99, r.Healthy.P99, r.HangRatioP99, r.ExtraCopies)
	}
	p.print("allerte al secondo %.1f; CPU per invio %.2f ms (simulatore compreso), per POST del pavimento %.2f ms",
		"alerts a second %.1f; CPU a delivery %.2f ms (simulator included), a floor POST %.2f ms", r.PerSecond, r.CPUDelivery, r.CPUFloor)
}

// A benchRig is a node with its platforms, and the floor beside it.
type benchRig struct {
	b          *bench
	dir        string
	simulators []*simulator.Simulator
	node       *node
	config     *config
	site       *siteClock
	message    *alert.Message
	options    compose.Options
	officer    signing.Key
	police     signing.Key
	floor      *floor
}

func (b *bench) raise(ctx context.Context, dir string) (_ *benchRig, err error) {
	r := &benchRig{b: b, dir: dir, site: &siteClock{at: map[string]time.Time{}}}
	defer func() {
		if err != nil {
			r.close(ctx)
		}
	}()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := r.configure(ctx, listener.Addr().String()); err != nil {
		_ = listener.Close()
		return nil, err
	}
	r.node, err = startNode(ctx, r.config, nodeOptions{command: "tocsin bench", getenv: r.secret, site: listener, checkpoints: 5 * time.Second, front: r.site.front})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	r.floor, err = newFloor(filepath.Join(dir, "floor"), b.channels)
	return r, err
}

// secret gives the channels their simulator's credentials.
func (r *benchRig) secret(name string) string {
	a := r.simulators[0].Accounts() // the same seed makes the same ones
	return map[string]string{
		"T": a.Telegram.Token, "XCK": a.X.ConsumerKey, "XCS": a.X.ConsumerSecret, "XAT": a.X.AccessToken, "XAS": a.X.AccessSecret,
		"FT": a.Facebook.Token, "FS": a.Facebook.AppSecret, "IT": a.Instagram.Token, "IS": a.Instagram.AppSecret,
	}[name]
}

// configure writes a demonstration's folder and spreads its channels over as many
// simulators as are needed.
func (r *benchRig) configure(ctx context.Context, site string) error {
	for n := 1; n < r.b.channels; n += 4 {
		s, err := simulator.Start(ctx, simulator.Config{InstagramQuota: 1 << 30, InstagramContainers: 1 << 30, XPostsPerWindow: 1 << 30})
		if err != nil {
			return err
		}
		r.simulators = append(r.simulators, s)
	}
	f := fresh{
		Realm: alert.RealmExercise, Node: "bench", Site: site, Broker: "127.0.0.1:0", Accounts: r.simulators[0].Accounts(),
		Control: strings.TrimPrefix(r.simulators[0].URL(), "http://"), Quick: true,
	}
	if err := f.write(ctx, r.dir, time.Now()); err != nil {
		return err
	}
	c, err := loadConfig(filepath.Join(r.dir, "tocsin.yaml"))
	if err != nil {
		return err
	}
	c.Channels = c.Channels[:1]
	for i, s := range r.simulators {
		for _, ch := range benchChannels(i, s.Accounts()) {
			if len(c.Channels) < r.b.channels {
				c.Channels = append(c.Channels, ch)
			}
		}
	}
	for i := range c.Channels {
		c.Channels[i].Timeout = time.Minute
	}
	r.config = c
	return nil
}

func benchChannels(i int, a simulator.Accounts) []channelConfig {
	env := func(name string) secret { return secret{Env: name} }
	return []channelConfig{
		{
			Name: fmt.Sprintf("telegram-%d", i), Kind: "telegram", BaseURL: a.Telegram.BaseURL, AllowPrivate: true, ChatID: a.Telegram.ChatID,
			ReaderID: a.Telegram.ReaderUserID, Token: env("T"),
		},
		{
			// One post on each platform, as the floor makes one call to each.
			Languages: []string{"it"}, Name: fmt.Sprintf("x-%d", i), Kind: "x", BaseURL: a.X.BaseURL, AllowPrivate: true, UserID: a.X.UserID, Username: a.X.Username,
			ConsumerKey: env("XCK"), ConsumerSecret: env("XCS"), AccessToken: env("XAT"), AccessSecret: env("XAS"),
		},
		{Name: fmt.Sprintf("facebook-%d", i), Kind: "facebook", BaseURL: a.Facebook.BaseURL, AllowPrivate: true, PageID: a.Facebook.PageID, Token: env("FT"), AppSecret: env("FS")},
		{
			Name: fmt.Sprintf("instagram-%d", i), Kind: "instagram", BaseURL: a.Instagram.BaseURL, AllowPrivate: true, UserID: a.Instagram.UserID,
			Username: a.Instagram.Username, Token: env("IT"), AppSecret: env("IS"),
		},
	}
}

// prepare reads the keys and the message of which every alert is made.
func (r *benchRig) prepare(ctx context.Context) (err error) {
	if r.options, err = composeOptions(r.config, time.Now().Truncate(time.Second)); err != nil {
		return err
	}
	if r.options.Cards, err = card.NewRenderer(); err != nil {
		return err
	}
	if r.message, _, err = adopt(scenarios.Demo(), nil, r.config, r.options); err != nil {
		return err
	}
	if r.officer, err = signing.LoadKey(ctx, filepath.Join(r.dir, "keys", "officer"), signing.KeyOptions{}); err != nil {
		return err
	}
	r.police, err = signing.LoadKey(ctx, filepath.Join(r.dir, "keys", "police"), signing.KeyOptions{})
	return err
}

func (r *benchRig) close(ctx context.Context) {
	if r.floor != nil {
		r.floor.close()
	}
	if r.node != nil {
		r.node.Close(ctx)
	}
	for _, s := range r.simulators {
		s.Close()
	}
}

// A ready alert has its first signature in the ledger; the second one is made, and
// waits.
type readyAlert struct {
	b        *bulletin.Bulletin
	cosigned ledger.Record
}

// ready composes an alert and hands it in with the officer's signature.
func (r *benchRig) ready(ctx context.Context) (*readyAlert, error) {
	id, code, err := compose.NewAlert(r.options)
	if err != nil {
		return nil, err
	}
	m := r.message.Reissue(string(id), r.options.Now)
	b, err := compose.New(m, r.options, id, code)
	if err != nil {
		return nil, err
	}
	d := &desk{c: r.config, ledger: r.node.ledger, rings: r.node.rings, authority: r.node.rings.Newest()}
	armored, err := r.officer.Sign(ctx, signing.Namespace(signing.Officer, b.Realm), b.Bytes())
	if err != nil {
		return nil, err
	}
	if err := d.hand(ctx, b, armored); err != nil {
		return nil, err
	}
	if armored, err = r.police.Sign(ctx, signing.Namespace(signing.Police, b.Realm), b.Bytes()); err != nil {
		return nil, err
	}
	st, err := d.statement(b, signing.Police, armored)
	if err != nil {
		return nil, err
	}
	return &readyAlert{b: b, cosigned: ledger.Record{
		Type: ledger.Signature, Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Principal: st.Principal, Namespace: st.Namespace, Armor: string(st.Signature),
	}}, nil
}

// pace is the rest before each round. A co-signer reads before signing: what the node
// does with a bulletin as it comes in (fetch, parse, verify the first signature) is
// over by then. The floor gets the same rest.
const pace = 50 * time.Millisecond

func rest(ctx context.Context) error {
	runtime.GC() // composing is another process's work: its garbage is not the node's
	timer := time.NewTimer(pace)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// measure does all runs.
func (r *benchRig) measure(ctx context.Context) (*benchResult, error) {
	out := &benchResult{Alerts: r.b.alerts, Channels: r.b.channels}
	var floors, fanouts []time.Duration
	var floorCPU time.Duration
	for i := range warmUp + r.b.alerts {
		a, err := r.ready(ctx)
		if err != nil {
			return nil, err
		}
		if err := rest(ctx); err != nil {
			return nil, err
		}
		before := cpu()
		took, err := r.floor.round(ctx)
		if err != nil {
			return nil, err
		}
		spent := cpu() - before
		if err := rest(ctx); err != nil {
			return nil, err
		}
		all, err := r.release(ctx, a, "")
		if err != nil {
			return nil, err
		}
		if i < warmUp {
			continue
		}
		floorCPU += spent
		floors = append(floors, took)
		fanouts = append(fanouts, slices.Max(all))
	}
	out.Floor, out.Fanout = quantilesOf(floors), quantilesOf(fanouts)
	out.RatioP50, out.RatioP99 = out.Fanout.P50/out.Floor.P50, out.Fanout.P99/out.Floor.P99
	out.CPUFloor = float64(floorCPU.Microseconds()) / 1000 / float64(r.b.alerts*r.b.channels)
	if err := r.sustained(ctx, out); err != nil {
		return nil, err
	}
	if r.b.channels == 5 {
		if err := r.besideHanging(ctx, out); err != nil {
			return nil, err
		}
	}
	return out, r.copies(out)
}

// release appends the last signature and waits until every channel but the one
// that hangs is verified. It returns, for each of them, the time from the
// acknowledgement of that signature to the moment its platform had the post.
func (r *benchRig) release(ctx context.Context, a *readyAlert, hangs string) ([]time.Duration, error) {
	seen := make([]int64, len(r.simulators))
	for i, s := range r.simulators {
		if q := s.Requests(); len(q) > 0 {
			seen[i] = q[len(q)-1].N
		}
	}
	if _, err := r.node.ledger.Append(ctx, a.cosigned); err != nil {
		return nil, err
	}
	released := time.Now()
	if err := r.await(ctx, a, hangs); err != nil {
		return nil, err
	}
	var all []time.Duration
	if at, ok := r.site.took(string(a.b.For(r.config.Channels[0].Name)[0].Key)); ok {
		all = append(all, at.Sub(released))
	}
	for i, s := range r.simulators {
		for _, q := range s.Requests() {
			if q.N > seen[i] && q.Kind != hangs && publishes(q) {
				all = append(all, q.At.Add(q.Took).Sub(released))
			}
		}
	}
	want := r.b.channels
	if hangs != "" {
		want--
	}
	if len(all) != want {
		return nil, fmt.Errorf("%d platforms have the post, want %d", len(all), want)
	}
	return all, nil
}

// publishes reports whether a request made a post public.
func publishes(q simulator.Request) bool {
	if q.Method != http.MethodPost || q.Status/100 != 2 {
		return false
	}
	for _, path := range []string{"/sendMessage", "/2/tweets", "/feed", "/media_publish"} {
		if strings.HasSuffix(q.Path, path) {
			return true
		}
	}
	return false
}

// await waits until every channel has verified the alert.
func (r *benchRig) await(ctx context.Context, a *readyAlert, hangs string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		changed := r.node.ledger.Changed()
		open := ""
		r.node.ledger.View(func(s *ledger.State) {
			b := s.Alerts[string(a.b.Alert)].Bulletin(a.b.SHA256())
			for _, c := range a.b.Channels() {
				for part := 1; part <= c.Parts; part++ {
					if p := b.Part(c.Name, part); c.Kind != hangs && p.State != ledger.StateVerified {
						open = fmt.Sprintf("%s is %s: %s", c.Name, p.State, p.Reason)
					}
				}
			}
		})
		if open == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", open, context.Cause(ctx))
		case <-changed:
		}
	}
}

// sustained releases many alerts at once and counts how many a second are public
// and verified everywhere.
func (r *benchRig) sustained(ctx context.Context, out *benchResult) error {
	var all []*readyAlert
	for range r.b.alerts {
		a, err := r.ready(ctx)
		if err != nil {
			return err
		}
		all = append(all, a)
	}
	before, begun := cpu(), time.Now()
	for _, a := range all {
		if _, err := r.node.ledger.Append(ctx, a.cosigned); err != nil {
			return err
		}
	}
	for _, a := range all {
		if err := r.await(ctx, a, ""); err != nil {
			return err
		}
	}
	out.PerSecond = float64(len(all)) / time.Since(begun).Seconds()
	out.CPUDelivery = float64((cpu() - before).Microseconds()) / 1000 / float64(len(all)*r.b.channels)
	return nil
}

// warmUp is how many rounds of a rig are not counted.
const warmUp = 3

// besideHanging measures the four channels beside one that never answers: rounds of
// a rig whose Telegram hangs, each in turn with a round of the rig that is well, so
// that what else the machine does falls on both.
func (r *benchRig) besideHanging(ctx context.Context, out *benchResult) (err error) {
	const hangs = simulator.Telegram
	rounds := 3 * r.b.alerts // the 99th percentile of few posts is the slowest post
	hung, err := r.b.raise(ctx, filepath.Join(r.dir, "hangs"))
	if err != nil {
		return err
	}
	defer hung.close(ctx)
	var well, beside []time.Duration
	for i := range warmUp + rounds {
		if i == warmUp {
			if err := hung.simulators[0].Fail(hangs, adapterstest.Fault{Kind: adapterstest.Stall, Times: rounds}); err != nil {
				return err
			}
		}
		w, err := r.round(ctx, hangs)
		if err != nil {
			return err
		}
		h, err := hung.round(ctx, hangs)
		if err != nil {
			return err
		}
		if i >= warmUp {
			well, beside = append(well, w...), append(beside, h...)
		}
	}
	w, h := quantilesOf(well), quantilesOf(beside)
	out.Healthy, out.OneHangs, out.HangRatioP99 = &w, &h, h.P99/w.P99
	return hung.copies(out)
}

// round makes one alert and releases it. Times and awaits leave out the channels of
// the kind without.
func (r *benchRig) round(ctx context.Context, without string) ([]time.Duration, error) {
	a, err := r.ready(ctx)
	if err != nil {
		return nil, err
	}
	if err := rest(ctx); err != nil {
		return nil, err
	}
	return r.release(ctx, a, without)
}

// copies counts the posts that are live more than once, by the platforms' own
// record.
func (r *benchRig) copies(out *benchResult) error {
	for _, s := range r.simulators {
		for _, kind := range simulator.Kinds() {
			live, err := s.Live(kind)
			if err != nil {
				return err
			}
			seen := map[string]bool{}
			for _, post := range live {
				if seen[post.Text] {
					out.ExtraCopies++
				}
				seen[post.Text] = true
			}
		}
	}
	return nil
}

// A siteClock notes when the site had a post.
type siteClock struct {
	mu sync.Mutex
	at map[string]time.Time // by post key
}

func (c *siteClock) front(s *website.Site) (ingest, public http.Handler) {
	next := s.Ingest()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if key, ok := strings.CutPrefix(r.URL.Path, "/posts/"); ok && r.Method == http.MethodPut {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.at[key] = time.Now()
		}
	}), s.Public()
}

func (c *siteClock) took(key string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.at[key]
	return at, ok
}

// A floor is what no design can beat: one synced append, and a POST to each
// channel at once.
type floor struct {
	file   *os.File
	server *http.Server
	url    string
	client *http.Client
	posts  int
	done   chan error
}

func newFloor(path string, posts int) (*floor, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed by close
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := &floor{file: file, url: "http://" + l.Addr().String(), posts: posts, done: make(chan error, 1)}
	f.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: posts}}
	f.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
	})}
	go func() { f.done <- f.server.Serve(l) }()
	return f, nil
}

// round does it once and returns how long it took.
func (f *floor) round(ctx context.Context) (time.Duration, error) {
	var body [2 << 10]byte
	_, _ = rand.Read(body[:])
	begun := time.Now()
	if _, err := f.file.Write(body[:]); err != nil {
		return 0, err
	}
	if err := f.file.Sync(); err != nil {
		return 0, err
	}
	errs := make(chan error, f.posts)
	for range f.posts {
		go func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(body[:]))
			if err != nil {
				errs <- err
				return
			}
			resp, err := f.client.Do(req)
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				err = resp.Body.Close()
			}
			errs <- err
		}()
	}
	var all []error
	for range f.posts {
		all = append(all, <-errs)
	}
	return time.Since(begun), errors.Join(all...)
}

func (f *floor) close() {
	_ = f.server.Close()
	<-f.done
	f.client.CloseIdleConnections()
	_ = f.file.Close()
}

// cpu returns the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
