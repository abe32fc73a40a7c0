package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

// An Error is the Graph API's error envelope.
type Error struct {
	Code      int
	Subcode   int    // 0 for none
	Type      string // "OAuthException", "GraphMethodException"
	Message   string // for the developer of the app
	Detail    string // title and text for the person who uses it; "" if the platform gives none
	Transient bool   // the platform says that the same call may succeed later
	Trace     string // Meta's own name for the call, for its support
	Status    int    // of HTTP: evidence, never the basis of a decision
}

// Error returns code, words and trace.
func (e *Error) Error() string {
	s := fmt.Sprintf("(#%s) %s", e.CodeString(), e.Message)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Trace != "" {
		s += " [trace " + e.Trace + "]"
	}
	return s
}

// CodeString returns the code, with the subcode if there is one: "190/463".
func (e *Error) CodeString() string {
	if e.Subcode == 0 {
		return strconv.Itoa(e.Code)
	}
	return strconv.Itoa(e.Code) + "/" + strconv.Itoa(e.Subcode)
}

// Absent reports whether the platform says that the object of the call does not
// exist, or is not for this token to see. It says the same of an object that was
// made a moment ago.
func (e *Error) Absent() bool { return e.Code == 100 && e.Subcode == 33 }

// IsAbsent reports whether err wraps an [Error] that is Absent.
func IsAbsent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Absent()
}

// ParseError reads the error envelope out of an answer's body, and reports whether
// there is one: there is none in a body of any other form. Where there is an
// "error" that is not of the platform's form it returns why.
func ParseError(body []byte) (e *Error, found bool, err error) {
	var head struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &head) != nil || len(head.Error) == 0 {
		return nil, false, nil
	}
	var in struct {
		Code      *int   `json:"code"`
		Subcode   int    `json:"error_subcode"`
		Type      string `json:"type"`
		Message   string `json:"message"`
		Title     string `json:"error_user_title"`
		Text      string `json:"error_user_msg"`
		Transient bool   `json:"is_transient"`
		Trace     string `json:"fbtrace_id"`
	}
	if err := json.Unmarshal(head.Error, &in); err != nil {
		return nil, true, fmt.Errorf("error envelope: %w", err)
	}
	if in.Code == nil {
		return nil, true, errors.New("error envelope: it has no code")
	}
	return &Error{
		Code: *in.Code, Subcode: in.Subcode, Type: in.Type, Message: in.Message,
		Detail:    strings.TrimSpace(in.Title + " " + in.Text),
		Transient: in.Transient, Trace: in.Trace,
	}, true, nil
}

// A Rule says what one error of the platform means. In a list of rules the first
// that matches holds, so that rules with a subcode stand before those without.
type Rule struct {
	Code    int // the error's code
	To      int // the last code of a range; 0 for Code alone
	Subcode int // 0 for every subcode

	Kind   adapters.Kind
	After  time.Duration // how long to wait at least where the platform does not say, by its documentation
	Advice string        // what happened, and what to do
	Cause  error         // a sentinel for the failure to wrap; nil for none
	Wide   bool          // the wait is for everything on the account
}

func (r Rule) matches(e *Error) bool {
	if r.Subcode != 0 && r.Subcode != e.Subcode {
		return false
	}
	return e.Code == r.Code || r.To != 0 && r.Code <= e.Code && e.Code <= r.To
}

const (
	// throttled is how long to wait where the platform throttles and does not
	// say for how long: each call before the end makes the wait longer.
	throttled = 5 * time.Minute
	// blocked is how long to wait after posting too fast: hours, by the
	// platform's own words.
	blocked = time.Hour
)

// sharedRules holds what errors mean to every call of the Graph API. What is not
// in it is Unknown: nobody knows whether it left a post.
func sharedRules() []Rule {
	const renew = "make a new token and put it into the configuration"
	const rights = "give the app its permissions and the system user its role on the account, then make a new token"
	return []Rule{
		{Code: 1, To: 2, Kind: adapters.Unknown, Advice: "the platform had a fault of its own, and has published in that state before"},

		{Code: 4, Kind: adapters.NotSent, After: throttled, Wide: true, Advice: "the app makes too many calls"},
		{Code: 17, Kind: adapters.NotSent, After: throttled, Wide: true, Advice: "the account makes too many calls"},
		{Code: 32, Kind: adapters.NotSent, After: throttled, Wide: true, Advice: "the page gets too many calls"},
		{Code: 613, Kind: adapters.NotSent, After: throttled, Wide: true, Advice: "too many calls of this kind"},
		{Code: 341, Kind: adapters.NotSent, After: throttled, Wide: true, Advice: "the app publishes too much"},
		{Code: 80000, To: 80014, Kind: adapters.NotSent, After: throttled, Wide: true, Advice: "the account gets too many calls"},

		{Code: 368, Subcode: 1404082, Kind: adapters.Duplicate, Advice: "the platform says that this was posted already"},
		// Not sent, for hours, and a person must know: of the classes that is Quota.
		{Code: 368, Subcode: 1390008, Kind: adapters.Quota, After: blocked, Wide: true, Advice: "the account posted too fast and is blocked for some hours; post by hand meanwhile"},
		{Code: 368, Kind: adapters.Auth, Advice: "the platform blocks the account for its policies; sign in to it and do what it asks"},
		{Code: 506, Kind: adapters.Duplicate, Advice: "the latest post has the same text"},

		{Code: 190, Subcode: 458, Kind: adapters.Auth, Advice: "the app was removed from the account; allow it again, then " + renew},
		{Code: 190, Subcode: 459, Kind: adapters.Auth, Advice: "the platform wants to check the account; sign in to it on the platform"},
		{Code: 190, Subcode: 460, Kind: adapters.Auth, Advice: "the password was changed; " + renew},
		{Code: 190, Subcode: 463, Kind: adapters.Auth, Advice: "the access token has expired; " + renew},
		{Code: 190, Subcode: 464, Kind: adapters.Auth, Advice: "the account is not confirmed; sign in to it on the platform"},
		{Code: 190, Subcode: 467, Kind: adapters.Auth, Advice: "the access token is no longer valid; " + renew},
		{Code: 190, Subcode: 492, Kind: adapters.Auth, Advice: "the token's owner has lost the role on the page; " + rights},
		{Code: 190, Kind: adapters.Auth, Advice: "the access token is not valid; " + renew},
		{Code: 102, Kind: adapters.Auth, Advice: "the session of the access token has ended; " + renew},
		{Code: 104, Kind: adapters.Auth, Advice: "the platform saw no access token; look for a proxy that drops the Authorization header"},

		{Code: 10, Kind: adapters.Auth, Advice: "a permission is missing; " + rights},
		{Code: 200, To: 299, Kind: adapters.Auth, Advice: "a permission is missing; " + rights},
		{Code: 100, Subcode: 33, Kind: adapters.Auth, Advice: "the account does not exist or the token may not act for it; check its number, then " + rights},
		{Code: 100, Kind: adapters.Permanent, Advice: "the platform does not take a parameter of this post"},
		{Code: 324, Kind: adapters.Permanent, Advice: "the platform does not take the image"},
		{Code: 1609005, Kind: adapters.Permanent, Advice: "the platform could not read the page that the link leads to"},

		{Code: 3, Kind: adapters.Permanent, Advice: "the app is not made for this call; check the app's type"},
		{Code: 803, Kind: adapters.Permanent, Advice: "the platform knows no account of this name; check its number in the configuration"},
		{Code: 2635, Kind: adapters.Permanent, Advice: "this version of the Graph API is dead; put a newer one into the configuration"},
	}
}

// rule returns what e means to a call with the given rules.
func (e *Error) rule(rules []Rule) Rule {
	for _, list := range [][]Rule{rules, sharedRules()} {
		for _, r := range list {
			if r.matches(e) {
				return e.adjust(r)
			}
		}
	}
	return Rule{Kind: adapters.Unknown, Advice: "the platform answered an error that is not in its manual"}
}

// adjust handles the two cases where code and subcode do not tell enough.
func (e *Error) adjust(r Rule) Rule {
	switch {
	case e.Code == 100 && strings.Contains(strings.ToLower(e.Message), "appsecret_proof"):
		// A wrong or missing proof shares its code with every wrong parameter
		// and has no subcode: its name in the message is all there is.
		return Rule{Kind: adapters.Auth, Advice: "the app secret does not belong to the app of the token; correct it in the configuration"}
	case e.Transient && r.Kind == adapters.Permanent:
		// "For ever" and "for now" in one answer: look, then try again.
		r.Kind = adapters.Unknown
	}
	return r
}

// failure classifies e. wait is what the answer's headers asked for.
func (e *Error) failure(rules []Rule, wait time.Duration) *adapters.Failure {
	r := e.rule(rules)
	f := &adapters.Failure{Kind: r.Kind, Code: e.CodeString(), Wide: r.Wide}
	switch r.Kind {
	case adapters.NotSent, adapters.Quota:
		// The floor is for silence alone: a platform that says when, knows.
		if f.After = wait; wait == 0 {
			f.After = r.After
		}
	case adapters.Unknown:
		f.After = wait
	case adapters.Duplicate, adapters.Auth, adapters.Permanent:
	}
	if r.Cause != nil {
		f.Err = fmt.Errorf("%s: %w: %w", r.Advice, r.Cause, e)
	} else {
		f.Err = fmt.Errorf("%s: %w", r.Advice, e)
	}
	return f
}

// Wait returns how long an answer's headers ask to wait, at most 24 hours: the
// longer of Retry-After and of the minutes in X-Business-Use-Case-Usage
// (estimated_time_to_regain_access); 0 if neither says.
func Wait(h http.Header, now time.Time) time.Duration {
	wait := wire.RetryAfter(h, now)
	var usage map[string][]struct {
		Minutes float64 `json:"estimated_time_to_regain_access"`
	}
	if json.Unmarshal([]byte(h.Get("X-Business-Use-Case-Usage")), &usage) != nil {
		return wait
	}
	for _, account := range usage {
		for _, use := range account {
			minutes := min(max(use.Minutes, 0), 24*60)
			wait = max(wait, time.Duration(minutes*float64(time.Minute)))
		}
	}
	return wait
}
