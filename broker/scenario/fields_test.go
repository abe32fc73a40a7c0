package scenario_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// TestPeriod reads periods on 14 March 2026 at 14:30.
func TestPeriod(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, time.March, day, hour, minute, 0, 0, w.Location)
	}
	for text, want := range map[string][2]time.Time{
		"14:00/23:59":                         {at(14, 14, 0), at(14, 23, 59)},
		"9:05/18.30":                          {at(14, 9, 5), at(14, 18, 30)},
		"22:00/6:00":                          {at(14, 22, 0), at(15, 6, 0)},
		"18:00/24:00":                         {at(14, 18, 0), at(15, 0, 0)},
		"adesso/domani 12:00":                 {at(14, 14, 30), at(15, 12, 0)},
		"now / +12h":                          {at(14, 14, 30), at(15, 2, 30)},
		"+2h/+90m":                            {at(14, 16, 30), at(14, 18, 0)},
		"Oggi 18:00/dopodomani alle 06:00":    {at(14, 18, 0), at(16, 6, 0)},
		"today 18:00/tomorrow 7:15":           {at(14, 18, 0), at(15, 7, 15)},
		"14/03/2026 15:00/15/03/2026 06:00":   {at(14, 15, 0), at(15, 6, 0)},
		"15/3 15:00/16-03 6:00":               {at(15, 15, 0), at(16, 6, 0)},
		"2026-03-14T15:00/2026-03-14T23:59":   {at(14, 15, 0), at(14, 23, 59)},
		"2026-03-14 15:00+01:00/+2d":          {at(14, 15, 0), at(16, 15, 0)},
		"dalle 16:00/alle 18:00":              {at(14, 16, 0), at(14, 18, 0)},
		"2026-03-14 15:00 ora solare/+1 ora ": {at(14, 15, 0), at(14, 16, 0)},
	} {
		m, _ := message(t, s, w, wording.Real, scenario.Input{Field: "area", Text: "Noli"}, scenario.Input{Field: "level", Text: "gialla"}, scenario.Input{Field: "period", Text: text})
		if in := m.Infos[0]; !in.Onset.Equal(want[0]) || !in.Expires.Equal(want[1]) {
			t.Errorf("%q is %s to %s", text, in.Onset, in.Expires)
		}
	}
	for text, want := range map[string]string{
		"":                                  "the value is empty",
		"14:00":                             "no beginning and end",
		"14:00-18:00":                       "no beginning and end",
		"14:00/25:00":                       "no time of day",
		"14:00/24:30":                       "no time of day",
		"2pm/6pm":                           "is no time",
		"14:00/+12":                         "is no duration",
		"30/02 14:00/30/02 18:00":           "is no date",
		"domani 12:00/oggi 18:00":           "is not after the beginning",
		"adesso/adesso":                     "is not after the beginning",
		"9:00/12:00":                        "is over already",
		"now/+60h":                          "60 h, and 48 h are the most",
		"2026-03-29 10:00/2026-03-29 11:00": "ahead: correct the date",
	} {
		err := s.Try(scenario.Input{Field: "period", Text: text}, w)
		if field, ok := errors.AsType[*scenario.FieldError](err); !ok || field.Field != "period" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestClockChange reads times of the nights in which clocks change: what is no time or
// two is never guessed.
func TestClockChange(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	spring, autumn := w, w
	spring.Now = time.Date(2026, time.March, 28, 20, 0, 0, 0, w.Location)
	autumn.Now = time.Date(2026, time.October, 24, 20, 0, 0, 0, w.Location)
	for _, tt := range []struct {
		world scenario.World
		text  string
		want  string // of the end, or of the error
	}{
		{spring, "adesso/domani 01:59", "2026-03-29T01:59:00+01:00"},
		{spring, "adesso/domani 02:00", "does not exist"},
		{spring, "adesso/02:30", "does not exist"},
		{spring, "adesso/domani 03:00", "2026-03-29T03:00:00+02:00"},
		{spring, "domani 01:30/+1h", "2026-03-29T03:30:00+02:00"},
		{autumn, "adesso/domani 01:59", "2026-10-25T01:59:00+02:00"},
		{autumn, "adesso/domani 02:30", "write 2026-10-25 02:30+02:00 for the first, 2026-10-25 02:30+01:00 for the second"},
		{autumn, "25/10/2026 02:00/+1h", "comes twice"},
		{autumn, "adesso/2026-10-25 02:30+02:00", "2026-10-25T02:30:00+02:00"},
		{autumn, "adesso/domani 02:30+01:00", "2026-10-25T02:30:00+01:00"},
		{autumn, "adesso/domani 02:30 (ora solare)", "2026-10-25T02:30:00+01:00"},
		{autumn, "adesso/domani 02:30 summer time", "2026-10-25T02:30:00+02:00"},
		{autumn, "adesso/domani 04:30+02:00", "clocks do not show"},
		{autumn, "adesso/domani 04:30 ora legale", "clocks do not show"},
		{autumn, "adesso/domani 03:00", "2026-10-25T03:00:00+01:00"},
	} {
		inputs := []scenario.Input{{Field: "area", Text: "Noli"}, {Field: "level", Text: "gialla"}, {Field: "period", Text: tt.text}}
		got := ""
		if v, err := s.Fill(inputs, tt.world); err != nil {
			got = err.Error()
		} else {
			m, _ := s.Message(v, frame(tt.world, wording.Real))
			got = m.Infos[0].Expires.Format(time.RFC3339)
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestBadValues holds that each says what is allowed, with the nearest names.
func TestBadValues(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	for _, tt := range []struct{ field, text, want string }{
		{"area", "Savonna", "did you mean Savona"},
		{"area", "Savona, Vado", "did you mean Vado Ligure"},
		{"area", "Albisola", "did you mean Albisola Superiore, Albissola Marina"},
		{"area", "Roma", "write the name of a municipality"},
		{"area", "Genova", "no municipality or zone is called"},
		{"area", "zona C", "no municipality or zone is called"},
		{"area", ", ;", "no place is named"},
		{"area", "", "the value is empty"},
		{"area", strings.Repeat("Savona,", 300), "more than 2000 bytes"},
		{"level", "viola", "the choices are gialla, arancione, rossa"},
		{"level", "arancone", "did you mean arancione"},
		{"level", "verde", "the choices are gialla, arancione, rossa"},
		{"phase", "gialla", "the choices are attenzione, preallarme, allarme"},
		{"cause", "neve", "the choices are pioggia, suolo"},
		{"road", strings.Repeat("x", 44), "44 characters, and 43 are the most"},
		{"road", "SP 29 <b>", "as it stands on signs"},
		{"road", "SP\u200b29", "delete it"},
		{"people", "0", "no number from 1 to 5000"},
		{"people", "5001", "no number from 1 to 5000"},
		{"people", "circa 20", "no number from 1 to 5000"},
		{"aera", "Savona", "did you mean area"},
		{"wind", "40", "its fields are area, period, level"},
	} {
		err := s.Try(scenario.Input{Field: tt.field, Text: tt.text}, w)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%q: %v, want %q", tt.field, tt.text, err, tt.want)
		}
	}
	_, err := s.Fill([]scenario.Input{{Field: "level", Text: "viola"}, {Field: "area", Text: "Savonna"}}, w)
	if err == nil || !strings.Contains(err.Error(), "viola") || !strings.Contains(err.Error(), "Savonna") {
		t.Errorf("of two bad values one is told: %v", err)
	}
	_, err = s.Fill([]scenario.Input{{Field: "area", Text: "Noli"}, {Field: "area", Text: "Erli"}, {Field: "level", Text: "rossa"}}, w)
	if err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("a field that is given twice: %v", err)
	}
	_, err = s.Fill(nil, w)
	if missing, ok := errors.AsType[*scenario.MissingError](err); !ok || len(missing.Fields) != 2 || missing.Fields[0].Name != "area" || missing.Fields[1].Name != "level" {
		t.Errorf("nothing is given: %v", err)
	}
}

// TestWordsAreTaken holds that Italian and English words, capitals and accents are.
func TestWordsAreTaken(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	for _, in := range []scenario.Input{
		{Field: "area", Text: "  SAVONA ;vado  ligure, Comune di Quiliano"},
		{Field: "area", Text: "Villanova d’Albenga"}, {Field: "area", Text: "villanova d albenga"}, {Field: "area", Text: "Savona (SV)"},
		{Field: "area", Text: "009056"}, {Field: "area", Text: "zone B"}, {Field: "area", Text: "Provincia di Savona"}, {Field: "area", Text: "province"},
		{Field: "level", Text: "Giallo"}, {Field: "level", Text: "allerta arancione"}, {Field: "level", Text: "red"}, {Field: "level", Text: "ROSSO"},
		{Field: "phase", Text: "pre-alarm"}, {Field: "phase", Text: "Allarme"}, {Field: "cause", Text: "heavy rain"}, {Field: "cause", Text: "terreno fradicio"},
		{Field: "people", Text: "0120"}, {Field: "people", Text: "12,5"}, {Field: "road", Text: "Via Nazionale  Piemonte"}, {Field: "road", Text: ""},
	} {
		if err := s.Try(in, w); err != nil {
			t.Errorf("%s=%q: %v", in.Field, in.Text, err)
		}
	}
}

// TestPlacesInWords holds how places are told.
func TestPlacesInWords(t *testing.T) {
	t.Parallel()
	s, w := parsed(t, "frana"), world(t)
	for area, want := range map[string][2]string{
		"Savona":                  {"Allerta gialla per frane e allagamenti: Savona", "Allerta gialla per frane: Savona"},
		"Savona,Erli":             {"Allerta gialla per frane e allagamenti: Savona ed Erli", "Allerta gialla per frane: Savona e un altro comune"},
		"zona A, zona B, Osiglia": {"Allerta gialla per frane e allagamenti: zona A della provincia di Savona, zona B della provincia di Savona e Osiglia", "Allerta gialla per frane: zona A della provincia di Savona e altre 2 zone"},
		"provincia, Savona":       {"Allerta gialla per frane e allagamenti: Provincia di Savona", "Allerta gialla per frane: Provincia di Savona"},
	} {
		m, shorter := message(t, s, w, wording.Real, scenario.Input{Field: "area", Text: area}, scenario.Input{Field: "level", Text: "gialla"})
		got := m.Infos[0].Headline
		if all := shorter["it-IT"][got]; got != want[0] || len(all) != 1 || all[0] != want[1] {
			t.Errorf("%s: %q, shorter %q", area, got, all)
		}
	}
	m, _ := message(t, s, w, wording.Real, scenario.Input{Field: "area", Text: "provincia"}, scenario.Input{Field: "level", Text: "gialla"}, scenario.Input{Field: "road", Text: "SP 29"}, scenario.Input{Field: "people", Text: "1200"})
	for lang, want := range map[string]string{"it-IT": "in 69 comuni", "de-DE": "Die Straße SP 29 ist gesperrt; 1200 Personen"} {
		if got := m.Info(lang).Description; !strings.Contains(got, want) {
			t.Errorf("%s: %q does not say %q", lang, got, want)
		}
	}
}

// TestEveryNameIsFound asks the atlas for each of its names, and for their beginnings.
func TestEveryNameIsFound(t *testing.T) {
	t.Parallel()
	atlas := world(t).Atlas
	for _, lang := range []string{"it", "en"} {
		names := atlas.Names(lang)
		if len(names) != 69+3+1 {
			t.Errorf("%s: there are %d names", lang, len(names))
		}
		for _, name := range names {
			p, err := atlas.Find(name)
			if err != nil || p.Name(lang) != name {
				t.Errorf("%s: %v", name, err)
			}
			if got := atlas.Beginning(name[:3], lang); len(got) == 0 {
				t.Errorf("no name begins with %q", name[:3])
			}
		}
	}
	if got := fmt.Sprint(atlas.Beginning("lig", "it")); got != "[Calice Ligure Celle Ligure Finale Ligure Pietra Ligure Vado Ligure]" {
		t.Errorf("names with a word that begins with lig: %s", got)
	}
}
