package mutex_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// brief is the shortest expiry for tests that wait for its end.
const brief = 100 * time.Millisecond

// lockBriefly locks a mutex, which create makes with the options that it is given, for
// so short a time that the test can wait for the end. When it returns every node has
// the token, so that nothing comes later. A machine that stalls for longer than that
// takes gets another mutex, with a longer expiry.
func (w *world) lockBriefly(create func(...mutex.Option) *mutex.Mutex) *mutex.Mutex {
	w.t.Helper()
	for lifetime := brief; lifetime < patience; lifetime *= 2 {
		calls := mutex.WithTimeoutFactor(float64(patience) / float64(lifetime)) // none ends before its answer
		m := create(mutex.WithExpiry(lifetime), calls)
		if m.TryLock() == nil && w.heldBy(m) {
			return m
		}
		_, _ = m.Unlock()
		settle(w.t)
	}
	require.Fail(w.t, "the machine is too slow for any expiry")
	return nil
}

// heldBy reports whether every node has m's token before that ends.
func (w *world) heldBy(m *mutex.Mutex) bool {
	w.t.Helper()
	for time.Now().Before(m.Until()) {
		if w.holders(m.Value()) == len(w.nodes) {
			return true
		}
	}
	return false
}

func TestUnlockBeforeLock(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		m := w.on(f)
		require.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
		err := requireNo(t, m.Extend)
		require.ErrorIs(t, err, mutex.ErrExtendFailed)
		require.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)
		spies.requireAtMost(t, scripts.Mutex().Release, 0)
		spies.requireAtMost(t, scripts.Mutex().Extend, 0)
		require.NoError(t, m.Lock(), "the mutex is as good as before")
		requireYes(t, m.Unlock)
	})
}

func TestUnlockTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m, next := w.mutex(), w.mutex()
		require.NoError(t, m.Lock())
		requireYes(t, m.Unlock)
		require.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)

		require.NoError(t, next.Lock())
		require.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
		err := requireNo(t, m.Extend)
		require.ErrorIs(t, err, mutex.ErrExtendFailed)
		require.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)
		requireYes(t, next.Unlock)
	})
}

func TestUnlockByAnotherObject(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f := w.factory()
		m, other := w.on(f), w.on(f)
		require.NoError(t, m.Lock())
		require.ErrorIs(t, requireNo(t, other.Unlock), mutex.ErrLockAlreadyExpired)
		require.Error(t, other.TryLock())
		require.ErrorIs(t, requireNo(t, other.Unlock), mutex.ErrLockAlreadyExpired)
		requireYes(t, m.Valid)
		requireYes(t, m.Unlock)
	})
}

func TestAfterExpiry(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.lockBriefly(w.mutex)
		value, until := m.Value(), m.Until()
		w.awaitFree() // nobody has released it

		assert.ErrorIs(t, requireNo(t, m.Valid), mutex.ErrLockAlreadyExpired)
		err := requireNo(t, m.Extend)
		assert.ErrorIs(t, err, mutex.ErrExtendFailed)
		assert.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)
		assert.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
		assert.Equal(t, value, m.Value(), "the expired hold's")
		assert.Equal(t, until, m.Until(), "the expired hold's")
		assert.Zero(t, w.holders(value), "nothing has come back")

		require.Eventually(t, func() bool { return m.TryLock() == nil }, patience, tick, "the place was given back")
		_, _ = m.Unlock() // it may have expired again
	})
}

func TestAfterAnotherHasTakenIt(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m, next := w.lockBriefly(w.mutex), w.mutex()
		w.awaitFree()
		require.NoError(t, next.Lock())
		w.awaitHolder(next.Value())

		requireNo(t, m.Valid)
		assert.ErrorIs(t, requireNo(t, m.Extend), mutex.ErrExtendFailed)
		err := requireNo(t, m.Unlock)
		assert.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)
		assert.True(t, isA[*mutex.ErrTaken](err), "taken by another client: %v", err)
		assert.Equal(t, len(w.nodes), w.holders(next.Value()), "the next hold is untouched")
		requireYes(t, next.Unlock)
	})
}

func TestAfterTheKeyWasDeleted(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		until := m.Until()
		w.lose(w.nodes...)

		err := requireNo(t, m.Extend)
		assert.ErrorIs(t, err, mutex.ErrExtendFailed)
		assert.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)
		assert.Equal(t, until, m.Until())
		assert.Zero(t, w.holders(m.Value()), "a lost hold is not revived")
		assert.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
	})
}

func TestAfterTheKeyWasTaken(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		until := m.Until()
		w.put("another client", w.nodes...)

		for _, call := range []func() (bool, error){m.Valid, m.Extend, m.Unlock} {
			err := requireNo(t, call)
			taken, ok := find[*mutex.ErrTaken](err)
			require.True(t, ok, "%v", err)
			assert.GreaterOrEqual(t, len(taken.Nodes), w.quorum())
		}
		assert.Equal(t, until, m.Until())
		assert.Equal(t, len(w.nodes), w.holders("another client"))
		require.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
	})
}

// A minority that has forgotten the lease, or has granted another client's, changes
// nothing. Where no token is, the next extension puts it back.
func TestAfterAMinorityHasLostIt(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		settle(t) // a node whose grant is still on its way back is not repaired
		w.lose(w.nodes[0])
		w.put("another client", w.nodes[1])

		requireYes(t, m.Valid)
		requireYes(t, m.Extend)
		w.awaitHolder(m.Value(), w.nodes[0])
		w.awaitHolder("another client", w.nodes[1])
		requireYes(t, m.Unlock)
		w.awaitFree(w.nodes[0], w.nodes[2], w.nodes[3], w.nodes[4])
		w.awaitHolder("another client", w.nodes[1])
	})
}

// A node that was repaired proves nothing about the time before: it votes only
// after another extension was won without it.
func TestRepairedNodesVoteOneExtensionLater(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		lost := func() *mutex.Mutex {
			m := w.mutex()
			require.NoError(t, m.Lock())
			w.awaitHolder(m.Value())
			settle(t) // a node whose grant is still on its way back is not repaired
			w.lose(w.nodes[0])
			requireYes(t, m.Extend)
			w.awaitHolder(m.Value())
			return m
		}
		m := lost()
		w.lose(w.nodes[1])
		require.Equal(t, 2, w.holders(m.Value()), "a majority, but for the repaired one")
		requireNo(t, m.Valid)
		assert.ErrorIs(t, requireNo(t, m.Extend), mutex.ErrExtendFailed)
		_, _ = m.Unlock()
		w.awaitFree()

		m = lost()
		require.Eventually(t, func() bool {
			requireYes(t, m.Extend)
			return w.votesWithout(m, w.nodes[1])
		}, patience, tick, "a repaired node is never trusted again")
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}

// votesWithout reports whether m is valid while a node does not have it.
func (w *world) votesWithout(m *mutex.Mutex, n *redistest.Node) bool {
	w.lose(n)
	defer w.put(m.Value(), n)
	ok, _ := m.Valid()
	return ok
}

func TestTransferByValue(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		heir := w.mutex(mutex.WithValue(m.Value()))
		assert.Equal(t, m.Value(), heir.Value())
		assert.True(t, heir.Until().IsZero(), "only the nodes know")

		requireYes(t, heir.Valid)
		before := time.Now()
		requireYes(t, heir.Extend)
		requireUntil(t, heir.Until(), before, time.Now(), expiry-expiry/100)
		requireYes(t, heir.Unlock)
		w.awaitFree()
		assert.ErrorIs(t, requireNo(t, m.Unlock), mutex.ErrLockAlreadyExpired)
		assert.ErrorIs(t, requireNo(t, heir.Unlock), mutex.ErrLockAlreadyExpired)
	})
}

// A value that no lease has, or that another client has overtaken.
func TestAdoptingAValueThatIsNotThere(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		heir := w.mutex(mutex.WithValue("gone"))
		assert.ErrorIs(t, requireNo(t, heir.Valid), mutex.ErrLockAlreadyExpired)
		assert.ErrorIs(t, requireNo(t, heir.Extend), mutex.ErrLockAlreadyExpired)
		assert.Zero(t, w.holders("gone"))
		assert.True(t, heir.Until().IsZero())
		assert.ErrorIs(t, requireNo(t, heir.Unlock), mutex.ErrLockAlreadyExpired)

		w.put("another client", w.nodes...)
		heir = w.mutex(mutex.WithValue("gone"))
		for _, call := range []func() (bool, error){heir.Valid, heir.Extend, heir.Unlock} {
			assert.True(t, isA[*mutex.ErrTaken](requireNo(t, call)))
		}
		assert.Equal(t, len(w.nodes), w.holders("another client"))
	})
}

// A Lock after an adoption makes a hold of its own.
func TestLockAfterAdoption(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex(mutex.WithValue("adopted"))
		w.put("adopted", w.nodes...)
		assert.True(t, isA[*mutex.ErrTaken](m.TryLock()), "the adopted hold is one")
		requireYes(t, m.Unlock)
		w.awaitFree()
		require.NoError(t, m.TryLock())
		assert.NotEqual(t, "adopted", m.Value())
		w.awaitHolder(m.Value())
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}

// A try that fails gives back what single nodes have granted.
func TestAFailedTryLeavesNothing(t *testing.T) {
	onNodes(t, 5, func(t *testing.T, w *world) {
		w.put("another client", w.nodes[:3]...)
		err := w.mutex().TryLock()
		require.ErrorIs(t, err, mutex.ErrFailed)
		require.True(t, isA[*mutex.ErrTaken](err), "%v", err)
		w.awaitFree(w.nodes[3:]...)
		w.awaitHolder("another client", w.nodes[:3]...)
	})
}
