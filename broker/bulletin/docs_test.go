package bulletin_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/bulletin"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestManualExample holds the example of the manual to the file that the product
// made, and to the parser.
func TestManualExample(t *testing.T) {
	t.Parallel()
	example := readFile(t, "testdata/example.bulletin")
	if !strings.Contains(readFile(t, "../../docs/bulletin.md"), "```\n"+example+"```\n") {
		t.Error("docs/bulletin.md does not show testdata/example.bulletin as it is")
	}
	b, err := bulletin.Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Mark(); got != "SV-PC57P-1" || len(b.Channels()) != 2 || b.Message.Identifier == "" {
		t.Errorf("the example is bulletin %s for %v", got, b.Channels())
	}
}

// TestManualFields takes every field that the manual says is needed out of the
// example, and expects the parser to miss it; and it expects every field of the
// example in the manual.
func TestManualFields(t *testing.T) {
	t.Parallel()
	example, manual := readFile(t, "testdata/example.bulletin"), readFile(t, "../../docs/bulletin.md")
	var known []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)`(\\??) \\|").FindAllStringSubmatch(manual, -1) {
		name, optional := row[1], row[2] == "?"
		known = append(known, name)
		field := regexp.MustCompile(`(?m)^` + name + `: .*\n`)
		at := field.FindStringIndex(example)
		if optional || at == nil { // the example has no image
			continue
		}
		if _, err := bulletin.Parse([]byte(example[:at[0]] + example[at[1]:])); err == nil {
			t.Errorf("the manual says that %s is needed, and a bulletin without it is read", name)
		}
	}
	if len(known) < 20 {
		t.Errorf("the tables of docs/bulletin.md name %v: this test no longer finds the fields", known)
	}
	head, rest, _ := strings.Cut(example, "\n--- cap\n")
	for _, post := range strings.Split(rest, "--- post\n")[1:] {
		fields, _, _ := strings.Cut(post, "\n\n")
		head += "\n" + fields
	}
	for line := range strings.SplitSeq(strings.TrimSpace(head), "\n") {
		if name, _, ok := strings.Cut(line, ": "); ok && !slices.Contains(known, name) {
			t.Errorf("docs/bulletin.md lacks the field %q", name)
		}
	}
}
