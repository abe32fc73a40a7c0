package alert_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the rule of Rome's clocks, on machines without zone files too

	"tocsin/broker/alert"
)

// A maker makes messages of ours that are sound, and as odd as that allows.
type maker struct {
	*rand.Rand

	rome *time.Location
}

func oneOf[T any](r maker, of ...T) T { return of[r.IntN(len(of))] }

// moment returns a time in Rome, half of them within a few hours of a change of the clocks.
func (r maker) moment() time.Time {
	around := oneOf(r,
		time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC), time.Date(2027, 10, 31, 1, 0, 0, 0, time.UTC))
	reach := oneOf(r, 3*3600, 200*24*3600)
	return around.Add(time.Duration(r.IntN(2*reach)-reach) * time.Second).In(r.rome)
}

func (r maker) text() string {
	words := []string{
		"Piena", "del torrente", "Letimbro:", "salire", "ai piani alti;", "perché", "città", "è", "«no»", "A & B", "< 3 m", "> 2", "]]>", "\"qui\"", "l'alveo", "日本語", "👩‍🚒",
		"\n", "\n\n  ", "œ", "€", "100 %", "&amp", "č", "\t",
	}
	var b strings.Builder
	b.WriteString(oneOf(r, "Allerta", "È", "Già", "🚨 Piena"))
	for range r.IntN(30) {
		b.WriteString(" " + oneOf(r, words...))
	}
	return b.String() + "."
}

func (r maker) maybe(s string) string { return oneOf(r, "", s) }

func (r maker) point() alert.Point {
	return alert.Point{Lat: float64(r.IntN(180_000_001)-90_000_000) / 1e6, Lon: float64(r.IntN(360_000_001)-180_000_000) / 1e6}
}

func (r maker) area() alert.Area {
	a := alert.Area{Desc: r.text(), Geocodes: []alert.NamedValue{{Name: "ISTAT", Value: fmt.Sprintf("009%03d", 1+r.IntN(69))}}}
	for range r.IntN(3) {
		p := alert.Polygon{}
		for range 3 + r.IntN(20) {
			p = append(p, r.point())
		}
		a.Polygons = append(a.Polygons, append(p, p[0]))
	}
	for range r.IntN(2) {
		a.Circles = append(a.Circles, alert.Circle{Center: r.point(), RadiusKM: float64(1+r.IntN(100_000)) / 1000})
	}
	if r.IntN(3) == 0 {
		low := float64(r.IntN(3000)) / 4
		a.Altitude = &low
		if r.IntN(2) == 0 {
			high := low + float64(r.IntN(1000))/8
			a.Ceiling = &high
		}
	}
	return a
}

func (r maker) info(lang string, sent time.Time) alert.Info {
	in := alert.Info{
		Language: lang, Categories: []alert.Category{oneOf(r, alert.CategoryMet, alert.CategoryGeo, alert.CategoryCBRNE)}, Event: r.text(),
		Urgency: oneOf(r, alert.UrgencyImmediate, alert.UrgencyFuture, alert.UrgencyPast), Severity: oneOf(r, alert.SeverityExtreme, alert.SeverityMinor, alert.SeverityUnknown),
		Certainty: oneOf(r, alert.CertaintyObserved, alert.CertaintyLikely, alert.CertaintyUnlikely), Audience: r.maybe(r.text()),
		Expires: sent.Add(time.Duration(1+r.IntN(100*3600)) * time.Second), SenderName: r.maybe(r.text()), Headline: r.text(), Description: r.maybe(r.text()),
		Instruction: r.maybe(r.text()), Web: r.maybe("https://www.comune.example/allerte?id=1&lingua=it#oggi"), Contact: r.maybe(r.text()), Areas: []alert.Area{r.area()},
	}
	for range r.IntN(3) {
		in.ResponseTypes = append(in.ResponseTypes, oneOf(r, alert.ResponseShelter, alert.ResponseAllClear, alert.ResponseNone))
		in.Parameters = append(in.Parameters, alert.NamedValue{Name: oneOf(r, "livello_allerta", "rischio"), Value: r.text()})
		in.EventCodes = append(in.EventCodes, alert.NamedValue{Name: "RISCHIO", Value: r.text()})
		in.Resources = append(in.Resources, alert.Resource{Desc: r.text(), MIMEType: "image/png", URI: "https://www.comune.example/m%20a.png", Size: pointer(int64(r.IntN(1 << 30)))})
		in.Areas = append(in.Areas, r.area())
	}
	if r.IntN(2) == 0 {
		in.Onset = sent.Add(time.Duration(r.IntN(7*24*3600)) * time.Second)
		in.Effective = sent
	}
	return in
}

// message returns a message; earlier, where there is one, is what it updates or cancels.
func (r maker) message(n int, earlier *alert.Message) *alert.Message {
	m := &alert.Message{
		Identifier: fmt.Sprintf("IT-SV-%d", n), Sender: "allerte@comune.example", Sent: r.moment(), Status: oneOf(r, alert.StatusActual, alert.StatusTest, alert.StatusExercise),
		MsgType: alert.MsgAlert, Source: r.maybe(r.text()), Scope: alert.ScopePublic, Note: "Esercitazione " + r.text(), Incidents: r.maybe(`"frana di via Rossi" 12`),
	}
	for range r.IntN(3) {
		m.Codes = append(m.Codes, r.text())
	}
	if earlier != nil {
		m.MsgType = oneOf(r, alert.MsgUpdate, alert.MsgCancel)
		m.References = append(alert.References(nil), earlier.References...)
		m.References = append(m.References, earlier.Reference())
		for m.Sent.Before(earlier.Sent) {
			m.Sent = m.Sent.AddDate(1, 0, 0)
		}
	}
	for _, lang := range []string{"it-IT", "en-US", "de-DE", "fr-FR"}[:1+r.IntN(4)] {
		m.Infos = append(m.Infos, r.info(lang, m.Sent))
	}
	return m
}

var (
	sentForm       = regexp.MustCompile(`<sent>([^<]*)</sent>`)
	timeForm       = regexp.MustCompile(`<(?:sent|effective|onset|expires)>([^<]*)</`)
	referencesForm = regexp.MustCompile(`<references>([^<]*)</references>`)
)

// TestWriter writes many messages: each meets the schema by xmllint's word and ours, breaks
// no rule of the prose, has Rome's offset of its day in every time and it-IT in its first
// info, repeats the times of what it refers to byte by byte, and is written the same twice.
func TestWriter(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	r := maker{rand.New(rand.NewPCG(1, 2)), rome}
	count := 400
	if testing.Short() || raceDetector {
		count = 60
	}
	var documents [][]byte
	var earlier *alert.Message
	offsets := map[string]int{}
	for n := range count {
		if n%4 == 0 {
			earlier = nil
		}
		m := r.message(n, earlier)
		raw, err := m.Marshal()
		if err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		again, err := m.Clone().Marshal()
		if err != nil || !bytes.Equal(raw, again) {
			t.Fatalf("message %d is written differently the second time: %v", n, err)
		}
		read, err := alert.Read(raw)
		if err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		if again, err = read.Marshal(); err != nil || !bytes.Equal(raw, again) {
			t.Fatalf("message %d is written differently after it was read: %v", n, err)
		}
		if _, found := alert.CheckSchema(raw); len(found) > 0 {
			t.Errorf("message %d: %v", n, found)
		}
		if _, found := alert.Inspect(raw); len(found.Errors()) > 0 {
			t.Errorf("message %d: %v", n, found.Errors())
		}
		if read.Infos[0].Language != "it-IT" || !bytes.Contains(raw, []byte("<language>it-IT</language>")) {
			t.Errorf("message %d does not say that it is Italian", n)
		}
		for _, found := range timeForm.FindAllSubmatch(raw, -1) {
			at, err := time.Parse("2006-01-02T15:04:05-07:00", string(found[1]))
			if err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
			if want := at.In(rome).Format("2006-01-02T15:04:05-07:00"); string(found[1]) != want {
				t.Errorf("message %d: got the time %s, want %s as the clocks of Rome show it", n, found[1], want)
			}
			offsets[string(found[1][19:])]++
		}
		if earlier != nil {
			want := "allerte@comune.example," + earlier.Identifier + "," + string(sentForm.FindSubmatch(earlier.Raw)[1])
			refs := strings.Fields(string(referencesForm.FindSubmatch(raw)[1]))
			if refs[len(refs)-1] != want || len(refs) != len(earlier.References)+1 {
				t.Errorf("message %d: got the references %q, want %q as the last of %d", n, refs, want, len(earlier.References)+1)
			}
		}
		earlier = read
		documents = append(documents, raw)
	}
	if len(offsets) != 2 || offsets["+01:00"] < count/4 || offsets["+02:00"] < count/4 {
		t.Errorf("the times have the offsets %v: one side of the change is hardly tried", offsets)
	}
	for i, meets := range meetsSchema(t, xmllint(t), filepath.Join(vectors(t), "cap", "cap12.xsd"), documents) {
		if !meets {
			t.Errorf("message %d does not meet the schema: %s", i, documents[i])
		}
	}
}

// TestWriterAcrossTheChange writes the two half past two of the night when the clocks go
// back: only the offset tells them apart.
func TestWriterAcrossTheChange(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	m := everyElement(t)
	m.MsgType, m.References = alert.MsgAlert, nil
	m.Sent = time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).In(rome)
	for i := range m.Infos {
		m.Infos[i].Effective, m.Infos[i].Onset = time.Time{}, time.Time{}
		m.Infos[i].Expires = m.Sent.Add(time.Hour)
	}
	raw, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<sent>2026-10-25T02:30:00+02:00</sent>", "<expires>2026-10-25T02:30:00+01:00</expires>"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the document lacks %s:\n%s", want, raw)
		}
	}
}

// TestReferencesOfOthersAreCopied refers to a message whose sent is spelled as we never
// would: the bytes go into references as they are, also by way of one of ours.
func TestReferencesOfOthersAreCopied(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00", "2026-01-01T24:00:00+01:00", "2026-01-02T03:04:05.770+01:00"} {
		theirs, _, err := alert.Import([]byte(strings.Replace(sound12, "2026-01-02T03:04:05+01:00", sent, 1)))
		if err != nil {
			t.Fatal(err)
		}
		m := everyElement(t)
		m.References = alert.References{theirs.Reference()}
		raw, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if want := "<references>b@example.org,a," + sent + "</references>"; !strings.Contains(string(raw), want) {
			t.Errorf("the document lacks %s", want)
		}
	}
}
