package scenario_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// parsed returns the scenario of a file in testdata, which has nothing against it.
func parsed(tb testing.TB, name string) *scenario.Scenario {
	tb.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	s, found := scenario.Parse(name+".yaml", src)
	for _, f := range found {
		tb.Error(f)
	}
	if s == nil {
		tb.FailNow()
	}
	return s
}

func rome(tb testing.TB) *time.Location {
	tb.Helper()
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		tb.Fatal(err)
	}
	return zone
}

// world is Savona on 14 March 2026 at 14:30.
func world(tb testing.TB) scenario.World {
	tb.Helper()
	atlas, err := scenario.Savona()
	if err != nil {
		tb.Fatal(err)
	}
	zone := rome(tb)
	return scenario.World{Atlas: atlas, Now: time.Date(2026, time.March, 14, 14, 30, 15, 0, zone), Location: zone}
}

func frame(w scenario.World, d wording.Drill) scenario.Frame {
	return scenario.Frame{
		Identifier: "IT-SV-0001", Sender: "allerte@protezionecivile.savona.example", Office: "Provincia di Savona – Protezione civile",
		Sent: w.Now, Location: w.Location, Drill: d,
	}
}

// message returns a message that can be written.
func message(tb testing.TB, s *scenario.Scenario, w scenario.World, d wording.Drill, inputs ...scenario.Input) (*alert.Message, scenario.Wordings) {
	tb.Helper()
	v, err := s.Fill(inputs, w)
	if err != nil {
		tb.Fatal(err)
	}
	m, shorter := s.Message(v, frame(w, d))
	raw, err := m.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	if m, err = alert.Read(raw); err != nil {
		tb.Fatal(err)
	}
	return m, shorter
}
