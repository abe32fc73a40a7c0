// Package facebooktest is a fake of the part of Meta's Graph API that publishes on
// one Facebook Page and reads it: credentials, permissions, lengths, the rule
// against the same text twice, lists with cursors, and the platform's own errors.
//
// It takes photos that are not published and posts that have one, and no comments and no scheduled posts; parameters of those are ignored, as the platform ignores what it does
// not know.
package facebooktest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/internal/graph/graphtest"
)

// maxText is the bound on a message, in code points.
const maxText = 63206

// Config says which page there is. PageID, Token and AppSecret have no default:
// a platform without them refuses every call.
type Config struct {
	PageID    string // in digits
	PageName  string // "" for "Tocsin"
	Token     string // the page's access token
	AppID     string // asks debug_token, together with AppSecret; "" refuses that
	AppSecret string // of the app that Token belongs to
	Version   string // the one version that is alive; "" for "v25.0"
	// Scopes are the permissions of Token; nil for all that publishing needs.
	Scopes []string
	// PublicURL is what a post's number is appended to for its public address;
	// "" for "https://www.facebook.com/".
	PublicURL string
	Now       func() time.Time // the platform's clock; nil for time.Now
}

// A Platform is a Facebook with one page.
type Platform struct {
	adapterstest.Faults

	c     Config
	front *graphtest.Front
	wall  *graphtest.Wall

	// mu guards photos.
	mu     sync.Mutex
	photos []*photo // their numbers are their places, counted from 1
}

// A photo was uploaded and is on no post.
type photo struct {
	sha256, alt string
	data        []byte
	until       time.Time // when it is thrown away
}

const (
	firstPhoto = 122200000000000000
	keeps      = 24 * time.Hour // a temporary photo
	maxAlt     = 1000           // code points
)

var _ adapterstest.Conditioned = (*Platform)(nil)

// New returns a platform with an empty page.
func New(c Config) *Platform {
	if c.PageName == "" {
		c.PageName = "Tocsin"
	}
	if c.Version == "" {
		c.Version = graphtest.Version
	}
	if c.Scopes == nil {
		c.Scopes = []string{"pages_manage_posts", "pages_read_engagement", "pages_show_list"}
	}
	if c.PublicURL == "" {
		c.PublicURL = "https://www.facebook.com/"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Platform{
		c: c,
		front: &graphtest.Front{
			Version: c.Version, Account: c.PageID, Token: c.Token, AppID: c.AppID,
			AppSecret: c.AppSecret, Scopes: c.Scopes, Now: c.Now,
		},
		wall: graphtest.NewWall(c.Now),
	}
}

// Live returns the posts on the page, in order of publication.
func (p *Platform) Live() []adapterstest.Live {
	var live []adapterstest.Live
	for _, post := range p.wall.Public() {
		live = append(live, adapterstest.Live{ID: post.ID, Text: post.Text, First: post.First, Image: post.Image, Alt: post.Alt, At: post.At, URL: post.URL})
	}
	return live
}

// SetCondition puts the page into a condition of [adapterstest.Conditioned].
func (p *Platform) SetCondition(c adapterstest.Condition) error {
	if _, err := adapterstest.ParseCondition(string(c)); err != nil {
		return err
	}
	p.front.SetCondition(string(c))
	return nil
}

// Delete lets somebody on the page delete the post id, and reports whether there
// was one.
func (p *Platform) Delete(id string) bool { return p.wall.Remove(id) }

// Edit lets somebody on the page change the text of the post id.
func (p *Platform) Edit(id, text string) bool {
	return p.wall.Change(id, func(post *graphtest.Post) { post.Text = text })
}

// Hide lets somebody on the page hide the post id.
func (p *Platform) Hide(id string) bool {
	return p.wall.Change(id, func(post *graphtest.Post) { post.Hidden = true })
}

// Unpublish lets somebody on the page turn the post id into a draft.
func (p *Platform) Unpublish(id string) bool {
	return p.wall.Change(id, func(post *graphtest.Post) { post.Draft = true })
}

// ServeHTTP answers one call to the Graph API.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.IsDown() {
		adapterstest.Drop()
	}
	req, ok := p.front.Open(w, r)
	if !ok {
		return
	}
	edge := req.Edge
	ours := req.Object == p.c.PageID && p.c.PageID != "" && !p.front.Is(graphtest.Stranger)
	switch {
	case r.Method == http.MethodGet && edge == "" && !ours:
		p.readPost(w, r, req.Object)
	case r.Method == http.MethodPost && edge == "" && !ours:
		p.edit(w, r, req.Object)
	case !ours:
		graphtest.Refuse(w, graphtest.Absent(r.Method, req.Object))
	case r.Method == http.MethodPost && edge == "feed":
		p.feed(w, r)
	case r.Method == http.MethodPost && edge == "photos":
		p.upload(w, r)
	case r.Method == http.MethodGet && (edge == "published_posts" || edge == "feed" || edge == "posts"):
		p.list(w, r)
	case r.Method == http.MethodGet && edge == "":
		p.readPage(w, r)
	default:
		graphtest.Refuse(w, graphtest.Unknown(r))
	}
}

// feed publishes a post on the page.
func (p *Platform) feed(w http.ResponseWriter, r *http.Request) {
	// Facebook cuts white space at both ends and ends lines in one way.
	text := strings.TrimSpace(strings.ReplaceAll(r.Form.Get("message"), "\r\n", "\n"))
	image, attached := p.attached(r.Form.Get("attached_media"))
	switch n := utf8.RuneCountInString(text); {
	case p.front.Missing("pages_manage_posts", "pages_read_engagement") != "":
		graphtest.Refuse(w, graphtest.Refusal{
			Status: http.StatusForbidden, Code: 200,
			Message: "(#200) If posting to a page, requires both pages_read_engagement and pages_manage_posts as an admin with sufficient administrative permission",
		})
	case n == 0:
		graphtest.Refuse(w, graphtest.Invalid("The parameter message is required"))
	case !utf8.ValidString(text):
		graphtest.Refuse(w, graphtest.Invalid("Param message must be a valid UTF-8 string"))
	case n > maxText:
		graphtest.Refuse(w, graphtest.Invalid(fmt.Sprintf("Param message must be at most %d characters long", maxText)))
	case !attached:
		graphtest.Refuse(w, graphtest.Invalid("Photos should be less than 10 MB and saved as JPG, PNG, GIF, TIFF, HEIF or WebP files; attached_media: invalid media_fbid"))
	case text == p.wall.Newest():
		graphtest.Refuse(w, duplicate())
	default:
		p.play(w, r, p.Take(), text, image)
	}
}

// upload takes a photo that is not published.
func (p *Platform) upload(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("source")
	var data []byte
	if err == nil {
		defer file.Close()
		data, err = io.ReadAll(file)
	}
	alt := r.Form.Get("alt_text_custom")
	switch {
	case p.front.Missing("pages_manage_posts", "pages_read_engagement") != "":
		graphtest.Refuse(w, graphtest.Refusal{Status: http.StatusForbidden, Code: 200, Message: "(#200) The user hasn't authorized the application to perform this action"})
	case r.Form.Get("published") != "false":
		graphtest.Refuse(w, graphtest.Invalid("this stand-in takes photos with published=false alone"))
	case utf8.RuneCountInString(alt) > maxAlt:
		graphtest.Refuse(w, graphtest.Invalid("Param alt_text_custom is too long"))
	case err != nil || p.front.Is(graphtest.NoPictures) || http.DetectContentType(data) != "image/jpeg" && http.DetectContentType(data) != "image/png":
		graphtest.Refuse(w, graphtest.Refusal{Code: 324, Message: "(#324) Missing or invalid image file"})
	default:
		sum := sha256.Sum256(data)
		p.mu.Lock()
		p.photos = append(p.photos, &photo{sha256: hex.EncodeToString(sum[:]), alt: alt, data: data, until: p.c.Now().Add(keeps)})
		id := firstPhoto + len(p.photos)
		p.mu.Unlock()
		graphtest.Respond(w, map[string]string{"id": strconv.Itoa(id)})
	}
}

// attached returns the photo that a post is to have, nil for none, and false where there is no such
// photo any more.
func (p *Platform) attached(param string) (*photo, bool) {
	if param == "" {
		return nil, true
	}
	var list []struct {
		ID string `json:"media_fbid"`
	}
	if json.Unmarshal([]byte(param), &list) != nil || len(list) != 1 {
		return nil, false
	}
	id, err := strconv.Atoi(list[0].ID)
	p.mu.Lock()
	defer p.mu.Unlock()
	n := id - firstPhoto
	if err != nil || n < 1 || n > len(p.photos) || !p.c.Now().Before(p.photos[n-1].until) {
		return nil, false
	}
	return p.photos[n-1], true
}

// TakeImage lets somebody on the page take the photo from the post id.
func (p *Platform) TakeImage(id string) (had bool) {
	p.wall.Change(id, func(post *graphtest.Post) {
		had = post.Image != ""
		post.Image, post.Alt = "", ""
	})
	return had
}

// Image returns the bytes of a photo that was uploaded, by their SHA-256; nil for none.
func (p *Platform) Image(sha256 string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.photos {
		if f.sha256 == sha256 {
			return f.data
		}
	}
	return nil
}

// edit changes the message of the post id: all posts here were made by the app that asks.
func (p *Platform) edit(w http.ResponseWriter, r *http.Request, id string) {
	text := strings.TrimSpace(strings.ReplaceAll(r.Form.Get("message"), "\r\n", "\n"))
	_, there := p.wall.Get(id)
	switch n := utf8.RuneCountInString(text); {
	case !there:
		graphtest.Refuse(w, graphtest.Absent(r.Method, id))
	case p.front.Missing("pages_manage_posts", "pages_read_engagement") != "":
		graphtest.Refuse(w, graphtest.Refusal{
			Status: http.StatusForbidden, Code: 200,
			Message: "(#200) requires both pages_read_engagement and pages_manage_posts as an admin with sufficient administrative permission",
		})
	case n == 0 || !utf8.ValidString(text):
		graphtest.Refuse(w, graphtest.Invalid("Param message must be a valid UTF-8 string that is not empty"))
	case n > maxText:
		graphtest.Refuse(w, graphtest.Invalid(fmt.Sprintf("Param message must be at most %d characters long", maxText)))
	default:
		f := p.Take()
		p.perform(w, r, f, func() any {
			if f.Kind == adapterstest.Alter {
				text += " [modificato]"
			}
			p.Edit(id, text)
			if f.Kind == adapterstest.Delete {
				p.wall.Remove(id)
			}
			return map[string]bool{"success": true}
		})
	}
}

// play publishes text under the script f.
func (p *Platform) play(w http.ResponseWriter, r *http.Request, f adapterstest.Fault, text string, image *photo) {
	p.perform(w, r, f, func() any { return p.apply(f, text, image) })
}

// perform does a public write under the script f: do applies it and returns the good answer.
func (p *Platform) perform(w http.ResponseWriter, r *http.Request, f adapterstest.Fault, do func() any) {
	f.PlayBefore(r)
	switch f.Kind {
	case adapterstest.Throttle:
		p.front.Throttle(w, "pages", f.Wait)
		graphtest.Refuse(w, graphtest.Refusal{
			Status: http.StatusForbidden, Code: 80001,
			Message: "(#80001) There have been too many calls to this Page account. Wait a bit and try again.",
		})
		return
	case adapterstest.AuthGone:
		graphtest.Refuse(w, graphtest.Expired())
		return
	case adapterstest.Credits:
		// A page has no budget that money refills: its only "no more for some
		// hours" is the block for posting too fast.
		graphtest.Refuse(w, graphtest.Refusal{
			Code: 368, Subcode: 1390008, Message: "The action attempted has been deemed abusive or is otherwise disallowed",
			Title: "You're Temporarily Blocked", Text: "It looks like you were misusing this feature by going too fast.",
		})
		return
	default:
	}
	answer := do()
	switch {
	case f.PlayAfter(w, r):
	case f.Kind == adapterstest.Apply500, f.Kind == adapterstest.ApplyRefuse:
		graphtest.Refuse(w, graphtest.Refusal{
			Status: http.StatusInternalServerError, Code: 2, Transient: true,
			Message: "An unexpected error has occurred. Please retry your request later.",
		})
	case f.Kind == adapterstest.DuplicateOf:
		graphtest.Refuse(w, duplicate())
	default:
		graphtest.Respond(w, answer)
	}
}

// apply puts text on the page, and does what f says happens to it there.
func (p *Platform) apply(f adapterstest.Fault, text string, image *photo) any {
	lag := time.Duration(0)
	switch f.Kind {
	case adapterstest.Lag:
		lag = f.Wait
	case adapterstest.Alter:
		text += " [modificato]"
	default:
	}
	post := p.wall.Add(lag, func(n int) graphtest.Post {
		id := fmt.Sprintf("%s_%d", p.c.PageID, 122100000000000000+n)
		post := graphtest.Post{ID: id, Text: text, URL: p.c.PublicURL + id}
		if image != nil {
			post.Image, post.Alt = image.sha256, image.alt
		}
		return post
	})
	if f.Kind == adapterstest.Delete {
		p.wall.Remove(post.ID)
	}
	return map[string]string{"id": post.ID}
}

func duplicate() graphtest.Refusal {
	return graphtest.Refusal{
		Code: 506, Message: "(#506) Duplicate status message",
		Title: "Duplicate Status Update", Text: "This status update is identical to the last one you posted. Try posting something different, or delete your previous update.",
	}
}

// node returns a post as the API shows it.
func (p *Platform) node(post graphtest.Post) graphtest.Node {
	at := post.At.Format(graphtest.TimeLayout)
	node := graphtest.Node{
		"id": post.ID, "message": post.Text, "created_time": at, "updated_time": at,
		"is_published": !post.Draft, "is_hidden": post.Hidden, "permalink_url": post.URL,
		"status_type": "mobile_status_update", "from": map[string]string{"id": p.c.PageID, "name": p.c.PageName},
		"application": map[string]string{"id": p.c.AppID, "name": "Tocsin"},
		"attachments": nil,
	}
	if post.Image != "" {
		node["attachments"] = map[string]any{"data": []any{map[string]any{"type": "photo", "title": "Foto", "url": post.URL}}}
	}
	return node
}

func (p *Platform) readPost(w http.ResponseWriter, r *http.Request, id string) {
	post, ok := p.wall.Get(id)
	if !ok {
		graphtest.Refuse(w, graphtest.Absent(r.Method, id))
		return
	}
	if p.unreadable(w) {
		return
	}
	graphtest.Show(w, r, "PagePost", p.node(post), "created_time", "message")
}

func (p *Platform) readPage(w http.ResponseWriter, r *http.Request) {
	node := graphtest.Node{"id": p.c.PageID, "name": p.c.PageName, "is_published": true}
	graphtest.Show(w, r, "Page", node, "name")
}

func (p *Platform) list(w http.ResponseWriter, r *http.Request) {
	if p.unreadable(w) {
		return
	}
	p.wall.List(w, r, "PagePost", p.node, "created_time", "message")
}

// unreadable reports whether the token may not read the page, after it has said so.
func (p *Platform) unreadable(w http.ResponseWriter) bool {
	if p.front.Missing("pages_read_engagement") == "" {
		return false
	}
	graphtest.Refuse(w, graphtest.Refusal{
		Status: http.StatusForbidden, Code: 10,
		Message: "(#10) This endpoint requires the 'pages_read_engagement' permission or the 'Page Public Content Access' feature.",
	})
	return true
}
