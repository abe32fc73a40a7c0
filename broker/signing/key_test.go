package signing_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tocsin/broker/signing"
	"tocsin/broker/signing/sshsig"
)

// keyFile writes a private key in OpenSSH's form, protected if given a passphrase.
func keyFile(t *testing.T, private any, passphrase string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(t.TempDir(), "key"), string(pem.EncodeToMemory(block)))
}

func newPrivate(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func TestGenerateAndLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "officer")
	pub, err := signing.GenerateKeyFile(path, "demo", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(read(t, path+".pub")); got != publicLine(pub)+" demo\n" {
		t.Errorf("the public key file holds %q", got)
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, path + ".pub": 0o644} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); runtime.GOOS != "windows" && (got&^want != 0 || got&0o600 != 0o600) {
			t.Errorf("%s has the mode %04o, want %04o", name, got, want)
		}
	}
	key, err := signing.LoadKey(t.Context(), path, signing.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key.PublicKey().Marshal(), pub.Marshal()) {
		t.Error("another key was loaded than was made")
	}
	armored, err := key.Sign(t.Context(), "officer@tocsin", document())
	if err != nil {
		t.Fatal(err)
	}
	s, err := sshsig.Parse(armored)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify("officer@tocsin", document()); err != nil {
		t.Error(err)
	}
}

func TestGenerateRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, half := filepath.Join(dir, "taken"), filepath.Join(dir, "half")
	write(t, taken, "precious")
	write(t, half+".pub", "precious")
	tests := map[string]struct {
		path, comment string
		random        io.Reader
		want          string
	}{
		"private_there":  {taken, "", rand.Reader, "is there already"},
		"public_there":   {half, "", rand.Reader, "is there already"},
		"no_folder":      {filepath.Join(dir, "none", "key"), "", rand.Reader, "no such file"},
		"two_lines":      {filepath.Join(dir, "a"), "x\ny", rand.Reader, "one line"},
		"no_randomness":  {filepath.Join(dir, "b"), "", iotest.ErrReader(errors.New("no entropy")), "no entropy"},
		"few_randomness": {filepath.Join(dir, "c"), "", strings.NewReader("short"), "unexpected EOF"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := signing.GenerateKeyFile(tt.path, tt.comment, tt.random)
			checkText(t, err, tt.want)
		})
	}
	if string(read(t, taken)) != "precious" || string(read(t, half+".pub")) != "precious" {
		t.Error("a file was overwritten")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("what failed left files behind: %v, %v", entries, err)
	}
}

func TestPassphrase(t *testing.T) {
	t.Parallel()
	private := newPrivate(t)
	path := keyFile(t, private, "giusta")
	asked := 0
	given := []byte("giusta")
	key, err := signing.LoadKey(t.Context(), path, signing.KeyOptions{Passphrase: func() ([]byte, error) { asked++; return given, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if asked != 1 || !bytes.Equal(given, make([]byte, len(given))) {
		t.Errorf("the passphrase was asked for %d times and then is %q, want once and overwritten", asked, given)
	}
	if pub := key.PublicKey().(ssh.CryptoPublicKey).CryptoPublicKey(); !private.Public().(ed25519.PublicKey).Equal(pub) {
		t.Error("another key was loaded")
	}
	_, err = signing.LoadKey(t.Context(), path, signing.KeyOptions{Passphrase: func() ([]byte, error) { return []byte("sbagliata"), nil }})
	if !errors.Is(err, signing.ErrPassphrase) || strings.Contains(err.Error(), "sbagliata") {
		t.Errorf("with a wrong passphrase: %v, want ErrPassphrase without it", err)
	}
	_, err = signing.LoadKey(t.Context(), path, signing.KeyOptions{})
	checkText(t, err, "ssh-add")
	away := errors.New("nobody is there")
	_, err = signing.LoadKey(t.Context(), path, signing.KeyOptions{Passphrase: func() ([]byte, error) { return nil, away }})
	if !errors.Is(err, away) {
		t.Errorf("with nobody to ask: %v", err)
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(newPrivate(t))
	if err != nil {
		t.Fatal(err)
	}
	good := keyFile(t, newPrivate(t), "")
	open := write(t, filepath.Join(dir, "open"), string(read(t, good)))
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	text := string(read(t, good))
	damaged := write(t, filepath.Join(dir, "damaged"), text[:80]+"\n-----END OPENSSH PRIVATE KEY-----\n")
	mismatch := write(t, filepath.Join(dir, "mismatch"), text)
	write(t, mismatch+".pub", publicLine(newEd25519(t).PublicKey()))
	stale := write(t, filepath.Join(dir, "stale"), text)
	write(t, stale+"-cert.pub", publicLine(newCertificate(t, newEd25519(t), newEd25519(t), "a@b")))
	tests := map[string]struct{ path, want string }{
		"missing":         {filepath.Join(dir, "none"), "no such file"},
		"missing_public":  {filepath.Join(dir, "none.pub"), "no such file"},
		"folder":          {dir, "not a key file"},
		"open_to_others":  {open, "chmod 600"},
		"text":            {write(t, filepath.Join(dir, "text"), "ciao"), "not a private key"},
		"empty":           {write(t, filepath.Join(dir, "empty"), ""), "not a private key"},
		"large":           {write(t, filepath.Join(dir, "large"), strings.Repeat("x", 70_000)), "not a key file"},
		"public_key":      {write(t, filepath.Join(dir, "public"), publicLine(newEd25519(t).PublicKey())), "without .pub"},
		"pkcs8":           {write(t, filepath.Join(dir, "pkcs8"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), "ssh-keygen -p"},
		"p384":            {keyFile(t, p384, ""), "not accepted"},
		"p384_protected":  {keyFile(t, p384, "x"), "not accepted"},
		"damaged":         {damaged, "damaged"},
		"not_openssh":     {write(t, filepath.Join(dir, "magic"), string(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("x")}))), "damaged"},
		"public_mismatch": {mismatch + ".pub", "does not belong"},
		"cert_of_other":   {stale + "-cert.pub", "does not belong"},
		"public_garbage":  {write(t, filepath.Join(dir, "garbage.pub"), "ssh-ed25519 AAAA"), "one public key"},
		"public_two":      {write(t, filepath.Join(dir, "two.pub"), publicLine(newEd25519(t).PublicKey())+"\n"+publicLine(newEd25519(t).PublicKey())), "one public key"},
		"public_options":  {write(t, filepath.Join(dir, "options.pub"), "no-pty "+publicLine(newEd25519(t).PublicKey())), "one public key"},
		"public_p384":     {write(t, filepath.Join(dir, "p384.pub"), publicLine(newSigner(t, p384, nil).PublicKey())), "not accepted"},
		"private_nowhere": {write(t, filepath.Join(dir, "alone.pub"), publicLine(newEd25519(t).PublicKey())), "add it with ssh-add"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if name == "open_to_others" && runtime.GOOS == "windows" {
				t.Skip("Windows has no such bits")
			}
			_, err := signing.LoadKey(t.Context(), tt.path, signing.KeyOptions{})
			checkText(t, err, tt.want)
			if err != nil && strings.Contains(err.Error(), "PRIVATE KEY-----") {
				t.Errorf("the error holds key text: %v", err)
			}
		})
	}
}

// TestLoadCertificate bears the certificate beside a private key.
func TestLoadCertificate(t *testing.T) {
	t.Parallel()
	private, authority := newPrivate(t), newEd25519(t)
	path := keyFile(t, private, "")
	cert := newCertificate(t, newSigner(t, private, nil), authority, "a@b")
	write(t, path+"-cert.pub", publicLine(cert))
	key, err := signing.LoadKey(t.Context(), path+"-cert.pub", signing.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	armored, err := key.Sign(t.Context(), "police@tocsin", document())
	if err != nil {
		t.Fatal(err)
	}
	s, err := sshsig.Parse(armored)
	if err != nil || s.Certificate() == nil || !bytes.Equal(s.Certificate().Marshal(), cert.Marshal()) {
		t.Errorf("the signature bears %v, %v; want the certificate", s.Certificate(), err)
	}

	// Named by its private key, as to ssh; the certificate of another key is passed over.
	for want, c := range map[string]*ssh.Certificate{"certificate": cert, "key": newCertificate(t, newEd25519(t), authority, "a@b")} {
		write(t, path+"-cert.pub", publicLine(c))
		key, err := signing.LoadKey(t.Context(), path, signing.KeyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, certified := key.PublicKey().(*ssh.Certificate); certified != (want == "certificate") {
			t.Errorf("the private key signs as %T, want the %s", key.PublicKey(), want)
		}
	}
	write(t, path+"-cert.pub", publicLine(newEd25519(t).PublicKey()))
	if _, err := signing.LoadKey(t.Context(), path, signing.KeyOptions{}); err == nil || !strings.Contains(err.Error(), "it holds no certificate") {
		t.Errorf("a file that is no certificate: %v", err)
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if _, err := signing.NewKey(newSigner(t, p521, err)); !errors.Is(err, sshsig.ErrUnsupported) {
		t.Errorf("NewKey of P-521: %v, want ErrUnsupported", err)
	}
	key, err := signing.NewKey(newEd25519(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := key.Sign(ctx, "officer@tocsin", document()); !errors.Is(err, context.Canceled) {
		t.Errorf("Sign after the end: %v, want context.Canceled", err)
	}
}

func TestNoAgent(t *testing.T) {
	t.Parallel()
	_, err := signing.AgentKey(t.Context(), "", "x")
	checkText(t, err, "SSH_AUTH_SOCK is empty")
	_, err = signing.AgentKey(t.Context(), filepath.Join(t.TempDir(), "none"), "x")
	checkText(t, err, "does not answer")
}

// fakeAgent serves an agent that do may wait in before it signs.
type fakeAgent struct {
	agent.Agent
	wait func()
}

func (a fakeAgent) SignWithFlags(key ssh.PublicKey, data []byte, _ agent.SignatureFlags) (*ssh.Signature, error) {
	a.wait()
	return a.Sign(key, data)
}

func (fakeAgent) Extension(string, []byte) ([]byte, error) { return nil, agent.ErrExtensionUnsupported }

func serveAgent(t *testing.T, a agent.Agent) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // short: socket names have about 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = agent.ServeAgent(a, conn)
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

// TestAgentWaitsNoLonger has nobody touch the key that the agent drives.
func TestAgentWaitsNoLonger(t *testing.T) {
	t.Parallel()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: newPrivate(t), Comment: "chiave"}); err != nil {
		t.Fatal(err)
	}
	asked, released := make(chan struct{}), make(chan struct{})
	socket := serveAgent(t, fakeAgent{Agent: ring, wait: func() { close(asked); <-released }})
	t.Cleanup(func() { close(released) })
	key, err := signing.AgentKey(t.Context(), socket, "chiave")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err = key.Sign(ctx, "officer@tocsin", document())
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "touch the key") {
		t.Errorf("got %v, want context.Canceled and a hint", err)
	}
}

// TestAgentNeverAnswers has an agent that takes the call and says nothing, and one that
// lists its keys and then waits for a person who is not there.
func TestAgentNeverAnswers(t *testing.T) {
	t.Parallel()
	limits := signing.Patience{List: 100 * time.Millisecond, Sign: 100 * time.Millisecond}
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	silent, err := net.Listen("unix", filepath.Join(dir, "s")) // the system takes the call
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	_, err = signing.AgentKeyWithin(t.Context(), limits, silent.Addr().String(), "chiave")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("of a silent agent: %v, want DeadlineExceeded", err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: newPrivate(t), Comment: "chiave"}); err != nil {
		t.Fatal(err)
	}
	released := make(chan struct{})
	socket := serveAgent(t, fakeAgent{Agent: ring, wait: func() { <-released }})
	t.Cleanup(func() { close(released) })
	limits.List = time.Minute
	key, err := signing.AgentKeyWithin(t.Context(), limits, socket, "chiave")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), "officer@tocsin", document()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with nobody there: %v, want DeadlineExceeded", err)
	}
}

// TestAgentRefuses has the person refuse what the agent asks to confirm.
func TestAgentRefuses(t *testing.T) {
	t.Parallel()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: newPrivate(t), Comment: "chiave"}); err != nil {
		t.Fatal(err)
	}
	key, err := signing.AgentKey(t.Context(), serveAgent(t, refusingAgent{fakeAgent{Agent: ring}}), "chiave")
	if err != nil {
		t.Fatal(err)
	}
	_, err = key.Sign(t.Context(), "officer@tocsin", document())
	checkText(t, err, "confirm it where the agent asks")
}

type refusingAgent struct{ fakeAgent }

func (refusingAgent) SignWithFlags(ssh.PublicKey, []byte, agent.SignatureFlags) (*ssh.Signature, error) {
	return nil, errors.New("refused")
}

// TestAgentLocked asks an agent that is locked, before and after its key was found.
func TestAgentLocked(t *testing.T) {
	t.Parallel()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: newPrivate(t), Comment: "chiave"}); err != nil {
		t.Fatal(err)
	}
	socket := serveAgent(t, ring)
	key, err := signing.AgentKey(t.Context(), socket, "chiave")
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Lock([]byte("x")); err != nil {
		t.Fatal(err)
	}
	_, err = key.Sign(t.Context(), "officer@tocsin", document())
	checkText(t, err, "ssh-add -X")
	_, err = signing.AgentKey(t.Context(), socket, "chiave")
	checkText(t, err, "ssh-add -X")
	_, err = signing.AgentKey(t.Context(), socket, publicLine(key.PublicKey()))
	checkText(t, err, "ssh-add -X")
}

// TestProtectedFileInAgent gives the file of a protected key: where the agent holds it
// too nobody is asked, and where it does not, or is none, the passphrase is.
func TestProtectedFileInAgent(t *testing.T) {
	t.Parallel()
	private := newPrivate(t)
	path := keyFile(t, private, "giusta")
	ring := agent.NewKeyring()
	socket := serveAgent(t, ring)
	asked, told := 0, 0
	opt := signing.KeyOptions{
		Passphrase: func() ([]byte, error) { asked++; return []byte("giusta"), nil },
		FromAgent:  func() { told++ },
	}
	for i, where := range []string{"", filepath.Join(t.TempDir(), "none"), socket} {
		opt.AgentSocket = where
		if _, err := signing.LoadKey(t.Context(), path, opt); err != nil || asked != i+1 || told != 0 {
			t.Errorf("agent %q, which lacks the key: asked %d times, told %d times, %v", where, asked, told, err)
		}
	}
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	asked = 0
	key, err := signing.LoadKey(t.Context(), path, opt)
	if err != nil || asked != 0 || told != 1 {
		t.Fatalf("with the key in the agent: asked %d times, told %d times, %v", asked, told, err)
	}
	if _, err := key.Sign(t.Context(), "officer@tocsin", document()); err != nil {
		t.Error(err)
	}
	open := keyFile(t, private, "")
	if _, err := signing.LoadKey(t.Context(), open, opt); err != nil || told != 1 {
		t.Errorf("a key that is not protected is taken from the agent (told %d times, %v)", told, err)
	}
}

// TestAgentLies has the agent sign something else.
func TestAgentLies(t *testing.T) {
	t.Parallel()
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: newPrivate(t), Comment: "chiave"}); err != nil {
		t.Fatal(err)
	}
	key, err := signing.AgentKey(t.Context(), serveAgent(t, lyingAgent{ring}), "chiave")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), "officer@tocsin", document()); !errors.Is(err, sshsig.ErrMismatch) {
		t.Errorf("got %v, want ErrMismatch", err)
	}
}

type lyingAgent struct{ agent.Agent }

func (a lyingAgent) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return a.Agent.Sign(key, append(data, 'x'))
}
