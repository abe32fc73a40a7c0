package website

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const htmlType = "text/html; charset=utf-8"

// A document is one answer of the site: rendered once, when it is first asked for,
// compressed once, when a reader first takes it so, and the same ever after.
type document struct {
	kind    string    // Content-Type
	at      time.Time // Last-Modified; zero for documents that change within a second
	open    bool      // scripts of other sites may read it
	forever bool      // its address names its content

	render sync.Once
	make   func() ([]byte, error) // nil once it has been called
	plain  []byte
	tag    string
	err    error

	compress sync.Once
	packed   []byte // gzip
	packErr  error
}

// rendered returns a document that make renders when it is first asked for.
func rendered(kind string, make func() ([]byte, error)) *document {
	return &document{kind: kind, make: make}
}

// fixed returns a document that holds data, which other sites' scripts may read.
func fixed(kind string, data []byte, at time.Time) *document {
	return &document{kind: kind, at: at, open: true, plain: data}
}

// holds reports whether a fixed document has these bytes.
func (d *document) holds(data []byte) bool { return bytes.Equal(d.plain, data) }

// ready renders the document if nobody has yet.
func (d *document) ready() error {
	d.render.Do(func() {
		if d.make != nil {
			d.plain, d.err = d.make()
			d.make = nil // lets go of the snapshot that it was rendered from
		}
		sum := sha256.Sum256(d.plain)
		d.tag = hex.EncodeToString(sum[:12])
	})
	return d.err
}

// packable reports whether the document shrinks when it is compressed.
func (d *document) packable() bool {
	return d.kind != "image/jpeg" && d.kind != "image/png"
}

// A packer compresses documents. Its writers are large, and kept for the next one.
type packer struct{ writers sync.Pool }

func (p *packer) pack(d *document) ([]byte, error) {
	d.compress.Do(func() {
		var b bytes.Buffer
		z, ok := p.writers.Get().(*gzip.Writer)
		if !ok {
			z = gzip.NewWriter(io.Discard)
		}
		defer p.writers.Put(z)
		z.Reset(&b)
		if _, err := z.Write(d.plain); err != nil {
			d.packErr = fmt.Errorf("compress: %w", err)
		} else if err := z.Close(); err != nil {
			d.packErr = fmt.Errorf("compress: %w", err)
		}
		d.packed = b.Bytes()
	})
	return d.packed, d.packErr
}

// serve answers r with the document under status.
func (d *document) serve(w http.ResponseWriter, r *http.Request, status int, p *packer) error {
	if err := d.ready(); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", d.kind)
	h.Set("Cache-Control", "public, max-age=30, must-revalidate")
	if d.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if d.open {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	if !d.at.IsZero() {
		h.Set("Last-Modified", d.at.UTC().Format(http.TimeFormat))
	}
	body, tag := d.plain, `"`+d.tag+`"`
	if d.packable() {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header) {
			packed, err := p.pack(d)
			if err != nil {
				return err
			}
			h.Set("Content-Encoding", "gzip")
			body, tag = packed, `"`+d.tag+`-gz"`
		}
	}
	h.Set("ETag", tag)
	if status == http.StatusOK && unchanged(r.Header, d.tag, d.at) {
		h.Del("Content-Type")
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a reader that hung up needs no answer
	}
	return nil
}

// takesGzip reports whether the reader takes gzip (RFC 9110, section 12.5.3).
func takesGzip(h http.Header) bool {
	for _, line := range h.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			q, found := strings.CutPrefix(strings.TrimSpace(params), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !found || (err == nil && weight > 0)
		}
	}
	return false
}

// unchanged reports whether the reader has the document with this tag already, in
// either encoding (RFC 9110, sections 13.1.2 and 13.1.3).
func unchanged(h http.Header, tag string, at time.Time) bool {
	if lines := h.Values("If-None-Match"); len(lines) > 0 {
		for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
			part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
			if part == "*" || part == `"`+tag+`"` || part == `"`+tag+`-gz"` {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(h.Get("If-Modified-Since"))
	return err == nil && !at.IsZero() && !at.Truncate(time.Second).After(since)
}
