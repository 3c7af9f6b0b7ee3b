package redigo_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/mutex"
)

// One server.
func ExampleNewPool() {
	pool := &redis.Pool{
		MaxIdle:     8,
		MaxActive:   64,   // for the application's own commands
		Wait:        true, // without it a command that finds all in use fails
		IdleTimeout: time.Minute,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "tcp", os.Getenv("REDIS_ADDR"),
				redis.DialConnectTimeout(time.Second), redis.DialReadTimeout(time.Second))
		},
	}
	defer pool.Close() // the pool stays yours

	locks := mutex.New(redigo.NewPool(pool)) // once in a process
	m := locks.NewMutex("invoice:42")
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Unlock())
	// Output: true <nil>
}

// Several independent servers: one pool for each, in the same order in every process. A
// majority of them is enough.
func ExampleNewPool_majority() {
	var pools []driver.Pool
	for addr := range strings.SplitSeq(os.Getenv("REDIS_ADDRS"), ",") {
		pool := &redis.Pool{
			MaxIdle:   8,
			MaxActive: 64,
			Wait:      true,
			DialContext: func(ctx context.Context) (redis.Conn, error) {
				return redis.DialContext(ctx, "tcp", addr)
			},
		}
		defer pool.Close()
		pools = append(pools, redigo.NewPool(pool))
	}

	locks := mutex.New(pools...)
	m := locks.NewMutex("invoice:42")
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Unlock())
	// Output: true <nil>
}
