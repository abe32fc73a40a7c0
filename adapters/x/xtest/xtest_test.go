package xtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dghubble/oauth1"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/x"
	"tocsin/adapters/x/xtest"
)

// A rig is a stand-in on the network, and a client that signs by a library which
// neither the stand-in nor our channel knows.
type rig struct {
	*xtest.Platform
	clock  *adapterstest.Clock
	url    string
	client *http.Client
}

func open(t testing.TB, c xtest.Config) rig {
	t.Helper()
	clock := &adapterstest.Clock{}
	c.Now = clock.Now
	p := xtest.New(c)
	r := rig{Platform: p, clock: clock, url: adapterstest.Serve(t, p).URL}
	a := p.Account("x-prova", r.url)
	r.client = oauth1.NewConfig(a.ConsumerKey, a.ConsumerSecret).Client(context.WithoutCancel(t.Context()), oauth1.NewToken(a.AccessToken, a.AccessSecret))
	return r
}

// A reply is what came back, decoded.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// get returns the value at a path of keys, or nil.
func (r reply) get(keys ...any) any {
	var v any = r.body
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

// call makes one signed call.
func (r rig) call(t *testing.T, method, path, body string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return read(t, r.client, req)
}

func read(t *testing.T, client *http.Client, req *http.Request) reply {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := reply{status: resp.StatusCode, header: resp.Header}
	if err := json.NewDecoder(resp.Body).Decode(&out.body); err != nil {
		t.Fatalf("%s %s: status %d: %v", req.Method, req.URL, resp.StatusCode, err)
	}
	return out
}

// post publishes text and returns the reply.
func (r rig) post(t *testing.T, text string) reply {
	t.Helper()
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		t.Fatal(err)
	}
	return r.call(t, http.MethodPost, "/2/tweets", string(body))
}

// must publishes text and returns the post's identifier.
func (r rig) must(t *testing.T, text string) string {
	t.Helper()
	got := r.post(t, text)
	id, _ := got.get("data", "id").(string)
	if got.status != http.StatusCreated || id == "" {
		t.Fatalf("create: status %d, %v", got.status, got.body)
	}
	return id
}

func TestCreate(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{})
	const text = "Acqua < 2 m & > 1 m: comune.it, https://allerte.example.it/SV-7F3K2"
	got := r.post(t, text)
	shown, _ := got.get("data", "text").(string)
	if got.status != 201 || !strings.HasPrefix(shown, "Acqua &lt; 2 m &amp; &gt; 1 m: https://t.co/") || strings.Contains(shown, "example") {
		t.Errorf("status %d, shown as %q", got.status, shown)
	}
	id, _ := got.get("data", "id").(string)
	if got.get("data", "edit_history_tweet_ids", 0) != id || got.get("data", "entities") != nil {
		t.Errorf("got %v, want the default fields alone", got.body)
	}
	for _, name := range []string{
		"x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset", "x-access-level", "x-transaction-id", "api-version",
		"x-app-limit-24hour-limit", "x-app-limit-24hour-remaining", "x-app-limit-24hour-reset",
	} {
		if got.header.Get(name) == "" {
			t.Errorf("header %s is missing", name)
		}
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if d := r.clock.Now().Sub(time.UnixMilli(n>>22 + 1288834974657)); err != nil || d < 0 || d > time.Minute {
		t.Errorf("the identifier %s is from %v ago", id, d)
	}
	live := r.Live()
	if len(live) != 1 || live[0].Text != text || live[0].ID != id || live[0].URL != "https://x.com/ProvinciaProva/status/"+id {
		t.Errorf("live: %+v", live)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, want string }{
		{"unknown_field", `{"text":"a","idempotency_key":"k"}`, "idempotency_key"},
		{"media_is_not_played", `{"text":"a","media":{"media_ids":["1"]}}`, "media"},
		{"no_text", `{}`, "text"},
		{"empty_text", `{"text":" \n"}`, "text"},
		{"text_that_is_a_number", `{"text":1}`, "text"},
		{"array", `[]`, "$"},
		{"null", `null`, "$"},
		{"no_json", `text=a`, "$"},
		{"two_objects", `{"text":"a"}{"text":"b"}`, "$"},
		{"forbidden_character", `{"text":"a\uffff"}`, "invalid"},
		{"too_long", `{"text":"` + strings.Repeat("a", 281) + `"}`, "too long"},
		{"too_long_by_a_link", `{"text":"` + strings.Repeat("a", 257) + ` a.it"}`, "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := open(t, xtest.Config{})
			got := r.call(t, http.MethodPost, "/2/tweets", tt.body)
			if text := fmt.Sprint(got.body); got.status != 400 || !strings.Contains(text, tt.want) {
				t.Errorf("status %d, %s; want 400 about %q", got.status, text, tt.want)
			}
			if n := len(r.Live()); n != 0 {
				t.Errorf("%d posts are public", n)
			}
		})
	}
}

func TestCreateTakesWhatFits(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{})
	r.must(t, strings.Repeat("a", 280))
	r.must(t, strings.Repeat("b", 256)+" https://example.it/"+strings.Repeat("lungo/", 40))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/2/tweets", strings.NewReader(`{"text":"c"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/plain")
	if got := read(t, r.client, req); got.status != 400 {
		t.Errorf("a body of another type: status %d", got.status)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{})
	id := r.must(t, "Perché")
	for _, text := range []string{"Perché", "Perche\u0301"} {
		if got := r.post(t, text); got.status != 403 || got.get("detail") != "You are not allowed to create a Tweet with duplicate content." {
			t.Errorf("%q: status %d, %v", text, got.status, got.body)
		}
	}
	if got := r.call(t, http.MethodDelete, "/2/tweets/"+id, ""); got.status != 200 || got.get("data", "deleted") != true {
		t.Errorf("delete: status %d, %v", got.status, got.body)
	}
	if got := r.call(t, http.MethodDelete, "/2/tweets/"+id, ""); got.get("errors", 0, "title") != "Not Found Error" {
		t.Errorf("delete again: %v", got.body)
	}
	r.must(t, "Perché")
	if n := len(r.Live()); n != 1 {
		t.Errorf("%d posts are public, want 1", n)
	}
}

// TestEqualTextsAreTaken: the account that X does not guard shows both.
func TestEqualTextsAreTaken(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{TakesEqualTexts: true})
	for range 2 {
		if got := r.post(t, "Piena del Letimbro"); got.status != http.StatusCreated {
			t.Fatalf("got %d %v, want 201", got.status, got.body)
		}
	}
	if n := len(r.Live()); n != 2 {
		t.Errorf("%d posts are public, want 2", n)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{})
	id := r.must(t, "È già <qui>: comune.it")
	all := "/2/tweets/" + id + "?tweet.fields=created_at,entities,author_id,referenced_tweets,note_tweet,attachments,edit_history_tweet_ids"
	got := r.call(t, http.MethodGet, all, "")
	entity, _ := got.get("data", "entities", "urls", 0).(map[string]any)
	shown, _ := got.get("data", "text").(string)
	start, _ := entity["start"].(float64)
	end, _ := entity["end"].(float64)
	if part := string([]rune(shown)[int(start):int(end)]); part != entity["url"] || len(part) != 23 || entity["expanded_url"] != "http://comune.it" {
		t.Errorf("entity %v of %q", entity, shown)
	}
	if got.get("data", "author_id") != "1730000000000000001" || got.get("data", "created_at") == nil {
		t.Errorf("got %v", got.body)
	}
	for _, path := range []string{"/2/tweets/1", "/2/tweets/9999999999999999999"} {
		got := r.call(t, http.MethodGet, path, "")
		if got.status != 200 || got.get("data") != nil || !strings.HasSuffix(got.get("errors", 0, "type").(string), "/resource-not-found") {
			t.Errorf("%s: status %d, %v", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/2/tweets/abc", "/2/tweets?ids=abc", "/2/tweets", all + ",likes", "/2/tweets/" + id + "?post.fields=entities", "/2/tweets/" + id + "?expansions=author_id"} {
		if got := r.call(t, http.MethodGet, path, ""); got.status != 400 || got.get("title") != "Invalid Request" {
			t.Errorf("%s: status %d, %v", path, got.status, got.body)
		}
	}
	got = r.call(t, http.MethodGet, "/2/tweets?ids=1,"+id, "")
	if got.get("data", 0, "id") != id || got.get("errors", 0, "value") != "1" {
		t.Errorf("several: %v", got.body)
	}
	if got := r.call(t, http.MethodGet, "/2/users/me", ""); got.get("data", "username") != "ProvinciaProva" || got.header.Get("x-access-level") != "read-write" {
		t.Errorf("me: %v", got.body)
	}
	if got := r.call(t, http.MethodGet, "/1.1/statuses/home_timeline.json", ""); got.status != 404 {
		t.Errorf("another call: status %d", got.status)
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{})
	var ids []string
	for i := range 12 {
		ids = append(ids, r.must(t, fmt.Sprintf("Messaggio %d", i)))
	}
	newest := slices.Clone(ids)
	slices.Reverse(newest)
	path := "/2/users/1730000000000000001/tweets"
	for _, tt := range []struct {
		name, query string
		want        []string
		more        bool
	}{
		{"ten_unless_told", "", newest[:10], true},
		{"all", "?max_results=100", newest, false},
		{"exactly_all", "?max_results=12", newest, false},
		{"since", "?max_results=100&since_id=" + ids[8], newest[:3], false},
		{"until", "?max_results=100&until_id=" + ids[2], newest[10:], false},
		{"from_a_time_on", "?max_results=100&start_time=2010-11-06T00:00:00Z&exclude=retweets,replies", newest, false},
		{"up_to_a_time", "?max_results=100&end_time=2010-11-06T00:00:00Z", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := r.call(t, http.MethodGet, path+tt.query, "")
			var found []string
			list, _ := got.get("data").([]any)
			for i := range list {
				found = append(found, got.get("data", i, "id").(string))
			}
			if !slices.Equal(found, tt.want) || got.get("meta", "result_count") != float64(len(tt.want)) || (got.get("meta", "next_token") != nil) != tt.more {
				t.Errorf("got %v, %v, want %v", found, got.get("meta"), tt.want)
			}
			if _, has := got.body["data"]; has != (len(tt.want) > 0) {
				t.Errorf("an empty timeline has data: %v", got.body)
			}
		})
	}
	t.Run("next_page", func(t *testing.T) {
		t.Parallel()
		token, _ := r.call(t, http.MethodGet, path+"?max_results=5", "").get("meta", "next_token").(string)
		got := r.call(t, http.MethodGet, path+"?max_results=5&pagination_token="+token, "")
		if got.get("data", 0, "id") != newest[5] || got.get("meta", "oldest_id") != newest[9] {
			t.Errorf("second page: %v", got.body)
		}
	})
	for _, query := range []string{"max_results=4", "max_results=101", "max_results=x", "since_id=x", "start_time=yesterday", "pagination_token=x", "exclude=likes", "since=1"} {
		if got := r.call(t, http.MethodGet, path+"?"+query, ""); got.status != 400 {
			t.Errorf("%s: status %d, want 400", query, got.status)
		}
	}
	if got := r.call(t, http.MethodGet, "/2/users/7/tweets", ""); got.get("errors", 0, "resource_type") != "user" {
		t.Errorf("another account: %v", got.body)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{PostsPerWindow: 2})
	r.must(t, "uno")
	if got := r.post(t, "due"); got.header.Get("x-rate-limit-remaining") != "0" {
		t.Errorf("remaining %q after the last, want 0", got.header.Get("x-rate-limit-remaining"))
	}
	got := r.post(t, "tre")
	reset, err := strconv.ParseInt(got.header.Get("x-rate-limit-reset"), 10, 64)
	if d := time.Unix(reset, 0).Sub(r.clock.Now()); got.status != 429 || err != nil || d < 14*time.Minute || d > 15*time.Minute+time.Second {
		t.Errorf("status %d, reset in %v", got.status, d)
	}
	if n := len(r.Live()); n != 2 {
		t.Errorf("%d posts are public, want 2", n)
	}
	// Later on, by the platform's clock: our own channel signs by it.
	ch, err := x.New(r.Account("x-prova", r.url))
	if err != nil {
		t.Fatal(err)
	}
	publish := func(after time.Duration) error {
		r.clock.Advance(after)
		_, err := ch.Publish(t.Context(), adapters.Post{Text: "uno"}, adapters.Attempt{N: 1})
		return err
	}
	if err := publish(16 * time.Minute); adapters.KindOf(err) != adapters.Duplicate || err == nil {
		t.Errorf("the same text in the next window: got %v, want duplicate", err)
	}
	if err := publish(45 * time.Minute); err != nil {
		t.Errorf("the same text after an hour: %v", err)
	}
}

func TestRecognises(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{})
	plain := func(header string) reply {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/2/tweets", strings.NewReader(`{"text":"a"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		return read(t, http.DefaultClient, req)
	}
	if got := plain(""); got.status != 401 || got.get("title") != "Unauthorized" {
		t.Errorf("nobody: status %d, %v", got.status, got.body)
	}
	if got := plain("Bearer abc"); got.status != 403 || !strings.HasSuffix(got.get("type").(string), "/unsupported-authentication") {
		t.Errorf("an app: status %d, %v", got.status, got.body)
	}
	for _, header := range []string{"OAuth", "OAuth x", `OAuth oauth_token="a", oauth_token="b"`} {
		if got := plain(header); got.status != 401 || got.get("errors", 0, "code") != float64(32) {
			t.Errorf("%s: status %d, %v", header, got.status, got.body)
		}
	}
	if n := len(r.Live()); n != 0 {
		t.Errorf("%d posts are public", n)
	}
}

// TestReplay sends one signed call twice.
func TestReplay(t *testing.T) {
	t.Parallel()
	p := xtest.New(xtest.Config{})
	a := p.Account("x-prova", "http://api.example")
	var header string
	client := oauth1.NewConfig(a.ConsumerKey, a.ConsumerSecret).Client(
		context.WithValue(context.WithoutCancel(t.Context()), oauth1.HTTPClient, &http.Client{Transport: caught(func(req *http.Request) {
			header = req.Header.Get("Authorization")
		})}), oauth1.NewToken(a.AccessToken, a.AccessSecret))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.example/2/users/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for i, want := range []int{200, 401} {
		again := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.example/2/users/me", nil)
		again.RequestURI = "/2/users/me"
		again.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, again)
		if w.Code != want {
			t.Errorf("call %d: status %d, want %d: %s", i+1, w.Code, want, w.Body)
		}
	}
}

// caught lets f see a request and answers it.
type caught func(*http.Request)

func (f caught) RoundTrip(req *http.Request) (*http.Response, error) {
	f(req)
	return &http.Response{StatusCode: 200, Body: http.NoBody, Request: req}, nil
}

func TestThrottleAsksForWholeSeconds(t *testing.T) {
	t.Parallel()
	r := open(t, xtest.Config{})
	r.Fail(adapterstest.Fault{Kind: adapterstest.Throttle, Wait: 1500 * time.Millisecond})
	before := r.clock.Now()
	got := r.post(t, "a")
	reset, err := strconv.ParseInt(got.header.Get("x-rate-limit-reset"), 10, 64)
	if d := time.Unix(reset, 0).Sub(before); got.status != 429 || err != nil || d < 1500*time.Millisecond || d > 5*time.Second {
		t.Errorf("status %d, reset in %v, want at least 1.5s", got.status, d)
	}
	if got := r.post(t, "a"); got.status != 201 {
		t.Errorf("after the fault: status %d", got.status)
	}
}

// FuzzRequest lets anybody say anything: without a signature nothing becomes public.
func FuzzRequest(f *testing.F) {
	for _, header := range []string{"", "Bearer a", `OAuth oauth_consumer_key="stand-in-consumer-key", oauth_nonce="%zz"`, `OAuth oauth_signature="", oauth_token=`} {
		f.Add("POST", "/2/tweets", header, `{"text":"a"}`)
		f.Add("GET", "/2/users/me?a=b&a=c", header, "")
		f.Add("DELETE", "/2/tweets/1", header, "")
	}
	f.Fuzz(func(t *testing.T, method, target, header, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://api.example", io.NopCloser(strings.NewReader(body)))
		if err != nil {
			t.Skip()
		}
		u, err := req.URL.Parse(target)
		if err != nil || u.Path == "" || u.Path[0] != '/' {
			t.Skip()
		}
		req.URL, req.RequestURI = u, u.RequestURI()
		req.Header.Set("Authorization", header)
		req.Header.Set("Content-Type", "application/json")
		p := xtest.New(xtest.Config{})
		w := httptest.NewRecorder()
		p.ServeHTTP(w, req)
		if w.Code < 300 || len(p.Live()) > 0 {
			t.Fatalf("%s %q by %q: status %d", method, target, header, w.Code)
		}
	})
}
