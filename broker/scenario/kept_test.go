package scenario_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/broker/scenario"
	"tocsin/templates/scenarios"
	"tocsin/templates/wording"
)

// TestKeptValues reads what is kept of the values of every scenario once more, an hour
// later: the same message must come of it, but for what it says of the present.
func TestKeptValues(t *testing.T) {
	t.Parallel()
	l := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}
	names, err := l.Names()
	if err != nil {
		t.Fatal(err)
	}
	w := world(t)
	for _, name := range names {
		s, err := l.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, inputs := range [][]scenario.Input{s.Example, s.Longest} {
			v, now, err := s.Sample(inputs, w.Atlas, w.Location)
			if err != nil {
				t.Fatal(err)
			}
			kept := v.Inputs()
			for _, in := range kept {
				if in.Text == "" || strings.ContainsAny(in.Text, "\n") || strings.TrimSpace(in.Text) != in.Text {
					t.Errorf("%s: %s is kept as %q", name, in.Field, in.Text)
				}
			}
			again, err := s.Fill(kept, scenario.World{Atlas: w.Atlas, Now: now.Add(time.Hour), Location: w.Location})
			if err != nil {
				t.Errorf("%s: what was kept is not read: %v", name, err)
				continue
			}
			f := frame(w, wording.Real)
			f.Sent = now
			a, _ := s.Message(v, f)
			b, _ := s.Message(again, f)
			first, err := a.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if second, err := b.Marshal(); err != nil || string(first) != string(second) {
				t.Errorf("%s: of what was kept another message comes (%v)", name, err)
			}
		}
	}
}

// TestKeptAreas keeps places of each kind.
func TestKeptAreas(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	for text, want := range map[string]string{"savona,VADO LIGURE": "Savona, Vado Ligure", "zona b; noli": "Ligu-B, Noli", "provincia": "Provincia di Savona"} {
		v, err := s.Fill([]scenario.Input{{Field: "area", Text: text}, {Field: "level", Text: "gialla"}}, w)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Inputs()[0].Text; got != want {
			t.Errorf("%q is kept as %q, want %q", text, got, want)
		}
		if _, err := s.Fill(v.Inputs(), w); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestUntil reads later ends of a period that ends at 23:00, on 14 March 2026 at 14:30.
func TestUntil(t *testing.T) {
	t.Parallel()
	w := world(t)
	at := func(day, hour int) time.Time { return time.Date(2026, time.March, day, hour, 0, 0, 0, w.Location) }
	for text, want := range map[string]time.Time{"+6h": at(15, 5), "23:59": at(14, 23).Add(59 * time.Minute), "6:00": at(15, 6), "domani 12:00": at(15, 12), "15/03/2026 18:00": at(15, 18)} {
		if got, err := w.Until(text, at(14, 23)); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{"oggi 20:00": "is not after the one in force", "adesso": "is not after the one in force", "presto": "is no time"} {
		if _, err := w.Until(text, at(14, 23)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestGoingOn holds that what has passed of a period does not count against its limit.
func TestGoingOn(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	in := []scenario.Input{{Field: "area", Text: "Noli"}, {Field: "level", Text: "gialla"}, {Field: "period", Text: "2026-03-11 14:00/2026-03-16 12:00"}}
	v, err := s.Fill(in, w)
	if err != nil || !v.Ends().Equal(time.Date(2026, time.March, 16, 12, 0, 0, 0, w.Location)) {
		t.Errorf("46 hours are left, and 48 are allowed: %v", err)
	}
	in[2].Text = "2026-03-11 14:00/2026-03-16 15:00"
	if _, err := s.Fill(in, w); err == nil || !strings.Contains(err.Error(), "48 h are the most") {
		t.Errorf("48.5 hours are left: %v", err)
	}
}

// TestAllClear ends an alert by its own texts, and by those of the scenario that ends others.
func TestAllClear(t *testing.T) {
	t.Parallel()
	l := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}
	w := world(t)
	water, err := l.Open("acqua-non-potabile")
	if err != nil {
		t.Fatal(err)
	}
	v, now, err := water.Sample(water.Example, w.Atlas, w.Location)
	if err != nil {
		t.Fatal(err)
	}
	f := frame(w, wording.Real)
	f.Sent = now
	m, shorter := water.AllClear(v, now.Add(12*time.Hour), f)
	if !water.HasAllClear() || len(m.Infos) != 4 || m.MsgType != alert.MsgUpdate || len(shorter) != 4 {
		t.Fatalf("%v: %d infos, %s", water.HasAllClear(), len(m.Infos), m.MsgType)
	}
	for i := range m.Infos {
		in := &m.Infos[i]
		if in.ResponseTypes[0] != alert.ResponseAllClear || in.Urgency != alert.UrgencyPast || in.Severity != alert.SeverityMinor || !in.Onset.IsZero() || !in.Expires.Equal(now.Add(12*time.Hour)) {
			t.Errorf("%s: %+v", in.Language, in)
		}
		for _, p := range in.Parameters {
			if p.Name == "livello_allerta" || p.Name == "awareness_level" || p.Name == "fase_operativa" {
				t.Errorf("%s: what is over has %s %s", in.Language, p.Name, p.Value)
			}
		}
	}
	slide, err := l.Open("idrogeologico")
	if err != nil {
		t.Fatal(err)
	}
	over, err := l.Open("cessato-allarme")
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err = slide.Sample(slide.Example, w.Atlas, w.Location); err != nil {
		t.Fatal(err)
	}
	said, _ := slide.Message(v, f)
	got := over.Ending(v, scenario.EventCode(said))
	if want := (scenario.Input{Field: "hazard", Text: "frane-allagamenti"}); len(got) != 2 || got[0].Text != "Savona, Vado Ligure, Quiliano" || got[1] != want {
		t.Errorf("it is ended by %v", got)
	}
	if got := over.Ending(v, "SISMA"); len(got) != 1 {
		t.Errorf("what no choice is for is ended by %v", got)
	}
}

// TestHeadlineFits takes the longest headline that has room in CAP's 160 characters, with the
// word of a drill, in every scenario; and an event that names a field.
func TestHeadlineFits(t *testing.T) {
	t.Parallel()
	l := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}
	names, err := l.Names()
	if err != nil {
		t.Fatal(err)
	}
	w := world(t)
	for _, name := range names {
		s, err := l.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		v, now, err := s.Sample(s.Longest, w.Atlas, w.Location)
		if err != nil {
			t.Fatal(err)
		}
		f := frame(w, wording.Exercise)
		f.Sent = now
		m, shorter := s.Message(v, f)
		for i := range m.Infos {
			in := &m.Infos[i]
			if n := utf8.RuneCountInString(in.Headline); n > 160 {
				t.Errorf("%s, %s: the headline has %d characters: %s", name, in.Language, n, in.Headline)
			}
			_, bare, _ := strings.Cut(in.Headline, ": ")
			if _, ok := shorter[in.Language][bare]; !ok {
				t.Errorf("%s, %s: the shorter wordings of the headline are not found by it", name, in.Language)
			}
		}
	}
	src, err := os.ReadFile(filepath.Join("testdata", "frana.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := regexp.MustCompile(`(?m)^    event: .*$`).ReplaceAllString(string(src), `    event: ["{level}, {area.first}"]`)
	s, found := scenario.Parse("frana.yaml", []byte(changed))
	if s == nil {
		t.Fatal(found)
	}
	m, _ := message(t, s, w, wording.Real, scenario.Input{Field: "area", Text: "Noli"}, scenario.Input{Field: "level", Text: "gialla"})
	if got := m.Infos[0].Event; got != "Gialla, Noli" {
		t.Errorf("the event is %q", got)
	}
	changed = regexp.MustCompile(`(?m)^    event: .*$`).ReplaceAllString(string(src), `    event: "{nothing}"`)
	if s, found := scenario.Parse("frana.yaml", []byte(changed)); s != nil || !strings.Contains(found.Error(), `there is no field "nothing"`) {
		t.Errorf("an event names a field that is not there: %v", found)
	}
}
