package sshsig_test

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
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

// softKey is a security key in software, with any flags: those that its maker's
// firmware would never set as well.
type softKey struct {
	private ed25519.PrivateKey
	pub     ssh.PublicKey
	app     string
	flags   byte
	extra   []byte // after the counter
}

func newSoftKey(t testing.TB, flags byte) *softKey { return newSoftKeyFor(t, "ssh:", flags) }

func newSoftKeyFor(t testing.TB, app string, flags byte) *softKey {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct{ T, K, A string }{ssh.KeyAlgoSKED25519, string(pub), app}))
	if err != nil {
		t.Fatal(err)
	}
	return &softKey{private: private, pub: key, app: app, flags: flags}
}

func (k *softKey) PublicKey() ssh.PublicKey { return k.pub }

func (k *softKey) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	app, msg := sha256.Sum256([]byte(k.app)), sha256.Sum256(data)
	tail := binary.BigEndian.AppendUint32([]byte{k.flags}, 7)
	signed := append(append(app[:], tail...), msg[:]...)
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(k.private, signed), Rest: append(tail, k.extra...)}, nil
}

func TestSecurityKey(t *testing.T) {
	t.Parallel()
	a, err := verify(sign(t, newSoftKey(t, 0x05)))
	want := sshsig.Assertion{Hardware: true, UserPresent: true, UserVerified: true, Flags: 5, Counter: 7, Application: "ssh:"}
	if err != nil || a != want {
		t.Errorf("got %+v, %v; want %+v", a, err, want)
	}
	for _, flags := range []byte{0x00, 0x04, 0xfe} {
		if _, err := sshsig.Sign(newSoftKey(t, flags), namespace, message()); !errors.Is(err, sshsig.ErrPresence) || !strings.Contains(err.Error(), "touch") {
			t.Errorf("flags %#02x: %v, want ErrPresence and what to do", flags, err)
		}
	}
	k := newSoftKey(t, 0x01)
	k.extra = []byte{0}
	if _, err := sshsig.Sign(k, namespace, message()); !errors.Is(err, sshsig.ErrMalformed) {
		t.Errorf("a byte after the counter: %v, want ErrMalformed", err)
	}
}

// TestWebKeyOutsideBrowser has a passkey sign without a browser, and so without a
// page that anybody could have seen.
func TestWebKeyOutsideBrowser(t *testing.T) {
	t.Parallel()
	if _, err := sshsig.Sign(newSoftKeyFor(t, "firma.pc.example", 0x05), namespace, message()); !errors.Is(err, sshsig.ErrUnsupported) {
		t.Errorf("got %v, want ErrUnsupported", err)
	}
}

func newWebSignature(t testing.TB) []byte {
	return signingtest.NewPasskey(t, "firma.pc.example").Sign(t, namespace, message())
}

func TestPasskey(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*signingtest.Passkey)
		want   error
	}{
		"verified":              {func(*signingtest.Passkey) {}, nil},
		"present_only":          {func(k *signingtest.Passkey) { k.Flags = 0x01 }, nil},
		"synced":                {func(k *signingtest.Passkey) { k.Flags = 0x1d }, nil},
		"extension":             {func(k *signingtest.Passkey) { k.Flags, k.Extensions = 0x85, []byte{0xa0} }, sshsig.ErrMalformed},
		"subdomain":             {func(k *signingtest.Passkey) { k.Origin = "https://console.firma.pc.example" }, nil},
		"port":                  {func(k *signingtest.Passkey) { k.Origin = "https://firma.pc.example:8443" }, nil},
		"absent":                {func(k *signingtest.Passkey) { k.Flags = 0x04 }, sshsig.ErrPresence},
		"attested":              {func(k *signingtest.Passkey) { k.Flags = 0x45 }, sshsig.ErrMalformed},
		"extension_flag_only":   {func(k *signingtest.Passkey) { k.Flags = 0x85 }, sshsig.ErrMalformed},
		"extension_no_flag":     {func(k *signingtest.Passkey) { k.Extensions = []byte{0xa0} }, sshsig.ErrMalformed},
		"framed":                {func(k *signingtest.Passkey) { k.CrossOrigin = true }, sshsig.ErrMalformed},
		"other_site":            {func(k *signingtest.Passkey) { k.Origin = "https://login.example" }, sshsig.ErrMalformed},
		"look_alike":            {func(k *signingtest.Passkey) { k.Origin = "https://evilfirma.pc.example" }, sshsig.ErrMalformed},
		"parent":                {func(k *signingtest.Passkey) { k.Origin = "https://pc.example" }, sshsig.ErrMalformed},
		"no_tls":                {func(k *signingtest.Passkey) { k.Origin = "http://firma.pc.example" }, sshsig.ErrMalformed},
		"path_in_origin":        {func(k *signingtest.Passkey) { k.Origin = "https://firma.pc.example/x" }, sshsig.ErrMalformed},
		"user_in_origin":        {func(k *signingtest.Passkey) { k.Origin = "https://a@firma.pc.example" }, sshsig.ErrMalformed},
		"quote_in_origin":       {func(k *signingtest.Passkey) { k.Origin = `https://firma.pc.example"` }, sshsig.ErrMalformed},
		"app_as_origin":         {func(k *signingtest.Passkey) { k.Origin = "android:apk-key-hash:x" }, sshsig.ErrMalformed},
		"localhost_is_not_ours": {func(k *signingtest.Passkey) { k.Origin = "http://localhost:8080" }, sshsig.ErrMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := signingtest.NewPasskey(t, "firma.pc.example")
			tt.change(k)
			armored, err := fromPasskey(t, k, nil)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if tt.want != nil {
				return
			}
			a, err := verify(armored)
			if err != nil || !a.WebAuthn || a.Flags != k.Flags || a.Origin != k.Origin || a.Application != k.RPID {
				t.Errorf("Verify returned %+v, %v", a, err)
			}
			if a.Syncable != (k.Flags&0x08 != 0) || a.UserVerified != (k.Flags&0x04 != 0) || !a.UserPresent {
				t.Errorf("flags %#02x were read as %+v", k.Flags, a)
			}
		})
	}
}

func TestPasskeyOnLocalhost(t *testing.T) {
	t.Parallel()
	k := signingtest.NewPasskey(t, "localhost")
	k.Origin = "http://localhost:8080"
	if _, err := verify(k.Sign(t, namespace, message())); err != nil {
		t.Errorf("refused: %v", err)
	}
}

// fromPasskey has k answer, with client data of the test's making if given.
func fromPasskey(t *testing.T, k *signingtest.Passkey, clientData func(good string) string) ([]byte, error) {
	t.Helper()
	challenge, err := sshsig.SignedData(namespace, message())
	if err != nil {
		t.Fatal(err)
	}
	data := k.ClientData(t, challenge)
	if clientData != nil {
		data = []byte(clientData(string(data)))
	}
	return sshsig.FromPasskey(k.PublicKey(t), namespace, message(), k.AssertClientData(t, data))
}

func TestClientData(t *testing.T) {
	t.Parallel()
	replace := func(old, text string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				panic("the text to replace is not there: " + old)
			}
			return strings.Replace(s, old, text, 1)
		}
	}
	tests := map[string]struct {
		data func(string) string
		ok   bool
	}{
		"as_browsers_write":   {nil, true},
		"cross_twice":         {replace(`,"crossOrigin":false`, `,"crossOrigin":false,"crossOrigin":true`), false},
		"cross_twice_escaped": {replace(`,"crossOrigin":false`, `,"crossOrigin":false,"cross\u004frigin":true`), false},
		"twice_inside":        {replace(`,"crossOrigin":false`, `,"crossOrigin":false,"a":[{"b":1,"b":2}]`), false},
		"names_inside":        {replace(`,"crossOrigin":false`, `,"crossOrigin":false,"a":[{"b":1},{"b":2},[]],"c":{"a":{}}`), true},
		"without_cross":       {replace(`,"crossOrigin":false`, ""), true},
		"more_after":          {replace(`false}`, `false,"other":{"a":[1]}}`), true},
		"cross_true":          {replace(`false}`, `true}`), false},
		"cross_not_next":      {replace(`,"crossOrigin":false`, `,"a":1,"crossOrigin":false`), false},
		"cross_prefix":        {replace(`false}`, `falsest}`), false},
		"cross_cut":           {replace(`false}`, `false`), false},
		"not_json":            {replace(`false}`, `false,}`), false},
		"login":               {replace(`webauthn.get`, `webauthn.create`), false},
		"sorted_keys":         {func(s string) string { return `{"challenge":` + strings.SplitAfter(s, `"challenge":`)[1] }, false},
		"space":               {replace(`{"type"`, `{ "type"`), false},
		"padded_challenge":    {replace(`","origin"`, `=","origin"`), false},
		"no_object":           {func(string) string { return `"x"` }, false},
		"empty":               {func(string) string { return "" }, false},
		"large":               {replace(`false}`, `false,"a":"`+strings.Repeat("a", 9000)+`"}`), false},
		"text_after":          {func(s string) string { return s + "x" }, false},
		"other_origin_field":  {replace(`,"crossOrigin"`, `,"origin":"https://evil.example","crossOrigin"`), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			armored, err := fromPasskey(t, signingtest.NewPasskey(t, "firma.pc.example"), tt.data)
			if (err == nil) != tt.ok {
				t.Fatalf("got %v, want success: %v", err, tt.ok)
			}
			if tt.ok {
				if _, err := verify(armored); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// assemble makes a signature of a passkey's answer as another program would, which
// checks nothing, for a key of its choice.
func assemble(t *testing.T, key ssh.PublicKey, r sshsig.Response) []byte {
	t.Helper()
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(r.Signature, &rs); err != nil {
		t.Fatal(err)
	}
	rest := ssh.Marshal(struct {
		Flags              byte
		Counter            uint32
		Origin             string
		Client, Extensions []byte
	}{r.AuthenticatorData[32], binary.BigEndian.Uint32(r.AuthenticatorData[33:]), "https://firma.pc.example", r.ClientDataJSON, r.AuthenticatorData[37:]})
	sig := &ssh.Signature{Format: "webauthn-sk-ecdsa-sha2-nistp256@openssh.com", Blob: ssh.Marshal(rs), Rest: rest}
	return blob{1, key.Marshal(), namespace, "", "sha512", ssh.Marshal(sig)}.armor()
}

func TestAssembledElsewhere(t *testing.T) {
	t.Parallel()
	k := signingtest.NewPasskey(t, "firma.pc.example")
	challenge, err := sshsig.SignedData(namespace, message())
	if err != nil {
		t.Fatal(err)
	}
	data := string(k.ClientData(t, challenge))
	var wire struct {
		Type, Curve string
		Point       []byte
		Application string
	}
	if err := ssh.Unmarshal(k.PublicKey(t).Marshal(), &wire); err != nil {
		t.Fatal(err)
	}
	wire.Application = "ssh:"
	sshKey, err := ssh.ParsePublicKey(ssh.Marshal(wire))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key        ssh.PublicKey
		clientData string
		want       error
	}{
		"good":         {k.PublicKey(t), data, nil},
		"not_json":     {k.PublicKey(t), strings.Replace(data, "false}", "false,}", 1), sshsig.ErrMalformed},
		"security_key": {sshKey, data, sshsig.ErrUnsupported},
		"ed25519_key":  {newSoftKeyFor(t, "firma.pc.example", 0x05).PublicKey(), data, sshsig.ErrUnsupported},
		"plain_key":    {newECDSA(t, elliptic.P256()).PublicKey(), data, sshsig.ErrMalformed},
		"other_key":    {signingtest.NewPasskey(t, "firma.pc.example").PublicKey(t), data, sshsig.ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(assemble(t, tt.key, k.AssertClientData(t, []byte(tt.clientData))))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestPasskeyForAnotherMessage(t *testing.T) {
	t.Parallel()
	k := signingtest.NewPasskey(t, "firma.pc.example")
	other, err := sshsig.SignedData(namespace, []byte("another message"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sshsig.FromPasskey(k.PublicKey(t), namespace, message(), k.Assert(t, other)); !errors.Is(err, sshsig.ErrMismatch) {
		t.Errorf("got %v, want ErrMismatch", err)
	}
}

func TestFromPasskeyRefuses(t *testing.T) {
	t.Parallel()
	k := signingtest.NewPasskey(t, "firma.pc.example")
	challenge, err := sshsig.SignedData(namespace, message())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*sshsig.Response, *ssh.PublicKey){
		"short_data":    func(r *sshsig.Response, _ *ssh.PublicKey) { r.AuthenticatorData = r.AuthenticatorData[:36] },
		"long_data":     func(r *sshsig.Response, _ *ssh.PublicKey) { r.AuthenticatorData = make([]byte, 9000) },
		"other_site":    func(r *sshsig.Response, _ *ssh.PublicKey) { r.AuthenticatorData[0] ^= 1 },
		"bad_der":       func(r *sshsig.Response, _ *ssh.PublicKey) { r.Signature = r.Signature[1:] },
		"der_trailing":  func(r *sshsig.Response, _ *ssh.PublicKey) { r.Signature = append(r.Signature, 0) },
		"negative_r":    func(r *sshsig.Response, _ *ssh.PublicKey) { r.Signature = []byte{0x30, 6, 2, 1, 0x80, 2, 1, 1} },
		"flag_changed":  func(r *sshsig.Response, _ *ssh.PublicKey) { r.AuthenticatorData[32] ^= 0x04 },
		"count_changed": func(r *sshsig.Response, _ *ssh.PublicKey) { r.AuthenticatorData[36]++ },
		"other_passkey": func(_ *sshsig.Response, p *ssh.PublicKey) {
			*p = signingtest.NewPasskey(t, "firma.pc.example").PublicKey(t)
		},
		"no_passkey": func(_ *sshsig.Response, p *ssh.PublicKey) { *p = newEd25519(t).PublicKey() },
		"plain_ecdsa": func(_ *sshsig.Response, p *ssh.PublicKey) {
			*p = newECDSA(t, elliptic.P256()).PublicKey()
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			r, pub := k.Assert(t, challenge), k.PublicKey(t)
			spoil(&r, &pub)
			if _, err := sshsig.FromPasskey(pub, namespace, message(), r); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestPasskeyKey(t *testing.T) {
	t.Parallel()
	k := signingtest.NewPasskey(t, "firma.pc.example")
	if pub := k.PublicKey(t); pub.Type() != ssh.KeyAlgoSKECDSA256 {
		t.Errorf("the passkey became a %s", pub.Type())
	}
	for _, rp := range []string{"", "Firma.pc.example", "https://firma.pc.example", "firma.pc.example:443", "ssh:"} {
		if _, err := sshsig.PasskeyKey(k.SPKI(t), rp); err == nil {
			t.Errorf("PasskeyKey took the RP ID %q", rp)
		}
	}
	if _, err := sshsig.PasskeyKey([]byte("x"), "firma.pc.example"); !errors.Is(err, sshsig.ErrMalformed) {
		t.Errorf("PasskeyKey of nonsense: %v, want ErrMalformed", err)
	}
}
