package compose_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tocsin/adapters"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
)

// marking returns options whose channels can do with public posts what the platforms can.
func marking(t testing.TB) compose.Options {
	t.Helper()
	o := options(t)
	o.Channels = slices.Clone(o.Channels)
	for i := range o.Channels {
		switch c := &o.Channels[i]; c.Kind {
		case "facebook", "telegram":
			c.Limits.Marks, c.Limits.MaxMark = adapters.MarkEdit, c.Limits.MaxLen
		case "instagram":
			c.Limits.Marks, c.Limits.MaxMark = adapters.MarkComment, 300
		}
	}
	return o
}

// markOf returns the one mark of b for a channel and a moment.
func markOf(t testing.TB, b *bulletin.Bulletin, channel string, when bulletin.Moment) bulletin.Mark {
	t.Helper()
	found := slices.DeleteFunc(b.MarksFor(channel), func(m bulletin.Mark) bool { return m.When != when })
	if len(found) != 1 {
		t.Fatalf("%s has %d marks for %s when it is %s, want one", b.Mark(), len(found), channel, when)
	}
	return found[0]
}

// TestWhatBecomesOfAPost composes a life and reads what each post says afterwards.
func TestWhatBecomesOfAPost(t *testing.T) {
	t.Parallel()
	o := marking(t)
	b := first(t, demo(t, o), o)
	telegram := b.For("telegram-savona")[0].Text

	own := markOf(t, b, "telegram-savona", bulletin.AtExpiry)
	if !strings.HasPrefix(own.Text, "ESERCITAZIONE – SCADUTO – Questo messaggio valeva fino alle ") || !strings.HasSuffix(own.Text, "\n\n"+telegram) || own.On != 1 {
		t.Errorf("when it expires the post says %q, want what became of it, and then what it said", own.Text)
	}
	if len(b.MarksFor("x-savona"))+len(b.MarksFor("website-savona"))+len(b.MarksFor("instagram-savona")) != 0 {
		t.Errorf("marks are for channels that can't mark, or say below a picture that it is over: %+v", b.Marks)
	}

	for kind, says := range map[bulletin.Kind]string{bulletin.Correction: "IN VERIFICA – ", bulletin.Revocation: "REVOCATO – "} {
		q := b.Prepared(kind)
		m := markOf(t, q, "telegram-savona", bulletin.AtRelease)
		if !strings.HasPrefix(m.Text, "ESERCITAZIONE – "+says) || !strings.Contains(m.Text, demoCode.Mark(2)) || !strings.HasSuffix(m.Text, telegram) {
			t.Errorf("%s: the post says %q", kind, m.Text)
		}
		comment := markOf(t, q, "instagram-savona", bulletin.AtRelease)
		if n := utf8.RuneCountInString(comment.Text); n > 300 || !strings.HasPrefix(comment.Text, "ESERCITAZIONE – "+says) || !strings.HasSuffix(comment.Text, "http://127.0.0.1:8080/a/SV-7F3K2") {
			t.Errorf("%s: the comment has %d characters and says %q", kind, n, comment.Text)
		}
	}

	o.Now = o.Now.Add(time.Hour)
	over, err := compose.AllClear(b, nil, o.Now.Add(6*time.Hour), o)
	if err != nil {
		t.Fatal(err)
	}
	next, err := compose.Next(b, over, o)
	if err != nil {
		t.Fatal(err)
	}
	m := markOf(t, next, "facebook-savona", bulletin.AtRelease)
	if !strings.HasPrefix(m.Text, "ESERCITAZIONE – FINE ALLERTA – Questo messaggio non vale più: SV-7F3K2-2\n") || m.On != 1 {
		t.Errorf("after the all clear the post says %q", m.Text)
	}

	update := demo(t, o)
	update.MsgType, update.References = alert.MsgUpdate, nil
	update.Raw = nil
	next, err = compose.Next(b, update, o)
	if err != nil {
		t.Fatal(err)
	}
	if m := markOf(t, next, "telegram-savona", bulletin.AtRelease); !strings.HasPrefix(m.Text, "ESERCITAZIONE – AGGIORNATO – Questo messaggio non vale più. Leggi quello nuovo: SV-7F3K2-2\n") {
		t.Errorf("after the update the post says %q", m.Text)
	}
	if revoked := next.Prepared(bulletin.Revocation); len(revoked.MarksFor("telegram-savona")) != 1 || revoked.MarksFor("telegram-savona")[0].On != 2 {
		t.Errorf("the revocation of the update marks %+v, want the update's post alone", revoked.MarksFor("telegram-savona"))
	}
}

// TestAPostWithoutRoomKeepsItsCode has a channel on which what became of a post and what it
// said do not fit together.
func TestAPostWithoutRoomKeepsItsCode(t *testing.T) {
	t.Parallel()
	o := marking(t)
	m := demo(t, o)
	b := first(t, m, o)
	i := slices.IndexFunc(o.Channels, func(c compose.Channel) bool { return c.Kind == "telegram" })
	o.Channels[i].Limits.MaxMark = len([]rune(b.For("telegram-savona")[0].Text)) + 20
	b = first(t, m, o)
	got := markOf(t, b, "telegram-savona", bulletin.AtExpiry).Text
	if n := utf8.RuneCountInString(got); n > o.Channels[i].Limits.MaxMark || !strings.Contains(got, "Codice allerta: SV-7F3K2-1") || !strings.HasSuffix(got, "ESERCITAZIONE – Questo messaggio è una prova.") {
		t.Errorf("the mark has %d characters and says %q", n, got)
	}
}
