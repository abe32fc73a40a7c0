package review_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/review"
	"tocsin/templates/scenarios"
)

const (
	alertID   = alert.ID("7b0e1f62-0c7e-4b59-9a43-0d6c1e5fae11")
	alertCode = alert.Code("SV-7F3K2")
	sender    = "allerte@protezionecivile.savona.example"
	siteURL   = "https://allerte.provincia.savona.example"
)

func rome(tb testing.TB) *time.Location {
	tb.Helper()
	l, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func sunday(tb testing.TB) time.Time {
	tb.Helper()
	return time.Date(2026, time.November, 22, 15, 0, 0, 0, rome(tb))
}

func options(tb testing.TB, realm alert.Realm) compose.Options {
	tb.Helper()
	return compose.Options{
		Realm: realm, Issuer: "Provincia di Savona – Protezione civile", Sender: sender, CodePrefix: "SV", SiteURL: siteURL,
		Channels: []compose.Channel{
			{Name: "sito", Kind: "website", Limits: adapters.Limits{MaxLen: 20_000, MaxTitle: 160, LinksInText: true}},
			{Name: "facebook", Kind: "facebook", Limits: adapters.Limits{MaxLen: 63_206, LinksInText: true}},
			{Name: "telegram", Kind: "telegram", Limits: adapters.Limits{MaxLen: 4096, LinksInText: true}},
		},
		Location: rome(tb), Now: sunday(tb), Random: rand.NewChaCha8([32]byte{}),
	}
}

// demo returns the bulletin of the demonstration's scenario.
func demo(tb testing.TB) *bulletin.Bulletin {
	tb.Helper()
	o := options(tb, alert.RealmExercise)
	imported, _, err := alert.Import(scenarios.Demo())
	if err != nil {
		tb.Fatal(err)
	}
	m, _, err := compose.Reissue(imported, o)
	if err != nil {
		tb.Fatal(err)
	}
	return first(tb, m, o)
}

func first(tb testing.TB, m *alert.Message, o compose.Options) *bulletin.Bulletin {
	tb.Helper()
	raw, err := m.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	m, err = alert.Read(raw)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := compose.New(m, o, alertID, alertCode)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// flood is a real alert in one language, which change may alter.
func flood(tb testing.TB, change func(*alert.Message)) *alert.Message {
	tb.Helper()
	now := sunday(tb)
	m := &alert.Message{
		Version: alert.CAP12, Identifier: "IT-SV-0001", Sender: sender, Sent: now, Status: alert.StatusActual, MsgType: alert.MsgAlert, Scope: alert.ScopePublic,
		Infos: []alert.Info{{
			Language: "it-IT", Categories: []alert.Category{alert.CategoryMet}, Event: "Alluvione", Urgency: alert.UrgencyImmediate,
			Severity: alert.SeverityExtreme, Certainty: alert.CertaintyObserved, Onset: now.Add(time.Hour), Expires: now.Add(6 * time.Hour),
			SenderName: "Provincia di Savona", Headline: "Piena del Letimbro a Savona: salire ai piani alti",
			Description: "Il Letimbro è a 2,10 metri e cresce.", Instruction: "- Salire ai piani alti.\n- Non scendere in cantina.\nPer informazioni: 019 83131.",
			Areas: []alert.Area{{
				Desc: "Savona", Geocodes: []alert.NamedValue{{Name: "ISTAT", Value: "009056"}},
				Polygons: []alert.Polygon{{{Lat: 44.28, Lon: 8.34}, {Lat: 44.28, Lon: 8.50}, {Lat: 44.38, Lon: 8.50}, {Lat: 44.38, Lon: 8.34}, {Lat: 44.28, Lon: 8.34}}},
			}},
		}},
	}
	if change != nil {
		change(m)
	}
	return m
}

// draftOf takes a bulletin apart, so that a test can put another together.
func draftOf(b *bulletin.Bulletin) bulletin.Draft {
	d := bulletin.Draft{
		Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
		NotAfter: b.NotAfter, Previous: b.Previous, CAP: b.CAP, Posts: append([]bulletin.Post(nil), b.Posts...),
	}
	seen := map[string]bool{}
	for _, p := range b.Posts {
		if p.Image != "" && !seen[p.Image] {
			seen[p.Image] = true
			d.Images = append(d.Images, b.Image(p.Image).Data)
		}
	}
	return d
}

func write(tb testing.TB, d bulletin.Draft) *bulletin.Bulletin {
	tb.Helper()
	b, err := bulletin.Write(d)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// rendered returns a review as a person reads it.
func rendered(tb testing.TB, r *review.Review) string {
	tb.Helper()
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		tb.Fatal(err)
	}
	if err := r.WriteGrave(&text); err != nil {
		tb.Fatal(err)
	}
	return text.String()
}

// followed returns the bulletin after one, an update that change may alter.
func followed(tb testing.TB, b *bulletin.Bulletin, o compose.Options, change func(*alert.Message)) *bulletin.Bulletin {
	tb.Helper()
	m := b.Message.Reissue("IT-SV-0002", o.Now)
	m.MsgType = alert.MsgUpdate
	m.References = alert.References{b.Message.Reference()}
	if change != nil {
		change(m)
	}
	raw, err := m.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	if m, err = alert.Read(raw); err != nil {
		tb.Fatal(err)
	}
	next, err := compose.Next(b, m, o)
	if err != nil {
		tb.Fatal(err)
	}
	return next
}
