package inspect_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/mutex"
)

// Who holds a lock. Give New the pools that the lock's own processes have, all of them.
func Example() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	ctx := context.Background()

	m := mutex.New(goredis.NewPool(client)).NewMutex("invoice:42", mutex.WithOwner("billing-7f9c"))
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	defer m.Unlock()

	status, err := inspect.New(goredis.NewPool(client)).Mutex(ctx, "invoice:42")
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range status.Holders {
		fmt.Println(h.Owner, "holds it on nodes", h.Nodes, "and more time is left:", h.Remaining > 0)
	}
	fmt.Println("waiting:", status.Waiting)
	// Output:
	// billing-7f9c holds it on nodes [0] and more time is left: true
	// waiting: 0
}

// A lease is freed by its value. Do so only when its holder is known to be dead: the next
// one begins at once.
func ExampleInspector_Release() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	ctx := context.Background()

	m := mutex.New(goredis.NewPool(client)).NewMutex("job:nightly", mutex.WithOwner("billing-7f9c"))
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}

	in := inspect.New(goredis.NewPool(client))
	status, err := in.Mutex(ctx, "job:nightly")
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range status.Holders {
		if h.Owner == "billing-7f9c" { // that process has crashed
			freed, err := in.Release(ctx, h)
			fmt.Println("freed on nodes", freed, err)
		}
	}
	held, _ := m.Unlock()
	fmt.Println("the former holder still had it:", held)
	// Output:
	// freed on nodes [0] <nil>
	// the former holder still had it: false
}
