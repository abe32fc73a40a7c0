package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
)

// This file finds what would tell the public that a real alert is an exercise. The
// words are those of all languages of the frame, whatever the text's own: messages
// are copied from each other.

var (
	// drillWord finds the words that mark a drill, in any letters.
	drillWord = regexp.MustCompile(`(?i)esercitazion[ei]|exercises?|exercices?|übung(?:en)?|uebung(?:en)?|test|drill|simulazione`)

	// loudWord finds those that mark it in capitals only: "Prova a chiamare" is a
	// sentence like any other.
	loudWord = regexp.MustCompile(`ESERCITAZION[EI]|EXERCISES?|EXERCICES?|ÜBUNG(?:EN)?|UEBUNG(?:EN)?|TEST|DRILL|SIMULAZIONE|PROVA|PROBEALARM|PROBE|ESSAI`)

	// advised finds the English verb at the beginning of an advice: "Exercise extreme
	// caution", "Test your smoke alarm".
	advised = regexp.MustCompile(`(?i)^(?:Exercise (?:(?:a|all|due|extra|extreme|good|great|increased|particular|special|the|utmost) )*(?:alertness|care|caution|discretion|judge?ment|patience|restraint|vigilance)|Test (?:your|the|all|any))\b`)

	// confessed finds the sentences with which a message says it of itself.
	confessed = regexp.MustCompile(`(?i)\b(?:this (?:message )?is (?:only |just )?an? (?:test|exercise|drill)|quest[oa] (?:messaggio |allerta )?è (?:solo |soltanto )?un[’'a]? ?(?:esercitazione|prova|test|simulazione)|dies(?:e meldung|e nachricht|es)? ist (?:nur )?eine? (?:übung|probe|test)|ce(?:ci| message)? (?:n[’']est qu[’']|est (?:seulement )?)un (?:exercice|essai|test))`)
)

// DrillMark returns the words in s, one text of a message, by which readers would
// take it for a drill; "" where there are none. They count
//
//   - at the very beginning of the text, in any letters,
//   - in capitals at the beginning of a sentence, of a line, and after a colon, a
//     dash or an opening bracket,
//   - alone in brackets, in any letters,
//   - in a sentence such as "This is a test".
//
// Anywhere else they are words like others: "La scuola rinvia l’esercitazione".
func DrillMark(s string) string {
	s = strings.TrimSpace(s)
	suspects := suspects(s)
	for _, at := range within(drillWord, s, suspects) {
		before, after := s[:at[0]], s[at[1]:]
		switch {
		case midWord(before, after):
		case bare(before) == "" && !advised.MatchString(s[at[0]:]), inBrackets(before, after):
			return s[at[0]:at[1]]
		}
	}
	for _, at := range within(loudWord, s, suspects) {
		if before := s[:at[0]]; !midWord(before, s[at[1]:]) && begins(before) && !advised.MatchString(s[at[0]:]) {
			return s[at[0]:at[1]]
		}
	}
	for _, at := range suspects { // a confession stands on one line
		from, to := strings.LastIndexByte(s[:at[0]], '\n')+1, len(s)
		if n := strings.IndexByte(s[at[1]:], '\n'); n >= 0 {
			to = at[1] + n
		}
		if found := confessed.FindString(s[from:to]); found != "" {
			return found
		}
	}
	return ""
}

// suspects returns where the words of s stand, as blanks divide them, that hold the stem
// of a word of a drill: the patterns are slow, and most texts have hardly such a word.
func suspects(s string) [][2]int {
	stems := []string{"esercitazion", "exerci", "bung", "test", "drill", "simulazion", "prova", "probe", "essai"}
	var out [][2]int
	from := 0
	for word := range strings.FieldsSeq(s) {
		from += strings.Index(s[from:], word)
		small := strings.ToLower(strings.ToUpper(word)) // as patterns fold: ſ is an s
		if slices.ContainsFunc(stems, func(stem string) bool { return strings.Contains(small, stem) }) {
			out = append(out, [2]int{from, from + len(word)})
		}
		from += len(word)
	}
	return out
}

// within returns where a pattern, which goes over no blank, matches in the words of s.
func within(pattern *regexp.Regexp, s string, words [][2]int) [][]int {
	var out [][]int
	for _, w := range words {
		for _, at := range pattern.FindAllStringIndex(s[w[0]:w[1]], -1) {
			out = append(out, []int{w[0] + at[0], w[0] + at[1]})
		}
	}
	return out
}

// bare returns s without what may stand before the first word of a text.
func bare(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// inBrackets reports whether what stands between before and after is alone in
// brackets.
func inBrackets(before, after string) bool {
	return before != "" && after != "" && strings.ContainsAny(before[len(before)-1:], "([") && strings.ContainsAny(after[:1], ")]")
}

// begins reports whether a sentence or a part of one begins after before.
func begins(before string) bool {
	line := before[strings.LastIndexByte(before, '\n')+1:]
	if bare(line) == "" {
		return true
	}
	gap := line[len(strings.TrimRight(line, " \"“«*#")):]
	end := []rune(line[:len(line)-len(gap)])
	last := end[len(end)-1]
	return strings.ContainsRune(".!?:;–—([", last) || last == '-' && gap != ""
}

// reality refuses a message of status Actual that says it is a drill, and posts
// that do although their message does not. It lets every revocation pass: what is to
// be revoked may be just such a message.
func (l *linter) reality() {
	m := l.b.Message
	if m.Status != alert.StatusActual || m.MsgType == alert.MsgCancel {
		return
	}
	found := false
	check := func(field, text string) {
		if mark := DrillMark(text); mark != "" {
			found = true
			l.fail(RuleReality, nil, fmt.Sprintf("%s says %q, and the status is Actual: the public would take a real alert for an exercise or a test", field, mark),
				"take that out, or set the status to Exercise and use a node of the realm exercise")
		}
	}
	check("note", m.Note)
	for i := range m.Infos {
		in := &m.Infos[i]
		for _, f := range []struct{ name, text string }{
			{"headline", in.Headline}, {"event", in.Event}, {"description", in.Description}, {"instruction", in.Instruction},
		} {
			check(fmt.Sprintf("info %d: %s", i+1, f.name), f.text)
		}
	}
	if found {
		return
	}
	for i := range l.b.Posts {
		l.realPost(&l.b.Posts[i])
	}
}

func (l *linter) realPost(p *bulletin.Post) {
	for _, text := range []string{p.Title, p.Text, p.Alt} {
		if mark := DrillMark(text); mark != "" {
			l.fail(RuleReality, p, fmt.Sprintf("it says %q, and the alert is real", mark), "compose it again")
			return
		}
	}
}
