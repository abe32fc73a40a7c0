package adapters

import (
	"context"
	"fmt"
	"time"
)

// A Lister is a [Channel] whose account can be asked for all that stands on it: so what nobody
// signed is noticed. A platform that shows a bot its own posts alone has none.
type Lister interface {
	Channel

	// List returns what the account shows that was published at or after since, in no
	// order: posts of ours and of others who may write there, not what others say below them.
	// What was taken down is not among it. It returns a [Failure] where the list could not be
	// read to its end, and [ErrCannotLook] where this account gives no way to list.
	List(ctx context.Context, since time.Time) ([]Listed, error)

	// ListEvery is how long to wait between two calls of List, by the platform's own budget for
	// reading.
	ListEvery() time.Duration
}

// A Listed is a post as an account's list shows it.
type Listed struct {
	ID   string // as in [Receipt.ID]
	URL  string // where the public sees it, "" where the list does not say
	Text string
	At   time.Time // by the platform's clock
}

// ErrHidden is returned by ReadBack where the platform holds the post and does not show it to
// the public: somebody hid it or made it a draft. It is an [ErrNotPublished].
var ErrHidden = fmt.Errorf("hidden: %w", ErrNotPublished)
