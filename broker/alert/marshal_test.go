package alert_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
)

func pointer[T any](v T) *T { return &v }

// everyElement is the message of testdata/every-element.cap.xml.
func everyElement(t *testing.T) *alert.Message {
	t.Helper()
	winter, summer := time.FixedZone("CET", 3600), time.FixedZone("CEST", 7200)
	return &alert.Message{
		Identifier: "urn:x-prova:2", Sender: "prova@comune.example",
		Sent:   time.Date(2026, 3, 29, 1, 30, 0, 0, winter),
		Status: alert.StatusTest, MsgType: alert.MsgUpdate, Source: "postazione 2",
		Scope: alert.ScopeRestricted, Restriction: `solo "chi" è in servizio`,
		Addresses: `a@comune.example "sala operativa"`,
		Codes:     []string{"profile:comune.example:1.0", "secondo"},
		Note:      "Prova tecnica: A & B < C > D ]]>",
		References: alert.References{
			{Sender: "prova@comune.example", Identifier: "urn:x-prova:1", Sent: "2026-03-29T00:00:00-00:00"},
			{Sender: "altra@comune.example", Identifier: "uno", Sent: "2026-03-28T22:10:00Z"},
		},
		Incidents: `"frana di via Rossi" 12`,
		Infos: []alert.Info{{
			Language: "it-IT", Categories: []alert.Category{alert.CategoryMet, alert.CategoryGeo}, Event: "Prova",
			ResponseTypes: []alert.ResponseType{alert.ResponseMonitor, alert.ResponseAllClear},
			Urgency:       alert.UrgencyPast, Severity: alert.SeverityMinor, Certainty: alert.CertaintyObserved,
			Audience:   "chi abita vicino al torrente",
			EventCodes: []alert.NamedValue{{Name: "RISCHIO", Value: "IDROGEO"}},
			Effective:  time.Date(2026, 3, 29, 1, 30, 0, 0, winter),
			Onset:      time.Date(2026, 3, 29, 3, 0, 0, 0, summer),
			Expires:    time.Date(2026, 3, 29, 9, 0, 0, 0, summer),
			SenderName: "Comune di Prova", Headline: "Prova: fine dell'allerta",
			Description: "Prima riga.\n\nTerza riga, con «virgolette», œ, 日本語 e 👩‍🚒.",
			Instruction: "\tUn rientro resta com'è.",
			Web:         "https://www.comune.example/allerte?id=1&lingua=it", Contact: "Sala operativa, 010 000000",
			Parameters: []alert.NamedValue{{Name: "livello_allerta", Value: "verde"}, {Name: "zona_allerta", Value: "Ligu-B"}},
			Resources: []alert.Resource{{
				Desc: "Mappa", MIMEType: "image/png", Size: pointer(int64(5)), URI: "mappa.png",
				DerefURI: "bWFwcGE=", Digest: "0123456789abcdef0123456789ABCDEF01234567",
			}, {Desc: "Pagina", MIMEType: "text/html", URI: "https://www.comune.example/"}},
			Areas: []alert.Area{{
				Desc: "Quota e forme",
				Polygons: []alert.Polygon{
					{{44.3, 8.5}, {44.31, 8.5}, {44.31, 8.52}, {44.3, 8.5}},
					{{-1.5, 179.9999}, {0, -180}, {-0.25, 0.000001}, {-1.5, 179.9999}},
				},
				Circles:  []alert.Circle{{Center: alert.Point{Lat: 44.3079, Lon: 8.481}, RadiusKM: 2.5}},
				Geocodes: []alert.NamedValue{{Name: "ISTAT", Value: "009056"}},
				Altitude: pointer(-3.5), Ceiling: pointer(1200.0),
			}},
		}, {
			Language: "en-US", Categories: []alert.Category{alert.CategoryOther}, Event: "Test",
			Urgency: alert.UrgencyUnknown, Severity: alert.SeverityUnknown, Certainty: alert.CertaintyUnknown,
			Expires: time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC),
			Areas:   []alert.Area{{Desc: "Code only", Geocodes: []alert.NamedValue{{Name: "EMMA_ID", Value: "IT007"}}}},
		}},
	}
}

// TestMarshalEveryElement holds the writer against a file that was written by
// hand, and the reader against the message that the file was written from.
func TestMarshalEveryElement(t *testing.T) {
	t.Parallel()
	want := readFile(t, "testdata/every-element.cap.xml")
	m := everyElement(t)
	got, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("document: got\n%s\nwant\n%s", got, want)
	}
	read, err := alert.Read(want)
	if err != nil {
		t.Fatal(err)
	}
	if read.Version != alert.CAP12 || !bytes.Equal(read.Raw, want) {
		t.Errorf("read: got version %q and %d raw bytes, want 1.2 and the bytes of the file", read.Version, len(read.Raw))
	}
	// Times are compared as they print: equal ones may have other locations.
	if got, want := plain(reflect.ValueOf(*read)), plain(reflect.ValueOf(*m)); !reflect.DeepEqual(got, want) {
		t.Errorf("message: got\n%v\nwant\n%v", got, want)
	}
}

// plain flattens the exported fields of a message, without Version and Raw.
func plain(v reflect.Value) []any {
	if t, ok := v.Interface().(time.Time); ok {
		return []any{t.Format(time.RFC3339Nano)}
	}
	var out []any
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && f.Name != "Version" && f.Name != "Raw" {
				out = append(append(out, f.Name), plain(v.Field(i))...)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = append(out, plain(v.Index(i))...)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out = plain(v.Elem())
		}
	default:
		out = append(out, v.Interface())
	}
	return out
}

// TestMarshalSavona reads the golden file of the demonstration and writes it
// again, byte for byte.
func TestMarshalSavona(t *testing.T) {
	t.Parallel()
	want := readFile(t, "testdata/savona-esercitazione.cap.xml")
	m, err := alert.Read(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Marshal()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("written again: got %d bytes, %v; want the %d of the file", len(got), err, len(want))
	}
	if found := alert.Check(m); len(found) != 0 {
		t.Errorf("findings: got %v, want none", found)
	}
}

// TestMarshalPassesSchema lets libxml2 judge what we write, against the
// schema of OASIS.
func TestMarshalPassesSchema(t *testing.T) {
	t.Parallel()
	schema := filepath.Join(vectors(t), "cap", "cap12.xsd")
	lint := xmllint(t)
	raw, err := everyElement(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(t.TempDir(), "written.cap.xml")
	if err := os.WriteFile(written, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	validate(t, lint, schema, written, "testdata/savona-esercitazione.cap.xml")
}

// validate fails the test unless xmllint finds all files valid.
func validate(t *testing.T, lint, schema string, files ...string) {
	t.Helper()
	args := append([]string{"--nonet", "--noout", "--schema", schema}, files...)
	if out, err := exec.CommandContext(t.Context(), lint, args...).CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
}

// TestMarshalRefuses changes one thing in a sound message.
func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*alert.Message)
		rule   alert.Rule
		path   string
	}{
		"control_character":  {func(m *alert.Message) { m.Note = "a\x01b" }, alert.RuleCharacter, "alert/note"},
		"carriage_return":    {func(m *alert.Message) { m.Infos[0].Description = "a\r\nb" }, alert.RuleCharacter, "alert/info[1]/description"},
		"bad_utf8":           {func(m *alert.Message) { m.Infos[0].Headline = "a\xff" }, alert.RuleCharacter, "alert/info[1]/headline"},
		"noncharacter":       {func(m *alert.Message) { m.Infos[0].Headline = "a\uFFFE" }, alert.RuleCharacter, "alert/info[1]/headline"},
		"bidi_override":      {func(m *alert.Message) { m.Infos[0].Instruction = "a\u202Eb" }, alert.RuleCharacter, "alert/info[1]/instruction"},
		"bidi_isolate":       {func(m *alert.Message) { m.Infos[0].Contact = "a\u2066b" }, alert.RuleCharacter, "alert/info[1]/contact"},
		"zero_width_space":   {func(m *alert.Message) { m.Infos[1].Event = "a\u200Bb" }, alert.RuleCharacter, "alert/info[2]/event"},
		"damaged_text":       {func(m *alert.Message) { m.Source = "citt\uFFFD" }, alert.RuleCharacter, "alert/source"},
		"not_nfc":            {func(m *alert.Message) { m.Infos[0].Headline = "citta\u0300" }, alert.RuleComposition, "alert/info[1]/headline"},
		"blank_text":         {func(m *alert.Message) { m.Infos[0].Headline = " \n" }, alert.RuleEmpty, "alert/info[1]/headline"},
		"identifier_space":   {func(m *alert.Message) { m.Identifier = "a b" }, alert.RuleIdentity, "alert/identifier"},
		"sender_comma":       {func(m *alert.Message) { m.Sender = "a,b" }, alert.RuleIdentity, "alert/sender"},
		"sender_absent":      {func(m *alert.Message) { m.Sender = "" }, alert.RuleIdentity, "alert/sender"},
		"sent_absent":        {func(m *alert.Message) { m.Sent = time.Time{} }, alert.RuleMissing, "alert/sent"},
		"sent_fraction":      {func(m *alert.Message) { m.Sent = m.Sent.Add(time.Millisecond) }, alert.RuleTime, "alert/sent"},
		"offset_seconds":     {func(m *alert.Message) { m.Sent = m.Sent.In(time.FixedZone("", 3601)) }, alert.RuleTime, "alert/sent"},
		"offset_15_hours":    {func(m *alert.Message) { m.Sent = m.Sent.In(time.FixedZone("", 15*3600)) }, alert.RuleTime, "alert/sent"},
		"status_unknown":     {func(m *alert.Message) { m.Status = "actual" }, alert.RuleSchemaValue, "alert/status"},
		"type_absent":        {func(m *alert.Message) { m.MsgType = "" }, alert.RuleMissing, "alert/msgType"},
		"empty_code":         {func(m *alert.Message) { m.Codes = append(m.Codes, "") }, alert.RuleEmpty, "alert/code[3]"},
		"restriction_absent": {func(m *alert.Message) { m.Restriction = "" }, alert.RuleRestriction, "alert/restriction"},
		"private_for_nobody": {func(m *alert.Message) { m.Scope, m.Addresses = alert.ScopePrivate, "" }, alert.RuleScope, "alert/addresses"},
		"public_restricted":  {func(m *alert.Message) { m.Scope = alert.ScopePublic }, alert.RuleRestriction, "alert/restriction"},
		"update_of_nothing":  {func(m *alert.Message) { m.References = nil }, alert.RuleNoReferences, "alert/references"},
		"cancel_of_nothing": {func(m *alert.Message) { m.MsgType, m.References = alert.MsgCancel, alert.References{} },
			alert.RuleNoReferences, "alert/references"},
		"references_itself": {func(m *alert.Message) { m.References = alert.References{m.Reference()} }, alert.RuleCircularReference, "alert/references"},
		"references_future": {func(m *alert.Message) { m.References[0].Sent = "2026-03-29T01:30:01+01:00" }, alert.RulePostdated, "alert/references"},
		"reference_forged":  {func(m *alert.Message) { m.References[0].Identifier = "a b,c" }, alert.RuleReferences, "alert/references"},
		"no_info":           {func(m *alert.Message) { m.Infos = nil }, alert.RuleNoInfo, "alert/info"},
		"language_absent":   {func(m *alert.Message) { m.Infos[1].Language = "" }, alert.RuleLanguage, "alert/info[2]/language"},
		"category_absent":   {func(m *alert.Message) { m.Infos[0].Categories = nil }, alert.RuleMissing, "alert/info[1]/category"},
		"category_unknown":  {func(m *alert.Message) { m.Infos[0].Categories[1] = "Sea" }, alert.RuleSchemaValue, "alert/info[1]/category[2]"},
		"response_unknown":  {func(m *alert.Message) { m.Infos[0].ResponseTypes[0] = "Run" }, alert.RuleSchemaValue, "alert/info[1]/responseType[1]"},
		"expires_absent":    {func(m *alert.Message) { m.Infos[0].Expires = time.Time{} }, alert.RuleExpires, "alert/info[1]/expires"},
		"expires_at_sent":   {func(m *alert.Message) { m.Infos[0].Expires = m.Sent }, alert.RuleLifetime, "alert/info[1]/expires"},
		"expires_early":     {func(m *alert.Message) { m.Infos[0].Effective = m.Infos[0].Expires }, alert.RuleLifetime, "alert/info[1]/expires"},
		"web_relative":      {func(m *alert.Message) { m.Infos[0].Web = "/allerte" }, alert.RuleAddress, "alert/info[1]/web"},
		"web_credentials":   {func(m *alert.Message) { m.Infos[0].Web = "https://a:b@comune.example/" }, alert.RuleAddress, "alert/info[1]/web"},
		"web_script":        {func(m *alert.Message) { m.Infos[0].Web = "javascript:alert(1)" }, alert.RuleAddress, "alert/info[1]/web"},
		"parameter_unnamed": {func(m *alert.Message) { m.Infos[0].Parameters[1].Name = "" }, alert.RuleEmpty, "alert/info[1]/parameter[2]/valueName"},
		"media_type":        {func(m *alert.Message) { m.Infos[0].Resources[0].MIMEType = "png" }, alert.RuleMediaType, "alert/info[1]/resource[1]/mimeType"},
		"size_negative":     {func(m *alert.Message) { m.Infos[0].Resources[0].Size = pointer(int64(-1)) }, alert.RuleResource, "alert/info[1]/resource[1]/size"},
		"uri_of_nothing":    {func(m *alert.Message) { m.Infos[0].Resources[0].DerefURI = "" }, alert.RuleRelativeURI, "alert/info[1]/resource[1]/uri"},
		"not_base64":        {func(m *alert.Message) { m.Infos[0].Resources[0].DerefURI = "b?" }, alert.RuleDerefURI, "alert/info[1]/resource[1]/derefUri"},
		"digest_short":      {func(m *alert.Message) { m.Infos[0].Resources[0].Digest = "0f" }, alert.RuleDigest, "alert/info[1]/resource[1]/digest"},
		"no_area":           {func(m *alert.Message) { m.Infos[1].Areas = nil }, alert.RuleNoArea, "alert/info[2]/area"},
		"area_nowhere":      {func(m *alert.Message) { m.Infos[1].Areas[0].Geocodes = nil }, alert.RuleArea, "alert/info[2]/area[1]"},
		"polygon_open":      {func(m *alert.Message) { m.Infos[0].Areas[0].Polygons[0][3].Lat = 44 }, alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]"},
		"polygon_short": {func(m *alert.Message) { m.Infos[0].Areas[0].Polygons[1] = alert.Polygon{{1, 1}, {2, 2}, {1, 1}} },
			alert.RulePolygon, "alert/info[1]/area[1]/polygon[2]"},
		"polygon_nan":   {func(m *alert.Message) { m.Infos[0].Areas[0].Polygons[0][1].Lon = math.NaN() }, alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]"},
		"latitude_91":   {func(m *alert.Message) { m.Infos[0].Areas[0].Polygons[0][1].Lat = 91 }, alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]"},
		"radius_zero":   {func(m *alert.Message) { m.Infos[0].Areas[0].Circles[0].RadiusKM = 0 }, alert.RuleCirclePoint, "alert/info[1]/area[1]/circle[1]"},
		"ceiling_alone": {func(m *alert.Message) { m.Infos[0].Areas[0].Altitude = nil }, alert.RuleCeiling, "alert/info[1]/area[1]/ceiling"},
		"ceiling_low":   {func(m *alert.Message) { m.Infos[0].Areas[0].Ceiling = pointer(-4.0) }, alert.RuleAltitude, "alert/info[1]/area[1]/ceiling"},
		"altitude_infinite": {func(m *alert.Message) { m.Infos[0].Areas[0].Altitude = pointer(math.Inf(1)) },
			alert.RuleAltitude, "alert/info[1]/area[1]/altitude"},
		"too_large": {func(m *alert.Message) { m.Infos[0].Description = strings.Repeat("pioggia ", 40_000) }, alert.RuleSize, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := everyElement(t)
			c.change(m)
			raw, err := m.Marshal()
			if raw != nil {
				t.Error("document: got one, want none")
			}
			wantFinding(t, err, c.rule, c.path)
		})
	}
}

// wantFinding fails the test unless err holds a finding of the rule at the path.
func wantFinding(t *testing.T, err error, rule alert.Rule, path string) {
	t.Helper()
	found, ok := errors.AsType[alert.Findings](err)
	if !ok {
		t.Fatalf("error: got %v, want findings with %s at %q", err, rule, path)
	}
	for _, f := range found {
		if f.Rule == rule && f.Path == path {
			if f.Message == "" || f.Severity != alert.LevelError {
				t.Errorf("finding: got %+v, want an error with a message", f)
			}
			return
		}
	}
	t.Errorf("findings: got %v, want %s at %q", found, rule, path)
}

// TestMarshalUTC writes UTC as CAP wants it, and reads no other spelling.
func TestMarshalUTC(t *testing.T) {
	t.Parallel()
	m := everyElement(t)
	m.Sent = m.Sent.UTC()
	raw, err := m.Marshal()
	if err != nil || !bytes.Contains(raw, []byte("<sent>2026-03-29T00:30:00-00:00</sent>")) {
		t.Fatalf("sent in UTC: got %v in %.300s, want -00:00", err, raw)
	}
	_, err = alert.Read(bytes.Replace(raw, []byte("30:00-00:00</sent>"), []byte("30:00+00:00</sent>"), 1))
	wantFinding(t, err, alert.RuleUTCOffset, "alert/sent")
}

// TestMarshalCancel writes the shortest message there is.
func TestMarshalCancel(t *testing.T) {
	t.Parallel()
	first, err := alert.Read(readFile(t, "testdata/savona-esercitazione.cap.xml"))
	if err != nil {
		t.Fatal(err)
	}
	m := &alert.Message{
		Identifier: "revoca-1", Sender: first.Sender, Sent: first.Sent.Add(time.Minute), Status: alert.StatusExercise,
		MsgType: alert.MsgCancel, Scope: alert.ScopePublic, Note: "Emessa per errore", References: alert.References{first.Reference()},
	}
	raw, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := alert.Read(raw)
	if err != nil || !again.References.Contains(first) || again.References.Contains(m) {
		t.Errorf("references: got %v, %v; want the first message and it alone", again, err)
	}
	if !again.Expires().IsZero() || first.Expires().IsZero() {
		t.Errorf("expires: got %v and %v, want none without an info", again.Expires(), first.Expires())
	}
}
