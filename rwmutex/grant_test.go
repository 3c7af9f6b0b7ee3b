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
				options := []rwmutex.Option{rwmutex.WithExpiry(8 * time.Second), rwmutex.WithUnlimitedTries(), rwmutex.WithRetryDelay(time.Hour)}
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
				seenOnce(t, func() bool {
					require.NoError(t, first.Lock())
					one, two := later(reader.RLock), later(other.RLock)
					w.nodes[0].AwaitWaiters(t, 2)
					three := later(writer.Lock)
					w.nodes[0].AwaitWaiters(t, 3)
					requireYes(t, first.Extend)
					readers := w.grantedOnly(first.Unlock, one, two)
					requireYes(t, reader.RUnlock)
					writers := w.grantedOnly(other.RUnlock, three)
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

// seenOnce repeats a scenario until it has seen what it is to see: waiters look now and then by
// themselves, and do so beside a release on a busy machine.
func seenOnce(t *testing.T, scenario func() bool) {
	t.Helper()
	for range 20 {
		if scenario() {
			return
		}
	}
	t.Error("those who were granted it have asked each time")
}

// grantedOnly runs a release that lets waiters in, and reports that nobody has asked anything.
func (w *world) grantedOnly(release func() (bool, error), got ...<-chan error) bool {
	w.t.Helper()
	node := w.nodes[0]
	before := node.Calls(w.t, "evalsha", "eval")
	requireYes(w.t, release)
	for _, got := range got {
		require.NoError(w.t, <-got)
	}
	return node.Calls(w.t, "evalsha", "eval") == before+1 // the release alone
}
