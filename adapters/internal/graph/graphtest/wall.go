package graphtest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// TimeLayout is the form of times in answers.
const TimeLayout = "2006-01-02T15:04:05-0700"

// A Post is what a platform remembers of one post.
type Post struct {
	ID     string
	Text   string
	First  string // Text, before anybody changed it
	Image  string // SHA-256 in lower-case hexadecimal, "" for none
	Source string // where the image was fetched
	Alt    string
	URL    string // where the public sees it
	At     time.Time
	Draft  bool // taken out of publication by somebody on the page
	Hidden bool // hidden by somebody on the page

	Comments []string // of the account below the post, in order; never changed in place

	seen time.Time // reads do not show it earlier
	gone bool      // deleted: kept, so that its number is not given again
}

// A Wall remembers the posts of one account. It is safe for concurrent use.
type Wall struct {
	now func() time.Time

	mu    sync.Mutex
	posts []*Post // in order of publication
}

// NewWall returns an empty wall with the platform's clock.
func NewWall(now func() time.Time) *Wall { return &Wall{now: now} }

// Add puts up the post that build makes of its number on this wall, counted from
// 1. Reads show it after lag.
func (wl *Wall) Add(lag time.Duration, build func(n int) Post) Post {
	wl.mu.Lock()
	defer wl.mu.Unlock()
	p := build(len(wl.posts) + 1)
	p.At, p.First = wl.now().UTC(), p.Text
	p.seen = p.At.Add(lag)
	wl.posts = append(wl.posts, &p)
	return p
}

// Change lets somebody on the page change the post id, and reports whether there
// is one.
func (wl *Wall) Change(id string, change func(*Post)) bool {
	wl.mu.Lock()
	defer wl.mu.Unlock()
	for _, p := range wl.posts {
		if p.ID == id && !p.gone {
			change(p)
			return true
		}
	}
	return false
}

// Remove deletes the post id, and reports whether there was one.
func (wl *Wall) Remove(id string) bool {
	return wl.Change(id, func(p *Post) { p.gone = true })
}

// Get returns the post id as reads show it.
func (wl *Wall) Get(id string) (Post, bool) {
	wl.mu.Lock()
	defer wl.mu.Unlock()
	for _, p := range wl.posts {
		if p.ID == id && !p.gone && !wl.now().Before(p.seen) {
			return *p, true
		}
	}
	return Post{}, false
}

// published returns the posts that lists show, the newest first, back to since.
func (wl *Wall) published(since time.Time) []Post {
	wl.mu.Lock()
	defer wl.mu.Unlock()
	var list []Post
	for _, p := range slices.Backward(wl.posts) {
		if !p.gone && !p.Draft && !wl.now().Before(p.seen) && !p.At.Truncate(time.Second).Before(since) {
			list = append(list, *p)
		}
	}
	return list
}

// Public returns the posts before the public, in order of publication.
func (wl *Wall) Public() []Post {
	wl.mu.Lock()
	defer wl.mu.Unlock()
	var list []Post
	for _, p := range wl.posts {
		if !p.gone && !p.Draft && !p.Hidden {
			list = append(list, *p)
		}
	}
	return list
}

// Newest returns the text of the newest post that was not deleted, "" for none.
func (wl *Wall) Newest() string {
	wl.mu.Lock()
	defer wl.mu.Unlock()
	for _, p := range slices.Backward(wl.posts) {
		if !p.gone {
			return p.Text
		}
	}
	return ""
}

// List answers one page of the posts that are published, as node shows them, back
// to the time that the call names in Unix seconds.
func (wl *Wall) List(w http.ResponseWriter, r *http.Request, kind string, node func(Post) Node, byDefault ...string) {
	var since time.Time
	if v := r.Form.Get("since"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			Refuse(w, Invalid(fmt.Sprintf("since %q is not a time in Unix seconds", v)))
			return
		}
		since = time.Unix(n, 0)
	}
	var nodes []Node
	for _, post := range wl.published(since) {
		nodes = append(nodes, node(post))
	}
	Page(w, r, kind, nodes, byDefault...)
}

// A Node is an object of the platform: its fields by name.
type Node map[string]any

// Select returns what of n the parameter "fields" asks for, and always the id. A
// field that the object does not have is refused. Empty strings and nil are left
// out, as the platform does.
func (n Node) Select(kind, fields string, byDefault ...string) (Node, Refusal) {
	names := byDefault
	if fields != "" {
		names = strings.Split(fields, ",")
	}
	out := Node{"id": n["id"]}
	for _, name := range names {
		v, ok := n[name]
		if !ok {
			return nil, Invalid(fmt.Sprintf("Tried accessing nonexisting field (%s) on node type (%s)", name, kind))
		}
		if v != nil && v != "" {
			out[name] = v
		}
	}
	return out, Refusal{}
}

// Show answers what of n the call asks for.
func Show(w http.ResponseWriter, r *http.Request, kind string, n Node, byDefault ...string) {
	out, refusal := n.Select(kind, r.Form.Get("fields"), byDefault...)
	if refusal.Code != 0 {
		Refuse(w, refusal)
		return
	}
	Respond(w, out)
}

// Page answers one page of nodes, from after the cursor that the call names.
func Page(w http.ResponseWriter, r *http.Request, kind string, nodes []Node, byDefault ...string) {
	limit := 25
	if v := r.Form.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 100 {
			Refuse(w, Invalid("Param limit must be a number from 1 to 100"))
			return
		}
		limit = n
	}
	start := 0
	if after := r.Form.Get("after"); after != "" {
		i := slices.IndexFunc(nodes, func(n Node) bool { return cursor(n) == after })
		if i < 0 {
			Refuse(w, Invalid("Invalid cursors values"))
			return
		}
		start = i + 1
	}
	end := min(start+limit, len(nodes))
	data := make([]Node, 0, end-start)
	for _, n := range nodes[start:end] {
		out, refusal := n.Select(kind, r.Form.Get("fields"), byDefault...)
		if refusal.Code != 0 {
			Refuse(w, refusal)
			return
		}
		data = append(data, out)
	}
	answer := map[string]any{"data": data}
	if len(data) > 0 {
		paging := map[string]any{"cursors": map[string]string{"before": cursor(nodes[start]), "after": cursor(nodes[end-1])}}
		if end < len(nodes) {
			paging["next"] = next(r, cursor(nodes[end-1]))
		}
		answer["paging"] = paging
	}
	Respond(w, answer)
}

func cursor(n Node) string {
	id, _ := n["id"].(string)
	return base64.RawURLEncoding.EncodeToString([]byte(id))
}

// next is the address of the page after cursor. It bears the access token, as the
// platform's does: what follows it or keeps it, leaks.
func next(r *http.Request, cursor string) string {
	params := maps.Clone(r.Form)
	params.Set("after", cursor)
	params.Set("access_token", accessToken(r))
	return "https://" + r.Host + r.URL.Path + "?" + params.Encode()
}
