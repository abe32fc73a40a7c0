package bulletin

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
)

// This file is the other document that people sign: the word of one person that a
// bulletin is not to be released.

// The bounds of a halt.
const (
	MaxHalt        = 8 << 10 // the whole text, in bytes
	MaxReason      = 2 << 10 // the reason, in bytes
	maxReasonLines = 40
	maxName        = 255 // bytes of a principal

	haltLine = "tocsin-halt: 1"
)

// A HaltKind says by whose right a bulletin is kept from its release.
type HaltKind string

// The kinds of halts. They are stored and signed: the list only grows.
const (
	// Refusal is the no of somebody whose signature the bulletin waits for.
	Refusal HaltKind = "refusal"
	// Withdrawal takes a bulletin back: its issuer does not stand by it any more.
	Withdrawal HaltKind = "withdrawal"
)

// HaltKinds returns the kinds of halts in a fixed order.
func HaltKinds() []HaltKind { return []HaltKind{Refusal, Withdrawal} }

// A Halt is a person's signed word that a bulletin is not to be released, with the
// reason. Its fields are what the signed bytes say: whether they are true is for the key
// ring, the policy and the order of the ledger to say.
type Halt struct {
	Kind      HaltKind
	Alert     alert.ID
	Code      alert.Code
	Number    int
	Bulletin  string // SHA-256 of the bulletin's bytes, in lower-case hexadecimal
	Realm     alert.Realm
	Principal string    // who says so, as in the key ring
	Time      time.Time // when, by the signer's clock: a claim, the ledger's time counts
	Reason    string    // why, in that person's words; may have several lines

	raw []byte
}

// Bytes returns the bytes that were parsed and signed. They must not be changed.
func (h *Halt) Bytes() []byte { return h.raw }

// NewHalt returns the halt of a bulletin in the form that is signed. The reason is put
// into Unicode form NFC, with line feeds, and without blanks around it; what has no place in
// it is an error that says so.
func NewHalt(kind HaltKind, b *Bulletin, principal, reason string, at time.Time) (*Halt, error) {
	reason = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(reason, "\r\n", "\n")))
	if reason == "" {
		return nil, &SyntaxError{Line: 1, Where: "reason", Reason: "there is none: say why in a few words", halt: true}
	}
	var w bytes.Buffer
	fmt.Fprintf(&w, "%s\nkind: %s\nalert: %s\ncode: %s\nnumber: %d\nbulletin: %s\nrealm: %s\nprincipal: %s\ntime: %s\n",
		haltLine, kind, b.Alert, b.Code, b.Number, b.sum, b.Realm, principal, at.UTC().Format(timeForm))
	writeBody(&w, []byte(reason))
	w.WriteString(endMark)
	return ParseHalt(w.Bytes())
}

// ParseHalt reads a halt as strictly as [Parse] reads a bulletin: what is not exactly of
// the form is a [SyntaxError]. No text is both a halt and a bulletin, by its first line. The
// halt keeps a copy of raw.
func ParseHalt(raw []byte) (*Halt, error) {
	h, err := parseHalt(raw)
	if e, ok := err.(*SyntaxError); ok { //nolint:errorlint // the parser returns it unwrapped
		e.halt = true
	}
	return h, err
}

func parseHalt(raw []byte) (*Halt, error) {
	p := &parser{all: raw, rest: raw, line: 1, where: "header"}
	if len(raw) > MaxHalt {
		return nil, p.fail("it has %d bytes, the limit is %d", len(raw), MaxHalt)
	}
	if err := p.characters(raw); err != nil {
		return nil, err
	}
	p.all = bytes.Clone(raw)
	p.rest = p.all
	first, err := p.cut()
	if err != nil {
		return nil, err
	}
	if first != haltLine {
		p.line--
		return nil, p.fail("this is neither a refusal nor a withdrawal: the first line must be %q", haltLine)
	}
	f, err := p.fields("kind", "alert", "code", "number", "bulletin", "realm", "principal", "time", "bytes")
	if err != nil {
		return nil, err
	}
	h := &Halt{Kind: HaltKind(f["kind"]), Bulletin: f["bulletin"], Principal: f["principal"], raw: p.all}
	if err := p.haltFields(h, f); err != nil {
		return nil, err
	}
	p.where = "reason"
	reason, err := p.body(f["bytes"], MaxReason)
	if err != nil {
		return nil, err
	}
	h.Reason = string(reason)
	switch {
	case h.Reason != strings.TrimSpace(h.Reason):
		return nil, p.fail("it begins or ends with a blank")
	case bytes.Count(reason, []byte("\n")) >= maxReasonLines:
		return nil, p.fail("it has more than %d lines", maxReasonLines)
	case string(p.rest) != endMark:
		return nil, p.fail("after it the line %q must come, and nothing more", strings.TrimSuffix(endMark, "\n"))
	}
	return h, nil
}

func (p *parser) haltFields(h *Halt, f map[string]string) (err error) {
	if h.Alert, err = alert.ParseID(f["alert"]); err != nil {
		return p.fail("%v", err)
	}
	if h.Code, err = alert.ParseCode(f["code"]); err != nil {
		return p.fail("%v", err)
	}
	if h.Realm, err = alert.ParseRealm(f["realm"]); err != nil {
		return p.fail("%v", err)
	}
	if h.Number, err = strconv.Atoi(f["number"]); err != nil || h.Number < 1 || h.Number > maxNumber || strconv.Itoa(h.Number) != f["number"] {
		return p.fail("number is %q, it must be from 1 to %d", f["number"], maxNumber)
	}
	if h.Time, err = time.Parse(timeForm, f["time"]); err != nil || !strings.HasSuffix(f["time"], "Z") || h.Time.Format(timeForm) != f["time"] {
		return p.fail("time is %q, it must be a time like 2026-11-22T09:30:00Z", f["time"])
	}
	switch {
	case !slices.Contains(HaltKinds(), h.Kind):
		return p.fail("kind is %q, it must be refusal or withdrawal", f["kind"])
	case !digestForm.MatchString(h.Bulletin):
		return p.fail("bulletin is %q, it must be a SHA-256 in lower-case hexadecimal digits", f["bulletin"])
	case len(h.Principal) > maxName || strings.ContainsAny(h.Principal, " \t") || !strings.Contains(h.Principal, "@"):
		return p.fail("principal is %q, it must be a name as in the key ring, name@organisation", f["principal"])
	}
	return nil
}

// About returns nil where the halt is of the bulletin, else where the two disagree.
func (h *Halt) About(b *Bulletin) error {
	for _, c := range []struct{ field, halt, own string }{
		{"alert", string(h.Alert), string(b.Alert)},
		{"code", string(h.Code), string(b.Code)},
		{"number", strconv.Itoa(h.Number), strconv.Itoa(b.Number)},
		{"bulletin", h.Bulletin, b.sum},
		{"realm", string(h.Realm), string(b.Realm)},
	} {
		if c.halt != c.own {
			return fmt.Errorf("it says %s %.64q, the bulletin has %.64q", c.field, c.halt, c.own)
		}
	}
	return nil
}
