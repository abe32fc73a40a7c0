// Package pages holds the looks of the public site: the templates of its pages,
// their one style sheet and the frame's words in Italian, English, German and
// French.
//
// It turns plain view structs into whole HTML documents that need neither
// JavaScript nor cookies nor a second request. It knows no alert, keeps no page
// and serves nothing; and it renders nothing out of a signed text: a text stands
// on the page byte for byte, escaped.
package pages

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"tocsin/templates/wording"
)

//go:embed *.gohtml
var layouts embed.FS

//go:embed style.css
var style string

//go:embed icon.svg
var icon []byte

// Pages renders the public pages. It is safe for concurrent use.
type Pages struct {
	layouts *template.Template
	lang    string // the frame's language where an address names none
	style   template.CSS
}

// New returns the pages whose addresses mean lang where they name no language;
// "" for Italian. It fails where the frame does not speak lang.
func New(lang string) (*Pages, error) {
	if lang == "" {
		lang = wording.Languages()[0]
	}
	if !wording.Speaks(lang) {
		return nil, fmt.Errorf("the pages have no words in %q: use one of %s", lang, strings.Join(wording.Languages(), ", "))
	}
	t, err := template.New("pages").ParseFS(layouts, "*.gohtml")
	if err != nil {
		return nil, fmt.Errorf("read the page templates: %w", err)
	}
	return &Pages{layouts: t, lang: lang, style: template.CSS(style)}, nil
}

// Language returns the language that an address means where it names none.
func (p *Pages) Language() string { return p.lang }

// StyleSource returns the source expression that lets a Content-Security-Policy
// allow the pages' style sheet and nothing else.
func (p *Pages) StyleSource() string {
	sum := sha256.Sum256([]byte(p.style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// FeedTitle returns the title of the site's feed in the pages' own language.
func (p *Pages) FeedTitle(issuer string, exercise bool) string {
	d := wording.Real
	if exercise {
		d = wording.Exercise
	}
	return p.DrillTitle(wordsFor(p.lang).Alerts+" – "+issuer, d)
}

// DrillTitle returns title with the word for a drill before it, unless it says
// that word itself.
func (p *Pages) DrillTitle(title string, d wording.Drill) string {
	return drillTitle(wordsFor(p.lang), title, d)
}

func drillTitle(w words, title string, d wording.Drill) string {
	word := w.DrillWord(d)
	if word == "" || slices.ContainsFunc(strings.FieldsFunc(title, func(c rune) bool { return !unicode.IsLetter(c) }), func(said string) bool {
		return strings.EqualFold(said, word)
	}) {
		return title
	}
	return word + " – " + title
}

// Icon returns the site's icon, an SVG image.
func (p *Pages) Icon() []byte { return bytes.Clone(icon) }

// Index renders the home page.
func (p *Pages) Index(v Index) ([]byte, error) {
	var current, closed []Summary
	for _, one := range v.Current {
		if one.State == Ended || one.State == Revoked {
			closed = append(closed, one)
		} else {
			current = append(current, one)
		}
	}
	w := wordsFor(v.Lang)
	title := w.NoneTitle
	if len(current) > 0 {
		title = w.CurrentTitle
	}
	s := p.scene(v.Frame, title, v)
	s.Current, s.Closed = current, closed
	return p.render("index", s)
}

// Alert renders the page of one alert.
func (p *Pages) Alert(v Alert) ([]byte, error) {
	if len(v.Bulletins) == 0 {
		return nil, fmt.Errorf("render the page of %s: it has no bulletin", v.Code)
	}
	s := p.scene(v.Frame, v.Bulletins[0].Headline, v)
	for i, b := range v.Bulletins {
		state := v.State
		if i > 0 {
			state = InForce
		}
		s.Bulletins = append(s.Bulletins, newSheet(s, v.Code, b, state))
	}
	return p.render("alert", s)
}

// Check renders the answer to the question whether an alert code is genuine.
func (p *Pages) Check(v Check) ([]byte, error) {
	return p.render("verify", p.scene(v.Frame, wordsFor(v.Lang).CheckTitle, v))
}

// Missing renders the page for an address that leads nowhere.
func (p *Pages) Missing(v Missing) ([]byte, error) {
	return p.render("missing", p.scene(v.Frame, wordsFor(v.Lang).MissingTitle, v))
}

func (p *Pages) render(name string, s *scene) ([]byte, error) {
	var b bytes.Buffer
	if err := p.layouts.ExecuteTemplate(&b, name, s); err != nil {
		return nil, fmt.Errorf("render page %s: %w", s.Path, err)
	}
	return b.Bytes(), nil
}

// A scene is what a template sees: a view, with the words and the style.
type scene struct {
	Frame
	W         words
	Title     string
	Style     template.CSS
	Default   string // the language that an address means where it names none
	Body      any
	Current   []Summary // of the home page: what is in force
	Closed    []Summary // of the home page: what ended or was revoked before its time
	Bulletins []sheet   // of an alert's page
}

func (p *Pages) scene(f Frame, title string, body any) *scene {
	if !wording.Speaks(f.Lang) {
		f.Lang = p.lang
	}
	w := wordsFor(f.Lang)
	title = drillTitle(w, title, f.Drill) + " – " + f.Issuer
	return &scene{Frame: f, W: w, Title: title, Style: p.style, Default: p.lang, Body: body}
}

// Href returns the address of another page in the frame's language.
func (s *scene) Href(path string) string { return inLanguage(path, s.Lang, s.Default, nil) }

func inLanguage(path, lang, usual string, query url.Values) string {
	if lang != usual {
		if query == nil {
			query = url.Values{}
		}
		query.Set("lang", lang)
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// A tongue is a link to the same page, or to a text in it, in one language.
type tongue struct {
	Lang, Name, Href, Anchor string
	Current                  bool
}

// Switches returns the links to this page in each language of the frame.
func (s *scene) Switches() []tongue {
	var all []tongue
	for _, lang := range wording.Languages() {
		q := url.Values{}
		if code := s.Typed(); code != "" {
			q.Set("codice", code)
		}
		all = append(all, tongue{
			Lang: lang, Name: wording.LanguageName(lang), Current: lang == s.Lang,
			Href: inLanguage(s.Path, lang, s.Default, q),
		})
	}
	return all
}

// Typed returns the code that the reader has asked for, "" for none.
func (s *scene) Typed() string {
	if c, ok := s.Body.(Check); ok {
		return c.Asked
	}
	return ""
}

// A moment is a point in time for a machine and for a reader.
type moment struct{ Stamp, Words string }

// Moment returns t for a time element.
func (s *scene) Moment(t time.Time) moment { return newMoment(s.W, t) }

func newMoment(w words, t time.Time) moment {
	return moment{Stamp: t.Format(time.RFC3339), Words: w.Moment(t)}
}

// A band is the strip that says the level in colour, shape and word.
type band struct{ Class, Word, State string }

func newBand(w words, l wording.Level, colour bool, s State, d wording.Drill) band {
	level := w.Level(l, colour)
	switch s {
	case Revoked, Expired:
		b := band{Class: "grey", Word: w.StateWord(s)}
		if s == Expired {
			b.State = level
		}
		return b
	case Ended:
		return band{Class: "green", Word: w.StateWord(s)}
	case InForce:
	}
	b := band{Class: class(l), Word: level, State: cmp.Or(w.DrillWord(d), w.StateWord(s))}
	if l == wording.Green && !colour {
		b.Class = "grey" // a small danger is not the sign that all is well
	}
	return b
}

// class returns the class of a level's colour in the style sheet.
func class(l wording.Level) string {
	switch l {
	case wording.Red:
		return "red"
	case wording.Orange:
		return "orange"
	case wording.Yellow:
		return "yellow"
	case wording.Green:
		return "green"
	default:
		return "grey"
	}
}

// note returns the sentence that goes with a state, "" where none is needed.
func note(w words, s State) string {
	switch s {
	case Ended:
		return w.EndedNote
	case Revoked:
		return w.RevokedNote
	case Expired:
		return w.ExpiredNote
	default:
		return ""
	}
}

// A card is an alert in a list.
type card struct {
	W                                     words
	Code, Link, Lang, Headline, FactsLang string
	DrillWord, Note                       string
	Band                                  band
	Areas                                 []string
	Expires                               moment
}

// Summary returns v as a list shows it.
func (s *scene) Summary(v Summary) card {
	return card{
		W: s.W, Code: v.Code, Link: s.Href(v.Path), Lang: v.Lang, Headline: v.Headline, FactsLang: v.FactsLang,
		DrillWord: s.W.DrillWord(v.Drill), Note: note(s.W, v.State),
		Band: newBand(s.W, v.Level, v.Colour, v.State, v.Drill), Areas: v.Areas, Expires: newMoment(s.W, v.Expires),
	}
}

// A sheet is a bulletin on its alert's page.
type sheet struct {
	W                                                    words
	First                                                bool // the newest one
	Code, Lang, Headline, FactsLang, Event, Issuer, Note string
	DrillWord, DrillLine, ActWord                        string
	SHA256, CAPPath                                      string
	Number                                               int
	Band                                                 band
	Areas                                                []string
	From, Sent, Expires                                  moment
	Tongues                                              []tongue // none where there is one text only
	Texts                                                []block
}

func newSheet(page *scene, code string, b Bulletin, state State) sheet {
	w := page.W
	s := sheet{
		W: w, First: b.Replaced == 0, Code: code, Lang: b.Lang, Headline: b.Headline, FactsLang: b.FactsLang, Event: b.Event,
		Issuer: b.Issuer, Note: note(w, state), ActWord: w.ActWord(b.Act), SHA256: b.SHA256, CAPPath: b.CAPPath,
		Number: b.Number, Band: newBand(w, b.Level, b.Colour, state, b.Drill), Areas: b.Areas,
		From: newMoment(w, b.From), Sent: newMoment(w, b.Sent), Expires: newMoment(w, b.Expires),
	}
	if page.Drill == wording.Real { // else the page says it as a whole
		s.DrillWord, s.DrillLine = w.DrillWord(b.Drill), w.FirstLine(b.Drill)
	}
	switch {
	case b.Revoked && !s.First:
		s.Note = w.RevokedBulletin
	case !s.First:
		s.Note = w.Replaced(b.Replaced)
	}
	for _, t := range b.Texts {
		if t.Title == b.Headline {
			t.Title = "" // it stands above already
		}
		s.Texts = append(s.Texts, block{
			Text: t, Name: wording.LanguageName(t.Lang), Stamp: t.At.UTC().Format(time.RFC3339Nano),
		})
		if len(b.Texts) > 1 {
			s.Tongues = append(s.Tongues, tongue{Lang: t.Lang, Name: wording.LanguageName(t.Lang), Anchor: t.Anchor})
		}
	}
	return s
}

// A block is one text on an alert's page.
type block struct {
	Text
	Name, Stamp string
}
