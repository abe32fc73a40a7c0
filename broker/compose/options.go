package compose

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/card"
	"tocsin/templates/places"
)

// A Channel is where a post is to be published, as far as compose needs to know.
type Channel struct {
	Name   string // "telegram-savona"; lower-case letters, digits and hyphens
	Kind   string // "telegram"; carried into the bulletin, never looked at here
	Limits adapters.Limits
	// Languages are the only ones that its posts say, in this order: "de" takes "de-AT"
	// too. None is all of the message; a message that has none of them is told in its
	// first. A page has all of them always.
	Languages []string
}

// Options say who composes, for whom, and what the world looks like at that
// moment.
type Options struct {
	// Realm must be the realm of the ledger that the bulletin is for. In the
	// exercise realm, the first and last line of every text say so.
	Realm alert.Realm
	// Issuer is the office, as the public is shown it: "Provincia di Savona –
	// Protezione civile". Never a person. At most 200 bytes.
	Issuer string
	// Sender is the CAP sender of our messages, best based on a domain name.
	Sender string
	// CodePrefix begins our alert codes: "SV". Only NewAlert looks at it.
	CodePrefix string
	// SiteURL is the public address of the alert site, without a path that ends
	// in a slash: "https://allerte.example.it". Posts link to SiteURL/a/CODE.
	SiteURL string
	// Channels are the addressees, in the order of the bulletin.
	Channels []Channel
	// Languages come first where a text or a channel says several, in this order; "de"
	// takes "de-AT" too. Those of the message that are not named follow as they stand in
	// it. Nil means Italian first.
	Languages []string
	// Location is where the readers' clocks are; nil means Europe/Rome.
	Location *time.Location
	// Now is the moment of composing. It is required: the package has no clock.
	Now time.Time
	// Random is where identifiers come from; nil means crypto/rand.
	Random io.Reader
	// Lifetime is how long a message holds that does not say it; 0 means 24 hours.
	Lifetime time.Duration
	// SignWithin is how long after Now the signatures that release the bulletin must
	// be in the ledger; 0 for no bound but its end. What is prepared inside it, and what
	// revokes, can be signed as long as it holds.
	SignWithin time.Duration
	// Shorter are the author's own shorter wordings of headlines and steps, by the
	// language of an info, then by the text that stands in the message, the longest
	// first. Posts try them before they leave anything out; pages show what the message
	// says. Nil is fine.
	Shorter map[string]map[string][]string
	// Form is the scenario of which the message was made, with its values: the bulletin
	// bears it, so that what follows can begin from it. Nil where there is none.
	Form *bulletin.Form
	// Cards draws the pictures. Nil is fine, and costs reading the fonts for each
	// bulletin that has one.
	Cards Drawer

	whole *alert.Message // what a ratification says: set where a break-glass bulletin is composed
}

// A Drawer draws cards on the map of a territory, as a [card.Renderer] does.
type Drawer interface {
	Lay(c card.Card, s card.Size) (card.Picture, error)
	Render(c card.Card, s card.Size, f card.Format) (card.Picture, error)
	Territory() *places.Territory
}

// NewAlert draws the identifier and the public code of a new alert. Codes are
// few: the caller checks that the ledger does not hold the code yet, and draws
// again where it does.
func NewAlert(o Options) (alert.ID, alert.Code, error) {
	o = o.filled()
	id, err := alert.NewID(o.Random)
	if err != nil {
		return "", "", err
	}
	code, err := alert.NewCode(o.CodePrefix, o.Random)
	return id, code, err
}

func (o Options) filled() Options {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Lifetime == 0 {
		o.Lifetime = 24 * time.Hour
	}
	o.SiteURL = strings.TrimRight(o.SiteURL, "/")
	o.Now = o.Now.Truncate(time.Second)
	return o
}

// settled returns o with every default in place, or what must be corrected in
// the configuration.
func (o Options) settled() (Options, error) {
	o = o.filled()
	if o.Location == nil {
		rome, err := time.LoadLocation("Europe/Rome")
		if err != nil {
			return o, fmt.Errorf("compose: the time zone Europe/Rome is not on this machine: %w; install tzdata or name a zone", err)
		}
		o.Location = rome
	}
	o.Now = o.Now.In(o.Location)
	switch {
	case !o.Realm.Valid():
		return o, fmt.Errorf("compose: realm %q is neither live nor exercise; set it in the configuration", o.Realm)
	case strings.TrimSpace(o.Issuer) == "" || o.Issuer != tidyLine(o.Issuer):
		return o, fmt.Errorf("compose: the issuer %q is empty or has blanks or hidden characters too many; set the office's name as the public knows it", o.Issuer)
	case o.Sender == "":
		return o, errors.New("compose: the CAP sender is not set; name one such as allerte@provincia.example.it")
	case o.Now.IsZero():
		return o, errors.New("compose: the moment of composing is not set")
	case o.SignWithin < 0:
		return o, fmt.Errorf("compose: the time to sign, %v, is below zero", o.SignWithin)
	case o.Lifetime < 0:
		return o, fmt.Errorf("compose: the lifetime %v is below zero", o.Lifetime)
	case !plainBase(o.SiteURL):
		return o, fmt.Errorf("compose: the site address %q is not one such as https://allerte.example.it; set it without user, query or fragment", o.SiteURL)
	}
	return o, nil
}

// plainBase reports whether s is an address to which a path can be added.
func plainBase(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == "" && s == tidyLine(s) && !strings.Contains(s, " ")
}

func (o Options) link(code alert.Code) string { return o.SiteURL + "/a/" + string(code) }

// check returns where the site tells whether a code is genuine.
func (o Options) check(code alert.Code) string { return o.SiteURL + "/verifica?codice=" + string(code) }

// media returns where the site shows a picture with that SHA-256.
func (o Options) media(sha256 string) string { return o.SiteURL + "/media/" + sha256 + ".jpg" }
