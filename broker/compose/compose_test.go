package compose_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
)

// one returns options with a single channel of the limit, in code points.
func one(t testing.TB, limits adapters.Limits) compose.Options {
	o := options(t)
	o.Channels = []compose.Channel{{Name: "board", Kind: "board", Limits: limits}}
	return o
}

// live returns options of the live realm.
func live(o compose.Options) compose.Options {
	o.Realm = alert.RealmLive
	return o
}

func actual(m *alert.Message) { m.Status, m.Note = alert.StatusActual, "" }

func TestNewKeepsTheBytes(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	raw, err := own(o, nil).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.Replace(raw, []byte("<sender>"), []byte("\n\n  <sender>"), 1) // not as Marshal writes it
	m, err := alert.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	m.Infos[0].Headline = "Un altro testo" // what is signed is the document
	b := first(t, m, o)
	if !bytes.Equal(b.CAP, raw) {
		t.Error("the CAP bytes are not those that were read")
	}
	if text := post(t, b, "x-savona", 1).Text; strings.Contains(text, "Un altro testo") || !strings.Contains(text, "Letimbro") {
		t.Errorf("the post does not say what the document says:\n%s", text)
	}
	if b.Number != 1 || b.Alert != demoID || b.Code != demoCode || b.Realm != o.Realm || b.Issuer != o.Issuer || !b.Composed.Equal(o.Now) {
		t.Error("the head of the bulletin is not what was asked for")
	}
	if want := o.Now.Add(6 * time.Hour); !b.Expires.Equal(want) {
		t.Errorf("it expires at %v, want %v", b.Expires, want)
	}
	again := first(t, m, o)
	if again.SHA256() != b.SHA256() {
		t.Error("composing the same twice gives other bytes")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	imported := func(m *alert.Message) *alert.Message {
		raw, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		foreign, _, err := alert.Import(raw)
		if err != nil {
			t.Fatal(err)
		}
		return foreign
	}
	tabbed := func(m *alert.Message) *alert.Message {
		raw, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		read, err := alert.Read(bytes.ReplaceAll(raw, []byte("\n  <"), []byte("\n\t<")))
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	tests := map[string]struct {
		message func(*alert.Message)
		after   func(*alert.Message) *alert.Message
		options func(*compose.Options)
		want    string
	}{
		"foreign":      {nil, imported, nil, "others wrote this message"},
		"tabs":         {nil, tabbed, nil, "has tabs"},
		"update":       {func(m *alert.Message) { m.MsgType = alert.MsgUpdate }, nil, nil, "use Next"},
		"unsound":      {func(m *alert.Message) { m.Infos[0].Areas = nil }, nil, nil, "alert/info[1]/area"},
		"other_sender": {func(m *alert.Message) { m.Sender = "altri@example.it" }, nil, nil, "the sender is altri@example.it"},
		"wrong_realm":  {actual, nil, nil, "the realm exercise does not publish"},
		"expired":      {nil, nil, func(o *compose.Options) { o.Now = o.Now.Add(7 * time.Hour) }, "expired"},
		"onset":        {func(m *alert.Message) { m.Infos[0].Onset = m.Infos[0].Expires }, nil, nil, "the event begins (onset)"},
		"markup":       {func(m *alert.Message) { m.Infos[0].Description = "Piena.<br/>Salire." }, nil, nil, `"<br/>"`},
		"entity":       {func(m *alert.Message) { m.Infos[0].Description = "Perch&eacute; sale." }, nil, nil, `"&eacute;"`},
		"lost_space":   {func(m *alert.Message) { m.Infos[0].Instruction = "Restare nelle scuole.Si attenda." }, nil, nil, `"le.Si"`},
		"no_channels":  {nil, nil, func(o *compose.Options) { o.Channels = nil }, "no channel"},
		"no_limit":     {nil, nil, func(o *compose.Options) { o.Channels[0].Limits = adapters.Limits{} }, "says no limit"},
		"languages": {func(m *alert.Message) {
			for i := range 17 {
				m.Infos = append(m.Infos, m.Infos[0])
				m.Infos[i].Language = fmt.Sprintf("en-%02d", i)
			}
		}, nil, nil, "the message has 17 languages"},
		"language":     {func(m *alert.Message) { m.Infos[0].Language = "x-1" }, nil, nil, `the language "x-1"`},
		"picture":      {nil, nil, func(o *compose.Options) { o.Channels[3].Limits.ImageMaxBytes = 100 }, "channel instagram-savona takes 100"},
		"picture_text": {nil, nil, func(o *compose.Options) { o.SiteURL = "https://" + strings.Repeat("a", 150) + ".it" }, "does not fit on the card"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			m := own(o, tt.message)
			if tt.after != nil {
				m = tt.after(m)
			}
			if tt.options != nil {
				tt.options(&o)
			}
			b, err := compose.New(m, o, demoID, demoCode)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New returned %v, want an error with %q", err, tt.want)
			}
			if b != nil {
				t.Error("New returned a bulletin beside an error")
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	sound := options(t)
	m := demo(t, sound)
	b := first(t, m, sound)
	for name, change := range map[string]func(*compose.Options){
		"realm":         func(o *compose.Options) { o.Realm = "" },
		"issuer":        func(o *compose.Options) { o.Issuer = " " },
		"issuer_line":   func(o *compose.Options) { o.Issuer = "Provincia\ndi Savona" },
		"sender":        func(o *compose.Options) { o.Sender = "" },
		"now":           func(o *compose.Options) { o.Now = time.Time{} },
		"lifetime":      func(o *compose.Options) { o.Lifetime = -time.Hour },
		"site":          func(o *compose.Options) { o.SiteURL = "" },
		"site_scheme":   func(o *compose.Options) { o.SiteURL = "ftp://example.it" },
		"site_password": func(o *compose.Options) { o.SiteURL = "https://u:p@example.it" },
		"site_query":    func(o *compose.Options) { o.SiteURL = "https://example.it/?a=b" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sound
			change(&o)
			if _, err := compose.New(m, o, demoID, demoCode); err == nil {
				t.Error("New takes it")
			}
			if _, _, err := compose.Reissue(m, o); err == nil {
				t.Error("Reissue takes it")
			}
			if _, err := compose.Next(b, m, o); err == nil {
				t.Error("Next takes it")
			}
			if _, err := compose.Cancel(b, "Errore.", o); err == nil {
				t.Error("Cancel takes it")
			}
			if len(compose.Lint(b, o)) == 0 {
				t.Error("Lint finds nothing")
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Location, o.Random, o.Cards, o.SiteURL = nil, nil, nil, o.SiteURL+"/"
	b := first(t, demo(t, o), o)
	p := post(t, b, "telegram-savona", 1)
	if want := "http://127.0.0.1:8080/a/SV-7F3K2"; p.Link != want {
		t.Errorf("the link is %q, want %q", p.Link, want)
	}
	if !strings.Contains(p.Text, "dalle 16:00 alle 23:59 di domenica 22 novembre 2026") {
		t.Errorf("the validity is not in the time of Rome:\n%s", p.Text)
	}
}

func TestNewAlert(t *testing.T) {
	t.Parallel()
	o := options(t)
	id, code, err := compose.NewAlert(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alert.ParseID(string(id)); err != nil {
		t.Error(err)
	}
	if code.Prefix() != "SV" {
		t.Errorf("the code is %s, want one with the prefix SV", code)
	}
	o.CodePrefix = "sv"
	if _, _, err := compose.NewAlert(o); err == nil {
		t.Error("a prefix in small letters is taken")
	}
	o.Random = strings.NewReader("")
	if _, _, err := compose.NewAlert(o); err == nil {
		t.Error("no random numbers are needed")
	}
}

// TestEveryLimitIsKept composes for a channel of every size: the text fits, says
// all that a text must, and is made of whole parts.
func TestEveryLimitIsKept(t *testing.T) {
	t.Parallel()
	whole := []string{
		"ESERCITAZIONE", "ESERCITAZIONE – Non c’è alcun pericolo reale.", "ESERCITAZIONE – Questo messaggio è una prova.",
		"Piena del Letimbro a Savona: salire ai piani alti", "Alluvione",
		"Dove: Savona (SV), Vado Ligure (SV)", "Savona (SV), Vado Ligure (SV)", "Savona (SV) e un’altra zona",
		"Quando: dalle 16:00 alle 21:00 di domenica 22 novembre 2026", "Dalle 16:00 alle 21:00 di domenica 22 novembre 2026", "Dalle 16:00 alle 21:00 di dom 22/11",
		"Il Letimbro è a 2,10 metri e cresce.", "Che cosa fare:",
		"Salire ai piani alti. Non usare l’ascensore. Non scendere in cantina. Ascoltare la radio.",
		"- Salire ai piani alti.", "- Non usare l’ascensore.", "- Non scendere in cantina.",
		"Salire ai piani alti.", "Non usare l’ascensore.", "Non scendere in cantina.",
		"Testo ufficiale completo: http://127.0.0.1:8080/a/SV-7F3K2", "http://127.0.0.1:8080/a/SV-7F3K2",
		"Fonte: Provincia di Savona – Protezione civile", "Codice allerta: SV-7F3K2-1", "Provincia di Savona – Protezione civile, SV-7F3K2-1", "SV-7F3K2-1",
		"Esercitazione. Alluvione. Savona (SV), Vado Ligure (SV). Testo: http://127.0.0.1:8080/a/SV-7F3K2 SV-7F3K2-1",
		"Esercitazione. Alluvione. Savona (SV) e un’altra zona. Testo: http://127.0.0.1:8080/a/SV-7F3K2 SV-7F3K2-1",
		"Esercitazione. Alluvione. Testo: http://127.0.0.1:8080/a/SV-7F3K2 SV-7F3K2-1",
		"Esercitazione. Avviso. Testo: http://127.0.0.1:8080/a/SV-7F3K2 SV-7F3K2-1",
	}
	o := one(t, adapters.Limits{LinksInText: true})
	m := own(o, nil)
	seen := map[string]bool{}
	smallest := 0
	for limit := 700; limit > 40; limit -= 2 {
		o.Channels[0].Limits.MaxLen = limit
		b, err := compose.New(m, o, demoID, demoCode)
		if err != nil {
			f, ok := errors.AsType[*compose.FitError](err)
			if !ok {
				t.Fatal(err)
			}
			if f.Channel != "board" || f.Limit != limit || f.Units <= limit || f.Field == "" {
				t.Fatalf("at %d, the error is %+v", limit, f)
			}
			smallest = max(smallest, limit+2)
			continue
		}
		if smallest > 0 {
			t.Errorf("a limit of %d is enough, one of %d is not", limit, smallest-2)
		}
		text := b.Posts[0].Text
		if n := utf8.RuneCountInString(text); n > limit {
			t.Fatalf("the text has %d characters, the limit is %d", n, limit)
		}
		lines := strings.Split(text, "\n")
		for _, line := range lines {
			seen[line] = true
			if line != "" && !slices.Contains(whole, line) {
				t.Fatalf("at %d, the line %q is no whole part", limit, line)
			}
		}
		if !strings.Contains(text, "/a/SV-7F3K2") || !adapters.ContainsMark(text, "SV-7F3K2-1") {
			t.Fatalf("at %d, link or mark is missing:\n%s", limit, text)
		}
	}
	if smallest == 0 || smallest > 100 {
		t.Errorf("the smallest channel that can be written for has %d characters, want one between 40 and 100", smallest)
	}
	if !seen["- Non scendere in cantina."] || !seen["Dalle 16:00 alle 21:00 di dom 22/11"] || len(seen) < 20 {
		t.Errorf("only %d different lines were used: the shapes between were not tried", len(seen))
	}
}

// TestRealityNamesAPlace holds that only an exercise may leave the areas out.
func TestRealityNamesAPlace(t *testing.T) {
	t.Parallel()
	o := one(t, adapters.Limits{MaxLen: 280, LinksInText: true})
	vast := func(m *alert.Message) {
		m.Infos[0].Headline = "Piena: salire ai piani alti"
		m.Infos[0].Areas = m.Infos[0].Areas[:1]
		m.Infos[0].Areas[0].Desc = "Bacini " + strings.Repeat("di Ponente e di Centro ", 12)
	}
	b := first(t, own(o, vast), o)
	if text := b.Posts[0].Text; strings.Contains(text, "Bacini") || !strings.Contains(text, "Alluvione") {
		t.Errorf("the exercise says:\n%s", text)
	}
	_, err := compose.New(own(o, func(m *alert.Message) { vast(m); actual(m) }), live(o), demoID, demoCode)
	f, ok := errors.AsType[*compose.FitError](err)
	if !ok || f.Field != "areaDesc" {
		t.Errorf("New returned %v, want a FitError about areaDesc", err)
	}
	// A headline that names the place may stand alone.
	named := own(o, func(m *alert.Message) {
		actual(m)
		m.Infos[0].Headline = "Piena del Letimbro a Savona e nei comuni vicini della costa di ponente: salire subito ai piani alti e restarci"
		m.Infos[0].Areas[1].Desc = strings.Repeat("Vado Ligure e dintorni ", 12)
	})
	text := first(t, named, live(o)).Posts[0].Text
	if strings.Contains(text, "Vado") || !strings.Contains(text, "Letimbro a Savona") || !strings.Contains(text, "Salire ai piani alti.") {
		t.Errorf("the post says:\n%s", text)
	}
}

func TestDrillsAreMarked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lang   string
		realm  alert.Realm
		status alert.Status
		word   string // "" for reality
	}{
		"it":          {"it-IT", alert.RealmExercise, alert.StatusExercise, "ESERCITAZIONE"},
		"en":          {"en-GB", alert.RealmExercise, alert.StatusExercise, "EXERCISE"},
		"de":          {"de-DE", alert.RealmExercise, alert.StatusExercise, "ÜBUNG"},
		"fr":          {"fr-FR", alert.RealmExercise, alert.StatusExercise, "EXERCICE"},
		"other":       {"sl-SI", alert.RealmExercise, alert.StatusExercise, "EXERCISE"},
		"test_inside": {"it-IT", alert.RealmExercise, alert.StatusTest, "ESERCITAZIONE"},
		"test":        {"it-IT", alert.RealmLive, alert.StatusTest, "TEST"},
		"real":        {"it-IT", alert.RealmLive, alert.StatusActual, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := unpictured(t)
			if tt.lang == "it-IT" && tt.status != alert.StatusTest {
				o = options(t)
			}
			o.Realm = tt.realm
			m := own(o, func(m *alert.Message) { m.Status, m.Note, m.Infos[0].Language = tt.status, "", tt.lang })
			for _, p := range first(t, m, o).Posts {
				lines := strings.Split(p.Text, "\n")
				head, tail := lines[0], lines[len(lines)-1]
				if tt.word != "" && (!strings.HasPrefix(head, tt.word) || !strings.HasPrefix(tail, tt.word)) {
					t.Errorf("%s: the first line is %q, the last %q; both must say %s", p.Channel, head, tail, tt.word)
				}
				if p.Title != "" && !strings.HasPrefix(p.Title, tt.word) {
					t.Errorf("%s: the title is %q", p.Channel, p.Title)
				}
				for _, word := range []string{"ESERCITAZIONE", "EXERCI", "ÜBUNG", "TEST"} {
					if tt.word == "" && strings.Contains(p.Text+p.Title+p.Alt, word) {
						t.Errorf("%s: reality is called %s", p.Channel, word)
					}
				}
			}
		})
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	m := own(o, func(m *alert.Message) {
		for _, lang := range []string{"en-GB", "de-DE"} {
			in := m.Infos[0]
			in.Language, in.Headline = lang, "Headline in "+lang
			m.Infos = append([]alert.Info{in}, m.Infos...) // Italian last
		}
	})
	b := first(t, m, o)
	var parts []string
	for _, p := range b.Posts {
		if p.Channel == "website-savona" {
			parts = append(parts, p.Lang+": "+p.Title)
		}
	}
	want := []string{"it-IT: ESERCITAZIONE: Piena del Letimbro a Savona: salire ai piani alti", "de-DE: ÜBUNG: Headline in de-DE", "en-GB: EXERCISE: Headline in en-GB"}
	if !slices.Equal(parts, want) {
		t.Errorf("the site has the parts %q, want %q", parts, want)
	}
	for _, name := range []string{"facebook-savona", "telegram-savona"} {
		text := post(t, b, name, 1).Text
		it, de, en := strings.Index(text, "Piena del"), strings.Index(text, "Headline in de"), strings.Index(text, "Headline in en")
		if it < 0 || de < it || en < de {
			t.Errorf("%s does not say Italian, German, English in this order:\n%s", name, text)
		}
		if !strings.Contains(text, "Fonte / Quelle / Source: Provincia") {
			t.Errorf("%s does not name the source in each language", name)
		}
	}
	if p := post(t, b, "x-savona", 1); p.Lang != "it-IT" || strings.Contains(p.Text, "Headline") {
		t.Errorf("the short post is in %s:\n%s", p.Lang, p.Text)
	}
	reality := own(o, func(m *alert.Message) {
		actual(m)
		m.Infos = append(m.Infos, m.Infos[0])
		m.Infos[1].Language = "en-GB"
	})
	if text := post(t, first(t, reality, live(o)), "telegram-savona", 1).Text; !strings.HasPrefix(text, "Italiano:\n\n") || !strings.Contains(text, "\n\nEnglish:\n\n") {
		t.Errorf("the languages are not named:\n%s", text)
	}
}

// TestFewerWordsBeforeFewerLanguages holds the order of giving up.
func TestFewerWordsBeforeFewerLanguages(t *testing.T) {
	t.Parallel()
	o := one(t, adapters.Limits{MaxLen: 1500, LinksInText: true})
	m := own(o, func(m *alert.Message) {
		m.Infos[0].Instruction = strings.TrimSpace(strings.Repeat("Salire ai piani alti. ", 20))
		for _, lang := range []string{"en-GB", "de-DE", "fr-FR"} {
			m.Infos = append(m.Infos, m.Infos[0])
			m.Infos[len(m.Infos)-1].Language = lang
		}
	})
	text := first(t, m, o).Posts[0].Text
	if strings.Count(text, "Letimbro a Savona") != 4 || strings.Contains(text, "2,10 metri") || strings.Count(text, "- Salire") != 12 {
		t.Errorf("want all four languages with three steps each:\n%s", text)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	long := strings.TrimSpace(strings.Repeat("Piena del Letimbro ", 12))
	tests := map[string]struct {
		headline, event, title string
		inText                 bool // the headline
	}{
		"headline": {"Piena a Savona", "Alluvione", "ESERCITAZIONE: Piena a Savona", false},
		"marked":   {"Esercitazione – piena a Savona", "Alluvione", "ESERCITAZIONE: Piena a Savona", false},
		"none":     {"", "Alluvione", "ESERCITAZIONE: Alluvione", false},
		"long":     {long, "Alluvione", "ESERCITAZIONE: Alluvione", true},
		"endless":  {long, long, "ESERCITAZIONE: Avviso", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := own(o, func(m *alert.Message) { m.Infos[0].Headline, m.Infos[0].Event = tt.headline, tt.event })
			p := post(t, first(t, m, o), "website-savona", 1)
			if p.Title != tt.title {
				t.Errorf("the title is %q, want %q", p.Title, tt.title)
			}
			if got := strings.Contains(p.Text, "\n"+tt.headline+"\n"); tt.headline != "" && got != tt.inText {
				t.Errorf("the headline stands in the text: %t, want %t\n%s", got, tt.inText, p.Text)
			}
		})
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	o := drawn(t)
	o.Channels = append(o.Channels, compose.Channel{Name: "screens", Kind: "screens", Limits: adapters.Limits{MaxLen: 300, ImageMaxBytes: 1 << 20}},
		compose.Channel{Name: "pages", Kind: "pages", Limits: adapters.Limits{MaxLen: 300, ImageMaxBytes: 1 << 20, LinksInText: true}})
	m := own(o, func(m *alert.Message) {
		for i := range 80 {
			m.Infos[0].Areas = append(m.Infos[0].Areas, alert.Area{Desc: fmt.Sprintf("Borgo San Giovanni %d", i), Geocodes: m.Infos[0].Areas[0].Geocodes})
		}
	})
	b := first(t, m, o)
	for _, p := range b.Posts {
		want := p.Channel == "instagram-savona" || p.Channel == "screens"
		if (p.Image != "") != want {
			t.Errorf("%s has a picture: %t, want %t", p.Channel, p.Image != "", want)
			continue
		}
		if !want {
			continue
		}
		sum := sha256.Sum256(b.Image(p.Image).Data)
		if got := "http://127.0.0.1:8080/media/" + hex.EncodeToString(sum[:]) + ".jpg"; p.ImageURL != got {
			t.Errorf("%s: the picture is at %q, want %q", p.Channel, p.ImageURL, got)
		}
		for _, part := range []string{"ESERCITAZIONE – Non c’è alcun pericolo reale. Pericolo estremo. Piena del Letimbro", "Borgo San Giovanni 0", " zone.", "SV-7F3K2-1", "127.0.0.1:8080/a/SV-7F3K2", "Salire ai piani alti."} {
			if !strings.Contains(p.Alt, part) {
				t.Errorf("%s: the picture in words lacks %q: %s", p.Channel, part, p.Alt)
			}
		}
		if utf8.RuneCountInString(p.Alt) > 1000 {
			t.Errorf("%s: the picture in words has more than 1000 characters", p.Channel)
		}
	}
}

// TestPictureInFewWords fills the card: what does not fit into its description is
// left out whole.
func TestPictureInFewWords(t *testing.T) {
	t.Parallel()
	o := one(t, adapters.Limits{MaxLen: 2200, ImageRequired: true, ImageMaxBytes: 1 << 20})
	m := own(o, func(m *alert.Message) {
		m.Infos[0].Headline = ""
		m.Infos[0].Event = strings.TrimSpace(strings.Repeat("Piena forte ", 19))
		m.Infos[0].Instruction = strings.Repeat("Salire ai piani alti di casa o di un vicino e restarci fino alla fine della piena. ", 12)
		m.Infos[0].Areas[0].Desc = strings.TrimSpace(strings.Repeat("Bacini di Ponente ", 18))
	})
	p := first(t, m, o).Posts[0]
	if n := utf8.RuneCountInString(p.Alt); n > 1000 || !strings.HasSuffix(p.Alt, "ESERCITAZIONE – Questo messaggio è una prova.") || !strings.Contains(p.Alt, "Codice allerta: SV-7F3K2-1.") {
		t.Errorf("the picture in words has %d characters: %s", n, p.Alt)
	}
	endless := own(o, func(m *alert.Message) { m.Infos[0].Headline = strings.Repeat("Piena forte ", 200) })
	if p := first(t, endless, o).Posts[0]; !strings.Contains(p.Alt, "Pericolo estremo. Alluvione.") {
		t.Errorf("the card does not fall back to the event: %s", p.Alt)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	o := one(t, adapters.Limits{MaxLen: 2200, ImageRequired: true, ImageMaxBytes: 1 << 20})
	tests := map[string]struct {
		severity    alert.Severity
		name, value string
		want        string
	}{
		"declared":      {alert.SeverityExtreme, "livello_allerta", "gialla", "Allerta gialla."},
		"green":         {alert.SeverityExtreme, "livello_allerta", "Verde", "Allerta verde."},
		"orange":        {alert.SeverityExtreme, "livello_allerta", "arancione", "Allerta arancione."},
		"red":           {alert.SeverityMinor, "livello_allerta", "rossa", "Allerta rossa."},
		"meteoalarm":    {alert.SeverityMinor, "awareness_level", "3; orange; Severe", "Allerta arancione."},
		"bad_number":    {alert.SeverityMinor, "awareness_level", "9; violet", "Pericolo lieve."},
		"moderate":      {alert.SeverityModerate, "a", "b", "Pericolo moderato."},
		"severe":        {alert.SeveritySevere, "a", "b", "Pericolo grave."},
		"extreme":       {alert.SeverityExtreme, "a", "b", "Pericolo estremo."},
		"unknown":       {alert.SeverityUnknown, "a", "b", "Avviso."},
		"unknown_value": {alert.SeveritySevere, "livello_allerta", "blu", "Pericolo grave."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := own(o, func(m *alert.Message) {
				m.Infos[0].Severity, m.Infos[0].Parameters = tt.severity, []alert.NamedValue{{Name: tt.name, Value: tt.value}}
			})
			if alt := first(t, m, o).Posts[0].Alt; !strings.Contains(alt, "reale. "+tt.want+" Piena") {
				t.Errorf("the card says %q, want %q after the drill", alt, tt.want)
			}
		})
	}
}

func TestSeveralInfosOfOneLanguage(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	m := own(o, func(m *alert.Message) {
		calm := m.Infos[0]
		calm.Severity, calm.Headline, calm.Event = alert.SeverityModerate, "Pioggia forte a Imperia", "Pioggia"
		m.Infos = append([]alert.Info{calm}, m.Infos...)
	})
	b := first(t, m, o)
	if text := post(t, b, "x-savona", 1).Text; !strings.Contains(text, "Letimbro") || strings.Contains(text, "Imperia") {
		t.Errorf("the short post does not tell the gravest:\n%s", text)
	}
	for _, name := range []string{"telegram-savona", "website-savona"} {
		p := post(t, b, name, 1)
		if i, j := strings.Index(p.Text, "Letimbro a Savona"), strings.Index(p.Text, "Imperia"); i < 0 || j < i {
			t.Errorf("%s does not tell both, the gravest first:\n%s", name, p.Text)
		}
	}
	if title := post(t, b, "website-savona", 1).Title; !strings.Contains(title, "Letimbro") {
		t.Errorf("the title is %q, want the gravest", title)
	}
}

func TestHashtagsOfOthersCount(t *testing.T) {
	t.Parallel()
	o := one(t, adapters.Limits{MaxLen: 2200, MaxHashtags: 2})
	m := own(o, func(m *alert.Message) { m.Infos[0].Description = "Seguire #a #b #c." })
	if text := first(t, m, o).Posts[0].Text; strings.Contains(text, "#") || !strings.Contains(text, "Salire") {
		t.Errorf("the text is not the longest with two hashtags at most:\n%s", text)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b1 := first(t, own(o, nil), o)
	update := func(o compose.Options, n int) *alert.Message {
		return own(o, func(m *alert.Message) {
			m.MsgType, m.Identifier = alert.MsgUpdate, fmt.Sprintf("IT-SV-000%d", n)
			m.Infos[0].Onset = time.Time{}
		})
	}
	later := o
	later.Now = o.Now.Add(time.Hour)
	b2, err := compose.Next(b1, update(later, 2), later)
	if err != nil {
		t.Fatal(err)
	}
	if b2.Number != 2 || b2.Previous != b1.SHA256() || b2.Alert != b1.Alert || b2.Code != b1.Code || b2.Mark() != "SV-7F3K2-2" {
		t.Error("the second bulletin does not follow the first")
	}
	if !b2.Message.References.Contains(b1.Message) || len(b2.Message.References) != 1 {
		t.Errorf("references are %v, want the first message", b2.Message.References)
	}
	for _, p := range b2.Posts {
		if !strings.Contains(p.Text+p.Title, "Aggiornamento: Piena") {
			t.Errorf("%s does not say that it is an update:\n%s", p.Channel, p.Text)
		}
		if adapters.ContainsMark(p.Text, b1.Mark()) {
			t.Errorf("%s holds the mark of the first bulletin", p.Channel)
		}
	}
	over := later
	over.Now = o.Now.Add(2 * time.Hour)
	clear := update(over, 3)
	clear.Infos[0].ResponseTypes = []alert.ResponseType{alert.ResponseAllClear}
	b3, err := compose.Next(b2, clear, over)
	if err != nil {
		t.Fatal(err)
	}
	if refs := b3.Message.References; len(refs) != 2 || !refs.Contains(b1.Message) || !refs.Contains(b2.Message) {
		t.Errorf("references are %v, want both messages before", refs)
	}
	if text := post(t, b3, "x-savona", 1).Text; !strings.Contains(text, "Fine allerta: Piena") || strings.Contains(text, "Dalle") {
		t.Errorf("the end of the alert says:\n%s", text)
	}
}

func TestNextRefuses(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b1 := first(t, own(o, nil), o)
	revoked, err := compose.Cancel(b1, "Errore di invio.", o)
	if err != nil {
		t.Fatal(err)
	}
	b2, err := compose.Next(b1, revoked, o)
	if err != nil {
		t.Fatal(err)
	}
	update := own(o, func(m *alert.Message) { m.MsgType, m.Identifier = alert.MsgUpdate, "IT-SV-0002" })
	written := update.Clone()
	written.References = alert.References{{Sender: sender, Identifier: "IT-SV-0000", Sent: "2026-11-22T10:00:00+01:00"}}
	raw, err := written.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := alert.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		previous *bulletin.Bulletin
		m        *alert.Message
		o        compose.Options
		want     string
	}{
		"alert":         {b1, own(o, nil), o, "only an Update or a Cancel"},
		"after_cancel":  {b2, update, o, "revoked the alert"},
		"other_realm":   {b1, update, live(o), "is of the realm exercise"},
		"chain_missing": {b1, read, o, "references must also hold"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := compose.Next(tt.previous, tt.m, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Next returned %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := compose.Cancel(b2, "Ancora.", o); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("Cancel of a revoked alert returned %v", err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	o := options(t)
	b1 := first(t, demo(t, o), o)
	later := o
	later.Now = o.Now.Add(30 * time.Minute)
	m, err := compose.Cancel(b1, "  Il messaggio è partito\nper errore. ", later)
	if err != nil {
		t.Fatal(err)
	}
	if m.MsgType != alert.MsgCancel || m.Status != alert.StatusExercise || m.Raw == nil || !m.References.Contains(b1.Message) || !strings.Contains(m.Note, "Il messaggio è partito per errore.") {
		t.Errorf("the message is %s of status %s with note %q and references %v", m.MsgType, m.Status, m.Note, m.References)
	}
	if len(m.Infos) != 2 || !m.Infos[0].Expires.Equal(later.Now.Add(24*time.Hour)) {
		t.Errorf("it has %d infos until %v", len(m.Infos), m.Infos[0].Expires)
	}
	b2, err := compose.Next(b1, m, later)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b2.CAP, m.Raw) {
		t.Error("the CAP bytes are not those of the message")
	}
	for _, p := range b2.Posts {
		word, regret := "Revoca", "Motivo: Il messaggio è partito\nper errore."
		if p.Lang == "en-US" {
			word, regret = "Revoked", "The earlier message is revoked: disregard it."
		}
		if !strings.Contains(p.Title+p.Text, word+": ") {
			t.Errorf("%s does not say that it revokes:\n%s", p.Channel, p.Text)
		}
		if p.Channel != "x-savona" && p.Channel != "instagram-savona" && !strings.Contains(p.Text, regret) {
			t.Errorf("%s in %s does not give the reason:\n%s", p.Channel, p.Lang, p.Text)
		}
		if p.Lang == "en-US" && strings.Contains(p.Text, "Motivo") {
			t.Errorf("%s gives an Italian reason in English:\n%s", p.Channel, p.Text)
		}
		if p.Alt != "" && !strings.Contains(p.Alt, "reale. Revoca. Revoca: Allerta ARANCIONE") {
			t.Errorf("the picture of a revocation says %q", p.Alt)
		}
	}
	for _, f := range compose.Lint(b2, later) {
		t.Error(f)
	}
}

// TestRevocationOfACorrection revokes what is being verified: both of the public's words would
// stand before the headline, and it is the alert that is revoked.
func TestRevocationOfACorrection(t *testing.T) {
	t.Parallel()
	o := options(t)
	doubted := first(t, demo(t, o), o).Prepared(bulletin.Correction)
	if doubted == nil {
		t.Fatal("no correction is prepared")
	}
	asked, err := compose.Cancel(doubted, "Errore di invio.", o)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]*alert.Message{"asked": asked}
	if b := doubted.Prepared(bulletin.Revocation); b != nil {
		said["prepared"] = b.Message
	}
	for name, m := range said {
		for i := range m.Infos {
			headline := m.Infos[i].Headline
			if strings.Contains(headline, "In verifica") || strings.Contains(headline, "Being verified") || !strings.Contains(headline, "Revo") {
				t.Errorf("%s, %s: the headline is %q", name, m.Infos[i].Language, headline)
			}
		}
	}
}

func TestCancelOfOtherShapes(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	german := own(o, func(m *alert.Message) {
		m.Infos[0].Language, m.Infos[0].Expires = "de-AT", o.Now.Add(40*time.Hour)
		m.Infos[0].Headline = strings.TrimSpace(strings.Repeat("Überschwemmung ", 12))
		m.Infos = append(m.Infos, m.Infos[0]) // the same language twice
		actual(m)
	})
	b := first(t, german, live(o))
	m, err := compose.Cancel(b, "Irrtum.", live(o))
	if err != nil {
		t.Fatal(err)
	}
	in := m.Infos[0]
	if len(m.Infos) != 1 || in.Headline != "Widerruf: Alluvione" || !strings.HasSuffix(in.Description, "\n\nGrund: Irrtum.") || !in.Expires.Equal(o.Now.Add(40*time.Hour)) {
		t.Errorf("%d infos, headline %q, description %q, until %v", len(m.Infos), in.Headline, in.Description, in.Expires)
	}
	if _, err := compose.Next(b, m, live(o)); err != nil {
		t.Error(err)
	}
	// CAP lets a Cancel come without a word.
	silent := m.Clone()
	silent.Infos, silent.Raw = nil, nil
	b2, err := compose.Next(b, silent, live(o))
	if err != nil {
		t.Fatal(err)
	}
	if text := post(t, b2, "x-savona", 1).Text; !strings.Contains(text, "Revoca: Avviso") {
		t.Errorf("a revocation without words says:\n%s", text)
	}
	if !b2.Expires.Equal(o.Now.Add(24 * time.Hour)) {
		t.Errorf("a revocation without words expires at %v", b2.Expires)
	}
}

func TestCancelRefusesReasons(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b := first(t, demo(t, o), o)
	for name, reason := range map[string]string{
		"empty": " \n", "long": strings.Repeat("a", 501), "hidden": "Errore\u202e.", "bytes": "Errore\xff.",
	} {
		if _, err := compose.Cancel(b, reason, o); err == nil || !strings.Contains(err.Error(), "reason") {
			t.Errorf("%s: Cancel returned %v", name, err)
		}
	}
}
