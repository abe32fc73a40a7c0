// Package xtest is a stand-in for api.x.com (API v2) that behaves: one account, its
// timeline, and the rules by which X takes, shows, counts and refuses posts of text.
//
// It takes replies and images, and no quotes, polls or edits: a request with them is
// refused as one that X's schema does not know.
package xtest

import (
	"cmp"
	"io"
	"net/http"
	"sync"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/x"
)

// maxBody bounds a request, in bytes.
const maxBody = 1 << 20

// A Config says who the one account is. Each zero value stands for one that works;
// [Platform.Account] returns what a channel needs to log in.
type Config struct {
	Now func() time.Time // the platform's clock; nil for the machine's

	ConsumerKey, ConsumerSecret string
	AccessToken, AccessSecret   string

	UserID   string // the account's number
	Username string // its name in addresses
	Name     string // its name on the page

	// FieldsParam is the one query parameter that is known for a post's fields:
	// "tweet.fields" (the default), or "post.fields", under which answers, too, use
	// the names of X's API specification 2.167.
	FieldsParam string

	// TakesEqualTexts takes a text that the account has just posted, where else it is
	// refused as a duplicate. X does not promise to refuse: who sends a text twice must
	// not rely on either.
	TakesEqualTexts bool

	// RefusesReplies refuses every answer, also to the account's own posts: the rule of X's
	// self-serve tiers since 2026-02-23, read strictly. Without it, answers to own posts are taken.
	RefusesReplies bool

	// PostsPerWindow is how many posts the account may make in 15 minutes; 0 for X's 100.
	PostsPerWindow int
}

// A Platform is the stand-in. It is safe for concurrent use.
type Platform struct {
	c      Config
	faults adapterstest.Faults
	routes http.Handler

	// mu guards what follows, and is held while a post is checked and applied, so
	// that two equal posts do not both pass.
	mu      sync.Mutex
	posts   []*stored          // in order of publication, deleted ones left out
	newest  map[string]*stored // the newest post of each text, in NFC, deleted ones left out
	lastID  int64
	nonces  map[string]time.Time // when each nonce was used
	used    []string             // the nonces, in the order of their use
	windows map[string]*window   // by endpoint
	media   map[string]*medium   // uploads, by their number

	condition adapterstest.Condition // guarded by mu
}

var _ adapterstest.Conditioned = (*Platform)(nil)

// New returns an account without posts.
func New(c Config) *Platform {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.ConsumerKey = cmp.Or(c.ConsumerKey, "stand-in-consumer-key")
	c.ConsumerSecret = cmp.Or(c.ConsumerSecret, "stand-in-consumer-secret")
	c.UserID = cmp.Or(c.UserID, "1730000000000000001")
	c.AccessToken = cmp.Or(c.AccessToken, c.UserID+"-stand-in-access-token")
	c.AccessSecret = cmp.Or(c.AccessSecret, "stand-in-access-secret")
	c.Username = cmp.Or(c.Username, "ProvinciaProva")
	c.Name = cmp.Or(c.Name, "Provincia di Prova")
	c.FieldsParam = cmp.Or(c.FieldsParam, "tweet.fields")
	c.PostsPerWindow = cmp.Or(c.PostsPerWindow, 100)
	p := &Platform{c: c, newest: map[string]*stored{}, nonces: map[string]time.Time{}, windows: map[string]*window{}, media: map[string]*medium{}}
	p.routes = p.handler()
	return p
}

// Account returns the configuration of a channel that publishes here, under the
// given name, where the platform listens at baseURL.
func (p *Platform) Account(name, baseURL string) x.Config {
	return x.Config{
		Name:           name,
		BaseURL:        baseURL,
		ConsumerKey:    p.c.ConsumerKey,
		ConsumerSecret: p.c.ConsumerSecret,
		AccessToken:    p.c.AccessToken,
		AccessSecret:   p.c.AccessSecret,
		UserID:         p.c.UserID,
		Username:       p.c.Username,
		FieldsParam:    p.c.FieldsParam,
		AllowPrivate:   true,
		Now:            p.c.Now,
	}
}

// Fail queues a fault for the coming posts.
func (p *Platform) Fail(f adapterstest.Fault) { p.faults.Fail(f) }

// Clear forgets the faults and ends Down.
func (p *Platform) Clear() { p.faults.Clear() }

// SetCondition puts the account into a condition of [adapterstest.Conditioned].
func (p *Platform) SetCondition(c adapterstest.Condition) error {
	switch c {
	case adapterstest.Good, adapterstest.Revoked, adapterstest.Rightless, adapterstest.Stranger, adapterstest.Spent, adapterstest.NoPictures:
	default:
		return adapterstest.ErrNoCondition
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.condition = c
	return nil
}

// is reports whether the account is in a condition.
func (p *Platform) is(c adapterstest.Condition) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.condition == c
}

// Live returns the public posts in order of publication, with the text as it was
// sent: without t.co addresses and escapes.
func (p *Platform) Live() []adapterstest.Live {
	p.mu.Lock()
	defer p.mu.Unlock()
	live := make([]adapterstest.Live, 0, len(p.posts))
	for _, s := range p.posts {
		l := adapterstest.Live{
			ID: s.ID(), Text: s.text, First: s.text, At: s.at,
			URL: "https://x.com/" + p.c.Username + "/status/" + s.ID(), ReplyTo: s.replyTo,
		}
		if s.image != nil {
			l.Image, l.Alt = s.image.sha256, s.image.alt
		}
		live = append(live, l)
	}
	return live
}

// ServeHTTP serves the API.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.faults.IsDown() {
		adapterstest.Drop()
	}
	p.routes.ServeHTTP(w, r)
}

// An endpoint is a call of the API: its budget, and what it does for a caller who
// has been recognised.
type endpoint struct {
	pattern  string
	limit    int // calls in 15 minutes
	dayLimit int // calls in 24 hours; 0 for none
	serve    func(w http.ResponseWriter, r *http.Request, body []byte)
}

// handler returns the API. The budgets are those of X's documentation for one user.
func (p *Platform) handler() http.Handler {
	mux := http.NewServeMux()
	for _, e := range []endpoint{
		{"POST /2/tweets", p.c.PostsPerWindow, 10_000, p.create},
		{"DELETE /2/tweets/{id}", 50, 0, p.delete},
		{"GET /2/tweets/{id}", 900, 0, p.show},
		{"GET /2/tweets", 5000, 0, p.showMany},
		{"GET /2/users/{id}/tweets", 900, 0, p.timeline},
		{"GET /2/users/me", 75, 0, p.me},
		{"POST /2/media/upload", 500, 0, p.upload},
		{"POST /2/media/metadata", 500, 0, p.describe},
	} {
		mux.HandleFunc(e.pattern, func(w http.ResponseWriter, r *http.Request) { p.guard(e, w, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		p.answerHeaders(w, window{})
		refuse(w, http.StatusNotFound, "Not Found", "Not Found", "about:blank")
	})
	return mux
}

// guard reads the request, recognises the caller and counts the call, then serves it.
func (p *Platform) guard(e endpoint, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Payload Too Large", "Payload Too Large", "about:blank")
		return
	}
	if status, answer := p.recognise(r); answer != nil {
		p.answerHeaders(w, p.look(e))
		write(w, status, answer)
		return
	}
	count, ok := p.count(e)
	p.answerHeaders(w, count)
	if !ok {
		tooMany(w)
		return
	}
	switch {
	case p.is(adapterstest.Spent):
		write(w, http.StatusPaymentRequired, problem{
			Title: "Payment Required", Detail: "credits depleted", Status: http.StatusPaymentRequired, Type: "https://api.x.com/2/problems/credits-depleted",
		})
		return
	case p.is(adapterstest.Rightless) && r.Method != http.MethodGet:
		refuse(w, http.StatusForbidden, "Forbidden", "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.", problems+"oauth1-permissions")
		return
	}
	e.serve(w, r, body)
}
