package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/broker/ledger"
)

// mostToStop is how long a program may take to end when it is asked to.
const mostToStop = 2 * time.Second

func TestSignalsEndTheDemonstration(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, "demo")
			p.says("Everything stays up")
			checkStop(t, p, sig, 0)
		})
		t.Run(name+"_with_a_platform_down", func(t *testing.T) {
			t.Parallel()
			p := start(t, "demo", "--fault", "telegram=down")
			p.says("x 2/2      verified")
			checkStop(t, p, sig, 0)
		})
	}
	t.Run("once_is_not_done", func(t *testing.T) {
		t.Parallel()
		p := start(t, "demo", "--once", "--fault", "telegram=down")
		p.says("x 2/2      verified")
		checkStop(t, p, os.Interrupt, 1)
		if !strings.Contains(p.log.String(), "interrupted before every channel had ended") {
			t.Errorf("it does not say that it was interrupted:\n%s", p.log.String())
		}
	})
}

// checkStop ends a process and checks its exit status, its time, and that it leaves
// no temporary folder.
func checkStop(t *testing.T, p *process, sig os.Signal, status int) {
	t.Helper()
	took, err := p.end(sig)
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("exit status is %d (%v), want %d", got, err, status)
	}
	if took > mostToStop {
		t.Errorf("it took %v to end, the limit is %v", took, mostToStop)
	}
	left, err := os.ReadDir(p.temp)
	if err != nil || len(left) > 0 {
		t.Errorf("the temporary folder holds %v (%v), want nothing", left, err)
	}
}

func TestSignalsEndANode(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := newPlayground(t)
			node := start(t, "serve", "-c", pg.config)
			node.says("Node savona-1 is up")
			// Work is under way: the platforms are not there.
			expect(t, 0, "publish", pg.signed("b"), "-c", pg.config)
			expect(t, 0, "cosign", codeOf(t, filepath.Join(pg.dir, "b")), "-c", pg.config, "-k", pg.key("police"), "--yes")
			node.says("a post was not published")
			checkStop(t, node, sig, 0)
			if stdout, _ := expect(t, 0, "audit", "verify", "-c", pg.config); !strings.Contains(stdout, "All is in order") {
				t.Errorf("the ledger that it leaves: %s", stdout)
			}
		})
	}
}

// TestOneNodeAFolder starts a node twice on one state folder, also with the broker
// elsewhere: that a node was started again tells the others that its earlier process
// is gone.
func TestOneNodeAFolder(t *testing.T) {
	t.Parallel()
	for name, broker := range map[string]brokerConfig{"own_broker": {}, "broker_elsewhere": {URL: "nats://127.0.0.1:1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := newPlayground(t)
			pg.up()
			c, err := loadConfig(pg.config)
			if err != nil {
				t.Fatal(err)
			}
			c.Site.Listen, c.Broker = "", broker
			if n, err := startNode(t.Context(), c, nodeOptions{getenv: english}); !errors.Is(err, ledger.ErrInUse) {
				t.Errorf("the second one: %v, want that the folder is in use", err)
				if err == nil {
					n.Close(t.Context())
				}
			}
		})
	}
}

func TestSignalEndsTheSimulator(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	p := start(t, "simulate", "--listen", pg.platforms)
	p.says("Simulator up")
	checkStop(t, p, os.Interrupt, 0)
}

// codeOf reads the alert code of a bulletin.
func codeOf(t *testing.T, path string) string {
	t.Helper()
	b, err := readBulletin(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b.Code)
}
