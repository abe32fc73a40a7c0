package instagram_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/instagram"
	"tocsin/adapters/instagram/instagramtest"
	"tocsin/adapters/internal/graph"
)

const (
	user   = "17841400000000001"
	name   = "protezionecivile.savona"
	token  = "EAAtestigtoken0001"
	secret = "fedcba9876543210fedcba9876543210"
)

// post returns the kit's post with a picture.
func post(t *testing.T) adapters.Post {
	t.Helper()
	p := adapterstest.Sample()
	p.Image = adapterstest.Picture(t, 400, 400)
	return p
}

// rig returns a channel on a platform, which change may set up in another way.
func rig(t *testing.T, change func(*instagramtest.Config, *instagram.Config)) adapterstest.Rig {
	t.Helper()
	clock := new(adapterstest.Clock)
	fake := instagramtest.Config{UserID: user, Username: name, Token: token, AppID: "77", AppSecret: secret, Now: clock.Now, ReadyAfterPolls: 1}
	c := instagram.Config{
		Name: "instagram-savona", UserID: user, Username: name, Token: token, AppSecret: secret, AppID: "77", AllowPrivate: true,
		PollInterval: time.Millisecond, PollFor: 20 * time.Second, Now: clock.Now,
	}
	if change != nil {
		change(&fake, &c)
	}
	platform := instagramtest.New(fake)
	server := adapterstest.Serve(t, platform)
	c.BaseURL = server.URL
	open := func() (adapters.Channel, error) { return instagram.New(c) }
	channel, err := instagram.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(channel.Close)
	return adapterstest.Rig{
		Channel: channel, Open: open, Platform: platform, Server: server, Clock: clock, Post: post(t),
		Secrets: []string{token, secret, graph.Proof(token, secret), graph.Proof("77|"+secret, secret)},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adapterstest.Run(t, func(t *testing.T) adapterstest.Rig { return rig(t, nil) })
}

// fake returns the rig's platform as it is.
func fake(t *testing.T, r adapterstest.Rig) *instagramtest.Platform {
	t.Helper()
	p, ok := r.Platform.(*instagramtest.Platform)
	if !ok {
		t.Fatalf("the platform is a %T", r.Platform)
	}
	return p
}

// channel returns the rig's channel as it is.
func channel(t *testing.T, r adapterstest.Rig) *instagram.Channel {
	t.Helper()
	ch, ok := r.Channel.(*instagram.Channel)
	if !ok {
		t.Fatalf("the channel is a %T", r.Channel)
	}
	return ch
}

// prepare makes a container of the rig's post.
func prepare(t *testing.T, r adapterstest.Rig) string {
	t.Helper()
	prepared, err := channel(t, r).Prepare(t.Context(), r.Post)
	if err != nil {
		t.Fatal(err)
	}
	return prepared
}

// calls counts what a channel asks its platform.
type calls struct {
	states       atomic.Int32 // questions how a container is
	publications atomic.Int32 // POST /media_publish
}

// watch counts the calls of r's channel from here on. instead, where there is
// one, answers a question how a container is in the platform's place, or returns
// false to leave it to the platform; n counts these questions from 1.
func watch(r adapterstest.Rig, instead func(n int32, w http.ResponseWriter, req *http.Request) bool) *calls {
	c := new(calls)
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		switch {
		case req.Method == http.MethodGet && strings.HasPrefix(req.URL.Query().Get("fields"), "status_code"):
			if n := c.states.Add(1); instead != nil && instead(n, w, req) {
				return
			}
		case strings.HasSuffix(req.URL.Path, "/media_publish"):
			c.publications.Add(1)
		}
		platform.ServeHTTP(w, req)
	})
	return c
}

// made reports how the calls differ from what was wanted; "" for not at all.
func (c *calls) made(states, publications int32) string {
	if s, p := c.states.Load(), c.publications.Load(); s != states || p != publications {
		return fmt.Sprintf("the container was asked %d times and published %d times, want %d and %d", s, p, states, publications)
	}
	return ""
}

// number returns the number of the container with the name.
func number(prepared string) string {
	container, _, _ := strings.Cut(prepared, ".")
	container, _, _ = strings.Cut(container, "-") // when it was made
	return container
}

// prepareUnasked makes a container of the rig's post that was never asked how it is.
func prepareUnasked(t *testing.T, r adapterstest.Rig) string {
	t.Helper()
	watch(r, func(_ int32, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	defer r.Server.Between(nil)
	return prepare(t, r)
}

// failure returns err's Failure.
func failure(t *testing.T, err error) *adapters.Failure {
	t.Helper()
	f, ok := errors.AsType[*adapters.Failure](err)
	if !ok {
		t.Fatalf("got %v, want a Failure", err)
	}
	return f
}

func TestNew(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*instagram.Config)
		want   string // in the error; "" for none
	}{
		"complete":         {func(*instagram.Config) {}, ""},
		"no_name":          {func(c *instagram.Config) { c.Name = "" }, "name"},
		"user_by_name":     {func(c *instagram.Config) { c.UserID = "savona" }, "user_id"},
		"no_username":      {func(c *instagram.Config) { c.Username = "" }, "username"},
		"username_with_at": {func(c *instagram.Config) { c.Username = "@savona" }, "username"},
		"username_climbs":  {func(c *instagram.Config) { c.Username = "a/b" }, "username"},
		"interval":         {func(c *instagram.Config) { c.PollInterval = -1 }, "poll_interval"},
		"poll_for":         {func(c *instagram.Config) { c.PollFor = -1 }, "poll_for"},
		"no_token":         {func(c *instagram.Config) { c.Token = "" }, "token"},
		"no_secret":        {func(c *instagram.Config) { c.AppSecret = "" }, "app_secret"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := instagram.Config{Name: "instagram-savona", UserID: user, Username: "savona", Token: token, AppSecret: secret}
			tt.change(&c)
			ch, err := instagram.New(c)
			switch {
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error about %s", err, tt.want)
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want == "" && (ch.Name() != "instagram-savona" || ch.Kind() != "instagram"):
				t.Errorf("got %q of kind %q", ch.Name(), ch.Kind())
			}
		})
	}
}

// TestCheck: what the platform would refuse is refused without a call.
func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*adapters.Post)
		want   string // in the error; "" for none
	}{
		"good":           {func(*adapters.Post) {}, ""},
		"five_hashtags":  {func(p *adapters.Post) { p.Text += " #a #b #c #d #e" }, ""},
		"six_hashtags":   {func(p *adapters.Post) { p.Text += " #a #b #c #d #e #f" }, "hashtags"},
		"many_mentions":  {func(p *adapters.Post) { p.Text += strings.Repeat(" @a", 18) }, ""},
		"more_mentions":  {func(p *adapters.Post) { p.Text += strings.Repeat(" @a", 19) }, "mentions"},
		"no_image":       {func(p *adapters.Post) { p.Image = nil }, "no image"},
		"png":            {func(p *adapters.Post) { p.Image.MediaType = "image/png" }, "image/png"},
		"heavy":          {func(p *adapters.Post) { p.Image.Data = make([]byte, 8_000_001) }, "bytes"},
		"no_address":     {func(p *adapters.Post) { p.Image.URL = "" }, "address"},
		"accent_in_it":   {func(p *adapters.Post) { p.Image.URL += "?perché" }, "address"},
		"alt_at_limit":   {func(p *adapters.Post) { p.Image.Alt = strings.Repeat("è", 1000) }, ""},
		"alt_over_limit": {func(p *adapters.Post) { p.Image.Alt = strings.Repeat("è", 1001) }, "alternative text"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			tt.change(&r.Post)
			_, err := channel(t, r).Prepare(t.Context(), r.Post)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			_, again := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: "1"})
			for _, err := range []error{err, again} {
				if err == nil || adapters.KindOf(err) != adapters.Permanent || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want permanent with %q", err, tt.want)
				}
			}
			if n := r.Server.Calls(); n != 0 {
				t.Errorf("%d calls were made, want none", n)
			}
		})
	}
}

// envelope returns the platform's error with the given code and subcode.
func envelope(code, subcode int) string {
	return fmt.Sprintf(`{"error":{"message":"test","type":"OAuthException","code":%d,"error_subcode":%d,"is_transient":false}}`, code, subcode)
}

// TestErrors is the table of the platform's errors, at either step: at the first
// nothing can be public, at the second some errors came with a post.
func TestErrors(t *testing.T) {
	t.Parallel()
	const (
		unknown   = adapters.Unknown
		notSent   = adapters.NotSent
		auth      = adapters.Auth
		permanent = adapters.Permanent
		quota     = adapters.Quota
	)
	tests := []struct {
		code, subcode int
		media         adapters.Kind // at POST /media
		publish       adapters.Kind // at POST /media_publish
		dead          bool          // at POST /media_publish: prepare anew
	}{
		{-2, 2207003, notSent, notSent, true},
		{9004, 2207052, notSent, notSent, true},
		{-2, 2207020, notSent, notSent, true},
		{-1, 2207032, notSent, notSent, true},
		{-1, 2207053, notSent, notSent, true},
		{-1, 2207001, notSent, unknown, false},
		{-1, 0, notSent, unknown, false},
		{-2, 0, notSent, unknown, false},
		{9007, 2207027, notSent, notSent, false},
		{24, 2207006, notSent, notSent, true},
		{24, 2207008, notSent, notSent, false},
		{4, 2207051, notSent, unknown, false},
		{4, 0, notSent, notSent, false},
		{80002, 0, notSent, notSent, false},
		{9, 2207042, quota, quota, false},
		{25, 2207050, auth, auth, false},
		{36000, 2207004, notSent, permanent, false},
		{36001, 2207005, notSent, permanent, false},
		{36003, 2207009, notSent, permanent, false},
		{36004, 2207010, permanent, permanent, false},
		{100, 2207023, permanent, permanent, false},
		{100, 2207028, permanent, permanent, false},
		{100, 2207040, permanent, permanent, false},
		{190, 463, auth, auth, false},
		{190, 0, auth, auth, false},
		{10, 0, auth, auth, false},
		{200, 0, auth, auth, false},
		{1, 0, notSent, unknown, false},
		{2, 0, notSent, unknown, false},
		{99999, 0, notSent, unknown, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d_%d", tt.code, tt.subcode), func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			prepared := prepare(t, r)
			for _, status := range []int{400, 200, 500} {
				r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
					if req.Method == http.MethodGet {
						platform.ServeHTTP(w, req)
						return
					}
					w.WriteHeader(status)
					_, _ = io.WriteString(w, envelope(tt.code, tt.subcode))
				})
				_, err := channel(t, r).Prepare(t.Context(), r.Post)
				if f := failure(t, err); f.Kind != tt.media || errors.Is(err, adapters.ErrPreparedDead) {
					t.Errorf("media, status %d: got %v, want %v", status, err, tt.media)
				}
				_, err = r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepared})
				if f := failure(t, err); f.Kind != tt.publish || errors.Is(err, adapters.ErrPreparedDead) != tt.dead {
					t.Errorf("media_publish, status %d: got %v, want %v, dead %v", status, err, tt.publish, tt.dead)
				}
			}
		})
	}
}

// TestPublish_nameless: a good answer that names nothing leaves the post in doubt,
// and the container not.
func TestPublish_nameless(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"no_name": `{"ok":true}`, "empty": `{"id":""}`, "word": `{"id":"me"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			prepared := prepare(t, r)
			r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
				if req.Method == http.MethodGet {
					platform.ServeHTTP(w, req)
					return
				}
				_, _ = io.WriteString(w, body)
			})
			_, err := channel(t, r).Prepare(t.Context(), r.Post)
			if f := failure(t, err); f.Kind != adapters.NotSent {
				t.Errorf("media: got %v, want not_sent", err)
			}
			_, err = r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepared})
			if f := failure(t, err); f.Kind != adapters.Unknown {
				t.Errorf("media_publish: got %v, want unknown", err)
			}
		})
	}
}

// TestErrors_patience: a container that the platform does not have at hand is
// tried again before it is given up.
func TestErrors_patience(t *testing.T) {
	t.Parallel()
	r := rig(t, nil)
	prepared := prepare(t, r)
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		if req.Method == http.MethodGet {
			platform.ServeHTTP(w, req)
			return
		}
		_, _ = io.WriteString(w, envelope(24, 2207008))
	})
	for n, dead := range map[int]bool{1: false, 2: false, 3: true, 4: true} {
		_, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: n, Prepared: prepared})
		f := failure(t, err)
		if errors.Is(err, adapters.ErrPreparedDead) != dead || f.Kind != adapters.NotSent || (f.After == 0) != dead {
			t.Errorf("attempt %d: got %v after %v, want dead %v", n, err, f.After, dead)
		}
	}
}

// TestAContainerThatIsStuckIsGivenUp has the platform work on a container for ever: a later attempt
// waits for it until it is five minutes old, and then asks for a new one.
func TestAContainerThatIsStuckIsGivenUp(t *testing.T) {
	t.Parallel()
	r := rig(t, func(f *instagramtest.Config, c *instagram.Config) {
		f.ReadyAfter, c.PollFor = time.Hour, time.Millisecond
	})
	prepared := prepare(t, r)
	for _, c := range []struct {
		age  time.Duration // more than before
		code string
		dead bool
	}{{4*time.Minute + 58*time.Second, "container_in_progress", false}, {2 * time.Second, "container_stuck", true}} {
		r.Clock.Advance(c.age)
		_, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 2, Prepared: prepared})
		if f := failure(t, err); f.Kind != adapters.NotSent || f.Code != c.code || errors.Is(err, adapters.ErrPreparedDead) != c.dead {
			t.Errorf("%v later: %v %s (%v), want %s", c.age, f.Kind, f.Code, err, c.code)
		}
	}
}

// TestPublish_container draws every state in which Publish can meet its container
// that keeps it from being published. A first attempt hears of it from the
// publication itself, a later one asks before.
func TestPublish_container(t *testing.T) {
	t.Parallel()
	impatient := func(f *instagramtest.Config, c *instagram.Config) { f.ReadyAfterPolls, c.PollFor = 0, time.Millisecond }
	tests := map[string]struct {
		setUp  func(*instagramtest.Config, *instagram.Config)
		before func(t *testing.T, r adapterstest.Rig, prepared string) string
		first  string // the code at a first attempt
		later  string // the code at a later one
		dead   bool
	}{
		"in_progress": {
			func(f *instagramtest.Config, c *instagram.Config) {
				f.ReadyAfter, c.PollFor = time.Hour, time.Millisecond
			},
			nil, "9007/2207027", "container_in_progress", false,
		},
		"expired": {nil, func(_ *testing.T, r adapterstest.Rig, prepared string) string {
			r.Clock.Advance(24 * time.Hour)
			return prepared
		}, "-2/2207020", "container_expired", true},
		"broken": {nil, func(t *testing.T, r adapterstest.Rig, prepared string) string {
			t.Helper()
			if !fake(t, r).Break(number(prepared), "2207032: Create media fail") {
				t.Fatal("there is no such container")
			}
			return prepared
		}, "-1/2207032", "container_error", true},
		"forgotten": {impatient, func(t *testing.T, r adapterstest.Rig, _ string) string {
			t.Helper()
			return instagram.Prove(channel(t, r), "17000000000000001", r.Post)
		}, "24/2207006", "container_unknown", true},
		"not_a_number": {nil, func(t *testing.T, r adapterstest.Rig, _ string) string {
			t.Helper()
			return instagram.Prove(channel(t, r), "1/../me", r.Post)
		}, "container_unproven", "container_unproven", true},
	}
	for name, tt := range tests {
		for n, code := range map[int]string{0: tt.first, 1: tt.first, 2: tt.later} {
			t.Run(fmt.Sprintf("%s_at_attempt_%d", name, n), func(t *testing.T) {
				t.Parallel()
				r := rig(t, tt.setUp)
				prepared := prepare(t, r)
				if tt.before != nil {
					prepared = tt.before(t, r, prepared)
				}
				c := watch(r, nil)
				_, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: n, Prepared: prepared})
				f := failure(t, err)
				if f.Kind != adapters.NotSent || f.Code != code || errors.Is(err, adapters.ErrPreparedDead) != tt.dead || (f.After == 0) != tt.dead {
					t.Errorf("got %v with code %q after %v, want not_sent with %q, dead %v", err, f.Code, f.After, code, tt.dead)
				}
				states, publications := c.states.Load(), c.publications.Load()
				switch {
				case name == "not_a_number" && states+publications != 0,
					name != "not_a_number" && n <= 1 && (states != 0 || publications != 1),
					name != "not_a_number" && n > 1 && (states == 0 || publications != 0):
					t.Errorf("the container was asked %d times and published %d times", states, publications)
				}
				if live := len(r.Platform.Live()); live != 0 {
					t.Errorf("the account has %d posts, want none", live)
				}
				// What the failure promises: this container later, or else a new one, goes through.
				r.Clock.Advance(time.Hour)
				if tt.dead {
					prepared = prepare(t, r)
				}
				receipt, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: n + 2, Prepared: prepared})
				if live := len(r.Platform.Live()); err != nil || receipt.ID == "" || live != 1 {
					t.Errorf("the next attempt: got %+v and %v with %d posts, want a receipt and one", receipt, err, live)
				}
			})
		}
	}
}

// TestPublish_what_it_made_of_this_post: the name comes out of a ledger to which others can
// write. Whatever they write, no container goes out but one that was made of this post, and
// no such name makes a look believe what another container says.
func TestPublish_what_it_made_of_this_post(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(t *testing.T, r adapterstest.Rig) string{
		"a_number": func(t *testing.T, r adapterstest.Rig) string { t.Helper(); return number(prepare(t, r)) },
		"another_post": func(t *testing.T, r adapterstest.Rig) string {
			t.Helper()
			r.Post.Text += " no"
			return prepare(t, r)
		},
		"another_picture": func(t *testing.T, r adapterstest.Rig) string {
			t.Helper()
			r.Post.Image = adapterstest.Picture(t, 500, 400)
			return prepare(t, r)
		},
		"another_alternative_text": func(t *testing.T, r adapterstest.Rig) string {
			t.Helper()
			image := *r.Post.Image
			image.Alt = "no"
			r.Post.Image = &image
			return prepare(t, r)
		},
		"another_bulletin": func(t *testing.T, r adapterstest.Rig) string {
			t.Helper()
			r.Post.Notice.SHA256 = strings.Repeat("0", 64)
			return prepare(t, r)
		},
		"another_number": func(t *testing.T, r adapterstest.Rig) string {
			t.Helper()
			_, proof, _ := strings.Cut(prepare(t, r), ".")
			r.Post.Text += " no"
			return number(prepare(t, r)) + "." + proof
		},
		"an_empty_proof": func(t *testing.T, r adapterstest.Rig) string { t.Helper(); return number(prepare(t, r)) + "." },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			forged := forge(t, r)
			for n := range 3 {
				_, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: n, Prepared: forged})
				if f := failure(t, err); f.Kind != adapters.NotSent || !errors.Is(err, adapters.ErrPreparedDead) {
					t.Errorf("attempt %d with %s: got %v, want it to be prepared anew", n, forged, err)
				}
			}
			if live := len(r.Platform.Live()); live != 0 {
				t.Fatalf("the account has %d posts, want none", live)
			}
			// The account's list decides, and not a container that still waits.
			a := adapters.Attempt{N: 1, Since: r.Clock.Now(), Prepared: prepare(t, r)}
			receipt, err := r.Channel.Publish(t.Context(), r.Post, a)
			if err != nil {
				t.Fatal(err)
			}
			a.Prepared = forged
			if got, err := channel(t, r).Find(t.Context(), r.Post, a); err != nil || got.ID != receipt.ID {
				t.Errorf("looked for: got %+v and %v, want the post", got, err)
			}
		})
	}
}

// TestPublish_by_another_process: the proof holds for whoever has the account's token, and
// for nobody else.
func TestPublish_by_another_process(t *testing.T) {
	t.Parallel()
	r := rig(t, nil)
	prepared := prepare(t, r)
	again, err := r.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepared}); err != nil {
		t.Errorf("a process that was started again: %v", err)
	}
	other, err := instagram.New(instagram.Config{Name: "instagram-savona", UserID: user, Username: name, Token: token + "x", AppSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	if _, err := other.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepared}); !errors.Is(err, adapters.ErrPreparedDead) {
		t.Errorf("with another token: got %v, want it to be prepared anew", err)
	}
}

// TestPublish_asks_when_it_must: a first attempt at a container that is ready
// costs one call, a later one asks before.
func TestPublish_asks_when_it_must(t *testing.T) {
	t.Parallel()
	for n, states := range map[int]int32{0: 0, 1: 0, 2: 1, 3: 1} {
		t.Run(fmt.Sprintf("attempt_%d", n), func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			prepared := prepare(t, r)
			c := watch(r, nil)
			receipt, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: n, Prepared: prepared})
			if live := r.Platform.Live(); err != nil || len(live) != 1 || live[0].ID != receipt.ID {
				t.Errorf("got %+v and %v, want the receipt of %+v", receipt, err, live)
			}
			if wrong := c.made(states, 1); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// late is a platform that takes its time, and absent its moment in which it does
// not know what it just made.
func late(f *instagramtest.Config, _ *instagram.Config) { f.ReadyAfterPolls = 3 }

func absent(n int32, w http.ResponseWriter, _ *http.Request) bool {
	if n == 1 {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, envelope(100, 33))
	}
	return n == 1
}

// TestPublish_waits_for_the_container: a later attempt waits, and a moment in
// which the platform does not know the container is no end.
func TestPublish_waits_for_the_container(t *testing.T) {
	t.Parallel()
	r := rig(t, late)
	prepared := prepareUnasked(t, r)
	c := watch(r, absent)
	if _, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 2, Prepared: prepared}); err != nil {
		t.Fatal(err)
	}
	if wrong := c.made(5, 1); wrong != "" { // absent, three times in progress, finished
		t.Error(wrong)
	}
}

// TestPrepare_waits_for_the_container: the same is done before the first attempt,
// which then has nothing to ask.
func TestPrepare_waits_for_the_container(t *testing.T) {
	t.Parallel()
	r := rig(t, late)
	c := watch(r, absent)
	prepared := prepare(t, r)
	if wrong := c.made(5, 0); wrong != "" { // absent, three times in progress, finished
		t.Error(wrong)
	}
	if live := len(r.Platform.Live()); live != 0 {
		t.Errorf("the account has %d posts, want none", live)
	}
	if _, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepared}); err != nil {
		t.Fatal(err)
	}
	if wrong := c.made(5, 1); wrong != "" {
		t.Error(wrong)
	}
}

// TestPrepare_gives_up_waiting: neither a platform that works for long nor the end
// of the caller's patience loses the container.
func TestPrepare_gives_up_waiting(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	stall := func(_ int32, _ http.ResponseWriter, req *http.Request) bool {
		<-req.Context().Done()
		return true
	}
	tests := map[string]struct {
		interval, pollFor time.Duration
		deadline          time.Duration // of the caller, from the first question on; 0 for none
		instead           func(int32, http.ResponseWriter, *http.Request) bool
		least, most       int32 // questions
	}{
		"still_in_progress": {time.Millisecond, short, 0, nil, 2, 51},
		"long_interval":     {time.Hour, short, 0, nil, 2, 2},
		"between_questions": {time.Hour, time.Hour, short, nil, 1, 1},
		"during_a_question": {time.Hour, time.Hour, short, stall, 1, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, func(f *instagramtest.Config, c *instagram.Config) {
				f.ReadyAfter, f.ReadyAfterPolls = time.Hour, 0
				c.PollInterval, c.PollFor = tt.interval, tt.pollFor
			})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a wait without end fails below
			defer cancel()
			c := watch(r, func(n int32, w http.ResponseWriter, req *http.Request) bool {
				if n == 1 && tt.deadline != 0 {
					time.AfterFunc(tt.deadline, cancel)
				}
				return tt.instead != nil && tt.instead(n, w, req)
			})
			begin := time.Now()
			prepared, err := channel(t, r).Prepare(ctx, r.Post)
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("it waited %v, want about %v", took, short)
			}
			if err != nil || prepared == "" {
				t.Fatalf("got %q and %v, want the container's number", prepared, err)
			}
			if asked := c.states.Load(); asked < tt.least || asked > tt.most || c.publications.Load() != 0 {
				t.Errorf("the container was asked %d times and published %d times, want %d to %d and 0", asked, c.publications.Load(), tt.least, tt.most)
			}
			r.Clock.Advance(time.Hour)
			r.Server.Between(nil)
			if _, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepared}); err != nil {
				t.Errorf("published when it is ready: %v", err)
			}
		})
	}
}

// TestPrepare_dead: a container that can never be published is not handed on.
func TestPrepare_dead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ answer, code string }{
		"broken":    {`{"status_code":"ERROR","status":"Error: 2207032"}`, "container_error"},
		"expired":   {`{"status_code":"EXPIRED"}`, "container_expired"},
		"forgotten": {envelope(100, 33), "container_unknown"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, func(_ *instagramtest.Config, c *instagram.Config) { c.PollFor = 5 * time.Millisecond })
			watch(r, func(_ int32, w http.ResponseWriter, _ *http.Request) bool {
				_, _ = io.WriteString(w, tt.answer)
				return true
			})
			prepared, err := channel(t, r).Prepare(t.Context(), r.Post)
			f := failure(t, err)
			if prepared != "" || f.Kind != adapters.NotSent || f.Code != tt.code || !errors.Is(err, adapters.ErrPreparedDead) {
				t.Errorf("got %q and %v with code %q, want it dead with %q", prepared, err, f.Code, tt.code)
			}
		})
	}
}

// TestContainer_says_nothing: a lost answer to a question leaves no post, and does
// not give the container up.
func TestContainer_says_nothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   adapters.Kind // at a later attempt
	}{
		"dropped":     {func(http.ResponseWriter, *http.Request) { adapterstest.Drop() }, adapters.NotSent},
		"front_end":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, adapters.NotSent},
		"other_state": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status_code":"ARCHIVED"}`) }, adapters.NotSent},
		"own_fault":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, envelope(2, 0)) }, adapters.NotSent},
		"signed_out":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, envelope(190, 0)) }, adapters.Auth},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, func(f *instagramtest.Config, _ *instagram.Config) { f.ReadyAfterPolls = 0 })
			c := watch(r, func(_ int32, w http.ResponseWriter, req *http.Request) bool { tt.answer(w, req); return true })
			prepared := prepare(t, r)
			_, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 2, Prepared: prepared})
			if f := failure(t, err); f.Kind != tt.want || errors.Is(err, adapters.ErrPreparedDead) {
				t.Errorf("got %v, want %v with a container that lives", err, tt.want)
			}
			// net/http asks again by itself where a kept connection is dropped.
			if c.states.Load() < 2 || c.publications.Load() != 0 {
				t.Errorf("the container was asked %d times and published %d times, want 2 and 0", c.states.Load(), c.publications.Load())
			}
			if _, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepared}); err != nil {
				t.Errorf("a first attempt, which asks nothing: %v", err)
			}
		})
	}
}

// TestPublish_gives_up_waiting: the caller's deadline ends the wait, and nothing
// is public.
func TestPublish_gives_up_waiting(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"later_attempt": 2, "nothing_prepared": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, func(f *instagramtest.Config, c *instagram.Config) {
				f.ReadyAfter, c.PollInterval, c.PollFor = time.Hour, time.Hour, time.Hour
			})
			a := adapters.Attempt{N: n}
			if n > 1 {
				a.Prepared = prepareUnasked(t, r)
			}
			c := watch(r, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := r.Channel.Publish(ctx, r.Post, a)
			if f := failure(t, err); f.Kind != adapters.NotSent || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want not_sent for the deadline", err)
			}
			if live := len(r.Platform.Live()); live != 0 || c.publications.Load() != 0 {
				t.Errorf("the account has %d posts after %d publications, want none", live, c.publications.Load())
			}
		})
	}
}

// TestPublish_without_preparation does both steps, whichever attempt it is, and
// waits between them.
func TestPublish_without_preparation(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprintf("attempt_%d", n), func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			c := watch(r, nil)
			receipt, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: n})
			if err != nil {
				t.Fatal(err)
			}
			live := r.Platform.Live()
			if len(live) != 1 || live[0].ID != receipt.ID || live[0].Image != r.Post.Image.SHA256 || live[0].Alt != r.Post.Image.Alt {
				t.Errorf("live is %+v, want the post of receipt %+v", live, receipt)
			}
			if wrong := c.made(2, 1); wrong != "" { // in progress, finished
				t.Error(wrong)
			}
		})
	}
}

// TestPublish_twice: a container that is public already is looked for, not
// published again.
func TestPublish_twice(t *testing.T) {
	t.Parallel()
	r := rig(t, nil)
	a := adapters.Attempt{N: 1, Prepared: prepare(t, r), Since: r.Clock.Now()}
	r.Platform.Fail(adapterstest.Fault{Kind: adapterstest.ApplyDrop})
	_, err := r.Channel.Publish(t.Context(), r.Post, a)
	if err := adapterstest.Failed(err, adapters.Unknown); err != nil {
		t.Fatal(err)
	}
	a.N = 2
	_, err = r.Channel.Publish(t.Context(), r.Post, a)
	if f := failure(t, err); f.Kind != adapters.Duplicate || f.Code != "container_published" {
		t.Errorf("got %v, want a duplicate", err)
	}
	got, err := channel(t, r).Find(t.Context(), r.Post, a)
	if live := r.Platform.Live(); err != nil || len(live) != 1 || got.ID != live[0].ID {
		t.Errorf("got %q and %v, want the one post of %+v", got.ID, err, live)
	}
}

// TestLocate: the receipt leads to the account's page, the read-back to the post.
func TestLocate(t *testing.T) {
	t.Parallel()
	r := rig(t, nil)
	receipt, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1, Prepared: prepare(t, r)})
	if want := "https://www.instagram.com/" + name + "/"; err != nil || receipt.URL != want || receipt.At.IsZero() {
		t.Errorf("got %+v and %v, want a receipt that leads to %s", receipt, err, want)
	}
	locate := func() (string, error) { return channel(t, r).Locate(t.Context(), r.Post, receipt) }
	if got, err := locate(); err != nil || got != r.Platform.Live()[0].URL {
		t.Errorf("located at %q (%v), want %q", got, err, r.Platform.Live()[0].URL)
	}
	// A post without an address that can be followed is verified all the same.
	r.Server.Between(func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
		answer := httptest.NewRecorder()
		platform.ServeHTTP(answer, req)
		_, _ = io.WriteString(w, strings.ReplaceAll(answer.Body.String(), `"permalink":"https:`, `"permalink":"javascript:`))
	})
	if got, err := locate(); err != nil || got != "" {
		t.Errorf("located at %q (%v), want nowhere", got, err)
	}
}

func TestPublish_quota(t *testing.T) {
	t.Parallel()
	r := rig(t, func(f *instagramtest.Config, _ *instagram.Config) { f.Quota = 1 })
	if _, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1}); err != nil {
		t.Fatal(err)
	}
	second := r.Post
	second.Text += " 2"
	_, err := r.Channel.Publish(t.Context(), second, adapters.Attempt{N: 1})
	if f := failure(t, err); f.Kind != adapters.Quota || f.Code != "9/2207042" || f.After == 0 {
		t.Errorf("got %v after %v, want quota with a time for the next try", err, f.After)
	}
	r.Clock.Advance(24 * time.Hour)
	if _, err := r.Channel.Publish(t.Context(), second, adapters.Attempt{N: 2}); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

// TestFind_container draws every state in which Find can meet its container, with
// and without a post in the list.
func TestFind_container(t *testing.T) {
	t.Parallel()
	state := func(s string) string { return fmt.Sprintf(`{"id":"17900000000000001","status_code":%q}`, s) }
	const absent, present, undecided = "absent", "present", "undecided"
	tests := map[string]struct{ container, empty, filled string }{
		"in_progress": {state("IN_PROGRESS"), absent, present},
		"finished":    {state("FINISHED"), absent, absent}, // the container's word is better than a list's
		"failed":      {state("ERROR"), absent, present},
		"expired":     {state("EXPIRED"), absent, present},
		"published":   {state("PUBLISHED"), undecided, present},
		"forgotten":   {envelope(100, 33), absent, present},
		"other_error": {envelope(190, 0), undecided, undecided},
		"other_word":  {state("ARCHIVED"), undecided, undecided},
		"nonsense":    {`<html>`, undecided, undecided},
		"no_word":     {`{"id":"17900000000000001"}`, undecided, undecided},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			a := adapters.Attempt{
				N: 1, Since: r.Clock.Now(), Prepared: instagram.Prove(channel(t, r), "17900000000000001", r.Post),
			}
			container := func(w http.ResponseWriter, req *http.Request, platform http.Handler) {
				if strings.HasSuffix(req.URL.Path, "/17900000000000001") {
					_, _ = io.WriteString(w, tt.container)
					return
				}
				platform.ServeHTTP(w, req)
			}
			r.Server.Between(container)
			look := func(want string) {
				t.Helper()
				got, err := channel(t, r).Find(t.Context(), r.Post, a)
				_, failed := errors.AsType[*adapters.Failure](err)
				switch {
				case want == absent && !errors.Is(err, adapters.ErrNotPublished),
					want == present && (err != nil || got.ID != r.Platform.Live()[0].ID),
					want == undecided && (!failed || errors.Is(err, adapters.ErrNotPublished)):
					t.Errorf("got %q and %v, want it %s", got.ID, err, want)
				}
			}
			look(tt.empty)
			r.Server.Between(nil)
			if _, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1}); err != nil {
				t.Fatal(err)
			}
			r.Server.Between(container)
			look(tt.filled)
		})
	}
}

// TestFind_without_address: a post that the list gives no address for is on the
// account's page.
func TestFind_without_address(t *testing.T) {
	t.Parallel()
	r := rig(t, nil)
	text, err := json.Marshal(r.Post.Text)
	if err != nil {
		t.Fatal(err)
	}
	r.Server.Between(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = fmt.Fprintf(w, `{"data":[{"id":"18","caption":%s,"timestamp":"2026-10-03T02:58:00+0000"}]}`, text)
	})
	got, err := channel(t, r).Find(t.Context(), r.Post, adapters.Attempt{N: 1})
	if want := "https://www.instagram.com/" + name + "/"; err != nil || got.ID != "18" || got.URL != want {
		t.Errorf("got %+v and %v, want post 18 at %s", got, err, want)
	}
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	sample := adapterstest.Sample()
	const alt = "Allerta rossa: alluvione a Savona"
	tests := map[string]struct {
		hidesAt      bool
		caption, alt string
		want         string // in the AlteredError's text; "" for none
	}{
		"untouched":   {false, sample.Text, alt, ""},
		"line_ends":   {false, strings.ReplaceAll(sample.Text, "\n", "\r\n"), alt, ""},
		"decomposed":  {false, strings.ReplaceAll(sample.Text, "é", "e\u0301"), alt, ""},
		"hides_at":    {true, sample.Text, alt, ""},
		"one_at_less": {false, strings.Replace(sample.Text, "@", "", 1), alt, "another text"},
		"one_letter":  {false, strings.Replace(sample.Text, "ALTI", "alti", 1), alt, "another text"},
		"also_hidden": {true, strings.Replace(sample.Text, "ALTI", "alti", 1), alt, "another text"},
		"emptied":     {false, "", alt, "another text"},
		"other_alt":   {false, sample.Text, "Festa", "alternative text"},
		"no_alt":      {false, sample.Text, "", ""}, // the platform does not always tell it
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, func(f *instagramtest.Config, _ *instagram.Config) { f.HidesAt = tt.hidesAt })
			receipt, err := r.Channel.Publish(t.Context(), r.Post, adapters.Attempt{N: 1})
			if err != nil {
				t.Fatal(err)
			}
			if !fake(t, r).Edit(receipt.ID, tt.caption, tt.alt) {
				t.Fatal("there is no such post to change")
			}
			err = r.Channel.ReadBack(t.Context(), r.Post, receipt)
			_, altered := errors.AsType[*adapters.AlteredError](err)
			if altered != (tt.want != "") || err != nil && !altered {
				t.Errorf("got %v, want altered %v", err, tt.want != "")
			}
			if err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestReadBack_of_a_foreign_receipt(t *testing.T) {
	t.Parallel()
	r := rig(t, nil)
	for _, id := range []string{"", "me", "1/../../me", "1?fields=access_token"} {
		err := r.Channel.ReadBack(t.Context(), r.Post, adapters.Receipt{ID: id})
		if err == nil || adapters.KindOf(err) != adapters.Permanent {
			t.Errorf("%q: got %v, want permanent", id, err)
		}
	}
	if n := r.Server.Calls(); n != 0 {
		t.Errorf("%d calls were made, want none", n)
	}
}

// TestPrepare_image: what the platform finds at the image's address.
func TestPrepare_image(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		image func(t *testing.T) *adapters.Image
		want  adapters.Kind
		code  string
	}{
		"not_there": {func(t *testing.T) *adapters.Image {
			t.Helper()
			i := adapterstest.Picture(t, 400, 400)
			i.URL = strings.TrimSuffix(i.URL, "/card.jpg") + "/missing"
			return i
		}, adapters.NotSent, "9004/2207052"},
		"not_a_jpeg": {func(t *testing.T) *adapters.Image { t.Helper(); return adapterstest.Host(t, []byte("GIF89a")) }, adapters.Permanent, "36001/2207005"},
		"too_tall":   {func(t *testing.T) *adapters.Image { t.Helper(); return adapterstest.Picture(t, 400, 501) }, adapters.Permanent, "36003/2207009"},
		// A front end's own page, with status 200, where the image is to be.
		"something_else_is_there": {func(t *testing.T) *adapters.Image {
			t.Helper()
			i := adapterstest.Picture(t, 400, 400)
			i.URL = adapterstest.Host(t, []byte("<html>Torniamo presto</html>")).URL
			return i
		}, adapters.NotSent, "36001/2207005"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig(t, nil)
			r.Post.Image = tt.image(t)
			_, err := channel(t, r).Prepare(t.Context(), r.Post)
			if f := failure(t, err); f.Kind != tt.want || f.Code != tt.code {
				t.Errorf("got %v with code %q, want %v with %q", err, f.Code, tt.want, tt.code)
			}
		})
	}
}
