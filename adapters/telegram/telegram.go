// Package telegram publishes posts in one Telegram channel through a bot, over the
// Bot API (core.telegram.org/bots/api, version 10.1).
//
// A post is sent as plain text without a parse mode and without a preview of its link: such a
// preview would show words that nobody signed. An image is the preview: Telegram is given the
// address of the picture itself, fetches it, and shows it above the text or not at all. So a post
// with an image is one message with a whole text (a photo's caption has 1,024 code points), and no
// picture can stop or delay it; on the other hand Telegram tells a bot whether a message
// asks for the picture, not whether it shows, and takes no words for it.
//
// The Bot API has no key that makes a second send harmless, and no method that
// reads a channel. The one look that has no side effect goes by a person: the
// latest messages of the channel that an account shows in its profile as its
// personal channel ([Config.ReaderUserID]). Without one the channel cannot look,
// and only compares the answer to its own call.
//
// A post answers the one that it follows, where that one is still there. A mark replaces the text
// of the post that it stands on; whoever follows the channel is not told of that by Telegram. The
// channel deletes nothing, since a bot can't after 48 hours, and it never retries.
package telegram

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/internal/wire"
)

const (
	// defaultBaseURL is Telegram's own Bot API server.
	defaultBaseURL = "https://api.telegram.org"
	// defaultTimeout is over the 60 seconds for which the server waits in silence
	// when it throttles: a shorter one makes a post that arrives look lost
	// (tdlib/telegram-bot-api, total_timeout_limit_).
	defaultTimeout = 90 * time.Second
	// maxLen is sendMessage's bound on a text, in code points after parsing
	// (tdlib/td, message_text_length_max; not UTF-16 units).
	maxLen = 4096
	// maxRead is the most messages that getUserPersonalChatMessages returns.
	maxRead = 20
	// maxImage is in bytes: pictures that Telegram fetches (Bot API, sending files by URL).
	maxImage = 5_000_000
	// maxToken is the most bytes of a token (tdlib/telegram-bot-api, Query).
	maxToken = 80
)

// Config says where and as whom to publish.
type Config struct {
	// Name is the channel's name in records, for example "telegram-savona".
	Name string
	// BaseURL is the address of the Bot API server; "" for Telegram's own. It is
	// https, or http where AllowPrivate is set.
	BaseURL string
	// Token is the bot's credential, as @BotFather gave it: "NUMBER:SECRET".
	Token string
	// ChatID is the channel: its number "-100…", or "@name" for a public one. The
	// number is better, since a name can change hands.
	ChatID string
	// ReaderUserID is the number of the account that shows the channel in its
	// profile as its personal channel, and that has once spoken to the bot; 0 where
	// there is none, so that the channel cannot look.
	ReaderUserID int64
	// Timeout bounds one call; 0 for 90 seconds.
	Timeout time.Duration
	// AllowPrivate lets the channel call private and loopback addresses: for the
	// simulator and for a Bot API server of one's own.
	AllowPrivate bool
}

// A Channel publishes in one Telegram channel. It is safe for concurrent use.
type Channel struct {
	name   string
	base   string // without a slash at the end, without the token
	token  string
	chat   chatRef
	reader int64
	wire   *wire.Client
}

var (
	_ adapters.Finder  = (*Channel)(nil)
	_ adapters.Clocked = (*Channel)(nil)
	_ adapters.Marker  = (*Channel)(nil)
	_ adapters.Pinner  = (*Channel)(nil)
)

// New returns the channel that c describes, or what is wrong in c, without secrets.
// It makes no call.
func New(c Config) (*Channel, error) {
	if c.Name == "" {
		return nil, errors.New("telegram: the channel has no name")
	}
	fault := func(err error) (*Channel, error) { return nil, fmt.Errorf("telegram channel %q: %w", c.Name, err) }
	base, err := parseBase(c)
	if err != nil {
		return fault(err)
	}
	chat, err := parseChat(c.ChatID)
	if err != nil {
		return fault(err)
	}
	secret, err := secretOf(c.Token)
	if err != nil {
		return fault(err)
	}
	switch {
	case c.ReaderUserID < 0:
		return fault(fmt.Errorf("reader user %d: a user's number is positive (0 for none)", c.ReaderUserID))
	case c.Timeout < 0:
		return fault(fmt.Errorf("timeout %v: must not be negative", c.Timeout))
	case c.Timeout == 0:
		c.Timeout = defaultTimeout
	}
	return &Channel{
		name:   c.Name,
		base:   base,
		token:  c.Token,
		chat:   chat,
		reader: c.ReaderUserID,
		wire:   wire.New(wire.Options{Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, Secrets: []string{c.Token, secret}}),
	}, nil
}

// parseBase returns the address of the Bot API server without a slash at its end.
func parseBase(c Config) (string, error) {
	if c.BaseURL == "" {
		return defaultBaseURL, nil
	}
	u, err := url.Parse(c.BaseURL)
	// The address is not quoted: somebody may have put the token into it.
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the base address must be scheme://host[:port][/path] and no more; the token is set apart")
	case u.Scheme != "https" && (u.Scheme != "http" || !c.AllowPrivate):
		return "", errors.New("the base address must be https (http only with allow_private)")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// secretOf returns the part of a token that is secret, or why it is not a token.
func secretOf(token string) (string, error) {
	if len(token) > maxToken || !regexp.MustCompile(`^[1-9][0-9]{0,18}:[A-Za-z0-9_-]{8,}$`).MatchString(token) {
		return "", errors.New("the token is not of the form NUMBER:SECRET that @BotFather gives")
	}
	_, secret, _ := strings.Cut(token, ":")
	return secret, nil
}

// Name returns the configured name.
func (ch *Channel) Name() string { return ch.name }

// Kind returns "telegram".
func (ch *Channel) Kind() string { return "telegram" }

// Limits returns the bounds of sendMessage.
func (ch *Channel) Limits() adapters.Limits {
	return adapters.Limits{MaxLen: maxLen, ImageMaxBytes: maxImage, Illustrated: true, ImageFetched: true, LinksInText: true, Replies: true, Marks: adapters.MarkEdit, MaxMark: maxLen}
}

// Publish sends p with one call of sendMessage. The receipt's URL is "" in a channel
// without a public name. Where Telegram has stored another text the receipt is
// returned all the same, since the post is public: ReadBack says so.
func (ch *Channel) Publish(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if err := ch.Limits().Check(p); err != nil {
		return adapters.Receipt{}, err
	}
	params := map[string]any{
		"chat_id":              ch.chat.param(),
		"text":                 p.Text,
		"link_preview_options": previewOf(p),
	}
	if id, err := messageID(a.ReplyTo); err == nil {
		params["reply_parameters"] = map[string]any{"message_id": id, "allow_sending_without_reply": true}
	}
	result, err := ch.call(ctx, "sendMessage", params)
	if err != nil {
		return adapters.Receipt{}, err
	}
	var m message
	if err := json.Unmarshal(result.result, &m); err != nil || m.ID <= 0 {
		return adapters.Receipt{}, ch.wire.Unreadable(result.answer, err)
	}
	if !ch.chat.is(m.Chat) {
		return adapters.Receipt{}, adapters.Fail(adapters.Unknown,
			"the post went to chat %d, not to %s: check the configured chat", m.Chat.ID, ch.chat)
	}
	return ch.receipt(p, m, withoutReplied(result.answer.Body)), nil
}

// previewOf returns what stands above the text: the post's image, or nothing.
func previewOf(p adapters.Post) map[string]any {
	if p.Image == nil || p.Image.URL == "" {
		return map[string]any{"is_disabled": true}
	}
	return map[string]any{"url": p.Image.URL, "prefer_large_media": true, "show_above_text": true}
}

// lacks says why a message shows no image of p, "" where it asks for it or p has none.
func (m *message) lacks(p adapters.Post) string {
	switch {
	case p.Image == nil || p.Image.URL != "" && m.Preview.URL == p.Image.URL:
		return ""
	case p.Image.URL == "":
		return "its image has no public address, from which Telegram would fetch it"
	}
	return "Telegram does not name its image"
}

// messageID reads the number of a message.
func messageID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err == nil && id <= 0 {
		err = errors.New("a message's number is positive")
	}
	return id, err
}

// withoutReplied returns an answer without the whole original that stands in it where the
// message is a reply: what is kept of an answer is bounded, and the message itself comes after it.
func withoutReplied(body []byte) []byte {
	var answer struct {
		OK     bool                       `json:"ok"`
		Result map[string]json.RawMessage `json:"result"`
	}
	if !bytes.Contains(body, []byte(`"reply_to_message"`)) || json.Unmarshal(body, &answer) != nil {
		return body
	}
	delete(answer.Result, "reply_to_message")
	short, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return short
}

func (ch *Channel) receipt(p adapters.Post, m message, body []byte) adapters.Receipt {
	r := adapters.Receipt{
		ID:       strconv.FormatInt(m.ID, 10),
		At:       time.Unix(m.Date, 0).UTC(),
		Evidence: ch.wire.Evidence(body),
		Lacks:    m.lacks(p),
	}
	if m.Chat.Username != "" {
		r.URL = "https://t.me/" + url.PathEscape(m.Chat.Username) + "/" + r.ID
	}
	return r
}

// ReadBack compares p with what the reader's profile shows of the channel. Without a
// reader it can only compare p with the answer that is in the receipt: it returns
// an AlteredError where Telegram stored another text, else ErrCannotLook.
//
// A post that twenty newer ones follow is out of sight: that is a Failure.
func (ch *Channel) ReadBack(ctx context.Context, p adapters.Post, r adapters.Receipt) error {
	if ch.reader == 0 {
		if _, err := named(r); err != nil {
			return err
		}
		return compareEvidence(p, r)
	}
	m, err := ch.shows(ctx, r, p.Text)
	if err == nil && r.Lacks == "" && m.lacks(p) != "" {
		return adapters.ErrWithoutImage
	}
	return err
}

// shows returns the message of r where the reader's profile shows text in it.
func (ch *Channel) shows(ctx context.Context, r adapters.Receipt, text string) (*message, error) {
	id, err := named(r)
	if err != nil {
		return nil, err
	}
	shown, _, err := ch.latest(ctx)
	if err != nil {
		return nil, err
	}
	for i := range shown {
		if m := &shown[i].message; m.ID == id {
			return m, compare(m.Text, text)
		}
	}
	if len(shown) >= maxRead && id < shown[len(shown)-1].ID {
		return nil, adapters.Fail(adapters.Unknown, "message %d is older than the latest %d, and only those can be read", id, maxRead)
	}
	return nil, adapters.ErrNotPublished
}

// named returns the number of the message that a receipt names.
func named(r adapters.Receipt) (int64, error) {
	id, err := messageID(r.ID)
	if err != nil {
		return 0, adapters.Fail(adapters.Permanent, "the receipt's ID %.20q is not a message number", r.ID)
	}
	return id, nil
}

// compareEvidence compares p with the send's own answer, which holds the text as it
// was stored. It never returns nil: the answer is no look at what the public sees.
func compareEvidence(p adapters.Post, r adapters.Receipt) error {
	var answer struct {
		Result message `json:"result"`
	}
	if json.Unmarshal(r.Evidence, &answer) == nil && answer.Result.Text != "" {
		if err := compare(answer.Result.Text, p.Text); err != nil {
			return err
		}
	}
	return adapters.ErrCannotLook
}

// compare returns an AlteredError if shown is not text as Telegram stores it.
func compare(shown, text string) error {
	shown, want := normalise(shown), normalise(text)
	if shown != want {
		return &adapters.AlteredError{Shown: shown, Want: want}
	}
	return nil
}

// Find looks for p among the latest twenty messages of the channel: for p's exact
// text, else for the newest one that bears p's Mark and most of p's words, as it does
// when somebody edited it. The mark alone is not enough, since every part of a
// bulletin bears it.
//
// Where twenty messages are all younger than a.Since and none is p, that proves
// nothing: the error is a Failure.
func (ch *Channel) Find(ctx context.Context, p adapters.Post, a adapters.Attempt) (adapters.Receipt, error) {
	if ch.reader == 0 {
		return adapters.Receipt{}, adapters.ErrCannotLook
	}
	shown, list, err := ch.latest(ctx)
	if err != nil {
		return adapters.Receipt{}, err
	}
	from := int64(0)
	if !a.Since.IsZero() {
		from = a.Since.Add(-adapters.ClockSkew).Unix()
	}
	recent := slices.DeleteFunc(slices.Clone(shown), func(m shownMessage) bool { return m.Date < from })
	want := normalise(p.Text)
	for _, matches := range []func(text string) bool{
		func(text string) bool { return text == want },
		func(text string) bool {
			return adapters.ContainsMark(text, p.Mark) && resembles(text, want) && !slices.Contains(p.Beside, text)
		},
	} {
		i := slices.IndexFunc(recent, func(m shownMessage) bool { return matches(normalise(m.Text)) })
		if i >= 0 {
			return ch.receipt(p, recent[i].message, rawAt(list, recent[i].at)), nil
		}
	}
	if len(recent) >= maxRead {
		return adapters.Receipt{}, adapters.Fail(adapters.Unknown,
			"the latest %d messages are all younger than the first attempt and none is the post: look at the channel by hand", maxRead)
	}
	return adapters.Receipt{}, adapters.ErrNotPublished
}

// ClockOffset returns by how much this machine's clock is ahead of Telegram's.
func (ch *Channel) ClockOffset() (time.Duration, bool) { return ch.wire.ClockOffset() }

// Close drops the idle connections.
func (ch *Channel) Close() { ch.wire.Close() }

// latest returns the channel's latest messages, newest first, as the reader's profile
// shows them, and the list of the answer in which they stand.
func (ch *Channel) latest(ctx context.Context) ([]shownMessage, json.RawMessage, error) {
	result, err := ch.call(ctx, "getUserPersonalChatMessages", map[string]any{"user_id": ch.reader, "limit": maxRead})
	if err != nil {
		return nil, nil, err
	}
	var messages []message
	if err := json.Unmarshal(result.result, &messages); err != nil || messages == nil {
		return nil, nil, ch.wire.Unreadable(result.answer, err)
	}
	shown := make([]shownMessage, 0, len(messages))
	for i, m := range messages {
		switch {
		case m.ID <= 0:
			return nil, nil, ch.wire.Unreadable(result.answer, nil)
		case !ch.chat.is(m.Chat):
			return nil, nil, ch.elsewhere(m.Chat.ID)
		}
		shown = append(shown, shownMessage{m, i})
	}
	if len(shown) == 0 {
		// An empty channel looks like a profile that shows none.
		return nil, nil, ch.showsChannel(ctx)
	}
	slices.SortFunc(shown, func(a, b shownMessage) int { return cmp.Compare(b.ID, a.ID) })
	return shown, result.result, nil
}

// showsChannel returns nil if the reader's profile shows this channel, else a Failure.
func (ch *Channel) showsChannel(ctx context.Context) error {
	var reader chat
	if err := ch.get(ctx, "getChat", map[string]any{"chat_id": ch.reader}, &reader); err != nil {
		return err
	}
	if reader.Personal == nil {
		return ch.elsewhere(0)
	}
	if !ch.chat.is(*reader.Personal) {
		return ch.elsewhere(reader.Personal.ID)
	}
	return nil
}

// elsewhere is the failure for a profile that shows another channel, or none: what is
// not seen there is not absent.
func (ch *Channel) elsewhere(id int64) error {
	what := "no channel"
	if id != 0 {
		what = fmt.Sprintf("channel %d", id)
	}
	return adapters.Fail(adapters.Auth, "the profile of user %d shows %s, not %s: set the personal channel in that account's profile", ch.reader, what, ch.chat)
}

// A result is a good answer of the Bot API.
type result struct {
	answer wire.Answer
	result json.RawMessage
}

// get calls a method that publishes nothing and reads its result into out.
func (ch *Channel) get(ctx context.Context, method string, params map[string]any, out any) error {
	result, err := ch.call(ctx, method, params)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(result.result, out); err != nil {
		return ch.wire.Unreadable(result.answer, err)
	}
	return nil
}

// call makes one call of method. Its errors are Failures.
func (ch *Channel) call(ctx context.Context, method string, params map[string]any) (result, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return result{}, adapters.Fail(adapters.Permanent, "encode the parameters of %s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ch.base+"/bot"+ch.token+"/"+method, bytes.NewReader(body))
	if err != nil {
		// The cause quotes the address, and with it the token.
		return result{}, adapters.Fail(adapters.Permanent, "the base address is not an address")
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := ch.wire.Do(ctx, req)
	if err != nil {
		return result{}, err
	}
	return ch.read(answer)
}

// read tells a good answer of the Bot API from a refusal and from anything else.
func (ch *Channel) read(a wire.Answer) (result, error) {
	var envelope struct {
		OK          *bool           `json:"ok"`
		Result      json.RawMessage `json:"result"`
		Code        int             `json:"error_code"`
		Description string          `json:"description"`
		Parameters  parameters      `json:"parameters"`
	}
	err := json.Unmarshal(a.Body, &envelope)
	switch {
	case a.Status == http.StatusTooManyRequests:
		// Whoever says so, a front end included, has not passed the call on.
		return result{}, ch.throttled(a, envelope.Parameters)
	case err != nil || envelope.OK == nil:
		return result{}, ch.wire.Unreadable(a, err)
	case *envelope.OK && a.Status == http.StatusOK && len(envelope.Result) > 0:
		return result{answer: a, result: envelope.Result}, nil
	case *envelope.OK || envelope.Code != a.Status || envelope.Description == "":
		// The status of a refusal is its code: this is not Telegram speaking.
		return result{}, ch.wire.Unreadable(a, nil)
	}
	return result{}, ch.refused(a, envelope.Description, envelope.Parameters)
}
