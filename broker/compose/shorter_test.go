package compose_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// TestShorterWordings holds the order in which a channel is fitted: the words of the
// message, then the author's shorter ones, then less.
func TestShorterWordings(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	o.Realm = alert.RealmLive
	const long, short, shortest = "Piena del Letimbro a Savona: salire subito ai piani alti", "Piena del Letimbro a Savona", "Piena a Savona"
	const step, brief = "Salire ai piani alti e non usare l’ascensore.", "Salire ai piani alti."
	o.Shorter = map[string]map[string][]string{"it-IT": {long: {short, shortest}, step: {brief}}, "de-DE": {long: {"nie"}}}
	m := own(o, func(m *alert.Message) {
		m.Status, m.Note = alert.StatusActual, ""
		in := &m.Infos[0]
		in.Headline, in.Instruction = long, "- "+step+"\n- Non scendere in cantina."
	})
	text := func(limit int) string {
		o.Channels = []compose.Channel{{Name: "c", Kind: "c", Limits: adapters.Limits{MaxLen: limit, LinksInText: true}}}
		b, err := compose.New(m, o, demoID, demoCode)
		if e, ok := errors.AsType[*compose.FitError](err); ok {
			return fmt.Sprint("none: ", e.Limit)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Posts[0].Text
	}
	whole := text(1000)
	for _, want := range []string{long, step, "Il Letimbro è a 2,10 metri e cresce."} {
		if !strings.Contains(whole, want) {
			t.Errorf("with all room it does not say %q:\n%s", want, whole)
		}
	}
	n := len([]rune(whole))
	tight := text(n - 1)
	if strings.Contains(tight, step) && strings.Contains(tight, long) || !strings.Contains(tight, "2,10 metri") || !strings.Contains(tight, "cantina") {
		t.Errorf("with a character less it leaves something out, or is not shorter:\n%s", tight)
	}
	if !strings.Contains(tight, long) || !strings.Contains(tight, brief) {
		t.Errorf("it does not take the longest that fits:\n%s", tight)
	}
	least := text(n - len([]rune(long)) + len([]rune(shortest)) - len([]rune(step)) + len([]rune(brief)))
	if !strings.Contains(least, shortest) || !strings.Contains(least, brief) || !strings.Contains(least, "2,10 metri") {
		t.Errorf("the shortest wordings do not come before the description goes:\n%s", least)
	}
}

// TestPagesShowTheMessage holds that a page never takes a shorter wording in its text.
func TestPagesShowTheMessage(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	s := frana(t)
	b := scenarioBulletin(t, s, s.Longest, o)
	m := b.Message
	for _, p := range b.Posts {
		if p.Kind == "website" && (!strings.Contains(p.Text, m.Info(p.Lang).Instruction) || !strings.Contains(p.Text, m.Info(p.Lang).Description)) {
			t.Errorf("the page in %s does not hold the message", p.Lang)
		}
	}
}

// frana is the scenario of package scenario's tests.
func frana(tb testing.TB) *scenario.Scenario {
	tb.Helper()
	src, err := os.ReadFile(filepath.Join("..", "scenario", "testdata", "frana.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	s, found := scenario.Parse("frana.yaml", src)
	if s == nil {
		tb.Fatal(found)
	}
	return s
}

// scenarioMessage fills in a scenario at half past two on 14 March 2026.
func scenarioMessage(tb testing.TB, s *scenario.Scenario, inputs []scenario.Input, o compose.Options) (*alert.Message, compose.Options) {
	tb.Helper()
	atlas, err := scenario.Savona()
	if err != nil {
		tb.Fatal(err)
	}
	return filledMessage(tb, s, inputs, o, atlas)
}

func filledMessage(tb testing.TB, s *scenario.Scenario, inputs []scenario.Input, o compose.Options, atlas *scenario.Atlas) (*alert.Message, compose.Options) {
	tb.Helper()
	o.Now = time.Date(2026, time.March, 14, 14, 30, 0, 0, o.Location)
	v, err := s.Fill(inputs, scenario.World{Atlas: atlas, Now: o.Now, Location: o.Location})
	if err != nil {
		tb.Fatal(err)
	}
	d := wording.Real
	if o.Realm == alert.RealmExercise {
		d = wording.Exercise
	}
	m, shorter := s.Message(v, scenario.Frame{Identifier: "IT-SV-0001", Sender: sender, Office: o.Issuer, Sent: o.Now, Location: o.Location, Drill: d})
	o.Shorter = shorter
	return m, o
}

func scenarioBulletin(tb testing.TB, s *scenario.Scenario, inputs []scenario.Input, o compose.Options) *bulletin.Bulletin {
	tb.Helper()
	m, o := scenarioMessage(tb, s, inputs, o)
	return first(tb, m, o)
}

// TestScenarioGolden compares the posts of a scenario, for each channel and language,
// with texts that a person has read. TOCSIN_UPDATE_GOLDEN=1 writes them anew.
func TestScenarioGolden(t *testing.T) {
	t.Parallel()
	s := frana(t)
	for name, inputs := range map[string][]scenario.Input{"example": s.Example, "longest": s.Longest} {
		for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
			t.Run(name+"_"+string(realm), func(t *testing.T) {
				t.Parallel()
				o := options(t)
				o.Realm = realm
				b := scenarioBulletin(t, s, inputs, o)
				for _, f := range compose.Lint(b, o) {
					if f.Rule != compose.RuleTimes { // Lint has another day for its now
						t.Error(f)
					}
				}
				for _, p := range b.Posts {
					var text strings.Builder
					if p.Title != "" {
						text.WriteString("title: " + p.Title + "\n")
					}
					if p.Alt != "" {
						text.WriteString("image: " + p.Alt + "\n")
					}
					fmt.Fprintf(&text, "language: %s\nlink: %s\n\n%s\n", p.Lang, p.Link, p.Text)
					file := filepath.Join("testdata", "scenario", fmt.Sprintf("%s-%s-%s-%d.txt", name, realm, p.Channel, p.Part))
					asGolden(t, file, text.String())
				}
			})
		}
	}
}

// TestScenarioPostsFit draws values: no post is over its limit, every line of a short
// one is a whole line of the message or of the author's, and the same input gives the
// same bytes.
func TestScenarioPostsFit(t *testing.T) {
	t.Parallel()
	s := frana(t)
	o := unpictured(t)
	atlas, err := scenario.Savona()
	if err != nil {
		t.Fatal(err)
	}
	names := atlas.Names("it")
	for part := range uint64(4) {
		t.Run(fmt.Sprintf("part_%d", part+1), func(t *testing.T) {
			t.Parallel()
			postsFit(t, s, o, atlas, names, part)
		})
	}
}

// postsFit is TestScenarioPostsFit for each fourth seed.
func postsFit(t *testing.T, s *scenario.Scenario, o compose.Options, atlas *scenario.Atlas, names []string, first uint64) {
	t.Helper()
	for seed := first; seed < 80; seed += 4 {
		draw := rand.New(rand.NewPCG(seed, 1))
		one := func(of ...string) string { return of[draw.IntN(len(of))] }
		o := o
		o.Realm = alert.Realm(one(string(alert.RealmLive), string(alert.RealmExercise)))
		limit := 150 + draw.IntN(550)
		o.Channels = append(slices.Clone(o.Channels), compose.Channel{Name: "kurz", Kind: "kurz", Limits: adapters.Limits{MaxLen: limit, LinksInText: true}})
		var area []string
		for range 1 + draw.IntN(12) {
			area = append(area, one(names...))
		}
		inputs := []scenario.Input{
			{Field: "area", Text: strings.Join(area, ",")},
			{Field: "level", Text: one("gialla", "arancione", "rossa")},
			{Field: "cause", Text: one("", "pioggia", "suolo")},
		}
		m, o := filledMessage(t, s, inputs, o, atlas)
		o.Random = rand.NewChaCha8([32]byte{})
		b, err := compose.New(m, o, demoID, demoCode)
		if e, ok := errors.AsType[*compose.FitError](err); ok && e.Channel == "kurz" {
			continue // it says which field to shorten
		}
		if err != nil {
			t.Fatal(err)
		}
		known := m.Infos[0].Instruction + "\n" + m.Infos[0].Headline
		for text, shorter := range o.Shorter["it-IT"] {
			known += "\n" + text + "\n" + strings.Join(shorter, "\n")
		}
		for _, p := range b.Posts {
			i := slices.IndexFunc(o.Channels, func(c compose.Channel) bool { return c.Name == p.Channel })
			if c := o.Channels[i]; c.Limits.Length(p.Text) > c.Limits.MaxLen {
				t.Errorf("%s has %d units", p.Channel, c.Limits.Length(p.Text))
			}
			if p.Channel != "kurz" {
				continue
			}
			for line := range strings.SplitSeq(p.Text, "\n") {
				if strings.HasSuffix(line, ".") && strings.Contains(line, "orrent") && !strings.Contains(known, strings.TrimPrefix(line, "- ")) {
					t.Errorf("seed %d: the line %q is nobody's", seed, line)
				}
			}
		}
		again, err := compose.New(m, o, demoID, demoCode)
		if err != nil || again.SHA256() != b.SHA256() {
			t.Errorf("the same input gave other bytes (%v)", err)
		}
	}
}

// TestLeftOutKnowsShorterWordings holds that a step in the author's shorter words is
// told, and a language is not silent because its headline is another one.
func TestLeftOutKnowsShorterWordings(t *testing.T) {
	t.Parallel()
	s := frana(t)
	o := unpictured(t)
	o.Realm = alert.RealmLive
	b := scenarioBulletin(t, s, s.Example, o)
	for _, left := range compose.LeftOut(b) {
		if left.Channel != "x-savona" {
			t.Errorf("%+v", left)
			continue
		}
		if left.Lang == "it-IT" && (left.Piece == compose.PieceLanguage || left.Piece == compose.PieceHeadline) {
			t.Errorf("%+v, though it shows:\n%s", left, post(t, b, "x-savona", 1).Text)
		}
	}
}

// BenchmarkScenario composes a bulletin for five channels in four languages, without
// pictures, from the values of its fields, with what is prepared inside it. The floor is
// to read it back once, which is done in any case: machines are noisy, the ratio is not.
func BenchmarkScenario(b *testing.B) {
	s := frana(b)
	o := options(b)
	for i := range o.Channels {
		o.Channels[i].Limits.ImageRequired = false
		if o.Channels[i].Kind == "instagram" {
			o.Channels[i].Limits.ImageMaxBytes = 0
		}
	}
	atlas, err := scenario.Savona()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var floor time.Duration
	for b.Loop() {
		m, o := filledMessage(b, s, s.Example, o, atlas)
		made, err := compose.New(m, o, demoID, demoCode)
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		if _, err := bulletin.Parse(made.Bytes()); err != nil {
			b.Fatal(err)
		}
		floor += time.Since(begin)
	}
	b.ReportMetric(float64(floor.Nanoseconds())/float64(b.N), "floor-ns/op")
	b.ReportMetric(float64(b.Elapsed()-floor)/float64(floor), "times-floor")
}

// asGolden holds a text against the golden file that a person has read.
func asGolden(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("it is not as in %s; read it, then run with TOCSIN_UPDATE_GOLDEN=1:\n%s", file, text)
	}
}
