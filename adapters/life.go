package adapters

import (
	"context"
	"unicode/utf8"
)

// A Mark is a text that people signed for a post which is public already: that the alert was
// updated, revoked, or is over.
type Mark struct {
	Key  Key    // names the mark on one channel for ever
	Lang string // BCP 47
	// Text is byte for byte what was signed: what the post says from then on
	// ([MarkEdit]), or what stands below it ([MarkComment]).
	Text string
}

// A MarkForm says how a channel can mark a post that is public.
type MarkForm string

// The forms. The zero value is MarkNone.
const (
	// MarkNone: the platform lets nobody add to a post of ours.
	MarkNone MarkForm = ""
	// MarkEdit: the text of the post is replaced by the mark's.
	MarkEdit MarkForm = "edit"
	// MarkComment: the mark stands as a comment of the account below the post.
	MarkComment MarkForm = "comment"
)

// A Marker is a [Channel] that can mark a post that is public: [Limits.Marks] says in which form.
type Marker interface {
	Channel

	// Mark makes the post that on names bear m. One call is at most one attempt. It
	// returns nil also where the post bears it already, and [ErrNotPublished] where the
	// platform has no such post of ours any more. Every other error wraps a [Failure]; a
	// text over [Limits.MaxMark] is Permanent without a call.
	//
	// An edit is harmless to repeat. A comment is not: whoever does not know what became
	// of a call asks ReadMark before the next one.
	Mark(ctx context.Context, on Receipt, m Mark) error

	// ReadMark returns nil where the platform shows exactly m on the post that on names;
	// [ErrNotPublished] where it shows no such comment, or no such post; an [AlteredError]
	// where the post says something else, such as what it said before; [ErrCannotLook]
	// where this account gives no way to look; otherwise a [Failure].
	ReadMark(ctx context.Context, on Receipt, m Mark) error
}

// A Pinner is a [Channel] that can hold one post above all others.
type Pinner interface {
	Channel

	// Pin holds the post that on names above the others, and Unpin ends that. Both are
	// harmless to repeat and return nil where it is so already; Unpin also where the post is
	// gone, while Pin returns [ErrNotPublished] then. Every other error wraps a [Failure].
	Pin(ctx context.Context, on Receipt) error
	Unpin(ctx context.Context, on Receipt) error
}

// CheckMark returns a Permanent [Failure] that names what is over the limits in m, or nil.
func (l Limits) CheckMark(m Mark) error {
	switch n := l.Length(m.Text); {
	case m.Text == "" || !utf8.ValidString(m.Text):
		return Fail(Permanent, "the mark's text is empty or not UTF-8")
	case n > l.MaxMark:
		return Fail(Permanent, "the mark's text has %d units, the limit is %d", n, l.MaxMark)
	}
	return nil
}
