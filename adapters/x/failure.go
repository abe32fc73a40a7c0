package x

// This file classifies what X answers when it does not do what it was asked.

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// A problem is an error of X: its own form (RFC 9457 with more members), or that of
// API v1.1 with a list of codes.
type problem struct {
	Title        string    `json:"title"`
	Detail       string    `json:"detail"`
	Type         string    `json:"type"`
	Reason       string    `json:"reason"`
	Period       string    `json:"period"`        // of a cap on use: Daily, Monthly
	ResourceType string    `json:"resource_type"` // what was not found: tweet, post, user
	Code         int       `json:"code"`          // of API v1.1
	Message      string    `json:"message"`       // of API v1.1, and of a bad parameter
	Errors       []problem `json:"errors"`
}

// The codes of API v1.1 that are told apart.
const (
	codeBadSignature = 32  // "Could not authenticate you": also a wrong clock
	codeRateLimit    = 88  // "Rate limit exceeded"
	codeBadToken     = 89  // "Invalid or expired token"
	codeBadTime      = 135 // "Timestamp out of bounds"
	codeDailyLimit   = 185 // "User is over daily status update limit"
	codeDuplicate    = 187 // "Status is a duplicate"
	codeNoAuth       = 215 // "Bad Authentication data"
	codeLocked       = 326 // "this account is temporarily locked"
)

// kind returns the last segment of the problem's type, since X names the same type
// under several hosts; "" for "about:blank".
func (p problem) kind() string {
	if i := strings.LastIndexByte(p.Type, '/'); i >= 0 {
		return p.Type[i+1:]
	}
	return ""
}

// says reports whether the problem's own words hold one of phrases, in any case.
// Phrases leave out the noun: X says "Tweet" in some places and "post" in others.
func (p problem) says(phrases ...string) bool {
	text := strings.ToLower(p.words())
	return slices.ContainsFunc(phrases, func(s string) bool { return strings.Contains(text, s) })
}

// words returns what X says, for a person.
func (p problem) words() string {
	var all []string
	for _, s := range []string{p.Title, p.Detail, p.Message, p.Reason} {
		if s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for _, e := range p.Errors {
		if s := e.words(); s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, ": ")
}

// has reports whether the problem bears one of the codes of API v1.1.
func (p problem) has(codes ...int) bool {
	return slices.ContainsFunc(p.Errors, func(e problem) bool { return slices.Contains(codes, e.Code) })
}

// is reports whether the problem, or one in its list, is of the given kind.
func (p problem) is(kind string) bool {
	return p.kind() == kind || slices.ContainsFunc(p.Errors, func(e problem) bool { return e.kind() == kind })
}

// code returns X's own code for records: "403", "402/credits-depleted", "401/32".
func (p problem) code(status int) string {
	code := strconv.Itoa(status)
	kind := p.kind()
	for _, e := range p.Errors {
		switch {
		case e.Code != 0:
			return code + "/" + strconv.Itoa(e.Code)
		case kind == "":
			kind = e.kind()
		}
	}
	if kind != "" {
		code += "/" + kind
	}
	return code
}

// failure classifies an answer that grants nothing.
func (ch *Channel) failure(a wire.Answer) *adapters.Failure {
	var p problem
	err := json.Unmarshal(a.Body, &p)
	if err != nil || p.words() == "" {
		// Something answered in X's place, or X in a form that it has not
		// documented: then the status alone speaks, where it can.
		p = problem{}
		switch a.Status {
		case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusTooManyRequests:
		default:
			return ch.wire.Unreadable(a, err)
		}
	}
	f := ch.classify(a, p)
	if f.Kind == adapters.Unknown {
		f.After = wire.RetryAfter(a.Header, ch.now())
	}
	if f.Code = p.code(a.Status); !plain(f.Code) {
		f.Code = strconv.Itoa(a.Status)
	}
	return f
}

// refusesReply reports whether X refused a post for being an answer: the account may not
// answer there, or what it answers is gone. Nothing was posted then.
func refusesReply(a wire.Answer) bool {
	var p problem
	if a.Status != http.StatusForbidden && a.Status != http.StatusBadRequest || json.Unmarshal(a.Body, &p) != nil {
		return false
	}
	return p.says("reply to this conversation is not allowed", "you attempted to reply to a", "in_reply_to_tweet_id")
}

// plain reports whether s may stand in a record: short, and no free text of the
// platform.
func plain(s string) bool {
	return len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool { return !asciiAlnum(r) && !strings.ContainsRune("/-_.", r) }) < 0
}

// classify returns the failure that p means.
func (ch *Channel) classify(a wire.Answer, p problem) *adapters.Failure {
	words := ch.wire.Excerpt([]byte(p.words()))
	fail := func(k adapters.Kind, what string) *adapters.Failure {
		return adapters.Fail(k, "%s (X answered %d: %s)", what, a.Status, words)
	}
	switch {
	case a.Status >= 500:
		return fail(adapters.Unknown, "X failed and does not say whether it took the post")
	case a.Status == http.StatusUnauthorized || p.has(codeBadSignature, codeBadToken, codeBadTime, codeNoAuth):
		return fail(adapters.Auth, "X does not accept the credentials: check the four keys and tokens, the app's permission and this machine's clock")
	case p.has(codeLocked):
		return fail(adapters.Auth, "the account is locked: log in on x.com to unlock it")
	case a.Status == http.StatusPaymentRequired:
		f := fail(adapters.Quota, "the X account has no credits left: buy credits in the developer console")
		f.After, f.Wide = wire.RetryAfter(a.Header, ch.now()), true
		return f
	case a.Status == http.StatusTooManyRequests || p.has(codeRateLimit, codeDailyLimit):
		return ch.tooMany(a, p, words)
	case p.has(codeDuplicate) || p.says("duplicate content"):
		return fail(adapters.Duplicate, "X says that the account has just posted this text")
	case a.Status == http.StatusForbidden && p.says("reply to this conversation is not allowed"):
		return fail(adapters.Permanent, "X does not let this account reply there")
	case a.Status == http.StatusForbidden || p.is("not-authorized-for-resource"):
		return fail(adapters.Auth, "X does not let this app or account do this: look in the developer console and on x.com whether the app may write and the account is in order")
	case a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed || a.Status == http.StatusGone || p.is("resource-not-found"):
		return fail(adapters.Auth, "X does not know this account or this call: check user_id and base_url")
	case a.Status == http.StatusBadRequest, a.Status == http.StatusRequestEntityTooLarge,
		a.Status == http.StatusUnsupportedMediaType, a.Status == http.StatusUnprocessableEntity:
		return fail(adapters.Permanent, "X refuses this post")
	}
	return fail(adapters.Unknown, "X did not do what it was asked, and does not say whether it took the post")
}

// tooMany returns the failure of a call too many: a pause of minutes for a rate
// limit, a used up budget for the limits of a day or a month.
func (ch *Channel) tooMany(a wire.Answer, p problem, words string) *adapters.Failure {
	after, day := wait(a.Header, ch.now())
	if p.kind() == "usage-capped" || p.has(codeDailyLimit) {
		if !day {
			after = wire.RetryAfter(a.Header, ch.now()) // the short window's reset does not end the cap
		}
		period := strings.ToLower(p.Period)
		if period != "monthly" {
			period = "daily"
		}
		f := adapters.Fail(adapters.Quota, "the account's %s budget of calls is used up (X answered %d: %s)", period, a.Status, words)
		f.After, f.Wide = after, true
		return f
	}
	f := adapters.Fail(adapters.NotSent, "too many calls (X answered %d: %s)", a.Status, words)
	if day {
		f = adapters.Fail(adapters.Quota, "the budget of calls for 24 hours is used up (X answered %d: %s)", a.Status, words)
	}
	f.After, f.Wide = after, true
	return f
}

// maxWait bounds what is believed of a platform's wish to wait: no window of X is
// longer, but for the month's.
const maxWait = 24 * time.Hour

// wait returns how long X asks to wait, and whether a 24-hour limit is the reason.
// X names the reset of each window in Unix seconds; a 24-hour window counts once
// nothing is left in it, the short window otherwise.
func wait(h http.Header, now time.Time) (d time.Duration, day bool) {
	// The resets are by X's clock, so the wait is counted from X's own time.
	if date, ok := wire.Date(h); ok {
		now = date
	}
	until := func(name string) time.Duration {
		reset, err := strconv.ParseInt(h.Get(name), 10, 64)
		if err != nil || reset <= 0 {
			return 0
		}
		reset = min(reset, now.Add(maxWait).Unix()) // before it overflows a duration
		return max(time.Unix(reset, 0).Sub(now), time.Second)
	}
	for _, window := range []string{"x-app-limit-24hour", "x-user-limit-24hour"} {
		if h.Get(window+"-remaining") == "0" {
			day = true
			d = max(d, until(window+"-reset"))
		}
	}
	if !day || h.Get("x-rate-limit-remaining") == "0" {
		d = max(d, until("x-rate-limit-reset"))
	}
	return max(d, wire.RetryAfter(h, now)), day
}

// asLook turns the failure of a call that only looks into one that claims nothing
// about the post: what is said there of "not sent", "refused" or "duplicate" is said
// of the question.
func asLook(err error) error {
	f, ok := errors.AsType[*adapters.Failure](err)
	if !ok || f.Kind == adapters.Auth || f.Kind == adapters.Quota {
		return err
	}
	return &adapters.Failure{Kind: adapters.Unknown, After: f.After, Code: f.Code, Err: f.Err}
}
