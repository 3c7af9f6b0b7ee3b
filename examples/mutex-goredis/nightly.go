package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
)

// nightly runs the job in one process at a time, and keeps the lock while it runs.
func nightly(ctx context.Context, client redis.UniversalClient, job func(context.Context) error) error {
	locks := mutex.New(goredis.NewPool(client)) // once in a process; three or five pools for a majority
	m := locks.NewMutex("job:nightly")
	err := m.Do(ctx, job) // ctx of the job ends when the lease is lost
	switch {
	case errors.Is(err, mutex.ErrFailed):
		return nil // another process has it
	case errors.Is(err, mutex.ErrLost):
		return fmt.Errorf("the job was interrupted: %w", err)
	}
	return err
}
