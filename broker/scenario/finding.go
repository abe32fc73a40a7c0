package scenario

import (
	"fmt"
	"strings"

	"tocsin/broker/alert"
)

// A Rule names what a [Finding] is about.
type Rule string

// The rules for scenario files.
const (
	RuleSyntax      Rule = "syntax"      // it is no YAML, or YAML that the format does not take
	RuleCharacter   Rule = "character"   // not UTF-8 in the form NFC, or nobody sees it
	RuleSize        Rule = "size"        // larger than a scenario may be
	RuleKey         Rule = "key"         // a key that is not known, or stands twice
	RuleMissing     Rule = "missing"     // a key that must be there
	RuleValue       Rule = "value"       // a value that its key does not take
	RuleName        Rule = "name"        // the name of the scenario, a field or a choice
	RulePlaceholder Rule = "placeholder" // a placeholder that no field has
	RuleUnused      Rule = "unused"      // a field that no text names
	RuleLanguage    Rule = "language"    // a language lacks what another one has
	RuleWording     Rule = "wording"     // a text is not as public texts are
	RuleExample     Rule = "example"     // example or longest can't be filled in
	RuleFit         Rule = "fit"         // the texts have no room on a channel
)

// A Finding is one thing in a scenario file that is to be corrected.
type Finding struct {
	Severity alert.Level
	Rule     Rule
	File     string
	Line     int // from 1; 0 where it is about the whole file
	Column   int // in characters, from 1
	Message  string
	Advice   string
}

// String returns place, message and advice in one line: "neve.yaml:12:5: …; …".
func (f Finding) String() string {
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	}
	if f.Advice == "" {
		return place + ": " + f.Message
	}
	return fmt.Sprintf("%s: %s; %s", place, f.Message, f.Advice)
}

// Findings are what was found in a file, in the order of its lines. As an error, they
// are those of [alert.LevelError].
type Findings []Finding

// Error returns the first three errors, and how many more there are.
func (fs Findings) Error() string {
	const shown = 3
	var parts []string
	for _, f := range fs.errors() {
		parts = append(parts, f.String())
	}
	if more := len(parts) - shown; more > 0 {
		parts = append(parts[:shown], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, " | ")
}

func (fs Findings) errors() Findings {
	var out Findings
	for _, f := range fs {
		if f.Severity == alert.LevelError {
			out = append(out, f)
		}
	}
	return out
}

// Err returns fs as an error where one of them is, else nil.
func (fs Findings) Err() error {
	if len(fs.errors()) == 0 {
		return nil
	}
	return fs
}
