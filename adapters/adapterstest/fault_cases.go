package adapterstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tocsin/adapters"
)

// faults adds one case for each script that decides the outcome of a write.
func faults(add func(string, check)) {
	const (
		unknown = adapters.Unknown
		notSent = adapters.NotSent
	)
	for _, c := range []struct {
		kind FaultKind
		want []adapters.Kind
	}{
		{Refuse, []adapters.Kind{unknown, notSent}},
		{ApplyDrop, []adapters.Kind{unknown}},
		{Apply500, []adapters.Kind{unknown}},
		{ApplyHTML, []adapters.Kind{unknown}},
		{ApplyTimeout, []adapters.Kind{unknown}},
		{Malformed, []adapters.Kind{unknown}},
		{DuplicateOf, []adapters.Kind{adapters.Duplicate, unknown}},
		{Throttle, []adapters.Kind{notSent}},
		{AuthGone, []adapters.Kind{adapters.Auth}},
		{Credits, []adapters.Kind{adapters.Quota}},
		{Stall, []adapters.Kind{unknown}},
		{Stuck, []adapters.Kind{unknown, notSent}},
		{Discard, []adapters.Kind{unknown, notSent}},
		{ApplyRefuse, []adapters.Kind{unknown}},
		{Down, []adapters.Kind{unknown, notSent}},
	} {
		add("fault_"+strings.ReplaceAll(string(c.kind), "-", "_"), meets(c.kind, c.want...))
	}
	add("fault_slow", slowly)
	add("one_call_is_one_attempt", oneAttempt)
}

// slowly lets a platform be silent for a while before it takes a post: a channel that waits has
// it, and one that has given up finds it later.
func slowly(ctx context.Context, r Rig) error {
	if !r.has(Slow) {
		return Exempt("this platform has no answer of its own for " + string(Slow))
	}
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	r.Platform.Fail(Fault{Kind: Slow, Wait: deadline / 10})
	if _, err := r.Channel.Publish(ctx, r.Post, a); err != nil {
		return fmt.Errorf("a platform that is silent for %v, within the caller's time: %w", deadline/10, err)
	}
	return r.applied(ctx)
}

// meets returns a check that a write which meets script k fails with one of the
// kinds in want, and leaves what it says.
func meets(k FaultKind, want ...adapters.Kind) check {
	return func(ctx context.Context, r Rig) error {
		if !r.has(k) {
			return Exempt("this platform has no answer of its own for " + string(k))
		}
		err := r.write(ctx, Fault{Kind: k, Wait: wait})
		if err := Failed(err, want...); err != nil {
			return err
		}
		if k == Throttle {
			if err := r.waits(err); err != nil {
				return err
			}
		}
		if k.Applies() {
			return r.applied(ctx)
		}
		return r.notApplied(ctx)
	}
}

// write publishes the rig's post under f. It lets the call go on until the
// platform has done its part, and not longer.
func (r Rig) write(ctx context.Context, f Fault) error {
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	r.Platform.Fail(f)
	switch f.Kind {
	case Stall:
		return inTime(ctx, func(ctx context.Context) error {
			_, err := r.Channel.Publish(ctx, r.Post, a)
			return err
		})
	case ApplyTimeout:
		return r.untilLive(ctx, a)
	default:
		_, err = r.Channel.Publish(ctx, r.Post, a)
		return err
	}
}

// inTime calls f with a short deadline and returns what it returned, or that it
// came back too late.
func inTime(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	start := time.Now()
	err := f(ctx)
	if d := time.Since(start); d > deadline+grace {
		return fmt.Errorf("returned after %v, the deadline was %v", d, deadline)
	}
	return err
}

// untilLive publishes the rig's post and gives the call up once the post is public.
func (r Rig) untilLive(ctx context.Context, a adapters.Attempt) error {
	ctx, cancel := context.WithTimeout(ctx, caseTime/2)
	var (
		wg     sync.WaitGroup
		gaveUp time.Time // written before cancel, read after Wait
	)
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if len(r.Platform.Live()) > 0 {
					gaveUp = time.Now()
					cancel()
				}
			}
		}
	})
	_, err := r.Channel.Publish(ctx, r.Post, a)
	returned := time.Now()
	cancel()
	wg.Wait()
	if d := returned.Sub(gaveUp); !gaveUp.IsZero() && d > grace {
		return fmt.Errorf("returned %v after the call was given up", d)
	}
	return err
}

// waits returns nil if err says how long the platform asked to wait.
func (r Rig) waits(err error) error {
	f, _ := errors.AsType[*adapters.Failure](err)
	if r.SaysNoWait {
		if f.After < 0 {
			return fmt.Errorf("the failure says to wait %v", f.After)
		}
		return nil
	}
	if d := f.After - wait; d < -2*time.Second || d > 2*time.Second {
		return fmt.Errorf("the failure says to wait %v, the platform said %v", f.After, wait)
	}
	return nil
}

// applied returns nil if the rig's post is public once and can be found.
func (r Rig) applied(ctx context.Context) error {
	if err := r.public(r.Post); err != nil {
		return err
	}
	receipt, err := find(ctx, r.Channel, r.Post, r.attempt())
	if err != nil {
		if _, ok := errors.AsType[Exempt](err); ok {
			return nil
		}
		return fmt.Errorf("find: %w", err)
	}
	if err := r.names(receipt, r.Post); err != nil {
		return err
	}
	return r.public(r.Post)
}

// notApplied returns nil if the rig's post is not public, cannot be found, and
// can be published by a second attempt.
func (r Rig) notApplied(ctx context.Context) error {
	r.Platform.Clear()
	if err := r.public(); err != nil {
		return err
	}
	_, err := find(ctx, r.Channel, r.Post, r.attempt())
	if _, ok := errors.AsType[Exempt](err); !ok && !errors.Is(err, adapters.ErrNotPublished) {
		return fmt.Errorf("find: got %w, want ErrNotPublished", orNone(err))
	}
	if _, err := r.publish(ctx, r.Post); err != nil {
		return fmt.Errorf("the second attempt: %w", err)
	}
	return r.public(r.Post)
}

// oneAttempt lets several writes fail after they were applied: a channel that
// quietly tries again has published twice what it reports as unknown.
func oneAttempt(ctx context.Context, r Rig) error {
	for _, k := range []FaultKind{Apply500, ApplyHTML, ApplyDrop} {
		if !r.has(k) {
			continue
		}
		r.Platform.Fail(Fault{Kind: k, Times: 3})
		_, err := r.publish(ctx, r.Post)
		if err := Failed(err, adapters.Unknown); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		r.Platform.Clear()
		return r.public(r.Post)
	}
	return Exempt("this platform has no script that applies and fails")
}

// find asks ch for p; the error is an Exempt where ch cannot be asked.
func find(ctx context.Context, ch adapters.Channel, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	f, ok := ch.(adapters.Finder)
	if !ok {
		return adapters.Receipt{}, noFinder
	}
	receipt, err := f.Find(ctx, p, a)
	if errors.Is(err, adapters.ErrCannotLook) {
		return adapters.Receipt{}, noLooking
	}
	return receipt, err
}

// orNone returns err, or an error that says there was none, for messages.
func orNone(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}
