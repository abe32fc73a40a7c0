package audit

import (
	"time"

	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// This file works out anew what a break-glass bulletin is judged by, from the records
// alone: it shares nothing with what nodes have worked out.

// circumstances returns what the ledger said of a break-glass bulletin where the record
// at before is taken for its release; nil for every other one.
func (v *Verifier) circumstances(p *bulletinProof, id string, before int64, others map[string]*bulletinProof) *signing.Circumstances {
	if p.bulletin.Breakglass == nil {
		return nil
	}
	c := &signing.Circumstances{Contacts: v.contacts(p, id)}
	// The bulletin in whose place it stands was handed in before it, and is proved already.
	if q := others[p.bulletin.Breakglass.InsteadOf]; q != nil && len(q.halts) > 0 && q.halts[0] < before {
		c.Halted = true
	}
	for other, a := range v.state.Alerts {
		for _, state := range a.Bulletins {
			q := others[state.SHA256]
			if q == nil || q == p || q.bulletin.Breakglass == nil || !signing.NearBreakglass(q.bulletin.Expires, p.bulletin.Expires) {
				continue
			}
			if seq, at := v.completed(q, other, state); seq > 0 && seq < before {
				c.Earlier = append(c.Earlier, at)
			}
		}
	}
	return c
}

// contacts returns the attempts that were recorded before the bulletin was handed in.
func (v *Verifier) contacts(p *bulletinProof, id string) (out []signing.Contact) {
	a := v.state.Alerts[id]
	own := a.Bulletin(p.bulletin.SHA256())
	for _, c := range a.Contacts {
		if state := a.Bulletin(c.SHA256); state != nil && c.Seq < own.Seq {
			out = append(out, signing.Contact{Record: c.Seq, At: c.At, Bulletin: c.SHA256, Number: state.Number, Way: c.Way, Whom: signing.Role(c.Whom)})
		}
	}
	return out
}

// completed returns the record with which a break-glass bulletin had its signatures, and
// when; 0 for none.
func (v *Verifier) completed(p *bulletinProof, id string, state *ledger.BulletinState) (int64, time.Time) {
	if p.completed >= 0 {
		return p.completed, p.completedAt
	}
	p.completed = 0
	request := p.asked()
	request.Circumstances = &signing.Circumstances{Contacts: v.contacts(p, id)}
	var statements []signing.Statement
	for _, st := range state.Statements {
		s := signing.Statement{Principal: st.Principal, Namespace: st.Namespace, Signature: []byte(st.Armor), At: st.At}
		if _, err := v.rings.At(st.Seq).CheckOne(request, s, st.At); err != nil {
			continue
		}
		statements = append(statements, s)
		if _, ok := v.rings.At(st.Seq).Completed(request, statements, st.At); ok {
			p.completed, p.completedAt = st.Seq, st.At
			break
		}
	}
	return p.completed, p.completedAt
}
