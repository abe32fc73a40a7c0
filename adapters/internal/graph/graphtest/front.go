// Package graphtest is what the fakes of Facebook and Instagram share: the front
// of a Graph API with its credentials, error envelopes and lists, and a wall that
// remembers posts.
//
// It knows neither kind of post: which calls there are, and what they refuse, is
// each fake's own. It shares no code with package graph, whose calls it judges.
package graphtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Version is the version of the Graph API that the fakes behave like.
const Version = "v25.0"

// maxBody bounds the body of a call.
const maxBody = 1 << 20

// A Front checks what every call to the Graph API must bear. Its fields are set
// before it is used and not changed after.
type Front struct {
	Version   string           // the one version that is alive: "v25.0"
	Account   string           // number of the account that Token acts for
	Token     string           // the one access token that is valid
	AppID     string           // number of the app that Token belongs to
	AppSecret string           // of the app
	Scopes    []string         // permissions of Token
	Now       func() time.Time // the platform's clock

	calls     atomic.Int64
	condition atomic.Pointer[string] // nil for good
}

// The conditions in which an account can be, by the names that the fakes give them.
const (
	Revoked       = "revoked"
	Rightless     = "rightless"
	Stranger      = "stranger"
	Ending        = "ending"
	ConsentEnding = "consent-ending"
	Spent         = "spent"
	NoPictures    = "no-pictures"
)

// SetCondition puts the account into a condition; any other name is a good one.
func (f *Front) SetCondition(c string) { f.condition.Store(&c) }

// Is reports whether the account is in a condition.
func (f *Front) Is(c string) bool {
	now := f.condition.Load()
	return now != nil && *now == c
}

// scopes returns the permissions that the token has now: without those to publish where they
// were taken away.
func (f *Front) scopes() []string {
	if !f.Is(Rightless) {
		return f.Scopes
	}
	return slices.DeleteFunc(slices.Clone(f.Scopes), func(s string) bool { return strings.Contains(s, "manage_posts") || strings.Contains(s, "publish") })
}

// A Request says what a call that passed the front is about.
type Request struct {
	Object string // "1234"
	Edge   string // of the object: "feed"; "" for the object itself
}

// Open checks r as the platform does before it looks at what is asked. It reports
// false after it has answered by itself, with a refusal or with what it knows of
// a token.
func (f *Front) Open(w http.ResponseWriter, r *http.Request) (Request, bool) {
	f.headers(w)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseMultipartForm(maxBody); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		Refuse(w, Invalid("the body is not a form"))
		return Request{}, false
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case path[0] != f.Version && strings.HasPrefix(path[0], "v"):
		Refuse(w, Refusal{Code: 2635, Message: "(#2635) You are calling a deprecated version of the API. Please update to " + f.Version})
		return Request{}, false
	case path[0] != f.Version || len(path) < 2:
		Refuse(w, Unknown(r))
		return Request{}, false
	}
	req := Request{Object: path[1]}
	token := accessToken(r)
	if req.Object == "debug_token" {
		f.debugToken(w, r, token)
		return Request{}, false
	}
	if refusal := f.check(token, r.Form.Get("appsecret_proof")); refusal.Code != 0 {
		Refuse(w, refusal)
		return Request{}, false
	}
	if len(path) > 3 {
		Refuse(w, Unknown(r))
		return Request{}, false
	}
	if len(path) == 3 {
		req.Edge = path[2]
	}
	return req, true
}

// headers sets what every answer bears.
func (f *Front) headers(w http.ResponseWriter) {
	w.Header().Set("Date", f.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("X-Fb-Trace-Id", "T"+strconv.FormatInt(f.calls.Add(1), 10))
	used := 1
	if f.Is(Spent) {
		used = 95
	}
	w.Header().Set("X-App-Usage", fmt.Sprintf(`{"call_count":%d,"total_time":1,"total_cputime":1}`, used))
	w.Header().Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
}

func accessToken(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	return r.Form.Get("access_token")
}

// check returns why a call with these credentials is refused; the zero Refusal if
// it is not.
func (f *Front) check(token, given string) Refusal {
	switch {
	case token == "":
		return Refusal{Code: 104, Message: "An access token is required to request this resource."}
	case f.Is(Revoked) && token == f.Token:
		return Refusal{Code: 190, Subcode: 460, Message: "Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons."}
	case token != f.Token:
		return Refusal{Code: 190, Message: "Invalid OAuth access token - Cannot parse access token"}
	case given == "":
		return Refusal{Code: 100, Type: "GraphMethodException", Message: "API calls from the server require an appsecret_proof argument"}
	case given != proof(f.Token, f.AppSecret):
		return Refusal{Code: 100, Type: "GraphMethodException", Message: "Invalid appsecret_proof provided in the API argument"}
	}
	return Refusal{}
}

// proof returns the appsecret_proof that a call with token must bear ("Securing
// Graph API Requests" in the platform's manual).
func proof(token, appSecret string) string {
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// debugToken answers what is known of a token, to the app itself alone.
func (f *Front) debugToken(w http.ResponseWriter, r *http.Request, token string) {
	if f.AppID == "" || token != f.AppID+"|"+f.AppSecret {
		Refuse(w, Refusal{Code: 190, Message: "Invalid OAuth access token signature."})
		return
	}
	if f.Is(Revoked) && r.Form.Get("input_token") == f.Token {
		Respond(w, map[string]any{"data": map[string]any{
			"app_id": f.AppID, "is_valid": false, "scopes": []string{},
			"error": map[string]any{"code": 190, "subcode": 460, "message": "Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons."},
		}})
		return
	}
	if r.Form.Get("input_token") != f.Token {
		Respond(w, map[string]any{"data": map[string]any{
			"is_valid": false, "scopes": []string{},
			"error": map[string]any{"code": 190, "message": "Invalid OAuth access token."},
		}})
		return
	}
	scopes, account := f.scopes(), f.Account
	if f.Is(Stranger) {
		account = "999000111"
	}
	granular := make([]map[string]any, 0, len(scopes))
	for _, s := range scopes {
		granular = append(granular, map[string]any{"scope": s, "target_ids": []string{account}})
	}
	expires, dataAccess := int64(0), f.Now().Add(90*24*time.Hour) // 0 for never
	if f.Is(Ending) {
		expires = f.Now().Add(endsIn).Unix()
	}
	if f.Is(ConsentEnding) {
		dataAccess = f.Now().Add(endsIn)
	}
	Respond(w, map[string]any{"data": map[string]any{
		"app_id": f.AppID, "application": "Tocsin", "type": "PAGE", "is_valid": true,
		"expires_at":             expires,
		"data_access_expires_at": dataAccess.Unix(),
		"issued_at":              f.Now().Add(-24 * time.Hour).Unix(),
		"scopes":                 scopes, "granular_scopes": granular, "profile_id": account,
	}})
}

// endsIn is how far away the end of a token is that ends soon.
const endsIn = 3 * 24 * time.Hour

// Missing returns the first of scopes that the token lacks, "" if it has all.
func (f *Front) Missing(scopes ...string) string {
	for _, s := range scopes {
		if !slices.Contains(f.scopes(), s) {
			return s
		}
	}
	return ""
}

// A Refusal is an error of the platform, as it is answered.
type Refusal struct {
	Status    int // of HTTP; 0 for 400
	Code      int
	Subcode   int
	Type      string // "" for "OAuthException"
	Message   string
	Title     string // for the person who uses the app
	Text      string // likewise
	Transient bool
}

// Refuse answers e in the platform's envelope.
func Refuse(w http.ResponseWriter, e Refusal) {
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	if e.Type == "" {
		e.Type = "OAuthException"
	}
	body := map[string]any{
		"message": e.Message, "type": e.Type, "code": e.Code,
		"is_transient": e.Transient, "fbtrace_id": "A" + w.Header().Get("X-Fb-Trace-Id"),
	}
	if e.Subcode != 0 {
		body["error_subcode"] = e.Subcode
	}
	if e.Title != "" || e.Text != "" {
		body["error_user_title"], body["error_user_msg"] = e.Title, e.Text
	}
	if e.Type == "OAuthException" {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("OAuth \"Facebook Platform\" \"invalid_request\" %q", e.Message))
	}
	write(w, e.Status, map[string]any{"error": body})
}

// Respond answers v with status 200.
func Respond(w http.ResponseWriter, v any) { write(w, http.StatusOK, v) }

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that is gone is its own affair
}

// Invalid is the refusal of a parameter; why names it.
func Invalid(why string) Refusal {
	return Refusal{Code: 100, Message: "(#100) " + why}
}

// Absent is the refusal of a call on an object that is not there, or not for
// this token.
func Absent(method, id string) Refusal {
	return Refusal{
		Code: 100, Subcode: 33, Type: "GraphMethodException",
		Message: fmt.Sprintf("Unsupported %s request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation", strings.ToLower(method), id),
	}
}

// Unknown is the refusal of a call that the API does not have.
func Unknown(r *http.Request) Refusal {
	return Refusal{Code: 2500, Message: "Unknown path components: " + r.URL.Path}
}

// Expired is the refusal of a token whose time is over.
func Expired() Refusal {
	return Refusal{Code: 190, Subcode: 463, Message: "Error validating access token: Session has expired. The session is no longer valid."}
}

// Throttle sets the headers of an answer that asks to wait. The platform itself
// counts in whole minutes; of another wait the seconds go into Retry-After, as a
// front end before it says them.
func (f *Front) Throttle(w http.ResponseWriter, use string, wait time.Duration) {
	minutes := 0
	if wait%time.Minute == 0 {
		minutes = int(wait / time.Minute)
	} else {
		seconds := (wait + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	w.Header().Set("X-Business-Use-Case-Usage", fmt.Sprintf(
		`{%q:[{"type":%q,"call_count":100,"total_cputime":20,"total_time":20,"estimated_time_to_regain_access":%d}]}`, f.Account, use, minutes))
}
