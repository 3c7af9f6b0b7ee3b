//go:build !unix

package main

import (
	"os"
	"os/exec"
)

// forwarded is what ends a wait. The console sends it to the command by itself.
var forwarded = []os.Signal{os.Interrupt}

func heeded() []os.Signal { return forwarded }

func surviveBrokenPipes() {}

func ends(os.Signal) bool { return true }

func number(os.Signal) int { return 2 }

// prepare can do nothing for a command whose holdfast was killed.
func prepare(*exec.Cmd, *os.File) (grouped bool) { return false }

func (c *command) pauses() (<-chan os.Signal, func()) { return nil, func() {} }

func (c *command) pause() {}

func (c *command) awaitGroup() {}

func (c *command) forward(os.Signal) {}
func (c *command) terminate()        { c.kill() } // there is no SIGTERM
func (c *command) kill()             { _ = c.cmd.Process.Kill() }

func exitStatus(state *os.ProcessState) int { return state.ExitCode() }
