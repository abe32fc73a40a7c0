package alert

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"slices"
	"strings"
	"time"
)

const (
	namespaceAtom = "http://www.w3.org/2005/Atom"

	maxFeed        = 4 << 20
	maxFeedEntries = 500
	maxFeedDepth   = 64
	maxFeedTokens  = 500_000
)

// A Feed is a list of alerts as others publish it: Atom (RFC 4287) or RSS 2.0.
type Feed struct {
	Title   string
	Entries []FeedEntry
	// LeftOut counts entries beyond the first 500, which are not read.
	LeftOut int
}

// A FeedEntry is one alert in a feed, in the words of the feed: nothing of it is checked,
// and nothing of it is a CAP message but what Message holds.
type FeedEntry struct {
	ID    string
	Title string
	// Updated is when the feed says that the entry was written; zero if it does not.
	Updated time.Time
	// Link is where the CAP document is, as the feed writes it, perhaps relative to the
	// feed's own address; "" where the entry names none.
	Link string
	// Message is the CAP document that stands in the entry itself, byte for byte; nil
	// where there is none.
	Message []byte

	// What the entry repeats of the alert, each "" where it does not.
	Identifier, Sender, Sent, Status, MsgType, Event, Severity, Expires, Area string

	// exact says that Link is of the type of CAP.
	exact bool
}

// ReadFeed reads a feed of at most 4 MiB, without DOCTYPE, in the encodings of [Import].
// The error is [Findings]. What an entry lacks is absent; a feed without entries is one.
func ReadFeed(raw []byte) (*Feed, error) {
	rep := newReport()
	text := decode(raw, limits{bytes: maxFeed}, modeForeign, rep)
	if text == nil {
		return nil, rep.sorted().Errors()
	}
	p := &feedParser{parser: parser{dec: xml.NewDecoder(bytes.NewReader(text)), text: text, as: modeForeign, rep: rep}}
	p.dec.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("a second XML declaration") }
	if err := p.document(); err != nil {
		return nil, rep.sorted().Errors()
	}
	return &p.feed, nil
}

// IsFeed reports whether raw begins as a feed does, so that a person can be told. It
// judges nothing else.
func IsFeed(raw []byte) bool {
	dec := xml.NewDecoder(bytes.NewReader(raw))
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for range 100 {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		if start, ok := token.(xml.StartElement); ok {
			return isFeed(start.Name)
		}
	}
	return false
}

func isFeed(name xml.Name) bool {
	return name == xml.Name{Space: namespaceAtom, Local: "feed"} || name == xml.Name{Local: "rss"}
}

// A feedParser reads a feed token by token.
type feedParser struct {
	parser

	feed   Feed
	tokens int
	path   []xml.Name // of the elements that are open
	entry  *FeedEntry // that is open
	text   strings.Builder
}

func (p *feedParser) document() error {
	root := false
	for {
		from := p.dec.InputOffset()
		token, at, err := p.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if p.tokens++; p.tokens > maxFeedTokens {
			return p.stop(RuleLimit, "", at, "the feed has too many elements", "take a shorter feed")
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(p.path) == 0 && (root || !isFeed(t.Name)) {
				return p.stop(RuleNamespace, "", at, fmt.Sprintf("the root is %s, not that of an Atom or RSS feed", quote(t.Name.Local)), "give the address of the feed itself; a CAP file goes to compose as it is")
			}
			root = true
			if err := p.start(t, from, at); err != nil {
				return err
			}
		case xml.EndElement:
			p.end()
		case xml.CharData:
			p.text.Write(t)
		case xml.Directive:
			return p.aside(t, "", at)
		}
	}
	if !root {
		return p.stop(RuleWellFormed, "", position{1, 1}, "there is no element", "give the address of the feed itself")
	}
	return nil
}

func (p *feedParser) start(t xml.StartElement, from int64, at position) error {
	if len(p.path) >= maxFeedDepth {
		return p.stop(RuleLimit, "", at, fmt.Sprintf("elements are nested deeper than %d", maxFeedDepth), "take another feed")
	}
	if p.entry != nil && t.Name.Local == "alert" && versionOf(t.Name.Space) != "" {
		return p.message(from, at)
	}
	p.path = append(p.path, t.Name)
	p.text.Reset()
	switch {
	case p.entry == nil && p.isEntry(t.Name):
		p.entry = &FeedEntry{}
	case p.entry != nil && p.atEntry():
		p.link(t)
	}
	return nil
}

// isEntry reports whether name is an entry where it stands.
func (p *feedParser) isEntry(name xml.Name) bool {
	if len(p.path) == 2 {
		return p.path[0].Space == namespaceAtom && name == xml.Name{Space: namespaceAtom, Local: "entry"}
	}
	return len(p.path) == 3 && p.path[0].Local == "rss" && p.path[1].Local == "channel" && name == xml.Name{Local: "item"}
}

// atEntry reports whether the innermost open element stands directly in the entry.
func (p *feedParser) atEntry() bool {
	depth := 3
	if p.path[0].Local == "rss" {
		depth = 4
	}
	return len(p.path) == depth
}

// link takes the address of the CAP document from an element that has it as an
// attribute. One of the type of CAP goes before all others, a page is none.
func (p *feedParser) link(t xml.StartElement) {
	attribute := func(name string) string {
		i := slices.IndexFunc(t.Attr, func(a xml.Attr) bool { return a.Name == xml.Name{Local: name} })
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(t.Attr[i].Value)
	}
	var address string
	switch t.Name {
	case xml.Name{Space: namespaceAtom, Local: "link"}:
		address = attribute("href")
		if rel := attribute("rel"); rel != "" && rel != "alternate" && rel != "related" && rel != "enclosure" && rel != "via" {
			return
		}
	case xml.Name{Space: namespaceAtom, Local: "content"}:
		address = attribute("src")
	case xml.Name{Local: "enclosure"}:
		address = attribute("url")
	}
	kind, _, _ := strings.Cut(strings.ToLower(attribute("type")), ";")
	kind = strings.TrimSpace(kind)
	exact := kind == "application/cap+xml" || kind == "application/common-alerting-protocol+xml"
	couldBe := kind == "" || kind == "application/xml" || kind == "text/xml"
	if address != "" && (exact && !p.entry.exact || couldBe && p.entry.Link == "") {
		p.entry.Link, p.entry.exact = address, exact
	}
}

// message keeps the bytes of the CAP document whose start, at from, was just read, and
// takes from it what the entry does not say.
func (p *feedParser) message(from int64, at position) error {
	for open := 1; open > 0; {
		token, _, err := p.next()
		if err != nil {
			return err // never the end of the file: the decoder misses the end of the element before
		}
		if p.tokens++; p.tokens > maxFeedTokens {
			return p.stop(RuleLimit, "", at, "the feed has too many elements", "take a shorter feed")
		}
		switch t := token.(type) {
		case xml.StartElement:
			if open++; open > maxFeedDepth {
				return p.stop(RuleLimit, "", at, fmt.Sprintf("elements are nested deeper than %d", maxFeedDepth), "take another feed")
			}
		case xml.EndElement:
			open--
		case xml.Directive:
			return p.aside(t, "", at)
		}
	}
	if p.entry.Message == nil {
		p.entry.Message = bytes.Clone(p.parser.text[from:p.dec.InputOffset()])
	}
	return nil
}

func (p *feedParser) end() {
	name := p.path[len(p.path)-1]
	text := strings.TrimSpace(p.text.String())
	p.text.Reset()
	switch {
	case p.entry == nil:
		if name.Local == "title" && p.feed.Title == "" && len(p.path) <= 3 {
			p.feed.Title = text
		}
	case p.atEntry():
		p.entry.take(name, text)
	case p.isEntryOpen():
		p.entry.complete()
		if len(p.feed.Entries) < maxFeedEntries {
			p.feed.Entries = append(p.feed.Entries, *p.entry)
		} else {
			p.feed.LeftOut++
		}
		p.entry = nil
	}
	p.path = p.path[:len(p.path)-1]
}

// isEntryOpen reports whether the innermost open element is the entry.
func (p *feedParser) isEntryOpen() bool {
	return len(p.path) == 2 && p.path[0].Space == namespaceAtom || len(p.path) == 3 && p.path[0].Local == "rss"
}

// take notes the text of an element of the entry.
func (e *FeedEntry) take(name xml.Name, text string) {
	if versionOf(name.Space) != "" {
		for _, field := range []struct {
			name string
			to   *string
		}{
			{"identifier", &e.Identifier}, {"sender", &e.Sender}, {"sent", &e.Sent}, {"status", &e.Status}, {"msgType", &e.MsgType},
			{"message_type", &e.MsgType}, // as MeteoAlarm writes it
			{"event", &e.Event}, {"severity", &e.Severity}, {"expires", &e.Expires}, {"areaDesc", &e.Area},
		} {
			if name.Local == field.name && *field.to == "" {
				*field.to = text
			}
		}
		return
	}
	if name.Space != namespaceAtom && name.Space != "" {
		return
	}
	switch name.Local {
	case "id", "guid":
		e.ID = text
	case "title":
		e.Title = text
	case "updated":
		e.Updated, _ = time.Parse(time.RFC3339, text)
	case "pubDate":
		e.Updated, _ = mail.ParseDate(text) // RSS has the dates of mail
	case "link":
		if name.Space == "" && text != "" && !e.exact { // RSS
			e.Link = text
		}
	}
}

// complete takes from the message in the entry what the entry itself does not say.
func (e *FeedEntry) complete() {
	if e.Message == nil {
		return
	}
	m, _, err := Import(e.Message)
	if err != nil {
		return // whoever takes it is told why
	}
	fill := func(to *string, s string) {
		if *to == "" {
			*to = s
		}
	}
	fill(&e.Identifier, m.Identifier)
	fill(&e.Sender, m.Sender)
	fill(&e.Sent, formatTime(m.Sent))
	fill(&e.Status, string(m.Status))
	fill(&e.MsgType, string(m.MsgType))
	if len(m.Infos) == 0 {
		return
	}
	in := m.Infos[0]
	fill(&e.Event, in.Event)
	fill(&e.Severity, string(in.Severity))
	fill(&e.Title, in.Headline)
	if !in.Expires.IsZero() {
		fill(&e.Expires, formatTime(in.Expires))
	}
	var areas []string
	for _, a := range in.Areas {
		areas = append(areas, strings.Join(strings.Fields(a.Desc), " "))
	}
	fill(&e.Area, strings.Join(areas, "; "))
}
