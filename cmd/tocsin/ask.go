package main

// This file reads what a person answers. Whoever breaks the command off, with Ctrl-C or
// from elsewhere, must not have to answer first.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// errBrokenOff ends a command that was broken off at a question.
var errBrokenOff = both("interrotto: niente è stato firmato", "it was broken off: nothing was signed")

// An input is standard input that nobody is made to wait for once ctx is done.
type input struct {
	ctx  context.Context //nolint:containedctx // of the one run that reads; io.Reader has no place for it
	file *os.File
}

// newInput returns stdin as an input where it is a file, and else as it is: what is no
// file never waits for a person.
func newInput(ctx context.Context, stdin io.Reader) io.Reader {
	if f, ok := stdin.(*os.File); ok {
		return &input{ctx, f}
	}
	return stdin
}

// Read reads as the file does. Once the run is broken off it fails.
func (in *input) Read(b []byte) (int, error) { return in.read(in.ctx, b) }

// read waits until the file has something or ctx is done, whichever comes first, and
// reads then.
func (in *input) read(ctx context.Context, b []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	ended, end, err := os.Pipe() // end is closed when ctx is done, which wakes the poll
	if err != nil {
		return 0, fmt.Errorf("wait for an answer: %w", err)
	}
	defer ended.Close()
	defer end.Close()
	stop := context.AfterFunc(ctx, func() { end.Close() })
	defer stop()
	fds := []unix.PollFd{{Fd: int32(in.file.Fd()), Events: unix.POLLIN}, {Fd: int32(ended.Fd()), Events: unix.POLLIN}} //nolint:gosec // file descriptors fit
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for an answer: %w", err)
		case fds[0].Revents != 0: // also where it can't be waited for: reading says what is wrong
			return in.file.Read(b)
		}
	}
}

// passphrase asks for the key's passphrase, on the terminal or as the first line
// of standard input.
func (p *program) passphrase() ([]byte, error) {
	if in, ok := p.stdin.(*input); ok && term.IsTerminal(int(in.file.Fd())) { //nolint:gosec // a file descriptor fits
		return p.secret(in)
	}
	line, err := readLine(p.stdin.Read)
	if err != nil {
		return nil, fmt.Errorf("the key is protected: give its passphrase on standard input, or put the key into ssh-agent: %w", err)
	}
	return line, nil
}

// secret asks on the terminal for what it must not show. A person who puts the command
// aside (Ctrl-Z) finds the terminal as it was, and is asked again afterwards.
func (p *program) secret(in *input) ([]byte, error) {
	for {
		fmt.Fprint(p.err, p.say("Frase segreta della chiave: ", "Passphrase of the key: "))
		aside, stop := signal.NotifyContext(in.ctx, syscall.SIGTSTP)
		line, err := in.unseen(aside)
		again := aside.Err() != nil && in.ctx.Err() == nil
		stop()
		fmt.Fprintln(p.err)
		if err == nil || !again {
			return line, err
		}
		if err := putAside(); err != nil {
			return nil, fmt.Errorf("put the command aside: %w", err)
		}
	}
}

// unseen reads a line of the terminal that it does not show. However it ends, the
// terminal shows again what is typed; what was typed of a line that was broken off is
// thrown away, or the shell would get it.
func (in *input) unseen(ctx context.Context) (line []byte, err error) {
	fd := int(in.file.Fd()) //nolint:gosec // a file descriptor fits
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, fmt.Errorf("hide what is typed: %w", err)
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &hidden); err != nil {
		return nil, fmt.Errorf("hide what is typed: %w", err)
	}
	defer func() {
		restore := uint(setTermios)
		if err != nil {
			restore = flushTermios
		}
		if failed := unix.IoctlSetTermios(fd, restore, before); failed != nil && err == nil {
			err = fmt.Errorf("show again what is typed: %w", failed)
		}
	}()
	return readLine(func(b []byte) (int, error) { return in.read(ctx, b) })
}

// line reads one line of standard input.
func (p *program) line() (string, error) {
	line, err := readLine(p.stdin.Read)
	return string(line), err
}

// readLine reads one line byte by byte, so that nothing after it is taken away from
// whoever reads next. A line that was broken off is none.
func readLine(read func([]byte) (int, error)) ([]byte, error) {
	var b [1]byte
	var line []byte
	for len(line) < 4096 {
		n, err := read(b[:])
		if n == 1 {
			if b[0] == '\n' {
				return bytes.TrimSuffix(line, []byte("\r")), nil
			}
			line = append(line, b[0])
		}
		if err != nil {
			if len(line) > 0 && errors.Is(err, io.EOF) {
				return line, nil
			}
			return nil, err
		}
	}
	return nil, errors.New("the line is too long")
}
