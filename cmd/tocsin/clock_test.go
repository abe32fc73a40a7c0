package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// enrolledFrom has the line of the trial key of a role begin to be valid at a time.
func (pg *playground) enrolledFrom(role string, at time.Time) {
	pg.t.Helper()
	path := filepath.Join(pg.dir, "keys", "allowed_signers")
	raw, err := os.ReadFile(path)
	if err != nil {
		pg.t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)(namespaces="` + role + `@exercise\.tocsin",valid-after=")[0-9]+Z`)
	if !line.Match(raw) {
		pg.t.Fatalf("the ring has no line of role %s:\n%s", role, raw)
	}
	raw = line.ReplaceAll(raw, []byte("${1}"+at.UTC().Format("20060102150405Z")))
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		pg.t.Fatal(err)
	}
}

// TestClockBehindIsNamed signs with keys that were enrolled minutes ago by another
// machine's clock: the clock is named where the command refuses, and where the ledger's
// time of a signature is the one that is behind.
func TestClockBehindIsNamed(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.plain()
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	path, b := pg.published("b")
	const advice = "check the clock of this machine and of the node (NTP)"

	pg.enrolledFrom("police", time.Now().Add(5*time.Minute))
	if _, stderr := expect(t, 3, "cosign", string(b.Code), "-c", pg.config, "-k", pg.key("police"), "--yes"); !strings.Contains(stderr, advice) {
		t.Errorf("cosign with a clock that is behind says %q", stderr)
	}

	// The ledger's time of the officer's signature falls before the key's first second.
	first := time.Now().Truncate(time.Second).Add(time.Second)
	pg.enrolledFrom("officer", first)
	pg.enrolledFrom("police", first.Add(-time.Hour))
	expect(t, 0, "sign", path, "-k", pg.key("police"), "--role", "police", "--yes")
	stdout, _ := expect(t, 0, "publish", path, "-c", pg.config, "--signature", path+".police.sig")
	if !strings.Contains(stdout, "ATTENTION: signature not accepted: the key of") || !strings.Contains(stdout, advice) || !strings.Contains(stdout, "duty officer") {
		t.Errorf("publish of a signature that the ledger has too early says %q", stdout)
	}
	node.stop()
}
