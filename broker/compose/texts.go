package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
)

// This file holds the rules that need nothing but the bulletin, so that whoever signs
// sees them without the configuration of who composed.

// Texts holds the texts of b against the rules that need no configuration, as [Lint] does
// among others.
func Texts(b *bulletin.Bulletin) []Finding {
	l := &linter{b: b, o: Options{Realm: b.Realm, Location: b.Expires.Location()}, drill: drill(b.Message, b.Realm)}
	l.texts()
	return l.found
}

func (l *linter) texts() {
	l.elements()
	l.sameTimes()
	l.languages()
	for i := range l.b.Posts {
		p := &l.b.Posts[i]
		l.accidents(p)
		l.words(p)
	}
}

// elements asks for the five elements of a good warning: who says it, what happens, where,
// until when, and what to do.
func (l *linter) elements() {
	m := l.b.Message
	if m.MsgType == alert.MsgCancel {
		return // it says that all of this is to be disregarded
	}
	for i := range m.Infos {
		if strings.TrimSpace(m.Infos[i].Instruction) == "" {
			l.warn(RuleGuidance, nil, fmt.Sprintf("info %d does not say what to do", i+1), "add an instruction")
		}
	}
	if l.drill != wording.Real {
		return // its marks take the room, and nobody is to do anything
	}
	for i := range l.b.Posts {
		if p := &l.b.Posts[i]; !strings.Contains(p.Text, l.b.Issuer) {
			l.warn(RuleSource, p, "it does not say who issues it", "shorten the headline or the steps, so that there is room")
		}
	}
	for i := range l.b.Posts {
		if p := &l.b.Posts[i]; says(p.Title+"\n"+p.Text, wording.For(p.Lang).Notice) {
			l.warn(RuleHazard, p, "it does not say what happens", "shorten the event")
		}
	}
	for _, o := range LeftOut(l.b) {
		p := l.bearer(o)
		const shorten = "shorten the headline or the steps, so that there is room"
		switch {
		case o.Piece == PieceAreas && o.Told == 0:
			l.warn(RuleArea, p, "it does not say where", shorten)
		case o.Piece == PieceTimes:
			l.warn(RuleTimes, p, "it does not say until when", shorten)
		case o.Piece == PieceInstruction && o.Told == 0 && o.Of > 0 && !strings.Contains(p.Text, wording.For(o.Lang).WhatToDo):
			l.warn(RuleGuidance, p, "it does not say what to do", shorten)
		}
	}
}

// bearer returns the post from which o is missing: the one in its language, else the channel's
// first, which may say several.
func (l *linter) bearer(o Omission) *bulletin.Post {
	of := func(ok func(p bulletin.Post) bool) int {
		return slices.IndexFunc(l.b.Posts, func(p bulletin.Post) bool { return p.Channel == o.Channel && ok(p) })
	}
	at := of(func(p bulletin.Post) bool { return p.Lang == o.Lang })
	if at < 0 {
		at = of(func(bulletin.Post) bool { return true })
	}
	return &l.b.Posts[at]
}

// says reports whether a line of text is line, as it begins a sentence.
func says(text, line string) bool {
	return strings.Contains("\n"+text+"\n", "\n"+capital(line)+"\n") || strings.Contains("\n"+text, ". "+capital(line)+". ")
}

// sameTimes compares what a message says in one language with what it says in another.
func (l *linter) sameTimes() {
	infos := l.b.Message.Infos
	for i := 1; i < len(infos); i++ {
		if infos[i].Language == infos[0].Language || infos[i].Event == infos[0].Event {
			continue
		}
		if one := slices.ContainsFunc(infos[:i], func(in alert.Info) bool { return in.Language == infos[i].Language }); one {
			continue // several infos in a language tell of several things
		}
		if !infos[i].Onset.Equal(infos[0].Onset) || !infos[i].Expires.Equal(infos[0].Expires) {
			l.warn(RuleTimes, nil, fmt.Sprintf("info %d has other times than the first (onset, expires)", i+1), "give every language the same times")
		}
	}
}

// particles are small words that each language of the frame uses in every second sentence,
// and that are no words of the others.
func particles() map[string][]string {
	return map[string][]string{
		"it": {"il", "lo", "gli", "di", "del", "della", "dei", "delle", "che", "è", "sono", "nel", "nella", "con", "dal", "dalla", "alle", "dalle", "anche", "più"},
		"en": {"the", "and", "of", "to", "is", "are", "not", "do", "for", "with", "from", "if", "or", "your", "you", "by", "at"},
		"de": {"der", "das", "und", "ist", "nicht", "sie", "mit", "von", "für", "den", "dem", "ein", "eine", "im", "zu", "auf", "bei", "oder", "wenn"},
		"fr": {"les", "et", "est", "ne", "pas", "pour", "avec", "vous", "une", "dans", "aux", "ou", "sur", "au", "n’est", "à"},
	}
}

// tongue returns the language of the frame in which a text is written beyond doubt, or "".
func tongue(text string) string {
	used := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '’' })
	counts := map[string]int{} // of different words: names of streets say "di" three times
	for lang, words := range particles() {
		for _, word := range words {
			if slices.Contains(used, word) {
				counts[lang]++
			}
		}
	}
	best, second := "", 0
	for _, lang := range wording.Languages() {
		switch n := counts[lang]; {
		case n > counts[best]:
			best, second = lang, counts[best]
		case n > second:
			second = n
		}
	}
	if counts[best] < 3 || counts[best] < 3*second {
		return ""
	}
	return best
}

// languages finds paragraphs of a message that are in another language than they say.
func (l *linter) languages() {
	for i := range l.b.Message.Infos {
		in := &l.b.Message.Infos[i]
		own, _, _ := strings.Cut(strings.ToLower(in.Language), "-")
		if !wording.Speaks(own) {
			continue
		}
		for _, f := range []struct{ name, text string }{{"headline", in.Headline}, {"description", in.Description}, {"instruction", in.Instruction}} {
			for line := range strings.SplitSeq(f.text, "\n") {
				if other := tongue(line); other != "" && other != own {
					l.warn(RuleLanguage, nil, fmt.Sprintf("info %d: %s says that it is in the language %s, and %q is in %s", i+1, f.name, in.Language, line, other),
						"translate it, or correct the language")
					break
				}
			}
		}
	}
}

var (
	// domain finds words that platforms take for an address though nobody wrote
	// "https://": "comune.savona.it", "fatto.al".
	domain = regexp.MustCompile(`(?:^|[^\pL\pN@./_-])((?:[\pL\pN-]+\.)*[\pL\pN-]{3,}\.(?:[a-z]{2}|com|org|net|info|gov|edu|biz|app|dev))(?:[^\pL\pN@_-]|$)`)

	// mention finds what links to somebody's account.
	mention = regexp.MustCompile(`(?:^|[^\pL\pN._%+/-])(@[\pL\pN_]{2,})`)

	// spaced finds telephone numbers whose parts stand apart, so that a line may end
	// between them and a telephone does not offer to call them.
	spaced = regexp.MustCompile(`(?:\+\d{1,3} \d[\d ]{4,}\d|\b0\d{1,3} \d{3,}(?:[ -]\d{2,})*\b|\b3\d\d [\d ]{5,9}\d\b|\b80\d \d{3} ?\d{3}\b)`)
)

// accidents finds what becomes a link, or breaks, without anybody's will.
func (l *linter) accidents(p *bulletin.Post) {
	for word := range strings.FieldsSeq(p.Title + "\n" + p.Text) {
		switch {
		case strings.Contains(word, "://"):
			continue
		case strings.Contains(word, "@"):
			if m := mention.FindStringSubmatch(word); m != nil {
				l.warn(RuleMention, p, fmt.Sprintf("it holds %q, and platforms would make a link of it to somebody's account", m[1]), "write the name without @")
			}
		case strings.Contains(word[:len(word)-1], "."):
			if m := domain.FindStringSubmatch(word); m != nil {
				l.warn(RuleLostSpace, p, fmt.Sprintf("platforms would make a link of %q", m[1]), "put a blank behind the full stop, or leave the address out")
			}
		}
	}
	if apartDigits(p.Text) {
		if number := spaced.FindString(p.Text); number != "" {
			l.warn(RuleTelephone, p, fmt.Sprintf("a line may end in the telephone number %q, and a telephone may not know it for one", number), "write its digits together")
		}
	}
}

// apartDigits reports whether a text may hold a number whose digits stand apart: only then
// is it worth the search for one.
func apartDigits(text string) bool {
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	for i := 2; i < len(text); i++ {
		if text[i-1] == ' ' && digit(text[i-2]) && (digit(text[i]) || text[i] == ' ') {
			return true
		}
	}
	return false
}

// Alike says which of the bulletins of other alerts that are still in force say nearly the
// same as b: readers would take two alerts for two dangers, or each for the other's
// correction.
func Alike(b *bulletin.Bulletin, others []*bulletin.Bulletin) []Finding {
	var out []Finding
	if b.Number > 1 || len(b.Message.Infos) == 0 {
		return nil
	}
	in := &b.Message.Infos[0]
	for _, o := range others {
		if o.Alert == b.Alert || o.Realm != b.Realm || o.Message.MsgType == alert.MsgCancel || len(o.Message.Infos) == 0 || !o.Expires.After(b.Composed) {
			continue
		}
		have := &o.Message.Infos[0]
		apart := !in.Onset.IsZero() && !in.Onset.Before(have.Expires) || !have.Onset.IsZero() && !have.Onset.Before(in.Expires)
		if apart || !sameHazard(in, have) || !samePlaces(in, have) {
			continue
		}
		out = append(out, Finding{
			Severity: alert.LevelWarning, Rule: RuleDuplicate,
			Message: fmt.Sprintf("alert %s, which holds until %s, says nearly the same: %q", o.Code, o.Expires.In(b.Expires.Location()).Format("15:04 02-01-2006"), have.Headline),
			Advice:  "look whether that one is to be updated instead",
		})
	}
	return out
}

// sameHazard reports whether two infos tell of one kind of event.
func sameHazard(a, b *alert.Info) bool {
	if len(a.EventCodes) > 0 && len(b.EventCodes) > 0 {
		return slices.ContainsFunc(a.EventCodes, func(v alert.NamedValue) bool { return slices.Contains(b.EventCodes, v) })
	}
	return strings.EqualFold(tidyLine(a.Event), tidyLine(b.Event))
}

// samePlaces reports whether two infos have an area in common, by name or by code of a
// municipality.
func samePlaces(a, b *alert.Info) bool {
	places := func(in *alert.Info) (out []string) {
		for _, area := range in.Areas {
			out = append(out, strings.ToLower(tidyLine(area.Desc)))
			for _, code := range area.Geocodes {
				if code.Name == istat {
					out = append(out, code.Value)
				}
			}
		}
		return out
	}
	have := places(b)
	return slices.ContainsFunc(places(a), func(place string) bool { return slices.Contains(have, place) })
}
