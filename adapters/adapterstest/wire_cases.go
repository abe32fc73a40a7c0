package adapterstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"tocsin/adapters"
)

// hugeAnswer is over every bound that a channel may set on an answer, in bytes.
const hugeAnswer = 2 << 20

// wiring adds the cases about what happens between the channel and the platform.
func wiring(add func(string, check)) {
	add("an_unreachable_platform_is_not_sent", unreachable)
	add("a_kept_connection_is_not_used_twice", keptConnection)
	add("a_huge_answer_is_unknown", huge)
	add("follows_no_redirect", redirected)
	add("honours_a_front_ends_wait", frontEndWait)
	add("leaks_no_secret", leaksNothing)
	add("leaks_no_echoed_secret", leaksNoEcho)
}

// frontEndWait catches a wait that is lost where somebody else asks for it than the
// platform by its own rules: a proxy in its place, or one that adds it to an answer.
func frontEndWait(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	first := r.other(0)
	receipt, err := r.publish(ctx, first)
	if err != nil {
		return err
	}
	seconds := fmt.Sprint(int(wait.Seconds()))
	said := func(op string, err error, want ...adapters.Kind) error {
		if err := Failed(err, want...); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		f, _ := errors.AsType[*adapters.Failure](err)
		if d := f.After - wait; d.Abs() > 2*time.Second {
			return fmt.Errorf("%s: the failure says to wait %v, the front end said %v", op, f.After, wait)
		}
		return nil
	}
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Retry-After", seconds)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>")
		})
		_, err := r.Channel.Publish(ctx, r.Post, a)
		if err := said(fmt.Sprintf("publish, %d", status), err, adapters.Unknown, adapters.NotSent); err != nil {
			return err
		}
		err = r.readBack(ctx, first, receipt)
		if _, ok := errors.AsType[Exempt](err); ok {
			continue
		}
		if err := said(fmt.Sprintf("read-back, %d", status), err, adapters.Unknown, adapters.NotSent); err != nil {
			return err
		}
	}
	if !r.has(Apply500) {
		return nil
	}
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		w.Header().Set("Retry-After", seconds)
		platform.ServeHTTP(w, req)
	})
	r.Platform.Fail(Fault{Kind: Apply500})
	_, err = r.Channel.Publish(ctx, r.Post, a)
	return said("publish, the platform's own error", err, adapters.Unknown)
}

func unreachable(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	r.Server.Unplug()
	if pr, ok := r.Channel.(adapters.Preparer); ok && a.Prepared != "" {
		// This call also uses up the connection that the first step has kept.
		_, err := pr.Prepare(ctx, r.Post)
		if err := Failed(err, adapters.NotSent); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	_, err = r.Channel.Publish(ctx, r.Post, a)
	return Failed(err, adapters.NotSent)
}

// keptConnection catches a sender below the channel: net/http repeats a request
// by itself if its connection was kept from an earlier one and the request bears
// an Idempotency-Key.
func keptConnection(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	second := r.other(0)
	if _, err := r.publish(ctx, second); err != nil {
		return err
	}
	r.Platform.Fail(Fault{Kind: ApplyDrop, Times: 2})
	_, err := r.publish(ctx, r.Post)
	if err := Failed(err, adapters.Unknown); err != nil {
		return err
	}
	return r.public(second, r.Post)
}

// tampered hands a call to the platform and returns what it answered, and whether
// the call has made a post public.
func (r Rig) tampered(req *http.Request, platform http.Handler) (answer *httptest.ResponseRecorder, published bool) {
	before := len(r.Platform.Live())
	answer = httptest.NewRecorder()
	platform.ServeHTTP(answer, req)
	return answer, len(r.Platform.Live()) > before
}

// pass writes answer with another body.
func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte) {
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // a caller that has read enough hangs up
}

func huge(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		answer, published := r.tampered(req, platform)
		body := answer.Body.Bytes()
		if published {
			body = append(bytes.Repeat([]byte(" "), hugeAnswer), body...)
		}
		pass(w, answer, body)
	})
	_, err := r.publish(ctx, r.Post)
	if err := Failed(err, adapters.Unknown); err != nil {
		return err
	}
	r.Server.Between(nil)
	return r.applied(ctx)
}

func redirected(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	var trapped atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	defer trap.Close()
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		r.Server.Between(func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
			http.Redirect(w, req, trap.URL+req.URL.Path, status)
		})
		_, err := r.Channel.Publish(ctx, r.Post, a)
		if trapped.Load() > 0 {
			return fmt.Errorf("status %d: the channel went to an address that nobody configured", status)
		}
		if err := Failed(err, adapters.Unknown, adapters.NotSent); err != nil {
			return fmt.Errorf("status %d: %w", status, err)
		}
	}
	return r.public()
}

// leaksNothing plays every script and looks for the secrets in all that comes back.
func leaksNothing(ctx context.Context, r Rig) error {
	for i, k := range FaultKinds() {
		switch k {
		case Stall, ApplyTimeout, Down: // the wire's own words, as for Refuse; and slow
			continue
		default:
		}
		if !r.has(k) {
			continue
		}
		r.Platform.Fail(Fault{Kind: k})
		receipt, err := r.publish(ctx, r.other(i))
		r.Platform.Clear()
		if err := r.clean(receipt, err); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		receipt, err = find(ctx, r.Channel, r.other(i), r.attempt())
		if err := r.clean(receipt, err); err != nil {
			return fmt.Errorf("find after %s: %w", k, err)
		}
	}
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	receipt, err := r.Channel.Publish(ctx, r.Post, a)
	if err != nil {
		return err
	}
	if r.Server != nil {
		r.Server.Unplug()
	}
	return r.everyCall(ctx, a, receipt)
}

// leaksNoEcho lets the platform quote the credential in its answers, as a front
// end that prints the request does.
func leaksNoEcho(ctx context.Context, r Rig) error {
	if r.Server == nil {
		return noServer
	}
	var words []string
	for _, s := range r.Secrets {
		words = append(words, s, url.PathEscape(s), url.QueryEscape(s))
	}
	echo := strings.Join(words, " ")
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		answer, _ := r.tampered(req, platform)
		body := answer.Body.Bytes()
		if rest, ok := bytes.CutPrefix(body, []byte("{")); ok && len(rest) > 1 {
			body = append(fmt.Appendf(nil, `{"request":%q,`, echo), rest...)
		}
		pass(w, answer, body)
	})
	a, err := r.prepare(ctx, r.Post)
	if err != nil {
		return err
	}
	receipt, err := r.Channel.Publish(ctx, r.Post, a)
	if err != nil {
		return err
	}
	if err := r.clean(receipt, nil); err != nil {
		return err
	}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 409, 429, 500, 502} {
		for _, body := range []string{echo, fmt.Sprintf(`{"error":{"message":%q},"description":%[1]q,"detail":%[1]q}`, echo)} {
			r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
			if err := r.everyCall(ctx, a, receipt); err != nil {
				return fmt.Errorf("answer %d: %w", status, err)
			}
		}
	}
	return nil
}

// everyCall makes each of the channel's calls and looks for the secrets in what
// comes back.
func (r Rig) everyCall(ctx context.Context, a adapters.Attempt, receipt adapters.Receipt) error {
	got, err := r.Channel.Publish(ctx, r.Post, a)
	if err := r.clean(got, err); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := r.clean(adapters.Receipt{}, r.Channel.ReadBack(ctx, r.Post, receipt)); err != nil {
		return fmt.Errorf("read-back: %w", err)
	}
	got, err = find(ctx, r.Channel, r.Post, a)
	if err := r.clean(got, err); err != nil {
		return fmt.Errorf("find: %w", err)
	}
	if pr, ok := r.Channel.(adapters.Preparer); ok {
		prepared, err := pr.Prepare(ctx, r.Post)
		if err := r.clean(adapters.Receipt{ID: prepared}, err); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	return nil
}

// clean returns nil if no secret is in receipt, nor in err or anything it wraps.
func (r Rig) clean(receipt adapters.Receipt, err error) error {
	text := strings.Join(append(texts(err), receipt.ID, receipt.URL, string(receipt.Evidence)), "\n")
	for _, s := range r.Secrets {
		for _, form := range []string{s, url.PathEscape(s), url.QueryEscape(s)} {
			if strings.Contains(text, form) {
				return fmt.Errorf("a secret of %d characters stands in an error or a receipt", len(s))
			}
		}
	}
	return nil
}

// texts returns the text of err and of every error that it wraps.
func texts(err error) []string {
	if err == nil {
		return nil
	}
	all := []string{fmt.Sprintf("%+v", err)}
	if e, ok := errors.AsType[*adapters.AlteredError](err); ok {
		all = append(all, e.Shown, e.Want)
	}
	switch e := any(err).(type) { // this error alone: the recursion sees what it wraps
	case interface{ Unwrap() error }:
		all = append(all, texts(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, texts(inner)...)
		}
	}
	return all
}
