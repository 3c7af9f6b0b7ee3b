package semaphore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

// On one node a release grants its slots to the waiters that they serve, which return without a
// request of their own.
func TestReleaseGrants(t *testing.T) {
	redistest.Needs(t, redistest.CanCount)
	onNodes(t, 1, func(t *testing.T, w *world) {
		options := []semaphore.Option{semaphore.WithExpiry(redistest.GrantExpiry), semaphore.WithUnlimitedTries(), semaphore.WithRetryDelay(time.Hour)}
		big := w.semaphore(5, options...)
		for range 2 { // so that the node knows the scripts
			p, err := big.Acquire()
			require.NoError(t, err)
			requireYes(t, p.Release)
		}
		redistest.UntilSeen(t, func() bool {
			held, err := big.AcquireN(t.Context(), 5)
			require.NoError(t, err)
			began := time.Now()
			var p [2]*semaphore.Permit
			var got []<-chan error
			for i, n := range []int{3, 2} {
				done, s := make(chan error, 1), w.semaphore(5, options...)
				go func() {
					var err error
					p[i], err = s.AcquireN(t.Context(), n)
					done <- err
				}()
				got = append(got, done)
				w.nodes[0].AwaitWaiters(t, i+1)
			}
			requireYes(t, held.Extend)
			granted := w.nodes[0].RequireGrants(t, began, held.Release, got...)
			require.Equal(t, []int{0, 1, 2}, p[0].Slots())
			require.Equal(t, []int{3, 4}, p[1].Slots())
			w.awaitGrants(2)
			requireYes(t, p[0].Extend)
			requireYes(t, p[0].Release)
			requireYes(t, p[1].Release)
			w.awaitGrants(0)
			return granted
		})
	})
}
