package x

// This file finds the links that X makes of a text, by the rules of twitter-text
// (github.com/twitter/twitter-text, configuration v3): X replaces each of them by
// a t.co address that weighs 23 units, whether its author meant it as a link or
// not. "chiuse le scuole.Si raccomanda" holds a link to scuole.si.

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxScan bounds the text that is searched for links, in code points. Nothing
	// longer can be a post: 280 units hold at most twelve links of maxURL.
	maxScan = 1 << 16
	// maxURL is twitter-text's bound on one address, in code points, with the host
	// in its encoded form and a protocol.
	maxURL = 4096
	// maxHostLabel bounds one label of a host name in its encoded form (RFC 1035,
	// section 2.3.4).
	maxHostLabel = 63
	// maxTLD bounds the code points that are tried as a top-level domain in a script
	// other than ASCII; the longest of the root zone have 17.
	maxTLD = 24
	// maxTcoSlug is twitter-text's bound on what follows https://t.co/.
	maxTcoSlug = 40
	// impliedProtocol is the length of "https://", which twitter-text adds to an
	// address without one before it measures it.
	impliedProtocol = 8
)

// A Link is a part of a text that X turns into a link.
type Link struct {
	// Start and End are the positions of its first code point and of the one after
	// its last, in the text's NFC form: what X calls the indices of an entity.
	Start, End int
	URL        string // as it stands in the text
}

// URLs returns the addresses that X makes into links in text, with or without a
// protocol, as they stand in the text's NFC form and in their order. A composer
// compares them with the links that the author meant. It returns nil for a text of
// more than 65,536 code points, which no platform limit lets pass.
func URLs(text string) []string {
	var urls []string
	for _, l := range Links(text) {
		urls = append(urls, l.URL)
	}
	return urls
}

// Links returns the same links as [URLs], with their positions.
func Links(text string) []Link {
	return findLinks([]rune(norm.NFC.String(text)))
}

// findLinks searches a text that is in NFC.
func findLinks(text []rune) []Link {
	if len(text) > maxScan {
		return nil
	}
	s := newScanner(text)
	// taken is where the last match ended. The code point before a link belongs to
	// its match, so that two links never share it.
	taken := 0
	for at := 0; at < len(text); at++ {
		if at > 0 && (at == taken || !precedesLink(text[at-1])) {
			continue
		}
		c, ok := s.candidate(at)
		if at == 0 && precedesLink(text[0]) {
			// X would rather read the text's first character as what precedes a link: the
			// link in "èa.it" is "a.it".
			if second, found := s.candidate(1); found {
				c, ok = second, true
			}
		}
		if !ok {
			continue
		}
		s.keep(c)
		taken, at = c.end, c.end // what was matched is not searched again, valid or not
	}
	return s.links
}

// A scanner searches one text. Every position is visited a bounded number of
// times, whatever the text.
type scanner struct {
	text  []rune
	links []Link
	// run[i] is the end of the stretch of host characters, hyphens and underscores
	// that begins at i.
	run []int
	// underscores[i] counts the underscores before i.
	underscores []int
	// host[i] is the end of the host name that begins at i, 0 for none; it is filled
	// in for every i that follows a full stop.
	host []int
}

func newScanner(text []rune) *scanner {
	n := len(text)
	s := &scanner{text: text, run: make([]int, n+1), underscores: make([]int, n+1), host: make([]int, n+1)}
	for i, r := range text {
		s.underscores[i+1] = s.underscores[i]
		if r == '_' {
			s.underscores[i+1]++
		}
	}
	s.run[n] = n
	for i := n - 1; i >= 0; i-- {
		s.run[i] = i
		if r := text[i]; hostChar(r) || r == '-' || r == '_' {
			s.run[i] = max(s.run[i+1], i+1)
		}
		if i > 0 && text[i-1] == '.' {
			s.host[i] = s.hostEnd(i)
		}
	}
	return s
}

// hostEnd returns the end of the longest host name that begins at p and ends in a
// top-level domain, or 0. Underscores may stand in subdomains, not in the label
// before the top-level domain.
func (s *scanner) hostEnd(p int) int {
	e := s.run[p]
	if e == p || e == len(s.text) || s.text[e] != '.' || !hostChar(s.text[p]) || !hostChar(s.text[e-1]) {
		return 0
	}
	if end := s.host[e+1]; end > 0 {
		return end
	}
	if s.underscores[e] > s.underscores[p] {
		return 0
	}
	return tldEnd(s.text, e+1)
}

// A candidate is a stretch of text that has the form of an address.
type candidate struct {
	start, host, hostEnd, pathEnd, end int
	protocol                           bool
	path                               bool
}

// candidate reads an address that begins at p.
func (s *scanner) candidate(p int) (candidate, bool) {
	c := candidate{start: p, host: p}
	for _, protocol := range []string{"https://", "http://"} {
		if hasPrefixFold(s.text[p:], protocol) {
			c.host, c.protocol = p+len(protocol), true
			break
		}
	}
	if c.hostEnd = s.hostEnd(c.host); c.hostEnd == 0 {
		return candidate{}, false
	}
	c.end = portEnd(s.text, c.hostEnd)
	if e := pathEnd(s.text, c.end); e > c.end {
		c.end, c.path = e, true
	}
	c.pathEnd = c.end
	c.end = queryEnd(s.text, c.end)
	return c, true
}

// keep adds the links that c stands for, if it is valid.
func (s *scanner) keep(c candidate) {
	if !validAddress(s.text, c) {
		return
	}
	if c.protocol {
		if end, ok := tcoEnd(s.text, c); ok {
			s.add(c.start, end)
		}
		return
	}
	if c.start > 0 && strings.ContainsRune("-_./", s.text[c.start-1]) {
		return
	}
	s.keepBare(c)
}

// keepBare adds the links of an address without a protocol. X takes only labels of
// Latin letters there, so that a sentence in a script without spaces may hold
// several; the last of them has the path and query, if it has a path.
func (s *scanner) keepBare(c candidate) {
	for p := c.host; p < c.hostEnd; {
		start, end := latinHost(s.text[:c.hostEnd], p)
		if end == 0 {
			return
		}
		if end == c.hostEnd && c.path {
			end = c.end
		}
		s.add(start, end)
		p = end
	}
}

func (s *scanner) add(start, end int) {
	s.links = append(s.links, Link{Start: start, End: end, URL: string(s.text[start:end])})
}

// latinHost returns the first host name of Latin labels at or after p, or an end of 0.
func latinHost(text []rune, p int) (start, end int) {
	for start = p; start < len(text); start++ {
		if !latinHostChar(text[start]) {
			continue
		}
		at := start // the begin of the label that is being read
		for {
			e := at
			for e < len(text) && latinHostChar(text[e]) {
				e++
			}
			if e == at || e == len(text) || text[e] != '.' {
				break
			}
			at = e + 1
			if t := tldEnd(text, at); t > 0 {
				end = t // a longer name may follow: "foo.co.jp"
			}
		}
		if end > 0 {
			return start, end
		}
		start = max(start, at) // no shorter beginning of these labels can do better
		for start < len(text) && latinHostChar(text[start]) {
			start++
		}
	}
	return 0, 0
}

// tldEnd returns the end of the longest top-level domain that begins at p, or 0. A
// letter, a digit, "@", "+" or "-" after it makes it a part of something else.
func tldEnd(text []rune, p int) int {
	if hasPrefixFold(text[p:], "xn--") {
		e := p + len("xn--")
		for e < len(text) && (asciiAlnum(text[e]) || text[e] == '-') {
			e++
		}
		if e > p+len("xn--") {
			return e
		}
	}
	limit := p
	for limit < len(text) && limit < p+maxTLD && hostChar(text[limit]) {
		limit++
	}
	for e := limit; e > p; e-- {
		if e < len(text) && (asciiAlnum(text[e]) || strings.ContainsRune("@+-", text[e])) {
			continue
		}
		if topLevel(string(text[p:e])) {
			return e
		}
	}
	return 0
}

// topLevel reports whether label is a top-level domain, in any case and script. It
// asks the public suffix list, whose ICANN part names those of the root zone.
func topLevel(label string) bool {
	ascii, err := idna.Punycode.ToASCII(strings.ToLower(label))
	if err != nil || strings.Contains(ascii, ".") {
		return false
	}
	switch ascii {
	case "an", "bl", "bq", "eh", "mf", "tp", "um":
		// Country codes that twitter-text takes although the root zone does not hold them.
		return true
	}
	_, icann := publicsuffix.PublicSuffix("a." + ascii)
	return icann
}

// validAddress reports whether the host of c can be encoded and c is not too long.
func validAddress(text []rune, c candidate) bool {
	if hasPrefixFold(text[c.host:c.hostEnd], "xn--") {
		if _, end := latinHost(text[:c.hostEnd], c.host); end == 0 {
			return false // an encoded name that is not
		}
	}
	length := c.end - c.start - (c.hostEnd - c.host)
	if !c.protocol {
		length += impliedProtocol
	}
	for label := range strings.SplitSeq(string(text[c.host:c.hostEnd]), ".") {
		n := encodedLen(label)
		if n > maxHostLabel {
			return false
		}
		length += n + 1
	}
	return length-1 <= maxURL
}

// encodedLen returns the length of a label of a host name in Punycode. X encodes
// without asking whether the name makes sense; where the encoder here asks and
// refuses, the code points are counted, which are not more.
func encodedLen(label string) int {
	if ascii, err := idna.Punycode.ToASCII(label); err == nil {
		return len(ascii)
	}
	return utf8.RuneCountInString(label)
}

// tcoEnd returns the end of the address c, which is shorter for one of t.co: X
// takes only letters and digits after the slash, then a query. It is not ok if they
// are too many.
func tcoEnd(text []rune, c candidate) (end int, ok bool) {
	if !c.path || c.hostEnd != c.host+len("t.co") || !hasPrefixFold(text[c.host:], "t.co/") {
		return c.end, true
	}
	slug := c.hostEnd + 1
	end = slug
	for end < c.end && asciiAlnum(text[end]) {
		end++
	}
	if end == slug {
		return c.end, true
	}
	return queryEnd(text[:c.end], end), end-slug <= maxTcoSlug
}

// portEnd returns the end of a port at p, or p.
func portEnd(text []rune, p int) int {
	if p == len(text) || text[p] != ':' {
		return p
	}
	e := p + 1
	for e < len(text) && text[e] >= '0' && text[e] <= '9' {
		e++
	}
	if e == p+1 {
		return p
	}
	return e
}

// pathEnd returns the end of a path at p, or p. A path ends in a letter, a digit or
// one of few signs, or in a balanced pair of parentheses: what follows is the
// sentence's punctuation.
func pathEnd(text []rune, p int) int {
	if p == len(text) || text[p] != '/' {
		return p
	}
	end := p + 1
	for i := end; i < len(text); {
		switch r := text[i]; {
		case r == '(':
			e := parenthesesEnd(text, i)
			if e == i {
				return end
			}
			i, end = e, e
		case pathChar(r):
			i++
			if letterOrDigit(r) || strings.ContainsRune("+-=_#/", r) {
				end = i
			}
		default:
			return end
		}
	}
	return end
}

// parenthesesEnd returns the end of the balanced parentheses that open at p, with
// at most one pair within, or p.
func parenthesesEnd(text []rune, p int) int {
	nested := false
	depth, inside := 0, 0
	for i := p; i < len(text); i++ {
		switch r := text[i]; {
		case r == '(' && (depth == 0 || depth == 1 && !nested):
			nested = depth == 1
			depth++
			inside = 0
		case r == ')' && (inside > 0 || depth == 1 && nested):
			if depth--; depth == 0 {
				return i + 1
			}
		case pathChar(r):
			inside++
		default:
			return p
		}
	}
	return p
}

// queryEnd returns the end of a query at p, or p.
func queryEnd(text []rune, p int) int {
	if p == len(text) || text[p] != '?' {
		return p
	}
	end := p
	for i := p + 1; i < len(text); i++ {
		r := text[i]
		switch {
		case asciiAlnum(r) || strings.ContainsRune("-_&=#/", r):
			end = i + 1
		case !strings.ContainsRune("!?*'@();:+$%[].,~|", r):
			return end
		}
	}
	return end
}

// precedesLink reports whether a link may follow r. A letter or digit makes it part
// of a word, "@", "#" and "$" part of another entity.
func precedesLink(r rune) bool {
	return !asciiAlnum(r) && !strings.ContainsRune("@＠$#＃", r) && !forbidden(r)
}

// hostChar reports whether r may begin and end a label of a host name.
func hostChar(r rune) bool {
	if r <= unicode.MaxASCII {
		// Two signs that no name has are let through by twitter-text.
		return asciiAlnum(r) || r == '"' || r == '`'
	}
	return !unicode.IsSpace(r) && !unicode.IsControl(r) && !forbidden(r) && !directional(r) && r != '\u180e'
}

func latinHostChar(r rune) bool { return asciiAlnum(r) || r == '-' || accented(r) }

func pathChar(r rune) bool {
	return letterOrDigit(r) || strings.ContainsRune("!*';:=+,.$/%#[]-–_~@|&", r)
}

// letterOrDigit reports whether r is a letter or digit of the scripts that X takes
// in a path: Latin and Cyrillic.
func letterOrDigit(r rune) bool {
	return asciiAlnum(r) || accented(r) || r >= 0x0400 && r <= 0x04ff
}

func asciiAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// accented reports whether r is a Latin letter beyond ASCII, or a mark on one.
func accented(r rune) bool {
	switch {
	case r < 0xc0 || r == 0xd7 || r == 0xf7:
		return false
	case r <= 0x24f, r >= 0x300 && r <= 0x36f, r >= 0x1e00 && r <= 0x1eff:
		return true
	}
	return strings.ContainsRune("ɓɔɖɗəɛɣɨɯɲʉʋʻ", r)
}

// directional reports whether r is a mark that steers the direction of writing.
func directional(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
		r == 0x061c || r == 0x200e || r == 0x200f
}

// hasPrefixFold reports whether text begins with prefix, which is ASCII in lower
// case, in any case.
func hasPrefixFold(text []rune, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i, want := range prefix {
		r := text[i]
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		if r != want {
			return false
		}
	}
	return true
}
