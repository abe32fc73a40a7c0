package x

// This file undoes what X does to every text, so that what it shows can be compared
// with what was signed.

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxLinks bounds the links that are followed in one answer: far more than the
// twelve that fit in 280 units. What is over stays as X shows it.
const maxLinks = 128

// A post is one post as X returns it, in the field names of before and after its API
// specification 2.167.
type post struct {
	ID       string   `json:"id"`
	Text     string   `json:"text"`
	AuthorID string   `json:"author_id"`
	Entities entities `json:"entities"`

	Attachments struct {
		MediaKeys []string `json:"media_keys"` // of the images that stand with the post
	} `json:"attachments"`

	NoteTweet *note `json:"note_tweet"` // the whole of a text over 280 units
	NotePost  *note `json:"note_post"`

	EditTweetIDs []string `json:"edit_history_tweet_ids"` // all versions, this one among them
	EditPostIDs  []string `json:"edit_history_post_ids"`

	raw json.RawMessage // the post as it came
}

type note struct {
	Text     string   `json:"text"`
	Entities entities `json:"entities"`
}

type entities struct {
	URLs []urlEntity `json:"urls"`
}

// A urlEntity says where a t.co address stands in a text, and for what.
type urlEntity struct {
	Start       int    `json:"start"` // in code points
	End         int    `json:"end"`
	URL         string `json:"url"`          // https://t.co/…
	ExpandedURL string `json:"expanded_url"` // what the author wrote, with a protocol
	UnwoundURL  string `json:"unwound_url"`  // where it leads in the end
	MediaKey    string `json:"media_key"`    // of an image or film that X shows in its place
}

// latest returns the identifier of the post's last version: an edit makes a new one.
func (p post) latest() string {
	latest := p.ID
	for _, id := range slices.Concat(p.EditTweetIDs, p.EditPostIDs) {
		if validID(id) && (len(id) > len(latest) || len(id) == len(latest) && id > latest) {
			latest = id
		}
	}
	return latest
}

// shown returns the text that the author must have written for X to show what it
// shows: links instead of t.co addresses, no address of the attached media, no
// escapes, NFC. want is the text that is hoped for, in NFC; it decides only between
// the spellings that X gives for one link.
func (p post) shown(want string) string {
	text, urls := p.Text, p.Entities.URLs
	for _, n := range []*note{p.NotePost, p.NoteTweet} {
		if n != nil && n.Text != "" {
			text, urls = n.Text, n.Entities.URLs
		}
	}
	runes := []rune(text)
	urls = slices.Clone(urls[:min(len(urls), maxLinks)])
	slices.SortStableFunc(urls, func(a, b urlEntity) int { return a.Start - b.Start })

	var b strings.Builder
	done := 0
	for i, e := range urls {
		start, ok := e.find(runes, done)
		if !ok {
			continue
		}
		before := unescape(string(runes[done:start]))
		done = start + utf8.RuneCountInString(e.URL)
		if e.media() && onlyMedia(urls[i+1:], runes[done:]) {
			b.WriteString(strings.TrimSuffix(before, " ")) // X put the space there
			return norm.NFC.String(b.String())
		}
		b.WriteString(before)
		b.WriteString(e.written(b.String(), want))
	}
	b.WriteString(unescape(string(runes[done:])))
	return norm.NFC.String(b.String())
}

// find returns where the entity's address stands in text, at or after from. The
// indices are taken where they are right; X is known to count escapes in some
// answers and not in others, so otherwise the address is looked for.
func (e urlEntity) find(text []rune, from int) (start int, ok bool) {
	address := []rune(e.URL)
	if len(address) == 0 {
		return 0, false
	}
	if e.Start >= from && e.Start <= len(text)-len(address) && slices.Equal(text[e.Start:e.Start+len(address)], address) {
		return e.Start, true
	}
	for i := from; i <= len(text)-len(address); i++ {
		if slices.Equal(text[i:i+len(address)], address) {
			return i, true
		}
	}
	return 0, false
}

// media reports whether the entity stands for an attached image or film.
func (e urlEntity) media() bool {
	if e.MediaKey != "" {
		return true
	}
	head, number, ok := cutLast(e.ExpandedURL, "/")
	return ok && number != "" && strings.Trim(number, "0123456789") == "" &&
		(strings.HasSuffix(head, "/photo") || strings.HasSuffix(head, "/video")) && strings.Contains(head, "/status/")
}

// onlyMedia reports whether rest is empty but for more addresses of media.
func onlyMedia(urls []urlEntity, rest []rune) bool {
	s := string(rest)
	for _, e := range urls {
		if e.media() {
			s = strings.Replace(s, e.URL, "", 1)
		}
	}
	return strings.TrimSpace(s) == ""
}

// written returns the address as its author wrote it. X adds "http://" to a bare
// domain, and may know only where a link leads in the end; the spelling that
// continues before towards want is taken, else what X calls expanded.
func (e urlEntity) written(before, want string) string {
	rest, ok := strings.CutPrefix(want, norm.NFC.String(before))
	spellings := []string{e.ExpandedURL, strings.TrimPrefix(e.ExpandedURL, "http://"), e.UnwoundURL}
	for _, s := range spellings {
		if ok && s != "" && strings.HasPrefix(rest, s) {
			return s
		}
	}
	for _, s := range []string{e.ExpandedURL, e.UnwoundURL} {
		if s != "" {
			return s
		}
	}
	return e.URL
}

// unescape undoes X's escapes in a text; there are three.
func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// nearly reports whether a and b are the same but for one place that is at most a
// quarter of the longer one.
func nearly(a, b string) bool {
	longer, shorter := max(len(a), len(b)), min(len(a), len(b))
	same := 0
	for same < shorter && a[same] == b[same] {
		same++
	}
	for end := 1; same < shorter && a[len(a)-end] == b[len(b)-end]; end++ {
		same++
	}
	return 4*same >= 3*longer
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
