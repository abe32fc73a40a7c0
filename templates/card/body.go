package card

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A block is a part of the body: a label, which may be missing, and text.
type block struct {
	label   string
	weight  weight
	size    float64
	colours pair
	faint   pair // of the label
	lead    string
	items   []string // each begins on a line of its own
	list    bool     // items have a mark before them
}

// headline, facts and advice are the blocks of the body, as far as the card has them.
func (p *page) headline() []block {
	if p.c.Headline == "" {
		return nil
	}
	size := p.f.headline * p.scale
	if st, _, ok := p.set.fit(bold, p.c.Headline, size, size*0.74, p.textWidth(), p.f.rows); ok {
		size = st.size
	}
	return []block{{weight: bold, size: size, colours: bodyPair(), items: []string{p.c.Headline}}}
}

func (p *page) facts() []block {
	var out []block
	for _, f := range []struct{ label, text string }{{p.w.Where, strings.Join(whole(p.c.Areas), ", ")}, {p.w.When, p.c.Validity}} {
		if f.text != "" {
			out = append(out, block{label: f.label, size: p.f.text * p.scale, colours: bodyPair(), faint: labelPair(), items: []string{f.text}})
		}
	}
	return out
}

// whole returns names that no line divides, but for long ones.
func whole(names []string) []string {
	const long = 22
	out := slices.Clone(names)
	for i, name := range out {
		if utf8.RuneCountInString(name) <= long {
			out[i] = strings.ReplaceAll(name, " ", "\u00a0")
		}
	}
	return out
}

func (p *page) advice() []block {
	if len(p.c.Actions) == 0 {
		return nil
	}
	b := block{
		label: p.w.WhatToDo, weight: semibold, size: p.f.text * p.scale, colours: advicePair(), faint: adviceLabel(),
		lead: p.c.Proviso, items: p.c.Actions, list: len(p.c.Actions) > 1,
	}
	if p.f.beside {
		b.colours, b.faint = bodyPair(), labelPair()
	}
	return []block{b}
}

// body places headline, facts, map and advice, with the room that is left spread
// between them.
func (p *page) body(r rect) bool {
	p.rectangle(r, bodyPair().ground)
	if p.f.beside {
		return p.across(r)
	}
	return p.down(r)
}

// textWidth is the width of the headline: all of it, or what the map leaves.
func (p *page) textWidth() float64 {
	wide := p.f.wide - 2*p.f.margin
	if p.f.beside && p.c.Shape != nil {
		wide -= p.f.chart + p.f.margin*0.8
	}
	return wide
}

// across places the texts on the left and the map on the right.
func (p *page) across(r rect) bool {
	inner := rect{p.f.margin, r.y0 + p.f.edge, p.f.wide - p.f.margin, r.y1 - p.f.edge}
	wide := p.textWidth()
	if p.c.Shape != nil {
		if !p.plan(rect{inner.x1 - p.f.chart, inner.y0, inner.x1, inner.y1}) {
			return false
		}
	}
	var flows []flow
	column := p.column()
	for _, b := range p.headline() {
		f, ok := p.block(b, wide, 0)
		if !ok {
			return false
		}
		flows = append(flows, f)
	}
	for _, b := range append(p.facts(), p.advice()...) {
		f, ok := p.block(b, wide, column)
		if !ok {
			return false
		}
		flows = append(flows, f)
	}
	return p.spread(flows, inner, p.f.gap*p.scale)
}

// down places everything under each other: the advice on a ground of its own, the
// map beside the facts.
func (p *page) down(r rect) bool {
	wide := p.f.wide - 2*p.f.margin
	gap := p.f.gap * p.scale
	bottom := r.y1
	for _, b := range p.advice() {
		f, ok := p.block(b, wide, 0)
		if !ok {
			return false
		}
		ground := rect{r.x0, r.y1 - f.high - 2*gap, r.x1, r.y1}
		if ground.y0 < r.y0 {
			return false
		}
		p.rectangle(ground, b.colours.ground)
		p.pieces = append(p.pieces, f.at(p.f.margin, ground.y0+gap)...)
		bottom = ground.y0
	}
	inner := rect{p.f.margin, r.y0 + p.f.edge, p.f.wide - p.f.margin, bottom - p.f.edge}
	var flows []flow
	for _, b := range p.headline() {
		f, ok := p.block(b, wide, 0)
		if !ok {
			return false
		}
		flows = append(flows, f)
	}
	if p.c.Shape == nil {
		for _, b := range p.facts() {
			f, ok := p.block(b, wide, 0)
			if !ok {
				return false
			}
			flows = append(flows, f)
		}
		return p.spread(flows, inner, gap)
	}
	if len(flows) > 0 {
		p.pieces = append(p.pieces, flows[0].at(inner.x0, inner.y0)...)
		inner.y0 += flows[0].high + gap
	}
	flows = nil
	for _, b := range p.facts() {
		f, ok := p.block(b, wide-p.f.chart-p.f.margin*0.7, 0)
		if !ok {
			return false
		}
		flows = append(flows, f)
	}
	return p.plan(rect{inner.x1 - p.f.chart, inner.y0, inner.x1, inner.y1}) && p.spread(flows, inner, gap)
}

// spread places flows under each other in r, with at least gap between them, more
// where there is room.
func (p *page) spread(flows []flow, r rect, gap float64) bool {
	free := r.high() - gap*float64(max(0, len(flows)-1))
	for _, f := range flows {
		free -= f.high
	}
	if free < 0 {
		return false
	}
	// Gaps grow up to twice, then the whole moves a little towards the middle, where no
	// map begins at the top beside it.
	grown := min(gap, free/float64(max(1, len(flows))))
	y := r.y0
	if p.c.Shape == nil {
		y += (free - grown*float64(max(0, len(flows)-1))) / 3
	}
	for _, f := range flows {
		p.pieces = append(p.pieces, f.at(r.x0, y)...)
		y += f.high + gap + grown
	}
	return true
}

// column returns the width of the labels that stand beside the text, with the gap
// after them.
func (p *page) column() float64 {
	wide := 0.0
	for _, b := range append(p.facts(), p.advice()...) {
		wide = max(wide, p.set.width(p.labelStyle(), plain(b.label)))
	}
	return wide + p.f.text*p.scale*0.7
}

func (p *page) labelStyle() style {
	return p.set.style(bold, max(p.f.small*0.9, p.f.label*p.scale), p.w.Where+p.w.When+p.w.WhatToDo)
}

// plain returns a label without its colon.
func plain(label string) string { return strings.TrimRight(label, " \u00a0\u202f:") }

// block places a block in a width: its label above the text or, where there is a
// column for labels, beside it.
func (p *page) block(b block, wide, column float64) (flow, bool) {
	text := strings.Join(append([]string{b.lead}, b.items...), " ")
	st := p.set.style(b.weight, b.size, text)
	var out, words flow
	if b.label != "" && column == 0 {
		out = p.lines([]string{plain(b.label)}, p.labelStyle(), b.faint)
	}
	if b.lead != "" {
		lead := p.set.style(regular, b.size, text)
		lines, ok := p.set.wrap(lead, b.lead, wide-column)
		if !ok {
			return out, false
		}
		words = p.lines(lines, lead, b.colours)
	}
	indent := 0.0
	if b.list {
		indent = b.size * 0.75
	}
	for _, item := range b.items {
		lines, ok := p.set.wrap(st, item, wide-column-indent)
		if !ok {
			return out, false
		}
		f := p.lines(lines, st, b.colours)
		f.pieces = f.at(indent, 0)
		if b.list {
			y := f.pieces[0].base - st.size*0.33
			var point path
			point.ring(spot{0, y - st.size*0.27}, spot{st.size * 0.42, y}, spot{0, y + st.size*0.27})
			f.pieces = append(f.pieces, pathPiece(&point, b.colours.ink))
		}
		words.below(f, b.size*0.2)
	}
	if column == 0 {
		out.below(words, b.size*0.2)
		return out, true
	}
	if b.label != "" {
		label := p.labelStyle()
		out.pieces = append(out.pieces, p.text(plain(b.label), label, b.faint, 0, words.pieces[0].base))
	}
	out.pieces = append(out.pieces, words.at(column, 0)...)
	out.high = words.high
	return out, len(words.pieces) > 0
}
