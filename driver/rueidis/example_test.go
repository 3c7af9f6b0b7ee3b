package rueidis_test

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/driver"
	holdfastrueidis "github.com/holdfast-go/holdfast/driver/rueidis"
	"github.com/holdfast-go/holdfast/mutex"
)

// One server.
func ExampleNewPool() {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:       []string{os.Getenv("REDIS_ADDR")},
		ForceSingleClient: true, // it is no Cluster
		DisableCache:      true, // locks do not use it, and not every server has it
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close() // the client stays yours

	locks := mutex.New(holdfastrueidis.NewPool(client)) // once in a process
	m := locks.NewMutex("invoice:42")
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Unlock())
	// Output: true <nil>
}

// Several independent servers: one client and one pool for each, in the same order in every
// process. With ForceSingleClient there is a client for a server that is down, too. Here the
// third is, and a majority is enough.
func ExampleNewPool_majority() {
	var pools []driver.Pool
	for addr := range strings.SplitSeq(os.Getenv("REDIS_ADDRS"), ",") {
		client, err := rueidis.NewClient(rueidis.ClientOption{
			InitAddress:       []string{addr},
			ForceSingleClient: true,
			DisableCache:      true,
		})
		if client == nil {
			log.Fatal(err) // the options are wrong
		}
		defer client.Close()
		pools = append(pools, holdfastrueidis.NewPool(client))
	}

	locks := mutex.New(pools...)
	m := locks.NewMutex("invoice:42")
	if err := m.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Unlock())
	// Output: true <nil>
}
