// Package scenarios holds the prepared scenarios that come with Tocsin, one YAML
// file for each hazard: fields, CAP values, and the texts in Italian, English,
// German and French, which people have looked at before the night on which they are
// needed. Beside them stand two whole messages as CAP 1.2 documents, an exercise and
// a draft to fill in. Each file is commented for whoever opens it. The package holds
// files only; it reads neither form and fills nothing in.
//
// The polygons of the messages come from the boundaries of municipalities that ISTAT publishes
// (June 2023), as prepared by openpolis (geojson-italy), licence CC-BY; they
// were simplified to at most 40 points of four decimals. README.md beside the
// files says so to those who take them.
package scenarios

import (
	"bytes"
	"embed"
)

// FS holds the scenarios, one file "NAME.yaml" each, the messages, "NAME.cap.xml",
// and the README with their attribution. Nothing writes to it.
//
//go:embed *.yaml *.cap.xml README.md
var FS embed.FS

//go:embed savona-esercitazione.cap.xml
var demo []byte

//go:embed allerta-da-compilare.cap.xml
var draft []byte

// Draft returns a copy of the draft of a real alert. It is no message yet: its
// fields stand in square brackets, and nothing takes it before a person has filled
// in all of them.
func Draft() []byte { return bytes.Clone(draft) }

// Demo returns a copy of the scenario of the demonstration: an exercise alert
// for the coast of Savona (hydrogeological risk, orange, it-IT and en-US). The
// identifier and the times in it are examples: whoever issues it gives it its
// own.
func Demo() []byte { return bytes.Clone(demo) }
