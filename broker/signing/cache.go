package signing

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing/sshsig"
)

const (
	// maxGeneration bounds the cache: it holds at most twice as many results.
	maxGeneration = 512

	// maxCachedBytes bounds each of them: longer armored signatures, which nobody
	// makes but to fill a memory, are verified anew each time.
	maxCachedBytes = 8 << 10
)

// errOtherRealm tells a signature for the other realm from one for another role.
var errOtherRealm = errors.New("signed for the other realm")

// A cache remembers the arithmetic of signatures, which depends on nothing but
// bytes: whether this signature is over this message. Who may sign, and when, is
// never in it. The zero value is ready to use.
type cache struct {
	// mu guards the two generations. It is not held during arithmetic: two
	// goroutines may do the same once.
	mu sync.Mutex
	// young takes new results; when it is full it becomes old, and old is
	// forgotten. So what is in use stays, and no flood of garbage grows it.
	young, old map[cacheKey]*verification
}

// cacheKey has the digests of message and armored signature, and the latter has
// the key and the namespace inside.
type cacheKey struct{ message, signature [sha256.Size]byte }

// A verification is a signature that was read, and what verifying it gave.
type verification struct {
	key       cacheKey
	keep      bool // worth remembering
	signature *sshsig.Signature
	once      sync.Once // guards assertion and err
	assertion sshsig.Assertion
	err       error
}

// bearer returns the key that the signature bears: the certificate if it has one.
func (v *verification) bearer() ssh.PublicKey {
	if cert := v.signature.Certificate(); cert != nil {
		return cert
	}
	return v.signature.Key()
}

// parse reads the signature of a statement, or finds it again. It is held to the
// namespace that the statement claims.
func (c *cache) parse(message [sha256.Size]byte, st Statement) (*verification, error) {
	key := cacheKey{message, sha256.Sum256(st.Signature)}
	v := c.get(key)
	if v == nil {
		s, err := sshsig.Parse(st.Signature)
		if err != nil {
			return nil, err
		}
		v = &verification{key: key, keep: len(st.Signature) <= maxCachedBytes, signature: s}
	}
	if got := v.signature.Namespace(); got != st.Namespace {
		return nil, otherNamespace(got, st.Namespace)
	}
	return v, nil
}

func otherNamespace(got, want string) error {
	kind := sshsig.ErrNamespace
	gotRole, gotRealm, err := ParseNamespace(got)
	wantRole, wantRealm, _ := ParseNamespace(want)
	if err == nil && gotRole == wantRole && gotRealm != wantRealm {
		kind = errOtherRealm
	}
	return fmt.Errorf("%w: it is for %.64q, recorded as for %.64q", kind, got, want)
}

// verify does the arithmetic once, and remembers its result, also a failure.
func (c *cache) verify(v *verification, message *sshsig.Message) (sshsig.Assertion, error) {
	v.once.Do(func() {
		v.assertion, v.err = v.signature.VerifyMessage(v.signature.Namespace(), message)
		if v.keep {
			c.put(v)
		}
	})
	return v.assertion, v.err
}

func (c *cache) get(key cacheKey) *verification {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.young[key]; v != nil {
		return v
	}
	v := c.old[key]
	if v != nil {
		c.add(v)
	}
	return v
}

func (c *cache) put(v *verification) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(v)
}

// add is called with mu held.
func (c *cache) add(v *verification) {
	if c.young == nil || len(c.young) >= maxGeneration {
		c.old, c.young = c.young, make(map[cacheKey]*verification, maxGeneration)
	}
	c.young[v.key] = v
}
