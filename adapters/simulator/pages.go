package simulator

// This file holds the pages for people: an overview, and for each account a page
// that looks like its timeline. They need no JavaScript.

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/adapters/adapterstest"
)

//go:embed pages/*.gohtml pages/style.css
var layouts embed.FS

// maxShown is how many posts a timeline shows, the newest; /api/live has all.
const maxShown = 100

// A site serves the control and the pages of one simulator.
type site struct {
	sim    *Simulator
	title  string
	handle string
	names  map[string]string // of the channels, by kind
	layout *template.Template
	css    []byte
	zone   *time.Location
}

func newSite(s *Simulator, c Config) (*site, error) {
	layout, err := template.ParseFS(layouts, "pages/*.gohtml")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	css, err := layouts.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("read the pages' style: %w", err)
	}
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		zone = time.UTC // a machine without time zones; the pages say which it is
	}
	names := map[string]string{Telegram: c.Names.Telegram, X: c.Names.X, Facebook: c.Names.Facebook, Instagram: c.Names.Instagram}
	return &site{sim: s, title: c.Title, handle: c.Handle, names: names, layout: layout, css: css, zone: zone}, nil
}

// A page is what every page shows around its own matter.
type page struct {
	Title   string
	Kind    string // "" for the overview
	Refresh bool
	Toggle  string // the address that turns Refresh off or on; "" for a page that stays as it is
	Now     stamp
}

// An account is one account, at the top of its timeline and in the overview.
type account struct {
	Kind     string
	Platform string // its name as people write it
	Channel  string
	Title    string
	Handle   string // with @; "" where accounts have none
	Initials string
	Off      bool // off the network
	Posts    int
	API      string
	Where    string // what such a page is called, with the platform's name
}

// A card is one post on a page.
type card struct {
	ID      string
	Lines   [][]segment
	Image   string // its address here; "" for none
	Missing bool   // there is an image, and its bytes are not kept any more
	Alt     string
	At      stamp
	Page    string   // its address here
	Real    string   // the address that the platform gives for it, where it is another; "" else
	Answers string   // the address here of the post that it answers; "" for none
	Below   []string // comments of the account, in order
	Pinned  bool
}

// A stamp is a moment for people and for programs.
type stamp struct{ Text, ISO string }

func (st *site) stamp(t time.Time) stamp {
	return stamp{t.In(st.zone).Format("02/01/2006, 15:04:05 MST"), t.UTC().Format(time.RFC3339)}
}

func (st *site) page(r *http.Request, kind, title string) page {
	p := page{Title: title, Kind: kind, Refresh: true, Toggle: "?pausa=1", Now: st.stamp(time.Now())}
	if r.URL.Query().Has("pausa") {
		p.Refresh, p.Toggle = false, r.URL.EscapedPath()
	}
	return p
}

func (st *site) account(kind string) account {
	o := st.sim.outlets[kind]
	a := account{
		Kind: kind, Channel: st.names[kind], Title: st.title, Handle: "@" + st.handle, Initials: initials(st.title),
		Off: o.off(), Posts: len(o.platform.Live()), API: st.sim.accounts.base(kind),
	}
	switch kind {
	case Telegram:
		a.Platform, a.Where = "Telegram", "canale Telegram simulato"
	case X:
		a.Platform, a.Where = "X", "profilo X simulato"
	case Facebook:
		a.Platform, a.Where, a.Handle = "Facebook", "pagina Facebook simulata", ""
	case Instagram:
		// An account of Instagram is known by its name alone.
		a.Platform, a.Where, a.Title, a.Handle = "Instagram", "profilo Instagram simulato", st.handle, ""
	}
	return a
}

// initials returns the first letters of the first two words of name.
func initials(name string) string {
	var out []rune
	for word := range strings.FieldsSeq(name) {
		if r, _ := utf8.DecodeRuneInString(word); len(out) < 2 && unicode.IsLetter(r) {
			out = append(out, unicode.ToUpper(r))
		}
	}
	return string(out)
}

func (st *site) card(kind string, p adapterstest.Live) card {
	c := card{ID: p.ID, Alt: p.Alt, At: st.stamp(p.At), Page: "/" + kind + "/" + url.PathEscape(p.ID)}
	if !strings.HasPrefix(p.URL, st.sim.url+"/") {
		c.Real = p.URL
	}
	c.Below, c.Pinned = p.Comments, p.Pinned
	if p.ReplyTo != "" {
		c.Answers = "/" + kind + "/" + url.PathEscape(p.ReplyTo)
	}
	if p.Image != "" {
		c.Image = "/" + kind + "/images/" + p.Image
		c.Missing = st.sim.picture(kind, p.Image) == nil
	}
	for line := range strings.Lines(p.Text) {
		if kind == Instagram { // a link in a caption can't be followed
			c.Lines = append(c.Lines, []segment{{Text: line}})
		} else {
			c.Lines = append(c.Lines, segments(line))
		}
	}
	return c
}

// A segment is a piece of a text; Link is where it leads, "" for nowhere.
type segment struct{ Text, Link string }

// segments cuts text before and after every web address, so that the pages can make
// links of them. Together the pieces are text.
func segments(text string) []segment {
	var out []segment
	for text != "" {
		start := addressIn(text)
		if start < 0 {
			return append(out, segment{Text: text})
		}
		end := start + strings.IndexFunc(text[start:]+" ", unicode.IsSpace)
		address := strings.TrimRight(text[start:end], ".,;:!?…)]}»”\"'")
		if start > 0 {
			out = append(out, segment{Text: text[:start]})
		}
		link := address
		if u, err := url.Parse(address); err != nil || u.Host == "" {
			link = ""
		}
		out = append(out, segment{Text: address, Link: link})
		text = text[start+len(address):]
	}
	return out
}

// addressIn returns where the first web address in text begins, or -1.
func addressIn(text string) int {
	plain, secure := strings.Index(text, "http://"), strings.Index(text, "https://")
	if plain < 0 || secure >= 0 && secure < plain {
		return secure
	}
	return plain
}

func (st *site) overview(w http.ResponseWriter, r *http.Request) {
	v := struct {
		page

		Accounts []account
		Faults   []adapterstest.FaultKind
		URL      string
	}{st.page(r, "", "Simulatore delle piattaforme"), nil, adapterstest.FaultKinds(), st.sim.url}
	for _, kind := range Kinds() {
		v.Accounts = append(v.Accounts, st.account(kind))
	}
	st.render(w, http.StatusOK, "overview.gohtml", v)
}

// A wall is what the page of a timeline, or of one post of it, shows.
type wall struct {
	page

	Account account
	Cards   []card
	Hidden  int  // posts that are too old for the page
	Single  bool // the page of one post
}

func (st *site) timeline(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	o, err := st.sim.outlet(kind)
	if err != nil {
		st.missing(w, r)
		return
	}
	v := st.wall(r, kind)
	live := o.platform.Live()
	if len(live) > maxShown {
		v.Hidden = len(live) - maxShown
		live = live[v.Hidden:]
	}
	for _, p := range slices.Backward(live) {
		v.Cards = append(v.Cards, st.card(kind, p))
	}
	st.render(w, http.StatusOK, "timeline.gohtml", v)
}

func (st *site) wall(r *http.Request, kind string) wall {
	a := st.account(kind)
	return wall{page: st.page(r, kind, a.Platform+" (simulazione): "+a.Title), Account: a}
}

// post shows one post: by its identifier, or by the address that the platform gave.
func (st *site) post(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	if r.PathValue("code") != "" {
		kind = Instagram
	}
	o, err := st.sim.outlet(kind)
	if err != nil {
		st.missing(w, r)
		return
	}
	v := st.wall(r, kind)
	v.Single = true
	status := http.StatusNotFound
	for _, p := range o.platform.Live() {
		if p.ID == r.PathValue("id") || p.URL == st.sim.url+r.URL.Path {
			v.Cards, status = []card{st.card(kind, p)}, http.StatusOK
		}
	}
	st.render(w, status, "timeline.gohtml", v)
}

func (st *site) missing(w http.ResponseWriter, r *http.Request) {
	v := st.page(r, "", "Pagina inesistente")
	v.Refresh, v.Toggle = false, ""
	st.render(w, http.StatusNotFound, "missing.gohtml", struct{ page }{v})
}

func (st *site) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=60")
	_, _ = w.Write(st.css) // a caller that went away needs no answer
}

func (st *site) render(w http.ResponseWriter, status int, name string, v any) {
	var buf bytes.Buffer
	if err := st.layout.ExecuteTemplate(&buf, name, v); err != nil {
		st.sim.log.Error("page failed", "page", name, "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a caller that went away needs no answer
}
