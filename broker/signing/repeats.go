package signing

// A repeated is what a signature is told by that is recorded more than once: whoever may write to
// the ledger can copy one as often as they like.
type repeated struct{ principal, namespace, signature string }

func repeatOf(st *Statement) repeated {
	return repeated{st.Principal, st.Namespace, string(st.Signature)}
}

// Repeats tells which of the signatures that hold, in the order of the ledger, stood there before:
// those that were not enough without it are not enough with it. The zero value has seen none. It is not for
// break-glass bulletins, of which the time of a record decides too.
type Repeats struct {
	in   *Authority
	seen map[repeated]bool
}

// Again reports whether the authority that judges the statement has judged the same one before, and notes it.
func (r *Repeats) Again(in *Authority, st *Statement) bool {
	if r.in != in || r.seen == nil {
		r.in, r.seen = in, map[repeated]bool{} // what held by another version may hold no longer
	}
	of := repeatOf(st)
	before := r.seen[of]
	r.seen[of] = true
	return before
}
