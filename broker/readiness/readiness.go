// Package readiness looks, before the night on which they are needed, whether the channels of
// a node and the node itself can do their job, and for how long.
//
// What is found is folded into ready, degraded or down for each of them, with since when, until
// when, and what a person must do. A change of state becomes a record in the ledger; every look
// becomes metrics. It publishes nothing, knows no platform, and never waits on the way of a
// post: deliveries do not ask it. docs/readiness.md tells the whole of it.
package readiness

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

// The aspects of a node, beside those of channels. Aspects are stored: append only.
const (
	AspectDisk       adapters.Aspect = "disk"        // room for records
	AspectBroker     adapters.Aspect = "broker"      // it answers, and is set as a ledger needs it
	AspectLedger     adapters.Aspect = "ledger"      // it is to be trusted, and takes records
	AspectKeyRing    adapters.Aspect = "key_ring"    // until when it holds
	AspectClock      adapters.Aspect = "clock"       // how far it is from those of the platforms
	AspectTimeSource adapters.Aspect = "time_source" // whether something keeps the clock right
	AspectCheck      adapters.Aspect = "check"       // the looking itself
	AspectCircuit    adapters.Aspect = "circuit"     // of a channel: whether what was sent to it last arrived
)

// lookTime bounds one look.
const lookTime = 45 * time.Second

// A Subject is what is looked at: a channel, or the node itself.
type Subject struct {
	Name  string // the channel's; "" for the node
	Kind  string // the channel's; "node" for the node
	Fate  string // what it stands and falls with, see [adapters.Checker]
	Every time.Duration
	Look  func(ctx context.Context) []adapters.Finding
}

// Channel returns the channel as a subject. One that can't tell beforehand is ready as far as
// anybody knows, and says so.
func Channel(ch adapters.Channel) Subject {
	c, ok := ch.(adapters.Checker)
	if !ok {
		return Subject{Name: ch.Name(), Kind: ch.Kind(), Every: 24 * time.Hour, Look: func(context.Context) []adapters.Finding {
			return []adapters.Finding{{Aspect: AspectCheck, State: adapters.Ready, Reason: "this kind of channel can't be checked beforehand"}}
		}}
	}
	return Subject{Name: ch.Name(), Kind: ch.Kind(), Fate: c.Fate(), Every: c.CheckEvery(), Look: c.Check}
}

// CircuitFinding returns what the latest attempts on a channel tell of it. A channel that is
// broken is not down by that alone: alerts are tried on it all the same.
func CircuitFinding(c ledger.Circuit, now time.Time) adapters.Finding {
	if c.State(now) == ledger.CircuitClosed {
		return adapters.Finding{Aspect: AspectCircuit, State: adapters.Ready}
	}
	return adapters.Finding{
		Aspect: AspectCircuit, State: adapters.Degraded,
		Reason: fmt.Sprintf("the latest %d attempts on this channel came to nothing, the last one for this: %s", c.Failures, c.Reason),
		Advice: "mend what the reason names and send an exercise: the first post that goes out ends this; meanwhile be ready to post by hand",
	}
}

// A Standing is how a subject stands.
type Standing struct {
	Name  string             `json:"name,omitempty"`
	Kind  string             `json:"kind"`
	Node  string             `json:"node,omitempty"` // who found it, where several nodes are shown
	State adapters.Readiness `json:"state"`
	Since time.Time          `json:"since,omitzero"` // when it came into the state; zero where nobody knows
	At    time.Time          `json:"at,omitzero"`    // when it was looked at
	Fate  string             `json:"shared_fate,omitempty"`
	// LastVerified is when a post was last read back on the channel as it was signed: its last
	// successful drill, or alert. Zero for never, or where the ledger was not read.
	LastVerified time.Time          `json:"last_verified,omitzero"`
	Findings     []adapters.Finding `json:"findings"`
}

// Worst returns the finding on which the state rests.
func (s *Standing) Worst() adapters.Finding { return adapters.Worst(s.Findings) }

// Until returns when the first thing ends that the subject needs; zero for none that is known.
func (s *Standing) Until() (until time.Time) {
	for _, f := range s.Findings {
		if !f.Until.IsZero() && f.Need == 0 && (until.IsZero() || f.Until.Before(until)) {
			until = f.Until
		}
	}
	return until
}

// A Report is how all subjects of a node stand.
type Report struct {
	At       time.Time          `json:"at"`
	Node     string             `json:"node"`
	State    adapters.Readiness `json:"state"` // the worst of all
	Subjects []Standing         `json:"subjects"`
	// Pending is how many subjects were not looked at yet, right after a start.
	Pending int      `json:"pending,omitempty"`
	Shared  []Shared `json:"shared_fates,omitempty"`
}

// A Shared fate is one failure that is likely to take several channels.
type Shared struct {
	Fate     string   `json:"fate"`
	Channels []string `json:"channels"`
}

// NewReport returns the report on the standings.
func NewReport(node string, at time.Time, all []Standing) Report {
	r := Report{At: at, Node: node, State: adapters.Ready, Subjects: all}
	for _, s := range all {
		r.State = min(r.State, s.State)
		if s.Fate == "" {
			continue
		}
		i := slices.IndexFunc(r.Shared, func(f Shared) bool { return f.Fate == s.Fate })
		if i < 0 {
			i = len(r.Shared)
			r.Shared = append(r.Shared, Shared{Fate: s.Fate})
		}
		r.Shared[i].Channels = append(r.Shared[i].Channels, s.Name)
	}
	r.Shared = slices.DeleteFunc(r.Shared, func(f Shared) bool { return len(f.Channels) < 2 })
	return r
}

// Look looks at all subjects at once, and returns when the last has answered or given up.
func Look(ctx context.Context, node string, subjects []Subject, now func() time.Time) Report {
	all := make([]Standing, len(subjects))
	var work sync.WaitGroup
	for i := range subjects {
		work.Go(func() { all[i] = subjects[i].stand(ctx, now) })
	}
	work.Wait()
	return NewReport(node, now(), all)
}

// stand looks at the subject.
func (s *Subject) stand(ctx context.Context, now func() time.Time) Standing {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found := s.Look(ctx)
	// What a person must look at comes first.
	slices.SortStableFunc(found, func(a, b adapters.Finding) int { return cmp.Compare(a.State, b.State) })
	return Standing{Name: s.Name, Kind: s.Kind, State: adapters.Worst(found).State, At: now(), Fate: s.Fate, Findings: found}
}
