package adapters

import (
	"context"
	"time"
)

// A Notifier tells one recipient, who is not the public, what they must know at once:
// the police, the prefecture, the auditors. It is no [Channel]: it publishes nothing, and
// to tell somebody twice does no harm.
type Notifier interface {
	// Name is the recipient's name in the policy, the configuration and the ledger:
	// lower-case letters, digits and hyphens.
	Name() string
	// Notify hands n over and returns nil once the other side has taken it. After any
	// error n may be handed over again.
	Notify(ctx context.Context, n Notification) error
}

// A Notification says that a bulletin was released which one authority answers for alone.
type Notification struct {
	// ID is the same however often the notification is handed over.
	ID         string    `json:"id"`
	Occasion   Occasion  `json:"occasion"`
	Realm      string    `json:"realm"` // "live" or "exercise"
	Issuer     string    `json:"issuer"`
	Code       string    `json:"code"`       // alert code, "SV-7F3K2"
	Number     int       `json:"number"`     // of the bulletin within its alert
	SHA256     string    `json:"sha256"`     // of the bulletin, lower-case hexadecimal
	Identifier string    `json:"identifier"` // CAP alert.identifier
	MsgType    string    `json:"msg_type"`   // CAP alert.msgType
	Headline   string    `json:"headline"`   // in the message's first language
	Why        string    `json:"why,omitempty"`
	Signers    []string  `json:"signers"` // "mario@provincia.example (officer)"
	Channels   []string  `json:"channels"`
	Released   time.Time `json:"released"`
	Expires    time.Time `json:"expires,omitzero"`
	URL        string    `json:"url,omitempty"` // the alert's public page
	// Text says all of it in words, for whoever shows it on a screen, by language.
	Text map[string]string `json:"text"`
}

// An Occasion is why somebody is told. Occasions are stored: append only.
type Occasion string

// The occasions.
const (
	// OccasionBreakglass: two people of one organisation released an alert.
	OccasionBreakglass Occasion = "breakglass"
	// OccasionStop: a correction or a revocation of an alert was released.
	OccasionStop Occasion = "stop"
	// OccasionRatified: the other authority confirmed a break-glass release.
	OccasionRatified Occasion = "ratified"
)
