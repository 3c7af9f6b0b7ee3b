package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/semaphore"
)

// checking is how long a check may take, on a machine that has much to do.
const checking = 20 * time.Second

// CheckLock locks and unlocks once, so that a wrong address is reported before
// anything else is tried.
func (s *Stage) CheckLock(ctx context.Context,
	lock func(context.Context) error, unlock func(context.Context) (bool, error),
) error {
	ctx, cancel := context.WithTimeout(ctx, checking)
	defer cancel()
	if err := lock(ctx); err != nil {
		return fmt.Errorf("no lock on %s: %w", s.Nodes, err)
	}
	if ok, err := unlock(ctx); !ok {
		return fmt.Errorf("no unlock on %s: %w", s.Nodes, err)
	}
	return nil
}

// CheckSemaphore takes and gives back a permit once, for the same reason.
func (s *Stage) CheckSemaphore(ctx context.Context, permits *semaphore.Semaphore) error {
	ctx, cancel := context.WithTimeout(ctx, checking)
	defer cancel()
	permit, err := permits.TryAcquireContext(ctx)
	if err != nil {
		return fmt.Errorf("no permit on %s: %w", s.Nodes, err)
	}
	if ok, err := permit.ReleaseContext(ctx); !ok {
		return fmt.Errorf("no release on %s: %w", s.Nodes, err)
	}
	return nil
}
