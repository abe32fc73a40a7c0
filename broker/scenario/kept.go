package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
)

// This file is about an alert that goes on: the values that it was made of are read once
// more, and some of them changed.

// Inputs returns the values as texts that mean the same at any later time: days and offsets
// are in them. Fields without a value are left out.
func (v *Values) Inputs() []Input {
	var out []Input
	for i := range v.s.Fields {
		f := &v.s.Fields[i]
		if text := v.all[f.Name].written(); text != "" {
			out = append(out, Input{f.Name, text})
		}
	}
	return out
}

// keptForm is how the ends of a period are written.
const keptForm = "2006-01-02 15:04-07:00"

func (v value) written() string {
	switch {
	case len(v.places) > 0:
		var names []string
		for _, p := range v.places {
			name := p.Code // of a zone: its name is long, and has commas
			if p.Kind != Zone {
				name = p.Name("it")
			}
			names = append(names, name)
		}
		return strings.Join(names, ", ")
	case !v.to.IsZero():
		return v.from.Format(keptForm) + "/" + v.to.Format(keptForm)
	case v.choice != nil:
		return v.choice.Key
	}
	return v.text
}

// Changed returns inputs with those of others in the place of values of the same field.
func Changed(inputs, others []Input) []Input {
	out := slices.Clone(inputs)
	for _, in := range others {
		at := slices.IndexFunc(out, func(have Input) bool { return have.Field == in.Field })
		if at < 0 {
			out = append(out, in)
		} else {
			out[at] = in
		}
	}
	return out
}

// PeriodField returns the name of the field that says from when to when.
func (s *Scenario) PeriodField() string { return s.fieldOf(TypePeriod).Name }

// Ends returns when the period ends.
func (v *Values) Ends() time.Time { return v.all[v.s.fieldOf(TypePeriod).Name].to }

// Lasting returns the text of a period that begins as v does and ends at another time.
func (v *Values) Lasting(until time.Time) string {
	return value{from: v.all[v.s.fieldOf(TypePeriod).Name].from, to: until}.written()
}

// Until reads a later end of a period that ends at a time: "18:00" is the first such time
// after it, "+6h" is so much later.
func (w World) Until(text string, ends time.Time) (time.Time, error) {
	until, err := w.moment(text, w.Now.In(w.Location).Truncate(time.Minute), ends.In(w.Location), true)
	if err != nil {
		return until, err
	}
	if !until.After(ends) {
		const form = "15:04 02-01-2006"
		return until, fmt.Errorf("the end %s is not after the one in force, %s: write a later one, with its day; to end it earlier use tocsin update", until.In(w.Location).Format(form), ends.In(w.Location).Format(form))
	}
	return until, nil
}

// HasAllClear reports whether the scenario says itself how it ends.
func (s *Scenario) HasAllClear() bool { return len(s.allClear) > 0 }

// Ending returns the values by which s, a scenario that ends alerts, ends the one that v and
// a message of it tell of: the same areas, and the choice whose event code is that of the
// message. What it can't know is left out.
func (s *Scenario) Ending(v *Values, eventCode string) []Input {
	out := []Input{{s.fieldOf(TypeArea).Name, value{places: v.places()}.written()}}
	for i := range s.Fields {
		for j := range s.Fields[i].Choices {
			if c := &s.Fields[i].Choices[j]; c.cap != nil && c.cap.eventCode == eventCode && eventCode != "" {
				out = append(out, Input{s.Fields[i].Name, c.Key})
				break
			}
		}
	}
	return out
}

// EventCode returns the code of the event in a message that a scenario made, "" where it
// has none.
func EventCode(m *alert.Message) string {
	for i := range m.Infos {
		for _, c := range m.Infos[i].EventCodes {
			if c.Name == "RISCHIO" {
				return c.Value
			}
		}
	}
	return ""
}
