package interop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// patience is how long tests wait for what must come, on a slow machine.
const patience = 40 * time.Second

// Two nodes restart empty, one after the other, and the lease is extended in between.
// Holdfast puts it back where it was forgotten. With Redsync's default it is on one
// node of three then, and another client gets the lock.
func TestExtendedHoldOverRestartsOfDifferentNodes(t *testing.T) {
	for _, c := range []struct {
		of    library
		keeps bool
	}{{ours()[0], true}, {theirs()[0], false}} {
		t.Run(c.of.name, func(t *testing.T) {
			redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
			nodes := redistest.Start(t, 3)
			name := redistest.Name(t)
			long := settings{expiry: time.Minute}
			held := c.of.start(t, nodes).mutex(name, long)
			require.NoError(t, held.Lock())
			for _, n := range nodes { // what is on its way yet would find the node that comes back
				require.Eventually(t, func() bool { return n.Do(t, "GET", name) != nil }, patience, time.Millisecond)
			}
			for _, n := range nodes[:2] {
				n.Kill(t)
				n.Restart(t)
				if c.keeps { // an extension that is won has it repaired
					require.Eventually(t, func() bool {
						_, _ = held.Extend()
						return n.Do(t, "GET", name) != nil
					}, patience, time.Millisecond)
				}
				for range 2 { // one is won without the repaired node, which votes from then on
					_, _ = held.Extend()
				}
			}
			ok, err := held.Extend()
			assert.Equal(t, c.keeps, ok, "%v", err)
			other := theirs()[0].start(t, nodes).mutex(name, long)
			assert.Equal(t, c.keeps, other.TryLock() != nil)
		})
	}
}
