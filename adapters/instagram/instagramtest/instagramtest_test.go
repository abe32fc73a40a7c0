package instagramtest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/instagram/instagramtest"
	"tocsin/adapters/internal/graph/graphtest"
)

const (
	user   = "17841400000000001"
	token  = "EAAtestigtoken0001"
	secret = "fedcba9876543210fedcba9876543210"
)

// open returns a platform, which change may set up in another way, and its clock.
func open(change func(*instagramtest.Config)) (*instagramtest.Platform, *adapterstest.Clock) {
	clock := new(adapterstest.Clock)
	c := instagramtest.Config{UserID: user, Token: token, AppID: "77", AppSecret: secret, Now: clock.Now}
	if change != nil {
		change(&c)
	}
	return instagramtest.New(c), clock
}

// call makes a call with good credentials, unless params say others.
func call(t *testing.T, p *instagramtest.Platform, method, path string, params url.Values) graphtest.Answer {
	t.Helper()
	return graphtest.Caller{Token: token, AppSecret: secret}.Ask(t, p, method, "/v25.0/"+path, params)
}

// host makes data public as an image.
func host(t *testing.T, data []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.UserAgent(), "facebookexternalhit") {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/a.jpg"
}

// picture returns a JPEG of the given size.
func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// makeContainer makes a container and returns its number.
func makeContainer(t *testing.T, p *instagramtest.Platform, caption string) string {
	t.Helper()
	out := call(t, p, http.MethodPost, user+"/media", url.Values{"image_url": {host(t, picture(t, 400, 400))}, "caption": {caption}, "alt_text": {"alt of " + caption}})
	if out.Text("id") == "" {
		t.Fatalf("the platform did not take %.40q: %v", caption, out)
	}
	return out.Text("id")
}

func publish(t *testing.T, p *instagramtest.Platform, container string) graphtest.Answer {
	t.Helper()
	return call(t, p, http.MethodPost, user+"/media_publish", url.Values{"creation_id": {container}})
}

func TestMedia_refuses(t *testing.T) {
	t.Parallel()
	good := func(t *testing.T) []byte { t.Helper(); return picture(t, 400, 400) }
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	sized := func(width, height int) func(*testing.T) []byte {
		return func(t *testing.T) []byte { t.Helper(); return picture(t, width, height) }
	}
	tests := map[string]struct {
		image  func(*testing.T) []byte
		params url.Values
		want   string // "" for none
	}{
		"good":            {good, nil, ""},
		"narrowest":       {sized(320, 400), nil, ""},
		"widest":          {sized(1440, 754), nil, ""},
		"too_narrow":      {sized(319, 319), nil, "36003/2207009"},
		"too_wide":        {sized(1441, 1441), nil, "36003/2207009"},
		"too_tall":        {sized(400, 501), nil, "36003/2207009"},
		"too_flat":        {sized(400, 209), nil, "36003/2207009"},
		"not_a_jpeg":      {func(*testing.T) []byte { return []byte("\x89PNG\r\n\x1a\n") }, nil, "36001/2207005"},
		"empty":           {func(*testing.T) []byte { return nil }, nil, "36001/2207005"},
		"too_heavy":       {func(t *testing.T) []byte { t.Helper(); return append(good(t), make([]byte, 8<<20)...) }, nil, "36000/2207004"},
		"no_image":        {good, url.Values{"image_url": {""}}, "100/2207023"},
		"not_an_address":  {good, url.Values{"image_url": {"card.jpg"}}, "9004/2207052"},
		"other_scheme":    {good, url.Values{"image_url": {"file:///etc/passwd"}}, "9004/2207052"},
		"accent":          {good, url.Values{"image_url": {"https://a.example/è.jpg"}}, "9004/2207052"},
		"nobody_there":    {good, url.Values{"image_url": {gone.URL}}, "9004/2207052"},
		"longest_caption": {good, url.Values{"caption": {strings.Repeat("è", 2200)}}, ""},
		"long_caption":    {good, url.Values{"caption": {strings.Repeat("è", 2201)}}, "36004/2207010"},
		"not_utf8":        {good, url.Values{"caption": {"\xff"}}, "100"},
		"five_hashtags":   {good, url.Values{"caption": {"#a #b #c #d #e # ##"}}, ""},
		"six_hashtags":    {good, url.Values{"caption": {"#a #b #c #d #e #è"}}, "100/2207040"},
		"many_mentions":   {good, url.Values{"caption": {strings.Repeat("@a ", 21)}}, "100/2207040"},
		"longest_alt":     {good, url.Values{"alt_text": {strings.Repeat("è", 1000)}}, ""},
		"long_alt":        {good, url.Values{"alt_text": {strings.Repeat("è", 1001)}}, "100"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := open(nil)
			params := url.Values{"image_url": {host(t, tt.image(t))}, "caption": {"a"}}
			maps.Copy(params, tt.params)
			out := call(t, p, http.MethodPost, user+"/media", params)
			if got := out.Code(); got != tt.want || (out.Text("id") == "") != (tt.want != "") {
				t.Errorf("got %v, want code %q", out, tt.want)
			}
		})
	}
}

func TestPlatform_refuses(t *testing.T) {
	t.Parallel()
	const post, get = http.MethodPost, http.MethodGet
	tests := map[string]struct {
		change       func(*instagramtest.Config)
		method, path string
		params       url.Values
		want         string
	}{
		"no_token":         {nil, get, user, url.Values{"access_token": {""}}, "104"},
		"other_token":      {nil, get, user, url.Values{"access_token": {"x"}}, "190"},
		"no_proof":         {nil, get, user, url.Values{"appsecret_proof": {""}}, "100"},
		"other_account":    {nil, post, "1/media", nil, "100/33"},
		"no_such_object":   {nil, get, "1", nil, "100/33"},
		"no_edge":          {nil, get, user + "/stories_of_old", nil, "2500"},
		"no_creation_id":   {nil, post, user + "/media_publish", nil, "100"},
		"no_container":     {nil, post, user + "/media_publish", url.Values{"creation_id": {"1"}}, "24/2207006"},
		"no_right_to_post": {func(c *instagramtest.Config) { c.Scopes = []string{"instagram_basic", "pages_read_engagement"} }, post, user + "/media", nil, "10"},
		"no_right_at_all":  {func(c *instagramtest.Config) { c.Scopes = []string{} }, get, user + "/media", nil, "10"},
		"no_such_field":    {nil, get, user + "/content_publishing_limit", url.Values{"fields": {"color"}}, "100"},
		"since":            {nil, get, user + "/media", url.Values{"since": {"x"}}, "100"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := open(tt.change)
			if got := call(t, p, tt.method, tt.path, tt.params).Code(); got != tt.want {
				t.Errorf("got code %q, want %q", got, tt.want)
			}
		})
	}
}

// TestContainer_life follows one container through its states.
func TestContainer_life(t *testing.T) {
	t.Parallel()
	p, clock := open(func(c *instagramtest.Config) { c.ReadyAfter, c.ReadyAfterPolls = time.Minute, 2 })
	id := makeContainer(t, p, "a")
	state := func(want string) {
		t.Helper()
		out := call(t, p, http.MethodGet, id, url.Values{"fields": {"status_code,status"}})
		if got := out.Text("status_code"); got != want || out.Text("status") == "" {
			t.Errorf("the container is read as %v, want %s", out, want)
		}
	}
	state("IN_PROGRESS")
	clock.Advance(time.Minute)
	if got := publish(t, p, id).Code(); got != "9007/2207027" {
		t.Errorf("published too early: got code %q", got)
	}
	state("IN_PROGRESS") // the second question
	state("FINISHED")
	if n := len(p.Live()); n != 0 {
		t.Errorf("the account has %d posts, want none", n)
	}
	first := publish(t, p, id).Text("id")
	state("PUBLISHED")
	if again := publish(t, p, id).Text("id"); again != first || first == "" {
		t.Errorf("published again it is %q, want %q", again, first)
	}
	if n := len(p.Live()); n != 1 {
		t.Errorf("the account has %d posts, want 1", n)
	}
	clock.Advance(24 * time.Hour)
	state("PUBLISHED")
	clock.Advance(25 * time.Hour)
	makeContainer(t, p, "b") // the platform tidies up
	if got := call(t, p, http.MethodGet, id, nil).Code(); got != "100/33" {
		t.Errorf("two days later: got code %q, want 100/33", got)
	}
}

func TestContainer_expires(t *testing.T) {
	t.Parallel()
	p, clock := open(nil)
	id, broken := makeContainer(t, p, "a"), makeContainer(t, p, "b")
	if !p.Break(broken, "2207003: It takes too long to download the media.") || p.Break("1", "x") {
		t.Fatal("containers are not broken as asked")
	}
	if got := publish(t, p, broken).Code(); got != "-1/2207032" {
		t.Errorf("broken: got code %q", got)
	}
	if got := call(t, p, http.MethodGet, broken, url.Values{"fields": {"status_code,status"}}); got["status_code"] != "ERROR" || !strings.Contains(got.Text("status"), "2207003") {
		t.Errorf("broken: it is read as %v", got)
	}
	clock.Advance(24*time.Hour - time.Minute)
	if got := call(t, p, http.MethodGet, id, url.Values{"fields": {"status_code"}}); got["status_code"] != "FINISHED" {
		t.Errorf("a minute before its end it is read as %v", got)
	}
	clock.Advance(time.Minute)
	if got := call(t, p, http.MethodGet, id, url.Values{"fields": {"status_code"}}); got["status_code"] != "EXPIRED" {
		t.Errorf("at its end it is read as %v", got)
	}
	if got := publish(t, p, id).Code(); got != "-2/2207020" {
		t.Errorf("expired: got code %q", got)
	}
}

// TestPublish_at_once: a container becomes one post, however many ask for it.
func TestPublish_at_once(t *testing.T) {
	t.Parallel()
	p, _ := open(nil)
	id := makeContainer(t, p, "a")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { publish(t, p, id) })
	}
	wg.Wait()
	if n := len(p.Live()); n != 1 {
		t.Errorf("the account has %d posts, want 1", n)
	}
}

func TestPublish_shows_what_was_prepared(t *testing.T) {
	t.Parallel()
	p, _ := open(nil)
	data := picture(t, 400, 400)
	sum := sha256.Sum256(data)
	source := host(t, data)
	out := call(t, p, http.MethodPost, user+"/media", url.Values{"image_url": {source}, "caption": {"perché @tu"}, "alt_text": {"alt"}})
	media := publish(t, p, out.Text("id")).Text("id")
	live := p.Live()
	if len(live) != 1 || live[0].ID != media || live[0].Text != "perché @tu" || live[0].Alt != "alt" || live[0].Image != hex.EncodeToString(sum[:]) {
		t.Fatalf("live is %+v", live)
	}
	got := call(t, p, http.MethodGet, media, url.Values{"fields": {"id,caption,permalink,timestamp,media_type,media_url,alt_text,username,shortcode"}})
	want := graphtest.Answer{
		"id": media, "caption": "perché @tu", "permalink": live[0].URL, "timestamp": live[0].At.Format("2006-01-02T15:04:05-0700"),
		"media_type": "IMAGE", "media_url": source, "alt_text": "alt", "username": "tocsin",
		"shortcode": strings.Split(live[0].URL, "/")[4],
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %v, want %v", k, got[k], v)
		}
	}
	if !p.Delete(media) || len(p.Live()) != 0 {
		t.Error("a post that was deleted is live")
	}
	if got := call(t, p, http.MethodGet, media, nil).Code(); got != "100/33" {
		t.Errorf("deleted: got code %q, want 100/33", got)
	}
}

func TestPlatform_quota(t *testing.T) {
	t.Parallel()
	p, clock := open(func(c *instagramtest.Config) { c.Quota = 2 })
	usage := func(want float64) {
		t.Helper()
		out := call(t, p, http.MethodGet, user+"/content_publishing_limit", url.Values{"fields": {"quota_usage,config"}})
		data := out["data"].([]any)[0].(map[string]any)
		if config := data["config"].(map[string]any); data["quota_usage"] != want || config["quota_total"] != 2.0 || config["quota_duration"] != 86400.0 {
			t.Errorf("the limit is read as %v, want %v used of 2", out, want)
		}
	}
	usage(0)
	publish(t, p, makeContainer(t, p, "a"))
	clock.Advance(time.Hour)
	publish(t, p, makeContainer(t, p, "b"))
	usage(2)
	third := makeContainer(t, p, "c")
	if got := publish(t, p, third).Code(); got != "9/2207042" {
		t.Errorf("over the quota: got code %q", got)
	}
	clock.Advance(23 * time.Hour)
	usage(1)
	if got := publish(t, p, third); got.Text("id") == "" {
		t.Errorf("a place is free, and the container was %v", got)
	}
}

func TestPlatform_container_limit(t *testing.T) {
	t.Parallel()
	p, clock := open(func(c *instagramtest.Config) { c.Containers = 2 })
	image := host(t, picture(t, 400, 500))
	create := func() graphtest.Answer {
		return call(t, p, http.MethodPost, user+"/media", url.Values{"image_url": {image}, "caption": {"x"}})
	}
	for range 2 {
		if got := create(); got.Text("id") == "" {
			t.Fatalf("got %v, want a container", got)
		}
		clock.Advance(time.Hour)
	}
	// Whether they were published makes no difference, and one place is free again
	// when the first one is a day old.
	if got := create(); got.Code() != "9/2207042" {
		t.Errorf("got %v, want 9/2207042", got)
	}
	clock.Advance(22*time.Hour - time.Second)
	if got := create(); got.Code() != "9/2207042" {
		t.Errorf("after 24 hours less a second: got %v, want 9/2207042", got)
	}
	clock.Advance(time.Second)
	if got := create(); got.Text("id") == "" {
		t.Errorf("after 24 hours: got %v, want a container", got)
	}
	if got := create(); got.Code() != "9/2207042" {
		t.Errorf("the second is 23 hours old: got %v, want 9/2207042", got)
	}
	// The real limit is the default.
	p, _ = open(nil)
	for i := range 401 {
		got := call(t, p, http.MethodPost, user+"/media", url.Values{"image_url": {image}, "caption": {"x"}})
		if want := map[bool]string{true: "9/2207042"}[i == 400]; got.Code() != want {
			t.Fatalf("container %d: got %v, want code %q", i+1, got, want)
		}
	}
}

func TestPublish_again(t *testing.T) {
	t.Parallel()
	for again, want := range map[bool]int{false: 1, true: 2} {
		p, _ := open(func(c *instagramtest.Config) { c.PublishesAgain = again })
		container := makeContainer(t, p, "Piena")
		first, second := publish(t, p, container).Text("id"), publish(t, p, container).Text("id")
		if n := len(p.Live()); n != want || (first == second) != (want == 1) || second == "" {
			t.Errorf("publishes again %t: %d posts, %s and %s, want %d", again, n, first, second, want)
		}
	}
}

func TestPlatform_lists(t *testing.T) {
	t.Parallel()
	p, clock := open(nil)
	var want []string
	for n := range 4 {
		clock.Advance(time.Minute)
		want = append(want, publish(t, p, makeContainer(t, p, fmt.Sprint("post ", n))).Text("id"))
	}
	since := p.Live()[1].At.Unix()
	slices.Reverse(want)
	var got []string
	params := url.Values{"limit": {"2"}, "since": {fmt.Sprint(since)}, "fields": {"id,caption"}}
	for range 2 {
		out := call(t, p, http.MethodGet, user+"/media", params)
		for _, d := range out["data"].([]any) {
			got = append(got, d.(map[string]any)["id"].(string))
		}
		params.Set("after", out["paging"].(map[string]any)["cursors"].(map[string]any)["after"].(string))
	}
	if !slices.Equal(got, want[:3]) {
		t.Errorf("got %v, want %v: the newest first, from the second post on", got, want[:3])
	}
}

// TestPlatform_scripts: one public write takes one script, and a container is none.
func TestPlatform_scripts(t *testing.T) {
	t.Parallel()
	p, _ := open(nil)
	p.Fail(adapterstest.Fault{Kind: adapterstest.Credits})
	p.Fail(adapterstest.Fault{Kind: adapterstest.AuthGone})
	p.Fail(adapterstest.Fault{Kind: adapterstest.Apply500})
	id := makeContainer(t, p, "a")
	for _, want := range []string{"9/2207042", "190/463", "-1/2207001"} {
		if got := publish(t, p, id).Code(); got != want {
			t.Errorf("got code %q, want %q", got, want)
		}
	}
	if n := len(p.Live()); n != 1 {
		t.Errorf("the account has %d posts, want the one of the last script", n)
	}
}

func TestPlatform_health(t *testing.T) {
	t.Parallel()
	p, _ := open(nil)
	if out := call(t, p, http.MethodGet, user, url.Values{"fields": {"id,username"}}); out.Text("id") != user || out["username"] != "tocsin" {
		t.Errorf("the account is read as %v", out)
	}
	out := call(t, p, http.MethodGet, "debug_token", url.Values{"access_token": {"77|" + secret}, "input_token": {token}})
	if data, ok := out["data"].(map[string]any); !ok || data["is_valid"] != true || data["profile_id"] != user {
		t.Errorf("the token is read as %v", out)
	}
}
