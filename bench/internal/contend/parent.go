package contend

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
)

// startWithin is how long children may take to be ready, and to end beyond their
// load's own time.
const startWithin = 20 * time.Second

// There runs a load in each of several new processes, at the same time.
func There(processes int, who contestants.Contender, addrs []string, name string, load Load, count Counter) (m Measured, err error) {
	text, err := json.Marshal(order{Who: who.Name(), Addrs: addrs, Name: name, Load: load})
	if err != nil {
		return m, err
	}
	limit := startWithin + load.Warmup + load.Window + load.Patience
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()

	var children family
	defer func() { err = errors.Join(err, children.end(err != nil)) }()
	for range processes {
		c, err := startChild(ctx, string(text))
		if err != nil {
			return m, err
		}
		children = append(children, c)
	}
	if err := children.awaitReady(); err != nil {
		return m, err
	}
	requests, err := counted(load, count, func() (err error) {
		m.Parties, err = children.run()
		return err
	})
	m.Requests, m.Window = requests, load.Window
	return m, err
}

// child is a process at work.
type child struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *bufio.Reader
	errors strings.Builder
}

// startChild runs this program as a child, until ctx ends.
func startChild(ctx context.Context, order string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self)}
	c.cmd.Env = append(os.Environ(), orderVariable+"="+order)
	c.cmd.Stderr = &c.errors
	input, errInput := c.cmd.StdinPipe()
	output, errOutput := c.cmd.StdoutPipe()
	if err := errors.Join(errInput, errOutput); err != nil {
		return nil, err
	}
	c.input, c.output = input, bufio.NewReader(output)
	return c, c.cmd.Start()
}

func (c *child) awaitReady() error {
	line, err := c.output.ReadString('\n')
	if err == nil && strings.TrimSpace(line) != ready {
		err = fmt.Errorf("said %q", line)
	}
	return err
}

func (c *child) read() (result Result, err error) {
	err = json.NewDecoder(c.output).Decode(&result)
	return result, err
}

// end waits for the process, and returns what it had to say if it failed. It is
// killed if it is of no use any more.
func (c *child) end(kill bool) error {
	if kill {
		_ = c.cmd.Process.Kill()
	}
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("child: %w: %s", err, strings.TrimSpace(c.errors.String()))
	}
	return nil
}

// family is all children of one load.
type family []*child

func (f family) awaitReady() error {
	for _, c := range f {
		if err := c.awaitReady(); err != nil {
			return err
		}
	}
	return nil
}

// run starts the load in all of them and reads their results.
func (f family) run() ([]Result, error) {
	for _, c := range f {
		if _, err := fmt.Fprintln(c.input, "go"); err != nil {
			return nil, err
		}
	}
	results := make([]Result, len(f))
	for i, c := range f {
		var err error
		if results[i], err = c.read(); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (f family) end(kill bool) error {
	var err error
	for _, c := range f {
		err = errors.Join(err, c.end(kill))
	}
	return err
}
