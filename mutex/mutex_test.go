package mutex_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestLockAndUnlock(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		for range 3 { // a mutex is used again and again
			require.NoError(t, m.Lock())
			assert.GreaterOrEqual(t, w.holders(m.Value()), w.quorum(), "when Lock returns")
			w.awaitHolder(m.Value())
			requireYes(t, m.Valid)
			requireYes(t, m.Unlock)
			w.awaitFree()
		}
	})
}

func TestKeyLivesAsLongAsTheExpiry(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		for _, n := range w.nodes {
			assert.LessOrEqual(t, w.lifetime(n), expiry)
			assert.Greater(t, w.lifetime(n), expiry/2)
		}
		requireYes(t, m.Unlock)
	})
}

// requireUntil checks that u is lifetime after a moment between two others, which
// is the start of the deciding try.
func requireUntil(t *testing.T, u, from, to time.Time, lifetime time.Duration) {
	t.Helper()
	assert.False(t, u.Before(from.Add(lifetime)), "Until is too early")
	assert.False(t, u.After(to.Add(lifetime)), "Until is too late")
}

func TestUntilIsExpiryLessDrift(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for drift, lifetime := range map[float64]time.Duration{
			0:    expiry,
			0.01: expiry - expiry/100,
			0.5:  expiry / 2,
		} {
			m := w.mutex(mutex.WithDriftFactor(drift))
			before := time.Now()
			require.NoError(t, m.Lock())
			requireUntil(t, m.Until(), before, time.Now(), lifetime)
			before = time.Now()
			requireYes(t, m.Extend)
			requireUntil(t, m.Until(), before, time.Now(), lifetime)
			requireYes(t, m.Unlock)
		}
	})
}

// What Redis cannot count does not count: it rounds to whole milliseconds.
func TestExpiryIsRoundedDown(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		m := w.on(f, mutex.WithExpiry(expiry+999*time.Microsecond), mutex.WithDriftFactor(0))
		before := time.Now()
		require.NoError(t, m.Lock())
		requireUntil(t, m.Until(), before, time.Now(), expiry)
		settle(t) // two of three may have granted before the first was asked
		assert.Equal(t, expiry.Milliseconds(), spies[0].sent()[0].Args()[1])
		requireYes(t, m.Unlock)
	})
}

func TestNameValueAndUntilBeforeDuringAndAfter(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		assert.Equal(t, w.name, m.Name())
		assert.Empty(t, m.Value())
		assert.True(t, m.Until().IsZero())

		require.NoError(t, m.Lock())
		value, until := m.Value(), m.Until()
		assert.NotEmpty(t, value)
		assert.True(t, until.After(time.Now()))

		requireYes(t, m.Unlock)
		assert.Equal(t, value, m.Value(), "the last hold's")
		assert.Equal(t, until, m.Until(), "the last hold's")

		require.NoError(t, m.Lock())
		assert.NotEqual(t, value, m.Value(), "each hold has a token of its own")
		requireYes(t, m.Unlock)
	})
}

func TestOneHolderAtATime(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a, b := w.mutex(), w.mutex()
		require.NoError(t, a.Lock())
		err := b.TryLock()
		require.ErrorIs(t, err, mutex.ErrFailed)
		taken, ok := find[*mutex.ErrTaken](err)
		require.True(t, ok, "%v", err)
		assert.GreaterOrEqual(t, len(taken.Nodes), w.quorum())
		assert.Empty(t, b.Value())
		requireYes(t, a.Valid)

		requireYes(t, a.Unlock)
		require.NoError(t, b.TryLock())
		requireYes(t, b.Unlock)
		w.awaitFree()
	})
}

func TestLockWaitsForTheHolder(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a := w.mutex()
		require.NoError(t, a.Lock())
		refused := make(chan struct{})
		b := w.mutex(mutex.WithUnlimitedTries(), mutex.WithRetryDelayFunc(func(made int) time.Duration {
			if made == 2 {
				close(refused)
			}
			return time.Millisecond
		}))
		got := make(chan error, 1)
		go func() { got <- b.Lock() }()
		<-refused
		assert.Empty(t, got)
		requireYes(t, a.Unlock)
		require.NoError(t, <-got)
		requireYes(t, b.Unlock)
	})
}

func TestLockTriesAsOftenAsConfigured(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.put("another client", w.nodes...)
		f, spies := w.spied()
		const tries = 3
		var asked []int
		m := w.on(f, mutex.WithTries(tries), mutex.WithRetryDelayFunc(func(made int) time.Duration {
			asked = append(asked, made)
			return 0
		}))
		require.ErrorIs(t, m.Lock(), mutex.ErrFailed)
		assert.Equal(t, []int{1, 2}, asked, "a delay after each try but the last")
		spies.await(t, scripts.Mutex().Acquire, tries)

		require.ErrorIs(t, m.TryLock(), mutex.ErrFailed)
		spies.await(t, scripts.Mutex().Acquire, tries+1)
		assert.Equal(t, len(w.nodes), w.holders("another client"))
	})
}

// Every try has a token of its own, and may replace those of the same call.
func TestEveryTryHasAFreshToken(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.put("another client", w.nodes...)
		f, spies := w.spied()
		m := w.on(f, mutex.WithTries(4), mutex.WithRetryDelay(0))
		require.Error(t, m.Lock())
		spies.await(t, scripts.Mutex().Acquire, 4)
		tokens := make(map[any]bool)
		for _, s := range spies { // what was not sent yet when a majority had refused is not sent
			for _, call := range s.sent() {
				if call.Script() == scripts.Mutex().Acquire {
					tokens[call.Args()[0]] = true
				}
			}
		}
		assert.Len(t, tokens, 4)
	})
}

func TestExtend(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		value, until := m.Value(), m.Until()
		w.awaitHolder(value)
		for _, n := range w.nodes {
			n.Do(t, "PEXPIRE", w.name, (expiry / 4).Milliseconds())
		}
		requireYes(t, m.Extend)
		assert.True(t, m.Until().After(until))
		assert.Equal(t, value, m.Value())
		require.Eventually(t, func() bool { return w.shortest() > expiry/2 }, patience, tick)
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}

// shortest is the least lifetime that the key has on a node.
func (w *world) shortest() time.Duration {
	least := expiry
	for _, n := range w.nodes {
		least = min(least, w.lifetime(n))
	}
	return least
}

func TestValidAsksTheNodes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		ok, err := m.Valid()
		require.NoError(t, err, "nothing is held, which is no fault")
		require.False(t, ok)

		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value())
		requireYes(t, m.Valid)
		w.lose(w.nodes[:w.quorum()]...)
		err = requireNo(t, m.Valid)
		assert.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)

		requireNo(t, m.Unlock)
		ok, err = m.Valid()
		require.NoError(t, err)
		require.False(t, ok)
	})
}

func TestContextEndedBeforeTheCall(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		m := w.on(f)
		reason := errors.New("the boss said so")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(reason)
		for _, lock := range []func(context.Context) error{m.LockContext, m.TryLockContext} {
			err := lock(ctx)
			require.ErrorIs(t, err, mutex.ErrFailed)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, reason)
		}
		for _, s := range spies {
			assert.Empty(t, s.sent())
		}
		require.NoError(t, m.Lock(), "the mutex is as good as before")

		ok, err := m.ExtendContext(ctx)
		require.False(t, ok)
		require.ErrorIs(t, err, mutex.ErrExtendFailed)
		require.ErrorIs(t, err, context.Canceled)
		ok, err = m.ValidContext(ctx)
		require.False(t, ok)
		require.ErrorIs(t, err, context.Canceled)
		requireYes(t, m.Valid)
		requireYes(t, m.Unlock)
	})
}

// An Unlock that nobody waits for releases all the same.
func TestUnlockWithAnEndedContext(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		require.NoError(t, m.Lock())
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if ok, err := m.UnlockContext(ctx); !ok {
			require.ErrorIs(t, err, context.Canceled)
		}
		w.awaitFree()
		require.NoError(t, m.TryLock(), "the place was given back")
		requireYes(t, m.Unlock)
	})
}

func TestLockGivesUpWhenItsContextEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.put("another client", w.nodes...)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		m := w.mutex(mutex.WithUnlimitedTries(), mutex.WithRetryDelayFunc(func(int) time.Duration {
			cancel()
			return time.Hour
		}))
		err := m.LockContext(ctx)
		require.ErrorIs(t, err, mutex.ErrFailed)
		require.ErrorIs(t, err, context.Canceled)
		assert.True(t, isA[*mutex.ErrTaken](err), "the causes of the last try that got answers: %v", err)
		w.awaitHolder("another client")
	})
}

func TestNilContextIsBackground(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex()
		var none context.Context
		require.NoError(t, m.LockContext(none))
		for _, call := range []func(context.Context) (bool, error){
			m.ValidContext, m.ExtendContext, m.UnlockContext,
		} {
			requireYes(t, func() (bool, error) { return call(none) })
		}
		require.NoError(t, m.TryLockContext(none))
		requireYes(t, m.Unlock)
	})
}

// Servers forget scripts when they restart, or get SCRIPT FLUSH.
func TestForgottenScripts(t *testing.T) {
	redistest.Needs(t, redistest.CanFlush)
	onNodes(t, 3, func(t *testing.T, w *world) {
		forget := func() {
			for _, n := range w.nodes {
				n.Do(t, "SCRIPT", "FLUSH")
			}
		}
		m := w.mutex()
		forget()
		require.NoError(t, m.Lock())
		forget()
		requireYes(t, m.Extend)
		forget()
		requireYes(t, m.Valid)
		forget()
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}
