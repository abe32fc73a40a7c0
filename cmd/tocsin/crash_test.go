package main

// This file holds the crash tests: the real program as a process, ended by SIGKILL
// at every kind of moment, and started again.

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
	"tocsin/broker/ledger"
)

// The flags of the crash tests. They are variables because go test reads its flags
// before any test begins.
var (
	crashTrials = flag.Int("crash.trials", 0, "trials at each kill point; 0 for 20")
	crashSeed   = flag.Uint64("crash.seed", 0, "of the random choices; 0 for another one each time")
)

// A killPoint is a moment in the life of an alert at which the node is killed.
type killPoint struct {
	name string
	// trial files the alert and kills the node.
	trial func(w *crashWorld, ctx context.Context, f *filing)
}

func killPoints() []killPoint {
	return []killPoint{
		{"last_signature_acknowledged", killSigned},
		{"first_platform_has_it", func(w *crashWorld, ctx context.Context, f *filing) { killPosted(w, ctx, f, 1) }},
		{"last_platform_has_it", func(w *crashWorld, ctx context.Context, f *filing) { killPosted(w, ctx, f, len(simulator.Kinds())) }},
		{"anywhere", killAnywhere},
	}
}

// TestCrash kills the node and asks the platforms themselves what became of it:
// every alert once on every channel, and a ledger that tells the truth.
func TestCrash(t *testing.T) {
	t.Parallel()
	trials, seed := *crashTrials, *crashSeed
	if trials == 0 {
		trials = 20
	}
	if testing.Short() {
		trials = min(trials, 3)
	}
	if seed == 0 {
		seed = rand.Uint64()
	}
	again := fmt.Sprintf("-crash.seed=%d -crash.trials=%d", seed, trials)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the same choices again: go test ./cmd/tocsin -run %s %s", t.Name(), again)
		}
	})
	binary := buildTocsin(t)
	for _, k := range killPoints() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			crashOneNode(t, binary, k, trials, seed)
		})
	}
	t.Run("first_start", func(t *testing.T) {
		t.Parallel()
		crashFirstStart(t, binary, trials, seed)
	})
	t.Run("cannot_be_searched", func(t *testing.T) {
		t.Parallel()
		crashUnsearchable(t, binary, trials, seed)
	})
	t.Run("decisions", func(t *testing.T) {
		t.Parallel()
		n := decisionTrials
		if *crashTrials > 0 {
			n = trials
		}
		crashDecisions(t, binary, n, seed)
	})
	t.Run("life", func(t *testing.T) {
		t.Parallel()
		n := lives
		if *crashTrials > 0 {
			n = trials
		}
		crashLives(t, binary, n, seed)
	})
	t.Run("two_nodes", func(t *testing.T) {
		t.Parallel()
		crashTwoNodes(t, binary, trials, seed)
	})
}

// folderTrials bounds the trials in one folder and on one account: a Telegram bot
// is shown the newest 20 posts alone, and looks for a lost one as far back as two
// clocks may differ, which is longer than a test takes.
const folderTrials = 14

// crashOneNode runs trials, each in a folder that inherits all that the ones before
// it have left.
func crashOneNode(t *testing.T, binary string, k killPoint, trials int, seed uint64) {
	t.Helper()
	var recovered recoveries
	for done := 0; done < trials; done += folderTrials {
		w := newCrashWorld(t, binary, "crash-"+nodeName(k.name), seed+uint64(done))
		w.within(trialTime, func(ctx context.Context) {
			w.come(ctx)
			w.deliver(ctx, w.compose()) // once without a crash
		})
		for range min(folderTrials, trials-done) {
			w.within(trialTime, func(ctx context.Context) {
				f := w.compose()
				k.trial(w, ctx, f)
				w.recover(ctx, &recovered, f)
				w.checkOnce(ctx, f)
				w.checkCalls(f)
				w.checkLedger(ctx)
				recovered.count(w, f)
			})
		}
		w.within(trialTime, w.close)
	}
	recovered.report(t)
	t.Logf("in %d of %d trials a platform had the post and kept its answer when the node was killed; %d posts were found by their code",
		recovered.held, trials, recovered.found)
}

// close looks once more whether anything came late, and ends the world.
func (w *crashWorld) close(ctx context.Context) {
	w.t.Helper()
	w.checkOnce(ctx, w.filings...)
	w.checkLedger(ctx)
	w.checkSecrets()
	w.crash()
	w.sim.Close()
}

// within bounds a part of a test.
func (w *crashWorld) within(limit time.Duration, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	if !w.t.Failed() {
		w.suspects = nil
	}
	do(ctx)
}

// deliver files an alert and follows it to its end, with no crash.
func (w *crashWorld) deliver(ctx context.Context, f *filing) {
	w.t.Helper()
	began := time.Now()
	if err := w.file(ctx, f); err != nil {
		w.t.Fatal(err)
	}
	if err := w.awaitEnd(ctx, f); err != nil {
		w.t.Fatal(err)
	}
	w.takes = time.Since(began)
	w.checkOnce(ctx, f)
}

// recover starts the node again after a crash, has people hand in what was not
// acknowledged, and follows the filings to their end.
func (w *crashWorld) recover(ctx context.Context, r *recoveries, filings ...*filing) {
	w.t.Helper()
	w.come(ctx)
	w.goOn(ctx, r, w.node.proc, filings...)
}

// goOn is recover from the moment at which the node is up, in its new process.
func (w *crashWorld) goOn(ctx context.Context, r *recoveries, again *crashProcess, filings ...*filing) {
	w.t.Helper()
	w.checkAcknowledged(filings...)
	complete := true
	for _, f := range filings {
		complete = complete && f.acknowledged["police"] > 0
		if err := w.file(ctx, f); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.awaitEnd(ctx, filings...); err != nil {
		w.t.Fatal(err)
	}
	if complete {
		r.add(again, w.records(), filings)
	}
}

// killSigned kills the node when it has acknowledged the signature that releases
// the alert: nothing may be on disk but that.
func killSigned(w *crashWorld, ctx context.Context, f *filing) {
	w.t.Helper()
	if err := w.file(ctx, f); err != nil {
		w.t.Fatal(err)
	}
	w.crash()
}

// killPosted kills the node when so many platforms have the post. In half of the
// trials some platforms hold their answer, so that the kill falls between their
// acceptance and our record of it; in the others it falls where it falls.
func killPosted(w *crashWorld, ctx context.Context, f *filing, platforms int) {
	w.t.Helper()
	if w.rng.IntN(2) == 0 {
		for _, kind := range simulator.Kinds() {
			if w.rng.IntN(2) == 0 {
				f.held = append(f.held, kind)
				w.fail(kind, adapterstest.Fault{Kind: adapterstest.ApplyTimeout})
			}
		}
	}
	if err := w.file(ctx, f); err != nil {
		w.t.Fatal(err)
	}
	err := w.watchPlatforms(ctx, func() bool {
		have := 0
		for _, kind := range simulator.Kinds() {
			if len(w.live(kind, f.b)) > 0 {
				have++
			}
		}
		return have >= platforms
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.crash()
	// A platform that has not had the post yet answers well after the crash.
	f.held = slices.DeleteFunc(f.held, func(kind string) bool { return len(w.live(kind, f.b)) == 0 })
	w.clear()
}

// killAnywhere kills the node at any moment from the first record on, up to three
// times, also while it starts, with platforms that fail in every way that ends well.
func killAnywhere(w *crashWorld, ctx context.Context, f *filing) {
	w.t.Helper()
	for _, kind := range simulator.Kinds() {
		if w.rng.IntN(2) == 0 {
			w.fail(kind, w.passingFault())
		}
	}
	filed := make(chan error, 1)
	filing, stop := context.WithCancel(ctx)
	defer stop()
	go func() { filed <- w.file(filing, f) }()
	w.pause(ctx, w.takes+w.takes/4)
	w.kill(w.node)
	stop()
	if err := <-filed; err == nil && f.acknowledged["police"] == 0 {
		w.t.Fatal("the filing went well without a signature")
	}
	w.leave()
	for range w.rng.IntN(3) {
		w.node.begin()
		w.pause(ctx, 2*w.takes)
		w.kill(w.node)
	}
}

// passingFault chooses a fault after which a post can still be verified.
func (w *crashWorld) passingFault() adapterstest.Fault {
	kinds := []adapterstest.FaultKind{
		adapterstest.Refuse, adapterstest.ApplyDrop, adapterstest.Apply500, adapterstest.ApplyHTML, adapterstest.ApplyTimeout,
		adapterstest.Throttle, adapterstest.Lag, adapterstest.DuplicateOf, adapterstest.Malformed, adapterstest.Stall,
	}
	f := adapterstest.Fault{Kind: kinds[w.rng.IntN(len(kinds))], Times: 1 + w.rng.IntN(2), Wait: time.Second}
	if f.Kind == adapterstest.Lag {
		// Less than the configured settling time: a platform that is later than
		// that is a double post by the operator's choice.
		f.Wait = time.Duration(w.rng.IntN(300)) * time.Millisecond
	}
	return f
}

// nodeName turns a name of a test into one of a node.
func nodeName(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c == '_' {
			b[i] = '-'
		}
	}
	return string(b)
}

// recoveries are how long deliveries took to go on after a crash.
type recoveries struct {
	first, verified []time.Duration
	starts          []time.Duration // what the node itself took to be up, in the same recoveries
	held            int             // trials in which a platform kept its answer
	found           int             // posts that were found, not answered
}

// add measures from the start of the process to its first delivery record, and to
// the last post that was verified, by the node's clock, which is ours.
func (r *recoveries) add(again *crashProcess, records []*ledger.Entry, filings []*filing) {
	var first, last time.Time
	restarted := again.started
	for _, e := range records {
		at := e.Record.At
		if !e.Record.Delivery() || at.Before(restarted) ||
			!slices.ContainsFunc(filings, func(f *filing) bool { return string(f.b.Alert) == e.Record.Alert }) {
			continue
		}
		if first.IsZero() {
			first = at
		}
		last = at
	}
	if !first.IsZero() {
		r.first, r.verified = append(r.first, first.Sub(restarted)), append(r.verified, last.Sub(restarted))
		r.starts = append(r.starts, again.upAt.Sub(restarted))
	}
}

// count notes how the trial went.
func (r *recoveries) count(w *crashWorld, f *filing) {
	r.held += min(len(f.held), 1)
	w.eachPart([]*filing{f}, func(_ *filing, _ string, _ int, p ledger.PartState) {
		if p.Reconciled {
			r.found++
		}
	})
}

// The limits that a test holds recoveries to. Deliveries go on within a second of the
// restart; a busy machine gets as much again as its node takes to start, twice, for the
// middle one of the recoveries, and for each one ten seconds.
const (
	goesOnAfter  = time.Second
	goesOnWithin = 10 * time.Second
)

// late reports whether deliveries did not go on soon after the restart, by the middle of
// the times to the first delivery record and to the node's being up.
func late(first, start time.Duration) bool { return first > goesOnAfter+3*start }

// TestASleepAtTheStartIsNoticed holds what late tells apart.
func TestASleepAtTheStartIsNoticed(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		first, start time.Duration
		want         bool
	}{
		{250 * ms, 200 * ms, false}, {900 * ms, 200 * ms, false}, {4250 * ms, 200 * ms, true}, {4250 * ms, 900 * ms, true},
		{2500 * ms, 2000 * ms, false}, {6 * time.Second, 3 * time.Second, false}, // a busy machine
	} {
		if got := late(c.first, c.start); got != c.want {
			t.Errorf("a first delivery after %v, where the node is up after %v, is late: %t, want %t", c.first, c.start, got, c.want)
		}
	}
}

// report logs the times, and fails the test where deliveries do not go on soon.
func (r *recoveries) report(t *testing.T) {
	t.Helper()
	if len(r.first) == 0 {
		return
	}
	slices.Sort(r.first)
	slices.Sort(r.verified)
	slices.Sort(r.starts)
	middle, end := (len(r.first)-1)/2, len(r.first)-1
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	t.Logf("from the restart of the process, over %d recoveries: node up median %v, first delivery record median %v, max %v; all verified median %v, max %v",
		len(r.first), round(r.starts[middle]), round(r.first[middle]), round(r.first[end]), round(r.verified[middle]), round(r.verified[end]))
	if late(r.first[middle], r.starts[middle]) {
		t.Errorf("after a restart the first delivery record took %v (median), where the node was up after %v: want deliveries to go on within %v",
			round(r.first[middle]), round(r.starts[middle]), goesOnAfter)
	}
	if r.first[end] > goesOnWithin {
		t.Errorf("after a restart the first delivery record took %v, want less than %v", r.first[end], goesOnWithin)
	}
}
