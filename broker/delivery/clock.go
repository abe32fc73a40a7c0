package delivery

import (
	"context"
	"time"

	"tocsin/adapters"
)

// clockTolerance is how far this machine's clock and a platform's may be apart
// before a person is told. Times in texts and records suffer first; from some minutes
// on platforms refuse calls (X), and from [adapters.ClockSkew] on a look after a
// lost answer can miss the post.
const clockTolerance = 30 * time.Second

// watchClock measures how far the clock is from the platform's, as its latest answer
// showed it, and tells the log once that it is too far; again only after it was well
// within the tolerance.
func (l *lane) watchClock(ctx context.Context) {
	c, ok := l.ch.Channel.(adapters.Clocked)
	if !ok {
		return
	}
	offset, known := c.ClockOffset()
	if !known {
		return
	}
	l.s.meters.clock(ctx, l.ch.Channel, offset)
	switch {
	case offset.Abs() > clockTolerance:
		if l.clockOff.CompareAndSwap(false, true) {
			l.s.Log.ErrorContext(ctx, "this machine's clock and the platform's are too far apart: set the clock, with NTP",
				"channel", l.name, "ahead", offset.Round(time.Second))
		}
	case offset.Abs() < clockTolerance/2:
		l.clockOff.Store(false)
	}
}
