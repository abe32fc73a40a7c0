// Package wordpress publishes posts on a WordPress site through its REST API (wp/v2), with an
// application password.
//
// WordPress has no key that makes a second send harmless, but it names posts: each has a slug that
// is made of what the post is, by which it is found after a lost answer. The API may also keep a
// post and answer with an error, since it inserts a post before it sets what hangs on it; so every server error is
// Unknown. A post that turns out to be a second one is taken away again at once; nothing else is
// ever deleted, and a mark replaces the text of its post.
//
// It has no pictures, and no post answers another one. See developer.wordpress.org/rest-api.
package wordpress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

const (
	// maxText and maxTitle are ours: WordPress has no bounds. A longer text would be a page, of
	// which the website channel has one for each language.
	maxText  = 14_000
	maxTitle = 160
)

// Config says where and as whom to publish.
type Config struct {
	Name    string // the channel's name in configuration, records and reports
	BaseURL string // the site's address, "https://www.comune.example.it"; http only with AllowPrivate
	User    string // who publishes: a user of the site with the role Editor, for this alone
	// Password is an application password of User (WordPress 5.6 and later), not the one
	// with which people log in.
	Password string
	// Type is the route of the type of posts: "" for "posts". A theme's own type, such as
	// notizie of design-comuni, must be shown in the REST API.
	Type         string
	Categories   []int         // numbers of the categories of each post; nil for the site's default
	Banner       bool          // asks the plug-in to show the alert on every page: see docs/channels.md
	Timeout      time.Duration // bounds one call; 0 for 30 seconds
	AllowPrivate bool          // lets the channel call loopback and private addresses
}

// A Channel publishes on one WordPress site.
type Channel struct {
	name, user, auth, kind string
	base                   *url.URL
	categories             []int
	banner                 bool
	wire                   *wire.Client
}

var (
	_ adapters.Checker = (*Channel)(nil)
	_ adapters.Clocked = (*Channel)(nil)
	_ adapters.Finder  = (*Channel)(nil)
	_ adapters.Marker  = (*Channel)(nil)
)

// New returns the channel that c describes, or an error that names the field
// that is wrong, and never its value where that is a secret. It makes no call.
func New(c Config) (*Channel, error) {
	fault := func(format string, args ...any) (*Channel, error) {
		return nil, fmt.Errorf("wordpress channel %q: %w", c.Name, fmt.Errorf(format, args...))
	}
	if c.Type == "" {
		c.Type = "posts"
	}
	base, err := url.Parse(c.BaseURL)
	password := strings.Join(strings.Fields(c.Password), "") // WordPress shows it in groups of four
	switch {
	case c.Name == "":
		return nil, errors.New("wordpress channel: name: it is empty")
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return fault("base_url: write the site's address, such as https://www.comune.example.it, and no more")
	case base.Scheme != "https" && (base.Scheme != "http" || !c.AllowPrivate):
		return fault("base_url: scheme %q would show the application password to the network; use https (http is taken with allow_private alone)", base.Scheme)
	case c.User == "" || strings.ContainsAny(c.User, ":\n"):
		return fault("user: write the name of the user that publishes")
	case !regexp.MustCompile(`^[A-Za-z0-9]{16,64}$`).MatchString(password):
		return fault("password: it is not an application password, which WordPress makes under Users, Profile: letters and digits in groups of four")
	case !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`).MatchString(c.Type):
		return fault("type %.40q: write the route of a type of posts, such as posts", c.Type)
	case c.Timeout < 0:
		return fault("timeout %v: it must not be negative", c.Timeout)
	}
	for _, n := range c.Categories {
		if n <= 0 {
			return fault("categories: %d: write the numbers of categories of the site", n)
		}
	}
	req := http.Request{Header: http.Header{}}
	req.SetBasicAuth(c.User, password)
	auth := req.Header.Get("Authorization")
	return &Channel{
		name: c.Name, user: c.User, auth: auth, kind: c.Type, base: base, categories: c.Categories, banner: c.Banner,
		wire: wire.New(wire.Options{
			Timeout: c.Timeout, AllowPrivate: c.AllowPrivate,
			Secrets: []string{password, strings.TrimSpace(c.Password), strings.TrimPrefix(auth, "Basic ")},
		}),
	}, nil
}

// Name returns the configured name.
func (ch *Channel) Name() string { return ch.name }

// Kind returns "wordpress".
func (ch *Channel) Kind() string { return "wordpress" }

// Limits returns the bounds of a post: one text in all languages, with a title.
func (ch *Channel) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: maxText, MaxTitle: maxTitle, LinksInText: true, Marks: adapters.MarkEdit, MaxMark: maxText}
}

// slugOf returns the name by which p is known on the site: readable, and no other post's.
func slugOf(p adapters.Post) string {
	sum := sha256.Sum256([]byte(p.Key))
	return "allerta-" + strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(p.Mark), "-"), "-") + "-" + hex.EncodeToString(sum[:5])
}

// A post is one post as WordPress shows it to who may edit it.
type post struct {
	ID      int64    `json:"id"`
	Link    string   `json:"link"`
	Slug    string   `json:"slug"`
	Status  string   `json:"status"`
	Date    string   `json:"date_gmt"` // without a zone
	Title   rendered `json:"title"`
	Content rendered `json:"content"`
}

type rendered struct {
	Raw       *string `json:"raw"` // nil where the caller may not edit the post
	Rendered  string  `json:"rendered"`
	Protected bool    `json:"protected"`
}

// Publish makes one post. WordPress gives a second post of one slug another slug and says nothing of
// it: such a one is taken away again, where the first one is the same post, and the failure is a
// Duplicate.
func (ch *Channel) Publish(ctx context.Context, p adapters.Post, _ adapters.Attempt) (adapters.Receipt, error) {
	if err := ch.Limits().Check(p); err != nil {
		return adapters.Receipt{}, err
	}
	slug := slugOf(p)
	in := map[string]any{"title": p.Title, "content": htmlOf(p.Text, p.Link), "slug": slug, "status": "publish"}
	if len(ch.categories) > 0 {
		in["categories"] = ch.categories
	}
	if ch.banner {
		in["meta"] = map[string]any{"tocsin_banner": bannerOf(p)}
	}
	var made post
	a, err := ch.call(ctx, http.MethodPost, ch.kind, nil, in, &made)
	if err != nil {
		return adapters.Receipt{}, err
	}
	if made.ID <= 0 || made.Slug == "" {
		return adapters.Receipt{}, ch.wire.Unreadable(a, nil)
	}
	if made.Slug != slug {
		if first, err := ch.bySlug(ctx, slug); err == nil && first != nil && first.Status == "publish" {
			if _, err := ch.call(ctx, http.MethodDelete, ch.kind+"/"+strconv.FormatInt(made.ID, 10), nil, nil, new(json.RawMessage)); err != nil {
				return adapters.Receipt{}, adapters.Fail(adapters.Unknown, "the post is on the site twice, as %s and as %s, and the second one could not be taken away: %w", slug, made.Slug, err)
			}
			return adapters.Receipt{}, adapters.Fail(adapters.Duplicate, "the site has this post already, as %s: the second one was taken away", slug)
		}
	}
	return ch.receipt(&made, a.Body), nil
}

// receipt returns the receipt for a post.
func (ch *Channel) receipt(p *post, body []byte) adapters.Receipt {
	at, err := time.Parse("2006-01-02T15:04:05", p.Date)
	if err != nil {
		at = time.Now()
	}
	r := adapters.Receipt{ID: strconv.FormatInt(p.ID, 10), At: at.UTC(), Evidence: ch.wire.Evidence(body)}
	if u, err := url.Parse(p.Link); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		r.URL = p.Link
	}
	return r
}

// bySlug returns the post with a slug, nil where there is none.
func (ch *Channel) bySlug(ctx context.Context, slug string) (*post, error) {
	var list *[]post
	a, err := ch.call(ctx, http.MethodGet, ch.kind, url.Values{"slug": {slug}, "status": {"any"}, "context": {"edit"}}, nil, &list)
	switch {
	case err != nil:
		return nil, asLook(err)
	case list == nil:
		return nil, ch.wire.Unreadable(a, nil)
	}
	for i := range *list {
		if p := &(*list)[i]; p.Slug == slug && p.ID > 0 {
			return p, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none, and nothing is wrong
}

// Find looks for p by its slug. A post that is no longer public counts as not published.
func (ch *Channel) Find(ctx context.Context, p adapters.Post, _ adapters.Attempt) (adapters.Receipt, error) {
	found, err := ch.bySlug(ctx, slugOf(p))
	switch {
	case err != nil:
		return adapters.Receipt{}, err
	case found == nil || found.Status != "publish":
		return adapters.Receipt{}, adapters.ErrNotPublished
	}
	body, _ := json.Marshal(found) // of what was just decoded: it cannot fail
	return ch.receipt(found, body), nil
}

// ReadBack compares the post's text and title as they are stored with p's, and then the page as
// anybody sees it, where the site lets strangers read its API: there WordPress has changed quotes, dashes
// and dots, which counts as the same.
func (ch *Channel) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	got, err := ch.shows(ctx, r, p.Text)
	if err != nil {
		return err
	}
	if got.Title.Raw != nil {
		if shown := unescape(*got.Title.Raw); fold(shown) != fold(p.Title) {
			return &adapters.AlteredError{Shown: shown, Want: p.Title}
		}
	}
	return nil
}

// numbered returns a Permanent failure for a receipt that does not name a post of WordPress: what is
// no number never becomes part of an address.
func numbered(r adapters.Receipt) error {
	if id, err := strconv.ParseInt(r.ID, 10, 64); err != nil || id <= 0 || strconv.FormatInt(id, 10) != r.ID {
		return adapters.Fail(adapters.Permanent, "the receipt's ID %.20q is not a post's number", r.ID)
	}
	return nil
}

// shows returns the post of r where it is public and says text.
func (ch *Channel) shows(ctx context.Context, r adapters.Receipt, text string) (*post, error) {
	if err := numbered(r); err != nil {
		return nil, err
	}
	var got post
	a, err := ch.call(ctx, http.MethodGet, ch.kind+"/"+r.ID, url.Values{"context": {"edit"}}, nil, &got)
	switch {
	case isAbsent(err):
		return nil, adapters.ErrNotPublished
	case err != nil:
		return nil, asLook(err)
	case got.ID == 0 || got.Content.Raw == nil:
		return nil, ch.wire.Unreadable(a, nil)
	case got.Status != "publish" || got.Content.Protected:
		return nil, fmt.Errorf("the post is on the site as %q: publish it there again: %w", got.Status, adapters.ErrNotPublished)
	}
	if shown := textOf(*got.Content.Raw); shown != normalise(text) {
		return nil, &adapters.AlteredError{Shown: shown, Want: normalise(text)}
	}
	return &got, ch.public(ctx, r.ID, text)
}

// public compares what a stranger is shown.
func (ch *Channel) public(ctx context.Context, id, text string) error {
	var got post
	_, err := ch.ask(ctx, http.MethodGet, ch.kind+"/"+id, nil, nil, &got, false)
	switch f, _ := errors.AsType[*adapters.Failure](err); {
	case isAbsent(err):
		return adapters.ErrNotPublished
	case f != nil && f.Kind == adapters.Auth:
		return nil // the site shows its API to nobody else; what is stored was compared
	case err != nil:
		return asLook(err)
	}
	if shown, want := fold(textOf(got.Content.Rendered)), fold(normalise(text)); shown != want {
		return &adapters.AlteredError{Shown: shown, Want: want}
	}
	return nil
}

// Mark replaces the text of the post by the mark's, and its title by the mark's first line: lists of
// posts show titles alone, and the old one says what may not hold any more.
func (ch *Channel) Mark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	err := ch.Limits().CheckMark(m)
	if err == nil {
		err = numbered(on)
	}
	if err != nil {
		return err
	}
	title, _, _ := strings.Cut(m.Text, "\n")
	in := map[string]any{"title": title, "content": htmlOf(m.Text, "")}
	if ch.banner {
		in["meta"] = map[string]any{"tocsin_banner": nil} // what it said may not hold any more
	}
	var got post
	a, err := ch.call(ctx, http.MethodPost, ch.kind+"/"+on.ID, nil, in, &got)
	switch {
	case isAbsent(err):
		return adapters.ErrNotPublished
	case err == nil && strconv.FormatInt(got.ID, 10) != on.ID:
		return ch.wire.Unreadable(a, nil)
	}
	return err
}

// ReadMark compares the post's text with the mark's.
func (ch *Channel) ReadMark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	_, err := ch.shows(ctx, on, m.Text)
	return err
}

// ClockOffset returns by how much this machine's clock is ahead of the site's.
func (ch *Channel) ClockOffset() (time.Duration, bool) { return ch.wire.ClockOffset() }

// Close drops the idle connections.
func (ch *Channel) Close() { ch.wire.Close() }

// call makes one call as the user.
func (ch *Channel) call(ctx context.Context, method, route string, query url.Values, in, out any) (wire.Answer, error) {
	return ch.ask(ctx, method, route, query, in, out, true)
}

// ask makes one call and reads a good answer into out. Its errors are Failures.
func (ch *Channel) ask(ctx context.Context, method, route string, query url.Values, in, out any, as bool) (wire.Answer, error) {
	u := ch.base.JoinPath("wp-json/wp/v2", route)
	u.RawQuery = query.Encode()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return wire.Answer{}, adapters.Fail(adapters.Permanent, "write the request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.NotSent, "make the request: check base_url")
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if as {
		req.Header.Set("Authorization", ch.auth)
	}
	a, err := ch.wire.Do(ctx, req)
	if err != nil {
		return a, err
	}
	if a.Status < 200 || a.Status > 299 {
		return a, ch.failure(a)
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return a, ch.wire.Unreadable(a, err)
	}
	return a, nil
}
