package ledger_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// abandoned makes a folder with a ledger of two records on which nobody works.
func abandoned(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Realm: "exercise", Create: true, Name: "one/a"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Append(t.Context(), ledger.Record{Type: ledger.NodeStarted}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// read opens the ledger of a copy and checks that both records are in it.
func read(t *testing.T, s *ledger.Server) {
	t.Helper()
	l, err := ledger.Open(t.Context(), ledger.Options{Server: s, Name: "reader"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if size, err := l.Size(t.Context()); err != nil || size != 2 {
		t.Errorf("the ledger holds %d records (%v), want 2", size, err)
	}
}

// TestReadersKeepNobodyOut reads a folder several times at once while a node starts on it.
func TestReadersKeepNobodyOut(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := abandoned(t)
	before := ledgertest.Snapshot(t, dir)
	var readers []*ledger.Server
	for range 2 {
		s, err := ledger.StartCopy(t.Context(), dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		readers = append(readers, s)
	}
	for _, s := range readers {
		read(t, s)
	}
	if ledgertest.Snapshot(t, dir) != before {
		t.Error("reading has changed the folder")
	}
	node := startServer(t, dir)
	open(t, node, "one/b")
	for _, s := range readers {
		read(t, s)
		s.Stop()
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("the temporary folder holds %v (%v), want nothing", left, err)
	}
	if _, err := ledger.StartCopy(t.Context(), dir, 0); !errors.Is(err, ledger.ErrInUse) {
		t.Errorf("with a node on it: got %v, want ErrInUse", err)
	}
}

// TestAReadOnlyFolderIsRead takes away every right to write, and the lock of a folder that
// was copied without it.
func TestAReadOnlyFolderIsRead(t *testing.T) {
	t.Parallel()
	dir := abandoned(t)
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rights := func(of os.FileMode) {
		for _, path := range all {
			info, err := os.Stat(path)
			if err == nil && info.IsDir() {
				err = os.Chmod(path, 0o500|of)
			} else if err == nil {
				err = os.Chmod(path, 0o400|of)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	rights(0)
	defer rights(0o200)
	before := ledgertest.Snapshot(t, dir)
	s, err := ledger.StartCopy(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	read(t, s)
	if ledgertest.Snapshot(t, dir) != before { // whoever runs tests as root has every right
		t.Error("reading has changed the folder")
	}
}

func TestTheLockSaysWhoHasIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := ledger.InUse(dir); err != nil {
		t.Errorf("with nobody on it: %v", err)
	}
	lock, err := ledger.LockFolder(t.Context(), dir, "tocsin serve", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, second := ledger.LockFolder(t.Context(), dir, "another", 0)
	for _, err := range []error{second, ledger.InUse(dir)} {
		if want := fmt.Sprintf("(tocsin serve, process %d)", os.Getpid()); !errors.Is(err, ledger.ErrInUse) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want an error that ends in %s", err, want)
		}
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ledger.InUse(dir); err != nil {
		t.Errorf("after its end: %v", err)
	}
}
