package review

// This file shows a bulletin on a page: what the review says, and beside it a drawing of
// what each platform shows.

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the size of a card
	_ "image/png"  // of a card in its other size
	"slices"
	"strings"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/templates/card"
	"tocsin/templates/preview"
	"tocsin/templates/wording"
)

// instagramSeen is how many characters of a caption Instagram shows in its feed before
// "more". Meta names no number; it depends on the screen.
const instagramSeen = 125

// Looks are what a page needs besides the review.
type Looks struct {
	// Limits are those of each kind of channel that the bulletin may address; a kind that
	// is not among them is shown with the number of its characters alone.
	Limits map[string]compose.Channel
	// Cards draws the cards; nil costs reading the fonts.
	Cards *card.Renderer
	// LeftOut says in the review's language what of a bulletin's message a channel leaves to
	// the page; nil for nothing.
	LeftOut func(b *bulletin.Bulletin, channel string) string
}

// A scene is one bulletin in the life of the alert, as the page names it.
type scene struct {
	title   string
	b       *bulletin.Bulletin
	current bool
}

// Page returns the review as an HTML document that needs nothing but itself: the posts
// as their platforms show them, at each stage that is at hand, with their counts.
func (r *Review) Page(l Looks) ([]byte, error) {
	b := r.Bulletin
	v := preview.View{
		Lang: r.o.Lang, Issuer: b.Issuer, Mark: b.Mark(), Exercise: b.Realm == alert.RealmExercise, Act: r.act(b.Message),
		Words: r.Words, SHA256: b.SHA256(), Facts: r.facts(),
	}
	if len(b.Message.Infos) > 0 {
		in := &b.Message.Infos[0]
		v.Headline, v.HeadlineLang = in.Headline, in.Language
		if v.Headline == "" {
			v.Headline = in.Event
		}
	}
	if v.Headline == "" {
		v.Headline, v.HeadlineLang = v.Act, r.say("it", "en")
	}
	for _, w := range r.Warnings {
		shown := preview.Warning{Label: r.label(w.Severity), Where: r.place(w), What: w.What, Grave: w.Severity == High}
		if w.Severity != Note {
			shown.Advice = w.Advice
		}
		v.Warnings = append(v.Warnings, shown)
	}
	scenes := r.scenes()
	for _, c := range b.Channels() {
		if r.o.Channel == "" || r.o.Channel == c.Name {
			v.Channels = append(v.Channels, r.channel(c, scenes, l))
		}
	}
	if l.Cards == nil {
		var err error
		if l.Cards, err = card.NewRenderer(); err != nil {
			return nil, fmt.Errorf("draw the cards: %w", err)
		}
	}
	for _, s := range scenes {
		stage, err := r.cards(s, l.Cards)
		if err != nil {
			return nil, err
		}
		v.Cards = append(v.Cards, stage)
	}
	v.Since, v.Differences = r.changed()
	v.Standing, v.Changes = r.fromScenario()
	return v.Render()
}

// scenes returns the bulletin before this one where it is at hand, this one, and what
// is prepared inside it.
func (r *Review) scenes() []scene {
	var out []scene
	if before := r.o.Previous; before != nil {
		out = append(out, scene{r.say("Prima: bollettino %d", "Before: bulletin %d", before.Number), before, false})
	}
	name := map[wording.Act]string{
		wording.Issue: r.say("Allerta", "Alert"), wording.Update: r.say("Aggiornamento", "Update"),
		wording.Extend: r.say("Proroga", "Extension"), wording.Raise: r.say("Innalzamento", "Raised level"), wording.Lower: r.say("Declassamento", "Lowered level"),
		wording.AllClear: r.say("Cessato allarme", "All clear"), wording.Cancel: r.say("Revoca", "Revocation"),
	}[compose.ActOf(r.Bulletin.Message)]
	out = append(out, scene{r.say("%s: bollettino %d", "%s: bulletin %d", name, r.Bulletin.Number), r.Bulletin, true})
	for _, q := range r.Prepared {
		out = append(out, scene{r.say("Già pronta: %s", "Prepared: %s", r.title(q.Bulletin.Kind)), q.Bulletin, false})
	}
	return out
}

// facts returns what, where and until when.
func (r *Review) facts() []preview.Fact {
	b := r.Bulletin
	m := b.Message
	facts := []preview.Fact{
		{Label: r.say("ente", "issuer"), Text: b.Issuer},
		{Label: r.say("ambiente", "realm"), Text: r.realm()},
	}
	for i := range m.Infos {
		in := &m.Infos[i]
		facts = append(facts, preview.Fact{Label: r.say("titolo", "headline") + " [" + in.Language + "]", Text: in.Headline, Lang: in.Language})
	}
	var names []string
	if len(m.Infos) > 0 {
		in := &m.Infos[0]
		for _, a := range in.Areas {
			names = append(names, a.Desc)
		}
		if !in.Onset.IsZero() {
			facts = append(facts, preview.Fact{Label: r.say("evento da", "event from"), Text: r.moment(in.Onset)})
		}
	}
	facts = append(facts, preview.Fact{Label: r.say("fino a", "until"), Text: r.moment(b.Expires)})
	if !b.NotAfter.IsZero() {
		facts = append(facts, preview.Fact{Label: r.say("firmare entro", "sign by"), Text: r.moment(b.NotAfter)})
	}
	if len(names) > 0 {
		facts = append(facts, preview.Fact{Label: r.say("dove", "where"), Text: strings.Join(names, ", ")})
	}
	if m.Note != "" {
		facts = append(facts, preview.Fact{Label: r.say("nota", "note"), Text: m.Note})
	}
	return facts
}

// platform names a kind of channel for people.
func (r *Review) platform(kind string) string {
	switch kind {
	case "website":
		return r.say("Sito", "Site")
	case "telegram":
		return "Telegram"
	case "x":
		return "X"
	case "facebook":
		return "Facebook"
	case "instagram":
		return "Instagram"
	case "wordpress":
		return "WordPress"
	}
	return kind
}

func (r *Review) channel(c bulletin.Channel, scenes []scene, l Looks) preview.Channel {
	out := preview.Channel{Name: c.Name, Kind: c.Kind, Platform: r.platform(c.Kind)}
	for _, s := range scenes {
		stage := preview.Stage{Title: s.title, Current: s.current, Issuer: s.b.Issuer}
		for i := range s.b.Posts {
			if post := &s.b.Posts[i]; post.Channel == c.Name {
				stage.Posts = append(stage.Posts, r.post(s.b, post, l))
				stage.Level, stage.LevelWord, stage.LevelLang = band(s.b.Message)
			}
		}
		if l.LeftOut != nil && len(stage.Posts) > 0 {
			stage.LeftOut = l.LeftOut(s.b, c.Name)
		}
		if s.b != r.o.Previous {
			stage.Fates = r.became(s.b, c.Name)
		}
		out.Stages = append(out.Stages, stage)
	}
	return out
}

// band returns the colour and the words of the band on the site's page.
func band(m *alert.Message) (class, words, lang string) {
	in := &alert.Info{Language: "it"}
	if len(m.Infos) > 0 {
		in = &m.Infos[0]
	}
	switch act := compose.ActOf(m); act {
	case wording.AllClear:
		return "green", wording.For(in.Language).Act(act), in.Language
	case wording.Cancel:
		return "grey", wording.For(in.Language).Act(act), in.Language
	case wording.Issue, wording.Update, wording.Extend, wording.Raise, wording.Lower:
	}
	own, _ := in.Parameter("livello_allerta")
	awareness, _ := in.Parameter("awareness_level")
	level, colour := wording.LevelOf(own, awareness, string(in.Severity))
	class = map[wording.Level]string{wording.Green: "green", wording.Yellow: "yellow", wording.Orange: "orange", wording.Red: "red"}[level]
	if class == "" || level == wording.Green && !colour {
		class = "grey" // a small danger is not the sign that all is well
	}
	return class, wording.For(in.Language).Level(level, colour), in.Language
}

// post returns a post with its counts against the limits of its kind.
func (r *Review) post(b *bulletin.Bulletin, post *bulletin.Post, l Looks) preview.Post {
	out := preview.Post{
		Lang: post.Lang, LangName: wording.LanguageName(post.Lang), Part: post.Part, Parts: post.Parts, Title: post.Title, Text: post.Text,
		Says: strings.Join(tongues(b, post), ", "),
	}
	if post.Kind == "instagram" {
		out.Seen = instagramSeen
	}
	limits := l.Limits[post.Kind].Limits
	add := func(what string, n, most int) {
		out.Counts = append(out.Counts, preview.Count{What: what, N: n, Most: most})
	}
	unit := r.say("caratteri", "characters")
	switch post.Kind {
	case "x":
		unit = r.say("unità di X", "units of X")
	case "telegram":
		unit = r.say("caratteri (punti di codice)", "characters (code points)")
	}
	add(unit, limits.Length(post.Text), limits.MaxLen)
	if post.Title != "" {
		add(r.say("titolo", "title"), len([]rune(post.Title)), limits.MaxTitle)
	}
	if limits.MaxHashtags > 0 {
		add("hashtag", strings.Count(post.Text, "#"), limits.MaxHashtags)
	}
	if picture := b.Image(post.Image); picture != nil {
		add(r.say("immagine, kB", "picture, kB"), (len(picture.Data)+999)/1000, limits.ImageMaxBytes/1000)
		add(r.say("immagine in parole, caratteri", "picture in words, characters"), len([]rune(post.Alt)), card.MaxAlt)
		shown := pictureOf("", picture.MediaType, picture.Data, post.Alt, post.Lang)
		out.Picture = &shown
	}
	return out
}

// tongues names the languages that a post says: its own, and where it is the only one
// of its channel all those of the message that it does not leave to the page.
func tongues(b *bulletin.Bulletin, post *bulletin.Post) []string {
	said := []string{wording.LanguageName(post.Lang)}
	if post.Parts > 1 {
		return said
	}
	left := compose.LeftOut(b)
	for i := range b.Message.Infos {
		lang := b.Message.Infos[i].Language
		if name := wording.LanguageName(lang); !slices.Contains(said, name) && !slices.ContainsFunc(left, func(o compose.Omission) bool {
			return o.Channel == post.Channel && o.Piece == compose.PieceLanguage && o.Lang == lang
		}) {
			said = append(said, name)
		}
	}
	return said
}

func pictureOf(title, mediaType string, data []byte, alt, lang string) preview.Picture {
	p := preview.Picture{Title: title, MediaType: mediaType, Data: data, Alt: alt, AltLang: lang}
	if size, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
		p.Width, p.Height = size.Width, size.Height
	}
	return p
}

// cards returns the card of a bulletin in both sizes: the one that a post holds as it is
// signed, what no post holds drawn from the message.
func (r *Review) cards(s scene, cards *card.Renderer) (preview.Stage, error) {
	stage := preview.Stage{Title: s.title, Current: s.current}
	held := slices.IndexFunc(s.b.Posts, func(p bulletin.Post) bool { return p.Image != "" })
	if held >= 0 {
		post := &s.b.Posts[held]
		signed := s.b.Image(post.Image)
		stage.Pictures = append(stage.Pictures, pictureOf(r.say("Com'è firmato (%s)", "As it is signed (%s)", r.platform(post.Kind)), signed.MediaType, signed.Data, post.Alt, post.Lang))
	}
	lang := "it"
	if len(s.b.Message.Infos) > 0 {
		lang = s.b.Message.Infos[0].Language
	}
	for _, want := range []struct {
		size  card.Size
		title string
	}{
		{card.Portrait, r.say("Verticale, 1080 × 1350: su nessun canale di questo bollettino", "Portrait, 1080 × 1350: on no channel of this bulletin")},
		{card.Landscape, r.say("Orizzontale, 1200 × 675: su nessun canale di questo bollettino", "Landscape, 1200 × 675: on no channel of this bulletin")},
	} {
		if want.size == card.Portrait && held >= 0 {
			continue
		}
		drawn, err := compose.Card(s.b, want.size, card.PNG, compose.Options{Cards: cards, Location: r.clock})
		if errors.Is(err, card.ErrNoRoom) {
			stage.Note = r.say("Il cartello non ha posto per questi testi in questa misura.", "The card has no room for these texts in this size.")
			continue
		}
		if err != nil {
			return stage, fmt.Errorf("draw the card: %w", err)
		}
		stage.Pictures = append(stage.Pictures, pictureOf(want.title, "image/png", drawn.Data, drawn.Alt, lang))
	}
	return stage, nil
}

// changed returns the differences with the bulletin before this one, and a line on what
// was compared.
func (r *Review) changed() (against string, out []preview.Difference) {
	b, before := r.Bulletin, r.o.Previous
	switch {
	case before != nil:
		against = r.say("Con il bollettino %d (SHA-256 %s…), senza contare il numero nel codice.", "With bulletin %d (SHA-256 %s…), not counting the number in the code.", before.Number, before.SHA256()[:16])
		for _, d := range since(before, b) {
			if r.o.Channel != "" && !slices.Contains(d.channels, r.o.Channel) {
				continue
			}
			one := preview.Difference{Head: strings.Join(d.channels, ", ") + " [" + d.lang + "]", Lang: d.lang}
			switch {
			case d.added:
				one.Lines = append(one.Lines, preview.Line{Text: r.say("testo nuovo, prima non c'era", "a new text, which was not there before")})
			case d.missing:
				one.Lines = append(one.Lines, preview.Line{Text: r.say("il testo di prima non c'è più", "the text of before is gone")})
			case d.none():
				one.Lines = append(one.Lines, preview.Line{Text: r.say("nessuna", "none")})
			default:
				if len(d.fields) > 0 {
					one.Lines = append(one.Lines, preview.Line{Text: r.say("cambia anche: %s", "also changed: %s", strings.Join(d.fields, ", "))})
				}
				one.Lines = append(one.Lines, r.lines(d.changes)...)
			}
			out = append(out, one)
		}
	case b.Previous == "" && b.Kind == "":
		against = r.say("È il primo bollettino dell'allerta: prima non c'è niente.", "It is the first bulletin of the alert: there is none before it.")
	default:
		against = r.say("Con il bollettino precedente: non confrontato. %s", "With the bulletin before it: not compared. %s", r.o.Absent)
	}
	return against, out
}

// fromScenario returns what the bulletin says otherwise than its scenario, and a line on
// what was compared.
func (r *Review) fromScenario() (against string, out []preview.Difference) {
	against, texts, _ := r.prepared()
	for _, t := range texts {
		out = append(out, preview.Difference{Head: t.field + " [" + t.lang + "]", Lang: t.lang, Lines: r.lines(t.changes)})
	}
	if len(out) == 0 && strings.HasSuffix(against, ":") {
		against += " " + r.say("nessuna differenza.", "no difference.")
	}
	return against, out
}

// lines returns the lines of a comparison for the page.
func (r *Review) lines(changes []change) (out []preview.Line) {
	for _, c := range changes {
		switch {
		case c.same == 1:
			out = append(out, preview.Line{Text: r.say("(una riga uguale)", "(one line the same)")})
		case c.same > 1:
			out = append(out, preview.Line{Text: r.say("(%d righe uguali)", "(%d lines the same)", c.same)})
		default:
			if old := joined(c.old, goneFrom, goneTo); old != "" {
				out = append(out, preview.Line{Kind: "old", Text: old})
			}
			if cur := joined(c.new, newFrom, newTo); cur != "" {
				out = append(out, preview.Line{Kind: "new", Text: cur})
			}
		}
	}
	return out
}

// joined marks words that follow each other together, and a line of which all changed not
// at all: the page says it of the whole line.
func joined(line, from, to string) string {
	line = strings.ReplaceAll(line, to+" "+from, " ")
	if whole, ok := strings.CutPrefix(line, from); ok && strings.HasSuffix(whole, to) && strings.Count(line, from) == 1 {
		return strings.TrimSuffix(whole, to)
	}
	return line
}
