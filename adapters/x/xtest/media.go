package xtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"tocsin/adapters/adapterstest"
)

const (
	maxImage = 5_000_000      // bytes
	maxAlt   = 1000           // code points
	keeps    = 24 * time.Hour // expires_after_secs of an upload
)

// A medium is an image that was uploaded.
type medium struct {
	id          string
	sha256, alt string
	data        []byte
	until       time.Time // when X throws it away unless a post has it
}

// key returns the name by which posts refer to it.
func (m *medium) key() string { return "3_" + m.id }

// upload takes an image: POST /2/media/upload with a JSON body.
func (p *Platform) upload(w http.ResponseWriter, r *http.Request, body []byte) {
	var in struct {
		Media    []byte `json:"media"`
		Category string `json:"media_category"`
		Type     string `json:"media_type"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil {
		in.Media = nil
	}
	jpeg, png := bytes.HasPrefix(in.Media, []byte("\xff\xd8\xff")), bytes.HasPrefix(in.Media, []byte("\x89PNG"))
	switch {
	case r.Header.Get("Content-Type") != "application/json" || len(in.Media) == 0:
		invalid(w, "media", "", "$.media: is missing, empty or not base64")
	case in.Category != "tweet_image":
		invalid(w, "media_category", in.Category, "$.media_category: is not one of [tweet_image]")
	case len(in.Media) > maxImage:
		invalid(w, "media", "", "File size exceeds 5242880 bytes.")
	case p.is(adapterstest.NoPictures), !(jpeg && in.Type == "image/jpeg") && !(png && in.Type == "image/png"):
		refuse(w, http.StatusBadRequest, "Invalid Request", "media type unrecognized.", problems+"invalid-request")
	default:
		sum := sha256.Sum256(in.Media)
		p.mu.Lock()
		now := p.c.Now()
		m := &medium{sha256: hex.EncodeToString(sum[:]), data: in.Media, until: now.Add(keeps)}
		m.id = (&stored{id: p.nextID(now)}).ID()
		p.media[m.id] = m
		p.mu.Unlock()
		write(w, http.StatusOK, map[string]any{"data": map[string]any{
			"id": m.id, "media_key": m.key(), "size": len(in.Media), "expires_after_secs": int(keeps / time.Second),
		}})
	}
}

// describe takes the words for an image: POST /2/media/metadata.
func (p *Platform) describe(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		ID       string `json:"id"`
		Metadata struct {
			Alt struct {
				Text string `json:"text"`
			} `json:"alt_text"`
		} `json:"metadata"`
	}
	if json.Unmarshal(body, &in) != nil || in.Metadata.Alt.Text == "" || utf8.RuneCountInString(in.Metadata.Alt.Text) > maxAlt {
		invalid(w, "metadata", "", "$.metadata.alt_text.text: must be 1 to 1000 characters long")
		return
	}
	p.mu.Lock()
	m := p.media[in.ID]
	if m != nil {
		m.alt = in.Metadata.Alt.Text
	}
	p.mu.Unlock()
	if m == nil {
		invalid(w, "id", in.ID, "Could not find media with the id.")
		return
	}
	write(w, http.StatusOK, map[string]any{"data": map[string]any{
		"id": in.ID, "associated_metadata": map[string]any{"alt_text": map[string]string{"text": in.Metadata.Alt.Text}},
	}})
}

// medium returns the one image that a post is to have, nil for none, and false where X does not
// have it any more.
func (p *Platform) medium(ids []string) (*medium, bool) {
	if len(ids) == 0 {
		return nil, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.media[ids[0]]
	return m, m != nil && p.c.Now().Before(m.until)
}

// TakeImage takes the image from a post, as X does at somebody's complaint.
func (p *Platform) TakeImage(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.posts, func(s *stored) bool { return s.ID() == id && s.image != nil })
	if i < 0 {
		return false
	}
	without := *p.posts[i]
	without.image = nil
	p.posts[i] = &without
	return true
}

// Image returns the bytes of an image that a post has or had, by their SHA-256; nil for none.
func (p *Platform) Image(sha256 string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.media {
		if m.sha256 == sha256 {
			return m.data
		}
	}
	return nil
}
