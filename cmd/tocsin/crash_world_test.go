package main

// This file holds what the nodes of a crash test live in: the platforms, which
// outlive them, and the people who hand in alerts and sign them.

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/adapters"
	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
	"tocsin/templates/scenarios"
)

// trialTime bounds one trial: what takes longer hangs.
const trialTime = 60 * time.Second

// A crashWorld is the platforms, one node with its ledger, and the people.
type crashWorld struct {
	t        *testing.T
	rng      *rand.Rand
	sim      *simulator.Simulator
	node     *crashNode
	desk     *desk // at the node's broker; nil while the node is down
	signers  map[signing.Role]signing.Key
	filings  []*filing     // of all trials
	suspects []*filing     // of the trial that is under way
	takes    time.Duration // what the first alert took, from its first record to its last

	// mu guards entries, which the desk's ledger fills.
	mu      sync.Mutex
	entries []*ledger.Entry // the whole ledger, as the present desk reads it
}

// newCrashWorld starts the platforms and a node called name. Its random choices
// follow from the seed and the name. Edits are as those of newCrashNode.
func newCrashWorld(t *testing.T, binary, name string, seed uint64, edits ...string) *crashWorld {
	t.Helper()
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash does not fail
	w := &crashWorld{t: t, rng: rand.New(rand.NewPCG(seed, h.Sum64())), signers: map[signing.Role]signing.Key{}}
	// Strict platforms hide a second send on X and Instagram, lenient ones never say
	// "duplicate": both are met.
	lenient := w.rng.IntN(2) == 0
	t.Logf("platforms of %s: lenient %t", name, lenient)
	var err error
	w.sim, err = simulator.Start(t.Context(), simulator.Config{
		Names:           simulator.Names{Telegram: "telegram", X: "x", Facebook: "facebook", Instagram: "instagram"},
		XPostsPerWindow: 100_000, InstagramQuota: 100_000, InstagramContainers: 100_000, // -crash.trials may be large
		Lenient: lenient,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.sim.Close)
	w.node = newCrashNode(t, binary, name, w.sim.Accounts(), w.sim.URL(), edits...)
	for _, role := range []signing.Role{signing.Officer, signing.Police} {
		w.signers[role], err = signing.LoadKey(t.Context(), filepath.Join(w.node.dir, "keys", string(role)), signing.KeyOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(w.explain)
	t.Cleanup(w.leave)
	return w
}

// come starts the node and a desk at its broker.
func (w *crashWorld) come(ctx context.Context) {
	w.t.Helper()
	w.node.begin()
	w.attend(ctx)
}

// attend waits for the node and opens a desk at its broker.
func (w *crashWorld) attend(ctx context.Context) {
	w.t.Helper()
	if err := w.node.awaitUp(ctx); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.entries = nil
	w.mu.Unlock()
	at := &where{config: w.node.config}
	var err error
	w.desk, err = at.open(ctx, "crash test", func(e *ledger.Entry, _ error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.entries = append(w.entries, e)
	}, true)
	if err != nil {
		w.t.Fatalf("the node's broker can't be reached: %v\n%s", err, w.node.lastWords())
	}
}

// leave closes the desk. Leaving twice is fine.
func (w *crashWorld) leave() {
	if w.desk != nil {
		w.desk.Close()
		w.desk = nil
	}
}

// crash kills the node and lets go of its broker.
func (w *crashWorld) crash() {
	w.t.Helper()
	if !w.node.alive() {
		w.t.Fatalf("node %s ended before it was killed:\n%s", w.node.c.Node, w.node.lastWords())
	}
	w.kill(w.node)
	w.leave()
}

// kill kills a node, and ends what it had asked of the platforms: it was done by then, or is
// never done. What is promised rests on a platform's doing it within the settling time
// (docs/delivery.md), which a machine that is busy with all the other trials does not keep.
func (w *crashWorld) kill(n *crashNode) {
	w.t.Helper()
	n.kill()
	for _, kind := range simulator.Kinds() {
		if err := w.sim.HangUp(kind); err != nil {
			w.t.Fatal(err)
		}
	}
}

// records returns the ledger as far as the desk has read it.
func (w *crashWorld) records() []*ledger.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clip(w.entries)
}

// A filing is a bulletin with its two signatures on its way into the ledger, and
// what the ledger has acknowledged of them.
type filing struct {
	b         *bulletin.Bulletin
	firstCall int64 // number of the newest request at the platforms before
	held      []string
	// acknowledged holds sequences by what was handed in: "bulletin", "officer",
	// "police". One goroutine at a time has it.
	acknowledged map[string]int64
}

// compose makes a new alert of the example message.
func (w *crashWorld) compose() *filing {
	w.t.Helper()
	b, _, err := composeFirst(scenarios.Demo(), w.node.c, time.Now())
	return w.filed(b, err)
}

// filed makes a filing of a bulletin that was composed.
func (w *crashWorld) filed(b *bulletin.Bulletin, err error) *filing {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	f := &filing{b: b, acknowledged: map[string]int64{}}
	if all := w.sim.Requests(); len(all) > 0 {
		f.firstCall = all[len(all)-1].N
	}
	w.filings, w.suspects = append(w.filings, f), append(w.suspects, f)
	return f
}

// update composes what takes the place of a bulletin: it says the same for somewhat longer.
func (w *crashWorld) update(previous *bulletin.Bulletin) *filing {
	w.t.Helper()
	o, err := composeOptions(w.node.c, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := compose.Extend(previous, previous, previous.Expires.Add(time.Minute), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.filed(compose.Next(previous, m, o))
}

// revoke composes the revocation of an alert.
func (w *crashWorld) revoke(previous *bulletin.Bulletin) *filing {
	w.t.Helper()
	return w.filed(cancelBulletin(previous, "La piena non arriva.", w.node.c, time.Now()))
}

// stateOf returns what the ledger holds of a bulletin, nil for nothing.
func stateOf(s *ledger.State, b *bulletin.Bulletin) *ledger.BulletinState {
	if a := s.Alerts[string(b.Alert)]; a != nil {
		return a.Bulletin(b.SHA256())
	}
	return nil
}

// file hands in what the ledger lacks of the filing: all of it, or after a crash
// what was not yet acknowledged, as people would.
func (w *crashWorld) file(ctx context.Context, f *filing) error {
	d, b := w.desk, f.b
	held := map[signing.Role]bool{}
	known := false
	d.ledger.View(func(s *ledger.State) {
		state := stateOf(s, b)
		if state == nil {
			return
		}
		known = true
		for _, st := range state.Statements {
			for role := range w.signers {
				held[role] = held[role] || st.Namespace == signing.Namespace(role, b.Realm)
			}
		}
	})
	if !known {
		if _, err := d.ledger.PutBlob(ctx, b.Bytes()); err != nil {
			return err
		}
		if err := f.append(ctx, d, "bulletin", recordOf(b)); err != nil {
			return err
		}
	}
	for _, role := range []signing.Role{signing.Officer, signing.Police} {
		if held[role] {
			continue
		}
		armored, err := w.signers[role].Sign(ctx, signing.Namespace(role, b.Realm), b.Bytes())
		if err != nil {
			return err
		}
		st, err := d.statement(b, role, armored)
		if err != nil {
			return err
		}
		if err := f.append(ctx, d, string(role), ledger.Record{
			Type: ledger.Signature, Alert: string(b.Alert), Number: b.Number, SHA256: b.SHA256(), Principal: st.Principal,
			Namespace: st.Namespace, Armor: string(st.Signature),
		}); err != nil {
			return err
		}
	}
	return nil
}

// append writes one record; when it returns nil, the record is acknowledged.
func (f *filing) append(ctx context.Context, d *desk, what string, r ledger.Record) error {
	seq, err := d.ledger.Append(ctx, r)
	if err != nil {
		return fmt.Errorf("hand in %s of %s: %w", what, f.b.Code, err)
	}
	f.acknowledged[what] = seq
	return nil
}

// all returns what the platform of this kind shows.
func (w *crashWorld) all(kind string) []adapterstest.Live {
	w.t.Helper()
	all, err := w.sim.Live(kind)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// live returns what the platform of this kind shows of the bulletin.
func (w *crashWorld) live(kind string, b *bulletin.Bulletin) []adapterstest.Live {
	w.t.Helper()
	return slices.DeleteFunc(slices.Clone(w.all(kind)), func(l adapterstest.Live) bool { return !adapters.ContainsMark(l.First, b.Mark()) })
}

// fail sets a fault, by the kind of its platform.
func (w *crashWorld) fail(kind string, f adapterstest.Fault) {
	w.t.Helper()
	if err := w.sim.Fail(kind, f); err != nil {
		w.t.Fatal(err)
	}
}

// clear ends all faults that were not played.
func (w *crashWorld) clear() {
	w.t.Helper()
	for _, kind := range simulator.Kinds() {
		if err := w.sim.Clear(kind); err != nil {
			w.t.Fatal(err)
		}
	}
}

// watchPlatforms returns when ok holds. It looks at short intervals: nothing tells
// it that a platform has taken a post, as nothing would tell a citizen.
func (w *crashWorld) watchPlatforms(ctx context.Context, ok func() bool) error {
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return errors.New("the platforms did not get the post in time")
		case <-tick.C:
		}
	}
	return nil
}

// pause waits for a moment that the seed has chosen, between nothing and most.
func (w *crashWorld) pause(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(time.Duration(w.rng.Int64N(int64(most) + 1)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// awaitEnd returns when every post of the filings has come to its end, and the
// state of those that have not where that takes too long.
func (w *crashWorld) awaitEnd(ctx context.Context, filings ...*filing) error {
	for {
		changed := w.desk.ledger.Changed()
		var open []string
		w.eachPart(filings, func(f *filing, channel string, part int, p ledger.PartState) {
			if !p.Final() {
				open = append(open, fmt.Sprintf("%s %s/%d is %s (%s)", f.b.Code, channel, part, p.State, p.Reason))
			}
		})
		if len(open) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d posts came to no end: %q", len(open), open)
		case <-w.node.proc.done:
			return fmt.Errorf("node %s ended by itself", w.node.c.Node)
		case <-changed:
		}
	}
}

// eachPart calls do with the state of every post of the filings.
func (w *crashWorld) eachPart(filings []*filing, do func(f *filing, channel string, part int, p ledger.PartState)) {
	for _, f := range filings {
		for _, c := range f.b.Channels() {
			for part := 1; part <= c.Parts; part++ {
				do(f, c.Name, part, w.part(f, c.Name, part))
			}
		}
	}
}
