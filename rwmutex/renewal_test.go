package rwmutex_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/rwmutex"
)

// renewedExpiry is soon over, but not by a stall of a loaded machine.
const renewedExpiry = 6 * time.Second

var renewed = []rwmutex.Option{rwmutex.WithExpiry(renewedExpiry), rwmutex.WithTimeoutFactor(0.15)}

// side is the writer's or the readers' half of a lock.
type side struct {
	do    func(*rwmutex.RWMutex, context.Context, func(context.Context) error) error
	until func(*rwmutex.RWMutex) time.Time
	lost  func(*rwmutex.RWMutex) <-chan struct{}
	valid func(*world, *rwmutex.RWMutex)
}

var sides = map[string]side{
	"writer": {(*rwmutex.RWMutex).Do, (*rwmutex.RWMutex).Until, (*rwmutex.RWMutex).Lost, func(w *world, rw *rwmutex.RWMutex) {
		requireYes(w.t, rw.Valid)
		require.Error(w.t, w.rwmutex(renewed...).TryRLock(), "a reader beside a writer")
	}},
	"readers": {(*rwmutex.RWMutex).RDo, (*rwmutex.RWMutex).RUntil, (*rwmutex.RWMutex).RLost, func(w *world, _ *rwmutex.RWMutex) {
		require.Error(w.t, w.rwmutex(renewed...).TryLock(), "a writer beside a reader")
	}},
}

// onSides runs a test for both halves, on three nodes, for each client and outage. They
// run side by side, as they mostly wait.
func onSides(t *testing.T, test func(t *testing.T, w *world, s side, strike func(...int))) {
	t.Parallel()
	for name, s := range sides {
		for _, o := range outages {
			t.Run(name+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				o.on(t, 3, func(t *testing.T, w *world, strike func(...int)) {
					t.Parallel()
					test(t, w, s, strike)
				})
			})
		}
	}
}

// What Do holds outlives the outage of a minority.
func TestDoSurvivesABadMinority(t *testing.T) {
	onSides(t, func(t *testing.T, w *world, s side, strike func(...int)) {
		rw := w.rwmutex(renewed...)
		require.NoError(t, s.do(rw, context.Background(), func(ctx context.Context) error {
			lost := s.lost(rw)
			strike(1)
			end := s.until(rw).Add(renewedExpiry) // a hold that was not renewed has long ended then
			require.Eventually(t, func() bool { return s.until(rw).After(end) }, patience, tick)
			select {
			case <-lost:
				require.Fail(t, "lost")
			default:
			}
			s.valid(w, rw)
			return ctx.Err()
		}))
		w.awaitFree(w.nodes[0], w.nodes[2])
	})
}

// The outage of a majority proves nothing, so the lease is trusted until Until, and
// not a moment longer: every call reports the loss then.
func TestDoReportsItsLossWhenAMajorityIsAway(t *testing.T) {
	onSides(t, func(t *testing.T, w *world, s side, strike func(...int)) {
		rw := w.rwmutex(renewed...)
		err := s.do(rw, context.Background(), func(ctx context.Context) error {
			lost := s.lost(rw)
			strike(0, 2)
			for time.Now().Before(s.until(rw)) { // which an extension that is on its way may still move
				select {
				case <-ctx.Done():
					require.False(t, time.Now().Before(s.until(rw)), "two silent nodes have not said no")
				case <-time.After(time.Until(s.until(rw))):
				}
			}
			require.Error(t, ctx.Err(), "not lost at Until")
			<-ctx.Done()
			<-lost
			assert.ErrorIs(t, context.Cause(ctx), rwmutex.ErrLost)
			return errors.New("given up")
		})
		assert.ErrorIs(t, err, rwmutex.ErrLost)
		var node *rwmutex.RedisError
		assert.ErrorAs(t, err, &node, "what the renewals have met")
		assert.ErrorContains(t, err, "given up")
	})
}
