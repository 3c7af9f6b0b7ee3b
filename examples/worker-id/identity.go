package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/semaphore"
)

// newIdentities returns a semaphore whose slots, from 0 to limit-1, are the ids
// of workers. An id that its worker does not extend is free again after expiry.
//
// A call to a node may take a fifth of the expiry. So an extension that is tried
// after a third of it has succeeded or failed long before the permit ends.
func newIdentities(name string, limit int, expiry time.Duration, clients ...redis.UniversalClient) *semaphore.Semaphore {
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return semaphore.New(pools...).NewSemaphore(name, limit,
		semaphore.WithExpiry(expiry),
		semaphore.WithTimeoutFactor(0.2),
		semaphore.WithUnlimitedTries(), // wait until the context ends
		semaphore.WithRetryDelay(20*time.Millisecond),
	)
}

// keep extends the permit each time that a third of its expiry has passed, and
// calls extended. It returns nil when ctx ends. One failed extension is no reason
// to give up: the next may succeed for as long as Until lies ahead. When it does
// not, keep returns the last error: another process may have the id now.
func keep(ctx context.Context, permit *semaphore.Permit, expiry time.Duration, extended func()) error {
	every := time.NewTicker(expiry / 3)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		ok, err := permit.ExtendContext(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case ok:
			extended()
		case !time.Now().Before(permit.Until()):
			return err
		}
	}
}
