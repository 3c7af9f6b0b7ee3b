// Package before is a piece of a service as it is written with Redsync.
// Package after is the same piece with Holdfast: only the imports differ.
package before

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
)

// Worker runs a task in one process at a time.
type Worker struct{ mutex *redsync.Mutex }

// NewWorker makes a worker that locks name on three independent servers.
func NewWorker(name string, a, b, c redis.UniversalClient) *Worker {
	rs := redsync.New(goredis.NewPool(a), goredis.NewPool(b), goredis.NewPool(c))
	return &Worker{mutex: rs.NewMutex(name,
		redsync.WithExpiry(4*time.Second),
		redsync.WithTries(2000),
		redsync.WithRetryDelay(5*time.Millisecond),
	)}
}

// Run runs the task while no other worker runs one.
func (w *Worker) Run(ctx context.Context, task func()) error {
	if err := w.mutex.LockContext(ctx); err != nil {
		var taken *redsync.ErrTaken
		if errors.As(err, &taken) {
			return fmt.Errorf("another worker holds the lock on servers %v: %w", taken.Nodes, err)
		}
		return err
	}
	task()
	if ok, err := w.mutex.UnlockContext(ctx); !ok {
		return fmt.Errorf("the lock may not have lasted: %w", err)
	}
	return nil
}
