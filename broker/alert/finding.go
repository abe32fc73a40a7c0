package alert

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Level says how bad a [Finding] is. The zero value is the worst.
type Level uint8

// The levels.
const (
	LevelError   Level = iota // the message must not be used
	LevelWarning              // it can be used; a person should look
)

// String returns "error" or "warning".
func (l Level) String() string {
	if l == LevelWarning {
		return "warning"
	}
	return "error"
}

// A Rule names what a [Finding] is about, for those who branch on it or
// translate it. The values are stored in records: append only.
type Rule string

// The rules. Those up to RuleSchemaValue are about the document, the others
// about what the message says.
const (
	RuleSize        Rule = "size"            // the document is empty or too large
	RuleEncoding    Rule = "encoding"        // characters can't be read
	RuleWellFormed  Rule = "well-formed"     // not XML
	RuleDoctype     Rule = "doctype"         // a DOCTYPE or another declaration
	RuleInstruction Rule = "instruction"     // a processing instruction
	RuleComment     Rule = "comment"         // a comment where it could hide text
	RuleLimit       Rule = "limit"           // too deep, too many elements or points
	RuleNamespace   Rule = "namespace"       // an element of another vocabulary
	RuleAttribute   Rule = "attribute"       // an attribute that CAP doesn't have
	RuleUnknown     Rule = "unknown-element" // an element that CAP doesn't have there
	RuleOrder       Rule = "order"           // an element in the wrong place
	RuleMissing     Rule = "missing"         // a required element is absent
	RuleRepeated    Rule = "repeated"        // an element occurs too often
	RuleMixed       Rule = "mixed-content"   // text between elements, or elements in text
	RuleSignature   Rule = "xml-signature"   // an XML signature
	RuleSchemaValue Rule = "value"           // a value that the schema doesn't have

	RuleEmpty       Rule = "empty"       // an element says nothing
	RuleVersion     Rule = "version"     // not CAP 1.2
	RuleForeign     Rule = "foreign"     // others wrote the message
	RuleCharacter   Rule = "character"   // a character that can't be printed or misleads
	RuleComposition Rule = "composition" // text is not in Unicode form NFC
	RuleIdentity    Rule = "identity"    // identifier or sender
	RuleTime        Rule = "time"        // a date and time
	RuleLifetime    Rule = "lifetime"    // expires, against the other times
	RuleLanguage    Rule = "language"    // language of an info
	RuleReferences  Rule = "references"  // references of a message
	RuleScope       Rule = "scope"       // scope against restriction and addresses
	RuleNote        Rule = "note"        // note of an exercise or an error
	RuleAddress     Rule = "address"     // web or uri
	RuleLength      Rule = "length"      // longer than it should be
	RuleResource    Rule = "resource"    // a resource of an info
	RuleArea        Rule = "area"        // no area, or one without shape and code
	RulePolygon     Rule = "polygon"     // a polygon
	RuleCircle      Rule = "circle"      // a circle
	RuleAltitude    Rule = "altitude"    // altitude or ceiling
	RuleRoundTrip   Rule = "round-trip"  // the writer's own output reads differently

	RuleUTCOffset         Rule = "utc-offset"          // UTC written as +00:00
	RuleUTCTime           Rule = "utc-time"            // sent in UTC
	RuleExpires           Rule = "expires"             // no expires
	RuleNoReferences      Rule = "no-references"       // an Update, Cancel, Ack or Error that refers to nothing
	RuleCircularReference Rule = "circular-reference"  // a message that refers to itself
	RulePostdated         Rule = "postdated-reference" // a reference to a later message
	RuleAlertReferences   Rule = "alert-references"    // an Alert that refers to others
	RuleRestriction       Rule = "restriction-scope"   // restriction against scope
	RuleList              Rule = "list"                // quotes of addresses or incidents
	RuleAssess            Rule = "assess"              // Assess in a public message
	RuleValueName         Rule = "value-name"          // an acronym that is not in capitals
	RuleRelativeURI       Rule = "relative-uri"        // a relative uri without its content
	RuleMediaType         Rule = "media-type"          // mimeType
	RuleNoURI             Rule = "no-uri"              // a resource that nobody can fetch
	RuleDerefURI          Rule = "deref-uri"           // derefUri that is not base64
	RuleInlineFile        Rule = "inline-file"         // a file inside of the message
	RuleDigest            Rule = "digest"              // digest that is no SHA-1
	RuleDigestMismatch    Rule = "digest-mismatch"     // digest that is not that of the file
	RuleNoArea            Rule = "no-area"             // an info without area
	RuleGeocodeAlone      Rule = "geocode-alone"       // a code without a shape
	RuleCirclePoint       Rule = "circle-point"        // a circle of radius 0
	RulePolygonCrossing   Rule = "polygon-crossing"    // a polygon that crosses or touches itself
	RuleOverlap           Rule = "overlap"             // two polygons of an info that lie over each other
	RuleContradiction     Rule = "contradiction"       // an info that says otherwise than one before it
	RuleDecimals          Rule = "decimals"            // more than six decimals of a degree
	RuleCeiling           Rule = "ceiling"             // ceiling without altitude
	RuleNoInfo            Rule = "no-info"             // an Alert or Update that says nothing
	RuleHeadline          Rule = "headline"            // no headline
	RuleHTMLTags          Rule = "html-tags"           // tags in a text
	RuleHTMLEntities      Rule = "html-entities"       // entities in a text
	RuleSameText          Rule = "same-text"           // one text in two languages
	RuleAreaLength        Rule = "area-length"         // areaDesc that is too long for a map
	RuleWeb               Rule = "web"                 // no web
	RuleContact           Rule = "contact"             // no contact
	RuleResponseType      Rule = "response-type"       // no responseType
	RuleInstructionText   Rule = "instruction-text"    // no instruction
	RuleNotShown          Rule = "not-shown"           // status or scope that no public service shows
	RuleSignatureForm     Rule = "signature-form"      // a signature that is not CAP's kind
	RuleSignatureWeak     Rule = "signature-weak"      // a signature whose algorithm can be forged
)

// A Finding is one thing that is wrong, or doubtful, in a CAP document, in
// words for the person who must act. As an error it is one of [Findings].
type Finding struct {
	Severity Level
	Rule     Rule
	// Path is the element, such as "alert/info[1]/area[2]/polygon[1]".
	Path string
	// Line and Column, in bytes, count from 1 in the document as decoded to
	// UTF-8; 0 when there is no document.
	Line, Column int
	// Message says what is wrong, Advice what to do about it.
	Message, Advice string
}

// Error returns place, message and advice in one line.
func (f *Finding) Error() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", f.Line, f.Column)
	}
	if f.Path != "" {
		b.WriteString(f.Path)
		b.WriteString(": ")
	}
	b.WriteString(f.Message)
	if f.Advice != "" {
		b.WriteString("; ")
		b.WriteString(f.Advice)
	}
	return b.String()
}

// Findings are all that was found in one document, in the order of the
// document where there is one. As an error, which [Read], [Import] and
// [Message.Marshal] return, they hold only findings of [LevelError].
type Findings []Finding

// Error returns the first three findings in words, and how many more there are.
func (fs Findings) Error() string {
	const shown = 3
	if len(fs) == 0 {
		return "no findings"
	}
	parts := make([]string, 0, shown)
	for i := range fs[:min(shown, len(fs))] {
		parts = append(parts, fs[i].Error())
	}
	text := "CAP message: " + strings.Join(parts, " | ")
	if more := len(fs) - len(parts); more > 0 {
		text += fmt.Sprintf(" | and %d more", more)
	}
	return text
}

// Unwrap makes each [Finding] visible to errors.As and errors.AsType.
func (fs Findings) Unwrap() []error {
	errs := make([]error, len(fs))
	for i := range fs {
		errs[i] = &fs[i]
	}
	return errs
}

// Errors returns the findings of [LevelError].
func (fs Findings) Errors() Findings { return fs.of(LevelError) }

// Warnings returns the findings of [LevelWarning].
func (fs Findings) Warnings() Findings { return fs.of(LevelWarning) }

func (fs Findings) of(level Level) Findings {
	var some Findings
	for _, f := range fs {
		if f.Severity == level {
			some = append(some, f)
		}
	}
	return some
}

// err returns the errors among fs as an error, or nil. A plain return of fs
// would make an error of an empty list.
func (fs Findings) err() error {
	if errs := fs.Errors(); len(errs) > 0 {
		return errs
	}
	return nil
}

// quote makes s, which may come from anywhere, safe to print: cut to 40
// characters, in quotes, with everything escaped that doesn't show.
func quote(s string) string {
	const most = 40
	cut := ""
	for i := range s {
		if utf8.RuneCountInString(s[:i]) == most {
			s, cut = s[:i], "…"
			break
		}
	}
	return strconv.Quote(s) + cut
}
