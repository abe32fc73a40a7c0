package website_test

import (
	"bytes"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/website"
)

// feed is what an independent reader takes from the feed.
type feed struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string   `xml:"http://www.w3.org/2005/Atom id"`
	Entries []struct {
		ID        string `xml:"http://www.w3.org/2005/Atom id"`
		Title     string `xml:"http://www.w3.org/2005/Atom title"`
		Updated   string `xml:"http://www.w3.org/2005/Atom updated"`
		Published string `xml:"http://www.w3.org/2005/Atom published"`
		Summary   string `xml:"http://www.w3.org/2005/Atom summary"`
		Links     []struct {
			Rel  string `xml:"rel,attr"`
			Type string `xml:"type,attr"`
			Href string `xml:"href,attr"`
		} `xml:"http://www.w3.org/2005/Atom link"`
		Identifier string   `xml:"urn:oasis:names:tc:emergency:cap:1.2 identifier"`
		Status     string   `xml:"urn:oasis:names:tc:emergency:cap:1.2 status"`
		MsgType    string   `xml:"urn:oasis:names:tc:emergency:cap:1.2 msgType"`
		Scope      string   `xml:"urn:oasis:names:tc:emergency:cap:1.2 scope"`
		Effective  string   `xml:"urn:oasis:names:tc:emergency:cap:1.2 effective"`
		Onset      string   `xml:"urn:oasis:names:tc:emergency:cap:1.2 onset"`
		Expires    string   `xml:"urn:oasis:names:tc:emergency:cap:1.2 expires"`
		Areas      []string `xml:"urn:oasis:names:tc:emergency:cap:1.2 areaDesc"`
		Geocode    struct {
			Name  string `xml:"urn:oasis:names:tc:emergency:cap:1.2 valueName"`
			Value string `xml:"urn:oasis:names:tc:emergency:cap:1.2 value"`
		} `xml:"urn:oasis:names:tc:emergency:cap:1.2 geocode"`
	} `xml:"http://www.w3.org/2005/Atom entry"`
}

func (st *stage) feed() feed {
	st.t.Helper()
	var f feed
	if err := xml.Unmarshal([]byte(st.page("/feed.atom")), &f); err != nil {
		st.t.Fatal(err)
	}
	return f
}

func TestFeed(t *testing.T) {
	t.Parallel()
	st := newStage(t, nil)
	first := message("SV-7F3K2", 1, "Alert")
	st.now = noon.Add(5 * time.Minute) // an entry is of the message's time, not of the site's
	st.mustPut(first, translated(first, 2, "en", "Wind", "Strong wind."))
	before := st.feed()
	if len(before.Entries) != 1 {
		t.Fatalf("%d entries, want one for the message with its two texts", len(before.Entries))
	}
	e := before.Entries[0]
	for name, c := range map[string][2]string{
		"feed id": {before.ID, public + "/feed.atom"}, "id": {e.ID, "tag:allerte.provincia.example.it,2026-11-22:cap/IT-SV-7F3K2-1"},
		"title": {e.Title, first.Title}, "summary": {e.Summary, first.Text}, "updated": {e.Updated, "2026-11-22T13:00:00+01:00"},
		"published": {e.Published, "2026-11-22T13:00:00+01:00"}, "identifier": {e.Identifier, "IT-SV-7F3K2-1"}, "status": {e.Status, "Actual"},
		"msgType": {e.MsgType, "Alert"}, "scope": {e.Scope, "Public"}, "effective": {e.Effective, "2026-11-22T15:30:00+01:00"},
		"onset": {e.Onset, "2026-11-22T16:00:00+01:00"}, "expires": {e.Expires, "2026-11-22T19:00:00+01:00"},
		"areas": {strings.Join(e.Areas, ","), "Savona,Costa <ovest>"}, "geocode": {e.Geocode.Name + e.Geocode.Value, "ISTAT009056"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %q, want %q", name, c[0], c[1])
		}
	}
	links := map[string]string{}
	for _, l := range e.Links {
		links[l.Type] = l.Href
	}
	if links["text/html"] != public+"/a/SV-7F3K2" || links["application/cap+xml"] != public+"/cap/IT-SV-7F3K2-1.xml" {
		t.Errorf("the links are %v, want the page and the CAP document", links)
	}

	// A change is another entry; what stands stays as it was.
	update := message("SV-7F3K2", 2, "Cancel")
	update.Notice.Sent = noon.Add(time.Hour)
	st.mustPut(update)
	after := st.feed()
	if len(after.Entries) != 2 || after.Entries[0].Identifier != "IT-SV-7F3K2-2" || after.Entries[1].ID != e.ID || after.Entries[1].Updated != e.Updated {
		t.Errorf("after the revocation the entries are %+v, want the new one before the first", after.Entries)
	}
}

// TestFeedIsAtom asks xmllint, which knows nothing of us, with the schema of RFC
// 4287.
func TestFeedIsAtom(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		missing(t, "xmllint")
	}
	schema := filepath.Join(vectors(t), "cap", "atom_rfc4287.rng")
	if _, err := os.Stat(schema); err != nil {
		missing(t, "the schema of Atom (TOCSIN_VECTORS)")
	}
	empty := newStage(t, nil)
	full := newStage(t, func(c *website.SiteConfig) { c.Exercise, c.Language = true, "de" })
	for i, status := range []string{"Exercise", "Test"} {
		p := message("SV-7F3K"+string(rune('A'+i)), 1, "Alert")
		p.Notice.Status = status
		full.mustPut(p)
	}
	bare := message("SV-9Q9Q9", 1, "Update")
	bare.Notice.Status, bare.Notice.CAP, bare.Notice.Areas, bare.Notice.Issuer = "Exercise", nil, nil, ""
	bare.Notice.SHA256, bare.Title = "", ""
	full.mustPut(bare)
	for name, st := range map[string]*stage{"empty": empty, "full": full} {
		file := filepath.Join(t.TempDir(), name+".atom")
		if err := os.WriteFile(file, []byte(st.page("/feed.atom")), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), lint, "--nonet", "--noout", "--relaxng", schema, file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, bytes.TrimSpace(out))
		}
	}
}

// vectors returns the folder of third-party test data.
func vectors(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("TOCSIN_VECTORS"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "vectors")
}
