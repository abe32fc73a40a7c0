package signing

import (
	"slices"
	"time"
)

// release returns the signatures that first satisfied the rule, in ledger order.
// approvals are in ledger order, so that the first sufficient beginning of them
// ends with the signature that released the bulletin: later ones change nothing.
// lawful says why a bulletin may not be released at that moment, and is nil where the
// moment makes no difference; without a sufficient moment its first word is returned.
func release(rule Rule, approvals []Signer, apart func(a, b *Signer) bool, lawful func(at time.Time) *RefusedError) (chosen []Signer, why *RefusedError) {
	for n := 1; n <= len(approvals); n++ {
		chosen, ok := chooseWith(rule.slots(), approvals[:n], apart)
		if !ok {
			continue
		}
		slices.SortStableFunc(chosen, func(a, b Signer) int { return a.At.Compare(b.At) })
		if lawful == nil {
			return chosen, nil
		}
		refusal := lawful(chosen[len(chosen)-1].At)
		if refusal == nil {
			return chosen, nil
		}
		if why == nil {
			why = refusal
		}
	}
	return nil, why
}

// chooseWith is choose for a set that the newest signature is in: the moment of the
// others was looked at before.
func chooseWith(slots [][]Role, approvals []Signer, apart func(a, b *Signer) bool) ([]Signer, bool) {
	newest := &approvals[len(approvals)-1]
	var rest []Signer
	for i := range approvals[:len(approvals)-1] {
		if apart(newest, &approvals[i]) {
			rest = append(rest, approvals[i])
		}
	}
	for i, slot := range slots {
		if !slices.Contains(slot, newest.Role) {
			continue
		}
		if chosen, ok := choose(slices.Concat(slots[:i], slots[i+1:]), rest, apart); ok {
			return append(chosen, *newest), true
		}
	}
	return nil, false
}

// choose finds one signature for each slot so that all are apart from each other.
// It tries all combinations: slots are as many as roles at most, and signers as
// many as have signed one bulletin.
func choose(slots [][]Role, approvals []Signer, apart func(a, b *Signer) bool) ([]Signer, bool) {
	if len(slots) == 0 {
		return nil, true
	}
	for i := range approvals {
		s := &approvals[i]
		if !slices.Contains(slots[0], s.Role) {
			continue
		}
		var rest []Signer
		for j := range approvals {
			if j != i && apart(s, &approvals[j]) {
				rest = append(rest, approvals[j])
			}
		}
		if chosen, ok := choose(slots[1:], rest, apart); ok {
			return append(chosen, *s), true
		}
	}
	return nil, false
}

func otherPerson(a, b *Signer) bool { return a.Principal != b.Principal }

func otherKey(a, b *Signer) bool {
	return otherPerson(a, b) && a.Fingerprint != b.Fingerprint && bareKey(a.Key) != bareKey(b.Key)
}

// colleagues are two persons with two keys of one organisation.
func colleagues(a, b *Signer) bool { return otherKey(a, b) && a.Organisation == b.Organisation }

// strangers are two persons with two keys from two organisations.
func strangers(a, b *Signer) bool { return otherKey(a, b) && a.Organisation != b.Organisation }

// explain says why the approvals do not satisfy the rule.
func explain(req *Request, rule Rule, approvals []Signer, causes []*RefusedError, now time.Time) *RefusedError {
	e := &RefusedError{Reason: ReasonMissingRole, Curable: true, Causes: causes}
	if !req.NotAfter.IsZero() && now.After(req.NotAfter) {
		e.Reason, e.Curable, e.When = ReasonReleaseTooLate, false, req.NotAfter
		return e
	}
	for _, slot := range rule.slots() {
		if !slices.ContainsFunc(approvals, func(s Signer) bool { return slices.Contains(slot, s.Role) }) {
			e.Missing = append(e.Missing, slot...)
		}
	}
	if len(e.Missing) > 0 {
		return e.because(causes)
	}
	e.Reason = ReasonSameOrganisation
	if req.Breakglass != nil {
		e.Reason = ReasonOtherOrganisation
	}
	if _, ok := choose(rule.slots(), approvals, otherKey); !ok {
		e.Reason = ReasonSameKey
	}
	if _, ok := choose(rule.slots(), approvals, otherPerson); !ok {
		e.Reason = ReasonSamePerson
	}
	return e
}

// because gives the reason of the latest signature that was meant for a missing
// role and does not count: it is what its signer needs to hear.
func (e *RefusedError) because(causes []*RefusedError) *RefusedError {
	for _, c := range slices.Backward(causes) {
		if slices.Contains(e.Missing, c.Role) {
			e.Reason, e.Role, e.Principal, e.Namespace, e.When, e.Err = c.Reason, c.Role, c.Principal, c.Namespace, c.When, c.Err
			return e
		}
	}
	return e
}
