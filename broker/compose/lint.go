package compose

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/card"
	"tocsin/templates/wording"
)

// A Rule names what a [Finding] is about.
type Rule string

// The rules for public texts.
const (
	RuleMark        Rule = "mark"            // the alert code with its number stands in every text, and no other of the alert
	RuleLink        Rule = "link"            // the address of the full text stands where it can be followed
	RuleOtherLink   Rule = "other-link"      // another address stands in the text
	RuleLostSpace   Rule = "lost-space"      // a full stop without a blank makes a link
	RuleDrill       Rule = "drill"           // first and last line say that it is an exercise or a test
	RuleReality     Rule = "reality"         // a real message says that it is an exercise or a test
	RuleTimes       Rule = "times"           // expired, or in the wrong order
	RuleArea        Rule = "area"            // nobody is told where
	RuleMarkup      Rule = "markup"          // HTML in a text
	RulePlaceholder Rule = "placeholder"     // a field of a form was left unfilled
	RuleCapitals    Rule = "capitals"        // a sentence in capitals
	RuleLimit       Rule = "limit"           // the channel would not take the post
	RuleChannel     Rule = "channel"         // the channels are not those of the configuration
	RuleWhole       Rule = "whole"           // the page does not show the whole text
	RuleSource      Rule = "source"          // a post does not say who issues it
	RuleHazard      Rule = "hazard"          // a post does not say what happens
	RuleGuidance    Rule = "guidance"        // nobody is told what to do
	RuleLanguage    Rule = "language"        // a text is in another language than it says
	RuleMention     Rule = "mention"         // a name with @ becomes a link to an account
	RuleTelephone   Rule = "telephone-blank" // a number that a line may break
	RuleDuplicate   Rule = "duplicate"       // another alert in force says nearly the same
)

// A Finding is one thing in a bulletin that the public should not see.
type Finding struct {
	Severity alert.Level
	Rule     Rule
	Channel  string // "" where it is about the message
	Part     int    // of the channel's posts; 0 where it is about the message
	Message  string // what is wrong
	Advice   string // what to do
}

// String returns place, message and advice in one line.
func (f Finding) String() string {
	place := "message"
	if f.Channel != "" {
		place = fmt.Sprintf("%s, part %d", f.Channel, f.Part)
	}
	return fmt.Sprintf("%s: %s; %s", place, f.Message, f.Advice)
}

// A LintError holds the findings of [alert.LevelError] that stand against a
// bulletin.
type LintError []Finding

// Error returns the first three findings, and how many more there are.
func (e LintError) Error() string {
	const shown = 3
	var parts []string
	for _, f := range e[:min(shown, len(e))] {
		parts = append(parts, f.String())
	}
	text := "compose: " + strings.Join(parts, " | ")
	if more := len(e) - len(parts); more > 0 {
		text += fmt.Sprintf(" | and %d more", more)
	}
	return text
}

// Lint holds b against the rules for public texts, and returns what it finds in
// the order of the bulletin, the message first. A bulletin of [New] or [Next] has
// warnings at most. Options that can't be used are a finding too.
func Lint(b *bulletin.Bulletin, o Options) []Finding {
	o, err := o.settled()
	if err != nil {
		return []Finding{{Rule: RuleChannel, Message: err.Error(), Advice: "correct the configuration"}}
	}
	l := &linter{b: b, o: o, drill: drill(b.Message, o.Realm)}
	l.reality()
	l.times()
	l.areas()
	l.channels()
	for i := range b.Posts {
		l.post(&b.Posts[i])
	}
	l.texts()
	return l.found
}

type linter struct {
	b     *bulletin.Bulletin
	o     Options
	drill wording.Drill
	found []Finding
}

func (l *linter) add(level alert.Level, rule Rule, p *bulletin.Post, message, advice string) {
	f := Finding{Severity: level, Rule: rule, Message: message, Advice: advice}
	if p != nil {
		f.Channel, f.Part = p.Channel, p.Part
	}
	l.found = append(l.found, f)
}

func (l *linter) fail(rule Rule, p *bulletin.Post, message, advice string) {
	l.add(alert.LevelError, rule, p, message, advice)
}

func (l *linter) warn(rule Rule, p *bulletin.Post, message, advice string) {
	l.add(alert.LevelWarning, rule, p, message, advice)
}

func (l *linter) times() {
	if !l.b.Expires.After(l.o.Now) {
		l.fail(RuleTimes, nil, "it has expired", "move its times")
	}
	for i := range l.b.Message.Infos {
		in := &l.b.Message.Infos[i]
		if !in.Onset.IsZero() && !in.Onset.Before(in.Expires) {
			l.fail(RuleTimes, nil, fmt.Sprintf("info %d: the event begins (onset) when the information has ended (expires)", i+1), "correct one of them")
		}
	}
}

func (l *linter) areas() {
	m := l.b.Message
	if m.MsgType == alert.MsgCancel {
		return
	}
	for i := range m.Infos {
		if !slices.ContainsFunc(m.Infos[i].Areas, func(a alert.Area) bool { return strings.TrimSpace(a.Desc) != "" }) {
			l.fail(RuleArea, nil, fmt.Sprintf("info %d names no area", i+1), "say where it holds (areaDesc)")
		}
	}
}

// channels compares the addressees with the configuration.
func (l *linter) channels() {
	have := l.b.Channels()
	for _, c := range l.o.Channels {
		if !slices.ContainsFunc(have, func(h bulletin.Channel) bool { return h.Name == c.Name && h.Kind == c.Kind }) {
			l.fail(RuleChannel, nil, fmt.Sprintf("there is no post for channel %s of kind %s", c.Name, c.Kind), "compose it again")
		}
	}
	for _, h := range have {
		if !slices.ContainsFunc(l.o.Channels, func(c Channel) bool { return h.Name == c.Name && h.Kind == c.Kind }) {
			l.fail(RuleChannel, nil, fmt.Sprintf("channel %s of kind %s is not in the configuration", h.Name, h.Kind), "compose it again")
		}
	}
}

func (l *linter) post(p *bulletin.Post) {
	l.marks(p)
	l.drillLines(p)
	l.links(p)
	l.limits(p)
}

func (l *linter) marks(p *bulletin.Post) {
	if !adapters.ContainsMark(p.Text, l.b.Mark()) {
		l.fail(RuleMark, p, "the alert code "+l.b.Mark()+" is missing", "compose it again")
	}
	// A lost answer is settled by looking for the mark: another number of the same
	// alert would lead to the wrong post.
	for _, after := range strings.Split(p.Text, string(l.b.Code)+"-")[1:] {
		number := after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
		other := string(l.b.Code) + "-" + number
		if _, n, err := alert.ParseMark(other); err == nil && n != l.b.Number && adapters.ContainsMark(p.Text, other) {
			l.fail(RuleMark, p, "it holds "+other+", the mark of another bulletin of this alert", "leave that out")
		}
	}
}

func (l *linter) drillLines(p *bulletin.Post) {
	word := wording.For(p.Lang).DrillWord(l.drill)
	if word == "" {
		return
	}
	lines := strings.Split(p.Text, "\n")
	for _, line := range []string{lines[0], lines[len(lines)-1]} {
		if !hasPrefixFold(line, word) {
			l.fail(RuleDrill, p, fmt.Sprintf("the first and the last line must begin with %q", word), "compose it again")
			return
		}
	}
	if p.Title != "" && !hasPrefixFold(p.Title, word) {
		l.fail(RuleDrill, p, fmt.Sprintf("the title must begin with %q", word), "compose it again")
	}
}

var (
	// address finds addresses that platforms link, as people write them.
	address = regexp.MustCompile(`(?i)(?:https?://|www\.)[^\s<>"«»]+`)

	// placeholder finds fields of a form that nobody filled in.
	placeholder = regexp.MustCompile(`(?i)\{\{|\}\}|\$\{|%!|<no value>|lorem ipsum|_{4,}|\[(?:inserire|insert|nome|luogo|data|ora|name|place|date|time)[^\]]*\]|\b(?:gg/mm/aaaa|dd/mm/yyyy|xx[:.]xx)\b`)
)

func (l *linter) links(p *bulletin.Post) {
	c, ok := l.channel(p)
	if ok && c.Limits.LinksInText && !slices.Contains(strings.Fields(p.Text), l.link()) {
		l.fail(RuleLink, p, "the address "+l.link()+" of the full text is missing", "compose it again")
	}
	joined := ""
	for word := range strings.FieldsSeq(p.Title + "\n" + p.Text) { // no address and no lost blank goes over a blank
		if strings.Contains(word, "://") || strings.ContainsAny(word, "wW") && strings.Contains(word, ".") {
			for _, found := range address.FindAllString(word, -1) {
				if found != l.link() {
					l.warn(RuleOtherLink, p, fmt.Sprintf("it holds the address %q, and readers may follow that instead", found), "keep one address, that of the full text")
				}
			}
		}
		if joined == "" && stopBeforeLetter(word) {
			joined = lostSpace.FindString(word)
		}
	}
	if joined != "" {
		l.fail(RuleLostSpace, p, fmt.Sprintf("after the full stop in %q there is no blank, and platforms would make a link of it", joined), "put a blank there")
	}
}

// stopBeforeLetter reports whether a full stop stands before what may be a capital: only then
// may a blank be missing.
func stopBeforeLetter(word string) bool {
	for i := 1; i < len(word); i++ {
		if c := word[i-1]; (c == '.' || c == '!' || c == '?') && (word[i] >= 'A' && word[i] <= 'Z' || word[i] >= 0x80) {
			return true
		}
	}
	return false
}

func (l *linter) link() string { return l.o.link(l.b.Code) }

func (l *linter) channel(p *bulletin.Post) (Channel, bool) {
	i := slices.IndexFunc(l.o.Channels, func(c Channel) bool { return c.Name == p.Channel })
	if i < 0 {
		return Channel{}, false
	}
	return l.o.Channels[i], true
}

func (l *linter) limits(p *bulletin.Post) {
	c, ok := l.channel(p)
	if !ok {
		return
	}
	post := adapters.Post{Text: p.Text, Title: p.Title, Lang: p.Lang, Link: p.Link, Mark: l.b.Mark(), Image: l.b.Image(p.Image)}
	if err := c.Limits.Check(post); err != nil {
		l.fail(RuleLimit, p, err.Error(), "shorten it")
	}
	if n := utf8.RuneCountInString(p.Alt); n > card.MaxAlt {
		l.fail(RuleLimit, p, fmt.Sprintf("the picture in words has %d characters, the limit is %d", n, card.MaxAlt), "shorten it")
	}
	if in := l.b.Message.Info(p.Lang); in != nil && c.page() && !strings.Contains(p.Text, tidy(in.Description)) {
		l.fail(RuleWhole, p, "the page does not hold the whole description", "shorten description or instruction")
	}
}

// unfilledSigns returns what one of must stand in a text, in small letters, for
// placeholder to find something.
func unfilledSigns() []string {
	return []string{"{{", "}}", "${", "%!", "<no", "lorem", "____", "[", "gg/", "dd/", "xx"}
}

// found returns what the pattern finds in s, which it can only where one of signs stands
// in small, s in small letters: most texts hold none, and a pattern takes a hundred times
// as long.
func found(pattern *regexp.Regexp, s, small string, signs ...string) string {
	if !slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(small, sign) }) {
		return ""
	}
	return pattern.FindString(s)
}

func (l *linter) words(p *bulletin.Post) {
	all := p.Title + "\n" + p.Text + "\n" + p.Alt
	small := strings.ToLower(all)
	if found := found(tag, all, small, "<"); found != "" {
		l.fail(RuleMarkup, p, fmt.Sprintf("it holds %q, which readers would see as it stands", found), "write plain text")
	}
	if found := found(entity, all, small, "&"); found != "" && html.UnescapeString(found) != found {
		l.fail(RuleMarkup, p, fmt.Sprintf("it holds %q, which readers would see as it stands", found), "write the character itself")
	}
	if found := found(placeholder, all, small, unfilledSigns()...); found != "" {
		level := alert.LevelError
		if l.o.Realm == alert.RealmExercise {
			level = alert.LevelWarning
		}
		l.add(level, RulePlaceholder, p, fmt.Sprintf("it holds %q, which looks like a field that nobody filled in", found), "fill it in")
	}
	drill := wording.For(p.Lang).DrillWord(wording.Exercise)
	for line := range strings.SplitSeq(p.Text, "\n") {
		if !loud(line) {
			continue
		}
		for _, s := range split(line) {
			if shouted(s) && !hasPrefixFold(s, drill) {
				l.warn(RuleCapitals, p, fmt.Sprintf("the sentence %q is in capitals, which are hard to read and spelled out by screen readers", s), "write it as a sentence")
				return
			}
		}
	}
}

// loud reports whether a line may hold a sentence that is shouted: two words in capitals
// follow each other.
func loud(line string) bool {
	before := false
	for word := range strings.FieldsSeq(line) {
		capitals := !strings.ContainsFunc(word, unicode.IsLower)
		if capitals && before {
			return true
		}
		before = capitals
	}
	return false
}

// shouted reports whether a sentence of four words or more has no small letter.
func shouted(s string) bool {
	words := 0
	for _, w := range strings.Fields(s) {
		if strings.ContainsFunc(w, unicode.IsUpper) && utf8.RuneCountInString(w) > 2 {
			words++
		}
	}
	return words >= 4 && !strings.ContainsFunc(s, unicode.IsLower)
}
