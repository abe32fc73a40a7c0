package main

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// How this system is asked how a terminal is set, and told: at once, or with what was
// typed and not read thrown away.
const (
	getTermios   = unix.TCGETS
	setTermios   = unix.TCSETS
	flushTermios = unix.TCSETSF
)

// putAside stops the process as Ctrl-Z does. The signal goes to the thread that calls, so
// that it has done its work when this returns: one that another thread has still to take
// would find the next question's handler, and put that aside as well.
func putAside() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTSTP)
}
