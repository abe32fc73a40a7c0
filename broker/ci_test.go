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
