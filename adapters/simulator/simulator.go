// Package simulator is the platforms that Tocsin publishes on, in one process on
// this machine: Telegram, X, Facebook and Instagram, each on a listener of its own,
// with their timelines as pages, a truth that tests can read, and faults that can be
// switched while it runs. The demonstration, the crash tests and `tocsin simulate`
// stand on it.
//
// It keeps what was posted in memory and forgets it when it ends. It is no website
// channel, it calls no real platform, and its credentials open nothing but itself.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/adapters/adapterstest"
)

// The kinds of platform, as [tocsin/adapters.Channel.Kind] names them.
const (
	Telegram  = "telegram"
	X         = "x"
	Facebook  = "facebook"
	Instagram = "instagram"
)

// Kinds lists the platforms, in the order of the pages.
func Kinds() []string { return []string{Telegram, X, Facebook, Instagram} }

const (
	maxFaults = 1000      // writes that one call of Fail can spoil
	maxWait   = time.Hour // of a fault
)

// A Config says where the simulator listens and whose accounts it has. The zero
// Config is usable.
type Config struct {
	// Listen is the address of the control and of the timelines, "HOST:PORT"; ""
	// for "127.0.0.1:0". The platforms listen on the same host. Port 0 stands for
	// any that is free.
	Listen string
	// AllowRemote lets the simulator listen on, and fetch images from, addresses
	// that are not loopback. Whoever reaches it can publish in it and break it.
	AllowRemote bool
	// Ports are the ports of the platforms, so that a simulator can come up again
	// where it was; 0 for any that is free.
	Ports Ports
	// Names are the channels' names in what Accounts returns; "" for
	// "telegram-demo", "x-demo" and so on.
	Names Names
	// Title is the name of the office on all platforms; "" for "Protezione civile
	// (simulata)". It has at most 60 code points.
	Title string
	// Handle is the name of its accounts, without @: 5 to 15 letters, digits and
	// underscores, the first a letter; "" for "protcivile_demo".
	Handle string
	// Seed is what the credentials are made of: the same seed makes the same ones,
	// for ever, so that a configuration that was written once keeps working. They
	// open nothing but a simulator with this seed. "" for "tocsin".
	Seed string
	// Now is the platforms' clock; nil for time.Now.
	Now func() time.Time
	// Log receives what the simulator does; nil for nothing.
	Log *slog.Logger
	// InstagramReadyAfter is how long a container of Instagram is in preparation;
	// 0 for not at all.
	InstagramReadyAfter time.Duration
	// Lenient lets the platforms take a second time what they need not refuse: X a text
	// that the account has just posted, Instagram a container that is published.
	// Their contracts promise neither answer. The strict ones keep a sender that
	// sends twice from being seen; the lenient ones show two posts.
	Lenient bool
	// InstagramQuota is how many posts Instagram takes in 24 hours; 0 for 50.
	InstagramQuota int
	// InstagramContainers is how many containers Instagram makes in 24 hours; 0 for 400.
	InstagramContainers int
	// XPostsPerWindow is how many posts X takes in 15 minutes; 0 for 100.
	XPostsPerWindow int
	// ImageTransport makes the calls with which Instagram and Telegram fetch images, for
	// example to find a public name on this machine; nil for a transport that
	// reaches loopback addresses alone, unless AllowRemote is set.
	ImageTransport http.RoundTripper
}

// Ports are ports by platform, 0 for any that is free.
type Ports struct{ Telegram, X, Facebook, Instagram int }

// Names are names of channels by platform.
type Names struct{ Telegram, X, Facebook, Instagram string }

// A Simulator is the platforms, running. It is safe for concurrent use.
type Simulator struct {
	url      string
	accounts Accounts
	outlets  map[string]*outlet // by kind; not changed after Start
	record   *record
	album    *album
	site     *site
	control  *server
	log      *slog.Logger

	// release ends the watch on the context of Start.
	release func() bool
	once    sync.Once
}

// Start starts the simulator that c describes. It runs until Close is called or
// ctx ends. Its error names the setting that must be changed.
func Start(ctx context.Context, c Config) (*Simulator, error) {
	c, err := c.complete()
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	listen := func(address string) (net.Listener, error) {
		return new(net.ListenConfig).Listen(ctx, "tcp", address)
	}
	l, err := listen(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("simulator: listen on %s: %w", c.Listen, err)
	}
	s := &Simulator{
		url: baseURL(l.Addr().String()), outlets: map[string]*outlet{},
		record: newRecord(maxRequests), album: newAlbum(c.ImageTransport, c.AllowRemote), log: c.Log,
	}
	if s.site, err = newSite(s, c); err != nil {
		return nil, errors.Join(fmt.Errorf("simulator: %w", err), l.Close())
	}
	if err := s.plugAll(c, listen); err != nil {
		s.closeOutlets()
		return nil, errors.Join(fmt.Errorf("simulator: %w", err), l.Close())
	}
	s.accounts = c.accounts(func(kind string) string { return baseURL(s.outlets[kind].address) })
	s.control = serve(l, s.site.handler(), c.Log)
	s.release = context.AfterFunc(ctx, s.shutdown)
	c.Log.InfoContext(ctx, "simulator started", "url", s.url)
	return s, nil
}

// plugAll puts every platform on the network.
func (s *Simulator) plugAll(c Config, listen func(address string) (net.Listener, error)) error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return err
	}
	for _, kind := range Kinds() {
		platform := c.platform(kind, s.url, s.album.client())
		s.outlets[kind] = &outlet{
			kind: kind, platform: platform, listen: listen, log: c.Log,
			handler: s.record.around(kind, platform, c.Now, c.Log),
			address: net.JoinHostPort(host, fmt.Sprint(c.port(kind))),
		}
		if err := s.outlets[kind].plug(); err != nil {
			return fmt.Errorf("the simulated %s: %w", kind, err)
		}
	}
	return nil
}

// complete returns c with the defaults in place, or what is wrong in c.
func (c Config) complete() (Config, error) {
	setDefault(&c.Listen, "127.0.0.1:0")
	setDefault(&c.Title, "Protezione civile (simulata)")
	setDefault(&c.Handle, "protcivile_demo")
	setDefault(&c.Seed, "tocsin")
	setDefault(&c.Names.Telegram, "telegram-demo")
	setDefault(&c.Names.X, "x-demo")
	setDefault(&c.Names.Facebook, "facebook-demo")
	setDefault(&c.Names.Instagram, "instagram-demo")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, c.check()
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// URL returns the address of the control and of the timelines, without a slash at
// the end: the timeline of a platform is at URL()+"/"+kind.
func (s *Simulator) URL() string { return s.url }

// Accounts returns the configurations of channels that publish here.
func (s *Simulator) Accounts() Accounts { return s.accounts }

// Fail queues f for the coming posts on the platform of this kind.
// [adapterstest.Down] takes it off the network at once: its port refuses
// connections and those that are open are dropped, until Clear.
func (s *Simulator) Fail(kind string, f adapterstest.Fault) error {
	o, err := s.outlet(kind)
	switch {
	case err != nil:
		return err
	case !slices.Contains(adapterstest.FaultKinds(), f.Kind):
		return fmt.Errorf("simulator: fault %q: use one of %s", f.Kind, adapterstest.FaultNames())
	case f.Times < 0 || f.Times > maxFaults:
		return fmt.Errorf("simulator: fault %s for %d posts: use 0 to %d", f.Kind, f.Times, maxFaults)
	case f.Wait < 0 || f.Wait > maxWait:
		return fmt.Errorf("simulator: fault %s with a wait of %v: use 0 to %v", f.Kind, f.Wait, maxWait)
	case f.Kind == adapterstest.Down:
		o.unplug()
	default:
		o.platform.Fail(f)
	}
	s.log.Info("fault set", "kind", kind, "fault", string(f.Kind), "times", max(f.Times, 1))
	return nil
}

// Clear forgets the faults of the platform of this kind, and puts it on the network
// again, on the port that it had. What was posted on it is still there.
func (s *Simulator) Clear(kind string) error {
	o, err := s.outlet(kind)
	if err != nil {
		return err
	}
	o.platform.Clear()
	if err := o.plug(); err != nil {
		return fmt.Errorf("simulator: the simulated %s: %w", kind, err)
	}
	s.log.Info("faults cleared", "kind", kind)
	return nil
}

// HangUp drops every connection to the platform of this kind, and returns when no call
// is being served: what somebody asked who is gone was done by then, or never will be. Its
// faults stay, and so does what was posted.
func (s *Simulator) HangUp(kind string) error {
	o, err := s.outlet(kind)
	if err != nil {
		return err
	}
	if err := o.hangUp(); err != nil {
		return fmt.Errorf("simulator: the simulated %s: %w", kind, err)
	}
	return nil
}

// SetCondition puts the account on the platform of this kind into a condition, which holds until
// another one takes its place.
func (s *Simulator) SetCondition(kind string, c adapterstest.Condition) error {
	o, err := s.outlet(kind)
	if err != nil {
		return err
	}
	platform, ok := o.platform.(adapterstest.Conditioned)
	if !ok {
		return fmt.Errorf("simulator: the simulated %s: %w", kind, adapterstest.ErrNoCondition)
	}
	if err := platform.SetCondition(c); err != nil {
		return fmt.Errorf("simulator: condition %s of the simulated %s: %w", c, kind, err)
	}
	s.log.Info("condition set", "kind", kind, "condition", string(c))
	return nil
}

// Trouble has somebody else who has the account's password meddle with what stands on the
// platform of this kind.
func (s *Simulator) Trouble(kind string, t adapterstest.Trouble) error {
	o, err := s.outlet(kind)
	if err != nil {
		return err
	}
	platform, ok := o.platform.(adapterstest.Troubled)
	if !ok {
		return fmt.Errorf("simulator: the simulated %s: %w", kind, adapterstest.ErrNoTrouble)
	}
	if err := platform.Trouble(t); err != nil {
		return fmt.Errorf("simulator: trouble %s of the simulated %s: %w", t.Kind, kind, err)
	}
	s.log.Info("trouble made", "kind", kind, "trouble", string(t.Kind))
	return nil
}

// Live returns what is before the public on the platform of this kind, in order of
// publication.
func (s *Simulator) Live(kind string) ([]adapterstest.Live, error) {
	o, err := s.outlet(kind)
	if err != nil {
		return nil, err
	}
	return o.platform.Live(), nil
}

// Requests returns the requests that reached the platforms, in order of arrival:
// the newest 10,000.
func (s *Simulator) Requests() []Request { return s.record.after(0) }

func (s *Simulator) outlet(kind string) (*outlet, error) {
	o, ok := s.outlets[kind]
	if !ok {
		return nil, fmt.Errorf("simulator: there is no platform %.40q; there are %s", kind, strings.Join(Kinds(), ", "))
	}
	return o, nil
}

// Close takes everything off the network and waits until nothing of it runs. It may
// be called twice.
func (s *Simulator) Close() {
	s.release()
	s.shutdown()
}

func (s *Simulator) shutdown() {
	s.once.Do(func() {
		s.control.close()
		s.closeOutlets()
		s.log.Info("simulator stopped", "url", s.url)
	})
}

func (s *Simulator) closeOutlets() {
	for _, o := range s.outlets {
		o.close()
	}
	s.album.close()
}
