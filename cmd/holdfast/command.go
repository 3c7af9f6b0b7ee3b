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
}

// started is what came of starting it, or of waiting for it.
type started struct{ begun, ended chan error }

// start starts the command, and waits for it, in a thread that lives as long: on Linux the
// command is killed when the thread that started it ends.
func (c *command) start() started {
	c.cmd = &exec.Cmd{Path: c.path, Args: c.args, Env: c.env, Stdin: c.p.stdin, Stdout: c.p.stdout, Stderr: c.p.stderr}
	c.grouped = prepare(c.cmd, c.p.stdin)
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
func (c *command) supervise(lost <-chan struct{}, signals <-chan os.Signal) (status int, wasLost bool, err error) {
	s := c.start()
	if err := <-s.begun; err != nil {
		return statusCannot, false, err
	}
	var kill <-chan time.Time
	for {
		select {
		case err := <-s.ended:
			if c.cmd.ProcessState == nil {
				return statusFailed, wasLost, err
			}
			return exitStatus(c.cmd.ProcessState), wasLost, nil
		case sig := <-signals:
			c.forward(sig)
		case <-lost:
			lost, wasLost, kill = nil, true, time.After(c.grace)
			fmt.Fprintf(c.p.stderr, "holdfast run: the lock is lost: SIGTERM to the command, SIGKILL in %v\n", c.grace)
			c.terminate()
		case <-kill:
			c.kill()
		}
	}
}
