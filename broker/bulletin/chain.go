package bulletin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
)

// This file says which bulletins of an alert may follow each other. It is a pure
// function of the ledger's order, so that commands, nodes and auditors come to the
// same verdict.

// A Break is the way in which a bulletin does not fit its place in its alert.
type Break string

// The breaks. The zero value is none of them.
const (
	BreakFirst    Break = "first"    // none was released that it could follow
	BreakPassed   Break = "passed"   // one of this number or a later one was released
	BreakGlass    Break = "glass"    // the one of this number was released by break-glass
	BreakRevoked  Break = "revoked"  // the alert was revoked
	BreakPrevious Break = "previous" // it follows another bulletin than the newest one
	BreakPrepared Break = "prepared" // it says that it was prepared inside the newest one, and is not there
	BreakCode     Break = "code"     // it bears another alert code
	BreakSender   Break = "sender"   // its CAP sender is another one
	BreakExpired  Break = "expired"  // it was handed in after its time
	BreakTaken    Break = "taken"    // another alert bears its code
)

// A ChainError says why a bulletin can't take its place in its alert.
type ChainError struct {
	Break  Break
	Number int       // of the bulletin
	Newest int       // of the newest released bulletin; 0 for none
	Code   string    // the bulletin's
	When   time.Time // when it expired, for BreakExpired
}

// Error says what is wrong and what to do, in English.
func (e *ChainError) Error() string { return e.words(false) }

// Message says what is wrong and what to do, in Italian for "it" and its regions,
// else in English.
func (e *ChainError) Message(lang string) string {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	return e.words(base == "it")
}

func (e *ChainError) words(it bool) string {
	say := func(italian, english string, args ...any) string {
		if it {
			return fmt.Sprintf(italian, args...)
		}
		return fmt.Sprintf(english, args...)
	}
	switch e.Break {
	case BreakFirst:
		return say("questo è il bollettino %d di un'allerta di cui nessuno è stato diffuso: prima va diffuso il primo",
			"this is bulletin %d of an alert of which none was released: the first one must be released before it", e.Number)
	case BreakGlass:
		return say("superato dall'emissione d'emergenza, diffusa come bollettino %d: chi doveva firmarlo può ratificarla con tocsin ratify, o fermarla con tocsin correct o tocsin cancel",
			"overtaken by break-glass, released as bulletin %d: whoever was to sign may ratify it with tocsin ratify, or stop it with tocsin correct or tocsin cancel", e.Newest)
	case BreakPassed:
		return say("il bollettino %d di questa allerta è già stato diffuso: comporre il successivo a partire da quello",
			"bulletin %d of this alert was released already: compose the next one from it", e.Newest)
	case BreakRevoked:
		return say("il bollettino %d ha revocato questa allerta: dopo una revoca non segue più nulla; comporre un'allerta nuova",
			"bulletin %d revoked this alert, and nothing follows a revocation: compose a new alert", e.Newest)
	case BreakPrevious:
		return say("il bollettino %d non segue l'ultimo diffuso di questa allerta, il %d: comporlo a partire da quello",
			"bulletin %d does not follow the newest released one of this alert, which is %d: compose it from that one", e.Number, e.Newest)
	case BreakPrepared:
		return say("il bollettino %d non è fra quelli pronti dentro l'ultimo diffuso di questa allerta, il %d: usare tocsin correct o tocsin cancel, che lo prendono da lì",
			"bulletin %d is not among those that were prepared inside the newest released one of this alert, which is %d: use tocsin correct or tocsin cancel, which take it from there", e.Number, e.Newest)
	case BreakCode:
		return say("il bollettino %d porta il codice %s, che non è quello di questa allerta: comporlo a partire dal bollettino %d",
			"bulletin %d bears the code %s, which is not the one of this alert: compose it from bulletin %d", e.Number, e.Code, e.Newest)
	case BreakSender:
		return say("il bollettino %d ha un altro mittente CAP (sender) del bollettino %d: comporlo con il mittente di quello",
			"bulletin %d has another CAP sender than bulletin %d: compose it with the sender of that one", e.Number, e.Newest)
	case BreakExpired:
		return say("il bollettino %d è stato consegnato quando era già scaduto, il %s: comporne uno nuovo",
			"bulletin %d was handed in after it had expired, at %s: compose a new one", e.Number, e.When.UTC().Format("2006-01-02 15:04:05 UTC"))
	case BreakTaken:
		return say("il codice %s è già di un'altra allerta: comporre di nuovo, con un altro codice",
			"the code %s is another alert's already: compose again, which draws another code", e.Code)
	}
	return say("il bollettino %d non ha un posto in questa allerta", "bulletin %d has no place in this alert", e.Number)
}

// Follows returns nil where b may follow last, the newest released bulletin of its
// alert, nil for none; else a [*ChainError].
func (b *Bulletin) Follows(last *Bulletin) error {
	if e := b.follows(last); e != nil {
		return e
	}
	return nil
}

func (b *Bulletin) follows(last *Bulletin) *ChainError {
	if last == nil {
		if b.Number == 1 {
			return nil
		}
		return b.broken(BreakFirst, nil)
	}
	switch {
	case b.Number <= last.Number:
		if b.Number == last.Number && last.Breakglass != nil && b.Breakglass == nil {
			return b.broken(BreakGlass, last)
		}
		return b.broken(BreakPassed, last)
	case last.Message.MsgType == alert.MsgCancel:
		return b.broken(BreakRevoked, last)
	case b.Kind != "" && last.Prepared(b.Kind) == nil, b.Kind != "" && last.Prepared(b.Kind).sum != b.sum:
		return b.broken(BreakPrepared, last)
	case b.Kind == "" && b.Previous != last.sum:
		return b.broken(BreakPrevious, last)
	case b.Code != last.Code:
		return b.broken(BreakCode, last)
	case b.Message.Sender != last.Message.Sender:
		return b.broken(BreakSender, last)
	}
	return nil
}

func (b *Bulletin) broken(why Break, last *Bulletin) *ChainError {
	e := &ChainError{Break: why, Number: b.Number, Code: string(b.Code)}
	if last != nil {
		e.Newest = last.Number
	}
	if why == BreakExpired {
		e.When = b.Expires
	}
	return e
}

// A Place is a bulletin at its place in the ledger.
type Place struct {
	*Bulletin

	Seq      int64     // of the record that handed it in
	At       time.Time // when the broker took that record
	Released int64     // of the signature that completed what the policy asks for; 0 while it is missing
	// Taken is the record by which another alert with the same code was released
	// first; 0 for none. It counts for the first bulletin of an alert alone.
	Taken int64
	// Halted says that a refusal or a withdrawal of it took effect: it is never released,
	// and stands in nobody's way.
	Halted bool
}

// Chain returns which bulletins of one alert take effect, in the order of their
// release, and why others never will; both by their index. What is in neither may
// still be released, unless it is halted.
//
// A bulletin must follow the newest one that was released before it was handed in,
// and nothing else may be released between that and its own release.
func Chain(all []Place) (chain []int, refused map[int]*ChainError) {
	type event struct {
		seq     int64
		at      int
		release bool
	}
	var events []event
	for i, p := range all {
		if p.Halted {
			continue
		}
		events = append(events, event{seq: p.Seq, at: i})
		if p.Released > 0 {
			events = append(events, event{seq: p.Released, at: i, release: true})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.seq, b.seq) })
	refused = map[int]*ChainError{}
	var last *Bulletin
	for _, e := range events {
		p := &all[e.at]
		if refused[e.at] != nil {
			continue
		}
		if err := p.judge(last); err != nil {
			refused[e.at] = err
		} else if e.release {
			chain, last = append(chain, e.at), p.Bulletin
		}
	}
	for i := range all {
		if refused[i] == nil && !all[i].Halted && !slices.Contains(chain, i) {
			if err := all[i].judge(last); err != nil {
				refused[i] = err
			}
		}
	}
	return chain, refused
}

// judge returns why the bulletin can't be released after last.
func (p *Place) judge(last *Bulletin) *ChainError {
	switch {
	case p.Number == 1 && p.Taken > 0 && (p.Released == 0 || p.Taken < p.Released):
		return p.broken(BreakTaken, last)
	case !p.At.Before(p.Expires):
		return p.broken(BreakExpired, last)
	}
	return p.follows(last)
}
