package alert_test

import (
	"bytes"
	"encoding/csv"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
)

// A disagreement is one thing that one referee or Inspect says of a file, and the other
// does not. Docs/cap.md explains each.
type disagreement struct{ file, referee, says string }

// manifest returns the rows of the third-party messages: folder, file, version and what
// four referees say.
func manifest(t *testing.T) [][]string {
	t.Helper()
	rows := csv.NewReader(bytes.NewReader(readFile(t, filepath.Join(vectors(t), "cap", "MANIFEST.tsv"))))
	rows.Comma, rows.LazyQuotes, rows.FieldsPerRecord = '\t', true, -1
	table, err := rows.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(table[1:], func(row []string) bool { return row[0] == "feeds" })
}

// speclintRules has the names that the manifest's checker of the prose (column
// "speclint") uses, each with our rule and the end of the path.
func speclintRules() map[string]struct {
	rule alert.Rule
	path string
} {
	type rule = struct {
		rule alert.Rule
		path string
	}
	rules := map[string]rule{
		"language-absent(en-US)":         {alert.RuleLanguage, "language"},
		"identifier-empty":               {alert.RuleEmpty, "identifier"},
		"sender-empty":                   {alert.RuleEmpty, "sender"},
		"identifier-bad-char":            {alert.RuleIdentity, "identifier"},
		"exercise-without-note":          {alert.RuleNote, "note"},
		"restriction-but-not-restricted": {alert.RuleRestriction, "restriction"},
		"references-missing":             {alert.RuleNoReferences, "references"},
		"references-empty":               {alert.RuleEmpty, "references"},
		"references-self":                {alert.RuleCircularReference, "references"},
		"headline>160":                   {alert.RuleLength, "headline"},
		"area-no-geometry":               {alert.RuleArea, "area"},
		"resource-no-uri":                {alert.RuleNoURI, "resource"},
		"digest-mismatch":                {alert.RuleDigestMismatch, "digest"},
		"polygon-empty":                  {alert.RuleEmpty, "polygon"},
		"polygon-outer-space":            {alert.RuleSchemaValue, "polygon"},
		"parameter-value-empty":          {alert.RuleEmpty, "parameter/value"},
		"eventCode-value-empty":          {alert.RuleEmpty, "eventCode/value"},
	}
	for _, name := range []string{"event", "description", "instruction", "web", "contact"} {
		rules[name+"-empty"] = rule{alert.RuleEmpty, name}
	}
	for _, name := range []string{"sent", "effective", "onset", "expires"} {
		rules[name+"-plus0000"] = rule{alert.RuleUTCOffset, name}
		rules[name+"-format"] = rule{alert.RuleTime, name}
	}
	return rules
}

var counted = regexp.MustCompile(`\[[0-9]+\]`)

// compareSpeclint returns what only one of speclint and Inspect says.
func compareSpeclint(file, column string, found alert.Findings) (differ []disagreement) {
	theirs := strings.Fields(column)
	if slices.Contains(theirs, "not-parseable") {
		return nil // what can't be read is for xmllint's column
	}
	for name, want := range speclintRules() {
		ours := slices.ContainsFunc(found, func(f alert.Finding) bool {
			return (f.Rule == want.rule || want.rule == alert.RuleEmpty && f.Rule == alert.RuleMissing) &&
				(want.rule != alert.RuleLanguage || f.Severity == alert.LevelWarning) && strings.HasSuffix(counted.ReplaceAllString(f.Path, ""), "/"+want.path)
		})
		switch {
		case slices.Contains(theirs, name) && !ours:
			differ = append(differ, disagreement{file, "speclint", name})
		case !slices.Contains(theirs, name) && ours:
			differ = append(differ, disagreement{file, "Tocsin, not speclint", name})
		}
	}
	for _, name := range theirs {
		if _, ok := speclintRules()[name]; !ok {
			differ = append(differ, disagreement{file, "speclint", name})
		}
	}
	return differ
}

// compareGoogle returns what only one of Google's CapValidator and Inspect says. Its
// rules beyond the standard are named in the column only where it ran them, so that
// those of ours that are recommendations to it are left aside.
func compareGoogle(file, column string, found alert.Findings) (differ []disagreement) {
	ours, theirs := map[string]bool{}, map[string]bool{}
	for _, f := range found {
		name, basis := f.Rule.Info().Google, f.Rule.Info().Basis
		if name == "" || basis == alert.BasisGoogle && f.Rule != alert.RulePolygonCrossing && f.Rule != alert.RuleSameText ||
			slices.Contains([]alert.Rule{alert.RuleLanguage, alert.RuleLength, alert.RuleTime}, f.Rule) && f.Severity != alert.LevelError {
			continue
		}
		if name == "OTHER" && f.Severity != alert.LevelError {
			continue
		}
		ours[name] = true
	}
	for _, one := range strings.Fields(column) {
		name, _, _ := strings.Cut(one, "@")
		switch {
		case name == "OK":
		case strings.HasPrefix(column, "EXC "):
			theirs["OTHER"] = true // it could not read the file at all
		default:
			theirs[name] = true
		}
	}
	for name := range theirs {
		if !ours[name] {
			differ = append(differ, disagreement{file, "Google", name})
		}
	}
	for name := range ours {
		if !theirs[name] {
			differ = append(differ, disagreement{file, "Tocsin, not Google", name})
		}
	}
	return differ
}

// explained returns the disagreements that docs/cap.md explains.
func explained(t *testing.T) (all []disagreement) {
	t.Helper()
	_, table, found := strings.Cut(string(readFile(t, "../../docs/cap.md")), "\n| file | who says it | what | why |\n|---|---|---|---|\n")
	if !found {
		t.Fatal("docs/cap.md has no table of disagreements")
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		if len(cells) != 4 {
			break
		}
		for what := range strings.SplitSeq(cells[2], ", ") {
			all = append(all, disagreement{strings.Trim(cells[0], "`"), cells[1], strings.Trim(what, "`")})
		}
	}
	return all
}

// TestManifest holds CheckSchema, Import and Inspect against the four referees of the
// manifest, on every message in it. What they differ in is exactly what docs/cap.md
// explains: no more, and no less.
func TestManifest(t *testing.T) {
	t.Parallel()
	rows := manifest(t)
	if len(rows) < 60 {
		t.Fatalf("the manifest has %d messages, want at least 60", len(rows))
	}
	var differ []disagreement
	for _, row := range rows {
		folder, file, version, verdict, speclint, xmlsec, google := row[0], row[1], row[2], row[3], row[10], row[11], row[12]
		raw := readFile(t, filepath.Join(vectors(t), "cap", folder, file))
		found, broken := alert.CheckSchema(raw)
		if got, want := len(broken) == 0 && string(found) == version, verdict == "xsd-valid"; got != want {
			differ = append(differ, disagreement{file, "xmllint", verdict})
		}
		m, findings := alert.Inspect(raw)
		for _, f := range findings {
			if f.Message == "" || f.Advice == "" && f.Severity == alert.LevelError || f.Rule.Info().Rule != f.Rule || f.Path == "" && f.Line == 0 {
				t.Errorf("%s: a finding without words, rule or place: %+v", file, f)
			}
		}
		if _, _, err := alert.Import(raw); err == nil && m == nil {
			t.Errorf("%s: Import reads it, and Inspect does not", file)
		}
		differ = append(differ, compareSpeclint(file, speclint, findings)...)
		differ = append(differ, compareGoogle(file, google, findings)...)
		signed := slices.ContainsFunc(findings, func(f alert.Finding) bool { return f.Rule == alert.RuleSignature })
		if signed != (xmlsec != "") {
			differ = append(differ, disagreement{file, "xmlsec1", strings.Fields(xmlsec + " unsigned")[0]})
		}
	}
	known := explained(t)
	for _, d := range differ {
		if !slices.Contains(known, d) {
			t.Errorf("docs/cap.md does not explain: | `%s` | %s | `%s` |", d.file, d.referee, d.says)
		}
	}
	for _, d := range known {
		if !slices.Contains(differ, d) {
			t.Errorf("docs/cap.md explains a disagreement that there is not: %+v", d)
		}
	}
}

// TestRulesAreDocumented holds the table of rules in docs/cap.md against the code.
func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	var written []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| ([a-z]+) \\| ([a-z]+) \\| (`[A-Z_]+`|–) \\| ").FindAllStringSubmatch(string(readFile(t, "../../docs/cap.md")), -1) {
		written = append(written, strings.Join(row[1:], " "))
	}
	var rules []string
	for _, info := range alert.Rules() {
		google := "–"
		if info.Google != "" {
			google = "`" + info.Google + "`"
		}
		rules = append(rules, strings.Join([]string{string(info.Rule), string(info.Basis), info.Severity.String(), google}, " "))
	}
	if !slices.Equal(written, rules) {
		t.Errorf("the table of rules in docs/cap.md: got\n%s\nwant\n%s", strings.Join(written, "\n"), strings.Join(rules, "\n"))
	}
}

// xmlsec1 returns the path of the command that verifies XML signatures.
func xmlsec1(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("xmlsec1")
	if err != nil {
		needed(t, "xmlsec1")
	}
	return path
}
