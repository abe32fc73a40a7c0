package alert

import (
	"fmt"
	"strings"
	"time"
)

// A Reference names an earlier message by the triplet "sender,identifier,sent".
// The three are copied byte by byte from the message that is meant, so that
// whoever compares them as text finds it.
type Reference struct {
	Sender, Identifier string
	// Sent is the date and time as the other message spells it.
	Sent string
}

// References are the messages that a message updates, cancels or answers.
type References []Reference

// ParseReference takes one triplet apart. It refuses parts that are empty or
// hold white space, a comma, "<" or "&", and a sent that is no date and time.
func ParseReference(s string) (Reference, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return Reference{}, fmt.Errorf("reference %s: it has the form sender,identifier,sent; copy the three from the message that is meant", quote(s))
	}
	r := Reference{Sender: parts[0], Identifier: parts[1], Sent: parts[2]}
	if identityProblem(r.Sender) != "" || identityProblem(r.Identifier) != "" {
		return Reference{}, fmt.Errorf("reference %s: sender or identifier is empty, too long or holds a character that they can't; copy both from the message that is meant", quote(s))
	}
	if _, err := r.Time(); err != nil {
		return Reference{}, fmt.Errorf("reference %s: sent %w; copy it from the message that is meant", quote(s), err)
	}
	return r, nil
}

// ParseReferences reads triplets that are separated by white space. Of an
// empty text it makes nil.
func ParseReferences(s string) (References, error) {
	var refs References
	for _, field := range strings.Fields(s) {
		r, err := ParseReference(field)
		if err != nil {
			return nil, err
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// importReferences reads what others write: triplets that are joined by
// commas as well (seen at the UK Environment Agency). What can't be read is
// counted and left out.
func importReferences(s string) (refs References, unread int) {
	for _, field := range strings.Fields(s) {
		parts := strings.Split(strings.Trim(field, ","), ",")
		if len(parts)%3 != 0 {
			unread++
			continue
		}
		for ; len(parts) > 0; parts = parts[3:] {
			r, err := ParseReference(strings.Join(parts[:3], ","))
			if err != nil {
				unread++
				continue
			}
			refs = append(refs, r)
		}
	}
	return refs, unread
}

// String returns the triplet.
func (r Reference) String() string { return r.Sender + "," + r.Identifier + "," + r.Sent }

// Time returns Sent as a time.
func (r Reference) Time() (time.Time, error) {
	t, _, err := readTime(r.Sent)
	return t, err
}

// Names reports whether r means m: sender and identifier are equal, and sent
// is the same instant, however it is spelled.
func (r Reference) Names(m *Message) bool {
	t, err := r.Time()
	return err == nil && r.Sender == m.Sender && r.Identifier == m.Identifier && t.Equal(m.Sent)
}

// String returns the triplets separated by one space, as a document holds them.
func (refs References) String() string {
	parts := make([]string, len(refs))
	for i, r := range refs {
		parts[i] = r.String()
	}
	return strings.Join(parts, " ")
}

// Contains reports whether one of refs means m.
func (refs References) Contains(m *Message) bool {
	for _, r := range refs {
		if r.Names(m) {
			return true
		}
	}
	return false
}
