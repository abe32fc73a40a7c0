package audit

import (
	"strings"
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

// checkInstead finds where one organisation released another message than the one that the others were
// asked to sign. That is no rule of the release, which the message's event and channels bound; it is
// what those who look into it afterwards have to know.
func (v *Verifier) checkInstead(p *bulletinProof, others map[string]*bulletinProof) {
	if p.released == 0 || p.bulletin.Breakglass == nil {
		return
	}
	q := others[p.bulletin.Breakglass.InsteadOf]
	if q == nil {
		return // its record is there, or the release would not hold: that it can't be read is found elsewhere
	}
	if names := p.bulletin.Departures(q.bulletin); len(names) > 0 {
		v.find(p.released, "breakglass", "bulletin %s released by one organisation says something else than the one in whose place it stands, in: %s", p.bulletin.Mark(), strings.Join(names, ", "))
	}
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
