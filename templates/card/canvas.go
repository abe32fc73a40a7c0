package card

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"

	"golang.org/x/image/vector"
)

// A canvas is a picture of at most 256 colours: a card has few, and the steps
// between two of them at the edge of a letter. One byte a pixel is what makes
// drawing and packing fast. A canvas is used by one call at a time, then again.
type canvas struct {
	wide, high int
	pix        []uint8
	colours    color.Palette
	mixes      map[mixKey]uint8
	raster     vector.Rasterizer
	mask       image.Alpha
	planes     *image.YCbCr
}

// steps are the steps between two colours at the edge of a letter.
const steps = 15

// A mixKey names a colour between two: part of steps parts of ink on the colour
// that is there.
type mixKey struct{ there, ink, part uint8 }

// reset makes c an empty canvas of a size, in one colour.
func (c *canvas) reset(wide, high int, ground color.RGBA) {
	c.wide, c.high = wide, high
	if cap(c.pix) < wide*high {
		c.pix = make([]uint8, wide*high)
	}
	c.pix = c.pix[:wide*high]
	clear(c.pix)
	c.colours = append(c.colours[:0], ground)
	if c.mixes == nil {
		c.mixes = map[mixKey]uint8{}
	}
	clear(c.mixes)
}

// index returns the number of a colour, or of the nearest one where the canvas has
// all that it can hold.
func (c *canvas) index(want color.RGBA) uint8 {
	best, off := 0, math.MaxInt
	for i, known := range c.colours {
		k := known.(color.RGBA) //nolint:forcetypeassert // reset and index put nothing else in
		dr, dg, db := int(k.R)-int(want.R), int(k.G)-int(want.G), int(k.B)-int(want.B)
		if d := dr*dr + dg*dg + db*db; d < off {
			best, off = i, d
		}
	}
	if off > 0 && len(c.colours) < 256 {
		c.colours = append(c.colours, want)
		return uint8(len(c.colours) - 1)
	}
	return uint8(best)
}

// mix returns the number of the colour of ink on there, where ink covers part of
// steps parts.
func (c *canvas) mix(there, ink, part uint8) uint8 {
	if part >= steps || there == ink {
		return ink
	}
	key := mixKey{there, ink, part}
	if n, ok := c.mixes[key]; ok {
		return n
	}
	a, b := c.colours[there].(color.RGBA), c.colours[ink].(color.RGBA) //nolint:forcetypeassert // as in index
	blend := func(x, y uint8) uint8 {
		return uint8((int(x)*(steps-int(part)) + int(y)*int(part) + steps/2) / steps)
	}
	n := c.index(color.RGBA{blend(a.R, b.R), blend(a.G, b.G), blend(a.B, b.B), 0xff})
	c.mixes[key] = n
	return n
}

// rectangle fills whole pixels.
func (c *canvas) rectangle(r rect, ink color.RGBA) {
	n := c.index(ink)
	x0, x1 := max(0, int(r.x0)), min(c.wide, int(r.x1))
	for y := max(0, int(r.y0)); y < min(c.high, int(r.y1)); y++ {
		row := c.pix[y*c.wide : (y+1)*c.wide]
		for x := x0; x < x1; x++ {
			row[x] = n
		}
	}
}

// fill inks p.
func (c *canvas) fill(p *path, ink color.RGBA) {
	x0, y0 := max(0, int(math.Floor(p.minX))), max(0, int(math.Floor(p.minY)))
	x1, y1 := min(c.wide, int(math.Ceil(p.maxX))+1), min(c.high, int(math.Ceil(p.maxY))+1)
	if len(p.steps) == 0 || x1 <= x0 || y1 <= y0 {
		return
	}
	wide, high := x1-x0, y1-y0
	c.raster.Reset(wide, high)
	c.raster.DrawOp = draw.Src
	place := func(a spot) (x, y float32) { return float32(a.x - float64(x0)), float32(a.y - float64(y0)) }
	ring := func(at ...spot) {
		for i, a := range at {
			x, y := place(a)
			if i == 0 {
				c.raster.ClosePath()
				c.raster.MoveTo(x, y)
				continue
			}
			c.raster.LineTo(x, y)
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		ax, ay := place(s.at[0])
		bx, by := place(s.at[1])
		switch s.kind {
		case 'W':
			stroke(s.at[0], s.at[1], s.wide, ring)
		case 'M':
			c.raster.ClosePath()
			c.raster.MoveTo(ax, ay)
		case 'L':
			c.raster.LineTo(ax, ay)
		case 'Q':
			c.raster.QuadTo(ax, ay, bx, by)
		case 'C':
			dx, dy := place(s.at[2])
			c.raster.CubeTo(ax, ay, bx, by, dx, dy)
		}
	}
	c.raster.ClosePath()
	if cap(c.mask.Pix) < wide*high {
		c.mask.Pix = make([]uint8, wide*high)
	}
	c.mask.Pix, c.mask.Stride, c.mask.Rect = c.mask.Pix[:wide*high], wide, image.Rect(0, 0, wide, high)
	c.raster.Draw(&c.mask, c.mask.Rect, image.Opaque, image.Point{})
	c.lay(x0, y0, p.period, c.index(ink))
}

// lay inks what the mask covers, whose upper left corner is at x0, y0.
func (c *canvas) lay(x0, y0 int, period float64, ink uint8) {
	wide := c.mask.Stride
	for y := range len(c.mask.Pix) / wide {
		mask := c.mask.Pix[y*wide : (y+1)*wide]
		row := c.pix[(y0+y)*c.wide+x0:][:wide]
		for x, cover := range mask {
			if cover < 9 { // less than half a step
				continue
			}
			part := (int(cover)*steps + 127) / 255
			if period > 0 {
				part = int(float64(part)*stripe(float64(x0+x+y0+y), period) + 0.5)
			}
			if part > 0 {
				row[x] = c.mix(row[x], ink, uint8(part))
			}
		}
	}
}

// stripe says how much of a pixel is on a stripe, for stripes that are as wide as
// the gaps between them.
func stripe(at, period float64) float64 {
	phase := math.Mod(at, period)
	return min(1, max(0, min(phase, period/2-phase)+0.5))
}

// encode returns the picture in a format.
func (c *canvas) encode(f Format) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(192 << 10)
	if f == PNG {
		img := &image.Paletted{Pix: c.pix, Stride: c.wide, Rect: image.Rect(0, 0, c.wide, c.high), Palette: c.colours}
		if err := png.Encode(&out, img); err != nil {
			return nil, fmt.Errorf("encode the card: %w", err)
		}
		if out.Len() > MaxBytes {
			return nil, fmt.Errorf("encode the card: the PNG has %d bytes, and %d are the limit", out.Len(), MaxBytes)
		}
		return out.Bytes(), nil
	}
	c.separate()
	// Text on flat grounds stays crisp down to 70; no card has needed it.
	for _, quality := range []int{85, 78, 70} {
		out.Reset()
		if err := jpeg.Encode(&out, c.planes, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("encode the card: %w", err)
		}
		if out.Len() <= MaxBytes {
			return out.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("encode the card: it has more than %d bytes", MaxBytes)
}

// separate writes the picture into the planes of brightness and colour that JPEG
// wants, by a table of its few colours: the encoder then has nothing to compute.
func (c *canvas) separate() {
	bounds := image.Rect(0, 0, c.wide, c.high)
	if c.planes == nil || c.planes.Rect != bounds {
		c.planes = image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	}
	var luma [256]uint8
	var blue, red [256]uint16
	for i, known := range c.colours {
		k := known.(color.RGBA) //nolint:forcetypeassert // as in index
		y, cb, cr := color.RGBToYCbCr(k.R, k.G, k.B)
		luma[i], blue[i], red[i] = y, uint16(cb), uint16(cr)
	}
	for y := range c.high {
		row := c.pix[y*c.wide : (y+1)*c.wide]
		out := c.planes.Y[y*c.planes.YStride:][:c.wide]
		for x, n := range row {
			out[x] = luma[n]
		}
	}
	for y := 0; y < c.high; y += 2 {
		one := c.pix[y*c.wide : (y+1)*c.wide]
		two := one
		if y+1 < c.high {
			two = c.pix[(y+1)*c.wide : (y+2)*c.wide]
		}
		cb, cr := c.planes.Cb[y/2*c.planes.CStride:], c.planes.Cr[y/2*c.planes.CStride:]
		for x := 0; x < c.wide; x += 2 { // both widths of a card are even
			a, b, d, e := one[x], one[x+1], two[x], two[x+1]
			cb[x/2] = uint8((blue[a] + blue[b] + blue[d] + blue[e] + 2) / 4)
			cr[x/2] = uint8((red[a] + red[b] + red[d] + red[e] + 2) / 4)
		}
	}
}
