package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tocsin/broker/alert"
)

// A World is what the values of fields are read against.
type World struct {
	Atlas *Atlas
	// Now is the moment in which the fields are filled in.
	Now time.Time
	// Location is where the clocks are that people mean.
	Location *time.Location
}

// A FieldError says what is wrong with the value of a field, and what is allowed.
type FieldError struct {
	Field string // "" where it is about no field of the scenario
	Err   error
}

// Error names the field.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// A MissingError names the fields that nobody filled in.
type MissingError struct{ Fields []Field }

// Error names them.
func (e *MissingError) Error() string {
	var names []string
	for _, f := range e.Fields {
		names = append(names, f.Name)
	}
	return "the fields that are missing: " + strings.Join(names, ", ")
}

// Values are the values of all fields of one scenario.
type Values struct {
	s   *Scenario
	all map[string]value
}

// A value is that of one field; which part of it is set, its type says.
type value struct {
	places   []*Place
	from, to time.Time
	choice   *Choice
	text     string // of a place as written, of a number its digits
}

// Fill reads the values of fields. Defaults stand for what is not given. The error
// joins a [FieldError] for each value that can't be taken; where there is none, it is a
// [MissingError] if fields are missing.
func (s *Scenario) Fill(inputs []Input, w World) (*Values, error) {
	v := &Values{s: s, all: map[string]value{}}
	var errs []error
	given := map[string]bool{}
	for _, in := range inputs {
		f := s.field(in.Field)
		switch {
		case f == nil:
			errs = append(errs, &FieldError{"", s.unknown(in.Field)})
			continue
		case given[f.Name]:
			errs = append(errs, &FieldError{f.Name, errors.New("the field is given twice: keep one value")})
		}
		given[f.Name] = true
		if err := v.set(f, in.Text, w); err != nil {
			errs = append(errs, err)
		}
	}
	missing := &MissingError{}
	for i := range s.Fields {
		f := &s.Fields[i]
		switch {
		case given[f.Name]:
		case f.Default != "":
			if err := v.set(f, f.Default, w); err != nil {
				errs = append(errs, err)
			}
		case !f.Optional:
			missing.Fields = append(missing.Fields, *f)
		}
	}
	if len(errs) == 0 && len(missing.Fields) > 0 {
		errs = append(errs, missing)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return v, nil
}

func (s *Scenario) unknown(name string) error {
	var names []string
	for i := range s.Fields {
		names = append(names, s.Fields[i].Name)
	}
	if near := nearest(name, names, 1); len(near) > 0 {
		return fmt.Errorf("the scenario has no field %q: did you mean %s?", shortened(name), near[0])
	}
	return fmt.Errorf("the scenario has no field %q: its fields are %s", shortened(name), strings.Join(names, ", "))
}

// Try reads one value of a field, as [Scenario.Fill] would.
func (s *Scenario) Try(in Input, w World) error {
	f := s.field(in.Field)
	if f == nil {
		return &FieldError{"", s.unknown(in.Field)}
	}
	return (&Values{s: s, all: map[string]value{}}).set(f, in.Text, w)
}

// maxInput is the most bytes of a value: eighty municipalities.
const maxInput = 2000

// set reads the value of a field. An empty text is none.
func (v *Values) set(f *Field, text string, w World) error {
	text = strings.Join(strings.Fields(norm.NFC.String(text)), " ")
	var read value
	var err error
	switch {
	case text == "" && f.Optional:
		return nil
	case text == "":
		err = errors.New("the value is empty")
	case len(text) > maxInput:
		err = fmt.Errorf("the value has more than %d bytes", maxInput)
	default:
		read, err = f.read(text, w)
	}
	if err != nil {
		return &FieldError{f.Name, err}
	}
	v.all[f.Name] = read
	return nil
}

func (f *Field) read(text string, w World) (value, error) {
	switch f.Type {
	case TypeArea:
		found, err := w.areas(text)
		return value{places: found}, err
	case TypePeriod:
		from, to, err := f.period(text, w)
		return value{from: from, to: to}, err
	case TypeLevel, TypePhase, TypeChoice:
		c, err := f.choice(text)
		return value{choice: c}, err
	case TypePlace:
		t, err := f.placeName(text)
		return value{text: t}, err
	case TypeNumber:
		t, err := f.number(text)
		return value{text: t}, err
	}
	return value{}, fmt.Errorf("fields of type %q are not known", f.Type)
}

// areas reads names with commas or semicolons between them. What another one holds
// already is not told twice.
func (w World) areas(text string) ([]*Place, error) {
	var found []*Place
	var errs []error
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' }) {
		if strings.TrimSpace(name) == "" {
			continue
		}
		p, err := w.Atlas.Find(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, p)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var out []*Place
	for i, p := range found {
		held := slices.ContainsFunc(found, func(q *Place) bool { return q.Kind > p.Kind && len(p.Codes) > 0 && holdsAll(q.Codes, p.Codes) })
		if !held && slices.Index(found, p) == i {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no place is named: write municipalities with commas between them, zona A, or provincia")
	}
	return out, nil
}

func holdsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// choice reads a key, or its words in Italian or English.
func (f *Field) choice(text string) (*Choice, error) {
	want := folded(text)
	var names []string
	for i := range f.Choices {
		c := &f.Choices[i]
		for _, name := range f.spellings(c) {
			if folded(name) == want {
				return c, nil
			}
		}
		names = append(names, c.Key)
	}
	if near := nearest(text, names, 1); len(near) > 0 {
		return nil, fmt.Errorf("%q is no choice: did you mean %s? The choices are %s", shortened(text), near[0], strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("%q is no choice: the choices are %s", shortened(text), strings.Join(names, ", "))
}

// spellings returns how people write a choice.
func (f *Field) spellings(c *Choice) []string {
	out := []string{c.Key, c.Words["it"], c.Words["en"]}
	if f.Type == TypeLevel {
		masculine := map[string]string{"gialla": "giallo", "rossa": "rosso"}
		out = append(out, masculine[c.Key])
		for _, s := range slices.Clone(out) {
			if s != "" {
				out = append(out, "allerta "+s)
			}
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func (f *Field) placeName(text string) (string, error) {
	if n := utf8.RuneCountInString(text); n > int(f.Most) {
		return "", fmt.Errorf("the name has %d characters, and %d are the most", n, int(f.Most))
	}
	for i, r := range text {
		if name := alert.Hidden(text, i); name != "" {
			return "", fmt.Errorf("there is %s (U+%04X): delete it", name, r)
		}
	}
	if strings.ContainsAny(text, "<>@#!{}") || strings.Contains(text, "://") || strings.Contains(text, "www.") {
		return "", errors.New("a name holds no address and none of < > @ # { } or an exclamation mark: write it as it stands on signs and maps")
	}
	return text, nil
}

var numberForm = regexp.MustCompile(`^\d{1,10}(?:[.,]\d{1,2})?$`)

// number reads digits, with a comma or a point before decimals, and returns them with
// a point.
func (f *Field) number(text string) (string, error) {
	asked := func() error {
		return fmt.Errorf("%q is no number from %s to %s: write digits alone", shortened(text), digits(f.Least), digits(f.Most))
	}
	if !numberForm.MatchString(text) {
		return "", asked()
	}
	whole, fraction, broken := strings.Cut(strings.ReplaceAll(text, ",", "."), ".")
	if broken && len(fraction) > 2 {
		return "", asked()
	}
	plain := whole
	if broken {
		plain += "." + fraction
	}
	n, err := strconv.ParseFloat(plain, 64)
	if err != nil || n < f.Least || n > f.Most {
		return "", asked()
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if broken {
		whole += "." + fraction
	}
	return whole, nil
}

func digits(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
