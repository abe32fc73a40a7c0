package compose_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/compose"
	"tocsin/broker/scenario"
)

// left returns what the posts of a channel leave out, as "description it-IT".
func left(found []compose.Omission, channel string) []string {
	var out []string
	for _, o := range found {
		if o.Channel == channel {
			out = append(out, string(o.Piece)+" "+o.Lang)
		}
	}
	return out
}

func TestLeftOut(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	tests := map[string]struct {
		change func(*alert.Message)
		want   map[string][]string
	}{
		"short": {nil, map[string][]string{
			"x-savona": {"areas it-IT", "description it-IT", "instruction it-IT"},
		}},
		"long_description": {func(m *alert.Message) {
			m.Infos[0].Description = strings.TrimSpace(strings.Repeat("Il Letimbro cresce ancora. ", 280))
			m.Infos[0].Contact = "Sala operativa, 019 000000"
		}, map[string][]string{
			"x-savona":        {"areas it-IT", "description it-IT", "instruction it-IT", "contact it-IT"},
			"telegram-savona": {"description it-IT", "contact it-IT"},
		}},
		"languages": {func(m *alert.Message) {
			in := m.Infos[0]
			in.Language, in.Headline, in.Event = "en-US", "Flood in Savona: go upstairs", "Flood"
			m.Infos = append(m.Infos, in)
		}, map[string][]string{
			"x-savona": {"areas it-IT", "description it-IT", "instruction it-IT", "description en-US", "instruction en-US"},
		}},
		"second_info": {func(m *alert.Message) {
			in := m.Infos[0]
			in.Headline, in.Event, in.Severity = "Pioggia forte a Imperia", "Pioggia", alert.SeverityModerate
			m.Infos = append(m.Infos, in)
		}, map[string][]string{
			"x-savona": {"areas it-IT", "description it-IT", "instruction it-IT", "info it-IT"},
		}},
		"many_areas": {func(m *alert.Message) {
			for _, name := range []string{"Quiliano", "Bergeggi", "Spotorno", "Noli", "Vezzi Portio", "Albissola Marina", "Albisola Superiore", "Celle Ligure", "Varazze", "Finale Ligure"} {
				m.Infos[0].Areas = append(m.Infos[0].Areas, alert.Area{Desc: name, Geocodes: m.Infos[0].Areas[0].Geocodes})
			}
		}, map[string][]string{
			"x-savona": {"areas it-IT", "description it-IT", "instruction it-IT"},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := compose.LeftOut(first(t, own(o, tt.change), o))
			for _, c := range o.Channels {
				if got := left(found, c.Name); !slices.Equal(got, tt.want[c.Name]) {
					t.Errorf("%s leaves out %v, want %v", c.Name, got, tt.want[c.Name])
				}
			}
		})
	}
}

// TestLeftOutInEachLanguage composes every scenario in four languages, with the longest and
// the shortest values, and holds what is said to be left to the page against the posts: a
// language that is left out does not stand there, one that is not does, with its steps,
// whole description and every area as far as they are not named.
func TestLeftOutInEachLanguage(t *testing.T) {
	t.Parallel()
	everyScenario(t, func(t *testing.T, s *scenario.Scenario, atlas *scenario.Atlas) {
		for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
			for _, inputs := range [][]scenario.Input{s.Longest, shortest(s)} {
				o := unpictured(t)
				o.Realm = realm
				m, o := sampleMessage(t, s, inputs, o, atlas)
				b := first(t, m, o)
				found := compose.LeftOut(b)
				for _, c := range b.Channels() {
					text, parts := "", map[string]string{}
					for _, p := range b.Posts {
						if !strings.Contains(p.Text, o.Issuer) || !strings.Contains(p.Text, b.Mark()) || !strings.Contains(p.Text, p.Link) {
							t.Errorf("%s in %s does not say who issues it, its code or its link:\n%s", p.Channel, p.Lang, p.Text)
						}
						if p.Channel == c.Name {
							text += p.Title + "\n" + p.Text + "\n"
							parts[p.Lang] = p.Text
						}
					}
					for i := range b.Message.Infos {
						text := text
						if c.Kind == "x" { // each part says one language
							text = parts[b.Message.Infos[i].Language]
						}
						leftTruly(t, c.Name, text, &b.Message.Infos[i], o.Shorter[b.Message.Infos[i].Language], found)
					}
				}
			}
		}
	})
}

// leftTruly holds what is said to be left out of one language against the text of a channel.
func leftTruly(t *testing.T, channel, text string, in *alert.Info, shorter map[string][]string, found []compose.Omission) {
	t.Helper()
	left := map[compose.Piece]compose.Omission{}
	for _, o := range found {
		if o.Channel == channel && o.Lang == in.Language {
			left[o.Piece] = o
		}
	}
	lines := strings.Split(text, "\n")
	told, of := 0, 0
	for line := range strings.SplitSeq(in.Instruction, "\n") {
		step, ok := strings.CutPrefix(line, "- ")
		if !ok {
			continue
		}
		of++
		if slices.ContainsFunc(append([]string{step}, shorter[step]...), func(s string) bool { return slices.Contains(lines, s) || slices.Contains(lines, "- "+s) }) {
			told++
		}
	}
	if _, silent := left[compose.PieceLanguage]; silent {
		if told > 0 || strings.Contains(text, in.Description) || len(left) > 1 {
			t.Errorf("%s is said to leave all of %s to the page, and shows %d steps of it", channel, in.Language, told)
		}
		return
	}
	steps, some := left[compose.PieceInstruction]
	if some && steps.Told != told || !some && told < of {
		t.Errorf("%s shows %d of %d steps in %s, and is said to: %v, %d", channel, told, of, in.Language, some, steps.Told)
	}
	if _, none := left[compose.PieceDescription]; none == strings.Contains(text, in.Description) {
		t.Errorf("%s: that it leaves out the description in %s is said: %v", channel, in.Language, none)
	}
	areas := 0
	for _, a := range in.Areas {
		if strings.Contains(text, a.Desc) {
			areas++
		}
	}
	if o, some := left[compose.PieceAreas]; some && o.Told != areas || !some && areas < len(in.Areas) {
		t.Errorf("%s names %d of %d areas, and is said to in %s: %v, %d", channel, areas, len(in.Areas), in.Language, some, o.Told)
	}
}

// TestOneWordOfManyLanguages holds that a name which several languages share does not make
// one of them told.
func TestOneWordOfManyLanguages(t *testing.T) {
	t.Parallel()
	for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
		o := unpictured(t)
		o.Realm = realm
		for i := range o.Channels {
			if o.Channels[i].Kind == "x" {
				o.Channels[i].Languages = []string{"it"}
			}
		}
		m := own(o, func(m *alert.Message) {
			if realm == alert.RealmLive {
				actual(m)
			}
			m.Infos[0].Event, m.Infos[0].Headline = "Blackout", "Blackout"
			in := m.Infos[0]
			in.Language, in.Description, in.Instruction = "de-DE", "Der Strom ist weg.", "Bleiben Sie zu Hause."
			m.Infos = append(m.Infos, in)
		})
		if got := left(compose.LeftOut(first(t, m, o)), "x-savona"); !slices.Contains(got, "language de-DE") || len(got) != len(slices.Compact(got)) || slices.Contains(got, "description de-DE") {
			t.Errorf("%s: X leaves out %v", realm, got)
		}
	}
}

// TestPagesAreWhole holds that the full text stands on the page that all posts link
// to, or that there is no bulletin.
func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	long := strings.TrimSpace(strings.Repeat("Il Letimbro cresce ancora. ", 800))
	for field, change := range map[string]func(*alert.Message){
		"description": func(m *alert.Message) { m.Infos[0].Description = long },
		"instruction": func(m *alert.Message) { m.Infos[0].Instruction = long },
	} {
		_, err := compose.New(own(o, change), o, demoID, demoCode)
		f, ok := errors.AsType[*compose.FitError](err)
		if !ok || f.Channel != "website-savona" || f.Field != field || f.Units <= f.Limit {
			t.Errorf("New returned %v, want a FitError of the website about %s", err, field)
		}
	}
}

// TestStepsKeepTheirProviso composes for channels of every size: no step is told
// without what it holds under.
func TestStepsKeepTheirProviso(t *testing.T) {
	t.Parallel()
	const nothing = "ESERCITAZIONE: adesso non devi fare nulla."
	list := "\n- Salire ai piani alti.\n- Non usare l’ascensore.\n- Non scendere in cantina.\n- Ascoltare la radio."
	tests := map[string]struct {
		instruction, proviso string
		real                 bool
	}{
		"before_a_list":    {nothing + " In un'allerta vera fai così." + list, nothing + " In un'allerta vera fai così.", false},
		"after_a_list":     {"Fai così:" + list + "\n" + nothing, "Fai così: " + nothing, false},
		"in_small_letters": {"Fai così:" + list + "\nÈ solo un’esercitazione: adesso non fare nulla.", "Fai così: È solo un’esercitazione: adesso non fare nulla.", false},
		"first_sentence":   {nothing + " Salire ai piani alti. Non usare l’ascensore. Ascoltare la radio.", nothing, false},
		"last_sentence":    {"Salire ai piani alti. Non usare l’ascensore. Ascoltare la radio. Restare in casa. " + nothing, nothing, false},
		"reality":          {"Se abiti lungo il Letimbro:" + list, "Se abiti lungo il Letimbro:", true},
		"two_lists":        {"Se sei in casa:" + list + "\nSe sei in auto:\n- Accostare e uscire.", "Se sei in casa:", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := one(t, adapters.Limits{LinksInText: true})
			m := own(o, func(m *alert.Message) { m.Infos[0].Instruction = tt.instruction })
			if tt.real {
				o = live(o)
				m = own(o, func(m *alert.Message) { actual(m); m.Infos[0].Instruction = tt.instruction })
			}
			partly := 0
			for limit := 800; limit > 100; limit -= 3 {
				o.Channels[0].Limits.MaxLen = limit
				text := first(t, m, o).Posts[0].Text
				if n := utf8.RuneCountInString(text); n > limit {
					t.Fatalf("the text has %d characters, the limit is %d", n, limit)
				}
				if strings.Contains(text, tt.instruction) {
					continue
				}
				steps := strings.Contains(text, "Salire ai piani alti.") || strings.Contains(text, "ascensore")
				if steps && !strings.Contains(text, "\n"+tt.proviso+"\n") {
					t.Fatalf("at %d, steps are told without %q:\n%s", limit, tt.proviso, text)
				}
				if steps {
					partly++
				}
				if strings.Contains(text, "Accostare") {
					t.Fatalf("at %d, a step of the second list is told without its own words:\n%s", limit, text)
				}
			}
			if partly == 0 {
				t.Error("no limit told the instruction in part")
			}
		})
	}
}

// TestPictureKeepsTheProviso holds the same for the card.
func TestPictureKeepsTheProviso(t *testing.T) {
	t.Parallel()
	const nothing = "ESERCITAZIONE: adesso non devi fare nulla."
	o := one(t, adapters.Limits{MaxLen: 2200, ImageRequired: true, ImageMaxBytes: 1 << 20})
	for _, length := range []int{1, 12, 40} {
		m := own(o, func(m *alert.Message) {
			step := strings.TrimSpace(strings.Repeat("Salire ai piani alti e restarci. ", length))
			m.Infos[0].Instruction = nothing + "\n- " + step + "\n- " + step + "\n- " + step
		})
		alt := first(t, m, o).Posts[0].Alt
		if strings.Contains(alt, "Salire ai piani alti e") != strings.Contains(alt, nothing) {
			t.Errorf("with %d sentences a step, the picture says: %s", length, alt)
		}
	}
}

// TestStopDoesNotWaitForClocks revokes an alert whose author's clock is ahead.
func TestStopDoesNotWaitForClocks(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b := first(t, own(o, func(m *alert.Message) { m.Sent = o.Now.Add(4 * time.Minute) }), o)
	m, err := compose.Cancel(b, "Errore di invio.", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compose.Next(b, m, o); err != nil {
		t.Error(err)
	}
}

// TestEndIsByTheIssuersClock reads a message with times in UTC.
func TestEndIsByTheIssuersClock(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b := first(t, own(o, func(m *alert.Message) { m.Infos[0].Expires = m.Infos[0].Expires.UTC() }), o)
	if got, want := b.Expires.Format(time.RFC3339), "2026-11-22T21:00:00+01:00"; got != want {
		t.Errorf("the bulletin ends at %s, want %s", got, want)
	}
}

// TestNightOfTheClockChange writes for channels of every size in the night in which the hour
// after two o'clock comes twice: no text has a period that ends before it begins.
func TestNightOfTheClockChange(t *testing.T) {
	t.Parallel()
	o := one(t, adapters.Limits{LinksInText: true})
	o.Now = time.Date(2026, time.October, 25, 0, 10, 0, 0, time.UTC)
	m := own(o, func(m *alert.Message) {
		m.Sent = o.Now
		m.Infos[0].Effective, m.Infos[0].Onset, m.Infos[0].Expires = time.Time{}, o.Now.Add(20*time.Minute), o.Now.Add(70*time.Minute)
	})
	said := map[string]bool{}
	for limit := 700; limit >= 100; limit -= 10 {
		o.Channels[0].Limits.MaxLen = limit
		b, err := compose.New(m, o, demoID, demoCode)
		if err != nil {
			t.Fatalf("at %d: %v", limit, err)
		}
		text := b.Posts[0].Text
		if n := utf8.RuneCountInString(text); n > limit {
			t.Fatalf("the text has %d characters, the limit is %d", n, limit)
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, "02:20") {
				said[strings.TrimSpace(line)] = true
			}
		}
	}
	for line := range said {
		if !strings.Contains(line, "alle 02:30 (ora legale) alle 02:20 (ora solare) di dom") {
			t.Errorf("the public reads %q", line)
		}
	}
	if len(said) < 3 {
		t.Errorf("the shapes between were not tried: %v", said)
	}
}
