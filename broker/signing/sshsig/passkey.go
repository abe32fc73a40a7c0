package sshsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// authDataBytes is the length of authenticator data without extensions: the hash
// of the RP ID, one byte of flags, four of counter (WebAuthn, 6.1).
const authDataBytes = sha256.Size + 1 + 4

// maxClientDataBytes bounds what a browser says about one signature; real ones
// have about 300 bytes.
const maxClientDataBytes = 8 << 10

// A Response is what navigator.credentials.get() returned in a browser.
type Response struct {
	AuthenticatorData []byte // response.authenticatorData
	ClientDataJSON    []byte // response.clientDataJSON, verbatim
	Signature         []byte // response.signature, ASN.1 DER
}

// PasskeyKey turns a new passkey into the public key for the key ring. spki is
// what response.getPublicKey() returned (DER SubjectPublicKeyInfo) after
// navigator.credentials.create(), and must be ES256; rpID is the RP ID that the
// page asked for, a host name in lower case.
func PasskeyKey(spki []byte, rpID string) (ssh.PublicKey, error) {
	if rpID == "" || rpID != strings.ToLower(rpID) || strings.ContainsAny(rpID, "/: ") {
		return nil, malformed("the RP ID %.64q is not a host name in lower case", rpID)
	}
	parsed, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, malformed("the passkey's public key cannot be read")
	}
	pub, ok := parsed.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: the passkey is not ES256; ask the browser for algorithm -7 only", ErrUnsupported)
	}
	point, err := pub.Bytes()
	if err != nil {
		return nil, malformed("the passkey's public key is not on the curve")
	}
	return ssh.ParsePublicKey(ssh.Marshal(struct {
		Type, Curve string
		Point       []byte
		Application string
	}{ssh.KeyAlgoSKECDSA256, "nistp256", point, rpID}))
}

// FromPasskey turns the answer of a passkey, asked to sign with
// SignedData(namespace, message) as the challenge, into an armored signature. It
// verifies what it returns, so that a browser whose signatures OpenSSH would not
// accept is found out when signing and not at the audit.
func FromPasskey(key ssh.PublicKey, namespace string, message []byte, r Response) ([]byte, error) {
	if key.Type() != ssh.KeyAlgoSKECDSA256 {
		return nil, fmt.Errorf("%w: %.64q is not a passkey", ErrUnsupported, key.Type())
	}
	if len(r.AuthenticatorData) < authDataBytes || len(r.AuthenticatorData) > maxClientDataBytes {
		return nil, malformed("the authenticator data have the wrong length")
	}
	rpHash := sha256.Sum256([]byte(application(key)))
	if !bytes.Equal(r.AuthenticatorData[:sha256.Size], rpHash[:]) {
		return nil, fmt.Errorf("%w: the passkey belongs to another site than %.64q", ErrMismatch, application(key))
	}
	if len(r.ClientDataJSON) > maxClientDataBytes {
		return nil, malformed("the browser's data are longer than %d bytes", maxClientDataBytes)
	}
	var client struct {
		Origin string `json:"origin"`
	}
	if err := json.Unmarshal(r.ClientDataJSON, &client); err != nil {
		return nil, malformed("the browser's data are not JSON")
	}
	var rs ecdsaSignature
	if rest, err := asn1.Unmarshal(r.Signature, &rs); err != nil || len(rest) > 0 {
		return nil, malformed("the passkey's signature is not in DER")
	}
	auth := r.AuthenticatorData[sha256.Size:]
	sig := ssh.Marshal(struct {
		Format string
		RS     []byte
	}{algWebAuthn, ssh.Marshal(rs)})
	sig = append(sig, ssh.Marshal(webAuthn{
		Flags: auth[0], Counter: binary.BigEndian.Uint32(auth[1:]), Origin: client.Origin,
		ClientData: r.ClientDataJSON, Extensions: auth[5:],
	})...)
	return seal(key, namespace, message, sig)
}
