package signing_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing"
)

// TestOneKeyUnderSeveralNames has one private key stand in the ring as a plain key, a
// hardware key and a passkey: it is one key, and one revocation ends all of it.
func TestOneKeyUnderSeveralNames(t *testing.T) {
	t.Parallel()
	public := func(wire []byte) ssh.PublicKey {
		t.Helper()
		key, err := ssh.ParsePublicKey(wire)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ssh.NewPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	hardware := func(application string) ssh.PublicKey {
		return public(ssh.Marshal(struct {
			Type, Curve string
			Point       []byte
			Application string
		}{ssh.KeyAlgoSKECDSA256, "nistp256", point, application}))
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plainEdwards, err := ssh.NewPublicKey(edwards)
	if err != nil {
		t.Fatal(err)
	}
	hardwareEdwards := public(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, edwards, "ssh:"}))

	for name, keys := range map[string][2]ssh.PublicKey{
		"p256": {plain, hardware("ssh:")}, "passkey": {hardware("ssh:"), hardware("firma.example")}, "passkeys": {hardware("a.example"), hardware("b.example")},
		"ed25519": {plainEdwards, hardwareEdwards}, "turned": {hardwareEdwards, plainEdwards},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := "a@b " + officerOptions + " " + publicLine(keys[0]) + "\n"
			for other, text := range map[string]string{
				"person": "c@d " + officerOptions + " ", "role": "a@b " + policeOptions + " ", "authority": "a@b cert-authority," + officerOptions + " ",
			} {
				var e *signing.RingError
				if _, err := signing.ParseRing("ring", []byte(first+text+publicLine(keys[1])+"\n"), nil); !errors.As(err, &e) || e.Line != 2 {
					t.Errorf("other %s: %v, want the second line refused", other, err)
				}
			}
			ring := mustParseRing(t, first, "")
			if _, err := ring.Check(keys[1], "a@b", "officer@tocsin", day(6, 1)); reasonOf(t, err) != signing.ReasonNotInRing {
				t.Errorf("a form of the key that the ring does not have: %v", err)
			}
			revoked := mustParseRing(t, first, publicLine(keys[1])+"\n")
			if _, err := revoked.Check(keys[0], "a@b", "officer@tocsin", day(6, 1)); reasonOf(t, err) != signing.ReasonRevoked {
				t.Errorf("revoked as another kind of key: %v", err)
			}
		})
	}
}
