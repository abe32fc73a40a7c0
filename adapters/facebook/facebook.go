// Package facebook publishes posts on a Facebook Page through the Graph API.
//
// A post is text with the picture that was signed with it, and without a preview of its link. The picture is
// uploaded before the post, unpublished, and one that the platform does not take stops no text. The
// package deletes and comments nothing; a mark replaces the text of its post, which
// the platform lets the app do that made the post, and no other. The Graph API has no key that
// makes a second send harmless; it has a list of the page's posts, in which a
// lost one is found. See developers.facebook.com/docs/pages-api.
package facebook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
	"tocsin/adapters/internal/proof"
	"tocsin/adapters/internal/wire"
)

const (
	// maxText is the bound on a post's message, in code points. Meta's manual
	// does not state it; it is the bound of the page's own editor.
	maxText = 63206
	// maxImage is in bytes: photos may have 10 MB (Page photos, source).
	maxImage = 8_000_000
	// publicURL leads from a post's identifier to the post.
	publicURL = "https://www.facebook.com/"
)

// Config says where and as whom to publish.
type Config struct {
	Name    string // the channel's name in configuration, records and reports
	BaseURL string // "" for https://graph.facebook.com; http only with AllowPrivate
	Version string // of the Graph API; "" for "v25.0"
	PageID  string // the page's number, in digits
	// Token is an access token of the page, or of a system user with a role on
	// it, with pages_manage_posts and pages_read_engagement.
	Token        string
	AppSecret    string        // of the app that Token belongs to
	AppID        string        // number of that app, for Check; "" where nobody asks how long Token lasts
	Timeout      time.Duration // bounds one call; 0 for 30 seconds
	AllowPrivate bool          // lets the channel call loopback and private addresses
}

// A Channel publishes on one Facebook Page.
type Channel struct {
	name   string
	page   string
	proofs proof.Maker // of what is prepared
	graph  *graph.Client
}

var (
	_ adapters.Finder   = (*Channel)(nil)
	_ adapters.Clocked  = (*Channel)(nil)
	_ adapters.Marker   = (*Channel)(nil)
	_ adapters.Preparer = (*Channel)(nil)
	_ adapters.Metered  = (*Channel)(nil)
	_ adapters.Lister   = (*Channel)(nil)
)

// New returns the channel that c describes, or an error that names the field
// that is wrong.
func New(c Config) (*Channel, error) {
	if c.Name == "" {
		return nil, errors.New("facebook channel: name: it is empty")
	}
	if !graph.IsNumber(c.PageID) {
		return nil, fmt.Errorf("facebook channel %q: page_id %q: write the page's number in digits", c.Name, c.PageID)
	}
	client, err := graph.New(graph.Config{
		BaseURL: c.BaseURL, Version: c.Version, Token: c.Token, AppSecret: c.AppSecret, AppID: c.AppID,
		Timeout: c.Timeout, AllowPrivate: c.AllowPrivate,
	})
	if err != nil {
		return nil, fmt.Errorf("facebook channel %q: %w", c.Name, err)
	}
	return &Channel{name: c.Name, page: c.PageID, proofs: proof.New("facebook/photo/1", c.PageID, c.Token), graph: client}, nil
}

// Name returns the configured name.
func (ch *Channel) Name() string { return ch.name }

// Kind returns "facebook".
func (ch *Channel) Kind() string { return "facebook" }

// Limits returns the bounds of a page's post.
func (ch *Channel) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: maxText, ImageMaxBytes: maxImage, Illustrated: true, LinksInText: true, Marks: adapters.MarkEdit, MaxMark: maxText}
}

// Prepare uploads p's image with its words as a photo that is not published, and returns its number
// with the proof that it was made of p. The platform throws such a photo away after a day.
func (ch *Channel) Prepare(ctx context.Context, p adapters.Post) (string, error) {
	if err := ch.Limits().Check(p); err != nil {
		return "", fmt.Errorf("facebook: %w", err)
	}
	if p.Image == nil {
		return "", nil
	}
	var out struct {
		ID string `json:"id"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{
		Method: http.MethodPost,
		Path:   ch.page + "/photos",
		Params: url.Values{"published": {"false"}, "temporary": {"true"}, "alt_text_custom": {p.Image.Alt}},
		File:   &graph.File{Type: p.Image.MediaType, Data: p.Image.Data},
	}, &out)
	if err == nil && !graph.IsNumber(out.ID) {
		err = ch.graph.Unreadable(a, "it names no photo")
	}
	if err != nil {
		return "", fmt.Errorf("facebook: upload: %w", wire.Unsent(err))
	}
	return ch.proofs.Prove(out.ID, p), nil
}

// Publish posts p's text on the page, with the photo that a.Prepared names. One that the platform
// refuses for the photo is posted without, in the same attempt: the refusal says that nothing was posted.
//
// Post.Link is not sent as the post's link: that would add a card with title,
// words and picture which Facebook takes from the linked page at that moment, so
// that the public would see more than was signed, and nothing at all while the
// page cannot be read (1609005). The link stands in the text, where it can be
// followed.
func (ch *Channel) Publish(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if err := ch.Limits().Check(p); err != nil {
		return adapters.Receipt{}, fmt.Errorf("facebook: %w", err)
	}
	params, lacks := url.Values{"message": {p.Text}}, ""
	switch photo, proven := ch.proofs.Proven(a.Prepared, p); {
	case p.Image == nil:
	case a.Prepared == "":
		lacks = adapters.NotUploaded
	case !proven:
		return adapters.Receipt{}, fmt.Errorf("facebook: %w", proof.Dead(a.Prepared))
	default:
		params.Set("attached_media", `[{"media_fbid":"`+photo+`"}]`)
	}
	var out struct {
		ID string `json:"id"`
	}
	post := graph.Call{Method: http.MethodPost, Path: ch.page + "/feed", Params: params}
	answer, err := ch.graph.Do(ctx, post, &out)
	if f, ok := errors.AsType[*adapters.Failure](err); ok && f.Kind == adapters.Permanent && params.Has("attached_media") {
		params.Del("attached_media")
		lacks = f.Err.Error()
		answer, err = ch.graph.Do(ctx, post, &out)
	}
	if err != nil {
		return adapters.Receipt{}, fmt.Errorf("facebook: publish: %w", err)
	}
	if !graph.IsID(out.ID) {
		return adapters.Receipt{}, fmt.Errorf("facebook: publish: %w", ch.graph.Unreadable(answer, "it names no post"))
	}
	return adapters.Receipt{
		ID:       out.ID,
		URL:      publicURL + out.ID,
		At:       time.Now().UTC(),
		Evidence: ch.graph.Evidence(answer.Body),
		Lacks:    lacks,
	}, nil
}

// ReadBack fetches the post of r and compares its message with p's text; of p's image it
// looks whether a photo stands with the post, since the platform encodes it anew. A post
// that is hidden or not published counts as not published: the public does not
// see it.
func (ch *Channel) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	photo, err := ch.shows(ctx, r, p.Text)
	if err == nil && p.Image != nil && !photo && r.Lacks == "" {
		err = adapters.ErrWithoutImage
	}
	if err != nil {
		return fmt.Errorf("facebook: read back: %w", err)
	}
	return nil
}

// shows returns nil where the public sees text as the message of the post of r, and whether a
// photo stands with it.
func (ch *Channel) shows(ctx context.Context, r adapters.Receipt, text string) (photo bool, err error) {
	if !graph.IsID(r.ID) {
		return false, adapters.Fail(adapters.Permanent, "the receipt's identifier %q is not one of a Facebook post", r.ID)
	}
	var out struct {
		ID        string  `json:"id"`
		Message   *string `json:"message"` // absent where the text is empty
		Published *bool   `json:"is_published"`
		Hidden    bool    `json:"is_hidden"`

		Attachments json.RawMessage `json:"attachments"` // absent where there are none
	}
	a, err := ch.graph.Do(ctx, graph.Call{
		Method: http.MethodGet,
		Path:   r.ID,
		Params: url.Values{"fields": {"id,message,created_time,is_published,is_hidden,permalink_url,attachments"}},
	}, &out)
	switch {
	case graph.IsAbsent(err):
		return false, adapters.ErrNotPublished
	case err != nil:
		return false, err
	case out.ID == "" || out.Published == nil:
		return false, ch.graph.Unreadable(a, "it does not say whether the post is published")
	case !*out.Published:
		return false, fmt.Errorf("the page holds the post as a draft: publish it there or let it be posted again: %w", adapters.ErrHidden)
	case out.Hidden:
		return false, fmt.Errorf("the page hides the post: show it there again: %w", adapters.ErrHidden)
	}
	shown := ""
	if out.Message != nil {
		shown = graph.Normalise(*out.Message)
	}
	if want := graph.Normalise(text); shown != want {
		return false, &adapters.AlteredError{Shown: shown, Want: want}
	}
	return graph.HasPhoto(out.Attachments), nil
}

// Mark replaces the message of the post of on by the mark's text. The platform takes that of
// the app which made the post alone, and notifies nobody of it.
func (ch *Channel) Mark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	err := ch.Limits().CheckMark(m)
	if err == nil && !graph.IsID(on.ID) {
		err = adapters.Fail(adapters.Permanent, "the receipt's identifier %q is not one of a Facebook post", on.ID)
	}
	if err != nil {
		return fmt.Errorf("facebook: mark: %w", err)
	}
	var out struct {
		Success bool `json:"success"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{Method: http.MethodPost, Path: on.ID, Params: url.Values{"message": {m.Text}}}, &out)
	switch {
	case graph.IsAbsent(err):
		return fmt.Errorf("facebook: mark: the post is gone, or another app made it: %w", adapters.ErrNotPublished)
	case err == nil && !out.Success:
		err = ch.graph.Unreadable(a, "it does not say that the post was changed")
	}
	if err != nil {
		return fmt.Errorf("facebook: mark: %w", err)
	}
	return nil
}

// ReadMark compares the post's message with the mark's text.
func (ch *Channel) ReadMark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	if _, err := ch.shows(ctx, on, m.Text); err != nil {
		return fmt.Errorf("facebook: read mark: %w", err)
	}
	return nil
}

// Find looks for p among the page's published posts.
func (ch *Channel) Find(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	r, err := ch.graph.Find(ctx, graph.Search{
		Path: ch.page + "/published_posts",
		Text: "message", Time: "created_time", Link: "permalink_url", Photo: "attachments",
		Since: a.Since,
	}, p)
	if err != nil {
		return adapters.Receipt{}, fmt.Errorf("facebook: find: %w", err)
	}
	if r.URL == "" {
		r.URL = publicURL + r.ID
	}
	return r, nil
}

// List returns what the page shows since then, whoever published it there. What it holds as a
// draft is not listed by the platform.
func (ch *Channel) List(ctx context.Context, since time.Time) ([]adapters.Listed, error) {
	all, err := ch.graph.List(ctx, graph.Search{Path: ch.page + "/published_posts", Text: "message", Time: "created_time", Link: "permalink_url", Since: since})
	if err != nil {
		return nil, fmt.Errorf("facebook: list: %w", err)
	}
	return all, nil
}

// ListEvery is every few minutes.
func (ch *Channel) ListEvery() time.Duration { return graph.ListEvery }

// Allowances tells what is left of the calls that Meta allows, as its latest answer said.
func (ch *Channel) Allowances() []adapters.Allowance { return ch.graph.Allowances().All() }

// ClockOffset returns by how much this machine's clock is ahead of the platform's.
func (ch *Channel) ClockOffset() (time.Duration, bool) { return ch.graph.ClockOffset() }

// Close drops the idle connections.
func (ch *Channel) Close() { ch.graph.Close() }
