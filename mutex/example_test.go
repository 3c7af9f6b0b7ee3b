package mutex_test

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
	"github.com/holdfast-go/holdfast/mutex"
)

// Lock, work, unlock. Work that may outlast its lease belongs into [mutex.Mutex.Do].
func Example() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()

	locks := mutex.New(goredis.NewPool(client)) // once in a process
	m := locks.NewMutex("invoice:42", mutex.WithExpiry(8*time.Second))

	if err := m.Lock(); err != nil {
		log.Fatal(err) // not locked
	}
	fmt.Println("no other process works on invoice 42 now")
	if ok, err := m.Unlock(); !ok {
		log.Fatal("the lock may not have lasted: ", err)
	}
	// Output: no other process works on invoice 42 now
}

// Three independent servers, any two of which are enough. In this example the third is down.
func ExampleNew() {
	var pools []driver.Pool
	for addr := range strings.SplitSeq(os.Getenv("REDIS_ADDRS"), ",") {
		client := redis.NewClient(&redis.Options{Addr: addr})
		defer client.Close()
		pools = append(pools, goredis.NewPool(client))
	}
	locks := mutex.New(pools...)
	m := locks.NewMutex("nightly-report")

	fmt.Println(m.Lock())
	fmt.Println(m.Unlock())
	// Output:
	// <nil>
	// true <nil>
}

// Do renews the lease while the function runs, and unlocks whatever happens in it.
func ExampleMutex_Do() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	m := locks.NewMutex("job:nightly")
	err := m.Do(context.Background(), func(ctx context.Context) error {
		fmt.Println("the job runs; ctx ends if the lock is lost:", ctx.Err())
		return nil
	})
	fmt.Println(err)
	// Output:
	// the job runs; ctx ends if the lock is lost: <nil>
	// <nil>
}

// When the lease is lost, the context of the function ends, and Do returns an ErrLost. Here
// an operator deletes the key.
func ExampleMutex_Do_lost() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	m := locks.NewMutex("job:nightly", mutex.WithExpiry(500*time.Millisecond))
	err := m.Do(context.Background(), func(ctx context.Context) error {
		client.Del(ctx, "job:nightly") // the next renewal finds out
		<-ctx.Done()
		return fmt.Errorf("the job was interrupted: %w", ctx.Err())
	})
	fmt.Println(errors.Is(err, mutex.ErrLost))
	// Output: true
}

// Without Do, a renewed lease is watched by the channel that Lost returns.
func ExampleMutex_Lost() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	m := locks.NewMutex("import", mutex.WithAutoExtend(), mutex.WithExpiry(500*time.Millisecond))
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	defer m.Unlock()
	lost := m.Lost() // of this lease: call it anew after each Lock

	client.Del(context.Background(), "import") // an operator deletes the key

	select {
	case <-lost:
		fmt.Println("stop: another process may hold the lock")
	case <-time.After(time.Minute):
		fmt.Println("imported")
	}
	// Output: stop: another process may hold the lock
}

// A fencing token lets the resource refuse a holder that was paused for longer than its
// lease.
func ExampleMutex_Fence() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	var largest int64 // kept with the data, in the same transaction
	write := func(fence int64, text string) {
		if fence < largest {
			fmt.Println("refused:", text)
			return
		}
		largest = fence
		fmt.Println("written:", text)
	}

	paused := locks.NewMutex("report", mutex.WithFencing(), mutex.WithExpiry(500*time.Millisecond))
	if err := paused.Lock(); err != nil {
		log.Fatal(err)
	}
	<-paused.Lost() // a pause: the lease ends, and its holder does not notice

	next := locks.NewMutex("report", mutex.WithFencing())
	if err := next.Lock(); err != nil {
		log.Fatal(err)
	}
	write(next.Fence(), "the next holder's report")
	write(paused.Fence(), "the paused holder's report")
	if ok, err := next.Unlock(); !ok {
		log.Fatal(err)
	}
	// Output:
	// written: the next holder's report
	// refused: the paused holder's report
}

// Wait for the lock for at most ten seconds.
func ExampleMutex_LockContext() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

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

// Why a lock was not acquired.
func ExampleMutex_LockContext_errors() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	other := locks.NewMutex("invoice:42")
	if err := other.Lock(); err != nil {
		log.Fatal(err)
	}
	defer other.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	m := locks.NewMutex("invoice:42")
	err := m.LockContext(ctx)

	fmt.Println("not acquired:", errors.Is(err, mutex.ErrFailed))
	fmt.Println("the time was up:", errors.Is(err, context.DeadlineExceeded))
	fmt.Println("bad options:", errors.Is(err, mutex.ErrConfig))
	var taken *mutex.ErrTaken
	if errors.As(err, &taken) {
		fmt.Println("others hold it on nodes", taken.Nodes)
	}
	var node *mutex.RedisError
	fmt.Println("a node failed:", errors.As(err, &node))
	// Output:
	// not acquired: true
	// the time was up: true
	// bad options: false
	// others hold it on nodes [0]
	// a node failed: false
}

// Do something only if no other process does it already.
func ExampleMutex_TryLock() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

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
		fmt.Println("another process writes it")
	default:
		fmt.Println("could not find out:", err)
	}
	// Output: another process writes it
}

// Long work in short steps, each under a lease that is good for long enough.
func ExampleMutex_Extend() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

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

// Hand a lease over to another process, which releases it.
func ExampleWithValue() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

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

// Code that takes a sync.Locker. Its Lock waits without limit, and the lease is renewed until
// Unlock.
func ExampleMutex_Locker() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	update := func(l sync.Locker) {
		l.Lock() // waits until it has the lock
		defer l.Unlock()
		fmt.Println("updated")
	}
	update(locks.NewMutex("catalog").Locker())
	// Output: updated
}

// Options that cannot work are reported by the first call, and nothing is sent.
func ExampleWithExpiry() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	m := locks.NewMutex("invoice:42", mutex.WithExpiry(-time.Second))
	err := m.Lock()
	fmt.Println(errors.Is(err, mutex.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// mutex: "invoice:42": bad configuration: expiry is -1s, at least 1ms needed
}
