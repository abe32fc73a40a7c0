package instagramtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/jpeg"
	"unicode"
	"unicode/utf8"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/internal/graph/graphtest"
)

// What the platform takes: see "Content Publishing" and "Error Codes" in the
// manual of the Instagram Platform.
const (
	maxCaption  = 2200 // code points
	maxAlt      = 1000 // code points
	maxHashtags = 5
	maxMentions = 20
	maxImage    = 8 << 20 // bytes
	minWidth    = 320     // pixels
	maxWidth    = 1440
	minRatio    = 0.8  // width to height: 4:5
	maxRatio    = 1.91 // 1.91:1
)

// refuseWords returns why the platform does not take what was written for c; the
// zero Refusal if it does.
func refuseWords(c *container) graphtest.Refusal {
	switch {
	case c.address == "":
		return graphtest.Refusal{Code: 100, Subcode: 2207023, Message: "The parameter image_url is required", Title: "Unknown Media Type"}
	case !utf8.ValidString(c.caption) || !utf8.ValidString(c.alt):
		return graphtest.Invalid("Param caption must be a valid UTF-8 string")
	case utf8.RuneCountInString(c.caption) > maxCaption:
		return graphtest.Refusal{Code: 36004, Subcode: 2207010, Message: "The caption was too long.", Title: "Caption Too Long", Text: fmt.Sprintf("The caption has %d characters; %d are allowed.", utf8.RuneCountInString(c.caption), maxCaption)}
	case tags(c.caption, '#') > maxHashtags, tags(c.caption, '@') > maxMentions:
		return graphtest.Refusal{Code: 100, Subcode: 2207040, Message: "Invalid parameter", Title: "Too Many Tags", Text: "The caption has too many tags."}
	case utf8.RuneCountInString(c.alt) > maxAlt:
		return graphtest.Invalid("Param alt_text is too long")
	}
	return graphtest.Refusal{}
}

// tags counts the words in s that begin with mark.
func tags(s string, mark rune) int {
	n, before := 0, ' '
	for _, r := range s {
		if before == mark && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_') {
			n++
		}
		before = r
	}
	return n
}

// fetch gets the image and returns its SHA-256, or why the platform does not take it.
func (p *Platform) fetch(ctx context.Context, address string) (string, graphtest.Refusal) {
	data, err := adapterstest.Fetch(ctx, p.c.Client, "facebookexternalhit/1.1", address, maxImage)
	if p.front.Is(graphtest.NoPictures) {
		err = errors.New("no pictures")
	}
	if err != nil {
		return "", graphtest.Refusal{
			Code: 9004, Subcode: 2207052, Message: "Only photo or video can be accepted as media type.",
			Title: "Media download has failed", Text: "The media could not be fetched from this URI: " + err.Error(),
		}
	}
	if len(data) > maxImage {
		return "", graphtest.Refusal{Code: 36000, Subcode: 2207004, Message: "The image size is too large.", Title: "Image size too large", Text: "The image is over 8 MiB."}
	}
	head, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return "", graphtest.Refusal{Code: 36001, Subcode: 2207005, Message: "The image format is not supported.", Title: "Unsupported image format", Text: "The image must be a JPEG."}
	}
	ratio := float64(head.Width) / float64(max(head.Height, 1))
	if head.Width < minWidth || head.Width > maxWidth || ratio < minRatio || ratio > maxRatio {
		return "", graphtest.Refusal{
			Code: 36003, Subcode: 2207009, Message: "The submitted image has an invalid aspect ratio.", Title: "Invalid aspect ratio",
			Text: fmt.Sprintf("The image is %d by %d pixels.", head.Width, head.Height),
		}
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), graphtest.Refusal{}
}
