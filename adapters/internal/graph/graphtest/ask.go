package graphtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A Caller calls a platform as somebody who is no channel of ours: for the tests of
// the fakes.
type Caller struct {
	Token     string
	AppSecret string
}

// An Answer is a decoded answer of a platform.
type Answer map[string]any

// Text returns a field of the answer, "" if it is no text.
func (a Answer) Text(field string) string {
	s, _ := a[field].(string)
	return s
}

// Code returns code and subcode of an error envelope, "100/33", and "" for another
// answer.
func (a Answer) Code() string {
	e, ok := a["error"].(map[string]any)
	if !ok {
		return ""
	}
	if e["error_subcode"] == nil {
		return fmt.Sprintf("%.0f", e["code"])
	}
	return fmt.Sprintf("%.0f/%.0f", e["code"], e["error_subcode"])
}

// Ask makes a call with good credentials, unless params hold others. It fails the
// test where the answer is not JSON, or where its status does not go with it.
func (c Caller) Ask(t testing.TB, platform http.Handler, method, path string, params url.Values) Answer {
	t.Helper()
	all := url.Values{"access_token": {c.Token}, "appsecret_proof": {proof(c.Token, c.AppSecret)}}
	maps.Copy(all, params)
	r := httptest.NewRequestWithContext(t.Context(), method, path+"?"+all.Encode(), nil)
	if method == http.MethodPost {
		r = httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(all.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	platform.ServeHTTP(w, r)
	var a Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Errorf("%s %s: %v in %s", method, path, err, w.Body)
	}
	if (w.Code == http.StatusOK) != (a.Code() == "") {
		t.Errorf("%s %s: status %d with %v", method, path, w.Code, a)
	}
	return a
}
