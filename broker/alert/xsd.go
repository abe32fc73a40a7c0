package alert

// This file holds a document against the XML schema of its version, and nothing
// but that: "tocsin cap check --schema-only" answers by it.

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// CheckSchema holds a document of at most 8 MiB against the XML schema of its version
// of CAP, as OASIS published it for 1.1 and 1.2 (for 1.0: as the standard describes
// it), and against nothing else. The findings, all of [LevelError], are empty exactly
// where the schema is met. Version is empty where the document is no CAP alert.
//
// A DOCTYPE that defines nothing is no matter of the schema and passes. What can't be
// judged without following the document's own definitions is a finding, and so is an
// encoding other than UTF-8, UTF-16, US-ASCII, ISO-8859-1 and windows-1252.
func CheckSchema(raw []byte) (Version, Findings) {
	rep := newReport()
	lim := schemaLimits()
	text := decode(raw, lim, modeSchema, rep)
	if text == nil {
		return "", rep.sorted().Errors()
	}
	root, version := parse(text, lim, modeSchema, rep)
	if root == nil {
		return version, rep.sorted().Errors()
	}
	walk{rep: rep}.element(root, schema(version), "alert")
	values(root, schema(version), version, rep)
	return version, rep.sorted().Errors()
}

// values judges the text of every element below n.
func values(n *node, slots []slot, v Version, rep *report) {
	if n.cdata {
		rep.fail(RuleMixed, n.path, n.at, "there is a CDATA section between its elements", "delete it")
	}
	for _, kid := range n.kids {
		if kid.name == signatureName {
			continue
		}
		i := slices.IndexFunc(slots, func(s slot) bool { return s.name == kid.name })
		if slots[i].kids != nil {
			values(kid, slots[i].kids, v, rep)
			continue
		}
		if len(kid.kids) == 0 && !lexical(v, kid) {
			rep.fail(RuleSchemaValue, kid.path, kid.at, quote(kid.text)+" is not a value that the schema has for it", lexicalAdvice(kid.name))
		}
	}
}

// lexical reports whether the text of n has the form that the schema gives it. An
// element that is not named here holds any text.
func lexical(v Version, n *node) bool {
	// White space collapses in all types but strings and the lists of values.
	collapsed := func() string { return strings.Join(strings.FieldsFunc(n.text, isSpaceXML), " ") }
	switch n.name {
	case "sent", "effective", "onset", "expires":
		if v != CAP12 { // libxml2 collapses it only where the schema narrows the type
			return isDateTime(n.text, false)
		}
		return isDateTime(collapsed(), true)
	case "status":
		return slices.Contains(statusesOf(v), Status(n.text))
	case "msgType":
		return MsgType(n.text).Valid()
	case "scope":
		return Scope(n.text).Valid()
	case "category":
		return slices.Contains(categoriesOf(v), Category(n.text))
	case "responseType":
		return slices.Contains(responseTypesOf(v), ResponseType(n.text))
	case "urgency":
		return Urgency(n.text).Valid()
	case "severity":
		return Severity(n.text).Valid()
	case "certainty":
		if v == CAP10 {
			return n.text == "Very Likely" || Certainty(n.text).Valid() && Certainty(n.text) != CertaintyObserved
		}
		return Certainty(n.text).Valid()
	case "language":
		return n.text == "" || isLanguage(collapsed()) // the default stands for nothing at all
	case "web", "uri":
		return isURI(collapsed())
	case "size":
		return integerForm.MatchString(collapsed()) && significant(collapsed()) <= mostDigits
	case "altitude", "ceiling":
		return v != CAP12 || decimalForm.MatchString(collapsed()) && significant(collapsed()) <= mostDigits
	}
	return true
}

func lexicalAdvice(name string) string {
	switch name {
	case "sent", "effective", "onset", "expires":
		return "write year-month-dayThour:minute:second and the offset from UTC"
	case "web", "uri":
		return "write an address, with other characters than letters and digits as %20 and the like"
	case "size":
		return "write the size in bytes"
	case "altitude", "ceiling":
		return "write feet above mean sea level"
	case "language":
		return "write one such as it-IT"
	}
	return "write one of the values of its version of CAP, with its capitals"
}

func isSpaceXML(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

// mostDigits is how many significant digits libxml2 reads of a number; the schema
// language asks for 18.
const mostDigits = 24

var (
	integerForm = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimalForm = regexp.MustCompile(`^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$`)

	// dateTimeForm is xs:dateTime: year, month, day, hour, minute, second, fraction, zone.
	dateTimeForm = regexp.MustCompile(`^(-?(?:[0-9]{4}|[1-9][0-9]{4,8}))-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$`)
)

func significant(number string) int {
	digits := strings.TrimLeft(strings.TrimLeft(number, "+-"), "0")
	return len(strings.ReplaceAll(digits, ".", ""))
}

// isDateTime reports whether s is an xs:dateTime. The pattern of CAP 1.2 asks for four
// digits of the year, no fraction, and an offset in digits.
func isDateTime(s string, narrow bool) bool {
	found := dateTimeForm.FindStringSubmatch(s)
	if found == nil || narrow && (len(found[1]) != 4 || found[7] != "" || len(found[8]) != 6) {
		return false
	}
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(found[i+1]) // the form has digits alone
	}
	year, month, day, hour, minute, second := n[0], n[1], n[2], n[3], n[4], n[5]
	if year == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || minute > 59 || second > 59 {
		return false
	}
	if hour > 24 || hour == 24 && (minute > 0 || second > 0 || strings.Trim(found[7], ".0") != "") {
		return false
	}
	if zone := found[8]; len(zone) == 6 {
		hours, minutes := int(zone[1]-'0')*10+int(zone[2]-'0'), int(zone[4]-'0')*10+int(zone[5]-'0')
		return minutes <= 59 && hours*60+minutes <= 14*60
	}
	return true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// isURI reports whether s is an xs:anyURI. The type takes nearly all text: what can't
// stand in an address is read as if it were written with percent signs, and the rest
// has to be of the form of RFC 3986.
func isURI(s string) bool {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7F || strings.ContainsRune("<>\"{}|\\^`'", r) {
			return '_'
		}
		return r
	}, s)
	found := uriForm.FindStringSubmatch(s)
	if found == nil || strings.Contains(escapeForm.ReplaceAllString(s, ""), "%") {
		return false
	}
	scheme, hasAuthority, authority, path, query := found[1], found[2] != "", found[3], found[4], found[5]
	if strings.ContainsAny(path+query, "[]") {
		return false
	}
	if hasAuthority && !isAuthority(authority) {
		return false
	}
	// Without a scheme, a colon in the first part of the path would look like one.
	first, _, _ := strings.Cut(path, "/")
	return scheme != "" || hasAuthority || !strings.Contains(first, ":")
}

var (
	uriForm    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*:)?(//([^/?#]*))?([^?#]*)(\?[^#]*)?(#[^#]*)?$`)
	escapeForm = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	portForm   = regexp.MustCompile(`^[0-9]+$`)
)

// isAuthority judges user@host:port.
func isAuthority(s string) bool {
	if user, host, found := strings.Cut(s, "@"); found {
		if strings.ContainsAny(user, "[]") {
			return false
		}
		s = host
	}
	if strings.HasPrefix(s, "[") {
		_, rest, closed := strings.Cut(s, "]")
		if !closed || rest != "" && rest[0] != ':' {
			return false
		}
		s = rest
	}
	host, port, hasPort := strings.Cut(s, ":")
	if strings.ContainsAny(host, "@[]") {
		return false
	}
	if !hasPort {
		return true
	}
	n, err := strconv.ParseInt(port, 10, 32)
	return portForm.MatchString(port) && err == nil && n >= 0
}
