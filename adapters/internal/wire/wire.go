// Package wire makes one HTTP call for a channel: bounded, redacted, never
// redirected, never repeated, and with one honest answer to the question whether
// the request may have reached the platform. It notes by the way how far this
// machine's clock is from the platform's.
//
// It does not know what a platform's answers mean: that is each channel's own.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"tocsin/adapters"
)

const (
	// maxAnswer bounds what is read of an answer where nothing else was said: a platform
	// is not trusted to stop.
	maxAnswer = 1 << 20
	// maxEvidence bounds what is kept of an answer in a receipt.
	maxEvidence = 4 << 10
	// defaultTimeout bounds a call that has no timeout of its own.
	defaultTimeout = 30 * time.Second
)

// Options say how a [Client] calls. The zero value is usable.
type Options struct {
	// Timeout bounds one call, from the dial to the last byte of the answer;
	// 0 for 30 seconds.
	Timeout time.Duration
	// AllowPrivate lets the client call loopback, private and link-local
	// addresses: for the simulator and for servers of one's own.
	AllowPrivate bool
	// MaxAnswer bounds what is read of an answer, unpacked, in bytes; 0 for 1 MiB.
	MaxAnswer int
	// Secrets are cut out of every error and every piece of evidence, as they
	// stand and as they look in an address.
	Secrets []string
}

// A Client makes calls to one platform. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	timeout time.Duration
	most    int // bytes of an answer
	redact  *strings.Replacer
	offset  atomic.Pointer[time.Duration] // see ClockOffset; nil before an answer said
}

// New returns a client with a connection pool of its own, so that a platform
// that hangs takes nobody else's connections.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = maxAnswer
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	if !o.AllowPrivate {
		dialer.Control = refusePrivate
	}
	var pairs []string
	for _, s := range o.Secrets {
		if s == "" {
			continue
		}
		pairs = append(pairs, s, "[redacted]")
		for _, escaped := range []string{url.PathEscape(s), url.QueryEscape(s)} {
			if escaped != s {
				pairs = append(pairs, escaped, "[redacted]")
			}
		}
	}
	return &Client{
		timeout: o.Timeout,
		most:    o.MaxAnswer,
		redact:  strings.NewReplacer(pairs...),
		http: &http.Client{
			Transport: &http.Transport{
				DialContext:           dialer.DialContext,
				MaxIdleConnsPerHost:   8,
				MaxConnsPerHost:       32,
				IdleConnTimeout:       90 * time.Second,
				TLSHandshakeTimeout:   10 * time.Second,
				ResponseHeaderTimeout: o.Timeout,
				ForceAttemptHTTP2:     true,
			},
			// A redirected POST is a POST to an address that nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close drops the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// An Answer is what a platform answered, whatever its status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most Options.MaxAnswer bytes, not redacted
	// Until is when the certificate ends that the other side showed, or the first one of those
	// that vouch for it; zero without TLS.
	Until time.Time
}

// Do sends req once and returns the whole answer. An error is a
// [adapters.Failure] without secrets: NotSent where no byte of the request can
// have reached the platform, else Unknown.
func (c *Client) Do(ctx context.Context, req *http.Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// The provider comes from the caller's span, so that nothing global is needed.
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer("tocsin/adapters")
	ctx, span := tracer.Start(ctx, "HTTP "+req.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", req.Method),
		attribute.String("server.address", req.URL.Host)))
	defer span.End()

	answer, err := c.do(ctx, req)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		return Answer{}, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", answer.Status))
	return answer, nil
}

func (c *Client) do(ctx context.Context, req *http.Request) (Answer, error) {
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	})
	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		err = c.clean(err)
		// Once the headers are out the platform may have taken the post,
		// whatever became of its answer.
		if sent.Load() {
			return Answer{}, adapters.Fail(adapters.Unknown, "no answer: %w", err)
		}
		return Answer{}, adapters.Fail(adapters.NotSent, "not reached: %w", err)
	}
	defer resp.Body.Close()
	c.noteClock(resp.Header, time.Now())
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(c.most)+1))
	if err != nil {
		return Answer{}, adapters.Fail(adapters.Unknown, "the answer (%s) was cut short: %w", resp.Status, c.clean(err))
	}
	if len(body) > c.most {
		return Answer{}, adapters.Fail(adapters.Unknown, "the answer (%s) is over %d bytes", resp.Status, c.most)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Until: certified(resp.TLS)}, nil
}

// certified returns when the first of the certificates ends by which the other side was known;
// zero where it showed none.
func certified(state *tls.ConnectionState) (until time.Time) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return until
	}
	for _, c := range state.VerifiedChains[0] {
		if until.IsZero() || c.NotAfter.Before(until) {
			until = c.NotAfter
		}
	}
	return until
}

// noteClock compares the clock, which showed now when the answer began to arrive,
// with the answer's Date. What a cache kept (it has an Age) tells of another time.
func (c *Client) noteClock(h http.Header, now time.Time) {
	if date, ok := Date(h); ok && h.Get("Age") == "" {
		offset := now.Sub(date)
		c.offset.Store(&offset)
	}
}

// ClockOffset returns by how much this machine's clock is ahead of the platform's
// (negative: behind), as the latest answer showed it; false before the first one.
// A Date has whole seconds, and the answer's way is in it: it is good to about a
// second.
func (c *Client) ClockOffset() (offset time.Duration, known bool) {
	if d := c.offset.Load(); d != nil {
		return *d, true
	}
	return 0, false
}

// Date returns the platform's time, as it says it in an answer's Date (RFC 9110,
// section 6.6.1); X writes the zone as "UTC", which http.ParseTime does not take.
func Date(h http.Header) (time.Time, bool) {
	t, err := time.Parse(time.RFC1123, h.Get("Date"))
	return t, err == nil
}

// clean strips what may quote a credential: the address in a url.Error, and
// every secret that is left in the text.
func (c *Client) clean(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if text := err.Error(); c.redact.Replace(text) != text {
		return errors.New(c.redact.Replace(text))
	}
	return err
}

// Redact cuts the client's secrets out of s.
func (c *Client) Redact(s string) string { return c.redact.Replace(s) }

// Evidence returns what a receipt keeps of an answer's body: without secrets, at
// most 4 KiB.
func (c *Client) Evidence(body []byte) []byte {
	s := c.redact.Replace(string(body))
	if len(s) > maxEvidence {
		s = strings.ToValidUTF8(s[:maxEvidence], "")
	}
	return []byte(s)
}

// Excerpt returns the beginning of an answer's body for an error message: one
// line, without secrets, at most 200 bytes.
func (c *Client) Excerpt(body []byte) string {
	s := strings.Join(strings.Fields(c.redact.Replace(strings.ToValidUTF8(string(body), "?"))), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// Unreadable returns the failure for an answer that is not of the platform's
// form: something took the request, and did not say what it did. A front end that
// answers in the platform's place may say how long to wait.
func (c *Client) Unreadable(a Answer, err error) *adapters.Failure {
	f := adapters.Fail(adapters.Unknown, "the answer (status %d) is not the platform's: %q", a.Status, c.Excerpt(a.Body))
	if err != nil {
		f.Err = fmt.Errorf("%w: %w", f.Err, c.clean(err))
	}
	f.Code, f.After = strconv.Itoa(a.Status), RetryAfter(a.Header, time.Now())
	return f
}

// RetryAfter reads the Retry-After header, in seconds or as a date (RFC 9110,
// section 10.2.3), at most 24 hours; 0 if there is none. A date is by the platform's
// clock, and counts from the platform's own time, where the answer tells it.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	var d time.Duration
	if n, err := strconv.Atoi(v); err == nil {
		d = time.Duration(min(n, 86400)) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		if date, ok := Date(h); ok {
			now = date
		}
		d = at.Sub(now)
	}
	return min(max(d, 0), 24*time.Hour)
}

// Unsent returns the failure of a step that publishes nothing: where it is in
// doubt what became of the step, nothing is public all the same.
func Unsent(err error) error {
	f, ok := errors.AsType[*adapters.Failure](err)
	if !ok || f.Kind != adapters.Unknown {
		return err
	}
	certain := *f
	certain.Kind = adapters.NotSent
	return &certain
}

// ErrPrivate is the cause when an address leads into a private network and that is not
// allowed.
var ErrPrivate = errors.New("the address is private, and this channel is not allowed to call private addresses (allow_private)")

// refusePrivate is a net.Dialer Control: it sees the address after the name was
// resolved, so that a name can't hide where it leads.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	ip := embedded(ap.Addr().Unmap())
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || sharedAddressSpace.Contains(ip) {
		return ErrPrivate
	}
	return nil
}

// embedded returns the IPv4 address that a translator would call for an IPv6 address
// that holds one: NAT64 (RFC 6052) and 6to4 (RFC 3056).
func embedded(ip netip.Addr) netip.Addr {
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

var nat64, sixToFour = netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16")

// sharedAddressSpace is RFC 6598: carrier-grade NAT, not public.
var sharedAddressSpace = netip.MustParsePrefix("100.64.0.0/10")
