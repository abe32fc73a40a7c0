// Package review shows a bulletin to the person who is about to sign it, from the
// bytes that will be signed and from nothing else: what it says, where, until when,
// every post of every channel in full, what changed since the bulletin before it and
// since the standing text of its scenario, what looks wrong, and the words by which
// two people make sure over the telephone that they hold the same bulletin.
//
// Every function is pure: what it needs besides the bulletin is in [Options]. The
// package asks nobody, signs nothing, and knows no ledger. docs/review.md describes
// what a signer sees.
package review

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
)

// Options are what a review needs besides the bulletin. The zero value works, but for
// Now.
type Options struct {
	Lang string    // of the review: "en"; all else is Italian
	Now  time.Time // times before it have passed
	// Location is where the readers' clocks are; nil means Europe/Rome. Where the
	// bulletin's own offset is another one, its times are shown by that.
	Location *time.Location
	// Site is the public address of the issuer's site, as configured; "" where it is
	// not known.
	Site string
	// Previous is the bulletin before this one in its alert; nil where there is none or
	// where it is not at hand.
	Previous *bulletin.Bulletin
	// Absent says in the review's language why there is no Previous although the
	// bulletin names one.
	Absent string
	// Standing is what the scenario that the bulletin names says with the bulletin's values;
	// nil where it names none, or where nobody looked.
	Standing *Standing
	// Ordinary is the bulletin in whose place a break-glass one stands; nil where it is not
	// at hand, and for every other bulletin.
	Ordinary *bulletin.Bulletin
	// Others are the newest bulletins of other alerts that have not expired.
	Others []*bulletin.Bulletin
	// Read puts findings of package compose, which are in English, into the review's
	// language; nil leaves them.
	Read func(english string) string
	// Channel shows the posts of one channel alone; "" shows all.
	Channel string
	// Pictures are the files in which pictures can be looked at, by their SHA-256.
	Pictures map[string]string
	// LeftOut are lines, in the review's language, on what of the message each channel
	// leaves to the page.
	LeftOut []string
}

// A Standing is the text that an office has prepared: of the scenario that a bulletin was
// made of, filled in with the bulletin's values.
type Standing struct {
	Message *alert.Message // nil where it is not at hand
	Absent  string         // why not, in the review's language
	// Version is that of the scenario's file now; 0 where it is the file that the bulletin
	// was made of, to the byte.
	Version int
}

// A Review is what a person reads before they sign.
type Review struct {
	Bulletin *bulletin.Bulletin
	Warnings []Warning // the gravest first
	Words    []string  // the words to read aloud
	// Prepared are the reviews of what is prepared inside the bulletin: whoever signs it
	// signs them too.
	Prepared []*Review

	o       Options
	clock   *time.Location
	flooded bool // there were more warnings than are kept
}

// New reviews a bulletin.
func New(b *bulletin.Bulletin, o Options) *Review {
	r := &Review{Bulletin: b, Words: ReadBack(b.SHA256()), o: o, clock: o.Location}
	if r.clock == nil {
		r.clock = b.Expires.Location()
		if rome, err := time.LoadLocation("Europe/Rome"); err == nil && sameOffset(b.Expires, rome) {
			r.clock = rome
		}
	} else if !sameOffset(b.Expires, r.clock) {
		r.clock = b.Expires.Location()
	}
	for _, kind := range bulletin.Kinds() {
		if inner := b.Prepared(kind); inner != nil {
			r.Prepared = append(r.Prepared, New(inner, Options{Lang: o.Lang, Now: o.Now, Location: r.clock, Site: o.Site, Previous: b, Read: o.Read}))
		}
	}
	r.look()
	return r
}

// title names a kind of prepared bulletin in the review's language.
func (r *Review) title(kind bulletin.Kind) string {
	switch kind {
	case bulletin.Revocation:
		return r.say("revoca", "revocation")
	case bulletin.Ratification:
		return r.say("ratifica (della polizia)", "ratification (by the police)")
	case bulletin.Correction:
	}
	return r.say("rettifica («in verifica»)", "correction (\"being verified\")")
}

func sameOffset(t time.Time, l *time.Location) bool {
	_, a := t.Zone()
	_, b := t.In(l).Zone()
	return a == b
}

// Grave returns the warnings that are repeated right above the question.
func (r *Review) Grave() (out []Warning) {
	for _, w := range r.Warnings {
		if w.Severity == High {
			out = append(out, w)
		}
	}
	return out
}

// say chooses the words of the review's language.
func (r *Review) say(italian, english string, args ...any) string {
	words := italian
	if r.o.Lang == "en" {
		words = english
	}
	if len(args) == 0 {
		return words
	}
	return fmt.Sprintf(words, args...)
}

func (r *Review) channelNames() (names []string) {
	for _, c := range r.Bulletin.Channels() {
		names = append(names, c.Name)
	}
	return names
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
