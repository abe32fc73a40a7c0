package alert_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tocsin/broker/alert"
)

// TestNewID draws identifiers from a reader that can be told.
func TestNewID(t *testing.T) {
	t.Parallel()
	id, err := alert.NewID(bytes.NewReader(bytes.Repeat([]byte{0xAB}, 16)))
	if want := alert.ID("abababab-abab-4bab-abab-abababababab"); err != nil || id != want {
		t.Errorf("identifier: got %q, %v; want %q", id, err, want)
	}
	if id, err := alert.NewID(iotest.ErrReader(iotest.ErrTimeout)); err == nil || id != "" {
		t.Errorf("identifier without random numbers: got %q, %v; want an error", id, err)
	}
}

// TestParseID takes the one canonical spelling.
func TestParseID(t *testing.T) {
	t.Parallel()
	const sound = "0198b5a2-7c3e-4f10-8a3b-2f1e0d9c8b7a"
	for s, want := range map[string]bool{
		sound:                                  true,
		strings.ToUpper(sound):                 false,
		"{" + sound + "}":                      false,
		"urn:uuid:" + sound:                    false,
		strings.ReplaceAll(sound, "-", ""):     false,
		sound + " ":                            false,
		"00000000-0000-0000-0000-000000000000": false,
		"":                                     false,
		"../../etc":                            false,
	} {
		id, err := alert.ParseID(s)
		if got := err == nil; got != want || want && id.String() != s {
			t.Errorf("ParseID(%q): got %q, %v; want it taken: %v", s, id, err, want)
		}
	}
}

// TestUnmarshalText reads names from a record, and refuses unsound ones.
func TestUnmarshalText(t *testing.T) {
	t.Parallel()
	var record struct {
		ID    alert.ID
		Code  alert.Code
		Realm alert.Realm
	}
	if err := json.Unmarshal([]byte(`{"ID":"0198b5a2-7c3e-4f10-8a3b-2f1e0d9c8b7a","Code":"SV-7F3K2","Realm":"exercise"}`), &record); err != nil {
		t.Fatal(err)
	}
	if record.Code != "SV-7F3K2" || record.Realm != alert.RealmExercise || record.ID == "" {
		t.Errorf("record: got %+v", record)
	}
	for _, bad := range []string{`{"ID":"x"}`, `{"Code":"sv-7f3k2"}`, `{"Realm":"Live"}`, `{"Realm":""}`} {
		if err := json.Unmarshal([]byte(bad), &record); err == nil {
			t.Errorf("record %s: got no error", bad)
		}
	}
}

// TestRealm draws the whole matrix of realms and statuses.
func TestRealm(t *testing.T) {
	t.Parallel()
	statuses := []alert.Status{alert.StatusActual, alert.StatusExercise, alert.StatusSystem, alert.StatusTest, alert.StatusDraft, ""}
	for realm, row := range map[string]string{
		"live":     "Y..Y..",
		"exercise": ".Y.Y..",
		"":         "......",
		"Live":     "......",
	} {
		for i, s := range statuses {
			if got, want := alert.Realm(realm).Allows(s), row[i] == 'Y'; got != want {
				t.Errorf("realm %q allows status %q: got %v, want %v", realm, s, got, want)
			}
		}
		_, err := alert.ParseRealm(realm)
		if got, want := err == nil, row != "......"; got != want {
			t.Errorf("ParseRealm(%q): got %v", realm, err)
		}
	}
	if l, e, none := alert.RealmLive.Suffix(), alert.RealmExercise.Suffix(), alert.Realm("x").Suffix(); l != "tocsin" || e != "exercise.tocsin" || none != "" {
		t.Errorf("suffixes: got %q, %q, %q", l, e, none)
	}
}

// TestNewCode draws many codes: all sound, all characters used, none more often
// than chance has it.
func TestNewCode(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{1})
	const draws = 6000
	counts := map[rune]int{}
	for range draws {
		code, err := alert.NewCode("SV", random)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := alert.ParseCode(code.String()); err != nil || again != code || code.Prefix() != "SV" {
			t.Fatalf("code %q: read as %q, %v, prefix %q", code, again, err, code.Prefix())
		}
		for _, r := range strings.TrimPrefix(string(code), "SV-") {
			counts[r]++
		}
	}
	if len(counts) != 30 || strings.ContainsAny(string(keys(counts)), "0O1ILU") {
		t.Errorf("alphabet: got %d characters, %q", len(counts), string(keys(counts)))
	}
	for r, n := range counts {
		// 1000 are expected; 200 is more than six standard deviations.
		if n < 800 || n > 1200 {
			t.Errorf("%q: drawn %d times of %d", r, n, 5*draws)
		}
	}
}

func keys(m map[rune]int) []rune {
	var out []rune
	for r := range m {
		out = append(out, r)
	}
	return out
}

// TestNewCodeRefuses holds that a bad prefix or a broken source ends.
func TestNewCodeRefuses(t *testing.T) {
	t.Parallel()
	zeros := bytes.NewReader(make([]byte, 100))
	for _, prefix := range []string{"", "sv", "SAVON", "S-V", "S V", "È"} {
		if code, err := alert.NewCode(prefix, zeros); err == nil {
			t.Errorf("prefix %q: got %q, want an error", prefix, code)
		}
	}
	if code, err := alert.NewCode("SV", bytes.NewReader(bytes.Repeat([]byte{0xFF}, 10_000))); err == nil {
		t.Errorf("a source of one value: got %q, want an error", code)
	}
	if code, err := alert.NewCode("SV", strings.NewReader("abc")); err == nil {
		t.Errorf("a source that ends: got %q, want an error", code)
	}
}

// TestParseCode is strict, TestParseTypedCode is not.
func TestParseCode(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"SV-7F3K2": true, "S-22222": true, "0O1I-ZZZZZ": true, "A1B2-AAAAA": true,
		"sv-7f3k2": false, "SV7F3K2": false, "SV-7F3K": false, "SV-7F3K22": false, "SV-7F3K0": false, "SV-7F3KO": false,
		"SV-7F3K1": false, "SV-7F3KI": false, "SV-7F3KL": false, "SV-7F3KU": false, "-7F3K2": false, "SAVON-7F3K2": false,
		" SV-7F3K2": false, "SV-7F3K2-1": false, "SV–7F3K2": false, "SV-7F3K\u0662": false, "": false,
	} {
		if code, err := alert.ParseCode(s); (err == nil) != want {
			t.Errorf("ParseCode(%q): got %q, %v; want it taken: %v", s, code, err, want)
		}
	}
}

func TestParseTypedCode(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]alert.Code{
		"SV-7F3K2": "SV-7F3K2", "sv-7f3k2": "SV-7F3K2", " Sv 7f3K2\n": "SV-7F3K2", "sv7f3k2": "SV-7F3K2", "#SV-7F3K2": "SV-7F3K2",
		"SV–7F3K2": "SV-7F3K2", "SV—7F3K2": "SV-7F3K2", "SV‑7F3K2": "SV-7F3K2", "SV - 7F 3K2.": "SV-7F3K2", "SV_7F3K2": "SV-7F3K2",
		"SV-7F3K2-1": "SV-7F3K2", "sv 7f3k2 12": "SV-7F3K2", "SV 7F3 22": "SV-7F322", "SV-7F3 K2 3": "SV-7F3K2",
		"sv-0of3u": "SV-QQF3V", "sv-1il22": "SV-77722", "to-7f3k2": "TO-7F3K2", "010-22222": "010-22222",
		"": "", "7F3K2": "", "SAVON-7F3K2": "", "SV-7F3": "", "SV-7F3K?": "", "SV-7F3KÈ": "", "SV-7F3\xff2": "",
		strings.Repeat(" ", 60) + "SV-7F3K2": "",
	} {
		code, err := alert.ParseTypedCode(s)
		if code != want || (err == nil) != (want != "") {
			t.Errorf("ParseTypedCode(%q): got %q, %v; want %q", s, code, err, want)
		}
	}
}

// TestMark takes marks apart that Mark put together, and no others.
func TestMark(t *testing.T) {
	t.Parallel()
	code, n, err := alert.ParseMark(alert.Code("SV-7F3K2").Mark(12))
	if err != nil || code != "SV-7F3K2" || n != 12 {
		t.Errorf("mark SV-7F3K2-12: got %q, %d, %v", code, n, err)
	}
	for _, bad := range []string{"SV-7F3K2", "SV-7F3K2-", "SV-7F3K2-0", "SV-7F3K2-01", "SV-7F3K2-+1", "SV-7F3K2-10000", "SV-7F3K2--1", "sv-7f3k2-1", ""} {
		if code, n, err := alert.ParseMark(bad); err == nil {
			t.Errorf("mark %q: got %q, %d; want an error", bad, code, n)
		}
	}
}

// TestReferences copies bytes and compares instants.
func TestReferences(t *testing.T) {
	t.Parallel()
	const text = "a@b.example,uno,2026-01-02T03:04:05-00:00 a@b.example,due,2026-01-02T03:04:05.000Z"
	refs, err := alert.ParseReferences("\n " + strings.ReplaceAll(text, " ", "\n\t ") + " ")
	if err != nil || refs.String() != text {
		t.Fatalf("references: got %q, %v; want %q", refs, err, text)
	}
	m := &alert.Message{Sender: "a@b.example", Identifier: "due", Sent: time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))}
	if !refs.Contains(m) || refs[0].Names(m) || !refs[1].Names(m) {
		t.Errorf("the message %s is not found in %s", m.Reference(), refs)
	}
	if refs, err := alert.ParseReferences(" "); refs != nil || err != nil {
		t.Errorf("no references: got %v, %v", refs, err)
	}
	for _, bad := range []string{"a", "a,b", "a,b,c", ",b,2026-01-02T03:04:05Z", "a,b,2026-01-02T03:04:05Z,d", "a<,b,2026-01-02T03:04:05Z", "a\u202E,b,2026-01-02T03:04:05Z"} {
		if refs, err := alert.ParseReferences(bad); err == nil {
			t.Errorf("references %q: got %v, want an error", bad, refs)
		}
	}
}

// TestShapes reads polygons and circles, and refuses what is none.
func TestShapes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"1,1 1,2 2,2 1,1":                   true,
		"\n1,1\n1,2\t2,2 1,1 ":              true,
		"-90,-180 90,180 0.5,0.25 -90,-180": true,
		"1,1 1,2 1,1":                       false,
		"1,1 1,2 2,2 3,3":                   false,
		"1,1 1,181 2,2 1,1":                 false,
		"1,1 1,+2 2,2 1,1":                  false,
		"1,1 1,2e0 2,2 1,1":                 false,
		"1,1 .5,2 2,2 1,1":                  false,
		"1,1 1,2, 2,2 1,1":                  false,
		"1,1 1 2,2 1,1":                     false,
		"1,1 1,NaN 2,2 1,1":                 false,
		"1,1 1,0000000000000000000000000000000002 2,2 1,1": false,
		"": false,
	} {
		p, err := alert.ParsePolygon(s)
		if (err == nil) != want || (p != nil) != want {
			t.Errorf("polygon %q: got %v, %v; want it taken: %v", s, p, err, want)
		}
	}
	for s, want := range map[string]bool{
		"44.3,8.5 2.5": true, " 44.3,8.5\n20038 ": true,
		"44.3,8.5 0": false, "44.3,8.5 -1": false, "44.3,8.5 20039": false, "91,0 1": false, "44.3 8.5 1": false, "44.3,8.5": false, "44.3,8.5 1 1": false, "44.3,8.5 x": false,
	} {
		if c, err := alert.ParseCircle(s); (err == nil) != want {
			t.Errorf("circle %q: got %v, %v; want it taken: %v", s, c, err, want)
		}
	}
}
