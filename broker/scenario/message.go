package scenario

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/templates/wording"
)

// A Frame is who issues a message, and when.
type Frame struct {
	Identifier string
	Sender     string // as CAP has it
	Office     string // as the public is shown it
	Sent       time.Time
	Location   *time.Location
	Drill      wording.Drill // how the texts are marked
}

// Wordings are the author's shorter wordings of headlines and steps: by the language
// of an info, then by the text that stands in the message, the longest first.
type Wordings map[string]map[string][]string

// Message puts the message together: one info for each language, each with the longest
// variants that the values allow. The same values and frame give the same message. It
// is of type Alert; it is checked where it is written.
func (s *Scenario) Message(v *Values, f Frame) (*alert.Message, Wordings) {
	m := &alert.Message{
		Version: alert.CAP12, Identifier: f.Identifier, Sender: f.Sender, Sent: f.Sent.In(f.Location).Truncate(time.Second),
		Status: alert.StatusActual, MsgType: alert.MsgAlert, Scope: alert.ScopePublic,
	}
	switch f.Drill {
	case wording.Exercise:
		m.Status, m.Note = alert.StatusExercise, "Esercitazione: "+s.Title["it"]
	case wording.Test:
		m.Status, m.Note = alert.StatusTest, "Test: "+s.Title["it"]
	case wording.Real:
	}
	all := Wordings{}
	for i := range s.texts {
		info, shorter := s.info(v, &s.texts[i], f, m.Sent)
		m.Infos = append(m.Infos, info)
		all[info.Language] = shorter
	}
	return m, all
}

// AllClear returns the message that ends the alert: one info for each language, none
// where the scenario has no such texts. It holds from the Frame's Sent until the end that
// is given, and says no level and no phase: the danger is over. It is an Update, still
// without references.
func (s *Scenario) AllClear(v *Values, until time.Time, f Frame) (*alert.Message, Wordings) {
	m, _ := s.Message(v, f)
	m.MsgType, m.Infos = alert.MsgUpdate, nil
	all := Wordings{}
	for i := range s.allClear {
		t := s.allClear[i]
		if at := slices.IndexFunc(s.texts, func(other texts) bool { return other.lang == t.lang }); len(t.event) == 0 && at >= 0 {
			t.event = s.texts[at].event
		}
		in, shorter := s.info(v, &t, f, m.Sent)
		in.ResponseTypes, in.Urgency, in.Certainty = []alert.ResponseType{alert.ResponseAllClear}, alert.UrgencyPast, alert.CertaintyObserved
		in.Severity, in.Onset, in.Expires = alert.SeverityMinor, time.Time{}, until.In(f.Location)
		in.Parameters = slices.DeleteFunc(in.Parameters, func(p alert.NamedValue) bool {
			return p.Name == "livello_allerta" || p.Name == "awareness_level" || p.Name == "fase_operativa"
		})
		m.Infos = append(m.Infos, in)
		all[in.Language] = shorter
	}
	return m, all
}

func tag(lang string) string {
	return map[string]string{"it": "it-IT", "en": "en-GB", "de": "de-DE", "fr": "fr-FR"}[lang]
}

func (s *Scenario) info(v *Values, t *texts, f Frame, sent time.Time) (alert.Info, map[string][]string) {
	words := wording.For(t.lang)
	p := printer{v, words, sent, f.Location}
	c := s.cap
	for i := range s.Fields {
		if choice := v.all[s.Fields[i].Name].choice; choice != nil {
			c = c.over(choice.cap)
		}
	}
	period := v.all[s.fieldOf(TypePeriod).Name]
	event := ""
	if lines := p.variants(t.event); len(lines) > 0 {
		event = lines[0]
	}
	in := alert.Info{
		Language: tag(t.lang), Categories: slices.Clone(c.category), Event: event, ResponseTypes: slices.Clone(c.response),
		Urgency: c.urgency, Severity: c.severity, Certainty: c.certainty,
		EventCodes: []alert.NamedValue{{Name: "RISCHIO", Value: c.eventCode}},
		Onset:      period.from.In(f.Location), Expires: period.to.In(f.Location), SenderName: f.Office,
		Parameters: s.parameters(v, c), Areas: s.areas(v, t.lang),
	}
	shorter := map[string][]string{}
	if lines := p.variants(t.headline); len(lines) > 0 {
		mark := ""
		if word := words.DrillWord(f.Drill); word != "" {
			mark = word + ": "
		}
		at := slices.IndexFunc(lines, func(line string) bool { return utf8.RuneCountInString(mark+line) <= aimHeadline })
		if at < 0 {
			at = len(lines) - 1
		}
		in.Headline = mark + lines[at]
		shorter[lines[at]] = lines[at+1:] // posts say the word of a drill in a line of its own
	}
	in.Description = strings.Join(p.lines(t.description, nil), "\n\n")
	steps := p.lines(t.instruction, shorter)
	for i := range steps {
		steps[i] = "- " + steps[i]
	}
	if proviso := words.DrillProviso(f.Drill); proviso != "" {
		steps = append([]string{proviso}, steps...)
	}
	in.Instruction = strings.Join(steps, "\n")
	return in, shorter
}

// parameters returns those of our profile. The colour says nothing of the phase.
func (s *Scenario) parameters(v *Values, c values) []alert.NamedValue {
	var out []alert.NamedValue
	add := func(name, value string) {
		if value != "" {
			out = append(out, alert.NamedValue{Name: name, Value: value})
		}
	}
	level := wording.Unrated
	if f := s.fieldOf(TypeLevel); f != nil && v.all[f.Name].choice != nil {
		level = levelOf(v.all[f.Name].choice.Key)
		add("livello_allerta", v.all[f.Name].choice.Key)
	}
	add("rischio", c.risk)
	for _, zone := range v.zones() {
		add("zona_allerta", zone)
	}
	if f := s.fieldOf(TypePhase); f != nil && v.all[f.Name].choice != nil {
		add("fase_operativa", v.all[f.Name].choice.Key)
	}
	add("awareness_level", awarenessLevel(level))
	add("awareness_type", awarenessType(c.awareness))
	if c.awareness != 0 {
		// It stands with no area: a geocode is an area that is warned, and this one is a
		// whole region.
		for _, region := range v.regions() {
			add("EMMA_ID", region)
		}
	}
	return out
}

// awarenessLevel returns a colour as MeteoAlarm writes it, "" for none.
func awarenessLevel(l wording.Level) string {
	switch l {
	case wording.Green:
		return "1; green; Minor"
	case wording.Yellow:
		return "2; yellow; Moderate"
	case wording.Orange:
		return "3; orange; Severe"
	case wording.Red:
		return "4; red; Extreme"
	}
	return ""
}

// zones returns the alert zones of all places, in their order.
func (v *Values) zones() []string {
	var out []string
	for _, p := range v.places() {
		out = append(out, p.Zones...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// regions returns the regions of MeteoAlarm in which the places lie, as far as they are
// known.
func (v *Values) regions() []string {
	var out []string
	for _, p := range v.places() {
		if p.emma != "" {
			out = append(out, p.emma)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (v *Values) places() []*Place { return v.all[v.s.fieldOf(TypeArea).Name].places }

// emma is the region of MeteoAlarm that holds the Province of Savona.
const emma = "IT007"

func (s *Scenario) areas(v *Values, lang string) []alert.Area {
	var out []alert.Area
	for _, p := range v.places() {
		a := alert.Area{Desc: p.Name(lang)}
		for _, ring := range p.polygons {
			a.Polygons = append(a.Polygons, slices.Clone(ring))
		}
		add := func(name, value string) { a.Geocodes = append(a.Geocodes, alert.NamedValue{Name: name, Value: value}) }
		switch p.Kind {
		case Zone:
			add("ZONA_ALLERTA", p.Code)
		case Province:
			add("NUTS3", p.Code)
		case Municipality:
		}
		for _, code := range p.Codes {
			add("ISTAT", code)
		}
		out = append(out, a)
	}
	return out
}

// aimHeadline is the most characters of a headline that CAP asks for.
const aimHeadline = 160

// A printer fills texts of one language.
type printer struct {
	v     *Values
	words wording.Words
	sent  time.Time
	zone  *time.Location
}

// lines returns the longest variant of each line that holds; the shorter ones of each
// go into shorter, if there is such a map.
func (p printer) lines(all []step, shorter map[string][]string) []string {
	var out []string
	for _, s := range all {
		if !p.holds(s.when) {
			continue
		}
		lines := p.variants(s.variants)
		if len(lines) == 0 {
			continue
		}
		out = append(out, lines[0])
		if shorter != nil && len(lines) > 1 {
			shorter[lines[0]] = lines[1:]
		}
	}
	return out
}

func (p printer) holds(when []condition) bool {
	for _, c := range when {
		if choice := p.v.all[c.field].choice; choice == nil || !slices.Contains(c.keys, choice.Key) {
			return false
		}
	}
	return true
}

// variants returns those of t whose fields all have values.
func (p printer) variants(t []template) []string {
	var out []string
	for _, one := range t {
		if line, ok := p.fill(one); ok && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

func (p printer) fill(t template) (string, bool) {
	var b strings.Builder
	for _, part := range t.parts {
		b.WriteString(part.text)
		if part.field == "" {
			continue
		}
		word, ok := p.field(part.field, part.facet)
		if !ok {
			return "", false
		}
		b.WriteString(word)
	}
	r, n := utf8.DecodeRuneInString(b.String())
	return string(unicode.ToUpper(r)) + b.String()[n:], true
}

// field returns the value of a field in words; false where it has none.
func (p printer) field(name, facet string) (string, bool) {
	f, v := p.v.s.field(name), p.v.all[name]
	switch f.Type {
	case TypeArea:
		return p.area(v.places, facet), true
	case TypePeriod:
		return p.period(v.from.In(p.zone), v.to.In(p.zone), facet), true
	case TypeLevel, TypePhase, TypeChoice:
		if v.choice == nil {
			return "", false
		}
		return v.choice.Words[p.words.Lang], true
	case TypePlace:
		return v.text, v.text != ""
	case TypeNumber:
		return p.words.Number(v.text), v.text != ""
	}
	return "", false
}

func (p printer) area(all []*Place, facet string) string {
	var names []string
	codes := map[string]bool{}
	alike := true
	for i, place := range all {
		names = append(names, place.Name(p.words.Lang))
		alike = alike && (i == 0 || place.Kind == Municipality)
		for _, code := range place.Codes {
			codes[code] = true
		}
	}
	switch rest := len(all) - 1; {
	case facet == "count":
		return p.words.Number(strconv.Itoa(len(codes)))
	case facet == "first" && rest > 0 && alike:
		return names[0] + " " + p.words.OtherMunicipalities(rest)
	case facet == "first" && rest > 0:
		return names[0] + " " + p.words.Others(rest)
	}
	return p.words.List(names)
}

func (p printer) period(from, to time.Time, facet string) string {
	switch facet {
	case "from":
		return p.words.Moment(from)
	case "to":
		return p.words.Moment(to)
	}
	period := wording.Period{From: from, Until: to}
	if !from.After(p.sent) {
		period.From = time.Time{}
	}
	return p.words.Period(period)
}
