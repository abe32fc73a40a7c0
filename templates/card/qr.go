package card

import (
	"fmt"
	"image"

	"github.com/boombuler/barcode/qr"
)

// A code is a QR code: true where a module is dark.
type code [][]bool

// quiet is the width of the empty border that readers need, in modules.
const quiet = 4

// newCode returns the QR code for an address that suits a square of wide pixels:
// with more redundancy where that does not make its modules smaller. A nil code
// says that it has no room.
func newCode(address string, wide int) (code, error) {
	var best code
	const least = 3 // pixels of a module
	for _, level := range []qr.ErrorCorrectionLevel{qr.M, qr.L} {
		made, err := qr.Encode(address, level, qr.Unicode)
		if err != nil {
			return nil, fmt.Errorf("make the QR code: %w", err)
		}
		n := made.Bounds().Dx()
		if pixels := wide / (n + 2*quiet); pixels < least || best != nil && pixels <= wide/(len(best)+2*quiet) {
			continue
		}
		best = make(code, n)
		for y := range best {
			best[y] = make([]bool, n)
			for x := range best[y] {
				best[y][x] = dark(made, x, y)
			}
		}
	}
	return best, nil
}

func dark(img image.Image, x, y int) bool {
	r, _, _, _ := img.At(x, y).RGBA()
	return r < 0x8000
}

// place returns where the dark modules of c lie, row by row in runs, in the middle
// of a square.
func (c code) place(square rect) []rect {
	n := len(c)
	size := float64(int(square.wide()) / (n + 2*quiet))
	x0 := square.x0 + float64(int(square.wide()-size*float64(n))/2)
	y0 := square.y0 + float64(int(square.high()-size*float64(n))/2)
	var out []rect
	for y := range c {
		for x := 0; x < n; x++ {
			from := x
			for x < n && c[y][x] {
				x++
			}
			if x > from {
				out = append(out, rect{x0 + float64(from)*size, y0 + float64(y)*size, x0 + float64(x)*size, y0 + float64(y+1)*size})
			}
		}
	}
	return out
}
