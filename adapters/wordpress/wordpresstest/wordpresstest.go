// Package wordpresstest is a stand-in for a WordPress site that behaves: the part of the REST API
// (wp/v2) by which one user publishes posts with an application password, and reads them.
//
// It knows posts and the user; no media, no blocks, no revisions. It stores content as it is sent,
// shows strangers the text as wptexturize makes it, gives a second post of one slug another slug
// without a word, and refuses in WordPress' words (WP_REST_Posts_Controller).
package wordpresstest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"html"
	"io"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/adapters/adapterstest"
)

const maxBody = 1 << 20

// Config says what the site is. The zero value is usable.
type Config struct {
	User     string // who publishes; "" for "tocsin"
	Password string // the application password; "" for DefaultPassword
	Type     string // the route of posts; "" for "posts"
	// ClosedToStrangers refuses whoever does not log in, as security plug-ins do.
	ClosedToStrangers bool
	Now               func() time.Time // nil for time.Now
}

// DefaultPassword is the application password where [Config] names none, as WordPress shows it.
const DefaultPassword = "abcd EFGH 1234 ijkl MNOP 5678"

// A Platform is the site. It is safe for concurrent use.
type Platform struct {
	adapterstest.Faults
	c Config

	// mu guards what follows.
	mu        sync.Mutex
	posts     []*post // in order of publication
	condition adapterstest.Condition
}

type post struct {
	id             int
	slug, status   string
	title, content string
	first          string
	at, seen       time.Time // reads do not show it before seen
	banner         json.RawMessage
}

var _ adapterstest.Conditioned = (*Platform)(nil)

// New returns a site without posts.
func New(c Config) *Platform {
	c.User = cmp.Or(c.User, "tocsin")
	c.Password = cmp.Or(c.Password, DefaultPassword)
	c.Type = cmp.Or(c.Type, "posts")
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Platform{c: c}
}

// SetCondition puts the site into a condition of [adapterstest.Conditioned].
func (p *Platform) SetCondition(c adapterstest.Condition) error {
	switch c {
	case adapterstest.Good, adapterstest.Revoked, adapterstest.Rightless, adapterstest.Stranger:
	default:
		return adapterstest.ErrNoCondition
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.condition = c
	return nil
}

func (p *Platform) is(c adapterstest.Condition) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.condition == c
}

// Live returns the published posts in order of publication, with the texts that their HTML shows.
func (p *Platform) Live() []adapterstest.Live {
	p.mu.Lock()
	defer p.mu.Unlock()
	var live []adapterstest.Live
	for _, q := range p.posts {
		if q.status == "publish" {
			live = append(live, adapterstest.Live{
				ID: strconv.Itoa(q.id), Text: plain(q.content), First: plain(q.first), At: q.at, URL: q.link(),
				Pinned: len(q.banner) > 0 && string(q.banner) != "null",
			})
		}
	}
	return live
}

// Edit lets somebody on the site change the content of a post.
func (p *Platform) Edit(id, content string) bool {
	return p.change(id, func(q *post) { q.content = content })
}

// SetStatus lets somebody on the site make a post a draft, or put it into the trash.
func (p *Platform) SetStatus(id, status string) bool {
	return p.change(id, func(q *post) { q.status = status })
}

func (p *Platform) change(id string, f func(*post)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(id)
	if i >= 0 {
		f(p.posts[i])
	}
	return i >= 0
}

// index returns where a post stands, -1 for nowhere. The caller holds mu.
func (p *Platform) index(id string) int {
	return slices.IndexFunc(p.posts, func(q *post) bool { return strconv.Itoa(q.id) == id })
}

// add gives a post its number and a slug of its own. The caller holds mu.
func (p *Platform) add(q *post) {
	q.id, q.at = 100+7*len(p.posts), p.c.Now().UTC()
	wanted := q.slug
	for n := 2; slices.ContainsFunc(p.posts, func(o *post) bool { return o.slug == q.slug }); n++ {
		q.slug = wanted + "-" + strconv.Itoa(n)
	}
	p.posts = append(p.posts, q)
}

func (q *post) link() string { return "https://www.comune.example.it/" + q.slug + "/" }

// ServeHTTP serves one call of the REST API.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.IsDown() {
		adapterstest.Drop()
	}
	w.Header().Set("Date", p.c.Now().UTC().Format(http.TimeFormat))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "<html>413", http.StatusRequestEntityTooLarge)
		return
	}
	route, ok := strings.CutPrefix(r.URL.Path, "/wp-json/wp/v2/")
	kind, id, _ := strings.Cut(route, "/")
	user, ok2 := p.user(w, r)
	switch {
	case !ok2:
	case !ok || kind != p.c.Type && route != "users/me":
		refuse(w, http.StatusNotFound, "rest_no_route", "No route was found matching the URL and request method.")
	case !user && (p.c.ClosedToStrangers || route == "users/me" || r.Method != http.MethodGet):
		refuse(w, http.StatusUnauthorized, "rest_not_logged_in", "You are not currently logged in.")
	case route == "users/me":
		p.me(w)
	case r.Method == http.MethodGet && id == "":
		p.list(w, r, user)
	case r.Method == http.MethodGet:
		p.show(w, r, id, user)
	case p.is(adapterstest.Rightless):
		refuse(w, http.StatusForbidden, "rest_cannot_create", "Sorry, you are not allowed to create posts as this user.")
	case r.Method == http.MethodPost && id == "":
		p.create(w, r, body)
	case r.Method == http.MethodPost:
		p.update(w, r, id, body)
	case r.Method == http.MethodDelete:
		p.trash(w, id)
	default:
		refuse(w, http.StatusNotFound, "rest_no_route", "No route was found matching the URL and request method.")
	}
}

// user reports whether the call is the user's; it has answered where ok is false.
func (p *Platform) user(w http.ResponseWriter, r *http.Request) (user, ok bool) {
	name, password, given := r.BasicAuth()
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	switch {
	case !given:
		return false, true
	case name != p.c.User:
		refuse(w, http.StatusUnauthorized, "invalid_username", "<strong>Error:</strong> The username is not registered on this site.")
		return false, false
	case squeeze(password) != squeeze(p.c.Password) || p.is(adapterstest.Revoked):
		refuse(w, http.StatusUnauthorized, "incorrect_password", "The provided password is an invalid application password.")
		return false, false
	}
	return true, true
}

func (p *Platform) me(w http.ResponseWriter) {
	may, name := !p.is(adapterstest.Rightless), p.c.User
	if p.is(adapterstest.Stranger) {
		name = "altro"
	}
	respond(w, http.StatusOK, map[string]any{
		"id": 7, "name": "Tocsin", "slug": name, "username": name, "roles": []string{"editor"},
		"capabilities": map[string]bool{"read": true, "publish_posts": may, "edit_published_posts": may, "edit_others_posts": may},
	})
}

// node returns a post as the API shows it.
func (p *Platform) node(q *post, edit bool) map[string]any {
	title, content := map[string]any{"rendered": texturize(html.EscapeString(q.title))}, map[string]any{"rendered": texturize(q.content), "protected": false}
	if edit {
		title["raw"], content["raw"] = q.title, q.content
	}
	at := q.at.Format("2006-01-02T15:04:05")
	return map[string]any{
		"id": q.id, "date_gmt": at, "modified_gmt": at, "slug": q.slug, "status": q.status, "type": "post", "link": q.link(),
		"title": title, "content": content,
	}
}

func (p *Platform) list(w http.ResponseWriter, r *http.Request, user bool) {
	query := r.URL.Query()
	edit := query.Get("context") == "edit"
	status := cmp.Or(query.Get("status"), "publish")
	if !user && (edit || status != "publish") {
		refuse(w, http.StatusBadRequest, "rest_invalid_param", "Invalid parameter(s): status")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := []any{}
	for _, q := range slices.Backward(p.posts) {
		if !q.seen.After(p.c.Now()) && (query.Get("slug") == "" || q.slug == query.Get("slug")) && (status == "any" && q.status != "trash" || q.status == status) {
			found = append(found, p.node(q, edit))
		}
	}
	w.Header().Set("X-WP-Total", strconv.Itoa(len(found)))
	respond(w, http.StatusOK, found)
}

func (p *Platform) show(w http.ResponseWriter, r *http.Request, id string, user bool) {
	edit := r.URL.Query().Get("context") == "edit"
	if edit && !user {
		refuse(w, http.StatusUnauthorized, "rest_forbidden_context", "Sorry, you are not allowed to edit this post.")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(id)
	switch {
	case i < 0 || p.posts[i].seen.After(p.c.Now()):
		absent(w)
	case !user && p.posts[i].status != "publish":
		refuse(w, http.StatusUnauthorized, "rest_forbidden", "Sorry, you are not allowed to do that.")
	default:
		respond(w, http.StatusOK, p.node(p.posts[i], edit))
	}
}

func absent(w http.ResponseWriter) {
	refuse(w, http.StatusNotFound, "rest_post_invalid_id", "Invalid post ID.")
}

type write struct {
	Title      string `json:"title"`
	Content    string `json:"content"`
	Slug       string `json:"slug"`
	Status     string `json:"status"`
	Categories []int  `json:"categories"`
	Meta       struct {
		Banner json.RawMessage `json:"tocsin_banner"`
	} `json:"meta"`
}

func read(w http.ResponseWriter, body []byte) (in write, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "rest_invalid_json", "Invalid JSON body passed.")
		return in, false
	}
	return in, true
}

func (p *Platform) create(w http.ResponseWriter, r *http.Request, body []byte) {
	in, ok := read(w, body)
	switch {
	case !ok:
		return
	case in.Status != "publish" && in.Status != "draft":
		refuse(w, http.StatusBadRequest, "rest_invalid_param", "Invalid parameter(s): status")
		return
	case in.Title == "" && in.Content == "":
		refuse(w, http.StatusBadRequest, "empty_content", "Content, title, and excerpt are empty.")
		return
	}
	f := p.Take()
	p.perform(w, r, f, http.StatusCreated, func() any {
		p.mu.Lock()
		defer p.mu.Unlock()
		q := &post{slug: in.Slug, title: in.Title, content: in.Content, status: in.Status, banner: in.Meta.Banner}
		switch f.Kind {
		case adapterstest.Alter:
			q.content = strings.Replace(q.content, "e", "E", 1)
		case adapterstest.Lag:
			q.seen = p.c.Now().Add(f.Wait)
		default:
		}
		q.first = q.content
		p.add(q)
		if f.Kind == adapterstest.Delete {
			q.status = "trash"
			q.slug += "__trashed"
		}
		return p.node(q, true)
	})
}

func (p *Platform) update(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	in, ok := read(w, body)
	if !ok {
		return
	}
	p.mu.Lock()
	i := p.index(id)
	gone := i < 0 || p.posts[i].status == "trash"
	p.mu.Unlock()
	if gone {
		absent(w)
		return
	}
	f := p.Take()
	p.perform(w, r, f, http.StatusOK, func() any {
		p.mu.Lock()
		defer p.mu.Unlock()
		q := p.posts[i]
		q.content, q.title = in.Content, cmp.Or(in.Title, q.title)
		if in.Meta.Banner != nil {
			q.banner = in.Meta.Banner
		}
		node := p.node(q, true)
		if f.Kind == adapterstest.Alter {
			q.content = strings.Replace(q.content, "e", "E", 1)
		}
		return node
	})
}

func (p *Platform) trash(w http.ResponseWriter, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(id)
	switch {
	case i < 0:
		absent(w)
	case p.posts[i].status == "trash":
		refuse(w, http.StatusGone, "rest_already_trashed", "The post has already been deleted.")
	default:
		p.posts[i].status = "trash"
		p.posts[i].slug += "__trashed"
		respond(w, http.StatusOK, p.node(p.posts[i], true))
	}
}

// perform does a public write under the script f: do applies it and returns the good answer.
func (p *Platform) perform(w http.ResponseWriter, r *http.Request, f adapterstest.Fault, status int, do func() any) {
	f.PlayBefore(r)
	switch f.Kind {
	case adapterstest.Throttle: // the host's, in front of WordPress
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.Wait.Seconds()))))
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "<html><title>429 Too Many Requests</title>") // a caller that went away needs no answer
		return
	case adapterstest.Credits: // the host's: the disk is full
		w.WriteHeader(http.StatusInsufficientStorage)
		_, _ = io.WriteString(w, "<html><title>507 Insufficient Storage</title>")
		return
	case adapterstest.AuthGone:
		refuse(w, http.StatusUnauthorized, "incorrect_password", "The provided password is an invalid application password.")
		return
	default:
	}
	good := do()
	switch {
	case f.PlayAfter(w, r):
	case f.Kind == adapterstest.DuplicateOf: // WordPress does not look for the same content
		adapterstest.Drop()
	case f.Kind == adapterstest.Apply500, f.Kind == adapterstest.ApplyRefuse: // it inserts before it sets terms and meta
		refuse(w, http.StatusInternalServerError, "db_insert_error", "Could not insert post into the database.")
	default:
		respond(w, status, good)
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	respond(w, status, map[string]any{"code": code, "message": message, "data": map[string]int{"status": status}})
}

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that went away needs no answer
}

// texturize changes a text as wptexturize does, outside of tags.
func texturize(content string) string {
	return regexp.MustCompile(`<[^>]*>|[^<]+`).ReplaceAllStringFunc(content, func(s string) string {
		if strings.HasPrefix(s, "<") {
			return s
		}
		s = strings.NewReplacer("&quot;", "&#8221;", "'", "&#8217;", "---", "&#8212;", " -- ", " &#8212; ", "--", "&#8211;", " - ", " &#8211; ", "...", "&#8230;").Replace(s)
		return regexp.MustCompile(`(\d)x(\d)`).ReplaceAllString(s, "$1&#215;$2")
	})
}

// plain returns the text that HTML shows.
func plain(content string) string {
	s := strings.NewReplacer("<br>\n", "\n", "</p>\n", "\n\n").Replace(content)
	return strings.TrimSpace(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(s, "")))
}
