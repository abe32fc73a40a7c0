package wordpress

// This file classifies what a site answers when it does not do what it was asked: WordPress' own
// errors, and those of the web server and the host in front of it.

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// failure returns what an answer that is no success means. The code of WordPress decides, and the
// status where there is none: what stands in front of WordPress refuses before it has passed anything on.
func (ch *Channel) failure(a wire.Answer) error {
	var e struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	known := json.Unmarshal(a.Body, &e) == nil && e.Code != "" && len(e.Code) <= 64
	words := ch.wire.Excerpt([]byte(e.Message))
	after := wire.RetryAfter(a.Header, time.Now())
	fail := func(k adapters.Kind, what string) error {
		f := adapters.Fail(k, "%s (the site answered %d %s: %s)", what, a.Status, e.Code, words)
		f.Code, f.After = strconv.Itoa(a.Status), after
		if known && strings.Trim(strings.ToLower(e.Code), "abcdefghijklmnopqrstuvwxyz0123456789_-") == "" {
			f.Code += "/" + e.Code
		}
		return f
	}
	switch {
	case a.Status == http.StatusTooManyRequests:
		return fail(adapters.NotSent, "the site's host asks to wait")
	case !known && a.Status == http.StatusUnauthorized:
		return fail(adapters.Auth, "the web server asks for a password of its own: let /wp-json/ through")
	case !known && a.Status == http.StatusForbidden:
		return fail(adapters.Auth, "the web server or a security plug-in refuses the call: let this node's address use /wp-json/")
	case !known && a.Status == http.StatusRequestEntityTooLarge:
		return fail(adapters.Permanent, "the web server takes no text of this size")
	case a.Status == http.StatusInsufficientStorage, a.Status == http.StatusPaymentRequired:
		return fail(adapters.Quota, "the site's hosting is used up: call the host")
	case !known, a.Status >= 500:
		f := ch.wire.Unreadable(a, nil)
		if known {
			f = adapters.Fail(adapters.Unknown, "the site failed, and may have kept the post (it answered %d %s: %s)", a.Status, e.Code, words)
			f.Code, f.After = strconv.Itoa(a.Status)+"/"+e.Code, after
		}
		return f
	case e.Code == "rest_not_logged_in":
		return fail(adapters.Auth, "the site does not see the password: its web server takes the Authorization header away (Apache: CGIPassAuth on)")
	case e.Code == "application_passwords_disabled" || e.Code == "application_passwords_disabled_for_user":
		return fail(adapters.Auth, "application passwords are switched off on the site: a security plug-in does that; allow them for this user")
	case a.Status == http.StatusUnauthorized:
		return fail(adapters.Auth, "the site does not accept user and application password: make a new one under Users, Profile")
	case a.Status == http.StatusForbidden:
		return fail(adapters.Auth, "the user may not do this on the site: give the role Editor")
	case e.Code == "rest_no_route":
		return fail(adapters.Auth, "the site has no such route: its REST API is closed, or the type of posts is not shown there")
	case e.Code == "rest_post_exists":
		return fail(adapters.Duplicate, "the site says that the post exists")
	case e.Code == "rest_post_invalid_id", a.Status == http.StatusGone:
		return fail(adapters.Permanent, "the site has no such post")
	case a.Status == http.StatusBadRequest:
		return fail(adapters.Permanent, "the site refuses this post")
	}
	return fail(adapters.Unknown, "the site did not do what it was asked")
}

// isAbsent reports whether a failure says that there is no such post, or that it is in the trash.
func isAbsent(err error) bool {
	f, ok := errors.AsType[*adapters.Failure](err)
	return ok && (f.Code == "404/rest_post_invalid_id" || strings.HasPrefix(f.Code, "410/"))
}

// asLook turns the failure of a call that only looks into one that claims nothing about the post.
func asLook(err error) error {
	f, ok := errors.AsType[*adapters.Failure](err)
	if !ok || f.Kind == adapters.Auth || f.Kind == adapters.Quota {
		return err
	}
	return &adapters.Failure{Kind: adapters.Unknown, After: f.After, Code: f.Code, Err: f.Err}
}
