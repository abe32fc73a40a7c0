package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
)

// A Glass is what may be broken: what the signing policy allows two people of one
// organisation to publish.
type Glass struct {
	Life     time.Duration // how long it holds at most
	Channels []string      // the only ones to which it may go
}

// Breakglass composes the message of a bulletin that the other organisation has not
// signed once more, as a break-glass bulletin in its place: for the channels and the
// time that are allowed, with the sentence for the public in each language. What
// ratifies it is prepared inside: the same message until the end that it was to have.
//
// why.InsteadOf is set here. The error says what must be corrected, that the ordinary
// bulletin has expired, or that none of its channels is allowed.
func Breakglass(ordinary *bulletin.Bulletin, why bulletin.Breakglass, allowed Glass, o Options) (*bulletin.Bulletin, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	switch {
	case ordinary.Kind != "" || ordinary.Breakglass != nil || ordinary.Message.MsgType == alert.MsgCancel:
		return nil, fmt.Errorf("compose: bulletin %s is not an alert or an update in words of one's own, and break-glass is for these", ordinary.Mark())
	case ordinary.Realm != o.Realm:
		return nil, fmt.Errorf("compose: bulletin %s is of the realm %s, and this is the realm %s", ordinary.Mark(), ordinary.Realm, o.Realm)
	case ordinary.Message.Expires().IsZero():
		return nil, errors.New("compose: the message does not say when it ends; write one that does (expires)")
	}
	o.Channels = slices.DeleteFunc(slices.Clone(o.Channels), func(c Channel) bool {
		return !slices.Contains(allowed.Channels, c.Name) || ordinary.For(c.Name) == nil
	})
	if len(o.Channels) == 0 {
		return nil, errors.New("compose: the policy allows break-glass on none of the bulletin's channels; look at channels under breakglass")
	}
	id, err := alert.NewID(o.Random)
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	o.Form = ordinary.Form
	o.whole = ordinary.Message.Clone()
	m := o.whole.Adopt(o.Sender, string(id), o.Now)
	m.MsgType, m.References = ordinary.Message.MsgType, slices.Clone(ordinary.Message.References)
	m.Note = strings.TrimSpace(m.Note + "\n" + bulletin.OneAuthority("it"))
	end := o.Now.Add(allowed.Life)
	for i := range m.Infos {
		in := &m.Infos[i]
		if in.Expires.IsZero() || in.Expires.After(end) {
			in.Expires = end
		}
		if !in.Onset.IsZero() && !in.Onset.Before(in.Expires) {
			in.Onset = time.Time{} // it begins after this bulletin: the ratification says when
		}
		if !in.Effective.IsZero() && !in.Effective.Before(in.Expires) {
			in.Effective = time.Time{}
		}
		in.Parameters = append(in.Parameters, bulletin.IssuedByOne())
	}
	// Whoever breaks the glass signs at once, or composes anew.
	o.SignWithin = allowed.Life
	why.InsteadOf = ordinary.SHA256()
	return o.compose(m, bulletin.Draft{
		Alert: ordinary.Alert, Code: ordinary.Code, Number: ordinary.Number, Previous: ordinary.Previous, Breakglass: &why,
	}, &predecessor{ready: ordinary.Marks})
}
