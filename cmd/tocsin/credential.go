package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tocsin/broker/ledger"
)

// madeCredential is what credential prints with --json.
type madeCredential struct {
	Role string `json:"role"`
	Key  string `json:"key"` // public
	File string `json:"file"`
	List string `json:"list,omitempty"` // whom the embedded broker lets in
}

func (p *program) credentialCommand() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "credential ROLE NAME -c FILE",
		Short: p.say("fa una credenziale del broker in più", "makes one more broker credential"),
		Long: p.say(`Scrive la parte segreta in NOME.nk, accanto all'elenco di broker.users, e aggiunge la parte pubblica all'elenco.
Vale da quando il nodo si riavvia, con i diritti del ruolo e nessun altro. Con un broker esterno dice che cosa aggiungere lì.
RUOLO: officer, police, auditor, node, oppure adapter-CANALE. NOME: lettere minuscole, cifre e trattini.`,
			`Writes the secret part to NAME.nk, beside the list of broker.users, and adds the public part to the list.
It holds from when the node is started again, with the rights of the role and no others. With a broker elsewhere it says what to add there.
ROLE: officer, police, auditor, node, or adapter-CHANNEL. NAME: lower-case letters, digits and hyphens.`),
		Args: args(cobra.ExactArgs(2)),
		RunE: func(_ *cobra.Command, a []string) error {
			if config == "" {
				return usage("credential: name the node's configuration with -c")
			}
			if !ledger.ValidChannel(a[1]) {
				return usage("credential: %q is no name: use lower-case letters, digits and hyphens", a[1])
			}
			c, err := loadConfig(config)
			if err != nil {
				return err
			}
			who, err := ledger.NewCredential(ledger.RoleAuditor, "") // its role is the one that is asked for, once that is known to be one
			if err == nil {
				who.User, err = ledger.ParseUser(a[0], who.Key)
			}
			if err != nil {
				return usageError{err}
			}
			made := madeCredential{Role: who.Name(), Key: who.Key}
			folder := filepath.Join(c.abs("."), credentialsFolder)
			if c.Broker.URL == "" {
				if c.Broker.Users == "" {
					return usage("credential: the configuration names no list of those who may connect: name one under broker.users")
				}
				if _, err := c.users(); err != nil { // a list that is wrong is not made longer
					return err
				}
				made.List = c.abs(c.Broker.Users)
				folder = filepath.Dir(made.List)
			}
			made.File = filepath.Join(folder, a[1]+".nk")
			if err := writeSeed(made.File, who); err != nil {
				return err
			}
			if made.List == "" {
				return p.report(asJSON, made, "Credenziale %s scritta in %s. Sul broker esterno: aggiungere la chiave pubblica %s accanto a quella dello stesso ruolo, con gli stessi permessi, e ricaricare la configurazione (nats-server --signal reload).",
					"Credential of %s written to %s. At the broker elsewhere: add the public key %s beside the one of the same role, with the same permissions, and reload its configuration (nats-server --signal reload).", made.Role, made.File, made.Key)
			}
			if err := admitTo(made.List, who.User, a[1]); err != nil {
				return errors.Join(err, os.Remove(made.File)) // nobody is to keep a secret that opens nothing
			}
			return p.report(asJSON, made, "Credenziale %s scritta in %s: darla a chi serve, e toglierla da qui. Vale da quando il nodo si riavvia.",
				"Credential of %s written to %s: hand it to whoever needs it, and take it away from here. It holds from when the node is started again.", made.Role, made.File)
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", p.say("configurazione del nodo", "the node's configuration"))
	p.jsonFlag(cmd, &asJSON)
	return cmd
}

// writeSeed writes the secret of a credential into a new file.
func writeSeed(path string, who ledger.Credential) error {
	seed, err := who.Seed()
	if err != nil {
		return fmt.Errorf("broker credential: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return both("%s c'è già: scegliere un altro nome, o togliere prima la sua riga dall'elenco e il file", "%s is there already: choose another name, or first take its line off the list and remove the file", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(seed, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// admitTo adds a user to the list of those whom the embedded broker lets in: the whole list is written beside
// it and takes its place, so that a node finds the old one or the new one.
func admitTo(list string, u ledger.User, name string) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	text = fmt.Appendf(text, "%s %s %s\n", u.Name(), u.Key, name)
	if err := os.WriteFile(list+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(list+".new", list)
}
