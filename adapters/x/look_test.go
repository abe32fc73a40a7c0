package x_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/x"
	"tocsin/adapters/x/xtest"
)

// TestReadBackUndoes shows the same signed text in the ways in which X may show it.
func TestReadBackUndoes(t *testing.T) {
	t.Parallel()
	const (
		id     = "1346889436626259968"
		signed = "Perché <subito> & già? comune.it e https://allerte.example.it/SV-7F3K2 [SV-7F3K2-1]"
		// shown has t.co/1 at 33 and t.co/2 at 49, counted in code points of the escaped text.
		shown = "Perché &lt;subito&gt; &amp; già? https://t.co/1 e https://t.co/2 [SV-7F3K2-1]"
		urls  = `{"start":33,"end":47,"url":"https://t.co/1","expanded_url":"http://comune.it"},{"start":50,"end":64,"url":"https://t.co/2","expanded_url":"https://allerte.example.it/SV-7F3K2"}`
	)
	with := func(text, urls, more string) string {
		return fmt.Sprintf(`{"data":{"id":%q,"text":%q,"author_id":"42","entities":{"urls":[%s]}%s}}`, id, text, urls, more)
	}
	const photo = `{"start":%d,"end":%d,"url":"https://t.co/9","expanded_url":"https://x.com/ProvinciaProva/status/1346889436626259968/photo/1"%s}`
	for _, tt := range []struct {
		name, body string
		altered    bool
	}{
		{name: "as_x_does", body: with(shown, urls, "")},
		{name: "indices_that_are_wrong", body: with(shown, strings.NewReplacer("33", "20", "47", "34").Replace(urls), "")},
		{name: "indices_beyond_the_text", body: with(shown, strings.NewReplacer("50", "5000", "64", "5014").Replace(urls), "")},
		{name: "entities_out_of_order", body: with(shown, urls[strings.Index(urls, "},")+2:]+","+urls[:strings.Index(urls, "},")+1], "")},
		{name: "not_normalised", body: with(strings.ReplaceAll(shown, "é", "e\u0301"), strings.NewReplacer("33", "34", "47", "48", "50", "51", "64", "65").Replace(urls), "")},
		{name: "long_post_in_note_tweet", body: with("Perché &lt;subito…", "", `,"note_tweet":{"text":`+strconv.Quote(shown)+`,"entities":{"urls":[`+urls+`]}}`)},
		{name: "long_post_in_note_post", body: with("Perché &lt;subito…", "", `,"note_post":{"text":`+strconv.Quote(shown)+`,"entities":{"urls":[`+urls+`]}}`)},
		{name: "only_the_unwound_address", body: with(shown, strings.ReplaceAll(urls, `"expanded_url":"https`, `"unwound_url":"https`), "")},
		{name: "shortened_before_and_unwound", body: with(shown, strings.ReplaceAll(urls, `"expanded_url":"https://allerte`, `"expanded_url":"https://short.example/1","unwound_url":"https://allerte`), "")},
		{name: "photo_after_the_text", body: with(shown+" https://t.co/9", urls+","+fmt.Sprintf(photo, 78, 92, ""), "")},
		{name: "media_by_key", body: with(shown+" https://t.co/9", urls+`,{"start":78,"end":92,"url":"https://t.co/9","media_key":"3_1"}`, "")},
		{name: "two_photos_at_one_address", body: with(shown+" https://t.co/9", urls+","+fmt.Sprintf(photo, 78, 92, `,"media_key":"3_1"`)+","+fmt.Sprintf(photo, 78, 92, `,"media_key":"3_2"`), "")},
		{name: "other_word", body: with(strings.Replace(shown, "subito", "domani", 1), urls, ""), altered: true},
		{name: "other_link", body: with(shown, strings.Replace(urls, "allerte.example.it", "altro.example.it", 1), ""), altered: true},
		{name: "link_without_an_entity", body: with(shown, "", ""), altered: true},
		{name: "cut_short", body: with(strings.TrimSuffix(shown, " [SV-7F3K2-1]"), urls, ""), altered: true},
		{name: "escaped_twice", body: with(strings.Replace(shown, "&amp;", "&amp;amp;", 1), strings.NewReplacer("33", "37", "47", "51", "50", "54", "64", "68").Replace(urls), ""), altered: true},
		{name: "added_text", body: with(shown+" (falso)", urls, ""), altered: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ch := serve(t, answer{status: 200, body: tt.body}.ServeHTTP)
			err := ch.ReadBack(t.Context(), adapters.Post{Text: signed, Mark: "SV-7F3K2-1"}, adapters.Receipt{ID: id})
			e, altered := errors.AsType[*adapters.AlteredError](err)
			if altered != tt.altered || !altered && err != nil {
				t.Errorf("got %v, want altered %t: %+v", err, tt.altered, e)
			}
		})
	}
}

// TestReadBackReadsTheLastVersion catches a channel that reads what was, while the
// public sees what an editor made of it.
func TestReadBackReadsTheLastVersion(t *testing.T) {
	t.Parallel()
	ch := serve(t, func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		text := map[string]string{"99": "salite", "100": "scendete"}[id]
		answer{status: 200, body: fmt.Sprintf(`{"data":{"id":%q,"text":%q,"edit_history_post_ids":["99","100"]}}`, id, text)}.ServeHTTP(w, r)
	})
	err := ch.ReadBack(t.Context(), adapters.Post{Text: "salite"}, adapters.Receipt{ID: "99"})
	if e, ok := errors.AsType[*adapters.AlteredError](err); !ok || e.Shown != "scendete" {
		t.Errorf("got %v, want what the public sees", err)
	}
}

func TestReadBackAnswers(t *testing.T) {
	t.Parallel()
	const missing = `{"errors":[{"value":"7","detail":"Could not find tweet with id: [7].","title":"Not Found Error","resource_type":"tweet","parameter":"id","resource_id":"7","type":"https://api.twitter.com/2/problems/resource-not-found"}]}`
	for _, tt := range []struct {
		name, id string
		got      answer
		absent   bool
		kind     adapters.Kind
	}{
		{"not_found", "7", answer{200, nil, missing}, true, 0},
		{"not_found_as_a_post", "7", answer{200, nil, strings.NewReplacer("tweet", "post", "api.twitter.com", "api.x.com").Replace(missing)}, true, 0},
		{"not_found_with_status_404", "7", answer{404, nil, missing}, true, 0},
		{"no_such_user_is_no_absent_post", "7", answer{200, nil, strings.Replace(missing, `"resource_type":"tweet"`, `"resource_type":"user"`, 1)}, false, adapters.Auth},
		{"not_for_this_app", "7", answer{200, nil, `{"errors":[{"title":"Authorization Error","detail":"Sorry, you are not authorized to see the Tweet with id: [7].","type":"https://api.twitter.com/2/problems/not-authorized-for-resource"}]}`}, false, adapters.Auth},
		{"another_post", "7", answer{200, nil, `{"data":{"id":"8","text":"a"}}`}, false, adapters.Unknown},
		{"another_account", "7", answer{200, nil, `{"data":{"id":"7","text":"a","author_id":"43"}}`}, false, adapters.Auth},
		{"receipt_of_another_platform", "-100/7", answer{200, nil, missing}, false, adapters.Permanent},
		{"receipt_without_an_id", "", answer{200, nil, missing}, false, adapters.Permanent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := serve(t, tt.got.ServeHTTP).ReadBack(t.Context(), adapters.Post{Text: "a"}, adapters.Receipt{ID: tt.id})
			if tt.absent != errors.Is(err, adapters.ErrNotPublished) {
				t.Fatalf("got %v, want absent %t", err, tt.absent)
			}
			if f, ok := errors.AsType[*adapters.Failure](err); !tt.absent && (!ok || f.Kind != tt.kind) {
				t.Errorf("got %v, want %v", err, tt.kind)
			}
		})
	}
}

// TestALookLeavesRetweetsOut holds what the account's timeline is asked for: somebody
// else's post that the account repeated bears its mark too.
func TestALookLeavesRetweetsOut(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 1)
	ch := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.Query():
		default:
		}
		answer{status: 200, body: `{"meta":{"result_count":0}}`}.ServeHTTP(w, r)
	})
	if _, err := ch.Find(t.Context(), adapters.Post{Text: "a SV-7F3K2-1", Mark: "SV-7F3K2-1"}, adapters.Attempt{N: 1, Since: time.Now()}); !errors.Is(err, adapters.ErrNotPublished) {
		t.Fatal(err)
	}
	if got := (<-asked).Get("exclude"); got != "retweets" {
		t.Errorf("it excludes %q, want retweets", got)
	}
}

// timeline answers every call with posts of the given texts, newest first.
func timeline(texts ...string) string {
	var posts []string
	for i, text := range texts {
		posts = append(posts, fmt.Sprintf(`{"id":"%d","text":%q}`, 1973000000000000000-i, text))
	}
	return fmt.Sprintf(`{"data":[%s],"meta":{"result_count":%d}}`, strings.Join(posts, ","), len(texts))
}

func TestFindChooses(t *testing.T) {
	t.Parallel()
	const signed = "Allerta rossa a Savona: salite subito ai piani alti e restateci. [SV-7F3K2-1] (1/2)"
	altered := strings.Replace(signed, "salite", "scendete", 1)
	for _, tt := range []struct {
		name  string
		texts []string
		want  int // index of the text that is found, -1 for none
	}{
		{"the_text", []string{"altro", signed}, 1},
		{"the_text_rather_than_an_altered_one", []string{altered, signed}, 1},
		{"an_altered_text", []string{"altro", altered}, 1},
		{"a_text_cut_in_the_middle", []string{strings.Replace(signed, " e restateci", "", 1)}, 0},
		{"not_another_bulletin", []string{strings.Replace(signed, "SV-7F3K2-1", "SV-7F3K2-10", 1), strings.Replace(signed, "SV-7F3K2-1", "SV-7F3K2-2", 1)}, -1},
		{"not_another_alert", []string{strings.Replace(signed, "SV-7F3K2-1", "ASV-7F3K2-1", 1), strings.Replace(signed, "SV-7F3K2-1", "SV-7F3K2-1-B", 1)}, -1},
		{"mark_that_stands_twice", []string{strings.Replace(signed, "[", "[SV-7F3K2-10, ", 1)}, 0},
		{"not_the_other_part", []string{"Non usate l’auto, non scendete in cantina, aiutate i vicini. [SV-7F3K2-1] (2/2)"}, -1},
		{"not_somebody_who_quotes_the_mark", []string{"SV-7F3K2-1 è falso?"}, -1},
		{"nothing", nil, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ch := serve(t, answer{status: 200, body: timeline(tt.texts...)}.ServeHTTP)
			got, err := ch.Find(t.Context(), adapters.Post{Text: signed, Mark: "SV-7F3K2-1"}, adapters.Attempt{N: 1, Since: noon})
			if tt.want < 0 {
				if !errors.Is(err, adapters.ErrNotPublished) {
					t.Fatalf("got %+v, %v, want none", got, err)
				}
				return
			}
			want := strconv.Itoa(1973000000000000000 - tt.want)
			if err != nil || got.ID != want || got.URL != "https://x.com/ProvinciaProva/status/"+want {
				t.Errorf("got %+v, %v, want post %s", got, err, want)
			}
			if !json.Valid(got.Evidence) || !strings.Contains(string(got.Evidence), want) {
				t.Errorf("the evidence is %s", got.Evidence)
			}
		})
	}
}

// TestFindAsksSince checks what is asked of the timeline.
func TestFindAsksSince(t *testing.T) {
	t.Parallel()
	var query url.Values
	ch := serve(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query()
		answer{status: 200, body: timeline()}.ServeHTTP(w, r)
	})
	if _, err := ch.Find(t.Context(), adapterstest.Sample(), adapters.Attempt{Since: noon}); !errors.Is(err, adapters.ErrNotPublished) {
		t.Fatal(err)
	}
	id, err := strconv.ParseInt(query.Get("since_id"), 10, 64)
	// Snowflake: 22 bits below the milliseconds since 2010-11-04T01:42:54.657Z.
	if got := time.UnixMilli(id>>22 + 1288834974657); err != nil || !got.Equal(noon.Add(-adapters.ClockSkew)) {
		t.Errorf("since_id %q means %v, want ten minutes before %v", query.Get("since_id"), got, noon)
	}
	if query.Get("max_results") != "100" || !strings.Contains(query.Get("tweet.fields"), "entities") {
		t.Errorf("asked for %v", query)
	}
	if _, err := ch.Find(t.Context(), adapterstest.Sample(), adapters.Attempt{}); !errors.Is(err, adapters.ErrNotPublished) || query.Has("since_id") {
		t.Errorf("without a time: asked for %v: %v", query, err)
	}
}

// TestFindPages looks for the first of many posts on the stand-in.
func TestFindPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, xtest.Config{PostsPerWindow: 1000})
	first := adapterstest.Sample()
	if _, err := r.Channel.Publish(t.Context(), first, adapters.Attempt{N: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range 210 {
		p := adapterstest.Sample()
		p.Text = fmt.Sprintf("Aggiornamento %d [SV-7F3K2-%d]", i, i+2)
		if _, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1}); err != nil {
			t.Fatal(err)
		}
	}
	before := r.Server.Calls()
	got, err := r.Channel.(adapters.Finder).Find(t.Context(), first, adapters.Attempt{N: 1, Since: r.Clock.Now()})
	if want := r.Platform.Live()[0].ID; err != nil || got.ID != want {
		t.Errorf("got %+v, %v, want post %s", got, err, want)
	}
	if n := r.Server.Calls() - before; n != 3 {
		t.Errorf("%d calls for 211 posts, want 3", n)
	}
}

// TestFindEnds catches a search that goes on as long as the platform has pages, and
// one that calls a post absent because it stopped looking.
func TestFindEnds(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	ch := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer{status: 200, body: `{"data":[{"id":"1","text":"altro"}],"meta":{"result_count":1,"next_token":"again"}}`}.ServeHTTP(w, r)
	})
	_, err := ch.Find(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1, Since: noon})
	if f, ok := errors.AsType[*adapters.Failure](err); !ok || f.Kind != adapters.Unknown {
		t.Errorf("got %v, want unknown", err)
	}
	if n := calls.Load(); n > 40 {
		t.Errorf("%d calls", n)
	}
}

// TestPostNames lives with an X that has turned to the names of specification 2.167.
func TestPostNames(t *testing.T) {
	t.Parallel()
	r := newRig(t, xtest.Config{FieldsParam: "post.fields"})
	p := adapterstest.Sample()
	receipt, err := r.Channel.Publish(t.Context(), p, adapters.Attempt{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Channel.ReadBack(t.Context(), p, receipt); err != nil {
		t.Error(err)
	}
	if got, err := r.Channel.(adapters.Finder).Find(t.Context(), p, adapters.Attempt{N: 1, Since: r.Clock.Now()}); err != nil || got.ID != receipt.ID {
		t.Errorf("find: %+v, %v", got, err)
	}
}

// TestRefusedCredentials meets a platform that really checks the signature.
func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*x.Config){
		"consumer_key":    func(c *x.Config) { c.ConsumerKey += "x" },
		"consumer_secret": func(c *x.Config) { c.ConsumerSecret += "x" },
		"access_token":    func(c *x.Config) { c.AccessToken += "x" },
		"access_secret":   func(c *x.Config) { c.AccessSecret += "x" },
		"slow_clock":      func(c *x.Config) { now := c.Now; c.Now = func() time.Time { return now().Add(-11 * time.Minute) } },
		"fast_clock":      func(c *x.Config) { now := c.Now; c.Now = func() time.Time { return now().Add(11 * time.Minute) } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform := xtest.New(xtest.Config{})
			c := platform.Account("x-prova", adapterstest.Serve(t, platform).URL)
			c.Now = time.Now
			change(&c)
			ch, err := x.New(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ch.Publish(t.Context(), adapterstest.Sample(), adapters.Attempt{N: 1}); err == nil || adapters.KindOf(err) != adapters.Auth {
				t.Errorf("got %v, want auth", err)
			}
			if n := len(platform.Live()); n != 0 {
				t.Errorf("%d posts are public", n)
			}
		})
	}
}
