package website

import (
	"bytes"
	"errors"
	"io"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// errNotOurs is the cause when a page is not one of the site's.
var errNotOurs = errors.New("it is not a page of the site")

// A shown is a post as a page shows it.
type shown struct {
	found  bool
	text   string
	at     time.Time // when the site took it; zero if the page does not say
	url    string    // of the page, as it says itself; "" if it does not
	images []picture // of the post's section, in order
}

type picture struct{ path, alt string }

// readPage looks on one of the site's pages for the post with this key and reads
// it as a browser does. It returns errNotOurs for what is not a whole page of the
// site: a front end's error, a sign-in page, an answer that was cut short.
func readPage(page []byte, key string) (shown, error) {
	var s shown
	ours, whole := false, false
	z := html.NewTokenizer(bytes.NewReader(page))
	z.SetMaxBuf(maxTokens)
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || !ours || !whole {
				return shown{}, errNotOurs
			}
			return s, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch {
			case t.DataAtom == atom.Html:
				ours = attribute(t, "data-site") == "tocsin"
			case t.DataAtom == atom.Link && attribute(t, "rel") == "canonical":
				s.url = attribute(t, "href")
			case t.DataAtom == atom.Div && attribute(t, "data-key") == key && !s.found:
				s.found = true
				s.at, _ = time.Parse(time.RFC3339Nano, attribute(t, "data-at")) // zero where it is none
				s.text = readText(z)
				s.images = readImages(z)
			}
		case html.EndTagToken:
			whole = whole || z.Token().DataAtom == atom.Html
		}
	}
}

// maxTokens bounds one token of a page, in bytes.
const maxTokens = 1 << 20

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// readText reads up to the end of the element that has just begun. An element
// inside it is something that nobody signed: its tag is read as text, so that
// the comparison fails.
func readText(z *html.Tokenizer) string {
	var text bytes.Buffer
	for {
		switch z.Next() {
		case html.ErrorToken:
			return text.String()
		case html.TextToken:
			text.WriteString(z.Token().Data)
		case html.EndTagToken:
			if t := z.Token(); t.DataAtom == atom.Div {
				return text.String()
			}
			text.Write(z.Raw())
		default:
			text.Write(z.Raw())
		}
	}
}

// readImages reads the images up to the end of the section.
func readImages(z *html.Tokenizer) []picture {
	var all []picture
	for {
		switch z.Next() {
		case html.ErrorToken:
			return all
		case html.StartTagToken, html.SelfClosingTagToken:
			if t := z.Token(); t.DataAtom == atom.Img {
				all = append(all, picture{path: attribute(t, "src"), alt: attribute(t, "alt")})
			}
		case html.EndTagToken:
			if z.Token().DataAtom == atom.Section {
				return all
			}
		}
	}
}
