package signing

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/crypto/ssh"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/signing/sshsig"
)

// This file judges the words of people by which a bulletin is not to be released.

// defaultHalts says who may refuse or withdraw where a policy does not: those who are
// asked for the second signature, and those who stand for the first one.
func defaultHalts() map[bulletin.HaltKind][]Role {
	return map[bulletin.HaltKind][]Role{bulletin.Refusal: {Police, Deputy}, bulletin.Withdrawal: {Officer, Deputy}}
}

// Halts returns the roles of which one is enough to keep a bulletin from its release in
// the way of the kind.
func (p *Policy) Halts(kind bulletin.HaltKind) []Role { return slices.Clone(p.halts[kind]) }

// readHalts reads the part of a policy that says who may refuse and who may withdraw.
func (p *Policy) readHalts(n ast.Node) error {
	read := map[string]func(ast.Node) error{}
	for _, kind := range bulletin.HaltKinds() {
		read[string(kind)] = func(n ast.Node) error {
			var roles []Role
			err := eachKey(n, map[string]func(ast.Node) error{
				"any": func(n ast.Node) (err error) { roles, err = readRoles(n); return err },
			}, "any")
			p.halts[kind] = roles
			return err
		}
	}
	return eachKey(n, read)
}

// A SignedHalt is a refusal or a withdrawal as the ledger recorded it. Nothing in it is
// believed but its time: its signature is over Text.
type SignedHalt struct {
	Statement

	Kind bulletin.HaltKind
	Text []byte
}

// CheckHalt verifies a refusal or a withdrawal of a bulletin and returns what it says and
// who signed it. It judges the signer at the statement's time. Whether the bulletin was
// released before it is for the order of the ledger to say. Its error is a [*RefusedError].
//
// What was prepared inside another bulletin can't be halted: whoever signed that one wants
// it at hand, and one stolen key must not keep an alert from being stopped.
func (a *Authority) CheckHalt(b *bulletin.Bulletin, sh SignedHalt, now time.Time) (*bulletin.Halt, Signer, error) {
	st := sh.Statement
	h, err := bulletin.ParseHalt(sh.Text)
	reason := ReasonUnreadable
	if err == nil {
		reason, err = ReasonOtherBulletin, h.About(b)
	}
	switch {
	case err != nil:
	case h.Kind != sh.Kind:
		err = fmt.Errorf("the text is a %s, the record is a %s", h.Kind, sh.Kind)
	case h.Principal != st.Principal:
		reason, err = ReasonWrongPerson, errors.New("the text names another person than the record")
	case b.Kind != "":
		return nil, Signer{}, refuseHalt(ReasonPrepared, st, nil)
	}
	if err != nil {
		return nil, Signer{}, refuseHalt(reason, st, err)
	}
	s, refusal := a.checkHalter(h.Kind, &Request{Message: sshsig.NewMessage(h.Bytes()), Realm: b.Realm}, st, now)
	if refusal != nil {
		return nil, Signer{}, refusal
	}
	return h, s, nil
}

// WouldHalt says why a refusal or a withdrawal of a bulletin that public, a key or a certificate,
// is about to sign in the role would not hold: as CheckHalt judges it afterwards, but for what
// the key attests. Its error is a [*RefusedError].
func (a *Authority) WouldHalt(b *bulletin.Bulletin, kind bulletin.HaltKind, public ssh.PublicKey, role Role, now time.Time) error {
	st := Statement{Namespace: Namespace(role, b.Realm), At: now}
	switch {
	case b.Kind != "":
		return refuseHalt(ReasonPrepared, st, nil)
	case a.Ring == nil || a.Policy == nil || !a.Realm.Valid():
		return refuseHalt(ReasonNotConfigured, st, nil)
	case b.Realm != a.Realm:
		return refuseHalt(ReasonWrongRealm, st, nil)
	}
	s, err := a.signer(public, role, b.Realm, now)
	if err != nil {
		return err
	}
	st.Principal = s.Principal
	if refusal := a.mayHalt(kind, s.Role, st); refusal != nil {
		return refusal
	}
	return nil
}

// checkHalter judges who signed a halt, and with what.
func (a *Authority) checkHalter(kind bulletin.HaltKind, req *Request, st Statement, now time.Time) (Signer, *RefusedError) {
	switch {
	case a.Ring == nil || a.Policy == nil || !a.Realm.Valid():
		return Signer{}, refuseHalt(ReasonNotConfigured, st, nil)
	case req.Realm != a.Realm:
		return Signer{}, refuseHalt(ReasonWrongRealm, st, nil)
	}
	s, refusal := a.checkStatement(req, req.Message.SHA256(), st, now)
	if refusal == nil {
		refusal = a.mayHalt(kind, s.Role, st)
	}
	if refusal != nil {
		return Signer{}, refusal
	}
	return s, nil
}

// mayHalt says why the policy does not let a role halt bulletins in the way of the kind, nil
// where it does.
func (a *Authority) mayHalt(kind bulletin.HaltKind, role Role, st Statement) *RefusedError {
	switch {
	case slices.Contains(a.Policy.halts[kind], role):
		return nil
	case kind == bulletin.Withdrawal:
		return refuseHalt(ReasonMayNotWithdraw, st, nil)
	}
	return refuseHalt(ReasonMayNotRefuse, st, nil)
}

func refuseHalt(reason Reason, st Statement, err error) *RefusedError {
	e := refuseSignature(reason, err)
	e.Role, _, _ = ParseNamespace(st.Namespace)
	e.Principal, e.Namespace = st.Principal, st.Namespace
	return e
}

// A HaltRow is a row of a policy's second matrix: who signs a refusal or a withdrawal,
// what is the matter with it, one of [HaltTroubles] or "" for nothing, and what comes of it.
type HaltRow struct {
	Role     Role
	Trouble  string
	Verdicts []HaltVerdict
}

// A HaltVerdict is what CheckHalt says of a case; "" where the halt holds.
type HaltVerdict struct {
	Kind    bulletin.HaltKind
	Realm   alert.Realm
	Refused Reason
}

// HaltTroubles lists what is the matter with a halt, in the second part of its matrix.
func HaltTroubles() []string {
	return []string{"other_realm", "key_expired", "expired_since", "not_yet_valid", "revoked", "not_in_ring"}
}

// HaltMatrix walks who signs × refusal and withdrawal × realm × time through the code that
// judges each halt, with keys that are made for it and signatures that are verified.
func HaltMatrix(p *Policy) ([]HaltRow, error) {
	var rows []HaltRow
	for _, set := range rolesOf(1) {
		rows = append(rows, HaltRow{Role: set[0]})
	}
	var spoilt []Role // the first role that may, for each kind
	for _, kind := range bulletin.HaltKinds() {
		if role := p.halts[kind][0]; !slices.Contains(spoilt, role) {
			spoilt = append(spoilt, role)
		}
	}
	for _, role := range spoilt {
		for _, t := range HaltTroubles() {
			rows = append(rows, HaltRow{Role: role, Trouble: t})
		}
	}
	for i := range rows {
		for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
			for _, kind := range bulletin.HaltKinds() {
				v, err := rows[i].judge(p, kind, realm)
				if err != nil {
					return nil, err
				}
				rows[i].Verdicts = append(rows[i].Verdicts, v)
			}
		}
	}
	return rows, nil
}

func (r *HaltRow) judge(p *Policy, kind bulletin.HaltKind, realm alert.Realm) (HaltVerdict, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return HaltVerdict{}, err
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return HaltVerdict{}, err
	}
	const name = "p@o.example"
	at := matrixTime.Add(-time.Minute)
	after, before, signsIn := troubled(r.Trouble, realm, at)
	enrolled, revoked := key.PublicKey(), ""
	switch r.Trouble {
	case "revoked":
		revoked = string(ssh.MarshalAuthorizedKey(key.PublicKey()))
	case "not_in_ring":
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return HaltVerdict{}, err
		}
		if enrolled, err = ssh.NewPublicKey(public); err != nil {
			return HaltVerdict{}, err
		}
	}
	line, err := RingLine(name, r.Role, []alert.Realm{alert.RealmLive, alert.RealmExercise}, after, before, enrolled, "")
	if err != nil {
		return HaltVerdict{}, err
	}
	ring, err := ParseRing("matrix", []byte(line+"\n"), []byte(revoked))
	if err != nil {
		return HaltVerdict{}, err
	}
	text := []byte("bulletin of the matrix\n")
	armored, err := sshsig.Sign(key, Namespace(r.Role, signsIn), text)
	if err != nil {
		return HaltVerdict{}, err
	}
	st := Statement{Principal: name, Namespace: Namespace(r.Role, signsIn), Signature: armored, At: at}
	v := HaltVerdict{Kind: kind, Realm: realm}
	_, refusal := (&Authority{Ring: ring, Policy: p, Realm: realm}).checkHalter(kind, &Request{Message: sshsig.NewMessage(text), Realm: realm}, st, matrixTime)
	if refusal != nil {
		v.Refused = refusal.Reason
	}
	return v, nil
}
