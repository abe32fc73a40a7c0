package compose_test

import (
	"os"
	"path/filepath"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
)

// TestEveryMessageOfOthersBecomesAnExercise takes every sound CAP file through
// import, reissue and compose, without an exception.
func TestEveryMessageOfOthersBecomesAnExercise(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(vectors(t), "cap", "valid", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("found %d files, want at least 50", len(files))
	}
	if raceDetector { // composing is one goroutine's work, and takes ten times as long
		files = files[:5]
	}
	for i, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			imported, _, err := alert.Import(raw)
			if err != nil {
				t.Fatal(err)
			}
			o := options(t)
			if i < 5 {
				o = drawn(t)
			}
			m, notes, err := compose.Reissue(imported, o)
			if err != nil {
				t.Fatal(err)
			}
			b := first(t, m, o)
			again, err := bulletin.Parse(b.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if again.SHA256() != b.SHA256() || string(again.CAP) != string(m.Raw) {
				t.Error("the bulletin is not what was composed")
			}
			if len(b.Channels()) != len(o.Channels) {
				t.Errorf("it addresses %d channels, want %d", len(b.Channels()), len(o.Channels))
			}
			if os.Getenv("TOCSIN_SHOW") == "1" {
				t.Log(notes)
				for _, p := range b.Posts {
					t.Logf("%s %d/%d %s %s\n%s\n%s", p.Channel, p.Part, p.Parts, p.Lang, p.Title, p.Text, p.Alt)
				}
				for _, f := range compose.Lint(b, o) {
					t.Log(f)
				}
			}
		})
	}
}
