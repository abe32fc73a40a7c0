package x_test

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/x"
	"tocsin/adapters/x/xtest"
)

// noon is the time on the clock of every canned answer.
var noon = time.Date(2026, time.October, 3, 12, 0, 0, 0, time.UTC)

// account is the account that canned answers are about.
func account(baseURL string) x.Config {
	return x.Config{
		Name: "x-prova", BaseURL: baseURL, AllowPrivate: true,
		ConsumerKey: "the-consumer-key", ConsumerSecret: "the-consumer-secret",
		AccessToken: "the-access-token", AccessSecret: "the-access-secret",
		UserID: "42", Username: "ProvinciaProva",
		Now: func() time.Time { return noon },
	}
}

// serve returns a channel whose calls h answers.
func serve(t testing.TB, h http.HandlerFunc) *x.Channel {
	t.Helper()
	ch, err := x.New(account(adapterstest.Serve(t, h).URL))
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// An answer is what the platform is made to say.
type answer struct {
	status int
	header map[string]string
	body   string
}

func (a answer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Date", "Sat, 03 Oct 2026 12:00:00 UTC")
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// at returns noon and d later as a header has it.
func at(d time.Duration) string { return strconv.FormatInt(noon.Add(d).Unix(), 10) }

// TestFailures holds the classification to the table of X's errors.
func TestFailures(t *testing.T) {
	t.Parallel()
	type header = map[string]string
	const tooMany = `{"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429}`
	for _, tt := range []struct {
		name  string
		got   answer
		kind  adapters.Kind
		code  string
		after time.Duration
		look  adapters.Kind // the same answer to a read
	}{
		{
			name: "invalid_request",
			got:  answer{400, nil, `{"errors":[{"parameters":{"ids":["x"]},"message":"The ids are wrong"}],"title":"Invalid Request","detail":"One or more parameters to your request was invalid.","type":"https://api.twitter.com/2/problems/invalid-request"}`},
			kind: adapters.Permanent, code: "400/invalid-request",
		},
		{
			name: "too_long",
			got:  answer{400, nil, `{"detail":"Your Tweet text is too long. For more information on how Twitter determines text length see https://github.com/twitter/twitter-text.","title":"Bad Request","type":"about:blank","status":400}`},
			kind: adapters.Permanent, code: "400",
		},
		{
			name: "unauthorized",
			got:  answer{401, nil, `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`},
			kind: adapters.Auth, code: "401", look: adapters.Auth,
		},
		{
			name: "bad_signature",
			got:  answer{401, nil, `{"errors":[{"code":32,"message":"Could not authenticate you."}]}`},
			kind: adapters.Auth, code: "401/32", look: adapters.Auth,
		},
		{
			name: "expired_token",
			got:  answer{401, nil, `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`},
			kind: adapters.Auth, code: "401/89", look: adapters.Auth,
		},
		{
			name: "locked_account",
			got:  answer{403, nil, `{"errors":[{"code":326,"message":"To protect our users from spam and other malicious activity, this account is temporarily locked."}]}`},
			kind: adapters.Auth, code: "403/326", look: adapters.Auth,
		},
		{
			name: "unauthorized_by_a_front_end",
			got:  answer{401, nil, `<html>`},
			kind: adapters.Auth, code: "401", look: adapters.Auth,
		},
		{
			name: "no_credits_old",
			got:  answer{402, nil, `{"account_id":1,"title":"CreditsDepleted","detail":"Your enrolled account [1] does not have any credits to fulfill this request.","type":"https://api.twitter.com/2/problems/credits"}`},
			kind: adapters.Quota, code: "402/credits", look: adapters.Quota,
		},
		{
			name: "no_credits_since_july_2026",
			got:  answer{402, nil, `{"detail":"credits depleted","status":402,"title":"Payment Required","type":"https://api.x.com/2/problems/credits-depleted"}`},
			kind: adapters.Quota, code: "402/credits-depleted", look: adapters.Quota,
		},
		{
			name: "duplicate_tweet",
			got:  answer{403, nil, `{"detail":"You are not allowed to create a Tweet with duplicate content.","type":"about:blank","title":"Forbidden","status":403}`},
			kind: adapters.Duplicate, code: "403",
		},
		{
			name: "duplicate_post",
			got:  answer{403, nil, `{"detail":"You are not allowed to create a POST with Duplicate Content.","type":"about:blank","title":"Forbidden","status":403}`},
			kind: adapters.Duplicate, code: "403",
		},
		{
			name: "duplicate_v1",
			got:  answer{403, nil, `{"errors":[{"code":187,"message":"Status is a duplicate."}]}`},
			kind: adapters.Duplicate, code: "403/187",
		},
		{
			name: "reply_refused",
			got:  answer{403, nil, `{"detail":"Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author of the post you are replying to.","type":"about:blank","title":"Forbidden","status":403}`},
			kind: adapters.Permanent, code: "403",
		},
		{
			name: "app_without_permission",
			got:  answer{403, nil, `{"title":"Forbidden","status":403,"detail":"Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.","type":"https://api.twitter.com/2/problems/oauth1-permissions"}`},
			kind: adapters.Auth, code: "403/oauth1-permissions", look: adapters.Auth,
		},
		{
			name: "app_not_enrolled",
			got:  answer{403, header{"Content-Type": "application/problem+json"}, `{"title":"Client Forbidden","reason":"client-not-enrolled","type":"https://api.x.com/2/problems/client-forbidden"}`},
			kind: adapters.Auth, code: "403/client-forbidden", look: adapters.Auth,
		},
		{
			name: "app_only_token",
			got:  answer{403, nil, `{"title":"Unsupported Authentication","detail":"Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.","type":"https://api.twitter.com/2/problems/unsupported-authentication"}`},
			kind: adapters.Auth, code: "403/unsupported-authentication", look: adapters.Auth,
		},
		{
			name: "not_permitted",
			got:  answer{403, nil, `{"detail":"You are not permitted to perform this action.","type":"about:blank","title":"Forbidden","status":403}`},
			kind: adapters.Auth, code: "403", look: adapters.Auth,
		},
		{name: "forbidden_by_a_front_end", got: answer{403, nil, `<html>`}, kind: adapters.Unknown, code: "403"},
		{
			name: "rate_limit",
			got:  answer{429, header{"x-rate-limit-remaining": "0", "x-rate-limit-reset": at(437 * time.Second)}, tooMany},
			kind: adapters.NotSent, code: "429", after: 437 * time.Second,
		},
		{
			name: "rate_limit_v1",
			got:  answer{429, header{"x-rate-limit-reset": at(time.Minute)}, `{"errors":[{"code":88,"message":"Rate limit exceeded"}]}`},
			kind: adapters.NotSent, code: "429/88", after: time.Minute,
		},
		{
			name: "rate_limit_by_the_platforms_clock",
			got:  answer{429, header{"Date": "Sat, 03 Oct 2026 12:10:00 GMT", "x-rate-limit-reset": at(11 * time.Minute)}, tooMany},
			kind: adapters.NotSent, code: "429", after: time.Minute,
		},
		{
			name: "rate_limit_that_has_just_passed",
			got:  answer{429, header{"x-rate-limit-reset": at(-time.Minute)}, tooMany},
			kind: adapters.NotSent, code: "429", after: time.Second,
		},
		{
			name: "rate_limit_far_in_the_future",
			got:  answer{429, header{"x-rate-limit-reset": "9223372036854775807"}, tooMany},
			kind: adapters.NotSent, code: "429", after: 24 * time.Hour,
		},
		{name: "rate_limit_without_a_word", got: answer{429, nil, `<html>`}, kind: adapters.NotSent, code: "429"},
		{
			name: "rate_limit_of_a_front_end",
			got:  answer{429, header{"Retry-After": "90"}, ``},
			kind: adapters.NotSent, code: "429", after: 90 * time.Second,
		},
		{
			name: "day_of_the_app_used_up",
			got:  answer{429, header{"x-rate-limit-remaining": "57", "x-rate-limit-reset": at(time.Minute), "x-app-limit-24hour-remaining": "0", "x-app-limit-24hour-reset": at(5 * time.Hour), "x-user-limit-24hour-remaining": "3", "x-user-limit-24hour-reset": at(9 * time.Hour)}, tooMany},
			kind: adapters.Quota, code: "429", after: 5 * time.Hour, look: adapters.Quota,
		},
		{
			name: "day_of_the_user_used_up",
			got:  answer{429, header{"x-rate-limit-remaining": "0", "x-rate-limit-reset": at(time.Minute), "x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": at(9 * time.Hour)}, tooMany},
			kind: adapters.Quota, code: "429", after: 9 * time.Hour, look: adapters.Quota,
		},
		{
			name: "month_used_up",
			got:  answer{429, header{"x-rate-limit-reset": at(time.Minute)}, `{"account_id":1,"period":"Monthly","title":"UsageCapExceeded","detail":"Usage cap exceeded: Monthly product cap","type":"https://api.twitter.com/2/problems/usage-capped"}`},
			kind: adapters.Quota, code: "429/usage-capped", look: adapters.Quota,
		},
		{name: "server_error", got: answer{500, nil, `{"title":"Internal Server Error","detail":"Something is broken","type":"about:blank","status":500}`}, kind: adapters.Unknown, code: "500"},
		{name: "bad_gateway", got: answer{502, nil, `<html><title>502</title>`}, kind: adapters.Unknown, code: "502"},
		{name: "over_capacity", got: answer{503, nil, `{"errors":[{"code":130,"message":"Over capacity"}]}`}, kind: adapters.Unknown, code: "503/130"},
		{name: "gateway_timeout", got: answer{504, nil, ``}, kind: adapters.Unknown, code: "504"},
		{name: "wrong_address", got: answer{404, nil, `{"title":"Not Found","detail":"Not Found","type":"about:blank","status":404}`}, kind: adapters.Auth, code: "404", look: adapters.Auth},
		{name: "conflict", got: answer{409, nil, `{"title":"Conflict","detail":"Conflict"}`}, kind: adapters.Unknown, code: "409"},
		{name: "redirect", got: answer{302, header{"Location": "/elsewhere"}, ``}, kind: adapters.Unknown, code: "302"},
		{name: "ok_with_errors", got: answer{200, nil, `{"errors":[{"title":"Odd","detail":"Odd","type":"about:blank"}]}`}, kind: adapters.Unknown, code: "200"},
		{name: "created_without_an_id", got: answer{201, nil, `{"data":{"text":"x"}}`}, kind: adapters.Unknown, code: "201"},
		{name: "created_with_an_odd_id", got: answer{201, nil, `{"data":{"id":"../../etc"}}`}, kind: adapters.Unknown, code: "201"},
		{name: "code_that_is_a_text", got: answer{400, nil, `{"title":"Bad","detail":"Bad","type":"https://api.x.com/2/problems/` + strings.Repeat("so long ", 20) + `"}`}, kind: adapters.Permanent, code: "400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ch := serve(t, tt.got.ServeHTTP)
			_, err := ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			f, ok := errors.AsType[*adapters.Failure](err)
			if !ok {
				t.Fatalf("got %v, want a Failure", err)
			}
			if f.Kind != tt.kind || f.Code != tt.code || f.After != tt.after {
				t.Errorf("got %v, code %q, after %v; want %v, %q, %v: %v", f.Kind, f.Code, f.After, tt.kind, tt.code, tt.after, err)
			}
			if text := err.Error(); strings.Contains(text, "the-access") || len(text) > 600 {
				t.Errorf("the error holds a secret or is too long: %s", text)
			}
			_, err = ch.Find(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1, Since: noon})
			if f, ok = errors.AsType[*adapters.Failure](err); !ok || f.Kind != tt.look || f.After != tt.after {
				t.Errorf("find: got %v, want %v after %v", err, tt.look, tt.after)
			}
		})
	}
}

// TestPeopleAreTold looks for what to do in the errors that call a person.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		got  answer
		want string
	}{
		"credentials": {answer{401, nil, `{"title":"Unauthorized"}`}, "clock"},
		"credits":     {answer{402, nil, `{"title":"Payment Required"}`}, "buy credits"},
		"permission":  {answer{403, nil, `{"title":"Forbidden"}`}, "developer console"},
		"budget":      {answer{429, nil, `{"title":"UsageCapExceeded","period":"Monthly","type":"x/usage-capped"}`}, "monthly"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := serve(t, tt.got.ServeHTTP).Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a hint with %q", err, tt.want)
			}
		})
	}
}

// TestForbiddenCharacters catches a text that X would refuse after it was signed.
func TestForbiddenCharacters(t *testing.T) {
	t.Parallel()
	ch := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a call was made") })
	for _, c := range []string{"\ufffe", "\ufeff", "\uffff"} {
		p := adapterstest.Sample()
		p.Text += c
		if _, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1}); err == nil || adapters.KindOf(err) != adapters.Permanent {
			t.Errorf("%q: got %v, want permanent", c, err)
		}
	}
}

// TestImages catches an image that is left out in silence.
func TestImages(t *testing.T) {
	t.Parallel()
	ch := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a call was made") })
	p := adapterstest.Sample()
	p.Image = &adapters.Image{MediaType: "image/png", Data: []byte("png"), Alt: "Mappa"}
	if _, err := ch.Publish(t.Context(), p, adapters.Attempt{N: 1}); err == nil || adapters.KindOf(err) != adapters.Permanent {
		t.Errorf("got %v, want permanent", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*x.Config)
		want   string
	}{
		"no_name":               {func(c *x.Config) { c.Name = "" }, "name"},
		"no_consumer_key":       {func(c *x.Config) { c.ConsumerKey = "" }, "consumer_key"},
		"no_consumer_secret":    {func(c *x.Config) { c.ConsumerSecret = "" }, "consumer_secret"},
		"no_access_token":       {func(c *x.Config) { c.AccessToken = "" }, "access_token"},
		"newline_in_a_secret":   {func(c *x.Config) { c.AccessSecret += "\n" }, "access_secret"},
		"user_id_is_a_name":     {func(c *x.Config) { c.UserID = "ProvinciaProva" }, "user_id"},
		"username_with_an_at":   {func(c *x.Config) { c.Username = "@Provincia" }, "username"},
		"odd_fields_param":      {func(c *x.Config) { c.FieldsParam = "fields" }, "fields_param"},
		"negative_timeout":      {func(c *x.Config) { c.Timeout = -1 }, "timeout"},
		"no_address":            {func(c *x.Config) { c.BaseURL = "api.x.com" }, "base_url"},
		"address_with_a_secret": {func(c *x.Config) { c.BaseURL = "https://user:hush@api.x.com" }, "base_url"},
		"plain_http":            {func(c *x.Config) { c.BaseURL, c.AllowPrivate = "http://api.x.com", false }, "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := account("")
			tt.change(&c)
			_, err := x.New(c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want one about %s", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "the-")) {
				t.Errorf("a credential stands in %v", err)
			}
		})
	}
	if ch, err := x.New(account("")); err != nil || ch.Kind() != "x" || ch.Name() != "x-prova" {
		t.Errorf("a good configuration: %v", err)
	}
}

// FuzzAnswer hands the channel whatever a platform may say.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"data":{"id":"1346889436626259968","text":"a"}}`, `{"data":[{"id":"7","text":"&amp;"}],"meta":{"result_count":1,"next_token":"n"}}`,
		`{"errors":[{"resource_type":"tweet","type":"x/resource-not-found"}]}`, `{"meta":{"result_count":0}}`, `{"errors":[{"code":88,"message":"m"}]}`,
		`{"data":{"id":"9","text":"https://t.co/a","entities":{"urls":[{"start":0,"end":14,"url":"https://t.co/a","expanded_url":"http://a.it"}]},"edit_history_post_ids":["9","10"]}}`,
		`[]`, `null`, `{`, ``,
	} {
		f.Add(200, body)
		f.Add(403, body)
	}
	var now answer // one call at a time
	ch := serve(f, func(w http.ResponseWriter, r *http.Request) { now.ServeHTTP(w, r) })
	p := adapterstest.Sample()
	a := adapters.Attempt{N: 1, Since: noon}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			t.Skip()
		}
		now = answer{status: status, body: body}
		receipt, err := ch.Publish(t.Context(), p, a)
		if _, ok := errors.AsType[*adapters.Failure](err); err != nil && !ok {
			t.Fatalf("publish: %v is no Failure", err)
		}
		if err == nil && (status > 299 || receipt.ID == "" || strings.Trim(receipt.ID, "0123456789") != "") {
			t.Fatalf("published as %+v by status %d", receipt, status)
		}
		_, isFailure := errors.AsType[*adapters.Failure](ch.ReadBack(t.Context(), p, adapters.Receipt{ID: "9"}))
		if status > 299 && status != 404 && !isFailure {
			t.Fatalf("read-back took status %d for an answer about a post", status)
		}
		if _, err := ch.Find(t.Context(), p, a); errors.Is(err, adapters.ErrNotPublished) && (status != 200 || !strings.Contains(strings.ToLower(body), `meta"`) && !strings.Contains(body, `\u`)) {
			t.Fatalf("find took status %d, %q for an empty timeline", status, body)
		}
	})
}

// TestAClockThatIsOff has X refuse calls whose time is minutes from its own. The next
// call bears X's time, and so on when the clock is set meanwhile; but a refusal that
// has another cause, and a clock so wrong that lost posts could not be found, are a
// person's business.
func TestAClockThatIsOff(t *testing.T) {
	t.Parallel()
	const good = adapters.Kind(255)
	type call struct {
		move time.Duration // of X's clock, before the call
		want adapters.Kind
	}
	for name, tt := range map[string]struct {
		secret string // of the account, where it is wrong
		calls  []call
	}{
		"behind":                       {"", []call{{6 * time.Minute, adapters.NotSent}, {0, good}, {0, good}}},
		"ahead":                        {"", []call{{-9 * time.Minute, adapters.NotSent}, {0, good}}},
		"within_what_x_takes":          {"", []call{{4 * time.Minute, good}}},
		"set_right_meanwhile":          {"", []call{{6 * time.Minute, adapters.NotSent}, {0, good}, {-6 * time.Minute, adapters.NotSent}, {0, good}}},
		"too_far":                      {"", []call{{11 * time.Minute, adapters.Auth}, {0, adapters.Auth}}},
		"and_a_wrong_secret":           {"wrong", []call{{6 * time.Minute, adapters.NotSent}, {0, adapters.Auth}}},
		"a_wrong_secret_by_a_good_one": {"wrong", []call{{0, adapters.Auth}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &adapterstest.Clock{}
			platform := xtest.New(xtest.Config{Now: clock.Now})
			config := platform.Account("x-prova", adapterstest.Serve(t, platform).URL)
			config.Now = time.Now
			if tt.secret != "" {
				config.AccessSecret = tt.secret
			}
			ch, err := x.New(config)
			if err != nil {
				t.Fatal(err)
			}
			posts := 0
			for i, c := range tt.calls {
				clock.Advance(c.move)
				_, err := ch.Publish(t.Context(), adapters.Post{Text: "Prova " + strconv.Itoa(i)}, adapters.Attempt{N: 1, Since: time.Now()})
				if c.want == good {
					posts++
				}
				if (err == nil) != (c.want == good) || err != nil && adapters.KindOf(err) != c.want {
					t.Errorf("call %d: %v, want %v", i, err, c.want)
				}
			}
			if got := len(platform.Live()); got != posts {
				t.Errorf("%d posts are public, want %d", got, posts)
			}
		})
	}
}

// TestCallsBesideARefusedClock has calls under way while the first refusal comes: each
// is judged by the time that it bore itself.
func TestCallsBesideARefusedClock(t *testing.T) {
	t.Parallel()
	clock := &adapterstest.Clock{}
	clock.Advance(6 * time.Minute)
	platform := xtest.New(xtest.Config{Now: clock.Now})
	const calls = 4
	var together sync.WaitGroup
	together.Add(calls)
	var seen atomic.Int64
	config := platform.Account("x-prova", adapterstest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1) <= calls {
			together.Done()
			together.Wait()
		}
		platform.ServeHTTP(w, r)
	})).URL)
	config.Now = time.Now
	ch, err := x.New(config)
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, calls)
	for i := range calls {
		go func() {
			_, err := ch.Publish(t.Context(), adapters.Post{Text: "Prova " + strconv.Itoa(i)}, adapters.Attempt{N: 1, Since: time.Now()})
			errs <- err
		}()
	}
	for range calls {
		if err := <-errs; adapters.KindOf(err) != adapters.NotSent {
			t.Errorf("a call with the clock's own time: %v, want not_sent", err)
		}
	}
	if _, err := ch.Publish(t.Context(), adapters.Post{Text: "Prova"}, adapters.Attempt{N: 1, Since: time.Now()}); err != nil {
		t.Errorf("with X's time: %v", err)
	}
}
