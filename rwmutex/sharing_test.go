package rwmutex_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// Readers of one object are never in each other's way, whether they wait or only try.
func TestReadersThatTryBesideReaders(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex(rwmutex.WithUnlimitedTries())
		var all sync.WaitGroup
		for range 4 {
			for _, lock := range []func() error{rw.RLock, rw.TryRLock} {
				all.Go(func() {
					for range 25 {
						if assert.NoError(t, lock()) {
							_, err := rw.RUnlock()
							assert.NoError(t, err)
						}
					}
				})
			}
		}
		all.Wait()
		w.requireSettled()
	})
}

// The race detector watches the counter: a hold orders memory as one of a
// sync.RWMutex does.
func TestSharedByManyGoroutines(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const goroutines, sections = 8, 10
		rw := w.rwmutex(rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelay(tick))
		counter, seen := 0, atomic.Int64{}
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				for range sections {
					if assert.NoError(t, rw.Lock()) {
						counter++
						_, err := rw.Unlock()
						assert.NoError(t, err)
					}
				}
			})
			all.Go(func() {
				for range sections {
					if assert.NoError(t, rw.RLock()) {
						seen.Add(int64(counter))
						_, err := rw.RUnlock()
						assert.NoError(t, err)
					}
				}
			})
		}
		all.Wait()
		assert.Equal(t, goroutines*sections, counter)
		w.requireSettled()
	})
}

// Goroutines that read at once share one lease, and are all inside together.
func TestReadersShareALease(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const goroutines = 20
		f, spies := w.spied()
		rw := w.on(f)
		var inside, all sync.WaitGroup
		inside.Add(goroutines)
		for range goroutines {
			all.Go(func() {
				if assert.NoError(t, rw.RLock()) {
					inside.Done()
					inside.Wait()
					_, err := rw.RUnlock()
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		spies.await(t, scripts.RWMutex().ReadAcquire, 1)
		spies.await(t, scripts.RWMutex().ReadRelease, 1)
		w.requireSettled()
	})
}

// Whatever goroutines do at once, nothing is left behind and nothing races.
func TestEveryMethodAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex(rwmutex.WithRetryDelay(time.Millisecond), rwmutex.WithTries(3))
		var all sync.WaitGroup
		for range 3 {
			for _, call := range []func(){
				func() { _ = rw.Lock() },
				func() { _ = rw.TryLock() },
				func() { _, _ = rw.Unlock() },
				func() { _, _ = rw.Extend() },
				func() { _, _ = rw.Valid() },
				func() { _ = rw.Downgrade(context.Background()) },
				func() { _ = rw.RLock() },
				func() { _ = rw.TryRLock() },
				func() { _, _ = rw.RUnlock() },
				func() { _, _ = rw.RExtend() },
				func() { _, _, _, _, _ = rw.Name(), rw.Value(), rw.Until(), rw.RValue(), rw.RUntil() },
			} {
				all.Go(func() {
					for range 15 {
						call()
					}
				})
			}
		}
		all.Wait()
		giveAllBack(rw)
		w.requireSettled()
		require.NoError(t, rw.Lock())
		requireYes(t, rw.Unlock)
		require.NoError(t, rw.RLock())
		requireYes(t, rw.RUnlock)
	})
}

func giveAllBack(rw *rwmutex.RWMutex) {
	_, _ = rw.Unlock()
	for {
		if ok, _ := rw.RUnlock(); !ok {
			return
		}
	}
}

func TestTryDoesNotWaitInLine(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		rw := w.on(f)
		require.NoError(t, rw.Lock())
		for _, err := range []error{rw.TryLock(), rw.TryRLock()} {
			require.ErrorIs(t, err, rwmutex.ErrFailed)
			taken, ok := find[*rwmutex.ErrTaken](err)
			require.True(t, ok, "%v", err)
			assert.Empty(t, taken.Nodes, "no node was asked")
		}
		spies.await(t, scripts.RWMutex().WriteAcquire, 1)
		spies.await(t, scripts.RWMutex().ReadAcquire, 0)
		requireYes(t, rw.Unlock)
		require.NoError(t, rw.RLock())
		taken, ok := find[*rwmutex.ErrTaken](rw.TryLock())
		require.True(t, ok)
		assert.Empty(t, taken.Nodes, "no node was asked")
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

// A holder that never gives back does not make its neighbours wait for ever.
func TestTriesRunOutInLine(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		rw := w.on(f, rwmutex.WithTries(4), rwmutex.WithRetryDelay(time.Millisecond))
		require.NoError(t, rw.Lock())
		for _, err := range []error{rw.Lock(), rw.RLock()} {
			require.ErrorIs(t, err, rwmutex.ErrFailed)
			assert.True(t, isA[*rwmutex.ErrTaken](err), "%v", err)
		}
		spies.await(t, scripts.RWMutex().WriteAcquire, 1)
		spies.await(t, scripts.RWMutex().ReadAcquire, 0)
		requireYes(t, rw.Unlock)
		require.NoError(t, rw.RLock())
		require.ErrorIs(t, rw.Lock(), rwmutex.ErrFailed)
		requireYes(t, rw.RUnlock)
		require.NoError(t, rw.Lock())
		requireYes(t, rw.Unlock)
		w.requireSettled()
	})
}

// In one process too a writer that waits stops new readers, and they are let in
// when it goes, be it unserved.
func TestAWriterInLineStopsNewReaders(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.newWaiter()
		require.NoError(t, rw.RLock())
		ctx, cancel := context.WithCancel(context.Background())
		left := make(chan error, 1)
		go func() { left <- rw.LockContext(ctx) }()
		rw.awaitInLine(t)
		require.ErrorIs(t, rw.TryRLock(), rwmutex.ErrFailed)
		rw.read().requireWaits(t)
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		rw.requireIn(t)
		requireYes(t, rw.RUnlock)
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

// awaitInLine waits until a goroutine waits for the object: the delays of the others
// are not asked for.
func (x *waiter) awaitInLine(t *testing.T) {
	t.Helper()
	from := x.tries.Load()
	require.Eventually(t, func() bool { return x.tries.Load() > from }, patience, tick)
}

// A lease keeps its place when it has expired, so that a late RUnlock does not
// touch a later hold of the object.
func TestLateRUnlockOfAnExpiredLease(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var x *waiter
		w.readBriefly(1, func(short ...rwmutex.Option) *rwmutex.RWMutex {
			x = w.newWaiter(short...)
			return x.RWMutex
		})
		w.awaitFree()
		x.write().requireWaits(t)
		assert.Empty(t, x.Value(), "no hold of its own yet")
		assert.ErrorIs(t, requireNo(t, x.RUnlock), rwmutex.ErrLockAlreadyExpired)
		x.requireIn(t)
		assert.NotEmpty(t, x.Value())
		_, _ = x.Unlock() // it may have expired again
		w.requireSettled()
	})
}
