package compose_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/scenario"
	"tocsin/templates/scenarios"
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

// TestHeadlineSaysTheAct holds that the headline of an update says what it does, in every
// language and within what CAP asks, and that no post says it twice.
func TestHeadlineSaysTheAct(t *testing.T) {
	t.Parallel()
	s := frana(t)
	for _, realm := range []alert.Realm{alert.RealmLive, alert.RealmExercise} {
		for name, inputs := range map[string][]scenario.Input{"example": s.Example, "longest": s.Longest} {
			t.Run(string(realm)+"_"+name, func(t *testing.T) {
				t.Parallel()
				o := unpictured(t)
				o.Realm = realm
				o.SignWithin = 0
				newest := scenarioBulletin(t, s, inputs, o)
				level := map[string]string{"gialla": "rossa", "arancione": "rossa", "rossa": "gialla"}
				values := inputs
				for n, want := range []struct {
					verb    string
					extends bool
				}{{"extend", true}, {"level", false}, {"level", false}, {"same", false}} {
					if want.verb == "level" {
						now := ""
						for _, in := range values {
							if in.Field == "level" {
								now = in.Text
							}
						}
						values = scenario.Changed(values, []scenario.Input{{Field: "level", Text: level[now]}})
					}
					m, o := scenarioMessage(t, s, values, o)
					m.Identifier = fmt.Sprintf("IT-SV-%d", n+2)
					m, does, err := compose.Renew(newest, m, want.extends, o)
					if err != nil {
						t.Fatal(err)
					}
					b, err := compose.Next(newest, m, o)
					if err != nil {
						t.Fatal(err)
					}
					saysAct(t, b, does)
					newest = b
				}
				o.Now = newest.Composed
				m, err := compose.AllClear(newest, nil, newest.Expires, o)
				if err != nil {
					t.Fatal(err)
				}
				b, err := compose.Next(newest, m, o)
				if err != nil {
					t.Fatal(err)
				}
				saysAct(t, b, wording.AllClear)
				for i := range b.Message.Infos {
					for _, old := range []wording.Act{wording.Extend, wording.Raise, wording.Lower, wording.Update} {
						if w := wording.For(b.Message.Infos[i].Language); strings.Contains(b.Message.Infos[i].Headline, w.Act(old)) {
							t.Errorf("the end says what an update before did: %q", b.Message.Infos[i].Headline)
						}
					}
				}
			})
		}
	}
}

// saysAct holds what the headlines and posts of b, and of what is prepared in it, say of
// what they do.
func saysAct(t *testing.T, b *bulletin.Bulletin, does wording.Act) {
	t.Helper()
	for i := range b.Message.Infos {
		in := &b.Message.Infos[i]
		w := wording.For(in.Language)
		word := w.Act(does) + ": "
		if b.Realm == alert.RealmExercise {
			word = w.DrillWord(wording.Exercise) + ": " + word
		}
		if n := utf8.RuneCountInString(in.Headline); !strings.HasPrefix(in.Headline, word) || n > 160 {
			t.Errorf("bulletin %s: the headline in %s is %q (%d characters), want %q before it", b.Mark(), in.Language, in.Headline, n, word)
		}
		for _, kind := range bulletin.Kinds() {
			if q := b.Prepared(kind); q != nil && does.Renews() && strings.Contains(q.Message.Infos[i].Headline, w.Act(does)) {
				t.Errorf("bulletin %s: the %s still says %q", b.Mark(), kind, q.Message.Infos[i].Headline)
			}
		}
	}
	for _, p := range b.Posts {
		w := wording.For(p.Lang)
		if said := strings.Count(p.Title+"\n"+p.Text, w.Act(does)+": "); said != 1 {
			t.Errorf("bulletin %s: %s in %s says %q %d times:\n%s\n%s", b.Mark(), p.Channel, p.Lang, w.Act(does), said, p.Title, p.Text)
		}
	}
}

// TestShorterHeadlineLeavesRoomForTheAct takes a headline that fits alone and not behind the
// word: the author's shorter one stands in the message, and its still shorter ones in posts.
func TestShorterHeadlineLeavesRoomForTheAct(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	o.Realm = alert.RealmLive
	long := strings.TrimSpace("Piena del Letimbro: " + strings.Repeat("a", 130))
	middle, short := "Piena del Letimbro a Savona, livello in crescita", "Piena del Letimbro"
	o.Shorter = map[string]map[string][]string{"it-IT": {long: {middle, short}}}
	m := own(o, func(m *alert.Message) { actual(m); m.Infos[0].Headline = long })
	b := first(t, m, o)
	again := own(o, func(m *alert.Message) {
		actual(m)
		m.Identifier, m.Infos[0].Headline = "IT-SV-2", long
	})
	m, _, err := compose.Renew(b, again, false, o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Infos[0].Headline, "Aggiornamento: "+middle; got != want {
		t.Errorf("the headline is %q, want %q", got, want)
	}
	o.Channels = o.Channels[:1:1]
	o.Channels[0].Limits.MaxLen, o.Channels[0].Limits.MaxTitle = 190, 0
	next, err := compose.Next(b, m, o)
	if err != nil {
		t.Fatal(err)
	}
	if text := next.Posts[0].Text; !strings.Contains(text, "Aggiornamento: "+short+"\n") {
		t.Errorf("the post does not use the shorter headline:\n%s", text)
	}
}

// TestWorkOnARoadIsNoAct holds that a word within a headline is not taken for what the
// message does.
func TestWorkOnARoadIsNoAct(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b := first(t, own(o, nil), o)
	m, _, err := compose.Renew(b, own(o, func(m *alert.Message) {
		m.Identifier, m.Infos[0].Headline = "IT-SV-2", "Strada chiusa per l’aggiornamento della segnaletica"
	}), false, o)
	if err != nil {
		t.Fatal(err)
	}
	next, err := compose.Next(b, m, o)
	if err != nil {
		t.Fatal(err)
	}
	if text := post(t, next, "x-savona", 1).Text; !strings.Contains(text, "Aggiornamento: Strada chiusa per l’aggiornamento") {
		t.Errorf("the post does not say that it is an update:\n%s", text)
	}
}

// TestCorrectionBeginsWithItsWord holds that what puts an update in doubt says so, and not
// that it is one more update.
func TestCorrectionBeginsWithItsWord(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	b := first(t, own(o, nil), o)
	if text := post(t, b.Prepared(bulletin.Correction), "x-savona", 1).Text; !strings.HasPrefix(text, "ESERCITAZIONE\nIn verifica: Piena del Letimbro") {
		t.Errorf("the correction begins:\n%s", text)
	}
	o.Channels = o.Channels[:1:1]
	o.Channels[0].Limits.MaxTitle = 0
	for limit := 400; limit > 150; limit -= 5 {
		o.Channels[0].Limits.MaxLen = limit
		b, err := compose.New(own(o, nil), o, demoID, demoCode)
		if err != nil {
			break
		}
		if text := b.Prepared(bulletin.Correction).Posts[0].Text; !strings.Contains(text, "In verifica: ") {
			t.Fatalf("at %d the correction does not say what it is:\n%s", limit, text)
		}
	}
}

// TestACorrectionSaysSo corrects each scenario with its longest values: whatever a post has to
// leave out, it says that the message before was wrong.
func TestACorrectionSaysSo(t *testing.T) {
	t.Parallel()
	library := scenario.Library{Shelves: []scenario.Shelf{{FS: scenarios.FS}}}
	fixes, err := library.Open("correzione")
	if err != nil {
		t.Fatal(err)
	}
	everyScenario(t, func(t *testing.T, s *scenario.Scenario, atlas *scenario.Atlas) {
		if s.Follows() {
			return
		}
		m, o := sampleMessage(t, s, s.Longest, unpictured(t), atlas)
		b := first(t, m, o)
		v, now, err := s.Sample(s.Longest, atlas, o.Location)
		if err != nil {
			t.Fatal(err)
		}
		inputs, err := fixes.Correcting(v, "luogo-orari")
		if err != nil {
			t.Fatal(err)
		}
		said, err := fixes.Fill(inputs, scenario.World{Atlas: atlas, Now: now, Location: o.Location})
		if err != nil {
			t.Fatal(err)
		}
		f := scenario.Frame{Identifier: "IT-SV-0002", Sender: sender, Office: o.Issuer, Sent: now, Location: o.Location, Drill: wording.Exercise}
		right, shorter := s.Message(v, f)
		o.Shorter = fixes.Correct(said, right, shorter, f)
		if right, err = compose.Correct(b, right, o); err != nil {
			t.Fatal(err)
		}
		next, err := compose.Next(b, right, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range next.Posts {
			if word := wording.For(p.Lang).Act(wording.Update) + ", "; !strings.Contains(p.Title+"\n"+p.Text, "\n"+word) && !strings.Contains(p.Title, word) {
				t.Errorf("%s in %s does not say that it corrects:\n%s", p.Channel, p.Lang, p.Text)
			}
		}
		if compose.ActOf(next.Message) != wording.Update {
			t.Errorf("it is %v", compose.ActOf(next.Message))
		}
	})
}
