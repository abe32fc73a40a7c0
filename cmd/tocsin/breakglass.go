package main

// This file is for the night on which the liaison can't be reached: it records who was
// called, and composes the bulletin that one organisation may release by the policy.

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// contacted is what contact prints with --json.
type contacted struct {
	Alert    string    `json:"alert"`
	Code     string    `json:"code"`
	Bulletin string    `json:"bulletin"` // SHA-256 of the one that they were to sign
	Record   int64     `json:"record"`
	At       time.Time `json:"at"` // when the broker took the record
	Attempts int       `json:"attempts"`
	// Wanted and From say what the policy asks for before break-glass: how many attempts,
	// and from when on; absent where it never allows it.
	Wanted int       `json:"wanted,omitempty"`
	From   time.Time `json:"from,omitzero"`
}

func (p *program) contactCommand() *cobra.Command {
	var w where
	var sum, whom, way, result string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "contact ALERT --by WAY --result TEXT -c FILE",
		Short: p.say("registra un tentativo di chiamare chi deve controfirmare", "records an attempt to reach who is to co-sign"),
		Long: p.say(`Scrive nel registro, con l'ora del registro, che si è provato a raggiungere chi deve controfirmare un bollettino che aspetta.
Farlo mentre si chiama: l'attesa per l'emissione d'emergenza comincia dal primo tentativo.`,
			`Writes to the ledger, at the ledger's time, that somebody tried to reach who is to co-sign a bulletin that waits.
Do it while you call: the wait for break-glass begins with the first attempt.`),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			if err := checkSum(sum); err != nil {
				return err
			}
			if !slices.Contains(alert.Ways(), alert.Way(way)) {
				return usage("contact: --by %q: use one of %s", way, waysText())
			}
			if !slices.Contains(bulletinRoles(), whom) {
				return badRole("contact", whom)
			}
			result = strings.Join(strings.Fields(result), " ")
			if result == "" || utf8.RuneCountInString(result) > maxResult {
				return usage("contact: --result: say in one line what came of it, in %d characters at most", maxResult)
			}
			d, err := w.open(ctx, "tocsin contact", nil, true)
			if err != nil {
				return err
			}
			defer d.Close()
			b, err := d.ordinary(ctx, p, cmd.Name(), a[0], sum)
			if err != nil {
				return err
			}
			seq, err := d.ledger.Append(ctx, ledger.Record{
				Type: ledger.Contact, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Whom: whom, Way: alert.Way(way), Reason: result,
			})
			if err == nil {
				err = d.ledger.WaitApplied(ctx, seq)
			}
			if err != nil {
				return err
			}
			return p.reportContact(d, b, whom, seq, asJSON, &w)
		},
	}
	w.nodeFlags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&sum, "sha256", "", p.say("prime cifre (almeno %d) dello SHA-256 del bollettino", "first digits (at least %d) of the SHA-256 of the bulletin", leastSum))
	cmd.Flags().StringVar(&whom, "whom", string(signing.Police), p.say("ruolo di chi si è chiamato", "role of who was called"))
	cmd.Flags().StringVar(&way, "by", "", p.say("come: %s (telefono, radio, messaggio, di persona)", "how: %s", waysText()))
	cmd.Flags().StringVar(&result, "result", "", p.say("che cosa ne è stato, in una riga", "what came of it, in one line"))
	return cmd
}

// maxResult bounds what came of a contact, in characters.
const maxResult = 300

func waysText() string {
	var names []string
	for _, w := range alert.Ways() {
		names = append(names, string(w))
	}
	return strings.Join(names, ", ")
}

// ordinary returns the ordinary bulletin of an alert that waits for the co-signature:
// the one with the digest, or the only one.
func (d *desk) ordinary(ctx context.Context, p *program, verb, name, sum string) (*bulletin.Bulletin, error) {
	all, err := d.waiting(ctx, name)
	if err != nil {
		return nil, err
	}
	return p.choose(verb, all, sum, &keyFlags{yes: true}, true) // nobody is asked: at that hour a prefix is safer
}

// contacts returns the attempts that were recorded for a bulletin and count for
// break-glass, in the order of the ledger.
func (d *desk) contacts(b *bulletin.Bulletin) (out []bulletin.Contact) {
	rule, _ := d.authority.Policy.Rule(b.Message.MsgType, b.Kind)
	d.ledger.View(func(s *ledger.State) {
		for _, c := range s.Alerts[string(b.Alert)].Contacts {
			role := signing.Role(c.Whom)
			if c.SHA256 == b.SHA256() && role != signing.Officer && slices.Contains(rule.Roles(), role) && len(out) < bulletin.MaxContacts {
				out = append(out, bulletin.Contact{Record: c.Seq, At: c.At.UTC().Truncate(time.Second), Way: c.Way, Whom: c.Whom})
			}
		}
	})
	return out
}

// from returns from when on a break-glass bulletin in the place of b may be released, as
// far as the attempts say; false where they are too few, or it is not allowed.
func (d *desk) from(b *bulletin.Bulletin, rules *signing.BreakglassRules, contacts []bulletin.Contact) (time.Time, bool) {
	var codes [][]string
	for i := range b.Message.Infos {
		var of []string
		for _, c := range b.Message.Infos[i].EventCodes {
			of = append(of, c.Name+"/"+c.Value)
		}
		codes = append(codes, of)
	}
	wait, ok := rules.WaitFor(codes)
	if !ok || len(contacts) < rules.Attempts {
		return time.Time{}, false
	}
	return contacts[0].At.Add(wait).Add(time.Second), true // it was cut to the second
}

// reportContact says what an attempt that was recorded counts for, or that it counts for
// nothing.
func (p *program) reportContact(d *desk, b *bulletin.Bulletin, whom string, seq int64, asJSON bool, w *where) error {
	done := contacted{Alert: string(b.Alert), Code: string(b.Code), Bulletin: b.SHA256(), Record: seq}
	d.ledger.View(func(s *ledger.State) {
		for _, c := range s.Alerts[string(b.Alert)].Contacts {
			if c.Seq == seq {
				done.At = c.At
			}
		}
	})
	if done.At.IsZero() {
		return both("il tentativo è scritto (voce %d) e non conta: per questo bollettino ce ne sono già tanti quanti le persone non ne fanno, e chi ha la credenziale dei funzionari può averli scritti. Guardare tocsin status %s; poi ritirare il bollettino con tocsin withdraw, consegnarne uno nuovo e registrare lì i tentativi, e cambiare la credenziale",
			"the attempt is written (record %d) and does not count: this bulletin has as many already as people do not make, and whoever has the officers' credential may have written them. Look at tocsin status %s; then withdraw the bulletin with tocsin withdraw, hand in a new one and record the attempts there, and change the credential", seq, b.Code)
	}
	counted := d.contacts(b)
	done.Attempts = len(counted)
	if role := signing.Role(whom); !slices.ContainsFunc(counted, func(c bulletin.Contact) bool { return c.Record == seq }) {
		return p.report(asJSON, done, "Tentativo registrato alle %s (voce %d), ma NON CONTA per l'emissione d'emergenza: %s non è chi deve controfirmare, o i tentativi contati sono già quanti ne stanno in un bollettino. Tentativi che contano: %d.",
			"Attempt recorded at %s (record %d), but it DOES NOT COUNT for break-glass: %s is not who is to co-sign, or as many are counted as a bulletin holds. Attempts that count: %d.", done.At.In(rome()).Format(time.TimeOnly), seq, role.Title(p.lang), done.Attempts)
	}
	rules, ok := d.authority.Policy.Breakglass()
	if !ok {
		return p.report(asJSON, done, "Tentativo registrato alle %s (voce %d). Le regole di firma non ammettono l'emissione d'emergenza: serve la controfirma.",
			"Attempt recorded at %s (record %d). The signing policy does not allow break-glass: the co-signature is needed.", done.At.In(rome()).Format(time.TimeOnly), seq)
	}
	done.Wanted = rules.Attempts
	from, enough := d.from(b, &rules, counted)
	if !enough {
		return p.report(asJSON, done, "Tentativo registrato alle %s (voce %d): sono %d, per l'emissione d'emergenza ne servono almeno %d, per un evento che le regole di firma ammettono.",
			"Attempt recorded at %s (record %d): these are %d, break-glass needs at least %d, for an event that the signing policy allows.", done.At.In(rome()).Format(time.TimeOnly), seq, done.Attempts, done.Wanted)
	}
	done.From = from
	return p.report(asJSON, done, "Tentativo registrato alle %s (voce %d): sono %d su %d. L'emissione d'emergenza si può diffondere dalle %s.\nOra: tocsin breakglass %s --cause CAUSA --why PERCHÉ -o emergenza.bulletin %s",
		"Attempt recorded at %s (record %d): these are %d of %d. Break-glass may be released from %s.\nNext: tocsin breakglass %s --cause CAUSE --why WHY -o emergency.bulletin %s",
		done.At.In(rome()).Format(time.TimeOnly), seq, done.Attempts, done.Wanted, from.In(rome()).Format(time.TimeOnly), b.Code, w.hint())
}

// brokenGlass is what breakglass prints with --json.
type brokenGlass struct {
	composed

	InsteadOf string    `json:"instead_of"`
	Contacts  []int64   `json:"contacts"` // records on which it relies
	From      time.Time `json:"from"`     // from when on it may be released
	NotAfter  time.Time `json:"not_after"`
}

func (p *program) breakglassCommand() *cobra.Command {
	var w where
	var sum, cause, why, output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "breakglass ALERT --cause CAUSE --why TEXT -o FILE -c FILE",
		Short: p.say("scrive il bollettino d'emergenza, da firmare in due della stessa organizzazione", "writes the break-glass bulletin, to be signed by two of one organisation"),
		Long: p.say(`Quando la polizia non si raggiunge: compone di nuovo il bollettino che aspetta la controfirma come emissione d'emergenza, con i
tentativi di contatto che sono nel registro, per i canali e la durata che le regole di firma ammettono. Ogni testo dice che lo
emette una sola autorità. Lo firmano il funzionario di turno e un'altra persona della stessa organizzazione:
  tocsin sign FILE -k CHIAVE;  tocsin sign FILE -k CHIAVE --role breakglass;  tocsin publish FILE
CAUSA: unreachable (nessuno risponde), lines_down (non c'è modo di chiamare), sudden (il pericolo è già qui).`,
			`When the police can't be reached: composes the bulletin that waits for the co-signature once more as break-glass, with the
contact attempts that are in the ledger, for the channels and the time that the signing policy allows. Each text says that
one authority only issues it. The duty officer and another person of the same organisation sign it:
  tocsin sign FILE -k KEY;  tocsin sign FILE -k KEY --role breakglass;  tocsin publish FILE
CAUSE: unreachable (nobody answers), lines_down (there is no way to call), sudden (the danger is here already).`),
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			if err := checkSum(sum); err != nil {
				return err
			}
			if !slices.Contains(bulletin.Causes(), bulletin.Cause(cause)) {
				return usage("breakglass: --cause %q: use one of %s", cause, causesText())
			}
			if why = strings.Join(strings.Fields(why), " "); why == "" || output == "" {
				return usage("breakglass: --why (one line, it is signed) and -o are needed")
			}
			if err := checkNew(output); err != nil {
				return err
			}
			d, err := w.open(ctx, "tocsin breakglass", nil, true)
			if err != nil {
				return err
			}
			defer d.Close()
			ordinary, err := d.ordinary(ctx, p, cmd.Name(), a[0], sum)
			if err != nil {
				return err
			}
			b, done, err := d.breakGlass(ctx, ordinary, bulletin.Breakglass{Cause: bulletin.Cause(cause), Why: why})
			if err != nil && exitCode(err) == 3 {
				return d.reject(ctx, ordinary, ledger.ClassDraft, err)
			}
			if err != nil {
				return err
			}
			if err := writeNew(output, b.Bytes()); err != nil {
				return err
			}
			done.composed = composed{Alert: string(b.Alert), Code: string(b.Code), Number: b.Number, File: output, SHA256: b.SHA256(), Bytes: len(b.Bytes()), Expires: b.Expires}
			screen := p.out
			if asJSON {
				screen = p.err
			}
			p.leftOut(screen, b, "")
			return p.report(asJSON, done, "EMISSIONE D'EMERGENZA: bollettino %d dell'allerta %s scritto in %s. Vale fino alle %s; si può diffondere dalle %s.\nSHA-256 %s\nOra: tocsin sign %s -k CHIAVE, un collega tocsin sign %s -k CHIAVE --role breakglass, poi tocsin publish %s %s",
				"BREAK-GLASS: bulletin %d of alert %s written to %s. It holds until %s; it may be released from %s.\nSHA-256 %s\nNext: tocsin sign %s -k KEY, a colleague tocsin sign %s -k KEY --role breakglass, then tocsin publish %s %s",
				b.Number, b.Code, output, b.Expires.In(rome()).Format(time.TimeOnly), done.From.In(rome()).Format(time.TimeOnly), b.SHA256(), shellWord(output), shellWord(output), shellWord(output), w.hint())
		},
	}
	w.nodeFlags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&sum, "sha256", "", p.say("prime cifre (almeno %d) dello SHA-256 del bollettino ordinario", "first digits (at least %d) of the SHA-256 of the ordinary bulletin", leastSum))
	cmd.Flags().StringVar(&cause, "cause", "", p.say("causa: %s", "cause: %s", causesText()))
	cmd.Flags().StringVar(&why, "why", "", p.say("perché, in una riga: si firma anche questa", "why, in one line: it is signed too"))
	cmd.Flags().StringVarP(&output, "output", "o", "", p.say("dove scrivere il bollettino", "where to write the bulletin"))
	return cmd
}

func causesText() string {
	var names []string
	for _, c := range bulletin.Causes() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// breakGlass composes the break-glass bulletin in the place of an ordinary one, or says
// why it could never be released.
func (d *desk) breakGlass(ctx context.Context, ordinary *bulletin.Bulletin, why bulletin.Breakglass) (*bulletin.Bulletin, brokenGlass, error) {
	var done brokenGlass
	rules, ok := d.authority.Policy.Breakglass()
	switch {
	case !ok:
		return nil, done, &signing.RefusedError{Reason: signing.ReasonGlassNotAllowed}
	case d.c == nil:
		return nil, done, usage("breakglass: name the node's configuration with -c")
	}
	if why.Contacts = d.contacts(ordinary); len(why.Contacts) < rules.Attempts {
		return nil, done, &signing.RefusedError{Reason: signing.ReasonGlassContacts}
	}
	o, err := composeOptions(d.c, time.Now())
	if err != nil {
		return nil, done, err
	}
	b, err := compose.Breakglass(ordinary, why, compose.Glass{Life: rules.Life, Channels: rules.Channels}, o)
	if err != nil {
		return nil, done, refusedError{err}
	}
	request, err := d.request(ctx, b)
	if err != nil {
		return nil, done, err
	}
	// What is missing now are the signatures, and nothing else.
	_, err = d.authority.Authorize(request, nil, time.Now())
	if refusal, ok := errors.AsType[*signing.RefusedError](err); !ok || refusal.Reason != signing.ReasonMissingRole {
		return nil, done, err
	}
	for _, c := range why.Contacts {
		done.Contacts = append(done.Contacts, c.Record)
	}
	done.InsteadOf, done.NotAfter = ordinary.SHA256(), b.NotAfter
	done.From, _ = d.from(ordinary, &rules, why.Contacts)
	return b, done, nil
}
