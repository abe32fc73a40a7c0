package main

// This file holds crashes in other places: a node that has never run, a channel
// that can't be searched, two nodes on one ledger.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
	"tocsin/broker/ledger"
)

// crashFirstStart kills nodes while they make their ledger, and requires that the
// next start makes it whole.
func crashFirstStart(t *testing.T, binary string, trials int, seed uint64) {
	t.Helper()
	startup := time.Duration(0)
	for i := range trials + 1 {
		w := newCrashWorld(t, binary, "crash-first-start", seed+uint64(i))
		w.within(trialTime, func(ctx context.Context) {
			w.node.begin()
			if i > 0 {
				w.pause(ctx, startup)
				w.kill(w.node)
				w.node.begin()
			}
			w.attend(ctx)
			startup = max(startup, time.Since(w.node.proc.started))
			if err := w.desk.ledger.Broken(); err != nil {
				t.Errorf("the ledger of a node that was killed at its first start: %v", err)
			}
			w.checkLedger(ctx)
			w.crash()
		})
		w.sim.Close()
	}
	t.Logf("a first start took at most %v", startup.Round(time.Millisecond))
}

// crashUnsearchable kills nodes whose Telegram channel can't be searched: which
// harm is the lesser one is the channel's policy, and the ledger says so.
func crashUnsearchable(t *testing.T, binary string, trials int, seed uint64) {
	t.Helper()
	for _, policy := range []string{"hold", "post_again"} {
		w := newCrashWorld(t, binary, "crash-"+nodeName(policy), seed,
			"reader_user_id: 7001000002", "unsearchable: "+policy)
		var uncertain []*filing
		w.within(trialTime, w.come)
		for range max(trials/4, 1) {
			w.within(trialTime, func(ctx context.Context) {
				f := w.compose()
				w.fail(simulator.Telegram, adapterstest.Fault{Kind: adapterstest.ApplyTimeout})
				if err := w.file(ctx, f); err != nil {
					t.Fatal(err)
				}
				if err := w.watchPlatforms(ctx, func() bool { return len(w.live(simulator.Telegram, f.b)) > 0 }); err != nil {
					t.Fatal(err)
				}
				w.crash()
				w.clear()
				w.come(ctx)
				if err := w.awaitEnd(ctx, f); err != nil {
					t.Fatal(err)
				}
				w.checkPolicy(f, policy)
				// Once more when all has come to its end, and with another alert
				// behind it: nothing is left to do for the first one.
				w.crash()
				w.come(ctx)
				another := w.compose()
				if err := errors.Join(w.file(ctx, another), w.awaitEnd(ctx, f, another)); err != nil {
					t.Fatal(err)
				}
				w.checkPolicy(f, policy)
				w.checkLedger(ctx)
				uncertain = append(uncertain, f)
			})
		}
		w.within(trialTime, func(ctx context.Context) {
			for _, f := range uncertain {
				w.checkPolicy(f, policy)
			}
		})
	}
}

// checkPolicy requires of a post whose answer was lost what the policy promises.
func (w *crashWorld) checkPolicy(f *filing, policy string) {
	w.t.Helper()
	p, shown := w.part(f, "telegram", 1), len(w.live(simulator.Telegram, f.b))
	if policy == "hold" {
		if p.State != ledger.StateHeld || p.Class != "hold" || p.Attempts != 1 || shown != 1 {
			w.t.Errorf("%s: policy hold: %s after %d attempts (%s), shown %d times; want it held for a person after one attempt",
				f.b.Code, p.State, p.Attempts, p.Reason, shown)
		}
		return
	}
	if p.State != ledger.StatePosted || !p.Unreadable || p.Attempts != 2 || shown != 2 {
		w.t.Errorf("%s: policy post_again: %s after %d attempts (%s), shown %d times; want it sent a second time, and not a third",
			f.b.Code, p.State, p.Attempts, p.Reason, shown)
	}
}

// crashTwoNodes kills one of two nodes that carry the same alerts to the same
// accounts. Behind the public address stand both: whichever node asks Instagram,
// Instagram fetches the image from either of them. The pages are the first one's
// alone, which carries the website channel.
func crashTwoNodes(t *testing.T, binary string, trials int, seed uint64) {
	t.Helper()
	const most = folderTrials / 3 // two alerts in each trial, and four at the end
	var recovered recoveries
	for done := 0; done < trials; done += most {
		w := newCrashWorld(t, binary, "crash-first", seed+uint64(done))
		second := w.newSecondNode(binary, "crash-second")
		withdraw := w.shareAddress(second)
		w.within(trialTime, func(ctx context.Context) {
			w.come(ctx)
			second.begin()
			if err := second.awaitUp(ctx); err != nil {
				t.Fatal(err)
			}
			f := w.compose()
			w.deliver(ctx, f)
			w.checkPicture(ctx, f, w.node, second)
		})
		for range min(most, trials-done) {
			w.within(trialTime, func(ctx context.Context) { w.crashOneOfTwo(ctx, second, &recovered) })
		}
		if done+most >= trials {
			w.within(trialTime, func(ctx context.Context) { w.loseSecond(ctx, second, withdraw) })
		}
		w.within(trialTime, func(ctx context.Context) {
			w.checkSecretsOf(second)
			second.kill()
			w.close(ctx)
		})
	}
	recovered.report(t)
}

// newSecondNode makes a node that works on the broker and with the keys of the
// first one.
func (w *crashWorld) newSecondNode(binary, name string) *crashNode {
	w.t.Helper()
	first := w.node
	n := newCrashNode(w.t, binary, name, w.sim.Accounts(), w.sim.URL())
	n.edit(
		"listen: "+n.c.Broker.Listen, "url: nats://"+first.c.Broker.Listen,
		"node: {file: credentials/node.nk}", "node: {file: "+filepath.Join(first.dir, "credentials", "node.nk")+"}",
	)
	n.without("sito")
	sameKeys(w.t, first.dir, n.dir)
	return n
}

// shareAddress puts one public address before the sites of both nodes. What it
// returns takes the second one from behind it, as any such address leaves out a
// node that stays down: until then half the requests meet a node that is not there.
func (w *crashWorld) shareAddress(second *crashNode) (withdraw func()) {
	w.t.Helper()
	pages, pictures := proxyTo(w.t, w.node), []http.Handler{proxyTo(w.t, w.node), proxyTo(w.t, second)}
	var behind atomic.Int64
	behind.Store(int64(len(pictures)))
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/media/") {
			pictures[mathrand.Int64N(behind.Load())].ServeHTTP(rw, r) // not of the seed: who asks when is not either
			return
		}
		pages.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(front.Close)
	for _, n := range []*crashNode{w.node, second} {
		n.edit("public_url: "+n.c.Site.PublicURL, "public_url: "+front.URL)
	}
	return func() { behind.Store(1) }
}

// proxyTo returns what hands requests on to a node's site, and answers 502 while the
// node is down.
func proxyTo(t *testing.T, n *crashNode) http.Handler {
	t.Helper()
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: n.c.Site.Listen})
	p.Transport = &http.Transport{DisableKeepAlives: true} // the next one may meet another process
	p.ErrorLog = log.New(io.Discard, "", 0)
	return p
}

// checkPicture requires the picture of a bulletin on the sites of the nodes: only one
// of them has asked a platform to fetch it.
func (w *crashWorld) checkPicture(ctx context.Context, f *filing, nodes ...*crashNode) {
	w.t.Helper()
	image := f.b.For("instagram")[0].Image
	for _, n := range nodes {
		got, err := fetchSoon(ctx, "http://"+n.c.Site.Listen+"/media/"+image.SHA256+".jpg")
		if err != nil || !bytes.Equal(got, image.Data) {
			w.t.Errorf("%s: node %s does not show the signed picture (%d bytes, %v)", f.b.Code, n.c.Node, len(got), err)
		}
	}
}

// fetchSoon fetches what may not be there yet: a node that had nothing to send of a
// bulletin may be reading it still.
func fetchSoon(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := fetch(ctx, address)
		if err == nil || ctx.Err() != nil {
			return got, err
		}
		<-tick.C
	}
}

// crashOneOfTwo files alerts, kills one of the nodes at any moment while both carry
// them, and starts it again.
func (w *crashWorld) crashOneOfTwo(ctx context.Context, second *crashNode, r *recoveries) {
	w.t.Helper()
	filings := []*filing{w.compose(), w.compose()}
	for _, kind := range simulator.Kinds() {
		if w.rng.IntN(3) == 0 {
			w.fail(kind, w.passingFault())
		}
	}
	for _, f := range filings {
		if err := w.file(ctx, f); err != nil {
			w.t.Fatal(err)
		}
	}
	w.pause(ctx, w.takes)
	if w.rng.IntN(2) == 0 {
		w.crash()
		w.pause(ctx, w.takes/2)
		w.recover(ctx, r, filings...)
	} else {
		w.kill(second)
		w.pause(ctx, w.takes/2)
		second.begin()
		if err := second.awaitUp(ctx); err != nil {
			w.t.Fatal(err)
		}
		w.goOn(ctx, r, second.proc, filings...)
	}
	w.clear()
	w.checkOnce(ctx, filings...)
	if !second.alive() {
		w.t.Fatalf("node %s ended by itself:\n%s", second.c.Node, second.lastWords())
	}
}

// loseSecond kills the second node for good while it may have alerts: the first one
// must take them over when none of its requests can be under way any more.
func (w *crashWorld) loseSecond(ctx context.Context, second *crashNode, withdraw func()) {
	w.t.Helper()
	var filings []*filing
	for range 4 {
		filings = append(filings, w.compose())
	}
	for _, f := range filings {
		if err := w.file(ctx, f); err != nil {
			w.t.Fatal(err)
		}
	}
	w.pause(ctx, w.takes/4)
	w.kill(second)
	withdraw()
	lost := time.Now()
	if err := w.awaitEnd(ctx, filings...); err != nil {
		w.t.Fatalf("after the other node was lost: %v", err)
	}
	w.t.Logf("one node took over from the other, which was lost, within %v", time.Since(lost).Round(time.Millisecond))
	w.checkOnce(ctx, filings...)
}
