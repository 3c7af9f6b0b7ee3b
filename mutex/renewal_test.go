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
)

// renewedExpiry is soon over, but not by a stall of a loaded machine.
const renewedExpiry = 6 * time.Second

var renewed = []mutex.Option{
	mutex.WithExpiry(renewedExpiry), mutex.WithTimeoutFactor(0.15), mutex.WithAutoExtend(),
}

// A renewed hold outlives the outage of a minority.
func TestRenewedHoldSurvivesABadMinority(t *testing.T) {
	besideOutages(t, 3, func(t *testing.T, w *world, strike func(...int)) {
		m := w.mutex(renewed...)
		require.NoError(t, m.Lock())
		lost := m.Lost()
		strike(1)
		end := m.Until().Add(renewedExpiry) // a hold that was not renewed has long ended then
		require.Eventually(t, func() bool { return m.Until().After(end) }, patience, tick)
		select {
		case <-lost:
			require.Fail(t, "lost")
		default:
		}
		requireYes(t, m.Valid)
		requireYes(t, m.Unlock)
		w.awaitFree(w.nodes[0], w.nodes[2])
	})
}

// The outage of a majority proves nothing, so the lease is trusted until Until, and
// its loss is reported then.
func TestLossIsReportedWhenAMajorityIsAway(t *testing.T) {
	besideOutages(t, 3, func(t *testing.T, w *world, strike func(...int)) {
		m := w.mutex(renewed...)
		err := m.Do(context.Background(), func(ctx context.Context) error {
			lost := m.Lost()
			strike(0, 2)
			isLost := func() bool { // asks neither m nor ctx, which would look at the clocks
				select {
				case <-lost:
					return true
				case <-time.After(patience):
					return false
				}
			}
			if !isLost() {
				require.True(t, isLost(), "no loss was reported") // a machine that stood still ends one wait
			}
			require.False(t, time.Now().Before(m.Until()), "two silent nodes have not said no")
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), mutex.ErrLost)
			return errors.New("given up")
		})
		assert.ErrorIs(t, err, mutex.ErrLost)
		var node *mutex.RedisError
		assert.ErrorAs(t, err, &node, "what the renewals have met")
		assert.ErrorContains(t, err, "given up")
	})
}

// A majority that comes back empty refuses, and that is reported at once.
func TestLossIsReportedWhenAMajorityHasForgotten(t *testing.T) {
	t.Parallel() // and the clients side by side, as this mostly waits
	onNodes(t, 3, func(t *testing.T, w *world) {
		t.Parallel()
		redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
		m := w.mutex(mutex.WithAutoExtend(), mutex.WithExpiry(20*time.Second)) // renewed after 6.6s
		require.NoError(t, m.Lock())
		w.awaitHolder(m.Value()) // what is on its way yet would find the node that comes back
		lost := m.Lost()
		for _, n := range w.nodes[:2] {
			n.Kill(t)
			n.Restart(t)
		}
		select {
		case <-lost:
			require.True(t, time.Now().Before(m.Until()))
		case <-time.After(time.Until(m.Until())):
			require.Fail(t, "reported only at Until")
		}
		ok, err := m.Unlock()
		assert.False(t, ok)
		assert.ErrorIs(t, err, mutex.ErrLockAlreadyExpired)
	})
}

// Two nodes restart empty, one after the other; the renewals in between have repaired
// the first one.
func TestRenewedHoldSurvivesRestartsOfDifferentNodes(t *testing.T) {
	t.Parallel() // and the clients side by side, as this mostly waits
	onNodes(t, 3, func(t *testing.T, w *world) {
		t.Parallel()
		redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
		m := w.mutex(renewed...)
		require.NoError(t, m.Lock())
		for _, n := range w.nodes {
			n.Kill(t)
			n.Restart(t)
			w.awaitHolder(m.Value(), n)
			repaired := m.Until()
			// two more: one is won without the repaired node, which votes from then on
			require.Eventually(t, func() bool { return m.Until().After(repaired.Add(renewedExpiry / 2)) }, patience, tick)
		}
		requireYes(t, m.Valid)
		require.ErrorIs(t, w.mutex(renewed...).TryLock(), mutex.ErrFailed)
		requireYes(t, m.Unlock)
		w.awaitFree(w.nodes...)
	})
}
