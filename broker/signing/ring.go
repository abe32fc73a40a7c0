package signing

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/signing/sshsig"
)

// A Ring is one version of the key ring: who may sign as what, with which key,
// and when. It does not change, so that it can be shared.
type Ring struct {
	lines   []line
	byKey   map[string][]int // indices into lines, by the bare key
	revoked map[string]bool  // bare keys, of people and of authorities
	sum     [sha256.Size]byte
}

// line is one line of the key ring.
type line struct {
	Signer
	domain string // of an authority for all of an organisation: "*@domain"
}

// A Signer is a person of the key ring, or an authority that enrols the people of
// one organisation by certificates; and, where CheckOne or Authorize return it,
// how that person signed.
type Signer struct {
	Principal    string // "mario.rossi@pc.example"; of an authority also "*@police.example"
	Organisation string // "pc.example"
	Role         Role
	Realms       []alert.Realm // where the person may sign, live first

	Key         ssh.PublicKey // never a certificate
	Fingerprint string        // "SHA256:…", as ssh-keygen -l prints it
	Comment     string        // of the key, in the ring

	Line        int    // in the key ring, from 1
	Authority   bool   // the key signs certificates only
	Certificate string // the key id of the certificate that enrolled the person, or empty

	ValidAfter  time.Time // inclusive
	ValidBefore time.Time // inclusive, as ssh-keygen reads it

	// Namespace, At and Assertion are of the signature; empty in the ring itself.
	Namespace string
	At        time.Time // ledger time
	Assertion sshsig.Assertion
}

// SHA256 identifies this version of the ring. It is the SHA-256 of two lines of
// text, "signers HEX" and "revoked HEX", each with the SHA-256 of one file in
// lower-case hex and ended by LF.
func (r *Ring) SHA256() [sha256.Size]byte { return r.sum }

func ringSum(text, revoked []byte) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "signers %x\nrevoked %x\n", sha256.Sum256(text), sha256.Sum256(revoked)))
}

// Signers returns all lines of the ring, in their order, also those that are
// revoked or out of date.
func (r *Ring) Signers() []Signer {
	out := make([]Signer, len(r.lines))
	for i := range r.lines {
		out[i] = r.lines[i].clone()
	}
	return out
}

// ByKey returns the lines that name key: the lines of the person whose key it is,
// and for a certificate those of the authority that signed it. It checks neither
// the certificate, nor time, nor revocation.
func (r *Ring) ByKey(key ssh.PublicKey) []Signer {
	var out []Signer
	for _, i := range r.candidates(key) {
		out = append(out, r.lines[i].clone())
	}
	return out
}

// Revoked reports whether the list of revoked keys has key, the key inside it if
// it is a certificate, or the authority that signed it.
func (r *Ring) Revoked(key ssh.PublicKey) bool {
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return r.revoked[bareKey(key)]
	}
	return r.revoked[bareKey(cert.Key)] || r.revoked[bareKey(cert.SignatureKey)]
}

// bareKey returns what makes a key the key that it is, whatever it is called: whoever has the
// private half of one on P-256 or Ed25519 can sign with it as a plain key, as a hardware key
// and as the passkey of any site, each of which has a wire form of its own. Of other kinds it
// is the wire form.
func bareKey(key ssh.PublicKey) string {
	wire := key.Marshal()
	var edwards struct {
		Type string
		Key  []byte
		Rest []byte `ssh:"rest"` // of a hardware key, for which application it was made
	}
	var p256 struct {
		Type, Curve string
		Key         []byte
		Rest        []byte `ssh:"rest"`
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519:
		if ssh.Unmarshal(wire, &edwards) == nil {
			return "ed25519 " + string(edwards.Key)
		}
	case ssh.KeyAlgoECDSA256, ssh.KeyAlgoSKECDSA256:
		if ssh.Unmarshal(wire, &p256) == nil {
			return "p256 " + string(p256.Key)
		}
	}
	return string(wire)
}

// candidates returns the lines that could admit a signature bearing key. As with
// ssh-keygen, a signature that bears a certificate is admitted by its authority
// only, even if the ring has the plain key too.
func (r *Ring) candidates(key ssh.PublicKey) []int {
	cert, isCert := key.(*ssh.Certificate)
	if isCert {
		key = cert.SignatureKey
	}
	var out []int
	wire := key.Marshal()
	for _, i := range r.byKey[bareKey(key)] {
		if r.lines[i].Authority == isCert && bytes.Equal(r.lines[i].Key.Marshal(), wire) {
			out = append(out, i)
		}
	}
	return out
}

// Check returns the signer as whom key may sign in namespace at a time, under the
// name principal. key may be a certificate. The error is a [*RefusedError].
//
// Check believes that the key did sign: that is for sshsig to verify.
func (r *Ring) Check(key ssh.PublicKey, principal, namespace string, at time.Time) (*Signer, error) {
	s, refusal := r.check(key, principal, namespace, at)
	if refusal != nil {
		return nil, refusal
	}
	return s, nil
}

func (r *Ring) check(key ssh.PublicKey, principal, namespace string, at time.Time) (*Signer, *RefusedError) {
	role, realm, err := ParseNamespace(namespace)
	claim := func(e *RefusedError) *RefusedError {
		e.Role, e.Principal, e.Namespace = role, principal, namespace
		return e
	}
	if err != nil {
		return nil, claim(refuseSignature(ReasonWrongRole, err))
	}
	if err := CheckPrincipal(principal); err != nil {
		return nil, claim(refuseSignature(ReasonBadName, err))
	}
	if r.Revoked(key) {
		return nil, claim(refuseSignature(ReasonRevoked, nil))
	}
	candidates := r.candidates(key)
	if len(candidates) == 0 {
		return nil, claim(refuseSignature(ReasonNotInRing, notInRing(key)))
	}
	var nearest *RefusedError
	for _, i := range candidates {
		s, refusal := r.admit(&r.lines[i], key, principal, role, realm, at)
		if refusal == nil {
			s.Namespace, s.At = namespace, at
			return s, nil
		}
		if nearest == nil || distance(refusal.Reason) < distance(nearest.Reason) {
			nearest = refusal
		}
	}
	return nil, claim(nearest)
}

func notInRing(key ssh.PublicKey) error {
	if cert, ok := key.(*ssh.Certificate); ok {
		return fmt.Errorf("no line for the authority %s", ssh.FingerprintSHA256(cert.SignatureKey))
	}
	return fmt.Errorf("no line for the key %s", ssh.FingerprintSHA256(key))
}

// distance orders refusals by how near a line came to admitting the signature, so
// that of several lines for a key the one is explained that the person meant.
func distance(reason Reason) int {
	order := []Reason{ReasonKeyExpired, ReasonCertExpired, ReasonClockBehind, ReasonNotYetValid, ReasonBadCert, ReasonKeyConflict, ReasonWrongRealm, ReasonWrongRole, ReasonWrongPerson}
	if i := slices.Index(order, reason); i >= 0 {
		return i
	}
	return len(order)
}

// clockDoubt is how much too early a signature may be for a clock to be the likely cause:
// a key is mostly signed with long after it was enrolled, or at once.
const clockDoubt = 15 * time.Minute

// admit says whether one line admits a signature.
func (r *Ring) admit(l *line, key ssh.PublicKey, principal string, role Role, realm alert.Realm, at time.Time) (*Signer, *RefusedError) {
	if !l.names(principal) {
		return nil, refuseSignature(ReasonWrongPerson, fmt.Errorf("line %d is of %s", l.Line, l.Principal))
	}
	if l.Role != role {
		return nil, refuseSignature(ReasonWrongRole, fmt.Errorf("line %d has the role %s", l.Line, l.Role))
	}
	if !slices.Contains(l.Realms, realm) {
		return nil, refuseSignature(ReasonWrongRealm, fmt.Errorf("line %d of the key ring holds for realm %s only", l.Line, l.Realms[0]))
	}
	s := l.clone()
	if cert, ok := key.(*ssh.Certificate); ok {
		if refusal := r.enrol(&s, cert, principal); refusal != nil {
			return nil, refusal
		}
	}
	switch {
	case at.Before(s.ValidAfter):
		reason := ReasonNotYetValid
		if s.ValidAfter.Sub(at) < clockDoubt {
			reason = ReasonClockBehind
		}
		e := refuseSignature(reason, nil)
		e.When = s.ValidAfter
		return nil, e
	case at.After(s.ValidBefore):
		e := refuseSignature(ReasonKeyExpired, nil)
		if s.ValidBefore.Before(l.ValidBefore) { // its authority makes another, not the managers of the ring
			e.Reason = ReasonCertExpired
		}
		e.When = s.ValidBefore
		return nil, e
	}
	return &s, nil
}

// names reports whether the line is of principal.
func (l *line) names(principal string) bool {
	if l.domain != "" {
		return Organisation(principal) == l.domain
	}
	return l.Principal == principal
}

// enrol checks the certificate of principal and turns s, the line of its
// authority, into the line of that person.
func (r *Ring) enrol(s *Signer, cert *ssh.Certificate, principal string) *RefusedError {
	if err := checkCertificate(cert, principal); err != nil {
		return refuseSignature(ReasonBadCert, err)
	}
	for _, i := range r.byKey[bareKey(cert.Key)] {
		if other := &r.lines[i]; other.Principal != principal || other.Role != s.Role || other.Authority {
			return refuseSignature(ReasonKeyConflict, fmt.Errorf("line %d gives the same key to %s as %s", other.Line, other.Principal, other.Role))
		}
	}
	s.Principal, s.Organisation = principal, Organisation(principal)
	s.Key, s.Fingerprint = cert.Key, ssh.FingerprintSHA256(cert.Key)
	s.Authority, s.Certificate = false, cert.KeyId
	s.ValidAfter = later(s.ValidAfter, certTime(cert.ValidAfter))
	s.ValidBefore = earlier(s.ValidBefore, certTime(cert.ValidBefore).Add(-time.Second)) // exclusive in a certificate
	return nil
}

// checkCertificate checks all of a certificate but its times, which are judged
// like those of a line, and its authority, which the ring names.
func checkCertificate(cert *ssh.Certificate, principal string) error {
	if cert.CertType != ssh.UserCert || len(cert.ValidPrincipals) == 0 {
		return errors.New("it is not a user certificate with names in it")
	}
	if n := len(cert.ValidPrincipals); n != 1 {
		return fmt.Errorf("it names %d people, and a certificate is for one", n)
	}
	switch cert.SignatureKey.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256:
		if len(cert.Signature.Rest) > 0 { // x/crypto does not look at it
			return errors.New("there are bytes after the signature of the authority")
		}
	}
	// Asked for the first second of the certificate, CheckCert judges all but
	// whether it is valid now: signature, names, critical options (none of which
	// is known here).
	checker := ssh.CertChecker{Clock: func() time.Time { return certTime(cert.ValidAfter) }}
	return checker.CheckCert(principal, cert)
}

// certTime returns a time of a certificate. No date is as late as the format's
// "forever" (64 bits of seconds), so that times end with the year 9999.
func certTime(seconds uint64) time.Time {
	const end = 253402300799 // 9999-12-31T23:59:59Z
	return time.Unix(int64(min(seconds, end)), 0).UTC()
}

func (s *Signer) clone() Signer {
	c := *s
	c.Realms = slices.Clone(s.Realms)
	return c
}

func cloneAll(signers []Signer) []Signer {
	out := make([]Signer, len(signers))
	for i := range signers {
		out[i] = signers[i].clone()
	}
	return out
}

// Expiring returns the signers that are valid at a time and end within the given
// time after it, soonest first, unless they are revoked or another line lets the
// same person sign on.
func (r *Ring) Expiring(at time.Time, within time.Duration) []Signer {
	horizon := at.Add(within)
	var out []Signer
	for i := range r.lines {
		l := &r.lines[i]
		if l.covers(at) && !l.covers(horizon) && !r.Revoked(l.Key) && !r.renewed(l, horizon) {
			out = append(out, l.clone())
		}
	}
	slices.SortStableFunc(out, func(a, b Signer) int {
		return cmp.Or(a.ValidBefore.Compare(b.ValidBefore), cmp.Compare(a.Line, b.Line))
	})
	return out
}

func (l *line) covers(at time.Time) bool {
	return !at.Before(l.ValidAfter) && !at.After(l.ValidBefore)
}

// renewed reports whether, at a time, other lines let the person of l sign for all
// that l lets them.
func (r *Ring) renewed(l *line, at time.Time) bool {
	return !slices.ContainsFunc(l.Realms, func(realm alert.Realm) bool {
		return !slices.ContainsFunc(r.lines, func(o line) bool {
			return o.Principal == l.Principal && o.Role == l.Role && o.Authority == l.Authority &&
				slices.Contains(o.Realms, realm) && o.covers(at) && !r.Revoked(o.Key)
		})
	})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
