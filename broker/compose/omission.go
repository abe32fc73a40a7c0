package compose

import (
	"cmp"
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
		shown := displays(b, c.Name, told)
		for _, a := range told {
			found := []Omission{{Piece: PieceLanguage}}
			if d := shown[a.lang]; d != nil {
				found = d.lacks(a)
			}
			for _, o := range found {
				o.Channel, o.Lang = c.Name, a.lang
				out = append(out, o)
			}
		}
	}
	return out
}

// A display is what a channel shows of a bulletin in one language.
type display struct {
	text string
	low  string // text in lower case: lines begin with a capital that the message may lack
	mark string
}

// displays returns what a channel shows, by language. That a name or a headline stands in a
// text says nothing of its language: "Blackout" is a word of four.
func displays(b *bulletin.Bulletin, channel string, told []account) map[string]*display {
	out := map[string]*display{}
	for i := range b.Posts {
		p := &b.Posts[i]
		if p.Channel != channel {
			continue
		}
		lang := p.Lang
		out[lang] = cmp.Or(out[lang], &display{mark: b.Mark()})
		out[lang].text += p.Title + "\n"
		if needsImage(p.Kind) {
			out[lang].text += p.Alt + "\n"
		}
		var seen []string // the languages whose part of a text of several has begun
		for line := range strings.Lines(p.Text) {
			bare := strings.TrimSuffix(line, "\n")
			if next := begun(told, seen, bare); next != "" {
				seen, lang = append(seen, next), next
				out[lang] = cmp.Or(out[lang], &display{mark: b.Mark()})
			}
			if !framed(told, bare) {
				out[lang].text += line
			}
		}
		out[lang].text += "\n"
	}
	for _, d := range out {
		d.low = strings.ToLower(d.text)
	}
	return out
}

// needsImage reports whether no post of a kind is public without its image, as the channel's
// limits say, which a bulletin does not hold: what only an image tells that a post may go without is
// left to the page.
func needsImage(kind string) bool { return kind == "instagram" }

// begun returns the language at whose part of a text a line begins, one that was not seen
// yet, or "".
func begun(told []account, seen []string, line string) string {
	if len(told) < 2 {
		return ""
	}
	for i := range told {
		a := &told[i]
		head := wording.LanguageName(a.lang) + ":"
		if a.drill != wording.Real {
			head = a.words.FirstLine(a.drill)
		}
		if line == head && !slices.Contains(seen, a.lang) {
			return a.lang
		}
	}
	return ""
}

// framed reports whether a line stands around what the message says, in any of its languages.
func framed(told []account, line string) bool {
	return line != "" && slices.ContainsFunc(told, func(a account) bool {
		return line == a.words.FirstLine(a.drill) || line == a.words.LastLine(a.drill) || line == bulletin.OneAuthority(a.lang)
	})
}

// leads reports whether a line of d says what happens with s and no more: s alone, with
// the word of a drill, or before the rest of a text of one line. A headline may hold the
// event too.
func (d *display) leads(a account, s string) bool {
	s = strings.ToLower(s)
	drill := strings.ToLower(word(a)) + ": " + s
	for line := range strings.SplitSeq(d.low, "\n") {
		if line == s || line == drill || strings.HasPrefix(line, s+". ") || strings.Contains(line, ". "+s+". ") {
			return true
		}
	}
	return false
}

// reworded counts the sentences that stand in lines of their own and are no words of
// the message: steps in the author's shorter words, which only the composer knew.
func (d *display) reworded(st *story, a account) int {
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

func (d *display) holds(s string) bool { return strings.Contains(d.low, strings.ToLower(s)) }

// lacks returns what d does not hold of an account.
func (d *display) lacks(a account) []Omission {
	var out []Omission
	silent := 0
	for i := range a.stories {
		st := &a.stories[i]
		if i > 0 && !d.holds(st.headline) && !d.holds(st.event) {
			silent++
			continue
		}
		out = append(out, d.missing(st, a)...)
	}
	if silent > 0 {
		out = append(out, Omission{Piece: PieceInfo, Told: len(a.stories) - silent, Of: len(a.stories)})
	}
	return out
}

// missing returns what d does not hold of a story that it tells. A headline or a step in
// the author's shorter words is told.
func (d *display) missing(st *story, a account) []Omission {
	var out []Omission
	if !d.holds(st.headline) && (d.leads(a, a.what(st, event)) || d.leads(a, a.what(st, notice))) {
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
