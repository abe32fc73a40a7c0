package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/broker/ledger"
	"tocsin/broker/ledger/ledgertest"
)

// A brokerElsewhere is a broker in this process on which nodes work over the network.
type brokerElsewhere struct {
	t       *testing.T
	dir     string
	address string
	server  *ledger.Server
	crew    *ledgertest.Crew
}

func newBrokerElsewhere(t *testing.T) *brokerElsewhere {
	t.Helper()
	_, address, _ := addresses(t)
	b := &brokerElsewhere{t: t, dir: filepath.Join(t.TempDir(), "broker"), address: address, crew: ledgertest.NewCrew(t)}
	b.start()
	t.Cleanup(func() { b.server.Stop() })
	// Nodes that come over the network may not make streams.
	l, err := ledger.Open(t.Context(), ledger.Options{Server: b.server, Realm: "exercise", Create: true, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return b
}

func (b *brokerElsewhere) start() {
	b.t.Helper()
	server, err := ledger.StartServer(b.t.Context(), ledger.ServerOptions{Dir: b.dir, Listen: b.address, Users: b.crew.Users})
	if err != nil {
		b.t.Fatal(err) // the earlier server stays for the end of the test to stop
	}
	b.server = server
}

// carries makes the node work on the broker, under the name.
func (b *brokerElsewhere) carries(pg *playground, name string) {
	b.t.Helper()
	raw, err := os.ReadFile(pg.config)
	if err != nil {
		b.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "\n  listen: ")
	listen, _, _ := strings.Cut(rest, "\n")
	pg.hasCredentials(b.crew)
	pg.edit("\n  listen: "+listen+"\n", "\n  url: nats://"+b.address+"\n")
	pg.edit("\nnode: savona-1\n", "\nnode: "+name+"\n")
}

// TestANodeEndsWhenAnotherOneHasItsName starts a copy of a node while posts of it wait for
// their platforms.
func TestANodeEndsWhenAnotherOneHasItsName(t *testing.T) {
	t.Parallel()
	broker := newBrokerElsewhere(t)
	first, second := newPlayground(t), newPlayground(t)
	broker.carries(first, "twin")
	broker.carries(second, "twin")
	sameKeys(t, first.dir, second.dir)
	node := start(t, "serve", "-c", first.config)
	node.says("Node twin is up")
	// The folder is locked although the broker is elsewhere.
	raw, err := os.ReadFile(first.config)
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(first.dir, "beside.yaml")
	if err := os.WriteFile(beside, []byte(strings.ReplaceAll(string(raw), first.site, second.site)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr := expect(t, 1, "serve", "-c", beside); !strings.Contains(stderr, fmt.Sprintf("another process works on this ledger folder (tocsin serve, process %d)", node.cmd.Process.Pid)) {
		t.Errorf("a second process on the folder is told %q", stderr)
	}
	expect(t, 0, "publish", first.signed("b"), "-c", first.config)
	expect(t, 0, "cosign", codeOf(t, filepath.Join(first.dir, "b")), "-c", first.config, "-k", first.key("police"), "--yes")
	node.says("a post was not published") // the platforms are not there

	again := start(t, "serve", "-c", second.config)
	again.says("Node twin is up")
	select {
	case err := <-node.done:
		node.done <- err
	case <-time.After(20 * time.Second):
		t.Fatal("the first node goes on")
	}
	if got := node.cmd.ProcessState.ExitCode(); got != 1 {
		t.Errorf("the first node ends with status %d, want 1", got)
	}
	if log := node.log.String(); strings.Count(log, "another node of the same name was started on this ledger: this one ends") != 1 ||
		!strings.Contains(log, "give each node a name of its own (node in the configuration)") {
		t.Errorf("it does not say why, and what to do, once:\n%s", log)
	}
	again.stop()

	var voids, ends int
	l, err := ledger.Open(t.Context(), ledger.Options{Server: broker.server, Name: "test", Observe: func(e *ledger.Entry, _ error) {
		if e.Record.Type == ledger.NodeStopped {
			ends++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	l.View(func(s *ledger.State) { voids = len(s.Voids) })
	l.Close()
	if voids > 20 {
		t.Errorf("the ledger holds %d records without effect, want those of the moment at most", voids)
	}
	if ends != 2 {
		t.Errorf("%d nodes recorded their end, want both", ends)
	}
}

// TestANodeSaysThatItsLedgerWasChanged puts back an older copy of the ledger under a node
// that runs.
func TestANodeSaysThatItsLedgerWasChanged(t *testing.T) {
	t.Parallel()
	broker := newBrokerElsewhere(t)
	pg := newPlayground(t)
	broker.carries(pg, "savona-9")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-9 is up")
	expect(t, 0, "publish", pg.signed("a"), "-c", pg.config)
	expect(t, 0, "cosign", codeOf(t, filepath.Join(pg.dir, "a")), "-c", pg.config, "-k", pg.key("police"), "--yes")
	node.says("msg=posted")
	broker.server.Stop()
	kept := broker.dir + ".kept"
	if err := os.CopyFS(kept, os.DirFS(broker.dir)); err != nil {
		t.Fatal(err)
	}
	broker.start()
	expect(t, 0, "publish", pg.signed("b"), "-c", pg.config)
	code := codeOf(t, filepath.Join(pg.dir, "b"))
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	node.says("/a/" + code) // it has read what is to be lost

	broker.server.Stop()
	broker.dir = kept
	broker.start()
	node.says("the ledger is not to be trusted any more: what is public is served, nothing is sent")
	// What they say of it is the node's finding, or their own where the checkpoint tells it too.
	for _, args := range [][]string{{"status"}, {"audit", "timeline"}} {
		stdout, _ := expect(t, 0, append(args, "-c", pg.config)...)
		if !strings.HasPrefix(stdout, "ATTENTION: the ledger is not to be trusted: the ") {
			t.Errorf("%v says first %q", args, stdout)
		}
	}
	if _, stderr := expect(t, 3, "publish", pg.signed("c"), "-c", pg.config); !strings.Contains(stderr, "Nothing was written: stop the node, put back a whole copy") {
		t.Errorf("publish says %q", stderr)
	}
	// It has said so once, however often it has looked since.
	node.stop()
	if n := strings.Count(node.log.String(), "the ledger is not to be trusted any more"); n != 1 {
		t.Errorf("it said so %d times, want once", n)
	}
}

// TestALostCheckpointIsAccepted removes records and the checkpoint, and goes the documented
// way out.
func TestALostCheckpointIsAccepted(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	state := filepath.Join(pg.dir, "state")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	node.stop()
	before := filepath.Join(t.TempDir(), "before")
	if err := os.CopyFS(before, os.DirFS(filepath.Join(state, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	node = start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	expect(t, 0, "publish", pg.signed("b"), "-c", pg.config)
	node.stop()
	// The last records go, and what tells it.
	for _, gone := range []string{"jetstream", "checkpoint"} {
		if err := os.RemoveAll(filepath.Join(state, gone)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(state, "jetstream"), os.DirFS(before)); err != nil {
		t.Fatal(err)
	}
	if stdout, _ := expect(t, 3, "audit", "verify", "--state", state); !strings.Contains(stdout, "the folder holds no checkpoint, though it had one") ||
		strings.Contains(stdout, "All is in order") {
		t.Errorf("verify says %s", stdout)
	}
	node = start(t, "serve", "-c", pg.config)
	node.says("holds 4 records and its folder no checkpoint, though it had one")
	if _, stderr := expect(t, 3, "publish", pg.signed("c"), "-c", pg.config); !strings.Contains(stderr, "the ledger is not to be trusted") {
		t.Errorf("publish says %q", stderr)
	}
	node.stop()
	if _, stderr := expect(t, 1, "serve", "-c", pg.config, "--accept-lost-checkpoint", "5"); !strings.Contains(stderr, "this one holds 4: look at it again") {
		t.Errorf("accepting another ledger says %q", stderr)
	}
	node = start(t, "serve", "-c", pg.config, "--accept-lost-checkpoint", "4")
	node.says("the ledger is trusted without its checkpoint, as was asked for")
	node.says("Node savona-1 is up")
	expect(t, 0, "publish", pg.signed("d"), "-c", pg.config)
	node.stop()
	if stdout, _ := expect(t, 0, "audit", "verify", "--state", state); !strings.Contains(stdout, "Record 6: a person accepted the ledger without its checkpoint") {
		t.Errorf("verify says %s", stdout)
	}
	// It counts once.
	node = start(t, "serve", "-c", pg.config, "--accept-lost-checkpoint", "4")
	node.says("there is no lost checkpoint to accept")
	node.says("Node savona-1 is up")
	node.stop()
}
