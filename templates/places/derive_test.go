package places_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSavonaIsDerived derives savona.topo.json from the boundaries that ORIGIN.md
// names, as it says, and compares. TOCSIN_UPDATE_GOLDEN=1 writes it anew.
func TestSavonaIsDerived(t *testing.T) {
	t.Parallel()
	source := filepath.Join(vectors(t), "italy", "savona-municipalities.geojson")
	data, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	got := derive(t, data)
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile("savona.topo.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("savona.topo.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("savona.topo.json (%d bytes) is not what the boundaries give (%d bytes)", len(want), len(got))
	}
}

func vectors(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TOCSIN_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatalf("the test data of others is missing: %v", err)
		}
		t.Skip("the test data of others is not here: set TOCSIN_VECTORS")
	}
	return dir
}

// A position is longitude and latitude, as GeoJSON has them.
type position = [2]float64

type feature struct {
	Properties struct {
		Name string `json:"name"`
		Code string `json:"com_istat_code"`
	} `json:"properties"`
	Geometry struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
	rings [][]position
}

// tolerance is in degrees of latitude: 45 metres.
const tolerance = 0.0004

// A cutter divides rings into the arcs that neighbours share, and simplifies each
// arc once.
type cutter struct {
	neighbours map[position]map[position]bool
	known      map[string]int // arcs by their points
	arcs       [][]position
	uses       []int
	whole      [][]position // the arcs before they were simplified
	finer      []float64    // what the tolerance of each arc is divided by
}

// derive returns the TopoJSON document of the municipalities in a GeoJSON document.
func derive(t *testing.T, data []byte) []byte {
	t.Helper()
	var in struct {
		Features []feature `json:"features"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(in.Features, func(a, b feature) int { return cmp.Compare(a.Properties.Code, b.Properties.Code) })
	c := &cutter{neighbours: map[position]map[position]bool{}, known: map[string]int{}}
	for i := range in.Features {
		f := &in.Features[i]
		parts := make([][][]position, 1)
		var err error
		if f.Geometry.Type == "MultiPolygon" {
			err = json.Unmarshal(f.Geometry.Coordinates, &parts)
		} else {
			err = json.Unmarshal(f.Geometry.Coordinates, &parts[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if len(part) != 1 {
				t.Fatalf("%s has a hole", f.Properties.Name)
			}
			f.rings = append(f.rings, part[0])
			c.meet(part[0])
		}
	}
	var out strings.Builder
	out.WriteString(`{"type":"Topology",
"credit":"ISTAT, openpolis (CC BY)",
"names":{"it":"Provincia di Savona","en":"Province of Savona","de":"Provinz Savona","fr":"Province de Savone"},
"transform":{"scale":[0.00001,0.00001],"translate":[0,0]},
"objects":{"municipalities":{"type":"GeometryCollection","geometries":[
`)
	var border [][]int
	for i, f := range in.Features {
		var rings []string
		for _, ring := range f.rings {
			arcs := c.cut(ring)
			border = append(border, arcs)
			rings = append(rings, "["+list(arcs)+"]")
		}
		fmt.Fprintf(&out, `{"type":"MultiPolygon","id":%q,"properties":{"name":%q},"arcs":[%s]}%s`+"\n",
			f.Properties.Code, f.Properties.Name, strings.Join(rings, ","), comma(i, len(in.Features)))
	}
	c.untangle()
	out.WriteString("]},\n\"outline\":{\"type\":\"MultiPolygon\",\"arcs\":[")
	outline := c.outline(border)
	for i, arcs := range outline {
		fmt.Fprintf(&out, "[%s]%s", list(arcs), comma(i, len(outline)))
	}
	out.WriteString("]}},\n\"arcs\":[\n")
	for i, arc := range c.arcs {
		out.WriteString("[")
		x, y := 0, 0
		for j, p := range arc {
			nx, ny := int(math.Round(p[0]*1e5)), int(math.Round(p[1]*1e5))
			fmt.Fprintf(&out, "[%d,%d]%s", nx-x, ny-y, comma(j, len(arc)))
			x, y = nx, ny
		}
		out.WriteString("]" + comma(i, len(c.arcs)) + "\n")
	}
	out.WriteString("]}\n")
	return []byte(out.String())
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

func list(arcs []int) string {
	data, _ := json.Marshal(arcs) // numbers always can
	return string(data)
}

// meet notes which points stand beside which.
func (c *cutter) meet(ring []position) {
	add := func(p, q position) {
		if c.neighbours[p] == nil {
			c.neighbours[p] = map[position]bool{}
		}
		c.neighbours[p][q] = true
	}
	for i := range len(ring) - 1 {
		add(ring[i], ring[i+1])
		add(ring[i+1], ring[i])
	}
}

// cut returns the arcs of ring. Arcs end where three borders meet.
func (c *cutter) cut(ring []position) []int {
	open := ring[:len(ring)-1]
	start := slices.IndexFunc(open, func(p position) bool { return len(c.neighbours[p]) > 2 })
	if start < 0 {
		start = 0
	}
	turned := append(append(append([]position{}, open[start:]...), open[:start]...), open[start])
	var out []int
	from := 0
	for i := 1; i < len(turned); i++ {
		if len(c.neighbours[turned[i]]) > 2 || i == len(turned)-1 {
			out = append(out, c.arc(turned[from:i+1]))
			from = i
		}
	}
	return out
}

// arc returns the number of an arc, ^number where it is known the other way round.
func (c *cutter) arc(points []position) int {
	if n, ok := c.known[fmt.Sprint(points)]; ok {
		c.uses[n]++
		return n
	}
	back := slices.Clone(points)
	slices.Reverse(back)
	if n, ok := c.known[fmt.Sprint(back)]; ok {
		c.uses[n]++
		return ^n
	}
	n := len(c.arcs)
	c.known[fmt.Sprint(points)] = n
	c.arcs = append(c.arcs, simplified(points, tolerance))
	c.uses = append(c.uses, 1)
	c.whole = append(c.whole, points)
	c.finer = append(c.finer, 1)
	return n
}

// untangle simplifies arcs less that cross another one: there are gaps of thirty
// metres between neighbours.
func (c *cutter) untangle() {
	for tangled := true; tangled; {
		tangled = false
		for i := range c.arcs {
			for j := i + 1; j < len(c.arcs); j++ {
				if !meetTwice(c.arcs[i], c.arcs[j]) {
					continue
				}
				tangled = true
				for _, n := range []int{i, j} {
					c.finer[n] *= 2
					c.arcs[n] = simplified(c.whole[n], tolerance/c.finer[n])
				}
			}
		}
	}
}

// meetTwice reports whether two arcs cross, and do not just share an end.
func meetTwice(a, b []position) bool {
	side := func(a, b, c position) float64 { return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0]) }
	for i := range len(a) - 1 {
		for j := range len(b) - 1 {
			if side(a[i], a[i+1], b[j])*side(a[i], a[i+1], b[j+1]) < 0 && side(b[j], b[j+1], a[i])*side(b[j], b[j+1], a[i+1]) < 0 {
				return true
			}
		}
	}
	return false
}

// outline joins the arcs that only one ring uses.
func (c *cutter) outline(rings [][]int) [][]int {
	at := map[position][]int{} // arcs by where they begin
	var left []int
	for _, arcs := range rings {
		for _, n := range arcs {
			if m := max(n, ^n); c.uses[m] == 1 {
				at[c.end(n, false)] = append(at[c.end(n, false)], n)
				left = append(left, n)
			}
		}
	}
	used := map[int]bool{}
	var out [][]int
	for _, first := range left {
		if used[first] {
			continue
		}
		var ring []int
		for n := first; !used[n]; {
			used[n] = true
			ring = append(ring, n)
			for _, next := range at[c.end(n, true)] {
				if !used[next] {
					n = next
					break
				}
			}
		}
		out = append(out, ring)
	}
	return out
}

func (c *cutter) end(n int, last bool) position {
	arc := c.arcs[max(n, ^n)]
	if last == (n >= 0) {
		return arc[len(arc)-1]
	}
	return arc[0]
}

// simplified leaves out the points that stand off the line between those that stay
// by less than tolerance degrees (Douglas and Peucker). Its ends stay; a closed one keeps
// the point that is farthest from them.
func simplified(points []position, tolerance float64) []position {
	keep := make([]bool, len(points))
	keep[0], keep[len(points)-1] = true, true
	spans := [][2]int{{0, len(points) - 1}}
	if points[0] == points[len(points)-1] {
		far, _ := farthest(points, 0, len(points)-1)
		keep[far] = true
		spans = [][2]int{{0, far}, {far, len(points) - 1}}
	}
	for closed := len(spans) == 2; len(spans) > 0; {
		s := spans[len(spans)-1]
		spans = spans[:len(spans)-1]
		at, off := farthest(points, s[0], s[1])
		if at > 0 && (off > tolerance || closed) {
			keep[at] = true
			closed = false // an islet is a triangle at least
			spans = append(spans, [2]int{s[0], at}, [2]int{at, s[1]})
		}
	}
	var out []position
	for i, p := range points {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

func farthest(points []position, from, to int) (at int, off float64) {
	const narrow = 0.7163 // a degree of longitude in degrees of latitude, at 44.25° north
	flat := func(p position) (x, y float64) { return p[0] * narrow, p[1] }
	ax, ay := flat(points[from])
	bx, by := flat(points[to])
	for i := from + 1; i < to; i++ {
		px, py := flat(points[i])
		dx, dy := bx-ax, by-ay
		along := 0.0
		if long := dx*dx + dy*dy; long > 0 {
			along = min(1, max(0, ((px-ax)*dx+(py-ay)*dy)/long))
		}
		if d := math.Hypot(px-ax-along*dx, py-ay-along*dy); d > off {
			at, off = i, d
		}
	}
	return at, off
}
