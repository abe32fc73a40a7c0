package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	maxMetaBytes   = 1 << 10
	maxRingVersion = 999_999
	maxThreshold   = 16

	metaTime = "20060102150405Z"
)

// Meta says which files make a version of the key ring, and what it follows. Its
// text is what the ring managers sign: eight lines, each a name, a space and a
// value, in this order and no other:
//
//	version 2
//	threshold 2
//	expires 20270101000000Z
//	prev 64 hexadecimal digits: the SHA-256 of the meta before, zeros in the first
//	root, signers, revoked, policy: likewise, of the file of that name
type Meta struct {
	Version   int       // from 1
	Threshold int       // managers that must sign this version and the next one
	Expires   time.Time // whole seconds; not accepted from then on

	Prev, Root, Signers, Revoked, Policy [sha256.Size]byte
}

// Text returns the bytes that are signed.
func (m *Meta) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "version %d\nthreshold %d\nexpires %s\n", m.Version, m.Threshold, m.Expires.UTC().Format(metaTime))
	fmt.Fprintf(&b, "prev %x\nroot %x\nsigners %x\nrevoked %x\npolicy %x\n", m.Prev, m.Root, m.Signers, m.Revoked, m.Policy)
	return b.Bytes()
}

// ParseMeta reads the text of a version's meta strictly: what Text would not have
// written is an error.
func ParseMeta(text []byte) (Meta, error) {
	var m Meta
	if len(text) > maxMetaBytes {
		return m, fmt.Errorf("meta: it is longer than %d bytes", maxMetaBytes)
	}
	rest := text
	line := func(name string, read func(value string) error) error {
		l, after, ended := bytes.Cut(rest, []byte("\n"))
		value, ok := bytes.CutPrefix(l, []byte(name+" "))
		if !ended || !ok {
			return fmt.Errorf("meta: the line %s is missing or not in its place", name)
		}
		rest = after
		if err := read(string(value)); err != nil {
			return fmt.Errorf("meta: line %s: %w", name, err)
		}
		return nil
	}
	steps := []struct {
		name string
		read func(string) error
	}{
		{"version", readNumber(&m.Version, maxRingVersion)}, {"threshold", readNumber(&m.Threshold, maxThreshold)}, {"expires", readMetaTime(&m.Expires)},
		{"prev", readDigest(&m.Prev)}, {"root", readDigest(&m.Root)}, {"signers", readDigest(&m.Signers)}, {"revoked", readDigest(&m.Revoked)}, {"policy", readDigest(&m.Policy)},
	}
	for _, s := range steps {
		if err := line(s.name, s.read); err != nil {
			return Meta{}, err
		}
	}
	switch {
	case len(rest) > 0:
		return Meta{}, errors.New("meta: there is text after the line policy")
	case (m.Version == 1) != (m.Prev == [sha256.Size]byte{}):
		return Meta{}, errors.New("meta: line prev: zeros are for version 1, and for no other")
	}
	return m, nil
}

func readNumber(to *int, most int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || strconv.Itoa(n) != s || n < 1 || n > most {
			return fmt.Errorf("write a number from 1 to %d", most)
		}
		*to = n
		return nil
	}
}

func readMetaTime(to *time.Time) func(string) error {
	return func(s string) error {
		t, err := time.Parse(metaTime, s)
		if err != nil || t.Format(metaTime) != s || t.Year() < 2000 || t.Year() > 2199 {
			return errors.New("write a time in UTC like 20270101000000Z")
		}
		*to = t
		return nil
	}
}

func readDigest(to *[sha256.Size]byte) func(string) error {
	return func(s string) error {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != sha256.Size || hex.EncodeToString(b) != s {
			return errors.New("write a SHA-256 in 64 lower-case hexadecimal digits")
		}
		copy(to[:], b)
		return nil
	}
}
