package alert

import "time"

// Recorded is what the ledger's record of a bulletin says of it, for those who read
// along. It stands here because the ledger, which says it, and the bulletin, which is
// held against it, do not know each other.
type Recorded struct {
	Alert      string
	Number     int
	Code       string
	Identifier string // of the CAP message
	MsgType    string
	Kind       string // as what it was prepared; "" where the record does not say so
	Breakglass bool
	Expires    time.Time
	Bytes      int
}
