package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/graph"
)

// wanted is the post that the tests look for.
func wanted() adapters.Post {
	return adapters.Post{
		Mark: "SV-7F3K2-1",
		Text: "ALLUVIONE: salite subito ai piani alti e restateci. [SV-7F3K2-1] https://a.example/SV-7F3K2",
		Link: "https://a.example/SV-7F3K2",
	}
}

// search is how the tests look.
func search() graph.Search {
	return graph.Search{Path: "12/posts", Text: "message", Time: "created_time", Link: "permalink_url", Since: time.Unix(1790000000, 0)}
}

// page writes one page of a list with the given texts, numbered from first.
func page(w http.ResponseWriter, first int, after string, texts ...string) {
	var data []map[string]string
	for i, text := range texts {
		data = append(data, map[string]string{
			"id": fmt.Sprintf("12_%d", first+i), "message": text,
			"created_time": "2026-09-21T14:13:20+0000", "permalink_url": "https://f.example/" + fmt.Sprint(first+i),
		})
	}
	answer := map[string]any{"data": data}
	if data == nil {
		answer["data"] = []string{}
	}
	if after != "" {
		answer["paging"] = map[string]any{"next": "https://evil.example/?access_token=" + token, "cursors": map[string]string{"after": after}}
	}
	_ = json.NewEncoder(w).Encode(answer) // a caller that is gone has failed its test by itself
}

func TestFind(t *testing.T) {
	t.Parallel()
	p := wanted()
	english := "Flood: go to the upper floors at once and stay there. [SV-7F3K2-1] https://a.example/SV-7F3K2"
	for name, tt := range map[string]struct {
		texts []string
		want  string // the identifier; "" for none
	}{
		"nothing":              {nil, ""},
		"same_text":            {[]string{"other", p.Text}, "12_2"},
		"same_but_for_ends":    {[]string{"\n" + p.Text + "\r\n"}, "12_1"},
		"changed":              {[]string{strings.ReplaceAll(p.Text, "subito", "con calma")}, "12_1"},
		"cut":                  {[]string{"salite subito ai piani alti [SV-7F3K2-1]"}, "12_1"},
		"newest_of_changed":    {[]string{p.Text + " [modificato]", p.Text + " [vecchio]"}, "12_1"},
		"same_before_changed":  {[]string{p.Text + " [modificato]", p.Text}, "12_2"},
		"other_language":       {[]string{english}, ""},
		"other_bulletin":       {[]string{strings.ReplaceAll(p.Text, "7F3K2-1", "7F3K2-10")}, ""},
		"other_alert":          {[]string{strings.ReplaceAll(p.Text, "SV-7F3K2-1", "XSV-7F3K2-1")}, ""},
		"no_text":              {[]string{""}, ""},
		"without_mark":         {[]string{strings.ReplaceAll(p.Text, "[SV-7F3K2-1]", "")}, ""},
		"mark_and_link_alone":  {[]string{"[SV-7F3K2-1] https://a.example/SV-7F3K2"}, ""},
		"quoted_by_a_neighbor": {[]string{"Leggete l'avviso SV-7F3K2-1 della Provincia"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) { page(w, 1, "", tt.texts...) })
			got, err := c.Find(t.Context(), search(), p)
			if tt.want == "" {
				if !errors.Is(err, adapters.ErrNotPublished) {
					t.Errorf("got %v and %v, want ErrNotPublished", got, err)
				}
				return
			}
			if err != nil || got.ID != tt.want {
				t.Fatalf("got %q and %v, want %q", got.ID, err, tt.want)
			}
			if want := "https://f.example/" + strings.TrimPrefix(tt.want, "12_"); got.URL != want {
				t.Errorf("the address is %q, want %q", got.URL, want)
			}
			if want := time.Date(2026, 9, 21, 14, 13, 20, 0, time.UTC); !got.At.Equal(want) {
				t.Errorf("the time is %v, want %v", got.At, want)
			}
			if len(got.Evidence) == 0 || len(got.Evidence) > 4<<10 {
				t.Errorf("the evidence has %d bytes", len(got.Evidence))
			}
		})
	}
}

// TestFind_pages follows cursors, never the address in "next": that one bears the
// token and may lead anywhere.
func TestFind_pages(t *testing.T) {
	t.Parallel()
	var asked []url.Values
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query())
		switch r.URL.Query().Get("after") {
		case "":
			page(w, 1, "c1", "a", "b")
		case "c1":
			page(w, 3, "c2") // a page can be empty and not the last
		default:
			page(w, 3, "", "c", wanted().Text)
		}
	})
	got, err := c.Find(t.Context(), search(), wanted())
	if err != nil || got.ID != "12_4" {
		t.Fatalf("got %q and %v, want 12_4", got.ID, err)
	}
	var cursors []string
	for _, q := range asked {
		cursors = append(cursors, q.Get("after"))
		if got, want := q.Get("since"), "1789999400"; got != want {
			t.Errorf("since is %s, want %s: ten minutes before the first try", got, want)
		}
		if got, want := q.Get("fields"), "id,message,created_time,permalink_url"; got != want {
			t.Errorf("fields are %s, want %s", got, want)
		}
		if got := q.Get("limit"); got != "100" {
			t.Errorf("limit is %s, want 100", got)
		}
	}
	if want := []string{"", "c1", "c2"}; !slices.Equal(cursors, want) {
		t.Errorf("the cursors were %q, want %q", cursors, want)
	}
}

// TestFind_undecided: what was not seen is not absent.
func TestFind_undecided(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]http.HandlerFunc{
		"endless":      func(w http.ResponseWriter, _ *http.Request) { page(w, 1, "again", "a") },
		"no_cursor":    answer(200, `{"data":[],"paging":{"next":"https://f.example/"}}`),
		"no_data":      answer(200, `{}`),
		"null_data":    answer(200, `{"data":null}`),
		"data_is_text": answer(200, `{"data":"none"}`),
		"no_such_page": answer(400, `{"error":{"code":100,"error_subcode":33,"message":"Unsupported get request."}}`),
		"second_page_fails": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("after") {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			// The changed post of the first page does not end the search: the
			// unchanged one may be on the second.
			page(w, 1, "c1", wanted().Text+" [modificato]")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				calls++
				handle(w, r)
			})
			got, err := c.Find(t.Context(), search(), wanted())
			if _, ok := errors.AsType[*adapters.Failure](err); !ok || errors.Is(err, adapters.ErrNotPublished) {
				t.Errorf("got %q and %v, want a Failure", got.ID, err)
			}
			if calls > 10 {
				t.Errorf("the search took %d calls", calls)
			}
		})
	}
}

// TestFind_odd_rows: what can't be named can't be a receipt.
func TestFind_odd_rows(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(wanted().Text)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	c := serve(t, answer(200, fmt.Sprintf(`{"data":[{"message":%[1]s},{"id":"me","message":%[1]s},{"id":"12_3","message":%[1]s,"permalink_url":"javascript:alert(1)","created_time":7}]}`, text)))
	got, err := c.Find(t.Context(), search(), wanted())
	if err != nil || got.ID != "12_3" || got.URL != "" {
		t.Fatalf("got %+v and %v, want 12_3 without an address", got, err)
	}
	if got.At.Before(start.Add(-time.Second)) {
		t.Errorf("the time is %v, want ours where the platform gives none", got.At)
	}
}

// TestFind_leaks_no_token: the platform puts the token into its answers.
func TestFind_leaks_no_token(t *testing.T) {
	t.Parallel()
	p := wanted()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { page(w, 1, "", p.Text+" "+token+" "+secret) })
	got, err := c.Find(t.Context(), search(), p)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(got.Evidence); strings.Contains(s, token) || strings.Contains(s, secret) {
		t.Errorf("the evidence holds a secret: %s", s)
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a":                      "a",
		"\n a\t":                 "a",
		"a\r\nb\rc\nd":           "a\nb\nc\nd",
		"perche\u0301":           "perch\u00e9",
		"a  b":                   "a  b",
		"\u00a0a\u2003":          "a",
		"\u1100\u1161":           "\uac00",
		"\ufb01ne \u2460 \u00b2": "\ufb01ne \u2460 \u00b2", // what NFKC would change says something else
	} {
		if got := graph.Normalise(in); got != want {
			t.Errorf("Normalise(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://www.facebook.com/1/posts/2": "https://www.facebook.com/1/posts/2",
		"http://127.0.0.1:1/p/":              "http://127.0.0.1:1/p/",
		"//www.facebook.com/1":               "",
		"/1":                                 "",
		"javascript:alert(1)":                "",
		"https://u:p@a.example/":             "",
		"":                                   "",
		"https://a.example/" + strings.Repeat("a", 2048): "",
	} {
		if got := graph.PublicURL(in); got != want {
			t.Errorf("PublicURL(%.40q) is %q, want %q", in, got, want)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"1_2","message":"[SV-7F3K2-1]","created_time":"2026-09-21T14:13:20+0000"}]}`))
	f.Add([]byte(`{"data":[{}],"paging":{"next":"n","cursors":{"after":"c"}}}`))
	f.Add([]byte(`{"data":[null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
		defer server.Close()
		c, err := graph.New(graph.Config{BaseURL: server.URL, Token: token, AppSecret: secret, AllowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		got, err := c.Find(t.Context(), search(), wanted())
		if err == nil && !graph.IsID(got.ID) {
			t.Errorf("found %q, which is no identifier", got.ID)
		}
		if _, ok := errors.AsType[*adapters.Failure](err); err != nil && !ok && !errors.Is(err, adapters.ErrNotPublished) {
			t.Errorf("got %v, want a Failure or ErrNotPublished", err)
		}
	})
}
