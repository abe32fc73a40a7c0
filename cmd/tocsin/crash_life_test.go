package main

// This file holds crashes over an alert's whole life: its first bulletin, an update and the
// revocation, and what each of them makes of the posts before it.

import (
	"context"
	"testing"

	"tocsin/adapters/simulator"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

const (
	// lives is how many there are where no flag says it: each has three bulletins, each with
	// one to three kills.
	lives = 4
	// livesInFolder bounds those in one folder and on one account, as folderTrials does.
	livesInFolder = folderTrials / 3
)

// crashLives kills the node anywhere in the lives of alerts, with platforms that fail.
func crashLives(t *testing.T, binary string, trials int, seed uint64) {
	t.Helper()
	marked := 0
	for done := 0; done < trials; done += livesInFolder {
		w := newCrashWorld(t, binary, "crash-life", seed+uint64(done))
		w.within(trialTime, func(ctx context.Context) {
			w.come(ctx)
			w.deliver(ctx, w.compose())
		})
		for range min(livesInFolder, trials-done) {
			var chain []*filing
			for range 3 {
				w.within(trialTime, func(ctx context.Context) {
					chain = append(chain, w.following(chain))
					marked += w.crashNext(ctx, chain)
				})
			}
		}
		w.within(trialTime, func(ctx context.Context) {
			w.checkLedger(ctx)
			w.checkSecrets()
			w.crash()
			w.sim.Close()
		})
	}
	if marked == 0 && trials > 0 {
		t.Error("nothing was marked: this test proves nothing")
	}
	t.Logf("over %d lives with three bulletins each, %d posts were marked", trials, marked)
}

// crashNext kills the node anywhere while the newest bulletin is handed in and carried, and
// requires each of its posts and marks once. It returns how many marks there are.
func (w *crashWorld) crashNext(ctx context.Context, chain []*filing) (marked int) {
	w.t.Helper()
	f := chain[len(chain)-1]
	killAnywhere(w, ctx, f)
	for _, kind := range simulator.Kinds() {
		if w.rng.IntN(2) == 0 { // also the mark meets a fault
			fault := w.passingFault()
			fault.After = 1
			w.fail(kind, fault)
		}
	}
	w.come(ctx)
	w.checkAcknowledged(f)
	if err := w.file(ctx, f); err != nil {
		w.t.Fatal(err)
	}
	w.settle(ctx, f, chain, func(p ledger.PartState) bool { return p.Final() })
	w.clear()
	for _, c := range f.b.Channels() {
		if c.Kind != "website" {
			w.checkChannel(f, c)
		}
		for part := 1; part <= c.Parts; part++ {
			if p := w.part(f, c.Name, part); p.State != ledger.StateVerified {
				w.t.Errorf("%s-%d %s/%d is %s (%s), want verified", f.b.Code, f.b.Number, c.Name, part, p.State, p.Reason)
			}
		}
		for i, m := range f.b.MarksFor(c.Name) {
			if m.When != bulletin.AtRelease {
				continue
			}
			marked++
			bearer := chain[m.On-1]
			if p, shown := w.mark(f, c.Name, i+1), w.shownMarks(bearer, m); p.State != ledger.StateVerified || shown != 1 {
				w.t.Errorf("%s-%d on %s: mark %d on bulletin %d is %s (%s), shown %d times; want it verified, once",
					f.b.Code, f.b.Number, c.Name, i+1, m.On, p.State, p.Reason, shown)
			}
		}
	}
	return marked
}
