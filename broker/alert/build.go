package alert

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A builder makes a [Message] of a tree that the schema has been over. It
// judges values one by one; what they mean together is for [Check].
type builder struct {
	version Version
	lim     limits
	strict  bool
	rep     *report
	// points counts those of all polygons so far.
	points int
}

func (b *builder) message(root *node) *Message {
	m := &Message{Version: b.version}
	for _, n := range root.kids {
		switch n.name {
		case "identifier":
			m.Identifier = b.token(n)
		case "sender":
			m.Sender = b.token(n)
		case "sent":
			m.Sent = b.time(n)
			m.sentText = strings.TrimSpace(n.text)
		case "status":
			m.Status = enum(b, n, statusesOf(b.version), statuses())
		case "msgType":
			m.MsgType = enum(b, n, msgTypes(), msgTypes())
		case "source":
			m.Source = b.text(n)
		case "scope":
			m.Scope = enum(b, n, scopes(), scopes())
		case "restriction":
			m.Restriction = b.text(n)
		case "addresses":
			m.Addresses = b.text(n)
		case "code":
			m.Codes = appendText(m.Codes, b.text(n))
		case "note":
			m.Note = b.text(n)
		case "references":
			m.References = b.references(n)
		case "incidents":
			m.Incidents = b.text(n)
		case "info":
			m.Infos = append(m.Infos, b.info(n))
		case signatureName:
			b.signature(n)
		}
	}
	return m
}

func (b *builder) info(root *node) Info {
	var in Info
	if !b.strict {
		in.Language = b.defaultLanguage(root)
	}
	for _, n := range root.kids {
		switch n.name {
		case "language":
			in.Language = b.language(n)
		case "category":
			in.Categories = append(in.Categories, enum(b, n, categoriesOf(b.version), categories()))
		case "responseType":
			in.ResponseTypes = append(in.ResponseTypes, enum(b, n, responseTypesOf(b.version), responseTypes()))
		case "urgency":
			in.Urgency = enum(b, n, urgencies(), urgencies())
		case "severity":
			in.Severity = enum(b, n, severities(), severities())
		case "certainty":
			in.Certainty = b.certainty(n)
		case "eventCode":
			in.EventCodes = append(in.EventCodes, b.pair(n))
		case "effective":
			in.Effective = b.time(n)
		case "onset":
			in.Onset = b.time(n)
		case "expires":
			in.Expires = b.time(n)
		case "web":
			in.Web = b.token(n)
		case "parameter":
			in.Parameters = append(in.Parameters, b.pair(n))
		case "resource":
			in.Resources = append(in.Resources, b.resource(n))
		case "area":
			in.Areas = append(in.Areas, b.area(n))
		default:
			b.infoText(&in, n)
		}
	}
	return in
}

// infoText reads the elements of an info that hold free text.
func (b *builder) infoText(in *Info, n *node) {
	switch n.name {
	case "event":
		in.Event = b.text(n)
	case "audience":
		in.Audience = b.text(n)
	case "senderName":
		in.SenderName = b.text(n)
	case "headline":
		in.Headline = b.text(n)
	case "description":
		in.Description = b.text(n)
	case "instruction":
		in.Instruction = b.text(n)
	case "contact":
		in.Contact = b.text(n)
	}
}

func (b *builder) resource(root *node) Resource {
	var r Resource
	for _, n := range root.kids {
		switch n.name {
		case "resourceDesc":
			r.Desc = b.text(n)
		case "mimeType":
			r.MIMEType = b.token(n)
		case "size":
			r.Size = b.size(n)
		case "uri":
			r.URI = b.token(n)
		case "derefUri":
			r.DerefURI = b.text(n)
		case "digest":
			r.Digest = b.token(n)
		}
	}
	return r
}

func (b *builder) area(root *node) Area {
	var a Area
	for _, n := range root.kids {
		switch n.name {
		case "areaDesc":
			a.Desc = b.text(n)
		case "polygon":
			if p := b.polygon(n); p != nil {
				a.Polygons = append(a.Polygons, p)
			}
		case "circle":
			if c, ok := b.circle(n); ok {
				a.Circles = append(a.Circles, c)
			}
		case "geocode":
			a.Geocodes = append(a.Geocodes, b.pair(n))
		case "altitude":
			a.Altitude = b.decimal(n)
		case "ceiling":
			a.Ceiling = b.decimal(n)
		}
	}
	return a
}

// prose reports what the schema allows and the prose doesn't: an error in a
// message of ours, a warning in one of others.
func (b *builder) prose(rule Rule, n *node, message, advice string) {
	if b.strict {
		b.rep.fail(rule, n.path, n.at, message, advice)
		return
	}
	b.rep.warn(rule, n.path, n.at, message, advice)
}

// text returns the text of n as it stands, or "" after a finding if it is
// blank.
func (b *builder) text(n *node) string {
	if isBlank(n.text) {
		b.prose(RuleEmpty, n, "is empty", "give its text, or delete it if it may be absent")
		return ""
	}
	return n.text
}

// token returns the text of n without white space around it, or "" after a
// finding if it is blank.
func (b *builder) token(n *node) string {
	if b.text(n) == "" {
		return ""
	}
	return b.trimmed(n)
}

// trimmed returns the text of n without white space around it. It is for
// values that can't be blank anyway.
func (b *builder) trimmed(n *node) string {
	t := strings.Trim(n.text, " \t\r\n")
	if t != n.text && t != "" {
		b.prose(RuleSchemaValue, n, "has white space around its value", "delete it")
	}
	return t
}

// enum returns the value of n if it is one of all. One that is not in the
// version of the document, but in another, is doubtful; any other is wrong.
func enum[T ~string](b *builder, n *node, version, all []T) T {
	s := b.trimmed(n)
	v := T(s)
	switch {
	case slices.Contains(version, v):
		return v
	case slices.Contains(all, v):
		b.prose(RuleSchemaValue, n, quote(s)+" is not in CAP "+string(b.version)+", but in another version", "")
		return v
	}
	names := make([]string, len(version))
	for i, one := range version {
		names[i] = string(one)
	}
	b.rep.fail(RuleSchemaValue, n.path, n.at, quote(s)+" is not one of its values", "write one of "+strings.Join(names, ", ")+", with these capitals")
	return ""
}

// statusesOf returns those of a version: Draft came with 1.1.
func statusesOf(v Version) []Status {
	if v == CAP10 {
		return statuses()[:4]
	}
	return statuses()
}

// categoriesOf returns those of a version: CBRNE came with 1.1.
func categoriesOf(v Version) []Category {
	all := categories()
	if v == CAP10 {
		return slices.DeleteFunc(all, func(c Category) bool { return c == CategoryCBRNE })
	}
	return all
}

// responseTypesOf returns those of a version: Avoid and AllClear came with 1.2.
func responseTypesOf(v Version) []ResponseType {
	all := responseTypes()
	if v == CAP11 {
		return slices.DeleteFunc(all, func(r ResponseType) bool { return r == ResponseAvoid || r == ResponseAllClear })
	}
	return all
}

// certainty reads "Very Likely" of CAP 1.0 as Likely, as CAP 1.1 says to.
func (b *builder) certainty(n *node) Certainty {
	all := certainties()
	if b.version != CAP10 {
		return enum(b, n, all, all)
	}
	if strings.TrimSpace(n.text) == "Very Likely" {
		b.rep.warn(RuleSchemaValue, n.path, n.at, `"Very Likely" of CAP 1.0 is read as Likely`, "")
		return CertaintyLikely
	}
	return enum(b, n, all[1:], all)
}

// time reads a date and time. One without an offset is refused where the
// schema asks for the offset, which is CAP 1.2 only.
func (b *builder) time(n *node) time.Time {
	s := b.trimmed(n)
	t, quirks, err := readTime(s)
	switch {
	case err != nil:
		b.rep.fail(RuleTime, n.path, n.at, quote(s)+" "+err.Error(), "write year-month-dayThour:minute:second and the offset from UTC")
		return time.Time{}
	case quirks.noZone && b.version == CAP12:
		b.rep.fail(RuleTime, n.path, n.at, quote(s)+" has no offset from UTC, so that the instant is not known", "add the offset, such as +01:00")
		return time.Time{}
	case quirks == timeQuirks{plusZero: true}:
		b.prose(RuleUTCOffset, n, quote(s)+": "+quirks.String(), "write local time with its offset, such as +01:00")
	case quirks.any():
		b.prose(RuleTime, n, quote(s)+": "+quirks.String(), "write local time with its offset, such as +01:00")
	}
	return t
}

// defaultLanguage returns what CAP takes an absent language for.
func (b *builder) defaultLanguage(info *node) string {
	const absent = "en-US"
	if !slices.ContainsFunc(info.kids, func(n *node) bool { return n.name == "language" }) {
		b.rep.warn(RuleLanguage, info.path+"/language", info.at, "is missing, which CAP takes for "+absent, "look which language the texts are in")
	}
	return absent
}

func (b *builder) language(n *node) string {
	const absent = "en-US"
	s := b.token(n)
	switch {
	case s == "" && b.strict:
		return ""
	case s == "":
		return absent
	case !isLanguage(s):
		b.rep.fail(RuleLanguage, n.path, n.at, quote(s)+" is not a language tag", "write one such as it-IT")
	}
	return s
}

// pair reads valueName and value, or the name=value of CAP 1.0.
func (b *builder) pair(root *node) NamedValue {
	if b.version == CAP10 {
		name, value, found := strings.Cut(strings.TrimSpace(b.text(root)), "=")
		if !found {
			b.rep.warn(RuleSchemaValue, root.path, root.at, "is not of the form name=value", "")
		}
		return NamedValue{Name: name, Value: value}
	}
	var v NamedValue
	for _, n := range root.kids {
		switch n.name {
		case "valueName":
			v.Name = b.text(n)
		case "value":
			v.Value = b.text(n)
		}
	}
	return v
}

func (b *builder) references(n *node) References {
	s := b.text(n)
	if b.strict {
		refs, err := ParseReferences(s)
		if err != nil {
			b.rep.fail(RuleReferences, n.path, n.at, err.Error(), "")
		}
		return refs
	}
	refs, unread := importReferences(s)
	if unread > 0 {
		b.rep.warn(RuleReferences, n.path, n.at, fmt.Sprintf("%d references are not of the form sender,identifier,sent and are left out", unread), "look at the original document")
	}
	return refs
}

// size reads a number of bytes. The schema lets it have any length and sign.
func (b *builder) size(n *node) *int64 {
	s := b.trimmed(n)
	if !allDigits(strings.TrimLeft(s, "+-")) || len(s)-len(strings.TrimLeft(s, "+-")) > 1 {
		b.rep.fail(RuleSchemaValue, n.path, n.at, quote(s)+" is not a whole number", "write the size in bytes")
		return nil
	}
	size, err := strconv.ParseInt(s, 10, 64)
	if err != nil || size < 0 {
		b.prose(RuleResource, n, quote(s)+" is no size in bytes", "write the size in bytes")
		return nil
	}
	return &size
}

// decimal reads an altitude or a ceiling, which was free text before CAP 1.2.
func (b *builder) decimal(n *node) *float64 {
	s := b.trimmed(n)
	read := readNumber
	if !b.strict {
		read = importNumber
	}
	f, ok := read(s)
	if ok && !math.IsInf(f, 0) && !(b.version == CAP12 && strings.ContainsAny(s, "eE")) {
		return &f
	}
	if b.version == CAP12 {
		b.rep.fail(RuleAltitude, n.path, n.at, quote(s)+" is not a decimal number", "write feet above mean sea level")
		return nil
	}
	b.rep.warn(RuleAltitude, n.path, n.at, quote(s)+" is not a number and is left out", "look at the original document")
	return nil
}

// polygon returns nil for one that is blank. One that can't be read is wrong
// in any document: to leave it out would change who is warned.
func (b *builder) polygon(n *node) Polygon {
	s := b.text(n)
	if s == "" {
		return nil
	}
	read := readNumber
	if !b.strict {
		read = importNumber
	}
	p, err := readPolygon(s, read)
	if b.points += len(p); b.points > b.lim.points {
		b.rep.fail(RuleLimit, n.path, n.at, fmt.Sprintf("the polygons have more than %d points together", b.lim.points), "simplify them")
		return nil
	}
	if err != nil {
		b.rep.fail(RulePolygon, n.path, n.at, err.Error(), "write latitude,longitude pairs separated by spaces")
		return nil
	}
	return p
}

func (b *builder) circle(n *node) (Circle, bool) {
	s := b.text(n)
	if s == "" {
		return Circle{}, false
	}
	read := readNumber
	if !b.strict {
		read = importNumber
	}
	c, err := readCircle(s, read)
	if err != nil {
		b.rep.fail(RuleCircle, n.path, n.at, err.Error(), "write the centre and the radius in kilometres")
		return Circle{}, false
	}
	return c, true
}

// signature tells of an XML signature.
func (b *builder) signature(n *node) {
	if b.strict {
		b.rep.fail(RuleSignature, n.path, n.at, "there is an XML signature ("+n.signature.algorithm()+"), which was not verified: it proves nothing here",
			"delete it: our own signatures stand beside the document, not in it")
		return
	}
	b.rep.signature(n)
}

// appendText adds s unless it is blank.
func appendText(list []string, s string) []string {
	if s == "" {
		return list
	}
	return append(list, s)
}
