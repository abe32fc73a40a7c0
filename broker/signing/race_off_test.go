//go:build !race

package signing_test

// mutantsOfAKind is how many changed files of each kind are tried here; those of plain
// signatures are in package sshsig.
const mutantsOfAKind = 256
