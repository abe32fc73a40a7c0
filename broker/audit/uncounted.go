package audit

import (
	"errors"
	"fmt"
	"slices"

	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/broker/signing/sshsig"
)

// An Uncounted is a signature that somebody did make on a bulletin, and that counted for
// nothing. The ledger is in order: whoever looks at it is to know that it was tried, and why it
// was in vain.
type Uncounted struct {
	Record    int64  `json:"record"`
	Alert     string `json:"alert"`
	Code      string `json:"code"`
	Number    int    `json:"number"` // of the bulletin
	Principal string `json:"principal"`
	Namespace string `json:"namespace"`
	Reason    string `json:"reason"`
}

// A heldSignature is a signature that held when it came.
type heldSignature struct {
	record    *ledger.Statement
	statement signing.Statement
}

// genuine reports whether a signature that is refused was made over the bulletin all the same, by
// the key that it bears and for the use that its record says: revoked, too late, or in a role
// that nobody asked for.
func (p *bulletinProof) genuine(st signing.Statement) bool {
	sig, err := sshsig.Parse(st.Signature)
	if err != nil || sig.Namespace() != st.Namespace {
		return false
	}
	_, err = sig.VerifyMessage(st.Namespace, p.message)
	return err == nil
}

// vain notes that a signature counted for nothing.
func (v *Verifier) vain(p *bulletinProof, st *ledger.Statement, reason string) {
	v.report.Uncounted = append(v.report.Uncounted, Uncounted{
		Record: st.Seq, Alert: string(p.bulletin.Alert), Code: string(p.bulletin.Code), Number: p.bulletin.Number,
		Principal: st.Principal, Namespace: st.Namespace, Reason: reason,
	})
}

// noteVain notes the signatures that held when they came and changed nothing: released is what
// released the bulletin, or nil, and refusal the record by which it was refused before, or 0.
func (v *Verifier) noteVain(p *bulletinProof, held []heldSignature, released *signing.Authorized, refusal int64) {
	if len(held) == 0 {
		return
	}
	request := p.asked()
	last := held[len(held)-1].record.Seq
	if released != nil {
		last = p.released
	}
	inForce := v.rings.At(last)
	var waits []heldSignature // what nothing stands against but the others
	for _, h := range held {
		st := h.record
		_, lapsed := inForce.CheckOne(request, h.statement, st.At)
		switch {
		case p.released > 0 && st.Seq > p.released:
			v.vain(p, st, "it came after the release, of which it changed nothing")
		case p.halted > 0 && st.Seq > p.halted:
			v.vain(p, st, fmt.Sprintf("it came after the bulletin was refused or withdrawn, by record %d", p.halted))
		case refusal > 0 && st.Seq > refusal:
			v.vain(p, st, fmt.Sprintf("it came after the bulletin was refused, by record %d, since it could not be read", refusal))
		case lapsed != nil:
			v.vain(p, st, fmt.Sprintf("it held when it came, and no longer when record %d came: %v", last, lapsed))
		case released == nil:
			waits = append(waits, h)
		case !slices.ContainsFunc(released.ReleasedBy(), h.is):
			v.vain(p, st, "the bulletin was released by the signatures of others: this one was of a person, a key or an organisation among them, or in a role in which one of them had signed")
		}
	}
	if len(waits) < 2 || p.halted > 0 {
		return
	}
	var statements []signing.Statement
	for _, h := range waits {
		statements = append(statements, h.statement)
	}
	_, err := inForce.Authorize(request, statements, waits[len(waits)-1].record.At)
	refused, ok := errors.AsType[*signing.RefusedError](err)
	if !ok || len(refused.Missing) > 0 {
		return // it waits for another one
	}
	for _, h := range waits[1:] {
		switch refused.Reason { //nolint:exhaustive // the others are no fault of the second signature
		case signing.ReasonSamePerson, signing.ReasonSameKey, signing.ReasonSameOrganisation, signing.ReasonOtherOrganisation:
			v.vain(p, h.record, refused.Error())
		}
	}
}

// is reports whether a signer is that of the signature.
func (h *heldSignature) is(s signing.Signer) bool {
	return s.Principal == h.statement.Principal && s.Namespace == h.statement.Namespace && s.At.Equal(h.statement.At)
}
