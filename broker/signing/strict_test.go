package signing_test

// This file counts the proof that we are never looser than ssh-keygen, and holds the
// list of where we are stricter, in docs/signing.md, to what the tests find.

import (
	"bytes"
	crand "crypto/rand"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing"
	"tocsin/broker/signing/signingtest"
	"tocsin/broker/signing/sshsig"
)

// A strictness is one row of the list: what ssh-keygen takes, as docs/signing.md says
// it, what we say of it, and an example.
type strictness struct {
	row     string
	says    *regexp.Regexp
	example func(t *testing.T) (q trial, armored []byte)
}

// strictnesses are the rows of the list "Where we are stricter than ssh-keygen".
func strictnesses() []strictness {
	const noon = "20260615120000Z"
	says := regexp.MustCompile
	// line has an Ed25519 key sign for which the ring is made.
	line := func(ring func(k string) string) func(t *testing.T) (trial, []byte) {
		return func(t *testing.T) (trial, []byte) {
			t.Helper()
			key := newEd25519(t)
			armored, err := sshsig.Sign(key, "officer@tocsin", document())
			if err != nil {
				t.Fatal(err)
			}
			return trial{ring(publicLine(key.PublicKey())), "", "a@b", "officer@tocsin", noon}, armored
		}
	}
	good := func(k string) string { return "a@b " + officerOptions + " " + k + "\n" }
	made := func(kind ...string) func(t *testing.T) (trial, []byte) {
		return func(t *testing.T) (trial, []byte) {
			t.Helper()
			armored, k := keygenSigns(t, "officer@tocsin", kind...)
			return trial{good(k), "", "a@b", "officer@tocsin", noon}, armored
		}
	}
	web := func(change func(*signingtest.Passkey)) func(t *testing.T) (trial, []byte) {
		return func(t *testing.T) (trial, []byte) {
			t.Helper()
			k := signingtest.NewPasskey(t, "firma.pc.example")
			change(k)
			challenge, err := sshsig.SignedData("officer@tocsin", document())
			if err != nil {
				t.Fatal(err)
			}
			return trial{good(publicLine(k.PublicKey(t))), "", "a@b", "officer@tocsin", noon}, encode(t, k.PublicKey(t), "officer@tocsin", k.Assert(t, challenge))
		}
	}
	// certified has somebody sign whose certificate is another one.
	certified := func(change func(*ssh.Certificate)) func(t *testing.T) (trial, []byte) {
		return func(t *testing.T) (trial, []byte) {
			t.Helper()
			authority, liaison := newEd25519(t), newEd25519(t)
			cert := newCertificate(t, liaison, authority, "a@b")
			change(cert)
			err := cert.SignCert(crand.Reader, authority)
			var signer ssh.Signer
			if err == nil {
				signer, err = ssh.NewCertSigner(cert, liaison)
			}
			var armored []byte
			if err == nil {
				armored, err = sshsig.Sign(signer, "officer@tocsin", document())
			}
			if err != nil {
				t.Fatal(err)
			}
			return trial{"a@b cert-authority," + officerOptions + " " + publicLine(authority.PublicKey()) + "\n", "", "a@b", "officer@tocsin", noon}, armored
		}
	}
	optional := func(option, value string) func(t *testing.T) (trial, []byte) {
		return certified(func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{option: value} })
	}
	const options = "critical options of a certificate, which bind it to addresses, to a command or to a checked person: `source-address`, `force-command`, `verify-required`"
	binds := says(`critical option`)
	return []strictness{
		{options, binds, optional("source-address", string(ssh.Marshal(struct{ List string }{"10.0.0.1/32"})))},
		{options, binds, optional("force-command", string(ssh.Marshal(struct{ Command string }{"/bin/false"})))},
		{options, binds, optional("verify-required", "")},
		{"a certificate of several people", says(`it names \d+ people`), certified(func(c *ssh.Certificate) { c.ValidPrincipals = append(c.ValidPrincipals, "c@d") })},
		{"a line without `namespaces` may sign for anything; patterns and names of one's own are allowed", says(`options? (namespaces is|are) missing|signing namespace|unknown role|gives? two roles|namespace .* is given twice`),
			line(func(k string) string { return "a@b " + k })},
		{"a line without validity holds for ever; times without `Z` are local; a day that there is not is the next one, and no year is too late", says(`option valid-(after|before)|is not later than`),
			line(func(k string) string { return "a@b namespaces=\"officer@tocsin\" " + k })},
		{"several names, patterns and negations on a line; names in quotes, in capitals", says(`: name "|stands for many`),
			line(func(k string) string { return "a@b,c@d " + officerOptions + " " + k })},
		{"one key on lines of several people or roles, or in a certificate too; the same key as a plain one and as one of hardware", says(`the key is already|the key already has|the key is a person's|gives the same key`),
			line(func(k string) string { return good(k) + "c@d " + officerOptions + " " + k })},
		{"passes over lines of the ring that it does not understand, and reads others in several ways: options in capitals, empty ones, blanks that do not show", says(`unknown option|option .* (needs a value|is given twice)|public key cannot be read|control or invisible|not UTF-8|longer than|kind of key`),
			line(func(k string) string { return good(k) + "typing error\n" })},
		{"RSA, P-384 and others", says(`kind of key or signature not accepted`), made("-t", "rsa", "-b", "2048")},
		{"a hardware key that was not touched may be accepted", says(`not touched`), made("-t", "ed25519-sk", "-O", "no-touch-required")},
		{"text around the armour, CRLF, several encodings of a key or number", says(`text after|end as on Windows|canonical encoding|strict base64|first line is not`),
			func(t *testing.T) (trial, []byte) {
				t.Helper()
				q, armored := line(good)(t)
				return q, append(armored, "and a second text\n"...)
			}},
		{"a passkey that was asked in a frame, or by another site's page, or whose browser says something twice", says(`framed by another site|say something twice|does not belong to the passkey`), web(func(k *signingtest.Passkey) { k.CrossOrigin = true })},
		{"a passkey that signed extensions with the message", says(`extensions`), web(func(k *signingtest.Passkey) { k.Flags, k.Extensions = 0x85, []byte{0xa0} })},
		{"revocation by key revocation lists (KRL)", says(`key ring revoked:\d+: `),
			func(t *testing.T) (trial, []byte) {
				t.Helper()
				q, armored := line(good)(t)
				dir := t.TempDir()
				write(t, dir+"/other", publicLine(newEd25519(t).PublicKey())+"\n")
				mustKeygen(t, "-q", "-k", "-f", dir+"/krl", dir+"/other")
				q.revoked = string(read(t, dir+"/krl"))
				return q, armored
			}},
	}
}

// listed returns the row under which a refusal of ours falls, or "".
func listed(err error) string {
	for _, s := range strictnesses() {
		if s.says.MatchString(err.Error()) {
			return s.row
		}
	}
	return ""
}

// keygenSigns has ssh-keygen make a key and sign the document, and returns the
// signature and the line of the public key.
func keygenSigns(t *testing.T, namespace string, options ...string) (armored []byte, key string) {
	t.Helper()
	if slices.ContainsFunc(options, func(o string) bool { return strings.HasSuffix(o, "-sk") }) {
		_, err := os.Stat(skDummy)
		need(t, "sk-dummy.so of openssh-tests", err)
	}
	dir := t.TempDir()
	mustKeygen(t, append([]string{"-q", "-N", "", "-C", "", "-f", dir + "/key"}, options...)...)
	write(t, dir+"/m", string(document()))
	mustKeygen(t, "-Y", "sign", "-f", dir+"/key", "-n", namespace, dir+"/m")
	return read(t, dir+"/m.sig"), strings.TrimSpace(string(read(t, dir+"/key.pub")))
}

// TestStricterThanKeygen shows each row of the list in docs/signing.md by an example that
// ssh-keygen takes and we refuse, and that the list has all rows and no other.
func TestStricterThanKeygen(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	doc := string(read(t, filepath.Join("..", "..", "docs", "signing.md")))
	_, list, _ := strings.Cut(doc, "## Where we are stricter than ssh-keygen")
	list, _, _ = strings.Cut(list, "\n## ")
	var rows []string
	for text := range strings.Lines(list) {
		if cells := strings.Split(text, " | "); strings.HasPrefix(text, "| ") && len(cells) == 2 {
			rows = append(rows, strings.TrimPrefix(cells[0], "| "))
		}
	}
	var known []string
	for _, s := range strictnesses() {
		known = append(known, s.row)
		t.Run(strings.ReplaceAll(s.row[:20], " ", "_"), func(t *testing.T) {
			t.Parallel()
			q, armored := s.example(t)
			if !q.keygenAccepts(t, armored, document()) {
				t.Error("ssh-keygen refuses it too")
			}
			if err := q.ours(t, armored, document()); err == nil || !s.says.MatchString(err.Error()) || listed(err) == "" {
				t.Errorf("we say %v, want %s", err, s.says)
			}
		})
	}
	slices.Sort(rows)
	slices.Sort(known)
	known = slices.Compact(known) // a row may have several examples
	if rows = slices.DeleteFunc(rows, func(r string) bool { return r == "ssh-keygen" }); !slices.Equal(rows, known) {
		t.Errorf("docs/signing.md lists\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(known, "\n"))
	}
}

// TestMutantsOfRings changes bytes of key rings, of lists of revoked keys, and of
// signatures with certificates.
func TestMutantsOfRings(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	officer, other := newEd25519(t), newEd25519(t)
	armored, err := sshsig.Sign(officer, "officer@tocsin", document())
	if err != nil {
		t.Fatal(err)
	}
	authority, liaison := newEd25519(t), newEd25519(t)
	certified, err := ssh.NewCertSigner(newCertificate(t, liaison, authority, "liaison@police.example"), liaison)
	if err != nil {
		t.Fatal(err)
	}
	countersigned, err := sshsig.Sign(certified, "police@tocsin", document())
	if err != nil {
		t.Fatal(err)
	}
	ring := "# i firmatari\na@b " + officerOptions + " " + publicLine(officer.PublicKey()) + " a mano\n" +
		"*@police.example cert-authority," + policeOptions + " " + publicLine(authority.PublicKey()) + "\n"
	revoked := "# revocate\n" + publicLine(other.PublicKey()) + " persa\n"
	asOfficer := trial{ring, revoked, "a@b", "officer@tocsin", "20260615120000Z"}
	asPolice := trial{ring, revoked, "liaison@police.example", "police@tocsin", "20260615120000Z"}
	for _, q := range []trial{asOfficer, asPolice} {
		sig := map[string][]byte{"officer@tocsin": armored, "police@tocsin": countersigned}[q.namespace]
		if err := q.ours(t, sig, document()); err != nil || !q.keygenAccepts(t, sig, document()) {
			t.Fatalf("the files are not good before they are changed: %v", err)
		}
	}
	block, body := "-----BEGIN SSH SIGNATURE-----\n", strings.Builder{}
	for l := range strings.Lines(strings.TrimPrefix(string(countersigned), block)) {
		if !strings.HasPrefix(l, "-") {
			body.WriteString(strings.TrimSpace(l))
		}
	}
	raw, err := base64.StdEncoding.DecodeString(body.String())
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for name, mutant := range map[string]func(*rand.Rand) (trial, []byte){
		"ring": func(r *rand.Rand) (trial, []byte) {
			q := asOfficer
			q.ring = string(signingtest.Mutate(r, []byte(ring)))
			return q, armored
		},
		"revoked": func(r *rand.Rand) (trial, []byte) {
			q := asOfficer
			q.revoked = string(signingtest.Mutate(r, []byte(revoked)))
			return q, armored
		},
		"certificate": func(r *rand.Rand) (trial, []byte) {
			text := base64.StdEncoding.EncodeToString(signingtest.Mutate(r, raw))
			return asPolice, []byte(block + text + "\n-----END SSH SIGNATURE-----\n")
		},
	} {
		tried, accepted, stricter := tryMutants(t, mutant)
		t.Logf("%s: %d mutants, both accept %d, stricter %d", name, tried, accepted, stricter)
		if tried < mutantsOfAKind {
			t.Errorf("%s: %d mutants were tried, want %d", name, tried, mutantsOfAKind)
		}
		all += tried
	}
	if all < 3*mutantsOfAKind {
		t.Errorf("%d mutants were tried, want %d", all, 3*mutantsOfAKind)
	}
}

// tryMutants asks both, two at a time. Who is looser fails the test, and so does being
// stricter in what the list does not have.
func tryMutants(t *testing.T, mutant func(*rand.Rand) (trial, []byte)) (tried, accepted, stricter int) {
	t.Helper()
	type question struct {
		trial
		armored []byte
	}
	next := make(chan question)
	var workers sync.WaitGroup
	var all, both, strict atomic.Int64
	for range 2 {
		workers.Go(func() {
			for q := range next {
				ours, theirs := q.ours(t, q.armored, document()), q.keygenAccepts(t, q.armored, document())
				all.Add(1)
				switch {
				case ours == nil && !theirs:
					t.Errorf("looser than ssh-keygen: %q revoked %q\n%s", q.ring, q.revoked, q.armored)
				case ours != nil && theirs:
					strict.Add(1)
					if listed(ours) == "" {
						t.Errorf("stricter than ssh-keygen, which docs/signing.md does not list: %v: %q revoked %q\n%s", ours, q.ring, q.revoked, q.armored)
					}
				case theirs:
					both.Add(1)
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(2, 4))
	for range mutantsOfAKind {
		q, armored := mutant(random)
		next <- question{q, armored}
	}
	close(next)
	workers.Wait()
	return int(all.Load()), int(both.Load()), int(strict.Load())
}

// TestEveryKindBothWays has ssh-keygen verify what we sign with each kind of key, and us
// what ssh-keygen signs; with a certificate for each too. Passkeys, which ssh-keygen can't
// sign with, are a browser's: TestPasskeyInBrowser.
func TestEveryKindBothWays(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen", "ssh-add")
	_, err := os.Stat(skDummy)
	need(t, "sk-dummy.so of openssh-tests", err)
	socket, dir := startAgent(t), t.TempDir()
	mustKeygen(t, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", dir+"/ca")
	count := 0
	for _, kind := range []string{"ed25519", "ecdsa", "ed25519-sk", "ecdsa-sk"} {
		path := filepath.Join(dir, kind)
		options := []string{"-q", "-t", kind, "-N", "", "-C", kind, "-f", path}
		adding := []string{path}
		if strings.HasSuffix(kind, "-sk") {
			options, adding = append(options, "-w", skDummy), []string{"-S", skDummy, path}
		}
		mustKeygen(t, options...)
		mustKeygen(t, "-q", "-s", dir+"/ca", "-I", kind, "-n", "a@b", "-V", "20260101000000Z:20270101000000Z", path+".pub")
		add(t, socket, adding...)
		for _, bearer := range []string{path + ".pub", path + "-cert.pub"} {
			ring := "a@b " + officerOptions + " " + string(read(t, path+".pub"))
			if strings.HasSuffix(bearer, "-cert.pub") {
				ring = "*@b cert-authority," + officerOptions + " " + string(read(t, dir+"/ca.pub"))
			}
			q := trial{ring, "", "a@b", "officer@tocsin", "20260615120000Z"}
			key, err := signing.LoadKey(t.Context(), bearer, signing.KeyOptions{AgentSocket: socket})
			if err != nil {
				t.Fatal(err)
			}
			ours, err := key.Sign(t.Context(), "officer@tocsin", document())
			if err != nil {
				t.Fatalf("%s: %v", bearer, err)
			}
			write(t, dir+"/m", string(document()))
			_ = os.Remove(dir + "/m.sig")
			if out, err := keygenWith(t, socket, "-Y", "sign", "-f", bearer, "-n", "officer@tocsin", dir+"/m"); err != nil {
				t.Fatalf("%s: %v\n%s", bearer, err, out)
			}
			theirs := read(t, dir+"/m.sig")
			for whose, armored := range map[string][]byte{"ours": ours, "ssh-keygen's": theirs} {
				if err := q.ours(t, armored, document()); err != nil || !q.keygenAccepts(t, armored, document()) {
					t.Errorf("%s: the signature that is %s is not accepted by both (%v)", filepath.Base(bearer), whose, err)
				}
				if cert := bytes.Contains([]byte(ring), []byte("cert-authority")); cert != (mustParse(t, armored).Certificate() != nil) {
					t.Errorf("%s: the signature that is %s bears a certificate: %t", filepath.Base(bearer), whose, !cert)
				}
				count++
			}
		}
	}
	if count != 16 {
		t.Errorf("%d signatures were verified by both, want 16", count)
	}
}

func mustParse(t *testing.T, armored []byte) *sshsig.Signature {
	t.Helper()
	s, err := sshsig.Parse(armored)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
