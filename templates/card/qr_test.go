package card_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"tocsin/templates/card"
)

// TestQRCodeIsRead reads the address back from the pixels of JPEG cards, as a
// telephone would, for addresses of several lengths.
func TestQRCodeIsRead(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	for size, s := range sizes() {
		for _, host := range []string{"a.it", "allerte.provincia.savona.example", strings.Repeat("a", 60) + ".example"} {
			c := sample(t, "it")
			c.Check = "https://" + host + "/verifica?codice=SV-7F3K2"
			p, err := r.Render(c, s, card.JPEG)
			if err != nil {
				t.Fatal(err)
			}
			img, err := jpeg.Decode(bytes.NewReader(p.Data))
			if err != nil {
				t.Fatal(err)
			}
			pieces, err := r.Pieces(c, s)
			if err != nil {
				t.Fatal(err)
			}
			var tile image.Rectangle // the white square
			for _, p := range pieces {
				if p.Whole && p.Ink == (color.RGBA{255, 255, 255, 255}) && p.Right-p.Left == p.Bottom-p.Top {
					tile = image.Rect(int(p.Left), int(p.Top), int(p.Right), int(p.Bottom))
				}
			}
			if got := readQR(t, img, tile); got != c.Check {
				t.Errorf("%s: the QR code says %q, want %q", size, got, c.Check)
			}
		}
	}
}

// readQR reads the QR code in an area of a card. It knows nothing of how
// it was made, and corrects no errors: every module must be right.
func readQR(t *testing.T, img image.Image, area image.Rectangle) string {
	t.Helper()
	at := func(x, y int) bool {
		g, ok := color.GrayModel.Convert(img.At(x, y)).(color.Gray)
		return ok && g.Y < 128
	}
	code := image.Rectangle{area.Max, area.Min}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if at(x, y) {
				code.Min.X, code.Min.Y = min(code.Min.X, x), min(code.Min.Y, y)
				code.Max.X, code.Max.Y = max(code.Max.X, x+1), max(code.Max.Y, y+1)
			}
		}
	}
	seven := 0
	for seven < code.Dx() && at(code.Min.X+seven, code.Min.Y+1) { // the upper edge of a finder
		seven++
	}
	if seven < 7 || code.Dx() != code.Dy() {
		t.Fatalf("there is no QR code in %v: found %v", area, code)
	}
	n := (code.Dx()*7 + seven/2) / seven
	module := func(x, y int) bool {
		return at(code.Min.X+(2*x+1)*code.Dx()/(2*n), code.Min.Y+(2*y+1)*code.Dy()/(2*n))
	}
	return text(t, n, module)
}

// text reads the text of a code of n modules a side (ISO/IEC 18004, byte mode).
func text(t *testing.T, n int, module func(x, y int) bool) string {
	t.Helper()
	version := (n - 17) / 4
	if version < 1 || version > 6 || n != 17+4*version {
		t.Fatalf("a code has %d modules a side, which is no version that this test reads", n)
	}
	format := 0
	for _, p := range [][2]int{{0, 8}, {1, 8}, {2, 8}, {3, 8}, {4, 8}} {
		format *= 2
		if module(p[0], p[1]) {
			format++
		}
	}
	format ^= 0b10101
	// Blocks and their bytes of data, by version, for levels L (1) and M (0).
	blocks := map[int][6][2]int{1: {{1, 19}, {1, 34}, {1, 55}, {1, 80}, {1, 108}, {2, 68}}, 0: {{1, 16}, {1, 28}, {1, 44}, {2, 32}, {2, 43}, {4, 27}}}
	level, known := blocks[format>>3]
	if !known {
		t.Fatalf("the code has the level %d", format>>3)
	}
	read := bytesOf(n, version, format&7, module)
	count, size := level[version-1][0], level[version-1][1]
	var data []byte
	for b := range count { // the blocks are woven into each other
		for i := range size {
			data = append(data, read[i*count+b])
		}
	}
	if data[0]>>4 != 4 {
		t.Fatalf("the code has the mode %d, want bytes", data[0]>>4)
	}
	long := int(data[0]&15)<<4 | int(data[1]>>4)
	var out []byte
	for i := range long {
		out = append(out, data[i+1]<<4|data[i+2]>>4)
	}
	return string(out)
}

// bytesOf reads the modules in their order, without the mask.
func bytesOf(n, version, mask int, module func(x, y int) bool) []byte {
	fixed := func(x, y int) bool {
		corner := x < 9 && y < 9 || x < 9 && y >= n-8 || x >= n-8 && y < 9
		align := version > 1 && x >= n-9 && x <= n-5 && y >= n-9 && y <= n-5
		return corner || align || x == 6 || y == 6
	}
	masks := []func(x, y int) bool{
		func(x, y int) bool { return (x+y)%2 == 0 }, func(_, y int) bool { return y%2 == 0 },
		func(x, _ int) bool { return x%3 == 0 }, func(x, y int) bool { return (x+y)%3 == 0 },
		func(x, y int) bool { return (y/2+x/3)%2 == 0 }, func(x, y int) bool { return x*y%2+x*y%3 == 0 },
		func(x, y int) bool { return (x*y%2+x*y%3)%2 == 0 }, func(x, y int) bool { return ((x+y)%2+x*y%3)%2 == 0 },
	}
	var out []byte
	bits, held := byte(0), 0
	up := true
	for right := n - 1; right > 0; right -= 2 {
		if right == 6 {
			right--
		}
		for i := range n {
			y := i
			if up {
				y = n - 1 - i
			}
			for _, x := range []int{right, right - 1} {
				if fixed(x, y) {
					continue
				}
				bits <<= 1
				if module(x, y) != masks[mask](x, y) {
					bits++
				}
				if held++; held%8 == 0 {
					out = append(out, bits)
					bits = 0
				}
			}
		}
		up = !up
	}
	return out
}
