package review_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/review"
)

// TestWhatIsPreparedIsReviewed puts an address of strangers into the prepared revocation
// alone: whoever signs the alert signs that too.
func TestWhatIsPreparedIsReviewed(t *testing.T) {
	t.Parallel()
	a := bulletintest.New(t, "x-a")
	a.Prepared = true
	sound := a.Next(t, alert.MsgAlert)
	o := review.Options{Lang: "en", Now: a.Composed.Add(time.Minute), Site: "https://site.example"}
	inner := sound.Prepared(bulletin.Revocation)
	draft := func(b *bulletin.Bulletin) bulletin.Draft {
		return bulletin.Draft{
			Alert: b.Alert, Code: b.Code, Number: b.Number, Realm: b.Realm, Issuer: b.Issuer, Composed: b.Composed, Expires: b.Expires,
			Kind: b.Kind, PreparedFor: b.PreparedFor, CAP: b.CAP, Posts: append([]bulletin.Post(nil), b.Posts...),
		}
	}
	d := draft(inner)
	d.Posts[0].Text = strings.Replace(d.Posts[0].Text, "Cancel per", "https://strangers.example/ per", 1)
	outer := draft(sound)
	outer.Prepared = []*bulletin.Bulletin{sound.Prepared(bulletin.Correction), bulletintest.Write(t, d)}
	for name, c := range map[string]struct {
		b    *bulletin.Bulletin
		want int
	}{"sound": {sound, 0}, "forged": {bulletintest.Write(t, outer), 1}} {
		r := review.New(c.b, o)
		var said []review.Warning
		for _, w := range r.Warnings {
			if strings.Contains(w.Found, "strangers.example") {
				said = append(said, w)
			}
		}
		if len(said) != c.want || c.want > 0 && (said[0].Channels[0] != "revocation/x-a" || said[0].Severity != review.High) {
			t.Errorf("%s: the warnings are %+v, want %d about the address", name, r.Warnings, c.want)
		}
		var page strings.Builder
		if err := r.Write(&page); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page.String(), "PREPARED INSIDE") {
			t.Errorf("%s: the review does not say what is prepared:\n%s", name, page.String())
		}
	}
}
