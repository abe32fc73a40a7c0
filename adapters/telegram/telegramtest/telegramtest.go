// Package telegramtest is a fake of Telegram's Bot API that behaves: one bot, one
// channel, and what the public sees in it.
//
// It serves `/bot<token>/<method>` as the Bot API server does: getMe, getChat,
// getChatMember, sendMessage, editMessageText, deleteMessage, pinChatMessage, unpinChatMessage,
// forwardMessage and getUserPersonalChatMessages; it stores a text as that server stores it, and
// refuses what it refuses, in its words (tdlib/telegram-bot-api, Client.cpp and
// Query.cpp; tdlib/td, MessageContent.cpp and misc.cpp).
//
// It knows plain text only: no parse modes, no entities, no photos, no updates.
package telegramtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/adapters/adapterstest"
)

const (
	// DefaultToken is the bot's token where [Config] names none.
	DefaultToken = "70010:simulated-bot-credential"
	// DefaultChatID is the channel's number where [Config] names none.
	DefaultChatID int64 = -1001000070010

	maxBody = 1 << 20 // bytes of a request that are read
)

// Config says what the fake stands for. The zero value is usable.
type Config struct {
	Token    string           // the bot's token; "" for DefaultToken
	ChatID   int64            // the channel's number, -100…; 0 for DefaultChatID
	Title    string           // the channel's title; "" for "Protezione civile (simulata)"
	Username string           // the channel's public name, without @; "" for a private channel
	ReaderID int64            // the user whose profile shows this channel; 0 for nobody
	AuditID  int64            // a private chat that posts can be forwarded to; 0 for none
	Now      func() time.Time // nil for time.Now
	// Client fetches the pictures that messages name; nil for one that waits 10 seconds.
	Client *http.Client
}

// A Platform is a fake of Telegram. It is safe for concurrent use.
type Platform struct {
	adapterstest.Faults
	config Config

	// mu guards all that follows.
	mu     sync.Mutex
	posts  []post
	lastID int64
	pinned []int64 // messages that are pinned, the newest last
	rights Rights
	gone   bool  // the token was revoked
	plain  bool  // pictures are not fetched
	shows  int64 // the channel that the reader's profile shows; 0 for none
}

var _ adapterstest.Conditioned = (*Platform)(nil)

// Rights are what the bot may do in the channel.
type Rights struct {
	Member bool // the bot is in the channel as an administrator
	Post   bool // can_post_messages
	Delete bool // can_delete_messages
}

// post is one message of the channel.
type post struct {
	id      int64
	text    string
	first   string // text, before anybody edited it
	at      time.Time
	edited  time.Time
	shown   time.Time       // reads do not show it before
	preview json.RawMessage // link_preview_options as they were sent
	image   *picture        // that is fetched for it; nil for none
	replyTo int64           // the message that it answers; 0 for none
	json    json.RawMessage // see written; nil until somebody reads it
}

// New returns an empty channel, in which the bot has every right.
func New(c Config) *Platform {
	if c.Token == "" {
		c.Token = DefaultToken
	}
	if c.ChatID == 0 {
		c.ChatID = DefaultChatID
	}
	if c.Title == "" {
		c.Title = "Protezione civile (simulata)"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Second}
	}
	p := &Platform{config: c, rights: Rights{Member: true, Post: true, Delete: true}}
	if c.ReaderID != 0 {
		p.shows = c.ChatID
	}
	return p
}

// Title returns the channel's title.
func (p *Platform) Title() string { return p.config.Title }

// Username returns the channel's public name without @, "" for a private channel.
func (p *Platform) Username() string { return p.config.Username }

// SetRights changes what the bot may do from now on.
func (p *Platform) SetRights(r Rights) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rights = r
}

// SetCondition puts the account into a condition of [adapterstest.Conditioned].
func (p *Platform) SetCondition(c adapterstest.Condition) error {
	rights := Rights{Member: true, Post: true, Delete: true}
	switch c {
	case adapterstest.Good, adapterstest.Revoked, adapterstest.NoPictures:
	case adapterstest.Rightless:
		rights.Post = false
	case adapterstest.Stranger:
		rights = Rights{}
	default:
		return adapterstest.ErrNoCondition
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rights, p.gone, p.plain = rights, c == adapterstest.Revoked, c == adapterstest.NoPictures
	return nil
}

// revoked reports whether the token is not valid any more.
func (p *Platform) revoked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// ShowInProfile sets the channel that the reader's profile shows from now on, 0 for
// none. It is a setting of a person, who may change it at any time.
func (p *Platform) ShowInProfile(chatID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shows = chatID
}

// Live returns the channel's posts in order of publication, those included that
// reads do not show yet.
func (p *Platform) Live() []adapterstest.Live {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]adapterstest.Live, 0, len(p.posts))
	for _, m := range p.posts {
		l := adapterstest.Live{ID: strconv.FormatInt(m.id, 10), Text: m.text, First: m.first, Image: m.image.sum(), At: m.at, Pinned: slices.Contains(p.pinned, m.id)}
		if p.config.Username != "" {
			l.URL = "https://t.me/" + p.config.Username + "/" + l.ID
		}
		if m.replyTo != 0 {
			l.ReplyTo = strconv.FormatInt(m.replyTo, 10)
		}
		all = append(all, l)
	}
	return all
}

// TakeImage takes the picture from a message, as an administrator can.
func (p *Platform) TakeImage(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.posts, func(m post) bool { return strconv.FormatInt(m.id, 10) == id && m.image.sum() != "" })
	if i >= 0 {
		p.posts[i].image, p.posts[i].preview, p.posts[i].json = nil, nil, nil
	}
	return i >= 0
}

// ServeHTTP serves one call of the Bot API.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.IsDown() {
		adapterstest.Drop()
	}
	w.Header().Set("Date", p.config.Now().UTC().Format(http.TimeFormat))
	// The body is read to its end, so that the server notices when the caller
	// gives up while a fault holds the answer.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, "Request Entity Too Large: too much parameters").write(w)
		return
	}
	p.serve(w, r, body).write(w)
}

func (p *Platform) serve(w http.ResponseWriter, r *http.Request, body []byte) answer {
	token, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/bot"), "/")
	switch {
	case !ok || !strings.HasPrefix(r.URL.Path, "/bot") || strings.Contains(method, "/"):
		return refuse(http.StatusNotFound, "Not Found")
	case !strings.Contains(token, ":") || strings.HasPrefix(token, "0") || len(token) > 80:
		return refuse(http.StatusUnauthorized, "Unauthorized: invalid token specified")
	case token != p.config.Token:
		return refuse(http.StatusNotFound, "Not Found")
	case p.revoked():
		return refuse(http.StatusUnauthorized, "Unauthorized")
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return refuse(http.StatusNotFound, "Not Found")
	}
	call, ok := map[string]func(params, *http.Request, http.ResponseWriter) answer{
		"getme":                       p.getMe,
		"getchat":                     p.getChat,
		"getchatmember":               p.getChatMember,
		"sendmessage":                 p.sendMessage,
		"editmessagetext":             p.editMessageText,
		"deletemessage":               p.deleteMessage,
		"pinchatmessage":              p.pinChatMessage,
		"unpinchatmessage":            p.unpinChatMessage,
		"forwardmessage":              p.forwardMessage,
		"getuserpersonalchatmessages": p.getUserPersonalChatMessages,
	}[strings.ToLower(method)]
	if !ok {
		return refuse(http.StatusNotFound, "Not Found: method not found")
	}
	return call(readParams(r, body), r, w)
}

// params are a call's parameters as strings; nested objects are JSON.
type params map[string]string

// readParams reads the query, then the body as a form or as JSON. As on the real
// server a body that cannot be read holds no parameters, and unknown ones are
// ignored.
func readParams(r *http.Request, body []byte) params {
	all := params{}
	addForm := func(v url.Values) {
		for k := range v {
			all[k] = v.Get(k)
		}
	}
	addForm(r.URL.Query())
	switch kind := r.Header.Get("Content-Type"); {
	case strings.Contains(kind, "application/x-www-form-urlencoded"):
		if v, err := url.ParseQuery(string(body)); err == nil {
			addForm(v)
		}
	case strings.Contains(kind, "application/json"):
		var in map[string]json.RawMessage
		if json.Unmarshal(body, &in) != nil {
			return all
		}
		for k, raw := range in {
			all[k] = string(raw)
			var s string
			if json.Unmarshal(raw, &s) == nil && bytes.HasPrefix(raw, []byte(`"`)) {
				all[k] = s
			}
		}
	}
	return all
}

// number returns an integer parameter, 0 if it is absent or not one.
func (in params) number(name string) int64 {
	n, err := strconv.ParseInt(in[name], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// An answer is what goes back; the zero answer has been given already.
type answer struct {
	status int
	wait   int // seconds, for 429
	body   map[string]any
}

func accept(result any) answer {
	return answer{status: http.StatusOK, body: map[string]any{"ok": true, "result": result}}
}

func refuse(code int, description string) answer {
	return answer{status: code, body: map[string]any{"ok": false, "error_code": code, "description": description}}
}

// slower refuses a call until wait has passed: in the body and in a header, in
// whole seconds.
func slower(wait time.Duration) answer {
	seconds := int((wait + time.Second - 1) / time.Second)
	a := refuse(http.StatusTooManyRequests, fmt.Sprintf("Too Many Requests: retry after %d", seconds))
	a.wait = seconds
	a.body["parameters"] = map[string]any{"retry_after": seconds}
	return a
}

func (a answer) write(w http.ResponseWriter) {
	if a.status == 0 {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if a.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.wait))
	}
	w.WriteHeader(a.status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(a.body) // a caller that went away has nothing to lose
}
