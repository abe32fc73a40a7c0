package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/templates/scenarios"
)

// written puts a message into a file of the folder.
func (pg *playground) written(name string, raw []byte) string {
	pg.t.Helper()
	path := filepath.Join(pg.dir, name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		pg.t.Fatal(err)
	}
	return path
}

// edited returns raw with one text in the place of another, which must be there.
func edited(t *testing.T, raw []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(raw, []byte(from)) {
		t.Fatalf("the message does not hold %q", from)
	}
	return bytes.Replace(raw, []byte(from), []byte(to), 1)
}

// moment writes a time as CAP does.
func instant(at time.Time) string {
	return at.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05-07:00")
}

// drill returns an exercise of our own that is in force.
func drill(t *testing.T, now time.Time) []byte {
	t.Helper()
	return edited(t, liveMessage(now), "<status>Actual", "<status>Exercise")
}

// TestLiveNodeNamesTheCause composes messages of our own that a live node can't
// take, each with one thing wrong.
func TestLiveNodeNamesTheCause(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t, "--realm", "live")
	pg.enrol(enrolment{"duty", officerName, "officer", alert.RealmLive}, enrolment{"liaison", policeName, "police", alert.RealmLive})
	pg.up()
	now := time.Now()
	sound := liveMessage(now)
	sent := "<sent>" + instant(now.Add(-time.Minute))
	for name, c := range map[string]struct {
		raw  []byte
		says string
	}{
		"status":     {drill(t, now), "the status of the message is Exercise, and a node of realm live does not publish it: correct status"},
		"expired":    {liveMessage(now.Add(-7 * time.Hour)), "the message has expired (expires "},
		"future":     {edited(t, sound, sent, "<sent>"+instant(now.Add(2*time.Hour))), "the message was sent in the future (sent "},
		"type":       {edited(t, edited(t, sound, "<msgType>Alert", "<msgType>Update"), "</scope>", "</scope>\n  <references>a@b.example,1,2026-01-01T00:00:00+01:00</references>"), "to revoke, use tocsin cancel"},
		"foreign":    {edited(t, sound, "<sender>allerte@", "<sender>altri@"), "its sender is altri@protezionecivile.savona.example, and this node is allerte@protezionecivile.savona.example"},
		"rule":       {edited(t, sound, "<urgency>Expected", "<urgency>Soon"), "the CAP message breaks a rule: "},
		"drill_word": {edited(t, sound, "<headline>", "<headline>ESERCITAZIONE: "), `headline says "ESERCITAZIONE", and the status is Actual`},
		"unfilled":   {scenarios.Draft(), "47 headline [inserire il titolo]"},
		"left_blank": {edited(t, sound, "a Savona.", "a [inserire il comune]."), "description [inserire il comune]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := *pg
			in.t = t
			out := filepath.Join(pg.dir, name+".bulletin")
			in.refuses("draft", c.says, "compose", "--cap", in.written(name+".xml", c.raw), "-o", out)
			if _, err := os.Stat(out); err == nil {
				t.Error("a bulletin was written")
			}
		})
	}
	t.Run("clock_a_little_ahead", func(t *testing.T) {
		t.Parallel()
		in := *pg
		in.t = t
		raw := edited(t, sound, sent, "<sent>"+instant(now.Add(3*time.Minute)))
		out := filepath.Join(pg.dir, "ahead.bulletin")
		stdout, stderr := expect(t, 0, "compose", "-c", pg.config, "--cap", in.written("ahead.xml", raw), "-o", out)
		if written, err := os.ReadFile(out); err != nil || !bytes.Contains(written, raw) || strings.Contains(stdout+stderr, "Reissued") {
			t.Errorf("the message does not stand in the bulletin as it was (%v): %s", err, stdout+stderr)
		}
	})
}

// TestLiveExampleIsADraft fills in what init --realm live ships.
func TestLiveExampleIsADraft(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t, "--realm", "live")
	files, err := os.ReadDir(filepath.Join(pg.dir, "scenarios"))
	if err != nil || len(files) != 1 || files[0].Name() != "allerta-da-compilare.cap.xml" {
		t.Fatalf("a live node has the examples %v, %v", files, err)
	}
	raw, err := os.ReadFile(filepath.Join(pg.dir, "scenarios", files[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	values := map[string]string{
		"inserire adesso": instant(now), "inserire l'inizio": instant(now), "inserire la fine": instant(now.Add(6 * time.Hour)),
		"inserire un identificativo nuovo": "IT-SV-2026-0001", "inserire il mittente di tocsin.yaml": "allerte@protezionecivile.savona.example",
	}
	field := regexp.MustCompile(`\[(inserire [^\]]*)\]`)
	fill := func(all string) string {
		return field.ReplaceAllStringFunc(all, func(s string) string {
			if v := values[strings.Trim(s, "[]")]; v != "" {
				return v
			}
			return "Savona"
		})
	}
	out := filepath.Join(pg.dir, "b")
	for _, blank := range field.FindAllString(string(raw), -1) {
		before, after, _ := strings.Cut(string(raw), blank)
		_, stderr := expect(t, 3, "compose", "-c", pg.config, "--cap", pg.written("draft.xml", []byte(fill(before)+blank+fill(after))), "-o", out)
		if !strings.Contains(stderr, blank) {
			t.Errorf("with %s alone left, it says %s", blank, stderr)
		}
	}
	expect(t, 0, "compose", "-c", pg.config, "--cap", pg.written("draft.xml", []byte(fill(string(raw)))), "-o", out)
}

// TestExerciseNodeRepairsNothingOfOurs composes messages of our own and of others
// that break the same rules.
func TestExerciseNodeRepairsNothingOfOurs(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	now := time.Now()
	sound := drill(t, now)
	for name, c := range map[string]struct {
		raw  []byte
		says string
	}{
		"expires":    {edited(t, sound, instant(now.Add(6*time.Hour)), instant(now.Add(-2*time.Hour))), "alert/info[1]/expires: is not after sent"},
		"references": {edited(t, sound, "<msgType>Alert", "<msgType>Cancel"), "alert/references: is missing"},
		"bidi":       {edited(t, sound, "<headline>", "<headline>\u202e"), "alert/info[1]/headline: holds a character that turns the direction of writing (U+202E)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := *pg
			in.t = t
			in.refuses("draft", c.says, "compose", "--cap", in.written(name+".xml", c.raw), "-o", filepath.Join(pg.dir, name+".bulletin"))
			foreign := edited(t, c.raw, "<sender>allerte@", "<sender>altri@")
			_, stderr := expect(t, 0, "compose", "-c", pg.config, "--cap", in.written(name+".foreign.xml", foreign), "-o", filepath.Join(pg.dir, name+".foreign"))
			_, fault, _ := strings.Cut(c.says, ": ")
			if !strings.Contains(stderr, fault) || !strings.Contains(stderr, "Reissued as an exercise of your own") {
				t.Errorf("of a draft of others it says %s", stderr)
			}
		})
	}
	t.Run("as_it_is", func(t *testing.T) {
		t.Parallel()
		in := *pg
		in.t = t
		out := filepath.Join(pg.dir, "sound.bulletin")
		stdout, stderr := expect(t, 0, "compose", "-c", pg.config, "--cap", in.written("sound.xml", sound), "-o", out)
		if written, err := os.ReadFile(out); err != nil || !bytes.Contains(written, sound) || strings.Contains(stdout+stderr, "Reissued") {
			t.Errorf("the message does not stand in the bulletin as it was (%v): %s", err, stdout+stderr)
		}
	})
	t.Run("of_another_time", func(t *testing.T) {
		t.Parallel()
		in := *pg
		in.t = t
		out := filepath.Join(pg.dir, "old.bulletin")
		old := edited(t, liveMessage(now.Add(-48*time.Hour)), "<status>Actual", "<status>Exercise")
		_, stderr := expect(t, 0, "compose", "-c", pg.config, "--cap", in.written("old.xml", old), "-o", out)
		b, err := readBulletin(out, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("Reissued as an exercise of your own: new identifier %s, sender allerte@protezionecivile.savona.example, status Exercise, times moved to now", b.Message.Identifier)
		if !strings.Contains(stderr, want) {
			t.Errorf("it says %s, want %q", stderr, want)
		}
	})
	t.Run("cancel_of_ours", func(t *testing.T) {
		t.Parallel()
		in := *pg
		in.t = t
		raw := edited(t, edited(t, sound, "<msgType>Alert", "<msgType>Cancel"), "</scope>", "</scope>\n  <references>a@b.example,1,2026-01-01T00:00:00+01:00</references>")
		in.refuses("draft", "to revoke, use tocsin cancel", "compose", "--cap", in.written("cancel.xml", raw), "-o", filepath.Join(pg.dir, "cancel.bulletin"))
	})
}

// TestWhatIsLeftOutIsSaid composes a description that only the page has room for.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	now := time.Now()
	long := edited(t, drill(t, now), "<description>", "<description>"+strings.Repeat("Il torrente Letimbro cresce ancora. ", 220))
	path := filepath.Join(pg.dir, "long")
	stdout, _ := expect(t, 0, "compose", "-c", pg.config, "--cap", pg.written("long.xml", long), "-o", path)
	shown, _ := expect(t, 0, "preview", path)
	for _, line := range []string{"sito: the whole message\n", "telegram: left to the page: description [it-IT]\n", "facebook: the whole message\n"} {
		if !strings.Contains(stdout, line) || !strings.Contains(shown, line) {
			t.Errorf("compose and preview do not both say %q: %s", line, stdout)
		}
	}
	only, _ := expect(t, 0, "preview", path, "--channel", "x")
	if !strings.Contains(only, "\nx: left to the page: description [it-IT]") || strings.Contains(only, "telegram: ") {
		t.Errorf("the preview of one channel says %s", only)
	}
	longer := edited(t, drill(t, now), "<description>", "<description>"+strings.Repeat("Il torrente Letimbro cresce ancora. ", 600))
	_, stderr := expect(t, 3, "compose", "-c", pg.config, "--cap", pg.written("longer.xml", longer), "-o", path+"er")
	if !strings.Contains(stderr, "channel sito has ") || !strings.Contains(stderr, "shorten description") {
		t.Errorf("of a description without room on the page it says %s", stderr)
	}
}

// TestPicturesCanBeLookedAt follows the paths that preview and sign print.
func TestPicturesCanBeLookedAt(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	path := pg.compose("b")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bulletin.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	var picture []byte
	for _, p := range b.Posts {
		if image := b.Image(p.Image); image != nil {
			picture = image.Data
		}
	}
	dir := filepath.Join(pg.dir, "new", "pictures")
	named := regexp.MustCompile(`The picture, to look at: (.*)\n`)
	for range 2 { // a second time, nothing is in the way
		stdout, _ := expect(t, 0, "preview", path, "--images", dir)
		found := named.FindStringSubmatch(stdout)
		if found == nil || filepath.Dir(found[1]) != dir {
			t.Fatalf("preview names no picture in %s: %s", dir, stdout)
		}
		data, err := os.ReadFile(found[1])
		if err != nil || !bytes.Equal(data, picture) {
			t.Errorf("the file is not the picture of the bulletin: %v", err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
			t.Error(err)
		}
	}
	if _, stderr := expect(t, 1, "preview", pg.compose("c"), "--images", path); !strings.Contains(stderr, "it is not a folder") {
		t.Errorf("of a folder that is a file, it says %s", stderr)
	}
	for _, sign := range []bool{true, false} {
		var saw []byte
		var shown string
		screen, err := atTerminal(t.Context(), func(tty *os.File) error {
			return run(t.Context(), []string{"sign", path, "-k", filepath.Join(pg.dir, "keys", "officer"), "-o", filepath.Join(t.TempDir(), "sig")}, tty, tty, tty, english)
		}, func(screen string) string {
			if !strings.Contains(screen, "nothing else signs") {
				return ""
			}
			found := named.FindStringSubmatch(screen)
			if found == nil {
				return "nothing to look at"
			}
			shown = found[1]
			saw, _ = os.ReadFile(shown)
			if sign {
				return firstWord(screen)
			}
			return "SIGN"
		})
		if (err == nil) != sign || !bytes.Equal(saw, picture) {
			t.Errorf("signed: %t (%v), and the picture was there to look at: %t\n%s", err == nil, err, bytes.Equal(saw, picture), screen)
		}
		if _, err := os.Stat(shown); !os.IsNotExist(err) {
			t.Errorf("%s stays behind: %v", shown, err)
		}
	}
}

// TestPreviewHasTheIssuersClock composes for an issuer far from Rome.
func TestPreviewHasTheIssuersClock(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.edit("time_zone: Europe/Rome", "time_zone: Pacific/Auckland")
	zone, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	path := filepath.Join(pg.dir, "b")
	expect(t, 0, "compose", "-c", pg.config, "--cap", pg.written("m.xml", drill(t, now)), "-o", path)
	want := now.Truncate(time.Second).Add(6 * time.Hour).In(zone).Format("until        15:04 on Monday 2 January 2006 (UTC-07:00)")
	if stdout, _ := expect(t, 0, "preview", path); !strings.Contains(stdout, want) {
		t.Errorf("the preview does not say %q: %.300s", want, stdout)
	}
}

// TestComposeTellsOfAnAlertThatSaysTheSame composes what another alert says that is in
// force: whoever writes it is told, on the screen and in JSON.
func TestComposeTellsOfAnAlertThatSaysTheSame(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.up()
	_, first := pg.published("one")
	out := filepath.Join(pg.dir, "two.bulletin")
	stdout, stderr := expect(t, 0, "compose", "--cap", pg.written("same.xml", scenarios.Demo()), "-o", out, "-c", pg.config, "--json")
	var said struct {
		Warnings []struct{ Kind, Severity, What string }
	}
	if err := json.Unmarshal([]byte(stdout), &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Warnings) == 0 || said.Warnings[0].Kind != "duplicate" || said.Warnings[0].Severity != "caution" || !strings.Contains(said.Warnings[0].What, string(first.Code)) {
		t.Errorf("the warnings are %+v, want one of %s", said.Warnings, first.Code)
	}
	if !strings.Contains(stderr, "(duplicate)") || !strings.Contains(stderr, string(first.Code)) {
		t.Errorf("the screen does not tell of it:\n%s", stderr)
	}
}
