package compose

import (
	"slices"
	"strings"

	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
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
		shown := display{mark: b.Mark()}
		for i := range b.Posts {
			if p := &b.Posts[i]; p.Channel == c.Name {
				shown.langs = append(shown.langs, p.Lang)
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
	text  string
	low   string   // text in lower case: lines begin with a capital that the message may lack
	langs []string // of the posts: of each, the first language
	mark  string
}

// leads reports whether a line of d says what happens with s and no more: s alone, with
// the word of a drill, or before the rest of a text of one line. A headline may hold the
// event too.
func (d display) leads(a account, s string) bool {
	s = strings.ToLower(s)
	drill := strings.ToLower(word(a)) + ": " + s
	for line := range strings.SplitSeq(d.low, "\n") {
		if line == s || line == drill || strings.HasPrefix(line, s+". ") || strings.Contains(line, ". "+s+". ") {
			return true
		}
	}
	return false
}

// speaks reports whether d tells the first story of an account, in the words of the
// message or in the author's shorter ones, which only the composer knew.
func (d display) speaks(a account) bool {
	return slices.Contains(d.langs, a.lang) || strings.Contains("\n"+d.text, "\n"+wording.LanguageName(a.lang)+":\n") ||
		a.drill != wording.Real && strings.Contains("\n"+d.text, "\n"+a.words.FirstLine(a.drill)+"\n")
}

// reworded counts the sentences that stand in lines of their own and are no words of
// the message: steps in the author's shorter words. Where a text has several languages
// they can't be told apart, and it returns 0.
func (d display) reworded(st *story, a account) int {
	if len(d.langs) != 1 || slices.ContainsFunc(wording.Languages(), func(lang string) bool { return strings.Contains(d.text, "\n"+wording.LanguageName(lang)+":\n") }) {
		return 0
	}
	n := 0
	for line := range strings.Lines(d.text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
		own := slices.Contains(st.actions, line) || strings.Contains(st.description, line) || strings.Contains(st.proviso, line) || strings.Contains(line, d.mark)
		drill := word(a) != "" && strings.HasPrefix(line, word(a))
		if strings.HasSuffix(line, ".") && !own && !drill && !strings.EqualFold(line, st.headline) {
			n++
		}
	}
	return n
}

func word(a account) string { return a.words.DrillWord(a.drill) }

func (d display) holds(s string) bool { return strings.Contains(d.low, strings.ToLower(s)) }

// lacks returns what d does not hold of an account.
func (d display) lacks(a account) []Omission {
	var out []Omission
	silent := 0
	for i := range a.stories {
		st := &a.stories[i]
		if !d.holds(st.headline) && !d.holds(st.event) && (i > 0 || !d.speaks(a)) {
			silent++
			continue
		}
		out = append(out, d.missing(st, a)...)
	}
	switch {
	case silent == len(a.stories):
		return []Omission{{Piece: PieceLanguage}}
	case silent > 0:
		out = append(out, Omission{Piece: PieceInfo, Told: len(a.stories) - silent, Of: len(a.stories)})
	}
	return out
}

// missing returns what d does not hold of a story that it tells. A headline or a step in
// the author's shorter words is told.
func (d display) missing(st *story, a account) []Omission {
	var out []Omission
	if !d.holds(st.headline) && (!d.speaks(a) && d.holds(st.event) || d.leads(a, a.what(st, event)) || d.leads(a, a.what(st, notice))) {
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
		extra := d.reworded(st, a)
		if steps = min(len(st.actions), steps+extra); extra == 0 || steps < len(st.actions) || !strings.Contains(d.text, st.proviso) {
			out = append(out, Omission{Piece: PieceInstruction, Told: steps, Of: len(st.actions)})
		}
	}
	if !strings.Contains(d.text, st.contact) {
		out = append(out, Omission{Piece: PieceContact})
	}
	return out
}
