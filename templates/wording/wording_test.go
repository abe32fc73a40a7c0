package wording_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tocsin/templates/wording"
)

func TestEveryLanguageIsComplete(t *testing.T) {
	t.Parallel()
	for _, lang := range wording.Languages() {
		w := wording.For(lang)
		if w.Lang != lang {
			t.Errorf("For(%q) speaks %q", lang, w.Lang)
		}
		for name, s := range everyText(w) {
			switch {
			case s == "":
				t.Errorf("%s: %s is missing", lang, name)
			case s != strings.TrimSpace(s) || !norm.NFC.IsNormalString(s) || strings.ContainsFunc(s, unicode.IsControl):
				t.Errorf("%s: %s is %q, with blanks around it, control characters or not in NFC", lang, name, s)
			case strings.ContainsAny(s, "!#<>"):
				t.Errorf("%s: %s is %q: an exclamation mark, a hashtag or markup", lang, name, s)
			}
		}
	}
}

// everyText returns every text of w by a name for it, except those that are
// empty on purpose.
func everyText(w wording.Words) map[string]string {
	texts := map[string]string{}
	v := reflect.ValueOf(w)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Type.Kind() == reflect.String {
			texts[f.Name] = v.Field(i).String()
		}
	}
	for d := wording.Exercise; d <= wording.Test; d++ {
		texts[fmt.Sprint("drill word ", d)] = w.DrillWord(d)
		texts[fmt.Sprint("first line ", d)] = w.FirstLine(d)
		texts[fmt.Sprint("last line ", d)] = w.LastLine(d)
		texts[fmt.Sprint("short drill ", d)] = w.ShortDrill(d)
	}
	for a := wording.Update; a <= wording.Lower; a++ {
		texts[fmt.Sprint("act ", a)] = w.Act(a)
	}
	until := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	for f := wording.Replaced; f <= wording.Expired; f++ {
		texts[fmt.Sprint("became ", f)] = w.Became(f, "SV-7F3K2-2", until)
	}
	for l := wording.Unrated; l <= wording.Red; l++ {
		texts[fmt.Sprint("colour ", l)] = w.Level(l, true)
		texts[fmt.Sprint("severity ", l)] = w.Level(l, false)
	}
	texts["one other"], texts["two others"] = w.Others(1), w.Others(2)
	for i := range 366 {
		day := time.Date(2026, time.January, 1, 9, 0, 0, 0, time.UTC).AddDate(0, 0, i)
		p := wording.Period{Until: day}
		texts[fmt.Sprint("period ", i)] = w.Period(p)
		texts[fmt.Sprint("short period ", i)] = w.ShortPeriod(p)
	}
	return texts
}

func TestDrillsAreMarked(t *testing.T) {
	t.Parallel()
	want := map[string]string{"it": "ESERCITAZIONE", "en": "EXERCISE", "de": "ÜBUNG", "fr": "EXERCICE"}
	for lang, word := range want {
		w := wording.For(lang)
		if got := w.DrillWord(wording.Exercise); got != word {
			t.Errorf("%s: an exercise is called %q, want %q", lang, got, word)
		}
		for _, d := range []wording.Drill{wording.Exercise, wording.Test} {
			for _, line := range []string{w.FirstLine(d), w.LastLine(d)} {
				if !strings.HasPrefix(line, w.DrillWord(d)) {
					t.Errorf("%s: %q does not begin with %q", lang, line, w.DrillWord(d))
				}
			}
			if !strings.EqualFold(w.ShortDrill(d), w.DrillWord(d)) {
				t.Errorf("%s: the short mark %q is another word than %q", lang, w.ShortDrill(d), w.DrillWord(d))
			}
		}
		if w.FirstLine(wording.Real)+w.LastLine(wording.Real)+w.DrillWord(wording.Real)+w.ShortDrill(wording.Real) != "" {
			t.Errorf("%s: reality is marked as a drill", lang)
		}
		if w.FirstLine(wording.Drill(9)) == "" {
			t.Errorf("%s: a drill that nobody knows is taken for reality", lang)
		}
	}
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	at := func(year int, month time.Month, day, hour, minute int) time.Time {
		return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	}
	monday, tuesday := at(2026, time.November, 23, 14, 0), at(2026, time.November, 24, 12, 0)
	tests := map[string]struct {
		period      wording.Period
		lang        string
		want, short string
	}{
		"it_two_days":  {wording.Period{From: monday, Until: tuesday}, "it", "dalle 14:00 di lunedì 23 novembre alle 12:00 di martedì 24 novembre 2026", "dalle 14:00 di lun 23/11 alle 12:00 di mar 24/11"},
		"it_one_day":   {wording.Period{From: at(2026, time.November, 24, 0, 0), Until: tuesday}, "it", "dalle 00:00 alle 12:00 di martedì 24 novembre 2026", "dalle 00:00 alle 12:00 di mar 24/11"},
		"it_two_years": {wording.Period{From: at(2026, time.December, 31, 22, 30), Until: at(2027, time.January, 1, 6, 0)}, "it", "dalle 22:30 di giovedì 31 dicembre 2026 alle 06:00 di venerdì 1° gennaio 2027", "dalle 22:30 di gio 31/12/2026 alle 06:00 di ven 1/1/2027"},
		"it_until":     {wording.Period{Until: tuesday}, "it", "fino alle 12:00 di martedì 24 novembre 2026", "fino alle 12:00 di mar 24/11"},
		"it_open":      {wording.Period{From: monday}, "it", "", ""},
		"en_two_days":  {wording.Period{From: monday, Until: tuesday}, "en", "from 14:00 on Monday 23 November to 12:00 on Tuesday 24 November 2026", "from 14:00 Mon 23 Nov to 12:00 Tue 24 Nov"},
		"en_one_day":   {wording.Period{From: at(2026, time.November, 24, 9, 5), Until: tuesday}, "en", "from 09:05 to 12:00 on Tuesday 24 November 2026", "from 09:05 to 12:00 Tue 24 Nov"},
		"en_until":     {wording.Period{Until: tuesday}, "en", "until 12:00 on Tuesday 24 November 2026", "until 12:00 Tue 24 Nov"},
		"de_two_days":  {wording.Period{From: monday, Until: tuesday}, "de", "von Montag, 23. November, 14:00 Uhr, bis Dienstag, 24. November 2026, 12:00 Uhr", "von Mo, 23.11., 14:00 Uhr bis Di, 24.11., 12:00 Uhr"},
		"de_one_day":   {wording.Period{From: at(2026, time.November, 24, 9, 5), Until: tuesday}, "de", "Dienstag, 24. November 2026, von 09:05 bis 12:00 Uhr", "Di, 24.11., von 09:05 bis 12:00 Uhr"},
		"de_until":     {wording.Period{Until: tuesday}, "de", "bis Dienstag, 24. November 2026, 12:00 Uhr", "bis Di, 24.11., 12:00 Uhr"},
		"fr_two_days":  {wording.Period{From: monday, Until: tuesday}, "fr", "du lundi 23 novembre à 14:00 au mardi 24 novembre 2026 à 12:00", "du lun. 23/11 à 14:00 au mar. 24/11 à 12:00"},
		"fr_one_day":   {wording.Period{From: at(2026, time.December, 1, 9, 5), Until: at(2026, time.December, 1, 23, 0)}, "fr", "le mardi 1er décembre 2026 de 09:05 à 23:00", "le mar. 1/12 de 09:05 à 23:00"},
		"fr_until":     {wording.Period{Until: tuesday}, "fr", "jusqu’au mardi 24 novembre 2026 à 12:00", "jusqu’au mar. 24/11 à 12:00"},
		"other":        {wording.Period{Until: tuesday}, "my", "until 12:00 on Tuesday 24 November 2026", "until 12:00 Tue 24 Nov"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := wording.For(tt.lang)
			if got := w.Period(tt.period); got != tt.want {
				t.Errorf("Period:\ngot  %q\nwant %q", got, tt.want)
			}
			if got := w.ShortPeriod(tt.period); got != tt.short {
				t.Errorf("ShortPeriod:\ngot  %q\nwant %q", got, tt.short)
			}
		})
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	summer := time.Date(2026, time.August, 1, 22, 5, 0, 0, time.UTC).In(rome)
	first := time.Date(2026, time.May, 1, 9, 0, 0, 0, rome)
	for lang, want := range map[string][2]string{
		"it": {"00:05 di domenica 2 agosto 2026", "09:00 di venerdì 1° maggio 2026"},
		"en": {"00:05 on Sunday 2 August 2026", "09:00 on Friday 1 May 2026"},
		"de": {"00:05 Uhr, Sonntag, 2. August 2026", "09:00 Uhr, Freitag, 1. Mai 2026"},
		"fr": {"00:05, dimanche 2 août 2026", "09:00, vendredi 1er mai 2026"},
	} {
		if got := [2]string{wording.For(lang).Moment(summer), wording.For(lang).Moment(first)}; got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

// TestClockChange says times of the night in which the hour after two o'clock comes twice: no
// period ends before it begins, and no moment can be one of two.
func TestClockChange(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour, minute int) time.Time { // of UTC
		return time.Date(2026, time.October, 25, hour, minute, 0, 0, time.UTC).In(rome)
	}
	for name, tt := range map[string]struct {
		period wording.Period
		want   map[string][2]string // long and short
	}{
		"ends_in_the_second_hour": {wording.Period{From: at(0, 30), Until: at(1, 20)}, map[string][2]string{
			"it": {"dalle 02:30 (ora legale) alle 02:20 (ora solare) di domenica 25 ottobre 2026", "dalle 02:30 (ora legale) alle 02:20 (ora solare) di dom 25/10"},
			"en": {"from 02:30 (summer time) to 02:20 (winter time) on Sunday 25 October 2026", "from 02:30 (summer time) to 02:20 (winter time) Sun 25 Oct"},
			"de": {"Sonntag, 25. Oktober 2026, von 02:30 Uhr (Sommerzeit) bis 02:20 Uhr (Winterzeit)", "So, 25.10., von 02:30 Uhr (Sommerzeit) bis 02:20 Uhr (Winterzeit)"},
			"fr": {"le dimanche 25 octobre 2026 de 02:30 (heure d’été) à 02:20 (heure d’hiver)", "le dim. 25/10 de 02:30 (heure d’été) à 02:20 (heure d’hiver)"},
		}},
		"from_one_to_the_other": {wording.Period{From: at(-3, 0), Until: at(5, 0)}, map[string][2]string{
			"it": {"dalle 23:00 (ora legale) di sabato 24 ottobre alle 06:00 (ora solare) di domenica 25 ottobre 2026", "dalle 23:00 (ora legale) di sab 24/10 alle 06:00 (ora solare) di dom 25/10"},
			"en": {"from 23:00 (summer time) on Saturday 24 October to 06:00 (winter time) on Sunday 25 October 2026", "from 23:00 (summer time) Sat 24 Oct to 06:00 (winter time) Sun 25 Oct"},
			"de": {"von Samstag, 24. Oktober, 23:00 Uhr (Sommerzeit), bis Sonntag, 25. Oktober 2026, 06:00 Uhr (Winterzeit)", "von Sa, 24.10., 23:00 Uhr (Sommerzeit) bis So, 25.10., 06:00 Uhr (Winterzeit)"},
			"fr": {"du samedi 24 octobre à 23:00 (heure d’été) au dimanche 25 octobre 2026 à 06:00 (heure d’hiver)", "du sam. 24/10 à 23:00 (heure d’été) au dim. 25/10 à 06:00 (heure d’hiver)"},
		}},
		"holds_already": {wording.Period{Until: at(0, 30)}, map[string][2]string{
			"it": {"fino alle 02:30 (ora legale) di domenica 25 ottobre 2026", "fino alle 02:30 (ora legale) di dom 25/10"},
			"en": {"until 02:30 (summer time) on Sunday 25 October 2026", "until 02:30 (summer time) Sun 25 Oct"},
			"de": {"bis Sonntag, 25. Oktober 2026, 02:30 Uhr (Sommerzeit)", "bis So, 25.10., 02:30 Uhr (Sommerzeit)"},
			"fr": {"jusqu’au dimanche 25 octobre 2026 à 02:30 (heure d’été)", "jusqu’au dim. 25/10 à 02:30 (heure d’été)"},
		}},
		"begins_in_the_second_hour": {wording.Period{From: at(1, 59), Until: at(2, 0)}, map[string][2]string{
			"it": {"dalle 02:59 (ora solare) alle 03:00 (ora solare) di domenica 25 ottobre 2026", "dalle 02:59 (ora solare) alle 03:00 (ora solare) di dom 25/10"},
		}},
		"before_both": {wording.Period{From: at(-2, 0), Until: at(-1, 59)}, map[string][2]string{
			"it": {"dalle 00:00 alle 01:59 di domenica 25 ottobre 2026", "dalle 00:00 alle 01:59 di dom 25/10"},
		}},
		"after_both": {wording.Period{From: at(2, 0), Until: at(3, 0)}, map[string][2]string{
			"it": {"dalle 03:00 alle 04:00 di domenica 25 ottobre 2026", "dalle 03:00 alle 04:00 di dom 25/10"},
		}},
	} {
		for lang, want := range tt.want {
			w := wording.For(lang)
			if got := w.Period(tt.period); got != want[0] {
				t.Errorf("%s, %s: %q, want %q", name, lang, got, want[0])
			}
			if got := w.ShortPeriod(tt.period); got != want[1] {
				t.Errorf("%s, %s: short %q, want %q", name, lang, got, want[1])
			}
		}
	}
	for lang, want := range map[string][3]string{
		"it": {"02:30 (ora legale) di domenica 25 ottobre 2026", "02:30 (ora solare) di domenica 25 ottobre 2026", "03:30 di domenica 25 ottobre 2026"},
		"en": {"02:30 (summer time) on Sunday 25 October 2026", "02:30 (winter time) on Sunday 25 October 2026", "03:30 on Sunday 25 October 2026"},
		"de": {"02:30 Uhr (Sommerzeit), Sonntag, 25. Oktober 2026", "02:30 Uhr (Winterzeit), Sonntag, 25. Oktober 2026", "03:30 Uhr, Sonntag, 25. Oktober 2026"},
		"fr": {"02:30 (heure d’été), dimanche 25 octobre 2026", "02:30 (heure d’hiver), dimanche 25 octobre 2026", "03:30, dimanche 25 octobre 2026"},
	} {
		for i := range want {
			if got := wording.For(lang).Moment(at(i, 30)); got != want[i] {
				t.Errorf("%s: moment %q, want %q", lang, got, want[i])
			}
		}
	}
	// In spring an hour is missing, and none comes twice.
	spring := wording.Period{From: time.Date(2026, time.March, 29, 0, 30, 0, 0, time.UTC).In(rome), Until: time.Date(2026, time.March, 29, 1, 30, 0, 0, time.UTC).In(rome)}
	if got, want := wording.For("it").Period(spring), "dalle 01:30 (ora solare) alle 03:30 (ora legale) di domenica 29 marzo 2026"; got != want {
		t.Errorf("in spring: %q, want %q", got, want)
	}
}

func TestActOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		msgType, urgency string
		allClear         bool
		declared         string
		want             wording.Act
	}{
		{"Alert", "Immediate", false, "", wording.Issue},
		{"Alert", "Immediate", false, "proroga", wording.Issue},
		{"Alert", "Past", false, "", wording.Issue}, // nothing was said before that could be over
		{"Alert", "Past", true, "", wording.AllClear},
		{"Update", "Expected", false, "", wording.Update},
		{"Update", "Expected", false, "aggiornamento", wording.Update},
		{"Update", "Expected", false, "proroga", wording.Extend},
		{"Update", "Expected", false, "innalzamento", wording.Raise},
		{"Update", "Expected", false, "declassamento", wording.Lower},
		{"Update", "Past", false, "proroga", wording.AllClear},
		{"Update", "Unknown", true, "", wording.AllClear},
		{"Cancel", "Past", true, "proroga", wording.Cancel},
		{"", "", false, "", wording.Issue},
	} {
		if got := wording.ActOf(tt.msgType, tt.urgency, tt.allClear, tt.declared); got != tt.want {
			t.Errorf("%s, %s, all clear %v, %q: got %d, want %d", tt.msgType, tt.urgency, tt.allClear, tt.declared, got, tt.want)
		}
		if got := wording.ActOf("Update", "", false, tt.want.Declared()); tt.want.Renews() && got != tt.want {
			t.Errorf("act %d is declared as %q, which is read as %d", tt.want, tt.want.Declared(), got)
		}
	}
}

// TestChanges says in each language what an update changes.
func TestChanges(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, time.March, 14, 23, 0, 0, 0, time.UTC)
	for lang, want := range map[string][4]string{
		"it": {"L’allerta passa da gialla a rossa.", "Il pericolo è diminuito.", "L’avviso è prorogato: prima valeva fino alle 23:00 di sabato 14 marzo 2026.", "finito"},
		"en": {"The alert level goes from yellow to red.", "The danger has become less.", "The notice is extended. It held until 23:00 on Saturday 14 March 2026 before.", "over"},
		"de": {"Die Warnstufe wechselt von Gelb auf Rot.", "Die Gefahr ist gesunken.", "Die Meldung ist verlängert. Bisher galt sie bis 23:00 Uhr", "vorbei"},
		"fr": {"L’alerte passe du niveau jaune au niveau rouge.", "Le danger a diminué.", "L’avis est prolongé. Il valait jusqu’à 23:00", "passé"},
	} {
		w := wording.For(lang)
		over, advice := w.Over()
		got := [4]string{w.Rated(wording.Raise, wording.Yellow, wording.Red, true), w.Rated(wording.Lower, wording.Red, wording.Yellow, false), w.Extended(until), over}
		if got[0] != want[0] || got[1] != want[1] || !strings.HasPrefix(got[2], want[2]) || !strings.Contains(got[3], want[3]) || !strings.HasPrefix(advice, "- ") {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
		if s := w.Rated(wording.Update, wording.Red, wording.Red, true); s != "" {
			t.Errorf("%s: an update that changes no level says %q", lang, s)
		}
	}
}

func TestLevelOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		livello, awareness, severity string
		want                         wording.Level
		colour                       bool
	}{
		{"gialla", "4; red; Extreme", "Extreme", wording.Yellow, true},
		{" Rossa ", "", "", wording.Red, true},
		{"viola", "3; orange; Severe", "Minor", wording.Orange, true},
		{"", "1;green", "Extreme", wording.Green, true},
		{"", "9; violet", "Severe", wording.Orange, false},
		{"", "0", "Minor", wording.Green, false},
		{"", "12", "Moderate", wording.Yellow, false},
		{"", "orange", "Extreme", wording.Red, false},
		{"", "", "Unknown", wording.Unrated, false},
		{"", "", "", wording.Unrated, false},
	} {
		if got, colour := wording.LevelOf(tt.livello, tt.awareness, tt.severity); got != tt.want || colour != tt.colour {
			t.Errorf("%q, %q, %q: got %d, colour %v; want %d, %v", tt.livello, tt.awareness, tt.severity, got, colour, tt.want, tt.colour)
		}
	}
}

// TestUnknownLevelIsNeutral holds that a value out of range never reads as if all
// were well.
func TestUnknownLevelIsNeutral(t *testing.T) {
	t.Parallel()
	w := wording.For("it")
	for _, colour := range []bool{true, false} {
		if got, want := w.Level(99, colour), w.Level(wording.Unrated, colour); got != want {
			t.Errorf("an unknown level reads %q, want %q", got, want)
		}
	}
}

func TestSpeaks(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string]bool{"it": true, "fr": true, "it-IT": false, "es": false, "": false} {
		if got := wording.Speaks(lang); got != want {
			t.Errorf("Speaks(%q) is %v, want %v", lang, got, want)
		}
	}
}

func TestForTakesTags(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{"it-IT": "it", "IT": "it", "de-CH": "de", "fr-CA": "fr", "en-GB": "en", "sl": "en", "": "en"} {
		if got := wording.For(tag).Lang; got != want {
			t.Errorf("For(%q) speaks %q, want %q", tag, got, want)
		}
	}
}

func TestLanguageName(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{"it-IT": "Italiano", "EN-us": "English", "my": "my", "de": "Deutsch", "zh-Hant-TW": "中文"} {
		if got := wording.LanguageName(tag); got != want {
			t.Errorf("LanguageName(%q) is %q, want %q", tag, got, want)
		}
	}
}

func TestOthers(t *testing.T) {
	t.Parallel()
	w := wording.For("it")
	for n, want := range map[int]string{-1: "", 0: "", 1: "e un’altra zona", 2: "e altre 2 zone", 68: "e altre 68 zone"} {
		if got := w.Others(n); got != want {
			t.Errorf("Others(%d) is %q, want %q", n, got, want)
		}
	}
}
