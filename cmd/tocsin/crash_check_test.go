package main

// This file holds what must be true after a crash: what the platforms show, what
// the site shows, what the ledger says, and what nobody may read.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"tocsin/adapters/simulator"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// checkOnce requires each bulletin exactly once on each channel, and the ledger to
// say of it what the platform itself says.
func (w *crashWorld) checkOnce(ctx context.Context, filings ...*filing) {
	w.t.Helper()
	for _, f := range filings {
		for _, c := range f.b.Channels() {
			if c.Kind == "website" {
				w.checkSite(ctx, f.b, c)
				continue
			}
			w.checkChannel(f, c)
		}
	}
	w.eachPart(filings, func(f *filing, channel string, part int, p ledger.PartState) {
		if p.State != ledger.StateVerified {
			w.t.Errorf("%s %s/%d is %s (%s), want verified", f.b.Code, channel, part, p.State, p.Reason)
		}
	})
}

// checkChannel compares what a platform shows and was asked with what the ledger
// says of it.
func (w *crashWorld) checkChannel(f *filing, c bulletin.Channel) {
	w.t.Helper()
	live := w.live(c.Kind, f.b)
	if len(live) != c.Parts {
		w.t.Errorf("%s: %s shows it %d times, want %d", f.b.Code, c.Name, len(live), c.Parts)
		return
	}
	for i, post := range f.b.For(c.Name) {
		p := w.part(f, c.Name, i+1)
		if p.PostID != live[i].ID {
			w.t.Errorf("%s: the ledger says that %s has it as %q, the platform has it as %q", f.b.Code, c.Name, p.PostID, live[i].ID)
		}
		if live[i].Text != post.Text {
			w.t.Errorf("%s: %s shows %q, want what was signed: %q", f.b.Code, c.Name, live[i].Text, post.Text)
		}
	}
}

// checkCalls compares the attempts and their ends in the ledger with the writes
// that a platform saw of the one filing that was under way.
func (w *crashWorld) checkCalls(f *filing) {
	w.t.Helper()
	for _, c := range f.b.Channels() {
		if c.Kind == "website" {
			continue
		}
		p := w.part(f, c.Name, 1)
		writes, answered, attempts := 0, 0, 0
		for part := range c.Parts {
			attempts += w.part(f, c.Name, part+1).Attempts
		}
		for _, q := range w.sim.Requests() {
			if q.N <= f.firstCall || q.Kind != c.Kind || !makesPublic(q) {
				continue
			}
			writes++
			if q.State == simulator.Answered && (q.Status == http.StatusOK || q.Status == http.StatusCreated) {
				answered++
			}
		}
		switch {
		case writes == 0:
			w.t.Errorf("%s: %s saw no post being made, and shows it", f.b.Code, c.Name)
		case writes > attempts:
			w.t.Errorf("%s: %s saw %d posts being made, the ledger knows of %d attempts", f.b.Code, c.Name, writes, attempts)
		case !p.Reconciled && answered == 0:
			w.t.Errorf("%s: the ledger says that %s has answered with the post, which never happened", f.b.Code, c.Name)
		case slices.Contains(f.held, c.Kind) && (!p.Reconciled || p.Attempts != 1):
			w.t.Errorf("%s: %s has the post of attempt 1 and its answer never came; the ledger says %d attempts, reconciled %v",
				f.b.Code, c.Name, p.Attempts, p.Reconciled)
		}
	}
}

// makesPublic reports whether a request asks a platform to make something public. Photos of a page are
// uploaded unpublished.
func makesPublic(q simulator.Request) bool {
	if q.Method != http.MethodPost {
		return false
	}
	last := q.Path[strings.LastIndexByte(q.Path, '/')+1:]
	return slices.Contains([]string{"sendMessage", "sendPhoto", "tweets", "feed", "media_publish"}, last)
}

func (w *crashWorld) part(f *filing, channel string, part int) ledger.PartState {
	return w.state(f, func(b *ledger.BulletinState) ledger.PartState { return b.Part(channel, part) })
}

// state returns what the ledger says of something of the filing's bulletin: what is not there
// yet is pending, also where the desk has just begun to read.
func (w *crashWorld) state(f *filing, of func(*ledger.BulletinState) ledger.PartState) ledger.PartState {
	p := ledger.PartState{State: ledger.StatePending}
	w.desk.ledger.View(func(s *ledger.State) {
		if b := stateOf(s, f.b); b != nil {
			p = of(b)
		}
	})
	return p
}

// checkSite reads the alert's page as the public does: the site forgets with its
// process, so that after a crash it shows what the ledger has handed it again. A node
// that has said that it is up shows it.
func (w *crashWorld) checkSite(ctx context.Context, b *bulletin.Bulletin, c bulletin.Channel) {
	w.t.Helper()
	page, err := fetch(ctx, w.node.c.Site.PublicURL+"/a/"+string(b.Code))
	if err != nil {
		w.t.Errorf("%s: the site: %v", b.Code, err)
		return
	}
	for _, post := range b.For(c.Name) {
		if n := bytes.Count(page, fmt.Appendf(nil, "data-key=%q", post.Key)); n != 1 {
			w.t.Errorf("%s: the site shows %s %d times, want once", b.Code, post.Key, n)
		}
	}
	if n := bytes.Count(page, fmt.Appendf(nil, "data-key=\"%s/", b.Alert)); n != c.Parts {
		w.t.Errorf("%s: the site shows %d posts of the alert, want %d", b.Code, n, c.Parts)
	}
}

// errStarting is what a site answers that does not yet show all that it showed
// before: it must say so, and never show less.
var errStarting = errors.New("the site is starting")

func fetch(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Close = true // the next one may meet another process
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if answer.StatusCode == http.StatusServiceUnavailable {
		return nil, errStarting
	}
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", address, answer.Status)
	}
	return body, err
}

// checkAcknowledged requires everything in the ledger that was acknowledged, where
// the acknowledgement said that it is.
func (w *crashWorld) checkAcknowledged(filings ...*filing) {
	w.t.Helper()
	records := w.records()
	for _, f := range filings {
		for what, seq := range f.acknowledged {
			if seq > int64(len(records)) {
				w.t.Errorf("%s: %s was acknowledged as record %d, the ledger ends at %d", f.b.Code, what, seq, len(records))
			} else if r := records[seq-1].Record; r.Alert != string(f.b.Alert) || r.SHA256 != f.b.SHA256() {
				w.t.Errorf("%s: %s was acknowledged as record %d, which is now %s of %s", f.b.Code, what, seq, r.Type, r.Alert)
			}
		}
	}
}

// checkLedger runs `tocsin audit verify`.
func (w *crashWorld) checkLedger(ctx context.Context) {
	w.t.Helper()
	p := &program{lang: "en"}
	report, err := p.verifyLedger(ctx, &where{config: w.node.config})
	if err != nil {
		w.t.Fatalf("audit verify: %v", err)
	}
	if !report.OK {
		w.t.Errorf("audit verify: %+v", report.Findings)
	}
}

// checkSecrets requires that no credential stands in the ledger or in the log of its
// node.
func (w *crashWorld) checkSecrets() {
	w.t.Helper()
	w.checkSecretsOf(w.node)
	for _, e := range w.records() {
		for _, name := range w.node.leaks(e.Payload) {
			w.t.Errorf("record %d of the ledger holds the secret %s", e.Seq, name)
		}
	}
}

func (w *crashWorld) checkSecretsOf(n *crashNode) {
	w.t.Helper()
	raw, err := os.ReadFile(n.logPath())
	if err != nil {
		w.t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte(" is up ")) {
		w.t.Errorf("the log of node %s tells nothing: the search for secrets in it proves nothing", n.c.Node)
	}
	for _, name := range slices.Concat(n.leaks(raw), w.node.leaks(raw)) {
		w.t.Errorf("the log of node %s holds the secret %s", n.c.Node, name)
	}
}

// explain tells, where the test has failed, what the node said last and what
// happened to the alerts of the trial that it failed in.
func (w *crashWorld) explain() {
	if !w.t.Failed() {
		return
	}
	w.t.Logf("the last words of node %s:\n%s", w.node.c.Node, w.node.lastWords())
	w.leave()
	w.node.kill() // the folder tells as much
	for _, f := range w.suspects {
		w.t.Logf("what the ledger says of %s:\n%s", f.b.Code, w.timeline(f))
	}
}

// timeline returns what `tocsin audit timeline` says of an alert.
func (w *crashWorld) timeline(f *filing) string {
	var out bytes.Buffer
	err := run(context.WithoutCancel(w.t.Context()), []string{"audit", "timeline", string(f.b.Alert), "-c", w.node.config}, nil, &out, &out,
		func(name string) string { return map[string]string{"TOCSIN_LANG": "en"}[name] })
	if err != nil {
		fmt.Fprintf(&out, "audit timeline: %v\n", err)
	}
	return out.String()
}
