package alert

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Code is the short public code of an alert, such as "SV-7F3K2": a prefix
// for who issues (1 to 4 capital letters or digits), a hyphen, and 5 characters
// of an alphabet of 30 without look-alikes. Every post carries it, people
// type it to check a post, and a lost answer of a platform is settled by
// looking for it. It is a name, not a secret: about 24 million codes for each
// prefix, so that whoever draws one still checks that it is free.
type Code string

// codeAlphabet holds the digits and capital letters without 0 and O, 1, I and
// L, and U, which is taken for V. Codes in ledgers rely on it: it can't shrink.
const codeAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	codeBodyLen   = 5
	codePrefixMax = 4
	// maxBulletin keeps a mark short: no alert comes near to it.
	maxBulletin = 9999
)

// NewCode draws a code with the prefix, every code with the same chance. The
// error says that the prefix is not 1 to 4 capital letters or digits, or that
// random failed.
func NewCode(prefix string, random io.Reader) (Code, error) {
	if !validPrefix(prefix) {
		return "", fmt.Errorf("prefix of alert codes %s: it has 1 to %d capital letters or digits, such as SV; correct the configuration", quote(prefix), codePrefixMax)
	}
	body := make([]byte, 0, codeBodyLen)
	var b [1]byte
	// Bytes from 240 on are thrown away, because 256 is no multiple of 30. A
	// reader that yields nothing else is broken, and must not hold the caller.
	for range 256 {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("draw an alert code: %w", err)
		}
		if n := len(codeAlphabet); int(b[0]) < 256/n*n {
			body = append(body, codeAlphabet[int(b[0])%n])
		}
		if len(body) == codeBodyLen {
			return Code(prefix + "-" + string(body)), nil
		}
	}
	return "", errors.New("draw an alert code: the source of random numbers repeats itself; check the system's random device")
}

// ParseCode returns s as a [Code] if it is one, letter for letter.
func ParseCode(s string) (Code, error) {
	prefix, body, found := strings.Cut(s, "-")
	if !found || !validPrefix(prefix) || !validBody(body) {
		return "", fmt.Errorf("alert code %s: it looks like SV-7F3K2, in capitals, and never holds 0, O, 1, I, L or U; copy it from the post or the site", quote(s))
	}
	return Code(s), nil
}

// ParseTypedCode returns the [Code] that a person most likely means by s. It
// takes lower case, a leading "#", spaces or other dashes for the hyphen or no
// hyphen at all, and the number of a bulletin after the code, which it drops.
// In the five characters it puts the nearest character of the alphabet for
// one that codes never hold: Q for 0 and O, 7 for 1, I and L, V for U. Such
// a repair is a guess: look the code up, and never conclude from it alone that
// a post is genuine.
func ParseTypedCode(s string) (Code, error) {
	const maxTyped = 64 // bytes; a pasted post is not a code
	bad := fmt.Errorf("alert code %s: it looks like SV-7F3K2; type it again from the post", quote(s))
	if len(s) > maxTyped || !utf8.ValidString(s) {
		return "", bad
	}
	s = strings.TrimPrefix(strings.TrimSpace(s), "#")
	fields := strings.FieldsFunc(strings.ToUpper(s), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '_' || r == '.' || r == '\u2212'
	})
	if n := len(fields); n > 2 && isNumber(fields[n-1]) && len(strings.Join(fields[:n-1], "")) > codeBodyLen {
		fields = fields[:n-1]
	}
	joined := strings.Join(fields, "")
	cut := len(joined) - codeBodyLen
	if cut < 1 {
		return "", bad
	}
	code, err := ParseCode(joined[:cut] + "-" + repairBody(joined[cut:]))
	if err != nil {
		return "", bad
	}
	return code, nil
}

func repairBody(s string) string {
	return strings.NewReplacer("0", "Q", "O", "Q", "1", "7", "I", "7", "L", "7", "U", "V").Replace(s)
}

// String returns the code.
func (c Code) String() string { return string(c) }

// Prefix returns what stands before the hyphen.
func (c Code) Prefix() string {
	prefix, _, _ := strings.Cut(string(c), "-")
	return prefix
}

// Mark returns what the posts of one bulletin carry, "SV-7F3K2-1" for the
// first. Bulletins are numbered from 1 within their alert.
func (c Code) Mark(bulletin int) string {
	return string(c) + "-" + strconv.Itoa(bulletin)
}

// UnmarshalText accepts what [ParseCode] accepts.
func (c *Code) UnmarshalText(text []byte) error {
	parsed, err := ParseCode(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// ParseMark takes a mark that [Code.Mark] made apart into its code and the
// number of its bulletin, from 1 to 9999.
func ParseMark(s string) (Code, int, error) {
	bad := fmt.Errorf("mark of a post %s: it looks like SV-7F3K2-1, code and number of the bulletin; copy it from the post", quote(s))
	cut := strings.LastIndexByte(s, '-')
	if cut < 0 {
		return "", 0, bad
	}
	code, err := ParseCode(s[:cut])
	if err != nil || !isNumber(s[cut+1:]) || s[cut+1] == '0' {
		return "", 0, bad
	}
	n, err := strconv.Atoi(s[cut+1:])
	if err != nil || n > maxBulletin {
		return "", 0, bad
	}
	return code, n, nil
}

func validPrefix(s string) bool {
	if len(s) < 1 || len(s) > codePrefixMax {
		return false
	}
	return strings.Trim(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func validBody(s string) bool {
	return len(s) == codeBodyLen && strings.Trim(s, codeAlphabet) == ""
}

// isNumber reports whether s is 1 to 4 decimal digits.
func isNumber(s string) bool {
	return len(s) >= 1 && len(s) <= 4 && strings.Trim(s, "0123456789") == ""
}
