//go:build !linux

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// How this system is asked how a terminal is set, and told: at once, or with what was
// typed and not read thrown away.
const (
	getTermios   = unix.TIOCGETA
	setTermios   = unix.TIOCSETA
	flushTermios = unix.TIOCSETAF
)

// putAside stops the process as Ctrl-Z does.
func putAside() error { return unix.Kill(os.Getpid(), unix.SIGTSTP) }
