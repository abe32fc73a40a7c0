// Package alert is the vocabulary of Tocsin: what an alert is, how it and its
// messages are named, and how a message is written, read and checked as CAP
// (Common Alerting Protocol, OASIS, versions 1.0, 1.1 and 1.2).
//
// There are two doors for a CAP document that is to be used. [Read] is for what Tocsin itself
// issues and signs: CAP 1.2 only, every rule of the schema and of the prose is
// an error. [Import] is for what others send: it holds a document against the
// schema of its own version, and reports what the prose asks beyond it as
// warnings. [Message.Marshal] writes CAP 1.2 and reads its own output back. To judge a
// document without using it there are [Inspect], which says all that there is to say by
// the rules that [Rules] lists, and [CheckSchema]. [ReadFeed] reads lists of alerts.
//
// The package does no I/O, knows no platform and no clock, and draws no random
// numbers but from the reader it is given. It does not verify XML signatures,
// does not fetch what a message points to, and does not compute with
// geometry beyond closed rings and ranges of coordinates: who may make Tocsin
// speak is the business of package signing, and what is shown to the public
// that of package compose.
package alert
