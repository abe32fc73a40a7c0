// Package scenario turns a prepared form for one hazard, and what an officer fills in,
// into a CAP message in every language of the form.
//
// A scenario is a file that a communications office writes without a programmer
// (docs/scenarios.md): fields, values of CAP, and the public texts with their shorter
// variants. [Parse] reads one strictly and holds it against the rules of the format;
// every finding names file, line, column and what to do. [Scenario.Fill] reads the
// values of fields, and [Scenario.Message] puts the message together. The same file,
// values and [Frame] give the same bytes.
//
// The package composes no posts: package compose does, and takes the author's shorter
// variants ([Wordings]) beside the message. It knows no file system but what it is
// given, no clock and no chance.
package scenario
