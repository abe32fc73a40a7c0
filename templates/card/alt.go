package card

import (
	"strings"
	"unicode/utf8"

	"tocsin/templates/places"
	"tocsin/templates/wording"
)

// inWords returns all that c shows in one line of words, false where that is more
// than [MaxAlt] characters. The address behind the QR code, which nobody reads off a
// picture, is said where there is room.
func inWords(c Card, t *places.Territory) (string, bool) {
	w := wording.For(c.Lang)
	say := func(check string) string {
		parts := []string{w.FirstLine(c.Drill), w.Act(c.Act), level(c, w), c.Headline}
		label := func(label, text string) {
			if text != "" {
				parts = append(parts, label+" "+text)
			}
		}
		label(w.Where, strings.Join(c.Areas, ", "))
		label(w.When, c.Validity)
		label(w.WhatToDo, strings.TrimSpace(c.Proviso+" "+strings.Join(sentences(c.Actions), " ")))
		if c.Shape != nil {
			label(w.MapLabel, strings.Join(sentences(legend(c, t)), " "))
		}
		label(w.Source, c.Issuer)
		label(w.Code, c.Mark)
		label(w.FullText, c.Address)
		if c.Check != "" {
			label(w.QRCode, w.CheckOnCard+check)
		}
		return strings.Join(sentences(append(parts, w.LastLine(c.Drill))), " ")
	}
	text := say(" (" + bare(c.Check) + ")")
	if utf8.RuneCountInString(text) > MaxAlt {
		text = say("")
	}
	return text, utf8.RuneCountInString(text) <= MaxAlt
}

// level returns the word for the level of c, "" where its act says all: the level of
// what is over would say the contrary.
func level(c Card, w wording.Words) string {
	if c.Act == wording.AllClear || c.Act == wording.Cancel {
		return ""
	}
	return w.Level(c.Level, c.Colour)
}

// bare returns an address without its scheme.
func bare(address string) string {
	return strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
}

// sentences returns the parts that are not empty, each with a full stop where it has
// no end.
func sentences(parts []string) []string {
	var out []string
	for _, p := range parts {
		p = strings.Join(strings.Fields(p), " ")
		if p == "" {
			continue
		}
		if !strings.ContainsAny(p[len(p)-1:], ".!?") && !strings.HasSuffix(p, "…") {
			p += "."
		}
		out = append(out, p)
	}
	return out
}
