package scenario

// This file reads the areas of other provinces, which an office keeps as GeoJSON (RFC
// 7946). A file is whatever somebody exported: it is read strictly, and what is wrong is
// said with the feature and what to do, since an area that is not what it seems alerts
// the wrong people.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
)

// MaxAreasBytes bounds a file of areas.
const MaxAreasBytes = 32 << 20

// The other bounds on a file of areas: a province with 300 municipalities has 300,000
// points.
const (
	maxAreasDepth  = 16
	maxFeatures    = 2_000
	maxParts       = 200
	maxRingPoints  = 20_000
	maxTotalPoints = 500_000
	maxNameLetters = 80
)

// The box around Italy, in degrees. What lies outside was written with the latitude
// first, or in metres.
const (
	southOfItaly, northOfItaly = 35.0, 48.0
	westOfItaly, eastOfItaly   = 6.0, 19.0
)

// spellings are the names of properties that are read, ours first, then those of the
// borders that ISTAT and openpolis publish.
var (
	nameKeys     = []string{"name", "COMUNE"}
	istatKeys    = []string{"istat", "com_istat_code", "PRO_COM_T"}
	provinceKeys = []string{"province", "prov_acr", "SIGLA"}
)

var (
	istatForm    = regexp.MustCompile(`^[0-9]{6}$`)
	codeForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.\-]{0,19}$`)
	provinceForm = regexp.MustCompile(`^[A-Z]{2}$`)
)

type collection struct {
	Type     string          `json:"type"`
	CRS      json.RawMessage `json:"crs"`
	Features []feature       `json:"features"`
}

type feature struct {
	Type     string `json:"type"`
	Geometry *struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
	Properties map[string]any `json:"properties"`
}

// With returns an atlas that knows the places of a GeoJSON file beside those of a; a
// itself stays as it is. The error names the feature and what to do: a file with one bad
// area is refused whole, so that nobody misses it when it is needed.
func (a *Atlas) With(file string, raw []byte) (*Atlas, error) {
	all, err := readAreas(raw)
	if err != nil {
		return nil, fmt.Errorf("the file of areas %s: %w", file, err)
	}
	out := &Atlas{all: slices.Clone(a.all), names: map[string][]int{}}
	for name, at := range a.names {
		out.names[name] = slices.Clone(at)
	}
	points := 0
	for i := range all.Features {
		f := &all.Features[i]
		p, names, err := f.place(&points)
		if err == nil {
			if twin := slices.IndexFunc(out.all, func(q Place) bool {
				return q.Kind == p.Kind && q.Code == p.Code && q.Name("it") == p.Name("it") || q.Kind == Municipality && p.Kind == Municipality && q.Code == p.Code
			}); twin >= 0 {
				err = fmt.Errorf("the code %s is that of %s, which is there already: leave it out", p.Code, out.all[twin].Name("it"))
			}
		}
		if err != nil {
			return nil, fmt.Errorf("the file of areas %s: feature %d (%s): %w", file, i+1, f.called(), err)
		}
		out.add(p, names...)
	}
	out.simplify(len(a.all))
	return out, nil
}

// simplify simplifies the outlines of the places from one on, those of a kind together:
// a zone has the borders of its municipalities, and many more of them.
func (a *Atlas) simplify(from int) {
	for _, kind := range []PlaceKind{Municipality, Zone} {
		var all []alert.Polygon
		for i := range a.all[from:] {
			if p := &a.all[from+i]; p.Kind == kind {
				all = append(all, p.polygons...)
			}
		}
		all = simplified(all, maxPoints)
		for i := range a.all[from:] {
			if p := &a.all[from+i]; p.Kind == kind {
				n := len(p.polygons)
				p.polygons, all = all[:n:n], all[n:]
				for j := range p.polygons {
					p.polygons[j] = rounded(p.polygons[j])
				}
			}
		}
	}
}

// readAreas reads the form of a file.
func readAreas(raw []byte) (*collection, error) {
	if len(raw) > MaxAreasBytes {
		return nil, fmt.Errorf("it has more than %d bytes: simplify the borders, or divide it into several files", MaxAreasBytes)
	}
	if err := checkJSON(raw); err != nil {
		return nil, err
	}
	all := &collection{}
	if err := json.Unmarshal(raw, all); err != nil || all.Type != "FeatureCollection" {
		return nil, errors.New("it is no GeoJSON FeatureCollection (RFC 7946): export the areas as one")
	}
	if len(all.CRS) > 0 && !bytes.Equal(all.CRS, []byte("null")) && !bytes.Contains(all.CRS, []byte(`CRS84"`)) {
		return nil, errors.New("it names a coordinate system, and is read in degrees of WGS 84 alone: export it anew in WGS 84 (EPSG:4326), as RFC 7946 has it")
	}
	switch n := len(all.Features); {
	case n == 0:
		return nil, errors.New("it holds no feature: export the areas with their names and codes")
	case n > maxFeatures:
		return nil, fmt.Errorf("it holds %d features, and %d are the limit: divide it into several files", n, maxFeatures)
	}
	return all, nil
}

// checkJSON refuses what the decoder would take in silence: a key that stands twice, of
// which the last would count, and what nests too deep.
func checkJSON(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("it is not UTF-8: export it as UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	line := func() int { return 1 + bytes.Count(raw[:dec.InputOffset()], []byte("\n")) }
	type level struct {
		keys map[string]bool // nil in a list
		key  bool            // a key comes next
	}
	var stack []level
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && len(stack) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d is no JSON: export it anew", line())
		}
		if n := len(stack); n > 0 && stack[n-1].keys != nil && token != json.Delim('}') {
			top := &stack[n-1]
			if top.key {
				key, _ := token.(string)
				if top.keys[key] {
					return fmt.Errorf("line %d: the key %q stands twice in one object: keep one", line(), shortened(key))
				}
				top.keys[key] = true
			}
			top.key = !top.key
			if !top.key {
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{map[string]bool{}, true})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
		if len(stack) > maxAreasDepth {
			return fmt.Errorf("line %d: brackets nest more than %d deep: it is not the right file", line(), maxAreasDepth)
		}
	}
}

// text returns the first of the properties that is a text, without blanks around it.
func (f *feature) text(keys ...string) string {
	for _, key := range keys {
		if s, ok := f.Properties[key].(string); ok && strings.TrimSpace(s) != "" {
			return strings.TrimSpace(s)
		}
	}
	return ""
}

// texts returns a property that is a text or a list of texts; false where it is anything
// else.
func (f *feature) texts(key string) ([]string, bool) {
	switch v := f.Properties[key].(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, true
	case []any:
		var out []string
		for _, one := range v {
			s, ok := one.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	}
	return nil, false
}

// called names a feature in an error.
func (f *feature) called() string {
	if name := f.text(append(slices.Clone(nameKeys), istatKeys...)...); name != "" {
		return shortened(name)
	}
	return "–"
}

// place returns what a feature is, and the names by which people find it.
func (f *feature) place(points *int) (Place, []string, error) {
	name, istat, zone, province, emma := f.text(nameKeys...), f.text(istatKeys...), f.text("zone"), f.text(provinceKeys...), f.text("emma_id")
	zones, zonesOK := f.texts("zones")
	held, heldOK := f.texts("municipalities")
	switch {
	case f.Type != "Feature":
		return Place{}, nil, errors.New("it is no Feature: export the areas as a FeatureCollection of features")
	case name == "":
		return Place{}, nil, errors.New("it has no name: write the property name, as the public knows the place")
	case !fitName(name):
		return Place{}, nil, fmt.Errorf("the name %q is too long, or has a comma, a semicolon or characters that nobody sees: correct it", shortened(name))
	case istat == "" && zone == "":
		return Place{}, nil, errors.New("it has no code: write the property istat (six digits) of a municipality, or zone (such as Ligu-A) of an alert zone")
	case istat != "" && zone != "":
		return Place{}, nil, errors.New("it has both istat and zone: keep the one that it is")
	case istat != "" && !istatForm.MatchString(istat):
		return Place{}, nil, fmt.Errorf("istat %q is no code of six digits, in quotes: correct it", shortened(istat))
	case zone != "" && !codeForm.MatchString(zone), emma != "" && !codeForm.MatchString(emma):
		return Place{}, nil, errors.New("zone and emma_id are codes of letters, digits and hyphens, such as Ligu-A: correct them")
	case province != "" && !provinceForm.MatchString(province):
		return Place{}, nil, fmt.Errorf("province %q is not two capital letters: correct it", shortened(province))
	case !zonesOK || slices.ContainsFunc(zones, func(s string) bool { return !codeForm.MatchString(s) }):
		return Place{}, nil, errors.New("zones is no list of codes such as Ligu-A: correct it")
	case !heldOK || slices.ContainsFunc(held, func(s string) bool { return !istatForm.MatchString(s) }):
		return Place{}, nil, errors.New("municipalities is no list of ISTAT codes of six digits, in quotes: correct it")
	}
	polygons, err := f.polygons(points)
	if err != nil {
		return Place{}, nil, err
	}
	p := Place{Kind: Municipality, Code: istat, Codes: []string{istat}, Zones: zones, name: func(string) string { return name }, polygons: polygons, emma: emma}
	names := []string{name, "comune di " + name, istat}
	p.apart = name + " (" + istat + ")"
	switch {
	case zone != "":
		p.Kind, p.Code, p.Codes, p.Zones = Zone, zone, held, []string{zone}
		names, p.apart = []string{name, zone}, name+" ("+zone+")"
	case province != "":
		p.apart = name + " (" + province + ")"
		names = append(names, name+" ("+istat+")")
	}
	return p, append(names, p.apart), nil
}

func fitName(name string) bool {
	hidden := false
	for i := range name {
		hidden = hidden || alert.Hidden(name, i) != ""
	}
	return !hidden && norm.NFC.IsNormalString(name) && utf8.RuneCountInString(name) <= maxNameLetters && !strings.ContainsAny(name, ",;\n\t<>") && folded(name) != ""
}

// polygons returns the parts of a feature as polygons of CAP. Nothing is left out and
// nothing filled up: what CAP can't say is refused.
func (f *feature) polygons(points *int) ([]alert.Polygon, error) {
	var parts [][][][]float64
	unreadable := errors.New("its coordinates are no lists of rings of points: export it anew")
	if f.Geometry == nil {
		return nil, errors.New("it has no geometry, and without one nobody knows where it is: draw it, or leave it out")
	}
	switch f.Geometry.Type {
	case "Polygon":
		var one [][][]float64
		if json.Unmarshal(f.Geometry.Coordinates, &one) != nil {
			return nil, unreadable
		}
		parts = append(parts, one)
	case "MultiPolygon":
		if json.Unmarshal(f.Geometry.Coordinates, &parts) != nil {
			return nil, unreadable
		}
	default:
		return nil, fmt.Errorf("its geometry is %q, and an area is a Polygon or a MultiPolygon: export it as one", shortened(f.Geometry.Type))
	}
	if len(parts) == 0 || len(parts) > maxParts {
		return nil, fmt.Errorf("it has %d parts, and needs 1 to %d: divide it into several features", len(parts), maxParts)
	}
	var out []alert.Polygon
	for i, part := range parts {
		if len(part) == 0 {
			return nil, unreadable
		}
		if len(part) > maxParts {
			return nil, fmt.Errorf("part %d has %d holes, and %d are the limit: divide it", i+1, len(part)-1, maxParts-1)
		}
		var rings []alert.Polygon
		for _, positions := range part {
			if *points += len(positions); len(positions) > maxRingPoints || *points > maxTotalPoints {
				return nil, fmt.Errorf("part %d has too many points: a ring has at most %d, a file %d: simplify the borders", i+1, maxRingPoints, maxTotalPoints)
			}
			ring, err := ringOf(positions)
			if err != nil {
				return nil, fmt.Errorf("part %d: %w", i+1, err)
			}
			rings = append(rings, ring)
		}
		pieces, err := withoutHoles(rings[0], rings[1:])
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
		out = append(out, pieces...)
	}
	return out, nil
}

// ringOf returns a ring of GeoJSON, in which the longitude comes first.
func ringOf(positions [][]float64) (alert.Polygon, error) {
	var ring alert.Polygon
	for i, at := range positions {
		if len(at) != 2 {
			return nil, fmt.Errorf("point %d has %d numbers, and needs two, longitude and latitude: export it without heights", i+1, len(at))
		}
		p := alert.Point{Lat: at[1], Lon: at[0]}
		if !(p.Lat >= southOfItaly && p.Lat <= northOfItaly && p.Lon >= westOfItaly && p.Lon <= eastOfItaly) {
			return nil, fmt.Errorf("point %d (%v, %v) is not in Italy: the longitude comes first, then the latitude, in degrees of WGS 84", i+1, at[0], at[1])
		}
		if len(ring) == 0 || ring[len(ring)-1] != p { // a point twice in a row says nothing
			ring = append(ring, p)
		}
	}
	if err := ring.Check(); err != nil {
		return nil, fmt.Errorf("the ring %w: repair the geometry (in QGIS: Fix geometries)", err)
	}
	if ring.Crosses() {
		return nil, errors.New("the ring crosses or touches itself: repair the geometry (in QGIS: Fix geometries)")
	}
	return ring, nil
}

// rounded returns a ring with five decimals, a metre, as long as that leaves it sound.
func rounded(ring alert.Polygon) alert.Polygon {
	const metre = 1e5
	var out alert.Polygon
	for _, p := range ring {
		p = alert.Point{Lat: math.Round(p.Lat*metre) / metre, Lon: math.Round(p.Lon*metre) / metre}
		if len(out) == 0 || out[len(out)-1] != p {
			out = append(out, p)
		}
	}
	if out.Check() != nil || out.Crosses() {
		return ring
	}
	return out
}
