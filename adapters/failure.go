package adapters

import (
	"errors"
	"fmt"
	"time"
)

// A Kind is the outcome class of a failed call: what it leaves behind, and what
// the caller may do next.
//
// The zero Kind is the cautious one: an error that nobody classified counts as a
// post that may be public.
type Kind uint8

// The outcome classes. They are written into the ledger: append only.
const (
	Unknown   Kind = iota // the post may be public: look for it before sending again
	NotSent               // certainly not public: wait Failure.After, then try again
	Duplicate             // the platform says the same content exists: look for it
	Auth                  // the credential or a right is missing: stop the channel, call a person
	Permanent             // the platform refuses this content and always will
	Quota                 // a budget is used up: call a person; try again after Failure.After if it is set
)

var kinds = [...]string{"unknown", "not_sent", "duplicate", "auth", "permanent", "quota"}

// String returns the class as it is written into records and metrics.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// A Failure is why a call did not succeed, as far as the channel can tell.
type Failure struct {
	Kind  Kind
	After time.Duration // how long the platform asked to wait; 0 if it did not say
	Code  string        // the platform's own code, for example "429" or "190/463"; "" if none
	Err   error         // never holds a credential
	// Wide says that the platform asked to wait with everything on the account, not with this
	// call: others before the end of After are refused too, and may make it longer.
	Wide bool
}

// Error returns the class and the cause.
func (f *Failure) Error() string { return f.Kind.String() + ": " + f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Fail returns a [Failure] of kind k.
func Fail(k Kind, format string, args ...any) *Failure {
	return &Failure{Kind: k, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of err's [Failure], or Unknown if it has none.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Kind
	}
	return Unknown
}

// An AlteredError is returned by ReadBack when the platform shows something else
// than what was signed.
type AlteredError struct {
	Shown string // the text as the platform shows it, normalised
	Want  string // the signed text, normalised in the same way
}

// Error says where the two texts part.
func (e *AlteredError) Error() string {
	i := 0
	for i < len(e.Shown) && i < len(e.Want) && e.Shown[i] == e.Want[i] {
		i++
	}
	return fmt.Sprintf("the platform shows another text than the signed one, from byte %d on", i)
}
