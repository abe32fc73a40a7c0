package x

// This file puts a post's image on X before the post: X API v2, POST /2/media/upload and
// POST /2/media/metadata.

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tocsin/adapters"
	"tocsin/adapters/internal/proof"
	"tocsin/adapters/internal/wire"
)

const (
	// maxImage is X's bound on an image, in bytes.
	maxImage = 5_000_000
	// maxAlt is its bound on the words for one, in code points.
	maxAlt = 1000
)

// check returns what makes p unfit for this channel.
func (ch *Channel) check(p adapters.Post) error {
	if err := ch.Limits().Check(p); err != nil {
		return err
	}
	if r, found := firstForbidden(p.Text); found {
		return adapters.Fail(adapters.Permanent, "the text holds %U, which X takes in no text", r)
	}
	return nil
}

// Prepare uploads p's image with its words, and returns the number that X gives it with the proof
// that it was made of p: X keeps it for 24 hours. An image whose words X does not take is not used,
// since whoever can't see it would be told nothing of it.
func (ch *Channel) Prepare(ctx context.Context, p adapters.Post) (string, error) {
	if err := ch.check(p); err != nil {
		return "", err
	}
	if p.Image == nil {
		return "", nil
	}
	if n := utf8.RuneCountInString(p.Image.Alt); n > maxAlt {
		return "", adapters.Fail(adapters.Permanent, "the image's alternative text has %d characters, the limit is %d", n, maxAlt)
	}
	id, err := ch.upload(ctx, p.Image)
	if err == nil {
		err = ch.describe(ctx, id, p.Image.Alt)
	}
	if err != nil {
		return "", wire.Unsent(err)
	}
	return ch.proofs.Prove(id, p), nil
}

// upload hands X an image and returns its number.
func (ch *Channel) upload(ctx context.Context, image *adapters.Image) (string, error) {
	var out struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	a, err := ch.send(ctx, "/2/media/upload", map[string]any{
		"media": image.Data, "media_category": "tweet_image", "media_type": image.MediaType,
	}, &out)
	if err == nil && !validID(out.Data.ID) {
		err = ch.wire.Unreadable(a, nil)
	}
	return out.Data.ID, err
}

// describe says the image in words.
func (ch *Channel) describe(ctx context.Context, id, alt string) error {
	if alt == "" {
		return nil
	}
	var out struct {
		Data *struct{} `json:"data"`
	}
	a, err := ch.send(ctx, "/2/media/metadata", map[string]any{
		"id": id, "metadata": map[string]any{"alt_text": map[string]string{"text": alt}},
	}, &out)
	if err == nil && out.Data == nil {
		err = ch.wire.Unreadable(a, nil)
	}
	return err
}

// send makes one call that publishes nothing and reads a good answer into out.
func (ch *Channel) send(ctx context.Context, path string, in, out any) (wire.Answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return wire.Answer{}, adapters.Fail(adapters.Permanent, "write the request: %w", err)
	}
	a, err := ch.call(ctx, http.MethodPost, path, nil, body)
	if err != nil {
		return a, err
	}
	if a.Status < 200 || a.Status > 299 {
		return a, ch.failure(a)
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return a, ch.wire.Unreadable(a, err)
	}
	return a, nil
}

// uploaded returns the number of p's image that a prepared, "" where there is none, or why
// what was prepared is not to be used.
func (ch *Channel) uploaded(p adapters.Post, a adapters.Attempt) (string, error) {
	if p.Image == nil || a.Prepared == "" {
		return "", nil
	}
	id, proven := ch.proofs.Proven(a.Prepared, p)
	if !proven {
		return "", proof.Dead(a.Prepared)
	}
	return id, nil
}

// An attached is an image as X shows it with a post.
type attached struct {
	Key string `json:"media_key"`
	Alt string `json:"alt_text"`
}

// shows returns nil where the post shows p's image, as far as X tells: it encodes images anew. r
// may say that it lacks it.
func (p post) shows(image *adapters.Image, r adapters.Receipt, all []attached) error {
	if image == nil || r.Lacks != "" {
		return nil
	}
	if len(p.Attachments.MediaKeys) == 0 {
		return adapters.ErrWithoutImage
	}
	for _, m := range all {
		shown, want := norm.NFC.String(m.Alt), norm.NFC.String(image.Alt)
		if shown != "" && shown != want && slices.Contains(p.Attachments.MediaKeys, m.Key) {
			return &adapters.AlteredError{Shown: shown, Want: want}
		}
	}
	return nil
}
