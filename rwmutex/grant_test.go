package rwmutex_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// On one node a release grants the lock to the waiters that are next, which return without a
// request of their own: readers together, and then a writer.
func TestUnlockGrants(t *testing.T) {
	redistest.Needs(t, redistest.CanCount)
	for _, fencing := range []bool{false, true} {
		t.Run(fmt.Sprint("fencing ", fencing), func(t *testing.T) {
			onNodes(t, 1, func(t *testing.T, w *world) {
				options := []rwmutex.Option{rwmutex.WithExpiry(redistest.GrantExpiry), rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelay(time.Hour)}
				if fencing {
					options = append(options, rwmutex.WithFencing())
				}
				var locks [4]*rwmutex.RWMutex
				for i := range locks {
					locks[i] = w.rwmutex(options...)
				}
				first, reader, other, writer := locks[0], locks[1], locks[2], locks[3]
				for range 2 { // so that the node knows the scripts
					require.NoError(t, first.RLock())
					requireYes(t, first.RUnlock)
					require.NoError(t, first.Lock())
					requireYes(t, first.Unlock)
				}
				redistest.UntilSeen(t, func() bool {
					require.NoError(t, first.Lock())
					began := time.Now()
					one, two := later(reader.RLock), later(other.RLock)
					w.nodes[0].AwaitWaiters(t, 2)
					three := later(writer.Lock)
					w.nodes[0].AwaitWaiters(t, 3)
					requireYes(t, first.Extend)
					readers := w.nodes[0].RequireGrants(t, began, first.Unlock, one, two)
					requireYes(t, reader.RUnlock)
					writers := w.nodes[0].RequireGrants(t, began, other.RUnlock, three)
					requireYes(t, writer.Valid)
					if fencing {
						require.Greater(t, writer.Fence(), first.Fence())
					}
					requireYes(t, writer.Unlock)
					return readers && writers
				})
			})
		})
	}
}

func later(lock func() error) <-chan error {
	got := make(chan error, 1)
	go func() { got <- lock() }()
	return got
}
