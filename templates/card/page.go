package card

import (
	"image/color"
	"strings"

	"tocsin/templates/wording"
)

// A form holds the measures of a card of one size, in pixels.
type form struct {
	wide, high float64
	margin     float64
	first      float64 // height of the band of a drill at the top
	last       float64 // of that at the bottom
	frame      float64 // width of the stripes that a drill has at the sides
	head       float64 // height of the band of the level
	strip      float64 // height of the band of an update, under the head; 0 where it stands in the head
	foot       float64
	sign       float64 // of the level
	word       float64 // largest letters of the level
	headline   float64 // letters of the body at scale 1
	text       float64
	label      float64
	small      float64 // letters of foot and map, at any scale
	code       float64 // letters of the alert code
	square     float64 // of the QR code
	gap        float64 // between blocks at scale 1
	edge       float64 // least white above and below the body
	chart      float64 // width of the map with its legend
	rows       int     // lines of a headline before its letters shrink
	beside     bool    // labels and the map stand beside the text, and not above it
}

func formOf(s Size) form {
	if s == Landscape {
		return form{
			wide: 1200, high: 675, margin: 48, first: 54, last: 38, frame: 18, head: 104, foot: 150, sign: 78, word: 68,
			headline: 42, text: 29, label: 24, small: 21, code: 38, square: 136, gap: 13, edge: 14, chart: 292, rows: 2, beside: true,
		}
	}
	return form{
		wide: 1080, high: 1350, margin: 60, first: 94, last: 64, frame: 24, head: 204, strip: 68, foot: 244, sign: 146, word: 100,
		headline: 60, text: 38, label: 29, small: 24, code: 46, square: 200, gap: 30, edge: 32, chart: 400, rows: 3,
	}
}

// A page is a card while it is put together. It belongs to one call.
type page struct {
	r      *Renderer
	set    *setter
	c      Card
	alt    string
	w      wording.Words
	f      form
	pieces []piece
	inside rect // what head, foot and bands leave to the body

	// Of the attempt at the body that is being made:
	scale float64 // of its letters
	chart rect    // of the map, without its legend
}

// A piece is one thing in its place: a line of text, a whole rectangle, or a path.
type piece struct {
	box  rect // all that it covers
	pair pair // a path and a rectangle have ink alone

	text  string // of a line
	style style
	base  float64 // y of the base line, which begins at box.x0

	path  *path
	whole bool // box is filled, edge to edge
}

// A flow is pieces that were placed as if they began at 0, 0, with their height.
type flow struct {
	pieces []piece
	high   float64
}

// at returns the pieces of f, moved.
func (f flow) at(x, y float64) []piece {
	out := make([]piece, len(f.pieces))
	for i, p := range f.pieces {
		p.box = rect{p.box.x0 + x, p.box.y0 + y, p.box.x1 + x, p.box.y1 + y}
		p.base += y
		if p.path != nil {
			moved := *p.path
			moved.steps = append([]step{}, moved.steps...)
			for j := range moved.steps {
				for k := range moved.steps[j].at {
					moved.steps[j].at[k].x += x
					moved.steps[j].at[k].y += y
				}
			}
			moved.minX, moved.maxX, moved.minY, moved.maxY = moved.minX+x, moved.maxX+x, moved.minY+y, moved.maxY+y
			p.path = &moved
		}
		out[i] = p
	}
	return out
}

// below adds g under f, with a gap between.
func (f *flow) below(g flow, gap float64) {
	if len(f.pieces) > 0 {
		f.high += gap
	}
	f.pieces = append(f.pieces, g.at(0, f.high)...)
	f.high += g.high
}

func newPage(r *Renderer, c Card, s Size) *page {
	set := &setter{families: r.families, known: map[measured]float64{}}
	return &page{r: r, set: set, c: c, w: wording.For(c.Lang), f: formOf(s)}
}

// surround places all but the body, and reports false where something has no room.
func (p *page) surround() bool {
	top, bottom := 0.0, p.f.high
	if p.c.Drill != wording.Real {
		top, bottom = p.f.first, bottom-p.f.last
	}
	under, ok := p.head(top)
	p.inside = rect{0, under, p.f.wide, bottom - p.f.foot}
	if p.c.Drill != wording.Real {
		p.inside.x0, p.inside.x1 = p.f.frame, p.f.wide-p.f.frame
	}
	return ok && p.foot(rect{0, bottom - p.f.foot, p.f.wide, bottom}) && (p.c.Drill == wording.Real || p.drill(top, bottom))
}

// fill places the body of c, which has the same surroundings, in letters of a size,
// and reports false, with nothing placed, where something has no room.
func (p *page) fill(c Card, scale float64) bool {
	whole, around := p.c, len(p.pieces)
	p.c, p.scale = c, scale
	p.set.rough = true
	if !p.body(p.inside) {
		p.c, p.pieces = whole, p.pieces[:around]
		return false
	}
	p.set.rough, p.pieces = false, p.pieces[:around]
	if !p.body(p.inside) {
		return false
	}
	if p.c.Shape != nil {
		p.survey()
	}
	return true
}

// drill places what marks a drill: a band at the top and one at the bottom, and
// stripes at the sides.
func (p *page) drill(top, bottom float64) bool {
	pair := drillPair()
	for _, x := range []float64{0, p.f.wide - p.f.frame} {
		side := rect{x, top, x + p.f.frame, bottom}
		p.rectangle(side, pair.ink)
		stripes := side.path()
		stripes.period = 2 * p.f.frame
		p.shape(&stripes, pair.ground)
	}
	return p.band(rect{0, 0, p.f.wide, top}, p.w.FirstLine(p.c.Drill), 0.62) && p.band(rect{0, bottom, p.f.wide, p.f.high}, p.w.LastLine(p.c.Drill), 0.5)
}

// band places the line of a drill in the middle of a band: its word, which is large,
// and the rest. A large word takes the part large of the band's height.
func (p *page) band(r rect, line string, large float64) bool {
	pair := drillPair()
	p.rectangle(r, pair.ground)
	word := p.w.DrillWord(p.c.Drill)
	rest := strings.TrimLeft(strings.TrimPrefix(line, word), " –")
	for size := max(r.high()*large, p.f.small); size >= p.f.small*0.8; size *= 0.96 {
		first := p.set.style(bold, size, line)
		second := p.set.style(semibold, max(p.f.small, size*0.62), line)
		gap := size * 0.5
		wide := p.set.width(first, word) + gap + p.set.width(second, rest)
		if wide > p.f.wide-2*p.f.margin {
			continue
		}
		x, base := (p.f.wide-wide)/2, r.y0+(r.high()+size*capital)/2
		p.line(word, first, pair, x, base)
		p.line(rest, second, pair, x+p.set.width(first, word)+gap, base)
		return true
	}
	return false
}

// head places the band of level and act at y, and returns where it ends.
func (p *page) head(y float64) (float64, bool) {
	colours := headPair(p.c)
	band := rect{0, y, p.f.wide, y + p.f.head}
	p.rectangle(band, colours.ground)
	switch p.c.Act {
	case wording.AllClear: // hollow: nothing to fear
		edge := p.f.head * 0.055
		for _, r := range []rect{
			{0, y, p.f.wide, y + edge}, {0, band.y1 - edge, p.f.wide, band.y1},
			{0, y, edge * 2, band.y1}, {p.f.wide - edge*2, y, p.f.wide, band.y1},
		} {
			p.rectangle(r, colours.ink)
		}
	case wording.Cancel: // barred
		edge := p.f.head * 0.1
		for _, at := range []float64{y, band.y1 - edge} {
			bar := rect{0, at, p.f.wide, at + edge}.path()
			bar.period = edge * 3
			p.shape(&bar, colours.ink)
		}
	case wording.Issue, wording.Update, wording.Extend, wording.Raise, wording.Lower:
	}
	right := p.f.wide - p.f.margin
	end := band.y1
	if p.c.Act.Renews() {
		strip := rect{0, band.y1, p.f.wide, band.y1 + p.f.strip}
		if p.f.strip == 0 {
			strip = rect{p.f.wide * 0.64, y, p.f.wide, band.y1}
			right = strip.x0 - p.f.margin/2
		}
		if !p.update(strip) {
			return 0, false
		}
		end = max(end, strip.y1)
	}
	box := rect{p.f.margin, y + (p.f.head-p.f.sign)/2, p.f.margin + p.f.sign, y + (p.f.head+p.f.sign)/2}
	p.sign(box, colours)
	x := box.x1 + p.f.sign*0.27
	return end, p.level(rect{x, y, right, band.y1}, colours)
}

// update places what says that the card replaces an earlier one.
func (p *page) update(r rect) bool {
	pair := actPair()
	p.rectangle(r, pair.ground)
	x := r.x0 + p.f.margin
	if p.f.strip == 0 {
		x = r.x0 + p.f.margin/2
	}
	size := p.f.code
	icon := size * 1.05
	text := capitals(p.w.Act(p.c.Act))
	st, lines, ok := p.set.fit(bold, text, size, p.f.small, p.f.wide-p.f.margin-x-icon*1.4, 1)
	if !ok {
		return false
	}
	middle := (r.y0 + r.y1) / 2
	p.arrow(spot{x + icon/2, middle}, icon/2, pair.ink)
	p.line(lines[0], st, pair, x+icon*1.4, middle+st.size*capital/2)
	return true
}

// level places the word of the level, or of the act that has none, in the largest
// letters that fit into r.
func (p *page) level(r rect, colours pair) bool {
	word := level(p.c, p.w)
	if word == "" {
		word = p.w.Act(p.c.Act)
	}
	word = capitals(word)
	const air = 0.72 // what lines may take of the height
	for size := p.f.word; size >= p.f.text*0.8; size *= 0.96 {
		st := p.set.style(bold, size, word)
		lines, ok := p.set.wrap(st, word, r.wide())
		pitch := size * 0.98
		high := size*capital + float64(len(lines)-1)*pitch
		if !ok || high > r.high()*air {
			continue
		}
		base := r.y0 + (r.high()-high)/2 + size*capital
		for i, line := range lines {
			p.line(line, st, colours, r.x0, base+float64(i)*pitch)
		}
		return true
	}
	return false
}

// foot places issuer, code, address and QR code: what makes the picture checkable.
func (p *page) foot(r rect) bool {
	p.rectangle(r, footPair().ground)
	right := p.f.wide - p.f.margin
	if p.c.Check != "" {
		tile := rect{right - p.f.square, r.y0 + (r.high()-p.f.square)/2, right, r.y0 + (r.high()+p.f.square)/2}
		made, err := newCode(p.c.Check, int(p.f.square))
		if err != nil || made == nil {
			return false
		}
		p.rectangle(tile, qrPair().ground)
		for _, dark := range made.place(tile) {
			p.rectangle(dark, qrPair().ink)
		}
		right = tile.x0 - p.f.margin*0.7
	}
	wide := right - p.f.margin
	if p.f.beside {
		wide = (wide - p.f.margin*0.8) / 2
	}
	who, ok := p.authority(wide)
	if !ok {
		return false
	}
	where, ok := p.address(wide)
	if !ok {
		return false
	}
	if p.f.beside {
		p.pieces = append(p.pieces, who.at(p.f.margin, r.y0+(r.high()-who.high)/2)...)
		p.pieces = append(p.pieces, where.at(p.f.margin*1.8+wide, r.y0+(r.high()-where.high)/2)...)
		return max(who.high, where.high) <= r.high()-p.f.small
	}
	who.below(where, p.f.small*0.6)
	p.pieces = append(p.pieces, who.at(p.f.margin, r.y0+(r.high()-who.high)/2)...)
	return who.high <= r.high()-p.f.small
}

// authority returns issuer and alert code.
func (p *page) authority(wide float64) (flow, bool) {
	var out flow
	if p.c.Issuer != "" {
		st, lines, ok := p.set.fit(bold, p.c.Issuer, p.f.small*1.4, p.f.small*1.1, wide, 1)
		if !ok {
			st, lines, ok = p.set.fit(bold, p.c.Issuer, p.f.small*1.3, p.f.small*0.9, wide, 2)
		}
		if !ok {
			return out, false
		}
		out = p.lines(lines, st, footPair())
	}
	small, label, ok := p.set.fit(regular, p.w.CodeLabel, p.f.small, p.f.small*0.8, wide*0.5, 1)
	if !ok {
		return out, false
	}
	x := p.set.width(small, label[0]) + p.f.small*0.6
	st, lines, ok := p.set.fit(bold, p.c.Mark, p.f.code, p.f.small, wide-x, 1)
	if !ok {
		return out, false
	}
	code := p.lines(lines, st, footPair())
	row := flow{pieces: code.at(x, 0), high: code.high}
	row.pieces = append(row.pieces, p.text(label[0], small, footLabel(), 0, code.pieces[0].base))
	out.below(row, p.f.small*0.1)
	return out, true
}

// address returns the address of the full text, and what the QR code is for.
func (p *page) address(wide float64) (flow, bool) {
	small := p.set.style(regular, p.f.small, p.w.AddressOnCard+p.w.CheckOnCard)
	out := p.lines([]string{p.w.AddressOnCard}, small, footLabel())
	if p.set.width(small, p.w.AddressOnCard) > wide {
		return out, false
	}
	st, lines, ok := p.breakable(p.c.Address, p.f.small*1.3, p.f.small*0.9, wide)
	if !ok {
		return out, false
	}
	out.below(p.lines(lines, st, footPair()), 0)
	if p.c.Check == "" {
		return out, true
	}
	st, lines, ok = p.set.fit(semibold, p.w.CheckOnCard, p.f.small, p.f.small*0.8, wide-p.f.small, 1)
	if !ok {
		return out, false
	}
	check := p.lines(lines, st, footPair())
	x, y := p.set.width(st, lines[0])+p.f.small*0.4, check.pieces[0].base-st.size*0.3
	var point path // towards the QR code
	point.ring(spot{x, y - st.size*0.3}, spot{x + st.size*0.45, y}, spot{x, y + st.size*0.3})
	check.pieces = append(check.pieces, pathPiece(&point, footPair().ink))
	out.below(check, p.f.small*0.25)
	return out, true
}

// breakable fits an address into one line, or into two that are divided at a slash.
func (p *page) breakable(address string, size, least, wide float64) (style, []string, bool) {
	for ; size >= least; size *= 0.96 {
		st := p.set.style(semibold, size, address)
		if p.set.width(st, address) <= wide {
			return st, []string{address}, true
		}
		if size > least*1.15 {
			continue
		}
		for i := len(address) - 1; i > 0; i-- {
			if address[i] == '/' && p.set.width(st, address[:i+1]) <= wide && p.set.width(st, address[i+1:]) <= wide {
				return st, []string{address[:i+1], address[i+1:]}, true
			}
		}
	}
	return style{}, nil, false
}

// line places a line of text.
func (p *page) line(text string, st style, colours pair, x, base float64) {
	p.pieces = append(p.pieces, p.text(text, st, colours, x, base))
}

// text returns a line of text in its place.
func (p *page) text(text string, st style, colours pair, x, base float64) piece {
	return piece{
		box:  rect{x, base - st.size*ascent, x + p.set.width(st, text), base + st.size*descent},
		text: text, style: st, base: base, pair: colours,
	}
}

// lines returns lines of text under each other.
func (p *page) lines(lines []string, st style, colours pair) flow {
	var out flow
	for i, line := range lines {
		out.pieces = append(out.pieces, p.text(line, st, colours, 0, st.size*ascent+float64(i)*st.lead()))
	}
	out.high = st.size*(ascent+descent) + float64(len(lines)-1)*st.lead()
	return out
}

func (p *page) rectangle(r rect, ink color.RGBA) {
	p.pieces = append(p.pieces, piece{box: r, pair: pair{ink: ink}, whole: true})
}

func (p *page) shape(s *path, ink color.RGBA) { p.pieces = append(p.pieces, pathPiece(s, ink)) }

func pathPiece(s *path, ink color.RGBA) piece {
	return piece{box: rect{s.minX, s.minY, s.maxX, s.maxY}, pair: pair{ink: ink}, path: s}
}

// draw paints what layout placed.
func (p *page) draw(paper *canvas) error {
	paper.reset(int(p.f.wide), int(p.f.high), bodyPair().ground)
	for i := range p.pieces {
		switch it := &p.pieces[i]; {
		case it.whole:
			paper.rectangle(it.box, it.pair.ink)
		case it.path != nil:
			paper.fill(it.path, it.pair.ink)
		default:
			letters, err := p.set.letters(it.style, it.text, it.box.x0, it.base)
			if err != nil {
				return err
			}
			paper.fill(&letters, it.pair.ink)
		}
	}
	return nil
}
