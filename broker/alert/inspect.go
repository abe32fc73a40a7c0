package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Inspect reads a document of anyone, as [Import] does, and returns all that is to be
// said of it: what the schema of its version forbids, what the prose of the standard
// asks, what Google asks of public alerts, and what we ask of ourselves. Each finding
// has the severity that [Rules] gives its rule, and those that break the schema are of
// [LevelError] in any case.
//
// The message is nil where the document can't be read at all. Where it is not, it holds
// what could be read, also when there are errors, and is good for looking at only.
func Inspect(raw []byte) (*Message, Findings) {
	m, found := read(raw, foreignLimits(), modeInspect)
	if m != nil {
		m.foreign = true
	}
	if len(raw) > foreignLimits().bytes {
		return m, found
	}
	_, broken := CheckSchema(raw)
	worst := map[string]bool{}
	for _, f := range found {
		worst[f.Path] = worst[f.Path] || f.Severity == LevelError
	}
	rep := &report{findings: found, paths: map[string]bool{}, counts: map[Level]int{}}
	for _, f := range broken {
		if !worst[f.Path] {
			rep.add(f)
		}
	}
	return m, rep.sorted()
}

// profile holds m against what Google asks of public alerts, and what the standard only advises.
// Doubtful has the elements that have a finding already.
func profile(m *Message, doubtful map[string]bool) Findings {
	c := checker{counts: map[Level]int{}, comparisons: mostComparisons}
	if m.Status.Valid() && m.Status != StatusActual {
		c.warn(RuleNotShown, "alert/status", "is "+string(m.Status)+", and public services show only Actual", "nothing, where that is meant")
	}
	if m.Scope.Valid() && m.Scope != ScopePublic {
		c.warn(RuleNotShown, "alert/scope", "is "+string(m.Scope)+", and public services show only Public", "nothing, where that is meant")
	}
	if _, offset := m.Sent.Zone(); offset == 0 && !m.Sent.IsZero() && m.Sent.Location() == time.UTC {
		c.warn(RuleUTCTime, "alert/sent", "is in UTC, so that nobody sees what time it was there", "write local time with its offset, such as +01:00")
	}
	for i := range m.Infos {
		c.publicInfo(m, i, doubtful)
		// An area is drawn alike in every language: one look is enough.
		if !slices.ContainsFunc(m.Infos[:i], func(before Info) bool { return sameShapes(&before, &m.Infos[i]) }) {
			c.overlaps(&m.Infos[i], fmt.Sprintf("alert/info[%d]", i+1))
		}
	}
	c.contradictions(m)
	return c.found
}

func sameShapes(a, b *Info) bool {
	return slices.EqualFunc(a.Areas, b.Areas, func(x, y Area) bool { return slices.EqualFunc(x.Polygons, y.Polygons, slices.Equal[Polygon]) })
}

func (c *checker) publicInfo(m *Message, i int, doubtful map[string]bool) {
	in, path := &m.Infos[i], fmt.Sprintf("alert/info[%d]", i+1)
	for _, missing := range []struct {
		rule                  Rule
		absent                bool
		element, what, advice string
	}{
		{RuleWeb, in.Web == "", "web", "is missing, so that nobody can read on", "add the address of the page"},
		{RuleContact, in.Contact == "", "contact", "is missing", "add whom to ask"},
		{RuleResponseType, len(in.ResponseTypes) == 0, "responseType", "is missing", "say what people are to do, such as Shelter"},
		{RuleInstructionText, in.Instruction == "", "instruction", "is missing, so that people don't know what to do", "add what to do"},
	} {
		if missing.absent {
			c.warn(missing.rule, path+"/"+missing.element, missing.what, missing.advice)
		}
	}
	for j := range m.Infos[:i] {
		// Where the language was not said, the texts may be in the other one.
		unsaid := doubtful[path+"/language"] || doubtful[fmt.Sprintf("alert/info[%d]/language", j+1)]
		if other := &m.Infos[j]; !unsaid && !sameLanguage(other.Language, in.Language) {
			c.sameTexts(in, other, path)
		}
	}
	for j := range in.Areas {
		c.publicArea(&in.Areas[j], fmt.Sprintf("%s/area[%d]", path, j+1))
	}
}

// sameTexts warns of texts that in shares with one in another language.
func (c *checker) sameTexts(in, other *Info, path string) {
	for _, t := range []struct{ element, text, before string }{
		{"event", in.Event, other.Event}, {"headline", in.Headline, other.Headline},
		{"description", in.Description, other.Description}, {"instruction", in.Instruction, other.Instruction},
	} {
		if t.text != "" && t.text == t.before {
			c.warn(RuleSameText, path+"/"+t.element, "is the same as in "+other.Language, "translate it")
		}
	}
}

func (c *checker) publicArea(a *Area, path string) {
	const short = 50 // characters
	if n := utf8.RuneCountInString(a.Desc); n >= short {
		c.warn(RuleAreaLength, path+"/areaDesc", fmt.Sprintf("has %d characters, and maps show fewer than %d", n, short), "shorten it")
	}
	if len(a.Polygons)+len(a.Circles) == 0 && len(a.Geocodes) > 0 {
		c.warn(RuleGeocodeAlone, path, "has a geocode and no shape, so that only those who know the code find it", "add a polygon or a circle")
	}
	for i, p := range a.Polygons {
		for _, point := range p {
			if !fewDecimals(point) {
				c.warn(RuleDecimals, fmt.Sprintf("%s/polygon[%d]", path, i+1), point.String()+" has more than six decimals, which is finer than anyone can draw", "round the coordinates")
				break
			}
		}
	}
	for i, circle := range a.Circles {
		if !fewDecimals(circle.Center) {
			c.warn(RuleDecimals, fmt.Sprintf("%s/circle[%d]", path, i+1), circle.Center.String()+" has more than six decimals, which is finer than anyone can draw", "round the coordinates")
		}
	}
}

// fewDecimals reports whether both coordinates have at most six decimals.
func fewDecimals(p Point) bool {
	for _, f := range []float64{p.Lat, p.Lon} {
		if _, decimals, _ := strings.Cut(formatNumber(f), "."); len(decimals) > 6 {
			return false
		}
	}
	return true
}
