// Package signing decides who may make Tocsin speak: it reads the key ring and
// the signing policy, and turns a bulletin's bytes with the signatures of people
// into an [Authorized], which nothing else can make.
//
// It also opens the signing keys of people, from files and ssh-agent. It does not
// know what a bulletin says, keeps no state beyond a cache of arithmetic, reads
// no ledger, and asks nobody for a passphrase; its callers do.
//
// Signatures, key ring and list of revoked keys are OpenSSH's (package sshsig,
// ssh-keygen(1) "ALLOWED SIGNERS"), read more strictly than ssh-keygen reads
// them, so that an auditor can check with stock OpenSSH whatever is accepted here.
package signing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/broker/alert"
)

// A Role is what a person signs as. It is the part of the namespace before "@".
type Role string

// The roles that a key ring can give. Roles are stored: the list only grows.
const (
	Officer    Role = "officer"    // duty officer of civil protection, who issues
	Police     Role = "police"     // police liaison, who co-signs
	Deputy     Role = "deputy"     // stands in for the officer or the liaison
	Breakglass Role = "breakglass" // signs when the other organisation cannot be reached
	Correction Role = "correction" // signs prepared corrections only
	Keyring    Role = "keyring"    // approves new versions of the key ring
)

// Roles returns all roles, in a fixed order.
func Roles() []Role {
	return []Role{Officer, Police, Deputy, Breakglass, Correction, Keyring}
}

// Title returns what a person calls the role, in lower case: in Italian for "it"
// and its regions ("it-IT"), else in English.
func (r Role) Title(lang string) string {
	it := isItalian(lang)
	switch r {
	case Officer:
		return pick(it, "funzionario di turno", "duty officer")
	case Police:
		return pick(it, "referente di polizia", "police liaison")
	case Deputy:
		return pick(it, "vice", "deputy")
	case Breakglass:
		return pick(it, "firmatario di emergenza", "emergency signer")
	case Correction:
		return pick(it, "firmatario delle rettifiche", "signer of corrections")
	case Keyring:
		return pick(it, "responsabile delle chiavi", "key-ring manager")
	default:
		return pick(it, "firmatario", "signer")
	}
}

// ErrNamespace is returned by ParseNamespace for anything but a known role in a
// known realm.
var ErrNamespace = errors.New("not a signing namespace")

// Namespace returns the SSHSIG namespace in which role signs in realm:
// "officer@tocsin", "officer@exercise.tocsin". For an unknown role or realm it
// returns "", in which nothing can be signed.
func Namespace(role Role, realm alert.Realm) string {
	if !slices.Contains(Roles(), role) || !realm.Valid() {
		return ""
	}
	return string(role) + "@" + realm.Suffix()
}

// ParseNamespace is the reverse of Namespace. Its error wraps [ErrNamespace].
func ParseNamespace(namespace string) (Role, alert.Realm, error) {
	name, suffix, _ := strings.Cut(namespace, "@")
	for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
		if suffix != realm.Suffix() {
			continue
		}
		if !slices.Contains(Roles(), Role(name)) {
			return "", "", fmt.Errorf("%w: unknown role %.64q; the roles are %s", ErrNamespace, name, rolesText(Roles()))
		}
		return Role(name), realm, nil
	}
	return "", "", fmt.Errorf("%w: %.64q; write ROLE@%s for real alerts or ROLE@%s for exercises",
		ErrNamespace, namespace, alert.RealmLive.Suffix(), alert.RealmExercise.Suffix())
}

// CheckPrincipal says whether name can be the name of a person in the key ring:
// an address in lower case, like "mario.rossi@pc.provincia.example". Only one way
// of writing each name is accepted, because persons and organisations are told
// apart by their names.
func CheckPrincipal(name string) error {
	local, domain, ok := strings.Cut(name, "@")
	if !ok || len(name) > maxPrincipalBytes || !isLocalPart(local) || !isDomain(domain) {
		return fmt.Errorf("name %.64q: write it like an e-mail address in lower case, name@organisation, with letters a-z, digits, and . _ - only", name)
	}
	return nil
}

// Organisation returns the organisation of a person: what follows the "@" of the
// name.
func Organisation(principal string) string {
	_, domain, _ := strings.Cut(principal, "@")
	return domain
}

const (
	maxPrincipalBytes = 255

	lettersAndDigits = "abcdefghijklmnopqrstuvwxyz0123456789"
)

func isLocalPart(s string) bool {
	return s != "" && only(s, lettersAndDigits+"._-") && s[0] != '.' && s[0] != '-'
}

func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' || !only(label, lettersAndDigits+"-") {
			return false
		}
	}
	return true
}

// only reports whether every character of s is one of set.
func only(s, set string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return !strings.ContainsRune(set, c) })
}

func rolesText(roles []Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

func isItalian(lang string) bool {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	return base == "it"
}

func pick(italian bool, it, en string) string {
	if italian {
		return it
	}
	return en
}
