package mutex_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// On one node a release grants the lock to the first waiter, which returns without a request
// of its own. One waiter in five is notified only, and asks.
func TestUnlockGrants(t *testing.T) {
	redistest.Needs(t, redistest.CanCount)
	for _, fencing := range []bool{false, true} {
		t.Run(fmt.Sprint("fencing ", fencing), func(t *testing.T) {
			onNodes(t, 1, func(t *testing.T, w *world) {
				options := append([]mutex.Option{mutex.WithExpiry(redistest.GrantExpiry)}, patientWaiter...)
				if fencing {
					options = append(options, mutex.WithFencing())
				}
				const handOffs = 20
				granted, last := 0, int64(0)
				holder := w.mutex(options...)
				for range 2 { // so that the node knows the scripts
					require.NoError(t, holder.Lock())
					requireYes(t, holder.Unlock)
				}
				require.NoError(t, holder.Lock())
				for range handOffs {
					next := w.mutex(options...)
					began, got := time.Now(), make(chan error, 1)
					go func() { got <- next.Lock() }()
					w.awaitWaiter()
					w.awaitQuiet(1)
					before := w.evals()
					requireYes(t, holder.Unlock)
					require.NoError(t, <-got)
					switch asked := w.evals() - before; {
					case asked == 1:
						granted++
					case time.Since(began) < redistest.FirstLook: // later it may have looked by itself
						require.Equal(t, 2, asked)
					}
					if fencing {
						require.Greater(t, next.Fence(), last)
						last = next.Fence()
					}
					requireYes(t, next.Extend)
					holder = next
				}
				requireYes(t, holder.Unlock)
				require.Greater(t, granted, handOffs/3)
				w.requireNothingWaits()
			})
		})
	}
}

// awaitWaiter waits until one waits on the only node. Those that have had the lock leave the
// queue only with the next release, so the tickets are counted, and not when they came.
func (w *world) awaitWaiter() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		reply, err := w.nodes[0].TryDo("ZCOUNT", w.queueKey(), 0, "+inf")
		return err == nil && reply == int64(1)
	}, patience, tick, "nobody waits")
}

// evals counts the scripts that the only node was asked to run.
func (w *world) evals() int {
	return w.nodes[0].Calls(w.t, "evalsha", "eval")
}
