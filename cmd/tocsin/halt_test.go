package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// TestHaltsAreToldApart has status tell a refusal that does not hold, one that came too late,
// and the release that neither of them keeps from the channels.
func TestHaltsAreToldApart(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	path := pg.signed("b")
	code := codeOf(t, path)
	expect(t, 0, "publish", path, "-c", pg.config)
	b, err := readBulletin(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.LoadKey(t.Context(), pg.key("police"), signing.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := bulletin.NewHalt(bulletin.Refusal, b, "referente.demo@questura.example", "Manca via Roma.", b.Composed)
	if err != nil {
		t.Fatal(err)
	}
	namespace := signing.Namespace(signing.Police, b.Realm)
	halt := func(signed []byte) {
		t.Helper()
		armored, err := key.Sign(t.Context(), namespace, signed)
		if err != nil {
			t.Fatal(err)
		}
		seq, err := n.ledger.Append(t.Context(), ledger.Record{
			Type: ledger.Refused, Alert: string(b.Alert), Number: 1, SHA256: b.SHA256(), Principal: text.Principal, Namespace: namespace,
			Armor: string(armored), Statement: string(text.Bytes()),
		})
		if err == nil {
			err = n.ledger.WaitApplied(t.Context(), seq)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	halt([]byte("other bytes"))
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	halt(text.Bytes())

	stdout, _ := expect(t, 0, "status", code, "-c", pg.config)
	for _, want := range []string{
		": released\n", "    refusal REFUSED, it does not count: referente.demo@questura.example (police liaison), record ",
		"does not belong to this bulletin", "    refusal WITHOUT EFFECT: referente.demo@questura.example (police liaison), record ",
		"it came after the release: use tocsin correct or tocsin cancel\n    │ Manca via Roma.\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("status says\n%s\nwant %q in it", stdout, want)
		}
	}
	stdout, _ = expect(t, 0, "status", code, "-c", pg.config, "--json")
	var status alertStatus
	if err := json.Unmarshal([]byte(stdout), &status); err != nil {
		t.Fatal(err)
	}
	got := status.Bulletins[0]
	if got.Standing != standingReleased || got.Halt != nil || len(got.LateHalts) != 1 || got.LateHalts[0].Reason != "Manca via Roma." ||
		len(got.RefusedHalts) != 1 || got.RefusedHalts[0].Refused == "" || len(got.Channels) == 0 {
		t.Errorf("--json says %+v", got)
	}
}

// TestHaltLooksOnceMore has the other side release the bulletin while a person reads it: what
// was typed then refuses nothing, and is not recorded.
func TestHaltLooksOnceMore(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	path := pg.signed("b")
	code := codeOf(t, path)
	expect(t, 0, "publish", path, "-c", pg.config)
	var failed error
	screen, err := atTerminal(t.Context(), func(tty *os.File) error {
		failed = run(t.Context(), []string{"withdraw", code, "-c", pg.config, "-k", pg.key("officer"), "--reason", "no"}, tty, tty, tty, english)
		return nil
	}, func(screen string) string {
		if !strings.Contains(screen, "nothing else signs): ") {
			return ""
		}
		expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
		return firstWord(screen)
	})
	if err != nil {
		t.Fatal(err)
	}
	if exitCode(failed) != 3 || !strings.Contains(failed.Error(), "it is too late to refuse or withdraw it") {
		t.Errorf("it ends with %v, want that it is too late:\n%s", failed, screen)
	}
	n.ledger.View(func(s *ledger.State) {
		for _, a := range s.Alerts {
			if halts := a.Bulletins[0].Halts; len(halts) > 0 {
				t.Errorf("the ledger holds %+v", halts)
			}
		}
	})
}
