// Package instagramtest is a fake of the part of Meta's Graph API that publishes
// on one Instagram professional account and reads it: credentials, permissions,
// containers with their states and their end, the image fetched from its public
// address and looked at, the daily quota, lists with cursors, and the platform's
// own errors.
//
// It has no video, no carousel, no comments of others and no deletion through the API;
// parameters of those are ignored, as the platform ignores what it does not know.
package instagramtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/internal/graph/graphtest"
)

// Config says which account there is. UserID, Token and AppSecret have no
// default: a platform without them refuses every call.
type Config struct {
	UserID    string // the professional account's number, in digits
	Username  string // "" for "tocsin"
	Token     string // the account's access token
	AppID     string // asks debug_token, together with AppSecret; "" refuses that
	AppSecret string // of the app that Token belongs to
	Version   string // the one version that is alive; "" for "v25.0"
	// Scopes are the permissions of Token; nil for all that publishing needs.
	Scopes []string
	// Client fetches the images; nil for one that waits 10 seconds.
	Client *http.Client
	// ReadyAfter and ReadyAfterPolls say how long a container is IN_PROGRESS: for
	// that time, and for that many questions; 0 for not at all.
	ReadyAfter      time.Duration
	ReadyAfterPolls int
	Quota           int // publications in 24 hours; 0 for 50
	Containers      int // containers in 24 hours, published or not; 0 for 400
	// PublishesAgain makes a second post of a container that is published, where else
	// the first one's number is answered. What Instagram does is not documented:
	// who publishes a container twice must not rely on either.
	PublishesAgain bool
	// HidesAt shows captions without @, as to an app that is no administrator of
	// the account.
	HidesAt bool
	// PublicURL is the site, with a slash at the end; "" for
	// "https://www.instagram.com/".
	PublicURL string
	Now       func() time.Time // the platform's clock; nil for time.Now
}

const (
	day = 24 * time.Hour
	// maxComment is the bound on a comment, in code points.
	maxComment = 300
	// forgotten is after how long a container is unknown, published or not.
	forgotten = 48 * time.Hour
)

// A Platform is an Instagram with one professional account.
type Platform struct {
	adapterstest.Faults

	c     Config
	front *graphtest.Front
	wall  *graphtest.Wall

	// mu guards what follows. It is held while a container is published, so that
	// none is published twice by calls at the same time.
	mu         sync.Mutex
	made       int // containers, ever
	containers map[string]*container
	order      []string    // of containers, in which they were made
	recent     []time.Time // when the containers of the last 24 hours were made
	published  []time.Time // publications of the last 24 hours
}

// A container is a post that is not public yet.
type container struct {
	caption string
	image   string // SHA-256
	address string // of the image
	alt     string
	made    time.Time
	polls   int
	broken  string // what went wrong with it; "" for nothing
	// stuck is one that never gets ready, discarded one that was thrown away before its time.
	stuck, discarded bool
	media            string // the post that was made of it; "" for none
}

var _ adapterstest.Conditioned = (*Platform)(nil)

// New returns a platform with an empty account.
func New(c Config) *Platform {
	if c.Username == "" {
		c.Username = "tocsin"
	}
	if c.Version == "" {
		c.Version = graphtest.Version
	}
	if c.Scopes == nil {
		c.Scopes = []string{"instagram_basic", "instagram_content_publish", "instagram_manage_comments", "pages_read_engagement"}
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if c.Quota == 0 {
		c.Quota = 50
	}
	if c.Containers == 0 {
		c.Containers = 400
	}
	if c.PublicURL == "" {
		c.PublicURL = "https://www.instagram.com/"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Platform{
		c: c,
		front: &graphtest.Front{
			Version: c.Version, Account: c.UserID, Token: c.Token, AppID: c.AppID,
			AppSecret: c.AppSecret, Scopes: c.Scopes, Now: c.Now,
		},
		wall:       graphtest.NewWall(c.Now),
		containers: make(map[string]*container),
	}
}

// Live returns the posts on the account, in order of publication.
func (p *Platform) Live() []adapterstest.Live {
	var live []adapterstest.Live
	for _, post := range p.wall.Public() {
		live = append(live, adapterstest.Live{
			ID: post.ID, Text: post.Text, First: post.First, Image: post.Image, Alt: post.Alt, At: post.At, URL: post.URL, Comments: post.Comments,
		})
	}
	return live
}

// SetCondition puts the account into a condition of [adapterstest.Conditioned].
func (p *Platform) SetCondition(c adapterstest.Condition) error {
	if _, err := adapterstest.ParseCondition(string(c)); err != nil {
		return err
	}
	p.front.SetCondition(string(c))
	return nil
}

// Delete lets somebody in the app delete the post id, and reports whether there
// was one.
func (p *Platform) Delete(id string) bool { return p.wall.Remove(id) }

// Edit lets somebody in the app change caption and alternative text of the post id.
func (p *Platform) Edit(id, caption, alt string) bool {
	return p.wall.Change(id, func(post *graphtest.Post) { post.Text, post.Alt = caption, alt })
}

// Break lets the container id fail with the platform's words why, and reports
// whether there is one.
func (p *Platform) Break(id, why string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.containers[id]
	if ok {
		c.broken = why
	}
	return ok
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
	ours := req.Object == p.c.UserID && p.c.UserID != "" && !p.front.Is(graphtest.Stranger)
	switch {
	case p.front.Missing("instagram_basic") != "":
		graphtest.Refuse(w, forbidden("instagram_basic"))
	case r.Method == http.MethodGet && edge == "" && !ours:
		p.readObject(w, r, req.Object)
	case edge == "comments" && !ours:
		p.comments(w, r, req.Object)
	case !ours:
		graphtest.Refuse(w, graphtest.Absent(r.Method, req.Object))
	case r.Method == http.MethodPost && (edge == "media" || edge == "media_publish"):
		p.write(w, r, edge)
	case r.Method == http.MethodGet && edge == "media":
		p.wall.List(w, r, "ShadowIGMedia", p.node)
	case r.Method == http.MethodGet && edge == "content_publishing_limit":
		p.limit(w, r)
	case r.Method == http.MethodGet && edge == "":
		graphtest.Show(w, r, "IGUser", graphtest.Node{"id": p.c.UserID, "username": p.c.Username, "name": p.c.Username})
	default:
		graphtest.Refuse(w, graphtest.Unknown(r))
	}
}

func forbidden(scope string) graphtest.Refusal {
	return graphtest.Refusal{
		Status: http.StatusForbidden, Code: 10,
		Message: fmt.Sprintf("(#10) Application does not have permission for this action: %s", scope),
	}
}

func (p *Platform) write(w http.ResponseWriter, r *http.Request, edge string) {
	switch missing := p.front.Missing("instagram_content_publish", "pages_read_engagement"); {
	case missing != "":
		graphtest.Refuse(w, forbidden(missing))
	case edge == "media":
		p.create(w, r)
	default:
		p.publish(w, r)
	}
}

// create makes a container.
func (p *Platform) create(w http.ResponseWriter, r *http.Request) {
	c := &container{caption: r.Form.Get("caption"), alt: r.Form.Get("alt_text"), address: r.Form.Get("image_url")}
	if refusal := refuseWords(c); refusal.Code != 0 {
		graphtest.Refuse(w, refusal)
		return
	}
	sum, refusal := p.fetch(r.Context(), c.address)
	if refusal.Code != 0 {
		graphtest.Refuse(w, refusal)
		return
	}
	c.image = sum
	id, ok := p.keep(c)
	if !ok {
		graphtest.Refuse(w, overQuota())
		return
	}
	graphtest.Respond(w, map[string]string{"id": id})
}

// keep gives c its number, unless the account has made all containers that the
// platform allows in 24 hours, whatever became of them.
func (p *Platform) keep(c *container) (id string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.made = p.c.Now()
	for len(p.order) > 0 && c.made.Sub(p.containers[p.order[0]].made) > forgotten {
		delete(p.containers, p.order[0])
		p.order = p.order[1:]
	}
	for len(p.recent) > 0 && c.made.Sub(p.recent[0]) >= day {
		p.recent = p.recent[1:]
	}
	if len(p.recent) >= p.c.Containers {
		return "", false
	}
	p.made++
	id = strconv.Itoa(17900000000000000 + p.made)
	p.containers[id] = c
	p.order, p.recent = append(p.order, id), append(p.recent, c.made)
	return id, true
}

// state returns what status_code says of c.
func (p *Platform) state(c *container) string {
	age := p.c.Now().Sub(c.made)
	switch {
	case c.media != "":
		return "PUBLISHED"
	case c.broken != "":
		return "ERROR"
	case age >= day, c.discarded:
		return "EXPIRED"
	case c.stuck, age < p.c.ReadyAfter, c.polls < p.c.ReadyAfterPolls:
		return "IN_PROGRESS"
	}
	return "FINISHED"
}

// publish makes a container public.
func (p *Platform) publish(w http.ResponseWriter, r *http.Request) {
	c, media, refusal := p.ready(r.Form.Get("creation_id"))
	switch {
	case refusal.Code != 0:
		graphtest.Refuse(w, refusal)
	case media != "":
		// The platform's answer to a second publication is not documented: this
		// is "once or never", PublishesAgain is the other one.
		graphtest.Respond(w, map[string]string{"id": media})
	default:
		p.play(w, r, p.Take(), c)
	}
}

// ready returns the container id if it can be published, with the post that was
// made of it already, or else why it can't.
func (p *Platform) ready(id string) (c *container, media string, refusal graphtest.Refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.containers[id]
	switch {
	case id == "":
		return nil, "", graphtest.Invalid("The parameter creation_id is required")
	case !ok:
		return nil, "", graphtest.Refusal{Code: 24, Subcode: 2207006, Message: "The requested resource does not exist", Title: "Media Not Found", Text: "The media with this id cannot be found."}
	}
	switch p.state(c) {
	case "PUBLISHED":
		if !p.c.PublishesAgain {
			return c, c.media, graphtest.Refusal{}
		}
	case "ERROR":
		return nil, "", graphtest.Refusal{Code: -1, Subcode: 2207032, Message: "Fatal", Title: "Media Creation Failed", Text: c.broken}
	case "EXPIRED", "IN_PROGRESS":
		return nil, "", unready(p.state(c))
	}
	if p.used() >= p.c.Quota || p.front.Is(graphtest.Spent) {
		return nil, "", overQuota()
	}
	return c, "", graphtest.Refusal{}
}

// unready is the answer for a container that is too old, or not ready yet.
func unready(state string) graphtest.Refusal {
	if state == "EXPIRED" {
		return graphtest.Refusal{Code: -2, Subcode: 2207020, Message: "Fatal", Title: "Media Expired", Text: "The media has expired; upload it again."}
	}
	return graphtest.Refusal{Code: 9007, Subcode: 2207027, Message: "Media ID is not available", Title: "Not Ready", Text: "The media is not ready to be published; wait a moment."}
}

// used returns how many posts were published in the last 24 hours. The caller
// holds mu.
func (p *Platform) used() int {
	now, n := p.c.Now(), 0
	for _, at := range p.published {
		if now.Sub(at) < day {
			p.published[n] = at
			n++
		}
	}
	p.published = p.published[:n]
	return n
}

func overQuota() graphtest.Refusal {
	return graphtest.Refusal{
		Status: http.StatusForbidden, Code: 9, Subcode: 2207042, Message: "Application request limit reached",
		Title: "Publishing Limit Reached", Text: "You reached the maximum number of posts that the Content Publishing API allows.",
	}
}

// comments adds a comment of the account below the post id, or lists them.
func (p *Platform) comments(w http.ResponseWriter, r *http.Request, id string) {
	post, there := p.wall.Get(id)
	text := strings.TrimSpace(r.Form.Get("message"))
	switch n := utf8.RuneCountInString(text); {
	case !there:
		graphtest.Refuse(w, graphtest.Absent(r.Method, id))
	case p.front.Missing("instagram_manage_comments") != "":
		graphtest.Refuse(w, forbidden("instagram_manage_comments"))
	case r.Method == http.MethodGet:
		var nodes []graphtest.Node
		for i, comment := range slices.Backward(post.Comments) {
			nodes = append(nodes, graphtest.Node{
				"id": fmt.Sprintf("%s%03d", id, i+1), "text": comment, "timestamp": post.At.Format(graphtest.TimeLayout), "username": p.c.Username,
			})
		}
		graphtest.Page(w, r, "IGComment", nodes)
	case n == 0 || n > maxComment:
		graphtest.Refuse(w, graphtest.Invalid(fmt.Sprintf("Param message must have 1 to %d characters", maxComment)))
	default:
		f := p.Take()
		p.perform(w, r, f, func() any {
			if f.Kind == adapterstest.Alter {
				text += " [modificato]"
			}
			count := 0
			p.wall.Change(id, func(post *graphtest.Post) {
				if f.Kind != adapterstest.Delete {
					post.Comments = append(post.Comments[:len(post.Comments):len(post.Comments)], text)
				}
				count = len(post.Comments)
			})
			return map[string]string{"id": fmt.Sprintf("%s%03d", id, count)}
		})
	}
}

// play publishes c under the script f.
func (p *Platform) play(w http.ResponseWriter, r *http.Request, f adapterstest.Fault, c *container) {
	if f.Kind == adapterstest.Stuck || f.Kind == adapterstest.Discard {
		p.mu.Lock()
		c.stuck, c.discarded = f.Kind == adapterstest.Stuck, f.Kind == adapterstest.Discard
		refusal := unready(p.state(c))
		p.mu.Unlock()
		graphtest.Refuse(w, refusal)
		return
	}
	p.perform(w, r, f, func() any { return p.apply(f, c) })
}

// perform does a public write under the script f: do applies it and returns the good answer.
func (p *Platform) perform(w http.ResponseWriter, r *http.Request, f adapterstest.Fault, do func() any) {
	f.PlayBefore(r)
	switch f.Kind {
	case adapterstest.Throttle:
		p.front.Throttle(w, "instagram", f.Wait)
		graphtest.Refuse(w, graphtest.Refusal{
			Status: http.StatusForbidden, Code: 80002,
			Message: "(#80002) There have been too many calls to this Instagram account. Wait a bit and try again.",
		})
		return
	case adapterstest.AuthGone:
		graphtest.Refuse(w, graphtest.Expired())
		return
	case adapterstest.Credits:
		graphtest.Refuse(w, overQuota())
		return
	default:
	}
	answer := do()
	switch {
	case f.PlayAfter(w, r):
	case f.Kind == adapterstest.Apply500:
		// Not a 500: the platform says its own fault with the status of a refusal.
		graphtest.Refuse(w, graphtest.Refusal{Code: -1, Subcode: 2207001, Message: "Fatal", Title: "Server Error", Text: "Instagram server error. Try again."})
	case f.Kind == adapterstest.ApplyRefuse:
		graphtest.Refuse(w, graphtest.Refusal{
			Status: http.StatusForbidden, Code: 4, Subcode: 2207051, Message: "Application request limit reached",
			Title: "Action is blocked", Text: "We restrict certain activity to protect our community.",
		})
	case f.Kind == adapterstest.DuplicateOf:
		adapterstest.Drop() // the platform does not look for the same content
	default:
		graphtest.Respond(w, answer)
	}
}

// apply makes c public, and does what f says happens to the post.
func (p *Platform) apply(f adapterstest.Fault, c *container) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.media != "" && !p.c.PublishesAgain {
		return map[string]string{"id": c.media}
	}
	lag, caption := time.Duration(0), c.caption
	switch f.Kind {
	case adapterstest.Lag:
		lag = f.Wait
	case adapterstest.Alter:
		caption += " [modificato]"
	default:
	}
	post := p.wall.Add(lag, func(n int) graphtest.Post {
		return graphtest.Post{
			ID: strconv.Itoa(18000000000000000 + n), Text: caption, Image: c.image, Alt: c.alt,
			URL: p.c.PublicURL + "p/" + shortcode(n) + "/", Source: c.address,
		}
	})
	c.media = post.ID
	p.published = append(p.published, post.At)
	if f.Kind == adapterstest.Delete {
		p.wall.Remove(post.ID)
	}
	return map[string]string{"id": post.ID}
}

// shortcode returns the name of the post n in its public address.
func shortcode(n int) string { return "DT" + strings.ToUpper(strconv.FormatInt(int64(1679616+n), 36)) }

// readObject answers for a post or a container.
func (p *Platform) readObject(w http.ResponseWriter, r *http.Request, id string) {
	if post, ok := p.wall.Get(id); ok {
		graphtest.Show(w, r, "ShadowIGMedia", p.node(post))
		return
	}
	p.mu.Lock()
	c, ok := p.containers[id]
	node := graphtest.Node{"id": id}
	if ok {
		node["status_code"], node["status"] = p.state(c), p.words(c)
		c.polls++
	}
	p.mu.Unlock()
	if !ok {
		graphtest.Refuse(w, graphtest.Absent(r.Method, id))
		return
	}
	graphtest.Show(w, r, "ShadowIGMediaBuilder", node)
}

// words returns the status of c for people. The caller holds mu.
func (p *Platform) words(c *container) string {
	switch state := p.state(c); state {
	case "ERROR":
		return "Error: " + c.broken
	case "FINISHED":
		return "Finished: the media is ready to be published"
	default:
		return state
	}
}

// node returns a post as the API shows it.
func (p *Platform) node(post graphtest.Post) graphtest.Node {
	caption := post.Text
	if p.c.HidesAt {
		caption = strings.ReplaceAll(caption, "@", "")
	}
	code := strings.TrimSuffix(post.URL[strings.LastIndex(strings.TrimSuffix(post.URL, "/"), "/")+1:], "/")
	return graphtest.Node{
		"id": post.ID, "caption": caption, "timestamp": post.At.Format(graphtest.TimeLayout),
		"permalink": post.URL, "shortcode": code, "media_type": "IMAGE", "media_url": post.Source,
		"alt_text": post.Alt, "username": p.c.Username,
	}
}

// limit answers how much of the quota is used.
func (p *Platform) limit(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	used := p.used()
	p.mu.Unlock()
	if p.front.Is(graphtest.Spent) {
		used = p.c.Quota
	}
	node := graphtest.Node{
		"id": nil, "quota_usage": used,
		"config": map[string]int{"quota_total": p.c.Quota, "quota_duration": int(day / time.Second)},
	}
	out, refusal := node.Select("ContentPublishingLimitResponse", r.Form.Get("fields"), "quota_usage")
	if refusal.Code != 0 {
		graphtest.Refuse(w, refusal)
		return
	}
	delete(out, "id") // the one object without a number
	graphtest.Respond(w, map[string]any{"data": []graphtest.Node{out}})
}
