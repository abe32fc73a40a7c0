package ledger_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/ledger"
)

// applyAt folds r as the next record, which the broker took at a moment and whose writer's
// clock was off.
func (p *play) applyAt(r ledger.Record, at time.Time, off time.Duration) error {
	p.seq++
	r.Schema, r.ID, r.At = ledger.Schema, uuid.NewString(), at.Add(off)
	return p.state.Apply(&ledger.Entry{Seq: p.seq, Subject: r.Subject(), Record: r, Time: at})
}

// TestAnAttemptLastsByTheBrokersTimes has two nodes whose clocks are minutes apart: how long
// an attempt belongs to its node does not depend on either.
func TestAnAttemptLastsByTheBrokersTimes(t *testing.T) {
	t.Parallel()
	const lasts = time.Minute
	for name, offs := range map[string][2]time.Duration{
		"same":                {0, 0},
		"claimant_behind":     {-4 * time.Minute, 0},
		"claimant_ahead":      {4 * time.Minute, 0},
		"the_other_is_behind": {0, -4 * time.Minute},
		"the_other_is_ahead":  {0, 4 * time.Minute},
	} {
		for after, counts := range map[time.Duration]bool{lasts - 2*time.Second: false, lasts: true} {
			t.Run(name+"_"+after.String(), func(t *testing.T) {
				t.Parallel()
				p, begun := newPlay(t), time.Now().UTC()
				p.must(t, ledger.Record{Type: ledger.NodeStarted, Node: "one/a"})
				p.must(t, ledger.Record{Type: ledger.NodeStarted, Node: "two/b"})
				claim := p.delivery(string(ledger.Attempt))
				claim.Node, claim.Until = "one/a", begun.Add(offs[0]+lasts)
				if err := p.applyAt(claim, begun, offs[0]); err != nil {
					t.Fatal(err)
				}
				word := p.delivery(string(ledger.Unknown))
				word.Node = "two/b"
				if err := p.applyAt(word, begun.Add(after), offs[1]); (err == nil) != counts {
					t.Errorf("another node's word after %v of %v: %v, want it to count: %v", after, lasts, err, counts)
				}
			})
		}
	}
}

// TestTimesOfAPostAreTheLedgers has the writer's clock off, and platforms that date by the
// second or by another clock: what the fold says lies between the attempt and the record.
func TestTimesOfAPostAreTheLedgers(t *testing.T) {
	t.Parallel()
	const took = 300 * time.Millisecond
	for name, tt := range map[string]struct {
		off        time.Duration // of the writer's clock
		posted     time.Duration // from the attempt, as the record has it
		reconciled bool
		want       time.Duration // from the attempt
	}{
		"by_a_clock_that_is_right":        {0, 200 * time.Millisecond, false, 200 * time.Millisecond},
		"by_a_clock_that_is_behind":       {-4 * time.Minute, 200*time.Millisecond - 4*time.Minute, false, 0},
		"by_a_clock_that_is_ahead":        {4 * time.Minute, 200*time.Millisecond + 4*time.Minute, false, took},
		"found_with_a_date_in_seconds":    {0, -700 * time.Millisecond, true, 0},
		"found_with_another_clock's_date": {0, time.Hour, true, took},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, begun := newPlay(t), time.Now().UTC()
			claim := p.delivery(string(ledger.Attempt))
			claim.Node, claim.Until = "one/a", begun.Add(tt.off+time.Minute)
			posted := p.delivery(string(ledger.Posted))
			posted.Node, posted.PostedAt, posted.Reconciled = "one/a", begun.Add(tt.posted), tt.reconciled
			verified := p.delivery(string(ledger.Verified))
			verified.Node = "one/a"
			for i, r := range []ledger.Record{claim, posted, verified} {
				if err := p.applyAt(r, begun.Add(time.Duration(i)*took), tt.off); err != nil {
					t.Fatal(err)
				}
			}
			got := p.part()
			if d := got.PostedAt.Sub(begun); d != tt.want {
				t.Errorf("posted %v after the attempt, want %v", d, tt.want)
			}
			if d := got.VerifiedAt.Sub(begun); d != 2*took {
				t.Errorf("verified %v after the attempt, want %v", d, 2*took)
			}
		})
	}
}
