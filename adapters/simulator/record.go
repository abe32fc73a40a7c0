package simulator

// This file holds the record of what reached the platforms.

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxRequests is how many requests are remembered.
const maxRequests = 10_000

// A State says how far the answer to a request has come.
type State string

// The states of a request.
const (
	Open     State = "open"     // it arrived, and is not answered yet
	Answered State = "answered" // it was answered with Status
	Dropped  State = "dropped"  // the connection ended without an answer
)

// A Request is one request that reached a platform. It holds no query, no body and
// no header, and of its path only what cannot be a credential.
type Request struct {
	N      int64         `json:"n"` // counts from 1, in order of arrival over all platforms
	Kind   string        `json:"kind"`
	Method string        `json:"method"`
	Path   string        `json:"path"`
	At     time.Time     `json:"at"` // of its arrival, by the platforms' clock
	State  State         `json:"state"`
	Status int           `json:"status"`  // of HTTP; 0 unless it was answered
	Took   time.Duration `json:"took_ns"` // until the end; 0 while it is open
}

// A record remembers the newest requests. A request is entered when it arrives, so
// that one whose caller dies is seen, and gets its outcome in place; nothing else of
// it changes, and the order never does.
type record struct {
	// mu guards what follows.
	mu   sync.Mutex
	ring []Request // number n is at (n-1) modulo its capacity
	last int64
}

func newRecord(size int) *record { return &record{ring: make([]Request, 0, size)} }

// around returns platform with every request to it recorded.
func (rec *record) around(kind string, platform http.Handler, now func() time.Time, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		q := Request{Kind: kind, Method: knownMethod(r.Method), Path: redactPath(r.URL.Path), At: now().UTC(), State: Open}
		q.N = rec.arrive(q)
		seen := &seenStatus{ResponseWriter: w}
		q.State = Dropped // unless the platform returns: it drops by a panic
		defer func() {
			q.Took = time.Since(began)
			rec.end(q)
			log.DebugContext(r.Context(), "request", "kind", kind, "method", q.Method, "path", q.Path, "state", string(q.State), "status", q.Status)
		}()
		platform.ServeHTTP(seen, r)
		q.State, q.Status = Answered, max(seen.status, http.StatusOK)
	})
}

// arrive enters q and returns its number.
func (rec *record) arrive(q Request) int64 {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.last++
	q.N = rec.last
	if len(rec.ring) < cap(rec.ring) {
		rec.ring = append(rec.ring, q)
	} else {
		rec.ring[rec.slot(q.N)] = q
	}
	return q.N
}

// end gives the request its outcome, unless it is forgotten already.
func (rec *record) end(q Request) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if at := &rec.ring[rec.slot(q.N)]; at.N == q.N {
		*at = q
	}
}

// slot returns where number n is. The caller holds mu.
func (rec *record) slot(n int64) int { return int((n - 1) % int64(cap(rec.ring))) }

// after returns the requests with a number above n, in order of arrival.
func (rec *record) after(n int64) []Request {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	first := max(n, rec.last-int64(len(rec.ring)), 0)
	if first >= rec.last {
		return []Request{}
	}
	out := make([]Request, 0, rec.last-first)
	for i := first + 1; i <= rec.last; i++ {
		out = append(out, rec.ring[rec.slot(i)])
	}
	return out
}

// seenStatus remembers the status of an answer.
type seenStatus struct {
	http.ResponseWriter

	status int
}

// WriteHeader remembers status.
func (s *seenStatus) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] find what is below.
func (s *seenStatus) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// knownMethod returns method, or "OTHER" for one that HTTP does not define.
func knownMethod(method string) string {
	known := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
	}
	if slices.Contains(known, method) {
		return method
	}
	return "OTHER"
}

const (
	redacted    = "[redacted]"
	maxSegments = 8
	maxWord     = 40 // letters of a method's or an edge's name
	maxNumber   = 64 // digits of an identifier
)

// redactPath returns path with every part cut out that may be a credential: also one
// of a real platform, which somebody configured here by mistake. Words of letters,
// numbers and versions stay.
func redactPath(path string) string {
	segments := strings.SplitN(path, "/", maxSegments+1)
	if len(segments) > maxSegments {
		segments[maxSegments] = redacted
	}
	for i, s := range segments {
		switch {
		case harmless(s):
		case strings.HasPrefix(s, "bot") && strings.Contains(s, ":"): // Telegram's way
			segments[i] = "bot" + redacted
		default:
			segments[i] = redacted
		}
	}
	return strings.Join(segments, "/")
}

// harmless reports whether a part of a path is a word, a number or a version.
func harmless(s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	const digits = "0123456789_"
	version, isVersion := strings.CutPrefix(s, "v")
	return len(s) <= maxWord && strings.Trim(s, letters) == "" ||
		len(s) <= maxNumber && strings.Trim(s, digits) == "" ||
		isVersion && len(version) <= 8 && strings.Trim(version, "0123456789.") == ""
}
