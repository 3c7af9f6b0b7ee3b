// Mutex-redigo shows the mutex with redigo pools: how to set it up, and how to
// hold it around a piece of work.
//
//	go run ./examples/mutex-redigo
//
// uses a Redis server embedded in the program. To use your own servers, one or
// several independent ones:
//
//	go run ./examples/mutex-redigo -redis host:6379
//	go run ./examples/mutex-redigo -redis host:6379,host2:6379,host3:6379
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
	"github.com/holdfast-go/holdfast/mutex"
)

func main() {
	addrs := flag.String("redis", "", demoredis.Usage)
	flag.Parse()
	if err := run(context.Background(), *addrs, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutex-redigo:", err)
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
	return show(ctx, newLocks(clients...), out)
}

// connect returns one pool for each address.
func connect(addrs []string) []*redis.Pool {
	var clients []*redis.Pool
	for _, addr := range addrs {
		clients = append(clients, newPool(addr))
	}
	return clients
}

// closeAll closes the pools. Holdfast never does: they are the application's.
func closeAll(clients []*redis.Pool) {
	for _, client := range clients {
		_ = client.Close()
	}
}

// show sends the invoice and, while its lock is held, tries to take it again.
func show(ctx context.Context, locks *mutex.Factory, out io.Writer) error {
	err := sendInvoice(ctx, locks, func(ctx context.Context) error {
		fmt.Fprintln(out, "First worker: locked; sending invoice 42.")
		if err := locks.NewMutex("invoice:42").TryLockContext(ctx); err != nil {
			fmt.Fprintln(out, "Second worker:", err)
		}
		return nil
	})
	if err == nil {
		fmt.Fprintln(out, "First worker: sent and unlocked.")
	}
	return err
}
