package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

// always gives permits one and the same value.
func always(value string) semaphore.Option {
	return semaphore.WithGenValueFunc(func() (string, error) { return value, nil })
}

// Each try has a value of its own.
func TestGeneratedValues(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var made atomic.Int32
		s := w.semaphore(2, semaphore.WithGenValueFunc(func() (string, error) {
			return fmt.Sprintf("value\x00 %d", made.Add(1)), nil
		}))
		one, two := acquire(t, s, 1), acquire(t, s, 1)
		assert.Equal(t, "value\x00 1", one.Value())
		assert.Equal(t, "value\x00 2", two.Value())
		requireTaken(t, s, 1)
		settle(t)
		assert.EqualValues(t, 3, made.Load())
		requireYes(t, one.Extend)
		requireYes(t, one.Release)
		three := acquire(t, s, 1)
		assert.Equal(t, "value\x00 4", three.Value())
		assert.Equal(t, one.Slots(), three.Slots())
		release(t, two, three)
		w.awaitGrants(0)
	})
}

// A value that is held already is refused, whichever client holds it, and the holder's
// permit stays as it was.
func TestAValueTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s, other := w.semaphore(3, always("the same")), w.semaphore(3, always("the same"))
		p := acquire(t, s, 1)
		for range 3 {
			requireRefused(t, s)
			requireRefused(t, other)
			settle(t)
		}
		w.awaitGrants(1)
		requireHeld(t, s, 1)
		requireYes(t, p.Extend)
		requireYes(t, p.Release)
		w.awaitGrants(0)
		q := acquire(t, other, 2)
		requireNo(t, p.Release, semaphore.ErrLockAlreadyExpired)
		w.awaitGrants(1)
		requireYes(t, q.Release)
		w.awaitGrants(0)
	})
}

// Nodes that choose different slots are asked again, with the next value.
func TestGeneratedValuesOnNodesThatDisagree(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		strays := []*semaphore.Permit{w.stray(0, 0)[0], w.stray(1, 1)[0], w.stray(2, 0)[0], w.stray(2, 2)[0]}
		var made atomic.Int32
		s := w.semaphore(6, semaphore.WithGenValueFunc(func() (string, error) {
			return fmt.Sprint("value ", made.Add(1)), nil
		}))
		p := acquire(t, s, 1) // the nodes choose 1, 0 and 1
		assert.Equal(t, fmt.Sprint("value ", made.Load()), p.Value())
		requireYes(t, p.Extend)
		release(t, p)
		release(t, strays...)
		settle(t)
		w.awaitGrants(0)
	})
}

func TestAValueThatCannotBeMade(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		broken := errors.New("no entropy")
		s := w.semaphore(2, semaphore.WithGenValueFunc(func() (string, error) { return "", broken }))
		for _, call := range []func() (*semaphore.Permit, error){s.Acquire, s.TryAcquire} {
			p, err := call()
			require.Nil(t, p)
			require.ErrorIs(t, err, semaphore.ErrFailed)
			require.ErrorIs(t, err, broken)
		}
		_, err := w.semaphore(2, always("")).Acquire()
		require.ErrorIs(t, err, semaphore.ErrFailed)
		require.ErrorIs(t, err, semaphore.ErrConfig)
		w.awaitGrants(0)
	})
}

func TestShuffledPools(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := w.semaphore(4, semaphore.WithShufflePools(true))
		for range 5 {
			permits := fill(t, s)
			assert.Len(t, slotsOf(t, permits...), 4)
			requireTaken(t, s, 1)
			for _, p := range permits {
				requireYes(t, p.Extend)
			}
			release(t, permits...)
			settle(t)
			w.awaitGrants(0)
		}
	})
}

// Errors go by the order in which the pools were given.
func TestShuffledPoolsKeepTheirNumbers(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	onNodes(t, 3, func(t *testing.T, w *world) {
		s := w.semaphore(2, semaphore.WithShufflePools(true))
		requireYes(t, acquire(t, s, 1).Release)
		w.nodes[1].Kill(t)
		w.nodes[2].Kill(t)
		for range 10 {
			_, err := s.TryAcquireN(context.Background(), 1)
			require.ErrorIs(t, err, semaphore.ErrFailed)
			var down *semaphore.RedisError
			require.ErrorAs(t, err, &down)
			assert.Contains(t, []int{1, 2}, down.Node)
			assert.NotContains(t, err.Error(), "node #0")
			settle(t)
		}
		w.awaitGrants(0, w.nodes[0])
	})
}

// refusing is a pool that refuses and counts what it was asked.
type refusing struct{ asked atomic.Int32 }

func (r *refusing) Eval(context.Context, *driver.Call) (any, error) {
	r.asked.Add(1)
	return int64(0), nil
}

func TestTryAcquireDoesNotWait(t *testing.T) {
	pool := new(refusing)
	s := semaphore.New(pool).NewSemaphore("name", 4)
	ctx := context.Background()
	for name, try := range map[string]func() (*semaphore.Permit, error){
		"TryAcquire":        s.TryAcquire,
		"TryAcquireContext": func() (*semaphore.Permit, error) { return s.TryAcquireContext(ctx) },
		"TryAcquireN":       func() (*semaphore.Permit, error) { return s.TryAcquireN(ctx, 2) },
	} {
		before := pool.asked.Load()
		_, err := try()
		require.ErrorIs(t, err, semaphore.ErrFailed, name)
		require.EqualValues(t, 1, pool.asked.Load()-before, name)
	}
}
