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
	locks := mutex.New(goredis.NewPool(client))            // once in a process; three or five pools for a majority
	m := locks.NewMutex("job:nightly", mutex.WithTries(1)) // do not wait for the lock
	err := m.Do(ctx, job)                                  // the job's ctx ends when the lease is lost
	var taken *mutex.ErrTaken
	switch {
	case errors.As(err, &taken):
		return nil // another process runs it
	case errors.Is(err, mutex.ErrLost):
		return fmt.Errorf("the job was interrupted: %w", err)
	}
	return err // the job's own, or why the lock could not be asked for
}
