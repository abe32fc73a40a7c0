package audit

import (
	"time"

	"tocsin/broker/ledger"
)

// MaxClockDifference bounds by how much two clocks that are read for one ledger may
// differ: the broker's, by which release, keys and expiry are judged, those of the nodes
// and commands that write, and those of the platforms.
const MaxClockDifference = 10 * time.Minute

// checkClocks holds the broker's time of a record against the one before it and against
// the writer's own.
func (v *Verifier) checkClocks(e *ledger.Entry) {
	if e.Time.Before(v.clock.Add(-MaxClockDifference)) {
		v.find(e.Seq, "time", "the broker took it at %s, and an earlier record at %s: its clock went back, or the times were altered",
			e.Time.Format(time.RFC3339Nano), v.clock.Format(time.RFC3339Nano))
	}
	if e.Time.After(v.clock) {
		v.clock = e.Time
	}
	if d := e.Time.Sub(e.Record.At); e.Bad == nil && d.Abs() > MaxClockDifference {
		v.find(e.Seq, "time", "the broker took it at %s, its writer says %s: a clock was wrong by more than %v, or the ledger was written anew",
			e.Time.Format(time.RFC3339Nano), e.Record.At.Format(time.RFC3339Nano), MaxClockDifference)
	}
}
