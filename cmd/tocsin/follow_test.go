package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// A told is one line of the story of an alert.
type told struct{ at, post, state, rest string }

// tale reads the lines that a demonstration told of its deliveries.
func tale(stdout string) (lines []told) {
	form := regexp.MustCompile(`(?m)^(\d\d:\d\d:\d\d\.\d{3})  (\S+(?: \d/\d)?) +(\w+)(?: +(.*))?$`)
	for _, m := range form.FindAllStringSubmatch(stdout, -1) {
		lines = append(lines, told{m[1], m[2], m[3], m[4]})
	}
	return lines
}

// TestDemoTellsEveryStep holds the lines of a demonstration against what must have
// happened: each post's way whole, in the ledger's order.
func TestDemoTellsEveryStep(t *testing.T) {
	t.Parallel()
	stdout, _ := expect(t, 0, "demo", "--once", "--fault", "telegram=apply-drop", "--fault", "x=throttle")
	_, story, found := strings.Cut(stdout, "Co-signed by the police liaison")
	if !found {
		t.Fatalf("it said:\n%s", stdout)
	}
	ways := map[string][]string{}
	lines := tale(story)
	for i, l := range lines {
		ways[l.post] = append(ways[l.post], l.state)
		// Midnight may come in between.
		if i > 0 && l.at < lines[i-1].at && (l.at > "00:05" || lines[i-1].at < "23:55") {
			t.Errorf("the line of %s stands after that of %s", l.at, lines[i-1].at)
		}
		if l.state == "posted" && (!strings.Contains(l.rest, "after ") || !strings.Contains(l.rest, "http://127.0.0.1:")) {
			t.Errorf("%s posted: %q, want how long after the release, and a page on this machine", l.post, l.rest)
		}
		if l.state == "verified" && !regexp.MustCompile(`^after \d+ ms$`).MatchString(l.rest) {
			t.Errorf("%s verified: %q, want how long after the release", l.post, l.rest)
		}
	}
	for post, want := range map[string]string{
		"sito 1/2": "pending attempting posted verified", "sito 2/2": "pending attempting posted verified",
		"telegram": "pending attempting unknown posted verified", "x 1/2": "pending attempting pending attempting posted verified", "x 2/2": "pending attempting posted verified",
		"facebook": "pending attempting posted verified", "instagram": "pending attempting posted verified",
	} {
		got := slices.DeleteFunc(ways[post], func(state string) bool { return state == "prepared" }) // before or after the release
		if strings.Join(got, " ") != want {
			t.Errorf("%s went %v, want %s", post, got, want)
		}
	}
	for _, text := range []string{"attempt 2", "found by its code", "no answer: EOF"} {
		if !strings.Contains(story, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	for _, stranger := range []string{"https://t.me", "https://x.com", "https://www.facebook.com"} {
		if strings.Contains(story, stranger) {
			t.Errorf("it prints a link to %s, where others are", stranger)
		}
	}
	_, where, _ := strings.Cut(story, "Where to look")
	for _, kind := range kinds()[1:] {
		if !regexp.MustCompile(`(?m)^  ` + kind + ` \(simulated\) +http://127\.0\.0\.1:\d+/` + kind + `$`).MatchString(where) {
			t.Errorf("it does not say where the page of %s is", kind)
		}
	}
}

// TestInterruptedDemo ends demonstrations before their channels have.
func TestInterruptedDemo(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	for name, c := range map[string]struct {
		args        []string
		says, lacks string
	}{
		"temporary": {nil, "is deleted: with --state DIR it stays", "tocsin status"},
		"kept":      {[]string{"--state", state}, "see tocsin status --state " + state, "deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := &stopAt{post: "facebook", stop: cancel}
			err := run(ctx, append([]string{"demo", "--once", "--fault", "telegram=down"}, c.args...), strings.NewReader(""), out, &bytes.Buffer{}, english)
			if err == nil || exitCode(err) != 1 || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), c.lacks) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}

// A stopAt ends something when a line of a post is written.
type stopAt struct {
	post string
	stop func()
}

func (s *stopAt) Write(b []byte) (int, error) {
	if lines := tale(string(b)); len(lines) > 0 && lines[0].post == s.post {
		s.stop()
	}
	return len(b), nil
}

// TestChannelOfSeveralPosts sums up channels of which not every post has a record.
func TestChannelOfSeveralPosts(t *testing.T) {
	t.Parallel()
	at := time.Now()
	verified := &ledger.PartState{State: ledger.StateVerified, PostID: "1", ReleasedAt: at, PostedAt: at, VerifiedAt: at}
	for name, c := range map[string]struct {
		parts []*ledger.PartState
		state ledger.DeliveryState
		final bool
	}{
		"none":           {nil, ledger.StatePending, false},
		"first_verified": {[]*ledger.PartState{verified}, ledger.StatePending, false},
		"both_verified":  {[]*ledger.PartState{verified, verified}, ledger.StateVerified, true},
		"first_held":     {[]*ledger.PartState{{State: ledger.StateHeld}}, ledger.StateHeld, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &ledger.BulletinState{Deliveries: map[string]*ledger.Delivery{}}
			if c.parts != nil {
				b.Deliveries["sito"] = &ledger.Delivery{Channel: "sito", Parts: c.parts}
			}
			got := channelOf(b, bulletin.Channel{Name: "sito", Kind: "website", Parts: 2})
			if got.State != string(c.state) || got.final != c.final || (got.ReleasedToVerified != nil) != (c.state == ledger.StateVerified) {
				t.Errorf("got %+v, want %s, ended %t", got, c.state, c.final)
			}
		})
	}
}

// TestStatusAsksForAPersonWhileAttemptsGoOn has a platform that never takes a post, also
// while the next attempt is under way.
func TestStatusAsksForAPersonWhileAttemptsGoOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		part ledger.PartState
		asks bool
	}{
		"a_few":      {ledger.PartState{State: ledger.StatePending, Misses: 4, Attempts: 4}, false},
		"many":       {ledger.PartState{State: ledger.StatePending, Misses: 5, Attempts: 5}, true},
		"under_way":  {ledger.PartState{State: ledger.StateAttempting, Misses: 7, Attempts: 8}, true},
		"in_the_end": {ledger.PartState{State: ledger.StateVerified, Attempts: 9}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.part.Reason = "the platform could not fetch the image"
			b := &ledger.BulletinState{Deliveries: map[string]*ledger.Delivery{"instagram": {Channel: "instagram", Parts: []*ledger.PartState{&c.part}}}}
			p := &program{lang: "en"}
			got := p.channelLine(channelOf(b, bulletin.Channel{Name: "instagram", Kind: "instagram", Parts: 1}))
			if strings.Contains(got, "NEEDS A PERSON") != c.asks || c.asks && !strings.Contains(got, "5 attempts in a row") && !strings.Contains(got, "7 attempts in a row") ||
				c.asks && !strings.HasSuffix(got, c.part.Reason) {
				t.Errorf("it asks for a person: want %v, in\n%s", c.asks, got)
			}
		})
	}
}

// TestJournalKeepsSteps gives a journal what it is not to tell.
func TestJournalKeepsSteps(t *testing.T) {
	t.Parallel()
	j := &journal{}
	j.observe(&ledger.Entry{Seq: 1, Record: ledger.Record{Type: ledger.NodeStarted}}, nil)
	j.observe(&ledger.Entry{Seq: 2, Record: ledger.Record{Type: ledger.Posted}}, &ledger.VoidError{Seq: 2, Reason: "no"})
	j.observe(&ledger.Entry{Seq: 3, Bad: errors.New("no record")}, nil)
	j.observe(&ledger.Entry{Seq: 4, Record: ledger.Record{Type: ledger.Signature}}, nil)
	j.observe(&ledger.Entry{Seq: 5, Record: ledger.Record{Type: ledger.Posted}}, nil)
	if got := j.after(0); len(got) != 2 || got[0].Seq != 4 || len(j.after(4)) != 1 {
		t.Errorf("it keeps %d entries, want records 4 and 5", len(got))
	}
}

// TestARetryHasItsDay tells a wait over midnight, and one of the same day.
func TestARetryHasItsDay(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.November, 22, 22, 50, 0, 0, time.UTC)
	for after, want := range map[time.Duration]string{
		5 * time.Minute:  "not published, to be tried again at 23:55:00.000",
		20 * time.Minute: "not published, to be tried again at 00:10:00.000 on 23-11-2026 (CET)",
	} {
		f := teller{p: &program{lang: "en"}}
		if got := f.facts(&ledger.Entry{Time: at, Record: ledger.Record{Type: ledger.NotSent, RetryAt: at.Add(after)}}); got != want {
			t.Errorf("after %v it says %q, want %q", after, got, want)
		}
	}
}
