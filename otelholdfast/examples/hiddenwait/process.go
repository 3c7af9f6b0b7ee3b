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

// process is one of the two, seen from the program that started it.
type process struct {
	owner string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string // what it says; closed when it says nothing more
}

// start starts this program again with its job. It is killed when ctx ends.
func (d *demo) start(ctx context.Context, owner string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	j := d.job
	j.Owner = owner
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env, cmd.Stderr = append(os.Environ(), jobEnv+"="+string(text)), d.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", owner, err)
	}
	p := &process{owner: owner, cmd: cmd, stdin: stdin, lines: make(chan string)}
	go p.listen(stdout)
	return p, nil
}

func (p *process) listen(stdout io.Reader) {
	defer close(p.lines)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		p.lines <- lines.Text()
	}
}

// say sends a line.
func (p *process) say(text string) error {
	_, err := fmt.Fprintln(p.stdin, text)
	return err
}

// letGo ends its input, which asks it to unlock and end.
func (p *process) letGo() { _ = p.stdin.Close() }

// end lets it go, drops what it still says, waits, and returns how it went.
func (p *process) end() error {
	p.letGo()
	for range p.lines {
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", p.owner, err)
	}
	return nil
}
