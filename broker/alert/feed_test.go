package alert_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
)

// TestReadFeedVectors reads the feeds of others.
func TestReadFeedVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(vectors(t), "cap", "feeds")
	for file, want := range map[string]struct {
		entries int
		link    string // of the first
		inside  bool
		status  string
		area    string
	}{
		"google--amber.atom":               {1, "", true, "Actual", "Washington D.C."},
		"google--earthquake.atom":          {1, "http://earthquake.usgs.gov/earthquakes/catalogs/cap/us2010apcd", true, "Actual", "1 mi. WSW of Brawley"},
		"google--earthquake_index.atom":    {1, "http://earthquake.usgs.gov/earthquakes/catalogs/cap/us2010apcd", false, "", ""},
		"google--empty_weather_index.atom": {0, "", false, "", ""},
		"google--no_link.atom":             {1, "", false, "", ""},
		"google--no_title.atom":            {1, "", false, "", ""},
		"google--ny_index.rss":             {2, "http://www.nyalert.gov/Public/News/GetCapAlert.aspx?capID=NYAlert-ALLHAZALERT-3167113", false, "", ""},
		"google--weather_invalid.atom":     {1, "http://www.weather.gov/alerts-beta/wwacapget.php?x=DC20100829202900LWXAirQualityAlertLWX20100831040000DC", true, "Actual", "Central and Southern Lewis and Clark"},
		"google--xee.atom":                 {-1, "", false, "", ""},
		"mark-adams--nws_atom.xml":         {5, "http://alerts.weather.gov/cap/wwacapget.php?x=AR1253BA2D9194.FloodWarning.1253BA3B7444AR.LZKFLSLZK.342064b5a5aafb8265dfc3707d6a3b09", false, "Actual", "Jackson; Woodruff"},
		"thtroyer--noaaExampleSmall.xml":   {1, "https://alerts.weather.gov/cap/wwacapget.php?x=AK125867734B60.SpecialWeatherStatement.12586773BBE0AK.AFGSPSAFG.88fff69aab9bb2a74b526abf4c216ea1", false, "Actual", "Central Interior"},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			raw := readFile(t, filepath.Join(dir, file))
			feed, err := alert.ReadFeed(raw)
			if want.entries < 0 {
				wantRule(t, err, alert.RuleDoctype)
				return
			}
			if err != nil || len(feed.Entries) != want.entries || feed.Title == "" || !alert.IsFeed(raw) {
				t.Fatalf("got %+v, %v; want %d entries", feed, err, want.entries)
			}
			if want.entries == 0 {
				return
			}
			e := feed.Entries[0]
			if e.ID == "" || e.Updated.IsZero() || e.Link != want.link || e.Status != want.status || !strings.HasPrefix(e.Area, want.area) || (e.Message != nil) != want.inside {
				t.Errorf("entry: got %+v, want %+v", e, want)
			}
			if want.inside && !bytes.Contains(raw, e.Message) {
				t.Error("the message is not the bytes of the feed")
			}
		})
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) != 11 {
		t.Errorf("the vectors have %d feeds (%v), and 11 are tried", len(files), err)
	}
}

const (
	atomFeed = `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><title>Allerte</title>
<entry><id>urn:1</id><title>Piena</title><updated>2026-01-02T03:04:05+01:00</updated>
<link rel="alternate" type="text/html" href="p.html"/><link rel="related" href="other.xml"/><link type="application/cap+xml" href="/cap/1.xml"/><link rel="self" href="no.xml"/>
<cap:msgType>Update</cap:msgType><cap:status>Exercise</cap:status><cap:areaDesc>Savona</cap:areaDesc><cap:identifier>x-1</cap:identifier>
<author><name>N</name><uri>u</uri></author></entry></feed>`
	rssFeed = `<rss version="2.0" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><channel><title>Allerte</title><link>https://a.example/</link>
<item><title>Piena</title><link>https://a.example/1.xml</link><guid isPermaLink="false">x-1</guid><pubDate>Fri, 02 Jan 2026 03:04:05 +0100</pubDate>
<cap:severity>Severe</cap:severity><cap:expires>2026-01-02T06:04:05+01:00</cap:expires></item></channel></rss>`
)

// TestReadFeed reads what the two kinds of feeds can say.
func TestReadFeed(t *testing.T) {
	t.Parallel()
	feed, err := alert.ReadFeed([]byte(atomFeed))
	if err != nil || len(feed.Entries) != 1 {
		t.Fatal(feed, err)
	}
	if e := feed.Entries[0]; feed.Title != "Allerte" || e.ID != "urn:1" || e.Title != "Piena" || e.Link != "/cap/1.xml" || e.MsgType != "Update" || e.Status != "Exercise" ||
		e.Area != "Savona" || e.Identifier != "x-1" || !e.Updated.Equal(time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)) {
		t.Errorf("Atom: got %+v", e)
	}
	feed, err = alert.ReadFeed([]byte(rssFeed))
	if err != nil || len(feed.Entries) != 1 {
		t.Fatal(feed, err)
	}
	if e := feed.Entries[0]; feed.Title != "Allerte" || e.ID != "x-1" || e.Link != "https://a.example/1.xml" || e.Severity != "Severe" || e.Expires != "2026-01-02T06:04:05+01:00" ||
		!e.Updated.Equal(time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)) {
		t.Errorf("RSS: got %+v", e)
	}
	inside := strings.Replace(atomFeed, "<author>", "<content type='text/xml'>"+sound12+"</content><author>", 1)
	feed, err = alert.ReadFeed([]byte(inside))
	if err != nil || string(feed.Entries[0].Message) != sound12 || feed.Entries[0].Event != "Piena" || feed.Entries[0].Sender != "b@example.org" {
		t.Errorf("inside: got %+v, %v", feed, err)
	}
	if alert.IsFeed([]byte(sound12)) || alert.IsFeed([]byte("Buongiorno")) || alert.IsFeed(nil) {
		t.Error("something else is taken for a feed")
	}
}

// TestReadFeedRefuses gives what is no feed, or costs more than one is worth.
func TestReadFeedRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document string
		rule     alert.Rule
	}{
		"empty":       {"", alert.RuleSize},
		"blank":       {" ", alert.RuleWellFormed},
		"message":     {sound12, alert.RuleNamespace},
		"page":        {"<html><body/></html>", alert.RuleNamespace},
		"two_roots":   {atomFeed + atomFeed, alert.RuleNamespace},
		"doctype":     {`<!DOCTYPE feed [<!ENTITY a SYSTEM "file:///etc/hostname">]>` + atomFeed, alert.RuleDoctype},
		"late":        {strings.Replace(atomFeed, "<entry>", "<!DOCTYPE a><entry>", 1), alert.RuleDoctype},
		"inside":      {strings.Replace(atomFeed, "<author>", `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><!DOCTYPE a></alert><author>`, 1), alert.RuleDoctype},
		"entity":      {strings.Replace(atomFeed, "Piena", "&xxe;", 1), alert.RuleWellFormed},
		"cut_off":     {atomFeed[:len(atomFeed)/2], alert.RuleWellFormed},
		"cut_inside":  {strings.Replace(atomFeed, "<author>", `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><info>`, 1), alert.RuleWellFormed},
		"too_large":   {atomFeed + strings.Repeat(" ", 4<<20), alert.RuleSize},
		"too_deep":    {strings.Replace(atomFeed, "<author>", strings.Repeat("<a>", 100), 1), alert.RuleLimit},
		"deep_inside": {strings.Replace(atomFeed, "<author>", `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">`+strings.Repeat("<a>", 100), 1), alert.RuleLimit},
		"too_many":    {strings.Replace(atomFeed, "<author>", strings.Repeat("<a/>", 300_000)+"<author>", 1), alert.RuleLimit},
		"utf16":       {"\xff\xfe<\x00a\x00", alert.RuleEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed, err := alert.ReadFeed([]byte(c.document))
			if feed != nil {
				t.Errorf("got %+v, want none", feed)
			}
			wantRule(t, err, c.rule)
		})
	}
	entry := atomFeed[strings.Index(atomFeed, "<entry>"):strings.Index(atomFeed, "</feed>")]
	feed, err := alert.ReadFeed([]byte(strings.Replace(atomFeed, "</feed>", strings.Repeat(entry, 600)+"</feed>", 1)))
	if err != nil || len(feed.Entries) != 500 || feed.LeftOut != 101 {
		t.Errorf("601 entries: got %d and %d left out, %v", len(feed.Entries), feed.LeftOut, err)
	}
}

// FuzzReadFeed holds that a feed is read or refused with words, that what it holds are
// its own bytes, and that nothing that Import would refuse passes for a message.
func FuzzReadFeed(f *testing.F) {
	dir := os.Getenv("TOCSIN_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	files, err := filepath.Glob(filepath.Join(dir, "cap", "feeds", "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(atomFeed))
	f.Add([]byte(rssFeed))
	f.Fuzz(func(t *testing.T, raw []byte) {
		feed, err := alert.ReadFeed(raw)
		if err != nil {
			if found, ok := err.(alert.Findings); !ok || len(found) == 0 || feed != nil { //nolint:errorlint // it is promised as such
				t.Fatalf("error: got %v with %v, want findings and none", err, feed)
			}
			return
		}
		for _, e := range feed.Entries {
			if e.Message != nil && !bytes.Contains(raw, e.Message) && bytes.IndexByte(raw, 0x80) < 0 && bytes.Count(raw, []byte("encoding")) == 0 {
				t.Fatalf("a message that is not in the feed: %q", e.Message)
			}
		}
	})
}

// FuzzSchema holds that what the strict reader takes meets the schema, and that no
// document makes CheckSchema and Inspect contradict each other.
func FuzzSchema(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		version, found := alert.CheckSchema(raw)
		if len(found) != len(found.Errors()) {
			t.Fatalf("the schema has no warnings: %v", found)
		}
		if _, err := alert.Read(raw); err == nil && (len(found) > 0 || version != alert.CAP12) {
			t.Fatalf("Read takes what breaks the schema: %v", found)
		}
		_, all := alert.Inspect(raw)
		if len(found) > 0 && len(all.Errors()) == 0 {
			t.Fatalf("Inspect says nothing of %v", found)
		}
	})
}
