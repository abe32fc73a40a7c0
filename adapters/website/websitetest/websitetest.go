// Package websitetest puts the real site behind the fault scripts, for the
// channel's tests and for the demo.
//
// It is no second implementation of the site: what it shows is what the site
// shows. It stands in front of the site and lets it fail in the ways in which a
// web server, its host or its editors do.
package websitetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/website"
)

// A Front stands in front of a site and plays the scripts of its Faults on the
// writes of posts. It is safe for concurrent use.
type Front struct {
	site   *website.Site
	faults *adapterstest.Faults
	now    func() time.Time
	ingest http.Handler
	public http.Handler

	// mu guards held.
	mu   sync.Mutex
	held []held
}

// A held is a write that the public does not see yet: Lag.
type held struct {
	post  adapters.Post
	url   string    // what the writer was told
	at    time.Time // when the writer was told that it is public
	due   time.Time // when the public sees it
	again *http.Request
	body  []byte
}

// WithFaults returns a front for site that plays the scripts of faults; now is the
// clock by which a late post becomes visible, nil for the machine's.
func WithFaults(site *website.Site, faults *adapterstest.Faults, now func() time.Time) *Front {
	if now == nil {
		now = time.Now
	}
	return &Front{site: site, faults: faults, now: now, ingest: site.Ingest(), public: site.Public()}
}

// Ingest returns the site's writers' side with the faults.
func (f *Front) Ingest() http.Handler { return http.HandlerFunc(f.serveIngest) }

// Public returns the readers' side: the site's own, without the posts that are
// late, and off the network where Down is set.
func (f *Front) Public() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.faults.IsDown() {
			adapterstest.Drop()
		}
		f.release()
		f.public.ServeHTTP(w, r)
	})
}

// ServeHTTP serves both sides on one listener.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut || strings.HasPrefix(r.URL.Path, "/posts") {
		f.serveIngest(w, r)
		return
	}
	f.Public().ServeHTTP(w, r)
}

// Fail queues a fault for the coming writes of posts.
func (f *Front) Fail(fault adapterstest.Fault) { f.faults.Fail(fault) }

// Clear forgets the faults that have not been played, and ends Down.
func (f *Front) Clear() { f.faults.Clear() }

// Live returns what the public sees, and what the site was told but shows late, in
// order of publication.
func (f *Front) Live() []adapterstest.Live {
	f.release()
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []adapterstest.Live
	for _, p := range f.site.Posts() {
		all = append(all, live(p.Post, p.At, p.URL))
	}
	for _, h := range f.held {
		all = append(all, live(h.post, h.at, h.url))
	}
	return all
}

func live(p adapters.Post, at time.Time, address string) adapterstest.Live {
	l := adapterstest.Live{ID: string(p.Key), Text: p.Text, First: p.Text, At: at, URL: address, Lang: p.Lang}
	if p.Image != nil {
		l.Image, l.Alt = p.Image.SHA256, p.Image.Alt
	}
	return l
}

func (f *Front) serveIngest(w http.ResponseWriter, r *http.Request) {
	if f.faults.IsDown() {
		adapterstest.Drop()
	}
	f.release()
	if r.Method != http.MethodPut || !strings.HasPrefix(r.URL.Path, "/posts/") {
		f.ingest.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, website.MaxBody+1))
	if err != nil {
		adapterstest.Drop() // the writer went away in the middle
	}
	// A request that the site refuses meets no fault.
	if dry := f.call(r, body, "dry_run=1"); dry.Code != http.StatusOK {
		pass(w, dry)
		return
	}
	f.play(w, r, body, f.faults.Take())
}

// play puts a post on the site under a fault.
func (f *Front) play(w http.ResponseWriter, r *http.Request, body []byte, fault adapterstest.Fault) {
	fault.PlayBefore(r)
	switch fault.Kind {
	case adapterstest.Throttle:
		w.Header().Set("Retry-After", strconv.Itoa(int((fault.Wait+time.Second-1)/time.Second)))
		fail(w, http.StatusTooManyRequests, "too many requests: wait")
		return
	case adapterstest.AuthGone:
		w.Header().Set("WWW-Authenticate", "Bearer")
		fail(w, http.StatusUnauthorized, "the credential is not the site's")
		return
	case adapterstest.Credits:
		fail(w, http.StatusInsufficientStorage, "the site is full")
		return
	case adapterstest.Lag:
		pass(w, f.hold(r, body, fault.Wait))
		return
	case adapterstest.Delete:
		// Shown and taken off again before anybody looked.
		pass(w, f.call(r, body, "dry_run=1"))
		return
	case adapterstest.Alter:
		body = altered(body)
	default:
	}
	if f.isHeld(r) {
		pass(w, f.call(r, body, "dry_run=1"))
		return
	}
	answer := f.call(r, body, "")
	switch {
	case fault.Kind == adapterstest.Apply500, fault.Kind == adapterstest.ApplyRefuse:
		fail(w, http.StatusInternalServerError, "the site could not do this: see its log")
	case fault.Kind == adapterstest.DuplicateOf:
		// The site has no answer of its own for this: a key is taken once.
		adapterstest.Drop()
	case fault.PlayAfter(w, r):
	default:
		pass(w, answer)
	}
}

// call hands the request to the site, with more in its query.
func (f *Front) call(r *http.Request, body []byte, more string) *httptest.ResponseRecorder {
	again := r.Clone(r.Context())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	again.URL.RawQuery = strings.Trim(again.URL.RawQuery+"&"+more, "&")
	answer := httptest.NewRecorder()
	f.ingest.ServeHTTP(answer, again)
	return answer
}

// hold keeps a write back until wait has passed and returns the site's answer to it.
func (f *Front) hold(r *http.Request, body []byte, wait time.Duration) *httptest.ResponseRecorder {
	answer := f.call(r, body, "dry_run=1")
	// The writer's own context ends long before the post shows.
	h := held{again: r.Clone(context.WithoutCancel(r.Context())), body: body, due: f.now().Add(wait)}
	var taken struct {
		URL string
		At  time.Time
	}
	if json.Unmarshal(body, &h.post) != nil || json.Unmarshal(answer.Body.Bytes(), &taken) != nil {
		return answer // a refusal: there is nothing to keep back
	}
	h.url, h.at = taken.URL, taken.At
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = append(f.held, h)
	return answer
}

// isHeld reports whether the post of this request is late already.
func (f *Front) isHeld(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.held {
		if h.again.URL.Path == r.URL.Path {
			return true
		}
	}
	return false
}

// release hands the site the writes whose time has come.
func (f *Front) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var later []held
	for _, h := range f.held {
		if f.now().Before(h.due) {
			later = append(later, h)
			continue
		}
		f.call(h.again, h.body, "at="+h.at.UTC().Format(time.RFC3339Nano))
	}
	f.held = later
}

// altered changes the text of a post, as an editor of the site could.
func altered(body []byte) []byte {
	var p adapters.Post
	if json.Unmarshal(body, &p) != nil {
		return body
	}
	text := []rune(p.Text)
	p.Text = string(text[1:]) + "."
	changed, err := json.Marshal(p)
	if err != nil {
		return body
	}
	return changed
}

// fail answers in the site's own form.
func fail(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{\"error\":%q}\n", why)
}

// pass writes the site's answer.
func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // a writer that hung up looks on the page
}

// Options say what a [Platform] is made of. The zero value is usable.
type Options struct {
	Token     string           // the site's credential; "" for [Token]
	PublicURL string           // the address that the site gives out; "" for https://allerte.example.it
	Now       func() time.Time // the clock of the site and of the faults; nil for the machine's
}

// Token is the credential of a [Platform] that was not given one. It opens
// nothing else.
const Token = "site+test/token SECRET"

// A Platform is a site of its own, empty, with its faults and both sides on one
// listener.
type Platform struct {
	*Front
	Site *website.Site
}

var _ adapterstest.Platform = (*Platform)(nil)

// New returns a site that shows nothing. Its error names the option that must be
// set right.
func New(o Options) (*Platform, error) {
	if o.Token == "" {
		o.Token = Token
	}
	if o.PublicURL == "" {
		o.PublicURL = "https://allerte.example.it"
	}
	site, err := website.NewSite(website.SiteConfig{
		PublicURL: o.PublicURL, Token: o.Token, Now: o.Now,
		Issuer: "Provincia di Savona", PolicyURL: "https://www.provincia.example.it/social-media-policy",
		Channels: []website.OfficialChannel{
			{Name: "@ProvinciaSavona", Kind: "Telegram", URL: "https://t.me/example"},
			{Name: "Provincia di Savona", Kind: "Facebook", URL: "https://facebook.example/provinciasavona"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open the fake site: %w", err)
	}
	return &Platform{Front: WithFaults(site, new(adapterstest.Faults), o.Now), Site: site}, nil
}
