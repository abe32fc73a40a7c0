// Package bulletin is the document that people sign: one CAP message and every
// post for every channel, as final bytes in one file that a person can read.
//
// The bytes that were signed are the bulletin. [Parse] reads them and keeps
// them; nothing ever writes them again in order to verify them. docs/bulletin.md
// describes the format.
//
// Beside it stands the one other document that people sign before a release: a [Halt],
// by which one of them refuses a bulletin or takes it back.
//
// The package does not compose texts and does not know who may sign.
package bulletin

import (
	"bytes"
	"fmt"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
)

// The bounds of a bulletin.
const (
	MaxBytes    = 4 << 20   // the whole file
	MaxImage    = 512 << 10 // one image, decoded
	maxImages   = 16
	maxPosts    = 4096
	maxField    = 4 << 10  // one "name: value" line, in bytes
	maxText     = 64 << 10 // one post's text, in bytes
	maxParts    = 16       // posts of one delivery
	maxNumber   = 9999
	maxIssuer   = 200 // bytes
	firstLine   = "tocsin-bulletin: 1"
	sectionMark = "--- "

	breakglassMark = sectionMark + "breakglass\n"

	preparedMark = sectionMark + "prepared\n"
	endMark      = sectionMark + "end\n"
)

// A Bulletin is a parsed bulletin. Its fields are what the signed bytes say.
type Bulletin struct {
	Alert    alert.ID
	Code     alert.Code // the alert's public code
	Number   int        // within the alert, from 1
	Realm    alert.Realm
	Issuer   string    // the office, as the public is shown it
	Composed time.Time // when it was written, by the writer's clock
	Expires  time.Time // nothing is posted from then on
	// NotAfter is the moment by which the signatures that release it must be in
	// the ledger; zero for none but Expires.
	NotAfter time.Time
	Previous string // SHA-256 of the bulletin that this one follows; "" for the first and for one that was prepared

	// Kind says as what the bulletin was prepared inside another one, which it may
	// follow; "" for one that stands for itself.
	Kind Kind
	// PreparedFor is the [Bulletin.Core] of the bulletin in which it was prepared; ""
	// for one that stands for itself.
	PreparedFor string

	// Breakglass is what the bulletin says that one organisation issues, since the other
	// one can't be reached; nil for every other one.
	Breakglass *Breakglass
	// Form is the scenario of which the message was made, with the values of its fields;
	// nil where it was made of none.
	Form *Form

	CAP     []byte         // the CAP XML, as it is published
	Message *alert.Message // what CAP says
	Posts   []Post         // in the order of the file
	Marks   []Mark         // likewise

	images   map[string]*adapters.Image // by SHA-256
	prepared []*Bulletin
	raw      []byte
	sum      string
	core     string
}

// A Kind says as what a bulletin was prepared inside another one.
type Kind string

// The kinds of prepared bulletins.
const (
	// Correction is an Update that says that the alert is being verified.
	Correction Kind = "correction"
	// Revocation is a Cancel: the alert is to be disregarded.
	Revocation Kind = "revocation"
	// Ratification is an Update that says what a break-glass bulletin says, for as long as
	// it was meant to hold and without the sentence on one authority.
	Ratification Kind = "ratification"
)

// Kinds returns the kinds in the order in which they stand in a bulletin.
func Kinds() []Kind { return []Kind{Correction, Revocation, Ratification} }

// MsgType returns the type of message that a prepared bulletin of the kind holds.
func (k Kind) MsgType() alert.MsgType {
	if k == Revocation {
		return alert.MsgCancel
	}
	return alert.MsgUpdate
}

// Holds lists the kinds that may be prepared inside one of kind k, "" for one that
// stands for itself, which may be break-glass: what stops an alert needs nothing after
// it, what holds it in doubt can be stopped, and only break-glass can be ratified.
func (k Kind) Holds(breakglass bool) []Kind {
	switch {
	case k == Revocation:
		return nil
	case k == Correction:
		return []Kind{Revocation}
	case k == "" && breakglass:
		return Kinds()
	}
	return []Kind{Correction, Revocation}
}

// A Post is what one channel will show, as it stands in the bulletin.
type Post struct {
	Channel string // the channel's name
	Kind    string // the channel's kind
	Part    int    // n of Parts, from 1
	Parts   int
	Lang    string // BCP 47
	Title   string // "" where the channel shows none
	Link    string // "" for none
	Image   string // SHA-256 of an image of the bulletin; "" for none
	Alt     string // the image in words
	// ImageURL is where the image will be public for a platform that fetches it.
	ImageURL string
	Text     string
}

// A Channel is one addressee of a bulletin.
type Channel struct {
	Name, Kind string
	Parts      int
}

// Bytes returns the bytes that were parsed and signed. They must not be changed.
func (b *Bulletin) Bytes() []byte { return b.raw }

// SHA256 returns the digest of Bytes in lower-case hexadecimal: the bulletin's
// name in signatures, records and reports.
func (b *Bulletin) SHA256() string { return b.sum }

// Core returns the SHA-256, in lower-case hexadecimal, of the bytes before the first
// prepared bulletin, or before the line that ends the file where there is none: what a
// prepared bulletin, which stands inside, names its bulletin by.
func (b *Bulletin) Core() string { return b.core }

// Prepared returns the bulletin that was prepared inside this one as the given kind,
// or nil. Whoever signed this one signed its bytes too.
func (b *Bulletin) Prepared(kind Kind) *Bulletin {
	for _, p := range b.prepared {
		if p.Kind == kind {
			return p
		}
	}
	return nil
}

// Inside returns the bulletin with the digest that was prepared inside this one, or inside
// what was prepared there, or nil. Its bytes are signed with those of this one, so that they
// need not be kept apart.
func (b *Bulletin) Inside(sha256 string) *Bulletin {
	for _, p := range b.prepared {
		if p.sum == sha256 {
			return p
		}
		if inner := p.Inside(sha256); inner != nil {
			return inner
		}
	}
	return nil
}

// Mark returns the alert code with the bulletin's number, as it stands in every
// post: "SV-7F3K2-1".
func (b *Bulletin) Mark() string { return b.Code.Mark(b.Number) }

// Channels lists the addressees in the order of the file.
func (b *Bulletin) Channels() []Channel {
	var out []Channel
	for _, p := range b.Posts {
		if p.Part == 1 {
			out = append(out, Channel{Name: p.Channel, Kind: p.Kind, Parts: p.Parts})
		}
	}
	return out
}

// Image returns the image with the given SHA-256, or nil. Its Alt and URL are
// those of a post, not of the image, and empty here.
func (b *Bulletin) Image(sha256 string) *adapters.Image { return b.images[sha256] }

// For returns the posts for a channel as its adapter takes them, in order; none
// where the bulletin does not address it.
func (b *Bulletin) For(channel string) []adapters.Post {
	var out []adapters.Post
	for i := range b.Posts {
		p := &b.Posts[i]
		if p.Channel != channel {
			continue
		}
		post := adapters.Post{
			Key:  adapters.Key(fmt.Sprintf("%s/%d/%d", b.Alert, b.Number, p.Part)),
			Mark: b.Mark(), Lang: p.Lang, Text: p.Text, Title: p.Title, Link: p.Link, Notice: b.notice(p.Lang),
		}
		if p.Image != "" {
			image := *b.images[p.Image]
			image.Alt, image.URL = p.Alt, p.ImageURL
			post.Image = &image
		}
		out = append(out, post)
	}
	for i := range out {
		for k := range out {
			if k != i {
				out[i].Beside = append(out[i].Beside, out[k].Text)
			}
		}
	}
	return out
}

// notice returns the facts of the message in the language of a post.
func (b *Bulletin) notice(lang string) adapters.Notice {
	m := b.Message
	n := adapters.Notice{
		CAP: b.CAP, Identifier: m.Identifier, Sender: m.Sender, Sent: m.Sent, Expires: b.Expires,
		Status: string(m.Status), MsgType: string(m.MsgType), Code: string(b.Code), Bulletin: b.Number,
		Issuer: b.Issuer, SHA256: b.sum,
	}
	info := m.Info(lang)
	if info == nil && len(m.Infos) > 0 {
		info = &m.Infos[0]
	}
	if info == nil {
		return n
	}
	n.Event, n.Headline = info.Event, info.Headline
	n.Urgency, n.Severity, n.Certainty = string(info.Urgency), string(info.Severity), string(info.Certainty)
	for _, a := range info.Areas {
		n.Areas = append(n.Areas, a.Desc)
	}
	return n
}

// A Draft is what a bulletin is made of.
type Draft struct {
	Alert    alert.ID
	Code     alert.Code
	Number   int
	Realm    alert.Realm
	Issuer   string
	Composed time.Time
	Expires  time.Time
	NotAfter time.Time
	Previous string
	// Kind and PreparedFor are of a bulletin that is prepared inside another one.
	Kind        Kind
	PreparedFor string
	Breakglass  *Breakglass // nil for a bulletin that is not one
	Form        *Form       // nil for a message that no scenario made
	CAP         []byte
	Posts       []Post
	Marks       []Mark
	Images      [][]byte    // JPEG or PNG; posts name them by their SHA-256
	Prepared    []*Bulletin // in the order of [Kinds]
	// Inner are bulletins that come to be with this one, behind those of Prepared: Write
	// reads them with the whole, once.
	Inner []Draft
	// Message, where it is given, is what CAP must say: Write holds what it reads back
	// against it.
	Message *alert.Message
}

// Core returns what [Bulletin.Core] of the bulletin will be.
func (d Draft) Core() string { return digestOf(d.core()) }

// Write returns the bytes of a bulletin. It parses them before it returns them,
// so that what can't be read is never signed.
func Write(d Draft) (*Bulletin, error) {
	b, err := Parse(d.bytes())
	if err == nil {
		err = b.says(d)
	}
	if err != nil {
		return nil, fmt.Errorf("write the bulletin: %w", err)
	}
	return b, nil
}

// says returns where the messages of b say anything else than those of d.
func (b *Bulletin) says(d Draft) error {
	if d.Message != nil {
		if err := b.Message.Says(d.Message); err != nil {
			return err
		}
	}
	for i, inner := range d.Inner {
		if err := b.prepared[len(d.Prepared)+i].says(inner); err != nil {
			return err
		}
	}
	return nil
}

// bytes returns the file that d describes, sound or not.
func (d Draft) bytes() []byte {
	w := bytes.NewBuffer(d.core())
	prepared := func(kind Kind, sum string, raw []byte) {
		w.WriteString(preparedMark)
		if kind != "" {
			fmt.Fprintf(w, "as: %s\n", kind)
		}
		fmt.Fprintf(w, "sha256: %s\n", sum)
		writeBody(w, raw)
	}
	for _, p := range d.Prepared {
		prepared(p.Kind, p.sum, p.raw)
	}
	for _, inner := range d.Inner {
		raw := inner.bytes()
		prepared(inner.Kind, digestOf(raw), raw)
	}
	w.WriteString(endMark)
	return w.Bytes()
}

// core returns the bytes before what is prepared inside.
func (d Draft) core() []byte {
	var w bytes.Buffer
	w.Grow(d.size())
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&w, "%s: %s\n", name, value)
		}
	}
	moment := func(name string, t time.Time) {
		if !t.IsZero() {
			field(name, t.Format(timeForm))
		}
	}
	w.WriteString(firstLine + "\n")
	field("alert", string(d.Alert))
	field("code", string(d.Code))
	field("number", fmt.Sprint(d.Number))
	field("realm", string(d.Realm))
	field("issuer", d.Issuer)
	moment("composed", d.Composed)
	moment("expires", d.Expires)
	moment("not-after", d.NotAfter)
	field("previous", d.Previous)
	field("prepared-as", string(d.Kind))
	field("prepared-for", d.PreparedFor)
	w.WriteString("\n")
	if d.Breakglass != nil {
		d.Breakglass.write(&w, field)
	}
	if d.Form != nil {
		d.Form.write(&w, field)
	}
	w.WriteString("--- cap\n")
	writeBody(&w, d.CAP)
	for _, p := range d.Posts {
		w.WriteString("--- post\n")
		field("channel", p.Channel)
		field("kind", p.Kind)
		field("part", fmt.Sprintf("%d/%d", p.Part, p.Parts))
		field("language", p.Lang)
		field("title", p.Title)
		field("link", p.Link)
		field("image", p.Image)
		field("image-alt", p.Alt)
		field("image-url", p.ImageURL)
		writeBody(&w, []byte(p.Text))
	}
	for _, m := range d.Marks {
		w.WriteString("--- mark\n")
		field("channel", m.Channel)
		field("kind", m.Kind)
		field("on", fmt.Sprint(m.On))
		field("part", fmt.Sprint(m.Part))
		field("when", string(m.When))
		field("form", string(m.Form))
		field("language", m.Lang)
		writeBody(&w, []byte(m.Text))
	}
	for _, data := range d.Images {
		w.WriteString("--- image\n")
		field("sha256", digestOf(data))
		field("type", imageType(data))
		writeBody(&w, wrapBase64(data))
	}
	return w.Bytes()
}

// size returns about how many bytes the core has.
func (d Draft) size() int {
	const frame = 512 // of a section
	n := len(d.CAP) + 2*frame
	for i := range d.Posts {
		n += len(d.Posts[i].Text) + len(d.Posts[i].Alt) + frame
	}
	for i := range d.Marks {
		n += len(d.Marks[i].Text) + frame
	}
	for _, data := range d.Images {
		n += len(data)*4/3 + len(data)/50 + frame
	}
	return n
}

func writeBody(w *bytes.Buffer, body []byte) {
	fmt.Fprintf(w, "bytes: %d\n\n", len(body))
	w.Write(body)
	w.WriteByte('\n')
}

// imageType returns the media type that the first bytes show, or "".
func imageType(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	}
	return ""
}
