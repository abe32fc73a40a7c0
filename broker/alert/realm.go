package alert

import "fmt"

// A Realm separates reality from practice: each has its own signature
// namespaces, ledger and accounts, so that an exercise cannot leak. The zero
// value is no realm, and allows nothing.
type Realm string

// The realms. The values are stored in ledgers and configurations.
const (
	RealmLive     Realm = "live"
	RealmExercise Realm = "exercise"
)

// ParseRealm returns s as a [Realm] if it is exactly "live" or "exercise".
func ParseRealm(s string) (Realm, error) {
	if r := Realm(s); r.Valid() {
		return r, nil
	}
	return "", fmt.Errorf("realm %s: there are only %q and %q; write one of them", quote(s), RealmLive, RealmExercise)
}

// Valid reports whether r is one of the realms.
func (r Realm) Valid() bool { return r == RealmLive || r == RealmExercise }

// String returns the stored form.
func (r Realm) String() string { return string(r) }

// Suffix returns what follows the at sign in the signature namespaces of the
// realm: "tocsin" for live (officer@tocsin) and "exercise.tocsin" for
// exercise (officer@exercise.tocsin). For anything else it returns "", which
// makes a namespace that no key ring holds.
func (r Realm) Suffix() string {
	switch r {
	case RealmLive:
		return "tocsin"
	case RealmExercise:
		return "exercise.tocsin"
	}
	return ""
}

// Allows reports whether a message of status s may be published in the realm:
// Actual and Test in live, Exercise and Test in exercise. Drafts never leave
// the system, and System messages are for machines: no realm publishes them.
func (r Realm) Allows(s Status) bool {
	switch s {
	case StatusActual:
		return r == RealmLive
	case StatusExercise:
		return r == RealmExercise
	case StatusTest:
		return r.Valid()
	default:
		return false
	}
}

// UnmarshalText accepts what [ParseRealm] accepts.
func (r *Realm) UnmarshalText(text []byte) error {
	parsed, err := ParseRealm(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
