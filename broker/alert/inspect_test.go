package alert_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/broker/alert"
)

// sound12 is a message of which nothing is to be said.
const sound12 = `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a</identifier><sender>b@example.org</sender>
<sent>2026-01-02T03:04:05+01:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
<info><language>it-IT</language><category>Met</category><event>Piena</event><responseType>Shelter</responseType><urgency>Immediate</urgency><severity>Severe</severity>
<certainty>Likely</certainty><expires>2026-01-02T06:04:05+01:00</expires><headline>Piena</headline><instruction>Salire ai piani alti.</instruction>
<web>https://www.comune.example/</web><contact>Sala operativa</contact>
<resource><resourceDesc>Mappa</resourceDesc><mimeType>image/png</mimeType><uri>https://www.comune.example/m.png</uri></resource>
<area><areaDesc>Savona</areaDesc><polygon>1,1 1,2 2,2 1,1</polygon></area></info></alert>`

// TestInspectFinds breaks each rule that is not the schema's once, and looks for one
// finding: its rule, its place, its severity.
func TestInspectFinds(t *testing.T) {
	t.Parallel()
	if _, found := alert.Inspect([]byte(sound12)); len(found) > 0 {
		t.Fatalf("of a sound message it says %v", found)
	}
	const info = "alert/info[1]/"
	sig := func(uri, method string) string {
		return `</info><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#` + method +
			`"/><Reference URI="` + uri + `"><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></Transforms></Reference></SignedInfo></Signature>`
	}
	for name, c := range map[string]struct {
		old, changed string
		rule         alert.Rule
		path         string
	}{
		"identity":            {">a<", ">a b<", alert.RuleIdentity, "alert/identifier"},
		"utc_offset":          {"05+01:00</sent>", "05+00:00</sent>", alert.RuleUTCOffset, "alert/sent"},
		"utc_time":            {"05+01:00</sent>", "05-00:00</sent>", alert.RuleUTCTime, "alert/sent"},
		"time":                {"2026-01-02T06:04:05", "2026-01-02T24:00:00", alert.RuleTime, info + "expires"},
		"empty_text":          {"<headline>Piena</headline>", "<headline>Piena</headline><description/>", alert.RuleEmpty, info + "description"},
		"no_references":       {"<msgType>Alert", "<msgType>Cancel", alert.RuleNoReferences, "alert/references"},
		"references":          {"</scope>", "</scope><references>b@example.org,x</references>", alert.RuleReferences, "alert/references"},
		"references_of_alert": {"</scope>", "</scope><references>b@example.org,x,2026-01-01T03:04:05+01:00</references>", alert.RuleAlertReferences, "alert/references"},
		"circular":            {"<msgType>Alert</msgType><scope>Public</scope>", "<msgType>Update</msgType><scope>Public</scope><references>b@example.org,a,2026-01-02T03:04:05+01:00</references>", alert.RuleCircularReference, "alert/references"},
		"postdated":           {"<msgType>Alert</msgType><scope>Public</scope>", "<msgType>Update</msgType><scope>Public</scope><references>b@example.org,x,2026-01-03T03:04:05+01:00</references>", alert.RulePostdated, "alert/references"},
		"restriction":         {"</scope>", "</scope><restriction>x</restriction>", alert.RuleRestriction, "alert/restriction"},
		"list":                {"</scope>", `</scope><addresses>a "b c</addresses>`, alert.RuleList, "alert/addresses"},
		"incidents":           {"</scope>", `</scope><incidents>a" b</incidents>`, alert.RuleList, "alert/incidents"},
		"note":                {"<status>Actual", "<status>Exercise", alert.RuleNote, "alert/note"},
		"not_shown":           {"<status>Actual", "<status>Test", alert.RuleNotShown, "alert/status"},
		"not_shown_scope":     {"<scope>Public</scope>", "<scope>Restricted</scope><restriction>x</restriction>", alert.RuleNotShown, "alert/scope"},
		"private":             {"<scope>Public", "<scope>Private", alert.RuleScope, "alert/addresses"},
		"language":            {"<language>it-IT</language>", "", alert.RuleLanguage, info + "language"},
		"language_underscore": {"it-IT", "it_IT", alert.RuleLanguage, info + "language"},
		"assess":              {">Shelter<", ">Assess<", alert.RuleAssess, info + "responseType[1]"},
		"value_name":          {"</certainty>", "</certainty><eventCode><valueName>Same</valueName><value>FLW</value></eventCode>", alert.RuleValueName, info + "eventCode[1]/valueName"},
		"value_name_periods":  {"</polygon>", "</polygon><geocode><valueName>F.I.P.S.</valueName><value>1</value></geocode>", alert.RuleValueName, info + "area[1]/geocode[1]/valueName"},
		"length":              {"<headline>Piena", "<headline>" + strings.Repeat("Piena ", 30), alert.RuleLength, info + "headline"},
		"html_tags":           {"Salire ", "Salire &lt;b&gt;subito&lt;/b&gt; ", alert.RuleHTMLTags, info + "instruction"},
		"html_entities":       {"Salire ", "Pi&amp;ugrave; in alto ", alert.RuleHTMLEntities, info + "instruction"},
		"web_relative":        {">https://www.comune.example/<", ">/allerte<", alert.RuleAddress, info + "web"},
		"web":                 {"<web>https://www.comune.example/</web>", "", alert.RuleWeb, info + "web"},
		"contact":             {"<contact>Sala operativa</contact>", "", alert.RuleContact, info + "contact"},
		"response_type":       {"<responseType>Shelter</responseType>", "", alert.RuleResponseType, info + "responseType"},
		"instruction":         {"<instruction>Salire ai piani alti.</instruction>", "", alert.RuleInstructionText, info + "instruction"},
		"expires":             {"<expires>2026-01-02T06:04:05+01:00</expires>", "", alert.RuleExpires, info + "expires"},
		"lifetime":            {"2026-01-02T06", "2026-01-02T02", alert.RuleLifetime, info + "expires"},
		"headline":            {"<headline>Piena</headline>", "", alert.RuleHeadline, info + "headline"},
		"media_type":          {"image/png", "png", alert.RuleMediaType, info + "resource[1]/mimeType"},
		"size":                {"<uri>", "<size>-1</size><uri>", alert.RuleResource, info + "resource[1]/size"},
		"relative_uri":        {"<uri>https://www.comune.example/m.png", "<uri>m.png", alert.RuleRelativeURI, info + "resource[1]/uri"},
		"no_uri":              {"<uri>https://www.comune.example/m.png</uri>", "", alert.RuleNoURI, info + "resource[1]"},
		"deref_uri":           {"</uri>", "</uri><derefUri>b?</derefUri>", alert.RuleDerefURI, info + "resource[1]/derefUri"},
		"inline_file":         {"</uri>", "</uri><derefUri>bWFwcGE=</derefUri>", alert.RuleInlineFile, info + "resource[1]/derefUri"},
		"digest":              {"</uri>", "</uri><digest>0f</digest>", alert.RuleDigest, info + "resource[1]/digest"},
		"digest_mismatch":     {"</uri>", "</uri><derefUri>bWFwcGE=</derefUri><digest>0123456789abcdef0123456789ABCDEF01234567</digest>", alert.RuleDigestMismatch, info + "resource[1]/digest"},
		"polygon":             {"2,2 1,1<", "2,2 1,3<", alert.RulePolygon, info + "area[1]/polygon[1]"},
		"crossing":            {"1,1 1,2 2,2 1,1", "1,1 2,2 1,2 2,1 1,1", alert.RulePolygonCrossing, info + "area[1]/polygon[1]"},
		"overlap":             {"</area>", "</area><area><areaDesc>Vado</areaDesc><polygon>1.2,1.3 1.2,3 1.6,1.7 1.2,1.3</polygon></area>", alert.RuleOverlap, info + "area[2]/polygon[1]"},
		"circle":              {"</polygon>", "</polygon><circle>91,1 2</circle>", alert.RuleCircle, info + "area[1]/circle[1]"},
		"circle_point":        {"</polygon>", "</polygon><circle>1,1 0</circle>", alert.RuleCirclePoint, info + "area[1]/circle[1]"},
		"altitude":            {"</polygon>", "</polygon><altitude>100</altitude><ceiling>50</ceiling>", alert.RuleAltitude, info + "area[1]/ceiling"},
		"ceiling":             {"</polygon>", "</polygon><ceiling>50</ceiling>", alert.RuleCeiling, info + "area[1]/ceiling"},
		"geocode_alone":       {"<polygon>1,1 1,2 2,2 1,1</polygon>", "<geocode><valueName>ISTAT</valueName><value>009056</value></geocode>", alert.RuleGeocodeAlone, info + "area[1]"},
		"area":                {"<polygon>1,1 1,2 2,2 1,1</polygon>", "", alert.RuleArea, info + "area[1]"},
		"no_area":             {"<area><areaDesc>Savona</areaDesc><polygon>1,1 1,2 2,2 1,1</polygon></area>", "", alert.RuleNoArea, info + "area"},
		"area_length":         {"Savona", strings.Repeat("Savona ", 8), alert.RuleAreaLength, info + "area[1]/areaDesc"},
		"decimals":            {"1,2 2,2", "1,2.1234567 2,2", alert.RuleDecimals, info + "area[1]/polygon[1]"},
		"same_text":           {"</alert>", sound12[strings.Index(sound12, "<info><language>it-IT"):], alert.RuleSameText, "alert/info[2]/event"},
		"character":           {">Piena</event>", ">\u202EaneiP</event>", alert.RuleCharacter, info + "event"},
		"composition":         {">Piena</event>", ">Citta\u0300</event>", alert.RuleComposition, info + "event"},
		"comment":             {">Piena</event>", ">Pi<!-- x -->ena</event>", alert.RuleComment, info + "event"},
		"stylesheet":          {"<alert ", "<?xml-stylesheet href='a'?><alert ", alert.RuleInstruction, ""},
		"no_info":             {sound12[strings.Index(sound12, "<info>"):strings.Index(sound12, "</alert>")], "", alert.RuleNoInfo, "alert/info"},
		"signature":           {"</info>", sig("", "rsa-sha256"), alert.RuleSignature, "alert/ds:Signature[1]"},
		"signature_form":      {"</info>", sig("#x", "rsa-sha256"), alert.RuleSignatureForm, "alert/ds:Signature[1]"},
		"signature_weak":      {"</info>", sig("", "rsa-sha1"), alert.RuleSignatureWeak, "alert/ds:Signature[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := strings.Replace(sound12, c.old, c.changed, 1)
			if name == "same_text" {
				document = strings.Replace(document, "it-IT", "de-DE", 1)
			}
			if document == sound12 {
				t.Fatal("nothing was changed")
			}
			m, found := alert.Inspect([]byte(document))
			if m == nil || !m.Imported() || string(m.Raw) != document {
				t.Error("the message, or its bytes, are not there")
			}
			i := slices.IndexFunc(found, func(f alert.Finding) bool { return f.Rule == c.rule && f.Path == c.path })
			if i < 0 {
				t.Fatalf("got %+v, want %s at %q", found, c.rule, c.path)
			}
			want := c.rule.Info().Severity
			if name == "language_underscore" { // the schema forbids it
				want = alert.LevelError
			}
			if found[i].Severity != want || found[i].Line == 0 {
				t.Errorf("got %+v, want it to be of level %v, with its line", found[i], want)
			}
		})
	}
}

// TestInspectSaysWhatTheSchemaForbids holds that what Import only warns of is an error
// here where the schema has it.
func TestInspectSaysWhatTheSchemaForbids(t *testing.T) {
	t.Parallel()
	for name, changed := range map[string]string{"zulu": "05Z</sent>", "fraction": "05.5+01:00</sent>"} {
		document := []byte(strings.Replace(sound12, "05+01:00</sent>", changed, 1))
		if _, _, err := alert.Import(document); err != nil {
			t.Errorf("%s: Import refuses it: %v", name, err)
		}
		_, found := alert.Inspect(document)
		if errs := found.Errors(); len(errs) != 1 || errs[0].Path != "alert/sent" {
			t.Errorf("%s: got %v, want one error at alert/sent", name, found)
		}
	}
}

// TestCrossing looks for rings that cross or touch themselves.
func TestCrossing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ring    string
		crosses bool
	}{
		"triangle":        {"0,0 0,1 1,1 0,0", false},
		"concave":         {"0,0 0,4 4,4 4,3 1,3 1,1 4,1 4,0 0,0", false},
		"repeated_point":  {"0,0 0,1 0,1 1,1 0,0", false},
		"point_on_line":   {"0,0 0,1 0,2 1,2 0,0", false},
		"bow":             {"0,0 1,1 1,0 0,1 0,0", true},
		"touches_corner":  {"0,0 0,2 1,1 2,2 2,0 1,1 0,0", true},
		"touches_side":    {"0,0 0,4 4,4 2,0 4,0 0,0", true},
		"fold":            {"0,0 0,2 0,1 1,1 0,0", true},
		"flat":            {"0,0 0,2 0,1 0,0", true},
		"fold_at_the_end": {"0,0 0,2 2,2 2,0 -1,0 0,0", true},
		"twice_around":    {"0,0 0,1 1,1 0,0 0,1 1,1 0,0", true},
		"hole_by_bridge":  {"0,0 0,9 9,9 9,0 0,0 3,3 6,3 6,6 3,6 3,3 0,0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, ring := range []string{c.ring, swapped(c.ring), backwards(c.ring)} {
				_, found := alert.Inspect([]byte(strings.Replace(sound12, "1,1 1,2 2,2 1,1", ring, 1)))
				if got := slices.ContainsFunc(found, func(f alert.Finding) bool { return f.Rule == alert.RulePolygonCrossing }); got != c.crosses {
					t.Errorf("%s crosses itself: got %v, want %v: %v", ring, got, c.crosses, found)
				}
			}
		})
	}
}

func swapped(ring string) string {
	points := strings.Fields(ring)
	for i, p := range points {
		a, b, _ := strings.Cut(p, ",")
		points[i] = b + "," + a
	}
	return strings.Join(points, " ")
}

func backwards(ring string) string {
	points := strings.Fields(ring)
	slices.Reverse(points)
	return strings.Join(points, " ")
}

// coast returns a message whose one ring has n points, jagged as a coast is.
func coast(n int) []byte {
	var ring strings.Builder
	for i := range n {
		angle := 2 * math.Pi * float64(i) / float64(n-1)
		radius := 1.5 + 0.02*math.Sin(float64(i))
		if i == n-1 {
			angle, radius = 0, 1.5
		}
		fmt.Fprintf(&ring, "%.6f,%.6f ", 44+radius*math.Cos(angle), 8+radius*math.Sin(angle))
	}
	return []byte(strings.Replace(sound12, "1,1 1,2 2,2 1,1", strings.TrimSpace(ring.String()), 1))
}

// TestTangledPolygonEnds gives a ring whose every side lies beside every other: the
// search for crossings ends, and says that it did.
func TestTangledPolygonEnds(t *testing.T) {
	t.Parallel()
	const n = 40_000
	var ring strings.Builder
	point := func(a, b float64) { fmt.Fprintf(&ring, "%.4f,%.4f ", a+b, a-b) } // aslant to both axes
	for i := range n {                                                         // a comb: up and down, each tooth beside the last
		point(float64(i)/2000, float64(i%2*10))
	}
	point(20, 11)
	point(-1, 11)
	point(-1, 0)
	point(0, 0)
	_, found := alert.Inspect([]byte(strings.Replace(sound12, "1,1 1,2 2,2 1,1", strings.TrimSpace(ring.String()), 1)))
	if len(found) != 1 || found[0].Rule != alert.RulePolygonCrossing || !strings.Contains(found[0].Message, "too tangled") {
		t.Errorf("got %v, want that it is too tangled", found)
	}
}

// BenchmarkInspect checks the largest kind of message there is: a ring of 41,000 points.
func BenchmarkInspect(b *testing.B) {
	raw := coast(41_000)
	if _, found := alert.Inspect(raw); len(found.Errors()) > 0 {
		b.Fatal(found)
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		alert.Inspect(raw)
	}
}

// TestSignedMessages holds xmlsec1 against what Import makes of signed messages: the
// signature is recognised and not believed, and the bytes that are kept still verify.
func TestSignedMessages(t *testing.T) {
	t.Parallel()
	sec := xmlsec1(t)
	tried := 0
	for _, row := range manifest(t) {
		if row[11] == "" || row[3] != "xsd-valid" {
			continue
		}
		tried++
		m, findings, err := alert.Import(readFile(t, filepath.Join(vectors(t), "cap", row[0], row[1])))
		if err != nil {
			t.Errorf("%s: refused: %v", row[1], err)
			continue
		}
		if !slices.ContainsFunc(findings, func(f alert.Finding) bool { return f.Rule == alert.RuleSignature }) {
			t.Errorf("%s: nothing is said of its signature: %v", row[1], findings)
		}
		name := filepath.Join(t.TempDir(), "kept.xml")
		if err := os.WriteFile(name, m.Raw, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), sec, "--verify", "--insecure", name).CombinedOutput()
		if got, want := err == nil, row[11] == "OK"; got != want {
			t.Errorf("%s: xmlsec1 verifies what was kept: got %v, want %v as the manifest has it: %s", row[1], got, want, out)
		}
	}
	if tried < 9 {
		t.Errorf("tried %d signed messages, want 9", tried)
	}
}
