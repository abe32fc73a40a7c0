package bulletin_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
)

const liaison = "referente@questura.example"

func newHalt(t testing.TB, b *bulletin.Bulletin, reason string) *bulletin.Halt {
	t.Helper()
	h, err := bulletin.NewHalt(bulletin.Refusal, b, liaison, reason, time.Date(2026, 11, 22, 9, 30, 0, 999, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHaltIsReadable holds the text that people sign, and that it says of which bulletin it is.
func TestHaltIsReadable(t *testing.T) {
	t.Parallel()
	b := bulletintest.New(t, "x-a").Next(t, alert.MsgAlert)
	h := newHalt(t, b, "  La zona è sbagliata.\r\nVia Roma non c'è: \"ponte\" <nord> & sud.\n--- end\n ")
	want := fmt.Sprintf(`tocsin-halt: 1
kind: refusal
alert: %s
code: %s
number: 1
bulletin: %s
realm: exercise
principal: referente@questura.example
time: 2026-11-22T09:30:00Z
bytes: 70

La zona è sbagliata.
Via Roma non c'è: "ponte" <nord> & sud.
--- end
--- end
`, b.Alert, b.Code, b.SHA256())
	if got := string(h.Bytes()); got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	if err := h.About(b); err != nil {
		t.Errorf("it is not of its own bulletin: %v", err)
	}
	if err := h.About(bulletintest.New(t, "x-a").Next(t, alert.MsgAlert)); err == nil {
		t.Error("it is of another bulletin too")
	}
	if nfd := newHalt(t, b, "Perche\u0301"); nfd.Reason != "Perché" {
		t.Errorf("the reason is %q, want it in form NFC", nfd.Reason)
	}
}

// TestHaltRefuses breaks each rule of the form once.
func TestHaltRefuses(t *testing.T) {
	t.Parallel()
	b := bulletintest.New(t, "x-a").Next(t, alert.MsgAlert)
	good := string(newHalt(t, b, "La zona è sbagliata.").Bytes())
	swap := func(old, text string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good text", old)
		}
		return strings.Replace(good, old, text, 1)
	}
	withReason := func(reason string) string {
		return swap("bytes: 21\n\nLa zona è sbagliata.", fmt.Sprintf("bytes: %d\n\n%s", len(reason), reason))
	}
	for name, tt := range map[string]struct{ text, want string }{
		"empty":            {"", "ends in the middle"},
		"a_bulletin":       {string(b.Bytes()), "it has|neither a refusal nor a withdrawal"},
		"another_version":  {swap("halt: 1", "halt: 2"), "the first line must be"},
		"other_magic":      {swap("tocsin-halt: 1", "tocsin-bulletin: 1"), "the first line must be"},
		"unknown_kind":     {swap("kind: refusal", "kind: objection"), "must be refusal or withdrawal"},
		"no_kind":          {swap("kind: refusal\n", ""), "stands where"},
		"order":            {swap("kind: refusal\nalert: ", "alert: "), "stands where"},
		"twice":            {swap("number: 1\n", "number: 1\nnumber: 1\n"), "stands twice"},
		"unknown_field":    {swap("realm: ", "role: police\nrealm: "), "stands where"},
		"alert":            {swap(string(b.Alert), "x"), ""},
		"code":             {swap(string(b.Code), "sv-1"), ""},
		"number_zero":      {swap("number: 1", "number: 0"), "from 1 to"},
		"number_form":      {swap("number: 1", "number: 01"), "from 1 to"},
		"digest":           {swap(b.SHA256(), strings.ToUpper(b.SHA256())), "lower-case hexadecimal"},
		"realm":            {swap("realm: exercise", "realm: drill"), ""},
		"principal_blank":  {swap(liaison, "a b@c.example"), "as in the key ring"},
		"principal_bare":   {swap(liaison, "referente"), "as in the key ring"},
		"principal_long":   {swap(liaison, strings.Repeat("a", 255)+"@b"), "as in the key ring"},
		"time_zone":        {swap("09:30:00Z", "10:30:00+01:00"), "must be a time like"},
		"time_fraction":    {swap("09:30:00Z", "09:30:00.5Z"), "must be a time like"},
		"time_day":         {swap("2026-11-22", "2026-11-31"), "must be a time like"},
		"bytes_less":       {swap("bytes: 21", "bytes: 20"), "does not end after"},
		"bytes_more":       {swap("bytes: 21", "bytes: 22"), "does not end after"},
		"bytes_form":       {swap("bytes: 21", "bytes: 021"), "must be a number"},
		"no_reason":        {swap("bytes: 21\n\nLa zona è sbagliata.", "bytes: 0\n\n"), "must be a number"},
		"long_reason":      {withReason(strings.Repeat("a", bulletin.MaxReason+1)), "must be a number"},
		"many_lines":       {withReason(strings.Repeat("a\n", 40) + "a"), "lines"},
		"blank_before":     {withReason(" perché"), "begins or ends with a blank"},
		"line_feed_after":  {withReason("perché\n"), "begins or ends with a blank"},
		"carriage_return":  {withReason("perché\r\nno"), "carriage return"},
		"tab":              {withReason("perché\tno"), "control character"},
		"escape":           {withReason("\x1b[2Jno"), "control character"},
		"direction":        {withReason("no \u202e on"), "direction of writing"},
		"invisible":        {withReason("no\u200bno"), "invisible"},
		"not_nfc":          {withReason("perche\u0301"), "NFC"},
		"not_utf8":         {withReason("perch\xe9"), "UTF-8"},
		"text_after":       {good + "x", "nothing more"},
		"no_end":           {strings.TrimSuffix(good, "--- end\n"), "must come"},
		"no_line_feed":     {strings.TrimSuffix(good, "\n"), "must come"},
		"another_section":  {swap("--- end\n", "--- post\n"), "must come"},
		"blank_line_first": {"\n" + good, "the first line must be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bulletin.ParseHalt([]byte(tt.text))
			if e, ok := errors.AsType[*bulletin.SyntaxError](err); !ok || !strings.HasPrefix(e.Error(), "refusal or withdrawal, line ") {
				t.Fatalf("got %v, want a SyntaxError that says what it is of", err)
			}
			ok := false
			for w := range strings.SplitSeq(tt.want, "|") {
				ok = ok || strings.Contains(err.Error(), w)
			}
			if !ok {
				t.Errorf("it says %q, want %q", err, tt.want)
			}
		})
	}
	if _, err := bulletin.NewHalt(bulletin.Refusal, b, liaison, " \n ", time.Now()); err == nil {
		t.Error("a halt needs no reason")
	}
	if _, err := bulletin.NewHalt(bulletin.Refusal, b, liaison, "no \u202e on", time.Now()); err == nil {
		t.Error("a reason may turn the direction of writing")
	}
}

// TestNoTextIsBoth holds that what one parser reads the other one refuses, so that a
// signature on one can't be taken for one on the other.
func TestNoTextIsBoth(t *testing.T) {
	t.Parallel()
	a := bulletintest.New(t, "x-a")
	a.Prepared = true
	b := a.Next(t, alert.MsgAlert)
	if _, err := bulletin.Parse(newHalt(t, b, "no").Bytes()); err == nil {
		t.Error("a halt is a bulletin")
	}
	for _, raw := range [][]byte{b.Bytes(), b.Prepared(bulletin.Revocation).Bytes()} {
		if _, err := bulletin.ParseHalt(raw); err == nil {
			t.Error("a bulletin is a halt")
		}
	}
}

// FuzzParseHalt holds the parser to three promises: it never panics, what it accepts has
// one way of being written, and is no bulletin.
func FuzzParseHalt(f *testing.F) {
	b := bulletintest.New(f, "x-a").Next(f, alert.MsgAlert)
	for _, reason := range []string{"no", "La zona è sbagliata.\n\n--- end\nkind: withdrawal"} {
		f.Add(newHalt(f, b, reason).Bytes())
	}
	f.Add(b.Bytes())
	f.Add([]byte("tocsin-halt: 1\nkind: refusal\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := bulletin.ParseHalt(raw)
		if err != nil {
			if _, ok := errors.AsType[*bulletin.SyntaxError](err); !ok {
				t.Errorf("%v is no SyntaxError", err)
			}
			return
		}
		again := fmt.Sprintf("tocsin-halt: 1\nkind: %s\nalert: %s\ncode: %s\nnumber: %d\nbulletin: %s\nrealm: %s\nprincipal: %s\ntime: %s\nbytes: %d\n\n%s\n--- end\n",
			h.Kind, h.Alert, h.Code, h.Number, h.Bulletin, h.Realm, h.Principal, h.Time.Format(time.RFC3339), len(h.Reason), h.Reason)
		if string(raw) != again || !bytes.Equal(h.Bytes(), raw) {
			t.Errorf("%q is read as what is written %q", raw, again)
		}
		if _, err := bulletin.Parse(raw); err == nil {
			t.Errorf("%q is a bulletin too", raw)
		}
	})
}

// TestChainPassesOverWhatIsHalted holds that a refused bulletin keeps no other from its
// place, whatever its number.
func TestChainPassesOverWhatIsHalted(t *testing.T) {
	t.Parallel()
	a := bulletintest.New(t, "x-a")
	first := a.Next(t, alert.MsgAlert)
	other := *a
	second := a.Next(t, alert.MsgUpdate)
	other.Composed = other.Composed.Add(time.Second)
	instead := other.Next(t, alert.MsgUpdate)
	at := first.Composed
	chain, refused := bulletin.Chain([]bulletin.Place{
		{Bulletin: first, Seq: 1, At: at, Released: 2},
		{Bulletin: second, Seq: 3, At: at, Halted: true},
		{Bulletin: instead, Seq: 4, At: at, Released: 6},
	})
	if fmt.Sprint(chain) != "[0 2]" || len(refused) != 0 {
		t.Errorf("released are %v, refused %v; want the other bulletin of its number to be released", chain, refused)
	}
	rival := bulletintest.New(t, "x-a")
	rival.ID, rival.Code = a.ID, a.Code
	rival.Composed = rival.Composed.Add(time.Second)
	chain, refused = bulletin.Chain([]bulletin.Place{
		{Bulletin: first, Seq: 1, At: at, Halted: true},
		{Bulletin: rival.Next(t, alert.MsgAlert), Seq: 2, At: at, Released: 4},
	})
	if fmt.Sprint(chain) != "[1]" || len(refused) != 0 {
		t.Errorf("released are %v, refused %v; want another first bulletin to be released", chain, refused)
	}
}
