// Command tocsin writes, signs, publishes and proves emergency alerts.
//
// `tocsin help` lists the commands. Exit status: 0 done, 1 failed, 2 called
// wrongly, 3 refused by policy or verification.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"tocsin/broker/alert"
	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

// spareProcessors is how many threads more than the machine has processors may run Go
// code. The broker syncs every write, and the runtime leaves a thread its processor
// while it waits for the disk, for milliseconds: on two cores nothing else but one
// goroutine would run then, just when the posts go out.
const spareProcessors = 2

func main() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spareProcessors)
	}
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // under nohup a terminal may go away
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	if err != nil && !errors.Is(err, errQuiet) {
		p := &program{lang: language(os.Getenv)}
		fmt.Fprintf(&legible{Writer: os.Stderr}, "tocsin: %s\n", p.words(err))
	}
	os.Exit(exitCode(err))
}

// run is the whole program: it touches nothing of the process but what it is
// given, and the files and addresses that it is told.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) error {
	out := &output{Writer: stdout}
	p := &program{stdin: newInput(ctx, stdin), out: &legible{Writer: out}, err: &legible{Writer: stderr}, getenv: getenv, lang: language(getenv)}
	root := p.root()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return err
	}
	if err := out.failed(); err != nil {
		return both("non tutto ciò che il comando ha detto è stato scritto: %v; ciò che ha fatto resta fatto: fare posto, e rileggere con tocsin status",
			"not all that the command said could be written: %w; what it did stands: make room, and read it again with tocsin status", err)
	}
	return nil
}

// An output is the program's standard output. It remembers that something could not be
// written: whoever keeps a proof in a file must not be told that it is whole.
type output struct {
	io.Writer

	mu    sync.Mutex
	first error
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.first = cmp.Or(o.first, err)
	}
	return n, err
}

// failed returns why something was not written, nil where all was.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first
}

// errQuiet ends the program with status 1 when all has been said already.
var errQuiet = errors.New("not everything succeeded")

// A usageError says that the program was called wrongly.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// A refusedError says that policy or verification forbids what was asked.
type refusedError struct{ err error }

func (e refusedError) Error() string { return e.err.Error() }
func (e refusedError) Unwrap() error { return e.err }

func refused(format string, args ...any) error { return refusedError{fmt.Errorf(format, args...)} }

// A spokenError says the same in both languages of the screen.
type spokenError struct {
	italian string // format
	args    []any
	err     error // in English
}

func (e *spokenError) Error() string { return e.err.Error() }
func (e *spokenError) Unwrap() error { return e.err }

// both makes an error of the commands in both languages. Both formats take the same
// arguments in the same order; only the English one may wrap an error. The last
// section of phrases.txt has them too, for records that hold such an error.
func both(italian, english string, args ...any) error {
	return &spokenError{italian, args, fmt.Errorf(english, args...)}
}

// words says an error in the language of the screen.
func (p *program) words(err error) string {
	bare := err
	for {
		if e, ok := bare.(usageError); ok { //nolint:errorlint // what wraps it otherwise has words of its own
			bare = e.err
		} else if e, ok := bare.(refusedError); ok { //nolint:errorlint // as above
			bare = e.err
		} else {
			break
		}
	}
	if e, ok := bare.(*spokenError); ok && p.lang != "en" { //nolint:errorlint // as above
		args := slices.Clone(e.args)
		for i := range args {
			if cause, ok := args[i].(error); ok {
				args[i] = p.words(cause)
			}
		}
		return fmt.Sprintf(e.italian, args...)
	}
	text := p.read(err.Error())
	_, found := errors.AsType[alert.Findings](err)
	_, linted := errors.AsType[compose.LintError](err)
	if found || linted {
		// Findings that follow each other get a line each.
		return strings.ReplaceAll(text, " | ", "\n  ")
	}
	return text
}

// exitCode maps an error to the program's exit status.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	if _, ok := errors.AsType[refusedError](err); ok {
		return 3
	}
	if _, ok := errors.AsType[*signing.RefusedError](err); ok {
		return 3
	}
	if _, ok := errors.AsType[*bulletin.SyntaxError](err); ok {
		return 3
	}
	if _, ok := errors.AsType[*bulletin.ChainError](err); ok {
		return 3
	}
	if _, ok := errors.AsType[compose.LintError](err); ok {
		return 3
	}
	if _, ok := errors.AsType[*compose.FitError](err); ok {
		return 3
	}
	if _, ok := errors.AsType[*ledger.RealmError](err); ok {
		return 3
	}
	return 1
}
