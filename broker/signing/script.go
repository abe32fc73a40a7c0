package signing

import _ "embed"

//go:embed verify-ring.sh
var verifyRing []byte

// VerifyRingScript returns the script by which anybody who has OpenSSH and a POSIX
// shell checks what Follows and Stands check.
func VerifyRingScript() []byte { return verifyRing }
