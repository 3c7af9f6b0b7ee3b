package rwmutex_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	goredisclient "github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// startPool runs a Redis for an example, in place of one that runs anyway, and
// returns a pool for it.
func startPool() (pool driver.Pool, stop func()) {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	client := goredisclient.NewClient(&goredisclient.Options{Addr: server.Addr()})
	return goredis.NewPool(client), func() {
		client.Close()
		server.Close()
	}
}

// Many read a catalog at once; whoever rebuilds it is alone.
func Example() {
	pool, stop := startPool()
	defer stop()
	locks := rwmutex.New(pool)
	rw := locks.NewRWMutex("catalog", rwmutex.WithExpiry(8*time.Second))

	if err := rw.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("nobody else reads or writes the catalog now")
	if ok, err := rw.Unlock(); !ok {
		log.Fatal(err)
	}

	if err := rw.RLock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("nobody writes the catalog now")
	if ok, err := rw.RUnlock(); !ok {
		log.Fatal(err)
	}
	// Output:
	// nobody else reads or writes the catalog now
	// nobody writes the catalog now
}

// Three independent Redis servers, any two of which are enough.
func ExampleNew() {
	first, stopFirst := startPool()
	defer stopFirst()
	second, stopSecond := startPool()
	third, stopThird := startPool()
	defer stopThird()
	rw := rwmutex.New(first, second, third).NewRWMutex("catalog")

	stopSecond()

	fmt.Println(rw.RLock())
	fmt.Println(rw.RUnlock())
	// Output:
	// <nil>
	// true <nil>
}

// Readers of different processes do not wait for each other.
func ExampleRWMutex_RLock() {
	pool, stop := startPool()
	defer stop()
	mine := rwmutex.New(pool).NewRWMutex("catalog")
	theirs := rwmutex.New(pool).NewRWMutex("catalog")

	fmt.Println(mine.RLock())
	fmt.Println(theirs.RLock())

	fmt.Println(theirs.RUnlock())
	fmt.Println(mine.RUnlock())
	// Output:
	// <nil>
	// <nil>
	// true <nil>
	// true <nil>
}

// Wait for the readers to finish, for at most ten seconds.
func ExampleRWMutex_LockContext() {
	pool, stop := startPool()
	defer stop()
	rw := rwmutex.New(pool).NewRWMutex("catalog", rwmutex.WithUnlimitedTries())

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := rw.LockContext(ctx); err != nil {
		fmt.Println("gave up:", err)
		return
	}
	defer rw.Unlock() // without ctx, which may have ended by then
	fmt.Println("locked")
	// Output: locked
}

// Serve what there is while somebody else rebuilds it.
func ExampleRWMutex_TryRLock() {
	pool, stop := startPool()
	defer stop()
	locks := rwmutex.New(pool)

	writer := locks.NewRWMutex("catalog")
	if err := writer.Lock(); err != nil {
		log.Fatal(err)
	}
	defer writer.Unlock()

	rw := locks.NewRWMutex("catalog")
	err := rw.TryRLock()
	var taken *rwmutex.ErrTaken
	switch {
	case err == nil:
		defer rw.RUnlock()
		fmt.Println("serving the catalog")
	case errors.As(err, &taken):
		fmt.Println("serving the old copy")
	default:
		fmt.Println("could not find out:", err)
	}
	// Output: serving the old copy
}

// Long reading in short steps, each under a lease that is good for long enough.
func ExampleRWMutex_RExtend() {
	pool, stop := startPool()
	defer stop()
	rw := rwmutex.New(pool).NewRWMutex("catalog", rwmutex.WithExpiry(5*time.Second))

	if err := rw.RLock(); err != nil {
		log.Fatal(err)
	}
	defer rw.RUnlock()
	for page := range 3 {
		if ok, err := rw.RExtend(); !ok {
			log.Fatal("lost the lock, must not go on: ", err)
		}
		fmt.Println("page", page)
	}
	// Output:
	// page 0
	// page 1
	// page 2
}

// Write, and go on reading what was written: no other writer comes between.
// RUnlock is due whatever Downgrade returns.
func ExampleRWMutex_Downgrade() {
	pool, stop := startPool()
	defer stop()
	locks := rwmutex.New(pool)
	rw, other := locks.NewRWMutex("catalog"), locks.NewRWMutex("catalog")

	if err := rw.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("rebuilt")

	err := rw.Downgrade(context.Background())
	defer rw.RUnlock()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("another reader:", other.TryRLock())
	other.RUnlock()
	fmt.Println("another writer gets in:", other.TryLock() == nil)
	// Output:
	// rebuilt
	// another reader: <nil>
	// another writer gets in: false
}

// Code that takes a sync.Locker. The lease is renewed for as long as it is held.
func ExampleRWMutex_RLocker() {
	pool, stop := startPool()
	defer stop()
	rw := rwmutex.New(pool).NewRWMutex("catalog")

	read := func(l sync.Locker) {
		l.Lock()
		defer l.Unlock()
		fmt.Println("reading")
	}
	read(rw.RLocker())
	// Output: reading
}

// Options that cannot work are reported by the first call, and nothing is sent.
func ExampleWithExpiry() {
	pool, stop := startPool()
	defer stop()
	rw := rwmutex.New(pool).NewRWMutex("catalog", rwmutex.WithExpiry(-time.Second))

	err := rw.RLock()
	fmt.Println(errors.Is(err, rwmutex.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// rwmutex: "catalog": bad configuration: expiry is -1s, at least 1ms needed
}
