//go:build race

package sshsig_test

// mutantsOfAKind are few here: what ssh-keygen does is not watched for races.
const mutantsOfAKind = 16
