// Package signingtest makes people who sign, key rings and signatures for the
// tests of other packages, all in memory. Its keys are derived from names and
// known to everyone: nothing of it may leave a test.
package signingtest

import (
	"archive/tar"
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
	"tocsin/broker/signing/sshsig"
)

// A Person has a name, a role and a key from a file.
type Person struct {
	Principal string
	Role      signing.Role

	// After and Before bound the line in the ring, to the second; zero for years
	// 2000 and 2100.
	After, Before time.Time
	// Realms has where the person may sign; empty for both.
	Realms []alert.Realm

	key ssh.Signer
}

// NewPerson returns a person with an Ed25519 key, which is the same whenever name
// and role are the same.
func NewPerson(tb testing.TB, principal string, role signing.Role) *Person {
	tb.Helper()
	seed := sha256.Sum256([]byte("signingtest\x00" + principal + "\x00" + string(role)))
	key, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		tb.Fatalf("make a key for %s: %v", principal, err)
	}
	return &Person{Principal: principal, Role: role, key: key}
}

// Officer returns a duty officer of civil protection.
func Officer(tb testing.TB) *Person {
	tb.Helper()
	return NewPerson(tb, "mario.rossi@pc.example", signing.Officer)
}

// Police returns a police liaison, of another organisation than Officer.
func Police(tb testing.TB) *Person {
	tb.Helper()
	return NewPerson(tb, "lucia.bianchi@police.example", signing.Police)
}

// PublicKey returns the person's public key.
func (p *Person) PublicKey() ssh.PublicKey { return p.key.PublicKey() }

// Sign returns the person's armored signature over message in their role.
func (p *Person) Sign(tb testing.TB, realm alert.Realm, message []byte) []byte {
	tb.Helper()
	armored, err := sshsig.Sign(p.key, signing.Namespace(p.Role, realm), message)
	if err != nil {
		tb.Fatalf("sign as %s: %v", p.Principal, err)
	}
	return armored
}

// Statement returns the person's signature over message as a ledger would have
// recorded it at a time.
func (p *Person) Statement(tb testing.TB, realm alert.Realm, message []byte, at time.Time) signing.Statement {
	tb.Helper()
	return signing.Statement{
		Principal: p.Principal, Namespace: signing.Namespace(p.Role, realm),
		Signature: p.Sign(tb, realm, message), At: at,
	}
}

// Line returns the person's line in a key ring, without line end.
func (p *Person) Line(tb testing.TB) string {
	tb.Helper()
	after, before, realms := p.After, p.Before, p.Realms
	if after.IsZero() {
		after = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if before.IsZero() {
		before = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if len(realms) == 0 {
		realms = []alert.Realm{alert.RealmLive, alert.RealmExercise}
	}
	line, err := signing.RingLine(p.Principal, p.Role, realms, after, before, p.PublicKey(), "")
	if err != nil {
		tb.Fatalf("write the ring line of %s: %v", p.Principal, err)
	}
	return line
}

// RingText returns an allowed_signers file with these people.
func RingText(tb testing.TB, people ...*Person) []byte {
	tb.Helper()
	var b strings.Builder
	for _, p := range people {
		b.WriteString(p.Line(tb) + "\n")
	}
	return []byte(b.String())
}

// Ring returns a key ring with these people and no revoked key.
func Ring(tb testing.TB, people ...*Person) *signing.Ring {
	tb.Helper()
	r, err := signing.ParseRing("signers", RingText(tb, people...), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// Policy returns the default policy: both roles for an alert or an update, either
// for a cancel.
func Policy(tb testing.TB) *signing.Policy {
	tb.Helper()
	p, err := signing.ParsePolicy(signing.DefaultPolicy())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Breakglass is the section of a policy that allows break-glass without any wait, for
// the event RISCHIO/IDROGEO, on x-a and telegram-a, once a day.
const Breakglass = "breakglass:\n  attempts: 1\n  wait_minutes: 0\n  at_once: []\n  events: [RISCHIO/IDROGEO]\n  channels: [x-a, telegram-a]\n  life_minutes: 30\n  per_day: 1\n  notify: [questura]\n"

// PolicyWith returns the default policy with a section added.
func PolicyWith(tb testing.TB, section string) *signing.Policy {
	tb.Helper()
	p, err := signing.ParsePolicy(append(signing.DefaultPolicy(), "\n"+section...))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Director returns a person who breaks the glass beside [Officer], in the same
// organisation.
func Director(tb testing.TB) *Person {
	tb.Helper()
	return NewPerson(tb, "anna.direttrice@pc.example", signing.Breakglass)
}

// Authority returns an authority with these people and the default policy.
func Authority(tb testing.TB, realm alert.Realm, people ...*Person) *signing.Authority {
	tb.Helper()
	return &signing.Authority{Ring: Ring(tb, people...), Policy: Policy(tb), Realm: realm}
}

// A Passkey behaves like an authenticator and the browser that asks it. Its flags
// and the page are the caller's, so that it can also misbehave.
type Passkey struct {
	RPID        string
	Origin      string
	Flags       byte   // as WebAuthn, 6.1: 0x01 present, 0x04 verified, 0x08 syncable, 0x80 extensions
	Counter     uint32 // signed, then counted up
	Extensions  []byte // CBOR after the counter; needs flag 0x80
	CrossOrigin bool   // the page was framed by another site

	private *ecdsa.PrivateKey
}

// NewPasskey returns a passkey of rpID on https://rpID whose user is present and
// verified. Its key is new each time.
func NewPasskey(tb testing.TB, rpID string) *Passkey {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return &Passkey{RPID: rpID, Origin: "https://" + rpID, Flags: 0x05, private: private}
}

// SPKI returns what response.getPublicKey() gives a page: DER.
func (k *Passkey) SPKI(tb testing.TB) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// PublicKey returns the passkey's public key for the ring.
func (k *Passkey) PublicKey(tb testing.TB) ssh.PublicKey {
	tb.Helper()
	pub, err := sshsig.PasskeyKey(k.SPKI(tb), k.RPID)
	if err != nil {
		tb.Fatal(err)
	}
	return pub
}

// ClientData returns what a browser says about a signature, in the order that
// WebAuthn, 5.8.1.1, prescribes.
func (k *Passkey) ClientData(tb testing.TB, challenge []byte) []byte {
	tb.Helper()
	origin, err := json.Marshal(k.Origin)
	if err != nil {
		tb.Fatal(err)
	}
	cross := "false"
	if k.CrossOrigin {
		cross = "true"
	}
	return []byte(`{"type":"webauthn.get","challenge":"` + base64.RawURLEncoding.EncodeToString(challenge) +
		`","origin":` + string(origin) + `,"crossOrigin":` + cross + `}`)
}

// Assert answers navigator.credentials.get() with this challenge.
func (k *Passkey) Assert(tb testing.TB, challenge []byte) sshsig.Response {
	tb.Helper()
	return k.AssertClientData(tb, k.ClientData(tb, challenge))
}

// AssertClientData signs client data as they are, also such as no good browser
// writes.
func (k *Passkey) AssertClientData(tb testing.TB, clientData []byte) sshsig.Response {
	tb.Helper()
	rp, client := sha256.Sum256([]byte(k.RPID)), sha256.Sum256(clientData)
	auth := append(rp[:], k.Flags)
	auth = binary.BigEndian.AppendUint32(auth, k.Counter)
	auth = append(auth, k.Extensions...)
	k.Counter++
	digest := sha256.Sum256(append(append([]byte(nil), auth...), client[:]...))
	der, err := ecdsa.SignASN1(rand.Reader, k.private, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return sshsig.Response{AuthenticatorData: auth, ClientDataJSON: clientData, Signature: der}
}

// Sign returns the armored signature that a page makes of the passkey's answer.
func (k *Passkey) Sign(tb testing.TB, namespace string, message []byte) []byte {
	tb.Helper()
	challenge, err := sshsig.SignedData(namespace, message)
	if err != nil {
		tb.Fatal(err)
	}
	armored, err := sshsig.FromPasskey(k.PublicKey(tb), namespace, message, k.Assert(tb, challenge))
	if err != nil {
		tb.Fatalf("sign with the passkey of %s: %v", k.RPID, err)
	}
	return armored
}

// Version returns the version of the key ring that follows old, nil for the first one,
// with these people and the default policy, and with the keys of others revoked. Two
// managers of two organisations have signed it.
func Version(tb testing.TB, realm alert.Realm, old *signing.Version, revoked []*Person, people ...*Person) *signing.Version {
	tb.Helper()
	return VersionWith(tb, realm, old, revoked, signing.DefaultPolicy(), people...)
}

// Later returns the archive of a version that follows old, with a policy that no program of today
// understands, signed by the managers of both unless their signatures are left out; and the
// claim of its record.
func Later(tb testing.TB, realm alert.Realm, old *signing.Version, signed bool, people ...*Person) ([]byte, signing.Claim) {
	tb.Helper()
	today := Version(tb, realm, old, nil, people...)
	meta, files := today.Meta, today.Files()
	files[signing.FilePolicy] = append(files[signing.FilePolicy], "\nweather:\n  all: [officer]\n"...)
	meta.Policy = sha256.Sum256(files[signing.FilePolicy])
	files[signing.FileMeta] = meta.Text()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, content []byte) {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	for _, name := range []string{signing.FileMeta, signing.FileRoot, signing.FileSigners, signing.FileRevoked, signing.FilePolicy} {
		add(name, files[name])
	}
	if signed {
		for _, m := range managers(tb) {
			add(signing.FolderSigs+"/"+m.Principal, m.Sign(tb, realm, files[signing.FileMeta]))
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	c := today.Claim() // of the same people
	c.Meta, c.Folder = fmt.Sprintf("%x", sha256.Sum256(files[signing.FileMeta])), fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))
	return b.Bytes(), c
}

// managers are those of each version that is made here.
func managers(tb testing.TB) []*Person {
	tb.Helper()
	return []*Person{NewPerson(tb, "anna.neri@pc.example", signing.Keyring), NewPerson(tb, "carla.riva@police.example", signing.Keyring)}
}

// VersionWith is Version with another policy.
func VersionWith(tb testing.TB, realm alert.Realm, old *signing.Version, revoked []*Person, policy []byte, people ...*Person) *signing.Version {
	tb.Helper()
	managers := managers(tb)
	meta := signing.Meta{Version: 1, Threshold: 2, Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	if old != nil {
		meta.Version, meta.Prev = old.Meta.Version+1, old.SHA256()
	}
	contents := signing.Contents{Root: RingText(tb, managers...), Signers: RingText(tb, people...), Policy: policy}
	for _, p := range revoked {
		contents.Revoked = append(contents.Revoked, ssh.MarshalAuthorizedKey(p.PublicKey())...)
	}
	v, err := signing.Seal(meta, contents)
	if err != nil {
		tb.Fatal(err)
	}
	dir := fstest.MapFS{}
	for name, b := range v.Files() {
		dir[name] = &fstest.MapFile{Data: b}
	}
	for _, m := range managers {
		dir["sigs/"+m.Principal] = &fstest.MapFile{Data: m.Sign(tb, realm, v.Files()[signing.FileMeta])}
	}
	if v, err = signing.ReadVersion(dir); err != nil {
		tb.Fatal(err)
	}
	return v
}

// Mutate changes, sets, removes or doubles a few bytes, or adds some at the end.
func Mutate(random *mathrand.Rand, raw []byte) []byte {
	m := bytes.Clone(raw)
	i := random.IntN(len(m))
	switch random.IntN(6) {
	case 0, 1:
		m[i] ^= 1 << random.IntN(8)
	case 2:
		m[i] = byte(random.IntN(256))
	case 3:
		m = append(m[:i:i], m[min(len(m), i+1+random.IntN(3)):]...)
	case 4:
		m = append(m[:i:i], append([]byte{m[i]}, m[i:]...)...)
	default:
		m = append(m, make([]byte, 1+random.IntN(4))...)
	}
	return m
}

// ReportFloor says in a benchmark how many times as long it took as one bare Ed25519
// verification over the same bytes, measured on the same machine right after it.
func ReportFloor(b *testing.B, message []byte) {
	b.Helper()
	took := b.Elapsed() / time.Duration(b.N)
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	sig := ed25519.Sign(private, message)
	const times = 300
	began := time.Now()
	for range times {
		if !ed25519.Verify(pub, message, sig) {
			b.Fatal("the floor does not verify")
		}
	}
	floor := time.Since(began) / times
	b.ReportMetric(float64(took)/float64(floor), "floors")
	b.ReportMetric(1/took.Seconds(), "ops/s")
}
