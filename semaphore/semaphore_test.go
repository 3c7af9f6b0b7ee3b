package semaphore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/semaphore"
)

func TestUpToTheLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s, other := w.semaphore(3), w.semaphore(3)
		assert.Equal(t, w.name, s.Name())
		assert.Equal(t, 3, s.Limit())
		requireHeld(t, s, 0)
		one, err := s.Acquire()
		require.NoError(t, err)
		settle(t)
		two, err := other.TryAcquire()
		require.NoError(t, err)
		settle(t)
		three, err := s.AcquireContext(context.Background())
		require.NoError(t, err)
		settle(t)
		assert.ElementsMatch(t, []int{0, 1, 2}, slotsOf(t, one, two, three))
		requireTaken(t, s, 1)
		requireTaken(t, other, 1)
		requireHeld(t, other, 3)
		requireYes(t, two.Release)
		w.awaitGrants(2)
		again, err := other.TryAcquireContext(context.Background())
		require.NoError(t, err)
		assert.Equal(t, two.Slots(), again.Slots(), "the one that came back")
		for _, p := range []*semaphore.Permit{one, three, again} {
			requireYes(t, p.Release)
		}
		w.awaitGrants(0)
		requireHeld(t, s, 0)
	})
}

func TestPermits(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := w.semaphore(3)
		before := time.Now()
		p := acquireNow(t, s, 1)
		q := acquireNow(t, s, 1)
		assert.NotEmpty(t, p.Value())
		assert.NotEqual(t, p.Value(), q.Value())
		drift := expiry / 100
		assert.False(t, p.Until().Before(before.Add(expiry-drift)))
		assert.True(t, p.Until().Before(time.Now().Add(expiry)))
		until := p.Until()
		requireYes(t, p.Extend)
		assert.True(t, p.Until().After(until))
		requireYes(t, p.Release)
		requireNo(t, p.Extend, semaphore.ErrExtendFailed)
		requireNo(t, p.Release, semaphore.ErrLockAlreadyExpired)
		requireYes(t, q.Extend)
		requireYes(t, q.Release)
		w.awaitGrants(0)
	})
}

func TestSeveralAreAllOrNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := w.semaphore(5)
		p := acquire(t, s, 3)
		assert.Equal(t, []int{0, 1, 2}, p.Slots())
		requireHeld(t, s, 3)
		w.awaitGrants(1)
		requireTaken(t, s, 3)
		settle(t)
		w.awaitGrants(1)
		q, err := s.TryAcquireN(context.Background(), 2)
		require.NoError(t, err)
		assert.Equal(t, []int{3, 4}, q.Slots())
		requireYes(t, p.Extend)
		requireYes(t, p.Release)
		w.awaitGrants(1)
		requireHeld(t, s, 2)
		requireTaken(t, s, 4)
		requireYes(t, q.Release)
		w.awaitGrants(0)
		requireYes(t, acquire(t, s, 5).Release)
	})
}

func TestWaitingForAPermit(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		waiting := make(chan struct{}, 100)
		delay := semaphore.WithRetryDelayFunc(func(int) time.Duration {
			waiting <- struct{}{}
			return tick
		})
		permits := fill(t, w.semaphore(2))
		got := make(chan *semaphore.Permit, 1)
		s := w.semaphore(2, semaphore.WithUnlimitedTries(), delay)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		go func() {
			p, err := s.AcquireContext(ctx)
			assert.NoError(t, err)
			got <- p
		}()
		<-waiting
		assert.Empty(t, got)
		requireYes(t, permits[1].Release)
		for {
			select {
			case <-waiting:
				continue
			case p := <-got:
				require.NotNil(t, p)
				assert.Equal(t, permits[1].Slots(), p.Slots())
				requireYes(t, p.Release)
			}
			break
		}
		requireYes(t, permits[0].Release)
	})
}

func TestTheContextEndsTheWait(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		p := acquire(t, w.semaphore(1), 1)
		ctx, cancel := context.WithCancel(context.Background())
		delay := semaphore.WithRetryDelayFunc(func(int) time.Duration { cancel(); return time.Hour })
		_, err := w.semaphore(1, delay).AcquireContext(ctx)
		require.ErrorIs(t, err, semaphore.ErrFailed)
		require.ErrorIs(t, err, context.Canceled)
		settle(t)
		requireYes(t, p.Release)
		w.awaitGrants(0)
	})
}

func TestExpiredPermits(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		p, lasting := w.acquireBriefly(), w.semaphore(1)
		var q *semaphore.Permit
		require.Eventually(t, func() bool { // the servers' clocks decide
			var err error
			q, err = lasting.TryAcquire()
			return err == nil
		}, patience, tick)
		assert.False(t, time.Now().Before(p.Until()), "it was given away while it was valid")
		requireNo(t, p.Extend, semaphore.ErrExtendFailed)
		requireNo(t, p.Release, semaphore.ErrLockAlreadyExpired)
		requireHeld(t, lasting, 1)
		requireYes(t, q.Release)
		settle(t)
		requireHeld(t, lasting, 0)
	})
}

// acquireBriefly takes the permit of a semaphore of one, for so short a time that the
// test can wait for the end. A machine that stalls for longer than that takes gets
// another permit, with a longer expiry.
func (w *world) acquireBriefly() *semaphore.Permit {
	w.t.Helper()
	for lifetime := 150 * time.Millisecond; lifetime < patience; lifetime *= 2 {
		calls := semaphore.WithTimeoutFactor(float64(patience) / float64(lifetime)) // none ends before its answer
		p, err := w.semaphore(1, semaphore.WithExpiry(lifetime), calls).TryAcquire()
		settle(w.t)
		if err == nil && time.Now().Before(p.Until()) {
			return p
		}
		if err == nil {
			_, _ = p.Release()
			settle(w.t)
		}
	}
	require.Fail(w.t, "the machine is too slow for any expiry")
	return nil
}

// With a limit of one it excludes as a mutex does.
func TestALimitOfOne(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		a, b := w.semaphore(1), w.semaphore(1)
		for range 5 {
			p := acquire(t, a, 1)
			assert.Equal(t, []int{0}, p.Slots())
			requireTaken(t, b, 1)
			requireYes(t, p.Extend)
			requireYes(t, p.Release)
			w.awaitGrants(0)
			a, b = b, a
		}
	})
}

// A rolling change from 6 to 3, while six are held.
func TestALowerLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		large, small := w.semaphore(6), w.semaphore(3)
		held := fill(t, large)
		w.awaitGrants(6)
		for i, p := range held[:4] { // slots 0 to 3 first: what stays is above
			requireTaken(t, small, 1)
			requireYes(t, p.Release)
			w.awaitGrants(5 - i)
		}
		p := acquire(t, small, 1)
		w.awaitGrants(3)
		assert.Less(t, p.Slots()[0], 3)
		requireTaken(t, small, 1)
		requireHeld(t, small, 3)
		q := acquire(t, large, 3)
		w.awaitGrants(4)
		requireTaken(t, large, 1)
		for _, p := range []*semaphore.Permit{held[4], held[5], p, q} {
			requireYes(t, p.Release)
		}
		w.awaitGrants(0)
		requireYes(t, acquire(t, small, 3).Release)
	})
}
