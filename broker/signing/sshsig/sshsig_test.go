package sshsig_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing/signingtest"
	"tocsin/broker/signing/sshsig"
)

const namespace = "officer@tocsin"

func message() []byte { return []byte("Allerta rossa: allontanarsi dal torrente.\n") }

// signer returns a signer with a new key.
func signer(t testing.TB, key any, err error) ssh.Signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// BenchmarkVerify reads and verifies one signature of each kind over a bulletin of 100 KiB,
// held against one bare Ed25519 verification over the same bytes.
func BenchmarkVerify(b *testing.B) {
	doc := make([]byte, 100<<10)
	signed := func(s ssh.Signer) []byte {
		armored, err := sshsig.Sign(s, namespace, doc)
		if err != nil {
			b.Fatal(err)
		}
		return armored
	}
	for _, kind := range []struct {
		name    string
		armored []byte
	}{
		{"ed25519", signed(newEd25519(b))},
		{"ecdsa", signed(newECDSA(b, elliptic.P256()))},
		{"ed25519_sk", signed(newSoftKey(b, 0x05))},
		{"passkey", signingtest.NewPasskey(b, "firma.pc.example").Sign(b, namespace, doc)},
	} {
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := sshsig.Parse(kind.armored)
				if err == nil {
					_, err = s.Verify(namespace, doc)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			signingtest.ReportFloor(b, doc)
		})
	}
}

func newEd25519(t testing.TB) ssh.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return signer(t, key, err)
}

func newECDSA(t testing.TB, curve elliptic.Curve) ssh.Signer {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	return signer(t, key, err)
}

// sign signs message(), and fails the test where that is refused.
func sign(t testing.TB, s ssh.Signer) []byte {
	t.Helper()
	armored, err := sshsig.Sign(s, namespace, message())
	if err != nil {
		t.Fatal(err)
	}
	return armored
}

// verify parses and verifies over message().
func verify(armored []byte) (sshsig.Assertion, error) {
	s, err := sshsig.Parse(armored)
	if err != nil {
		return sshsig.Assertion{}, err
	}
	return s.Verify(namespace, message())
}

// blob is the binary form of a signature, for tests that take it apart.
type blob struct {
	Version   uint32
	PublicKey []byte
	Namespace string
	Reserved  string
	HashAlg   string
	Signature []byte
}

func open(t testing.TB, armored []byte) blob {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(armored)), "\n")
	raw, err := base64.StdEncoding.DecodeString(strings.Join(lines[1:len(lines)-1], ""))
	if err != nil {
		t.Fatal(err)
	}
	var b blob
	if err := ssh.Unmarshal(bytes.TrimPrefix(raw, []byte("SSHSIG")), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b blob) armor() []byte { return armor(append([]byte("SSHSIG"), ssh.Marshal(b)...)) }

func armor(raw []byte) []byte {
	return []byte("-----BEGIN SSH SIGNATURE-----\n" + base64.StdEncoding.EncodeToString(raw) + "\n-----END SSH SIGNATURE-----\n")
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]ssh.Signer{"ed25519": newEd25519(t), "ecdsa_p256": newECDSA(t, elliptic.P256())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			armored := sign(t, s)
			got, err := sshsig.Parse(armored)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Key().Marshal(), s.PublicKey().Marshal()) || got.Namespace() != namespace || got.Certificate() != nil {
				t.Errorf("Parse read key %s, namespace %q, certificate %v", got.Key().Type(), got.Namespace(), got.Certificate())
			}
			a, err := got.Verify(namespace, message())
			if err != nil || a != (sshsig.Assertion{}) {
				t.Errorf("Verify returned %+v, %v; want nothing attested and no error", a, err)
			}
			if _, err := got.Verify(namespace, append(message(), '!')); !errors.Is(err, sshsig.ErrMismatch) {
				t.Errorf("Verify of another message: %v, want ErrMismatch", err)
			}
			if _, err := got.Verify("police@tocsin", message()); !errors.Is(err, sshsig.ErrNamespace) {
				t.Errorf("Verify for another namespace: %v, want ErrNamespace", err)
			}
		})
	}
}

// TestNamespaceIsSigned changes the namespace field, which is not enough to move a
// signature from one role to another.
func TestNamespaceIsSigned(t *testing.T) {
	t.Parallel()
	b := open(t, sign(t, newEd25519(t)))
	b.Namespace = "police@tocsin"
	s, err := sshsig.Parse(b.armor())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify("police@tocsin", message()); !errors.Is(err, sshsig.ErrMismatch) {
		t.Errorf("Verify with the namespace exchanged: %v, want ErrMismatch", err)
	}
}

func TestSHA256IsRead(t *testing.T) {
	t.Parallel()
	s := newEd25519(t)
	digest := sha256.Sum256(message())
	signed := append([]byte("SSHSIG"), ssh.Marshal(struct{ N, R, H, D string }{namespace, "", "sha256", string(digest[:])})...)
	sig, err := s.Sign(rand.Reader, signed)
	if err != nil {
		t.Fatal(err)
	}
	b := blob{1, s.PublicKey().Marshal(), namespace, "", "sha256", ssh.Marshal(sig)}
	if _, err := verify(b.armor()); err != nil {
		t.Errorf("a signature over SHA-256 was refused: %v", err)
	}
}

func TestUnsupportedKeys(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	for name, s := range map[string]ssh.Signer{
		"rsa":        signer(t, rsaKey, err),
		"ecdsa_p384": newECDSA(t, elliptic.P384()),
		"ecdsa_p521": newECDSA(t, elliptic.P521()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := sshsig.Sign(s, namespace, message()); !errors.Is(err, sshsig.ErrUnsupported) || !strings.Contains(err.Error(), "ssh-keygen -t ed25519") {
				t.Errorf("Sign: %v, want ErrUnsupported and what to use", err)
			}
			b := open(t, sign(t, newEd25519(t)))
			b.PublicKey = s.PublicKey().Marshal()
			if _, err := sshsig.Parse(b.armor()); !errors.Is(err, sshsig.ErrUnsupported) {
				t.Errorf("Parse: %v, want ErrUnsupported", err)
			}
		})
	}
}

func TestArmor(t *testing.T) {
	t.Parallel()
	good := string(sign(t, newEd25519(t)))
	const header, footer = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
	body := strings.TrimSuffix(strings.TrimPrefix(good, header), footer)
	tests := map[string]struct {
		text string
		ok   bool
	}{
		"as_made":          {good, true},
		"crlf":             {strings.ReplaceAll(good, "\n", "\r\n"), false},
		"no_last_newline":  {strings.TrimSuffix(good, "\n"), true},
		"empty_lines_end":  {good + "\n\n", true},
		"one_line":         {header + strings.ReplaceAll(body, "\n", "") + "\n" + footer, true},
		"empty":            {"", false},
		"text_before":      {"Gentile collega,\n" + good, false},
		"blank_before":     {"\n" + good, false},
		"text_after":       {good + "saluti\n", false},
		"space_after":      {good + " ", false},
		"second_signature": {good + good, false},
		"glued_footer":     {strings.TrimSuffix(good, "\n") + "x\n", false},
		"no_footer":        {header + body, false},
		"no_header":        {body + footer, false},
		"header_only":      {header, false},
		"empty_body":       {header + "\n" + footer, false},
		"stray_cr":         {header + body[:8] + "\r" + body[8:] + footer, false},
		"space_inside":     {header + body[:8] + " " + body[8:] + footer, false},
		"comment_inside":   {header + "Comment: x\n" + body + footer, false},
		"url_alphabet":     {header + "_" + body[1:] + footer, false},
		"not_a_signature":  {string(armor([]byte("SSHSIX"))), false},
		"too_large":        {header + strings.Repeat("A", sshsig.MaxArmored) + "\n" + footer, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := verify([]byte(tt.text))
			if tt.ok && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !tt.ok && !errors.Is(err, sshsig.ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	good := sign(t, newEd25519(t))
	for name, text := range map[string]string{
		"as_made": string(good),
		"crlf":    strings.ReplaceAll(string(good), "\n", "\r\n"),
		"blanks":  " \r\n\t" + string(good) + " \n ",
		"cut_end": strings.TrimSpace(string(good)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := sshsig.Normalize([]byte(text)); err != nil || !bytes.Equal(got, good) {
				t.Errorf("Normalize returned %q, %v; want the signature as made", got, err)
			}
		})
	}
	for _, text := range []string{"", "x" + string(good), string(good) + "x", string(armor([]byte("x"))), strings.Repeat(" ", sshsig.MaxArmored+1)} {
		if _, err := sshsig.Normalize([]byte(text)); !errors.Is(err, sshsig.ErrMalformed) {
			t.Errorf("Normalize(%.40q): %v, want ErrMalformed", text, err)
		}
	}
}

// TestBase64IsStrict sets bits that a lenient decoder throws away, so that two
// texts would be one signature.
func TestBase64IsStrict(t *testing.T) {
	t.Parallel()
	raw := append([]byte("SSHSIG"), ssh.Marshal(open(t, sign(t, newEd25519(t))))...)
	for len(raw)%3 != 1 { // as many as give two padding characters
		raw = raw[:len(raw)-1]
	}
	text := string(armor(raw))
	i := strings.Index(text, "==") - 1
	lax := text[:i] + string(text[i]+1) + text[i+1:]
	if _, err := base64.StdEncoding.DecodeString(strings.Split(lax, "\n")[1]); err != nil {
		t.Fatalf("the lax text is not even lax: %v", err)
	}
	_, err := sshsig.Parse([]byte(lax))
	if err == nil || !strings.Contains(err.Error(), "strict base64") {
		t.Errorf("Parse: %v, want a complaint about base64", err)
	}
}

// TestFields takes a good signature apart, spoils one thing, and puts it together.
func TestFields(t *testing.T) {
	t.Parallel()
	ed, ec := newEd25519(t), newECDSA(t, elliptic.P256())
	tests := map[string]struct {
		signer ssh.Signer
		spoil  func(*blob)
		want   error
	}{
		"untouched":          {ed, func(*blob) {}, nil},
		"version_0":          {ed, func(b *blob) { b.Version = 0 }, sshsig.ErrUnsupported},
		"version_2":          {ed, func(b *blob) { b.Version = 2 }, sshsig.ErrUnsupported},
		"reserved":           {ed, func(b *blob) { b.Reserved = "x" }, sshsig.ErrMalformed},
		"hash":               {ed, func(b *blob) { b.HashAlg = "sha1" }, sshsig.ErrUnsupported},
		"other_hash":         {ed, func(b *blob) { b.HashAlg = "sha256" }, sshsig.ErrMismatch},
		"empty_namespace":    {ed, func(b *blob) { b.Namespace = "" }, sshsig.ErrMalformed},
		"long_namespace":     {ed, func(b *blob) { b.Namespace = strings.Repeat("x", 256) }, sshsig.ErrMalformed},
		"control_namespace":  {ed, func(b *blob) { b.Namespace = "officer\n" }, sshsig.ErrMalformed},
		"no_key":             {ed, func(b *blob) { b.PublicKey = nil }, sshsig.ErrMalformed},
		"key_trailing":       {ed, func(b *blob) { b.PublicKey = append(b.PublicKey, 0) }, sshsig.ErrMalformed},
		"other_key":          {ed, func(b *blob) { b.PublicKey = newEd25519(t).PublicKey().Marshal() }, sshsig.ErrMismatch},
		"key_of_other_kind":  {ed, func(b *blob) { b.PublicKey = ec.PublicKey().Marshal() }, sshsig.ErrMalformed},
		"no_signature":       {ed, func(b *blob) { b.Signature = nil }, sshsig.ErrMalformed},
		"bytes_after":        {ed, func(b *blob) { b.Signature = append(b.Signature, 0) }, sshsig.ErrMalformed},
		"ecdsa_untouched":    {ec, func(*blob) {}, nil},
		"ecdsa_bytes_after":  {ec, func(b *blob) { b.Signature = append(b.Signature, 0) }, sshsig.ErrMalformed},
		"ecdsa_zero_r":       {ec, respoil(t, func(r, s *big.Int) []byte { return ssh.Marshal(struct{ R, S *big.Int }{new(big.Int), s}) }), sshsig.ErrMalformed},
		"ecdsa_negative_s":   {ec, respoil(t, func(r, s *big.Int) []byte { return ssh.Marshal(struct{ R, S *big.Int }{r, new(big.Int).Neg(s)}) }), sshsig.ErrMalformed},
		"ecdsa_leading_zero": {ec, respoil(t, leadingZero), sshsig.ErrMalformed},
		"ecdsa_trailing":     {ec, respoil(t, func(r, s *big.Int) []byte { return append(ssh.Marshal(struct{ R, S *big.Int }{r, s}), 0) }), sshsig.ErrMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, sign(t, tt.signer))
			tt.spoil(&b)
			s, err := sshsig.Parse(b.armor())
			if err == nil {
				_, err = s.Verify(s.Namespace(), message())
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// respoil writes r and s of an ECDSA signature anew.
func respoil(t *testing.T, write func(r, s *big.Int) []byte) func(*blob) {
	return func(b *blob) {
		var sig ssh.Signature
		var rs struct{ R, S *big.Int }
		if err := errors.Join(ssh.Unmarshal(b.Signature, &sig), ssh.Unmarshal(sig.Blob, &rs)); err != nil {
			t.Error(err)
		}
		sig.Blob = write(rs.R, rs.S)
		b.Signature = ssh.Marshal(sig)
	}
}

// leadingZero writes r with more zero bytes than it needs.
func leadingZero(r, s *big.Int) []byte {
	rest := ssh.Marshal(struct{ S *big.Int }{s})
	padded := append([]byte{0, 0, 0}, r.Bytes()...)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(padded))), padded...), rest...)
}

// rawKey is a public key in an encoding that OpenSSH would not write.
type rawKey struct {
	ssh.PublicKey
	wire []byte
}

func (k rawKey) Marshal() []byte { return k.wire }

// TestCanonicalKey has a certificate name its authority in a second encoding, so
// that two texts would be one key.
func TestCanonicalKey(t *testing.T) {
	t.Parallel()
	modulus := append([]byte{0, 0xc1}, make([]byte, 255)...)
	modulus[256] = 1
	authority := func(exponent ...byte) []byte {
		return ssh.Marshal(struct {
			Kind string
			E, N []byte
		}{ssh.KeyAlgoRSA, exponent, modulus})
	}
	s := newEd25519(t)
	for name, tt := range map[string]struct {
		authority []byte
		ok        bool
	}{"canonical": {authority(3), true}, "other_encoding": {authority(0, 0, 3), false}} {
		cert := &ssh.Certificate{Key: s.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"a@b"}, ValidBefore: ssh.CertTimeInfinity}
		if err := cert.SignCert(rand.Reader, s); err != nil {
			t.Fatal(err)
		}
		cert.SignatureKey = rawKey{s.PublicKey(), tt.authority}
		b := open(t, sign(t, s))
		b.PublicKey = cert.Marshal()
		_, err := sshsig.Parse(b.armor())
		if tt.ok && err != nil || !tt.ok && (!errors.Is(err, sshsig.ErrMalformed) || !strings.Contains(err.Error(), "canonical")) {
			t.Errorf("%s: got %v, want success: %v", name, err, tt.ok)
		}
	}
}

func TestTrailingData(t *testing.T) {
	t.Parallel()
	b := open(t, sign(t, newEd25519(t)))
	raw := append([]byte("SSHSIG"), ssh.Marshal(b)...)
	if _, err := sshsig.Parse(armor(append(raw, 0))); !errors.Is(err, sshsig.ErrMalformed) {
		t.Errorf("a byte after the last field: %v, want ErrMalformed", err)
	}
	if _, err := sshsig.Parse(armor(raw[:len(raw)-1])); !errors.Is(err, sshsig.ErrMalformed) {
		t.Errorf("a byte less: %v, want ErrMalformed", err)
	}
}

func TestSignRefusesNamespaces(t *testing.T) {
	t.Parallel()
	for _, ns := range []string{"", "a b", "a\x00", "perché", strings.Repeat("x", 300)} {
		if _, err := sshsig.Sign(newEd25519(t), ns, message()); err == nil {
			t.Errorf("Sign took the namespace %q", ns)
		}
	}
}

// liar signs something else than it is asked to.
type liar struct{ ssh.Signer }

func (l liar) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	return l.Signer.Sign(rand.Reader, append(data, 'x'))
}

func TestSignChecksWhatItMade(t *testing.T) {
	t.Parallel()
	if _, err := sshsig.Sign(liar{newEd25519(t)}, namespace, message()); !errors.Is(err, sshsig.ErrMismatch) {
		t.Errorf("Sign with a key that signs wrongly: %v, want ErrMismatch", err)
	}
}

// FuzzParseSignature holds that no input makes the parser panic, and that what it
// accepts, written again, is the same signature.
func FuzzParseSignature(f *testing.F) {
	f.Add(sign(f, newEd25519(f)))
	f.Add(sign(f, newECDSA(f, elliptic.P256())))
	f.Add(sign(f, newSoftKey(f, 0x05)))
	f.Add(newWebSignature(f))
	f.Add([]byte("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, armored []byte) {
		s, err := sshsig.Parse(armored)
		if err != nil {
			if !errors.Is(err, sshsig.ErrMalformed) && !errors.Is(err, sshsig.ErrUnsupported) {
				t.Fatalf("the error is not classified: %v", err)
			}
			return
		}
		if err := sshsig.CheckKey(s.Key()); err != nil {
			t.Fatalf("a key was accepted that is not: %v", err)
		}
		if _, err := s.Verify(s.Namespace(), []byte("a message that nobody signed")); err == nil {
			t.Fatal("a signature over nothing was accepted")
		}
	})
}
