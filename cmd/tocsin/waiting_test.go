package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/templates/scenarios"
)

// siblings writes n first bulletins of one alert, with other words each, signed by the
// officer: somebody corrected a text after the first one was handed in.
func (pg *playground) siblings(n int) (files []string, all []*bulletin.Bulletin) {
	pg.t.Helper()
	c, err := loadConfig(pg.config)
	if err != nil {
		pg.t.Fatal(err)
	}
	o, err := composeOptions(c, time.Now())
	if err != nil {
		pg.t.Fatal(err)
	}
	first, err := readBulletin(pg.compose("sibling0"), nil)
	if err != nil {
		pg.t.Fatal(err)
	}
	for i := range n {
		words := strings.ReplaceAll(string(scenarios.Demo()), "</headline>", strings.Repeat(" bis", i)+"</headline>")
		draft, _, err := composeFirst([]byte(words), c, time.Now())
		if err != nil {
			pg.t.Fatal(err)
		}
		b, err := compose.New(draft.Message, o, first.Alert, first.Code)
		if err != nil {
			pg.t.Fatal(err)
		}
		path := filepath.Join(pg.dir, "sibling"+string(rune('A'+i)))
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			pg.t.Fatal(err)
		}
		expect(pg.t, 0, "sign", path, "-k", pg.key("officer"), "--yes")
		files, all = append(files, path), append(all, b)
	}
	return files, all
}

// answering runs the program with what a person types.
func answering(t *testing.T, typed string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs strings.Builder
	err = run(t.Context(), args, strings.NewReader(typed), &out, &errs, english)
	return out.String() + errs.String(), err
}

// TestCosignAsksWhichOfTwoIsMeant hands in two bulletins of one alert: nobody signs the
// newest one for the one that was read.
func TestCosignAsksWhichOfTwoIsMeant(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	files, b := pg.siblings(2)
	code := string(b[0].Code)
	expect(t, 0, "publish", files[0], "-c", pg.config)
	stdout, _ := expect(t, 0, "publish", files[1], "-c", pg.config)
	if want := "--sha256 " + b[1].SHA256()[:12]; !strings.Contains(stdout, want) || !strings.Contains(stdout, "2 bulletins wait") {
		t.Errorf("publish of the second one says %s\nwant %q in it", stdout, want)
	}
	cosign := []string{"cosign", code, "-c", pg.config, "-k", pg.key("police")}
	listed := func(text string) {
		t.Helper()
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "  ") && len([]rune(line)) > 81 {
				t.Errorf("a line of the list has %d characters: %s", len([]rune(line))-1, line)
			}
		}
		text = strings.Join(strings.Fields(text), " ")
		for i := range b {
			for _, want := range []string{
				"Of alert " + code + " 2 bulletins wait for a signature", "bulletin 1 (Alert) SHA-256 " + b[i].SHA256()[:12] + " handed in on ",
				"signed by funzionario.demo@protezionecivile.provincia.example (duty officer) " + b[i].Message.Infos[0].Headline,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("it says %s\nwant %q in it", text, want)
				}
			}
		}
	}
	nobodySigned := func() {
		t.Helper()
		n.ledger.View(func(s *ledger.State) {
			for _, state := range s.Alerts[string(b[0].Alert)].Bulletins {
				if len(state.Statements) != 1 {
					t.Errorf("bulletin %s has %d signatures, want the officer's alone", state.SHA256[:12], len(state.Statements))
				}
			}
		})
	}

	_, stderr := expect(t, 2, append(cosign, "--yes")...)
	listed(stderr)
	if want := "2 bulletins of alert " + code + " wait for a signature: say which one with --sha256 PREFIX; nothing was signed"; !strings.Contains(stderr, want) {
		t.Errorf("it says %s\nwant %q in it", stderr, want)
	}
	for name, c := range map[string]struct {
		status int
		sum    string
		says   string
	}{
		"too_short": {2, b[0].SHA256()[:7], "write the first digits of the bulletin's SHA-256, 8 at least"},
		"not_hex":   {2, "zzzzzzzzz", "write the first digits"},
		"no_such":   {1, strings.Repeat("0", 12), "no bulletin of alert " + code + " whose SHA-256 begins with 000000000000 waits"},
	} {
		if _, stderr := expect(t, c.status, append(cosign, "--yes", "--sha256", c.sum)...); !strings.Contains(stderr, c.says) {
			t.Errorf("%s: it says %s\nwant %q in it", name, stderr, c.says)
		}
	}
	// A person is asked, and no answer is no choice.
	said, err := answering(t, "", cosign...)
	listed(said)
	if exitCode(err) != 2 || !strings.Contains(said, "Type the first 8 digits of its SHA-256") {
		t.Errorf("without an answer it says %s (%v)", said, err)
	}
	if _, err := answering(t, b[0].SHA256()[:5]+"\n", cosign...); exitCode(err) != 2 {
		t.Errorf("with five digits: %v", err)
	}
	nobodySigned()

	// Both are told apart, for people and scripts.
	stdout, _ = expect(t, 0, "status", code, "-c", pg.config)
	for i := range b {
		if want := "SHA-256 " + b[i].SHA256()[:12]; !strings.Contains(stdout, want) {
			t.Errorf("status says %s\nwant %q in it", stdout, want)
		}
	}
	if got := strings.Count(stdout, ": waits for the signature of: police liaison"); got != 2 {
		t.Errorf("status says of %d bulletins that they wait, want 2:\n%s", got, stdout)
	}

	// The older one is signed, as the person says.
	said, err = atTerminal(t.Context(), func(tty *os.File) error {
		return run(t.Context(), cosign, tty, tty, tty, english)
	}, func(screen string) string {
		switch {
		case strings.HasSuffix(screen, "or more: "):
			return strings.ToUpper(b[0].SHA256()[:8])
		case strings.HasSuffix(screen, "nothing else signs): "):
			return firstWord(screen)
		}
		return ""
	})
	if err != nil || !strings.Contains(said, "is released") || !strings.Contains(said, b[0].SHA256()) {
		t.Fatalf("it says %s (%v)", said, err)
	}
	var status alertStatus
	stdout, _ = expect(t, 0, "status", code, "-c", pg.config, "--json")
	if err := json.Unmarshal([]byte(stdout), &status); err != nil {
		t.Fatal(err)
	}
	if s := status.Bulletins; s[0].SHA256 != b[0].SHA256() || s[0].Standing != standingReleased || s[1].Standing != standingRefused || s[0].HandedIn.IsZero() {
		t.Errorf("status --json says %s", stdout)
	}
	stdout, _ = expect(t, 0, "status", "-c", pg.config)
	for _, want := range []string{": released\n", ": refused\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("status says %s\nwant %q in it", stdout, want)
		}
	}
	// One that is superseded is said to be so.
	expect(t, 0, "cancel", code, "-c", pg.config, "-k", pg.key("officer"), "--yes")
	if stdout, _ = expect(t, 0, "status", code, "-c", pg.config); !strings.Contains(stdout, "SHA-256 "+b[0].SHA256()[:12]) || !strings.Contains(stdout, ": superseded by a newer one\n") {
		t.Errorf("after the revocation status says %s", stdout)
	}
}

// TestCosignTakesTheChoiceOfAScript names one of two that wait, and one that is the only
// one.
func TestCosignTakesTheChoiceOfAScript(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	files, b := pg.siblings(2)
	code := string(b[0].Code)
	expect(t, 0, "publish", files[0], "-c", pg.config)
	cosign := []string{"cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes"}
	// What is named is signed, or nothing, also where one waits alone.
	if _, stderr := expect(t, 1, append(cosign, "--sha256", b[1].SHA256())...); !strings.Contains(stderr, "One bulletin of alert "+code+" waits") {
		t.Errorf("it says %s", stderr)
	}
	expect(t, 0, "publish", files[1], "-c", pg.config)
	stdout, _ := expect(t, 0, append(cosign, "--json", "--sha256", b[0].SHA256()[:8])...)
	var done handedIn
	if err := json.Unmarshal([]byte(stdout), &done); err != nil || done.SHA256 != b[0].SHA256() || !done.Released {
		t.Errorf("it says %s (%v)", stdout, err)
	}
	if _, stderr := expect(t, 3, cosign...); !strings.Contains(stderr, "bulletin 1 of alert "+code+" has its signatures already") {
		t.Errorf("once more it says %s", stderr)
	}
}

// TestCosignInTheMissingRole revokes an alert in words of one's own, begun by the police:
// the officer co-signs, by the line that the command prints, and the police are not offered
// what lacks no signature of theirs.
func TestCosignInTheMissingRole(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	_, first := pg.published("b")
	code := string(first.Code)
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	cancel := []string{"cancel", code, "-c", pg.config, "--yes", "--reason"}
	stdout, _ := expect(t, 0, append(cancel, "The gauge was read wrongly.", "-k", pg.key("police"))...)
	if want := "Still missing the signature of: duty officer. Next: tocsin cosign " + code + " -c " + pg.config + " -k KEY\n"; !strings.Contains(stdout, want) {
		t.Errorf("it says %s\nwant %q in it", stdout, want)
	}
	_, stderr := expect(t, 3, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	if want := "the signature is missing of: duty officer"; !strings.Contains(stderr, want) {
		t.Errorf("the police co-sign what they have signed: it says %s\nwant %q in it", stderr, want)
	}
	// The officer begins another one: each is then offered the one that lacks their own.
	stdout, _ = expect(t, 0, append(cancel, "It was sent by mistake.", "-k", pg.key("officer"))...)
	for _, want := range []string{"2 bulletins wait", "\n    Motivo: The gauge was read wrongly.\n", "\n    Motivo: It was sent by mistake.\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it says %s\nwant %q in it", stdout, want)
		}
	}
	_, rest, found := strings.Cut(stdout, "Next: tocsin cosign "+code+" --sha256 ")
	sum, _, _ := strings.Cut(rest, " ")
	if !found || len(sum) != shortSum {
		t.Errorf("it names no SHA-256: %s", stdout)
	}
	stdout, _ = expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("officer"), "--yes", "--json")
	var done handedIn
	if err := json.Unmarshal([]byte(stdout), &done); err != nil || !done.Released || strings.HasPrefix(done.SHA256, sum) {
		t.Errorf("the officer's: %s (%v), want the one of the police released", stdout, err)
	}
	// The other one lost: that is said of it, and not of the one that won.
	_, stderr = expect(t, 3, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes", "--sha256", sum)
	if !strings.Contains(stderr, "bulletin 2 of this alert was released already") {
		t.Errorf("of the one that lost it says %s", stderr)
	}
	_, stderr = expect(t, 3, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	if !strings.Contains(stderr, "has its signatures already") {
		t.Errorf("without a SHA-256 it says %s", stderr)
	}
	_, stderr = expect(t, 3, "cancel", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	if !strings.Contains(stderr, "is revoked already") {
		t.Errorf("once more: %s", stderr)
	}
}

// TestWhatNobodySignedHidesNothing writes bulletins without a signature past the
// commands, after the one that waits: in its alert, and in another one of its code.
func TestWhatNobodySignedHidesNothing(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	files, b := pg.siblings(2)
	code := string(b[0].Code)
	expect(t, 0, "publish", files[0], "-c", pg.config)
	other := strings.ReplaceAll(string(bulletintest.Alone(b[1].Bytes())), string(b[1].Alert), "00000000-0000-4000-8000-000000000000")
	for _, raw := range []string{string(b[1].Bytes()), other} {
		forged, err := bulletin.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{ledger: n.ledger, authority: n.rings.Newest(), rings: n.rings}
		if err := d.record(t.Context(), forged); err != nil {
			t.Fatal(err)
		}
	}
	stdout, _ := expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes", "--json")
	if !strings.Contains(stdout, b[0].SHA256()) || !strings.Contains(stdout, `"released": true`) {
		t.Errorf("it says %s", stdout)
	}
}

// TestCancelOfWhatStillWaits says what to do instead.
func TestCancelOfWhatStillWaits(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	b := pg.signed("b")
	expect(t, 0, "publish", b, "-c", pg.config)
	code := codeOf(t, b)
	_, stderr := expect(t, 1, "cancel", code, "-c", pg.config, "-k", pg.key("officer"), "--yes")
	if want := "alert " + code + " was not released, it still waits for a signature: there is nothing to revoke. To stop it: tocsin withdraw " + code; !strings.Contains(stderr, want) {
		t.Errorf("it says %s\nwant %q in it", stderr, want)
	}
}

// TestCosignLooksAgain releases one of two bulletins while a person reads the other.
func TestCosignLooksAgain(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	n := pg.up()
	files, b := pg.siblings(2)
	code := string(b[0].Code)
	for _, f := range files {
		expect(t, 0, "publish", f, "-c", pg.config)
	}
	d, err := (&where{config: pg.config}).open(t.Context(), "test", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	all, err := d.waiting(t.Context(), code)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d bulletins wait (%v), want 2", len(all), err)
	}
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes", "--sha256", b[0].SHA256())
	size, err := n.ledger.Size(t.Context())
	if err == nil {
		err = d.ledger.WaitApplied(t.Context(), size)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.LoadKey(t.Context(), pg.key("police"), signing.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cosign(t.Context(), all[1].Bulletin, key, signing.Police); exitCode(err) != 3 || !strings.Contains(err.Error(), "bulletin 1 of this alert was released already") {
		t.Errorf("the other one: %v, want it refused", err)
	}
}
