package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/semaphore"
)

// newPermits is called once in a process. It takes one client, or one for each of
// several independent servers: three or five.
func newPermits(name string, limit int, clients ...redis.UniversalClient) *semaphore.Semaphore {
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return semaphore.New(pools...).NewSemaphore(name, limit,
		semaphore.WithExpiry(2*time.Minute), // no call takes longer
		semaphore.WithUnlimitedTries(),      // wait until the context ends
		semaphore.WithRetryDelay(20*time.Millisecond),
	)
}

// makeThumbnail calls the service while fewer than the semaphore's limit do, in
// all processes together.
func makeThumbnail(ctx context.Context, permits *semaphore.Semaphore, call func(context.Context) error) error {
	permit, err := permits.AcquireContext(ctx)
	if err != nil {
		return err // no permit: all are held, or Redis is out of reach
	}
	ctx, cancel := context.WithDeadline(ctx, permit.Until()) // no other holder has it before
	defer cancel()
	err = call(ctx)
	if ok, releaseErr := permit.Release(); !ok {
		err = errors.Join(err, fmt.Errorf("the permit may not have lasted: %w", releaseErr))
	}
	return err
}
