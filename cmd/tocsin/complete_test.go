package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestShellCompletesScenarios asks as the scripts of tocsin completion do.
func TestShellCompletesScenarios(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	areas := `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"Diano Marina","istat":"008027"},
		"geometry":{"type":"Polygon","coordinates":[[[8.06,43.89],[8.1,43.9],[8.09,43.93],[8.06,43.89]]]}}]}`
	if err := os.WriteFile(filepath.Join(pg.dir, "imperia.geojson"), []byte(areas), 0o600); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(pg.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pg.config, append(raw, "\nareas: [imperia.geojson]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	const plain, open = ":4", ":6" // no files; and no blank after it
	for name, c := range map[string]struct {
		words []string
		want  []string
		ends  string
	}{
		"scenario":      {[]string{"compose", "idr"}, []string{"idraulico", "idrogeologico"}, plain},
		"field":         {[]string{"compose", "idrogeologico", "area=Savona", ""}, []string{"period=", "level=", "phase=", "cause="}, open},
		"choice":        {[]string{"compose", "idrogeologico", "level="}, []string{"level=gialla", "level=arancione", "level=rossa"}, plain},
		"default":       {[]string{"compose", "idrogeologico", "period="}, []string{"period=now/+12h"}, plain},
		"place":         {[]string{"compose", "idrogeologico", "area=vad"}, []string{"area=vado Ligure"}, open},
		"another_place": {[]string{"compose", "idrogeologico", "area=Savona, Quil"}, []string{"area=Savona, Quiliano"}, open},
		"not_ours":      {[]string{"compose", "idrogeologico", "area=Diano"}, nil, open},
		"configured":    {[]string{"compose", "-c", pg.config, "idrogeologico", "area=Diano"}, []string{"area=Diano Marina"}, open},
		"no_field":      {[]string{"compose", "idrogeologico", "colour="}, nil, plain},
		"no_scenario":   {[]string{"compose", "valanga", "area="}, nil, plain},
		"no_config":     {[]string{"compose", "-c", "missing.yaml", "temp"}, []string{"temporali"}, plain},
		"show":          {[]string{"scenario", "show", "mare"}, []string{"mareggiata", "maremoto"}, plain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, _ := expect(t, 0, append([]string{"__completeNoDesc"}, c.words...)...)
			got := strings.Split(strings.TrimSpace(stdout), "\n")
			ends := got[len(got)-1]
			got = slices.DeleteFunc(got[:len(got)-1], func(s string) bool { return !strings.HasPrefix(s, c.words[len(c.words)-1]) })
			if !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 || ends != c.ends {
				t.Errorf("the completions are %q %s, want %q %s", got, ends, c.want, c.ends)
			}
		})
	}
}
