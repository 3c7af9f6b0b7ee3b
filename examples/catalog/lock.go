package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// newLock is called once in a process. It takes one client, or one for each of
// several independent servers: three or five.
func newLock(name string, clients ...redis.UniversalClient) *rwmutex.RWMutex {
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return rwmutex.New(pools...).NewRWMutex(name,
		rwmutex.WithExpiry(2*time.Minute), // no rewrite takes longer
		rwmutex.WithUnlimitedTries(),      // wait until the context ends
		rwmutex.WithRetryDelay(20*time.Millisecond),
	)
}

// readCatalog reads while no process writes.
func readCatalog(ctx context.Context, lock *rwmutex.RWMutex, read func(context.Context) error) error {
	if err := lock.RLockContext(ctx); err != nil {
		return err // not locked: a writer holds it, or Redis is out of reach
	}
	ctx, cancel := context.WithDeadline(ctx, lock.RUntil()) // no process writes before
	defer cancel()
	return errors.Join(read(ctx), lasted(lock.RUnlock()))
}

// rewriteCatalog writes while no other process reads or writes, and then verifies what
// it wrote while others may read it too.
func rewriteCatalog(ctx context.Context, lock *rwmutex.RWMutex, write, verify func(context.Context) error) error {
	if err := lock.LockContext(ctx); err != nil {
		return err
	}
	writing, cancel := context.WithDeadline(ctx, lock.Until())
	defer cancel()
	if err := write(writing); err != nil {
		return errors.Join(err, lasted(lock.Unlock()))
	}
	err := lock.Downgrade(ctx) // no other writer comes between
	if err == nil {
		reading, cancel := context.WithDeadline(ctx, lock.RUntil())
		defer cancel()
		err = verify(reading)
	}
	return errors.Join(err, lasted(lock.RUnlock())) // whatever Downgrade returned
}

// lasted returns an error when Unlock or RUnlock could not prove that the lease lasted.
func lasted(proven bool, err error) error {
	if proven {
		return nil
	}
	return fmt.Errorf("the lock may not have lasted: %w", err)
}
