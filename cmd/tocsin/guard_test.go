package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
	"tocsin/broker/signing"
)

// past writes a message to the ledger of a node past our commands, with the credential that may, and
// waits until a node has refused it.
func (pg *playground) past(n *node, subject string, payload []byte) int64 {
	pg.t.Helper()
	role := ledger.RoleNode
	if strings.Contains(subject, ".decision.") {
		role = ledger.RoleOfficer
	}
	seq := ledgertest.Write(pg.t, n.server.Addr(), pg.credential(role), subject, payload)
	limit := time.After(20 * time.Second)
	for {
		changed := n.ledger.Changed()
		var refused bool
		n.ledger.View(func(s *ledger.State) {
			for _, r := range s.Refusals() {
				refused = refused || r.Refers == seq
			}
		})
		if refused {
			return seq
		}
		select {
		case <-changed:
		case <-limit:
			pg.t.Fatalf("record %d was not refused", seq)
		}
	}
}

// record returns a record as it stands in the stream.
func record(t *testing.T, r ledger.Record) (subject string, payload []byte) {
	t.Helper()
	r.Schema, r.ID, r.At, r.Node = ledger.Schema, uuid.NewString(), time.Now().UTC(), "somebody"
	payload, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return r.Subject(), payload
}

// TestWhatWasWrittenPastTheCommandsIsShown hands a bulletin in that does not follow,
// and rubbish, past the commands: status, timeline and audit say so, and the alert
// goes on.
func TestWhatWasWrittenPastTheCommandsIsShown(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	_, b := pg.published("first")
	code := string(b.Code)

	// A second bulletin of the alert, whose bytes nobody has seen.
	subject, payload := record(t, ledger.Record{
		Type: ledger.Bulletin, Alert: string(b.Alert), Number: 2, SHA256: strings.Repeat("ab", 32), Bytes: 10, Code: code,
	})
	digest, err := n.ledger.PutBlob(t.Context(), []byte("good morning"))
	if err != nil {
		t.Fatal(err)
	}
	forged := pg.past(n, subject, []byte(strings.Replace(string(payload), strings.Repeat("ab", 32), digest, 1)))
	rubbish := pg.past(n, "ledger.alert."+string(b.Alert)+".attempt", []byte("good evening"))

	stdout, _ := expect(t, 0, "status", code, "-c", pg.config)
	for _, want := range []string{"bulletin 2 ()", "REFUSED, it is not released: bulletin, line 1", "refused is record 8: record: not a JSON object"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("status says %s\nwant %q in it", stdout, want)
		}
	}
	stdout, _ = expect(t, 0, "status", "-c", pg.config)
	if !strings.Contains(stdout, "Refused in the ledger: 2. Which, and why: tocsin audit verify") {
		t.Errorf("status of all says %s", stdout)
	}
	var status alertStatus
	stdout, _ = expect(t, 0, "status", code, "-c", pg.config, "--json")
	if err := json.Unmarshal([]byte(stdout), &status); err != nil {
		t.Fatal(err)
	}
	if r := status.Bulletins[1].Refused; r == nil || r.Refers != forged || r.Class != ledger.ClassBulletin || len(status.Bulletins[1].Channels) != 0 {
		t.Errorf("status tells the forged bulletin as %+v", status.Bulletins[1])
	}
	if len(status.Refusals) != 2 || status.Refusals[1].Refers != rubbish {
		t.Errorf("status tells the refusals as %+v, want of records %d and %d", status.Refusals, forged, rubbish)
	}
	stdout, _ = expect(t, 0, "audit", "timeline", code, "-c", pg.config)
	for _, want := range []string{"refused (bulletin): bulletin, line 1", "a record that can't be read, not written by our programs", "refused (record)"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the timeline says %s\nwant %q in it", stdout, want)
		}
	}
	stdout, _ = expect(t, 0, "audit", "verify", "-c", pg.config)
	for _, want := range []string{"valid signatures 1, refused 2", "refused is record 6: bulletin, line 1", "All is in order"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("audit verify says %s\nwant %q in it", stdout, want)
		}
	}
	// The forged bulletin is the newest one, and holds up nobody.
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	stdout, _ = expect(t, 0, "status", code, "-c", pg.config)
	if !strings.Contains(stdout, "referente.demo@questura.example (police liaison)") {
		t.Errorf("after the co-signature status says %s", stdout)
	}
}

// TestAnUntrustedLedgerIsReadAndNotWritten puts an older ledger under the newest
// checkpoint.
func TestAnUntrustedLedgerIsReadAndNotWritten(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	state := filepath.Join(pg.dir, "state")
	n := pg.up()
	first := pg.signed("first")
	expect(t, 0, "publish", first, "-c", pg.config)
	code := codeOf(t, first)
	n.Close(t.Context())
	old := filepath.Join(pg.dir, "old")
	if err := os.CopyFS(old, os.DirFS(filepath.Join(state, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	n = pg.up()
	expect(t, 0, "publish", pg.signed("second"), "-c", pg.config)
	n.Close(t.Context())
	if err := os.RemoveAll(filepath.Join(state, "jetstream")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(state, "jetstream"), os.DirFS(old)); err != nil {
		t.Fatal(err)
	}

	n = pg.up()
	if n.trusted() == nil {
		t.Fatal("the node trusts a ledger whose end is missing")
	}
	before, err := n.ledger.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	third := pg.signed("third")
	for _, args := range [][]string{
		{"publish", third},
		{"cosign", code, "-k", pg.key("police"), "--yes"},
		{"cancel", code, "-k", pg.key("officer"), "--yes", "--reason", "There is no danger."},
	} {
		_, stderr := expect(t, 3, append(args, "-c", pg.config)...)
		for _, want := range []string{"the ledger is not to be trusted: the ledger holds", "Nothing was written: stop the node, put back a whole copy of the folder"} {
			if !strings.Contains(stderr, want) {
				t.Errorf("tocsin %s says %q, want %q in it", args[0], stderr, want)
			}
		}
	}
	// What is refused before it comes to the ledger is not recorded in it either.
	nonsense := filepath.Join(pg.dir, "nonsense.xml")
	if err := os.WriteFile(nonsense, []byte("good morning"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 3, "compose", "-c", pg.config, "--cap", nonsense, "-o", filepath.Join(pg.dir, "none"))
	if after, err := n.ledger.Size(t.Context()); err != nil || after != before {
		t.Errorf("the ledger grew from %d to %d records (%v), want nothing written", before, after, err)
	}
	for _, args := range [][]string{{"status", code}, {"status"}, {"audit", "timeline", code}, {"status", code, "--state", state}} {
		if args[len(args)-1] != state {
			args = append(args, "-c", pg.config)
		}
		stdout, _ := expect(t, 0, args...)
		if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted: the ledger holds") || !strings.Contains(stdout, code) && args[0] == "status" {
			t.Errorf("tocsin %s says %q, want it to begin with a warning", strings.Join(args, " "), stdout)
		}
	}
	stdout, _ := expect(t, 3, "audit", "verify", "-c", pg.config)
	if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted") || strings.Contains(stdout, "All is in order") {
		t.Errorf("audit verify says %q", stdout)
	}
	stdout, stderr := expect(t, 0, "status", code, "-c", pg.config, "--json")
	var status alertStatus
	if err := json.Unmarshal([]byte(stdout), &status); err != nil || status.Untrusted == "" || !strings.HasPrefix(stderr, "ATTENTION") {
		t.Errorf("status --json says %q and %q (%v), want a field and a warning", stdout, stderr, err)
	}

	// A checkpoint that was altered is no reason not to look.
	n.Close(t.Context())
	if err := replace(filepath.Join(state, "checkpoint"), "tocsin/exercise/", "tocsin/live/"); err != nil {
		t.Fatal(err)
	}
	stdout, _ = expect(t, 0, "status", code, "-c", pg.config)
	if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted: the checkpoint's signature") {
		t.Errorf("with an altered checkpoint status says %q", stdout)
	}
	stdout, _ = expect(t, 3, "audit", "verify", "-c", pg.config)
	if !strings.Contains(stdout, "(root): the checkpoint's signature") {
		t.Errorf("with an altered checkpoint audit verify says %q", stdout)
	}
}

// TestACodeBelongsToOneAlert hands in an alert under the code of another one.
func TestACodeBelongsToOneAlert(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	_, b := pg.published("first")

	// Compose asks the ledger, on a running node and on a folder.
	p := &program{out: os.Stdout, err: os.Stderr, getenv: english, lang: "en"}
	taken, err := p.codesTaken(t.Context(), &where{config: pg.config})
	if err != nil || !taken(b.Code) || taken("SV-22222") {
		t.Errorf("the codes of the ledger are not known (%v)", err)
	}
	draft, err := os.ReadFile(filepath.Join(pg.dir, "scenarios", "savona-esercitazione.cap.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var asked []alert.Code
	second, _, err := composeFree(draft, n.c, time.Now(), func(code alert.Code) bool {
		asked = append(asked, code)
		return len(asked) < 3
	})
	if err != nil || len(asked) != 3 || second.Code != asked[2] {
		t.Fatalf("of the codes %v it takes %v (%v), want the third one", asked, second, err)
	}
	if _, _, err := composeFree(draft, n.c, time.Now(), func(alert.Code) bool { return true }); err == nil || !strings.Contains(err.Error(), "change issuer.code_prefix") {
		t.Errorf("with no code left: %v", err)
	}

	// Somebody writes the code of the first alert into another one, whole.
	double := filepath.Join(pg.dir, "double")
	raw := strings.ReplaceAll(string(bulletintest.Alone(second.Bytes())), string(second.Code), string(b.Code))
	if err := os.WriteFile(double, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 0, "sign", double, "-k", pg.key("officer"), "--yes")
	pg.refuses(ledger.ClassBulletin, "the code "+string(b.Code)+" is another alert's already: compose again", "publish", double)

	n.Close(t.Context())
	if taken, err = p.codesTaken(t.Context(), &where{config: pg.config}); err != nil || !taken(b.Code) {
		t.Errorf("the codes of the folder are not known (%v)", err)
	}
}

// TestPublishTakesTheSignaturesBesideTheBulletin hands in what two people signed
// elsewhere.
func TestPublishTakesTheSignaturesBesideTheBulletin(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()

	// Both at once: released by one command, the officer's signature first.
	both := pg.signed("both")
	expect(t, 0, "sign", both, "-k", pg.key("police"), "--role", "police", "--yes")
	stdout, _ := expect(t, 0, "publish", both, "-c", pg.config, "--json")
	if !strings.Contains(stdout, `"released": true`) {
		t.Errorf("with both signatures publish says %s", stdout)
	}
	n.ledger.View(func(s *ledger.State) {
		var roles []string
		for _, st := range s.Alerts[s.Order[0]].Bulletins[0].Statements {
			role, _, _ := strings.Cut(st.Namespace, "@")
			roles = append(roles, role)
		}
		if got := strings.Join(roles, " "); got != "officer police" {
			t.Errorf("the signatures stand in the order %q, want officer police", got)
		}
	})
	pg.refuses(ledger.ClassBulletin, "handed in before", "publish", both)

	// One after the other: the second hand-in adds what is new.
	later := pg.signed("later")
	expect(t, 0, "publish", later, "-c", pg.config)
	expect(t, 0, "sign", later, "-k", pg.key("police"), "--role", "police", "--yes")
	stdout, _ = expect(t, 0, "publish", later, "-c", pg.config)
	if !strings.Contains(stdout, "its signatures are enough, it is released") {
		t.Errorf("with the second signature publish says %s", stdout)
	}

	// The police's alone, under the name that ssh-keygen gives.
	alone := pg.compose("alone")
	expect(t, 0, "sign", alone, "-k", pg.key("police"), "--role", "police", "--yes", "-o", alone+".sig")
	stdout, _ = expect(t, 0, "publish", alone, "-c", pg.config)
	if !strings.Contains(stdout, "still missing is the signature of: duty officer") {
		t.Errorf("with the police's signature alone publish says %s", stdout)
	}

	// One that does not hold is named, and nothing is handed in.
	wrong := pg.signed("wrong")
	expect(t, 0, "sign", wrong, "-k", pg.key("officer"), "--role", "police", "--yes")
	pg.refuses(ledger.ClassBulletin, "wrong.police.sig: signature not accepted", "publish", wrong)
	unsigned := pg.compose("unsigned")
	if _, stderr := expect(t, 1, "publish", unsigned, "-c", pg.config); !strings.Contains(stderr, "there is none beside") {
		t.Errorf("without a signature publish says %s", stderr)
	}
	other := signAs(t, pg.key("officer"), "file", unsigned)
	pg.refuses(ledger.ClassBulletin, "it was made for another purpose", "publish", unsigned, "--signature", other)
	n.ledger.View(func(s *ledger.State) {
		if len(s.Order) != 3 {
			t.Errorf("the ledger holds %d alerts, want 3", len(s.Order))
		}
	})
}

// TestSignaturesThatCannotReleaseAreRefused hands in two signatures of one
// organisation together.
func TestSignaturesThatCannotReleaseAreRefused(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.enrol(
		enrolment{"first", officerName, signing.Officer, alert.RealmExercise},
		enrolment{"second", "collega@protezionecivile.provincia.example", signing.Police, alert.RealmExercise},
	)
	n := pg.up()
	b := pg.compose("b")
	expect(t, 0, "sign", b, "-k", pg.key("first"), "--yes")
	expect(t, 0, "sign", b, "-k", pg.key("second"), "--role", "police", "--yes")
	pg.refuses(ledger.ClassBulletin, "come from the same organisation", "publish", b)
	n.ledger.View(func(s *ledger.State) {
		if len(s.Order) != 0 {
			t.Error("the bulletin was handed in all the same")
		}
	})
}

// TestChannelsThatGetNothingAreShown changes the channels of a node while an alert is
// in force.
func TestChannelsThatGetNothingAreShown(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.edit("  - name: x\n", "  - name: x-old\n")
	composed := pg.signed("b")
	pg.edit("  - name: x-old\n", "  - name: x-new\n")
	n := pg.up()
	expect(t, 0, "publish", composed, "-c", pg.config)
	code := codeOf(t, composed)
	for _, from := range [][]string{{"-c", pg.config}, {"--state", filepath.Join(pg.dir, "state")}} {
		stdout, _ := expect(t, 0, append([]string{"status", code}, from...)...)
		for _, want := range []string{"x-new                  not addressed by this bulletin\n", "x-old                  pending\n    no node has this channel"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("status %v says %s\nwant %q in it", from, stdout, want)
			}
		}
		stdout, _ = expect(t, 0, append([]string{"status", code, "--json"}, from...)...)
		var status alertStatus
		if err := json.Unmarshal([]byte(stdout), &status); err != nil {
			t.Fatal(err)
		}
		b := status.Bulletins[0]
		if strings.Join(b.NotAddressed, " ") != "x-new" || strings.Join(b.NotConfigured, " ") != "x-old" || len(b.Channels) != 5 {
			t.Errorf("status --json tells %+v, want x-new not addressed, x-old not configured, and the 5 channels of the bulletin", b)
		}
	}
	n.Close(t.Context())
}

// TestABrokerElsewhereIsVouchedFor starts nodes on a broker that can't be asked how
// it writes.
func TestABrokerElsewhereIsVouchedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		realm, declared string
		starts          bool
		sync            string
		warns           bool
	}{
		"live":               {"live", "", false, "", false},
		"live_confirmed":     {"live", "confirmed", true, ledger.SyncConfirmed, false},
		"exercise":           {"exercise", "", true, ledger.SyncUnconfirmed, true},
		"exercise_confirmed": {"exercise", "confirmed", true, ledger.SyncConfirmed, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crew := ledgertest.NewCrew(t)
			server, err := ledger.StartServer(t.Context(), ledger.ServerOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", Users: crew.Users})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Stop)
			// Nodes that come over the network may not make streams.
			l, err := ledger.Open(t.Context(), ledger.Options{Server: server, Realm: c.realm, Create: true, Name: "test"})
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			pg := newPlayground(t, "--realm", c.realm)
			if c.realm == "live" {
				pg.enrol(enrolment{"duty", officerName, signing.Officer, alert.RealmLive}, enrolment{"liaison", policeName, signing.Police, alert.RealmLive})
			}
			pg.hasCredentials(crew)
			pg.edit("  listen: "+pg.broker+"\n", "  url: "+server.Addr()+"\n  sync_always: "+quoted(c.declared)+"\n")
			config, err := loadConfig(pg.config)
			if err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			n, err := startNode(t.Context(), config, nodeOptions{getenv: english, log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
			if !c.starts {
				if err == nil || !strings.Contains(err.Error(), "then write broker.sync_always: confirmed") {
					t.Errorf("it says %v, want it to ask for broker.sync_always", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			n.Close(t.Context())
			if warned := strings.Contains(log.String(), "a power cut can lose alerts"); warned != c.warns {
				t.Errorf("its log says %q, want a warning: %v", log.String(), c.warns)
			}
			late := &lateObserver{}
			d, err := (&where{config: pg.config}).open(t.Context(), "test", late.observe, false)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for _, e := range late.upTo(2) {
				if e.Record.Type == ledger.NodeStarted && e.Record.Sync != c.sync {
					t.Errorf("the node's record says %q, want %q", e.Record.Sync, c.sync)
				}
			}
		})
	}
}

// quoted is a value of YAML.
func quoted(s string) string { return `"` + s + `"` }
