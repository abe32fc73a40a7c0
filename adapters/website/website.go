// Package website is the authority's own site, the first among the channels: the
// [Site] that the public reads, and the [Channel] that puts posts on it.
//
// The site shows signed texts byte for byte, with the facts of their messages
// around them, and answers whether an alert code is genuine. It holds no state of
// its own: it is filled again, when its process begins, by those who wrote to it.
// It checks no signature: whoever holds its token may write. It takes no post off
// again and changes none: a correction is another bulletin, and a revocation
// stands on the page beside what it revokes.
package website

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// A Config says which site a channel writes to, and where it looks at it.
type Config struct {
	// Name is the channel's name, for example "site-savona". Required.
	Name string
	// IngestURL is the address of the site's writers' side: scheme and host.
	// Required.
	IngestURL string
	// PublicURL is the address under which the public reads the site: scheme and
	// host. Required: what was published is looked for where the public looks.
	PublicURL string
	// Token is the credential for the writers' side. Required.
	Token string
	// Timeout bounds one call; 0 for 30 seconds.
	Timeout time.Duration
	// AllowPrivate lets the channel call loopback and private addresses: a site
	// that runs beside the broker.
	AllowPrivate bool
}

// A Channel publishes on one site. The site takes a post under its key once, so
// that a second attempt changes nothing.
type Channel struct {
	c    Config
	wire *wire.Client
}

var (
	_ adapters.Channel   = (*Channel)(nil)
	_ adapters.Finder    = (*Channel)(nil)
	_ adapters.Volatile  = (*Channel)(nil)
	_ adapters.ImageHost = (*Channel)(nil)
)

// New returns the channel that c describes. Its error names the field of c that
// must be set right.
func New(c Config) (*Channel, error) {
	if c.Name == "" || c.Token == "" {
		return nil, errors.New("website: the channel's name or its token is missing")
	}
	for _, field := range []struct {
		name  string
		value *string
	}{{"ingest", &c.IngestURL}, {"public", &c.PublicURL}} {
		base, err := baseURL(*field.value)
		if err != nil {
			return nil, fmt.Errorf("website: channel %s: %s address: %w", c.Name, field.name, err)
		}
		*field.value = base.String()
	}
	return &Channel{c: c, wire: wire.New(wire.Options{
		Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, Secrets: []string{c.Token},
	})}, nil
}

// Name returns the channel's name.
func (ch *Channel) Name() string { return ch.c.Name }

// Kind returns "website".
func (ch *Channel) Kind() string { return "website" }

// Limits returns the site's bounds. They are our own: the site has room, a
// reader on a congested network has not.
func (ch *Channel) Limits() adapters.Limits { return limits() }

// Publish puts p on the site.
func (ch *Channel) Publish(ctx context.Context, p adapters.Post, _ adapters.Attempt) (adapters.Receipt, error) {
	return ch.put(ctx, p, nil)
}

// Restore puts p on the site again under the receipt r, with the time at which it
// was first published.
func (ch *Channel) Restore(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	_, err := ch.put(ctx, p, url.Values{"at": {r.At.UTC().Format(time.RFC3339Nano)}})
	return err
}

func (ch *Channel) put(ctx context.Context, p adapters.Post, query url.Values) (adapters.Receipt, error) {
	if err := checkPost(p); err != nil {
		return adapters.Receipt{}, adapters.Fail(adapters.Permanent, "website: %w", err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return adapters.Receipt{}, adapters.Fail(adapters.Permanent, "website: the post has no form in JSON: %w", err)
	}
	answer, err := ch.send(ctx, postPath(p.Key), query, "application/json", body)
	if err != nil {
		return adapters.Receipt{}, err
	}
	var a taken
	if err := json.Unmarshal(answer.Body, &a); err != nil || a.Key != p.Key || !isWebLink(a.URL) || a.At.IsZero() {
		return adapters.Receipt{}, ch.wire.Unreadable(answer, err)
	}
	return adapters.Receipt{ID: string(a.Key), URL: a.URL, At: a.At, Evidence: ch.wire.Evidence(answer.Body)}, nil
}

// Host makes image public at image.URL, which must be the address that the site
// gives it, until the moment given.
func (ch *Channel) Host(ctx context.Context, image adapters.Image, until time.Time) error {
	m, err := readMedia(image.MediaType, image.SHA256, image.Data)
	if err != nil {
		return adapters.Fail(adapters.Permanent, "website: %w", err)
	}
	if want := ch.c.PublicURL + m.path; image.URL != "" && image.URL != want {
		return otherHost(image.URL, want)
	}
	query := url.Values{"until": {until.UTC().Format(time.RFC3339Nano)}}
	answer, err := ch.send(ctx, "/media/"+m.sha256, query, m.kind, m.data)
	if err != nil {
		return err
	}
	var a struct {
		SHA256 string `json:"sha256"`
	}
	if err := json.Unmarshal(answer.Body, &a); err != nil || a.SHA256 != m.sha256 {
		return ch.wire.Unreadable(answer, err)
	}
	return nil
}

// send makes one PUT on the writers' side.
func (ch *Channel) send(ctx context.Context, path string, query url.Values, kind string, body []byte) (wire.Answer, error) {
	address := ch.c.IngestURL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.Permanent, "website: the key has no form in an address")
	}
	req.Header.Set("Authorization", "Bearer "+ch.c.Token)
	req.Header.Set("Content-Type", kind)
	answer, err := ch.wire.Do(ctx, req)
	if err != nil {
		return wire.Answer{}, fmt.Errorf("website: %w", err)
	}
	if err := ch.classify(answer); err != nil {
		return wire.Answer{}, err
	}
	return answer, nil
}

// classify returns the failure that an answer of the writers' side means, or nil.
func (ch *Channel) classify(a wire.Answer) error {
	f := &adapters.Failure{Code: strconv.Itoa(a.Status), After: wire.RetryAfter(a.Header, time.Now())}
	switch a.Status {
	case http.StatusOK, http.StatusCreated:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		f.Kind = adapters.Auth
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		f.Kind = adapters.NotSent
		f.Err = errors.New("website: the ingest address leads elsewhere: set it to the site's writers' side itself")
		return f
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		f.Kind = adapters.Auth // the address is wrong: for a person to set right
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		f.Kind = adapters.Permanent
	case http.StatusTooManyRequests:
		f.Kind = adapters.NotSent
	case http.StatusInsufficientStorage, http.StatusPaymentRequired:
		f.Kind = adapters.Quota
	default:
		return ch.wire.Unreadable(a, nil)
	}
	f.Err = fmt.Errorf("website: the site answered %d: %s", a.Status, ch.reason(a.Body))
	return f
}

// reason returns the site's own words for a refusal, else the answer's beginning.
func (ch *Channel) reason(body []byte) string {
	var a struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &a) == nil && a.Error != "" {
		body = []byte(a.Error)
	}
	return ch.wire.Excerpt(body)
}

// ReadBack looks at the alert's page as the public sees it, past every cache, and
// compares. An image must be the signed one, and stand under its description.
func (ch *Channel) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	u, err := url.Parse(r.URL)
	if err != nil || !strings.HasPrefix(u.Path, alertPath("")) {
		return adapters.Fail(adapters.Permanent, "website: the receipt names no page of the site")
	}
	page, _, err := ch.look(ctx, u.EscapedPath(), r.ID)
	if err != nil {
		return err
	}
	if page.text != p.Text {
		return &adapters.AlteredError{Shown: ch.wire.Redact(page.text), Want: p.Text}
	}
	if p.Image == nil {
		return nil
	}
	return ch.readBackImage(ctx, p.Image, page.images)
}

func (ch *Channel) readBackImage(ctx context.Context, want *adapters.Image, shown []picture) error {
	path := mediaPath(want.MediaType, want.SHA256)
	for _, got := range shown {
		if got.path != path {
			continue
		}
		if got.alt != want.Alt {
			return &adapters.AlteredError{Shown: ch.wire.Redact(got.alt), Want: want.Alt}
		}
		return ch.readImage(ctx, path, want)
	}
	return fmt.Errorf("website: the page shows the text without its image: %w", adapters.ErrNotPublished)
}

// readImage returns nil if the site shows the image's bytes at path. Of an image
// that is over what one answer may hold, it looks at the length alone.
func (ch *Channel) readImage(ctx context.Context, path string, want *adapters.Image) error {
	method, size := http.MethodGet, int64(len(want.Data))
	if size > maxAnswer {
		method = http.MethodHead
	}
	answer, err := ch.get(ctx, method, path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(answer.Body)
	switch {
	case answer.Status == http.StatusOK && method == http.MethodGet && hex.EncodeToString(sum[:]) == want.SHA256:
		return nil
	case answer.Status == http.StatusOK && method == http.MethodHead && answer.Header.Get("Content-Length") == strconv.FormatInt(size, 10):
		return nil
	case answer.Status == http.StatusOK || answer.Status == http.StatusNotFound:
		return fmt.Errorf("website: the image: %w", adapters.ErrNotPublished)
	default:
		return ch.wire.Unreadable(answer, nil)
	}
}

// maxAnswer is the largest answer that the wire reads, in bytes.
const maxAnswer = 1 << 20

// Find looks for p on its alert's page as the public sees it, past every cache.
func (ch *Channel) Find(ctx context.Context, p adapters.Post, _ adapters.Attempt) (adapters.Receipt, error) {
	page, answer, err := ch.look(ctx, alertPath(url.PathEscape(p.Notice.Code)), string(p.Key))
	if err != nil {
		return adapters.Receipt{}, err
	}
	if page.at.IsZero() || !isWebLink(page.url) {
		return adapters.Receipt{}, ch.wire.Unreadable(answer, errors.New("it does not say when the post was taken, or at which address"))
	}
	evidence, err := json.Marshal(taken{Key: p.Key, URL: page.url, At: page.at})
	if err != nil {
		return adapters.Receipt{}, ch.wire.Unreadable(answer, err)
	}
	return adapters.Receipt{ID: string(p.Key), URL: page.url, At: page.at, Evidence: ch.wire.Evidence(evidence)}, nil
}

// look reads the post with this key off a public page. It returns ErrNotPublished
// only where the site itself shows a page without it, or says that there is none.
func (ch *Channel) look(ctx context.Context, path, key string) (shown, wire.Answer, error) {
	// A cache on the way has never seen this address.
	answer, err := ch.get(ctx, http.MethodGet, path+"?fresh="+rand.Text())
	if err != nil {
		return shown{}, wire.Answer{}, err
	}
	if answer.Status == http.StatusTooManyRequests {
		return shown{}, wire.Answer{}, &adapters.Failure{
			Kind: adapters.NotSent, Code: "429", After: wire.RetryAfter(answer.Header, time.Now()),
			Err: errors.New("website: too many requests on the public address"),
		}
	}
	if answer.Status != http.StatusOK && answer.Status != http.StatusNotFound {
		return shown{}, wire.Answer{}, ch.wire.Unreadable(answer, nil)
	}
	page, err := readPage(answer.Body, key)
	if err != nil {
		return shown{}, wire.Answer{}, ch.wire.Unreadable(answer, err)
	}
	if !page.found {
		return shown{}, wire.Answer{}, adapters.ErrNotPublished
	}
	return page, answer, nil
}

// get makes one GET or HEAD on the readers' side, without the token.
func (ch *Channel) get(ctx context.Context, method, path string) (wire.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, ch.c.PublicURL+path, nil)
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.Permanent, "website: the page has no form in an address")
	}
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Accept-Encoding", "identity") // the site need not compress what only this channel reads
	answer, err := ch.wire.Do(ctx, req)
	if err != nil {
		return wire.Answer{}, fmt.Errorf("website: %w", err)
	}
	return answer, nil
}
