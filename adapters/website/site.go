package website

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/templates/pages"
)

const (
	// minToken is the shortest credential that the site takes, in bytes.
	minToken = 16
	// feedKeeps is how long an entry stays in the feed after its message expired,
	// and an alert in the list of those that ended a short while ago.
	feedKeeps = 48 * time.Hour
)

// An OfficialChannel is a profile that the authority declares to be its own.
type OfficialChannel struct {
	Name string // as the public knows it: "@ProvinciaSavona"
	Kind string // the platform, as readers call it: "Telegram"
	URL  string // http or https
}

// A SiteConfig says whose site it is, and who may write to it.
type SiteConfig struct {
	// PublicURL is the address under which the public reads the site:
	// scheme and host without a path, "https://allerte.provincia.example.it".
	// Required.
	PublicURL string
	// Token is the credential that a writer shows, at least 16 bytes. Required.
	Token string
	// Issuer is the authority's name, as it stands at the head of each page. Required.
	Issuer string
	// Language is that of the pages where an address names none: "it", "en",
	// "de" or "fr"; "" for Italian.
	Language string
	// Zone is the IANA name of the time zone that readers live in; "" for
	// Europe/Rome.
	Zone string
	// Channels are the authority's official profiles, in the order shown.
	Channels []OfficialChannel
	// PolicyURL is where the authority's publication policy stands; "" for none.
	PolicyURL string
	// Exercise marks the site of the exercise realm: every page says so, and a
	// message of status Actual is refused.
	Exercise bool
	// Now is the site's clock; nil for the machine's.
	Now func() time.Time
	// Log takes what an operator must know; nil for nothing.
	Log *slog.Logger
}

// A Site is the authority's public site, kept in memory: a projection that holds
// what writers have handed it since its process began, and nothing else. See
// [Channel.Restore] for how it is filled again.
//
// Readers see one snapshot of it, which no write changes: a write makes the next
// snapshot and puts it in the place of the former one in one step. It is safe for
// concurrent use.
type Site struct {
	c       SiteConfig
	base    *url.URL
	zone    *time.Location
	pages   *pages.Pages
	missing map[string]*document // by the frame's language
	digest  [32]byte             // of the token
	packer  packer

	// mu is held while the next snapshot is made out of the former one, so that
	// no write is lost between two writers.
	mu   sync.Mutex
	snap atomic.Pointer[snapshot]

	awaited awaited
	doubted atomic.Bool
}

// NewSite returns a site that shows nothing yet. Its error names the field of c
// that must be set right.
func NewSite(c SiteConfig) (*Site, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Zone == "" {
		c.Zone = "Europe/Rome"
	}
	base, err := baseURL(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("website: public address: %w", err)
	}
	switch {
	case len(c.Token) < minToken:
		return nil, fmt.Errorf("website: the token must have at least %d characters", minToken)
	case strings.TrimSpace(c.Issuer) == "" || !utf8.ValidString(c.Issuer):
		return nil, errors.New("website: the issuer, which stands at the head of each page, is missing")
	}
	if err := checkLinks(c); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("website: time zone (install the time zone data, or build with them): %w", err)
	}
	p, err := pages.New(c.Language)
	if err != nil {
		return nil, fmt.Errorf("website: %w", err)
	}
	c.PublicURL = base.String()
	s := &Site{c: c, base: base, zone: zone, pages: p, digest: tokenDigest(c.Token)}
	s.missing = s.missingPages()
	s.snap.Store(s.first())
	return s, nil
}

// baseURL reads an address of scheme and host alone.
func baseURL(address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil {
		return nil, errors.New("it is not an address")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("it must begin with https:// (or http://) and name a host")
	}
	if u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("it must hold the scheme and the host, and nothing else")
	}
	return u, nil
}

// checkLinks returns an error if a configured link cannot be followed.
func checkLinks(c SiteConfig) error {
	if c.PolicyURL != "" && !isWebLink(c.PolicyURL) {
		return errors.New("website: the policy's address must begin with https:// or http://")
	}
	for i, ch := range c.Channels {
		if ch.Name == "" || ch.Kind == "" || !isWebLink(ch.URL) {
			return fmt.Errorf("website: official channel %d needs a name, a kind, and an address that begins with https:// or http://", i+1)
		}
	}
	return nil
}

func isWebLink(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// A Published is a post that the site shows.
type Published struct {
	Post adapters.Post
	URL  string    // of the alert's page
	At   time.Time // when the site took the post, or first took it before it was restored
}

// Posts returns every post that the site shows, in the order in which it took
// them. The bytes that they point to are the site's own: they must not be changed.
func (s *Site) Posts() []Published {
	v := s.view()
	all := make([]Published, len(v.order))
	for i, p := range v.order {
		all[i] = s.published(p)
	}
	return all
}

func (s *Site) published(p *stored) Published {
	return Published{Post: p.Post, URL: s.c.PublicURL + alertPath(p.Notice.Code), At: p.at}
}

// view returns the snapshot that is right at this moment. Where the clock alone
// has changed what is in force, it makes the next one.
func (s *Site) view() *snapshot {
	v, now := s.snap.Load(), s.c.Now()
	if v.rightAt(now) {
		return v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.advance(now)
}

// advance returns the snapshot that is right at now. The caller holds mu.
func (s *Site) advance(now time.Time) *snapshot {
	v := s.snap.Load()
	if !v.rightAt(now) {
		v = s.settled(v, now)
		s.snap.Store(v)
	}
	return v
}

// take shows p from now on and returns what is shown under its key, and whether
// that is new. A zero at stands for now. Its error is a [refusal].
func (s *Site) take(p *stored, at time.Time) (shown *stored, fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.c.Now()
	v := s.advance(now)
	if err := v.conflict(p); err != nil {
		return nil, false, err
	}
	if was := v.posts.get(string(p.Key)); was != nil {
		return was, false, nil
	}
	if p.at = at; at.IsZero() {
		p.at = now.Round(0) // without the monotonic reading, which no page can show
	}
	s.snap.Store(s.with(v, p, now))
	return p, true, nil
}

// host shows m from now until the moment given. Its error is a [refusal].
func (s *Site) host(m *media, until time.Time) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.c.Now()
	v := s.advance(now)
	if !until.After(now) {
		return false, bad("the image's time was over at %s", until.Format(time.RFC3339))
	}
	fresh = v.files.get(m.path) == nil
	if fresh {
		if err := v.room(len(m.data)); err != nil {
			return false, err
		}
	}
	next := *v // an image alone changes no page
	next.addGuest(m, until)
	s.snap.Store(&next)
	return fresh, nil
}
