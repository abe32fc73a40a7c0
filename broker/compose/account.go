package compose

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/templates/wording"
)

// languageForm is what a bulletin takes for the language of a post.
var languageForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// An account is what a message says in one language, in the pieces that texts
// are put together from.
type account struct {
	lang    string // BCP 47, as the message spells it
	words   wording.Words
	drill   wording.Drill
	stories []story // gravest first; never empty
}

// A story is one info of the message. Texts are tidy; those of one line have no
// line ends.
type story struct {
	act         wording.Act
	level       wording.Level
	colour      bool   // level is an alert colour that the issuer declared
	headline    string // one line, without the word of the drill; the event where there is none
	event       string // one line
	areas       []string
	period      wording.Period
	description string
	instruction string
	// proviso is what the steps hold under, on one line: it is told with them, or
	// none of them is. "" where the steps need none.
	proviso string
	actions []string // the instruction in steps, one line each
	contact string
	// where is what areas names, as the message draws it.
	where []alert.Area
	// shorter are the author's shorter wordings of the headline and of steps; nil where
	// there are none.
	shorter map[string][]string
}

// accounts returns what m says, one account for each language, in the order that o asks for
// and then in that of the message.
func accounts(m *alert.Message, o Options) []account {
	d := drill(m, o.Realm)
	var out []account
	for i := range m.Infos {
		in := &m.Infos[i]
		at := slices.IndexFunc(out, func(a account) bool { return strings.EqualFold(a.lang, in.Language) })
		if at < 0 {
			at = len(out)
			out = append(out, account{lang: in.Language, words: wording.For(in.Language), drill: d})
		}
		out[at].stories = append(out[at].stories, newStory(m, in, out[at].words, d, o))
	}
	if len(out) == 0 { // a Cancel may come without a word
		out = []account{silent(m, d)}
	}
	for _, a := range out {
		slices.SortStableFunc(a.stories, func(a, b story) int { return cmp.Compare(b.level, a.level) })
	}
	slices.SortStableFunc(out, func(a, b account) int {
		return cmp.Compare(rank(o.order(), a.lang), rank(o.order(), b.lang))
	})
	return out
}

// order returns the languages that come first.
func (o Options) order() []string {
	if len(o.Languages) == 0 {
		return []string{"it"}
	}
	return o.Languages
}

// rank returns the place of a language in an order; all that it does not name come last.
func rank(order []string, lang string) int {
	at := slices.IndexFunc(order, func(named string) bool { return takes(named, lang) })
	if at < 0 {
		return len(order)
	}
	return at
}

// takes reports whether a language that is named stands for lang: "de" for "de-AT" too.
func takes(named, lang string) bool {
	base, _, _ := strings.Cut(lang, "-")
	return strings.EqualFold(named, lang) || strings.EqualFold(named, base)
}

// tells returns those accounts that the channel says, in its order; the first where it has
// none of its own.
func (c Channel) tells(all []account) []account {
	if len(c.Languages) == 0 || c.page() {
		return all
	}
	var own []account
	for _, a := range all {
		if rank(c.Languages, a.lang) < len(c.Languages) {
			own = append(own, a)
		}
	}
	if len(own) == 0 {
		return all[:1]
	}
	slices.SortStableFunc(own, func(a, b account) int {
		return cmp.Compare(rank(c.Languages, a.lang), rank(c.Languages, b.lang))
	})
	return own
}

// silent is the account of a message without infos.
func silent(m *alert.Message, d wording.Drill) account {
	w := wording.For("it")
	s := story{act: act(m, &alert.Info{}), headline: w.Notice, event: w.Notice}
	if s.act == wording.Cancel {
		s.description, s.instruction = w.RevokedText, w.RevokedAdvice
	}
	return account{lang: "it-IT", words: w, drill: d, stories: []story{s}}
}

// drill says how the texts of m are marked. In the exercise realm a test is an
// exercise too.
func drill(m *alert.Message, realm alert.Realm) wording.Drill {
	switch {
	case realm == alert.RealmExercise:
		return wording.Exercise
	case m.Status == alert.StatusTest:
		return wording.Test
	}
	return wording.Real
}

func newStory(m *alert.Message, in *alert.Info, w wording.Words, d wording.Drill, o Options) story {
	s := story{
		act: act(m, in), event: unmarked(tidyLine(in.Event), w, d), headline: unmarked(tidyLine(in.Headline), w, d),
		description: tidy(in.Description), instruction: tidy(in.Instruction), contact: tidyLine(in.Contact),
	}
	if s.act.Renews() {
		s.headline = unacted(s.headline, w) // posts say the act themselves, and the card beside it
	}
	if s.headline == "" {
		s.headline = s.event
	}
	if s.level, s.colour = level(in); s.act == wording.Cancel {
		s.level, s.colour = wording.Unrated, false // what is revoked has no level
	}
	s.where = in.Areas
	for _, a := range in.Areas {
		if name := tidyLine(a.Desc); name != "" && !slices.Contains(s.areas, name) {
			s.areas = append(s.areas, name)
		}
	}
	s.proviso, s.actions = steps(s.instruction, w.DrillWord(d))
	s.shorter = behind(s.headline, o.Shorter[in.Language])
	if s.act == wording.Issue || s.act.Renews() {
		s.period = period(m, in, o)
	}
	return s
}

// act says what m does, as in tells it.
func act(m *alert.Message, in *alert.Info) wording.Act {
	declared, _ := in.Parameter("atto")
	return wording.ActOf(string(m.MsgType), string(in.Urgency), slices.Contains(in.ResponseTypes, alert.ResponseAllClear), declared)
}

// period says when an alert holds: from the onset of the event, or from when the
// information takes effect where that is later than the message.
func period(m *alert.Message, in *alert.Info, o Options) wording.Period {
	p := wording.Period{Until: in.Expires.In(o.Location)}
	from := in.Onset
	if from.IsZero() {
		from = in.Effective
	}
	if from.After(m.Sent) && from.Before(in.Expires) {
		p.From = from.In(o.Location)
	}
	return p
}

// level returns the level of what in tells, and whether it is an alert colour.
func level(in *alert.Info) (wording.Level, bool) {
	own, _ := in.Parameter("livello_allerta")
	awareness, _ := in.Parameter("awareness_level")
	return wording.LevelOf(own, awareness, string(in.Severity))
}

// unmarked returns s without the word of the drill, before it or in brackets after
// it, and without what divides it from the rest: texts say it in a line of their
// own.
func unmarked(s string, w wording.Words, d wording.Drill) string {
	word := w.DrillWord(d)
	if word == "" {
		return s
	}
	if i := strings.LastIndex(s, " ("); i > 0 && strings.EqualFold(s[i:], " ("+word+")") {
		s = s[:i]
	}
	if !hasPrefixFold(s, word) {
		return s
	}
	rest := s[len(word):]
	bare := strings.TrimLeft(rest, " :.,;–—-")
	if bare == rest || bare == "" { // a longer word, or nothing but the mark
		return s
	}
	return capital(bare)
}

// unacted returns a headline without the word at its front that says what an update does.
func unacted(s string, w wording.Words) string {
	for _, act := range []wording.Act{wording.Update, wording.Extend, wording.Raise, wording.Lower} {
		if rest, ok := strings.CutPrefix(s, w.Act(act)+": "); ok && rest != "" {
			return rest
		}
	}
	return s
}

// behind returns the author's shorter wordings for a message whose headline may be one of
// them: those that come after it are shorter still.
func behind(headline string, shorter map[string][]string) map[string][]string {
	if _, ok := shorter[headline]; ok {
		return shorter
	}
	for _, text := range slices.Sorted(maps.Keys(shorter)) {
		if at := slices.Index(shorter[text], headline); at >= 0 {
			shorter = maps.Clone(shorter)
			shorter[headline] = slices.Clone(shorter[text][at+1:])
			return shorter
		}
	}
	return shorter
}

// capital returns s with a capital at its front.
func capital(s string) string {
	if s == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// steps returns an instruction in steps, and what they hold under. The steps are
// the entries of its first list, which hold under what stands before them ("If you
// live by the river:"), or else its sentences. In a drill, whose word is given,
// they also hold under what says so, wherever it stands: "EXERCISE: you need not
// do anything now."
func steps(instruction, drill string) (proviso string, actions []string) {
	var before, list, after []string
	for _, line := range strings.Split(instruction, "\n") {
		item, ok := entry(line)
		switch {
		case ok && len(after) == 0:
			list = append(list, item)
		case ok:
			after = append(after, item) // another list, under words of its own
		case len(list) == 0:
			before = append(before, split(line)...)
		default:
			after = append(after, split(line)...)
		}
	}
	if len(list) == 0 {
		list, before, after = before, nil, before
	}
	proviso = strings.Join(before, " ")
	if drill == "" || holdsWord(proviso, drill) {
		return proviso, list
	}
	says := func(s string) bool { return holdsWord(s, drill) }
	if len(list) > 1 && says(list[0]) {
		return strings.TrimSpace(proviso + " " + list[0]), list[1:]
	}
	for _, s := range after {
		if says(s) {
			proviso = strings.TrimSpace(proviso + " " + s)
		}
	}
	if rest := slices.DeleteFunc(slices.Clone(list), says); len(rest) > 0 {
		return proviso, rest
	}
	return "", list // it asks for nothing
}

// holdsWord reports whether word stands in s, in capitals or not, and not as a
// part of a longer one.
func holdsWord(s, word string) bool {
	s, word = strings.ToLower(s), strings.ToLower(word)
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return false
		}
		at := from + i
		if !midWord(s[:at], s[at+len(word):]) {
			return true
		}
		from = at + len(word)
	}
}

// entry returns the text of a line that is an entry of a list.
func entry(line string) (string, bool) {
	for _, bullet := range []string{"- ", "• ", "* ", "– "} {
		if item, ok := strings.CutPrefix(line, bullet); ok {
			return strings.TrimSpace(item), item != ""
		}
	}
	return "", false
}

// split returns the sentences of a line. It divides only where the end is beyond
// doubt: after a word of at least three letters and before a capital.
func split(line string) []string {
	var out []string
	words := strings.Fields(line)
	from := 0
	for i, word := range words {
		last := i == len(words)-1
		bare := strings.TrimRight(word, ".!?»”)")
		ends := bare != word && strings.ContainsAny(word[len(bare):], ".!?")
		if !last && (!ends || utf8.RuneCountInString(bare) < 3 || strings.Contains(bare, ".") || !startsSentence(words[i+1])) {
			continue
		}
		out = append(out, strings.Join(words[from:i+1], " "))
		from = i + 1
	}
	return out
}

func startsSentence(word string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(word, "«“\"("))
	return unicode.IsUpper(r)
}
