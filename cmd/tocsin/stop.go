package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/signing"
)

// A stop is what holds an alert in doubt, or revokes it.
type stop struct {
	p      *program
	where  where
	key    keyFlags
	kind   bulletin.Kind
	reason string // for the public; "" for what is prepared
	role   string // "" for the one that the key ring gives the key
	asJSON bool
}

func (p *program) correctCommand() *cobra.Command {
	s := &stop{p: p, kind: bulletin.Correction}
	return s.command(&cobra.Command{
		Use:   "correct ALERT -k KEY -c FILE",
		Short: p.say("dichiara un'allerta «in verifica» su tutti i canali, con una firma", "says on every channel that an alert is being verified, with one signature"),
		Long: p.say("Prende la rettifica che è già pronta dentro l'ultimo bollettino diffuso, la mostra, chiede, firma e consegna.\nChi ha firmato il bollettino ha firmato anche la rettifica: per diffonderla basta una firma.",
			"Takes the correction that is prepared inside the newest released bulletin, shows it, asks, signs and hands it in.\nWhoever signed the bulletin signed the correction too: one signature sends it."),
	})
}

func (p *program) ratifyCommand() *cobra.Command {
	s := &stop{p: p, kind: bulletin.Ratification}
	return s.command(&cobra.Command{
		Use:   "ratify ALERT -k KEY -c FILE",
		Short: p.say("ratifica un'emissione d'emergenza (referente di polizia)", "ratifies a break-glass release (police liaison)"),
		Long: p.say("Prende la ratifica che è già pronta dentro il bollettino d'emergenza diffuso, la mostra, chiede, firma e consegna.\nÈ lo stesso messaggio, per tutta la sua durata e senza la frase sull'unica autorità. Per fermarlo invece: tocsin correct o tocsin cancel.",
			"Takes the ratification that is prepared inside the released break-glass bulletin, shows it, asks, signs and hands it in.\nIt is the same message, for its whole time and without the sentence on one authority. To stop it instead: tocsin correct or tocsin cancel."),
	})
}

func (p *program) cancelCommand() *cobra.Command {
	s := &stop{p: p, kind: bulletin.Revocation}
	cmd := s.command(&cobra.Command{
		Use:   "cancel ALERT -k KEY -c FILE",
		Short: p.say("revoca un'allerta su tutti i canali, con una firma", "revokes an alert on every channel, with one signature"),
		Long: p.say(`Prende la revoca che è già pronta dentro l'ultimo bollettino diffuso, la mostra, chiede, firma e consegna.
Chi ha firmato il bollettino ha firmato anche la revoca: per diffonderla basta una firma.
Con --reason la revoca è composta adesso, con quelle parole: sono nuove, e le regole di firma chiedono le firme di un'allerta.
Per la fine di un evento non serve la revoca ma un aggiornamento (cessato allarme).`,
			`Takes the revocation that is prepared inside the newest released bulletin, shows it, asks, signs and hands it in.
Whoever signed the bulletin signed the revocation too: one signature sends it.
With --reason the revocation is composed now, with these words: they are new, and the policy asks for the signatures of an alert.
The end of an event is not a revocation but an update (all clear).`),
	})
	cmd.Flags().StringVar(&s.reason, "reason", "", p.say("perché, in parole per il pubblico; senza, si usa la revoca già pronta", "why, in words for the public; without it, the prepared revocation is used"))
	return cmd
}

func (s *stop) command(cmd *cobra.Command) *cobra.Command {
	cmd.Args = args(cobra.ExactArgs(1))
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if cmd.Flags().Changed("reason") && strings.TrimSpace(s.reason) == "" {
			return usage("cancel: --reason is empty: say why in words for the public, or leave it out to use the prepared revocation")
		}
		if s.role != "" && !slices.Contains(bulletinRoles(), s.role) {
			return badRole(s.verb(), s.role)
		}
		return s.run(cmd.Context(), a[0])
	}
	s.where.nodeFlags(s.p, cmd)
	s.key.flags(s.p, cmd)
	s.p.jsonFlag(cmd, &s.asJSON)
	cmd.Flags().StringVar(&s.role, "role", "", s.p.say("ruolo di chi firma; senza, quello che il portachiavi dà alla chiave", "role of the signer; without it, the one that the key ring gives the key"))
	return cmd
}

func (s *stop) run(ctx context.Context, name string) error {
	key, err := s.key.load(ctx, s.p)
	if err != nil {
		return err
	}
	d, err := s.where.open(ctx, "tocsin "+s.verb(), nil, true)
	if err != nil {
		return err
	}
	defer d.Close()
	b, newest, err := s.bulletin(ctx, d, name)
	if err != nil {
		return err
	}
	role := s.signsAs(d, b, key)
	if err := d.refuseVain(ctx, b, key, role, ""); err != nil {
		return err
	}
	bg := ofConfiguration(d.c)
	bg.previous = newest
	italian, english := "Stai per REVOCARE", "You are about to REVOKE"
	switch s.kind {
	case bulletin.Correction:
		italian, english = "Stai per dichiarare IN VERIFICA", "You are about to say that it is BEING VERIFIED"
	case bulletin.Ratification:
		italian, english = "Stai per RATIFICARE", "You are about to RATIFY"
	case bulletin.Revocation:
	}
	warnings, err := s.p.confirm(b, &s.key, bg, s.asJSON, italian, english)
	if err != nil {
		return err
	}
	armored, err := key.Sign(ctx, signing.Namespace(role, b.Realm), b.Bytes())
	if err != nil {
		return err
	}
	if err := d.hand(ctx, b, armored); err != nil {
		return err
	}
	done := d.handed(ctx, b)
	done.Warnings = warnings
	switch {
	case done.Unread != "":
		return s.p.reportUnread(s.asJSON, done, &s.where)
	case !done.Released && len(done.Missing) > 0:
		return s.p.report(s.asJSON, done, "Consegnato: allerta %s, bollettino %d. Manca ancora la firma di: %s. Ora: %s",
			"Handed in: alert %s, bulletin %d. Still missing the signature of: %s. Next: %s", b.Code, b.Number, s.p.roleWords(done.Missing), s.p.cosignLine(ctx, d, b, &s.where, s.asJSON))
	case s.kind == bulletin.Correction:
		return s.p.report(s.asJSON, done, "In verifica: allerta %s, bollettino %d. Per seguirla: tocsin status %s %s --watch",
			"Being verified: alert %s, bulletin %d. To follow it: tocsin status %s %s --watch", b.Code, b.Number, b.Code, s.where.hint())
	case s.kind == bulletin.Ratification:
		return s.p.report(s.asJSON, done, "Ratificata: allerta %s, bollettino %d, vale fino alle %s. Per seguirla: tocsin status %s %s --watch",
			"Ratified: alert %s, bulletin %d, it holds until %s. To follow it: tocsin status %s %s --watch", b.Code, b.Number, b.Expires.In(rome()).Format(clock), b.Code, s.where.hint())
	}
	return s.p.report(s.asJSON, done, "Revoca consegnata: allerta %s, bollettino %d. Per seguirla: tocsin status %s %s --watch", "Revocation handed in: alert %s, bulletin %d. To follow it: tocsin status %s %s --watch",
		b.Code, b.Number, b.Code, s.where.hint())
}

// verb is the command.
func (s *stop) verb() string {
	switch s.kind {
	case bulletin.Correction:
		return "correct"
	case bulletin.Ratification:
		return "ratify"
	case bulletin.Revocation:
	}
	return "cancel"
}

// bulletin returns what is to be signed: what is prepared inside the newest released
// bulletin of the alert, or a revocation in the words of the reason; and that newest
// bulletin.
func (s *stop) bulletin(ctx context.Context, d *desk, name string) (b, newest *bulletin.Bulletin, err error) {
	id, err := d.alert(name)
	if err != nil {
		return nil, nil, err
	}
	chain, err := d.releasedChain(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if len(chain) == 0 {
		return nil, nil, d.notReleased(ctx, id, s.kind)
	}
	newest = chain[len(chain)-1]
	if newest.Message.MsgType == alert.MsgCancel {
		return nil, nil, refusedError{both("l'allerta %s è già revocata, dal bollettino %d: vedere tocsin status", "alert %s is revoked already, by bulletin %d: see tocsin status", newest.Code, newest.Number)}
	}
	if s.reason != "" {
		if d.c == nil {
			return nil, nil, usage("cancel: name the node's configuration with -c")
		}
		b, err = cancelBulletin(newest, s.reason, d.c, time.Now())
		return b, newest, err
	}
	if b := newest.Prepared(s.kind); b != nil {
		return b, newest, nil
	}
	if s.kind == bulletin.Ratification {
		return nil, nil, both("il bollettino %d dell'allerta %s non è un'emissione d'emergenza: non c'è niente da ratificare", "bulletin %d of alert %s is no break-glass: there is nothing to ratify", newest.Number, newest.Code)
	}
	if s.kind == bulletin.Correction {
		return nil, nil, both("il bollettino %d dell'allerta %s non contiene una rettifica pronta (è già in verifica, o è stato scritto senza): usare tocsin cancel per revocare",
			"bulletin %d of alert %s holds no prepared correction (it is being verified already, or was written without): use tocsin cancel to revoke", newest.Number, newest.Code)
	}
	return nil, nil, both("il bollettino %d dell'allerta %s non contiene una revoca pronta: comporla adesso con tocsin cancel --reason",
		"bulletin %d of alert %s holds no prepared revocation: compose it now with tocsin cancel --reason", newest.Number, newest.Code)
}

// signsAs returns the role in which the key signs: the one that was asked for, or the
// first of those that count for the bulletin that the key ring gives the key.
func (s *stop) signsAs(d *desk, b *bulletin.Bulletin, key signing.Key) signing.Role {
	if s.role != "" {
		return signing.Role(s.role)
	}
	if rule, ok := d.authority.Policy.Rule(b.Message.MsgType, b.Kind); ok {
		if role, ok := d.roleAmong(rule.Roles(), key); ok {
			return role
		}
	}
	return signing.Officer // whom the key ring does not know is refused with a reason
}

// notReleased says why an alert can't be revoked, or put in doubt, that nobody has seen,
// and what to do instead.
func (d *desk) notReleased(ctx context.Context, id string, kind bulletin.Kind) error {
	all, err := d.waiting(ctx, id)
	switch {
	case err != nil && kind == bulletin.Correction:
		return both("l'allerta non è mai stata diffusa: non c'è niente da rettificare", "the alert was never released: there is nothing to correct")
	case err != nil && kind == bulletin.Ratification:
		return both("l'allerta non è mai stata diffusa: non c'è niente da ratificare", "the alert was never released: there is nothing to ratify")
	case err != nil:
		return both("l'allerta non è mai stata diffusa: non c'è niente da revocare", "the alert was never released: there is nothing to revoke")
	}
	var ends time.Time
	for _, b := range all {
		if b.Expires.After(ends) {
			ends = b.Expires
		}
	}
	nothing := both("non c'è niente da revocare", "there is nothing to revoke")
	switch kind {
	case bulletin.Correction:
		nothing = both("non c'è niente da rettificare", "there is nothing to correct")
	case bulletin.Ratification:
		nothing = both("non c'è niente da ratificare", "there is nothing to ratify")
	case bulletin.Revocation:
	}
	return both("l'allerta %s non è stata diffusa, aspetta ancora una firma: %v. Per fermarla: tocsin withdraw %s (chi l'ha proposta) o tocsin refuse %s (chi deve firmare), con --reason. Senza quella firma nessun canale la riceve, e dopo le %s nessuno può più firmarla",
		"alert %s was not released, it still waits for a signature: %w. To stop it: tocsin withdraw %s (whoever proposed it) or tocsin refuse %s (whoever is to sign), with --reason. Without that signature no channel gets it, and after %s nobody can sign it any more",
		all[0].Code, nothing, all[0].Code, all[0].Code, ends.In(rome()).Format(clock))
}
