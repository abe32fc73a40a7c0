package xtest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters/adapterstest"
)

// problems is where X's own types of errors live.
const problems = "https://api.twitter.com/2/problems/"

// A problem is an error in X's form.
type problem struct {
	Title        string              `json:"title,omitempty"`
	Detail       string              `json:"detail,omitempty"`
	Type         string              `json:"type,omitempty"`
	Status       int                 `json:"status,omitempty"`
	Errors       []problem           `json:"errors,omitempty"`
	Parameters   map[string][]string `json:"parameters,omitempty"`
	Message      string              `json:"message,omitempty"`
	Value        string              `json:"value,omitempty"`
	Parameter    string              `json:"parameter,omitempty"`
	ResourceID   string              `json:"resource_id,omitempty"`
	ResourceType string              `json:"resource_type,omitempty"`
	Code         int                 `json:"code,omitempty"`
}

// unauthorized returns what X says to a caller without a valid credential.
func unauthorized() problem {
	return problem{Title: "Unauthorized", Type: "about:blank", Status: http.StatusUnauthorized, Detail: "Unauthorized"}
}

// v1Error returns an error in the form of API v1.1.
func v1Error(code int, message string) problem {
	return problem{Errors: []problem{{Code: code, Message: message}}}
}

// notFound returns what stands in the list of errors for a thing that is absent.
func notFound(resource, parameter, id string) problem {
	return problem{
		Value:  id,
		Detail: "Could not find " + resource + " with " + parameter + ": [" + id + "].",
		Title:  "Not Found Error", ResourceType: resource, Parameter: parameter, ResourceID: id,
		Type: problems + "resource-not-found",
	}
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a caller that went away gets nothing
}

func refuse(w http.ResponseWriter, status int, title, detail, kind string) {
	write(w, status, problem{Title: title, Detail: detail, Type: kind, Status: status})
}

// invalid refuses a request for one of its parameters.
func invalid(w http.ResponseWriter, parameter, value, message string) {
	write(w, http.StatusBadRequest, problem{
		Errors: []problem{{Parameters: map[string][]string{parameter: {value}}, Message: message}},
		Title:  "Invalid Request",
		Detail: "One or more parameters to your request was invalid.",
		Type:   problems + "invalid-request",
	})
}

func tooMany(w http.ResponseWriter) {
	refuse(w, http.StatusTooManyRequests, "Too Many Requests", "Too Many Requests", "about:blank")
}

// The windows in which X counts calls.
const (
	shortWindow = 15 * time.Minute
	dayWindow   = 24 * time.Hour
)

// A window counts the calls of one endpoint.
type window struct {
	limit, used       int
	reset             time.Time
	dayLimit, dayUsed int
	dayReset          time.Time
}

// look returns the state of e's window.
func (p *Platform) look(e endpoint) window {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.window(e)
}

// count counts a call, and reports whether it is within e's limits.
func (p *Platform) count(e endpoint) (window, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	win := p.window(e)
	if win.used >= win.limit || win.dayLimit > 0 && win.dayUsed >= win.dayLimit {
		return *win, false
	}
	win.used++
	win.dayUsed++
	return *win, true
}

// window returns e's window, opened anew if it has ended. The caller holds mu.
func (p *Platform) window(e endpoint) *window {
	now := p.c.Now()
	win := p.windows[e.pattern]
	if win == nil {
		win = &window{limit: e.limit, dayLimit: e.dayLimit}
		p.windows[e.pattern] = win
	}
	if !now.Before(win.reset) {
		win.used, win.reset = 0, now.Add(shortWindow)
	}
	if !now.Before(win.dayReset) {
		win.dayUsed, win.dayReset = 0, now.Add(dayWindow)
	}
	return win
}

// answerHeaders sets what every answer of X bears.
func (p *Platform) answerHeaders(w http.ResponseWriter, win window) {
	h := w.Header()
	h.Set("Date", p.c.Now().UTC().Format(time.RFC1123)) // with "UTC", as X writes it
	h.Set("x-access-level", "read-write")
	if p.is(adapterstest.Rightless) {
		h.Set("x-access-level", "read")
	}
	h.Set("x-transaction-id", strings.ToLower(rand.Text()[:16]))
	h.Set("api-version", "2.166")
	if win.limit > 0 {
		setWindow(h, "x-rate-limit-", win.limit, win.used, win.reset)
	}
	if win.dayLimit > 0 {
		setWindow(h, "x-app-limit-24hour-", win.dayLimit, win.dayUsed, win.dayReset)
	}
}

func setWindow(h http.Header, prefix string, limit, used int, reset time.Time) {
	h.Set(prefix+"limit", strconv.Itoa(limit))
	h.Set(prefix+"remaining", strconv.Itoa(max(limit-used, 0)))
	h.Set(prefix+"reset", strconv.FormatInt(ceilSecond(reset), 10))
}

// ceilSecond returns t in Unix seconds, rounded up.
func ceilSecond(t time.Time) int64 {
	return t.Add(time.Second - time.Nanosecond).Unix()
}
