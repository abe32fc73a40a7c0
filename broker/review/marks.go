package review

import (
	"fmt"
	"strings"

	"tocsin/broker/bulletin"
	"tocsin/templates/preview"
)

// becomes writes what becomes of posts that are public: when the bulletin is released, of those
// of the bulletin before it, and of its own when it expires.
func (r *Review) becomes(p *page) {
	var shown []bulletin.Mark
	for _, m := range r.Bulletin.Marks {
		if r.o.Channel == "" || m.Channel == r.o.Channel {
			shown = append(shown, m)
		}
	}
	if len(shown) == 0 {
		return
	}
	p.section(r.say("CHE COSA DIVENTANO I POST PUBBLICI", "WHAT BECOMES OF PUBLIC POSTS"))
	for i, m := range shown {
		said, former := apart(m, r.former(m))
		head := r.becoming(m)
		if i > 0 {
			p.line("")
		}
		p.block("", head)
		p.exact(said)
		if former {
			p.block("  ", r.say("(poi il testo che il post ha adesso, parola per parola)", "(then the text that the post has now, word for word)"))
		}
	}
}

// becoming says which post is changed, when and how.
func (r *Review) becoming(m bulletin.Mark) string {
	return fmt.Sprintf("%s (%s): %s", m.Channel, m.Kind, r.changing(m))
}

func (r *Review) changing(m bulletin.Mark) string {
	part := ""
	if m.Part > 1 {
		part = r.say(", parte %d", ", part %d", m.Part)
	}
	of := r.say("il post di questo bollettino%s, quando scade", "the post of this bulletin%s, when it expires", part)
	if m.When == bulletin.AtRelease {
		of = r.say("il post del bollettino %d%s, quando questo è diffuso", "the post of bulletin %d%s, when this one is released", m.On, part)
	}
	how := r.say("il suo testo diventa", "its text becomes")
	if m.Below() {
		how = r.say("sotto il post sta il commento", "below it stands the comment")
	}
	return of + ": " + how
}

// became returns what becomes of posts on a channel by a bulletin, for the page.
func (r *Review) became(b *bulletin.Bulletin, channel string) (out []preview.Fate) {
	for _, m := range b.MarksFor(channel) {
		shown := preview.Fate{Head: r.changing(m), Lang: m.Lang, Said: m.Text, Comment: m.Below()}
		for _, of := range []*bulletin.Bulletin{r.o.Previous, r.Bulletin, b} {
			if former := formerIn(of, m); former != "" {
				if said, follows := apart(m, former); follows {
					shown.Said, shown.Follows = said, former
				}
			}
		}
		out = append(out, shown)
	}
	return out
}

// former returns the text that the post of a mark has before it, where it is known here.
func (r *Review) former(m bulletin.Mark) string {
	b := r.Bulletin
	if m.When == bulletin.AtRelease {
		b = r.o.Previous
	}
	return formerIn(b, m)
}

func formerIn(b *bulletin.Bulletin, m bulletin.Mark) string {
	if b == nil || b.Number != m.On {
		return ""
	}
	for _, post := range b.Posts {
		if post.Channel == m.Channel && post.Part == m.Part {
			return post.Text
		}
	}
	return ""
}

// apart returns what a mark says beyond the text that its post has already, and whether that
// text follows.
func apart(m bulletin.Mark, former string) (said string, follows bool) {
	if former == "" {
		return m.Text, false
	}
	said, follows = strings.CutSuffix(m.Text, former)
	return strings.TrimRight(said, "\n"), follows
}
