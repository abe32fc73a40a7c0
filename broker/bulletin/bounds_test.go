package bulletin_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
)

// TestBounds goes to each bound of a bulletin, which is taken, and one beyond it.
func TestBounds(t *testing.T) {
	t.Parallel()
	const maxPosts, maxImages, maxLine = 4096, 16, 4 << 10
	for name, c := range map[string]struct {
		make func(t *testing.T, beyond int) []byte
		want string
	}{
		"posts":  {func(t *testing.T, beyond int) []byte { return withPosts(t, maxPosts+beyond) }, "a bulletin has at most 4096 posts"},
		"images": {func(t *testing.T, beyond int) []byte { return withImages(t, maxImages+beyond, 0) }, "a bulletin has at most 16 images"},
		"line": {func(t *testing.T, beyond int) []byte {
			good := string(withImage(t).Bytes())
			const old = "image-alt: Allerta arancione a Savona"
			return []byte(strings.Replace(good, old, old+strings.Repeat("a", maxLine+beyond-len(old)), 1))
		}, "the line has 4097 bytes, the limit is 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := bulletin.Parse(c.make(t, 0)); err != nil {
				t.Errorf("at the bound: %v", err)
			}
			if _, err := bulletin.Parse(c.make(t, 1)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("beyond the bound: %v, want %q", err, c.want)
			}
		})
	}
}

// withPosts returns the text of a bulletin for so many channels.
func withPosts(t *testing.T, n int) []byte {
	t.Helper()
	good := string(bulletintest.New(t, "x-a").Next(t, alert.MsgAlert).Bytes())
	head, rest, _ := strings.Cut(good, "--- post\n")
	post, _, _ := strings.Cut(rest, "--- end\n")
	var all strings.Builder
	all.WriteString(head)
	for i := range n {
		all.WriteString("--- post\n" + strings.Replace(post, "channel: x-a\n", fmt.Sprintf("channel: x-%d\n", i), 1))
	}
	all.WriteString("--- end\n")
	return []byte(all.String())
}

// withImages returns the text of a bulletin with so many images, of which the last ones
// belong to no post.
func withImages(t *testing.T, n, unused int) []byte {
	t.Helper()
	b := bulletintest.New(t, "instagram-a").Next(t, alert.MsgAlert)
	var posts []bulletin.Post
	var images [][]byte
	for i := range n {
		var w bytes.Buffer
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		m.SetGray(0, 0, color.Gray{Y: uint8(i * 8)})
		if err := jpeg.Encode(&w, m, &jpeg.Options{Quality: 100}); err != nil {
			t.Fatal(err)
		}
		images = append(images, w.Bytes())
		p := b.Posts[0]
		p.Channel = fmt.Sprintf("instagram-%d", i)
		if i < n-unused || i == 0 {
			p.Image, p.Alt = digestOf(w.Bytes()), "Allerta"
		}
		posts = append(posts, p)
	}
	d := bulletin.Draft{
		Alert: b.Alert, Code: b.Code, Number: 1, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
		CAP: b.CAP, Posts: posts, Images: images[:1],
	}
	// Write refuses what Parse would: the other images are added to its text.
	for i := range d.Posts[1:] {
		d.Posts[i+1].Image, d.Posts[i+1].Alt = d.Posts[0].Image, d.Posts[0].Alt
	}
	whole, err := bulletin.Write(d)
	if err != nil {
		t.Fatal(err)
	}
	text := string(whole.Bytes())
	head, section, _ := strings.Cut(text, "--- image\n")
	for i := 1; i < n; i++ {
		one := d
		one.Posts, one.Images = []bulletin.Post{posts[0]}, images[i:i+1]
		one.Posts[0].Image, one.Posts[0].Alt = digestOf(images[i]), "Allerta"
		b, err := bulletin.Write(one)
		if err != nil {
			t.Fatal(err)
		}
		_, more, _ := strings.Cut(string(b.Bytes()), "--- image\n")
		section = strings.TrimSuffix(section, "--- end\n") + "--- image\n" + more
		if i < n-unused {
			before, after, _ := strings.Cut(head, fmt.Sprintf("channel: instagram-%d\n", i))
			head = before + fmt.Sprintf("channel: instagram-%d\n", i) + strings.Replace(after, digestOf(images[0]), digestOf(images[i]), 1)
		}
	}
	return []byte(head + "--- image\n" + section)
}

// TestAnImageBelongsToAPost has a bulletin carry images that nobody would see.
func TestAnImageBelongsToAPost(t *testing.T) {
	t.Parallel()
	if _, err := bulletin.Parse(withImages(t, 3, 0)); err != nil {
		t.Errorf("each with a post: %v", err)
	}
	if _, err := bulletin.Parse(withImages(t, 3, 2)); err == nil || !strings.Contains(err.Error(), "2 images belong to no post") {
		t.Errorf("two without a post: %v, want them refused", err)
	}
}

// TestCountsHaveOneForm writes a count of bytes in other ways.
func TestCountsHaveOneForm(t *testing.T) {
	t.Parallel()
	good := string(withImage(t).Bytes())
	for _, form := range []string{"bytes: 0", "bytes: +"} {
		if _, err := bulletin.Parse([]byte(strings.Replace(good, "bytes: ", form, 1))); err == nil || !strings.Contains(err.Error(), "it must be a number from 1 to") {
			t.Errorf("a count that begins with %q: %v, want it refused", form, err)
		}
	}
}

// TestABulletinKeepsItsBytes has the caller use his own for something else.
func TestABulletinKeepsItsBytes(t *testing.T) {
	t.Parallel()
	raw := bytes.Clone(withImage(t).Bytes())
	b, err := bulletin.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want, message := bytes.Clone(raw), bytes.Clone(b.CAP)
	clear(raw)
	if !bytes.Equal(b.Bytes(), want) || !bytes.Equal(b.CAP, message) || !bytes.Equal(b.For("x-a")[0].Notice.CAP, message) {
		t.Error("the bulletin changed with the caller's bytes")
	}
}
