package main

// This file has the commands by which a person keeps a bulletin from its release.

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/review"
	"tocsin/broker/signing"
)

// A halting is a refusal or a withdrawal that a person is about to sign.
type halting struct {
	p      *program
	where  where
	key    keyFlags
	kind   bulletin.HaltKind
	reason string
	sum    string // prefix of the bulletin's SHA-256; "" for none
	role   string // "" for the one that the key ring gives the key
	asJSON bool
}

// haltedFile is what refuse and withdraw print with --json.
type haltedFile struct {
	Alert     string            `json:"alert"`
	Code      string            `json:"code"`
	Number    int               `json:"number"`
	SHA256    string            `json:"sha256"` // of the bulletin
	Kind      bulletin.HaltKind `json:"kind"`
	Principal string            `json:"principal"`
	Namespace string            `json:"namespace"`
	Key       string            `json:"key"`
	Reason    string            `json:"reason"`
	Record    int64             `json:"record"`
	// Warnings are those of the bulletin that the review showed, in English.
	Warnings []review.Warning `json:"warnings,omitempty"`
	// Unread is why it could not be read whether it took effect.
	Unread string `json:"unread,omitempty"`
}

func (p *program) refuseCommand() *cobra.Command {
	h := &halting{p: p, kind: bulletin.Refusal}
	return h.command(&cobra.Command{
		Use:   "refuse ALERT -k KEY -c FILE --reason TEXT",
		Short: p.say("rifiuta, con un motivo, il bollettino che aspetta una firma (referente di polizia, vice)", "says no, with a reason, to the bulletin that waits for a signature (police liaison, deputy)"),
		Long: p.say(`Mostra il bollettino come cosign, chiede, firma il rifiuto con il motivo e lo scrive nel registro: da lì in poi quel bollettino non si
diffonde più, chiunque lo firmi dopo. Chi lo ha proposto ne compone un altro. Se è già diffuso è tardi: servono tocsin correct o tocsin cancel.
ALLERTA è il codice allerta (SV-7F3K2), l'identificativo o il file del bollettino. Il motivo resta nel registro, con il nome di chi firma.`,
			`Shows the bulletin as cosign does, asks, signs the refusal with its reason and writes it into the ledger: from there on that bulletin is
never released, whoever signs it later. Whoever proposed it composes another one. Once it is released it is too late: use tocsin correct or tocsin cancel.
ALERT is the alert code (SV-7F3K2), the identifier or the bulletin's file. The reason stays in the ledger, with the name of whoever signs.`),
	})
}

func (p *program) withdrawCommand() *cobra.Command {
	h := &halting{p: p, kind: bulletin.Withdrawal}
	return h.command(&cobra.Command{
		Use:   "withdraw ALERT -k KEY -c FILE --reason TEXT",
		Short: p.say("ritira, con un motivo, un bollettino non ancora diffuso (funzionario di turno)", "takes back, with a reason, a bulletin that is not released yet (duty officer)"),
		Long: p.say(`Mostra il bollettino come cosign, chiede, firma il ritiro con il motivo e lo scrive nel registro: da lì in poi quel bollettino non si
diffonde più, chiunque lo firmi dopo. Al suo posto se ne compone un altro. Se è già diffuso è tardi: servono tocsin correct o tocsin cancel.
ALLERTA è il codice allerta (SV-7F3K2), l'identificativo o il file del bollettino. Il motivo resta nel registro, con il nome di chi firma.`,
			`Shows the bulletin as cosign does, asks, signs the withdrawal with its reason and writes it into the ledger: from there on that bulletin is
never released, whoever signs it later. Another one is composed in its place. Once it is released it is too late: use tocsin correct or tocsin cancel.
ALERT is the alert code (SV-7F3K2), the identifier or the bulletin's file. The reason stays in the ledger, with the name of whoever signs.`),
	})
}

func (h *halting) command(cmd *cobra.Command) *cobra.Command {
	cmd.Args = args(cobra.ExactArgs(1))
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if strings.TrimSpace(h.reason) == "" {
			return usage("%s: say why with --reason: who proposed the bulletin reads it, and it stays in the ledger", h.verb())
		}
		if h.role != "" && !slices.Contains(bulletinRoles(), h.role) {
			return badRole(h.verb(), h.role)
		}
		if err := checkSum(h.sum); err != nil {
			return err
		}
		return h.run(cmd.Context(), a[0])
	}
	h.where.nodeFlags(h.p, cmd)
	h.key.flags(h.p, cmd)
	h.p.jsonFlag(cmd, &h.asJSON)
	cmd.Flags().StringVar(&h.reason, "reason", "", h.p.say("perché, per chi ha proposto il bollettino e per il registro; può avere più righe", "why, for whoever proposed the bulletin and for the ledger; may have several lines"))
	cmd.Flags().StringVar(&h.sum, "sha256", "", h.p.say("prime cifre (almeno %d) dello SHA-256 del bollettino", "first digits (at least %d) of the SHA-256 of the bulletin", leastSum))
	cmd.Flags().StringVar(&h.role, "role", "", h.p.say("ruolo di chi firma; senza, quello che il portachiavi dà alla chiave", "role of the signer; without it, the one that the key ring gives the key"))
	return cmd
}

// verb is the command.
func (h *halting) verb() string {
	if h.kind == bulletin.Withdrawal {
		return "withdraw"
	}
	return "refuse"
}

func (h *halting) run(ctx context.Context, name string) error {
	p := h.p
	key, err := h.key.load(ctx, p)
	if err != nil {
		return err
	}
	if name, err = h.named(name); err != nil {
		return err
	}
	d, err := h.where.open(ctx, "tocsin "+h.verb(), nil, true)
	if err != nil {
		return err
	}
	defer d.Close()
	b, err := h.bulletin(ctx, d, name)
	if err != nil {
		return err
	}
	role := h.signsAs(d, key)
	if err := d.refuseVain(ctx, b, key, role, h.kind); err != nil {
		return err
	}
	principal, err := d.authority.PrincipalOf(key.PublicKey(), role)
	if err != nil {
		return d.reject(ctx, b, ledger.ClassHalt, err)
	}
	text, err := bulletin.NewHalt(h.kind, b, principal, h.reason, time.Now())
	if err != nil {
		return both("il motivo non va bene: %v: riscriverlo", "the reason can't stand like this: %w: write it anew", err)
	}
	bg := d.background(ctx, p, b)
	bg.statement = text
	italian, english := "Stai per RIFIUTARE", "You are about to REFUSE"
	if h.kind == bulletin.Withdrawal {
		italian, english = "Stai per RITIRARE", "You are about to WITHDRAW"
	}
	warnings, err := p.confirm(b, &h.key, bg, h.asJSON, italian, english)
	if err != nil {
		return err
	}
	r, seq, err := h.hand(ctx, d, b, key, text, role)
	if err != nil {
		return err
	}
	done := haltedFile{
		Alert: string(b.Alert), Code: string(b.Code), Number: b.Number, SHA256: b.SHA256(), Kind: h.kind, Principal: r.Principal, Namespace: r.Namespace,
		Key: r.Key, Reason: text.Reason, Record: seq, Warnings: warnings,
	}
	return h.tell(ctx, d, b, done)
}

// named returns the alert that a person names: by the file of the bulletin too, which is
// then the one that is meant.
func (h *halting) named(name string) (string, error) {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return name, nil //nolint:nilerr // it is no file's name
	}
	b, err := readBulletin(name, h.p.stdin)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(b.SHA256(), strings.ToLower(h.sum)) {
		return "", usage("%s: --sha256 %q and the file %s name different bulletins", h.verb(), h.sum, name)
	}
	h.sum = b.SHA256()
	return string(b.Alert), nil
}

// bulletin returns the bulletin that is meant: one that waits for a signature.
func (h *halting) bulletin(ctx context.Context, d *desk, name string) (*bulletin.Bulletin, error) {
	id, err := d.alert(name)
	if err != nil {
		return nil, err
	}
	all, err := d.waiting(ctx, name)
	meant := func(w waitingBulletin) bool { return strings.HasPrefix(w.SHA256(), strings.ToLower(h.sum)) }
	if err != nil || !slices.ContainsFunc(all, meant) {
		if why := d.decided(ctx, id, h.sum); why != nil {
			return nil, why
		}
	}
	if err != nil {
		return nil, err
	}
	b, err := h.p.choose(h.verb(), all, h.sum, &h.key, h.asJSON)
	if err == nil && b.Kind != "" {
		err = refusedError{both("il bollettino %d dell'allerta %s è uno di quelli pronti per fermarla, e non si rifiuta né si ritira: se non va diffuso, non firmarlo",
			"bulletin %d of alert %s is one of those that are prepared to stop it, and is neither refused nor withdrawn: if it is not to go out, do not sign it", b.Number, b.Code)}
	}
	return b, err
}

// signsAs returns the role in which the key signs: the one that was asked for, or the first
// of those that may do this that the key ring gives the key, or any that it gives it.
func (h *halting) signsAs(d *desk, key signing.Key) signing.Role {
	if h.role != "" {
		return signing.Role(h.role)
	}
	lines := d.authority.Ring.ByKey(key.PublicKey())
	for _, role := range d.authority.Policy.Halts(h.kind) {
		if slices.ContainsFunc(lines, func(l signing.Signer) bool { return l.Role == role }) {
			return role
		}
	}
	if len(lines) > 0 {
		return lines[0].Role
	}
	return d.authority.Policy.Halts(h.kind)[0] // whom the key ring does not know may have a certificate
}

// hand signs the text and puts it into the ledger, and returns the record and its sequence.
// What became of the bulletin while a person read it is looked at once more before.
func (h *halting) hand(ctx context.Context, d *desk, b *bulletin.Bulletin, key signing.Key, text *bulletin.Halt, role signing.Role) (r ledger.Record, seq int64, err error) {
	if err := d.decided(ctx, string(b.Alert), b.SHA256()); err != nil {
		return r, 0, err
	}
	namespace := signing.Namespace(role, b.Realm)
	armored, err := key.Sign(ctx, namespace, text.Bytes())
	if err != nil {
		return r, 0, err
	}
	st := signing.Statement{Principal: text.Principal, Namespace: namespace, Signature: trimmed(armored), At: time.Now()}
	_, signer, err := d.authority.CheckHalt(b, signing.SignedHalt{Statement: st, Kind: h.kind, Text: text.Bytes()}, st.At)
	if err != nil {
		return r, 0, d.reject(ctx, b, ledger.ClassHalt, err)
	}
	if err := d.roomFor(recordsRoom); err != nil {
		return r, 0, fmt.Errorf("%w; the signature was not handed in", err)
	}
	r = ledger.Record{
		Type: ledger.Refused, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: st.Principal, Namespace: st.Namespace,
		Key: signer.Fingerprint, Armor: string(st.Signature), Statement: string(text.Bytes()),
	}
	if h.kind == bulletin.Withdrawal {
		r.Type = ledger.Withdrawn
	}
	ctx, span := d.span(ctx, h.verb(), b)
	defer span.End()
	seq, err = d.ledger.Append(ctx, r)
	return r, seq, err
}

// tell says what became of the bulletin: a release may have come first.
func (h *halting) tell(ctx context.Context, d *desk, b *bulletin.Bulletin, done haltedFile) error {
	p := h.p
	ctx, cancel := context.WithTimeout(ctx, readBack)
	defer cancel()
	err := d.ledger.WaitApplied(ctx, done.Record)
	var verdicts map[string]delivery.Verdict
	if err == nil {
		verdicts, err = delivery.Judge(ctx, d.ledger, d.rings, string(b.Alert))
	}
	v := verdicts[b.SHA256()]
	switch {
	case err != nil:
		done.Unread = err.Error()
		return p.report(h.asJSON, done, "Registrato (allerta %s, bollettino %d, voce %d). Che cosa ne è seguito non è stato possibile leggerlo: guardare con tocsin status %s %s",
			"Recorded (alert %s, bulletin %d, record %d). What followed could not be read: look with tocsin status %s %s", b.Code, b.Number, done.Record, b.Code, h.where.hint())
	case v.Released:
		return refusedError{tooLate(b)}
	case v.Halt == nil:
		return refusedError{both("registrato alla voce %d, ma non vale: vedere tocsin status %s", "recorded as record %d, and it does not count: see tocsin status %s", done.Record, b.Code)}
	case h.kind == bulletin.Withdrawal:
		return p.report(h.asJSON, done, "Ritirato: il bollettino %d dell'allerta %s non si diffonde più, chiunque lo firmi. Al suo posto: tocsin compose. Per rileggere: tocsin status %s %s",
			"Withdrawn: bulletin %d of alert %s is never released, whoever signs it. In its place: tocsin compose. To read it again: tocsin status %s %s", b.Number, b.Code, b.Code, h.where.hint())
	}
	return p.report(h.asJSON, done, "Rifiutato: il bollettino %d dell'allerta %s non si diffonde più, chiunque lo firmi. Ora dirlo a chi lo ha proposto: ne compone un altro. Per rileggere: tocsin status %s %s",
		"Refused: bulletin %d of alert %s is never released, whoever signs it. Next, tell whoever proposed it, who composes another one. To read it again: tocsin status %s %s", b.Number, b.Code, b.Code, h.where.hint())
}

// decided returns why nothing is left to decide of the newest bulletin of an alert whose
// SHA-256 begins with the prefix, nil where there is: it was released, refused or withdrawn.
func (d *desk) decided(ctx context.Context, id, prefix string) (why error) {
	verdicts, err := delivery.Judge(ctx, d.ledger, d.rings, id)
	if err != nil {
		return err
	}
	var digests []string
	d.ledger.View(func(s *ledger.State) {
		for _, b := range s.Alerts[id].Bulletins {
			digests = append(digests, b.SHA256)
		}
	})
	for _, digest := range digests {
		switch v := verdicts[digest]; {
		case !strings.HasPrefix(digest, strings.ToLower(prefix)):
		case v.Released:
			why = refusedError{tooLate(v.Bulletin)}
		case v.Halt != nil:
			why = refusedError{halted(v.Bulletin, v.Halt)}
		}
	}
	return why
}

// tooLate says that a bulletin was released, and what stops it now.
func tooLate(b *bulletin.Bulletin) error {
	if b.Message.MsgType == alert.MsgCancel {
		return both("il bollettino %d ha revocato l'allerta %s ed è diffuso: non resta niente da fermare", "bulletin %d has revoked alert %s and is released: there is nothing left to stop", b.Number, b.Code)
	}
	return both("il bollettino %d dell'allerta %s è già diffuso: è tardi per rifiutarlo o ritirarlo. Per dirlo in verifica: tocsin correct %s; per revocarlo: tocsin cancel %s",
		"bulletin %d of alert %s is released already: it is too late to refuse or withdraw it. To say that it is being verified: tocsin correct %s; to revoke it: tocsin cancel %s", b.Number, b.Code, b.Code, b.Code)
}

// halted says that a bulletin was refused or withdrawn, by whom, when and why.
func halted(b *bulletin.Bulletin, h *delivery.Halt) error {
	why := strings.ReplaceAll(h.Said.Reason, "\n", " / ")
	if h.Said.Kind == bulletin.Withdrawal {
		return both("il bollettino %d dell'allerta %s è stato ritirato da %s il %s, e non si diffonde più: %q. Comporne un altro con tocsin compose",
			"bulletin %d of alert %s was withdrawn by %s on %s, and is never released: %q. Compose another one with tocsin compose", b.Number, b.Code, h.Principal, h.At.In(rome()).Format(clock), why)
	}
	return both("il bollettino %d dell'allerta %s è stato rifiutato da %s il %s, e non si diffonde più: %q. Comporne un altro con tocsin compose",
		"bulletin %d of alert %s was refused by %s on %s, and is never released: %q. Compose another one with tocsin compose", b.Number, b.Code, h.Principal, h.At.In(rome()).Format(clock), why)
}

// glassHalted says that the bulletin in whose place a break-glass bulletin stands was
// refused or withdrawn: whoever could be reached has answered.
func glassHalted(b *bulletin.Bulletin, h *delivery.Halt) error {
	why := strings.ReplaceAll(h.Said.Reason, "\n", " / ")
	if h.Said.Kind == bulletin.Withdrawal {
		return both("il bollettino ordinario dell'allerta %s è stato ritirato da %s il %s: %q. Al suo posto l'emissione d'emergenza non è più possibile: comporre un altro bollettino con tocsin compose",
			"the ordinary bulletin of alert %s was withdrawn by %s on %s: %q. In its place break-glass is not possible any more: compose another bulletin with tocsin compose", b.Code, h.Principal, h.At.In(rome()).Format(clock), why)
	}
	return both("il bollettino ordinario dell'allerta %s è stato rifiutato da %s il %s: %q. Al suo posto l'emissione d'emergenza non è più possibile: comporre un altro bollettino con tocsin compose",
		"the ordinary bulletin of alert %s was refused by %s on %s: %q. In its place break-glass is not possible any more: compose another bulletin with tocsin compose", b.Code, h.Principal, h.At.In(rome()).Format(clock), why)
}

// haltedBy returns who refused or withdrew a bulletin, or the one in whose place it stands,
// in words; nil where nobody did, or where that can't be read.
func (d *desk) haltedBy(ctx context.Context, b *bulletin.Bulletin) error {
	verdicts, err := delivery.Judge(ctx, d.ledger, d.rings, string(b.Alert))
	if err != nil {
		return nil //nolint:nilerr // whoever asks has another reason to say
	}
	if h := verdicts[b.SHA256()].Halt; h != nil {
		return refusedError{halted(b, h)}
	}
	if b.Breakglass != nil {
		if h := verdicts[b.Breakglass.InsteadOf].Halt; h != nil {
			return refusedError{glassHalted(b, h)}
		}
	}
	return nil
}

// haltStatus is a refusal or a withdrawal, for people and scripts.
type haltStatus struct {
	Kind      bulletin.HaltKind `json:"kind"`
	Principal string            `json:"principal"`
	Role      string            `json:"role"`
	Namespace string            `json:"namespace"`
	Key       string            `json:"key"`
	At        time.Time         `json:"at"`               // when the broker took it
	Record    int64             `json:"record"`           // its sequence in the ledger
	Reason    string            `json:"reason,omitempty"` // in the words of whoever signed
	// Refused says why it does not hold; empty for one that does.
	Refused string `json:"refused,omitempty"`
}

func haltStatusOf(h *ledger.Halt) haltStatus {
	role, _, _ := strings.Cut(h.Namespace, "@")
	s := haltStatus{Kind: delivery.HaltOf(h).Kind, Principal: h.Principal, Role: role, Namespace: h.Namespace, Key: h.Key, At: h.At, Record: h.Seq}
	if said, err := bulletin.ParseHalt([]byte(h.Text)); err == nil {
		s.Reason = said.Reason
	}
	return s
}

// halt adds the refusals and withdrawals of a bulletin: the one by which it is never released,
// those that came too late, and those that do not hold.
func (b *bulletinStatus) halt(state *ledger.BulletinState, a *signing.Authority, v delivery.Verdict) {
	for i := range state.Halts {
		h := &state.Halts[i]
		shown := haltStatusOf(h)
		sound := slices.ContainsFunc(v.Halts, func(s delivery.Halt) bool { return s.Seq == h.Seq })
		switch {
		case v.Halt != nil && v.Halt.Seq == h.Seq:
			b.Halt = &shown
		case sound:
			b.LateHalts = append(b.LateHalts, shown)
		case len(b.RefusedHalts) < maxRefusedSignatures:
			why := errNotChecked
			if v.Bulletin != nil {
				_, _, why = a.CheckHalt(v.Bulletin, delivery.HaltOf(h), h.At)
			}
			if why != nil { // it came after the verdict, and the next look has it
				shown.Refused = why.Error()
				b.RefusedHalts = append(b.RefusedHalts, shown)
			}
		}
	}
}

// haltWords says who refused or withdrew a bulletin, when and why, the reason below, line by
// line.
func (p *program) haltWords(h *haltStatus) string {
	who := p.say("RIFIUTATO da %s (%s) il %s, voce %d; non si diffonde:", "REFUSED by %s (%s) on %s, record %d; it is not released:",
		oneLine(h.Principal), signing.Role(h.Role).Title(p.lang), h.At.In(rome()).Format(clock), h.Record)
	if h.Kind == bulletin.Withdrawal {
		who = p.say("RITIRATO da %s (%s) il %s, voce %d; non si diffonde:", "WITHDRAWN by %s (%s) on %s, record %d; it is not released:",
			oneLine(h.Principal), signing.Role(h.Role).Title(p.lang), h.At.In(rome()).Format(clock), h.Record)
	}
	return who + "\n    │ " + strings.ReplaceAll(h.Reason, "\n", "\n    │ ")
}

// writeHalts tells the refusals and withdrawals of a bulletin.
func (p *program) writeHalts(b *bulletinStatus) (lines []string) {
	if b.Halt != nil {
		lines = append(lines, "  "+p.haltWords(b.Halt))
	}
	kind := func(h *haltStatus) string {
		if h.Kind == bulletin.Withdrawal {
			return p.say("ritiro", "withdrawal")
		}
		return p.say("rifiuto", "refusal")
	}
	for i := range b.LateHalts {
		h := &b.LateHalts[i]
		why := p.say("è arrivato dopo la diffusione: usare tocsin correct o tocsin cancel", "it came after the release: use tocsin correct or tocsin cancel")
		if b.Halt != nil {
			why = p.say("il bollettino era già fermo", "the bulletin was stopped already")
		}
		lines = append(lines, p.say("    %s SENZA EFFETTO: %s (%s), voce %d: %s", "    %s WITHOUT EFFECT: %s (%s), record %d: %s",
			kind(h), oneLine(h.Principal), signing.Role(h.Role).Title(p.lang), h.Record, why), "    │ "+strings.ReplaceAll(h.Reason, "\n", "\n    │ "))
	}
	for i := range b.RefusedHalts[:min(shownRefused, len(b.RefusedHalts))] {
		h := &b.RefusedHalts[i]
		lines = append(lines, p.say("    %s RESPINTO, non vale: %s (%s), voce %d: %s", "    %s REFUSED, it does not count: %s (%s), record %d: %s",
			kind(h), oneLine(h.Principal), signing.Role(h.Role).Title(p.lang), h.Record, oneLine(p.read(h.Refused))))
	}
	if more := len(b.RefusedHalts) - shownRefused; more > 0 {
		lines = append(lines, p.say("    e altri %d rifiuti o ritiri respinti: tutti in --json", "    and %d more refused refusals or withdrawals: all of them are in --json", more))
	}
	return lines
}
