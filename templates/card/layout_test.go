package card_test

import (
	"image/color"
	"math"
	"strings"
	"testing"
	"unicode"

	"tocsin/templates/card"
	"tocsin/templates/places"
	"tocsin/templates/wording"
)

// everyFrame calls each with cards that between them show every word and colour of
// the frame, in every language.
func everyFrame(tb testing.TB, each func(name string, c card.Card)) {
	tb.Helper()
	for name, c := range gallery(tb) {
		each(name, c)
	}
	for _, lang := range wording.Languages() {
		for level := wording.Unrated; level <= wording.Red; level++ {
			c := sample(tb, lang)
			c.Level, c.Colour, c.Drill = level, level%2 == 0, wording.Drill(level%3)
			if level == wording.Orange {
				c.Shape = abroad()
			}
			each(lang, c)
		}
		for act := wording.Update; act <= wording.Lower; act++ {
			c := sample(tb, lang)
			c.Act, c.Drill = act, wording.Drill(act%3)
			each(lang, c)
		}
	}
}

// TestContrast computes what WCAG 2.1 asks of text (1.4.3), 4.5 to 1, for every
// line that is drawn, and finds its ground in the picture.
func TestContrast(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for size, s := range sizes() {
		everyFrame(t, func(name string, c card.Card) {
			pieces, err := r.Pieces(c, s)
			if err != nil {
				t.Fatalf("%s, %s: %v", size, name, err)
			}
			for i, p := range pieces {
				if !p.Letters {
					continue
				}
				if got := contrast(p.Ink, p.Ground); got < 4.5 {
					t.Errorf("%s, %s: %q has the contrast %.2f, want at least 4.5", size, name, p.Text, got)
				}
				ground := color.RGBA{255, 255, 255, 255}
				for _, under := range pieces[:i] {
					if !under.Letters && under.Left <= p.Left && under.Right >= p.Right && under.Top <= p.Top && under.Bottom >= p.Bottom {
						ground = under.Ink
					}
				}
				if ground != p.Ground {
					t.Errorf("%s, %s: %q lies on %v, and is meant for %v", size, name, p.Text, ground, p.Ground)
				}
			}
		})
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

// TestNothingIsClipped holds what is inked against the card, the margins and each
// other: no letter is cut off, none lies on another.
func TestNothingIsClipped(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	limits := map[card.Size][2]float64{card.Portrait: {1080, 1350}, card.Landscape: {1200, 675}}
	for size, s := range sizes() {
		wide, high := limits[s][0], limits[s][1]
		_, margin := card.Frame(s)
		everyFrame(t, func(name string, c card.Card) {
			pieces, err := r.Pieces(c, s)
			if err != nil {
				t.Fatalf("%s, %s: %v", size, name, err)
			}
			for i, p := range pieces {
				if p.Left < 0 || p.Top < 0 || p.Right > wide || p.Bottom > high {
					t.Errorf("%s, %s: %q goes from %.0f, %.0f to %.0f, %.0f, beyond the card", size, name, p.Text, p.Left, p.Top, p.Right, p.Bottom)
				}
				if !p.Letters {
					continue
				}
				if p.Left < margin-3 || p.Right > wide-margin+3 || p.Top < 6 || p.Bottom > high-6 {
					t.Errorf("%s, %s: %q goes from %.0f, %.0f to %.0f, %.0f, into the margin", size, name, p.Text, p.Left, p.Top, p.Right, p.Bottom)
				}
				for _, q := range pieces[:i] {
					if q.Letters && q.Left < p.Right && p.Left < q.Right && q.Top < p.Bottom && p.Top < q.Bottom {
						t.Errorf("%s, %s: %q lies on %q", size, name, p.Text, q.Text)
					}
				}
				for _, q := range pieces[i+1:] {
					if q.Left < p.Right && p.Left < q.Right && q.Top < p.Bottom && p.Top < q.Bottom {
						t.Errorf("%s, %s: %q is drawn over", size, name, p.Text)
					}
				}
			}
		})
	}
}

// TestMarginsAreEmpty looks at the pixels: in a card of reality, each row has one
// colour in its margins, but for the head, whose borders reach the edges.
func TestMarginsAreEmpty(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for size, s := range sizes() {
		_, margin := card.Frame(s)
		for name, c := range gallery(t) {
			c.Drill = wording.Real
			img, _ := pixels(t, r, c, s)
			from := 0
			if c.Act == wording.AllClear || c.Act == wording.Cancel {
				from = img.Rect.Dy() / 6
			}
			right := !c.Act.Renews() || s == card.Portrait
			for y := from; y < img.Rect.Dy(); y++ {
				ground := img.ColorIndexAt(0, y)
				for x := range int(margin) - 6 {
					if img.ColorIndexAt(x, y) != ground || right && img.ColorIndexAt(img.Rect.Dx()-1-x, y) != ground {
						t.Fatalf("%s, %s: something is drawn in the margin, at row %d", size, name, y)
					}
				}
			}
		}
	}
}

// tokens returns the words of a text without marks and capitals.
func tokens(text string) []string {
	text = strings.ReplaceAll(strings.ToLower(text), "ß", "ss")
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// TestAltSaysWhatIsDrawn finds every line of every card in its description, word for
// word, and every word of the description on the card, but for what a picture
// shows without words.
func TestAltSaysWhatIsDrawn(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for size, s := range sizes() {
		everyFrame(t, func(name string, c card.Card) {
			pieces, err := r.Pieces(c, s)
			if err != nil {
				t.Fatalf("%s, %s: %v", size, name, err)
			}
			alt, err := r.Alt(c, s)
			if err != nil {
				t.Fatal(err)
			}
			said := " " + strings.Join(tokens(alt), " ") + " "
			w := wording.For(c.Lang)
			drawn := map[string]bool{}
			for _, token := range tokens(strings.Join([]string{w.MapLabel, w.QRCode, c.Check, w.Source}, " ")) {
				drawn[token] = true
			}
			for _, piece := range pieces {
				if !piece.Letters {
					continue
				}
				if line := strings.Join(tokens(piece.Text), " "); !strings.Contains(said, " "+line+" ") {
					t.Errorf("%s, %s: %q is drawn and not said in %q", size, name, piece.Text, alt)
				}
				for _, token := range tokens(piece.Text) {
					drawn[token] = true
				}
			}
			for _, token := range tokens(alt) {
				if !drawn[token] {
					t.Errorf("%s, %s: %q is said and not drawn", size, name, token)
				}
			}
			if n := len([]rune(alt)); n > card.MaxAlt {
				t.Errorf("%s, %s: the description has %d characters", size, name, n)
			}
		})
	}
}

func TestAltReadsWell(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	want := map[string]string{
		"it": "Allerta arancione. Piogge forti: possibili frane e allagamenti nel Savonese. Dove: Savona, Vado Ligure, Quiliano, Bergeggi, Albissola Marina, Albisola Superiore. Quando: dalle 14:00 di lunedì 23 novembre alle 12:00 di martedì 24 novembre 2026. Che cosa fare: Stai lontano da argini, ponti e sottopassi. Non scendere in cantine e garage. Spostati solo se è necessario. Mappa: Area interessata. Provincia di Savona. Confini: ISTAT, openpolis (CC BY). Fonte: Provincia di Savona – Protezione civile. Codice allerta: SV-7F3K2-1. Testo ufficiale completo: allerte.provincia.savona.example/a/SV-7F3K2. Codice QR: Inquadra per verificare il messaggio (allerte.provincia.savona.example/verifica?codice=SV-7F3K2).",
		"fr": "Alerte orange. Fortes pluies : glissements de terrain et inondations possibles autour de Savone. Où : Savona, Vado Ligure, Quiliano, Bergeggi, Albissola Marina, Albisola Superiore. Quand : du lundi 23 novembre à 14:00 au mardi 24 novembre 2026 à 12:00. Que faire : Éloignez-vous des berges, des ponts et des passages souterrains. Ne descendez ni à la cave ni au garage. Ne vous déplacez qu’en cas de nécessité. Carte : Zone concernée. Province de Savone. Limites : ISTAT, openpolis (CC BY). Source : Provincia di Savona – Protezione civile. Code d’alerte : SV-7F3K2-1. Texte officiel complet : allerte.provincia.savona.example/a/SV-7F3K2. Code QR : Scannez pour vérifier le message (allerte.provincia.savona.example/verifica?codice=SV-7F3K2).",
	}
	for lang, text := range want {
		p, err := r.Render(sample(t, lang), card.Portrait, card.PNG)
		if err != nil {
			t.Fatal(err)
		}
		if p.Alt != text {
			t.Errorf("%s:\ngot  %q\nwant %q", lang, p.Alt, text)
		}
	}
}

// TestMapIsHonest: what lies outside the territory is not drawn into it, and the card
// says so; what has no shape has no map.
func TestMapIsHonest(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	w := wording.For("it")
	tests := map[string]struct {
		shape           []places.Ring
		province, alone bool
	}{
		"municipalities": {shape(t, affected...), true, false},
		"off_the_coast":  {triangle(44.2, 8.5, 44.3), true, false},
		"abroad":         {abroad(), false, true},
		"partly_abroad":  {append(abroad(), shape(t, "009056")...), false, true},
		"none":           {nil, false, false},
	}
	for name, tt := range tests {
		c := sample(t, "it")
		c.Shape = tt.shape
		for size, s := range sizes() {
			pieces, err := r.Pieces(c, s)
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, p := range pieces {
				words = append(words, p.Text)
			}
			said := strings.Join(words, " ")
			if got := strings.Contains(said, "Confini: ISTAT, openpolis (CC BY)"); got != tt.province {
				t.Errorf("%s, %s: the sources of the province are named: %t", name, size, got)
			}
			if got := strings.Contains(said, w.ShapeAlone) && strings.Contains(said, " km"); got != tt.alone {
				t.Errorf("%s, %s: it says that the shape stands alone, with a scale: %t", name, size, got)
			}
			if got := strings.Contains(said, w.AreaOnMap); got != (tt.province || tt.alone) {
				t.Errorf("%s, %s: there is a legend: %t", name, size, got)
			}
		}
	}
}

// triangle is a small area between two parallels.
func triangle(lat, lon, other float64) []places.Ring {
	return []places.Ring{{{Lat: lat, Lon: lon}, {Lat: other, Lon: lon}, {Lat: other, Lon: lon + 0.05}, {Lat: lat, Lon: lon}}}
}

// TestAreaIsFilled counts the pixels of the level's colour below the head: they grow
// with the area.
func TestAreaIsFilled(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	orange := color.RGBA{0xf5, 0x93, 0x00, 0xff}
	count := func(codes ...string) int {
		c := sample(t, "it")
		c.Shape = shape(t, codes...)
		img, _ := pixels(t, r, c, card.Portrait)
		n := 0
		for y := 320; y < img.Rect.Dy(); y++ {
			for x := range img.Rect.Dx() {
				if color.RGBAModel.Convert(img.At(x, y)) == orange {
					n++
				}
			}
		}
		return n
	}
	one, three, six := count("009056"), count("009056", "009064", "009052"), count(affected...)
	if one < 1000 || three < one*3/2 || six < three*11/10 {
		t.Errorf("the areas fill %d, %d and %d pixels, want more each time", one, three, six)
	}
}

// TestEveryWordOfTheFrameIsDrawn holds the fonts against all that cards say in
// each language by themselves.
func TestEveryWordOfTheFrameIsDrawn(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for _, lang := range wording.Languages() {
		w := wording.For(lang)
		c := sample(t, lang)
		c.Areas, c.Validity, c.Shape = nil, "", nil
		c.Actions = []string{
			w.FirstLine(wording.Exercise) + w.LastLine(wording.Test),
			strings.Join([]string{w.Where, w.When, w.WhatToDo, w.CodeLabel, w.AddressOnCard, w.Others(1), w.Others(2)}, " "),
			strings.Join([]string{w.CheckOnCard, w.MapLabel, w.AreaOnMap, w.ShapeAlone, w.Borders, w.QRCode}, " "),
		}
		p, err := r.Render(c, card.Portrait, card.PNG)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Shown.Actions) != 3 {
			t.Errorf("%s: words of the frame can't be drawn", lang)
		}
	}
}
