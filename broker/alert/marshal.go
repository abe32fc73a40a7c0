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
	if m.foreign {
		return nil, Findings{{Rule: RuleForeign, Path: "alert", Message: "others wrote this message", Advice: "adopt it under an identifier of our own, after a person has looked at it"}}
	}
	if err := Check(m).err(); err != nil {
		return nil, err
	}
	var w writer
	w.message(m)
	raw := w.buf.Bytes()
	again, err := Read(raw)
	if err != nil {
		return nil, err
	}
	if path := difference(reflect.ValueOf(*m), reflect.ValueOf(*again), "alert"); path != "" {
		return nil, Findings{{Rule: RuleRoundTrip, Path: path, Message: "reads differently from what was written", Advice: "report this as a defect, with the message"}}
	}
	return raw, nil
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
	fmt.Fprintf(&w.buf, "%s<%s>%s</%s>\n", strings.Repeat("  ", w.depth), name, escape(text), name)
}

func (w *writer) group(name string, inside func()) {
	indent := strings.Repeat("  ", w.depth)
	fmt.Fprintf(&w.buf, "%s<%s>\n", indent, name)
	w.depth++
	inside()
	w.depth--
	fmt.Fprintf(&w.buf, "%s</%s>\n", indent, name)
}

// escape writes what XML needs written differently in text, and only that.
// Check has refused what XML can't hold before text comes here.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// difference returns the path of the first exported field in which a and b
// differ, or "". Times are equal if they are written alike, an empty list is
// no list, and how the messages came to be (Version, Raw) doesn't count.
// It goes by reflection, so that a field that the writer forgets is found out.
func difference(a, b reflect.Value, path string) string {
	if t, ok := a.Interface().(time.Time); ok {
		if u, ok := b.Interface().(time.Time); ok && sameTime(t, u) {
			return ""
		}
		return path
	}
	switch a.Kind() {
	case reflect.Struct:
		return structDifference(a, b, path)
	case reflect.Slice:
		if a.Len() != b.Len() {
			return path
		}
		for i := range a.Len() {
			if d := difference(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i+1)); d != "" {
				return d
			}
		}
		return ""
	case reflect.Pointer:
		if !a.IsNil() && !b.IsNil() {
			return difference(a.Elem(), b.Elem(), path)
		}
		if a.IsNil() && b.IsNil() {
			return ""
		}
		return path
	default:
		if a.Interface() != b.Interface() {
			return path
		}
		return ""
	}
}

func structDifference(a, b reflect.Value, path string) string {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() || f.Name == "Raw" || f.Name == "Version" {
			continue
		}
		if d := difference(a.Field(i), b.Field(i), path+"/"+f.Name); d != "" {
			return d
		}
	}
	return ""
}
