package adapterstest

import (
	"sync/atomic"
	"time"
)

// A Clock is the machine's clock, moved on by hand: it lets a fake platform be
// late or old without anybody waiting. The zero Clock shows the machine's time.
// It is safe for concurrent use.
type Clock struct{ ahead atomic.Int64 }

// Now returns the time on the clock; it is what a fake's configuration takes.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock on by d, or back where d is negative.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }
