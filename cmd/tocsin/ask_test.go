package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// protectedKey makes a key file with the passphrase "giusta".
func protectedKey(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "prova", []byte("giusta"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "protected")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// brokenOff checks how a command ended that was broken off: as having failed, with no
// signature beside the bulletin and no picture left.
func (p *process) brokenOff(how error, b string) {
	p.t.Helper()
	if how == nil || p.cmd.ProcessState.ExitCode() != 1 {
		p.t.Errorf("it ended with %v, want exit status 1", how)
	}
	if said := p.log.String(); !strings.Contains(said, "tocsin: it was broken off: nothing was signed\n") && !strings.Contains(said, "tocsin: not signed: nothing was sent\n") {
		p.t.Errorf("it does not say that nothing was signed:\n%s", said)
	}
	if _, err := os.Stat(b + ".officer.sig"); err == nil {
		p.t.Error("the bulletin was signed")
	}
	if left, err := os.ReadDir(p.temp); err != nil || len(left) > 0 {
		p.t.Errorf("it left %v (%v)", left, err)
	}
}
