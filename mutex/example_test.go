package mutex_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
	"github.com/holdfast-go/holdfast/mutex"
)

// startRedis runs a Redis for an example, in place of one that runs anyway.
func startRedis() *embedded.Node {
	node, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	return node
}

// startPool runs a Redis for an example, and returns a pool for it.
func startPool() (pool driver.Pool, stop func()) {
	server := startRedis()
	client := goredisclient.NewClient(&goredisclient.Options{Addr: server.Addr()})
	return goredis.NewPool(client), func() {
		client.Close()
		server.Close()
	}
}

// One Redis, with go-redis.
func Example() {
	server := startRedis()
	defer server.Close()

	client := goredisclient.NewClient(&goredisclient.Options{Addr: server.Addr()})
	defer client.Close()

	locks := mutex.New(goredis.NewPool(client))
	m := locks.NewMutex("invoice:42", mutex.WithExpiry(8*time.Second))

	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("nobody else works on invoice 42 now")
	if ok, err := m.Unlock(); !ok {
		log.Fatal(err)
	}
	// Output: nobody else works on invoice 42 now
}

// One Redis, with redigo.
func Example_redigo() {
	server := startRedis()
	defer server.Close()

	pool := &redigoclient.Pool{
		MaxIdle: 3,
		DialContext: func(ctx context.Context) (redigoclient.Conn, error) {
			return redigoclient.DialContext(ctx, "tcp", server.Addr())
		},
	}
	defer pool.Close()

	locks := mutex.New(redigo.NewPool(pool))
	m := locks.NewMutex("invoice:42")

	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("nobody else works on invoice 42 now")
	if ok, err := m.Unlock(); !ok {
		log.Fatal(err)
	}
	// Output: nobody else works on invoice 42 now
}

// Three independent Redis servers, any two of which are enough.
func ExampleNew() {
	var pools []driver.Pool
	var servers []*embedded.Node
	for range 3 {
		server := startRedis()
		defer server.Close()
		client := goredisclient.NewClient(&goredisclient.Options{Addr: server.Addr()})
		defer client.Close()
		servers = append(servers, server)
		pools = append(pools, goredis.NewPool(client))
	}
	locks := mutex.New(pools...)
	m := locks.NewMutex("nightly-report")

	servers[1].Stop()

	fmt.Println(m.Lock())
	fmt.Println(m.Unlock())
	// Output:
	// <nil>
	// true <nil>
}

// Wait for the lock for at most ten seconds.
func ExampleMutex_LockContext() {
	pool, stop := startPool()
	defer stop()
	locks := mutex.New(pool)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m := locks.NewMutex("catalog", mutex.WithUnlimitedTries())
	if err := m.LockContext(ctx); err != nil {
		fmt.Println("gave up:", err)
		return
	}
	defer m.Unlock() // without ctx, which may have ended by then
	fmt.Println("locked")
	// Output: locked
}

// Do something only if nobody else does it already.
func ExampleMutex_TryLock() {
	pool, stop := startPool()
	defer stop()
	locks := mutex.New(pool)

	other := locks.NewMutex("nightly-report")
	if err := other.Lock(); err != nil {
		log.Fatal(err)
	}
	defer other.Unlock()

	m := locks.NewMutex("nightly-report")
	err := m.TryLock()
	var taken *mutex.ErrTaken
	switch {
	case err == nil:
		defer m.Unlock()
		fmt.Println("writing the report")
	case errors.As(err, &taken):
		fmt.Println("somebody else does it")
	default:
		fmt.Println("could not find out:", err)
	}
	// Output: somebody else does it
}

// Long work in short steps, each under a hold that is good for long enough.
func ExampleMutex_Extend() {
	pool, stop := startPool()
	defer stop()
	locks := mutex.New(pool)

	m := locks.NewMutex("migration", mutex.WithExpiry(5*time.Second))
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	defer m.Unlock()
	for step := range 3 {
		if ok, err := m.Extend(); !ok {
			log.Fatal("lost the lock, must not go on: ", err)
		}
		fmt.Println("step", step)
	}
	// Output:
	// step 0
	// step 1
	// step 2
}

// Hand a hold over to another process, which releases it.
func ExampleWithValue() {
	pool, stop := startPool()
	defer stop()
	locks := mutex.New(pool)

	m := locks.NewMutex("upload:7")
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	value := m.Value() // goes to the other process with the job

	heir := locks.NewMutex("upload:7", mutex.WithValue(value))
	fmt.Println(heir.Extend())
	fmt.Println(heir.Unlock())
	// Output:
	// true <nil>
	// true <nil>
}

// Code that takes a sync.Locker. The hold is renewed for as long as it lasts.
func ExampleMutex_Locker() {
	pool, stop := startPool()
	defer stop()
	locks := mutex.New(pool)

	l := locks.NewMutex("catalog").Locker()
	l.Lock()
	defer l.Unlock()
	fmt.Println("locked")
	// Output: locked
}

// Options that cannot work are reported by the first call, and nothing is sent.
func ExampleWithExpiry() {
	pool, stop := startPool()
	defer stop()
	locks := mutex.New(pool)

	m := locks.NewMutex("invoice:42", mutex.WithExpiry(-time.Second))
	err := m.Lock()
	fmt.Println(errors.Is(err, mutex.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// mutex: "invoice:42": bad configuration: expiry is -1s, at least 1ms needed
}
