package sshsig_test

// This file holds the package against the real ssh-keygen, in both directions.

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing/signingtest"
	"tocsin/broker/signing/sshsig"
)

// skDummy is a security key in software for tests (Debian package openssh-tests).
const skDummy = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so"

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

func needKeygen(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("ssh-keygen")
	need(t, "ssh-keygen", err)
}

// keygen runs ssh-keygen.
func keygen(t *testing.T, stdin []byte, arg ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssh-keygen", arg...)
	cmd.Env = append(os.Environ(), "SSH_SK_PROVIDER="+skDummy, "SSH_ASKPASS_REQUIRE=never", "SSH_AUTH_SOCK=")
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keygenVerify asks ssh-keygen for its verdict on a signature by key.
func keygenVerify(t *testing.T, key ssh.PublicKey, armored []byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	ring := write(t, dir+"/ring", append([]byte("a@b "), ssh.MarshalAuthorizedKey(key)...))
	sig := write(t, dir+"/sig", armored)
	return keygen(t, message(), "-Y", "verify", "-f", ring, "-I", "a@b", "-n", namespace, "-s", sig)
}

func TestKeygenVerifiesOurs(t *testing.T) {
	t.Parallel()
	needKeygen(t)
	web := signingtest.NewPasskey(t, "firma.pc.example")
	local := signingtest.NewPasskey(t, "localhost")
	local.Origin, local.Flags = "http://localhost:8080", 0x1d
	for name, armored := range map[string][]byte{
		"ed25519":      sign(t, newEd25519(t)),
		"ecdsa_p256":   sign(t, newECDSA(t, elliptic.P256())),
		"security_key": sign(t, newSoftKey(t, 0x05)),
		"passkey":      web.Sign(t, namespace, message()),
		"passkey_here": local.Sign(t, namespace, message()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := sshsig.Parse(armored)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := keygenVerify(t, s.Key(), armored); err != nil {
				t.Errorf("ssh-keygen refuses what we made: %v\n%s", err, out)
			}
		})
	}
}

func TestOursVerifiesKeygen(t *testing.T) {
	t.Parallel()
	needKeygen(t)
	tests := map[string]struct {
		options  []string
		hardware bool
		want     error
	}{
		"ed25519":            {[]string{"-t", "ed25519"}, false, nil},
		"ecdsa_p256":         {[]string{"-t", "ecdsa", "-b", "256"}, false, nil},
		"ecdsa_p384":         {[]string{"-t", "ecdsa", "-b", "384"}, false, sshsig.ErrUnsupported},
		"rsa":                {[]string{"-t", "rsa", "-b", "2048"}, false, sshsig.ErrUnsupported},
		"ed25519_sk":         {[]string{"-t", "ed25519-sk"}, true, nil},
		"ed25519_sk_pin":     {[]string{"-t", "ed25519-sk", "-O", "verify-required"}, true, nil},
		"ed25519_sk_notouch": {[]string{"-t", "ed25519-sk", "-O", "no-touch-required"}, true, sshsig.ErrPresence},
		"ecdsa_sk":           {[]string{"-t", "ecdsa-sk"}, true, nil},
		"ecdsa_sk_notouch":   {[]string{"-t", "ecdsa-sk", "-O", "no-touch-required"}, true, sshsig.ErrPresence},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.hardware {
				_, err := os.Stat(skDummy)
				need(t, "sk-dummy.so of openssh-tests", err)
			}
			a, err := verify(keygenSigns(t, tt.options...))
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if err == nil && (a.Hardware != tt.hardware || a.UserPresent != tt.hardware) {
				t.Errorf("attested %+v, want hardware %v", a, tt.hardware)
			}
		})
	}
}

// TestMutants changes bytes anywhere in good signatures and compares the verdict
// with ssh-keygen's: never looser, and stricter only where docs/signing.md says so.
func TestMutants(t *testing.T) {
	t.Parallel()
	needKeygen(t)
	tried := map[string]*mutants{
		"ed25519": tryMutants(t, sign(t, newEd25519(t))),
		"ecdsa":   tryMutants(t, sign(t, newECDSA(t, elliptic.P256()))),
		"passkey": tryMutants(t, newWebSignature(t)),
	}
	_, err := os.Stat(skDummy)
	need(t, "sk-dummy.so of openssh-tests", err)
	for _, kind := range []string{"ed25519-sk", "ecdsa-sk"} {
		tried[kind] = tryMutants(t, keygenSigns(t, "-t", kind))
	}
	all := 0
	for kind, m := range tried {
		t.Logf("%s: %d mutants, both accept %d, stricter %d, looser %d", kind, m.tried, m.accepted, m.stricter, m.looser)
		if m.tried < mutantsOfAKind || m.looser > 0 {
			t.Errorf("%s: %d mutants of %d were tried, %d are accepted by us alone", kind, m.tried, mutantsOfAKind, m.looser)
		}
		all += m.tried
	}
	if all < 5*mutantsOfAKind {
		t.Errorf("%d mutants were tried, want %d", all, 5*mutantsOfAKind)
	}
}

// keygenSigns has ssh-keygen make a key and sign message().
func keygenSigns(t *testing.T, options ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), write(t, dir+"/m", message())
	if out, err := keygen(t, nil, append([]string{"-q", "-N", "", "-C", "", "-f", key}, options...)...); err != nil {
		t.Fatalf("make a key: %v\n%s", err, out)
	}
	if out, err := keygen(t, nil, "-Y", "sign", "-f", key, "-n", namespace, file); err != nil {
		t.Fatalf("sign: %v\n%s", err, out)
	}
	armored, err := os.ReadFile(file + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	return armored
}

// mutants counts verdicts.
type mutants struct{ tried, accepted, stricter, looser int }

// tryMutants asks both of mutants of a good signature, two at a time.
func tryMutants(t *testing.T, armored []byte) *mutants {
	t.Helper()
	s, err := sshsig.Parse(armored)
	if err != nil {
		t.Fatal(err)
	}
	raw := append([]byte("SSHSIG"), ssh.Marshal(open(t, armored))...)
	dir := t.TempDir()
	ring := write(t, dir+"/ring", append([]byte("a@b "), ssh.MarshalAuthorizedKey(s.Key())...))
	next, count := make(chan []byte), &mutants{}
	var workers sync.WaitGroup
	var mu sync.Mutex
	for i := range 2 {
		workers.Go(func() {
			for m := range next {
				sig := write(t, filepath.Join(dir, string(rune('0'+i))), armor(m))
				_, ours := verify(armor(m))
				_, theirs := keygen(t, message(), "-Y", "verify", "-f", ring, "-I", "a@b", "-n", namespace, "-s", sig)
				mu.Lock()
				count.tried++
				switch {
				case ours == nil && theirs != nil:
					count.looser++
					t.Errorf("looser than ssh-keygen: %s", base64.StdEncoding.EncodeToString(m))
				case ours != nil && theirs == nil:
					count.stricter++
					if !strictly.MatchString(ours.Error()) {
						t.Errorf("stricter than ssh-keygen, which docs/signing.md does not list: %v: %s", ours, base64.StdEncoding.EncodeToString(m))
					}
				case ours == nil:
					count.accepted++
				}
				mu.Unlock()
			}
		})
	}
	random := rand.New(rand.NewPCG(1, uint64(len(raw))))
	for range mutantsOfAKind {
		next <- signingtest.Mutate(random, raw)
	}
	close(next)
	workers.Wait()
	return count
}

// strictly matches what we say of signatures that ssh-keygen takes: the rows on
// signatures of the list in docs/signing.md, which TestStricterThanKeygen in package
// signing holds.
var strictly = regexp.MustCompile(`canonical encoding|not touched|flags contradict|does not belong to the passkey`)

// TestArmorAgainstKeygen holds the reading of the text around a signature against
// ssh-keygen's: never looser.
func TestArmorAgainstKeygen(t *testing.T) {
	t.Parallel()
	needKeygen(t)
	s := newEd25519(t)
	good := string(sign(t, s))
	cut := strings.Index(good, "\n") + 9
	for name, text := range map[string]string{
		"as_made":     good,
		"crlf":        strings.ReplaceAll(good, "\n", "\r\n"),
		"no_newline":  strings.TrimSuffix(good, "\n"),
		"blank_after": good + "\n\r\n",
		"before":      "x\n" + good,
		"after":       good + "x\n",
		"space":       good[:cut] + " " + good[cut:],
		"cr":          good[:cut] + "\r" + good[cut:],
		"newline":     good[:cut] + "\n\n" + good[cut:],
		"padding":     strings.Replace(good, "\n-----END", "=\n-----END", 1),
		"cut":         good[:len(good)-30],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ours := verify([]byte(text))
			_, theirs := keygenVerify(t, s.PublicKey(), []byte(text))
			if ours == nil && theirs != nil {
				t.Errorf("looser than ssh-keygen")
			}
		})
	}
}
