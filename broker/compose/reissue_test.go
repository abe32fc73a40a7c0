package compose_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
	"tocsin/broker/compose"
	"tocsin/templates/scenarios"
)

func TestReissueMakesAnExerciseOfOurOwn(t *testing.T) {
	t.Parallel()
	o := options(t)
	old := own(o, func(m *alert.Message) {
		m.Sender, m.Status, m.MsgType, m.Scope = "altri@example.org", alert.StatusActual, alert.MsgUpdate, alert.ScopePrivate
		m.Sent = o.Now.AddDate(-10, 0, 0)
		m.Source, m.Restriction, m.Addresses, m.Incidents, m.Codes = "a", "b", "c", "d", []string{"IPAWSv1.0"}
		m.References = alert.References{{Sender: "a", Identifier: "b", Sent: "2016-11-22T10:00:00+01:00"}}
		in := &m.Infos[0]
		in.Effective, in.Onset, in.Expires = m.Sent.Add(time.Minute), m.Sent.Add(time.Hour), m.Sent.Add(6*time.Hour)
		in.SenderName, in.Contact, in.Web = "Altri", "+1 555 0100", "https://example.org/altri"
		in.Resources = []alert.Resource{
			{Desc: "Mappa", MIMEType: "image/png", URI: "https://example.org/a.png", Digest: strings.Repeat("0", 40), DerefURI: "YQ=="},
			{Desc: "Suono", MIMEType: "audio/mpeg", DerefURI: "YQ=="},
		}
	})
	m, notes, err := compose.Reissue(old, o)
	if err != nil {
		t.Fatal(err)
	}
	if m.Sender != sender || m.Identifier == old.Identifier || m.Status != alert.StatusExercise || m.MsgType != alert.MsgAlert || m.Scope != alert.ScopePublic || !m.Sent.Equal(o.Now) {
		t.Errorf("the envelope is %+v", m)
	}
	if m.Source+m.Restriction+m.Addresses+m.Incidents != "" || m.Codes != nil || m.References != nil {
		t.Error("the envelope keeps what was of the other sender")
	}
	if want := "Esercitazione: contenuto del messaggio IT-SV-0001 di altri@example.org."; m.Note != want {
		t.Errorf("the note is %q, want %q", m.Note, want)
	}
	in := m.Infos[0]
	if !in.Effective.Equal(o.Now.Add(time.Minute)) || !in.Onset.Equal(o.Now.Add(time.Hour)) || !in.Expires.Equal(o.Now.Add(6*time.Hour)) {
		t.Errorf("the times are %v, %v, %v: they must keep their distances", in.Effective, in.Onset, in.Expires)
	}
	if in.SenderName != o.Issuer || in.Contact != "" || in.Web == "" || in.Headline != "ESERCITAZIONE: "+old.Infos[0].Headline {
		t.Errorf("sender name %q, contact %q, web %q, headline %q", in.SenderName, in.Contact, in.Web, in.Headline)
	}
	if len(in.Resources) != 1 || in.Resources[0].DerefURI+in.Resources[0].Digest != "" {
		t.Errorf("resources are %+v, want the link alone", in.Resources)
	}
	for _, want := range []string{"type Update", "scope was Private", "References", "profiles", "Contacts", "derefUri"} {
		if !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("no note speaks of %q: %q", want, notes)
		}
	}
	if raw, err := m.Marshal(); err != nil || !bytes.Equal(raw, m.Raw) {
		t.Errorf("Raw is not the document of the message (%v)", err)
	}
	if old.Infos[0].Contact == "" || old.Status != alert.StatusActual {
		t.Error("the old message was changed")
	}
}

// TestReissueOfOurOwn keeps what was ours: the demonstration loses nothing.
func TestReissueOfOurOwn(t *testing.T) {
	t.Parallel()
	o := options(t)
	old, _, err := alert.Import(scenarios.Demo())
	if err != nil {
		t.Fatal(err)
	}
	m, notes, err := compose.Reissue(old, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) > 0 {
		t.Errorf("notes are %q, want none", notes)
	}
	if m.Note != old.Note || !slices.Equal(m.Codes, old.Codes) || m.Infos[0].Contact != old.Infos[0].Contact || m.Infos[0].Headline != old.Infos[0].Headline || m.Infos[0].Description != old.Infos[0].Description {
		t.Error("the message lost something of ours")
	}
}

func TestReissueSettlesTimes(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Lifetime = 3 * time.Hour
	at := func(d time.Duration) time.Time { return o.Now.AddDate(-1, 0, 0).Add(d) }
	tests := map[string]struct {
		effective, onset, expires time.Time
		hours                     float64
		keepsOnset                bool
	}{
		"kept":           {time.Time{}, at(time.Hour), at(2 * time.Hour), 2, true},
		"missing":        {time.Time{}, at(time.Hour), time.Time{}, 3, true},
		"short":          {time.Time{}, time.Time{}, at(time.Minute), 1, false},
		"before_sent":    {time.Time{}, time.Time{}, at(-time.Hour), 1, false},
		"long":           {time.Time{}, at(time.Hour), at(300 * time.Hour), 24, true},
		"onset_too_late": {time.Time{}, at(48 * time.Hour), at(300 * time.Hour), 24, false},
		"onset_long_ago": {time.Time{}, at(-9000 * time.Hour), at(2 * time.Hour), 2, false},
		"effective_late": {at(30 * time.Hour), at(time.Hour), at(300 * time.Hour), 24, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := own(o, func(m *alert.Message) {
				m.Sent = at(0)
				m.Infos[0].Effective, m.Infos[0].Onset, m.Infos[0].Expires = tt.effective, tt.onset, tt.expires
			})
			m, _, err := compose.Reissue(old, o)
			if err != nil {
				t.Fatal(err)
			}
			in := m.Infos[0]
			if got := in.Expires.Sub(o.Now).Hours(); math.Abs(got-tt.hours) > 1e-9 {
				t.Errorf("it holds for %v hours, want %v", got, tt.hours)
			}
			if got := !in.Onset.IsZero(); got != tt.keepsOnset {
				t.Errorf("it keeps the onset: %t, want %t", got, tt.keepsOnset)
			}
		})
	}
}

func TestReissueCleansTexts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want, note string }{
		"plain":       {"Piena del Letimbro.", "Piena del Letimbro.", ""},
		"composed":    {"Perche\u0301", "Perché", "NFC"},
		"bidi":        {"Sa\u202evona\u2069", "Savona", "nobody sees"},
		"soft":        {"Sa\u00advona\ufeff", "Savona", "nobody sees"},
		"zero_width":  {"Sa\u200bvo\u2060na\u180e", "Savona", "nobody sees"},
		"filler":      {"Sa\u3164vo\u115fna\u034f\u2065", "Savona", "nobody sees"},
		"tags":        {"Savona\U000e0041\ufe0f", "Savona", "nobody sees"},
		"joined":      {"Sa\u200dvo\u200cna", "Savona", "nobody sees"},
		"emoji":       {"⚠️ 1️⃣ 👩🏽\u200d🚒", "⚠️ 1️⃣ 👩🏽\u200d🚒", ""},
		"damaged":     {"Sa\ufffdvona", "Savona", "nobody sees"},
		"private":     {"Sa\ue000vona", "Savona", "nobody sees"},
		"lines":       {"a\r\nb\rc\u2028d", "a\nb\nc\nd", ""},
		"blanks":      {"  a \t b  \n\n\n\n c ", "a b\n\nc", ""},
		"html":        {"<p>Piena</p><p>Salire <b>subito</b><br/>ai piani</p>", "Piena\nSalire subito\nai piani", "HTML"},
		"escaped":     {"Perch&eacute; &lt;b&gt;no&lt;/b&gt; &amp;egrave;", "Perché no è", "HTML"},
		"link":        {`<a href="https://example.org">qui</a>`, "qui", "HTML"},
		"comparison":  {"3 < 4 e <subito>", "3 < 4 e <subito>", ""},
		"lost_space":  {"Chiuse le scuole.Si attenda.", "Chiuse le scuole. Si attenda.", "full stops"},
		"not_lost":    {"Ore 18.30, file a.txt, S.Maria", "Ore 18.30, file a.txt, S.Maria", ""},
		"broken_line": {"Una frase che era troppo lunga per la riga della\nstampante e che va a capo.\n- voce", "Una frase che era troppo lunga per la riga della stampante e che va a capo.\n- voce", ""},
		"verses":      {"finale\nloano\nalbenga", "finale\nloano\nalbenga", ""},
		"joiners":     {"می\u200cخواهم", "می\u200cخواهم", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			m, notes, err := compose.Reissue(own(o, func(m *alert.Message) { m.Infos[0].Description = tt.text }), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Infos[0].Description; got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
			if said := strings.Join(notes, "\n"); tt.note == "" && said != "" || !strings.Contains(said, tt.note) {
				t.Errorf("the notes are %q, want one about %q", notes, tt.note)
			}
		})
	}
}

func TestReissueFillsWhatIsMissing(t *testing.T) {
	t.Parallel()
	o := options(t)
	feet, low := 300.0, 100.0
	size := int64(-1)
	ring := alert.Polygon{{Lat: 44, Lon: 8}, {Lat: 44.5, Lon: 8}, {Lat: 44.5, Lon: 8.5}}
	old := own(o, func(m *alert.Message) {
		m.Infos[0] = alert.Info{
			Language: "x-klingon-language", Expires: o.Now.Add(time.Hour), Web: "example.org",
			Parameters: []alert.NamedValue{{Name: "a"}, {Name: "b", Value: "c"}},
			Resources:  []alert.Resource{{Desc: "Mappa", MIMEType: "image/png", URI: "https://example.org/a.png", Size: &size}, {Desc: "b", MIMEType: "none", URI: "https://example.org"}},
			Areas: []alert.Area{
				{Polygons: []alert.Polygon{ring, {{Lat: 95, Lon: 8}, {Lat: 44, Lon: 8}, {Lat: 44, Lon: 9}, {Lat: 95, Lon: 8}}}, Altitude: &feet, Ceiling: &low},
				{Desc: "Punto", Circles: []alert.Circle{{Center: ring[0]}, {Center: ring[0], RadiusKM: -1}}, Ceiling: &feet},
				{Desc: "Altrove"},
			},
		}
	})
	m, notes, err := compose.Reissue(old, o)
	if err != nil {
		t.Fatal(err)
	}
	in := m.Infos[0]
	if in.Language != "en-US" || in.Event != "Notice" || in.Categories[0] != alert.CategoryOther || in.Urgency != alert.UrgencyUnknown || in.Severity != alert.SeverityUnknown || in.Certainty != alert.CertaintyUnknown || in.Web != "" {
		t.Errorf("the info is %+v", in)
	}
	if len(in.Parameters) != 1 || len(in.Resources) != 1 || in.Resources[0].Size != nil {
		t.Errorf("parameters %v, resources %v", in.Parameters, in.Resources)
	}
	a := in.Areas
	if a[0].Desc != "area without a name" || len(a[0].Polygons) != 1 || len(a[0].Polygons[0]) != 4 || a[0].Altitude == nil || a[0].Ceiling != nil {
		t.Errorf("the first area is %+v", a[0])
	}
	if len(a[1].Circles) != 1 || a[1].Circles[0].RadiusKM != 0.1 || a[1].Ceiling != nil {
		t.Errorf("the second area is %+v", a[1])
	}
	if len(a[2].Geocodes) != 1 || a[2].Geocodes[0].Name != "ESERCITAZIONE" {
		t.Errorf("the third area is %+v", a[2])
	}
	if len(notes) < 9 {
		t.Errorf("there are %d notes, want one for each change: %q", len(notes), notes)
	}
}

func TestReissueBoundsLanguages(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	old := own(o, func(m *alert.Message) {
		in := m.Infos[0]
		m.Infos = nil
		for i := range 40 {
			in.Language = fmt.Sprintf("en-%02d", i/2)
			m.Infos = append(m.Infos, in)
		}
	})
	m, notes, err := compose.Reissue(old, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Infos) != 32 || !strings.Contains(strings.Join(notes, " "), "20 languages") {
		t.Errorf("%d infos stayed, notes %q", len(m.Infos), notes)
	}
	if b := first(t, m, o); len(b.For("website-savona")) != 16 {
		t.Errorf("the site has %d parts, want 16", len(b.For("website-savona")))
	}
}

// star returns a ring of n points that no method finds easy: every point is far
// off the line between its neighbours.
func star(n int, lat, lon float64) alert.Polygon {
	ring := make(alert.Polygon, 0, n+1)
	for i := range n {
		angle, radius := 2*math.Pi*float64(i)/float64(n), 0.5+0.4*float64(i%2)
		ring = append(ring, alert.Point{Lat: lat + radius*math.Sin(angle), Lon: lon + radius*math.Cos(angle)})
	}
	return append(ring, ring[0])
}

func TestReissueSimplifiesPolygons(t *testing.T) {
	t.Parallel()
	o := options(t)
	spiral := make(alert.Polygon, 0, 50_000)
	for i := range 49_999 {
		angle, radius := float64(i)/100, 0.2+float64(i)/50_000
		spiral = append(spiral, alert.Point{Lat: 44 + radius*math.Sin(angle), Lon: 8 + radius*math.Cos(angle)})
	}
	spiral = append(spiral, spiral[0])
	small := alert.Polygon{{Lat: 44, Lon: 8}, {Lat: 44.00001, Lon: 8}, {Lat: 44.00001, Lon: 8.00001}, {Lat: 44, Lon: 8.00001}, {Lat: 44, Lon: 8}}
	tests := map[string][]alert.Polygon{
		"star":   {star(41_009, 44, 8)},
		"spiral": {spiral},
		"many":   slices.Repeat([]alert.Polygon{star(100, 44, 8)}, 450),
		"small":  {star(9000, 44, 8), small},
	}
	for name, rings := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, notes, err := compose.Reissue(own(o, func(m *alert.Message) { m.Infos[0].Areas[0].Polygons = rings }), o)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, p := range m.Infos[0].Areas[0].Polygons {
				if err := p.Check(); err != nil {
					t.Error(err)
				}
				n += len(p)
			}
			if len(m.Infos[0].Areas[0].Polygons) != len(rings) || n > 4000 || n < 4*len(rings) {
				t.Errorf("there are %d polygons of %d points, want %d of at most 4000", len(m.Infos[0].Areas[0].Polygons), n, len(rings))
			}
			if !strings.Contains(strings.Join(notes, " "), "simplified") {
				t.Errorf("no note says that polygons were simplified: %q", notes)
			}
		})
	}
}

// TestReissueKeepsShapes holds that a shape stays where it was: a coast of a
// thousand points and one corner of each kind.
func TestReissueKeepsShapes(t *testing.T) {
	t.Parallel()
	o := options(t)
	var ring alert.Polygon
	for i := range 6000 {
		ring = append(ring, alert.Point{Lat: 44 + float64(i)/6000, Lon: 8 + math.Sin(float64(i))*1e-5})
	}
	ring = append(ring, alert.Point{Lat: 45, Lon: 9}, alert.Point{Lat: 44, Lon: 9}, ring[0])
	m, _, err := compose.Reissue(own(o, func(m *alert.Message) { m.Infos[0].Areas[0].Polygons = []alert.Polygon{ring} }), o)
	if err != nil {
		t.Fatal(err)
	}
	got := m.Infos[0].Areas[0].Polygons[0]
	if len(got) > 20 {
		t.Errorf("a rectangle has %d points", len(got))
	}
	for _, corner := range []alert.Point{{Lat: 44, Lon: 8}, {Lat: 45, Lon: 8}, {Lat: 45, Lon: 9}, {Lat: 44, Lon: 9}} {
		if !slices.ContainsFunc(got, func(p alert.Point) bool { return math.Hypot(p.Lat-corner.Lat, p.Lon-corner.Lon) < 0.001 }) {
			t.Errorf("the corner %v is gone: %v", corner, got)
		}
	}
}

func TestReissueRefuses(t *testing.T) {
	t.Parallel()
	o := options(t)
	tests := map[string]struct {
		change func(*alert.Message)
		o      compose.Options
		want   string
	}{
		"live": {nil, live(o), "only the realm exercise"},
		"too_many_rings": {func(m *alert.Message) {
			m.Infos[0].Areas[0].Polygons = slices.Repeat([]alert.Polygon{star(8, 44, 8)}, 1500)
		}, o, "the areas have 1500 polygons"},
		"too_long_a_text": {func(m *alert.Message) { m.Infos[0].Description = strings.Repeat("Salire. ", 40_000) }, o, "shorten its texts"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := compose.Reissue(own(o, tt.change), tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Reissue returned %v, want an error with %q", err, tt.want)
			}
		})
	}
	o.Random = strings.NewReader("")
	if _, _, err := compose.Reissue(own(o, nil), o); err == nil {
		t.Error("no random numbers are needed")
	}
}

// FuzzTexts holds that whatever others write in their texts, an exercise can be
// made of it, and that nothing reaches a post that people can't see.
func FuzzTexts(f *testing.F) {
	f.Add("it-IT", "Alluvione", "Piena a Savona", "Il Letimbro è a 2,10 m.", "- Salire.\n- Restarci.", "Savona", false)
	f.Add("my", "ရေကြီးမှု", "", "<br/>&amp;lt;b&gt;", "\u202e\u0000\xff", "", true)
	f.Add("fr-FR", "ESERCITAZIONE", "EXERCICE", "e\u0301a.Ba", "\ufffd{{", "SV-7F3K2-2", false)
	f.Add("en", strings.Repeat("洪水", 300), strings.Repeat("水 ", 200), "#a #b #c #d #e #f", "A. B.", strings.Repeat("c", 500), true)
	o := unpictured(f)
	f.Fuzz(func(t *testing.T, lang, event, headline, description, instruction, area string, cancel bool) {
		if len(event)+len(headline)+len(description)+len(instruction)+len(area) > 20_000 {
			t.Skip("messages of that size may be refused")
		}
		m, _, err := compose.Reissue(own(o, func(m *alert.Message) {
			in := &m.Infos[0]
			in.Language, in.Event, in.Headline, in.Description, in.Instruction, in.Areas[0].Desc = lang, event, headline, description, instruction, area
			if cancel {
				m.MsgType = alert.MsgCancel
			}
		}), o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := compose.New(m, o, demoID, "SV-99999")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range b.Posts {
			all := p.Text + p.Title + p.Alt
			if !norm.NFC.IsNormalString(p.Text) || strings.ContainsRune(all, unicode.ReplacementChar) {
				t.Errorf("%s holds a text that is damaged or not in NFC: %q", p.Channel, all)
			}
		}
	})
}

// FuzzImported takes documents of others all the way.
func FuzzImported(f *testing.F) {
	f.Add(scenarios.Demo())
	raw, err := own(options(f), nil).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.ReplaceAll(raw, []byte("1.2"), []byte("1.1")))
	o := unpictured(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 20_000 {
			t.Skip("messages of that size may be refused")
		}
		imported, _, err := alert.Import(raw)
		if err != nil {
			return
		}
		m, _, err := compose.Reissue(imported, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := compose.New(m, o, demoID, demoCode); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	o := drawn(b)
	m := demo(b, o)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compose.New(m, o, demoID, demoCode); err != nil {
			b.Fatal(err)
		}
	}
}
