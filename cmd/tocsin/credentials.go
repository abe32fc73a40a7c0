package main

// This file is about who may connect to the broker: the credentials that commands and nodes
// show, the list of those whom the embedded broker lets in, and what init makes of both.

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tocsin/broker/ledger"
	"tocsin/deploy"
)

// The files that init makes for the broker, in the folder of a node.
const (
	credentialsFolder = "credentials" // seeds, one in a file
	usersFile         = "users"       // in it: whom the embedded broker lets in
	deployFolder      = "deploy"      // for a broker elsewhere
)

// credentialsConfig names the broker credentials that commands and nodes show. A file
// that is not there is passed over: each host has its own.
type credentialsConfig struct {
	// Officer hands in bulletins, and what officers sign.
	Officer secret `yaml:"officer"`
	// Police hands in what police sign.
	Police secret `yaml:"police"`
	// Auditor reads.
	Auditor secret `yaml:"auditor"`
	// Node is for nodes that work over the network, and for versions of the key ring.
	Node secret `yaml:"node"`
}

// all lists the credentials by role, those with the fewest rights to write first.
func (c *credentialsConfig) all() []roleSecret {
	return []roleSecret{{ledger.RoleAuditor, c.Auditor}, {ledger.RoleOfficer, c.Officer}, {ledger.RolePolice, c.Police}, {ledger.RoleNode, c.Node}}
}

// roleSecret is where the credential of a role is.
type roleSecret struct {
	role   ledger.Role
	secret secret
}

// credential reads a broker credential.
func (s secret) credential(c *config, getenv func(string) string, role ledger.Role, channel string) (ledger.Credential, error) {
	seed, err := s.read(c, getenv)
	if err != nil {
		return ledger.Credential{}, err
	}
	who, err := ledger.ParseCredential(role, channel, []byte(seed))
	if err != nil && s.File != "" {
		err = fmt.Errorf("%s: %w", c.abs(s.File), err)
	}
	return who, err
}

// errNoCredential is returned where a host has none of the credentials that its
// configuration names.
var errNoCredential = both("non c'è nessuno dei file indicati in broker.credentials: metterci il proprio (lo fa tocsin init, e lo consegna chi gestisce il broker)",
	"none of the files under broker.credentials is there: put yours in its place (tocsin init makes it, and whoever runs the broker hands it out)")

// commandCredentials returns those that this host has.
func (c *config) commandCredentials(getenv func(string) string) ([]ledger.Credential, error) {
	var all []ledger.Credential
	for _, s := range c.Broker.Credentials.all() {
		if !s.secret.given() {
			continue
		}
		who, err := s.secret.credential(c, getenv, s.role, "")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("broker.credentials.%s: %w", s.role, err)
		}
		all = append(all, who)
	}
	if len(all) == 0 {
		return nil, errNoCredential
	}
	return all, nil
}

// nodeCredentials returns those with which a node works on a broker elsewhere: that of
// nodes, or where it has none, one of an adapter for each channel that it carries.
func (c *config) nodeCredentials(getenv func(string) string) ([]ledger.Credential, error) {
	if s := c.Broker.Credentials.Node; s.given() {
		who, err := s.credential(c, getenv, ledger.RoleNode, "")
		if err == nil {
			return []ledger.Credential{who}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || !c.adapters() {
			return nil, fmt.Errorf("broker.credentials.%s: %w", ledger.RoleNode, err)
		}
	}
	var all []ledger.Credential
	for i := range c.Channels {
		ch := &c.Channels[i]
		if !ch.Adapter.given() {
			return nil, fmt.Errorf("a node needs the credential of nodes under broker.credentials.node, or under channels[].adapter one for each channel that it carries: channel %s has none", ch.Name)
		}
		who, err := ch.Adapter.credential(c, getenv, ledger.RoleAdapter, ch.Name)
		if err != nil {
			return nil, fmt.Errorf("channel %s: adapter: %w", ch.Name, err)
		}
		all = append(all, who)
	}
	return all, nil
}

// adapters reports whether a channel has a credential of its own.
func (c *config) adapters() bool {
	return slices.ContainsFunc(c.Channels, func(ch channelConfig) bool { return ch.Adapter.given() })
}

// users reads whom the embedded broker lets in.
func (c *config) users() ([]ledger.User, error) {
	if c.Broker.Users == "" {
		return nil, nil
	}
	path := c.abs(c.Broker.Users)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("broker.users: %w: name the list of public keys of those who may connect", err)
	}
	users, err := ledger.ParseUsers(path, text)
	if err != nil {
		return nil, fmt.Errorf("broker.users: %w", err)
	}
	return users, nil
}

// admit has o show the credentials of commands. A folder without a configuration of its
// own is reached with that of the node that works on it.
func (d *desk) admit(o *ledger.Options) (err error) {
	c := d.c
	if c == nil {
		c, err = loadConfig(d.presence.Config)
		if err != nil {
			return both("il nodo su %s lascia entrare solo chi ha una credenziale, e la sua configurazione non si legge: indicarla con -c (%v)",
				"the node on %s lets in only who has a credential, and its configuration can't be read: name it with -c (%w)", d.state, err)
		}
	}
	if o.Credentials, err = c.commandCredentials(d.getenv); err != nil {
		return err
	}
	o.TLS, err = c.brokerTLS()
	return err
}

// usersHead explains the list of users to whoever opens it.
const usersHead = `# Chi può collegarsi al broker di questo nodo: ruolo e chiave pubblica (nkey), una riga per chiave. Chi ha la parte segreta
# (credentials/*.nk) ha i diritti del ruolo e nessun altro. Per togliere qualcuno si toglie la riga e si riavvia il nodo.
# Ruoli: officer (bollettini e firme dei funzionari), police (firme della polizia), auditor (legge), node (altri nodi), adapter-CANALE.
#
# Who may connect to this node's broker: a role and a public key (nkey) on each line. Whoever has the secret part
# (credentials/*.nk) has the rights of the role and no others. To shut somebody out, remove the line and restart the node.
# Roles: officer (bulletins and officers' signatures), police (their signatures), auditor (reads), node (other nodes), adapter-CHANNEL.

`

// writeBroker makes a credential for each role and for each channel's adapter, the list of
// those whom the embedded broker lets in, and what a broker elsewhere needs. What is there
// already is left alone.
func writeBroker(dir string, channels []string) error {
	folder := filepath.Join(dir, credentialsFolder)
	if _, err := os.Stat(filepath.Join(folder, usersFile)); err == nil {
		return nil
	}
	for _, sub := range []string{folder, filepath.Join(dir, deployFolder)} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return err
		}
	}
	var users []ledger.User
	make := func(role ledger.Role, channel string) error {
		who, err := ledger.NewCredential(role, channel)
		if err != nil {
			return err
		}
		seed, err := who.Seed()
		if err != nil {
			return err
		}
		users = append(users, who.User)
		return os.WriteFile(filepath.Join(folder, who.Name()+".nk"), append(seed, '\n'), 0o600)
	}
	for _, role := range ledger.Roles() {
		if role == ledger.RoleAdapter {
			continue
		}
		if err := make(role, ""); err != nil {
			return err
		}
	}
	for _, channel := range channels {
		if err := make(ledger.RoleAdapter, channel); err != nil {
			return err
		}
	}
	files := deploy.Files()
	var err error
	if files["nats-server.conf"], err = ledger.ServerConfiguration(users); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, deployFolder, name), content, 0o600); err != nil {
			return err
		}
	}
	list := bytes.NewBufferString(usersHead)
	for _, u := range users {
		if u.Role != ledger.RoleOperator { // the embedded broker's streams are its own node's business
			fmt.Fprintf(list, "%s %s\n", u.Name(), u.Key)
		}
	}
	// The list comes last: where it is, the credentials are whole.
	return os.WriteFile(filepath.Join(folder, usersFile), list.Bytes(), 0o600)
}

// channelsOf returns the names of the channels in a fresh configuration, also of those that
// a live one has as comments.
func (f fresh) channelsOf() []string {
	names := []string{"sito", "telegram", "x", "facebook", "instagram"}
	if f.Realm == "live" {
		for i := range names[1:] {
			names[i+1] += "-savona"
		}
	}
	return names
}

// whole reports whether this node may speak for itself in the ledger on all channels at once: one
// that has the credentials of single channels' adapters alone speaks for each on its own.
func (n *node) whole() bool {
	return n.ledger.May(&ledger.Record{Type: ledger.NodeStarted, Node: n.name})
}

// speaksFor lists the channels on which this node says in the ledger that it came and went, "" for
// all at once.
func (n *node) speaksFor() []string {
	if n.whole() {
		return []string{""}
	}
	return slices.DeleteFunc(n.c.channelNames(), func(channel string) bool {
		return !n.ledger.May(&ledger.Record{Type: ledger.NodeStarted, Node: n.name, Channel: channel})
	})
}
