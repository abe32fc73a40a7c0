// Package preview holds the looks of the preview page: every post of a bulletin in a
// drawing of our own of what its platform shows, the cards, the counts and the
// differences, on one page that needs no network and no script.
//
// It turns plain view structs into one HTML document. It knows no bulletin and no
// platform's code, and renders nothing out of a public text: a text stands on the page
// byte for byte, escaped. The screen's own words stand in the template in both languages.
package preview

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

//go:embed preview.gohtml
var layout embed.FS

//go:embed preview.css
var style string

// Mark begins every page that [View.Render] returns: a file that begins so is a preview
// of ours, and may be replaced by another one.
const Mark = "<!doctype html>\n<!-- tocsin preview -->\n"

// A View is all that the page shows.
type View struct {
	Lang     string // of the page's own words: "en"; all else is Italian
	Issuer   string
	Mark     string // the alert code with the bulletin's number
	Exercise bool
	Headline string // in HeadlineLang
	// HeadlineLang is the language of Headline, BCP 47.
	HeadlineLang string
	Act          string // what the bulletin does, in the page's language
	Facts        []Fact
	Words        []string // the read-back words
	SHA256       string
	Warnings     []Warning
	Channels     []Channel
	Cards        []Stage // what each stage's card shows; posts of it are none
	Differences  []Difference
	// Since says with what the bulletin was compared, or why it was not.
	Since string
	// Standing says the same of the text that the scenario holds ready, and Changes are the
	// differences; "" for a bulletin that no scenario has words for.
	Standing string
	Changes  []Difference
}

// A Fact is a label and what belongs to it.
type Fact struct{ Label, Text, Lang string }

// A Warning is something to look at before signing.
type Warning struct {
	Label, Where, What, Advice string
	Grave                      bool
}

// A Channel is one addressee with what it shows at each stage.
type Channel struct {
	Name, Kind string
	Platform   string // as people call it: "Telegram"
	Stages     []Stage
}

// Own is the channel's name where it says more than its platform's.
func (c Channel) Own() string {
	if c.Name == c.Kind || strings.EqualFold(c.Name, c.Platform) {
		return ""
	}
	return c.Name
}

// A Stage is one bulletin in the life of the alert: the alert itself, what is prepared
// inside it, the one before it.
type Stage struct {
	Title string
	// Current tells the bulletin that the page is about from the others.
	Current bool
	Issuer  string
	// Level names the band of the site's page: "red", "orange", "yellow", "green", "grey";
	// LevelWord stands on it, in LevelLang.
	Level, LevelWord, LevelLang string
	Posts                       []Post
	Fates                       []Fate // what becomes of posts that are public
	LeftOut                     string // what of the message the channel leaves to the page
	Pictures                    []Picture
	Note                        string // said in the place of pictures
}

// A Fate is what a post that is public says from a moment on: its new text, or a comment that
// stands below it.
type Fate struct {
	Head string // which post, when and how
	Lang string
	Said string // what is new, all of it where the post's present text does not follow
	// Follows is the post's present text, which follows word for word; "" for none.
	Follows string
	Comment bool
}

// A Post is one post as the platform shows it.
type Post struct {
	Lang, LangName string
	Says           string // the languages in it, each by its own name
	Part, Parts    int
	Title          string
	Text           string
	// Seen is how many characters of Text the platform shows before the reader asks for
	// the rest; 0 for all.
	Seen    int
	Counts  []Count
	Picture *Picture
}

// A Count is how much of a limit is used.
type Count struct {
	What string // "unità di X"
	N    int
	Most int // 0 for no limit
}

// Over reports whether the count is over its limit.
func (c Count) Over() bool { return c.Most > 0 && c.N > c.Most }

// A Picture is a picture and the same in words.
type Picture struct {
	Title         string
	MediaType     string
	Data          []byte
	Alt           string
	AltLang       string
	Width, Height int
}

// Source returns the picture as an address that holds it.
func (p Picture) Source() template.URL {
	//nolint:gosec // the media type is one of two, the rest base64
	return template.URL("data:" + p.MediaType + ";base64," + base64.StdEncoding.EncodeToString(p.Data))
}

// A Difference is what changed in one text.
type Difference struct {
	Head  string
	Lang  string
	Lines []Line
}

// A Line is one line of a difference: Kind is "old", "new", or "" for the page's own words.
type Line struct{ Kind, Text string }

// A Run is a piece of a text that looks alike.
type Run struct {
	Text string
	Link bool
}

var linked = regexp.MustCompile(`https?://\S+|#[\p{L}\p{N}_]+`)

func runs(text string) (out []Run) {
	from := 0
	for _, at := range linked.FindAllStringIndex(text, -1) {
		if at[0] > from {
			out = append(out, Run{Text: text[from:at[0]]})
		}
		out = append(out, Run{Text: text[at[0]:at[1]], Link: true})
		from = at[1]
	}
	if from < len(text) {
		out = append(out, Run{Text: text[from:]})
	}
	return out
}

// Lines returns what is new in runs.
func (m Fate) Lines() []Run { return runs(m.Said) }

// Before returns what a reader sees at first.
func (p Post) Before() []Run { return runs(p.Text[:p.fold()]) }

// After returns what a reader sees who asks for the rest.
func (p Post) After() []Run { return runs(p.Text[p.fold():]) }

// fold returns the byte in Text at which the platform folds it. A word is not divided.
func (p Post) fold() int {
	if p.Seen <= 0 {
		return len(p.Text)
	}
	n, blank := 0, 0
	for i, r := range p.Text {
		if n == p.Seen {
			if blank > 0 {
				return blank
			}
			return i
		}
		if r == ' ' || r == '\n' {
			blank = i
		}
		n++
	}
	return len(p.Text)
}

// Initial is the letter in the place of the account's picture.
func (s Stage) Initial() string {
	for _, r := range s.Issuer {
		return strings.ToUpper(string(r))
	}
	return ""
}

// shown is a view with what the template needs beside it.
type shown struct {
	View

	Style  template.CSS
	Policy string
}

// Say chooses the words of the page's language.
func (v View) Say(italian, english string) string {
	if v.Lang == "en" {
		return english
	}
	return italian
}

// Render returns the page.
func (v View) Render() ([]byte, error) {
	if v.Lang != "en" {
		v.Lang = "it"
	}
	t, err := template.New("preview").Funcs(template.FuncMap{
		"look": func(v View, c Channel, s Stage, p ...Post) map[string]any {
			look := map[string]any{"V": v, "C": c, "S": s}
			if len(p) > 0 {
				look["P"] = p[0]
			}
			return look
		},
	}).ParseFS(layout, "preview.gohtml")
	if err != nil {
		return nil, fmt.Errorf("read the template of the preview: %w", err)
	}
	sum := sha256.Sum256([]byte(style))
	var b bytes.Buffer
	b.WriteString(Mark)
	err = t.ExecuteTemplate(&b, "preview", shown{
		View: v, Style: template.CSS(style),
		Policy: "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
	})
	if err != nil {
		return nil, fmt.Errorf("write the preview: %w", err)
	}
	return b.Bytes(), nil
}
