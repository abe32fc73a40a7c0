package adapterstest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Condition is how the account of a fake platform stands, apart from what happens to single
// writes ([Fault]): it holds for every call until another one takes its place.
type Condition string

// The conditions.
const (
	Good          Condition = "good"           // all is well
	Revoked       Condition = "revoked"        // the credential is not taken any more
	Rightless     Condition = "rightless"      // the credential is taken, and may not publish
	Stranger      Condition = "stranger"       // the credential is another account's, or the account has put it out
	Ending        Condition = "ending"         // the credential ends within three days
	ConsentEnding Condition = "consent-ending" // a person's consent ends within three days (Meta's data access)
	Spent         Condition = "spent"          // credits, posts of the day or calls are used up
	NoPictures    Condition = "no-pictures"    // images are not taken; all else is well
)

// Conditions lists every condition.
func Conditions() []Condition {
	return []Condition{Good, Revoked, Rightless, Stranger, Ending, ConsentEnding, Spent, NoPictures}
}

// ParseCondition reads the name of a condition.
func ParseCondition(s string) (Condition, error) {
	if !slices.Contains(Conditions(), Condition(s)) {
		var names []string
		for _, c := range Conditions() {
			names = append(names, string(c))
		}
		return "", fmt.Errorf("condition %.40q: use one of %s", s, strings.Join(names, ", "))
	}
	return Condition(s), nil
}

// ErrNoCondition is returned by SetCondition where the platform can't be in the condition.
var ErrNoCondition = errors.New("this platform has no such condition")

// A Conditioned is a [Platform] whose account can be put into a [Condition]: for channels that
// are [tocsin/adapters.Checker]s.
type Conditioned interface {
	Platform
	// SetCondition puts the account into a condition, or returns [ErrNoCondition].
	SetCondition(c Condition) error
}
