// Package stage is what the examples with several processes have in common and
// is not about locks: the command line, the Redis servers, the start and end of
// the processes, and what is printed. Package crew has what the processes say to
// each other.
package stage

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
)

// embedded is how many embedded Redis servers a demonstration gets, unless the user names
// others.
const embedded = 3

// Job is what one member of the crew has to do, in a process of its own. It has
// to be fit for JSON.
type Job interface {
	Do(ctx context.Context, talk *crew.Talk) error
}

// Demo is one run of a demonstration, which starts the crew.
type Demo interface {
	Run(ctx context.Context) error
}

// Program is an example that runs further processes of itself.
type Program[J Job, D Demo] struct {
	Name  string
	Limit time.Duration  // how long the demonstration, and each process of it, may take
	New   func(*Stage) D // returns the demonstration with its usual size
}

// Main is the main function of the program, in whichever process. It does not
// return.
func (p Program[J, D]) Main() {
	p.PerformMember()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := p.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// PerformMember does the job of this process and ends it, if it is a member of
// the crew. Otherwise it returns.
//
// In either case it turns off go-redis's own log, which has a line for every
// connection that fails. Some examples take servers away on purpose, and errors
// that matter come back from the lock.
func (p Program[J, D]) PerformMember() {
	logging.Disable()
	if crew.IsMember() {
		os.Exit(p.perform())
	}
}

// perform does the job of a member and returns the exit status.
func (p Program[J, D]) perform() int {
	ctx, cancel := context.WithTimeout(context.Background(), p.Limit)
	defer cancel()
	return crew.Perform(func(job J, talk *crew.Talk) error { return job.Do(ctx, talk) })
}

// Run is the whole program but for the process's own parts. It returns the exit
// status: 0 when the demonstration went well, 1 when it did not, and 2 when the
// arguments were wrong. The changes are for tests.
func (p Program[J, D]) Run(ctx context.Context, args []string, stdout, stderr io.Writer, changes ...func(D)) int {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	redis := flags.String("redis", "", demoredis.Usage)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	if err := p.demonstrate(ctx, *redis, stdout, stderr, changes); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		return 1
	}
	return 0
}

// demonstrate finds or starts the nodes and runs the demonstration on them.
func (p Program[J, D]) demonstrate(ctx context.Context, redis string, stdout, stderr io.Writer, changes []func(D)) error {
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	nodes, err := demoredis.Open(redis, embedded)
	if err != nil {
		return err
	}
	defer nodes.Close()
	demo := p.New(&Stage{Nodes: nodes, Out: stdout, Stderr: stderr})
	for _, change := range changes {
		change(demo)
	}
	return demo.Run(ctx)
}
