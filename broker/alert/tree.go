package alert

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

const (
	namespace10  = "http://www.incident.com/cap/1.0"
	namespace11  = "urn:oasis:names:tc:emergency:cap:1.1"
	namespace12  = "urn:oasis:names:tc:emergency:cap:1.2"
	namespaceDS  = "http://www.w3.org/2000/09/xmldsig#"
	namespaceXSI = "http://www.w3.org/2001/XMLSchema-instance"
)

// signatureName is the name of a node that stands for an XML signature. No
// element can have it, because of its colon.
const signatureName = "ds:Signature"

// limits bound what a document may cost.
type limits struct {
	bytes  int // of the document as it came
	depth  int // of nested elements
	nodes  int // elements
	points int // of all polygons together
}

// A node is an element of a CAP namespace, or an XML signature without its
// content.
type node struct {
	name string
	// path is set by the walk through the schema.
	path string
	at   position
	// text is all text directly in the element.
	text string
	// cdata says that some of the text stands in a CDATA section.
	cdata bool
	// comment says that a comment stands in the element.
	comment bool
	kids    []*node
	// signature is what an XML signature says of itself; nil for an element.
	signature *signature
}

// A signature is what an XML signature says of itself, unverified.
type signature struct {
	method     string   // the algorithm, such as rsa-sha256; "" where it names none
	references []string // what is signed; "" is the whole document
	enveloped  bool     // a transform leaves the signature itself out
}

// algorithm names how the signature was made.
func (s *signature) algorithm() string {
	if s.method == "" || len(s.method) > 40 || strings.ContainsFunc(s.method, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "?"
	}
	return s.method
}

// note takes what an element inside of the signature says of it.
func (s *signature) note(start xml.StartElement) {
	if s == nil || start.Name.Space != namespaceDS {
		return
	}
	value := func(name string) string {
		i := slices.IndexFunc(start.Attr, func(a xml.Attr) bool { return a.Name == xml.Name{Local: name} })
		if i < 0 {
			return ""
		}
		return start.Attr[i].Value
	}
	switch start.Name.Local {
	case "SignatureMethod":
		_, s.method, _ = strings.Cut(value("Algorithm"), "#")
	case "Reference":
		s.references = append(s.references, value("URI"))
	case "Transform":
		s.enveloped = s.enveloped || value("Algorithm") == namespaceDS+"enveloped-signature"
	}
}

// errStop ends the reading of a document; the finding has been reported.
var errStop = errors.New("the document can't be read on")

// A parser makes a tree of nodes of one document. It holds the elements
// against the namespaces, and leaves their order to the schema.
type parser struct {
	dec  *xml.Decoder
	text []byte
	lim  limits
	as   mode
	rep  *report

	namespace string
	version   Version
	nodes     int
	doctypes  int
}

// parse returns the root of text and its version, or nil after a finding that
// leaves nothing to read.
func parse(text []byte, lim limits, as mode, rep *report) (*node, Version) {
	p := &parser{dec: xml.NewDecoder(bytes.NewReader(text)), text: text, lim: lim, as: as, rep: rep}
	p.dec.Strict = true
	p.dec.Entity = nil
	// The text is UTF-8 by the time it is here; a second declaration is not
	// to change that.
	p.dec.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, errors.New("a second XML declaration")
	}
	root, err := p.document()
	if err != nil || root == nil {
		return nil, ""
	}
	return root, p.version
}

// document reads to the end: what follows the root must be as empty as what
// precedes it.
func (p *parser) document() (*node, error) {
	var root *node
	for {
		from := p.dec.InputOffset()
		token, at, err := p.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if root != nil {
				return nil, p.stop(RuleWellFormed, "", at, "a second root element "+quote(t.Name.Local), "put each message into a document of its own")
			}
			if root, err = p.root(t, at); err != nil {
				return nil, err
			}
		case xml.CharData:
			if !isBlank(string(t)) || bytes.HasPrefix(p.text[from:], []byte("<![")) {
				return nil, p.stop(RuleWellFormed, "", at, "text outside of the root element", "delete it")
			}
		case xml.Directive:
			if root == nil && p.bareDoctype(t) {
				continue
			}
			return nil, p.aside(token, "", at)
		default:
			if err := p.aside(token, "", at); err != nil {
				return nil, err
			}
		}
	}
	if root == nil {
		return nil, p.stop(RuleWellFormed, "", position{1, 1}, "there is no element", "choose a CAP file")
	}
	return root, nil
}

// versionOf returns the version of CAP that has the namespace, or "".
func versionOf(namespace string) Version {
	switch namespace {
	case namespace12:
		return CAP12
	case namespace11:
		return CAP11
	case namespace10:
		return CAP10
	}
	return ""
}

// root settles the version and reads the root element.
func (p *parser) root(start xml.StartElement, at position) (*node, error) {
	p.version = versionOf(start.Name.Space)
	if start.Name.Local != "alert" || p.version == "" {
		return nil, p.stop(RuleNamespace, "", at,
			fmt.Sprintf("the root is %s in the namespace %s, not a CAP alert", quote(start.Name.Local), quote(start.Name.Space)),
			"give the CAP document itself, not a feed or an envelope around it, and check that its prefix is declared")
	}
	if p.as == modeOwn && p.version != CAP12 {
		return nil, p.stop(RuleVersion, "alert", at, "this is CAP "+string(p.version), "import it, and issue it again as CAP 1.2")
	}
	p.namespace = start.Name.Space
	return p.element(start, "alert", at, 1)
}

// element reads what belongs to start, up to its end.
func (p *parser) element(start xml.StartElement, path string, at position, depth int) (*node, error) {
	if p.nodes++; p.nodes > p.lim.nodes {
		return nil, p.stop(RuleLimit, path, at, fmt.Sprintf("there are more than %d elements", p.lim.nodes), "split the message")
	}
	if err := p.attributes(start, path, at); err != nil {
		return nil, err
	}
	n := &node{name: start.Name.Local, at: at}
	var text strings.Builder
	for {
		from := p.dec.InputOffset()
		token, at, err := p.next()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := p.kid(n, t, path, at, depth+1); err != nil {
				return nil, err
			}
		case xml.EndElement:
			n.text = text.String()
			return n, nil
		case xml.CharData:
			n.cdata = n.cdata || bytes.HasPrefix(p.text[from:], []byte("<!["))
			text.Write(t)
		case xml.Comment:
			n.comment = true
			if err := p.aside(t, path, at); err != nil {
				return nil, err
			}
		default:
			if err := p.aside(t, path, at); err != nil {
				return nil, err
			}
		}
	}
}

// kid reads the element start into n, if it is CAP's.
func (p *parser) kid(n *node, start xml.StartElement, path string, at position, depth int) error {
	path += "/" + start.Name.Local
	if depth > p.lim.depth {
		return p.stop(RuleLimit, "", at, fmt.Sprintf("elements are nested deeper than %d", p.lim.depth), "give a CAP document")
	}
	var sig *signature
	switch {
	case start.Name.Space == p.namespace:
		kid, err := p.element(start, path, at, depth)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
		return nil
	case start.Name.Space == namespaceDS && depth == 2:
		sig = &signature{}
		n.kids = append(n.kids, &node{name: signatureName, at: at, signature: sig})
	default:
		p.rep.fail(RuleNamespace, path, at,
			fmt.Sprintf("the element %s is in the namespace %s, not in that of the alert", quote(start.Name.Local), quote(start.Name.Space)),
			"delete it, or declare its prefix")
	}
	if err := p.attributesAside(start, at); err != nil {
		return err
	}
	return p.skip(at, depth, sig)
}

// skip passes over the element whose start was just read. Of a signature it notes how
// it was made.
func (p *parser) skip(at position, depth int, sig *signature) error {
	for open := 1; open > 0; {
		token, _, err := p.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			open++
			if p.as == modeSchema && t.Name.Space == p.namespace {
				return p.stop(RuleSignature, "", at, "there is a CAP element inside of the XML signature, which is not judged here", "look at it with xmllint")
			}
			if err := p.attributesAside(t, at); err != nil {
				return err
			}
			sig.note(t)
			if depth+open-1 > p.lim.depth {
				return p.stop(RuleLimit, "", at, fmt.Sprintf("elements are nested deeper than %d", p.lim.depth), "give a CAP document")
			}
		case xml.EndElement:
			open--
		case xml.Directive:
			return p.aside(token, "", at)
		}
	}
	return nil
}

// attributesAside judges attributes that are not CAP's.
func (p *parser) attributesAside(start xml.StartElement, at position) error {
	if p.glued(start) {
		return p.stop(RuleWellFormed, "", at, "there is no space between two attributes", "separate them")
	}
	for i, a := range start.Attr {
		if slices.ContainsFunc(start.Attr[:i], func(b xml.Attr) bool { return a.Name == b.Name }) {
			return p.stop(RuleWellFormed, "", at, "the attribute "+quote(a.Name.Local)+" occurs twice", "delete one")
		}
		if p.as == modeSchema && a.Name.Space == namespaceXSI && (a.Name.Local == "type" || a.Name.Local == "nil") {
			return p.stop(RuleAttribute, "", at, "the attribute "+quote(a.Name.Local)+" is not judged here", "look at it with xmllint")
		}
	}
	return nil
}

// aside judges a token that is neither element nor text.
func (p *parser) aside(token xml.Token, path string, at position) error {
	switch t := token.(type) {
	case xml.Directive:
		return p.stop(RuleDoctype, path, at, "a DOCTYPE or another declaration, which could define entities or fetch files", "delete it: CAP needs none")
	case xml.ProcInst:
		if strings.EqualFold(t.Target, "xml") {
			return p.stop(RuleWellFormed, path, at, "an XML declaration that is not at the very beginning", "delete it and what stands before it")
		}
		if p.as == modeOwn {
			p.rep.fail(RuleInstruction, path, at, "a processing instruction "+quote(t.Target), "delete it: it could make the message look different")
			return nil
		}
		p.rep.warn(RuleInstruction, path, at, "a processing instruction "+quote(t.Target)+" is ignored", "")
	case xml.Comment:
		if name := firstHidden(strings.ReplaceAll(string(t), "\r", "")); name != "" && p.as == modeOwn {
			p.rep.fail(RuleCharacter, path, at, "a comment holds "+name, "delete it")
		}
	}
	return nil
}

// attributes lets pass declarations of namespaces and the places of schemas:
// CAP itself has no attributes.
func (p *parser) attributes(start xml.StartElement, path string, at position) error {
	if p.glued(start) {
		return p.stop(RuleWellFormed, path, at, "there is no space between two attributes", "separate them")
	}
	if len(start.Attr) == 0 {
		return nil
	}
	seen := make(map[xml.Name]bool, len(start.Attr))
	for _, a := range start.Attr {
		if seen[a.Name] {
			return p.stop(RuleWellFormed, path, at, "the attribute "+quote(a.Name.Local)+" occurs twice", "delete one")
		}
		seen[a.Name] = true
		declares := a.Name.Space == "xmlns" || a.Name == xml.Name{Local: "xmlns"}
		locates := a.Name.Space == namespaceXSI && (a.Name.Local == "schemaLocation" || a.Name.Local == "noNamespaceSchemaLocation")
		if !declares && !locates {
			p.rep.fail(RuleAttribute, path, at, "the attribute "+quote(a.Name.Local)+" is not CAP's", "delete it")
		}
	}
	return nil
}

// glued reports whether one of the attributes of the element whose start was just
// read follows another without white space, which encoding/xml lets pass.
func (p *parser) glued(start xml.StartElement) bool {
	if len(start.Attr) < 2 {
		return false
	}
	tag := p.text[:p.dec.InputOffset()]
	tag = tag[bytes.LastIndexByte(tag[:max(0, len(tag)-1)], '<')+1:]
	var open byte
	for i, b := range tag {
		switch {
		case open == 0 && (b == '"' || b == '\''):
			open = b
		case open != 0 && b == open:
			open = 0
			if i+1 < len(tag) && !bytes.ContainsRune([]byte(" \t\r\n/>"), rune(tag[i+1])) {
				return true
			}
		}
	}
	return false
}

// bareDoctype reports whether d is the only DOCTYPE so far and defines nothing by
// itself. The schema has no say on it, and it is never followed.
func (p *parser) bareDoctype(d xml.Directive) bool {
	p.doctypes++
	return p.as == modeSchema && p.doctypes == 1 && doctypeForm.Match(d)
}

var doctypeForm = regexp.MustCompile(`^DOCTYPE[ \t\r\n]+[A-Za-z_][A-Za-z0-9._:-]*` +
	`(?:[ \t\r\n]+(?:SYSTEM|PUBLIC[ \t\r\n]+(?:"[A-Za-z0-9 '()+,./:=?;!*#@$_%\r\n-]*"|'[A-Za-z0-9 ()+,./:=?;!*#@$_%\r\n-]*'))[ \t\r\n]+(?:"[^"]*"|'[^']*'))?[ \t\r\n]*$`)

// next returns the next token and where it begins, io.EOF at the end, or
// errStop after a finding.
func (p *parser) next() (xml.Token, position, error) {
	line, column := p.dec.InputPos()
	at := position{line, column}
	from := p.dec.InputOffset()
	token, err := p.dec.Token()
	switch {
	case err == nil:
		if t, ok := token.(xml.ProcInst); ok {
			// encoding/xml lets the name end at any character.
			if rest := p.text[from+int64(len("<?")+len(t.Target)):]; !bytes.HasPrefix(rest, []byte("?>")) && !isBlank(string(rest[:1])) {
				return nil, at, p.stop(RuleWellFormed, "", at, "there is no space behind the name of a processing instruction", "add one")
			}
		}
		return token, at, nil
	case errors.Is(err, io.EOF):
		return nil, at, io.EOF
	}
	message := "this is not XML"
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		at, message = position{syntax.Line, 1}, message+": "+strings.Trim(quote(syntax.Msg), `"`)
	}
	return nil, at, p.stop(RuleWellFormed, "", at, message, "correct it there; an entity that CAP doesn't know, such as &nbsp;, is written as the character itself")
}

func (p *parser) stop(rule Rule, path string, at position, message, advice string) error {
	p.rep.fail(rule, path, at, message, advice)
	return errStop
}

// isBlank reports whether s holds nothing but the white space of XML.
func isBlank(s string) bool { return strings.Trim(s, " \t\r\n") == "" }
