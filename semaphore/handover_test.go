package semaphore_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
	"github.com/holdfast-go/holdfast/semaphore"
)

// counting counts the hand-overs that go to a node. What it wraps can not tell waiters.
type counting struct {
	driver.Pool
	handed *atomic.Int64
}

func (c counting) Eval(ctx context.Context, call *driver.Call) (any, error) {
	if call.Script() == scripts.SemaphoreHandover {
		c.handed.Add(1)
	}
	return c.Pool.Eval(ctx, call)
}

// A permit goes to the goroutine that waits for as many, slots and all.
func TestAPermitIsPassedOn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var handed atomic.Int64
		var pools []driver.Pool
		for _, n := range w.nodes {
			pools = append(pools, counting{w.client.pool(t, n.Addr()), &handed})
		}
		s := semaphore.New(pools...).NewSemaphore(w.name, 3, semaphore.WithExpiry(expiry), semaphore.WithUnlimitedTries())
		one, p := acquire(t, s, 1), acquire(t, s, 2)
		q := p
		for round := 0; handed.Load() == 0; round++ { // one that asks the nodes at that moment is not served
			require.Less(t, round, 100, "nothing was passed on")
			w.awaitGrants(2)
			p, q = q, w.passOn(s, q)
			assert.Equal(t, p.Slots(), q.Slots())
			assert.NotEqual(t, p.Value(), q.Value())
		}
		w.awaitGrants(2)
		requireYes(t, q.Extend)
		ok, err := p.Release()
		require.False(t, ok)
		require.ErrorIs(t, err, semaphore.ErrLockAlreadyExpired)
		requireYes(t, q.Release)
		requireYes(t, one.Release)
		w.awaitGrants(0)
	})
}

// passOn gives a permit back while another goroutine waits for as many.
func (w *world) passOn(s *semaphore.Semaphore, p *semaphore.Permit) *semaphore.Permit {
	w.t.Helper()
	got := make(chan *semaphore.Permit)
	go func() {
		q, err := s.AcquireN(context.Background(), len(p.Slots()))
		assert.NoError(w.t, err)
		got <- q
	}()
	require.Eventually(w.t, func() bool {
		for _, n := range w.nodes {
			if n.Do(w.t, "ZCARD", w.key("waiters")) != int64(1) {
				return false
			}
		}
		return true
	}, patience, tick, "nobody waits")
	requireYes(w.t, p.Release)
	return <-got
}
