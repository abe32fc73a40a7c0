package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// left makes the folder of a node that has ended while a bulletin waited for its
// co-signature, and returns the alert's code.
func (pg *playground) left() (code string) {
	pg.t.Helper()
	node := start(pg.t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	expect(pg.t, 0, "publish", pg.signed("b"), "-c", pg.config)
	node.stop()
	return codeOf(pg.t, filepath.Join(pg.dir, "b"))
}

// snapshot returns what is in the state folder, and when it was written.
func (pg *playground) snapshot() string {
	pg.t.Helper()
	return ledgertest.Snapshot(pg.t, filepath.Join(pg.dir, "state"))
}

// TestReadersKeepNoNodeOut reads the folder of a node that is not running with several
// commands at once, one of which stays, and starts the node.
func TestReadersKeepNoNodeOut(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	code := pg.left()
	state := filepath.Join(pg.dir, "state")
	before := pg.snapshot()
	watches := []*process{start(t, "status", code, "--watch", "-c", pg.config), start(t, "status", code, "--watch", "--state", state)}
	for _, w := range watches {
		w.says("No node runs on " + state + ": this is what its ledger says")
		if log := w.log.String(); !strings.Contains(log, "signature") || !strings.Contains(log, "pending") {
			t.Errorf("it does not tell what the ledger says:\n%s", log)
		}
	}
	for _, args := range [][]string{{"status"}, {"audit", "verify"}, {"audit", "timeline"}} {
		expect(t, 0, append(args, "--state", state)...)
	}
	if _, stderr := expect(t, 1, "publish", filepath.Join(pg.dir, "b"), "-c", pg.config); !strings.Contains(stderr, "no node runs on "+state) {
		t.Errorf("publish says %q", stderr)
	}
	if pg.snapshot() != before {
		t.Errorf("reading has changed the folder from\n%sto\n%s", before, pg.snapshot())
	}

	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	for _, w := range watches {
		w.says("attempting")
		if log := w.log.String(); strings.Count(log, "duty officer") != 1 || strings.Count(log, "No node runs") != 1 {
			t.Errorf("it tells something twice, or not at all:\n%s", log)
		}
		checkStop(t, w, os.Interrupt, 1)
	}
	node.stop()
}

// TestAWatchWaitsForWhoeverHasTheFolder has somebody hold the folder who does not answer,
// as a node that is being started, or is dying.
func TestAWatchWaitsForWhoeverHasTheFolder(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	code := pg.left()
	lock, err := ledger.LockFolder(t.Context(), filepath.Join(pg.dir, "state"), "tocsin serve", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	watch := start(t, "status", code, "--watch", "-c", pg.config)
	watch.says("The node does not answer yet (connect to the broker: ")
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	watch.says("No node runs on ")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	watch.says("attempting")
	checkStop(t, watch, os.Interrupt, 1)
	node.stop()
}

// TestCommandsWaitForANodeThatIsStartedAgain ends whoever had the folder, and starts a node.
func TestCommandsWaitForANodeThatIsStartedAgain(t *testing.T) {
	t.Parallel()
	for name, presence := range map[string]string{"dead_address": "", "no_address": "not JSON"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := newPlayground(t)
			pg.left()
			state := filepath.Join(pg.dir, "state")
			if presence != "" {
				if err := os.WriteFile(filepath.Join(state, nodeFile), []byte(presence), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			lock, err := ledger.LockFolder(t.Context(), state, "tocsin serve", 0)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			if _, err := (&where{config: pg.config, patience: time.Millisecond}).open(t.Context(), "test", nil, true); err == nil {
				t.Fatal("the ledger was opened through a node that does not answer")
			}

			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			waits, entries := make(chan struct{}), 0
			w := &where{config: pg.config, patience: time.Millisecond, wait: func(error) { close(waits) }}
			opened := make(chan error, 1)
			go func() {
				d, err := w.open(ctx, "test", func(*ledger.Entry, error) { entries++ }, true)
				if err == nil {
					var size int64
					d.ledger.View(func(s *ledger.State) { size = s.Seq })
					d.Close()
					if int64(entries) < size {
						err = fmt.Errorf("of %d records %d were told", size, entries)
					}
				}
				opened <- err
			}()
			<-waits
			if err := lock.Close(); err != nil {
				t.Fatal(err)
			}
			pg.up()
			if err := <-opened; err != nil {
				t.Error(err)
			}
		})
	}
}
