package main

// This file tells a person, while it happens, what the ledger reports of an alert.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// A journal keeps the signatures and the steps of deliveries in ledger order, for
// those who follow an alert. The state says where a channel is, not how it came
// there. It is safe for concurrent use.
type journal struct {
	mu      sync.Mutex
	entries []*ledger.Entry
}

// observe takes the next entry, as [ledger.Options] hands it on. What has no effect
// is not a step.
func (j *journal) observe(e *ledger.Entry, err error) {
	if err != nil || !e.Record.Delivery() && e.Record.Type != ledger.Signature && e.Record.Type != ledger.Watched {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

// after returns the entries after the record with the sequence.
func (j *journal) after(seq int64) []*ledger.Entry {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	first, _ := slices.BinarySearchFunc(j.entries, seq+1, func(e *ledger.Entry, seq int64) int { return cmp.Compare(e.Seq, seq) })
	return j.entries[first:]
}

// A teller tells one alert, a line for each step, in ledger order and with the
// ledger's times. It has one owner.
type teller struct {
	p     *program
	w     io.Writer
	d     *desk // its journal is told
	alert string
	// link returns where a person looks at what a channel shows; nil for the
	// addresses that the platforms gave.
	link func(channel, url string) string
	// signatures says that signatures are told too.
	signatures bool

	days      calendar
	told      int64                         // sequence of the last record of the journal that is told
	judged    int                           // what there was to judge when the next two were read
	addressed map[string]*bulletin.Bulletin // by digest
	verdicts  map[string]delivery.Verdict   // by digest
	refused   map[string]bool               // by digest: that the bulletin is refused is told
	width     int                           // of the column of channels
	signed    map[int64]time.Time           // when the broker took each signature
	waiting   map[string]bool               // by digest: that its posts wait is told
	released  map[string]time.Time          // by digest, once the first attempt is told
}

// errInterrupted is returned by follow when the person ended it.
var errInterrupted = both("interrotto prima che ogni canale fosse arrivato: vedere tocsin status", "interrupted before every channel had ended: see tocsin status")

// follow tells the alert until all its channels have ended, or the person ends it.
func (t *teller) follow(ctx context.Context) error {
	for {
		changed := t.d.ledger.Changed()
		if t.step(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-changed:
		}
	}
}

// step tells what has come since the last step, and reports whether all channels have
// ended.
func (t *teller) step(ctx context.Context) bool {
	if t.signed == nil {
		t.signed, t.waiting, t.released, t.refused = map[int64]time.Time{}, map[string]bool{}, map[string]time.Time{}, map[string]bool{}
	}
	ended := t.ended(ctx)
	// What the state holds is in the journal: nothing that ended it is left out.
	for _, e := range t.d.journal.after(t.told) {
		if e.Record.Alert == t.alert {
			t.tell(e)
		}
		t.told = e.Seq
	}
	return ended
}

// at goes on at another desk, which has the same ledger.
func (t *teller) at(d *desk) {
	t.d, t.judged = d, 0
}

// ended reports whether every channel of every bulletin has ended, and tells which
// bulletins are refused.
func (t *teller) ended(ctx context.Context) bool {
	known := 0
	t.d.ledger.View(func(s *ledger.State) {
		a := s.Alerts[t.alert]
		known = len(a.Refusals)
		for _, b := range a.Bulletins {
			known += 1 + len(b.Statements) + len(b.Halts)
		}
	})
	if known != t.judged {
		t.judged = known
		t.addressed, t.verdicts = t.d.judged(ctx, t.alert)
		for _, b := range t.addressed {
			for _, c := range b.Channels() {
				t.width = max(t.width, len(partName(c.Name, c.Parts, c.Parts)))
			}
		}
	}
	var status alertStatus
	t.d.ledger.View(func(s *ledger.State) {
		status = statusOf(s, t.alert, t.addressed)
		status.refuse(s, t.verdicts)
		status.compare(t.d.carried(s))
	})
	channels := 0
	for _, b := range status.Bulletins {
		if b.Refused != nil && !t.refused[b.SHA256] {
			t.refused[b.SHA256] = true
			writeLine(t.w, "", t.p.say("bollettino %d RESPINTO: %s", "bulletin %d REFUSED: %s", b.Number, t.p.read(b.Refused.Reason)))
		}
		if b.Halt != nil && !t.refused[b.SHA256] {
			t.refused[b.SHA256] = true
			fmt.Fprintln(t.w, t.p.say("bollettino %d %s", "bulletin %d %s", b.Number, t.p.haltWords(b.Halt)))
		}
		for _, c := range b.Channels {
			if !c.final || slices.ContainsFunc(c.Marks, func(m markStatus) bool { return m.When == string(bulletin.AtRelease) && !m.final }) {
				return false
			}
			channels++
		}
	}
	n := len(status.Bulletins)
	return channels > 0 || n > 0 && (status.Bulletins[n-1].Refused != nil || status.Bulletins[n-1].Halt != nil)
}

// partName names a post of a channel that has several: "sito 1/2".
func partName(channel string, part, parts int) string {
	if parts < 2 {
		return channel
	}
	return fmt.Sprintf("%s %d/%d", channel, part, parts)
}

// tell writes the lines of one record.
func (t *teller) tell(e *ledger.Entry) {
	r := &e.Record
	if r.Type == ledger.Signature {
		t.signed[e.Seq] = e.Time
		if t.signatures {
			role, _, _ := strings.Cut(r.Namespace, "@")
			t.line(e.Time, r, t.p.say("firma", "signature"), signing.Role(role).Title(t.p.lang), r.Principal, "")
		}
		t.wait(e)
		return
	}
	t.wait(e)
	if at, ok := t.signed[r.Released]; ok {
		t.released[r.SHA256] = at
	}
	channels := r.Channels
	if r.Channel != "" {
		channels = []string{r.Channel}
	}
	for _, c := range channels {
		name := partName(c, r.Part, t.parts(r.SHA256, c))
		if r.Mark > 0 {
			name = t.p.say("%s, modifica", "%s, change", c) // of a post that is public
		}
		t.line(e.Time, r, name, t.p.stateWords(stateAfter(r)), t.facts(e), t.linkOf(r, c))
		if r.Reason != "" {
			writeLine(t.w, "    ", r.Reason)
		}
	}
}

// wait writes, once for each bulletin, that every post of it waits: from its first
// signature on, by which it was handed in.
func (t *teller) wait(e *ledger.Entry) {
	r := &e.Record
	if t.waiting[r.SHA256] {
		return
	}
	t.waiting[r.SHA256] = true
	for _, c := range channelsOf(t.addressed[r.SHA256]) {
		for part := 1; part <= c.Parts; part++ {
			t.line(e.Time, r, partName(c.Name, part, c.Parts), t.p.stateWords(string(ledger.StatePending)), "", "")
		}
	}
}

func (t *teller) parts(digest, channel string) int {
	for _, c := range channelsOf(t.addressed[digest]) {
		if c.Name == channel {
			return c.Parts
		}
	}
	return 1
}

// stateAfter returns the state in which a record leaves its post; what is prepared
// waits still, under a word of its own.
func stateAfter(r *ledger.Record) string {
	switch r.Type { //nolint:exhaustive // the others are called as the state that they lead to
	case ledger.Watched:
		return r.State
	case ledger.Attempt:
		return string(ledger.StateAttempting)
	case ledger.NotSent, ledger.Absent, ledger.Deferred:
		return string(ledger.StatePending)
	case ledger.NotVerifiable:
		return string(ledger.StatePosted)
	}
	return string(r.Type)
}

// facts says what a record adds to the state that it leads to.
func (t *teller) facts(e *ledger.Entry) string {
	r, say := &e.Record, t.p.say
	switch r.Type { //nolint:exhaustive // the others have a reason, or say it all by their state
	case ledger.Attempt:
		if r.Attempt > 1 {
			return say("tentativo %d", "attempt %d", r.Attempt)
		}
	case ledger.Prepared:
		return say("la piattaforma ha già il contenuto; non è pubblico", "the platform holds the content already; it is not public")
	case ledger.NotSent:
		if !r.RetryAt.IsZero() {
			return say("non pubblicato, si riprova alle %s", "not published, to be tried again at %s", t.p.retry(r.RetryAt.In(rome()), e.Time.In(rome())))
		}
		return say("non pubblicato, si riprova", "not published, to be tried again")
	case ledger.Deferred:
		return say("rimandato, si va avanti alle %s", "kept back, it goes on at %s", t.p.retry(r.RetryAt.In(rome()), e.Time.In(rome())))
	case ledger.Absent:
		return say("cercato: non c'è, si invia di nuovo", "looked for: it is not there, it is sent again")
	case ledger.Posted:
		after := t.after(r, t.postedAt(r))
		if r.Lacks != "" {
			after = strings.TrimPrefix(after+say(", senza il cartello", ", without the card"), ", ")
		}
		if r.Reconciled {
			return strings.TrimPrefix(after+say(", ritrovato con il codice", ", found by its code"), ", ")
		}
		return after
	case ledger.Verified:
		return t.after(r, e.Time)
	case ledger.NotVerifiable:
		return say("non si può rileggere", "it can't be read back")
	}
	return ""
}

// retry says when another attempt is made, with the day where it is another one than the
// record's, or the clocks change between them.
func (p *program) retry(when, record time.Time) string {
	text := when.Format("15:04:05.000")
	if day := when.Format(dayAndZone); day != record.Format(dayAndZone) {
		return p.say("%s del %s", "%s on %s", text, day)
	}
	return text
}

// postedAt returns when a post became public, as the fold has it: the record's own time is by
// whatever clock its writer or the platform has.
func (t *teller) postedAt(r *ledger.Record) (at time.Time) {
	t.d.ledger.View(func(s *ledger.State) {
		b := s.Alerts[r.Alert].Bulletin(r.SHA256)
		if at = b.Part(r.Channel, r.Part).PostedAt; r.Mark > 0 {
			at = b.Mark(r.Channel, r.Mark).PostedAt
		}
	})
	return at
}

// after says how long after the release something was.
func (t *teller) after(r *ledger.Record, at time.Time) string {
	ms := since(t.released[r.SHA256], at)
	if ms == nil {
		return ""
	}
	return t.p.say("dopo %s", "after %s", milliseconds(*ms))
}

// linkOf returns where a person looks, where the record brings an address.
func (t *teller) linkOf(r *ledger.Record, channel string) string {
	switch {
	case r.Link() == "":
		return ""
	case t.link == nil:
		return r.Link()
	case r.Type == ledger.Posted:
		return t.link(channel, r.Link())
	}
	return "" // the page that was named when it was posted
}

// line writes one line in columns. Where the alert has several bulletins, it says of
// which one it is.
func (t *teller) line(at time.Time, r *ledger.Record, channel, state, facts, link string) {
	of := ""
	if len(t.addressed) > 1 {
		of = t.p.say("bollettino %d  ", "bulletin %d  ", r.Number)
	}
	line := fmt.Sprintf("%s  %s%-*s  %-22s  %-14s  %s", t.days.at(t.w, at), of, t.width, channel, state, facts, link)
	writeLine(t.w, "", strings.TrimRight(line, " "))
}

// A watch follows an alert through the nodes that come and go on a ledger.
type watch struct {
	p      *program
	w      *where
	asJSON bool
	screen io.Writer // for what is no step of the alert
	teller teller
	warned string // why the ledger is not to be trusted, or nothing is sent, as it was told
	idle   bool   // that no node runs is told
}

// watch follows the alert that a person names until all its channels have ended or the
// person ends it. Where no node works on the ledger it tells what is in it, and waits for
// one without keeping it from the folder.
func (p *program) watch(ctx context.Context, w *where, name string, asJSON bool) error {
	f := &watch{p: p, w: w, asJSON: asJSON, screen: p.out, teller: teller{p: p, w: p.out, signatures: true}}
	if asJSON {
		f.screen, f.teller.w = p.err, io.Discard
	}
	w.wait = func(err error) {
		fmt.Fprintln(p.err, p.say("Il nodo non risponde ancora (%s). Si aspetta; per smettere: Ctrl-C", "The node does not answer yet (%s). Waiting for it; to stop: Ctrl-C", p.words(err)))
	}
	for {
		folder, ended, err := f.turn(ctx, name)
		switch {
		case ctx.Err() != nil && !ended:
			return errInterrupted
		case err != nil || ended:
			return err
		}
		if !f.idle {
			f.idle = true
			fmt.Fprintln(f.screen, p.say("Nessun nodo è acceso su %s: il registro dice questo. Si aspetta che uno si accenda; per smettere: Ctrl-C",
				"No node runs on %s: this is what its ledger says. Waiting for a node to be started; to stop: Ctrl-C", folder))
		}
		if err := awaitNode(ctx, folder); err != nil {
			return err
		}
	}
}

// turn follows the alert as long as one reading of the ledger lasts: to the end through a
// node; and as far as it goes in a folder on which none works, which it returns.
func (f *watch) turn(ctx context.Context, name string) (folder string, ended bool, err error) {
	steps := &journal{}
	d, err := f.w.open(ctx, "tocsin status", steps.observe, false)
	if err != nil {
		return "", false, err
	}
	defer d.Close()
	d.journal = steps
	if why := d.stopped() + d.distrust(); why != f.warned {
		f.warned = why
		f.p.warn(ctx, d, f.asJSON)
	}
	if f.teller.alert != "" {
		name = f.teller.alert
	}
	if f.teller.alert, err = d.alert(name); err != nil {
		return "", false, err
	}
	f.teller.at(d)
	if d.running {
		f.idle = false
		err = f.teller.follow(ctx)
		ended = err == nil
	} else {
		ended = f.teller.step(ctx)
	}
	if ended && f.asJSON {
		err = f.p.printJSON(d.status(ctx, f.teller.alert))
	}
	return d.state, ended, err
}

// awaitNode returns when a process works on the folder.
func awaitNode(ctx context.Context, folder string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := ledger.InUse(folder); errors.Is(err, ledger.ErrInUse) {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-tick.C:
		}
	}
}
