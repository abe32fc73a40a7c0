package scenario

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
	"tocsin/templates/places"
)

// A PlaceKind is a kind of place.
type PlaceKind uint8

// The kinds of places.
const (
	Municipality PlaceKind = iota
	Zone                   // an alert zone, as far as it lies in the territory
	Province               // all of the territory
)

// A Place is what an area may be: it has a name, official codes, and an outline.
type Place struct {
	Kind  PlaceKind
	Code  string   // of ISTAT, of the zone, NUTS 3
	Codes []string // of ISTAT, of the municipalities in it
	Zones []string // codes of the alert zones that it is or lies in

	name     func(lang string) string
	polygons []alert.Polygon
	emma     string // the region of MeteoAlarm in which it lies; "" where nobody said
	apart    string // its name where another place is called the same; "" for one whose name is its own
}

// Name returns the name in the language of a BCP 47 tag.
func (p *Place) Name(lang string) string { return p.name(lang) }

// An Atlas knows the places of a territory by their names. It is never changed after
// it was made, and safe for concurrent use.
type Atlas struct {
	all   []Place
	names map[string][]int // folded, to the places
}

// maxPoints is the most points of a polygon in a message of ours.
const maxPoints = 100

// Savona returns the atlas of the Province of Savona.
func Savona() (*Atlas, error) {
	t, err := places.Savona()
	if err != nil {
		return nil, err
	}
	zones := t.Zones()
	zoneOf := map[string]string{}
	for _, z := range zones {
		for _, code := range z.Municipalities {
			zoneOf[code] = z.Code
		}
	}
	a := &Atlas{names: map[string][]int{}}
	var all []alert.Polygon
	for _, m := range t.Municipalities {
		all = append(all, polygons(m.Rings)...)
	}
	all = simplified(all, maxPoints)
	rings := map[string][]alert.Polygon{}
	for _, m := range t.Municipalities {
		rings[m.Code], all = all[:len(m.Rings):len(m.Rings)], all[len(m.Rings):]
		a.add(Place{Municipality, m.Code, []string{m.Code}, []string{zoneOf[m.Code]}, func(string) string { return m.Name }, rings[m.Code], emma, m.Name + " (SV)"},
			m.Name, "comune di "+m.Name, m.Name+" (SV)", m.Code)
	}
	whole := Place{Kind: Province, Code: "ITC32", name: t.Name, polygons: simplified(polygons(t.Outline), maxPoints), emma: emma}
	for _, z := range zones {
		p := Place{Zone, z.Code, z.Municipalities, []string{z.Code}, z.Name, nil, emma, ""}
		for _, code := range z.Municipalities {
			p.polygons = append(p.polygons, rings[code]...)
		}
		a.add(p, "zona "+z.Letter, "zone "+z.Letter, z.Letter, z.Code, z.Name("it"), z.Name("en"))
		whole.Codes, whole.Zones = append(whole.Codes, z.Municipalities...), append(whole.Zones, z.Code)
	}
	slices.Sort(whole.Codes)
	a.add(whole, "provincia", "province", "tutta la provincia", "whole province", t.Name("it"), t.Name("en"), "SV", "ITC32")
	return a, nil
}

func (a *Atlas) add(p Place, names ...string) {
	a.all = append(a.all, p)
	for _, n := range names {
		if at := a.names[folded(n)]; !slices.Contains(at, len(a.all)-1) {
			a.names[folded(n)] = append(at, len(a.all)-1)
		}
	}
}

// shown returns the name by which a place is picked: its own, or the longer one where
// others are called the same.
func (a *Atlas) shown(p *Place, lang string) string {
	if name := p.Name(lang); p.apart == "" || len(a.names[folded(name)]) < 2 {
		return name
	}
	return p.apart
}

// polygons returns rings as CAP has them.
func polygons(rings []places.Ring) []alert.Polygon {
	var out []alert.Polygon
	for _, ring := range rings {
		p := make(alert.Polygon, len(ring))
		for i, at := range ring {
			p[i] = alert.Point{Lat: at.Lat, Lon: at.Lon}
		}
		out = append(out, p)
	}
	return out
}

// Find returns the place with a name: a municipality, a zone ("zona B", "Ligu-B") or
// the whole ("provincia"). Capitals, accents and apostrophes may differ. The error
// names the places whose names are nearest, or all that are called so; nothing is ever
// guessed.
func (a *Atlas) Find(name string) (*Place, error) {
	switch at := a.names[folded(name)]; {
	case len(at) == 1:
		return &a.all[at[0]], nil
	case len(at) > 1:
		var choices []string
		for _, i := range at {
			choices = append(choices, a.shown(&a.all[i], "it"))
		}
		return nil, fmt.Errorf("%q is the name of more than one place: write one of %s", shortened(name), strings.Join(choices, ", "))
	}
	near := a.Near(name, 3)
	if len(near) == 0 {
		return nil, fmt.Errorf("no municipality or zone is called %q: write the name of a municipality, zona A, or provincia", shortened(name))
	}
	return nil, fmt.Errorf("no municipality or zone is called %q: did you mean %s?", shortened(name), strings.Join(near, ", "))
}

// Names returns the names of all places in a language, in the order in which they are
// shown: the whole, its zones, its municipalities by name.
func (a *Atlas) Names(lang string) []string {
	var names, first []string
	for i := range a.all {
		switch p := &a.all[i]; p.Kind {
		case Municipality:
			names = append(names, a.shown(p, lang))
		case Zone:
			first = append(first, a.shown(p, lang))
		case Province:
			first = append([]string{p.Name(lang)}, first...)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(folded(a), folded(b)) })
	return append(first, names...)
}

// Beginning returns the names in a language that begin so, or have a word that does;
// all of them for "".
func (a *Atlas) Beginning(text, lang string) []string {
	want := folded(text)
	return slices.DeleteFunc(a.Names(lang), func(name string) bool {
		return !strings.HasPrefix(folded(name), want) && !strings.Contains(folded(name), " "+want)
	})
}

// Near returns names like one that is not known, the nearest first, at most most:
// those that begin so or have such a word, then those with a letter or two apart.
func (a *Atlas) Near(name string, most int) []string {
	return nearest(name, a.Names("it"), most)
}

// nearest returns those of names that are like name.
func nearest(name string, names []string, most int) []string {
	want := folded(name)
	if want == "" {
		return nil
	}
	var out []string
	keep := func(like func(have string) bool) {
		for _, n := range names {
			if len(out) < most && !slices.Contains(out, n) && like(folded(n)) {
				out = append(out, n)
			}
		}
	}
	keep(func(have string) bool { return strings.HasPrefix(have, want) })
	keep(func(have string) bool { return strings.Contains(have, " "+want) })
	farthest := 2 + len(want)/6
	for off := 1; off <= farthest; off++ {
		keep(func(have string) bool { return distance(want, have) == off })
	}
	for off := 1; off <= farthest && len(want) > 4; off++ {
		keep(func(have string) bool {
			return slices.ContainsFunc(strings.Fields(have), func(word string) bool { return distance(want, word) == off })
		})
	}
	return out
}

// folded returns a name as names are compared: without accents, capitals, apostrophes,
// hyphens and double blanks.
func folded(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// distance returns how many letters of a must change, go or come to make b of it; two
// that changed places are one.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	const most = 80
	if len(x) > most || len(y) > most {
		return most
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
