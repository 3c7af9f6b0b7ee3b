package rwmutex_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// Many read a catalog at once; who rebuilds it is alone.
func Example() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := rwmutex.New(goredis.NewPool(client)) // once in a process
	rw := locks.NewRWMutex("catalog", rwmutex.WithExpiry(8*time.Second))

	if err := rw.Lock(); err != nil {
		log.Fatal(err) // not locked
	}
	fmt.Println("no other process reads or writes the catalog now")
	if ok, err := rw.Unlock(); !ok {
		log.Fatal("the lock may not have lasted: ", err)
	}

	if err := rw.RLock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("no process writes the catalog now")
	if ok, err := rw.RUnlock(); !ok {
		log.Fatal("the lock may not have lasted: ", err)
	}
	// Output:
	// no other process reads or writes the catalog now
	// no process writes the catalog now
}

// Three independent servers, any two of which are enough. In this example the third is down.
func ExampleNew() {
	var pools []driver.Pool
	for addr := range strings.SplitSeq(os.Getenv("REDIS_ADDRS"), ",") {
		client := redis.NewClient(&redis.Options{Addr: addr})
		defer client.Close()
		pools = append(pools, goredis.NewPool(client))
	}
	rw := rwmutex.New(pools...).NewRWMutex("catalog")

	fmt.Println(rw.RLock())
	fmt.Println(rw.RUnlock())
	// Output:
	// <nil>
	// true <nil>
}

// Do writes: it renews the lease while the function runs, and unlocks whatever happens in it.
func ExampleRWMutex_Do() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	rw := rwmutex.New(goredis.NewPool(client)).NewRWMutex("catalog")

	err := rw.Do(context.Background(), func(ctx context.Context) error {
		fmt.Println("rebuilding; ctx ends if the lock is lost:", ctx.Err())
		return nil
	})
	fmt.Println(err)
	// Output:
	// rebuilding; ctx ends if the lock is lost: <nil>
	// <nil>
}

// RDo reads, beside other readers and without a writer.
func ExampleRWMutex_RDo() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := rwmutex.New(goredis.NewPool(client))
	mine, theirs := locks.NewRWMutex("catalog"), locks.NewRWMutex("catalog")

	err := mine.RDo(context.Background(), func(ctx context.Context) error {
		return theirs.RDo(ctx, func(ctx context.Context) error {
			fmt.Println("two read; ctx ends if the lock is lost:", ctx.Err())
			return nil
		})
	})
	fmt.Println(err)
	// Output:
	// two read; ctx ends if the lock is lost: <nil>
	// <nil>
}

// Without RDo, a renewed read lease is watched by the channel that RLost returns. Lost is the
// same for a writer.
func ExampleRWMutex_RLost() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := rwmutex.New(goredis.NewPool(client))

	rw := locks.NewRWMutex("catalog", rwmutex.WithAutoExtend(), rwmutex.WithExpiry(500*time.Millisecond))
	if err := rw.RLock(); err != nil {
		log.Fatal(err)
	}
	defer rw.RUnlock()
	lost := rw.RLost() // of this lease: call it anew after each RLock

	client.Del(context.Background(), "catalog{catalog}:rwmutex:readers") // an operator deletes the key

	select {
	case <-lost:
		fmt.Println("stop: another process may write")
	case <-time.After(time.Minute):
		fmt.Println("read")
	}
	// Output: stop: another process may write
}

// Readers of different processes do not wait for each other.
func ExampleRWMutex_RLock() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	mine := rwmutex.New(goredis.NewPool(client)).NewRWMutex("catalog")
	theirs := rwmutex.New(goredis.NewPool(client)).NewRWMutex("catalog")

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
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	rw := rwmutex.New(goredis.NewPool(client)).NewRWMutex("catalog", rwmutex.WithUnlimitedTries())

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

// Serve the old copy while another process rebuilds the catalog.
func ExampleRWMutex_TryRLock() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := rwmutex.New(goredis.NewPool(client))

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
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	rw := rwmutex.New(goredis.NewPool(client)).NewRWMutex("catalog", rwmutex.WithExpiry(5*time.Second))

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

// Write, and go on reading what was written: no other writer comes between. RUnlock is due
// whatever Downgrade returns.
func ExampleRWMutex_Downgrade() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := rwmutex.New(goredis.NewPool(client))
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

// Code that takes a sync.Locker. The lease is renewed until Unlock.
func ExampleRWMutex_RLocker() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	rw := rwmutex.New(goredis.NewPool(client)).NewRWMutex("catalog")

	read := func(l sync.Locker) {
		l.Lock() // waits until it may read
		defer l.Unlock()
		fmt.Println("reading")
	}
	read(rw.RLocker())
	// Output: reading
}

// A fencing token lets the resource refuse a writer that was paused for longer than its lease.
func ExampleRWMutex_Fence() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := rwmutex.New(goredis.NewPool(client))

	var largest int64 // kept with the data, in the same transaction
	write := func(fence int64, text string) {
		if fence < largest {
			fmt.Println("refused:", text)
			return
		}
		largest = fence
		fmt.Println("written:", text)
	}

	paused := locks.NewRWMutex("catalog", rwmutex.WithFencing(), rwmutex.WithExpiry(500*time.Millisecond))
	if err := paused.Lock(); err != nil {
		log.Fatal(err)
	}
	<-paused.Lost() // a pause: the lease ends, and its writer does not notice

	next := locks.NewRWMutex("catalog", rwmutex.WithFencing())
	if err := next.Lock(); err != nil {
		log.Fatal(err)
	}
	write(next.Fence(), "the next writer's catalog")
	write(paused.Fence(), "the paused writer's catalog")
	if ok, err := next.Unlock(); !ok {
		log.Fatal(err)
	}
	// Output:
	// written: the next writer's catalog
	// refused: the paused writer's catalog
}

// Options that cannot work are reported by the first call, and nothing is sent.
func ExampleWithExpiry() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	rw := rwmutex.New(goredis.NewPool(client)).NewRWMutex("catalog", rwmutex.WithExpiry(-time.Second))

	err := rw.RLock()
	fmt.Println(errors.Is(err, rwmutex.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// rwmutex: "catalog": bad configuration: expiry is -1s, at least 1ms needed
}
