package graph

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tocsin/adapters"
)

const (
	// pageSize is the largest page that an edge of posts gives.
	pageSize = 100
	// maxPages bounds a search. An account with more posts than that since one
	// alert is not the account of an office: the search ends undecided.
	maxPages = 10
	// timeLayout is the form of times in the Graph API: ISO 8601, without a
	// colon in the offset.
	timeLayout = "2006-01-02T15:04:05-0700"
)

// A Search says where posts are listed and how their fields are called.
type Search struct {
	Path  string // "1234/published_posts"
	Text  string // name of the field with the text
	Time  string // name of the field with the time of publication
	Link  string // name of the field with the public address; "" where there is none
	Since time.Time
	Rules []Rule // as in [Call]
	// Photo is the name of the field that tells which image stands with a post; "" where the
	// list does not tell.
	Photo string
	// Exactly takes the very text alone, not one that resembles it.
	Exactly bool
}

// Find looks for p among the posts that s lists, back to
// [adapters.ClockSkew] before s.Since: a post with exactly p's text, else the newest that bears p's Mark and
// most of p's words, as a post does that somebody changed since. The mark alone
// is not enough: all parts and languages of a bulletin bear it.
//
// It returns [adapters.ErrNotPublished] where the whole list has no such post,
// and a Failure where the list could not be read to its end: what was not seen
// is not absent.
func (c *Client) Find(ctx context.Context, s Search, p adapters.Post) (adapters.Receipt, error) {
	fields := slices.DeleteFunc([]string{"id", s.Text, s.Time, s.Link, s.Photo}, func(f string) bool { return f == "" })
	params := url.Values{
		"fields": {strings.Join(fields, ",")},
		"limit":  {strconv.Itoa(pageSize)},
	}
	if !s.Since.IsZero() {
		params.Set("since", strconv.FormatInt(s.Since.Add(-adapters.ClockSkew).Unix(), 10))
	}
	var changed *adapters.Receipt
	want := Normalise(p.Text)
	for row, err := range c.list(ctx, Call{Method: http.MethodGet, Path: s.Path, Params: params, Rules: s.Rules}) {
		if err != nil {
			return adapters.Receipt{}, err
		}
		text := row.text(s.Text)
		switch {
		case !IsID(row.text("id")):
		case Normalise(text) == want:
			return c.receipt(s, row, p), nil
		case changed == nil && !s.Exactly && adapters.ContainsMark(text, p.Mark) && resembles(text, p) && !slices.Contains(p.Beside, Normalise(text)):
			r := c.receipt(s, row, p)
			changed = &r
		}
	}
	if changed == nil {
		return adapters.Receipt{}, adapters.ErrNotPublished
	}
	return *changed, nil
}

// resembles reports whether text has more than half of the different words of
// p's text, not counting the mark and the link. ReadBack says what is wrong with
// it; to miss it would be to post a second time.
func resembles(text string, p adapters.Post) bool {
	between := func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	words := func(s string) map[string]bool {
		set := make(map[string]bool)
		for w := range strings.FieldsFuncSeq(Normalise(s), between) {
			set[w] = true
		}
		return set
	}
	shown, want, common := words(text), words(p.Text), 0
	for w := range words(p.Mark + " " + p.Link) {
		delete(want, w)
	}
	for w := range want {
		if shown[w] {
			common++
		}
	}
	return 2*common > len(want)
}

func (c *Client) receipt(s Search, r row, p adapters.Post) adapters.Receipt {
	raw, _ := json.Marshal(r) // of what was just decoded: it cannot fail
	at := ParseTime(r.text(s.Time))
	if at.IsZero() {
		at = time.Now().UTC()
	}
	receipt := adapters.Receipt{
		ID:       r.text("id"),
		URL:      PublicURL(r.text(s.Link)),
		At:       at,
		Evidence: c.Evidence(raw),
	}
	if s.Photo != "" && p.Image != nil && !HasPhoto(r[s.Photo]) {
		receipt.Lacks = adapters.NotShown
	}
	return receipt
}

// HasPhoto reports whether the attachments of a post, as the platform tells them, hold a photo.
func HasPhoto(attachments json.RawMessage) bool {
	var list struct {
		Data []struct {
			Type string `json:"type"`
		} `json:"data"`
	}
	_ = json.Unmarshal(attachments, &list) // what can't be read holds none
	for _, a := range list.Data {
		if strings.Contains(a.Type, "photo") || a.Type == "album" {
			return true
		}
	}
	return false
}

// A row is one object of a list.
type row map[string]json.RawMessage

// text returns the string in a field, "" if it is not one.
func (r row) text(field string) string {
	var s string
	if json.Unmarshal(r[field], &s) != nil {
		return ""
	}
	return s
}

// list yields the objects of an edge, page after page. It ends with an error
// where the list is longer than it reads.
func (c *Client) list(ctx context.Context, call Call) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		call.Params = maps.Clone(call.Params)
		for range maxPages {
			var page struct {
				Data   *[]row `json:"data"`
				Paging struct {
					Cursors struct {
						After string `json:"after"`
					} `json:"cursors"`
					Next string `json:"next"`
				} `json:"paging"`
			}
			a, err := c.Do(ctx, call, &page)
			if err == nil && page.Data == nil {
				err = c.Unreadable(a, "the list has no data")
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range *page.Data {
				if !yield(r, nil) {
					return
				}
			}
			if page.Paging.Next == "" {
				return
			}
			// The address in next bears the access token and names any host:
			// the cursor says the same.
			if call.Params.Set("after", page.Paging.Cursors.After); page.Paging.Cursors.After == "" {
				yield(nil, c.Unreadable(a, "the list goes on and has no cursor"))
				return
			}
		}
		yield(nil, adapters.Fail(adapters.Unknown, "the account has more than %d posts to look through", maxPages*pageSize))
	}
}

// Normalise returns text as the platform may change it without changing what it
// says: canonical composition (NFC), line feeds for every line ending, no white
// space at either end.
func Normalise(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	return strings.TrimSpace(norm.NFC.String(text))
}

// ParseTime reads a time of the Graph API ("2026-11-22T10:00:00+0000"), in UTC;
// the zero time if s is not one.
func ParseTime(s string) time.Time {
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// PublicURL returns s if it is an absolute http or https address that can be
// shown as a link, else "".
func PublicURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || len(s) > 2048 {
		return ""
	}
	return s
}
