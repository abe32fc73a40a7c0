package compose

import (
	"errors"
	"fmt"
	"slices"
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
	last := previous.Message
	if last.MsgType == alert.MsgCancel {
		return nil, fmt.Errorf("cancel: bulletin %s revoked the alert already", previous.Mark())
	}
	id, err := alert.NewID(o.Random)
	if err != nil {
		return nil, fmt.Errorf("cancel: %w", err)
	}
	// The clock of who wrote the message may be ahead of ours: nothing is sent before
	// what it replaces, and a stop does not wait.
	sent := o.Now
	if last.Sent.After(sent) {
		sent = last.Sent.In(o.Location)
	}
	m := &alert.Message{
		Version: alert.CAP12, Identifier: string(id), Sender: o.Sender, Sent: sent, Status: last.Status,
		MsgType: alert.MsgCancel, Scope: alert.ScopePublic, Codes: slices.Clone(last.Codes),
		Note: revocationNote(last, reason), References: chain(last),
	}
	until := o.Now.Add(o.Lifetime)
	if previous.Expires.After(until) {
		until = previous.Expires
	}
	clone := last.Clone() // what m takes over belongs to nobody else
	for i := range clone.Infos {
		in := &clone.Infos[i]
		if m.Info(in.Language) == nil {
			m.Infos = append(m.Infos, revocation(last, in, until, o))
		}
	}
	explain(m.Infos, reason)
	raw, err := m.Marshal()
	if err != nil {
		return nil, fmt.Errorf("cancel: %w", err)
	}
	return alert.Read(raw)
}

// explain puts the reason into the language that posts begin with.
func explain(infos []alert.Info, reason string) {
	if len(infos) == 0 {
		return
	}
	in := &infos[max(0, slices.IndexFunc(infos, func(in alert.Info) bool { return rank(in.Language) == 0 }))]
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

func revocationNote(last *alert.Message, reason string) string {
	note := wording.For("it").Act(wording.Cancel) + ": " + tidyLine(reason)
	if last.Status == alert.StatusExercise && last.Note != "" {
		return last.Note + "\n" + note
	}
	return note
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
	for _, line := range []string{in.Headline, in.Event} {
		line = unmarked(tidyLine(line), w, d)
		if line == "" {
			continue
		}
		out.Headline = marked(w.Act(wording.Cancel)+": "+line, w, d)
		if utf8.RuneCountInString(out.Headline) <= aimHeadline {
			break
		}
	}
	return out
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
