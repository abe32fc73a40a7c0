package adapterstest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A Server puts a fake platform on the network, on a loopback port of its own,
// and stands between it and the channel: it counts the calls, and the kit lets
// it answer in the platform's place.
type Server struct {
	URL string // "http://127.0.0.1:PORT", without a slash at the end

	server   *httptest.Server
	platform http.Handler

	// mu guards calls and between.
	mu      sync.Mutex
	calls   int
	between func(w http.ResponseWriter, r *http.Request, platform http.Handler)
}

// Serve puts platform on the network until the test ends.
func Serve(t testing.TB, platform http.Handler) *Server {
	t.Helper()
	s := &Server{platform: platform}
	s.server = httptest.NewServer(s)
	s.URL = s.server.URL
	t.Cleanup(s.Unplug)
	return s
}

// ServeHTTP counts the call and hands it on.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	between := s.between
	s.mu.Unlock()
	if between != nil {
		between(w, r, s.platform)
		return
	}
	s.platform.ServeHTTP(w, r)
}

// Unplug takes the platform off the network: from then on connections are
// refused. Unplugging twice is harmless.
func (s *Server) Unplug() { s.server.Close() }

// Calls returns how many requests have arrived.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Between lets f serve every coming call instead of the platform, which it may
// call itself; nil ends that.
func (s *Server) Between(f func(w http.ResponseWriter, r *http.Request, platform http.Handler)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.between = f
}
