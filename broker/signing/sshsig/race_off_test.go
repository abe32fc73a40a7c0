//go:build !race

package sshsig_test

// mutantsOfAKind is how many changed signatures of each kind of key are tried. With
// those of certificates and rings, in package signing, they are 2,048.
const mutantsOfAKind = 256
