package alert_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
)

// TestReadRefuses changes one place of a sound document and looks for the
// finding, at the line of the change.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	sound := string(readFile(t, "testdata/every-element.cap.xml"))
	for name, c := range map[string]struct {
		old, changed string
		rule         alert.Rule
		path         string
		line         int
	}{
		"doctype":              {"<alert ", "<!DOCTYPE alert>\n<alert ", alert.RuleDoctype, "", 2},
		"doctype_inside":       {"<status>", "<!ELEMENT a ANY><status>", alert.RuleDoctype, "alert", 6},
		"stylesheet":           {"<alert ", "<?xml-stylesheet href=\"a.xsl\"?>\n<alert ", alert.RuleInstruction, "", 2},
		"instruction_inside":   {"<status>", "<?a b?><status>", alert.RuleInstruction, "alert", 6},
		"late_declaration":     {"<alert ", "<?xml version=\"1.0\"?>\n<alert ", alert.RuleWellFormed, "", 2},
		"space_before":         {"<?xml", " <?xml", alert.RuleWellFormed, "", 1},
		"version_11":           {`version="1.0"`, `version="1.1"`, alert.RuleWellFormed, "", 1},
		"latin1":               {"UTF-8", "ISO-8859-1", alert.RuleEncoding, "", 1},
		"bad_utf8":             {"postazione 2", "postazione \xe8", alert.RuleEncoding, "", 8},
		"nul":                  {"postazione 2", "postazione \x00", alert.RuleCharacter, "", 8},
		"control_reference":    {"postazione 2", "postazione &#x1F;", alert.RuleWellFormed, "", 8},
		"return_reference":     {"postazione 2", "postazione &#13;2", alert.RuleCharacter, "alert/source", 8},
		"bidi_reference":       {"postazione 2", "&#x202E;2 enoizatsop", alert.RuleCharacter, "alert/source", 8},
		"bidi_in_comment":      {"<status>", "<!-- a\u202Eb --><status>", alert.RuleCharacter, "alert", 6},
		"unknown_entity":       {"postazione 2", "postazione&nbsp;2", alert.RuleWellFormed, "", 8},
		"trailing_text":        {"</alert>\n", "</alert>\nfine", alert.RuleWellFormed, "", 93},
		"second_root":          {"</alert>\n", "</alert>\n<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"/>", alert.RuleWellFormed, "", 94},
		"cut_off":              {"</info>\n</alert>\n", "", alert.RuleWellFormed, "", 92},
		"cap_11":               {"cap:1.2", "cap:1.1", alert.RuleVersion, "alert", 2},
		"other_root":           {"cap:1.2", "cap:9", alert.RuleNamespace, "", 2},
		"foreign_element":      {"<status>", "<x:a xmlns:x=\"urn:x\"><x:b/></x:a><status>", alert.RuleNamespace, "alert/a", 6},
		"evil_twin":            {"<identifier>urn:x-prova:2</identifier>", "<x:identifier xmlns:x=\"urn:x\">EVIL</x:identifier>", alert.RuleMissing, "alert/identifier", 2},
		"undeclared_prefix":    {"<source>postazione 2</source>", "<cap:source>x</cap:source>", alert.RuleNamespace, "alert/source", 8},
		"no_namespace_inside":  {"<source>", "<source xmlns=\"\">", alert.RuleNamespace, "alert/source", 8},
		"attribute":            {"<source>", "<source id=\"1\">", alert.RuleAttribute, "alert/source", 8},
		"attribute_nil":        {"<source>", "<source xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:nil=\"true\">", alert.RuleAttribute, "alert/source", 8},
		"attribute_twice":      {"<alert ", "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\" ", alert.RuleWellFormed, "alert", 2},
		"signature":            {"</info>\n</alert>", "</info>\n<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><a/></Signature>\n</alert>", alert.RuleSignature, "alert/ds:Signature[1]", 93},
		"signature_early":      {"<status>", "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"/><status>", alert.RuleOrder, "alert/status", 6},
		"unknown_element":      {"<source>", "<fonte>x</fonte><source>", alert.RuleUnknown, "alert/fonte", 8},
		"wrong_order":          {"<status>Test</status>\n  <msgType>Update</msgType>", "<msgType>Update</msgType>\n  <status>Test</status>", alert.RuleOrder, "alert/status", 7},
		"polygon_after_code":   {"<altitude>", "<polygon>1,1 1,2 2,2 1,1</polygon><altitude>", alert.RuleOrder, "alert/info[1]/area[1]/polygon[3]", 73},
		"repeated":             {"<status>Test</status>", "<status>Test</status><status>Actual</status>", alert.RuleRepeated, "alert/status", 6},
		"missing":              {"    <urgency>Past</urgency>\n", "", alert.RuleMissing, "alert/info[1]/urgency", 17},
		"missing_mime_type":    {"      <mimeType>text/html</mimeType>\n", "", alert.RuleMissing, "alert/info[1]/resource[2]/mimeType", 59},
		"missing_value":        {"      <value>009056</value>\n", "", alert.RuleMissing, "alert/info[1]/area[1]/geocode[1]/value", 69},
		"text_between":         {"<category>Met", "Meteo<category>Met", alert.RuleMixed, "alert/info[1]", 17},
		"element_in_text":      {"postazione 2", "<b>postazione</b> 2", alert.RuleMixed, "alert/source", 8},
		"comment_in_text":      {"postazione 2", "posta<!-- x -->zione 2", alert.RuleComment, "alert/source", 8},
		"empty_element":        {"<source>postazione 2</source>", "<source/>", alert.RuleEmpty, "alert/source", 8},
		"empty_polygon":        {"<circle>", "<polygon> </polygon><circle>", alert.RuleEmpty, "alert/info[1]/area[1]/polygon[3]", 68},
		"status_case":          {">Test<", ">test<", alert.RuleSchemaValue, "alert/status", 6},
		"status_space":         {">Test<", "> Test<", alert.RuleSchemaValue, "alert/status", 6},
		"status_empty":         {">Test<", "><", alert.RuleSchemaValue, "alert/status", 6},
		"very_likely":          {">Observed<", ">Very Likely<", alert.RuleSchemaValue, "alert/info[1]/certainty", 26},
		"time_zulu":            {"01:30:00+01:00</sent>", "00:30:00Z</sent>", alert.RuleTime, "alert/sent", 5},
		"time_plus_zero":       {"07:00:00-00:00", "07:00:00+00:00", alert.RuleUTCOffset, "alert/info[2]/expires", 84},
		"time_no_zone":         {"01:30:00+01:00</sent>", "01:30:00</sent>", alert.RuleTime, "alert/sent", 5},
		"time_fraction":        {"01:30:00+01:00</sent>", "01:30:00.5+01:00</sent>", alert.RuleTime, "alert/sent", 5},
		"time_comma":           {"01:30:00+01:00</sent>", "01:30:00,01:00</sent>", alert.RuleTime, "alert/sent", 5},
		"time_offset":          {"01:30:00+01:00</sent>", "01:30:00+14:01</sent>", alert.RuleTime, "alert/sent", 5},
		"time_hour_24":         {"01:30:00+01:00</sent>", "24:00:00+01:00</sent>", alert.RuleTime, "alert/sent", 5},
		"time_second_60":       {"01:30:00+01:00</sent>", "01:30:60+01:00</sent>", alert.RuleTime, "alert/sent", 5},
		"time_short_hour":      {"T01:30:00+01:00</sent>", "T1:30:00+01:00</sent>", alert.RuleTime, "alert/sent", 5},
		"time_february_30":     {"2026-03-29T01:30:00+01:00</sent>", "2026-02-30T01:30:00+01:00</sent>", alert.RuleTime, "alert/sent", 5},
		"time_space":           {"01:30:00+01:00</sent>", "01:30:00+01:00 </sent>", alert.RuleSchemaValue, "alert/sent", 5},
		"time_year_1":          {"2026-03-29T01:30:00+01:00</sent>", "0001-01-01T00:00:00-00:00</sent>", alert.RuleTime, "alert/sent", 5},
		"language_underscore":  {">it-IT<", ">it_IT<", alert.RuleLanguage, "alert/info[1]/language", 18},
		"language_absent":      {"    <language>it-IT</language>\n", "", alert.RuleLanguage, "alert/info[1]/language", 17},
		"expires_absent":       {"    <expires>2026-03-29T09:00:00+02:00</expires>\n", "", alert.RuleExpires, "alert/info[1]/expires", 17},
		"references_pair":      {",urn:x-prova:1,2026", ",2026", alert.RuleReferences, "alert/references", 15},
		"references_commas":    {"-00:00 altra@", "-00:00,altra@", alert.RuleReferences, "alert/references", 15},
		"size_text":            {"<size>5<", "<size>5 kB<", alert.RuleSchemaValue, "alert/info[1]/resource[1]/size", 54},
		"size_negative":        {"<size>5<", "<size>-5<", alert.RuleResource, "alert/info[1]/resource[1]/size", 54},
		"size_endless":         {"<size>5<", "<size>99999999999999999999<", alert.RuleResource, "alert/info[1]/resource[1]/size", 54},
		"altitude_exponent":    {">-3.5<", ">-3.5e0<", alert.RuleAltitude, "alert/info[1]/area[1]/altitude", 73},
		"polygon_semicolon":    {"44.31,8.5 ", "44.31;8.5 ", alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]", 66},
		"polygon_hexadecimal":  {"44.31,8.5 ", "0x2c,8.5 ", alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]", 66},
		"polygon_swapped":      {">44.3,8.5 44.31,8.5 44.31,8.52 44.3,8.5<", ">118.5,44.3 8.5,44.31 8.52,44.31 118.5,44.3<", alert.RulePolygon, "alert/info[1]/area[1]/polygon[1]", 66},
		"circle_without_range": {" 2.5<", "<", alert.RuleCircle, "alert/info[1]/area[1]/circle[1]", 68},
		"circle_negative":      {" 2.5<", " -2.5<", alert.RuleCircle, "alert/info[1]/area[1]/circle[1]", 68},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(sound, c.old) {
				t.Fatalf("the sound document doesn't hold %q", c.old)
			}
			m, err := alert.Read([]byte(strings.Replace(sound, c.old, c.changed, 1)))
			if m != nil {
				t.Error("message: got one, want none")
			}
			wantFinding(t, err, c.rule, c.path)
			found, _ := errors.AsType[alert.Findings](err)
			for _, f := range found {
				if f.Rule == c.rule && f.Path == c.path && f.Line != c.line {
					t.Errorf("line: got %d, want %d: %v", f.Line, c.line, &f)
				}
			}
		})
	}
}

// TestReadAccepts changes a sound document in ways that change nothing.
func TestReadAccepts(t *testing.T) {
	t.Parallel()
	sound := string(readFile(t, "testdata/every-element.cap.xml"))
	want, err := alert.Read([]byte(sound))
	if err != nil {
		t.Fatal(err)
	}
	wantBytes, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string]string{
		"byte_order_mark":    "\uFEFF" + sound,
		"no_declaration":     strings.TrimPrefix(sound, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"),
		"spaced_declaration": strings.Replace(sound, `encoding="UTF-8"`, "encoding = 'utf-8' standalone='yes' ", 1),
		"crlf":               strings.ReplaceAll(sound, "\n", "\r\n"),
		"comment":            strings.Replace(sound, "<info>", "<!-- ISTAT, openpolis --><info>", 1),
		"comment_outside":    "\n<!-- before -->" + strings.SplitAfterN(sound, "?>\n", 2)[1] + "<!-- after -->\n",
		"prefix":             strings.NewReplacer("<?", "<?", "</", "</c:", "<", "<c:", "xmlns=", "xmlns:c=").Replace(sound),
		"character_data":     strings.Replace(sound, "postazione 2", "<![CDATA[postazione 2]]>", 1),
		"reference":          strings.Replace(sound, "postazione 2", "&#112;ostazione&#x20;2", 1),
		"schema_location": strings.Replace(sound, "<alert ",
			`<alert xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:oasis:names:tc:emergency:cap:1.2 cap12.xsd" `, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := alert.Read([]byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Marshal()
			if err != nil || string(got) != string(wantBytes) {
				t.Errorf("written again: got %v\n%s\nwant\n%s", err, got, wantBytes)
			}
			if string(m.Raw) != changed {
				t.Error("raw bytes: got others than were read")
			}
		})
	}
}

// TestReadLimits gives documents that cost more than any message is worth.
func TestReadLimits(t *testing.T) {
	t.Parallel()
	const head, tail = `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">`, `</alert>`
	ring := "1,1 " + strings.Repeat("1,2 ", 2600) + "1,1"
	for name, c := range map[string]struct {
		document string
		rule     alert.Rule
	}{
		"nothing":     {"", alert.RuleSize},
		"blank":       {" \n", alert.RuleWellFormed},
		"too_large":   {head + strings.Repeat(" ", 256<<10) + tail, alert.RuleSize},
		"too_deep":    {head + strings.Repeat("<info>", 40) + strings.Repeat("</info>", 40) + tail, alert.RuleLimit},
		"deep_aside":  {head + strings.Repeat("<x xmlns=\"urn:x\">", 40) + strings.Repeat("</x>", 40) + tail, alert.RuleLimit},
		"too_many":    {head + strings.Repeat("<code/>", 10_001) + tail, alert.RuleLimit},
		"many_points": {head + "<info><area>" + strings.Repeat("<polygon>"+ring+"</polygon>", 4) + "</area></info>" + tail, alert.RuleLimit},
		"utf16":       {"\xff\xfe<\x00a\x00", alert.RuleEncoding},
		"utf16_bare":  {"<\x00a\x00", alert.RuleEncoding},
		"bomb": {`<!DOCTYPE a [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>` + head + "<identifier>&c;</identifier>" + tail,
			alert.RuleDoctype},
		"external_entity": {`<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>` + head + "<identifier>&a;</identifier>" + tail, alert.RuleDoctype},
		"endless_name":    {"<" + strings.Repeat("a", 10_000), alert.RuleWellFormed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := alert.Read([]byte(c.document))
			wantRule(t, err, c.rule)
			if len(err.Error()) > 2000 {
				t.Errorf("words: got %d bytes, want fewer", len(err.Error()))
			}
		})
	}
}

func wantRule(t *testing.T, err error, rule alert.Rule) {
	t.Helper()
	found, ok := errors.AsType[alert.Findings](err)
	if !ok {
		t.Fatalf("error: got %v, want findings with %s", err, rule)
	}
	for _, f := range found {
		if f.Rule == rule {
			return
		}
	}
	t.Errorf("findings: got %v, want %s", found, rule)
}

// TestFindingsManyErrors floods the report: it stays short, and stays an error.
func TestFindingsManyErrors(t *testing.T) {
	t.Parallel()
	document := `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">` + strings.Repeat("<bad/>", 5000) + `</alert>`
	_, err := alert.Read([]byte(document))
	found, ok := errors.AsType[alert.Findings](err)
	if !ok || len(found) > 120 {
		t.Errorf("findings: got %d, %v; want about a hundred", len(found), ok)
	}
}

// TestFindingError gives a person the place, what is wrong and what to do.
func TestFindingError(t *testing.T) {
	t.Parallel()
	sound := string(readFile(t, "testdata/every-element.cap.xml"))
	_, err := alert.Read([]byte(strings.Replace(sound, ">Past<", ">Now\u202e<", 1)))
	const want = `CAP message: line 24, column 5: alert/info[1]/urgency: "Now\u202e" is not one of its values; ` +
		`write one of Immediate, Expected, Future, Past, Unknown, with these capitals`
	if err == nil || err.Error() != want {
		t.Errorf("error: got\n%v\nwant\n%s", err, want)
	}
	if f, ok := errors.AsType[*alert.Finding](err); !ok || f.Rule != alert.RuleSchemaValue || f.Severity.String() != "error" {
		t.Errorf("finding: got %+v, want the rule %q", f, alert.RuleSchemaValue)
	}
	many := alert.Findings{{Message: "a"}, {Message: "b"}, {Message: "c"}, {Message: "d"}, {Message: "e"}}
	if got, want := many.Error(), "CAP message: a | b | c | and 2 more"; got != want {
		t.Errorf("findings: got %q, want %q", got, want)
	}
}

// TestMessageFinds asks a message for what it holds.
func TestMessageFinds(t *testing.T) {
	t.Parallel()
	m := everyElement(t)
	if in := m.Info("EN-us"); in == nil || in.Event != "Test" {
		t.Errorf("info in en-US: got %+v, want the second", in)
	}
	if in := m.Info("fr"); in != nil {
		t.Errorf("info in fr: got %+v, want none", in)
	}
	if v, ok := m.Infos[0].Parameter("zona_allerta"); !ok || v != "Ligu-B" {
		t.Errorf("parameter: got %q, %v; want Ligu-B", v, ok)
	}
	if v, ok := m.Infos[0].EventCode("SAME"); ok {
		t.Errorf("event code: got %q, want none", v)
	}
	if v, ok := m.Infos[0].Areas[0].Geocode("ISTAT"); !ok || v != "009056" {
		t.Errorf("geocode: got %q, %v; want 009056", v, ok)
	}
	m.Infos[1].Expires = m.Infos[0].Expires.Add(-time.Hour)
	if got, want := m.Expires(), m.Infos[1].Expires; !got.Equal(want) {
		t.Errorf("expires: got %v, want the earliest, %v", got, want)
	}
	m.Infos[0].Expires = time.Time{}
	if got, want := m.Expires(), m.Infos[1].Expires; !got.Equal(want) {
		t.Errorf("expires with one open: got %v, want the other, %v", got, want)
	}
	m.Infos = nil
	if got := m.Expires(); !got.IsZero() {
		t.Errorf("expires without infos: got %v, want none", got)
	}
}

// TestReissue makes today's message of a prepared one.
func TestReissue(t *testing.T) {
	t.Parallel()
	m, err := alert.Read(readFile(t, "testdata/savona-esercitazione.cap.xml"))
	if err != nil {
		t.Fatal(err)
	}
	sent := time.Date(2027, 7, 1, 9, 0, 0, 0, time.FixedZone("", 7200))
	n := m.Reissue("nuovo-1", sent)
	raw, err := n.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<identifier>nuovo-1<", "<sent>2027-07-01T09:00:00+02:00<", "<onset>2027-07-01T10:00:00+02:00<", "<expires>2027-07-01T17:59:00+02:00<"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("document: %s is missing", want)
		}
	}
	if m.Infos[0].Expires.Equal(n.Infos[0].Expires) || n.Raw != nil {
		t.Error("the prepared message was changed, or its bytes were kept")
	}
	if got, want := n.Reference().String(), fmt.Sprintf("%s,nuovo-1,2027-07-01T09:00:00+02:00", m.Sender); got != want {
		t.Errorf("reference: got %s, want %s", got, want)
	}
}
