package audit_test

// This file holds exports of alerts that several versions of the key ring judged, and lies about
// them.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
)

// An era is a court whose key ring has versions.
type era struct {
	*court
	newer    *signingtest.Person // who signs for the police from the second version on
	versions []*signing.Version
}

// newEra returns a live alert of which the first record after the ledger's own brings version 1.
func newEra(t *testing.T) *era {
	t.Helper()
	e := &era{court: newCourt(t, alert.RealmLive), newer: signingtest.NewPerson(t, "giulia.verdi@police.example", signing.Police)}
	e.accept(signingtest.Version(t, alert.RealmLive, nil, nil, e.officer, e.police))
	return e
}

// accept adds a version with the record that brings it.
func (e *era) accept(v *signing.Version) int64 {
	e.t.Helper()
	e.versions = append(e.versions, v)
	e.blobs[fmt.Sprintf("%x", sha256.Sum256(v.Bundle()))] = v.Bundle()
	c := v.Claim()
	return e.add(ledger.Record{Type: ledger.KeyRing, Number: c.Version, Meta: c.Meta, Ring: c.Ring, Folder: c.Folder})
}

// change revokes the police liaison of version 1 and enrols the newer one.
func (e *era) change() {
	e.t.Helper()
	e.accept(signingtest.Version(e.t, alert.RealmLive, e.versions[0], []*signingtest.Person{e.police}, e.officer, e.newer))
}

// exported writes the export.
func (e *era) exported() *audit.Export {
	e.t.Helper()
	out, err := e.finished()
	if err != nil {
		e.t.Fatal(err)
	}
	e.dir = filepath.Join(e.t.TempDir(), "alert")
	if err := out.Write(e.dir); err != nil {
		e.t.Fatal(err)
	}
	return out
}

// finished returns what is to be written.
func (e *era) finished() (*audit.Export, error) {
	e.t.Helper()
	rings, err := signing.NewHistory(e.versions[0], alert.RealmLive)
	if err != nil {
		e.t.Fatal(err)
	}
	state := e.t.TempDir() // of a node that has written no checkpoint yet
	if e.sealed {
		state = kept(e.t, e.book)
	}
	x := audit.NewExporter(rings, audit.Keys{}, audit.OpenGuard(state), string(e.b.Alert))
	show(x.Observe, e.entries)
	return x.Finish(e.t.Context(), int64(len(e.entries)), func(_ context.Context, digest string) ([]byte, error) {
		if raw, ok := e.blobs[digest]; ok {
			return raw, nil
		}
		return nil, ledger.ErrNoBlob
	})
}

// twice has the first bulletin released by version 1, and an update by version 2.
func twice(t *testing.T) *era {
	t.Helper()
	e := newEra(t)
	e.release(e.b)
	e.deliver(e.b)
	e.change()
	update := e.alert.Next(t, alert.MsgUpdate)
	e.hand(update)
	e.sign(update, e.officer)
	e.sign(update, e.newer)
	return e
}

// half has an update signed by the liaison whom version 2 takes out before the officer signs.
func half(t *testing.T) *era {
	t.Helper()
	e := newEra(t)
	e.release(e.b)
	e.alert.Take(e.b)
	update := e.alert.Next(t, alert.MsgUpdate)
	e.hand(update)
	e.sign(update, e.police)
	e.change()
	e.sign(update, e.officer)
	return e
}

// TestScriptJudgesByTheVersionInForce has two versions of the key ring judge one alert.
func TestScriptJudgesByTheVersionInForce(t *testing.T) {
	t.Parallel()
	for name, tt := range some(map[string]struct {
		build    func(*testing.T) *era
		versions int
		words    []string
	}{
		"each_by_its_own": {twice, 2, []string{
			"the policy (version 1) asks for: duty officer and police liaison", "the policy (version 2) asks for: ",
			"Bulletin 1: RELEASED by record 6.", "Bulletin 2: RELEASED by record 15.", "version 2, from record 12",
		}},
		"revoked_between_the_signatures": {half, 2, []string{
			"from here on version 2 of the key ring decides", "the signature of record 8 does not count any more: no line of the key ring admits this key under this name",
			"NOT RELEASED: the signature is missing of: police liaison",
		}},
		"replaced_between_the_signatures": {func(t *testing.T) *era {
			e := half(t)
			e.sign(e.alert.Newest, e.newer)
			return e
		}, 2, []string{"Bulletin 2: RELEASED by record 11."}},
		"changed_since": {func(t *testing.T) *era {
			e := newEra(t)
			e.release(e.b)
			e.change()
			e.deliver(e.b)
			return e
		}, 1, []string{"Bulletin 1: RELEASED by record 6."}},
		"none_recorded_before_it": {func(t *testing.T) *era {
			e := &era{court: newCourt(t, alert.RealmLive), newer: signingtest.NewPerson(t, "giulia.verdi@police.example", signing.Police)}
			e.release(e.b)
			e.accept(signingtest.Version(t, alert.RealmLive, nil, nil, e.officer, e.police))
			e.change()
			update := e.alert.Next(t, alert.MsgUpdate)
			e.hand(update)
			e.sign(update, e.officer)
			e.sign(update, e.newer)
			return e
		}, 2, []string{"Bulletin 1: RELEASED by record 5.", "Bulletin 2: RELEASED by record 10."}},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := tt.build(t)
			out := e.exported()
			if len(out.Versions) != tt.versions || out.Records != out.Proofs+len(out.Unproven) {
				t.Errorf("the export is %+v, want %d versions", out, tt.versions)
			}
			e.want(true, append(tt.words, "YES: ")...)
		})
	}
}

// TestScriptNoticesLiesAboutTheKeyRing has one lie about versions in each export.
func TestScriptNoticesLiesAboutTheKeyRing(t *testing.T) {
	t.Parallel()
	whole := twice(t)
	whole.exported()
	for name, tt := range some(map[string]struct {
		words string
		lie   func(*era)
	}{
		"another_signer": {"have not approved version 2 of the key ring: keys/2/signers is not the one that meta names", func(e *era) {
			e.write("keys/2/signers", e.read("keys/2/signers")+signingtest.NewPerson(e.t, "silvia.neri@police.example", signing.Police).Line(e.t)+"\n")
			e.resum("2")
		}},
		"approval_removed": {"have not approved version 2 of the key ring: 1 of the managers of keys/1 have signed, 2 must", func(e *era) {
			e.remove("keys/2/sigs/carla.riva@police.example")
		}},
		"first_approval_removed": {"have not approved version 1 of the key ring: ", func(e *era) { e.remove("keys/1/sigs/carla.riva@police.example") }},
		"another_version_than_recorded": {"version 2 of the key ring is not the one that record 12 brings", func(e *era) {
			e.swap("keys/2/meta", "expires 2100", "expires 2099")
		}},
		"from_an_earlier_record": {"version 2 of the key ring is not the one that record 11 brings", func(e *era) { e.swap("export.txt", "key-ring: 2 12", "key-ring: 2 11") }},
		"first_version_left_out": {"the versions of the key ring do not follow each other", func(e *era) { e.swap("export.txt", "key-ring: 1 3\n", "") }},
		"all_versions_left_out":  {"the file keys/0/signers is missing", func(e *era) { e.unnamed() }},
		"another_script_for_it":  {"verify-ring.sh is missing, the one with SHA-256 ", func(e *era) { e.write("verify-ring.sh", "exit 0\n") }},
		"record_of_it_altered": {"record 12 does not lie under the checkpoint's root at this number", func(e *era) {
			e.swap(record(12), `"node":"node-a/1"`, `"node":"node-b/1"`)
		}},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &era{court: whole.copied(t), newer: whole.newer, versions: whole.versions}
			tt.lie(e)
			if name == "record_of_it_altered" {
				e.sum()
			} else {
				e.seal()
			}
			e.want(false, tt.words, "NO: ")
		})
	}
}

// TestScriptNoticesAVersionThatIsLeftOut has an alert of which the second signature counts by no version but
// one that was no longer in force: the liar keeps silent about the newer one.
func TestScriptNoticesAVersionThatIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, lie := range some(map[string]func(*era){
		"version_left_out": func(e *era) { e.swap("export.txt", "key-ring: 2 9\n", "") },
		"plain_ring_in_its_place": func(e *era) {
			e.unnamed()
			if err := os.Mkdir(filepath.Join(e.dir, "keys/0"), 0o700); err != nil {
				e.t.Fatal(err)
			}
			for _, name := range []string{"signers", "revoked", "policy"} {
				e.write("keys/0/"+name, e.read("keys/1/"+name))
			}
		},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := half(t)
			e.exported()
			lie(e)
			e.claim(e.alert.Newest, 10)
			e.seal()
			e.want(false, "a record brings a version of the key ring that export.txt does not name", "Bulletin 2: RELEASED by record 10.", "NO: ")
		})
	}
}

// stolen has an update signed by the liaison whose key was stolen, whom version 2 revokes before: a node
// refuses the signature.
func stolen(t *testing.T) *era {
	t.Helper()
	e := newEra(t)
	e.release(e.b)
	e.deliver(e.b)
	e.change()
	update := e.alert.Next(t, alert.MsgUpdate)
	e.hand(update)
	e.sign(update, e.officer)
	seq := e.sign(update, e.police)
	e.add(of(update, ledger.Record{Type: ledger.Rejected, Refers: seq, Class: ledger.ClassSignature, Reason: "revoked"}))
	return e
}

// TestExportWithoutAVersionThatJudged loses the bytes of a version: who could sign since is not known.
func TestExportWithoutAVersionThatJudged(t *testing.T) {
	t.Parallel()
	started := func(e *era) {
		e.add(ledger.Record{Type: ledger.NodeStarted, Node: "one/b", Ring: e.versions[1].Claim().Ring})
	}
	lose := func(e *era) { delete(e.blobs, e.versions[1].Claim().Folder) }
	t.Run("nodes_judged_by_it", func(t *testing.T) {
		t.Parallel()
		e := stolen(t)
		started(e)
		if _, err := e.finished(); err != nil {
			t.Fatalf("with its bytes: %v", err)
		}
		lose(e)
		if out, err := e.finished(); !errors.Is(err, audit.ErrKeyRing) || !errors.Is(err, signing.ErrLostVersion) {
			t.Errorf("exported %+v, %v", out, err)
		}
	})
	t.Run("after_the_alert", func(t *testing.T) {
		t.Parallel()
		e := newEra(t)
		e.release(e.b)
		e.change()
		started(e)
		lose(e)
		e.exported()
		e.want(true, "YES: ")
	})
	t.Run("nobody_says_so", func(t *testing.T) {
		t.Parallel()
		e := stolen(t)
		lose(e)
		e.exported()
		e.want(false, "a record brings a version of the key ring that export.txt does not name",
			"record 15: the signature holds here, and the ledger refuses it (record 16): the key ring of then was another one", "NO: ")
	})
	t.Run("refused_by_a_node", func(t *testing.T) {
		t.Parallel()
		e := stolen(t)
		e.add(ledger.Record{Type: ledger.Rejected, Refers: 12, Reason: "no bytes"})
		lose(e)
		e.exported()
		e.want(false, "record 15: the signature holds here, and the ledger refuses it (record 16)", "NO: ")
	})
	t.Run("another_root", func(t *testing.T) {
		t.Parallel()
		e := twice(t)
		e.versions[0] = signingtest.Version(t, alert.RealmLive, nil, nil, e.officer, e.newer)
		if out, err := e.finished(); !errors.Is(err, audit.ErrKeyRing) || !errors.Is(err, signing.ErrOtherRoot) {
			t.Errorf("exported %+v, %v", out, err)
		}
	})
}

// resum has the record and the managers' meta name the ring as it lies in the folder, so that the
// managers' signatures alone are against it.
func (e *era) resum(version string) {
	e.t.Helper()
	sum := func(name string) string {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(e.read("keys/"+version+"/"+name))))
	}
	ring := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "signers %s\nrevoked %s\n", sum("signers"), sum("revoked"))))
	e.write(record(12), regexp.MustCompile(`"key_ring":"[0-9a-f]+"`).ReplaceAllString(e.read(record(12)), `"key_ring":"`+ring+`"`))
}

// unnamed has export.txt name no version.
func (e *era) unnamed() {
	e.t.Helper()
	e.write("export.txt", regexp.MustCompile(`key-ring: .*\n`).ReplaceAllString(e.read("export.txt"), ""))
}

// TestScriptNamesTheOtherScript holds the digest in verify-alert.sh against the script that checks the
// managers' approvals.
func TestScriptNamesTheOtherScript(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("verify-alert.sh")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("\nring_script=%x\n", sha256.Sum256(signing.VerifyRingScript())); !strings.Contains(string(script), want) {
		t.Errorf("verify-alert.sh does not hold %q", want)
	}
}

// TestScriptClimbsToTheRoot alters what the root covers: record, number, proof and root.
func TestScriptClimbsToTheRoot(t *testing.T) {
	t.Parallel()
	c := newCourt(t, alert.RealmLive)
	c.release(c.b)
	c.fill(21)
	c.begin(c.b, "", c.alert.Channels...)
	c.post(c.b, c.alert.Channels[0], 1)
	c.fill(37)
	c.export()
	c.want(true, "under it lie, with their numbers and times, 6 of the records of this export")
	for name, tt := range some(map[string]struct {
		words string
		lie   func(*court)
	}{
		"record": {"record 5 does not lie under", func(c *court) { c.swap(record(5), `"node":"node-a/1"`, `"node":"node-b/1"`) }},
		"time": {"record 5 does not lie under", func(c *court) {
			c.write(record(5), regexp.MustCompile(`T..:`).ReplaceAllStringFunc(c.read(record(5)), func(hour string) string {
				return map[bool]string{true: "T22:", false: "T23:"}[hour == "T23:"]
			}))
		}},
		"end_of_a_line": {"record 22 does not lie under", func(c *court) { c.write(record(22), c.read(record(22))+"\n") }},
		"hash":          {"record 22 does not lie under", func(c *court) { c.write("proofs/22.tlog-proof", another(c.read("proofs/22.tlog-proof"), 2)) }},
		"last_hash":     {"record 22 does not lie under", func(c *court) { c.write("proofs/22.tlog-proof", another(c.read("proofs/22.tlog-proof"), 5)) }},
		"proof_too_short": {"record 22 does not lie under", func(c *court) {
			lines := strings.Split(c.read("proofs/22.tlog-proof"), "\n")
			c.write("proofs/22.tlog-proof", strings.Join(append(lines[:7:7], lines[8:]...), "\n"))
		}},
		"index": {"record 22 does not lie under", func(c *court) { c.swap("proofs/22.tlog-proof", "index 21", "index 20") }},
		"proof_of_another": {"record 23 does not lie under", func(c *court) {
			c.write("proofs/23.tlog-proof", strings.Replace(c.read("proofs/22.tlog-proof"), "index 21", "index 22", 1))
		}},
		"no_proof": {"record 22 has no proof that the checkpoint covers it", func(c *court) { c.remove("proofs/22.tlog-proof") }},
		"root":     {"record 1 does not lie under", func(c *court) { c.write("checkpoint", another(c.read("checkpoint"), 2)) }},
		"size":     {"record 1 does not lie under", func(c *court) { c.swap("checkpoint", "\n37\n", "\n70\n") }},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lied := c.copied(t)
			tt.lie(lied)
			lied.sum()
			lied.want(false, tt.words, "NO: ")
		})
	}
}

// another returns a text with another letter in the middle of a line.
func another(text string, line int) string {
	lines := strings.Split(text, "\n")
	was := lines[line]
	lines[line] = was[:9] + map[bool]string{true: "B", false: "A"}[was[9] == 'A'] + was[10:]
	return strings.Join(lines, "\n")
}

// TestOlderSSHKeygenReadsVersions is TestScriptWithAnOlderSSHKeygen for a key ring with versions.
func TestOlderSSHKeygenReadsVersions(t *testing.T) {
	t.Parallel()
	e := twice(t)
	e.exported()
	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(e.dir, "verify-alert.sh"))
	cmd.Env = append(os.Environ(), "PATH="+olderSSHKeygen(t)+":"+os.Getenv("PATH"), "TMPDIR="+t.TempDir(), "TZ=America/New_York")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
