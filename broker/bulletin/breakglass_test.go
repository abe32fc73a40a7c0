package bulletin_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
)

// glass returns a break-glass bulletin, which change may alter before it is written.
func glass(tb testing.TB, change func(*bulletintest.Alert)) *bulletin.Bulletin {
	tb.Helper()
	a := bulletintest.New(tb, "telegram-a", "x-a")
	a.Breakglass = &bulletin.Breakglass{
		InsteadOf: strings.Repeat("ab", 32), Cause: bulletin.CauseUnreachable, Why: "La centrale non risponde.",
		Contacts: []bulletin.Contact{
			{Record: 41, At: time.Date(2026, 11, 22, 3, 12, 41, 0, time.UTC), Way: alert.WayPhone, Whom: "police"},
			{Record: 44, At: time.Date(2026, 11, 22, 3, 15, 2, 0, time.UTC), Way: alert.WayRadio, Whom: "police"},
		},
	}
	if change != nil {
		change(a)
	}
	return a.Next(tb, alert.MsgAlert)
}

// TestBreakglassIsRead holds that what a break-glass bulletin says of itself comes back
// as it was written, and what may be prepared inside it.
func TestBreakglassIsRead(t *testing.T) {
	t.Parallel()
	b := glass(t, func(a *bulletintest.Alert) { a.Prepared = true })
	got, err := bulletin.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.Breakglass == nil || got.Breakglass.Why != "La centrale non risponde." || got.Breakglass.Cause != bulletin.CauseUnreachable || !reflect.DeepEqual(got.Breakglass, b.Breakglass) {
		t.Errorf("it came back as %+v", got.Breakglass)
	}
	for _, kind := range bulletin.Kinds() {
		inner := got.Prepared(kind)
		if inner == nil || inner.Breakglass != nil || inner.Number != 2 {
			t.Errorf("the prepared %s is %+v", kind, inner)
		}
	}
	if r := got.Prepared(bulletin.Ratification); r.Prepared(bulletin.Correction) == nil || r.Prepared(bulletin.Revocation) == nil || r.Prepared(bulletin.Ratification) != nil {
		t.Error("a ratification can't be stopped, or can be ratified again")
	}
	ordinary := bulletintest.New(t, "x-a")
	ordinary.Prepared = true
	if b := ordinary.Next(t, alert.MsgAlert); b.Prepared(bulletin.Ratification) != nil || b.Breakglass != nil {
		t.Error("an ordinary bulletin holds a ratification")
	}
}

// TestBreakglassIsReadStrictly breaks each rule of the section by itself.
func TestBreakglassIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := string(glass(t, nil).Bytes())
	for name, tt := range map[string]struct{ old, text, want string }{
		"good":              {"", "", ""},
		"no_cause":          {"cause: unreachable\n", "", `field "why" stands where "cause" must`},
		"other_cause":       {"cause: unreachable", "cause: lazy", `cause is "lazy"`},
		"no_why":            {"why: La centrale non risponde.\n", "", `field "contact-1" stands where "why" must`},
		"long_why":          {"La centrale non risponde.", strings.Repeat("x", 501), "why has 501 bytes"},
		"no_contact":        {"contact-1: 41 2026-11-22T03:12:41Z phone police\ncontact-2: 44 2026-11-22T03:15:02Z radio police\n", "", `field "contact-1" is missing`},
		"contact_left_out":  {"contact-2", "contact-3", "not numbered one after the other"},
		"contact_too_many":  {"contact-2", "contact-10", "not known here"},
		"contact_twice":     {"contact-2: 44", "contact-2: 41", "not in the order of the ledger"},
		"contact_zero":      {"contact-1: 41", "contact-1: 0", `contact-1 is "0 2026`},
		"contact_plus":      {"contact-1: 41", "contact-1: +41", "it must be like"},
		"contact_zone":      {"2026-11-22T03:12:41Z", "2026-11-22T03:12:41+00:00", "it must be like"},
		"contact_way":       {" phone police", " smoke police", "it must be like"},
		"contact_whom":      {" phone police", " phone POLICE", "it must be like"},
		"contact_blanks":    {" phone police", " phone  police", "it must be like"},
		"digest":            {"instead-of: abab", "instead-of: ABAB", "instead-of is not a SHA-256"},
		"no_limit":          {"not-after: ", "previous: ", "must be signed (not-after)"},
		"section_twice":     {"--- cap\n", "--- breakglass\ninstead-of: x\n\n--- cap\n", "first section must be cap"},
		"section_elsewhere": {"--- post\n", "--- breakglass\n", `section "breakglass" is not known`},
		"not_said":          {"Emesso da una sola autorità\n", "Emesso da due sole autorità\n", "does not say \"Emesso da una sola autorità\""},
		"said_in_a_line":    {"Emesso da una sola autorità\n", "Emesso da una sola autorità ", "on a line of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(good, tt.old) {
				t.Fatalf("%q is not in the bulletin", tt.old)
			}
			text := strings.Replace(good, tt.old, tt.text, 1)
			if name == "no_limit" {
				at := strings.Index(good, "not-after: ")
				end := at + strings.Index(good[at:], "\n") + 1
				text = good[:at] + good[end:]
			}
			_, err := bulletin.Parse([]byte(text))
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if _, syntax := errors.AsType[*bulletin.SyntaxError](err); err != nil && !syntax {
				t.Errorf("the error is a %T", err)
			}
		})
	}
}

// TestNothingPreparedIsBreakglass holds that what one person may send by the policy does
// not say that two have broken the glass, and that a revocation never does.
func TestNothingPreparedIsBreakglass(t *testing.T) {
	t.Parallel()
	b := glass(t, func(a *bulletintest.Alert) { a.Prepared = true })
	inner := b.Prepared(bulletin.Ratification).Bytes()
	section := b.Bytes()[bytes.Index(b.Bytes(), []byte("--- breakglass\n")):]
	section = section[:bytes.Index(section, []byte("--- cap\n"))]
	forged := bytes.Replace(inner, []byte("--- cap\n"), append(bytes.Clone(section), "--- cap\n"...), 1)
	if _, err := bulletin.Parse(forged); err == nil || !strings.Contains(err.Error(), "is not break-glass") {
		t.Errorf("a prepared break-glass bulletin: %v", err)
	}
	a := bulletintest.New(t, "x-a")
	a.Next(t, alert.MsgAlert)
	cancel := a.Next(t, alert.MsgCancel).Bytes()
	forged = bytes.Replace(cancel, []byte("\n--- cap\n"), append([]byte("\n"), append(bytes.Clone(section), "--- cap\n"...)...), 1)
	forged = bytes.Replace(forged, []byte("previous: "), []byte("not-after: "+a.Expires.Format(time.RFC3339)+"\nprevious: "), 1)
	if _, err := bulletin.Parse(forged); err == nil || !strings.Contains(err.Error(), "needs no break-glass") {
		t.Errorf("a break-glass revocation: %v", err)
	}
}
