package card

import (
	"image"
	"image/color"
	"image/draw"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"tocsin/templates/wording"
)

// Distances in pixels.
const (
	margin    = 64
	inner     = Width - 2*margin
	bandHigh  = 92 // of a drill, at top and bottom
	levelHigh = 232
	shapeWide = 148
	footHigh  = 288
	bodyEdge  = 40 // least white above and below the body
)

// capital is the height of a capital of the fonts, as a part of their size.
const capital = 0.72

// A page is one attempt at a card. It belongs to one call.
type page struct {
	r     *Renderer
	c     Card
	w     wording.Words
	scale float64 // of the body's letters
	fills []fill
	runs  []run
}

// A fill is a rectangle of one colour over the whole width.
type fill struct {
	from, to int
	color    color.RGBA
}

// A run is one line of text in its place.
type run struct {
	text string
	face face
	ink  color.RGBA
	x    int
	base int // y of the base line
}

func newPage(r *Renderer, c Card, scale float64) *page {
	return &page{r: r, c: c, w: wording.For(c.Lang), scale: scale}
}

// layout places everything, and reports false where something has no room.
func (p *page) layout() bool {
	top, bottom := 0, Height
	if p.c.Drill != wording.Real {
		top, bottom = bandHigh, Height-bandHigh
		if !p.band(0, p.w.FirstLine(p.c.Drill)) || !p.band(bottom, p.w.LastLine(p.c.Drill)) {
			return false
		}
	}
	return p.level(top) && p.foot(bottom-footHigh, bottom) && p.body(top+levelHigh, bottom-footHigh)
}

// band places the line of a drill, centred in a band that begins at y.
func (p *page) band(y int, line string) bool {
	pair := drillBand()
	at, lines, ok := fit(p.r.bold, line, 40, 22, inner, 1)
	if !ok {
		return false
	}
	p.fills = append(p.fills, fill{y, y + bandHigh, pair.Ground})
	p.put(lines[0], at, pair.Ink, (Width-at.width(lines[0]))/2, y+(bandHigh+int(at.size*capital))/2)
	return true
}

// level places the band with shape, act and level.
func (p *page) level(y int) bool {
	pair := level(p.c.Level)
	p.fills = append(p.fills, fill{y, y + levelHigh, pair.Ground})
	const x = margin + shapeWide + 44
	words := []string{p.w.Act(p.c.Act), p.w.Level(p.c.Level, p.c.Colour)}
	if p.c.Act == wording.AllClear || p.c.Act == wording.Cancel {
		words[1] = "" // the level of what is over would say the contrary
	}
	sizes := []float64{50, 88}
	if words[1] == "" {
		sizes[0] = 88
	}
	var runs []run
	base := 0
	for i, word := range words {
		if word == "" {
			continue
		}
		at, lines, ok := p.heading(strings.ToUpper(word), sizes[i], Width-margin-x)
		if !ok {
			return false
		}
		for _, line := range lines {
			if base == 0 {
				base = int(at.size * capital)
			} else {
				base += int(at.size * 1.14)
			}
			runs = append(runs, run{text: line, face: at, ink: pair.Ink, x: x, base: base})
		}
	}
	for _, r := range runs {
		r.base += y + (levelHigh-base)/2
		p.runs = append(p.runs, r)
	}
	return true
}

// heading fits text into one line, or into two where one would be small.
func (p *page) heading(text string, size float64, width int) (face, []string, bool) {
	if at, lines, ok := fit(p.r.bold, text, size, size*0.6, width, 1); ok {
		return at, lines, true
	}
	return fit(p.r.bold, text, size*0.8, 30, width, 2)
}

// foot places code, issuer and address: what makes the picture checkable.
func (p *page) foot(from, to int) bool {
	pair, small := foot(), footLabel()
	p.fills = append(p.fills, fill{from, to, pair.Ground}, fill{from, from + 3, rgb(0xc3ccd6)})
	const half = 430 // where the issuer begins
	label := newFace(p.r.bold, 27)
	mark, lines, ok := fit(p.r.bold, p.c.Mark, 58, 30, half-margin-24, 1)
	if !ok {
		return false
	}
	p.put(p.w.CodeLabel, label, small.Ink, margin, from+58)
	p.put(lines[0], mark, pair.Ink, margin, from+120)
	if p.c.Issuer != "" {
		at, lines, ok := fit(p.r.regular, p.c.Issuer, 34, 22, Width-margin-half, 2)
		if !ok {
			return false
		}
		p.put(p.w.SourceOnCard, label, small.Ink, half, from+58)
		for i, line := range lines {
			p.put(line, at, pair.Ink, half, from+102+i*at.lead())
		}
	}
	address, lines, ok := fit(p.r.bold, p.c.Address, 38, 20, inner, 1)
	if !ok {
		return false
	}
	p.put(p.w.AddressOnCard, label, small.Ink, margin, from+196)
	p.put(lines[0], address, pair.Ink, margin, from+244)
	return true
}

func (p *page) put(text string, at face, ink color.RGBA, x, base int) {
	p.runs = append(p.runs, run{text: text, face: at, ink: ink, x: x, base: base})
}

// A block is a part of the body: a label, which may be missing, and text.
type block struct {
	label string
	face  face
	items []string // each begins on a line of its own
	list  bool     // items have a bullet
}

func (p *page) blocks() []block {
	text := newFace(p.r.regular, 38*p.scale)
	var out []block
	if p.c.Headline != "" {
		out = append(out, block{face: newFace(p.r.bold, 58*p.scale), items: []string{p.c.Headline}})
	}
	if len(p.c.Areas) > 0 {
		out = append(out, block{label: p.w.Where, face: text, items: []string{strings.Join(p.c.Areas, ", ")}})
	}
	if p.c.Validity != "" {
		out = append(out, block{label: p.w.When, face: text, items: []string{p.c.Validity}})
	}
	if len(p.c.Actions) > 0 {
		out = append(out, block{label: p.w.WhatToDo, face: text, items: p.c.Actions, list: len(p.c.Actions) > 1})
	}
	return out
}

// body places the blocks between from and to, with the room that is left spread
// between them.
func (p *page) body(from, to int) bool {
	p.fills = append(p.fills, fill{from, to, body().Ground})
	gap := int(34 * p.scale)
	var groups [][]run
	used := 0
	for _, b := range p.blocks() {
		runs, high, ok := p.block(b)
		if !ok {
			return false
		}
		groups = append(groups, runs)
		used += high
	}
	free := to - from - 2*bodyEdge - used - gap*max(0, len(groups)-1)
	if free < 0 {
		return false
	}
	// Gaps grow up to twice, then the whole moves a little towards the middle.
	grown := min(gap, free/max(1, len(groups)))
	y := from + bodyEdge + (free-grown*max(0, len(groups)-1))/3
	for _, runs := range groups {
		high := 0
		for _, r := range runs {
			high = max(high, r.base)
			r.base += y
			p.runs = append(p.runs, r)
		}
		y += p.below(runs, high) + gap + grown
	}
	return true
}

// below returns the height of a block whose last base line is at base.
func (p *page) below(runs []run, base int) int { return base + int(runs[len(runs)-1].face.size*0.3) }

// block places a block as if it began at 0, and returns its height.
func (p *page) block(b block) (runs []run, high int, ok bool) {
	y, x := 0, margin
	if b.label != "" {
		at := newFace(p.r.bold, 30*p.scale)
		y += int(at.size * 0.95)
		runs = append(runs, run{text: b.label, face: at, ink: label().Ink, x: x, base: y})
		y += int(at.size * 0.42)
	}
	ascent := int(b.face.size * 0.95)
	const bullet = "•"
	if b.list {
		x += int(b.face.size * 0.75)
	}
	for i, item := range b.items {
		lines, fits := b.face.wrap(item, Width-margin-x)
		if !fits {
			return nil, 0, false
		}
		if i > 0 {
			y += int(b.face.size * 0.22)
		}
		for j, line := range lines {
			base := y + ascent
			if b.list && j == 0 {
				runs = append(runs, run{text: bullet, face: b.face, ink: body().Ink, x: margin, base: base})
			}
			runs = append(runs, run{text: line, face: b.face, ink: body().Ink, x: x, base: base})
			y += b.face.lead()
		}
	}
	if len(runs) == 0 {
		return nil, 0, false
	}
	return runs, p.below(runs, runs[len(runs)-1].base), true
}

// draw paints what layout placed.
func (p *page) draw() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, Width, Height))
	for _, f := range p.fills {
		draw.Draw(img, image.Rect(0, f.from, Width, f.to), image.NewUniform(f.color), image.Point{}, draw.Src)
	}
	top := 0
	if p.c.Drill != wording.Real {
		top = bandHigh
	}
	p.shape(img, image.Rect(margin, top+(levelHigh-shapeWide)/2, margin+shapeWide, top+(levelHigh+shapeWide)/2))
	for _, r := range p.runs {
		d := font.Drawer{Dst: img, Src: image.NewUniform(r.ink), Face: r.face, Dot: fixed.P(r.x, r.base)}
		d.DrawString(r.text)
	}
	return img
}
