package audit_test

// This file holds verify-alert.sh, with the real ssh-keygen, against every lie of an
// exporter that it has to notice. A liar writes MANIFEST and export.txt anew, so that
// each lie meets the check that is meant for it.

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
	"tocsin/broker/signing/sshsig"
)

// A court is a scene whose alert is exported, with the files by which it is judged.
type court struct {
	*scene
	keys   audit.Keys
	dir    string // the export, once written
	sealed bool   // it has a checkpoint, and each record its proof
}

// unrelated are the tests whose lies have nothing to do with the checkpoint. Three in four of
// their exports have none: climbing to its root is most of what the script does, one section
// of it that the others do not ask, and what it finds is tried where every lie is about it.
var unrelated = regexp.MustCompile(`^Test(ScriptAcceptsWhatIsSo|ScriptNoticesLies|ScriptHoldsWhatIsPrepared|ScriptReadsHalts|ScriptNoticesLiesAboutHalts|ScriptKnowsBreakglass|ScriptRefusesBreakglass|` +
	`ScriptJudgesByTheVersionInForce|ScriptNoticesLiesAboutTheKeyRing|ScriptNoticesAVersionThatIsLeftOut|ExportWithoutAVersionThatJudged)/`)

// isSealed reports whether the export of a test has a checkpoint.
func isSealed(t *testing.T) bool {
	return turn(t)%4 == 0 || !unrelated.MatchString(t.Name()) || strings.HasSuffix(t.Name(), "/record_of_it_altered")
}

// without are the tests whose bulletins have nothing prepared inside them, which is a third less for the script to
// do, but for those of their cases that are about it by their names.
var (
	without = regexp.MustCompile(`^TestScript(NoticesLies|ReadsHalts|NoticesLiesAboutHalts|RefusesBreakglass|ClimbsToTheRoot)($|/)`)
	about   = regexp.MustCompile(`prepared|behind`)
)

// turn deals the cases of a test out, each time alike.
func turn(t *testing.T) int {
	sum := sha256.Sum256([]byte(t.Name()))
	return int(sum[0])
}

// shellOf returns the shell under which a case is run: in three of four the one that the system takes for
// scripts, in the fourth another one, which is slower, each in its turn. The script is plain POSIX shell, which TestScriptIsPlainShell holds, and says the same under each,
// as TestScriptSaysTheSameEverywhere holds for all that it goes through on its way to a yes.
func shellOf(t *testing.T) string {
	all, n := shells(), turn(t)/4
	if len(all) == 1 || n%4 != 0 {
		return all[0]
	}
	return all[1+n/4%(len(all)-1)]
}

// newCourt returns a scene in a realm, half an hour old, with these lines in the ring;
// none for those of officer and police.
func newCourt(t *testing.T, realm alert.Realm, lines ...string) *court {
	t.Helper()
	c := &court{scene: &scene{
		book: &book{t: t, start: time.Now().UTC().Add(-30 * time.Minute).Truncate(time.Second)}, officer: signingtest.Officer(t), police: signingtest.Police(t),
		alert: bulletintest.New(t, "telegram-a", "x-a"), blobs: map[string][]byte{},
	}, sealed: isSealed(t)}
	c.alert.Realm, c.alert.Prepared = realm, !without.MatchString(t.Name()) || about.MatchString(t.Name())
	c.add(ledger.Record{Type: ledger.Genesis, Realm: string(realm), Epoch: "0123456789abcdef"})
	c.add(ledger.Record{Type: ledger.NodeStarted})
	c.b = c.alert.Next(t, alert.MsgAlert)
	if len(lines) == 0 {
		lines = []string{c.officer.Line(t), c.police.Line(t)}
	}
	c.keys = audit.Keys{Signers: []byte("# portachiavi\n\n" + strings.Join(lines, "\n") + "\n"), Revoked: []byte("# nessuna\n"), Policy: signing.DefaultPolicy()}
	return c
}

// export writes the alert into a new folder, as the ledger and the keys are.
func (c *court) export() *audit.Export {
	c.t.Helper()
	ring, err := signing.ParseRing("signers", c.keys.Signers, c.keys.Revoked)
	if err != nil {
		c.t.Fatal(err)
	}
	policy, err := signing.ParsePolicy(c.keys.Policy)
	if err != nil {
		c.t.Fatal(err)
	}
	c.authority = &signing.Authority{Ring: ring, Policy: policy, Realm: c.alert.Realm}
	state := c.t.TempDir() // of a node that has written no checkpoint yet
	if c.sealed {
		state = kept(c.t, c.book)
	}
	x := audit.NewExporter(signing.Fixed(c.authority), c.keys, audit.OpenGuard(state), string(c.b.Alert))
	show(x.Observe, c.entries)
	e, err := x.Finish(c.t.Context(), int64(len(c.entries)), func(_ context.Context, digest string) ([]byte, error) {
		if raw, ok := c.blobs[digest]; ok {
			return raw, nil
		}
		return nil, ledger.ErrNoBlob
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.dir = filepath.Join(c.t.TempDir(), "alert")
	if err := e.Write(c.dir); err != nil {
		c.t.Fatal(err)
	}
	return e
}

// copied returns a copy of the court and of its export, for the lies of one test. The export was made with a
// checkpoint; the copy has one as if it were an export of that test.
func (c *court) copied(t *testing.T) *court {
	t.Helper()
	other, around := *c, *c.scene
	around.book = &book{t: t, start: c.start, entries: c.entries}
	other.scene, other.sealed, other.dir = &around, isSealed(t), filepath.Join(t.TempDir(), "alert")
	if err := os.CopyFS(other.dir, os.DirFS(c.dir)); err != nil {
		t.Fatal(err)
	}
	if !other.sealed {
		other.unproven()
		other.sum()
	}
	return &other
}

func (c *court) read(name string) string {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

func (c *court) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// swap changes a text in a file of the export, which must hold it.
func (c *court) swap(name, from, to string) {
	c.t.Helper()
	text := c.read(name)
	if !strings.Contains(text, from) {
		c.t.Fatalf("%s does not hold %q", name, from)
	}
	c.write(name, strings.Replace(text, from, to, 1))
}

func (c *court) remove(names ...string) {
	c.t.Helper()
	for _, name := range names {
		if !c.sealed && strings.HasPrefix(name, "proofs/") {
			continue
		}
		remove(c.t, c.dir, name)
	}
}

// claim has export.txt say that the record released b.
func (c *court) claim(b *bulletin.Bulletin, record int64) {
	c.t.Helper()
	c.write("export.txt", fmt.Sprintf("%sreleased: %s %d\n", c.read("export.txt"), b.SHA256(), record))
}

// seal writes MANIFEST anew, as a liar would, who also leaves out the checkpoint where it would
// show that records were altered.
func (c *court) seal() {
	c.t.Helper()
	for _, e := range c.entries {
		if raw, err := os.ReadFile(filepath.Join(c.dir, record(e.Seq))); err == nil && !bytes.Equal(raw, audit.Leaf(e)) {
			c.unproven()
			break
		}
	}
	c.sum()
}

// sum writes MANIFEST anew.
func (c *court) sum() {
	c.t.Helper()
	c.remove("MANIFEST")
	manifest := ""
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(c.dir, path)
		manifest += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(c.read(name))), name)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.write("MANIFEST", manifest)
}

// unproven leaves out the checkpoint and the proofs.
func (c *court) unproven() {
	c.t.Helper()
	for _, name := range []string{"checkpoint", "ledger.vkey", "proofs"} {
		if err := os.RemoveAll(filepath.Join(c.dir, name)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// run runs the script of the export under a shell and returns what it wrote.
func (c *court) run(shell, lang string) (out string, yes bool) {
	c.t.Helper()
	for _, tool := range []string{"ssh-keygen", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
				c.t.Fatal(err)
			}
			c.t.Skip(err)
		}
	}
	cmd := exec.CommandContext(c.t.Context(), shell, filepath.Join(c.dir, "verify-alert.sh"))
	cmd.Dir = c.t.TempDir() // works from anywhere, and leaves nothing
	cmd.Env = append(os.Environ(), "TOCSIN_LANG=", "LC_ALL=", "LC_MESSAGES=", "LANG="+lang, "TZ=America/New_York")
	raw, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		c.t.Fatalf("%s: %v\n%s", shell, err, raw)
	}
	held, readErr := os.ReadDir(cmd.Dir)
	if readErr != nil || len(held) > 0 {
		c.t.Errorf("the script left %v, %v", held, readErr)
	}
	return string(raw), err == nil
}

// want runs the script in English and holds its answer and words against those wanted.
func (c *court) want(yes bool, words ...string) {
	c.t.Helper()
	shell := shellOf(c.t)
	out, got := c.run(shell, "en_GB.UTF-8")
	if got != yes {
		c.t.Errorf("the script says yes: %v, want %v", got, yes)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			c.t.Errorf("the script does not say %q", w)
		}
	}
	if c.t.Failed() {
		c.t.Logf("under %s:\n%s", shell, out)
	}
}

// statement adds a signature record with this armour.
func (c *court) statement(b *bulletin.Bulletin, principal, namespace string, armored []byte) int64 {
	c.t.Helper()
	return c.add(of(b, ledger.Record{Type: ledger.Signature, Principal: principal, Namespace: namespace, Armor: string(armored)}))
}

const (
	officerSeq = 4 // of the officer's signature on the first bulletin
	policeSeq  = 5
)

func record(seq int64) string    { return fmt.Sprintf("records/%d", seq) }
func signature(seq int64) string { return fmt.Sprintf("signatures/%d.sig", seq) }

// TestScriptAcceptsWhatIsSo has alerts of which every statement is true.
func TestScriptAcceptsWhatIsSo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		build func(*testing.T) *court
		words []string
	}{
		"two_signatures": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			c.deliver(c.b)
			return c
		}, []string{"RELEASED by record 5", "(live)"}},
		"update_and_revocation": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmExercise)
			c.release(c.b)
			c.deliver(c.b)
			update := c.alert.Next(t, alert.MsgUpdate)
			c.release(update)
			c.release(c.alert.Next(t, alert.MsgCancel))
			return c
		}, []string{"Bulletin 2: RELEASED", "Bulletin 3: RELEASED", "the policy asks for: duty officer and police liaison"}},
		"corrected_and_cancelled_by_one_each": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			c.deliver(c.b)
			correction := c.b.Prepared(bulletin.Correction)
			c.hand(correction)
			c.sign(correction, c.police)
			c.deliver(correction)
			revocation := correction.Prepared(bulletin.Revocation)
			c.hand(revocation)
			c.sign(revocation, c.officer)
			c.deliver(revocation)
			return c
		}, []string{
			"the policy asks for: duty officer or police liaison or signer of corrections",
			"Bulletin 2: RELEASED by record 12.\n  Its bytes stand inside bulletin 1: ",
			"Bulletin 3: RELEASED by record 19.\n  Its bytes stand inside bulletin 2: ",
		}},
		"updated_and_cancelled_by_one": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			update := c.alert.Next(t, alert.MsgUpdate)
			c.release(update)
			c.hand(update.Prepared(bulletin.Revocation))
			c.sign(update.Prepared(bulletin.Revocation), c.police)
			return c
		}, []string{"Bulletin 3: RELEASED by record 10.\n  Its bytes stand inside bulletin 2: "}},
		"update_after_a_correction": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			correction := c.b.Prepared(bulletin.Correction)
			c.hand(correction)
			c.sign(correction, c.police)
			c.alert.Take(correction)
			c.release(c.alert.Next(t, alert.MsgUpdate))
			return c
		}, []string{"Bulletin 2: RELEASED by record 7.", "Bulletin 3: RELEASED by record 10."}},
		"prepared_by_the_rule_of_its_type": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.keys.Policy = unprepared(t, c.keys.Policy)
			c.release(c.b)
			c.release(c.b.Prepared(bulletin.Revocation))
			return c
		}, []string{"Bulletin 2: RELEASED by record 8.\n  Its bytes stand inside bulletin 1: "}},
		"prepared_of_one_kind_by_its_own_rule": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.keys.Policy = append(unprepared(t, c.keys.Policy), "prepared:\n  revocation:\n    any:\n      - police\n"...)
			c.release(c.b)
			c.release(c.b.Prepared(bulletin.Correction))
			revocation := c.b.Prepared(bulletin.Correction).Prepared(bulletin.Revocation)
			c.hand(revocation)
			c.sign(revocation, c.police)
			return c
		}, []string{"Bulletin 2: RELEASED by record 8.", "the policy asks for: police liaison\n", "Bulletin 3: RELEASED by record 10."}},
		"one_waits": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmExercise)
			c.release(c.b)
			update := c.alert.Next(t, alert.MsgUpdate)
			c.hand(update)
			c.sign(update, c.officer)
			return c
		}, []string{"NOT RELEASED: the signature is missing of: police liaison. It does not count."}},
		"one_that_lost": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmExercise)
			c.release(c.b)
			rest := *c.alert
			first, second := c.alert.Next(t, alert.MsgUpdate), rest.Next(t, alert.MsgCancel)
			c.hand(first)
			c.hand(second)
			c.sign(first, c.officer)
			c.sign(first, c.police)
			c.sign(second, c.officer)
			c.sign(second, c.police)
			return c
		}, []string{"NOT RELEASED: bulletin 2 was released already"}},
		"expired_since": {func(t *testing.T) *court {
			police := signingtest.Police(t)
			police.Before = time.Now().Add(-10 * time.Minute).UTC().Truncate(time.Second)
			c := newCourt(t, alert.RealmLive, signingtest.Officer(t).Line(t), police.Line(t))
			c.release(c.b)
			return c
		}, []string{"RELEASED by record 5"}},
		"refused_signature": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmExercise)
			c.hand(c.b)
			seq := c.signed(c.b, c.police, []byte("other bytes"))
			c.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassSignature, Refers: seq, Reason: "it does not hold"})
			c.sign(c.b, c.officer)
			c.sign(c.b, c.police)
			return c
		}, []string{"DOES NOT COUNT: ssh-keygen: Signature verification failed: incorrect signature", "RELEASED by record 7"}},
		"certificate": {func(t *testing.T) *court {
			liaison, line := enrolled(t, "anna.verdi@police.example", nil)
			c := newCourt(t, alert.RealmLive, signingtest.Officer(t).Line(t), line)
			c.hand(c.b)
			c.sign(c.b, c.officer)
			c.statement(c.b, "anna.verdi@police.example", "police@tocsin", signWith(t, liaison, "police@tocsin", c.b.Bytes()))
			return c
		}, []string{"ECDSA-CERT", "RELEASED by record 5"}},
		"passkey": {func(t *testing.T) *court {
			return withPasskey(t, "", func(*signingtest.Passkey) {})
		}, []string{"presence UP=1, verification UV=1, may be copied BE=0, page https://firma.police.example"}},
		"passkey_of_a_browser_that_says_more": {func(t *testing.T) *court {
			return withPasskeySaying(t, `"crossOrigin":false,"other_keys_can_be_added_here":"do not compare: \"crossOrigin\":true \u00e8 è","a": [{"b":1}, {"b":-2.5e3}, [], {}, true,null], "c":{"a":""} }`)
		}, []string{"page https://firma.police.example"}},
		"revoked_keys_of_others": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			c.keys.Revoked = fmt.Appendf(nil, "# due\n\n%s prima\n%s", line(newSigner(t).PublicKey()), line(otherForm(t, newSigner(t).PublicKey())))
			return c
		}, []string{"RELEASED by record 5"}},
		"policy_that_allows": {func(t *testing.T) *court {
			return withPasskey(t, "hardware_keys:\n  user_verification: false # a comment\n  synced_passkeys: true\n  origins:\n    - 'https://a.firma.police.example'\n    - \"https://firma.police.example\"\n",
				func(k *signingtest.Passkey) { k.Flags = 0x19 })
		}, []string{"presence UP=1, verification UV=0, may be copied BE=1"}},
		"ring_changed_since": {func(t *testing.T) *court {
			c := newCourt(t, alert.RealmExercise)
			c.release(c.b)
			c.add(of(c.b, ledger.Record{Type: ledger.Attempt, Channels: []string{"x-a"}, Part: 1, Attempt: 1, Until: c.start.Add(time.Hour), Ring: strings.Repeat("ab", 32)}))
			return c
		}, []string{"name another one: abababab"}},
	}
	for name, tt := range some(tests) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tt.build(t)
			e := c.export()
			if e.Records != e.Proofs+len(e.Unproven) || c.sealed && e.Proofs == 0 || e.Signatures < 2 {
				t.Errorf("the export is %+v", e)
			}
			c.want(true, append(tt.words, "YES: each bulletin")...)
		})
	}
}

// TestScriptNoticesLies has one lie in each export.
func TestScriptNoticesLies(t *testing.T) {
	t.Parallel()
	whole := newCourt(t, alert.RealmLive)
	whole.release(whole.b)
	whole.deliver(whole.b)
	whole.export()
	good := whole.copied
	tests := map[string]struct {
		words string
		lie   func(*testing.T) *court
	}{
		"bulletin_flipped": {"its bytes do not have the SHA-256 of its name", func(t *testing.T) *court {
			c := good(t)
			c.swap("bulletins/"+c.b.SHA256()+".bulletin", "Piogge", "Pioghe")
			c.seal()
			return c
		}},
		"bulletin_flipped_unsealed": {"is not the one of MANIFEST", func(t *testing.T) *court {
			c := good(t)
			c.swap("bulletins/"+c.b.SHA256()+".bulletin", "Piogge", "Pioghe")
			return c
		}},
		"bulletin_replaced": {"DOES NOT COUNT: ssh-keygen: Signature verification failed: incorrect signature", func(t *testing.T) *court {
			c := good(t)
			text := string(bulletintest.Alone(bytes.Replace(c.b.Bytes(), []byte("Piogge"), []byte("Pioghe"), 1)))
			other := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
			c.remove("bulletins/" + c.b.SHA256() + ".bulletin")
			c.write("bulletins/"+other+".bulletin", text)
			c.swap(record(3), fmt.Sprintf(`"bytes":%d`, len(c.b.Bytes())), fmt.Sprintf(`"bytes":%d`, len(text)))
			for _, name := range []string{"export.txt", record(3), record(4), record(5), record(6), record(7), record(8), record(9), record(10)} {
				c.write(name, strings.ReplaceAll(c.read(name), c.b.SHA256(), other))
			}
			c.seal()
			return c
		}},
		"signature_flipped": {"is not what the ledger's record says", func(t *testing.T) *court {
			c := good(t)
			c.write(signature(policeSeq), flipped(c.read(signature(policeSeq))))
			c.seal()
			return c
		}},
		"signature_and_record_flipped": {"record 5: the signature does not hold, and the ledger does not refuse it", func(t *testing.T) *court {
			c := good(t)
			was := c.read(signature(policeSeq))
			is := flipped(was)
			c.write(signature(policeSeq), is)
			c.swap(record(policeSeq), strings.ReplaceAll(was, "\n", `\n`), strings.ReplaceAll(is, "\n", `\n`))
			c.seal()
			return c
		}},
		"signatures_swapped": {"is not what the ledger's record says", func(t *testing.T) *court {
			c := good(t)
			a, b := c.read(signature(officerSeq)), c.read(signature(policeSeq))
			c.write(signature(officerSeq), b)
			c.write(signature(policeSeq), a)
			c.seal()
			return c
		}},
		"signatures_and_records_swapped": {"DOES NOT COUNT: ssh-keygen: ", func(t *testing.T) *court {
			c := good(t)
			a, b := c.read(signature(officerSeq)), c.read(signature(policeSeq))
			c.write(signature(officerSeq), b)
			c.write(signature(policeSeq), a)
			line := strings.NewReplacer("\n", `\n`)
			c.swap(record(officerSeq), line.Replace(a), line.Replace(b))
			c.swap(record(policeSeq), line.Replace(b), line.Replace(a))
			c.seal()
			return c
		}},
		"ring_flipped": {"no line of the key ring admits this key", func(t *testing.T) *court {
			c := good(t)
			other := signingtest.NewPerson(t, c.police.Principal, signing.Deputy).PublicKey()
			c.swap("keys/0/signers", line(c.police.PublicKey()), line(other))
			c.seal()
			return c
		}},
		"ring_flipped_unsealed": {"is not the one of MANIFEST", func(t *testing.T) *court {
			c := good(t)
			c.write("keys/0/signers", c.read("keys/0/signers")+"\n")
			return c
		}},
		"ring_line_for_everything": {"the key ring has a line that Tocsin does not take", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/signers", `namespaces="police@tocsin,police@exercise.tocsin",`, "")
			c.seal()
			return c
		}},
		"ring_without_end": {"the key ring has a line that Tocsin does not take", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/signers", `,valid-before="21000101000000Z"`, "")
			c.seal()
			return c
		}},
		"ring_for_any_name": {"the key ring has a line that Tocsin does not take", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/signers", "\n"+c.police.Principal+" ", "\n*@police.example ")
			c.seal()
			return c
		}},
		"ring_key_for_two": {"one key is in the key ring for two persons or two roles", func(t *testing.T) *court {
			c := good(t)
			c.write("keys/0/signers", c.read("keys/0/signers")+strings.Replace(c.police.Line(t), c.police.Principal, "altra@police.example", 1)+"\n")
			c.seal()
			return c
		}},
		"one_person_twice": {"two signatures are by one person", func(t *testing.T) *court {
			twin := signingtest.NewPerson(t, "mario.rossi@pc.example", signing.Police)
			return signedBy(t, twin)
		}},
		"two_of_one_organisation": {"two signatures are of one organisation", func(t *testing.T) *court {
			return signedBy(t, signingtest.NewPerson(t, "carla.neri@pc.example", signing.Police))
		}},
		"one_key_in_two_forms": {"its certificate is for a key that the key ring gives to mario.rossi@pc.example", func(t *testing.T) *court {
			key := newSigner(t)
			liaison, line := enrolled(t, "anna.verdi@police.example", key)
			plain, err := signing.RingLine("mario.rossi@pc.example", signing.Officer, []alert.Realm{alert.RealmLive}, year(2020), year(2100), key.PublicKey(), "")
			if err != nil {
				t.Fatal(err)
			}
			c := newCourt(t, alert.RealmLive, plain, line)
			c.hand(c.b)
			c.statement(c.b, "mario.rossi@pc.example", "officer@tocsin", signWith(t, key, "officer@tocsin", c.b.Bytes()))
			seq := c.statement(c.b, "anna.verdi@police.example", "police@tocsin", signWith(t, liaison, "police@tocsin", c.b.Bytes()))
			if e := c.export(); e.Bulletins[0].Released != 0 {
				t.Error("Tocsin itself takes one key in two forms")
			}
			c.claim(c.b, seq)
			c.seal()
			return c
		}},
		"one_key_under_two_names": {"two signatures are by one key", func(t *testing.T) *court {
			key := newSigner(t)
			officer, ours := certifiedAs(t, "mario.rossi@pc.example", signing.Officer, key)
			liaison, theirs := certifiedAs(t, "anna.verdi@police.example", signing.Police, key)
			c := newCourt(t, alert.RealmLive, ours, theirs)
			c.hand(c.b)
			c.statement(c.b, "mario.rossi@pc.example", "officer@tocsin", signWith(t, officer, "officer@tocsin", c.b.Bytes()))
			c.statement(c.b, "anna.verdi@police.example", "police@tocsin", signWith(t, liaison, "police@tocsin", c.b.Bytes()))
			return claimed(c)
		}},
		"expired_before": {"key has expired", func(t *testing.T) *court {
			police := signingtest.Police(t)
			police.Before = time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
			return signedBy(t, police)
		}},
		"not_yet_valid": {"key is not yet valid", func(t *testing.T) *court {
			police := signingtest.Police(t)
			police.After = time.Now().Add(-time.Minute).UTC().Truncate(time.Second) // valid by now
			return signedBy(t, police)
		}},
		"revoked": {"the key, or the authority that certifies it, is revoked", func(t *testing.T) *court {
			c := good(t)
			c.write("keys/0/revoked", line(c.police.PublicKey())+"\n")
			c.seal()
			return c
		}},
		"passkey_revoked_as_a_plain_key": {"is revoked, perhaps in another form", func(t *testing.T) *court {
			var key ssh.PublicKey
			c := withPasskey(t, "", func(k *signingtest.Passkey) { key = k.PublicKey(t) })
			c.keys.Revoked = []byte(line(otherForm(t, key)) + " rubata\r\n")
			return claimed(c)
		}},
		"plain_key_revoked_as_hardware": {"is revoked, perhaps in another form", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			c.keys.Revoked = []byte(line(otherForm(t, c.police.PublicKey())))
			return claimed(c)
		}},
		"certified_key_revoked_in_another_form": {"is revoked, perhaps in another form", func(t *testing.T) *court {
			key := newSigner(t)
			liaison, line := enrolled(t, "anna.verdi@police.example", key)
			return certifiedBut(t, liaison, []ssh.PublicKey{otherForm(t, key.PublicKey())}, line)
		}},
		"authority_revoked_in_another_form": {"is revoked, perhaps in another form", func(t *testing.T) *court {
			liaison, line := enrolled(t, "anna.verdi@police.example", nil)
			cert, ok := liaison.PublicKey().(*ssh.Certificate)
			if !ok {
				t.Fatal("it is no certificate")
			}
			return certifiedBut(t, liaison, []ssh.PublicKey{newSigner(t).PublicKey(), otherForm(t, cert.SignatureKey)}, line)
		}},
		"ring_key_for_two_in_two_forms": {"one key is in the key ring for two persons or two roles", func(t *testing.T) *court {
			c := good(t)
			other := strings.Replace(c.police.Line(t), c.police.Principal, "altra@police.example", 1)
			c.write("keys/0/signers", c.read("keys/0/signers")+strings.Replace(other, line(c.police.PublicKey()), line(otherForm(t, c.police.PublicKey())), 1)+"\n")
			c.seal()
			return c
		}},
		"revoked_list_of_another_kind": {"the list of revoked keys has a line that Tocsin does not take", func(t *testing.T) *court {
			c := good(t)
			c.write("keys/0/revoked", "serial: 7\n")
			c.seal()
			return c
		}},
		"exercise_signature_on_a_live_alert": {"it is a signature of the other realm (police@exercise.tocsin)", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.hand(c.b)
			c.sign(c.b, c.officer)
			seq := c.statement(c.b, c.police.Principal, "police@exercise.tocsin", c.police.Sign(t, alert.RealmExercise, c.b.Bytes()))
			c.export()
			c.claim(c.b, seq)
			c.seal()
			return c
		}},
		"exercise_signature_called_live": {"namespace does not match", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.hand(c.b)
			c.sign(c.b, c.officer)
			seq := c.statement(c.b, c.police.Principal, "police@tocsin", c.police.Sign(t, alert.RealmExercise, c.b.Bytes()))
			c.export()
			c.claim(c.b, seq)
			c.seal()
			return c
		}},
		"exercise_called_live": {"it is of the other realm", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmExercise)
			c.release(c.b)
			c.export()
			c.swap("export.txt", "realm: exercise\nledger: tocsin/exercise/", "realm: live\nledger: tocsin/live/")
			c.swap(record(1), `"realm":"exercise"`, `"realm":"live"`)
			c.seal()
			return c
		}},
		"passkey_untouched": {"nobody touched the key (UP=0)", func(t *testing.T) *court {
			return claimed(withPasskey(t, "", func(k *signingtest.Passkey) { k.Flags = 0x04 }))
		}},
		"passkey_unverified": {"(UV=0), and the policy demands it", func(t *testing.T) *court {
			return claimed(withPasskey(t, "", func(k *signingtest.Passkey) { k.Flags = 0x01 }))
		}},
		"passkey_unverified_by_default": {"(UV=0), and the policy demands it", func(t *testing.T) *court {
			return claimed(withPasskey(t, "# no hardware_keys\n", func(k *signingtest.Passkey) { k.Flags = 0x01 }))
		}},
		"passkey_synced": {"may exist on several devices (BE=1)", func(t *testing.T) *court {
			return claimed(withPasskey(t, "", func(k *signingtest.Passkey) { k.Flags = 0x1d }))
		}},
		"passkey_framed": {"framed", func(t *testing.T) *court {
			return claimed(withPasskey(t, "", func(k *signingtest.Passkey) { k.CrossOrigin = true }))
		}},
		"passkey_says_something_twice": {"the browser's data say something twice", func(t *testing.T) *court {
			return claimed(withPasskeySaying(t, `"crossOrigin":false,"crossOrigin":true}`))
		}},
		"passkey_says_something_twice_inside": {"the browser's data say something twice", func(t *testing.T) *court {
			return claimed(withPasskeySaying(t, `"crossOrigin":false,"a":[{"b":1,"b":2}]}`))
		}},
		"passkey_says_something_twice_escaped": {"the browser's data can't be read with certainty", func(t *testing.T) *court {
			return claimed(withPasskeySaying(t, `"crossOrigin":false,"cross\u004frigin":true}`))
		}},
		"passkey_says_no_json": {"the browser's data can't be read with certainty", func(t *testing.T) *court {
			return claimed(withPasskeySaying(t, `"crossOrigin":false,}`))
		}},
		"passkey_other_page": {"is not one that the policy allows", func(t *testing.T) *court {
			return claimed(withPasskey(t, "hardware_keys:\n  origins: [\"https://firma.police.example\"]\n", func(k *signingtest.Passkey) { k.Origin = "https://www.firma.police.example" }))
		}},
		"signature_removed": {"the signature's file is missing", func(t *testing.T) *court {
			c := good(t)
			c.remove(signature(policeSeq))
			c.seal()
			return c
		}},
		"signature_removed_unsealed": {"the file signatures/5.sig is missing", func(t *testing.T) *court {
			c := good(t)
			c.remove(signature(policeSeq))
			return c
		}},
		"signature_and_record_removed": {`the exporter says "released: 5", the signatures say "no"`, func(t *testing.T) *court {
			c := good(t)
			c.remove(signature(policeSeq), record(policeSeq), "proofs/5.tlog-proof")
			c.seal()
			return c
		}},
		"signature_and_record_and_claim_removed": {"record 6 sends a bulletin that was not released", func(t *testing.T) *court {
			c := good(t)
			c.remove(signature(policeSeq), record(policeSeq), "proofs/5.tlog-proof")
			c.swap("export.txt", "released: "+c.b.SHA256()+" 5\n", "")
			c.seal()
			return c
		}},
		"extra_file": {"an extra file, which MANIFEST does not name: signatures/99.sig", func(t *testing.T) *court {
			c := good(t)
			c.write(signature(99), c.read(signature(policeSeq)))
			return c
		}},
		"extra_signature": {"no record has the signature 99", func(t *testing.T) *court {
			c := good(t)
			c.write(signature(99), c.read(signature(policeSeq)))
			c.seal()
			return c
		}},
		"extra_signature_that_nobody_refused": {"record 6: the signature does not hold, and the ledger does not refuse it", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			c.signed(c.b, c.police, []byte("other bytes"))
			c.export()
			return c
		}},
		"extra_signature_that_no_node_refused": {"record 6: the signature does not hold, and the ledger does not refuse it", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			seq := c.signed(c.b, c.police, []byte("other bytes"))
			refusal := c.entries[c.add(ledger.Record{Type: ledger.Rejected, Class: ledger.ClassSignature, Refers: seq, Reason: "it does not hold"})-1]
			refusal.Subject = "ledger.rejected" // where commands write
			c.export()
			return c
		}},
		"extra_bulletin": {"no record hands in the bulletin", func(t *testing.T) *court {
			c := good(t)
			text := c.read("bulletins/" + c.b.SHA256() + ".bulletin")
			text = strings.Replace(text, "Piogge", "Pioghe", 1)
			c.write(fmt.Sprintf("bulletins/%x.bulletin", sha256.Sum256([]byte(text))), text)
			c.seal()
			return c
		}},
		"sent_before_release": {"record 5 sends a bulletin that was not released", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.hand(c.b)
			c.sign(c.b, c.officer)
			c.begin(c.b, "", "x-a")
			c.sign(c.b, c.police)
			c.export()
			return c
		}},
		"signed_after_its_end": {"it came when the bulletin had expired", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.hand(c.b)
			c.sign(c.b, c.officer)
			seq := c.sign(c.b, c.police)
			c.entries[seq-1].Time = c.alert.Expires
			c.export()
			c.claim(c.b, seq)
			c.seal()
			return c
		}},
		"one_kind_in_a_comment": {"the kind of its message (msgType) can't be read with certainty", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			return c.forged("<status>", "<!-- <msgType>Cancel</msgType> --><status>")
		}},
		"one_kind_beside_another": {"the kind of its message (msgType) can't be read with certainty", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			return c.forged("<msgType>", "<!-- <msgType>Cancel</msgType> --><msgType>")
		}},
		"another_alert": {"it is of another alert", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			return c.forged("alert: "+string(c.b.Alert), "alert: 00000000-0000-4000-8000-000000000000")
		}},
		"prepared_in_own_words": {"it is not among those that are prepared inside the newest released one, which is 1", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			return c.alone(c.inOwnWords(c.b.Core()))
		}},
		"prepared_inner_flipped": {"it is not among those that are prepared inside the newest released one, which is 1", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			return c.alone(bytes.Replace(c.b.Prepared(bulletin.Revocation).Bytes(), []byte("Piogge"), []byte("Pioghe"), 1))
		}},
		"prepared_flipped_where_it_stands": {"what is prepared inside it (revocation) does not have the SHA-256 that it says", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			raw := bytes.Clone(c.b.Bytes())
			raw[bytes.LastIndex(raw, []byte("Piogge"))] = 'p' // in the revocation, the last one
			return c.both(raw)
		}},
		"prepared_as_another_kind": {"its number, its kind and what it follows do not go together", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			return c.alone(bytes.Replace(c.b.Prepared(bulletin.Revocation).Bytes(), []byte("prepared-as: revocation"), []byte("prepared-as: correction"), 1))
		}},
		"prepared_for_nothing": {"its number, its kind and what it follows do not go together", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			raw := bytes.Replace(c.b.Prepared(bulletin.Revocation).Bytes(), []byte("prepared-for: "+c.b.Core()+"\n"), nil, 1)
			return c.alone(bytes.Replace(raw, []byte("prepared-as"), []byte("previous: "+c.b.SHA256()+"\nprepared-as"), 1))
		}},
		"prepared_for_another": {"it was prepared for another bulletin than the newest released one, which is 1", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			return c.alone(c.twin().Prepared(bulletin.Revocation).Bytes())
		}},
		"prepared_for_another_where_it_stands": {"what is prepared inside it (correction) was prepared for another bulletin", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			_, prepared, _ := bytes.Cut(c.twin().Bytes(), []byte("\n--- prepared\n"))
			alone := bytes.TrimSuffix(bulletintest.Alone(c.b.Bytes()), []byte("--- end\n"))
			return c.both(append(append(alone, "--- prepared\n"...), prepared...))
		}},
		"prepared_for_one_before_the_newest": {"bulletin 2 was released already", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			c.release(c.alert.Next(t, alert.MsgUpdate))
			return c.alone(c.b.Prepared(bulletin.Revocation).Bytes())
		}},
		"prepared_inside_what_is_prepared": {"it was prepared for another bulletin than the newest released one, which is 1", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			return c.alone(c.b.Prepared(bulletin.Correction).Prepared(bulletin.Revocation).Bytes())
		}},
		"prepared_in_the_text_of_a_post": {"it was prepared for another bulletin than the newest released one, which is 1", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			outer, inner := c.inText()
			if _, err := bulletin.Parse(outer); err != nil {
				t.Fatal(err)
			}
			c.both(outer)
			return c.alone(inner)
		}},
		"prepared_in_the_text_that_is_miscounted": {"its bytes are not built as a bulletin is", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			outer, _ := c.inText()
			return c.both(regexp.MustCompile(`(--- post\n(?:[a-z].*\n)*?bytes: )[0-9]+`).ReplaceAll(outer, []byte("${1}9")))
		}},
		"post_behind_what_is_prepared": {"its bytes are not built as a bulletin is", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			_, post, _ := bytes.Cut(bulletintest.Alone(c.b.Bytes()), []byte("--- post\n"))
			raw := bytes.TrimSuffix(c.b.Bytes(), []byte("--- end\n"))
			return c.both(append(append(bytes.Clone(raw), "--- post\n"...), post...))
		}},
		"text_behind_the_end": {"its bytes are not built as a bulletin is", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			return c.both(append(bytes.Clone(c.b.Bytes()), '\n'))
		}},
		"kind_of_what_is_prepared_alone": {"the kind of its message (msgType) can't be read with certainty", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			return c.both(recounted(c.b.Bytes(), "<msgType>Alert</msgType>", ""))
		}},
		"prepared_by_one_without_a_rule_for_it": {"NOT RELEASED: the signature is missing of: police liaison", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.keys.Policy = unprepared(t, c.keys.Policy)
			c.release(c.b)
			return c.alone(c.b.Prepared(bulletin.Revocation).Bytes())
		}},
		"policy_that_leaves_out_who_signs_what_is_prepared": {"the signing policy has a line that this script can't read: all, any", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/policy", "    any: [officer, police, correction]\n", "")
			c.seal()
			return c
		}},
		"policy_with_a_rule_beside_its_name": {"the signing policy has a line that this script can't read: any: [officer", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/policy", "    any: [officer", "  any: [officer")
			c.seal()
			return c
		}},
		"policy_with_a_prepared_update": {"the signing policy has a line that this script can't read: correction:", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/policy", "prepared:\n", "")
			c.seal()
			return c
		}},
		"policy_that_can_not_be_read": {"the signing policy has a line that this script can't read: all: &all [officer, police]", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/policy", "all: [officer, police]", "all: &all [officer, police]")
			c.seal()
			return c
		}},
		"policy_with_no_signer": {"the signing policy has a line that this script can't read", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/policy", "all: [officer, police]", "all: []")
			c.seal()
			return c
		}},
		"policy_of_key_managers": {"the signing policy has a line that this script can't read: keyring", func(t *testing.T) *court {
			c := good(t)
			c.swap("keys/0/policy", "all: [officer, police]", "any: [keyring]")
			c.seal()
			return c
		}},
		"checkpoint_of_another_ledger": {"the checkpoint is of another ledger", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.sealed = true
			c.release(c.b)
			c.export()
			c.swap("checkpoint", "tocsin/live/0", "tocsin/live/1")
			c.seal()
			return c
		}},
		"records_of_another_number": {"record 5 does not say its own number and time", func(t *testing.T) *court {
			c := good(t)
			c.swap(record(5), "5\n", "6\n")
			c.seal()
			return c
		}},
		"hostile_names": {"an extra file", func(t *testing.T) *court {
			c := good(t)
			for _, name := range []string{"$(touch pwned)", "-rf", "a\nb", "`touch pwned`", "\x1b[2J", "signatures/'; touch pwned;'", ".hidden", "..."} {
				c.write(name, "x")
			}
			return c
		}},
		"hostile_manifest": {"a line of MANIFEST is not allowed", func(t *testing.T) *court {
			c := good(t)
			c.write("MANIFEST", c.read("MANIFEST")+strings.Repeat("0", 64)+"  ../../etc/passwd\n"+strings.Repeat("0", 64)+"  $(touch pwned)\n-n\n")
			return c
		}},
		"hostile_principals": {"the record does not have the form of ours", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.release(c.b)
			for _, name := range []string{"$(touch pwned)@police.example", "-Oprint-pubkey", "*@police.example", "a|b@police.example", "a b@police.example"} {
				c.statement(c.b, name, "police@tocsin", c.police.Sign(t, alert.RealmLive, c.b.Bytes()))
			}
			c.export()
			return c
		}},
		"link_in_place_of_a_file": {"the file signatures/5.sig is missing", func(t *testing.T) *court {
			c := good(t)
			if err := os.Rename(filepath.Join(c.dir, signature(policeSeq)), filepath.Join(c.dir, "..", "elsewhere")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("../../elsewhere", filepath.Join(c.dir, signature(policeSeq))); err != nil {
				t.Fatal(err)
			}
			return c
		}},
		"certificate_of_two_people": {"its certificate is not for one person", func(t *testing.T) *court {
			return withCertificate(t, func(c *ssh.Certificate) {
				c.ValidPrincipals = append(c.ValidPrincipals, "lucia.bianchi@police.example")
			})
		}},
		"certificate_with_an_option": {"its certificate has critical options (source-address 192.0.2.0/24)", func(t *testing.T) *court {
			return withCertificate(t, func(c *ssh.Certificate) {
				c.CriticalOptions = map[string]string{"source-address": "192.0.2.0/24"}
			})
		}},
		"certificate_for_a_key_of_the_ring": {"its certificate is for a key that the key ring gives to carla.neri@police.example", func(t *testing.T) *court {
			key := newSigner(t)
			plain, err := signing.RingLine("carla.neri@police.example", signing.Police, []alert.Realm{alert.RealmLive}, year(2020), year(2100), key.PublicKey(), "")
			if err != nil {
				t.Fatal(err)
			}
			liaison, line := enrolled(t, "anna.verdi@police.example", key)
			return certified(t, liaison, line, plain)
		}},
		"certificate_for_a_key_of_the_ring_in_another_form": {"its certificate is for a key that the key ring gives to carla.neri@police.example", func(t *testing.T) *court {
			key := newSigner(t)
			hardware, err := signing.RingLine("carla.neri@police.example", signing.Police, []alert.Realm{alert.RealmLive}, year(2020), year(2100), otherForm(t, key.PublicKey()), "")
			if err != nil {
				t.Fatal(err)
			}
			liaison, line := enrolled(t, "anna.verdi@police.example", key)
			return certified(t, liaison, line, hardware)
		}},
		"record_of_another_number": {"the ledger's record of it says another number", func(t *testing.T) *court {
			return misrecorded(t, func(r *ledger.Record) { r.Number = 2 })
		}},
		"record_of_another_code": {"the ledger's record of it says another code", func(t *testing.T) *court {
			c := misrecorded(t, func(r *ledger.Record) { r.Code = "SV-00000" })
			c.swap("export.txt", "code: SV-00000", "code: "+string(c.b.Code))
			c.seal()
			return c
		}},
		"record_of_another_identifier": {"the ledger's record of it says another identifier", func(t *testing.T) *court {
			return misrecorded(t, func(r *ledger.Record) { r.Identifier += "x" })
		}},
		"record_of_another_kind_of_message": {"the ledger's record of it says another msg_type", func(t *testing.T) *court {
			return misrecorded(t, func(r *ledger.Record) { r.MsgType = "Update" })
		}},
		"record_of_what_was_prepared": {"the ledger's record of it says another kind", func(t *testing.T) *court {
			return misrecorded(t, func(r *ledger.Record) { r.Kind = "revocation" })
		}},
		"record_of_another_end": {"the ledger's record of it says another expires", func(t *testing.T) *court {
			return misrecorded(t, func(r *ledger.Record) { r.Expires = r.Expires.Add(time.Hour) })
		}},
		"record_of_another_length": {"the ledger's record of it says another bytes", func(t *testing.T) *court {
			return misrecorded(t, func(r *ledger.Record) { r.Bytes++ })
		}},
		"record_of_breakglass": {"the ledger's record of it says another breakglass", func(t *testing.T) *court {
			return misrecorded(t, func(r *ledger.Record) { r.Breakglass = true })
		}},
		"nothing_released": {"no bulletin of this alert was released", func(t *testing.T) *court {
			c := newCourt(t, alert.RealmLive)
			c.hand(c.b)
			c.sign(c.b, c.officer)
			c.export()
			return c
		}},
	}
	for name, tt := range some(tests) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.lie(t).want(false, tt.words, "NO: ")
		})
	}
}

// TestScriptHoldsWhatIsPrepared has a bulletin that both have signed, inside which lies a revocation that
// does not go with it: but for the comment, Tocsin takes none of these for a bulletin.
func TestScriptHoldsWhatIsPrepared(t *testing.T) {
	t.Parallel()
	reference := regexp.MustCompile(`<references>[^<]*`)
	for name, tt := range some(map[string]struct {
		words  string
		change func(prepared string) string
	}{
		"issuer":              {"has another issuer", replaced("issuer: Provincia di Savona", "issuer: Provincia di Genova")},
		"sender":              {"has another sender", replaced("<sender>allerte@", "<sender>allarmi@")},
		"sender_in_a_comment": {"has another sender, or one that can't be read with certainty", replaced("<status>", "<!-- <sender>x</sender> --><status>")},
		"status":              {"has another status", replaced("<status>Actual<", "<status>System<")},
		"code":                {"it is of another alert, or has another code", replaced("code: ", "code: X")},
		"number":              {"does not have the number that follows", replaced("number: 2", "number: 3")},
		"ends_early": {"expires before it", func(s string) string {
			return regexp.MustCompile(`(?m)^composed: (.*)((?:\n.*)*?)\nexpires: .*$`).ReplaceAllString(s, "composed: $1$2\nexpires: $1")
		}},
		"one_channel_more":  {"is for other channels", replaced("channel: x-a\n", "channel: x-b\n")},
		"one_channel_less":  {"is for other channels", replaced("channel: x-a\nkind: x\n", "channel: telegram-a\nkind: telegram\n")},
		"kind_of_a_channel": {"is for other channels", replaced("kind: x\n", "kind: y\n")},
		"references": {"does not refer to the message whose place it takes", func(s string) string {
			return reference.ReplaceAllString(s, "<references>a@b.example,c,2026-01-01T00:00:00+01:00")
		}},
		"no_references": {"does not refer to the message whose place it takes", func(s string) string { return reference.ReplaceAllString(s, "<references>") }},
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCourt(t, alert.RealmLive)
			c.reheld(t, bulletin.Revocation, tt.change).want(false, tt.words, "what is prepared inside it (revocation)", "NO: ")
		})
	}
	t.Run("inside_what_is_prepared", func(t *testing.T) {
		t.Parallel()
		c := newCourt(t, alert.RealmLive)
		inner := string(c.b.Prepared(bulletin.Correction).Prepared(bulletin.Revocation).Bytes())
		other := strings.Replace(inner, "issuer: Provincia di Savona", "issuer: Provincia di Genova", 1)
		c.reheld(t, bulletin.Correction, func(s string) string {
			return strings.Replace(strings.Replace(s, inner, other, 1), fmt.Sprintf("%x", sha256.Sum256([]byte(inner))), fmt.Sprintf("%x", sha256.Sum256([]byte(other))), 1)
		}).want(false, "what is prepared inside it (correction): what is prepared inside it (revocation) has another issuer", "NO: ")
	})
	t.Run("as_it_is", func(t *testing.T) {
		t.Parallel()
		c := newCourt(t, alert.RealmLive)
		c.reheld(t, bulletin.Revocation, func(s string) string { return s }).want(true)
	})
}

func replaced(from, to string) func(string) string {
	return func(s string) string { return strings.Replace(s, from, to, 1) }
}

// reheld exports an alert whose first bulletin holds what is prepared inside it in another form, with the
// lengths and digests that go with that, and says that it was released.
func (c *court) reheld(t *testing.T, kind bulletin.Kind, change func(string) string) *court {
	t.Helper()
	was := string(c.b.Prepared(kind).Bytes())
	is := change(was)
	count := regexp.MustCompile(`--- cap\nbytes: ([0-9]+)`).FindStringSubmatchIndex(is)
	cut := strings.Index(is, "</alert>") - strings.Index(is, "<?xml")
	before := strings.Index(was, "</alert>") - strings.Index(was, "<?xml")
	length, err := strconv.Atoi(is[count[2]:count[3]])
	if err != nil {
		t.Fatal(err)
	}
	is = is[:count[2]] + strconv.Itoa(length+cut-before) + is[count[3]:]
	head := func(text string) string {
		return fmt.Sprintf("as: %s\nsha256: %x\nbytes: %d\n\n%s", kind, sha256.Sum256([]byte(text)), len(text), text)
	}
	raw := strings.Replace(string(c.b.Bytes()), head(was), head(is), 1)
	if is != was && raw == string(c.b.Bytes()) {
		t.Fatal("nothing is changed")
	}
	// The script does not look into comments, and Tocsin does.
	if _, err := bulletin.Parse([]byte(raw)); (err == nil) != (is == was || strings.Contains(is, "<!--")) {
		t.Errorf("Tocsin itself reads it: %v", err)
	}
	return c.both([]byte(raw))
}

// signedBy exports a live alert that the officer and another person have signed, and
// says that it was released.
func signedBy(t *testing.T, other *signingtest.Person) *court {
	t.Helper()
	c := newCourt(t, alert.RealmLive, signingtest.Officer(t).Line(t), other.Line(t))
	c.hand(c.b)
	c.sign(c.b, c.officer)
	c.sign(c.b, other)
	return claimed(c)
}

// withCertificate exports a live alert that the officer and somebody with a certificate have signed.
func withCertificate(t *testing.T, change func(*ssh.Certificate)) *court {
	t.Helper()
	liaison, line := enrolledAs(t, "anna.verdi@police.example", nil, change)
	return certified(t, liaison, line)
}

func certified(t *testing.T, liaison ssh.Signer, lines ...string) *court {
	t.Helper()
	return certifiedBut(t, liaison, nil, lines...)
}

// certifiedBut is certified where keys are revoked.
func certifiedBut(t *testing.T, liaison ssh.Signer, revoked []ssh.PublicKey, lines ...string) *court {
	t.Helper()
	c := newCourt(t, alert.RealmLive, append(lines, signingtest.Officer(t).Line(t))...)
	c.hand(c.b)
	c.sign(c.b, c.officer)
	c.statement(c.b, "anna.verdi@police.example", "police@tocsin", signWith(t, liaison, "police@tocsin", c.b.Bytes()))
	for _, key := range revoked {
		c.keys.Revoked = append(c.keys.Revoked, line(key)+"\n"...)
	}
	return claimed(c)
}

// otherForm returns a key as one of hardware, or one of hardware as a plain one: who has its private half
// can sign as both.
func otherForm(t *testing.T, key ssh.PublicKey) ssh.PublicKey {
	t.Helper()
	var edwards struct {
		Type string
		Key  []byte
		Rest []byte `ssh:"rest"`
	}
	var p256 struct {
		Type, Curve string
		Key         []byte
		Rest        []byte `ssh:"rest"`
	}
	application := ssh.Marshal(struct{ A string }{"ssh:"})
	var wire []byte
	var err error
	switch key.Type() {
	case ssh.KeyAlgoED25519:
		err = ssh.Unmarshal(key.Marshal(), &edwards)
		edwards.Type, edwards.Rest = ssh.KeyAlgoSKED25519, application
		wire = ssh.Marshal(edwards)
	case ssh.KeyAlgoSKECDSA256:
		err = ssh.Unmarshal(key.Marshal(), &p256)
		p256.Type, p256.Rest = ssh.KeyAlgoECDSA256, nil
		wire = ssh.Marshal(p256)
	case ssh.KeyAlgoECDSA256:
		err = ssh.Unmarshal(key.Marshal(), &p256)
		p256.Type, p256.Rest = ssh.KeyAlgoSKECDSA256, application
		wire = ssh.Marshal(p256)
	}
	if err != nil {
		t.Fatal(err)
	}
	other, err := ssh.ParsePublicKey(wire)
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// misrecorded exports an alert of whose bulletin the record says something else than the
// bulletin itself, with both signatures.
func misrecorded(t *testing.T, change func(*ledger.Record)) *court {
	t.Helper()
	c := newCourt(t, alert.RealmLive)
	c.release(c.b)
	r := c.entries[2].Record
	change(&r)
	payload, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c.entries[2].Subject, c.entries[2].Payload, c.entries[2].Record = r.Subject(), payload, r
	return claimed(c)
}

// claimed exports an alert that Tocsin does not release, and says that it was.
func claimed(c *court) *court {
	c.t.Helper()
	if e := c.export(); e.Bulletins[0].Released != 0 {
		c.t.Error("Tocsin itself says that the bulletin was released")
	}
	c.claim(c.b, policeSeq)
	c.seal()
	return c
}

// forged exports an alert whose signed bytes are no good bulletin, and says that they
// were released. The bytes of the CAP message are counted anew.
func (c *court) forged(from, to string) *court {
	c.t.Helper()
	return c.both(recounted(bulletintest.Alone(c.b.Bytes()), from, to))
}

// recounted changes a text of a bulletin once, and what the section cap says of its
// length where that is another one then.
func recounted(raw []byte, from, to string) []byte {
	raw = bytes.Replace(raw, []byte(from), []byte(to), 1)
	count := regexp.MustCompile(`--- cap\nbytes: ([0-9]+)`).FindSubmatchIndex(raw)
	was, err := strconv.Atoi(string(raw[count[2]:count[3]]))
	if err != nil {
		panic(err) // digits alone
	}
	return slices.Concat(raw[:count[2]], fmt.Append(nil, was+len(to)-len(from)), raw[count[3]:])
}

// both exports an alert whose first bulletin has these bytes, with both signatures, and
// says that it was released.
func (c *court) both(raw []byte) *court {
	c.t.Helper()
	return c.lying(raw, 1, "Alert", c.officer, c.police)
}

// alone exports an alert whose second bulletin has these bytes, with the officer's
// signature, and says that it was released, which Tocsin does not.
func (c *court) alone(raw []byte) *court {
	c.t.Helper()
	return c.lying(raw, 2, "Cancel", c.officer)
}

// lying hands in bytes and has them signed, exports the alert and says that the last
// signature released them.
func (c *court) lying(raw []byte, number int, msgType string, people ...*signingtest.Person) *court {
	c.t.Helper()
	digest, last := fmt.Sprintf("%x", sha256.Sum256(raw)), int64(0)
	c.blobs[digest] = raw
	r := ledger.Record{Alert: string(c.b.Alert), Number: number, SHA256: digest}
	handed := r
	handed.Type, handed.Bytes, handed.Code, handed.MsgType, handed.Expires = ledger.Bulletin, len(raw), string(c.b.Code), msgType, c.b.Expires.UTC()
	if b, err := bulletin.Parse(raw); err == nil { // what it is, so that Tocsin judges it by nothing else
		handed.Identifier, handed.MsgType, handed.Number, r.Number = b.Message.Identifier, string(b.Message.MsgType), b.Number, b.Number
	}
	c.add(handed)
	for _, p := range people {
		r.Type, r.Principal, r.Namespace, r.Armor = ledger.Signature, p.Principal, signing.Namespace(p.Role, c.alert.Realm), string(p.Sign(c.t, c.alert.Realm, raw))
		last = c.add(r)
	}
	claim := fmt.Sprintf("released: %s %d\n", digest, last)
	c.export()
	// Good bytes that both have signed are what Tocsin releases too.
	if claims := c.read("export.txt"); !strings.Contains(claims, claim) {
		c.write("export.txt", claims+claim)
	} else if len(people) == 1 {
		c.t.Error("Tocsin itself says that the bulletin was released")
	}
	c.seal()
	return c
}

// inOwnWords returns a revocation of the first bulletin that nobody prepared, and that
// says it was, inside the bulletin with this core.
func (c *court) inOwnWords(core string) []byte {
	c.t.Helper()
	d := draft(c.b.Prepared(bulletin.Revocation))
	d.CAP, d.PreparedFor = bytes.Replace(d.CAP, []byte("Piogge"), []byte("Pioghe"), 1), core
	return bulletintest.Write(c.t, d).Bytes()
}

// twin returns another first bulletin of the alert, with what is prepared inside it.
func (c *court) twin() *bulletin.Bulletin {
	c.t.Helper()
	twin := *c.alert
	twin.Newest, twin.Composed = nil, twin.Composed.Add(-time.Minute)
	return twin.Next(c.t, alert.MsgAlert)
}

// inText returns a first bulletin that holds nothing prepared but, in the text of its
// first post, what looks like it, and the revocation in own words that stands there.
func (c *court) inText() (outer, inner []byte) {
	c.t.Helper()
	d := draft(c.b)
	core, text := strings.Repeat("0", 64), d.Posts[0].Text
	for range 2 { // the core is as long as the zeros, so that nothing before it moves
		inner = c.inOwnWords(core)
		d.Posts[0].Text = fmt.Sprintf("%s\n--- prepared\nas: revocation\nsha256: %x\nbytes: %d\n\n%s\n--- end", text, sha256.Sum256(inner), len(inner), inner)
		outer = bulletintest.Write(c.t, d).Bytes()
		core = fmt.Sprintf("%x", sha256.Sum256(outer[:bytes.Index(outer, []byte("--- prepared\n"))]))
	}
	return outer, inner
}

// draft returns what a bulletin was made of, but for what is prepared inside it.
func draft(b *bulletin.Bulletin) bulletin.Draft {
	return bulletin.Draft{
		Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
		Previous: b.Previous, Kind: b.Kind, PreparedFor: b.PreparedFor, CAP: b.CAP, Posts: slices.Clone(b.Posts),
	}
}

// unprepared returns a policy that says nothing on what is prepared inside a bulletin.
func unprepared(t *testing.T, policy []byte) []byte {
	t.Helper()
	before, rest, ok := bytes.Cut(policy, []byte("\nprepared:\n"))
	at := bytes.Index(rest, []byte("\nhardware_keys:"))
	if !ok || at < 0 {
		t.Fatal("the policy has no part on what is prepared")
	}
	return slices.Concat(before, rest[at:])
}

// flipped changes one bit of the signature inside an armour.
func flipped(armored string) string {
	lines := strings.Split(armored, "\n")
	at := len(lines) - 4 // within the numbers of the signature
	was := lines[at]
	lines[at] = was[:8] + map[bool]string{true: "B", false: "A"}[was[8] == 'A'] + was[9:]
	return strings.Join(lines, "\n")
}

func line(key ssh.PublicKey) string {
	return strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
}

func year(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func signWith(t *testing.T, key ssh.Signer, namespace string, message []byte) []byte {
	t.Helper()
	armored, err := sshsig.Sign(key, namespace, message)
	if err != nil {
		t.Fatal(err)
	}
	return armored
}

// enrolled returns a police liaison with a certificate, for a key of their own where
// key is nil, and the ring's line of the authority that made it.
func enrolled(t *testing.T, principal string, key ssh.Signer) (ssh.Signer, string) {
	t.Helper()
	return enrolledAs(t, principal, key, func(*ssh.Certificate) {})
}

// certifiedAs is enrolled for any role, by the authority of the person's own organisation.
func certifiedAs(t *testing.T, principal string, role signing.Role, key ssh.Signer) (ssh.Signer, string) {
	t.Helper()
	signer, line := enrolled(t, principal, key)
	_, organisation, _ := strings.Cut(principal, "@")
	return signer, strings.NewReplacer("*@police.example", "*@"+organisation, `"police@`, `"`+string(role)+"@", ",police@", ","+string(role)+"@").Replace(line)
}

// enrolledAs is enrolled with another certificate.
func enrolledAs(t *testing.T, principal string, key ssh.Signer, change func(*ssh.Certificate)) (ssh.Signer, string) {
	t.Helper()
	authority := signingtest.NewPerson(t, "ca@police.example", signing.Police)
	if key == nil {
		key = newSigner(t)
	}
	ca := newSigner(t)
	cert := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.UserCert, KeyId: "liaison-7", ValidPrincipals: []string{principal},
		ValidAfter: uint64(year(2020).Unix()), ValidBefore: uint64(year(2100).Unix()), //nolint:gosec // after 1970
	}
	change(cert)
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l := strings.Replace(authority.Line(t), line(authority.PublicKey()), line(ca.PublicKey()), 1)
	return signer, strings.Replace(l, "ca@police.example ", "*@police.example cert-authority,", 1)
}

// withPasskey returns a live alert that the officer signed with a file key and the
// liaison with a passkey. hardware is the policy's part on hardware keys, "" for the
// default one.
func withPasskey(t *testing.T, hardware string, change func(*signingtest.Passkey)) *court {
	t.Helper()
	return passkeyCourt(t, hardware, change, func(data []byte) []byte { return data })
}

// withPasskeySaying is withPasskey with a browser that ends its data like this.
func withPasskeySaying(t *testing.T, end string) *court {
	t.Helper()
	return passkeyCourt(t, "", func(*signingtest.Passkey) {}, func(data []byte) []byte {
		return bytes.Replace(data, []byte(`"crossOrigin":false}`), []byte(end), 1)
	})
}

func passkeyCourt(t *testing.T, hardware string, change func(*signingtest.Passkey), say func([]byte) []byte) *court {
	t.Helper()
	const liaison = "lucia.bianchi@police.example"
	k := signingtest.NewPasskey(t, "firma.police.example")
	change(k)
	ringLine, err := signing.RingLine(liaison, signing.Police, []alert.Realm{alert.RealmLive}, year(2020), year(2100), k.PublicKey(t), "")
	if err != nil {
		t.Fatal(err)
	}
	c := newCourt(t, alert.RealmLive, signingtest.Officer(t).Line(t), ringLine)
	if hardware != "" {
		policy, _, _ := strings.Cut(string(c.keys.Policy), "hardware_keys:")
		c.keys.Policy = []byte(policy + hardware)
	}
	c.hand(c.b)
	c.sign(c.b, c.officer)
	c.statement(c.b, liaison, "police@tocsin", passkeySign(t, k, "police@tocsin", c.b.Bytes(), say))
	return c
}

// passkeySign makes the SSHSIG of a passkey, also where its flags are such that our own
// code would not: PROTOCOL.sshsig and PROTOCOL.u2f.
func passkeySign(t *testing.T, k *signingtest.Passkey, namespace string, message []byte, say func([]byte) []byte) []byte {
	t.Helper()
	challenge, err := sshsig.SignedData(namespace, message)
	if err != nil {
		t.Fatal(err)
	}
	r := k.AssertClientData(t, say(k.ClientData(t, challenge)))
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(r.Signature, &rs); err != nil {
		t.Fatal(err)
	}
	auth := r.AuthenticatorData[sha256.Size:]
	sig := ssh.Marshal(struct {
		Format string
		RS     []byte
	}{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", ssh.Marshal(rs)})
	sig = append(sig, ssh.Marshal(struct {
		Flags      byte
		Counter    uint32
		Origin     string
		ClientData []byte
		Extensions []byte
	}{auth[0], binary.BigEndian.Uint32(auth[1:]), k.Origin, r.ClientDataJSON, auth[5:]})...)
	blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version                       uint32
		Key                           []byte
		Namespace, Reserved, HashAlgo string
		Signature                     []byte
	}{1, k.PublicKey(t).Marshal(), namespace, "", "sha512", sig})...)
	text := base64.StdEncoding.EncodeToString(blob)
	var b strings.Builder
	b.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for len(text) > 70 {
		b.WriteString(text[:70] + "\n")
		text = text[70:]
	}
	b.WriteString(text + "\n-----END SSH SIGNATURE-----\n")
	return []byte(b.String())
}

// TestScriptSaysTheSameEverywhere holds the words in both languages, under each shell
// that is here, against the golden files.
func TestScriptSaysTheSameEverywhere(t *testing.T) {
	t.Parallel()
	c := withPasskey(t, "", func(*signingtest.Passkey) {})
	c.deliver(c.b)
	update := c.alert.Next(t, alert.MsgUpdate)
	c.hand(update)
	c.sign(update, c.officer)
	correction := c.b.Prepared(bulletin.Correction)
	c.hand(correction)
	c.sign(correction, c.officer)
	c.export()
	// What differs from one run to the next.
	names := strings.NewReplacer(string(c.b.Code), "SV-CODE", string(c.b.Alert), "ALERT")
	for _, lang := range []string{"it", "en"} {
		golden := filepath.Join("testdata", "verify-alert."+lang+".golden")
		for _, shell := range shells() {
			t.Run(lang+"_"+shell, func(t *testing.T) {
				if os.Getenv("TOCSIN_UPDATE_GOLDEN") != "1" {
					t.Parallel()
				}
				here := &court{scene: &scene{book: &book{t: t}}, dir: c.dir} // the export is written; c's own t has others
				out, yes := here.run(shell, lang+"_XX.UTF-8")
				got := names.Replace(out)
				for _, change := range [][2]string{
					{`SHA256:[A-Za-z0-9+/]{43}`, "SHA256:KEY"}, {`[0-9a-f]{64}`, "DIGEST"}, {`[A-Za-z0-9+/]{43}=`, "ROOT"},
					{`20[0-9-]{8}T[0-9:.]+Z`, "TIME"}, {`verify-time=[0-9]{14}Z`, "verify-time=TIME"},
				} {
					got = regexp.MustCompile(change[0]).ReplaceAllString(got, change[1])
				}
				if os.Getenv("TOCSIN_UPDATE_GOLDEN") == "1" {
					if err := os.MkdirAll("testdata", 0o755); err != nil { //nolint:gosec // of the repository
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil { //nolint:gosec // of the repository
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if !yes || got != string(want) {
					t.Errorf("yes is %v; the words differ from %s; read them, then run with TOCSIN_UPDATE_GOLDEN=1:\n%s", yes, golden, got)
				}
			})
		}
	}
}

// shells returns the shells that are here, each one once under whatever names it has.
func shells() (names []string) {
	seen := map[string]bool{}
	for _, name := range []string{"sh", "dash", "bash", "busybox-sh"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue // another system's
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		if !seen[path] {
			seen[path], names = true, append(names, name)
		}
	}
	return names
}

// TestScriptWithAnOlderSSHKeygen has an ssh-keygen that knows no times in UTC, as
// OpenSSH 8.9 and 9.0 do, in a zone of its own.
func TestScriptWithAnOlderSSHKeygen(t *testing.T) {
	t.Parallel()
	c := newCourt(t, alert.RealmLive)
	c.release(c.b)
	c.export()
	scratch := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(c.dir, "verify-alert.sh"))
	cmd.Env = append(os.Environ(), "PATH="+olderSSHKeygen(t)+":"+os.Getenv("PATH"), "TMPDIR="+scratch, "TZ=America/New_York")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("the script left %v, %v", left, err)
	}
}

// TestScriptWithAnSSHKeygenThatIsTooOld has one that knows less than the script asks of it, as OpenSSH
// before 8.9, and one that signs nothing at all, as before 8.1.
func TestScriptWithAnSSHKeygenThatIsTooOld(t *testing.T) {
	t.Parallel()
	c := newCourt(t, alert.RealmLive)
	c.release(c.b)
	c.export()
	for name, says := range map[string]string{
		"8.8": `case "$2" in match-principals) echo 'Unsupported operation for -Y: "match-principals"' >&2; exit 255;; esac`,
		"7.9": "echo 'unknown option -- Y' >&2; exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tools := t.TempDir()
			old := "#!/bin/sh\n" + says + "\necho 'Could not verify signature.' >&2\nexit 255\n"
			if err := os.WriteFile(filepath.Join(tools, "ssh-keygen"), []byte(old), 0o700); err != nil { //nolint:gosec // to be run
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(c.dir, "verify-alert.sh"))
			cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "TOCSIN_LANG=en")
			out, err := cmd.CombinedOutput()
			want := "  NO: ssh-keygen is too old: OpenSSH 8.9 or later is needed\nNO: the alert is not proven.\n"
			if err == nil || string(out) != want {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// olderSSHKeygen returns a folder with an ssh-keygen that knows no times in UTC.
func olderSSHKeygen(t *testing.T) string {
	t.Helper()
	real, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip(err)
	}
	tools := t.TempDir()
	old := "#!/bin/sh\nfor a; do case $a in verify-time=*Z) echo 'Invalid \"verify-time\" option' >&2; exit 255;; esac; done\n" +
		"p=; for a; do if [ \"$p\" = -f ] && grep -q '[0-9]Z\"' \"$a\"; then echo 'no line of the ring is understood' >&2; exit 255; fi; p=$a; done\nexec " + real + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(tools, "ssh-keygen"), []byte(old), 0o700); err != nil { //nolint:gosec // to be run
		t.Fatal(err)
	}
	return tools
}

// TestScriptIsPlainShell has shellcheck look at it, where it is.
func TestScriptIsPlainShell(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Log("shellcheck is not here: the shells themselves are asked alone")
		return
	}
	if out, err := exec.CommandContext(t.Context(), "shellcheck", "-s", "sh", "verify-alert.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestExportProvesItsRecords checks every proof with another implementation than the one
// that computed the root, and that none holds for a record that was altered.
func TestExportProvesItsRecords(t *testing.T) {
	t.Parallel()
	c := newCourt(t, alert.RealmExercise)
	c.release(c.b)
	c.deliver(c.b)
	c.fill(23)
	e := c.export()
	if e.Proofs != e.Records || len(e.Unproven) > 0 || e.Checkpoint == nil {
		t.Fatalf("the export is %+v", e)
	}
	signed, err := audit.ParseCheckpoint([]byte(c.read("checkpoint")), c.read("ledger.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := filepath.Glob(filepath.Join(c.dir, "proofs", "*.tlog-proof"))
	if err != nil || len(proofs) != e.Records {
		t.Fatalf("there are proofs %v, %v", proofs, err)
	}
	for _, path := range proofs {
		seq, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".tlog-proof"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		head, checkpoint, _ := strings.Cut(c.read(filepath.Join("proofs", filepath.Base(path))), "\n\n")
		lines := strings.Split(head, "\n")
		if lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", seq-1) || checkpoint != c.read("checkpoint") {
			t.Errorf("proof %d begins with %q", seq, lines[:2])
		}
		var p tlog.RecordProof
		for _, l := range lines[2:] {
			h, err := tlog.ParseHash(l)
			if err != nil {
				t.Fatal(err)
			}
			p = append(p, h)
		}
		leaf := []byte(c.read(record(seq)))
		if err := tlog.CheckRecord(p, signed.Size, tlog.Hash(signed.Root), seq-1, tlog.RecordHash(leaf)); err != nil {
			t.Errorf("record %d: %v", seq, err)
		}
		leaf[len(leaf)/2] ^= 1
		if tlog.CheckRecord(p, signed.Size, tlog.Hash(signed.Root), seq-1, tlog.RecordHash(leaf)) == nil {
			t.Errorf("record %d: the proof holds for another one", seq)
		}
	}
}

// TestExportWithoutProof has no checkpoint, or one that does not cover all.
func TestExportWithoutProof(t *testing.T) {
	t.Parallel()
	c := newCourt(t, alert.RealmExercise)
	c.release(c.b)
	c.export()
	dir := kept(t, c.book)
	c.deliver(c.b)
	for _, state := range []string{t.TempDir(), dir} {
		x := audit.NewExporter(signing.Fixed(c.authority), c.keys, audit.OpenGuard(state), string(c.b.Alert))
		show(x.Observe, c.entries)
		e, err := x.Finish(t.Context(), int64(len(c.entries)), func(context.Context, string) ([]byte, error) { return c.b.Bytes(), nil })
		if err != nil {
			t.Fatal(err)
		}
		if e.Proofs+len(e.Unproven) != e.Records || len(e.Unproven) == 0 {
			t.Errorf("proofs %d, unproven %v, records %d", e.Proofs, e.Unproven, e.Records)
		}
		c.dir = filepath.Join(t.TempDir(), "alert")
		if err := e.Write(c.dir); err != nil {
			t.Fatal(err)
		}
		words := "the export has no checkpoint"
		if state == dir {
			words = "the records from 6 on are newer than the checkpoint"
		}
		c.want(true, words)
	}
}

// TestExportLeavesNothingHalfWritten writes where it can't.
func TestExportLeavesNothingHalfWritten(t *testing.T) {
	t.Parallel()
	c := newCourt(t, alert.RealmExercise)
	c.release(c.b)
	e := c.export()
	if err := e.Write(c.dir); !errors.Is(err, audit.ErrNotEmpty) {
		t.Errorf("into a folder that is full: %v", err)
	}
	parent := t.TempDir()
	file, empty, link := filepath.Join(parent, "file"), filepath.Join(parent, "empty"), filepath.Join(parent, "link")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(empty, 0o700), os.Symlink(empty, link)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, link} {
		if err := e.Write(name); !errors.Is(err, audit.ErrNotEmpty) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := e.Write(filepath.Join(parent, "absent", "alert")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
	if err := e.Write(empty + "/"); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
	held, err := os.ReadDir(parent)
	if err != nil || len(held) != 3 {
		t.Errorf("beside the export stand %v, %v", held, err)
	}
}
