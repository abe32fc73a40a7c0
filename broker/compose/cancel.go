package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
)

// maxReason bounds the reason of a Cancel, in characters.
const maxReason = 500

// Cancel returns the message that revokes the alert of previous (CAP msgType
// Cancel, "revoca"): everything that was said is to be disregarded. Its words are
// prepared, in each language of the message before it; reason, in the words of
// the person who revokes, stands in the note and in the first language, and is
// public. The end of an event is no Cancel but an Update with AllClear.
//
// The message is ours, with Raw, and is handed to [Next]. It holds at least as
// long as what it revokes. The error says what is wrong with the reason, or that
// the alert was revoked before.
func Cancel(previous *bulletin.Bulletin, reason string, o Options) (*alert.Message, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	reason, err = soundReason(reason)
	if err != nil {
		return nil, err
	}
	if previous.Message.MsgType == alert.MsgCancel {
		return nil, fmt.Errorf("cancel: bulletin %s revoked the alert already", previous.Mark())
	}
	until := o.Now.Add(o.Lifetime)
	if previous.Expires.After(until) {
		until = previous.Expires
	}
	id, err := alert.NewID(o.Random)
	if err != nil {
		return nil, fmt.Errorf("cancel: %w", err)
	}
	m := o.successor(previous.Message, alert.MsgCancel, string(id), wording.For("it").Act(wording.Cancel)+": "+tidyLine(reason))
	m.Infos = inEachLanguage(previous.Message, func(in *alert.Info) alert.Info { return revocation(previous.Message, in, until, o) })
	explain(m.Infos, reason, o.order())
	return ours(m)
}

// ours returns m as its document says it.
func ours(m *alert.Message) (*alert.Message, error) {
	m, err := m.Written()
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return m, nil
}

// successor returns a message that takes the place of last, still without infos; note
// says what it is for.
func (o Options) successor(last *alert.Message, kind alert.MsgType, identifier, note string) *alert.Message {
	// The clock of who wrote the message may be ahead of ours: nothing is sent before
	// what it replaces, and a stop does not wait.
	sent := o.Now
	if last.Sent.After(sent) {
		sent = last.Sent.In(o.Location)
	}
	if last.Status == alert.StatusExercise && last.Note != "" {
		note = last.Note + "\n" + note
	}
	return &alert.Message{
		Version: alert.CAP12, Identifier: identifier, Sender: o.Sender, Sent: sent, Status: last.Status,
		MsgType: kind, Scope: alert.ScopePublic, Codes: slices.Clone(last.Codes), Note: note, References: chain(last),
	}
}

// inEachLanguage returns what say makes of the first info of m in each language, with
// the areas of all infos in it.
func inEachLanguage(m *alert.Message, say func(in *alert.Info) alert.Info) (out []alert.Info) {
	clone := m.Clone() // what is taken over belongs to nobody else
	at := map[string]int{}
	for i := range clone.Infos {
		in := &clone.Infos[i]
		first, ok := at[in.Language]
		if !ok {
			at[in.Language] = len(out)
			out = append(out, say(in))
			continue
		}
		for _, area := range in.Areas {
			if !slices.ContainsFunc(out[first].Areas, func(have alert.Area) bool { return have.Desc == area.Desc }) {
				out[first].Areas = append(out[first].Areas, area)
			}
		}
	}
	return out
}

// explain puts the reason into the language that posts begin with.
func explain(infos []alert.Info, reason string, order []string) {
	if len(infos) == 0 {
		return
	}
	in := &infos[0]
	for i := range infos {
		if rank(order, infos[i].Language) < rank(order, in.Language) {
			in = &infos[i]
		}
	}
	in.Description += "\n\n" + wording.For(in.Language).Reason + " " + reason
}

// soundReason returns reason in the form of our texts.
func soundReason(reason string) (string, error) {
	reason = norm.NFC.String(tidy(reason))
	switch {
	case reason == "":
		return "", errors.New("cancel: the reason is missing; say in one sentence why the alert is revoked, it is public")
	case utf8.RuneCountInString(reason) > maxReason:
		return "", fmt.Errorf("cancel: the reason has %d characters, and %d are the limit; shorten it", utf8.RuneCountInString(reason), maxReason)
	case !utf8.ValidString(reason) || concealed(reason):
		return "", errors.New("cancel: the reason holds characters that nobody sees; type it again")
	}
	return reason, nil
}

// revocation returns the info that revokes what in says, and holds until then.
func revocation(last *alert.Message, in *alert.Info, until time.Time, o Options) alert.Info {
	w := wording.For(in.Language)
	d := drill(last, o.Realm)
	out := alert.Info{
		Language: in.Language, Categories: in.Categories, Event: in.Event, ResponseTypes: []alert.ResponseType{alert.ResponseNone},
		// Nothing of it is, was or will be dangerous: it is to be disregarded.
		Urgency: alert.UrgencyPast, Severity: alert.SeverityMinor, Certainty: alert.CertaintyUnlikely,
		EventCodes: in.EventCodes, SenderName: in.SenderName, Web: in.Web, Contact: in.Contact,
		Description: w.RevokedText, Instruction: w.RevokedAdvice, Areas: in.Areas, Expires: until,
	}
	out.Headline = headed(in, w.Act(wording.Cancel), w, d)
	return out
}

// headed returns the headline of in behind a word, or the author's shorter wording, or its
// event where that is too long.
func headed(in *alert.Info, word string, w wording.Words, d wording.Drill, shorter ...string) (headline string) {
	for _, line := range slices.Concat([]string{in.Headline}, shorter, []string{in.Event}) {
		// What is said of a correction is said of the alert that it puts in doubt, and what an
		// update did before is no more what this message does.
		line = unacted(strings.TrimPrefix(unmarked(tidyLine(line), w, d), w.Doubted+": "), w)
		if line == "" {
			continue
		}
		headline = marked(word+": "+line, w, d)
		if utf8.RuneCountInString(headline) <= aimHeadline {
			break
		}
	}
	return headline
}

// concealed reports whether s holds a character that does not show, or that makes
// others show differently from what is signed.
func concealed(s string) bool {
	for i := range s {
		if alert.Hidden(s, i) != "" {
			return true
		}
	}
	return false
}
