package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/broker/audit"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// page returns what the public site of the node answers.
func (pg *playground) page(path string) (status int, body string) {
	pg.t.Helper()
	q, err := http.NewRequestWithContext(pg.t.Context(), http.MethodGet, "http://"+pg.site+path, http.NoBody)
	if err != nil {
		pg.t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		pg.t.Fatal(err)
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	if err != nil {
		pg.t.Fatal(err)
	}
	return a.StatusCode, string(raw)
}

// put replaces the state folder by a copy of another one.
func (pg *playground) put(from string) {
	pg.t.Helper()
	state := filepath.Join(pg.dir, "state")
	err := os.RemoveAll(state)
	if err == nil {
		err = os.CopyFS(state, os.DirFS(from))
	}
	if err != nil {
		pg.t.Fatal(err)
	}
}

// verified returns the report on the ledger, and the first line of the one for people.
func (pg *playground) verified(status int, args ...string) (r audit.Report, first string) {
	pg.t.Helper()
	stdout, _ := expect(pg.t, status, append([]string{"audit", "verify", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		pg.t.Fatal(err)
	}
	stdout, _ = expect(pg.t, status, append([]string{"audit", "verify"}, args...)...)
	first, _, _ = strings.Cut(stdout, "\n")
	return r, first
}

// TestADamagedLedgerIsToldAboutAndServed damages the ledger of a stopped node, starts it, and
// goes the documented way back.
func TestADamagedLedgerIsToldAboutAndServed(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	state := filepath.Join(pg.dir, "state")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	expect(t, 0, "publish", pg.signed("b"), "-c", pg.config)
	code := codeOf(t, filepath.Join(pg.dir, "b"))
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	node.says("/a/" + code)
	node.says("a post was not published") // the platforms are not there: something is left to do
	node.stop()
	whole := filepath.Join(t.TempDir(), "whole")
	if err := os.CopyFS(whole, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	intact, _ := pg.verified(0, "--state", whole)
	third := pg.signed("c")

	block := ledgertest.Block(state, "LEDGER")
	unclean := func(t *testing.T) {
		t.Helper()
		for _, stream := range []string{"LEDGER", "BLOBS"} {
			if err := os.Remove(ledgertest.Index(state, stream)); err != nil {
				t.Fatal(err)
			}
		}
	}
	second := func(t *testing.T) (from, to int64) { t.Helper(); return ledgertest.Place(t, state, "LEDGER", 2) }
	for _, c := range []struct {
		name    string
		damage  func(t *testing.T)
		missing []ledger.Gap // nil where the end is told by the checkpoint alone
		says    string       // why the ledger is not to be trusted
		shown   bool         // the alert
		kept    bool         // the file with the records is not touched
	}{
		{"deleted_record", func(t *testing.T) { t.Helper(); ledgertest.Erase(t, state, 2) },
			[]ledger.Gap{{From: 2, To: 2}}, "records are missing or can't be read (2)", true, false},
		{"flipped_byte", func(t *testing.T) { t.Helper(); _, to := second(t); ledgertest.Flip(t, block, to-50) },
			[]ledger.Gap{{From: 2, To: 2}}, "records are missing or can't be read (2)", true, true},
		{"flipped_byte_after_a_crash", func(t *testing.T) { t.Helper(); _, to := second(t); ledgertest.Flip(t, block, to-50); unclean(t) },
			[]ledger.Gap{{From: 2, To: 2}}, "records are missing or can't be read (2)", true, true},
		{"flipped_length_after_a_crash", func(t *testing.T) { t.Helper(); from, _ := second(t); ledgertest.Flip(t, block, from+1); unclean(t) },
			[]ledger.Gap{{From: 2, To: 2}}, "records are missing or can't be read (2)", true, true},
		{"flipped_first_record", func(t *testing.T) { t.Helper(); from, _ := second(t); ledgertest.Flip(t, block, from-50) },
			[]ledger.Gap{{From: 1, To: 1}}, "records are missing or can't be read (1)", true, true},
		{"flipped_last_record", func(t *testing.T) {
			t.Helper()
			_, to := ledgertest.Place(t, state, "LEDGER", intact.Entries)
			ledgertest.Flip(t, block, to-50)
		}, []ledger.Gap{{From: intact.Entries, To: intact.Entries}}, "records are missing or can't be read (", true, false},
		{"truncated_block", func(t *testing.T) {
			t.Helper()
			_, to := second(t)
			if err := os.Truncate(block, to-50); err != nil {
				t.Fatal(err)
			}
		}, []ledger.Gap{{From: 2, To: intact.Entries}}, "records are missing or can't be read (2-", false, false},
		{"truncated_block_after_a_crash", func(t *testing.T) {
			t.Helper()
			_, to := second(t)
			if err := os.Truncate(block, to-50); err != nil {
				t.Fatal(err)
			}
			unclean(t)
		}, nil, "the ledger holds 1 records, its newest checkpoint says", false, false},
		{"flipped_settings_of_the_records", func(t *testing.T) {
			t.Helper()
			ledgertest.Flip(t, filepath.Join(filepath.Dir(filepath.Dir(block)), "meta.inf"), 60)
		}, []ledger.Gap{}, "the files of the ledger are damaged (LEDGER/meta.inf)", true, true},
		{"no_settings_of_the_bulletins", func(t *testing.T) {
			t.Helper()
			if err := os.Remove(filepath.Join(filepath.Dir(ledgertest.Index(state, "BLOBS")), "..", "meta.inf")); err != nil {
				t.Fatal(err)
			}
		}, []ledger.Gap{}, "the files of the ledger are damaged (BLOBS/meta.inf)", true, true},
		{"no_bulletins", func(t *testing.T) {
			t.Helper()
			if err := os.RemoveAll(filepath.Dir(filepath.Dir(ledgertest.Block(state, "BLOBS")))); err != nil {
				t.Fatal(err)
			}
		}, []ledger.Gap{}, "", false, true},
		{"flipped_byte_of_a_bulletin", func(t *testing.T) {
			t.Helper()
			ledgertest.Flip(t, ledgertest.Block(state, "BLOBS"), 60_000) // past the key ring
			expect(t, 3, "audit", "verify", "--state", state)
		}, []ledger.Gap{}, "", false, true},
	} {
		t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // they take turns with the folder
			pg := *pg
			pg.t = t
			pg.put(whole)
			c.damage(t)
			before, err := os.ReadFile(block)
			if err != nil {
				t.Fatal(err)
			}

			report, first := pg.verified(3, "--state", state)
			pg.tells(c.says, c.missing, report, first)

			node := start(t, "serve", "-c", pg.config)
			node.says("Node savona-1 is up")
			if c.says != "" {
				node.says("ATTENTION: the ledger is not to be trusted, the node releases nothing: ")
			}
			status, body := pg.page("/")
			if shown := status == http.StatusOK && strings.Contains(body, code); shown != c.shown {
				t.Errorf("the home page has status %d, and shows the alert: %t, want %t\n%s", status, shown, c.shown, body)
			}
			if !c.shown {
				for _, path := range []string{"/", "/alerts/current.json", "/a/" + code, "/verifica?codice=" + code, "/verifica?codice=SV-22222"} {
					if status, body := pg.page(path); status != http.StatusServiceUnavailable || !strings.Contains(body, "112") {
						t.Errorf("%s: status %d, %q: want neither an all-clear nor a denial", path, status, body)
					}
				}
			}
			if c.says != "" {
				if _, stderr := expect(t, 3, "publish", third, "-c", pg.config); !strings.Contains(stderr, c.says) {
					t.Errorf("publish says %q", stderr)
				}
				for _, args := range [][]string{{"status"}, {"audit", "timeline"}} {
					if !c.shown && args[0] == "audit" {
						continue // there is no alert
					}
					stdout, _ := expect(t, 0, append(args, "-c", pg.config)...)
					if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted: "+c.says) || c.shown && !strings.Contains(stdout, "sito") {
						t.Errorf("%v says %q", args, stdout)
					}
				}
				running, first := pg.verified(3, "-c", pg.config)
				pg.tells(c.says, c.missing, running, first)
				node.stop()
				if after, _ := pg.verified(3, "--state", state); after.Entries != report.Entries {
					t.Errorf("the ledger had %d records and has %d, want nothing written", report.Entries, after.Entries)
				}
			} else {
				node.stop()
			}
			if after, err := os.ReadFile(block); err != nil || c.kept && c.says != "" && !bytes.Equal(after, before) {
				t.Errorf("what was found was changed (%v)", err)
			}

			pg.put(whole)
			node = start(t, "serve", "-c", pg.config)
			node.says("Node savona-1 is up")
			node.stop()
			if log := node.log.String(); strings.Contains(log, "ATTENTION") {
				t.Errorf("after the restore it says\n%s", log)
			}
			pg.verified(0, "--state", state)
			if _, err := os.Stat(filepath.Join(state, "damaged")); err == nil {
				t.Error("the copy of what could be read is still there")
			}
		})
	}
}

// tells checks what audit verify says of a damaged ledger.
func (pg *playground) tells(why string, missing []ledger.Gap, r audit.Report, first string) {
	pg.t.Helper()
	if !strings.HasPrefix(r.Untrusted, why) || why != "" && !strings.HasPrefix(first, "ATTENTION: the ledger is not to be trusted: "+why) {
		pg.t.Errorf("audit verify says first %q and %q, want %q", r.Untrusted, first, why)
	}
	if len(missing) != len(r.Missing) || len(missing) > 0 && missing[0] != r.Missing[0] {
		pg.t.Errorf("audit verify says that %v are missing, want %v", r.Missing, missing)
	}
}

// TestALedgerOfWhichNothingCanBeReadIsNotStarted damages what says how the stream is made,
// and the record that says whose ledger it is.
func TestALedgerOfWhichNothingCanBeReadIsNotStarted(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	n.Close(t.Context())
	stream := filepath.Dir(filepath.Dir(ledgertest.Block(filepath.Join(pg.dir, "state"), "LEDGER")))
	ledgertest.Flip(t, filepath.Join(stream, "meta.inf"), 60)
	ledgertest.Flip(t, filepath.Join(stream, "msgs", "1.blk"), 60)
	for _, args := range [][]string{{"serve"}, {"audit", "verify"}} {
		if _, stderr := expect(t, 1, append(args, "-c", pg.config)...); !strings.Contains(stderr, "the files of the ledger are there, and nothing of it can be read") {
			t.Errorf("%v says %q", args, stderr)
		}
	}
}

// TestAFirstStartThatWasKilledIsTakenUp finds the folder of a stream of which the broker
// had written nothing else when its node was killed.
func TestAFirstStartThatWasKilledIsTakenUp(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	if _, err := audit.OpenKeeper(filepath.Join(pg.dir, "state")); err != nil { // comes first
		t.Fatal(err)
	}
	msgs := filepath.Join(pg.dir, "state", "jetstream", "$G", "streams", "LEDGER", "msgs")
	if err := os.MkdirAll(msgs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(msgs, "1.blk"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := pg.up(); n.trusted() != nil {
		t.Errorf("the node does not trust its new ledger: %v", n.trusted())
	}
}

// TestADamagedCheckpointTakesNoSiteDown flips a byte of the checkpoint: what is public is
// served, and nothing is sent.
func TestADamagedCheckpointTakesNoSiteDown(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	state := filepath.Join(pg.dir, "state")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	_, b := pg.published("b")
	code := string(b.Code)
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	node.says("/a/" + code)
	node.stop()
	third := pg.signed("c")
	ledgertest.Flip(t, filepath.Join(state, "checkpoint"), 20)
	pg.verified(3, "--state", state)

	node = start(t, "serve", "-c", pg.config)
	node.says("ATTENTION: the ledger is not to be trusted, the node releases nothing: ")
	node.says("Node savona-1 is up")
	if status, body := pg.page("/"); status != http.StatusOK || !strings.Contains(body, code) {
		t.Errorf("the home page has status %d, want the alert in force", status)
	}
	if status, _ := pg.page("/verifica?codice=SV-22222"); status != http.StatusServiceUnavailable {
		t.Errorf("of a code that is not there it says %d, want that it can't tell", status)
	}
	if _, stderr := expect(t, 3, "publish", third, "-c", pg.config); !strings.Contains(stderr, "the checkpoint's signature") {
		t.Errorf("publish says %q", stderr)
	}
}
