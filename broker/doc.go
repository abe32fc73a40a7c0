// Package broker is the map of the line along which an alert travels, from a
// draft to the proof that the public has it:
//
//	compose → sign → co-sign → deliver per channel → read back → audit → report
//
// The folders below are the stations of that line, and the vocabulary that they
// share.
//
//   - alert: a CAP message, its identifiers and its life cycle.
//   - bulletin: the document that people sign, one CAP message and every post
//     for every channel, as final bytes.
//   - compose: a scenario or a CAP file becomes a bulletin. Nothing after it
//     writes a public text.
//   - review: shows a bulletin to whoever is about to sign it, with what changed and
//     what looks wrong.
//   - signing: who may make Tocsin speak; signatures, key ring, policy.
//   - ledger: the one append-only stream that holds all that happened. Every
//     other state is computed from it.
//   - delivery: carries a released bulletin to each channel and reads back what
//     the public sees there. It knows the port, adapters.Channel, and no
//     platform.
//   - audit: makes the ledger checkable by people who do not trust its keeper.
//   - report: who was told what, when, with proof.
//   - console: the screens of one organisation.
//   - telemetry: sets up traces and metrics.
//
// Nobody releases an alert. An alert is released when the ledger holds a
// bulletin with the signatures that the policy asks for, and each delivery
// derives that fact for itself.
//
// This package holds no code: only this map, and the tests that keep it and the
// plan of the house true.
package broker
