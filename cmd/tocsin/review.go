package main

// This file shows a bulletin to the person who is about to sign it, and asks.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/review"
	"tocsin/broker/scenario"
	"tocsin/templates/wording"
)

// A background is what a review needs besides the bulletin.
type background struct {
	site     string             // the issuer's site, "" where no configuration says it
	zone     *time.Location     // of the readers' clocks, nil for Rome's
	previous *bulletin.Bulletin // nil where there is none, or where it is not at hand
	ordinary *bulletin.Bulletin // in whose place a break-glass one stands; nil like previous
	absent   string             // why it is not at hand
	// others are the newest bulletins of other alerts that have not expired.
	others []*bulletin.Bulletin
	// statement is what is signed instead of the bulletin; nil where that is signed.
	statement *bulletin.Halt
	// c tells which scenarios and places there are; nil for those that come with Tocsin.
	c *config
}

// background returns what the ledger and the configuration that the flags name tell of
// a bulletin. Where they name none, a review does without. What can't be read stops
// nobody from signing: the review says that it is missing.
func (w *where) background(ctx context.Context, p *program, b *bulletin.Bulletin) (background, error) {
	if w.config == "" && w.state == "" {
		return background{absent: p.say("Per confrontarlo: -c FILE (la configurazione del nodo) o --state CARTELLA.", "To compare it: -c FILE (the node's configuration) or --state DIR.")}, nil
	}
	c, err := w.configuration()
	if err != nil {
		return background{}, err
	}
	bg := ofConfiguration(c)
	d, err := w.open(ctx, "tocsin sign", nil, false)
	if err != nil {
		if b.Previous != "" || b.Breakglass != nil {
			bg.absent = p.words(err) + "."
		}
		return bg, nil
	}
	defer d.Close()
	return d.background(ctx, p, b), nil
}

// background returns what the desk's ledger and configuration tell of a bulletin.
func (d *desk) background(ctx context.Context, p *program, b *bulletin.Bulletin) background {
	bg := ofConfiguration(d.c)
	kept := func(digest string) *bulletin.Bulletin {
		if digest == "" {
			return nil
		}
		other, err := delivery.Kept(ctx, d.ledger, string(b.Alert), digest)
		if err == nil && other.Alert != b.Alert {
			err = both("quello che nomina è di un'altra allerta", "the one that it names is another alert's")
		}
		if err != nil {
			bg.absent = p.words(err) + "."
			return nil
		}
		return other
	}
	if b.Previous == "" {
		bg.others = d.inForce(ctx, b.Alert, time.Now())
	}
	bg.previous = kept(b.Previous)
	if b.Breakglass != nil {
		bg.ordinary = kept(b.Breakglass.InsteadOf)
	}
	return bg
}

// inForce returns the newest bulletin of every other alert that has neither expired nor been
// revoked, released or not: two officers may be writing about one flood. What can't be read
// is left out, and stops nobody from signing.
func (d *desk) inForce(ctx context.Context, but alert.ID, now time.Time) (out []*bulletin.Bulletin) {
	newest := map[string]string{}
	d.ledger.View(func(s *ledger.State) {
		for id, a := range s.Alerts {
			if n := len(a.Bulletins); n > 0 && id != string(but) {
				if last := a.Bulletins[n-1]; last.Expires.After(now) && last.MsgType != string(alert.MsgCancel) {
					newest[id] = last.SHA256
				}
			}
		}
	})
	for _, id := range slices.Sorted(maps.Keys(newest)) {
		if b, err := delivery.Kept(ctx, d.ledger, id, newest[id]); err == nil {
			out = append(out, b)
		}
	}
	return out
}

func ofConfiguration(c *config) background {
	if c == nil {
		return background{}
	}
	return background{site: c.Site.PublicURL, zone: c.Issuer.zone, c: c}
}

// standing returns what the scenario of a bulletin says with the bulletin's values; nil
// for a bulletin that names none.
func (p *program) standing(c *config, b *bulletin.Bulletin) *review.Standing {
	if b.Form == nil {
		return nil
	}
	s, m, err := standingText(c, b)
	if err != nil {
		return &review.Standing{Absent: p.words(err) + "."}
	}
	out := &review.Standing{Message: m}
	if s.SHA256 != b.Form.SHA256 {
		out.Version = s.Version
	}
	return out
}

// standingText fills in the scenario of a bulletin once more.
func standingText(c *config, b *bulletin.Bulletin) (*scenario.Scenario, *alert.Message, error) {
	l, err := c.library()
	if err != nil {
		return nil, nil, err
	}
	s, err := l.Open(b.Form.Scenario)
	if err != nil {
		return nil, nil, err
	}
	atlas, err := c.atlas()
	if err != nil {
		return nil, nil, err
	}
	zone := rome()
	if c != nil {
		zone = c.Issuer.zone
	}
	v, err := s.Fill(kept(b.Form), scenario.World{Atlas: atlas, Now: b.Message.Sent, Location: zone})
	if err != nil {
		return nil, nil, err
	}
	f := scenario.Frame{Identifier: b.Message.Identifier, Sender: b.Message.Sender, Office: b.Issuer, Sent: b.Message.Sent, Location: zone, Drill: drillOf(b.Realm)}
	m, _ := s.Message(v, f)
	if s.HasAllClear() && compose.ActOf(b.Message) == wording.AllClear {
		m, _ = s.AllClear(v, b.Expires, f)
	}
	return s, m, nil
}

// review reviews a bulletin, or the posts of one of its channels, in the language of
// the screen.
func (p *program) review(b *bulletin.Bulletin, bg background, channel string, pictures map[string]string) *review.Review {
	var left bytes.Buffer
	p.leftOut(&left, b, channel)
	return review.New(b, review.Options{
		Lang: p.lang, Now: time.Now(), Location: bg.zone, Site: bg.site, Previous: bg.previous, Ordinary: bg.ordinary, Absent: bg.absent,
		Others: bg.others, Read: p.read, Channel: channel, Pictures: pictures, LeftOut: strings.Split(strings.TrimSpace(left.String()), "\n"),
		Standing: p.standing(bg.c, b),
	})
}

// preview writes a bulletin as the person sees it who is to sign it; pictures are the
// files in which its pictures can be looked at, by digest.
func (p *program) preview(w io.Writer, b *bulletin.Bulletin, bg background, channel string, pictures map[string]string) error {
	return p.review(b, bg, channel, pictures).Write(w)
}

// isTerminal reports whether a person sits at a stream.
func isTerminal(stream any) bool {
	if in, ok := stream.(*input); ok {
		stream = in.file
	}
	if text, ok := stream.(*legible); ok {
		stream = text.Writer
	}
	if out, ok := stream.(*output); ok {
		stream = out.Writer
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor fits
}

// confirm shows the bulletin, its pictures in files that stay until the answer, or for
// good with --images, and asks: on standard error where standard output is for a JSON
// object or leads elsewhere. What signs is the first of the read-back words. It is
// another one for each bulletin, so that nobody types it by habit or before the
// review has run past, and it stands below everything that is to be read.
//
// It returns the warnings, in English, where a JSON object is to hold them: whoever signs
// by a script with --yes has no screen.
func (p *program) confirm(b *bulletin.Bulletin, k *keyFlags, bg background, asJSON bool, italian, english string) ([]review.Warning, error) {
	if !asJSON {
		return nil, p.question(b, k, bg, asJSON, italian, english)
	}
	return previewOf(b, bg, "", nil).Warnings, p.question(b, k, bg, asJSON, italian, english)
}

// question is confirm but for the warnings.
func (p *program) question(b *bulletin.Bulletin, k *keyFlags, bg background, asJSON bool, italian, english string) error {
	if !k.yes && !isTerminal(p.stdin) {
		return usageError{both("non firmato: qui non c'è un terminale su cui mostrare il bollettino e chiedere: rileggerlo con tocsin preview, poi aggiungere --yes",
			"not signed: there is no terminal here on which to show the bulletin and ask: read it with tocsin preview, then add --yes")}
	}
	dir := k.images
	if dir == "" && !k.yes {
		temporary, err := os.MkdirTemp("", "tocsin-")
		if err == nil {
			dir = temporary
			defer func() { _ = os.RemoveAll(temporary) }()
		}
	}
	pictures, err := writePictures(b, dir)
	screen := p.out
	if asJSON || !isTerminal(p.out) {
		screen = p.err
	}
	if err != nil { // a stop must not wait for room in a folder: the person decides
		fmt.Fprintf(screen, "%s\n", p.say("Le immagini non si possono mostrare: %v", "The pictures can't be shown: %v", err))
	}
	r := p.review(b, bg, "", pictures)
	if k.yes {
		return r.WriteGrave(p.err)
	}
	if err := r.Write(screen); err != nil {
		return err
	}
	if err := r.WriteGrave(screen); err != nil {
		return err
	}
	err = r.WriteLines(screen, p.say(italian+" (%s, allerta %s, bollettino %d).", english+" (%s, alert %s, bulletin %d).", p.realmWords(b.Realm), b.Code, b.Number),
		p.say("Canali: %s", "Channels: %s", channelNames(b)))
	if err != nil {
		return err
	}
	if bg.statement != nil {
		fmt.Fprintf(screen, "%s\n\n  │ %s\n\n", p.say("Firmi questo testo, che resta nel registro:", "You sign this text, which stays in the ledger:"),
			strings.ReplaceAll(strings.TrimSuffix(string(bg.statement.Bytes()), "\n"), "\n", "\n  │ "))
	}
	fmt.Fprint(screen, p.say("Per firmare scrivi la prima delle sei parole di controllo (altro non firma): ", "To sign, type the first of the six read-back words (nothing else signs): "))
	answer, err := p.line()
	if errors.Is(err, context.Canceled) {
		return errBrokenOff
	}
	if err != nil || !strings.EqualFold(strings.TrimSpace(answer), r.Words[0]) {
		return both("non firmato: niente è stato inviato", "not signed: nothing was sent")
	}
	return nil
}

// readBack says the words of a bulletin that was signed: now the telephone is taken up.
func (p *program) readBack(b *bulletin.Bulletin, asJSON bool) {
	if !asJSON {
		p.print("Parole di controllo: %s", "Read-back words: %s", strings.Join(review.ReadBack(b.SHA256()), " "))
	}
}
