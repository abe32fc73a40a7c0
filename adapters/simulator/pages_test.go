package simulator_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"tocsin/adapters"
	"tocsin/adapters/simulator"
)

// parse reads a page.
func parse(t testing.TB, a answer) *html.Node {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("the page is %s, want HTML in UTF-8", got)
	}
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// attr returns an attribute of n, "" if it has none of this name.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text returns what n says.
func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	out := ""
	for c := range n.ChildNodes() {
		out += text(c)
	}
	return out
}

// all returns the elements of doc with this name and class, "" for any class.
func all(doc *html.Node, name atom.Atom, class string) []*html.Node {
	var out []*html.Node
	for n := range doc.Descendants() {
		if n.DataAtom == name && (class == "" || attr(n, "class") == class) {
			out = append(out, n)
		}
	}
	return out
}

// shownTexts returns the texts of the posts on a page, from top to bottom.
func shownTexts(t testing.TB, address string) []string {
	t.Helper()
	var out []string
	for _, n := range all(parse(t, do(t, http.MethodGet, address, "")), atom.P, "text") {
		out = append(out, text(n))
	}
	return out
}

// TestTimeline looks at the page of each platform with two posts on it.
func TestTimeline(t *testing.T) {
	t.Parallel()
	for _, kind := range simulator.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			sim := start(t, simulator.Config{Title: "Comune di <Prova>"})
			ch := open(t, sim.Accounts(), kind)
			older, newer := post(t, kind), markedPost(t, kind, "SV-NEWER-1")
			publish(t, ch, older)
			r := publish(t, ch, newer)
			page := do(t, http.MethodGet, sim.URL()+"/"+kind, "")
			doc := parse(t, page)
			if got := shownTexts(t, sim.URL()+"/"+kind); len(got) != 2 || got[0] != newer.Text || got[1] != older.Text {
				t.Errorf("the page shows %q, want the newest first, as they were signed", got)
			}
			checkFrame(t, doc)
			links := 0
			for _, n := range all(doc, atom.A, "") {
				if attr(n, "href") == newer.Link {
					links++
				}
			}
			if want := map[bool]int{true: 0, false: 2}[kind == simulator.Instagram]; links != want {
				t.Errorf("%d links lead to the alert, want %d", links, want)
			}
			permalink := "/" + kind + "/" + r.ID
			if !strings.Contains(page.body, `href="`+permalink+`"`) {
				t.Errorf("no link leads to %s", permalink)
			}
			if got := shownTexts(t, sim.URL()+permalink); len(got) != 1 || got[0] != newer.Text {
				t.Errorf("the page of the post shows %q, want %q", got, newer.Text)
			}
		})
	}
}

// TestTimelineShowsWhatAPostAnswers follows the link from an answer to what it answers.
func TestTimelineShowsWhatAPostAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{simulator.Telegram, simulator.X} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			sim := start(t, simulator.Config{})
			ch := open(t, sim.Accounts(), kind)
			older := publish(t, ch, post(t, kind))
			if _, err := ch.Publish(t.Context(), markedPost(t, kind, "SV-NEWER-1"), adapters.Attempt{N: 1, ReplyTo: older.ID}); err != nil {
				t.Fatal(err)
			}
			var links []string
			for _, n := range all(parse(t, do(t, http.MethodGet, sim.URL()+"/"+kind, "")), atom.P, "answers") {
				for _, a := range all(n, atom.A, "") {
					links = append(links, attr(a, "href"))
				}
			}
			if want := "/" + kind + "/" + older.ID; len(links) != 1 || links[0] != want {
				t.Errorf("links to what is answered: %q, want %q alone", links, want)
			}
			if over := live(t, sim, kind); len(over) != 2 || over[0].ReplyTo != "" || over[1].ReplyTo != older.ID {
				t.Errorf("/api/live has %+v, want the second post to answer the first", over)
			}
		})
	}
}

// checkFrame checks what every page must have.
func checkFrame(t *testing.T, doc *html.Node) {
	t.Helper()
	if root := all(doc, atom.Html, ""); len(root) != 1 || attr(root[0], "lang") != "it" {
		t.Error("the page does not say that it is in Italian")
	}
	if banner := all(doc, atom.P, "banner"); len(banner) != 1 || !strings.HasPrefix(text(banner[0]), "Simulazione.") {
		t.Error("the page does not say that it is a simulation")
	}
	if h1 := all(doc, atom.H1, ""); len(h1) != 1 || text(h1[0]) == "" {
		t.Error("the page has not one heading")
	}
	if len(all(doc, atom.Main, "")) != 1 || len(all(doc, atom.Script, "")) != 0 {
		t.Error("the page has not one main part, or it has a script")
	}
	for _, n := range all(doc, atom.Img, "") {
		if attr(n, "alt") == "" {
			t.Error("an image has no words")
		}
	}
}

// TestRefresh renews the pages by themselves, until somebody stops that.
func TestRefresh(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	for _, path := range []string{"/", "/telegram", "/x", "/facebook", "/instagram"} {
		if got := refreshes(t, sim.URL()+path); got != "10" {
			t.Errorf("%s renews itself every %q seconds, want 10", path, got)
		}
		if got := refreshes(t, sim.URL()+path+"?pausa=1"); got != "" {
			t.Errorf("%s renews itself every %q seconds when it is stopped", path, got)
		}
		for query, want := range map[string]string{"": "?pausa=1", "?pausa=1": path} {
			links := all(parse(t, do(t, http.MethodGet, sim.URL()+path+query, "")), atom.A, "")
			if attr(links[0], "href") != "#main" || attr(links[1], "href") != want {
				t.Errorf("%s begins with links to %q and %q: want the content and then %q", path+query, attr(links[0], "href"), attr(links[1], "href"), want)
			}
		}
	}
}

func refreshes(t *testing.T, address string) string {
	t.Helper()
	for _, n := range all(parse(t, do(t, http.MethodGet, address, "")), atom.Meta, "") {
		if attr(n, "http-equiv") == "refresh" {
			return attr(n, "content")
		}
	}
	return ""
}

// TestImage shows the image on Instagram's timeline, with its words, as it was
// fetched.
func TestImage(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	p := post(t, simulator.Instagram)
	publish(t, open(t, sim.Accounts(), simulator.Instagram), p)
	images := all(parse(t, do(t, http.MethodGet, sim.URL()+"/instagram", "")), atom.Img, "")
	if len(images) != 1 || attr(images[0], "alt") != p.Image.Alt {
		t.Fatalf("%d images, want one with the signed words", len(images))
	}
	a := do(t, http.MethodGet, sim.URL()+attr(images[0], "src"), "")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "image/jpeg" || a.body != string(p.Image.Data) {
		t.Errorf("status %d, %s, %d bytes: want the image as it was signed", a.status, a.header.Get("Content-Type"), len(a.body))
	}
	for _, other := range []string{strings.Repeat("0", 64), "", "..%2f..%2fstyle.css"} {
		if a := do(t, http.MethodGet, sim.URL()+"/instagram/images/"+other, ""); a.status != http.StatusNotFound {
			t.Errorf("image %q: status %d, want 404", other, a.status)
		}
	}
}

// TestAddresses follows the addresses that the platforms give for a post: those that
// can be set lead to the simulator's own pages.
func TestAddresses(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	for kind, want := range map[string]string{
		simulator.Telegram: "https://t.me/protcivile_demo/", simulator.X: "https://x.com/protcivile_demo/status/",
		simulator.Facebook: sim.URL() + "/facebook/", simulator.Instagram: sim.URL() + "/instagram/p/",
	} {
		p := post(t, kind)
		publish(t, open(t, sim.Accounts(), kind), p)
		address := live(t, sim, kind)[0].URL
		if !strings.HasPrefix(address, want) {
			t.Errorf("%s: the post is at %s, want it below %s", kind, address, want)
		}
		if !strings.HasPrefix(address, sim.URL()) {
			page := do(t, http.MethodGet, sim.URL()+"/"+kind+"/"+live(t, sim, kind)[0].ID, "")
			if !strings.Contains(page.body, address) {
				t.Errorf("%s: the page of the post does not tell the platform's address %s", kind, address)
			}
		} else if got := shownTexts(t, address); len(got) != 1 || got[0] != p.Text {
			t.Errorf("%s: at %s there is %q, want the post", kind, address, got)
		}
	}
}

// TestPagesMissing answers what is not there in words, with the right status.
func TestPagesMissing(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	for path, want := range map[string]int{
		"/healthz": 200, "/": 200, "/telegram": 200, "/style.css": 200, "/api/live": 200,
		"/website": 404, "/telegram/999": 404, "/instagram/p/DT10001/": 404, "/facebook/%3Cscript%3E": 404,
		"/a/b": 404, "/a/b/c": 404, "/favicon.ico": 404,
	} {
		a := do(t, http.MethodGet, sim.URL()+path, "")
		if a.status != want || strings.Contains(a.body, "<script") {
			t.Errorf("%s: status %d, want %d", path, a.status, want)
		}
		if got := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none';") {
			t.Errorf("%s: the policy for its contents is %q", path, got)
		}
	}
	for _, path := range []string{"/telegram", "/api/live", "/api/requests"} {
		if a := do(t, http.MethodPost, sim.URL()+path, ""); a.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: status %d, want 405", path, a.status)
		}
	}
}

// TestTimelineLength shows the newest posts, and says that there are more.
func TestTimelineLength(t *testing.T) {
	t.Parallel()
	sim := start(t, simulator.Config{})
	ch, p := open(t, sim.Accounts(), simulator.Telegram), adapters.Post{Key: "k", Mark: "SV-1-1", Lang: "it"}
	for n := range 103 {
		p.Text = "numero " + strings.Repeat("I", n+1)
		publish(t, ch, p)
	}
	got := shownTexts(t, sim.URL()+"/telegram")
	if len(got) != 100 || got[0] != p.Text || !strings.Contains(do(t, http.MethodGet, sim.URL()+"/telegram", "").body, "non mostrati: 3.") {
		t.Errorf("%d posts from %q on, want the newest 100 and a word on the other 3", len(got), got[0])
	}
}

// TestSegments finds the addresses in a text.
func TestSegments(t *testing.T) {
	t.Parallel()
	type pieces = []simulator.Piece
	for text, want := range map[string]pieces{
		"":                             nil,
		"Nessuno":                      {{Text: "Nessuno"}},
		"http":                         {{Text: "http"}},
		"https://a.it/b":               {{Text: "https://a.it/b", Link: "https://a.it/b"}},
		"Vedi https://a.it/b.":         {{Text: "Vedi "}, {Text: "https://a.it/b", Link: "https://a.it/b"}, {Text: "."}},
		"(http://a.it/b) e https://c":  {{Text: "("}, {Text: "http://a.it/b", Link: "http://a.it/b"}, {Text: ") e "}, {Text: "https://c", Link: "https://c"}},
		"https:// e poi":               {{Text: "https://"}, {Text: " e poi"}},
		"https://a.it\u00a0poi\n":      {{Text: "https://a.it", Link: "https://a.it"}, {Text: "\u00a0poi\n"}},
		"https://a.it/%zz":             {{Text: "https://a.it/%zz"}},
		"اتبع https://a.it/SV-1 الآن":  {{Text: "اتبع "}, {Text: "https://a.it/SV-1", Link: "https://a.it/SV-1"}, {Text: " الآن"}},
		"javascript:alert(1)//http://": {{Text: "javascript:alert(1)//"}, {Text: "http://"}},
	} {
		got := simulator.Segments(text)
		if len(got) != len(want) {
			t.Errorf("%q is cut into %+v, want %+v", text, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q is cut into %+v, want %+v", text, got, want)
			}
		}
	}
}

// FuzzSegments cuts any text: the pieces are the text, and links are addresses.
func FuzzSegments(f *testing.F) {
	for _, s := range []string{"", "a https://b.c/d. e", "http://http://", "https://....", "https://\u2028x", "http://a\xffb c", "\xe2\x80https://x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		joined := ""
		for _, piece := range simulator.Segments(s) {
			joined += piece.Text
			if piece.Text == "" || piece.Link != "" && (piece.Link != piece.Text || !strings.HasPrefix(piece.Link, "http")) {
				t.Errorf("%q has the piece %+v", s, piece)
			}
		}
		if joined != s {
			t.Errorf("%q comes out as %q (valid: %v)", s, joined, utf8.ValidString(s))
		}
	})
}
