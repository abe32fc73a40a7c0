package alert

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode turns raw into UTF-8 text without a byte order mark, and with spaces
// for the XML declaration, so that places in the text stay places in the
// document. Every character of the text is one that XML 1.0 can hold. Only
// UTF-8 is read, and for others' documents ISO-8859-1 and windows-1252. It
// returns nil after a finding.
func decode(raw []byte, lim limits, as mode, rep *report) []byte {
	fail := func(rule Rule, at position, message, advice string) []byte {
		rep.add(Finding{Rule: rule, Line: at.line, Column: at.column, Message: message, Advice: advice})
		return nil
	}
	switch {
	case len(raw) == 0:
		return fail(RuleSize, position{}, "the document is empty", "choose the CAP file again")
	case len(raw) > lim.bytes:
		return fail(RuleSize, position{}, fmt.Sprintf("the document has %d bytes, and %d are the limit", len(raw), lim.bytes),
			"shorten its texts, simplify its polygons or give files by their address")
	}
	wide := false
	if as == modeSchema {
		if raw, wide = fromUTF16(raw); raw == nil {
			return fail(RuleEncoding, position{1, 1}, "the document is not the UTF-16 that it begins as", "save it as UTF-8")
		}
	}
	switch {
	case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}), bytes.HasPrefix(raw, []byte{0xFF, 0xFE}), bytes.IndexByte(raw[:min(4, len(raw))], 0) >= 0:
		return fail(RuleEncoding, position{1, 1}, "the document is in UTF-16 or UTF-32", "save it as UTF-8")
	}
	text := bytes.TrimPrefix(raw, []byte("\uFEFF"))
	length, charset, problem := declaration(text, as)
	if problem != "" {
		return fail(RuleWellFormed, position{1, 1}, problem, `begin the document with <?xml version="1.0" encoding="UTF-8"?>`)
	}
	if wide && (charset == "utf-16" || charset == "utf-16le" || charset == "utf-16be") {
		charset = "utf-8"
	}
	text, problem = toUTF8(text, charset, as == modeOwn)
	if problem != "" {
		return fail(RuleEncoding, position{1, 1}, problem, "save the document as UTF-8")
	}
	text = bytes.Clone(text)
	blank(text[:length])
	if i := firstNonXML(text); i >= 0 {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return fail(RuleEncoding, place(text, i), fmt.Sprintf("the byte %#02x is not UTF-8", text[i]), "save the document in the encoding that it declares, best UTF-8")
		}
		return fail(RuleCharacter, place(text, i), fmt.Sprintf("the character U+%04X can't be in XML", r), "delete it")
	}
	return text
}

// declaration returns the length of the XML declaration at the front of text,
// 0 when there is none, and the character set that it names in lower case. It
// is read here because the decoder of encoding/xml overlooks an encoding with
// spaces around its equals sign.
func declaration(text []byte, as mode) (length int, charset, problem string) {
	if !bytes.HasPrefix(text, []byte("<?xml")) || len(text) < 6 || !strings.ContainsRune(" \t\r\n", rune(text[5])) {
		return 0, "utf-8", ""
	}
	const longest = 200 // bytes; real ones have about 40
	form := declarationForm
	if as == modeSchema {
		form = laterDeclarationForm
	}
	found := form.FindSubmatch(text[:min(longest, len(text))])
	if found == nil {
		return 0, "", "the XML declaration is not one of XML 1.0"
	}
	charset = strings.ToLower(string(found[1]) + string(found[2]))
	if charset == "" {
		charset = "utf-8"
	}
	return len(found[0]), charset, ""
}

// declarationForm is the XML declaration of XML 1.0 (section 2.8), with its encoding;
// laterDeclarationForm has the versions 1.1 to 1.9 too, which XML 1.0 of the fifth
// edition reads as if they were 1.0.
var declarationForm, laterDeclarationForm = declarationOf(`1\.0`), declarationOf(`1\.[0-9]+`)

func declarationOf(version string) *regexp.Regexp {
	const space, equals = `[ \t\r\n]+`, `[ \t\r\n]*=[ \t\r\n]*`
	return regexp.MustCompile(`^<\?xml` + space + `version` + equals + `(?:"` + version + `"|'` + version + `')` +
		`(?:` + space + `encoding` + equals + `(?:"([A-Za-z0-9._-]{1,40})"|'([A-Za-z0-9._-]{1,40})'))?` +
		`(?:` + space + `standalone` + equals + `(?:"yes"|"no"|'yes'|'no'))?[ \t\r\n]*\?>`)
}

// toUTF8 reads text in the character set.
func toUTF8(text []byte, charset string, strict bool) (utf []byte, problem string) {
	switch {
	case charset == "utf-8":
		return text, ""
	case strict:
		return nil, fmt.Sprintf("the document declares the encoding %s, and our messages are in UTF-8", quote(charset))
	case charset == "us-ascii", charset == "ascii":
		return singleByte(text, func(b byte) rune {
			if b < 0x80 {
				return rune(b)
			}
			return -1
		})
	case charset == "iso-8859-1":
		return singleByte(text, func(b byte) rune { return rune(b) })
	case charset == "windows-1252":
		return singleByte(text, windows1252)
	}
	return nil, fmt.Sprintf("the encoding %s is not read here, only UTF-8, ISO-8859-1 and windows-1252", quote(charset))
}

// fromUTF16 reads text that begins with the byte order mark of UTF-16 as UTF-8, and
// leaves any other text as it is. It returns nil for what is not UTF-16.
func fromUTF16(raw []byte) (text []byte, wide bool) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	default:
		return raw, false
	}
	if len(raw)%2 != 0 {
		return nil, true
	}
	text = make([]byte, 0, len(raw))
	for i := 2; i < len(raw); i += 2 {
		r := rune(order.Uint16(raw[i:]))
		if utf16.IsSurrogate(r) {
			if i += 2; i >= len(raw) {
				return nil, true
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(raw[i:]))); r == utf8.RuneError {
				return nil, true
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return text, true
}

func singleByte(text []byte, decode func(byte) rune) ([]byte, string) {
	utf := make([]byte, 0, len(text)+len(text)/8)
	for _, b := range text {
		r := decode(b)
		if r < 0 {
			return nil, fmt.Sprintf("the byte %#02x means nothing in the declared encoding", b)
		}
		utf = utf8.AppendRune(utf, r)
	}
	return utf, ""
}

// windows1252 returns the character of b, or -1 for the five bytes without
// one. Outside of 0x80 to 0x9F it is ISO-8859-1.
func windows1252(b byte) rune {
	const from80 = "€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—˜™š›œ\x00žŸ"
	if b < 0x80 || b > 0x9F {
		return rune(b)
	}
	if r := []rune(from80)[b-0x80]; r != 0 {
		return r
	}
	return -1
}

// blank puts spaces for all but line ends.
func blank(text []byte) {
	for i, b := range text {
		if b != '\n' && b != '\r' {
			text[i] = ' '
		}
	}
}

// firstNonXML returns the index of the first byte that is not UTF-8 or begins
// a character that XML can't hold, or -1.
func firstNonXML(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 || !isXMLChar(r) {
			return i
		}
		i += size
	}
	return -1
}

// A position is a place in the decoded text; line and column, in bytes, count
// from 1.
type position struct{ line, column int }

// place returns the position of the byte at index i.
func place(text []byte, i int) position {
	before := text[:i]
	return position{
		line:   bytes.Count(before, []byte("\n")) + 1,
		column: i - bytes.LastIndexByte(before, '\n'),
	}
}
