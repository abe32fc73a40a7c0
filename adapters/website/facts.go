package website

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"time"
)

// capSpace is the namespace of CAP 1.2; an element of any other is not looked at.
const capSpace = "urn:oasis:names:tc:emergency:cap:1.2"

// maxGeocodes bounds the geocodes that are repeated in the feed.
const maxGeocodes = 200

// facts are what the site repeats of a CAP document and a Notice does not hold.
// Each may be missing.
type facts struct {
	scope     string
	effective time.Time
	onset     time.Time
	colour    string // the parameter livello_allerta: verde, gialla, arancione, rossa
	awareness string // the parameter awareness_level of MeteoAlarm: "3; orange; Severe"
	allClear  bool   // a responseType is AllClear
	declared  string // the parameter atto: what an update changes
	geocodes  []pair
}

type pair struct{ name, value string }

// readFacts reads the facts of the first info block of a CAP 1.2 document. It is
// not a check of the document, which was made before it was signed: where it
// cannot read on, it returns what it has read so far.
func readFacts(document []byte) facts {
	var (
		f    facts
		path []string
		text strings.Builder
		last pair // the value pair that is being read
	)
	infos := 0
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := d.Token()
		if err != nil {
			return f
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if t.Name.Space != capSpace {
				name = "?" // matches no path
			}
			path = append(path, name)
			text.Reset()
			if slices.Equal(path, []string{"alert", "info"}) {
				infos++
			}
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if infos <= 1 {
				f.note(strings.Join(path, "/"), strings.TrimSpace(text.String()), &last)
			}
			path = path[:len(path)-1]
			text.Reset()
		}
	}
}

// note keeps value if it stands at a path that matters.
func (f *facts) note(path, value string, last *pair) {
	switch path {
	case "alert/scope":
		f.scope = value
	case "alert/info/effective":
		f.effective = capTime(value)
	case "alert/info/onset":
		f.onset = capTime(value)
	case "alert/info/responseType":
		f.allClear = f.allClear || value == "AllClear"
	case "alert/info/parameter/valueName", "alert/info/area/geocode/valueName":
		last.name = value
	case "alert/info/parameter/value", "alert/info/area/geocode/value":
		last.value = value
	case "alert/info/parameter":
		switch last.name {
		case "livello_allerta":
			f.colour = last.value
		case "awareness_level":
			f.awareness = last.value
		case "atto":
			f.declared = last.value
		}
		*last = pair{}
	case "alert/info/area/geocode":
		if len(f.geocodes) < maxGeocodes && last.name != "" && !slices.Contains(f.geocodes, *last) {
			f.geocodes = append(f.geocodes, *last)
		}
		*last = pair{}
	}
}

// capTime reads a CAP time; the zero time where it is none.
func capTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
