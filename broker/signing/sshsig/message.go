package sshsig

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"sync"
)

// A Message is what is signed, with its digests. Each is computed once, however
// many signatures there are and however often they are checked: a bulletin with
// its images is large, and it is checked before every post. It is safe for
// concurrent use.
type Message struct {
	bytes  []byte
	sum256 func() [sha256.Size]byte
	sum512 func() [sha512.Size]byte
}

// NewMessage returns a message that holds a copy of b.
func NewMessage(b []byte) *Message { return MessageOf(bytes.Clone(b)) }

// MessageOf returns a message that holds b itself, which must never change: a parsed
// bulletin's bytes, of which a second copy would cost as much as the bulletin.
func MessageOf(b []byte) *Message {
	m := &Message{bytes: b}
	m.sum256 = sync.OnceValue(func() [sha256.Size]byte { return sha256.Sum256(m.bytes) })
	m.sum512 = sync.OnceValue(func() [sha512.Size]byte { return sha512.Sum512(m.bytes) })
	return m
}

// Hash computes the digests now, so that whoever checks a signature later does not
// wait for them.
func (m *Message) Hash() {
	_ = m.sum256()
	_ = m.sum512()
}

// Len returns the message's size in bytes.
func (m *Message) Len() int { return len(m.bytes) }

// Bytes returns a copy of the message.
func (m *Message) Bytes() []byte { return bytes.Clone(m.bytes) }

// SHA256 returns the digest by which a bulletin is known.
func (m *Message) SHA256() [sha256.Size]byte { return m.sum256() }

// digest returns the digest that a signature with the given hash is over.
func (m *Message) digest(hashAlg string) []byte {
	if hashAlg == hashSHA256 {
		d := m.sum256()
		return d[:]
	}
	d := m.sum512()
	return d[:]
}
