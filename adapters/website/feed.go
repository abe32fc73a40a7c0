package website

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/templates/pages"
	"tocsin/templates/wording"
)

// maxEntries bounds the feed: readers of feeds poll it.
const maxEntries = 200

type atomFeed struct {
	XMLName xml.Name    `xml:"feed"`
	Space   string      `xml:"xmlns,attr"`
	CAP     string      `xml:"xmlns:cap,attr"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  atomAuthor  `xml:"author"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomAuthor struct {
	Name string `xml:"name"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Lang string `xml:"xml:lang,attr"`
	Text string `xml:",chardata"`
}

type atomEntry struct {
	ID         string        `xml:"id"`
	Title      atomText      `xml:"title"`
	Published  string        `xml:"published"`
	Updated    string        `xml:"updated"`
	Author     *atomAuthor   `xml:"author"`
	Links      []atomLink    `xml:"link"`
	Categories []atomTerm    `xml:"category"`
	Summary    atomText      `xml:"summary"`
	Identifier string        `xml:"cap:identifier"`
	Sender     string        `xml:"cap:sender"`
	Sent       string        `xml:"cap:sent"`
	Status     string        `xml:"cap:status"`
	MsgType    string        `xml:"cap:msgType"`
	Scope      string        `xml:"cap:scope,omitempty"`
	Event      string        `xml:"cap:event,omitempty"`
	Urgency    string        `xml:"cap:urgency,omitempty"`
	Severity   string        `xml:"cap:severity,omitempty"`
	Certainty  string        `xml:"cap:certainty,omitempty"`
	Effective  string        `xml:"cap:effective,omitempty"`
	Onset      string        `xml:"cap:onset,omitempty"`
	Expires    string        `xml:"cap:expires"`
	Areas      []string      `xml:"cap:areaDesc"`
	Geocodes   []atomGeocode `xml:"cap:geocode"`
}

type atomTerm struct {
	Term string `xml:"term,attr"`
}

type atomGeocode struct {
	Name  string `xml:"cap:valueName"`
	Value string `xml:"cap:value"`
}

// atom renders the feed of v: one entry for each message that has not been
// expired for long, the newest first (RFC 4287, with CAP elements as in the OASIS
// note on CAP feeds).
func (s *Site) atom(v *snapshot) ([]byte, error) {
	var messages []*bulletin
	for _, r := range v.alerts.all() {
		for _, b := range r.bulletins {
			if v.from.Before(b.head().Notice.Expires.Add(feedKeeps)) {
				messages = append(messages, b)
			}
		}
	}
	slices.SortFunc(messages, func(a, b *bulletin) int {
		return cmp.Or(b.head().Notice.Sent.Compare(a.head().Notice.Sent), cmp.Compare(b.number, a.number),
			cmp.Compare(a.head().Key, b.head().Key))
	})
	messages = messages[:min(len(messages), maxEntries)]
	feed := atomFeed{
		Space: "http://www.w3.org/2005/Atom", CAP: capSpace, Lang: s.pages.Language(),
		ID: s.c.PublicURL + "/feed.atom", Title: s.pages.FeedTitle(s.c.Issuer, s.c.Exercise), Updated: s.stamp(v.changed),
		Author: atomAuthor{Name: s.c.Issuer},
		Links: []atomLink{
			{Rel: "self", Type: "application/atom+xml", Href: s.c.PublicURL + "/feed.atom"},
			{Rel: "alternate", Type: "text/html", Href: s.c.PublicURL + "/"},
		},
	}
	for _, b := range messages {
		feed.Entries = append(feed.Entries, s.entry(b))
	}
	body, err := xml.MarshalIndent(feed, "", " ")
	if err != nil {
		return nil, fmt.Errorf("render the feed: %w", err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

// entry returns the feed's entry for a message. It is the same for ever: a change
// is another message.
func (s *Site) entry(b *bulletin) atomEntry {
	p := b.head()
	n := p.Notice
	voice := b.voice(s.pages.Language())
	e := atomEntry{
		ID:        s.tagURI(n.Identifier, n.Sent),
		Title:     atomText{Type: "text", Lang: voice.Lang, Text: s.pages.DrillTitle(voice.headline(), drillOf(n.Status))},
		Published: s.stamp(n.Sent), Updated: s.stamp(n.Sent),
		Links:      []atomLink{{Rel: "alternate", Type: "text/html", Href: s.c.PublicURL + alertPath(n.Code)}},
		Categories: []atomTerm{{Term: n.Status}, {Term: n.MsgType}},
		Summary:    atomText{Type: "text", Lang: voice.Lang, Text: voice.Text},
		Identifier: n.Identifier, Sender: n.Sender, Sent: s.stamp(n.Sent), Status: n.Status, MsgType: n.MsgType,
		Scope: p.facts().scope, Event: n.Event, Urgency: n.Urgency, Severity: n.Severity, Certainty: n.Certainty,
		Effective: s.stamp(p.facts().effective), Onset: s.stamp(p.facts().onset), Expires: s.stamp(n.Expires), Areas: n.Areas,
	}
	if n.Issuer != "" {
		e.Author = &atomAuthor{Name: n.Issuer}
	}
	if len(n.CAP) > 0 {
		e.Links = append(e.Links, atomLink{Rel: "related", Type: "application/cap+xml", Href: s.c.PublicURL + capPath(n.Identifier)})
	}
	for _, g := range p.facts().geocodes {
		e.Geocodes = append(e.Geocodes, atomGeocode{Name: g.name, Value: g.value})
	}
	return e
}

// tagURI returns a name for a message that holds for ever (RFC 4151): the
// authority's host on the day on which the message was sent, and the identifier.
func (s *Site) tagURI(identifier string, sent time.Time) string {
	return "tag:" + s.base.Hostname() + "," + sent.UTC().Format(time.DateOnly) + ":" +
		strings.TrimSuffix(strings.TrimPrefix(capPath(identifier), "/"), ".xml")
}

// stamp returns t in the site's zone, as CAP and Atom write it; "" for no time.
func (s *Site) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(s.zone).Format("2006-01-02T15:04:05-07:00")
}

// CurrentSchema names the form of [Current]. It changes when a field changes its
// meaning or goes, not when one is added.
const CurrentSchema = "tocsin/current/1"

// Current is /alerts/current.json: what is in force, for other sites, apps and
// sign boards. An empty list of alerts says that there is none.
type Current struct {
	Schema   string         `json:"schema"`             // [CurrentSchema]
	Issuer   string         `json:"issuer"`             // the authority that runs the site
	Exercise bool           `json:"exercise,omitempty"` // the site is one for exercises: nothing on it is real
	Updated  time.Time      `json:"updated"`            // the last change by a message
	Alerts   []CurrentAlert `json:"alerts"`             // in the order in which they matter; never null
}

// CurrentAlert is an alert that has not expired. Its texts are on its page.
type CurrentAlert struct {
	Code      string    `json:"code"`            // the public alert code, "SV-7F3K2"
	URL       string    `json:"url"`             // the alert's page
	State     string    `json:"state"`           // in_force, ended (all clear) or revoked
	Status    string    `json:"status"`          // CAP status: only Actual is real
	MsgType   string    `json:"msg_type"`        // CAP msgType of the newest message
	Bulletin  int       `json:"bulletin"`        // its number within the alert
	Level     string    `json:"level,omitempty"` // verde, gialla, arancione or rossa where the issuer declared one
	Event     string    `json:"event"`
	Headline  string    `json:"headline"`
	Language  string    `json:"language"`  // of event, headline and areas, BCP 47
	Languages []string  `json:"languages"` // of the texts on the page
	Urgency   string    `json:"urgency"`
	Severity  string    `json:"severity"`
	Certainty string    `json:"certainty"`
	Areas     []string  `json:"areas"`
	Sent      time.Time `json:"sent"`
	Expires   time.Time `json:"expires"` // from this moment on the alert is not in force, whatever a copy says
	Issuer    string    `json:"issuer"`
	CAP       string    `json:"cap,omitempty"`    // the signed CAP document
	SHA256    string    `json:"sha256,omitempty"` // of the signed bulletin
}

// currentJSON renders /alerts/current.json of v.
func (s *Site) currentJSON(v *snapshot) ([]byte, error) {
	c := Current{
		Schema: CurrentSchema, Issuer: s.c.Issuer, Exercise: s.c.Exercise,
		Updated: v.changed.In(s.zone).Truncate(time.Second), Alerts: []CurrentAlert{},
	}
	current, _ := v.standing()
	for _, r := range current {
		c.Alerts = append(c.Alerts, s.currentAlert(r))
	}
	body, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return nil, fmt.Errorf("render the current alerts: %w", err)
	}
	return append(body, '\n'), nil
}

func (s *Site) currentAlert(r *record) CurrentAlert {
	b := r.newest()
	p := b.head()
	n := p.Notice
	a := CurrentAlert{
		Code: r.code, URL: s.c.PublicURL + alertPath(r.code), State: stateWord(r.state()), Status: n.Status, MsgType: n.MsgType,
		Bulletin: b.number, Event: n.Event, Urgency: n.Urgency, Severity: n.Severity, Certainty: n.Certainty,
		Language: p.Lang, Headline: cmp.Or(n.Headline, p.Title), Areas: append([]string{}, n.Areas...), Languages: []string{},
		Sent: n.Sent.In(s.zone), Expires: n.Expires.In(s.zone), Issuer: n.Issuer, SHA256: n.SHA256,
	}
	if level, declared := levelOf(p); declared {
		a.Level = colourWord(level)
	}
	if len(n.CAP) > 0 {
		a.CAP = s.c.PublicURL + capPath(n.Identifier)
	}
	for _, post := range b.posts {
		if !slices.Contains(a.Languages, post.Lang) {
			a.Languages = append(a.Languages, post.Lang)
		}
	}
	return a
}

// colourWord returns the word for an alert colour in /alerts/current.json, as the
// institutions write it.
func colourWord(l wording.Level) string {
	switch l {
	case wording.Green:
		return "verde"
	case wording.Yellow:
		return "gialla"
	case wording.Orange:
		return "arancione"
	case wording.Red:
		return "rossa"
	default:
		return ""
	}
}

// stateWord returns the word for a state in /alerts/current.json.
func stateWord(s pages.State) string {
	switch s {
	case pages.Ended:
		return "ended"
	case pages.Revoked:
		return "revoked"
	case pages.Expired:
		return "expired"
	default:
		return "in_force"
	}
}
