package scenarios_test

import (
	"bytes"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/templates/scenarios"
)

// comments finds the comments that stand on lines of their own.
var comments = regexp.MustCompile(`(?s)[ \t]*<!--.*?-->\n`)

// TestScenariosAreSound reads every scenario as a message of ours, without a
// warning, and writes it again byte for byte, but for its comments. The draft is a
// scenario once it is filled in.
func TestScenariosAreSound(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(scenarios.FS, "*.cap.xml")
	if err != nil || len(names) == 0 {
		t.Fatalf("scenarios: got %v, %v", names, err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(scenarios.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if !comments.Match(data) {
			t.Errorf("%s has no comments", name)
		}
		if bytes.Equal(data, scenarios.Draft()) {
			if _, err := alert.Read(data); err == nil {
				t.Errorf("%s is taken as it stands", name)
			}
			data = filled(data)
		}
		m, err := alert.Read(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if found := alert.Check(m); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
		if got, err := m.Marshal(); err != nil || !bytes.Equal(got, comments.ReplaceAll(data, nil)) {
			t.Errorf("%s: written again it differs, %v", name, err)
		}
	}
}

// filled is what a person makes of the draft.
func filled(draft []byte) []byte {
	return regexp.MustCompile(`\[inserire [^\]]*\]`).ReplaceAllFunc(draft, func(field []byte) []byte {
		switch string(field) {
		case "[inserire adesso]", "[inserire l'inizio]":
			return []byte("2026-11-22T15:00:00+01:00")
		case "[inserire la fine]":
			return []byte("2026-11-22T21:00:00+01:00")
		case "[inserire un identificativo nuovo]", "[inserire il mittente di tocsin.yaml]":
			return []byte("a@savona.example")
		}
		return []byte("Savona")
	})
}

// TestDemo holds what the demonstration relies on: an exercise in two
// languages that says so wherever the public looks, with small shapes.
func TestDemo(t *testing.T) {
	t.Parallel()
	raw := scenarios.Demo()
	m, err := alert.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	if m.Status != alert.StatusExercise || m.MsgType != alert.MsgAlert || m.Scope != alert.ScopePublic || !strings.HasPrefix(m.Note, "Esercitazione ") {
		t.Errorf("message: got %s %s %s %q", m.Status, m.MsgType, m.Scope, m.Note)
	}
	if len(comments.ReplaceAll(raw, nil)) >= 16<<10 || !strings.HasSuffix(m.Sender, ".example") || len(m.Infos) != 2 {
		t.Errorf("message: got %d bytes from %s with %d infos", len(raw), m.Sender, len(m.Infos))
	}
	for lang, word := range map[string]string{"it-IT": "ESERCITAZIONE", "en-US": "EXERCISE"} {
		in := m.Info(lang)
		if in == nil {
			t.Errorf("%s: no info", lang)
			continue
		}
		for _, text := range []string{in.Headline, in.Description, in.Instruction} {
			if !strings.HasPrefix(text, word) {
				t.Errorf("%s: %.30q doesn't begin with %s", lang, text, word)
			}
		}
		if level, _ := in.Parameter("livello_allerta"); level != "arancione" || in.Severity != alert.SeveritySevere {
			t.Errorf("%s: level %q, severity %s", lang, level, in.Severity)
		}
		if len(in.Areas) == 0 {
			t.Errorf("%s: no area", lang)
		}
		for _, area := range in.Areas {
			istat, _ := area.Geocode("ISTAT")
			if _, wide := area.Geocode("EMMA_ID"); wide || len(area.Polygons) != 1 || len(area.Polygons[0]) > 40 || !strings.HasPrefix(istat, "009") {
				t.Errorf("%s: area %s with %d polygons, code %q, region as an area %v", lang, area.Desc, len(area.Polygons), istat, wide)
			}
		}
	}
}

// TestDemoIsACopy changes what Demo returned.
func TestDemoIsACopy(t *testing.T) {
	t.Parallel()
	scenarios.Demo()[0] = 'X'
	if got := scenarios.Demo()[0]; got != '<' {
		t.Errorf("first byte: got %q, want <", got)
	}
}

// TestDemoIsTheGoldenFile holds that package alert is tested with this file, without its
// comments.
func TestDemoIsTheGoldenFile(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../../broker/alert/testdata/savona-esercitazione.cap.xml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, comments.ReplaceAll(scenarios.Demo(), nil)) {
		t.Error("the scenario and the golden file of package alert differ; copy the one that is right")
	}
}
