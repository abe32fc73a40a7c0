package compose_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/broker/compose"
)

// TestGolden compares the posts of the demonstration with texts that a person has
// read aloud. TOCSIN_UPDATE_GOLDEN=1 writes them anew: read them again.
func TestGolden(t *testing.T) {
	t.Parallel()
	o := options(t)
	b := first(t, demo(t, o), o)
	names := map[string]bool{}
	for _, p := range b.Posts {
		name := fmt.Sprintf("%s-%d.txt", p.Channel, p.Part)
		names[name] = true
		var text strings.Builder
		if p.Title != "" {
			text.WriteString("title: " + p.Title + "\n")
		}
		if p.Alt != "" {
			text.WriteString("image: " + p.Alt + "\n")
		}
		fmt.Fprintf(&text, "language: %s\nlink: %s\n\n%s\n", p.Lang, p.Link, p.Text)
		compare(t, name, text.String())
	}
	files, err := os.ReadDir(filepath.Join("testdata", "savona"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !names[f.Name()] {
			t.Errorf("no post belongs to %s", f.Name())
		}
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "savona", name)
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as in %s; read it, then run with TOCSIN_UPDATE_GOLDEN=1:\n%s", name, file, got)
	}
}

// TestDemonstrationIsClean holds the demonstration to no finding at all, warnings
// included: it is what newcomers see first.
func TestDemonstrationIsClean(t *testing.T) {
	t.Parallel()
	o := drawn(t)
	b := first(t, demo(t, o), o)
	for _, f := range compose.Lint(b, o) {
		t.Error(f)
	}
	for _, p := range b.Posts {
		if strings.Contains(p.Text+p.Title+p.Alt, "!") {
			t.Errorf("%s, part %d holds an exclamation mark", p.Channel, p.Part)
		}
	}
}
