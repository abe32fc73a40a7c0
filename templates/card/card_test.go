package card_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tocsin/templates/card"
	"tocsin/templates/wording"
)

func renderer(tb testing.TB) *card.Renderer {
	tb.Helper()
	r, err := card.NewRenderer()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func sample() card.Card {
	return card.Card{
		Lang: "it-IT", Drill: wording.Exercise, Level: wording.Orange, Colour: true,
		Headline: "Allerta arancione per piogge forti e temporali nel Savonese",
		Areas:    []string{"Savona", "Vado Ligure", "Quiliano", "Albisola Superiore", "Albissola Marina"},
		Validity: "dalle 14:00 di lunedì 23 novembre alle 12:00 di martedì 24 novembre 2026",
		Actions: []string{
			"Stare lontani da argini, ponti e sottopassi.", "Non scendere in cantine e garage.",
			"Limitare gli spostamenti a quelli necessari.",
		},
		Issuer: "Provincia di Savona – Protezione civile", Mark: "SV-7F3K2-1",
		Address: "allerte.provincia.savona.example/a/SV-7F3K2",
	}
}

func places(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("Borgo San Giovanni %d", i+1)
	}
	return out
}

// TestGolden compares cards with pictures that a person has looked at, at a
// third of the size. TOCSIN_UPDATE_GOLDEN=1 writes them anew.
func TestGolden(t *testing.T) {
	t.Parallel()
	red := sample()
	red.Drill, red.Level, red.Act, red.Lang = wording.Real, wording.Red, wording.Update, "fr-FR"
	red.Headline = "Crue soudaine du Letimbro : montez tout de suite aux étages supérieurs"
	red.Actions = []string{"Montez aux étages supérieurs.", "Ne prenez pas l’ascenseur."}
	red.Validity = "jusqu’au mardi 24 novembre 2026 à 12:00"
	revoked := sample()
	revoked.Act, revoked.Level, revoked.Actions = wording.Cancel, wording.Unrated, nil
	many := sample()
	many.Areas = places(69)
	foreign := sample()
	foreign.Lang, foreign.Headline, foreign.Areas, foreign.Actions = "my", "ရေကြီးမှု သတိပေးချက်", []string{"ရန်ကုန်"}, []string{"အမြင့်သို့ သွားပါ။"}
	foreign.Level, foreign.Colour = wording.Yellow, false
	r := renderer(t)
	for name, c := range map[string]card.Card{"exercise": sample(), "red_update": red, "revoked": revoked, "many_areas": many, "letters_missing": foreign} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			img, _, err := r.Draw(c)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, third(img), filepath.Join("testdata", name+".png"))
		})
	}
}

// third returns img in grey at a third of its size.
func third(img *image.RGBA) *image.Gray {
	small := image.NewGray(image.Rect(0, 0, img.Rect.Dx()/3, img.Rect.Dy()/3))
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			sum := 0
			for i := range 9 {
				at := img.PixOffset(3*x+i%3, 3*y+i/3)
				sum += 3*int(img.Pix[at]) + 6*int(img.Pix[at+1]) + int(img.Pix[at+2])
			}
			small.Pix[small.PixOffset(x, y)] = uint8(sum / 90)
		}
	}
	return small
}

func compare(t *testing.T, got *image.Gray, file string) {
	t.Helper()
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
		var out bytes.Buffer
		if err := png.Encode(&out, got); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want, ok := decoded.(*image.Gray)
	if !ok || want.Rect != got.Rect {
		t.Fatalf("%s is no grey picture of %v", file, got.Rect)
	}
	// Rounding may differ a little between processors; letters may not move.
	different := 0
	for i := range got.Pix {
		if math.Abs(float64(got.Pix[i])-float64(want.Pix[i])) > 24 {
			different++
		}
	}
	if different > len(got.Pix)/2000 {
		t.Errorf("%d of %d pixels are not as in %s: look at the card, then run with TOCSIN_UPDATE_GOLDEN=1", different, len(got.Pix), file)
	}
}

// TestRenderIsStable draws with one renderer from many goroutines.
func TestRenderIsStable(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	var wg sync.WaitGroup
	pictures := make([]card.Picture, 4)
	for i := range pictures {
		wg.Go(func() {
			p, err := r.Render(sample())
			if err != nil {
				t.Error(err)
			}
			pictures[i] = p
		})
	}
	wg.Wait()
	for _, p := range pictures {
		if !bytes.Equal(p.JPEG, pictures[0].JPEG) {
			t.Error("the same card gives other bytes")
		}
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(pictures[0].JPEG))
	if err != nil {
		t.Fatal(err)
	}
	if config.Width != 1080 || config.Height != 1350 {
		t.Errorf("the picture has %d by %d pixels, want 1080 by 1350", config.Width, config.Height)
	}
	if n := len(pictures[0].JPEG); n > card.MaxBytes {
		t.Errorf("the picture has %d bytes, the limit is %d", n, card.MaxBytes)
	}
}

// TestContrast computes what WCAG 2.1 asks of text (1.4.3): 4.5 to 1.
func TestContrast(t *testing.T) {
	t.Parallel()
	for _, pair := range card.Pairs() {
		if got := contrast(pair.Ink, pair.Ground); got < 4.5 {
			t.Errorf("%s: the contrast is %.2f, want at least 4.5", pair.Name, got)
		}
	}
	if got := contrast(color.RGBA{A: 255}, color.RGBA{255, 255, 255, 255}); math.Abs(got-21) > 0.001 {
		t.Errorf("black on white has contrast %.3f, want 21: the test itself is wrong", got)
	}
}

func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// TestPairsAreComplete finds every colour that a card uses for more than the
// edges of letters among the pairs whose contrast is checked.
func TestPairsAreComplete(t *testing.T) {
	t.Parallel()
	known := []color.RGBA{{0xc3, 0xcc, 0xd6, 0xff}} // the rule above the foot, no text
	for _, pair := range card.Pairs() {
		known = append(known, pair.Ink, pair.Ground)
	}
	r := renderer(t)
	for level := wording.Unrated; level <= wording.Red; level++ {
		c := sample()
		c.Level = level
		img, _, err := r.Draw(c)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[color.RGBA]int{}
		for y := 0; y < card.Height; y += 2 {
			for x := 0; x < card.Width; x += 2 {
				counts[img.RGBAAt(x, y)]++
			}
		}
		for found, n := range counts {
			if n > 400 && !slices.Contains(known, found) {
				t.Errorf("level %d: %d pixels have the colour %v, which no pair names", level, n, found)
			}
		}
		if ground := card.Pairs()[level].Ground; counts[ground] < card.Width*25 {
			t.Errorf("level %d: %d pixels have its colour, want a band", level, counts[ground])
		}
	}
}

// TestNothingIsClipped fills cards more and more: the margins stay empty, and what
// was left out follows the stated order.
func TestNothingIsClipped(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.TrimSpace(strings.Repeat("piogge forti e persistenti ", n)) }
	actions := func(n int) []string { return []string{long(n) + " uno.", long(n) + " due.", long(n) + " tre."} }
	tests := map[string]struct {
		change func(*card.Card)
		areas  int // shown
		acts   int
		valid  bool
	}{
		"all_fits":          {func(*card.Card) {}, 5, 3, true},
		"eight_areas":       {func(c *card.Card) { c.Areas = places(69); c.Actions = actions(3) }, 8, 3, true},
		"three_areas":       {func(c *card.Card) { c.Areas = places(40); c.Actions = actions(5) }, 3, 3, true},
		"two_actions":       {func(c *card.Card) { c.Areas = places(40); c.Actions = actions(8) }, 3, 2, true},
		"one_action":        {func(c *card.Card) { c.Areas = places(40); c.Actions = actions(15) }, 3, 1, true},
		"no_action":         {func(c *card.Card) { c.Areas = places(40); c.Actions = actions(60) }, 3, 0, true},
		"no_validity":       {func(c *card.Card) { c.Headline = long(5); c.Validity = long(60); c.Actions = actions(60) }, 3, 0, false},
		"no_areas":          {func(c *card.Card) { c.Areas = []string{long(60)}; c.Validity = long(60); c.Actions = actions(60) }, 0, 0, false},
		"long_headline":     {func(c *card.Card) { c.Headline = long(9) }, 3, 2, true},
		"real":              {func(c *card.Card) { c.Drill = wording.Real }, 5, 3, true},
		"long_issuer":       {func(c *card.Card) { c.Issuer = long(3) }, 5, 3, true},
		"long_address":      {func(c *card.Card) { c.Address = strings.Repeat("a", 60) + "/a/SV-7F3K2" }, 5, 3, true},
		"german_long_words": {func(c *card.Card) { c.Lang = "de"; c.Headline = "Starkniederschlagsüberschwemmungswarnung" }, 5, 3, true},
	}
	r := renderer(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sample()
			tt.change(&c)
			img, shown, err := r.Draw(c)
			if err != nil {
				t.Fatal(err)
			}
			if len(shown.Areas) != tt.areas || len(shown.Actions) != tt.acts || (shown.Validity != "") != tt.valid {
				t.Errorf("it shows %d areas, %d actions, validity %t; want %d, %d, %t",
					len(shown.Areas), len(shown.Actions), shown.Validity != "", tt.areas, tt.acts, tt.valid)
			}
			for y := range card.Height {
				ground := img.RGBAAt(0, y)
				for x := range 48 {
					if img.RGBAAt(x, y) != ground || img.RGBAAt(card.Width-1-x, y) != ground {
						t.Fatalf("something is drawn in the margin, at row %d", y)
					}
				}
			}
		})
	}
}

func TestLeftOutAreasAreCounted(t *testing.T) {
	t.Parallel()
	c := sample()
	c.Areas = places(69)
	_, shown, err := renderer(t).Draw(c)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := shown.Areas[len(shown.Areas)-1], "Borgo San Giovanni 8 e altre 61 zone"; got != want {
		t.Errorf("the last area shown is %q, want %q", got, want)
	}
}

func TestWhatFitsInNoSizeIsRefused(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for name, change := range map[string]func(*card.Card){
		"headline":           func(c *card.Card) { c.Headline = strings.Repeat("piogge forti ", 90) },
		"enormous_headline":  func(c *card.Card) { c.Headline = strings.Repeat("piogge forti ", 9000) },
		"endless_word":       func(c *card.Card) { c.Headline = strings.Repeat("a", 90) },
		"issuer":             func(c *card.Card) { c.Issuer = strings.Repeat("Protezione civile ", 9) },
		"enormous_issuer":    func(c *card.Card) { c.Issuer = strings.Repeat("Protezione civile ", 9000) },
		"address":            func(c *card.Card) { c.Address = strings.Repeat("a", 150) },
		"address_with_blank": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sample()
			if change == nil {
				c.Address = "allerte.example/a b"
				if _, err := r.Render(c); err == nil || errors.Is(err, card.ErrNoRoom) {
					t.Errorf("Render returned %v, want an error about the address", err)
				}
				return
			}
			change(&c)
			if _, err := r.Render(c); !errors.Is(err, card.ErrNoRoom) {
				t.Errorf("Render returned %v, want ErrNoRoom", err)
			}
		})
	}
}

// TestMissingLettersAreLeftOut compares with a card that never had the text:
// were a box drawn for a letter, the pictures would differ.
func TestMissingLettersAreLeftOut(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	tests := map[string]struct{ with, without func(*card.Card) }{
		"headline": {func(c *card.Card) { c.Headline = "تحذير من الفيضانات" }, func(c *card.Card) { c.Headline = "" }},
		"areas":    {func(c *card.Card) { c.Areas = []string{"Savona", "กรุงเทพ"} }, func(c *card.Card) { c.Areas = nil }},
		"actions":  {func(c *card.Card) { c.Actions = []string{"请上楼", "Salire"} }, func(c *card.Card) { c.Actions = nil }},
		"emoji":    {func(c *card.Card) { c.Headline = "Vento 🌪️" }, func(c *card.Card) { c.Headline = "" }},
		"issuer":   {func(c *card.Card) { c.Issuer = "ရန်ကုန်" }, func(c *card.Card) { c.Issuer = "" }},
		"spelling": {func(c *card.Card) { c.Headline = "Vado\u202fLigure e\u2011bike" }, func(c *card.Card) { c.Headline = "Vado Ligure e-bike" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := sample(), sample()
			tt.with(&a)
			tt.without(&b)
			got, _, err := r.Draw(a)
			if err != nil {
				t.Fatal(err)
			}
			want, _, err := r.Draw(b)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Pix, want.Pix) {
				t.Error("the picture is not as if the text had not been there")
			}
		})
	}
}

// TestEveryWordOfTheFrameIsDrawn holds the fonts against all that cards say in
// each language by themselves, and the bands against the longest words.
func TestEveryWordOfTheFrameIsDrawn(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for _, lang := range wording.Languages() {
		w := wording.For(lang)
		c := sample()
		c.Lang, c.Drill = lang, wording.Test
		c.Areas, c.Validity = nil, ""
		c.Actions = []string{
			w.FirstLine(wording.Exercise), strings.Join([]string{w.LastLine(wording.Exercise), w.FirstLine(wording.Test), w.LastLine(wording.Test)}, " "),
			strings.Join([]string{w.Where, w.When, w.WhatToDo, w.CodeLabel, w.AddressOnCard, w.SourceOnCard, w.Others(1), w.Others(2)}, " "),
		}
		longest := ""
		for level := wording.Unrated; level <= wording.Red; level++ {
			for _, colour := range []bool{true, false} {
				if word := w.Level(level, colour); len(word) > len(longest) {
					longest, c.Level, c.Colour = word, level, colour
				}
			}
		}
		for act := wording.Issue; act <= wording.Cancel; act++ {
			c.Act = act
			_, shown, err := r.Draw(c)
			if err != nil {
				t.Fatalf("%s, act %d: %v", lang, act, err)
			}
			if len(shown.Actions) != 3 {
				t.Errorf("%s: words of the frame can't be drawn", lang)
			}
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("it", "Allerta arancione", "Savona", "Salire.", "Provincia", uint8(3), uint8(0))
	f.Add("my", "ရေကြီးမှု", "", "\u202e", "a\x00b", uint8(200), uint8(9))
	r := renderer(f)
	f.Fuzz(func(t *testing.T, lang, headline, area, action, issuer string, level, act uint8) {
		c := card.Card{
			Lang: lang, Drill: wording.Drill(act % 4), Act: wording.Act(act), Level: wording.Level(level), Headline: headline,
			Areas: []string{area}, Actions: []string{action, action}, Issuer: issuer, Validity: area,
			Mark: "SV-7F3K2-1", Address: "allerte.example/a/SV-7F3K2",
		}
		_, shown, err := r.Draw(c)
		if err != nil {
			if !errors.Is(err, card.ErrNoRoom) {
				t.Error(err)
			}
			return
		}
		if shown.Mark != c.Mark || shown.Address != c.Address {
			t.Error("code or address was left out")
		}
	})
}

func BenchmarkRender(b *testing.B) {
	crowded := sample()
	crowded.Areas = places(69)
	crowded.Actions = []string{strings.Repeat("piogge forti ", 40), "due", "tre"}
	r := renderer(b)
	for name, c := range map[string]card.Card{"usual": sample(), "crowded": crowded} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Render(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
