package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// This file keeps a folder for one process at a time.

// ErrInUse is returned by StartServer, StartCopy, LockFolder and InUse when another process
// works on the folder. The error that it is in says which one.
var ErrInUse = errors.New("another process works on this ledger folder")

// lockFile is locked by the process that works on the folder, and says who that is.
const lockFile = "lock"

// LockFolder takes the folder for this process as soon as it is free, within the
// patience given; closing what it returns lets go of it. [StartServer] does it for
// its own folder. A node whose broker is elsewhere does it too: that a node was
// started again means that its earlier process is gone. holder is the command that
// others are told has the folder, "" for the program's name.
func LockFolder(ctx context.Context, dir, holder string, patience time.Duration) (*os.File, error) {
	end := time.Now().Add(patience)
	for {
		lock, err := lockFolder(dir, holder)
		if !errors.Is(err, ErrInUse) || !time.Now().Before(end) {
			return lock, err
		}
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		case <-timer.C:
		}
	}
}

// lockFolder takes the folder for this process; the kernel lets go of it when the
// process ends, however it ends.
func lockFolder(dir, holder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger folder: %w", err)
	}
	if err := flock(f, dir, syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	if holder == "" {
		holder = "tocsin"
	}
	// The lock holds without these words, also where the disk has no room for them.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+" "+holder+"\n"), 0)
	}
	return f, nil
}

// InUse returns an error that is [ErrInUse] where a process works on the folder. It writes
// nothing into the folder, and keeps it from nobody for longer than the question takes.
func InUse(dir string) error {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // whoever works on a folder has made it
	}
	if err != nil {
		return fmt.Errorf("ledger folder: %w", err)
	}
	defer f.Close()
	return flock(f, dir, syscall.LOCK_SH) // so that those who ask do not see each other
}

func flock(f *os.File, dir string, how int) error {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return inUse(f, dir)
	case err != nil:
		return fmt.Errorf("ledger folder: lock: %w", err)
	}
	return nil
}

// inUse names the process that has the folder, as far as it says so.
func inUse(f *os.File, dir string) error {
	words, err := io.ReadAll(io.NewSectionReader(f, 0, 200))
	process, holder, ok := strings.Cut(strings.TrimSpace(string(words)), " ")
	if pid, pidErr := strconv.Atoi(process); err == nil && ok && pidErr == nil {
		return fmt.Errorf("%s: %w (%s, process %d)", dir, ErrInUse, holder, pid)
	}
	return fmt.Errorf("%s: %w", dir, ErrInUse)
}
