package scenario_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/scenario"
	"tocsin/templates/scenarios"
	"tocsin/templates/wording"
)

// square is a ring of GeoJSON around a place.
func square(lon, lat float64) string {
	return fmt.Sprintf("[[%[1]g,%[2]g],[%[3]g,%[2]g],[%[3]g,%[4]g],[%[1]g,%[4]g],[%[1]g,%[2]g]]", lon, lat, lon+0.1, lat+0.1)
}

func areas(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",\n") + `]}`
}

func polygon(properties, rings string) string {
	return `{"type":"Feature","properties":{` + properties + `},"geometry":{"type":"Polygon","coordinates":[` + rings + `]}}`
}

const diano = `"name":"Diano Marina","istat":"008027","province":"IM","emma_id":"IT007","zones":["Ligu-A"]`

// shipped returns a scenario that comes with Tocsin.
func shipped(tb testing.TB, name string) *scenario.Scenario {
	tb.Helper()
	s, err := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestAreasOfAnotherProvince picks places of a file, beside those of Savona, by their
// names, and looks at what the message says of them.
func TestAreasOfAnotherProvince(t *testing.T) {
	t.Parallel()
	w := world(t)
	atlas, err := w.Atlas.With("imperia.geojson", []byte(areas(
		polygon(diano, square(8.08, 43.9)),
		polygon(`"name":"Samone","com_istat_code":"022165","prov_acr":"TN","other":{"a":[1,2]}`, square(11.5, 46)),
		polygon(`"COMUNE":"Samone","PRO_COM_T":"001235","SIGLA":"TO"`, square(7.8, 45.4)),
		`{"type":"Feature","properties":{"name":"zona A della provincia di Imperia","zone":"Ligu-A","municipalities":["008027"]},"geometry":{"type":"MultiPolygon","coordinates":[[`+square(8, 43.8)+`],[`+square(8.2, 44)+`]]}}`,
	)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.Atlas.Names("it")); n != 69+3+1 {
		t.Errorf("the atlas of Savona has %d names now", n)
	}
	names := atlas.Names("it")
	for _, want := range []string{"Diano Marina", "Samone (TN)", "Samone (TO)", "zona A della provincia di Imperia", "Savona"} {
		if !slices.Contains(names, want) {
			t.Errorf("the names lack %q", want)
		}
	}
	for _, name := range names {
		if _, err := atlas.Find(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := fmt.Sprint(atlas.Beginning("sam", "it")); got != "[Samone (TN) Samone (TO)]" {
		t.Errorf("the names that begin with sam are %s", got)
	}
	for name, want := range map[string]string{
		"Samone": `"Samone" is the name of more than one place: write one of Samone (TN), Samone (TO)`,
		"ligu-a": "zona A della provincia di Imperia",
		"Diana":  "no municipality or zone is called",
	} {
		if _, err := atlas.Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, want)
		}
	}
	w.Atlas = atlas
	s := shipped(t, "strada-chiusa")
	inputs := slices.DeleteFunc(slices.Clone(s.Example), func(in scenario.Input) bool { return in.Field == "area" || in.Field == "period" })
	inputs = append(inputs, scenario.Input{Field: "period", Text: "now/+6h"})
	v, err := s.Fill(append(inputs, scenario.Input{Field: "area", Text: "diano marina, samone (tn), Savona"}), w)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := s.Message(v, frame(w, wording.Real))
	got := fmt.Sprint(m.Infos[0].Areas[0].Desc, m.Infos[0].Areas[0].Geocodes, m.Infos[0].Areas[1].Desc, m.Infos[0].Areas[1].Geocodes, m.Infos[0].Areas[2].Geocodes)
	if want := "Diano Marina[{ISTAT 008027}]Samone[{ISTAT 022165}][{ISTAT 009056}]"; strings.ReplaceAll(got, " [", "[") != want {
		t.Errorf("the areas are %s, want %s", got, want)
	}
	if got := m.Infos[0].Areas[0].Polygons[0].String(); got != "43.9,8.08 43.9,8.18 44,8.18 44,8.08 43.9,8.08" {
		t.Errorf("the polygon is %s: latitude comes first in CAP", got)
	}
	if _, err := m.Marshal(); err != nil {
		t.Error(err)
	}
	for area, want := range map[string]string{"Samone (TN)": "", "Samone (TN), Diano Marina, Savona": "IT007"} {
		m, _ := message(t, shipped(t, "vento"), w, wording.Real, scenario.Input{Field: "area", Text: area}, scenario.Input{Field: "strength", Text: "burrasca"})
		var regions []string
		for _, p := range m.Infos[0].Parameters {
			if p.Name == "EMMA_ID" {
				regions = append(regions, p.Value)
			}
		}
		if got := strings.Join(regions, " "); got != want {
			t.Errorf("%s: the message is said to be of the regions %q, want %q", area, got, want)
		}
	}
}

// TestAreasAreRefused reads files with one thing wrong each: the error names the feature
// and what to do.
func TestAreasAreRefused(t *testing.T) {
	t.Parallel()
	savona := world(t).Atlas
	good := square(8.08, 43.9)
	for name, c := range map[string]struct{ file, says string }{
		"no_json":          {"{", "is no JSON"},
		"twice_a_key":      {areas(polygon(diano+`,"name":"Altra"`, good)), `the key "name" stands twice`},
		"too_deep":         {strings.Repeat("[", 40) + strings.Repeat("]", 40), "nest more than 16 deep"},
		"rest":             {areas(polygon(diano, good)) + "]", "is no JSON"},
		"feature_alone":    {polygon(diano, good), "no GeoJSON FeatureCollection"},
		"empty":            {areas(), "no feature"},
		"crs":              {`{"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32632"}},` + areas(polygon(diano, good))[1:], "export it anew in WGS 84"},
		"no_name":          {areas(polygon(`"istat":"008027"`, good)), "feature 1 (008027): it has no name"},
		"comma_in_name":    {areas(polygon(`"name":"Diano, Marina","istat":"008027"`, good)), "has a comma"},
		"hidden_in_name":   {areas(polygon(`"name":"Diano\u200b Marina","istat":"008027"`, good)), "characters that nobody sees"},
		"no_code":          {areas(polygon(`"name":"Diano Marina"`, good)), "feature 1 (Diano Marina): it has no code"},
		"two_codes":        {areas(polygon(diano+`,"zone":"Ligu-A"`, good)), "both istat and zone"},
		"short_code":       {areas(polygon(`"name":"Diano Marina","istat":"8027"`, good)), "no code of six digits"},
		"number_for_code":  {areas(polygon(`"name":"Diano Marina","istat":8027`, good)), "it has no code"},
		"zones":            {areas(polygon(`"name":"Diano Marina","istat":"008027","zones":[1]`, good)), "zones is no list"},
		"municipalities":   {areas(polygon(`"name":"Zona","zone":"Ligu-A","municipalities":["8027"]`, good)), "municipalities is no list"},
		"province":         {areas(polygon(`"name":"Diano Marina","istat":"008027","province":"Imperia"`, good)), "not two capital letters"},
		"code_twice":       {areas(polygon(diano, good), polygon(diano, good)), "feature 2 (Diano Marina): the code 008027 is that of Diano Marina"},
		"code_of_savona":   {areas(polygon(`"name":"Altra","istat":"009056"`, good)), "the code 009056 is that of Savona"},
		"no_geometry":      {areas(`{"type":"Feature","properties":{` + diano + `},"geometry":null}`), "it has no geometry"},
		"point":            {areas(strings.Replace(polygon(diano, good), "Polygon", "Point", 1)), `its geometry is "Point"`},
		"wrong_nesting":    {areas(strings.Replace(polygon(diano, good), "Polygon", "MultiPolygon", 1)), "no lists of rings of points"},
		"no_rings":         {areas(polygon(diano, "")), "no lists of rings of points"},
		"hole":             {areas(polygon(diano, good+","+"[[8.1,43.92],[8.32,43.92],[8.12,43.94],[8.1,43.92]]")), "part 1: its holes do not lie within it"},
		"heights":          {areas(polygon(diano, "[[8.1,43.9,12],[8.2,43.9,12],[8.2,44,12],[8.1,43.9,12]]")), "point 1 has 3 numbers"},
		"latitude_first":   {areas(polygon(diano, "[[43.9,8.1],[43.9,8.2],[44,8.2],[43.9,8.1]]")), "is not in Italy: the longitude comes first"},
		"metres":           {areas(polygon(diano, "[[420000,4870000],[430000,4870000],[430000,4880000],[420000,4870000]]")), "is not in Italy"},
		"null_coordinate":  {areas(polygon(diano, "[[null,43.9],[8.2,43.9],[8.2,44],[null,43.9]]")), "is not in Italy"},
		"open":             {areas(polygon(diano, "[[8.1,43.9],[8.2,43.9],[8.2,44],[8.1,44]]")), "the ring is not closed"},
		"three_points":     {areas(polygon(diano, "[[8.1,43.9],[8.2,43.9],[8.1,43.9]]")), "a ring has at least 4"},
		"one_point_often":  {areas(polygon(diano, "[[8.1,43.9],[8.1,43.9],[8.1,43.9],[8.1,43.9]]")), "a ring has at least 4"},
		"bow_tie":          {areas(polygon(diano, "[[8.1,43.9],[8.2,44],[8.2,43.9],[8.1,44],[8.1,43.9]]")), "crosses or touches itself"},
		"too_many_points":  {areas(polygon(diano, "["+strings.Repeat("[8.1,43.9],", 20_001)+"[8.1,43.9]]")), "too many points"},
		"too_many_parts":   {areas(`{"type":"Feature","properties":{` + diano + `},"geometry":{"type":"MultiPolygon","coordinates":[` + strings.TrimSuffix(strings.Repeat("["+good+"],", 201), ",") + `]}}`), "it has 201 parts"},
		"too_many":         {areas(strings.TrimSuffix(strings.Repeat("{},", 2001), ",")), "it holds 2001 features"},
		"not_utf8":         {"\xff", "not UTF-8"},
		"larger_than_read": {strings.Repeat(" ", scenario.MaxAreasBytes+1), "more than 33554432 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := savona.With("a.geojson", []byte(c.file))
			if err == nil || got != nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "the file of areas a.geojson: ") {
				t.Errorf("the file is taken, or refused with %v, want %q", err, c.says)
			}
		})
	}
}

// TestRealBordersKeepEveryMunicipality reads the borders of a whole province as ISTAT
// draws them: each municipality stays, in sound polygons of the size that it has.
func TestRealBordersKeepEveryMunicipality(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("TOCSIN_VECTORS")
	if dir == "" {
		dir = "../../../shared/vectors"
	}
	raw, err := os.ReadFile(filepath.Join(dir, "italy", "savona-municipalities.geojson"))
	if err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// The same borders under the codes of a province that there is not.
	raw = regexp.MustCompile(`"com_istat_code": ?"009`).ReplaceAll(raw, []byte(`"com_istat_code":"999`))
	atlas, err := world(t).Atlas.With("province.geojson", raw)
	if err != nil {
		t.Fatal(err)
	}
	w := world(t)
	w.Atlas = atlas
	s := shipped(t, "strada-chiusa")
	inputs := slices.DeleteFunc(slices.Clone(s.Example), func(in scenario.Input) bool { return in.Field == "area" || in.Field == "period" })
	inputs = append(inputs, scenario.Input{Field: "period", Text: "now/+6h"})
	found := 0
	for _, code := range regexp.MustCompile(`"com_istat_code":"(999\d{3})"`).FindAllStringSubmatch(string(raw), -1) {
		v, err := s.Fill(append(slices.Clone(inputs), scenario.Input{Field: "area", Text: code[1]}), w)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := s.Message(v, frame(w, wording.Real))
		area := m.Infos[0].Areas[0]
		for _, p := range area.Polygons {
			if p.Check() != nil || p.Crosses() || len(p) > 100 {
				t.Errorf("%s: a polygon of %d points is not sound: %v", area.Desc, len(p), p.Check())
			}
		}
		if isSavona, err := atlas.Find(strings.Replace(code[1], "999", "009", 1)); err != nil || isSavona.Name("it") != area.Desc || len(area.Polygons) == 0 {
			t.Errorf("%s: %d polygons for %s (%v)", code[1], len(area.Polygons), area.Desc, err)
		}
		found++
	}
	if found != 69 {
		t.Errorf("%d municipalities were found, want 69", found)
	}
}

func FuzzAreas(f *testing.F) {
	f.Add([]byte(areas(polygon(diano, square(8.08, 43.9)))))
	f.Add([]byte(areas(polygon(`"name":"Zona","zone":"Ligu-A","municipalities":["008027"]`, square(8.08, 43.9)), polygon(diano, "[[8.1,43.9],[8.2,44],[8.2,43.9],[8.1,44],[8.1,43.9]]"))))
	f.Add([]byte(areas(polygon(diano, square(8.08, 43.9)+",[[8.1,43.92],[8.12,43.92],[8.12,43.94],[8.1,43.92]]"))))
	f.Add([]byte(areas(polygon(diano, square(8, 44)), polygon(`"name":"Altra","istat":"999001"`, "[[8.1,44],[8.2,44],[8.2,44.1],[8.1,44.1],[8.1,44]]"))))
	f.Add([]byte(`{"type":"FeatureCollection","crs":null,"features":[{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[[8,44],[8,44]]]]}}]}`))
	savona := world(f).Atlas
	f.Fuzz(func(t *testing.T, raw []byte) {
		atlas, err := savona.With("fuzz", raw)
		if err != nil {
			return
		}
		for _, name := range atlas.Names("it") {
			if _, err := atlas.Find(name); err != nil {
				t.Errorf("the name %q is shown and not found: %v", name, err)
			}
		}
	})
}
