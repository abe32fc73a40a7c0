// Package webhook tells a recipient by one HTTP POST of JSON to an address that they
// gave: an operations room's own software, a paging service, a gateway to SMS.
//
// It publishes nothing, follows no redirect and never repeats a request by itself.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// defaultTimeout bounds one call: who is told at once has to say at once that they were.
const defaultTimeout = 15 * time.Second

// Config says whom a [Hook] tells.
type Config struct {
	// Name is the recipient's, in the policy and in the ledger.
	Name string
	// URL is the address that takes the POST: https, or http where AllowPrivate is set.
	URL string
	// Token goes into the header Authorization as "Bearer TOKEN"; "" for none.
	Token string
	// Timeout bounds one call; 0 for 15 seconds.
	Timeout time.Duration
	// AllowPrivate lets the address be one of a private network or of this machine.
	AllowPrivate bool
}

// A Hook is a recipient that is told over HTTP. It is safe for concurrent use.
type Hook struct {
	c    Config
	wire *wire.Client
}

var _ adapters.Notifier = (*Hook)(nil)

// New returns a hook. Its error names what must be set right, and no secret.
func New(c Config) (*Hook, error) {
	u, err := url.Parse(c.URL)
	switch {
	case c.Name == "":
		return nil, errors.New("webhook: the recipient has no name")
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("webhook %s: url must be an address such as https://sala.example.it/avvisi, without a user or a fragment", c.Name)
	case u.Scheme != "https" && (u.Scheme != "http" || !c.AllowPrivate):
		return nil, fmt.Errorf("webhook %s: url must begin with https:// (http:// only on a network of your own, with allow_private)", c.Name)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	// The address itself may be the secret: paging services put a key into it.
	secrets := []string{c.Token, u.RawQuery}
	if u.Path != "/" {
		secrets = append(secrets, u.Path)
	}
	return &Hook{c: c, wire: wire.New(wire.Options{Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, Secrets: secrets})}, nil
}

// Name returns the recipient's name.
func (h *Hook) Name() string { return h.c.Name }

// Notify posts n. Every status from 200 to 299 says that it was taken.
func (h *Hook) Notify(ctx context.Context, n adapters.Notification) error {
	body, err := json.Marshal(n)
	if err != nil {
		return adapters.Fail(adapters.Permanent, "webhook %s: the notification has no form in JSON: %w", h.c.Name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.c.URL, bytes.NewReader(body))
	if err != nil {
		return adapters.Fail(adapters.Permanent, "webhook %s: the address can't be called", h.c.Name)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", n.ID)
	if h.c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+h.c.Token)
	}
	answer, err := h.wire.Do(ctx, req)
	if err != nil {
		return fmt.Errorf("webhook %s: %w", h.c.Name, err)
	}
	switch status := answer.Status; {
	case status/100 == 2:
		return nil
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return adapters.Fail(adapters.Auth, "webhook %s: it answered %d: the token is not the recipient's", h.c.Name, status)
	case status/100 == 3:
		return adapters.Fail(adapters.NotSent, "webhook %s: it answered %d: the address leads elsewhere, set the one itself", h.c.Name, status)
	default:
		return h.wire.Unreadable(answer, nil)
	}
}

// Close drops idle connections.
func (h *Hook) Close() { h.wire.Close() }
