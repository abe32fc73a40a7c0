package compose

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/templates/wording"
)

// The bounds of what Reissue makes.
const (
	maxLanguages = 16   // parts of one delivery: package bulletin
	aimHeadline  = 160  // characters, as CAP asks
	mostPoints   = 4000 // of all polygons, before the document's size asks for fewer
	shortest     = time.Hour
	longest      = 24 * time.Hour
)

// Reissue makes an exercise of our own of the content of any message: CAP 1.0,
// 1.1 or 1.2, of any status and type, in any language, with or without infos. It
// returns the message as it is to be signed, with Raw, and in English what was
// changed beyond the envelope, for the person who answers for it.
//
// Identifier, sender, office and times are new: the message begins now, and its
// times keep their distances, but for its end, which lies at least one hour and
// at most 24 hours ahead. It is an Alert to the public and replaces nothing. XML
// signatures, files inside the message, flags of profiles and, where another
// sender wrote it, contacts are left out. Texts lose what nobody sees, HTML, and
// spellings that platforms would turn into links; nothing is cut off. Polygons
// with too many points are simplified.
//
// The error says what in m leaves no way to do so: texts or areas that are larger
// than a message of ours may be ([alert.Read]). Only the exercise realm reissues:
// what others wrote is never sent as reality under our name.
func Reissue(m *alert.Message, o Options) (*alert.Message, []string, error) {
	o, err := o.settled()
	if err != nil {
		return nil, nil, err
	}
	if o.Realm != alert.RealmExercise {
		return nil, nil, errors.New("reissue: only the realm exercise reissues a message of others; write a message of your own for the realm live")
	}
	id, err := alert.NewID(o.Random)
	if err != nil {
		return nil, nil, fmt.Errorf("reissue: %w", err)
	}
	r := reissue{o: o, old: m, own: m.Sender == o.Sender, new: m.Adopt(o.Sender, string(id), o.Now)}
	r.envelope()
	r.infos()
	out, err := r.written()
	if err != nil {
		return nil, nil, fmt.Errorf("reissue: %w", err)
	}
	return out, append(r.notes, r.clean.notes()...), nil
}

// A reissue is one call of Reissue at work.
type reissue struct {
	o     Options
	old   *alert.Message
	own   bool // our own sender wrote it
	new   *alert.Message
	clean cleaner
	notes []string
}

// note adds a note once.
func (r *reissue) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(r.notes, n) {
		r.notes = append(r.notes, n)
	}
}

func (r *reissue) envelope() {
	m := r.new
	if m.MsgType != alert.MsgAlert {
		r.note("The message was of type %s: the exercise is an Alert.", m.MsgType)
	}
	if len(m.References) > 0 {
		r.note("References to other messages were dropped: the exercise replaces none.")
	}
	if m.Scope != alert.ScopePublic {
		r.note("The scope was %s: the exercise is Public.", m.Scope)
	}
	if len(m.Codes) > 0 && !r.own {
		r.note("Flags of other profiles (code) were dropped.")
		m.Codes = nil
	}
	m.Status, m.MsgType, m.Scope = alert.StatusExercise, alert.MsgAlert, alert.ScopePublic
	m.References, m.Source, m.Restriction, m.Addresses, m.Incidents = nil, "", "", "", ""
	for i := range m.Codes {
		m.Codes[i] = r.clean.value(m.Codes[i])
	}
	m.Codes = slices.DeleteFunc(m.Codes, func(s string) bool { return s == "" })
	m.Note = r.exerciseNote()
}

// exerciseNote names what the exercise is made of.
func (r *reissue) exerciseNote() string {
	if note := r.clean.value(r.old.Note); r.own && strings.HasPrefix(strings.ToLower(note), "esercitazione") {
		return note
	}
	return fmt.Sprintf("Esercitazione: contenuto del messaggio %s di %s.", r.clean.value(r.old.Identifier), r.clean.value(r.old.Sender))
}

func (r *reissue) infos() {
	m := r.new
	if len(m.Infos) == 0 {
		r.note("The message had no info: the exercise has one that says so little as it did.")
		m.Infos = []alert.Info{{
			Language: "it-IT", Categories: []alert.Category{alert.CategoryOther}, Event: "Messaggio senza testo",
			Urgency: alert.UrgencyUnknown, Severity: alert.SeverityUnknown, Certainty: alert.CertaintyUnknown,
			Areas: []alert.Area{{Desc: "Zona non indicata"}},
		}}
	}
	var languages []string
	m.Infos = slices.DeleteFunc(m.Infos, func(in alert.Info) bool {
		tag := strings.ToLower(in.Language)
		if !slices.Contains(languages, tag) {
			languages = append(languages, tag)
		}
		return slices.Index(languages, tag) >= maxLanguages
	})
	if len(languages) > maxLanguages {
		r.note("The message had %d languages: the first %d stayed.", len(languages), maxLanguages)
	}
	for i := range m.Infos {
		r.info(&m.Infos[i])
	}
}

func (r *reissue) info(in *alert.Info) {
	if !languageForm.MatchString(in.Language) {
		r.note("The language %q is no tag that pages and posts can carry: taken for en-US.", in.Language)
		in.Language = "en-US"
	}
	w := wording.For(in.Language)
	in.Categories = withoutEmpty(in.Categories)
	if len(in.Categories) == 0 {
		in.Categories = []alert.Category{alert.CategoryOther}
	}
	in.ResponseTypes = withoutEmpty(in.ResponseTypes)
	in.Urgency, in.Severity, in.Certainty = given(in.Urgency, alert.UrgencyUnknown), given(in.Severity, alert.SeverityUnknown), given(in.Certainty, alert.CertaintyUnknown)
	r.times(in)
	r.texts(in, w)
	r.addresses(in)
	in.EventCodes = r.pairs(in.EventCodes)
	in.Parameters = r.pairs(in.Parameters)
	r.resources(in)
	r.areas(in, w)
}

func withoutEmpty[T ~string](values []T) []T {
	return slices.DeleteFunc(values, func(v T) bool { return v == "" })
}

func given[T ~string](value, otherwise T) T {
	if value == "" {
		return otherwise
	}
	return value
}

// times moves the times of in so that the message begins now.
func (r *reissue) times(in *alert.Info) {
	now := r.o.Now
	moved := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return now.Add(t.Sub(r.old.Sent)).Truncate(time.Second).In(r.o.Location)
	}
	length := in.Expires.Sub(r.old.Sent)
	switch {
	case in.Expires.IsZero():
		r.note("The message did not say when it ends: the exercise ends after %v.", r.o.Lifetime)
		length = r.o.Lifetime
	case length < shortest:
		r.note("The message held for less than an hour: the exercise holds for one.")
	case length > longest:
		r.note("The message held for more than 24 hours: the exercise holds for 24.")
	}
	in.Expires = now.Add(min(max(length, shortest), longest)).Truncate(time.Second)
	in.Effective, in.Onset = moved(in.Effective), moved(in.Onset)
	for _, t := range []*time.Time{&in.Effective, &in.Onset} {
		// A year on either side is beyond any alert, and beyond what CAP writes.
		if !t.IsZero() && (!t.Before(in.Expires) || t.Before(now.AddDate(-1, 0, 0))) {
			r.note("A time (effective or onset) that does not lie before the end was dropped.")
			*t = time.Time{}
		}
	}
}

func (r *reissue) texts(in *alert.Info, w wording.Words) {
	in.SenderName = r.o.Issuer
	in.Audience = r.clean.line(in.Audience)
	in.Event = r.clean.line(in.Event)
	in.Headline = r.clean.line(in.Headline)
	in.Description = r.clean.text(in.Description)
	in.Instruction = r.clean.text(in.Instruction)
	if in.Event == "" {
		r.note("An event was empty: %q stands for it.", w.Notice)
		in.Event = w.Notice
	}
	if marked := marked(in.Headline, w, wording.Exercise); utf8.RuneCountInString(marked) <= aimHeadline {
		in.Headline = marked
	}
}

// marked returns a headline with the word of a drill before it; "" stays "".
func marked(headline string, w wording.Words, d wording.Drill) string {
	word := w.DrillWord(d)
	if headline == "" || word == "" || hasPrefixFold(headline, word) {
		return headline
	}
	return word + ": " + headline
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// addresses drops what would make people of another office answer for our
// exercise, and addresses that lead nowhere.
func (r *reissue) addresses(in *alert.Info) {
	in.Contact = r.clean.line(in.Contact)
	if in.Contact != "" && !r.own {
		r.note("Contacts of the other sender were dropped: an exercise must not ring there.")
		in.Contact = ""
	}
	in.Web = r.clean.value(in.Web)
	if in.Web != "" && !absolute(in.Web) {
		r.note("An address (web) that is not a full one was dropped.")
		in.Web = ""
	}
}

func absolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && !strings.Contains(s, " ")
}

func (r *reissue) pairs(values []alert.NamedValue) []alert.NamedValue {
	var out []alert.NamedValue
	for _, v := range values {
		v.Name, v.Value = r.clean.value(v.Name), r.clean.value(v.Value)
		if v.Name == "" || v.Value == "" {
			r.note("Entries (eventCode, parameter, geocode) without a name or a value were dropped.")
			continue
		}
		out = append(out, v)
	}
	return out
}

// resources keeps links to files, and drops files inside of the message.
func (r *reissue) resources(in *alert.Info) {
	var out []alert.Resource
	for _, res := range in.Resources {
		res.Desc, res.URI, res.MIMEType = r.clean.line(res.Desc), r.clean.value(res.URI), r.clean.value(res.MIMEType)
		if res.DerefURI != "" {
			r.note("A file inside of the message (derefUri) was dropped.")
			res.DerefURI = ""
		}
		kind, sub, ok := strings.Cut(res.MIMEType, "/")
		if !absolute(res.URI) || res.Desc == "" || !ok || kind == "" || sub == "" || strings.ContainsAny(res.MIMEType, " <>") {
			r.note("A resource without a full address, a name or a media type was dropped.")
			continue
		}
		if res.Size != nil && *res.Size < 0 {
			res.Size = nil
		}
		// Digests of others are often of something else; ours would be believed.
		res.Digest = ""
		out = append(out, res)
	}
	in.Resources = out
}

func (r *reissue) areas(in *alert.Info, w wording.Words) {
	if len(in.Areas) == 0 {
		r.note("An info had no area: the exercise has one without a name.")
		in.Areas = []alert.Area{{}}
	}
	for i := range in.Areas {
		a := &in.Areas[i]
		if a.Desc = r.clean.line(a.Desc); a.Desc == "" {
			r.note("An area without a name is called %q.", w.UnnamedArea)
			a.Desc = w.UnnamedArea
		}
		a.Polygons = r.polygons(a.Polygons)
		a.Circles = r.circles(a.Circles)
		a.Geocodes = r.pairs(a.Geocodes)
		if len(a.Polygons)+len(a.Circles)+len(a.Geocodes) == 0 {
			r.note("An area without a shape got the geocode ESERCITAZIONE, which no map knows.")
			a.Geocodes = []alert.NamedValue{{Name: "ESERCITAZIONE", Value: "senza geometria"}}
		}
		heights(a)
	}
}

// heights drops what is no height in feet, or a ceiling without a floor.
func heights(a *alert.Area) {
	sound := func(feet float64) bool { return feet > -1e6 && feet < 3.3e8 }
	if a.Altitude == nil || !sound(*a.Altitude) {
		a.Altitude, a.Ceiling = nil, nil
	}
	if a.Ceiling != nil && (!sound(*a.Ceiling) || *a.Ceiling < *a.Altitude) {
		a.Ceiling = nil
	}
}

func (r *reissue) polygons(rings []alert.Polygon) []alert.Polygon {
	var out []alert.Polygon
	for _, ring := range rings {
		sound := repaired(ring)
		switch {
		case sound == nil:
			r.note("A polygon that is no ring of places on earth was dropped.")
			continue
		case len(sound) != len(ring):
			r.note("A polygon that was not closed was closed.")
		}
		out = append(out, sound)
	}
	return out
}

func (r *reissue) circles(circles []alert.Circle) []alert.Circle {
	const point = 0.1 // km
	var out []alert.Circle
	for _, c := range circles {
		if c.RadiusKM == 0 {
			r.note("A circle of radius 0, which means a point, got a radius of 100 metres.")
			c.RadiusKM = point
		}
		if c.Check() != nil {
			r.note("A circle that is none on earth was dropped.")
			continue
		}
		out = append(out, c)
	}
	return out
}

// written returns the message as its document says it, with fewer points where
// there would be too many.
func (r *reissue) written() (*alert.Message, error) {
	var err error
	before := points(rings(r.new))
	for _, most := range []int{mostPoints, mostPoints / 4, mostPoints / 16} {
		shrunk, ok := shrink(rings(r.new), most)
		if !ok {
			return nil, fmt.Errorf("the areas have %d polygons with %d points, and a message of ours has room for %d points: use fewer or simpler areas", len(rings(r.new)), before, most)
		}
		setRings(r.new, shrunk)
		var m *alert.Message
		if m, err = r.new.Written(); err == nil {
			if after := points(rings(r.new)); after < before {
				r.note("Polygons were simplified, from %d points to %d.", before, after)
			}
			return m, nil
		}
		if f, ok := errors.AsType[*alert.Finding](err); !ok || f.Rule != alert.RuleSize && f.Rule != alert.RuleLimit {
			break
		}
	}
	return nil, err
}

func rings(m *alert.Message) []alert.Polygon {
	var out []alert.Polygon
	for i := range m.Infos {
		for j := range m.Infos[i].Areas {
			out = append(out, m.Infos[i].Areas[j].Polygons...)
		}
	}
	return out
}

// setRings puts back what rings returned, in the same order.
func setRings(m *alert.Message, all []alert.Polygon) {
	for i := range m.Infos {
		for j := range m.Infos[i].Areas {
			n := len(m.Infos[i].Areas[j].Polygons)
			m.Infos[i].Areas[j].Polygons, all = all[:n:n], all[n:]
		}
	}
}
