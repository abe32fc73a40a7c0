package bulletin

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
)

// IssuedByOne returns the CAP parameter that each info of a break-glass bulletin has.
func IssuedByOne() alert.NamedValue {
	return alert.NamedValue{Name: "issued_by", Value: "one_authority"}
}

// Departures names the elements of its CAP message that a break-glass bulletin has otherwise than the
// ordinary one in whose place it stands, each once. It may end sooner, leave out what would begin after
// its end, and it says that one authority issues it: in all else they are to be one message,
// which the others were asked to sign.
func (b *Bulletin) Departures(ordinary *Bulletin) (names []string) {
	hold := func(name string, same bool) {
		if !same && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	m, o := b.Message, ordinary.Message
	hold("sender", m.Sender == o.Sender)
	hold("status", m.Status == o.Status)
	hold("msgType", m.MsgType == o.MsgType)
	hold("source", m.Source == o.Source)
	hold("scope", m.Scope == o.Scope && m.Restriction == o.Restriction && m.Addresses == o.Addresses)
	hold("code", slices.Equal(m.Codes, o.Codes))
	hold("note", m.Note == strings.TrimSpace(o.Note+"\n"+OneAuthority("it")))
	hold("references", slices.Equal(m.References, o.References))
	hold("incidents", m.Incidents == o.Incidents)
	hold("info", len(m.Infos) == len(o.Infos))
	for i := range min(len(m.Infos), len(o.Infos)) {
		in, of := &m.Infos[i], &o.Infos[i]
		// begins says whether a moment is that of the ordinary bulletin, or lies after this one.
		begins := func(t, was time.Time) bool { return t.Equal(was) || t.IsZero() && !was.Before(in.Expires) }
		hold("language", in.Language == of.Language)
		hold("category", slices.Equal(in.Categories, of.Categories))
		hold("event", in.Event == of.Event)
		hold("responseType", slices.Equal(in.ResponseTypes, of.ResponseTypes))
		hold("urgency", in.Urgency == of.Urgency)
		hold("severity", in.Severity == of.Severity)
		hold("certainty", in.Certainty == of.Certainty)
		hold("audience", in.Audience == of.Audience)
		hold("eventCode", slices.Equal(in.EventCodes, of.EventCodes))
		hold("effective", begins(in.Effective, of.Effective))
		hold("onset", begins(in.Onset, of.Onset))
		hold("expires", of.Expires.IsZero() || !in.Expires.After(of.Expires))
		hold("senderName", in.SenderName == of.SenderName)
		hold("headline", in.Headline == of.Headline)
		hold("description", in.Description == of.Description)
		hold("instruction", in.Instruction == of.Instruction)
		hold("web", in.Web == of.Web)
		hold("contact", in.Contact == of.Contact)
		own := slices.DeleteFunc(slices.Clone(in.Parameters), func(p alert.NamedValue) bool { return p == IssuedByOne() })
		hold("parameter", slices.Equal(own, of.Parameters))
		hold("resource", reflect.DeepEqual(in.Resources, of.Resources))
		hold("area", reflect.DeepEqual(in.Areas, of.Areas))
	}
	return names
}
