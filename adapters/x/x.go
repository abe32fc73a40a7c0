// Package x publishes posts on one account of X (api.x.com, API v2), finds them
// again and reads them back as the public sees them.
//
// It uploads a post's image before the post, and publishes without one that X does not take. It makes
// no edit, and deletes nothing. A post answers the one
// that it follows where X lets it, and stands for itself where not. X
// has no key that makes a second send harmless; it refuses only a text that the
// account has just posted. So a lost answer is Unknown until [Channel.Find] has
// looked for the post on the account's own timeline.
package x

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/text/unicode/norm"

	"tocsin/adapters"
	"tocsin/adapters/internal/proof"
	"tocsin/adapters/internal/wire"
)

const (
	defaultBaseURL     = "https://api.x.com"
	defaultFieldsParam = "tweet.fields"
	// pageSize is the most posts that one call for a timeline returns: X API v2, GET
	// /2/users/:id/tweets.
	pageSize = 100
	// maxPages bounds one search; a timeline of X reaches 3,200 posts back.
	maxPages = 32
)

// A Config says where and as whom to publish. BaseURL, FieldsParam, Timeout,
// AllowPrivate, Now and Nonce have usable zero values; the rest is required.
type Config struct {
	Name    string // the channel's name, for example "x-savona"
	BaseURL string // "" for https://api.x.com; http only with AllowPrivate

	// ConsumerKey and ConsumerSecret name the app, AccessToken and AccessSecret the
	// account: OAuth 1.0a user context. The app needs the permission "Read and
	// write" before the token is made.
	ConsumerKey, ConsumerSecret string
	AccessToken, AccessSecret   string

	UserID   string // the account's number, as GET /2/users/me gives it
	Username string // the account's name without "@", for the address of a post

	// FieldsParam is the query parameter that asks for a post's fields: "" for
	// tweet.fields, or post.fields where X has turned to the names of its API
	// specification 2.167. Answers are understood in both spellings.
	FieldsParam string

	Timeout      time.Duration // of one call; 0 for 30 seconds
	AllowPrivate bool          // may call loopback and private addresses: for the simulator

	Now   func() time.Time // the clock that signs calls; nil for the machine's
	Nonce func() string    // makes a word that is used once, to sign a call; nil for a random one
}

// A Channel publishes on one account of X.
type Channel struct {
	name, userID, username string
	fieldsParam            string
	base                   *url.URL
	signer                 signer
	proofs                 proof.Maker // of what is prepared
	now                    func() time.Time
	lead                   atomic.Int64 // nanoseconds by which now is ahead of X's clock, as X's latest refusal of it showed
	wire                   *wire.Client
	allowances             adapters.Allowances
}

var (
	_ adapters.Finder   = (*Channel)(nil)
	_ adapters.Clocked  = (*Channel)(nil)
	_ adapters.Preparer = (*Channel)(nil)
)

// New returns the channel that c describes, or an error that names the setting
// that is missing or wrong and holds no credential. It makes no call.
func New(c Config) (*Channel, error) {
	if c.BaseURL == "" {
		c.BaseURL = defaultBaseURL
	}
	if c.FieldsParam == "" {
		c.FieldsParam = defaultFieldsParam
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Nonce == nil {
		c.Nonce = rand.Text
	}
	base, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("x channel %q: %w", c.Name, err)
	}
	return &Channel{
		name:        c.Name,
		userID:      c.UserID,
		username:    c.Username,
		fieldsParam: c.FieldsParam,
		base:        base,
		now:         c.Now,
		proofs:      proof.New("x/media/1", c.UserID, c.AccessSecret),
		signer: signer{
			consumerKey: c.ConsumerKey, consumerSecret: c.ConsumerSecret,
			token: c.AccessToken, tokenSecret: c.AccessSecret,
			nonce: c.Nonce,
		},
		wire: wire.New(wire.Options{
			Timeout:      c.Timeout,
			AllowPrivate: c.AllowPrivate,
			Secrets:      []string{c.ConsumerKey, c.ConsumerSecret, c.AccessToken, c.AccessSecret},
		}),
	}, nil
}

// check returns the address that c names, or what is wrong in c.
func (c Config) check() (*url.URL, error) {
	for _, s := range []struct{ name, value string }{
		{"name", c.Name},
		{"consumer_key", c.ConsumerKey},
		{"consumer_secret", c.ConsumerSecret},
		{"access_token", c.AccessToken},
		{"access_secret", c.AccessSecret},
	} {
		if strings.TrimSpace(s.value) != s.value || s.value == "" {
			return nil, fmt.Errorf("%s is missing or has spaces around it", s.name)
		}
	}
	switch {
	case !validID(c.UserID):
		return nil, errors.New("user_id must be the account's number, as GET /2/users/me gives it")
	case !validUsername(c.Username):
		return nil, errors.New("username must be the account's name without @: 1 to 15 letters, digits and underscores")
	case c.FieldsParam != "tweet.fields" && c.FieldsParam != "post.fields":
		return nil, errors.New("fields_param must be tweet.fields or post.fields")
	case c.Timeout < 0:
		return nil, errors.New("timeout is negative")
	}
	base, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("base_url must be an address without user, query and fragment")
	case base.Scheme != "https" && (base.Scheme != "http" || !c.AllowPrivate):
		return nil, errors.New("base_url must begin with https:// (http:// is for the simulator, with allow_private)")
	}
	if base.Path == "" {
		base.Path = "/" // so that what is joined to it is absolute
	}
	return base, nil
}

// validID reports whether s has the form of an identifier of X: ^[0-9]{1,19}$.
func validID(s string) bool {
	return s != "" && len(s) <= 19 && strings.Trim(s, "0123456789") == ""
}

func validUsername(s string) bool {
	return s != "" && len(s) <= 15 && strings.IndexFunc(s, func(r rune) bool { return !asciiAlnum(r) && r != '_' }) < 0
}

// Name returns the channel's name in configuration and records.
func (ch *Channel) Name() string { return ch.name }

// Kind returns "x".
func (ch *Channel) Kind() string { return "x" }

// Limits returns X's bound on a post of an account without Premium: 280 units, as
// [WeightedLength] counts them. Compare [URLs] with the links that are meant: X makes
// a link of whatever looks like one.
func (ch *Channel) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: maxLen, Len: WeightedLength, ImageMaxBytes: maxImage, Illustrated: true, LinksInText: true, Replies: true}
}

// Publish posts p's text with the image that a.Prepared names.
//
// Since February 2026 an account of a self-serve tier may answer only where the other one's
// author called upon it; whether its own posts count is not promised. Who answers what is gone
// is refused as well. Either refusal says that nothing was posted, so the text is then
// posted for itself, in the same attempt; so it is without an image that X refuses.
func (ch *Channel) Publish(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if err := ch.check(p); err != nil {
		return adapters.Receipt{}, err
	}
	image, err := ch.uploaded(p, a)
	if err != nil {
		return adapters.Receipt{}, err
	}
	t := tweet{Text: p.Text}
	if validID(a.ReplyTo) {
		t.Reply = &reply{a.ReplyTo}
	}
	lacks := ""
	if image != "" {
		t.Media = &media{[]string{image}}
	} else if p.Image != nil {
		lacks = adapters.NotUploaded
	}
	answer, err := ch.create(ctx, t)
	if err == nil && t.Reply != nil && refusesReply(answer) {
		t.Reply = nil
		answer, err = ch.create(ctx, t)
	}
	if err == nil && t.Media != nil && refused(answer) {
		f := ch.failure(answer)
		if f.Kind == adapters.Permanent {
			t.Media, lacks = nil, f.Err.Error()
			answer, err = ch.create(ctx, t)
		}
	}
	if err != nil {
		return adapters.Receipt{}, err
	}
	ch.note(answer)
	if refused(answer) {
		return adapters.Receipt{}, ch.failure(answer)
	}
	var created struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer.Body, &created); err != nil || !validID(created.Data.ID) {
		return adapters.Receipt{}, ch.wire.Unreadable(answer, err)
	}
	r := ch.receipt(created.Data.ID, answer.Body)
	r.Lacks = lacks
	return r, nil
}

// refused reports whether an answer says that X did not do what it was asked.
func refused(a wire.Answer) bool { return a.Status < 200 || a.Status > 299 }

// A tweet is the body of POST /2/tweets.
type tweet struct {
	Text  string `json:"text"`
	Reply *reply `json:"reply,omitempty"`
	Media *media `json:"media,omitempty"`
}

// A media names the images of a post: X API v2, POST /2/tweets, media.
type media struct {
	IDs []string `json:"media_ids"`
}

// A reply says which post another one answers: X API v2, POST /2/tweets, reply.
type reply struct {
	To string `json:"in_reply_to_tweet_id"`
}

// create makes one call that posts t.
func (ch *Channel) create(ctx context.Context, t tweet) (wire.Answer, error) {
	body, err := json.Marshal(t)
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.Permanent, "write the request: %w", err)
	}
	return ch.call(ctx, http.MethodPost, "/2/tweets", nil, body)
}

// ReadBack fetches the post and compares it with p after undoing what X does to
// every text: t.co addresses, escaped "&", "<" and ">", and NFC. Of an edited post it
// reads the last version, which is what the public sees.
func (ch *Channel) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	if !validID(r.ID) {
		return adapters.Fail(adapters.Permanent, "the receipt's ID %q is not one of X", r.ID)
	}
	got, images, err := ch.fetch(ctx, r.ID)
	if err != nil {
		return err
	}
	if latest := got.latest(); latest != r.ID {
		if got, images, err = ch.fetch(ctx, latest); err != nil {
			return err
		}
	}
	if got.AuthorID != "" && got.AuthorID != ch.userID {
		return adapters.Fail(adapters.Auth, "post %s belongs to account %s, this channel is account %s: check user_id and the access token", r.ID, got.AuthorID, ch.userID)
	}
	want := norm.NFC.String(p.Text)
	if shown := got.shown(want); shown != want {
		return &adapters.AlteredError{Shown: shown, Want: want}
	}
	return got.shows(p.Image, r, images)
}

// Find looks through the account's timeline. It takes the post whose text is p's;
// failing that, the one that bears p's mark and is p's text but for a change in one
// place, which [Channel.ReadBack] then reports. The mark alone is not enough: all parts
// of a bulletin share it.
func (ch *Channel) Find(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	want := norm.NFC.String(p.Text)
	var altered *adapters.Receipt
	next := ""
	for range maxPages {
		page, err := ch.timeline(ctx, a.Since.Add(-adapters.ClockSkew), next)
		if err != nil {
			return adapters.Receipt{}, err
		}
		for _, got := range page.posts {
			shown := got.shown(want)
			r := ch.receipt(got.ID, got.raw)
			if got.shows(p.Image, r, nil) != nil {
				r.Lacks = adapters.NotShown
			}
			if shown == want {
				return r, nil
			}
			if altered == nil && adapters.ContainsMark(shown, p.Mark) && nearly(shown, want) && !slices.Contains(p.Beside, shown) {
				altered = &r
			}
		}
		if next = page.next; next == "" {
			break
		}
	}
	switch {
	case altered != nil:
		return *altered, nil
	case next != "":
		return adapters.Receipt{}, adapters.Fail(adapters.Unknown, "the post is not among the last %d of the account, which go on: look on X by hand", maxPages*pageSize)
	}
	return adapters.Receipt{}, adapters.ErrNotPublished
}

// ClockOffset returns by how much this machine's clock is ahead of X's.
func (ch *Channel) ClockOffset() (time.Duration, bool) { return ch.wire.ClockOffset() }

// call makes one signed call. Its error is a Failure of the wire.
func (ch *Channel) call(ctx context.Context, method, path string, query url.Values, body []byte) (wire.Answer, error) {
	address := ch.base.JoinPath(path)
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(body))
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.NotSent, "make the request: check base_url")
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	borne := ch.now().Add(-time.Duration(ch.lead.Load()))
	req.Header.Set("Authorization", ch.signer.authorization(method, address, nil, borne))
	a, err := ch.wire.Do(ctx, req)
	if err == nil && ch.clockRefused(a, borne) {
		f := adapters.Fail(adapters.NotSent, "X refuses the time on this machine's clock: the next call bears X's own time; set the clock, with NTP")
		f.Code = strconv.Itoa(a.Status) + "/" + strconv.Itoa(codeBadTime)
		return wire.Answer{}, f
	}
	return a, err
}

// clockTolerance is the difference of two clocks from which on a refusal may be due to
// it: X takes five minutes.
const clockTolerance = time.Minute

// clockRefused reports whether a is a refusal that may be due to the time that the call
// bore, and another time would be nearer to X's: that of the next calls is. It is so
// only for a clock with which a post of this machine's is still found ([Channel.Find]).
func (ch *Channel) clockRefused(a wire.Answer, borne time.Time) bool {
	date, ok := wire.Date(a.Header)
	if a.Status != http.StatusUnauthorized || !ok || borne.Sub(date).Abs() < clockTolerance {
		return false
	}
	lead := ch.now().Sub(date)
	if lead.Abs() > adapters.ClockSkew {
		return false
	}
	ch.lead.Store(int64(lead))
	return true
}

// fields asks for what is needed to compare a post, in the spelling that is configured.
func (ch *Channel) fields() url.Values {
	note := "note_tweet"
	if ch.fieldsParam == "post.fields" {
		note = "note_post"
	}
	return url.Values{ch.fieldsParam: {"attachments,author_id,created_at,entities," + note}}
}

// fetch returns one post and its images.
func (ch *Channel) fetch(ctx context.Context, id string) (post, []attached, error) {
	query := ch.fields()
	query.Set("expansions", "attachments.media_keys")
	query.Set("media.fields", "alt_text")
	a, err := ch.call(ctx, http.MethodGet, "/2/tweets/"+id, query, nil)
	if err != nil {
		return post{}, nil, asLook(err)
	}
	var answer struct {
		Data     *post `json:"data"`
		Includes struct {
			Media []attached `json:"media"`
		} `json:"includes"`
		Errors []problem `json:"errors"`
	}
	if a.Status != http.StatusOK && a.Status != http.StatusNotFound {
		return post{}, nil, asLook(ch.failure(a))
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		return post{}, nil, ch.wire.Unreadable(a, err)
	}
	if answer.Data != nil {
		if answer.Data.ID != id || a.Status != http.StatusOK {
			return post{}, nil, ch.wire.Unreadable(a, nil)
		}
		return *answer.Data, answer.Includes.Media, nil
	}
	for _, e := range answer.Errors {
		if e.kind() == "resource-not-found" && e.ResourceType != "user" {
			return post{}, nil, adapters.ErrNotPublished
		}
	}
	return post{}, nil, asLook(ch.failure(a))
}

// A page is a part of the account's timeline, newest first.
type page struct {
	posts []post
	next  string // asks for the posts before these; "" at the end
}

// timeline returns one page of what the account has posted since then.
func (ch *Channel) timeline(ctx context.Context, since time.Time, next string) (page, error) {
	query := ch.fields()
	query.Set("max_results", strconv.Itoa(pageSize))
	query.Set("exclude", "retweets") // of somebody else's words
	if id := snowflake(since); id > 0 {
		query.Set("since_id", strconv.FormatInt(id, 10))
	}
	if next != "" {
		query.Set("pagination_token", next)
	}
	a, err := ch.call(ctx, http.MethodGet, "/2/users/"+ch.userID+"/tweets", query, nil)
	if err != nil {
		return page{}, asLook(err)
	}
	var answer struct {
		Data []json.RawMessage `json:"data"`
		Meta *struct {
			NextToken string `json:"next_token"`
		} `json:"meta"`
	}
	if a.Status != http.StatusOK {
		return page{}, asLook(ch.failure(a))
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		return page{}, ch.wire.Unreadable(a, err)
	}
	if answer.Meta == nil {
		// An account that X does not know has no timeline: that is not an empty one.
		return page{}, asLook(ch.failure(a))
	}
	p := page{next: answer.Meta.NextToken}
	for _, raw := range answer.Data {
		got := post{raw: raw}
		if err := json.Unmarshal(raw, &got); err != nil || !validID(got.ID) {
			return page{}, ch.wire.Unreadable(a, err)
		}
		p.posts = append(p.posts, got)
	}
	return p, nil
}

// receipt returns the receipt for the post id, with X's answer as evidence.
func (ch *Channel) receipt(id string, answer []byte) adapters.Receipt {
	at, ok := idTime(id)
	if !ok {
		at = ch.now()
	}
	return adapters.Receipt{
		ID:       id,
		URL:      "https://x.com/" + ch.username + "/status/" + id,
		At:       at,
		Evidence: ch.wire.Evidence(answer),
	}
}

// snowflakeEpoch is the moment from which X's identifiers count milliseconds, in
// milliseconds of the Unix era: 2010-11-04T01:42:54.657Z.
const snowflakeEpoch = 1288834974657

// snowflake returns an identifier that is not greater than that of any post made at
// or after t; 0 or less before there were such identifiers.
func snowflake(t time.Time) int64 {
	if t.Year() < 2010 {
		return 0 // the zero time would overflow
	}
	return (t.UnixMilli() - snowflakeEpoch) << 22
}

// idTime returns when X made the identifier id, which is below 2^63 for all of this
// century.
func idTime(id string) (t time.Time, ok bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	return time.UnixMilli(n>>22 + snowflakeEpoch).UTC(), err == nil
}
