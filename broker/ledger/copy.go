package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// This file reads a folder on which no node works, so that no node ever has to wait for who
// only reads: the broker, which writes wherever it starts, is given a copy.

// StartCopy starts a broker for this process alone on a copy of the folder's streams, which
// lies in the system's temporary folder until Stop. The folder itself is neither locked nor
// written to, so that any number of processes may read it, and a node may start on it. Where a
// process works on the folder it returns [ErrInUse].
func StartCopy(ctx context.Context, dir string, maxBytes int64) (*Server, error) {
	temporary, err := os.MkdirTemp("", "tocsin-ledger-")
	if err != nil {
		return nil, fmt.Errorf("copy of the ledger: %w", err)
	}
	if err = copyStore(ctx, dir, temporary); err == nil {
		var s *Server
		if s, err = StartServer(ctx, ServerOptions{Dir: temporary, MaxBytes: maxBytes}); err == nil {
			s.temporary = temporary
			return s, nil
		}
	}
	_ = os.RemoveAll(temporary)
	return nil, err
}

// A fileState is what shows that a file was written to.
type fileState struct {
	size     int64
	modified time.Time
}

// mostCopies bounds how often a store is copied that changes meanwhile.
const mostCopies = 5

// copyStore copies the files of the streams as they are while nobody works on them. A node
// may take the folder at any moment; what was copied then is worth nothing.
func copyStore(ctx context.Context, from, to string) error {
	for range mostCopies {
		if err := InUse(from); err != nil {
			return err
		}
		before, err := storeFiles(from)
		if err != nil {
			return fmt.Errorf("ledger folder: %w", err)
		}
		for name := range before {
			if err = ctx.Err(); err == nil {
				err = copyFile(filepath.Join(from, name), filepath.Join(to, name))
			}
			if err != nil {
				break
			}
		}
		// Whoever came meanwhile has the folder still, or has left a change in it.
		if err := InUse(from); err != nil {
			return err
		}
		after, statErr := storeFiles(from)
		switch {
		case statErr == nil && maps.Equal(before, after):
			if err != nil {
				return fmt.Errorf("the ledger is read from a copy in the system's temporary folder (TMPDIR), which could not be made: %w", err)
			}
			return nil
		case statErr != nil:
			return fmt.Errorf("ledger folder: %w", statErr)
		}
		if err := os.RemoveAll(filepath.Join(to, storeFolder)); err != nil {
			return fmt.Errorf("copy of the ledger: %w", err)
		}
	}
	return errors.New("the files of the ledger change while they are read, and no node says that it works on them: wait until whoever copies them has ended")
}

// storeFiles returns the state of each file of the streams, by its path in the folder; none
// where there is no store.
func storeFiles(dir string) (map[string]fileState, error) {
	files := map[string]fileState{}
	var add func(name string) error
	add = func(name string) error {
		entries, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		for _, e := range entries {
			inner := filepath.Join(name, e.Name())
			info, err := os.Stat(filepath.Join(dir, inner)) // a part of it may lie on another disk
			switch {
			case errors.Is(err, fs.ErrNotExist): // it was there a moment ago: that is a change
				files[inner] = fileState{size: -1}
			case err != nil:
				return err
			case info.IsDir():
				if err := add(inner); err != nil {
					return err
				}
			case info.Mode().IsRegular():
				files[inner] = fileState{info.Size(), info.ModTime()}
			}
		}
		return nil
	}
	if err := add(storeFolder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return files, nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
