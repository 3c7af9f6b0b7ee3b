package rwmutex_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/rwmutex"
)

// A reader whose process died does not last longer because another one renews:
// the writer waits for the live one only.
func TestADeadReaderBesideALiveOne(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		live := w.rwmutex()
		require.NoError(t, live.RLock())
		w.awaitReaders(1)
		dead := w.readBriefly(1, w.rwmutex)
		until := dead.RUntil()
		x := w.newWaiter().write()
		for _, n := range w.nodes {
			require.Eventually(t, func() bool {
				requireYes(t, live.RExtend)
				return w.live(n, "readers") == 1
			}, patience, tick)
		}
		assert.False(t, time.Now().Before(until), "it has ended too early")
		x.requireWaits(t)
		requireYes(t, live.RUnlock)
		x.requireIn(t)
		requireYes(t, x.Unlock)
		w.requireSettled()
	})
}

// A dead reader is waited for until its lease ends, and no longer.
func TestAWriterWaitsForADeadReadersLease(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		live := w.rwmutex()
		require.NoError(t, live.RLock())
		w.awaitReaders(1)
		dead := w.readBriefly(1, w.rwmutex)
		until := dead.RUntil()
		requireYes(t, live.RUnlock)
		x := w.newWaiter().write()
		x.requireIn(t)
		assert.False(t, time.Now().Before(until), "a writer beside a valid reader")
		requireYes(t, x.Unlock)
		assert.ErrorIs(t, requireNo(t, dead.RUnlock), rwmutex.ErrLockAlreadyExpired)
		w.requireSettled()
	})
}

// The same for a dead writer.
func TestADeadWriter(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, wait := range []func(*waiter) *waiter{(*waiter).write, (*waiter).read} {
			dead := w.lockBriefly()
			until := dead.Until()
			x := wait(w.newWaiter())
			x.requireIn(t)
			assert.False(t, time.Now().Before(until), "beside a valid writer")
			assert.ErrorIs(t, requireNo(t, dead.Unlock), rwmutex.ErrLockAlreadyExpired)
			if ok, _ := x.Unlock(); !ok {
				requireYes(t, x.RUnlock)
			}
			w.requireSettled()
		}
	})
}
