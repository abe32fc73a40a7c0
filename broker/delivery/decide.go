package delivery

import (
	"fmt"
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
	marks   []mark             // what becomes of posts that are public, in the order of the bulletin
	last    int64              // newest record of the alert on the channel, which parts rest on
}

// A step is what comes next on a channel for one alert.
type step struct {
	do   verb
	item int // index of the item
	at   slot
	when time.Time
	why  string
}

type verb uint8

const (
	nothing   verb = iota // all is done
	wait                  // until step.when
	attempt               // intent, then send
	send                  // the intent is on disk and ours
	forget                // an attempt has no owner any more: its fate is unknown
	look                  // the fate is unknown
	readBack              // public by the platform's word
	expire                // too late
	supersede             // a newer bulletin took its place
	giveUp                // it can't be sent: step.why
)

// A view is who asks what comes next, and when.
type view struct {
	me      string                   // this node and incarnation
	started int64                    // newest record when it began
	now     time.Time                // by this node's clock
	clock   time.Time                // by the broker's, which judges what other nodes wrote
	claimed func(record string) bool // whether this process has the attempt under way
}

// at returns a moment of the broker's clock by this node's.
func (v *view) at(t time.Time) time.Time { return v.now.Add(t.Sub(v.clock)) }

// over reports whether a moment that people signed has come by either clock: an alert that
// has expired is posted by no node whose clock is behind.
func (v *view) over(t time.Time) bool { return !later(v.now, v.clock).Before(t) }

// ends returns when such a moment comes, by this node's clock.
func (v *view) ends(t time.Time) time.Time {
	if v.clock.After(v.now) {
		return v.at(t)
	}
	return t
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// decide says what comes next. It is a pure function of the ledger, the clocks and
// who asks.
//
// Bulletins go in the order of their numbers: nothing of a newer one begins while
// the fate of an older one is open on this channel.
func decide(items []item, v view) step {
	later := step{do: nothing}
	for i, it := range items {
		for n := range it.parts {
			s := decidePart(items, i, post(n+1), &v)
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

func decidePart(items []item, i int, at slot, v *view) step {
	it := &items[i]
	p := it.state(at)
	s := step{item: i, at: at}
	switch p.State {
	case ledger.StateAttempting:
		switch {
		case p.Claimant == v.me && v.claimed(p.ClaimID):
			s.do = send
		case ledger.SameNode(p.Claimant, v.me) || it.left(at) || !v.clock.Before(p.Until):
			s.do = forget
		default:
			s.do, s.when = wait, v.at(p.Until)
		}
	case ledger.StateUnknown:
		s.do = look
	case ledger.StatePosted:
		if !p.Final() {
			s.do = readBack
		}
	case ledger.StatePending:
		decidePending(&s, items, v, p.RetryAt)
	case ledger.StateHeld:
		// What was held before this node began is tried once more: a person has
		// started it again, and may have mended the cause. A budget that comes
		// back by itself is waited for. What may be public already is not sent again:
		// that a node was started tells nothing of it.
		if i < len(items)-1 || v.over(it.b.Expires) || p.Changed <= v.started && !p.Doubtful {
			decidePending(&s, items, v, time.Time{})
		} else if !p.RetryAt.IsZero() {
			decidePending(&s, items, v, p.RetryAt)
		}
	case ledger.StateVerified, ledger.StateFailed, ledger.StateExpired, ledger.StateSuperseded:
	}
	return s
}

// decidePending says what comes next for a post that is not public, and that is not
// tried before retryAt, by the broker's clock.
func decidePending(s *step, items []item, v *view, retryAt time.Time) {
	it := &items[s.item]
	doubtful := it.state(s.at).Doubtful
	switch {
	case s.item < len(items)-1 && doubtful:
		s.do, s.why = giveUp, "whether it is public was never found out, and a newer bulletin of this alert was released since: look at the channel by hand, and take down what is out of date"
	case v.over(it.b.Expires) && doubtful:
		s.do, s.why = giveUp, "whether it is public was never found out, and the alert has expired since: look at the channel by hand, and take down what is out of date"
	case s.item < len(items)-1:
		newer := items[len(items)-1].b
		s.do, s.why = supersede, fmt.Sprintf("bulletin %d of this alert (%s) was released before this one was published here", newer.Number, newer.Message.MsgType)
	case v.over(it.b.Expires):
		s.do = expire
	case s.at.n > 1 && it.parts[s.at.n-2].PostID == "":
		s.do, s.why = giveUp, "the part before it did not become public"
		if it.parts[s.at.n-2].Doubtful {
			s.why = "nobody could find out whether the part before it is public"
		}
		if it.parts[s.at.n-2].State == ledger.StateHeld {
			s.do = nothing
		}
	case v.clock.Before(retryAt):
		s.do, s.when = wait, v.at(retryAt)
		if end := v.ends(it.b.Expires); end.Before(s.when) {
			s.when = end
		}
	default:
		s.do = attempt
	}
}
