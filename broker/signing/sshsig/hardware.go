package sshsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strings"

	"golang.org/x/crypto/ssh"
)

// algWebAuthn names the signatures of browser passkeys (OpenSSH, PROTOCOL.u2f).
const algWebAuthn = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"

// The flags of an authenticator (WebAuthn, 6.1 Authenticator Data).
const (
	flagUserPresent    = 0x01
	flagUserVerified   = 0x04
	flagBackupEligible = 0x08
	flagAttested       = 0x40
	flagExtensions     = 0x80
)

// sshApplication starts the application of keys that OpenSSH made in a security
// key; every other application is the RP ID of a browser passkey.
const sshApplication = "ssh:"

// An Assertion is what a hardware key or passkey attested about one signature. It
// is part of what was signed. It is zero for keys from a file.
type Assertion struct {
	Hardware bool // the key is one that lives in an authenticator
	WebAuthn bool // the signature was made through a browser

	UserPresent  bool // somebody touched the key; always true where Hardware is
	UserVerified bool // PIN, fingerprint or face was checked
	Syncable     bool // the key may exist on more than one device (backup eligible)

	Flags   byte   // as signed: WebAuthn, 6.1
	Counter uint32 // use counter; often constantly 0 for synced passkeys

	Application string // "ssh:…", or the RP ID of a passkey
	Origin      string // the page that asked a passkey to sign; else empty
}

func assertion(application string, flags byte, counter uint32) Assertion {
	return Assertion{
		Hardware:     true,
		UserPresent:  flags&flagUserPresent != 0,
		UserVerified: flags&flagUserVerified != 0,
		Syncable:     flags&flagBackupEligible != 0,
		Flags:        flags,
		Counter:      counter,
		Application:  application,
	}
}

// verifyHardware checks what OpenSSH made with a security key.
func verifyHardware(key ssh.PublicKey, sig *ssh.Signature, signed []byte) (Assertion, error) {
	app := application(key)
	if !strings.HasPrefix(app, sshApplication) {
		return Assertion{}, fmt.Errorf("%w: the key is a passkey of %.64q and the signature was not made in a browser; sign in the console",
			ErrUnsupported, app)
	}
	var w struct {
		Flags   byte
		Counter uint32
	}
	if err := ssh.Unmarshal(sig.Rest, &w); err != nil {
		return Assertion{}, malformed("the flags and counter of the hardware key cannot be read")
	}
	if w.Flags&flagUserPresent == 0 {
		return Assertion{}, notTouched()
	}
	if key.Type() == ssh.KeyAlgoSKECDSA256 {
		if _, err := parseECDSA(sig.Blob); err != nil {
			return Assertion{}, err
		}
	}
	if err := key.Verify(signed, sig); err != nil {
		return Assertion{}, ErrMismatch
	}
	return assertion(app, w.Flags, w.Counter), nil
}

// webAuthn is what follows r and s in the signature of a passkey (PROTOCOL.u2f).
type webAuthn struct {
	Flags      byte
	Counter    uint32
	Origin     string
	ClientData []byte
	Extensions []byte
}

// verifyWebAuthn checks what a browser made with a passkey: ssh-keygen's checks,
// and beyond them the user's presence, the page that asked, that the page was not
// framed by another, and that nothing but the message was signed.
func verifyWebAuthn(key ssh.PublicKey, sig *ssh.Signature, signed []byte) (Assertion, error) {
	app := application(key)
	if key.Type() != ssh.KeyAlgoSKECDSA256 || strings.HasPrefix(app, sshApplication) {
		return Assertion{}, fmt.Errorf("%w: a browser's signature with a key that is not a passkey; enrol a passkey (ES256)", ErrUnsupported)
	}
	var w webAuthn
	if err := ssh.Unmarshal(sig.Rest, &w); err != nil {
		return Assertion{}, malformed("the passkey's part cannot be read")
	}
	if err := checkWebAuthn(&w, app, signed); err != nil {
		return Assertion{}, err
	}
	rs, err := parseECDSA(sig.Blob)
	if err != nil {
		return Assertion{}, err
	}
	pub, ok := key.(ssh.CryptoPublicKey).CryptoPublicKey().(*ecdsa.PublicKey)
	if !ok || !ecdsa.Verify(pub, w.digest(app), rs.R, rs.S) {
		return Assertion{}, ErrMismatch
	}
	a := assertion(app, w.Flags, w.Counter)
	a.WebAuthn, a.Origin = true, w.Origin
	return a, nil
}

// digest is the hash of what the authenticator signed: its data, then the hash of
// the browser's (WebAuthn, 6.3.3).
func (w *webAuthn) digest(app string) []byte {
	appHash, clientHash := sha256.Sum256([]byte(app)), sha256.Sum256(w.ClientData)
	b := append(appHash[:], w.Flags)
	b = binary.BigEndian.AppendUint32(b, w.Counter)
	b = append(b, w.Extensions...)
	b = append(b, clientHash[:]...)
	d := sha256.Sum256(b)
	return d[:]
}

func checkWebAuthn(w *webAuthn, app string, signed []byte) error {
	if w.Flags&flagAttested != 0 || (w.Flags&flagExtensions != 0) != (len(w.Extensions) > 0) {
		return malformed("the passkey's flags contradict its data")
	}
	if w.Flags&flagExtensions != 0 {
		return malformed("the passkey signed more than it was asked for (extensions); sign in the console, which asks for none")
	}
	if w.Flags&flagUserPresent == 0 {
		return notTouched()
	}
	if !originBelongs(w.Origin, app) {
		return malformed("the page %.128q does not belong to the passkey of %.64q", w.Origin, app)
	}
	// WebAuthn 5.8.1.1 fixes how browsers begin this text, byte for byte; that is
	// what binds the message, and no reading of JSON could do it as tightly.
	start := `{"type":"webauthn.get","challenge":"` + base64.RawURLEncoding.EncodeToString(signed) +
		`","origin":"` + w.Origin + `"`
	tail, ok := strings.CutPrefix(string(w.ClientData), start)
	if !ok {
		return fmt.Errorf("%w: the passkey signed for another message, or the browser does not write its data in the standard order; use another browser", ErrMismatch)
	}
	if !json.Valid(w.ClientData) {
		return malformed("the browser's data are not JSON")
	}
	if repeats(w.ClientData) {
		return malformed("the browser's data say something twice; use another browser")
	}
	// An older browser says nothing of frames (WebAuthn Level 1), and is believed.
	const sameOrigin = `,"crossOrigin":false`
	after, ok := strings.CutPrefix(tail, sameOrigin)
	if tail != "}" && (!ok || (after[0] != ',' && after[0] != '}')) {
		return malformed("the passkey signed in a page framed by another site; open the console by itself")
	}
	return nil
}

// repeats reports whether an object in valid JSON has a name twice: of two answers to one
// question nobody knows which the browser meant.
func repeats(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	var value func() bool
	value = func() bool {
		token, err := d.Token()
		if err != nil {
			return false // it was found valid before
		}
		names := map[string]bool{}
		for (token == json.Delim('{') || token == json.Delim('[')) && d.More() {
			if token == json.Delim('{') {
				name, _ := d.Token()
				text, _ := name.(string)
				if names[text] {
					return true
				}
				names[text] = true
			}
			if value() {
				return true
			}
		}
		if _, ok := token.(json.Delim); ok {
			_, _ = d.Token() // its end
		}
		return false
	}
	return value()
}

// originBelongs reports whether a page at origin may use passkeys of rpID: the
// same host or one below it, over https, or on this machine (WebAuthn, 5.1.4.1 and
// HTML, "registrable domain suffix").
func originBelongs(origin, rpID string) bool {
	if rpID == "" || strings.ContainsAny(origin, `"\`) {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin {
		return false
	}
	host := u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return false
	}
	return host == rpID || strings.HasSuffix(host, "."+rpID)
}

type ecdsaSignature struct{ R, S *big.Int }

// parseECDSA reads r and s, in the shortest encoding only.
func parseECDSA(blob []byte) (ecdsaSignature, error) {
	var rs ecdsaSignature
	if err := ssh.Unmarshal(blob, &rs); err != nil {
		return rs, malformed("the ECDSA numbers cannot be read")
	}
	if rs.R.Sign() <= 0 || rs.S.Sign() <= 0 || !bytes.Equal(ssh.Marshal(rs), blob) {
		return rs, malformed("the ECDSA numbers are not in their canonical encoding")
	}
	return rs, nil
}

// application returns what a hardware key is bound to: "ssh:…" or an RP ID. The
// key was parsed, so that its encoding is known to be good.
func application(key ssh.PublicKey) string {
	if key.Type() == ssh.KeyAlgoSKED25519 {
		var w struct{ Type, Key, Application string }
		if ssh.Unmarshal(key.Marshal(), &w) != nil {
			return ""
		}
		return w.Application
	}
	var w struct{ Type, Curve, Key, Application string }
	if ssh.Unmarshal(key.Marshal(), &w) != nil {
		return ""
	}
	return w.Application
}

func notTouched() error {
	return fmt.Errorf("%w: sign again and touch the key when it blinks", ErrPresence)
}
