package semaphore_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/semaphore"
)

// counting counts the calls that go to a node. What it wraps cannot notify waiters.
type counting struct {
	driver.Pool
	calls *atomic.Int64
}

func (c counting) Eval(ctx context.Context, call *driver.Call) (any, error) {
	c.calls.Add(1)
	return c.Pool.Eval(ctx, call)
}

// Permits pass from goroutine to goroutine in memory, slots and all: most sections take
// no request.
func TestCrowdPassesItsPermitsOn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, limit := range []int{1, 3} {
			const goroutines, sections = 8, 100
			var calls, held atomic.Int64
			var pools []driver.Pool
			for _, n := range w.nodes {
				pools = append(pools, counting{w.client.pool(t, n.Addr()), &calls})
			}
			s := semaphore.New(pools...).NewSemaphore(w.name, limit, semaphore.WithExpiry(expiry), semaphore.WithUnlimitedTries())
			var all sync.WaitGroup
			for range goroutines {
				all.Go(func() {
					for range sections {
						p, err := s.Acquire()
						if !assert.NoError(t, err) {
							return
						}
						assert.LessOrEqual(t, held.Add(1), int64(limit))
						held.Add(-1)
						ok, err := p.Release()
						assert.True(t, ok, err)
					}
				})
			}
			all.Wait()
			require.Less(t, calls.Load(), int64(len(w.nodes)*goroutines*sections))
			w.awaitGrants(0)
		}
	})
}
