package instagram

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
	"tocsin/adapters/internal/wire"
)

// givenUp is the age at which a container that is still in progress is given up: the platform's
// manual has it asked for at most five minutes ("Content Publishing"), and a picture takes seconds.
const givenUp = 5 * time.Minute

// The states of a container, as its status_code says them.
const (
	inProgress = "IN_PROGRESS"
	finished   = "FINISHED"
	failed     = "ERROR"
	expired    = "EXPIRED"
	published  = "PUBLISHED"
)

// A container is what was made of a post's image and text, to be published.
type container struct {
	number string    // the platform's
	made   time.Time // to the second; zero where that is not known
}

// String returns number and time as the name of what is prepared holds them.
func (c container) String() string {
	if c.made.IsZero() {
		return c.number
	}
	return c.number + "-" + strconv.FormatInt(c.made.Unix(), 10)
}

// readContainer is the other way round.
func readContainer(s string) container {
	number, seconds, _ := strings.Cut(s, "-")
	c := container{number: number}
	if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
		c.made = time.Unix(n, 0)
	}
	return c
}

// A status is what a container says of itself.
type status struct {
	Code string `json:"status_code"`
	Text string `json:"status"` // "Error: 2207032 …" for one that failed
}

// status asks the container.
func (ch *Channel) status(ctx context.Context, container string) (status, error) {
	var out status
	a, err := ch.graph.Do(ctx, graph.Call{
		Method: http.MethodGet,
		Path:   container,
		Params: url.Values{"fields": {"status_code,status"}},
	}, &out)
	if err != nil {
		return status{}, err
	}
	switch out.Code {
	case inProgress, finished, failed, expired, published:
		return out, nil
	}
	return status{}, ch.graph.Unreadable(a, "it is no state of a container")
}

// await returns nil once the container can be published. It
// asks for the last time when PollFor is over. Its failures publish nothing; only
// a container that an earlier try has published is a Duplicate. One that is not ready though it
// was made so long ago never will be.
func (ch *Channel) await(ctx context.Context, c container) error {
	container := c.number // for the platform
	end := time.Now().Add(ch.pollFor)
	for {
		s, err := ch.status(ctx, container)
		absent := graph.IsAbsent(err)
		switch {
		case absent || err == nil && s.Code == inProgress:
			// A container that was just made may be absent for a moment.
		case err != nil:
			return wire.Unsent(err)
		case s.Code == finished:
			return nil
		default:
			return settled(container, s)
		}
		if age := ch.now().Sub(c.made); !absent && !c.made.IsZero() && age >= givenUp {
			return dead("container_stuck", "the platform still works on container %s after %v, and never gets done with it", container, age.Round(time.Second))
		}
		left := time.Until(end)
		if left <= 0 {
			return ch.unready(container, absent)
		}
		select {
		case <-time.After(min(ch.pollInterval, left)):
		case <-ctx.Done():
			return adapters.Fail(adapters.NotSent, "container %s was not ready: %w", container, context.Cause(ctx))
		}
	}
}

// settled returns the failure for a container that will not become ready.
func settled(container string, s status) error {
	switch s.Code {
	case published:
		return &adapters.Failure{
			Kind: adapters.Duplicate, Code: "container_published",
			Err: fmt.Errorf("container %s was published by an earlier try", container),
		}
	case expired:
		return dead("container_expired", "container %s is over 24 hours old", container)
	default:
		return dead("container_error", "the platform could not make container %s: %.200q", container, s.Text)
	}
}

// unready returns the failure for a container whose time to become ready is over.
func (ch *Channel) unready(container string, absent bool) error {
	if absent {
		return dead("container_unknown", "the platform knows no container %s", container)
	}
	return &adapters.Failure{
		Kind: adapters.NotSent, Code: "container_in_progress", After: ch.pollInterval,
		Err: fmt.Errorf("the platform still works on container %s after %v; it can be published later", container, ch.pollFor),
	}
}

// dead returns the failure that asks the caller to prepare anew.
func dead(code, format string, args ...any) *adapters.Failure {
	return &adapters.Failure{
		Kind: adapters.NotSent, Code: code,
		Err: fmt.Errorf("%w: %w", fmt.Errorf(format, args...), adapters.ErrPreparedDead),
	}
}
