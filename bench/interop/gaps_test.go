package interop

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// Goroutines that pass a lock on among themselves, again and again, leave gaps in
// which redsync's polling can win: it does not stand in line, and is not notified.
func TestCrowdLeavesGapsForRedsync(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(caseName(n), func(t *testing.T) {
			nodes := redistest.Start(t, n)
			name := redistest.Name(t)
			shared := ours()[0].start(t, nodes).mutex(name, crowded)
			stop := make(chan struct{})
			var loop sync.WaitGroup
			for range 8 {
				loop.Go(func() { lockUntil(t, shared, stop) })
			}
			poller := theirs()[0].start(t, nodes).mutex(name, crowded)
			for range 3 {
				require.NoError(t, poller.Lock())
				ok, err := poller.Unlock()
				require.NoError(t, err)
				require.True(t, ok)
			}
			close(stop)
			loop.Wait()
		})
	}
}

// lockUntil locks and unlocks until stop is closed.
func lockUntil(t *testing.T, m lock, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if !assert.NoError(t, m.Lock()) {
			return
		}
		ok, err := m.Unlock()
		assert.True(t, ok, "unlock: %v", err)
	}
}
