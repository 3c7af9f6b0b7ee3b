package rwmutex_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

func TestDowngrade(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw, other := w.rwmutex(), w.rwmutex()
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		before := time.Now()
		require.NoError(t, rw.Downgrade(context.Background()))
		requireUntil(t, rw.RUntil(), before, time.Now(), expiry-expiry/100)
		w.awaitWriter("")
		w.awaitReaders(1)
		w.requireNotHeld(rw.Unlock, rw.Extend, downgrade(rw))
		w.requireTaken(other.TryLock())
		require.NoError(t, other.TryRLock())
		requireYes(t, other.RUnlock)
		requireYes(t, rw.RExtend)
		requireYes(t, rw.RUnlock)
		w.requireNotHeld(rw.RUnlock)
		w.requireSettled()
	})
}

func TestADowngradeLetsWaitingReadersIn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.newWaiter()
		require.NoError(t, rw.Lock())
		others := []*waiter{w.newWaiter().read(), w.newWaiter().read()}
		for _, x := range others {
			x.requireWaits(t)
		}
		rw.read().requireWaits(t) // through the same object
		require.NoError(t, rw.Downgrade(context.Background()))
		for _, x := range append(others, rw) {
			x.requireIn(t)
		}
		w.requireTaken(w.rwmutex().TryLock())
		for _, x := range append(others, rw, rw) {
			requireYes(t, x.RUnlock)
		}
		w.requireSettled()
	})
}

func TestNoWriterComesBetween(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		x := w.newWaiter().write()
		w.awaitWaitingWriters(1)
		require.NoError(t, rw.Downgrade(context.Background()))
		x.requireWaits(t)
		requireYes(t, rw.RExtend)
		require.ErrorIs(t, w.rwmutex().TryRLock(), rwmutex.ErrFailed, "a writer waits")
		requireYes(t, rw.RUnlock)
		x.requireIn(t)
		requireYes(t, x.Unlock)
		w.requireSettled()
	})
}

// What is left of an expired write hold has to be given back, and holds nothing.
func TestDowngradeAfterExpiry(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.lockBriefly()
		until := rw.Until()
		w.awaitFree()
		err := requireNo(t, downgrade(rw))
		require.ErrorIs(t, err, rwmutex.ErrLockAlreadyExpired)
		w.requireNamed(err)
		w.requireNotHeld(rw.Unlock)
		assert.Equal(t, until, rw.RUntil())
		require.ErrorIs(t, rw.TryLock(), rwmutex.ErrFailed, "not given back yet")
		require.ErrorIs(t, requireNo(t, rw.RUnlock), rwmutex.ErrLockAlreadyExpired)
		w.requireNotHeld(rw.RUnlock)
		w.requireSettled()
		require.Eventually(t, func() bool { return rw.TryLock() == nil }, patience, tick, "the place was given back")
		_, _ = rw.Unlock() // it may have expired again
	})
}

func TestDowngradeOfALostHold(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		w.lose("writer", w.nodes...)
		require.ErrorIs(t, requireNo(t, downgrade(rw)), rwmutex.ErrLockAlreadyExpired)
		require.ErrorIs(t, requireNo(t, rw.RUnlock), rwmutex.ErrLockAlreadyExpired)
		w.requireSettled()

		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		w.put("another client", w.nodes...)
		assert.True(t, isA[*rwmutex.ErrTaken](requireNo(t, downgrade(rw))))
		assert.True(t, isA[*rwmutex.ErrTaken](requireNo(t, rw.RUnlock)))
		w.awaitWriter("another client")
		w.lose("writer", w.nodes...)
		w.requireSettled()
	})
}

// Where nothing was sent the nodes still have a writer, which counts as a reader.
func TestDowngradeWithAnEndedContext(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, extends := range []bool{false, true} {
			rw := w.rwmutex()
			require.NoError(t, rw.Lock())
			w.awaitWriter(rw.Value())
			until := rw.Until()
			require.ErrorIs(t, rw.Downgrade(ctx), context.Canceled)
			assert.Equal(t, until, rw.RUntil())
			w.requireNotHeld(rw.Unlock)
			w.requireTaken(w.rwmutex().TryLock())
			if extends {
				requireYes(t, rw.RExtend)
				assert.True(t, rw.RUntil().After(until))
				w.awaitReaders(1)
				w.awaitWriter("")
			}
			requireYes(t, rw.RUnlock)
			w.requireSettled()
		}
	})
}

// A key that is lost on a minority does not matter.
func TestDowngradeWithAMinorityLost(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		w.lose("writer", w.nodes[1])
		w.put("another client", w.nodes[3])
		require.NoError(t, rw.Downgrade(context.Background()))
		w.await([]*redistest.Node{w.nodes[1]}, "the repair", func(n *redistest.Node) bool {
			requireYes(t, rw.RExtend) // repairs nodes where nothing is under way any more
			return w.live(n, "readers") == 1
		})
		w.awaitReaders(1, w.nodes[0], w.nodes[2], w.nodes[4])
		requireYes(t, rw.RUnlock)
		w.awaitWriter("another client", w.nodes[3])
		w.lose("writer", w.nodes[3])
		w.requireSettled()
	})
}

func TestDowngradeWithSilentNodes(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	onNodes(t, 5, func(t *testing.T, w *world) {
		f := w.factory()
		w.warm(f)
		rw := w.on(f, hasty)
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		until := rw.Until()
		w.nodes[0].Pause(t)
		w.nodes[1].Pause(t)
		w.nodes[2].Pause(t)
		within(t, expiry/2, func() { requireNodeErrors(t, requireNo(t, downgrade(rw)), 0, 1, 2) })
		assert.Equal(t, until, rw.RUntil())
		w.nodes[1].Resume(t)
		w.nodes[2].Resume(t)
		w.requireNotHeld(rw.Unlock)
		w.await(w.nodes[1:], "the lease", func(n *redistest.Node) bool { // connections may have broken
			_, _ = rw.RExtend()
			return w.live(n, "readers") == 1 && w.writer(n) == ""
		})
		runlockInTheEnd(t, rw)
		w.awaitFree(w.nodes[1:]...)
		w.nodes[0].Resume(t)
		w.awaitReleased(rw)
	})
}
