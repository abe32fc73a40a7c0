package broker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVulnerabilitiesAreCheckedOrSaidNotToBe runs the step of .ci/run where there is no
// database, and where one was named that is not there or is none.
func TestVulnerabilitiesAreCheckedOrSaidNotToBe(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "checkout")
	if err := os.MkdirAll(filepath.Join(dir, ".ci"), 0o700); err != nil {
		t.Fatal(err)
	}
	copied, broken := filepath.Join(dir, ".ci", "run"), filepath.Join(dir, "broken.tgz")
	for path, text := range map[string][]byte{copied: script, broken: []byte("no archive")} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		database string
		passes   bool
		says     string
	}{
		"not_reachable": {"", true, "vulnerabilities: NOT CHECKED: there is no database at ../shared/vulndb.tgz"},
		"not_there":     {filepath.Join(dir, "gone.tgz"), false, "the database of vulnerabilities can't be read: "},
		"no_archive":    {broken, false, "ci: step vulnerabilities failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "bash", copied, "vulnerabilities")
			cmd.Env = append(os.Environ(), "TOCSIN_VULNDB="+c.database)
			said, err := cmd.CombinedOutput()
			if (err == nil) != c.passes || !strings.Contains(string(said), c.says) {
				t.Errorf("it passes: %t (%v), and says %q; want %t, and %q", err == nil, err, said, c.passes, c.says)
			}
		})
	}
}

// TestWhatTheRaceStepLeavesOutIsThere holds the names that it leaves out against the
// tests that there are: one that was renamed is watched again, or said to be gone.
func TestWhatTheRaceStepLeavesOutIsThere(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(script), "'-skip=^Test(")
	names, _, closed := strings.Cut(rest, ")$'")
	if !found || !closed {
		t.Fatal("the race step leaves out nothing by name")
	}
	var tests strings.Builder
	files, err := filepath.Glob("../cmd/tocsin/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	audit, err := filepath.Glob("audit/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, audit...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	for name := range strings.SplitSeq(names, "|") {
		if !strings.Contains(tests.String(), "\nfunc Test"+name+"(t *testing.T)") {
			t.Errorf("it leaves out Test%s, and neither cmd/tocsin nor broker/audit has such a test", name)
		}
	}
}
