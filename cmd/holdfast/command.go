package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// command is the process that run starts.
type command struct {
	path  string
	args  []string
	env   []string
	p     *program
	grace time.Duration

	cmd     *exec.Cmd
	grouped bool // it has a process group of its own

	lost   bool             // its lock was
	killAt <-chan time.Time // when it is killed; nil before the loss, and after SIGKILL
	said   chan struct{}    // closed when the loss was reported
}

// started is what came of starting it, or of waiting for it.
type started struct{ begun, ended chan error }

// start starts the command, and waits for it, in a thread that lives as long: on Linux the
// command is killed when the thread that started it ends.
func (c *command) start() started {
	s := started{make(chan error, 1), make(chan error, 1)}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		s.begun <- err
		if err == nil {
			s.ended <- c.cmd.Wait()
		}
	}()
	return s
}

// supervise runs the command to its end. It gets the signals that come, and is ended when
// the lock is lost.
func (c *command) supervise(lost <-chan struct{}, signals <-chan os.Signal) (status int, err error) {
	c.cmd = &exec.Cmd{Path: c.path, Args: c.args, Env: c.env, Stdin: c.p.stdin, Stdout: c.p.stdout, Stderr: c.p.stderr}
	c.grouped = prepare(c.cmd, c.p.stdin)
	pauses, done := c.pauses() // before the command runs
	defer done()
	s := c.start()
	if err := <-s.begun; err != nil {
		return statusCannot, err
	}
	for {
		select {
		case err := <-s.ended:
			return c.finish(err)
		case sig := <-signals:
			c.forward(sig)
		case <-pauses:
			c.pause()
		case <-lost:
			lost = nil
			c.lose()
		case <-c.killAt:
			c.killAt = nil
			c.kill()
		}
	}
}

// lose ends the command, whose lock was lost. The report does not hold that up: it may go to
// a pipe that is full.
func (c *command) lose() {
	c.lost, c.killAt, c.said = true, time.After(c.grace), make(chan struct{})
	c.terminate()
	go func() {
		defer close(c.said)
		fmt.Fprintf(c.p.stderr, "holdfast run: the lock is lost: SIGTERM to the command, SIGKILL in %v\n", c.grace)
	}()
}

// finish sees to what the command leaves, and returns its status. After a loss nothing of its
// group may run for longer than the grace.
func (c *command) finish(err error) (int, error) {
	if c.lost {
		c.awaitGroup()
		<-c.said
	}
	if c.cmd.ProcessState == nil {
		return statusFailed, err
	}
	return exitStatus(c.cmd.ProcessState), nil
}
