package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// mostAhead bounds how long an alert may hold where its scenario says nothing, and how
// far ahead one may begin.
const mostAhead = 7 * 24 * time.Hour

// period reads "FROM/TO". Each end is a time of day ("14:00"), one of another day
// ("domani 12:00", "14/03/2026 15:00", "2026-03-14 15:00"), the present ("adesso"), or
// for how long ("+12h"). Times are those of the World's clocks; one that does not
// exist, or exists twice, is an error that says what to write instead.
func (f *Field) period(text string, w World) (from, to time.Time, err error) {
	now := w.Now.In(w.Location).Truncate(time.Minute)
	var first error
	tried := false
	for i := range text {
		if text[i] != '/' {
			continue
		}
		tried = true
		a, errA := w.moment(text[:i], now, now, false)
		if errA != nil {
			first = prefer(first, errA)
			continue
		}
		b, errB := w.moment(text[i+1:], now, a, true)
		if errB != nil {
			first = prefer(first, errB)
			continue
		}
		return a, b, f.holds(a, b, now)
	}
	if !tried {
		return from, to, fmt.Errorf("%q has no beginning and end: write them with / between, such as 14:00/23:59, adesso/domani 12:00 or now/+12h", shortened(text))
	}
	return from, to, first
}

// prefer returns the error that says more: what is wrong with a moment rather than with
// its form.
func prefer(a, b error) error {
	if _, ok := errors.AsType[*preciseError](b); ok || a == nil {
		return b
	}
	return a
}

// holds returns why a period can't be one.
func (f *Field) holds(from, to, now time.Time) error {
	longest := f.Longest
	if longest == 0 {
		longest = mostAhead
	}
	// What has passed does not count: an alert that goes on is extended from where it is.
	left := to.Sub(from)
	if from.Before(now) {
		left = to.Sub(now)
	}
	const form = "15:04 02-01-2006"
	switch {
	case !to.After(from):
		return fmt.Errorf("the end %s is not after the beginning %s: write the days too, such as oggi 14:00/domani 12:00", to.Format(form), from.Format(form))
	case !to.After(now):
		return fmt.Errorf("the end %s is over already: write the days too, such as oggi 14:00/domani 12:00", to.Format(form))
	case left > longest:
		return fmt.Errorf("the period has %s, and %s are the most: shorten it, and extend the alert later", hours(left), hours(longest))
	case from.Sub(now) > mostAhead:
		return fmt.Errorf("the beginning %s is more than %s ahead: correct the date", from.Format(form), hours(mostAhead))
	}
	return nil
}

func hours(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Round(time.Minute))/float64(time.Hour), 'f', -1, 64) + " h"
}

var (
	lengthForm = regexp.MustCompile(`^(\d{1,3})(m|min|h|ore|ora|d|g|giorni|giorno)$`)
	clockForm  = regexp.MustCompile(`^(\d{1,2})[:.](\d{2})$`)
	isoForm    = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})[t ](.+)$`)
	dateForm   = regexp.MustCompile(`^(\d{1,2})[/-](\d{1,2})(?:[/-](\d{4}))? (.+)$`)
	offsetForm = regexp.MustCompile(`^(.*\d)\s*(?:([+-]\d{2}:\d{2})|\(?(ora legale|ora solare|summer time|winter time)\)?)$`)
)

// duration reads "12h", "90m" or "2d".
func duration(s string) (time.Duration, error) {
	m := lengthForm.FindStringSubmatch(strings.ToLower(strings.ReplaceAll(s, " ", "")))
	if m == nil {
		return 0, errors.New("write hours, minutes or days, such as 12h, 90m or 2d")
	}
	n, err := strconv.Atoi(m[1])
	unit := time.Hour
	switch m[2][0] {
	case 'm':
		unit = time.Minute
	case 'd', 'g':
		unit = 24 * time.Hour
	}
	return time.Duration(n) * unit, err
}

// moment reads one end of a period. start is the beginning where the end is read: a
// bare time of day is then the first one after it.
func (w World) moment(text string, now, start time.Time, end bool) (time.Time, error) {
	s := strings.ToLower(strings.Join(strings.Fields(text), " "))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "dalle "), "alle ")
	switch s {
	case "adesso", "ora", "subito", "now":
		return now, nil
	}
	if rest, ok := strings.CutPrefix(s, "+"); ok {
		d, err := duration(rest)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no duration: %w", shortened(text), err)
		}
		return start.Add(d), nil
	}
	day, clock, given, err := w.day(s, now)
	if err != nil {
		return time.Time{}, err
	}
	var season string
	if m := offsetForm.FindStringSubmatch(clock); m != nil {
		clock, season = m[1], m[2]+m[3]
	}
	m := clockForm.FindStringSubmatch(strings.TrimSpace(clock))
	if m == nil {
		return time.Time{}, fmt.Errorf("%q is no time: write 14:00, domani 12:00, 14/03/2026 15:00, adesso or +12h", shortened(text))
	}
	hour, _ := strconv.Atoi(m[1]) // the form has digits alone
	minute, _ := strconv.Atoi(m[2])
	if hour > 24 || minute > 59 || hour == 24 && minute > 0 {
		return time.Time{}, &preciseError{fmt.Errorf("%q is no time of day: write 00:00 to 23:59", shortened(text))}
	}
	at, err := w.clock(day, hour, minute, season)
	if err == nil && end && !given && !at.After(start) {
		at, err = w.clock(day.AddDate(0, 0, 1), hour, minute, season)
	}
	return at, err
}

// day returns the day that a moment begins with, at noon, and the rest of it; given
// says whether it was written.
func (w World) day(s string, now time.Time) (day time.Time, rest string, given bool, err error) {
	noon := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, w.Location)
	for word, after := range map[string]int{"oggi ": 0, "today ": 0, "domani ": 1, "tomorrow ": 1, "dopodomani ": 2} {
		if rest, ok := strings.CutPrefix(s, word); ok {
			return noon.AddDate(0, 0, after), strings.TrimPrefix(strings.TrimPrefix(rest, "alle "), "at "), true, nil
		}
	}
	var y, m, d string
	if g := isoForm.FindStringSubmatch(s); g != nil {
		y, m, d, rest = g[1], g[2], g[3], g[4]
	} else if g := dateForm.FindStringSubmatch(s); g != nil {
		y, m, d, rest = g[3], g[2], g[1], g[4]
		if y == "" {
			y = strconv.Itoa(now.Year())
		}
	} else {
		return noon, s, false, nil
	}
	year, _ := strconv.Atoi(y) // the forms have digits alone
	month, _ := strconv.Atoi(m)
	date, _ := strconv.Atoi(d)
	day = time.Date(year, time.Month(month), date, 12, 0, 0, 0, w.Location)
	if day.Day() != date || int(day.Month()) != month {
		return day, "", true, &preciseError{fmt.Errorf("%q is no date: write day, month and year, such as 14/03/2026 15:00", shortened(s))}
	}
	return day, rest, true, nil
}

// A preciseError is about a moment whose form is understood: such as a time that is
// none or two, because clocks change.
type preciseError struct{ error }

// clock returns the moment at which clocks show a time on a day.
func (w World) clock(day time.Time, hour, minute int, season string) (time.Time, error) {
	year, month, date := day.Date()
	want := time.Date(year, month, date, hour, minute, 0, 0, time.UTC)
	var found []time.Time
	for _, around := range []time.Duration{-24 * time.Hour, 24 * time.Hour} { // before a change, and after it
		_, offset := want.Add(around).In(w.Location).Zone()
		at := want.Add(-time.Duration(offset) * time.Second).In(w.Location)
		if _, have := at.Zone(); have == offset && (len(found) == 0 || !found[0].Equal(at)) {
			found = append(found, at)
		}
	}
	shown := want.Format("15:04 02-01-2006")
	switch {
	case len(found) == 0:
		return time.Time{}, &preciseError{fmt.Errorf("the time %s does not exist, because clocks are put ahead then: write a time before or after that hour", shown)}
	case season != "":
		for _, at := range found {
			if season == at.Format("-07:00") || at.IsDST() == (season == "ora legale" || season == "summer time") && !strings.Contains(season, ":") {
				return at, nil
			}
		}
		return time.Time{}, &preciseError{fmt.Errorf("clocks do not show %s with %q: leave that out", shown, season)}
	case len(found) == 2:
		return time.Time{}, &preciseError{fmt.Errorf("the time %s comes twice, because clocks are put back then: write %s for the first, %s for the second", shown,
			found[0].Format("2006-01-02 15:04-07:00"), found[1].Format("2006-01-02 15:04-07:00"))}
	}
	return found[0], nil
}
