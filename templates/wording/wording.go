// Package wording holds the fixed words that stand around the content of an
// alert in every public text and on the public pages: labels, the lines that mark
// an exercise or a test, the names of levels and languages, and how a moment and
// a validity are said in one language.
//
// It holds no words about a hazard, puts no texts together and measures nothing:
// package compose does, before anyone signs. A test holds every language
// complete.
package wording

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Level is how grave an alert is, as its words and its picture show it.
//
// The zero Level is the neutral one: nothing is known.
type Level uint8

// The levels, from nothing known to the gravest.
const (
	Unrated Level = iota
	Green
	Yellow
	Orange
	Red
	levels // their number
)

// An Act says what a message does in the life of its alert.
type Act uint8

// The acts. The zero Act is the first word.
const (
	Issue    Act = iota
	Update       // replaces what was said before
	AllClear     // the danger is over
	Cancel       // what was said before is to be disregarded
	Extend       // holds for longer, and says the same
	Raise        // replaces what was said before by something graver
	Lower        // replaces what was said before by something less grave
	acts         // their number
)

// Renews reports whether an act says anew what holds from now on.
func (a Act) Renews() bool { return a == Update || a == Extend || a == Raise || a == Lower }

// A Drill says whether a text is about reality.
type Drill uint8

// The kinds of drill. The zero Drill is reality.
const (
	Real Drill = iota
	Exercise
	Test
)

// Words are the words of one language. Every field is set in every language.
type Words struct {
	Lang string // BCP 47: "it", "en", "de", "fr"

	// Labels of the paragraphs of a text, with their colon.
	Where, When, WhatToDo, FullText, Source, Code, Contact, MoreInfo string
	// Reason precedes why an alert was revoked.
	Reason string
	// Notice is said where there is no room for what happens.
	Notice string
	// ReadMore is the label of a link where every character counts.
	ReadMore string
	// UnnamedArea stands for the name of an area that has none.
	UnnamedArea string
	// RevokedText and RevokedAdvice are description and instruction of a message
	// that revokes another one.
	RevokedText, RevokedAdvice string
	// Doubted precedes the headline of a message that says that an earlier one is being
	// verified; DoubtedText and DoubtedAdvice are its description and instruction.
	Doubted, DoubtedText, DoubtedAdvice string
	// CodeLabel is the label of the alert code in a picture and on a page.
	CodeLabel string
	// AddressOnCard is the label of the address in a picture.
	AddressOnCard string
	// CheckOnCard stands beside the QR code in a picture, whose name is QRCode.
	CheckOnCard, QRCode string
	// MapLabel names the map in a picture; AreaOnMap is what its colour shows. ShapeAlone
	// says that it shows the shape of the area and no borders of the land. Borders
	// precedes where the borders come from.
	MapLabel, AreaOnMap, ShapeAlone, Borders string

	other, others string // one other area, several

	drills     [3]drillWords // by Drill
	acts       [acts]string
	became     [fates]string // each holds one %s
	colours    [levels]string
	severities [levels]string
	unit       string    // behind a time of day, with its space; "" for none
	seasons    [2]string // the clock of winter, that of summer
	days       [7]string
	shortDays  [7]string
	months     [12]string
	moment     func(Words, time.Time) string
	period     func(Words, Period) string
	shortly    func(Words, Period) string
}

type drillWords struct{ word, first, last, short string }

// For returns the words in the language of a BCP 47 tag, or in English where the
// frame does not speak it.
func For(tag string) Words {
	base, _, _ := strings.Cut(tag, "-")
	switch strings.ToLower(base) {
	case "it":
		return italian()
	case "de":
		return german()
	case "fr":
		return french()
	}
	return english()
}

// Languages returns the languages that the frame speaks, Italian first.
func Languages() []string { return []string{"it", "en", "de", "fr"} }

// Speaks reports whether lang is one of [Languages].
func Speaks(lang string) bool { return slices.Contains(Languages(), lang) }

// DrillWord returns the word that marks a drill, in capitals: "ESERCITAZIONE";
// "" for reality.
func (w Words) DrillWord(d Drill) string { return w.drill(d).word }

// FirstLine returns the line that opens every text of a drill, "" for reality. It
// begins with DrillWord.
func (w Words) FirstLine(d Drill) string { return w.drill(d).first }

// LastLine returns the line that ends every text of a drill, "" for reality. It
// begins with DrillWord.
func (w Words) LastLine(d Drill) string { return w.drill(d).last }

// ShortDrill returns the mark of a drill in a text of one line: "Esercitazione";
// "" for reality.
func (w Words) ShortDrill(d Drill) string { return w.drill(d).short }

func (w Words) drill(d Drill) drillWords {
	if int(d) >= len(w.drills) {
		return w.drills[Exercise]
	}
	return w.drills[d]
}

// Act returns the word for what a message does: "Aggiornamento"; "" for the
// first one.
func (w Words) Act(a Act) string {
	if a >= acts {
		return ""
	}
	return w.acts[a]
}

// Level returns the word for a level: that of an alert colour which the issuer
// declared, or that of a severity.
func (w Words) Level(l Level, colour bool) string {
	if l >= levels {
		l = Unrated
	}
	if colour {
		return w.colours[l]
	}
	return w.severities[l]
}

// Moment says t with weekday, date and 24-hour time, in the zone that it has:
// "00:05 di domenica 2 agosto 2026". In the hour that comes twice when clocks go back it
// says which one it is: "02:30 (ora solare) di domenica 25 ottobre 2026".
func (w Words) Moment(t time.Time) string { return w.moment(w, t) }

// Others says that there are n areas besides those that were named: "e altre 5
// zone". It returns "" for none.
func (w Words) Others(n int) string {
	switch {
	case n <= 0:
		return ""
	case n == 1:
		return w.other
	}
	return fmt.Sprintf(w.others, n)
}

// A Period is when an alert holds.
type Period struct {
	From  time.Time // zero where it holds already
	Until time.Time // zero where the end is not known
}

// Period says p with weekdays, dates and 24-hour times in the zones that the
// times have: "dalle 14:00 di lunedì 23 novembre alle 12:00 di martedì 24
// novembre 2026". Where clocks change between its ends, or an end is in the hour that comes
// twice, it says by which clock each is. It returns "" for a period without an end.
func (w Words) Period(p Period) string {
	if p.Until.IsZero() {
		return ""
	}
	return w.period(w, p)
}

// ShortPeriod says the same with short weekdays, dates in digits, and years only
// where there are two: "dalle 14:00 di lun 23/11 alle 12:00 di mar 24/11".
func (w Words) ShortPeriod(p Period) string {
	if p.Until.IsZero() {
		return ""
	}
	return w.shortly(w, p)
}

func (w Words) day(t time.Time) string      { return w.days[t.Weekday()] }
func (w Words) shortDay(t time.Time) string { return w.shortDays[t.Weekday()] }
func (w Words) month(t time.Time) string    { return w.months[t.Month()-1] }

// sameDay reports whether p begins and ends on one day.
func (p Period) sameDay() bool {
	y, m, d := p.From.Date()
	v, n, e := p.Until.Date()
	return y == v && m == n && d == e
}

// seasonal reports whether the ends of p are understood only with the clock of the year that
// each one is by.
func (p Period) seasonal() bool {
	if p.From.IsZero() {
		return twice(p.Until)
	}
	return p.From.IsDST() != p.Until.IsDST() || twice(p.From) || twice(p.Until)
}

// twice reports whether the clocks of t's zone show its time of day again on that day, before
// or after it: in the hour in which they are put back.
func twice(t time.Time) bool {
	_, own := t.Zone()
	for _, away := range []time.Duration{-change, change} {
		_, other := t.Add(away).Zone()
		again := t.Add(time.Duration(own-other) * time.Second)
		if _, offset := again.Zone(); other != own && offset == other {
			return true
		}
	}
	return false
}

// change is longer than any hour that comes twice.
const change = 3 * time.Hour

// yearOfFrom returns the year of From with a space before it where Until has
// another one, else "": a year is said once where once is enough.
func (p Period) yearOfFrom() string {
	if p.From.Year() == p.Until.Year() {
		return ""
	}
	return p.From.Format(" 2006")
}

// LanguageName returns the name of a BCP 47 tag's language in that language, for
// the tag's own readers, or the tag where the frame does not know it.
func LanguageName(tag string) string {
	base, _, _ := strings.Cut(tag, "-")
	switch strings.ToLower(base) {
	case "it":
		return "Italiano"
	case "en":
		return "English"
	case "de":
		return "Deutsch"
	case "fr":
		return "Français"
	case "es":
		return "Español"
	case "pt":
		return "Português"
	case "ro":
		return "Română"
	case "sq":
		return "Shqip"
	case "sl":
		return "Slovenščina"
	case "pl":
		return "Polski"
	case "tr":
		return "Türkçe"
	case "uk":
		return "Українська"
	case "ru":
		return "Русский"
	case "ar":
		return "العربية"
	case "zh":
		return "中文"
	}
	return tag
}
