package main

// This file puts what the packages say in English into the words of the screen.
//
// Errors, notes, findings and the reasons in the ledger's records are written in
// English where they are born: logs and records have one language, and no package
// needs to know of a screen. phrases.txt has each of these texts, exactly as the
// code writes it, with its Italian, and with plainer English where the code's own
// is a programmer's. A text is known again by its form, in an error of this moment
// as in a record of last year. Nothing is ever decided by it; what is not known is
// shown as it stands. phrases_test.go holds phrases.txt against the code.

import (
	_ "embed"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed phrases.txt
var phrasesText string

// A phrase is one text of the code, with a hole for each argument.
type phrase struct {
	section string
	code    string // the format, as the code has it
	italian string
	english string // "" where the code's English is plain

	literals []string // around the holes: one more than there are holes
	verbs    []byte   // of the holes
	weight   int      // bytes of all literals
	form     *regexp.Regexp
}

// verb finds the holes of a format, and with its first group the number of the
// argument where the format gives one.
var verb = regexp.MustCompile(`%%|%[-+#0]*[0-9]*(?:\.[0-9]+)?(?:\[([0-9]+)\])?([a-zA-Z])`)

// newPhrase cuts a format into literals and holes.
func newPhrase(code string) *phrase {
	ph := &phrase{code: code}
	literal, from := "", 0
	for _, at := range verb.FindAllStringSubmatchIndex(code, -1) {
		literal += code[from:at[0]]
		from = at[1]
		if at[4] < 0 {
			literal += "%"
			continue
		}
		ph.literals, ph.verbs, literal = append(ph.literals, literal), append(ph.verbs, code[at[4]]), ""
	}
	ph.literals = append(ph.literals, literal+code[from:])
	for _, l := range ph.literals {
		ph.weight += len(l)
	}
	return ph
}

// match returns what stands in the holes if text has the form of the phrase.
func (ph *phrase) match(text string) (holes []string, ok bool) {
	last := ph.literals[len(ph.literals)-1]
	if len(text) < ph.weight || !strings.HasPrefix(text, ph.literals[0]) || !strings.HasSuffix(text, last) {
		return nil, false
	}
	if len(ph.verbs) == 0 {
		return nil, text == ph.code || text == last
	}
	for _, l := range ph.literals {
		if !strings.Contains(text, l) {
			return nil, false
		}
	}
	if ph.form == nil {
		var form strings.Builder
		form.WriteString("(?s)^")
		for i, v := range ph.verbs {
			form.WriteString(regexp.QuoteMeta(ph.literals[i]))
			switch v {
			case 'd':
				form.WriteString(`(-?[0-9]+)`)
			case 'q':
				form.WriteString(`("(?:[^"\\]|\\.)*"…?|'(?:[^'\\]|\\.)+')`)
			case 'U':
				form.WriteString(`(U\+[0-9A-F]+)`)
			case 'o', 'x', 'X':
				form.WriteString(`([0-9A-Fa-fx]+)`)
			default:
				form.WriteString(`(.*?)`)
			}
		}
		form.WriteString(regexp.QuoteMeta(last) + "$")
		ph.form = regexp.MustCompile(form.String())
	}
	found := ph.form.FindStringSubmatch(text)
	if found == nil {
		return nil, false
	}
	return found[1:], true
}

// words returns the phrase in a language of the screen, with its holes filled.
func (ph *phrase) words(lang string, holes []string) string {
	words := ph.italian
	if lang == "en" {
		words = ph.code
		if ph.english != "" {
			words = ph.english
		}
	}
	next := 0
	return verb.ReplaceAllStringFunc(words, func(v string) string {
		if v == "%%" {
			return "%"
		}
		n := next
		if number := verb.FindStringSubmatch(v)[1]; number != "" {
			n, _ = strconv.Atoi(number) // the form has digits alone
			n--
		}
		next = n + 1
		if n < 0 || n >= len(holes) {
			return v
		}
		return holes[n]
	})
}

// parsePhrases reads phrases.txt: sections that begin with "# ", and in them each
// text in a line of its own, under it lines with a tab, the language and the words.
// A text that begins or ends with a blank or holds a line feed stands in quotes.
func parsePhrases(text string) []*phrase {
	var all []*phrase
	section := ""
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
		case strings.HasPrefix(line, "# "):
			section = line[2:]
		case strings.HasPrefix(line, "\tit ") && len(all) > 0:
			all[len(all)-1].italian = unquoted(line[4:])
		case strings.HasPrefix(line, "\ten ") && len(all) > 0:
			all[len(all)-1].english = unquoted(line[4:])
		default:
			ph := newPhrase(unquoted(line))
			ph.section = section
			all = append(all, ph)
		}
	}
	return all
}

func unquoted(s string) string {
	if strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`) {
		if plain, err := strconv.Unquote(s); err == nil {
			return plain
		}
	}
	return s
}

// A phrasebook reads texts of the code in one language of the screen. It belongs
// to one goroutine.
type phrasebook struct {
	lang    string
	zone    *time.Location
	phrases []*phrase
	known   map[string]reading
}

// A reading is a text in the screen's words, and how many bytes of the text were
// known.
type reading struct {
	words  string
	weight int
	own    int // bytes that the outermost phrase itself knew: of two readings, the more particular one
}

func newPhrasebook(lang string) *phrasebook {
	return &phrasebook{lang: lang, zone: rome(), phrases: parsePhrases(phrasesText), known: map[string]reading{}}
}

// maxRead bounds the texts that are read, in bytes; longer ones are shown as they
// stand.
const maxRead = 16 << 10

// read returns a text of the code in the screen's words.
func (b *phrasebook) read(text string) string {
	if len(text) > maxRead {
		return text
	}
	return b.reading(text).words
}

// separator finds where one text of the code may end and the next begin: errors
// are wrapped as "what: why; what to do (cause)", and several are joined.
var separator = regexp.MustCompile(`\n| \| |; |: | \(|\)`)

// maxPieces bounds the pieces that a text is cut into.
const maxPieces = 48

// reading finds the pieces of a text that are phrases, so that as much as possible
// of it is known.
func (b *phrasebook) reading(text string) reading {
	if r, ok := b.known[text]; ok {
		return r
	}
	cuts := separator.FindAllStringIndex(text, maxPieces)
	cuts = append(cuts, []int{len(text), len(text)})
	// best[i] reads the text from the i-th cut on; the last one reads nothing.
	best := make([]reading, len(cuts)+1)
	for i := len(cuts) - 1; i >= 0; i-- {
		from := 0
		if i > 0 {
			from = cuts[i-1][1]
		}
		for j := i; j < len(cuts); j++ {
			piece, ok := b.phrase(text[from:cuts[j][0]])
			if !ok && j > i {
				continue
			}
			r := reading{words: piece.words + text[cuts[j][0]:cuts[j][1]] + best[j+1].words, weight: piece.weight + best[j+1].weight}
			if j == i || r.weight > best[i].weight {
				best[i] = r
			}
		}
	}
	b.known[text] = best[0]
	return best[0]
}

// phrase reads a text that is one phrase. Any other text is what stands between
// phrases: a name, a path, a time, a cause that nobody foresaw.
func (b *phrasebook) phrase(text string) (reading, bool) {
	var best reading
	ok := false
	for _, ph := range b.phrases {
		holes, matches := ph.match(text)
		if !matches {
			continue
		}
		weight := ph.weight
		for i, hole := range holes {
			if v := ph.verbs[i]; v == 's' || v == 'v' || v == 'w' {
				r := b.reading(hole)
				holes[i], weight = r.words, weight+r.weight
			}
		}
		if !ok || weight > best.weight || weight == best.weight && ph.weight > best.own {
			best, ok = reading{ph.words(b.lang, holes), weight, ph.weight}, true
		}
	}
	if !ok {
		return reading{words: b.local(text)}, false
	}
	return best, true
}

var (
	// moment finds the forms in which the code writes a time.
	moment = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{8}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})| [0-9:]{8}(?:\.[0-9]+)? (?:\+0000 )?UTC)`)

	// quotedText finds what is quoted from a file or a platform: it stays as it is.
	quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

// local puts the times in a text into the screen's zone, and a text that is a
// duration into words.
func (b *phrasebook) local(text string) string {
	if d, err := time.ParseDuration(text); err == nil && d >= time.Minute {
		return durationWords(d)
	}
	if text == "" || quotedText.MatchString(text) || strings.ContainsRune(text, ',') {
		return text
	}
	return moment.ReplaceAllStringFunc(text, func(s string) string {
		for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999 UTC", "2006-01-02 15:04:05.999999999 -0700 UTC"} {
			if t, err := time.Parse(form, s); err == nil {
				return t.In(b.zone).Format(clock)
			}
		}
		return s
	})
}

func durationWords(d time.Duration) string {
	hours, minutes, seconds := int(d.Hours()), int(d.Minutes())%60, (d % time.Minute).Seconds()
	var out []string
	if hours > 0 {
		out = append(out, fmt.Sprintf("%d h", hours))
	}
	if minutes > 0 {
		out = append(out, fmt.Sprintf("%d min", minutes))
	}
	if seconds > 0 {
		out = append(out, strconv.FormatFloat(seconds, 'f', -1, 64)+" s")
	}
	return strings.Join(out, " ")
}

// clock is how the screen writes a moment: day, time, zone.
const clock = "02-01-2006 15:04:05 (MST)"

// dayAndZone is how the screen writes a day apart from its times.
const dayAndZone = "02-01-2006 (MST)"

// A calendar writes the times of day of a list: the date and the zone stand in a
// line of their own wherever they change.
type calendar struct{ day string }

// at returns the time of day, and writes the date first where it is another one.
func (c *calendar) at(w io.Writer, t time.Time) string {
	t = t.In(rome())
	if day := t.Format(dayAndZone); day != c.day {
		c.day = day
		fmt.Fprintln(w, day)
	}
	return t.Format("15:04:05.000")
}

// rome returns the zone of the screen.
func rome() *time.Location {
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		return time.UTC // the program carries its own zone data
	}
	return zone
}

// read returns a text of the code in the words of the screen.
func (p *program) read(text string) string {
	if p.phrases == nil {
		p.phrases = newPhrasebook(p.lang)
	}
	return p.phrases.read(text)
}

// reason returns why a record was written, in the words of the screen: what nobody
// foresaw stands in quotes after what the record's class says.
func (p *program) reason(class, text string) string {
	words := p.read(text)
	if p.lang == "en" || p.phrases.reading(text).weight > 0 || p.phrases.reading(class).weight == 0 {
		return words
	}
	return p.read(class) + ": «" + words + "»"
}

// readAll reads several texts.
func (p *program) readAll(texts []string) []string {
	out := slices.Clone(texts)
	for i := range out {
		out[i] = p.read(out[i])
	}
	return out
}
