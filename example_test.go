package holdfast_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// Functions of yours are called for what happens to a lock.
func ExampleHooks() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	hooks := &holdfast.Hooks{
		AcquireDone: func(_ context.Context, l holdfast.Lock, a holdfast.Acquired) {
			fmt.Println(l.Kind, l.Name, "locked:", a.Err == nil)
		},
		Released: func(_ context.Context, l holdfast.Lock, r holdfast.Released) {
			fmt.Println(l.Kind, l.Name, "given back:", r.Err == nil)
		},
	}
	m := locks.NewMutex("invoice:42", mutex.WithHooks(hooks))
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	if _, err := m.Unlock(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// mutex invoice:42 locked: true
	// mutex invoice:42 given back: true
}

// A log of long waits, failed renewals, losses and errors of nodes. A lock that is free and
// is given back in time writes nothing.
func ExampleLogHooks() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	logger := slog.New(slog.NewTextHandler(os.Stdout, nil))
	m := locks.NewMutex("invoice:42", mutex.WithHooks(holdfast.LogHooks(logger)))
	err := m.Do(context.Background(), func(context.Context) error { return nil })
	fmt.Println("done:", err)
	// Output: done: <nil>
}

// Hooks of several kinds are joined.
func ExampleJoinHooks() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	count := 0
	hooks := holdfast.JoinHooks(
		holdfast.LogHooks(slog.Default()),
		&holdfast.Hooks{Released: func(context.Context, holdfast.Lock, holdfast.Released) { count++ }},
	)
	m := locks.NewMutex("invoice:42", mutex.WithHooks(hooks))
	_ = m.Do(context.Background(), func(context.Context) error { return nil })
	fmt.Println("given back:", count)
	// Output: given back: 1
}
