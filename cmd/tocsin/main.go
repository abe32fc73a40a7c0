// Command tocsin writes, signs, publishes and proves emergency alerts.
//
// `tocsin help` lists the commands. Exit status: 0 done, 1 failed, 2 called
// wrongly, 3 refused by policy or verification.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tocsin/broker/bulletin"
	"tocsin/broker/compose"
	"tocsin/broker/ledger"
	"tocsin/broker/signing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	if err != nil && !errors.Is(err, errQuiet) {
		fmt.Fprintf(os.Stderr, "tocsin: %s\n", words(err, language(os.Getenv)))
	}
	os.Exit(exitCode(err))
}

// run is the whole program: it touches nothing of the process but what it is
// given, and the files and addresses that it is told.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) error {
	p := &program{stdin: stdin, out: stdout, err: stderr, getenv: getenv, lang: language(getenv)}
	root := p.root()
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
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
	italian string
	err     error // in English
}

func (e *spokenError) Error() string { return e.err.Error() }
func (e *spokenError) Unwrap() error { return e.err }

// both makes an error for a person who is on duty. Both formats take the same
// arguments; only the English one may wrap an error.
func both(italian, english string, args ...any) error {
	return &spokenError{fmt.Sprintf(italian, args...), fmt.Errorf(english, args...)}
}

// words says an error in the language of the screen; what concerns the
// configuration and the machine is said in English.
func words(err error, lang string) string {
	if lang == "it" {
		if e, ok := errors.AsType[*spokenError](err); ok {
			return e.italian
		}
		if e, ok := errors.AsType[*signing.RefusedError](err); ok {
			return e.Message("it")
		}
		if e, ok := errors.AsType[*bulletin.ChainError](err); ok {
			return e.Message("it")
		}
		if e, ok := errors.AsType[*ledger.RealmError](err); ok {
			return fmt.Sprintf("questo registro è del realm %q, la configurazione del realm %q: usare un'altra cartella; un registro non cambia mai realm", e.Have, e.Want)
		}
	}
	return err.Error()
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
