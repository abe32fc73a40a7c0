package delivery

import (
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// A Halt is a refusal or a withdrawal of a bulletin that holds: whoever signed it might,
// when it came, and its text is of that bulletin.
type Halt struct {
	ledger.Halt

	Said   *bulletin.Halt
	Signer signing.Signer
}

// HaltOf returns a refusal or a withdrawal of the ledger as it is judged.
func HaltOf(h *ledger.Halt) signing.SignedHalt {
	kind := bulletin.Refusal
	if h.Type == ledger.Withdrawn {
		kind = bulletin.Withdrawal
	}
	return signing.SignedHalt{
		Statement: signing.Statement{Principal: h.Principal, Namespace: h.Namespace, Signature: []byte(h.Armor), At: h.At},
		Kind:      kind, Text: []byte(h.Text),
	}
}

// judgeHalts looks at the refusals and withdrawals that came since it was called last, as far
// as the versions of the key ring are known. The caller holds mu.
func (lib *library) judgeHalts(h *held, state *ledger.BulletinState) {
	for ; h.haltsJudged < len(state.Halts); h.haltsJudged++ {
		halt := state.Halts[h.haltsJudged]
		if halt.Seq > lib.ringsAt {
			return
		}
		if said, signer, err := lib.rings.At(halt.Seq).CheckHalt(h.b, HaltOf(&halt), halt.At); err == nil {
			h.halts = append(h.halts, Halt{Halt: halt, Said: said, Signer: signer})
		}
	}
}

// halted returns the refusal or withdrawal that keeps the bulletin from its release, nil for
// none: the first one that holds, where the bulletin was not released before it. What was
// released is for a correction or a revocation to stop. The caller holds the library's mu.
func (h *held) halted(r release) *Halt {
	if len(h.halts) == 0 || r.seq > 0 { // a release comes before the first halt, or not at all
		return nil
	}
	first := h.halts[0]
	return &first
}

// after reports whether the record at a sequence comes after a halt that holds.
func (h *held) after(seq int64) bool { return len(h.halts) > 0 && h.halts[0].Seq < seq }

// badHalts returns the refusals and withdrawals of a bulletin that do not hold, and were not
// refused yet.
func (s *Service) badHalts(p *place, refused map[int64]bool, about func(*ledger.BulletinState, string, string) fault) (faults []fault) {
	for i := range p.state.Halts[:min(p.haltsJudged, len(p.state.Halts))] { // the others come again
		halt := &p.state.Halts[i]
		if refused[halt.Seq] {
			continue
		}
		if _, _, why := s.Rings.At(halt.Seq).CheckHalt(p.held.b, HaltOf(halt), halt.At); why != nil {
			faults = append(faults, onSignature(about(p.state, ledger.ClassHalt, why.Error()), halt.Seq, halt.At, why))
		}
	}
	return faults
}
