//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// forwarded are the signals that go to the command.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// ends reports whether a signal ends a wait for the lock.
func ends(sig os.Signal) bool { return sig != syscall.SIGUSR1 && sig != syscall.SIGUSR2 }

func number(sig os.Signal) int { return int(sig.(syscall.Signal)) }

// prepare has the command end with holdfast, where that is possible, and gives it a process
// group, so that what it starts gets its signals too. At a terminal it stays in
// holdfast's: a group in the background could not read from it.
func prepare(cmd *exec.Cmd, stdin *os.File) (grouped bool) {
	grouped = !foreground(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: grouped}
	dieWithParent(cmd.SysProcAttr)
	return grouped
}

// forward hands a signal on. What is typed at a terminal the command gets from that.
func (c *command) forward(sig os.Signal) {
	if !c.grouped && (sig == syscall.SIGINT || sig == syscall.SIGQUIT) {
		return
	}
	c.send(sig.(syscall.Signal))
}

func (c *command) terminate() { c.send(syscall.SIGTERM) }
func (c *command) kill()      { c.send(syscall.SIGKILL) }

// send signals the command or its group. That it has just ended is no matter.
func (c *command) send(sig syscall.Signal) {
	pid := c.cmd.Process.Pid
	if c.grouped {
		pid = -pid
	}
	_ = syscall.Kill(pid, sig)
}

// exitStatus is a command's status as shells have it.
func exitStatus(state *os.ProcessState) int {
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return 128 + int(wait.Signal())
	}
	return state.ExitCode()
}
