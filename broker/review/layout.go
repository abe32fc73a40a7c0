package review

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// This file fits text into the columns of a terminal.

// columns is the width that every review fits into.
const columns = 80

// The margins of texts that are shown as they will be published: at the beginning of
// a line, and where a long line goes on. Nothing else in a review begins like this,
// so that no text can pass for a part of the review. What stands behind the margins,
// joined, is the text to the byte.
const (
	lineMargin = "  │ "
	moreMargin = "  ┆ "
)

// cells returns how many columns a character takes.
func cells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fold cuts a line into pieces of at most room columns, after a blank where there is
// one; joined they are the line.
func fold(line string, room int) (pieces []string) {
	for {
		used, blank, at := 0, -1, -1
		for i, r := range line {
			n := cells(r)
			if used+n > room && n > 0 && i > 0 {
				at = i
				break
			}
			used += n
			if r == ' ' {
				blank = i + 1
			}
		}
		switch {
		case at < 0:
			return append(pieces, line)
		case blank > 0 && blank <= at:
			at = blank
		}
		pieces, line = append(pieces, line[:at]), line[at:]
	}
}

// A page is written to, and remembers the first error.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(text, " "))
	}
}

// exact writes a text as it will be published, behind the margins.
func (p *page) exact(text string) {
	room := columns - len([]rune(lineMargin))
	for line := range strings.SplitSeq(text, "\n") {
		for i, piece := range fold(line, room) {
			margin := lineMargin
			if i > 0 {
				margin = moreMargin
			}
			if p.err == nil {
				_, p.err = fmt.Fprintln(p.w, margin+piece)
			}
		}
	}
}

// block writes words of the review's own, with head before the first line and as much
// blank before the others. Line feeds in it are shown as signs.
func (p *page) block(head, text string) {
	indent := 0
	for _, r := range head {
		indent += cells(r)
	}
	text = strings.ReplaceAll(text, "\n", " ⏎ ")
	for i, piece := range fold(text, columns-indent) {
		if i > 0 {
			head = strings.Repeat(" ", indent)
		}
		p.line(head + piece)
	}
}

// WriteFolded writes words behind a head, folded to the columns of a review and with as much
// blank before the other lines.
func WriteFolded(w io.Writer, head, text string) error {
	p := &page{w: w}
	p.block(head, text)
	return p.err
}

// row writes a label and what belongs to it.
func (p *page) row(label, text string) {
	if text != "" {
		p.block(fmt.Sprintf("  %-12s ", label), text)
	}
}

// section begins a part of the review.
func (p *page) section(title string) {
	p.line("")
	p.line(title)
}
