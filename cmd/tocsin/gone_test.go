package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/broker/ledger/ledgertest"
)

// TestALedgerThatIsGoneIsNotBegunAnew empties the folder of a ledger whose checkpoint is there:
// nobody calls it new, and nothing is written among what is left.
func TestALedgerThatIsGoneIsNotBegunAnew(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	state := filepath.Join(pg.dir, "state")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	_, b := pg.published("b")
	node.stop()
	whole := filepath.Join(t.TempDir(), "whole")
	if err := os.CopyFS(whole, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(state, "jetstream")
	msgs := filepath.Dir(ledgertest.Block(state, "LEDGER"))
	for _, c := range []struct {
		name, gone string
		stream     bool // the broker makes one of what is left
	}{
		{"the_store", store, false}, {"the_stream", filepath.Dir(msgs), false}, {"its_records", msgs, true},
	} {
		t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // they take turns with the folder
			pg := *pg
			pg.t = t
			pg.put(whole)
			if err := os.RemoveAll(c.gone); err != nil {
				t.Fatal(err)
			}
			if c.stream {
				r, _ := pg.verified(3, "--state", state)
				for _, f := range r.Findings {
					if strings.Contains(f.Text, "tocsin//") {
						t.Errorf("a finding names no ledger: %s", f.Text)
					}
				}
			} else {
				for _, args := range [][]string{{"audit", "verify"}, {"status"}, {"audit", "timeline", string(b.Code)}} {
					if _, stderr := expect(t, 3, append(args, "--state", state)...); !strings.Contains(stderr, "the ledger is gone: a checkpoint speaks of its records") {
						t.Errorf("%v says %q", args, stderr)
					}
				}
			}
			before := ""
			if _, err := os.Stat(store); err == nil {
				before = ledgertest.Snapshot(t, store)
			}

			node := start(t, "serve", "-c", pg.config)
			node.says("ATTENTION: the ledger is not to be trusted, the node releases nothing: the files of the ledger are damaged (LEDGER/msgs has no records, and had some)")
			node.says("Node savona-1 is up")
			if status, body := pg.page("/"); status != http.StatusServiceUnavailable || !strings.Contains(body, "112") {
				t.Errorf("the home page has status %d, %q: want that the site can't tell", status, body)
			}
			stdout, _ := expect(t, 0, "status", "-c", pg.config)
			if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted: ") || !strings.Contains(stdout, "whether there were any is not known") {
				t.Errorf("status says %q", stdout)
			}
			for _, args := range [][]string{{"audit", "timeline"}, {"status"}} {
				stdout, stderr := expect(t, 1, append(args, string(b.Code), "-c", pg.config)...)
				if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted: ") || !strings.Contains(stderr, "whether it held it is not known") {
					t.Errorf("%v says %q and %q", args, stdout, stderr)
				}
			}
			pg.verified(3, "-c", pg.config)
			node.stop()
			if _, err := os.Stat(store); before == "" && err == nil || before != "" && ledgertest.Snapshot(t, store) != before {
				t.Error("something was written among what is left of the ledger")
			}
		})
	}
}
