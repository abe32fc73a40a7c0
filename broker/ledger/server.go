package ledger

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ServerOptions say how the embedded broker runs.
type ServerOptions struct {
	// Dir holds the streams. It must be on a local file system with working
	// fsync, such as ext4 or xfs.
	Dir string
	// Listen is the address for other programs, "127.0.0.1:4222"; "" for none:
	// then only this process reaches the broker. Port 0 takes a free one.
	Listen string
	// Users may connect at Listen; without one nobody does.
	Users []User
	// TLS is how the broker shows who it is; nil for without TLS, which is for loopback alone.
	TLS *tls.Config
	// Holder is the command that others are told has the folder; "" for the program's name.
	Holder string
	// Patience is how long to wait for a process that has the folder, such as the node
	// before this one, which is ending. 0 for not at all.
	Patience time.Duration
	// Known says that the folder had records, such as by a checkpoint: where it has none, what
	// is there stays as it is, and the broker begins beside it.
	Known bool
	// MaxBytes bounds the whole store; 0 for 16 GiB.
	MaxBytes int64
	// Log takes the broker's own messages; nil for none.
	Log *slog.Logger
}

// A Server is the embedded broker: a NATS server with JetStream, which syncs
// every write before it acknowledges it.
type Server struct {
	ns     *server.Server
	store  string // the folder that the broker works on
	gate   *gate
	lock   *os.File
	tls    bool         // others reach it with TLS
	held   bool         // the folder had records before
	damage *DamageError // of its files; nil for none
	// temporary is the folder that goes away with the broker; "" for none.
	temporary string
}

// StartServer opens the folder and starts the broker on it. One process at a
// time may work on a folder: a second one gets [ErrInUse].
func StartServer(ctx context.Context, o ServerOptions) (*Server, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("ledger folder: %w", err)
	}
	lock, err := LockFolder(ctx, o.Dir, o.Holder, o.Patience)
	if err != nil {
		return nil, err
	}
	held := holdsRecords(o.Dir)
	store, damage, err := soundStore(o.Dir, o.Known && !held)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	if damage != nil && o.Log != nil {
		o.Log.ErrorContext(ctx, "the files of the ledger are damaged: they stay as they are, and what can be read is read from a copy", "folder", o.Dir, "places", damage.Places)
	}
	o.Dir = store
	if err := dropReminders(store); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("ledger folder: %w", err)
	}
	g := newGate(o.Users)
	opts, err := serverOptions(o, g)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("broker: %w", err)
	}
	log := &serverLog{log: o.Log}
	if o.Log == nil {
		log.log = slog.New(slog.DiscardHandler)
	}
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	s := &Server{ns: ns, store: store, gate: g, tls: o.TLS != nil, lock: lock, held: held, damage: damage}
	if err = s.ready(ctx, log); err == nil {
		err = g.open(ns)
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("broker: %w", err)
	}
	return s, nil
}

// ready waits until the broker takes connections, or says why it never will.
func (s *Server) ready(ctx context.Context, log *serverLog) error {
	for !s.ns.ReadyForConnections(50 * time.Millisecond) {
		if why := log.fatal.Load(); why != nil {
			return errors.New(*why)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("it did not start in time: %w", err)
		}
	}
	if !s.ns.JetStreamEnabled() {
		return errors.New("it runs without its store: the folder can't be used")
	}
	return nil
}

// HasStore reports whether a folder holds the streams of an embedded broker.
func HasStore(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, storeFolder))
	return err == nil
}

func serverOptions(o ServerOptions, g *gate) (*server.Options, error) {
	opts := &server.Options{
		ServerName: "tocsin",
		JetStream:  true,
		StoreDir:   o.Dir,
		// Without this an acknowledged alert is lost with the power: the
		// default flushes every two minutes.
		SyncAlways:        true,
		JetStreamMaxStore: o.MaxBytes,
		DontListen:        o.Listen == "",
		NoSigs:            true,
		NoSystemAccount:   true,
		MaxPayload:        maxBlob + 64<<10,

		CustomClientAuthentication: g,
		AlwaysEnableNonce:          true,
	}
	if opts.JetStreamMaxStore == 0 {
		opts.JetStreamMaxStore = 16 << 30
	}
	if o.Listen == "" {
		return opts, nil
	}
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("broker: listen address %q: %w", o.Listen, err)
	}
	opts.Host = host
	if o.TLS != nil {
		opts.TLS, opts.TLSConfig, opts.TLSTimeout = true, o.TLS, tlsTimeout.Seconds()
	} else if !Loopback(o.Listen) {
		return nil, fmt.Errorf("broker: listen address %q: other machines reach it, and it has no certificate: nothing is served in the clear beyond this machine", o.Listen)
	}
	if opts.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("broker: listen address %q: the port is not a number", o.Listen)
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return opts, nil
}

// tlsTimeout bounds the exchange of certificates.
const tlsTimeout = 5 * time.Second

// Loopback reports whether an address to listen on, host:port, is reached by this machine alone.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Addr returns the address that other programs reach, "nats://127.0.0.1:4222", with TLS
// "tls://127.0.0.1:4222", or "" if there is none.
func (s *Server) Addr() string {
	a, ok := s.ns.Addr().(*net.TCPAddr)
	switch {
	case !ok || a == nil:
		return ""
	case s.tls:
		return "tls://" + a.String()
	}
	return "nats://" + a.String()
}

// Healthy returns nil, or why the broker can't take records: a write error on
// disk freezes a stream until the broker is started again.
func (s *Server) Healthy() error {
	if !s.ns.Running() {
		return errors.New("the broker is not running")
	}
	h := s.ns.Healthz(&server.HealthzOptions{})
	if h.Status != "ok" && s.ns.ReadyForConnections(time.Second) {
		// It gives itself a millisecond to say that it takes connections, which a busy
		// machine outlasts: that is no trouble of the disk.
		h = s.ns.Healthz(&server.HealthzOptions{})
	}
	if h.Status != "ok" {
		return fmt.Errorf("the broker says %s: %s", h.Status, h.Error)
	}
	return nil
}

// Stop ends the broker and lets go of the folder. Stopping twice is fine.
func (s *Server) Stop() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	_ = s.lock.Close()
	if s.temporary != "" {
		_ = os.RemoveAll(s.temporary)
	}
}

// serverLog hands the broker's messages to slog.
type serverLog struct {
	log   *slog.Logger
	fatal atomic.Pointer[string] // why the broker can't run
}

func (l *serverLog) say(level slog.Level, format string, v []any) {
	//nolint:sloglint // the broker has no context to hand on
	l.log.Log(context.Background(), level, "broker", "message", fmt.Sprintf(format, v...))
}

// Noticef is the broker's ordinary word: for whoever looks for it.
func (l *serverLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }

// Warnf is the broker's word on what may go wrong.
func (l *serverLog) Warnf(format string, v ...any) { l.say(slog.LevelWarn, format, v) }

// Errorf is the broker's word on what went wrong.
func (l *serverLog) Errorf(format string, v ...any) { l.say(slog.LevelError, format, v) }

// Fatalf is the broker's last word: it can't run.
func (l *serverLog) Fatalf(format string, v ...any) {
	why := fmt.Sprintf(format, v...)
	l.fatal.Store(&why)
	l.say(slog.LevelError, format, v)
}

// Debugf is for the broker's developers.
func (l *serverLog) Debugf(format string, v ...any) { l.say(slog.LevelDebug, format, v) }

// Tracef is for the broker's developers.
func (l *serverLog) Tracef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
