package simulator

// This file holds what is on the network: listeners, their connections, and a
// platform that can be taken off and put on again.

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"tocsin/adapters/adapterstest"
)

const (
	maxHeader     = 32 << 10 // bytes of a request's head
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// A server serves one listener, and knows when the last of its connections is gone.
//
// It has no bound on the time of a request: a fault may hold a call until its caller
// gives up.
type server struct {
	http    http.Server
	serving sync.WaitGroup // the loop that accepts connections
	conns   sync.WaitGroup // each connection, from its acceptance on

	mu   sync.Mutex
	open map[net.Conn]chan struct{} // each connection, with what is closed when it is gone
}

// serve serves h on l until close is called.
func serve(l net.Listener, h http.Handler, log *slog.Logger) *server {
	s := &server{open: map[net.Conn]chan struct{}{}}
	s.http = http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ConnState: func(conn net.Conn, state http.ConnState) {
			s.mu.Lock()
			defer s.mu.Unlock()
			switch state {
			case http.StateNew:
				s.conns.Add(1)
				s.open[conn] = make(chan struct{})
			case http.StateClosed, http.StateHijacked:
				s.conns.Done()
				close(s.open[conn])
				delete(s.open, conn)
			default:
			}
		},
	}
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("listener failed", "address", l.Addr().String(), "error", err)
		}
	})
	return s
}

// hangUp drops every connection that there is, and waits until none of their calls is being
// served. The listener stays: nobody else can take its port meanwhile.
func (s *server) hangUp() {
	s.mu.Lock()
	dropped := maps.Clone(s.open)
	s.mu.Unlock()
	for conn := range dropped {
		_ = conn.Close() // it may be gone already
	}
	for _, gone := range dropped {
		<-gone
	}
}

// close closes the listener, drops every connection, and waits until no call is
// being served.
func (s *server) close() {
	_ = s.http.Close() // an error of the listener leaves it closed all the same
	s.serving.Wait()
	// A connection that was just being accepted was not yet known to the first Close.
	_ = s.http.Close()
	s.conns.Wait()
}

// An outlet is one platform and its place on the network.
type outlet struct {
	kind     string
	platform adapterstest.Platform
	handler  http.Handler
	listen   func(address string) (net.Listener, error)
	log      *slog.Logger

	// mu guards what follows. It is held while the platform is put on the network
	// or taken off.
	mu       sync.Mutex
	address  string    // HOST:PORT; the same for ever after the first plug
	server   *server   // nil while the platform is off
	reserved io.Closer // keeps the port while the platform is off; nil if it is not kept
	closed   bool
}

// plug puts the platform on the network, unless it is there.
func (o *outlet) plug() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return errors.New("the simulator is closed")
	case o.server != nil:
		return nil
	}
	l, err := o.listen(o.address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", o.address, err)
	}
	o.free()
	o.address = l.Addr().String()
	o.server = serve(l, o.handler, o.log)
	return nil
}

// hangUp drops every connection to the platform, if it is on the network, also those that wait to
// be accepted: they come before one of its own, which it makes last.
func (o *outlet) hangUp() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.server == nil {
		return nil
	}
	dialer := net.Dialer{Timeout: headerTimeout}
	last, err := dialer.Dial("tcp", o.address)
	if err != nil {
		return fmt.Errorf("call %s: %w", o.address, err)
	}
	defer last.Close()
	for {
		o.server.hangUp()
		_ = last.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := last.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
	}
}

// unplug takes the platform off the network, if it is there.
func (o *outlet) unplug() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.server == nil {
		return
	}
	o.server.close()
	o.server = nil
	reserved, err := reserve(o.address)
	if err != nil {
		// Another process may take the port before it is opened again: that shows then.
		o.log.Warn("port not kept", "kind", o.kind, "error", err)
		return
	}
	o.reserved = reserved
}

// free gives up the port that was kept. The caller holds mu.
func (o *outlet) free() {
	if o.reserved != nil {
		_ = o.reserved.Close() // a socket without a connection has nothing to lose
		o.reserved = nil
	}
}

// off reports whether the platform is off the network.
func (o *outlet) off() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.server == nil
}

// close takes the platform off the network for ever.
func (o *outlet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.free()
	if o.server != nil {
		o.server.close()
		o.server = nil
	}
}
