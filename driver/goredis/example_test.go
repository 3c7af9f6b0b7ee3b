package goredis_test

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// One server.
func ExampleNewPool() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close() // the client stays yours

	locks := mutex.New(goredis.NewPool(client)) // once in a process
	m := locks.NewMutex("invoice:42")
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Unlock())
	// Output: true <nil>
}

// Several independent servers: one client and one pool for each, in the same order in every
// process. A majority of them is enough.
func ExampleNewPool_majority() {
	var pools []driver.Pool
	for addr := range strings.SplitSeq(os.Getenv("REDIS_ADDRS"), ",") {
		client := redis.NewClient(&redis.Options{Addr: addr})
		defer client.Close()
		pools = append(pools, goredis.NewPool(client))
	}

	locks := mutex.New(pools...)
	m := locks.NewMutex("invoice:42")
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Unlock())
	// Output: true <nil>
}

// A Sentinel group is one node, whichever of its servers is the master.
func ExampleNewPool_sentinel() {
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:    "mymaster",
		SentinelAddrs: []string{"sentinel1:26379", "sentinel2:26379", "sentinel3:26379"},
	})
	defer client.Close()

	locks := mutex.New(goredis.NewPool(client))
	if err := locks.NewMutex("invoice:42").Lock(); err != nil {
		log.Fatal(err)
	}
}

// A Cluster is one node, too: each lock is on the master of its name's slot.
func ExampleNewPool_cluster() {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{"cluster1:6379", "cluster2:6379", "cluster3:6379"},
	})
	defer client.Close()

	locks := mutex.New(goredis.NewPool(client))
	if err := locks.NewMutex("invoice:42").Lock(); err != nil {
		log.Fatal(err)
	}
}
