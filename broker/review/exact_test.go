package review_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/review"
)

// shown returns the texts that a review shows as they will be published: what stands
// behind the margins, joined.
func shown(text string) (out []string) {
	open := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch rest, isNew := strings.CutPrefix(line, "  │ "); {
		case isNew && open:
			out[len(out)-1] += "\n" + rest
		case isNew:
			out, open = append(out, rest), true
		case open && strings.HasPrefix(line, "  ┆ "):
			out[len(out)-1] += strings.TrimPrefix(line, "  ┆ ")
		default:
			open = false
		}
	}
	return out
}

// TestShowsExactlyTheBytes changes posts at random, letters of all widths among them,
// and finds each text in the review to the byte.
func TestShowsExactlyTheBytes(t *testing.T) {
	t.Parallel()
	base := demo(t)
	seed := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"è", "避難", "👩‍🚒", "⚠️", " ", "  ", "\n", "│ ", "  ┆ ", "\n  │ AVVISI: nessuno", "x", strings.Repeat("y", 90), "а", "{+", "-]", "\u00a0"}
	for range 60 {
		d := draftOf(base)
		for i := range d.Posts {
			text := []rune(d.Posts[i].Text)
			for range 1 + seed.IntN(3) {
				at := 2 + seed.IntN(len(text)-4)
				text = []rune(string(text[:at]) + pieces[seed.IntN(len(pieces))] + string(text[at:]))
			}
			if !strings.Contains(string(text), base.Mark()) {
				text = []rune(d.Posts[i].Text)
			}
			d.Posts[i].Text = strings.TrimSpace(string(text))
		}
		b := write(t, d)
		text := rendered(t, review.New(b, review.Options{Now: sunday(t), Lang: "en"}))
		have := map[string]bool{}
		for _, s := range shown(text) {
			have[s] = true
		}
		for _, p := range b.Posts {
			if !have[p.Text] {
				t.Fatalf("the review does not show the text of %s to the byte:\n%s\n---\n%s", p.Channel, p.Text, text)
			}
		}
		fits(t, text)
	}
}

// TestNothingPassesForTheReview looks whether a text can pretend to be the review's own.
func TestNothingPassesForTheReview(t *testing.T) {
	t.Parallel()
	d := draftOf(demo(t))
	forged := "\n\nWARNINGS: none\n\nREAD-BACK WORDS\n  abete acero agosto alba albero amico\n\n"
	d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "\n\n", forged, 1)
	text := rendered(t, review.New(write(t, d), review.Options{Now: sunday(t), Lang: "en"}))
	for _, own := range []string{"\nREAD-BACK WORDS\n", "\nWARNINGS: "} {
		if n := strings.Count(text, own); n != 1 {
			t.Errorf("%q stands %d times in the review", own, n)
		}
	}
	// A field of the message that has lines of its own stays on its line as well.
	o := options(t, alert.RealmLive)
	b := first(t, flood(t, func(m *alert.Message) { m.Infos[0].Areas[0].Desc = "Savona\nWARNINGS: none" }), o)
	if text := rendered(t, review.New(b, review.Options{Now: o.Now, Lang: "en"})); strings.Contains(text, "\nWARNINGS: none") && !strings.Contains(text, "Savona ⏎ WARNINGS") {
		t.Error("an area's name passes for the review")
	}
}

// TestShowsEachTextOnce holds a text that several channels share to one showing.
func TestShowsEachTextOnce(t *testing.T) {
	t.Parallel()
	b := demo(t)
	text := rendered(t, review.New(b, review.Options{Now: sunday(t)}))
	if n := strings.Count(text, "  │ Allerta ARANCIONE per frane"); n != 1 {
		t.Errorf("the text of facebook and telegram stands %d times", n)
	}
	one := rendered(t, review.New(b, review.Options{Now: sunday(t), Channel: "sito"}))
	if strings.Contains(one, "telegram (telegram)") || !strings.Contains(one, "sito (website) 2/2") {
		t.Error("of one channel, the review shows others")
	}
}
