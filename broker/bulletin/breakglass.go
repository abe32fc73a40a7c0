package bulletin

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/broker/alert"
)

// This file reads what a bulletin says of itself that two people of one organisation
// release because the other one can't be reached (docs/breakglass.md).

// MaxContacts bounds the contact attempts on which a break-glass bulletin relies.
const MaxContacts = 9

const maxWhy = 500 // bytes

// Breakglass is what a bulletin says that is issued by one authority.
type Breakglass struct {
	// InsteadOf is the SHA-256 of the bulletin that the other organisation did not sign.
	InsteadOf string
	Cause     Cause
	Why       string // in words, one line
	// Contacts are the attempts to reach the others on which it relies, in the order of
	// the ledger.
	Contacts []Contact
}

// A Cause says why the other organisation has not signed.
type Cause string

// The causes. They are stored: the list only grows.
const (
	CauseUnreachable Cause = "unreachable" // nobody answers
	CauseLinesDown   Cause = "lines_down"  // there is no way to reach them
	CauseSudden      Cause = "sudden"      // the danger is there: there is no time
)

// Causes returns all causes, in a fixed order.
func Causes() []Cause { return []Cause{CauseUnreachable, CauseLinesDown, CauseSudden} }

// A Contact is an attempt to reach somebody, as the ledger recorded it.
type Contact struct {
	Record int64     // of the ledger
	At     time.Time // when the broker took the record, in whole seconds
	Way    alert.Way
	Whom   string // the role: "police"
}

// OneAuthority returns the sentence that each post of a break-glass bulletin holds in
// its language: in English where there is none in the post's own. The sentences are
// part of the format: a bulletin that was signed must stay readable.
func OneAuthority(lang string) string {
	switch base, _, _ := strings.Cut(strings.ToLower(lang), "-"); base {
	case "it":
		return "Emesso da una sola autorità"
	case "de":
		return "Von nur einer Behörde herausgegeben"
	case "fr":
		return "Émis par une seule autorité"
	}
	return "Issued by one authority only"
}

// contactFields returns the names of the fields of contacts.
func contactFields() (names []string) {
	for i := range MaxContacts {
		names = append(names, fmt.Sprintf("contact-%d", i+1))
	}
	return names
}

// write writes the section.
func (g *Breakglass) write(w *bytes.Buffer, field func(name, value string)) {
	w.WriteString(breakglassMark)
	field("instead-of", g.InsteadOf)
	field("cause", string(g.Cause))
	field("why", g.Why)
	for i, c := range g.Contacts {
		field(fmt.Sprintf("contact-%d", i+1), fmt.Sprintf("%d %s %s %s", c.Record, c.At.UTC().Format(contactTime), c.Way, c.Whom))
	}
	w.WriteString("\n")
}

// contactTime is RFC 3339 in whole seconds of UTC, which is how the broker counts.
const contactTime = "2006-01-02T15:04:05Z"

var whomForm = regexp.MustCompile(`^[a-z]{1,32}$`)

// breakglass takes the section, which stands before the message.
func (p *parser) breakglass(b *Bulletin) error {
	names := []string{"instead-of", "cause", "why"}
	for i, name := range contactFields() {
		if i > 0 {
			name += "?"
		}
		names = append(names, name)
	}
	begin := p.line
	f, err := p.fields(names...)
	if err != nil {
		return err
	}
	end := p.line
	p.line = begin
	defer func() { p.line = end }()
	g := &Breakglass{InsteadOf: f["instead-of"], Cause: Cause(f["cause"]), Why: f["why"]}
	switch {
	case b.Kind != "":
		return p.fail("what is prepared inside a bulletin is not break-glass: whoever signs it alone may do so by the policy")
	case b.NotAfter.IsZero():
		return p.fail("a break-glass bulletin says by when it must be signed (not-after)")
	case !digestForm.MatchString(g.InsteadOf):
		return p.fail("instead-of is not a SHA-256 in lower-case hexadecimal")
	case !slices.Contains(Causes(), g.Cause):
		return p.fail("cause is %q, it must be one of %q", g.Cause, Causes())
	case len(g.Why) > maxWhy:
		return p.fail("why has %d bytes, the limit is %d", len(g.Why), maxWhy)
	}
	for i, name := range contactFields() {
		if f[name] == "" {
			if len(f) != 3+i {
				return p.fail("the contacts are not numbered one after the other")
			}
			break
		}
		c, ok := parseContact(f[name])
		switch {
		case !ok:
			return p.fail("%s is %q, it must be like \"41 2026-11-22T03:12:41Z phone police\"", name, f[name])
		case i > 0 && c.Record <= g.Contacts[i-1].Record:
			return p.fail("the contacts are not in the order of the ledger")
		}
		g.Contacts = append(g.Contacts, c)
	}
	b.Breakglass = g
	return nil
}

// parseContact reads a contact in the one way in which it is written.
func parseContact(s string) (c Contact, ok bool) {
	parts := strings.Split(s, " ")
	if len(parts) != 4 {
		return c, false
	}
	var err error
	if c.Record, err = strconv.ParseInt(parts[0], 10, 64); err != nil || c.Record < 1 || strconv.FormatInt(c.Record, 10) != parts[0] {
		return c, false
	}
	if c.At, err = time.Parse(contactTime, parts[1]); err != nil || c.At.Format(contactTime) != parts[1] {
		return c, false
	}
	c.Way, c.Whom = alert.Way(parts[2]), parts[3]
	return c, slices.Contains(alert.Ways(), c.Way) && whomForm.MatchString(c.Whom)
}

// toldOfOne reports whether a post says, on a line of its own, that one authority only
// issued it.
func toldOfOne(post *Post) bool {
	return slices.Contains(strings.Split(post.Text, "\n"), OneAuthority(post.Lang))
}
