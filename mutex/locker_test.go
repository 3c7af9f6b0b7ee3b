package mutex_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

func TestLockerRenewsItsHold(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		t.Parallel()                 // the clients side by side, as this mostly waits
		m := w.mutex(renewed[:2]...) // a Locker renews without WithAutoExtend
		l := m.Locker()
		l.Lock()
		first, value := m.Until(), m.Value()
		require.Eventually(t, func() bool { return time.Now().After(first) }, patience, tick)
		requireYes(t, m.Valid)
		assert.True(t, m.Until().After(first))
		assert.Equal(t, value, m.Value())
		assert.ErrorIs(t, w.mutex().TryLock(), mutex.ErrFailed)
		l.Unlock()
		w.requireSettled()
	})
}

// A Locker waits as sync's do: whatever WithTries says.
func TestLockerWaitsWithoutLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.put("another client", w.nodes...)
		var waits atomic.Int32
		l := w.mutex(mutex.WithTries(1), mutex.WithRetryDelayFunc(func(int) time.Duration {
			waits.Add(1)
			return time.Millisecond
		})).Locker()
		locked := make(chan struct{})
		go func() {
			l.Lock()
			close(locked)
		}()
		require.Eventually(t, func() bool { return waits.Load() >= 5 }, patience, tick)
		w.lose(w.nodes...)
		<-locked
		l.Unlock()
	})
}

func TestLockerInACondition(t *testing.T) {
	onNodes(t, 1, func(t *testing.T, w *world) {
		l := w.mutex(mutex.WithRetryDelay(time.Millisecond)).Locker()
		ready := false // l guards it
		c := sync.NewCond(l)
		go func() {
			l.Lock()
			defer l.Unlock()
			ready = true
			c.Broadcast()
		}()
		l.Lock()
		for !ready {
			c.Wait()
		}
		l.Unlock()
		w.requireSettled()
	})
}

func TestLockerPanics(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		assert.Panics(t, w.mutex(mutex.WithTries(0)).Locker().Lock, "bad configuration")
		l := w.mutex().Locker()
		assert.Panics(t, l.Unlock, "not held")
		l.Lock()
		assert.NotPanics(t, l.Unlock)
		assert.Panics(t, l.Unlock, "unlocked already")
		l.Lock()
		w.put("another client", w.nodes...)
		assert.Panics(t, l.Unlock, "lost")
		w.lose(w.nodes...)
		l.Lock()
		assert.NotPanics(t, l.Unlock, "none the worse for it")
	})
}

// Nodes that cannot be reached do not make Unlock panic, nor Lock.
func TestLockerWithUnreachableNodes(t *testing.T) {
	redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
	onNodes(t, 3, func(t *testing.T, w *world) {
		var waits atomic.Int32
		m := w.mutex(hasty, mutex.WithRetryDelayFunc(func(int) time.Duration {
			waits.Add(1)
			return time.Millisecond
		}))
		l := m.Locker()
		l.Lock()
		for _, n := range w.nodes {
			n.Kill(t)
		}
		assert.NotPanics(t, l.Unlock)
		locked := make(chan struct{})
		go func() {
			l.Lock()
			close(locked)
		}()
		require.Eventually(t, func() bool { return waits.Load() > 0 }, patience, tick)
		for _, n := range w.nodes {
			n.Restart(t)
		}
		<-locked
		l.Unlock()
	})
}

// A value function that fails now and then does not end the wait.
func TestLockerWithAValueFunctionThatFails(t *testing.T) {
	calls := 0
	l := mutex.New(stub(granting)).NewMutex("name",
		mutex.WithRetryDelay(time.Millisecond),
		mutex.WithGenValueFunc(func() (string, error) {
			if calls++; calls < 3 {
				return "", errors.New("no value yet")
			}
			return "value", nil
		})).Locker()
	l.Lock()
	assert.Equal(t, 3, calls)
	l.Unlock()
}
