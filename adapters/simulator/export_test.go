package simulator

import (
	"log/slog"
	"net/http"
	"time"

	"tocsin/adapters/adapterstest"
)

// These give the tests what no request over the network can reach quickly.

// RedactPath is redactPath.
func RedactPath(path string) string { return redactPath(path) }

// ParseFault is parseFault.
func ParseFault(body []byte) (string, adapterstest.Fault, error) { return parseFault(body) }

// Piece is a segment.
type Piece = segment

// Segments is segments.
func Segments(text string) []Piece { return segments(text) }

// Record is a record of at most size requests.
type Record struct{ rec *record }

// NewRecord returns an empty record.
func NewRecord(size int) Record { return Record{newRecord(size)} }

// Around is record.around.
func (r Record) Around(kind string, platform http.Handler) http.Handler {
	return r.rec.around(kind, platform, time.Now, slog.New(slog.DiscardHandler))
}

// After is record.after.
func (r Record) After(n int64) []Request { return r.rec.after(n) }
