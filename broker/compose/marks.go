package compose

import (
	"strings"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
)

// A predecessor is the bulletin whose posts are public when the next one is released.
type predecessor struct {
	number int
	mark   string // the alert code with its number
	posts  []bulletin.Post
	// ready are what becomes of its posts, where that was composed already.
	ready []bulletin.Mark
}

// preceding returns b as the predecessor of what follows it.
func preceding(b *bulletin.Bulletin) *predecessor {
	return &predecessor{number: b.Number, mark: b.Mark(), posts: b.Posts}
}

// marks returns what becomes of posts that are public: of those of the bulletin before, which
// are nil for the first one, when d is released, and of d's own when they are over.
func (p *press) marks(d bulletin.Draft, before *predecessor, channels []Channel) []bulletin.Mark {
	var out []bulletin.Mark
	for _, c := range channels {
		if c.Limits.Marks == adapters.MarkNone {
			continue
		}
		add := func(post *bulletin.Post, on int, when bulletin.Moment, mark string, fate wording.Fate) {
			out = append(out, bulletin.Mark{
				Channel: c.Name, Kind: c.Kind, On: on, Part: post.Part, When: when, Form: c.Limits.Marks, Lang: c.tells(p.accounts)[0].lang,
				Text: p.became(c, post.Text, mark, fate, d.Expires),
			})
		}
		for i := range before.of(c) {
			add(&before.of(c)[i], before.number, bulletin.AtRelease, before.mark, fate(d))
		}
		out = append(out, before.made(c)...)
		if c.Limits.Marks != adapters.MarkEdit || d.Message.MsgType == alert.MsgCancel {
			continue // a comment that a time has passed tells nobody anything
		}
		own := &predecessor{posts: d.Posts}
		for i := range own.of(c) {
			add(&own.of(c)[i], d.Number, bulletin.AtExpiry, p.scene.mark, wording.Expired)
		}
	}
	return out
}

// of returns the posts for a channel, none where it is nil or the channel was of another kind.
func (b *predecessor) of(c Channel) (out []bulletin.Post) {
	if b == nil {
		return nil
	}
	for _, post := range b.posts {
		if post.Channel == c.Name && post.Kind == c.Kind {
			out = append(out, post)
		}
	}
	return out
}

// made returns the marks on its posts for a channel that were composed already.
func (b *predecessor) made(c Channel) (out []bulletin.Mark) {
	if b == nil {
		return nil
	}
	for _, m := range b.ready {
		if m.Channel == c.Name && m.Kind == c.Kind && m.Form == c.Limits.Marks && m.When == bulletin.AtRelease {
			out = append(out, m)
		}
	}
	return out
}

// fate returns what d makes of the bulletin before it.
func fate(d bulletin.Draft) wording.Fate {
	switch does := ActOf(d.Message); {
	case d.Kind == bulletin.Correction:
		return wording.Doubted
	case does == wording.Cancel:
		return wording.Revoked
	case does == wording.AllClear:
		return wording.Cleared
	}
	return wording.Replaced
}

// became returns a mark's text on a post that says text and bears mark: what became of it in
// each language that has room, then the link, and where the mark takes the post's place, what
// the post said. What was said stays readable: only where there is no room for it, the link
// and the code stand for it.
func (p *press) became(c Channel, text, mark string, fate wording.Fate, until time.Time) string {
	tongues := c.tells(p.accounts)
	if c.Limits.MaxLen < manyTongues {
		tongues = tongues[:1]
	}
	fits := func(s string) bool { return len(s) <= maxPostBytes && c.Limits.Length(s) <= c.Limits.MaxMark }
	for n := len(tongues); ; n-- {
		var lines []string
		for _, a := range tongues[:n] {
			line := a.words.Became(fate, p.scene.mark, until)
			if word := a.words.DrillWord(a.drill); word != "" {
				line = word + " – " + line
			}
			lines = append(lines, line)
		}
		if c.Limits.Marks == adapters.MarkComment {
			if said := strings.Join(append(lines, p.scene.link), "\n"); n == 1 || fits(said) {
				return said
			}
			continue
		}
		first := strings.Join(append(lines, p.scene.link), "\n")
		a := tongues[0]
		for _, rest := range []string{text, paragraphs([]string{a.words.Code + " " + mark, a.words.LastLine(a.drill)})} {
			if said := first + "\n\n" + rest; fits(said) {
				return said
			}
		}
		if n == 1 {
			return first + "\n\n" + mark
		}
	}
}
