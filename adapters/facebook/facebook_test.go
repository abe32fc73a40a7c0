package facebook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/facebook"
	"tocsin/adapters/facebook/facebooktest"
	"tocsin/adapters/internal/graph"
)

const (
	page   = "104857600000001"
	token  = "EAAtestpagetoken0001"
	secret = "0123456789abcdef0123456789abcdef"
)

// rig returns a channel on a platform, which change may set up in another way.
func rig(t *testing.T, change func(*facebooktest.Config)) (adapterstest.Rig, *facebooktest.Platform) {
	t.Helper()
	clock := new(adapterstest.Clock)
	c := facebooktest.Config{PageID: page, Token: token, AppID: "77", AppSecret: secret, Now: clock.Now}
	if change != nil {
		change(&c)
	}
	platform := facebooktest.New(c)
	server := adapterstest.Serve(t, platform)
	open := func() (adapters.Channel, error) { return facebook.New(config(server.URL)) }
	channel, err := facebook.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(channel.Close)
	post := adapterstest.Sample()
	post.Image = adapterstest.Picture(t, 40, 50)
	return adapterstest.Rig{
		Post: post, Channel: channel, Open: open, Platform: platform, Server: server, Clock: clock,
		Secrets: []string{token, secret, graph.Proof(token, secret), graph.Proof("77|"+secret, secret)},
	}, platform
}

func config(base string) facebook.Config {
	return facebook.Config{Name: "facebook-savona", BaseURL: base, PageID: page, Token: token, AppSecret: secret, AppID: "77", AllowPrivate: true}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig {
		t.Helper()
		r, _ := rig(t, nil)
		return r
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*facebook.Config)
		want   string // in the error; "" for none
	}{
		"complete":     {func(*facebook.Config) {}, ""},
		"no_name":      {func(c *facebook.Config) { c.Name = "" }, "name"},
		"no_page":      {func(c *facebook.Config) { c.PageID = "" }, "page_id"},
		"page_by_name": {func(c *facebook.Config) { c.PageID = "ProvinciaSavona" }, "page_id"},
		"post_as_page": {func(c *facebook.Config) { c.PageID = "1_2" }, "page_id"},
		"no_token":     {func(c *facebook.Config) { c.Token = "" }, "token"},
		"no_secret":    {func(c *facebook.Config) { c.AppSecret = "" }, "app_secret"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config("")
			tt.change(&c)
			ch, err := facebook.New(c)
			switch {
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error about %s", err, tt.want)
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want == "" && (ch.Name() != "facebook-savona" || ch.Kind() != "facebook"):
				t.Errorf("got %q of kind %q", ch.Name(), ch.Kind())
			}
		})
	}
}

// envelope returns the platform's error with the given code and subcode.
func envelope(code, subcode int, transient bool) string {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{ // of plain values: it can't fail
		"message": fmt.Sprintf("(#%d) test", code), "type": "OAuthException",
		"code": code, "error_subcode": subcode, "is_transient": transient,
	}})
	return string(body)
}

// TestPublish_errors is the table of the platform's errors. Each is answered
// under statuses that say something else, which must not matter.
func TestPublish_errors(t *testing.T) {
	t.Parallel()
	const (
		unknown   = adapters.Unknown
		notSent   = adapters.NotSent
		duplicate = adapters.Duplicate
		auth      = adapters.Auth
		permanent = adapters.Permanent
		quota     = adapters.Quota
	)
	tests := []struct {
		code, subcode int
		transient     bool
		want          adapters.Kind
		after         time.Duration
	}{
		{1, 0, false, unknown, 0}, {1, 99, true, unknown, 0}, {2, 0, true, unknown, 0}, {2, 0, false, unknown, 0},
		{4, 0, false, notSent, 5 * time.Minute}, {17, 0, false, notSent, 5 * time.Minute}, {32, 0, false, notSent, 5 * time.Minute},
		{613, 0, false, notSent, 5 * time.Minute}, {613, 1996, false, notSent, 5 * time.Minute}, {341, 0, false, notSent, 5 * time.Minute},
		{80001, 0, false, notSent, 5 * time.Minute}, {4, 0, true, notSent, 5 * time.Minute},
		{79999, 0, false, unknown, 0}, {80015, 0, false, unknown, 0},
		{368, 1390008, false, quota, time.Hour}, {368, 1404082, false, duplicate, 0}, {368, 4854002, false, auth, 0}, {368, 0, false, auth, 0},
		{506, 0, false, duplicate, 0},
		{102, 0, false, auth, 0}, {104, 0, false, auth, 0}, {190, 0, false, auth, 0},
		{190, 458, false, auth, 0}, {190, 459, false, auth, 0}, {190, 460, false, auth, 0}, {190, 463, false, auth, 0},
		{190, 464, false, auth, 0}, {190, 467, false, auth, 0}, {190, 492, false, auth, 0},
		{10, 0, false, auth, 0}, {200, 0, false, auth, 0}, {220, 0, false, auth, 0}, {299, 0, false, auth, 0},
		{199, 0, false, unknown, 0}, {300, 0, false, unknown, 0},
		{100, 33, false, auth, 0}, {100, 0, false, permanent, 0}, {100, 1349125, false, permanent, 0}, {100, 0, true, unknown, 0},
		{324, 0, false, permanent, 0}, {1609005, 0, false, permanent, 0},
		{803, 0, false, permanent, 0}, {2635, 0, false, permanent, 0}, {3, 0, false, permanent, 0},
		{0, 0, false, unknown, 0}, {-1, 0, false, unknown, 0}, {99999, 0, true, unknown, 0}, {99999, 0, false, unknown, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d_%d_%v", tt.code, tt.subcode, tt.transient), func(t *testing.T) {
			t.Parallel()
			r, _ := rig(t, nil)
			for _, status := range []int{200, 400, 403, 429, 500, 503} {
				r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, envelope(tt.code, tt.subcode, tt.transient))
				})
				_, err := r.Channel.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
				f, ok := errors.AsType[*adapters.Failure](err)
				if !ok {
					t.Fatalf("status %d: got %v, want a Failure", status, err)
				}
				code := fmt.Sprint(tt.code)
				if tt.subcode != 0 {
					code += "/" + fmt.Sprint(tt.subcode)
				}
				if f.Kind != tt.want || f.Code != code || f.After != tt.after {
					t.Errorf("status %d: got %v, code %q, after %v; want %v, %q, %v", status, f.Kind, f.Code, f.After, tt.want, code, tt.after)
				}
			}
		})
	}
}

// TestPublish_waits: what the platform says of the wait comes before what its
// manual says.
func TestPublish_waits(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{time.Minute, 3 * time.Minute, 2 * time.Hour, 37 * time.Second, time.Second} {
		t.Run(wait.String(), func(t *testing.T) {
			t.Parallel()
			r, platform := rig(t, nil)
			platform.Fail(adapterstest.Fault{Kind: adapterstest.Throttle, Wait: wait})
			_, err := r.Channel.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			f, ok := errors.AsType[*adapters.Failure](err)
			if !ok || f.Kind != adapters.NotSent || f.After != wait {
				t.Errorf("got %v (%+v), want not_sent after %v", err, f, wait)
			}
		})
	}
}

// TestPublish_form: the text and nothing else. The link would add a card that
// nobody signed.
func TestPublish_form(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, nil)
	seen := make(chan url.Values, 1)
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		platform.ServeHTTP(w, req)
		seen <- req.PostForm
	})
	p := adapterstest.Sample()
	if _, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1}); err != nil {
		t.Fatal(err)
	}
	form := <-seen
	if got := form.Get("message"); got != p.Text {
		t.Errorf("message is %q, want %q", got, p.Text)
	}
	for k := range form {
		if k != "message" && k != "appsecret_proof" {
			t.Errorf("the form has %s", k)
		}
	}
}

// TestPublish_nameless: a good answer that names no post leaves it in doubt.
func TestPublish_nameless(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"no_name": `{"ok":true}`, "empty": `{"id":""}`, "word": `{"id":"me"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := rig(t, nil)
			r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, body) })
			_, err := r.Channel.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			if f, ok := errors.AsType[*adapters.Failure](err); !ok || f.Kind != adapters.Unknown {
				t.Errorf("got %v, want unknown", err)
			}
		})
	}
}

func TestPublish_refuses_an_image(t *testing.T) {
	t.Parallel()
	r, platform := rig(t, nil)
	p := adapterstest.Sample()
	p.Image = &adapters.Image{MediaType: "image/jpeg", Data: []byte("x"), Alt: "x"}
	_, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1})
	if adapters.KindOf(err) != adapters.Permanent || err == nil || r.Server.Calls() != 0 || len(platform.Live()) != 0 {
		t.Errorf("got %v after %d calls, want permanent without a call", err, r.Server.Calls())
	}
}

// TestPublish_twice: the platform refuses what its page's latest post says already.
func TestPublish_twice(t *testing.T) {
	t.Parallel()
	r, platform := rig(t, nil)
	p := adapterstest.Sample()
	for _, want := range []string{"", "506"} {
		_, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1})
		f, _ := errors.AsType[*adapters.Failure](err)
		if want == "" && err != nil || want != "" && (f == nil || f.Kind != adapters.Duplicate || f.Code != want) {
			t.Fatalf("got %v, want code %q", err, want)
		}
	}
	if n := len(platform.Live()); n != 1 {
		t.Errorf("the page has %d posts, want 1", n)
	}
}

func TestPublish_configuration(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*facebooktest.Config)
		want   adapters.Kind
		words  string // in the error, for the person who repairs it
	}{
		"other_secret":  {func(c *facebooktest.Config) { c.AppSecret = "ffffffffffffffffffffffffffffffff" }, adapters.Auth, "app secret"},
		"other_token":   {func(c *facebooktest.Config) { c.Token = "EAAother" }, adapters.Auth, "access token is not valid"},
		"other_page":    {func(c *facebooktest.Config) { c.PageID = "1" }, adapters.Auth, "check its number"},
		"other_version": {func(c *facebooktest.Config) { c.Version = "v31.0" }, adapters.Permanent, "version"},
		"no_permission": {func(c *facebooktest.Config) { c.Scopes = []string{"pages_read_engagement"} }, adapters.Auth, "permission"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, platform := rig(t, tt.change)
			_, err := r.Channel.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			if err == nil || adapters.KindOf(err) != tt.want || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.words)
			}
			if n := len(platform.Live()); n != 0 {
				t.Errorf("the page has %d posts, want none", n)
			}
		})
	}
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	text := adapterstest.Sample().Text
	tests := map[string]struct {
		change  func(p *facebooktest.Platform, id string) bool
		want    error  // nil for none
		altered bool   // wants an AlteredError
		words   string // in the error
	}{
		"untouched": {func(*facebooktest.Platform, string) bool { return true }, nil, false, ""},
		"ends":      {func(p *facebooktest.Platform, id string) bool { return p.Edit(id, "\n"+text+" \n") }, nil, false, ""},
		"line_ends": {func(p *facebooktest.Platform, id string) bool {
			return p.Edit(id, strings.ReplaceAll(text, "\n", "\r\n"))
		}, nil, false, ""},
		"decomposed": {func(p *facebooktest.Platform, id string) bool {
			return p.Edit(id, strings.ReplaceAll(text, "é", "e\u0301"))
		}, nil, false, ""},
		"one_letter": {func(p *facebooktest.Platform, id string) bool {
			return p.Edit(id, strings.Replace(text, "ALTI", "alti", 1))
		}, nil, true, "another text"},
		"emptied":     {func(p *facebooktest.Platform, id string) bool { return p.Edit(id, "") }, nil, true, "another text"},
		"cut":         {func(p *facebooktest.Platform, id string) bool { return p.Edit(id, text[:20]) }, nil, true, "another text"},
		"hidden":      {func(p *facebooktest.Platform, id string) bool { return p.Hide(id) }, adapters.ErrNotPublished, false, "hides the post"},
		"unpublished": {func(p *facebooktest.Platform, id string) bool { return p.Unpublish(id) }, adapters.ErrNotPublished, false, "draft"},
		"deleted":     {func(p *facebooktest.Platform, id string) bool { return p.Delete(id) }, adapters.ErrNotPublished, false, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, platform := rig(t, nil)
			p := adapterstest.Sample()
			receipt, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1})
			if err != nil {
				t.Fatal(err)
			}
			if !tt.change(platform, receipt.ID) {
				t.Fatal("there is no such post to change")
			}
			err = r.Channel.ReadBack(t.Context(), p, receipt)
			_, altered := errors.AsType[*adapters.AlteredError](err)
			switch {
			case altered != tt.altered, tt.want != nil && !errors.Is(err, tt.want), tt.want == nil && !tt.altered && err != nil:
				t.Errorf("got %v, want %v, altered %v", err, tt.want, tt.altered)
			case err != nil && !strings.Contains(err.Error(), tt.words):
				t.Errorf("got %v, want %q in it", err, tt.words)
			}
		})
	}
}

// TestReadBack_undecided: what the platform does not say is not assumed.
func TestReadBack_undecided(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(adapterstest.Sample().Text)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"no_word_of_publication": fmt.Sprintf(`{"id":"1_2","message":%s}`, text),
		"no_identifier":          fmt.Sprintf(`{"is_published":true,"message":%s}`, text),
		"permission_lost":        envelope(10, 0, false),
		"other_parameter":        envelope(100, 0, false),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := rig(t, nil)
			r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, body) })
			err := r.Channel.ReadBack(t.Context(), adapterstest.Sample(), adapters.Receipt{ID: page + "_1"})
			if _, ok := errors.AsType[*adapters.Failure](err); !ok || errors.Is(err, adapters.ErrNotPublished) {
				t.Errorf("got %v, want a Failure", err)
			}
		})
	}
}

func TestReadBack_of_a_foreign_receipt(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, nil)
	for _, id := range []string{"", "me", "1/../../me", "1?fields=access_token"} {
		err := r.Channel.ReadBack(t.Context(), adapterstest.Sample(), adapters.Receipt{ID: id})
		if err == nil || adapters.KindOf(err) != adapters.Permanent {
			t.Errorf("%q: got %v, want permanent", id, err)
		}
	}
	if n := r.Server.Calls(); n != 0 {
		t.Errorf("%d calls were made, want none", n)
	}
}

// TestFind_among_many: the post is on the second page of the list.
func TestFind_among_many(t *testing.T) {
	t.Parallel()
	r, platform := rig(t, nil)
	p := adapterstest.Sample()
	platform.Fail(adapterstest.Fault{Kind: adapterstest.ApplyDrop})
	_, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1})
	if err := adapterstest.Failed(err, adapters.Unknown); err != nil {
		t.Fatal(err)
	}
	for n := range 130 {
		other := p
		other.Text = fmt.Sprintf("Post %d of another kind", n)
		if _, err := r.Channel.Publish(t.Context(), other, adapters.Attempt{N: 1}); err != nil {
			t.Fatal(err)
		}
	}
	finder, ok := r.Channel.(adapters.Finder)
	if !ok {
		t.Fatal("the channel is no Finder")
	}
	since := r.Clock.Now()
	got, err := finder.Find(t.Context(), p, adapters.Attempt{N: 1, Since: since})
	if err != nil || got.ID != platform.Live()[0].ID {
		t.Errorf("got %q and %v, want %q", got.ID, err, platform.Live()[0].ID)
	}
	// Ten minutes are allowed for the clocks, and not more.
	if _, err := finder.Find(t.Context(), p, adapters.Attempt{N: 1, Since: since.Add(adapters.ClockSkew + time.Minute)}); !errors.Is(err, adapters.ErrNotPublished) {
		t.Errorf("got %v, want nothing that is older than the first try", err)
	}
}

// TestFind_without_address: a post's number leads to it where the list does not.
func TestFind_without_address(t *testing.T) {
	t.Parallel()
	r, _ := rig(t, nil)
	text, err := json.Marshal(adapterstest.Sample().Text)
	if err != nil {
		t.Fatal(err)
	}
	r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = fmt.Fprintf(w, `{"data":[{"id":"1_2","message":%s,"created_time":"2026-10-03T02:58:00+0000"}]}`, text)
	})
	finder, ok := r.Channel.(adapters.Finder)
	if !ok {
		t.Fatal("the channel is no Finder")
	}
	got, err := finder.Find(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
	if err != nil || got.ID != "1_2" || got.URL != "https://www.facebook.com/1_2" {
		t.Errorf("got %+v and %v, want post 1_2 at its address", got, err)
	}
}

// TestFind_without_permission: a page that can't be read is not an empty page.
func TestFind_without_permission(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*facebooktest.Config){
		"no_scope":   func(c *facebooktest.Config) { c.Scopes = []string{"pages_manage_posts"} },
		"other_page": func(c *facebooktest.Config) { c.PageID = "1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := rig(t, change)
			finder, ok := r.Channel.(adapters.Finder)
			if !ok {
				t.Fatal("the channel is no Finder")
			}
			_, err := finder.Find(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1})
			if err == nil || errors.Is(err, adapters.ErrNotPublished) || adapters.KindOf(err) != adapters.Auth {
				t.Errorf("got %v, want auth", err)
			}
		})
	}
}
