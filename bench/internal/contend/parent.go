package contend

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
)

// startWithin is how long children may take to be ready, and to end beyond their
// load's own time. A variable, so that a test need not wait as long.
var startWithin = 20 * time.Second

// There runs a load in each of several new processes, at the same time. When one
// of them fails, or does not end in time, all are killed: that is no error, and
// what was measured has a Failure and nothing else.
func There(processes int, who contestants.Contender, addrs []string, name string, load Load, count Counter) (m Measured, err error) {
	text, err := json.Marshal(order{Who: who.Name(), Addrs: addrs, Name: name, Load: load})
	if err != nil {
		return m, err
	}
	limit := startWithin + load.Warmup + load.Window + load.Patience
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()

	children, err := startChildren(ctx, cancel, processes, string(text))
	if err != nil {
		return m, err
	}
	m.Window = load.Window
	failed := children.each(cancel, func(_ int, c *child) error { return c.awaitReady() })
	if failed == nil {
		m.Requests, err = counted(load, count, func() error {
			m.Parties, failed = children.run(cancel)
			return nil
		})
	}
	if failure := children.end(ctx, failed); failure != "" {
		m = Measured{Failure: failure}
	}
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
	c.cmd.Stderr, c.cmd.WaitDelay = &c.errors, startWithin
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

func (c *child) write(line string) error {
	_, err := fmt.Fprintln(c.input, line)
	return err
}

func (c *child) read() (result Result, err error) {
	err = json.NewDecoder(c.output).Decode(&result)
	return result, err
}

// died says how a process failed that has ended by itself: "" if it was killed, or
// had done its work.
func (c *child) died() string {
	if c.cmd.ProcessState.ExitCode() <= 0 {
		return ""
	}
	said, _, _ := strings.Cut(strings.TrimSpace(c.errors.String()), "\n")
	return fmt.Sprintf("died: %s: %.200s", c.cmd.ProcessState, said)
}

// family is all children of one load.
type family []*child

func startChildren(ctx context.Context, cancel func(), processes int, order string) (f family, err error) {
	for range processes {
		c, err := startChild(ctx, order)
		if err != nil {
			cancel()
			f.end(ctx, err)
			return nil, err
		}
		f = append(f, c)
	}
	return f, nil
}

// each waits for something of all processes at once. At the first failure it calls
// cancel, which kills them all.
func (f family) each(cancel func(), await func(i int, c *child) error) error {
	failures := make([]error, len(f))
	var awaiting sync.WaitGroup
	for i, c := range f {
		awaiting.Go(func() {
			if failures[i] = await(i, c); failures[i] != nil {
				cancel()
			}
		})
	}
	awaiting.Wait()
	return cmp.Or(failures...)
}

// run starts the load in all of them, reads their results, and then lets them end.
func (f family) run(cancel func()) ([]Result, error) {
	results := make([]Result, len(f))
	err := f.each(cancel, func(i int, c *child) (err error) {
		if err = c.write("go"); err == nil {
			results[i], err = c.read()
		}
		return err
	})
	if err == nil {
		err = f.each(cancel, func(_ int, c *child) error { return c.write("end") })
	}
	return results, err
}

// end waits for all processes, and returns how the load has failed: what became of
// the first process that ended by itself, else that they hung until the end of ctx.
// It returns "" if all went well.
func (f family) end(ctx context.Context, failed error) (failure string) {
	for _, c := range f {
		err := c.cmd.Wait()
		failure, failed = cmp.Or(failure, c.died()), cmp.Or(failed, err)
	}
	switch {
	case failed == nil || failure != "":
		return failure
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "stuck"
	}
	return fmt.Sprintf("died: %s", failed)
}
