package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/templates/scenarios"
)

// saved writes a file into a folder of the test.
func saved(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCapCheck looks at what is printed, in words and as JSON, and at the exit status.
func TestCapCheck(t *testing.T) {
	t.Parallel()
	sound := string(scenarios.Demo())
	good := saved(t, "good.xml", scenarios.Demo())
	open := saved(t, "open.xml", []byte(strings.Replace(sound, "<circle>", "<polygon>1,1 1,2 2,2 3,3</polygon><circle>", 1)))
	if !strings.Contains(sound, "<circle>") {
		open = saved(t, "open.xml", []byte(strings.Replace(sound, "<polygon>", "<polygon>1,1 1,2 2,2 3,3</polygon>\n<polygon>", 1)))
	}
	broken := saved(t, "broken.xml", []byte(strings.Replace(sound, "<urgency>", "<urgency>Presto</urgency><urgency>", 1)))
	zulu := saved(t, "zulu.xml", []byte(strings.Replace(sound, "+01:00</sent>", "Z</sent>", 1)))
	stdout, _ := expect(t, 0, "cap", "check", good)
	if !strings.Contains(stdout, good+": CAP 1.2: ") {
		t.Errorf("of a sound file it says %s", stdout)
	}
	stdout, stderr := expect(t, 3, "cap", "check", good, open)
	if !strings.Contains(stdout, "ERROR [polygon INVALID_POLYGON] line ") || !strings.Contains(stdout, "is not closed: the last point is not the first; draw the area again") ||
		!strings.Contains(stderr, "files with errors: 1 of 2") {
		t.Errorf("of an open polygon it says %s%s", stdout, stderr)
	}
	expect(t, 0, "cap", "check", "--schema-only", good, open)
	expect(t, 3, "cap", "check", "--schema-only", good, zulu)
	expect(t, 3, "cap", "check", "--schema-only", broken)
	expect(t, 0, "cap", "check", "--own", good)
	expect(t, 3, "cap", "check", "--own", open)
	expect(t, 2, "cap", "check", "--own", "--schema-only", good)
	expect(t, 2, "cap", "check")
	stdout, stderr = expect(t, 1, "cap", "check", good, filepath.Join(t.TempDir(), "nothing.xml"), broken)
	if !strings.Contains(stdout, good) || !strings.Contains(stdout, broken) || !strings.Contains(stderr, "nothing.xml is not there") {
		t.Errorf("with a file that is not there it says %s%s", stdout, stderr)
	}
	stdout, _ = expect(t, 3, "cap", "check", "--json", broken, good)
	var v struct{ Files []capChecked }
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || len(v.Files) != 2 || v.Files[0].OK || !v.Files[1].OK || v.Files[0].Version != alert.CAP12 {
		t.Fatalf("as JSON: %v: %s", err, stdout)
	}
	i := slices.IndexFunc(v.Files[0].Findings, func(f capFinding) bool { return f.Severity == "error" })
	if f := v.Files[0].Findings[max(i, 0)]; f.Severity != "error" || f.Basis == "" || f.Message == "" || f.Advice == "" || f.Line == 0 || !strings.HasPrefix(f.Path, "alert/info[1]/urgency") {
		t.Errorf("the first finding is %+v", f)
	}
}

// TestCapCheckReadsStandardInput gives the file as standard input, and in Italian.
func TestCapCheckReadsStandardInput(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	italian := func(name string) string { return map[string]string{"TOCSIN_LANG": "it"}[name] }
	text := strings.Replace(string(scenarios.Demo()), "<urgency>", "<urgency>Presto</urgency><urgency>", 1)
	err := run(t.Context(), []string{"cap", "check", "-"}, strings.NewReader(text), &out, &errs, italian)
	if exitCode(err) != 3 || !strings.Contains(out.String(), "-: CAP 1.2: errori ") || !strings.Contains(out.String(), `ERRORE [value] riga `) || !strings.Contains(out.String(), "non è tra i valori ammessi; scrivere uno tra") {
		t.Errorf("%v: %s%s", err, out.String(), errs.String())
	}
}

// TestCapCheckAgreesWithXMLLint holds the exit status of --schema-only against xmllint
// on every sample message of CAP 1.2.
func TestCapCheckAgreesWithXMLLint(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("xmllint")
	dir := os.Getenv("TOCSIN_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "cap", "*valid", "*"))
	if err != nil || len(files) == 0 {
		if requireAll() {
			t.Fatalf("xmllint (%v) or the third-party vectors (%d) are required and absent", err, len(files))
		}
		t.Skip("skipped: xmllint or the third-party vectors are absent")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if version, _ := alert.CheckSchema(raw); version != alert.CAP12 {
			continue
		}
		want := exec.CommandContext(t.Context(), lint, "--nonet", "--noout", "--schema", filepath.Join(dir, "cap", "cap12.xsd"), file).Run() == nil
		if want {
			expect(t, 0, "cap", "check", "--schema-only", file)
		} else {
			expect(t, 3, "cap", "check", "--schema-only", file)
		}
	}
}

// feedServer serves a feed on loopback, and what its entries lead to.
func feedServer(t *testing.T, message []byte) string {
	t.Helper()
	inside := string(message[strings.Index(string(message), "<alert"):])
	feed := fmt.Sprintf(`<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><title>Allerte</title>
<entry><id>urn:1</id><title>Piena`+"\x1b[31m"+`</title><link type="application/cap+xml" href="cap/1.xml"/><cap:status>Exercise</cap:status><cap:msgType>Alert</cap:msgType><cap:areaDesc>Savona</cap:areaDesc></entry>
<entry><id>urn:2</id><title>Dentro</title><content type="text/xml">%s</content></entry>
<entry><id>urn:3</id><title>Altrove</title><link type="application/cap+xml" href="file:///etc/hostname"/></entry>
<entry><id>urn:4</id><title>Niente</title></entry>
<entry><id>urn:5</id><title>Pagina</title><link type="application/cap+xml" href="/page"/></entry>
<entry><id>urn:6</id><title>Ancora</title><link href="/feed.atom"/></entry>
</feed>`, inside)
	feed = strings.ReplaceAll(feed, "\x1b", "&#x202E;")
	mux := http.NewServeMux()
	mux.HandleFunc("/feed.atom", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(feed)) })
	mux.HandleFunc("/cap/1.xml", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(message) })
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html></html>")) })
	mux.Handle("/away", http.RedirectHandler("http://127.0.0.1:9/secret", http.StatusFound))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// TestCapFeed lists a feed and takes its entries.
func TestCapFeed(t *testing.T) {
	t.Parallel()
	message := scenarios.Demo()
	at := feedServer(t, message)
	feed := at + "/feed.atom"
	stdout, _ := expect(t, 0, "cap", "feed", feed, "--allow-private")
	for _, want := range []string{"Allerte: entries 6\n", "  1  Piena<U+202E>[31m\n     Exercise · Alert\n     Savona\n     id urn:1\n     cap/1.xml\n", "the CAP message is in the entry", "it does not say where the CAP message is"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the list lacks %q: %s", want, stdout)
		}
	}
	stdout, _ = expect(t, 0, "cap", "feed", feed, "--allow-private", "--json")
	var v fed
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || len(v.Entries) != 6 || v.Entries[0].ID != "urn:1" || v.Entries[0].MsgType != "Alert" || !v.Entries[1].Inside {
		t.Errorf("as JSON: %v: %s", err, stdout)
	}
	out := filepath.Join(t.TempDir(), "one.xml")
	stdout, _ = expect(t, 0, "cap", "feed", feed, "--allow-private", "--pick", "1", "-o", out)
	if raw, err := os.ReadFile(out); err != nil || string(raw) != string(message) || !strings.Contains(stdout, "as it came") {
		t.Errorf("the first entry: %v, %s", err, stdout)
	}
	stdout, stderr := expect(t, 0, "cap", "feed", feed, "--allow-private", "--pick", "urn:1")
	if stdout != string(message) || !strings.Contains(stderr, "taken without encryption (http)") {
		t.Error("on standard output it is not the message byte for byte")
	}
	inside := string(message[strings.Index(string(message), "<alert"):])
	if stdout, _ = expect(t, 0, "cap", "feed", feed, "--allow-private", "--pick", "2"); stdout != strings.TrimSpace(inside) {
		t.Error("the message in the entry is not taken byte for byte")
	}
	for name, c := range map[string]struct {
		status int
		says   string
		args   []string
	}{
		"private":        {3, "leads into a private network: name a public address, or add --allow-private", []string{feed}},
		"protocol":       {3, "which is no http address", []string{feed, "--allow-private", "--pick", "3"}},
		"nothing":        {3, "does not say where its CAP message is", []string{feed, "--allow-private", "--pick", "4"}},
		"page":           {3, "leads to no CAP message that can be used", []string{feed, "--allow-private", "--pick", "5"}},
		"another_feed":   {3, "leads to another feed", []string{feed, "--allow-private", "--pick", "6"}},
		"no_entry":       {1, "has no entry 9: it has 6", []string{feed, "--allow-private", "--pick", "9"}},
		"redirect":       {1, "sends us to http://127.0.0.1:9/secret, which nobody named", []string{at + "/away", "--allow-private"}},
		"not_there":      {1, "answered 404", []string{at + "/nothing", "--allow-private"}},
		"no_feed":        {3, "not that of an Atom or RSS feed", []string{at + "/cap/1.xml", "--allow-private"}},
		"taken":          {1, "exists already", []string{feed, "--allow-private", "--pick", "1", "-o", out}},
		"o_alone":        {2, "-o takes --pick", []string{feed, "-o", out + "2"}},
		"foreign_prefix": {3, "its prefix is declared", []string{saved(t, "f.atom", []byte(`<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><entry><content><cap:alert/></content></entry></feed>`)), "--pick", "1"}},
		"json_alone":     {2, "takes -o", []string{feed, "--pick", "1", "--json"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if stdout, stderr := expect(t, c.status, append([]string{"cap", "feed"}, c.args...)...); !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("it says %s%s, want %q", stdout, stderr, c.says)
			}
		})
	}
}

// TestComposeFromAddress makes drafts of a message and of a feed's entry at an address,
// of every version of CAP, and holds that the bulletin never holds others' bytes as ours.
func TestComposeFromAddress(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	foreign := edited(t, drill(t, time.Now()), "<sender>allerte@", "<sender>altri@")
	at := feedServer(t, foreign)
	for name, args := range map[string][]string{
		"message": {"--cap", at + "/cap/1.xml"},
		"entry":   {"--cap", at + "/feed.atom", "--pick", "urn:1"},
		"inside":  {"--cap", at + "/feed.atom", "--pick", "2"},
	} {
		out := filepath.Join(pg.dir, name)
		_, stderr := expect(t, 0, append([]string{"compose", "-c", pg.config, "-o", out, "--allow-private"}, args...)...)
		b, err := readBulletin(out, nil)
		if err != nil || b.Message.Sender == "altri@protezionecivile.savona.example" || !strings.Contains(stderr, "Reissued as an exercise of your own") {
			t.Errorf("%s: %v, %s", name, err, stderr)
		}
	}
	_, stderr := expect(t, 3, "compose", "-c", pg.config, "-o", filepath.Join(pg.dir, "no"), "--cap", at+"/cap/1.xml")
	if !strings.Contains(stderr, "leads into a private network") {
		t.Errorf("of a private address it says %s", stderr)
	}
	_, stderr = expect(t, 3, "compose", "-c", pg.config, "-o", filepath.Join(pg.dir, "no"), "--cap", at+"/feed.atom", "--allow-private")
	if !strings.Contains(stderr, "is a feed, not a CAP message") {
		t.Errorf("of a feed it says %s", stderr)
	}
	for version, text := range map[string]string{
		"1.0": `<alert xmlns="http://www.incident.com/cap/1.0"><identifier>a</identifier><sender>b@example.org</sender><sent>2004-01-02T03:04:05-00:00</sent><status>Actual</status><msgType>Alert</msgType><password>x</password>
<info><event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Very Likely</certainty><eventCode>same=FLW</eventCode><area><areaDesc>Here</areaDesc><geocode>fips=006109</geocode></area></info></alert>`,
		"1.1": `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.1"><identifier>a</identifier><sender>b@example.org</sender><sent>2009-01-02T03:04:05-00:00</sent><status>Actual</status><msgType>Update</msgType><scope>Public</scope>
<references>b@example.org,z,2009-01-01T03:04:05-00:00</references><info><category>CBRNE</category><event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Likely</certainty><area><areaDesc>Here</areaDesc><circle>44,8 3</circle></area></info></alert>`,
	} {
		out := filepath.Join(pg.dir, "v"+version)
		_, stderr := expect(t, 0, "compose", "-c", pg.config, "-o", out, "--cap", pg.written(version+".xml", []byte(text)))
		if b, err := readBulletin(out, nil); err != nil || b.Message.Version != alert.CAP12 || !strings.Contains(stderr, "Reissued as an exercise") {
			t.Errorf("CAP %s: %v, %s", version, err, stderr)
		}
	}
}
