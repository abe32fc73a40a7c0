package xtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/x"
)

const (
	// maxLen is X's bound on a text, in weighted units.
	maxLen = 280
	// sameText is how long X remembers a text that it will not take twice.
	sameText = time.Hour
	// epoch is where X's identifiers begin, in milliseconds of the Unix era.
	epoch = 1288834974657
)

// A stored post is one that is public. It does not change once it is made.
type stored struct {
	id      int64
	text    string // as its author sent it, or as Alter made it
	at      time.Time
	visible time.Time // before then reads do not show it
	replyTo string    // ID of the post that it answers; "" for none
	image   *medium   // nil for none
}

// ID returns the post's identifier as X writes it.
func (s *stored) ID() string { return strconv.FormatInt(s.id, 10) }

// create takes a post: POST /2/tweets.
func (p *Platform) create(w http.ResponseWriter, r *http.Request, body []byte) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		invalid(w, "content-type", r.Header.Get("Content-Type"), "The body must be application/json.")
		return
	}
	text, replyTo, images, parameter, message := parseCreate(body)
	switch {
	case message != "":
		invalid(w, parameter, "", message)
		return
	case strings.ContainsAny(text, "\ufffe\ufeff\uffff"):
		invalid(w, "text", "", "Your Tweet text contains invalid characters.")
		return
	case x.WeightedLength(text) > maxLen:
		refuse(w, http.StatusBadRequest, "Invalid Request",
			"Your Tweet text is too long. For more information on how Twitter determines text length see https://github.com/twitter/twitter-text.",
			problems+"invalid-request")
		return
	}
	if replyTo != "" {
		if p.c.RefusesReplies {
			refuse(w, http.StatusForbidden, "Forbidden",
				"Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author of the post you are replying to.", "about:blank")
			return
		}
		if !p.has(replyTo) {
			refuse(w, http.StatusForbidden, "Forbidden", "You attempted to reply to a Tweet that is deleted or not visible to you.", "about:blank")
			return
		}
	}
	image, ok := p.medium(images)
	if !ok {
		refuse(w, http.StatusBadRequest, "Invalid Request", "Your media IDs are invalid.", problems+"invalid-request")
		return
	}
	post, f, duplicate := p.take(text, replyTo, image)
	if duplicate {
		refuseDuplicate(w)
		return
	}
	p.answerCreate(w, r, post, f)
}

// parseCreate reads the body of a create by X's schema, which allows no field that
// it does not name.
func parseCreate(body []byte) (text, replyTo string, images []string, parameter, message string) {
	var fields map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&fields); err != nil || fields == nil {
		return "", "", nil, "$", "The body is not a JSON object."
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", "", nil, "$", "The body holds more than one JSON object."
	}
	for name := range fields {
		if name != "text" && name != "reply" && name != "media" {
			return "", "", nil, name, "$." + name + ": is not defined in the schema and the schema does not allow additional properties"
		}
	}
	if err := json.Unmarshal(fields["text"], &text); err != nil || strings.TrimSpace(text) == "" {
		return "", "", nil, "text", "$.text: is missing, empty or not a string"
	}
	if raw, ok := fields["reply"]; ok {
		var reply struct {
			To *string `json:"in_reply_to_tweet_id"`
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&reply); err != nil || reply.To == nil || *reply.To == "" || strings.Trim(*reply.To, "0123456789") != "" {
			return "", "", nil, "reply.in_reply_to_tweet_id", "$.reply.in_reply_to_tweet_id: does not match ^[0-9]{1,19}$"
		}
		replyTo = *reply.To
	}
	if raw, ok := fields["media"]; ok {
		var media struct {
			IDs []string `json:"media_ids"`
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&media); err != nil || len(media.IDs) < 1 || len(media.IDs) > 4 {
			return "", "", nil, "media.media_ids", "$.media.media_ids: must have 1 to 4 items"
		}
		images = media.IDs
	}
	return text, replyTo, images, "", ""
}

// has reports whether a post is public.
func (p *Platform) has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.posts, func(s *stored) bool { return s.ID() == id })
}

// take applies a text that is well formed, unless it is a duplicate or the fault of
// this write says otherwise; the post is nil then.
func (p *Platform) take(text, replyTo string, image *medium) (post *stored, f adapterstest.Fault, duplicate bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.c.Now()
	if same := p.newest[norm.NFC.String(text)]; same != nil && now.Sub(same.at) < sameText && !p.c.TakesEqualTexts {
		return nil, f, true
	}
	f = p.faults.Take()
	if f.Kind != "" && !f.Kind.Applies() {
		return nil, f, false
	}
	post = &stored{id: p.nextID(now), text: text, at: now, visible: now, replyTo: replyTo, image: image}
	switch f.Kind {
	case adapterstest.Lag:
		post.visible = now.Add(f.Wait)
	case adapterstest.Alter:
		post.text = alter(text)
	case adapterstest.Delete:
		return post, f, false // made, answered, and gone before anybody can look
	default:
	}
	p.posts = append(p.posts, post)
	p.newest[norm.NFC.String(post.text)] = post
	return post, f, false
}

// alter returns another text of the same length with the first letter changed.
func alter(text string) string {
	for i, r := range text {
		if r >= 'a' && r < 'z' || r >= 'A' && r < 'Z' {
			return text[:i] + string(r+1) + text[i+1:]
		}
	}
	return "x" + text
}

// nextID returns a new identifier: milliseconds, then a number within them. The
// caller holds mu.
func (p *Platform) nextID(now time.Time) int64 {
	p.lastID = max((now.UnixMilli()-epoch)<<22, p.lastID+1)
	return p.lastID
}

// answerCreate answers a create as its fault says. post is nil where it was not applied.
func (p *Platform) answerCreate(w http.ResponseWriter, r *http.Request, post *stored, f adapterstest.Fault) {
	f.PlayBefore(r)
	switch f.Kind {
	case adapterstest.Throttle:
		h := w.Header()
		h.Set("x-rate-limit-remaining", "0")
		h.Set("x-rate-limit-reset", strconv.FormatInt(ceilSecond(p.c.Now().Add(f.Wait)), 10))
		tooMany(w)
		return
	case adapterstest.AuthGone:
		write(w, http.StatusUnauthorized, unauthorized())
		return
	case adapterstest.Credits:
		refuse(w, http.StatusPaymentRequired, "Payment Required", "credits depleted", "https://api.x.com/2/problems/credits-depleted")
		return
	default:
	}
	if f.PlayAfter(w, r) {
		return
	}
	switch f.Kind {
	case adapterstest.Apply500, adapterstest.ApplyRefuse:
		refuse(w, http.StatusServiceUnavailable, "Service Unavailable", "Service Unavailable", "about:blank")
	case adapterstest.DuplicateOf:
		refuseDuplicate(w)
	default:
		write(w, http.StatusCreated, map[string]any{"data": p.object(post, nil)})
	}
}

func refuseDuplicate(w http.ResponseWriter) {
	refuse(w, http.StatusForbidden, "Forbidden", "You are not allowed to create a Tweet with duplicate content.", "about:blank")
}

// delete takes a post away: DELETE /2/tweets/{id}.
func (p *Platform) delete(w http.ResponseWriter, r *http.Request, _ []byte) {
	id := r.PathValue("id")
	p.mu.Lock()
	before := len(p.posts)
	p.posts = slices.DeleteFunc(p.posts, func(s *stored) bool { return s.ID() == id })
	deleted := len(p.posts) < before
	maps.DeleteFunc(p.newest, func(_ string, s *stored) bool { return s.ID() == id })
	p.mu.Unlock()
	if !deleted {
		write(w, http.StatusOK, problem{Errors: []problem{notFound("tweet", "id", id)}})
		return
	}
	write(w, http.StatusOK, map[string]any{"data": map[string]bool{"deleted": true}})
}

// object returns a post as X shows it: the default fields and those asked for.
func (p *Platform) object(s *stored, fields []string) map[string]any {
	text, urls := wrap(s.text, s.id)
	if s.image != nil { // X adds the address of what stands below the text
		address, at := tco(s.id, len(urls)), utf8.RuneCountInString(text)+1
		urls = append(urls, urlEntity{
			Start: at, End: at + len(address), URL: address, MediaKey: s.image.key(),
			ExpandedURL: "https://x.com/" + p.c.Username + "/status/" + s.ID() + "/photo/1", DisplayURL: "pic.x.com/" + address[len("https://t.co/"):],
		})
		text += " " + address
	}
	history := "edit_history_tweet_ids"
	if p.c.FieldsParam == "post.fields" {
		history = "edit_history_post_ids"
	}
	o := map[string]any{"id": s.ID(), "text": text, history: []string{s.ID()}}
	for _, f := range fields {
		switch f {
		case "author_id":
			o[f] = p.c.UserID
		case "created_at":
			o[f] = s.at.UTC().Format("2006-01-02T15:04:05.000Z")
		case "attachments":
			if s.image != nil {
				o[f] = map[string]any{"media_keys": []string{s.image.key()}}
			}
		case "entities":
			if len(urls) > 0 {
				o[f] = map[string]any{"urls": urls}
			}
		}
	}
	return o
}

// A urlEntity says what a t.co address stands for; start and end count code points
// of the escaped text.
type urlEntity struct {
	Start       int    `json:"start"`
	End         int    `json:"end"`
	URL         string `json:"url"`
	ExpandedURL string `json:"expanded_url"`
	DisplayURL  string `json:"display_url"`
	MediaKey    string `json:"media_key,omitempty"`
}

// wrap returns text as X shows it: in NFC, with "&", "<" and ">" escaped and every
// link replaced by a t.co address.
func wrap(text string, id int64) (shown string, urls []urlEntity) {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	in := []rune(norm.NFC.String(text))
	var out []rune
	done := 0
	for i, l := range x.Links(text) {
		out = append(out, []rune(escape(string(in[done:l.Start])))...)
		address := tco(id, i)
		expanded := l.URL
		if !strings.Contains(l.URL, "://") {
			expanded = "http://" + l.URL
		}
		_, display, _ := strings.Cut(expanded, "://")
		urls = append(urls, urlEntity{
			Start: len(out), End: len(out) + len(address),
			URL: address, ExpandedURL: expanded, DisplayURL: display,
		})
		out = append(out, []rune(address)...)
		done = l.End
	}
	out = append(out, []rune(escape(string(in[done:])))...)
	return string(out), urls
}

// tco returns the short address of a post's i-th link: 23 characters, as X's.
func tco(id int64, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d", id, i))
	return "https://t.co/" + (&big.Int{}).SetBytes(sum[:]).Text(62)[:10]
}
