package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/ledger"
)

func (p *program) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: p.say("prove per chi controlla: verifica del registro, cronologia, esportazione", "proofs for auditors: check of the ledger, timeline, export"),
		Args:  args(none),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.auditVerifyCommand(), p.auditTimelineCommand(), p.auditExportCommand())
	return cmd
}

func (p *program) auditVerifyCommand() *cobra.Command {
	var w where
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: p.say("controlla il registro intero", "checks the whole ledger"),
		Long: p.say("Rilegge ogni voce: nessuna manca, la radice dell'albero è ricalcolata e confrontata con l'ultimo sigillo, ogni firma è verificata,\nogni passo è ammesso, ogni post pubblico è coperto da un bollettino firmato prima.",
			"Reads every record again: none is missing, the tree's root is recomputed and compared with the newest checkpoint, every signature is verified,\nevery step is allowed, every public post is covered by a bulletin that was signed before it."),
		Args: args(none),
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := p.verifyLedger(cmd.Context(), &w)
			if err != nil {
				return err
			}
			if asJSON {
				err = p.printJSON(report)
			} else {
				p.writeReport(report)
			}
			if err == nil && !report.OK {
				err = refused("audit verify: the ledger does not hold: see the findings (%d)", len(report.Findings))
			}
			return err
		},
	}
	w.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

// verifyLedger reads the whole ledger past a verifier.
func (p *program) verifyLedger(ctx context.Context, w *where) (audit.Report, error) {
	var v *audit.Verifier
	late := &lateObserver{}
	d, err := w.open(ctx, "tocsin audit", late.observe, false)
	if err != nil {
		return audit.Report{}, err
	}
	defer d.Close()
	rings, err := d.loadRings() // that has taken nothing yet
	if err != nil {
		return audit.Report{}, err
	}
	v = audit.NewVerifier(rings, d.guard.Checkpoint())
	var size int64
	d.ledger.View(func(s *ledger.State) { size = s.Seq })
	for _, e := range late.upTo(size) {
		v.Observe(e, nil)
	}
	report, err := v.Finish(ctx, size, d.ledger.Blob)
	if err != nil {
		return audit.Report{}, err
	}
	if report.Untrusted = d.distrust(); report.Untrusted != "" && report.OK {
		// Such as a checkpoint that nobody has signed.
		report.OK, report.Findings = false, append(report.Findings, audit.Finding{Rule: "root", Text: report.Untrusted})
	}
	if audit.CheckpointLost(d.state) {
		report.OK, report.Findings = false, append(report.Findings, audit.Finding{
			Rule: "root", Text: "the folder holds no checkpoint, though it had one: whether the last records are missing can't be told; put it back from a copy of the folder",
		})
	}
	return report, nil
}

func (p *program) writeReport(r audit.Report) {
	if r.Untrusted != "" {
		p.print("ATTENZIONE: il registro non è affidabile: %s", "ATTENTION: the ledger is not to be trusted: %s", p.read(r.Untrusted))
	}
	if r.Root != "" {
		p.print("Registro %s: %d voci, radice %s", "Ledger %s: %d records, root %s", p.realmWords(alert.Realm(r.Realm)), r.Entries, r.Root)
	} else {
		p.print("Registro %s: %d voci, nessuna radice", "Ledger %s: %d records, no root", p.realmWords(alert.Realm(r.Realm)), r.Entries)
	}
	if r.Checkpoint != nil {
		p.print("Sigillo: %d voci, radice %s", "Checkpoint: %d records, root %s", r.Checkpoint.Size, r.Checkpoint.Root)
	} else {
		p.print("Nessun sigillo con cui confrontarlo", "No checkpoint to compare it with")
	}
	p.print("Allerte %d, bollettini %d, firme valide %d, voci del registro respinte %d, post pubblici %d, incroci di scritture %d",
		"Alerts %d, bulletins %d, valid signatures %d, refused %d, public posts %d, writers that met %d",
		r.Alerts, r.Bulletins, r.Signatures, r.Refused, r.Posts, r.Races)
	if r.Marks > 0 {
		p.print("Modifiche firmate di post già pubblici: %d", "Signed changes of posts that were public: %d", r.Marks)
	}
	if r.Halts > 0 {
		p.print("Rifiuti e ritiri firmati: %d, di cui senza effetto, perché il bollettino era già diffuso: %d", "Signed refusals and withdrawals: %d, of which without effect, since the bulletin was released already: %d", r.Halts, r.LateHalts)
	}
	if len(r.Missing) > 0 {
		var all []string
		for _, gap := range r.Missing {
			all = append(all, gap.String())
		}
		p.print("MANCANO VOCI o non si leggono: %s. Che cosa dicevano non si sa. Prima ce ne sono %d, tutte leggibili; di quelle dopo è giudicato ciò che non dipende dalle mancanti. Che cosa fare: docs/operations.md, Backup and restore",
			"RECORDS ARE MISSING or can't be read: %s. What they said is not known. Before them are %d, which can all be read; of those after them is judged what does not depend on the missing ones. What to do: docs/operations.md, Backup and restore",
			strings.Join(all, ", "), r.Missing[0].From-1)
	}
	if r.Breakglass > 0 {
		p.print("EMISSIONI D'EMERGENZA, di una sola organizzazione: %d; ognuna con le condizioni delle regole di firma", "BREAK-GLASS, by one organisation: %d; each one as the signing policy allows", r.Breakglass)
	}
	if r.Late > 0 {
		p.print("Firme fatte quando il portachiavi era scaduto: %d; ogni chiave era valida", "Signatures made when the key ring had expired: %d; each key was valid", r.Late)
	}
	if r.Unjudged > 0 {
		p.print("Voci che non si possono giudicare senza quelle che mancano: %d", "Records that can't be judged without those that are missing: %d", r.Unjudged)
	}
	if len(r.Refusals) > 0 {
		p.print("Rifiuti annotati, anche di ciò che i comandi non hanno consegnato: %d", "Refusals noted, also of what commands did not hand in: %d", len(r.Refusals))
	}
	for i, refusal := range r.Refusals {
		if i == maxShown {
			p.print("  … e altri %d rifiuti (--json)", "  … and %d more refusals (--json)", len(r.Refusals)-maxShown)
			break
		}
		writeLine(p.out, "  ", p.refusalWords(refusal.Record, refusal.Refers, refusal.Class, refusal.Reason))
	}
	if len(r.Uncounted) > 0 {
		p.print("Firme autentiche che non hanno contato: %d. Nessun errore del registro; chi firmò, e perché invano:", "Genuine signatures that counted for nothing: %d. No fault of the ledger; who signed, and why in vain:", len(r.Uncounted))
	}
	for i, u := range r.Uncounted {
		if i == maxShown {
			p.print("  … e altre %d firme (--json)", "  … and %d more signatures (--json)", len(r.Uncounted)-maxShown)
			break
		}
		writeLine(p.out, "  ", p.say("voce %d: %s come %s, allerta %s, bollettino %d: %s", "record %d: %s as %s, alert %s, bulletin %d: %s",
			u.Record, oneLine(u.Principal), u.Namespace, u.Code, u.Number, p.read(u.Reason)))
	}
	for _, seq := range r.Accepted {
		p.print("Voce %d: una persona ha accettato il registro senza il suo sigillo, che era andato perso: da lì in poi il sigillo vale, prima no",
			"Record %d: a person accepted the ledger without its checkpoint, which was lost: checkpoints speak for it from there on, not before", seq)
	}
	for _, a := range r.Altered {
		p.print("  voce %d: il canale %s mostra un TESTO DIVERSO da quello firmato (allerta %s, bollettino %d, parte %d): guardare il post e rettificare con tocsin correct %s",
			"  record %d: channel %s shows ANOTHER TEXT than was signed (alert %s, bulletin %d, part %d): look at the post, and correct it with tocsin correct %s",
			a.Record, a.Channel, a.Code, a.Number, a.Part, a.Code)
	}
	for _, f := range r.Findings {
		writeLine(p.out, "  ", fmt.Sprintf("%s %d (%s): %s", p.say("voce", "record"), f.Record, p.read(f.Rule), p.read(f.Text)))
	}
	switch {
	case r.OK && len(r.Altered) > 0:
		p.print("Il registro è in ordine. Post con un testo diverso da quello firmato: %d.", "The ledger is in order. Posts with another text than was signed: %d.", len(r.Altered))
	case r.OK:
		p.print("Tutto in ordine.", "All is in order.")
	}
}

// maxShown bounds the refusals that are shown to a person.
const maxShown = 100

// refusalWords says what the ledger holds of a refusal.
func (p *program) refusalWords(record, refers int64, class, reason string) string {
	if refers > 0 {
		return p.say("voce %d: respinta la voce %d: %s", "record %d: refused is record %d: %s", record, refers, p.reason(class, reason))
	}
	return p.say("voce %d: respinto: %s", "record %d: refused: %s", record, p.reason(class, reason))
}

func (p *program) auditTimelineCommand() *cobra.Command {
	var w where
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "timeline [ALERT]",
		Short: p.say("racconta un'allerta, voce per voce", "tells an alert, record by record"),
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			late := &lateObserver{}
			d, err := w.open(cmd.Context(), "tocsin audit", late.observe, false)
			if err != nil {
				return err
			}
			defer d.Close()
			var name string
			if len(a) > 0 {
				name = a[0]
			}
			p.warn(cmd.Context(), d, asJSON) // first: what is not found may be lost
			id, err := d.alert(name)
			if err != nil {
				return err
			}
			t := &audit.Timeline{Alert: id, Lang: p.lang, Zone: rome(), Reason: func(r *ledger.Record) string { return p.reason(r.Class, r.Reason) }}
			var size int64
			d.ledger.View(func(s *ledger.State) { size = s.Seq })
			state := ledger.NewState()
			for _, e := range late.upTo(size) {
				state.Pass(e.Seq - 1) // what is missing has been said
				t.Observe(e, state.Apply(e))
			}
			if asJSON {
				return p.printJSON(struct {
					Untrusted string       `json:"untrusted,omitempty"` // why the ledger is not to be trusted
					Alert     string       `json:"alert"`
					Lines     []audit.Line `json:"records"`
				}{d.distrust(), id, t.Lines})
			}
			var days calendar
			for _, l := range t.Lines {
				at := days.at(p.out, l.At)
				writeLine(p.out, "", fmt.Sprintf("%6d  %s  %s", l.Record, at, l.Text))
				writeLine(p.out, "        ", l.Who)
				if l.Void != "" {
					writeLine(p.out, "        ", p.say("senza effetto", "without effect")+": "+p.read(l.Void))
				}
			}
			return nil
		},
	}
	w.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

// lateObserver keeps the entries of a ledger for someone who can only be made when
// the ledger is open.
type lateObserver struct {
	mu      sync.Mutex
	entries []*ledger.Entry // ascending; there may be gaps
}

// observe takes the next entry; the ledger calls it from one goroutine.
func (o *lateObserver) observe(e *ledger.Entry, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entries = append(o.entries, e)
}

// upTo returns the entries up to the sequence, which the ledger has folded.
func (o *lateObserver) upTo(seq int64) []*ledger.Entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	after, _ := slices.BinarySearchFunc(o.entries, seq+1, func(e *ledger.Entry, seq int64) int { return cmp.Compare(e.Seq, seq) })
	return o.entries[:after]
}
