package compose_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/templates/wording"
)

// tongues returns a message with the same infos in the languages given, each of which says so
// in its headline, in the order given.
func tongues(o compose.Options, languages ...string) *alert.Message {
	return own(o, func(m *alert.Message) {
		in := m.Infos[0]
		m.Infos = nil
		for _, lang := range languages {
			in.Language, in.Headline = lang, "Piena a Savona, "+lang
			m.Infos = append(m.Infos, in)
		}
	})
}

// said returns the languages of a channel's posts in their order.
func said(b *bulletin.Bulletin, kind string) (out []string) {
	for _, p := range b.Posts {
		if p.Kind == kind {
			out = append(out, p.Lang)
		}
	}
	return out
}

// TestEachLanguageIsAPostOfTheThread holds what a short channel whose posts can answer each
// other shows of several languages: a part for each, whole in itself, four at most, in the
// order of the configuration.
func TestEachLanguageIsAPostOfTheThread(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		message, order, channel []string
		want                    []string
	}{
		"one":                    {message: []string{"it-IT"}, want: []string{"it-IT"}},
		"italian_first":          {message: []string{"de-DE", "it-IT", "en-GB"}, want: []string{"it-IT", "de-DE", "en-GB"}},
		"configured_order":       {message: []string{"it-IT", "en-GB", "de-AT"}, order: []string{"de", "IT-it"}, want: []string{"de-AT", "it-IT", "en-GB"}},
		"four_at_most":           {message: []string{"it-IT", "en-GB", "de-DE", "fr-FR", "es-ES"}, want: []string{"it-IT", "en-GB", "de-DE", "fr-FR"}},
		"switched_off":           {message: []string{"it-IT", "en-GB", "de-DE"}, channel: []string{"it"}, want: []string{"it-IT"}},
		"order_of_the_channel":   {message: []string{"it-IT", "en-GB", "de-DE"}, order: []string{"en"}, channel: []string{"de", "it"}, want: []string{"de-DE", "it-IT"}},
		"none_of_the_channels":   {message: []string{"it-IT", "en-GB"}, channel: []string{"sl"}, want: []string{"it-IT"}},
		"not_a_part_of_the_name": {message: []string{"it-IT", "fil-PH"}, channel: []string{"fi"}, want: []string{"it-IT"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := unpictured(t)
			o.Languages = tt.order
			for i := range o.Channels {
				if o.Channels[i].Kind == "x" {
					o.Channels[i].Languages = tt.channel
				}
			}
			b := first(t, tongues(o, tt.message...), o)
			if got := said(b, "x"); !slices.Equal(got, tt.want) {
				t.Errorf("x says %v, want %v", got, tt.want)
			}
			if got := said(b, "website"); len(got) != len(tt.message) {
				t.Errorf("the page says %v, want all of %v", got, tt.message)
			}
			for i, p := range b.For("x-savona") {
				signed := post(t, b, "x-savona", i+1)
				if signed.Parts != len(tt.want) {
					t.Errorf("part %d is one of %d", i+1, signed.Parts)
				}
				word := wording.For(p.Lang).DrillWord(wording.Exercise)
				lines := strings.Split(p.Text, "\n")
				if !strings.Contains(p.Text, b.Mark()) || !strings.Contains(p.Text, p.Link) || !strings.Contains(p.Text, o.Issuer) || lines[0] != word || lines[len(lines)-1] != word {
					t.Errorf("part %d does not stand for itself:\n%s", i+1, p.Text)
				}
				if len(p.Beside) != len(tt.want)-1 || slices.Contains(p.Beside, p.Text) {
					t.Errorf("part %d stands beside %q", i+1, p.Beside)
				}
			}
		})
	}
}

// TestTheOrderOfLanguagesHoldsEverywhere holds that what comes first does so on every channel,
// on the card, in marks and in what is prepared.
func TestTheOrderOfLanguagesHoldsEverywhere(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Languages = []string{"de", "it"}
	b := first(t, tongues(o, "it-IT", "en-GB", "de-DE"), o)
	for _, q := range []*bulletin.Bulletin{b, b.Prepared(bulletin.Correction), b.Prepared(bulletin.Revocation)} {
		for _, c := range q.Channels() {
			if p := post(t, q, c.Name, 1); p.Lang != "de-DE" {
				t.Errorf("%s begins in %s", c.Name, p.Lang)
			}
		}
	}
	if text := post(t, b, "telegram-savona", 1).Text; strings.Index(text, "Piena a Savona, de-DE") > strings.Index(text, "Piena a Savona, it-IT") ||
		strings.Index(text, "Piena a Savona, it-IT") > strings.Index(text, "Piena a Savona, en-GB") {
		t.Errorf("Telegram has another order:\n%s", text)
	}
	if alt := post(t, b, "instagram-savona", 1).Alt; !strings.Contains(alt, "Piena a Savona, de-DE") {
		t.Errorf("the card is in another language: %s", alt)
	}
	for _, found := range compose.LeftOut(b) {
		if found.Piece == compose.PieceLanguage {
			t.Errorf("%s is said to leave out %s", found.Channel, found.Lang)
		}
	}
}

// TestALanguageWithoutRoomIsLeftToThePage holds that a further language that does not fit keeps
// no alert back, nor one that says the very same.
func TestALanguageWithoutRoomIsLeftToThePage(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(in *alert.Info){
		"no_room": func(in *alert.Info) {
			in.Headline, in.Event = strings.Repeat("Hochwasser ", 30), strings.Repeat("Hochwasser ", 30)
			in.Areas = []alert.Area{{Desc: strings.Repeat("Savona und alle Orte am Fluss ", 12), Geocodes: in.Areas[0].Geocodes}}
		},
		"the_same": func(in *alert.Info) { in.Language = "it-CH" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := unpictured(t)
			o.Realm = alert.RealmLive
			m := tongues(o, "it-IT", "de-DE")
			actual(m)
			m.Infos[1].Headline = m.Infos[0].Headline
			change(&m.Infos[1])
			b := first(t, m, o)
			if got := said(b, "x"); !slices.Equal(got, []string{"it-IT"}) {
				t.Errorf("x says %v", got)
			}
			if got := left(compose.LeftOut(b), "x-savona"); !slices.Contains(got, "language "+m.Infos[1].Language) {
				t.Errorf("X leaves out %v", got)
			}
			m.Infos = m.Infos[1:]
			if _, err := compose.New(m, o, demoID, demoCode); name == "no_room" && !errors.As(err, new(*compose.FitError)) {
				t.Errorf("alone it is composed: %v", err)
			}
		})
	}
}
