package delivery

import (
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// An item is one released bulletin, as one channel sees it.
type item struct {
	held    *held
	b       *bulletin.Bulletin
	release release
	parts   []ledger.PartState // one for each post that the bulletin has for the channel
	gone    []bool             // for each of parts: whoever attempted it last sends nothing more
	last    int64              // newest record of the alert on the channel, which parts rest on
}

// A step is what comes next on a channel for one alert.
type step struct {
	do   verb
	item int // index of the item
	part int // from 1
	at   time.Time
	why  string
}

type verb uint8

const (
	nothing   verb = iota // all is done
	wait                  // until step.at
	attempt               // intent, then send
	send                  // the intent is on disk and ours
	forget                // an attempt has no owner any more: its fate is unknown
	look                  // the fate is unknown
	readBack              // public by the platform's word
	expire                // too late
	supersede             // a newer bulletin took its place
	giveUp                // it can't be sent: step.why
)

// decide says what comes next. It is a pure function of the ledger, the clock and
// who asks: me is this node and incarnation, started the moment it began, and
// claimed tells the attempts that this process has under way.
//
// Bulletins go in the order of their numbers: nothing of a newer one begins while
// the fate of an older one is open on this channel.
func decide(items []item, me string, started, now time.Time, claimed func(record string) bool) step {
	later := step{do: nothing}
	for i, it := range items {
		for n := range it.parts {
			s := decidePart(items, i, n+1, me, started, now, claimed)
			switch s.do {
			case nothing:
			case readBack:
				if later.do == nothing {
					later = s
				}
			default:
				return s
			}
		}
	}
	return later
}

func decidePart(items []item, i, part int, me string, started, now time.Time, claimed func(string) bool) step {
	it := &items[i]
	p := it.parts[part-1]
	s := step{item: i, part: part}
	switch p.State {
	case ledger.StateAttempting:
		switch {
		case p.Claimant == me && claimed(p.ClaimID):
			s.do = send
		case ledger.SameNode(p.Claimant, me) || it.gone[part-1] || !now.Before(p.Until):
			s.do = forget
		default:
			s.do, s.at = wait, p.Until
		}
	case ledger.StateUnknown:
		s.do = look
	case ledger.StatePosted:
		if !p.Final() {
			s.do = readBack
		}
	case ledger.StatePending:
		decidePending(&s, items, now, due(&p, now))
	case ledger.StateHeld:
		// What was held before this node began is tried once more: a person has
		// started it again, and may have mended the cause. A budget that comes
		// back by itself is waited for. What may be public already is not sent again:
		// that a node was started tells nothing of it.
		if i < len(items)-1 || !now.Before(it.b.Expires) || p.Since.Before(started) && !p.Doubtful {
			decidePending(&s, items, now, time.Time{})
		} else if !p.RetryAt.IsZero() {
			decidePending(&s, items, now, due(&p, now))
		}
	case ledger.StateVerified, ledger.StateFailed, ledger.StateExpired, ledger.StateSuperseded:
	}
	return s
}

// due returns when a post that waits may be tried again. A clock that was set back since
// the wait was recorded, or another node's that was ahead, must not make it longer.
func due(p *ledger.PartState, now time.Time) time.Time {
	if p.Since.Sub(now) > claimMargin {
		return now
	}
	return p.RetryAt
}

// decidePending says what comes next for a post that is not public, and that is not
// tried before retryAt.
func decidePending(s *step, items []item, now, retryAt time.Time) {
	it := &items[s.item]
	doubtful := it.parts[s.part-1].Doubtful
	switch {
	case s.item < len(items)-1 && doubtful:
		s.do, s.why = giveUp, "whether it is public was never found out, and a newer bulletin of this alert was released since: look at the channel by hand, and take down what is out of date"
	case !now.Before(it.b.Expires) && doubtful:
		s.do, s.why = giveUp, "whether it is public was never found out, and the alert has expired since: look at the channel by hand, and take down what is out of date"
	case s.item < len(items)-1:
		s.do = supersede
	case !now.Before(it.b.Expires):
		s.do = expire
	case s.part > 1 && it.parts[s.part-2].PostID == "":
		s.do, s.why = giveUp, "the part before it did not become public"
		if it.parts[s.part-2].Doubtful {
			s.why = "nobody could find out whether the part before it is public"
		}
		if it.parts[s.part-2].State == ledger.StateHeld {
			s.do = nothing
		}
	case now.Before(retryAt):
		s.do, s.at = wait, retryAt
		if it.b.Expires.Before(s.at) {
			s.at = it.b.Expires
		}
	default:
		s.do = attempt
	}
}
