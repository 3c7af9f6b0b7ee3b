package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// process is a replica, seen from the program that started it.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when it says nothing more
}

// start starts this program again as a replica, and calls onLine for each of its lines.
// The process is killed when ctx ends.
func start(ctx context.Context, s settings, stderr io.Writer, onLine func(line string)) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env, cmd.Stderr = append(os.Environ(), settingsEnv+"="+string(text)), stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a replica: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	go p.read(stdout, onLine)
	return p, nil
}

func (p *process) read(stdout io.Reader, onLine func(line string)) {
	defer close(p.done)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		onLine(lines.Text())
	}
}

// kill kills the process, which gets no chance to clean up.
func (p *process) kill() error { return p.cmd.Process.Kill() }

// end ends the input of the process, which asks it to end, waits for that, and returns
// how it went.
func (p *process) end() error {
	_ = p.stdin.Close()
	<-p.done
	return p.cmd.Wait()
}
