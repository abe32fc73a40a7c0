package main

import (
	"io"

	"tocsin/adapters"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// markStatus is what becomes of a post that is public, for people and scripts.
type markStatus struct {
	On       int    `json:"on"`   // number of the bulletin whose post bears it
	Part     int    `json:"part"` // of that bulletin's posts for the channel
	When     string `json:"when"` // released or expired
	Form     string `json:"form"` // edit or comment
	State    string `json:"state"`
	PostID   string `json:"post_id"`
	Attempts int    `json:"attempts"`
	Reason   string `json:"reason,omitempty"`
	// Waits is for what it is kept back, and until when.
	Waits *waitStatus `json:"waits,omitempty"`

	final bool
}

// marksOf returns the marks of a bulletin on a channel that were begun, and those that are to
// be made since it was released: the posts that are to bear them are public.
func marksOf(a *ledger.AlertState, b *ledger.BulletinState, signed *bulletin.Bulletin, channel string) []markStatus {
	var out []markStatus
	if signed == nil {
		return nil
	}
	for i, m := range signed.MarksFor(channel) {
		p := b.Mark(channel, i+1)
		if p.Attempts == 0 && p.Changed == 0 && (m.When != bulletin.AtRelease || !b.Attempted() || !bearsMarks(a, m)) {
			continue
		}
		out = append(out, markStatus{
			On: m.On, Part: m.Part, When: string(m.When), Form: string(m.Form), State: string(p.State), PostID: p.PostID, Attempts: p.Attempts, Reason: p.Reason, Waits: waitOf(&p),
			final: p.Final() || p.State == ledger.StateHeld,
		})
	}
	return out
}

// bearsMarks reports whether the post that is to bear a mark is public.
func bearsMarks(a *ledger.AlertState, m bulletin.Mark) bool {
	for _, b := range a.Bulletins {
		if p := b.Part(m.Channel, m.Part); b.Number == m.On && p.PostID != "" && p.State != ledger.StateFailed {
			return true
		}
	}
	return false
}

// writeMarks writes a line for each mark.
func (p *program) writeMarks(w io.Writer, marks []markStatus) {
	for _, m := range marks {
		var line string
		if m.Form == string(adapters.MarkComment) {
			line = p.say("commento sotto il post del bollettino %d: %s", "comment below the post of bulletin %d: %s", m.On, p.stateWords(m.State))
		} else {
			line = p.say("testo modificato nel post del bollettino %d: %s", "text changed in the post of bulletin %d: %s", m.On, p.stateWords(m.State))
		}
		writeLine(w, "    ", line)
		if m.Reason != "" && m.State != string(ledger.StateVerified) {
			writeLine(w, "      ", oneLine(p.read(m.Reason)))
		}
	}
}
