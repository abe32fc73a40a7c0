package review

import (
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/scenarios"
)

// A change is one line of a comparison, or a run of lines that are the same.
type change struct {
	same     int    // lines that are the same; 0 for a line that is not
	old, new string // the line before and now, with marks; "" for none
}

// The marks of a comparison: they are read without colour, and by screen readers.
const (
	goneFrom, goneTo = "[-", "-]"
	newFrom, newTo   = "{+", "+}"
)

// compareLines compares two texts line by line, and word by word in lines that stand
// in each other's place.
func compareLines(before, after string) []change {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	var out []change
	var gone, come []string
	flush := func() {
		for i := range max(len(gone), len(come)) {
			switch {
			case i >= len(come):
				out = append(out, change{old: goneFrom + gone[i] + goneTo})
			case i >= len(gone):
				out = append(out, change{new: newFrom + come[i] + newTo})
			default:
				was, is := compareWords(gone[i], come[i])
				out = append(out, change{old: was, new: is})
			}
		}
		gone, come = nil, nil
	}
	i, j := 0, 0
	for _, at := range append(common(a, b), [2]int{len(a), len(b)}) {
		gone, come = append(gone, a[i:at[0]]...), append(come, b[j:at[1]]...)
		flush()
		i, j = at[0]+1, at[1]+1
		if at[0] == len(a) {
			break
		}
		if n := len(out); n > 0 && out[n-1].same > 0 {
			out[n-1].same++
		} else {
			out = append(out, change{same: 1})
		}
	}
	return out
}

// compareWords marks the words that a line lost, and those that it gained.
func compareWords(before, after string) (was, is string) {
	a, b := tokens(before), tokens(after)
	var old, cur strings.Builder
	i, j := 0, 0
	mark := func(w *strings.Builder, from string, words []string, to string) {
		if text := strings.Join(words, ""); strings.TrimSpace(text) != "" {
			w.WriteString(from + text + to)
		} else {
			w.WriteString(text)
		}
	}
	for _, at := range append(common(a, b), [2]int{len(a), len(b)}) {
		mark(&old, goneFrom, a[i:at[0]], goneTo)
		mark(&cur, newFrom, b[j:at[1]], newTo)
		if at[0] == len(a) {
			break
		}
		old.WriteString(a[at[0]])
		cur.WriteString(b[at[1]])
		i, j = at[0]+1, at[1]+1
	}
	return old.String(), cur.String()
}

// tokens cuts a line into words and what stands between them.
func tokens(s string) (out []string) {
	from, blank := 0, false
	for i, r := range s {
		if b := unicode.IsSpace(r); b != blank {
			if i > from {
				out = append(out, s[from:i])
			}
			from, blank = i, b
		}
	}
	if from < len(s) {
		out = append(out, s[from:])
	}
	return out
}

// mostCells bounds the work of a comparison; past it only what is the same at both
// ends counts as the same.
const mostCells = 4 << 20

// common returns the places of a longest common subsequence.
func common(a, b []string) (out [][2]int) {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		out = append(out, [2]int{head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x)*len(y) <= mostCells {
		long := make([][]int, len(x)+1)
		for i := range long {
			long[i] = make([]int, len(y)+1)
		}
		for i, w := range slices.Backward(x) {
			for j, v := range slices.Backward(y) {
				if w == v {
					long[i][j] = long[i+1][j+1] + 1
				} else {
					long[i][j] = max(long[i+1][j], long[i][j+1])
				}
			}
		}
		for i, j := 0, 0; i < len(x) && j < len(y); {
			switch {
			case x[i] == y[j]:
				out = append(out, [2]int{head + i, head + j})
				i, j = i+1, j+1
			case long[i+1][j] >= long[i][j+1]:
				i++
			default:
				j++
			}
		}
	}
	for n := tail; n > 0; n-- {
		out = append(out, [2]int{len(a) - n, len(b) - n})
	}
	return out
}

// A difference is what changed in the posts of some channels, which changed alike.
type difference struct {
	channels []string
	lang     string
	missing  bool     // the post is gone
	added    bool     // the post was not there before
	fields   []string // of the post beside its text that are not the same
	changes  []change
}

func (d *difference) none() bool {
	return !d.missing && !d.added && len(d.fields) == 0 && !slices.ContainsFunc(d.changes, func(c change) bool { return c.same == 0 })
}

type postKey struct {
	channel, lang string
	part          int
}

func postsByKey(b *bulletin.Bulletin) (keys []postKey, posts map[postKey]bulletin.Post) {
	posts = map[postKey]bulletin.Post{}
	of := map[[2]string]int{}
	for _, p := range b.Posts {
		// A post is the n-th of its language, so that one language more does not turn
		// all posts into others.
		pair := [2]string{p.Channel, p.Lang}
		of[pair]++
		key := postKey{p.Channel, p.Lang, of[pair]}
		keys, posts[key] = append(keys, key), p
	}
	return keys, posts
}

// since compares the posts of a bulletin with those of the one before it. The mark of
// the alert, whose number always changes, counts as the same.
func since(before, b *bulletin.Bulletin) (out []difference) {
	add := func(d difference) {
		for i := range out {
			if out[i].lang == d.lang && out[i].missing == d.missing && out[i].added == d.added && slices.Equal(out[i].fields, d.fields) && slices.Equal(out[i].changes, d.changes) {
				if !slices.Contains(out[i].channels, d.channels[0]) {
					out[i].channels = append(out[i].channels, d.channels[0])
				}
				return
			}
		}
		out = append(out, d)
	}
	oldKeys, old := postsByKey(before)
	keys, posts := postsByKey(b)
	for _, key := range keys {
		p := posts[key]
		was, ok := old[key]
		d := difference{channels: []string{key.channel}, lang: key.lang, added: !ok}
		if ok {
			d.changes = compareLines(strings.ReplaceAll(was.Text, before.Mark(), b.Mark()), p.Text)
			for _, f := range []struct{ name, was, is string }{
				{"title", was.Title, p.Title}, {"link", was.Link, p.Link}, {"image-alt", was.Alt, p.Alt}, {"image", was.Image, p.Image},
			} {
				if f.was != f.is {
					d.fields = append(d.fields, f.name)
				}
			}
		}
		add(d)
	}
	for _, key := range oldKeys {
		if _, ok := posts[key]; !ok {
			add(difference{channels: []string{key.channel}, lang: key.lang, missing: true})
		}
	}
	return out
}

// A comparison is one with a scenario's standing text.
type comparison struct {
	name        string
	lines, same int // lines of the message, and those that the scenario has as well
	texts       []standingText
}

type standingText struct {
	lang, field string
	changes     []change
}

// prepared returns with which standing text the bulletin is compared, in words, and what
// differs; false for a revocation and for what is prepared inside another bulletin, whose
// words are no scenario's.
func (r *Review) prepared() (against string, texts []standingText, ok bool) {
	b := r.Bulletin
	if b.Message.MsgType == alert.MsgCancel || b.Kind != "" {
		return "", nil, false
	}
	if f := b.Form; f != nil {
		switch s := r.o.Standing; {
		case s == nil:
			return r.say("Con lo scenario %s, versione %d, da cui viene: non confrontato.", "With the scenario %s, version %d, of which it was made: not compared.", f.Scenario, f.Version), nil, true
		case s.Message == nil:
			return r.say("Con lo scenario %s, versione %d, da cui viene: non confrontato. %s", "With the scenario %s, version %d, of which it was made: not compared. %s", f.Scenario, f.Version, s.Absent), nil, true
		case s.Version > 0:
			return r.say("Con lo scenario %s, da cui viene, e gli stessi valori. Il file dello scenario è cambiato da allora: versione %d, adesso %d:",
				"With the scenario %s, of which it was made, and the same values. The scenario's file has changed since: version %d, now %d:", f.Scenario, f.Version, s.Version), compared("", s.Message, b.Message).texts, true
		default:
			return r.say("Con lo scenario %s, versione %d, da cui viene, e gli stessi valori:", "With the scenario %s, version %d, of which it was made, and the same values:", f.Scenario, f.Version), compared("", s.Message, b.Message).texts, true
		}
	}
	c := nearest(b.Message)
	if c == nil {
		return r.say("Con lo scenario: il bollettino non dice da quale viene, e i suoi testi non somigliano a nessuno di quelli di Tocsin: non confrontato.",
			"With the scenario: the bulletin does not say which one it comes from, and its texts are like none of those of Tocsin: not compared."), nil, true
	}
	return r.say("Con lo scenario %s (il più simile, %d righe uguali su %d: il bollettino non dice da quale viene):",
		"With the scenario %s (the most alike, %d lines of %d the same: the bulletin does not say which one it comes from):", c.name, c.same, c.lines), c.texts, true
}

// nearest returns the scenario whose texts are most like those of the message, or nil
// where none is like them: for bulletins that do not name theirs.
func nearest(m *alert.Message) *comparison {
	files, err := fs.Glob(scenarios.FS, "*.cap.xml")
	if err != nil {
		return nil
	}
	var best *comparison
	for _, file := range files {
		raw, err := fs.ReadFile(scenarios.FS, file)
		if err != nil {
			continue
		}
		// A draft that nobody filled in is no message, and has no standing text.
		prepared, _, err := alert.Import(raw)
		if err != nil {
			continue
		}
		s := compared(strings.TrimSuffix(file, ".cap.xml"), prepared, m)
		if s.same*3 >= s.lines && s.lines > 0 && (best == nil || s.same > best.same) {
			best = s
		}
	}
	return best
}

// compared compares a message with a scenario, text by text.
func compared(name string, prepared, m *alert.Message) *comparison {
	s := &comparison{name: name}
	for i := range m.Infos {
		in := &m.Infos[i]
		was := prepared.Info(in.Language)
		if was == nil {
			was = &alert.Info{}
		}
		for _, f := range []struct{ name, was, is string }{
			{"event", was.Event, in.Event}, {"headline", was.Headline, in.Headline}, {"description", was.Description, in.Description},
			{"instruction", was.Instruction, in.Instruction}, {"contact", was.Contact, in.Contact},
		} {
			changes := compareLines(f.was, f.is)
			differs := false
			for _, c := range changes {
				s.same += c.same
				s.lines += c.same
				if c.new != "" {
					s.lines++
				}
				differs = differs || c.same == 0
			}
			if differs {
				s.texts = append(s.texts, standingText{in.Language, f.name, changes})
			}
		}
	}
	return s
}
