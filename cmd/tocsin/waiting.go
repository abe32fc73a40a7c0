package main

// This file says where the bulletins of an alert stand on the way to their release, and
// lets the person who is to sign say which one is meant where several wait.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/review"
	"tocsin/broker/signing"
	"tocsin/templates/wording"
)

// A standing is where a bulletin stands on the way to its release. Scripts read it.
type standing string

const (
	standingUnknown    standing = ""           // it can't be judged here
	standingWaiting    standing = "waiting"    // for a signature, or for the bulletin before it
	standingReleased   standing = "released"   // it is the newest one that the channels get
	standingSuperseded standing = "superseded" // a newer bulletin of the alert was released
	standingRefused    standing = "refused"    // it is never released: by a node's verdict, or by a person's word
	standingWithdrawn  standing = "withdrawn"  // it is never released: a person took it back
	standingExpired    standing = "expired"    // its time ended before it had its signatures
)

// standingOf says where a bulletin stands, and of one that is not released what keeps
// it. newest is the number of the newest released bulletin of its alert.
func standingOf(a *signing.Authority, v delivery.Verdict, state *ledger.BulletinState, newest int, now time.Time) (standing, error) {
	switch {
	case v.Refused != nil:
		return standingRefused, v.Refused
	case v.Bulletin == nil:
		return standingUnknown, nil
	case v.Halt != nil && v.Halt.Said.Kind == bulletin.Withdrawal:
		return standingWithdrawn, halted(v.Bulletin, v.Halt)
	case v.Halt != nil:
		return standingRefused, halted(v.Bulletin, v.Halt)
	case v.Released && state.Number < newest:
		return standingSuperseded, nil
	case v.Released:
		return standingReleased, nil
	}
	_, err := a.Authorize(v.Request, delivery.Statements(state), now)
	refusal, ok := errors.AsType[*signing.RefusedError](err)
	switch {
	case err == nil, ok && refusal.Curable:
		return standingWaiting, err
	case ok && (refusal.Reason == signing.ReasonExpiredAlert || refusal.Reason == signing.ReasonReleaseTooLate):
		return standingExpired, err
	}
	return standingUnknown, err
}

// newestOf returns the number of the newest released bulletin, 0 for none.
func newestOf(verdicts map[string]delivery.Verdict) (newest int) {
	for _, v := range verdicts {
		if v.Released {
			newest = max(newest, v.Bulletin.Number)
		}
	}
	return newest
}

// missingRoles returns the roles that still have to sign, as a refusal has them.
func missingRoles(err error) []signing.Role {
	if refusal, ok := errors.AsType[*signing.RefusedError](err); ok {
		return refusal.Missing
	}
	return nil
}

// A waitingBulletin is one that a signature may still release as it is.
type waitingBulletin struct {
	*bulletin.Bulletin

	at      time.Time // when it was handed in
	signers []signing.Signer
}

// waiting returns the bulletins of the alert that a person names which have a signature
// and lack another, in ledger order, and at least one. Those without a signature count
// where no other waits, and a code names every alert that bears it: whoever may hand in
// must not hide what was signed.
func (d *desk) waiting(ctx context.Context, name string) ([]waitingBulletin, error) {
	id, err := d.alert(name)
	if err != nil {
		return nil, err
	}
	ids := []string{id}
	if name != id {
		d.ledger.View(func(s *ledger.State) {
			for _, other := range s.Codes[s.Alerts[id].Bulletins[0].Code] {
				if other != id {
					ids = append(ids, other)
				}
			}
		})
	}
	none := both("l'allerta %s non ha bollettini che aspettano una firma: vedere tocsin status", "alert %s has no bulletin that waits for a signature: see tocsin status", name)
	var signed, unsigned []waitingBulletin
	for _, id := range ids {
		all, why, err := d.waitingOf(ctx, id)
		if err != nil {
			return nil, err
		}
		if why != nil {
			none = why
		}
		for _, w := range all {
			if len(w.signers) > 0 {
				signed = append(signed, w)
			} else {
				unsigned = append(unsigned, w)
			}
		}
	}
	switch {
	case len(signed) > 0:
		return signed, nil
	case len(unsigned) > 0:
		return unsigned, nil
	}
	return nil, none
}

// waitingOf returns the bulletins of one alert that wait for a signature, and why the
// newest one does not, nil where nothing is to be said of it.
func (d *desk) waitingOf(ctx context.Context, id string) (all []waitingBulletin, none, err error) {
	verdicts, err := delivery.Judge(ctx, d.ledger, d.rings, id)
	if err != nil {
		return nil, nil, err
	}
	states := d.bulletinsOf(id)
	for _, v := range verdicts {
		if v.Released && v.Bulletin.Breakglass != nil && v.Bulletin.Number == newestOf(verdicts) {
			none = both("l'allerta %s è già uscita come emissione d'emergenza, il bollettino %d: per ratificarla tocsin ratify, per fermarla tocsin correct o tocsin cancel",
				"alert %s has gone out as break-glass, bulletin %d: to ratify it use tocsin ratify, to stop it tocsin correct or tocsin cancel", v.Bulletin.Code, v.Bulletin.Number)
		}
	}
	for i := range states {
		v := verdicts[states[i].SHA256]
		b := v.Bulletin
		switch s, why := standingOf(d.authority, v, &states[i], 0, time.Now()); {
		case v.Halt != nil:
			none = refusedError{why}
		case s == standingRefused || b == nil: // it waits for nothing, or came in this moment
		case why == nil:
			if none == nil {
				none = refusedError{signedAlready(b)}
			}
		case s != standingWaiting:
			none = why
		case b.Breakglass != nil: // two of one house sign it, and nobody co-signs it
		default:
			all = append(all, waitingBulletin{Bulletin: b, at: states[i].At, signers: d.signers(b, &states[i])})
		}
	}
	return all, none, nil
}

// bulletinsOf returns what the ledger holds of an alert's bulletins.
func (d *desk) bulletinsOf(id string) (states []ledger.BulletinState) {
	d.ledger.View(func(s *ledger.State) {
		for _, b := range s.Alerts[id].Bulletins {
			states = append(states, *b)
		}
	})
	return states
}

// signedAlready says that a bulletin waits for no signature.
func signedAlready(b *bulletin.Bulletin) error {
	return both("il bollettino %d dell'allerta %s ha già le sue firme: vedere tocsin status", "bulletin %d of alert %s has its signatures already: see tocsin status", b.Number, b.Code)
}

// settledNamed returns why the bulletin of an alert that the prefix of its SHA-256 names
// waits for no signature, nil where it waits, or is none.
func (d *desk) settledNamed(ctx context.Context, name, prefix string) (why error) {
	id, err := d.alert(name)
	if err != nil || prefix == "" {
		return err
	}
	verdicts, err := delivery.Judge(ctx, d.ledger, d.rings, id)
	if err != nil {
		return err
	}
	for _, state := range d.bulletinsOf(id) {
		if !strings.HasPrefix(state.SHA256, strings.ToLower(prefix)) {
			continue
		}
		v := verdicts[state.SHA256]
		switch stands, reason := standingOf(d.authority, v, &state, newestOf(verdicts), time.Now()); stands {
		case standingWaiting: // that one is meant
			return nil
		case standingReleased, standingSuperseded:
			why = refusedError{signedAlready(v.Bulletin)}
		case standingRefused, standingWithdrawn, standingExpired:
			why = refusedError{reason}
		case standingUnknown:
		}
	}
	return why
}

// signers returns who signed a bulletin with a signature that holds, each one once.
func (d *desk) signers(b *bulletin.Bulletin, state *ledger.BulletinState) (out []signing.Signer) {
	request := signing.RequestOf(b)
	for _, st := range delivery.Statements(state) {
		s, err := d.authority.CheckOne(request, st, st.At)
		if err == nil && !slices.ContainsFunc(out, func(o signing.Signer) bool { return o.Principal == s.Principal && o.Role == s.Role }) {
			out = append(out, s)
		}
	}
	return out
}

// shortSum is how much of a SHA-256 is shown where two bulletins are told apart, and
// leastSum how much of it names one, in hexadecimal digits.
const (
	shortSum = 12
	leastSum = 8
)

var sumForm = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// checkSum returns how --sha256 must be written where prefix is not.
func checkSum(prefix string) error {
	if prefix != "" && !sumForm.MatchString(strings.ToLower(prefix)) {
		return usage("--sha256 %q: write the first digits of the bulletin's SHA-256, %d at least", prefix, leastSum)
	}
	return nil
}

// choose returns the bulletin that a command is about: the one that prefix names by its
// SHA-256, or the only one that waits. Where several wait it shows them and asks, or
// refuses where nobody is to be asked: none is newer than another in what it means.
func (p *program) choose(verb string, all []waitingBulletin, prefix string, k *keyFlags, asJSON bool) (*bulletin.Bulletin, error) {
	if prefix == "" && len(all) == 1 {
		return all[0].Bulletin, nil
	}
	screen := p.out
	if asJSON || k.yes {
		screen = p.err
	}
	code := all[0].Code
	if prefix == "" {
		p.writeWaiting(screen, all)
		if !k.yes {
			fmt.Fprint(screen, p.say("Quale? Scrivi le prime %d cifre del suo SHA-256, o di più: ", "Which one? Type the first %d digits of its SHA-256, or more: ", leastSum))
			var err error
			prefix, err = p.line() // no answer is no choice
			fmt.Fprintln(screen)
			if errors.Is(err, context.Canceled) {
				return nil, errBrokenOff
			}
		}
		if prefix = strings.TrimSpace(prefix); prefix == "" {
			return nil, usageError{both("%s: %d bollettini dell'allerta %s aspettano una firma: dire quale con --sha256 PREFISSO; niente è stato firmato",
				"%s: %d bulletins of alert %s wait for a signature: say which one with --sha256 PREFIX; nothing was signed", verb, len(all), code)}
		}
		if err := checkSum(prefix); err != nil {
			return nil, err
		}
	}
	var meant []waitingBulletin
	for _, w := range all {
		if strings.HasPrefix(w.SHA256(), strings.ToLower(prefix)) {
			meant = append(meant, w)
		}
	}
	switch len(meant) {
	case 1:
		return meant[0].Bulletin, nil
	case 0:
		p.writeWaiting(p.err, all)
		return nil, both("%s: dell'allerta %s non aspetta nessun bollettino con uno SHA-256 che comincia con %s: confrontarlo con chi l'ha consegnato; niente è stato firmato",
			"%s: no bulletin of alert %s whose SHA-256 begins with %s waits: compare it with whoever handed it in; nothing was signed", verb, code, prefix)
	}
	return nil, usageError{both("%s: più bollettini dell'allerta %s hanno uno SHA-256 che comincia con %s: scriverne di più",
		"%s: several bulletins of alert %s have a SHA-256 that begins with %s: write more of it", verb, code, prefix)}
}

// writeWaiting lists bulletins that wait for a signature.
func (p *program) writeWaiting(w io.Writer, all []waitingBulletin) {
	if len(all) == 1 {
		fmt.Fprintln(w, p.say("Dell'allerta %s aspetta una firma un bollettino:", "One bulletin of alert %s waits for a signature:", all[0].Code))
	} else {
		fmt.Fprintln(w, p.say("Dell'allerta %s aspettano una firma %d bollettini:", "Of alert %s %d bulletins wait for a signature:", all[0].Code, len(all)))
	}
	for _, b := range all {
		who := p.say("nessuno", "nobody")
		if len(b.signers) > 0 {
			var names []string
			for _, s := range b.signers {
				names = append(names, fmt.Sprintf("%s (%s)", s.Principal, s.Role.Title(p.lang)))
			}
			who = strings.Join(names, ", ")
		}
		fmt.Fprintln(w, p.say("  bollettino %d (%s)  SHA-256 %s", "  bulletin %d (%s)  SHA-256 %s", b.Number, b.Message.MsgType, b.SHA256()[:shortSum]))
		for _, line := range []string{
			p.say("consegnato il %s, firmato da %s", "handed in on %s, signed by %s", b.at.In(rome()).Format(clock), who), headline(b.Bulletin), reasonOf(b.Bulletin),
		} {
			if line != "" {
				_ = review.WriteFolded(w, "    ", line) // the program's output remembers what it could not write
			}
		}
	}
}

// reasonOf returns why a bulletin revokes its alert, behind its label and in words of the
// person's own, "" for none: two revocations differ in nothing else that is read first.
func reasonOf(b *bulletin.Bulletin) string {
	if b.Message.MsgType != alert.MsgCancel {
		return ""
	}
	for i := range b.Message.Infos {
		info := &b.Message.Infos[i]
		label := wording.For(info.Language).Reason + " "
		if _, reason, found := strings.Cut(info.Description, "\n\n"+label); found {
			return label + reason
		}
	}
	return ""
}

// headline returns what the public reads first of a bulletin's message.
func headline(b *bulletin.Bulletin) string {
	for i := range b.Message.Infos {
		if info := &b.Message.Infos[i]; info.Headline != "" {
			return info.Headline
		} else if info.Event != "" {
			return info.Event
		}
	}
	return ""
}
