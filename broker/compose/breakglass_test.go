package compose_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
)

// TestBreakglassTellsThePublic holds what a break-glass bulletin makes of the ordinary
// one: the same message for the time and the channels that are allowed, the sentence in
// each post, and inside it the same message for its whole time, without the sentence.
func TestBreakglassTellsThePublic(t *testing.T) {
	t.Parallel()
	o := options(t)
	ordinary := first(t, demo(t, o), o)
	o.Now = o.Now.Add(7 * time.Minute)
	why := bulletin.Breakglass{
		Cause: bulletin.CauseUnreachable, Why: "Nessuno risponde.",
		Contacts: []bulletin.Contact{{Record: 9, At: o.Now.UTC(), Way: alert.WayPhone, Whom: "police"}},
	}
	allowed := compose.Glass{Life: 30 * time.Minute, Channels: []string{"website-savona", "x-savona", "instagram-savona", "telegram-savona", "elsewhere"}}
	b, err := compose.Breakglass(ordinary, why, allowed, o)
	if err != nil {
		t.Fatal(err)
	}
	if b.Alert != ordinary.Alert || b.Code != ordinary.Code || b.Number != ordinary.Number || b.Previous != ordinary.Previous || b.Breakglass.InsteadOf != ordinary.SHA256() {
		t.Error("it does not stand in the place of the ordinary bulletin")
	}
	if !b.Expires.Equal(o.Now.Add(30*time.Minute)) || b.NotAfter.After(b.Expires) || b.NotAfter.IsZero() {
		t.Errorf("it ends at %v, to be signed by %v", b.Expires, b.NotAfter)
	}
	if slices.ContainsFunc(b.Channels(), func(c bulletin.Channel) bool { return c.Name == "facebook-savona" }) || len(b.Channels()) != 4 {
		t.Errorf("it goes to %v", b.Channels())
	}
	if b.Message.Identifier == ordinary.Message.Identifier || !strings.Contains(b.Message.Note, "Emesso da una sola autorità") {
		t.Errorf("its message is %s, %q", b.Message.Identifier, b.Message.Note)
	}
	for _, p := range b.Posts {
		// Text channels with room say each language.
		for _, lang := range []string{"it", "en"} {
			if p.Channel == "telegram-savona" && !strings.Contains(p.Text, bulletin.OneAuthority(lang)) {
				t.Errorf("%s does not say it in %s", p.Channel, lang)
			}
		}
		if p.Channel == "website-savona" && !strings.Contains(p.Title, bulletin.OneAuthority(p.Lang)) {
			t.Errorf("the page's title is %q", p.Title)
		}
		if p.Image != "" && !strings.Contains(p.Alt, bulletin.OneAuthority(p.Lang)) {
			t.Errorf("the picture of %s does not say it: %q", p.Channel, p.Alt)
		}
	}
	r := b.Prepared(bulletin.Ratification)
	if r == nil || !r.Expires.Equal(ordinary.Expires) || r.Message.MsgType != alert.MsgUpdate || r.Message.Infos[0].Headline != ordinary.Message.Infos[0].Headline {
		t.Fatalf("it is ratified by %+v", r)
	}
	for _, q := range append(r.Posts, b.Prepared(bulletin.Revocation).Posts...) {
		if strings.Contains(q.Text+q.Title, bulletin.OneAuthority(q.Lang)) {
			t.Errorf("what follows says on %s that one authority issued it", q.Channel)
		}
	}
	if slices.ContainsFunc(compose.Lint(b, unlisted(o, b)), func(f compose.Finding) bool { return f.Severity == alert.LevelError }) {
		t.Error("it breaks a rule for public texts")
	}
}

// unlisted returns o with the channels of b alone.
func unlisted(o compose.Options, b *bulletin.Bulletin) compose.Options {
	o.Channels = slices.DeleteFunc(slices.Clone(o.Channels), func(c compose.Channel) bool { return b.For(c.Name) == nil })
	return o
}

// TestBreakglassIsNotForAll holds what can't be break-glass.
func TestBreakglassIsNotForAll(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	ordinary := first(t, demo(t, o), o)
	why := bulletin.Breakglass{
		Cause: bulletin.CauseUnreachable, Why: "Nessuno risponde.",
		Contacts: []bulletin.Contact{{Record: 9, At: o.Now.UTC(), Way: alert.WayPhone, Whom: "police"}},
	}
	allowed := compose.Glass{Life: 30 * time.Minute, Channels: []string{"x-savona"}}
	live := o
	live.Realm = alert.RealmLive
	for name, tt := range map[string]struct {
		b       *bulletin.Bulletin
		allowed compose.Glass
		o       compose.Options
		want    string
	}{
		"prepared":   {ordinary.Prepared(bulletin.Correction), allowed, o, "not an alert or an update in words of one's own"},
		"revocation": {ordinary.Prepared(bulletin.Revocation), allowed, o, "not an alert or an update in words of one's own"},
		"channels":   {ordinary, compose.Glass{Life: time.Minute, Channels: []string{"elsewhere"}}, o, "none of the bulletin's channels"},
		"realm":      {ordinary, allowed, live, "is of the realm exercise"},
	} {
		if _, err := compose.Breakglass(tt.b, why, tt.allowed, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tt.want)
		}
	}
	expired := o
	expired.Now = ordinary.Expires.Add(time.Second)
	if _, err := compose.Breakglass(ordinary, why, allowed, expired); err == nil {
		t.Error("an alert that is over was composed again")
	}
}

// TestBreakglassFits holds that the sentence has room on the narrowest channel, beside
// a long message, in each language.
func TestBreakglassFits(t *testing.T) {
	t.Parallel()
	o := unpictured(t)
	why := bulletin.Breakglass{
		Cause: bulletin.CauseSudden, Why: "Nessuno risponde.",
		Contacts: []bulletin.Contact{{Record: 9, At: o.Now.UTC(), Way: alert.WayPhone, Whom: "police"}},
	}
	for _, lang := range []string{"it-IT", "de-AT", "fr-FR", "en-US", "es-ES"} {
		m := own(o, func(m *alert.Message) {
			m.Infos = m.Infos[:1]
			m.Infos[0].Language = lang
			m.Infos[0].Headline = strings.Repeat("Piena del torrente Letimbro a Savona ", 4) + "oggi"
		})
		b, err := compose.Breakglass(first(t, m, o), why, compose.Glass{Life: 10 * time.Minute, Channels: []string{"x-savona"}}, o)
		if err != nil {
			t.Errorf("%s: %v", lang, err)
			continue
		}
		if !slices.Contains(strings.Split(b.Posts[0].Text, "\n"), bulletin.OneAuthority(lang)) {
			t.Errorf("%s: %q", lang, b.Posts[0].Text)
		}
	}
}
