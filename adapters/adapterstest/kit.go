// Package adapterstest is the conformance kit for channels: what every
// [adapters.Channel] must do, checked over the wire against a fake of its
// platform, and the vocabulary in which such fakes fail.
//
// A channel passes with one test:
//
//	func TestConformance(t *testing.T) {
//		t.Parallel()
//		adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { … })
//	}
//
// Each case returns an error, as [testing/fstest.TestFS] does, so that the kit
// itself is tested: see broken_test.go, where every case meets a channel that
// must fail it.
//
// It does not know any platform's rules: each fake polices its own, and each
// channel's own test has the table of its platform's errors.
package adapterstest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tocsin/adapters"
)

const (
	// caseTime bounds one case, so that a channel that hangs is reported by name.
	caseTime = 60 * time.Second
	// deadline is what a call gets that meets a platform which does not answer.
	deadline = 500 * time.Millisecond
	// grace is how late a call may return after its deadline on a busy machine.
	grace = 2 * time.Second
	// wait is what a throttling platform asks for: a whole number of minutes, since
	// some platforms count in minutes.
	wait = 2 * time.Minute
	// lag is how late a platform shows a post.
	lag = time.Hour
)

// A Rig is a channel wired to a fake of its platform, with nothing published.
type Rig struct {
	// Channel is the channel under test.
	Channel adapters.Channel
	// Open opens the channel anew on the same platform, as a restarted process
	// does; nil where the fake does not outlive the channel.
	Open func() (adapters.Channel, error)
	// Platform is the fake that Channel publishes on.
	Platform Platform
	// Server is where Platform listens (see [Serve]); nil for a channel that
	// makes no call over the network. Without it the cases about the wire are
	// skipped.
	Server *Server
	// Clock is the clock that was given to the fake; required.
	Clock *Clock
	// Post is valid on this channel; the zero Post stands for [Sample]. Its text
	// holds its Mark and leaves room for eight more characters.
	Post adapters.Post
	// Secrets must appear in no error, receipt or evidence. Every channel with a
	// Server has at least one.
	Secrets []string
	// Lacks are the scripts that this platform has no answer of its own for; the
	// cases about them are skipped.
	Lacks []FaultKind
	// NoAlt is set for a platform that takes no words for an image.
	NoAlt bool
	// SaysNoWait is set for a platform that throttles without saying for how long.
	SaysNoWait bool
}

// A Case is one thing that a channel must do.
type Case struct {
	Name string
	// Check returns nil where the channel does it, and an [Exempt] where the case
	// does not concern the channel.
	Check func(ctx context.Context, r Rig) error
}

// An Exempt is the reason why a case does not concern a channel.
type Exempt string

// Error returns the reason.
func (e Exempt) Error() string { return string(e) }

const (
	noServer   = Exempt("this channel makes no call over the network")
	noFinder   = Exempt("this channel is not a Finder")
	noPreparer = Exempt("this channel is not a Preparer")
	noVolatile = Exempt("this channel is not Volatile")
	noOpen     = Exempt("this rig cannot open its channel anew")
	noLooking  = Exempt("this account gives no way to look for a post")
)

// Run checks the channel of the rigs that open returns against every case, each
// on a rig of its own.
func Run(t *testing.T, open func(t *testing.T) Rig) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), caseTime)
			defer cancel()
			err := c.Check(ctx, open(t))
			if reason, ok := errors.AsType[Exempt](err); ok {
				// Not a skip: the channel's type or its rig says that there is
				// nothing to check.
				t.Log(string(reason))
				return
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A check is a case before its rig has been looked over.
type check func(ctx context.Context, r Rig) error

// Cases returns every case, in the order in which they are best read.
func Cases() []Case {
	var all []Case
	add := func(name string, c check) {
		all = append(all, Case{Name: name, Check: func(ctx context.Context, r Rig) error {
			r, err := r.ready()
			if err != nil {
				return err
			}
			return c(ctx, r)
		}})
	}
	for _, group := range []func(add func(string, check)){publishing, faults, looking, wiring, preparing, illustrating, living, checking, watching} {
		group(add)
	}
	return all
}

// ready returns r with its defaults filled in, or what is missing in it.
func (r Rig) ready() (Rig, error) {
	if r.Post.Key == "" {
		r.Post = Sample()
	}
	p := r.Post
	switch {
	case r.Channel == nil || r.Platform == nil || r.Clock == nil:
		return r, errors.New("the rig lacks its Channel, its Platform or its Clock")
	case r.Server != nil && len(r.Secrets) == 0:
		return r, errors.New("the rig names no secret: a channel that calls a platform has a credential")
	case p.Mark == "" || !adapters.ContainsMark(p.Text, p.Mark):
		return r, errors.New("the rig's post does not hold its mark")
	case r.Channel.Name() == "" || r.Channel.Kind() == "":
		return r, errors.New("the channel has no name or no kind")
	}
	if err := r.Channel.Limits().Check(p); err != nil {
		return r, err
	}
	return r, nil
}

// has reports whether the platform has an answer of its own for k.
func (r Rig) has(k FaultKind) bool { return !slices.Contains(r.Lacks, k) }

// calls returns how many requests have reached the platform.
func (r Rig) calls() int {
	if r.Server == nil {
		return 0
	}
	return r.Server.Calls()
}
