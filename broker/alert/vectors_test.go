package alert_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tocsin/broker/alert"
)

// needed ends the test because what it needs is absent: as a failure where
// everything is required, otherwise by skipping it.
func needed(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
		t.Fatalf("%s is required and absent", what)
	}
	t.Skipf("skipped: %s is absent", what)
}

// vectors returns the folder of the third-party test data.
func vectors(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TOCSIN_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	if _, err := os.Stat(filepath.Join(dir, "cap", "MANIFEST.tsv")); err != nil {
		needed(t, "the third-party test data (TOCSIN_VECTORS)")
	}
	return dir
}

// xmllint returns the path of libxml2's command.
func xmllint(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		needed(t, "xmllint")
	}
	return path
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// disagreements are the sample files on which Import and xmllint differ, with
// the reason why. There are none.
func disagreements() map[string]string { return map[string]string{} }

// TestImportVectors holds Import against the verdict of xmllint on real
// messages: what the XML schema of its version allows is read, what it forbids
// is refused.
func TestImportVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(vectors(t), "cap")
	rows := csv.NewReader(bytes.NewReader(readFile(t, filepath.Join(dir, "MANIFEST.tsv"))))
	rows.Comma, rows.LazyQuotes, rows.FieldsPerRecord = '\t', true, -1
	table, err := rows.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	differ := disagreements()
	tried := 0
	for _, row := range table[1:] {
		folder, file, version, verdict := row[0], row[1], row[2], row[3]
		if folder != "valid" && folder != "invalid" {
			continue
		}
		tried++
		t.Run(folder+"_"+file, func(t *testing.T) {
			t.Parallel()
			raw := readFile(t, filepath.Join(dir, folder, file))
			m, warnings, err := alert.Import(raw)
			want := verdict == "xsd-valid"
			if _, ok := differ[file]; ok {
				want = !want
			}
			if got := err == nil; got != want {
				t.Fatalf("Import accepts: got %v, want %v as xmllint says %s: %v", got, want, verdict, err)
			}
			for _, f := range warnings {
				if f.Severity != alert.LevelWarning || f.Message == "" || f.Rule == "" {
					t.Errorf("warning: got %+v, want level, rule and message", f)
				}
			}
			if err != nil {
				return
			}
			if string(m.Version) != version || !bytes.Equal(m.Raw, raw) || !m.Imported() {
				t.Errorf("message: got version %s, %d raw bytes, imported %v; want %s, %d, true", m.Version, len(m.Raw), m.Imported(), version, len(raw))
			}
			if m.Sender == "" || m.Identifier == "" || m.Sent.IsZero() {
				t.Errorf("identity: got %q %q %v, want all three", m.Sender, m.Identifier, m.Sent)
			}
		})
	}
	if tried < 60 {
		t.Errorf("messages in the manifest: got %d, want at least 60", tried)
	}
}

// TestImportFeeds gives Import feeds instead of messages.
func TestImportFeeds(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(vectors(t), "cap", "feeds", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("feeds: got %d, %v", len(files), err)
	}
	for _, file := range files {
		if _, _, err := alert.Import(readFile(t, file)); err == nil {
			t.Errorf("%s: a feed was taken for a message", filepath.Base(file))
		}
	}
}
