package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/card"
	"tocsin/templates/places"
)

const (
	// manyTongues is the room, in a channel's units, from which on one text says
	// all languages.
	manyTongues = 1500
	// pageRoom is the room from which on a channel with titles is a page, and has
	// a part for each language.
	pageRoom = 15_000
	// maxThread is the most posts of one bulletin that answer each other on a channel, each
	// in a language of its own: the languages of the scenarios. No alert may use up an
	// account's budget, and X charges each.
	maxThread = 4
	// maxPostBytes is the most that a bulletin takes for one text.
	maxPostBytes = 64 << 10
	// maxLineBytes is the most that a bulletin takes for a title or a description
	// with its name before it.
	maxLineBytes = 4 << 10
)

// A FitError says that no wording of a message fits a channel, not even the
// shortest; for a page, that the whole text does not.
type FitError struct {
	Channel string // the channel's name
	Units   int    // of the shortest wording that it may show, in the channel's own units
	Limit   int    // of the channel
	Field   string // the CAP element to shorten: "areaDesc"
}

// Error names channel, limit and what to do.
func (e *FitError) Error() string {
	return fmt.Sprintf("compose: the shortest text for channel %s has %d units, and %d are the limit: shorten %s", e.Channel, e.Units, e.Limit, e.Field)
}

// A press makes the posts of one bulletin.
type press struct {
	o        Options
	scene    scene
	accounts []account
	picture  *picture // of the first language, when first asked for
}

// A picture is a card that was drawn, and its digest.
type picture struct {
	card.Picture
	sha256 string
}

// posts returns the posts for every channel, the images that they name, and the marks on posts
// that are public when d is.
func (o Options) posts(m *alert.Message, d bulletin.Draft, before *predecessor) ([]bulletin.Post, [][]byte, []bulletin.Mark, error) {
	if len(o.Channels) == 0 {
		return nil, nil, nil, errors.New("compose: there is no channel to write for; name some in the configuration")
	}
	p := o.press(m, d.Code, d.Code.Mark(d.Number), d.Breakglass != nil)
	for _, a := range p.accounts {
		if !languageForm.MatchString(a.lang) {
			return nil, nil, nil, fmt.Errorf("compose: the language %q is no tag such as it-IT; correct the message", a.lang)
		}
	}
	var posts []bulletin.Post
	for _, c := range o.Channels {
		made, err := p.channel(c)
		if err != nil {
			return nil, nil, nil, err
		}
		posts = append(posts, made...)
	}
	d.Posts = posts
	marks := p.marks(d, before, o.Channels)
	if p.picture == nil {
		return posts, nil, marks, nil
	}
	return posts, [][]byte{p.picture.Data}, marks, nil
}

// press returns the press for a message; alone says that one authority only issues it.
func (o Options) press(m *alert.Message, code alert.Code, mark string, alone bool) *press {
	return &press{
		o: o, scene: scene{issuer: o.Issuer, link: o.link(code), check: o.check(code), mark: mark, alone: alone},
		accounts: accounts(m, o),
	}
}

// page reports whether a channel shows pages, which hold the whole text.
func (c Channel) page() bool { return c.Limits.MaxTitle > 0 && c.Limits.MaxLen >= pageRoom }

// channel returns the posts for one channel.
func (p *press) channel(c Channel) ([]bulletin.Post, error) {
	if c.Limits.MaxLen <= 0 {
		return nil, fmt.Errorf("compose: channel %s says no limit for its texts; an adapter must", c.Name)
	}
	if c.page() && len(p.accounts) > maxLanguages {
		return nil, fmt.Errorf("compose: the message has %d languages, and channel %s takes %d; write fewer", len(p.accounts), c.Name, maxLanguages)
	}
	var posts []bulletin.Post
	for _, t := range c.shared(p.accounts) {
		post := bulletin.Post{Channel: c.Name, Kind: c.Kind, Lang: t[0].lang, Link: p.scene.link}
		if c.page() || len(posts) == 0 { // a thread has the card in its first post
			if err := p.illustrate(c, &post); err != nil {
				return nil, err
			}
		}
		entitled := p.title(c, t[0], &post)
		if err := p.write(c, t, entitled, &post); errors.As(err, new(*FitError)) && len(posts) > 0 && !c.page() {
			continue // the page has this language, and the others go out
		} else if err != nil {
			return nil, err
		}
		if !c.page() && slices.ContainsFunc(posts, func(before bulletin.Post) bool { return before.Text == post.Text }) {
			continue // two languages say it alike, and platforms refuse the same text twice
		}
		posts = append(posts, post)
	}
	for i := range posts {
		posts[i].Part, posts[i].Parts = i+1, len(posts)
	}
	return posts, nil
}

// shared returns the accounts that each post of the channel says: a page has a part for each
// language, a channel with room says all in one text, and one whose posts can answer each
// other says each further language in an answer to the one before.
func (c Channel) shared(all []account) [][]account {
	own := c.tells(all)
	switch {
	case c.page():
		return slices.Collect(slices.Chunk(own, 1))
	case c.Limits.MaxLen >= manyTongues:
		return [][]account{own}
	case c.Limits.Replies:
		return slices.Collect(slices.Chunk(own[:min(maxThread, len(own))], 1))
	}
	return [][]account{own[:1]}
}

// title sets the title where the channel has one, and reports whether it says the
// headline, so that the text need not.
func (p *press) title(c Channel, a account, post *bulletin.Post) bool {
	if c.Limits.MaxTitle <= 0 {
		return false
	}
	for _, line := range a.headings() {
		title := marked(line, a.words, a.drill)
		if one := p.scene.one(a); one != "" {
			title += " – " + one // lists of alerts show titles alone
		}
		if utf8.RuneCountInString(title) <= c.Limits.MaxTitle && len(title) < maxLineBytes-len("title: ") {
			post.Title = title
			return line == a.what(&a.stories[0], headline)
		}
	}
	return false
}

// write sets the text of post: the first that fits, of all languages in tongues,
// then of fewer, then of the first one alone in short forms; each form first in the
// words of the message, then in the author's shorter ones. A page has the whole text,
// in the words of the message, or none.
func (p *press) write(c Channel, tongues []account, entitled bool, post *bulletin.Post) error {
	shortest := ""
	try := func(t []account, sh shape) bool {
		sh.entitled = entitled
		text, ok := p.scene.text(t, sh)
		if !ok {
			return false
		}
		shortest = text
		post.Text = text
		return p.fits(c, *post)
	}
	// reword tries a shape with what the message says, and then with the author's
	// shorter wordings, from the longest. Where the shortest has no room, none has,
	// unless the headline must name the place, which a shorter one may not.
	reword := func(t []account, sh shape) bool {
		if try(t, sh) {
			return true
		}
		all := rewordings(t, sh)
		if len(all) == 0 || sh.where != inWhat && !try(all[len(all)-1], sh) {
			return false
		}
		return slices.ContainsFunc(all, func(t []account) bool { return try(t, sh) })
	}
	ladder, last := roomy(), compact()
	if c.page() {
		ladder, last, reword = whole(), nil, try
	}
	for n := len(tongues); n > 0; n-- {
		for _, sh := range ladder {
			if reword(tongues[:n], sh) {
				return nil
			}
		}
	}
	for _, sh := range last {
		if reword(tongues[:1], sh) {
			return nil
		}
	}
	e := &FitError{Channel: c.Name, Units: c.Limits.Length(shortest), Limit: c.Limits.MaxLen, Field: longestField(tongues[0])}
	if c.page() {
		e.Field = longestText(tongues[0])
	}
	return e
}

// longestText returns the CAP element that makes the whole text long.
func longestText(a account) string {
	field, most := "areaDesc", 0
	for i := range a.stories {
		st := &a.stories[i]
		for _, f := range []struct {
			name string
			size int
		}{{"areaDesc", len(strings.Join(st.areas, ", "))}, {"description", len(st.description)}, {"instruction", len(st.instruction)}} {
			if f.size > most {
				field, most = f.name, f.size
			}
		}
	}
	return field
}

// longestField returns the CAP element that makes the shortest text long.
func longestField(a account) string {
	st := &a.stories[0]
	if len(st.areas) > 0 && len(st.areas[0]) > len(st.event) {
		return "areaDesc"
	}
	return "event"
}

// fits reports whether channel and bulletin take a post.
func (p *press) fits(c Channel, post bulletin.Post) bool {
	q := adapters.Post{Text: post.Text, Title: post.Title, Link: post.Link, Lang: post.Lang, Mark: p.scene.mark}
	if post.Image != "" {
		q.Image = &adapters.Image{MediaType: "image/jpeg", Data: p.picture.Data, SHA256: post.Image, Alt: post.Alt, URL: post.ImageURL}
	}
	return len(post.Text) <= maxPostBytes && c.Limits.Check(q) == nil
}

// illustrate adds the card where the channel takes no post without a picture, where a reader
// can't follow a link to the full text, and where posts are illustrated: there a card that can't be
// drawn, or is too large, is left out.
func (p *press) illustrate(c Channel, post *bulletin.Post) error {
	if l := c.Limits; !l.ImageRequired && !l.Illustrated && (l.ImageMaxBytes == 0 || l.LinksInText) {
		return nil
	}
	if p.picture == nil {
		made, err := p.draw(card.Portrait, card.JPEG)
		if c.Limits.Illustrated && errors.Is(err, card.ErrNoRoom) {
			return nil
		}
		if err != nil {
			return err
		}
		sum := sha256.Sum256(made.Data)
		p.picture = &picture{Picture: made, sha256: hex.EncodeToString(sum[:])}
	}
	if most := c.Limits.ImageMaxBytes; most > 0 && len(p.picture.Data) > most {
		if c.Limits.Illustrated {
			return nil
		}
		return fmt.Errorf("compose: the picture has %d bytes, and channel %s takes %d", len(p.picture.Data), c.Name, most)
	}
	post.Image, post.Alt = p.picture.sha256, p.picture.Alt
	if c.Limits.ImageFetched || !c.Limits.Illustrated {
		post.ImageURL = p.o.media(p.picture.sha256)
	}
	return nil
}

// card returns the card of an account, with its headline.
func (p *press) card(a account, t *places.Territory) card.Card {
	st := &a.stories[0]
	issuer := p.scene.issuer
	if one := p.scene.one(a); one != "" {
		issuer += " – " + one
	}
	return card.Card{
		Lang: a.lang, Drill: a.drill, Act: st.act, Level: st.level, Colour: st.colour, Headline: st.headline,
		Areas: st.areas, Shape: outline(t, st), Validity: a.words.Period(st.period), Proviso: st.proviso, Actions: st.actions,
		Issuer: issuer, Mark: p.scene.mark, Address: strings.TrimPrefix(strings.TrimPrefix(p.scene.link, "https://"), "http://"),
		Check: p.scene.check,
	}
}

// draw draws the card in the first language.
func (p *press) draw(size card.Size, format card.Format) (card.Picture, error) {
	cards := p.o.Cards
	if cards == nil {
		var err error
		if cards, err = card.NewRenderer(); err != nil {
			return card.Picture{}, fmt.Errorf("compose: %w", err)
		}
	}
	c, err := p.worded(cards, p.accounts[0], size)
	if err != nil {
		return card.Picture{}, fmt.Errorf("compose: %w", err)
	}
	drawn, err := cards.Render(c, size, format)
	if err != nil {
		return card.Picture{}, fmt.Errorf("compose: %w", err)
	}
	return drawn, nil
}

// Card draws the card of a bulletin's message: what a preview shows of a size that no
// post holds. What posts hold was drawn when they were composed, with the author's
// shorter headlines, which a bulletin does not name. Of o, Cards and Location count.
func Card(b *bulletin.Bulletin, size card.Size, format card.Format, o Options) (card.Picture, error) {
	o.Realm, o.Issuer, o.Sender, o.Now = b.Realm, b.Issuer, b.Message.Sender, b.Composed
	for _, post := range b.Posts {
		if base, ok := strings.CutSuffix(post.Link, "/a/"+string(b.Code)); ok {
			o.SiteURL = base
			break
		}
	}
	for _, post := range b.Posts {
		o.Languages = append(o.Languages, post.Lang) // the order in which it was composed
	}
	o, err := o.settled()
	if err != nil {
		return card.Picture{}, err
	}
	return o.press(b.Message, b.Code, b.Mark(), b.Breakglass != nil).draw(size, format)
}

// worded returns the card of an account in the words with which it tells most: steps before
// times, times before the map, the map before names of places. Of what tells as much it is
// the longest headline, and then the longest steps. Where no headline of the author has
// room, the event stands for it, or nothing.
func (p *press) worded(cards Drawer, a account, size card.Size) (card.Card, error) {
	st := &a.stories[0]
	c := p.card(a, cards.Territory())
	shortest := 0
	for _, step := range st.actions {
		shortest = max(shortest, len(st.shorter[step]))
	}
	lay := func(line string, n int) (card.Picture, error) {
		c.Headline, c.Actions = line, a.reworded(0, n).stories[0].actions
		return cards.Lay(c, size)
	}
	headline, most, err := "", []int(nil), error(nil)
	for _, line := range append([]string{st.headline}, st.shorter[st.headline]...) {
		laid, failed := lay(line, shortest)
		if failed != nil && !errors.Is(failed, card.ErrNoRoom) {
			return c, failed
		}
		if shown := told(laid.Shown); failed == nil && slices.Compare(shown, most) > 0 {
			headline, most = line, shown
		}
		if slices.Equal(most, told(c)) {
			break
		}
	}
	for _, line := range []string{st.event, ""} {
		if most != nil {
			break
		}
		var laid card.Picture
		if laid, err = lay(line, shortest); err == nil {
			headline, most = line, told(laid.Shown)
		} else if !errors.Is(err, card.ErrNoRoom) {
			return c, err
		}
	}
	if most == nil {
		return c, err
	}
	for n := range shortest {
		if laid, err := lay(headline, n); err == nil && slices.Compare(told(laid.Shown), most) >= 0 {
			return c, nil
		}
	}
	_, err = lay(headline, shortest)
	return c, err
}

// told says how much a card tells, the most important first: steps, times, map, areas.
func told(c card.Card) []int {
	return []int{min(3, len(c.Actions)), min(1, len(c.Validity)), min(1, len(c.Shape)), len(c.Areas)}
}
