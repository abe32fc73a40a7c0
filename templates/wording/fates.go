package wording

import (
	"fmt"
	"time"
)

// A Fate is what became of a message that is public.
type Fate uint8

// The fates.
const (
	Replaced Fate = iota // another message says what holds now
	Cleared              // the danger is over
	Revoked              // it is to be disregarded
	Doubted              // it is being verified
	Expired              // its time is over
	fates                // their number
)

// Became says of the message in which it stands what became of it: "AGGIORNATO – Questo
// messaggio non vale più. Leggi quello nuovo: SV-7F3K2-2". code is the alert code of the
// message that says so; until is when the one that expired ended.
func (w Words) Became(f Fate, code string, until time.Time) string {
	if f >= fates {
		f = Replaced
	}
	if f == Expired {
		return fmt.Sprintf(w.became[f], w.Moment(until))
	}
	return fmt.Sprintf(w.became[f], code)
}
