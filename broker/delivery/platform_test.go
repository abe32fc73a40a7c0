package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// A platform is a channel and its platform in one, without a wire between them.
// It polices what no adapter may do: two live posts under one mark are kept and
// counted as two.
type platform struct {
	name string

	mu      sync.Mutex
	live    []adapters.Post
	calls   int
	script  []func(*platform, context.Context, adapters.Post) (adapters.Receipt, error)
	hidden  int // looks and read-backs that do not see the newest post yet
	altered bool
	blind   bool // gives no way to look
	reads   int
	finds   int
	answers []string // what each call of Publish was to answer
}

func newPlatform(name string) *platform { return &platform{name: name} }

func (p *platform) Name() string { return p.name }

// Kind returns what stands before the first hyphen of the name, as in the bulletins of
// bulletintest.
func (p *platform) Kind() string {
	kind, _, _ := strings.Cut(p.name, "-")
	return kind
}
func (p *platform) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: 10_000}
}

// then queues what the next call of Publish does.
func (p *platform) then(f func(*platform, context.Context, adapters.Post) (adapters.Receipt, error)) *platform {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = append(p.script, f)
	return p
}

func (p *platform) Publish(ctx context.Context, post adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	p.mu.Lock()
	p.calls++
	p.answers = append(p.answers, a.ReplyTo)
	var f func(*platform, context.Context, adapters.Post) (adapters.Receipt, error)
	if len(p.script) > 0 {
		f, p.script = p.script[0], p.script[1:]
	}
	p.mu.Unlock()
	if f != nil {
		return f(p, ctx, post)
	}
	return p.keep(post), nil
}

func (p *platform) keep(post adapters.Post) adapters.Receipt {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = append(p.live, post)
	id := fmt.Sprint(len(p.live))
	return adapters.Receipt{ID: id, URL: "https://fake.example/" + id, At: time.Now(), Evidence: []byte(id)}
}

func (p *platform) Find(_ context.Context, post adapters.Post, _ adapters.Attempt) (adapters.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finds++
	if p.blind {
		return adapters.Receipt{}, adapters.ErrCannotLook
	}
	if p.hidden > 0 {
		p.hidden--
		return adapters.Receipt{}, adapters.ErrNotPublished
	}
	for i, q := range p.live {
		if adapters.ContainsMark(q.Text, post.Mark) && q.Key == post.Key {
			return adapters.Receipt{ID: fmt.Sprint(i + 1), URL: "https://fake.example/" + fmt.Sprint(i+1)}, nil
		}
	}
	return adapters.Receipt{}, adapters.ErrNotPublished
}

func (p *platform) ReadBack(_ context.Context, post adapters.Post, _ adapters.Receipt) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	if p.blind {
		return adapters.ErrCannotLook
	}
	if p.hidden > 0 {
		p.hidden--
		return adapters.ErrNotPublished
	}
	i := slices.IndexFunc(p.live, func(q adapters.Post) bool { return q.Key == post.Key })
	switch {
	case i < 0:
		return adapters.ErrNotPublished
	case p.altered:
		return &adapters.AlteredError{Shown: "x", Want: post.Text}
	}
	return nil
}

// A locator is a platform that knows the addresses of its posts afterwards.
type locator struct{ *platform }

func (l locator) Locate(ctx context.Context, post adapters.Post, r adapters.Receipt) (string, error) {
	if err := l.ReadBack(ctx, post, r); err != nil {
		return "", err
	}
	if string(r.Evidence) != r.ID {
		return "", adapters.Fail(adapters.Permanent, "the receipt lost its evidence")
	}
	return "https://fake.example/posts/" + r.ID, nil
}

// show ends the lag with which the platform shows its posts.
func (p *platform) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hidden = 0
}

func (p *platform) texts() (keys []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.live {
		keys = append(keys, string(q.Key)[37:])
	}
	return keys
}

func (p *platform) published() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// What a platform may do with a call.

func refuse(kind adapters.Kind, after time.Duration) func(*platform, context.Context, adapters.Post) (adapters.Receipt, error) {
	return func(*platform, context.Context, adapters.Post) (adapters.Receipt, error) {
		return adapters.Receipt{}, &adapters.Failure{Kind: kind, After: after, Code: "429", Err: errors.New("refused by the script")}
	}
}

func keepAndLose(p *platform, _ context.Context, post adapters.Post) (adapters.Receipt, error) {
	p.keep(post)
	return adapters.Receipt{}, adapters.Fail(adapters.Unknown, "the answer was lost")
}

func loseBoth(*platform, context.Context, adapters.Post) (adapters.Receipt, error) {
	return adapters.Receipt{}, adapters.Fail(adapters.Unknown, "request and answer were lost")
}

func hang(_ *platform, ctx context.Context, _ adapters.Post) (adapters.Receipt, error) {
	<-ctx.Done()
	return adapters.Receipt{}, adapters.Fail(adapters.Unknown, "no answer: %w", ctx.Err())
}

// A house is a ledger with people who sign.
type house struct {
	t       *testing.T
	server  *ledger.Server // in this process; nil where url leads to it
	url     string
	crew    *ledgertest.Crew
	ledger  *ledger.Ledger
	officer *signingtest.Person
	police  *signingtest.Person
	auth    *signing.Authority
	log     *slog.Logger // of the nodes that are started from now on; nil for none
}

func newHouse(t *testing.T) *house {
	t.Helper()
	crew := ledgertest.NewCrew(t, "telegram-a", "x-a")
	server, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", Users: crew.Users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	h := &house{t: t, server: server, crew: crew, officer: signingtest.Officer(t), police: signingtest.Police(t)}
	h.auth = signingtest.Authority(t, alert.RealmExercise, h.officer, h.police)
	h.ledger = h.open("writer")
	return h
}

func (h *house) open(name string) *ledger.Ledger { return h.openAt(name, nil) }

// openAt opens the ledger for somebody with a clock of their own, nil for the right one.
func (h *house) openAt(name string, now func() time.Time) *ledger.Ledger {
	h.t.Helper()
	l, err := ledger.Open(h.t.Context(), ledger.Options{Server: h.server, URL: h.url, Credentials: h.crew.As("node", "officer", "police"), Realm: "exercise", Create: true, Name: name, Now: now})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(l.Close)
	return l
}

// quick makes a channel that loses no time.
func quick(p adapters.Channel) delivery.Channel {
	ms := func(n ...int) (d []time.Duration) {
		for _, n := range n {
			d = append(d, time.Duration(n)*time.Millisecond)
		}
		return d
	}
	return delivery.Channel{
		Channel: p, PublishTimeout: 5 * time.Second, Settle: ms(0, 40, 120), ReadBack: ms(0, 50, 150, 300),
		RetryFirst: 20 * time.Millisecond, RetryMost: 100 * time.Millisecond,
	}
}

// run starts a node and returns how to stop it.
func (h *house) run(node string, channels ...delivery.Channel) (stop func()) {
	h.t.Helper()
	return h.runWith(node, delivery.Config{Channels: channels})
}

// runWith starts a node with what c says beyond ledger and authority.
func (h *house) runWith(node string, c delivery.Config) (stop func()) {
	h.t.Helper()
	l := h.openAt(node, c.Now)
	if _, err := l.Append(h.t.Context(), ledger.Record{Type: ledger.NodeStarted}); err != nil {
		h.t.Fatal(err)
	}
	c.Ledger = l
	if c.Rings == nil {
		c.Rings = signing.Fixed(h.auth)
	}
	if c.Log == nil {
		c.Log = h.log
	}
	s, err := delivery.New(c)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				h.t.Error(err)
			}
			if _, err := l.Append(context.WithoutCancel(h.t.Context()), ledger.Record{Type: ledger.NodeStopped}); err != nil {
				h.t.Error(err)
			}
			l.Close()
		})
	}
	h.t.Cleanup(stop)
	return stop
}

func (h *house) append(r ledger.Record) int64 {
	h.t.Helper()
	seq, err := h.ledger.Append(h.t.Context(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.ledger.WaitApplied(h.t.Context(), seq); err != nil {
		h.t.Fatal(err)
	}
	return seq
}

func (h *house) hand(b *bulletin.Bulletin) {
	h.t.Helper()
	h.put(b)
	h.record(b, nil)
}

func (h *house) sign(b *bulletin.Bulletin, people ...*signingtest.Person) {
	h.t.Helper()
	for _, p := range people {
		h.signature(b, p, p.Role)
	}
}

// release hands in a bulletin with both signatures.
func (h *house) release(b *bulletin.Bulletin) *bulletin.Bulletin {
	h.t.Helper()
	h.hand(b)
	h.sign(b, h.officer, h.police)
	return b
}

// intend has a node start and write its intent to send a bulletin to x-a, and nothing after it.
func (h *house) intend(node string, b *bulletin.Bulletin, until time.Time) {
	h.t.Helper()
	h.append(ledger.Record{Type: ledger.NodeStarted, Node: node})
	h.append(ledger.Record{
		Type: ledger.Attempt, Node: node, Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Channels: []string{"x-a"},
		Part: 1, Attempt: 1, Until: until.UTC(),
	})
}

func (h *house) part(b *bulletin.Bulletin, channel string) (p ledger.PartState) {
	h.ledger.View(func(s *ledger.State) { p = s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Part(channel, 1) })
	return p
}

// await waits until the post has reached the state.
func (h *house) await(b *bulletin.Bulletin, channel string, want ledger.DeliveryState) ledger.PartState {
	h.t.Helper()
	return h.until(b, channel, fmt.Sprintf("state %s", want), func(p ledger.PartState) bool { return p.State == want })
}

func (h *house) until(b *bulletin.Bulletin, channel, what string, ok func(ledger.PartState) bool) ledger.PartState {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 60*time.Second)
	defer cancel()
	for {
		changed := h.ledger.Changed()
		p := h.part(b, channel)
		if ok(p) {
			return p
		}
		select {
		case <-ctx.Done():
			h.t.Fatalf("%s: it is %+v, want %s", channel, p, what)
		case <-changed:
		}
	}
}

// eventually waits until the ledger is as it must become.
func (h *house) eventually(what string, ok func(*ledger.State) bool) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 30*time.Second)
	defer cancel()
	for {
		changed := h.ledger.Changed()
		var done bool
		h.ledger.View(func(s *ledger.State) { done = ok(s) })
		if done {
			return
		}
		select {
		case <-ctx.Done():
			h.t.Fatalf("the ledger does not come to hold %s", what)
		case <-changed:
		}
	}
}

// A clock is the machine's, set forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// reach sets the clock forward to a moment.
func (c *clock) reach(at time.Time) { c.ahead.Store(int64(time.Until(at))) }

// patient has a channel look again and again for longer than a loaded machine may lag:
// for tests in which a post comes to light late.
func patient(ch delivery.Channel) delivery.Channel {
	ch.Settle, ch.ReadBack = nil, nil
	for d := time.Duration(0); d <= 30*time.Second; d += 40 * time.Millisecond {
		ch.Settle, ch.ReadBack = append(ch.Settle, d), append(ch.ReadBack, d)
	}
	return ch
}

func want(t *testing.T, p *platform, keys ...string) {
	t.Helper()
	if got := p.texts(); !slices.Equal(got, keys) {
		t.Errorf("%s shows %v, want %v", p.name, got, keys)
	}
}

func newAlert(t *testing.T, channels ...string) *bulletintest.Alert {
	t.Helper()
	return bulletintest.New(t, channels...)
}
