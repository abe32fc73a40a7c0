package x_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/x"
	"tocsin/adapters/x/xtest"
)

// TestCheck has X say each thing that it may say of an account.
func TestCheck(t *testing.T) {
	t.Parallel()
	const me = `{"data":{"id":"1730000000000000001","username":"ProvinciaProva"}}`
	for name, c := range map[string]struct {
		status int
		body   string
		header map[string]string
		state  adapters.Readiness
		aspect adapters.Aspect
		says   string
	}{
		"good":              {200, me, nil, adapters.Ready, "", ""},
		"another_account":   {200, `{"data":{"id":"5","username":"ProvinciaProva"}}`, nil, adapters.Down, adapters.AspectAccount, "account 5"},
		"renamed":           {200, `{"data":{"id":"1730000000000000001","username":"Altro"}}`, nil, adapters.Degraded, adapters.AspectAccount, "@Altro"},
		"may_only_read":     {200, me, map[string]string{"x-access-level": "read"}, adapters.Down, adapters.AspectRights, "Read and write"},
		"eleven_posts_left": {200, me, map[string]string{"x-user-limit-24hour-remaining": "11"}, adapters.Degraded, adapters.AspectBudget, "24 hours"},
		"no_posts_left":     {200, me, map[string]string{"x-app-limit-24hour-remaining": "0"}, adapters.Down, adapters.AspectBudget, "24 hours"},
		"enough_posts_left": {200, me, map[string]string{"x-app-limit-24hour-remaining": "12"}, adapters.Ready, "", ""},
		"credits_old":       {402, `{"title":"CreditsDepleted","detail":"Your enrolled account does not have any credits to fulfill this request.","type":"https://api.twitter.com/2/problems/credits"}`, nil, adapters.Down, adapters.AspectBudget, "no credits left"},
		"revoked":           {401, `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`, nil, adapters.Down, adapters.AspectCredential, "credentials"},
		"suspended":         {403, `{"title":"Forbidden","detail":"You are not permitted to perform this action.","type":"about:blank","status":403}`, nil, adapters.Down, adapters.AspectCredential, "developer console"},
		"too_many_calls":    {429, `{"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429}`, map[string]string{"Retry-After": "60"}, adapters.Degraded, adapters.AspectReach, "asked again later"},
		"server_error":      {503, "<html>", nil, adapters.Down, adapters.AspectReach, "outage"},
		"nonsense":          {200, "<html>", nil, adapters.Down, adapters.AspectReach, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/2/users/me" {
					t.Errorf("it calls %s %s", r.Method, r.URL.Path)
				}
				for k, v := range c.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			ch, err := x.New(xtest.New(xtest.Config{}).Account("x-prova", server.URL))
			if err != nil {
				t.Fatal(err)
			}
			worst := adapters.Worst(ch.Check(t.Context()))
			if worst.State != c.state || c.state != adapters.Ready && worst.Aspect != c.aspect || !strings.Contains(worst.Reason+worst.Advice, c.says) {
				t.Errorf("got %+v, want %s by %s with %q", worst, c.state, c.aspect, c.says)
			}
		})
	}
}

// TestCheckWithAClockThatIsOff: the first call is refused for its time, the second one bears
// X's own.
func TestCheckWithAClockThatIsOff(t *testing.T) {
	t.Parallel()
	var ours adapterstest.Clock
	platform := xtest.New(xtest.Config{})
	account := platform.Account("x-prova", adapterstest.Serve(t, platform).URL)
	account.Now = ours.Now
	ours.Advance(-8 * time.Minute)
	ch, err := x.New(account)
	if err != nil {
		t.Fatal(err)
	}
	if worst := adapters.Worst(ch.Check(t.Context())); worst.State != adapters.Ready {
		t.Errorf("got %+v, want ready", worst)
	}
}
