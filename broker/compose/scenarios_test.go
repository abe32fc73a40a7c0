package compose_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/scenario"
	"tocsin/templates/card"
	"tocsin/templates/scenarios"
	"tocsin/templates/wording"
)

// everyScenario calls each with every scenario of the program, in a subtest.
func everyScenario(t *testing.T, each func(t *testing.T, s *scenario.Scenario, atlas *scenario.Atlas)) {
	t.Helper()
	library := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}
	names, err := library.Names()
	if err != nil || len(names) < 18 {
		t.Fatalf("there are the scenarios %v (%v), want 18", names, err)
	}
	atlas, err := scenario.Savona()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, s, atlas)
		})
	}
}

// shortest returns the shortest values that people may enter: no optional field, one
// municipality of four letters, an hour, the fewest letters.
func shortest(s *scenario.Scenario) []scenario.Input {
	var out []scenario.Input
	for _, f := range s.Fields {
		if f.Optional {
			continue
		}
		text := ""
		switch f.Type {
		case scenario.TypeArea:
			text = "Noli"
		case scenario.TypePeriod:
			text = "2026-03-14T15:00/2026-03-14T16:00"
		case scenario.TypeLevel, scenario.TypePhase, scenario.TypeChoice:
			least := slices.MinFunc(f.Choices, func(a, b scenario.Choice) int { return len(a.Words["it"]) - len(b.Words["it"]) })
			text = least.Key
		case scenario.TypePlace:
			text = "A6"
		case scenario.TypeNumber:
			text = fmt.Sprint(f.Least)
		}
		out = append(out, scenario.Input{Field: f.Name, Text: text})
	}
	return out
}

// sampleMessage fills in a scenario a moment before the values begin to hold.
func sampleMessage(tb testing.TB, s *scenario.Scenario, inputs []scenario.Input, o compose.Options, atlas *scenario.Atlas) (*alert.Message, compose.Options) {
	tb.Helper()
	v, now, err := s.Sample(inputs, atlas, o.Location)
	if err != nil {
		tb.Fatal(err)
	}
	o.Now = now
	d := wording.Real
	if o.Realm == alert.RealmExercise {
		d = wording.Exercise
	}
	m, shorter := s.Message(v, scenario.Frame{Identifier: "IT-SV-0001", Sender: sender, Office: o.Issuer, Sent: o.Now, Location: o.Location, Drill: d})
	o.Shorter = shorter
	return m, o
}

// inLanguages returns m with the infos of some languages alone; all where none is named.
func inLanguages(m *alert.Message, languages ...string) *alert.Message {
	m = m.Clone()
	m.Infos = slices.DeleteFunc(m.Infos, func(in alert.Info) bool { return len(languages) > 0 && !slices.Contains(languages, in.Language) })
	return m
}

// TestEveryScenario composes each scenario with its longest and its shortest values, and
// compares every post, for each channel and language, with one file that a person has
// read. TOCSIN_UPDATE_GOLDEN=1 writes it anew: read it as a citizen would.
//
// No post is over its limit or breaks a rule, and the same input gives the same bytes.
func TestEveryScenario(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s *scenario.Scenario, atlas *scenario.Atlas) {
		var text strings.Builder
		for _, values := range []struct {
			name   string
			inputs []scenario.Input
		}{{"longest", s.Longest}, {"shortest", shortest(s)}} {
			o := options(t)
			o.Realm = alert.RealmLive
			m, o := sampleMessage(t, s, values.inputs, o, atlas)
			b := first(t, m, o)
			fmt.Fprintf(&text, "======== %s values ========\n", values.name)
			written := tell(t, &text, b, o, "")
			// Channels for short texts speak the first language alone: each has its turn.
			for i := range o.Channels { // cards have a test of their own
				o.Channels[i].Limits.ImageRequired, o.Channels[i].Limits.ImageMaxBytes = false, 0
			}
			for _, in := range m.Infos[1:] {
				alone := inLanguages(m, in.Language)
				b := first(t, alone, o)
				tell(t, &text, b, o, written)
				if in.Language != "fr-FR" {
					continue
				}
				if again := first(t, alone, o); again.SHA256() != b.SHA256() {
					t.Errorf("%s: the same input gave other bytes", values.name)
				}
			}
		}
		file := filepath.Join("testdata", "scenarios", s.Name+".txt")
		asGolden(t, file, text.String())
	})
}

// tell writes the posts of a bulletin, with what they count, and returns their texts. With
// told, which holds those of all languages, it writes those of channels for short texts.
func tell(t *testing.T, text *strings.Builder, b *bulletin.Bulletin, o compose.Options, told string) string {
	t.Helper()
	for _, f := range compose.Lint(b, o) {
		t.Error(f)
	}
	all := ""
	for _, p := range b.Posts {
		c := o.Channels[slices.IndexFunc(o.Channels, func(c compose.Channel) bool { return c.Name == p.Channel })]
		units := c.Limits.Length(p.Text)
		if units > c.Limits.MaxLen {
			t.Errorf("%s in %s has %d units, and %d are the limit", p.Channel, p.Lang, units, c.Limits.MaxLen)
		}
		if told != "" && (c.Limits.MaxLen >= 4096 || strings.Contains(told, p.Text)) {
			continue // there all languages stand, or have a page each
		}
		fmt.Fprintf(text, "\n---- %s, %s: %d of %d ----\n", p.Kind, p.Lang, units, c.Limits.MaxLen)
		if p.Title != "" {
			fmt.Fprintf(text, "title: %s\n", p.Title)
		}
		if p.Alt != "" {
			fmt.Fprintf(text, "image: %s\n", p.Alt)
		}
		if strings.Contains(all, p.Text) {
			text.WriteString("as above\n")
			continue
		}
		text.WriteString(p.Text + "\n")
		all += p.Text + "\n"
	}
	return all
}

// TestEveryCard lays out the card of every scenario in every language, in both sizes, in
// reality and in an exercise, with the longest values: headline, times, office and the most
// important step are on it, in letters that the layout allows.
func TestEveryCard(t *testing.T) {
	t.Parallel()
	cards, err := renderer()
	if err != nil {
		t.Fatal(err)
	}
	everyScenario(t, func(t *testing.T, s *scenario.Scenario, atlas *scenario.Atlas) {
		for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
			o := options(t)
			o.Realm = realm
			m, o := sampleMessage(t, s, s.Longest, o, atlas)
			all, err := compose.CardsOf(m, o, demoCode)
			if err != nil || len(all) != 4 {
				t.Fatalf("there are %d cards (%v), want 4", len(all), err)
			}
			for _, c := range all {
				sizes := []card.Size{card.Portrait}
				if realm == alert.RealmExercise { // which says more than reality
					sizes = append(sizes, card.Landscape)
				}
				if realm == alert.RealmExercise && c.Lang == "de-DE" { // whose words are longest
					if drawn, err := cards.Render(c, card.Portrait, card.JPEG); err != nil || len(drawn.Data) > 300_000 {
						t.Errorf("the card has %d bytes (%v)", len(drawn.Data), err)
					}
				}
				for _, size := range sizes {
					p, err := cards.Lay(c, size)
					if err != nil {
						t.Errorf("%s, %s, size %v: %v", realm, c.Lang, size, err)
						continue
					}
					if p.Shown.Headline != c.Headline || p.Shown.Validity != c.Validity || p.Shown.Issuer != c.Issuer || len(p.Shown.Areas) == 0 || len(p.Shown.Actions) == 0 {
						t.Errorf("%s, %s, size %v: the card shows no more than %+v", realm, c.Lang, size, p.Alt)
					}
					if size == card.Portrait && len(p.Shown.Actions) < min(3, len(c.Actions)) {
						t.Errorf("%s, %s: the tall card shows %d steps of %d", realm, c.Lang, len(p.Shown.Actions), len(c.Actions))
					}
				}
			}
		}
	})
}

// BenchmarkEveryCard draws the tall card of each scenario with its longest values, as an
// exercise, which says most, in German, whose words are longest. The floor is to pack a
// picture that is drawn already: machines are noisy, the ratio is not.
func BenchmarkEveryCard(b *testing.B) {
	cards, err := renderer()
	if err != nil {
		b.Fatal(err)
	}
	library := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}
	names, err := library.Names()
	if err != nil {
		b.Fatal(err)
	}
	atlas, err := scenario.Savona()
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range names {
		s, err := library.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		m, o := sampleMessage(b, s, s.Longest, options(b), atlas)
		all, err := compose.CardsOf(m, o, demoCode)
		if err != nil {
			b.Fatal(err)
		}
		c := all[slices.IndexFunc(all, func(c card.Card) bool { return c.Lang == "de-DE" })]
		for size, format := range map[string]card.Format{"jpeg": card.JPEG, "png": card.PNG} {
			b.Run(name+"/"+size, func(b *testing.B) {
				var drawn card.Picture
				var floor time.Duration
				for b.Loop() {
					if drawn, err = cards.Render(c, card.Portrait, format); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					floor += packed(b, drawn.Data, format)
					b.StartTimer()
				}
				b.ReportMetric(float64(len(drawn.Data)), "file-bytes")
				b.ReportMetric(float64(b.Elapsed())/float64(floor), "times-floor")
			})
		}
	}
}

// packed returns how long it takes to pack a picture once more.
func packed(b *testing.B, data []byte, format card.Format) time.Duration {
	b.Helper()
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	if format == card.PNG {
		err = png.Encode(io.Discard, picture)
	} else {
		err = jpeg.Encode(io.Discard, picture, &jpeg.Options{Quality: 90})
	}
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}
