package main

// This file holds the matrix: each fault at each step of an alert's life on each platform, with
// the real program as a process.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"tocsin/adapters/adapterstest"
	"tocsin/adapters/simulator"
	"tocsin/broker/bulletin"
	"tocsin/broker/ledger"
)

// The steps of an alert's life at which a platform fails: a bulletin's post, or what is said of
// the post before it.
const (
	stepAlert          = "alert"
	stepUpdate         = "update"
	stepRevocation     = "revocation"
	stepUpdateMark     = "mark of the update"
	stepRevocationMark = "mark of the revocation"
)

func steps() []string {
	return []string{stepAlert, stepUpdate, stepRevocation, stepUpdateMark, stepRevocationMark}
}

// A matrix is what became of each step under each fault on each platform.
type matrix struct {
	mu    sync.Mutex
	cells map[string]string // by "fault/step/kind"
}

func (m *matrix) set(fault adapterstest.FaultKind, step, kind, cell string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cells[cellName(fault, step, kind)] = cell
}

func cellName(fault adapterstest.FaultKind, step, kind string) string {
	return fmt.Sprint(fault, "/", step, "/", kind)
}

// String draws the matrix as the table of docs/faults.md.
func (m *matrix) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| fault | step | %s |\n|---|---|%s\n", strings.Join(simulator.Kinds(), " | "), strings.Repeat("---|", len(simulator.Kinds())))
	for _, fault := range adapterstest.FaultKinds() {
		for _, step := range steps() {
			fmt.Fprintf(&b, "| `%s` | %s |", fault, step)
			for _, kind := range simulator.Kinds() {
				cell := m.cells[cellName(fault, step, kind)]
				if cell == "" {
					cell = "–"
				}
				fmt.Fprintf(&b, " %s |", cell)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// perAccount bounds the faults that are played on one account: a Telegram bot is shown the newest
// 20 posts alone.
const perAccount = 3

// TestMatrix plays each fault at each step of an alert's life on each platform, and holds the
// table of docs/faults.md to what came of it.
func TestMatrix(t *testing.T) {
	t.Parallel()
	binary := buildTocsin(t)
	m := &matrix{cells: map[string]string{}}
	t.Run("faults", func(t *testing.T) {
		for group := range slices.Chunk(adapterstest.FaultKinds(), perAccount) {
			t.Run(string(group[0]), func(t *testing.T) {
				t.Parallel()
				w := newCrashWorld(t, binary, "matrix-"+string(group[0]), 1)
				w.node.edit("read_back: [0s, 50ms, 150ms, 400ms, 1s, 3s, 6s]", "read_back: [0s, 50ms, 150ms, 400ms, 1s, 2s]")
				exports := w.exports()
				w.within(trialTime, w.come)
				for _, fault := range group {
					w.within(trialTime, func(ctx context.Context) { w.playPosts(ctx, m, fault) })
					w.within(trialTime, func(ctx context.Context) { w.playMarks(ctx, m, fault) })
				}
				w.within(trialTime, w.checkLedger)
				w.within(trialTime, func(ctx context.Context) { w.checkAllThatWasWritten(ctx, exports) })
			})
		}
	})
	t.Logf("\n%s", m)
	if t.Failed() {
		return // half a matrix proves nothing
	}
	whole := true
	for _, fault := range adapterstest.FaultKinds() {
		if _, played := m.cells[cellName(fault, stepAlert, simulator.Telegram)]; !played {
			whole = false // somebody asked for some
			continue
		}
		for _, step := range steps() {
			for _, kind := range simulator.Kinds() {
				if got, want := m.cells[cellName(fault, step, kind)], endOf(fault, step, kind); got != want {
					t.Errorf("%s at the %s on %s: %q, want %q", fault, step, kind, got, want)
				}
			}
		}
	}
	if !whole {
		t.Log("not all faults were played: the table is not looked at")
		return
	}
	const path = "../../docs/faults.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(raw), "| fault |")
	if !ok {
		t.Fatalf("%s holds no table", path)
	}
	_, after, _ = strings.Cut(after, "|\n\n")
	table := before + m.String() + "\n" + after
	if os.Getenv("TOCSIN_UPDATE_GOLDEN") != "" {
		err = os.WriteFile(path, []byte(table), 0o600)
	} else if table != string(raw) {
		err = errors.New("it is not what came of the faults: TOCSIN_UPDATE_GOLDEN=1 go test ./cmd/tocsin -run Matrix writes it anew")
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

// endOf returns what must become of a step under a fault: exactly one live post, or why not.
func endOf(fault adapterstest.FaultKind, step, kind string) string {
	mark := step == stepUpdateMark || step == stepRevocationMark
	switch {
	case mark && kind == simulator.X, fault == adapterstest.Stuck && kind == simulator.Instagram:
		return "" // a post on X can't be marked; a container is given up after five minutes, which is longer than a test
	case answerLost(fault):
		return "verified (found), 1 live"
	case fault == adapterstest.AuthGone, fault == adapterstest.Credits:
		return "held, 0 live; after a restart verified, 1 live"
	case fault == adapterstest.Alter && !mark:
		return "failed (altered), 1 live"
	case fault == adapterstest.Alter && kind != simulator.Instagram: // a comment is looked for by its words
		return "failed (altered), 0 live"
	case fault == adapterstest.Alter, fault == adapterstest.Delete:
		return "failed (gone), 0 live"
	}
	return "verified, 1 live"
}

// answerLost reports whether a platform does what it is asked and never says so.
func answerLost(fault adapterstest.FaultKind) bool {
	return fault.Applies() && !slices.Contains([]adapterstest.FaultKind{adapterstest.Lag, adapterstest.Slow, adapterstest.Alter, adapterstest.Delete}, fault)
}

// playPosts has each platform fail at the post of each bulletin of an alert.
func (w *crashWorld) playPosts(ctx context.Context, m *matrix, fault adapterstest.FaultKind) {
	w.t.Helper()
	var chain []*filing
	for _, step := range []string{stepAlert, stepUpdate, stepRevocation} {
		chain = append(chain, w.following(chain))
		f := chain[len(chain)-1]
		w.play(ctx, m, adapterstest.Fault{Kind: fault}, chain, step, func(kind string) string {
			p := w.part(f, kind, 1)
			live := 0
			for _, post := range w.all(kind) { // by its name, too: an altered one may bear no code
				if post.ID == p.PostID || post.First == f.b.For(kind)[0].Text {
					live++
				}
			}
			return cellOf(fault, p, live)
		})
	}
}

// playMarks has each platform fail at what is said of the posts of the bulletin before.
func (w *crashWorld) playMarks(ctx context.Context, m *matrix, fault adapterstest.FaultKind) {
	w.t.Helper()
	chain := []*filing{w.compose()}
	w.deliver(ctx, chain[0])
	for _, step := range []string{stepUpdateMark, stepRevocationMark} {
		bearer := chain[len(chain)-1]
		f := w.following(chain)
		chain = append(chain, f)
		w.play(ctx, m, adapterstest.Fault{Kind: fault, After: 1}, chain, step, func(kind string) string { // its own post goes well
			return w.markCell(fault, f, bearer, kind)
		})
	}
}

// following composes what comes next in an alert's life.
func (w *crashWorld) following(chain []*filing) *filing {
	w.t.Helper()
	switch len(chain) {
	case 0:
		return w.compose()
	case 1:
		return w.update(chain[0].b)
	}
	return w.revoke(chain[len(chain)-1].b)
}

// play files the newest bulletin with a fault on each platform, and notes what became of it by
// itself and, where a person is needed, after a restart.
func (w *crashWorld) play(ctx context.Context, m *matrix, fault adapterstest.Fault, chain []*filing, step string, cell func(kind string) string) {
	w.t.Helper()
	f := chain[len(chain)-1]
	for _, kind := range simulator.Kinds() {
		if endOf(fault.Kind, step, kind) != "" {
			w.fail(kind, fault)
		}
	}
	if err := w.file(ctx, f); err != nil {
		w.t.Fatal(err)
	}
	if fault.Kind == adapterstest.Down {
		w.settle(ctx, f, nil, func(p ledger.PartState) bool { return p.Attempts > 0 })
		w.clear()
	}
	w.settle(ctx, f, chain, func(p ledger.PartState) bool { return p.Final() || p.State == ledger.StateHeld })
	cells := map[string]string{}
	for _, kind := range simulator.Kinds() {
		cells[kind] = cell(kind)
	}
	w.clear()
	if w.anyHeld(f) {
		w.crash()
		w.come(ctx)
		w.settle(ctx, f, chain, func(p ledger.PartState) bool { return p.Final() && p.State != ledger.StateHeld })
	}
	for kind, before := range cells {
		if endOf(fault.Kind, step, kind) == "" {
			continue // it was not played
		}
		if strings.HasPrefix(before, string(ledger.StateHeld)) {
			before += "; after a restart " + cell(kind)
		}
		m.set(fault.Kind, step, kind, before)
	}
}

// settle waits until ok holds of each post of a bulletin, and of each mark that it makes on the
// posts of those in bearers.
func (w *crashWorld) settle(ctx context.Context, f *filing, bearers []*filing, ok func(ledger.PartState) bool) {
	w.t.Helper()
	for {
		changed := w.desk.ledger.Changed()
		var open []string
		note := func(what string, p ledger.PartState) {
			if !ok(p) {
				open = append(open, fmt.Sprintf("%s is %s (%s)", what, p.State, p.Reason))
			}
		}
		w.eachPart([]*filing{f}, func(_ *filing, channel string, part int, p ledger.PartState) {
			first := w.part(f, channel, 1)
			if part == 1 || first.PostID != "" || first.Final() && first.State != ledger.StateHeld { // else it waits for the first one
				note(fmt.Sprint(channel, "/", part), p)
			}
		})
		for _, c := range f.b.Channels() {
			for i, mark := range f.b.MarksFor(c.Name) {
				// It waits for a post that is held.
				if mark.When == bulletin.AtRelease && w.bears(bearers, c.Name, mark) && w.part(f, c.Name, 1).State != ledger.StateHeld {
					note(fmt.Sprint("mark ", i+1, " on ", c.Name), w.mark(f, c.Name, i+1))
				}
			}
		}
		if len(open) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s-%d came to no end: %q", f.b.Code, f.b.Number, open)
		case <-w.node.proc.done:
			w.t.Fatalf("node %s ended by itself:\n%s", w.node.c.Node, w.node.lastWords())
		case <-changed:
		}
	}
}

// bears reports whether the post that a mark is made on is public, and one of the bearers'.
func (w *crashWorld) bears(bearers []*filing, channel string, mark bulletin.Mark) bool {
	return slices.ContainsFunc(bearers, func(f *filing) bool {
		p := w.part(f, channel, mark.Part)
		return f.b.Number == mark.On && (p.State == ledger.StateVerified || p.State == ledger.StatePosted)
	})
}

// mark returns the state of a mark of the filing's bulletin, as part does of a post.
func (w *crashWorld) mark(f *filing, channel string, n int) ledger.PartState {
	return w.state(f, func(b *ledger.BulletinState) ledger.PartState { return b.Mark(channel, n) })
}

// anyHeld reports whether a post or a mark of the bulletin waits for a person.
func (w *crashWorld) anyHeld(f *filing) (held bool) {
	w.desk.ledger.View(func(s *ledger.State) {
		for _, d := range stateOf(s, f.b).Deliveries {
			for _, p := range slices.Concat(d.Parts, d.Marks) {
				held = held || p.State == ledger.StateHeld
			}
		}
	})
	return held
}

// cellOf says what the ledger makes of a post or a mark, and how often the platform shows it.
func cellOf(fault adapterstest.FaultKind, p ledger.PartState, live int) string {
	state := string(p.State)
	switch {
	case p.State == ledger.StateFailed:
		state += " (" + p.Class + ")"
	case p.Reconciled && answerLost(fault): // under the others a busy machine may keep an answer
		state += " (found)"
	}
	return fmt.Sprintf("%s, %d live", state, live)
}

// markCell says what became of the mark on the bearer's post, "" where there is none.
func (w *crashWorld) markCell(fault adapterstest.FaultKind, f, bearer *filing, kind string) string {
	w.t.Helper()
	i := slices.IndexFunc(f.b.MarksFor(kind), func(m bulletin.Mark) bool { return m.When == bulletin.AtRelease && m.On == bearer.b.Number })
	if i < 0 {
		return ""
	}
	return cellOf(fault, w.mark(f, kind, i+1), w.shownMarks(bearer, f.b.MarksFor(kind)[i]))
}

// shownMarks returns how often the platform shows a mark on the bearer's posts.
func (w *crashWorld) shownMarks(bearer *filing, m bulletin.Mark) (shown int) {
	w.t.Helper()
	for _, post := range w.live(m.Kind, bearer.b) {
		for _, said := range append(slices.Clone(post.Comments), post.Text) {
			if said == m.Text {
				shown++
			}
		}
	}
	return shown
}
