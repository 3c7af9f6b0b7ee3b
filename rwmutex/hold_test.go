package rwmutex_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/rwmutex"
)

// downgrade makes a call like the others of Downgrade.
func downgrade(rw *rwmutex.RWMutex) func() (bool, error) {
	return func() (bool, error) {
		err := rw.Downgrade(context.Background())
		return err == nil, err
	}
}

// requireNotHeld checks that all the calls say that there is no such hold.
func (w *world) requireNotHeld(calls ...func() (bool, error)) {
	w.t.Helper()
	for _, call := range calls {
		err := requireNo(w.t, call)
		require.ErrorIs(w.t, err, rwmutex.ErrLockAlreadyExpired)
		require.ErrorContains(w.t, err, "not held")
		w.requireNamed(err)
	}
}

func TestReleasesBeforeAnyHold(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		rw := w.on(f)
		w.requireNotHeld(rw.Unlock, rw.RUnlock, rw.Extend, rw.RExtend, downgrade(rw))
		assert.ErrorIs(t, requireNo(t, rw.Extend), rwmutex.ErrExtendFailed)
		assert.ErrorIs(t, requireNo(t, rw.RExtend), rwmutex.ErrExtendFailed)
		spies.requireNone(t)
		require.NoError(t, rw.Lock(), "it is as good as before")
		requireYes(t, rw.Unlock)
		require.NoError(t, rw.RLock())
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

func TestAReaderIsNoWriter(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f := w.factory()
		rw, other := w.on(f), w.on(f)
		require.NoError(t, rw.RLock())
		w.requireNotHeld(rw.Unlock, rw.Extend, downgrade(rw))
		w.requireNotHeld(other.Unlock, other.RUnlock, other.RExtend)
		w.awaitReaders(1)
		requireYes(t, rw.RExtend)
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

func TestAWriterIsNoReader(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f := w.factory()
		rw, other := w.on(f), w.on(f)
		require.NoError(t, rw.Lock())
		w.requireNotHeld(rw.RUnlock, rw.RExtend)
		w.requireNotHeld(other.Unlock, other.RUnlock, other.Extend, downgrade(other))
		requireYes(t, rw.Valid)
		requireYes(t, rw.Unlock)
		w.requireSettled()
	})
}

func TestReleasedTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw, next := w.rwmutex(), w.rwmutex()
		require.NoError(t, rw.Lock())
		requireYes(t, rw.Unlock)
		w.requireNotHeld(rw.Unlock, downgrade(rw))
		require.NoError(t, rw.RLock())
		requireYes(t, rw.RUnlock)
		w.requireNotHeld(rw.RUnlock)

		require.NoError(t, next.RLock())
		w.requireNotHeld(rw.Unlock, rw.RUnlock, rw.Extend, rw.RExtend, downgrade(rw))
		requireYes(t, next.RExtend)
		requireYes(t, next.RUnlock)
		require.NoError(t, next.Lock())
		w.requireNotHeld(rw.Unlock, rw.RUnlock, rw.Extend, rw.RExtend, downgrade(rw))
		requireYes(t, next.Valid)
		requireYes(t, next.Unlock)
		w.requireSettled()
	})
}

// As many RUnlocks as there were RLocks, and the lease lasts for the last of them.
func TestReadHoldsAreCounted(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		for range 3 {
			require.NoError(t, rw.RLock())
		}
		w.awaitReaders(1)
		for range 2 {
			requireYes(t, rw.RUnlock)
			w.requireTaken(w.rwmutex().TryLock())
		}
		requireYes(t, rw.RUnlock)
		w.requireNotHeld(rw.RUnlock)
		w.requireSettled()
	})
}

func TestAWriterAfterExpiry(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.lockBriefly()
		value, until := rw.Value(), rw.Until()
		w.awaitFree() // nobody has released it
		for _, call := range []func() (bool, error){rw.Valid, rw.Extend, rw.Unlock} {
			err := requireNo(t, call)
			require.ErrorIs(t, err, rwmutex.ErrLockAlreadyExpired)
			w.requireNamed(err)
		}
		assert.Equal(t, value, rw.Value(), "the expired hold's")
		assert.Equal(t, until, rw.Until(), "the expired hold's")
		w.requireSettled()
		require.Eventually(t, func() bool { return rw.TryRLock() == nil }, patience, tick, "the place was given back")
		_, _ = rw.RUnlock() // it may have expired again
	})
}

// Each of the readers of an expired lease gets an error, also when another process has
// taken the lock. No new reader joins the lease.
func TestReadersAfterExpiry(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw, next := w.readBriefly(2, w.rwmutex), w.rwmutex()
		until := rw.RUntil()
		w.awaitFree() // nobody has released it
		require.ErrorIs(t, rw.TryRLock(), rwmutex.ErrFailed)
		require.NoError(t, next.Lock())
		for _, call := range []func() (bool, error){rw.RExtend, rw.RUnlock, rw.RUnlock} {
			err := requireNo(t, call)
			require.ErrorIs(t, err, rwmutex.ErrLockAlreadyExpired)
			w.requireNamed(err)
		}
		assert.Equal(t, until, rw.RUntil(), "the expired lease's")
		requireYes(t, next.Valid)
		w.requireTaken(rw.TryRLock())
		requireYes(t, next.Unlock)
		w.requireSettled()
	})
}

func TestAfterTheKeyWasDeleted(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		for _, half := range []struct {
			lock           func() error
			kind           string
			extend, unlock func() (bool, error)
		}{
			{rw.Lock, "writer", rw.Extend, rw.Unlock},
			{rw.RLock, "readers", rw.RExtend, rw.RUnlock},
		} {
			require.NoError(t, half.lock())
			settle(t)
			w.lose(half.kind, w.nodes...)
			err := requireNo(t, half.extend)
			assert.ErrorIs(t, err, rwmutex.ErrExtendFailed)
			assert.ErrorIs(t, err, rwmutex.ErrLockAlreadyExpired)
			assert.ErrorIs(t, requireNo(t, half.unlock), rwmutex.ErrLockAlreadyExpired)
			w.requireSettled() // a lost hold is not revived
		}
	})
}

func TestAfterTheLockWasTaken(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		requireTakenFrom := func(calls ...func() (bool, error)) {
			for _, call := range calls {
				err := requireNo(t, call)
				taken, ok := find[*rwmutex.ErrTaken](err)
				require.True(t, ok, "%v", err)
				assert.GreaterOrEqual(t, len(taken.Nodes), w.quorum())
				w.requireNamed(err)
			}
		}
		require.NoError(t, rw.Lock())
		settle(t)
		w.put("another client", w.nodes...)
		requireTakenFrom(rw.Valid, rw.Extend, rw.Unlock)
		w.awaitWriter("another client")
		w.lose("writer", w.nodes...)

		require.NoError(t, rw.RLock())
		settle(t)
		w.lose("readers", w.nodes...)
		w.put("another client", w.nodes...)
		requireTakenFrom(rw.RExtend, rw.RUnlock)
		w.awaitWriter("another client")
		w.lose("writer", w.nodes...)
		w.requireSettled()
	})
}

// A minority that has forgotten the lease, or has granted another client's, changes
// nothing. Where no token is, the next extension puts it back.
func TestAfterAMinorityHasLostIt(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		settle(t) // a node whose grant is still on its way back is not repaired
		w.lose("writer", w.nodes[0])
		w.put("another client", w.nodes[1])
		requireYes(t, rw.Valid)
		requireYes(t, rw.Extend)
		w.awaitWriter(rw.Value(), w.nodes[0])
		w.awaitWriter("another client", w.nodes[1])
		requireYes(t, rw.Unlock)
		w.awaitFree(w.nodes[0], w.nodes[2], w.nodes[3], w.nodes[4])
		w.lose("writer", w.nodes[1])

		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		settle(t)
		w.lose("readers", w.nodes[0], w.nodes[1])
		w.put("another client", w.nodes[1])
		requireYes(t, rw.RExtend)
		w.awaitReaders(1, w.nodes[0])
		requireYes(t, rw.RUnlock)
		w.awaitWriter("another client", w.nodes[1])
		w.lose("writer", w.nodes[1])
		w.requireSettled()
	})
}

func TestTransferByValue(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		settle(t)
		heir := w.rwmutex(rwmutex.WithValue(rw.Value()))
		assert.Equal(t, rw.Value(), heir.Value())
		assert.True(t, heir.Until().IsZero(), "only the nodes know")
		w.requireNotHeld(downgrade(heir), heir.RUnlock)
		requireYes(t, heir.Valid)
		requireYes(t, heir.Extend)
		assert.False(t, heir.Until().IsZero())
		requireYes(t, heir.Unlock)
		w.requireSettled()
		assert.ErrorIs(t, requireNo(t, rw.Unlock), rwmutex.ErrLockAlreadyExpired)
		assert.ErrorIs(t, requireNo(t, heir.Unlock), rwmutex.ErrLockAlreadyExpired)
	})
}

// A try that fails gives back what single nodes have granted.
func TestAFailedTryLeavesNothing(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		w.put("another client", w.nodes[:3]...)
		w.requireTaken(w.rwmutex().TryLock())
		w.awaitFree(w.nodes[3:]...)
		w.requireTaken(w.rwmutex().TryRLock())
		w.awaitFree(w.nodes[3:]...)
		w.awaitWriter("another client", w.nodes[:3]...)
		w.lose("writer", w.nodes[:3]...)
		w.requireSettled()
	})
}
