// Package after is package before, moved from Redsync to Holdfast: only the imports
// differ. The new package keeps the old name here, so that no other line changes.
package after

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver/goredis"
	redsync "github.com/holdfast-go/holdfast/mutex"
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
