//go:build race

package signing_test

// mutantsOfAKind are few here: what ssh-keygen does is not watched for races.
const mutantsOfAKind = 16
