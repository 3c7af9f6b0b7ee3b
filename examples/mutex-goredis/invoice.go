package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// newLocks is called once in a process. It takes one client, or one for each of
// several independent servers: three or five.
func newLocks(clients ...redis.UniversalClient) *mutex.Factory {
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return mutex.New(pools...)
}

// sendInvoice sends invoice 42 while no other process does.
func sendInvoice(ctx context.Context, locks *mutex.Factory, send func(context.Context) error) error {
	m := locks.NewMutex("invoice:42", mutex.WithExpiry(8*time.Second))
	if err := m.LockContext(ctx); err != nil {
		return err // not locked: held by another process, or Redis is out of reach
	}
	ctx, cancel := context.WithDeadline(ctx, m.Until()) // no other process has the lock before
	defer cancel()
	err := send(ctx)
	if ok, unlockErr := m.Unlock(); !ok {
		err = errors.Join(err, fmt.Errorf("the lock may not have lasted: %w", unlockErr))
	}
	return err
}
