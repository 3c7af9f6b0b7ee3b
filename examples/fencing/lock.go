package main

import (
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// newLock returns a lock whose leases are numbered.
func newLock(name string, clients []redis.UniversalClient, options ...mutex.Option) *mutex.Mutex {
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return mutex.New(pools...).NewMutex(name, append(options, mutex.WithFencing())...)
}

// patient are the options of a lock in this program: a lease that is soon over, and
// calls that have time enough on a busy machine.
func patient(expiry time.Duration) []mutex.Option {
	return []mutex.Option{mutex.WithExpiry(expiry), mutex.WithTimeoutFactor(0.25), mutex.WithUnlimitedTries()}
}
