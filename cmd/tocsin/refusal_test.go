package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/templates/scenarios"
)

// An enrolment is a line of a key ring, with its key in a file of the name.
type enrolment struct {
	file, principal string
	role            signing.Role
	realm           alert.Realm
}

// enrol makes keys in the folder of a node, and its ring of them, without versions.
func (pg *playground) enrol(all ...enrolment) {
	pg.t.Helper()
	pg.plain()
	var ring bytes.Buffer
	for _, e := range all {
		key, err := signing.GenerateKeyFile(pg.key(e.file), e.principal, rand.Reader)
		if err != nil {
			pg.t.Fatal(err)
		}
		from := time.Now().UTC().Truncate(time.Second).Add(-72 * time.Hour)
		line, err := signing.RingLine(e.principal, e.role, []alert.Realm{e.realm}, from, from.Add(demoKeyLife), key, "test")
		if err != nil {
			pg.t.Fatal(err)
		}
		fmt.Fprintln(&ring, line)
	}
	if err := os.WriteFile(pg.key("allowed_signers"), ring.Bytes(), 0o600); err != nil {
		pg.t.Fatal(err)
	}
}

// up runs the node in this process until the end of the test.
func (pg *playground) up() *node {
	pg.t.Helper()
	c, err := loadConfig(pg.config)
	if err != nil {
		pg.t.Fatal(err)
	}
	n, err := startNode(pg.t.Context(), c, nodeOptions{getenv: english})
	if err != nil {
		pg.t.Fatal(err)
	}
	pg.t.Cleanup(func() { n.Close(pg.t.Context()) })
	return n
}

// refuses runs a command that must be refused with these words, and recorded.
func (pg *playground) refuses(class, text string, args ...string) {
	pg.t.Helper()
	_, stderr := expect(pg.t, 3, append(args, "-c", pg.config)...)
	if !strings.Contains(stderr, text) {
		pg.t.Errorf("it says %q, want %q in it", stderr, text)
	}
	all, err := refusals(pg.t.Context(), pg.config)
	if err != nil {
		pg.t.Fatal(err)
	}
	for _, r := range all {
		if r.Class == class && strings.Contains(r.Reason, text) {
			return
		}
	}
	pg.t.Errorf("the ledger holds no refusal of class %s with %q: %+v", class, text, all)
}

const (
	officerName = "funzionario@protezionecivile.provincia.example"
	policeName  = "referente@questura.example"
)

func TestCosignerIsAnotherPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ cosigner, says string }{
		"same_person":       {officerName, "the signatures that are needed are all by the same person; ask a second person to sign"},
		"same_organisation": {"collega@protezionecivile.provincia.example", "come from the same organisation; ask the other organisation to sign"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := newPlayground(t)
			if err := os.RemoveAll(pg.key("officer")); err != nil {
				t.Fatal(err)
			}
			pg.enrol(
				enrolment{"first", officerName, signing.Officer, alert.RealmExercise},
				enrolment{"second", c.cosigner, signing.Police, alert.RealmExercise},
			)
			pg.up()
			b := pg.compose("b")
			expect(t, 0, "sign", b, "-k", pg.key("first"), "--yes")
			expect(t, 0, "publish", b, "-c", pg.config)
			pg.refuses("signature", c.says, "cosign", codeOf(t, b), "-k", pg.key("second"), "--yes")
		})
	}
}

// TestAStrangersKeyIsNamed hands in a signature by a key that the ring does not have: the
// message, the record and, when the alert is in the ledger, its status name the key.
func TestAStrangersKeyIsNamed(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	public, err := signing.GenerateKeyFile(pg.key("stranger"), "eva@elsewhere.example", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := ssh.FingerprintSHA256(public)
	b := pg.compose("b")
	expect(t, 0, "sign", b, "-k", pg.key("stranger"), "--yes")
	pg.refuses("bulletin", "the key ring does not have the key "+key, "publish", b)
	all, err := refusals(t.Context(), pg.config)
	if err != nil || len(all) != 1 || all[0].Key != key {
		t.Errorf("the ledger holds the refusals %+v (%v), want one that names the key %s", all, err, key)
	}
	if err := os.Remove(b + ".officer.sig"); err != nil {
		t.Fatal(err)
	}
	expect(t, 0, "sign", b, "-k", pg.key("officer"), "--yes")
	expect(t, 0, "publish", b, "-c", pg.config)
	if stdout, _ := expect(t, 0, "status", codeOf(t, b), "-c", pg.config); !strings.Contains(stdout, key) {
		t.Errorf("status does not tell the refusal from before the alert was handed in:\n%s", stdout)
	}
}

// TestNobodySignsInVain signs with the configuration at hand: a signature that can't count is
// refused before anybody is asked, and leaves no file.
func TestNobodySignsInVain(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	if _, err := signing.GenerateKeyFile(pg.key("stranger"), "eva@elsewhere.example", rand.Reader); err != nil {
		t.Fatal(err)
	}
	b := pg.compose("b")
	for name, c := range map[string]struct{ key, role, says string }{
		"stranger":   {"stranger", "officer", "the key ring does not have the key SHA256:"},
		"other_role": {"police", "officer", "may not sign in this role"},
	} {
		out := filepath.Join(pg.dir, name)
		if _, stderr := expect(t, 3, "sign", b, "-c", pg.config, "-k", pg.key(c.key), "--role", c.role, "-o", out); !strings.Contains(stderr, c.says) {
			t.Errorf("%s: it says %q, want %q in it", name, stderr, c.says)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a signature was written", name)
		}
	}
	expect(t, 0, "sign", b, "-c", pg.config, "-k", pg.key("officer"), "--yes")
	// Whoever writes the bulletin's credential where others can read it hears of it from each command.
	seed := pg.seed("officer")
	if err := os.Chmod(seed, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, stderr := expect(t, 0, "status", "-c", pg.config); strings.Count(stderr, "can read the credential") != 1 || !strings.Contains(stderr, seed+" (mode 0640)") {
		t.Errorf("it says %q, want it to warn of %s", stderr, seed)
	}
}

func TestExpiredAlertIsRefused(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	// The key was valid then, or it would be refused for that.
	pg.enrol(enrolment{"duty", officerName, signing.Officer, alert.RealmExercise}, enrolment{"liaison", policeName, signing.Police, alert.RealmExercise})
	n := pg.up()
	old, _, err := composeFirst(scenarios.Demo(), n.c, time.Now().Add(-48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(pg.dir, "old")
	if err := os.WriteFile(path, old.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 0, "sign", path, "-k", pg.key("duty"), "--yes")
	pg.refuses("bulletin", "the alert expired on", "publish", path)
}

// liveMessage is a real alert in force.
func liveMessage(now time.Time) []byte {
	rome := time.FixedZone("", 3600)
	at := func(d time.Duration) string { return now.Add(d).In(rome).Format("2006-01-02T15:04:05-07:00") }
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>test-%d</identifier>
  <sender>allerte@protezionecivile.savona.example</sender>
  <sent>%s</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>it-IT</language>
    <category>Met</category>
    <event>Allerta arancione per frane e allagamenti</event>
    <responseType>Prepare</responseType>
    <urgency>Expected</urgency>
    <severity>Severe</severity>
    <certainty>Likely</certainty>
    <effective>%s</effective>
    <onset>%s</onset>
    <expires>%s</expires>
    <senderName>Provincia di Savona – Protezione civile</senderName>
    <headline>Allerta arancione per frane e allagamenti a Savona</headline>
    <description>Piogge forti e persistenti possono provocare frane e allagamenti a Savona.</description>
    <instruction>Non dormire e non fermarti nei locali sotto il livello della strada.</instruction>
    <area>
      <areaDesc>Savona (SV)</areaDesc>
      <polygon>44.28,8.42 44.28,8.52 44.35,8.52 44.35,8.42 44.28,8.42</polygon>
    </area>
  </info>
</alert>
`, now.Unix(), at(-time.Minute), at(-time.Minute), at(0), at(6*time.Hour))
}

func TestRealmsDoNotMix(t *testing.T) {
	t.Parallel()
	live := newPlayground(t, "--realm", "live")
	live.enrol(
		enrolment{"duty", officerName, signing.Officer, alert.RealmLive},
		enrolment{"liaison", policeName, signing.Police, alert.RealmLive},
		enrolment{"drill", "allievo@protezionecivile.provincia.example", signing.Officer, alert.RealmExercise},
	)
	live.up()
	draft := filepath.Join(live.dir, "draft.xml")
	if err := os.WriteFile(draft, liveMessage(time.Now()), 0o600); err != nil {
		t.Fatal(err)
	}
	b := filepath.Join(live.dir, "b")
	expect(t, 0, "compose", "-c", live.config, "--cap", draft, "-o", b)

	// The key of a drill, in the namespace of real alerts and in its own.
	expect(t, 0, "sign", b, "-k", live.key("drill"), "--yes")
	live.refuses("bulletin", "signature not accepted", "publish", b)
	drilled := signAs(t, live.key("drill"), "officer@exercise.tocsin", b)
	live.refuses("bulletin", "signature not accepted", "publish", b, "--signature", drilled)

	// A real alert is not for the node of the exercises, nor a drill for the real one.
	expect(t, 0, "sign", b, "-k", live.key("duty"), "--yes", "-o", b+".duty")
	drills := newPlayground(t)
	drills.up()
	drills.refuses("realm", "the bulletin is of realm live, this node is of realm exercise", "publish", b, "--signature", b+".duty")
	live.refuses("realm", "the bulletin is of realm exercise, this node is of realm live", "publish", drills.signed("drill.bulletin"))

	// In the real realm, a message that is not ours and in force is no draft.
	live.refuses("draft", "the status of the message is Exercise", "compose", "--cap", filepath.Join(drills.dir, "scenarios", "savona-esercitazione.cap.xml"), "-o", b+".not")

	// With the right key it goes.
	expect(t, 0, "publish", b, "-c", live.config, "--signature", b+".duty")
	expect(t, 0, "cosign", codeOf(t, b), "-c", live.config, "-k", live.key("liaison"), "--yes")
	stdout, _ := expect(t, 0, "status", "-c", live.config, "--watch")
	if !strings.Contains(stdout, "verified") {
		t.Errorf("the real alert did not reach its channel: %s", stdout)
	}
}

// signAs signs a file in a namespace and returns the signature's file.
func signAs(t *testing.T, keyFile, namespace, path string) string {
	t.Helper()
	key, err := signing.LoadKey(t.Context(), keyFile, signing.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	armored, err := key.Sign(t.Context(), namespace, raw)
	if err != nil {
		t.Fatal(err)
	}
	out := path + "." + namespace + ".sig"
	if err := os.WriteFile(out, armored, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}
