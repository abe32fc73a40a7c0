package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

const (
	token  = "EAAtest.token|1"
	secret = "0123456789abcdef0123456789abcdef"
)

// serve returns a client of a platform that handle answers for.
func serve(t *testing.T, handle http.HandlerFunc) *graph.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	c, err := graph.New(graph.Config{BaseURL: server.URL + "/facebook/", Token: token, AppSecret: secret, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// answer returns a platform that answers body to everything.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := graph.Config{Token: token, AppSecret: secret}
	tests := map[string]struct {
		change func(*graph.Config)
		want   string // in the error; "" for none
	}{
		"defaults":           {func(*graph.Config) {}, ""},
		"path":               {func(c *graph.Config) { c.BaseURL = "https://sim.example/facebook" }, ""},
		"plain_but_private":  {func(c *graph.Config) { c.BaseURL, c.AllowPrivate = "http://127.0.0.1:1", true }, ""},
		"plain":              {func(c *graph.Config) { c.BaseURL = "http://graph.facebook.com" }, "base_url"},
		"other_scheme":       {func(c *graph.Config) { c.BaseURL, c.AllowPrivate = "ftp://graph.facebook.com", true }, "base_url"},
		"no_host":            {func(c *graph.Config) { c.BaseURL = "graph.facebook.com" }, "base_url"},
		"user":               {func(c *graph.Config) { c.BaseURL = "https://u:p@graph.facebook.com" }, "base_url"},
		"query":              {func(c *graph.Config) { c.BaseURL = "https://graph.facebook.com?a=b" }, "base_url"},
		"not_an_address":     {func(c *graph.Config) { c.BaseURL = "https://%zz" }, "base_url"},
		"version":            {func(c *graph.Config) { c.Version = "25" }, "version"},
		"version_climbs":     {func(c *graph.Config) { c.Version = "v25.0/../v1.0" }, "version"},
		"no_token":           {func(c *graph.Config) { c.Token = "" }, "token"},
		"token_with_newline": {func(c *graph.Config) { c.Token = "EAAsecret\n" }, "token"},
		"no_app_secret":      {func(c *graph.Config) { c.AppSecret = "" }, "app_secret"},
		"app_secret_quoted":  {func(c *graph.Config) { c.AppSecret = `"EAAsecret"` }, "app_secret"},
		"timeout":            {func(c *graph.Config) { c.Timeout = -1 }, "timeout"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			_, err := graph.New(c)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error about %s", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "EAAsecret"):
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

// TestProof uses test case 2 of RFC 4231.
func TestProof(t *testing.T) {
	t.Parallel()
	got := graph.Proof("what do ya want for nothing?", "Jefe")
	if want := "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIsID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct{ id, number bool }{
		"1":                     {true, true},
		"104857_122100":         {true, false},
		"":                      {},
		"_1":                    {},
		"1_":                    {},
		"1_2_3":                 {},
		"me":                    {},
		"1/../2":                {},
		"1?a":                   {},
		"1\n":                   {},
		"١":                     {}, // a digit, and not one of ours
		strings.Repeat("1", 64): {true, true},
		strings.Repeat("1", 65): {},
	} {
		if got := graph.IsID(id); got != want.id {
			t.Errorf("IsID(%q) is %v, want %v", id, got, want.id)
		}
		if got := graph.IsNumber(id); got != want.number {
			t.Errorf("IsNumber(%q) is %v, want %v", id, got, want.number)
		}
	}
}

// TestDo looks at a call as the platform sees it: the token in a header and
// nowhere else, the proof with the parameters.
func TestDo(t *testing.T) {
	t.Parallel()
	params := url.Values{"message": {"perché & <così>"}}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(strings.ToLower(method), func(t *testing.T) {
			t.Parallel()
			seen := make(chan *http.Request, 1)
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm() // what is missing of it is missed below
				seen <- r
				_, _ = io.WriteString(w, `{"id":"7"}`)
			})
			var out struct{ ID string }
			a, err := c.Do(t.Context(), graph.Call{Method: method, Path: "12/feed", Params: params}, &out)
			if err != nil || out.ID != "7" || string(c.Evidence(a.Body)) != `{"id":"7"}` {
				t.Fatalf("got %+v with evidence %s and error %v, want 7", out, a.Body, err)
			}
			r := <-seen
			if r.Method != method || r.URL.Path != "/facebook/v25.0/12/feed" {
				t.Errorf("got %s %s, want %s /facebook/v25.0/12/feed", r.Method, r.URL.Path, method)
			}
			if got := r.Header.Get("Authorization"); got != "Bearer "+token {
				t.Errorf("Authorization is %q", got)
			}
			if got := r.Form.Get("appsecret_proof"); got != graph.Proof(token, secret) {
				t.Errorf("appsecret_proof is %q, want the HMAC of the token", got)
			}
			if got := r.Form.Get("message"); got != params.Get("message") {
				t.Errorf("message is %q, want %q", got, params.Get("message"))
			}
			if post := method == http.MethodPost; post != (r.URL.RawQuery == "") || post != (r.PostForm.Get("message") != "") {
				t.Errorf("a %s has the query %q and the form %v", method, r.URL.RawQuery, r.PostForm)
			}
			if strings.Contains(r.URL.RawQuery, "access_token") || r.Form.Has("access_token") {
				t.Error("the token is a parameter: addresses are written into logs")
			}
		})
	}
	if params.Has("appsecret_proof") {
		t.Error("the caller's parameters were changed")
	}
}

// TestDo_answers draws what is neither success nor an error envelope.
func TestDo_answers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
	}{
		"html":             {502, "<html>"},
		"good_html":        {200, "<html>"},
		"empty":            {200, ""},
		"array":            {200, "[]"},
		"status_alone":     {500, "{}"},
		"id_with_failure":  {503, `{"id":"7"}`},
		"error_is_a_word":  {200, `{"error":"no","id":"7"}`},
		"error_is_empty":   {400, `{"error":{}}`},
		"error_is_null":    {200, `{"error":null,"id":"7"}`},
		"code_is_a_word":   {400, `{"error":{"code":"190"}}`},
		"redirected":       {302, ""},
		"cut":              {200, `{"id":"7`},
		"two_values":       {200, `{"id":"7"}{"id":"8"}`},
		"wrong_type_of_id": {200, `{"id":7}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, answer(tt.status, tt.body))
			var out struct{ ID string }
			_, err := c.Do(t.Context(), graph.Call{Method: http.MethodPost, Path: "12/feed"}, &out)
			if f, ok := errors.AsType[*adapters.Failure](err); !ok || f.Kind != adapters.Unknown {
				t.Errorf("got %v, want an Unknown failure", err)
			}
		})
	}
}

// TestDo_error reads all that the envelope says, without the secrets that it quotes.
func TestDo_error(t *testing.T) {
	t.Parallel()
	proof := graph.Proof(token, secret)
	c := serve(t, answer(403, fmt.Sprintf(`{"error":{"message":"no %s","type":"OAuthException","code":190,"error_subcode":463,
		"is_transient":true,"error_user_title":"Sorry %s","error_user_msg":"go %s","fbtrace_id":"A1"}}`, token, secret, proof)))
	_, err := c.Do(t.Context(), graph.Call{Method: http.MethodGet, Path: "12"}, new(struct{}))
	e, ok := errors.AsType[*graph.Error](err)
	if !ok {
		t.Fatalf("got %v, want it to wrap the platform's error", err)
	}
	want := graph.Error{
		Code: 190, Subcode: 463, Type: "OAuthException", Message: "no [redacted]",
		Detail: "Sorry [redacted] go [redacted]", Transient: true, Trace: "A1", Status: 403,
	}
	if *e != want {
		t.Errorf("got %+v, want %+v", *e, want)
	}
	if want := "auth: the access token has expired; make a new token and put it into the configuration: (#190/463) no [redacted]: Sorry [redacted] go [redacted] [trace A1]"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestDo_rules_of_the_call_come_first(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	c := serve(t, answer(400, `{"error":{"code":190,"message":"m"}}`))
	_, err := c.Do(t.Context(), graph.Call{Method: http.MethodGet, Path: "12", Rules: []graph.Rule{
		{Code: 190, Subcode: 1, Kind: adapters.Permanent},
		{Code: 100, To: 200, Kind: adapters.NotSent, After: time.Minute, Advice: "wait", Cause: cause},
	}}, new(struct{}))
	f, ok := errors.AsType[*adapters.Failure](err)
	if !ok || f.Kind != adapters.NotSent || f.After != time.Minute || f.Code != "190" || !errors.Is(err, cause) {
		t.Errorf("got %#v, want NotSent after a minute, with its cause", err)
	}
}

func TestDo_cancelled(t *testing.T) {
	t.Parallel()
	called := false
	c := serve(t, func(http.ResponseWriter, *http.Request) { called = true })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Do(ctx, graph.Call{Method: http.MethodPost, Path: "12/feed"}, new(struct{}))
	if got := adapters.KindOf(err); got != adapters.NotSent || called {
		t.Errorf("got %v and a call %v, want not_sent without one", err, called)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	const usage = `{"104":[{"type":"pages","call_count":95,"total_cputime":20,"total_time":20,"estimated_time_to_regain_access":%s}]}`
	for name, tt := range map[string]struct {
		retryAfter, usage string
		want              time.Duration
	}{
		"nothing":         {"", "", 0},
		"minutes":         {"", fmt.Sprintf(usage, "7"), 7 * time.Minute},
		"no_wait":         {"", fmt.Sprintf(usage, "0"), 0},
		"negative":        {"", fmt.Sprintf(usage, "-5"), 0},
		"absurd":          {"", fmt.Sprintf(usage, "1e300"), 24 * time.Hour},
		"part_of_one":     {"", fmt.Sprintf(usage, "0.5"), 30 * time.Second},
		"word":            {"", fmt.Sprintf(usage, `"7"`), 0},
		"front_end":       {"37", "", 37 * time.Second},
		"date":            {"Sun, 22 Nov 2026 10:01:00 GMT", "", time.Minute},
		"longer_of_both":  {"37", fmt.Sprintf(usage, "2"), 2 * time.Minute},
		"longer_of_both2": {"370", fmt.Sprintf(usage, "2"), 370 * time.Second},
		"longest_of_all":  {"", `{"1":[{"estimated_time_to_regain_access":1},{"estimated_time_to_regain_access":3}],"2":[{"estimated_time_to_regain_access":2}]}`, 3 * time.Minute},
		"not_json":        {"5", "{", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			h.Set("Retry-After", tt.retryAfter)
			h.Set("X-Business-Use-Case-Usage", tt.usage)
			if got := graph.Wait(h, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzParseError(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"(#32) Page request limit reached","type":"OAuthException","code":32,"error_subcode":1,"is_transient":false}}`))
	f.Add([]byte(`{"error":{}}`))
	f.Add([]byte(`{"error":null}`))
	f.Add([]byte(`{"id":"1_2"}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, found, err := graph.ParseError(body)
		if (e != nil) != (found && err == nil) {
			t.Fatalf("got %v, found %v, error %v: they contradict each other", e, found, err)
		}
		if e == nil {
			return
		}
		if e.Error() == "" || e.CodeString() == "" {
			t.Errorf("%+v has no words", e)
		}
		if e.Absent() && e.CodeString() != "100/33" {
			t.Errorf("%s counts as absent", e.CodeString())
		}
	})
}

func FuzzWait(f *testing.F) {
	f.Add("37", `{"1":[{"estimated_time_to_regain_access":7}]}`)
	f.Add("Sun, 22 Nov 2026 10:01:00 GMT", `{"1":[{"estimated_time_to_regain_access":-7}]}`)
	f.Add("-1", `{"1":[{"estimated_time_to_regain_access":1e308}]}`)
	f.Fuzz(func(t *testing.T, retryAfter, usage string) {
		h := http.Header{"Retry-After": {retryAfter}, "X-Business-Use-Case-Usage": {usage}}
		if got := graph.Wait(h, time.Unix(1790000000, 0)); got < 0 || got > 24*time.Hour {
			t.Errorf("the wait is %v, want 0 to 24 hours", got)
		}
	})
}
