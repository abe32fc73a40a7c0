package delivery

import (
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// A slot names one thing of a bulletin that a lane carries: a post, by its part, or a mark, by
// its place among the bulletin's marks for the channel. Both count from 1.
type slot struct {
	n    int
	mark bool
}

func post(part int) slot { return slot{n: part} }

// name writes into a record what it is about.
func (at slot) name(r *ledger.Record) {
	if r.Part, r.Mark = at.n, 0; at.mark {
		r.Part, r.Mark = 0, at.n
	}
}

// kind returns what it is called in traces.
func (at slot) kind() string {
	if at.mark {
		return "mark"
	}
	return "part"
}

// of returns its state in a bulletin on a channel.
func (at slot) of(b *ledger.BulletinState, channel string) ledger.PartState {
	if at.mark {
		return b.Mark(channel, at.n)
	}
	return b.Part(channel, at.n)
}

// A mark is one mark of a bulletin on a channel, and where it stands.
type mark struct {
	bulletin.Mark

	state ledger.PartState
	gone  bool // whoever attempted it last sends nothing more
}

// state returns the state of a slot when the item was read.
func (it *item) state(at slot) *ledger.PartState {
	if at.mark {
		return &it.marks[at.n-1].state
	}
	return &it.parts[at.n-1]
}

// left reports whether whoever attempted a slot last sends nothing more.
func (it *item) left(at slot) bool {
	if at.mark {
		return it.marks[at.n-1].gone
	}
	return it.gone[at.n-1]
}
