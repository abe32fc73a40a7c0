package main

// This file holds crashes while people decide: they refuse or withdraw, stop an alert, break the
// glass and ratify it, and the node is killed at a random moment of it.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/simulator"
	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// decisionTrials is how many trials of each decision there are where no flag says it: each has
// several commands, and one or two kills.
const decisionTrials = 2

// A listener is the recipient who is told of break-glass and of what stops an alert. It is
// not there for the first call of each notification.
type listener struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string]int  // by ID of the notification
	took  map[string]bool // by "SHA256 occasion": what it has answered that it took
}

func newListener(t *testing.T) *listener {
	t.Helper()
	l := &listener{calls: map[string]int{}, took: map[string]bool{}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var n adapters.Notification
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&n); err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.calls[n.ID]++; l.calls[n.ID] == 1 {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		l.took[n.SHA256+" "+string(n.Occasion)] = true
	}))
	t.Cleanup(l.Close)
	return l
}

// crashDecisions runs trials of each decision.
func crashDecisions(t *testing.T, binary string, trials int, seed uint64) {
	t.Helper()
	const most = folderTrials / 3
	for done := 0; done < trials; done += most {
		w := newCrashWorld(t, binary, "crash-decisions", seed+uint64(done))
		to := newListener(t)
		w.breaksGlass(to)
		w.within(trialTime, func(ctx context.Context) {
			w.come(ctx)
			w.deliver(ctx, w.compose())
		})
		for i := range min(most, trials-done) {
			w.within(trialTime, func(ctx context.Context) { w.crashHalted(ctx, (done+i)%2 == 0) })
			w.within(trialTime, func(ctx context.Context) { w.crashStopped(ctx, to, (done+i)%2 == 0) })
			w.within(trialTime, func(ctx context.Context) { w.crashGlass(ctx, to) })
		}
		w.within(trialTime, func(ctx context.Context) {
			w.checkTold(to)
			w.checkLedger(ctx)
			w.checkSecrets()
			w.crash()
			w.sim.Close()
		})
	}
}

// breaksGlass gives the folder a director, a policy that lets them and the officer release alone,
// and somebody who is told of it.
func (w *crashWorld) breaksGlass(to *listener) {
	w.t.Helper()
	err := plainKeys(w.node.dir)
	add := func(name, text string) {
		f, openErr := os.OpenFile(filepath.Join(w.node.dir, name), os.O_APPEND|os.O_WRONLY, 0o600)
		if openErr != nil {
			err = errors.Join(err, openErr)
			return
		}
		_, writeErr := f.WriteString(text)
		err = errors.Join(err, writeErr, f.Close())
	}
	key, keyErr := signing.GenerateKeyFile(w.key("director"), "direttrice.demo@protezionecivile.provincia.example", rand.Reader)
	err = errors.Join(err, keyErr)
	if err != nil {
		w.t.Fatal(err)
	}
	from := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	line, err := signing.RingLine("direttrice.demo@protezionecivile.provincia.example", signing.Breakglass, []alert.Realm{alert.RealmExercise}, from, from.Add(demoKeyLife), key, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	add("keys/allowed_signers", line+"\n")
	add("policy.yaml", "\nbreakglass:\n  attempts: 1\n  wait_minutes: 0\n  at_once: []\n  events: [RISCHIO/IDROGEO]\n  channels: [sito, telegram, x, facebook]\n  life_minutes: 30\n  per_day: 24\n  notify: [questura]\n")
	add("tocsin.yaml", "\nnotify:\n  - name: questura\n    url: "+to.URL+"\n    allow_private: true\n")
	if err != nil {
		w.t.Fatal(err)
	}
	w.node.edit()
}

func (w *crashWorld) key(name string) string { return filepath.Join(w.node.dir, "keys", name) }

// command runs the program in this process, as a person at the node's desk.
func (w *crashWorld) command(ctx context.Context, args ...string) error {
	var errs strings.Builder
	if err := run(ctx, args, strings.NewReader(""), io.Discard, &errs, english); err != nil {
		return fmt.Errorf("tocsin %s: %w\n%s", args[0], err, errs.String())
	}
	return nil
}

// must is command where it has to go well.
func (w *crashWorld) must(ctx context.Context, args ...string) {
	w.t.Helper()
	if err := w.command(ctx, args...); err != nil {
		w.t.Fatal(err)
	}
}

// proposed hands in a new alert that the officer alone has signed.
func (w *crashWorld) proposed(ctx context.Context) *filing {
	w.t.Helper()
	f := w.compose()
	path := filepath.Join(w.node.dir, string(f.b.Code)+".bulletin")
	if err := os.WriteFile(path, f.b.Bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.must(ctx, "sign", path, "-k", w.key("officer"), "--yes")
	w.must(ctx, "publish", path, "-c", w.node.config)
	return f
}

// killedWhile kills the node at a random moment while people act, or right after it, starts it
// again, and has them act once more where what they did is not in the ledger.
func (w *crashWorld) killedWhile(ctx context.Context, act func(context.Context) error, done func(context.Context) bool) {
	w.t.Helper()
	acting, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- act(acting) }()
	w.pause(ctx, w.takes)
	if !w.node.alive() {
		w.t.Fatalf("node %s ended before it was killed:\n%s", w.node.c.Node, w.node.lastWords())
	}
	w.node.kill()
	stop()
	<-ended
	w.leave()
	w.come(ctx)
	if done(ctx) {
		return
	}
	if err := act(ctx); err != nil {
		w.t.Fatal(err)
	}
	if !done(ctx) {
		w.t.Fatal("it is not in the ledger, and nobody was told")
	}
}

// verdict returns what the ledger makes of a bulletin.
func (w *crashWorld) verdict(ctx context.Context, b *bulletin.Bulletin) delivery.Verdict {
	w.t.Helper()
	size, err := w.desk.ledger.Size(ctx)
	if err == nil {
		err = w.desk.ledger.WaitApplied(ctx, size)
	}
	var all map[string]delivery.Verdict
	if err == nil {
		all, err = delivery.Judge(ctx, w.desk.ledger, w.desk.rings, string(b.Alert))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return all[b.SHA256()]
}

func (w *crashWorld) released(b *bulletin.Bulletin) func(context.Context) bool {
	return func(ctx context.Context) bool { return w.verdict(ctx, b).Released }
}

// crashHalted has somebody say no, and the liaison sign after it all the same: nothing is posted.
func (w *crashWorld) crashHalted(ctx context.Context, refuse bool) {
	w.t.Helper()
	f := w.proposed(ctx)
	verb, key := "withdraw", "officer"
	if refuse {
		verb, key = "refuse", "police"
	}
	w.killedWhile(ctx, func(ctx context.Context) error {
		return w.command(ctx, verb, string(f.b.Code), "-c", w.node.config, "-k", w.key(key), "--yes", "--reason", "no")
	}, func(ctx context.Context) bool { return w.verdict(ctx, f.b).Halt != nil })
	w.killedWhile(ctx, func(ctx context.Context) error { return w.file(ctx, f) }, func(ctx context.Context) bool {
		return len(w.verdict(ctx, f.b).Sound) == 2
	})
	w.deliver(ctx, w.compose()) // what comes after it is posted: the node has seen all before
	for _, kind := range simulator.Kinds() {
		if n := len(w.live(kind, f.b)); n > 0 {
			w.t.Errorf("%s: %s shows it %d times, and it was halted", f.b.Code, kind, n)
		}
	}
	w.eachPart([]*filing{f}, func(f *filing, channel string, part int, p ledger.PartState) {
		if p.Attempts > 0 || p.State != ledger.StatePending {
			w.t.Errorf("%s %s/%d is %s after %d attempts, and it was halted", f.b.Code, channel, part, p.State, p.Attempts)
		}
	})
}

// crashStopped has one person stop an alert that is under way or out: what stops it reaches
// each channel once, and the recipient.
func (w *crashWorld) crashStopped(ctx context.Context, to *listener, correct bool) {
	w.t.Helper()
	f := w.compose()
	if err := w.file(ctx, f); err != nil {
		w.t.Fatal(err)
	}
	if w.rng.IntN(2) == 0 {
		if err := w.awaitEnd(ctx, f); err != nil {
			w.t.Fatal(err)
		}
	}
	verb, kind := "cancel", bulletin.Revocation
	if correct {
		verb, kind = "correct", bulletin.Correction
	}
	stop := f.b.Prepared(kind)
	w.killedWhile(ctx, func(ctx context.Context) error {
		return w.command(ctx, verb, string(f.b.Code), "-c", w.node.config, "-k", w.key("police"), "--yes")
	}, w.released(stop))
	w.checkCarried(ctx, to, stop, adapters.OccasionStop)
	w.eachPart([]*filing{f}, func(f *filing, channel string, part int, p ledger.PartState) {
		if p.State != ledger.StateVerified && p.State != ledger.StateSuperseded {
			w.t.Errorf("%s %s/%d is %s (%s), want verified or superseded", f.b.Code, channel, part, p.State, p.Reason)
		}
	})
}

// crashGlass has two people of one organisation release an alert, and the police ratify it.
func (w *crashWorld) crashGlass(ctx context.Context, to *listener) {
	w.t.Helper()
	f := w.proposed(ctx)
	code, path := string(f.b.Code), filepath.Join(w.node.dir, string(f.b.Code)+".glass")
	w.must(ctx, "contact", code, "--by", "phone", "--result", "non risponde", "-c", w.node.config)
	w.must(ctx, "breakglass", code, "--cause", "unreachable", "--why", "Il torrente sale.", "-o", path, "-c", w.node.config)
	w.must(ctx, "sign", path, "-k", w.key("officer"), "--yes")
	w.must(ctx, "sign", path, "-k", w.key("director"), "--role", "breakglass", "--yes")
	glass, err := readBulletin(path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.killedWhile(ctx, func(ctx context.Context) error {
		return w.command(ctx, "publish", path, "-c", w.node.config)
	}, w.released(glass))
	if w.rng.IntN(2) == 0 {
		w.checkCarried(ctx, to, glass, adapters.OccasionBreakglass)
	}
	ratified := glass.Prepared(bulletin.Ratification)
	w.killedWhile(ctx, func(ctx context.Context) error {
		return w.command(ctx, "ratify", code, "-c", w.node.config, "-k", w.key("police"), "--yes")
	}, w.released(ratified))
	w.checkCarried(ctx, to, ratified, adapters.OccasionRatified)
	if len(w.live(simulator.Instagram, glass)) > 0 {
		w.t.Errorf("%s: Instagram has it, which the policy does not let break-glass reach", code)
	}
	for _, c := range glass.Channels() {
		if c.Kind == "website" {
			continue
		}
		texts := map[string]bool{}
		for _, live := range w.live(c.Kind, glass) {
			if texts[live.First] {
				w.t.Errorf("%s: %s shows a part of it twice: %q", code, c.Kind, live.First)
			}
			texts[live.First] = true
		}
		if n := len(texts); n > c.Parts {
			w.t.Errorf("%s: %s shows %d parts of it, and it has %d", code, c.Kind, n, c.Parts)
		}
	}
}

// checkCarried waits until a bulletin has come to its end on each of its channels and the
// recipient is recorded, and requires it on each platform once.
func (w *crashWorld) checkCarried(ctx context.Context, to *listener, b *bulletin.Bulletin, occasion adapters.Occasion) {
	w.t.Helper()
	for {
		changed := w.desk.ledger.Changed()
		var open []string
		w.desk.ledger.View(func(s *ledger.State) {
			a := s.Alerts[string(b.Alert)]
			for _, c := range b.Channels() {
				if p := a.Bulletin(b.SHA256()).Part(c.Name, c.Parts); !p.Final() {
					open = append(open, fmt.Sprintf("%s is %s (%s)", c.Name, p.State, p.Reason))
				}
			}
			if !a.WasTold("questura", b.SHA256()) {
				open = append(open, "the recipient was not told")
			}
		})
		if len(open) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s-%d came to no end: %q", b.Code, b.Number, open)
		case <-w.node.proc.done:
			w.t.Fatalf("node %s ended by itself:\n%s", w.node.c.Node, w.node.lastWords())
		case <-changed:
		}
	}
	to.mu.Lock()
	took := to.took[b.SHA256()+" "+string(occasion)]
	to.mu.Unlock()
	if !took {
		w.t.Errorf("%s-%d: the ledger says that the recipient was told of %s, and they were not", b.Code, b.Number, occasion)
	}
	for _, c := range b.Channels() {
		var p ledger.PartState
		w.desk.ledger.View(func(s *ledger.State) { p = s.Alerts[string(b.Alert)].Bulletin(b.SHA256()).Part(c.Name, c.Parts) })
		if p.State != ledger.StateVerified {
			w.t.Errorf("%s-%d %s is %s (%s), want verified", b.Code, b.Number, c.Name, p.State, p.Reason)
		}
		if c.Kind == "website" {
			continue
		}
		if live := w.live(c.Kind, b); len(live) != c.Parts || live[len(live)-1].ID != p.PostID {
			w.t.Errorf("%s-%d: %s shows %+v, want it once, as %q", b.Code, b.Number, c.Name, live, p.PostID)
		}
	}
}

// checkTold requires of each record that somebody was told that they had taken it before.
func (w *crashWorld) checkTold(to *listener) {
	w.t.Helper()
	to.mu.Lock()
	defer to.mu.Unlock()
	told := 0
	for _, e := range w.records() {
		if e.Record.Type != ledger.Notified {
			continue
		}
		told++
		if !to.took[e.Record.SHA256+" "+e.Record.Occasion] {
			w.t.Errorf("record %d says that %s was told of %s, and they have not taken it", e.Seq, e.Record.Whom, e.Record.Occasion)
		}
	}
	if told == 0 {
		w.t.Error("nobody was told of anything: this test proves nothing")
	}
}
