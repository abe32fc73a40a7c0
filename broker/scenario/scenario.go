package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/broker/alert"
	"tocsin/templates/wording"
)

// A Scenario is one prepared form. It is never changed after [Parse] returned it, and
// safe for concurrent use.
type Scenario struct {
	Name    string            // "idrogeologico"; the name of its file
	Version int               // raised with every change of a text or a value
	Title   map[string]string // in the officer's list; by language, it and en
	Source  string            // where its advice comes from
	SHA256  string            // of its file, in lower-case hexadecimal
	Fields  []Field           // in the order in which an officer is asked

	// Example and Longest are values for its fields: for tests and previews, and the
	// longest ones that people may enter.
	Example, Longest []Input

	file     string
	cap      values
	texts    []texts // Italian first; the languages of the message
	allClear []texts // nil where it has none
	lines    map[string]int
}

// Languages returns the languages of the message, Italian first: "it", "en".
func (s *Scenario) Languages() []string {
	var out []string
	for _, t := range s.texts {
		out = append(out, t.lang)
	}
	return out
}

// correction is the event code of a scenario that corrects what was said before.
const correction = "CORREZIONE"

// Follows reports whether the scenario ends or corrects an alert that is in force: its
// message is no first one.
func (s *Scenario) Follows() bool {
	return slices.Contains(s.cap.response, alert.ResponseAllClear) || s.cap.eventCode == correction
}

// A Type is the type of a field.
type Type string

// The types of fields.
const (
	TypeArea   Type = "area"   // municipalities, zones, or the province
	TypePeriod Type = "period" // from and to
	TypeLevel  Type = "level"  // a colour of the civil protection
	TypePhase  Type = "phase"  // attenzione, preallarme, allarme
	TypeChoice Type = "choice" // one of several
	TypePlace  Type = "place"  // a name, the same in every language
	TypeNumber Type = "number"
)

func types() []string {
	return []string{string(TypeArea), string(TypePeriod), string(TypeLevel), string(TypePhase), string(TypeChoice), string(TypePlace), string(TypeNumber)}
}

// A Field is one thing that an officer fills in.
type Field struct {
	Name     string
	Type     Type
	Label    map[string]string // by language, it and en
	Optional bool
	Default  string        // as a person would write it; "" for none
	Choices  []Choice      // of levels, phases and choices
	Least    float64       // of a number
	Most     float64       // of a number; of a place, its characters
	Longest  time.Duration // of a period; 0 for no limit but a week

	line, column int
}

// A Choice is one value of a field that has few.
type Choice struct {
	Key   string            // as it is written: "arancione"
	Words map[string]string // by language; of levels and phases those of package wording

	cap *values // what the choice changes; nil for nothing
}

// values are those of CAP and of our profile. The zero of each is "as before".
type values struct {
	category  []alert.Category
	eventCode string
	risk      string
	awareness int
	urgency   alert.Urgency
	severity  alert.Severity
	certainty alert.Certainty
	response  []alert.ResponseType
}

// over returns v with what o changes.
func (v values) over(o *values) values {
	if o == nil {
		return v
	}
	if o.category != nil {
		v.category = o.category
	}
	if o.response != nil {
		v.response = o.response
	}
	set(&v.eventCode, o.eventCode)
	set(&v.risk, o.risk)
	set(&v.awareness, o.awareness)
	set(&v.urgency, o.urgency)
	set(&v.severity, o.severity)
	set(&v.certainty, o.certainty)
	return v
}

func set[T comparable](to *T, v T) {
	var zero T
	if v != zero {
		*to = v
	}
}

// texts are those of one language.
type texts struct {
	lang         string
	event        []template // variants, the longest first
	headline     []template // variants, the longest first
	description  []step     // paragraphs, one variant each
	instruction  []step
	line, column int
}

// A step is one line of a text, in variants.
type step struct {
	variants []template // the longest first
	when     []condition
}

// A condition holds where a field has one of some values.
type condition struct {
	field string
	keys  []string
}

// A reader reads one file, and collects findings.
type reader struct {
	file  string
	found Findings
}

const maxFindings = 100

func (r *reader) add(rule Rule, line, column int, message, advice string) {
	if len(r.found) < maxFindings {
		r.found = append(r.found, Finding{alert.LevelError, rule, r.file, line, column, message, advice})
	}
}

func (r *reader) at(n *node, rule Rule, message, advice string) {
	r.add(rule, n.line, n.column, message, advice)
}

func (r *reader) warn(line, column int, message, advice string) {
	if len(r.found) < maxFindings {
		r.found = append(r.found, Finding{alert.LevelWarning, RuleWording, r.file, line, column, message, advice})
	}
}

// Parse reads a scenario file strictly and holds it against the rules of the format.
// file is its name, for the findings; without folder and ".yaml" it is the name of the
// scenario. Where a finding is an error there is no scenario.
func Parse(file string, src []byte) (*Scenario, Findings) {
	r := &reader{file: file}
	root := r.read(src)
	if root == nil {
		return nil, r.found
	}
	s := r.scenario(root)
	if r.found.Err() == nil {
		r.check(s)
	}
	slices.SortStableFunc(r.found, func(a, b Finding) int { return a.Line - b.Line })
	if r.found.Err() != nil {
		return nil, r.found
	}
	sum := sha256.Sum256(src)
	s.SHA256 = hex.EncodeToString(sum[:])
	return s, r.found
}

// nameForm is what names of scenarios, fields and choices have.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// mapOf returns a mapping, and reports keys that are not among those allowed, and those
// that must be there and are not.
func (r *reader) mapOf(n *node, must, may string) *node {
	if n == nil || n.kind != mapping {
		if n != nil {
			r.at(n, RuleValue, "keys and their values are expected here", "write KEY: VALUE in lines that are indented alike")
		}
		return &node{kind: mapping}
	}
	all := append(strings.Fields(must), strings.Fields(may)...)
	for _, e := range n.entries {
		if !slices.Contains(all, e.key.text) {
			r.at(e.key, RuleKey, fmt.Sprintf("the key %q is not known here", shortened(e.key.text)), "write one of "+strings.Join(all, ", "))
		}
	}
	for _, key := range strings.Fields(must) {
		if v := n.get(key); v == nil || v.kind == scalar && v.empty {
			r.at(n, RuleMissing, fmt.Sprintf("the key %q is missing", key), "add it")
		}
	}
	return n
}

// text returns a text of one line, "" after a finding.
func (r *reader) text(n *node) string {
	switch {
	case n == nil || n.kind == scalar && n.empty:
		return ""
	case n.kind != scalar:
		r.at(n, RuleValue, "a text is expected here", "write it in one line, in double quotes")
		return ""
	case strings.TrimSpace(n.text) == "" || n.text != strings.TrimSpace(n.text) || strings.Contains(n.text, "\n"):
		r.at(n, RuleValue, "the text is empty, has blanks around it or several lines", "write it in one line, in double quotes")
		return ""
	}
	return n.text
}

// words returns texts by language; Italian and English must be there.
func (r *reader) words(n *node) map[string]string {
	out := map[string]string{}
	if n == nil {
		return out
	}
	m := r.mapOf(n, "it en", "de fr")
	for _, e := range m.entries {
		out[e.key.text] = r.text(e.value)
	}
	return out
}

// list returns the entries of a list; one text alone is a list of one.
func (r *reader) list(n *node) []*node {
	switch {
	case n == nil || n.kind == scalar && n.empty:
		return nil
	case n.kind == list:
		return n.items
	case n.kind == scalar:
		return []*node{n}
	}
	r.at(n, RuleValue, "a list is expected here", "write its entries in brackets, or each in a line after a hyphen")
	return nil
}

func (r *reader) number(n *node) float64 {
	f, err := strconv.ParseFloat(r.text(n), 64)
	if n != nil && (err != nil || f < 0 || f > 1e9) {
		r.at(n, RuleValue, "a number is expected here", "write digits alone, up to 1000000000")
		return 0
	}
	return f
}

func (r *reader) truth(n *node) bool {
	v := r.text(n)
	if n != nil && v != "true" && v != "false" {
		r.at(n, RuleValue, "it is neither true nor false", "write one of them")
	}
	return v == "true"
}

func (r *reader) scenario(root *node) *Scenario {
	m := r.mapOf(root, "scenario version title source cap fields texts example longest", "allclear")
	s := &Scenario{file: r.file, lines: map[string]int{}}
	for _, e := range m.entries {
		s.lines[e.key.text] = e.key.line
	}
	s.Name = r.text(m.get("scenario"))
	base := strings.TrimSuffix(r.file[strings.LastIndexAny(r.file, `/\`)+1:], ".yaml")
	switch n := m.get("scenario"); {
	case n == nil:
	case !nameForm.MatchString(s.Name):
		r.at(n, RuleName, fmt.Sprintf("%q is no name", shortened(s.Name)), "use lower-case letters, digits and hyphens, a letter first")
	case s.Name != base:
		r.at(n, RuleName, fmt.Sprintf("the scenario is called %q, and its file %q", s.Name, base), "give both one name")
	}
	if n := m.get("version"); n != nil {
		if s.Version = int(r.number(n)); s.Version < 1 || float64(s.Version) != r.number(n) {
			r.at(n, RuleValue, "the version is no whole number from 1 on", "begin with 1, and raise it with every change")
		}
	}
	s.Title, s.Source = r.words(m.get("title")), r.text(m.get("source"))
	if n := m.get("cap"); n != nil {
		s.cap = r.values(n, "category event_code risk urgency severity certainty response", "awareness_type")
	}
	s.Fields = r.fields(m.get("fields"))
	s.texts = r.allTexts(m.get("texts"), "event headline description instruction")
	if n := m.get("allclear"); n != nil {
		s.allClear = r.allTexts(n, "headline description instruction")
	}
	s.Example, s.Longest = r.inputs(m.get("example")), r.inputs(m.get("longest"))
	return s
}

func (r *reader) values(n *node, must, may string) values {
	m := r.mapOf(n, must, may)
	var v values
	for _, c := range r.list(m.get("category")) {
		v.category = append(v.category, one(r, c, alert.Category(r.text(c)), alert.Category.Valid, "Met, Geo, Fire, Safety, Health, Transport, Infra, Security, Rescue, Env, CBRNE, Other"))
	}
	for _, c := range r.list(m.get("response")) {
		v.response = append(v.response, one(r, c, alert.ResponseType(r.text(c)), alert.ResponseType.Valid, "Shelter, Evacuate, Prepare, Execute, Avoid, Monitor, AllClear, None"))
	}
	v.eventCode, v.risk = r.text(m.get("event_code")), r.text(m.get("risk"))
	v.urgency = one(r, m.get("urgency"), alert.Urgency(r.text(m.get("urgency"))), alert.Urgency.Valid, "Immediate, Expected, Future, Past, Unknown")
	v.severity = one(r, m.get("severity"), alert.Severity(r.text(m.get("severity"))), alert.Severity.Valid, "Extreme, Severe, Moderate, Minor, Unknown")
	v.certainty = one(r, m.get("certainty"), alert.Certainty(r.text(m.get("certainty"))), alert.Certainty.Valid, "Observed, Likely, Possible, Unlikely, Unknown")
	if n := m.get("awareness_type"); n != nil {
		if v.awareness = int(r.number(n)); awarenessType(v.awareness) == "" {
			r.at(n, RuleValue, "it is no type of MeteoAlarm", "write a number from 1 to 13 but 11, or leave the key out")
		}
	}
	return v
}

// one returns v where it is a value of CAP.
func one[T ~string](r *reader, n *node, v T, valid func(T) bool, all string) T {
	if n != nil && !valid(v) {
		r.at(n, RuleValue, fmt.Sprintf("%q is no value of CAP for this", shortened(string(v))), "write one of "+all)
	}
	return v
}

const maxFields = 20

func (r *reader) fields(n *node) []Field {
	if n == nil {
		return nil
	}
	var out []Field
	if n.kind != mapping || len(n.entries) > maxFields {
		r.at(n, RuleValue, fmt.Sprintf("fields are expected here, at most %d", maxFields), "write NAME: and under it type and label")
		return nil
	}
	for _, e := range n.entries {
		out = append(out, r.field(e))
	}
	return out
}

func (r *reader) field(e entry) Field {
	f := Field{Name: e.key.text, line: e.key.line, column: e.key.column}
	if !nameForm.MatchString(f.Name) {
		r.at(e.key, RuleName, fmt.Sprintf("%q is no name", shortened(f.Name)), "use lower-case letters, digits and hyphens, a letter first")
	}
	f.Type = Type(r.text(e.value.get("type")))
	may := map[Type]string{
		TypePeriod: "longest", TypeLevel: "choices", TypeChoice: "choices", TypePlace: "most", TypeNumber: "least most",
	}[f.Type]
	m := r.mapOf(e.value, "type label", "optional default "+may)
	if n := m.get("type"); n != nil && !slices.Contains(types(), string(f.Type)) {
		r.at(n, RuleValue, fmt.Sprintf("%q is no type of a field", shortened(string(f.Type))), "write one of "+strings.Join(types(), ", "))
	}
	f.Label, f.Optional, f.Default = r.words(m.get("label")), r.truth(m.get("optional")), r.text(m.get("default"))
	f.Least, f.Most = r.number(m.get("least")), r.number(m.get("most"))
	if f.Type == TypePlace && f.Most == 0 {
		f.Most = 80
	}
	if f.Type == TypeNumber && f.Most == 0 {
		f.Most = 1e9
	}
	if n := m.get("longest"); n != nil {
		var err error
		if f.Longest, err = duration(r.text(n)); err != nil {
			r.at(n, RuleValue, "it is no duration", "write hours or days, such as 48h or 2d")
		}
	}
	switch f.Type {
	case TypeLevel, TypeChoice:
		f.Choices = r.choices(m, f.Type)
	case TypePhase:
		for _, p := range wording.Phases() {
			f.Choices = append(f.Choices, Choice{Key: p, Words: phaseWords(p)})
		}
	case TypeArea, TypePeriod, TypePlace, TypeNumber:
	}
	if f.Optional && (f.Type == TypeArea || f.Type == TypePeriod) {
		r.at(e.key, RuleValue, "where and when are never optional", "delete optional")
	}
	return f
}

func (r *reader) choices(m *node, t Type) []Choice {
	n := m.get("choices")
	if n == nil || n.kind != mapping || len(n.entries) == 0 {
		r.at(m, RuleMissing, "the field has no choices", "write them under choices")
		return nil
	}
	var out []Choice
	for _, e := range n.entries {
		c := Choice{Key: e.key.text}
		switch {
		case t == TypeLevel && levelOf(c.Key) == wording.Unrated:
			r.at(e.key, RuleValue, fmt.Sprintf("%q is no colour of the civil protection", shortened(c.Key)), "write one of verde, gialla, arancione, rossa")
		case !nameForm.MatchString(c.Key):
			r.at(e.key, RuleName, fmt.Sprintf("%q is no name", shortened(c.Key)), "use lower-case letters, digits and hyphens, a letter first")
		}
		var v *node
		if t == TypeLevel {
			c.Words = levelWords(levelOf(c.Key))
			if !e.value.empty {
				v = r.mapOf(e.value, "", "cap").get("cap")
			}
		} else {
			body := r.mapOf(e.value, "it en", "de fr cap")
			c.Words = map[string]string{}
			for _, w := range body.entries {
				if w.key.text != "cap" {
					c.Words[w.key.text] = r.text(w.value)
				}
			}
			v = body.get("cap")
		}
		if v != nil {
			change := r.values(v, "", "category event_code risk urgency severity certainty response awareness_type")
			c.cap = &change
		}
		out = append(out, c)
	}
	return out
}

func (r *reader) allTexts(n *node, must string) []texts {
	if n == nil {
		return nil
	}
	m := r.mapOf(n, "it en", "de fr")
	var out []texts
	for _, lang := range wording.Languages() { // Italian first
		if t := m.get(lang); t != nil {
			out = append(out, r.texts(lang, t, must))
		}
	}
	return out
}

func (r *reader) texts(lang string, n *node, must string) texts {
	m := r.mapOf(n, must, "event")
	t := texts{lang: lang, line: n.line, column: n.column}
	for _, v := range r.list(m.get("event")) {
		r.text(v)
		t.event = append(t.event, r.template(v))
	}
	for _, v := range r.list(m.get("headline")) {
		r.text(v)
		t.headline = append(t.headline, r.template(v))
	}
	for _, v := range r.list(m.get("description")) {
		t.description = append(t.description, r.step(v))
	}
	for _, v := range r.list(m.get("instruction")) {
		t.instruction = append(t.instruction, r.step(v))
	}
	return t
}

// step reads a text, its variants in a list, or either with a condition.
func (r *reader) step(n *node) step {
	var s step
	body := n
	if n.kind == mapping {
		m := r.mapOf(n, "text", "when")
		body = m.get("text")
		if w := m.get("when"); w != nil && w.kind == mapping {
			for _, e := range w.entries {
				c := condition{field: e.key.text}
				for _, v := range r.list(e.value) {
					c.keys = append(c.keys, r.text(v))
				}
				s.when = append(s.when, c)
			}
		} else if w != nil {
			r.at(w, RuleValue, "a condition is expected here", "write it as {FIELD: [CHOICE, CHOICE]}")
		}
	}
	for _, v := range r.list(body) {
		r.text(v)
		s.variants = append(s.variants, r.template(v))
	}
	if len(s.variants) == 0 {
		r.at(n, RuleValue, "the line is empty", "write its text, or delete it")
	}
	return s
}

// An Input is what a person wrote for a field.
type Input struct{ Field, Text string }

func (r *reader) inputs(n *node) []Input {
	if n == nil {
		return nil
	}
	if n.kind != mapping {
		r.at(n, RuleValue, "keys and their values are expected here", "write KEY: VALUE in lines that are indented alike")
		return nil
	}
	var out []Input
	for _, e := range n.entries {
		var all []string
		for _, v := range r.list(e.value) {
			all = append(all, r.text(v))
		}
		out = append(out, Input{e.key.text, strings.Join(all, ", ")})
	}
	return out
}

func levelOf(key string) wording.Level {
	l, _ := wording.LevelOf(key, "", "")
	if key == "" {
		return wording.Unrated
	}
	return l
}

func levelWords(l wording.Level) map[string]string {
	out := map[string]string{}
	for _, lang := range wording.Languages() {
		out[lang] = wording.For(lang).Colour(l)
	}
	return out
}

func phaseWords(p string) map[string]string {
	out := map[string]string{}
	for _, lang := range wording.Languages() {
		out[lang] = wording.For(lang).Phase(p)
	}
	return out
}

// awarenessType returns a type of awareness as MeteoAlarm writes it: "13; rain-flood".
func awarenessType(n int) string {
	name := map[int]string{
		1: "Wind", 2: "snow-ice", 3: "Thunderstorm", 4: "Fog", 5: "high-temperature", 6: "low-temperature", 7: "coastalevent",
		8: "forest-fire", 9: "avalanches", 10: "Rain", 12: "flooding", 13: "rain-flood",
	}[n]
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%d; %s", n, name)
}
