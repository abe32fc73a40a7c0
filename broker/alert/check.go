package alert

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the digest of CAP is a SHA-1
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Check holds m against the rules for messages that Tocsin issues: what the
// schema of CAP 1.2 can say of values in memory, what the prose of the standard
// asks, and what we ask of ourselves beyond it, each as its comment says. The
// findings have paths but no lines, and are 500 of each level at most. [Read] and [Message.Marshal] refuse what
// has a finding of [LevelError] here; for [Import] all are warnings.
//
// It doesn't know what time it is, nor which messages exist: whether a message
// has expired, or whether its references cover all that it replaces, is for
// those who hold the ledger.
func Check(m *Message) Findings {
	c := checker{counts: map[Level]int{}, comparisons: mostComparisons}
	c.header(m)
	c.references(m)
	for i := range m.Infos {
		c.info(m, &m.Infos[i], fmt.Sprintf("alert/info[%d]", i+1))
	}
	return c.found
}

// mostComparisons bounds how many sides of polygons are compared: a tenth of a second.
const mostComparisons = 20_000_000

// A checker collects findings about one message in memory.
type checker struct {
	found  Findings
	counts map[Level]int
	// comparisons is how many sides of polygons may still be compared; below zero, a
	// polygon was left before its end.
	comparisons int
	// sound holds rings that were found not to cross themselves, the first mostSound.
	sound []Polygon
}

// mostSound bounds how many rings a ring is compared with.
const mostSound = 256

func (c *checker) fail(rule Rule, path, message, advice string) {
	c.add(Finding{Severity: LevelError, Rule: rule, Path: path, Message: message, Advice: advice})
}

func (c *checker) warn(rule Rule, path, message, advice string) {
	c.add(Finding{Severity: LevelWarning, Rule: rule, Path: path, Message: message, Advice: advice})
}

// add keeps f unless there are too many of its level: a document of 1 MiB can
// be wrong in half a million places.
func (c *checker) add(f Finding) {
	const most = 500
	if c.counts[f.Severity] < most {
		c.counts[f.Severity]++
		c.found = append(c.found, f)
	}
}

// header checks the elements of alert itself.
func (c *checker) header(m *Message) {
	c.identity("alert/identifier", m.Identifier)
	c.identity("alert/sender", m.Sender)
	c.time("alert/sent", m.Sent, true)
	valid(c, "alert/status", string(m.Status), m.Status.Valid())
	valid(c, "alert/msgType", string(m.MsgType), m.MsgType.Valid())
	valid(c, "alert/scope", string(m.Scope), m.Scope.Valid())
	c.text("alert/source", m.Source)
	c.text("alert/restriction", m.Restriction)
	c.text("alert/addresses", m.Addresses)
	for i, code := range m.Codes {
		c.required(fmt.Sprintf("alert/code[%d]", i+1), code)
	}
	c.text("alert/note", m.Note)
	c.markup("alert/note", m.Note)
	c.text("alert/incidents", m.Incidents)
	c.list("alert/addresses", m.Addresses)
	c.list("alert/incidents", m.Incidents)
	c.scope(m)
	if m.Note == "" && m.Status == StatusExercise {
		c.warn(RuleNote, "alert/note", "is missing, and an exercise should say there which one it is", "add a note such as Esercitazione and its name")
	}
	if m.Note == "" && m.MsgType == MsgError {
		c.warn(RuleNote, "alert/note", "is missing, and should say what was wrong with the messages in references", "add it")
	}
	// Our own rule: CAP allows it, but the public would learn nothing.
	if len(m.Infos) == 0 && (m.MsgType == MsgAlert || m.MsgType == MsgUpdate) {
		c.fail(RuleNoInfo, "alert/info", "is missing, so that the message says nothing", "add an info")
	}
}

// scope checks what a scope asks for. That a restriction goes with scope
// Restricted only is how the standard describes it.
func (c *checker) scope(m *Message) {
	switch {
	case m.Scope == ScopeRestricted && m.Restriction == "":
		c.fail(RuleRestriction, "alert/restriction", "is missing, and the scope is Restricted", "say who may see the message, or change the scope")
	case m.Scope == ScopePrivate && m.Addresses == "":
		c.fail(RuleScope, "alert/addresses", "is missing, and the scope is Private", "name the recipients, or change the scope")
	case m.Scope.Valid() && m.Scope != ScopeRestricted && m.Restriction != "":
		c.fail(RuleRestriction, "alert/restriction", "is given, and the scope is "+string(m.Scope), "delete it, or change the scope to Restricted")
	}
}

// references checks that what replaces or answers says what, and not itself or
// the future.
func (c *checker) references(m *Message) {
	const path = "alert/references"
	if len(m.References) == 0 && m.MsgType.Valid() && m.MsgType != MsgAlert {
		c.fail(RuleNoReferences, path, "is missing, and a message of type "+string(m.MsgType)+" must name those it is about",
			"add sender,identifier,sent of every message that is still in force")
	}
	if len(m.References) > 0 && m.MsgType == MsgAlert {
		c.warn(RuleAlertReferences, path, "is given in a message of type Alert, which replaces nothing", "make it an Update if it follows another message")
	}
	for _, r := range m.References {
		if _, err := ParseReference(r.String()); err != nil {
			c.fail(RuleReferences, path, err.Error(), "")
			continue
		}
		sent, err := r.Time()
		switch {
		case r.Sender == m.Sender && r.Identifier == m.Identifier:
			c.fail(RuleCircularReference, path, "names the message itself", "give the message a new identifier")
		case err == nil && sent.After(m.Sent):
			c.fail(RulePostdated, path, quote(r.Identifier)+" was sent later than this message", "correct sent, or the reference")
		}
	}
}

func (c *checker) info(m *Message, in *Info, path string) {
	if !isLanguage(in.Language) {
		c.fail(RuleLanguage, path+"/language", "is missing or not a language tag, and CAP would take it for en-US", "write it, such as it-IT")
	}
	if len(in.Categories) == 0 {
		c.fail(RuleMissing, path+"/category", "is missing", "add one, such as Met")
	}
	for i, v := range in.Categories {
		valid(c, fmt.Sprintf("%s/category[%d]", path, i+1), string(v), v.Valid())
	}
	for i, v := range in.ResponseTypes {
		valid(c, fmt.Sprintf("%s/responseType[%d]", path, i+1), string(v), v.Valid())
		if v == ResponseAssess && m.Scope == ScopePublic {
			c.warn(RuleAssess, fmt.Sprintf("%s/responseType[%d]", path, i+1), "is Assess, which tells the public nothing to do", "choose what people are to do, such as Monitor")
		}
	}
	valid(c, path+"/urgency", string(in.Urgency), in.Urgency.Valid())
	valid(c, path+"/severity", string(in.Severity), in.Severity.Valid())
	valid(c, path+"/certainty", string(in.Certainty), in.Certainty.Valid())
	c.infoTexts(in, path)
	c.lifetime(m, in, path)
	c.pairs(path+"/eventCode", in.EventCodes)
	c.pairs(path+"/parameter", in.Parameters)
	for i := range in.Resources {
		c.resource(m, &in.Resources[i], fmt.Sprintf("%s/resource[%d]", path, i+1))
	}
	// Our own rule, from alerts that went to a whole county because nobody
	// had drawn the area: what has none is refused, not widened.
	if len(in.Areas) == 0 && (m.MsgType == MsgAlert || m.MsgType == MsgUpdate) {
		c.fail(RuleNoArea, path+"/area", "is missing, so that nobody knows where it holds", "add the area")
	}
	for i := range in.Areas {
		c.area(&in.Areas[i], fmt.Sprintf("%s/area[%d]", path, i+1))
	}
}

func (c *checker) infoTexts(in *Info, path string) {
	c.required(path+"/event", in.Event)
	c.text(path+"/audience", in.Audience)
	c.text(path+"/senderName", in.SenderName)
	c.text(path+"/headline", in.Headline)
	c.text(path+"/description", in.Description)
	c.text(path+"/instruction", in.Instruction)
	c.text(path+"/contact", in.Contact)
	c.text(path+"/web", in.Web)
	for _, t := range []struct{ name, text string }{
		{"event", in.Event}, {"audience", in.Audience}, {"senderName", in.SenderName}, {"headline", in.Headline},
		{"description", in.Description}, {"instruction", in.Instruction}, {"contact", in.Contact},
	} {
		c.markup(path+"/"+t.name, t.text)
	}
	if in.Headline == "" {
		c.warn(RuleHeadline, path+"/headline", "is missing", "add one line that says what happens where")
	}
	// "160 characters may be a useful target limit", says the standard.
	if n := utf8.RuneCountInString(in.Headline); n > 160 {
		c.warn(RuleLength, path+"/headline", fmt.Sprintf("has %d characters, and 160 are the aim", n), "shorten it")
	}
	if in.Web != "" && !absolute(in.Web) {
		c.fail(RuleAddress, path+"/web", "is not a full address", "write it whole, from https:// on")
	}
}

// lifetime checks the times of an info. That expires is given is our own rule:
// without it nothing would ever stop a late post.
func (c *checker) lifetime(m *Message, in *Info, path string) {
	c.time(path+"/effective", in.Effective, false)
	c.time(path+"/onset", in.Onset, false)
	expires := path + "/expires"
	if in.Expires.IsZero() {
		c.fail(RuleExpires, expires, "is missing, so that the message would hold for ever", "add when the information ends")
		return
	}
	c.time(expires, in.Expires, true)
	switch {
	case !in.Expires.After(m.Sent):
		c.fail(RuleLifetime, expires, "is not after sent, so that nobody would ever see the message", "correct one of them")
	case !in.Effective.IsZero() && !in.Expires.After(in.Effective):
		c.fail(RuleLifetime, expires, "is not after effective", "correct one of them")
	}
}

func (c *checker) resource(m *Message, r *Resource, path string) {
	c.required(path+"/resourceDesc", r.Desc)
	c.text(path+"/uri", r.URI)
	// Before CAP 1.2 mimeType could be absent.
	older := r.MIMEType == "" && (m.Version == CAP10 || m.Version == CAP11)
	if kind, sub, ok := strings.Cut(r.MIMEType, "/"); !older && (!ok || kind == "" || sub == "" || strings.ContainsAny(r.MIMEType, " \t\n<>")) {
		c.fail(RuleMediaType, path+"/mimeType", "is not a media type", "write one such as image/png")
	}
	if r.Size != nil && *r.Size < 0 {
		c.fail(RuleResource, path+"/size", "is below zero", "write the size in bytes")
	}
	if r.URI != "" && r.DerefURI == "" && !absolute(r.URI) {
		c.fail(RuleRelativeURI, path+"/uri", "is not a full address, and there is no derefUri that it could name", "write it whole, from https:// on")
	}
	if r.URI == "" && r.DerefURI == "" {
		c.warn(RuleNoURI, path, "has neither uri nor derefUri, so that nobody can fetch it", "add uri")
	}
	hash, err := hex.DecodeString(r.Digest)
	if r.Digest != "" && (err != nil || len(hash) != sha1.Size) {
		c.fail(RuleDigest, path+"/digest", "is not a SHA-1 of 40 hexadecimal digits", "compute it again, or delete it")
		hash = nil
	}
	if r.DerefURI != "" {
		c.derefURI(r, path, hash)
	}
}

// derefURI checks a file inside of the message; hash is its digest, nil where there is
// none. In real messages it hardly ever is that of the file, so it is only doubtful.
func (c *checker) derefURI(r *Resource, resource string, hash []byte) {
	path := resource + "/derefUri"
	content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(r.DerefURI), ""))
	if err != nil {
		c.fail(RuleDerefURI, path, "is not base64", "encode the file again")
		return
	}
	if sum := sha1.Sum(content); len(hash) > 0 && !bytes.Equal(hash, sum[:]) { //nolint:gosec // the algorithm is the standard's
		c.warn(RuleDigestMismatch, resource+"/digest", "is not the SHA-1 of the file in derefUri", "compute it again, or delete it")
	}
	c.warn(RuleInlineFile, path, "carries a file inside of the message, which the standard allows only where every recipient can use it", "publish the file and give its uri")
}

func (c *checker) area(a *Area, path string) {
	c.required(path+"/areaDesc", a.Desc)
	for i, p := range a.Polygons {
		at := fmt.Sprintf("%s/polygon[%d]", path, i+1)
		if err := p.Check(); err != nil {
			c.fail(RulePolygon, at, err.Error(), "draw the area again")
			continue
		}
		// An area is drawn alike in every language: one look at its ring is enough.
		if slices.ContainsFunc(c.sound, func(q Polygon) bool { return slices.Equal(p, q) }) {
			continue
		}
		// The standard leaves open what such a ring surrounds, and readers differ.
		switch point, crosses := p.crossing(&c.comparisons); {
		case crosses:
			c.warn(RulePolygonCrossing, at, fmt.Sprintf("crosses or touches itself near %v, so that inside and outside are in doubt", point), "draw the area again")
		case c.comparisons < 0:
			c.warn(RulePolygonCrossing, at, "is too tangled to be looked at whole", "simplify it")
			c.comparisons = 0
		case len(c.sound) < mostSound:
			c.sound = append(c.sound, p)
		}
	}
	for i, circle := range a.Circles {
		if circle.RadiusKM == 0 && circle.Center.Valid() {
			c.fail(RuleCirclePoint, fmt.Sprintf("%s/circle[%d]", path, i+1), "has the radius 0, which is a point and no area", "write a radius in kilometres")
			continue
		}
		if err := circle.Check(); err != nil {
			c.fail(RuleCircle, fmt.Sprintf("%s/circle[%d]", path, i+1), err.Error(), "draw the area again")
		}
	}
	c.pairs(path+"/geocode", a.Geocodes)
	// Our own rule, and that of Google's public alerts.
	if len(a.Polygons)+len(a.Circles)+len(a.Geocodes) == 0 {
		c.fail(RuleArea, path, "has neither polygon nor circle nor geocode, so that no machine can find it", "add one")
	}
	if a.Altitude != nil && !height(*a.Altitude) {
		c.fail(RuleAltitude, path+"/altitude", "is no height in feet", "write feet above mean sea level")
	}
	switch {
	case a.Ceiling == nil:
	case a.Altitude == nil:
		c.fail(RuleCeiling, path+"/ceiling", "is given without altitude", "add altitude as the floor, or delete ceiling")
	case !height(*a.Ceiling) || *a.Ceiling < *a.Altitude:
		c.fail(RuleAltitude, path+"/ceiling", "is below altitude, or no height in feet", "correct one of them")
	}
}

// pairs checks entries of eventCode, parameter or geocode.
func (c *checker) pairs(path string, values []NamedValue) {
	for i, v := range values {
		name := fmt.Sprintf("%s[%d]/valueName", path, i+1)
		c.required(name, v.Name)
		if plain := strings.ToUpper(strings.ReplaceAll(v.Name, ".", "")); plain != v.Name && slices.Contains(acronyms(), plain) {
			c.warn(RuleValueName, name, quote(v.Name)+" is an acronym that is written without capitals or with periods", "write "+plain)
		}
		c.required(fmt.Sprintf("%s[%d]/value", path, i+1), v.Value)
	}
}

func (c *checker) identity(path, s string) {
	if problem := identityProblem(s); problem != "" {
		c.fail(RuleIdentity, path, problem, "write letters, digits, dots, hyphens, colons and the at sign")
		return
	}
	c.text(path, s)
}

func (c *checker) required(path, s string) {
	if isBlank(s) {
		c.fail(RuleEmpty, path, "is empty", "give its text")
		return
	}
	c.text(path, s)
}

// text checks what holds for every text: people sign what they see, so there
// is nothing in it that they can't see, and one spelling only of each letter.
func (c *checker) text(path, s string) {
	if name := firstHidden(s); name != "" {
		c.fail(RuleCharacter, path, "holds "+name, "delete it")
		return
	}
	if s != "" && isBlank(s) {
		c.fail(RuleEmpty, path, "is blank", "give its text, or leave it out")
		return
	}
	if !norm.NFC.IsNormalString(s) {
		c.fail(RuleComposition, path, "is not in the Unicode form NFC, so that it has other bytes than a text that looks the same", "type the letters with accents again")
	}
}

// acronyms are the names of code lists that the standard and its profiles use.
func acronyms() []string {
	return []string{"SAME", "FIPS", "FIPS6", "UGC", "EMMA_ID", "ISTAT", "NUTS2", "NUTS3", "WARNCELLID", "SGC", "VTEC"}
}

// markup warns of HTML: every text of CAP is plain, and would show the marks.
func (c *checker) markup(path, s string) {
	if !strings.ContainsAny(s, "<&") {
		return
	}
	if found := tagForm.FindString(s); found != "" {
		c.warn(RuleHTMLTags, path, "holds "+quote(found)+", which is HTML, and the texts of CAP are plain", "delete the tags")
	}
	if found := entityForm.FindString(s); found != "" && html.UnescapeString(found) != found {
		c.warn(RuleHTMLEntities, path, "holds "+quote(found)+", which is HTML, and the texts of CAP are plain", "write the character itself")
	}
}

var (
	tagForm    = regexp.MustCompile(`</?[A-Za-z][A-Za-z0-9]*(?:[ \t\n][^<>]*)?/?>`)
	entityForm = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)
)

// list checks entries that are separated by white space: one that holds some stands in
// double quotes.
func (c *checker) list(path, s string) {
	if s != "" && !listForm.MatchString(s) {
		c.warn(RuleList, path, "has quotes that don't stand around one entry", `write entries with spaces as "sala operativa"`)
	}
}

var listForm = regexp.MustCompile(`^[ \t\r\n]*(?:(?:"[^"]*"|[^" \t\r\n]+)(?:[ \t\r\n]+|$))*$`)

func (c *checker) time(path string, t time.Time, must bool) {
	if t.IsZero() {
		if must {
			c.fail(RuleMissing, path, "is missing", "add it")
		}
		return
	}
	if problem := writable(t); problem != "" {
		c.fail(RuleTime, path, problem, "give whole seconds and an offset in whole minutes")
	}
}

func valid(c *checker, path, value string, ok bool) {
	switch {
	case ok:
	case value == "":
		c.fail(RuleMissing, path, "is missing", "add it")
	default:
		c.fail(RuleSchemaValue, path, quote(value)+" is not a value of CAP 1.2", "choose one of its values")
	}
}

// height reports whether feet is a height that a thing near the earth can
// have: up to a hundred thousand kilometres, not infinite and not NaN.
func height(feet float64) bool { return feet > -1e6 && feet < 3.3e8 }

// absolute reports whether s is a full http or https address.
func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		!strings.ContainsAny(s, " \t\r\n")
}
