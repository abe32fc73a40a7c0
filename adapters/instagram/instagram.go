// Package instagram publishes posts on an Instagram professional account through
// Meta's Graph API, with the Facebook login.
//
// A post is made in two steps: a container, for which Instagram fetches the image
// from its public address, and the publication of that container. The container
// is what makes a second try harmless: it is published once or never, and says
// which. There is no post without an image, and a link in a caption can't be
// followed. A caption can't be edited, so a mark is a comment of the account below its post. The
// package deletes nothing. See
// developers.facebook.com/docs/instagram-platform/content-publishing.
package instagram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
	"tocsin/adapters/internal/proof"
	"tocsin/adapters/internal/wire"
)

// The bounds of POST /{ig-user-id}/media. Five hashtags is what the platform
// enforces since December 2025; its manual still says 30.
const (
	maxCaption  = 2200 // code points
	maxAlt      = 1000 // code points
	maxHashtags = 5
	maxMentions = 20
	maxImage    = 8_000_000 // bytes
	// maxComment is the bound on a comment, in code points: POST /{ig-media-id}/comments
	// takes 300, with at most four hashtags and one address.
	maxComment = 300
)

const (
	// publicURL is the site; an account's name after it is its page.
	publicURL = "https://www.instagram.com/"

	defaultPollInterval = 2 * time.Second
	defaultPollFor      = time.Minute
)

// Config says where and as whom to publish.
type Config struct {
	Name     string // the channel's name in configuration, records and reports
	BaseURL  string // "" for https://graph.facebook.com; http only with AllowPrivate
	Version  string // of the Graph API; "" for "v25.0"
	UserID   string // the professional account's number, in digits
	Username string // the account's name without @: its page stands in for a post's address until that is known
	// Token is an access token with instagram_basic, instagram_content_publish
	// and pages_read_engagement; for marks also with instagram_manage_comments.
	Token        string
	AppSecret    string        // of the app that Token belongs to
	AppID        string        // number of that app, for Check; "" where nobody asks how long Token lasts
	ImageHost    string        // where Check looks whether pictures can be fetched: an address of the site; "" for nowhere
	Timeout      time.Duration // bounds one call; 0 for 30 seconds
	AllowPrivate bool          // lets the channel call loopback and private addresses
	// PollInterval is the pause between two questions whether a container is
	// ready; 0 for 2 seconds.
	PollInterval time.Duration
	// PollFor is how long one call of Prepare or Publish waits for its container;
	// 0 for one minute. The caller's deadline may end it earlier.
	PollFor time.Duration
	// Now is the clock by which containers are old; nil for the machine's.
	Now func() time.Time
}

// A Channel publishes on one Instagram account.
type Channel struct {
	name         string
	user         string
	username     string
	pollInterval time.Duration
	pollFor      time.Duration
	proofs       proof.Maker // of what is prepared
	imageHost    string
	now          func() time.Time
	graph        *graph.Client
}

var (
	_ adapters.Clocked  = (*Channel)(nil)
	_ adapters.Finder   = (*Channel)(nil)
	_ adapters.Locator  = (*Channel)(nil)
	_ adapters.Marker   = (*Channel)(nil)
	_ adapters.Preparer = (*Channel)(nil)
)

// New returns the channel that c describes, or an error that names the field
// that is wrong.
func New(c Config) (*Channel, error) {
	if c.PollInterval == 0 {
		c.PollInterval = defaultPollInterval
	}
	if c.PollFor == 0 {
		c.PollFor = defaultPollFor
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.Name == "":
		return nil, errors.New("instagram channel: name: it is empty")
	case !graph.IsNumber(c.UserID):
		return nil, fmt.Errorf("instagram channel %q: user_id %q: write the professional account's number in digits", c.Name, c.UserID)
	case !regexp.MustCompile(`^[A-Za-z0-9._]{1,30}$`).MatchString(c.Username):
		return nil, fmt.Errorf("instagram channel %q: username %q: write the account's name without @", c.Name, c.Username)
	case c.PollInterval < 0 || c.PollFor < 0:
		return nil, fmt.Errorf("instagram channel %q: poll_interval %v, poll_for %v: they must not be negative", c.Name, c.PollInterval, c.PollFor)
	}
	client, err := graph.New(graph.Config{
		BaseURL: c.BaseURL, Version: c.Version, Token: c.Token, AppSecret: c.AppSecret, AppID: c.AppID,
		Timeout: c.Timeout, AllowPrivate: c.AllowPrivate,
	})
	if err != nil {
		return nil, fmt.Errorf("instagram channel %q: %w", c.Name, err)
	}
	return &Channel{
		name: c.Name, user: c.UserID, username: c.Username,
		pollInterval: c.PollInterval, pollFor: c.PollFor, proofs: proof.New("instagram/container/1", c.UserID, c.Token), imageHost: c.ImageHost, now: c.Now, graph: client,
	}, nil
}

// Name returns the configured name.
func (ch *Channel) Name() string { return ch.name }

// Kind returns "instagram".
func (ch *Channel) Kind() string { return "instagram" }

// Limits returns the bounds of a caption and its image.
func (ch *Channel) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: maxCaption, ImageRequired: true, ImageFetched: true, ImageMaxBytes: maxImage, MaxHashtags: maxHashtags, MaxMentions: maxMentions, Marks: adapters.MarkComment, MaxMark: maxComment}
}

// check returns what makes p unfit for this channel.
func (ch *Channel) check(p adapters.Post) error {
	if err := ch.Limits().Check(p); err != nil {
		return err
	}
	beyondASCII := func(r rune) bool { return r > '~' }
	switch {
	case p.Image.MediaType != "image/jpeg":
		return adapters.Fail(adapters.Permanent, "the image is %q, and this platform takes image/jpeg alone", p.Image.MediaType)
	case graph.PublicURL(p.Image.URL) == "" || strings.ContainsFunc(p.Image.URL, beyondASCII):
		return adapters.Fail(adapters.Permanent, "the image has no public address in ASCII, and this platform fetches it from there")
	case utf8.RuneCountInString(p.Image.Alt) > maxAlt:
		return adapters.Fail(adapters.Permanent, "the image's alternative text has %d characters, the limit is %d", utf8.RuneCountInString(p.Image.Alt), maxAlt)
	}
	return nil
}

// Prepare makes a container of p's image and text, waits until the platform has
// worked on it, and returns its number with the proof that it was made of p. It lives
// for 24 hours. The image must be public at Image.URL.
//
// A container that can never be published fails with [adapters.ErrPreparedDead].
// One that is not ready in time, or does not say, is returned all the same: it may
// become ready later, and Publish says if it has not.
func (ch *Channel) Prepare(ctx context.Context, p adapters.Post) (string, error) {
	if err := ch.check(p); err != nil {
		return "", fmt.Errorf("instagram: %w", err)
	}
	container, err := ch.create(ctx, p)
	if err != nil {
		return "", fmt.Errorf("instagram: prepare: %w", err)
	}
	if err := ch.await(ctx, container); errors.Is(err, adapters.ErrPreparedDead) {
		return "", fmt.Errorf("instagram: prepare: %w", err)
	}
	return ch.proofs.Prove(container.String(), p), nil
}

// create makes a container; the platform may still have to work on it.
func (ch *Channel) create(ctx context.Context, p adapters.Post) (container, error) {
	params := url.Values{"image_url": {p.Image.URL}, "caption": {p.Text}}
	if p.Image.Alt != "" {
		params.Set("alt_text", p.Image.Alt)
	}
	var out struct {
		ID string `json:"id"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{Method: http.MethodPost, Path: ch.user + "/media", Params: params, Rules: prepareRules()}, &out)
	if err == nil && !graph.IsNumber(out.ID) {
		err = ch.graph.Unreadable(a, "it names no container")
	}
	if err != nil {
		return container{}, misfetched(wire.Unsent(err), p.Image)
	}
	return container{out.ID, ch.now()}, nil
}

// Publish publishes the container a.Prepared; without one it makes one first. A
// first attempt takes it for ready, since Prepare has waited for that, and the
// platform refuses it if it is not. A later attempt asks the container what became
// of it, and waits until it is ready; so does one that has just made it. A
// container that can't be published any more, or that is not proven to be p's, fails
// with [adapters.ErrPreparedDead], and at a later attempt one that is public already
// as a Duplicate.
func (ch *Channel) Publish(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if err := ch.check(p); err != nil {
		return adapters.Receipt{}, fmt.Errorf("instagram: %w", err)
	}
	name, proven := ch.proofs.Proven(a.Prepared, p)
	made := readContainer(name)
	ask := a.N > 1
	switch {
	case a.Prepared == "":
		var err error
		if made, err = ch.create(ctx, p); err != nil {
			return adapters.Receipt{}, fmt.Errorf("instagram: prepare: %w", err)
		}
		ask = true
	case !proven:
		return adapters.Receipt{}, fmt.Errorf("instagram: %w", dead("container_unproven",
			"container %.40q does not prove that this account made it of this post with the token that it has", a.Prepared))
	}
	if ask {
		if err := ch.await(ctx, made); err != nil {
			return adapters.Receipt{}, fmt.Errorf("instagram: container: %w", err)
		}
	}
	var out struct {
		ID string `json:"id"`
	}
	answer, err := ch.graph.Do(ctx, graph.Call{
		Method: http.MethodPost,
		Path:   ch.user + "/media_publish",
		Params: url.Values{"creation_id": {made.number}},
		Rules:  publishRules(a.N),
	}, &out)
	if err == nil && !graph.IsID(out.ID) {
		err = ch.graph.Unreadable(answer, "it names no post")
	}
	if err != nil {
		return adapters.Receipt{}, fmt.Errorf("instagram: publish: %w", err)
	}
	ch.graph.Allowances().Spend(quota)
	return adapters.Receipt{ID: out.ID, URL: ch.page(), At: time.Now().UTC(), Evidence: ch.graph.Evidence(answer.Body)}, nil
}

// page returns the address of the account's page.
func (ch *Channel) page() string { return publicURL + ch.username + "/" }

// ReadBack fetches the post of r and compares its caption with p's text, and the
// image's alternative text where the platform tells it. The image itself comes
// back encoded anew, and is not compared.
func (ch *Channel) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	_, err := ch.Locate(ctx, p, r)
	return err
}

// Locate does what ReadBack does and returns the post's permalink, which the
// platform tells of a post that is public already.
func (ch *Channel) Locate(ctx context.Context, p adapters.Post, r adapters.Receipt) (string, error) {
	if err := isPost(r); err != nil {
		return "", fmt.Errorf("instagram: read back: %w", err)
	}
	var out struct {
		ID      string `json:"id"`
		Caption string `json:"caption"` // absent where it is empty
		Alt     string `json:"alt_text"`
		Link    string `json:"permalink"`
	}
	a, err := ch.graph.Do(ctx, graph.Call{
		Method: http.MethodGet,
		Path:   r.ID,
		Params: url.Values{"fields": {"id,caption,permalink,timestamp,media_type,media_url,alt_text,username,shortcode"}},
	}, &out)
	switch {
	case graph.IsAbsent(err):
		return "", fmt.Errorf("instagram: read back: %w", adapters.ErrNotPublished)
	case err != nil:
		return "", fmt.Errorf("instagram: read back: %w", err)
	case out.ID == "":
		return "", fmt.Errorf("instagram: read back: %w", ch.graph.Unreadable(a, "it names no post"))
	}
	if err := sameCaption(out.Caption, p.Text); err != nil {
		return "", fmt.Errorf("instagram: read back: %w", err)
	}
	if p.Image == nil || out.Alt == "" {
		return graph.PublicURL(out.Link), nil
	}
	shown, want := graph.Normalise(out.Alt), graph.Normalise(p.Image.Alt)
	if shown != want {
		return "", fmt.Errorf("instagram: read back: the image's alternative text: %w", &adapters.AlteredError{Shown: shown, Want: want})
	}
	return graph.PublicURL(out.Link), nil
}

// sameCaption compares a caption with the signed text. Whoever is no
// administrator of the account sees captions without any @.
func sameCaption(caption, text string) error {
	shown, want := graph.Normalise(caption), graph.Normalise(text)
	if shown == want || shown == graph.Normalise(strings.ReplaceAll(want, "@", "")) {
		return nil
	}
	return &adapters.AlteredError{Shown: shown, Want: want}
}

// Find asks the container a.Prepared, if it is proven to be p's, whether it was published,
// and looks for p among the account's posts unless it was not. A container that
// is published while the list lacks its post is not absent: that is a Failure.
func (ch *Channel) Find(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	state := ""
	name, proven := ch.proofs.Proven(a.Prepared, p)
	container := readContainer(name).number
	if proven {
		s, err := ch.status(ctx, container)
		switch {
		case graph.IsAbsent(err): // a fault of the platform, or older than it remembers: the list decides
		case err != nil:
			return adapters.Receipt{}, fmt.Errorf("instagram: find: container: %w", err)
		case s.Code == finished:
			return adapters.Receipt{}, fmt.Errorf("instagram: find: container %s waits for its publication: %w", container, adapters.ErrNotPublished)
		}
		state = s.Code
	}
	r, err := ch.graph.Find(ctx, graph.Search{
		Path: ch.user + "/media",
		Text: "caption", Time: "timestamp", Link: "permalink",
		Since: a.Since,
	}, p)
	switch {
	case errors.Is(err, adapters.ErrNotPublished) && state == published:
		return adapters.Receipt{}, fmt.Errorf("instagram: find: %w", &adapters.Failure{
			Kind: adapters.Unknown, Code: "container_published",
			Err: fmt.Errorf("container %s is published, and the account's list does not show its post: it is late, or somebody deleted it", container),
		})
	case err != nil:
		return adapters.Receipt{}, fmt.Errorf("instagram: find: %w", err)
	}
	if r.URL == "" {
		r.URL = ch.page()
	}
	return r, nil
}

// ClockOffset returns by how much this machine's clock is ahead of the platform's.
func (ch *Channel) ClockOffset() (time.Duration, bool) { return ch.graph.ClockOffset() }

// Close drops the idle connections.
func (ch *Channel) Close() { ch.graph.Close() }
