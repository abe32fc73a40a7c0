package main

import (
	"os/exec"
	"syscall"
)

// diesWithUs has the kernel end the process when the thread that starts it ends:
// a test that is stopped by its time limit leaves no node behind.
func diesWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
