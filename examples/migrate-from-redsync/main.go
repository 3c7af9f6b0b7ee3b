// Migrate-from-redsync shows a service that moves from Redsync to Holdfast.
// Package before has the old code and package after the new code; they differ in
// their imports only. This program runs both against each other: workers of
// either kind add to one number that nothing but the lock protects.
//
// Redsync is no dependency of Holdfast, so this example is a module of its own:
//
//	cd examples/migrate-from-redsync
//	go run .
//
// It starts three Redis servers embedded in the program. To use your own three:
//
//	go run . -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when no addition was lost.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
	"github.com/holdfast-go/holdfast/examples/migrate-from-redsync/after"
	"github.com/holdfast-go/holdfast/examples/migrate-from-redsync/before"
)

// limit is how long the program may take. It normally needs a second or two.
const limit = time.Minute

func main() {
	addrs := flag.String("redis", "", demoredis.Usage)
	flag.Parse()
	if err := run(context.Background(), *addrs, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "migrate-from-redsync:", err)
		os.Exit(1)
	}
}

// run finds the servers and lets the workers loose.
func run(ctx context.Context, addrs string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	nodes, err := demoredis.Open(addrs, 3)
	if err != nil {
		return err
	}
	defer nodes.Close()
	if len(nodes.Addrs) != 3 {
		return fmt.Errorf("%d servers given, 3 needed", len(nodes.Addrs))
	}
	fmt.Fprintln(out, "Redis:", nodes)
	lock := fmt.Sprintf("holdfast-migrate:%d:%d", os.Getpid(), time.Now().UnixNano())
	return compete(ctx, nodes.Addrs, lock, lock, out)
}

// compete runs two old and two new workers against each other and reports what
// came out. The two kinds have the same lock, but for a test that breaks it.
func compete(ctx context.Context, addrs []string, oldLock, newLock string, out io.Writer) error {
	contest := &contest{addsEach: 50}
	for range 2 {
		a, b, c, closeAll := connect(addrs)
		defer closeAll()
		contest.enter("Redsync", before.NewWorker(oldLock, a, b, c))
		contest.enter("Holdfast", after.NewWorker(newLock, a, b, c))
	}
	if err := contest.run(ctx); err != nil {
		return err
	}
	return contest.report(out)
}

// connect returns a client for each of three servers, and what closes them.
func connect(addrs []string) (a, b, c redis.UniversalClient, closeAll func()) {
	a = redis.NewClient(&redis.Options{Addr: addrs[0]})
	b = redis.NewClient(&redis.Options{Addr: addrs[1]})
	c = redis.NewClient(&redis.Options{Addr: addrs[2]})
	return a, b, c, func() {
		_ = a.Close()
		_ = b.Close()
		_ = c.Close()
	}
}
