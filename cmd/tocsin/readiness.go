package main

// This file has the node look whether its channels and the node itself can do their job, and
// keep what it found where commands read it.

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/adapters"
	"tocsin/broker/delivery"
	"tocsin/broker/ledger"
	"tocsin/broker/readiness"
)

// readinessFile is where a node keeps what it found, in its state folder.
const readinessFile = "readiness.json"

// selfEvery is how often the node looks at itself.
const selfEvery = time.Minute

// clockTolerance is how far the clock may be from the platforms' before a person is told.
const clockTolerance = 30 * time.Second

// finding is one that is written in both languages.
func finding(a adapters.Aspect, s adapters.Readiness, reason, advice error) adapters.Finding {
	return adapters.Finding{Aspect: a, State: s, Reason: reason.Error(), Advice: advice.Error()}
}

// remark is a finding that is ready, with what a person may want to know.
func remark(a adapters.Aspect, words error) adapters.Finding {
	return adapters.Finding{Aspect: a, State: adapters.Ready, Reason: words.Error()}
}

// fine is a finding of which there is nothing to say.
func fine(a adapters.Aspect) adapters.Finding {
	return adapters.Finding{Aspect: a, State: adapters.Ready}
}

// openWatch makes the watch on the channels and the node. Its metrics, records and log are the
// node's own.
func (n *node) openWatch(channels []delivery.Channel) (err error) {
	// What an earlier run found is not how it is.
	if err := os.Remove(filepath.Join(n.c.abs(n.c.State), readinessFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("state folder: %w", err)
	}
	first := newCountdown(len(channels)) // looks at channels: their answers tell of the clock
	subjects := []readiness.Subject{{Kind: "node", Every: selfEvery, Look: func(ctx context.Context) []adapters.Finding {
		first.await(ctx, firstLooks)
		return n.lookAtSelf(ctx, channels)
	}}}
	for _, ch := range channels {
		s := readiness.Channel(ch.Channel)
		look, once := s.Look, sync.OnceFunc(first.one)
		s.Look = func(ctx context.Context) []adapters.Finding {
			defer once()
			found := look(ctx)
			n.ledger.View(func(st *ledger.State) {
				found = append(found, readiness.CircuitFinding(st.Circuit(s.Name), n.ledger.Time()))
			})
			return found
		}
		subjects = append(subjects, s)
	}
	n.watch, err = readiness.New(readiness.Config{
		Node: n.c.Node, Subjects: subjects, Ledger: n.ledger, Trusted: n.trusted, Log: n.log, Meters: n.telemetry.Meters, Report: n.keepReadiness,
	})
	return err
}

// firstLooks is how long the node's first look at itself waits for those at channels.
const firstLooks = 15 * time.Second

// A countdown ends when each of so many has happened.
type countdown struct {
	left atomic.Int64
	done chan struct{}
}

func newCountdown(from int) *countdown {
	c := &countdown{done: make(chan struct{})}
	c.left.Store(int64(from))
	if from == 0 {
		close(c.done)
	}
	return c
}

// one counts one that has happened.
func (c *countdown) one() {
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
}

// await returns at the end, and after so long at the latest.
func (c *countdown) await(ctx context.Context, long time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	select {
	case <-c.done:
	case <-ctx.Done():
	}
}

// watchReadiness looks until ctx is done, from when the site serves.
func (n *node) watchReadiness(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-n.restored:
		n.watch.Run(ctx)
	}
}

// keepReadiness keeps a report for the commands on this machine.
func (n *node) keepReadiness(r readiness.Report) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = writeWhole(filepath.Join(n.c.abs(n.c.State), readinessFile), append(b, '\n'))
	}
	if err != nil {
		n.log.Debug("what was found of readiness could not be kept for the commands", "err", err)
	}
}

// lookAtSelf returns the findings on the node.
func (n *node) lookAtSelf(ctx context.Context, channels []delivery.Channel) []adapters.Finding {
	found := slices.Concat(n.lookAtTrust(), []adapters.Finding{diskFinding(n.c.abs(n.c.State))}, n.lookAtBroker(ctx), n.lookAtKeys(time.Now()), n.c.lookAtCertificates(time.Now()))
	return append(found, clockFindings(channels)...)
}

func (n *node) lookAtTrust() []adapters.Finding {
	if err := n.trusted(); err != nil {
		return []adapters.Finding{finding(readiness.AspectLedger, adapters.Down, err,
			both("il nodo non invia niente: seguire docs/operations.md, «When the ledger is not to be trusted»", "the node sends nothing: follow docs/operations.md, \"When the ledger is not to be trusted\""))}
	}
	return []adapters.Finding{fine(readiness.AspectLedger)}
}

// diskFinding says how much room a folder has.
func diskFinding(folder string) adapters.Finding {
	free, err := freeBytes(folder)
	room := both("fare posto sul disco di %s", "make room on the disk of %s", folder)
	switch {
	case err != nil:
		return finding(readiness.AspectDisk, adapters.Degraded, err, room)
	case free < reserve:
		return finding(readiness.AspectDisk, adapters.Down, both("sul disco del registro sono liberi solo %d byte: non si consegna più nessuna allerta", "only %d bytes are free on the disk of the ledger: no alert is handed in any more", free), room)
	case free < lowWater:
		return finding(readiness.AspectDisk, adapters.Degraded, both("sul disco del registro sono liberi %d byte", "%d bytes are free on the disk of the ledger", free), room)
	}
	return fine(readiness.AspectDisk)
}

// lookAtBroker asks the broker for the room in the streams: that it answers is the first thing.
func (n *node) lookAtBroker(ctx context.Context) (found []adapters.Finding) {
	ctx, cancel := context.WithTimeout(ctx, roomPatience)
	defer cancel()
	records, bulletins, err := n.ledger.Rooms(ctx)
	if err != nil {
		return []adapters.Finding{finding(readiness.AspectBroker, adapters.Down, both("il broker non risponde: %v", "the broker does not answer: %w", err),
			both("guardare il broker e la rete fino a lì", "look at the broker, and at the network on the way to it"))}
	}
	if n.sync == ledger.SyncUnconfirmed {
		found = append(found, finding(readiness.AspectBroker, adapters.Degraded, both("nessuno garantisce che il broker scriva su disco prima di confermare", "nobody says that the broker writes to disk before it acknowledges"),
			both("impostare sync_interval: always su ogni server, poi scrivere broker.sync_always: confirmed", "set sync_interval: always on every server, then write broker.sync_always: confirmed")))
	}
	if behind := records.Behind + bulletins.Behind; behind > 0 {
		found = append(found, finding(readiness.AspectBroker, adapters.Degraded, both("nel cluster del broker %d copie dei flussi mancano o sono in ritardo", "%d copies of the streams are missing or behind in the broker's cluster", behind),
			both("guardare i server del cluster: con un altro guasto il registro può fermarsi", "look at the servers of the cluster: with one more failure the ledger may stop")))
	}
	raise := both("alzare broker.max_bytes e riaccendere il nodo", "raise broker.max_bytes and start the node again")
	for _, r := range []ledger.Room{records, bulletins} {
		switch {
		case r.Bound > 0 && r.Free < keptIn(r)+recordsRoom:
			found = append(found, finding(readiness.AspectBroker, adapters.Down, both("il registro è pieno, salvo lo spazio per le revoche", "the ledger is full but for the room of revocations"), raise))
		case r.Bound > 0 && r.Free < lowIn(r):
			found = append(found, finding(readiness.AspectBroker, adapters.Degraded, both("il registro è quasi pieno", "the ledger is nearly full"), raise))
		}
	}
	if len(found) == 0 {
		found = append(found, fine(readiness.AspectBroker))
	}
	return found
}

// lookAtKeys says until when the key ring holds, and whose line in it ends soon.
func (n *node) lookAtKeys(now time.Time) []adapters.Finding {
	f := fine(readiness.AspectKeyRing)
	next := both("preparare e firmare la prossima versione (tocsin keys draft)", "make and sign its next version (tocsin keys draft)")
	if v, _ := n.rings.Version(); v != nil {
		switch left := v.Meta.Expires.Sub(now); {
		case left <= 0:
			f = finding(readiness.AspectKeyRing, adapters.Degraded, both("il portachiavi è scaduto: chi ha una chiave valida può ancora firmare", "the key ring has expired: whoever has a valid key can still sign"), next)
		case left < ringWarning:
			f = finding(readiness.AspectKeyRing, adapters.Degraded, both("il portachiavi scade presto", "the key ring expires soon"), next)
		}
		f.Until = v.Meta.Expires.UTC()
	}
	if f.State == adapters.Ready {
		for _, s := range n.rings.Newest().Ring.Expiring(now, keyWarning) {
			f = finding(readiness.AspectKeyRing, adapters.Degraded, both("la chiave di %s (%s) scade presto", "the key of %s (%s) expires soon", s.Principal, string(s.Role)), next)
			f.Until = s.ValidBefore.UTC()
			break
		}
	}
	return []adapters.Finding{f}
}

// lookAtCertificates says until when the node's own certificates are valid.
func (c *config) lookAtCertificates(now time.Time) (found []adapters.Finding) {
	for _, l := range []struct {
		key string
		tls tlsConfig
	}{{"site.tls", c.Site.TLS}, {"broker.tls", c.Broker.TLS}, {"telemetry.tls", c.Telemetry.TLS}} {
		if !l.tls.given() {
			continue
		}
		renew := both("rinnovare il certificato nei file indicati in %s: il nodo lo prende da sé", "renew the certificate in the files that %s names: the node takes it up by itself", l.key)
		pair, err := (&certificate{files: tlsConfig{Certificate: c.abs(l.tls.Certificate), Key: c.abs(l.tls.Key)}}).get()
		if err != nil {
			found = append(found, finding(adapters.AspectCertificate, adapters.Degraded, err, renew))
			continue
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			found = append(found, finding(adapters.AspectCertificate, adapters.Degraded, err, renew))
			continue
		}
		found = append(found, finding(adapters.AspectCertificate, adapters.Ready, both("il certificato di %s scade presto, o è scaduto", "the certificate of %s expires soon, or has expired", l.key), renew).
			Ending(leaf.NotAfter.UTC(), now))
	}
	return found
}

// clockFindings holds the clock against those of the platforms, as their latest answers showed
// them, and asks the system whether something keeps it right.
func clockFindings(channels []delivery.Channel) []adapters.Finding {
	var offsets []time.Duration
	for _, ch := range channels {
		if c, ok := ch.Channel.(adapters.Clocked); ok {
			if offset, known := c.ClockOffset(); known {
				offsets = append(offsets, offset)
			}
		}
	}
	return judgeClock(offsets, clockKept())
}

// judgeClock returns the findings for the offsets from the platforms' clocks, and for whether
// the system says that something keeps the clock right. One of both is enough: many a virtual
// machine is kept right from outside, and does not know it.
func judgeClock(offsets []time.Duration, kept timeSource) []adapters.Finding {
	clock, source := fine(readiness.AspectClock), fine(readiness.AspectTimeSource)
	set := both("regolare l'orologio di questa macchina con NTP", "set this machine's clock, with NTP")
	if len(offsets) > 0 {
		// The middle one: a single platform's clock may be wrong.
		slices.SortFunc(offsets, func(a, b time.Duration) int { return cmp.Compare(a.Abs(), b.Abs()) })
		off := offsets[(len(offsets)-1)/2]
		apart := both("l'orologio di questa macchina differisce di %v da quello delle piattaforme", "this machine's clock is %v apart from the platforms'", off.Round(time.Second))
		switch {
		case off.Abs() > adapters.ClockSkew:
			clock = finding(readiness.AspectClock, adapters.Down, apart, set)
		case off.Abs() > clockTolerance:
			clock = finding(readiness.AspectClock, adapters.Degraded, apart, set)
		}
	}
	switch {
	case kept == timeUnkept && len(offsets) == 0:
		source = finding(readiness.AspectTimeSource, adapters.Degraded, both("il sistema dice che niente tiene regolato l'orologio, e nessuna piattaforma ha ancora risposto", "the system says that nothing keeps the clock right, and no platform has answered yet"), set)
	case kept == timeUnkept:
		source = remark(readiness.AspectTimeSource, both("il sistema dice che niente tiene regolato l'orologio, ma per ora va d'accordo con le piattaforme", "the system says that nothing keeps the clock right, though for now it agrees with the platforms"))
	case kept == timeUnknown:
		source = remark(readiness.AspectTimeSource, both("il sistema non dice se qualcosa tiene regolato l'orologio", "the system does not say whether something keeps the clock right"))
	}
	return []adapters.Finding{clock, source}
}

// A timeSource is what the system says of whether something keeps its clock right.
type timeSource uint8

const (
	timeUnknown timeSource = iota // it does not say
	timeUnkept                    // nothing does
	timeKept                      // something does, such as an NTP client
)

// readReadiness reads what the node on this machine found.
func readReadiness(state string) (r readiness.Report, err error) {
	raw, err := readRegular(filepath.Join(state, readinessFile))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("%s: %w", readinessFile, err)
	}
	return r, nil
}
