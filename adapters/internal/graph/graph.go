// Package graph calls Meta's Graph API for the two channels that are published
// through it, Facebook Pages and Instagram: credentials, paging, and what the
// error envelope means for a post that may or may not be public.
//
// It knows no kind of post, never retries, and never looks at an HTTP status to
// decide what happened: Meta answers 400 and 500 to refused and to published
// posts alike. See developers.facebook.com/docs/graph-api.
package graph

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

const (
	// DefaultBaseURL is where the Graph API is, for Pages and for Instagram
	// accounts that are reached through a Facebook login.
	DefaultBaseURL = "https://graph.facebook.com"

	// defaultVersion is the version that is called unless another is
	// configured. Meta keeps it until 2028-07-29.
	defaultVersion = "v25.0"
)

// Config says where and as whom to call.
type Config struct {
	BaseURL string // scheme and host, and perhaps a path; "" for DefaultBaseURL; http only with AllowPrivate
	Version string // "v25.0"; "" for that
	Token   string // access token of the page, or of a system user
	// AppSecret is the secret of the app that the token belongs to: it proves
	// on each call that the token was not stolen.
	AppSecret string
	// AppID is the number of that app, to ask what the platform knows of the token; "" where
	// nobody asks.
	AppID        string
	Timeout      time.Duration // bounds one call; 0 for 30 seconds
	AllowPrivate bool          // lets the client call loopback and private addresses
}

// A Client calls the Graph API with one credential. It is safe for concurrent use.
type Client struct {
	wire           *wire.Client
	base           *url.URL // with the version
	version        string
	token          string
	proof          string
	allowances     adapters.Allowances
	app, appSecret string
}

// New returns the client that c describes, or an error that names the field of c
// that is wrong, and never its value where that is a secret.
func New(c Config) (*Client, error) {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Version == "" {
		c.Version = defaultVersion
	}
	base, err := baseURL(c)
	switch {
	case err != nil:
		return nil, err
	case !isVersion(c.Version):
		return nil, fmt.Errorf("version %q: write it as %q", c.Version, defaultVersion)
	case !isSecret(c.Token):
		return nil, errors.New("token: it is empty, or has a character that no access token has")
	case !isSecret(c.AppSecret):
		return nil, errors.New("app_secret: it is empty, or has a character that no app secret has")
	case c.AppID != "" && !IsNumber(c.AppID):
		return nil, fmt.Errorf("app_id %.40q: write the app's number in digits", c.AppID)
	case c.Timeout < 0:
		return nil, fmt.Errorf("timeout %v: it must not be negative", c.Timeout)
	}
	proof := Proof(c.Token, c.AppSecret)
	return &Client{
		wire: wire.New(wire.Options{
			Timeout:      c.Timeout,
			AllowPrivate: c.AllowPrivate,
			Secrets:      []string{c.Token, c.AppSecret, proof, Proof(c.AppID+"|"+c.AppSecret, c.AppSecret)},
		}),
		base: base.JoinPath(c.Version), version: c.Version,
		token: c.Token, proof: proof, app: c.AppID, appSecret: c.AppSecret,
	}, nil
}

func baseURL(c Config) (*url.URL, error) {
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("base_url: write scheme and host, such as " + DefaultBaseURL)
	case u.Scheme == "https", u.Scheme == "http" && c.AllowPrivate:
		return u, nil
	}
	return nil, fmt.Errorf("base_url: scheme %q would show the access token to the network; use https (http is taken with allow_private alone)", u.Scheme)
}

func isVersion(s string) bool {
	return regexp.MustCompile(`^v[1-9][0-9]{0,2}\.[0-9]{1,2}$`).MatchString(s)
}

// isSecret reports whether s has the characters of Meta's tokens and secrets
// alone. They look the same in JSON, so that they are recognised in answers.
func isSecret(s string) bool {
	return len(s) <= 4096 && regexp.MustCompile(`^[0-9A-Za-z|._-]+$`).MatchString(s)
}

// IsID reports whether s can be the name of an object of the Graph API: digits,
// or two numbers joined by an underscore, at most 64 bytes. What is not, never
// becomes part of an address.
func IsID(s string) bool {
	account, post, two := strings.Cut(s, "_")
	return len(s) <= 64 && isDigits(account) && (!two || isDigits(post))
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// IsNumber reports whether s can be the number of an account or a container: digits
// alone, at most 64.
func IsNumber(s string) bool { return len(s) <= 64 && isDigits(s) }

// Proof returns the appsecret_proof for token: HMAC-SHA256 with the app's secret
// as the key, in lower-case hexadecimal.
func Proof(token, appSecret string) string {
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// A Call is one request to the Graph API.
type Call struct {
	Method string     // GET or POST
	Path   string     // below the version: "1234/feed"
	Params url.Values // the query of a GET, the form of a POST, without credentials
	Rules  []Rule     // what errors mean to this call, before the shared rules
	File   *File      // goes with a POST as its source; nil for none
}

// A File is what a call uploads.
type File struct {
	Type string // "image/jpeg"
	Data []byte
}

// Do makes the call once and decodes the answer into out. An error is an
// [adapters.Failure] without secrets; where the platform answered with its error
// envelope, the failure wraps an [Error].
func (c *Client) Do(ctx context.Context, call Call, out any) (wire.Answer, error) {
	req, err := c.request(ctx, call)
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.NotSent, "the request could not be made: %w", err)
	}
	return c.send(ctx, req, call.Rules, out)
}

// send sends req once and decodes the answer into out, as Do says it.
func (c *Client) send(ctx context.Context, req *http.Request, rules []Rule, out any) (wire.Answer, error) {
	a, err := c.wire.Do(ctx, req)
	if err != nil {
		return wire.Answer{}, err
	}
	c.note(a.Header, time.Now())
	e, found, err := ParseError(a.Body)
	switch {
	case err != nil:
		return a, c.wire.Unreadable(a, err)
	case found:
		e.Status = a.Status
		e.Message = c.wire.Excerpt([]byte(e.Message))
		e.Detail = c.wire.Excerpt([]byte(e.Detail))
		e.Trace = c.wire.Excerpt([]byte(e.Trace))
		return a, e.failure(rules, Wait(a.Header, time.Now()))
	case a.Status < 200 || a.Status > 299:
		return a, c.wire.Unreadable(a, nil)
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return a, c.wire.Unreadable(a, err)
	}
	return a, nil
}

// request builds the call. The token goes into a header, since addresses are
// written into logs on the way.
func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	u := c.base.JoinPath(call.Path)
	params := url.Values{"appsecret_proof": {c.proof}}
	maps.Copy(params, call.Params)
	body, form := []byte(nil), ""
	switch {
	case call.Method == http.MethodGet:
		u.RawQuery = params.Encode()
	case call.File != nil:
		body, form = parts(params, call.File)
	default:
		body, form = []byte(params.Encode()), "application/x-www-form-urlencoded"
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address is not one")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	if form != "" {
		req.Header.Set("Content-Type", form)
	}
	return req, nil
}

// parts returns the body of a call that uploads a file, and its type.
func parts(params url.Values, f *File) (body []byte, form string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b) // into memory: its errors are nil
	for name, values := range params {
		for _, v := range values {
			_ = w.WriteField(name, v)
		}
	}
	header := textproto.MIMEHeader{"Content-Type": {f.Type}}
	header.Set("Content-Disposition", mime.FormatMediaType("form-data", map[string]string{"name": "source", "filename": "card"}))
	part, _ := w.CreatePart(header)
	_, _ = part.Write(f.Data)
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// Unreadable returns the failure for an answer of the platform that lacks what it
// must hold: Unknown.
func (c *Client) Unreadable(a wire.Answer, why string) *adapters.Failure {
	return c.wire.Unreadable(a, errors.New(why))
}

// note keeps what the headers of an answer tell of the platform's budget of calls.
func (c *Client) note(h http.Header, now time.Time) {
	percent, told := usage(h)
	if !told {
		return
	}
	one := adapters.Allowance{Name: "Graph", Left: max(100-percent, 0), Of: 100, Percent: true, At: now}
	if wait := Wait(h, now); wait > 0 {
		one.Left, one.Resets = 0, now.Add(wait)
	}
	c.allowances.Note(one)
}

// Allowances keeps the budgets of which the platform told.
func (c *Client) Allowances() *adapters.Allowances { return &c.allowances }

// Evidence returns what a receipt keeps of an answer: without secrets, at most 4 KiB.
func (c *Client) Evidence(body []byte) []byte { return c.wire.Evidence(body) }

// ClockOffset returns by how much this machine's clock is ahead of the platform's.
func (c *Client) ClockOffset() (time.Duration, bool) { return c.wire.ClockOffset() }

// Close drops the idle connections.
func (c *Client) Close() { c.wire.Close() }
