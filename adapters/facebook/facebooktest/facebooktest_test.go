package facebooktest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/facebook/facebooktest"
	"tocsin/adapters/internal/graph"
	"tocsin/adapters/internal/graph/graphtest"
)

const (
	page   = "104857600000001"
	token  = "EAAtestpagetoken0001"
	secret = "0123456789abcdef0123456789abcdef"
)

// open returns a platform, which change may set up in another way.
func open(change func(*facebooktest.Config)) *facebooktest.Platform {
	c := facebooktest.Config{PageID: page, Token: token, AppID: "77", AppSecret: secret}
	if change != nil {
		change(&c)
	}
	return facebooktest.New(c)
}

// call makes a call with good credentials, unless params say others.
func call(t *testing.T, p *facebooktest.Platform, method, path string, params url.Values) graphtest.Answer {
	t.Helper()
	return graphtest.Caller{Token: token, AppSecret: secret}.Ask(t, p, method, path, params)
}

// say publishes text and returns its identifier.
func say(t *testing.T, p *facebooktest.Platform, text string) string {
	t.Helper()
	out := call(t, p, http.MethodPost, "/v25.0/"+page+"/feed", url.Values{"message": {text}})
	id, ok := out["id"].(string)
	if !ok {
		t.Fatalf("the platform did not take %.40q: %v", text, out)
	}
	return id
}

func TestPlatform_refuses(t *testing.T) {
	t.Parallel()
	const feed, post = "/v25.0/" + page + "/feed", http.MethodPost
	message := url.Values{"message": {"a"}}
	with := func(k, v string) url.Values { return url.Values{"message": {"a"}, k: {v}} }
	tests := map[string]struct {
		change       func(*facebooktest.Config)
		method, path string
		params       url.Values
		want         string
	}{
		"no_token":         {nil, post, feed, with("access_token", ""), "104"},
		"other_token":      {nil, post, feed, with("access_token", "EAAx"), "190"},
		"no_proof":         {nil, post, feed, with("appsecret_proof", ""), "100"},
		"other_proof":      {nil, post, feed, with("appsecret_proof", strings.Repeat("0", 64)), "100"},
		"upper_proof":      {nil, post, feed, with("appsecret_proof", strings.ToUpper(graph.Proof(token, secret))), "100"},
		"dead_version":     {nil, post, "/v2.0/" + page + "/feed", message, "2635"},
		"no_version":       {nil, post, "/" + page + "/feed", message, "2500"},
		"no_edge":          {nil, post, "/v25.0/" + page + "/nothing", message, "2500"},
		"too_deep":         {nil, post, feed + "/x", message, "2500"},
		"other_page":       {nil, post, "/v25.0/1/feed", message, "100/33"},
		"no_such_post":     {nil, http.MethodGet, "/v25.0/" + page + "_1", nil, "100/33"},
		"no_text":          {nil, post, feed, url.Values{"message": {""}}, "100"},
		"blank_text":       {nil, post, feed, url.Values{"message": {" \n"}}, "100"},
		"not_utf8":         {nil, post, feed, url.Values{"message": {"\xff"}}, "100"},
		"too_long":         {nil, post, feed, url.Values{"message": {strings.Repeat("è", 63207)}}, "100"},
		"no_right_to_post": {func(c *facebooktest.Config) { c.Scopes = []string{"pages_read_engagement"} }, post, feed, message, "200"},
		"no_right_to_read": {func(c *facebooktest.Config) { c.Scopes = []string{} }, http.MethodGet, "/v25.0/" + page + "/published_posts", nil, "10"},
		"no_such_field":    {nil, http.MethodGet, "/v25.0/" + page, url.Values{"fields": {"id,color"}}, "100"},
		"limit":            {nil, http.MethodGet, "/v25.0/" + page + "/published_posts", url.Values{"limit": {"101"}}, "100"},
		"since":            {nil, http.MethodGet, "/v25.0/" + page + "/published_posts", url.Values{"since": {"yesterday"}}, "100"},
		"cursor":           {nil, http.MethodGet, "/v25.0/" + page + "/published_posts", url.Values{"after": {"x"}}, "100"},
		"nobodys_page":     {func(c *facebooktest.Config) { c.PageID = "" }, post, "/v25.0//feed", message, "100/33"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(tt.change)
			out := call(t, p, tt.method, tt.path, tt.params)
			if got := out.Code(); got != tt.want {
				t.Errorf("got code %q, want %q: %v", got, tt.want, out)
			}
			if n := len(p.Live()); n != 0 {
				t.Errorf("the page has %d posts, want none", n)
			}
		})
	}
}

func TestPlatform_takes(t *testing.T) {
	t.Parallel()
	p := open(nil)
	longest := strings.Repeat("è", 63206)
	id := say(t, p, " "+longest+"\r\n")
	live := p.Live()
	if len(live) != 1 || live[0].ID != id || live[0].Text != longest || live[0].URL != "https://www.facebook.com/"+id {
		t.Fatalf("the page has %d posts, want the one text without its ends", len(live))
	}
	out := call(t, p, http.MethodGet, "/v25.0/"+id, url.Values{"fields": {"id,message,is_published,is_hidden,permalink_url"}})
	if out["id"] != id || out["message"] != longest || out["is_published"] != true || out["is_hidden"] != false || out["permalink_url"] != live[0].URL {
		t.Errorf("the post is read as %.200v", out)
	}
	if len(out) != 5 {
		t.Errorf("the answer has %d fields, want the 5 that were asked for", len(out))
	}
}

// TestPlatform_duplicates: the same text is refused after itself alone.
func TestPlatform_duplicates(t *testing.T) {
	t.Parallel()
	p := open(nil)
	first := say(t, p, "a")
	out := call(t, p, http.MethodPost, "/v25.0/"+page+"/feed", url.Values{"message": {"a "}})
	if got := out.Code(); got != "506" {
		t.Errorf("the same text again: got code %q, want 506", got)
	}
	say(t, p, "b")
	third := say(t, p, "a")
	if !p.Delete(third) || p.Delete(third) {
		t.Error("a post is deleted once")
	}
	out = call(t, p, http.MethodPost, "/v25.0/"+page+"/feed", url.Values{"message": {"b"}})
	if got := out.Code(); got != "506" {
		t.Errorf("the text of the latest post that is left: got code %q, want 506", got)
	}
	say(t, p, "a")
	if n := len(p.Live()); n != 3 || p.Live()[0].ID != first {
		t.Errorf("the page has %d posts, want 3 in their order", n)
	}
}

// TestPlatform_refused_write_meets_no_fault: scripts wait for a write that the
// platform would take.
func TestPlatform_refused_write_meets_no_fault(t *testing.T) {
	t.Parallel()
	p := open(nil)
	p.Fail(adapterstest.Fault{Kind: adapterstest.Credits})
	if out := call(t, p, http.MethodPost, "/v25.0/"+page+"/feed", nil); out.Code() != "100" {
		t.Fatalf("got %v, want code 100", out)
	}
	if out := call(t, p, http.MethodPost, "/v25.0/"+page+"/feed", url.Values{"message": {"a"}}); out.Code() != "368/1390008" {
		t.Errorf("got %v, want code 368/1390008", out)
	}
	say(t, p, "a")
}

func TestPlatform_lists(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	p := open(func(c *facebooktest.Config) { c.Now = func() time.Time { return now } })
	start := now
	var want []string
	for n := range 7 {
		want = append(want, say(t, p, fmt.Sprint("post ", n)))
		now = now.Add(time.Second)
	}
	slices.Reverse(want)
	var got []string
	params := url.Values{"limit": {"3"}, "since": {fmt.Sprint(start.Unix() + 1)}}
	for pages := 1; ; pages++ {
		out := call(t, p, http.MethodGet, "/v25.0/"+page+"/published_posts", params)
		data, ok := out["data"].([]any)
		if !ok || pages > 3 {
			t.Fatalf("page %d is %v", pages, out)
		}
		for _, d := range data {
			got = append(got, d.(map[string]any)["id"].(string))
		}
		paging := out["paging"].(map[string]any)
		next, more := paging["next"].(string)
		if !more {
			break
		}
		if !strings.Contains(next, "access_token="+token) {
			t.Errorf("next is %s, want it to bear the token as the platform's does", next)
		}
		params.Set("after", paging["cursors"].(map[string]any)["after"].(string))
	}
	if !slices.Equal(got, want[:6]) {
		t.Errorf("got %v, want %v: the newest first, from the second post on", got, want[:6])
	}
	if out := call(t, p, http.MethodGet, "/v25.0/"+page+"/published_posts", url.Values{"since": {fmt.Sprint(now.Unix())}}); len(out["data"].([]any)) != 0 {
		t.Errorf("got %v, want an empty list", out)
	}
}

// TestPlatform_hides: what somebody on the page takes away is not live.
func TestPlatform_hides(t *testing.T) {
	t.Parallel()
	p := open(nil)
	draft, hidden, kept := say(t, p, "draft"), say(t, p, "hidden"), say(t, p, "kept")
	if !p.Unpublish(draft) || !p.Hide(hidden) || !p.Edit(kept, "edited") || p.Edit("1_1", "x") {
		t.Fatal("posts are not changed as asked")
	}
	if live := p.Live(); len(live) != 1 || live[0].Text != "edited" {
		t.Errorf("live is %v, want the one edited post", live)
	}
	for id, want := range map[string][2]bool{draft: {false, false}, hidden: {true, true}} {
		out := call(t, p, http.MethodGet, "/v25.0/"+id, url.Values{"fields": {"is_published,is_hidden"}})
		if out["is_published"] != want[0] || out["is_hidden"] != want[1] {
			t.Errorf("%s is read as %v, want published %v and hidden %v", id, out, want[0], want[1])
		}
	}
}

func TestPlatform_debug_token(t *testing.T) {
	t.Parallel()
	p := open(nil)
	ask := func(app, input string) graphtest.Answer {
		out := call(t, p, http.MethodGet, "/v25.0/debug_token", url.Values{"access_token": {app}, "input_token": {input}})
		return out
	}
	if got := ask(token, token).Code(); got != "190" {
		t.Errorf("asked without the app's own token: got code %q, want 190", got)
	}
	data, ok := ask("77|"+secret, token)["data"].(map[string]any)
	if !ok || data["is_valid"] != true || data["profile_id"] != page || data["expires_at"] != 0.0 || len(data["scopes"].([]any)) != 3 {
		t.Errorf("a good token is read as %v", data)
	}
	data, ok = ask("77|"+secret, "EAAx")["data"].(map[string]any)
	if !ok || data["is_valid"] != false {
		t.Errorf("another token is read as %v", data)
	}
}

func TestPlatform_health(t *testing.T) {
	t.Parallel()
	out := call(t, open(nil), http.MethodGet, "/v25.0/"+page, url.Values{"fields": {"id,name,is_published"}})
	if out["id"] != page || out["name"] != "Tocsin" || out["is_published"] != true {
		t.Errorf("the page is read as %v", out)
	}
}
