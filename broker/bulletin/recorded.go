package bulletin

import (
	"fmt"
	"strconv"
	"time"

	"tocsin/broker/alert"
)

// Contradiction returns where the record says something else than the bulletin itself,
// or nil. Nobody decides by the record; but whoever reads along must not be deceived.
func (b *Bulletin) Contradiction(r alert.Recorded) error {
	moment := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	for _, c := range []struct{ field, record, own string }{
		{"alert", r.Alert, string(b.Alert)},
		{"number", strconv.Itoa(r.Number), strconv.Itoa(b.Number)},
		{"code", r.Code, string(b.Code)},
		{"identifier", r.Identifier, b.Message.Identifier},
		{"msgType", r.MsgType, string(b.Message.MsgType)},
		{"breakglass", strconv.FormatBool(r.Breakglass), strconv.FormatBool(b.Breakglass != nil)},
		{"expires", moment(r.Expires), moment(b.Expires)},
		{"bytes", strconv.Itoa(r.Bytes), strconv.Itoa(len(b.Bytes()))},
	} {
		if c.record != c.own {
			return fmt.Errorf("the record says %s %.64q, the bulletin itself says %.64q", c.field, c.record, c.own)
		}
	}
	if r.Kind != "" && r.Kind != string(b.Kind) {
		return fmt.Errorf("the record says kind %.64q, the bulletin itself says %.64q", r.Kind, string(b.Kind))
	}
	return nil
}
