package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/mutex"
)

// newPool returns connections to one server.
func newPool(addr string) *redis.Pool {
	return &redis.Pool{
		MaxIdle:     8,
		MaxActive:   64,   // without it a crowd of waiters opens a connection a call
		Wait:        true, // without it a call that finds them all in use fails
		IdleTimeout: time.Minute,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "tcp", addr)
		},
	}
}

// newLocks is called once in a process. It takes one pool, or one for each of
// several independent servers: three or five.
func newLocks(clients ...*redis.Pool) *mutex.Factory {
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, redigo.NewPool(client))
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
