package adapterstest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/internal/wire"
)

// credential is the board's: it has characters that look different in an address.
const credential = "board+SECRET/7f3k2"

// board is the smallest platform that has everything: drafts, posts, a list.
type board struct {
	adapterstest.Faults
	now func() time.Time

	// mu guards drafts, posts and taken.
	mu     sync.Mutex
	drafts map[string]draft // by name
	posts  []notice
	taken  map[string]bool // drafts that are published

	condition adapterstest.Condition
}

// A draft is what the board keeps for a day before it is posted.
type draft struct {
	text, image, alt string
	made             time.Time
}

type notice struct {
	Image string    `json:"image"` // SHA-256
	Alt   string    `json:"alt"`
	ID    string    `json:"id"`
	Text  string    `json:"text"`
	At    time.Time `json:"at"`
	Shown time.Time `json:"shown"` // hidden from reads until then

	ReplyTo string `json:"reply_to"` // the post that it answers, "" for none
	Pinned  bool   `json:"pinned"`
	Hidden  bool   `json:"hidden"` // by somebody else
}

func newBoard(now func() time.Time) *board {
	return &board{now: now, drafts: map[string]draft{}, taken: map[string]bool{}}
}

func (b *board) Live() []adapterstest.Live {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []adapterstest.Live
	for _, n := range b.posts {
		all = append(all, adapterstest.Live{ID: n.ID, Text: n.Text, First: n.Text, Image: n.Image, Alt: n.Alt, At: n.At, URL: "board:" + n.ID, ReplyTo: n.ReplyTo, Pinned: n.Pinned})
	}
	return all
}

// Trouble has somebody else meddle with the board.
func (b *board) Trouble(t adapterstest.Trouble) error {
	id := t.Target(b.Live())
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.Kind == adapterstest.ForeignPost {
		b.posts = append(b.posts, notice{ID: "foreign", Text: t.Text, At: b.now(), Shown: b.now()})
		return nil
	}
	i := slices.IndexFunc(b.posts, func(n notice) bool { return n.ID == id })
	switch {
	case i < 0:
		return adapterstest.ErrNoPost
	case t.Kind == adapterstest.DeletePost:
		b.posts = slices.Delete(b.posts, i, i+1)
	case t.Kind == adapterstest.HidePost:
		b.posts[i].Hidden = true
	default:
		b.posts[i].Text = t.Text
	}
	return nil
}

func (b *board) SetCondition(c adapterstest.Condition) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.condition = c
	return nil
}

func (b *board) is(c adapterstest.Condition) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.condition == c
}

func (b *board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.IsDown() {
		adapterstest.Drop()
	}
	w.Header().Set("Date", b.now().UTC().Format(http.TimeFormat))
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		adapterstest.Drop()
	}
	if r.Header.Get("Authorization") != "Bearer "+credential || b.is(adapterstest.Revoked) {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "who are you"})
		return
	}
	var in map[string]string
	if r.Method != http.MethodGet && json.Unmarshal(body, &in) != nil {
		reply(w, http.StatusBadRequest, map[string]any{"error": "not JSON"})
		return
	}
	id := strings.TrimPrefix(r.URL.Path, "/posts/")
	switch {
	case r.URL.Path == "/me":
		reply(w, http.StatusOK, map[string]any{"me": !b.is(adapterstest.Stranger), "may": !b.is(adapterstest.Rightless), "left": !b.is(adapterstest.Spent)})
	case r.Method == http.MethodPost && r.URL.Path == "/drafts":
		b.draft(w, body, in)
	case r.Method == http.MethodPost && r.URL.Path == "/posts":
		b.write(w, r, in["draft"], in["reply_to"])
	case r.Method == http.MethodPatch:
		b.change(w, r, id, in)
	case r.Method == http.MethodPut:
		b.mu.Lock()
		if !slices.ContainsFunc(b.posts, func(n notice) bool { return n.ID == id }) {
			b.posts = append(b.posts, notice{ID: id, Text: in["text"], At: b.now()})
		}
		b.mu.Unlock()
		reply(w, http.StatusOK, map[string]any{"id": id})
	default:
		b.read(w, id)
	}
}

// draft keeps what is to be posted, under a name that says what it holds.
func (b *board) draft(w http.ResponseWriter, body []byte, in map[string]string) {
	d := draft{text: in["text"], alt: in["alt"], made: b.now()}
	if in["image"] != "" {
		if b.is(adapterstest.NoPictures) {
			reply(w, http.StatusGone, map[string]any{"error": "no pictures"})
			return
		}
		data, err := base64.StdEncoding.DecodeString(in["image"])
		if err != nil {
			reply(w, http.StatusGone, map[string]any{"error": "no picture"})
			return
		}
		sum := sha256.Sum256(data)
		d.image = hex.EncodeToString(sum[:])
	}
	name := draftOf(body)
	b.mu.Lock()
	b.drafts[name] = d
	b.mu.Unlock()
	reply(w, http.StatusCreated, map[string]any{"draft": name})
}

// TakeImage takes the image from a post.
func (b *board) TakeImage(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.posts, func(n notice) bool { return n.ID == id && n.Image != "" })
	if i >= 0 {
		b.posts[i].Image = ""
	}
	return i >= 0
}

// change changes the text of a post, or whether it is pinned.
func (b *board) change(w http.ResponseWriter, r *http.Request, id string, in map[string]string) {
	b.mu.Lock()
	i := slices.IndexFunc(b.posts, func(n notice) bool { return n.ID == id })
	b.mu.Unlock()
	if i < 0 {
		reply(w, http.StatusNotFound, map[string]any{"error": "no such post"})
		return
	}
	b.perform(w, r, b.Take(), func() any {
		b.mu.Lock()
		defer b.mu.Unlock()
		if text, ok := in["text"]; ok {
			b.posts[i].Text = text
		}
		if pinned, ok := in["pinned"]; ok {
			b.posts[i].Pinned = pinned == "true"
		}
		return b.posts[i]
	})
}

// draftOf returns the name of a draft: the board names them by what they hold.
func draftOf(body []byte) string { return fmt.Sprintf("d%x", sha256.Sum256(body))[:12] }

func (b *board) read(w http.ResponseWriter, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	shown := []notice{}
	for _, n := range b.posts {
		if !n.Shown.After(b.now()) && (id == "/posts" || id == n.ID) {
			shown = append(shown, n)
		}
	}
	reply(w, http.StatusOK, map[string]any{"posts": shown})
}

func (b *board) write(w http.ResponseWriter, r *http.Request, draft, replyTo string) {
	b.mu.Lock()
	d, ok := b.drafts[draft]
	ok = ok && b.now().Sub(d.made) < 24*time.Hour
	taken := b.taken[draft]
	gone := replyTo != "" && !slices.ContainsFunc(b.posts, func(n notice) bool { return n.ID == replyTo })
	b.mu.Unlock()
	if gone {
		reply(w, http.StatusGone, map[string]any{"error": "nobody to answer"})
		return
	}
	if !ok || taken {
		reply(w, map[bool]int{true: http.StatusConflict, false: http.StatusBadRequest}[taken], map[string]any{"error": "draft " + draft})
		return
	}
	f := b.Take()
	b.perform(w, r, f, func() any { return b.apply(draft, d, replyTo, f) })
}

// perform does a public write under f: do applies it and returns the good answer.
func (b *board) perform(w http.ResponseWriter, r *http.Request, f adapterstest.Fault, do func() any) {
	f.PlayBefore(r)
	switch f.Kind {
	case adapterstest.Throttle:
		w.Header().Set("Retry-After", strconv.Itoa(int(f.Wait/time.Second)))
		reply(w, http.StatusTooManyRequests, map[string]any{"error": "slower"})
		return
	case adapterstest.AuthGone:
		reply(w, http.StatusUnauthorized, map[string]any{"error": "who were you"})
		return
	case adapterstest.Credits:
		reply(w, http.StatusPaymentRequired, map[string]any{"error": "pay"})
		return
	default:
	}
	good := do()
	if f.PlayAfter(w, r) {
		return
	}
	switch f.Kind {
	case adapterstest.Apply500, adapterstest.ApplyRefuse:
		reply(w, http.StatusInternalServerError, map[string]any{"error": "oh"})
	case adapterstest.DuplicateOf:
		reply(w, http.StatusConflict, map[string]any{"error": "twice"})
	default:
		reply(w, http.StatusCreated, good)
	}
}

func (b *board) apply(name string, d draft, replyTo string, f adapterstest.Fault) notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken[name] = true
	n := notice{ID: fmt.Sprint(len(b.taken)), Text: d.text, Image: d.image, Alt: d.alt, At: b.now(), ReplyTo: replyTo}
	switch f.Kind {
	case adapterstest.Alter:
		n.Text = strings.ToUpper(d.text)
	case adapterstest.Lag:
		n.Shown = b.now().Add(f.Wait)
	default:
	}
	if f.Kind != adapterstest.Delete {
		b.posts = append(b.posts, n)
	}
	return n
}

func reply(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// channel is a good channel on a board.
type channel struct {
	base string
	wire *wire.Client
	look bool
}

var (
	_ adapters.Checker  = (*channel)(nil)
	_ adapters.Clocked  = (*channel)(nil)
	_ adapters.Finder   = (*channel)(nil)
	_ adapters.Lister   = (*channel)(nil)
	_ adapters.Locator  = (*channel)(nil)
	_ adapters.Marker   = (*channel)(nil)
	_ adapters.Pinner   = (*channel)(nil)
	_ adapters.Preparer = (*channel)(nil)
	_ adapters.Volatile = (*channel)(nil)
)

func (ch *channel) Name() string { return "board-test" }
func (ch *channel) Kind() string { return "board" }
func (ch *channel) ClockOffset() (time.Duration, bool) {
	return ch.wire.ClockOffset()
}
func (ch *channel) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: 500, ImageMaxBytes: 1 << 19, Illustrated: true, Replies: true, Marks: adapters.MarkEdit, MaxMark: 500}
}

// call makes one call and reads a good answer into out.
func (ch *channel) call(ctx context.Context, method, path string, in, out any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, adapters.Fail(adapters.Permanent, "encode: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, ch.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, adapters.Fail(adapters.Permanent, "address: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	a, err := ch.wire.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	if a.Status/100 == 2 {
		if err := json.Unmarshal(a.Body, out); err != nil {
			return nil, ch.wire.Unreadable(a, err)
		}
		return a.Body, nil
	}
	f := ch.wire.Unreadable(a, nil)
	var refusal struct{ Error string }
	if json.Unmarshal(a.Body, &refusal) != nil || refusal.Error == "" {
		return nil, f
	}
	f.After = wire.RetryAfter(a.Header, time.Now())
	if k, ok := map[int]adapters.Kind{400: adapters.Permanent, 401: adapters.Auth, 402: adapters.Quota, 409: adapters.Duplicate, 410: adapters.Permanent, 429: adapters.NotSent}[a.Status]; ok {
		f.Kind = k
	}
	return nil, f
}

func (ch *channel) CheckEvery() time.Duration { return time.Minute }
func (ch *channel) Fate() string              { return "" }

func (ch *channel) Check(ctx context.Context) []adapters.Finding {
	var out struct{ Me, May, Left bool }
	if _, err := ch.call(ctx, http.MethodGet, "/me", nil, &out); err != nil {
		return []adapters.Finding{adapters.FindingOf(adapters.AspectCredential, err)}
	}
	f := adapters.Finding{Aspect: adapters.AspectAccount, State: adapters.Ready}
	if !out.Me || !out.May || !out.Left {
		f.State, f.Reason, f.Advice = adapters.Down, "the board says no", "look at the board"
	}
	return []adapters.Finding{f}
}

// drafted returns what the draft of a post is made of.
func drafted(p adapters.Post) map[string]string {
	d := map[string]string{"text": p.Text, "key": string(p.Key)}
	if p.Image != nil {
		d["image"], d["alt"] = base64.StdEncoding.EncodeToString(p.Image.Data), p.Image.Alt
	}
	return d
}

func (ch *channel) Prepare(ctx context.Context, p adapters.Post) (string, error) {
	if err := ch.Limits().Check(p); err != nil {
		return "", err
	}
	var out struct{ Draft string }
	_, err := ch.call(ctx, http.MethodPost, "/drafts", drafted(p), &out)
	if err == nil && out.Draft == "" {
		err = adapters.Fail(adapters.NotSent, "the draft has no name")
	}
	if f, ok := errors.AsType[*adapters.Failure](err); ok && f.Kind == adapters.Unknown {
		f.Kind = adapters.NotSent
	}
	return out.Draft, err
}

func (ch *channel) Publish(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if err := ch.Limits().Check(p); err != nil {
		return adapters.Receipt{}, err
	}
	if a.Prepared == "" {
		return ch.bare(ctx, p)
	}
	if own, err := json.Marshal(drafted(p)); err != nil || a.Prepared != draftOf(own) {
		return adapters.Receipt{}, adapters.Fail(adapters.NotSent, "%w", adapters.ErrPreparedDead)
	}
	r, err := ch.release(ctx, a.Prepared, a.ReplyTo)
	if adapters.KindOf(err) == adapters.Permanent && a.ReplyTo != "" {
		r, err = ch.release(ctx, a.Prepared, "")
	}
	if adapters.KindOf(err) == adapters.Permanent && p.Image != nil {
		return ch.bare(ctx, p)
	}
	return r, err
}

// bare publishes a post without its image.
func (ch *channel) bare(ctx context.Context, p adapters.Post) (adapters.Receipt, error) {
	p.Image = nil
	draft, err := ch.Prepare(ctx, p)
	if err != nil {
		return adapters.Receipt{}, err
	}
	r, err := ch.release(ctx, draft, "")
	r.Lacks = "the board has no such picture"
	return r, err
}

// release publishes a draft, whatever it holds.
func (ch *channel) release(ctx context.Context, draft, replyTo string) (adapters.Receipt, error) {
	var n notice
	body, err := ch.call(ctx, http.MethodPost, "/posts", map[string]string{"draft": draft, "reply_to": replyTo}, &n)
	if err != nil {
		return adapters.Receipt{}, err
	}
	if n.ID == "" {
		return adapters.Receipt{}, adapters.Fail(adapters.Unknown, "the post has no ID")
	}
	return ch.receipt(n, body), nil
}

func (ch *channel) receipt(n notice, body []byte) adapters.Receipt {
	return adapters.Receipt{ID: n.ID, URL: "board:" + n.ID, At: n.At, Evidence: ch.wire.Evidence(body)}
}

// list returns the shown posts at path.
func (ch *channel) list(ctx context.Context, path string) ([]notice, []byte, error) {
	if !ch.look {
		return nil, nil, adapters.ErrCannotLook
	}
	var out struct{ Posts *[]notice }
	body, err := ch.call(ctx, http.MethodGet, path, nil, &out)
	if err == nil && out.Posts == nil {
		err = adapters.Fail(adapters.Unknown, "the answer holds no list")
	}
	if err != nil {
		return nil, nil, err
	}
	return *out.Posts, body, nil
}

func (ch *channel) ListEvery() time.Duration { return time.Minute }

func (ch *channel) List(ctx context.Context, since time.Time) (all []adapters.Listed, err error) {
	posts, _, err := ch.list(ctx, "/posts")
	for _, n := range posts {
		if !n.Hidden && !n.At.Before(since) {
			all = append(all, adapters.Listed{ID: n.ID, Text: n.Text, At: n.At})
		}
	}
	return all, err
}

func (ch *channel) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	posts, _, err := ch.list(ctx, "/posts/"+r.ID)
	switch {
	case err != nil:
		return err
	case len(posts) == 0:
		return adapters.ErrNotPublished
	case posts[0].Hidden:
		return adapters.ErrHidden
	case posts[0].Text != p.Text:
		return &adapters.AlteredError{Shown: posts[0].Text, Want: p.Text}
	case p.Image != nil && posts[0].Image == "" && r.Lacks == "":
		return adapters.ErrWithoutImage
	}
	return nil
}

func (ch *channel) Mark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	if err := ch.Limits().CheckMark(m); err != nil {
		return err
	}
	return ch.change(ctx, on, map[string]string{"text": m.Text})
}

func (ch *channel) ReadMark(ctx context.Context, on adapters.Receipt, m adapters.Mark) error {
	return ch.ReadBack(ctx, adapters.Post{Text: m.Text}, on)
}

func (ch *channel) Pin(ctx context.Context, on adapters.Receipt) error {
	return ch.change(ctx, on, map[string]string{"pinned": "true"})
}

func (ch *channel) Unpin(ctx context.Context, on adapters.Receipt) error {
	if err := ch.change(ctx, on, map[string]string{"pinned": "false"}); !errors.Is(err, adapters.ErrNotPublished) {
		return err
	}
	return nil
}

func (ch *channel) change(ctx context.Context, on adapters.Receipt, in map[string]string) error {
	var n notice
	_, err := ch.call(ctx, http.MethodPatch, "/posts/"+on.ID, in, &n)
	switch f, ok := errors.AsType[*adapters.Failure](err); {
	case ok && f.Code == "404":
		return adapters.ErrNotPublished
	case err == nil && n.ID != on.ID:
		return adapters.Fail(adapters.Unknown, "another post was changed")
	}
	return err
}

func (ch *channel) Locate(ctx context.Context, p adapters.Post, r adapters.Receipt) (string, error) {
	if err := ch.ReadBack(ctx, p, r); err != nil {
		return "", err
	}
	return "board:" + r.ID, nil
}

func (ch *channel) Find(ctx context.Context, p adapters.Post, _ adapters.Attempt) (adapters.Receipt, error) {
	return ch.findBy(ctx, func(n notice) bool { return n.Text == p.Text })
}

func (ch *channel) findBy(ctx context.Context, match func(notice) bool) (adapters.Receipt, error) {
	posts, body, err := ch.list(ctx, "/posts")
	if err != nil {
		return adapters.Receipt{}, err
	}
	if i := slices.IndexFunc(posts, match); i >= 0 {
		return ch.receipt(posts[i], body), nil
	}
	return adapters.Receipt{}, adapters.ErrNotPublished
}

func (ch *channel) Restore(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	var out any
	_, err := ch.call(ctx, http.MethodPut, "/posts/"+r.ID, map[string]string{"text": p.Text}, &out)
	return err
}

// mark finds what stands for a mark in a text.
func mark() *regexp.Regexp { return regexp.MustCompile(`SV-[0-9A-Z]{5}-[0-9]`) }

// rig returns a good channel on a fresh board.
func rig(t *testing.T) (adapterstest.Rig, *channel, *board) {
	t.Helper()
	clock := new(adapterstest.Clock)
	b := newBoard(clock.Now)
	server := adapterstest.Serve(t, b)
	open := func() *channel {
		return &channel{base: server.URL, look: true, wire: wire.New(wire.Options{AllowPrivate: true, Secrets: []string{credential}})}
	}
	ch := open()
	post := adapterstest.Sample()
	post.Image = adapterstest.Picture(t, 20, 20)
	return adapterstest.Rig{
		Post:    post,
		Channel: ch,
		Open: func() (adapters.Channel, error) {
			again := open()
			again.look = ch.look
			return again, nil
		},
		Platform: b,
		Server:   server,
		Clock:    clock,
		Secrets:  []string{credential},
	}, ch, b
}
