package alert

import (
	"slices"
	"time"
)

// A Version is a version of CAP.
type Version string

// The versions of CAP. Tocsin issues 1.2 only.
const (
	CAP10 Version = "1.0" // namespace http://www.incident.com/cap/1.0
	CAP11 Version = "1.1" // namespace urn:oasis:names:tc:emergency:cap:1.1
	CAP12 Version = "1.2" // namespace urn:oasis:names:tc:emergency:cap:1.2
)

// A Message is one CAP alert document. Fields have the names of the CAP
// elements. An optional element that is absent is the zero value: "", nil, or
// the zero time.
//
// A message that [Read] or [Import] returned owns all that it refers to.
type Message struct {
	// Version is the version that the document was written in. Marshal writes
	// CAP12 whatever it says, but refuses a message that [Import] returned.
	Version Version

	// Identifier is unique for the sender. No white space, comma, "<" or "&".
	Identifier string
	// Sender is globally unique, best based on a domain name. Same characters.
	Sender string
	// Sent is in whole seconds and keeps the offset it was written with.
	Sent    time.Time
	Status  Status
	MsgType MsgType
	// Source names the operator or device that made the message.
	Source string
	Scope  Scope
	// Restriction is the rule for scope Restricted.
	Restriction string
	// Addresses lists the recipients of a Private message, separated by white
	// space, each that contains white space in double quotes.
	Addresses string
	// Codes are the flags of profiles (CAP: code).
	Codes []string
	// Note says the purpose; of an exercise, its name.
	Note string
	// References are the messages that this one updates, cancels or answers.
	References References
	// Incidents lists related incidents, in the form of Addresses.
	Incidents string
	Infos     []Info

	// Raw holds the exact bytes that the message was read from; nil for one
	// that was put together in memory. It is what is signed and published; it
	// is not what [Message.Marshal] looks at.
	Raw []byte

	// sentText is Sent as the document spelled it, for references to this
	// message, which copy bytes.
	sentText string
	// foreign says that others wrote the message and nobody adopted it.
	foreign bool
}

// An Info is one language's, or one audience's, account of the event.
type Info struct {
	// Language is an RFC 3066 tag such as "it-IT". CAP takes an absent one for
	// en-US, and so does Import; Read wants it to be given.
	Language      string
	Categories    []Category
	Event         string
	ResponseTypes []ResponseType
	Urgency       Urgency
	Severity      Severity
	Certainty     Certainty
	Audience      string
	EventCodes    []NamedValue
	// Effective is when the information takes effect; zero means when sent.
	Effective time.Time
	// Onset is when the event is expected to begin.
	Onset time.Time
	// Expires is when the information, not the event, ends.
	Expires     time.Time
	SenderName  string
	Headline    string
	Description string
	Instruction string
	// Web is an absolute address of further information.
	Web        string
	Contact    string
	Parameters []NamedValue
	Resources  []Resource
	Areas      []Area
}

// A NamedValue is an entry of eventCode, parameter or geocode.
type NamedValue struct {
	Name  string // CAP: valueName
	Value string // CAP: value
}

// A Resource is a file that goes with an [Info].
type Resource struct {
	Desc     string
	MIMEType string
	// Size is in bytes; nil when absent.
	Size *int64
	// URI is absolute, or relative and then names the content of DerefURI.
	URI string
	// DerefURI is the content itself in base64.
	DerefURI string
	// Digest is the SHA-1 of the content in 40 hexadecimal digits, as written.
	Digest string
}

// An Area is one part of the target area, which is the union of all areas and
// of all shapes in each.
type Area struct {
	Desc     string
	Polygons []Polygon
	Circles  []Circle
	Geocodes []NamedValue
	// Altitude, or the floor where there is a Ceiling, is in feet above mean
	// sea level (WGS 84); nil when absent.
	Altitude *float64
	// Ceiling is in the unit of Altitude; nil when absent.
	Ceiling *float64
}

// Reference returns the triplet by which a later message refers to m. Its sent
// is copied from the document as long as Sent is still what it said.
func (m *Message) Reference() Reference {
	r := Reference{Sender: m.Sender, Identifier: m.Identifier, Sent: formatTime(m.Sent)}
	if t, _, err := readTime(m.sentText); err == nil && sameTime(t, m.Sent) {
		r.Sent = m.sentText
	}
	return r
}

// Expires returns the earliest expires of all infos: from then on some part of
// the message no longer holds, and none of it is to be published any more. It is
// the zero time if no info expires, as in a Cancel without info.
func (m *Message) Expires() time.Time {
	var first time.Time
	for _, info := range m.Infos {
		if first.IsZero() || !info.Expires.IsZero() && info.Expires.Before(first) {
			first = info.Expires
		}
	}
	return first
}

// Info returns the first info whose language is lang (compared without regard
// to case, as RFC 3066 asks), or nil.
func (m *Message) Info(lang string) *Info {
	for i := range m.Infos {
		if sameLanguage(m.Infos[i].Language, lang) {
			return &m.Infos[i]
		}
	}
	return nil
}

// Imported reports whether others wrote m: [Import] returned it, and nobody
// called [Message.Adopt].
func (m *Message) Imported() bool { return m.foreign }

// Parameter returns the value of the first parameter called name.
func (in *Info) Parameter(name string) (string, bool) { return find(in.Parameters, name) }

// EventCode returns the value of the first event code called name.
func (in *Info) EventCode(name string) (string, bool) { return find(in.EventCodes, name) }

// Geocode returns the value of the first geocode called name.
func (a *Area) Geocode(name string) (string, bool) { return find(a.Geocodes, name) }

func find(values []NamedValue, name string) (string, bool) {
	i := slices.IndexFunc(values, func(v NamedValue) bool { return v.Name == name })
	if i < 0 {
		return "", false
	}
	return values[i].Value, true
}

// Clone returns a copy of m that shares nothing with it.
func (m *Message) Clone() *Message {
	c := *m
	c.Codes = slices.Clone(m.Codes)
	c.References = slices.Clone(m.References)
	c.Raw = slices.Clone(m.Raw)
	c.Infos = slices.Clone(m.Infos)
	for i := range c.Infos {
		c.Infos[i] = cloneInfo(c.Infos[i])
	}
	return &c
}

func cloneInfo(in Info) Info {
	in.Categories = slices.Clone(in.Categories)
	in.ResponseTypes = slices.Clone(in.ResponseTypes)
	in.EventCodes = slices.Clone(in.EventCodes)
	in.Parameters = slices.Clone(in.Parameters)
	in.Resources = slices.Clone(in.Resources)
	for i := range in.Resources {
		in.Resources[i].Size = clonePointer(in.Resources[i].Size)
	}
	in.Areas = slices.Clone(in.Areas)
	for i := range in.Areas {
		a := &in.Areas[i]
		a.Polygons = slices.Clone(a.Polygons)
		for j := range a.Polygons {
			a.Polygons[j] = slices.Clone(a.Polygons[j])
		}
		a.Circles = slices.Clone(a.Circles)
		a.Geocodes = slices.Clone(a.Geocodes)
		a.Altitude = clonePointer(a.Altitude)
		a.Ceiling = clonePointer(a.Ceiling)
	}
	return in
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Adopt returns a copy of m as a message of our own under a new name. It is
// the only way from an imported message to one that [Message.Marshal] writes:
// the person who calls it answers for every word from then on. Version becomes
// CAP12 and Raw nil; all else, message type and references included, stays as
// it was and is for the caller to settle before it is marshalled.
func (m *Message) Adopt(sender, identifier string, sent time.Time) *Message {
	c := m.Clone()
	c.Version, c.Raw, c.sentText, c.foreign = CAP12, nil, "", false
	c.Sender, c.Identifier, c.Sent = sender, identifier, sent
	return c
}

// Reissue returns a copy of m as a new message of ours, sent at sent: with
// another identifier, and with effective, onset and expires as far from sent as
// they were, all in the offset of sent. It is how a prepared message becomes
// one of today. What the texts say of times stays as it was, and one that was
// imported stays imported.
func (m *Message) Reissue(identifier string, sent time.Time) *Message {
	c := m.Clone()
	c.Raw, c.sentText = nil, ""
	c.Identifier, c.Sent = identifier, sent
	for i := range c.Infos {
		in := &c.Infos[i]
		for _, t := range []*time.Time{&in.Effective, &in.Onset, &in.Expires} {
			if !t.IsZero() {
				*t = sent.Add(t.Sub(m.Sent))
			}
		}
	}
	return c
}
