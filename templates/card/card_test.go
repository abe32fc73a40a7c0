package card_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
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

// pixels returns a card without the losses of JPEG, and what it shows.
func pixels(tb testing.TB, r *card.Renderer, c card.Card, s card.Size) (*image.Paletted, card.Picture) {
	tb.Helper()
	p, err := r.Render(c, s, card.PNG)
	if err != nil {
		tb.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(p.Data))
	if err != nil {
		tb.Fatal(err)
	}
	paletted, ok := img.(*image.Paletted)
	if !ok {
		tb.Fatalf("the PNG is a %T, want a palette", img)
	}
	return paletted, p
}

func sizes() map[string]card.Size {
	return map[string]card.Size{"portrait": card.Portrait, "landscape": card.Landscape}
}

// TestGolden compares cards with pictures that a person has looked at, at a
// third of their size. TOCSIN_UPDATE_GOLDEN=1 writes them anew: look at them.
func TestGolden(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for size, s := range sizes() {
		for name, c := range gallery(t) {
			t.Run(name+"_"+size, func(t *testing.T) {
				t.Parallel()
				img, _ := pixels(t, r, c, s)
				compare(t, third(img), filepath.Join("testdata", name+"_"+size+".png"))
			})
		}
	}
}

// third returns img at a third of its size, in six steps of each colour.
func third(img *image.Paletted) *image.Paletted {
	bounds := img.Bounds()
	var palette color.Palette
	for i := range 216 {
		palette = append(palette, color.RGBA{uint8(i / 36 * 51), uint8(i / 6 % 6 * 51), uint8(i % 6 * 51), 255})
	}
	colours := make([][3]int, len(img.Palette))
	for i, c := range img.Palette {
		r, g, b, _ := c.RGBA()
		colours[i] = [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}
	}
	small := image.NewPaletted(image.Rect(0, 0, bounds.Dx()/3, bounds.Dy()/3), palette)
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			var sum [3]int
			for i := range 9 {
				c := colours[img.ColorIndexAt(3*x+i%3, 3*y+i/3)]
				sum[0], sum[1], sum[2] = sum[0]+c[0], sum[1]+c[1], sum[2]+c[2]
			}
			n := 0
			for _, v := range sum {
				n = n*6 + (v/9+25)/51
			}
			small.SetColorIndex(x, y, uint8(n))
		}
	}
	return small
}

func compare(t *testing.T, got *image.Paletted, file string) {
	t.Helper()
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
		var out bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, got); err != nil {
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
	want, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if want.Bounds() != got.Rect {
		t.Fatalf("%s has %v, want %v", file, want.Bounds(), got.Rect)
	}
	// Rounding may differ a little between processors; letters may not move.
	different := 0
	for y := range got.Rect.Dy() {
		for x := range got.Rect.Dx() {
			r, g, b, _ := got.At(x, y).RGBA()
			wr, wg, wb, _ := want.At(x, y).RGBA()
			if apart(r, wr) || apart(g, wg) || apart(b, wb) {
				different++
			}
		}
	}
	if different > len(got.Pix)/2000 {
		t.Errorf("%d of %d pixels are not as in %s: look at the card, then run with TOCSIN_UPDATE_GOLDEN=1", different, len(got.Pix), file)
	}
}

// apart reports whether two parts of a colour are more than a step from each other.
func apart(a, b uint32) bool { return max(a, b)-min(a, b) > 52*257 }

// TestFormats holds every card to the size in pixels and bytes that platforms and
// people on a crowded network can take.
func TestFormats(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	want := map[card.Size]image.Point{card.Portrait: {X: 1080, Y: 1350}, card.Landscape: {X: 1200, Y: 675}}
	decode := map[card.Format]func(data []byte) (image.Config, error){
		card.JPEG: func(data []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(data)) },
		card.PNG:  func(data []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(data)) },
	}
	for name, c := range gallery(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range sizes() {
				for f, config := range decode {
					p, err := r.Render(c, s, f)
					if err != nil {
						t.Fatal(err)
					}
					got, err := config(p.Data)
					if err != nil || got.Width != want[s].X || got.Height != want[s].Y {
						t.Errorf("format %d has %d by %d pixels (%v), want %v", f, got.Width, got.Height, err, want[s])
					}
					if len(p.Data) > 300_000 {
						t.Errorf("format %d has %d bytes, want at most 300,000", f, len(p.Data))
					}
				}
			}
		})
	}
}

// TestRenderIsStable draws with one renderer from many goroutines, among cards of
// another size, which use the same canvases.
func TestRenderIsStable(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for size, s := range sizes() {
		for _, f := range []card.Format{card.JPEG, card.PNG} {
			first, err := renderer(t).Render(sample(t, "it"), s, f)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					for name, c := range map[string]card.Card{"other": longest(t, "de"), "same": sample(t, "it")} {
						p, err := r.Render(c, s, f)
						if err != nil {
							t.Error(err)
						}
						if same := bytes.Equal(p.Data, first.Data); same != (name == "same") {
							t.Errorf("%s, format %d, %s: the bytes are the same: %t", size, f, name, same)
						}
					}
				})
			}
			wg.Wait()
		}
	}
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("Borgo San Giovanni %d", i+1)
	}
	return out
}

// TestOrderOfLeavingOut fills cards more and more: what is left out follows the
// stated order.
func TestOrderOfLeavingOut(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.TrimSpace(strings.Repeat("piogge forti ", n)) }
	actions := func(n int) []string { return []string{long(n) + " uno.", long(n) + " due.", long(n) + " tre."} }
	tests := map[string]struct {
		change func(*card.Card)
		areas  int // shown
		acts   int
		chart  bool
		valid  bool
	}{
		"all_fits":      {func(*card.Card) {}, 6, 3, true, true},
		"no_map":        {func(c *card.Card) { c.Areas = names(11); c.Actions = actions(8) }, 11, 3, false, true},
		"eight_areas":   {func(c *card.Card) { c.Areas = names(69) }, 8, 3, true, true},
		"three_areas":   {func(c *card.Card) { c.Areas = names(40); c.Actions = actions(11) }, 3, 3, true, true},
		"two_actions":   {func(c *card.Card) { c.Areas = names(40); c.Actions = actions(14) }, 3, 2, false, true},
		"one_action":    {func(c *card.Card) { c.Areas = names(40); c.Actions = actions(25) }, 3, 1, false, true},
		"no_action":     {func(c *card.Card) { c.Areas = names(40); c.Actions = actions(60) }, 3, 0, false, true},
		"no_validity":   {func(c *card.Card) { c.Validity = long(60); c.Actions = actions(60) }, 3, 0, false, false},
		"no_areas":      {func(c *card.Card) { c.Areas = []string{long(60)}; c.Validity = long(60) }, 0, 0, false, false},
		"nothing_known": {func(c *card.Card) { c.Areas, c.Validity, c.Actions, c.Shape = nil, "", nil, nil }, 0, 0, false, false},
	}
	r := renderer(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sample(t, "it")
			tt.change(&c)
			p, err := r.Render(c, card.Portrait, card.PNG)
			if err != nil {
				t.Fatal(err)
			}
			got := p.Shown
			if len(got.Areas) != tt.areas || len(got.Actions) != tt.acts || (got.Shape != nil) != tt.chart || (got.Validity != "") != tt.valid {
				t.Errorf("it shows %d areas, %d actions, map %t, validity %t; want %d, %d, %t, %t",
					len(got.Areas), len(got.Actions), got.Shape != nil, got.Validity != "", tt.areas, tt.acts, tt.chart, tt.valid)
			}
		})
	}
}

// TestProvisoStaysWithActions: what steps hold under is shown with them, or neither.
func TestProvisoStaysWithActions(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for name, change := range map[string]func(*card.Card){
		"no_room":        func(c *card.Card) { c.Actions = []string{strings.Repeat("piogge forti ", 60)} },
		"proviso_long":   func(c *card.Card) { c.Proviso = strings.Repeat("piogge forti ", 70) },
		"no_letters":     func(c *card.Card) { c.Proviso = "请上楼" },
		"no_action_left": func(c *card.Card) { c.Actions = nil },
	} {
		c := longest(t, "it")
		change(&c)
		for size, s := range sizes() {
			p, err := r.Render(c, s, card.PNG)
			if err != nil {
				t.Fatal(err)
			}
			if p.Shown.Proviso != "" || len(p.Shown.Actions) > 0 {
				t.Errorf("%s, %s: it shows the proviso %q and %d actions", name, size, p.Shown.Proviso, len(p.Shown.Actions))
			}
		}
	}
}

func TestLeftOutAreasAreCounted(t *testing.T) {
	t.Parallel()
	c := sample(t, "it")
	c.Areas = names(69)
	p, err := renderer(t).Render(c, card.Portrait, card.PNG)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Shown.Areas[len(p.Shown.Areas)-1], "Borgo San Giovanni 8 e altre 61 zone"; got != want {
		t.Errorf("the last area shown is %q, want %q", got, want)
	}
}

func TestWhatFitsInNoSizeIsRefused(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for name, change := range map[string]func(*card.Card){
		"headline":          func(c *card.Card) { c.Headline = strings.Repeat("piogge forti ", 90) },
		"enormous_headline": func(c *card.Card) { c.Headline = strings.Repeat("piogge forti ", 9000) },
		"endless_word":      func(c *card.Card) { c.Headline = strings.Repeat("a", 140) },
		"issuer":            func(c *card.Card) { c.Issuer = strings.Repeat("Protezione civile ", 9) },
		"enormous_issuer":   func(c *card.Card) { c.Issuer = strings.Repeat("Protezione civile ", 9000) },
		"address":           func(c *card.Card) { c.Address = strings.Repeat("a", 150) },
		"check":             func(c *card.Card) { c.Check = "https://allerte.example/" + strings.Repeat("a", 900) },
	} {
		c := sample(t, "it")
		change(&c)
		for size, s := range sizes() {
			if _, err := r.Render(c, s, card.PNG); !errors.Is(err, card.ErrNoRoom) {
				t.Errorf("%s, %s: Render returned %v, want ErrNoRoom", name, size, err)
			}
		}
	}
	for name, change := range map[string]func(*card.Card){
		"address_with_blank": func(c *card.Card) { c.Address = "allerte.example/a b" },
		"no_code":            func(c *card.Card) { c.Mark = "" },
		"check_with_accent":  func(c *card.Card) { c.Check = "https://allertè.example/" },
	} {
		c := sample(t, "it")
		change(&c)
		if _, err := r.Render(c, card.Portrait, card.PNG); err == nil || errors.Is(err, card.ErrNoRoom) {
			t.Errorf("%s: Render returned %v, want an error about the address", name, err)
		}
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
			a, b := sample(t, "it"), sample(t, "it")
			tt.with(&a)
			tt.without(&b)
			got, err := r.Render(a, card.Portrait, card.PNG)
			if err != nil {
				t.Fatal(err)
			}
			want, err := r.Render(b, card.Portrait, card.PNG)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Data, want.Data) || got.Alt != want.Alt {
				t.Error("the picture is not as if the text had not been there")
			}
		})
	}
}

// TestStagesDifferWithoutColour compares the grey heads of the stages of an alert's
// life: a reader who sees no colour must see which one it is from afar. What renews an
// alert has one sign; whether it raises, lowers or extends it is told in words.
func TestStagesDifferWithoutColour(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for size, s := range sizes() {
		var heads [][]uint8
		for act := wording.Issue; act <= wording.Cancel; act++ {
			c := sample(t, "it")
			c.Act = act
			img, _ := pixels(t, r, c, s)
			heads = append(heads, grey(img, img.Rect.Dy()/5))
		}
		for i := range heads {
			for j := range i {
				different := 0
				for at := range heads[i] {
					if a, b := heads[i][at], heads[j][at]; max(a, b)-min(a, b) > 60 {
						different++
					}
				}
				if share := float64(different) / float64(len(heads[i])); share < 0.08 {
					t.Errorf("%s: of the heads of acts %d and %d, %.0f%% differ in grey, want 8%% at least", size, i, j, share*100)
				}
			}
		}
	}
}

// grey returns the first rows of img in grey, a ninth of its points.
func grey(img image.Image, rows int) []uint8 {
	var out []uint8
	for y := 0; y < rows; y += 3 {
		for x := 0; x < img.Bounds().Dx(); x += 3 {
			g, ok := color.GrayModel.Convert(img.At(x, y)).(color.Gray)
			if ok {
				out = append(out, g.Y)
			}
		}
	}
	return out
}

// TestDrillIsUnmistakable finds the colour of a drill along all four edges, and on
// no card of reality.
func TestDrillIsUnmistakable(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	violet := color.RGBA{0x4a, 0x14, 0x8c, 0xff}
	for size, s := range sizes() {
		for _, drill := range []wording.Drill{wording.Real, wording.Exercise, wording.Test} {
			c := sample(t, "it")
			c.Drill = drill
			img, _ := pixels(t, r, c, s)
			at := func(x, y int) int {
				if color.RGBAModel.Convert(img.At(x, y)) == violet {
					return 1
				}
				return 0
			}
			wide, high := img.Rect.Dx(), img.Rect.Dy()
			var top, bottom, left, right int
			for x := range wide {
				top, bottom = top+at(x, 2), bottom+at(x, high-3)
			}
			for y := range high {
				left, right = left+at(3, y), right+at(wide-4, y)
			}
			if drill == wording.Real && top+bottom+left+right > 0 {
				t.Errorf("%s: a card of reality is marked as a drill", size)
			}
			if drill != wording.Real && (top != wide || bottom != wide || left < high/3 || right < high/3) {
				t.Errorf("%s, drill %d: of the edges, %d, %d, %d and %d pixels are marked", size, drill, top, bottom, left, right)
			}
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("it", "Allerta arancione", "Savona", "Salire.", "Provincia", uint8(3), uint8(0), 44.3, 8.4, 44.4)
	f.Add("my", "ရေကြီးမှု", "", "\u202e", "a\x00b", uint8(200), uint8(9), 90.0, 180.0, -90.0)
	r := renderer(f)
	f.Fuzz(func(t *testing.T, lang, headline, area, action, issuer string, level, act uint8, lat, lon, other float64) {
		c := card.Card{
			Lang: lang, Drill: wording.Drill(act % 4), Act: wording.Act(act), Level: wording.Level(level), Headline: headline,
			Areas: []string{area}, Actions: []string{action, action}, Proviso: area, Issuer: issuer, Validity: area,
			Mark: "SV-7F3K2-1", Address: "allerte.example/a/SV-7F3K2", Check: "https://allerte.example/verifica?codice=SV-7F3K2",
			Shape: triangle(lat, lon, other),
		}
		p, err := r.Render(c, card.Size(level%2), card.Format(act%2))
		if err != nil {
			if !errors.Is(err, card.ErrNoRoom) {
				t.Error(err)
			}
			return
		}
		if p.Shown.Mark != c.Mark || p.Shown.Address != c.Address {
			t.Error("code or address was left out")
		}
	})
}

func BenchmarkRender(b *testing.B) {
	r := renderer(b)
	for name, c := range map[string]card.Card{"usual": sample(b, "it"), "longest": longest(b, "de")} {
		for size, s := range sizes() {
			for format, f := range map[string]card.Format{"jpeg": card.JPEG, "png": card.PNG} {
				b.Run(name+"_"+size+"_"+format, func(b *testing.B) {
					b.ReportAllocs()
					bytes := 0
					for b.Loop() {
						p, err := r.Render(c, s, f)
						if err != nil {
							b.Fatal(err)
						}
						bytes = len(p.Data)
					}
					b.ReportMetric(float64(bytes), "file-bytes")
				})
			}
		}
	}
}

func BenchmarkNewRenderer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		renderer(b)
	}
}
