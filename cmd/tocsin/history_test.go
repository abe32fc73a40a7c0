package main

// This file holds a node that starts on a ledger with a long past: what it owes to the
// public and to the alert that is under way must not wait for what is long over.

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"tocsin/broker/alert"
	"tocsin/broker/audit"
	"tocsin/broker/bulletin"
	"tocsin/broker/bulletin/bulletintest"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/templates/scenarios"
)

var historyAlerts = flag.Int("history.alerts", 30, "alerts that are long over when a node is started on them")

// muchLater is how long after its past the node of this test is started.
const muchLater = 30 * 24 * time.Hour

// TestAStartOnALongHistory starts a node a month after many alerts, as SIGKILL left
// its folder, with one alert that was released and not begun. It logs what the start
// takes.
func TestAStartOnALongHistory(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	w := newCrashWorld(t, "", "history", 1)
	past := w.writePast(ctx, *historyAlerts)
	now := func() time.Time { return time.Now().Add(muchLater) }
	b, _, err := composeFirst(scenarios.Demo(), w.node.c, now())
	if err != nil {
		t.Fatal(err)
	}
	state := w.node.c.abs(w.node.c.State)
	w.onLedger(ctx, state, func(l *ledger.Ledger) {
		w.release(ctx, l, b)
		// The folder as it is while the broker works on it: nothing was closed.
		if err := os.CopyFS(state+"-killed", os.DirFS(state)); err != nil {
			t.Fatal(err)
		}
	})
	if err := errors.Join(os.RemoveAll(state), os.Rename(state+"-killed", state)); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	n, err := startNode(ctx, w.node.c, nodeOptions{getenv: english, now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(context.WithoutCancel(ctx)) })
	up := time.Since(began)
	waited := 0
	tick := time.NewTicker(5 * time.Millisecond) // nothing tells a reader that a page is there
	defer tick.Stop()
	for left := past; len(left) > 0; <-tick.C { // from the oldest on, which comes last
		switch _, err := fetch(ctx, n.siteURL+"/a/"+string(left[0].Code)); {
		case err == nil:
			left = left[min(len(left), 1+len(past)/50):]
		case errors.Is(err, errStarting):
			waited++
		default:
			t.Fatalf("the page of %s, which is genuine: %v", left[0].Code, err)
		}
		if _, err := fetch(ctx, n.siteURL+"/"); err != nil {
			t.Fatalf("the front page of a node that is up: %v", err)
		}
	}
	whole := time.Since(began)
	first, verified := w.awaitDelivery(ctx, n, b)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	t.Logf("%d alerts that are over, %d records: up after %v, first delivery record %v, verified everywhere %v, whole archive %v (%d times told to wait); %d MiB in use",
		len(past), n.size(), round(up), round(first.Sub(began)), round(verified.Sub(began)), round(whole), waited, m.HeapAlloc>>20)
	if first.Sub(began) > goesOnWithin {
		t.Errorf("the first delivery record came %v after the start", first.Sub(began))
	}
}

// size returns how many records the ledger has.
func (n *node) size() (size int64) {
	n.ledger.View(func(s *ledger.State) { size = s.Seq })
	return size
}

// awaitDelivery waits until the bulletin is verified everywhere, and returns when its
// first delivery record was written, and its last one, by the machine's clock.
func (w *crashWorld) awaitDelivery(ctx context.Context, n *node, b *bulletin.Bulletin) (first, last time.Time) {
	w.t.Helper()
	for {
		changed := n.ledger.Changed()
		done := true
		n.ledger.View(func(s *ledger.State) {
			state := s.Alerts[string(b.Alert)].Bulletins[0]
			for _, c := range b.Channels() {
				for part := 1; part <= c.Parts; part++ {
					p := state.Part(c.Name, part)
					done = done && p.State == ledger.StateVerified
					if first.IsZero() || p.FirstTry.Before(first) {
						first = p.FirstTry
					}
					if p.VerifiedAt.After(last) {
						last = p.VerifiedAt
					}
				}
			}
		})
		if done {
			return first, last
		}
		select {
		case <-changed:
		case <-ctx.Done():
			w.t.Fatalf("%s was not delivered", b.Code)
		}
	}
}

// onLedger opens the ledger of a folder on which no node runs, and leaves a checkpoint
// there, as a node does.
func (w *crashWorld) onLedger(ctx context.Context, state string, do func(*ledger.Ledger)) {
	w.t.Helper()
	keeper, err := audit.OpenKeeper(state)
	if err != nil {
		w.t.Fatal(err)
	}
	server, err := ledger.StartServer(ctx, ledger.ServerOptions{Dir: state, MaxBytes: w.node.c.storeBytes()})
	if err != nil {
		w.t.Fatal(err)
	}
	defer server.Stop()
	l, err := ledger.Open(ctx, ledger.Options{Server: server, Realm: string(alert.RealmExercise), Create: true, Name: w.node.c.Node + "/past", Observe: keeper.Observe})
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	do(l)
	if err := keeper.Write(); err != nil {
		w.t.Fatal(err)
	}
}

// writePast writes alerts that were released, published everywhere and verified.
func (w *crashWorld) writePast(ctx context.Context, alerts int) (past []*bulletin.Bulletin) {
	w.t.Helper()
	b, _, err := composeFirst(scenarios.Demo(), w.node.c, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	for range alerts {
		past = append(past, w.another(b))
	}
	w.onLedger(ctx, w.node.c.abs(w.node.c.State), func(l *ledger.Ledger) {
		w.append(ctx, l, ledger.Record{Type: ledger.NodeStarted})
		next := make(chan *bulletin.Bulletin)
		var writers sync.WaitGroup
		for range 16 {
			writers.Go(func() {
				for b := range next {
					w.publish(ctx, l, b, w.release(ctx, l, b))
				}
			})
		}
		for _, b := range past {
			next <- b
		}
		close(next)
		writers.Wait()
	})
	return past
}

// another returns the bulletin as one of an alert of its own.
func (w *crashWorld) another(b *bulletin.Bulletin) *bulletin.Bulletin {
	w.t.Helper()
	id, err := alert.NewID(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	code, err := alert.NewCode(w.node.c.Issuer.CodePrefix, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	// All have the same length, and so has the file.
	name := b.Message.Identifier
	raw := bytes.ReplaceAll(bulletintest.Alone(b.Bytes()), []byte(name), []byte(string(id) + name)[:len(name)])
	raw = bytes.ReplaceAll(raw, []byte(b.Alert), []byte(id))
	raw = bytes.ReplaceAll(raw, []byte(b.Code), []byte(code))
	other, err := bulletin.Parse(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return other
}

func (w *crashWorld) append(ctx context.Context, l *ledger.Ledger, r ledger.Record) int64 {
	seq, err := l.Append(ctx, r)
	if err == nil {
		err = l.WaitApplied(ctx, seq)
	}
	if err != nil {
		w.t.Errorf("%s: %v", r.Type, err)
	}
	return seq
}

// release hands a bulletin in with both signatures and returns the record of the last.
func (w *crashWorld) release(ctx context.Context, l *ledger.Ledger, b *bulletin.Bulletin) (released int64) {
	rings, err := loadRings(w.node.c)
	if err == nil {
		_, err = l.PutBlob(ctx, b.Bytes())
	}
	if err != nil {
		w.t.Error(err)
		return 0
	}
	d := &desk{rings: rings, authority: rings.Newest()}
	w.append(ctx, l, recordOf(b))
	for _, role := range []signing.Role{signing.Officer, signing.Police} {
		armored, err := w.signers[role].Sign(ctx, signing.Namespace(role, b.Realm), b.Bytes())
		if err != nil {
			w.t.Error(err)
			return 0
		}
		st, err := d.statement(b, role, armored)
		if err != nil {
			w.t.Error(err)
			return 0
		}
		released = w.append(ctx, l, ledger.Record{
			Type: ledger.Signature, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: st.Principal,
			Namespace: st.Namespace, Armor: string(st.Signature),
		})
	}
	return released
}

// publish writes that a bulletin became public everywhere and was verified.
func (w *crashWorld) publish(ctx context.Context, l *ledger.Ledger, b *bulletin.Bulletin, released int64) {
	var names []string
	for _, c := range b.Channels() {
		names = append(names, c.Name)
	}
	of := ledger.Record{Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Part: 1}
	attempt := of
	attempt.Type, attempt.Channels, attempt.Attempt, attempt.Until, attempt.Released = ledger.Attempt, names, 1, time.Now().UTC(), released
	w.append(ctx, l, attempt)
	for _, c := range b.Channels() {
		for i, post := range b.For(c.Name) {
			r := of
			r.Channel, r.Part = c.Name, i+1
			if i > 0 {
				again := r
				again.Type, again.Attempt, again.Until, again.Released = ledger.Attempt, 1, time.Now().UTC(), released
				w.append(ctx, l, again)
			}
			posted := r
			posted.Type, posted.PostID, posted.URL, posted.PostedAt = ledger.Posted, string(post.Key), post.Link, time.Now().UTC()
			w.append(ctx, l, posted)
			r.Type = ledger.Verified
			w.append(ctx, l, r)
		}
	}
}
