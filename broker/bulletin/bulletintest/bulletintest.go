// Package bulletintest makes small, valid bulletins for the tests of other
// packages.
package bulletintest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
)

// An Alert is an alert whose bulletins a test writes one after the other.
type Alert struct {
	ID       alert.ID
	Code     alert.Code
	Realm    alert.Realm
	Status   alert.Status  // of its messages; "" for Exercise, or Actual in the live realm
	Urgency  alert.Urgency // "" for Expected
	Sender   string        // CAP sender
	Channels []string      // "telegram-a": name; the kind is what stands before the first hyphen
	Parts    int           // posts for each channel; 0 for 1
	Composed time.Time
	Expires  time.Time
	Image    []byte // JPEG that every post shows, at Post.ImageURL; nil for none
	Prepared bool   // each bulletin but a Cancel has what is prepared inside it
	// Marks says in which form posts are marked, by channel: each bulletin marks those of
	// the one before it, and each but a Cancel its own when it expires.
	Marks map[string]adapters.MarkForm
	// Breakglass is what bulletins that stand for themselves say of it; nil for ordinary ones.
	Breakglass *bulletin.Breakglass
	Whole      time.Time // when what ratifies a break-glass bulletin ends; zero for Expires
	Newest     *bulletin.Bulletin
	chain      alert.References
}

// New returns an alert in the exercise realm that expires in an hour.
func New(tb testing.TB, channels ...string) *Alert {
	tb.Helper()
	id, err := alert.NewID(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	code, err := alert.NewCode("SV", rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	return &Alert{ID: id, Code: code, Realm: alert.RealmExercise, Sender: "allerte@provincia.savona.example", Channels: channels, Composed: now, Expires: now.Add(time.Hour)}
}

// Next writes the next bulletin of the alert: the first one must be an Alert.
func (a *Alert) Next(tb testing.TB, kind alert.MsgType) *bulletin.Bulletin {
	tb.Helper()
	number, previous := 1, ""
	if a.Newest != nil {
		number, previous = a.Newest.Number+1, a.Newest.SHA256()
	}
	b := a.write(tb, kind, bulletin.Draft{Number: number, Previous: previous})
	a.Take(b)
	return b
}

// Take has the next bulletin follow b, which may be one that was prepared.
func (a *Alert) Take(b *bulletin.Bulletin) {
	a.Newest = b
	a.chain = append(b.Message.References[:len(b.Message.References):len(b.Message.References)], b.Message.Reference())
}

// write completes d, with all that is prepared inside it.
func (a *Alert) write(tb testing.TB, kind alert.MsgType, d bulletin.Draft) *bulletin.Bulletin {
	tb.Helper()
	a.fill(tb, kind, &d)
	b := Write(tb, d)
	if !a.Prepared || kind == alert.MsgCancel {
		return b
	}
	inner := *a
	inner.Take(b)
	if d.Kind == bulletin.Ratification {
		inner.Expires = b.Expires
	}
	for _, k := range d.Kind.Holds(d.Breakglass != nil) {
		d.Prepared = append(d.Prepared, inner.write(tb, k.MsgType(), bulletin.Draft{Number: b.Number + 1, Kind: k, PreparedFor: b.Core()}))
	}
	return Write(tb, d)
}

// Alone returns the bytes of a bulletin without what is prepared inside it, so that a
// test can change its text.
func Alone(raw []byte) []byte {
	core, _, found := bytes.Cut(raw, []byte("\n--- prepared\n"))
	if !found {
		return raw
	}
	return append(bytes.Clone(core), "\n--- end\n"...)
}

// Write is [bulletin.Write], whose error ends the test.
func Write(tb testing.TB, d bulletin.Draft) *bulletin.Bulletin {
	tb.Helper()
	b, err := bulletin.Write(d)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// fill completes d by all but what is prepared inside it.
func (a *Alert) fill(tb testing.TB, kind alert.MsgType, d *bulletin.Draft) {
	tb.Helper()
	expires, said := a.Expires, ""
	switch {
	case a.Breakglass != nil && d.Kind == "":
		d.Breakglass, d.NotAfter, said = a.Breakglass, a.Expires, bulletin.OneAuthority("it")+"\n"
	case d.Kind == bulletin.Ratification && !a.Whole.IsZero():
		expires = a.Whole
	}
	m := a.message(d.Number, kind, expires)
	if d.Kind != "" {
		m.Identifier += "-" + string(d.Kind)
	}
	if said != "" {
		m.Note = strings.TrimSpace(m.Note + "\n" + bulletin.OneAuthority("it"))
		m.Infos[0].Parameters = []alert.NamedValue{bulletin.IssuedByOne()}
	}
	raw, err := m.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	d.Alert, d.Code, d.Realm, d.Issuer, d.Composed, d.Expires, d.CAP = a.ID, a.Code, a.Realm, "Provincia di Savona", a.Composed, expires, raw
	d.Marks = a.marks(d.Number, kind)
	parts := max(a.Parts, 1)
	for _, name := range a.Channels {
		kind := name
		for i, r := range name {
			if r == '-' {
				kind = name[:i]
				break
			}
		}
		image, address, alt := "", "", ""
		if a.Image != nil {
			image, alt = fmt.Sprintf("%x", sha256.Sum256(a.Image)), "Allerta arancione"
			address = "https://site.example/media/" + image + ".jpg"
			d.Images = [][]byte{a.Image}
		}
		for part := 1; part <= parts; part++ {
			d.Posts = append(d.Posts, bulletin.Post{
				Image: image, ImageURL: address, Alt: alt,
				Channel: name, Kind: kind, Part: part, Parts: parts, Lang: "it-IT", Title: "Allerta arancione", Link: "https://site.example/a/" + string(a.Code),
				Text: fmt.Sprintf("ESERCITAZIONE\n%s%s per %s, testo %d.\nhttps://site.example/a/%s %s\nESERCITAZIONE", said, m.MsgType, name, part, a.Code, a.Code.Mark(d.Number)),
			})
		}
	}
}

// marks returns the marks of bulletin number.
func (a *Alert) marks(number int, msgType alert.MsgType) []bulletin.Mark {
	var out []bulletin.Mark
	for _, name := range a.Channels {
		form, ok := a.Marks[name]
		if !ok {
			continue
		}
		kind, _, _ := strings.Cut(name, "-")
		for part := 1; part <= max(a.Parts, 1); part++ {
			m := bulletin.Mark{Channel: name, Kind: kind, On: number - 1, Part: part, When: bulletin.AtRelease, Form: form, Lang: "it-IT"}
			m.Text = fmt.Sprintf("ESERCITAZIONE\nAl posto di %s, testo %d: %s\nESERCITAZIONE", a.Code.Mark(m.On), part, a.Code.Mark(number))
			if number > 1 {
				out = append(out, m)
			}
			m.On, m.When = number, bulletin.AtExpiry
			m.Text = fmt.Sprintf("ESERCITAZIONE\nScaduto: testo %d, %s\nESERCITAZIONE", part, a.Code.Mark(number))
			if msgType != alert.MsgCancel {
				out = append(out, m)
			}
		}
	}
	return out
}

func (a *Alert) message(number int, kind alert.MsgType, expires time.Time) *alert.Message {
	m := &alert.Message{
		Version: alert.CAP12, Identifier: fmt.Sprintf("IT-SV-%s-%d", a.Code, number), Sender: a.Sender,
		Sent: a.Composed.In(time.FixedZone("", 3600)), Status: alert.StatusExercise, MsgType: kind, Scope: alert.ScopePublic,
		Note: "Esercitazione di prova",
	}
	if a.Realm == alert.RealmLive {
		m.Status, m.Note = alert.StatusActual, ""
	}
	if a.Status != "" {
		m.Status = a.Status
	}
	if number > 1 {
		m.References = a.chain
	}
	m.Infos = []alert.Info{{
		Language: "it-IT", Categories: []alert.Category{alert.CategoryMet}, Event: "Rischio idrogeologico", ResponseTypes: []alert.ResponseType{alert.ResponseMonitor},
		Urgency: alert.UrgencyExpected, Severity: alert.SeveritySevere, Certainty: alert.CertaintyLikely, Expires: expires.In(time.FixedZone("", 3600)),
		EventCodes: []alert.NamedValue{{Name: "RISCHIO", Value: "IDROGEO"}}, // a policy says for which events there is break-glass
		SenderName: "Provincia di Savona", Headline: "Allerta arancione a Savona", Description: "Piogge forti.", Instruction: "Allontanarsi dai torrenti.",
		Areas: []alert.Area{{Desc: "Savona", Geocodes: []alert.NamedValue{{Name: "ISTAT", Value: "009056"}}}},
	}}
	if a.Urgency != "" {
		m.Infos[0].Urgency = a.Urgency
	}
	return m
}
