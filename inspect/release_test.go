package inspect_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

func goredisNil() driver.Pool { return goredis.NewPool(nil) }

// contender is a lock of any kind, renewed, with a long delay between tries: one that
// waits gets it in time only if it is notified.
type contender struct {
	lock func() error
	lost func() <-chan struct{}
	free func() // what it has, so that nothing renews
}

// contenders make one, by what is looked at.
var contenders = map[string]func(w *world, expiry time.Duration) contender{
	"mutex": func(w *world, expiry time.Duration) contender {
		m := mutex.New(w.pools()...).NewMutex(w.name, mutex.WithExpiry(expiry), mutex.WithAutoExtend(),
			mutex.WithRetryDelay(time.Hour), mutex.WithUnlimitedTries())
		return contender{m.Lock, m.Lost, func() { _, _ = m.Unlock() }}
	},
	"rwmutex": func(w *world, expiry time.Duration) contender {
		rw := rwmutex.New(w.pools()...).NewRWMutex(w.name, rwmutex.WithExpiry(expiry), rwmutex.WithAutoExtend(),
			rwmutex.WithRetryDelay(time.Hour), rwmutex.WithUnlimitedTries())
		return contender{rw.Lock, rw.Lost, func() { _, _ = rw.Unlock() }}
	},
	"reader": func(w *world, expiry time.Duration) contender {
		rw := rwmutex.New(w.pools()...).NewRWMutex(w.name, rwmutex.WithExpiry(expiry), rwmutex.WithAutoExtend())
		return contender{rw.RLock, rw.RLost, func() { _, _ = rw.RUnlock() }}
	},
	"semaphore": func(w *world, expiry time.Duration) contender {
		s := semaphore.New(w.pools()...).NewSemaphore(w.name, 1, semaphore.WithExpiry(expiry), semaphore.WithAutoExtend(),
			semaphore.WithRetryDelay(time.Hour), semaphore.WithUnlimitedTries())
		var p *semaphore.Permit
		lock := func() (err error) { p, err = s.Acquire(); return err }
		return contender{lock, func() <-chan struct{} { return p.Lost() }, func() { _, _ = p.Release() }}
	},
}

// A release frees the lease everywhere, serves the next in line, which keeps it, and closes
// the holder's Lost long before its Until.
func TestReleaseServesTheNext(t *testing.T) {
	for first, next := range map[string]string{"mutex": "mutex", "rwmutex": "rwmutex", "reader": "rwmutex", "semaphore": "semaphore"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, w *world) {
				const renewed = 6 * time.Second // a third of it is the time to the next renewal
				look := looks[next](w.in)
				holder := contenders[first](w, renewed)
				require.NoError(t, holder.lock())
				lost := holder.lost()
				w.await(look, 1, 0)
				waiter := contenders[next](w, expiry)
				waits := later(waiter.lock)
				status := w.await(look, 1, 1)
				require.Len(t, status.Holders, 1)

				freed, err := w.in.Release(t.Context(), status.Holders[0])
				require.NoError(t, err)
				assert.Equal(t, w.all(), freed)
				require.NoError(t, <-waits)
				requireClosed(t, lost)
				after := w.see(look)
				assert.NotEqual(t, status.Holders[0].Value, after.Holders[0].Value)
				again, err := w.in.Release(t.Context(), status.Holders[0])
				require.NoError(t, err)
				assert.Empty(t, again, "it acts on its value only")
				assert.Len(t, w.see(look).Holders, 1)
				holder.free()
				waiter.free()
			})
		})
	}
}

// Lost is closed by the renewal that follows, and not by the lease's end.
func TestLostIsClosedByTheNextRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	m := mutex.New(w.pools()...).NewMutex(w.name, mutex.WithExpiry(15*time.Second), mutex.WithAutoExtend())
	require.NoError(t, m.Lock())
	lost, until := m.Lost(), m.Until()
	freed, err := w.in.Release(t.Context(), w.await(w.in.Mutex, 1, 0).Holders[0])
	require.NoError(t, err)
	require.Equal(t, w.all(), freed)
	requireClosed(t, lost)
	assert.True(t, time.Now().Before(until))
	_, err = m.Unlock()
	assert.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)
}
