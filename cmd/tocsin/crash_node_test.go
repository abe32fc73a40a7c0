package main

// This file holds a node as a process: its folder, its start, its end by SIGKILL,
// and what it wrote on its log.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"tocsin/adapters/simulator"
	"tocsin/broker/alert"
)

// buildTocsin builds the program as it is shipped and returns its path.
func buildTocsin(t *testing.T) string {
	t.Helper()
	gotool, err := exec.LookPath("go")
	if err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatal("the go command is missing: the program under test can't be built")
		}
		t.Skip("the go command is missing: the program under test can't be built")
	}
	path := filepath.Join(t.TempDir(), "tocsin")
	if out, err := exec.CommandContext(t.Context(), gotool, "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// A crashNode is a node's folder, and the process that works on it.
type crashNode struct {
	t       *testing.T
	binary  string
	dir     string
	config  string // path
	c       *config
	secrets map[string]string // by file name
	proc    *crashProcess     // nil while none runs
}

// A crashProcess is one life of a node.
type crashProcess struct {
	cmd     *exec.Cmd
	log     *os.File
	started time.Time
	upAt    time.Time     // when the node said that it is up; to be read after up
	up      chan struct{} // closed when the node says that it is up
	done    chan struct{} // closed when the process is gone
}

// newCrashNode makes a folder with the product's own code, with free addresses on
// loopback and waits that suit a test; each edit is applied to the configuration.
func newCrashNode(t *testing.T, binary, name string, accounts simulator.Accounts, control string, edits ...string) *crashNode {
	t.Helper()
	n := &crashNode{t: t, binary: binary, dir: t.TempDir()}
	site, broker, _ := addresses(t)
	f := fresh{
		Realm: alert.RealmExercise, Node: name, Site: site, Broker: broker,
		Accounts: accounts, Control: strings.TrimPrefix(control, "http://"), Quick: true,
	}
	if err := f.write(t.Context(), n.dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	n.config = filepath.Join(n.dir, "tocsin.yaml")
	n.secrets = f.secrets()
	for name, secret := range n.secrets {
		if secret == "" {
			t.Fatalf("the secret %s is empty: the search for it would prove nothing", name)
		}
	}
	edits = append(edits,
		"timeout: 5s", "timeout: 2s",
		"settle: [0s, 300ms, 1500ms]", "settle: [0s, 100ms, 1500ms]", // a busy machine may take a second to answer what a killed node asked
		"read_back: [0s, 200ms, 600ms, 1500ms, 3s, 6s]", "read_back: [0s, 50ms, 150ms, 400ms, 1s, 3s, 6s]",
	)
	n.edit(edits...)
	t.Cleanup(n.kill)
	return n
}

// edit replaces texts of the configuration, old and new in turn, and reads it anew.
func (n *crashNode) edit(edits ...string) {
	n.t.Helper()
	raw, err := os.ReadFile(n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	text := string(raw)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			n.t.Fatalf("the configuration that tocsin init writes does not hold %q any more: adapt this test", edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	if n.c, err = loadConfig(n.config); err != nil {
		n.t.Fatal(err)
	}
}

// without takes a channel out of the configuration.
func (n *crashNode) without(channel string) {
	n.t.Helper()
	raw, err := os.ReadFile(n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	head := "  - name: " + channel + "\n"
	_, after, ok := strings.Cut(string(raw), head)
	if !ok {
		n.t.Fatalf("the configuration has no channel %s", channel)
	}
	// Channels stand in paragraphs.
	block, _, _ := strings.Cut(after, "\n\n")
	n.edit(head+block, "")
}

// begin starts the node and does not wait for it.
func (n *crashNode) begin() {
	n.t.Helper()
	log, err := os.OpenFile(n.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	p := &crashProcess{
		cmd: exec.Command(n.binary, "serve", "-c", n.config, "--log", "debug"),
		log: log, up: make(chan struct{}), done: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), "TOCSIN_LANG=en")
	p.cmd.Stderr = log
	diesWithUs(p.cmd)
	failed := make(chan error, 1)
	go p.run(failed)
	if err := <-failed; err != nil {
		n.t.Fatal(err)
	}
	n.proc = p
}

// run is the process from its start to its end. It keeps its thread, with which the
// process would die.
func (p *crashProcess) run(failed chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	defer p.log.Close()
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		p.started = time.Now()
		err = p.cmd.Start()
	}
	failed <- err
	if err != nil {
		return
	}
	said := bufio.NewScanner(stdout)
	for up := false; said.Scan(); {
		fmt.Fprintln(p.log, said.Text())
		if !up && strings.Contains(said.Text(), " is up ") {
			up, p.upAt = true, time.Now()
			close(p.up)
		}
	}
	_ = p.cmd.Wait() // it is killed: its status says no more
}

// awaitUp returns when the node is up.
func (n *crashNode) awaitUp(ctx context.Context) error {
	select {
	case <-n.proc.up:
		return nil
	case <-n.proc.done:
		return fmt.Errorf("node %s did not come up: it ended by itself:\n%s", n.c.Node, n.lastWords())
	case <-ctx.Done():
		return fmt.Errorf("node %s did not come up in time:\n%s", n.c.Node, n.lastWords())
	}
}

// kill ends the process as a power cut would end it, and waits until it is gone.
// Killing what does not run is fine.
func (n *crashNode) kill() {
	if n.proc == nil {
		return
	}
	if err := n.proc.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.t.Errorf("kill node %s: %v", n.c.Node, err)
	}
	<-n.proc.done
	n.proc = nil
}

// alive reports whether the process still runs: a node must not end by itself.
func (n *crashNode) alive() bool {
	select {
	case <-n.proc.done:
		return false
	default:
		return true
	}
}

func (n *crashNode) logPath() string { return filepath.Join(n.dir, "log") }

// lastWords returns the end of the node's log, without the broker's chatter.
func (n *crashNode) lastWords() string {
	raw, err := os.ReadFile(n.logPath())
	if err != nil {
		return err.Error()
	}
	var kept []string
	for line := range strings.Lines(string(raw)) {
		if !strings.Contains(line, "level=DEBUG") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-40):], "")
}

// leaks returns the names of the secrets that stand in data, in one of the forms
// in which addresses and headers carry them.
func (n *crashNode) leaks(data []byte) (names []string) {
	all := map[string]string{}
	for name, secret := range n.secrets {
		all[name] = secret
	}
	files := []string{filepath.Join(n.c.abs(n.c.State), "ledger.key")}
	for _, s := range n.c.Broker.Credentials.all() {
		files = append(files, n.c.abs(s.secret.File))
	}
	for _, file := range files {
		if raw, err := os.ReadFile(file); err == nil {
			all[file] = strings.TrimSpace(string(raw))
		}
	}
	for name, secret := range all {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			if form != "" && bytes.Contains(data, []byte(form)) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}
