package ledger

import "time"

// BrokenAfter is how many attempts in a row must have come to nothing on a channel, whatever
// they were for, until it counts as broken.
const BrokenAfter = 5

// ProbeEvery is how long after a failure the next one that may wait is let through to a broken
// channel, to see whether it works again.
const ProbeEvery = time.Minute

// A CircuitState says whether what is sent to a channel arrives. Its names are stable: scripts
// read them.
type CircuitState string

// The states of a circuit. The zero value is closed.
const (
	CircuitClosed   CircuitState = "closed"    // it works, as far as anybody knows
	CircuitOpen     CircuitState = "open"      // it is broken: what may wait waits
	CircuitHalfOpen CircuitState = "half_open" // it is broken, and the next one that comes shows whether it still is
)

// A Circuit is what the ledger says of the latest attempts on a channel, of all alerts and all
// nodes. It is a fold of the records and nothing else: everyone comes to the same.
type Circuit struct {
	Failures int       // attempts in a row that came to nothing
	Since    time.Time // when the broker took the record of the first of them
	At       time.Time // of the newest one
	Class    string    // of the newest one, with its words
	Reason   string
}

// State returns how the circuit stands at a moment of the broker's clock.
func (c Circuit) State(now time.Time) CircuitState {
	switch {
	case c.Failures < BrokenAfter:
		return CircuitClosed
	case now.Before(c.Probe()):
		return CircuitOpen
	}
	return CircuitHalfOpen
}

// Probe returns when the next one that may wait is let through, by the broker's clock.
func (c Circuit) Probe() time.Time { return c.At.Add(ProbeEvery) }

// Circuit returns how a channel's latest attempts ended.
func (s *State) Circuit(channel string) Circuit { return s.circuits[channel] }

// answered notes in a channel's circuit how an attempt in state p ended. Only what the platform
// did, or did not, counts: what is decided before a call is about the post.
func (s *State) answered(channel string, p *PartState, e *Entry) {
	r := &e.Record
	c := s.circuits[channel]
	switch {
	case r.Type == Posted:
		c = Circuit{}
	case p.State == StateAttempting && (r.Type == Unknown || r.Type == NotSent && !r.Dead || r.Type == Held):
		if c.Failures == 0 {
			c.Since = e.Time
		}
		c.Failures++
		c.At, c.Class, c.Reason = e.Time, r.Class, r.Reason
	default:
		return
	}
	s.circuits[channel] = c
}
