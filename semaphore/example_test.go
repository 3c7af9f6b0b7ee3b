package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/semaphore"
)

// Acquire a permit, work, release it. Work that may outlast its permit belongs into
// [semaphore.Semaphore.Do].
func Example() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := semaphore.New(goredis.NewPool(client)) // once in a process
	s := locks.NewSemaphore("thumbnails", 10, semaphore.WithExpiry(8*time.Second))

	permit, err := s.Acquire()
	if err != nil {
		log.Fatal(err) // no permit
	}
	fmt.Println("at most nine others make thumbnails now, in all processes together")
	if ok, err := permit.Release(); !ok {
		log.Fatal("the permit may not have lasted: ", err)
	}
	// Output: at most nine others make thumbnails now, in all processes together
}

// Three independent servers, any two of which are enough. In this example the third is down.
func ExampleNew() {
	var pools []driver.Pool
	for addr := range strings.SplitSeq(os.Getenv("REDIS_ADDRS"), ",") {
		client := redis.NewClient(&redis.Options{Addr: addr})
		defer client.Close()
		pools = append(pools, goredis.NewPool(client))
	}
	s := semaphore.New(pools...).NewSemaphore("thumbnails", 10)

	permit, err := s.Acquire()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(permit.Release())
	// Output: true <nil>
}

// Do renews the permit while the function runs, and releases it whatever happens in it.
func ExampleSemaphore_Do() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	s := semaphore.New(goredis.NewPool(client)).NewSemaphore("thumbnails", 10)

	err := s.Do(context.Background(), func(ctx context.Context) error {
		fmt.Println("calling the service; ctx ends if the permit is lost:", ctx.Err())
		return nil
	})
	fmt.Println(err)
	// Output:
	// calling the service; ctx ends if the permit is lost: <nil>
	// <nil>
}

// When the permit is lost, the context of the function ends, and Do returns an ErrLost. Here
// an operator deletes the semaphore's keys.
func ExampleSemaphore_Do_lost() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := semaphore.New(goredis.NewPool(client))

	s := locks.NewSemaphore("thumbnails", 10, semaphore.WithExpiry(500*time.Millisecond))
	err := s.Do(context.Background(), func(ctx context.Context) error {
		client.Del(ctx, "thumbnails{thumbnails}:permits:held")
		<-ctx.Done() // the next renewal finds out
		return fmt.Errorf("the call was interrupted: %w", ctx.Err())
	})
	fmt.Println(errors.Is(err, semaphore.ErrLost))
	// Output: true
}

// Wait for a permit for at most ten seconds.
func ExampleSemaphore_AcquireContext() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	s := semaphore.New(goredis.NewPool(client)).NewSemaphore("thumbnails", 10, semaphore.WithUnlimitedTries())

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	permit, err := s.AcquireContext(ctx)
	if err != nil {
		fmt.Println("gave up:", err)
		return
	}
	defer permit.Release() // without ctx, which may have ended by then
	fmt.Println("acquired")
	// Output: acquired
}

// Work that counts as several: all of its permits or none, as one handle.
func ExampleSemaphore_AcquireN() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	s := semaphore.New(goredis.NewPool(client)).NewSemaphore("gpus", 8)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	permit, err := s.AcquireN(ctx, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("slots", permit.Slots())
	held, err := s.Held(ctx)
	fmt.Println("held", held, err)
	fmt.Println(permit.Release())
	// Output:
	// slots [0 1 2]
	// held 3 <nil>
	// true <nil>
}

// Do something only if a permit is free.
func ExampleSemaphore_TryAcquire() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	s := semaphore.New(goredis.NewPool(client)).NewSemaphore("reports", 1)

	other, err := s.Acquire()
	if err != nil {
		log.Fatal(err)
	}
	defer other.Release()

	permit, err := s.TryAcquire()
	var taken *semaphore.ErrTaken
	switch {
	case err == nil:
		defer permit.Release()
		fmt.Println("writing the report")
	case errors.As(err, &taken):
		fmt.Println("all permits are held")
	default:
		fmt.Println("could not find out:", err)
	}
	// Output: all permits are held
}

// A permit's slot is a small number that no other valid permit has: here the id of a worker.
func ExamplePermit_Slots() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	ids := semaphore.New(goredis.NewPool(client)).NewSemaphore("worker-ids", 1024, semaphore.WithAutoExtend())

	for range 2 { // two workers, of whatever processes
		permit, err := ids.Acquire()
		if err != nil {
			log.Fatal(err)
		}
		defer permit.Release() // when the worker ends
		fmt.Println("this worker has the id", permit.Slots()[0])
	}
	// Output:
	// this worker has the id 0
	// this worker has the id 1
}

// Without Do, a renewed permit is watched by the channel that Lost returns.
func ExamplePermit_Lost() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := semaphore.New(goredis.NewPool(client))

	s := locks.NewSemaphore("imports", 4, semaphore.WithAutoExtend(), semaphore.WithExpiry(500*time.Millisecond))
	permit, err := s.Acquire()
	if err != nil {
		log.Fatal(err)
	}
	defer permit.Release()

	// An operator deletes the semaphore's keys.
	client.Del(context.Background(), "imports{imports}:permits:held")

	select {
	case <-permit.Lost():
		fmt.Println("stop: another process may have the slot")
	case <-time.After(time.Minute):
		fmt.Println("imported")
	}
	// Output: stop: another process may have the slot
}

// A limit that cannot work is reported by the first call, and nothing is sent.
func ExampleFactory_NewSemaphore() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	s := semaphore.New(goredis.NewPool(client)).NewSemaphore("thumbnails", 0)

	_, err := s.Acquire()
	fmt.Println(errors.Is(err, semaphore.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// semaphore: "thumbnails": bad configuration: limit is 0, from 1 to 1000000 needed
}
