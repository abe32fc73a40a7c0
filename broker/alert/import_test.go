package alert_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
)

// Three short messages, one for each version of CAP.
const (
	short10 = `<alert xmlns="http://www.incident.com/cap/1.0"><identifier>a</identifier><sender>b@example.org</sender>
<sent>2004-01-02T03:04:05.678Z</sent><status>Actual</status><msgType>Alert</msgType><password>parola-segreta</password>
<info><event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Very Likely</certainty>
<eventCode>same=FLW</eventCode><area><areaDesc>Here</areaDesc><geocode>fips=006109</geocode><altitude>high</altitude></area></info></alert>`
	short11 = `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.1"><identifier>a</identifier><sender>b@example.org</sender>
<sent>2009-01-02T24:00:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
<info><category>Met</category><event>Flood</event><responseType>Avoid</responseType><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Likely</certainty><resource><resourceDesc>Map</resourceDesc></resource></info></alert>`
	short12 = `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a</identifier><sender>b@example.org</sender>
<sent>2026-01-02T03:04:05+01:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
<info><category>Met</category><event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity>
<certainty>Likely</certainty><area><areaDesc>Here</areaDesc><polygon>1,1 1,2 2,2 1,1</polygon></area></info></alert>`
)

// TestImportOlderVersions reads what only older versions have.
func TestImportOlderVersions(t *testing.T) {
	t.Parallel()
	m, _, err := alert.Import([]byte(short10))
	if err != nil {
		t.Fatal(err)
	}
	in := m.Infos[0]
	if v, ok := in.EventCode("same"); m.Version != alert.CAP10 || in.Certainty != alert.CertaintyLikely || !ok || v != "FLW" {
		t.Errorf("CAP 1.0: got %s %s %v, want 1.0, Likely, same=FLW", m.Version, in.Certainty, in.EventCodes)
	}
	if want := time.Date(2004, 1, 2, 3, 4, 5, 0, time.UTC); !m.Sent.Equal(want) || m.Scope != "" || in.Areas[0].Altitude != nil {
		t.Errorf("CAP 1.0: got sent %v scope %q altitude %v; want %v, none, none", m.Sent, m.Scope, in.Areas[0].Altitude, want)
	}
	m, _, err = alert.Import([]byte(short11))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2009, 1, 3, 0, 0, 0, 0, time.UTC); !m.Sent.Equal(want) || m.Infos[0].Language != "en-US" {
		t.Errorf("CAP 1.1: got sent %v language %q; want %v, en-US", m.Sent, m.Infos[0].Language, want)
	}
	if got, want := m.Reference().Sent, "2009-01-02T24:00:00"; got != want {
		t.Errorf("sent in a reference: got %q, want the bytes of the document, %q", got, want)
	}
}

// TestImportWarns changes a short message so that it is doubtful and not wrong.
func TestImportWarns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document, old, changed string
		rule                   alert.Rule
		path                   string
	}{
		"zulu":               {short12, "+01:00<", "Z<", alert.RuleTime, "alert/sent"},
		"fraction":           {short12, ":05+01:00<", ":05.25+01:00<", alert.RuleTime, "alert/sent"},
		"plus_zero":          {short12, "+01:00<", "+00:00<", alert.RuleUTCOffset, "alert/sent"},
		"hour_24":            {short12, "T03:04:05", "T24:00:00", alert.RuleTime, "alert/sent"},
		"space_around_time":  {short12, "+01:00<", "+01:00\n <", alert.RuleSchemaValue, "alert/sent"},
		"space_around_value": {short12, ">Actual<", "> Actual <", alert.RuleSchemaValue, "alert/status"},
		"no_zone_in_11":      {short11, "", "", alert.RuleTime, "alert/sent"},
		"newer_value":        {short11, "", "", alert.RuleSchemaValue, "alert/info[1]/responseType[1]"},
		"very_likely":        {short10, "", "", alert.RuleSchemaValue, "alert/info[1]/certainty"},
		"no_scope":           {short10, "", "", alert.RuleMissing, "alert/scope"},
		"no_pair":            {short10, "same=FLW", "FLW", alert.RuleSchemaValue, "alert/info[1]/eventCode[1]"},
		"height_in_words":    {short10, "", "", alert.RuleAltitude, "alert/info[1]/area[1]/altitude"},
		"no_language":        {short12, "", "", alert.RuleLanguage, "alert/info[1]/language"},
		"empty_language":     {short12, "<category>", "<language></language><category>", alert.RuleEmpty, "alert/info[1]/language"},
		"no_expires":         {short12, "", "", alert.RuleExpires, "alert/info[1]/expires"},
		"empty_text":         {short12, "</certainty>", "</certainty><description/>", alert.RuleEmpty, "alert/info[1]/description"},
		"empty_circle":       {short12, "</polygon>", "</polygon><circle/>", alert.RuleEmpty, "alert/info[1]/area[1]/circle[1]"},
		"open_polygon":       {short12, "2,2 1,1<", "2,2 3,3<", alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]"},
		"latitude_91":        {short12, "2,2 1,1<", "91,2 1,1<", alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]"},
		"radius_zero":        {short12, "</polygon>", "</polygon><circle>1,1 0</circle>", alert.RuleCirclePoint, "alert/info[1]/area[1]/circle[1]"},
		"bad_references":     {short12, "</scope>", "</scope><references>x</references>", alert.RuleReferences, "alert/references"},
		"comment_in_text":    {short12, "Flood", "Fl<!-- -->ood", alert.RuleComment, "alert/info[1]/event"},
		"stylesheet":         {short12, "<alert", "<?xml-stylesheet href='a'?><alert", alert.RuleInstruction, ""},
		"bidi":               {short12, "Flood", "\u202EdoolF", alert.RuleCharacter, "alert/info[1]/event"},
		"not_nfc":            {short12, "Flood", "Alluvione citta\u0300", alert.RuleComposition, "alert/info[1]/event"},
		"identifier_space":   {short12, ">a<", ">a b<", alert.RuleIdentity, "alert/identifier"},
		"negative_size": {short12, "<area>", "<resource><resourceDesc>x</resourceDesc><mimeType>a/b</mimeType><size>-1</size></resource><area>",
			alert.RuleResource, "alert/info[1]/resource[1]/size"},
		"signature": {short12, "</info>", "</info><Signature xmlns='http://www.w3.org/2000/09/xmldsig#'><a><b/></a></Signature>",
			alert.RuleSignature, "alert/ds:Signature[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := strings.Replace(c.document, c.old, c.changed, 1)
			m, warnings, err := alert.Import([]byte(document))
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Raw) != document {
				t.Error("raw bytes: got others than were read")
			}
			for _, f := range warnings {
				if f.Rule == c.rule && f.Path == c.path && f.Severity == alert.LevelWarning {
					return
				}
			}
			t.Errorf("warnings: got %v, want %s at %q", warnings, c.rule, c.path)
		})
	}
}

// TestImportRefuses changes a short message so that it is wrong for anyone.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document, old, changed string
		rule                   alert.Rule
	}{
		"no_zone":           {short12, "+01:00<", "<", alert.RuleTime},
		"no_time":           {short12, "2026-01-02T03:04:05+01:00", "yesterday", alert.RuleTime},
		"unread_polygon":    {short12, "1,2 2,2", "1,2 2;2", alert.RulePolygon},
		"unread_circle":     {short12, "</polygon>", "</polygon><circle>1,1</circle>", alert.RuleCircle},
		"wrong_case":        {short12, ">Actual<", ">ACTUAL<", alert.RuleSchemaValue},
		"wrong_order":       {short12, "<status>Actual</status><msgType>Alert</msgType>", "<msgType>Alert</msgType><status>Actual</status>", alert.RuleOrder},
		"no_scope":          {short12, "<scope>Public</scope>", "", alert.RuleMissing},
		"no_media_type":     {short12, "<area>", "<resource><resourceDesc>x</resourceDesc></resource><area>", alert.RuleMissing},
		"response_in_10":    {short10, "</event>", "</event><responseType>None</responseType>", alert.RuleUnknown},
		"password_in_12":    {short12, "<scope>", "<password>x</password><scope>", alert.RuleUnknown},
		"signature_in_11":   {short11, "</info>", "</info><Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/>", alert.RuleUnknown},
		"early_signature":   {short12, "<info>", "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/><info>", alert.RuleOrder},
		"doctype":           {short12, "<alert", "<!DOCTYPE alert SYSTEM 'http://127.0.0.1:9/x.dtd'><alert", alert.RuleDoctype},
		"doctype_in_aside":  {short12, "</info>", "</info><Signature xmlns='http://www.w3.org/2000/09/xmldsig#'><!DOCTYPE a></Signature>", alert.RuleDoctype},
		"entity":            {short12, "Flood", "&xxe;", alert.RuleWellFormed},
		"utf7":              {short12, "<alert", "<?xml version='1.0' encoding='utf-7'?><alert", alert.RuleEncoding},
		"undefined_byte":    {short12, "<alert", "<?xml version='1.0' encoding='windows-1252'?><!--\x81--><alert", alert.RuleEncoding},
		"latin1_as_utf8":    {short12, "Flood", "Citt\xe0", alert.RuleEncoding},
		"two_declarations":  {short12, "<alert", "<?xml version='1.0'?><?xml version='1.0' encoding='ISO-8859-1'?><alert", alert.RuleWellFormed},
		"unknown_version":   {short12, "cap:1.2", "cap:1.3", alert.RuleNamespace},
		"feed":              {`<feed xmlns="http://www.w3.org/2005/Atom"/>`, "", "", alert.RuleNamespace},
		"too_large":         {short12, "Flood", strings.Repeat("Flood", 1<<18), alert.RuleSize},
		"too_many_points":   {short12, "1,2 ", strings.Repeat("1,2 ", 50_001), alert.RuleLimit},
		"too_deep":          {short12, "</info>", "</info><Signature xmlns='http://www.w3.org/2000/09/xmldsig#'>" + strings.Repeat("<a>", 50), alert.RuleLimit},
		"flood_of_warnings": {short12, "<info>", strings.Repeat("<code/>", 500) + "<info><bad/>", alert.RuleUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, warnings, err := alert.Import([]byte(strings.Replace(c.document, c.old, c.changed, 1)))
			if m != nil {
				t.Error("message: got one, want none")
			}
			wantRule(t, err, c.rule)
			if len(warnings) > 120 || len(alert.Findings(warnings).Errors()) != 0 {
				t.Errorf("warnings: got %d, %v; want about a hundred at most, and no errors", len(warnings), warnings)
			}
		})
	}
}

// TestImportEncodings reads the same word in every encoding that is read.
func TestImportEncodings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ declaration, word, want string }{
		"utf8":           {`<?xml version="1.0" encoding="utf-8"?>`, "Libertà €", "Libertà €"},
		"byte_mark":      {"\uFEFF" + `<?xml version="1.0"?>`, "Libertà €", "Libertà €"},
		"latin1":         {`<?xml version = "1.0" encoding = "ISO-8859-1" standalone="no" ?>`, "Libert\xe0", "Libertà"},
		"windows":        {`<?xml version='1.0' encoding='Windows-1252'?>`, "Libert\xe0 \x80 \x93\x9f", "Libertà € “Ÿ"},
		"no_declaration": {"", "Libertà", "Libertà"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _, err := alert.Import([]byte(c.declaration + strings.Replace(short12, "Flood", c.word, 1)))
			if err != nil || m.Infos[0].Event != c.want {
				t.Errorf("event: got %+v, %v; want %q", m, err, c.want)
			}
		})
	}
}

// TestImportKeepsNoPassword holds that the password of CAP 1.0 stays in the
// bytes that came, and appears in no finding.
func TestImportKeepsNoPassword(t *testing.T) {
	t.Parallel()
	m, warnings, err := alert.Import([]byte(short10))
	if err != nil || strings.Contains(alert.Findings(warnings).Error(), "parola-segreta") {
		t.Fatalf("import: %v, %v", warnings, err)
	}
	for _, v := range plain(reflect.ValueOf(*m)) {
		if s, ok := v.(string); ok && strings.Contains(s, "parola-segreta") {
			t.Errorf("message holds the password: %q", s)
		}
	}
}

// TestImportReferences joins triplets as some senders do.
func TestImportReferences(t *testing.T) {
	t.Parallel()
	document := strings.Replace(short12, "</scope>", "</scope><references>b,1,2026-01-02T03:04:05+01:00,b,2,2026-01-02T03:04:05Z x,y b,3,2026-01-01T00:00:00-00:00</references>", 1)
	m, _, err := alert.Import([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	const want = "b,1,2026-01-02T03:04:05+01:00 b,2,2026-01-02T03:04:05Z b,3,2026-01-01T00:00:00-00:00"
	if got := m.References.String(); got != want {
		t.Errorf("references: got %q, want %q", got, want)
	}
}

// TestAdopt holds that nothing of others goes out as ours by accident.
func TestAdopt(t *testing.T) {
	t.Parallel()
	m, _, err := alert.Import([]byte(short12))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Marshal()
	wantRule(t, err, alert.RuleForeign)
	_, err = m.Clone().Marshal()
	wantRule(t, err, alert.RuleForeign)
	_, err = m.Reissue("x", m.Sent).Marshal()
	wantRule(t, err, alert.RuleForeign)

	own := m.Adopt("allerte@comune.example", "nostro-1", m.Sent.Add(time.Hour))
	own.Infos[0].Expires = own.Sent.Add(time.Hour)
	own.Infos[0].Areas[0].Polygons[0][0].Lat, own.Infos[0].Areas[0].Polygons[0][3].Lat = 0.5, 0.5
	raw, err := own.Marshal()
	if err != nil || own.Imported() || own.Raw != nil {
		t.Fatalf("adopted: got imported %v, raw %q, %v", own.Imported(), own.Raw, err)
	}
	if _, err := alert.Read(raw); err != nil {
		t.Errorf("adopted and written: %v", err)
	}
	if !m.Imported() || m.Identifier != "a" || m.Infos[0].Areas[0].Polygons[0][0].Lat != 1 {
		t.Errorf("the imported message was changed: %+v", m)
	}
}

// TestAdoptVectors adopts every real message that can be read, mends what our
// rules ask for beyond the schema, and lets libxml2 judge what is written.
func TestAdoptVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(vectors(t), "cap")
	files, err := filepath.Glob(filepath.Join(dir, "valid", "*"))
	if err != nil || len(files) < 50 {
		t.Fatalf("messages: got %d, %v", len(files), err)
	}
	out := t.TempDir()
	var written []string
	for _, file := range files {
		m, _, err := alert.Import(readFile(t, file))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		raw, err := mend(m).Marshal()
		if err != nil {
			t.Logf("%s can't be ours: %v", filepath.Base(file), err)
			continue
		}
		path := filepath.Join(out, filepath.Base(file)+".xml")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		written = append(written, path)
	}
	if len(written) < 45 {
		t.Errorf("written as ours: got %d of %d messages, want at least 45", len(written), len(files))
	}
	validate(t, xmllint(t), filepath.Join(dir, "cap12.xsd"), written...)
}

// mend gives an imported message what [alert.Check] asks for beyond the schema.
func mend(m *alert.Message) *alert.Message {
	own := m.Adopt("allerte@comune.example", "nostro-1", m.Sent.Truncate(time.Second))
	own.References, own.MsgType = nil, alert.MsgAlert
	own.Restriction, own.Scope = "", alert.ScopePublic
	if len(own.Infos) == 0 {
		own.Infos = []alert.Info{{Language: "it-IT", Event: "Prova", Urgency: alert.UrgencyUnknown, Severity: alert.SeverityUnknown, Certainty: alert.CertaintyUnknown}}
	}
	for i := range own.Infos {
		in := &own.Infos[i]
		in.Effective, in.Expires = time.Time{}, own.Sent.Add(time.Hour)
		in.EventCodes, in.Parameters, in.Resources, in.Web = nil, nil, nil, ""
		if len(in.Categories) == 0 {
			in.Categories = []alert.Category{alert.CategoryOther}
		}
		if in.Event == "" {
			in.Event = "Prova"
		}
		if len(in.Areas) == 0 {
			in.Areas = []alert.Area{{Desc: "Provincia"}}
		}
		for j := range in.Areas {
			in.Areas[j].Geocodes = []alert.NamedValue{{Name: "ISTAT", Value: "009056"}}
			in.Areas[j].Circles = nil
		}
	}
	return own
}
