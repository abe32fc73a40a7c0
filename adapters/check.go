package adapters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Checker is a [Channel] that can tell beforehand whether it could publish now, and for
// how long.
type Checker interface {
	Channel

	// Check looks at all that a post needs on the platform: credential, rights, the right
	// account, budget. It publishes nothing and changes nothing there. It returns at least one
	// finding, and says by one of them where the platform did not answer. No
	// finding holds a credential. It returns when ctx ends.
	Check(ctx context.Context) []Finding

	// CheckEvery is how long to wait between two calls of Check, by the platform's own
	// budget for them.
	CheckEvery() time.Duration

	// Fate names what the channel stands and falls with: where two channels name the same,
	// one failure is likely to take both. "" for nothing that others could share.
	Fate() string
}

// A Readiness says whether something can do its job. The zero Readiness is the cautious
// one.
type Readiness uint8

// The states of readiness, the worst first. Their names are stored: append only.
const (
	Down     Readiness = iota // it can't do its job
	Degraded                  // it can, and a person has to act before it can't any more
	Ready                     // it can
)

var readinesses = [...]string{"down", "degraded", "ready"}

// String returns the state as it is written into records and metrics.
func (r Readiness) String() string {
	if int(r) < len(readinesses) {
		return readinesses[r]
	}
	return fmt.Sprintf("state %d", uint8(r))
}

// MarshalText implements [encoding.TextMarshaler].
func (r Readiness) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Readiness) UnmarshalText(text []byte) error {
	i := slices.Index(readinesses[:], string(text))
	if i < 0 {
		return fmt.Errorf("state of readiness %q: use ready, degraded or down", text)
	}
	*r = Readiness(i)
	return nil
}

// An Aspect is what a finding is about. Aspects are stored: append only.
type Aspect string

// The aspects of a channel.
const (
	AspectReach       Aspect = "reach"       // the platform answers
	AspectCredential  Aspect = "credential"  // the credential is taken, and until when
	AspectDataAccess  Aspect = "data_access" // a person's consent to the app, which has an end of its own
	AspectAccount     Aspect = "account"     // it is the account that is configured
	AspectRights      Aspect = "rights"      // the credential may do what is needed
	AspectBudget      Aspect = "budget"      // calls, posts, credits that are left
	AspectVersion     Aspect = "version"     // the platform still speaks the version that is called
	AspectReadBack    Aspect = "read_back"   // posts can be looked for and read back
	AspectImageHost   Aspect = "image_host"  // the address from which the platform fetches pictures
	AspectCertificate Aspect = "certificate" // until when it is valid
)

// A Finding is one thing that was looked at, and how it is.
type Finding struct {
	Aspect Aspect    `json:"aspect"`
	State  Readiness `json:"state"`
	// Reason says what was found, and Advice what a person must do about it. Both are
	// given unless State is Ready; then Reason may hold a remark.
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`
	Code   string `json:"code,omitempty"` // the platform's own, "190/463"
	// Until is when it ends, or when a budget comes back; zero where nobody says or it
	// has no end.
	Until time.Time `json:"until,omitzero"`
	// Left is what is left of a budget, of which one alert takes Need; Need is 0 where this is
	// no budget.
	Left int `json:"left,omitempty"`
	Need int `json:"need,omitempty"`
}

// LifeCycle is how many posts one alert takes of a budget, where a bulletin is one post: with
// its update and with its revocation.
const LifeCycle = 3

// Lead is how long before an end a finding is Degraded: a person who is on holiday comes
// back within it.
const Lead = 14 * 24 * time.Hour

// Ending returns f with an end: it is Ready while the end is further away than [Lead], then
// Degraded, and Down from the end on. f's words are those of an end that is near.
func (f Finding) Ending(until, now time.Time) Finding {
	f.Until = until
	switch left := until.Sub(now); {
	case left <= 0:
		f.State = Down
	case left < Lead:
		f.State = Degraded
	default:
		f.State, f.Reason, f.Advice = Ready, "", ""
	}
	return f
}

// Spending returns f with what is left of a budget: Ready where one alert has room in it,
// Down where nothing is left. f's words are those of a budget that is short.
func (f Finding) Spending(left, need int) Finding {
	f.Left, f.Need = left, need
	switch {
	case left <= 0:
		f.State = Down
	case left < need:
		f.State = Degraded
	default:
		f.State, f.Reason, f.Advice = Ready, "", ""
	}
	return f
}

// FindingOf returns the finding for a call that failed while the aspect was looked at. What
// the failure says of a post is said of the question: nothing was sent.
func FindingOf(a Aspect, err error) Finding {
	f := Finding{Aspect: a, State: Down, Reason: err.Error(), Advice: "correct this channel's settings in the configuration, then start the node again"}
	failure, ok := errors.AsType[*Failure](err)
	if !ok {
		return f
	}
	f.Reason, f.Code = failure.Err.Error(), failure.Code
	switch failure.Kind {
	case Auth:
		f.Advice = "give the right back on the platform; where the credential is another one, put it into its file and start the node again"
	case Quota:
		f.Aspect, f.Advice = AspectBudget, "fill the account's budget up on the platform, or wait until it comes back; meanwhile be ready to post by hand"
		if failure.After > 0 {
			f.Reason += fmt.Sprintf(" (wait %v)", failure.After)
		}
	case NotSent:
		f.Aspect, f.Advice = AspectReach, "look whether this machine reaches the internet, and whether the platform has an outage; meanwhile be ready to post by hand"
		if failure.After > 0 {
			f.State, f.Advice = Degraded, "nobody needs to do anything: it is asked again later; if that goes on, look who else calls with this credential"
		}
	case Unknown, Duplicate:
		f.Aspect, f.Advice = AspectReach, "look whether the platform has an outage; meanwhile be ready to post by hand"
	case Permanent:
	}
	return f
}

// Worst returns the worst of the findings, the first of those that are equally bad: Ready and
// of no aspect where there is none.
func Worst(all []Finding) Finding {
	if len(all) == 0 {
		return Finding{State: Ready}
	}
	return slices.MinFunc(all, func(a, b Finding) int { return cmp.Compare(a.State, b.State) })
}
