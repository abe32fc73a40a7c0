package alert_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"tocsin/broker/alert"
)

// meetsSchema asks xmllint which of the documents meet the schema.
func meetsSchema(t *testing.T, lint, schema string, documents [][]byte) []bool {
	t.Helper()
	dir := t.TempDir()
	meets := make([]bool, len(documents))
	const batch = 500
	for from := 0; from < len(documents); from += batch {
		args := []string{"--nonet", "--noout", "--schema", schema}
		for i := from; i < min(from+batch, len(documents)); i++ {
			name := filepath.Join(dir, fmt.Sprintf("%05d.xml", i))
			if err := os.WriteFile(name, documents[i], 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, name)
		}
		out, _ := exec.CommandContext(t.Context(), lint, args...).CombinedOutput() // the status is that of the worst
		for line := range strings.Lines(string(out)) {
			var i int
			name, ok := strings.CutSuffix(strings.TrimSpace(line), ".xml validates")
			if _, err := fmt.Sscanf(filepath.Base(name), "%05d", &i); ok && err == nil {
				meets[i] = true
			}
		}
	}
	return meets
}

// schemaValues are texts at the borders of the types that the schemas have, for each
// element that has one.
func schemaValues() map[string][]string {
	times := []string{
		"2026-01-02T03:04:05+01:00", "2026-01-02T24:00:00+01:00", "2026-01-02T24:00:01+01:00", "2026-01-02T03:04:60+01:00", "2026-02-29T03:04:05+01:00",
		"2024-02-29T03:04:05+01:00", "1900-02-29T03:04:05+01:00", "2000-02-29T03:04:05+01:00", "0000-01-02T03:04:05+01:00", "0001-01-02T03:04:05+01:00",
		"2026-13-02T03:04:05+01:00", "2026-00-02T03:04:05+01:00", "2026-01-00T03:04:05+01:00", "2026-04-31T03:04:05+01:00", "2026-01-02T03:60:05+01:00",
		"2026-01-02T03:04:05+14:00", "2026-01-02T03:04:05+14:01", "2026-01-02T03:04:05-14:00", "2026-01-02T03:04:05-14:30", "2026-01-02T03:04:05+13:60",
		"2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05.5+01:00", " 2026-01-02T03:04:05+01:00\n", "2026-01-02T03:04:05,01:00",
		"-2026-01-02T03:04:05+01:00", "12026-01-02T03:04:05+01:00", "02026-01-02T03:04:05+01:00", "2026-01-02T25:04:05-00:00", "2026-01-02t03:04:05+01:00",
		"2026-01-02T03:04:05+1:00", "2026-01-02T03:04:05+24:00", "2026-01-02T24:00:00.0Z", "2026-01-02T24:00:00.1Z", "", " ", "domani", "2026-01-02T03:04:05.Z",
		"2026-01<!-- x -->-02T03:04:05+01:00", "<![CDATA[2026-01-02T03:04:05+01:00]]>", "2026-01-02T03:04:05&#43;01:00", "\u00a02026-01-02T03:04:05+01:00",
	}
	addresses := []string{
		"", "http://a b", "http://a/%zz", "http://a/%41", "a:b", "1a:b", "//x", "http://[::1]/", "http://[x", "#a#b", "http://a:b/", "http://a:80/", "http://a:/",
		"{a}", "a|b", "è", "http://è/", "mailto:a@b", "?a?b", "a b", "  http://a  ", "http://a/[b]", "http://a?[", "http://a#[", "\\\\x", "^", "`", "%", "%4",
		"http:///x", "http://", "x://", "http://u@h@i/", "http://a:99999999999/", "http://a:2147483647/", "a:", "://a", ":a", "./a:b", "a/b:c", "http://a/&quot;",
		"http://a\tb", "http://1.2.3.999/", "%41:a", "http://%41/", "@", "a@b:c", "http://a/&amp;b=c", "a&lt;b", "http://u:p@h:1/x?y=z#f", "http://[::1]:80/", "http://[::1]x/",
		"http://u@[::1]/", "http://u[@h/", "a%3Ab", "http://a:080/", "urn:x:y", "b:", "#", "?", "/", "//", "http://a;b/c;d=e", "http://a/%2", "+a:b", "a+b-c.d:e",
	}
	numbers := []string{
		"1", "+1", "-1", "", "1.0", " 1 ", "999999999999999999999999", "9999999999999999999999999", "0000000000000000000000000000001", "1e3", "--1", "٣", "+1.5", "-1.",
		".5", ".", "INF", "1.1.1", "0.999999999999999999999999", "0.9999999999999999999999999999", "-", "+", "00000000000000000000000000000001.5", "123456789012345678.1234567",
		"+.5", "1 2", "NaN", "0x10", "-0", "0", "1<!-- -->2", "1,5", "12 m",
	}
	languages := []string{"", " ", " it ", "it", "it-IT", "a", "english", "abcdefghi", "it-12345678", "it-123456789", "it--IT", "it_IT", "-it", "it-", "1t", "it-1", "x-a", "è", "<!-- x -->"}
	lists := []string{"Actual", "actual", "Actual ", "Draft", "System", "Alert", "Ack", "Public", "Private", "Met", "CBRNE", "CBRN", "Avoid", "AllClear", "None", "Past", "Minor", "Likely", "Very Likely", "Observed", "", "Unknown", "<![CDATA[Met]]>", "M<?a b?>et"}
	values := map[string][]string{"language": languages, "size": numbers, "altitude": numbers, "ceiling": numbers, "web": addresses, "uri": addresses}
	for _, name := range []string{"sent", "effective", "onset", "expires"} {
		values[name] = times
	}
	for _, name := range []string{"status", "msgType", "scope", "category", "responseType", "urgency", "severity", "certainty"} {
		values[name] = lists
	}
	return values
}

var (
	leafForm    = regexp.MustCompile(`<([A-Za-z]+)>([^<]*)</[A-Za-z]+>`)
	elementForm = regexp.MustCompile(`<(/?)([A-Za-z]+)[^>]*>`)
)

// span is a whole element in a text.
type span struct{ from, to int }

// elements returns every element of a text without comments or sections.
func elements(text string) (all []span) {
	var open []int
	for _, at := range elementForm.FindAllStringSubmatchIndex(text, -1) {
		switch {
		case text[at[2]:at[3]] == "/":
			if len(open) > 0 {
				all = append(all, span{open[len(open)-1], at[1]})
				open = open[:len(open)-1]
			}
		case strings.HasSuffix(text[at[0]:at[1]], "/>"):
			all = append(all, span{at[0], at[1]})
		default:
			open = append(open, at[0])
		}
	}
	return all
}

// mutant changes one place of a document as those err who write CAP, and as those do
// who attack its readers.
func mutant(r *rand.Rand, text string, others []string) string {
	all := elements(text)
	one, two := all[r.IntN(len(all))], all[r.IntN(len(all))]
	inside := func(s string) string { // after the start of an element
		at := one.from + strings.IndexByte(text[one.from:], '>') + 1
		return text[:at] + s + text[at:]
	}
	const ds = `xmlns="http://www.w3.org/2000/09/xmldsig#"`
	const xsi = `xmlns:i="http://www.w3.org/2001/XMLSchema-instance"`
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	switch r.IntN(14) {
	case 0: // one is missing
		return text[:one.from] + text[one.to:]
	case 1: // one is there twice
		return text[:one.to] + text[one.from:one.to] + text[one.to:]
	case 2: // two have changed places
		if one.from > two.from {
			one, two = two, one
		}
		if one.to > two.from {
			return text
		}
		return text[:one.from] + text[two.from:two.to] + text[one.to:two.from] + text[one.from:one.to] + text[two.to:]
	case 3: // one has moved
		moved := text[one.from:one.to]
		rest := text[:one.from] + text[one.to:]
		places := elements(rest)
		if len(places) == 0 {
			return rest
		}
		to := places[r.IntN(len(places))].to
		return rest[:to] + moved + rest[to:]
	case 4: // one has another name
		name := elementForm.FindStringSubmatch(text[one.from:one.to])[2]
		changed := pick("x", "Identifier", "event", "value", "polygon", "area", "alert", "info", "mimeType", "password", "Signature")
		return text[:one.from] + strings.ReplaceAll(strings.ReplaceAll(text[one.from:one.to], "<"+name+">", "<"+changed+">"), "</"+name+">", "</"+changed+">") + text[one.to:]
	case 5: // something stands where nothing should
		return inside(pick("x", "<!-- x -->", "<?a b?>", "<![CDATA[ ]]>", "<![CDATA[x]]>", " \n", "&#32;", "&#65;", "\u00a0", "<b>x</b>", "&nbsp;", "&#0;", "\x01", "]]>", "<", "&", "\xff", "&#xFFFE;", "<x/>", "<!-- -- -->"))
	case 6: // an attribute
		at := one.from + strings.IndexAny(text[one.from:], " >")
		return text[:at] + pick(` id="1"`, ` xml:lang="it"`, ` `+xsi+` i:nil="true"`, ` `+xsi+` i:schemaLocation="urn:x x.xsd"`, ` `+xsi+` i:noNamespaceSchemaLocation="x.xsd"`,
			` xmlns:q="urn:q"`, ` xmlns=""`, ` xmlns="urn:x"`, ` a="1" a="2"`, ` xmlns:a="b"xmlns:c="d"`, ` a`, ` a=1`, ` a="<"`, ` q:a="b"`, ` xmlns:q=""`) + text[at:]
	case 7: // at the end, where the schema lets a signature stand
		end := strings.LastIndex(text, "</")
		return text[:end] + pick("<Signature "+ds+"/>", "<Signature "+ds+"/><Signature "+ds+"><a>x</a></Signature>", "<Foo "+ds+` a="b">t<x xmlns="">y</x></Foo>`, "<Foo "+ds+"><q:x/></Foo>",
			`<Foo xmlns="urn:x"/>`, "<Foo "+ds+`><x a="1" a="2"/></Foo>`, "<Foo "+ds+">&nbsp;</Foo>", "<Foo>x</Foo>") + text[end:]
	case 8: // before the root, or behind it
		if r.IntN(3) == 0 {
			return text + pick("x", "<x/>", "<!-- x -->", "<?a b?>", "\n \n", "<![CDATA[]]>", "<!DOCTYPE alert>", "\x01")
		}
		_, bare, _ := strings.Cut(text, "?>")
		return pick(`<?xml version="1.1"?>`, `<?xml version="2.0"?>`, `<?xml version="1.0" encoding="us-ascii"?>`, `<?xml version="1.0" encoding="x-unknown"?>`, `<!DOCTYPE alert>`,
			`<!DOCTYPE alert SYSTEM "x.dtd">`, `<!DOCTYPE alert PUBLIC "-//A" "x.dtd">`, "\n", "\n<?xml version=\"1.0\"?>", `<?xml-stylesheet href="a"?>`, `<?XML a?>`, `<!DOCTYPE alert><!DOCTYPE alert>`,
			`<?xml version="1.0" standalone="yes"?>`, `<?xml version="1.0" standalone="perhaps"?>`, "\uFEFF", `<?xml encoding="UTF-8"?>`, `<?xml version='1.0' encoding='ISO-8859-1'?>`, "x", "<!-- x -->") + strings.TrimLeft(bare, " \n")
	case 9: // cut off, or a character too many
		at := r.IntN(len(text))
		return text[:at] + pick("", text[min(at+1, len(text)):], "<"+text[at:], "&"+text[at:], "\""+text[at:], "/"+text[at:], "é"+text[at:])
	case 10: // a part of another document
		other := others[r.IntN(len(others))]
		parts := elements(other)
		part := parts[r.IntN(len(parts))]
		return text[:one.from] + other[part.from:part.to] + text[one.to:]
	default: // another value
		leaves := leafForm.FindAllStringSubmatchIndex(text, -1)
		values := schemaValues()
		leaves = slices.DeleteFunc(leaves, func(at []int) bool { return values[text[at[2]:at[3]]] == nil })
		if len(leaves) == 0 {
			return text
		}
		at := leaves[r.IntN(len(leaves))]
		return text[:at[4]] + pick(values[text[at[2]:at[3]]]...) + text[at[5]:]
	}
}

// TestSchemaAgreesWithXMLLint holds CheckSchema against libxml2, in both directions: on
// every sample message, on every border of the types, and on documents that were changed
// in one place or two.
func TestSchemaAgreesWithXMLLint(t *testing.T) {
	t.Parallel()
	lint, dir := xmllint(t), filepath.Join(vectors(t), "cap")
	full := string(readFile(t, "testdata/every-element.cap.xml"))
	full11 := strings.NewReplacer("cap:1.2", "cap:1.1", "Avoid", "Monitor", "AllClear", "None").Replace(full)
	var samples [][]byte
	for _, folder := range []string{"valid", "invalid", "feeds"} {
		files, err := filepath.Glob(filepath.Join(dir, folder, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			samples = append(samples, readFile(t, file))
		}
	}
	bases := map[alert.Version][]string{alert.CAP12: {full}, alert.CAP11: {full11}}
	for _, raw := range samples {
		if version, _ := alert.CheckSchema(raw); len(bases[version]) > 0 && len(raw) < 8<<10 && !bytes.Contains(raw, []byte("cap:")) && !bytes.Contains(raw, []byte("<!")) {
			bases[version] = append(bases[version], string(raw))
		}
	}
	count := 2000
	if testing.Short() || raceDetector {
		count = 200
	}
	for version, schema := range map[alert.Version]string{alert.CAP12: "cap12.xsd", alert.CAP11: "cap11.xsd"} {
		t.Run(string(version), func(t *testing.T) {
			t.Parallel()
			documents := slices.Clone(samples)
			for name, values := range schemaValues() {
				at := regexp.MustCompile(`<` + name + `>[^<]*<`).FindStringIndex(bases[version][0])
				for _, v := range values {
					base := bases[version][0]
					documents = append(documents, []byte(base[:at[0]]+"<"+name+">"+v+"<"+base[at[1]:]))
				}
			}
			r := rand.New(rand.NewPCG(2, uint64(len(schema)+int(version[2]))))
			for range count {
				text := bases[version][r.IntN(len(bases[version]))]
				if r.IntN(2) == 0 {
					text = bases[version][0]
				}
				text = mutant(r, text, bases[version])
				if r.IntN(4) == 0 && len(elements(text)) > 0 && !strings.Contains(text, "<!") && !strings.Contains(text, "<?a") {
					text = mutant(r, text, bases[version])
				}
				documents = append(documents, []byte(text))
			}
			for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
				text := strings.Replace(bases[version][0], "UTF-8", "UTF-16", 1)
				wide := order.AppendUint16(nil, 0xFEFF)
				for _, unit := range utf16.Encode([]rune(text)) {
					wide = order.AppendUint16(wide, unit)
				}
				documents = append(documents, wide)
			}
			met := 0
			for i, want := range meetsSchema(t, lint, filepath.Join(dir, schema), documents) {
				found, findings := alert.CheckSchema(documents[i])
				got := len(findings) == 0 && found == version
				if want {
					met++
				}
				if got != want {
					t.Errorf("document %d: CheckSchema says %v (%v), xmllint %v:\n%s", i, got, findings, want, documents[i])
				}
			}
			if met < len(documents)/8 || met > len(documents)*7/8 {
				t.Errorf("%d of %d documents meet the schema: one direction is hardly tried", met, len(documents))
			}
		})
	}
}
