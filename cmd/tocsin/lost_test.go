package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/broker/ledger/ledgertest"
)

// TestALostRevocationPutsNothingBackInForce loses the bytes of a revocation that is public,
// of which no checkpoint speaks: the alert is neither in force again nor refused.
func TestALostRevocationPutsNothingBackInForce(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	state := filepath.Join(pg.dir, "state")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	_, b := pg.published("b")
	code := string(b.Code)
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	node.says("/a/" + code)
	// In words of its own: what is prepared stands inside the alert, and is lost with it alone.
	stopped := []string{"cancel", code, "--reason", "Falso allarme", "-c", pg.config, "-k", pg.key("officer"), "--yes"}
	expect(t, 0, stopped...)
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	tick, late := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for revoked := false; !revoked; {
		_, body := pg.page("/alerts/current.json")
		revoked = strings.Contains(body, `"revoked"`)
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the revocation is not on the site")
		}
	}
	node.stop()
	whole := filepath.Join(t.TempDir(), "whole")
	if err := os.CopyFS(whole, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	blobs := ledgertest.Block(state, "BLOBS")
	raw, err := os.ReadFile(blobs)
	if err != nil {
		t.Fatal(err)
	}
	const head = 22                                             // of a record, before its subject
	last := int64(bytes.LastIndex(raw, []byte("blob."))) - head // of the revocation
	first := int64(bytes.Index(raw, []byte("blob."+b.SHA256()))) - head
	cut := func(size int64) func(t *testing.T) {
		return func(t *testing.T) {
			t.Helper()
			if err := os.Truncate(blobs, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		damage func(t *testing.T)
		says   string // why the ledger is not to be trusted; "" where it is
	}{
		{"inside_the_revocation", cut(last + 200), "the files of the ledger are damaged (BLOBS/msgs/1.blk, bytes "},
		{"inside_its_head", cut(last + 10), "the files of the ledger are damaged (BLOBS/msgs/1.blk, bytes "},
		{"before_the_revocation", cut(last), "bulletins that were sent are lost (records "},
		{"inside_the_alert", cut(first + 200), "the files of the ledger are damaged (BLOBS/msgs/1.blk, bytes "},
		{"what_a_crash_leaves", func(t *testing.T) {
			t.Helper()
			half := bytes.Replace(raw[last:last+200], raw[last+head+5:last+head+10], []byte("00000"), 1)
			if err := os.WriteFile(blobs, append(bytes.Clone(raw), half...), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // they take turns with the folder
			pg := *pg
			pg.t = t
			pg.put(whole)
			c.damage(t)
			if err := os.Remove(ledgertest.Index(state, "BLOBS")); err != nil {
				t.Fatal(err)
			}
			if c.says == "" {
				pg.verified(0, "--state", state)
				return
			}
			pg.lost(code, c.says, "--state", state)
			node := start(t, "serve", "-c", pg.config)
			node.says("ATTENTION: the ledger is not to be trusted, the node releases nothing: ")
			node.says("Node savona-1 is up")
			for _, path := range []string{"/", "/alerts/current.json", "/feed.atom", "/a/" + code, "/verifica?codice=" + code} {
				if status, body := pg.page(path); status != http.StatusServiceUnavailable {
					t.Errorf("%s: status %d, %q: want that the site can't tell", path, status, body)
				}
			}
			// Commands see what the node's broker has, and not the files.
			pg.lost(code, "bulletins that were sent are lost (records ", "-c", pg.config)
			if _, stderr := expect(t, 3, stopped...); !strings.Contains(stderr, "the ledger is not to be trusted: bulletins that were sent are lost") {
				t.Errorf("cancel says %q", stderr)
			}
			node.stop()
			if log := node.log.String(); strings.Contains(log, "err=<nil>") {
				t.Errorf("the log holds an error that is none:\n%s", log)
			}
			pg.lost(code, c.says, "--state", state) // nothing was cut off, nothing written
		})
	}
}

// lost checks what status and audit verify say of an alert of which a bulletin is lost.
func (pg *playground) lost(code, says string, where ...string) {
	pg.t.Helper()
	stdout, _ := expect(pg.t, 0, append([]string{"status", code}, where...)...)
	if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted: "+says) || !strings.Contains(stdout, "LOST: it was sent") || strings.Contains(stdout, "REFUSED") {
		pg.t.Errorf("status says\n%s", stdout)
	}
	if r, _ := pg.verified(3, where...); !strings.HasPrefix(r.Untrusted, says) {
		pg.t.Errorf("audit verify says %q", r.Untrusted)
	}
}
