package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

// guard keeps other processes out of the section between its two calls, or not.
type guard interface {
	lock(ctx context.Context) error
	unlock(ctx context.Context) error
}

// unguarded keeps nobody out.
type unguarded struct{}

func (unguarded) lock(context.Context) error   { return nil }
func (unguarded) unlock(context.Context) error { return nil }

// guarded keeps everybody out.
type guarded struct{ *mutex.Mutex }

func (g guarded) lock(ctx context.Context) error { return g.LockContext(ctx) }

// unlock releases the mutex. It returns an error when the section lasted longer
// than the hold is known to have been good for.
//
// Unlock itself reports more: that a majority still had the hold. A hold that
// had just two of the three nodes does not get that proof when one of the two is
// taken away. That does no harm to a section that ended before Until.
func (g guarded) unlock(ctx context.Context) error {
	inTime := time.Now().Before(g.Until())
	ok, err := g.UnlockContext(ctx)
	if ok || inTime {
		return nil
	}
	return fmt.Errorf("held for too long: %w", err)
}

// newGuard returns the job's lock, or unguarded, and what closes it.
func (j job) newGuard() (guard, func()) {
	if j.Lock == "" {
		return unguarded{}, func() {}
	}
	pools, closeAll := connect(j.Redis)
	return guarded{newMutex(j.Lock, pools)}, closeAll
}

// newMutex returns a lock for a demonstration: it polls every 5 to 35
// milliseconds, where a service would keep the default of 50 to 250, and waits
// until its context ends.
func newMutex(name string, pools []driver.Pool) *mutex.Mutex {
	return mutex.New(pools...).NewMutex(name,
		mutex.WithUnlimitedTries(),
		mutex.WithRetryDelayFunc(func(int) time.Duration {
			return time.Duration(5+rand.IntN(30)) * time.Millisecond
		}),
	)
}

// connect returns one pool for each address, and what closes them all.
func connect(addrs []string) ([]driver.Pool, func()) {
	clients, closeAll := stage.Connect(addrs)
	pools := make([]driver.Pool, 0, len(addrs))
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return pools, closeAll
}
