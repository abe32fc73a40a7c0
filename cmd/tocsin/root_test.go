package main

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// A fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestWhatIsNotWrittenIsNotDone sends what commands say to a full disk: whoever keeps a proof
// in a file must not be told that it is there.
func TestWhatIsNotWrittenIsNotDone(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	pg.published("b")
	for _, command := range []string{"status", "status --json", "audit verify", "audit verify --json", "audit timeline", "keys list", "help"} {
		args := strings.Fields(command)
		if command != "help" {
			args = append(args, "-c", pg.config)
		}
		var errs strings.Builder
		err := run(t.Context(), args, strings.NewReader(""), fullDisk{}, &errs, english)
		if exitCode(err) != 1 || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v (status %d), want status 1 for what could not be written", command, err, exitCode(err))
		}
	}
}
