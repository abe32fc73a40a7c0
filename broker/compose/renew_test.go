package compose_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/templates/wording"
)

// coloured returns a message of our own with a colour.
func coloured(o compose.Options, id, colour string, severity alert.Severity) *alert.Message {
	return own(o, func(m *alert.Message) {
		m.Identifier = id
		m.Infos[0].Severity = severity
		m.Infos[0].Parameters = []alert.NamedValue{{Name: "livello_allerta", Value: colour}}
	})
}

// TestLife takes an alert from its first bulletin to its end.
func TestLife(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	o.Form = &bulletin.Form{Scenario: "idraulico", Version: 1, SHA256: strings.Repeat("a", 64), Values: []bulletin.FormValue{{Field: "level", Text: "gialla"}}}
	newest := first(t, coloured(o, "IT-SV-1", "gialla", alert.SeverityModerate), o)
	chain := newest.Message.Reference().String()
	step := func(m *alert.Message, err error) *bulletin.Bulletin {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		b, err := compose.Next(newest, m, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Message.References.String(); got != chain || b.Code != newest.Code || b.Number != newest.Number+1 || b.Message.MsgType != alert.MsgUpdate {
			t.Fatalf("bulletin %s is %s and refers to %q, want %q", b.Mark(), b.Message.MsgType, got, chain)
		}
		if b.Form == nil || b.Prepared(bulletin.Correction).Form != nil || b.Prepared(bulletin.Revocation).Form != nil {
			t.Errorf("bulletin %s: the scenario is %v", b.Mark(), b.Form)
		}
		if does, doubt := compose.ActOf(b.Message), compose.ActOf(b.Prepared(bulletin.Correction).Message); doubt != wording.Update {
			t.Errorf("what puts act %d in doubt does %d itself", does, doubt)
		}
		chain += " " + b.Message.Reference().String()
		newest = b
		return b
	}
	says := func(b *bulletin.Bulletin, act wording.Act, x, description string) {
		t.Helper()
		if got := compose.ActOf(b.Message); got != act {
			t.Errorf("bulletin %s does %d, want %d", b.Mark(), got, act)
		}
		if !strings.Contains(post(t, b, "x-savona", 1).Text, x) || !strings.HasPrefix(b.Message.Infos[0].Description, description) {
			t.Errorf("bulletin %s says %q and %q", b.Mark(), post(t, b, "x-savona", 1).Text, b.Message.Infos[0].Description)
		}
	}
	m, does, err := compose.Renew(newest, coloured(o, "IT-SV-2", "rossa", alert.SeverityExtreme), false, o)
	if does != wording.Raise {
		t.Errorf("from yellow to red it does %d", does)
	}
	says(step(m, err), wording.Raise, "Innalzamento: Piena del Letimbro", "L’allerta passa da gialla a rossa.\n\nIl Letimbro")

	until := newest.Expires.Add(3 * time.Hour)
	m, err = compose.Extend(newest, newest, until, o)
	extended := step(m, err)
	says(extended, wording.Extend, "Proroga: Piena del Letimbro", "L’avviso è prorogato: prima valeva fino alle 21:00 di domenica 22 novembre 2026.\n\nIl Letimbro")
	if !extended.Expires.Equal(until) {
		t.Errorf("it holds until %v", extended.Expires)
	}
	if got := compose.Mentions(extended.Message, until.Add(-3*time.Hour)); len(got) != 1 || got[0] != "it-IT" {
		t.Errorf("the former end is named in %v", got)
	}
	if got := compose.Mentions(extended.Message, until); got != nil {
		t.Errorf("the new end is named in %v", got)
	}

	m, _, err = compose.Renew(newest, coloured(o, "IT-SV-4", "gialla", alert.SeverityModerate), false, o)
	says(step(m, err), wording.Lower, "Declassamento: Piena", "L’allerta passa da rossa a gialla.")
	m, _, err = compose.Renew(newest, coloured(o, "IT-SV-5", "gialla", alert.SeverityModerate), false, o)
	says(step(m, err), wording.Update, "Aggiornamento: Piena", "Il Letimbro")

	raw, err := compose.Draft(newest, newest, o)
	if err != nil || len(compose.Unfilled(raw)) != 1 {
		t.Errorf("the draft has the blanks %v (%v)", compose.Unfilled(raw), err)
	}

	m, err = compose.AllClear(newest, nil, o.Now.Add(12*time.Hour), o)
	ended := step(m, err)
	says(ended, wording.AllClear, "Fine allerta: Alluvione", "Il pericolo di cui parlava")
	if in := ended.Message.Infos[0]; in.Urgency != alert.UrgencyPast || in.Severity != alert.SeverityMinor || in.ResponseTypes[0] != alert.ResponseAllClear || len(in.Parameters) > 0 || len(in.Areas) != 2 {
		t.Errorf("the all clear is %+v", in)
	}
	if !compose.Ended(ended) || compose.Ended(extended) {
		t.Error("what has ended is not told from what goes on")
	}
	if _, err := compose.AllClear(ended, nil, until, o); err == nil || !strings.Contains(err.Error(), "nothing goes on") {
		t.Errorf("an all clear of an all clear: %v", err)
	}
	if _, _, err := compose.Renew(ended, coloured(o, "IT-SV-7", "rossa", alert.SeverityExtreme), false, o); err == nil || !strings.Contains(err.Error(), "nothing goes on") {
		t.Errorf("an update of an all clear: %v", err)
	}
}

// TestLevelsOfTwoScales holds that a colour and a severity are not compared.
func TestLevelsOfTwoScales(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b := first(t, own(o, nil), o)
	_, does, err := compose.Renew(b, coloured(o, "IT-SV-2", "gialla", alert.SeverityModerate), false, o)
	if err != nil || does != wording.Update {
		t.Errorf("from a severity to a colour it does %d (%v)", does, err)
	}
}
