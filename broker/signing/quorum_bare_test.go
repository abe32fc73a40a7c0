package signing

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestTwoFormsOfAKeyAreOneKey holds that a rule for two signatures is not met by one private
// key, also where certificates bring it in under two names.
func TestTwoFormsOfAKeyAreOneKey(t *testing.T) {
	t.Parallel()
	raw, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ssh.NewPublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	hardware, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, raw, "ssh:"}))
	if err != nil {
		t.Fatal(err)
	}
	signer := func(name string, key ssh.PublicKey) *Signer {
		return &Signer{Principal: name, Organisation: Organisation(name), Key: key, Fingerprint: ssh.FingerprintSHA256(key)}
	}
	if strangers(signer("a@b", plain), signer("c@d", hardware)) {
		t.Error("a plain key and the same one as a hardware key count as two")
	}
}
