package alert

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// timeQuirks are the liberties that a date and time takes: the schemas allow
// some of them, but a message of ours has none.
type timeQuirks struct {
	zulu     bool // "Z" for the offset
	plusZero bool // "+00:00"; CAP writes UTC as "-00:00"
	fraction bool // fractions of a second, which are dropped
	noZone   bool // no offset; taken for UTC
	hour24   bool // 24:00:00, taken for 00:00:00 of the next day
}

func (q timeQuirks) any() bool { return q != timeQuirks{} }

func (q timeQuirks) String() string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{
		{q.zulu, `"Z" stands for the offset`},
		{q.plusZero, "UTC is written +00:00 instead of -00:00"},
		{q.fraction, "fractions of a second, which are dropped"},
		{q.noZone, "no offset from UTC, so the instant is a guess: read as UTC"},
		{q.hour24, "hour 24, read as 00:00 of the next day"},
	} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ", ")
}

var errTime = errors.New("is not a date and time such as 2026-11-22T03:00:00+01:00")

// readTime reads an XML Schema dateTime with a year of four digits from 1900
// on. The result has an unnamed location with the offset as written.
func readTime(s string) (time.Time, timeQuirks, error) {
	var q timeQuirks
	const local = "2006-01-02T15:04:05"
	if len(s) < len(local) || !clockShape(s[:len(local)]) {
		return time.Time{}, q, errTime
	}
	clock, rest := s[:len(local)], s[len(local):]
	day := 0
	if strings.HasSuffix(clock, "T24:00:00") {
		clock, day, q.hour24 = clock[:11]+"00:00:00", 1, true
	}
	if rest, q.fraction = cutFraction(rest); rest == "." {
		return time.Time{}, q, errTime
	}
	offset, err := readOffset(rest, &q)
	if err != nil {
		return time.Time{}, q, err
	}
	t, err := time.ParseInLocation(local, clock, fixedZone(offset))
	if err != nil {
		return time.Time{}, q, errTime
	}
	t = t.AddDate(0, 0, day)
	if t.Year() < 1900 || t.Year() > 9999 {
		return time.Time{}, q, fmt.Errorf("has the year %d; alerts live between 1900 and 9999", t.Year())
	}
	return t, q, nil
}

// clockShape reports whether s has its digits and separators where a date and
// time has them. The time package alone would take an hour of one digit.
func clockShape(s string) bool {
	const shape = "dddd-dd-ddTdd:dd:dd"
	for i := range len(shape) {
		digit := s[i] >= '0' && s[i] <= '9'
		if shape[i] == 'd' && !digit || shape[i] != 'd' && s[i] != shape[i] {
			return false
		}
	}
	return true
}

// cutFraction takes a fraction of a second off the front of s. It returns "."
// for one without digits.
func cutFraction(s string) (string, bool) {
	if !strings.HasPrefix(s, ".") {
		return s, false
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	if len(rest) == len(s)-1 {
		return ".", true
	}
	return rest, true
}

// readOffset reads "", "Z" or "+hh:mm" up to 14 hours, in seconds.
func readOffset(s string, q *timeQuirks) (int, error) {
	switch {
	case s == "":
		q.noZone = true
		return 0, nil
	case s == "Z":
		q.zulu = true
		return 0, nil
	case len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' || !isNumber(s[1:3]) || !isNumber(s[4:]):
		return 0, errTime
	}
	q.plusZero = s == "+00:00"
	hours := int(s[1]-'0')*10 + int(s[2]-'0')
	minutes := int(s[4]-'0')*10 + int(s[5]-'0')
	if minutes > 59 || hours*60+minutes > 14*60 {
		return 0, fmt.Errorf("has the offset %s; offsets reach from -14:00 to +14:00", s)
	}
	seconds := (hours*60 + minutes) * 60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, nil
}

func fixedZone(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", offset)
}

// formatTime writes t as CAP wants it: with the offset of its location, and
// UTC as -00:00.
func formatTime(t time.Time) string {
	s := t.Format("2006-01-02T15:04:05-07:00")
	if utc, found := strings.CutSuffix(s, "+00:00"); found {
		return utc + "-00:00"
	}
	return s
}

// sameTime reports whether a and b are the same instant and are written with
// the same offset.
func sameTime(a, b time.Time) bool {
	_, offsetA := a.Zone()
	_, offsetB := b.Zone()
	return a.Equal(b) && offsetA == offsetB
}

// writable returns why CAP can't write t, or "".
func writable(t time.Time) string {
	_, offset := t.Zone()
	switch {
	case t.Nanosecond() != 0:
		return "has fractions of a second"
	case offset%60 != 0 || offset > 14*3600 || offset < -14*3600:
		return "has an offset that is not whole minutes up to 14:00"
	case t.Year() < 1900 || t.Year() > 9999:
		return "has a year that is not between 1900 and 9999"
	}
	return ""
}
