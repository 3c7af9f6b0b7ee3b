// Hiddenwait makes a wait visible that nothing in the code shows. It needs nothing but Go;
// in the folder otelholdfast:
//
//	go run ./examples/hiddenwait
//
// Two processes use one mutex. One is slow: it holds the lock for as long as this program
// wants. The other one serves a request, which needs the lock for a moment, and waits. It has
// hooks: otelholdfast's, with an in-memory reader of metrics and spans, LogHooks, and
// HolderHooks, which ask the server who is in the way. The wait is then shown four times, each
// time with the owner that the slow process gave to WithOwner:
//
//   - metrics: pending_requests while the call waits, then wait_time with the holder
//   - log: that the call waits, and again that it has waited
//   - trace: the request's span has a child that is nearly as long
//   - holdfast show: the holder, since when it holds the lock, and that a call waits. The
//     command is compiled for that.
//
// The lock lives on a small Redis server embedded in this program. To use your own:
//
//	go run ./examples/hiddenwait -redis host:6379
//
// The exit status is 0 when all four have named the holder, 1 when one has not or something
// failed, and 2 when the arguments were wrong.
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

	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
)

// limit is how long the demonstration, and each process of it, may take. It normally needs
// a few seconds, and more when the command has to be compiled.
const limit = 3 * time.Minute

func main() {
	performMember()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole program but for the other processes' part, and returns the exit status.
// The changes are for tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, changes ...func(*demo)) int {
	flags := flag.NewFlagSet("hiddenwait", flag.ContinueOnError)
	flags.SetOutput(stderr)
	redis := flags.String("redis", "", "`host:port` of a Redis server to use in place of an embedded one")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	if err := demonstrate(ctx, *redis, stdout, stderr, changes); err != nil {
		fmt.Fprintf(stderr, "hiddenwait: %v\n", err)
		return 1
	}
	return 0
}

// demonstrate finds or starts the server and runs the demonstration on it.
func demonstrate(ctx context.Context, redis string, stdout, stderr io.Writer, changes []func(*demo)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if redis == "" {
		node, err := embedded.Start()
		if err != nil {
			return err
		}
		defer node.Close()
		redis = node.Addr()
	}
	d := newDemo(redis, stdout, stderr)
	for _, change := range changes {
		change(d)
	}
	return d.run(ctx)
}
