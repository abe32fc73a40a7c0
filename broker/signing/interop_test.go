package signing_test

// This file holds key ring, keys and certificates against the real OpenSSH.

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing"
	"tocsin/broker/signing/sshsig"
)

// need skips the test where something it runs is missing, unless all is required.
func need(t *testing.T, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("TOCSIN_REQUIRE_ALL") == "1":
		t.Fatalf("%s is missing: %v", what, err)
	default:
		t.Skipf("%s is missing: %v", what, err)
	}
}

func needCommands(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		need(t, name, err)
	}
}

func keygen(t *testing.T, stdin []byte, arg ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssh-keygen", arg...)
	cmd.Env = append(os.Environ(), "SSH_ASKPASS_REQUIRE=never", "SSH_AUTH_SOCK=", "SSH_SK_PROVIDER="+skDummy)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// keygenWith runs ssh-keygen with an agent.
func keygenWith(t *testing.T, socket string, arg ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssh-keygen", arg...)
	cmd.Env = append(os.Environ(), "SSH_ASKPASS_REQUIRE=never", "SSH_AUTH_SOCK="+socket, "SSH_SK_PROVIDER="+skDummy)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustKeygen(t *testing.T, arg ...string) {
	t.Helper()
	if out, err := keygen(t, nil, arg...); err != nil {
		t.Fatalf("ssh-keygen %s: %v\n%s", strings.Join(arg, " "), err, out)
	}
}

func write(t *testing.T, path string, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A trial is one question to both: may this key sign so, by this ring?
type trial struct {
	ring, revoked        string
	principal, namespace string
	at                   string // as ssh-keygen takes it, with Z
}

// keygenAccepts returns ssh-keygen's answer.
func (q trial) keygenAccepts(t *testing.T, armored, message []byte) bool {
	t.Helper()
	dir := t.TempDir()
	args := []string{"-Y", "verify", "-f", write(t, dir+"/ring", q.ring), "-I", q.principal, "-n", q.namespace, "-s", write(t, dir+"/sig", string(armored)), "-Overify-time=" + q.at}
	if q.revoked != "" {
		args = append(args, "-r", write(t, dir+"/revoked", q.revoked))
	}
	_, err := keygen(t, message, args...)
	return err == nil
}

// weAccept returns ours.
func (q trial) weAccept(t *testing.T, armored, message []byte) bool {
	t.Helper()
	return q.ours(t, armored, message) == nil
}

// ours returns why we do not accept it, or nil.
func (q trial) ours(t *testing.T, armored, message []byte) error {
	t.Helper()
	at, err := time.Parse("20060102150405Z", q.at)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sshsig.Parse(armored)
	if err != nil {
		return err
	}
	if _, err := s.Verify(q.namespace, message); err != nil {
		return err
	}
	ring, err := signing.ParseRing("ring", []byte(q.ring), []byte(q.revoked))
	if err != nil {
		return err
	}
	var key = s.Key()
	if cert := s.Certificate(); cert != nil {
		key = cert
	}
	_, err = ring.Check(key, q.principal, q.namespace, at)
	return err
}

// TestRingAgainstKeygen asks both of many rings: we are never looser, and not so
// strict that nothing would pass.
func TestRingAgainstKeygen(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	message := []byte("m\n")
	one, two := newEd25519(t), newEd25519(t)
	armored, err := sshsig.Sign(one, "officer@tocsin", message)
	if err != nil {
		t.Fatal(err)
	}
	k, k2 := publicLine(one.PublicKey()), publicLine(two.PublicKey())
	options := func(ns, after, before string) string {
		return `namespaces="` + ns + `",valid-after="` + after + `",valid-before="` + before + `"`
	}
	const year = `,valid-after="20260101Z",valid-before="20270101Z"`
	good := "a@b " + officerOptions + " " + k
	rings := []string{
		good, "a@b " + k, "a@b,c@d " + officerOptions + " " + k, "*@b " + officerOptions + " " + k, "?@b " + officerOptions + " " + k,
		"!a@b,*@b " + officerOptions + " " + k, "*@b,!a@b " + officerOptions + " " + k, "c@d " + officerOptions + " " + k, "A@B " + officerOptions + " " + k,
		good + " comment with spaces", "  a@b   " + officerOptions + "  " + k, "a@b\t" + officerOptions + "\t" + k, "#" + good, "", "\n\n# x\n" + good + "\n\n",
		"a@b " + options("police@tocsin", "20260101Z", "20270101Z") + " " + k, "a@b " + options("*@tocsin", "20260101Z", "20270101Z") + " " + k,
		"a@b " + options("officer@tocsin,officer@exercise.tocsin", "20260101Z", "20270101Z") + " " + k,
		"a@b " + options("officer@exercise.tocsin,officer@tocsin", "20260101Z", "20270101Z") + " " + k,
		"a@b " + options("officer@exercise.tocsin", "20260101Z", "20270101Z") + " " + k,
		"a@b " + options("!officer@tocsin,*", "20260101Z", "20270101Z") + " " + k, "a@b " + options("", "20260101Z", "20270101Z") + " " + k,
		"a@b " + options("officer@tocsin ", "20260101Z", "20270101Z") + " " + k, "a@b " + options(" officer@tocsin", "20260101Z", "20270101Z") + " " + k,
		"a@b " + options("Officer@tocsin", "20260101Z", "20270101Z") + " " + k, "a@b NAMESPACES=\"officer@tocsin\"" + year + " " + k,
		"a@b namespaces=officer@tocsin" + year + " " + k, `a@b namespaces="officer@tocsin` + year + " " + k, `a@b namespaces="officer@tocsin\"` + year + " " + k,
		"a@b " + options("officer@tocsin", "20260101Z", "20260701Z") + " " + k, "a@b " + options("officer@tocsin", "20260701Z", "20270701Z") + " " + k,
		"a@b " + options("officer@tocsin", "20250101Z", "20260601Z") + " " + k, "a@b " + options("officer@tocsin", "20260615120000Z", "20260615120001Z") + " " + k,
		"a@b " + options("officer@tocsin", "20260615115959Z", "20260615120000Z") + " " + k, "a@b " + options("officer@tocsin", "20260615120001Z", "20260615120002Z") + " " + k,
		"a@b " + options("officer@tocsin", "20260615115958Z", "20260615115959Z") + " " + k, "a@b " + options("officer@tocsin", "202606151200Z", "202606151201Z") + " " + k,
		"a@b " + options("officer@tocsin", "20260701Z", "20260601Z") + " " + k, "a@b " + options("officer@tocsin", "junk", "20270101Z") + " " + k,
		"a@b " + options("officer@tocsin", "20260101", "20270101") + " " + k, "a@b " + options("officer@tocsin", "20260101z", "20270101z") + " " + k,
		"a@b " + options("officer@tocsin", "20260101ZZ", "20270101Z") + " " + k, "a@b " + options("officer@tocsin", "20260231Z", "20270101Z") + " " + k,
		"a@b " + options("officer@tocsin", "20260101250000Z", "20270101Z") + " " + k, "a@b " + options("officer@tocsin", "19700101Z", "20270101Z") + " " + k, "a@b " + options("officer@tocsin", "20000101Z", "21991231Z") + " " + k,
		"a@b " + options("officer@tocsin", "20260101Z", "99991231Z") + " " + k,
		"a@b " + options("officer@tocsin", "00010101Z", "20270101Z") + " " + k, "a@b " + options("officer@tocsin", "20260101Z", "20500101000000Z") + " " + k,
		`a@b valid-before="20270101Z",namespaces="officer@tocsin",valid-after="20260101Z" ` + k,
		`a@b namespaces="police@tocsin",namespaces="officer@tocsin"` + year + " " + k, `a@b namespaces="officer@tocsin",,valid-after="20260101Z",valid-before="20270101Z" ` + k,
		"a@b " + officerOptions + ", " + k, "a@b ," + officerOptions + " " + k, "a@b unknown," + officerOptions + " " + k, "a@b verify-required," + officerOptions + " " + k,
		"a@b cert-authority," + officerOptions + " " + k, "a@b Cert-Authority," + officerOptions + " " + k,
		"a@b " + officerOptions + " " + k2 + "\n" + good, "garbage\n" + good, "a@b " + officerOptions + " ssh-ed25519 AAAA\n" + good, good + "\ngarbage",
		strings.Replace(good, "officer@", "police@", 1) + "\n" + good, good + "\nc@d " + officerOptions + " " + k,
		good + "\r\n", good + " x\r\n", "\r\n" + good + "\n", "#\r\n" + good, `"a@b" ` + officerOptions + " " + k, "a@b, " + officerOptions + " " + k, ",a@b " + officerOptions + " " + k,
		strings.Replace(good, "ssh-ed25519 ", "ssh-rsa ", 1), strings.Replace(good, "ssh-ed25519 ", "", 1), good[:len(good)-4], good + "=", good + "AAAA",
		"a@b " + officerOptions + " " + k + "," + k2, "\ufeff" + good, good + " \x01", "a@b\u00a0" + officerOptions + " " + k, good + "\v",
	}
	var accepted, stricter atomic.Int32
	t.Run("rings", func(t *testing.T) {
		for i, ring := range rings {
			for _, principal := range []string{"a@b", "c@d"} {
				t.Run("", func(t *testing.T) {
					t.Parallel()
					q := trial{ring: ring + "\n", principal: principal, namespace: "officer@tocsin", at: "20260615120000Z"}
					ours, theirs := q.ours(t, armored, message), q.keygenAccepts(t, armored, message)
					switch {
					case ours == nil && !theirs:
						t.Errorf("ring %d as %s: looser than ssh-keygen: %q", i, principal, ring)
					case theirs && ours != nil:
						stricter.Add(1)
						if listed(ours) == "" {
							t.Errorf("ring %d as %s: stricter than ssh-keygen, which docs/signing.md does not list: %v", i, principal, ours)
						}
					case ours == nil:
						accepted.Add(1)
					}
				})
			}
		}
	})
	t.Logf("%d rings, twice: both accept %d, stricter in %d", len(rings), accepted.Load(), stricter.Load())
	if len(rings) < 60 {
		t.Errorf("%d rings were tried, want 60", len(rings))
	}
	if accepted.Load() < 12 {
		t.Errorf("only %d rings were accepted by both; the comparison proves little", accepted.Load())
	}
}

// TestCertificatesAgainstKeygen asks both of certificates and revoked keys.
func TestCertificatesAgainstKeygen(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	dir := t.TempDir()
	message := []byte("m\n")
	for _, name := range []string{"authority", "user", "other"} {
		mustKeygen(t, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(dir, name))
	}
	mustKeygen(t, "-q", "-s", dir+"/authority", "-I", "liaison-7", "-n", "liaison@police.example", "-V", "20260201000000Z:20261101000000Z", dir+"/user.pub")
	write(t, dir+"/m", string(message))
	mustKeygen(t, "-Y", "sign", "-f", dir+"/user-cert.pub", "-n", "police@tocsin", dir+"/m")
	armored := read(t, dir+"/m.sig")
	ca, user, other := string(read(t, dir+"/authority.pub")), string(read(t, dir+"/user.pub")), string(read(t, dir+"/other.pub"))

	const noon = "20260615120000Z"
	const name = "liaison@police.example"
	ring := "*@police.example cert-authority," + policeOptions + " " + ca
	tests := map[string]struct {
		trial
		want bool // of both
	}{
		"good":               {trial{ring, "", name, "police@tocsin", noon}, true},
		"name_not_in_it":     {trial{ring, "", "third@police.example", "police@tocsin", noon}, false},
		"other_organisation": {trial{ring, "", "liaison@fire.example", "police@tocsin", noon}, false},
		"other_namespace":    {trial{ring, "", name, "officer@tocsin", noon}, false},
		"before":             {trial{ring, "", name, "police@tocsin", "20260131235959Z"}, false},
		"first_second":       {trial{ring, "", name, "police@tocsin", "20260201000000Z"}, true},
		"last_second":        {trial{ring, "", name, "police@tocsin", "20261031235959Z"}, true},
		"after":              {trial{ring, "", name, "police@tocsin", "20261101000000Z"}, false},
		"plain_key_listed":   {trial{name + " " + policeOptions + " " + user, "", name, "police@tocsin", noon}, false},
		"authority_as_key":   {trial{name + " " + policeOptions + " " + ca, "", name, "police@tocsin", noon}, false},
		"other_authority":    {trial{"*@police.example cert-authority," + policeOptions + " " + other, "", name, "police@tocsin", noon}, false},
		"person_revoked":     {trial{ring, user, name, "police@tocsin", noon}, false},
		"authority_revoked":  {trial{ring, "# all of them\n" + ca, name, "police@tocsin", noon}, false},
		"other_revoked":      {trial{ring, other, name, "police@tocsin", noon}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := tt.weAccept(t, armored, message), tt.keygenAccepts(t, armored, message)
			if ours != tt.want || theirs != tt.want {
				t.Errorf("we accept: %v, ssh-keygen: %v; want %v of both", ours, theirs, tt.want)
			}
		})
	}
}

// TestLoadKeyFromKeygen signs with keys that ssh-keygen made, and has it verify.
func TestLoadKeyFromKeygen(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	message := []byte("Allerta\n")
	asked := func() ([]byte, error) { return []byte("la mia frase"), nil }
	tests := map[string]struct {
		options []string
		open    signing.KeyOptions
	}{
		"ed25519":            {[]string{"-t", "ed25519", "-N", ""}, signing.KeyOptions{}},
		"ecdsa":              {[]string{"-t", "ecdsa", "-b", "256", "-N", ""}, signing.KeyOptions{}},
		"ed25519_passphrase": {[]string{"-t", "ed25519", "-N", "la mia frase"}, signing.KeyOptions{Passphrase: asked}},
		"ecdsa_passphrase":   {[]string{"-t", "ecdsa", "-b", "256", "-N", "la mia frase"}, signing.KeyOptions{Passphrase: asked}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "key")
			mustKeygen(t, append([]string{"-q", "-C", "", "-f", path}, tt.options...)...)
			ring := "a@b " + officerOptions + " " + string(read(t, path+".pub"))
			for _, file := range []string{path, path + ".pub"} {
				key, err := signing.LoadKey(t.Context(), file, tt.open)
				if err != nil {
					t.Fatal(err)
				}
				armored, err := key.Sign(t.Context(), "officer@tocsin", message)
				if err != nil {
					t.Fatal(err)
				}
				q := trial{ring, "", "a@b", "officer@tocsin", "20260615120000Z"}
				if !q.keygenAccepts(t, armored, message) || !q.weAccept(t, armored, message) {
					t.Errorf("a signature with %s is not accepted by both", file)
				}
			}
		})
	}
}

// TestGeneratedKeyInKeygen has ssh-keygen use a key pair that we made.
func TestGeneratedKeyInKeygen(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	dir := t.TempDir()
	pub, err := signing.GenerateKeyFile(dir+"/key", "Mario Rossi", bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := keygen(t, nil, "-y", "-f", dir+"/key"); err != nil || strings.TrimSpace(out) != publicLine(pub)+" Mario Rossi" {
		t.Errorf("ssh-keygen -y says %q, %v; want %s Mario Rossi", out, err, publicLine(pub))
	}
	message := []byte("m\n")
	write(t, dir+"/m", string(message))
	mustKeygen(t, "-Y", "sign", "-f", dir+"/key", "-n", "officer@tocsin", dir+"/m")
	q := trial{"a@b " + officerOptions + " " + string(read(t, dir+"/key.pub")), "", "a@b", "officer@tocsin", "20260615120000Z"}
	if !q.weAccept(t, read(t, dir+"/m.sig"), message) {
		t.Error("a signature of ssh-keygen with our key file is not accepted")
	}
}

// startAgent runs an ssh-agent for the test and returns its socket.
func startAgent(t *testing.T) string {
	t.Helper()
	needCommands(t, "ssh-agent", "ssh-add")
	dir, err := os.MkdirTemp("", "agent") // short: socket names have about 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cmd := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The first line comes when the socket is there; the test's context ends the
	// agent before the cleanup waits for it.
	t.Cleanup(func() { _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("start ssh-agent: %v", err)
	}
	return socket
}

func add(t *testing.T, socket string, files ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssh-add", append([]string{"-q"}, files...)...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket, "SSH_SK_PROVIDER="+skDummy)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
}

// skDummy is a security key in software for tests (Debian package openssh-tests).
const skDummy = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so"

// TestCiphersOfKeygen gives keys that ssh-keygen protects with ciphers of every kind:
// what can't be opened here is not called damaged, and nobody is asked in vain.
func TestCiphersOfKeygen(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	socket := startAgent(t)
	ciphers := map[string]bool{ // whether it is opened here
		"aes256-ctr": true, "aes256-cbc": true, "aes128-ctr": false, "3des-cbc": false,
		"aes128-gcm@openssh.com": false, "aes256-gcm@openssh.com": false, "chacha20-poly1305@openssh.com": false,
	}
	for cipher, opened := range ciphers {
		t.Run(cipher, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			mustKeygen(t, "-q", "-t", "ed25519", "-Z", cipher, "-N", "giusta", "-f", path)
			asked := 0
			opt := signing.KeyOptions{AgentSocket: socket, Passphrase: func() ([]byte, error) { asked++; return []byte("giusta"), nil }}
			_, err := signing.LoadKey(t.Context(), path, opt)
			if opened {
				if err != nil || asked != 1 {
					t.Errorf("asked %d times: %v", asked, err)
				}
				return
			}
			checkText(t, err, `it is protected with "`+cipher+`", which is not known here; add it to ssh-agent (ssh-add)`)
			if asked != 0 {
				t.Error("the passphrase is asked for, which is of no use")
			}
		})
	}
}

// TestAgent signs through the real ssh-agent.
func TestAgent(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	socket, dir, message := startAgent(t), t.TempDir(), []byte("m\n")
	for _, name := range []string{"authority", "one", "two", "twin", "absent"} {
		comment := strings.Replace(name, "twin", "two", 1)
		mustKeygen(t, "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", filepath.Join(dir, name))
	}
	mustKeygen(t, "-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "old", "-f", dir+"/rsa")
	mustKeygen(t, "-q", "-s", dir+"/authority", "-I", "liaison-7", "-n", "one@b", "-V", "20260101000000Z:20270101000000Z", dir+"/one.pub")
	add(t, socket, dir+"/one", dir+"/two", dir+"/twin", dir+"/rsa")

	one, _, _, _, err := ssh.ParseAuthorizedKey(read(t, dir+"/one.pub"))
	if err != nil {
		t.Fatal(err)
	}
	plainRing := "one@b " + policeOptions + " " + string(read(t, dir+"/one.pub"))
	certRing := "*@b cert-authority," + policeOptions + " " + string(read(t, dir+"/authority.pub"))
	for name, tt := range map[string]struct{ want, ring string }{
		"public_key":  {string(read(t, dir+"/one.pub")), plainRing},
		"fingerprint": {ssh.FingerprintSHA256(one), plainRing},
		"comment":     {"one", plainRing},
		"certificate": {string(read(t, dir+"/one-cert.pub")), certRing},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := signing.AgentKey(t.Context(), socket, tt.want)
			if err != nil {
				t.Fatal(err)
			}
			armored, err := key.Sign(t.Context(), "police@tocsin", message)
			if err != nil {
				t.Fatal(err)
			}
			q := trial{tt.ring, "", "one@b", "police@tocsin", "20260615120000Z"}
			if !q.keygenAccepts(t, armored, message) || !q.weAccept(t, armored, message) {
				t.Error("the signature is not accepted by both")
			}
		})
	}
	for name, tt := range map[string]struct{ want, text string }{
		"absent":    {string(read(t, dir+"/absent.pub")), "add it with ssh-add"},
		"unknown":   {"three", "see ssh-add -l"},
		"ambiguous": {"two", "several keys"},
		"rsa":       {"old", "not accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signing.AgentKey(t.Context(), socket, tt.want)
			checkText(t, err, tt.text)
		})
	}
	t.Run("file_finds_agent", func(t *testing.T) {
		if err := os.Remove(dir + "/one"); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"/one.pub", "/one-cert.pub"} {
			if _, err := signing.LoadKey(t.Context(), dir+file, signing.KeyOptions{AgentSocket: socket}); err != nil {
				t.Error(err)
			}
		}
		_, err := signing.LoadKey(t.Context(), dir+"/one.pub", signing.KeyOptions{})
		checkText(t, err, "add it with ssh-add")
	})
	t.Run("removed_meanwhile", func(t *testing.T) {
		key, err := signing.AgentKey(t.Context(), socket, "one")
		if err != nil {
			t.Fatal(err)
		}
		add(t, socket, "-D")
		_, err = key.Sign(t.Context(), "police@tocsin", message)
		checkText(t, err, "it holds no key at all; if it is locked")
	})
}

// TestHardwareKeyInAgent signs with a security key that ssh-agent drives.
func TestHardwareKeyInAgent(t *testing.T) {
	t.Parallel()
	needCommands(t, "ssh-keygen")
	_, err := os.Stat(skDummy)
	need(t, "sk-dummy.so of openssh-tests", err)
	socket, dir := startAgent(t), t.TempDir()
	for _, kind := range []string{"ed25519-sk", "ecdsa-sk"} {
		path := filepath.Join(dir, kind)
		mustKeygen(t, "-q", "-t", kind, "-N", "", "-C", kind, "-f", path, "-w", skDummy)
		_, err := signing.LoadKey(t.Context(), path, signing.KeyOptions{})
		checkText(t, err, "in a hardware key")
		add(t, socket, "-S", skDummy, path)
		key, err := signing.LoadKey(t.Context(), path+".pub", signing.KeyOptions{AgentSocket: socket})
		if err != nil {
			t.Fatal(err)
		}
		armored, err := key.Sign(t.Context(), "officer@tocsin", []byte("m"))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		s, err := sshsig.Parse(armored)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := s.Verify("officer@tocsin", []byte("m")); err != nil || !a.Hardware || !a.UserPresent {
			t.Errorf("%s attested %+v, %v", kind, a, err)
		}
	}
}
