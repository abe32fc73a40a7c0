// Package sshsig reads, makes and verifies detached OpenSSH signatures, the
// format of `ssh-keygen -Y sign` (OpenSSH, PROTOCOL.sshsig), and those that a
// browser passkey makes in the same format (PROTOCOL.u2f, WebAuthn).
//
// It says whether a key made a signature over a message for a purpose, and what
// a hardware key attested about it. It does not say whether that key may sign:
// that is the key ring's business, in package signing. It reads no files and
// knows neither time nor revocation.
//
// It accepts a strict subset of what ssh-keygen accepts. The rules that are
// stricter: the kinds of key (see [CheckKey]), the user's presence on hardware
// keys, the page that asked a passkey and no extensions of it, one encoding for each
// key and number, and no text around the armor.
package sshsig

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// What a caller can tell apart about a signature that is not accepted. Each is
// wrapped in an error that says what exactly is wrong and what to do.
var (
	// ErrMalformed is returned by Parse and Verify for bytes that are not a
	// signature in the one accepted encoding.
	ErrMalformed = errors.New("not a well-formed OpenSSH signature")
	// ErrUnsupported is returned by Parse, Sign and CheckKey for kinds of key,
	// hash or signature that are not accepted here.
	ErrUnsupported = errors.New("kind of key or signature not accepted")
	// ErrNamespace is returned by Verify for a signature made for another
	// purpose (namespace) than the one asked for.
	ErrNamespace = errors.New("signature made for another purpose")
	// ErrPresence is returned by Verify for a hardware key that was not touched.
	ErrPresence = errors.New("hardware key was not touched")
	// ErrMismatch is returned by Verify when the signature does not belong to
	// this message and this key.
	ErrMismatch = errors.New("signature does not match the message and the key")
)

const (
	magic   = "SSHSIG" // PROTOCOL.sshsig, MAGIC_PREAMBLE
	version = 1        // PROTOCOL.sshsig, SIG_VERSION

	hashSHA256 = "sha256"
	hashSHA512 = "sha512"

	maxNamespaceBytes = 255
)

// A Signature is what Parse read. Nothing in it is to be believed before Verify
// has accepted it. It does not change after Parse, so that it can be shared.
type Signature struct {
	key       ssh.PublicKey    // as in the file, possibly a certificate
	cert      *ssh.Certificate // nil for a plain key
	namespace string
	hashAlg   string
	sig       *ssh.Signature
}

// wire is the binary form of a signature, without the magic before it
// (PROTOCOL.sshsig, "Blob format").
type wire struct {
	Version   uint32
	PublicKey []byte
	Namespace string
	Reserved  string
	HashAlg   string
	Signature []byte
}

// Key returns the public key that signed: that of the certificate, where the
// signature bears one, so that two keys can be compared.
func (s *Signature) Key() ssh.PublicKey {
	if s.cert != nil {
		return s.cert.Key
	}
	return s.key
}

// Certificate returns the certificate that the signature bears, or nil. It is
// not checked in any way.
func (s *Signature) Certificate() *ssh.Certificate { return s.cert }

// Namespace returns the purpose that the signature claims to be made for.
func (s *Signature) Namespace() string { return s.namespace }

// Parse reads one armored signature of at most [MaxArmored] bytes. Errors wrap
// [ErrMalformed] or [ErrUnsupported].
func Parse(armored []byte) (*Signature, error) {
	blob, err := dearmor(armored)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(blob, []byte(magic))
	if !ok {
		return nil, malformed("the armor does not hold a signature")
	}
	var w wire
	if err := ssh.Unmarshal(body, &w); err != nil { // refuses trailing data
		return nil, malformed("the signature is cut short or has extra bytes")
	}
	if w.Version != version {
		return nil, fmt.Errorf("%w: version %d of the signature format; only version 1 is known", ErrUnsupported, w.Version)
	}
	if w.Reserved != "" {
		return nil, malformed("the reserved field is not empty")
	}
	if err := checkNamespace(w.Namespace); err != nil {
		return nil, err
	}
	if w.HashAlg != hashSHA256 && w.HashAlg != hashSHA512 {
		return nil, fmt.Errorf("%w: hash %.32q; use sha512", ErrUnsupported, w.HashAlg)
	}
	s := &Signature{namespace: w.Namespace, hashAlg: w.HashAlg}
	if err := s.setKey(w.PublicKey); err != nil {
		return nil, err
	}
	s.sig = new(ssh.Signature)
	if err := ssh.Unmarshal(w.Signature, s.sig); err != nil {
		return nil, malformed("the inner signature cannot be read")
	}
	return s, nil
}

// setKey reads the public key field. Only the one encoding that OpenSSH writes
// is accepted, because keys are compared by their bytes.
func (s *Signature) setKey(blob []byte) error {
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return malformed("the public key cannot be read")
	}
	if !bytes.Equal(key.Marshal(), blob) {
		return malformed("the public key is not in its canonical encoding")
	}
	s.key = key
	if cert, ok := key.(*ssh.Certificate); ok {
		s.cert = cert
	}
	return CheckKey(s.Key())
}

// Verify checks that s is a signature over message for namespace by s.Key(), and
// returns what the key attested about it. A hardware key that was not touched is
// refused. Errors wrap one of the sentinels of this package.
//
// A certificate is not checked: it only names the key.
func (s *Signature) Verify(namespace string, message []byte) (Assertion, error) {
	return s.VerifyMessage(namespace, NewMessage(message))
}

// VerifyMessage is Verify for a message that is checked more than once.
func (s *Signature) VerifyMessage(namespace string, message *Message) (Assertion, error) {
	if s.namespace != namespace {
		return Assertion{}, fmt.Errorf("%w: it is for %q, and %q was asked for; sign again with -n %s",
			ErrNamespace, s.namespace, namespace, namespace)
	}
	signed := signedData(namespace, s.hashAlg, message.digest(s.hashAlg))
	key := s.Key()
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256:
		return Assertion{}, s.verifyPlain(key, signed)
	case ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		if s.sig.Format == algWebAuthn {
			return verifyWebAuthn(key, s.sig, signed)
		}
		return verifyHardware(key, s.sig, signed)
	default:
		return Assertion{}, CheckKey(key)
	}
}

func (s *Signature) verifyPlain(key ssh.PublicKey, signed []byte) error {
	// x/crypto leaves what follows the signature to its caller; ssh-keygen
	// refuses it, and so would two texts of one signature both verify.
	if len(s.sig.Rest) > 0 {
		return malformed("there are bytes after the signature")
	}
	if key.Type() == ssh.KeyAlgoECDSA256 {
		if _, err := parseECDSA(s.sig.Blob); err != nil {
			return err
		}
	}
	if err := key.Verify(signed, s.sig); err != nil {
		return ErrMismatch
	}
	return nil
}

// Sign signs message for namespace and returns the armored signature. s may be a
// key from a file, a key in ssh-agent, or a hardware key in ssh-agent. The result
// is verified before it is returned, so that a key that signs wrongly or was not
// touched is noticed at once.
func Sign(s ssh.Signer, namespace string, message []byte) ([]byte, error) {
	signed, err := SignedData(namespace, message)
	if err != nil {
		return nil, err
	}
	pub := s.PublicKey()
	plain := pub
	if cert, ok := pub.(*ssh.Certificate); ok {
		plain = cert.Key
	}
	if err := CheckKey(plain); err != nil {
		return nil, err
	}
	sig, err := s.Sign(rand.Reader, signed)
	if err != nil {
		return nil, fmt.Errorf("sign with key %s: %w", ssh.FingerprintSHA256(plain), err)
	}
	return seal(pub, namespace, message, ssh.Marshal(sig))
}

// seal armors a raw signature and verifies what it made.
func seal(pub ssh.PublicKey, namespace string, message, sig []byte) ([]byte, error) {
	blob := append([]byte(magic), ssh.Marshal(wire{
		Version: version, PublicKey: pub.Marshal(), Namespace: namespace, HashAlg: hashSHA512, Signature: sig,
	})...)
	armored := armor(blob)
	s, err := Parse(armored)
	if err != nil {
		return nil, fmt.Errorf("check the new signature: %w", err)
	}
	if _, err := s.Verify(namespace, message); err != nil {
		return nil, fmt.Errorf("check the new signature: %w", err)
	}
	return armored, nil
}

// SignedData returns the bytes that a key signs for message and namespace. For a
// browser passkey they are the challenge, as they are (about 110 bytes).
func SignedData(namespace string, message []byte) ([]byte, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	digest := sha512.Sum512(message)
	return signedData(namespace, hashSHA512, digest[:]), nil
}

// signedData is "Signed Data, of which the signature goes into the blob above"
// of PROTOCOL.sshsig; hashAlg is one of the two known.
func signedData(namespace, hashAlg string, digest []byte) []byte {
	return append([]byte(magic), ssh.Marshal(struct {
		Namespace, Reserved, HashAlg string
		Digest                       []byte
	}{namespace, "", hashAlg, digest})...)
}

func checkNamespace(namespace string) error {
	if namespace == "" {
		return malformed("the namespace is empty")
	}
	if len(namespace) > maxNamespaceBytes {
		return malformed("the namespace is longer than %d bytes", maxNamespaceBytes)
	}
	for _, c := range []byte(namespace) {
		if c <= ' ' || c > '~' {
			return malformed("the namespace holds a character other than printable ASCII")
		}
	}
	return nil
}

// CheckKey says whether signatures of this kind of key are accepted: Ed25519 and
// ECDSA P-256, from a file or in a hardware key. For any other kind the error
// wraps [ErrUnsupported] and says which key to use instead. A certificate is not
// a key: check the key in it.
func CheckKey(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return nil
	default:
		return fmt.Errorf("%w: %.64q; use an Ed25519 or ECDSA P-256 key, from a file or a hardware key (ssh-keygen -t ed25519, ed25519-sk or ecdsa-sk)",
			ErrUnsupported, key.Type())
	}
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
