package alert

import (
	"fmt"
	"io"

	"github.com/google/uuid"
)

// An ID names one alert for its whole life, from the first word to the end: a
// UUID (RFC 9562) in its 36-character lower-case form. It is safe in file
// names, addresses and broker subjects. The messages of the alert have CAP
// identifiers of their own.
type ID string

// NewID makes the identifier of a new alert, a random UUID (version 4), from
// 16 bytes of random. The error says that random failed.
func NewID(random io.Reader) (ID, error) {
	u, err := uuid.NewRandomFromReader(random)
	if err != nil {
		return "", fmt.Errorf("draw an alert identifier: %w", err)
	}
	return ID(u.String()), nil
}

// ParseID returns s as an [ID] if it is a UUID in canonical form: 36
// characters, lower case, not all zero. Other spellings of a UUID are refused,
// so that equal alerts have equal identifiers.
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s || u == uuid.Nil {
		return "", fmt.Errorf("alert identifier %s: not a UUID in lower case with hyphens; copy it whole from the ledger or the console", quote(s))
	}
	return ID(s), nil
}

// String returns the canonical form.
func (id ID) String() string { return string(id) }

// UnmarshalText accepts what [ParseID] accepts, so that an identifier that was
// read from a record or a configuration is known to be sound.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
