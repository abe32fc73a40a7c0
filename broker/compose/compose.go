package compose

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
)

// New composes the first bulletin of an alert: m with every post for every
// channel of o. m is a message of our own, of type Alert. Where it was read from
// a document, its bytes (m.Raw) stand in the bulletin exactly; where it was put
// together in memory, it is marshalled first.
//
// The error is a [FitError] where a channel has no room for any wording, a
// [LintError] where a text would break a rule for public texts, and else says
// what in m or o must be corrected.
func New(m *alert.Message, o Options, id alert.ID, code alert.Code) (*bulletin.Bulletin, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	if m.MsgType != alert.MsgAlert {
		return nil, fmt.Errorf("compose: the message is of type %s, and the first bulletin of an alert is an Alert; use Next for an Update or a Cancel", m.MsgType)
	}
	return o.compose(m, bulletin.Draft{Alert: id, Code: code, Number: 1}, nil)
}

// Next composes the bulletin that follows previous: m is an Update or a Cancel of
// our own, and takes the place of all that was said before. Its references must
// name the message of previous and all that this one names; where m was put
// together in memory, those that are missing are added.
//
// Errors are as for [New]. A bulletin that revokes is the last one: nothing
// follows it.
func Next(previous *bulletin.Bulletin, m *alert.Message, o Options) (*bulletin.Bulletin, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	switch {
	case m.MsgType != alert.MsgUpdate && m.MsgType != alert.MsgCancel:
		return nil, fmt.Errorf("compose: the message is of type %s, and only an Update or a Cancel follows bulletin %s", m.MsgType, previous.Mark())
	case previous.Message.MsgType == alert.MsgCancel:
		return nil, fmt.Errorf("compose: bulletin %s revoked the alert, and nothing follows it; begin a new alert", previous.Mark())
	case previous.Realm != o.Realm:
		return nil, fmt.Errorf("compose: bulletin %s is of the realm %s, and this is the realm %s", previous.Mark(), previous.Realm, o.Realm)
	}
	if m, err = chained(previous.Message, m); err != nil {
		return nil, err
	}
	return o.compose(m, bulletin.Draft{
		Alert: previous.Alert, Code: previous.Code, Number: previous.Number + 1, Previous: previous.SHA256(),
	}, preceding(previous))
}

// chained returns m with references to last and to all that last replaced.
func chained(last, m *alert.Message) (*alert.Message, error) {
	var missing alert.References
	for _, want := range chain(last) {
		if !slices.ContainsFunc(m.References, func(r alert.Reference) bool {
			return r.Sender == want.Sender && r.Identifier == want.Identifier
		}) {
			missing = append(missing, want)
		}
	}
	switch {
	case len(missing) == 0:
		return m, nil
	case m.Raw != nil:
		return nil, fmt.Errorf("compose: references must also hold %q: the message takes the place of all before it", missing)
	}
	m = m.Clone()
	m.References = append(missing, m.References...)
	return m, nil
}

// chain returns the references of a message that follows last.
func chain(last *alert.Message) alert.References {
	return append(slices.Clone(last.References), last.Reference())
}

// compose completes d, which names the bulletin, and writes it with all that is
// prepared inside it; before is nil for the first one.
func (o Options) compose(m *alert.Message, d bulletin.Draft, before *predecessor) (*bulletin.Bulletin, error) {
	m, err := o.final(m)
	if err != nil {
		return nil, err
	}
	if d, err = o.draft(m, d, before); err != nil {
		return nil, err
	}
	b, err := bulletin.Write(d)
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	if err := o.clean(b); err != nil {
		return nil, err
	}
	return b, nil
}

// draft completes d and all that is prepared inside it; m is what its document, Raw,
// says. Nothing is read back here: [bulletin.Write] does so once, with the whole.
func (o Options) draft(m *alert.Message, d bulletin.Draft, before *predecessor) (bulletin.Draft, error) {
	if err := o.publishable(m); err != nil {
		return d, err
	}
	d.Realm, d.Issuer, d.Composed, d.CAP, d.Message = o.Realm, o.Issuer, o.Now, m.Raw, m
	if d.Kind == "" && m.MsgType != alert.MsgCancel {
		d.Form = o.Form
	}
	if d.Expires = m.Expires(); d.Expires.IsZero() {
		d.Expires = o.Now.Add(o.Lifetime)
	}
	d.Expires = d.Expires.In(o.Location) // whoever is shown the bulletin reads it by the issuer's clock
	if !d.Expires.After(o.Now) {
		return d, fmt.Errorf("compose: the message expired at %s, and nobody would see it; move its times", d.Expires.Format(time.RFC3339))
	}
	if o.SignWithin > 0 && d.Kind == "" && m.MsgType != alert.MsgCancel {
		d.NotAfter = o.Now.Add(o.SignWithin)
		if d.NotAfter.After(d.Expires) {
			d.NotAfter = d.Expires
		}
	}
	var err error
	if d.Posts, d.Images, d.Marks, err = o.posts(m, d, before); err != nil || m.MsgType == alert.MsgCancel {
		return d, err
	}
	core := d.Core()
	for _, kind := range d.Kind.Holds(d.Breakglass != nil) {
		inner, err := o.prepare(m, d, core, kind)
		if err != nil {
			return d, err
		}
		q, err := o.draft(inner, bulletin.Draft{Alert: d.Alert, Code: d.Code, Number: d.Number + 1, Kind: kind, PreparedFor: core},
			&predecessor{number: d.Number, mark: d.Code.Mark(d.Number), posts: d.Posts})
		if err != nil {
			return d, fmt.Errorf("the %s that is prepared with it: %w", kind, err)
		}
		d.Inner = append(d.Inner, q)
	}
	return d, nil
}

// clean returns what [Lint] finds wrong in b, and else in what is prepared inside it.
func (o Options) clean(b *bulletin.Bulletin) error {
	var broken LintError
	for _, f := range Lint(b, o) {
		if f.Severity == alert.LevelError {
			broken = append(broken, f)
		}
	}
	if len(broken) > 0 {
		return broken
	}
	for _, kind := range bulletin.Kinds() {
		if q := b.Prepared(kind); q != nil {
			if err := o.clean(q); err != nil {
				return fmt.Errorf("the %s that is prepared with it: %w", kind, err)
			}
		}
	}
	return nil
}

// final returns m as its document says it: what is signed is the document.
func (o Options) final(m *alert.Message) (*alert.Message, error) {
	if m.Imported() {
		return nil, errors.New("compose: others wrote this message; reissue it as an exercise, or write one of your own")
	}
	if m.Raw == nil {
		return ours(m)
	}
	m, err := alert.Read(m.Raw)
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return m, nil
}

// publishable says why m is no message that we may publish as it stands.
func (o Options) publishable(m *alert.Message) error {
	switch {
	case m.Sender != o.Sender:
		return fmt.Errorf("compose: the sender is %s, and we are %s; correct the message or the configuration", m.Sender, o.Sender)
	case !o.Realm.Allows(m.Status):
		return fmt.Errorf("compose: the status is %s, which the realm %s does not publish", m.Status, o.Realm)
	case bytes.ContainsAny(m.Raw, "\t\r") || bytes.HasPrefix(m.Raw, []byte("\ufeff")):
		return errors.New("compose: the CAP file has tabs, carriage returns or a byte order mark, which people who sign can't see; save it with blanks, line feeds and no mark")
	case len(m.Infos) > 0 && strings.TrimSpace(m.Infos[0].Event) == "":
		return errors.New("compose: the first info has no event; name it")
	}
	return nil
}
