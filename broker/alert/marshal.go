package alert

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Marshal writes m as a CAP 1.2 document: elements in the order of the schema,
// two spaces of indent, "\n" for line ends, UTF-8, times with the offset of
// their location (UTC as -00:00). It refuses, as [Findings], what [Check] finds
// wrong, a message that was imported and not adopted, and a document above the
// limits of [Read]. Nothing is replaced or cut. Before it returns, it reads its
// output back and compares, so that what is signed says what m says.
func (m *Message) Marshal() ([]byte, error) {
	again, err := m.Written()
	if err != nil {
		return nil, err
	}
	return again.Raw, nil
}

// Written returns m as the document says it that [Message.Marshal] writes: Raw is that
// document, and all else was read back from it. The error is that of Marshal.
func (m *Message) Written() (*Message, error) {
	raw, err := m.Document()
	if err != nil {
		return nil, err
	}
	again, err := Read(raw)
	if err != nil {
		return nil, err
	}
	if err := again.Says(m); err != nil {
		return nil, err
	}
	return again, nil
}

// Document writes m as [Message.Marshal] does, and leaves it to the caller to [Read] what
// it wrote and to ask [Message.Says].
func (m *Message) Document() ([]byte, error) {
	if m.foreign {
		return nil, Findings{{Rule: RuleForeign, Path: "alert", Message: "others wrote this message", Advice: "adopt it under an identifier of our own, after a person has looked at it"}}
	}
	if err := Check(m).err(); err != nil {
		return nil, err
	}
	var w writer
	w.message(m)
	return w.buf.Bytes(), nil
}

// Says returns where m, which was read, says anything else than what was written; nil for
// nowhere.
func (m *Message) Says(written *Message) error {
	if path, differs := difference(reflect.ValueOf(*written), reflect.ValueOf(*m)); differs {
		return Findings{{Rule: RuleRoundTrip, Path: "alert" + path, Message: "reads differently from what was written", Advice: "report this as a defect, with the message"}}
	}
	return nil
}

// A writer writes elements, one to a line.
type writer struct {
	buf   bytes.Buffer
	depth int
}

func (w *writer) message(m *Message) {
	w.buf.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alert xmlns=\"" + namespace12 + "\">\n")
	w.depth = 1
	w.leaf("identifier", m.Identifier)
	w.leaf("sender", m.Sender)
	w.time("sent", m.Sent)
	w.leaf("status", string(m.Status))
	w.leaf("msgType", string(m.MsgType))
	w.leaf("source", m.Source)
	w.leaf("scope", string(m.Scope))
	w.leaf("restriction", m.Restriction)
	w.leaf("addresses", m.Addresses)
	leaves(w, "code", m.Codes)
	w.leaf("note", m.Note)
	w.leaf("references", m.References.String())
	w.leaf("incidents", m.Incidents)
	for i := range m.Infos {
		w.group("info", func() { w.info(&m.Infos[i]) })
	}
	w.buf.WriteString("</alert>\n")
}

func (w *writer) info(in *Info) {
	w.leaf("language", in.Language)
	leaves(w, "category", in.Categories)
	w.leaf("event", in.Event)
	leaves(w, "responseType", in.ResponseTypes)
	w.leaf("urgency", string(in.Urgency))
	w.leaf("severity", string(in.Severity))
	w.leaf("certainty", string(in.Certainty))
	w.leaf("audience", in.Audience)
	w.pairs("eventCode", in.EventCodes)
	w.time("effective", in.Effective)
	w.time("onset", in.Onset)
	w.time("expires", in.Expires)
	w.leaf("senderName", in.SenderName)
	w.leaf("headline", in.Headline)
	w.leaf("description", in.Description)
	w.leaf("instruction", in.Instruction)
	w.leaf("web", in.Web)
	w.leaf("contact", in.Contact)
	w.pairs("parameter", in.Parameters)
	for i := range in.Resources {
		w.group("resource", func() { w.resource(&in.Resources[i]) })
	}
	for i := range in.Areas {
		w.group("area", func() { w.area(&in.Areas[i]) })
	}
}

func (w *writer) resource(r *Resource) {
	w.leaf("resourceDesc", r.Desc)
	w.leaf("mimeType", r.MIMEType)
	if r.Size != nil {
		w.leaf("size", strconv.FormatInt(*r.Size, 10))
	}
	w.leaf("uri", r.URI)
	w.leaf("derefUri", r.DerefURI)
	w.leaf("digest", r.Digest)
}

func (w *writer) area(a *Area) {
	w.leaf("areaDesc", a.Desc)
	for _, p := range a.Polygons {
		w.leaf("polygon", p.String())
	}
	for _, c := range a.Circles {
		w.leaf("circle", c.String())
	}
	w.pairs("geocode", a.Geocodes)
	if a.Altitude != nil {
		w.leaf("altitude", formatNumber(*a.Altitude))
	}
	if a.Ceiling != nil {
		w.leaf("ceiling", formatNumber(*a.Ceiling))
	}
}

func (w *writer) pairs(name string, values []NamedValue) {
	for _, v := range values {
		w.group(name, func() {
			w.leaf("valueName", v.Name)
			w.leaf("value", v.Value)
		})
	}
}

func leaves[T ~string](w *writer, name string, values []T) {
	for _, v := range values {
		w.leaf(name, string(v))
	}
}

func (w *writer) time(name string, t time.Time) {
	if !t.IsZero() {
		w.leaf(name, formatTime(t))
	}
}

// leaf writes an element with text, or nothing for "".
func (w *writer) leaf(name, text string) {
	if text == "" {
		return
	}
	w.indent()
	for _, part := range []string{"<", name, ">", escape(text), "</", name, ">\n"} {
		w.buf.WriteString(part)
	}
}

func (w *writer) indent() {
	for range w.depth {
		w.buf.WriteString("  ")
	}
}

func (w *writer) group(name string, inside func()) {
	w.indent()
	w.buf.WriteString("<" + name + ">\n")
	w.depth++
	inside()
	w.depth--
	w.indent()
	w.buf.WriteString("</" + name + ">\n")
}

// escape writes what XML needs written differently in text, and only that.
// Check has refused what XML can't hold before text comes here.
func escape(text string) string {
	if !strings.ContainsAny(text, "&<>") {
		return text
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// difference returns the path, below a and b, of the first exported field in which they
// differ; false where there is none. Times are equal if they are written alike, an empty
// list is no list, and how the messages came to be (Version, Raw) doesn't count.
// It goes by reflection, so that a field that the writer forgets is found out.
func difference(a, b reflect.Value) (path string, differs bool) {
	switch a.Kind() {
	case reflect.Struct:
		if t, ok := a.Interface().(time.Time); ok {
			u, ok := b.Interface().(time.Time)
			return "", !ok || !sameTime(t, u)
		}
		return structDifference(a, b)
	case reflect.Slice:
		if a.Len() != b.Len() {
			return "", true
		}
		for i := range a.Len() {
			if d, differs := difference(a.Index(i), b.Index(i)); differs {
				return fmt.Sprintf("[%d]%s", i+1, d), true
			}
		}
		return "", false
	case reflect.Pointer:
		if !a.IsNil() && !b.IsNil() {
			return difference(a.Elem(), b.Elem())
		}
		return "", a.IsNil() != b.IsNil()
	case reflect.Float64:
		return "", a.Float() != b.Float()
	case reflect.String:
		return "", a.String() != b.String()
	default:
		return "", a.Interface() != b.Interface()
	}
}

func structDifference(a, b reflect.Value) (path string, differs bool) {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() || f.Name == "Raw" || f.Name == "Version" {
			continue
		}
		if d, differs := difference(a.Field(i), b.Field(i)); differs {
			return "/" + f.Name + d, true
		}
	}
	return "", false
}
