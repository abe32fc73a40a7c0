package compose_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/templates/card"
	"tocsin/templates/scenarios"
)

const (
	demoID   = alert.ID("7b0e1f62-0c7e-4b59-9a43-0d6c1e5fae11")
	demoCode = alert.Code("SV-7F3K2")
	sender   = "allerte@protezionecivile.savona.example"
)

// channels are five limits as the adapters say them, so that texts are tried
// against what is out there.
func channels() []compose.Channel {
	return []compose.Channel{
		{Name: "website-savona", Kind: "website", Limits: adapters.Limits{MaxLen: 20_000, MaxTitle: 160, LinksInText: true}},
		{Name: "facebook-savona", Kind: "facebook", Limits: adapters.Limits{MaxLen: 63_206, LinksInText: true}},
		{Name: "x-savona", Kind: "x", Limits: adapters.Limits{MaxLen: 280, Len: weigh, LinksInText: true, Replies: true}},
		{Name: "instagram-savona", Kind: "instagram", Limits: adapters.Limits{MaxLen: 2200, ImageRequired: true, ImageMaxBytes: 8 << 20, MaxHashtags: 5}},
		{Name: "telegram-savona", Kind: "telegram", Limits: adapters.Limits{MaxLen: 4096, LinksInText: true}},
	}
}

// weigh counts as X does where no emoji are: an address 23, most letters 1, all
// others 2.
func weigh(text string) int {
	n := 0
	for _, line := range strings.Split(text, "\n") {
		for i, word := range strings.Split(line, " ") {
			if i > 0 {
				n++
			}
			if strings.HasPrefix(word, "http") {
				n += 23
				continue
			}
			for _, r := range word {
				if n++; r > 0x10ff && (r < 0x2000 || r > 0x200d) && (r < 0x2010 || r > 0x201f) && (r < 0x2032 || r > 0x2037) {
					n++
				}
			}
		}
	}
	return n + strings.Count(text, "\n")
}

// options are those of a node in the exercise realm, at 15:00 on a Sunday.
func options(t testing.TB) compose.Options {
	t.Helper()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	cards, err := renderer()
	if err != nil {
		t.Fatal(err)
	}
	return compose.Options{
		Realm: alert.RealmExercise, Issuer: "Provincia di Savona – Protezione civile", Sender: sender, CodePrefix: "SV",
		SiteURL: "http://127.0.0.1:8080", Channels: channels(), Location: rome,
		Now: time.Date(2026, time.November, 22, 15, 0, 0, 0, rome), Random: rand.NewChaCha8([32]byte{}), Cards: layout{cards},
	}
}

// renderer reads the fonts once for all tests.
var renderer = sync.OnceValues(card.NewRenderer)

// A layout puts everything on a card in its place, and packs the description in the place
// of pixels: these take fifty times as long, and package card has its own tests. Tests that
// want pixels set Options.Cards to the renderer itself.
type layout struct{ *card.Renderer }

func (l layout) Render(c card.Card, s card.Size, _ card.Format) (card.Picture, error) {
	p, err := l.Lay(c, s)
	p.Data = append([]byte("\xff\xd8\xff"), p.Alt...)
	return p, err
}

// drawn returns options with real pictures.
func drawn(t testing.TB) compose.Options {
	t.Helper()
	o := options(t)
	cards, err := renderer()
	if err != nil {
		t.Fatal(err)
	}
	o.Cards = cards
	return o
}

// unpictured returns options without the channel that wants a picture.
func unpictured(t testing.TB) compose.Options {
	t.Helper()
	o := options(t)
	o.Channels = slices.DeleteFunc(o.Channels, func(c compose.Channel) bool { return c.Limits.ImageRequired })
	return o
}

// demo returns the demonstration's message, reissued.
func demo(t testing.TB, o compose.Options) *alert.Message {
	t.Helper()
	imported, _, err := alert.Import(scenarios.Demo())
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := compose.Reissue(imported, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func first(t testing.TB, m *alert.Message, o compose.Options) *bulletin.Bulletin {
	t.Helper()
	b, err := compose.New(m, o, demoID, demoCode)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// own returns a message of our own, which change may alter before it is made.
func own(o compose.Options, change func(*alert.Message)) *alert.Message {
	m := &alert.Message{
		Version: alert.CAP12, Identifier: "IT-SV-0001", Sender: sender, Sent: o.Now, Status: alert.StatusExercise,
		MsgType: alert.MsgAlert, Scope: alert.ScopePublic, Note: "Esercitazione Ponente",
		Infos: []alert.Info{{
			Language: "it-IT", Categories: []alert.Category{alert.CategoryMet}, Event: "Alluvione", Urgency: alert.UrgencyImmediate,
			Severity: alert.SeverityExtreme, Certainty: alert.CertaintyObserved, Onset: o.Now.Add(time.Hour), Expires: o.Now.Add(6 * time.Hour),
			Headline: "Piena del Letimbro a Savona: salire ai piani alti", Description: "Il Letimbro è a 2,10 metri e cresce.",
			Instruction: "Salire ai piani alti. Non usare l’ascensore. Non scendere in cantina. Ascoltare la radio.",
			Areas: []alert.Area{
				{Desc: "Savona (SV)", Geocodes: []alert.NamedValue{{Name: "ISTAT", Value: "009056"}}},
				{Desc: "Vado Ligure (SV)", Geocodes: []alert.NamedValue{{Name: "ISTAT", Value: "009064"}}},
			},
		}},
	}
	if change != nil {
		change(m)
	}
	return m
}

// post returns the only post, or the named part, of a channel.
func post(t testing.TB, b *bulletin.Bulletin, channel string, part int) bulletin.Post {
	t.Helper()
	for _, p := range b.Posts {
		if p.Channel == channel && p.Part == part {
			return p
		}
	}
	t.Fatalf("the bulletin has no part %d for %s", part, channel)
	return bulletin.Post{}
}

// vectors returns the folder of test data of others.
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
