package review_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/review"
)

// TestBreakglassIsHeldAgainstTheOrdinary changes the words of the message on the way to break-glass: whoever
// signs reads what departs from the bulletin that the police were to sign, and above the question too.
func TestBreakglassIsHeldAgainstTheOrdinary(t *testing.T) {
	t.Parallel()
	ordinary := demo(t)
	broken := func() *bulletin.Bulletin {
		b, err := compose.Breakglass(ordinary, bulletin.Breakglass{
			Cause: bulletin.CauseLinesDown, Why: "I ponti radio sono caduti.",
			Contacts: []bulletin.Contact{{Record: 7, At: sunday(t).UTC(), Way: alert.WayRadio, Whom: "police"}},
		}, compose.Glass{Life: 30 * time.Minute, Channels: []string{"sito", "telegram"}}, options(t, alert.RealmExercise))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tt := range map[string]struct {
		change func(*alert.Message)
		want   string
	}{
		"as_composed":  {func(*alert.Message) {}, ""},
		"instruction":  {func(m *alert.Message) { m.Infos[0].Instruction = "Restare in casa." }, "instruction"},
		"severity":     {func(m *alert.Message) { m.Infos[0].Severity = alert.SeverityMinor }, "severity"},
		"areas":        {func(m *alert.Message) { m.Infos[0].Areas = m.Infos[0].Areas[:0] }, "area"},
		"longer":       {func(m *alert.Message) { m.Infos[0].Expires = ordinary.Message.Infos[0].Expires.Add(time.Hour) }, "onset expires"},
		"one_language": {func(m *alert.Message) { m.Infos = m.Infos[:1] }, "info"},
		"note":         {func(m *alert.Message) { m.Note = "" }, "note"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := broken()
			tt.change(b.Message)
			if got := strings.Join(b.Departures(ordinary), " "); got != tt.want {
				t.Errorf("it departs in %q, want %q", got, tt.want)
			}
			r := review.New(b, review.Options{Lang: "en", Now: sunday(t), Site: siteURL, Ordinary: ordinary})
			var page, grave strings.Builder
			if err := errors.Join(r.Write(&page), r.WriteGrave(&grave)); err != nil {
				t.Fatal(err)
			}
			flat := func(b *strings.Builder) string { return strings.Join(strings.Fields(b.String()), " ") }
			if got := strings.Contains(flat(&grave), "does NOT SAY the same as the ordinary bulletin"); got != (tt.want != "") {
				t.Errorf("above the question stands %q", grave.String())
			}
			if !strings.Contains(flat(&page), "With the ordinary bulletin in whose place it stands (SHA-256 "+ordinary.SHA256()[:16]) || !strings.Contains(page.String(), "{+Issued by one authority only+}") {
				t.Errorf("the posts are not held against the ordinary ones:\n%s", page.String())
			}
		})
	}
}

// TestBreakglassIsShownFirst holds that whoever signs a break-glass bulletin reads so
// before anything else, and once more above the question, in both languages.
func TestBreakglassIsShownFirst(t *testing.T) {
	t.Parallel()
	ordinary := demo(t)
	b, err := compose.Breakglass(ordinary, bulletin.Breakglass{
		Cause: bulletin.CauseLinesDown, Why: "I ponti radio sono caduti.",
		Contacts: []bulletin.Contact{{Record: 7, At: sunday(t).UTC(), Way: alert.WayRadio, Whom: "police"}},
	}, compose.Glass{Life: 30 * time.Minute, Channels: []string{"sito", "telegram"}}, options(t, alert.RealmExercise))
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][]string{
		"it": {"EMISSIONE D'EMERGENZA – UNA SOLA AUTORITÀ\n", "«Emesso da una sola autorità»", "I ponti radio sono caduti.", "non c'è modo di chiamare", "radio, police (voce 7", "ratifica (della polizia)"},
		"en": {"BREAK-GLASS – ONE AUTHORITY ONLY\n", "“Issued by one authority only”", "I ponti radio sono caduti.", "there is no way to call", "radio, police (record 7", "ratification (by the police)"},
	} {
		var page, grave strings.Builder
		r := review.New(b, review.Options{Lang: lang, Now: sunday(t), Site: siteURL})
		if err := r.Write(&page); err != nil {
			t.Fatal(err)
		}
		if err := r.WriteGrave(&grave); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(page.String(), want[0]) {
			t.Errorf("%s: the review begins otherwise:\n%.300s", lang, page.String())
		}
		text := strings.Join(strings.Fields(page.String()), " ")
		for _, w := range want[1:] {
			if !strings.Contains(text, w) {
				t.Errorf("%s: the review lacks %q:\n%s", lang, w, page.String())
			}
		}
		if head, _, _ := strings.Cut(want[0], " –"); !strings.Contains(grave.String(), head) {
			t.Errorf("%s: above the question stands %q", lang, grave.String())
		}
		var plain strings.Builder
		if err := review.New(ordinary, review.Options{Lang: lang, Now: sunday(t), Site: siteURL}).Write(&plain); err != nil {
			t.Fatal(err)
		}
		if head, _, _ := strings.Cut(want[0], " –"); strings.Contains(plain.String(), head) {
			t.Errorf("%s: an ordinary bulletin is shown as break-glass", lang)
		}
	}
}
