package adapterstest

import (
	"errors"
	"fmt"
	"slices"
)

// A Trouble is what somebody else who has the account's password does to what stands on it.
type Trouble struct {
	Kind TroubleKind
	Post string // the platform's name for the post; "" for the newest one
	Text string // what it says from then on, or what somebody else publishes
}

// A TroubleKind says what somebody does.
type TroubleKind string

// The troubles.
const (
	EditPost    TroubleKind = "edit"    // changes a post's text
	HidePost    TroubleKind = "hide"    // hides a post, which the account goes on holding
	DeletePost  TroubleKind = "delete"  // deletes a post
	ForeignPost TroubleKind = "foreign" // publishes one
)

// ParseTrouble reads the name of a trouble.
func ParseTrouble(s string) (TroubleKind, error) {
	if k := TroubleKind(s); slices.Contains([]TroubleKind{EditPost, HidePost, DeletePost, ForeignPost}, k) {
		return k, nil
	}
	return "", fmt.Errorf("trouble %.40q: use one of edit, hide, delete, foreign", s)
}

var (
	// ErrNoTrouble is returned by Trouble where nobody can do that on the platform.
	ErrNoTrouble = errors.New("nobody can do that on this platform")
	// ErrNoPost is returned by Trouble where the account has no such post.
	ErrNoPost = errors.New("the account has no such post")
)

// A Troubled is a [Platform] on whose account somebody else can meddle.
type Troubled interface {
	Platform
	// Trouble has somebody do it, or returns [ErrNoTrouble] or [ErrNoPost].
	Trouble(t Trouble) error
}

// Target returns the post that t is about among those that are public, "" for none.
func (t Trouble) Target(live []Live) string {
	if t.Post == "" && len(live) > 0 {
		return live[len(live)-1].ID
	}
	return t.Post
}

// Done returns nil where a post was there, and ErrNoPost where not.
func Done(found bool) error {
	if !found {
		return ErrNoPost
	}
	return nil
}
