package main

// This file writes an alert for an auditor who has no Tocsin.

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

func (p *program) auditExportCommand() *cobra.Command {
	var w where
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export ALERT DIR",
		Short: p.say("scrive un'allerta per chi la controlla senza Tocsin", "writes an alert for an auditor without Tocsin"),
		Long: p.say(`Scrive in CARTELLA, che non deve esistere o dev'essere vuota, tutto ciò che prova un'allerta: bollettini, firme, portachiavi e regole,
le sue voci del registro con le prove, l'ultimo sigillo, e verify-alert.sh. Chi controlla ha bisogno soltanto di OpenSSH e di una shell:
  sh CARTELLA/verify-alert.sh
La cartella contiene i nomi di chi ha firmato.`,
			`Writes into DIR, which must not exist or be empty, all that proves an alert: bulletins, signatures, key ring and policy,
its records of the ledger with their proofs, the newest checkpoint, and verify-alert.sh. The auditor needs OpenSSH and a shell, no more:
  sh DIR/verify-alert.sh
The folder holds the names of those who signed.`),
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := audit.CheckTarget(a[1]); err != nil {
				return exportTo(a[1], err)
			}
			export, err := p.exportAlert(cmd.Context(), &w, a[0], asJSON)
			if err != nil {
				return err
			}
			if err := export.Write(a[1]); err != nil {
				return exportTo(a[1], err)
			}
			if asJSON {
				return p.printJSON(struct {
					Folder string `json:"folder"`
					Script string `json:"script"`
					*audit.Export
				}{a[1], filepath.Join(a[1], "verify-alert.sh"), export})
			}
			p.writeExport(a[1], export)
			return nil
		},
	}
	w.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

// exportTo says what to do where an export can't be written.
func exportTo(dir string, err error) error {
	if errors.Is(err, audit.ErrNotEmpty) {
		return both("audit export: %s c'è già e non è una cartella vuota: scegliere un altro nome, niente viene sovrascritto",
			"audit export: %s is there already and not an empty folder: choose another name, nothing is overwritten", dir)
	}
	return fmt.Errorf("audit export: %w", err)
}

// exportAlert reads the ledger past an exporter of the alert that a person names.
func (p *program) exportAlert(ctx context.Context, w *where, name string, asJSON bool) (*audit.Export, error) {
	late := &lateObserver{}
	d, err := w.open(ctx, "tocsin audit", late.observe, false)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	id, err := d.alert(name)
	if err != nil {
		return nil, err
	}
	p.warn(ctx, d, asJSON)
	keys, err := d.keyFiles()
	if err != nil {
		return nil, err
	}
	rings, err := d.loadRings() // that has taken nothing yet
	if err != nil {
		return nil, err
	}
	x := audit.NewExporter(rings, keys, d.guard, id)
	var size int64
	d.ledger.View(func(s *ledger.State) { size = s.Seq })
	state := ledger.NewState()
	for _, e := range late.upTo(size) {
		x.Observe(e, state.Apply(e))
	}
	export, err := x.Finish(ctx, size, d.ledger.Blob)
	if errors.Is(err, audit.ErrKeyRing) {
		return nil, refusedError{both("audit export: niente è stato scritto, perché l'allerta sarebbe giudicata con un portachiavi che forse ammette chi era già revocato: %v",
			"audit export: nothing was written, since the alert would be judged by a key ring that may admit people who were revoked: %w", err)}
	}
	return export, err
}

// keyFiles returns the files of a key ring without versions; nothing for one with versions,
// which the ledger holds.
func (d *desk) keyFiles() (audit.Keys, error) {
	if d.rings.First() != nil {
		return audit.Keys{}, nil
	}
	k, err := readKeys(d.keysConfig())
	if err != nil {
		return k, err
	}
	ring, err := signing.ParseRing(d.keysConfig().Keys.Ring, k.Signers, k.Revoked)
	if err != nil {
		return k, err
	}
	policy, err := signing.ParsePolicy(k.Policy)
	if err != nil {
		return k, err
	}
	if ring.SHA256() != d.authority.Ring.SHA256() || policy.SHA256() != d.authority.Policy.SHA256() {
		return k, both("il portachiavi o le regole sono cambiati in questo momento: riprovare", "the key ring or the policy was changed at this moment: try again")
	}
	return k, nil
}

// writeExport says what was exported and what to do with it.
func (p *program) writeExport(dir string, e *audit.Export) {
	p.print("Esportata l'allerta %s (%s) in %s: voci %d, prove %d, firme %d", "Exported alert %s (%s) to %s: records %d, proofs %d, signatures %d",
		e.Code, p.realmWords(alert.Realm(e.Realm)), dir, e.Records, e.Proofs, e.Signatures)
	for _, b := range e.Bulletins {
		switch {
		case b.Missing:
			p.print("  bollettino %d: i suoi byte mancano (%s)", "  bulletin %d: its bytes are missing (%s)", b.Number, b.SHA256)
		case b.Released > 0:
			p.print("  bollettino %d: diffuso con la voce %d (%s)", "  bulletin %d: released by record %d (%s)", b.Number, b.Released, b.SHA256)
		case b.Halted > 0:
			p.print("  bollettino %d: rifiutato o ritirato con la voce %d, non diffuso (%s)", "  bulletin %d: refused or withdrawn by record %d, not released (%s)", b.Number, b.Halted, b.SHA256)
		default:
			p.print("  bollettino %d: non diffuso (%s)", "  bulletin %d: not released (%s)", b.Number, b.SHA256)
		}
	}
	if len(e.Unproven) > 0 {
		p.print("Voci senza prova, perché nessun sigillo le comprende: %d, dalla %d. Se il nodo è acceso, esportare di nuovo fra qualche secondo",
			"Records without proof, since no checkpoint covers them: %d, from %d on. Where the node runs, export again in some seconds", len(e.Unproven), e.Unproven[0])
	}
	p.print("Per controllare, anche su un'altra macchina: sh %s", "To check, also on another machine: sh %s", filepath.Join(dir, "verify-alert.sh"))
}
