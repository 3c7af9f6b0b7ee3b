// Mutex-goredis shows the mutex with go-redis clients: how to set it up, how to
// hold it around a piece of work, and what its errors say.
//
//	go run ./examples/mutex-goredis
//
// uses a Redis server embedded in the program. To use your own servers, one or
// several independent ones:
//
//	go run ./examples/mutex-goredis -redis host:6379
//	go run ./examples/mutex-goredis -redis host:6379,host2:6379,host3:6379
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
	"github.com/holdfast-go/holdfast/mutex"
)

func main() {
	addrs := flag.String("redis", "", demoredis.Usage)
	flag.Parse()
	if err := run(context.Background(), *addrs, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutex-goredis:", err)
		os.Exit(1)
	}
}

// run finds the servers and sends the invoice.
func run(ctx context.Context, addrs string, out io.Writer) error {
	nodes, err := demoredis.Open(addrs, 1)
	if err != nil {
		return err
	}
	defer nodes.Close()
	fmt.Fprintln(out, "Redis:", nodes)
	clients := connect(nodes.Addrs)
	defer closeAll(clients)
	if err := show(ctx, newLocks(clients...), out); err != nil {
		return err
	}
	return nightly(ctx, clients[0], func(context.Context) error {
		fmt.Fprintln(out, "The nightly job runs here, and in no other process.")
		return nil
	})
}

// connect returns one client for each address.
func connect(addrs []string) []redis.UniversalClient {
	var clients []redis.UniversalClient
	for _, addr := range addrs {
		clients = append(clients, redis.NewClient(&redis.Options{Addr: addr}))
	}
	return clients
}

// closeAll closes the clients. Holdfast never does: they are the application's.
func closeAll(clients []redis.UniversalClient) {
	for _, client := range clients {
		_ = client.Close()
	}
}

// show sends the invoice and, while its lock is held, tries to take it again.
func show(ctx context.Context, locks *mutex.Factory, out io.Writer) error {
	err := sendInvoice(ctx, locks, func(ctx context.Context) error {
		fmt.Fprintln(out, "First worker: locked; sending invoice 42.")
		err := locks.NewMutex("invoice:42").TryLockContext(ctx)
		fmt.Fprintln(out, "Second worker:", explain(ctx, err)+".")
		return nil
	})
	if err == nil {
		fmt.Fprintln(out, "First worker: sent and unlocked.")
	}
	return err
}
