package compose

import (
	"slices"
	"strings"
	"unicode"

	"tocsin/broker/bulletin"
	"tocsin/templates/wording"
)

// A text is put together from an account by a shape, which says what of it is
// told. Shapes leave whole parts out; none cuts a part in two, except that an
// instruction may be told in its first steps, with what they hold under.
type shape struct {
	short       bool // lines without labels, for channels where each character counts
	oneLine     bool // short, and all in one line: the last resort
	everyStory  bool // every info of the language; else the gravest
	description bool
	what        what
	where       where
	when        when
	steps       int // of the instruction; all for the whole instruction
	issuer      bool
	// entitled says that the headline stands in a title, apart from the text.
	entitled bool
}

// What is told of what happens.
type what uint8

const (
	headline what = iota
	event
	notice // nothing but that there is something to read
)

// What is told of the areas.
type where uint8

const (
	everyArea where = iota // in a line of its own, unless the line before names them all
	firstArea              // the first, and how many others there are
	inWhat                 // not in a line of its own: the line before names one of them
	noArea                 // in an exercise only: reality without a place warns the wrong people
)

// How the validity is told.
type when uint8

const (
	inWords when = iota
	inDigits
	notWhen
)

const all = -1

// full is the shape of channels with room, which the ladders begin with.
func full() shape {
	return shape{everyStory: true, description: true, steps: all, issuer: true}
}

// whole returns the only shape of a page: it is the full text that all other posts
// point to.
func whole() []shape { return []shape{full()} }

// roomy returns the shapes for channels with room, from the one that tells
// most. In these, every language of the message can stand.
func roomy() []shape {
	brief := full()
	brief.description = false
	three := brief
	three.steps = 3
	one := three
	one.everyStory = false
	return []shape{full(), brief, three, one}
}

// compact returns the shapes for short texts in one language, from the one that
// tells most: what, where, when, what to do, link, issuer and code; then fewer
// steps, shorter spellings, no step, no issuer, which the account names anyway, and at
// last what happens and where to read on.
func compact() []shape {
	var out []shape
	add := func(what what, steps int, issuer bool, when when, where ...where) {
		for _, w := range where {
			out = append(out, shape{short: true, what: what, where: w, when: when, steps: steps, issuer: issuer})
		}
	}
	for steps := 3; steps >= 1; steps-- {
		add(headline, steps, true, inWords, everyArea, inWhat)
	}
	add(headline, 1, true, inDigits, everyArea, firstArea, inWhat)
	add(event, 1, true, inWords, everyArea, firstArea, inWhat)
	add(event, 1, true, inDigits, firstArea, inWhat)
	for _, issuer := range []bool{true, false} { // who says it is told rather than a step
		if !issuer {
			add(headline, 1, issuer, inDigits, firstArea, inWhat)
			add(event, 1, issuer, inDigits, firstArea, inWhat)
		}
		add(headline, 0, issuer, inWords, everyArea, firstArea, inWhat)
		add(headline, 0, issuer, inDigits, everyArea, firstArea, inWhat)
		add(event, 0, issuer, inWords, everyArea, firstArea, inWhat)
		add(event, 0, issuer, inDigits, everyArea, firstArea, inWhat)
	}
	add(headline, 0, false, notWhen, everyArea, firstArea, inWhat)
	add(event, 0, false, notWhen, everyArea, firstArea, inWhat)
	for _, what := range []what{event, notice} {
		for _, w := range []where{everyArea, firstArea, noArea} {
			out = append(out, shape{short: true, oneLine: true, what: what, where: w, when: notWhen})
		}
	}
	return out
}

// A scene is what every text of one bulletin carries.
type scene struct {
	issuer, link, mark string
	check              string // the address at which the code can be checked
	alone              bool   // one authority only issues it, and every text says so
}

// one returns the sentence for texts that one authority only issues; "" for others.
func (s scene) one(a account) string {
	if !s.alone {
		return ""
	}
	return bulletin.OneAuthority(a.lang)
}

// text returns the text of accounts in a shape; false where the shape does not
// suit them: it would tell no place, or is the same as one before it.
func (s scene) text(tongues []account, sh shape) (string, bool) {
	a := tongues[0]
	switch {
	case sh.oneLine:
		return s.line(a, sh)
	case sh.short:
		return s.brief(a, sh)
	}
	var parts []string
	for _, b := range tongues {
		if len(tongues) > 1 && b.drill == wording.Real {
			parts = append(parts, wording.LanguageName(b.lang)+":")
		}
		parts = append(parts, b.words.FirstLine(b.drill), s.one(b))
		stories := b.stories
		if !sh.everyStory {
			stories = stories[:1]
		}
		for i := range stories {
			parts = append(parts, b.story(&stories[i], sh, len(stories) > 1)...)
		}
	}
	foot := []string{labels(tongues, func(w wording.Words) string { return w.FullText }) + " " + s.link}
	if sh.issuer {
		foot = append(foot, labels(tongues, func(w wording.Words) string { return w.Source })+" "+s.issuer)
	}
	foot = append(foot, labels(tongues, func(w wording.Words) string { return w.Code })+" "+s.mark)
	parts = append(parts, strings.Join(foot, "\n"), a.words.LastLine(a.drill))
	return paragraphs(parts), true
}

// labels returns a label in every language that the frame speaks among tongues:
// "Fonte / Source:".
func labels(tongues []account, label func(wording.Words) string) string {
	var out []string
	for _, a := range tongues {
		if l := strings.TrimRight(label(a.words), " :"); !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if len(out) == 1 {
		return label(tongues[0].words)
	}
	return strings.Join(out, " / ") + ":"
}

// paragraphs joins what is not empty with empty lines between.
func paragraphs(parts []string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n\n")
}

// story returns the paragraphs of one info.
func (a account) story(st *story, sh shape, several bool) []string {
	w := a.words
	var facts, advice []string
	if len(st.areas) > 0 {
		facts = append(facts, w.Where+" "+strings.Join(st.areas, ", "))
	}
	if p := w.Period(st.period); p != "" {
		facts = append(facts, w.When+" "+p)
	}
	parts := []string{""}
	if !sh.entitled || several {
		parts[0] = a.what(st, sh.what)
	}
	parts = append(parts, strings.Join(facts, "\n"))
	if sh.description {
		parts = append(parts, st.description)
	}
	switch {
	case sh.steps == all && st.instruction != "":
		advice = []string{w.WhatToDo, st.instruction}
	case sh.steps > 0 && len(st.actions) > 0:
		if advice = append(advice, w.WhatToDo); st.proviso != "" {
			advice = append(advice, st.proviso)
		}
		advice = append(advice, bulleted(st.actions[:min(sh.steps, len(st.actions))])...)
	}
	parts = append(parts, strings.Join(advice, "\n"))
	if sh.description && st.contact != "" {
		parts = append(parts, w.Contact+" "+st.contact)
	}
	return parts
}

func bulleted(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = "- " + line
	}
	return out
}

// what returns the line that says what happens, with the act before it where it
// does not say so itself.
func (a account) what(st *story, w what) string {
	line := st.headline
	switch w {
	case event:
		line = st.event
	case notice:
		line = a.words.Notice
	}
	act := a.words.Act(st.act)
	if strings.HasPrefix(st.headline, a.words.Doubted+": ") {
		act = a.words.Doubted // that is what a correction is for
	}
	if act == "" || tells(line, act, st.act) {
		return line
	}
	if head, _, ok := strings.Cut(st.headline, ": "); ok && st.act.Renews() && strings.HasPrefix(head, act+", ") {
		act = head // "Aggiornamento, correzione del luogo": the event alone would not say so
	}
	return act + ": " + line
}

// tells reports whether a line says with the word of an act that a message does it: an end
// or a revocation anywhere, "Fine allerta per frane", and an update at its front, since
// roads are closed for "extended works" too.
func tells(line, word string, does wording.Act) bool {
	if !does.Renews() {
		return strings.Contains(strings.ToLower(line), strings.ToLower(word))
	}
	return hasPrefixFold(line, word) && !midWord("", line[len(word):])
}

// brief returns a short text of several lines.
func (s scene) brief(a account, sh shape) (string, bool) {
	st := &a.stories[0]
	line := a.what(st, sh.what)
	place, ok := a.place(st, sh.where, line)
	if !ok {
		return "", false
	}
	lines := []string{a.words.DrillWord(a.drill), s.one(a), capital(line), capital(place)}
	switch sh.when {
	case inWords:
		lines = append(lines, capital(a.words.Period(st.period)))
	case inDigits:
		lines = append(lines, capital(a.words.ShortPeriod(st.period)))
	case notWhen:
	}
	if n := min(sh.steps, len(st.actions)); n > 0 {
		lines = append(append(lines, st.proviso), st.actions[:n]...)
	}
	signature := s.mark
	if sh.issuer {
		signature = s.issuer + ", " + s.mark
	}
	lines = append(lines, s.link, signature, a.words.DrillWord(a.drill))
	var kept []string
	for _, l := range lines {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n"), true
}

// place returns the line that says where; false where the shape does not suit.
func (a account) place(st *story, w where, line string) (string, bool) {
	switch {
	case w == noArea && a.drill != wording.Real, len(st.areas) == 0:
		return "", w == noArea || w == everyArea
	case w == noArea:
		return "", false
	case w == inWhat:
		return "", names(line, st.areas)
	case w == everyArea && !slices.ContainsFunc(st.areas, func(area string) bool { return !names(line, []string{area}) }):
		return "", true // the line before says them all
	case w == firstArea && len(st.areas) > 1:
		return st.areas[0] + " " + a.words.Others(len(st.areas)-1), true
	case w == firstArea:
		return "", false // as everyArea
	}
	return strings.Join(st.areas, ", "), true
}

// names reports whether line names one of the areas, without what stands in
// brackets after it: "Savona (SV)" is named by "a Savona e dintorni".
func names(line string, areas []string) bool {
	for _, area := range areas {
		bare, _, _ := strings.Cut(area, " (")
		if i := strings.Index(line, bare); bare != "" && i >= 0 && !midWord(line[:i], line[i+len(bare):]) {
			return true
		}
	}
	return false
}

func midWord(before, after string) bool {
	b, a := []rune(before), []rune(after)
	return len(b) > 0 && unicode.IsLetter(b[len(b)-1]) || len(a) > 0 && unicode.IsLetter(a[0])
}

// line returns the text of one line: "Esercitazione. Alluvione. Savona. Testo:
// https://… SV-7F3K2-1".
func (s scene) line(a account, sh shape) (string, bool) {
	st := &a.stories[0]
	line := a.what(st, sh.what)
	place, ok := a.place(st, sh.where, line)
	if !ok {
		return "", false
	}
	var parts []string
	for _, p := range []string{a.words.ShortDrill(a.drill), capital(line), capital(place)} {
		if p != "" {
			parts = append(parts, strings.TrimRight(p, " .")+".")
		}
	}
	parts = append(parts, a.words.ReadMore, s.link, s.mark)
	text := strings.Join(parts, " ")
	if one := s.one(a); one != "" { // the one thing that has a line of its own even here
		text = one + "\n" + text
		if word := a.words.DrillWord(a.drill); word != "" {
			text = word + "\n" + text
		}
	}
	return text, true
}
