package signing

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"tocsin/broker/signing/sshsig"
)

// Principal returns whom the key ring names for the key that made a signature, in
// the given role. It verifies nothing: the name is what a statement then claims,
// and CheckOne judges. Its error is a [*RefusedError].
func (a *Authority) Principal(armored []byte, role Role) (string, error) {
	s, err := sshsig.Parse(armored)
	if err != nil {
		e := refuseSignature(reasonOf(err), err)
		e.Role = role
		return "", e
	}
	if cert := s.Certificate(); cert != nil {
		return a.PrincipalOf(cert, role)
	}
	return a.PrincipalOf(s.Key(), role)
}

// PrincipalOf is Principal for the key, or the certificate, with which a person is about
// to sign.
func (a *Authority) PrincipalOf(public ssh.PublicKey, role Role) (string, error) {
	if cert, ok := public.(*ssh.Certificate); ok {
		if len(cert.ValidPrincipals) == 1 {
			return cert.ValidPrincipals[0], nil
		}
		public = cert.Key
		if a.Ring != nil && len(a.Ring.ByKey(public)) == 0 {
			e := refuseSignature(ReasonBadCert, fmt.Errorf("it names %d people, and a certificate is for one", len(cert.ValidPrincipals)))
			e.Role, e.Principal, e.Key = role, strings.Join(cert.ValidPrincipals, ", "), ssh.FingerprintSHA256(public)
			return "", e
		}
	}
	refuse := func(reason Reason, principal string, err error) (string, error) {
		e := refuseSignature(reason, err)
		e.Role, e.Principal, e.Key = role, principal, ssh.FingerprintSHA256(public)
		return "", e
	}
	if a.Ring == nil {
		return refuse(ReasonNotConfigured, "", nil)
	}
	lines := a.Ring.ByKey(public)
	for _, line := range lines {
		if line.Role == role && !line.Authority {
			return line.Principal, nil
		}
	}
	if len(lines) > 0 {
		return refuse(ReasonWrongRole, lines[0].Principal, fmt.Errorf("the key is enrolled for the role %s", lines[0].Role))
	}
	return refuse(ReasonNotInRing, "", nil)
}
