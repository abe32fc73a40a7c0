package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// plainKeys makes the folder of a node one whose key ring has no versions: files of
// its own, as init wrote them before there were versions, and as people may still
// keep them.
func plainKeys(dir string) error {
	var errs []error
	for from, to := range map[string]string{"signers": "keys/allowed_signers", "revoked": "keys/revoked", "policy": "policy.yaml"} {
		errs = append(errs, os.Rename(filepath.Join(dir, firstFolder, from), filepath.Join(dir, to)))
	}
	return errors.Join(append(errs,
		os.RemoveAll(filepath.Join(dir, firstFolder)), os.RemoveAll(filepath.Join(dir, managersFolder)),
		replace(filepath.Join(dir, "tocsin.yaml"), "  folder: keys/1\n", "  ring: keys/allowed_signers\n  revoked: keys/revoked\n  policy: policy.yaml\n"))...)
}

// plain is plainKeys for the folder of the playground.
func (pg *playground) plain() {
	pg.t.Helper()
	if err := plainKeys(pg.dir); err != nil {
		pg.t.Fatal(err)
	}
}

// sameKeys gives the folder of a node the keys of another one.
func sameKeys(t *testing.T, from, to string) {
	t.Helper()
	to = filepath.Join(to, "keys")
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(filepath.Join(from, "keys")))); err != nil {
		t.Fatal(err)
	}
}

// plainkeys DIR makes the key ring of a node one without versions.
func scriptPlainKeys(_ context.Context, ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: plainkeys DIR")
	}
	ts.Check(plainKeys(ts.MkAbs(args[0])))
}
