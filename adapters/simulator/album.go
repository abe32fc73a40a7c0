package simulator

// This file holds the pictures: Instagram and Telegram fetch an image once, and what they fetched
// is what their timelines show. X and Facebook are handed theirs.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
)

const (
	maxImage = 8 << 20  // bytes of one image, as Instagram takes them
	maxAlbum = 64 << 20 // bytes of all images that are kept
)

// An album is a transport that keeps a copy of what is fetched through it, the
// newest 64 MiB.
type album struct {
	next http.RoundTripper
	own  *http.Transport // next, where it is not the caller's; else nil

	// mu guards what follows.
	mu     sync.Mutex
	images map[string][]byte // by SHA-256 in lower-case hexadecimal
	order  []string          // the oldest first
	size   int               // bytes
}

// newAlbum returns an empty album that fetches through next, or, where that is nil,
// from loopback addresses alone unless remote is set.
func newAlbum(next http.RoundTripper, remote bool) *album {
	a := &album{next: next, images: map[string][]byte{}}
	if next == nil {
		dialer := &net.Dialer{}
		if !remote {
			dialer.Control = refuseRemote
		}
		a.own = &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2}
		a.next = a.own
	}
	return a
}

// refuseRemote is a net.Dialer Control: it sees the address after the name was
// resolved.
func refuseRemote(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !ap.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("the simulator fetches images from loopback addresses alone, and %s is not one", address)
	}
	return nil
}

func (a *album) client() *http.Client {
	return &http.Client{Transport: a, Timeout: imageTimeout}
}

// RoundTrip fetches, and keeps what it gets.
func (a *album) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	// One byte more than an image may have, so that whoever asked sees that it is
	// too large.
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxImage+1))
	_ = resp.Body.Close() // what was read is all that is wanted
	if err != nil {
		return nil, fmt.Errorf("read the image: %w", err)
	}
	if len(data) <= maxImage {
		a.keep(data)
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp, nil
}

func (a *album) keep(data []byte) {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.images[name]; ok {
		return
	}
	a.images[name] = data
	a.order = append(a.order, name)
	a.size += len(data)
	for a.size > maxAlbum {
		a.size -= len(a.images[a.order[0]])
		delete(a.images, a.order[0])
		a.order = a.order[1:]
	}
}

// image returns the bytes of the image with this SHA-256, nil if they are not kept.
// The caller does not change them.
func (a *album) image(name string) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.images[name]
}

// picture returns the bytes of an image on the platform of this kind, nil if they are not kept.
func (s *Simulator) picture(kind, sha256 string) []byte {
	if o, ok := s.outlets[kind].platform.(interface{ Image(sha256 string) []byte }); ok {
		return o.Image(sha256)
	}
	return s.album.image(sha256)
}

// close drops the idle connections.
func (a *album) close() {
	if a.own != nil {
		a.own.CloseIdleConnections()
	}
}
