package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
)

// This file makes the messages by which an alert goes on: what is raised, lowered, extended
// or over is said in the message itself, so that every channel says it.

// atto is the parameter by which an Update declares what it changes.
const atto = "atto"

// whatChanges stands in a draft where a person is to write.
const whatChanges = "[inserire che cosa cambia]"

func declares(p alert.NamedValue) bool { return p.Name == atto }

// over says that an alert ended.
func over(previous *bulletin.Bulletin) error {
	return fmt.Errorf("compose: bulletin %s ended the alert, and nothing goes on; begin a new alert", previous.Mark())
}

// Renew makes of m, what holds from now on, an Update of ours that takes the place of what
// previous said: it says whether it extends it, as the caller knows, or raises or lowers the
// level, in the parameter atto and at the front of each headline and description. Of o,
// Shorter gives headlines that leave room for it. It returns the message, for [Next], and
// what it does.
func Renew(previous *bulletin.Bulletin, m *alert.Message, extends bool, o Options) (*alert.Message, wording.Act, error) {
	was, is := gravest(previous.Message), gravest(m)
	does := wording.Update
	switch {
	case extends:
		does = wording.Extend
	case was.colour != is.colour: // a colour and a severity are not of one scale
	case was.level < is.level:
		does = wording.Raise
	case was.level > is.level:
		does = wording.Lower
	}
	m, err := renewed(previous, m, does, o)
	return m, does, err
}

// Correct is [Renew] for a message in the words of a correction: what differs was wrong
// before, and is not raised, lowered or extended.
func Correct(previous *bulletin.Bulletin, m *alert.Message, o Options) (*alert.Message, error) {
	return renewed(previous, m, wording.Update, o)
}

// renewed makes of m an Update that does what is given.
func renewed(previous *bulletin.Bulletin, m *alert.Message, does wording.Act, o Options) (*alert.Message, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	switch {
	case Ended(previous):
		return nil, over(previous)
	case len(m.Infos) == 0:
		return nil, errors.New("compose: the message says nothing; an update says whole what holds from now on")
	}
	was, is := gravest(previous.Message), gravest(m)
	m = o.following(previous, m, wording.For("it").Act(does))
	for i := range m.Infos {
		in := &m.Infos[i]
		w := wording.For(in.Language)
		o.head(m, in, does)
		in.Parameters = append(slices.DeleteFunc(in.Parameters, declares), alert.NamedValue{Name: atto, Value: does.Declared()})
		first := w.Rated(does, was.level, is.level, is.colour)
		if does == wording.Extend {
			first = w.Extended(previous.Expires.In(o.Location))
		}
		if first != "" {
			in.Description = paragraphs([]string{first, in.Description})
		}
	}
	return m, nil
}

// Extend returns an Update that says what base says, until a later time: the bulletin that
// previous puts in doubt, or previous itself. The texts stay word for word, behind the
// sentence that it is extended: where they name the time that passed, the caller must see to
// it ([Mentions]).
func Extend(previous, base *bulletin.Bulletin, until time.Time, o Options) (*alert.Message, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	m, err := o.content(base)
	if err != nil {
		return nil, fmt.Errorf("extend: %w", err)
	}
	for i := range m.Infos {
		m.Infos[i].Expires = until.In(o.Location)
	}
	m, _, err = Renew(previous, m, true, o)
	return m, err
}

// Draft returns an Update that says what base says, as a CAP document in which a person is to
// write what changes: each description has a place for it, and [Unfilled] finds those that
// nobody filled in.
func Draft(previous, base *bulletin.Bulletin, o Options) ([]byte, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	m, err := o.content(base)
	if err != nil {
		return nil, fmt.Errorf("draft: %w", err)
	}
	if m, _, err = Renew(previous, m, false, o); err != nil {
		return nil, err
	}
	for i := range m.Infos {
		m.Infos[i].Description = paragraphs([]string{whatChanges, m.Infos[i].Description})
	}
	return m.Marshal()
}

// content returns what a bulletin says as a message of a new name, without the sentence by
// which it said what it changed.
func (o Options) content(b *bulletin.Bulletin) (*alert.Message, error) {
	id, err := alert.NewID(o.Random)
	if err != nil {
		return nil, err
	}
	m := b.Message.Adopt(o.Sender, string(id), o.Now)
	for i := range m.Infos {
		in := &m.Infos[i]
		if does := act(b.Message, in); does == wording.Extend || does == wording.Raise || does == wording.Lower {
			_, in.Description, _ = strings.Cut(in.Description, "\n\n")
		}
	}
	return m, nil
}

// Mentions returns the languages in which a text of m names the time of day of t, which is
// no more true.
func Mentions(m *alert.Message, t time.Time) []string {
	var out []string
	for i := range m.Infos {
		in := &m.Infos[i]
		for _, s := range []string{in.Headline, in.Description, in.Instruction} {
			if holdsWord(s, t.Format("15:04")) && !slices.Contains(out, in.Language) {
				out = append(out, in.Language)
			}
		}
	}
	return out
}

// AllClear makes of m, the end of the danger in an author's words, an Update of ours with
// responseType AllClear that takes the place of what previous said. With nil for m, the
// words are prepared ones in each language of previous, and hold until a time that the
// caller names.
func AllClear(previous *bulletin.Bulletin, m *alert.Message, until time.Time, o Options) (*alert.Message, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	if Ended(previous) {
		return nil, over(previous)
	}
	if m == nil {
		id, err := alert.NewID(o.Random)
		if err != nil {
			return nil, fmt.Errorf("all clear: %w", err)
		}
		m = previous.Message.Adopt(o.Sender, string(id), o.Now)
		m.Infos = inEachLanguage(previous.Message, func(in *alert.Info) alert.Info { return cleared(previous.Message, in, o) })
	}
	m = o.following(previous, m, wording.For("it").Act(wording.AllClear))
	for i := range m.Infos {
		in := &m.Infos[i]
		o.head(m, in, wording.AllClear)
		in.ResponseTypes, in.Urgency, in.Certainty = []alert.ResponseType{alert.ResponseAllClear}, alert.UrgencyPast, alert.CertaintyObserved
		in.Severity, in.Onset, in.Effective, in.Expires = alert.SeverityMinor, time.Time{}, time.Time{}, until.In(o.Location)
	}
	return m, nil
}

// cleared returns the info that says of what in tells that it is over.
func cleared(last *alert.Message, in *alert.Info, o Options) alert.Info {
	w := wording.For(in.Language)
	d := drill(last, o.Realm)
	what := *in
	what.Headline = "" // it may say what to do, and that is over
	out := alert.Info{
		Language: in.Language, Categories: in.Categories, Event: in.Event, EventCodes: in.EventCodes, SenderName: in.SenderName,
		Web: in.Web, Contact: in.Contact, Areas: in.Areas, Headline: headed(&what, w.Act(wording.AllClear), w, d),
	}
	out.Description, out.Instruction = w.Over()
	if proviso := w.DrillProviso(d); proviso != "" {
		out.Instruction = proviso + "\n" + out.Instruction
	}
	return out
}

// Ended reports whether nothing goes on after a bulletin: it revoked the alert, or said that
// the danger is over.
func Ended(b *bulletin.Bulletin) bool {
	does := ActOf(b.Message)
	return does == wording.Cancel || does == wording.AllClear
}

// head puts what m does before the headline of in, which is all that many show of a message:
// aggregators, lists, a telephone's screen. Where that leaves too little room, it is the
// author's shorter headline, and at last the event.
func (o Options) head(m *alert.Message, in *alert.Info, does wording.Act) {
	w, d := wording.For(in.Language), drill(m, o.Realm)
	bare := unmarked(tidyLine(in.Headline), w, d)
	if tells(bare, w.Act(does), does) {
		return // the author says it
	}
	in.Headline = headed(in, w.Act(does), w, d, o.Shorter[in.Language][bare]...)
}

// following returns m as an Update of ours that takes the place of previous, with references
// to it and to all that it named.
func (o Options) following(previous *bulletin.Bulletin, m *alert.Message, note string) *alert.Message {
	last := previous.Message
	envelope := o.successor(last, alert.MsgUpdate, m.Identifier, note)
	if exercise, _, _ := strings.Cut(last.Note, "\n"); last.Status == alert.StatusExercise && exercise != "" {
		envelope.Note = exercise + "\n" + note // which exercise it is, and not all that happened in it
	}
	envelope.Infos = m.Clone().Infos
	return envelope
}

// ActOf returns what a message does, as its first info tells it.
func ActOf(m *alert.Message) wording.Act {
	if len(m.Infos) == 0 {
		return act(m, &alert.Info{})
	}
	return act(m, &m.Infos[0])
}

// A rating is how grave a message is.
type rating struct {
	level  wording.Level
	colour bool
}

// gravest returns the level of the gravest info of the language that comes first.
func gravest(m *alert.Message) rating {
	var out rating
	for i := range m.Infos {
		in := &m.Infos[i]
		if in.Language != m.Infos[0].Language {
			continue
		}
		if l, colour := level(in); l > out.level || i == 0 {
			out = rating{l, colour}
		}
	}
	return out
}
