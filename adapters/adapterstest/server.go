package adapterstest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"tocsin/adapters"
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

// Picture returns a JPEG of the given size that is public on a server of its own.
func Picture(t testing.TB, width, height int) *adapters.Image {
	t.Helper()
	card := image.NewGray(image.Rect(0, 0, width, height))
	for i := range width * height {
		card.Set(i%width, i/width, color.Gray{Y: uint8(i / width)})
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, card, nil); err != nil {
		t.Fatal(err)
	}
	return Host(t, buf.Bytes())
}

// Host makes data public as an image, whatever it is.
func Host(t testing.TB, data []byte) *adapters.Image {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/card.jpg" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	sum := sha256.Sum256(data)
	return &adapters.Image{
		MediaType: "image/jpeg", Data: data, SHA256: hex.EncodeToString(sum[:]),
		Alt: "Allerta rossa: alluvione a Savona", URL: server.URL + "/card.jpg",
	}
}
