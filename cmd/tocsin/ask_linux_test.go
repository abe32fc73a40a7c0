package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// aTerminal opens a terminal for the time of a test.
func aTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, terminal, err := openTerminal()
	if err != nil {
		skipOrFail(t, "there are no terminals here: %v", err)
	}
	t.Cleanup(func() {
		_ = terminal.Close()
		_ = keyboard.Close()
	})
	return keyboard, terminal
}

// echoes waits until the terminal shows what is typed, or does not.
func echoes(t *testing.T, terminal *os.File, want bool) {
	t.Helper()
	limit := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		set, err := unix.IoctlGetTermios(int(terminal.Fd()), getTermios) //nolint:gosec // a file descriptor fits
		if err != nil {
			t.Fatal(err)
		}
		if (set.Lflag&unix.ECHO != 0) == want {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("the terminal shows what is typed: %t, want %t", !want, want)
		}
		<-tick.C
	}
}

func typed(t *testing.T, keyboard *os.File, keys string) {
	t.Helper()
	if _, err := keyboard.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// TestBrokenOffAtTerminal presses Ctrl-C, and ends sign from elsewhere, at each of its
// questions: the terminal is as before, and what was typed of a passphrase is nobody's.
func TestBrokenOffAtTerminal(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	b := pg.compose("b")
	protected := protectedKey(t)
	const passphrase, question = "Passphrase of the key: ", "nothing else signs): "
	for name, c := range map[string]struct {
		key, asks, keys string
		sig             os.Signal
	}{
		"passphrase_key":       {protected, passphrase, "giu\x03", nil},
		"passphrase_terminate": {protected, passphrase, "giu", syscall.SIGTERM},
		"question_key":         {pg.key("officer"), question, "SI\x03", nil},
		"question_terminate":   {pg.key("officer"), question, "SI", syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyboard, terminal := aTerminal(t)
			p := startWith(t, terminal, &syscall.SysProcAttr{Setsid: true, Setctty: true}, "tocsin", "sign", b, "-k", c.key)
			p.says(c.asks)
			if c.asks == passphrase {
				echoes(t, terminal, false)
			}
			typed(t, keyboard, c.keys)
			var how error
			if c.sig != nil {
				_, how = p.end(c.sig)
			} else {
				select {
				case how = <-p.done:
				case <-time.After(20 * time.Second):
					t.Fatal("Ctrl-C does not end it")
				}
			}
			p.brokenOff(how, b)
			echoes(t, terminal, true)
			if c.asks == passphrase { // what comes after it, and nothing before, is for whoever reads next
				typed(t, keyboard, "poi\n")
				got := make([]byte, 64)
				n, err := terminal.Read(got)
				if err != nil || string(got[:n]) != "poi\n" {
					t.Errorf("the terminal still holds %q (%v)", got[:n], err)
				}
			}
		})
	}
}

// TestPutAside presses Ctrl-Z at the passphrase: it is asked for again, hidden again.
func TestPutAside(t *testing.T) {
	t.Parallel()
	pg := newPlayground(t)
	b := pg.compose("b")
	keyboard, terminal := aTerminal(t)
	p := startWith(t, terminal, &syscall.SysProcAttr{Setsid: true, Setctty: true}, "tocsin", "sign", b, "-k", protectedKey(t))
	p.says("Passphrase of the key: ")
	echoes(t, terminal, false)
	typed(t, keyboard, "giu\x1a") // no shell holds the command, so that the system goes on with it at once
	p.says("Passphrase of the key: \nPassphrase of the key: ")
	echoes(t, terminal, false)
	typed(t, keyboard, "giusta\n")
	p.says("nothing else signs): ")
	echoes(t, terminal, true)
	typed(t, keyboard, firstWord(strings.ReplaceAll(p.log.String(), "\r\n", "\n"))+"\n")
	if err := <-p.done; err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.log.String(), "giu") {
		t.Error("the passphrase was shown")
	}
	if _, err := os.Stat(b + ".officer.sig"); err != nil {
		t.Error(err)
	}
}
