package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/ledger"
)

// TestRecordsDoNotActOnTheScreen fills the texts of records with what moves a terminal's
// cursor, turns the direction of writing and begins lines that look like ours: every command
// that tells the ledger shows it as text.
func TestRecordsDoNotActOnTheScreen(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J\x1b[H\u009b31mfalso\x07 \u202e\u200b\U000e0041 testo\r\nAlert SV-FALSO"
	pg := newPlayground(t)
	n := pg.up()
	_, b := pg.published("b")
	of := func(r ledger.Record) int64 {
		r.Alert, r.Number, r.SHA256 = string(b.Alert), b.Number, b.SHA256()
		seq, err := n.ledger.Append(t.Context(), r)
		if err == nil {
			err = n.ledger.WaitApplied(t.Context(), seq)
		}
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	until := time.Now().UTC().Add(time.Minute)
	for _, channel := range []string{"telegram", "x", "facebook"} {
		of(ledger.Record{Type: ledger.Attempt, Channel: channel, Part: 1, Attempt: 1, Until: until})
	}
	of(ledger.Record{Type: ledger.Failed, Channel: "telegram", Part: 1, Reason: evil, Class: evil})
	of(ledger.Record{Type: ledger.Posted, Channel: "x", Part: 1, PostID: evil, URL: "javascript:" + evil, PostedAt: time.Now().UTC()})
	of(ledger.Record{Type: ledger.Posted, Channel: "facebook", Part: 1, PostID: "1", URL: "https://fake.example/\u202e1", PostedAt: time.Now().UTC()})
	of(ledger.Record{Type: ledger.Contact, Whom: "police", Way: alert.WayPhone, Reason: evil})
	of(ledger.Record{Type: ledger.Rejected, Class: evil, Reason: evil})
	of(ledger.Record{Type: ledger.Signature, Principal: evil, Namespace: "police@exercise.tocsin", Key: evil, Armor: evil})
	of(ledger.Record{Type: ledger.Refused, Principal: evil, Namespace: "police@exercise.tocsin", Key: evil, Armor: evil, Statement: evil})

	code := string(b.Code)
	for name, args := range map[string][]string{
		"status": {"status", code}, "all": {"status"}, "json": {"status", code, "--json"},
		"timeline": {"audit", "timeline", code}, "timeline_json": {"audit", "timeline", code, "--json"}, "verify": {"audit", "verify"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs strings.Builder
			_ = run(t.Context(), append(args, "-c", pg.config), strings.NewReader(""), &out, &errs, english) // what verify makes of it is for others
			checkLegible(t, out.String()+errs.String())
			if !strings.Contains(out.String(), "falso") && name != "all" {
				t.Errorf("it tells nothing of it:\n%s", out.String())
			}
			if strings.HasSuffix(name, "json") && !json.Valid([]byte(out.String())) {
				t.Errorf("it is not JSON:\n%s", out.String())
			}
		})
	}
	watch := start(t, "status", code, "--watch", "-c", pg.config)
	watch.says("https://fake.example/")
	watch.says("police liaison")
	checkLegible(t, watch.log.String())
}

func checkLegible(t *testing.T, text string) {
	t.Helper()
	if i := strings.IndexAny(text, "\x1b\u009b\x07\r\u202e\u200b\U000e0041"); i >= 0 {
		t.Errorf("it writes %q", text[max(i-40, 0):min(i+40, len(text))])
	}
	if strings.Contains(text, "javascript:") {
		t.Errorf("it shows as an address what is none:\n%s", text)
	}
	if strings.Contains(text, "\nAlert SV-FALSO") {
		t.Errorf("part of a record passes for a line of ours:\n%s", text)
	}
}

// TestLegible holds what is written as it is, and what by name.
func TestLegible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "così\tè\n": "così\tè\n", "⚠️ 👨‍👩‍👧 می\u200cخواهم": "⚠️ 👨‍👩‍👧 می\u200cخواهم",
		"a\x1b[2Jb": `a\u001b[2Jb`, "\u202e": `\u202e`, "\U000e0041!": `\udb40\udc41!`, "a\xff": `a\xff`, "\u200b\u2028": `\u200b\u2028`,
	} {
		var out strings.Builder
		if n, err := (&legible{Writer: &out}).Write([]byte(text)); n != len(text) || err != nil || out.String() != want {
			t.Errorf("%q is written as %q (%d, %v), want %q", text, out.String(), n, err, want)
		}
	}
}
