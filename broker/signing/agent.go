package signing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tocsin/broker/signing/sshsig"
)

// AgentKey finds a key in the ssh-agent that listens at socket (SSH_AUTH_SOCK).
// want is the line of a public key or certificate, a fingerprint "SHA256:…" as
// ssh-add -l prints it, or the comment of exactly one key. The agent is asked
// again for each signature; no connection is kept.
func AgentKey(ctx context.Context, socket, want string) (Key, error) {
	if socket == "" {
		return nil, errors.New("ask ssh-agent: no agent is running here (SSH_AUTH_SOCK is empty); start one with: eval $(ssh-agent); ssh-add")
	}
	var pub ssh.PublicKey
	err := withAgent(ctx, socket, func(c agent.ExtendedAgent) error {
		keys, err := c.List()
		if err != nil {
			return errors.New("it does not list its keys")
		}
		pub, err = pickKey(keys, strings.TrimSpace(want))
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := sshsig.CheckKey(plain(pub)); err != nil {
		return nil, fmt.Errorf("ask ssh-agent: %w", err)
	}
	return &agentKey{socket: socket, pub: pub}, nil
}

// pickKey finds the key that want means, in what the agent listed.
func pickKey(keys []*agent.Key, want string) (ssh.PublicKey, error) {
	if pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(want)); err == nil {
		for _, k := range keys {
			if bytes.Equal(k.Blob, pub.Marshal()) || bytes.Equal(k.Blob, plain(pub).Marshal()) {
				return pub, nil
			}
		}
		return nil, errors.New("it does not hold this key; add it with ssh-add")
	}
	var found []ssh.PublicKey
	for _, k := range keys {
		pub, err := ssh.ParsePublicKey(k.Blob)
		if err != nil {
			continue // a kind of key that is of no use here
		}
		// A certificate has its key's fingerprint and comment; whoever wants to
		// sign with it gives its file.
		if _, isCert := pub.(*ssh.Certificate); !isCert && (ssh.FingerprintSHA256(pub) == want || k.Comment == want) {
			found = append(found, pub)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("it holds no key %.80q; see ssh-add -l", want)
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("it holds several keys %.80q; give a fingerprint of ssh-add -l", want)
	}
}

// agentKey signs through ssh-agent.
type agentKey struct {
	socket string
	pub    ssh.PublicKey // the key, or the certificate to bear
}

func (k *agentKey) PublicKey() ssh.PublicKey { return k.pub }

func (k *agentKey) Sign(ctx context.Context, namespace string, message []byte) (armored []byte, err error) {
	err = withAgent(ctx, k.socket, func(c agent.ExtendedAgent) error {
		signer, err := k.signer(c)
		if err != nil {
			return err
		}
		armored, err = sshsig.Sign(signer, namespace, message)
		return err
	})
	return armored, err
}

// signer returns the agent's signer for the key, bearing the certificate if there
// is one.
func (k *agentKey) signer(c agent.ExtendedAgent) (ssh.Signer, error) {
	signers, err := c.Signers()
	if err != nil {
		return nil, errors.New("it does not list its keys")
	}
	for _, s := range signers {
		blob := s.PublicKey().Marshal()
		if bytes.Equal(blob, k.pub.Marshal()) {
			return s, nil
		}
		if cert, ok := k.pub.(*ssh.Certificate); ok && bytes.Equal(blob, cert.Key.Marshal()) {
			return ssh.NewCertSigner(cert, s)
		}
	}
	return nil, errors.New("it does not hold the key any more; add it with ssh-add")
}

// withAgent connects to the agent, and disconnects when do returns or ctx is done.
func withAgent(ctx context.Context, socket string, do func(agent.ExtendedAgent) error) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("ask ssh-agent at %s: it does not answer; start one with: eval $(ssh-agent); ssh-add: %w", socket, withoutAddress(err))
	}
	defer conn.Close()
	// A person may be asked to touch a key meanwhile, for as long as ctx allows.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = do(agent.NewClient(conn))
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("ask ssh-agent: no answer in time; was the key touched: %w", ctx.Err())
	case err != nil:
		return fmt.Errorf("ask ssh-agent: %w", err)
	default:
		return nil
	}
}

// withoutAddress leaves the cause of a network error, since the caller names the
// socket.
func withoutAddress(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
