package adapterstest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/adapters"
)

// Sample returns a post that has what breaks naive senders and still fits every
// platform's limits: two scripts, one of them right to left, an emoji of seven
// code points, the characters of three markup languages, newlines, a mark and a
// link. It has no image.
func Sample() adapters.Post {
	const link = "https://allerte.example.it/SV-7F3K2"
	sent := time.Date(2026, time.October, 3, 2, 58, 0, 0, time.UTC)
	return adapters.Post{
		Key:  "7b0e1f62-0c7e-4b59-9a43-0d6c1e5fae11/1/1",
		Mark: "SV-7F3K2-1",
		Lang: "it",
		Text: "ALLUVIONE: <subito> ai piani ALTI & *restateci* 👨‍👩‍👧‍👦 @_@\n" +
			"Perché: il Letimbro è già a 2,10 m.\nفيضان: اصعدوا إلى الطوابق العليا\n[SV-7F3K2-1] " + link,
		Title: "Allerta rossa: alluvione",
		Link:  link,
		Notice: adapters.Notice{
			CAP:        []byte(sampleCAP),
			Identifier: "7b0e1f62-0c7e-4b59-9a43-0d6c1e5fae11.1",
			Sender:     "protezionecivile@provincia.example.it",
			Sent:       sent,
			Expires:    sent.AddDate(50, 0, 0),
			Status:     "Exercise",
			MsgType:    "Alert",
			Event:      "Alluvione",
			Headline:   "Allerta rossa: alluvione",
			Urgency:    "Immediate",
			Severity:   "Extreme",
			Certainty:  "Observed",
			Areas:      []string{"Savona"},
			Code:       "SV-7F3K2",
			Bulletin:   1,
			Issuer:     "Provincia di Savona, Protezione civile",
			SHA256:     strings.Repeat("5a", 32),
		},
	}
}

// sampleCAP is a CAP 1.2 document with what the standard requires and no more.
const sampleCAP = `<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>7b0e1f62-0c7e-4b59-9a43-0d6c1e5fae11.1</identifier>
  <sender>protezionecivile@provincia.example.it</sender>
  <sent>2026-10-03T02:58:00-00:00</sent>
  <status>Exercise</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>it-IT</language>
    <category>Met</category>
    <event>Alluvione</event>
    <urgency>Immediate</urgency>
    <severity>Extreme</severity>
    <certainty>Observed</certainty>
    <expires>2076-10-03T02:58:00-00:00</expires>
    <headline>Allerta rossa: alluvione</headline>
    <area>
      <areaDesc>Savona</areaDesc>
    </area>
  </info>
</alert>
`

// marked returns the rig's post under another mark, as a bulletin of its own.
func (r Rig) marked(mark string) adapters.Post {
	p := r.Post
	p.Key += adapters.Key("+" + mark)
	p.Text = strings.ReplaceAll(p.Text, p.Mark, mark)
	p.Mark = mark
	p.Notice.Identifier += "." + mark
	if i := strings.LastIndexByte(mark, '-'); i > 0 {
		p.Notice.Code = mark[:i]
		p.Notice.Bulletin, _ = strconv.Atoi(mark[i+1:]) // a mark without a number belongs to bulletin 0
	}
	return p
}

// other returns the post of another alert, a different one for each n from 0 to 999.
func (r Rig) other(n int) adapters.Post { return r.marked(fmt.Sprintf("SV-9Q%03d-1", n)) }

// part returns another part of the rig's bulletin: the same mark, another text.
func (r Rig) part() adapters.Post {
	p := r.Post
	p.Key += "+part"
	p.Lang = "en"
	p.Text = "Flood: go to the UPPER floors and stay there. [" + p.Mark + "] " + p.Link
	p.Title = "Red alert: flood"
	return p
}

// sized returns the rig's post with a text that is over units longer than the channel's
// limit, and false where the channel has no limit or the units do not come out.
func (r Rig) sized(over int) (adapters.Post, bool) {
	l, p := r.Channel.Limits(), r.Post
	room := l.MaxLen + over - l.Length(p.Text+" ")
	if l.MaxLen == 0 || room < 1 {
		return p, false
	}
	p.Text += " " + strings.Repeat("a", room)
	return p, l.Length(p.Text) == l.MaxLen+over
}
