//go:build unix

package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// forwarded are the signals that go to the command.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// heeded are those of them that holdfast was not started to ignore, as nohup has it ignore
// SIGHUP. A signal that is ignored is so in the command, too.
func heeded() (signals []os.Signal) {
	for _, sig := range forwarded {
		if sig == syscall.SIGTERM || !signal.Ignored(sig) {
			signals = append(signals, sig)
		}
	}
	return signals
}

// surviveBrokenPipes makes a write to a pipe that has no reader an error. By default the write
// of a message would end holdfast.
func surviveBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

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

// pauses are the stops that a terminal asks for. Without a group of its own the command gets
// them too, and holdfast has nothing to do. The first process of a machine cannot be stopped.
func (c *command) pauses() (pauses <-chan os.Signal, done func()) {
	if !c.grouped || os.Getpid() == 1 {
		return nil, func() {}
	}
	stops := make(chan os.Signal, 1)
	signal.Notify(stops, syscall.SIGTSTP)
	return stops, func() { signal.Stop(stops) }
}

// pause stops the command and holdfast, which renews nothing then, until holdfast is
// continued. A stop may take effect later than the call that asks for it.
func (c *command) pause() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	c.send(syscall.SIGSTOP)
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	<-continued
	c.send(syscall.SIGCONT)
}

// awaitGroup waits until nothing is left of the command's group, and kills what is left at
// the end of the grace.
func (c *command) awaitGroup() {
	if !c.grouped {
		return
	}
	looks := time.NewTicker(groupTick)
	defer looks.Stop()
	for c.killAt != nil && syscall.Kill(-c.cmd.Process.Pid, 0) == nil {
		select {
		case <-c.killAt:
			c.killAt = nil
			c.kill()
		case <-looks.C:
		}
	}
}

// groupTick is the time between two looks at a group.
const groupTick = 10 * time.Millisecond

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
