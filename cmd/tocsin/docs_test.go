package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func readManual(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestManualNamesMessagesAsTheScreenDoes holds the table of messages in
// docs/operations.md against what the screen says, in both languages, and what it
// takes from the log against that.
func TestManualNamesMessagesAsTheScreenDoes(t *testing.T) {
	t.Parallel()
	known := map[string]string{}
	for _, ph := range parsePhrases(phrasesText) {
		english := ph.code
		if ph.english != "" {
			english = ph.english
		}
		known["english"] += verb.ReplaceAllString(english, "…") + "\n"
		known["italian"] += verb.ReplaceAllString(ph.italian, "…") + "\n"
	}
	_, table, found := strings.Cut(readManual(t, "docs/operations.md"), "\n| message, in part | on the Italian screen | what to do |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/operations.md has no table of messages")
	}
	rows, logged := 0, logTexts(t)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 {
			break
		}
		rows++
		for column, lang := range map[int]string{0: "english", 1: "italian"} {
			for _, message := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[column], -1) {
				parts := regexp.MustCompile(`…(?::[0-9]+)?|\b[NM]\b|"[^"]*"|0644|: `).Split(message[1], -1)
				from := known[lang]
				if strings.HasSuffix(cells[column], "(log)") {
					from = logged
				}
				for _, part := range parts {
					if part = strings.TrimSpace(part); strings.Count(part, " ") > 0 && !strings.Contains(from, part) {
						t.Errorf("docs/operations.md: no message says %q (%s)", part, lang)
					}
				}
			}
		}
	}
	if rows < 20 {
		t.Errorf("the table has %d rows: the search misses most of it", rows)
	}
}

// logTexts returns what the commands and the deliveries write to the log.
func logTexts(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files := token.NewFileSet()
	for _, pattern := range []string{"*.go", "../../broker/delivery/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok && strings.HasSuffix(called(c), "Context") && len(c.Args) > 1 {
					text, _ := literal(c.Args[1])
					all.WriteString(text + "\n")
				}
				return true
			})
		}
	}
	return all.String()
}

// configKeys returns the keys of a configuration as the manual writes them:
// "node", "issuer.office", "channels[].name". A credential is one key.
func configKeys(of reflect.Type, prefix string) (keys []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		key := prefix + name
		inner, isList := f.Type, f.Type.Kind() == reflect.Slice
		if isList {
			inner = f.Type.Elem()
		}
		switch {
		case inner.Kind() != reflect.Struct || inner == reflect.TypeFor[secret]():
			keys = append(keys, key)
		case isList:
			keys = append(keys, configKeys(inner, key+"[].")...)
		default:
			keys = append(keys, configKeys(inner, key+".")...)
		}
	}
	return keys
}

// TestManualHasEveryKey holds the lists of keys in docs/operations.md against the
// configuration.
func TestManualHasEveryKey(t *testing.T) {
	t.Parallel()
	_, text, found := strings.Cut(readManual(t, "docs/operations.md"), "\n## Configuration\n")
	text, _, ends := strings.Cut(text, "\n## ")
	if !found || !ends {
		t.Fatal("docs/operations.md has no section Configuration")
	}
	var manual []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		manual = append(manual, row[1])
	}
	code := slices.Concat(configKeys(reflect.TypeFor[config](), ""), configKeys(reflect.TypeFor[secret](), ""))
	if len(code) < 30 {
		t.Fatalf("the configuration has the keys %v: this test no longer finds them", code)
	}
	for _, key := range code {
		if !slices.Contains(manual, key) {
			t.Errorf("docs/operations.md lacks the key %s", key)
		}
	}
	for _, key := range manual {
		if !slices.Contains(code, key) {
			t.Errorf("docs/operations.md has the key %s, the configuration has not", key)
		}
	}
}

// TestManualHasEveryCommand looks in the README for every command that the program
// shows.
func TestManualHasEveryCommand(t *testing.T) {
	t.Parallel()
	text := readManual(t, "README.md")
	p := &program{getenv: func(string) string { return "" }, lang: "en"}
	for _, c := range p.root().Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if !regexp.MustCompile(`tocsin ` + regexp.QuoteMeta(c.Name()) + `\b`).MatchString(text) {
			t.Errorf("README.md does not mention tocsin %s", c.Name())
		}
	}
}

// TestManualHasEveryFile looks for the files of the state folder in the manual.
func TestManualHasEveryFile(t *testing.T) {
	t.Parallel()
	text := readManual(t, "docs/operations.md")
	for _, name := range []string{nodeFile, keysCopy + "/"} {
		if !strings.Contains(text, "\n| `"+name+"` |") {
			t.Errorf("docs/operations.md does not list the file %s", name)
		}
	}
}

// TestEveryCommandHasJSON holds what the README says of --json.
func TestEveryCommandHasJSON(t *testing.T) {
	t.Parallel()
	p := &program{getenv: func(string) string { return "" }, lang: "en"}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		// What is for the shell, and what runs until it is ended, report nothing.
		if c.HasSubCommands() || c.Hidden || c.Name() == "help" || c.Name() == "serve" || c.HasParent() && c.Parent().Name() == "completion" {
			return
		}
		if c.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
	}
	walk(p.root())
}

// TestHelpPutsEveryWordIntoItalian looks for words in capitals that the Italian help would
// show in English: those for what a person gives, in each command and option.
func TestHelpPutsEveryWordIntoItalian(t *testing.T) {
	t.Parallel()
	p := &program{getenv: func(string) string { return "" }, lang: "it"}
	same := []string{"FILE", "ID", "N", "SCENARIO", "SHA"} // the same in both
	look := func(where, text string) {
		for _, word := range regexp.MustCompile(`\b[A-Z][A-Z=:]*\b`).FindAllString(text, -1) {
			if !slices.Contains(same, word) && p.placeholders(word) == word {
				t.Errorf("%s shows %q in Italian: %s", where, word, text)
			}
		}
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		look(c.CommandPath(), c.Use)
		c.Flags().VisitAll(func(f *pflag.Flag) { look(c.CommandPath()+" --"+f.Name, flagValue(f)) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(p.root())
}

// TestManualCanBePasted holds that in each block of commands the one that keeps the
// terminal, or asks for a word, comes last: what is pasted after it would never run,
// or would be taken for the answer.
func TestManualCanBePasted(t *testing.T) {
	t.Parallel()
	keeps := regexp.MustCompile(`tocsin (demo|simulate|serve|sign|cosign|correct|cancel)\b`)
	found := 0
	for i, block := range strings.Split(readManual(t, "README.md"), "\n```") {
		if i%2 == 0 {
			continue
		}
		lines := strings.Split(strings.TrimSpace(block), "\n")
		for n, line := range lines {
			if !keeps.MatchString(line) {
				continue
			}
			found++
			if n < len(lines)-1 {
				t.Errorf("README.md: after %q comes %q in the same block", line, lines[n+1])
			}
		}
	}
	if found < 6 {
		t.Errorf("README.md has %d such commands: this test no longer finds them", found)
	}
}

// TestThreatModelNamesTests holds the threat model to the tests that it names.
func TestThreatModelNamesTests(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t `).FindAllSubmatch(raw, -1) {
			known[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(readManual(t, "docs/security.md")) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !strings.HasPrefix(line, "| ") {
			continue
		}
		named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(cells[3], -1)
		if cells[3] != "shown by |\n" && len(named) == 0 {
			t.Errorf("no test shows what stands against %q", strings.TrimPrefix(cells[0], "| "))
		}
		for _, m := range named {
			rows++
			if !known[m[1]] {
				t.Errorf("docs/security.md names %s, which is no test", m[1])
			}
		}
	}
	if rows < 60 {
		t.Errorf("the threat model names %d tests: this test no longer finds them", rows)
	}
}
