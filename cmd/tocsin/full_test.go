package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/broker/ledger"
)

// TestFullDisk runs a node on a disk that really fills up: it stays up and says so,
// loses nothing that it took, and goes on when it is started again with room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	disk := newSmallDisk(t, "8m")
	pg.edit("\nstate: state\n", "\nstate: "+filepath.Join(disk.dir, "state")+"\n")
	simulator := start(t, "simulate", "--listen", pg.platforms)
	simulator.says("Simulator up")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	node.says("the disk of the ledger is nearly full")

	// One alert waits for its co-signature when the disk fills.
	waiting := pg.signed("waiting")
	expect(t, 0, "publish", waiting, "-c", pg.config)
	code := codeOf(t, waiting)
	kept := pg.fill(disk)

	// A command says it at once, and what was not taken is said to be so.
	late := pg.signed("late")
	_, stderr := expect(t, 1, "publish", late, "-c", pg.config)
	if want := "the ledger's store is full: make room on its disk or raise broker.max_bytes, then start the node again"; !strings.Contains(stderr, want) {
		t.Errorf("publish on a full disk says %q, want %q in it", stderr, want)
	}

	// A co-signature would release an alert that can't be sent.
	if _, stderr := expect(t, 1, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes"); !strings.Contains(stderr, "make room on its disk") {
		t.Errorf("cosign on a full disk says %q", stderr)
	}
	if stdout, _ := expect(t, 0, "status", "-c", pg.config); !strings.HasPrefix(stdout, "ATTENTION: the node sends nothing: the ledger's store is full") ||
		!strings.Contains(stdout, "What is public may not be recorded yet") || strings.Contains(stdout, "nothing was handed in") {
		t.Errorf("status on a full disk says %q", stdout)
	}
	if err := awaitAnswer(t.Context(), "http://"+pg.site+"/"); err != nil {
		t.Errorf("the site of a node with a full disk: %v", err)
	}
	node.stop()

	// With room it goes on where it was.
	disk.grow("64m")
	node = start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	for _, alert := range kept {
		expect(t, 0, "status", alert, "-c", pg.config)
	}
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	stdout, _ := expect(t, 0, "status", code, "-c", pg.config, "--watch")
	if n := strings.Count(stdout, " verified"); n < 5 {
		t.Errorf("the alert that waited was verified on %d channels, want 5:\n%s", n, stdout)
	}
	for _, kind := range kinds()[1:] {
		want := 1
		if kind == "x" {
			want = 2 // one for each language
		}
		if posts, err := livePosts(t.Context(), "http://"+pg.platforms, kind, code); err != nil || posts != want {
			t.Errorf("%s shows %d posts (%v), want %d", kind, posts, err, want)
		}
	}
	expect(t, 0, "publish", late, "-c", pg.config)
	if stdout, _ := expect(t, 0, "audit", "verify", "-c", pg.config); !strings.Contains(stdout, "All is in order") {
		t.Errorf("the ledger is not whole: %s", stdout)
	}
	node.stop()
}

// TestAStartOnAFullDisk starts a node where nothing can be written any more: the public
// still finds what was released.
func TestAStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	disk := newSmallDisk(t, "9m")
	pg.edit("\nstate: state\n", "\nstate: "+filepath.Join(disk.dir, "state")+"\n")
	simulator := start(t, "simulate", "--listen", pg.platforms)
	simulator.says("Simulator up")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	path := pg.signed("b")
	code := codeOf(t, path)
	expect(t, 0, "publish", path, "-c", pg.config)
	expect(t, 0, "cosign", code, "-c", pg.config, "-k", pg.key("police"), "--yes")
	expect(t, 0, "status", code, "-c", pg.config, "--watch")
	node.stop()
	disk.stuff()

	// What is left of the last page on the disk takes the records of some starts.
	for starts := 1; ; starts++ {
		node = start(t, "serve", "-c", pg.config)
		node.says("Node savona-1 is up")
		if strings.Contains(node.log.String(), "the ledger takes no more records: what is public is served, nothing is sent; make room on its disk, then start the node again") {
			break
		}
		if starts == 40 {
			t.Fatal("the disk takes records without end")
		}
		node.stop()
	}
	node.says("ATTENTION: the node sends nothing: append to the ledger on ledger.node.savona-1: the ledger's store is full")
	for _, page := range []string{"/", "/a/" + code} {
		if body, err := fetch(t.Context(), "http://"+pg.site+page); err != nil || !strings.Contains(string(body), code) {
			t.Errorf("the page %s of a node that was started on a full disk: %v\n%s", page, err, body)
		}
	}
	if stdout, _ := expect(t, 0, "status", "-c", pg.config); !strings.HasPrefix(stdout, "ATTENTION: the node sends nothing: the ledger's store is full") ||
		strings.Contains(stdout, "not to be trusted") {
		t.Errorf("status says %q", stdout)
	}
	node.stop()

	disk.grow("64m")
	node = start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	expect(t, 0, "publish", pg.signed("after"), "-c", pg.config)
	if stdout, _ := expect(t, 0, "audit", "verify", "-c", pg.config); !strings.Contains(stdout, "All is in order") {
		t.Errorf("the ledger is not whole: %s", stdout)
	}
	node.stop()
}

// fill hands in bulletins until the disk is full, fills the last of it with something
// else, and returns the codes of those that were taken.
func (pg *playground) fill(disk *smallDisk) (codes []string) {
	pg.t.Helper()
	for i := range 100 {
		path := pg.signed(fmt.Sprintf("b%d", i))
		_, _, err := call(pg.t, "publish", path, "-c", pg.config)
		if err != nil {
			if !errors.Is(err, ledger.ErrFull) {
				pg.t.Errorf("a full disk is reported as %v", err)
			}
			disk.stuff()
			return codes
		}
		codes = append(codes, codeOf(pg.t, path))
	}
	pg.t.Fatal("the disk did not fill up")
	return nil
}

// A smallDisk is a file system in memory that is as large as the test wants.
type smallDisk struct {
	t   *testing.T
	dir string
}

// newSmallDisk mounts a small disk, which needs root.
func newSmallDisk(t *testing.T, size string) *smallDisk {
	t.Helper()
	d := &smallDisk{t: t, dir: t.TempDir()}
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size="+size, "tocsin-test", d.dir).CombinedOutput(); err != nil {
		skipOrFail(t, "a small disk can't be mounted (root on Linux can): %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "umount", "-l", d.dir).CombinedOutput(); err != nil {
			t.Errorf("unmount the small disk: %v: %s", err, out)
		}
	})
	return d
}

// stuff fills what is free.
func (d *smallDisk) stuff() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "stuffing"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}

// grow takes the stuffing away and gives the disk more room.
func (d *smallDisk) grow(size string) {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "stuffing")); err != nil {
		d.t.Fatal(err)
	}
	if out, err := exec.CommandContext(d.t.Context(), "mount", "-o", "remount,size="+size, d.dir).CombinedOutput(); err != nil {
		d.t.Fatalf("make the disk larger: %v: %s", err, out)
	}
}

// TestWriteLimit lets the kernel refuse what the node writes, by a limit on the size
// of its files: it needs no root. The disk has room, so that the broker alone knows.
func TestWriteLimit(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	// ulimit -f counts blocks of 512 bytes in a POSIX shell, of 1024 in some.
	node := startAs(t, "sh", "-c", `ulimit -f 6000 && exec tocsin serve -c "$0"`, pg.config)
	node.says("Node savona-1 is up")
	var codes []string
	for i := range 20 {
		path := pg.signed(fmt.Sprintf("b%d", i))
		if _, _, err := call(t, "publish", path, "-c", pg.config); err != nil {
			if !strings.Contains(err.Error(), "the disk of its ledger may be full") {
				t.Errorf("a broker that can't write is reported as %v", err)
			}
			break
		}
		codes = append(codes, codeOf(t, path))
	}
	if len(codes) == 0 || len(codes) == 20 {
		t.Fatalf("%d bulletins were taken, want some", len(codes))
	}
	node.says("the ledger takes no more records: what is public is served, nothing is sent; make room on its disk, then start the node again")
	expect(t, 0, "status", "-c", pg.config)
	node.stop()

	node = start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	for _, code := range codes {
		expect(t, 0, "status", code, "-c", pg.config)
	}
	expect(t, 0, "publish", pg.signed("after"), "-c", pg.config)
	node.stop()
}

// TestMaxBytes fills the ledger up to broker.max_bytes: an alert in force can still be revoked
// then, and who runs the node was told before.
func TestMaxBytes(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.edit("broker:\n", "broker:\n  max_bytes: 12000000\n")
	node := start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	simulator := start(t, "simulate", "--listen", pg.platforms)
	simulator.says("Simulator up")
	first := pg.signed("first")
	expect(t, 0, "publish", first, "-c", pg.config)
	waiting := pg.signed("waiting")
	expect(t, 0, "publish", waiting, "-c", pg.config)
	expect(t, 0, "cosign", codeOf(t, first), "-c", pg.config, "-k", pg.key("police"), "--yes")
	expect(t, 0, "status", codeOf(t, first), "-c", pg.config, "--watch")
	var last string
	codes := 2
	for ; codes < 20; codes++ {
		last = pg.signed(fmt.Sprintf("b%d", codes))
		if _, _, err := call(t, "publish", last, "-c", pg.config); err != nil {
			if exitCode(err) != 1 || !errors.Is(err, ledger.ErrFull) {
				t.Errorf("a full ledger is reported as %v", err)
			}
			break
		}
	}
	if codes == 2 || codes == 20 {
		t.Fatalf("%d bulletins were taken, want some", codes)
	}
	if stdout, _ := expect(t, 0, "audit", "verify", "-c", pg.config); strings.Count(stdout, "are kept for revocations; nothing was handed in") != 1 {
		t.Errorf("the ledger does not say once that a bulletin found no room: %s", stdout)
	}
	node.says("the ledger is nearly full: raise broker.max_bytes and start the node again")
	if stdout, _ := expect(t, 0, "status", "-c", pg.config); !strings.HasPrefix(stdout, "ATTENTION: the ledger is ") {
		t.Errorf("status of a ledger that is nearly full says %q", stdout)
	}
	expect(t, 0, "cancel", codeOf(t, first), "-c", pg.config, "-k", pg.key("officer"), "--yes")
	if stdout, _ := expect(t, 0, "status", codeOf(t, first), "-c", pg.config, "--watch"); !strings.Contains(stdout, "bulletin 2  x ") || strings.Contains(stdout, "held") {
		t.Errorf("the revocation in a ledger that is nearly full went so:\n%s", stdout)
	}
	node.stop()

	// The words of the error hold: with a higher bound it goes on.
	pg.edit("max_bytes: 12000000", "max_bytes: 400000000")
	node = start(t, "serve", "-c", pg.config)
	node.says("Node savona-1 is up")
	expect(t, 0, "publish", last, "-c", pg.config)
	stdout, _ := expect(t, 0, "status", "-c", pg.config)
	if got := strings.Count(stdout, "bulletin 1 (Alert)"); got != codes+1 {
		t.Errorf("the ledger holds %d alerts, want %d", got, codes+1)
	}
	node.stop()
}

// TestAStoreThatIsFloodedStopsNobody fills the store of bulletins past the commands, as the thief
// of a broker credential would: what was released is revoked all the same.
func TestAStoreThatIsFloodedStopsNobody(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	pg.edit("broker:\n", "broker:\n  max_bytes: 12000000\n")
	n := pg.up()
	first := pg.signed("first")
	expect(t, 0, "publish", first, "-c", pg.config)
	expect(t, 0, "cosign", codeOf(t, first), "-c", pg.config, "-k", pg.key("police"), "--yes")
	for _, size := range []int{3 << 20, 200 << 10, 10 << 10} {
		var err error
		for i := 0; err == nil && i < 100; i++ {
			junk := make([]byte, size)
			copy(junk, fmt.Sprint(size, i))
			_, err = n.ledger.PutBlob(t.Context(), junk)
		}
		if !errors.Is(err, ledger.ErrFull) {
			t.Fatalf("flooded with %d bytes each: %v, want a full store", size, err)
		}
	}
	for _, verb := range []string{"correct", "cancel"} {
		expect(t, 0, verb, codeOf(t, first), "-c", pg.config, "-k", pg.key("officer"), "--yes")
	}
	if stdout, _ := expect(t, 0, "audit", "verify", "-c", pg.config); !strings.Contains(stdout, "All is in order.") {
		t.Errorf("audit verify says %s", stdout)
	}
}
