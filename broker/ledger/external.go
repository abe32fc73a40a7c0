package ledger

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// This file writes the configuration of a broker elsewhere, a NATS server: the same accounts
// and rights that the embedded one has.

//go:embed nats-server.conf.tmpl
var serverTemplate string

// An externalUser is a user as the configuration has it.
type externalUser struct {
	Name, Key     string
	Writes, Hears []string
}

// An externalAccount is a role's account as the configuration has it.
type externalAccount struct {
	Name     string
	Users    []externalUser
	Subjects []string // that it imports
}

// An externalCrossing is a crossing as the configuration has it.
type externalCrossing struct {
	Subject  string
	Accounts []string
	Streamed bool // there are many answers to one question
}

// ServerConfiguration returns the configuration of a NATS server that holds the ledger for
// these users. Certificate and key are expected in the folder tls beside it.
func ServerConfiguration(users []User) ([]byte, error) {
	t, err := template.New("nats-server.conf").Funcs(template.FuncMap{"quote": strconv.Quote, "list": quoted}).Parse(serverTemplate)
	if err != nil {
		return nil, fmt.Errorf("configuration of the broker: %w", err)
	}
	all, names := crossings(users)
	var of struct {
		MaxPayload int
		Told       string
		Operators  []externalUser
		Crossings  []externalCrossing
		All        []string
		Accounts   []externalAccount
	}
	of.MaxPayload, of.Told, of.All = maxBlob+64<<10, told, names
	for _, c := range all {
		of.Crossings = append(of.Crossings, externalCrossing{c.subject, c.accounts, c.subject == directGet})
	}
	for _, name := range names {
		account := externalAccount{Name: name}
		for _, c := range all {
			if slices.Contains(c.accounts, name) {
				account.Subjects = append(account.Subjects, c.subject)
			}
		}
		of.Accounts = append(of.Accounts, account)
	}
	for _, u := range users {
		as := externalUser{Name: u.Name(), Key: u.Key, Writes: u.writes(), Hears: u.hears()}
		if i := slices.Index(names, u.account()); i >= 0 {
			of.Accounts[i].Users = append(of.Accounts[i].Users, as)
		} else {
			of.Operators = append(of.Operators, as)
		}
	}
	var b bytes.Buffer
	if err := t.Execute(&b, of); err != nil {
		return nil, fmt.Errorf("configuration of the broker: %w", err)
	}
	return b.Bytes(), nil
}

// quoted lists texts as the configuration has them.
func quoted(all []string) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = strconv.Quote(s)
	}
	return strings.Join(words, ", ")
}
