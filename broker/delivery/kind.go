package delivery

import (
	"context"
	"fmt"

	"tocsin/adapters"
	"tocsin/broker/ledger"
)

// kindOf returns the kind of the posts that a bulletin has for the lane's channel,
// "" where it has none.
func (l *lane) kindOf(it *item) string {
	for _, c := range it.b.Channels() {
		if c.Name == l.name {
			return c.Kind
		}
	}
	return ""
}

// misfit returns the record that ends a step where the channel is of another kind
// than the signed post: it was given to another platform since, under the same name.
// What was made for one platform is not sent to another, and what one platform took
// is not looked for on another. It returns false where nothing is wrong.
func (l *lane) misfit(ctx context.Context, id string, it *item, do verb) (ledger.Record, bool) {
	signed, have := l.kindOf(it), l.ch.Channel.Kind()
	if signed == have {
		return ledger.Record{}, false
	}
	why := fmt.Sprintf("the post was made and signed for a channel of kind %s, and %s is of kind %s in this node's configuration", signed, l.name, have)
	var r ledger.Record
	switch do { //nolint:exhaustive // the others ask nothing of a platform
	case attempt:
		r = ledger.Record{
			Type: ledger.Held, Class: adapters.Permanent.String(),
			Reason: why + ": give the channel its kind again and start the node, or compose the alert anew for the channels as they are",
		}
	case look:
		// It may be public where nobody can look: as where there is no way to look.
		r = ledger.Record{
			Type: ledger.Held, Class: string(Hold),
			Reason: why + ": whether it is public there can't be found out; look at that account, and publish by hand what is missing",
		}
	case readBack:
		r = ledger.Record{Type: ledger.NotVerifiable, Reason: why + ": the post can't be read back there; look at that account by hand"}
	default:
		return ledger.Record{}, false
	}
	l.s.Log.ErrorContext(ctx, "a post needs a person", "alert", id, "channel", l.name, "reason", r.Reason)
	return r, true
}
