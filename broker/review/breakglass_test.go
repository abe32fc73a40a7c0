package review_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/review"
)

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
