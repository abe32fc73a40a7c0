package signing_test

// This file has a real browser make a passkey and sign with it: what it says must be
// accepted by the stock ssh-keygen and by us, and what only ssh-keygen accepts is known.

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
	"tocsin/broker/signing/sshsig"
)

// passkeyPage is the page of a console as far as it makes passkeys and signs with them,
// and of another site that puts it into a frame.
//
//go:embed testdata/passkey.html
var passkeyPage []byte

// rpID is what passkeys are bound to here. An address like 127.0.0.1 can't be one.
const rpID = "localhost"

// A browserSigner is a page in a browser with an authenticator of software.
type browserSigner struct {
	t             *testing.T
	ctx           context.Context
	port          string
	authenticator webauthn.AuthenticatorID
}

// newBrowserSigner starts a browser, and a site for it on loopback.
func newBrowserSigner(t *testing.T) *browserSigner {
	t.Helper()
	var program string
	var err error
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if program, err = exec.LookPath(name); err == nil {
			break
		}
	}
	need(t, "chromium", err)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(passkeyPage)
	}))
	t.Cleanup(site.Close)
	_, port, err := net.SplitHostPort(site.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(time.Minute), chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits for the browser; one that is gone has nothing to end
	b := &browserSigner{t: t, ctx: ctx, port: port}
	b.open(rpID, "/")
	if err := chromedp.Run(ctx, webauthn.Enable()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browserSigner) origin(host string) string { return "http://" + host + ":" + b.port }

// open goes to a page of a host, which loopback answers for.
func (b *browserSigner) open(host, path string) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, chromedp.Navigate(b.origin(host)+path)); err != nil {
		b.t.Fatal(err)
	}
}

// plug puts an authenticator into the place of the one before.
func (b *browserSigner) plug(change func(*webauthn.VirtualAuthenticatorOptions)) {
	b.t.Helper()
	o := &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportUsb,
		HasResidentKey: true, HasUserVerification: true, AutomaticPresenceSimulation: true, IsUserVerified: true,
	}
	if change != nil {
		change(o)
	}
	err := chromedp.Run(b.ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		if b.authenticator != "" {
			if err := webauthn.RemoveVirtualAuthenticator(b.authenticator).Do(ctx); err != nil {
				return err
			}
		}
		b.authenticator, err = webauthn.AddVirtualAuthenticator(o).Do(ctx)
		return err
	}))
	if err != nil {
		b.t.Fatal(err)
	}
}

// call has the page do something, and reads what it answers.
func (b *browserSigner) call(function string, wish map[string]any, answer any) error {
	b.t.Helper()
	text, err := json.Marshal(wish)
	if err != nil {
		b.t.Fatal(err)
	}
	var said string
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true).WithUserGesture(true)
	}
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(function+"("+string(text)+")", &said, wait)); err != nil {
		return err
	}
	return json.Unmarshal([]byte(said), answer)
}

// An enrolled passkey.
type enrolled struct {
	ID   []byte `json:"id"`
	SPKI []byte `json:"spki"`
	Alg  int    `json:"alg"`
}

func (b *browserSigner) enrol(wish map[string]any) enrolled {
	b.t.Helper()
	var e enrolled
	if err := b.call("enrol", wish, &e); err != nil {
		b.t.Fatalf("the browser makes no passkey: %v", err)
	}
	if e.Alg != -7 {
		b.t.Fatalf("the passkey has algorithm %d, want -7 (ES256)", e.Alg)
	}
	return e
}

// sign has the passkey sign with the data that OpenSSH signs as its challenge.
func (b *browserSigner) sign(function string, e enrolled, namespace string, message []byte, wish map[string]any) (sshsig.Response, error) {
	b.t.Helper()
	challenge, err := sshsig.SignedData(namespace, message)
	if err != nil {
		b.t.Fatal(err)
	}
	wish["id"], wish["challenge"] = e.ID, challenge
	var r struct {
		AuthenticatorData []byte `json:"authenticatorData"`
		ClientDataJSON    []byte `json:"clientDataJSON"`
		Signature         []byte `json:"signature"`
	}
	err = b.call(function, wish, &r)
	return sshsig.Response(r), err
}

// encode makes a signature of a browser's answer as signing.md says that anybody can,
// without a look at what it says.
func encode(t *testing.T, key ssh.PublicKey, namespace string, r sshsig.Response) []byte {
	t.Helper()
	var client struct {
		Origin string `json:"origin"`
	}
	if err := json.Unmarshal(r.ClientDataJSON, &client); err != nil {
		t.Fatal(err)
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(r.Signature, &rs); err != nil {
		t.Fatal(err)
	}
	data := r.AuthenticatorData[32:]
	inner := ssh.Marshal(struct {
		Format     string
		RS         []byte
		Flags      byte
		Counter    uint32
		Origin     string
		Client     []byte
		Extensions []byte
	}{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", ssh.Marshal(rs), data[0], binary.BigEndian.Uint32(data[1:]), client.Origin, r.ClientDataJSON, data[5:]})
	outer := ssh.Marshal(struct {
		Version                   uint32
		Key                       []byte
		Namespace, Reserved, Hash string
		Signature                 []byte
	}{1, key.Marshal(), namespace, "", "sha512", inner})
	var b bytes.Buffer
	b.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for text := base64.StdEncoding.EncodeToString(append([]byte("SSHSIG"), outer...)); text != ""; {
		n := min(70, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString("-----END SSH SIGNATURE-----\n")
	return b.Bytes()
}

// TestPasskeyInBrowser has Chromium make passkeys and sign as an officer. ssh-keygen
// checks the signature alone; whether the person was there and what page asked is
// ours to check.
func TestPasskeyInBrowser(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	b := newBrowserSigner(t)
	const officer, namespace = "mario.rossi@pc.example", "officer@tocsin"
	message := document()
	required := func() map[string]any { return map[string]any{"verification": "required"} }
	type options = webauthn.VirtualAuthenticatorOptions
	synced := func(o *options) {
		o.Transport, o.DefaultBackupEligibility, o.DefaultBackupState = webauthn.AuthenticatorTransportInternal, true, true
	}
	blob := func(o *options) { o.HasCredBlob = true }
	all := strings.NewReplacer("user_verification: true", "user_verification: false", "synced_passkeys: false", "synced_passkeys: true").Replace(string(signing.DefaultPolicy()))
	listed := func(origin string) string {
		return strings.Replace(string(signing.DefaultPolicy()), "origins: []", "origins: ["+origin+"]", 1)
	}

	for _, tt := range []struct {
		name     string
		plug     func(*options)
		override *webauthn.SetResponseOverrideBitsParams
		enrol    map[string]any
		sign     map[string]any
		frame    bool   // in a frame of another site's page
		policy   string // "" for the one that comes with Tocsin
		flags    byte
		keygen   bool           // whether the stock ssh-keygen accepts it
		want     signing.Reason // of our refusal; "" for none

		unreadable bool // the signature is no DER, and nothing can be made of it
	}{
		{name: "security_key", sign: required(), flags: 0x05, keygen: true},
		{name: "origin_listed", sign: required(), policy: listed(b.origin(rpID)), flags: 0x05, keygen: true},
		{name: "origin_not_listed", sign: required(), policy: listed("https://firma.pc.example"), flags: 0x05, keygen: true, want: signing.ReasonWrongOrigin},
		{name: "not_verified", sign: map[string]any{"verification": "discouraged"}, flags: 0x01, keygen: true, want: signing.ReasonNotVerified},
		{name: "not_verified_but_allowed", sign: map[string]any{"verification": "discouraged"}, policy: all, flags: 0x01, keygen: true},
		{name: "verification_left_out", override: webauthn.SetResponseOverrideBits("").WithIsBadUV(true), sign: required(), flags: 0x01, keygen: true, want: signing.ReasonNotVerified},
		{name: "not_touched", override: webauthn.SetResponseOverrideBits("").WithIsBadUP(true), sign: required(), flags: 0x04, keygen: true, want: signing.ReasonNotTouched},
		{name: "not_touched_whatever_the_policy", override: webauthn.SetResponseOverrideBits("").WithIsBadUP(true), sign: required(), policy: all, flags: 0x04, keygen: true, want: signing.ReasonNotTouched},
		{name: "synced", plug: synced, sign: required(), flags: 0x1d, keygen: true, want: signing.ReasonSyncedKey},
		{name: "synced_but_allowed", plug: synced, sign: required(), policy: all, flags: 0x1d, keygen: true},
		{name: "extension", plug: blob, enrol: map[string]any{"blob": true}, sign: map[string]any{"verification": "required", "blob": true}, flags: 0x85, keygen: true, want: signing.ReasonMalformed},
		{name: "bogus", override: webauthn.SetResponseOverrideBits("").WithIsBogusSignature(true), sign: required(), flags: 0x05, unreadable: true},
		{name: "in_a_frame", frame: true, sign: required(), flags: 0x05, keygen: true, want: signing.ReasonMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) { //nolint:paralleltest // one page
			b.t = t
			b.plug(tt.plug)
			defer func() { b.open(rpID, "/") }()
			wish := map[string]any{"rp": rpID, "verification": "required"}
			for k, v := range tt.enrol {
				wish[k] = v
			}
			e := b.enrol(wish)
			key, err := sshsig.PasskeyKey(e.SPKI, rpID)
			if err != nil {
				t.Fatal(err)
			}
			if tt.override != nil {
				tt.override.AuthenticatorID = b.authenticator
				if err := chromedp.Run(b.ctx, tt.override); err != nil {
					t.Fatal(err)
				}
			}
			function := "sign"
			if tt.frame {
				b.open("framing.localhost", "/")
				function = "signInFrame"
			}
			tt.sign["rp"] = rpID
			r, err := b.sign(function, e, namespace, message, tt.sign)
			if err != nil {
				t.Fatalf("the browser does not sign: %v", err)
			}
			if got := r.AuthenticatorData[32]; got != tt.flags {
				t.Errorf("the flags are %#02x, want %#02x", got, tt.flags)
			}
			if cross := bytes.Contains(r.ClientDataJSON, []byte(`"crossOrigin":true`)); cross != tt.frame {
				t.Errorf("the browser says %s of a page that is framed: %t", r.ClientDataJSON, tt.frame)
			}
			if tt.unreadable {
				if _, err := sshsig.FromPasskey(key, namespace, message, r); err == nil {
					t.Error("our encoder takes it")
				}
				return
			}
			armored := encode(t, key, namespace, r)
			ours, err := sshsig.FromPasskey(key, namespace, message, r)
			if err == nil && !bytes.Equal(ours, armored) {
				t.Errorf("our encoder writes\n%s\nwant\n%s", ours, armored)
			}
			ring := officer + " " + officerOptions + " " + publicLine(key)
			q := trial{ring, "", officer, namespace, "20260615120000Z"}
			if got := q.keygenAccepts(t, armored, message); got != tt.keygen {
				t.Errorf("ssh-keygen accepts it: %t, want %t", got, tt.keygen)
			}
			policy := tt.policy
			if policy == "" {
				policy = string(signing.DefaultPolicy())
			}
			got := judged(t, ring, policy, signing.Statement{Principal: officer, Namespace: namespace, Signature: armored, At: signedAt})
			if got != tt.want {
				t.Errorf("we say %q, want %q", got, tt.want)
			}
			if tt.want == "" {
				others := trial{ring, "", officer, "police@tocsin", "20260615120000Z"}
				if others.keygenAccepts(t, armored, message) || q.keygenAccepts(t, armored, append([]byte("x"), message...)) {
					t.Error("ssh-keygen accepts it for another namespace or message")
				}
			}
		})
	}
	t.Run("another_site", func(t *testing.T) { //nolint:paralleltest // one page
		b.t = t
		b.signElsewhere(officer, namespace, message)
	})
}

// judged returns why the officer's signature does not count, or "" where it does, and
// then whether the alert is released with the police's.
func judged(t *testing.T, ring, policyText string, st signing.Statement) signing.Reason {
	t.Helper()
	police := signingtest.Police(t)
	policy, err := signing.ParsePolicy([]byte(policyText))
	if err != nil {
		t.Fatal(err)
	}
	a := &signing.Authority{Ring: mustParseRing(t, ring+"\n"+police.Line(t)+"\n", ""), Policy: policy, Realm: alert.RealmLive}
	req := request(alert.MsgAlert)
	_, one := a.CheckOne(req, st, now)
	_, both := a.Authorize(req, []signing.Statement{st, police.Statement(t, alert.RealmLive, req.Bytes, cosignedAt)}, now)
	if (one == nil) != (both == nil) {
		t.Errorf("alone it counts: %v, for the release: %v", one, both)
	}
	return reasonOf(t, one)
}

// signElsewhere has the page of another site make a passkey and sign, and passes it off
// as one of the console's.
func (b *browserSigner) signElsewhere(officer, namespace string, message []byte) {
	t := b.t
	t.Helper()
	const other = "login.localhost"
	b.plug(nil)
	b.open(other, "/")
	defer b.open(rpID, "/")
	if err := b.call("enrol", map[string]any{"rp": "firma.pc.example", "verification": "required"}, new(enrolled)); err == nil {
		t.Error("the browser makes a passkey for a site that is not the page's")
	}
	e := b.enrol(map[string]any{"rp": other, "verification": "required"})
	r, err := b.sign("sign", e, namespace, message, map[string]any{"rp": other, "verification": "required"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rp     string
		keygen bool
		want   signing.Reason
	}{
		{other, true, ""},                         // it is a good signature of its own site
		{rpID, false, signing.ReasonBadSignature}, // and none of the console's
	} {
		key, err := sshsig.PasskeyKey(e.SPKI, tt.rp)
		if err != nil {
			t.Fatal(err)
		}
		armored := encode(t, key, namespace, r)
		ring := fmt.Sprintf("%s %s %s", officer, officerOptions, publicLine(key))
		q := trial{ring, "", officer, namespace, "20260615120000Z"}
		if got := q.keygenAccepts(t, armored, message); got != tt.keygen {
			t.Errorf("RP ID %s: ssh-keygen accepts it: %t, want %t", tt.rp, got, tt.keygen)
		}
		if got := judged(t, ring, string(signing.DefaultPolicy()), signing.Statement{Principal: officer, Namespace: namespace, Signature: armored, At: signedAt}); got != tt.want {
			t.Errorf("RP ID %s: we say %q, want %q", tt.rp, got, tt.want)
		}
		if _, err := sshsig.FromPasskey(key, namespace, message, r); (err == nil) != (tt.want == "") {
			t.Errorf("RP ID %s: our encoder says %v", tt.rp, err)
		}
	}
}
