package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
)

// A Shelf is a folder with scenario files.
type Shelf struct {
	Dir string // as people know it, for messages; "" for those that come with Tocsin
	FS  fs.FS
}

// A Library holds the scenarios of an office: where two shelves have a scenario of one
// name, that of the first counts.
type Library struct{ Shelves []Shelf }

// Names returns the names of all scenarios, in the order of the alphabet.
func (l Library) Names() ([]string, error) {
	var out []string
	for _, s := range l.Shelves {
		files, err := fs.Glob(s.FS, "*.yaml")
		if err != nil {
			return nil, fmt.Errorf("look for scenarios in %s: %w", s.Dir, err)
		}
		for _, f := range files {
			if name := strings.TrimSuffix(f, ".yaml"); nameForm.MatchString(name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Open reads the scenario with a name. The error is [Findings] where its file breaks a
// rule; where there is no such scenario it names those that are nearest.
func (l Library) Open(name string) (*Scenario, error) {
	s, found, err := l.Check(name)
	if err == nil {
		err = found.Err()
	}
	return s, err
}

// Check reads the scenario with a name, and returns all that was found in its file.
func (l Library) Check(name string) (*Scenario, Findings, error) {
	for _, shelf := range l.Shelves {
		if !nameForm.MatchString(name) {
			break
		}
		file := name + ".yaml"
		info, err := fs.Stat(shelf.FS, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, nil, fmt.Errorf("read the scenario %s: %w", name, err)
		}
		shown := path.Join(shelf.Dir, file)
		if info.Size() > MaxBytes {
			return nil, Findings{{Severity: alert.LevelError, Rule: RuleSize, File: shown, Message: fmt.Sprintf("it has more than %d bytes", MaxBytes), Advice: "divide it into two scenarios"}}, nil
		}
		src, err := fs.ReadFile(shelf.FS, file)
		if err != nil {
			return nil, nil, fmt.Errorf("read the scenario %s: %w", name, err)
		}
		s, found := Parse(shown, src)
		return s, found, nil
	}
	names, err := l.Names()
	switch near := nearest(name, names, 3); {
	case err != nil:
		return nil, nil, err
	case len(near) > 0:
		return nil, nil, fmt.Errorf("there is no scenario %q: did you mean %s?", shortened(name), strings.Join(near, ", "))
	}
	return nil, nil, fmt.Errorf("there is no scenario %q: see tocsin scenario list", shortened(name))
}

var dayForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}`)

// Sample fills a scenario with its own values ([Scenario.Example], [Scenario.Longest]),
// as on the day that they begin with, and returns the moment of that.
func (s *Scenario) Sample(inputs []Input, a *Atlas, zone *time.Location) (*Values, time.Time, error) {
	now := time.Date(2026, time.March, 14, 12, 0, 0, 0, zone)
	for _, in := range inputs {
		if f := s.field(in.Field); f == nil || f.Type != TypePeriod {
			continue
		}
		if day, err := time.ParseInLocation(time.DateOnly, dayForm.FindString(in.Text), zone); err == nil {
			now = day
		}
	}
	v, err := s.Fill(inputs, World{Atlas: a, Now: now, Location: zone})
	return v, now, err
}
