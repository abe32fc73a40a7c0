package signing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"tocsin/broker/signing/sshsig"
)

// A patience says how long ssh-agent may take to answer.
type patience struct {
	list time.Duration // to say which keys it holds
	sign time.Duration // to sign: a person reads, types a PIN, touches a key
}

func usualPatience() patience { return patience{list: 5 * time.Second, sign: 2 * time.Minute} }

var (
	errNoList = errors.New("it does not list its keys")
	errNoKeys = errors.New("it holds no key at all; if it is locked, unlock it with ssh-add -X, otherwise add the key with ssh-add")
)

// AgentKey finds a key in the ssh-agent that listens at socket (SSH_AUTH_SOCK).
// want is the line of a public key or certificate, a fingerprint "SHA256:…" as
// ssh-add -l prints it, or the comment of exactly one key. The agent is asked
// again for each signature; no connection is kept. It has 5 seconds to list its keys,
// and 2 minutes to sign.
func AgentKey(ctx context.Context, socket, want string) (Key, error) {
	return agentKeyWithin(ctx, usualPatience(), socket, want)
}

func agentKeyWithin(ctx context.Context, limits patience, socket, want string) (Key, error) {
	if socket == "" {
		return nil, errors.New("ask ssh-agent: no agent is running here (SSH_AUTH_SOCK is empty); start one with: eval $(ssh-agent); ssh-add")
	}
	var pub ssh.PublicKey
	err := withAgent(ctx, socket, limits.list, func(c agent.ExtendedAgent) error {
		keys, err := c.List()
		if err != nil {
			return errNoList
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
	return &agentKey{socket: socket, pub: pub, limits: limits}, nil
}

// pickKey finds the key that want means, in what the agent listed.
func pickKey(keys []*agent.Key, want string) (ssh.PublicKey, error) {
	if len(keys) == 0 {
		return nil, errNoKeys
	}
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
	limits patience
}

func (k *agentKey) PublicKey() ssh.PublicKey { return k.pub }

func (k *agentKey) Sign(ctx context.Context, namespace string, message []byte) (armored []byte, err error) {
	err = withAgent(ctx, k.socket, k.limits.sign, func(c agent.ExtendedAgent) error {
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
	switch {
	case err != nil:
		return nil, errNoList
	case len(signers) == 0:
		return nil, errNoKeys
	}
	for _, s := range signers {
		blob := s.PublicKey().Marshal()
		if bytes.Equal(blob, k.pub.Marshal()) {
			return askedSigner{s}, nil
		}
		if cert, ok := k.pub.(*ssh.Certificate); ok && bytes.Equal(blob, cert.Key.Marshal()) {
			certified, err := ssh.NewCertSigner(cert, s)
			return askedSigner{certified}, err
		}
	}
	return nil, errors.New("it does not hold the key any more; add it with ssh-add")
}

// An askedSigner says what a person may do where the agent does not sign. The agent
// gives no reason.
type askedSigner struct{ ssh.Signer }

func (s askedSigner) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	sig, err := s.Signer.Sign(random, data)
	if err != nil {
		return nil, fmt.Errorf("it did not sign: %w; sign again, and confirm it where the agent asks, touch the key and give its PIN; if the agent is locked, unlock it with ssh-add -X", err)
	}
	return sig, nil
}

// withAgent connects to the agent, and disconnects when do returns, limit is over or
// ctx is done.
func withAgent(ctx context.Context, socket string, limit time.Duration, do func(agent.ExtendedAgent) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("ask ssh-agent at %s: it does not answer; start one with: eval $(ssh-agent); ssh-add: %w", socket, withoutAddress(err))
	}
	defer conn.Close()
	// Closing the connection ends what waits for the agent, and for a person behind it.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = do(agent.NewClient(conn))
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("ask ssh-agent: no answer in time; confirm where it asks and touch the key, or start the agent again: %w", ctx.Err())
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
