package bulletin

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// This file reads what a bulletin says of the scenario that its message was made of, so
// that what follows it begins from the same values and not from a blank form.

const (
	maxFormFields = 20      // of a scenario
	maxFormBytes  = 8 << 10 // of all values
	maxVersion    = 1_000_000
)

// A Form names the scenario of which a message was made, and the values of its fields.
// Nothing is published from it: the message and the posts say all that the public is told.
type Form struct {
	Scenario string // "idrogeologico"
	Version  int    // of the scenario
	SHA256   string // of the scenario's file, in lower-case hexadecimal
	Values   []FormValue
}

// A FormValue is the value of one field, as a person would write it at any later time: days
// and offsets are in it.
type FormValue struct{ Field, Text string }

var formName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

func (f *Form) write(w *bytes.Buffer, field func(name, value string)) {
	w.WriteString(sectionMark + "scenario\n")
	field("name", f.Scenario)
	field("version", strconv.Itoa(f.Version))
	field("sha256", f.SHA256)
	lines := make([]string, len(f.Values))
	for i, v := range f.Values {
		lines[i] = v.Field + "=" + v.Text
	}
	writeBody(w, []byte(strings.Join(lines, "\n")))
}

// form takes the section scenario.
func (p *parser) form(b *Bulletin) error {
	f, err := p.fields("name", "version", "sha256", "bytes")
	if err != nil {
		return err
	}
	form := &Form{Scenario: f["name"], SHA256: f["sha256"]}
	form.Version, err = strconv.Atoi(f["version"])
	switch {
	case b.Kind != "":
		return p.fail("what is prepared inside a bulletin was made of that one, and of no scenario")
	case !formName.MatchString(form.Scenario):
		return p.fail("name is %q, which is no name of a scenario", f["name"])
	case err != nil || form.Version < 1 || form.Version > maxVersion || strconv.Itoa(form.Version) != f["version"]:
		return p.fail("version is %q, it must be a number from 1 to %d", f["version"], maxVersion)
	case !digestForm.MatchString(form.SHA256):
		return p.fail("sha256 is not a SHA-256 in lower-case hexadecimal")
	}
	begin := p.line
	body, err := p.body(f["bytes"], maxFormBytes)
	if err != nil {
		return err
	}
	end := p.line
	p.line = begin
	seen := map[string]bool{}
	for line := range strings.SplitSeq(string(body), "\n") {
		name, text, ok := strings.Cut(line, "=")
		switch {
		case !ok || !formName.MatchString(name) || text == "" || text != strings.TrimSpace(text):
			return p.fail("%q is not FIELD=VALUE", abbreviated(line))
		case seen[name]:
			return p.fail("field %q stands twice", name)
		case len(seen) == maxFormFields:
			return p.fail("a scenario has at most %d fields", maxFormFields)
		}
		seen[name] = true
		form.Values = append(form.Values, FormValue{name, text})
		p.line++
	}
	p.line = end
	b.Form = form
	return nil
}
