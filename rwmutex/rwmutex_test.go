package rwmutex_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestWriting(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		for range 3 { // it is used again and again
			require.NoError(t, rw.Lock())
			w.awaitWriter(rw.Value())
			requireYes(t, rw.Valid)
			requireYes(t, rw.Extend)
			requireYes(t, rw.Unlock)
			w.awaitFree()
		}
	})
}

func TestReading(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		for range 3 {
			require.NoError(t, rw.RLock())
			w.awaitReaders(1)
			requireYes(t, rw.RExtend)
			requireYes(t, rw.RUnlock)
			w.awaitFree()
		}
	})
}

func TestReadersOverlap(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f := w.factory()
		readers := []*rwmutex.RWMutex{w.on(f), w.on(f), w.rwmutex()} // of two processes
		for i, rw := range readers {
			require.NoError(t, rw.TryRLock())
			w.awaitReaders(i + 1)
		}
		for i, rw := range readers {
			requireYes(t, rw.RExtend)
			requireYes(t, rw.RUnlock)
			w.awaitReaders(len(readers) - 1 - i)
		}
		w.awaitFree()
	})
}

func TestAWriterIsAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw, other := w.rwmutex(), w.rwmutex()
		require.NoError(t, rw.Lock())
		w.requireTaken(other.TryLock())
		w.requireTaken(other.TryRLock())
		assert.Empty(t, other.Value())
		assert.True(t, other.RUntil().IsZero())
		requireYes(t, rw.Valid)
		requireYes(t, rw.Unlock)
		require.NoError(t, other.TryRLock())
		w.requireTaken(rw.TryLock())
		requireYes(t, other.RUnlock)
		require.NoError(t, rw.TryLock())
		requireYes(t, rw.Unlock)
		w.requireSettled()
	})
}

func TestWritersWaitForReadersAndWriters(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		reader, writer := w.rwmutex(), w.rwmutex()
		require.NoError(t, reader.RLock())
		x := w.newWaiter().write()
		x.requireWaits(t)
		requireYes(t, reader.RUnlock)
		x.requireIn(t)
		requireYes(t, x.Unlock)
		require.NoError(t, writer.Lock())
		x.write().requireWaits(t)
		requireYes(t, writer.Unlock)
		x.requireIn(t)
		requireYes(t, x.Unlock)
		w.requireSettled()
	})
}

func TestReadersWaitForWriters(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		writer := w.rwmutex()
		require.NoError(t, writer.Lock())
		x, y := w.newWaiter().read(), w.newWaiter().read()
		x.requireWaits(t)
		y.requireWaits(t)
		requireYes(t, writer.Unlock)
		x.requireIn(t)
		y.requireIn(t)
		requireYes(t, x.RExtend)
		requireYes(t, y.RExtend)
		requireYes(t, x.RUnlock)
		requireYes(t, y.RUnlock)
		w.requireSettled()
	})
}

// requireUntil checks that u is lifetime after a moment between two others, which
// is the start of the deciding try.
func requireUntil(t *testing.T, u, from, to time.Time, lifetime time.Duration) {
	t.Helper()
	assert.False(t, u.Before(from.Add(lifetime)), "too early")
	assert.False(t, u.After(to.Add(lifetime)), "too late")
}

func TestUntilIsExpiryLessDrift(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex(rwmutex.WithDriftFactor(0.5))
		for _, half := range []struct {
			lock           func() error
			extend, unlock func() (bool, error)
			until          func() time.Time
		}{
			{rw.Lock, rw.Extend, rw.Unlock, rw.Until},
			{rw.RLock, rw.RExtend, rw.RUnlock, rw.RUntil},
		} {
			assert.True(t, half.until().IsZero())
			before := time.Now()
			require.NoError(t, half.lock())
			requireUntil(t, half.until(), before, time.Now(), expiry/2)
			before = time.Now()
			requireYes(t, half.extend)
			requireUntil(t, half.until(), before, time.Now(), expiry/2)
			until := half.until()
			requireYes(t, half.unlock)
			assert.Equal(t, until, half.until(), "the last hold's")
		}
	})
}

// An extension gives every node's lease its full expiry back.
func TestExtensionsReachTheNodes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		for _, n := range w.nodes {
			n.Do(t, "PEXPIRE", w.key("writer"), (expiry / 4).Milliseconds())
		}
		requireYes(t, rw.Extend)
		w.await(nil, "the writer's lifetime", w.longer("writer"))
		requireYes(t, rw.Unlock)

		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		for _, n := range w.nodes {
			n.Do(t, "PEXPIRE", w.key("readers"), (expiry / 4).Milliseconds())
		}
		requireYes(t, rw.RExtend)
		w.await(nil, "the readers' lifetime", w.longer("readers"))
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

// longer reports whether a key lives for more than half of expiry.
func (w *world) longer(kind string) func(*redistest.Node) bool {
	return func(n *redistest.Node) bool {
		return n.Do(w.t, "PTTL", w.key(kind)).(int64) > (expiry / 2).Milliseconds()
	}
}

func TestNamesAndValues(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		assert.Equal(t, w.name, rw.Name())
		assert.Empty(t, rw.Value())
		require.NoError(t, rw.Lock())
		value := rw.Value()
		assert.NotEmpty(t, value)
		requireYes(t, rw.Unlock)
		require.NoError(t, rw.RLock())
		assert.Equal(t, value, rw.Value(), "the last write hold's")
		requireYes(t, rw.RUnlock)
		require.NoError(t, rw.Lock())
		assert.NotEqual(t, value, rw.Value(), "each hold has a token of its own")
		requireYes(t, rw.Unlock)
	})
}

// Every try of a call counts, and TryLock makes one.
func TestAsManyTriesAsConfigured(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.put("another client", w.nodes...)
		f, spies := w.spied()
		rw := w.on(f, rwmutex.WithTries(3), rwmutex.WithRetryDelay(0))
		w.requireTaken(rw.Lock())
		spies.await(t, scripts.RWMutex().WriteAcquire, 3)
		w.requireTaken(rw.TryLock())
		spies.await(t, scripts.RWMutex().WriteAcquire, 4)
		w.requireTaken(rw.RLock())
		spies.await(t, scripts.RWMutex().ReadAcquire, 3)
		w.requireTaken(rw.TryRLock())
		spies.await(t, scripts.RWMutex().ReadAcquire, 4)
		w.awaitWriter("another client")
	})
}

func TestValidAsksTheNodes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		requireInvalid := func() {
			ok, err := rw.Valid()
			require.NoError(t, err, "nothing is held, which is no fault")
			require.False(t, ok)
		}
		requireInvalid()
		require.NoError(t, rw.RLock())
		requireInvalid()
		requireYes(t, rw.RUnlock)
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		w.lose("writer", w.nodes[:w.quorum()]...)
		assert.ErrorIs(t, requireNo(t, rw.Valid), rwmutex.ErrLockAlreadyExpired)
		requireNo(t, rw.Unlock)
		requireInvalid()
	})
}

func TestContextEndedBeforeTheCall(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f, spies := w.spied()
		rw := w.on(f)
		reason := errors.New("the boss said so")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(reason)
		for _, lock := range []func(context.Context) error{
			rw.LockContext, rw.TryLockContext, rw.RLockContext, rw.TryRLockContext,
		} {
			err := lock(ctx)
			require.ErrorIs(t, err, rwmutex.ErrFailed)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, reason)
		}
		spies.requireNone(t)
		require.NoError(t, rw.Lock(), "it is as good as before")
		requireEnded(t, ctx, rw.ExtendContext)
		requireEnded(t, ctx, rw.ValidContext)
		requireYes(t, rw.Unlock)
		require.NoError(t, rw.RLock())
		requireEnded(t, ctx, rw.RExtendContext)
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

func requireEnded(t *testing.T, ctx context.Context, call func(context.Context) (bool, error)) {
	t.Helper()
	err := requireNo(t, func() (bool, error) { return call(ctx) })
	require.ErrorIs(t, err, context.Canceled)
}

// A release that nobody waits for is carried through all the same.
func TestReleasesWithAnEndedContext(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.NoError(t, rw.Lock())
		if ok, err := rw.UnlockContext(ctx); !ok {
			require.ErrorIs(t, err, context.Canceled)
		}
		w.awaitFree()
		require.NoError(t, rw.TryRLock(), "the place was given back")
		if ok, err := rw.RUnlockContext(ctx); !ok {
			require.ErrorIs(t, err, context.Canceled)
		}
		w.awaitFree()
		require.NoError(t, rw.TryLock(), "the place was given back")
		requireYes(t, rw.Unlock)
	})
}

func TestContextEndsWhileWaiting(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.put("another client", w.nodes...)
		for _, lock := range []func(*rwmutex.RWMutex, context.Context) error{
			(*rwmutex.RWMutex).LockContext, (*rwmutex.RWMutex).RLockContext,
		} {
			ctx, cancel := context.WithCancel(context.Background())
			err := lock(w.rwmutex(rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelayFunc(func(made int) time.Duration {
				if made == 1 {
					return tick
				}
				time.AfterFunc(tick, cancel) // a writer's delay is known before its try
				return time.Hour
			})), ctx)
			require.ErrorIs(t, err, rwmutex.ErrFailed)
			require.ErrorIs(t, err, context.Canceled)
			w.requireNamed(err)
		}
		w.awaitWaitingWriters(0)
		w.awaitWriter("another client")
		w.lose("writer", w.nodes...)
		w.requireSettled()
	})
}

func TestNilContextIsBackground(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		var none context.Context
		require.NoError(t, rw.LockContext(none))
		for _, call := range []func(context.Context) (bool, error){rw.ValidContext, rw.ExtendContext} {
			requireYes(t, func() (bool, error) { return call(none) })
		}
		require.NoError(t, rw.Downgrade(none))
		requireYes(t, func() (bool, error) { return rw.RExtendContext(none) })
		requireYes(t, func() (bool, error) { return rw.RUnlockContext(none) })
		require.NoError(t, rw.TryRLockContext(none))
		requireYes(t, rw.RUnlock)
		require.NoError(t, rw.RLockContext(none))
		requireYes(t, rw.RUnlock)
		require.NoError(t, rw.TryLockContext(none))
		requireYes(t, func() (bool, error) { return rw.UnlockContext(none) })
	})
}

// Servers forget scripts when they restart, or get SCRIPT FLUSH.
func TestForgottenScripts(t *testing.T) {
	redistest.Needs(t, redistest.CanFlush)
	onNodes(t, 3, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		for _, call := range []func(){
			func() { require.NoError(t, rw.Lock()) },
			func() { requireYes(t, rw.Extend) },
			func() { requireYes(t, rw.Valid) },
			func() { require.NoError(t, rw.Downgrade(context.Background())) },
			func() { requireYes(t, rw.RExtend) },
			func() { requireYes(t, rw.RUnlock) },
			func() { require.NoError(t, rw.RLock()) },
			func() { requireYes(t, rw.RUnlock) },
			func() { require.NoError(t, rw.Lock()) },
			func() { requireYes(t, rw.Unlock) },
		} {
			for _, n := range w.nodes {
				n.Do(t, "SCRIPT", "FLUSH")
			}
			call()
		}
		w.requireSettled()
	})
}
