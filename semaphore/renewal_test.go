package semaphore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

// renewedExpiry is soon over, but not by a stall of a loaded machine.
const renewedExpiry = 6 * time.Second

var renewed = []semaphore.Option{semaphore.WithExpiry(renewedExpiry), semaphore.WithTimeoutFactor(0.15)}

// withOutages runs a test on three nodes for each client, and each thing that nodes
// may suffer as a whole. They run side by side, as they mostly wait.
func withOutages(t *testing.T, test func(t *testing.T, w *world, strike func(...int))) {
	t.Parallel()
	for _, o := range []struct {
		name    string
		ability redistest.Ability
		strike  func(n *redistest.Node, t testing.TB)
	}{
		{"hung", redistest.CanPause, (*redistest.Node).Pause},
		{"killed", redistest.CanKill, (*redistest.Node).Kill},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			redistest.Needs(t, o.ability)
			onNodes(t, 3, func(t *testing.T, w *world) {
				t.Parallel()
				test(t, w, func(which ...int) {
					for _, i := range which {
						o.strike(w.nodes[i], w.t)
					}
				})
			})
		})
	}
}

// What DoN holds outlives the outage of a minority.
func TestDoSurvivesABadMinority(t *testing.T) {
	withOutages(t, func(t *testing.T, w *world, strike func(...int)) {
		s := w.semaphore(4, renewed...)
		require.NoError(t, s.DoN(context.Background(), 3, func(ctx context.Context) error {
			strike(1)
			select {
			case <-time.After(2 * renewedExpiry): // what was not renewed has long ended then
			case <-ctx.Done():
				require.Fail(t, "lost")
			}
			_, err := w.semaphore(4, renewed...).TryAcquireN(context.Background(), 2)
			require.ErrorIs(t, err, semaphore.ErrFailed, "three of four are held")
			return ctx.Err()
		}))
		w.awaitGrants(0, w.nodes[0], w.nodes[2])
	})
}

// The outage of a majority proves nothing, and ends what DoN holds when its validity
// does. Nothing that was sent before the outage can make that last for longer than
// an expiry.
func TestDoReportsItsLossWhenAMajorityIsAway(t *testing.T) {
	withOutages(t, func(t *testing.T, w *world, strike func(...int)) {
		err := w.semaphore(4, renewed...).DoN(context.Background(), 3, func(ctx context.Context) error {
			strike(0, 2)
			select {
			case <-ctx.Done():
			case <-time.After(renewedExpiry):
				require.Error(t, ctx.Err(), "the validity has ended")
			}
			assert.ErrorIs(t, context.Cause(ctx), semaphore.ErrLost)
			return errors.New("given up")
		})
		assert.ErrorIs(t, err, semaphore.ErrLost)
		var node *semaphore.RedisError
		assert.ErrorAs(t, err, &node, "what the renewals have met")
		assert.ErrorContains(t, err, "given up")
	})
}

// The same for a permit, whose Until can be asked for: it is trusted until then, and
// not a moment longer.
func TestPermitReportsItsLossWhenAMajorityIsAway(t *testing.T) {
	withOutages(t, func(t *testing.T, w *world, strike func(...int)) {
		p, err := w.semaphore(4, append(renewed[:2:2], semaphore.WithAutoExtend())...).AcquireN(context.Background(), 3)
		require.NoError(t, err)
		lost := p.Lost()
		strike(0, 2)
		for time.Now().Before(p.Until()) { // which an extension that is on its way may still move
			select {
			case <-lost:
				require.False(t, time.Now().Before(p.Until()), "two silent nodes have not said no")
			case <-time.After(time.Until(p.Until())):
			}
		}
		<-p.Lost() // which looks at the clocks
		select {
		case <-lost:
		default:
			require.Fail(t, "not lost at Until")
		}
		_, err = p.Release()
		require.ErrorIs(t, err, semaphore.ErrLockAlreadyExpired)
	})
}
