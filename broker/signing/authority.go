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
	"tocsin/broker/bulletin"
	"tocsin/broker/signing/sshsig"
)

const (
	// MaxBytes is the size of the longest bulletin that can be signed, in bytes.
	MaxBytes = 8 << 20

	// maxAhead is how far the ledger's clock may be ahead of this machine's. A
	// clock that is further behind cannot judge whether an alert has expired.
	maxAhead = 5 * time.Minute
)

// A Request is a bulletin that wants to be released. The caller has taken all of
// it from the signed bytes.
type Request struct {
	Bytes []byte // what people signed, at most MaxBytes
	// Message stands in for Bytes where a bulletin is judged more than once.
	Message *sshsig.Message
	Realm   alert.Realm   // of the bulletin
	MsgType alert.MsgType // Alert, Update or Cancel
	// Prepared says as what the bulletin was prepared inside another one; "" for one
	// that stands for itself. Whether it does stand inside the one that it follows, which
	// others have signed, is for [bulletin.Chain] to say: without it nothing is posted.
	Prepared bulletin.Kind

	// Expires is when the alert ends: from then on it is not released any more. It
	// may be zero, for never, for a Cancel only.
	Expires time.Time
	// NotAfter is by when the signatures must be complete, in ledger time; zero
	// for no bound but Expires.
	NotAfter time.Time

	// Breakglass is what the bulletin says that one organisation issues alone; nil for
	// every other one. The rest counts for such a bulletin only.
	Breakglass *bulletin.Breakglass
	Number     int
	Composed   time.Time
	Channels   []string   // to which it goes
	Events     [][]string // of each info of its message, the event codes as "NAME/VALUE"
	// Circumstances is what the ledger says of it; nil where nobody has asked the ledger,
	// and then it is not released.
	Circumstances *Circumstances
}

// RequestOf returns the request of a bulletin: every fact in it is what the signed
// bytes say, never what a record or a caller says of them.
func RequestOf(b *bulletin.Bulletin) Request {
	r := Request{
		Bytes: b.Bytes(), Realm: b.Realm, MsgType: b.Message.MsgType, Prepared: b.Kind, Expires: b.Expires, NotAfter: b.NotAfter,
		Breakglass: b.Breakglass, Number: b.Number, Composed: b.Composed,
	}
	if b.Breakglass == nil {
		return r
	}
	for _, c := range b.Channels() {
		r.Channels = append(r.Channels, c.Name)
	}
	for i := range b.Message.Infos {
		var codes []string
		for _, c := range b.Message.Infos[i].EventCodes {
			codes = append(codes, c.Name+"/"+c.Value)
		}
		r.Events = append(r.Events, codes)
	}
	return r
}

// A Statement is one signature as the ledger recorded it. Nothing in it is
// believed but its time.
type Statement struct {
	Principal string
	Namespace string
	Signature []byte    // armored, see package sshsig
	At        time.Time // ledger time of the record
}

// An Authority decides for one realm whether bulletins are released. The zero
// value refuses everything. Its fields are set before its first use and not
// changed after it; for a new key ring, make a new Authority. It is safe for use
// by several goroutines.
type Authority struct {
	Ring   *Ring
	Policy *Policy
	Realm  alert.Realm

	verified cache
}

// An Authorized is a released bulletin: bytes with the signatures that the policy
// asks for. Only Authorize makes it; the zero value authorises nothing and holds
// no bytes. It says that the bulletin was released at the time it was made, and
// expires: ask Authorize again before each use.
type Authorized struct {
	message    *sshsig.Message
	sum        [sha256.Size]byte
	realm      alert.Realm
	msgType    alert.MsgType
	expires    time.Time
	signers    []Signer
	releasedBy []Signer
}

// Bytes returns a copy of the signed bytes.
func (a *Authorized) Bytes() []byte {
	if a.message == nil {
		return nil
	}
	return a.message.Bytes()
}

// SHA256 returns the digest of the signed bytes.
func (a *Authorized) SHA256() [sha256.Size]byte { return a.sum }

// Realm returns the realm of the bulletin.
func (a *Authorized) Realm() alert.Realm { return a.realm }

// MsgType returns the kind of message.
func (a *Authorized) MsgType() alert.MsgType { return a.msgType }

// Expires returns when the alert ends; zero for a Cancel that never does.
func (a *Authorized) Expires() time.Time { return a.expires }

// Signers returns all whose signatures count, in ledger order: at least those that
// the policy asks for.
func (a *Authorized) Signers() []Signer { return cloneAll(a.signers) }

// ReleasedBy returns the signers whose signatures released the bulletin, as many as
// the policy asks for, in ledger order.
func (a *Authorized) ReleasedBy() []Signer { return cloneAll(a.releasedBy) }

// ReleasedAt returns the ledger time of the signature that completed the release.
func (a *Authorized) ReleasedAt() time.Time {
	if len(a.releasedBy) == 0 {
		return time.Time{}
	}
	return a.releasedBy[len(a.releasedBy)-1].At
}

// CheckOne verifies one signature on a bulletin and returns who signed. It judges
// the signer at the statement's time and the alert at now. Its error is a
// [*RefusedError]. Use it when a signature is handed in, so that the person hears
// at once why it would not count.
func (a *Authority) CheckOne(req Request, st Statement, now time.Time) (Signer, error) {
	rule, refusal := a.checkRequest(&req, now)
	if refusal == nil && !req.NotAfter.IsZero() && st.At.After(req.NotAfter) {
		refusal = &RefusedError{Reason: ReasonReleaseTooLate, When: req.NotAfter}
	}
	if refusal != nil {
		return Signer{}, refusal
	}
	s, refusal := a.checkStatement(&req, req.Message.SHA256(), st, now)
	if refusal != nil {
		return Signer{}, refusal
	}
	if !slices.Contains(rule.Roles(), s.Role) {
		refusal := refuseSignature(ReasonRoleNotAsked, nil)
		refusal.Role, refusal.Principal, refusal.Namespace = s.Role, st.Principal, st.Namespace
		return Signer{}, refusal
	}
	return s, nil
}

// WouldCount says why a signature in the role that public, a key or a certificate, is about to
// make on a bulletin would not count, so that nobody reads a bulletin for nothing: as
// CheckOne judges it afterwards, but for what the key attests, and as Authorize judges it beside
// the signatures that there are. One that leaves others missing counts. Its error is a [*RefusedError].
func (a *Authority) WouldCount(req Request, sts []Statement, public ssh.PublicKey, role Role, now time.Time) error {
	rule, refusal := a.checkRequest(&req, now)
	if refusal == nil && !req.NotAfter.IsZero() && now.After(req.NotAfter) {
		refusal = &RefusedError{Reason: ReasonReleaseTooLate, When: req.NotAfter}
	}
	if refusal != nil {
		return refusal
	}
	s, err := a.signer(public, role, req.Realm, now)
	if err != nil {
		return err
	}
	if !slices.Contains(rule.Roles(), role) {
		refusal := refuseSignature(ReasonRoleNotAsked, nil)
		refusal.Role, refusal.Principal, refusal.Namespace = role, s.Principal, s.Namespace
		return refusal
	}
	if len(sts) == 0 || req.Breakglass != nil { // of break-glass the ledger has more to say
		return nil
	}
	approvals, causes := a.weigh(&req, req.Message.SHA256(), rule, sts, now)
	again := slices.ContainsFunc(approvals, s.same)
	if !again {
		approvals = append(approvals, *s)
	}
	if _, enough := choose(rule.slots(), approvals, strangers); enough {
		return nil
	}
	refusal = explain(&req, rule, approvals, causes, now)
	if !again && len(refusal.Missing) > 0 {
		return nil
	}
	refusal.Key = s.Fingerprint // the record says who tried
	return refusal
}

// signer returns as whom a key, or a certificate, may sign in a role.
func (a *Authority) signer(public ssh.PublicKey, role Role, realm alert.Realm, now time.Time) (*Signer, error) {
	principal, err := a.PrincipalOf(public, role)
	if err != nil {
		return nil, err
	}
	return a.Ring.Check(public, principal, Namespace(role, realm), now)
}

// Authorize says whether a bulletin is released by these statements. Each
// statement that does not hold is passed over: nothing that is added can make a
// sufficient set insufficient, nor an insufficient one sufficient but a signature
// that is missing. Signers are judged at the time of their statement, the alert at
// now. Its error is a [*RefusedError].
//
// The order of the statements does not matter, and neither do repetitions.
func (a *Authority) Authorize(req Request, sts []Statement, now time.Time) (*Authorized, error) {
	rule, refusal := a.checkRequest(&req, now)
	if refusal != nil {
		return nil, refusal
	}
	sum := req.Message.SHA256()
	approvals, causes := a.weigh(&req, sum, rule, sts, now)
	apart, lawful := a.apart(&req)
	released, refusal := release(rule, approvals, apart, lawful)
	if released == nil {
		if refusal != nil {
			refusal.Causes = causes
			return nil, refusal
		}
		return nil, explain(&req, rule, approvals, causes, now)
	}
	if at := released[len(released)-1].At; !req.NotAfter.IsZero() && at.After(req.NotAfter) {
		return nil, &RefusedError{Reason: ReasonReleaseTooLate, When: req.NotAfter, Causes: causes}
	}
	return &Authorized{
		message: req.Message, sum: sum, realm: req.Realm, msgType: req.MsgType, expires: req.Expires,
		signers: approvals, releasedBy: released,
	}, nil
}

// checkRequest judges what does not depend on any signature.
func (a *Authority) checkRequest(req *Request, now time.Time) (Rule, *RefusedError) {
	if a.Ring == nil || a.Policy == nil || !a.Realm.Valid() {
		return Rule{}, &RefusedError{Reason: ReasonNotConfigured}
	}
	if req.Realm != a.Realm {
		return Rule{}, &RefusedError{Reason: ReasonWrongRealm, Err: fmt.Errorf("the bulletin is for %.16q and this node for %q", string(req.Realm), string(a.Realm))}
	}
	if req.Message == nil {
		// The copy is what is verified and what is returned: the caller may reuse
		// its bytes meanwhile. One that is too long is not copied.
		req.Message = sshsig.NewMessage(req.Bytes[:min(len(req.Bytes), MaxBytes+1)])
	}
	rule, ok := a.Policy.Rule(req.MsgType, req.Prepared)
	if ok && req.Breakglass != nil {
		var refusal *RefusedError
		if rule, refusal = a.Policy.breakglassRule(req); refusal != nil {
			return Rule{}, refusal
		}
	}
	var err error
	switch {
	case !ok:
		err = fmt.Errorf("messages of type %.16q are not signed", string(req.MsgType))
	case req.Message.Len() == 0:
		err = errors.New("it has no bytes")
	case req.Message.Len() > MaxBytes:
		err = fmt.Errorf("it is longer than %d bytes", MaxBytes)
	case req.Expires.IsZero() && req.MsgType != alert.MsgCancel:
		err = errors.New("it does not say when the alert ends")
	case now.IsZero():
		err = errors.New("the time of day is not known")
	}
	if err != nil {
		return Rule{}, &RefusedError{Reason: ReasonBadRequest, Err: err}
	}
	if !req.Expires.IsZero() && !now.Before(req.Expires) {
		return Rule{}, &RefusedError{Reason: ReasonExpiredAlert, When: req.Expires}
	}
	return rule, nil
}

// weigh returns the signatures that count, in ledger order and each signer once,
// and at most maxCauses of those that do not.
func (a *Authority) weigh(req *Request, sum [sha256.Size]byte, rule Rule, sts []Statement, now time.Time) (approvals []Signer, causes []*RefusedError) {
	sts = slices.Clone(sts)
	slices.SortStableFunc(sts, func(x, y Statement) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Principal, y.Principal), cmp.Compare(x.Namespace, y.Namespace), bytes.Compare(x.Signature, y.Signature))
	})
	roles := rule.Roles()
	approved := map[repeated]bool{}
	for _, st := range sts {
		if approved[repeatOf(&st)] {
			continue // it adds nothing, and is not looked at again
		}
		s, refusal := a.checkStatement(req, sum, st, now)
		switch {
		case refusal != nil:
			causes = append(causes, refusal)
			if len(causes) > maxCauses {
				causes = causes[1:]
			}
		case slices.Contains(roles, s.Role):
			approved[repeatOf(&st)] = true
			if !slices.ContainsFunc(approvals, s.same) {
				approvals = append(approvals, s)
			}
		}
	}
	return approvals, causes
}

// same reports whether two signatures are by the same person in the same role with
// the same key, so that the second adds nothing.
func (s *Signer) same(o Signer) bool {
	return s.Principal == o.Principal && s.Role == o.Role && s.Fingerprint == o.Fingerprint
}

// checkStatement judges one signature: what is cheap first, then the arithmetic,
// then what the key attested.
func (a *Authority) checkStatement(req *Request, sum [sha256.Size]byte, st Statement, now time.Time) (Signer, *RefusedError) {
	role, realm, err := ParseNamespace(st.Namespace)
	key := ""
	refuse := func(reason Reason, err error) (Signer, *RefusedError) {
		e := refuseSignature(reason, err)
		e.Role, e.Principal, e.Namespace, e.Key = role, st.Principal, st.Namespace, key
		return Signer{}, e
	}
	switch {
	case err != nil:
		return refuse(ReasonWrongRole, err)
	case realm != a.Realm:
		return refuse(ReasonWrongRealm, nil)
	case st.At.IsZero():
		return refuse(ReasonNoTime, nil)
	case st.At.After(now.Add(maxAhead)):
		return refuse(ReasonClockDiffers, fmt.Errorf("signed at %s, and it is %s here", st.At.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
	}
	v, err := a.verified.parse(sum, st)
	if err != nil {
		return refuse(reasonOf(err), err)
	}
	s, refusal := a.Ring.check(v.bearer(), st.Principal, st.Namespace, st.At)
	if refusal != nil {
		refusal.Key = ssh.FingerprintSHA256(v.signature.Key())
		return Signer{}, refusal
	}
	key = s.Fingerprint
	s.Assertion, err = a.verified.verify(v, req.Message)
	if err != nil {
		return refuse(reasonOf(err), err)
	}
	if reason := a.Policy.hardware.check(s.Assertion); reason != "" {
		return refuse(reason, nil)
	}
	return *s, nil
}

// reasonOf classifies what sshsig refused.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, errOtherRealm):
		return ReasonWrongRealm
	case errors.Is(err, sshsig.ErrNamespace):
		return ReasonWrongRole
	case errors.Is(err, sshsig.ErrMalformed):
		return ReasonMalformed
	case errors.Is(err, sshsig.ErrUnsupported):
		return ReasonUnsupported
	case errors.Is(err, sshsig.ErrPresence):
		return ReasonNotTouched
	default:
		return ReasonBadSignature
	}
}
