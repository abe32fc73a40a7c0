package delivery

import (
	"context"
	"math"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// This file reads from the ledger what a break-glass bulletin is judged by: whether
// people tried to reach the others, and how many such bulletins there were.

// RequestOf returns a bulletin as it is judged now, with what the ledger says of one
// that is break-glass. It may or may not be in the ledger.
func RequestOf(ctx context.Context, l *ledger.Ledger, rings *signing.History, b *bulletin.Bulletin) (signing.Request, error) {
	lib := newLibrary(l, rings)
	lib.mu.Lock()
	defer lib.mu.Unlock()
	r := signing.RequestOf(b)
	if err := lib.takeRings(ctx); err != nil {
		return r, err
	}
	var err error
	r.Circumstances, err = lib.circumstances(ctx, b, math.MaxInt64)
	return r, err
}

// circumstances returns what the ledger says of a break-glass bulletin where the record
// at before is taken for its release; nil for every other bulletin. It is a function of
// the records before that one alone. The caller holds mu.
func (lib *library) circumstances(ctx context.Context, b *bulletin.Bulletin, before int64) (*signing.Circumstances, error) {
	if b.Breakglass == nil {
		return nil, nil //nolint:nilnil // there are none
	}
	c := &signing.Circumstances{Contacts: lib.contacts(b)}
	var err error
	if c.Halted, err = lib.ordinaryHalted(ctx, b, before); err != nil {
		return nil, err
	}
	var others []glass
	lib.ledger.View(func(st *ledger.State) {
		for id, a := range st.Alerts {
			for _, state := range a.Bulletins {
				if state.Breakglass && state.SHA256 != b.SHA256() && signing.NearBreakglass(state.Expires, b.Expires) {
					others = append(others, glass{id, *state})
				}
			}
		}
	})
	for i := range others {
		seq, at, err := lib.completed(ctx, &others[i])
		switch {
		case isVerdict(err): // it is never released
		case err != nil:
			return nil, err
		case seq > 0 && seq < before:
			c.Earlier = append(c.Earlier, at)
		}
	}
	return c, nil
}

// ordinaryHalted reports whether the bulletin in whose place b stands was refused or
// withdrawn before a record: whoever refused it was reached. The caller holds mu.
func (lib *library) ordinaryHalted(ctx context.Context, b *bulletin.Bulletin, before int64) (bool, error) {
	for _, state := range lib.states(string(b.Alert)) {
		if state.SHA256 != b.Breakglass.InsteadOf || len(state.Halts) == 0 {
			continue
		}
		h, err := lib.read(ctx, string(b.Alert), &state)
		if isVerdict(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		lib.judge(h, &state)
		return h.after(before), nil
	}
	return false, nil
}

// glass is a break-glass bulletin in the ledger.
type glass struct {
	alert string
	state ledger.BulletinState
}

// contacts returns the attempts that were recorded before the bulletin was handed in. The
// caller holds mu.
func (lib *library) contacts(b *bulletin.Bulletin) (out []signing.Contact) {
	lib.ledger.View(func(st *ledger.State) {
		a := st.Alerts[string(b.Alert)]
		if a == nil {
			return
		}
		handedIn := int64(math.MaxInt64)
		if state := a.Bulletin(b.SHA256()); state != nil {
			handedIn = state.Seq
		}
		for _, c := range a.Contacts {
			state := a.Bulletin(c.SHA256)
			if state == nil || c.Seq > handedIn {
				continue
			}
			out = append(out, signing.Contact{Record: c.Seq, At: c.At, Bulletin: c.SHA256, Number: state.Number, Way: c.Way, Whom: signing.Role(c.Whom)})
		}
	})
	return out
}

// completed returns the record with which another break-glass bulletin had its
// signatures, and when; 0 for none. Whether there were too many before it makes no
// difference: so nothing is counted in a circle. The caller holds mu.
func (lib *library) completed(ctx context.Context, g *glass) (int64, time.Time, error) {
	h, err := lib.read(ctx, g.alert, &g.state)
	if err != nil {
		return 0, time.Time{}, err
	}
	lib.judge(h, &g.state)
	if h.completed > 0 {
		return h.completed, h.completedAt, nil
	}
	request := h.request()
	request.Circumstances = &signing.Circumstances{Contacts: lib.contacts(h.b)}
	var statements []signing.Statement
	for i := range h.sound {
		st := &h.sound[i]
		statements = append(statements, StatementOf(st))
		if _, ok := lib.rings.At(st.Seq).Completed(request, statements, st.At); ok {
			h.completed, h.completedAt = st.Seq, st.At
			break
		}
	}
	return h.completed, h.completedAt, nil
}
