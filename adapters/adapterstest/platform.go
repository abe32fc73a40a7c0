package adapterstest

import (
	"net/http"
	"time"
)

// A Platform is a fake that behaves: the stand-in for one platform, as tests and
// the simulator see it. It serves the platform's HTTP contract, refuses what the
// platform refuses with the platform's own words, and remembers what is public.
//
// It is an [http.Handler], so that a test or the simulator gives it a listener.
type Platform interface {
	http.Handler

	Fail(Fault)   // queues a fault for coming public writes
	Clear()       // forgets faults, ends Down
	Live() []Live // what the public sees now, in order of publication: the tests' truth
}

// Live is one post that is before the public, by the platform's own record.
type Live struct {
	ID    string
	Text  string // what it says now
	First string // what it said when it was published
	Image string // SHA-256 in lower-case hexadecimal of the image's bytes, "" for none
	Alt   string
	At    time.Time
	URL   string
	Lang  string // "" where the platform has no languages
	// ReplyTo is the ID of the post that it answers, "" for none.
	ReplyTo  string
	Comments []string // of the account below the post, in order
	Pinned   bool     // held above all others
}
