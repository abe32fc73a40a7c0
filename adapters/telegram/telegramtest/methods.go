package telegramtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/adapters/adapterstest"
)

const (
	maxText    = 4096           // code points of a stored text
	maxRawText = 32768          // bytes of a text as it is sent
	maxRead    = 20             // messages of one getUserPersonalChatMessages
	deletable  = 48 * time.Hour // how long a bot can delete a message
	hugeWait   = 24 * time.Hour // what the script Credits asks for
	maxImage   = 5_000_000      // bytes of a picture that is fetched
)

// unmodified is the whole description of an edit that changes nothing.
const unmodified = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"

func bad(description string) answer {
	return refuse(http.StatusBadRequest, "Bad Request: "+description)
}

func (p *Platform) botID() int64 {
	id, _, _ := strings.Cut(p.config.Token, ":")
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 1
	}
	return n
}

func (p *Platform) bot() map[string]any {
	return map[string]any{
		"id": p.botID(), "is_bot": true, "first_name": "Tocsin", "username": "tocsin_simulated_bot",
		"can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false,
	}
}

func (p *Platform) getMe(params, *http.Request, http.ResponseWriter) answer { return accept(p.bot()) }

// chat is the channel as messages name it.
func (p *Platform) chat() map[string]any {
	c := map[string]any{"id": p.config.ChatID, "title": p.config.Title, "type": "channel"}
	if p.config.Username != "" {
		c["username"] = p.config.Username
	}
	return c
}

// inChannel returns why the call's chat_id does not lead to the channel, or the
// zero answer.
func (p *Platform) inChannel(in params) answer {
	id := in["chat_id"]
	switch name, isName := strings.CutPrefix(id, "@"); {
	case id == "":
		return bad("chat_id is empty")
	case isName && p.config.Username != "" && strings.EqualFold(name, p.config.Username),
		!isName && in.number("chat_id") == p.config.ChatID:
	default:
		return bad("chat not found")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.rights.Member {
		return refuse(http.StatusForbidden, "Forbidden: bot is not a member of the channel chat")
	}
	return answer{}
}

func (p *Platform) getChat(in params, _ *http.Request, _ http.ResponseWriter) answer {
	if id := in.number("chat_id"); id != 0 && id == p.config.ReaderID {
		reader := map[string]any{"id": id, "type": "private", "first_name": "Gestore"}
		p.mu.Lock()
		defer p.mu.Unlock()
		switch p.shows {
		case 0:
		case p.config.ChatID:
			reader["personal_chat"] = p.chat()
		default:
			reader["personal_chat"] = map[string]any{"id": p.shows, "title": "Un altro canale", "type": "channel"}
		}
		return accept(reader)
	}
	if a := p.inChannel(in); a.status != 0 {
		return a
	}
	c := p.chat()
	c["accent_color_id"], c["max_reaction_count"] = 0, 11
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.pinned); n > 0 {
		if i := slices.IndexFunc(p.posts, func(m post) bool { return m.id == p.pinned[n-1] }); i >= 0 {
			c["pinned_message"] = p.message(p.posts[i])
		}
	}
	return accept(c)
}

func (p *Platform) getChatMember(in params, _ *http.Request, _ http.ResponseWriter) answer {
	a := p.inChannel(in)
	user := in.number("user_id")
	switch {
	case a.status == http.StatusBadRequest:
		return a
	case user <= 0:
		return bad("invalid user_id specified")
	case user != p.botID():
		return bad("member not found")
	case a.status != 0:
		return accept(map[string]any{"user": p.bot(), "status": "left"})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return accept(map[string]any{
		"user": p.bot(), "status": "administrator", "can_be_edited": false, "is_anonymous": false,
		"can_manage_chat": true, "can_post_messages": p.rights.Post, "can_edit_messages": p.rights.Post,
		"can_delete_messages": p.rights.Delete,
	})
}

// readText returns the text as it is stored, or why it is refused. tooLong is the
// description for a text over the limit, which differs between send and edit.
func readText(in params, tooLong string) (text string, refusal answer) {
	raw := in["text"]
	switch {
	case in["parse_mode"] != "":
		return "", bad("unsupported parse_mode")
	case !utf8.ValidString(raw):
		return "", bad("strings must be encoded in UTF-8")
	case len(raw) > maxRawText:
		return "", bad("text is too long")
	}
	switch text = Stored(raw); {
	case isEmpty(text):
		return "", bad("message text is empty")
	case utf8.RuneCountInString(text) > maxText:
		return "", bad(tooLong)
	}
	return text, answer{}
}

func (p *Platform) sendMessage(in params, r *http.Request, w http.ResponseWriter) answer {
	if a := p.inChannel(in); a.status != 0 {
		return a
	}
	p.mu.Lock()
	mayPost := p.rights.Post
	p.mu.Unlock()
	if !mayPost {
		return bad("need administrator rights in the channel chat")
	}
	text, refusal := readText(in, "message is too long")
	if refusal.status != 0 {
		return refusal
	}
	m := post{text: text}
	if m.replyTo, refusal = p.readReply(in); refusal.status != 0 {
		return refusal
	}
	m.preview, m.image = p.preview(r.Context(), in)
	return p.play(p.Take(), m, r, w)
}

// A picture is fetched beside the answer to the call that names it, as the platform does.
type picture struct {
	done   chan struct{}
	digest string // SHA-256 in hexadecimal; "" where it can't be had: nobody is told. To be read after done
}

// sum waits for the picture and returns its digest; nil has none.
func (pic *picture) sum() string {
	if pic == nil {
		return ""
	}
	<-pic.done
	return pic.digest
}

// preview returns what the call says to show with the text, and the picture that is fetched for it,
// nil for none.
func (p *Platform) preview(ctx context.Context, in params) (options json.RawMessage, image *picture) {
	var o struct {
		URL string `json:"url"`
		Off bool   `json:"is_disabled"`
	}
	if json.Unmarshal([]byte(in["link_preview_options"]), &o) != nil {
		return nil, nil
	}
	p.mu.Lock()
	plain := p.plain
	p.mu.Unlock()
	if o.URL != "" && !o.Off && !plain {
		image = &picture{done: make(chan struct{})}
		ctx = context.WithoutCancel(ctx) // the client bounds it
		go func() {
			defer close(image.done)
			data, err := adapterstest.Fetch(ctx, p.config.Client, "TelegramBot (like TwitterBot)", o.URL, maxImage)
			if kind := http.DetectContentType(data); err == nil && len(data) <= maxImage && (kind == "image/jpeg" || kind == "image/png") {
				sum := sha256.Sum256(data)
				image.digest = hex.EncodeToString(sum[:])
			}
		}()
	}
	return json.RawMessage(in["link_preview_options"]), image
}

// readReply returns the message that the call answers, 0 for none, or why the call is refused.
func (p *Platform) readReply(in params) (int64, answer) {
	if in["reply_parameters"] == "" {
		return 0, answer{}
	}
	var to struct {
		ID      int64 `json:"message_id"`
		Without bool  `json:"allow_sending_without_reply"`
	}
	if json.Unmarshal([]byte(in["reply_parameters"]), &to) != nil {
		return 0, bad("can't parse reply parameters JSON object")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case slices.ContainsFunc(p.posts, func(m post) bool { return m.id == to.ID }):
		return to.ID, answer{}
	case to.Without:
		return 0, answer{}
	}
	return 0, bad("message to be replied not found")
}

// play publishes m under f.
func (p *Platform) play(f adapterstest.Fault, m post, r *http.Request, w http.ResponseWriter) answer {
	return p.perform(f, r, w, func() answer {
		m = p.apply(m, f)
		p.mu.Lock()
		defer p.mu.Unlock()
		return accept(p.message(m))
	})
}

// perform does a public write under f: do applies it and returns the good answer.
func (p *Platform) perform(f adapterstest.Fault, r *http.Request, w http.ResponseWriter, do func() answer) answer {
	f.PlayBefore(r)
	switch f.Kind {
	case adapterstest.Throttle:
		return slower(f.Wait)
	case adapterstest.Credits: // Telegram has no budgets: the nearest is a long flood wait
		return slower(hugeWait)
	case adapterstest.AuthGone:
		return refuse(http.StatusUnauthorized, "Unauthorized")
	default:
	}
	good := do()
	if f.PlayAfter(w, r) {
		return answer{}
	}
	switch f.Kind {
	case adapterstest.DuplicateOf: // Telegram takes the same text twice: the nearest is a lost answer
		adapterstest.Drop()
	case adapterstest.Apply500, adapterstest.ApplyRefuse:
		return refuse(http.StatusInternalServerError, "Internal Server Error: restart")
	default:
	}
	return good
}

// apply makes m public under f.
func (p *Platform) apply(m post, f adapterstest.Fault) post {
	p.mu.Lock()
	defer p.mu.Unlock()
	// The server counts in seconds.
	m.at = p.config.Now().Truncate(time.Second)
	m.id = p.nextID()
	switch f.Kind {
	case adapterstest.Alter:
		half := []rune(m.text)
		m.text = string(half[:len(half)/2]) + "…"
	case adapterstest.Lag:
		m.shown = p.config.Now().Add(f.Wait)
	default:
	}
	m.first = m.text
	if f.Kind != adapterstest.Delete {
		p.posts = append(p.posts, m)
	} else {
		p.lastID++ // a deletion uses up a number
	}
	return m
}

// nextID returns the number of the next message. Numbers have gaps: the channel's
// creation has number 1, and service messages such as pins take theirs.
func (p *Platform) nextID() int64 {
	p.lastID = max(p.lastID, 1) + 1
	if p.lastID%5 == 0 {
		p.lastID++
	}
	return p.lastID
}

// message is m as the Bot API writes it, with the whole of what it answers. The caller holds mu.
func (p *Platform) message(m post) map[string]any {
	out := map[string]any{
		"message_id": m.id, "sender_chat": p.chat(), "chat": p.chat(), "date": m.at.Unix(), "text": m.text,
	}
	if !m.edited.IsZero() {
		out["edit_date"] = m.edited.Unix()
	}
	if len(m.preview) > 0 {
		out["link_preview_options"] = m.preview
	}
	if i := slices.IndexFunc(p.posts, func(q post) bool { return q.id == m.replyTo }); i >= 0 {
		original := p.posts[i]
		original.replyTo = 0 // what an original answers itself is not told
		out["reply_to_message"] = p.message(original)
	}
	return out
}

// written returns m as the server writes it, which it does once for all who read it.
// The caller holds mu.
func (p *Platform) written(m *post) json.RawMessage {
	if m.json == nil {
		m.json, _ = json.Marshal(p.message(*m)) // strings and numbers alone: it cannot fail
	}
	return m.json
}

// index returns where the message of the call stands in posts, or -1. The caller
// holds mu.
func (p *Platform) index(in params) int {
	id := in.number("message_id")
	return slices.IndexFunc(p.posts, func(m post) bool { return m.id == id })
}

func (p *Platform) editMessageText(in params, r *http.Request, w http.ResponseWriter) answer {
	if in.number("message_id") <= 0 {
		return bad("message identifier is not specified")
	}
	if a := p.inChannel(in); a.status != 0 {
		return a
	}
	text, refusal := readText(in, "MESSAGE_TOO_LONG")
	if refusal.status != 0 {
		return refusal
	}
	if refusal := p.editable(in, text); refusal.status != 0 {
		return refusal
	}
	preview, image := p.preview(r.Context(), in)
	f := p.Take()
	return p.perform(f, r, w, func() answer { return p.edit(in, post{text: text, preview: preview, image: image}, f) })
}

// editable returns why the message of the call can't be made to say text, or the zero answer.
func (p *Platform) editable(in params, text string) answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(in)
	switch {
	case i < 0:
		return bad("message to edit not found")
	case !p.rights.Post:
		return bad("message can't be edited")
	case p.posts[i].text == text:
		return refuse(http.StatusBadRequest, unmodified)
	}
	return answer{}
}

// edit makes the message of the call say text, under f.
func (p *Platform) edit(in params, to post, f adapterstest.Fault) answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(in)
	if i < 0 {
		return bad("message to edit not found")
	}
	m := &p.posts[i]
	m.text, m.preview, m.image, m.edited, m.json = to.text, to.preview, to.image, p.config.Now(), nil
	out := p.message(*m)
	switch f.Kind {
	case adapterstest.Alter:
		half := []rune(to.text)
		m.text = string(half[:len(half)/2]) + "…"
	case adapterstest.Delete:
		p.posts = slices.Delete(p.posts, i, i+1)
		p.lastID++
	default:
	}
	return accept(out)
}

func (p *Platform) pinChatMessage(in params, _ *http.Request, _ http.ResponseWriter) answer {
	if a := p.inChannel(in); a.status != 0 {
		return a
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(in)
	switch {
	case i < 0:
		return bad("message to pin not found")
	case !p.rights.Post:
		return bad("not enough rights to manage pinned messages in the chat")
	}
	id := p.posts[i].id
	p.pinned = append(slices.DeleteFunc(p.pinned, func(q int64) bool { return q == id }), id)
	p.lastID++ // the service message that says so uses up a number
	return accept(true)
}

func (p *Platform) unpinChatMessage(in params, _ *http.Request, _ http.ResponseWriter) answer {
	if a := p.inChannel(in); a.status != 0 {
		return a
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := in.number("message_id")
	if id == 0 && len(p.pinned) > 0 {
		id = p.pinned[len(p.pinned)-1] // without a number it is the newest that is pinned
	}
	switch {
	case !p.rights.Post:
		return bad("not enough rights to manage pinned messages in the chat")
	case !slices.ContainsFunc(p.posts, func(m post) bool { return m.id == id }):
		return bad("message to unpin not found")
	}
	p.pinned = slices.DeleteFunc(p.pinned, func(q int64) bool { return q == id })
	return accept(true)
}

func (p *Platform) deleteMessage(in params, _ *http.Request, _ http.ResponseWriter) answer {
	if in.number("message_id") <= 0 {
		return bad("message identifier is not specified")
	}
	if a := p.inChannel(in); a.status != 0 {
		return a
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(in)
	switch {
	case i < 0:
		return bad("message to delete not found")
	case !p.rights.Delete:
		return bad("message can't be deleted")
	case p.config.Now().Sub(p.posts[i].at) > deletable:
		return bad("message can't be deleted for everyone")
	}
	p.posts = slices.Delete(p.posts, i, i+1)
	p.lastID++
	return accept(true)
}

func (p *Platform) forwardMessage(in params, _ *http.Request, _ http.ResponseWriter) answer {
	switch to := in["chat_id"]; {
	case to == "":
		return bad("chat_id is empty")
	case p.config.AuditID == 0 || in.number("chat_id") != p.config.AuditID:
		return bad("chat not found")
	}
	if a := p.inChannel(params{"chat_id": in["from_chat_id"]}); a.status != 0 {
		return a
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(in)
	if i < 0 || p.posts[i].shown.After(p.config.Now()) {
		return bad("message to forward not found")
	}
	m := p.posts[i]
	out := p.message(m)
	delete(out, "sender_chat")
	out["message_id"] = m.id + 1<<20 // a number of the private chat, never one of the channel
	out["chat"] = map[string]any{"id": p.config.AuditID, "type": "private", "first_name": "Registro"}
	out["date"] = p.config.Now().Unix()
	out["forward_origin"] = map[string]any{"type": "channel", "date": m.at.Unix(), "chat": p.chat(), "message_id": m.id}
	out["forward_from_chat"], out["forward_from_message_id"], out["forward_date"] = p.chat(), m.id, m.at.Unix()
	return accept(out)
}

func (p *Platform) getUserPersonalChatMessages(in params, _ *http.Request, _ http.ResponseWriter) answer {
	user := in.number("user_id")
	switch {
	case user <= 0:
		return bad("invalid user_id specified")
	case user != p.config.ReaderID:
		return bad("user not found")
	}
	limit := int(min(max(in.number("limit"), 1), maxRead))
	p.mu.Lock()
	defer p.mu.Unlock()
	found := []any{}
	switch p.shows {
	case 0:
	case p.config.ChatID:
		now := p.config.Now()
		for i := len(p.posts) - 1; i >= 0 && len(found) < limit; i-- {
			if !p.posts[i].shown.After(now) {
				found = append(found, p.written(&p.posts[i]))
			}
		}
	default:
		other := map[string]any{"id": p.shows, "title": "Un altro canale", "type": "channel"}
		found = append(found, map[string]any{"message_id": 2, "sender_chat": other, "chat": other, "date": p.config.Now().Unix(), "text": "Altro"})
	}
	return accept(found)
}
