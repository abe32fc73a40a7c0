// Package places knows where the places of a territory are: the outlines of its
// municipalities with their names and official codes, and the outline of the whole.
//
// It draws nothing and decides nothing about an alert. The card draws maps from it;
// whatever turns the name of a place into an area starts here too. ORIGIN.md says
// where the data come from and under which licence.
package places

import (
	_ "embed" // the data are part of the program
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

//go:embed savona.topo.json
var savona []byte

// A Point is a place on the earth in degrees (WGS 84).
type Point struct{ Lat, Lon float64 }

// A Ring is the border of an area; the last point repeats the first. It crosses
// neither itself nor any other ring of its territory.
type Ring []Point

// A Municipality is one municipality (comune).
type Municipality struct {
	Code  string // of ISTAT, six digits: "009056"
	Name  string // "Savona"
	Rings []Ring // its parts: the mainland and islets; none has holes
}

// A Territory is a province with its municipalities. It is never changed after it
// was read, and safe for concurrent use.
type Territory struct {
	// Outline is the border around all municipalities: the mainland and islets.
	Outline []Ring
	// Municipalities are in the order of their codes. Neighbours share the points of
	// their border exactly.
	Municipalities []Municipality
	// Credit names whom a picture of the territory must name, and the licence.
	Credit string

	names map[string]string // by language
}

// Savona returns the Province of Savona. Each call reads the data anew: keep what
// it returns.
func Savona() (*Territory, error) {
	t, err := parse(savona)
	if err != nil {
		return nil, fmt.Errorf("read the outlines of the Province of Savona: %w", err)
	}
	return t, nil
}

// Name returns the name of the territory in the language of a BCP 47 tag:
// "Provincia di Savona". It is English where the data have no other.
func (t *Territory) Name(lang string) string {
	base, _, _ := strings.Cut(lang, "-")
	if name, ok := t.names[strings.ToLower(base)]; ok {
		return name
	}
	return t.names["en"]
}

// Municipality returns the municipality with a code of ISTAT, if it is one of the
// territory.
func (t *Territory) Municipality(code string) (Municipality, bool) {
	for _, m := range t.Municipalities {
		if m.Code == code {
			return m, true
		}
	}
	return Municipality{}, false
}

// A Box is what lies between two parallels and two meridians.
type Box struct{ South, West, North, East float64 }

// BoxOf returns the smallest box around rings.
func BoxOf(rings []Ring) Box {
	b := Box{South: math.Inf(1), West: math.Inf(1), North: math.Inf(-1), East: math.Inf(-1)}
	for _, ring := range rings {
		for _, p := range ring {
			b.South, b.North = min(b.South, p.Lat), max(b.North, p.Lat)
			b.West, b.East = min(b.West, p.Lon), max(b.East, p.Lon)
		}
	}
	return b
}

// Grown returns b with by degrees more on each side.
func (b Box) Grown(by float64) Box {
	return Box{b.South - by, b.West - by, b.North + by, b.East + by}
}

// Holds reports whether all of c lies in b.
func (b Box) Holds(c Box) bool {
	return c.South >= b.South && c.West >= b.West && c.North <= b.North && c.East <= b.East
}

// A topology is the part of a TopoJSON document that the data use.
type topology struct {
	Type      string            `json:"type"`
	Credit    string            `json:"credit"`
	Names     map[string]string `json:"names"`
	Transform struct {
		Scale     [2]float64 `json:"scale"`     // of longitude and latitude
		Translate [2]float64 `json:"translate"` // of longitude and latitude
	} `json:"transform"`
	Objects struct {
		Municipalities struct {
			Geometries []geometry `json:"geometries"`
		} `json:"municipalities"`
		Outline geometry `json:"outline"`
	} `json:"objects"`
	Arcs [][][2]int `json:"arcs"`
}

// A geometry is always a MultiPolygon here: parts, their rings, their arcs. An arc
// is counted from 0; ^n is arc n backwards.
type geometry struct {
	ID         string    `json:"id"`
	Arcs       [][][]int `json:"arcs"`
	Properties struct {
		Name string `json:"name"`
	} `json:"properties"`
}

func parse(data []byte) (*Territory, error) {
	var doc topology
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if doc.Type != "Topology" || len(doc.Objects.Municipalities.Geometries) == 0 {
		return nil, errors.New("it is no TopoJSON document with municipalities")
	}
	t := &Territory{Credit: doc.Credit, names: doc.Names}
	var err error
	if t.Outline, err = doc.rings(doc.Objects.Outline); err != nil {
		return nil, fmt.Errorf("the outline: %w", err)
	}
	for _, g := range doc.Objects.Municipalities.Geometries {
		m := Municipality{Code: g.ID, Name: g.Properties.Name}
		if m.Rings, err = doc.rings(g); err != nil {
			return nil, fmt.Errorf("%s: %w", g.ID, err)
		}
		t.Municipalities = append(t.Municipalities, m)
	}
	return t, nil
}

// rings returns the rings of g, put together from their arcs.
func (doc *topology) rings(g geometry) ([]Ring, error) {
	var out []Ring
	for _, part := range g.Arcs {
		if len(part) != 1 {
			return nil, fmt.Errorf("a part has %d rings, and the data have no holes", len(part))
		}
		var ring Ring
		for _, n := range part[0] {
			points, err := doc.arc(n)
			if err != nil {
				return nil, err
			}
			if len(ring) > 0 { // an arc begins where the one before it ends
				if ring[len(ring)-1] != points[0] {
					return nil, fmt.Errorf("arc %d does not begin where the one before it ends", n)
				}
				points = points[1:]
			}
			ring = append(ring, points...)
		}
		if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
			return nil, errors.New("a ring is not closed")
		}
		out = append(out, ring)
	}
	return out, nil
}

// arc returns the points of arc n, in the direction that its sign says.
func (doc *topology) arc(n int) ([]Point, error) {
	back := n < 0
	if back {
		n = ^n
	}
	if n >= len(doc.Arcs) || len(doc.Arcs[n]) < 2 {
		return nil, fmt.Errorf("there is no arc %d", n)
	}
	out := make([]Point, len(doc.Arcs[n]))
	x, y := 0, 0
	for i, d := range doc.Arcs[n] {
		x, y = x+d[0], y+d[1]
		p := Point{
			Lon: degrees(x, doc.Transform.Scale[0], doc.Transform.Translate[0]),
			Lat: degrees(y, doc.Transform.Scale[1], doc.Transform.Translate[1]),
		}
		if back {
			i = len(out) - 1 - i
		}
		out[i] = p
	}
	return out, nil
}

// degrees returns a coordinate with five decimals, a metre, as the data have it.
func degrees(n int, scale, translate float64) float64 {
	return math.Round((float64(n)*scale+translate)*1e5) / 1e5
}
