package main

// This file makes version 1 of the key ring in the folder of a new node, and what
// explains that folder to whoever opens it.

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/signing"
)

// Where the key ring of a fresh folder lies, and the keys of those who manage it.
const (
	firstFolder    = "keys/1"
	managersFolder = "keys/managers"
)

// firstThreshold is how many of the three managers of a fresh folder must sign: each
// of them may be away, or lose their key, without locking the others out.
const firstThreshold = 2

//go:embed leggimi.md.tmpl
var folderReadme string

// A keyHolder is a person for whom init makes a key.
type keyHolder struct {
	role      signing.Role
	file      string // in the folder of the node
	principal string
}

// managers are of three organisations, so that any two of them make the two
// organisations that a version needs.
func (f fresh) managers() []keyHolder {
	name, office := "responsabile.demo", "protezionecivile.provincia.example"
	if f.Realm == alert.RealmLive {
		name, office = "responsabile", "protezionecivile.savona.example"
	}
	return []keyHolder{
		{signing.Keyring, managersFolder + "/protezione-civile", name + "@" + office},
		{signing.Keyring, managersFolder + "/questura", name + "@questura.example"},
		{signing.Keyring, managersFolder + "/prefettura", name + "@prefettura.example"},
	}
}

// signers are the trial people of an exercise; on a live node people enrol with keys
// of their own.
func (f fresh) signers() []keyHolder {
	if f.Realm == alert.RealmLive {
		return nil
	}
	return []keyHolder{
		{signing.Officer, "keys/officer", "funzionario.demo@protezionecivile.provincia.example"},
		{signing.Police, "keys/police", "referente.demo@questura.example"},
	}
}

// enrol makes a key for each of them and returns their lines of a key ring.
func (f fresh) enrol(dir string, people []keyHolder, from, until time.Time) ([]byte, error) {
	var lines bytes.Buffer
	comment := "chiave di prova"
	if f.Realm == alert.RealmLive {
		comment = "chiave fatta da tocsin init, da sostituire"
	}
	for _, who := range people {
		key, err := signing.GenerateKeyFile(filepath.Join(dir, who.file), who.principal, rand.Reader)
		if err != nil {
			return nil, err
		}
		line, err := signing.RingLine(who.principal, who.role, []alert.Realm{f.Realm}, from, until, key, comment)
		if err != nil {
			return nil, err
		}
		lines.WriteString(line + "\n")
	}
	return lines.Bytes(), nil
}

// ring writes version 1 of the key ring: for an exercise with its trial people, and
// signed by all managers; for a live node a draft without people, which nobody can
// have signed yet. Meta comes last: where it is, the version is whole.
func (f fresh) ring(ctx context.Context, dir string, now time.Time) error {
	for _, sub := range []string{managersFolder, firstFolder + "/" + signing.FolderSigs} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	from := now.UTC().Truncate(time.Second).Add(-time.Minute)
	root, err := f.enrol(dir, f.managers(), from, from.Add(ringLife))
	if err != nil {
		return err
	}
	signers, err := f.enrol(dir, f.signers(), from, from.Add(demoKeyLife))
	if err != nil {
		return err
	}
	c := signing.Contents{
		Root: append([]byte(rootHead), root...), Signers: append([]byte(signersHead), signers...), Revoked: []byte(revokedHead), Policy: signing.DefaultPolicy(),
	}
	files := map[string][]byte{signing.FileRoot: c.Root, signing.FileSigners: c.Signers, signing.FileRevoked: c.Revoked, signing.FilePolicy: c.Policy}
	if f.Realm == alert.RealmExercise {
		if files, err = f.signedRing(ctx, dir, c, from.Add(ringLife)); err != nil {
			return err
		}
	}
	meta := files[signing.FileMeta]
	delete(files, signing.FileMeta)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, firstFolder, name), content, 0o600); err != nil {
			return err
		}
	}
	if meta == nil {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, firstFolder, signing.FileMeta), meta, 0o600)
}

// signedRing returns the files of a version that all managers have signed.
func (f fresh) signedRing(ctx context.Context, dir string, c signing.Contents, expires time.Time) (map[string][]byte, error) {
	v, err := signing.Seal(signing.Meta{Version: 1, Threshold: firstThreshold, Expires: expires}, c)
	if err != nil {
		return nil, err
	}
	files := v.Files()
	for _, who := range f.managers() {
		key, err := signing.LoadKey(ctx, filepath.Join(dir, who.file), signing.KeyOptions{})
		if err != nil {
			return nil, err
		}
		armored, err := key.Sign(ctx, signing.Namespace(signing.Keyring, f.Realm), files[signing.FileMeta])
		if err != nil {
			return nil, err
		}
		files[signing.FolderSigs+"/"+who.principal+".sig"] = armored
	}
	return files, nil
}

// readme returns the files that explain the folder.
func (f fresh) readme() (map[string][]byte, error) {
	t, err := template.New("LEGGIMI.md").Parse(folderReadme)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, f); err != nil {
		return nil, err
	}
	return map[string][]byte{"LEGGIMI.md": text.Bytes(), managersFolder + "/LEGGIMI.txt": []byte(managersNote)}, nil
}

// tellManagers says what is to be done with the managers' keys.
func (p *program) tellManagers(dir string) {
	p.print("Le chiavi dei responsabili del portachiavi sono in %s: portarle via da questa macchina prima dell'uso vero.",
		"The keys of the key ring's managers are in %s: take them off this machine before real use.", filepath.Join(dir, managersFolder))
}

// isDraft reports whether a folder holds a first version that nobody has signed yet:
// it may still be edited where it lies.
func isDraft(dir string) (bool, error) {
	if _, err := os.Stat(filepath.Join(dir, signing.FileRoot)); err != nil {
		return false, nil //nolint:nilerr // then it is no version at all, which reading it says
	}
	sigs, err := os.ReadDir(filepath.Join(dir, signing.FolderSigs))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("key ring %s: %w", dir, err)
	}
	return len(sigs) == 0, nil
}

// revokedHead explains the list of revoked keys to whoever opens it.
const revokedHead = `# Chiavi pubbliche che non valgono più, una per riga.
# Public keys that are never accepted any more, one on a line.
`

// signersHead explains the file signers.
const signersHead = `# Chi può firmare, in quale ruolo, con quale chiave, per quanto tempo.
# Formato allowed_signers di OpenSSH (ssh-keygen(1)), letto con rigore: una riga che non si capisce ferma il nodo.
# Ogni riga: nome@organizzazione namespaces="RUOLO@tocsin,RUOLO@exercise.tocsin",valid-after="…Z",valid-before="…Z" chiave pubblica
# Ruoli: officer (funzionario di turno), police (referente di polizia). Le due firme vengono da organizzazioni diverse.
# Questo file è firmato dai responsabili (root, meta, sigs): si cambia con tocsin keys add, expire, revoke, rotate.
#
# Who may sign, in which role, with which key, for how long. OpenSSH's allowed_signers, read strictly: a line
# that can't be understood stops the node. exercise.tocsin is for exercises alone, tocsin for real alerts.
# The managers have signed this file (root, meta, sigs): change it with tocsin keys add, expire, revoke, rotate.

`

// rootHead explains the file root.
const rootHead = `# I responsabili del portachiavi: firmano le sue versioni, e nient'altro. Servono due firme, di due organizzazioni.
# The managers of the key ring: they sign its versions, and nothing else. Two must sign, of two organisations.

`

// managersNote lies beside the managers' keys.
const managersNote = `Qui ci sono le chiavi private dei responsabili del portachiavi. Con due di esse si decide chi può firmare le allerte.

PORTARLE VIA DA QUESTA MACCHINA prima dell'uso vero: una a ciascun responsabile, su un supporto che resta presso la sua
organizzazione, protetta da una frase (ssh-keygen -p -f FILE), e cancellarla qui. Meglio ancora: ogni responsabile ne fa una sua in una
chiave hardware (ssh-keygen -t ed25519-sk) e la mette al posto di questa (tocsin keys rotate). Al nodo non servono mai.

These are the private keys of the key ring's managers. Two of them decide who may sign alerts.

TAKE THEM OFF THIS MACHINE before real use: one to each manager, on a medium that stays with their organisation, under a
passphrase (ssh-keygen -p -f FILE), and delete it here. Better still: each manager makes one of their own in a hardware key
(ssh-keygen -t ed25519-sk) and puts it in the place of this one (tocsin keys rotate). The node never needs them.
`
