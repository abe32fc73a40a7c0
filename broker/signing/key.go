package signing

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing/sshsig"
)

// maxKeyFileBytes bounds private and public key files; real ones have 500 bytes.
const maxKeyFileBytes = 64 << 10

// ErrPassphrase is returned by LoadKey when the passphrase was wrong: ask again.
var ErrPassphrase = errors.New("the passphrase is wrong; try again")

// A Key is a person's means of signing, wherever the private part lives.
type Key interface {
	// PublicKey returns the public key, or the certificate that signatures bear.
	PublicKey() ssh.PublicKey

	// Sign returns an armored signature over message. It may wait for a person to
	// touch a hardware key, until ctx is done. What it returns was verified.
	Sign(ctx context.Context, namespace string, message []byte) ([]byte, error)
}

// KeyOptions say where LoadKey may look for what the file alone does not hold.
type KeyOptions struct {
	// Passphrase is asked for the passphrase of a protected key, at most once; the
	// result is overwritten after use. If it is nil, protected keys are refused.
	Passphrase func() ([]byte, error)

	// AgentSocket is the socket of ssh-agent, as in SSH_AUTH_SOCK; empty for none.
	AgentSocket string

	// FromAgent is told, unless it is nil, that the file's key is protected and that
	// ssh-agent holds it: it signs there, and nobody is asked for the passphrase.
	FromAgent func()
}

// NewKey makes a Key of anything that signs. The kind of key must be one that
// sshsig.CheckKey accepts.
func NewKey(s ssh.Signer) (Key, error) {
	if err := sshsig.CheckKey(plain(s.PublicKey())); err != nil {
		return nil, err
	}
	return localKey{s}, nil
}

// localKey signs in this process.
type localKey struct{ signer ssh.Signer }

func (k localKey) PublicKey() ssh.PublicKey { return k.signer.PublicKey() }

func (k localKey) Sign(ctx context.Context, namespace string, message []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return sshsig.Sign(k.signer, namespace, message)
}

// plain returns the key inside a certificate, or the key itself.
func plain(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}

// LoadKey opens the signing key at path: an OpenSSH private key file (Ed25519 or
// ECDSA P-256, protected by a passphrase or not) that only its owner can read, where
// a protected one that ssh-agent holds too is used there, and which signs with the
// certificate beside it (path-cert.pub) where there is one for it; or a public key or certificate file (.pub), whose private part is looked for in
// ssh-agent and then in the file beside it. Hardware keys work through ssh-agent.
//
// The error says what to do; it wraps [ErrPassphrase] for a wrong passphrase and
// sshsig.ErrUnsupported for another kind of key.
func LoadKey(ctx context.Context, path string, opt KeyOptions) (Key, error) {
	if strings.HasSuffix(path, ".pub") {
		return loadPublic(ctx, path, opt)
	}
	key, err := loadFile(ctx, path, opt)
	if err != nil {
		return nil, fmt.Errorf("open signing key %s: %w", path, err)
	}
	return key, nil
}

// loadFile opens a private key file, or finds its key in ssh-agent.
func loadFile(ctx context.Context, path string, opt KeyOptions) (Key, error) {
	f, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	defer clear(f.text)
	signs := f.pub
	cert, err := certificateBeside(path)
	if err != nil {
		return nil, err
	}
	if cert != nil && bytes.Equal(cert.Key.Marshal(), f.pub.Marshal()) { // another key's is passed over, as by ssh
		signs = cert
	}
	if f.cipher != noCipher && opt.AgentSocket != "" {
		// An agent that lacks the key, or is none, changes nothing.
		if key, err := AgentKey(ctx, opt.AgentSocket, string(ssh.MarshalAuthorizedKey(signs))); err == nil {
			if opt.FromAgent != nil {
				opt.FromAgent()
			}
			return key, nil
		}
	}
	signer, err := f.open(opt)
	if err != nil {
		return nil, err
	}
	return bearing(signer, signs, path)
}

// certificateBeside returns the certificate that lies beside a private key as ssh-keygen
// -s names it, nil where there is none.
func certificateBeside(path string) (*ssh.Certificate, error) {
	text, err := readKeyFile(path+"-cert.pub", false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("certificate %s-cert.pub: %w", path, err)
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(text)
	cert, ok := pub.(*ssh.Certificate)
	if err != nil || !ok {
		return nil, fmt.Errorf("certificate %s-cert.pub: it holds no certificate; take it away, or ask for it again", path)
	}
	return cert, nil
}

func loadPrivate(path string, opt KeyOptions) (ssh.Signer, error) {
	f, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	defer clear(f.text)
	return f.open(opt)
}

// A privateFile is a private key file, of which the open part has been read.
type privateFile struct {
	text   []byte // overwritten by whoever read it
	cipher string // with which the private part is protected
	pub    ssh.PublicKey
}

// noCipher is the cipher of a key that is not protected.
const noCipher = "none"

// readPrivate reads a private key file as far as it can without a passphrase.
func readPrivate(path string) (*privateFile, error) {
	text, err := readKeyFile(path, true)
	if err != nil {
		return nil, err
	}
	f := &privateFile{text: text}
	if err := f.parse(path); err != nil {
		clear(text)
		return nil, err
	}
	return f, nil
}

func (f *privateFile) parse(path string) (err error) {
	block, _ := pem.Decode(f.text)
	if block == nil {
		return errors.New("it is not a private key; give the file that ssh-keygen made, without .pub for the private key")
	}
	defer clear(block.Bytes)
	if block.Type != "OPENSSH PRIVATE KEY" {
		return fmt.Errorf("it is a key in the form %.40q and not in OpenSSH's; rewrite it with: ssh-keygen -p -f %s", block.Type, path)
	}
	f.cipher, f.pub, err = checkPrivate(block.Bytes)
	return err
}

// open opens the private part, with the passphrase where it is protected.
func (f *privateFile) open(opt KeyOptions) (ssh.Signer, error) {
	switch f.cipher {
	case noCipher:
		signer, err := ssh.ParsePrivateKey(f.text)
		if err != nil {
			return nil, errors.New("the private key is damaged; restore it or make a new one with ssh-keygen")
		}
		return signer, nil
	case "aes256-ctr", "aes256-cbc":
		return unlock(f.text, opt)
	}
	return nil, fmt.Errorf("it is protected with %.60q, which is not known here; add it to ssh-agent (ssh-add)", f.cipher)
}

// unlock opens a protected private key.
func unlock(text []byte, opt KeyOptions) (ssh.Signer, error) {
	if opt.Passphrase == nil {
		return nil, errors.New("it is protected by a passphrase and nobody can be asked for it; add it to ssh-agent (ssh-add)")
	}
	passphrase, err := opt.Passphrase()
	if err != nil {
		return nil, fmt.Errorf("ask for the passphrase: %w", err)
	}
	defer clear(passphrase)
	signer, err := ssh.ParsePrivateKeyWithPassphrase(text, passphrase)
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, ErrPassphrase
	case err != nil:
		return nil, errors.New("the private key is damaged or protected in a way not known here; add it to ssh-agent (ssh-add)")
	}
	return signer, nil
}

// checkPrivate looks at the open part of a private key (OpenSSH, PROTOCOL.key), so
// that nobody is asked for the passphrase of a key that cannot be used. It returns the
// cipher that protects the rest.
func checkPrivate(blob []byte) (cipher string, pub ssh.PublicKey, err error) {
	damaged := errors.New("the private key is damaged; restore it or make a new one with ssh-keygen")
	body, ok := bytes.CutPrefix(blob, []byte("openssh-key-v1\x00"))
	var w struct {
		Cipher, KDF, KDFOptions string
		Keys                    uint32
		PublicKey, Private      []byte
		Rest                    []byte `ssh:"rest"` // the tag of a cipher that authenticates
	}
	if !ok || ssh.Unmarshal(body, &w) != nil {
		return "", nil, damaged
	}
	pub, err = ssh.ParsePublicKey(bytes.Clone(w.PublicKey)) // callers overwrite blob
	if err != nil {
		return "", nil, damaged
	}
	switch pub.Type() {
	case ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return "", nil, errors.New("the private part is in a hardware key; add it to ssh-agent (ssh-add) and give its .pub file")
	}
	return w.Cipher, pub, sshsig.CheckKey(pub)
}

// loadPublic finds the private part of a public key or certificate.
func loadPublic(ctx context.Context, path string, opt KeyOptions) (Key, error) {
	text, err := readKeyFile(path, false)
	if err != nil {
		return nil, fmt.Errorf("open public key %s: %w", path, err)
	}
	pub, _, options, rest, err := ssh.ParseAuthorizedKey(text)
	if err != nil || len(options) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("open public key %s: it does not hold one public key; give the .pub file that ssh-keygen made", path)
	}
	if err := sshsig.CheckKey(plain(pub)); err != nil {
		return nil, fmt.Errorf("open public key %s: %w", path, err)
	}
	agentSays := "there is none"
	if opt.AgentSocket != "" {
		key, err := AgentKey(ctx, opt.AgentSocket, string(ssh.MarshalAuthorizedKey(pub)))
		if err == nil {
			return key, nil
		}
		agentSays = err.Error()
	}
	private := strings.TrimSuffix(strings.TrimSuffix(path, ".pub"), "-cert")
	signer, err := loadPrivate(private, opt)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("find the private part of %s: it is neither in ssh-agent (%s) nor in %s; add it with ssh-add: %w", path, agentSays, private, err)
	case err != nil:
		return nil, fmt.Errorf("open signing key %s: %w", private, err)
	}
	return bearing(signer, pub, private)
}

// bearing makes signer sign as pub, which is its public key or a certificate for
// it.
func bearing(signer ssh.Signer, pub ssh.PublicKey, where string) (Key, error) {
	if !bytes.Equal(signer.PublicKey().Marshal(), plain(pub).Marshal()) {
		return nil, fmt.Errorf("open signing key %s: it does not belong to the public key beside it; restore the pair", where)
	}
	cert, ok := pub.(*ssh.Certificate)
	if !ok {
		return NewKey(signer)
	}
	certified, err := ssh.NewCertSigner(cert, signer)
	if err != nil {
		return nil, fmt.Errorf("open signing key %s: %w", where, err)
	}
	return NewKey(certified)
}

// readKeyFile reads a key file. A private one must be readable by its owner only,
// as ssh demands too.
func readKeyFile(path string, private bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFileBytes {
		return nil, errors.New("it is not a key file; give the file that ssh-keygen made")
	}
	// Windows has no such bits; its access lists are not looked at.
	if private && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read it (mode %04o), so that it may be known to them; protect it with: chmod 600 %s", info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFileBytes))
	if err != nil {
		return nil, withoutPath(err)
	}
	return text, nil
}

// withoutPath leaves the cause of a file error, since callers name the file.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// GenerateKeyFile makes an Ed25519 key pair in OpenSSH's form, without passphrase:
// the private key at path, readable by its owner only, and the public key at
// path.pub. It never overwrites a file. random gives the key's 32 secret bytes:
// crypto/rand.Reader but in tests. Protect a key for live alerts with
// `ssh-keygen -p -f path`.
func GenerateKeyFile(path, comment string, random io.Reader) (ssh.PublicKey, error) {
	fail := func(err error) (ssh.PublicKey, error) {
		return nil, fmt.Errorf("make key pair %s: %w", path, err)
	}
	if err := checkText([]byte(comment)); err != nil || strings.ContainsAny(comment, "\r\n") {
		return fail(errors.New("the comment is not one line of text"))
	}
	seed := make([]byte, ed25519.SeedSize)
	defer clear(seed)
	if _, err := io.ReadFull(random, seed); err != nil {
		return fail(err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	defer clear(private)
	pub, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return fail(err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return fail(err)
	}
	defer clear(block.Bytes)
	text := pem.EncodeToMemory(block)
	defer clear(text)
	if err := writeNew(path, text, 0o600); err != nil {
		return fail(err)
	}
	line := bytes.TrimSuffix(ssh.MarshalAuthorizedKey(pub), []byte("\n"))
	if comment != "" {
		line = append(append(line, ' '), comment...)
	}
	if err := writeNew(path+".pub", append(line, '\n'), 0o644); err != nil {
		// A private key whose public part nobody has is of no use: leave nothing.
		return fail(errors.Join(err, os.Remove(path)))
	}
	return pub, nil
}

// writeNew writes a file that must not exist, to the disk, and leaves none behind
// when it fails.
func writeNew(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; move it away or choose another name", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
