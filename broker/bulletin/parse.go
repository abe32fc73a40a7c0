package bulletin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tocsin/adapters"
	"tocsin/broker/alert"
)

// timeForm is RFC 3339 in whole seconds.
const timeForm = "2006-01-02T15:04:05Z07:00"

// A SyntaxError says where a bulletin, or a halt, is not one, why, and what to do.
type SyntaxError struct {
	Line   int    // from 1
	Where  string // "header", "cap", "post 3 (x-savona)", "image 1"
	Reason string

	halt bool // of a halt, not of a bulletin
}

// Error names the place first.
func (e *SyntaxError) Error() string {
	if e.halt {
		return fmt.Sprintf("refusal or withdrawal, line %d, %s: %s", e.Line, e.Where, e.Reason)
	}
	return fmt.Sprintf("bulletin, line %d, %s: %s", e.Line, e.Where, e.Reason)
}

// Parse reads a bulletin strictly: anything unknown, repeated, missing, out of
// order, out of bounds, left over, or not what the CAP message in it says, is a
// [SyntaxError] that names the place. The bulletin keeps a copy of raw.
func Parse(raw []byte) (*Bulletin, error) {
	p := &parser{all: raw, rest: raw, line: 1, where: "header"}
	if len(raw) > MaxBytes {
		return nil, p.fail("the file has %d bytes, the limit is %d: use smaller images", len(raw), MaxBytes)
	}
	if err := p.characters(raw); err != nil {
		return nil, err
	}
	p.all = bytes.Clone(raw)
	p.rest = p.all
	return p.read()
}

// read returns the bulletin whose bytes are all of the parser's, which it keeps.
func (p *parser) read() (*Bulletin, error) {
	b := &Bulletin{images: map[string]*adapters.Image{}, raw: p.all}
	if err := p.bulletin(b); err != nil {
		return nil, err
	}
	b.sum = digestOf(p.all)
	return b, nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

type parser struct {
	all   []byte // the bulletin
	rest  []byte // of all, still to be read
	line  int    // of the beginning of rest
	where string // the section, for errors
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Line: p.line, Where: p.where, Reason: fmt.Sprintf(format, args...)}
}

func (p *parser) bulletin(b *Bulletin) error {
	if err := p.header(b); err != nil {
		return err
	}
	if err := p.cap(b); err != nil {
		return err
	}
	for {
		before := len(p.all) - len(p.rest)
		section, err := p.section()
		if err != nil {
			return err
		}
		if b.core == "" && (section == "prepared" || section == "end") {
			b.core = digestOf(p.all[:before])
		}
		switch section {
		case "post", "mark", "image":
			switch {
			case b.core != "":
				err = p.fail("it stands behind a prepared bulletin, where nothing else may")
			case section == "post" && len(b.Marks) > 0:
				err = p.fail("posts stand before marks")
			case section == "post":
				err = p.post(b)
			case section == "mark":
				err = p.mark(b)
			default:
				err = p.image(b)
			}
		case "prepared":
			err = p.prepared(b)
		case "end":
			if len(p.rest) > 0 {
				return p.fail("there is text after the end")
			}
			return p.whole(b)
		default:
			err = p.fail("section %q is not known", section)
		}
		if err != nil {
			return err
		}
	}
}

// characters refuses what a person would not see, or would see differently from
// what a machine reads, anywhere in the file.
func (p *parser) characters(raw []byte) error {
	line := 1
	text := string(raw)
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		why := ""
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && n == 1:
			why = "a byte that is not UTF-8: save the file as UTF-8"
		case r == '\r':
			why = "a carriage return: lines end with a line feed alone"
		case unicode.Is(unicode.Cc, r):
			why = fmt.Sprintf("the control character %U", r)
		case unicode.Is(unicode.Bidi_Control, r):
			why = fmt.Sprintf("the character %U, which changes the direction of writing", r)
		default:
			if what := alert.Hidden(text, i); what != "" {
				why = fmt.Sprintf("the character %U: %s", r, what)
			}
		}
		if why != "" {
			if before := lastWords(text[:i]); before != "" {
				why += fmt.Sprintf(" (after %q)", before)
			}
			return &SyntaxError{Line: line, Where: "text", Reason: why}
		}
		i += n
	}
	if i := norm.NFC.QuickSpan(raw); i < len(raw) && !norm.NFC.IsNormal(raw) {
		at := 1 + bytes.Count(raw[:i], []byte("\n"))
		return &SyntaxError{Line: at, Where: "text", Reason: "the text is not in Unicode form NFC: platforms would change it"}
	}
	return nil
}

// lastWords returns the end of a line, so that a person finds a place in it.
func lastWords(s string) string {
	const most = 24 // code points
	runes := []rune(s[max(strings.LastIndexByte(s, '\n')+1, len(s)-most*utf8.UTFMax):])
	return string(runes[max(len(runes)-most, 0):])
}

// cut takes one line.
func (p *parser) cut() (string, error) {
	line, rest, ok := bytes.Cut(p.rest, []byte("\n"))
	if !ok {
		return "", p.fail("the file ends in the middle: it was cut off")
	}
	if len(line) > maxField {
		return "", p.fail("the line has %d bytes, the limit is %d", len(line), maxField)
	}
	p.rest = rest
	p.line++
	return string(line), nil
}

// fields takes "name: value" lines up to the empty line, in the given order.
// Names that end in "?" may be absent.
func (p *parser) fields(names ...string) (map[string]string, error) {
	values := map[string]string{}
	for {
		line, err := p.cut()
		if err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		p.line-- // an error is in this line
		name, value, ok := strings.Cut(line, ": ")
		if !ok || value == "" || value != strings.TrimSpace(value) {
			return nil, p.fail("%q is not \"name: value\"", line)
		}
		for len(names) > 0 && names[0] != name {
			if !strings.HasSuffix(names[0], "?") {
				return nil, p.unexpected(name, names[0], values)
			}
			if strings.TrimSuffix(names[0], "?") == name {
				break
			}
			names = names[1:]
		}
		if len(names) == 0 {
			return nil, p.unexpected(name, "", values)
		}
		names = names[1:]
		values[name] = value
		p.line++
	}
	for _, n := range names {
		if !strings.HasSuffix(n, "?") {
			return nil, p.fail("field %q is missing", n)
		}
	}
	return values, nil
}

func (p *parser) unexpected(name, want string, seen map[string]string) error {
	if _, twice := seen[name]; twice {
		return p.fail("field %q stands twice", name)
	}
	if want != "" {
		return p.fail("field %q stands where %q must", name, want)
	}
	return p.fail("field %q is not known here, or stands in the wrong order", name)
}

// section takes a "--- name" line.
func (p *parser) section() (string, error) {
	line, err := p.cut()
	if err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(line, sectionMark)
	if !ok {
		p.line--
		return "", p.fail("%q stands where a section must begin: the bytes of the section before it are miscounted", abbreviated(line))
	}
	p.where = name
	return name, nil
}

func abbreviated(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// body takes the bytes that follow the fields, and the line feed after them.
func (p *parser) body(size string, limit int) ([]byte, error) {
	n, err := strconv.Atoi(size)
	if err != nil || n < 1 || n > limit || strconv.Itoa(n) != size {
		return nil, p.fail("bytes is %q, it must be a number from 1 to %d", size, limit)
	}
	if len(p.rest) < n+1 || p.rest[n] != '\n' {
		return nil, p.fail("it does not end after its %d bytes", n)
	}
	body := p.rest[:n]
	p.rest = p.rest[n+1:]
	p.line += bytes.Count(body, []byte("\n")) + 1
	return body, nil
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (p *parser) header(b *Bulletin) error {
	first, err := p.cut()
	if err != nil {
		return err
	}
	if first != firstLine {
		p.line--
		if strings.HasPrefix(first, "tocsin-bulletin: ") {
			return p.fail("this bulletin is of version %q, this program reads version 1", strings.TrimPrefix(first, "tocsin-bulletin: "))
		}
		return p.fail("this is not a bulletin: the first line must be %q", firstLine)
	}
	f, err := p.fields("alert", "code", "number", "realm", "issuer", "composed", "expires", "not-after?", "previous?", "prepared-as?", "prepared-for?")
	if err != nil {
		return err
	}
	if b.Alert, err = alert.ParseID(f["alert"]); err != nil {
		return p.fail("%v", err)
	}
	if b.Code, err = alert.ParseCode(f["code"]); err != nil {
		return p.fail("%v", err)
	}
	if b.Realm, err = alert.ParseRealm(f["realm"]); err != nil {
		return p.fail("%v", err)
	}
	if b.Number, err = strconv.Atoi(f["number"]); err != nil || b.Number < 1 || b.Number > maxNumber || strconv.Itoa(b.Number) != f["number"] {
		return p.fail("number is %q, it must be from 1 to %d", f["number"], maxNumber)
	}
	if b.Issuer = f["issuer"]; len(b.Issuer) > maxIssuer {
		return p.fail("issuer has %d bytes, the limit is %d", len(b.Issuer), maxIssuer)
	}
	for _, moment := range []struct {
		name string
		t    *time.Time
	}{{"composed", &b.Composed}, {"expires", &b.Expires}, {"not-after", &b.NotAfter}} {
		if v, ok := f[moment.name]; ok {
			if *moment.t, err = time.Parse(timeForm, v); err != nil || moment.t.Format(timeForm) != v {
				return p.fail("%s is %q, it must be a time like 2026-11-22T10:30:00+01:00", moment.name, v)
			}
		}
	}
	b.Previous, b.Kind, b.PreparedFor = f["previous"], Kind(f["prepared-as"]), f["prepared-for"]
	return p.headerRules(b)
}

func (p *parser) headerRules(b *Bulletin) error {
	switch {
	case !b.Expires.After(b.Composed):
		return p.fail("it expires before it was composed")
	case !b.NotAfter.IsZero() && b.NotAfter.After(b.Expires):
		return p.fail("not-after is later than expires")
	case b.Previous != "" && !digestForm.MatchString(b.Previous):
		return p.fail("previous is not a SHA-256 in lower-case hexadecimal")
	case b.Kind != "" && !slices.Contains(Kinds(), b.Kind):
		return p.fail("prepared-as is %q, which is not known", b.Kind)
	case (b.Kind == "") != (b.PreparedFor == "") || b.PreparedFor != "" && !digestForm.MatchString(b.PreparedFor):
		return p.fail("prepared-as goes with prepared-for, a SHA-256 in lower-case hexadecimal")
	case (b.Number == 1) != (b.Previous == "" && b.PreparedFor == "") || b.Previous != "" && b.PreparedFor != "":
		return p.fail("bulletin 1 follows none, every other one names the one that it follows (previous), or the one inside which it was prepared (prepared-for)")
	}
	return nil
}

func (p *parser) cap(b *Bulletin) error {
	section, err := p.section()
	if err != nil {
		return err
	}
	if section == "breakglass" {
		if err := p.breakglass(b); err != nil {
			return err
		}
		if section, err = p.section(); err != nil {
			return err
		}
	}
	if section == "scenario" {
		if err := p.form(b); err != nil {
			return err
		}
		if section, err = p.section(); err != nil {
			return err
		}
	}
	if section != "cap" {
		return p.fail("the first section must be cap")
	}
	f, err := p.fields("bytes")
	if err != nil {
		return err
	}
	begin := p.line
	if b.CAP, err = p.body(f["bytes"], 256<<10); err != nil {
		return err
	}
	b.CAP = bytes.Clone(b.CAP)
	end := p.line
	p.line = begin
	defer func() { p.line = end }()
	if b.Message, err = alert.Read(b.CAP); err != nil {
		return p.fail("%v", err)
	}
	return p.capRules(b)
}

func (p *parser) capRules(b *Bulletin) error {
	m := b.Message
	switch {
	case !b.Realm.Allows(m.Status):
		return p.fail("status is %s, which realm %s does not publish", m.Status, b.Realm)
	case m.MsgType != alert.MsgAlert && m.MsgType != alert.MsgUpdate && m.MsgType != alert.MsgCancel:
		return p.fail("msgType is %s: only Alert, Update and Cancel are published", m.MsgType)
	case (m.MsgType == alert.MsgAlert) != (b.Number == 1):
		return p.fail("msgType is %s in bulletin %d: the first bulletin of an alert is an Alert, every later one an Update or a Cancel", m.MsgType, b.Number)
	case b.Kind != "" && m.MsgType != b.Kind.MsgType():
		return p.fail("msgType is %s in a prepared %s, which is of type %s", m.MsgType, b.Kind, b.Kind.MsgType())
	case b.Form != nil && m.MsgType == alert.MsgCancel:
		return p.fail("msgType is Cancel: what revokes an alert is made of no scenario")
	case b.Breakglass != nil && m.MsgType == alert.MsgCancel:
		return p.fail("msgType is Cancel: what stops an alert needs no break-glass")
	case m.Scope != alert.ScopePublic:
		return p.fail("scope is %s: only Public messages are published", m.Scope)
	case !m.Expires().IsZero() && !m.Expires().Equal(b.Expires):
		return p.fail("the message expires at %s, the bulletin at %s: they must be the same", m.Expires().Format(timeForm), b.Expires.Format(timeForm))
	}
	return nil
}

var (
	channelForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	partForm    = regexp.MustCompile(`^([1-9][0-9]?)/([1-9][0-9]?)$`)
	langForm    = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
)

func (p *parser) post(b *Bulletin) error {
	if len(b.Posts) == maxPosts {
		return p.fail("a bulletin has at most %d posts", maxPosts)
	}
	p.where = fmt.Sprintf("post %d", len(b.Posts)+1)
	f, err := p.fields("channel", "kind", "part", "language", "title?", "link?", "image?", "image-alt?", "image-url?", "bytes")
	if err != nil {
		return err
	}
	p.where += " (" + f["channel"] + ")"
	post := Post{
		Channel: f["channel"], Kind: f["kind"], Lang: f["language"], Title: f["title"], Link: f["link"],
		Image: f["image"], Alt: f["image-alt"], ImageURL: f["image-url"],
	}
	if m := partForm.FindStringSubmatch(f["part"]); m != nil {
		post.Part, _ = strconv.Atoi(m[1]) // the form has digits alone
		post.Parts, _ = strconv.Atoi(m[2])
	}
	begin := p.line
	body, err := p.body(f["bytes"], maxText)
	if err != nil {
		return err
	}
	post.Text = string(body)
	end := p.line
	p.line = begin
	defer func() { p.line = end }()
	if err := p.postRules(b, &post); err != nil {
		return err
	}
	b.Posts = append(b.Posts, post)
	return nil
}

func (p *parser) postRules(b *Bulletin, post *Post) error {
	switch {
	case !channelForm.MatchString(post.Channel) || !channelForm.MatchString(post.Kind):
		return p.fail("channel and kind are lower-case letters, digits and hyphens")
	case post.Part < 1 || post.Part > post.Parts || post.Parts > maxParts:
		return p.fail("part must be like 1/1 or 2/3, at most %d parts", maxParts)
	case !langForm.MatchString(post.Lang):
		return p.fail("language is not a language tag such as it-IT")
	case !adapters.ContainsMark(post.Text, b.Mark()):
		return p.fail("the text does not contain the alert code %s: nobody could look for it", b.Mark())
	case b.Breakglass != nil && !toldOfOne(post):
		return p.fail("the text does not say %q on a line of its own, as each one of a break-glass bulletin must", OneAuthority(post.Lang))
	case post.Text != strings.TrimSpace(post.Text):
		return p.fail("the text begins or ends with blanks: platforms would change it")
	case post.Link != "" && !absolute(post.Link):
		return p.fail("link is not an absolute http or https address")
	case post.ImageURL != "" && !absolute(post.ImageURL):
		return p.fail("image-url is not an absolute http or https address")
	case post.Image != "" && !digestForm.MatchString(post.Image):
		return p.fail("image is not a SHA-256 in lower-case hexadecimal")
	case (post.Image == "") != (post.Alt == "") || post.Image == "" && post.ImageURL != "":
		return p.fail("an image and its description (image-alt) go together")
	}
	if n := len(b.Posts); post.Part > 1 {
		if n == 0 || b.Posts[n-1].Channel != post.Channel || b.Posts[n-1].Part != post.Part-1 || b.Posts[n-1].Parts != post.Parts || b.Posts[n-1].Kind != post.Kind {
			return p.fail("the parts of a channel follow each other")
		}
		return nil
	}
	if slices.ContainsFunc(b.Posts, func(q Post) bool { return q.Channel == post.Channel }) {
		return p.fail("channel %s stands twice", post.Channel)
	}
	return p.finished(b)
}

// finished checks that the channel before this place has all its parts.
func (p *parser) finished(b *Bulletin) error {
	if n := len(b.Posts); n > 0 && b.Posts[n-1].Part != b.Posts[n-1].Parts {
		return p.fail("channel %s has %d parts of %d", b.Posts[n-1].Channel, b.Posts[n-1].Part, b.Posts[n-1].Parts)
	}
	return nil
}

func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

func (p *parser) image(b *Bulletin) error {
	if len(b.images) == maxImages {
		return p.fail("a bulletin has at most %d images", maxImages)
	}
	p.where = fmt.Sprintf("image %d", len(b.images)+1)
	f, err := p.fields("sha256", "type", "bytes")
	if err != nil {
		return err
	}
	body, err := p.body(f["bytes"], base64.StdEncoding.EncodedLen(MaxImage)*78/76+78)
	if err != nil {
		return err
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Strict().Decode(data, body)
	if err != nil || !bytes.Equal(wrapBase64(data[:n]), body) {
		return p.fail("it is not base64 in lines of 76 characters")
	}
	data = data[:n]
	digest := digestOf(data)
	switch {
	case digest != f["sha256"]:
		return p.fail("its bytes have another SHA-256 than it says")
	case b.images[digest] != nil:
		return p.fail("the same image stands twice")
	case len(data) > MaxImage:
		return p.fail("it has %d bytes, the limit is %d", len(data), MaxImage)
	case imageType(data) == "" || imageType(data) != f["type"]:
		return p.fail("it is not an image of type %s", f["type"])
	}
	b.images[digest] = &adapters.Image{MediaType: f["type"], Data: data, SHA256: digest}
	return nil
}

// prepared takes a bulletin that was prepared inside this one.
func (p *parser) prepared(b *Bulletin) error {
	p.where = fmt.Sprintf("prepared %d", len(b.prepared)+1)
	f, err := p.fields("as", "sha256", "bytes")
	if err != nil {
		return err
	}
	as, begin := Kind(f["as"]), p.line
	body, err := p.body(f["bytes"], MaxBytes)
	if err != nil {
		return err
	}
	end := p.line
	p.line = begin
	defer func() { p.line = end }()
	order := b.allowed()
	switch i := slices.Index(order, as); {
	case i < 0:
		return p.fail("no %q may be prepared here: bulletins like this one hold %q", as, order)
	case len(b.prepared) > 0 && slices.Index(order, b.prepared[len(b.prepared)-1].Kind) >= i:
		return p.fail("the prepared %s stands twice, or in the wrong place", as)
	}
	// It is part of the text whose characters were checked, and kept as it stands there.
	in := &parser{all: body[:len(body):len(body)], rest: body, line: begin, where: "header"}
	q, err := in.read()
	if inner, ok := errors.AsType[*SyntaxError](err); ok {
		return &SyntaxError{Line: inner.Line, Where: p.where + ", " + inner.Where, Reason: inner.Reason}
	}
	if err != nil {
		return err
	}
	if q.sum != f["sha256"] {
		return p.fail("its bytes have another SHA-256 than it says")
	}
	if q.Kind != as {
		return p.fail("it says that it is prepared as %q, and stands here as %q", q.Kind, as)
	}
	if err := p.preparedRules(b, q); err != nil {
		return err
	}
	b.prepared = append(b.prepared, q)
	return nil
}

// allowed lists the kinds that may be prepared inside b.
func (b *Bulletin) allowed() []Kind {
	if b.Message.MsgType == alert.MsgCancel {
		return nil
	}
	return b.Kind.Holds(b.Breakglass != nil)
}

// preparedRules holds what was prepared against the bulletin around it: it says no
// more than that this one is in doubt, or is to be disregarded, and to the same
// channels.
func (p *parser) preparedRules(b, q *Bulletin) error {
	reference := b.Message.Reference()
	switch {
	case q.PreparedFor != b.core:
		return p.fail("it was prepared for another bulletin than the one around it")
	case q.Alert != b.Alert || q.Code != b.Code || q.Realm != b.Realm || q.Issuer != b.Issuer || q.Message.Sender != b.Message.Sender || q.Message.Status != b.Message.Status:
		return p.fail("it is of another alert, code, realm, issuer, sender or status than the bulletin around it")
	case q.Number != b.Number+1:
		return p.fail("it is bulletin %d, and what is prepared inside bulletin %d is number %d", q.Number, b.Number, b.Number+1)
	case !slices.ContainsFunc(q.Message.References, func(r alert.Reference) bool { return r == reference }):
		return p.fail("its message does not refer to the one that it takes the place of (references)")
	case !sameChannels(b, q):
		return p.fail("it is for other channels than the bulletin around it")
	case q.Expires.Before(b.Expires):
		return p.fail("it expires before the bulletin around it")
	case slices.ContainsFunc(q.Marks, func(m Mark) bool { return m.When == AtRelease && m.On != b.Number }):
		return p.fail("it marks a post of another bulletin than the one around it")
	}
	return nil
}

func sameChannels(a, b *Bulletin) bool {
	names := func(b *Bulletin) []string {
		var out []string
		for _, c := range b.Channels() {
			out = append(out, c.Name+" "+c.Kind)
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(names(a), names(b))
}

// wrapBase64 returns data in base64, in lines of 76 characters.
func wrapBase64(data []byte) []byte {
	encoded := base64.StdEncoding.EncodeToString(data)
	var out bytes.Buffer
	for len(encoded) > 76 {
		out.WriteString(encoded[:76] + "\n")
		encoded = encoded[76:]
	}
	out.WriteString(encoded)
	return out.Bytes()
}

// whole checks what only the whole bulletin shows.
func (p *parser) whole(b *Bulletin) error {
	p.where = "end"
	if len(b.Posts) == 0 {
		return p.fail("it has no post")
	}
	if err := p.finished(b); err != nil {
		return err
	}
	unused := maps.Clone(b.images)
	for _, post := range b.Posts {
		if post.Image == "" {
			continue
		}
		if b.images[post.Image] == nil {
			return p.fail("the post for %s names an image that is not there", post.Channel)
		}
		delete(unused, post.Image)
	}
	if len(unused) > 0 {
		return p.fail("%d images belong to no post", len(unused))
	}
	return nil
}
