package website

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/templates/pages"
	"tocsin/templates/wording"
)

// alertPath returns the path of an alert's page.
func alertPath(code string) string { return "/a/" + code }

// capPath returns the path of a signed CAP document, as it stands in an address.
func capPath(identifier string) string { return "/cap/" + url.PathEscape(identifier) + ".xml" }

// capFile returns the same path as the site keeps it: not escaped, since one path
// can be escaped in several ways.
func capFile(identifier string) string { return "/cap/" + identifier + ".xml" }

// drillOf returns what a CAP status means for the reader.
func drillOf(status string) wording.Drill {
	switch status {
	case "Exercise":
		return wording.Exercise
	case "Test":
		return wording.Test
	default:
		return wording.Real
	}
}

// actOf returns what a message does in the life of its alert.
func actOf(p *stored) wording.Act {
	return wording.ActOf(p.Notice.MsgType, p.Notice.Urgency, p.facts().allClear, p.facts().declared)
}

// levelOf returns the level of a message, and whether the issuer declared it as an
// alert colour.
func levelOf(p *stored) (l wording.Level, colour bool) {
	return wording.LevelOf(p.facts().colour, p.facts().awareness, p.Notice.Severity)
}

// state says where the alert stands. What was revoked or ended stays so when it
// expires: that says more.
func (r *record) state() pages.State {
	switch act := actOf(r.newest().head()); {
	case act == wording.Cancel:
		return pages.Revoked
	case act == wording.AllClear:
		return pages.Ended
	case r.expired:
		return pages.Expired
	default:
		return pages.InForce
	}
}

// drill returns what the alert as a whole is. A bulletin that is real makes it real.
func (r *record) drill() wording.Drill {
	d := drillOf(r.newest().head().Notice.Status)
	for _, b := range r.bulletins {
		d = min(d, drillOf(b.head().Notice.Status))
	}
	return d
}

// frame returns what stands around every page.
func (s *Site) frame(lang, path string, d wording.Drill) pages.Frame {
	f := pages.Frame{Lang: lang, Issuer: s.c.Issuer, Path: path, Home: s.c.PublicURL, Drill: d, PolicyURL: s.c.PolicyURL}
	if s.c.Exercise {
		f.Drill = max(f.Drill, wording.Exercise)
	}
	for _, ch := range s.c.Channels {
		f.Channels = append(f.Channels, pages.Channel{Name: ch.Name, Kind: ch.Kind, URL: ch.URL})
	}
	return f
}

// indexView returns the home page of v.
func (s *Site) indexView(v *snapshot, lang string) pages.Index {
	current, recent := v.standing()
	d := wording.Real
	if len(current) > 0 {
		d = current[0].drill()
		for _, r := range current {
			d = min(d, r.drill())
		}
	}
	view := pages.Index{Frame: s.frame(lang, "/", d)}
	for _, r := range current {
		view.Current = append(view.Current, s.summary(r, lang))
	}
	for _, r := range recent {
		view.Recent = append(view.Recent, s.summary(r, lang))
	}
	return view
}

// standing returns the alerts that have not expired, in the order in which they
// matter to readers, and those that expired a short while ago, the last one first.
func (v *snapshot) standing() (current, recent []*record) {
	for _, r := range v.alerts.all() {
		switch ended := r.newest().head().Notice.Expires; {
		case !r.expired:
			current = append(current, r)
		case v.from.Before(ended.Add(feedKeeps)):
			recent = append(recent, r)
		}
	}
	slices.SortFunc(current, func(a, b *record) int {
		la, _ := levelOf(a.newest().head())
		lb, _ := levelOf(b.newest().head())
		return cmp.Or(cmp.Compare(a.drill(), b.drill()), cmp.Compare(a.state(), b.state()), cmp.Compare(lb, la),
			b.newest().head().Notice.Sent.Compare(a.newest().head().Notice.Sent), cmp.Compare(a.code, b.code))
	})
	slices.SortFunc(recent, func(a, b *record) int {
		return cmp.Or(b.newest().head().Notice.Expires.Compare(a.newest().head().Notice.Expires), cmp.Compare(a.code, b.code))
	})
	return current, recent
}

// summary returns r as a list shows it.
func (s *Site) summary(r *record, lang string) pages.Summary {
	b := r.newest()
	head := b.head()
	level, colour := levelOf(head)
	voice := b.voice(lang)
	return pages.Summary{
		Code: r.code, Path: alertPath(r.code), Lang: voice.Lang, Headline: voice.headline(),
		FactsLang: b.factsLang(voice), Areas: voice.Notice.Areas,
		Level: level, Colour: colour, State: r.state(), Drill: drillOf(head.Notice.Status),
		Expires: head.Notice.Expires.In(s.zone),
	}
}

// voice returns the post in lang, else the first one: its words stand at the head
// of what a reader of lang sees.
func (b *bulletin) voice(lang string) *stored {
	for _, p := range b.posts {
		if speaks(p.Lang, lang) {
			return p
		}
	}
	return b.head()
}

// headline returns what is said in large letters.
func (p *stored) headline() string {
	return cmp.Or(p.Title, p.Notice.Headline, p.Notice.Event, p.Notice.Code)
}

// factsLang returns the language of the facts that go with p: its own, unless the
// message has them in the first post's language alone.
func (b *bulletin) factsLang(p *stored) string {
	if head := b.head(); p.Notice.Event == head.Notice.Event && slices.Equal(p.Notice.Areas, head.Notice.Areas) {
		return head.Lang
	}
	return p.Lang
}

// speaks reports whether the language tag is of the frame's language lang.
func speaks(tag, lang string) bool {
	base, _, _ := strings.Cut(tag, "-")
	return strings.EqualFold(base, lang)
}

// alertView returns the page of r.
func (s *Site) alertView(r *record, lang string) pages.Alert {
	view := pages.Alert{Frame: s.frame(lang, alertPath(r.code), r.drill()), Code: r.code, State: r.state()}
	cancelled := 0 // the newest bulletin that revokes what is older
	for i, b := range r.bulletins {
		sheet := s.sheet(b, lang)
		if i > 0 {
			sheet.Replaced = r.bulletins[i-1].number
			sheet.Revoked = cancelled > 0
		}
		if actOf(b.head()) == wording.Cancel {
			cancelled = b.number
		}
		sheet.Texts = s.texts(b, lang, i)
		view.Bulletins = append(view.Bulletins, sheet)
	}
	return view
}

// sheet returns the facts of b.
func (s *Site) sheet(b *bulletin, lang string) pages.Bulletin {
	head := b.head()
	n := head.Notice
	from := n.Sent
	// As in the signed texts: from the onset of the event, where it is known.
	switch {
	case !head.facts().onset.IsZero():
		from = head.facts().onset
	case !head.facts().effective.IsZero():
		from = head.facts().effective
	}
	level, colour := levelOf(head)
	voice := b.voice(lang)
	sheet := pages.Bulletin{
		Number: b.number, Act: actOf(head), Drill: drillOf(n.Status),
		Level: level, Colour: colour, Lang: voice.Lang, Headline: voice.headline(),
		FactsLang: b.factsLang(voice), Event: voice.Notice.Event, Areas: voice.Notice.Areas, Issuer: n.Issuer, SHA256: n.SHA256,
		From: from.In(s.zone), Sent: n.Sent.In(s.zone), Expires: n.Expires.In(s.zone),
	}
	if len(n.CAP) > 0 {
		sheet.CAPPath = capPath(n.Identifier)
	}
	return sheet
}

// texts returns the posts of b, those in lang first. The anchors of the newest
// bulletin are bare languages, so that a link to a language lasts.
func (s *Site) texts(b *bulletin, lang string, age int) []pages.Text {
	posts := slices.Clone(b.posts)
	slices.SortStableFunc(posts, func(x, y *stored) int {
		return cmp.Compare(rank(x.Lang, lang, s.pages.Language()), rank(y.Lang, lang, s.pages.Language()))
	})
	prefix := ""
	if age > 0 {
		prefix = "b" + strconv.Itoa(b.number) + "-"
	}
	used := map[string]int{}
	var all []pages.Text
	for _, p := range posts {
		anchor := prefix + p.Lang
		if used[p.Lang]++; used[p.Lang] > 1 {
			anchor += "_" + strconv.Itoa(used[p.Lang]) // no language tag has an underscore
		}
		t := pages.Text{Anchor: anchor, Key: string(p.Key), Lang: p.Lang, Title: p.Title, Body: p.Text, At: p.at}
		if p.image != nil {
			t.Image = &pages.Image{Path: p.image.path, Alt: p.Image.Alt, Width: p.image.width, Height: p.image.height}
		}
		all = append(all, t)
	}
	return all
}

// rank orders languages: the reader's, the site's, the others.
func rank(tag, lang, usual string) int {
	switch {
	case speaks(tag, lang):
		return 0
	case speaks(tag, usual):
		return 1
	default:
		return 2
	}
}

// checkView returns the answer to the question for what a reader typed.
func (s *Site) checkView(v *snapshot, lang, typed string) pages.Check {
	q := s.seek(v, typed)
	view := pages.Check{Asked: q.shown, Elsewhere: q.elsewhere}
	d := wording.Real
	if r := q.record; typed != "" && r != nil {
		d = r.drill()
		sum := s.summary(r, lang)
		head := r.newest().head()
		view.Found, view.Issuer = &sum, head.Notice.Issuer
		view.Sent, view.Bulletin = head.Notice.Sent.In(s.zone), r.newest().number
		view.Stale = q.number != 0 && q.number < view.Bulletin
	}
	view.Frame = s.frame(lang, "/verifica", d)
	return view
}
