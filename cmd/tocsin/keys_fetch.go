package main

// This file takes versions of the key ring out of the ledger, for auditors and for
// nodes that are set up later.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// fetchedRing is what keys fetch prints with --json.
type fetchedRing struct {
	Version int    `json:"version"`
	Folder  string `json:"folder"`
	Meta    string `json:"meta"`
	Record  int64  `json:"record"` // of the ledger that put it in force
}

func (p *program) keysFetchCommand() *cobra.Command {
	var w where
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fetch VERSION DIR -c FILE",
		Short: p.say("riprende dal registro la cartella di una versione", "takes the folder of a version out of the ledger"),
		Long: p.say("Scrive in CARTELLA, che non deve esistere, i file della versione con le loro firme: per un revisore (verify-ring.sh la accetta), o per un secondo nodo (keys.folder).\nUna cartella presa da qui non è una prova: confrontarne l'impronta meta con i responsabili.",
			"Writes the version's files with their signatures into DIR, which must not be there: for an auditor (verify-ring.sh accepts it), or for a second node (keys.folder).\nA folder taken from here is no proof: compare the digest of its meta with the managers."),
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			number, err := strconv.Atoi(a[0])
			if err != nil || number < 1 {
				return usage("keys fetch: version %q: write its number, such as 1", a[0])
			}
			if a[1] == "" {
				return usage("keys fetch: name the folder to make")
			}
			d, err := w.open(cmd.Context(), "tocsin keys fetch", nil, false)
			if err != nil {
				return err
			}
			defer d.Close()
			p.warn(cmd.Context(), d, true)
			v, record, err := d.fetchRing(cmd.Context(), number)
			if err != nil {
				return err
			}
			if err := writeRing(a[1], v); err != nil {
				return err
			}
			done := fetchedRing{number, a[1], hexSum(v.SHA256()), record}
			return p.report(asJSON, done, "Versione %d scritta in %s (meta %s, in vigore dalla voce %d).", "Version %d written into %s (meta %s, in force from record %d on).", number, a[1], done.Meta, record)
		},
	}
	w.flags(p, cmd)
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

// fetchRing returns a version that came into force, as the ledger keeps it, and the
// record that put it in force.
func (d *desk) fetchRing(ctx context.Context, number int) (*signing.Version, int64, error) {
	var records []ledger.RingState
	d.ledger.View(func(st *ledger.State) { records = slices.Clone(st.Rings) })
	var held []string
	for _, r := range records {
		// What does not come into force is in the ledger too.
		in := d.rings.VersionAt(r.Seq + 1)
		if in == nil || in.Meta.Version != r.Version || hexSum(in.SHA256()) != r.Meta {
			continue
		}
		if r.Version != number {
			held = append(held, strconv.Itoa(r.Version))
			continue
		}
		bundle, err := d.ledger.Blob(ctx, r.Folder)
		if err != nil {
			return nil, 0, fmt.Errorf("version %d of the key ring: %w", number, err)
		}
		v, err := signing.ParseVersion(bundle)
		if err != nil {
			return nil, 0, err
		}
		if v.SHA256() != in.SHA256() {
			return nil, 0, fmt.Errorf("version %d of the key ring: the bytes in the ledger are not those that its record names", number)
		}
		return v, r.Seq, nil
	}
	if len(held) == 0 {
		return nil, 0, both("nel registro non c'è nessuna versione del portachiavi", "the ledger holds no version of the key ring")
	}
	return nil, 0, both("nel registro non c'è la versione %d del portachiavi: ci sono %s", "the ledger does not hold version %d of the key ring: it holds %s", number, strings.Join(held, ", "))
}

// writeRing writes a version into a new folder. Meta comes last: where it is, the
// folder is whole.
func writeRing(dir string, v *signing.Version) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, signing.FolderSigs), 0o700); err != nil {
		return err
	}
	files := v.Files()
	meta := files[signing.FileMeta]
	delete(files, signing.FileMeta)
	for name, content := range files {
		if err := writeWhole(filepath.Join(dir, filepath.FromSlash(name)), content); err != nil {
			return err
		}
	}
	return writeWhole(filepath.Join(dir, signing.FileMeta), meta)
}
