// Package download takes one document from an address that a person named: a CAP file or a
// feed of others. It goes by the same rules as a channel's calls: bounded in time and
// size, never redirected, never into a private network unless that is allowed.
//
// It does not know what it takes, and keeps nothing.
package download

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// Options say how to download. The zero value is usable.
type Options struct {
	// AllowPrivate lets the address be one of this machine or of a private network.
	AllowPrivate bool
	// MaxBytes bounds the document, unpacked; 0 for 1 MiB.
	MaxBytes int
	// Timeout bounds the whole call; 0 for 30 seconds.
	Timeout time.Duration
}

// An Error says why an address gave no document.
type Error struct {
	// Refused says that the rules forbid the address, and nothing was asked of it.
	Refused bool
	// Location is where the address wanted to send us; "" if it did not.
	Location string
	// Status is what the address answered; 0 without an answer.
	Status int
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Get returns what stands at an http or https address. The error is an [*Error], and
// quotes no more of the address than its host.
func Get(ctx context.Context, address string, o Options) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, &Error{Refused: true, Err: errors.New("it is no http or https address")}
	}
	if u.User != nil {
		return nil, &Error{Refused: true, Err: errors.New("the address holds a user name or a password")}
	}
	c := wire.New(wire.Options{Timeout: o.Timeout, AllowPrivate: o.AllowPrivate, MaxAnswer: o.MaxBytes})
	defer c.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, &Error{Refused: true, Err: errors.New("it is no http or https address")}
	}
	req.Header.Set("Accept", "application/cap+xml,application/atom+xml,application/rss+xml,application/xml;q=0.9,text/xml;q=0.8,*/*;q=0.1")
	answer, err := c.Do(ctx, req)
	switch {
	case errors.Is(err, wire.ErrPrivate):
		return nil, &Error{Refused: true, Err: fmt.Errorf("%s leads into a private network", u.Hostname())}
	case err != nil:
		if f, ok := errors.AsType[*adapters.Failure](err); ok {
			err = f.Err
		}
		return nil, &Error{Err: fmt.Errorf("%s: %w", u.Hostname(), err)}
	case answer.Status >= 300 && answer.Status < 400:
		return nil, &Error{Status: answer.Status, Location: answer.Header.Get("Location"), Err: fmt.Errorf("%s answered %d and wants to send us elsewhere", u.Hostname(), answer.Status)}
	case answer.Status != http.StatusOK:
		return nil, &Error{Status: answer.Status, Err: fmt.Errorf("%s answered %d", u.Hostname(), answer.Status)}
	}
	return answer.Body, nil
}
