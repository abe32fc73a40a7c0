// Package ledger holds all that happened, in order: one JetStream stream of small
// JSON records, the bytes of bulletins beside it by their digest, and the state
// that is folded from the records and from nothing else.
//
// An acknowledged record is on disk. The only lock is compare-and-set on the last
// sequence of a record's subject; whether a record took effect is decided by its
// place in the ledger, in the same way for everyone who reads it (see
// [State.Apply]). docs/ledger.md describes the records.
//
// The package does not know what a signature is worth, what a platform is, or
// what a bulletin says.
package ledger
