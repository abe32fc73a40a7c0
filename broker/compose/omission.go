package compose

import (
	"slices"
	"strings"

	"tocsin/broker/bulletin"
)

// A Piece names a part of a message that a channel may have no room for.
type Piece string

// The pieces, in the order in which [LeftOut] looks for them.
const (
	PieceLanguage    Piece = "language"    // all that the message says in a language
	PieceInfo        Piece = "info"        // one of several infos in a language
	PieceHeadline    Piece = "headline"    // the event stands for it
	PieceAreas       Piece = "areas"       // some or all names of areas
	PieceTimes       Piece = "times"       // when it holds
	PieceDescription Piece = "description" // the whole of it
	PieceInstruction Piece = "instruction" // some or all of its steps
	PieceContact     Piece = "contact"
)

// An Omission is a part of the message that the posts of a channel do not hold.
type Omission struct {
	Channel string
	Piece   Piece
	Lang    string // of the part, as the message spells it
	// Told and Of count areas, and steps of an instruction; both are 0 where there
	// is nothing to count.
	Told, Of int
}

// LeftOut compares what the message of b says with what each channel's posts hold,
// and returns what they leave to the page that they link to, in the order of the
// bulletin. Nothing is ever left out of a page ([FitError]).
func LeftOut(b *bulletin.Bulletin) []Omission {
	var out []Omission
	told := accounts(b.Message, Options{Realm: b.Realm, Location: b.Expires.Location()})
	for _, c := range b.Channels() {
		shown := display{}
		for i := range b.Posts {
			if p := &b.Posts[i]; p.Channel == c.Name {
				shown.text += p.Title + "\n" + p.Text + "\n" + p.Alt + "\n"
			}
		}
		shown.low = strings.ToLower(shown.text)
		for _, a := range told {
			for _, o := range shown.lacks(a) {
				o.Channel, o.Lang = c.Name, a.lang
				out = append(out, o)
			}
		}
	}
	return out
}

// A display is all that a channel shows of a bulletin.
type display struct {
	text string
	low  string // text in lower case: lines begin with a capital that the message may lack
}

func (d display) holds(s string) bool { return strings.Contains(d.low, strings.ToLower(s)) }

// lacks returns what d does not hold of an account.
func (d display) lacks(a account) []Omission {
	var out []Omission
	silent := 0
	for i := range a.stories {
		st := &a.stories[i]
		if !d.holds(st.headline) && !d.holds(st.event) {
			silent++
			continue
		}
		out = append(out, d.missing(st)...)
	}
	switch {
	case silent == len(a.stories):
		return []Omission{{Piece: PieceLanguage}}
	case silent > 0:
		out = append(out, Omission{Piece: PieceInfo, Told: len(a.stories) - silent, Of: len(a.stories)})
	}
	return out
}

// missing returns what d does not hold of a story whose event it tells.
func (d display) missing(st *story) []Omission {
	var out []Omission
	if !d.holds(st.headline) {
		out = append(out, Omission{Piece: PieceHeadline})
	}
	areas := 0
	for _, area := range st.areas {
		if names(d.text, []string{area}) {
			areas++
		}
	}
	if areas < len(st.areas) {
		out = append(out, Omission{Piece: PieceAreas, Told: areas, Of: len(st.areas)})
	}
	if until := st.period.Until; !until.IsZero() && !d.holds(until.Format("15:04")) {
		out = append(out, Omission{Piece: PieceTimes})
	}
	if !strings.Contains(d.text, st.description) {
		out = append(out, Omission{Piece: PieceDescription})
	}
	if !strings.Contains(d.text, st.instruction) {
		lines := strings.Split(d.text, "\n")
		steps := 0
		for _, step := range st.actions {
			if slices.Contains(lines, step) || slices.Contains(lines, "- "+step) {
				steps++
			}
		}
		out = append(out, Omission{Piece: PieceInstruction, Told: steps, Of: len(st.actions)})
	}
	if !strings.Contains(d.text, st.contact) {
		out = append(out, Omission{Piece: PieceContact})
	}
	return out
}
