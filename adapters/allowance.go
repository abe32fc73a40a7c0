package adapters

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// An Allowance is one of a platform's budgets, as its latest answer told of it.
type Allowance struct {
	Name    string    // as the platform calls it: "x-user-limit-24hour", "X-App-Usage"
	Left    int       // posts, or percent of the budget
	Of      int       // the whole of it, 0 where nobody says
	Percent bool      // Left is a percentage
	Resets  time.Time // when it comes back, by this machine's clock; zero where nobody says
	At      time.Time // when the platform told it, by this machine's clock
}

const (
	// ReservePercent is how much of a budget of calls is kept for an alert: from 80 percent on
	// one should slow down, say the manuals of the Graph API.
	ReservePercent = 20
	// AllowanceFresh is for how long an allowance counts that does not say when it comes back.
	AllowanceFresh = 15 * time.Minute
)

// Known reports whether what the platform told still tells something at a moment.
func (a Allowance) Known(now time.Time) bool {
	if !a.Resets.IsZero() {
		return now.Before(a.Resets)
	}
	return now.Before(a.At.Add(AllowanceFresh))
}

// Spare reports whether one more post leaves what an alert needs for its whole life: itself,
// its update and its revocation.
func (a Allowance) Spare() bool {
	if a.Percent {
		return a.Left > ReservePercent
	}
	return a.Left > LifeCycle
}

// Words returns what is left, for a person.
func (a Allowance) Words() string {
	switch {
	case a.Percent:
		return fmt.Sprintf("%d percent of the calls of %s are left", a.Left, a.Name)
	case a.Of > 0:
		return fmt.Sprintf("%d of %d posts of %s are left", a.Left, a.Of, a.Name)
	}
	return fmt.Sprintf("%d posts of %s are left", a.Left, a.Name)
}

// A Metered channel tells what is left of its platform's budgets for posts, as the answers to
// its own calls told. It asks nothing for that.
type Metered interface {
	Channel

	// Allowances lists the budgets that are known, none before an answer told of one.
	Allowances() []Allowance
}

// Allowances keeps the newest word on each budget. The zero value is empty. It is safe for
// concurrent use.
type Allowances struct {
	mu  sync.Mutex
	all []Allowance
}

// Note takes the platform's word on a budget in the place of an earlier one.
func (s *Allowances) Note(a Allowance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.all, func(o Allowance) bool { return o.Name == a.Name }); i >= 0 {
		s.all[i] = a
		return
	}
	s.all = append(s.all, a)
}

// Spend takes one post off the budget of a name, where it is known: the platform tells of it
// only when it is asked.
func (s *Allowances) Spend(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		if s.all[i].Name == name {
			s.all[i].Left = max(s.all[i].Left-1, 0)
		}
	}
}

// All returns the newest word on each budget.
func (s *Allowances) All() []Allowance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}
