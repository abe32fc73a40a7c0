package bulletin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/adapters"
	"tocsin/broker/alert"
)

// A Moment says when a [Mark] is made.
type Moment string

// The moments.
const (
	// AtRelease is when the bulletin that holds the mark is released: the mark stands on a
	// post of an earlier bulletin.
	AtRelease Moment = "released"
	// AtExpiry is when the bulletin that holds the mark expires, unless a newer one was
	// released before: the mark stands on a post of the bulletin itself.
	AtExpiry Moment = "expired"
)

// A Mark is what a post that is public says, or what stands below it, from a moment on.
type Mark struct {
	Channel string // the channel's name
	Kind    string // the channel's kind
	On      int    // number of the bulletin of the same alert whose post bears it
	Part    int    // of that bulletin's posts for the channel, from 1
	When    Moment
	Form    adapters.MarkForm // as the channel could mark when the bulletin was composed
	Lang    string            // BCP 47
	Text    string
}

// Below reports whether the mark stands below the post, and not in the place of its text.
func (m Mark) Below() bool { return m.Form == adapters.MarkComment }

// MarksFor returns the marks for a channel, in the order of the file: what the ledger calls
// each of them by is its place in this list, from 1.
func (b *Bulletin) MarksFor(channel string) []Mark {
	var out []Mark
	for _, m := range b.Marks {
		if m.Channel == channel {
			out = append(out, m)
		}
	}
	return out
}

// Carried returns a mark of b as an adapter takes it.
func (b *Bulletin) Carried(m Mark) adapters.Mark {
	return adapters.Mark{
		Key: adapters.Key(fmt.Sprintf("%s/%d/%d/%s/%d", b.Alert, m.On, m.Part, m.When, b.Number)), Lang: m.Lang, Text: m.Text,
	}
}

// mark reads one section.
func (p *parser) mark(b *Bulletin) error {
	if len(b.Marks) == maxPosts {
		return p.fail("a bulletin has at most %d marks", maxPosts)
	}
	p.where = fmt.Sprintf("mark %d", len(b.Marks)+1)
	f, err := p.fields("channel", "kind", "on", "part", "when", "form", "language", "bytes")
	if err != nil {
		return err
	}
	p.where += " (" + f["channel"] + ")"
	m := Mark{
		Channel: f["channel"], Kind: f["kind"], When: Moment(f["when"]), Form: adapters.MarkForm(f["form"]), Lang: f["language"],
	}
	for _, n := range []struct {
		name string
		to   *int
		most int
	}{{"on", &m.On, maxNumber}, {"part", &m.Part, maxParts}} {
		if *n.to, err = strconv.Atoi(f[n.name]); err != nil || *n.to < 1 || *n.to > n.most || strconv.Itoa(*n.to) != f[n.name] {
			return p.fail("%s is %q, it must be from 1 to %d", n.name, f[n.name], n.most)
		}
	}
	begin := p.line
	body, err := p.body(f["bytes"], maxText)
	if err != nil {
		return err
	}
	m.Text = string(body)
	end := p.line
	p.line = begin
	defer func() { p.line = end }()
	if err := p.markRules(b, &m); err != nil {
		return err
	}
	b.Marks = append(b.Marks, m)
	return nil
}

func (p *parser) markRules(b *Bulletin, m *Mark) error {
	own := slices.IndexFunc(b.Posts, func(q Post) bool { return q.Channel == m.Channel })
	switch {
	case own < 0 || b.Posts[own].Kind != m.Kind:
		return p.fail("there is no post for channel %s of kind %s, and marks are for the channels that the bulletin addresses", m.Channel, m.Kind)
	case m.When != AtRelease && m.When != AtExpiry:
		return p.fail("when is %q, it must be released or expired", string(m.When))
	case m.When == AtRelease && m.On >= b.Number:
		return p.fail("on is %d, and what is marked when bulletin %d is released is a bulletin before it", m.On, b.Number)
	case m.When == AtExpiry && (m.On != b.Number || m.Part > b.Posts[own].Parts):
		return p.fail("what is marked when bulletin %d expires is a post of its own", b.Number)
	case m.Form != adapters.MarkEdit && m.Form != adapters.MarkComment:
		return p.fail("form is %q, it must be edit or comment", string(m.Form))
	case !langForm.MatchString(m.Lang):
		return p.fail("language is not a language tag such as it-IT")
	case m.When == AtRelease && !adapters.ContainsMark(m.Text, b.Mark()):
		return p.fail("the text does not contain the alert code %s: nobody would find what is said now", b.Mark())
	case m.Form == adapters.MarkEdit && !adapters.ContainsMark(m.Text, b.Code.Mark(m.On)):
		return p.fail("the text takes the place of one with the alert code %s and does not contain it: nobody could look for the post", b.Code.Mark(m.On))
	case m.Text != strings.TrimSpace(m.Text):
		return p.fail("the text begins or ends with blanks: platforms would change it")
	case slices.ContainsFunc(b.Marks, func(q Mark) bool {
		return q.Channel == m.Channel && q.On == m.On && q.Part == m.Part && q.When == m.When
	}):
		return p.fail("the post is marked twice for one moment")
	case m.When == AtExpiry && b.Message.MsgType == alert.MsgCancel:
		return p.fail("what revokes an alert is not over when it expires")
	}
	return nil
}
