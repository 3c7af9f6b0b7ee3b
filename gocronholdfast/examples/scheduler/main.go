// Scheduler shows gocron's jobs in two processes, in both ways of gocronholdfast. It
// needs nothing but Go; in the folder gocronholdfast:
//
//	go run ./examples/scheduler
//
// Each process has the same two jobs. The report is due once a tick in both, and a
// Locker lets one of them run it, whichever comes first. The cleanup is run by the
// leader alone, which an Elector knows. Then the leader is killed: it cannot give
// its leases back, so the other one leads, and reports, when they have ended.
//
// The locks live on three small Redis servers embedded in this program. To use your own:
//
//	go run ./examples/scheduler -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when no tick was run twice and no two processes led at the same
// time, 1 when it was otherwise or something failed, and 2 when the arguments were wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// limit is how long the demonstration, and each process of it, may take. It normally
// needs some ten seconds.
const limit = 2 * time.Minute

func main() {
	performReplica()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole program but for the replicas' part, and returns the exit status. The
// changes are for tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, changes ...func(*demo)) int {
	flags := flag.NewFlagSet("scheduler", flag.ContinueOnError)
	flags.SetOutput(stderr)
	redis := flags.String("redis", "", "`host:port,host:port,…` of independent Redis servers to use in place of embedded ones")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	if err := demonstrate(ctx, *redis, stdout, stderr, changes); err != nil {
		fmt.Fprintf(stderr, "scheduler: %v\n", err)
		return 1
	}
	return 0
}

// demonstrate finds or starts the servers and runs the demonstration on them.
func demonstrate(ctx context.Context, redis string, stdout, stderr io.Writer, changes []func(*demo)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	addrs, stop, err := servers(redis)
	if err != nil {
		return err
	}
	defer stop()
	d := newDemo(addrs, stdout, stderr)
	for _, change := range changes {
		change(d)
	}
	return d.run(ctx)
}
