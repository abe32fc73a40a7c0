package signing

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing/sshsig"
)

const (
	maxRingBytes = 1 << 20  // of one file; about 5,000 people
	maxLineBytes = 16 << 10 // of one line of it
)

// The options of a line in the key ring (ssh-keygen(1), "ALLOWED SIGNERS").
const (
	optNamespaces  = "namespaces"
	optValidAfter  = "valid-after"
	optValidBefore = "valid-before"
	optAuthority   = "cert-authority"
)

// RingError says which line of the key ring or of the list of revoked keys cannot
// be accepted, why, and what to do.
type RingError struct {
	File string // the name given to ParseRing, or "revoked"
	Line int    // from 1; 0 for the file as a whole
	Err  error
}

func (e *RingError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("key ring %s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("key ring %s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *RingError) Unwrap() error { return e.Err }

// ParseRing reads a key ring and its list of revoked keys; name is the ring's name
// for errors, which are [*RingError] and name the line.
//
// text is an OpenSSH allowed_signers file, at most 1 MiB, in which every line must
// be understood, since ssh-keygen silently passes over what it does not
// understand. A line has one name, options, a key, and a comment if wanted:
//
//	mario.rossi@pc.example namespaces="officer@tocsin",valid-after="20260101Z",valid-before="20270101Z" ssh-ed25519 AAAA… M. Rossi
//
// The options namespaces, valid-after and valid-before are required; times end in
// Z. An authority that enrols people by certificate has the option cert-authority
// too, and its name may be *@organisation. No key is in two roles, of two people,
// or both a person's and an authority's; the same key as a plain one and as one of hardware
// is one key.
//
// revoked is a flat list of public keys, one on a line, as `ssh-keygen -r` reads
// it; lines starting with # are comments. It may be empty.
func ParseRing(name string, text, revoked []byte) (*Ring, error) {
	r := &Ring{byKey: map[string][]int{}, revoked: map[string]bool{}, sum: ringSum(text, revoked)}
	if err := eachLine(name, text, r.addLine); err != nil {
		return nil, err
	}
	if len(r.lines) == 0 {
		return nil, &RingError{File: name, Err: errors.New("there is no signer in it; add a line for each person who may sign")}
	}
	if err := eachLine("revoked", revoked, r.addRevoked); err != nil {
		return nil, err
	}
	return r, nil
}

// eachLine calls add for the lines that are neither empty nor comments.
func eachLine(file string, text []byte, add func(n int, line string) error) error {
	if len(text) > maxRingBytes {
		return &RingError{File: file, Err: fmt.Errorf("it is longer than %d bytes", maxRingBytes)}
	}
	n := 0
	for raw := range bytes.SplitSeq(text, []byte("\n")) {
		n++
		if err := checkText(raw); err != nil {
			return &RingError{File: file, Line: n, Err: err}
		}
		line := strings.Trim(string(raw), " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		if err := add(n, line); err != nil {
			return &RingError{File: file, Line: n, Err: err}
		}
	}
	return nil
}

// checkText refuses lines that do not look on a screen like what they are.
func checkText(raw []byte) error {
	if len(raw) > maxLineBytes {
		return fmt.Errorf("the line is longer than %d bytes", maxLineBytes)
	}
	if !utf8.Valid(raw) {
		return errors.New("the line is not UTF-8 text; save the file as UTF-8")
	}
	hidden := bytes.ContainsFunc(bytes.TrimSuffix(raw, []byte("\r")), func(c rune) bool {
		return c != '\t' && c != ' ' && !unicode.IsPrint(c)
	})
	if hidden {
		return errors.New("the line holds a control or invisible character; type it again")
	}
	return nil
}

func (r *Ring) addLine(n int, text string) error {
	l, err := parseLine(text)
	if err != nil {
		return err
	}
	l.Line = n
	bare := bareKey(l.Key)
	for _, i := range r.byKey[bare] {
		if err := compatible(&r.lines[i], &l); err != nil {
			return err
		}
	}
	r.byKey[bare] = append(r.byKey[bare], len(r.lines))
	r.lines = append(r.lines, l)
	return nil
}

// compatible refuses a key that speaks for two: whoever holds it could sign twice.
func compatible(a, b *line) error {
	switch {
	case a.Principal != b.Principal:
		return fmt.Errorf("the key is already that of %s, line %d; each person needs a key of their own", a.Principal, a.Line)
	case a.Role != b.Role:
		return fmt.Errorf("the key already has the role %s, line %d; each role needs a key of its own", a.Role, a.Line)
	case a.Authority != b.Authority:
		return fmt.Errorf("the key is a person's and an authority's, line %d; an authority needs a key of its own", a.Line)
	default:
		return nil
	}
}

func (r *Ring) addRevoked(_ int, text string) error {
	key, _, err := parseKey(text)
	if err != nil {
		return err
	}
	r.revoked[bareKey(key)] = true
	return nil
}

// parseLine reads one line of the ring.
func parseLine(text string) (line, error) {
	name, rest := word(text)
	options, rest := word(rest)
	if strings.HasPrefix(options, "ssh-") || strings.HasPrefix(options, "sk-") || strings.HasPrefix(options, "ecdsa-") {
		return line{}, fmt.Errorf("the options are missing; after the name write %s=\"…\",%s=\"…\",%s=\"…\"", optNamespaces, optValidAfter, optValidBefore)
	}
	l, err := parseOptions(options)
	if err != nil {
		return line{}, err
	}
	if err := l.setName(name); err != nil {
		return line{}, err
	}
	if l.Key, l.Comment, err = parseKey(rest); err != nil {
		return line{}, err
	}
	if err := sshsig.CheckKey(l.Key); err != nil {
		return line{}, err
	}
	l.Fingerprint = ssh.FingerprintSHA256(l.Key)
	return l, nil
}

// setName takes the name of a person, or of an authority also *@organisation: the
// organisation is the ring's to say, the names in it the authority's.
func (l *line) setName(name string) error {
	domain, all := strings.CutPrefix(name, "*@")
	switch {
	case all && l.Authority && isDomain(domain):
		l.domain = domain
	case strings.Contains(name, "*") && !l.Authority:
		return fmt.Errorf("the name %.64q stands for many; write a line for each person (only with %s may it be *@organisation)", name, optAuthority)
	default:
		if err := CheckPrincipal(name); err != nil {
			return err
		}
	}
	l.Principal, l.Organisation = name, Organisation(name)
	return nil
}

// parseOptions reads name="value",name="value"… in any order, each once.
func parseOptions(text string) (line, error) {
	var l line
	seen := map[string]bool{}
	for option := range strings.SplitSeq(joinQuoted(text), "\x00") {
		name, value, hasValue := strings.Cut(option, "=")
		if seen[name] {
			return line{}, fmt.Errorf("the option %.32q is given twice", name)
		}
		seen[name] = true
		if name == optAuthority && !hasValue {
			l.Authority = true
			continue
		}
		if err := l.setOption(name, value); err != nil {
			return line{}, err
		}
	}
	for _, name := range []string{optNamespaces, optValidAfter, optValidBefore} {
		if !seen[name] {
			return line{}, fmt.Errorf("the option %s is missing; without it the key would sign for anything, for ever", name)
		}
	}
	if !l.ValidBefore.After(l.ValidAfter) {
		return line{}, fmt.Errorf("%s is not later than %s; correct one of them", optValidBefore, optValidAfter)
	}
	return l, nil
}

// joinQuoted puts a NUL for each comma that separates options, which is a comma
// outside of quotes. Lines with control characters were refused before.
func joinQuoted(text string) string {
	quoted := false
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return 0
		}
		return c
	}, text)
}

func (l *line) setOption(name, value string) (err error) {
	switch name {
	case optNamespaces, optValidAfter, optValidBefore:
	default:
		return fmt.Errorf("unknown option %.32q; the options are %s, %s, %s, and %s for authorities", name, optNamespaces, optValidAfter, optValidBefore, optAuthority)
	}
	if len(value) < 3 || value[0] != '"' || value[len(value)-1] != '"' || strings.ContainsAny(value[1:len(value)-1], `"\`) {
		return fmt.Errorf("the option %s needs a value in double quotes", name)
	}
	value = value[1 : len(value)-1]
	switch name {
	case optNamespaces:
		return l.setNamespaces(value)
	case optValidAfter:
		l.ValidAfter, err = parseTime(value)
	case optValidBefore:
		l.ValidBefore, err = parseTime(value)
	}
	if err != nil {
		return fmt.Errorf("the option %s: %w", name, err)
	}
	return nil
}

// setNamespaces takes exact names only: a pattern could admit to a role that
// nobody thought of.
func (l *line) setNamespaces(value string) error {
	for name := range strings.SplitSeq(value, ",") {
		role, realm, err := ParseNamespace(name)
		if err != nil {
			return err
		}
		if l.Role != "" && l.Role != role {
			return fmt.Errorf("the namespaces give two roles, %s and %s; each role needs a key of its own", l.Role, role)
		}
		if slices.Contains(l.Realms, realm) {
			return fmt.Errorf("the namespace %s is given twice", name)
		}
		l.Role = role
		l.Realms = append(l.Realms, realm)
	}
	slices.SortFunc(l.Realms, func(a, b alert.Realm) int { return strings.Compare(string(b), string(a)) }) // live first
	return nil
}

// parseTime reads a time of the ring. ssh-keygen takes times without Z as local
// ones, which differ from machine to machine, and no times before 1970.
func parseTime(value string) (time.Time, error) {
	for _, layout := range []string{"20060102Z", "200601021504Z", "20060102150405Z"} {
		if t, err := time.Parse(layout, value); err == nil && len(value) == len(layout) {
			if t.Year() < 2000 || t.Year() > 2199 {
				return time.Time{}, fmt.Errorf("the time %s is not in the years 2000 to 2199", value)
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("the time %.32q is not written as YYYYMMDDZ or YYYYMMDDHHMMSSZ", value)
}

// parseKey reads "type base64 comment". Only the one encoding that OpenSSH writes
// is accepted, because keys are compared by their bytes.
func parseKey(text string) (ssh.PublicKey, string, error) {
	kind, rest := word(text)
	encoded, comment := word(rest)
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || encoded == "" {
		return nil, "", errors.New("the public key cannot be read; copy the whole line of the .pub file")
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil || key.Type() != kind || !bytes.Equal(key.Marshal(), blob) {
		return nil, "", errors.New("the public key cannot be read; copy the whole line of the .pub file")
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return nil, "", errors.New("this is a certificate; give the public key instead (the .pub file without -cert)")
	}
	return key, comment, nil
}

// word cuts the first word off text.
func word(text string) (first, rest string) {
	i := strings.IndexAny(text, " \t")
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimLeft(text[i:], " \t")
}

// RingLine writes a line of a key ring, without a line end, for a person who may
// sign as role in realms from after to before (whole seconds; both inclusive).
// What ParseRing would not accept is an error.
func RingLine(principal string, role Role, realms []alert.Realm, after, before time.Time, key ssh.PublicKey, comment string) (string, error) {
	return ringLine("", principal, role, realms, after, before, key, comment)
}

// AuthorityLine is RingLine for the key of an authority, which enrols people of its
// organisation by certificate; principal may be *@organisation.
func AuthorityLine(principal string, role Role, realms []alert.Realm, after, before time.Time, key ssh.PublicKey, comment string) (string, error) {
	return ringLine(optAuthority+",", principal, role, realms, after, before, key, comment)
}

func ringLine(options, principal string, role Role, realms []alert.Realm, after, before time.Time, key ssh.PublicKey, comment string) (string, error) {
	names := make([]string, len(realms))
	for i, realm := range realms {
		names[i] = Namespace(role, realm)
	}
	const layout = "20060102150405Z"
	encoded := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
	text := fmt.Sprintf(`%s %s%s="%s",%s="%s",%s="%s" %s`, principal, options, optNamespaces, strings.Join(names, ","),
		optValidAfter, after.UTC().Format(layout), optValidBefore, before.UTC().Format(layout), encoded)
	if comment != "" {
		text += " " + comment
	}
	if strings.Contains(text, "\n") {
		return "", errors.New("the comment holds a line end")
	}
	if err := checkText([]byte(text)); err != nil {
		return "", err
	}
	if _, err := parseLine(text); err != nil {
		return "", err
	}
	return text, nil
}
